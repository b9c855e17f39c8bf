/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins: comma lists and chains, ON, USING and NATURAL, LATERAL.
 *
 * A chain is bound from left to right. RIGHT is LEFT with the sides of the plan exchanged; the
 * names keep the order of the text. A column of USING is there once under its bare name: the column
 * of the side whose rows are kept, COALESCE of both for FULL; qualified names still mean the sides.
 */
#include "sql/bind/bind_select_int.h"

/* One column of USING or NATURAL. */
typedef struct merged_column {
    const cni_column *left;
    const cni_column *right;
    cni_column column; /* what the bare name means */
} merged_column;

/* Work of one chain. */
typedef struct join_chain {
    cni_binder *binder;
    const cni_bind_around *around;
    cni_bind_names *lateral; /* what stands before the whole chain */
    cni_bind_input left;     /* what is joined already */
} join_chain;

/* Work of one step of it. */
typedef struct join_step {
    const cni_sql_join *join;
    cni_bind_input right;
    cni_bind_scope both;
    cni_sql_node place;
    int32_t n_merged;
    merged_column *merged;
    const cni_expr *predicate;
} join_step;

static cn_code
refuse_join(const cni_sql_join *join, cn_error *err)
{
    if (join->kind == CNI_SQL_JOIN_POSITIONAL) {
        return cni_bind_refuse(err, join->offset, join->length, "POSITIONAL joins");
    }
    return join->asof ? cni_bind_refuse(err, join->offset, join->length, "ASOF joins") : CN_OK;
}

/* ---- columns that both sides have */

static bool
names_equal(const cni_sql_ident *wanted, cni_str name)
{
    return cni_bind_name_matches(wanted, name, true) || cni_bind_name_matches(wanted, name, false);
}

static cn_code
find_common(const cni_bind_scope *scope, const cni_sql_ident *name, const char *side,
            const cni_column **out_column, cn_error *err)
{
    const cni_column *found = NULL;
    bool is_exact = false;
    int32_t n_found = 0;
    for (int32_t column = 0; column < scope->n_columns; column++) {
        const bool exact = cni_bind_name_matches(name, scope->columns[column].name, true);
        if (!names_equal(name, scope->columns[column].name) || (is_exact && !exact)) {
            continue;
        }
        n_found = exact && !is_exact ? 1 : n_found + 1;
        is_exact = exact;
        found = &scope->columns[column];
    }
    *out_column = found;
    return n_found <= 1
               ? CN_OK
               : cni_bind_fail(err, CN_INVALID_ARGUMENT, "42702", name->offset, name->length,
                               "column \"%.*s\" is there more than once on the %s side of the join",
                               CNI_STR_ARGS(name->text), side);
}

static cn_code
merge_name(cni_binder *binder, const join_chain *chain, join_step *step, const cni_sql_ident *name,
           bool must_exist, cn_error *err)
{
    merged_column *merged = &step->merged[step->n_merged];
    *merged = (merged_column){0};
    CN_TRY(find_common(&step->right.scope, name, "right", &merged->right, err));
    if (merged->right == NULL && !must_exist) {
        return CN_OK;
    }
    CN_TRY(find_common(&chain->left.scope, name, "left", &merged->left, err));
    if (merged->left == NULL || merged->right == NULL) {
        return cni_bind_fail(err, CN_NOT_FOUND, "42703", name->offset, name->length,
                             "USING: column \"%.*s\" does not exist on the %s side of the join",
                             CNI_STR_ARGS(name->text), merged->left == NULL ? "left" : "right");
    }
    (void)binder;
    step->n_merged++;
    return CN_OK;
}

static cn_code
check_using_once(const cni_sql_ident_list *list, int32_t index, cn_error *err)
{
    const cni_sql_ident *name = &list->items[index];
    for (int32_t before = 0; before < index; before++) {
        if (names_equal(name, list->items[before].text)) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42701", name->offset, name->length,
                                 "USING: column \"%.*s\" is there twice", CNI_STR_ARGS(name->text));
        }
    }
    return CN_OK;
}

