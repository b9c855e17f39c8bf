/* SPDX-License-Identifier: Apache-2.0
 *
 * Random and edge items of one layout: CN_FN(fill)(random, n, items). Parameters: those of
 * data/kernel/phys_each.h. Repeats are frequent, so that equality holds often.
 */
static CN_T
CN_FN(random_item)(check_random *random)
{
    const uint64_t dice = check_next(random);
    const uint64_t bits = check_next(random);
#if CN_CLASS == CN_CLASS_VIEW
    static const char text[] = "abcabcabdabcabc\0zabcabcabdabc";
    const uint32_t length = (uint32_t)(dice % 20);
    return cni_view_make(text + bits % 9, length);
#elif CN_CLASS == CN_CLASS_FLOAT
    const CN_T edges[] = {0,
                          (CN_T)-0.0,
                          1,
                          -1,
                          (CN_T)__builtin_inf(),
                          (CN_T)-__builtin_inf(),
                          (CN_T)__builtin_nan(""),
                          -(CN_T)__builtin_nan(""),
                          (CN_T)1e-38,
                          (CN_T)3e38};
    if (dice % 3 == 0) {
        return edges[bits % (sizeof(edges) / sizeof(edges[0]))];
    }
    return (CN_T)((int64_t)(bits % 2001) - 1000) / (CN_T)(dice % 2 == 0 ? 1 : 7);
#else
    const CN_T low = (CN_T)(CN_SIGNED ? (CN_U)1 << (CN_BITS - 1) : 0);
    const CN_T high = (CN_T) ~(CN_U)low;
    const CN_T edges[] = {low,
                          high,
                          0,
                          1,
                          (CN_T)-1,
                          (CN_T)(low + 1),
                          (CN_T)(high - 1),
                          (CN_T)(high / 2),
                          (CN_T)(low / 2)};
    switch (dice % 4) {
    case 0:
        return edges[bits % (sizeof(edges) / sizeof(edges[0]))];
    case 1:
        return (CN_T)((CN_U)(bits % 5) - (CN_U)2);
    case 2:
        return (CN_T)((CN_U)bits >> (dice >> 2) % (CN_BITS < 64 ? CN_BITS : 64));
    default:
#if CN_BITS == 128
        return (CN_T)((CN_U)bits << 64 | check_next(random));
#else
        return (CN_T)bits;
#endif
    }
#endif
}

static inline void
CN_FN(fill)(check_random *random, int64_t n, CN_T *items)
{
    for (int64_t row = 0; row < n; row++) {
        items[row] = CN_FN(random_item)(random);
    }
}
