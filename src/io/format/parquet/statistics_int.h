/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file claims about its columns, as engine statistics. Rules of parquet.thrift and traps:
 * NaN bounds say nothing, zero bounds of floats are widened to both zeros, the deprecated pair
 * counts only for types of signed order, bounds of texts may be cut, INT96 and INTERVAL have none.
 */
#ifndef CNI_IO_PARQUET_STATISTICS_INT_H
#define CNI_IO_PARQUET_STATISTICS_INT_H

#include "io/format/parquet/parquet_file_int.h"

/* Bounds of a column in a row group or page. */
typedef struct cni_pq_bounds {
    bool has_low;
    bool has_high;
    bool low_exact; /* a row has this value, as far as the file says */
    bool high_exact;
    cni_value low;
    cni_value high;
} cni_pq_bounds;

/* From a pair of encoded values. `is_current`: they follow the column order of the type (not the
 * deprecated signed order). */
void cni_pq_bounds_decode(const cni_pq_leaf *leaf, const cni_type *type, cni_str low, cni_str high,
                          bool is_current, cni_pq_bounds *out);
/* Of a row group: picks the pair that may be used. */
void cni_pq_group_bounds(const cni_pq_file *file, int64_t group, const cni_pq_leaf *leaf,
                         const cni_type *type, cni_pq_bounds *out);
/* Nulls in a row group, -1 = not said. */
int64_t cni_pq_group_nulls(const cni_pq_file *file, int64_t group, const cni_pq_leaf *leaf);
/* The same as a record for cni_prune; CLAIMED. */
void cni_pq_group_stats(const cni_pq_file *file, int64_t group, const cni_pq_leaf *leaf,
                        const cni_type *type, cni_column_stats *out);
/* A record from bounds and a null count (-1 = unknown). */
void cni_pq_stats_from_bounds(const cni_pq_bounds *bounds, int64_t n_nulls, cni_column_stats *out);

#endif /* CNI_IO_PARQUET_STATISTICS_INT_H */
