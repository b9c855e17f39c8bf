/* SPDX-License-Identifier: Apache-2.0
 *
 * What random expressions do not show: which rows raise, where errors point, how often dictionaries
 * and constants are computed, that warm programs allocate nothing, and the order of conjuncts.
 */
#include "plan/eval/program_int.h"
#include "unit/plan/plan_fixture.h"

#define N_ROWS 256

/* ---- an allocator that counts ---- */

typedef struct counting {
    cni_allocator base;
    int64_t n_new;   /* blocks and growths */
    int64_t n_bytes; /* in use */
} counting;

static void *
count_resize(cni_allocator *self, void *ptr, int64_t old_bytes, int64_t new_bytes, int64_t align,
             cn_error *err)
{
    counting *own = (counting *)(void *)self;
    own->n_new += new_bytes > old_bytes ? 1 : 0;
    own->n_bytes += new_bytes - old_bytes;
    cni_allocator *system = cni_allocator_system();
    return system->resize(system, ptr, old_bytes, new_bytes, align, err);
}

static void
ignore(cni_allocator *self)
{
    (void)self;
}

/* ---- columns: 0 INTEGER r % 4 (row 7 NULL), 1 VARCHAR dictionary, 2 INTEGER r ---- */

static void
make_chunk(fixture *f, cni_chunk *chunk)
{
    static const char *const words[] = {"AIR", "MAIL", "SHIP", "12", "RAIL", "FOB", "34", "TRUCK"};
    cni_vector numbers;
    cni_vector entries;
    cni_value values[8];
    cni_dictionary *dictionary = NULL;
    cni_buffer *codes = NULL;
    cni_chunk_init(chunk, f->allocator);
    assert_cn_ok(f, cni_chunk_set_columns(chunk, 3, &f->err));
    chunk->n_rows = N_ROWS;
    for (int32_t column = 0; column < 3; column += 2) {
        assert_cn_ok(f, cni_vector_new_flat(f->allocator, cni_type_of(CNI_TYPE_INT32), CNI_PHYS_I32,
                                            N_ROWS, column == 0, &numbers, &f->err));
        for (int32_t row = 0; row < N_ROWS; row++) {
            ((int32_t *)cni_vector_mutable_data(&numbers))[row] = column == 0 ? row % 4 : row;
        }
        cni_vector_move(&chunk->columns[column], &numbers);
    }
    cni_bit_clear(cni_vector_mutable_validity(&chunk->columns[0]), 7);
    for (int32_t entry = 0; entry < 8; entry++) {
        values[entry] = (cni_value){.type = cni_type_of(CNI_TYPE_VARCHAR),
                                    .as.bytes = cni_str_of(words[entry])};
    }
    fixture_flat(f, values, 8, &entries);
    assert_cn_ok(f, cni_dictionary_new(f->allocator, &entries, true, false, &dictionary, &f->err));
    assert_cn_ok(f, cni_buffer_new(f->allocator, N_ROWS, &codes, &f->err));
    for (int32_t row = 0; row < N_ROWS; row++) {
        codes->data[row] = (uint8_t)(row % 8);
    }
    chunk->columns[1] = (cni_vector){.type = cni_type_of(CNI_TYPE_VARCHAR),
                                     .encoding = CNI_DICTIONARY,
                                     .phys = CNI_PHYS_VIEW,
                                     .code_bytes = 1,
                                     .n_rows = N_ROWS,
                                     .data = codes->data,
                                     .dictionary = dictionary,
                                     .owner_data = codes};
}

static const cni_slot slots[] = {{0, 0}, {1, 1}, {2, 2}};

static cni_program_state *
open_program(fixture *f, const cni_expr *const *exprs, int32_t n_exprs)
{
    const cni_program *program = NULL;
    cni_program_state *state = NULL;
    assert_cn_ok(f, cni_program_new(f->arena, exprs, n_exprs, slots, 3, &program, &f->err));
    assert_cn_ok(f, cni_program_state_new(program, &f->context, &state, &f->err));
    return state;
}

