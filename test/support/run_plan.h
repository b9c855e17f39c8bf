/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs logical plans in unit tests: a budget, a pool and a context around one arena with a plan
 * builder, and the result as lines of text ("1|abc\n2|NULL\n") in the order in which it came.
 * Header only.
 */
#ifndef CN_TEST_RUN_PLAN_H
#define CN_TEST_RUN_PLAN_H

#include <string.h>

#include "exec/pipeline/execution.h"
#include "support/memory_scan.h"

/* What a run is done with; zero fields are the defaults: 1 thread, 2,048 rows. */
typedef struct run_settings {
    int32_t n_threads;
    int32_t chunk_rows;
    uint32_t test_encode;
    uint8_t test_swap;
    int64_t memory_limit;
    cni_fault *fault; /* injects failures; NULL = none */
} run_settings;

typedef struct plan_run {
    cni_budget *root;
    cni_pool *pool;
    cni_context context;
    cni_arena *arena;
    cni_plan_builder builder;
    cni_execution *execution;
    cn_error err;
} plan_run;

#define RUN_OK(run, call) assert_run_ok((run), (call), __LINE__)

static inline void
assert_run_ok(const plan_run *run, cn_code code, int line)
{
    if (code != CN_OK) {
        fail_msg("line %d: %s: %s", line, cn_code_name((int32_t)code), run->err.message);
    }
}

static inline void
plan_run_begin(plan_run *self, run_settings settings)
{
    const int32_t n_threads = settings.n_threads == 0 ? 1 : settings.n_threads;
    cni_exec_settings exec = cni_exec_settings_default();
    memset(self, 0, sizeof(*self));
    exec.n_threads = n_threads;
    exec.chunk_rows = settings.chunk_rows == 0 ? CNI_CHUNK_ROWS_DEFAULT : settings.chunk_rows;
    exec.test_encode = settings.test_encode;
    exec.test_swap = settings.test_swap;
    const int64_t limit = settings.memory_limit == 0 ? INT64_C(4) << 30 : settings.memory_limit;
    RUN_OK(self, cni_budget_new_root("test", limit, settings.fault, &self->root, &self->err));
    RUN_OK(self, cni_pool_new(cni_budget_allocator(self->root), n_threads, NULL, settings.fault,
                              &self->pool, &self->err));
    RUN_OK(self,
           cni_context_init(&self->context, self->root, limit, self->pool, &exec, &self->err));
    RUN_OK(self, cni_arena_new(cni_allocator_system(), "test", &self->arena, &self->err));
    cni_plan_builder_init(&self->builder, self->arena, 0);
}

static inline void
plan_run_end(plan_run *self)
{
    cni_execution_close(CN_MOVE(self->execution));
    cni_context_done(&self->context);
    cni_pool_free(self->pool);
    cni_arena_unref(self->arena);
    assert_int_equal(cni_budget_current_bytes(self->root), 0);
    cni_budget_unref(self->root);
}

/* Plan and start; the codes of errors come back. */
static inline cn_code
plan_run_start(plan_run *self, const cni_plan *plan)
{
    const cni_physical_plan *physical = NULL;
    CN_TRY(cni_plan_validate(plan, &self->err));
    CN_TRY(cni_physical_plan_new(self->arena, plan, &self->context, &physical, &self->err));
    return cni_execution_new(physical, &self->context, &self->execution, &self->err);
}

static inline cn_code
append_chunk(const cni_chunk *chunk, cni_strbuf *out)
{
    for (int64_t row = 0; row < chunk->n_rows; row++) {
        for (int32_t column = 0; column < chunk->n_columns; column++) {
            CN_TRY(cni_strbuf_append(out, cni_str_of(column == 0 ? "" : "|"), NULL));
            CN_TRY(cni_vector_print(&chunk->columns[column], row, out, NULL));
        }
        CN_TRY(cni_strbuf_append_char(out, '\n', NULL));
    }
    return CN_OK;
}

/* All rows into `out` (initialised). */
static inline cn_code
plan_run_rows(plan_run *self, const cni_plan *plan, cni_strbuf *out)
{
    cni_chunk chunk;
    cni_execution_answer answer = CNI_EXECUTION_CHUNK;
    cni_chunk_init(&chunk, cni_allocator_system());
    cn_code code = plan_run_start(self, plan);
    while (code == CN_OK && answer == CNI_EXECUTION_CHUNK) {
        code = cni_execution_next(self->execution, &chunk, &answer, &self->err);
        if (code == CN_OK && answer == CNI_EXECUTION_CHUNK) {
            assert_true(chunk.n_rows > 0);
            assert_int_equal(chunk.selection.kind, CNI_SEL_NONE);
            assert_int_equal(cni_chunk_validate(&chunk, &self->err), CN_OK);
            code = append_chunk(&chunk, out);
        }
    }
    cni_chunk_done(&chunk);
    return code;
}

static inline void
text_begin(cni_strbuf *out)
{
    cni_strbuf_init(out, cni_allocator_system(), INT64_C(1) << 30);
}

static inline const char *
text_of(const cni_strbuf *text)
{
    return text->data == NULL ? "" : text->data;
}

/* ---- expressions ---- */

static inline const cni_expr *
column_expr(plan_run *self, const cni_plan *plan, int32_t column)
{
    const cni_expr *expr = NULL;
    RUN_OK(self, cni_expr_column(self->arena, plan->columns[column].id, plan->columns[column].type,
                                 &expr, &self->err));
    return expr;
}

static inline const cni_expr *
i64_expr(plan_run *self, int64_t number)
{
    const cni_value value = {.type = cni_type_of(CNI_TYPE_INT64), .as.i64 = number};
    const cni_expr *expr = NULL;
    RUN_OK(self, cni_expr_literal(self->arena, &value, &expr, &self->err));
    return expr;
}

static inline const cni_expr *
compare_expr(plan_run *self, cni_compare_op op, const cni_expr *left, const cni_expr *right)
{
    const cni_expr *expr = NULL;
    RUN_OK(self, cni_expr_compare(self->arena, op, left, right, &expr, &self->err));
    return expr;
}

static inline const cni_plan *
scan_plan(plan_run *self, memory_table *table)
{
    const cni_plan *plan = NULL;
    RUN_OK(self, cni_plan_scan(&self->builder, &table->base, cni_str_of("t"), NULL, 0, &plan,
                               &self->err));
    return plan;
}

#endif /* CN_TEST_RUN_PLAN_H */
