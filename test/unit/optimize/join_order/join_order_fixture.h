/* SPDX-License-Identifier: Apache-2.0
 *
 * Random trees of joins over small VALUES relations, and an interpreter that computes what any tree
 * gives row by row, so that orders can be compared without the engine's executor.
 */
#ifndef CN_TEST_JOIN_ORDER_FIXTURE_H
#define CN_TEST_JOIN_ORDER_FIXTURE_H

#include "optimize/join_order/join_graph_int.h"
#include "unit/plan/plan_fixture.h"

#define JOIN_MAX_COLUMNS 40
#define JOIN_MAX_ROWS    400

/* ---- random ---- */

static inline uint32_t
random_next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static inline int32_t
random_below(uint64_t *seed, int32_t n)
{
    return (int32_t)(random_next(seed) % (uint32_t)n);
}

/* ---- interpreter ---- */

typedef struct cell {
    int64_t value;
    bool is_null;
} cell;

/* Rows of a plan; grows up to JOIN_MAX_ROWS, then `too_big`. */
typedef struct rows {
    int32_t n_columns;
    int32_t ids[JOIN_MAX_COLUMNS];
    int32_t n_rows;
    bool too_big;
    cell (*cells)[JOIN_MAX_COLUMNS]; /* test_malloc */
} rows;

static inline void
rows_init(rows *self, const cni_plan *plan)
{
    self->n_columns = plan->n_columns;
    self->n_rows = 0;
    self->too_big = false;
    assert_true(plan->n_columns <= JOIN_MAX_COLUMNS);
    for (int32_t column = 0; column < plan->n_columns; column++) {
        self->ids[column] = plan->columns[column].id;
    }
    self->cells = test_malloc(sizeof(cell[JOIN_MAX_COLUMNS]) * JOIN_MAX_ROWS);
}

static inline cell
cell_of(const rows *self, const cell *row, int32_t id)
{
    for (int32_t column = 0; column < self->n_columns; column++) {
        if (self->ids[column] == id) {
            return row[column];
        }
    }
    fail_msg("column %d is not there", id);
    return (cell){0};
}

static inline cell
known(bool value)
{
    return (cell){.value = value ? 1 : 0};
}

static inline cell
compare_cells(cni_compare_op op, cell a, cell b)
{
    const int order = a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
    if (a.is_null || b.is_null) {
        return (cell){.is_null = true};
    }
    switch (op) {
    case CNI_EQ:
        return known(order == 0);
    case CNI_NE:
        return known(order != 0);
    case CNI_LT:
        return known(order < 0);
    case CNI_LE:
        return known(order <= 0);
    case CNI_GT:
        return known(order > 0);
    default:
        return known(order >= 0);
    }
}

/* Three-valued evaluation over one row with `ids`. */
static inline cell
evaluate(const rows *shape, const cell *row, const cni_expr *expr)
{
    cell result = {0};
    switch (expr->kind) {
    case CNI_EXPR_COLUMN:
        return cell_of(shape, row, expr->column_id);
    case CNI_EXPR_LITERAL:
        result.is_null = expr->literal->is_null;
        result.value =
            expr->type->id == CNI_TYPE_BOOL ? expr->literal->as.boolean : expr->literal->as.i64;
        return result;
    case CNI_EXPR_COMPARE:
        return compare_cells((cni_compare_op)expr->op, evaluate(shape, row, expr->args[0]),
                             evaluate(shape, row, expr->args[1]));
    case CNI_EXPR_DISTINCT: {
        const cell a = evaluate(shape, row, expr->args[0]);
        const cell b = evaluate(shape, row, expr->args[1]);
        const bool same = a.is_null == b.is_null && (a.is_null || a.value == b.value);
        return known(same == expr->negated);
    }
    case CNI_EXPR_NOT:
        result = evaluate(shape, row, expr->args[0]);
        result.value = !result.value;
        return result;
    case CNI_EXPR_IS_NULL:
        return known(evaluate(shape, row, expr->args[0]).is_null != expr->negated);
    case CNI_EXPR_AND:
    case CNI_EXPR_OR: {
        const bool is_and = expr->kind == CNI_EXPR_AND;
        result = known(is_and);
        for (int32_t arg = 0; arg < expr->n_args; arg++) {
            const cell one = evaluate(shape, row, expr->args[arg]);
            if (!one.is_null && (one.value != 0) != is_and) {
                return known(!is_and);
            }
            result.is_null = result.is_null || one.is_null;
        }
        return result;
    }
    default:
        fail_msg("expression kind %d in a test", expr->kind);
        return result;
    }
}

