/* SPDX-License-Identifier: Apache-2.0
 *
 * The query context: cancel, deadline, first error, access policy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "runtime/context.h"

typedef struct fixture {
    cni_budget *root;
    cni_pool *pool;
    cni_context context;
} fixture;

static void
begin(fixture *self, cni_fault *fault)
{
    *self = (fixture){NULL, NULL, {0}};
    const cni_exec_settings settings = cni_exec_settings_default();
    assert_int_equal(cni_budget_new_root("engine", 64 << 20, fault, &self->root, NULL), CN_OK);
    assert_int_equal(cni_pool_new(cni_allocator_system(), 2, NULL, fault, &self->pool, NULL),
                     CN_OK);
    assert_int_equal(
        cni_context_init(&self->context, self->root, 1 << 20, self->pool, &settings, NULL), CN_OK);
}

static void
end(fixture *self)
{
    cni_context_done(&self->context);
    cni_context_done(&self->context);
    cni_pool_free(self->pool);
    cni_budget_unref(self->root);
}

static void
test_defaults(void **state)
{
    (void)state;
    const cni_exec_settings settings = cni_exec_settings_default();
    assert_int_equal(settings.chunk_rows, 2048);
    assert_int_equal(settings.batch_rows, 65536);
    assert_true(settings.optimizer);
    assert_int_equal(settings.n_threads, cni_min_i64(cni_cpu_count(), CNI_MAX_WORKERS));
}

static void
test_init(void **state)
{
    (void)state;
    cni_fault fault = {0};
    fixture self;
    begin(&self, &fault);
    assert_ptr_equal(self.context.fault, &fault);
    assert_ptr_equal(self.context.allocator, cni_budget_allocator(self.context.budget));
    assert_true(self.context.now_us > 0);
    assert_int_equal(cni_budget_limit_bytes(self.context.budget), 1 << 20);
    cn_error err = CN_ERROR_INIT;
    void *block = NULL;
    assert_int_equal(cni_alloc(self.context.allocator, 2 << 20, &block, &err), CN_BUDGET_EXCEEDED);
    assert_non_null(strstr(err.message, "query limit 1 MiB"));
    cni_exec_settings settings = cni_exec_settings_default();
    cni_context other = {0};
    settings.chunk_rows = CNI_CHUNK_ROWS_MAX + 1;
    assert_int_equal(cni_context_init(&other, self.root, 1, self.pool, &settings, &err),
                     CN_INVALID_ARGUMENT);
    settings.chunk_rows = 1;
    settings.n_threads = 0;
    assert_int_equal(cni_context_init(&other, self.root, 1, self.pool, &settings, &err),
                     CN_INVALID_ARGUMENT);
    settings.n_threads = 1;
    cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC],
                    cni_counter_get(&fault.n_hits[CNI_FAULT_ALLOC]) + 1);
    assert_int_equal(cni_context_init(&other, self.root, 1, self.pool, &settings, &err),
                     CN_NO_MEMORY);
    cni_context_done(&other);
    end(&self);
}

static void
test_cancel(void **state)
{
    (void)state;
    fixture self;
    begin(&self, NULL);
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_context_check(&self.context, &err), CN_OK);
    cni_context_cancel(&self.context);
    assert_int_equal(cni_context_check(&self.context, &err), CN_CANCELLED);
    assert_string_equal(err.message, "the query was cancelled");
    assert_int_equal(cni_context_check(&self.context, NULL), CN_CANCELLED);
    assert_int_equal(cni_context_error(&self.context, &err), CN_OK);
    end(&self);
}

static void
test_deadline(void **state)
{
    (void)state;
    fixture self;
    begin(&self, NULL);
    cn_error err = CN_ERROR_INIT;
    self.context.deadline_ns = cni_clock_ns() + INT64_C(3600000000000);
    assert_int_equal(cni_context_check(&self.context, &err), CN_OK);
    self.context.deadline_ns = cni_clock_ns() - 1;
    cn_code code = CN_OK;
    for (int call = 0; call < 8 && code == CN_OK; call++) {
        code = cni_context_check(&self.context, &err);
    }
    assert_int_equal(code, CN_TIMEOUT);
    assert_int_equal(err.code, CN_TIMEOUT);
    /* Everybody else learns the same. */
    assert_int_equal(cni_context_check(&self.context, &err), CN_TIMEOUT);
    assert_int_equal(cni_context_error(&self.context, NULL), CN_TIMEOUT);
    end(&self);
}

typedef struct racer {
    cni_context *context;
    int number;
} racer;

static void *
race(void *argument)
{
    const racer *self = argument;
    cn_error err = CN_ERROR_INIT;
    (void)CN_FAIL(&err, CN_INVALID_DATA, "failure of thread %d", self->number);
    assert_int_equal(cni_context_fail(self->context, &err), CN_INVALID_DATA);
    while (cni_context_check(self->context, &err) == CN_OK) {
    }
    assert_int_equal(err.code, CN_INVALID_DATA);
    return NULL;
}

static void
test_first_error_wins(void **state)
{
    (void)state;
    fixture self;
    begin(&self, NULL);
    cni_thread threads[8];
    racer racers[8];
    for (int at = 0; at < 8; at++) {
        racers[at] = (racer){&self.context, at};
        assert_int_equal(cni_thread_start(&threads[at], race, &racers[at], 0, NULL), CN_OK);
    }
    for (int at = 0; at < 8; at++) {
        cni_thread_join(&threads[at]);
    }
    cn_error first = CN_ERROR_INIT;
    cn_error again = CN_ERROR_INIT;
    assert_int_equal(cni_context_error(&self.context, &first), CN_INVALID_DATA);
    (void)CN_FAIL(&again, CN_IO, "late");
    assert_int_equal(cni_context_fail(&self.context, &again), CN_IO);
    assert_int_equal(cni_context_check(&self.context, &again), CN_INVALID_DATA);
    assert_string_equal(again.message, first.message);
    end(&self);
}

static cn_code
deny_writing(void *private_data, cni_str path, bool writing, cn_error *err)
{
    (void)private_data;
    if (!writing) {
        return CN_OK;
    }
    return CN_FAIL(err, CN_UNAUTHORIZED, "the policy forbids writing %.*s", CNI_STR_ARGS(path));
}

static void
test_policy(void **state)
{
    (void)state;
    fixture self;
    begin(&self, NULL);
    const cni_access_policy empty = {NULL, NULL, NULL, NULL};
    const cni_access_policy policy = {deny_writing, NULL, NULL, NULL};
    const cni_str path = CNI_STR("/data/x");
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_context_may_open_file(&self.context, path, true, &err), CN_OK);
    self.context.policy = &empty;
    assert_int_equal(cni_context_may_open_file(&self.context, path, true, &err), CN_OK);
    self.context.policy = &policy;
    assert_int_equal(cni_context_may_open_file(&self.context, path, false, &err), CN_OK);
    assert_int_equal(cni_context_may_open_file(&self.context, path, true, &err), CN_UNAUTHORIZED);
    assert_string_equal(err.message, "the policy forbids writing /data/x");
    end(&self);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),         cmocka_unit_test(test_init),
        cmocka_unit_test(test_cancel),           cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_first_error_wins), cmocka_unit_test(test_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
