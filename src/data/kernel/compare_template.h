/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparison kernels of one layout: words of 64 truth bits from 64 rows. Parameters: those of
 * phys_each.h, and CN_ISA. The order is total: NaN equals NaN and is above all numbers, -0 equals
 * +0; views are bytewise. A constant on the left is the mirrored operation with the sides
 * exchanged.
 */
static inline CN_ALWAYS_INLINE bool
CN_FN(equal)(const CN_T *a, const CN_T *b)
{
#if CN_CLASS == CN_CLASS_VIEW
    return cni_view_equal(a, b);
#elif CN_CLASS == CN_CLASS_FLOAT
    return (*a == *b) | ((*a != *a) & (*b != *b));
#else
    return *a == *b;
#endif
}

static inline CN_ALWAYS_INLINE bool
CN_FN(less)(const CN_T *a, const CN_T *b)
{
#if CN_CLASS == CN_CLASS_VIEW
    return cni_view_less(a, b);
#elif CN_CLASS == CN_CLASS_FLOAT
    return !(*a >= *b) & (*a == *a);
#else
    return *a < *b;
#endif
}

static inline CN_ALWAYS_INLINE bool
CN_FN(holds)(const CN_T *a, const CN_T *b, cni_compare_op op)
{
    switch (op) {
    case CNI_EQ:
        return CN_FN(equal)(a, b);
    case CNI_NE:
        return !CN_FN(equal)(a, b);
    case CNI_LT:
        return CN_FN(less)(a, b);
    case CNI_LE:
        return !CN_FN(less)(b, a);
    case CNI_GT:
        return CN_FN(less)(b, a);
    default:
        return !CN_FN(less)(a, b);
    }
}

#if CN_ISA >= 4 && (CN_CLASS == CN_CLASS_INT || CN_CLASS == CN_CLASS_FLOAT)
#include "data/kernel/compare_simd_template.h"
#else
static inline CN_ALWAYS_INLINE uint64_t
CN_FN(compare_word)(const CN_T *a, const CN_T *b, cni_compare_op op, bool b_is_constant)
{
    uint8_t truth[64];
    for (int row = 0; row < 64; row++) {
        truth[row] = CN_FN(holds)(a + row, b_is_constant ? b : b + row, op);
    }
    return cni_pack_64_bytes(truth);
}

#if CN_CLASS == CN_CLASS_INT || CN_CLASS == CN_CLASS_I128
static inline CN_ALWAYS_INLINE uint64_t
CN_FN(between_word)(const CN_T *a, CN_T low, CN_U span)
{
    uint8_t truth[64];
    for (int row = 0; row < 64; row++) {
        truth[row] = (CN_U)((CN_U)a[row] - (CN_U)low) <= span;
    }
    return cni_pack_64_bytes(truth);
}
#endif
#endif

/* The last rows, fewer than 64, padded so that whole words can be compared. */
typedef struct CN_FN(padded) {
    CN_T items[64];
} CN_FN(padded);

static inline const CN_T *
CN_FN(pad)(CN_FN(padded) * out, const CN_T *items, int64_t n)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->items, items, (size_t)n * sizeof(CN_T));
    return out->items;
}

static inline CN_ALWAYS_INLINE void
CN_FN(compare_all)(const CN_T *a, const CN_T *b, int64_t n, uint64_t *restrict out,
                   cni_compare_op op, bool b_is_constant)
{
    CN_FN(padded) pad_a;
    CN_FN(padded) pad_b;
    for (int64_t row = 0; row < n; row += 64) {
        const CN_T *left = a + row;
        const CN_T *right = b_is_constant ? b : b + row;
        uint64_t live = ~UINT64_C(0);
        if (CN_UNLIKELY(n - row < 64)) {
            live = cni_low_mask(n - row);
            left = CN_FN(pad)(&pad_a, left, n - row);
            right = b_is_constant ? b : CN_FN(pad)(&pad_b, right, n - row);
        }
        *out++ = live & CN_FN(compare_word)(left, right, op, b_is_constant);
    }
}

static inline CN_ALWAYS_INLINE void
CN_FN(compare_narrow)(const CN_T *a, const CN_T *b, int64_t n, uint64_t *restrict inout,
                      cni_compare_op op)
{
    CN_FN(padded) pad_a;
    for (int64_t row = 0; row < n; row += 64, inout++) {
        if (*inout == 0) {
            continue;
        }
        const CN_T *left = a + row;
        uint64_t live = ~UINT64_C(0);
        if (CN_UNLIKELY(n - row < 64)) {
            live = cni_low_mask(n - row);
            left = CN_FN(pad)(&pad_a, left, n - row);
        }
        *inout &= live & CN_FN(compare_word)(left, b, op, true);
    }
}

#define CN_OP_TMPL "data/kernel/compare_op_template.h"
#include "data/kernel/compare_op_each.h"
#undef CN_OP_TMPL

#if CN_CLASS == CN_CLASS_INT || CN_CLASS == CN_CLASS_I128
void
CN_KERNEL(between)(const void *a, const void *low_high, int64_t n, uint64_t *out_bits)
{
    const CN_T *items = a;
    const CN_T low = ((const CN_T *)low_high)[0];
    const CN_T high = ((const CN_T *)low_high)[1];
    if (low > high) {
        if (n > 0) {
            memset(out_bits, 0, (size_t)cni_bits_words(n) * sizeof(uint64_t));
        }
        return;
    }
    const CN_U span = (CN_U)((CN_U)high - (CN_U)low);
    CN_FN(padded) pad;
    for (int64_t row = 0; row < n; row += 64) {
        const bool is_whole = n - row >= 64;
        const CN_T *block = is_whole ? items + row : CN_FN(pad)(&pad, items + row, n - row);
        *out_bits++ = cni_low_mask(n - row) & CN_FN(between_word)(block, low, span);
    }
}
#endif
