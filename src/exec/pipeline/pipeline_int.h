/* SPDX-License-Identifier: Apache-2.0
 *
 * A running pipeline: the state beside a cni_phys_pipeline while an execution runs it.
 *
 *   waiting --(all it needs have finished)--> launched --(workers combined, sink finalized)-->
 * finished
 *
 *   execution.c    starts pipelines, hands out the result, closes
 *   pipeline.c     launch: scans, operators, workers; finalize; finish
 *   pipeline_uses.c  which pipelines need and read which; those that nobody needs any more
 *   pipeline_swap.c  the sides of a join are exchanged when its build turns out too large
 *   pipeline_exchange.c  the two pipelines that take the place of the probing one then
 *   worker.c       a worker's task: morsels through the operators
 *   source_read.c  chunks of a morsel, as the operators want them
 *   recursive_scan.c  executions inside an execution, step by step
 *   profile.c      figures for EXPLAIN ANALYZE and progress
 *
 * A worker's figures are its own; after each step they are added to the run's, which anybody may
 * read.
 */
#ifndef CNI_EXEC_PIPELINE_INT_H
#define CNI_EXEC_PIPELINE_INT_H

#include "base/thread.h"
#include "exec/operator/collect.h"
#include "exec/operator/operators.h"
#include "exec/pipeline/execution.h"
#include "exec/pipeline/morsel_source.h"
#include "plan/table/dynamic_filter.h"
#include "plan/table/key_filter.h"

#define CNI_RUN_MAX_NOTES 16

typedef struct cni_pipe_run cni_pipe_run;

/* Figures of one operator or source. Thread: counters. */
typedef struct cni_run_figures {
    cni_atomic_i64 rows_in;
    cni_atomic_i64 rows_out;
    cni_atomic_i64 chunks_in;
    cni_atomic_i64 time_ns;
    cni_atomic_i64 longest_ns; /* of one call, or one task of finalize */
    cni_atomic_i64 peak_bytes; /* of an operator's memory, over all workers */
} cni_run_figures;

/* Scan counters as last copied from the scan, and its progress in parts per million (-1 = unknown).
 */
typedef struct cni_scan_figures {
    cni_atomic_i64 bytes_read;
    cni_atomic_i64 row_groups;
    cni_atomic_i64 row_groups_pruned;
    cni_atomic_i64 pages_pruned;
    cni_atomic_i64 rows_scanned;
    cni_atomic_i64 rows_filtered;
    cni_atomic_i64 rows_dynamic;
    cni_atomic_i64 progress_ppm;
    cni_atomic_i64 steps; /* of a recursion */
    cni_atomic_i64 peak_bytes;
} cni_scan_figures;

/* Notes as last taken from the operator, when its pipeline finished. */
typedef struct cni_run_notes {
    int32_t n_notes;
    cni_op_note notes[CNI_RUN_MAX_NOTES];
} cni_run_notes;

typedef enum cni_worker_phase {
    CNI_WORKER_OPEN,    /* locals are not there yet */
    CNI_WORKER_CLAIM,   /* between morsels */
    CNI_WORKER_READ,    /* in a morsel */
    CNI_WORKER_END,     /* the morsel's end goes through the operators */
    CNI_WORKER_CONTROL, /* a watermark or checkpoint goes through the operators */
    CNI_WORKER_INPUT,   /* no more input: the operators are emptied */
    CNI_WORKER_COMBINE,
    CNI_WORKER_OVER
} cni_worker_phase;

/* One operator as a worker sees it. */
typedef struct cni_worker_op {
    void *local;
    bool opened;
    cni_chunk out; /* what its next() gave last */
    cni_op_counters counters;
} cni_worker_op;

/* One branch as a worker sees it. */
typedef struct cni_worker_branch {
    void *local;
    bool opened;
    int64_t rows;
    int64_t chunks;
    int64_t time_ns;
    int64_t longest_ns; /* one read */
} cni_worker_branch;

