/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups whose values do not fit in memory: the lists that states are (cni_value_lists) are taken
 * apart while rows are united, each call's values are sorted by a sort operator of its own, which
 * writes to disk what it must, and fed to the function when results are asked for.
 *
 *   walk's rows --> united without their lists --> group numbers
 *       lists   --> (value, place, group) in chunks --> sort   per call, ordered by group
 *   results, group after group: sort's rows --> feed --> a cell
 */
#ifndef CNI_EXEC_AGGREGATE_SORTED_INT_H
#define CNI_EXEC_AGGREGATE_SORTED_INT_H

#include "exec/operator/aggregate_ordered_int.h"

/* Of the groups of one piece. Thread: confined. */
typedef struct cni_agg_sorted cni_agg_sorted;

CN_NODISCARD cn_code cni_agg_sorted_new(cni_agg_operator *op, cni_agg_sorted **out_sorted,
                                        cn_error *err);
void cni_agg_sorted_free(cni_agg_sorted *self); /* NULL is accepted */
/* Take the lists of a row, whose group is number `group`, out of it. What they point at is used
 * until cni_agg_sorted_flush. */
CN_NODISCARD cn_code cni_agg_sorted_take(cni_agg_sorted *self, uint8_t *row, int64_t group,
                                         cn_error *err);
/* Values that have been taken are on their way: their memory may go. */
CN_NODISCARD cn_code cni_agg_sorted_flush(cni_agg_sorted *self, cn_error *err);
/* All values have been taken. */
CN_NODISCARD cn_code cni_agg_sorted_finish(cni_agg_sorted *self, cn_error *err);
/* Results of call `call` for n groups from number `first` on: every group once, in ascending order.
 */
CN_NODISCARD cn_code cni_agg_sorted_emit(cni_agg_sorted *self, int32_t call, int64_t first,
                                         int64_t n, cni_vector *out_vector, cn_error *err);

/* Of at most n groups from `first` on so many that their results are not too large together. */
int64_t cni_agg_sorted_bounded_rows(const cni_agg_sorted *self, int64_t first, int64_t n);

/* ---- states of calls with ORDER BY: aggregate_sorted_ordered.c ---- */

/* As cut of cni_value_lists; not for DISTINCT. */
bool cni_agg_ordered_cut(uint8_t *state, int64_t n_bytes, uint8_t *out_front);

/* Entries of a state, one after the other. */
typedef struct cni_agg_ordered_walk {
    const cni_agg_piece *piece;
    const uint8_t *at;
    int64_t n_left;
} cni_agg_ordered_walk;

void cni_agg_ordered_walk_begin(const uint8_t *state, cni_agg_ordered_walk *out_walk);
bool cni_agg_ordered_walk_next(cni_agg_ordered_walk *self, cni_agg_entry *out_entry);

/* ---- rows whose lists are long: aggregate_sorted_cut.c ---- */

/* Whether there is a list of more than n_bytes in the row. */
bool cni_agg_is_long_row(const cni_agg_operator *self, uint8_t *row, int64_t n_bytes);
/* The front of the row's long lists as a row of the same key, to which nothing else belongs; false:
 * there is no long one, and nothing has changed. */
bool cni_agg_cut_row(const cni_agg_operator *self, uint8_t *row, int64_t n_bytes,
                     uint8_t *out_front);
/* Empty lists. */
void cni_agg_drop_lists(const cni_agg_layout *layout, uint8_t *row);

#endif /* CNI_EXEC_AGGREGATE_SORTED_INT_H */
