/* SPDX-License-Identifier: Apache-2.0
 *
 * Two inputs: how many of their pairs satisfy conjuncts, and how many left rows find a match.
 *
 * An equality holds for 1 in max(domains) pairs: filters on other columns of a referenced table
 * then thin out the references in proportion. Several equalities between the same two origins are
 * one key of several columns: when on one side the combinations are about as many as its rows, they
 * refer to those rows and not to the product of the columns' domains.
 */
#include <math.h>

#include "optimize/cost/estimate_int.h"

#define NEARLY_ALL 0.9
#define MAX_KEYS   32

typedef struct join_key {
    cni_column_estimate left;
    cni_column_estimate right;
    double domain; /* the larger one */
    bool done;
} join_key;

typedef struct join_split {
    int32_t n_keys;
    join_key *keys;  /* MAX_KEYS, in the arena */
    double not_null; /* part of the pairs without a NULL key */
    double left_not_null;
    double residual; /* fraction of pairs that the other conjuncts leave */
} join_split;

/* ---- shapes ---- */

cn_code
cni_estimate_conjuncts(cni_estimator *self, const cni_expr *predicate,
                       const cni_expr *const **out_conjuncts, int32_t *out_n_conjuncts,
                       cn_error *err)
{
    cni_list list = {0};
    if (predicate != NULL) {
        CN_TRY(cni_expr_conjuncts(self->arena, predicate, &list, err));
    }
    *out_conjuncts = (const cni_expr *const *)(const void *)list.items;
    *out_n_conjuncts = (int32_t)list.n_items;
    return CN_OK;
}

static bool
is_equality(const cni_expr *conjunct)
{
    return (conjunct->kind == CNI_EXPR_COMPARE && conjunct->op == CNI_EQ) ||
           (conjunct->kind == CNI_EXPR_DISTINCT && conjunct->negated);
}

int32_t
cni_estimate_partner(const cni_expr *conjunct, int32_t column_id, const cni_plan *other)
{
    if (!is_equality(conjunct)) {
        return -1;
    }
    for (int32_t arg = 0; arg < 2; arg++) {
        const cni_expr *own = conjunct->args[arg];
        const cni_expr *partner = conjunct->args[1 - arg];
        if (own->kind == CNI_EXPR_COLUMN && own->column_id == column_id &&
            partner->kind == CNI_EXPR_COLUMN &&
            cni_plan_find_column(other, partner->column_id) != NULL) {
            return partner->column_id;
        }
    }
    return -1;
}

typedef struct side_walk {
    const cni_plan *plan;
    bool any;
    bool all;
} side_walk;

static bool
see_side(void *state, const cni_expr *expr)
{
    side_walk *walk = state;
    if (expr->kind == CNI_EXPR_COLUMN) {
        walk->any = true;
        walk->all = walk->all && cni_plan_find_column(walk->plan, expr->column_id) != NULL;
    }
    return true;
}

/* Names columns, all of them of the plan. */
static bool
is_over(const cni_expr *expr, const cni_plan *plan)
{
    side_walk walk = {.plan = plan, .all = true};
    cni_expr_walk(expr, see_side, &walk);
    return walk.any && walk.all;
}

/* ---- splitting a predicate ---- */

static cn_code
add_key(cni_estimator *self, const cni_plan *left, const cni_plan *right, const cni_expr *conjunct,
        join_split *split, bool *out_added, cn_error *err)
{
    *out_added = false;
    if (!is_equality(conjunct) || split->n_keys == MAX_KEYS) {
        return CN_OK;
    }
    const int32_t at_left = is_over(conjunct->args[0], left) ? 0 : 1;
    if (!is_over(conjunct->args[at_left], left) || !is_over(conjunct->args[1 - at_left], right)) {
        return CN_OK;
    }
    join_key *key = &split->keys[split->n_keys];
    CN_TRY(cni_estimate_expr(self, left, NULL, conjunct->args[at_left], &key->left, err));
    CN_TRY(cni_estimate_expr(self, right, NULL, conjunct->args[1 - at_left], &key->right, err));
    key->domain = fmax(key->left.n_domain, key->right.n_domain);
    if (key->left.picked_from > 0.0 || key->right.picked_from > 0.0) {
        key->domain = fmax(key->left.picked_from, key->right.picked_from);
    }
    if (conjunct->kind == CNI_EXPR_COMPARE) {
        split->not_null *= (1.0 - key->left.null_fraction) * (1.0 - key->right.null_fraction);
        split->left_not_null *= 1.0 - key->left.null_fraction;
    }
    split->n_keys++;
    *out_added = true;
    return CN_OK;
}

/* Every member of the OR has conjuncts on each side alone: what they say of one side stands below
 * already (or_factoring), so that a pair that got here passes one member for one side and the same
 * member for the other in 1 of n_args cases. */
static bool
is_factored(const cni_expr *conjunct, const cni_plan *left, const cni_plan *right)
{
    for (int32_t arg = 0; conjunct->kind == CNI_EXPR_OR && arg < conjunct->n_args; arg++) {
        const cni_expr *member = conjunct->args[arg];
        bool on_left = false;
        bool on_right = false;
        for (int32_t at = 0; member->kind == CNI_EXPR_AND && at < member->n_args; at++) {
            on_left = on_left || is_over(member->args[at], left);
            on_right = on_right || is_over(member->args[at], right);
        }
        if (!on_left || !on_right) {
            return false;
        }
    }
    return conjunct->kind == CNI_EXPR_OR;
}

