/* SPDX-License-Identifier: Apache-2.0
 *
 * A scan over Parquet files: what is planned once (scan_plan.c), what pages can be skipped
 * (scan_prune.c), and what a worker does with a morsel (scan_morsel.c, scan_block.c).
 *
 *   files -> row groups (pruned by statistics) -> morsels: row ranges of a group, cut at page
 *   boundaries of its widest column so that workers share a group without decoding a page twice
 *
 *   morsel -> row ranges (pruned by the page index) -> blocks of <= CNI_CHUNK_ROWS_MAX rows:
 *       stage 0: its filter columns for all rows of the block -> filter -> surviving rows
 *       stage k: its filter columns for the survivors          -> filter -> fewer survivors
 *       output columns for the survivors                       -> chunks of <= chunk_rows rows
 *
 * Everything planned is immutable; shared slots (open files, directories, dictionaries, verdicts)
 * are claimed once and freed when the last morsel of their group is done.
 *
 * Filters that other operators give are stages of their own: a key filter (what a join build knows)
 * and the dynamic filter (request->dynamic: the boundary of a top-N). One that has nothing to say
 * at the moment is passed over, and its column is not decoded for it. Stages whose order is free
 * are put in order again at every morsel, by what they removed so far.
 */
#ifndef CNI_IO_PARQUET_SCAN_INT_H
#define CNI_IO_PARQUET_SCAN_INT_H

#include "io/format/parquet/column_int.h"
#include "io/format/parquet/parquet_file_int.h"
#include "plan/eval/program.h"
#include "plan/table/dynamic_filter.h"
#include "plan/table/key_filter.h"
#include "plan/table/table.h"

/* Filters that are evaluated together: one of a program, a key filter over its one column, the
 * dynamic filter over its one column. */
typedef struct cni_pq_stage {
    const cni_program *program;
    cni_key_filter *key;
    const cni_dynamic_filter_set *dynamic;
    int32_t n_columns;
    const int32_t *columns; /* positions among the read columns, in the order of the chunk */
    double cost;            /* of a row, about nanoseconds */
    double pass;            /* estimated share of rows that pass */
    cni_atomic_i64 rows_in; /* counters */
    cni_atomic_i64 rows_left;
} cni_pq_stage;

typedef struct cni_pq_key {
    int32_t column; /* read column */
    cni_key_filter *filter;
} cni_pq_key;

/* A filter for pruning: the read columns it uses. */
typedef struct cni_pq_filter {
    const cni_expr *expr;
    int32_t n_slots;
    const cni_slot_of_table *slots; /* column id -> position in `columns` */
    const int32_t *columns;         /* read columns */
} cni_pq_filter;

/* Values of which a row must have one in a column: what Bloom filters are asked for. */
typedef struct cni_pq_wanted {
    int32_t column; /* read column */
    int32_t n_values;
    const cni_value *values; /* not NULL; of the column's type */
} cni_pq_wanted;

typedef struct cni_pq_scan_file {
    const cni_pq_file *file;
    cni_atomic_ptr open; /* cni_file */
    cni_atomic_i64 n_groups_left;
} cni_pq_scan_file;

typedef struct cni_pq_scan_group {
    int32_t file;  /* among the scan's files */
    int64_t group; /* among the file's row groups */
    int64_t n_rows;
    uint64_t lead; /* least lead of the dynamic filter's column; 0 = unknown */
    cni_atomic_i64 n_morsels_left;
    cni_atomic_i64 n_morsels_read; /* not passed over as a whole */
    cni_atomic_i64 bloom_answer;   /* counter: cni_pq_bloom_answer */
    cni_pq_shared_chunk *chunks;   /* one per read column */
} cni_pq_scan_group;

typedef enum cni_pq_bloom_answer {
    CNI_PQ_BLOOM_NOT_ASKED,
    CNI_PQ_BLOOM_MAYBE,
    CNI_PQ_BLOOM_NEVER
} cni_pq_bloom_answer;

typedef struct cni_pq_morsel {
    int32_t group; /* among the scan's groups */
    int64_t row;
    int64_t end_row;
} cni_pq_morsel;

