/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule narrow_expression: what only an expression needs does not travel; the expression does.
 *
 *   JOIN l.k = r.k AND length(r.text) + l.n > 9    JOIN l.k = r.k AND #len + l.n > 9
 *     l                                         ->   l
 *     r                                              PROJECT r.k, length(r.text) AS #len
 *                                                      r
 *
 * Inputs that are stored or paired are looked at: both sides of joins, what sorts and windows keep.
 * Columns of one input that everything above names only inside expressions over that input alone
 * are replaced by these expressions, where those are narrower. An expression is moved whole, as far
 * as it is free (rule.h) and of fixed width; where a join in between may pad the input with NULLs,
 * it must be NULL for a row of NULLs. So nothing raises that did not, and values are the same.
 *
 * Worth it where the rows that would be computed are used later, or where a table is built of them
 * and the saved bytes outweigh the work (n_rows by estimate, bytes by type).
 *
 * Works from the leaves up: an expression is computed at the lowest place that pays. Everything
 * above reads its column from there on (`groups`, one per input, in the order they were made).
 */
#include "optimize/rule/narrow_expression_int.h"

#define TEXT_BYTES     32.0 /* a text or list: its view and what it points at */
#define GAIN_BYTES     8.0  /* of a row: less is not worth a projection */
#define STORE_NS       0.3  /* what a byte costs that goes into a table and comes out again */
#define PASS_NS        0.1  /* that is gathered, and written where memory is short */
#define KEPT_FRACTION  0.5  /* of rows that are not stored, used later */
#define NAME_BYTES_MAX 64

static double
width_of(const cni_type *type)
{
    if (!cni_narrow_is_fixed(type)) {
        return TEXT_BYTES;
    }
    const cni_phys phys = cni_type_phys(type);
    return phys == CNI_PHYS_BIT ? 1.0 : (double)cni_phys_bytes(phys, type);
}

/* ---- what goes together ---- */

static bool
is_removable(const cni_narrow_input *self, int32_t column_id)
{
    return !cni_id_set_has(&self->bare, column_id);
}

/* The candidates that name the column. */
static uint64_t
named_by(const cni_narrow_input *self, int32_t column_id)
{
    uint64_t mask = 0;
    for (int32_t at = 0; at < self->n_candidates; at++) {
        mask |= cni_expr_names(self->candidates[at], column_id) ? UINT64_C(1) << at : 0;
    }
    return mask;
}

/* All candidates that removable columns tie to `mask`. */
static uint64_t
tied_to(const cni_narrow_input *self, uint64_t mask)
{
    uint64_t before = 0;
    while (mask != before) {
        before = mask;
        for (int32_t column = 0; column < self->input->n_columns; column++) {
            const int32_t id = self->input->columns[column].id;
            const uint64_t named = is_removable(self, id) ? named_by(self, id) : 0;
            mask |= (named & mask) != 0 ? named : 0;
        }
    }
    return mask;
}

/* Whether the candidates of `mask`, those inside of it, hold all that it takes of what goes. */
static bool
is_covered(const cni_narrow_input *self, const cni_expr *expr, uint64_t mask)
{
    for (int32_t at = 0; at < self->n_candidates; at++) {
        if ((mask >> at & 1) != 0 && cni_expr_equal(self->candidates[at], expr)) {
            return true;
        }
    }
    if (expr->kind == CNI_EXPR_COLUMN) {
        return !is_removable(self, expr->column_id);
    }
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        if (!is_covered(self, expr->args[arg], mask)) {
            return false;
        }
    }
    return true;
}

static uint64_t
without_covered(const cni_narrow_input *self, uint64_t mask)
{
    for (int32_t at = 0; at < self->n_candidates; at++) {
        const uint64_t bit = UINT64_C(1) << at;
        if ((mask & bit) != 0 && is_covered(self, self->candidates[at], mask & ~bit)) {
            mask &= ~bit;
        }
    }
    return mask;
}

/* ---- whether it pays ---- */

static double
bytes_saved(const cni_narrow_input *self, uint64_t tied, uint64_t mask)
{
    double bytes = 0.0;
    for (int32_t column = 0; column < self->input->n_columns; column++) {
        const cni_column *one = &self->input->columns[column];
        if (is_removable(self, one->id) && (named_by(self, one->id) & tied) != 0) {
            bytes += width_of(one->type);
        }
    }
    for (int32_t at = 0; at < self->n_candidates; at++) {
        bytes -= (mask >> at & 1) != 0 ? width_of(self->candidates[at]->type) : 0.0;
    }
    return bytes;
}