/* The columns of USING, or for NATURAL all names that both sides have. */
static cn_code
find_merged(const join_chain *chain, join_step *step, cn_error *err)
{
    const cni_sql_ident_list *list = &step->join->using_list;
    const cni_bind_scope *left = &chain->left.scope;
    const int32_t n_max = step->join->natural ? left->n_columns : list->n_items;
    CN_TRY(cni_arena_alloc_array(chain->binder->arena, n_max, (int64_t)sizeof(*step->merged),
                                 &step->merged, err));
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(check_using_once(list, item, err));
        CN_TRY(merge_name(chain->binder, chain, step, &list->items[item], true, err));
    }
    for (int32_t column = 0; step->join->natural && column < left->n_columns; column++) {
        const cni_sql_ident name = {.text = left->columns[column].name,
                                    .offset = step->place.offset,
                                    .length = step->place.length};
        CN_TRY(merge_name(chain->binder, chain, step, &name, false, err));
    }
    return CN_OK;
}

/* ---- equality of the merged columns, and what they are above the join */

/* Columns above the join that have to be computed: COALESCE, or a cast. */
typedef struct join_extra {
    int32_t n_exprs;
    const cni_expr **exprs;
    cni_str *names;
    int32_t *merged; /* which merged column each makes */
} join_extra;

static cn_code
coalesce(cni_binder *binder, const join_step *step, const cni_expr *const *sides,
         const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *args[3] = {NULL, sides[0], sides[1]};
    const cni_expr is_null = {.kind = CNI_EXPR_IS_NULL, .negated = true};
    CN_TRY(cni_bind_bool_node(binder, &step->place, is_null, sides, 1, &args[0], err));
    const cni_expr node = {.kind = CNI_EXPR_CASE,
                           .type = sides[0]->type,
                           .args = args,
                           .n_args = 3,
                           .sql_offset = step->place.offset,
                           .sql_length = step->place.length};
    return cni_expr_new(binder->arena, &node, out_expr, err);
}

static cn_code
push_merged(cni_binder *binder, join_step *step, int32_t index, const cni_expr *const *sides,
            join_extra *extra, cn_error *err)
{
    merged_column *merged = &step->merged[index];
    const bool keeps_right = step->join->kind == CNI_SQL_JOIN_RIGHT;
    const cni_expr *value = sides[keeps_right ? 1 : 0];
    merged->column = keeps_right ? *merged->right : *merged->left;
    merged->column.name = merged->left->name;
    if (step->join->kind == CNI_SQL_JOIN_FULL) {
        CN_TRY(coalesce(binder, step, sides, &value, err));
    }
    if (value->kind == CNI_EXPR_COLUMN) {
        return CN_OK;
    }
    extra->exprs[extra->n_exprs] = value;
    extra->names[extra->n_exprs] = merged->column.name;
    extra->merged[extra->n_exprs++] = index;
    return CN_OK;
}

static cn_code
bind_merged(const join_chain *chain, join_step *step, join_extra *extra, cn_error *err)
{
    cni_binder *binder = chain->binder;
    cni_arena *arena = binder->arena;
    const cni_expr **equal = NULL;
    const int64_t pointer_bytes = (int64_t)sizeof(void *);
    CN_TRY(cni_arena_alloc_array(arena, step->n_merged, pointer_bytes, &equal, err));
    CN_TRY(cni_arena_alloc_array(arena, step->n_merged, pointer_bytes, &extra->exprs, err));
    CN_TRY(cni_arena_alloc_array(arena, step->n_merged, (int64_t)sizeof(*extra->names),
                                 &extra->names, err));
    CN_TRY(cni_arena_alloc_array(arena, step->n_merged, (int64_t)sizeof(*extra->merged),
                                 &extra->merged, err));
    for (int32_t index = 0; index < step->n_merged; index++) {
        const merged_column *merged = &step->merged[index];
        const cni_expr *sides[2] = {NULL, NULL};
        CN_TRY(cni_expr_column(arena, merged->left->id, merged->left->type, &sides[0], err));
        CN_TRY(cni_expr_column(arena, merged->right->id, merged->right->type, &sides[1], err));
        CN_TRY(
            cni_bind_unify(binder, sides, 2, "USING", step->place.offset, step->place.length, err));
        CN_TRY(cni_bind_compare_node(binder, &step->place, CNI_EQ, sides[0], sides[1],
                                     &equal[index], err));
        CN_TRY(push_merged(binder, step, index, sides, extra, err));
    }
    return step->n_merged == 0 ? CN_OK
                               : cni_expr_junction(arena, CNI_EXPR_AND, equal, step->n_merged,
                                                   &step->predicate, err);
}

