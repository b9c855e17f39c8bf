/* SPDX-License-Identifier: Apache-2.0
 *
 * A finished aggregation gives its memory back, also while it is read: by whoever asks, when no
 * worker is inside the reading of rows. Behind a client that does not pull workers wait outside;
 * rows that they have given out are copies.
 *
 *   finals in memory   rows -> segments on disk, in their order; then the rows are freed
 *                      a reader loads the segment that it is in (aggregate_result.c)
 *   merged when read   what is still in memory of the workers -> the file, but for partitions that
 *                      somebody is in: texts of a piece stay in the blocks that they came from
 *
 * Rows are freed when they have been written: whatever fails, each is in one place.
 */
#include "exec/operator/aggregate_operator_int.h"

#define ARM_BYTES         (INT64_C(1) << 20) /* less is not worth a reserve */
#define RESERVE_MIN       (INT64_C(128) << 10)
#define RESERVE_BLOCKS    2
#define RESERVE_MOST_PART 8 /* of what the operator holds */
#define REST_PART         4 /* of it, with the reserve: nothing worth it is left */

/* ---- segments of a final ---- */

static void
drop_segments(const cni_agg_operator *self, cni_agg_final *final)
{
    for (int64_t at = 0; at < final->n_segments; at++) {
        cni_agg_blocks_drop(self, &final->segments[at].blocks);
    }
    cni_agg_segments_done(self, final);
}

void
cni_agg_segments_done(const cni_agg_operator *self, cni_agg_final *final)
{
    for (int64_t at = 0; at < final->n_segments; at++) {
        cni_agg_blocks_done(self, &final->segments[at].blocks);
    }
    cni_dealloc(self->allocator, final->segments,
                final->cap_segments * (int64_t)sizeof(*final->segments));
    final->segments = NULL;
    final->n_segments = 0;
    final->cap_segments = 0;
}

