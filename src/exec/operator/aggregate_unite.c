/* SPDX-License-Identifier: Apache-2.0
 *
 * Uniting the pages of a partition, in place: rows that are the first of their key move forward
 * into the gaps that others left; the others are merged into the first.
 *
 *   pages of worker 0, of worker 1, ...     read in order
 *   | a b c | d a e |  | b f . |    ->      | a b c | d e f |  the rest is given back
 *
 * Slots hold numbers of rows that have been placed (page << page_shift | row). Nothing is
 * copied that need not move, and no memory is touched but the slots. Rows from elsewhere (blocks of
 * a file) are united the same way into new pages.
 */
#include "exec/operator/aggregate_operator_int.h"

#define BATCH_ROWS 256
#define MIN_SLOTS  1024
#define TAG_SHIFT  26 /* bits below address slots, those at the top choose partitions */

static inline uint8_t *
placed_row(const cni_agg_uniting *self, int64_t number)
{
    const int32_t shift = self->layout->page_shift;
    return cni_agg_page_row(self->layout, self->final->pages[number >> shift],
                            number & ((INT64_C(1) << shift) - 1));
}

/* ---- slots ----
 *
 *   | tag: as many bits of the hash as there is room for | number of the row + 1, below n_slots |
 *
 * Rows of other keys are told apart by the tag, mostly without a look at them. */

static inline uint32_t
tag_of(const cni_agg_uniting *self, uint64_t hash)
{
    return (uint32_t)((hash >> TAG_SHIFT) << self->number_bits);
}

static inline bool
same_tag(const cni_agg_uniting *self, uint32_t slot, uint32_t tag)
{
    return (uint64_t)(slot ^ tag) >> self->number_bits == 0;
}

/* Number + 1 of the row in a slot; 0 = empty. */
static inline int64_t
number_in(const cni_agg_uniting *self, uint32_t slot)
{
    return (int64_t)(slot & (uint64_t)(self->n_slots - 1));
}

static void
fill_slots(cni_agg_uniting *self)
{
    uint64_t hashes[BATCH_ROWS];
    const uint64_t mask = (uint64_t)self->n_slots - 1;
    const int64_t page_rows = INT64_C(1) << self->layout->page_shift;
    for (int64_t first = 0; first < self->n_placed;) {
        const int64_t in_page = cni_min_i64(page_rows - first % page_rows, self->n_placed - first);
        const int64_t n = cni_min_i64(BATCH_ROWS, in_page);
        cni_agg_hash_keys(self->layout, placed_row(self, first), self->layout->row_bytes, n,
                          hashes);
        for (int64_t at = 0; at < n; at++) {
            uint64_t slot = hashes[at] & mask;
            while (self->slots[slot] != 0) {
                slot = (slot + 1) & mask;
            }
            self->slots[slot] = tag_of(self, hashes[at]) | (uint32_t)(first + at + 1);
        }
        first += n;
    }
}

cn_code
cni_agg_uniting_reserve(cni_agg_uniting *self, int64_t n, cn_error *err)
{
    const int64_t n_rows = self->n_placed + n;
    int64_t n_slots = MIN_SLOTS;
    if (n_rows * 2 <= self->n_slots) {
        return CN_OK;
    }
    if (n_rows >= INT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "more than %d rows in one partition of groups",
                       (int)INT32_MAX);
    }
    while (n_slots < n_rows * 2) {
        n_slots *= 2;
    }
    uint32_t *slots = NULL;
    CN_TRY(cni_alloc_zeroed(self->op->allocator, n_slots * (int64_t)sizeof(*slots), &slots, err));
    cni_dealloc(self->op->allocator, self->slots, self->n_slots * (int64_t)sizeof(*slots));
    self->slots = slots;
    self->n_slots = n_slots;
    self->number_bits = __builtin_ctzll((uint64_t)n_slots);
    fill_slots(self);
    return CN_OK;
}

/* ---- rows ---- */

static cn_code
combine_row(const cni_agg_uniting *self, uint8_t *into, const uint8_t *row, cn_error *err)
{
    const uint32_t group = 0;
    return cni_agg_combine_states(self->op, self->final->heap, into, &group, row, 1, err);
}

/* One page more behind those that are full. */
static cn_code
add_page(const cni_agg_uniting *self, cn_error *err)
{
    cni_agg_final *final = self->final;
    if (final->n_pages == final->cap_pages) {
        const int64_t item_bytes = (int64_t)sizeof(*final->pages);
        const int64_t cap = cni_max_i64(16, final->cap_pages * 2);
        CN_TRY(cni_realloc(self->op->allocator, (void *)&final->pages,
                           final->cap_pages * item_bytes, cap * item_bytes, err));
        final->cap_pages = cap;
    }
    if (self->spare != NULL && *self->spare != NULL) {
        cni_agg_page *page = *self->spare;
        *self->spare = page->next;
        page->next = NULL;
        page->n_rows = 0;
        final->pages[final->n_pages++] = page;
        return CN_OK;
    }
    CN_TRY(cni_agg_page_new(self->op, 0, &final->pages[final->n_pages], err));
    final->n_pages++;
    return CN_OK;
}

