/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing groups out when memory is short. Each worker looks at the pressure after a chunk and
 * writes its own state:
 *
 *   table --> pages per partition --> (each key once, when that halves them) --> blocks of frames
 *
 * Blocks of a partition are in the order in which the groups were made, and older than the pages
 * that are still there. Afterwards the local is empty: its heap of strings and states is a new one.
 *
 * When all have combined, either everything is in memory and is at most what the operator may keep
 * (finalize merges it), or partitions are merged one at a time when results are read
 * (aggregate_walk.c); locals are written then until what stays may stay.
 */
#include "data/row/hash.h"
#include "exec/operator/aggregate_operator_int.h"

#define MAX_FRAME_ROWS 256                /* with states that are saved */
#define NESTED_BYTES   1024               /* of a nested value of a key, beside the heap */
#define MIN_GROWTH     (INT64_C(1) << 20) /* of a chunk: less is what the reserve is for */
#define MAX_BYTES      (INT64_C(1) << 40) /* of a block: one row may have a long list */

/* ---- blocks ---- */

void
cni_agg_blocks_done(const cni_agg_operator *self, cni_agg_blocks *blocks)
{
    cni_dealloc(self->allocator, blocks->blocks,
                blocks->cap_blocks * (int64_t)sizeof(*blocks->blocks));
    *blocks = (cni_agg_blocks){0};
}

static cn_code
add_block(const cni_agg_operator *self, cni_agg_blocks *blocks, const cni_agg_block *block,
          cn_error *err)
{
    const int64_t item_bytes = (int64_t)sizeof(*block);
    if (blocks->n_blocks == blocks->cap_blocks) {
        const int64_t cap = cni_max_i64(4, blocks->cap_blocks * 2);
        CN_TRY(cni_realloc(self->allocator, &blocks->blocks, blocks->cap_blocks * item_bytes,
                           cap * item_bytes, err));
        blocks->cap_blocks = cap;
    }
    blocks->blocks[blocks->n_blocks++] = *block;
    return CN_OK;
}

/* ---- the file ---- */

static cni_agg_operator *
owner_of(cni_agg_operator *self)
{
    return self->owner == NULL ? self : self->owner;
}

cni_spill_file *
cni_agg_file(const cni_agg_operator *self)
{
    return self->owner == NULL ? self->file : self->owner->file;
}

static cn_code
open_file(cni_agg_operator *self, cni_spill_file **out_file, cn_error *err)
{
    cni_agg_operator *owner = owner_of(self);
    cn_code code = CN_OK;
    cni_mutex_lock(&owner->mutex);
    if (owner->file == NULL) {
        code = cni_spill_create(self->base.context->spill, "aggregation", &owner->file, err);
    }
    *out_file = owner->file;
    cni_mutex_unlock(&owner->mutex);
    return code;
}

/* ---- writing ---- */

cn_code
cni_agg_spiller_begin(cni_agg_operator *op, int64_t n_bytes, cni_agg_spiller *out_spiller,
                      cn_error *err)
{
    *out_spiller = (cni_agg_spiller){.op = op, .frame_rows = 16};
    cni_strbuf_init(&out_spiller->bytes, op->allocator, MAX_BYTES);
    CN_TRY(cni_agg_bytes_reserve(&out_spiller->bytes, cni_min_i64(n_bytes, op->layout->block_bytes),
                                 err));
    return cni_alloc(op->allocator, (int64_t)sizeof(uint64_t) << op->layout->page_shift,
                     &out_spiller->values, err);
}

void
cni_agg_spiller_end(cni_agg_spiller *self)
{
    cni_strbuf_done(&self->bytes);
    cni_dealloc(self->op->allocator, self->values,
                (int64_t)sizeof(uint64_t) << self->op->layout->page_shift);
}

