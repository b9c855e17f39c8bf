/* SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of every operation fails in turn: the status says so, nothing leaks (the
 * sanitizer build looks), and the same call succeeds afterwards into the same result.
 */
#include "base/fault.h"
#include "data/row/hash.h"
#include "data/row/sort_key.h"
#include "unit/data/kernel/ops_check.h"

enum {
    N = 150
};

typedef struct inputs {
    cni_op_env env;
    cni_arena *arena;
    const cni_type *list_type;
    cni_type array_type;
    cni_field item;
    cni_vector narrow; /* DECIMAL(30,2) in 64 bits */
    cni_vector wide;   /* DECIMAL(30,2) in 128 bits */
    cni_vector ints;   /* with nulls */
    cni_vector truth;
    cni_vector texts; /* numbers, some long */
    cni_vector words;
    cni_vector days;
    cni_vector interval;
    cni_vector list;
    uint64_t bits[(N + 63) / 64];
} inputs;

typedef cn_code (*operation)(const inputs *in, cni_vector *inout_result, cn_error *err);

static cn_code
compare_mixed(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_compare(&in->env, CNI_LT, &in->narrow, &in->wide, inout_result, err);
}

static cn_code
distinct(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_distinct(&in->env, false, &in->ints, &in->ints, inout_result, err);
}

static cn_code
arith_wide(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_arith(&in->env, CNI_ADD, cni_type_decimal(38, 2), &in->narrow, &in->wide,
                        inout_result, err);
}

static cn_code
arith_wide_to_narrow(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_arith(&in->env, CNI_SUB, cni_type_decimal(18, 2), &in->wide, &in->wide,
                        inout_result, err);
}

static cn_code
arith_narrow(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_arith(&in->env, CNI_MUL, cni_type_decimal(38, 4), &in->narrow, &in->narrow,
                        inout_result, err);
}

static cn_code
divide_decimals(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_divide(&in->env, cni_type_decimal(38, 6), &in->narrow, &in->narrow, inout_result,
                         err);
}

static cn_code
logic(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    const cni_vector *both[] = {&in->truth, &in->truth};
    return cni_op_or(&in->env, both, 2, inout_result, err);
}

static cn_code
nulls(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_is_null(&in->env, true, &in->ints, inout_result, err);
}

static cn_code
cast_list(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_cast(&in->env, &in->list, in->list_type, false, inout_result, err);
}

static cn_code
cast_array(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_cast(&in->env, &in->list, &in->array_type, true, inout_result, err);
}

static cn_code
cast_print(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_cast(&in->env, &in->wide, cni_type_of(CNI_TYPE_VARCHAR), false, inout_result,
                       err);
}

static cn_code
cast_print_list(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_cast(&in->env, &in->list, cni_type_of(CNI_TYPE_VARCHAR), false, inout_result,
                       err);
}

static cn_code
cast_blob(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_cast(&in->env, &in->words, cni_type_of(CNI_TYPE_BLOB), false, inout_result, err);
}

static cn_code
cast_parse(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_cast(&in->env, &in->texts, cni_type_of(CNI_TYPE_INT8), true, inout_result, err);
}

static cn_code
cast_decimal(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_cast(&in->env, &in->wide, cni_type_of(CNI_TYPE_FLOAT32), false, inout_result,
                       err);
}

static cn_code
cast_half(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_cast(&in->env, &in->ints, cni_type_of(CNI_TYPE_FLOAT16), true, inout_result, err);
}

static cn_code
choose_mixed(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    const uint64_t *const bits[] = {in->bits};
    const cni_vector *values[] = {&in->narrow, &in->wide};
    return cni_op_choose(&in->env, bits, values, 2, inout_result, err);
}

static cn_code
choose_texts(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    const uint64_t *const bits[] = {in->bits};
    const cni_vector *values[] = {&in->texts, &in->words};
    return cni_op_choose(&in->env, bits, values, 2, inout_result, err);
}

static cn_code
choose_lists(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    const uint64_t *const bits[] = {in->bits};
    const cni_vector *values[] = {&in->list, &in->list};
    return cni_op_choose(&in->env, bits, values, 2, inout_result, err);
}

static cn_code
add_interval(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_add_interval(&in->env, cni_type_of(CNI_TYPE_TIMESTAMP), false, &in->days,
                               &in->interval, inout_result, err);
}

static cn_code
date_part(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    return cni_op_date_part(&in->env, CNI_PART_YEAR, &in->days, inout_result, err);
}

static cn_code
sort_keys(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    const cni_sort_spec specs[] = {{in->texts.type, false, true, true},
                                   {in->ints.type, true, true, true}};
    const cni_vector *keys[] = {&in->texts, &in->ints};
    int64_t offsets[N + 1];
    int64_t len_bytes = 0;
    cni_buffer *buffer = NULL;
    (void)inout_result;
    const cn_code code = cni_sort_key_encode(in->env.allocator, specs, keys, 2, N, &buffer,
                                             &len_bytes, offsets, err);
    cni_buffer_unref(buffer);
    return code;
}

/* A call that fails by itself, and whose message needs memory. */
static cn_code
overflow(const inputs *in, cni_vector *inout_result, cn_error *err)
{
    const cn_code code =
        cni_op_cast(&in->env, &in->texts, cni_type_of(CNI_TYPE_INT8), false, inout_result, err);
    return code == CN_INVALID_DATA ? CN_OK : code == CN_OK ? CN_INTERNAL : code;
}

