/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine object: memory, threads and registries that sessions share. Refcounted: sessions, and
 * through them frames, queries and streams, keep it. Exported buffers keep only the memory region.
 */
#ifndef CNI_SESSION_ENGINE_H
#define CNI_SESSION_ENGINE_H

#include "base/fault.h"
#include "colonnade/colonnade.h"
#include "plan/function/function.h"
#include "plan/table/table.h"
#include "runtime/admission.h"
#include "runtime/budget.h"
#include "runtime/spill.h"
#include "runtime/task.h"

#define CNI_ENGINE_PATH_BYTES 256 /* of temp_directory, as a setting has room */

/* Thread: synchronised (fields are set once; the parts synchronise themselves). */
struct cn_engine {
    cni_atomic_i64 n_refs;
    cni_budget *budget;       /* root; also owns the region */
    cni_allocator *allocator; /* of the root */
    cni_pool *pool;
    cni_admission *admission; /* who may run beside whom */
    cni_function_registry *functions;
    cni_budget *cache_budget;                /* of what follows; referenced */
    struct cni_parquet_cache *parquet_cache; /* footers, samples, sketches of files by identity */
    cni_table_function read_parquet;         /* the one of the list, over the cache */
    cni_atomic_i64 settled_ns;  /* slot: when the present period of cni_engine_settle began */
    cni_atomic_i64 high_bytes;  /* counter: most that was used at once in it */
    cni_atomic_i64 high_before; /* counter: in the one before */
    cni_fault *fault;           /* borrowed; NULL outside tests */
    int32_t n_threads;
    int64_t memory_limit_bytes;
    cni_spill_store *spill; /* over temp_directory; NULL when that is empty */
    int64_t temp_directory_limit_bytes;
    char temp_directory[CNI_ENGINE_PATH_BYTES];
};
typedef struct cn_engine *cni_engine_p;

/* `options` may be NULL. `fault` (tests) may be NULL and must outlive everything. */
CN_NODISCARD cn_code cni_engine_new(const cn_engine_options *options, cni_fault *fault,
                                    cn_engine **out_engine, cn_error *err);
cn_engine *cni_engine_ref(cn_engine *self);
/* A query has ended that used up to peak_bytes: memory that no query of the last seconds needed
 * goes back to the system. */
void cni_engine_settle(cn_engine *self, int64_t peak_bytes);
/* Give everything back that no query uses now, what is known of files included. */
void cni_engine_trim(cn_engine *self);
void cni_engine_unref(cn_engine *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_engine_p, cni_engine_unref)

/* Table function by name (case ignored), or CN_NOT_FOUND with the nearest name. */
CN_NODISCARD cn_code cni_engine_table_function(const cn_engine *self, cni_str name,
                                               const cni_table_function **out_function,
                                               cn_error *err);

#endif /* CNI_SESSION_ENGINE_H */
