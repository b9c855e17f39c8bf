/* SPDX-License-Identifier: Apache-2.0
 *
 * Set operations: UNION, INTERSECT, EXCEPT, with and without ALL, and UNION BY NAME. The columns of
 * all members are brought to common types first; names are the first member's.
 *
 *   UNION ALL            UnionAll              UNION       Distinct over it
 *   INTERSECT            Distinct over a SEMI join where all columns are not distinct
 *   EXCEPT               likewise with ANTI
 *   INTERSECT ALL        Project <- Repeat (least of both counts) <- Aggregate (how often left,
 *   EXCEPT ALL           how often right; difference) <- UnionAll of both with a mark for the side
 */
#include "sql/bind/bind_select_int.h"

/* Work of one operation. */
typedef struct set_state {
    cni_binder *binder;
    const cni_bind_around *around;
    const cni_sql_query *query;
    const char *word;
    int32_t n_members;
    const cni_plan **members;
} set_state;

static const char *
set_word(const cni_sql_query *query)
{
    switch ((cni_sql_query_kind)query->kind) {
    case CNI_SQL_QUERY_INTERSECT:
        return "INTERSECT";
    case CNI_SQL_QUERY_EXCEPT:
        return "EXCEPT";
    default:
        return "UNION";
    }
}

/* ---- members */

/* Where a recursive query may not name itself. */
static const char *
forbidden_in(const cni_sql_query *query, int32_t member)
{
    if (query->kind == CNI_SQL_QUERY_EXCEPT && (member > 0 || query->all)) {
        return "EXCEPT";
    }
    return query->kind == CNI_SQL_QUERY_INTERSECT && query->all ? "INTERSECT ALL" : NULL;
}

static cn_code
bind_members(set_state *state, cn_error *err)
{
    CN_TRY(cni_arena_alloc_array(state->binder->arena, state->n_members,
                                 (int64_t)sizeof(*state->members), &state->members, err));
    for (int32_t member = 0; member < state->n_members; member++) {
        cni_bind_around around = *state->around;
        const char *forbidden = forbidden_in(state->query, member);
        if (forbidden != NULL) {
            CN_TRY(cni_bind_forbid(state->binder, around.ctes, forbidden, &around.ctes, err));
        }
        CN_TRY(cni_bind_query_in(state->binder, &around, state->query->inputs[member],
                                 &state->members[member], err));
    }
    return CN_OK;
}

static cn_code
check_widths(const set_state *state, cn_error *err)
{
    for (int32_t member = 1; member < state->n_members; member++) {
        const cni_sql_query *query = state->query->inputs[member];
        if (state->members[member]->n_columns != state->members[0]->n_columns) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", query->node.offset,
                                 query->node.length,
                                 "%s: this query has %d columns, the first one %d", state->word,
                                 state->members[member]->n_columns, state->members[0]->n_columns);
        }
    }
    return CN_OK;
}

/* ---- types */

cn_code
cni_bind_cast_columns(cni_binder *binder, const cni_sql_node *place, const cni_plan *plan,
                      const cni_type *const *types, const cni_plan **out_plan, cn_error *err)
{
    const cni_expr **exprs = NULL;
    cni_str *names = NULL;
    bool changed = false;
    CN_TRY(cni_arena_alloc_array(binder->arena, plan->n_columns, (int64_t)sizeof(*exprs), &exprs,
                                 err));
    CN_TRY(cni_arena_alloc_array(binder->arena, plan->n_columns, (int64_t)sizeof(*names), &names,
                                 err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_column *from = &plan->columns[column];
        names[column] = from->name;
        CN_TRY(cni_expr_column(binder->arena, from->id, from->type, &exprs[column], err));
        changed = changed || !cni_type_equal(from->type, types[column]);
        CN_TRY(cni_bind_cast(binder, exprs[column], types[column], false, place->offset,
                             place->length, &exprs[column], err));
    }
    *out_plan = plan;
    return changed ? cni_plan_project(&binder->builder, plan, exprs, names, plan->n_columns,
                                      out_plan, err)
                   : CN_OK;
}

/* Every member's columns in the common types. */
static cn_code
unify_members(const set_state *state, cn_error *err)
{
    const cni_type **types = NULL;
    const int32_t n_columns = state->members[0]->n_columns;
    CN_TRY(cni_arena_alloc_array(state->binder->arena, n_columns, (int64_t)sizeof(*types), &types,
                                 err));
    for (int32_t column = 0; column < n_columns; column++) {
        types[column] = state->members[0]->columns[column].type;
        for (int32_t member = 1; member < state->n_members; member++) {
            const cni_type *joined = NULL;
            const cni_type *type = state->members[member]->columns[column].type;
            const cni_sql_node *place = &state->query->inputs[member]->node;
            CN_TRY(cni_common_type(state->binder->arena, types[column], type, &joined, err));
            if (joined == NULL) {
                return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42804", place->offset,
                                     place->length, "%s: column %d is %s here and %s before",
                                     state->word, column + 1,
                                     cni_bind_type_text(state->binder, type),
                                     cni_bind_type_text(state->binder, types[column]));
            }
            types[column] = joined;
        }
    }
    for (int32_t member = 0; member < state->n_members; member++) {
        CN_TRY(cni_bind_cast_columns(state->binder, &state->query->node, state->members[member],
                                     types, &state->members[member], err));
    }
    return CN_OK;
}

