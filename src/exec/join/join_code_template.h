/* SPDX-License-Identifier: Apache-2.0
 *
 * Code loops of one layout. Parameters: those of data/kernel/phys_each.h.
 */
#if CN_CLASS != CN_CLASS_VIEW

/* Canonical word; *out_fits false when there is none. */
static inline CN_ALWAYS_INLINE uint64_t
CN_FN(word)(CN_T item, bool *out_fits)
{
    *out_fits = true;
#if CN_CLASS == CN_CLASS_FLOAT
    const CN_T canonical = item + (CN_T)0; /* -0 becomes +0 */
    CN_U bits;
    memcpy(&bits, &canonical, sizeof(bits));
    const CN_U nan = sizeof(bits) == 4 ? (CN_U)0x7FC00000 : (CN_U)UINT64_C(0x7FF8000000000000);
    return canonical != canonical ? nan : bits;
#elif CN_CLASS == CN_CLASS_I128
    *out_fits = item == (CN_T)(int64_t)item;
    return (uint64_t)(int64_t)item ^ SIGN_BIT;
#elif CN_SIGNED
    return (uint64_t)(int64_t)item ^ SIGN_BIT;
#else
    return item;
#endif
}

static bool
CN_FN(range)(const void *values, int64_t n, uint64_t *out_low, uint64_t *out_high)
{
    const CN_T *items = values;
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    bool all_fit = true;
    for (int64_t row = 0; row < n; row++) {
        bool fits;
        const uint64_t word = CN_FN(word)(items[row], &fits);
        low = word < low ? word : low;
        high = word > high ? word : high;
        all_fit = all_fit && fits;
    }
    *out_low = low;
    *out_high = high;
    return all_fit;
}

static void
CN_FN(codes_32)(const void *values, int64_t n, uint64_t low, uint64_t span, uint32_t miss,
                uint32_t *restrict out)
{
    const CN_T *items = values;
    for (int64_t row = 0; row < n; row++) {
        bool fits;
        const uint64_t code = CN_FN(word)(items[row], &fits) - low;
        out[row] = code <= span && fits ? (uint32_t)code : miss;
    }
}

static void
CN_FN(add_codes)(const void *values, int64_t n, uint64_t low, uint64_t span, uint64_t factor,
                 uint64_t *restrict inout)
{
    const CN_T *items = values;
    for (int64_t row = 0; row < n; row++) {
        bool fits;
        const uint64_t code = CN_FN(word)(items[row], &fits) - low;
        const bool hit = code <= span && fits && inout[row] != CNI_JOIN_MISS;
        inout[row] = hit ? inout[row] + code * factor : CNI_JOIN_MISS;
    }
}
#endif
