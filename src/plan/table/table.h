/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract between the engine and whatever holds rows: Parquet files, Arrow streams, memory,
 * user tables. A table is immutable as far as a query sees it and refcounted.
 *
 *   table --open_scan(request)--> scan --next_morsel--> morsel --read*--> chunks
 *
 * The scan is shared by all workers; next_morsel hands out morsels 0, 1, 2 ... (source order); each
 * worker has a local state and reads one morsel at a time to its end. Nothing here sleeps: a source
 * whose data is not there yet answers BLOCKED and keeps the waker.
 */
#ifndef CNI_PLAN_TABLE_H
#define CNI_PLAN_TABLE_H

#include "data/column/chunk.h"
#include "plan/ir/plan.h"
#include "plan/stats/stats.h"
#include "runtime/context.h"

struct cni_column_sketch;
typedef struct cni_scan cni_scan;
typedef cni_scan *cni_scan_p;
typedef cni_table *cni_table_p;

/* How a table can be made again: a catalog name, or a table function with its arguments. */
typedef struct cni_table_recipe {
    cni_str function; /* empty: `name` is in a catalog */
    cni_str name;
    int32_t n_args;
    const cni_value *args;
    const cni_str *arg_names; /* empty string = positional */
} cni_table_recipe;

typedef struct cni_scan_request {
    int32_t n_columns;            /* 0 = only row counts are needed */
    const int32_t *table_columns; /* positions in the table's schema, in output order */
    int32_t n_filters;            /* conjuncts that supports_filter answered EXACT or INEXACT to */
    const cni_expr *const *filters;
    int32_t n_filter_slots;
    /* Column id used in filters -> position in the table's schema. */
    const cni_slot_of_table *filter_slots;
    int64_t limit;   /* CNI_NO_LIMIT, or rows after filters that suffice: a hint */
    bool keep_order; /* rows must come in source order of (sequence, position) */
    struct cni_dynamic_filter_set *dynamic; /* sealed while the scan runs; NULL = none */
    int32_t n_key_filters;                  /* sealed before the scan starts (key_filter.h) */
    const struct cni_scan_key_filter *key_filters;
} cni_scan_request;

typedef enum cni_read_answer {
    CNI_READ_CHUNK,   /* a chunk; more of the morsel may follow unless ends_morsel */
    CNI_READ_BLOCKED, /* nothing yet; the waker given is held */
    CNI_READ_END      /* the morsel is finished, no chunk */
} cni_read_answer;

typedef enum cni_morsel_answer {
    CNI_MORSEL_TAKEN, /* *out_morsel is this worker's */
    CNI_MORSEL_BLOCKED,
    CNI_MORSEL_NONE, /* the source is exhausted */
    /* Unbounded sources only, between morsels; the pipelines drain before operators are told: */
    CNI_MORSEL_WATERMARK, /* rows up to event time *out_morsel (us) have all been handed out */
    CNI_MORSEL_CHECKPOINT /* epoch *out_morsel ends here */
} cni_morsel_answer;

/* Counters that EXPLAIN ANALYZE shows and tests assert. */
typedef struct cni_scan_counters {
    int64_t bytes_read;
    int64_t row_groups;
    int64_t row_groups_pruned;
    int64_t pages_pruned;  /* by page index, or never decompressed for lack of survivors */
    int64_t rows_scanned;  /* rows of the morsels read */
    int64_t rows_filtered; /* removed by pushed filters */
    int64_t rows_dynamic;  /* removed by dynamic filters */
} cni_scan_counters;

typedef struct cni_scan_ops {
    /* Thread: synchronised. */
    cni_morsel_answer (*next_morsel)(cni_scan *self, cni_waker own_waker, int64_t *out_morsel);
    /* Per-worker state. */
    cn_code (*open_local)(cni_scan *self, void **out_local, cn_error *err);
    void (*close_local)(cni_scan *self, void *local);
    /* Next chunk of `morsel` into the initialised, empty chunk; <= context chunk_rows rows, types
     * of the request's columns, sequence = morsel. own_waker is consumed (dropped unless BLOCKED).
     */
    cn_code (*read)(cni_scan *self, void *local, int64_t morsel, cni_waker own_waker,
                    cni_chunk *inout_chunk, cni_read_answer *out_answer, cn_error *err);
    void (*counters)(const cni_scan *self, cni_scan_counters *out_counters);
    double (*progress)(const cni_scan *self); /* 0..1, < 0 = unknown */
    void (*close)(cni_scan *self);            /* frees it; no worker is in it */
} cni_scan_ops;

