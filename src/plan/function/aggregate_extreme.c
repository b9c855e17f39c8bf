/* SPDX-License-Identifier: Apache-2.0
 *
 * min, max of every type that compares, and arg_min, arg_max (min_by, max_by).
 *
 * NaN is the largest number; min and max take -0 for smaller than +0, so that the order of rows
 * does not show. Of equal values arg_min and arg_max take the first in source order; rows where
 * either argument is NULL do not count.
 *
 * Update marks what it borrowed from the chunk, and copies it to the heap at its end: one copy per
 * group and chunk, however often a group's extreme changes within it.
 */
#include "plan/function/aggregate_function_int.h"
#include "plan/function/cell_bytes.h"

typedef struct extreme_state {
    int64_t seen;
    int64_t borrowed; /* within update only */
    cni_cell value;
} extreme_state;

typedef struct arg_state {
    int64_t order; /* sequence + 1 of the row; 0 = none */
    int64_t borrowed;
    cni_cell by;
    cni_cell value;
} arg_state;

enum {
    WANT_MIN = -1,
    WANT_MAX = 1
};

static const int8_t want_min = WANT_MIN;
static const int8_t want_max = WANT_MAX;

static int
wanted_order(const cni_function *self)
{
    return *(const int8_t *)self->private_data;
}

/* ---- min, max ---- */

static bool
is_orderable(const cni_type *type)
{
    return type->id != CNI_TYPE_UNION && type->id != CNI_TYPE_MAP &&
           !(type->id == CNI_TYPE_DECIMAL && type->precision > CNI_DECIMAL_MAX_DIGITS);
}

static cn_code
resolve_extreme(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    if (inout_question->n_args != 1 || !is_orderable(inout_question->arg_types[0])) {
        return CN_OK;
    }
    cni_resolve_any(inout_question, 0);
    inout_question->out_type = inout_question->out_arg_types[0];
    inout_question->out_matched = true;
    return cni_aggregate_bind_new(inout_question, NULL, err);
}

static int64_t
extreme_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)self;
    (void)bind_data;
    return (int64_t)sizeof(extreme_state);
}

static cn_code
keep_borrowed(const cni_aggregate_call *call, cni_cell_kind kind, cn_error *err)
{
    cni_counted_rows rows;
    cni_counted_begin(&rows, call, 1);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        extreme_state *state = cni_state_of(call, row);
        if (state->borrowed != 0) {
            state->borrowed = 0;
            CN_TRY(cni_cell_keep(call->heap, call->env.allocator, kind, &state->value, err));
        }
    }
    return CN_OK;
}

static cn_code
compare_values(const cni_aggregate_call *call, cni_cell_kind kind, const cni_cell *a,
               const cni_cell *b, int *out_order, cn_error *err)
{
    CN_TRY(cni_cell_compare(&call->env, kind, a, b, out_order, err));
    if (*out_order == 0 && kind == CNI_CELL_F64) {
        const int64_t left = (int64_t)a->words[0];
        const int64_t right = (int64_t)b->words[0];
        *out_order = (left > right ? 1 : 0) - (left < right ? 1 : 0);
    }
    return CN_OK;
}

static cn_code
extreme_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    cni_counted_rows rows;
    const int wanted = wanted_order(self);
    const cni_cell_reader reader = cni_cell_reader_of(call->args[0]);
    const cni_cell_kind kind = (cni_cell_kind)reader.kind;
    const bool borrows = kind == CNI_CELL_BYTES || kind == CNI_CELL_NESTED;
    cni_counted_begin(&rows, call, 1);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        extreme_state *state = cni_state_of(call, row);
        cni_cell cell;
        int order = wanted;
        cni_cell_read(&reader, row, &cell);
        if (state->seen != 0) {
            CN_TRY(compare_values(call, kind, &cell, &state->value, &order, err));
        }
        if (order * wanted > 0) {
            *state = (extreme_state){1, borrows ? 1 : 0, cell};
        }
    }
    return borrows ? keep_borrowed(call, kind, err) : CN_OK;
}

static cn_code
extreme_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
                int64_t n_states, cn_error *err)
{
    const int wanted = wanted_order(self);
    const cni_aggregate_bind *bind = call->bind_data;
    const cni_cell_kind kind = cni_cell_kind_of(bind->types[0]);
    for (int64_t at = 0; at < n_states; at++) {
        const extreme_state *other = cni_state_from(call, from, at);
        extreme_state *state = cni_state_of(call, at);
        int order = wanted;
        if (other->seen == 0) {
            continue;
        }
        if (state->seen != 0) {
            CN_TRY(compare_values(call, kind, &other->value, &state->value, &order, err));
        }
        if (order * wanted > 0) {
            *state = *other;
        }
    }
    return CN_OK;
}

