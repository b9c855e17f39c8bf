/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and functional dependencies: which columns have one value for given values of others, and
 * whether those single out a row.
 *
 * One bag of column ids serves a whole plan, because ids are unique in it and keep their meaning
 * while they travel up. A pass walks the tree once and puts in what follows at each node; passes
 * repeat until nothing is new. Ids beyond the bag's size are not kept, which only loses proofs.
 *
 *   close_over(node): whether at most one row of the node agrees with the bag; if so the bag gets
 *                     all the node's columns.
 */
#include "optimize/property/property_int.h"

#include "plan/stats/sketch.h"

#define BAG_MAX    8192 /* ids */
#define PASSES_MAX 16
#define SCANS_MAX  64

typedef struct closure {
    const cni_rule_env *env; /* NULL: tables are not asked */
    int32_t n_ids;
    uint64_t bits[BAG_MAX / 64];
    int32_t n_scans; /* those known to give one row */
    const cni_plan *scans[SCANS_MAX];
} closure;

static bool close_over(closure *self, const cni_plan *plan);

static bool
has(const closure *self, int32_t id)
{
    return id >= 0 && id < BAG_MAX && ((self->bits[id / 64] >> (id % 64)) & 1) != 0;
}

static void
add(closure *self, int32_t id)
{
    if (id >= 0 && id < BAG_MAX && !has(self, id)) {
        self->bits[id / 64] |= UINT64_C(1) << (id % 64);
        self->n_ids++;
    }
}

static bool
has_all_columns(const closure *self, const cni_plan *plan, int32_t n_columns)
{
    for (int32_t column = 0; column < n_columns; column++) {
        if (!has(self, plan->columns[column].id)) {
            return false;
        }
    }
    return true;
}

bool
cni_type_is_exact(const cni_type *type)
{
    switch ((cni_type_id)type->id) {
    case CNI_TYPE_BOOL:
    case CNI_TYPE_INT8:
    case CNI_TYPE_INT16:
    case CNI_TYPE_INT32:
    case CNI_TYPE_INT64:
    case CNI_TYPE_UINT8:
    case CNI_TYPE_UINT16:
    case CNI_TYPE_UINT32:
    case CNI_TYPE_UINT64:
    case CNI_TYPE_HUGEINT:
    case CNI_TYPE_DECIMAL:
    case CNI_TYPE_VARCHAR:
    case CNI_TYPE_BLOB:
    case CNI_TYPE_DATE:
    case CNI_TYPE_TIME:
    case CNI_TYPE_TIMESTAMP:
        return true;
    default:
        return false;
    }
}

/* ---- expressions ---- */

typedef struct expr_search {
    const closure *bag;
    bool known;
} expr_search;

static bool
see_known(void *state, const cni_expr *expr)
{
    expr_search *search = state;
    switch ((cni_expr_kind)expr->kind) {
    case CNI_EXPR_COLUMN:
        search->known =
            search->known && has(search->bag, expr->column_id) && cni_type_is_exact(expr->type);
        break;
    case CNI_EXPR_PARAMETER:
    case CNI_EXPR_AGGREGATE:
    case CNI_EXPR_WINDOW:
    case CNI_EXPR_SUBQUERY:
    case CNI_EXPR_LAMBDA:
        search->known = false;
        break;
    default:
        search->known =
            search->known && (expr->function == NULL || expr->function->volatility != CNI_VOLATILE);
        break;
    }
    return search->known;
}

/* Whether the expression has one value for the values in the bag. */
static bool
is_known(const closure *self, const cni_expr *expr)
{
    if (expr->kind == CNI_EXPR_COLUMN) {
        return has(self, expr->column_id);
    }
    expr_search search = {self, true};
    cni_expr_walk(expr, see_known, &search);
    return search.known;
}

static void
learn_equality(closure *self, const cni_expr *conjunct)
{
    const bool equality = (conjunct->kind == CNI_EXPR_COMPARE && conjunct->op == CNI_EQ) ||
                          (conjunct->kind == CNI_EXPR_DISTINCT && conjunct->negated);
    if (!equality) {
        return;
    }
    for (int32_t side = 0; side < 2; side++) {
        const cni_expr *column = conjunct->args[side];
        if (column->kind == CNI_EXPR_COLUMN && is_known(self, conjunct->args[1 - side])) {
            add(self, column->column_id);
        }
    }
}

static void
learn_predicate(closure *self, const cni_expr *predicate)
{
    if (predicate == NULL) {
        return;
    }
    if (predicate->kind != CNI_EXPR_AND) {
        learn_equality(self, predicate);
        return;
    }
    for (int32_t arg = 0; arg < predicate->n_args; arg++) {
        learn_predicate(self, predicate->args[arg]);
    }
}

/* exprs[i] makes columns[i]: what is known of one is known of the other. */
static void
learn_inward(closure *self, const cni_plan *plan, int32_t n_exprs)
{
    for (int32_t column = 0; column < n_exprs; column++) {
        const cni_expr *expr = plan->exprs[column];
        if (expr->kind == CNI_EXPR_COLUMN && has(self, plan->columns[column].id)) {
            add(self, expr->column_id);
        }
    }
}

