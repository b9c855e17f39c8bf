/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule transitive: what is said of one column is said of those that are equal to it. A predicate
 * over a single column (comparison with a constant, IN, LIKE, a disjunction of them) is repeated
 * for the other members of the column's equivalence class, where they do not have it yet:
 *
 *   t.a = u.a AND t.a > 5           and u.a > 5
 *   t LEFT JOIN u ON t.a = u.a WHERE t.a = 5:   u.a = 5 inside the right side (SEMI, ANTI, MARK,
 *                                   SINGLE likewise): no other row of it can match
 *
 * Facts are what holds in every row of a region of joins and filters: their predicates, filters of
 * scans, and what holds inside projections and groupings of their columns. New ones are put in a
 * FILTER over the region; filter_pushdown, which comes next, brings them down.
 *
 * Equalities between columns that follow from others (t.a = u.a AND u.a = v.a: t.a = v.a) are not
 * written into the plan, so that nobody counts them twice: whoever needs every edge of the join
 * graph asks cni_equivalence_of.
 */
#include "optimize/property/property.h"

#define FACTS_MAX 256 /* of a region, found ones included */

/* Predicates (of const cni_expr *) that hold in every row that counts. */
typedef struct facts {
    cni_list list;
} facts;

static cn_code derive(cni_rule_env *env, const cni_plan *plan, const facts *inherited,
                      const cni_plan **out_plan, cn_error *err);

static bool
is_known(const facts *self, const cni_expr *expr)
{
    for (int64_t item = 0; item < self->list.n_items; item++) {
        if (cni_expr_equal(self->list.items[item], expr)) {
            return true;
        }
    }
    return false;
}

static cn_code
learn(cni_rule_env *env, facts *self, const cni_expr *expr, cn_error *err)
{
    if (self->list.n_items >= FACTS_MAX || !cni_expr_is_free(expr) || is_known(self, expr)) {
        return CN_OK;
    }
    return cni_list_push(env->arena, &self->list, expr, err);
}

static cn_code
learn_predicate(cni_rule_env *env, facts *self, const cni_expr *predicate, cn_error *err)
{
    cni_list conjuncts = {0};
    if (predicate == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_expr_conjuncts(env->arena, predicate, &conjuncts, err));
    for (int64_t item = 0; item < conjuncts.n_items; item++) {
        CN_TRY(learn(env, self, conjuncts.items[item], err));
    }
    return CN_OK;
}

/* Columns that are nothing but another one. */
static cn_code
learn_aliases(cni_rule_env *env, facts *self, const cni_plan *plan, int32_t n_exprs, cn_error *err)
{
    for (int32_t column = 0; column < n_exprs; column++) {
        const cni_expr *expr = plan->exprs[column];
        const cni_expr *made = NULL;
        const cni_expr *equality = NULL;
        if (expr->kind != CNI_EXPR_COLUMN || expr->column_id == plan->columns[column].id) {
            continue;
        }
        CN_TRY(cni_expr_column(env->arena, plan->columns[column].id, expr->type, &made, err));
        CN_TRY(cni_expr_compare(env->arena, CNI_EQ, made, expr, &equality, err));
        CN_TRY(learn(env, self, equality, err));
    }
    return CN_OK;
}

static cn_code
gather(cni_rule_env *env, const cni_plan *plan, facts *self, cn_error *err)
{
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_SCAN:
        for (int32_t filter = 0; filter < plan->n_filters; filter++) {
            CN_TRY(learn(env, self, plan->filters[filter], err));
        }
        return CN_OK;
    case CNI_PLAN_FILTER:
        CN_TRY(learn_predicate(env, self, plan->predicate, err));
        return gather(env, plan->children[0], self, err);
    case CNI_PLAN_PROJECT:
        CN_TRY(learn_aliases(env, self, plan, plan->n_exprs, err));
        return gather(env, plan->children[0], self, err);
    case CNI_PLAN_AGGREGATE:
        CN_TRY(learn_aliases(env, self, plan, plan->n_groups, err));
        return plan->n_groups > 0 ? gather(env, plan->children[0], self, err) : CN_OK;
    case CNI_PLAN_DISTINCT:
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT:
    case CNI_PLAN_REPEAT:
    case CNI_PLAN_WINDOW:
        return gather(env, plan->children[0], self, err);
    case CNI_PLAN_JOIN:
        if (plan->join_kind == CNI_JOIN_FULL) {
            return CN_OK;
        }
        if (plan->join_kind == CNI_JOIN_INNER || plan->join_kind == CNI_JOIN_SEMI) {
            CN_TRY(learn_predicate(env, self, plan->predicate, err));
            CN_TRY(gather(env, plan->children[1], self, err));
        }
        return gather(env, plan->children[0], self, err);
    default:
        return CN_OK;
    }
}

/* ---- from one column to another ---- */