static const cni_expr *
compare(fixture *f, cni_compare_op op, const cni_expr *a, const char *literal)
{
    const cni_expr *made = NULL;
    assert_cn_ok(f, cni_expr_compare(f->arena, op, a, fixture_literal(f, literal), &made, &f->err));
    return made;
}

static const cni_expr *
junction(fixture *f, cni_expr_kind kind, const cni_expr *a, const cni_expr *b)
{
    const cni_expr *args[] = {a, b};
    const cni_expr *made = NULL;
    assert_cn_ok(f, cni_expr_junction(f->arena, kind, args, 2, &made, &f->err));
    return made;
}

/* 12 / #0, which raises where #0 is 0. */
static const cni_expr *
quotient(fixture *f)
{
    return fixture_call(f, "/", fixture_literal(f, "12"),
                        fixture_column(f, 0, cni_type_of(CNI_TYPE_INT32)));
}

static void
check_bool(fixture *f, const cni_expr *expr, int32_t n_true)
{
    cni_chunk chunk;
    cni_vector out;
    make_chunk(f, &chunk);
    cni_program_state *state = open_program(f, &expr, 1);
    assert_cn_ok(f, cni_program_run(state, &chunk, &out, &f->err));
    int32_t n_seen = 0;
    for (int32_t row = 0; row < N_ROWS; row++) {
        n_seen += strcmp(fixture_text(f, &out, row), "true") == 0;
    }
    assert_int_equal(n_seen, n_true);
    cni_vector_done(&out);
    cni_program_state_free(state);
    cni_chunk_done(&chunk);
}

/* Rows that earlier members decided do not raise. */
static void
test_narrowing(void **state)
{
    fixture *f = *state;
    const cni_expr *zero = fixture_column(f, 0, cni_type_of(CNI_TYPE_INT32));
    const cni_expr *big = compare(f, CNI_GT, quotient(f), "5");
    check_bool(f, junction(f, CNI_EXPR_AND, compare(f, CNI_NE, zero, "0"), big), 128);
    check_bool(f, junction(f, CNI_EXPR_OR, compare(f, CNI_EQ, zero, "0"), big), 192);
    const cni_expr *args[] = {compare(f, CNI_EQ, zero, "0"), compare(f, CNI_EQ, zero, "9"), big};
    const cni_expr node = {
        .kind = CNI_EXPR_CASE, .type = big->type, .n_args = 3, .args = args, .sql_offset = -1};
    const cni_expr *choice = NULL;
    assert_cn_ok(f, cni_expr_new(f->arena, &node, &choice, &f->err));
    check_bool(f, choice, 128);
    /* nested, and with nothing left to evaluate */
    const cni_expr *never = junction(f, CNI_EXPR_AND, compare(f, CNI_LT, zero, "0"),
                                     junction(f, CNI_EXPR_OR, big, big));
    check_bool(f, never, 0);
}

static void
test_error_place(void **state)
{
    fixture *f = *state;
    cni_chunk chunk;
    cni_vector out;
    cni_expr node = *quotient(f);
    const cni_expr *placed = NULL;
    node.sql_offset = 7;
    node.sql_length = 5;
    assert_cn_ok(f, cni_expr_new(f->arena, &node, &placed, &f->err));
    make_chunk(f, &chunk);
    cni_program_state *program = open_program(f, &placed, 1);
    f->err = (cn_error)CN_ERROR_INIT;
    assert_int_equal(cni_program_run(program, &chunk, &out, &f->err), CN_INVALID_DATA);
    assert_int_equal(f->err.sql_offset, 7);
    assert_int_equal(f->err.sql_length, 5);
    assert_string_equal(f->err.sqlstate, "22012");
    /* the same state goes on with rows that do not raise */
    uint64_t keep[N_ROWS / 64];
    memset(keep, 0xEE, sizeof(keep)); /* no row r % 4 = 0 */
    assert_cn_ok(f, cni_chunk_narrow(&chunk, keep, &f->err));
    assert_cn_ok(f, cni_program_run(program, &chunk, &out, &f->err));
    assert_string_equal(fixture_text(f, &out, 3), "4");
    cni_vector_done(&out);
    cni_program_state_free(program);
    cni_chunk_done(&chunk);
}

