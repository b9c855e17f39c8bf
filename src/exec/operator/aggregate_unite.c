/* SPDX-License-Identifier: Apache-2.0
 *
 * Uniting the pages of a partition, in place: rows that are the first of their key move forward
 * into the gaps that others left; the others are merged into the first.
 *
 *   pages of worker 0, of worker 1, ...     read in order
 *   | a b c | d a e |  | b f . |    ->      | a b c | d e f |  the rest is given back
 *
 * Slots hold numbers of rows that have been placed (page << page_shift | row) + 1. Nothing is
 * copied that need not move, and no memory is touched but the slots.
 */
#include "exec/operator/aggregate_operator_int.h"

#define BATCH_ROWS 256

/* A partition under way. */
typedef struct unite {
    cni_agg_operator *op;
    const cni_agg_layout *layout;
    cni_agg_final *final;
    uint32_t *slots;
    uint64_t mask;
    int64_t n_placed;
} unite;

static inline uint8_t *
placed_row(const unite *self, int64_t number)
{
    const int32_t shift = self->layout->page_shift;
    return cni_agg_page_row(self->layout, self->final->pages[number >> shift],
                            number & ((INT64_C(1) << shift) - 1));
}

static cn_code
combine_row(const unite *self, uint8_t *into, const uint8_t *row, cn_error *err)
{
    const uint32_t group = 0;
    return cni_agg_combine_states(self->op, self->final->heap, into, &group, row, 1, err);
}

static void
place(unite *self, const uint8_t *row)
{
    uint8_t *to = placed_row(self, self->n_placed);
    if (to != row) {
        cni_agg_copy_row(self->layout, to, row);
    }
    self->n_placed++;
}

static cn_code
unite_row(unite *self, const uint8_t *row, uint64_t hash, cn_error *err)
{
    for (uint64_t slot = hash & self->mask;; slot = (slot + 1) & self->mask) {
        const uint32_t found = self->slots[slot];
        if (found == 0) {
            self->slots[slot] = (uint32_t)self->n_placed + 1;
            place(self, row);
            return CN_OK;
        }
        uint8_t *placed = placed_row(self, (int64_t)found - 1);
        if (cni_agg_equal_keys(self->layout, placed, row)) {
            return combine_row(self, placed, row, err);
        }
    }
}

/* Rows of one page, at most BATCH_ROWS. */
static cn_code
unite_batch(unite *self, const uint8_t *rows, int64_t n, cn_error *err)
{
    uint64_t hashes[BATCH_ROWS];
    const int64_t row_bytes = self->layout->row_bytes;
    cni_agg_hash_keys(self->layout, rows, row_bytes, n, hashes);
    for (int64_t at = 0; at < n; at++) {
        __builtin_prefetch(&self->slots[hashes[at] & self->mask], 1);
    }
    for (int64_t at = 0; at < n; at++) {
        const uint32_t found = self->slots[hashes[at] & self->mask];
        __builtin_prefetch(placed_row(self, found == 0 ? 0 : (int64_t)found - 1), 1);
    }
    for (int64_t at = 0; at < n; at++) {
        CN_TRY(unite_row(self, rows + at * row_bytes, hashes[at], err));
    }
    return CN_OK;
}

static cn_code
unite_page(unite *self, const cni_agg_page *page, cn_error *err)
{
    CN_TRY(cni_context_check(self->op->base.context, err));
    for (int64_t first = 0; first < page->n_rows; first += BATCH_ROWS) {
        const int64_t n = cni_min_i64(BATCH_ROWS, page->n_rows - first);
        CN_TRY(unite_batch(self, cni_agg_page_row(self->layout, page, first), n, err));
    }
    return CN_OK;
}

/* All rows are the same group. */
static cn_code
unite_nulls(unite *self, const cni_agg_page *page, cn_error *err)
{
    for (int64_t at = 0; at < page->n_rows; at++) {
        const uint8_t *row = cni_agg_page_row(self->layout, page, at);
        if (self->n_placed == 0) {
            place(self, row);
        } else {
            CN_TRY(combine_row(self, placed_row(self, 0), row, err));
        }
    }
    return CN_OK;
}

/* Pages have the number of rows that were placed in them; empty ones go. */
static void
trim_pages(const unite *self)
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

static cn_code
unite_pages(unite *self, cn_error *err)
{
    int64_t n_slots = 1024;
    while (n_slots < self->final->n_groups * 2) {
        n_slots *= 2;
    }
    if (self->final->n_groups >= INT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "more than %d rows in one partition of groups",
                       (int)INT32_MAX);
    }
    const int64_t n_bytes = n_slots * (int64_t)sizeof(*self->slots);
    CN_TRY(cni_alloc_zeroed(self->op->allocator, n_bytes, &self->slots, err));
    self->mask = (uint64_t)n_slots - 1;
    cn_code code = CN_OK;
    for (int64_t at = 0; at < self->final->n_pages && code == CN_OK; at++) {
        const cni_agg_page *page = self->final->pages[at];
        code = self->final->lone_null ? unite_nulls(self, page, err) : unite_page(self, page, err);
    }
    cni_dealloc(self->op->allocator, self->slots, n_bytes);
    if (code == CN_OK) {
        trim_pages(self);
    }
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
    unite united = {.op = self, .layout = self->layout, .final = final};
    CN_TRY(cni_arena_new(self->allocator, "groups", &final->heap, err));
    CN_TRY(collect_pages(self, task, final, err));
    final->lone_null = task == CNI_AGG_PARTITIONS && self->layout->prefix_null_bit < 0;
    return final->n_pages == 0 ? CN_OK : unite_pages(&united, err);
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
    cni_agg_table_done(&final->table);
    cni_arena_unref(final->heap);
    *final = (cni_agg_final){0};
}
