/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of a grouping over a join, one side of which (the part) is grouped first:
 *
 *   over the part     sum(x)       sum_of_parts(sum_part(x))
 *                     avg(x)       avg_of_parts(sum_part(x), count(x))
 *                     count(x)     count_of_parts(count(x)), count(*) likewise
 *                     min, max, bool_and, bool_or, same     of themselves
 *   over other sides  sum, avg, count     sum_times(x, count(*)) and so on: a group of the part
 *                                         stands for as many rows
 *   over any          what equal rows do not change stays, min and f(DISTINCT x): what it names of
 *                     the part is a key of the grouping below
 *
 * FILTER goes with the argument. Sums of floats depend on the order of rows and stay undivided, and
 * with them the whole grouping; likewise what depends on order by itself.
 */
#include "optimize/rule/eager_aggregation_int.h"

typedef enum call_place {
    CALL_STUCK,
    CALL_OF_PART,
    CALL_TIMES,
    CALL_KEPT
} call_place;

static bool
is_exact_number(const cni_type *type)
{
    return cni_type_is_exact(type) && type->id != CNI_TYPE_VARCHAR && type->id != CNI_TYPE_BLOB &&
           type->id != CNI_TYPE_DATE && type->id != CNI_TYPE_TIME &&
           type->id != CNI_TYPE_TIMESTAMP && type->id != CNI_TYPE_BOOL;
}

static bool
adds_up(const cni_expr *call)
{
    switch ((cni_aggregate_builtin)call->function->builtin) {
    case CNI_AGGREGATE_COUNT_STAR:
    case CNI_AGGREGATE_COUNT:
        return true;
    case CNI_AGGREGATE_SUM:
    case CNI_AGGREGATE_AVG:
        return call->n_args == 1 && is_exact_number(call->args[0]->type);
    default:
        return false;
    }
}

/* f(f(x)) over groups of the rows is f(x) over the rows. */
static bool
is_of_itself(const cni_expr *call)
{
    switch ((cni_aggregate_builtin)call->function->builtin) {
    case CNI_AGGREGATE_MIN:
    case CNI_AGGREGATE_MAX:
        return cni_type_is_exact(call->type) || cni_type_is_float(call->type);
    case CNI_AGGREGATE_BOOL_AND:
    case CNI_AGGREGATE_BOOL_OR:
        return true;
    default:
        return call->function == &cni_aggregate_same;
    }
}

static bool
ignores_repeats(const cni_expr *call)
{
    const bool is_distinct = call->call != NULL && call->call->distinct;
    return !call->function->order_sensitive && (call->call == NULL || call->call->n_orders == 0) &&
           (call->function->ignores_distinct ||
            (is_distinct && (adds_up(call) || call->type->id == CNI_TYPE_INT64)));
}

/* May be evaluated on rows of the part that the joins drop. */
static bool
is_free_call(const cni_expr *call)
{
    bool is_free =
        call->call == NULL || call->call->filter == NULL || cni_expr_is_free(call->call->filter);
    for (int32_t arg = 0; is_free && arg < call->n_args; arg++) {
        is_free = cni_expr_is_free(call->args[arg]);
    }
    return is_free;
}

static bool
has_all(const cni_plan *plan, const cni_id_set *ids)
{
    for (int64_t word = 0; word < ids->n_words; word++) {
        for (uint64_t bits = ids->words[word]; bits != 0; bits &= bits - 1) {
            const int32_t id = (int32_t)(word * 64 + __builtin_ctzll(bits));
            if (cni_plan_find_column(plan, id) == NULL) {
                return false;
            }
        }
    }
    return true;
}