static void
test_unknown_names(void **state)
{
    fixture *f = *state;
    const cni_program *program = NULL;
    const cni_expr *column = fixture_column(f, 99, cni_type_of(CNI_TYPE_INT32));
    const cni_expr node = {.kind = CNI_EXPR_PARAMETER,
                           .type = cni_type_of(CNI_TYPE_INT32),
                           .parameter = CNI_STR("limit"),
                           .sql_offset = -1};
    const cni_expr *parameter = NULL;
    assert_cn_ok(f, cni_expr_new(f->arena, &node, &parameter, &f->err));
    assert_int_equal(cni_program_new(f->arena, &column, 1, slots, 3, &program, &f->err),
                     CN_INTERNAL);
    assert_int_equal(cni_program_new(f->arena, &parameter, 1, slots, 3, &program, &f->err),
                     CN_INVALID_ARGUMENT);
    assert_non_null(strstr(f->err.message, "$limit"));
}

/* ---- a function that counts the rows it is asked for ---- */

static int64_t n_evaluated;

static cn_code
evaluate_counted(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                 cn_error *err)
{
    (void)self;
    n_evaluated += call->env.n_rows;
    return cni_op_cast(&call->env, call->args[0], call->type, false, inout_result, err);
}

static cn_code
resolve_counted(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    question->out_type = cni_type_of(CNI_TYPE_INT64);
    question->out_matched = question->n_args == 1;
    return CN_OK;
}

/* VARCHAR to BIGINT: some entries of the dictionary raise. */
static const cni_function counted = {.name = {"counted", 7},
                                     .may_error = true,
                                     .dictionary_safe = true,
                                     .resolve = resolve_counted,
                                     .evaluate = evaluate_counted};

static void
test_dictionary(void **state)
{
    fixture *f = *state;
    cni_chunk chunk;
    cni_vector out;
    const cni_expr *text = fixture_column(f, 1, cni_type_of(CNI_TYPE_VARCHAR));
    const cni_expr *lower = fixture_call(f, "lower", text, NULL);
    const cni_expr *exprs[] = {lower,
                               fixture_call(f, "contains", lower, fixture_literal(f, "'ai'"))};
    make_chunk(f, &chunk);
    cni_program_state *program = open_program(f, exprs, 2);
    for (int32_t round = 0; round < 3; round++) {
        cni_vector both[2];
        assert_cn_ok(f, cni_program_run(program, &chunk, both, &f->err));
        assert_int_equal(both[0].encoding, CNI_DICTIONARY);
        assert_ptr_equal(both[0].data, chunk.columns[1].data);
        assert_string_equal(fixture_text(f, &both[0], 9), "mail");
        assert_string_equal(fixture_text(f, &both[1], 9), "true");
        assert_string_equal(fixture_text(f, &both[1], 10), "false");
        cni_vector_done(&both[0]);
        cni_vector_done(&both[1]);
    }
    cni_program_state_free(program);

    /* entries that raise are harmless while no live row uses them */
    assert_cn_ok(f, cni_function_register(f->registry, &counted, NULL, &f->err));
    const cni_expr *number = fixture_call(f, "counted", text, NULL);
    uint64_t keep[N_ROWS / 64];
    memset(keep, 0x48, sizeof(keep)); /* entries 3 and 6: '12', '34' */
    program = open_program(f, &number, 1);
    f->err = (cn_error)CN_ERROR_INIT;
    assert_int_equal(cni_program_run(program, &chunk, &out, &f->err), CN_INVALID_DATA);
    assert_cn_ok(f, cni_chunk_narrow(&chunk, keep, &f->err));
    assert_cn_ok(f, cni_program_run(program, &chunk, &out, &f->err));
    assert_string_equal(fixture_text(f, &out, 3), "12");
    assert_string_equal(fixture_text(f, &out, 14), "34");
    cni_vector_done(&out);
    cni_program_state_free(program);
    cni_chunk_done(&chunk);
}

