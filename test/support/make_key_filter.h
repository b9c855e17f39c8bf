/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: key filters over given keys, sealed.
 */
#ifndef TEST_MAKE_KEY_FILTER_H
#define TEST_MAKE_KEY_FILTER_H

#include "plan/table/key_filter.h"

/* Over the rows of n_vectors vectors of one type. */
static inline cn_code
test_make_key_filter(cni_allocator *allocator, const cni_type *type, const cni_vector *vectors,
                     int32_t n_vectors, cni_key_filter **out_filter, cn_error *err)
{
    cni_key_filter *filter = NULL;
    cni_key_observation seen;
    CN_TRY(cni_key_filter_new(allocator, type, &filter, err));
    cni_key_observation_init(&seen, allocator, type);
    cn_code code = CN_OK;
    for (int32_t at = 0; code == CN_OK && at < n_vectors; at++) {
        code = cni_key_observe(&seen, &vectors[at], err);
    }
    code = code == CN_OK ? cni_key_filter_prepare(filter, &seen, err) : code;
    for (int32_t at = 0; code == CN_OK && at < n_vectors; at++) {
        code = cni_key_filter_insert(filter, &vectors[at], err);
    }
    cni_key_observation_done(&seen);
    if (code != CN_OK) {
        cni_key_filter_unref(filter);
        return code;
    }
    cni_key_filter_seal(filter);
    *out_filter = filter;
    return CN_OK;
}

/* Over INT64 numbers. */
static inline cn_code
test_make_key_filter_i64(cni_allocator *allocator, const int64_t *keys, int64_t n_keys,
                         cni_key_filter **out_filter, cn_error *err)
{
    const cni_vector vector = {
        .type = cni_type_of(CNI_TYPE_INT64), .phys = CNI_PHYS_I64, .n_rows = n_keys, .data = keys};
    return test_make_key_filter(allocator, vector.type, &vector, 1, out_filter, err);
}

#endif /* TEST_MAKE_KEY_FILTER_H */