static cn_code
place_of(cni_rule_env *env, const cni_expr *call, const cni_plan *part, call_place *out_place,
         cn_error *err)
{
    cni_id_set ids = {0};
    const bool is_plain =
        call->call == NULL || (!call->call->distinct && call->call->n_orders == 0);
    *out_place = CALL_STUCK;
    CN_TRY(cni_id_set_add_expr(env->arena, &ids, call, err));
    const bool is_of_part = has_all(part, &ids);
    const bool is_of_others = !cni_plan_gives_any(part, &ids);
    if (cni_expr_is_volatile(call) || (call->call != NULL && call->call->filter != NULL &&
                                       cni_expr_is_volatile(call->call->filter))) {
        return CN_OK;
    }
    if (is_plain && is_of_part && (adds_up(call) || is_of_itself(call)) && is_free_call(call)) {
        *out_place = CALL_OF_PART;
    } else if (is_plain && is_of_others && adds_up(call)) {
        *out_place = CALL_TIMES;
    } else if (ignores_repeats(call)) {
        *out_place = CALL_KEPT;
    }
    return CN_OK;
}

cn_code
cni_eager_calls_fit(cni_rule_env *env, const cni_plan *aggregate, const cni_plan *part,
                    cni_id_set *inout_named, bool *out_fits, cn_error *err)
{
    *out_fits = true;
    for (int32_t at = aggregate->n_groups; *out_fits && at < aggregate->n_columns; at++) {
        const cni_expr *call = aggregate->exprs[at];
        call_place place = CALL_STUCK;
        CN_TRY(place_of(env, call, part, &place, err));
        *out_fits = place != CALL_STUCK;
        if (place == CALL_KEPT) {
            CN_TRY(cni_id_set_add_expr(env->arena, inout_named, call, err));
        }
    }
    return CN_OK;
}

/* ---- below ---- */

/* A call of another function over the same argument and FILTER. */
static cn_code
call_like(cni_rule_env *env, const cni_expr *call, const cni_function *function,
          const cni_type *type, const cni_expr **out_call, cn_error *err)
{
    cni_expr node = *call;
    node.function = function;
    node.type = type;
    CN_TRY(cni_aggregate_part_bind(env->arena, call->n_args == 0 ? NULL : call->args[0]->type,
                                   &node.bind_data, err));
    return cni_expr_new(env->arena, &node, out_call, err);
}

static cn_code
part_sum(cni_rule_env *env, const cni_expr *call, const cni_expr **out_call, cn_error *err)
{
    return call_like(env, call, &cni_aggregate_parts[CNI_SUM_PART], cni_type_of(CNI_TYPE_BLOB),
                     out_call, err);
}

static cn_code
part_count(cni_rule_env *env, const cni_expr *call, const cni_expr **out_call, cn_error *err)
{
    return call_like(env, call, cni_aggregate_count(call->n_args == 0), cni_type_of(CNI_TYPE_INT64),
                     out_call, err);
}

/* count(*): how many rows a group stands for. */
static cn_code
part_rows(cni_rule_env *env, const cni_expr **out_call, cn_error *err)
{
    const cni_expr none = {.kind = CNI_EXPR_AGGREGATE, .sql_offset = -1};
    return part_count(env, &none, out_call, err);
}

/* *out_at = its place among the calls below, where it is put unless there is an equal one. */
static cn_code
put_call(cni_rule_env *env, cni_eager_lower *lower, const cni_expr *call, int64_t *out_at,
         cn_error *err)
{
    for (int64_t at = 0; at < lower->calls.n_items; at++) {
        if (cni_expr_equal(lower->calls.items[at], call)) {
            *out_at = at;
            return CN_OK;
        }
    }
    *out_at = lower->calls.n_items;
    return cni_list_push(env->arena, &lower->calls, call, err);
}

