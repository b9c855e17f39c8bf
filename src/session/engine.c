/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and sharing the engine object. Nothing is started here: threads come with the first query
 * that needs them, memory with the first allocation.
 */
#include "session/engine.h"

#include <unistd.h>

#include "io/file/spill_directory.h"
#include "io/format/parquet/parquet_table.h"
#include "io/read_parquet.h"
#include "io/source/table_function_list.h"
#include "session/cgroup_limit.h"

#define DEFAULT_MEMORY_SHARE_PERCENT 80
#define SETTLE_NS                    (2 * INT64_C(1000000000))
#define SETTLE_SLACK_BYTES           (INT64_C(32) << 20)
#define MAX_PARQUET_CACHE_BYTES      (INT64_C(64) << 20)
#define PARQUET_CACHE_SHARE          16 /* of the memory limit */

static int64_t
default_memory_limit(void)
{
    const int64_t pages = sysconf(_SC_PHYS_PAGES);
    const int64_t page_bytes = sysconf(_SC_PAGESIZE);
    int64_t total = pages > 0 && page_bytes > 0 ? pages * page_bytes : INT64_C(4) << 30;
    total = cni_min_i64(total, cni_cgroup_memory_limit("/sys/fs/cgroup", "/proc/self/cgroup"));
    return total / 100 * DEFAULT_MEMORY_SHARE_PERCENT;
}

/* The engine's read_parquet: the one of the list with the engine's cache. */
static void
adopt_read_parquet(cn_engine *self)
{
    const cni_table_function *const *functions = NULL;
    const int32_t n_functions = cni_table_function_list(&functions);
    for (int32_t function = 0; function < n_functions; function++) {
        if (functions[function]->open == cni_read_parquet_open) {
            self->read_parquet = *functions[function];
            self->read_parquet.private_data = self->parquet_cache;
        }
    }
}

/* The caller's options as far as its struct_size goes, checked, over the defaults. */
static cn_code
read_options(const cn_engine_options *options, cn_engine_options *out_known, cn_error *err)
{
    *out_known = (cn_engine_options){.struct_size = sizeof(*out_known)};
    if (options != NULL) {
        if (options->struct_size < sizeof(options->struct_size)) {
            return CN_FAIL(err, CN_INVALID_ARGUMENT,
                           "cn_engine_options.struct_size is not set (%u)", options->struct_size);
        }
        memcpy(out_known, options,
               (size_t)cni_min_i64((int64_t)options->struct_size, (int64_t)sizeof(*out_known)));
    }
    if (out_known->n_threads < 0 || out_known->n_threads > CNI_MAX_WORKERS) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "n_threads must be between 0 and %d, not %d",
                       CNI_MAX_WORKERS, out_known->n_threads);
    }
    if (out_known->memory_limit_bytes < 0) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "memory_limit_bytes must not be negative (%lld)",
                       (long long)out_known->memory_limit_bytes);
    }
    if (out_known->temp_directory_limit_bytes < 0) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT,
                       "temp_directory_limit_bytes must not be negative (%lld)",
                       (long long)out_known->temp_directory_limit_bytes);
    }
    return CN_OK;
}

/* The store is over the default directory unless the host names one, which may be none. What
 * crashed processes left in a directory that was named is removed now. */
static cn_code
build_spill(cn_engine *self, const cn_engine_options *options, cn_error *err)
{
    const cni_str path = cni_str_of(options->temp_directory != NULL ? options->temp_directory
                                                                    : CNI_SPILL_DIRECTORY_DEFAULT);
    if (path.len_bytes >= (int64_t)sizeof(self->temp_directory)) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "temp_directory is longer than %d bytes",
                       (int)sizeof(self->temp_directory) - 1);
    }
    self->temp_directory_limit_bytes = options->temp_directory_limit_bytes;
    if (path.len_bytes == 0) {
        return CN_OK;
    }
    memcpy(self->temp_directory, path.data, (size_t)path.len_bytes);
    if (options->temp_directory != NULL) {
        (void)cni_spill_directory_clean(path);
    }
    return cni_spill_directory_new(self->allocator, self->fault, path,
                                   self->temp_directory_limit_bytes, &self->spill, err);
}

/* What is known of files may be dropped when memory is short. */
static cn_code
build_cache(cn_engine *self, cn_error *err)
{
    const int64_t max_bytes =
        cni_min_i64(MAX_PARQUET_CACHE_BYTES, self->memory_limit_bytes / PARQUET_CACHE_SHARE);
    CN_TRY(
        cni_budget_new(self->budget, "file cache", CNI_BUDGET_UNLIMITED, &self->cache_budget, err));
    CN_TRY(cni_parquet_cache_new(cni_budget_allocator(self->cache_budget), max_bytes,
                                 &self->parquet_cache, err));
    cni_budget_set_reclaim_cost(self->cache_budget, CNI_RECLAIM_DROPS);
    cni_budget_set_reclaim(self->cache_budget, cni_parquet_cache_reclaim, self->parquet_cache);
    return CN_OK;
}

