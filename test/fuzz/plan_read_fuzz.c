/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of the binary form of plans over arbitrary bytes. What it accepts must be valid,
 * print, and survive being written and read again. The one table that can be opened has four
 * columns; everything else is not found.
 */
#include <stddef.h>
#include <stdint.h>

#include "plan/ir/plan_binary.h"
#include "plan/table/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

typedef struct fuzz_table {
    cni_table base;
    cni_schema schema;
    cni_field fields[4];
    cni_table_recipe recipe;
} fuzz_table;

static void
free_table(cni_table *self)
{
    (void)self;
}

static const cni_table_ops table_ops = {.free = free_table};

static void
init_table(fuzz_table *self)
{
    *self =
        (fuzz_table){.base = {.n_refs = 1, .ops = &table_ops},
                     .fields = {{.name = CNI_STR("orderkey"), .type = cni_type_of(CNI_TYPE_INT64)},
                                {.name = CNI_STR("price"), .type = cni_type_decimal(15, 2)},
                                {.name = CNI_STR("comment"), .type = cni_type_of(CNI_TYPE_VARCHAR)},
                                {.name = CNI_STR("shipdate"), .type = cni_type_of(CNI_TYPE_DATE)}},
                     .recipe = {.name = CNI_STR("lineitem")}};
    self->schema = (cni_schema){.n_fields = 4, .fields = self->fields};
    self->base.schema = &self->schema;
    self->base.recipe = &self->recipe;
}

static cn_code
open_table(void *private_data, const struct cni_table_recipe *recipe, cni_table **out_table,
           cn_error *err)
{
    if (!cni_str_eq(recipe->name, CNI_STR("lineitem"))) {
        return CN_FAIL(err, CN_NOT_FOUND, "no table %.*s", CNI_STR_ARGS(recipe->name));
    }
    *out_table = cni_table_ref(private_data);
    return CN_OK;
}

/* What was read prints, and reads back from what it writes. */
static void
use_plan(cni_arena *arena, const cni_plan_resolver *resolver, const cni_plan *plan)
{
    const cni_plan *back = NULL;
    cni_strbuf out;
    cni_strbuf_init(&out, cni_allocator_system(), 1 << 24);
    /* text may refuse types that are only carried through, or be too long */
    const bool printed = cni_plan_print(plan, NULL, NULL, &out, NULL) == CN_OK;
    cni_strbuf_reset(&out);
    const bool structured = cni_plan_print_json(plan, NULL, NULL, &out, NULL) == CN_OK;
    cni_strbuf_reset(&out);
    if (printed != structured && plan->n_children == 0 && plan->n_exprs == 0) {
        __builtin_trap();
    }
    if (cni_plan_write(plan, &out, NULL) == CN_OK &&
        cni_plan_read(arena, resolver, out.data, out.len_bytes, &back, NULL) != CN_OK) {
        __builtin_trap();
    }
    cni_strbuf_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    fuzz_table table;
    cni_arena *arena = NULL;
    cni_function_registry *registry = NULL;
    const cni_plan *plan = NULL;
    cn_error err = CN_ERROR_INIT;
    init_table(&table);
    if (cni_arena_new(cni_allocator_system(), "fuzz", &arena, &err) != CN_OK ||
        cni_function_registry_new(cni_allocator_system(), &registry, &err) != CN_OK) {
        cni_arena_unref(arena);
        return 0;
    }
    const cni_plan_resolver resolver = {
        .open_table = open_table, .functions = registry, .private_data = &table.base};
    if (cni_plan_read(arena, &resolver, bytes, (int64_t)n_bytes, &plan, &err) == CN_OK) {
        use_plan(arena, &resolver, plan);
    }
    cni_function_registry_free(registry);
    cni_arena_unref(arena);
    return 0;
}
