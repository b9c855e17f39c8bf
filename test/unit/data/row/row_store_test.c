/* SPDX-License-Identifier: Apache-2.0
 *
 * Row store: what is appended (any encoding, any subset of rows) comes back from gather, equals in
 * match, survives absorbing, and a failed append leaves nothing behind at any allocation that
 * fails.
 */
#include <stdio.h>

#include "base/fault.h"
#include "data/row/row_store.h"
#include "unit/data/kernel/ops_check.h"

enum {
    ROWS = 300,
    COLUMNS = 10
};

typedef struct table {
    cni_arena *arena;
    const cni_type *types[COLUMNS];
    cni_vector columns[COLUMNS];
    cni_row_layout *layout;
} table;

static char long_texts[ROWS][64];

static cni_vector
make_strings(check_random *random)
{
    const char *texts[ROWS];
    for (int row = 0; row < ROWS; row++) {
        const uint64_t bits = check_next(random);
        (void)snprintf(long_texts[row], sizeof(long_texts[row]), "%.*s%d", (int)(bits % 40),
                       "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
                       (int)(bits >> 40) % 9);
        texts[row] = bits % 7 == 0 ? NULL : long_texts[row];
    }
    return ops_strings(texts, ROWS);
}

static cni_vector
make_list(cni_arena *arena, check_random *random, const cni_type **out_type)
{
    cn_error err = CN_ERROR_INIT;
    static cni_list_entry entries[ROWS];
    static bool valid[ROWS];
    int32_t items[ROWS];
    for (int row = 0; row < ROWS; row++) {
        const uint64_t bits = check_next(random);
        valid[row] = bits % 5 != 0;
        items[row] = (int32_t)(bits >> 8 & 7);
        entries[row] = (cni_list_entry){row / 2, (int64_t)(bits >> 16) % 4};
    }
    ops_ok(cni_type_list(arena, cni_type_of(CNI_TYPE_INT32), out_type, &err), &err);
    cni_nested *nested = NULL;
    ops_ok(cni_nested_new(cni_allocator_system(), 1, &nested, &err), &err);
    nested->children[0] = ops_vector(cni_type_of(CNI_TYPE_INT32), CNI_PHYS_I32, items, NULL, ROWS);
    cni_vector one = ops_vector(cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, valid, valid, ROWS);
    cni_vector list = {.type = *out_type,
                       .encoding = CNI_FLAT,
                       .phys = CNI_PHYS_LIST,
                       .n_rows = ROWS,
                       .data = entries,
                       .nested = nested,
                       .validity = one.validity,
                       .owner_validity = cni_buffer_ref(one.owner_validity)};
    cni_vector_done(&one);
    return list;
}

static cni_vector
make_dictionary(check_random *random)
{
    cn_error err = CN_ERROR_INIT;
    static uint16_t codes[ROWS];
    const char *texts[] = {"red", "a colour without a common name", NULL, "blue"};
    cni_vector values = ops_strings(texts, 4);
    cni_dictionary *dictionary = NULL;
    ops_ok(cni_dictionary_new(cni_allocator_system(), &values, true, false, &dictionary, &err),
           &err);
    for (int row = 0; row < ROWS; row++) {
        codes[row] = (uint16_t)(check_next(random) % 4);
    }
    return (cni_vector){.type = cni_type_of(CNI_TYPE_VARCHAR),
                        .encoding = CNI_DICTIONARY,
                        .phys = CNI_PHYS_VIEW,
                        .code_bytes = 2,
                        .n_rows = ROWS,
                        .data = codes,
                        .dictionary = dictionary};
}

