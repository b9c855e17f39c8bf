/* SPDX-License-Identifier: Apache-2.0
 *
 * When operators are told to spill and what they may keep: reserve, tightest limit of the path,
 * states that are not worth it, the test setting, no store. And the store's face: quota, counting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "runtime/pressure.h"
#include "runtime/spill_scope.h"

#define MIB (INT64_C(1) << 20)

/* A file that only counts. */
typedef struct counting_store {
    cni_spill_store base;
    int64_t n_open;
    int64_t live_bytes;
    bool fails;
} counting_store;

typedef struct counting_file {
    cni_spill_file base;
    int64_t n_bytes;
} counting_file;

static cn_code
counting_append(cni_spill_file *base, const void *data, int64_t n_bytes, int64_t *out_offset,
                cn_error *err)
{
    counting_file *self = (counting_file *)base;
    counting_store *store = (counting_store *)base->store;
    (void)data;
    if (store->fails) {
        return CN_FAIL(err, CN_IO, "disk full");
    }
    *out_offset = self->n_bytes;
    self->n_bytes += n_bytes;
    store->live_bytes += n_bytes;
    return CN_OK;
}

static cn_code
counting_read(cni_spill_file *base, int64_t offset, int64_t n_bytes, void *out, cn_error *err)
{
    (void)base;
    (void)offset;
    (void)err;
    memset(out, 7, (size_t)n_bytes);
    return CN_OK;
}

static void
counting_discard(cni_spill_file *base, int64_t offset, int64_t n_bytes)
{
    counting_file *self = (counting_file *)base;
    (void)offset;
    self->n_bytes -= n_bytes;
    ((counting_store *)base->store)->live_bytes -= n_bytes;
    cni_spill_give_back(base->store, n_bytes);
}

static void
counting_close(cni_spill_file *base)
{
    counting_file *self = (counting_file *)base;
    counting_store *store = (counting_store *)base->store;
    store->n_open--;
    store->live_bytes -= self->n_bytes;
    cni_spill_give_back(base->store, self->n_bytes);
    cni_dealloc(cni_allocator_system(), self, (int64_t)sizeof(*self));
}

static const cni_spill_file_ops counting_file_ops = {
    .append = counting_append,
    .read = counting_read,
    .discard = counting_discard,
    .close = counting_close,
};

static cn_code
counting_create(cni_spill_store *base, const char *purpose, cni_spill_file **out_file,
                cn_error *err)
{
    counting_file *file = NULL;
    CN_TRY(cni_alloc_zeroed(cni_allocator_system(), (int64_t)sizeof(*file), &file, err));
    file->base = (cni_spill_file){&counting_file_ops, cni_spill_store_ref(base), purpose};
    ((counting_store *)base)->n_open++;
    *out_file = &file->base;
    return CN_OK;
}

static void
counting_free(cni_spill_store *base)
{
    assert_int_equal(((counting_store *)base)->n_open, 0);
}

static const cni_spill_store_ops counting_ops = {.create = counting_create, .free = counting_free};

static void
store_init(counting_store *self, int64_t limit_bytes)
{
    memset(self, 0, sizeof(*self));
    self->base.ops = &counting_ops;
    self->base.n_refs = 1;
    self->base.limit_bytes = limit_bytes;
}

/* A query of 64 MiB in an engine of 256 MiB, with one operator. */
typedef struct pressure_env {
    counting_store store;
    cni_budget *root;
    cni_context context;
    cni_budget *operator_;
} pressure_env;

static void
env_begin(pressure_env *self, int32_t n_threads)
{
    cni_exec_settings settings = cni_exec_settings_default();
    settings.n_threads = n_threads;
    memset(self, 0, sizeof(*self));
    store_init(&self->store, INT64_MAX);
    assert_int_equal(cni_budget_new_root("engine", 256 * MIB, NULL, &self->root, NULL), CN_OK);
    assert_int_equal(cni_context_init(&self->context, self->root, 64 * MIB, NULL, &settings, NULL),
                     CN_OK);
    self->context.spill = &self->store.base;
    assert_int_equal(
        cni_budget_new(self->context.budget, "join", CNI_BUDGET_UNLIMITED, &self->operator_, NULL),
        CN_OK);
}