static cn_code
rows_of(cni_narrowing *self, const cni_plan *plan, double *out_rows, cn_error *err)
{
    cni_plan_estimate estimate = {0};
    if (self->estimator == NULL) { /* the whole first: it knows what CTE_SCANs read */
        CN_TRY(cni_estimator_new(self->env->arena, self->env->context, &self->estimator, err));
        CN_TRY(cni_estimate_plan(self->estimator, self->root, &estimate, err));
    }
    CN_TRY(cni_estimate_plan(self->estimator, plan, &estimate, err));
    *out_rows = estimate.rows < 1.0 ? 1.0 : estimate.rows;
    return CN_OK;
}

/* Rows for which the expression is computed as it is written: a join's predicate sees what its keys
 * leave. */
static cn_code
rows_of_use(cni_narrowing *self, const cni_narrow_place *use, double *out_rows, cn_error *err)
{
    const cni_plan *plan = use->plan;
    return rows_of(self, plan->kind == CNI_PLAN_JOIN ? plan : plan->children[use->child], out_rows,
                   err);
}

static cn_code
pays(const cni_narrow_input *self, const cni_narrow_place *from, uint64_t tied, uint64_t mask,
     bool *out_pays, cn_error *err)
{
    const bool stored = from->plan->kind != CNI_PLAN_TOPN &&
                        (from->plan->kind != CNI_PLAN_JOIN || from->child == 1);
    const double saved = bytes_saved(self, tied, mask);
    double n_rows = 0.0;
    double n_used = 0.0;
    double work_ns = 0.0;
    *out_pays = false;
    if (saved < GAIN_BYTES) {
        return CN_OK;
    }
    CN_TRY(rows_of(self->rule, from->plan->children[from->child], &n_rows, err));
    for (int32_t at = 0; at < self->n_candidates; at++) {
        double n_uses = 0.0;
        if ((mask >> at & 1) != 0) {
            CN_TRY(rows_of_use(self->rule, self->uses[at], &n_uses, err));
            n_used = n_uses > n_used ? n_uses : n_used;
            work_ns +=
                n_uses < n_rows ? (n_rows - n_uses) * cni_expr_cost(self->candidates[at]) : 0.0;
        }
    }
    *out_pays = work_ns <= saved * n_rows * (stored ? STORE_NS : PASS_NS) &&
                (stored || n_used >= KEPT_FRACTION * n_rows);
    return CN_OK;
}

static cn_code
choose(const cni_narrow_input *self, const cni_narrow_place *from, uint64_t *out_chosen,
       cn_error *err)
{
    uint64_t seen = 0;
    *out_chosen = 0;
    for (int32_t column = 0; column < self->input->n_columns; column++) {
        const int32_t id = self->input->columns[column].id;
        const uint64_t named = is_removable(self, id) ? named_by(self, id) : 0;
        bool does_pay = false;
        if (named == 0 || (named & seen) != 0) {
            continue;
        }
        const uint64_t tied = tied_to(self, named);
        const uint64_t mask = without_covered(self, tied);
        seen |= tied;
        CN_TRY(pays(self, from, tied, mask, &does_pay, err));
        *out_chosen |= does_pay ? mask : 0;
    }
    return CN_OK;
}

/* ---- moving ---- */

static cn_code
replace_moved(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    (void)err;
    const cni_list *group = state;
    *out_expr = expr;
    for (int64_t item = 0; item < group->n_items; item++) {
        const cni_moved_expr *moved = group->items[item];
        if (expr->n_args > 0 && cni_expr_equal(moved->pattern, expr)) {
            *out_expr = moved->column;
        }
    }
    return CN_OK;
}

static cni_str
input_name(const void *state, int32_t column_id)
{
    const cni_column *column = cni_plan_find_column(state, column_id);
    return column == NULL ? CNI_STR("?") : column->name;
}

/* The expression's text, or just the function's where that is long. */
static cn_code
name_of(const cni_narrow_input *self, const cni_expr *expr, cni_str *out_name, cn_error *err)
{
    cni_strbuf text;
    cn_error own = CN_ERROR_INIT;
    cni_strbuf_init(&text, self->rule->env->context->allocator, NAME_BYTES_MAX);
    cn_code code = cni_expr_print(expr, input_name, self->input, &text, &own);
    if (code == CN_OK) {
        code = cni_arena_str(self->rule->env->arena, cni_strbuf_view(&text), out_name, err);
    } else if (code == CN_LIMIT_EXCEEDED) {
        *out_name = expr->function != NULL ? expr->function->name : CNI_STR("narrow");
        code = CN_OK;
    } else if (err != NULL) {
        *err = own;
    }
    cni_strbuf_done(&text);
    return code;
}