static table
make_table(void)
{
    cn_error err = CN_ERROR_INIT;
    check_random random = {43};
    table t = {0};
    ops_ok(cni_arena_new(cni_allocator_system(), "test", &t.arena, &err), &err);
    static int64_t wide[ROWS];
    static bool truth[ROWS];
    static bool valid[ROWS];
    static double doubles[ROWS];
    static int8_t small[ROWS];
    const double edges[] = {0.0, -0.0, __builtin_nan(""), -__builtin_nan(""), 2.5};
    for (int row = 0; row < ROWS; row++) {
        const uint64_t bits = check_next(&random);
        wide[row] = (int64_t)(bits >> 8 & 15) - 7;
        truth[row] = (bits >> 20 & 1) != 0;
        valid[row] = bits % 4 != 0;
        doubles[row] = edges[(bits >> 30) % 5];
        small[row] = (int8_t)(bits >> 40);
    }
    const cni_type *decimal = cni_type_decimal(30, 1);
    const cni_interval interval = {1, 2, 3};
    t.columns[0] = ops_vector(cni_type_of(CNI_TYPE_INT64), CNI_PHYS_I64, wide, valid, ROWS);
    t.columns[1] = ops_vector(cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, truth, NULL, ROWS);
    t.columns[2] = make_strings(&random);
    t.columns[3] = ops_vector(cni_type_of(CNI_TYPE_FLOAT64), CNI_PHYS_F64, doubles, valid, ROWS);
    t.columns[4] = make_dictionary(&random);
    t.columns[5] = ops_vector(decimal, CNI_PHYS_I64, wide, NULL, ROWS);
    t.columns[6] = make_list(t.arena, &random, &t.types[6]);
    t.columns[7] =
        ops_constant(cni_type_of(CNI_TYPE_INTERVAL), CNI_PHYS_INTERVAL, &interval, false, ROWS);
    t.columns[8] = ops_vector(cni_type_of(CNI_TYPE_INT8), CNI_PHYS_I8, small, NULL, ROWS);
    t.columns[9] = ops_constant(cni_type_of(CNI_TYPE_NULL), CNI_PHYS_NONE, NULL, true, ROWS);
    for (int column = 0; column < COLUMNS; column++) {
        t.types[column] = t.columns[column].type;
    }
    return t;
}

/* The layout borrows the types: they must be where they stay. */
static void
make_layout(table *t)
{
    cn_error err = CN_ERROR_INIT;
    ops_ok(cni_row_layout_new(t->arena, t->types, COLUMNS, &t->layout, &err), &err);
    assert_int_equal(t->layout->row_bytes % 8, 0);
    assert_int_equal(t->layout->phys[5], CNI_PHYS_I128);
}

static void
free_table(table *t)
{
    for (int column = 0; column < COLUMNS; column++) {
        cni_vector_done(&t->columns[column]);
    }
    cni_arena_unref(t->arena);
}

/* DECIMAL rows are wide whatever the vector was. */
static bool
same_row(const cni_vector *a, int64_t row_a, const cni_vector *b, int64_t row_b)
{
    return cni_row_order(a, row_a, b, row_b) == 0 && ops_valid(a, row_a) == ops_valid(b, row_b);
}

static void
check_gather(const table *t, uint8_t **rows, const uint32_t *index, int64_t n)
{
    cn_error err = CN_ERROR_INIT;
    for (int column = 0; column < COLUMNS; column++) {
        cni_vector out;
        ops_ok(cni_row_gather(cni_allocator_system(), t->layout, column, rows, n, &out, &err),
               &err);
        ops_ok(cni_vector_validate(&out, &err), &err);
        assert_int_equal(out.encoding, CNI_FLAT);
        assert_int_equal(out.n_rows, n);
        for (int64_t k = 0; k < n; k++) {
            assert_true(same_row(&out, k, &t->columns[column], index == NULL ? k : index[k]));
        }
        cni_vector_done(&out);
    }
}

