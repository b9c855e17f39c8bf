/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocator interface over the system allocator and over the fault injector.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"

static void
test_blocks_are_aligned(void **state)
{
    (void)state;
    cni_allocator *system = cni_allocator_system();
    for (int64_t n_bytes = 0; n_bytes < 1000; n_bytes += 7) {
        uint8_t *block = NULL;
        assert_int_equal(cni_alloc(system, n_bytes, &block, NULL), CN_OK);
        assert_non_null(block);
        const uintptr_t align = n_bytes >= 64 ? 64 : 16;
        assert_int_equal((uintptr_t)block % align, 0);
        memset(block, 1, (size_t)n_bytes);
        cni_dealloc(system, block, n_bytes);
    }
    void *page = system->resize(system, NULL, 0, 10, 4096, NULL);
    assert_int_equal((uintptr_t)page % 4096, 0);
    assert_null(system->resize(system, page, 10, 0, 4096, NULL));
}

static void
test_realloc_keeps_the_prefix(void **state)
{
    (void)state;
    cni_allocator *system = cni_allocator_system();
    uint8_t *block = NULL;
    int64_t n_bytes = 0;
    for (int64_t next = 1; next < 100000; next = next * 3 + 1) {
        assert_int_equal(cni_realloc(system, &block, n_bytes, next, NULL), CN_OK);
        for (int64_t at = 0; at < n_bytes; at++) {
            assert_int_equal(block[at], (uint8_t)(at * 31));
        }
        for (int64_t at = n_bytes; at < next; at++) {
            block[at] = (uint8_t)(at * 31);
        }
        n_bytes = next;
    }
    assert_int_equal(cni_realloc(system, &block, n_bytes, 0, NULL), CN_OK);
    assert_non_null(block);
    assert_int_equal(cni_realloc(system, &block, 0, 40, NULL), CN_OK);
    cni_dealloc(system, block, 40);
    cni_dealloc(system, NULL, 40);
}

static void
test_zeroed(void **state)
{
    (void)state;
    cni_allocator *system = cni_allocator_system();
    uint8_t *block = NULL;
    assert_int_equal(cni_alloc_zeroed(system, 333, &block, NULL), CN_OK);
    for (int at = 0; at < 333; at++) {
        assert_int_equal(block[at], 0);
    }
    cni_dealloc(system, block, 333);
}

static void
test_refusals_name_the_size(void **state)
{
    (void)state;
    cni_allocator *system = cni_allocator_system();
    void *block = &block;
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_alloc_array(system, INT64_MAX / 2, 16, &block, &err), CN_NO_MEMORY);
    assert_non_null(strstr(err.message, "16 bytes"));
    assert_ptr_equal(block, &block);
    assert_int_equal(cni_alloc_array(system, -1, 16, &block, NULL), CN_NO_MEMORY);
    assert_int_equal(cni_alloc(system, -5, &block, &err), CN_NO_MEMORY);
    assert_int_equal(cni_alloc(system, INT64_MAX / 2, &block, &err), CN_NO_MEMORY);
    assert_non_null(strstr(err.message, "out of memory"));
    assert_int_equal(cni_alloc(system, INT64_MAX / 2, &block, NULL), CN_NO_MEMORY);
    assert_ptr_equal(block, &block);
}

static void
test_success_leaves_the_error_alone(void **state)
{
    (void)state;
    cn_error err = {.code = 77};
    void *block = NULL;
    assert_int_equal(cni_alloc(cni_allocator_system(), 8, &block, &err), CN_OK);
    assert_int_equal(err.code, 77);
    cni_dealloc(cni_allocator_system(), block, 8);
}

static void
test_fault_counts_and_fails_the_nth(void **state)
{
    (void)state;
    cni_fault fault = {0};
    cni_allocator *allocator = NULL;
    assert_int_equal(cni_fault_allocator_new(cni_allocator_system(), &fault, &allocator, NULL),
                     CN_OK);
    void *blocks[4] = {NULL, NULL, NULL, NULL};
    cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], 3);
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_alloc(allocator, 10, &blocks[0], &err), CN_OK);
    assert_int_equal(cni_realloc(allocator, &blocks[0], 10, 20, &err), CN_OK);
    assert_int_equal(cni_alloc(allocator, 10, &blocks[1], &err), CN_NO_MEMORY);
    assert_null(blocks[1]);
    assert_int_equal(cni_alloc(allocator, 10, &blocks[2], &err), CN_OK);
    cni_dealloc(allocator, blocks[0], 20);
    cni_dealloc(allocator, blocks[2], 10);
    assert_int_equal(cni_counter_get(&fault.n_hits[CNI_FAULT_ALLOC]), 4);
    cni_allocator_ref(allocator);
    cni_allocator_unref(allocator);
    cni_allocator_unref(allocator);
    cni_allocator_unref(NULL);
}

static void
test_fault_without_injector(void **state)
{
    (void)state;
    assert_false(cni_fault_hit(NULL, CNI_FAULT_READ));
    cni_fault fault = {0};
    assert_false(cni_fault_hit(&fault, CNI_FAULT_READ));
    cni_counter_set(&fault.fail_at[CNI_FAULT_READ], 2);
    assert_true(cni_fault_hit(&fault, CNI_FAULT_READ));
    assert_false(cni_fault_hit(&fault, CNI_FAULT_READ));
    assert_int_equal(cni_counter_get(&fault.n_hits[CNI_FAULT_ALLOC]), 0);
}

static void
test_failed_wrapper_leaks_nothing(void **state)
{
    (void)state;
    cni_fault outer = {0};
    cni_allocator *first = NULL;
    cni_allocator *second = NULL;
    assert_int_equal(cni_fault_allocator_new(cni_allocator_system(), &outer, &first, NULL), CN_OK);
    cni_counter_set(&outer.fail_at[CNI_FAULT_ALLOC], 1);
    assert_int_equal(cni_fault_allocator_new(first, &outer, &second, NULL), CN_NO_MEMORY);
    assert_null(second);
    cni_allocator_unref(first);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_aligned),
        cmocka_unit_test(test_realloc_keeps_the_prefix),
        cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_refusals_name_the_size),
        cmocka_unit_test(test_success_leaves_the_error_alone),
        cmocka_unit_test(test_fault_counts_and_fails_the_nth),
        cmocka_unit_test(test_fault_without_injector),
        cmocka_unit_test(test_failed_wrapper_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
