/* SPDX-License-Identifier: Apache-2.0
 *
 * Equivalence classes of columns: a union-find over the equality conjuncts of filters and inner
 * joins below a node. Outer, semi, anti, mark and single joins hand on what holds in their left
 * side; aggregations, projections and the like what holds below them, with their own columns that
 * are nothing but another's. A class may hold columns that the node itself does not give.
 */
#include "optimize/property/property.h"

struct cni_equivalence {
    int32_t n_ids;
    const int32_t *ids;               /* ascending */
    const int32_t *roots;             /* per id: position of the class's first id */
    const int32_t *starts;            /* per id that is a root: where its members are */
    const int32_t *n_in;              /* per id that is a root: how many */
    const int32_t *members;           /* by class, ascending within */
    const cni_expr *const *constants; /* per id that is a root */
};

/* One equality: a = b, or a = literal. */
typedef struct equality {
    int32_t a;
    int32_t b; /* -1: */
    const cni_expr *literal;
} equality;

typedef struct collector {
    cni_arena *arena;
    cni_list equalities; /* of equality */
} collector;

static cn_code
note(collector *self, int32_t a, int32_t b, const cni_expr *literal, cn_error *err)
{
    equality *made = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &made, err));
    *made = (equality){a, b, literal};
    return cni_list_push(self->arena, &self->equalities, made, err);
}

static cn_code
note_predicate(collector *self, const cni_expr *predicate, cn_error *err)
{
    if (predicate == NULL) {
        return CN_OK;
    }
    for (int32_t arg = 0; predicate->kind == CNI_EXPR_AND && arg < predicate->n_args; arg++) {
        CN_TRY(note_predicate(self, predicate->args[arg], err));
    }
    if (predicate->kind != CNI_EXPR_COMPARE || predicate->op != CNI_EQ) {
        return CN_OK;
    }
    const cni_expr *a = predicate->args[0];
    const cni_expr *b = predicate->args[1];
    if (a->kind == CNI_EXPR_COLUMN && b->kind == CNI_EXPR_COLUMN) {
        return note(self, a->column_id, b->column_id, NULL, err);
    }
    if (a->kind == CNI_EXPR_COLUMN && b->kind == CNI_EXPR_LITERAL && !b->literal->is_null) {
        return note(self, a->column_id, -1, b, err);
    }
    if (b->kind == CNI_EXPR_COLUMN && a->kind == CNI_EXPR_LITERAL && !a->literal->is_null) {
        return note(self, b->column_id, -1, a, err);
    }
    return CN_OK;
}

static cn_code
note_aliases(collector *self, const cni_plan *plan, int32_t n_exprs, cn_error *err)
{
    for (int32_t column = 0; column < n_exprs; column++) {
        const cni_expr *expr = plan->exprs[column];
        if (expr->kind == CNI_EXPR_COLUMN && expr->column_id != plan->columns[column].id) {
            CN_TRY(note(self, plan->columns[column].id, expr->column_id, NULL, err));
        }
    }
    return CN_OK;
}

static cn_code
collect(collector *self, const cni_plan *plan, cn_error *err)
{
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_FILTER:
        CN_TRY(note_predicate(self, plan->predicate, err));
        return collect(self, plan->children[0], err);
    case CNI_PLAN_PROJECT:
        CN_TRY(note_aliases(self, plan, plan->n_exprs, err));
        return collect(self, plan->children[0], err);
    case CNI_PLAN_AGGREGATE:
        CN_TRY(note_aliases(self, plan, plan->n_groups, err));
        return plan->n_groups > 0 ? collect(self, plan->children[0], err) : CN_OK;
    case CNI_PLAN_DISTINCT:
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT:
    case CNI_PLAN_REPEAT:
    case CNI_PLAN_WINDOW:
        return collect(self, plan->children[0], err);
    case CNI_PLAN_WITH:
        return collect(self, plan->children[1], err);
    case CNI_PLAN_JOIN:
        if (plan->join_kind == CNI_JOIN_FULL) {
            return CN_OK;
        }
        if (plan->join_kind == CNI_JOIN_INNER) {
            CN_TRY(note_predicate(self, plan->predicate, err));
            CN_TRY(collect(self, plan->children[1], err));
        }
        return collect(self, plan->children[0], err);
    default:
        return CN_OK;
    }
}

/* ---- classes ---- */

typedef struct builder {
    cni_arena *arena;
    int32_t n_ids;
    int32_t *ids;
    int32_t *roots;
    const cni_expr **constants;
} builder;