static void
check_match(const table *t, uint8_t **rows, const uint32_t *index, int64_t n, int shift)
{
    for (int column = 0; column < COLUMNS; column++) {
        uint32_t other[ROWS];
        uint32_t match[ROWS];
        uint32_t mismatch[ROWS];
        for (int64_t k = 0; k < n; k++) {
            match[k] = (uint32_t)k;
            other[k] = ((index == NULL ? (uint32_t)k : index[k]) + (uint32_t)shift) % ROWS;
        }
        int64_t n_mismatch = 0;
        const int64_t n_match = cni_row_match(t->layout, column, rows, &t->columns[column], other,
                                              match, n, mismatch, &n_mismatch);
        assert_int_equal(n_match + n_mismatch, n);
        int64_t at_match = 0;
        int64_t at_mismatch = 0;
        for (int64_t k = 0; k < n; k++) {
            const int64_t mine = index == NULL ? k : index[k];
            if (same_row(&t->columns[column], mine, &t->columns[column], other[k])) {
                assert_int_equal(match[at_match++], k);
            } else {
                assert_int_equal(mismatch[at_mismatch++], k);
            }
        }
        assert_int_equal(at_match, n_match);
    }
}

static void
append_gather_match(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    table t = make_table();
    make_layout(&t);
    cni_row_store *store = NULL;
    ops_ok(cni_row_store_new(cni_allocator_system(), t.layout, &store, &err), &err);
    uint32_t index[ROWS];
    uint8_t *rows[ROWS];
    uint8_t *all[40 * ROWS];
    uint32_t sources[40 * ROWS];
    int64_t n_all = 0;
    for (int turn = 0; turn < 40; turn++) {
        const int64_t n = turn == 0 ? ROWS : turn * 7;
        for (int64_t k = 0; k < n; k++) {
            index[k] = (uint32_t)((k * 13 + turn) % ROWS);
        }
        const uint32_t *chosen = turn % 5 == 0 ? NULL : index;
        ops_ok(cni_row_store_append(store, t.columns, chosen, n, rows, &err), &err);
        check_gather(&t, rows, chosen, n);
        check_match(&t, rows, chosen, n, turn % 3);
        for (int64_t k = 0; k < n; k++) {
            all[n_all] = rows[k];
            sources[n_all++] = chosen == NULL ? (uint32_t)k : chosen[k];
        }
    }
    assert_int_equal(cni_row_store_rows(store), n_all);
    assert_true(cni_row_store_bytes(store) >= n_all * t.layout->row_bytes);
    for (int64_t row = 0; row < n_all; row++) {
        assert_ptr_equal(cni_row_store_row(store, row), all[row]);
    }
    check_gather(&t, all, sources, n_all);
    check_gather(&t, all, sources, 0);
    cni_row_store_free(store);
    free_table(&t);
}

static void
absorb(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    table t = make_table();
    make_layout(&t);
    cni_row_store *stores[2] = {NULL, NULL};
    uint8_t *rows[4 * ROWS];
    uint32_t sources[4 * ROWS];
    for (int store = 0; store < 2; store++) {
        ops_ok(cni_row_store_new(cni_allocator_system(), t.layout, &stores[store], &err), &err);
        for (int turn = 0; turn < 2; turn++) {
            uint8_t **out = rows + (store * 2 + turn) * ROWS;
            ops_ok(cni_row_store_append(stores[store], t.columns, NULL, ROWS, out, &err), &err);
        }
    }
    for (uint32_t row = 0; row < 4 * ROWS; row++) {
        sources[row] = row % ROWS;
    }
    const int64_t n_bytes = cni_row_store_bytes(stores[0]) + cni_row_store_bytes(stores[1]);
    ops_ok(cni_row_store_absorb(stores[0], stores[1], &err), &err);
    assert_int_equal(cni_row_store_rows(stores[0]), 4 * ROWS);
    assert_int_equal(cni_row_store_rows(stores[1]), 0);
    assert_int_equal(cni_row_store_bytes(stores[0]), n_bytes);
    cni_row_store_free(stores[1]);
    for (int64_t row = 0; row < 4 * ROWS; row++) {
        assert_ptr_equal(cni_row_store_row(stores[0], row), rows[row]);
    }
    check_gather(&t, rows, sources, 4 * ROWS);
    cni_row_store_free(stores[0]);
    free_table(&t);
}

