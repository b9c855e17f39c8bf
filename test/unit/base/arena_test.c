/* SPDX-License-Identifier: Apache-2.0
 *
 * Arenas, and the containers that live in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/fault.h"
#include "base/list.h"
#include "base/thread.h"

static cni_arena *
new_arena(void)
{
    cni_arena *arena = NULL;
    assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
    return arena;
}

static void
test_items_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    cni_arena *arena = new_arena();
    uint8_t *items[300];
    for (int64_t item = 0; item < 300; item++) {
        const int64_t n_bytes = item * item;
        assert_int_equal(cni_arena_alloc(arena, n_bytes, &items[item], NULL), CN_OK);
        assert_int_equal((uintptr_t)items[item] % 16, 0);
        for (int64_t at = 0; at < n_bytes; at++) {
            assert_int_equal(items[item][at], 0);
        }
        memset(items[item], (int)(item % 251), (size_t)n_bytes);
    }
    for (int64_t item = 0; item < 300; item++) {
        for (int64_t at = 0; at < item * item; at++) {
            assert_int_equal(items[item][at], item % 251);
        }
    }
    assert_true(cni_arena_size_bytes(arena) >= 299 * 300 * 599 / 6); /* the sum of the squares */
    cni_arena_unref(arena);
}

static void
test_small_plan_is_one_block(void **state)
{
    (void)state;
#ifdef CN_PARANOID
    skip();
#endif
    cni_fault fault = {0};
    cni_allocator *allocator = NULL;
    assert_int_equal(cni_fault_allocator_new(cni_allocator_system(), &fault, &allocator, NULL),
                     CN_OK);
    cni_arena *arena = NULL;
    assert_int_equal(cni_arena_new(allocator, "test", &arena, NULL), CN_OK);
    for (int item = 0; item < 100; item++) {
        int64_t *number = NULL;
        assert_int_equal(CN_ARENA_NEW(arena, &number, NULL), CN_OK);
    }
    assert_int_equal(cni_counter_get(&fault.n_hits[CNI_FAULT_ALLOC]), 1);
    assert_int_equal(cni_arena_size_bytes(arena), 4096);
    cni_arena_unref(arena);
    cni_allocator_unref(allocator);
}

static void
test_bad_sizes_are_refused(void **state)
{
    (void)state;
    cni_arena *arena = new_arena();
    void *block = NULL;
    assert_int_equal(cni_arena_alloc(arena, -1, &block, NULL), CN_NO_MEMORY);
    assert_int_equal(cni_arena_alloc(arena, INT64_MAX, &block, NULL), CN_NO_MEMORY);
    assert_int_equal(cni_arena_alloc_array(arena, INT64_MAX / 3, 8, &block, NULL), CN_NO_MEMORY);
    assert_null(block);
    cni_arena_unref(arena);
    cni_arena_unref(NULL);
}

static void
note(void *object)
{
    int64_t *n_runs = object;
    (*n_runs)++;
}

typedef struct order_log {
    char text[16];
    int64_t n;
} order_log;

static order_log order;

static void
note_letter(void *object)
{
    order.text[order.n++] = *(const char *)object;
}

static void
test_cleanups_run_backwards(void **state)
{
    (void)state;
    static char letters[] = "abc";
    order = (order_log){.n = 0};
    cni_arena *arena = new_arena();
    for (int at = 0; at < 3; at++) {
        assert_int_equal(cni_arena_on_free(arena, note_letter, &letters[at], NULL), CN_OK);
    }
    cni_arena *other = cni_arena_ref(arena);
    cni_arena_unref(arena);
    assert_int_equal(order.n, 0);
    cni_arena_unref(other);
    assert_string_equal(order.text, "cba");
}

static void
test_keep_holds_once(void **state)
{
    (void)state;
    int64_t log[1] = {0};
    cni_arena *kept = new_arena();
    assert_int_equal(cni_arena_on_free(kept, note, log, NULL), CN_OK);
    cni_arena *holder = new_arena();
    assert_int_equal(cni_arena_keep(holder, kept, NULL), CN_OK);
    assert_int_equal(cni_arena_keep(holder, kept, NULL), CN_OK);
    assert_int_equal(cni_arena_keep(holder, holder, NULL), CN_OK);
    cni_arena_unref(kept);
    assert_int_equal(log[0], 0);
    cni_arena_unref(holder);
    assert_int_equal(log[0], 1);
}

static void *
build_and_drop_chain(void *argument)
{
    int64_t *log = argument;
    cni_arena *arena = new_arena();
    assert_int_equal(cni_arena_on_free(arena, note, log, NULL), CN_OK);
    for (int link = 0; link < 20000; link++) {
        cni_arena *next = new_arena();
        assert_int_equal(cni_arena_keep(next, arena, NULL), CN_OK);
        cni_arena_unref(arena);
        arena = next;
    }
    assert_int_equal(log[0], 0);
    cni_arena_unref(arena);
    return NULL;
}

