/* SPDX-License-Identifier: Apache-2.0
 *
 * Disjunctions of equalities as IN lists:
 *
 *   x = 1 OR y > 2 OR x IN (3, 4) OR x = 1    ->    x IN (1, 3, 4) OR y > 2
 *
 * Equal in three-valued logic. x is evaluated where it was first written, so nothing is evaluated
 * for rows that it was not. Ten thousand members are as cheap each as two: needles and literals are
 * found by hash.
 */
#include "optimize/rule/rule.h"

/* Members about one expression. */
typedef struct in_list {
    const cni_expr *needle;
    int64_t first; /* the first member's place */
    int64_t n_members;
    cni_list literals;
} in_list;

/* A literal of a list: they are told apart together. */
typedef struct listed {
    const in_list *list;
    const cni_expr *literal;
} listed;

/* Open addressing in twice as many slots as there can be items. */
typedef struct slots {
    void **items;
    uint64_t mask;
} slots;

typedef struct merging {
    cni_arena *arena;
    slots lists;    /* of in_list */
    slots literals; /* of listed */
} merging;

/* x of `x = literal` and `x IN (literals)`, NULL for others. */
static const cni_expr *
needle_of(const cni_expr *expr)
{
    const bool is_equality = expr->kind == CNI_EXPR_COMPARE && expr->op == CNI_EQ;
    const bool is_list = expr->kind == CNI_EXPR_IN && !expr->negated;
    if ((!is_equality && !is_list) || cni_expr_is_volatile(expr->args[0])) {
        return NULL;
    }
    for (int32_t arg = 1; arg < expr->n_args; arg++) {
        if (expr->args[arg]->kind != CNI_EXPR_LITERAL) {
            return NULL;
        }
    }
    return expr->args[0]->kind == CNI_EXPR_LITERAL ? NULL : expr->args[0];
}

static cn_code
open_slots(cni_arena *arena, int64_t n_items, slots *out, cn_error *err)
{
    int64_t n_slots = 4;
    while (n_slots < n_items * 2) {
        n_slots *= 2;
    }
    out->mask = (uint64_t)n_slots - 1;
    return cni_arena_alloc_array(arena, n_slots, (int64_t)sizeof(*out->items), &out->items, err);
}

/* The list about `needle`, a new one when there is none. */
static cn_code
find_list(merging *self, const cni_expr *needle, int64_t at, in_list **out_list, cn_error *err)
{
    uint64_t slot = cni_expr_hash(needle) & self->lists.mask;
    for (; self->lists.items[slot] != NULL; slot = (slot + 1) & self->lists.mask) {
        in_list *list = self->lists.items[slot];
        if (cni_expr_equal(list->needle, needle)) {
            *out_list = list;
            return CN_OK;
        }
    }
    CN_TRY(CN_ARENA_NEW(self->arena, out_list, err));
    (*out_list)->needle = needle;
    (*out_list)->first = at;
    self->lists.items[slot] = *out_list;
    return CN_OK;
}

static cn_code
add_literal(merging *self, in_list *list, const cni_expr *literal, cn_error *err)
{
    listed *item = NULL;
    const uint64_t hash =
        cni_expr_hash(literal) + (uint64_t)list->first * UINT64_C(0x9E3779B97F4A7C15);
    uint64_t slot = hash & self->literals.mask;
    for (; self->literals.items[slot] != NULL; slot = (slot + 1) & self->literals.mask) {
        const listed *other = self->literals.items[slot];
        if (other->list == list && cni_expr_equal(other->literal, literal)) {
            return CN_OK;
        }
    }
    CN_TRY(CN_ARENA_NEW(self->arena, &item, err));
    *item = (listed){list, literal};
    self->literals.items[slot] = item;
    return cni_list_push(self->arena, &list->literals, literal, err);
}

static cn_code
list_expr(cni_arena *arena, const in_list *list, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr **args = NULL;
    const int32_t n_args = (int32_t)list->literals.n_items + 1;
    CN_TRY(cni_arena_alloc_array(arena, n_args, (int64_t)sizeof(*args), &args, err));
    args[0] = list->needle;
    for (int32_t arg = 1; arg < n_args; arg++) {
        args[arg] = list->literals.items[arg - 1];
    }
    const cni_expr node = {.kind = CNI_EXPR_IN,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .n_args = n_args,
                           .args = args,
                           .sql_offset = -1};
    return cni_expr_new(arena, &node, out_expr, err);
}

/* Sort the members into lists; lists[member] = NULL where it is about nothing. */
static cn_code
sort_members(merging *self, const cni_expr *const *members, int32_t n_members, in_list **lists,
             bool *out_merges, cn_error *err)
{
    for (int32_t at = 0; at < n_members; at++) {
        const cni_expr *needle = needle_of(members[at]);
        if (needle != NULL) {
            CN_TRY(find_list(self, needle, at, &lists[at], err));
            lists[at]->n_members++;
            *out_merges = *out_merges || lists[at]->n_members > 1;
        }
    }
    for (int32_t at = 0; *out_merges && at < n_members; at++) {
        for (int32_t arg = 1; lists[at] != NULL && arg < members[at]->n_args; arg++) {
            CN_TRY(add_literal(self, lists[at], members[at]->args[arg], err));
        }
    }
    return CN_OK;
}

/* How many members can be in lists, and how many literals they have. */
static void
count_listed(const cni_expr *const *members, int32_t n_members, int64_t *out_members,
             int64_t *out_literals)
{
    *out_members = 0;
    *out_literals = 0;
    for (int32_t at = 0; at < n_members; at++) {
        if (needle_of(members[at]) != NULL) {
            *out_members += 1;
            *out_literals += members[at]->n_args - 1;
        }
    }
}

static cn_code
merge(merging *self, const cni_expr *const *members, int32_t n_members, in_list **lists,
      const cni_expr **out_expr, cn_error *err)
{
    const cni_expr **args = NULL;
    int32_t n_args = 0;
    CN_TRY(cni_arena_alloc_array(self->arena, n_members, (int64_t)sizeof(*args), &args, err));
    for (int32_t at = 0; at < n_members; at++) {
        if (lists[at] == NULL || lists[at]->n_members == 1) {
            args[n_args++] = members[at];
        } else if (lists[at]->first == at && lists[at]->literals.n_items == 1) {
            args[n_args++] = members[at]; /* the same again and again */
        } else if (lists[at]->first == at) {
            CN_TRY(list_expr(self->arena, lists[at], &args[n_args++], err));
        }
    }
    return cni_expr_junction(self->arena, CNI_EXPR_OR, args, n_args, out_expr, err);
}

cn_code
cni_expr_any_of(cni_arena *arena, const cni_expr *const *members, int32_t n_members,
                const cni_expr **out_expr, cn_error *err)
{
    merging self = {.arena = arena};
    in_list **lists = NULL;
    int64_t n_listed = 0;
    int64_t n_literals = 0;
    bool merges = false;
    count_listed(members, n_members, &n_listed, &n_literals);
    if (n_listed < 2) {
        return cni_expr_junction(arena, CNI_EXPR_OR, members, n_members, out_expr, err);
    }
    CN_TRY(cni_arena_alloc_array(arena, n_members, (int64_t)sizeof(*lists), &lists, err));
    CN_TRY(open_slots(arena, n_listed, &self.lists, err));
    CN_TRY(open_slots(arena, n_literals, &self.literals, err));
    CN_TRY(sort_members(&self, members, n_members, lists, &merges, err));
    return merges ? merge(&self, members, n_members, lists, out_expr, err)
                  : cni_expr_junction(arena, CNI_EXPR_OR, members, n_members, out_expr, err);
}
