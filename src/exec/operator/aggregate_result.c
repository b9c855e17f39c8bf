/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of a finished aggregation as a source: a morsel is a range of groups of one final, or,
 * when something was written out before it was finished, a partition, which is merged when it is
 * read.
 *
 * Finals may go to disk between two reads (aggregate_reclaim.c): whoever reads a row of one loads
 * its segment and gives rows from there on. Chunks share nothing with either.
 */
#include "exec/operator/aggregate_sorted_int.h"

typedef struct result_scan {
    cni_scan base;
    cni_agg_operator *operator_; /* borrowed */
    cni_atomic_i64 next;         /* counter */
    cni_atomic_i64 rows;         /* counter */
    bool counts;                 /* the operator's groups, when they are merged */
} result_scan;

typedef struct result_local {
    int64_t morsel; /* under way; -1 = none */
    int64_t row;    /* within the final, or the piece of a partition */
    int64_t end;
    const cni_agg_final *whole; /* of the operator */
    const cni_agg_final *final; /* with the rows: that one, or the walk's */
    int64_t first;              /* row of the whole at which `final` begins */
    int32_t partition;          /* that the walk is in; -1 = none */
    cni_agg_walk walk;
} result_local;

static cni_morsel_answer
next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    result_scan *self = (result_scan *)base;
    cni_waker_drop(own_waker);
    const int64_t morsel = cni_counter_add(&self->next, 1);
    if (morsel >= base->n_morsels) {
        return CNI_MORSEL_NONE;
    }
    *out_morsel = morsel;
    return CNI_MORSEL_TAKEN;
}

static cn_code
open_local(cni_scan *base, void **out_local, cn_error *err)
{
    result_scan *self = (result_scan *)base;
    result_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->operator_->base.context->allocator, (int64_t)sizeof(*local),
                            &local, err));
    local->morsel = -1;
    local->partition = -1;
    *out_local = local;
    return CN_OK;
}

/* Its texts may be in blocks of the partition. */
static void
leave_walk(result_scan *self, result_local *local)
{
    cni_agg_walk_end(&local->walk);
    if (local->partition >= 0) {
        (void)cni_counter_add(&self->operator_->n_readers[local->partition], -1);
        local->partition = -1;
    }
}

static void
close_local(cni_scan *base, void *local)
{
    result_scan *self = (result_scan *)base;
    result_local *closed = local;
    if (closed != NULL) {
        leave_walk(self, closed);
    }
    cni_dealloc(self->operator_->base.context->allocator, closed, (int64_t)sizeof(*closed));
}

static int64_t
morsels_of(const cni_agg_final *final)
{
    return (final->n_groups + CNI_AGG_MORSEL_ROWS - 1) / CNI_AGG_MORSEL_ROWS;
}

static void
find_morsel(result_scan *self, int64_t morsel, result_local *local)
{
    int64_t first = morsel;
    const cni_agg_final *final = self->operator_->finals;
    while (first >= morsels_of(final)) {
        first -= morsels_of(final);
        final++;
    }
    leave_walk(self, local);
    local->morsel = morsel;
    local->whole = final;
    local->row = first * CNI_AGG_MORSEL_ROWS;
    local->end = cni_min_i64(local->row + CNI_AGG_MORSEL_ROWS, final->n_groups);
}

int64_t
cni_agg_final_rows(const cni_agg_operator *self, const cni_agg_final *final, int64_t row, int64_t n,
                   uint8_t **out_rows, int64_t *out_null_row)
{
    const int64_t n_left = cni_min_i64(n, final->n_groups - row);
    if (final->table.layout != NULL) {
        *out_rows = cni_agg_row(&final->table, row);
        *out_null_row = final->table.null_group < 0 ? -1 : final->table.null_group - row;
        return n_left;
    }
    const int32_t shift = self->layout->page_shift;
    const int64_t in_page = row & ((INT64_C(1) << shift) - 1);
    *out_rows = cni_agg_page_row(self->layout, final->pages[row >> shift], in_page);
    *out_null_row = final->lone_null ? 0 : -1;
    return cni_min_i64(n_left, (INT64_C(1) << shift) - in_page);
}

