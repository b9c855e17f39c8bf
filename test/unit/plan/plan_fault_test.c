/* SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of the plan room fails once: registries, catalogs, programs, runs, filters,
 * folding and the binary form give CN_NO_MEMORY, leak nothing (the sanitizer sees to it), and work
 * when tried again.
 */
#include "plan/catalog/catalog.h"
#include "unit/plan/plan_fixture.h"
#include "unit/plan/plan_table_fixture.h"

#define N_ROWS 100

/* An allocator over the system's that refuses allocation number `fail_at`. */
typedef struct failing {
    cni_allocator base;
    int64_t n_seen;
    int64_t fail_at;
} failing;

static void *
failing_resize(cni_allocator *self, void *ptr, int64_t old_bytes, int64_t new_bytes, int64_t align,
               cn_error *err)
{
    failing *own = (failing *)(void *)self;
    cni_allocator *system = cni_allocator_system();
    if (new_bytes > old_bytes && own->n_seen++ == own->fail_at) {
        (void)cni_error_no_memory(err, new_bytes);
        return NULL;
    }
    return system->resize(system, ptr, old_bytes, new_bytes, align, err);
}

static void
keep(cni_allocator *self)
{
    (void)self;
}

typedef cn_code (*scenario)(fixture *f, cni_allocator *allocator, void *argument, cn_error *err);

/* Fail every allocation of the scenario once, then none. Strict: no refused allocation goes
 * unnoticed. */
static void
sweep(fixture *f, scenario run, void *argument, bool strict)
{
    cn_code code = CN_NO_MEMORY;
    for (int64_t fail_at = 0; code != CN_OK; fail_at++) {
        failing allocator = {{failing_resize, keep, keep}, 0, fail_at};
        f->context.allocator = &allocator.base;
        f->err = (cn_error)CN_ERROR_INIT;
        code = run(f, &allocator.base, argument, &f->err);
        f->context.allocator = f->allocator;
        if (code != CN_OK && code != CN_NO_MEMORY) {
            fail_msg("allocation %lld: %s", (long long)fail_at, f->err.message);
        }
        assert_true(code == CN_OK || f->err.message[0] != '\0');
        assert_true(fail_at < 20000);
        if (code == CN_OK && allocator.n_seen > fail_at) {
            assert_false(strict);
            code = CN_NO_MEMORY; /* on to the next one */
        }
    }
}

static cn_code
run_registry(fixture *f, cni_allocator *allocator, void *argument, cn_error *err)
{
    cni_function_registry *registry = NULL;
    (void)f;
    (void)argument;
    CN_TRY(cni_function_registry_new(allocator, &registry, err));
    cni_function_registry_free(registry);
    return CN_OK;
}

static void
test_registry(void **state)
{
    sweep(*state, run_registry, NULL, true);
}

static cn_code
run_catalog(fixture *f, cni_allocator *allocator, void *argument, cn_error *err)
{
    cni_catalog *catalog = NULL;
    plan_table *table = argument;
    const cni_catalog_snapshot *snapshot = NULL;
    (void)f;
    CN_TRY(cni_catalog_new(allocator, &catalog, err));
    const cni_catalog_entry entry = {
        .kind = CNI_ENTRY_TABLE, .name = CNI_STR("t"), .table = &table->base};
    cn_code code = cni_catalog_put(catalog, &entry, false, err);
    code = code == CN_OK ? cni_catalog_create_schema(catalog, CNI_STR("s"), false, err) : code;
    code = code == CN_OK ? cni_catalog_put(catalog, &entry, true, err) : code;
    code = code == CN_OK ? cni_catalog_snapshot_take(catalog, &snapshot, err) : code;
    if (code == CN_OK) {
        code = cni_catalog_drop(catalog, CNI_STR(""), CNI_STR("t"), CNI_ENTRY_TABLE, err);
    }
    cni_catalog_snapshot_unref(snapshot);
    cni_catalog_free(catalog);
    assert_int_equal(table->base.n_refs, 1);
    return code;
}

