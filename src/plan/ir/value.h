/* SPDX-License-Identifier: Apache-2.0
 *
 * Single values in plans: literals, parameters, statistics. Immutable, in an arena.
 */
#ifndef CNI_PLAN_VALUE_H
#define CNI_PLAN_VALUE_H

#include "data/column/vector.h"

typedef struct cni_value cni_value;
struct cni_value {
    const cni_type *type; /* never NULL; CNI_TYPE_NULL for an untyped NULL */
    bool is_null;
    union {
        bool boolean;
        int64_t
            i64; /* INT8..INT64, UINT8..UINT32, DATE, TIME, TIMESTAMP, DURATION, DECIMAL <= 18 */
        uint64_t u64;  /* UINT64 */
        cni_i128 i128; /* HUGEINT, DECIMAL > 18 */
        double f64;    /* FLOAT32 and FLOAT64 */
        cni_interval interval;
        cni_str bytes; /* VARCHAR, BLOB, FIXED_BINARY */
        struct {
            int32_t n_items;
            const cni_value *items; /* LIST, ARRAY, STRUCT; MAP: key, value, key, value ... */
        } nested;
    } as;
};

/* CONSTANT vector of n_rows of the value. */
CN_NODISCARD cn_code cni_value_to_vector(cni_allocator *allocator, const cni_value *value,
                                         int64_t n_rows, cni_vector *out_vector, cn_error *err);
/* Row `row` of a vector (any encoding) as a value in the arena. */
CN_NODISCARD cn_code cni_value_from_vector(cni_arena *arena, const cni_vector *vector, int64_t row,
                                           cni_value *out_value, cn_error *err);
/* Equal type and content (NULL equals NULL, NaN equals NaN). */
bool cni_value_equal(const cni_value *a, const cni_value *b);
/* Order of two non-null values of one type: negative, 0, positive. NaN is largest. */
int cni_value_compare(const cni_value *a, const cni_value *b);
/* SQL literal that reads back as the value, such as DATE '1998-12-01'. */
CN_NODISCARD cn_code cni_value_print(const cni_value *value, cni_strbuf *out, cn_error *err);

#endif /* CNI_PLAN_VALUE_H */