/* ---- BY NAME */

static int32_t
find_name(const cni_str *names, int32_t n_names, cni_str name)
{
    for (int32_t index = 0; index < n_names; index++) {
        if (cni_str_eq_nocase(names[index], name)) {
            return index;
        }
    }
    return -1;
}

static int32_t
find_column_name(const cni_plan *plan, cni_str name)
{
    for (int32_t column = 0; column < plan->n_columns; column++) {
        if (cni_str_eq_nocase(plan->columns[column].name, name)) {
            return column;
        }
    }
    return -1;
}

/* All names in the order in which they first occur. */
static cn_code
gather_names(const set_state *state, cni_str **out_names, int32_t *out_n_names, cn_error *err)
{
    int64_t n_max = 0;
    cni_str *names = NULL;
    int32_t n_names = 0;
    for (int32_t member = 0; member < state->n_members; member++) {
        n_max += state->members[member]->n_columns;
    }
    CN_TRY(
        cni_arena_alloc_array(state->binder->arena, n_max, (int64_t)sizeof(*names), &names, err));
    for (int32_t member = 0; member < state->n_members; member++) {
        const cni_plan *plan = state->members[member];
        for (int32_t column = 0; column < plan->n_columns; column++) {
            const cni_str name = plan->columns[column].name;
            if (find_column_name(plan, name) != column) {
                const cni_sql_node *place = &state->query->inputs[member]->node;
                return cni_bind_fail(
                    err, CN_INVALID_ARGUMENT, "42701", place->offset, place->length,
                    "BY NAME: this query has two columns called \"%.*s\"", CNI_STR_ARGS(name));
            }
            if (find_name(names, n_names, name) < 0) {
                names[n_names++] = name;
            }
        }
    }
    *out_names = names;
    *out_n_names = n_names;
    return CN_OK;
}