/* Thread: confined to the thread that runs its task. */
typedef struct cni_pipe_worker {
    cni_pipe_run *run;
    int32_t number;
    uint8_t phase;               /* cni_worker_phase */
    cni_worker_op *ops;          /* as many as the pipeline has */
    cni_worker_branch *branches; /* likewise */
    /* the morsel */
    cni_claim claim;
    int64_t sequence;
    bool has_morsel;   /* claimed and not yet given back */
    bool morsel_ended; /* its last chunk has been pushed */
    bool abandoned;    /* nobody wants the rest of it */
    cni_chunk chunk;   /* read from the scan */
    cni_chunk whole;   /* tests: what is cut into pieces */
    int64_t whole_offset;
    uint32_t n_pieces;
    /* the chunk on its way: from `out` of an operator (or `chunk`, -1) to another */
    bool carrying;
    int32_t carry_from;
    int32_t carry_to;
    int32_t n_stack; /* operators that have more to give, the one nearest to the sink last */
    int32_t *stack;
    /* flushing: the operator that is next in line */
    int32_t flush_op;
    bool flushed;        /* that one's flush is done, its watermark not yet */
    int64_t clock_ns;    /* of the last event, for charging time */
    int64_t step_end_ns; /* the step yields then */
} cni_pipe_worker;

struct cni_pipe_run {
    cni_execution *execution;
    const cni_phys_pipeline *plan;
    int32_t index;     /* others name the run by it */
    bool added;        /* made by a swap. Under the mutex, as are: */
    int32_t n_swaps;   /* of joins on its way; an added one counts as having had all */
    bool settled;      /* those that waited for it have been told */
    int32_t n_needs;   /* uses of pipelines that must finish first */
    int32_t n_readers; /* uses of the sink by pipelines that have not finished */
    struct cni_pipe_run *next_unread;
    bool taken;                  /* it is being launched, or was */
    bool needless;               /* nobody wants its rows: it runs over nothing */
    cni_atomic_i64 launched;     /* flag */
    cni_atomic_i64 finished;     /* flag */
    cni_atomic_i64 sink_state;   /* slot: cni_sink_state */
    cni_atomic_i64 n_working;    /* workers that have not ended */
    cni_atomic_i64 n_left;       /* of these and recursions under way */
    cni_atomic_i64 n_finalizing; /* tasks of the sink's finalize that are not done */
    int32_t n_workers;
    int32_t n_finalize_tasks;
    cni_operator **ops;                /* constructed; NULL before and after */
    cni_scan **scans;                  /* opened; NULL before and after */
    cni_scan_key_filter *scan_filters; /* all branches', one after the other */
    cni_key_filter **build_filters;    /* of the sink when it is a build */
    cni_morsel_source source;
    cni_dynamic_filter_set dynamic; /* from the sink to the scan, when plan->has_dynamic */
    cni_pipe_worker *workers;
    struct cni_finalize_task *finalize_tasks;
    /* figures, alive as long as the execution */
    cni_run_figures *op_figures;
    cni_run_figures *branch_figures;
    cni_scan_figures *scan_figures;
    cni_run_notes *notes;
};

/* Whether a finished sink may be asked to give memory back. */
typedef enum cni_sink_state {
    CNI_SINK_BUSY,
    CNI_SINK_QUIESCENT, /* finished, nobody reads it yet */
    CNI_SINK_RECLAIMING
} cni_sink_state;

typedef struct cni_finalize_task {
    cni_pipe_run *run;
    int32_t task;
} cni_finalize_task;

/* A pipeline that must wait for another one. */
typedef struct cni_run_use {
    int32_t producer;
    int32_t consumer;
    bool reads; /* its sink, which stays open until then; else only what it tells scans */
} cni_run_use;