static void
learn_outward(closure *self, const cni_plan *plan, int32_t n_exprs)
{
    for (int32_t column = 0; column < n_exprs; column++) {
        if (is_known(self, plan->exprs[column])) {
            add(self, plan->columns[column].id);
        }
    }
}

/* ---- nodes ---- */

static bool
is_unique_column(const closure *self, const cni_plan *scan, int32_t column)
{
    const struct cni_column_sketch *sketch = NULL;
    cni_table *table = scan->table;
    const int32_t position = scan->table_columns[column];
    cni_context *context = self->env->context;
    cn_error ignored = CN_ERROR_INIT;
    bool is_unique = false;
    if (table->ops->prove_unique != NULL) {
        return table->ops->prove_unique(table, position, context, &is_unique, &ignored) == CN_OK &&
               is_unique;
    }
    const cn_code code = table->ops->sketch(table, position, context, &sketch, &ignored);
    return code == CN_OK && sketch != NULL && sketch->unique;
}

/* Filters of a scan hold above it: where the table does not apply them exactly, a FILTER stands
 * right over it. A table is asked about the columns that came into the bag before its own others
 * did. */
static bool
close_scan(closure *self, const cni_plan *scan)
{
    for (int32_t filter = 0; filter < scan->n_filters; filter++) {
        learn_predicate(self, scan->filters[filter]);
    }
    if (self->env == NULL || self->env->context == NULL || scan->table->ops->sketch == NULL) {
        return false;
    }
    for (int32_t known = 0; known < self->n_scans; known++) {
        if (self->scans[known] == scan) {
            return true;
        }
    }
    for (int32_t column = 0; column < scan->n_columns && self->n_scans < SCANS_MAX; column++) {
        if (has(self, scan->columns[column].id) && is_unique_column(self, scan, column)) {
            self->scans[self->n_scans++] = scan;
            return true;
        }
    }
    return false;
}

static bool
close_aggregate(closure *self, const cni_plan *plan)
{
    learn_inward(self, plan, plan->n_groups);
    const bool below = close_over(self, plan->children[0]);
    learn_outward(self, plan, plan->n_groups);
    return plan->n_groups == 0 || below || has_all_columns(self, plan, plan->n_groups);
}

static bool
close_distinct(closure *self, const cni_plan *plan)
{
    const bool below = close_over(self, plan->children[0]);
    bool keys = plan->n_exprs > 0 && plan->limit == 1;
    for (int32_t key = 0; keys && key < plan->n_exprs; key++) {
        keys = is_known(self, plan->exprs[key]);
    }
    return below || keys || (plan->n_exprs == 0 && has_all_columns(self, plan, plan->n_columns));
}

/* Rows of a partition have numbers of their own. */
static bool
close_window(closure *self, const cni_plan *plan)
{
    const cni_plan *child = plan->children[0];
    const bool below = close_over(self, child);
    bool keys = true;
    for (int32_t key = 0; keys && key < plan->n_groups; key++) {
        keys = is_known(self, plan->exprs[key]);
    }
    for (int32_t at = plan->n_groups; keys && !below && at < plan->n_exprs; at++) {
        const int32_t column = child->n_columns + at - plan->n_groups;
        if (plan->exprs[at]->kind == CNI_EXPR_WINDOW &&
            plan->exprs[at]->function->builtin == CNI_WINDOW_ROW_NUMBER &&
            has(self, plan->columns[column].id)) {
            return true;
        }
    }
    return below;
}

static void
add_columns(closure *self, const cni_plan *plan)
{
    for (int32_t column = 0; column < plan->n_columns; column++) {
        add(self, plan->columns[column].id);
    }
}

/* Right columns follow from a left row only, as NULLs stand for them where nothing matches: two
 * rows that agree on right columns may be a match with NULLs in it and a row without one. */
static bool
close_join(closure *self, const cni_plan *plan)
{
    const cni_plan *left = plan->children[0];
    const cni_plan *right = plan->children[1];
    if (plan->join_kind == CNI_JOIN_FULL) {
        return false;
    }
    if (plan->join_kind == CNI_JOIN_INNER) {
        learn_predicate(self, plan->predicate);
    }
    const bool left_row = close_over(self, left);
    switch ((cni_join_kind)plan->join_kind) {
    case CNI_JOIN_INNER: {
        const bool right_row = close_over(self, right);
        return left_row && right_row;
    }
    case CNI_JOIN_LEFT:
        if (!left_row) {
            return false;
        }
        learn_predicate(self, plan->predicate);
        return close_over(self, right);
    default:
        return left_row;
    }
}

