/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to optimize/property: the columns that null questions are about, as a set or as one.
 */
#ifndef CNI_OPTIMIZE_PROPERTY_INT_H
#define CNI_OPTIMIZE_PROPERTY_INT_H

#include "optimize/property/property.h"

/* Columns taken to be NULL; the others may be anything. */
typedef struct cni_null_columns {
    const cni_id_set *set; /* or */
    int32_t one;
} cni_null_columns;

bool cni_property_rejects(const cni_expr *predicate, const cni_null_columns *columns);

#endif /* CNI_OPTIMIZE_PROPERTY_INT_H */