static cn_code
extreme_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
             cni_vector *out_vector, cn_error *err)
{
    (void)self;
    CN_SCOPED(cni_cell_rows) rows = {0};
    CN_TRY(cni_cell_rows_new(call->env.allocator, n_states, &rows, err));
    for (int64_t at = 0; at < n_states; at++) {
        const extreme_state *state = cni_state_at(call, at);
        if (state->seen != 0) {
            cni_cell_rows_put(&rows, at, &state->value);
        }
    }
    return cni_cell_rows_finish(&rows, call->type, out_vector, err);
}

static int64_t
extreme_result_bytes(const cni_function *self, const cni_aggregate_call *call, int64_t state)
{
    (void)self;
    const extreme_state *read = cni_state_at(call, state);
    return cni_cell_result_bytes(call, &read->value);
}

static cn_code
extreme_save(const cni_function *self, const cni_aggregate_call *call, int64_t state,
             cni_strbuf *out, cn_error *err)
{
    (void)self;
    const cni_aggregate_bind *bind = call->bind_data;
    const extreme_state *saved = cni_state_at(call, state);
    CN_TRY(cni_strbuf_append_char(out, saved->seen != 0 ? 1 : 0, err));
    return saved->seen == 0 ? CN_OK
                            : cni_cell_save(call->env.allocator, cni_cell_kind_of(bind->types[0]),
                                            &saved->value, out, err);
}

static cn_code
extreme_load(const cni_function *self, const cni_aggregate_call *call, int64_t state,
             cni_str *inout_bytes, cn_error *err)
{
    (void)self;
    const cni_aggregate_bind *bind = call->bind_data;
    extreme_state *loaded = cni_state_at(call, state);
    uint8_t seen = 0;
    CN_TRY(cni_bytes_take(inout_bytes, &seen, 1, err));
    loaded->seen = seen;
    return seen == 0 ? CN_OK
                     : cni_cell_load(call->heap, call->env.allocator, bind->types[0], inout_bytes,
                                     &loaded->value, err);
}

/* ---- arg_min, arg_max ---- */

static cn_code
resolve_arg(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    if (inout_question->n_args != 2 || !is_orderable(inout_question->arg_types[1])) {
        return CN_OK;
    }
    cni_resolve_any(inout_question, 0);
    cni_resolve_any(inout_question, 1);
    inout_question->out_type = inout_question->out_arg_types[0];
    inout_question->out_matched = true;
    return cni_aggregate_bind_new(inout_question, NULL, err);
}

static int64_t
arg_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)self;
    (void)bind_data;
    return (int64_t)sizeof(arg_state);
}

/* Whether a row `by` at `order` replaces what the state has. */
static cn_code
is_better(const cni_aggregate_call *call, cni_cell_kind kind, int wanted, const arg_state *state,
          const cni_cell *by, int64_t order, bool *out_better, cn_error *err)
{
    int compared = wanted;
    if (state->order != 0) {
        CN_TRY(cni_cell_compare(&call->env, kind, by, &state->by, &compared, err));
    }
    *out_better = compared * wanted > 0 || (compared == 0 && order < state->order);
    return CN_OK;
}

static cn_code
keep_args(const cni_aggregate_call *call, cni_cell_kind value_kind, cni_cell_kind by_kind,
          cn_error *err)
{
    cni_counted_rows rows;
    cni_counted_begin(&rows, call, 2);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        arg_state *state = cni_state_of(call, row);
        if (state->borrowed != 0) {
            state->borrowed = 0;
            CN_TRY(cni_cell_keep(call->heap, call->env.allocator, value_kind, &state->value, err));
            CN_TRY(cni_cell_keep(call->heap, call->env.allocator, by_kind, &state->by, err));
        }
    }
    return CN_OK;
}

static cn_code
arg_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    cni_counted_rows rows;
    const int wanted = wanted_order(self);
    const cni_cell_reader values = cni_cell_reader_of(call->args[0]);
    const cni_cell_reader bys = cni_cell_reader_of(call->args[1]);
    cni_counted_begin(&rows, call, 2);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        arg_state *state = cni_state_of(call, row);
        cni_cell by;
        bool better = false;
        cni_cell_read(&bys, row, &by);
        CN_TRY(is_better(call, (cni_cell_kind)bys.kind, wanted, state, &by, call->sequence + 1,
                         &better, err));
        if (better) {
            *state = (arg_state){.order = call->sequence + 1, .borrowed = 1, .by = by};
            cni_cell_read(&values, row, &state->value);
        }
    }
    return keep_args(call, (cni_cell_kind)values.kind, (cni_cell_kind)bys.kind, err);
}

