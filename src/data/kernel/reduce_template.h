/* SPDX-License-Identifier: Apache-2.0
 *
 * Minimum, maximum and sum of one layout. Parameters: those of phys_each.h.
 * Rows come in blocks of 64 with the validity word of each: blocks without nulls run together in
 * the dense loop, blocks of nulls are skipped, mixed ones select an identity item under nulls.
 * Floats go through integers of the same order (NaN largest), so that the result does not depend on
 * the order of rows; their sums use 8 accumulators by row mod 8 at every level, added pairwise.
 */
#if CN_CLASS != CN_CLASS_VIEW

/* ---- minimum and maximum ---- */

#if CN_CLASS == CN_CLASS_FLOAT
#if CN_BITS == 32
#define CN_KEY      int32_t
#define CN_KEY_MAX  INT32_MAX
#define CN_KEY_MIN  INT32_MIN
#define CN_INFINITY INT32_C(0x7F800000)
#else
#define CN_KEY      int64_t
#define CN_KEY_MAX  INT64_MAX
#define CN_KEY_MIN  INT64_MIN
#define CN_INFINITY INT64_C(0x7FF0000000000000)
#endif

/* Integer operations without branches: other forms are not vectorized. */
static inline CN_ALWAYS_INLINE CN_KEY
CN_FN(key_of)(const CN_T *item)
{
    CN_KEY bits;
    memcpy(&bits, item, sizeof(bits));
    const CN_KEY magnitude = bits & CN_KEY_MAX;
    const CN_KEY key = bits ^ ((bits >> (CN_BITS - 1)) & CN_KEY_MAX);
    const CN_KEY is_nan = (CN_INFINITY - magnitude) >> (CN_BITS - 1); /* all bits or none */
    return (key & ~is_nan) | (CN_KEY_MAX & is_nan);
}

static inline CN_T
CN_FN(item_of)(CN_KEY key)
{
    const CN_KEY bits = key ^ (CN_KEY)((CN_U)(key >> (CN_BITS - 1)) >> 1);
    CN_T item;
    memcpy(&item, &bits, sizeof(item));
    return key == CN_KEY_MAX ? (CN_T)__builtin_nan("") : item;
}

#else

#define CN_KEY     CN_T
#define CN_KEY_MAX ((CN_T)(CN_SIGNED ? (CN_U) ~(CN_U)0 >> 1 : (CN_U) ~(CN_U)0))
#define CN_KEY_MIN ((CN_T)(CN_SIGNED ? (CN_U)((CN_U)1 << (CN_BITS - 1)) : (CN_U)0))

static inline CN_ALWAYS_INLINE CN_KEY
CN_FN(key_of)(const CN_T *item)
{
    return *item;
}

static inline CN_ALWAYS_INLINE CN_T
CN_FN(item_of)(CN_KEY key)
{
    return key;
}

#endif

typedef struct CN_FN(range) {
    CN_KEY low;
    CN_KEY high;
} CN_FN(range);

static inline CN_ALWAYS_INLINE void
CN_FN(range_dense)(CN_FN(range) * inout, const CN_T *values, int64_t n)
{
    CN_KEY low = inout->low;
    CN_KEY high = inout->high;
    for (int64_t row = 0; row < n; row++) {
        const CN_KEY key = CN_FN(key_of)(values + row);
        low = key < low ? key : low;
        high = key > high ? key : high;
    }
    inout->low = low;
    inout->high = high;
}

static inline CN_ALWAYS_INLINE void
CN_FN(range_masked)(CN_FN(range) * inout, const CN_T *values, uint64_t valid, int64_t n)
{
    CN_KEY low = inout->low;
    CN_KEY high = inout->high;
    for (int64_t row = 0; row < n; row++) {
        const CN_KEY key = CN_FN(key_of)(values + row);
        const CN_U keep = (CN_U)((CN_U)0 - (CN_U)((valid >> row) & 1));
        const CN_KEY low_key = (CN_KEY)(((CN_U)key & keep) | ((CN_U)CN_KEY_MAX & (CN_U)~keep));
        const CN_KEY high_key = (CN_KEY)(((CN_U)key & keep) | ((CN_U)CN_KEY_MIN & (CN_U)~keep));
        low = low_key < low ? low_key : low;
        high = high_key > high ? high_key : high;
    }
    inout->low = low;
    inout->high = high;
}