/* What is in `bytes` becomes a block. */
static cn_code
write_block(cni_agg_spiller *self, cni_agg_blocks *blocks, cn_error *err)
{
    cni_agg_operator *owner = owner_of(self->op);
    cni_agg_block block = {.n_bytes = self->bytes.len_bytes};
    cni_spill_file *file = NULL;
    if (block.n_bytes == 0) {
        return CN_OK;
    }
    CN_TRY(cni_context_check(self->op->base.context, err));
    CN_TRY(open_file(self->op, &file, err));
    block.check = cni_hash_bytes(self->bytes.data, block.n_bytes);
    CN_TRY(cni_spill_append(file, self->bytes.data, block.n_bytes, &block.offset, err));
    CN_TRY(add_block(self->op, blocks, &block, err));
    blocks->n_rows += self->n_rows;
    (void)cni_counter_add(&owner->spilled_rows, self->n_rows);
    (void)cni_counter_add(&owner->spilled_bytes, block.n_bytes);
    self->bytes.len_bytes = 0;
    self->n_rows = 0;
    return CN_OK;
}

/* Of n rows so many that their texts are no more than a block. */
static int64_t
rows_of_frame(const cni_agg_spiller *self, const uint8_t *rows, int64_t n)
{
    const cni_agg_layout *layout = self->op->layout;
    const int64_t n_most = layout->has_saved ? cni_min_i64(n, self->frame_rows) : n;
    int64_t n_bytes = 0;
    for (int64_t row = 0; layout->n_views > 0 && row < n_most; row++) {
        for (int32_t view_at = 0; view_at < layout->n_views; view_at++) {
            cni_view view;
            memcpy(&view, rows + row * layout->row_bytes + layout->view_words[view_at] * 8,
                   sizeof(view));
            n_bytes += view.len_bytes == CNI_AGG_NULL_VIEW ? 0 : view.len_bytes;
        }
        if (n_bytes > layout->block_bytes) {
            return row + 1;
        }
    }
    return n_most;
}

/* How much saved states take is seen when they have been saved. */
static void
adapt_frames(cni_agg_spiller *self, int64_t n_bytes)
{
    const int64_t block_bytes = self->op->layout->block_bytes;
    if (n_bytes > block_bytes / 2) {
        self->frame_rows = cni_max_i64(self->frame_rows / 2, 1);
    } else if (n_bytes < block_bytes / 8) {
        self->frame_rows = cni_min_i64(self->frame_rows * 2, MAX_FRAME_ROWS);
    }
}

static cn_code
write_rows(cni_agg_spiller *self, uint8_t *rows, int64_t n, cni_agg_blocks *blocks, cn_error *err)
{
    const int64_t row_bytes = self->op->layout->row_bytes;
    for (int64_t first = 0; first < n;) {
        uint8_t *frame = rows + first * row_bytes;
        const int64_t n_frame = rows_of_frame(self, frame, n - first);
        const int64_t n_before = self->bytes.len_bytes;
        CN_TRY(cni_agg_frame_encode(self->op, frame, n_frame, self->values, &self->bytes, err));
        adapt_frames(self, self->bytes.len_bytes - n_before);
        self->n_rows += n_frame;
        first += n_frame;
        if (self->bytes.len_bytes >= self->op->layout->block_bytes) {
            CN_TRY(write_block(self, blocks, err));
        }
    }
    return CN_OK;
}

cn_code
cni_agg_spill_pages(cni_agg_spiller *self, cni_agg_pages *pages, cni_agg_blocks *blocks,
                    cn_error *err)
{
    const cni_agg_operator *op = self->op;
    while (pages->first != NULL) {
        cni_agg_page *page = pages->first;
        CN_TRY(write_rows(self, cni_agg_page_row(op->layout, page, 0), page->n_rows, blocks, err));
        pages->first = page->next;
        cni_agg_page_free(op, page);
    }
    *pages = (cni_agg_pages){.first_word = pages->first_word};
    return write_block(self, blocks, err);
}

/* ---- a worker's state ---- */