/* On a stack that recursion over the chain would overrun. */
static void
test_long_chains_need_no_stack(void **state)
{
    (void)state;
    int64_t log[1] = {0};
    cni_thread thread;
    assert_int_equal(cni_thread_start(&thread, build_and_drop_chain, log, 256 << 10, NULL), CN_OK);
    cni_thread_join(&thread);
    assert_int_equal(log[0], 1);
}

static void
test_text(void **state)
{
    (void)state;
    cni_arena *arena = new_arena();
    cni_str copy = {NULL, 0};
    assert_int_equal(cni_arena_str(arena, CNI_STR("hello"), &copy, NULL), CN_OK);
    assert_string_equal(copy.data, "hello");
    assert_int_equal(cni_arena_str(arena, (cni_str){NULL, 0}, &copy, NULL), CN_OK);
    assert_string_equal(copy.data, "");
    assert_int_equal(cni_arena_printf(arena, &copy, NULL, "%s-%d", "x", 5), CN_OK);
    assert_string_equal(copy.data, "x-5");
    assert_int_equal(copy.len_bytes, 3);
    for (int width = 250; width < 260; width++) {
        assert_int_equal(cni_arena_printf(arena, &copy, NULL, "%*d", width, 5), CN_OK);
        assert_int_equal(copy.len_bytes, width);
        assert_int_equal(strlen(copy.data), (size_t)width);
    }
    cni_arena_unref(arena);
}

static void
test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (int64_t fail_at = 1; fail_at < 40; fail_at++) {
        cni_fault fault = {0};
        cni_allocator *allocator = NULL;
        assert_int_equal(cni_fault_allocator_new(cni_allocator_system(), &fault, &allocator, NULL),
                         CN_OK);
        cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], fail_at);
        cni_arena *arena = NULL;
        cn_error err = CN_ERROR_INIT;
        cn_code code = cni_arena_new(allocator, "test", &arena, &err);
        for (int64_t n_bytes = 1; code == CN_OK && n_bytes < 5000000; n_bytes *= 3) {
            void *block = NULL;
            code = cni_arena_alloc(arena, n_bytes, &block, &err);
        }
        assert_true(code == CN_OK || code == CN_NO_MEMORY);
        assert_int_equal(err.code, code);
        cni_arena_unref(arena);
        cni_allocator_unref(allocator);
    }
}

static void
test_list_grows(void **state)
{
    (void)state;
    static const int numbers[1000];
    cni_arena *arena = new_arena();
    cni_list list = {0};
    for (int64_t item = 0; item < 1000; item++) {
        assert_int_equal(cni_list_push(arena, &list, &numbers[item], NULL), CN_OK);
    }
    assert_int_equal(list.n_items, 1000);
    for (int64_t item = 0; item < 1000; item++) {
        assert_ptr_equal(list.items[item], &numbers[item]);
    }
    cni_list full = {.n_items = CNI_LIST_MAX_ITEMS, .cap_items = CNI_LIST_MAX_ITEMS};
    assert_int_equal(cni_list_push(arena, &full, numbers, NULL), CN_LIMIT_EXCEEDED);
    cni_arena_unref(arena);
}

static void
test_namemap(void **state)
{
    (void)state;
    static int values[600];
    cni_arena *arena = new_arena();
    cni_namemap map = {.nocase = true};
    assert_null(cni_namemap_get(&map, CNI_STR("none")));
    for (int64_t entry = 0; entry < 500; entry++) {
        cni_str name = {NULL, 0};
        assert_int_equal(cni_arena_printf(arena, &name, NULL, "Column_%d", (int)entry), CN_OK);
        assert_int_equal(cni_namemap_put(arena, &map, name, &values[entry], NULL), CN_OK);
    }
    assert_int_equal(map.n_entries, 500);
    assert_ptr_equal(cni_namemap_get(&map, CNI_STR("COLUMN_77")), &values[77]);
    assert_ptr_equal(cni_namemap_get(&map, CNI_STR("column_499")), &values[499]);
    assert_null(cni_namemap_get(&map, CNI_STR("column_500")));
    assert_int_equal(cni_namemap_put(arena, &map, CNI_STR("cOLUMN_3"), &values[555], NULL), CN_OK);
    assert_int_equal(map.n_entries, 500);
    assert_ptr_equal(map.entries[3].value, &values[555]);
    cni_namemap exact = {.nocase = false};
    assert_int_equal(cni_namemap_put(arena, &exact, CNI_STR("a"), values, NULL), CN_OK);
    assert_null(cni_namemap_get(&exact, CNI_STR("A")));
    assert_ptr_equal(cni_namemap_get(&exact, CNI_STR("a")), values);
    cni_arena_unref(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_small_plan_is_one_block),
        cmocka_unit_test(test_bad_sizes_are_refused),
        cmocka_unit_test(test_cleanups_run_backwards),
        cmocka_unit_test(test_keep_holds_once),
        cmocka_unit_test(test_long_chains_need_no_stack),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_list_grows),
        cmocka_unit_test(test_namemap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