/* The member with a column for each name, NULL where it has none. */
static cn_code
arrange_member(const set_state *state, int32_t member, const cni_str *names, int32_t n_names,
               cn_error *err)
{
    const cni_value null = {.type = cni_type_of(CNI_TYPE_NULL), .is_null = true};
    const cni_plan *plan = state->members[member];
    cni_arena *arena = state->binder->arena;
    const cni_expr **exprs = NULL;
    CN_TRY(cni_arena_alloc_array(arena, n_names, (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t name = 0; name < n_names; name++) {
        const int32_t column = find_column_name(plan, names[name]);
        CN_TRY(column < 0 ? cni_expr_literal(arena, &null, &exprs[name], err)
                          : cni_expr_column(arena, plan->columns[column].id,
                                            plan->columns[column].type, &exprs[name], err));
    }
    return cni_plan_project(&state->binder->builder, plan, exprs, names, n_names,
                            &state->members[member], err);
}

static cn_code
arrange_by_name(const set_state *state, cn_error *err)
{
    cni_str *names = NULL;
    int32_t n_names = 0;
    if (state->query->kind != CNI_SQL_QUERY_UNION) {
        return cni_bind_refuse(err, state->query->node.offset, state->query->node.length,
                               "INTERSECT BY NAME and EXCEPT BY NAME queries");
    }
    CN_TRY(gather_names(state, &names, &n_names, err));
    for (int32_t member = 0; member < state->n_members; member++) {
        CN_TRY(arrange_member(state, member, names, n_names, err));
    }
    return CN_OK;
}

/* ---- INTERSECT and EXCEPT */

/* All columns of both are not distinct. */
static cn_code
rows_equal(const set_state *state, const cni_plan *left, const cni_plan *right,
           const cni_expr **out_expr, cn_error *err)
{
    cni_arena *arena = state->binder->arena;
    const cni_expr **equal = NULL;
    CN_TRY(cni_arena_alloc_array(arena, left->n_columns, (int64_t)sizeof(*equal), &equal, err));
    for (int32_t column = 0; column < left->n_columns; column++) {
        const cni_column *a = &left->columns[column];
        const cni_column *b = &right->columns[column];
        const cni_expr *args[2] = {NULL, NULL};
        const cni_expr node = {.kind = CNI_EXPR_DISTINCT, .negated = true};
        CN_TRY(cni_expr_column(arena, a->id, a->type, &args[0], err));
        CN_TRY(cni_expr_column(arena, b->id, b->type, &args[1], err));
        CN_TRY(cni_bind_bool_node(state->binder, &state->query->node, node, args, 2, &equal[column],
                                  err));
    }
    return cni_expr_junction(arena, CNI_EXPR_AND, equal, left->n_columns, out_expr, err);
}

static cn_code
distinct_form(const set_state *state, const cni_plan **out_plan, cn_error *err)
{
    const bool is_intersect = state->query->kind == CNI_SQL_QUERY_INTERSECT;
    const cni_plan *plan = state->members[0];
    for (int32_t member = 1; member < state->n_members; member++) {
        const cni_expr *predicate = NULL;
        CN_TRY(rows_equal(state, plan, state->members[member], &predicate, err));
        CN_TRY(cni_plan_join(&state->binder->builder, is_intersect ? CNI_JOIN_SEMI : CNI_JOIN_ANTI,
                             plan, state->members[member], predicate, false, &plan, err));
    }
    return cni_plan_distinct(&state->binder->builder, plan, NULL, 0, out_plan, err);
}

/* A side of the ALL form: its columns, and behind them one that is 1 for this side and one that is
 * NULL. */
static cn_code
marked_side(const set_state *state, const cni_plan *side, bool is_left, const cni_plan **out_plan,
            cn_error *err)
{
    cni_arena *arena = state->binder->arena;
    const int32_t n_columns = side->n_columns;
    const cni_expr **exprs = NULL;
    cni_str *names = NULL;
    CN_TRY(cni_arena_alloc_array(arena, n_columns + 2, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(arena, n_columns + 2, (int64_t)sizeof(*names), &names, err));
    for (int32_t column = 0; column < n_columns; column++) {
        const cni_column *from = &side->columns[column];
        names[column] = from->name;
        CN_TRY(cni_expr_column(arena, from->id, from->type, &exprs[column], err));
    }
    for (int32_t mark = 0; mark < 2; mark++) {
        const cni_value value = {.type = cni_type_of(CNI_TYPE_INT64),
                                 .is_null = (mark == 0) != is_left,
                                 .as.i64 = (mark == 0) == is_left ? 1 : 0};
        names[n_columns + mark] = mark == 0 ? CNI_STR("left") : CNI_STR("right");
        CN_TRY(cni_expr_literal(arena, &value, &exprs[n_columns + mark], err));
    }
    return cni_plan_project(&state->binder->builder, side, exprs, names, n_columns + 2, out_plan,
                            err);
}

/* count(column). */
static cn_code
count_of(const set_state *state, const cni_column *column, const cni_expr **out_expr, cn_error *err)
{
    cni_arena *arena = state->binder->arena;
    const cni_expr **args = NULL;
    const cni_type *type = column->type;
    const cni_type *wanted = type;
    const cni_value *literal = NULL;
    cni_expr node = {.kind = CNI_EXPR_AGGREGATE, .n_args = 1};
    CN_TRY(cni_arena_alloc_array(arena, 1, (int64_t)sizeof(*args), &args, err));
    CN_TRY(cni_expr_column(arena, column->id, type, &args[0], err));
    cni_resolve question = {.arena = arena,
                            .n_args = 1,
                            .arg_types = &type,
                            .arg_literals = &literal,
                            .out_arg_types = &wanted};
    CN_TRY(cni_function_resolve(state->binder->env->functions, CNI_STR("count"),
                                CNI_FUNCTION_AGGREGATE, &question, &node.function, err));
    node.type = question.out_type;
    node.bind_data = question.out_bind_data;
    node.args = args;
    node.sql_offset = state->query->node.offset;
    node.sql_length = state->query->node.length;
    return cni_expr_new(arena, &node, out_expr, err);
}

/* INTERSECT: the smaller count; EXCEPT: the difference. */
static cn_code
repeat_count(const set_state *state, const cni_column *counts, const cni_expr **out_expr,
             cn_error *err)
{
    cni_arena *arena = state->binder->arena;
    const cni_sql_node *place = &state->query->node;
    const cni_expr *sides[2] = {NULL, NULL};
    CN_TRY(cni_expr_column(arena, counts[0].id, counts[0].type, &sides[0], err));
    CN_TRY(cni_expr_column(arena, counts[1].id, counts[1].type, &sides[1], err));
    if (state->query->kind == CNI_SQL_QUERY_EXCEPT) {
        return cni_bind_function(state->binder, CNI_STR("-"), sides, 2, place->offset,
                                 place->length, out_expr, err);
    }
    const cni_expr *args[3] = {NULL, sides[0], sides[1]};
    CN_TRY(cni_bind_compare_node(state->binder, place, CNI_LT, sides[0], sides[1], &args[0], err));
    const cni_expr node = {.kind = CNI_EXPR_CASE,
                           .type = sides[0]->type,
                           .args = args,
                           .n_args = 3,
                           .sql_offset = place->offset,
                           .sql_length = place->length};
    return cni_expr_new(arena, &node, out_expr, err);
}

/* Both sides grouped by all columns, with how often each row is on the left and on the right. */
static cn_code
count_rows(const set_state *state, const cni_plan *left, const cni_plan *right,
           const cni_plan **out_plan, cn_error *err)
{
    cni_arena *arena = state->binder->arena;
    cni_plan_builder *builder = &state->binder->builder;
    const int32_t n_columns = left->n_columns;
    const cni_plan *sides[2] = {NULL, NULL};
    const cni_plan *both = NULL;
    const cni_expr *counts[2] = {NULL, NULL};
    const cni_expr **groups = NULL;
    CN_TRY(marked_side(state, left, true, &sides[0], err));
    CN_TRY(marked_side(state, right, false, &sides[1], err));
    CN_TRY(cni_plan_union_all(builder, sides, 2, &both, err));
    CN_TRY(cni_arena_alloc_array(arena, n_columns, (int64_t)sizeof(*groups), &groups, err));
    for (int32_t column = 0; column < n_columns; column++) {
        const cni_column *from = &both->columns[column];
        CN_TRY(cni_expr_column(arena, from->id, from->type, &groups[column], err));
    }
    CN_TRY(count_of(state, &both->columns[n_columns], &counts[0], err));
    CN_TRY(count_of(state, &both->columns[n_columns + 1], &counts[1], err));
    return cni_plan_aggregate(builder, both, groups, n_columns, counts, 2, out_plan, err);
}

/* The first n_columns columns of `plan`. */
static cn_code
first_columns(const set_state *state, const cni_plan *plan, int32_t n_columns,
              const cni_plan **out_plan, cn_error *err)
{
    cni_arena *arena = state->binder->arena;
    const cni_expr **exprs = NULL;
    cni_str *names = NULL;
    CN_TRY(cni_arena_alloc_array(arena, n_columns, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(arena, n_columns, (int64_t)sizeof(*names), &names, err));
    for (int32_t column = 0; column < n_columns; column++) {
        const cni_column *from = &plan->columns[column];
        names[column] = from->name;
        CN_TRY(cni_expr_column(arena, from->id, from->type, &exprs[column], err));
    }
    return cni_plan_project(&state->binder->builder, plan, exprs, names, n_columns, out_plan, err);
}

static cn_code
all_form(const set_state *state, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *plan = state->members[0];
    const int32_t n_columns = plan->n_columns;
    for (int32_t member = 1; member < state->n_members; member++) {
        const cni_expr *count = NULL;
        CN_TRY(count_rows(state, plan, state->members[member], &plan, err));
        CN_TRY(repeat_count(state, &plan->columns[n_columns], &count, err));
        CN_TRY(cni_plan_repeat(&state->binder->builder, plan, count, &plan, err));
        CN_TRY(first_columns(state, plan, n_columns, &plan, err));
    }
    *out_plan = plan;
    return CN_OK;
}

cn_code
cni_bind_set(cni_binder *binder, const cni_bind_around *around, const cni_sql_query *query,
             int32_t n_members, const cni_plan **out_plan, cn_error *err)
{
    set_state state = {.binder = binder,
                       .around = around,
                       .query = query,
                       .word = set_word(query),
                       .n_members = n_members};
    CN_TRY(bind_members(&state, err));
    CN_TRY(query->by_name ? arrange_by_name(&state, err) : check_widths(&state, err));
    CN_TRY(unify_members(&state, err));
    if (query->kind != CNI_SQL_QUERY_UNION) {
        return query->all ? all_form(&state, out_plan, err) : distinct_form(&state, out_plan, err);
    }
    CN_TRY(cni_plan_union_all(&binder->builder, state.members, n_members, out_plan, err));
    return query->all ? CN_OK
                      : cni_plan_distinct(&binder->builder, *out_plan, NULL, 0, out_plan, err);
}
