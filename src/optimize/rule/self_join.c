/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule self_join: a table joined with itself on a column that is proved unique meets the row that
 * is there already.
 *
 *   L with a scan of t AS a in it JOIN t AS b ON a.k = b.k AND p
 *     INNER  PROJECT b's columns as a's over FILTER k IS NOT NULL AND p over L
 *     SEMI   the filter alone; ANTI its opposite
 *     LEFT   PROJECT: CASE WHEN k IS NOT NULL AND p THEN a's column END over L
 *
 * b may be filtered and renamed: its filters are part of p. What b names is read by a's scan and
 * carried along; k is NULL where an outer join below padded the row of a. p is asked about rows
 * that b would have been asked about, so it raises nothing new. k may also be equal to what ON
 * names by an equality below. Same table: the same object, or made again in the same way.
 */
#include "optimize/property/property.h"

typedef struct origin {
    int32_t id;       /* of a column somewhere in the side that goes */
    int32_t position; /* in the table */
} origin;

typedef struct twin {
    cni_rule_env *env;
    const cni_plan *join;
    const cni_plan *kept;
    const cni_plan *gone;
    const cni_plan *gone_scan;
    const cni_plan *kept_scan;
    const cni_expr *kept_key; /* a column of kept */
    cni_list origins;         /* of origin */
    cni_list conjuncts;       /* of const cni_expr: the side's filters, then the rest of ON */
    int32_t *wanted;          /* by position in the table: column of the new kept scan, or -1 */
    const cni_plan *widened;
} twin;

/* ---- the side that goes ---- */

static int32_t
position_of(const twin *self, int32_t id)
{
    for (int64_t at = 0; at < self->origins.n_items; at++) {
        const origin *known = self->origins.items[at];
        if (known->id == id) {
            return known->position;
        }
    }
    return -1;
}

static cn_code
add_origin(twin *self, int32_t id, int32_t position, cn_error *err)
{
    origin *made = NULL;
    CN_TRY(CN_ARENA_NEW(self->env->arena, &made, err));
    *made = (origin){id, position};
    return cni_list_push(self->env->arena, &self->origins, made, err);
}

static cn_code
take_scan(twin *self, const cni_plan *scan, cn_error *err)
{
    for (int32_t column = 0; column < scan->n_columns; column++) {
        CN_TRY(add_origin(self, scan->columns[column].id, scan->table_columns[column], err));
    }
    for (int32_t column = 0; column < scan->n_filter_columns; column++) {
        CN_TRY(add_origin(self, scan->filter_columns[column].id, scan->filter_table_columns[column],
                          err));
    }
    for (int32_t filter = 0; filter < scan->n_filters; filter++) {
        CN_TRY(cni_list_push(self->env->arena, &self->conjuncts, scan->filters[filter], err));
    }
    self->gone_scan = scan;
    return CN_OK;
}

static bool
only_names(const cni_plan *project)
{
    for (int32_t at = 0; at < project->n_exprs; at++) {
        if (project->exprs[at]->kind != CNI_EXPR_COLUMN) {
            return false;
        }
    }
    return true;
}

/* Down to the scan, filters in order of evaluation; gone_scan stays NULL for other shapes. Depth is
 * bounded by the plan's. */
static cn_code
take_side(twin *self, const cni_plan *plan, cn_error *err)
{
    switch (plan->kind) {
    case CNI_PLAN_SCAN:
        return plan->limit == CNI_NO_LIMIT ? take_scan(self, plan, err) : CN_OK;
    case CNI_PLAN_FILTER:
        CN_TRY(take_side(self, plan->children[0], err));
        return cni_expr_conjuncts(self->env->arena, plan->predicate, &self->conjuncts, err);
    case CNI_PLAN_PROJECT:
        if (!only_names(plan)) {
            return CN_OK;
        }
        CN_TRY(take_side(self, plan->children[0], err));
        for (int32_t at = 0; at < plan->n_exprs; at++) {
            CN_TRY(add_origin(self, plan->columns[at].id,
                              position_of(self, plan->exprs[at]->column_id), err));
        }
        return CN_OK;
    default:
        return CN_OK;
    }
}

/* ---- the side that stays ---- */

/* The child that the column comes from, unchanged and with whatever else is added to its rows;
 * *inout_id becomes its name there. -1 = none. */
