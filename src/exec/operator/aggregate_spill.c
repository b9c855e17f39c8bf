/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing groups out when memory is short. Each worker looks at the pressure after a chunk and
 * writes its own state:
 *
 *   table --> pages per partition --> (each key once, when that halves them) --> blocks of frames
 *   blocks in memory --> the file, partition after partition, until half of the state has gone
 *
 * What is written is older than what is still there. A worker whose pages are not packed writes all
 * of them. Its heap of strings and states is a new one afterwards.
 *
 * When all have combined, either everything is in pages and is at most what the operator may keep
 * (finalize merges it), or partitions are merged one at a time when results are read
 * (aggregate_walk.c); locals are written then until what stays may stay.
 */
#include "exec/operator/aggregate_operator_int.h"

#define NESTED_BYTES 1024               /* of a nested value of a key, beside the heap */
#define MIN_GROWTH   (INT64_C(1) << 20) /* of a chunk: less is what the reserve is for */
#define HEAP_BLOCK   (INT64_C(1) << 20) /* by which heaps of states grow */
#define STATE_PART   64                 /* of the limit and a worker: less is not worth writing */

/* ---- a worker's state ---- */

static int64_t
block_bytes_of(const cni_agg_local *local)
{
    int64_t n_bytes = 0;
    for (int32_t at = 0; local->blocks != NULL && at <= CNI_AGG_PARTITIONS; at++) {
        n_bytes += local->blocks[at].held_bytes;
    }
    return n_bytes;
}

int64_t
cni_agg_local_bytes(const cni_agg_operator *self, const cni_agg_local *local)
{
    const int64_t n_packed = block_bytes_of(local);
    int64_t n_pages = 0;
    for (int32_t at = 0; local->pages != NULL && at <= CNI_AGG_PARTITIONS; at++) {
        n_pages += local->pages[at].n_rows > 0 ? local->pages[at].n_pages : 0;
    }
    if (local->table.n_groups + n_pages == 0) {
        return n_packed;
    }
    const int64_t rows = local->table.n_groups + (n_pages << self->layout->page_shift);
    const bool in_heap = self->layout->n_views > 0 || self->layout->has_saved;
    const int64_t n_nested = __builtin_popcountll(self->layout->nested_views);
    return n_packed + rows * (self->layout->row_bytes + n_nested * NESTED_BYTES) +
           (in_heap ? cni_arena_size_bytes(local->table.heap) : 0);
}

static cn_code
write_pages(cni_agg_operator *self, cni_agg_local *local, uint64_t *out_partitions, cn_error *err)
{
    cni_agg_spiller *spiller = NULL;
    CN_TRY(cni_agg_local_spiller(self, local, false, &spiller, err));
    for (int32_t at = 0; at <= CNI_AGG_PARTITIONS; at++) {
        *out_partitions |= local->pages[at].n_rows > 0 ? UINT64_C(1) << (at & 63) : 0;
        CN_TRY(cni_agg_spill_pages(spiller, &local->pages[at], &local->blocks[at], err));
    }
    CN_TRY(cni_agg_spill_flush(spiller, err));
    return self->layout->n_views > 0 || self->layout->has_saved
               ? cni_agg_renew_heap(self, local, err)
               : CN_OK;
}

/* Whether so much of the local has gone that the rest may stay. */
typedef bool (*is_enough_fn)(cni_agg_operator *self, const cni_agg_local *local, int64_t most);

/* Blocks in memory, partition after partition: no two parts of a partition change places. */
static cn_code
write_blocks(cni_agg_operator *self, cni_agg_local *local, is_enough_fn is_enough, int64_t most,
             uint64_t *out_partitions, cn_error *err)
{
    cni_agg_spiller *spiller = NULL;
    CN_TRY(cni_agg_local_spiller(self, local, false, &spiller, err));
    for (int32_t n = 0; n <= CNI_AGG_PARTITIONS && !is_enough(self, local, most); n++) {
        const int32_t at = local->next_written;
        *out_partitions |= local->blocks[at].held_bytes > 0 ? UINT64_C(1) << (at & 63) : 0;
        CN_TRY(cni_agg_blocks_write(spiller, &local->blocks[at], err));
        local->next_written = at == CNI_AGG_PARTITIONS ? 0 : at + 1;
    }
    return CN_OK;
}

/* What is in pages goes where the blocks in front of it are. */
static cn_code
write_local(cni_agg_operator *self, cni_agg_local *local, is_enough_fn is_enough, int64_t most,
            cn_error *err)
{
    uint64_t partitions = 0;
    const bool packs = block_bytes_of(local) > 0;
    CN_TRY(cni_agg_local_blocks(self, local, err));
    CN_TRY(packs ? cni_agg_pack_all(self, local, err) : write_pages(self, local, &partitions, err));
    CN_TRY(write_blocks(self, local, is_enough, most, &partitions, err));
    cni_counter_set_bits(&cni_agg_owner(self)->spilled_partitions, partitions);
    if (!local->packs) {
        cni_agg_spiller_end(&local->spiller);
    }
    return CN_OK;
}

