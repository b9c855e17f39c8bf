/* SPDX-License-Identifier: Apache-2.0
 *
 * Costs of execution: planning and running the smallest query, what a chunk costs on its way
 * through operators that do nothing, sort and top-N per row. One thread and two. Argument: part of
 * the names to run.
 */
#include "exec/pipeline/execution.h"
#include "io/source/memory_table.h"
#include "micro_timer.h"

#define N_ROWS (1 << 21)

typedef struct exec_bench {
    cni_budget *root;
    cni_pool *pool;
    cni_exec_settings settings;
    cni_table *table; /* id, k, s: BIGINT, BIGINT, VARCHAR */
    int32_t shape;
    int64_t n_rows; /* of the last result */
} exec_bench;

enum {
    SHAPE_ONE,
    SHAPE_SCAN,
    SHAPE_PROJECT_8,
    SHAPE_SORT,
    SHAPE_SORT_TEXT,
    SHAPE_TOP,
    SHAPE_LIMIT
};

static void
must(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        printf("failed: %s\n", err->message);
        exit(1);
    }
}

static void
make_column(cni_vector *out, const cni_type *type, cni_phys phys, bool ascending)
{
    cn_error err = CN_ERROR_INIT;
    uint64_t seed = 7;
    must(cni_vector_new_flat(cni_allocator_system(), type, phys, N_ROWS, false, out, &err), &err);
    void *data = cni_vector_mutable_data(out);
    for (int64_t row = 0; row < N_ROWS; row++) {
        const uint64_t number = ascending ? (uint64_t)row : micro_random(&seed) % 1000000;
        if (phys == CNI_PHYS_VIEW) {
            char text[24];
            const int n = snprintf(text, sizeof(text), "text%d", (int)number);
            ((cni_view *)data)[row] = cni_view_make(text, (uint32_t)n);
        } else {
            ((int64_t *)data)[row] = (int64_t)number;
        }
    }
}

static void
make_table(exec_bench *self)
{
    cn_error err = CN_ERROR_INIT;
    const cni_type *int64 = cni_type_of(CNI_TYPE_INT64);
    const cni_type *text = cni_type_of(CNI_TYPE_VARCHAR);
    const cni_field fields[] = {{.name = cni_str_of("id"), .type = int64},
                                {.name = cni_str_of("k"), .type = int64},
                                {.name = cni_str_of("s"), .type = text}};
    const cni_schema schema = {.n_fields = 3, .fields = fields};
    cni_chunk chunk;
    must(cni_memory_table_new(cni_allocator_system(), &schema, cni_str_of("t"), &self->table, &err),
         &err);
    cni_chunk_init(&chunk, cni_allocator_system());
    must(cni_chunk_set_columns(&chunk, 3, &err), &err);
    make_column(&chunk.columns[0], int64, CNI_PHYS_I64, true);
    make_column(&chunk.columns[1], int64, CNI_PHYS_I64, false);
    make_column(&chunk.columns[2], text, CNI_PHYS_VIEW, false);
    chunk.n_rows = N_ROWS;
    must(self->table->ops->insert(self->table, &chunk, &err), &err);
    cni_chunk_done(&chunk);
}

static const cni_expr *
column_of(cni_arena *arena, const cni_plan *plan, int32_t at)
{
    cn_error err = CN_ERROR_INIT;
    const cni_expr *expr = NULL;
    must(cni_expr_column(arena, plan->columns[at].id, plan->columns[at].type, &expr, &err), &err);
    return expr;
}

static const cni_plan *
make_one(cni_plan_builder *builder)
{
    cn_error err = CN_ERROR_INIT;
    const cni_value value = {.type = cni_type_of(CNI_TYPE_INT64), .as.i64 = 1};
    const cni_plan *plan = NULL;
    const cni_expr *expr = NULL;
    const cni_str name = {"1", 1};
    must(cni_plan_values(builder, NULL, 0, NULL, 1, &plan, &err), &err);
    must(cni_expr_literal(builder->arena, &value, &expr, &err), &err);
    must(cni_plan_project(builder, plan, &expr, &name, 1, &plan, &err), &err);
    return plan;
}

static const cni_plan *
make_projects(cni_plan_builder *builder, const cni_plan *plan)
{
    cn_error err = CN_ERROR_INIT;
    const cni_str names[3] = {{"a", 1}, {"b", 1}, {"c", 1}};
    for (int32_t depth = 0; depth < 8; depth++) {
        /* one column less, then another order: projections that are not dropped */
        const cni_expr *exprs[2] = {column_of(builder->arena, plan, 1),
                                    column_of(builder->arena, plan, 0)};
        must(cni_plan_project(builder, plan, exprs, names, 2, &plan, &err), &err);
    }
    return plan;
}

