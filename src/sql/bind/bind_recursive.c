/* SPDX-License-Identifier: Apache-2.0
 *
 * WITH RECURSIVE name AS (base UNION [ALL] step): the last member of the UNION is the step, in
 * which the name means the rows of the step before; everything before it is the base.
 *
 *   Recursive -> base
 *             -> step, with CTE_SCANs of the node's cte_id
 *
 * Types are those of the base. When a step gives wider ones, the base is cast to them and the step
 * is bound once more; a step that widens again is refused. What PostgreSQL refuses is refused: the
 * name in the base, in subqueries, on the null side of outer joins, behind EXCEPT, under an
 * aggregate, and ORDER BY and LIMIT of the whole.
 */
#include "sql/bind/bind_int.h"

/* Work of one recursive definition. */
typedef struct recursion {
    cni_binder *binder;
    const cni_bind_cte *cte;
    const cni_sql_query *query;
    cni_bind_around around; /* of the definition */
    cni_bind_cte self;      /* the name inside */
    const cni_plan *base;
    const cni_plan *step;
} recursion;

static cn_code
check_form(const cni_bind_cte *cte, cn_error *err)
{
    const cni_sql_query *query = cte->query;
    if (query->kind != CNI_SQL_QUERY_UNION || query->by_name) {
        return cni_bind_fail(
            err, CN_INVALID_ARGUMENT, "42P19", cte->name.offset, cte->name.length,
            "the recursive query \"%.*s\" must have the form: base UNION [ALL] step",
            CNI_STR_ARGS(cte->name.text));
    }
    if (query->orders.n_items > 0 || query->order_all || query->limit != NULL ||
        query->offset != NULL) {
        return cni_bind_refuse(err, query->node.offset, query->node.length,
                               "ORDER BY, LIMIT and OFFSET of recursive queries");
    }
    return CN_OK;
}

/* The base: all members but the last, in which the name must not be. */
static cn_code
bind_base(recursion *self, cn_error *err)
{
    cni_bind_around around = self->around;
    cni_bind_cte *ctes = NULL;
    CN_TRY(cni_bind_forbid(self->binder, &self->self, "its base", &around.ctes, err));
    const cni_bind_cte *outer = around.ctes;
    CN_TRY(cni_bind_push_ctes(self->binder, self->query, &around, &ctes, err));
    around.ctes = ctes;
    const int32_t n_members = self->query->n_inputs - 1;
    CN_TRY(n_members == 1
               ? cni_bind_query_in(self->binder, &around, self->query->inputs[0], &self->base, err)
               : cni_bind_set(self->binder, &around, self->query, n_members, &self->base, err));
    return cni_bind_wrap_ctes(self->binder, ctes, outer, self->base, &self->base, err);
}

static cn_code
bind_step(recursion *self, cn_error *err)
{
    cni_bind_around around = {.ctes = &self->self, .outer = self->around.outer};
    cni_bind_cte *ctes = NULL;
    const cni_sql_query *query = self->query->inputs[self->query->n_inputs - 1];
    self->self.n_columns = self->base->n_columns;
    self->self.step_columns = self->base->columns;
    CN_TRY(cni_bind_push_ctes(self->binder, self->query, &around, &ctes, err));
    around.ctes = ctes;
    CN_TRY(cni_bind_query_in(self->binder, &around, query, &self->step, err));
    CN_TRY(cni_bind_wrap_ctes(self->binder, ctes, &self->self, self->step, &self->step, err));
    if (self->step->n_columns != self->base->n_columns) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", query->node.offset,
                             query->node.length,
                             "UNION: this query has %d columns, the first one %d",
                             self->step->n_columns, self->base->n_columns);
    }
    return CN_OK;
}

/* The common types of base and step; *out_wider when one is not the base's. */
static cn_code
common_types(const recursion *self, bool may_widen, const cni_type ***out_types, bool *out_wider,
             cn_error *err)
{
    const cni_sql_node *place = &self->query->inputs[self->query->n_inputs - 1]->node;
    const cni_type **types = NULL;
    const int32_t n_columns = self->base->n_columns;
    *out_wider = false;
    CN_TRY(cni_arena_alloc_array(self->binder->arena, n_columns, (int64_t)sizeof(*types), &types,
                                 err));
    for (int32_t column = 0; column < n_columns; column++) {
        const cni_type *base = self->base->columns[column].type;
        const cni_type *step = self->step->columns[column].type;
        CN_TRY(cni_common_type(self->binder->arena, base, step, &types[column], err));
        const bool wider = types[column] == NULL || !cni_type_equal(types[column], base);
        if (types[column] == NULL || (wider && !may_widen)) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42804", place->offset, place->length,
                                 "recursive query \"%.*s\": column %d is %s in the step and %s in "
                                 "the base; cast one of them",
                                 CNI_STR_ARGS(self->cte->name.text), column + 1,
                                 cni_bind_type_text(self->binder, step),
                                 cni_bind_type_text(self->binder, base));
        }
        *out_wider = *out_wider || wider;
    }
    *out_types = types;
    return CN_OK;
}

/* Bind both; a second time when the step is wider. */
static cn_code
bind_both(recursion *self, cn_error *err)
{
    const cni_type **types = NULL;
    bool wider = false;
    CN_TRY(bind_base(self, err));
    CN_TRY(bind_step(self, err));
    CN_TRY(common_types(self, true, &types, &wider, err));
    if (wider) {
        CN_TRY(cni_bind_cast_columns(self->binder, &self->query->node, self->base, types,
                                     &self->base, err));
        CN_TRY(bind_step(self, err));
        CN_TRY(common_types(self, false, &types, &wider, err));
    }
    return cni_bind_cast_columns(self->binder, &self->query->node, self->step, types, &self->step,
                                 err);
}

cn_code
cni_bind_recursive(cni_binder *binder, cni_bind_cte *cte, cni_bind_names *outer,
                   const cni_plan **out_plan, cn_error *err)
{
    recursion self = {.binder = binder,
                      .cte = cte,
                      .query = cte->query,
                      .around = {.ctes = cte->outer, .outer = outer}};
    CN_TRY(check_form(cte, err));
    self.self = (cni_bind_cte){.outer = cte->outer,
                               .kind = CNI_BIND_CTE_SELF,
                               .name = cte->name,
                               .columns = cte->columns,
                               .cte_id = cni_plan_new_cte_id(&binder->builder)};
    CN_TRY(bind_both(&self, err));
    return cni_plan_recursive(&binder->builder, self.self.cte_id, cte->name.text, self.base,
                              self.step, !cte->query->all, out_plan, err);
}