static cn_code
arg_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
            int64_t n_states, cn_error *err)
{
    const int wanted = wanted_order(self);
    const cni_aggregate_bind *bind = call->bind_data;
    const cni_cell_kind kind = cni_cell_kind_of(bind->types[1]);
    for (int64_t at = 0; at < n_states; at++) {
        const arg_state *other = cni_state_from(call, from, at);
        arg_state *state = cni_state_of(call, at);
        bool better = false;
        if (other->order != 0) {
            CN_TRY(is_better(call, kind, wanted, state, &other->by, other->order, &better, err));
        }
        if (better) {
            *state = *other;
        }
    }
    return CN_OK;
}

static cn_code
arg_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
         cni_vector *out_vector, cn_error *err)
{
    (void)self;
    CN_SCOPED(cni_cell_rows) rows = {0};
    CN_TRY(cni_cell_rows_new(call->env.allocator, n_states, &rows, err));
    for (int64_t at = 0; at < n_states; at++) {
        const arg_state *state = cni_state_at(call, at);
        if (state->order != 0) {
            cni_cell_rows_put(&rows, at, &state->value);
        }
    }
    return cni_cell_rows_finish(&rows, call->type, out_vector, err);
}

static int64_t
arg_result_bytes(const cni_function *self, const cni_aggregate_call *call, int64_t state)
{
    (void)self;
    const arg_state *read = cni_state_at(call, state);
    return cni_cell_result_bytes(call, &read->value);
}

static cn_code
arg_save(const cni_function *self, const cni_aggregate_call *call, int64_t state, cni_strbuf *out,
         cn_error *err)
{
    (void)self;
    const cni_aggregate_bind *bind = call->bind_data;
    const arg_state *saved = cni_state_at(call, state);
    CN_TRY(cni_bytes_put(out, &saved->order, (int64_t)sizeof(saved->order), err));
    if (saved->order == 0) {
        return CN_OK;
    }
    CN_TRY(
        cni_cell_save(call->env.allocator, cni_cell_kind_of(bind->types[1]), &saved->by, out, err));
    return cni_cell_save(call->env.allocator, cni_cell_kind_of(bind->types[0]), &saved->value, out,
                         err);
}

static cn_code
arg_load(const cni_function *self, const cni_aggregate_call *call, int64_t state,
         cni_str *inout_bytes, cn_error *err)
{
    (void)self;
    const cni_aggregate_bind *bind = call->bind_data;
    arg_state *loaded = cni_state_at(call, state);
    CN_TRY(cni_bytes_take(inout_bytes, &loaded->order, (int64_t)sizeof(loaded->order), err));
    if (loaded->order == 0) {
        return CN_OK;
    }
    CN_TRY(cni_cell_load(call->heap, call->env.allocator, bind->types[1], inout_bytes, &loaded->by,
                         err));
    return cni_cell_load(call->heap, call->env.allocator, bind->types[0], inout_bytes,
                         &loaded->value, err);
}

#define EXTREME_ROW                                                                                \
    .kind = CNI_FUNCTION_AGGREGATE, .ignores_distinct = true, .cost_ns = 2,                        \
    .resolve = resolve_extreme, .state_bytes = extreme_state_bytes, .update = extreme_update,      \
    .combine = extreme_combine, .emit = extreme_emit, .result_bytes = extreme_result_bytes,        \
    .save = extreme_save, .load = extreme_load
#define ARG_ROW                                                                                    \
    .kind = CNI_FUNCTION_AGGREGATE, .order_sensitive = true, .cost_ns = 4, .resolve = resolve_arg, \
    .state_bytes = arg_state_bytes, .update = arg_update, .combine = arg_combine,                  \
    .emit = arg_emit, .result_bytes = arg_result_bytes, .save = arg_save, .load = arg_load

const cni_function cni_aggregate_extremes[CNI_N_AGGREGATE_EXTREMES] = {
    {CNI_ROW("min", "Smallest value.", "min(x)"), EXTREME_ROW, .builtin = CNI_AGGREGATE_MIN,
     .private_data = &want_min},
    {CNI_ROW("max", "Largest value.", "max(x)"), EXTREME_ROW, .builtin = CNI_AGGREGATE_MAX,
     .private_data = &want_max},
    {CNI_ROW("arg_min", "First argument of the row whose second argument is smallest.",
             "arg_min(name, price)"),
     ARG_ROW, .private_data = &want_min},
    {CNI_ROW("arg_max", "First argument of the row whose second argument is largest.",
             "arg_max(name, price)"),
     ARG_ROW, .private_data = &want_max},
    {CNI_ROW("min_by", "First argument of the row whose second argument is smallest.",
             "min_by(name, price)"),
     ARG_ROW, .private_data = &want_min},
    {CNI_ROW("max_by", "First argument of the row whose second argument is largest.",
             "max_by(name, price)"),
     ARG_ROW, .private_data = &want_max},
};
