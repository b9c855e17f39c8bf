/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the window operator: what is known of the rows before a row (cni_window_count), of a
 * morsel's rows when what is before the morsel is not known yet (cni_window_run), and the steps
 * over chunks.
 *
 *   window.c         the operator: morsels, their order, who waits for whom
 *   window_values.c  the values: neighbours compared, numbers filled in, set right afterwards
 *
 * A run that does not know what is before it counts as if its first row went on with the partition
 * before it, of which it sees no rows, and began new peers. What turns out to be there is added to
 * its first rows then, those before partition_end:
 *
 *   row           0 ........ peer_end ........ partition_end ........
 *   row_number    + n_rows   + n_rows          as it is
 *   rank          carry's or + n_rows          as it is
 *                 n_rows + 1
 *   dense_rank    + dense, less 1 where row 0 is a peer of the row before it; as it is
 */
#ifndef CNI_EXEC_WINDOW_INT_H
#define CNI_EXEC_WINDOW_INT_H

#include "exec/operator/operators.h"

#define CNI_WINDOW_WORDS (CNI_CHUNK_ROWS_MAX / 64 + 1)

/* At the last row so far. */
typedef struct cni_window_count {
    bool has_row;
    int64_t n_rows; /* of its partition, up to it */
    int64_t rank;
    int64_t dense;
} cni_window_count;

typedef struct cni_window_run {
    bool known; /* counts are final */
    cni_window_count count;
    int64_t n_rows;        /* of the morsel */
    int64_t peer_end;      /* of a run that is not known: the first row that begins peers */
    int64_t partition_end; /* the first row that begins a partition */
    cni_vector *first;     /* n_keys: keys of the first row, of one row each */
    cni_vector *last;  /* of the last row; when known at the start, at first of the row before */
    cni_vector *spare; /* room for keys */
} cni_window_run;

/* How row 0 stands to the row before it. */
typedef struct cni_window_link {
    bool same_partition;
    bool same_peers;
} cni_window_link;

/* Room for a chunk's bits. Confined. */
typedef struct cni_window_scratch {
    uint64_t partitions[CNI_WINDOW_WORDS]; /* bit r: row r + 1 begins a partition */
    uint64_t peers[CNI_WINDOW_WORDS];      /* likewise; all partitions too */
} cni_window_scratch;

/* Release the keys' content. */
void cni_window_keys_drop(cni_vector *keys, int32_t n_keys);

/* The functions' values of the chunk's rows (n_rows > 0) into out_columns (zeroed), and the run
 * moved on. */
CN_NODISCARD cn_code cni_window_step(const cni_phys_window *spec, cni_context *context,
                                     cni_allocator *allocator, cni_window_run *run,
                                     const cni_chunk *chunk, cni_window_scratch *scratch,
                                     cni_vector *out_columns, cn_error *err);
/* Compare a run's first row with the row before it. No allocation. */
cni_window_link cni_window_compare(const cni_phys_window *spec, const cni_window_count *carry,
                                   const cni_vector *carry_keys, const cni_window_run *run);
/* The run's count as it is behind `carry`. */
cni_window_count cni_window_count_behind(const cni_window_run *run, cni_window_link link,
                                         const cni_window_count *carry);
/* Set the values right of `columns` (n_functions), whose first row is row `row` of the morsel. */
void cni_window_set_right(const cni_phys_window *spec, const cni_window_run *run,
                          cni_window_link link, const cni_window_count *carry, int64_t row,
                          cni_vector *columns);

#endif /* CNI_EXEC_WINDOW_INT_H */