static cn_code
place(cni_agg_uniting *self, const uint8_t *row, cn_error *err)
{
    if (CN_UNLIKELY(self->n_placed >> self->layout->page_shift == self->final->n_pages)) {
        CN_TRY(add_page(self, err));
    }
    uint8_t *to = placed_row(self, self->n_placed);
    if (to != row) {
        cni_agg_copy_row(self->layout, to, row);
    }
    self->n_placed++;
    return self->adopt || self->layout->n_views == 0
               ? CN_OK
               : cni_agg_own_views(self->layout, to, self->final->heap, self->op->allocator, err);
}

static inline void
give_number(cni_agg_uniting *self, int64_t number)
{
    if (self->numbers != NULL) {
        *self->numbers++ = (uint32_t)number;
    }
}

static cn_code
unite_row(cni_agg_uniting *self, const uint8_t *row, uint64_t hash, cn_error *err)
{
    const uint64_t mask = (uint64_t)self->n_slots - 1;
    const uint32_t tag = tag_of(self, hash);
    for (uint64_t slot = hash & mask;; slot = (slot + 1) & mask) {
        const uint32_t found = self->slots[slot];
        if (found == 0) {
            self->slots[slot] = tag | (uint32_t)(self->n_placed + 1);
            give_number(self, self->n_placed);
            return place(self, row, err);
        }
        if (!same_tag(self, found, tag)) {
            continue;
        }
        uint8_t *placed = placed_row(self, number_in(self, found) - 1);
        if (cni_agg_equal_keys(self->layout, placed, row)) {
            give_number(self, number_in(self, found) - 1);
            return combine_row(self, placed, row, err);
        }
    }
}

/* At most BATCH_ROWS rows. */
static cn_code
unite_batch(cni_agg_uniting *self, const uint8_t *rows, int64_t n, cn_error *err)
{
    uint64_t hashes[BATCH_ROWS];
    const int64_t row_bytes = self->layout->row_bytes;
    const uint64_t mask = (uint64_t)self->n_slots - 1;
    CN_ASSERT(self->slots != NULL);
    cni_agg_hash_keys(self->layout, rows, row_bytes, n, hashes);
    for (int64_t at = 0; at < n; at++) {
        __builtin_prefetch(&self->slots[hashes[at] & mask], 1);
    }
    for (int64_t at = 0; at < n; at++) {
        const uint32_t found = self->slots[hashes[at] & mask];
        if (found != 0 && same_tag(self, found, tag_of(self, hashes[at]))) {
            __builtin_prefetch(placed_row(self, number_in(self, found) - 1), 1);
        }
    }
    for (int64_t at = 0; at < n; at++) {
        CN_TRY(unite_row(self, rows + at * row_bytes, hashes[at], err));
    }
    return CN_OK;
}

cn_code
cni_agg_uniting_add(cni_agg_uniting *self, const uint8_t *rows, int64_t n, cn_error *err)
{
    for (int64_t first = 0; first < n; first += BATCH_ROWS) {
        CN_TRY(unite_batch(self, rows + first * self->layout->row_bytes,
                           cni_min_i64(BATCH_ROWS, n - first), err));
    }
    return CN_OK;
}

/* Pages have the number of rows that were placed in them; empty ones go. */
static void
trim_pages(const cni_agg_uniting *self)
{
    cni_agg_final *final = self->final;
    const int64_t page_rows = INT64_C(1) << self->layout->page_shift;
    int64_t n_left = self->n_placed;
    for (int64_t at = 0; at < final->n_pages; at++) {
        cni_agg_page *page = final->pages[at];
        page->n_rows = cni_min_i64(page_rows, n_left);
        n_left -= page->n_rows;
        if (page->n_rows == 0) {
            cni_agg_page_free(self->op, page);
            final->pages[at] = NULL;
        }
    }
    final->n_groups = self->n_placed;
}

void
cni_agg_uniting_end(cni_agg_uniting *self)
{
    cni_dealloc(self->op->allocator, self->slots, self->n_slots * (int64_t)sizeof(*self->slots));
    self->slots = NULL;
    self->n_slots = 0;
    trim_pages(self);
}

/* All pages of self->final, in place. On failure too they hold nothing but rows that live. */
static cn_code
unite_in_place(cni_agg_uniting *self, cn_error *err)
{
    cni_agg_final *final = self->final;
    cn_code code = cni_agg_uniting_reserve(self, final->n_groups, err);
    for (int64_t at = 0; at < final->n_pages && code == CN_OK; at++) {
        const cni_agg_page *page = final->pages[at];
        code = cni_context_check(self->op->base.context, err);
        if (code == CN_OK) {
            code = cni_agg_uniting_add(self, cni_agg_page_row(self->layout, page, 0), page->n_rows,
                                       err);
        }
    }
    cni_agg_uniting_end(self);
    return code;
}