static void
env_end(pressure_env *self)
{
    cni_budget_unref(self->operator_);
    cni_context_done(&self->context);
    cni_budget_unref(self->root);
    cni_spill_store_unref(&self->store.base);
}

static void
reserve(cni_budget *budget, int64_t n_bytes)
{
    assert_int_equal(cni_budget_reserve(budget, n_bytes, NULL), CN_OK);
}

static void
test_left_is_below_the_reserve(void **state)
{
    (void)state;
    pressure_env env;
    env_begin(&env, 2);
    /* an eighth of 64 MiB stays free */
    assert_int_equal(cni_memory_left(env.operator_, &env.context), 56 * MIB);
    reserve(env.operator_, 50 * MIB);
    assert_in_range(cni_memory_left(env.operator_, &env.context), 5 * MIB, 6 * MIB);
    assert_false(cni_memory_should_spill(env.operator_, &env.context, 50 * MIB));
    reserve(env.operator_, 10 * MIB);
    assert_true(cni_memory_left(env.operator_, &env.context) < 0);
    assert_true(cni_memory_should_spill(env.operator_, &env.context, 50 * MIB));
    /* a 64th of the limit over two workers: 512 KiB */
    assert_true(cni_memory_should_spill(env.operator_, &env.context, 512 << 10));
    assert_false(cni_memory_should_spill(env.operator_, &env.context, (512 << 10) - 1));
    cni_budget_release(env.operator_, 60 * MIB);
    assert_false(cni_memory_should_spill(env.operator_, &env.context, 50 * MIB));
    env_end(&env);
}

static void
test_many_workers_reserve_more(void **state)
{
    (void)state;
    pressure_env env;
    env_begin(&env, 16);
    assert_int_equal(cni_memory_left(env.operator_, &env.context), 48 * MIB);
    env_end(&env);
    env_begin(&env, 100); /* but never more than half */
    assert_int_equal(cni_memory_left(env.operator_, &env.context), 32 * MIB);
    env_end(&env);
}

/* What other queries of the engine take counts as well. */
static void
test_tightest_limit_of_the_path(void **state)
{
    (void)state;
    pressure_env env;
    cni_budget *other = NULL;
    env_begin(&env, 1);
    assert_int_equal(cni_budget_new(env.root, "other", CNI_BUDGET_UNLIMITED, &other, NULL), CN_OK);
    reserve(other, 200 * MIB);
    /* of 256 MiB an eighth is the engine's reserve */
    assert_in_range(cni_memory_left(env.operator_, &env.context), 23 * MIB, 24 * MIB);
    reserve(other, 40 * MIB);
    reserve(env.operator_, MIB);
    assert_true(cni_memory_should_spill(env.operator_, &env.context, MIB));
    cni_budget_release(env.operator_, MIB);
    cni_budget_release(other, 240 * MIB);
    cni_budget_unref(other);
    env_end(&env);
}

static void
test_halves(void **state)
{
    (void)state;
    pressure_env env;
    env_begin(&env, 1);
    assert_int_equal(cni_memory_may_keep(env.operator_, &env.context, 0), 28 * MIB);
    reserve(env.operator_, 40 * MIB);
    assert_in_range(cni_memory_may_keep(env.operator_, &env.context, 40 * MIB), 27 * MIB, 28 * MIB);
    cni_budget_release(env.operator_, 40 * MIB);
    env_end(&env);
}