static cn_code
split_predicate(cni_estimator *self, const cni_plan *left, const cni_plan *right,
                const cni_expr *const *conjuncts, int32_t n_conjuncts, join_split *split,
                cn_error *err)
{
    *split = (join_split){.not_null = 1.0, .left_not_null = 1.0, .residual = 1.0};
    CN_TRY(cni_arena_alloc_array(self->arena, n_conjuncts < MAX_KEYS ? n_conjuncts : MAX_KEYS,
                                 (int64_t)sizeof(*split->keys), &split->keys, err));
    for (int32_t at = 0; at < n_conjuncts; at++) {
        bool is_key = false;
        bool is_informed = false;
        double fraction = 1.0;
        CN_TRY(add_key(self, left, right, conjuncts[at], split, &is_key, err));
        if (!is_key) {
            CN_TRY(cni_estimate_by_statistics(self, left, right, conjuncts[at], &fraction,
                                              &is_informed, err));
            if (is_factored(conjuncts[at], left, right)) {
                fraction = fmax(fraction, 1.0 / conjuncts[at]->n_args);
            }
            split->residual *= fraction;
        }
    }
    return CN_OK;
}

/* ---- keys ---- */

/* Rows that one side's combinations refer to, when they are as good as unique there; -1 = not. */
static double
referenced_rows(double product, double single, double origin_rows)
{
    return product >= NEARLY_ALL * origin_rows && single < NEARLY_ALL * origin_rows ? origin_rows
                                                                                    : -1.0;
}

/* 1 in how many pairs agree on all keys between two origins; marks them done. */
static double
group_domain(join_split *split, int32_t first)
{
    const join_key *head = &split->keys[first];
    double product = 1.0;
    double damped = 1.0;
    double power = 1.0;
    double left_product = 1.0;
    double right_product = 1.0;
    double left_single = 1.0;
    double right_single = 1.0;
    int32_t n_columns = 0;
    for (int32_t at = first; at < split->n_keys; at++) {
        join_key *key = &split->keys[at];
        if (at > first &&
            (head->left.origin == NULL || head->right.origin == NULL ||
             key->left.origin != head->left.origin || key->right.origin != head->right.origin)) {
            continue;
        }
        key->done = true;
        n_columns++;
        product *= key->domain;
        damped *= pow(key->domain, power);
        power = fmax(0.5, power - 0.25);
        left_product *= key->left.n_domain;
        right_product *= key->right.n_domain;
        left_single = fmax(left_single, key->left.n_domain);
        right_single = fmax(right_single, key->right.n_domain);
    }
    if (n_columns == 1) {
        return product;
    }
    const double by_left = referenced_rows(left_product, left_single, head->left.origin_rows);
    const double by_right = referenced_rows(right_product, right_single, head->right.origin_rows);
    if (by_left > 0.0 && by_right > 0.0) {
        return fmin(product, fmin(by_left, by_right));
    }
    if (by_left > 0.0 || by_right > 0.0) {
        return fmin(product, fmax(by_left, by_right));
    }
    return damped;
}

static double
key_domain(join_split *split)
{
    double domain = 1.0;
    for (int32_t at = 0; at < split->n_keys; at++) {
        if (!split->keys[at].done) {
            domain *= group_domain(split, at);
        }
    }
    return fmax(1.0, domain);
}

/* ---- questions ---- */

cn_code
cni_estimate_join_fraction(cni_estimator *self, const cni_plan *left, const cni_plan *right,
                           const cni_expr *const *conjuncts, int32_t n_conjuncts,
                           double *out_fraction, cn_error *err)
{
    join_split split;
    CN_TRY(split_predicate(self, left, right, conjuncts, n_conjuncts, &split, err));
    *out_fraction = cni_fraction(split.not_null * split.residual / key_domain(&split));
    return CN_OK;
}

cn_code
cni_estimate_match_fraction(cni_estimator *self, const cni_plan *left, const cni_plan *right,
                            const cni_expr *const *conjuncts, int32_t n_conjuncts,
                            double *out_fraction, cn_error *err)
{
    join_split split;
    cni_plan_estimate below;
    cni_column_estimate *keys = NULL;
    CN_TRY(split_predicate(self, left, right, conjuncts, n_conjuncts, &split, err));
    CN_TRY(cni_estimate_plan(self, right, &below, err));
    CN_TRY(cni_arena_alloc_array(self->arena, split.n_keys, (int64_t)sizeof(*keys), &keys, err));
    for (int32_t at = 0; at < split.n_keys; at++) {
        keys[at] = split.keys[at].right;
    }
    const double domain = key_domain(&split);
    const double combined = cni_estimate_combined_distinct(keys, split.n_keys, below.rows);
    const double found = fmin(1.0, fmin(below.rows, combined) / domain);
    const double rows_each = found > 0.0 ? fmax(1.0, below.rows / domain / found) : 0.0;
    const double passes = 1.0 - pow(1.0 - cni_fraction(split.residual), rows_each);
    *out_fraction = cni_fraction(found * passes * split.left_not_null);
    return CN_OK;
}

double
cni_estimate_join_cost(double n_probe, double n_build, double row_bytes)
{
    const double bytes = n_build * (row_bytes + 16.0);
    const double per_probe = bytes < 256e3 ? 0.3 : bytes < 2e6 ? 0.6 : bytes < 32e6 ? 1.2 : 2.0;
    return n_probe * per_probe + 2.0 * n_build + bytes / 64.0;
}
