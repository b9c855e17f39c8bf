/* SPDX-License-Identifier: Apache-2.0
 *
 * validate finds each kind of damage, one at a time, and names it.
 */
#include "vector_fixture.h"

#define ALLOCATOR cni_allocator_system()

static void
assert_broken(const cni_vector *vector, const char *word)
{
    cn_error error = CN_ERROR_INIT;
    assert_int_equal(cni_vector_validate(vector, &error), CN_INTERNAL);
    if (strstr(error.message, word) == NULL) {
        fail_msg("'%s' does not say '%s'", error.message, word);
    }
}

static fixture_types types;
static fixture_random random_state = {77};

static void
make(const cni_type *type, cni_encoding encoding, cni_vector *out)
{
    fixture_any(&random_state, type, encoding, 20, false, out);
    fixture_assert_valid(out);
}

static void
test_layout(void **state)
{
    (void)state;
    cni_vector vector = {0};
    make(cni_type_of(CNI_TYPE_INT32), CNI_FLAT, &vector);
    vector.phys = CNI_PHYS_I64;
    assert_broken(&vector, "layout");
    vector.phys = CNI_PHYS_I32;
    vector.n_rows = 100;
    assert_broken(&vector, "data has");
    vector.n_rows = -1;
    assert_broken(&vector, "rows");
    vector.n_rows = 20;
    vector.bounds = (cni_bounds){.known = true, .low = 5, .high = 5};
    assert_broken(&vector, "bounds");
    vector.bounds.known = false;
    vector.encoding = 9;
    assert_broken(&vector, "encoding");
    vector.encoding = CNI_FLAT;
    const void *data = vector.data;
    vector.data = NULL;
    assert_broken(&vector, "missing");
    vector.data = data;
    cni_vector_done(&vector);
    make(cni_type_of(CNI_TYPE_BOOL), CNI_FLAT, &vector);
    fixture_add_nulls(&random_state, &vector);
    vector.validity.off_bits = 100;
    assert_broken(&vector, "validity");
    vector.validity.off_bits = 0;
    vector.data_off_bits = 1000;
    assert_broken(&vector, "data has");
    cni_vector_done(&vector);
}

static void
test_strings(void **state)
{
    (void)state;
    cni_vector vector = {0};
    make(cni_type_of(CNI_TYPE_VARCHAR), CNI_FLAT, &vector);
    cni_view views[20];
    memcpy(views, vector.data, sizeof(views));
    vector.data = views;
    views[3] = cni_view_make("abc", 3);
    views[3].as.inlined[7] = 'x';
    assert_broken(&vector, "short string 3");
    views[3] = cni_view_make("more than twelve bytes", 22);
    views[3].as.ref.prefix[0] = 'x';
    assert_broken(&vector, "prefix");
    views[3].len_bytes = UINT32_MAX;
    assert_broken(&vector, "string 3 has");
    cni_vector_done(&vector);
}

static void
test_dictionary(void **state)
{
    (void)state;
    cni_vector vector = {0};
    make(cni_type_of(CNI_TYPE_INT32), CNI_DICTIONARY, &vector);
    uint32_t codes[20] = {0};
    vector.data = codes;
    vector.code_bytes = 4;
    codes[19] = 1000;
    assert_broken(&vector, "row 19 has the code 1000");
    vector.code_bytes = 3;
    assert_broken(&vector, "codes of 3 bytes");
    cni_vector_done(&vector);
}

static void
test_runs(void **state)
{
    (void)state;
    cni_vector vector = {0};
    make(cni_type_of(CNI_TYPE_INT32), CNI_RUN_END, &vector);
    int32_t ends[64];
    memcpy(ends, vector.run_ends, (size_t)vector.n_runs * sizeof(ends[0]));
    vector.run_ends = ends;
    ends[1] = ends[0];
    assert_broken(&vector, "run 1 ends");
    ends[0] = 0;
    assert_broken(&vector, "run 0 ends");
    memcpy(ends, vector.owner_aux->data, (size_t)vector.n_runs * sizeof(ends[0]));
    vector.run_base += 1000;
    assert_broken(&vector, "rows at");
    vector.n_runs += 50;
    assert_broken(&vector, "values");
    cni_vector_done(&vector);
}

static void
test_nested(void **state)
{
    (void)state;
    const cni_type *integer = cni_type_of(CNI_TYPE_INT32);
    cni_vector vector = {0};
    make(fixture_add_list(&types, integer), CNI_FLAT, &vector);
    cni_list_entry entries[20] = {0};
    vector.data = entries;
    entries[5] = (cni_list_entry){0, 1 << 20};
    assert_broken(&vector, "list 5");
    entries[5] = (cni_list_entry){-1, 0};
    assert_broken(&vector, "list 5");
    cni_vector_done(&vector);
    make(fixture_add_struct(&types, integer, integer), CNI_FLAT, &vector);
    vector.nested_offset += 1000;
    assert_broken(&vector, "child 0 has");
    vector.type = fixture_add_struct(&types, integer, cni_type_of(CNI_TYPE_INT8));
    assert_broken(&vector, "child");
    cni_vector_done(&vector);
    make(fixture_add_union(&types, true, integer, integer), CNI_FLAT, &vector);
    int8_t codes[20];
    memset(codes, 7, sizeof(codes));
    vector.data = codes;
    int32_t offsets[20] = {0};
    vector.union_offsets = offsets;
    fixture_assert_valid(&vector);
    codes[2] = 1;
    assert_broken(&vector, "code 1");
    codes[2] = 7;
    offsets[4] = -1;
    assert_broken(&vector, "row 4");
    vector.union_offsets = NULL;
    assert_broken(&vector, "offsets");
    cni_vector_done(&vector);
}

static void
test_null_type(void **state)
{
    (void)state;
    cni_vector vector = {0};
    make(cni_type_of(CNI_TYPE_NULL), CNI_FLAT, &vector);
    vector.validity.data = NULL;
    assert_broken(&vector, "not null");
    cni_vector_done(&vector);
}

int
main(void)
{
    fixture_types_init(&types);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),     cmocka_unit_test(test_strings),
        cmocka_unit_test(test_dictionary), cmocka_unit_test(test_runs),
        cmocka_unit_test(test_nested),     cmocka_unit_test(test_null_type),
    };
    const int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_types_done(&types);
    return n_failed;
}