static const operation operations[] = {
    compare_mixed, distinct,        arith_wide,   arith_wide_to_narrow,
    arith_narrow,  divide_decimals, logic,        nulls,
    cast_list,     cast_array,      cast_print,   cast_print_list,
    cast_blob,     cast_parse,      cast_decimal, cast_half,
    choose_mixed,  choose_texts,    choose_lists, add_interval,
    date_part,     sort_keys,       overflow,
};

static void
fill(inputs *in)
{
    cn_error err = CN_ERROR_INIT;
    static char storage[N][40];
    const char *texts[N];
    const char *words[N];
    int64_t narrow[N];
    cni_i128 wide[N];
    int64_t ints[N];
    int32_t days[N];
    static cni_list_entry entries[N];
    bool valid[N];
    for (int row = 0; row < N; row++) {
        const int n_zeros = row % 20;
        memset(storage[row], '0', (size_t)n_zeros);
        storage[row][n_zeros] = (char)('1' + row % 9);
        memset(storage[row] + n_zeros + 1, '0', (size_t)(row % 4));
        texts[row] = row % 7 == 0 ? NULL : storage[row];
        words[row] = row % 5 == 0 ? NULL : "a word of more than twelve bytes";
        narrow[row] = row + 1;
        wide[row] = (cni_i128)(row + 1) * ((cni_i128)1 << 62);
        ints[row] = row * 1000;
        days[row] = row;
        entries[row] = (cni_list_entry){row % (N - 2), row % 3};
        valid[row] = row % 3 != 0;
    }
    const cni_type *decimal = cni_type_decimal(30, 2);
    const cni_interval interval = {1, 1, 1};
    in->narrow = ops_vector(decimal, CNI_PHYS_I64, narrow, valid, N);
    in->wide = ops_vector(decimal, CNI_PHYS_I128, wide, NULL, N);
    in->ints = ops_vector(cni_type_of(CNI_TYPE_INT64), CNI_PHYS_I64, ints, valid, N);
    in->truth = ops_vector(cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, valid, valid, N);
    in->texts = ops_strings(texts, N);
    in->words = ops_strings(words, N);
    in->days = ops_vector(cni_type_of(CNI_TYPE_DATE), CNI_PHYS_I32, days, valid, N);
    in->interval =
        ops_constant(cni_type_of(CNI_TYPE_INTERVAL), CNI_PHYS_INTERVAL, &interval, false, N);
    cni_nested *children = NULL;
    const cni_type *texts_type;
    ops_ok(cni_arena_new(cni_allocator_system(), "test", &in->arena, &err), &err);
    ops_ok(cni_type_list(in->arena, cni_type_of(CNI_TYPE_INT64), &texts_type, &err), &err);
    ops_ok(cni_type_list(in->arena, cni_type_of(CNI_TYPE_VARCHAR), &in->list_type, &err), &err);
    in->item = (cni_field){.name = CNI_STR("item"), .type = cni_type_of(CNI_TYPE_INT32)};
    in->array_type =
        (cni_type){.id = CNI_TYPE_ARRAY, .width = 2, .n_children = 1, .children = &in->item};
    ops_ok(cni_nested_new(cni_allocator_system(), 1, &children, &err), &err);
    children->children[0] = ops_vector(cni_type_of(CNI_TYPE_INT64), CNI_PHYS_I64, ints, NULL, N);
    in->list = (cni_vector){.type = texts_type,
                            .encoding = CNI_FLAT,
                            .phys = CNI_PHYS_LIST,
                            .n_rows = N,
                            .data = entries,
                            .nested = children};
}

static void
every_allocation_fails(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    static inputs in;
    fill(&in);
    cni_fault fault = {0};
    ops_ok(cni_fault_allocator_new(cni_allocator_system(), &fault, &in.env.allocator, &err), &err);
    in.env.kernels = cni_kernels_get();
    in.env.n_rows = N;
    in.bits[0] = UINT64_C(0x5555555555555555);
    for (size_t op = 0; op < sizeof(operations) / sizeof(operations[0]); op++) {
        int64_t n_failures = 0;
        for (int64_t fail_at = 1;; fail_at++) {
            cni_vector result = {0};
            cni_counter_set(&fault.n_hits[CNI_FAULT_ALLOC], 0);
            cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], fail_at);
            const cn_code code = operations[op](&in, &result, &err);
            const bool has_failed = cni_counter_get(&fault.n_hits[CNI_FAULT_ALLOC]) >= fail_at;
            cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], 0);
            assert_true(code == CN_NO_MEMORY || code == CN_OK);
            assert_true(has_failed || code == CN_OK);
            n_failures += code != CN_OK;
            if (code != CN_OK) {
                ops_ok(operations[op](&in, &result, &err), &err);
            }
            cni_vector_done(&result);
            if (!has_failed) {
                break;
            }
        }
        assert_true(n_failures > 0);
    }
    cni_allocator_unref(in.env.allocator);
    cni_vector_done(&in.narrow);
    cni_vector_done(&in.wide);
    cni_vector_done(&in.ints);
    cni_vector_done(&in.truth);
    cni_vector_done(&in.texts);
    cni_vector_done(&in.words);
    cni_vector_done(&in.days);
    cni_vector_done(&in.interval);
    cni_vector_done(&in.list);
    cni_arena_unref(in.arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
