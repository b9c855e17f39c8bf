/* SPDX-License-Identifier: Apache-2.0
 *
 * A table without rows for tests of plans: it has a schema and a recipe, counts its references, and
 * can be found by a resolver of the binary form.
 */
#ifndef CN_TEST_PLAN_TABLE_FIXTURE_H
#define CN_TEST_PLAN_TABLE_FIXTURE_H

#include "plan/ir/plan_binary.h"
#include "plan/table/table.h"

typedef struct plan_table {
    cni_table base;
    cni_schema schema;
    cni_field fields[4];
    cni_table_recipe recipe;
} plan_table;

static inline void
plan_table_free(cni_table *self)
{
    (void)self; /* lives on the test's stack */
}

static const cni_table_ops plan_table_ops = {.free = plan_table_free};

/* lineitem(orderkey BIGINT, price DECIMAL(15,2), comment VARCHAR, shipdate DATE) */
static inline void
plan_table_init(plan_table *self)
{
    *self =
        (plan_table){.base = {.n_refs = 1, .ops = &plan_table_ops},
                     .fields = {{.name = CNI_STR("orderkey"), .type = cni_type_of(CNI_TYPE_INT64)},
                                {.name = CNI_STR("price"), .type = cni_type_decimal(15, 2)},
                                {.name = CNI_STR("comment"),
                                 .type = cni_type_of(CNI_TYPE_VARCHAR),
                                 .nullable = true},
                                {.name = CNI_STR("shipdate"), .type = cni_type_of(CNI_TYPE_DATE)}},
                     .recipe = {.name = CNI_STR("lineitem")}};
    self->schema = (cni_schema){.n_fields = 4, .fields = self->fields};
    self->base.schema = &self->schema;
    self->base.recipe = &self->recipe;
}

/* Knows lineitem only. */
static inline cn_code
plan_table_open(void *private_data, const struct cni_table_recipe *recipe, cni_table **out_table,
                cn_error *err)
{
    if (!cni_str_eq(recipe->name, CNI_STR("lineitem"))) {
        return CN_FAIL(err, CN_NOT_FOUND, "no table %.*s", CNI_STR_ARGS(recipe->name));
    }
    *out_table = cni_table_ref(private_data);
    return CN_OK;
}

#endif /* CN_TEST_PLAN_TABLE_FIXTURE_H */
