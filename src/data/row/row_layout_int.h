/* SPDX-License-Identifier: Apache-2.0
 *
 * Access to single values of rows, shared by the files of the row store. Rows are 8-aligned and
 * columns naturally aligned up to 8, so that 128-bit values are copied.
 *
 * A nested column keeps a slot of 16 bytes: the side vector that holds the value and the row in it.
 * Side vectors are made when rows are appended and live as long as the store.
 */
#ifndef CNI_DATA_ROW_LAYOUT_INT_H
#define CNI_DATA_ROW_LAYOUT_INT_H

#include <string.h>

#include "data/row/row_store.h"

typedef struct cni_side_slot {
    const cni_vector *side;
    int64_t row;
} cni_side_slot;

static inline bool
cni_row_is_null(const uint8_t *row, int32_t column)
{
    return ((row[column >> 3] >> (column & 7)) & 1) != 0;
}

static inline bool
cni_row_is_nested(cni_phys phys)
{
    return phys >= CNI_PHYS_LIST;
}

/* Bytes that a column takes in a row. */
static inline int32_t
cni_row_item_bytes(cni_phys phys, const cni_type *type)
{
    if (cni_row_is_nested(phys)) {
        return (int32_t)sizeof(cni_side_slot);
    }
    return phys == CNI_PHYS_BIT ? 1 : cni_phys_bytes(phys, type);
}

#endif /* CNI_DATA_ROW_LAYOUT_INT_H */
