/* SPDX-License-Identifier: Apache-2.0
 *
 * States of groups: updated by the calls' functions from the rows of a chunk, merged, and finished
 * into vectors. Arguments are flattened once per chunk, whichever calls share them.
 */
#include "exec/operator/aggregate_operator_int.h"

#define MAX_RESULT_BYTES (INT64_C(1) << 20) /* of the texts and lists of a chunk, about */
#define MIN_RESULT_BYTES (INT64_C(1) << 15)
#define RESULT_PART      64 /* of the limit and a worker */

static cni_op_env
env_of(const cni_agg_operator *self, int64_t n_rows, const uint64_t *live)
{
    return (cni_op_env){self->base.context->allocator, self->kernels, live, n_rows};
}

cni_aggregate_call
cni_agg_call_of(const cni_agg_operator *self, const cni_agg_call *call, uint8_t *rows,
                cni_arena *heap)
{
    return (cni_aggregate_call){
        .env = env_of(self, 0, NULL),
        .context = self->base.context,
        .bind_data = call->spec->bind_data,
        .type = call->spec->type,
        .n_args = call->spec->n_args,
        .states = rows + call->state_offset,
        .stride_bytes = self->layout->row_bytes,
        .heap = heap,
    };
}

cn_code
cni_agg_named(const cni_agg_call *call, cn_code code, cn_error *err)
{
    if (code == CN_BUDGET_EXCEEDED) {
        const cni_str name = call->spec->function->name;
        cni_error_context(err, "aggregate %.*s: what it holds of a group must fit in memory",
                          (int)name.len_bytes, name.data);
    }
    return code;
}

cn_code
cni_agg_local_flat(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
                   int32_t position, const cni_vector **out_vector, cn_error *err)
{
    cni_vector *flat = &local->flat[position];
    const cni_vector *column = &chunk->columns[position];
    if (column->encoding == CNI_FLAT || column->encoding == CNI_CONSTANT) {
        *out_vector = column;
        return CN_OK;
    }
    if (flat->type == NULL) {
        CN_TRY(cni_vector_flatten(self->base.context->allocator, column, flat, err));
    }
    *out_vector = flat;
    return CN_OK;
}

cn_code
cni_agg_local_flat_unless(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
                          int32_t position, cni_encoding unless, const cni_vector **out_vector,
                          cn_error *err)
{
    if (chunk->columns[position].encoding == unless) {
        *out_vector = &chunk->columns[position];
        return CN_OK;
    }
    return cni_agg_local_flat(self, local, chunk, position, out_vector, err);
}

static cn_code
update_call(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
            const cni_agg_call *call, const uint32_t *groups, cn_error *err)
{
    const cni_vector *args[CNI_AGG_MAX_ARGS];
    const int32_t n_args = call->spec->n_args;
    for (int32_t arg = 0; arg < n_args; arg++) {
        CN_TRY(cni_agg_local_flat(self, local, chunk, call->spec->args[arg], &args[arg], err));
    }
    bool counts_all = false;
    const int32_t not_null = call->spec->ignore_nulls && n_args > 0 ? call->spec->args[0] : -1;
    CN_TRY(cni_agg_counted_rows(self, local, chunk, not_null, call->spec->filter, local->live,
                                &counts_all, err));
    if (call->op == CNI_AGG_ORDERED) {
        return cni_agg_ordered_update(self, local, chunk, call, counts_all ? NULL : local->live,
                                      groups, err);
    }
    cni_aggregate_call made = cni_agg_call_of(self, call, local->table.rows, local->table.heap);
    made.env = env_of(self, chunk->n_rows, counts_all ? NULL : local->live);
    made.args = args;
    made.group = groups;
    if (groups == NULL) {
        made.states += (int64_t)local->one_group * self->layout->row_bytes;
    }
    made.sequence = self->spec->needs_order ? chunk->sequence : 0;
    const cni_function *function = call->spec->function;
    return function->update(function, &made, err);
}

cn_code
cni_agg_update(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
               const uint32_t *groups, cn_error *err)
{
    CN_TRY(cni_agg_accumulate(self, local, chunk, groups, err));
    for (int32_t call = 0; self->layout->n_functions > 0 && call < self->layout->n_calls; call++) {
        const uint8_t op = self->layout->calls[call].op;
        if (op == CNI_AGG_FUNCTION || op == CNI_AGG_ORDERED) {
            const cni_agg_call *made = &self->layout->calls[call];
            CN_TRY(cni_agg_named(made, update_call(self, local, chunk, made, groups, err), err));
        }
    }
    return CN_OK;
}