bool
CN_KERNEL(min_max)(const void *values, cni_bits valid, int64_t n, void *out_low, void *out_high)
{
    const CN_T *items = values;
    CN_FN(range) range = {CN_KEY_MAX, CN_KEY_MIN};
    bool any = false;
    int64_t row = 0;
    while (row < n) {
        const int64_t n_dense = cni_dense_rows(valid, row, n);
        if (n_dense > 0) {
            CN_FN(range_dense)(&range, items + row, n_dense);
            row += n_dense;
            any = true;
            continue;
        }
        const int64_t n_block = cni_min_i64(64, n - row);
        const uint64_t word = cni_bits_word(valid, row, n_block);
        if (word != 0) {
            CN_FN(range_masked)(&range, items + row, word, n_block);
            any = true;
        }
        row += n_block;
    }
    if (any) {
        *(CN_T *)out_low = CN_FN(item_of)(range.low);
        *(CN_T *)out_high = CN_FN(item_of)(range.high);
    }
    return any;
}

#undef CN_KEY
#undef CN_KEY_MAX
#undef CN_KEY_MIN
#undef CN_INFINITY

/* ---- sum ---- */

#if CN_CLASS == CN_CLASS_FLOAT

typedef struct CN_FN(sums8) {
    double lanes[8];
} CN_FN(sums8);

static inline CN_ALWAYS_INLINE void
CN_FN(sum_dense)(CN_FN(sums8) * inout, const CN_T *values, int64_t n)
{
    CN_FN(sums8) sums = *inout;
    int64_t row = 0;
    for (; row + 8 <= n; row += 8) {
        for (int lane = 0; lane < 8; lane++) {
            sums.lanes[lane] += (double)values[row + lane];
        }
    }
    for (; row < n; row++) {
        sums.lanes[row & 7] += (double)values[row];
    }
    *inout = sums;
}