static int32_t
child_of_column(const cni_plan *plan, int32_t *inout_id)
{
    switch (plan->kind) {
    case CNI_PLAN_FILTER:
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT:
        return 0;
    case CNI_PLAN_PROJECT:
        for (int32_t at = 0; at < plan->n_columns; at++) {
            if (plan->columns[at].id == *inout_id && plan->exprs[at]->kind == CNI_EXPR_COLUMN) {
                *inout_id = plan->exprs[at]->column_id;
                return 0;
            }
        }
        return -1;
    case CNI_PLAN_JOIN:
        for (int32_t child = 0; child < 2; child++) {
            if (cni_plan_find_column(plan->children[child], *inout_id) != NULL) {
                return child;
            }
        }
        return -1;
    default:
        return -1;
    }
}

static const cni_plan *
scan_of_column(const cni_plan *plan, int32_t *inout_id)
{
    while (plan->kind != CNI_PLAN_SCAN) {
        const int32_t child = child_of_column(plan, inout_id);
        if (child < 0) {
            return NULL;
        }
        plan = plan->children[child];
    }
    return plan;
}

/* Whether the column of kept is the table's column at `position`, in a scan of the same table. */
static bool
is_twin_column(twin *self, int32_t column_id, int32_t position)
{
    const cni_plan *scan = scan_of_column(self->kept, &column_id);
    if (scan == NULL ||
        (scan->table != self->gone_scan->table &&
         !cni_table_same_recipe(scan->table->recipe, self->gone_scan->table->recipe))) {
        return false;
    }
    for (int32_t column = 0; column < scan->n_columns; column++) {
        if (scan->columns[column].id == column_id && scan->table_columns[column] == position) {
            self->kept_scan = scan;
            return true;
        }
    }
    return false;
}

static bool
is_unique_position(const twin *self, int32_t position)
{
    cni_plan bare = *self->gone_scan;
    bare.n_filters = 0;
    for (int32_t column = 0; column < bare.n_columns; column++) {
        if (bare.table_columns[column] == position) {
            return cni_plan_is_unique_on_proved(self->env, &bare, &bare.columns[column].id, 1);
        }
    }
    return false;
}

/* The column, or one that equals it in all rows of kept, as the twin of the key. */
static cn_code
find_twin_column(twin *self, const cni_expr *column, int32_t position, cn_error *err)
{
    cni_equivalence *classes = NULL;
    const int32_t *members = NULL;
    if (is_twin_column(self, column->column_id, position)) {
        self->kept_key = column;
        return CN_OK;
    }
    CN_TRY(cni_equivalence_of(self->env->arena, self->kept, &classes, err));
    const int32_t n_members = cni_equivalence_members(classes, column->column_id, &members);
    for (int32_t member = 0; member < n_members && self->kept_key == NULL; member++) {
        const cni_column *other = cni_plan_find_column(self->kept, members[member]);
        if (other != NULL && cni_type_equal(other->type, column->type) &&
            is_twin_column(self, other->id, position)) {
            CN_TRY(cni_expr_column(self->env->arena, other->id, other->type, &self->kept_key, err));
        }
    }
    return CN_OK;
}

/* Whether ON's conjunct is the equality with the key; then kept_key and kept_scan are set. */
static cn_code
is_key_equality(twin *self, const cni_expr *conjunct, bool *out_is, cn_error *err)
{
    *out_is = false;
    if (conjunct->kind != CNI_EXPR_COMPARE || conjunct->op != CNI_EQ ||
        !cni_type_is_exact(conjunct->args[0]->type)) {
        return CN_OK;
    }
    for (int32_t side = 0; side < 2 && self->kept_key == NULL; side++) {
        const cni_expr *own = conjunct->args[side];
        const cni_expr *other = conjunct->args[1 - side];
        const bool fits = own->kind == CNI_EXPR_COLUMN && other->kind == CNI_EXPR_COLUMN &&
                          cni_plan_find_column(self->gone, own->column_id) != NULL &&
                          cni_plan_find_column(self->kept, other->column_id) != NULL;
        if (fits) {
            CN_TRY(find_twin_column(self, other, position_of(self, own->column_id), err));
        }
        if (fits && self->kept_key != NULL &&
            !is_unique_position(self, position_of(self, own->column_id))) {
            self->kept_key = NULL;
        }
    }
    *out_is = self->kept_key != NULL;
    return CN_OK;
}

/* ---- the wider scan ---- */