static inline bool
is_true(cell value)
{
    return !value.is_null && value.value != 0;
}

static inline void
add_row(rows *self, const cell *row)
{
    if (self->n_rows == JOIN_MAX_ROWS) {
        self->too_big = true;
        return;
    }
    memcpy(self->cells[self->n_rows++], row, sizeof(cell[JOIN_MAX_COLUMNS]));
}

static inline void run_join(const cni_plan *plan, const rows *left, const rows *right, rows *out);

static inline void
run_plan(const cni_plan *plan, rows *out)
{
    rows below[2] = {{0}};
    rows_init(out, plan);
    for (int32_t child = 0; child < plan->n_children; child++) {
        run_plan(plan->children[child], &below[child]);
        out->too_big = out->too_big || below[child].too_big;
    }
    cell row[JOIN_MAX_COLUMNS] = {{0}};
    switch (plan->kind) {
    case CNI_PLAN_VALUES:
        for (int64_t at = 0; at < plan->n_rows; at++) {
            for (int32_t column = 0; column < plan->n_columns; column++) {
                row[column] = evaluate(out, row, plan->exprs[at * plan->n_columns + column]);
            }
            add_row(out, row);
        }
        break;
    case CNI_PLAN_FILTER:
        for (int32_t at = 0; at < below[0].n_rows; at++) {
            if (is_true(evaluate(&below[0], below[0].cells[at], plan->predicate))) {
                add_row(out, below[0].cells[at]);
            }
        }
        break;
    case CNI_PLAN_PROJECT:
        for (int32_t at = 0; at < below[0].n_rows; at++) {
            for (int32_t column = 0; column < plan->n_columns; column++) {
                row[column] = evaluate(&below[0], below[0].cells[at], plan->exprs[column]);
            }
            add_row(out, row);
        }
        break;
    case CNI_PLAN_JOIN:
        run_join(plan, &below[0], &below[1], out);
        break;
    default:
        fail_msg("plan kind %d in a test", plan->kind);
    }
    for (int32_t child = 0; child < plan->n_children; child++) {
        test_free(below[child].cells);
    }
}

static inline void
run_join(const cni_plan *plan, const rows *left, const rows *right, rows *out)
{
    rows both = {.n_columns = left->n_columns + right->n_columns};
    assert_true(both.n_columns <= JOIN_MAX_COLUMNS);
    memcpy(both.ids, left->ids, sizeof(both.ids));
    for (int32_t column = 0; column < right->n_columns; column++) {
        both.ids[left->n_columns + column] = right->ids[column];
    }
    for (int32_t l = 0; l < left->n_rows; l++) {
        int32_t n_true = 0;
        int32_t n_unknown = 0;
        cell row[JOIN_MAX_COLUMNS] = {{0}};
        memcpy(row, left->cells[l], sizeof(cell) * (size_t)left->n_columns);
        for (int32_t r = 0; r < right->n_rows; r++) {
            memcpy(row + left->n_columns, right->cells[r], sizeof(cell) * (size_t)right->n_columns);
            const cell holds =
                plan->predicate == NULL ? known(true) : evaluate(&both, row, plan->predicate);
            n_unknown += holds.is_null ? 1 : 0;
            n_true += is_true(holds) ? 1 : 0;
            if (is_true(holds) &&
                (plan->join_kind == CNI_JOIN_INNER || plan->join_kind == CNI_JOIN_LEFT)) {
                add_row(out, row);
            }
        }
        for (int32_t column = 0; column < right->n_columns; column++) {
            row[left->n_columns + column] = (cell){.is_null = true};
        }
        const bool unknown = plan->null_aware && n_true == 0 && n_unknown > 0;
        switch (plan->join_kind) {
        case CNI_JOIN_SEMI:
            if (n_true > 0) {
                add_row(out, row);
            }
            break;
        case CNI_JOIN_ANTI:
            if (n_true == 0 && !unknown) {
                add_row(out, row);
            }
            break;
        case CNI_JOIN_LEFT:
            if (n_true == 0) {
                add_row(out, row);
            }
            break;
        case CNI_JOIN_MARK:
            row[left->n_columns] = (cell){.value = n_true > 0, .is_null = unknown};
            add_row(out, row);
            break;
        default:
            break;
        }
    }
}