/* The item when bit 0 of `valid` is set, else +0 (what lies under a null may be anything). */
static inline CN_ALWAYS_INLINE CN_T
CN_FN(item_or_zero)(const CN_T *item, uint64_t valid)
{
    CN_U bits;
    memcpy(&bits, item, sizeof(bits));
    bits &= (CN_U)((CN_U)0 - (CN_U)(valid & 1));
    CN_T value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline CN_ALWAYS_INLINE void
CN_FN(sum_masked)(CN_FN(sums8) * inout, const CN_T *values, uint64_t valid, int64_t n)
{
    CN_T items[64]; /* two loops that are vectorized, instead of one that is not */
    for (int64_t row = 0; row < n; row++) {
        items[row] = CN_FN(item_or_zero)(values + row, valid >> row);
    }
    CN_FN(sum_dense)(inout, items, n);
}

static inline void
CN_FN(sum_finish)(const CN_FN(sums8) * sums, void *inout_sum)
{
    const double *lanes = sums->lanes;
    const double low = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    const double high = (lanes[4] + lanes[5]) + (lanes[6] + lanes[7]);
    *(double *)inout_sum += low + high;
}

#define CN_SUMS CN_FN(sums8)

#else /* integers: exact */

#define CN_SUMS CN_FN(sum_parts)

#if CN_BITS < 64
/* 2^31 rows of 32 bits fit; rows of one call are fewer in practice, longer ones are cut. */
typedef struct CN_SUMS {
    int64_t total;
} CN_SUMS;

static inline CN_ALWAYS_INLINE void
CN_FN(sum_dense)(CN_SUMS *inout, const CN_T *values, int64_t n)
{
    int64_t total = 0;
    for (int64_t row = 0; row < n; row++) {
        total += (int64_t)values[row];
    }
    inout->total += total;
}

static inline CN_ALWAYS_INLINE void
CN_FN(sum_masked)(CN_SUMS *inout, const CN_T *values, uint64_t valid, int64_t n)
{
    int64_t total = 0;
    for (int64_t row = 0; row < n; row++) {
        total += (valid >> row) & 1 ? (int64_t)values[row] : 0;
    }
    inout->total += total;
}

static inline void
CN_FN(sum_finish)(const CN_SUMS *sums, void *inout_sum)
{
    *(cni_i128 *)inout_sum += sums->total;
}

#elif CN_BITS == 64
/* Halves apart, so that both loops are 64-bit additions: value = high * 2^32 + low. */
typedef struct CN_SUMS {
    uint64_t low;
    int64_t high;
} CN_SUMS;

static inline CN_ALWAYS_INLINE void
CN_FN(sum_dense)(CN_SUMS *inout, const CN_T *values, int64_t n)
{
    uint64_t low = 0;
    int64_t high = 0;
    for (int64_t row = 0; row < n; row++) {
        low += (uint64_t)values[row] & UINT32_MAX;
        high += (int64_t)(values[row] >> 32);
    }
    inout->low += low;
    inout->high += high;
}

static inline CN_ALWAYS_INLINE void
CN_FN(sum_masked)(CN_SUMS *inout, const CN_T *values, uint64_t valid, int64_t n)
{
    uint64_t low = 0;
    int64_t high = 0;
    for (int64_t row = 0; row < n; row++) {
        const CN_T item = (valid >> row) & 1 ? values[row] : 0;
        low += (uint64_t)item & UINT32_MAX;
        high += (int64_t)(item >> 32);
    }
    inout->low += low;
    inout->high += high;
}

static inline void
CN_FN(sum_finish)(const CN_SUMS *sums, void *inout_sum)
{
    *(cni_i128 *)inout_sum += (cni_i128)sums->high * ((cni_i128)1 << 32) + (cni_i128)sums->low;
}

#else /* 128 bits: modulo 2^128 */
typedef struct CN_SUMS {
    cni_u128 total;
} CN_SUMS;

static inline CN_ALWAYS_INLINE void
CN_FN(sum_dense)(CN_SUMS *inout, const CN_T *values, int64_t n)
{
    cni_u128 total = inout->total;
    for (int64_t row = 0; row < n; row++) {
        total += (cni_u128)values[row];
    }
    inout->total = total;
}

static inline CN_ALWAYS_INLINE void
CN_FN(sum_masked)(CN_SUMS *inout, const CN_T *values, uint64_t valid, int64_t n)
{
    for (int64_t row = 0; row < n; row++) {
        inout->total += (valid >> row) & 1 ? (cni_u128)values[row] : 0;
    }
}

static inline void
CN_FN(sum_finish)(const CN_SUMS *sums, void *inout_sum)
{
    cni_i128 *inout = inout_sum;
    *inout = (cni_i128)((cni_u128)*inout + sums->total);
}
#endif

#endif /* integers */

void
CN_KERNEL(sum)(const void *values, cni_bits valid, int64_t n, void *inout_sum)
{
    const CN_T *items = values;
    int64_t row = 0;
    while (row < n) {
        /* A cut is a multiple of 64, so that lanes stay aligned with row numbers. */
        const int64_t end = cni_min_i64(n, row + CNI_SUM_ROWS_MAX);
        CN_SUMS sums = {0};
        while (row < end) {
            const int64_t n_dense = cni_dense_rows(valid, row, end);
            if (n_dense > 0) {
                CN_FN(sum_dense)(&sums, items + row, n_dense);
                row += n_dense;
                continue;
            }
            const int64_t n_block = cni_min_i64(64, end - row);
            const uint64_t word = cni_bits_word(valid, row, n_block);
            if (word != 0) {
                CN_FN(sum_masked)(&sums, items + row, word, n_block);
            }
            row += n_block;
        }
        CN_FN(sum_finish)(&sums, inout_sum);
    }
}

#undef CN_SUMS

#endif /* not views */