struct cni_execution {
    const cni_physical_plan *plan;
    cni_context *context;
    cni_allocator *allocator;
    int32_t max_workers;
    int32_t n_runs; /* of the plan and of swaps; grows under the mutex */
    int32_t cap_runs;
    cni_pipe_run *runs; /* first those of the plan */
    int32_t *order;     /* each run needs only earlier ones. Under the mutex */
    cni_arena *arena;   /* pipelines that swaps made; NULL without. Under the mutex */
    int32_t n_uses;
    cni_run_use *uses;
    cni_key_filter **key_filters; /* plan->n_key_filters */
    /* inside a recursion: whose source it is */
    cni_scan *recursion;
    cni_execution *outer;
    cni_mutex mutex;          /* guards what runs have to do with each other, and: */
    int32_t n_busy;           /* workers of pipelines under way, at most */
    cni_atomic_i64 abandoned; /* flag: a recursion whose rows nobody wants any more */
    cni_atomic_i64 n_holds;   /* pipelines under way, and who is launching some */
    bool started;
    cni_atomic_i64 started_ns; /* counter; 0 = not yet */
    cni_atomic_i64 finished;   /* flag: the last pipeline has */
    cni_atomic_i64 ended_ns;
};

/* ---- pipeline.c ---- */

CN_NODISCARD cn_code cni_pipe_run_init(cni_pipe_run *self, cni_execution *execution, int32_t index,
                                       const cni_phys_pipeline *plan, cn_error *err);
void cni_pipe_run_done(cni_pipe_run *self); /* accepts zeroed; nobody works on it any more */
/* Give everything back that it holds but its figures. No step runs. */
void cni_pipe_run_stop(cni_pipe_run *self);
/* Open scans, make operators and submit workers. */
CN_NODISCARD cn_code cni_pipe_run_launch(cni_pipe_run *self, cn_error *err);
/* A worker (or a recursion under way) has ended; the last one starts the finalize tasks or finishes
 * the pipeline. */
CN_NODISCARD cn_code cni_pipe_run_leave(cni_pipe_run *self, cn_error *err);
/* Before the launch: exchange what two runs are to run; everything else stays. Under the mutex. */
void cni_pipe_run_exchange_plan(cni_pipe_run *a, cni_pipe_run *b);
/* Close what one worker has open. */
void cni_pipe_worker_close(cni_pipe_worker *self);
/* The rows of a branch BUILD can be read now. */
CN_NODISCARD cn_code cni_pipe_run_open_build(cni_pipe_run *self, int32_t branch, cn_error *err);
/* Close the sink, which nobody reads any more. */
void cni_pipe_run_close_sink(cni_pipe_run *self);
/* A scan without rows. */
CN_NODISCARD cn_code cni_empty_scan_new(cni_context *context, cni_scan **out_scan, cn_error *err);

/* ---- pipeline_uses.c ---- */

/* Fill self->uses and the runs' counts, at first and when runs have come to it (under the mutex).
 */
CN_NODISCARD cn_code cni_execution_link(cni_execution *self, cn_error *err);
/* `finished` has: those that waited for it go on. Gives the pipelines whose sinks nobody reads any
 * more, a list through next_unread. Under the mutex. */
cni_pipe_run *cni_execution_settle_uses(cni_execution *self, cni_pipe_run *finished);
/* No row of the branch can reach the sink: a join on its way has nothing to find, or nobody reads
 * the pipeline. Under the mutex. */
bool cni_pipe_run_is_dead(const cni_pipe_run *self, const cni_phys_branch *branch);

/* ---- pipeline_swap.c ---- */

/* Runs that swaps may add to those of the plan, at most. */
int32_t cni_execution_count_swaps(const cni_physical_plan *plan);
/* Every worker has combined and nothing is finalized. When the sink is the build of a join whose
 * other side is much smaller, that side is collected instead, and the sink gives its rows. */
CN_NODISCARD cn_code cni_pipe_run_consider_swap(cni_pipe_run *self, cn_error *err);

/* ---- pipeline_exchange.c ---- */

/* What takes the place of a pipeline one of whose joins gets exchanged sides. */
typedef struct cni_pipe_exchange {
    cni_phys_pipeline build; /* what comes to the probe, collected */
    cni_phys_pipeline probe; /* the rows of the former build through the exchanged join and on */
} cni_pipe_exchange;

