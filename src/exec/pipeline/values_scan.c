/* SPDX-License-Identifier: Apache-2.0
 *
 * VALUES as a scan: one morsel, whose expressions are evaluated as it is read. Few rows, so nothing
 * here is shared out or vectorized: each column is put together from constants.
 */
#include "exec/pipeline/pipeline_int.h"

typedef struct values_scan {
    cni_scan base;
    cni_context *context; /* borrowed */
    const cni_plan *plan; /* borrowed */
    cni_atomic_i64 taken;
} values_scan;

typedef struct values_local {
    cni_arena *arena; /* of evaluated values that a chunk is made from */
    int64_t next_row;
} values_local;

static cni_morsel_answer
next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    values_scan *self = (values_scan *)base;
    cni_waker_drop(own_waker);
    if (self->plan->n_rows == 0 || !cni_slot_swap(&self->taken, 0, 1)) {
        return CNI_MORSEL_NONE;
    }
    *out_morsel = 0;
    return CNI_MORSEL_TAKEN;
}

static cn_code
open_local(cni_scan *base, void **out_local, cn_error *err)
{
    const values_scan *self = (const values_scan *)base;
    values_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->context->allocator, (int64_t)sizeof(*local), &local, err));
    *out_local = local;
    return CN_OK;
}

static void
close_local(cni_scan *base, void *opaque)
{
    const values_scan *self = (const values_scan *)base;
    values_local *local = opaque;
    if (local != NULL) {
        cni_arena_unref(local->arena);
        cni_dealloc(self->context->allocator, local, (int64_t)sizeof(*local));
    }
}

static cn_code
evaluate(const values_scan *self, cni_arena *arena, int64_t row, int32_t column,
         cni_vector *out_vector, cn_error *err)
{
    const cni_expr *expr = self->plan->exprs[row * self->plan->n_columns + column];
    cni_value value = {0};
    if (expr->kind == CNI_EXPR_LITERAL) {
        value = *expr->literal;
    } else {
        CN_TRY(cni_expr_evaluate(arena, expr, self->context, &value, err));
    }
    value.type = self->plan->columns[column].type;
    return cni_value_to_vector(self->context->allocator, &value, 1, out_vector, err);
}

/* Rows [first, first + n_rows) of a column from one vector per row. */
static cn_code
join_rows(const values_scan *self, cni_vector *rows, int64_t n_rows, cni_vector *out_vector,
          cn_error *err)
{
    const cni_vector **parts = NULL;
    const int64_t n_bytes = n_rows * (int64_t)sizeof(*parts);
    CN_TRY(cni_alloc(self->context->allocator, n_bytes, (void *)&parts, err));
    for (int64_t row = 0; row < n_rows; row++) {
        parts[row] = &rows[row];
    }
    const cn_code code =
        cni_vector_concat(self->context->allocator, parts, (int32_t)n_rows, out_vector, err);
    cni_dealloc(self->context->allocator, (void *)parts, n_bytes);
    return code;
}

static cn_code
make_column(const values_scan *self, cni_arena *arena, int64_t first, int64_t n_rows,
            int32_t column, cni_vector *out_vector, cn_error *err)
{
    cni_vector *rows = NULL;
    const int64_t n_bytes = n_rows * (int64_t)sizeof(*rows);
    if (n_rows == 1) {
        return evaluate(self, arena, first, column, out_vector, err);
    }
    CN_TRY(cni_alloc_zeroed(self->context->allocator, n_bytes, &rows, err));
    cn_code code = CN_OK;
    for (int64_t row = 0; row < n_rows && code == CN_OK; row++) {
        code = evaluate(self, arena, first + row, column, &rows[row], err);
    }
    if (code == CN_OK) {
        code = join_rows(self, rows, n_rows, out_vector, err);
    }
    for (int64_t row = 0; row < n_rows; row++) {
        cni_vector_done(&rows[row]);
    }
    cni_dealloc(self->context->allocator, rows, n_bytes);
    return code;
}

static cn_code
read_rows(cni_scan *base, void *opaque, int64_t morsel, cni_waker own_waker, cni_chunk *inout_chunk,
          cni_read_answer *out_answer, cn_error *err)
{
    const values_scan *self = (const values_scan *)base;
    values_local *local = opaque;
    (void)morsel;
    cni_waker_drop(own_waker);
    const int64_t n_rows =
        cni_min_i64(self->plan->n_rows - local->next_row, self->context->settings.chunk_rows);
    cni_arena_unref(CN_MOVE(local->arena));
    CN_TRY(cni_arena_new(self->context->allocator, "values", &local->arena, err));
    CN_TRY(cni_chunk_set_columns(inout_chunk, self->plan->n_columns, err));
    for (int32_t column = 0; column < self->plan->n_columns; column++) {
        CN_TRY(make_column(self, local->arena, local->next_row, n_rows, column,
                           &inout_chunk->columns[column], err));
    }
    local->next_row += n_rows;
    inout_chunk->n_rows = n_rows;
    inout_chunk->ends_morsel = local->next_row == self->plan->n_rows;
    *out_answer = CNI_READ_CHUNK;
    return CN_OK;
}

static void
counters(const cni_scan *base, cni_scan_counters *out_counters)
{
    (void)base;
    *out_counters = (cni_scan_counters){0};
}

static void
close_values(cni_scan *base)
{
    values_scan *self = (values_scan *)base;
    cni_dealloc(self->context->allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops values_ops = {
    .next_morsel = next_morsel,
    .open_local = open_local,
    .close_local = close_local,
    .read = read_rows,
    .counters = counters,
    .close = close_values,
};

cn_code
cni_values_scan_new(const cni_plan *plan, cni_context *context, cni_scan **out_scan, cn_error *err)
{
    values_scan *self = NULL;
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*self), &self, err));
    self->base.ops = &values_ops;
    self->base.n_morsels = plan->n_rows == 0 ? 0 : 1;
    self->context = context;
    self->plan = plan;
    *out_scan = &self->base;
    return CN_OK;
}
