/* SPDX-License-Identifier: Apache-2.0
 *
 * Sketch of a column: what a look at (some of) its rows established.
 */
#ifndef CNI_PLAN_SKETCH_H
#define CNI_PLAN_SKETCH_H

#include "plan/ir/value.h"

#define CNI_SAMPLE_ROWS 4096

typedef struct cni_column_sketch {
    double n_distinct; /* estimate over the whole table: dictionary pages, HyperLogLog or sample */
    double null_fraction;
    bool unique; /* PROVED: every row was looked at and no two were equal, none NULL; where a table
                    has `prove_unique`, that is to be asked instead */
} cni_column_sketch;

#endif /* CNI_PLAN_SKETCH_H */