static cn_code
combine_ordered(const cni_agg_layout *layout, const cni_agg_call *call, cni_arena *heap,
                uint8_t *into, const uint32_t *groups, const uint8_t *rows, int64_t n,
                cn_error *err)
{
    for (int64_t at = 0; at < n; at++) {
        uint8_t *group = into + (int64_t)groups[at] * layout->row_bytes;
        const uint8_t *row = rows + at * layout->row_bytes;
        CN_TRY(cni_agg_ordered_merge(call, heap, group + call->state_offset,
                                     row + call->state_offset, err));
    }
    return CN_OK;
}

cn_code
cni_agg_combine_states(cni_agg_operator *self, cni_arena *heap, uint8_t *into,
                       const uint32_t *groups, const uint8_t *rows, int64_t n, cn_error *err)
{
    cni_agg_combine_lanes(self->layout, into, groups, rows, n);
    for (int32_t at = 0; self->layout->n_functions > 0 && at < self->layout->n_calls; at++) {
        const cni_agg_call *call = &self->layout->calls[at];
        if (call->op == CNI_AGG_ORDERED) {
            CN_TRY(cni_agg_named(
                call, combine_ordered(self->layout, call, heap, into, groups, rows, n, err), err));
        } else if (!cni_agg_is_lanes(call)) {
            const cni_function *function = call->spec->function;
            cni_aggregate_call made = cni_agg_call_of(self, call, into, heap);
            made.env.n_rows = n;
            made.group = groups;
            const cn_code code =
                function->combine(function, &made, rows + call->state_offset, n, err);
            CN_TRY(cni_agg_named(call, code, err));
        }
    }
    return CN_OK;
}

cn_code
cni_agg_emit(cni_agg_operator *self, int32_t call, uint8_t *rows, int64_t n, cni_vector *out_vector,
             cn_error *err)
{
    const cni_agg_call *emitted = &self->layout->calls[call];
    const cni_function *function = emitted->spec->function;
    if (cni_agg_is_lanes(emitted)) {
        return cni_agg_emit_lanes(self->layout, emitted, rows, n, self->base.context->allocator,
                                  out_vector, err);
    }
    if (emitted->op == CNI_AGG_ORDERED) {
        return cni_agg_named(emitted, cni_agg_ordered_emit(self, emitted, rows, n, out_vector, err),
                             err);
    }
    cni_aggregate_call made = cni_agg_call_of(self, emitted, rows, NULL);
    made.env.n_rows = n;
    return cni_agg_named(emitted, function->emit(function, &made, n, out_vector, err), err);
}

/* ---- sizes of results ---- */

/* Of a chunk: what makes and holds it takes several times as much. */
static int64_t
most_result_bytes(const cni_agg_operator *self)
{
    const int64_t share =
        cni_memory_limit(self->base.budget) / RESULT_PART / self->base.context->settings.n_threads;
    return cni_max_i64(cni_min_i64(share, MAX_RESULT_BYTES), MIN_RESULT_BYTES);
}

static int64_t
view_bytes(const cni_agg_layout *layout, const uint8_t *row)
{
    int64_t n_bytes = 0;
    for (int32_t at = 0; at < layout->n_views; at++) {
        cni_view view;
        memcpy(&view, row + layout->view_words[at] * 8, sizeof(view));
        n_bytes += view.len_bytes == CNI_AGG_NULL_VIEW ? 0 : view.len_bytes;
    }
    return n_bytes;
}

static int64_t
call_result_bytes(const cni_agg_operator *self, const cni_agg_call *call, uint8_t *row)
{
    const cni_function *function = call->spec->function;
    if (call->op == CNI_AGG_ORDERED) {
        return cni_agg_ordered_bytes(row + call->state_offset);
    }
    if (cni_agg_is_lanes(call) || function->result_bytes == NULL) {
        return 0;
    }
    const cni_aggregate_call made = cni_agg_call_of(self, call, row, NULL);
    return function->result_bytes(function, &made, 0);
}

int64_t
cni_agg_bounded_rows(const cni_agg_operator *self, uint8_t *rows, int64_t n)
{
    const cni_agg_layout *layout = self->layout;
    int64_t n_bytes = 0;
    if (!layout->has_saved && layout->n_views == 0) {
        return n;
    }
    const int64_t most = most_result_bytes(self);
    for (int64_t at = 0; at < n; at++) {
        uint8_t *row = rows + at * layout->row_bytes;
        n_bytes += view_bytes(layout, row);
        for (int32_t call = 0; layout->has_saved && call < layout->n_calls; call++) {
            n_bytes += call_result_bytes(self, &layout->calls[call], row);
        }
        if (n_bytes > most) {
            return cni_max_i64(at, 1);
        }
    }
    return n;
}