int64_t
cni_agg_local_bytes(const cni_agg_operator *self, const cni_agg_local *local)
{
    int64_t n_pages = 0;
    for (int32_t at = 0; local->pages != NULL && at <= CNI_AGG_PARTITIONS; at++) {
        n_pages += local->pages[at].n_pages;
    }
    if (local->table.n_groups + n_pages == 0) {
        return 0;
    }
    const int64_t rows = local->table.n_groups + (n_pages << self->layout->page_shift);
    const bool in_heap = self->layout->n_views > 0 || self->layout->has_saved;
    const int64_t n_nested = __builtin_popcountll(self->layout->nested_views);
    return rows * (self->layout->row_bytes + n_nested * NESTED_BYTES) +
           (in_heap ? cni_arena_size_bytes(local->table.heap) : 0);
}

/* Whether the pages are mostly repetitions of keys; if so each key is there once. One partition
 * tells. Without room for that nothing changes. */
static bool
reduce_pages(cni_agg_operator *self, cni_agg_local *local)
{
    int32_t at = 0;
    while (at < CNI_AGG_PARTITIONS && local->pages[at].n_rows < CNI_AGG_BATCH_ROWS) {
        at++;
    }
    if (at == CNI_AGG_PARTITIONS) {
        return false;
    }
    for (const int32_t first = at; at < CNI_AGG_PARTITIONS; at++) {
        const int64_t n_rows = local->pages[at].n_rows;
        if (cni_agg_unite_pages(self, local->table.heap, &local->pages[at], NULL) != CN_OK ||
            (at == first && local->pages[at].n_rows * 2 > n_rows)) {
            return false;
        }
    }
    (void)cni_counter_add(&self->n_reductions, 1);
    return true;
}

static cn_code
renew_heap(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    cni_arena *heap = NULL;
    CN_TRY(cni_arena_new(self->allocator, "groups", &heap, err));
    cni_arena_unref(local->table.heap);
    local->table.heap = heap;
    return CN_OK;
}

static cn_code
write_local(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    cni_agg_spiller spiller;
    uint64_t partitions = 0;
    if (local->spilled == NULL) {
        CN_TRY(cni_alloc_zeroed(self->allocator,
                                (CNI_AGG_PARTITIONS + 1) * (int64_t)sizeof(*local->spilled),
                                &local->spilled, err));
    }
    cn_code code = cni_agg_spiller_begin(self, cni_agg_local_bytes(self, local), &spiller, err);
    for (int32_t at = 0; at <= CNI_AGG_PARTITIONS && code == CN_OK; at++) {
        partitions |= local->pages[at].n_rows > 0 ? UINT64_C(1) << (at & 63) : 0;
        code = cni_agg_spill_pages(&spiller, &local->pages[at], &local->spilled[at], err);
    }
    cni_agg_spiller_end(&spiller);
    CN_TRY(code);
    (void)cni_counter_add(&owner_of(self)->n_spills, 1);
    cni_counter_set_bits(&owner_of(self)->spilled_partitions, partitions);
    return self->layout->n_views > 0 || self->layout->has_saved ? renew_heap(self, local, err)
                                                                : CN_OK;
}

/* The table's groups go to the pages; those by position are found by their keys from now on. */
static cn_code
flush_table(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    if (local->strategy == CNI_AGG_DIRECT) {
        cni_agg_direct_done(self, local);
        local->strategy = CNI_AGG_HASH;
    }
    local->rows_looked = 0;
    return cni_agg_flush(self, local, err);
}

cn_code
cni_agg_spill(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    CN_TRY(flush_table(self, local, err));
    return write_local(self, local, err);
}

/* Also when the next chunks of all workers would not fit if they were like the last one. */
static bool
is_short(const cni_agg_operator *self, cni_agg_local *local, int64_t n_bytes)
{
    const cni_context *context = self->base.context;
    const int64_t n_grown = n_bytes - local->n_bytes;
    local->n_bytes = n_bytes;
    if (cni_memory_should_spill(self->base.budget, context, n_bytes)) {
        return true;
    }
    return n_grown > MIN_GROWTH &&
           cni_memory_left(self->base.budget, context) < n_grown * context->settings.n_threads;
}