typedef struct cni_pq_scan {
    cni_scan base;
    cni_arena *arena; /* holds this and all below */
    cni_context *context;
    cni_table *table;         /* referenced */
    const cni_schema *schema; /* the table's */
    int32_t n_outputs;
    const int32_t *outputs;                /* read columns, in the request's order */
    int32_t n_columns;                     /* read columns */
    const int32_t *fields;                 /* per read column: position in the schema */
    const cni_dynamic_filter_set *dynamic; /* NULL = none */
    int32_t dynamic_column;                /* read column of it */
    int32_t n_keys;
    const cni_pq_key *keys;
    int32_t n_wanted;
    const cni_pq_wanted *wanted;
    int32_t n_stages;
    int32_t n_free_stages; /* the first ones, in the order of their estimates */
    cni_pq_stage *stages;
    int32_t n_filters;
    const cni_pq_filter *filters;
    int64_t limit;
    int32_t n_files;
    cni_pq_scan_file *files;
    int64_t n_groups;
    cni_pq_scan_group *groups;
    const cni_pq_morsel *morsels; /* base.n_morsels */
    cni_atomic_i64 next_morsel;
    cni_atomic_i64 n_done; /* morsels */
    cni_atomic_i64 n_rows_out;
    /* counters */
    int64_t n_groups_seen;
    cni_atomic_i64 n_groups_pruned;
    cni_atomic_i64 bytes_read;
    cni_atomic_i64 pages_pruned;
    cni_atomic_i64 rows_scanned;
    cni_atomic_i64 rows_filtered;
    cni_atomic_i64 rows_dynamic;
} cni_pq_scan;

/* The leaf of read column `column` in a file; never NULL (refused when the scan is opened). */
static inline const cni_pq_leaf *
cni_pq_scan_leaf(const cni_pq_scan *self, const cni_pq_file *file, int32_t column)
{
    return file->schema.leaves[self->fields[column]];
}

static inline const cni_type *
cni_pq_scan_type(const cni_pq_scan *self, int32_t column)
{
    return self->schema->fields[self->fields[column]].type;
}

/* Plan a scan of files[0..n_files) into `self`, whose arena, context, table and schema are set.
 * Errors: CN_NOT_IMPLEMENTED naming a nested column; those of reading page indexes. */
CN_NODISCARD cn_code cni_pq_scan_plan(cni_pq_scan *self, cni_pq_file *const *files, int32_t n_files,
                                      const cni_scan_request *request, cn_error *err);

/* Plan the stages: self's columns, filters, keys and dynamic filter are set. `file` is the one that
 * estimates are made from. */
CN_NODISCARD cn_code cni_pq_scan_plan_stages(cni_pq_scan *self, const cni_pq_file *file,
                                             cn_error *err);
/* Whether a stage may remove rows now. */
bool cni_pq_stage_is_active(const cni_pq_stage *self);
/* The order to run the stages in from now on: n_stages positions. */
void cni_pq_scan_order_stages(const cni_pq_scan *self, int32_t *out_order);
/* Whether nothing can come out of the scan any more. */
bool cni_pq_scan_is_empty(const cni_pq_scan *self);

/* The open file, opened if need be. */
CN_NODISCARD cn_code cni_pq_scan_open_file(cni_pq_scan *self, int32_t file, cni_file **out_file,
                                           cn_error *err);

/* Whether statistics say that no row of the group passes the filters. */
bool cni_pq_group_is_dead(const cni_pq_scan *self, const cni_pq_file *file, int64_t group);
/* The least lead that a row of the group can have for the dynamic filter, 0 = unknown or none. */
CN_NODISCARD cn_code cni_pq_group_lead(const cni_pq_scan *self, const cni_pq_file *file,
                                       int64_t group, uint64_t *out_lead, cn_error *err);
/* Whether the boundary of the dynamic filter excludes rows from this lead on. */
bool cni_pq_is_behind(const cni_pq_scan *self, uint64_t lead);