static bool
close_node(closure *self, const cni_plan *plan)
{
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_SCAN:
        return close_scan(self, plan);
    case CNI_PLAN_VALUES:
        return plan->n_rows <= 1;
    case CNI_PLAN_FILTER:
        learn_predicate(self, plan->predicate);
        return close_over(self, plan->children[0]);
    case CNI_PLAN_PROJECT: {
        learn_inward(self, plan, plan->n_exprs);
        const bool below = close_over(self, plan->children[0]);
        learn_outward(self, plan, plan->n_exprs);
        return below;
    }
    case CNI_PLAN_AGGREGATE:
        return close_aggregate(self, plan);
    case CNI_PLAN_DISTINCT:
        return close_distinct(self, plan);
    case CNI_PLAN_SORT:
        return close_over(self, plan->children[0]);
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT: {
        const bool below = close_over(self, plan->children[0]);
        return below || (plan->limit >= 0 && plan->limit <= 1);
    }
    case CNI_PLAN_JOIN:
        return close_join(self, plan);
    case CNI_PLAN_WITH:
        return close_over(self, plan->children[1]);
    case CNI_PLAN_RECURSIVE:
        return plan->distinct && has_all_columns(self, plan, plan->n_columns);
    case CNI_PLAN_WINDOW:
        return close_window(self, plan);
    case CNI_PLAN_REPEAT:
        (void)close_over(self, plan->children[0]);
        return false;
    default:
        return false;
    }
}

static bool
close_over(closure *self, const cni_plan *plan)
{
    const bool one_row = close_node(self, plan);
    if (one_row) {
        add_columns(self, plan);
    }
    return one_row;
}

static bool
close_fully(closure *self, const cni_plan *plan, const int32_t *column_ids, int32_t n_ids)
{
    bool one_row = false;
    int32_t n_before = -1;
    self->n_ids = 0;
    self->n_scans = 0;
    memset(self->bits, 0, sizeof(self->bits));
    for (int32_t id = 0; id < n_ids; id++) {
        add(self, column_ids[id]);
    }
    for (int32_t pass = 0; pass < PASSES_MAX && n_before != self->n_ids && !one_row; pass++) {
        n_before = self->n_ids;
        one_row = close_over(self, plan);
    }
    return one_row;
}

/* ---- questions ---- */

bool
cni_plan_is_unique_on_proved(const cni_rule_env *env, const cni_plan *plan,
                             const int32_t *column_ids, int32_t n_ids)
{
    closure self;
    self.env = env;
    return close_fully(&self, plan, column_ids, n_ids);
}

bool
cni_plan_is_unique_on(const cni_plan *plan, const int32_t *column_ids, int32_t n_ids)
{
    return cni_plan_is_unique_on_proved(NULL, plan, column_ids, n_ids);
}

bool
cni_plan_at_most_one_row(const cni_plan *plan)
{
    return cni_plan_is_unique_on(plan, NULL, 0);
}

bool
cni_plan_determines_proved(const cni_rule_env *env, const cni_plan *plan, const int32_t *column_ids,
                           int32_t n_ids, int32_t column_id)
{
    closure self;
    self.env = env;
    return close_fully(&self, plan, column_ids, n_ids) || has(&self, column_id);
}

void
cni_plan_determines_each(const cni_rule_env *env, const cni_plan *plan, const int32_t *column_ids,
                         int32_t n_ids, const int32_t *wanted_ids, int32_t n_wanted, bool *out_each)
{
    closure self;
    self.env = env;
    const bool one_row = close_fully(&self, plan, column_ids, n_ids);
    for (int32_t wanted = 0; wanted < n_wanted; wanted++) {
        out_each[wanted] = one_row || has(&self, wanted_ids[wanted]);
    }
}

bool
cni_plan_determines(const cni_plan *plan, const int32_t *column_ids, int32_t n_ids,
                    int32_t column_id)
{
    return cni_plan_determines_proved(NULL, plan, column_ids, n_ids, column_id);
}

static bool
join_gives_one_row(const cni_plan *plan)
{
    if (!cni_plan_exactly_one_row(plan->children[0])) {
        return false;
    }
    switch ((cni_join_kind)plan->join_kind) {
    case CNI_JOIN_INNER:
        return plan->predicate == NULL && cni_plan_exactly_one_row(plan->children[1]);
    case CNI_JOIN_LEFT:
        return cni_plan_at_most_one_row(plan->children[1]);
    case CNI_JOIN_MARK:
    case CNI_JOIN_SINGLE:
        return true;
    default:
        return false;
    }
}

bool
cni_plan_exactly_one_row(const cni_plan *plan)
{
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_VALUES:
        return plan->n_rows == 1;
    case CNI_PLAN_AGGREGATE:
        return plan->n_groups == 0;
    case CNI_PLAN_PROJECT:
    case CNI_PLAN_SORT:
    case CNI_PLAN_DISTINCT:
    case CNI_PLAN_WINDOW:
        return cni_plan_exactly_one_row(plan->children[0]);
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT:
        return plan->offset == 0 && plan->limit != 0 && cni_plan_exactly_one_row(plan->children[0]);
    case CNI_PLAN_WITH:
        return cni_plan_exactly_one_row(plan->children[1]);
    case CNI_PLAN_JOIN:
        return join_gives_one_row(plan);
    default:
        return false;
    }
}
