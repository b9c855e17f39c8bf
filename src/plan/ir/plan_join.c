/* SPDX-License-Identifier: Apache-2.0
 *
 * Constructors of the nodes that bring relations together or name them: JOIN, WITH, CTE_SCAN,
 * RECURSIVE. Columns that travel keep their ids; those of CTE_SCAN and RECURSIVE are fresh, so that
 * a definition may be read any number of times in one plan.
 */
#include "plan/function/function.h"
#include "plan/ir/plan_int.h"

/* ---- JOIN ---- */

static bool
gives_right(cni_join_kind kind)
{
    return kind == CNI_JOIN_INNER || kind == CNI_JOIN_LEFT || kind == CNI_JOIN_FULL ||
           kind == CNI_JOIN_SINGLE;
}

static void
copy_columns(cni_column *to, const cni_plan *from, bool padded)
{
    for (int32_t column = 0; column < from->n_columns; column++) {
        to[column] = from->columns[column];
        to[column].nullable = to[column].nullable || padded;
    }
}

static cn_code
join_columns(cni_plan_builder *self, cni_plan *inout_join, cn_error *err)
{
    const cni_join_kind kind = (cni_join_kind)inout_join->join_kind;
    const cni_plan *left = inout_join->children[0];
    const cni_plan *right = inout_join->children[1];
    const int32_t n_right = gives_right(kind) ? right->n_columns : kind == CNI_JOIN_MARK ? 1 : 0;
    cni_column *columns = NULL;
    CN_TRY(cni_plan_new_columns(self, (int64_t)left->n_columns + n_right, &columns, err));
    copy_columns(columns, left, kind == CNI_JOIN_FULL);
    if (gives_right(kind)) {
        copy_columns(columns + left->n_columns, right, kind != CNI_JOIN_INNER);
    }
    if (kind == CNI_JOIN_MARK) {
        columns[left->n_columns] = (cni_column){self->next_column_id++, CNI_STR("mark"),
                                                cni_type_of(CNI_TYPE_BOOL), inout_join->null_aware};
    }
    inout_join->columns = columns;
    inout_join->n_columns = left->n_columns + n_right;
    return CN_OK;
}

cn_code
cni_plan_join(cni_plan_builder *self, cni_join_kind kind, const cni_plan *left,
              const cni_plan *right, const cni_expr *predicate, bool null_aware,
              const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *const children[] = {left, right};
    cni_plan node = cni_plan_template(CNI_PLAN_JOIN);
    if (predicate != NULL && predicate->type->id != CNI_TYPE_BOOL) {
        return CN_FAIL(err, CN_INTERNAL, "a join's predicate is not BOOLEAN");
    }
    if (null_aware && kind != CNI_JOIN_MARK && kind != CNI_JOIN_ANTI) {
        return CN_FAIL(err, CN_INTERNAL, "a null-aware join that is neither MARK nor ANTI");
    }
    node.n_children = 2;
    node.children = children;
    node.join_kind = (uint8_t)kind;
    node.null_aware = null_aware;
    node.predicate = predicate;
    CN_TRY(join_columns(self, &node, err));
    return cni_plan_new(self, &node, out_plan, err);
}

/* ---- WITH, CTE_SCAN, RECURSIVE ---- */

int32_t
cni_plan_new_cte_id(cni_plan_builder *self)
{
    return self->next_column_id++;
}

cn_code
cni_plan_with(cni_plan_builder *self, int32_t cte_id, const cni_plan *definition,
              const cni_plan *body, cni_str name, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *const children[] = {definition, body};
    cni_plan node = cni_plan_template(CNI_PLAN_WITH);
    CN_TRY(cni_arena_str(self->arena, name, &node.table_name, err));
    node.n_children = 2;
    node.children = children;
    node.n_columns = body->n_columns;
    node.columns = body->columns;
    node.cte_id = cte_id;
    return cni_plan_new(self, &node, out_plan, err);
}

cn_code
cni_plan_cte_scan(cni_plan_builder *self, int32_t cte_id, cni_str name,
                  const cni_column *definition_columns, int32_t n_columns,
                  const cni_plan **out_plan, cn_error *err)
{
    cni_plan node = cni_plan_template(CNI_PLAN_CTE_SCAN);
    cni_column *columns = NULL;
    int32_t *positions = NULL;
    CN_TRY(cni_plan_new_columns(self, n_columns, &columns, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_columns, (int64_t)sizeof(*positions), &positions,
                                 err));
    for (int32_t column = 0; column < n_columns; column++) {
        positions[column] = column;
        columns[column] = definition_columns[column];
        columns[column].id = self->next_column_id++;
    }
    CN_TRY(cni_arena_str(self->arena, name, &node.table_name, err));
    node.n_columns = n_columns;
    node.columns = columns;
    node.table_columns = positions;
    node.cte_id = cte_id;
    return cni_plan_new(self, &node, out_plan, err);
}

cn_code
cni_plan_recursive(cni_plan_builder *self, int32_t cte_id, cni_str name, const cni_plan *base,
                   const cni_plan *step, bool distinct, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *const children[] = {base, step};
    cni_plan node = cni_plan_template(CNI_PLAN_RECURSIVE);
    cni_column *columns = NULL;
    CN_TRY(cni_plan_check_union("a recursive query", base, step, err));
    CN_TRY(cni_plan_new_columns(self, base->n_columns, &columns, err));
    for (int32_t column = 0; column < base->n_columns; column++) {
        columns[column] = base->columns[column];
        columns[column].id = self->next_column_id++;
        columns[column].nullable = columns[column].nullable || step->columns[column].nullable;
    }
    CN_TRY(cni_arena_str(self->arena, name, &node.table_name, err));
    node.n_children = 2;
    node.children = children;
    node.n_columns = base->n_columns;
    node.columns = columns;
    node.cte_id = cte_id;
    node.distinct = distinct;
    return cni_plan_new(self, &node, out_plan, err);
}
