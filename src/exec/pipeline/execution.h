/* SPDX-License-Identifier: Apache-2.0
 *
 * One run of a physical plan: starts pipelines as what they need has finished, and hands the result
 * out chunk by chunk. The caller's thread does the work as worker 0 while it waits, so a one-thread
 * query starts no thread; results that nobody takes stop the pipelines (bounded queue).
 *
 *   new -> next, next, ... END (or an error: the query's first) -> close
 *
 * Where the plan promises an order, chunks come in it for any number of threads. close may come at
 * any time: it cancels what runs, waits for it and frees everything; chunks that were handed out
 * stay valid. Thread: next and close are serialised; progress, profile and cni_context_cancel may
 * be called from any thread between new and close.
 */
#ifndef CNI_EXEC_EXECUTION_H
#define CNI_EXEC_EXECUTION_H

#include "data/column/chunk.h"
#include "optimize/physical/physical.h"

typedef struct cni_execution cni_execution;
typedef cni_execution *cni_execution_p;

typedef enum cni_execution_answer {
    CNI_EXECUTION_CHUNK, /* a chunk of 1 or more rows, without a selection */
    CNI_EXECUTION_END    /* no more; asking again gives END again */
} cni_execution_answer;

typedef struct cni_execution_progress {
    double fraction; /* of what the tables hand out, 0..1; < 0 = unknown */
    int64_t rows_scanned;
    int64_t bytes_read;
    int64_t elapsed_ns;
} cni_execution_progress;

/* Prepare to run `plan` (borrowed with its arena, as `context` is, until close). Nothing is read
 * and no thread is woken before the first next. Sets context->group, which close frees. Errors:
 * CN_NO_MEMORY, CN_BUDGET_EXCEEDED, CN_INVALID_STATE when the context runs a query already. */
CN_NODISCARD cn_code cni_execution_new(const cni_physical_plan *plan, cni_context *context,
                                       cni_execution **out_execution, cn_error *err);
/* Next chunk into `inout_chunk` (initialised with any allocator; its content is replaced; the
 * plan's columns in order). Errors: the query's first error; CN_CANCELLED; CN_TIMEOUT. After an
 * error it repeats it. */
CN_NODISCARD cn_code cni_execution_next(cni_execution *self, cni_chunk *inout_chunk,
                                        cni_execution_answer *out_answer, cn_error *err);
/* After an error of the query: nothing runs any more, and everything that operators hold is given
 * back, memory and files; figures stay. Only close, next and the figures may follow. */
void cni_execution_stop(cni_execution *self);
void cni_execution_close(cni_execution *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_execution_p, cni_execution_close)

void cni_execution_progress_get(cni_execution *self, cni_execution_progress *out_progress);

/* What ran so far, for EXPLAIN ANALYZE: pipelines with their operators, rows in and out, time,
 * notes, and the counters of scans. Figures of running workers may lag by one step. */
CN_NODISCARD cn_code cni_execution_profile(cni_execution *self, cni_strbuf *out, cn_error *err);
CN_NODISCARD cn_code cni_execution_profile_json(cni_execution *self, cni_strbuf *out,
                                                cn_error *err);
/* One figure of the profile, for tests: the sum over operators named `op` ("Filter", "Scan", ...)
 * of the counter or note `figure` ("rows_in", "rows_out", "groups", "pages_pruned", ...). False =
 * there is none. */
bool cni_execution_figure(cni_execution *self, const char *op, const char *figure,
                          int64_t *out_number);

#endif /* CNI_EXEC_EXECUTION_H */