static void
test_catalog(void **state)
{
    plan_table table;
    plan_table_init(&table);
    sweep(*state, run_catalog, &table, true);
}

/* ---- programs ---- */

typedef struct program_case {
    const cni_expr *expr;
    cni_chunk chunk;
} program_case;

static cn_code
run_and_filter(cni_program_state *state, program_case *test, cn_error *err)
{
    cni_vector out;
    cni_chunk copy;
    for (int32_t round = 0; round < 2; round++) {
        CN_TRY(cni_program_run(state, &test->chunk, &out, err));
        cni_vector_done(&out);
    }
    if (test->expr->type->id != CNI_TYPE_BOOL) {
        return CN_OK;
    }
    cni_chunk_init(&copy, test->chunk.allocator);
    cn_code code = cni_chunk_copy(&copy, &test->chunk, err);
    code = code == CN_OK ? cni_program_filter(state, &copy, err) : code;
    cni_chunk_done(&copy);
    return code;
}

static cn_code
run_program(fixture *f, cni_allocator *allocator, void *argument, cn_error *err)
{
    static const cni_slot slots[] = {{0, 0}, {1, 1}, {2, 2}};
    program_case *test = argument;
    CN_SCOPED(cni_arena_p) arena = NULL;
    CN_SCOPED(cni_program_state_p) state = NULL;
    const cni_program *program = NULL;
    CN_TRY(cni_arena_new(allocator, "program", &arena, err));
    CN_TRY(cni_program_new(arena, &test->expr, 1, slots, 3, &program, err));
    CN_TRY(cni_program_state_new(program, &f->context, &state, err));
    return run_and_filter(state, test, err);
}

/* 0 INTEGER, 1 VARCHAR (long), 2 VARCHAR dictionary. */
static void
make_chunk(fixture *f, cni_chunk *chunk)
{
    cni_value values[2] = {{.type = cni_type_of(CNI_TYPE_VARCHAR),
                            .as.bytes = CNI_STR("a string that is not inlined")},
                           {.type = cni_type_of(CNI_TYPE_VARCHAR), .is_null = true}};
    cni_vector pair;
    uint32_t rows[N_ROWS];
    cni_chunk_init(chunk, f->allocator);
    assert_cn_ok(f, cni_chunk_set_columns(chunk, 3, &f->err));
    chunk->n_rows = N_ROWS;
    assert_cn_ok(f, cni_vector_new_flat(f->allocator, cni_type_of(CNI_TYPE_INT32), CNI_PHYS_I32,
                                        N_ROWS, true, &chunk->columns[0], &f->err));
    for (uint32_t row = 0; row < N_ROWS; row++) {
        ((int32_t *)cni_vector_mutable_data(&chunk->columns[0]))[row] = (int32_t)row;
        rows[row] = row % 2;
    }
    fixture_flat(f, values, 2, &pair);
    assert_cn_ok(f,
                 cni_vector_take(f->allocator, &pair, rows, N_ROWS, &chunk->columns[1], &f->err));
    fixture_dictionary(f, &chunk->columns[1], 2, &chunk->columns[2]);
    cni_vector_done(&pair);
}

static void
check_program(fixture *f, const cni_expr *expr, bool strict)
{
    program_case test = {.expr = expr};
    make_chunk(f, &test.chunk);
    sweep(f, run_program, &test, strict);
    cni_chunk_done(&test.chunk);
}

