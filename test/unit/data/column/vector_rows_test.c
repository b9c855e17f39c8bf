/* SPDX-License-Identifier: Apache-2.0
 *
 * Slice, flatten, take, concat, own_strings, null counts and bounds of vectors of every type and
 * encoding against the rows of their inputs, read one by one.
 */
#include "vector_fixture.h"

#include "runtime/context.h"

#include "base/fault.h"

#define ROUNDS 6

typedef void (*check_function)(fixture_random *random, const cni_type *type, cni_encoding encoding,
                               int64_t n_rows, bool nulls);

/* Every type, encoding, some lengths, with and without nulls. */
static void
for_all(check_function check)
{
    static const int64_t lengths[] = {0, 1, 7, 64, 65, 130};
    fixture_types types;
    fixture_types_init(&types);
    for (int32_t type = 0; type < types.n_types; type++) {
        for (int encoding = 0; encoding < FIXTURE_ENCODINGS; encoding++) {
            for (int round = 0; round < ROUNDS; round++) {
                fixture_random random = {(uint64_t)(type * 1000 + encoding * 100 + round)};
                check(&random, types.types[type], (cni_encoding)encoding, lengths[round],
                      round % 2 == 1);
            }
        }
    }
    fixture_types_done(&types);
}

static void
check_slice(fixture_random *random, const cni_type *type, cni_encoding encoding, int64_t n_rows,
            bool nulls)
{
    cni_vector vector = {0};
    cni_vector slice = {0};
    cni_vector again = {0};
    fixture_any(random, type, encoding, n_rows, nulls, &vector);
    fixture_assert_valid(&vector);
    const int64_t offset = fixture_below(random, n_rows + 1);
    const int64_t n_slice = fixture_below(random, n_rows - offset + 1);
    cni_vector_slice(&slice, &vector, offset, n_slice);
    fixture_assert_valid(&slice);
    for (int64_t row = 0; row < n_slice; row++) {
        fixture_assert_same(&slice, row, &vector, offset + row);
    }
    cni_vector_slice(&again, &slice, n_slice / 2, n_slice - n_slice / 2);
    for (int64_t row = 0; row < again.n_rows; row++) {
        fixture_assert_same(&again, row, &slice, n_slice / 2 + row);
    }
    cni_vector_done(&vector);
    cni_vector_done(&slice);
    cni_vector_done(&again);
}

static void
test_slice(void **state)
{
    (void)state;
    for_all(check_slice);
}

static void
check_flatten(fixture_random *random, const cni_type *type, cni_encoding encoding, int64_t n_rows,
              bool nulls)
{
    cni_vector vector = {0};
    cni_vector flat = {0};
    fixture_any(random, type, encoding, n_rows, nulls, &vector);
    assert_ok(cni_vector_flatten(cni_allocator_system(), &vector, &flat, err));
    assert_int_equal(flat.encoding, CNI_FLAT);
    assert_int_equal(flat.n_rows, n_rows);
    fixture_assert_valid(&flat);
    int64_t n_nulls = 0;
    for (int64_t row = 0; row < n_rows; row++) {
        fixture_assert_same(&flat, row, &vector, row);
        n_nulls += !cni_vector_is_valid(&vector, row);
    }
    assert_int_equal(cni_vector_null_count(&vector), n_nulls);
    assert_int_equal(cni_vector_null_count(&flat), n_nulls);
    cni_vector_done(&vector);
    cni_vector_done(&flat);
}

static void
test_flatten_and_null_count(void **state)
{
    (void)state;
    for_all(check_flatten);
}

static void
check_take(fixture_random *random, const cni_type *type, cni_encoding encoding, int64_t n_rows,
           bool nulls)
{
    uint32_t indices[200];
    cni_vector vector = {0};
    cni_vector taken = {0};
    fixture_any(random, type, encoding, n_rows, nulls, &vector);
    const int64_t n_taken = n_rows == 0 ? 0 : fixture_below(random, 200);
    for (int64_t at = 0; at < n_taken; at++) {
        indices[at] = (uint32_t)fixture_below(random, n_rows);
    }
    assert_ok(cni_vector_take(cni_allocator_system(), &vector, indices, n_taken, &taken, err));
    assert_int_equal(taken.n_rows, n_taken);
    fixture_assert_valid(&taken);
    for (int64_t at = 0; at < n_taken; at++) {
        fixture_assert_same(&taken, at, &vector, indices[at]);
    }
    cni_vector_done(&vector);
    cni_vector_done(&taken);
}