struct cni_scan {
    const cni_scan_ops *ops;
    int64_t n_morsels;  /* -1 = unknown */
    cni_budget *budget; /* what a host's table and functions in filters hold; NULL = nothing is
                           counted apart. The scan keeps it */
};

/* One aggregate that the table may answer from exact metadata: see cni_aggregate_builtin. */
typedef struct cni_metadata_question {
    uint8_t builtin; /* COUNT_STAR, COUNT, MIN, MAX */
    int32_t table_column;
} cni_metadata_question;

typedef struct cni_table_ops {
    void (*free)(cni_table *self); /* the last reference is gone */
    /* NULL slots mean: no statistics, no filters supported, no answers, no rows accepted. */
    cn_code (*statistics)(cni_table *self, cni_arena *arena, cni_table_stats *out_stats,
                          cn_error *err);
    cni_filter_answer (*supports_filter)(cni_table *self, const cni_expr *filter,
                                         const cni_slot_of_table *slots, int32_t n_slots);
    /* All questions or none: *out_answered false = read the rows. */
    cn_code (*answer)(cni_table *self, cni_arena *arena, const cni_metadata_question *questions,
                      int32_t n_questions, cni_value *out_values, bool *out_answered,
                      cn_error *err);
    cn_code (*open_scan)(cni_table *self, const cni_scan_request *request, cni_context *context,
                         cni_scan **out_scan, cn_error *err);
    /* What a look at the rows gave (plan/stats/sketch.h), gathered at the first call for a column
     * and kept by the table (files: by their identity, for every table over them). NULL slot, or
     * *out_sketch NULL: there is none. Borrowed from the table. */
    cn_code (*sketch)(cni_table *self, int32_t table_column, cni_context *context,
                      const struct cni_column_sketch **out_sketch, cn_error *err);
    /* Whether a look at every row proved that no two are equal in the column and none NULL. Looked
     * at the first question, where that is cheap and likely to succeed, and kept likewise:
     * estimates do not need it, and should not pay for it. NULL slot: what the sketch says. */
    cn_code (*prove_unique)(cni_table *self, int32_t table_column, cni_context *context,
                            bool *out_unique, cn_error *err);
    /* A fixed sample of rows, the given columns, at most CNI_SAMPLE_ROWS spread over the table;
     * kept likewise. *out_chunk NULL: there is none. Borrowed from the table. */
    cn_code (*sample)(cni_table *self, const int32_t *table_columns, int32_t n_columns,
                      cni_context *context, const cni_chunk **out_chunk, cn_error *err);
    cn_code (*insert)(cni_table *self, const cni_chunk *chunk, cn_error *err);
} cni_table_ops;

struct cni_table {
    cni_atomic_i64 n_refs;
    const cni_table_ops *ops;
    const cni_schema *schema;       /* lives as long as the table */
    const cni_table_recipe *recipe; /* NULL = cannot be made again by others */
    bool unbounded;
    bool one_shot; /* a second scan is refused */
};

cni_table *cni_table_ref(cni_table *self);
void cni_table_unref(cni_table *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_table_p, cni_table_unref)
void cni_scan_close(cni_scan *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_scan_p, cni_scan_close)

/* Make the arena hold a reference. */
CN_NODISCARD cn_code cni_table_keep(cni_arena *arena, cni_table *table, cn_error *err);

/* A function in FROM: arguments -> table. `arg_names` as in the recipe. */
typedef struct cni_table_function {
    cni_str name;
    cni_str description;
    cn_code (*open)(const struct cni_table_function *self, const cni_table_recipe *recipe,
                    cni_context *context, cni_table **out_table, cn_error *err);
    const void *private_data;
} cni_table_function;

#endif /* CNI_PLAN_TABLE_H */
