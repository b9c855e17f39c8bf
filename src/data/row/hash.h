/* SPDX-License-Identifier: Apache-2.0
 *
 * The frozen hash: 64 bits over logical values, the same on every instruction set, physical width
 * and encoding, version CNI_HASH_VERSION. It partitions (top bits), addresses (low bits), tags
 * (middle) and feeds sketches; a distributed plan may rely on it. -0 hashes as +0, every NaN as one
 * NaN; a DECIMAL hashes its unscaled 128-bit value whatever its layout; integers of every width and
 * sign hash alike for equal values; NULL has a hash of its own. Several keys are combined in order.
 */
#ifndef CNI_DATA_HASH_H
#define CNI_DATA_HASH_H

#include "data/column/vector.h"

#define CNI_HASH_VERSION 1

/* One integer: the scalar form that vectors of integers, dates and times use. */
uint64_t cni_hash_i64(int64_t value);
uint64_t cni_hash_i128(cni_i128 value); /* equals cni_hash_i64 where the value fits */
uint64_t cni_hash_f64(double value);
uint64_t cni_hash_bytes(const void *data, int64_t len_bytes);
uint64_t cni_hash_null(void);
uint64_t cni_hash_combine(uint64_t previous, uint64_t next);

/* Hash n_keys >= 1 vectors of n_rows each (any encoding, any type, nested too) row by row. */
CN_NODISCARD cn_code cni_hash_vectors(cni_allocator *allocator, const cni_vector *const *keys,
                                      int32_t n_keys, int64_t n_rows, uint64_t *out_hashes,
                                      cn_error *err);

#endif /* CNI_DATA_HASH_H */