/* PROJECT of all columns of `plan` and the computed ones behind them. */
static cn_code
project_extra(const join_chain *chain, join_step *step, const join_extra *extra,
              const cni_plan **inout_plan, cn_error *err)
{
    const cni_plan *plan = *inout_plan;
    const cni_expr **exprs = NULL;
    cni_str *names = NULL;
    const int64_t n_exprs = (int64_t)plan->n_columns + extra->n_exprs;
    if (extra->n_exprs == 0) {
        return CN_OK;
    }
    cni_arena *arena = chain->binder->arena;
    CN_TRY(cni_arena_alloc_array(arena, n_exprs, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(arena, n_exprs, (int64_t)sizeof(*names), &names, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_column *from = &plan->columns[column];
        names[column] = from->name;
        CN_TRY(cni_expr_column(arena, from->id, from->type, &exprs[column], err));
    }
    for (int32_t index = 0; index < extra->n_exprs; index++) {
        exprs[plan->n_columns + index] = extra->exprs[index];
        names[plan->n_columns + index] = extra->names[index];
    }
    CN_TRY(cni_bind_project(chain->binder, plan, exprs, names, (int32_t)n_exprs, inout_plan, err));
    for (int32_t index = 0; index < extra->n_exprs; index++) {
        step->merged[extra->merged[index]].column = (*inout_plan)->columns[plan->n_columns + index];
    }
    return CN_OK;
}

/* ---- the scope above the join */

static bool
is_merged(const join_step *step, const cni_column *column)
{
    for (int32_t index = 0; index < step->n_merged; index++) {
        if (step->merged[index].left == column || step->merged[index].right == column) {
            return true;
        }
    }
    return false;
}

static int32_t
copy_unmerged(const join_step *step, const cni_bind_scope *side, cni_column *columns,
              int32_t n_columns)
{
    for (int32_t column = 0; column < side->n_columns; column++) {
        if (!is_merged(step, &side->columns[column])) {
            columns[n_columns++] = side->columns[column];
        }
    }
    return n_columns;
}

/* USING (...) AS name: the merged columns under a name of their own. */
static cn_code
push_using_alias(const join_chain *chain, const join_step *step, cni_bind_scope *scope,
                 cn_error *err)
{
    const cni_sql_ident *alias = &step->join->using_alias;
    const cni_bind_relation relation = {
        .alias = alias->text, .n_columns = step->n_merged, .columns = scope->columns};
    return alias->text.data == NULL ? CN_OK
                                    : cni_bind_scope_push(chain->binder, scope, &relation, err);
}

static cn_code
join_scope(const join_chain *chain, const join_step *step, cni_bind_scope *out_scope, cn_error *err)
{
    const bool only_left =
        step->join->kind == CNI_SQL_JOIN_SEMI || step->join->kind == CNI_SQL_JOIN_ANTI;
    cni_bind_scope scope = only_left ? chain->left.scope : step->both;
    if (step->n_merged > 0) {
        cni_column *columns = NULL;
        int32_t n_columns = 0;
        CN_TRY(cni_arena_alloc_array(chain->binder->arena, step->both.n_columns,
                                     (int64_t)sizeof(*columns), &columns, err));
        for (; n_columns < step->n_merged; n_columns++) {
            columns[n_columns] = step->merged[n_columns].column;
        }
        n_columns = copy_unmerged(step, &chain->left.scope, columns, n_columns);
        if (!only_left) {
            n_columns = copy_unmerged(step, &step->right.scope, columns, n_columns);
        }
        scope.columns = columns;
        scope.n_columns = n_columns;
    }
    CN_TRY(push_using_alias(chain, step, &scope, err));
    *out_scope = scope;
    return CN_OK;
}

/* ---- one step */

static cn_code
bind_on(const join_chain *chain, join_step *step, cn_error *err)
{
    cni_bind_names names = {.binder = chain->binder,
                            .outer = chain->around->outer,
                            .ctes = chain->around->ctes,
                            .scope = &step->both,
                            .clause = CNI_CLAUSE_ON};
    return step->join->on == NULL
               ? CN_OK
               : cni_bind_condition(&names, step->join->on, "ON", &step->predicate, err);
}

static cn_code
join_plans(const join_chain *chain, const join_step *step, const cni_plan **out_plan, cn_error *err)
{
    static const uint8_t kinds[] = {
        [CNI_SQL_JOIN_INNER] = CNI_JOIN_INNER, [CNI_SQL_JOIN_LEFT] = CNI_JOIN_LEFT,
        [CNI_SQL_JOIN_RIGHT] = CNI_JOIN_LEFT,  [CNI_SQL_JOIN_FULL] = CNI_JOIN_FULL,
        [CNI_SQL_JOIN_CROSS] = CNI_JOIN_INNER, [CNI_SQL_JOIN_SEMI] = CNI_JOIN_SEMI,
        [CNI_SQL_JOIN_ANTI] = CNI_JOIN_ANTI};
    const cni_join_kind kind = (cni_join_kind)kinds[step->join->kind];
    const bool exchanged = step->join->kind == CNI_SQL_JOIN_RIGHT;
    const cni_plan *left = exchanged ? step->right.plan : chain->left.plan;
    const cni_plan *right = exchanged ? chain->left.plan : step->right.plan;
    return cni_plan_join(&chain->binder->builder, kind, left, right, step->predicate, false,
                         out_plan, err);
}

/* Rows of the right side for each left row do not make sense when right rows without one count. */
static cn_code
check_lateral(const cni_sql_join *join, const cni_bind_names *lateral, cn_error *err)
{
    const bool keeps_right = join->kind == CNI_SQL_JOIN_RIGHT || join->kind == CNI_SQL_JOIN_FULL;
    return !keeps_right || !lateral->is_named
               ? CN_OK
               : cni_bind_fail(
                     err, CN_INVALID_ARGUMENT, "42P10", join->right->node.offset,
                     join->right->node.length,
                     "a LATERAL item that names columns of the left side cannot be joined "
                     "by RIGHT or FULL JOIN");
}

static cn_code
bind_step(join_chain *chain, const cni_sql_join *join, const cni_bind_around *around, cn_error *err)
{
    join_step step = {.join = join, .place = {.offset = join->offset, .length = join->length}};
    cni_bind_names lateral = {.binder = chain->binder,
                              .outer =
                                  chain->lateral == NULL ? chain->around->outer : chain->lateral,
                              .scope = &chain->left.scope,
                              .clause = CNI_CLAUSE_FROM};
    join_extra extra = {0};
    const cni_plan *plan = NULL;
    CN_TRY(refuse_join(join, err));
    CN_TRY(cni_bind_from_item(chain->binder, around, &lateral, join->right, &step.right, err));
    CN_TRY(check_lateral(join, &lateral, err));
    CN_TRY(cni_bind_scope_join(chain->binder, &chain->left.scope, &step.right.scope,
                               &join->right->node, &step.both, err));
    CN_TRY(find_merged(chain, &step, err));
    CN_TRY(bind_merged(chain, &step, &extra, err));
    CN_TRY(bind_on(chain, &step, err));
    CN_TRY(join_plans(chain, &step, &plan, err));
    CN_TRY(project_extra(chain, &step, &extra, &plan, err));
    CN_TRY(join_scope(chain, &step, &chain->left.scope, err));
    chain->left.plan = plan;
    return CN_OK;
}

/* The side of an outer join whose rows may be NULL must not hold the last step of a recursion, nor
 * what is taken away by ANTI. `item` 0 is the first one, 1.. are those of the joins. */
static const char *
forbidden_in(const cni_sql_from *from, int32_t item)
{
    const char *outer = "the null side of an outer join";
    if (item > 0 && from->joins[item - 1].kind == CNI_SQL_JOIN_ANTI) {
        return "the right side of an ANTI join";
    }
    if (item > 0 && from->joins[item - 1].kind == CNI_SQL_JOIN_LEFT) {
        return outer;
    }
    for (int32_t join = item == 0 ? 0 : item - 1; join < from->n_joins; join++) {
        const uint8_t kind = from->joins[join].kind;
        if (kind == CNI_SQL_JOIN_FULL || (kind == CNI_SQL_JOIN_RIGHT && join >= item)) {
            return outer;
        }
    }
    return NULL;
}

static cn_code
around_item(const join_chain *chain, const cni_sql_from *from, int32_t item,
            cni_bind_around *out_around, cn_error *err)
{
    const char *forbidden = forbidden_in(from, item);
    *out_around = *chain->around;
    return forbidden == NULL ? CN_OK
                             : cni_bind_forbid(chain->binder, chain->around->ctes, forbidden,
                                               &out_around->ctes, err);
}

cn_code
cni_bind_joins(cni_binder *binder, const cni_bind_around *around, cni_bind_names *lateral,
               const cni_sql_from *from, cni_bind_input *out_input, cn_error *err)
{
    join_chain chain = {.binder = binder, .around = around, .lateral = lateral};
    cni_bind_around item_around;
    CN_TRY(around_item(&chain, from, 0, &item_around, err));
    CN_TRY(cni_bind_from_item(binder, &item_around, lateral, from->input, &chain.left, err));
    for (int32_t join = 0; join < from->n_joins; join++) {
        CN_TRY(around_item(&chain, from, join + 1, &item_around, err));
        CN_TRY(bind_step(&chain, &from->joins[join], &item_around, err));
    }
    *out_input = chain.left;
    return CN_OK;
}

/* Of a comma list: what stands before an item is what it may name laterally. */
static cn_code
cross_item(cni_binder *binder, const cni_bind_around *around, const cni_sql_from *from,
           cni_bind_input *inout_left, cn_error *err)
{
    cni_bind_names lateral = {.binder = binder,
                              .outer = around->outer,
                              .scope = &inout_left->scope,
                              .clause = CNI_CLAUSE_FROM};
    cni_bind_input right = {0};
    cni_bind_scope both;
    CN_TRY(cni_bind_from_item(binder, around, &lateral, from, &right, err));
    CN_TRY(cni_bind_scope_join(binder, &inout_left->scope, &right.scope, &from->node, &both, err));
    CN_TRY(cni_plan_join(&binder->builder, CNI_JOIN_INNER, inout_left->plan, right.plan, NULL,
                         false, &inout_left->plan, err));
    inout_left->scope = both;
    return CN_OK;
}

cn_code
cni_bind_from(cni_binder *binder, const cni_bind_around *around, const cni_sql_from_list *from,
              cni_bind_input *out_input, cn_error *err)
{
    cni_bind_input input = {0};
    if (from->n_items == 0) {
        CN_TRY(cni_plan_values(&binder->builder, NULL, 0, NULL, 1, &input.plan, err));
    } else {
        CN_TRY(cni_bind_from_item(binder, around, NULL, from->items[0], &input, err));
    }
    for (int32_t item = 1; item < from->n_items; item++) {
        CN_TRY(cross_item(binder, around, from->items[item], &input, err));
    }
    *out_input = input;
    return CN_OK;
}
