/* SPDX-License-Identifier: Apache-2.0
 *
 * Typed kernels: loops over raw arrays, one table of pointers per instruction-set level. No nulls,
 * no encodings, no allocation, no errors except flags: data/kernel/ops.h puts those around them.
 *
 * Conventions: `n` rows; inputs need natural alignment of their item only; outputs do not overlap
 * inputs unless said; bitmaps written are whole 64-bit words from bit 0 on, bits beyond n are 0.
 * Tables are indexed by cni_phys; a NULL entry = the layout has no such kernel. Instances, dispatch
 * rows and the reference tests come from the one type list data/kernel/phys_each.h.
 */
#ifndef CNI_DATA_KERNEL_H
#define CNI_DATA_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bitmap.h"
#include "data/column/type.h"
#include "data/column/view.h"
#include "data/kernel/isa.h"

typedef enum cni_compare_op {
    CNI_EQ,
    CNI_NE,
    CNI_LT,
    CNI_LE,
    CNI_GT,
    CNI_GE,
    CNI_COMPARE_COUNT_
} cni_compare_op;

typedef enum cni_arith_op {
    CNI_ADD,
    CNI_SUB,
    CNI_MUL,
    CNI_ARITH_COUNT_
} cni_arith_op;

/* Which side is one value: the pointer then points at that one. */
typedef enum cni_shape {
    CNI_VV, /* vector, vector */
    CNI_VC, /* vector, constant */
    CNI_CV, /* constant, vector */
    CNI_SHAPE_COUNT_
} cni_shape;

typedef void (*cni_compare_fn)(const void *a, const void *b, int64_t n, uint64_t *out_bits);
/* True when some row overflowed; `out` is then unspecified in those rows. Floats never do. */
typedef bool (*cni_arith_fn)(const void *a, const void *b, int64_t n, void *out);
typedef void (*cni_arith_wrap_fn)(const void *a, const void *b, int64_t n, void *out);

typedef struct cni_kernels {
    cni_isa level;

    /* NaN equals NaN and is above all numbers. BIT is not here (word operations). VIEW: bytewise.
     */
    cni_compare_fn compare[CNI_COMPARE_COUNT_][CNI_SHAPE_COUNT_][CNI_PHYS_COUNT_];
    /* AND chain member: out_bits &= (a op constant), words that are 0 already are skipped. */
    cni_compare_fn compare_and[CNI_COMPARE_COUNT_][CNI_PHYS_COUNT_];
    /* low <= a <= high for integer layouts; `b` points at {low, high}. */
    cni_compare_fn between[CNI_PHYS_COUNT_];

    cni_arith_fn arith[CNI_ARITH_COUNT_][CNI_SHAPE_COUNT_][CNI_PHYS_COUNT_];
    /* No overflow check: for ranges that bounds proved. Integers only. */
    cni_arith_wrap_fn arith_wrap[CNI_ARITH_COUNT_][CNI_SHAPE_COUNT_][CNI_PHYS_COUNT_];
    /* i64 x i64 -> i128 (never overflows). */
    cni_arith_wrap_fn mul_wide[CNI_SHAPE_COUNT_];

    /* Minimum and maximum over the rows whose bit is set; false when there are none. Floats: NaN is
     * the largest. Integer layouts and F32, F64. out_low and out_high point at one item each. */
    bool (*min_max[CNI_PHYS_COUNT_])(const void *values, cni_bits valid, int64_t n, void *out_low,
                                     void *out_high);
    /* Sum over the rows whose bit is set: integers into *(cni_i128 *)out, floats (8 accumulators,
     * then pairwise) into *(double *)out. Adds to what is there, I128
     * modulo 2^128. */
    void (*sum[CNI_PHYS_COUNT_])(const void *values, cni_bits valid, int64_t n, void *inout_sum);

    /* Row numbers of the set bits, ascending; gives how many. out needs room for n + 64. */
    int64_t (*bits_to_u16)(const uint64_t *bits, int64_t n, uint16_t *out);
    int64_t (*bits_to_u32)(const uint64_t *bits, int64_t n, uint32_t *out);
    /* Bytes that are nonzero -> bitmap. */
    void (*bytes_to_bits)(const uint8_t *bytes, int64_t n, uint64_t *out_bits);

    /* Keep the items whose bit is set; item size 2^k bytes, k = 0..4; gives how many. `out` needs
     * room for the result plus 64 bytes. */
    int64_t (*filter[5])(const void *values, const uint64_t *bits, int64_t n, void *out);
    /* out[r] = values[index[r]]; item size 2^k bytes, k = 0..4; index of 1, 2, 4 bytes unsigned
     * (second index 0, 1, 2). The caller has checked the range. */
    void (*gather[5][3])(const void *values, const void *index, int64_t n, void *out);

    /* Unpack n little-endian bit-packed unsigned values of `width` (0..32) bits (Parquet,
     * Arrow-free). The source has at least (n * width + 7) / 8 bytes and is never read beyond
     * src_bytes. */
    void (*unpack_u32)(const uint8_t *src, int64_t src_bytes, int32_t width, int64_t n,
                       uint32_t *out);
    void (*unpack_u16)(const uint8_t *src, int64_t src_bytes, int32_t width, int64_t n,
                       uint16_t *out); /* width <= 16 */
    void (*unpack_u8)(const uint8_t *src, int64_t src_bytes, int32_t width, int64_t n,
                      uint8_t *out); /* width <= 8 */
    void (*unpack_u64)(const uint8_t *src, int64_t src_bytes, int32_t width, int64_t n,
                       uint64_t *out); /* width <= 64 */
    /* inout[r] = first + sum(inout[0..r]) + (r + 1) * step, wrapping (DELTA_BINARY_PACKED). */
    void (*prefix_sum_u64)(uint64_t *inout, int64_t n, uint64_t first, uint64_t step);

    /* Offset of the first occurrence of needle (>= 1 byte) in haystack, or -1. */
    int64_t (*find)(const char *haystack, int64_t haystack_bytes, const char *needle,
                    int64_t needle_bytes);
} cni_kernels;

/* The table for this processor. Static. */
const cni_kernels *cni_kernels_get(void);
/* The table of a level that the processor has, NULL otherwise: for tests and benchmarks. */
const cni_kernels *cni_kernels_at(cni_isa level);

#endif /* CNI_DATA_KERNEL_H */