/* Result of call `call` for the n rows from local->row on. */
static cn_code
emit_call(cni_agg_operator *self, const result_local *local, int32_t call, uint8_t *rows, int64_t n,
          cni_vector *out_vector, cn_error *err)
{
    const cni_agg_call *emitted = &self->layout->calls[call];
    if (emitted->has_lists && local->walk.sorted != NULL) {
        const int64_t first = local->row - local->first;
        return cni_agg_named(
            emitted, cni_agg_sorted_emit(local->walk.sorted, call, first, n, out_vector, err), err);
    }
    return cni_agg_emit(self, call, rows, n, out_vector, err);
}

static cn_code
fill_chunk(cni_agg_operator *self, const result_local *local, uint8_t *rows, int64_t n,
           int64_t null_row, cni_chunk *chunk, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    CN_TRY(cni_chunk_set_columns(chunk, layout->n_keys + layout->n_calls, err));
    for (int32_t key = 0; key < layout->n_keys; key++) {
        CN_TRY(cni_agg_unpack_key(layout, key, rows, n, self->base.context->allocator, null_row,
                                  &chunk->columns[key], err));
    }
    for (int32_t call = 0; call < layout->n_calls; call++) {
        CN_TRY(emit_call(self, local, call, rows, n, &chunk->columns[layout->n_keys + call], err));
    }
    chunk->n_rows = n;
    return CN_OK;
}

/* The next rows of local->final. */
static cn_code
read_rows(result_scan *self, result_local *local, cni_chunk *inout_chunk, cn_error *err)
{
    cni_agg_operator *op = self->operator_;
    uint8_t *rows = NULL;
    int64_t null_row = -1;
    const int64_t first = local->row - local->first;
    const int64_t wanted =
        cni_min_i64(op->base.context->settings.chunk_rows, local->end - local->row);
    const int64_t n_wanted = cni_agg_final_rows(op, local->final, first, wanted, &rows, &null_row);
    const int64_t n = local->walk.sorted == NULL
                          ? cni_agg_bounded_rows(op, rows, n_wanted)
                          : cni_agg_sorted_bounded_rows(local->walk.sorted, first, n_wanted);
    CN_TRY(cni_context_check(op->base.context, err));
    CN_TRY(fill_chunk(op, local, rows, n, null_row, inout_chunk, err));
    local->row += n;
    inout_chunk->sequence = local->morsel;
    inout_chunk->ends_morsel = false;
    (void)cni_counter_add(&self->rows, n);
    return CN_OK;
}

/* ---- partitions that are merged when they are read ---- */

static cn_code
next_piece(result_scan *self, result_local *local, bool *out_done, cn_error *err)
{
    CN_TRY(cni_agg_walk_next(&local->walk, out_done, err));
    local->final = &local->walk.final;
    local->row = 0;
    local->end = *out_done ? 0 : local->walk.final.n_groups;
    if (self->counts) {
        (void)cni_counter_add(&self->operator_->n_groups, local->end);
    }
    return CN_OK;
}

static cn_code
begin_partition(result_scan *self, result_local *local, int64_t morsel, bool *out_done,
                cn_error *err)
{
    leave_walk(self, local);
    local->morsel = morsel;
    const bool has_keys = self->operator_->layout->n_keys > 0;
    const cni_agg_source source = {.partition = has_keys ? (int32_t)morsel : CNI_AGG_PARTITIONS};
    local->partition = source.partition;
    (void)cni_counter_add(&self->operator_->n_readers[source.partition], 1);
    cni_agg_walk_begin(&local->walk, self->operator_, source, 0);
    return next_piece(self, local, out_done, err);
}

static cn_code
read_piece(result_scan *self, result_local *local, int64_t morsel, cni_chunk *inout_chunk,
           cni_read_answer *out_answer, cn_error *err)
{
    bool done = false;
    if (local->morsel != morsel) {
        CN_TRY(begin_partition(self, local, morsel, &done, err));
    } else if (local->row == local->end) {
        CN_TRY(next_piece(self, local, &done, err));
    }
    if (done) {
        leave_walk(self, local);
        local->morsel = -1;
        *out_answer = CNI_READ_END;
        return CN_OK;
    }
    *out_answer = CNI_READ_CHUNK;
    return read_rows(self, local, inout_chunk, err);
}

/* ---- finals ---- */