/* Sum over rows of a hash of each row: equal for equal multisets. */
static inline uint64_t
rows_digest(const rows *self)
{
    uint64_t digest = 0;
    for (int32_t at = 0; at < self->n_rows; at++) {
        uint64_t hash = 17;
        for (int32_t column = 0; column < self->n_columns; column++) {
            const cell value = self->cells[at][column];
            hash = hash * UINT64_C(0x9e3779b97f4a7c15) +
                   (value.is_null ? UINT64_C(77) : (uint64_t)value.value + 1000);
            hash ^= hash >> 29;
        }
        digest += hash * UINT64_C(0xbf58476d1ce4e5b9);
    }
    return digest;
}

/* ---- random trees ---- */

typedef struct tree_maker {
    fixture *f;
    cni_plan_builder builder;
    uint64_t seed;
    int32_t kinds; /* percent of joins that are not inner */
    int32_t rows;  /* most rows of a relation */
} tree_maker;

static inline const cni_expr *
maker_number(tree_maker *self, int64_t number, bool is_null)
{
    const cni_value value = {
        .type = cni_type_of(CNI_TYPE_INT64), .is_null = is_null, .as.i64 = number};
    const cni_expr *expr = NULL;
    assert_cn_ok(self->f, cni_expr_literal(self->f->arena, &value, &expr, &self->f->err));
    return expr;
}

static inline const cni_plan *
maker_relation(tree_maker *self)
{
    const cni_expr *exprs[64];
    const cni_field fields[2] = {
        {.name = CNI_STR("x"), .type = cni_type_of(CNI_TYPE_INT64), .nullable = true},
        {.name = CNI_STR("y"), .type = cni_type_of(CNI_TYPE_INT64), .nullable = true}};
    const int32_t n_rows = random_below(&self->seed, self->rows + 1);
    for (int32_t at = 0; at < n_rows * 2; at++) {
        exprs[at] =
            maker_number(self, random_below(&self->seed, 3), random_below(&self->seed, 8) == 0);
    }
    const cni_plan *plan = NULL;
    assert_cn_ok(self->f,
                 cni_plan_values(&self->builder, fields, 2, exprs, n_rows, &plan, &self->f->err));
    return plan;
}

static inline const cni_expr *
maker_column(tree_maker *self, const cni_plan *plan)
{
    const cni_column *column = &plan->columns[random_below(&self->seed, plan->n_columns)];
    const cni_expr *expr = NULL;
    assert_cn_ok(self->f,
                 cni_expr_column(self->f->arena, column->id, column->type, &expr, &self->f->err));
    return expr;
}

