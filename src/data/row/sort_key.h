/* SPDX-License-Identifier: Apache-2.0
 *
 * Normalized sort keys: bytes whose memcmp order is the order that ORDER BY asks for. Versioned
 * format CNI_SORT_KEY_VERSION, shared by sort, top-N, merge and spill.
 *
 *   per key: null byte (when the key may be null), then the value: integers big-endian with the
 *   sign flipped, floats mapped to ordered integers (NaN largest, -0 = +0), strings with 0x00
 *   escaped as 00 FF and ended by 00 00, decimals as 16 bytes (8 when all layouts are I64 of
 *   precision <= 18); DESC inverts the value bytes; the null byte is set by NULLS FIRST/LAST.
 */
#ifndef CNI_DATA_SORT_KEY_H
#define CNI_DATA_SORT_KEY_H

#include "data/column/vector.h"

#define CNI_SORT_KEY_VERSION 1

typedef struct cni_sort_spec {
    const cni_type *type;
    bool descending;
    bool nulls_first;
    bool nullable; /* false only when proved: no null byte is spent */
} cni_sort_spec;

/* Bytes of a key row when every key has a fixed width, or -1 when one does not (strings, nested).
 */
int32_t cni_sort_key_fixed_bytes(const cni_sort_spec *specs, int32_t n_specs);

/* Fixed: write n_rows keys of stride_bytes (>= fixed bytes; the rest zeroed) each to `out`. */
CN_NODISCARD cn_code cni_sort_key_encode_fixed(cni_allocator *allocator, const cni_sort_spec *specs,
                                               const cni_vector *const *keys, int32_t n_specs,
                                               int64_t n_rows, int32_t stride_bytes, uint8_t *out,
                                               cn_error *err);
/* Any: keys one behind the other in *inout_buffer (grown as needed; appended at *inout_len_bytes),
 * out_offsets[r] and out_offsets[r + 1] delimit key r (n_rows + 1 offsets from the buffer's start).
 */
CN_NODISCARD cn_code cni_sort_key_encode(cni_allocator *allocator, const cni_sort_spec *specs,
                                         const cni_vector *const *keys, int32_t n_specs,
                                         int64_t n_rows, cni_buffer **inout_buffer,
                                         int64_t *inout_len_bytes, int64_t *out_offsets,
                                         cn_error *err);

/* The same bytes in two steps, for callers that place each key: first how long the keys are ... */
CN_NODISCARD cn_code cni_sort_key_lengths(cni_allocator *allocator, const cni_sort_spec *specs,
                                          const cni_vector *const *keys, int32_t n_specs,
                                          int64_t n_rows, int64_t *out_lengths, cn_error *err);
/* ... then key r to out + inout_offsets[r], which becomes the offset of its end. */
CN_NODISCARD cn_code cni_sort_key_write(cni_allocator *allocator, const cni_sort_spec *specs,
                                        const cni_vector *const *keys, int32_t n_specs,
                                        int64_t n_rows, uint8_t *out, int64_t *inout_offsets,
                                        cn_error *err);

#endif /* CNI_DATA_SORT_KEY_H */