static cn_code
build(cn_engine *self, const cn_engine_options *options, cni_fault *fault, cn_error *err)
{
    self->n_threads = options->n_threads > 0 ? options->n_threads : cni_cpu_count();
    CN_TRY(cni_function_registry_new(self->allocator, &self->functions, err));
    CN_TRY(build_cache(self, err));
    adopt_read_parquet(self);
    CN_TRY(build_spill(self, options, err));
    const cni_executor executor = {
        .submit = options->executor == NULL ? NULL : options->executor->submit,
        .private_data = options->executor == NULL ? NULL : options->executor->private_data};
    CN_TRY(cni_pool_new(self->allocator, self->n_threads,
                        executor.submit == NULL ? NULL : &executor, fault, &self->pool, err));
    CN_TRY(cni_admission_new(self->allocator, self->budget, self->pool, &self->admission, err));
    cni_budget_set_arbiter(self->budget, cni_admission_arbitrate, self->admission);
    return CN_OK;
}

static cni_budget *
pool_of(const cn_engine_options *options)
{
    return (cni_budget *)(void *)options->memory_pool;
}

static int64_t
choose_limit(const cn_engine_options *options)
{
    if (options->memory_limit_bytes > 0) {
        return options->memory_limit_bytes;
    }
    return pool_of(options) != NULL ? cni_budget_limit_bytes(pool_of(options))
                                    : default_memory_limit();
}

static cn_code
make_budget(const cn_engine_options *options, int64_t limit, cni_fault *fault,
            cni_budget **out_budget, cn_error *err)
{
    return pool_of(options) == NULL
               ? cni_budget_new_root("engine", limit, fault, out_budget, err)
               : cni_budget_new_root_in(pool_of(options), "engine", limit, fault, out_budget, err);
}

cn_code
cni_engine_new(const cn_engine_options *options, cni_fault *fault, cn_engine **out_engine,
               cn_error *err)
{
    cn_engine_options known;
    CN_TRY(read_options(options, &known, err));
    const int64_t limit = choose_limit(&known);
    CN_SCOPED(cni_budget_p) budget = NULL;
    CN_TRY(make_budget(&known, limit, fault, &budget, err));
    CN_SCOPED(cni_engine_p) engine = NULL;
    CN_TRY(cni_alloc_zeroed(cni_budget_allocator(budget), (int64_t)sizeof(*engine), &engine, err));
    cni_counter_set(&engine->n_refs, 1);
    engine->allocator = cni_budget_allocator(budget);
    engine->budget = CN_MOVE(budget);
    engine->memory_limit_bytes = limit;
    engine->fault = fault;
    CN_TRY(build(engine, &known, fault, err));
    *out_engine = CN_MOVE(engine);
    return CN_OK;
}

/* Trimming costs the next query page faults, so what was in use lately stays. */
void
cni_engine_settle(cn_engine *self, int64_t peak_bytes)
{
    const int64_t now_ns = cni_clock_ns();
    const int64_t begun_ns = cni_counter_get(&self->settled_ns);
    const int64_t used = cni_budget_charged_bytes(self->budget) + peak_bytes;
    cni_counter_max(&self->high_bytes, used);
    if (now_ns - begun_ns < SETTLE_NS || !cni_slot_swap(&self->settled_ns, begun_ns, now_ns)) {
        return;
    }
    const int64_t high = cni_counter_get(&self->high_bytes);
    const int64_t kept = cni_max_i64(high, cni_counter_get(&self->high_before));
    cni_counter_set(&self->high_before, high);
    cni_counter_set(&self->high_bytes, used);
    if (cni_budget_committed_bytes(self->budget) > kept + SETTLE_SLACK_BYTES) {
        cni_budget_trim(self->budget);
    }
}

void
cni_engine_trim(cn_engine *self)
{
    (void)cni_parquet_cache_reclaim(self->parquet_cache, INT64_MAX);
    cni_budget_trim(self->budget);
}

cn_engine *
cni_engine_ref(cn_engine *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

void
cni_engine_unref(cn_engine *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    cni_budget_set_arbiter(self->budget, NULL, NULL);
    cni_admission_free(self->admission);
    cni_pool_free(self->pool);
    cni_function_registry_free(self->functions);
    if (self->cache_budget != NULL) {
        cni_budget_set_reclaim(self->cache_budget, NULL, NULL);
    }
    cni_parquet_cache_free(self->parquet_cache);
    cni_budget_unref(self->cache_budget);
    cni_spill_store_unref(self->spill);
    cni_budget *budget = self->budget;
    cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
    cni_budget_unref(budget);
}

cn_code
cni_engine_table_function(const cn_engine *self, cni_str name,
                          const cni_table_function **out_function, cn_error *err)
{
    const cni_table_function *const *functions = NULL;
    const int32_t n_functions = cni_table_function_list(&functions);
    const char *names[CNI_TABLE_FUNCTION_MAX];
    for (int32_t function = 0; function < n_functions; function++) {
        names[function] = functions[function]->name.data;
        if (cni_str_eq_nocase(name, functions[function]->name)) {
            const bool is_cached = functions[function]->open == cni_read_parquet_open;
            *out_function = is_cached ? &self->read_parquet : functions[function];
            return CN_OK;
        }
    }
    const char *nearest = cni_suggest(name.data, name.len_bytes, names, n_functions);
    (void)CN_FAIL(err, CN_NOT_FOUND, "there is no table function %.*s%s%s%s", CNI_STR_ARGS(name),
                  nearest == NULL ? "" : "; did you mean ", nearest == NULL ? "" : nearest,
                  nearest == NULL ? "" : "?");
    cni_error_sqlstate(err, "42883");
    return CN_NOT_FOUND;
}