/* Constants by form are computed once per state, equal subexpressions once per run. */
static void
test_once(void **state)
{
    fixture *f = *state;
    cni_chunk chunk;
    assert_cn_ok(f, cni_function_register(f->registry, &counted, NULL, &f->err));
    const cni_expr *constant = fixture_call(f, "counted", fixture_literal(f, "'12'"), NULL);
    const cni_expr *row =
        fixture_call(f, "counted", fixture_column(f, 2, cni_type_of(CNI_TYPE_INT32)), NULL);
    const cni_expr *again =
        fixture_call(f, "counted", fixture_column(f, 2, cni_type_of(CNI_TYPE_INT32)), NULL);
    const cni_expr *exprs[] = {fixture_call(f, "+", constant, row),
                               fixture_call(f, "*", again, constant)};
    make_chunk(f, &chunk);
    cni_program_state *program = open_program(f, exprs, 2);
    n_evaluated = 0;
    for (int32_t round = 0; round < 3; round++) {
        cni_vector out[2];
        assert_cn_ok(f, cni_program_run(program, &chunk, out, &f->err));
        assert_string_equal(fixture_text(f, &out[0], 5), "17");
        assert_string_equal(fixture_text(f, &out[1], 5), "60");
        cni_vector_done(&out[0]);
        cni_vector_done(&out[1]);
    }
    assert_int_equal(n_evaluated, 1 + 3 * N_ROWS);
    cni_program_state_free(program);
    cni_chunk_done(&chunk);
}

/* A dictionary of numbers 0 .. N_ENTRIES - 1; row r has the number r. */
enum {
    N_ENTRIES = 4096
};

static void
make_numbers(fixture *f, cni_chunk *chunk)
{
    cni_vector entries;
    cni_dictionary *dictionary = NULL;
    cni_buffer *codes = NULL;
    const cni_type *type = cni_type_of(CNI_TYPE_INT32);
    assert_cn_ok(f, cni_vector_new_flat(f->allocator, type, CNI_PHYS_I32, N_ENTRIES, false,
                                        &entries, &f->err));
    for (int32_t entry = 0; entry < N_ENTRIES; entry++) {
        ((int32_t *)cni_vector_mutable_data(&entries))[entry] = entry;
    }
    assert_cn_ok(f, cni_dictionary_new(f->allocator, &entries, true, false, &dictionary, &f->err));
    cni_vector_done(&entries);
    assert_cn_ok(f, cni_buffer_new(f->allocator, N_ROWS * 2, &codes, &f->err));
    for (uint16_t row = 0; row < N_ROWS; row++) {
        memcpy(codes->data + row * 2, &row, 2);
    }
    cni_chunk_init(chunk, f->allocator);
    assert_cn_ok(f, cni_chunk_set_columns(chunk, 1, &f->err));
    chunk->n_rows = N_ROWS;
    chunk->columns[0] = (cni_vector){.type = type,
                                     .encoding = CNI_DICTIONARY,
                                     .phys = CNI_PHYS_I32,
                                     .code_bytes = 2,
                                     .n_rows = N_ROWS,
                                     .data = codes->data,
                                     .dictionary = dictionary,
                                     .owner_data = codes};
}

/* What many equalities know of a large dictionary is a few codes each, not a byte per entry. */
static void
test_many_equalities(void **state)
{
    enum {
        N_EQUALITIES = 100
    };
    fixture *f = *state;
    counting allocator = {{count_resize, ignore, ignore}, 0, 0};
    const cni_expr *exprs[N_EQUALITIES];
    cni_vector out[N_EQUALITIES];
    cni_chunk chunk;
    int64_t n_bytes_before = 0;
    make_numbers(f, &chunk);
    for (int32_t at = 0; at < N_EQUALITIES; at++) {
        char literal[16];
        (void)snprintf(literal, sizeof(literal), "%d", at);
        exprs[at] = compare(f, CNI_EQ, fixture_column(f, 0, cni_type_of(CNI_TYPE_INT32)), literal);
    }
    f->context.allocator = &allocator.base;
    cni_program_state *program = open_program(f, exprs, N_EQUALITIES);
    for (int32_t round = 0; round < 2 * N_ENTRIES / N_ROWS; round++) {
        assert_cn_ok(f, cni_program_run(program, &chunk, out, &f->err));
        for (int32_t at = 0; at < N_EQUALITIES; at++) {
            assert_string_equal(fixture_text(f, &out[at], at), "true");
            assert_string_equal(fixture_text(f, &out[at], at + 1), "false");
            cni_vector_done(&out[at]);
        }
        n_bytes_before = round == 0 ? allocator.n_bytes : n_bytes_before;
    }
    assert_true(allocator.n_bytes - n_bytes_before < N_EQUALITIES * N_ENTRIES / 10);
    cni_program_state_free(program);
    assert_int_equal(allocator.n_bytes, 0);
    cni_chunk_done(&chunk);
    f->context.allocator = f->allocator;
}