static const cni_plan *
make_plan(const exec_bench *self, cni_plan_builder *builder)
{
    cn_error err = CN_ERROR_INIT;
    const cni_plan *plan = NULL;
    if (self->shape == SHAPE_ONE) {
        return make_one(builder);
    }
    must(cni_plan_scan(builder, self->table, cni_str_of("t"), NULL, 0, &plan, &err), &err);
    const int32_t key = self->shape == SHAPE_SORT_TEXT ? 2 : 1;
    const cni_order order = {.expr = column_of(builder->arena, plan, key)};
    if (self->shape == SHAPE_PROJECT_8) {
        return make_projects(builder, plan);
    }
    if (self->shape == SHAPE_LIMIT) {
        must(cni_plan_limit(builder, plan, 1000, 0, &plan, &err), &err);
    } else if (self->shape != SHAPE_SCAN) {
        must(cni_plan_sort(builder, plan, &order, 1, &plan, &err), &err);
    }
    if (self->shape == SHAPE_TOP) {
        cni_plan node = *plan;
        node.kind = CNI_PLAN_TOPN;
        node.limit = 10;
        must(cni_plan_new(builder, &node, &plan, &err), &err);
    }
    return plan;
}

static void
run(void *opaque)
{
    exec_bench *self = opaque;
    cn_error err = CN_ERROR_INIT;
    cni_context context;
    cni_arena *arena = NULL;
    cni_plan_builder builder;
    const cni_physical_plan *physical = NULL;
    cni_execution *execution = NULL;
    cni_chunk chunk;
    cni_execution_answer answer = CNI_EXECUTION_CHUNK;
    must(
        cni_context_init(&context, self->root, INT64_C(8) << 30, self->pool, &self->settings, &err),
        &err);
    must(cni_arena_new(context.allocator, "bench", &arena, &err), &err);
    cni_plan_builder_init(&builder, arena, 0);
    must(cni_physical_plan_new(arena, make_plan(self, &builder), &context, &physical, &err), &err);
    must(cni_execution_new(physical, &context, &execution, &err), &err);
    cni_chunk_init(&chunk, context.allocator);
    self->n_rows = 0;
    while (answer == CNI_EXECUTION_CHUNK) {
        must(cni_execution_next(execution, &chunk, &answer, &err), &err);
        self->n_rows += answer == CNI_EXECUTION_CHUNK ? chunk.n_rows : 0;
    }
    cni_chunk_done(&chunk);
    cni_execution_close(execution);
    cni_arena_unref(arena);
    cni_context_done(&context);
}

static void
bench_threads(exec_bench *self, const char *filter, int32_t n_threads)
{
    cn_error err = CN_ERROR_INIT;
    char name[64];
    const struct {
        const char *name;
        int32_t shape;
        int64_t n_items;
        double budget_ns;
    } cases[] = {
        {"SELECT 1, from plan to result", SHAPE_ONE, 1, 50000},
        {"scan, per chunk of 2,048 rows", SHAPE_SCAN, N_ROWS / 2048, 1000},
        {"scan and 8 projections, per chunk and op", SHAPE_PROJECT_8, N_ROWS / 2048 * 9, 500},
        {"LIMIT 1000, whole query", SHAPE_LIMIT, 1, 100000},
        {"sort by BIGINT, per row", SHAPE_SORT, N_ROWS, 60},
        {"sort by VARCHAR, per row", SHAPE_SORT_TEXT, N_ROWS, 200},
        {"top 10 by BIGINT, per row", SHAPE_TOP, N_ROWS, 2},
    };
    must(cni_pool_new(cni_budget_allocator(self->root), n_threads, NULL, NULL, &self->pool, &err),
         &err);
    self->settings = cni_exec_settings_default();
    self->settings.n_threads = n_threads;
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        self->shape = cases[at].shape;
        (void)snprintf(name, sizeof(name), "%s (%d)", cases[at].name, (int)n_threads);
        micro_run(filter, name, run, self, cases[at].n_items, cases[at].budget_ns);
    }
    cni_pool_free(self->pool);
}

int
main(int argc, char **argv)
{
    exec_bench self = {0};
    cn_error err = CN_ERROR_INIT;
    const char *filter = argc > 1 ? argv[1] : NULL;
    must(cni_budget_new_root("bench", INT64_C(8) << 30, NULL, &self.root, &err), &err);
    make_table(&self);
    bench_threads(&self, filter, 1);
    bench_threads(&self, filter, 2);
    cni_table_unref(self.table);
    cni_budget_unref(self.root);
    return 0;
}