static int32_t
position_of(const int32_t *ids, int32_t n_ids, int32_t id)
{
    int32_t low = 0;
    int32_t high = n_ids;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (ids[middle] < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n_ids && ids[low] == id ? low : -1;
}

static void
insert_id(builder *self, int32_t id)
{
    if (position_of(self->ids, self->n_ids, id) >= 0) {
        return;
    }
    int32_t at = self->n_ids++;
    for (; at > 0 && self->ids[at - 1] > id; at--) {
        self->ids[at] = self->ids[at - 1];
    }
    self->ids[at] = id;
}

static int32_t
root_of(const builder *self, int32_t position)
{
    while (self->roots[position] != position) {
        self->roots[position] = self->roots[self->roots[position]];
        position = self->roots[position];
    }
    return position;
}

/* The smaller position becomes the root. */
static void
unite(builder *self, int32_t a, int32_t b)
{
    const int32_t x = root_of(self, a);
    const int32_t y = root_of(self, b);
    const int32_t low = x < y ? x : y;
    const int32_t high = x < y ? y : x;
    self->roots[high] = low;
    if (self->constants[low] == NULL) {
        self->constants[low] = self->constants[high];
    }
}

static cn_code
make_classes(builder *self, const cni_list *equalities, cn_error *err)
{
    const int64_t n_max = equalities->n_items * 2;
    CN_TRY(cni_arena_alloc_array(self->arena, n_max, (int64_t)sizeof(*self->ids), &self->ids, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_max, (int64_t)sizeof(*self->roots), &self->roots,
                                 err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_max, (int64_t)sizeof(*self->constants),
                                 &self->constants, err));
    for (int64_t item = 0; item < equalities->n_items; item++) {
        const equality *one = equalities->items[item];
        insert_id(self, one->a);
        insert_id(self, one->b >= 0 ? one->b : one->a);
    }
    for (int32_t id = 0; id < self->n_ids; id++) {
        self->roots[id] = id;
    }
    for (int64_t item = 0; item < equalities->n_items; item++) {
        const equality *one = equalities->items[item];
        const int32_t a = position_of(self->ids, self->n_ids, one->a);
        if (one->b >= 0) {
            unite(self, a, position_of(self->ids, self->n_ids, one->b));
        } else if (self->constants[root_of(self, a)] == NULL) {
            self->constants[root_of(self, a)] = one->literal;
        }
    }
    for (int32_t id = 0; id < self->n_ids; id++) {
        self->roots[id] = root_of(self, id);
    }
    return CN_OK;
}

static cn_code
list_members(builder *self, cni_equivalence *out_classes, cn_error *err)
{
    int32_t *starts = NULL;
    int32_t *n_in = NULL;
    int32_t *members = NULL;
    int32_t next = 0;
    CN_TRY(cni_arena_alloc_array(self->arena, self->n_ids, (int64_t)sizeof(*starts), &starts, err));
    CN_TRY(cni_arena_alloc_array(self->arena, self->n_ids, (int64_t)sizeof(*n_in), &n_in, err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, self->n_ids, (int64_t)sizeof(*members), &members, err));
    for (int32_t id = 0; id < self->n_ids; id++) {
        n_in[self->roots[id]]++;
    }
    for (int32_t id = 0; id < self->n_ids; id++) {
        starts[id] = next;
        next += n_in[id];
        n_in[id] = 0;
    }
    for (int32_t id = 0; id < self->n_ids; id++) {
        const int32_t root = self->roots[id];
        members[starts[root] + n_in[root]++] = self->ids[id];
    }
    *out_classes = (cni_equivalence){.n_ids = self->n_ids,
                                     .ids = self->ids,
                                     .roots = self->roots,
                                     .starts = starts,
                                     .n_in = n_in,
                                     .members = members,
                                     .constants = self->constants};
    return CN_OK;
}

cn_code
cni_equivalence_of_predicates(cni_arena *arena, const cni_expr *const *conjuncts,
                              int64_t n_conjuncts, cni_equivalence **out_classes, cn_error *err)
{
    collector collected = {.arena = arena};
    builder self = {.arena = arena};
    cni_equivalence *made = NULL;
    for (int64_t item = 0; item < n_conjuncts; item++) {
        CN_TRY(note_predicate(&collected, conjuncts[item], err));
    }
    CN_TRY(CN_ARENA_NEW(arena, &made, err));
    CN_TRY(make_classes(&self, &collected.equalities, err));
    CN_TRY(list_members(&self, made, err));
    *out_classes = made;
    return CN_OK;
}

cn_code
cni_equivalence_of(cni_arena *arena, const cni_plan *plan, cni_equivalence **out_classes,
                   cn_error *err)
{
    collector collected = {.arena = arena};
    builder self = {.arena = arena};
    cni_equivalence *made = NULL;
    CN_TRY(collect(&collected, plan, err));
    CN_TRY(CN_ARENA_NEW(arena, &made, err));
    CN_TRY(make_classes(&self, &collected.equalities, err));
    CN_TRY(list_members(&self, made, err));
    *out_classes = made;
    return CN_OK;
}

/* ---- questions ---- */

bool
cni_equivalence_same(const cni_equivalence *self, int32_t a, int32_t b)
{
    const int32_t x = position_of(self->ids, self->n_ids, a);
    const int32_t y = position_of(self->ids, self->n_ids, b);
    return a == b || (x >= 0 && y >= 0 && self->roots[x] == self->roots[y]);
}

/* A column without equalities is not remembered: it has no members but itself, given as 0. */
int32_t
cni_equivalence_members(const cni_equivalence *self, int32_t column_id, const int32_t **out_ids)
{
    const int32_t at = position_of(self->ids, self->n_ids, column_id);
    if (at < 0) {
        *out_ids = NULL;
        return 0;
    }
    const int32_t root = self->roots[at];
    *out_ids = self->members + self->starts[root];
    return self->n_in[root];
}

const cni_expr *
cni_equivalence_constant(const cni_equivalence *self, int32_t column_id)
{
    const int32_t at = position_of(self->ids, self->n_ids, column_id);
    return at < 0 ? NULL : self->constants[self->roots[at]];
}
