/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator contract: what every physical operator is to the pipelines that drive it.
 *
 * A pipeline is source -> streaming operators -> sink. The source is a cni_scan (a table's, or the
 * finished state of an earlier sink). Each worker drives its own locals:
 *
 *   open_global once; open_local per worker
 *     push(chunk) -> NEED_MORE: consumed, give the next one
 *                    HAVE_MORE: consumed; call next() until it answers NEED_MORE, then push again
 *                    DONE:      wants no more of this morsel, nor any not handed out yet (LIMIT)
 *                    BLOCKED:   nothing consumed or changed, the waker is held; push it again
 *     next(out)   -> HAVE_MORE: a chunk, more may follow
 *                    NEED_MORE: no chunk now (or the last one, when out is not empty)
 *                    DONE, BLOCKED as above
 *   flush(reason) when a morsel, a watermark step or the input ends: buffered rows come by next()
 *   combine per worker after its last flush (local into global), in any order, on any thread
 *   finalize(i of n) in parallel once all have combined; then open_source gives a sink's rows
 *   close in any state
 *
 * push borrows the chunk until it answers NEED_MORE (or next() does after HAVE_MORE); what it keeps
 * it shares by reference, or takes by moving or narrowing the chunk (never when it answers
 * BLOCKED). own_waker is dropped unless the answer is BLOCKED. After DONE this worker pushes
 * nothing more of the morsel but the empty chunk that ends it. Before it mutates anything it
 * reserves the upper bound of what it may need; refused, it answers BLOCKED (memory) or fails with
 * CN_BUDGET_EXCEEDED when nothing can be reclaimed. reclaim runs against a quiescent operator,
 * unless it says that it synchronises itself (`reclaims_while_read`). A NULL slot = the operator
 * does not do that: an unbounded plan over an operator without on_watermark is refused by name.
 *
 * Order: chunks reach an operator of one worker morsel by morsel; see data/column/chunk.h for
 * `sequence` and `ends_morsel`. An operator passes them on: where order is kept, chunks do not
 * merge across morsels, and each morsel's end comes out exactly once, as the mark on its last
 * chunk.
 */
#ifndef CNI_EXEC_OPERATOR_H
#define CNI_EXEC_OPERATOR_H

#include "data/column/chunk.h"
#include "plan/table/table.h"
#include "runtime/context.h"

typedef enum cni_op_answer {
    CNI_OP_NEED_MORE,
    CNI_OP_HAVE_MORE,
    CNI_OP_DONE,
    CNI_OP_BLOCKED
} cni_op_answer;

typedef enum cni_flush_reason {
    CNI_FLUSH_MORSEL,    /* the morsel ended and order is kept */
    CNI_FLUSH_INPUT,     /* no more input for this worker */
    CNI_FLUSH_WATERMARK, /* results up to here are wanted */
    CNI_FLUSH_CHECKPOINT
} cni_flush_reason;

/* Per operator and worker, summed for EXPLAIN ANALYZE. */
typedef struct cni_op_counters {
    int64_t rows_in;
    int64_t rows_out;
    int64_t chunks_in;
    int64_t time_ns;
    int64_t longest_ns; /* one call: for so long the worker looked at nothing else */
} cni_op_counters;

/* An operator's own named figures ("strategy", "groups", "partitions"): shown by EXPLAIN ANALYZE
 * and asserted by tests. */
typedef struct cni_op_note {
    const char *name; /* static */
    const char *text; /* static, or NULL: the number counts */
    int64_t number;
} cni_op_note;

typedef struct cni_operator cni_operator;

typedef struct cni_operator_ops {
    const char *name; /* "HashAggregate" */
    cn_code (*open_global)(cni_operator *self, cn_error *err);
    cn_code (*open_local)(cni_operator *self, void **out_local, cn_error *err);
    cn_code (*push)(cni_operator *self, void *local, cni_chunk *chunk, cni_waker own_waker,
                    cni_op_answer *out_answer, cn_error *err);
    cn_code (*next)(cni_operator *self, void *local, cni_chunk *out_chunk, cni_waker own_waker,
                    cni_op_answer *out_answer, cn_error *err);
    cn_code (*flush)(cni_operator *self, void *local, cni_flush_reason reason, cn_error *err);
    cn_code (*on_watermark)(cni_operator *self, void *local, int64_t watermark_us, cn_error *err);
    cn_code (*combine)(cni_operator *self, void *local, cn_error *err);
    int32_t (*finalize_tasks)(cni_operator *self); /* NULL = 0 tasks */
    cn_code (*finalize)(cni_operator *self, int32_t task, int32_t n_tasks, cn_error *err);
    cn_code (*open_source)(cni_operator *self, cni_scan **out_scan, cn_error *err); /* sinks */
    int64_t (*reclaim)(cni_operator *self, int64_t n_bytes); /* a cni_budget_reclaim */
    bool reclaims_while_read; /* reclaim may come at any time, also while its source is read */
    int64_t (*state_bytes)(const cni_operator *self);
    cn_code (*snapshot)(cni_operator *self, void *local, cni_strbuf *out, cn_error *err);
    cn_code (*restore)(cni_operator *self, void *local, cni_str state, cn_error *err);
    int32_t (*notes)(const cni_operator *self, cni_op_note *out_notes, int32_t max_notes);
    void (*close_local)(cni_operator *self, void *local);
    void (*close)(cni_operator *self); /* frees it; accepts any state after creation */
} cni_operator_ops;

/* Base of every operator. Thread: push, next, flush are confined per local; the rest as the drawing
 * says. */
struct cni_operator {
    const cni_operator_ops *ops;
    cni_context *context; /* borrowed */
    cni_budget *budget;   /* the operator's node; referenced; may be NULL for stateless ones */
    const cni_plan *plan; /* the logical node it carries out, for EXPLAIN ANALYZE; may be NULL */
    int32_t n_workers;    /* locals that may exist */
    bool keep_order;      /* its output must follow source order */
};

#endif /* CNI_EXEC_OPERATOR_H */