/* Strings that no page holds, and rows wider than the first page. */
static void
large_rows(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    const int64_t n_bytes = 1 << 20;
    char *text = check_block(n_bytes, 0);
    memset(text, 'x', (size_t)n_bytes);
    const cni_view views[] = {cni_view_make(text, (uint32_t)n_bytes),
                              cni_view_make(text, 40 * 1024), cni_view_make("y", 1)};
    const cni_type fixed = {.id = CNI_TYPE_FIXED_BINARY, .width = 9000};
    uint8_t *wide = check_block(3 * 9000, 0);
    memset(wide, 7, 3 * 9000);
    const cni_vector columns[] = {
        ops_vector(cni_type_of(CNI_TYPE_VARCHAR), CNI_PHYS_VIEW, views, NULL, 3),
        ops_vector(&fixed, CNI_PHYS_FIXED, wide, NULL, 3)};
    const cni_type *types[] = {columns[0].type, &fixed};
    cni_arena *arena = NULL;
    ops_ok(cni_arena_new(cni_allocator_system(), "test", &arena, &err), &err);
    cni_row_layout *layout;
    ops_ok(cni_row_layout_new(arena, types, 2, &layout, &err), &err);
    cni_row_store *store = NULL;
    ops_ok(cni_row_store_new(cni_allocator_system(), layout, &store, &err), &err);
    uint8_t *rows[3];
    for (int turn = 0; turn < 20; turn++) {
        ops_ok(cni_row_store_append(store, columns, NULL, 3, rows, &err), &err);
        for (int column = 0; column < 2; column++) {
            cni_vector out;
            ops_ok(cni_row_gather(cni_allocator_system(), layout, column, rows, 3, &out, &err),
                   &err);
            for (int64_t row = 0; row < 3; row++) {
                assert_true(same_row(&out, row, &columns[column], row));
            }
            cni_vector_done(&out);
        }
    }
    cni_row_store_free(store);
    cni_arena_unref(arena);
    for (int column = 0; column < 2; column++) {
        cni_vector copy = columns[column];
        cni_vector_done(&copy);
    }
    check_free(text, 0);
    check_free(wide, 0);
}

/* Every allocation fails in turn: the status says so and the store is as before. */
static void
failing_allocations(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    table t = make_table();
    make_layout(&t);
    cni_fault fault = {0};
    cni_allocator *allocator = NULL;
    ops_ok(cni_fault_allocator_new(cni_allocator_system(), &fault, &allocator, &err), &err);
    bool has_succeeded = false;
    for (int64_t fail_at = 1; !has_succeeded; fail_at++) {
        cni_row_store *store = NULL;
        cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], 0);
        ops_ok(cni_row_store_new(allocator, t.layout, &store, &err), &err);
        uint8_t *rows[ROWS];
        ops_ok(cni_row_store_append(store, t.columns, NULL, 50, rows, &err), &err);
        const int64_t n_bytes = cni_row_store_bytes(store);
        cni_counter_set(&fault.n_hits[CNI_FAULT_ALLOC], 0);
        cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], fail_at);
        uint8_t *more[ROWS];
        const cn_code code = cni_row_store_append(store, t.columns, NULL, ROWS, more, &err);
        cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], 0);
        has_succeeded = code == CN_OK;
        if (!has_succeeded) {
            assert_int_equal(code, CN_NO_MEMORY);
            assert_int_equal(cni_row_store_rows(store), 50);
            assert_int_equal(cni_row_store_bytes(store), n_bytes);
            ops_ok(cni_row_store_append(store, t.columns, NULL, ROWS, more, &err), &err);
        }
        check_gather(&t, rows, NULL, 50);
        check_gather(&t, more, NULL, ROWS);
        cni_row_store_free(store);
    }
    cni_allocator_unref(allocator);
    free_table(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_gather_match),
        cmocka_unit_test(absorb),
        cmocka_unit_test(large_rows),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
