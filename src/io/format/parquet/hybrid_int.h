/* SPDX-License-Identifier: Apache-2.0
 *
 * The RLE / bit-packing hybrid: dictionary indices, definition levels, RLE booleans.
 *
 *   stream: run run run ...
 *   run:    varint header; low bit 0: header >> 1 times the value that follows in ceil(width/8)
 * bytes low bit 1: (header >> 1) * 8 values of `width` bits, least significant first
 *
 * A reader is a cursor; values are written in the narrowest unsigned width that the caller chose.
 * They are always below 2^width (a run whose value is not is malformed); any other range is the
 * caller's affair.
 */
#ifndef CNI_IO_PARQUET_HYBRID_INT_H
#define CNI_IO_PARQUET_HYBRID_INT_H

#include "base/bitmap.h"
#include "data/kernel/kernel.h"

typedef struct cni_pq_hybrid {
    const uint8_t *at;
    const uint8_t *end;
    int32_t width;         /* bits, 0..32 */
    int64_t n_left;        /* values left in the current run */
    bool is_packed;        /* the current run */
    uint32_t value;        /* of an RLE run */
    const uint8_t *packed; /* bytes of a packed run */
    int64_t packed_bytes;
    int64_t packed_at; /* values of it that were read */
} cni_pq_hybrid;

void cni_pq_hybrid_init(cni_pq_hybrid *self, const uint8_t *bytes, int64_t n_bytes, int32_t width);

/* Read n values as unsigned items of code_bytes (1, 2, 4; enough for the width) into `out`, which
 * has room for them and 64 bytes more. False when the stream ends before or is malformed. */
bool cni_pq_hybrid_read(cni_pq_hybrid *self, const cni_kernels *kernels, int32_t code_bytes,
                        int64_t n, void *out);
bool cni_pq_hybrid_skip(cni_pq_hybrid *self, int64_t n);
/* When the next n values are one RLE run: true, and the value. Reads nothing. */
bool cni_pq_hybrid_peek_run(cni_pq_hybrid *self, int64_t n, uint32_t *out_value);

/* Read n values of width 1 as a bitmap from bit 0 of `out` on (room for n bits in whole words) and
 * count the ones. False as above. */
bool cni_pq_hybrid_read_bits(cni_pq_hybrid *self, int64_t n, uint8_t *out, int64_t *out_n_set);

#endif /* CNI_IO_PARQUET_HYBRID_INT_H */