cn_code
cni_agg_relieve(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    const cni_context *context = self->base.context;
    if (context->spill == NULL || self->layout->n_keys == 0 || self->layout->unsaved != NULL) {
        return CN_OK;
    }
    const int64_t n_before = cni_agg_local_bytes(self, local);
    if (!is_short(self, local, n_before)) {
        return CN_OK;
    }
    local->n_bytes = 0;
    CN_TRY(flush_table(self, local, err));
    const bool reduced = !context->settings.test_spill && reduce_pages(self, local);
    if (reduced && cni_agg_local_bytes(self, local) * 2 <= n_before) {
        return CN_OK;
    }
    return write_local(self, local, err);
}

/* ---- when all have combined ---- */

static bool
has_spilled_itself(const cni_agg_operator *self)
{
    for (const cni_agg_local *local = self->locals; local != NULL; local = local->next) {
        if (local->spilled != NULL) {
            return true;
        }
    }
    return false;
}

bool
cni_agg_has_spilled(const cni_agg_operator *self)
{
    bool spilled = has_spilled_itself(self);
    for (int32_t at = 0; at < self->n_sets; at++) {
        spilled = spilled || has_spilled_itself(&self->sets[at].op);
    }
    return spilled;
}

static bool
holds_too_much(const cni_agg_operator *self)
{
    const int64_t n_bytes = cni_budget_current_bytes(self->base.budget);
    return n_bytes > cni_memory_may_keep(self->base.budget, self->base.context, n_bytes);
}

void
cni_agg_settle(cni_agg_operator *self)
{
    if (!self->settled) {
        const bool may = self->layout->n_keys > 0 && self->base.context->spill != NULL &&
                         self->layout->unsaved == NULL;
        self->lazy = may && (cni_agg_has_spilled(self) || holds_too_much(self));
        self->settled = true;
    }
}

static int32_t
count_locals(const cni_agg_operator *self)
{
    int32_t n = 0;
    for (const cni_agg_local *local = self->locals; local != NULL; local = local->next) {
        n++;
    }
    return n;
}

int32_t
cni_agg_settle_tasks(const cni_agg_operator *self)
{
    int32_t n = count_locals(self);
    for (int32_t at = 0; at < self->n_sets; at++) {
        n += count_locals(&self->sets[at].op);
    }
    return n == 0 ? 1 : n;
}

/* Write the local unless it may stay. States that their functions save are always written: merging
 * would change them, and results may be read twice. */
static cn_code
settle_local(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    if (cni_agg_local_bytes(self, local) == 0) {
        return CN_OK;
    }
    if (self->layout->has_saved || holds_too_much(owner_of(self))) {
        return cni_agg_spill(self, local, err);
    }
    if (local->table.n_groups > CNI_AGG_SMALL_GROUPS) { /* readers look through small ones */
        CN_TRY(flush_table(self, local, err));
        cni_agg_table_trim(&local->table);
    }
    return CN_OK;
}

cn_code
cni_agg_settle_task(cni_agg_operator *self, int32_t task, cn_error *err)
{
    for (int32_t at = -1; at < self->n_sets; at++) {
        cni_agg_operator *op = at < 0 ? self : &self->sets[at].op;
        for (cni_agg_local *local = op->locals; local != NULL; local = local->next) {
            if (task-- == 0) {
                return settle_local(op, local, err);
            }
        }
    }
    return CN_OK;
}

/* ---- finished, and nobody reads yet ---- */

/* Rows [first, first + n) of a final's table. */
static cn_code
write_table_rows(cni_agg_spiller *spiller, const cni_agg_table *table, int64_t first, int64_t n,
                 cni_agg_blocks *blocks, cn_error *err)
{
    const int64_t page_rows = INT64_C(1) << table->layout->page_shift;
    for (int64_t at = 0; at < n; at += page_rows) {
        CN_TRY(write_rows(spiller, cni_agg_row(table, first + at), cni_min_i64(page_rows, n - at),
                          blocks, err));
    }
    return write_block(spiller, blocks, err);
}

