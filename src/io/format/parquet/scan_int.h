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
 * A dynamic filter (request->dynamic: the boundary of a top-N) is stage 0 of its own: the key
 * column is decoded, rows behind the boundary of the moment go, and other columns are read for the
 * rest.
 */
#ifndef CNI_IO_PARQUET_SCAN_INT_H
#define CNI_IO_PARQUET_SCAN_INT_H

#include "io/format/parquet/column_int.h"
#include "io/format/parquet/parquet_file_int.h"
#include "plan/eval/program.h"
#include "plan/table/dynamic_filter.h"
#include "plan/table/table.h"

/* Filters that are evaluated together: a program, or the dynamic filter over its one column. */
typedef struct cni_pq_stage {
    const cni_program *program; /* NULL = dynamic */
    const cni_dynamic_filter_set *dynamic;
    int32_t n_columns;
    const int32_t *columns; /* positions among the read columns, in the order of the chunk */
} cni_pq_stage;

/* A filter for pruning: the read columns it uses. */
typedef struct cni_pq_filter {
    const cni_expr *expr;
    int32_t n_slots;
    const cni_slot_of_table *slots; /* column id -> position in `columns` */
    const int32_t *columns;         /* read columns */
} cni_pq_filter;

typedef struct cni_pq_scan_file {
    const cni_pq_file *file;
    cni_atomic_ptr open; /* cni_file */
    cni_atomic_i64 n_groups_left;
} cni_pq_scan_file;

typedef struct cni_pq_scan_group {
    int32_t file;  /* among the scan's files */
    int64_t group; /* among the file's row groups */
    int64_t n_rows;
    cni_atomic_i64 n_morsels_left;
    cni_pq_shared_chunk *chunks; /* one per read column */
} cni_pq_scan_group;

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
    const int32_t *outputs; /* read columns, in the request's order */
    int32_t n_columns;      /* read columns */
    const int32_t *fields;  /* per read column: position in the schema */
    int32_t dynamic_column; /* read column of the dynamic filter */
    int32_t n_stages;
    const cni_pq_stage *stages;
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
    int64_t n_groups_pruned;
    int64_t n_groups_seen;
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

/* The open file, opened if need be. */
CN_NODISCARD cn_code cni_pq_scan_open_file(cni_pq_scan *self, int32_t file, cni_file **out_file,
                                           cn_error *err);

/* Whether statistics say that no row of the group passes the filters. */
bool cni_pq_group_is_dead(const cni_pq_scan *self, const cni_pq_file *file, int64_t group);

/* Which pages of a column cannot hold wanted rows. Immutable. */
typedef struct cni_pq_verdicts {
    cni_allocator *allocator; /* borrowed */
    int64_t n_pages;          /* 0 = nothing is known */
    int64_t n_dead;
    bool dead[];
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
    cni_program_state **states;       /* per stage */
    cni_chunk filter_chunk;
    /* morsel */
    int64_t morsel; /* -1 = none */
    cni_pq_scan_group *group;
    int64_t row; /* next row to decode */
    int64_t end_row;
    int64_t n_emitted; /* rows of this morsel */
    int32_t primary;   /* read column that blocks follow, -1 = none */
    /* block: the rows that survived, per output */
    cni_vector *outputs;
    int64_t block_rows;
    int64_t block_at;
    /* one block's work */
    cni_vector *read;    /* per read column: decoded by a stage */
    int32_t *read_stage; /* per read column: the stage that decoded it, -1 = none */
    uint64_t *survivors; /* words: rows of the block that are alive */
    uint64_t *kept;      /* words per stage: rows of its input that passed */
    int64_t *n_kept;     /* per stage */
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