static bool
is_below(cni_agg_operator *self, const cni_agg_local *local, int64_t most)
{
    (void)self;
    return block_bytes_of(local) <= most;
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
    CN_TRY(cni_agg_flush(self, local, err));
    if (self->layout->n_keys == 0) { /* rows go to the one group there is */
        CN_TRY(cni_agg_table_reserve(&local->table, 1, false, err));
        (void)cni_agg_table_null_group(&local->table);
    }
    return CN_OK;
}

bool
cni_agg_may_write(const cni_agg_operator *self)
{
    const cni_agg_layout *layout = self->layout;
    return self->base.context->spill != NULL && (layout->n_keys > 0 || layout->has_lists);
}

cn_code
cni_agg_spill(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    CN_TRY(flush_table(self, local, err));
    CN_TRY(write_local(self, local, is_below, 0, err));
    cni_agg_spiller_end(&local->spiller);
    return CN_OK;
}

/* What the heaps of all workers take next, and the pages that their tables are flushed to, is as
 * much as a small limit's reserve. */
static bool
leaves_little(const cni_agg_operator *self, int64_t n_bytes)
{
    const cni_agg_layout *layout = self->layout;
    const cni_context *context = self->base.context;
    const int64_t n_threads = context->settings.n_threads;
    const int64_t n_pages = ((int64_t)CNI_AGG_PARTITIONS << layout->page_shift) * layout->row_bytes;
    return layout->has_saved &&
           n_bytes >= cni_memory_limit(self->base.budget) / STATE_PART / n_threads &&
           cni_memory_left(self->base.budget, context) < n_threads * (HEAP_BLOCK + n_pages);
}

/* Also when the next chunks of all workers would not fit if they were like the last one. */
static bool
is_short(const cni_agg_operator *self, cni_agg_local *local, int64_t n_bytes)
{
    const cni_context *context = self->base.context;
    const int64_t n_grown = n_bytes - local->n_bytes;
    local->n_bytes = n_bytes;
    if (cni_memory_should_spill(self->base.budget, context, n_bytes) ||
        leaves_little(self, n_bytes)) {
        return true;
    }
    return n_grown > MIN_GROWTH &&
           cni_memory_left(self->base.budget, context) < n_grown * context->settings.n_threads;
}

cn_code
cni_agg_relieve(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    const cni_context *context = self->base.context;
    if (!cni_agg_may_write(self)) {
        return CN_OK;
    }
    const int64_t n_before = cni_agg_local_bytes(self, local);
    if (!is_short(self, local, n_before)) {
        return CN_OK;
    }
    local->n_bytes = 0;
    CN_TRY(flush_table(self, local, err));
    if (context->settings.test_spill) {
        return write_local(self, local, is_below, 0, err);
    }
    const bool reduced = cni_agg_reduce_pages(self, local) || cni_agg_reduce_blocks(self, local);
    if (reduced && cni_agg_local_bytes(self, local) * 2 <= n_before) {
        return CN_OK;
    }
    return write_local(self, local, is_below, n_before / 2, err);
}

/* ---- when all have combined ---- */

static bool
has_blocks_itself(const cni_agg_operator *self)
{
    for (const cni_agg_local *local = self->locals; local != NULL; local = local->next) {
        if (local->blocks != NULL) {
            return true;
        }
    }
    return false;
}

bool
cni_agg_has_blocks(const cni_agg_operator *self)
{
    bool found = has_blocks_itself(self);
    for (int32_t at = 0; at < self->n_sets; at++) {
        found = found || has_blocks_itself(&self->sets[at].op);
    }
    return found;
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
        const bool has_keys = self->layout->n_keys > 0;
        const bool may = has_keys || cni_agg_may_write(self);
        const bool has_blocks = has_keys ? cni_agg_has_blocks(self) : has_blocks_itself(self);
        self->lazy = may && (has_blocks || holds_too_much(self));
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

static bool
may_stay(cni_agg_operator *self, const cni_agg_local *local, int64_t most)
{
    (void)local;
    (void)most;
    return !holds_too_much(cni_agg_owner(self));
}

/* Write of the local what may not stay. States that their functions save are always written:
 * merging would change them, and results may be read twice. */
static cn_code
settle_local(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    if (cni_agg_local_bytes(self, local) == 0) {
        return CN_OK;
    }
    if (self->layout->has_saved && self->base.context->spill == NULL) { /* a set has blocks */
        CN_TRY(flush_table(self, local, err));
        return cni_agg_pack_all(self, local, err);
    }
    if (self->layout->has_saved) {
        return cni_agg_spill(self, local, err);
    }
    if (holds_too_much(cni_agg_owner(self))) {
        CN_TRY(flush_table(self, local, err));
        cni_agg_table_trim(&local->table);
        CN_TRY(write_local(self, local, may_stay, 0, err));
        cni_agg_spiller_end(&local->spiller);
        return CN_OK;
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
