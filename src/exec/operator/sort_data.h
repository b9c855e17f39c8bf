/* SPDX-License-Identifier: Apache-2.0
 *
 * What sort and top-N collect: per worker, the columns that came (pieces, as they came) and sorted
 * runs of entries over them; and how all workers' data becomes one sorted whole.
 *
 *   add(chunk) -> piece (columns kept, shared) + entries (keys) --(run is full)--> sorted run
 *   result:  columns of all pieces, joined          (late: not a byte of payload moves before)
 *            order[] = row numbers in the joined columns, merged from the runs
 *
 * Pieces are joined in source order, so that a row's number also decides ties.
 */
#ifndef CNI_EXEC_SORT_DATA_H
#define CNI_EXEC_SORT_DATA_H

#include "data/column/chunk.h"
#include "data/row/sort_key.h"
#include "exec/operator/sort_entries.h"
#include "optimize/physical/physical.h"
#include "plan/table/table.h"
#include "runtime/context.h"

/* Keys of a sort, worked out once. Immutable. */
typedef struct cni_sort_plan {
    const cni_phys_sort *spec;
    cni_allocator *allocator; /* borrowed: of the operator */
    cni_context *context;
    cni_sort_spec *keys; /* spec->n_orders */
    int32_t
        key_bytes; /* of every key; -1: variable or more than 16, compared by memcmp in the end */
} cni_sort_plan;

CN_NODISCARD cn_code cni_sort_plan_init(cni_sort_plan *self, const cni_phys_sort *spec,
                                        cni_context *context, cni_allocator *allocator,
                                        cn_error *err);
void cni_sort_plan_done(cni_sort_plan *self); /* accepts zeroed */

/* first_per_key: rows of a key up to the last that is given. */
static inline int64_t
cni_sort_rows_per_key(const cni_phys_sort *spec)
{
    const int64_t limit = spec->limit == CNI_NO_LIMIT ? 1 : spec->limit;
    int64_t end = 0;
    return __builtin_add_overflow(spec->offset, limit, &end) ? INT64_MAX : end;
}

/* Columns that came together. */
typedef struct cni_sort_piece {
    cni_chunk chunk;        /* the output columns */
    int64_t sequence;       /* morsel of all its rows ... */
    int64_t *row_sequences; /* ... or of each; NULL mostly */
    cni_buffer *keys;       /* long keys, one behind the other; NULL otherwise */
    int64_t *key_offsets;   /* n_rows + 1 */
    int64_t first_row;      /* in the joined columns; set when the result is made */
} cni_sort_piece;

typedef struct cni_sort_run {
    cni_sort_entry *entries;
    int64_t n_entries;
    int64_t cap_entries;
} cni_sort_run;

/* Of one worker. Thread: confined, then immutable. */
typedef struct cni_sort_data {
    const cni_sort_plan *plan;
    struct cni_sort_data *next;
    int32_t n_pieces;
    int32_t cap_pieces;
    cni_sort_piece *pieces;
    int32_t n_runs; /* the last one is open until close_run */
    int32_t cap_runs;
    cni_sort_run *runs;
    int64_t n_entries; /* in all runs */
    int64_t n_rows;    /* in all pieces: more than entries when some were dropped */
    int64_t n_shrunk;  /* measure of when shrink looks again */
    cni_sort_entry *scratch;
    int64_t cap_scratch;
    uint8_t *fixed_keys; /* of the chunk being added */
    int64_t cap_fixed_keys;
} cni_sort_data;

CN_NODISCARD cn_code cni_sort_data_new(const cni_sort_plan *plan, cni_sort_data **out_data,
                                       cn_error *err);
void cni_sort_data_free(cni_sort_data *self);      /* NULL is accepted */
void cni_sort_data_free_all(cni_sort_data *first); /* a list */
/* Take the rows of `chunk` (the sort's input columns; its vectors are moved out). */
CN_NODISCARD cn_code cni_sort_data_add(cni_sort_data *self, cni_chunk *chunk, cn_error *err);
/* Sort the open run; later rows go to another one. */
CN_NODISCARD cn_code cni_sort_data_close_run(cni_sort_data *self, cn_error *err);
/* Nothing will be added any more: sort what is open, drop what adding needed. */
CN_NODISCARD cn_code cni_sort_data_seal(cni_sort_data *self, cn_error *err);
/* Of the n_last entries that were added last keep those that come before entry `place` of the first
 * run, which is none of them. */
void cni_sort_data_drop_behind(cni_sort_data *self, int64_t n_last, int64_t place);
/* For first_per_key, now and then: when most rows repeat a key, let go of those rows. */
CN_NODISCARD cn_code cni_sort_data_shrink(cni_sort_data *self, cn_error *err);
/* Keep the n first rows only: one sorted run, whose pieces hold no others. n_entries > n. */
CN_NODISCARD cn_code cni_sort_data_prune(cni_sort_data *self, int64_t n, cn_error *err);
/* The key behind an entry of long keys. */
cni_str cni_sort_data_key(const void *data, const cni_sort_entry *entry);

/* All workers' data put together. */
typedef struct cni_sort_result {
    const cni_sort_plan *plan;
    cni_sort_data *data; /* owned list */
    int64_t n_rows;      /* in the joined columns */
    int64_t n_ordered;   /* rows of `order` that are given */
    int64_t cap_order;
    uint32_t *order;
    uint32_t *ranks;     /* place of a row in source order; NULL: its number */
    cni_vector *columns; /* joined */
    int32_t n_runs;
    struct cni_merge_run *runs;
    int32_t n_parts; /* of the merge */
} cni_sort_result;

/* Prepare: numbers rows; `own_data` is taken (also on failure). n_parts: how many merge parts may
 * run side by side. Errors: CN_LIMIT_EXCEEDED beyond 2^32 - 1 rows. */
CN_NODISCARD cn_code cni_sort_result_init(cni_sort_result *self, const cni_sort_plan *plan,
                                          cni_sort_data *own_data, int32_t n_parts, cn_error *err);
void cni_sort_result_done(cni_sort_result *self); /* accepts zeroed */
/* Units of work that may run side by side, each once: joining a column, merging a part. */
int32_t cni_sort_result_units(const cni_sort_result *self);
CN_NODISCARD cn_code cni_sort_result_work(cni_sort_result *self, int32_t unit, cn_error *err);
/* When all units are done: of equal keys only the first rows when the spec says so; then everything
 * goes that giving the rows does not need. */
CN_NODISCARD cn_code cni_sort_result_settle(cni_sort_result *self, cn_error *err);

/* Rows [first, end) of the result's order as a scan; the result is borrowed. */
CN_NODISCARD cn_code cni_sort_scan_new(const cni_sort_result *result, int64_t first, int64_t end,
                                       cni_scan **out_scan, cn_error *err);

#endif /* CNI_EXEC_SORT_DATA_H */