cni_agg_segment *
cni_agg_find_segment(const cni_agg_final *final, int64_t row)
{
    int64_t low = 0;
    int64_t high = final->n_segments - 1;
    while (low < high) {
        const int64_t middle = high - (high - low) / 2;
        if (final->segments[middle].first <= row) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return &final->segments[low];
}

/* The last segment is complete, one more begins at `row`. */
static cn_code
begin_segment(cni_agg_spiller *spiller, cni_agg_final *final, int64_t row, bool lone_null,
              cn_error *err)
{
    const int64_t item_bytes = (int64_t)sizeof(*final->segments);
    if (final->n_segments > 0) {
        cni_agg_segment *last = &final->segments[final->n_segments - 1];
        CN_TRY(cni_agg_spill_end_block(spiller, &last->blocks, err));
    }
    if (final->n_segments == final->cap_segments) {
        const int64_t cap = cni_max_i64(4, final->cap_segments * 2);
        CN_TRY(cni_agg_spill_flush(spiller, err)); /* what is pending points at segments */
        CN_TRY(cni_realloc(spiller->op->allocator, &final->segments,
                           final->cap_segments * item_bytes, cap * item_bytes, err));
        final->cap_segments = cap;
    }
    CN_ASSERT(final->segments != NULL);
    final->segments[final->n_segments++] = (cni_agg_segment){.first = row, .lone_null = lone_null};
    return CN_OK;
}

/* Whether row `row` goes to the last segment: about a block of rows of one morsel. A lone NULL has
 * one to itself. */
static bool
goes_on(const cni_agg_spiller *spiller, const cni_agg_final *final, int64_t row, bool lone_null)
{
    const bool has_begun = spiller->bytes.len_bytes > spiller->begun_bytes;
    return has_begun && !lone_null && row % CNI_AGG_MORSEL_ROWS != 0 &&
           !final->segments[final->n_segments - 1].lone_null;
}

/* Rows from `row` on that are behind each other; gives how many. */
static cn_code
write_some(cni_agg_spiller *spiller, cni_agg_final *final, int64_t row, int64_t *out_n,
           cn_error *err)
{
    uint8_t *rows = NULL;
    int64_t null_row = -1;
    const int64_t n_left = CNI_AGG_MORSEL_ROWS - row % CNI_AGG_MORSEL_ROWS;
    const int64_t n_most = cni_min_i64(n_left, INT64_C(1) << spiller->op->layout->page_shift);
    int64_t n = cni_agg_final_rows(spiller->op, final, row, n_most, &rows, &null_row);
    const bool lone_null = null_row == 0;
    if (null_row >= 0 && null_row < n) {
        n = cni_max_i64(null_row, 1);
    }
    n = cni_agg_bounded_rows(spiller->op, rows, n);
    if (!goes_on(spiller, final, row, lone_null)) {
        CN_TRY(begin_segment(spiller, final, row, lone_null, err));
    }
    cni_agg_segment *segment = &final->segments[final->n_segments - 1];
    CN_TRY(cni_agg_spill_rows(spiller, rows, n, &segment->blocks, err));
    segment->n_rows += n;
    *out_n = n;
    return CN_OK;
}

static cn_code
write_rows(cni_agg_spiller *spiller, cni_agg_final *final, cn_error *err)
{
    for (int64_t row = 0; row < final->n_groups;) {
        int64_t n = 0;
        CN_TRY(write_some(spiller, final, row, &n, err));
        row += n;
    }
    CN_TRY(cni_agg_spill_end_block(spiller, &final->segments[final->n_segments - 1].blocks, err));
    return cni_agg_spill_flush(spiller, err);
}

/* Its segments stay, and how many groups there are. */
static void
free_rows(cni_agg_operator *self, cni_agg_final *final)
{
    const cni_agg_final kept = {.n_groups = final->n_groups,
                                .segments = final->segments,
                                .n_segments = final->n_segments,
                                .cap_segments = final->cap_segments};
    final->segments = NULL;
    final->n_segments = 0;
    final->cap_segments = 0;
    cni_agg_final_done(self, final);
    *final = kept;
}

static cn_code
write_final(cni_agg_operator *self, cni_agg_final *final, cn_error *err)
{
    cni_agg_spiller spiller;
    cn_code code = cni_agg_spiller_begin(self, self->layout->block_bytes, &spiller, err);
    code = code == CN_OK ? write_rows(&spiller, final, err) : code;
    cni_agg_spiller_end(&spiller);
    if (code != CN_OK) {
        drop_segments(self, final);
        return code;
    }
    free_rows(self, final);
    return CN_OK;
}

/* What rows of finals have pointed at goes when all of them are on disk. */
static cn_code
reclaim_finals(cni_agg_operator *self, cn_error *err)
{
    for (int32_t at = 0; at < self->n_finals; at++) {
        cni_agg_final *final = &self->finals[at];
        if (final->n_groups > 0 && final->segments == NULL) {
            CN_TRY(write_final(self, final, err));
        }
    }
    for (int32_t at = 0; at < self->n_finals; at++) {
        if (self->finals[at].n_groups == 0) {
            cni_agg_final_done(self, &self->finals[at]);
        }
    }
    cni_agg_release_locals(self);
    for (int32_t at = 0; at < self->n_sets; at++) {
        cni_agg_release_groups(&self->sets[at].op);
    }
    return CN_OK;
}

/* ---- what is merged when it is read ---- */

/* Nobody reads yet: all of it. On failure some rows may be in two places. */
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

static cn_code
spill_copies(cni_agg_spiller *spiller, const cni_agg_pages *pages, cni_agg_blocks *out_blocks,
             cn_error *err)
{
    for (const cni_agg_page *page = pages->first; page != NULL; page = page->next) {
        CN_TRY(cni_agg_spill_rows(spiller, cni_agg_page_row(spiller->op->layout, page, 0),
                                  page->n_rows, out_blocks, err));
    }
    CN_TRY(cni_agg_spill_end_block(spiller, out_blocks, err));
    return cni_agg_spill_flush(spiller, err);
}

static cn_code
append_blocks(const cni_agg_operator *self, cni_agg_blocks *blocks, cni_agg_blocks *inout_more,
              cn_error *err)
{
    const int64_t item_bytes = (int64_t)sizeof(*blocks->blocks);
    const int64_t n = blocks->n_blocks + inout_more->n_blocks;
    if (n > blocks->cap_blocks) {
        CN_TRY(cni_realloc(self->allocator, &blocks->blocks, blocks->cap_blocks * item_bytes,
                           n * item_bytes, err));
        blocks->cap_blocks = n;
    }
    for (int64_t at = 0; at < inout_more->n_blocks; at++) {
        blocks->blocks[blocks->n_blocks++] = inout_more->blocks[at];
    }
    blocks->n_rows += inout_more->n_rows;
    cni_agg_blocks_done(self, inout_more);
    return CN_OK;
}

/* The pages of a partition behind its blocks, all of which are in the file. */
static cn_code
write_pages(cni_agg_spiller *spiller, cni_agg_pages *pages, cni_agg_blocks *blocks, cn_error *err)
{
    cni_agg_blocks written = {0};
    cn_code code = spill_copies(spiller, pages, &written, err);
    code = code == CN_OK ? append_blocks(spiller->op, blocks, &written, err) : code;
    if (code != CN_OK) {
        cni_agg_blocks_drop(spiller->op, &written);
        return code;
    }
    cni_agg_pages_free(spiller->op, pages);
    return CN_OK;
}

/* What nobody is in of a worker's partitions. */
static cn_code
write_partitions(cni_agg_operator *self, cni_agg_local *local, cni_agg_spiller *spiller,
                 cn_error *err)
{
    bool all = local->table.n_groups == 0;
    for (int32_t at = 0; at <= CNI_AGG_PARTITIONS; at++) {
        if (cni_counter_get(&self->n_readers[at]) > 0) {
            all = false;
            continue;
        }
        CN_TRY(cni_agg_blocks_write(spiller, &local->blocks[at], err));
        if (local->pages != NULL && local->pages[at].n_rows > 0) {
            CN_TRY(write_pages(spiller, &local->pages[at], &local->blocks[at], err));
        }
        cni_counter_set_bits(&cni_agg_owner(self)->spilled_partitions,
                             local->blocks[at].n_blocks > 0 ? UINT64_C(1) << (at & 63) : 0);
    }
    return all && self->layout->n_views > 0 ? cni_agg_renew_heap(self, local, err) : CN_OK;
}

static cn_code
write_unread(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    cni_agg_spiller spiller;
    CN_TRY(cni_agg_local_blocks(self, local, err));
    cn_code code = cni_agg_spiller_begin(self, self->layout->block_bytes, &spiller, err);
    code = code == CN_OK ? write_partitions(self, local, &spiller, err) : code;
    cni_agg_spiller_end(&spiller);
    return code;
}

static cn_code
reclaim_unread(cni_agg_operator *self, cn_error *err)
{
    for (int32_t at = -1; at < self->n_sets; at++) {
        cni_agg_operator *op = at < 0 ? self : &self->sets[at].op;
        for (cni_agg_local *local = op->locals; local != NULL; local = local->next) {
            if (local->pages != NULL || local->blocks != NULL) {
                CN_TRY(write_unread(op, local, err));
            }
        }
    }
    return CN_OK;
}

/* ---- when it is asked ---- */

/* What writing takes: a block under way, which may grow, and its frame. */
static int64_t
reserve_wanted(const cni_agg_operator *self, int64_t n_bytes)
{
    const int64_t wanted = RESERVE_MIN + RESERVE_BLOCKS * self->layout->block_bytes;
    return cni_min_i64(wanted, n_bytes / RESERVE_MOST_PART);
}

void
cni_agg_arm(cni_agg_operator *self)
{
    const int64_t n_bytes = cni_budget_current_bytes(self->base.budget);
    if (cni_agg_may_write(self) && n_bytes >= ARM_BYTES) {
        (void)cni_budget_put_by(self->base.budget, reserve_wanted(self, n_bytes));
    }
    cni_read_gate_open(&self->gate);
}

/* All of it: what is left would be in the way soon. */
static bool
write_all(cni_agg_operator *self)
{
    cn_error err = CN_ERROR_INIT;
    if (!self->lazy) {
        return reclaim_finals(self, &err) == CN_OK;
    }
    if (cni_counter_get(&self->n_opened) > 0) {
        return reclaim_unread(self, &err) == CN_OK;
    }
    if (reclaim_locals(self, &err) == CN_OK) {
        return true;
    }
    (void)cni_context_fail(self->base.context, &err); /* better no answer than a wrong one */
    return false;
}

int64_t
cni_agg_reclaim(cni_operator *base, int64_t n_bytes)
{
    cni_agg_operator *self = (cni_agg_operator *)base;
    (void)n_bytes;
    if (!cni_agg_may_write(self)) {
        return 0;
    }
    const cni_gate_answer answer = cni_read_gate_enter_writing(&self->gate);
    if (answer != CNI_GATE_ENTERED) {
        return cni_gate_reclaims(answer);
    }
    const int64_t n_before = cni_budget_current_bytes(base->budget);
    if (write_all(self) && cni_budget_current_bytes(base->budget) < n_before / REST_PART) {
        (void)cni_budget_put_by(base->budget, 0);
    }
    const int64_t n_after = cni_budget_current_bytes(base->budget);
    cni_read_gate_leave_writing(&self->gate);
    return cni_max_i64(n_before - n_after, 0);
}