/* `op` of `plan`, an INNER or FULL join with keys, probes `former`, a build operator of n_rows;
 * the exchanged join's is to be the one of `build_pipeline`. Everything is in the arena. */
CN_NODISCARD cn_code cni_pipe_exchange_new(cni_arena *arena, const cni_phys_pipeline *plan,
                                           int32_t op, const cni_operator *former, int64_t n_rows,
                                           int32_t build_pipeline, cni_pipe_exchange *out,
                                           cn_error *err);

/* ---- pipeline_ops.c ---- */

CN_NODISCARD cn_code cni_pipe_run_make_ops(cni_pipe_run *self, cn_error *err);

/* ---- recursive_scan.c ---- */

/* The rows of a RECURSIVE branch of `run`. While a step is under way the run's n_left counts it. */
CN_NODISCARD cn_code cni_recursive_scan_new(cni_pipe_run *run, const cni_phys_branch *branch,
                                            cni_scan **out_scan, cn_error *err);
/* No worker asks any more: a step under way is to end soon. */
void cni_recursive_scan_abandon(cni_scan *base);
/* What the steps' branches WORKING read; its number. */
const cni_collected *cni_recursive_scan_rows(const cni_scan *base, int32_t *out_cte_id);
/* A step's execution is over. */
void cni_recursive_scan_stepped(cni_scan *base);
int64_t cni_recursive_scan_steps(const cni_scan *base);

/* ---- worker.c ---- */

CN_NODISCARD cn_code cni_pipe_worker_init(cni_pipe_worker *self, cni_pipe_run *run, int32_t number,
                                          cn_error *err);
cni_step cni_pipe_worker_step(void *worker, cni_task *task, int32_t thread);

/* ---- source_read.c ---- */

/* Next chunk of the worker's morsel into self->chunk; CNI_READ_END when there is none and the
 * morsel is over. The chunk has no selection and carries the pipeline's sequence. */
CN_NODISCARD cn_code cni_pipe_worker_read(cni_pipe_worker *self, cni_task *task,
                                          cni_read_answer *out_answer, cn_error *err);
CN_NODISCARD cn_code cni_values_scan_new(const cni_plan *plan, cni_context *context,
                                         cni_scan **out_scan, cn_error *err);

/* ---- test_encode.c ---- */

/* The columns of `chunk` in other encodings, same rows (see cni_test_encode). `salt` varies them.
 */
CN_NODISCARD cn_code cni_test_encode_chunk(cni_chunk *inout_chunk, uint32_t encodings,
                                           uint32_t salt, cni_allocator *allocator, cn_error *err);

/* ---- profile.c ---- */

/* Add the worker's figures to the run's and zero them; copy the scans' counters. */
void cni_pipe_worker_publish(cni_pipe_worker *self);
/* Copy notes and counters of what is about to be closed. */
void cni_pipe_run_note(cni_pipe_run *self);
/* The sink's notes again, before it is closed. */
void cni_pipe_run_note_sink(cni_pipe_run *self);
/* Keep the operator's largest use of memory so far; it has a budget. */
void cni_pipe_run_note_memory(cni_pipe_run *self, int32_t op);

/* ---- execution.c ---- */

/* The pipeline is finished: launch those that waited for it only, or finish the query. A nested
 * execution may be closed by others when this returns. */
CN_NODISCARD cn_code cni_execution_advance(cni_execution *self, cni_pipe_run *finished,
                                           cn_error *err);
/* An execution of a part of `recursion`, whose rows the sink of its last pipeline collects. */
CN_NODISCARD cn_code cni_execution_new_nested(const cni_physical_plan *plan, cni_execution *outer,
                                              cni_scan *recursion, cni_execution **out_execution,
                                              cn_error *err);
CN_NODISCARD cn_code cni_execution_start(cni_execution *self, cn_error *err);
/* Its workers end soon, and cni_recursive_scan_stepped is called then. */
void cni_execution_abandon(cni_execution *self);
void cni_execution_notify(void *execution); /* the caller should look again */

#endif /* CNI_EXEC_PIPELINE_INT_H */