static void
want(twin *self, int32_t position)
{
    const cni_plan *scan = self->kept_scan;
    if (self->wanted[position] >= 0) {
        return;
    }
    for (int32_t column = 0; column < scan->n_columns; column++) {
        if (scan->table_columns[column] == position) {
            self->wanted[position] = scan->columns[column].id;
            return;
        }
    }
    self->wanted[position] = self->env->builder.next_column_id++;
}

static cn_code
want_named(twin *self, cn_error *err)
{
    const int32_t n_fields = self->kept_scan->table->schema->n_fields;
    cni_id_set named = {0};
    CN_TRY(cni_arena_alloc_array(self->env->arena, n_fields, (int64_t)sizeof(*self->wanted),
                                 &self->wanted, err));
    memset(self->wanted, -1, (size_t)n_fields * sizeof(*self->wanted));
    for (int64_t at = 0; at < self->conjuncts.n_items; at++) {
        CN_TRY(cni_id_set_add_expr(self->env->arena, &named, self->conjuncts.items[at], err));
    }
    if (self->join->join_kind == CNI_JOIN_INNER || self->join->join_kind == CNI_JOIN_LEFT) {
        CN_TRY(cni_id_set_add_plan(self->env->arena, &named, self->gone, err));
    }
    for (int64_t at = 0; at < self->origins.n_items; at++) {
        const origin *known = self->origins.items[at];
        if (cni_id_set_has(&named, known->id)) {
            want(self, known->position);
        }
    }
    return CN_OK;
}

static cn_code
widen_scan(twin *self, const cni_plan *scan, const cni_plan **out_plan, cn_error *err)
{
    const cni_schema *schema = scan->table->schema;
    const int64_t n_most = (int64_t)scan->n_columns + schema->n_fields;
    cni_column *columns = NULL;
    int32_t *positions = NULL;
    CN_TRY(
        cni_arena_alloc_array(self->env->arena, n_most, (int64_t)sizeof(*columns), &columns, err));
    CN_TRY(cni_arena_alloc_array(self->env->arena, n_most, (int64_t)sizeof(*positions), &positions,
                                 err));
    cni_plan node = *scan;
    for (int32_t column = 0; column < scan->n_columns; column++) {
        columns[column] = scan->columns[column];
        positions[column] = scan->table_columns[column];
    }
    for (int32_t at = 0; at < schema->n_fields; at++) {
        if (self->wanted[at] >= 0 && cni_plan_find_column(scan, self->wanted[at]) == NULL) {
            const cni_field *field = &schema->fields[at];
            columns[node.n_columns] =
                (cni_column){self->wanted[at], field->name, field->type, field->nullable};
            positions[node.n_columns++] = at;
        }
    }
    node.columns = columns;
    node.table_columns = positions;
    *out_plan = scan;
    return node.n_columns == scan->n_columns
               ? CN_OK
               : cni_plan_new(&self->env->builder, &node, out_plan, err);
}

