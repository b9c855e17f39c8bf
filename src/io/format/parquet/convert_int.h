/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense values as they lie in a page -> the physical layout of a vector. No nulls, no selection
 * here. Sources are readable for 16 bytes behind their end (our buffers are padded).
 */
#ifndef CNI_IO_PARQUET_CONVERT_INT_H
#define CNI_IO_PARQUET_CONVERT_INT_H

#include "data/column/vector.h"
#include "io/format/parquet/schema_int.h"

/* n values of leaf->raw_bytes each (all conversions but BITS, VIEW, TEXT_DECIMAL) into `out` of
 * leaf->out_bytes each. Errors: CN_INVALID_DATA for decimals beyond their precision. */
CN_NODISCARD cn_code cni_pq_convert_fixed(const cni_pq_leaf *leaf, const uint8_t *raw, int64_t n,
                                          void *out, cn_error *err);
/* Decimals from texts (TEXT_DECIMAL). Same errors. */
CN_NODISCARD cn_code cni_pq_convert_texts(const cni_pq_leaf *leaf, const cni_view *texts, int64_t n,
                                          void *out, cn_error *err);
/* CN_INVALID_DATA when decimals (I64) of these bounds do not fit their precision. */
CN_NODISCARD cn_code cni_pq_check_bounds(const cni_pq_leaf *leaf, const cni_bounds *bounds,
                                         cn_error *err);
/* One big-endian two's complement number of n_bytes as 128 bits. False when it needs more. */
bool cni_pq_decimal_i128(const uint8_t *bytes, int64_t n_bytes, cni_i128 *out_value);

/* PLAIN byte arrays: u32 length, bytes, u32 length, ... */
typedef struct cni_pq_strings {
    const uint8_t *at;
    const uint8_t *end;
} cni_pq_strings;

/* Skip n strings. False when they do not fit. */
bool cni_pq_strings_skip(cni_pq_strings *self, int64_t n);
/* n strings as views into the source; with `keep` (words for n) only those whose bit is set.
 * *inout_any_long is raised when one is not inline. False when they do not fit. */
bool cni_pq_strings_read(cni_pq_strings *self, int64_t n, const uint64_t *keep, cni_view *out,
                         bool *inout_any_long);
/* Views of n strings given by offsets. True when one is not inline. */
bool cni_pq_strings_place(const uint8_t *text, const int32_t *offsets_32, const int64_t *offsets_64,
                          int64_t n, cni_view *out);

/* Whether no byte is above 127. */
bool cni_pq_is_ascii(const uint8_t *bytes, int64_t n_bytes);
/* CN_INVALID_DATA when one of the views is not well-formed UTF-8. */
CN_NODISCARD cn_code cni_pq_check_utf8(const cni_pq_leaf *leaf, const cni_view *views, int64_t n,
                                       cn_error *err);

#endif /* CNI_IO_PARQUET_CONVERT_INT_H */
