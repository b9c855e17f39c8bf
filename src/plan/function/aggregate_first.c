/* SPDX-License-Identifier: Apache-2.0
 *
 * first, last (which may be NULL) and any_value (the first that is not), in source order.
 *
 * A worker meets the rows of a morsel in order, and a morsel has one worker: the sequence number of
 * the morsel is all that states need to remember to find the first of several.
 */
#include "plan/function/aggregate_function_int.h"
#include "plan/function/cell_bytes.h"

typedef struct first_state {
    int64_t order; /* sequence + 1 of the morsel; 0 = none */
    int32_t valid;
    int32_t borrowed; /* within update only */
    cni_cell value;
} first_state;

typedef struct first_rule {
    bool last;
    bool skips_nulls;
} first_rule;

static const first_rule rule_first = {false, false};
static const first_rule rule_last = {true, false};
static const first_rule rule_any = {false, true};

static cn_code
resolve_first(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    if (inout_question->n_args != 1) {
        return CN_OK;
    }
    cni_resolve_any(inout_question, 0);
    inout_question->out_type = inout_question->out_arg_types[0];
    inout_question->out_matched = true;
    return cni_aggregate_bind_new(inout_question, NULL, err);
}

static int64_t
first_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)self;
    (void)bind_data;
    return (int64_t)sizeof(first_state);
}

static bool
replaces(const first_rule *rule, const first_state *state, int64_t order)
{
    return state->order == 0 || (rule->last ? order >= state->order : order < state->order);
}

static cn_code
keep_first(const cni_aggregate_call *call, const first_rule *rule, cni_cell_kind kind,
           cn_error *err)
{
    cni_counted_rows rows;
    cni_counted_begin(&rows, call, rule->skips_nulls ? 1 : 0);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        first_state *state = cni_state_of(call, row);
        if (state->borrowed != 0) {
            state->borrowed = 0;
            CN_TRY(cni_cell_keep(call->heap, call->env.allocator, kind, &state->value, err));
        }
    }
    return CN_OK;
}

static cn_code
first_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    cni_counted_rows rows;
    const first_rule *rule = self->private_data;
    const cni_cell_reader reader = cni_cell_reader_of(call->args[0]);
    const int64_t order = call->sequence + 1;
    bool any = false;
    cni_counted_begin(&rows, call, rule->skips_nulls ? 1 : 0);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        first_state *state = cni_state_of(call, row);
        if (!replaces(rule, state, order)) {
            continue;
        }
        const bool valid = cni_cell_is_valid(&reader, row);
        *state = (first_state){.order = order, .valid = valid ? 1 : 0, .borrowed = valid ? 1 : 0};
        if (valid) {
            cni_cell_read(&reader, row, &state->value);
            any = true;
        }
    }
    return any ? keep_first(call, rule, (cni_cell_kind)reader.kind, err) : CN_OK;
}

static cn_code
first_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
              int64_t n_states, cn_error *err)
{
    (void)err;
    const first_rule *rule = self->private_data;
    for (int64_t at = 0; at < n_states; at++) {
        const first_state *other = cni_state_from(call, from, at);
        first_state *state = cni_state_of(call, at);
        if (other->order != 0 && replaces(rule, state, other->order)) {
            *state = *other;
        }
    }
    return CN_OK;
}

static cn_code
first_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
           cni_vector *out_vector, cn_error *err)
{
    (void)self;
    CN_SCOPED(cni_cell_rows) rows = {0};
    CN_TRY(cni_cell_rows_new(call->env.allocator, n_states, &rows, err));
    for (int64_t at = 0; at < n_states; at++) {
        const first_state *state = cni_state_at(call, at);
        if (state->valid != 0) {
            cni_cell_rows_put(&rows, at, &state->value);
        }
    }
    return cni_cell_rows_finish(&rows, call->type, out_vector, err);
}

static int64_t
first_result_bytes(const cni_function *self, const cni_aggregate_call *call, int64_t state)
{
    (void)self;
    const first_state *read = cni_state_at(call, state);
    return cni_cell_result_bytes(call, &read->value);
}

static cn_code
first_save(const cni_function *self, const cni_aggregate_call *call, int64_t state, cni_strbuf *out,
           cn_error *err)
{
    (void)self;
    const cni_aggregate_bind *bind = call->bind_data;
    const first_state *saved = cni_state_at(call, state);
    CN_TRY(cni_bytes_put(out, &saved->order, (int64_t)sizeof(saved->order), err));
    CN_TRY(cni_strbuf_append_char(out, saved->valid != 0 ? 1 : 0, err));
    return saved->valid == 0 ? CN_OK
                             : cni_cell_save(call->env.allocator, cni_cell_kind_of(bind->types[0]),
                                             &saved->value, out, err);
}

static cn_code
first_load(const cni_function *self, const cni_aggregate_call *call, int64_t state,
           cni_str *inout_bytes, cn_error *err)
{
    (void)self;
    const cni_aggregate_bind *bind = call->bind_data;
    first_state *loaded = cni_state_at(call, state);
    uint8_t valid = 0;
    CN_TRY(cni_bytes_take(inout_bytes, &loaded->order, (int64_t)sizeof(loaded->order), err));
    CN_TRY(cni_bytes_take(inout_bytes, &valid, 1, err));
    loaded->valid = valid;
    return valid == 0 ? CN_OK
                      : cni_cell_load(call->heap, call->env.allocator, bind->types[0], inout_bytes,
                                      &loaded->value, err);
}

#define FIRST_ANY_ORDER                                                                            \
    .kind = CNI_FUNCTION_AGGREGATE, .null_rule = CNI_NULL_CUSTOM, .cost_ns = 2,                    \
    .resolve = resolve_first, .state_bytes = first_state_bytes, .update = first_update,            \
    .combine = first_combine, .emit = first_emit, .result_bytes = first_result_bytes,              \
    .save = first_save, .load = first_load
#define FIRST_ROW FIRST_ANY_ORDER, .order_sensitive = true

const cni_function cni_aggregate_firsts[CNI_N_AGGREGATE_FIRSTS] = {
    {CNI_ROW("first", "Value of the first row, which may be NULL.", "first(x)"), FIRST_ROW,
     .builtin = CNI_AGGREGATE_FIRST, .private_data = &rule_first},
    {CNI_ROW("last", "Value of the last row, which may be NULL.", "last(x)"), FIRST_ROW,
     .private_data = &rule_last},
    {CNI_ROW("any_value", "First value that is not NULL.", "any_value(x)"), FIRST_ROW,
     .private_data = &rule_any},
    {CNI_ROW("arbitrary", "Value of the first row, which may be NULL.", "arbitrary(x)"), FIRST_ROW,
     .private_data = &rule_first},
};

const cni_function cni_aggregate_same = {
    CNI_ROW("same", "Value that all rows have, which may be NULL.", ""), FIRST_ANY_ORDER,
    .ignores_distinct = true, .private_data = &rule_first};