/* A final's rows into partition `task`, a lone NULL into the last one. */
static cn_code
write_final(cni_agg_spiller *spiller, const cni_agg_final *final, int32_t task,
            cni_agg_blocks *spilled, cn_error *err)
{
    const cni_agg_table *table = &final->table;
    if (table->layout != NULL) {
        const int64_t null_group = table->null_group;
        const int64_t n_first = null_group < 0 ? final->n_groups : null_group;
        CN_TRY(write_table_rows(spiller, table, 0, n_first, &spilled[task], err));
        if (null_group < 0) {
            return CN_OK;
        }
        CN_TRY(write_table_rows(spiller, table, null_group, 1, &spilled[CNI_AGG_PARTITIONS], err));
        return write_table_rows(spiller, table, null_group + 1, final->n_groups - null_group - 1,
                                &spilled[task], err);
    }
    for (int64_t at = 0; at < final->n_pages && final->pages[at] != NULL; at++) {
        const cni_agg_page *page = final->pages[at];
        CN_TRY(write_rows(spiller, cni_agg_page_row(spiller->op->layout, page, 0), page->n_rows,
                          &spilled[task], err));
    }
    return write_block(spiller, &spilled[task], err);
}

static cn_code
write_finals(cni_agg_operator *self, cni_agg_local *into, cn_error *err)
{
    cni_agg_spiller spiller;
    CN_TRY(cni_alloc_zeroed(self->allocator,
                            (CNI_AGG_PARTITIONS + 1) * (int64_t)sizeof(*into->spilled),
                            &into->spilled, err));
    cn_code code = cni_agg_spiller_begin(self, self->layout->block_bytes, &spiller, err);
    for (int32_t task = 0; task < self->n_finals && code == CN_OK; task++) {
        code = write_final(&spiller, &self->finals[task], task, into->spilled, err);
    }
    cni_agg_spiller_end(&spiller);
    return code;
}

/* What finalize has made becomes blocks of one local, which alone stays. */
static cn_code
reclaim_finals(cni_agg_operator *self, cn_error *err)
{
    cni_agg_local *into = NULL;
    CN_TRY(cni_alloc_zeroed(self->allocator, (int64_t)sizeof(*into), &into, err));
    const cn_code code = write_finals(self, into, err);
    if (code != CN_OK) {
        cni_agg_local_free(self, into);
        return code;
    }
    cni_agg_release_groups(self);
    for (int32_t at = 0; at < self->n_sets; at++) {
        cni_agg_release_groups(&self->sets[at].op);
    }
    into->combined = true;
    self->locals = into;
    self->last_local = into;
    self->lazy = true;
    return CN_OK;
}

static cn_code
reclaim_locals(cni_agg_operator *self, cn_error *err)
{
    for (int32_t at = -1; at < self->n_sets; at++) {
        cni_agg_operator *op = at < 0 ? self : &self->sets[at].op;
        for (cni_agg_local *local = op->locals; local != NULL; local = local->next) {
            if (cni_agg_local_bytes(op, local) > 0) {
                CN_TRY(cni_agg_spill(op, local, err));
            }
            cni_agg_table_trim(&local->table);
        }
    }
    return CN_OK;
}

int64_t
cni_agg_reclaim(cni_operator *base, int64_t n_bytes)
{
    cni_agg_operator *self = (cni_agg_operator *)base;
    const int64_t n_before = cni_budget_current_bytes(base->budget);
    (void)n_bytes; /* all of it: what is left would be in the way soon */
    if (!self->settled || self->layout->n_keys == 0 || base->context->spill == NULL ||
        self->layout->unsaved != NULL) {
        return 0;
    }
    if ((self->lazy ? reclaim_locals(self, NULL) : reclaim_finals(self, NULL)) != CN_OK) {
        return 0;
    }
    return cni_max_i64(n_before - cni_budget_current_bytes(base->budget), 0);
}