/* Find the values that Bloom filters can be asked for: self's filters and keys are set. */
CN_NODISCARD cn_code cni_pq_scan_plan_wanted(cni_pq_scan *self, cn_error *err);
/* Whether Bloom filters say that no row of the group has what is wanted. Asked once per group. */
CN_NODISCARD cn_code cni_pq_group_ask_blooms(cni_pq_scan *self, cni_pq_scan_group *group,
                                             bool *out_never, cn_error *err);

/* Which pages of a column cannot hold wanted rows. Immutable. */
typedef struct cni_pq_page_verdict {
    uint64_t lead; /* least lead of the dynamic filter's column; 0 = unknown */
    bool dead;
} cni_pq_page_verdict;

typedef struct cni_pq_verdicts {
    cni_allocator *allocator; /* borrowed */
    int64_t n_pages;          /* 0 = nothing is known */
    bool is_any;              /* some page is dead, or may become so */
    cni_pq_page_verdict pages[];
} cni_pq_verdicts;

/* Verdicts of read column `column` of a group, made if need be (its directory must exist). */
CN_NODISCARD cn_code cni_pq_verdicts_get(cni_pq_scan *self, cni_pq_scan_group *group,
                                         int32_t column, const cni_pq_directory *directory,
                                         const cni_file *file, const cni_pq_verdicts **out_verdicts,
                                         cn_error *err);
void cni_pq_verdicts_free(cni_pq_verdicts *self); /* NULL is accepted */

/* A worker's state. */
typedef struct cni_pq_local {
    cni_pq_scan *scan;
    cni_pq_reader reader;
    cni_pq_column *columns;           /* per read column */
    const cni_pq_verdicts **verdicts; /* per read column, of the current group; may be NULL */
    cni_program_state **states;       /* per stage; NULL = not a program */
    cni_key_memo *memos;              /* per stage */
    cni_chunk filter_chunk;
    /* morsel */
    int64_t morsel; /* -1 = none */
    cni_pq_scan_group *group;
    int64_t row; /* next row to decode */
    int64_t end_row;
    int64_t n_emitted;   /* rows of this morsel */
    bool is_passed_over; /* nothing of its group is wanted: nothing of it was opened */
    int32_t primary;     /* read column that blocks follow, -1 = none */
    int32_t *order;      /* stages: position -> stage */
    /* block: the rows that survived, per output */
    cni_vector *outputs;
    int64_t block_rows;
    int64_t block_at;
    /* one block's work */
    cni_vector *read;    /* per read column: decoded by a stage */
    int32_t *read_stage; /* per read column: position of the stage that decoded it, -1 = none */
    uint64_t *survivors; /* words: rows of the block that are alive */
    uint64_t *kept;      /* words per position: rows of its input that passed */
    int64_t *n_kept;     /* per position */
    uint32_t *indices;   /* row numbers */
    uint32_t *narrowed;  /* fewer of them */
    uint64_t *leads;     /* of the dynamic filter's column; n_lead_words, made when needed */
    int64_t n_lead_words;
} cni_pq_local;

#define CNI_PQ_BLOCK_WORDS (CNI_CHUNK_ROWS_MAX / 64)

CN_NODISCARD cn_code cni_pq_local_new(cni_pq_scan *scan, cni_pq_local **out_local, cn_error *err);
void cni_pq_local_free(cni_pq_local *self); /* NULL is accepted */
/* Begin a morsel; finish it: give up what it alone needed and add up counters. */
CN_NODISCARD cn_code cni_pq_local_begin(cni_pq_local *self, int64_t morsel, cn_error *err);
void cni_pq_local_finish(cni_pq_local *self);
/* The next range of rows [*inout_row, *out_end) that page verdicts leave, below end_row; false =
 * none is left. */
bool cni_pq_next_range(const cni_pq_local *self, int64_t end_row, int64_t *inout_row,
                       int64_t *out_end);

/* Decode rows [row, row + n_rows) into self->outputs; block_rows says how many survived. */
CN_NODISCARD cn_code cni_pq_block_decode(cni_pq_local *self, int64_t row, int64_t n_rows,
                                         cn_error *err);
void cni_pq_block_drop(cni_pq_local *self);

#endif /* CNI_IO_PARQUET_SCAN_INT_H */