/* The projection over `below` with the wanted columns behind its own. */
static cn_code
widen_project(twin *self, const cni_plan *project, const cni_plan *below, const cni_plan **out_plan,
              cn_error *err)
{
    const int32_t n_fields = self->kept_scan->table->schema->n_fields;
    const int64_t n_most = (int64_t)project->n_columns + n_fields;
    cni_column *columns = NULL;
    const cni_expr **exprs = NULL;
    CN_TRY(
        cni_arena_alloc_array(self->env->arena, n_most, (int64_t)sizeof(*columns), &columns, err));
    CN_TRY(cni_arena_alloc_array(self->env->arena, n_most, (int64_t)sizeof(*exprs), &exprs, err));
    cni_plan node = *project;
    for (int32_t at = 0; at < project->n_columns; at++) {
        columns[at] = project->columns[at];
        exprs[at] = project->exprs[at];
    }
    for (int32_t at = 0; at < n_fields; at++) {
        const cni_column *column =
            self->wanted[at] < 0 ? NULL : cni_plan_find_column(below, self->wanted[at]);
        if (column != NULL && cni_plan_find_column(project, column->id) == NULL) {
            columns[node.n_columns] = *column;
            CN_TRY(cni_expr_column(self->env->arena, column->id, column->type,
                                   &exprs[node.n_columns++], err));
        }
    }
    node.columns = columns;
    node.exprs = exprs;
    node.n_exprs = node.n_columns;
    node.children = &below;
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

/* `plan` giving the wanted columns of the scan that the column comes from as well. Depth is bounded
 * by the plan's. */
static cn_code
widen(twin *self, const cni_plan *plan, int32_t column_id, const cni_plan **out_plan, cn_error *err)
{
    if (plan->kind == CNI_PLAN_SCAN) {
        return widen_scan(self, plan, out_plan, err);
    }
    const cni_plan *children[2] = {NULL, NULL};
    const int32_t on_the_way = child_of_column(plan, &column_id);
    for (int32_t child = 0; child < plan->n_children; child++) {
        children[child] = plan->children[child];
    }
    CN_TRY(widen(self, plan->children[on_the_way], column_id, &children[on_the_way], err));
    return plan->kind == CNI_PLAN_PROJECT ? widen_project(self, plan, children[0], out_plan, err)
                                          : cni_plan_over(self->env, plan, children, out_plan, err);
}

/* ---- the new plan ---- */

static cn_code
to_twin(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const twin *self = state;
    const int32_t position =
        expr->kind == CNI_EXPR_COLUMN ? position_of(self, expr->column_id) : -1;
    *out_expr = expr;
    return position < 0 ? CN_OK
                        : cni_expr_column(self->env->arena, self->wanted[position], expr->type,
                                          out_expr, err);
}

/* Whether the row of the table is there and meets the conjuncts; NULL = it always does. */
static cn_code
is_met(twin *self, const cni_expr **out_condition, cn_error *err)
{
    cni_arena *arena = self->env->arena;
    cni_list list = {0};
    const cni_expr *is_there = NULL;
    const cni_expr test = {.kind = CNI_EXPR_IS_NULL,
                           .negated = true,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .n_args = 1,
                           .args = &self->kept_key,
                           .sql_offset = -1};
    CN_TRY(cni_expr_new(arena, &test, &is_there, err));
    if (!cni_plan_column_not_null(self->kept, self->kept_key->column_id)) {
        CN_TRY(cni_list_push(arena, &list, is_there, err));
    }
    for (int64_t at = 0; at < self->conjuncts.n_items; at++) {
        const cni_expr *mapped = NULL;
        CN_TRY(cni_expr_rewrite(arena, self->conjuncts.items[at], to_twin, self, &mapped, err));
        CN_TRY(cni_list_push(arena, &list, mapped, err));
    }
    return cni_expr_all_of(arena, &list, out_condition, err);
}

/* CASE WHEN condition THEN value ELSE otherwise END. */
static cn_code
choose(twin *self, const cni_expr *condition, const cni_expr *value, const cni_expr *otherwise,
       const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *args[] = {condition, value, otherwise};
    const cni_expr node = {
        .kind = CNI_EXPR_CASE, .type = value->type, .n_args = 3, .args = args, .sql_offset = -1};
    return cni_expr_new(self->env->arena, &node, out_expr, err);
}

static cn_code
negation(twin *self, const cni_expr *condition, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *no = NULL;
    const cni_expr *yes = NULL;
    CN_TRY(cni_expr_bool(self->env->arena, false, &no, err));
    CN_TRY(cni_expr_bool(self->env->arena, true, &yes, err));
    return condition == NULL ? cni_expr_bool(self->env->arena, false, out_expr, err)
                             : choose(self, condition, no, yes, out_expr, err);
}

/* The join's columns; `condition` (may be NULL) says where those of the side that went are. */
static cn_code
project_columns(twin *self, const cni_plan *below, const cni_expr *condition,
                const cni_plan **out_plan, cn_error *err)
{
    cni_arena *arena = self->env->arena;
    const cni_plan *join = self->join;
    const cni_expr **exprs = NULL;
    CN_TRY(cni_arena_alloc_array(arena, join->n_columns, (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t at = 0; at < join->n_columns; at++) {
        const cni_column *column = &join->columns[at];
        const cni_expr *own = NULL;
        CN_TRY(cni_expr_column(arena, column->id, column->type, &own, err));
        CN_TRY(to_twin(self, own, &exprs[at], err));
        if (exprs[at] != own && condition != NULL) {
            const cni_value none = {.type = column->type, .is_null = true};
            const cni_expr *null = NULL;
            CN_TRY(cni_expr_literal(arena, &none, &null, err));
            CN_TRY(choose(self, condition, exprs[at], null, &exprs[at], err));
        }
    }
    cni_plan node = {.kind = CNI_PLAN_PROJECT,
                     .n_children = 1,
                     .children = &below,
                     .n_columns = join->n_columns,
                     .columns = join->columns,
                     .n_exprs = join->n_columns,
                     .exprs = exprs,
                     .limit = CNI_NO_LIMIT,
                     .estimated_rows = -1.0,
                     .estimated_cost = -1.0};
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

static cn_code
replace(twin *self, const cni_plan **out_plan, cn_error *err)
{
    const cni_expr *condition = NULL;
    const cni_plan *below = NULL;
    CN_TRY(want_named(self, err));
    CN_TRY(widen(self, self->kept, self->kept_key->column_id, &below, err));
    CN_TRY(is_met(self, &condition, err));
    if (self->join->join_kind == CNI_JOIN_LEFT) {
        return project_columns(self, below, condition, out_plan, err);
    }
    if (self->join->join_kind == CNI_JOIN_ANTI) {
        CN_TRY(negation(self, condition, &condition, err));
    }
    if (condition != NULL) {
        CN_TRY(cni_plan_filter(&self->env->builder, below, condition, &below, err));
    }
    *out_plan = below;
    return self->join->join_kind == CNI_JOIN_INNER
               ? project_columns(self, below, NULL, out_plan, err)
               : CN_OK;
}

/* ---- the rule ---- */

static cn_code
take_predicate(twin *self, bool *out_found, cn_error *err)
{
    cni_list conjuncts = {0};
    *out_found = false;
    CN_TRY(cni_expr_conjuncts(self->env->arena, self->join->predicate, &conjuncts, err));
    for (int64_t at = 0; at < conjuncts.n_items; at++) {
        bool is_key = false;
        if (!*out_found) {
            CN_TRY(is_key_equality(self, conjuncts.items[at], &is_key, err));
        }
        *out_found = *out_found || is_key;
        if (!is_key) {
            CN_TRY(cni_list_push(self->env->arena, &self->conjuncts, conjuncts.items[at], err));
        }
    }
    for (int64_t at = 0; at < self->conjuncts.n_items; at++) {
        const cni_expr *conjunct = self->conjuncts.items[at];
        *out_found =
            *out_found && !cni_expr_is_volatile(conjunct) && !cni_expr_has_subquery(conjunct);
    }
    return CN_OK;
}

/* A scan of the side's table in what would stay: cheap to see, and mostly there is none. */
static bool
has_scan_of(const cni_plan *plan, const cni_plan *scan)
{
    bool found = plan->kind == CNI_PLAN_SCAN &&
                 (plan->table == scan->table ||
                  cni_table_same_recipe(plan->table->recipe, scan->table->recipe));
    for (int32_t child = 0; child < plan->n_children && !found; child++) {
        found = has_scan_of(plan->children[child], scan);
    }
    return found;
}

static cn_code
try_side(cni_rule_env *env, const cni_plan *join, int32_t side, const cni_plan **out_plan,
         cn_error *err)
{
    twin self = {
        .env = env, .join = join, .kept = join->children[1 - side], .gone = join->children[side]};
    bool found = false;
    CN_TRY(take_side(&self, self.gone, err));
    if (self.gone_scan == NULL || self.gone_scan->table->ops->sketch == NULL ||
        !has_scan_of(self.kept, self.gone_scan)) {
        return CN_OK;
    }
    CN_TRY(take_predicate(&self, &found, err));
    return found ? replace(&self, out_plan, err) : CN_OK;
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = plan;
    if (plan->kind != CNI_PLAN_JOIN || plan->predicate == NULL) {
        return CN_OK;
    }
    switch ((cni_join_kind)plan->join_kind) {
    case CNI_JOIN_INNER:
        CN_TRY(try_side(env, plan, 1, out_plan, err));
        return *out_plan == plan ? try_side(env, plan, 0, out_plan, err) : CN_OK;
    case CNI_JOIN_LEFT:
    case CNI_JOIN_SEMI:
        return try_side(env, plan, 1, out_plan, err);
    case CNI_JOIN_ANTI:
        return plan->null_aware ? CN_OK : try_side(env, plan, 1, out_plan, err);
    default:
        return CN_OK;
    }
}

cn_code
cni_rule_self_join(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                   cn_error *err)
{
    return cni_plan_rewrite(env, plan, visit, out_plan, err);
}
