/* SPDX-License-Identifier: Apache-2.0
 *
 * compare_word of one integer or float layout with AVX-512: 64 rows to 64 bits straight through
 * mask registers (compilers do not find this form). Its scalar twin is in compare_template.h; the
 * tests compare levels. Parameters: those of phys_each.h. Needs CN_ISA >= 4.
 */
#define CN_LANES (512 / CN_BITS)

#if CN_CLASS == CN_CLASS_INT

#if CN_SIGNED
#define CN_SIMD_CMP(a, b, predicate)                                                               \
    CN_CAT(CN_CAT(_mm512_cmp_epi, CN_BITS), _mask)((a), (b), (predicate))
#else
#define CN_SIMD_CMP(a, b, predicate)                                                               \
    CN_CAT(CN_CAT(_mm512_cmp_epu, CN_BITS), _mask)((a), (b), (predicate))
#endif

static inline CN_ALWAYS_INLINE __m512i
CN_FN(simd_load)(const CN_T *items)
{
    return _mm512_loadu_si512((const void *)items);
}

static inline CN_ALWAYS_INLINE __m512i
CN_FN(simd_set1)(CN_T item)
{
    return CN_CAT(_mm512_set1_epi, CN_BITS)((CN_CAT(CN_CAT(int, CN_BITS), _t))item);
}

static inline CN_ALWAYS_INLINE uint64_t
CN_FN(simd_compare)(__m512i a, __m512i b, cni_compare_op op)
{
    switch (op) {
    case CNI_EQ:
        return CN_SIMD_CMP(a, b, _MM_CMPINT_EQ);
    case CNI_NE:
        return CN_SIMD_CMP(a, b, _MM_CMPINT_NE);
    case CNI_LT:
        return CN_SIMD_CMP(a, b, _MM_CMPINT_LT);
    case CNI_LE:
        return CN_SIMD_CMP(a, b, _MM_CMPINT_LE);
    case CNI_GT:
        return CN_SIMD_CMP(a, b, _MM_CMPINT_NLE);
    default:
        return CN_SIMD_CMP(a, b, _MM_CMPINT_NLT);
    }
}

#define CN_SIMD __m512i
#undef CN_SIMD_CMP

#else /* floats: NaN equals NaN and is above all numbers */

#if CN_BITS == 32
#define CN_SIMD                      __m512
#define CN_SIMD_CMP(a, b, predicate) _mm512_cmp_ps_mask((a), (b), (predicate))
#define CN_SIMD_FN(name)             name##_ps
#else
#define CN_SIMD                      __m512d
#define CN_SIMD_CMP(a, b, predicate) _mm512_cmp_pd_mask((a), (b), (predicate))
#define CN_SIMD_FN(name)             name##_pd
#endif

static inline CN_ALWAYS_INLINE CN_SIMD
CN_FN(simd_load)(const CN_T *items)
{
    return CN_SIMD_FN(_mm512_loadu)(items);
}

static inline CN_ALWAYS_INLINE CN_SIMD
CN_FN(simd_set1)(CN_T item)
{
    return CN_SIMD_FN(_mm512_set1)(item);
}

static inline CN_ALWAYS_INLINE uint64_t
CN_FN(simd_equal)(CN_SIMD a, CN_SIMD b)
{
    const uint64_t both_nan =
        (uint64_t)CN_SIMD_CMP(a, a, _CMP_UNORD_Q) & (uint64_t)CN_SIMD_CMP(b, b, _CMP_UNORD_Q);
    return (uint64_t)CN_SIMD_CMP(a, b, _CMP_EQ_OQ) | both_nan;
}

static inline CN_ALWAYS_INLINE uint64_t
CN_FN(simd_less)(CN_SIMD a, CN_SIMD b)
{
    return (uint64_t)CN_SIMD_CMP(a, b, _CMP_NGE_UQ) & (uint64_t)CN_SIMD_CMP(a, a, _CMP_ORD_Q);
}

static inline CN_ALWAYS_INLINE uint64_t
CN_FN(simd_compare)(CN_SIMD a, CN_SIMD b, cni_compare_op op)
{
    const uint64_t all = (UINT64_C(1) << CN_LANES) - 1;
    switch (op) {
    case CNI_EQ:
        return CN_FN(simd_equal)(a, b);
    case CNI_NE:
        return all & ~CN_FN(simd_equal)(a, b);
    case CNI_LT:
        return CN_FN(simd_less)(a, b);
    case CNI_LE:
        return all & ~CN_FN(simd_less)(b, a);
    case CNI_GT:
        return CN_FN(simd_less)(b, a);
    default:
        return all & ~CN_FN(simd_less)(a, b);
    }
}

#undef CN_SIMD_CMP
#undef CN_SIMD_FN

#endif

static inline CN_ALWAYS_INLINE uint64_t
CN_FN(compare_word)(const CN_T *a, const CN_T *b, cni_compare_op op, bool b_is_constant)
{
    uint64_t masks[64 / CN_LANES];
    for (int part = 0; part < 64 / CN_LANES; part++) {
        const int first = part * CN_LANES;
        const CN_SIMD left = CN_FN(simd_load)(a + first);
        const CN_SIMD right = b_is_constant ? CN_FN(simd_set1)(*b) : CN_FN(simd_load)(b + first);
        masks[part] = CN_FN(simd_compare)(left, right, op);
    }
    return cni_join_masks(masks, CN_LANES);
}

#if CN_CLASS == CN_CLASS_INT
/* a - low <= span, unsigned. */
static inline CN_ALWAYS_INLINE uint64_t
CN_FN(between_word)(const CN_T *a, CN_T low, CN_U span)
{
    const __m512i lows = CN_FN(simd_set1)(low);
    const __m512i spans = CN_FN(simd_set1)((CN_T)span);
    uint64_t masks[64 / CN_LANES];
    for (int part = 0; part < 64 / CN_LANES; part++) {
        const __m512i items = CN_FN(simd_load)(a + part * CN_LANES);
        const __m512i rest = CN_CAT(_mm512_sub_epi, CN_BITS)(items, lows);
        masks[part] = CN_CAT(CN_CAT(_mm512_cmp_epu, CN_BITS), _mask)(rest, spans, _MM_CMPINT_LE);
    }
    return cni_join_masks(masks, CN_LANES);
}
#endif

#undef CN_SIMD
#undef CN_LANES
