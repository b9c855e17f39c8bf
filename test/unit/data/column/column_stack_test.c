/* SPDX-License-Identifier: Apache-2.0
 *
 * The deepest type that is allowed goes through everything that recurses, on the stack of a worker.
 */
#include "vector_fixture.h"

#include <pthread.h>

#include "data/column/arrow_bridge.h"

#define ALLOCATOR cni_allocator_system()
#if defined(__SANITIZE_ADDRESS__) || defined(CN_PARANOID)
#define STACK_BYTES (1024 * 1024) /* the sanitizer's frames are several times as large */
#else
#define STACK_BYTES (256 * 1024)
#endif

static const cni_type *
deepest_type(fixture_types *types)
{
    const cni_type *type = cni_type_of(CNI_TYPE_VARCHAR);
    for (int level = 0; cni_type_depth(type) < CNI_TYPE_DEPTH_MAX; level++) {
        const cni_type *integer = cni_type_of(CNI_TYPE_INT32);
        types->n_types = 0;
        if (level % 3 == 0) {
            type = fixture_add_list(types, type);
        } else if (level % 3 == 1) {
            type = fixture_add_union(types, level % 2 == 0, type, integer);
        } else {
            type = fixture_add_struct(types, integer, type);
        }
    }
    return type;
}

static void
round_trip(const cni_type *type, const cni_vector *vector)
{
    const cni_field field = {.name = CNI_STR("deep"), .type = type, .nullable = true};
    const cni_schema schema = {.n_fields = 1, .fields = &field};
    cni_vector columns[1];
    columns[0] = *vector;
    const cni_chunk chunk = {.n_rows = vector->n_rows, .n_columns = 1, .columns = columns};
    struct ArrowSchema exported;
    struct ArrowArray array;
    cni_schema types;
    cni_arrow_batch batch;
    cni_arena *arena = NULL;
    assert_ok(cni_arena_new(ALLOCATOR, "test", &arena, err));
    assert_ok(cni_arrow_export_schema(ALLOCATOR, &schema, NULL, &exported, err));
    assert_ok(cni_arrow_export_chunks(ALLOCATOR, &schema, &chunk, 1, NULL, &array, err));
    assert_ok(cni_arrow_import_schema(arena, &exported, &types, err));
    assert_ok(cni_arrow_import_batch(ALLOCATOR, &exported, &types, &array, &batch, err));
    fixture_assert_valid(&batch.columns[0]);
    exported.release(&exported);
    cni_arrow_batch_done(&batch);
    cni_arena_unref(arena);
}

/* Everything that walks a type or a vector. */
static void *
run_all(void *argument)
{
    (void)argument;
    fixture_types types = {0};
    fixture_random random = {9};
    assert_ok(cni_arena_new(ALLOCATOR, "test", &types.arena, err));
    const cni_type *type = deepest_type(&types);
    const cni_type *copy = NULL;
    cni_str name;
    assert_ok(cni_type_copy(types.arena, type, &copy, err));
    assert_true(cni_type_equal(type, copy));
    assert_ok(cni_type_name(types.arena, type, &name, err));
    cni_vector vector = {0};
    cni_vector taken = {0};
    cni_vector joined = {0};
    const uint32_t indices[] = {1, 0, 1};
    assert_ok(cni_vector_new_null(ALLOCATOR, type, 2, &vector, err));
    assert_ok(cni_vector_flatten(ALLOCATOR, &vector, &taken, err));
    cni_vector_done(&vector);
    cni_vector_done(&taken);
    assert_ok(cni_vector_new_null(ALLOCATOR, type, 2, &vector, err));
    const cni_vector *both[] = {&vector, &vector};
    assert_ok(cni_vector_concat(ALLOCATOR, both, 2, &joined, err));
    assert_ok(cni_vector_take(ALLOCATOR, &joined, indices, 3, &taken, err));
    assert_ok(cni_vector_own_strings(ALLOCATOR, &taken, true, err));
    fixture_assert_valid(&taken);
    round_trip(type, &taken);
    cni_strbuf text;
    cni_strbuf_init(&text, ALLOCATOR, 1 << 20);
    (void)fixture_text(&text, &taken, 0);
    cni_strbuf_done(&text);
    cni_vector_done(&vector);
    cni_vector_done(&joined);
    cni_vector_done(&taken);
    /* One row whose value is there at every level. */
    vector = (cni_vector){0};
    fixture_any(&random, cni_type_of(CNI_TYPE_VARCHAR), CNI_FLAT, 1, false, &vector);
    for (int32_t level = 1; level < CNI_TYPE_DEPTH_MAX; level++) {
        const cni_type *list = NULL;
        cni_vector outer = {.n_rows = 1, .phys = CNI_PHYS_LIST};
        assert_ok(cni_type_list(types.arena, vector.type, &list, err));
        outer.type = list;
        assert_ok(cni_nested_new(ALLOCATOR, 1, &outer.nested, err));
        cni_vector_move(&outer.nested->children[0], &vector);
        assert_ok(cni_buffer_new(ALLOCATOR, 16, &outer.owner_data, err));
        const cni_list_entry entry = {.offset = 0, .size = 1};
        memcpy(outer.owner_data->data, &entry, sizeof(entry));
        outer.data = outer.owner_data->data;
        vector = outer;
    }
    const cni_vector *lists[] = {&vector, &vector};
    assert_ok(cni_vector_concat(ALLOCATOR, lists, 2, &joined, err));
    fixture_assert_valid(&joined);
    fixture_assert_same(&joined, 1, &vector, 0);
    round_trip(vector.type, &joined);
    cni_vector_done(&vector);
    cni_vector_done(&joined);
    fixture_types_done(&types);
    return NULL;
}

static void
test_deepest_type_on_a_small_stack(void **state)
{
    (void)state;
    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, STACK_BYTES), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run_all, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pthread_attr_destroy(&attributes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deepest_type_on_a_small_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
