/* SPDX-License-Identifier: Apache-2.0
 *
 * Public entry points: version, memory pools, engine, and what all of them share.
 */
#include <string.h>

#include "api/handle_int.h"
#include "colonnade/colonnade.h"
#include "session/engine.h"

#define VERSION_TEXT_(major, minor, patch) #major "." #minor "." #patch
#define VERSION_TEXT(major, minor, patch)  VERSION_TEXT_(major, minor, patch)

const char *
cn_version(void)
{
    return VERSION_TEXT(CN_VERSION_MAJOR, CN_VERSION_MINOR, CN_VERSION_PATCH);
}

int32_t
cn_api_version(void)
{
    return CN_API_VERSION;
}

cn_code
cni_api_need(const void *pointer, const char *name, cn_error *err)
{
    return pointer == NULL ? CN_FAIL(err, CN_INVALID_ARGUMENT, "%s is NULL", name) : CN_OK;
}

void
cni_api_copy_text(const char *text, int64_t len_bytes, char *buffer, int64_t capacity,
                  int64_t *out_length)
{
    if (buffer != NULL && capacity > 0) {
        const int64_t n_copied = cni_min_i64(len_bytes, capacity - 1);
        if (n_copied > 0) {
            memcpy(buffer, text, (size_t)n_copied);
        }
        buffer[n_copied] = '\0';
    }
    if (out_length != NULL) {
        *out_length = len_bytes;
    }
}

/* ---- memory pools: handles are budget nodes ---- */

static const cni_budget *
budget_of(const cn_memory_pool *pool)
{
    return (const cni_budget *)(const void *)pool;
}

cn_code
cn_memory_pool_new(int64_t limit_bytes, cn_memory_pool **out_pool, cn_error *err)
{
    cni_budget *budget = NULL;
    CN_TRY(cni_api_need(out_pool, "out_pool", err));
    CN_TRY(cni_budget_new_pool("memory pool", limit_bytes, &budget, err));
    *out_pool = (cn_memory_pool *)(void *)budget;
    return CN_OK;
}

void
cn_memory_pool_free(cn_memory_pool *pool)
{
    cni_budget_unref((cni_budget *)(void *)pool);
}

int64_t
cn_memory_pool_bytes(const cn_memory_pool *pool)
{
    return pool == NULL ? 0 : cni_budget_current_bytes(budget_of(pool));
}

int64_t
cn_memory_pool_peak_bytes(const cn_memory_pool *pool)
{
    return pool == NULL ? 0 : cni_budget_peak_bytes(budget_of(pool));
}

/* ---- engines ---- */

cn_code
cn_engine_new(const cn_engine_options *options, cn_engine **out_engine, cn_error *err)
{
    CN_TRY(cni_api_need(out_engine, "out_engine", err));
    return cni_engine_new(options, NULL, out_engine, err);
}

void
cn_engine_free(cn_engine *engine)
{
    cni_engine_unref(engine);
}

int64_t
cn_engine_memory_bytes(const cn_engine *engine)
{
    return engine == NULL ? 0 : cni_budget_current_bytes(engine->budget);
}

int64_t
cn_engine_memory_peak_bytes(const cn_engine *engine)
{
    return engine == NULL ? 0 : cni_budget_peak_bytes(engine->budget);
}

void
cn_engine_trim(cn_engine *engine)
{
    if (engine != NULL) {
        cni_engine_trim(engine);
    }
}
