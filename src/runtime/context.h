/* SPDX-License-Identifier: Apache-2.0
 *
 * The context of one query: what every operator is handed instead of globals. It holds the budget,
 * the cancel flag and deadline, the settings snapshot, the access policy, the task group and the
 * first error of the query.
 *
 * Thread: synchronised (fields are set before the query starts and then read only; cancel flag and
 * error slot are atomic).
 */
#ifndef CNI_RUNTIME_CONTEXT_H
#define CNI_RUNTIME_CONTEXT_H

#include "base/str.h"
#include "runtime/budget.h"
#include "runtime/spill.h"
#include "runtime/task.h"

#define CNI_CHUNK_ROWS_MAX     16384 /* compiled maximum of rows in a chunk */
#define CNI_CHUNK_ROWS_DEFAULT 2048  /* rows of a pipeline chunk */

/* What a session allows. A NULL slot allows. Each answers CN_OK or CN_UNAUTHORIZED. */
typedef struct cni_access_policy {
    cn_code (*open_file)(void *private_data, cni_str path, bool writing, cn_error *err);
    cn_code (*open_table)(void *private_data, cni_str name, cn_error *err);
    cn_code (*connect)(void *private_data, cni_str uri, cn_error *err);
    void *private_data;
} cni_access_policy;

/* The knobs that execution reads; a snapshot of the session's settings. */
typedef struct cni_exec_settings {
    int32_t n_threads;        /* >= 1 */
    int32_t chunk_rows;       /* rows of a pipeline chunk, 1..CNI_CHUNK_ROWS_MAX */
    int64_t batch_rows;       /* rows that an exported Arrow batch aims at */
    bool reproducible;        /* float sums independent of threads and chunks */
    bool export_views;        /* strings leave as utf8_view instead of utf8 */
    bool optimizer;           /* switchable rules on; normalization always runs */
    cni_str disabled_rules;   /* comma-separated rule names that are off */
    uint32_t test_encode;     /* tests: bit set of cni_test_encode, re-encodes scan output */
    bool test_serialize_plan; /* tests: every plan goes through its binary form */
    bool test_spill;          /* tests: operators write their state out at every chance */
    uint8_t test_swap;        /* tests: cni_test_swap */
} cni_exec_settings;

/* Re-encodings that a test may ask of every scan's output; answers must not change. */
enum cni_test_encode {
    CNI_TEST_ENCODE_SLICE = 1,      /* vectors at odd offsets of larger buffers */
    CNI_TEST_ENCODE_DICTIONARY = 2, /* with duplicate entries and unused ones */
    CNI_TEST_ENCODE_CONSTANT = 4,   /* chunks cut so that constants appear */
    CNI_TEST_ENCODE_RUN_END = 8
};

/* When the sides of a join are exchanged while it runs; answers must not change. */
enum cni_test_swap {
    CNI_TEST_SWAP_BY_SIZE, /* no test: where it pays */
    CNI_TEST_SWAP_ALWAYS,  /* wherever it can be done */
    CNI_TEST_SWAP_TWICE,   /* and back */
    CNI_TEST_SWAP_NEVER
};

typedef struct cni_context {
    cni_budget *budget;              /* the query's node; referenced */
    cni_allocator *allocator;        /* of that node */
    cni_pool *pool;                  /* borrowed from the engine */
    cni_tenant *tenant;              /* whose share of the pool it uses; borrowed; may be NULL */
    int32_t weight;                  /* CNI_WEIGHT_LOW .. */
    cni_group *group;                /* owned; NULL until the query starts */
    cni_fault *fault;                /* borrowed; NULL outside tests */
    cni_spill_store *spill;          /* borrowed from the engine; NULL = nothing may be spilled */
    const cni_access_policy *policy; /* borrowed; NULL allows everything */
    cni_exec_settings settings;
    struct cni_context *next; /* of the owner's list, for cancelling all; under its lock */
    struct cni_context *prev;
    int64_t deadline_ns;          /* of cni_clock_ns; 0 = none */
    int64_t now_us;               /* wall clock at the start: now(), current_date */
    cni_atomic_i64 cancelled;     /* flag: 1 = stop soon */
    cni_atomic_i64 failed;        /* flag: 1 = `error` is complete */
    cni_atomic_i64 error_claimed; /* slot */
    cni_atomic_i64 n_checks;      /* counter: spaces out looks at the clock */
    cn_error error;               /* the first error of the query */
} cni_context;

/* Child budget of `parent` with limit_bytes; other fields from the arguments (settings copied). */
CN_NODISCARD cn_code cni_context_init(cni_context *self, cni_budget *parent, int64_t limit_bytes,
                                      cni_pool *pool, const cni_exec_settings *settings,
                                      cn_error *err);
void cni_context_done(cni_context *self); /* accepts zeroed or half-built */

/* Ask the query to stop; it does within 100 ms. Callable from any thread. */
void cni_context_cancel(cni_context *self);

/* CN_OK, or why to stop: CN_CANCELLED, CN_TIMEOUT, or the code of the query's first error.
 * One load while nothing is wrong; per chunk and in long loops. The clock is read at most every few
 * calls. */
CN_NODISCARD cn_code cni_context_check(cni_context *self, cn_error *err);
/* The same, for those that ask seldom: looks at the clock each time. */
CN_NODISCARD cn_code cni_context_look(cni_context *self, cn_error *err);

/* Keep `err` as the query's error unless there is one, and stop the others. Gives err->code. */
cn_code cni_context_fail(cni_context *self, const cn_error *err);
/* Copy of the query's error; CN_OK when there is none. */
cn_code cni_context_error(cni_context *self, cn_error *out_err);

CN_NODISCARD cn_code cni_context_may_open_file(const cni_context *self, cni_str path, bool writing,
                                               cn_error *err);

/* The defaults: all cores, 2,048-row chunks, 64 Ki-row batches, optimizer on. */
cni_exec_settings cni_exec_settings_default(void);

#endif /* CNI_RUNTIME_CONTEXT_H */