/* Columns that stay: those that something names, or nothing, or what was not chosen. */
static bool
stays(const cni_narrow_input *self, int32_t column_id, uint64_t chosen_tied)
{
    return !is_removable(self, column_id) || (named_by(self, column_id) & chosen_tied) == 0;
}

static cn_code
project_narrow(const cni_narrow_input *self, uint64_t chosen, const cni_plan **out_plan,
               int32_t *out_first, cn_error *err)
{
    cni_arena *arena = self->rule->env->arena;
    const cni_plan *input = self->input;
    const uint64_t tied = tied_to(self, chosen);
    const int32_t n_most = input->n_columns + self->n_candidates;
    const cni_expr **exprs = NULL;
    cni_str *names = NULL;
    int32_t n_exprs = 0;
    CN_TRY(cni_arena_alloc_array(arena, n_most, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(arena, n_most, (int64_t)sizeof(*names), &names, err));
    for (int32_t column = 0; column < input->n_columns; column++) {
        const cni_column *one = &input->columns[column];
        if (stays(self, one->id, tied)) {
            names[n_exprs] = one->name;
            CN_TRY(cni_expr_column(arena, one->id, one->type, &exprs[n_exprs++], err));
        }
    }
    *out_first = n_exprs;
    for (int32_t at = 0; at < self->n_candidates; at++) {
        if ((chosen >> at & 1) != 0) {
            exprs[n_exprs] = self->candidates[at];
            CN_TRY(name_of(self, exprs[n_exprs], &names[n_exprs], err));
            n_exprs++;
        }
    }
    return cni_plan_project(&self->rule->env->builder, input, exprs, names, n_exprs, out_plan, err);
}

/* Column `at` of the projection stands for its expression. Inner ones come first. */
static cn_code
add_moved(cni_narrowing *self, const cni_plan *project, int32_t at, cni_list *group, cn_error *err)
{
    cni_moved_expr *moved = NULL;
    const cni_column *column = &project->columns[at];
    CN_TRY(CN_ARENA_NEW(self->env->arena, &moved, err));
    moved->expr = project->exprs[at];
    CN_TRY(cni_expr_rewrite(self->env->arena, moved->expr, replace_moved, group, &moved->pattern,
                            err));
    CN_TRY(cni_expr_column(self->env->arena, column->id, column->type, &moved->column, err));
    return cni_list_push(self->env->arena, group, moved, err);
}

static cn_code
move(const cni_narrow_input *self, uint64_t chosen, const cni_plan **out_plan, cn_error *err)
{
    cni_narrowing *all = self->rule;
    cni_list *group = NULL;
    const cni_plan *project = NULL;
    int32_t first = 0;
    CN_TRY(project_narrow(self, chosen, &project, &first, err));
    CN_TRY(CN_ARENA_NEW(all->env->arena, &group, err));
    for (int16_t depth = 0; depth <= CNI_EXPR_MAX_DEPTH; depth++) {
        for (int32_t at = first; at < project->n_columns; at++) {
            if (project->exprs[at]->depth == depth) {
                CN_TRY(add_moved(all, project, at, group, err));
            }
        }
    }
    *out_plan = project;
    return cni_list_push(all->env->arena, &all->groups, group, err);
}

/* Something that is wide enough for a gain. */
static bool
has_wide(const cni_plan *input)
{
    for (int32_t column = 0; column < input->n_columns; column++) {
        if (width_of(input->columns[column].type) > GAIN_BYTES) {
            return true;
        }
    }
    return false;
}

static CN_NOINLINE cn_code
narrow_input(cni_narrowing *self, const cni_narrow_place *from, const cni_plan *input,
             const cni_plan **out_plan, cn_error *err)
{
    cni_narrow_input *one = NULL;
    uint64_t chosen = 0;
    *out_plan = input;
    if (!has_wide(input)) {
        return CN_OK;
    }
    CN_TRY(CN_ARENA_NEW(self->env->arena, &one, err));
    one->rule = self;
    one->input = input;
    CN_TRY(cni_narrow_find_uses(one, from, err));
    if (one->crowded || one->n_candidates == 0) {
        return CN_OK;
    }
    CN_TRY(choose(one, from, &chosen, err));
    return chosen == 0 ? CN_OK : move(one, chosen, out_plan, err);
}

/* ---- the way through the plan ---- */

typedef struct look_for {
    const cni_expr *expr;
    bool found;
} look_for;

static bool
see_expr(void *state, const cni_expr *expr)
{
    look_for *look = state;
    look->found = look->found || cni_expr_equal(look->expr, expr);
    return !look->found;
}

static bool
node_holds(const cni_plan *plan, const cni_expr *expr)
{
    look_for look = {expr, false};
    for (int32_t at = 0; at < plan->n_exprs; at++) {
        cni_expr_walk(plan->exprs[at], see_expr, &look);
    }
    for (int32_t order = 0; order < plan->n_orders; order++) {
        cni_expr_walk(plan->orders[order].expr, see_expr, &look);
    }
    cni_expr_walk(plan->predicate, see_expr, &look);
    return look.found;
}

/* Whether the column stands for an expression that something above holds. */
static bool
is_wanted(const cni_narrowing *self, const cni_narrow_place *above, int32_t column_id)
{
    const cni_expr *expr = NULL;
    for (int64_t group = 0; group < self->groups.n_items; group++) {
        const cni_list *members = self->groups.items[group];
        for (int64_t item = 0; item < members->n_items; item++) {
            const cni_moved_expr *moved = members->items[item];
            expr = moved->column->column_id == column_id ? moved->expr : expr;
        }
    }
    bool wanted = false;
    for (const cni_narrow_place *at = above; expr != NULL && !wanted && at != NULL;
         at = cni_narrow_passes_on(at) ? at->above : NULL) {
        wanted = node_holds(at->plan, expr);
    }
    return wanted;
}

/* PROJECT passes on what the narrowed child has instead of what it had. */
static CN_NOINLINE cn_code
project_over(cni_narrowing *self, const cni_plan *plan, const cni_narrow_place *above,
             const cni_plan *child, const cni_plan **out_plan, cn_error *err)
{
    cni_arena *arena = self->env->arena;
    const int32_t n_most = plan->n_columns + child->n_columns;
    const cni_expr **exprs = NULL;
    cni_column *columns = NULL;
    cni_plan node = *plan;
    int32_t n_kept = 0;
    CN_TRY(cni_arena_alloc_array(arena, n_most, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(arena, n_most, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_expr *expr = plan->exprs[column];
        if (expr->kind != CNI_EXPR_COLUMN || cni_plan_find_column(child, expr->column_id) != NULL) {
            exprs[n_kept] = expr;
            columns[n_kept++] = plan->columns[column];
        }
    }
    for (int32_t column = 0; column < child->n_columns; column++) {
        const cni_column *one = &child->columns[column];
        if (cni_plan_find_column(plan->children[0], one->id) == NULL &&
            is_wanted(self, above, one->id)) {
            CN_TRY(cni_expr_column(arena, one->id, one->type, &exprs[n_kept], err));
            columns[n_kept++] = *one;
        }
    }
    node.children = &child;
    node.exprs = exprs;
    node.n_exprs = n_kept;
    node.columns = columns;
    node.n_columns = n_kept;
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

static CN_NOINLINE cn_code
rebuild(cni_narrowing *self, const cni_plan *plan, const cni_narrow_place *above,
        const cni_plan *const *children, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *original = plan;
    for (int64_t group = 0; group < self->groups.n_items; group++) {
        CN_TRY(cni_plan_map_exprs(self->env, plan, replace_moved, self->groups.items[group], &plan,
                                  err));
    }
    if (plan->kind == CNI_PLAN_PROJECT && children[0] != original->children[0]) {
        return project_over(self, plan, above, children[0], out_plan, err);
    }
    return cni_plan_over(self->env, plan, children, out_plan, err);
}

static bool
keeps_rows(const cni_plan *plan)
{
    return plan->kind == CNI_PLAN_JOIN || plan->kind == CNI_PLAN_SORT ||
           plan->kind == CNI_PLAN_TOPN || plan->kind == CNI_PLAN_WINDOW;
}

static cn_code
narrow(cni_narrowing *self, const cni_plan *plan, const cni_narrow_place *above,
       const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **children = NULL;
    cni_narrow_place here = {above, plan, 0};
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (; here.child < plan->n_children; here.child++) {
        const cni_plan **child = &children[here.child];
        CN_TRY(narrow(self, plan->children[here.child], &here, child, err));
        if (keeps_rows(plan)) {
            CN_TRY(narrow_input(self, &here, *child, child, err));
        }
    }
    return rebuild(self, plan, above, children, out_plan, err);
}

cn_code
cni_rule_narrow_expression(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                           cn_error *err)
{
    cni_narrowing self = {.env = env, .root = plan};
    const cni_plan *narrowed = NULL;
    CN_TRY(narrow(&self, plan, NULL, &narrowed, err));
    return cni_plan_exactly(env, narrowed, plan->columns, plan->n_columns, out_plan, err);
}