typedef struct only_search {
    const cni_expr *column;
    bool single;
} only_search;

static bool
see_only(void *state, const cni_expr *expr)
{
    only_search *search = state;
    if (expr->kind == CNI_EXPR_COLUMN) {
        search->single = search->single &&
                         (search->column == NULL || search->column->column_id == expr->column_id);
        search->column = expr;
    }
    search->single = search->single && expr->kind != CNI_EXPR_PARAMETER;
    return search->single;
}

/* The only column that the predicate names, if it may be said of every equal value: where equal
 * values can differ (-0 and 0), only comparisons with constants may. */
static const cni_expr *
subject_of(const cni_expr *predicate)
{
    only_search search = {NULL, true};
    if (predicate->kind == CNI_EXPR_IS_NULL || predicate->kind == CNI_EXPR_LITERAL) {
        return NULL;
    }
    cni_expr_walk(predicate, see_only, &search);
    if (!search.single || search.column == NULL) {
        return NULL;
    }
    const bool compares = (predicate->kind == CNI_EXPR_COMPARE || predicate->kind == CNI_EXPR_IN) &&
                          predicate->args[0]->kind == CNI_EXPR_COLUMN;
    return compares || cni_type_is_exact(search.column->type) ? search.column : NULL;
}

typedef struct renaming {
    int32_t from;
    const cni_expr *to;
} renaming;

static cn_code
rename_column(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const renaming *self = state;
    (void)err;
    *out_expr = expr->kind == CNI_EXPR_COLUMN && expr->column_id == self->from ? self->to : expr;
    return CN_OK;
}

/* The predicate of `subject` said of column `id` of `plan`; NULL where that is of another type or
 * not there. */
static cn_code
say_of(cni_rule_env *env, const cni_expr *predicate, const cni_expr *subject, const cni_plan *plan,
       int32_t id, const cni_expr **out_expr, cn_error *err)
{
    const cni_column *column = cni_plan_find_column(plan, id);
    renaming self = {subject->column_id, NULL};
    *out_expr = NULL;
    if (column == NULL || !cni_type_equal(column->type, subject->type)) {
        return CN_OK;
    }
    CN_TRY(cni_expr_column(env->arena, id, column->type, &self.to, err));
    return cni_expr_rewrite(env->arena, predicate, rename_column, &self, out_expr, err);
}

/* Facts about columns of `plan` that follow from `known` and are not in it, into both lists. */
static cn_code
conclude(cni_rule_env *env, const cni_plan *plan, facts *known, cni_list *out_new, cn_error *err)
{
    cni_equivalence *classes = NULL;
    const int64_t n_given = known->list.n_items;
    CN_TRY(cni_equivalence_of_predicates(
        env->arena, (const cni_expr *const *)(void *)known->list.items, n_given, &classes, err));
    for (int64_t item = 0; item < n_given; item++) {
        const cni_expr *predicate = known->list.items[item];
        const cni_expr *subject = subject_of(predicate);
        const int32_t *members = NULL;
        const int32_t n_members =
            subject == NULL ? 0 : cni_equivalence_members(classes, subject->column_id, &members);
        for (int32_t member = 0; member < n_members; member++) {
            const cni_expr *said = NULL;
            CN_TRY(say_of(env, predicate, subject, plan, members[member], &said, err));
            if (said != NULL && !is_known(known, said) && known->list.n_items < FACTS_MAX) {
                CN_TRY(cni_list_push(env->arena, &known->list, said, err));
                CN_TRY(cni_list_push(env->arena, out_new, said, err));
            }
        }
    }
    return CN_OK;
}

/* ---- regions ---- */

static cn_code
copy_facts(cni_rule_env *env, const facts *from, facts *out_copy, cn_error *err)
{
    *out_copy = (facts){0};
    for (int64_t item = 0; item < from->list.n_items; item++) {
        CN_TRY(cni_list_push(env->arena, &out_copy->list, from->list.items[item], err));
    }
    return CN_OK;
}

typedef struct right_search {
    const cni_plan *right;
    bool found;
} right_search;

static bool
see_right(void *state, const cni_expr *expr)
{
    right_search *search = state;
    search->found = search->found || (expr->kind == CNI_EXPR_COLUMN &&
                                      cni_plan_find_column(search->right, expr->column_id) != NULL);
    return !search->found;
}

/* The facts that do not name the side. Above a join that pads it they are said of its NULLs too:
 * a row of it that fails one may not be dropped below, for its partner would be padded instead. */
static cn_code
facts_beside(cni_rule_env *env, const facts *from, const cni_plan *side, facts *out_facts,
             cn_error *err)
{
    for (int64_t item = 0; item < from->list.n_items; item++) {
        right_search search = {side, false};
        cni_expr_walk(from->list.items[item], see_right, &search);
        if (!search.found) {
            CN_TRY(cni_list_push(env->arena, &out_facts->list, from->list.items[item], err));
        }
    }
    return CN_OK;
}