static void
test_settings_and_no_store(void **state)
{
    (void)state;
    pressure_env env;
    env_begin(&env, 1);
    env.context.settings.test_spill = true;
    assert_true(cni_memory_should_spill(env.operator_, &env.context, 1));
    assert_false(cni_memory_should_spill(env.operator_, &env.context, 0));
    assert_int_equal(cni_memory_may_keep(env.operator_, &env.context, 10), 0);
    env.context.spill = NULL;
    assert_false(cni_memory_should_spill(env.operator_, &env.context, 1));
    assert_true(cni_memory_may_keep(env.operator_, &env.context, 10) == INT64_MAX);
    env_end(&env);
}

/* ---- the store's face ---- */

static void
test_quota(void **state)
{
    (void)state;
    counting_store store;
    store_init(&store, 100);
    cni_spill_file *file = NULL;
    int64_t offset = -1;
    char bytes[64] = {0};
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_spill_create(&store.base, "sort", &file, &err), CN_OK);
    assert_int_equal(cni_spill_append(file, bytes, 60, &offset, &err), CN_OK);
    assert_int_equal(offset, 0);
    assert_int_equal(cni_spill_append(file, bytes, 41, &offset, &err), CN_LIMIT_EXCEEDED);
    assert_string_equal(err.message,
                        "temporary files may take 100 bytes (temp_directory_limit), 60 are in use, "
                        "a sort needs 41 more");
    assert_int_equal(cni_spill_append(file, bytes, 40, &offset, &err), CN_OK);
    assert_int_equal(offset, 60);
    assert_int_equal(store.base.used_bytes, 100);
    cni_spill_discard(file, 0, 60);
    assert_int_equal(store.base.used_bytes, 40);
    assert_int_equal(cni_spill_read(file, 60, 40, bytes, &err), CN_OK);
    assert_int_equal(bytes[39], 7);
    assert_int_equal(store.base.peak_bytes, 100);
    assert_int_equal(store.base.written_bytes, 100);
    assert_int_equal(store.base.read_bytes, 40);
    cni_spill_close(file);
    assert_int_equal(store.base.used_bytes, 0);
    assert_int_equal(store.live_bytes, 0);
    cni_spill_close(NULL);
    cni_spill_store_unref(&store.base);
}

static void
test_failed_append_takes_nothing(void **state)
{
    (void)state;
    counting_store store;
    store_init(&store, 100);
    cni_spill_file *file = NULL;
    int64_t offset = -1;
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_spill_create(&store.base, "join", &file, &err), CN_OK);
    store.fails = true;
    assert_int_equal(cni_spill_append(file, "abc", 3, &offset, &err), CN_IO);
    assert_int_equal(store.base.used_bytes, 0);
    assert_int_equal(store.base.written_bytes, 0);
    cni_spill_close(file);
    cni_spill_store_unref(&store.base);
}

/* The soft limit of any node of the path counts, and refuses nothing. */
static void
test_soft_limits(void **state)
{
    (void)state;
    pressure_env env;
    env_begin(&env, 2);
    const int64_t whole = cni_memory_left(env.operator_, &env.context);
    cni_budget_set_soft_limit(env.context.budget, 16 * MIB);
    assert_int_equal(cni_budget_soft_limit_bytes(env.context.budget), 16 * MIB);
    assert_int_equal(cni_budget_limit_bytes(env.context.budget), 64 * MIB);
    assert_true(cni_memory_left(env.operator_, &env.context) <= 14 * MIB);
    assert_int_equal(cni_memory_limit(env.operator_), 16 * MIB);
    assert_int_equal(cni_budget_reserve(env.operator_, 40 * MIB, NULL), CN_OK);
    assert_true(cni_memory_should_spill(env.operator_, &env.context, 40 * MIB));
    cni_budget_set_soft_limit(env.context.budget, CNI_BUDGET_UNLIMITED);
    assert_false(cni_memory_should_spill(env.operator_, &env.context, 40 * MIB));
    cni_budget_release(env.operator_, 40 * MIB);
    assert_true(whole - cni_memory_left(env.operator_, &env.context) <= MIB); /* credit */
    env_end(&env);
}

