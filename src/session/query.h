/* SPDX-License-Identifier: Apache-2.0
 *
 * A started execution of a frame: settings as they were, the optimized and physical plan in an
 * arena of its own, and the run itself. Streams hold a reference, so that a query outlives its
 * handle.
 *
 * The first pull enters the engine's admission, which may wait; the end, an error and freeing leave
 * it.
 *
 * Thread: next is serialised by a mutex; cancel and progress may come from any thread.
 */
#ifndef CNI_SESSION_QUERY_H
#define CNI_SESSION_QUERY_H

#include "data/column/arrow_bridge.h"
#include "exec/pipeline/execution.h"
#include "session/session.h"

struct cn_query {
    cni_atomic_i64 n_refs;
    cn_frame *frame;       /* referenced */
    cni_settings settings; /* a copy; the context borrows its texts */
    cni_context context;
    cni_arena *arena; /* plans of this run; keeps the frame's */
    const cni_physical_plan *physical;
    cni_mutex mutex; /* serialises next, profile and close */
    cni_execution *execution;
    cni_admission_place place; /* among the queries of the engine */
    bool admitted;
    bool streamed; /* a stream was taken */
    bool ended;
    cni_atomic_i64 state; /* flag: CN_QUERY_READY .. */
};
typedef struct cn_query *cni_query_p;

/* Optimize, plan and prepare; nothing runs yet, except that EXPLAIN ANALYZE runs its query here.
 * `options` may be NULL. */
CN_NODISCARD cn_code cni_query_new(cn_frame *frame, const cn_query_options *options,
                                   cn_query **out_query, cn_error *err);
cn_query *cni_query_ref(cn_query *self);
void cni_query_unref(cn_query *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_query_p, cni_query_unref)

/* Next batch of about batch_rows rows; release NULL at the end. */
CN_NODISCARD cn_code cni_query_next_batch(cn_query *self, struct ArrowArray *out_batch,
                                          cn_error *err);
/* Run to the end and drop the rows. */
CN_NODISCARD cn_code cni_query_drain(cn_query *self, cn_error *err);
/* Arrow stream over the query (references it). */
CN_NODISCARD cn_code cni_query_to_stream(cn_query *self, struct ArrowArrayStream *out_stream,
                                         cn_error *err);
/* A stream of no columns and no rows. */
CN_NODISCARD cn_code cni_empty_stream(cni_allocator *allocator, struct ArrowArrayStream *out_stream,
                                      cn_error *err);

/* The error behind a stream's failure; see cn_stream_error. */
void cni_stream_error(struct ArrowArrayStream *stream, cn_error *out_err);
/* How far it is, all fields. Any thread. */
void cni_query_look(cn_query *self, cn_progress *out_progress);
/* Text of what EXPLAIN shows for the frame's plan. */
CN_NODISCARD cn_code cni_query_explain(cn_frame *frame, bool as_json, cni_strbuf *out,
                                       cn_error *err);

/* What the plan is taken to keep in memory at once, for admission. */
int64_t cni_query_need_bytes(const cni_physical_plan *plan, int32_t n_threads);

/* How values leave under these settings. */
cni_arrow_options cni_query_arrow_options(const cni_settings *settings);

#endif /* CNI_SESSION_QUERY_H */