/* The right side of a join that keeps left rows, or only asks whether there is a partner: what
 * follows for it from the facts and the equalities of ON. */
static cn_code
derive_right(cni_rule_env *env, const cni_plan *join, const facts *known, const cni_plan **out_plan,
             cn_error *err)
{
    const cni_plan *right = join->children[1];
    const facts nothing = {0};
    facts inside = {0};
    cni_list found = {0};
    if (!join->null_aware && join->join_kind != CNI_JOIN_FULL) {
        CN_TRY(facts_beside(env, known, right, &inside, err));
        CN_TRY(learn_predicate(env, &inside, join->predicate, err));
        CN_TRY(gather(env, right, &inside, err));
        CN_TRY(conclude(env, right, &inside, &found, err));
        CN_TRY(cni_plan_filter_all(env, right, &found, &right, err));
    }
    return derive(env, right, &nothing, out_plan, err);
}

/* The inside of a region: joins and filters stay, relations are looked into. */
static cn_code
descend(cni_rule_env *env, const cni_plan *plan, const facts *known, const cni_plan **out_plan,
        cn_error *err)
{
    const bool is_inside = plan->kind == CNI_PLAN_FILTER ||
                           (plan->kind == CNI_PLAN_JOIN && plan->join_kind != CNI_JOIN_FULL);
    const cni_plan **children = NULL;
    if (!is_inside) {
        return derive(env, plan, known, out_plan, err);
    }
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    CN_TRY(descend(env, plan->children[0], known, &children[0], err));
    if (plan->n_children > 1 && plan->join_kind == CNI_JOIN_INNER) {
        CN_TRY(descend(env, plan->children[1], known, &children[1], err));
    } else if (plan->n_children > 1) {
        CN_TRY(derive_right(env, plan, known, &children[1], err));
    }
    return cni_plan_over(env, plan, children, out_plan, err);
}

static cn_code
derive_region(cni_rule_env *env, const cni_plan *plan, const facts *inherited,
              const cni_plan **out_plan, cn_error *err)
{
    facts known = {0};
    cni_list found = {0};
    const cni_plan *inside = NULL;
    CN_TRY(copy_facts(env, inherited, &known, err));
    CN_TRY(gather(env, plan, &known, err));
    CN_TRY(conclude(env, plan, &known, &found, err));
    CN_TRY(descend(env, plan, &known, &inside, err));
    return cni_plan_filter_all(env, inside, &found, out_plan, err);
}

static bool
is_key(const cni_plan *aggregate, int32_t id)
{
    for (int32_t key = 0; key < aggregate->n_groups; key++) {
        if (aggregate->columns[key].id == id) {
            return true;
        }
    }
    return false;
}

/* Of the facts those about a single group key: they hold in all rows of the groups that count. */
static cn_code
facts_of_keys(cni_rule_env *env, const cni_plan *aggregate, const facts *inherited, facts *out_keys,
              cn_error *err)
{
    for (int64_t item = 0; item < inherited->list.n_items; item++) {
        const cni_expr *predicate = inherited->list.items[item];
        const cni_expr *subject = subject_of(predicate);
        if (subject != NULL && is_key(aggregate, subject->column_id)) {
            CN_TRY(cni_list_push(env->arena, &out_keys->list, predicate, err));
        }
    }
    return learn_aliases(env, out_keys, aggregate, aggregate->n_groups, err);
}

static cn_code
derive_children(cni_rule_env *env, const cni_plan *plan, const facts *inherited,
                const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(derive(env, plan->children[child], inherited, &children[child], err));
    }
    return cni_plan_over(env, plan, children, out_plan, err);
}

static cn_code
derive(cni_rule_env *env, const cni_plan *plan, const facts *inherited, const cni_plan **out_plan,
       cn_error *err)
{
    facts below = {0};
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_FILTER:
        return derive_region(env, plan, inherited, out_plan, err);
    case CNI_PLAN_JOIN:
        if (plan->join_kind != CNI_JOIN_FULL) {
            return derive_region(env, plan, inherited, out_plan, err);
        }
        return derive_children(env, plan, &below, out_plan, err);
    case CNI_PLAN_PROJECT:
        CN_TRY(copy_facts(env, inherited, &below, err));
        CN_TRY(learn_aliases(env, &below, plan, plan->n_exprs, err));
        return derive_children(env, plan, &below, out_plan, err);
    case CNI_PLAN_AGGREGATE:
        CN_TRY(facts_of_keys(env, plan, inherited, &below, err));
        return derive_children(env, plan, &below, out_plan, err);
    default:
        return derive_children(env, plan, &below, out_plan, err);
    }
}

cn_code
cni_rule_transitive(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                    cn_error *err)
{
    const facts nothing = {0};
    return derive(env, plan, &nothing, out_plan, err);
}
