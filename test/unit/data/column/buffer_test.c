/* SPDX-License-Identifier: Apache-2.0
 *
 * Buffers and heaps: alignment, padding, sharing, reuse, release of borrowed memory, set union.
 */
#include "vector_fixture.h"

#define ALLOCATOR cni_allocator_system()

static void
test_aligned_and_padded(void **state)
{
    (void)state;
    for (int64_t len_bytes = 0; len_bytes < 300; len_bytes += 7) {
        cni_buffer *buffer = NULL;
        assert_ok(cni_buffer_new(ALLOCATOR, len_bytes, &buffer, err));
        assert_int_equal((uintptr_t)buffer->data % 64, 0);
        assert_true(buffer->cap_bytes >= len_bytes);
        for (int64_t at = len_bytes; at < len_bytes + CNI_BUFFER_PADDING; at++) {
            assert_int_equal(buffer->data[at], 0);
        }
        memset(buffer->data, 1, (size_t)buffer->cap_bytes);
        cni_buffer_unref(buffer);
    }
    cni_buffer *buffer = NULL;
    cn_error error = CN_ERROR_INIT;
    assert_int_equal(cni_buffer_new(ALLOCATOR, -1, &buffer, &error), CN_LIMIT_EXCEEDED);
    assert_int_equal(cni_buffer_new(ALLOCATOR, INT64_MAX, &buffer, &error), CN_LIMIT_EXCEEDED);
    cni_buffer_unref(NULL);
}

static void
test_reuse(void **state)
{
    (void)state;
    cni_buffer *buffer = NULL;
    assert_ok(cni_buffer_reuse(ALLOCATOR, 100, &buffer, err));
    const uint8_t *data = buffer->data;
    memset(buffer->data, 7, 100);
    assert_ok(cni_buffer_reuse(ALLOCATOR, 30, &buffer, err));
    assert_ptr_equal(buffer->data, data);
    assert_int_equal(buffer->data[29], 7);
    assert_int_equal(buffer->data[30], 0);
    cni_buffer *other = cni_buffer_ref(buffer);
    assert_ok(cni_buffer_reuse(ALLOCATOR, 30, &buffer, err));
    assert_ptr_not_equal(buffer, other);
    cni_buffer_unref(other);
    data = buffer->data;
    assert_ok(cni_buffer_reuse(ALLOCATOR, 10000, &buffer, err));
    assert_true(buffer->cap_bytes >= 10000);
    cni_buffer_unref(buffer);
}

static void
count_release(cni_buffer *self)
{
    *(int *)self->private_data += 1;
}

static void
test_wrapped_memory_is_given_back_once(void **state)
{
    (void)state;
    static const char text[] = "borrowed";
    int n_released = 0;
    cni_buffer *buffer = NULL;
    assert_ok(cni_buffer_wrap(ALLOCATOR, text, 8, count_release, &n_released, &buffer, err));
    cni_buffer *other = cni_buffer_ref(buffer);
    cni_buffer_unref(buffer);
    assert_int_equal(n_released, 0);
    assert_ok(cni_buffer_reuse(ALLOCATOR, 4, &other, err)); /* never written in place */
    assert_int_equal(n_released, 1);
    assert_ptr_not_equal(other->data, text);
    cni_buffer_unref(other);
    assert_int_equal(n_released, 1);
}

static void
test_heaps_are_sets(void **state)
{
    (void)state;
    cni_buffer *buffers[4];
    for (int at = 0; at < 4; at++) {
        assert_ok(cni_buffer_new(ALLOCATOR, 10, &buffers[at], err));
    }
    cni_buffer *const twice[] = {buffers[2], buffers[0], buffers[2]};
    cni_buffer *const others[] = {buffers[1], buffers[0]};
    cni_heap *a = NULL;
    cni_heap *b = NULL;
    cni_heap *all = NULL;
    cni_heap *same = NULL;
    assert_ok(cni_heap_new(ALLOCATOR, twice, 3, &a, err));
    assert_int_equal(a->n_buffers, 2);
    assert_ok(cni_heap_new(ALLOCATOR, others, 2, &b, err));
    assert_ok(cni_heap_union(ALLOCATOR, a, b, &all, err));
    assert_int_equal(all->n_buffers, 3);
    assert_ok(cni_heap_union(ALLOCATOR, all, a, &same, err));
    assert_ptr_equal(same, all);
    cni_heap_unref(same);
    assert_ok(cni_heap_union(ALLOCATOR, NULL, b, &same, err));
    assert_ptr_equal(same, b);
    cni_heap_unref(same);
    assert_ok(cni_heap_union(ALLOCATOR, NULL, NULL, &same, err));
    assert_null(same);
    for (int at = 0; at < 4; at++) {
        cni_buffer_unref(buffers[at]);
    }
    cni_heap_unref(a);
    cni_heap_unref(b);
    for (int32_t at = 0; at < all->n_buffers; at++) {
        memset(all->buffers[at]->data, 1, 10); /* still alive */
    }
    cni_heap_unref(all);
    assert_ok(cni_heap_new(ALLOCATOR, NULL, 0, &a, err));
    cni_heap_unref(a);
}

static void
test_dictionaries_have_identities(void **state)
{
    (void)state;
    uint64_t seen[1000];
    for (int at = 0; at < 1000; at++) {
        cni_vector values = {0};
        cni_dictionary *dictionary = NULL;
        assert_ok(cni_vector_new_flat(ALLOCATOR, cni_type_of(CNI_TYPE_INT8), CNI_PHYS_I8, 1, false,
                                      &values, err));
        assert_ok(cni_dictionary_new(ALLOCATOR, &values, true, true, &dictionary, err));
        assert_null(values.owner_data);
        seen[at] = dictionary->identity;
        for (int other = 0; other < at; other++) {
            assert_true(seen[other] != seen[at]);
        }
        cni_dictionary_unref(dictionary);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aligned_and_padded),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_wrapped_memory_is_given_back_once),
        cmocka_unit_test(test_heaps_are_sets),
        cmocka_unit_test(test_dictionaries_have_identities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