/* What the call needs of the part: up to two calls below. */
static cn_code
needs_of(cni_rule_env *env, const cni_expr *call, call_place place, const cni_expr *out_needs[2],
         int32_t *out_n_needs, cn_error *err)
{
    *out_n_needs = place == CALL_KEPT ? 0 : 1;
    if (place == CALL_KEPT) {
        return CN_OK;
    }
    if (place == CALL_TIMES) {
        return part_rows(env, &out_needs[0], err);
    }
    switch ((cni_aggregate_builtin)call->function->builtin) {
    case CNI_AGGREGATE_COUNT_STAR:
    case CNI_AGGREGATE_COUNT:
        return part_count(env, call, &out_needs[0], err);
    case CNI_AGGREGATE_SUM:
        return part_sum(env, call, &out_needs[0], err);
    case CNI_AGGREGATE_AVG:
        *out_n_needs = 2;
        CN_TRY(part_sum(env, call, &out_needs[0], err));
        return part_count(env, call, &out_needs[1], err);
    default:
        out_needs[0] = call;
        return CN_OK;
    }
}

cn_code
cni_eager_lower_call(cni_rule_env *env, const cni_expr *call, cni_eager_lower *lower, cn_error *err)
{
    call_place place = CALL_STUCK;
    const cni_expr *needs[2] = {NULL, NULL};
    int32_t n_needs = 0;
    CN_TRY(place_of(env, call, lower->part, &place, err));
    CN_TRY(needs_of(env, call, place, needs, &n_needs, err));
    for (int32_t need = 0; need < n_needs; need++) {
        int64_t at = 0;
        CN_TRY(put_call(env, lower, needs[need], &at, err));
    }
    return CN_OK;
}

/* ---- above ---- */

static const cni_function *
upper_function(const cni_expr *call, call_place place)
{
    const bool times = place == CALL_TIMES;
    switch ((cni_aggregate_builtin)call->function->builtin) {
    case CNI_AGGREGATE_COUNT_STAR:
    case CNI_AGGREGATE_COUNT:
        return &cni_aggregate_parts[times ? CNI_COUNT_TIMES : CNI_COUNT_OF_PARTS];
    case CNI_AGGREGATE_SUM:
        return &cni_aggregate_parts[times ? CNI_SUM_TIMES : CNI_SUM_OF_PARTS];
    case CNI_AGGREGATE_AVG:
        return &cni_aggregate_parts[times ? CNI_AVG_TIMES : CNI_AVG_OF_PARTS];
    default:
        return call->function;
    }
}

cn_code
cni_eager_upper_call(cni_rule_env *env, const cni_expr *call, const cni_eager_lower *lower,
                     const cni_plan *grouped, const cni_expr **out_call, cn_error *err)
{
    call_place place = CALL_STUCK;
    const cni_expr *needs[2] = {NULL, NULL};
    const cni_expr *args[3] = {NULL, NULL, NULL};
    int32_t n_needs = 0;
    cni_expr node = *call;
    cni_eager_lower known = *lower; /* all needs are among its calls */
    CN_TRY(place_of(env, call, lower->part, &place, err));
    CN_TRY(needs_of(env, call, place, needs, &n_needs, err));
    *out_call = call;
    if (place == CALL_KEPT) {
        return CN_OK;
    }
    node.n_args = place == CALL_TIMES ? call->n_args : 0;
    for (int32_t arg = 0; arg < node.n_args; arg++) {
        args[arg] = call->args[arg];
    }
    for (int32_t need = 0; need < n_needs; need++) {
        int64_t at = 0;
        CN_TRY(put_call(env, &known, needs[need], &at, err));
        const cni_column *column = &grouped->columns[lower->keys.n_items + at];
        CN_TRY(cni_expr_column(env->arena, column->id, column->type, &args[node.n_args++], err));
    }
    node.args = args;
    node.function = upper_function(call, place);
    if (place == CALL_OF_PART) {
        node.call = NULL; /* its FILTER was asked below */
    }
    if (node.function != call->function) {
        CN_TRY(cni_aggregate_part_bind(env->arena, call->n_args == 0 ? NULL : call->args[0]->type,
                                       &node.bind_data, err));
    }
    return cni_expr_new(env->arena, &node, out_call, err);
}