/* A predicate between two plans: mostly an equality of a column of each. */
static inline const cni_expr *
maker_conjunct(tree_maker *self, const cni_plan *left, const cni_plan *right)
{
    cni_arena *arena = self->f->arena;
    const int32_t form = random_below(&self->seed, 20);
    const cni_expr *a = maker_column(self, form == 0 ? right : left);
    const cni_expr *b = maker_column(self, form == 1 ? left : right);
    const cni_expr *expr = NULL;
    if (a->type->id == CNI_TYPE_BOOL || b->type->id == CNI_TYPE_BOOL) {
        expr = a->type->id == CNI_TYPE_BOOL ? a : b;
        if (form < 10) {
            assert_cn_ok(self->f, cni_expr_not(arena, expr, &expr, &self->f->err));
        }
        return expr;
    }
    if (form == 2) {
        const cni_expr node = {.kind = CNI_EXPR_DISTINCT,
                               .negated = true,
                               .type = cni_type_of(CNI_TYPE_BOOL),
                               .n_args = 2,
                               .args = (const cni_expr *[]){a, b}};
        assert_cn_ok(self->f, cni_expr_new(arena, &node, &expr, &self->f->err));
        return expr;
    }
    if (form == 3 || form == 4) {
        const cni_expr node = {.kind = CNI_EXPR_IS_NULL,
                               .negated = form == 4,
                               .type = cni_type_of(CNI_TYPE_BOOL),
                               .n_args = 1,
                               .args = &a};
        assert_cn_ok(self->f, cni_expr_new(arena, &node, &expr, &self->f->err));
        return expr;
    }
    const cni_compare_op op = form == 5 ? CNI_LT : form == 6 ? CNI_NE : CNI_EQ;
    if (form == 7) {
        b = maker_number(self, random_below(&self->seed, 3), false);
    }
    assert_cn_ok(self->f, cni_expr_compare(arena, op, a, b, &expr, &self->f->err));
    if (form == 8) {
        const cni_expr *either[] = {expr, maker_conjunct(self, left, right)};
        assert_cn_ok(self->f,
                     cni_expr_junction(arena, CNI_EXPR_OR, either, 2, &expr, &self->f->err));
    }
    return expr;
}

static inline const cni_expr *
maker_predicate(tree_maker *self, const cni_plan *left, const cni_plan *right)
{
    const cni_expr *conjuncts[3];
    const cni_expr *all = NULL;
    int32_t n = 1 + (random_below(&self->seed, 3) == 0 ? 1 : 0);
    for (int32_t at = 0; at < n; at++) {
        conjuncts[at] = maker_conjunct(self, left, right);
    }
    assert_cn_ok(self->f, cni_expr_junction(self->f->arena, CNI_EXPR_AND, conjuncts, n, &all,
                                            &self->f->err));
    return all;
}

static inline const cni_plan *
maker_tree(tree_maker *self, int32_t n_relations)
{
    if (n_relations == 1) {
        return maker_relation(self);
    }
    const int32_t n_left = 1 + random_below(&self->seed, n_relations - 1);
    const cni_plan *left = maker_tree(self, n_left);
    const cni_plan *right = maker_tree(self, n_relations - n_left);
    const cni_plan *plan = NULL;
    static const cni_join_kind kinds[] = {CNI_JOIN_LEFT, CNI_JOIN_LEFT, CNI_JOIN_SEMI,
                                          CNI_JOIN_ANTI, CNI_JOIN_MARK};
    const bool is_inner = random_below(&self->seed, 100) >= self->kinds;
    const cni_join_kind kind = is_inner ? CNI_JOIN_INNER : kinds[random_below(&self->seed, 5)];
    const bool null_aware =
        (kind == CNI_JOIN_ANTI || kind == CNI_JOIN_MARK) && random_below(&self->seed, 2) == 0;
    const cni_expr *predicate =
        random_below(&self->seed, 12) == 0 ? NULL : maker_predicate(self, left, right);
    assert_cn_ok(self->f, cni_plan_join(&self->builder, kind, left, right, predicate, null_aware,
                                        &plan, &self->f->err));
    if (random_below(&self->seed, 4) == 0) {
        assert_cn_ok(self->f,
                     cni_plan_filter(&self->builder, plan, maker_predicate(self, plan, plan), &plan,
                                     &self->f->err));
    }
    return plan;
}

#endif /* CN_TEST_JOIN_ORDER_FIXTURE_H */