static void
test_no_allocation(void **state)
{
    fixture *f = *state;
    counting allocator = {{count_resize, ignore, ignore}, 0, 0};
    f->context.allocator = &allocator.base;
    cni_chunk chunk;
    const cni_expr *a = fixture_column(f, 0, cni_type_of(CNI_TYPE_INT32));
    const cni_expr *b = fixture_column(f, 2, cni_type_of(CNI_TYPE_INT32));
    const cni_expr *text = fixture_column(f, 1, cni_type_of(CNI_TYPE_VARCHAR));
    const cni_expr *test =
        junction(f, CNI_EXPR_AND, compare(f, CNI_GT, b, "5"), compare(f, CNI_EQ, text, "'MAIL'"));
    const cni_expr *args[] = {test, fixture_call(f, "*", a, b), b};
    const cni_expr node = {
        .kind = CNI_EXPR_CASE, .type = b->type, .n_args = 3, .args = args, .sql_offset = -1};
    const cni_expr *exprs[2] = {NULL, fixture_call(f, "%", b, fixture_literal(f, "7"))};
    assert_cn_ok(f, cni_expr_new(f->arena, &node, &exprs[0], &f->err));
    make_chunk(f, &chunk);
    cni_program_state *program = open_program(f, exprs, 2);
    for (int32_t round = 0; round < 6; round++) {
        cni_vector out[2];
        const int64_t before = allocator.n_new;
        assert_cn_ok(f, cni_program_run(program, &chunk, out, &f->err));
        cni_vector_done(&out[0]);
        cni_vector_done(&out[1]);
        assert_true(round < 2 || allocator.n_new == before);
    }
    cni_program_state_free(program);
    cni_chunk_done(&chunk);
    f->context.allocator = f->allocator;
}

/* An output that its receiver keeps is not written again. */
static void
test_outputs_last(void **state)
{
    fixture *f = *state;
    cni_chunk chunk;
    cni_vector first;
    cni_vector second;
    const cni_expr *sum = fixture_call(f, "+", fixture_column(f, 2, cni_type_of(CNI_TYPE_INT32)),
                                       fixture_literal(f, "1"));
    make_chunk(f, &chunk);
    cni_program_state *program = open_program(f, &sum, 1);
    assert_cn_ok(f, cni_program_run(program, &chunk, &first, &f->err));
    ((int32_t *)cni_vector_mutable_data(&chunk.columns[2]))[0] = 100;
    assert_cn_ok(f, cni_program_run(program, &chunk, &second, &f->err));
    assert_string_equal(fixture_text(f, &first, 0), "1");
    assert_string_equal(fixture_text(f, &second, 0), "101");
    cni_program_state_free(program);
    cni_chunk_done(&chunk);
    assert_string_equal(fixture_text(f, &first, 0), "1");
    cni_vector_done(&first);
    cni_vector_done(&second);
}

/* ---- filters ---- */

static int64_t
filter_rows(fixture *f, cni_program_state *program, cni_chunk *chunk)
{
    cni_chunk copy;
    cni_chunk_init(&copy, f->allocator);
    assert_cn_ok(f, cni_chunk_copy(&copy, chunk, &f->err));
    assert_cn_ok(f, cni_program_filter(program, &copy, &f->err));
    const int64_t n_live = cni_chunk_live_rows(&copy);
    cni_chunk_done(&copy);
    return n_live;
}

