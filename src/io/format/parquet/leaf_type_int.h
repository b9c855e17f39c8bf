/* SPDX-License-Identifier: Apache-2.0
 *
 * Type and conversion of one primitive column: see schema_int.h for the tree around it.
 */
#ifndef CNI_IO_PARQUET_LEAF_TYPE_INT_H
#define CNI_IO_PARQUET_LEAF_TYPE_INT_H

#include "io/format/parquet/schema_int.h"

/* Leaf in the arena. Errors: CN_INVALID_DATA when the physical type is none. */
CN_NODISCARD cn_code cni_pq_leaf_map(cni_arena *arena, const cni_pq_element *element, int32_t chunk,
                                     bool binary_as_string, const cni_pq_leaf **out_leaf,
                                     cn_error *err);

#endif /* CNI_IO_PARQUET_LEAF_TYPE_INT_H */