static cn_code
load_segment(result_scan *self, result_local *local, cni_agg_segment *segment, cn_error *err)
{
    bool done = false;
    leave_walk(self, local);
    cni_agg_walk_begin(&local->walk, self->operator_, (cni_agg_source){.blocks = &segment->blocks},
                       0);
    local->walk.whole = true;
    CN_TRY(cni_agg_walk_next(&local->walk, &done, err));
    if (done || local->walk.final.n_groups != segment->n_rows) {
        return CN_FAIL(err, CN_INTERNAL, "groups that were written out have not come back");
    }
    local->walk.final.lone_null = segment->lone_null;
    local->first = segment->first;
    return CN_OK;
}

/* The rows from local->row on, wherever they are now. */
static cn_code
find_rows(result_scan *self, result_local *local, cn_error *err)
{
    if (local->whole->segments == NULL) {
        local->final = local->whole;
        local->first = 0;
        return CN_OK;
    }
    cni_agg_segment *segment = cni_agg_find_segment(local->whole, local->row);
    if (local->walk.op == NULL || local->first != segment->first) {
        CN_TRY(load_segment(self, local, segment, err));
    }
    local->final = &local->walk.final;
    return CN_OK;
}

static cn_code
read_final(result_scan *self, result_local *local, int64_t morsel, cni_chunk *inout_chunk,
           cn_error *err)
{
    if (local->morsel != morsel) {
        find_morsel(self, morsel, local);
    }
    CN_TRY(find_rows(self, local, err));
    CN_TRY(read_rows(self, local, inout_chunk, err));
    inout_chunk->ends_morsel = local->row == local->end;
    if (inout_chunk->ends_morsel) {
        leave_walk(self, local);
        local->morsel = -1;
    }
    return CN_OK;
}

static cn_code
read_groups(cni_scan *base, void *opaque, int64_t morsel, cni_waker own_waker,
            cni_chunk *inout_chunk, cni_read_answer *out_answer, cn_error *err)
{
    result_scan *self = (result_scan *)base;
    cni_read_gate *gate = &self->operator_->gate;
    cni_read_visit visit;
    cni_waker_drop(own_waker);
    *out_answer = CNI_READ_CHUNK;
    cni_read_gate_enter_reading(gate, &visit);
    const cn_code code = self->operator_->lazy
                             ? read_piece(self, opaque, morsel, inout_chunk, out_answer, err)
                             : read_final(self, opaque, morsel, inout_chunk, err);
    cni_read_gate_leave_reading(gate, &visit);
    return code;
}

static void
scan_counters(const cni_scan *base, cni_scan_counters *out_counters)
{
    const result_scan *self = (const result_scan *)base;
    *out_counters = (cni_scan_counters){.rows_scanned = cni_counter_get(&self->rows)};
}

static double
scan_progress(const cni_scan *base)
{
    const result_scan *self = (const result_scan *)base;
    const int64_t taken = cni_min_i64(cni_counter_get(&self->next), base->n_morsels);
    return base->n_morsels == 0 ? 1.0 : (double)taken / (double)base->n_morsels;
}

static void
close_scan(cni_scan *base)
{
    result_scan *self = (result_scan *)base;
    cni_dealloc(self->operator_->base.context->allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops result_scan_ops = {
    .next_morsel = next_morsel,
    .open_local = open_local,
    .close_local = close_local,
    .read = read_groups,
    .counters = scan_counters,
    .progress = scan_progress,
    .close = close_scan,
};

cn_code
cni_agg_open_source(cni_operator *base, cni_scan **out_scan, cn_error *err)
{
    cni_agg_operator *self = (cni_agg_operator *)base;
    result_scan *scan = NULL;
    cni_read_visit visit;
    CN_TRY(cni_alloc_zeroed(base->context->allocator, (int64_t)sizeof(*scan), &scan, err));
    scan->base.ops = &result_scan_ops;
    scan->operator_ = self;
    cni_read_gate_enter_reading(&self->gate, &visit);
    (void)cni_counter_add(&self->n_opened, 1);
    scan->counts = self->lazy && cni_counter_get(&self->n_groups) == 0;
    if (self->lazy) {
        scan->base.n_morsels = self->layout->n_keys > 0 ? CNI_AGG_PARTITIONS + 1 : 1;
    }
    for (int32_t final = 0; !self->lazy && final < self->n_finals; final++) {
        scan->base.n_morsels += morsels_of(&self->finals[final]);
    }
    cni_read_gate_leave_reading(&self->gate, &visit);
    *out_scan = &scan->base;
    return CN_OK;
}