/* The conjunct that may raise is written first and runs last, whatever the ranking. */
static void
test_filter_order(void **state)
{
    fixture *f = *state;
    cni_chunk chunk;
    const cni_expr *a = fixture_column(f, 0, cni_type_of(CNI_TYPE_INT32));
    const cni_expr *b = fixture_column(f, 2, cni_type_of(CNI_TYPE_INT32));
    const cni_expr *text = fixture_column(f, 1, cni_type_of(CNI_TYPE_VARCHAR));
    const cni_expr *exprs[] = {compare(f, CNI_GT, quotient(f), "5"), compare(f, CNI_GE, b, "0"),
                               compare(f, CNI_NE, a, "0"), compare(f, CNI_EQ, text, "'MAIL'")};
    make_chunk(f, &chunk);
    cni_program_state *program = open_program(f, exprs, 4);
    for (int32_t round = 0; round < 100; round++) {
        assert_int_equal(filter_rows(f, program, &chunk), 32);
        assert_int_equal(program->order[3], 0);
    }
    assert_int_equal(program->order[2], 1); /* keeps everything: last of those that may move */
    cni_program_state_free(program);
    cni_chunk_done(&chunk);
}

/* A dear conjunct over few survivors sees those alone. */
static void
test_filter_gathers(void **state)
{
    fixture *f = *state;
    cni_chunk chunk;
    const cni_expr *b = fixture_column(f, 2, cni_type_of(CNI_TYPE_INT32));
    const cni_expr *text = NULL;
    assert_cn_ok(f,
                 cni_expr_cast(f->arena, b, cni_type_of(CNI_TYPE_VARCHAR), false, &text, &f->err));
    const cni_expr *exprs[] = {compare(f, CNI_LT, b, "13"),
                               fixture_call(f, "like", text, fixture_literal(f, "'1%'"))};
    make_chunk(f, &chunk);
    cni_program_state *program = open_program(f, exprs, 2);
    for (int32_t round = 0; round < 40; round++) {
        assert_int_equal(filter_rows(f, program, &chunk), 4); /* 1, 10, 11, 12 */
    }
    cni_program_state_free(program);
    cni_chunk_done(&chunk);
}

/* Conjuncts over wide decimals in narrow vectors, and literals that no narrow value equals. */
static void
test_filter_wide_literal(void **state)
{
    fixture *f = *state;
    cni_chunk chunk;
    const cni_type *wide = cni_type_decimal(38, 2);
    const cni_expr *column = fixture_column(f, 0, wide);
    const cni_expr *below =
        compare(f, CNI_LT, column, "DECIMAL(38,2) 123456789012345678901234567890.00");
    const cni_expr *above = compare(f, CNI_GE, column, "DECIMAL(38,2) 1.00");
    const cni_expr *exprs[] = {below, above};
    cni_chunk_init(&chunk, f->allocator);
    assert_cn_ok(f, cni_chunk_set_columns(&chunk, 1, &f->err));
    chunk.n_rows = 70;
    assert_cn_ok(f, cni_vector_new_flat(f->allocator, wide, CNI_PHYS_I64, 70, false,
                                        &chunk.columns[0], &f->err));
    for (int32_t row = 0; row < 70; row++) {
        ((int64_t *)cni_vector_mutable_data(&chunk.columns[0]))[row] = row * 10;
    }
    cni_program_state *program = open_program(f, exprs, 2);
    assert_int_equal(filter_rows(f, program, &chunk), 60);
    cni_program_state_free(program);
    cni_chunk_done(&chunk);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_narrowing),
        TEST(test_error_place),
        TEST(test_unknown_names),
        TEST(test_dictionary),
        TEST(test_once),
        TEST(test_no_allocation),
        TEST(test_many_equalities),
        TEST(test_outputs_last),
        TEST(test_filter_order),
        TEST(test_filter_gathers),
        TEST(test_filter_wide_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