static void
test_take(void **state)
{
    (void)state;
    for_all(check_take);
}

#define PARTS_MAX 5

static void
assert_is_concat(const cni_vector *joined, const cni_vector *parts, int32_t n_parts)
{
    int64_t row = 0;
    for (int32_t part = 0; part < n_parts; part++) {
        for (int64_t at = 0; at < parts[part].n_rows; at++) {
            fixture_assert_same(joined, row++, &parts[part], at);
        }
    }
    assert_int_equal(joined->n_rows, row);
}

static void
check_concat(fixture_random *random, const cni_type *type, cni_encoding encoding, int64_t n_rows,
             bool nulls)
{
    cni_vector parts[PARTS_MAX] = {0};
    const cni_vector *pointers[PARTS_MAX];
    const int32_t n_parts = 1 + (int32_t)fixture_below(random, PARTS_MAX);
    for (int32_t part = 0; part < n_parts; part++) {
        const cni_encoding other = (cni_encoding)fixture_below(random, FIXTURE_ENCODINGS);
        fixture_any(random, type, part == 0 ? encoding : other, fixture_below(random, n_rows + 1),
                    nulls, &parts[part]);
        pointers[part] = &parts[part];
    }
    cni_vector joined = {0};
    assert_ok(cni_vector_concat(cni_allocator_system(), pointers, n_parts, &joined, err));
    fixture_assert_valid(&joined);
    assert_is_concat(&joined, parts, n_parts);
    assert_ok(cni_vector_own_strings(cni_allocator_system(), &joined, true, err));
    fixture_assert_valid(&joined);
    assert_is_concat(&joined, parts, n_parts);
    for (int32_t part = 0; part < n_parts; part++) {
        cni_vector_done(&parts[part]);
    }
    cni_vector_done(&joined);
}

static void
test_concat_and_own_strings(void **state)
{
    (void)state;
    for_all(check_concat);
}

static void
test_concat_keeps_one_dictionary(void **state)
{
    (void)state;
    fixture_random random = {1};
    cni_vector whole = {0};
    cni_vector parts[2] = {0};
    fixture_any(&random, cni_type_of(CNI_TYPE_VARCHAR), CNI_DICTIONARY, 50, true, &whole);
    cni_vector_slice(&parts[0], &whole, 0, 20);
    cni_vector_slice(&parts[1], &whole, 20, 30);
    const cni_vector *pointers[] = {&parts[0], &parts[1]};
    cni_vector joined = {0};
    assert_ok(cni_vector_concat(cni_allocator_system(), pointers, 2, &joined, err));
    assert_int_equal(joined.encoding, CNI_DICTIONARY);
    assert_ptr_equal(joined.dictionary, whole.dictionary);
    assert_is_concat(&joined, parts, 2);
    cni_vector_done(&joined);
    cni_vector_done(&parts[0]);
    cni_vector_done(&parts[1]);
    cni_vector_done(&whole);
}

/* A query that is cancelled does not wait until many vectors are joined. */
static void
test_concat_of_many_ends_early(void **state)
{
    (void)state;
    const cni_exec_settings settings = cni_exec_settings_default();
    cni_allocator *allocator = cni_allocator_system();
    fixture_random random = {1};
    cni_budget *root = NULL;
    cni_context context = {0};
    cni_vector parts[2] = {0};
    cni_vector joined = {0};
    assert_ok(cni_budget_new_root("test", INT64_C(64) << 20, NULL, &root, err));
    assert_ok(cni_context_init(&context, root, CNI_BUDGET_UNLIMITED, NULL, &settings, err));
    for (int part = 0; part < 2; part++) {
        fixture_any(&random, cni_type_of(CNI_TYPE_VARCHAR), CNI_FLAT, 50, true, &parts[part]);
    }
    const cni_vector *pointers[] = {&parts[0], &parts[1]};
    assert_ok(cni_vector_concat_many(&context, allocator, pointers, 2, &joined, err));
    assert_is_concat(&joined, parts, 2);
    cni_vector_done(&joined);
    cni_context_cancel(&context);
    assert_int_equal(cni_vector_concat_many(&context, allocator, pointers, 2, &joined, NULL),
                     CN_CANCELLED);
    cni_vector_done(&parts[0]);
    cni_vector_done(&parts[1]);
    cni_context_done(&context);
    cni_budget_unref(root);
}