/* A scope counts its own files, the inner store all of them; quota and errors are the inner one's.
 */
static void
test_scopes(void **state)
{
    (void)state;
    counting_store store;
    cni_spill_store *scope = NULL;
    cni_spill_file *mine = NULL;
    cni_spill_file *other = NULL;
    char bytes[40] = "";
    int64_t offset = -1;
    cn_error err = CN_ERROR_INIT;
    store_init(&store, 100);
    assert_int_equal(cni_spill_scope_new(cni_allocator_system(), &store.base, &scope, &err), CN_OK);
    assert_int_equal(cni_spill_create(scope, "join", &mine, &err), CN_OK);
    assert_int_equal(cni_spill_create(&store.base, "sort", &other, &err), CN_OK);
    cni_spill_store_unref(scope); /* its file keeps it */
    assert_int_equal(cni_spill_append(other, bytes, 30, &offset, &err), CN_OK);
    assert_int_equal(cni_spill_append(mine, bytes, 20, &offset, &err), CN_OK);
    assert_int_equal(cni_spill_append(mine, bytes, 20, &offset, &err), CN_OK);
    assert_int_equal(offset, 20);
    assert_int_equal(scope->written_bytes, 40);
    assert_int_equal(store.base.written_bytes, 70);
    assert_int_equal(cni_spill_append(mine, bytes, 40, &offset, &err), CN_LIMIT_EXCEEDED);
    assert_int_equal(scope->used_bytes, 40);
    cni_spill_discard(mine, 0, 20);
    assert_int_equal(store.base.used_bytes, 50);
    assert_int_equal(cni_spill_append(mine, bytes, 40, &offset, &err), CN_OK);
    assert_int_equal(cni_spill_read(mine, 0, 40, bytes, &err), CN_OK);
    assert_int_equal(bytes[39], 7);
    assert_int_equal(store.base.read_bytes, 40);
    store.fails = true;
    assert_int_equal(cni_spill_append(mine, bytes, 1, &offset, &err), CN_IO);
    cni_spill_close(mine);
    cni_spill_close(other);
    assert_int_equal(store.base.used_bytes, 0);
    assert_int_equal(store.live_bytes, 0);
    cni_spill_store_unref(&store.base);
}

/* What is about to be closed is not given back piece by piece. */
static void
test_ending(void **state)
{
    (void)state;
    counting_store store;
    cni_spill_store *scope = NULL;
    cni_spill_file *file = NULL;
    char bytes[40] = "";
    int64_t offset = -1;
    cn_error err = CN_ERROR_INIT;
    store_init(&store, 100);
    assert_int_equal(cni_spill_scope_new(cni_allocator_system(), &store.base, &scope, &err), CN_OK);
    assert_int_equal(cni_spill_create(scope, "sort", &file, &err), CN_OK);
    assert_int_equal(cni_spill_append(file, bytes, 40, &offset, &err), CN_OK);
    cni_spill_store_set_ending(scope, true);
    cni_spill_discard(file, 0, 10);
    assert_int_equal(store.base.used_bytes, 40);
    cni_spill_store_set_ending(scope, false);
    cni_spill_discard(file, 10, 10);
    assert_int_equal(store.base.used_bytes, 30);
    cni_spill_close(file);
    assert_int_equal(store.base.used_bytes, 0);
    assert_int_equal(store.live_bytes, 0);
    cni_spill_store_unref(scope);
    cni_spill_store_unref(&store.base);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_left_is_below_the_reserve),
        cmocka_unit_test(test_many_workers_reserve_more),
        cmocka_unit_test(test_tightest_limit_of_the_path),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_settings_and_no_store),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_failed_append_takes_nothing),
        cmocka_unit_test(test_soft_limits),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_ending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