static void
test_programs(void **state)
{
    fixture *f = *state;
    const cni_type *text_type = cni_type_of(CNI_TYPE_VARCHAR);
    const cni_expr *number = fixture_column(f, 0, cni_type_of(CNI_TYPE_INT32));
    const cni_expr *text = fixture_column(f, 1, text_type);
    const cni_expr *coded = fixture_column(f, 2, text_type);
    const cni_expr *ten = fixture_literal(f, "10");
    const cni_expr *sum = fixture_call(f, "+", number, ten);
    const cni_expr *half = fixture_call(f, "/", sum, ten);
    const cni_expr *less = NULL;
    const cni_expr *both = NULL;
    const cni_expr *choice = NULL;
    assert_cn_ok(f, cni_expr_compare(f->arena, CNI_LT, half, ten, &less, &f->err));
    const cni_expr *args[] = {fixture_call(f, "contains", coded, fixture_literal(f, "'is'")), less};
    assert_cn_ok(f, cni_expr_junction(f->arena, CNI_EXPR_AND, args, 2, &both, &f->err));
    const cni_expr *parts[] = {less, fixture_call(f, "||", text, coded),
                               fixture_call(f, "upper", coded, NULL)};
    const cni_expr node = {
        .kind = CNI_EXPR_CASE, .type = text_type, .n_args = 3, .args = parts, .sql_offset = -1};
    assert_cn_ok(f, cni_expr_new(f->arena, &node, &choice, &f->err));
    check_program(f, half, true);
    check_program(f, both, true);
    check_program(f, choice, true);
    check_program(f, fixture_call(f, "regexp_matches", text, fixture_literal(f, "'s.r'")),
                  false); /* it goes on without JIT code */
    check_program(f, fixture_call(f, "like", text, coded), true);
    check_program(f, fixture_call(f, "concat", text, coded), true);
    check_program(f, fixture_call(f, "greatest", text, coded), true);
    check_program(f, fixture_call(f, "coalesce", coded, text), true);
}

/* ---- values, text, binary form ---- */

static cn_code
run_binary(fixture *f, cni_allocator *allocator, void *argument, cn_error *err)
{
    plan_table *table = argument;
    CN_SCOPED(cni_arena_p) arena = NULL;
    const cni_plan *plan = NULL;
    cni_plan_builder builder;
    cni_strbuf out;
    const cni_plan_resolver resolver = {
        .open_table = plan_table_open, .functions = f->registry, .private_data = &table->base};
    CN_TRY(cni_arena_new(allocator, "plan", &arena, err));
    cni_plan_builder_init(&builder, arena, 0);
    CN_TRY(cni_plan_scan(&builder, &table->base, CNI_STR("lineitem"), NULL, 0, &plan, err));
    const cni_order order = {.expr = fixture_column(f, 1, plan->columns[1].type)};
    CN_TRY(cni_plan_sort(&builder, plan, &order, 1, &plan, err));
    cni_strbuf_init(&out, allocator, 1 << 20);
    cn_code code = cni_plan_print(plan, NULL, NULL, &out, err);
    code = code == CN_OK ? cni_plan_print_json(plan, NULL, NULL, &out, err) : code;
    cni_strbuf_reset(&out);
    code = code == CN_OK ? cni_plan_write(plan, &out, err) : code;
    if (code == CN_OK) {
        code = cni_plan_read(arena, &resolver, out.data, out.len_bytes, &plan, err);
    }
    cni_strbuf_done(&out);
    return code;
}

static void
test_binary(void **state)
{
    plan_table table;
    plan_table_init(&table);
    sweep(*state, run_binary, &table, true);
    assert_int_equal(table.base.n_refs, 1);
}

static cn_code
run_fold(fixture *f, cni_allocator *allocator, void *argument, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_value value;
    cni_vector vector;
    CN_TRY(cni_arena_new(allocator, "fold", &arena, err));
    CN_TRY(cni_expr_evaluate(arena, argument, &f->context, &value, err));
    CN_TRY(cni_value_to_vector(allocator, &value, 5, &vector, err));
    cni_vector_done(&vector);
    return CN_OK;
}

static void
test_fold(void **state)
{
    fixture *f = *state;
    const cni_expr *text =
        fixture_call(f, "repeat", fixture_literal(f, "'ab'"), fixture_literal(f, "20"));
    sweep(f, run_fold, (void *)(uintptr_t)text, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_registry), TEST(test_catalog), TEST(test_programs),
                                       TEST(test_binary), TEST(test_fold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