static void
test_concat_of_narrow_and_wide_decimals(void **state)
{
    (void)state;
    const cni_type *type = cni_type_decimal(30, 2);
    const int64_t narrow = -12345;
    const cni_i128 wide = (cni_i128)1 << 90;
    cni_vector parts[2] = {0};
    assert_ok(cni_vector_new_constant(cni_allocator_system(), type, CNI_PHYS_I64, &narrow, 3,
                                      &parts[0], err));
    assert_ok(cni_vector_new_constant(cni_allocator_system(), type, CNI_PHYS_I128, &wide, 2,
                                      &parts[1], err));
    const cni_vector *pointers[] = {&parts[0], &parts[1]};
    cni_vector joined = {0};
    assert_ok(cni_vector_concat(cni_allocator_system(), pointers, 2, &joined, err));
    assert_int_equal(joined.phys, CNI_PHYS_I128);
    assert_is_concat(&joined, parts, 2);
    cni_vector_done(&joined);
    cni_vector_done(&parts[0]);
    cni_vector_done(&parts[1]);
}

/* Any allocation may fail: the error comes out, nothing leaks (the sanitizer sees to that). */
static void
check_faults(fixture_random *random, const cni_type *type, cni_encoding encoding, int64_t n_rows,
             bool nulls)
{
    if (n_rows != 7 && n_rows != 64) {
        return;
    }
    cni_vector vectors[2] = {0};
    fixture_any(random, type, encoding, n_rows, nulls, &vectors[0]);
    fixture_any(random, type, CNI_FLAT, n_rows, nulls, &vectors[1]);
    const cni_vector *pointers[] = {&vectors[0], &vectors[1]};
    const uint32_t indices[] = {3, 0, 3};
    bool failed = true;
    for (int64_t fail_at = 1; failed && fail_at < 500; fail_at++) {
        cni_fault fault = {0};
        cni_allocator *allocator = NULL;
        assert_ok(cni_fault_allocator_new(cni_allocator_system(), &fault, &allocator, err));
        cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], fail_at);
        cni_vector results[4] = {0};
        cn_error error = CN_ERROR_INIT;
        cn_code codes[4];
        codes[0] = cni_vector_concat(allocator, pointers, 2, &results[0], &error);
        codes[1] = cni_vector_take(allocator, &vectors[0], indices, 3, &results[1], &error);
        codes[2] = cni_vector_flatten(allocator, &vectors[0], &results[2], &error);
        codes[3] = cni_vector_new_null(allocator, type, 3, &results[3], &error);
        failed = false;
        for (int at = 0; at < 4; at++) {
            assert_true(codes[at] == CN_OK || codes[at] == CN_NO_MEMORY);
            failed = failed || codes[at] != CN_OK;
            cni_vector_done(&results[at]);
        }
        cni_allocator_unref(allocator);
    }
    assert_false(failed);
    cni_vector_done(&vectors[0]);
    cni_vector_done(&vectors[1]);
}

static void
test_every_allocation_may_fail(void **state)
{
    (void)state;
    for_all(check_faults);
}

static void
check_null(fixture_random *random, const cni_type *type, cni_encoding encoding, int64_t n_rows,
           bool nulls)
{
    (void)random;
    (void)encoding;
    (void)nulls;
    cni_vector vector = {0};
    cni_vector flat = {0};
    assert_ok(cni_vector_new_null(cni_allocator_system(), type, n_rows, &vector, err));
    assert_int_equal(cni_vector_null_count(&vector), n_rows);
    fixture_assert_valid(&vector);
    assert_ok(cni_vector_flatten(cni_allocator_system(), &vector, &flat, err));
    fixture_assert_valid(&flat);
    assert_int_equal(cni_vector_null_count(&flat), n_rows);
    cni_vector_done(&vector);
    cni_vector_done(&flat);
}

