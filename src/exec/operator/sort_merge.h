/* SPDX-License-Identifier: Apache-2.0
 *
 * Merging sorted runs. A merge is cut into parts of equal size by selecting the place of each
 * part's first row in every run (merge path over many runs); parts are then independent of each
 * other.
 */
#ifndef CNI_EXEC_SORT_MERGE_H
#define CNI_EXEC_SORT_MERGE_H

#include "exec/operator/sort_data.h"

/* A sorted run and whose rows it names. */
typedef struct cni_merge_run {
    const cni_sort_data *data;
    const cni_sort_entry *entries;
    int64_t n_entries;
} cni_merge_run;

/* Number of an entry's row in the joined columns. */
static inline uint32_t
cni_merge_row(const cni_merge_run *run, const cni_sort_entry *entry)
{
    return (uint32_t)(run->data->pieces[cni_sort_entry_piece(entry)].first_row +
                      cni_sort_entry_row(entry));
}

/* Order of two entries' keys alone. */
int cni_merge_compare_keys(const cni_sort_result *result, const cni_merge_run *run_a,
                           const cni_sort_entry *a, const cni_merge_run *run_b,
                           const cni_sort_entry *b);

/* Rows [first, end) of the whole order into result->order. */
CN_NODISCARD cn_code cni_merge_part(const cni_sort_result *result, int64_t first, int64_t end,
                                    cn_error *err);

/* Keep of equal keys only the first row: entries are looked up through the runs. All parts are
 * merged. */
CN_NODISCARD cn_code cni_merge_unique(cni_sort_result *result, cn_error *err);

#endif /* CNI_EXEC_SORT_MERGE_H */
