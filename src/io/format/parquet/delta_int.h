/* SPDX-License-Identifier: Apache-2.0
 *
 * The encodings that decode a page as a whole: DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY,
 * DELTA_BYTE_ARRAY and BYTE_STREAM_SPLIT.
 *
 *   DELTA_BINARY_PACKED  varint block size, miniblocks per block, count, zigzag first value; then
 *                        blocks: zigzag smallest delta, a width per miniblock, miniblocks
 *   DELTA_LENGTH         packed lengths, then all bytes
 *   DELTA_BYTE_ARRAY     packed lengths of prefixes shared with the value before, then the suffixes
 *                        as DELTA_LENGTH
 *   BYTE_STREAM_SPLIT    byte 0 of all values, byte 1 of all values ...
 */
#ifndef CNI_IO_PARQUET_DELTA_INT_H
#define CNI_IO_PARQUET_DELTA_INT_H

#include "data/column/buffer.h"
#include "data/kernel/kernel.h"

/* Decode exactly n values (the stream may claim more) of item_bytes 4 or 8 into `out`.
 * *out_consumed: bytes of the stream. Errors: CN_INVALID_DATA. */
CN_NODISCARD cn_code cni_pq_delta_decode(const cni_kernels *kernels, const uint8_t *bytes,
                                         int64_t n_bytes, int64_t n, int32_t item_bytes, void *out,
                                         int64_t *out_consumed, cn_error *err);

/* n strings as offsets: string k is [offsets[k], offsets[k + 1]) of *out_text, which points into
 * `bytes`. `out_offsets` has room for n + 1. Errors: CN_INVALID_DATA. */
CN_NODISCARD cn_code cni_pq_delta_length_decode(const cni_kernels *kernels, const uint8_t *bytes,
                                                int64_t n_bytes, int64_t n, int32_t *out_offsets,
                                                const uint8_t **out_text, cn_error *err);

/* n strings put together in a new buffer; offsets as above (n + 1 of 64 bits in a second new
 * buffer). Errors: CN_INVALID_DATA; CN_LIMIT_EXCEEDED beyond 2 GiB; the allocator's. */
CN_NODISCARD cn_code cni_pq_delta_strings_decode(cni_allocator *allocator,
                                                 const cni_kernels *kernels, const uint8_t *bytes,
                                                 int64_t n_bytes, int64_t n, cni_buffer **out_text,
                                                 cni_buffer **out_offsets, cn_error *err);

/* n values of item_bytes from n * item_bytes bytes. */
void cni_pq_split_decode(const uint8_t *bytes, int64_t n, int32_t item_bytes, uint8_t *out);

#endif /* CNI_IO_PARQUET_DELTA_INT_H */