static void
test_nulls_of_every_type(void **state)
{
    (void)state;
    for_all(check_null);
}

static void
check_bounds(fixture_random *random, const cni_type *type, cni_encoding encoding, int64_t n_rows,
             bool nulls)
{
    const cni_phys phys = cni_type_phys(type);
    if (!cni_type_is_integer(type) || phys == CNI_PHYS_I128 ||
        (encoding != CNI_FLAT && encoding != CNI_CONSTANT && encoding != CNI_SEQUENCE)) {
        return;
    }
    cni_vector vector = {0};
    fixture_any(random, type, encoding, n_rows, nulls, &vector);
    const cni_bounds bounds = cni_vector_compute_bounds(&vector);
    cni_strbuf text;
    cni_strbuf_init(&text, cni_allocator_system(), 1000);
    long long low = INT64_MAX;
    long long high = INT64_MIN;
    bool fits = true;
    for (int64_t row = 0; row < n_rows; row++) {
        if (cni_vector_is_valid(&vector, row)) {
            const char *digits = fixture_text(&text, &vector, row).data;
            const long long value = strtoll(digits, NULL, 10);
            fits = fits && (phys != CNI_PHYS_U64 || strtoull(digits, NULL, 10) <= INT64_MAX);
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
    }
    assert_int_equal(bounds.known, fits && low <= high);
    if (bounds.known) {
        assert_int_equal(bounds.low, low);
        assert_int_equal(bounds.high, high);
    }
    cni_strbuf_done(&text);
    cni_vector_done(&vector);
}

static void
test_bounds(void **state)
{
    (void)state;
    for_all(check_bounds);
}

static void
test_reuse_keeps_unique_buffers(void **state)
{
    (void)state;
    const cni_type *type = cni_type_of(CNI_TYPE_INT64);
    cni_vector vector = {0};
    assert_ok(
        cni_vector_reuse_flat(cni_allocator_system(), type, CNI_PHYS_I64, 100, true, &vector, err));
    const void *data = vector.data;
    const void *validity = vector.validity.data;
    assert_ok(
        cni_vector_reuse_flat(cni_allocator_system(), type, CNI_PHYS_I64, 60, true, &vector, err));
    assert_ptr_equal(vector.data, data);
    assert_ptr_equal(vector.validity.data, validity);
    assert_int_equal(cni_vector_null_count(&vector), 0);
    cni_vector other = {0};
    cni_vector_copy(&other, &vector);
    assert_ok(
        cni_vector_reuse_flat(cni_allocator_system(), type, CNI_PHYS_I64, 60, false, &vector, err));
    assert_ptr_not_equal(vector.data, data);
    cni_vector_done(&other);
    cni_vector_done(&vector);
}

static void
test_own_strings_leaves_dense_heaps(void **state)
{
    (void)state;
    const char *text = "a string of more than twelve bytes";
    const cni_view view = cni_view_make(text, (uint32_t)strlen(text));
    cni_vector vector = {0};
    cni_vector flat = {0};
    assert_ok(cni_vector_new_constant(cni_allocator_system(), cni_type_of(CNI_TYPE_VARCHAR),
                                      CNI_PHYS_VIEW, &view, 3, &vector, err));
    assert_ok(cni_vector_flatten(cni_allocator_system(), &vector, &flat, err));
    const cni_heap *heap = flat.heap;
    assert_ok(cni_vector_own_strings(cni_allocator_system(), &flat, false, err));
    assert_ptr_equal(flat.heap, heap);
    assert_ok(cni_vector_own_strings(cni_allocator_system(), &flat, true, err));
    assert_ptr_not_equal(flat.heap, heap);
    cni_vector_done(&vector);
    fixture_assert_valid(&flat);
    cni_vector_done(&flat);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slice),
        cmocka_unit_test(test_flatten_and_null_count),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_concat_and_own_strings),
        cmocka_unit_test(test_concat_keeps_one_dictionary),
        cmocka_unit_test(test_concat_of_many_ends_early),
        cmocka_unit_test(test_concat_of_narrow_and_wide_decimals),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_nulls_of_every_type),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_reuse_keeps_unique_buffers),
        cmocka_unit_test(test_own_strings_leaves_dense_heaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