/* ---- the pages of a partition ---- */

/* The rows of a table that stayed small, as pages of the partition. */
static cn_code
copy_share(cni_agg_operator *self, const cni_agg_table *table, int32_t task, cni_agg_pages *pages,
           cn_error *err)
{
    uint8_t partitions[CNI_AGG_BATCH_PARTITIONS];
    for (int64_t first = 0; first < table->n_groups; first += CNI_AGG_BATCH_PARTITIONS) {
        const int64_t n = cni_min_i64(CNI_AGG_BATCH_PARTITIONS, table->n_groups - first);
        const uint8_t *rows = cni_agg_row(table, first);
        cni_agg_partitions(self->layout, rows, n, table->null_group - first, partitions);
        for (int64_t at = 0; at < n; at++) {
            if (partitions[at] == task) {
                CN_TRY(cni_agg_pages_append(self, pages, rows + at * self->layout->row_bytes, err));
            }
        }
    }
    return CN_OK;
}

static cn_code
copy_shares(cni_agg_operator *self, int32_t task, cn_error *err)
{
    for (cni_agg_local *local = self->locals; local != NULL; local = local->next) {
        if (local->table.n_groups > 0) {
            CN_TRY(copy_share(self, &local->table, task, &self->finals[task].shares, err));
        }
    }
    return CN_OK;
}

static void
take_pages(cni_agg_pages *pages, cni_agg_final *final)
{
    for (cni_agg_page *page = pages->first; page != NULL; page = page->next) {
        final->pages[final->n_pages++] = page;
    }
    final->n_groups += pages->n_rows; /* at most */
    *pages = (cni_agg_pages){0};
}

/* All pages of the partition into final->pages, which owns them. */
static cn_code
collect_pages(cni_agg_operator *self, int32_t task, cni_agg_final *final, cn_error *err)
{
    CN_TRY(copy_shares(self, task, err));
    int64_t n_pages = final->shares.n_pages;
    for (const cni_agg_local *local = self->locals; local != NULL; local = local->next) {
        n_pages += local->pages == NULL ? 0 : local->pages[task].n_pages;
    }
    CN_TRY(cni_alloc_zeroed(self->allocator, n_pages * (int64_t)sizeof(*final->pages),
                            (void *)&final->pages, err));
    final->cap_pages = n_pages;
    for (cni_agg_local *local = self->locals; local != NULL; local = local->next) {
        if (local->pages != NULL) {
            take_pages(&local->pages[task], final);
        }
    }
    take_pages(&final->shares, final);
    return CN_OK;
}

cn_code
cni_agg_unite(cni_agg_operator *self, int32_t task, cni_agg_final *final, cn_error *err)
{
    cni_agg_uniting uniting = {.op = self, .layout = self->layout, .final = final, .adopt = true};
    CN_TRY(cni_arena_new(self->allocator, "groups", &final->heap, err));
    CN_TRY(collect_pages(self, task, final, err));
    final->lone_null = task == CNI_AGG_PARTITIONS && self->layout->prefix_null_bit < 0;
    return final->n_pages == 0 ? CN_OK : unite_in_place(&uniting, err);
}

cn_code
cni_agg_unite_pages(cni_agg_operator *self, cni_arena *heap, cni_agg_pages *inout_pages,
                    cn_error *err)
{
    cni_agg_final final = {.heap = heap};
    cni_agg_uniting uniting = {.op = self, .layout = self->layout, .final = &final, .adopt = true};
    const int64_t n_pages = inout_pages->n_pages;
    const int64_t first_word = inout_pages->first_word;
    if (n_pages == 0) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_zeroed(self->allocator, n_pages * (int64_t)sizeof(*final.pages),
                            (void *)&final.pages, err));
    final.cap_pages = n_pages;
    take_pages(inout_pages, &final);
    const cn_code code = unite_in_place(&uniting, err);
    inout_pages->first_word = first_word;
    for (int64_t at = 0; at < n_pages && final.pages[at] != NULL; at++) {
        cni_agg_pages_add(inout_pages, final.pages[at]);
    }
    cni_dealloc(self->allocator, (void *) final.pages, n_pages * (int64_t)sizeof(*final.pages));
    return code;
}

void
cni_agg_final_done(cni_agg_operator *self, cni_agg_final *final)
{
    for (int64_t at = 0; at < final->n_pages; at++) {
        if (final->pages[at] != NULL) {
            cni_agg_page_free(self, final->pages[at]);
        }
    }
    cni_dealloc(self->allocator, (void *) final->pages,
                final->cap_pages * (int64_t)sizeof(*final->pages));
    cni_agg_pages_free(self, &final->shares);
    cni_agg_segments_done(self, final);
    cni_agg_table_done(&final->table);
    cni_arena_unref(final->heap);
    *final = (cni_agg_final){0};
}
