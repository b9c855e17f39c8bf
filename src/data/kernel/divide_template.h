/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotient and remainder of one layout, without branches: a divisor that may not be used is
 * replaced by 1 and remembered in the flag (0, or -1 under the smallest integer). Parameters: those
 * of phys_each.h. Floats: a zero divisor counts unless the dividend is NaN, as in PostgreSQL.
 */
#if CN_CLASS != CN_CLASS_VIEW

#define CN_A(row) a[a_is_constant ? 0 : (row)]
#define CN_B(row) b[b_is_constant ? 0 : (row)]

static inline CN_ALWAYS_INLINE bool
CN_FN(is_bad)(CN_T a, CN_T b)
{
#if CN_CLASS == CN_CLASS_FLOAT
    return b == 0 && a == a;
#elif CN_SIGNED
    const CN_T lowest = (CN_T)((CN_U)1 << (CN_BITS - 1));
    return (b == 0) | ((b == (CN_T)-1) & (a == lowest));
#else
    (void)a;
    return b == 0;
#endif
}

static inline CN_ALWAYS_INLINE CN_T
CN_FN(divide_one)(CN_T a, CN_T b, bool modulo)
{
#if CN_CLASS == CN_CLASS_FLOAT && CN_BITS == 32
    return modulo ? fmodf(a, b) : a / b;
#elif CN_CLASS == CN_CLASS_FLOAT
    return modulo ? fmod(a, b) : a / b;
#else
    return (CN_T)(modulo ? a % b : a / b);
#endif
}

static inline CN_ALWAYS_INLINE bool
CN_FN(divide_all)(const CN_T *a, bool a_is_constant, const CN_T *b, bool b_is_constant, int64_t n,
                  CN_T *restrict out, bool modulo)
{
    bool any_bad = false;
    for (int64_t row = 0; row < n; row++) {
        const bool is_bad = CN_FN(is_bad)(CN_A(row), CN_B(row));
        any_bad |= is_bad;
        out[row] = CN_FN(divide_one)(CN_A(row), is_bad ? (CN_T)1 : CN_B(row), modulo);
    }
    return any_bad;
}

static bool
CN_FN(divide)(const void *a, bool a_is_constant, const void *b, bool b_is_constant, int64_t n,
              void *out, bool modulo)
{
    return modulo ? CN_FN(divide_all)(a, a_is_constant, b, b_is_constant, n, out, true)
                  : CN_FN(divide_all)(a, a_is_constant, b, b_is_constant, n, out, false);
}

/* Whether row items a and b have no quotient; *out_is_zero: because b is 0. */
static bool
CN_FN(divide_fails)(const void *a, const void *b, bool *out_is_zero)
{
    const CN_T left = *(const CN_T *)a;
    const CN_T right = *(const CN_T *)b;
    *out_is_zero = right == 0;
    return CN_FN(is_bad)(left, right);
}

#undef CN_A
#undef CN_B

#endif /* not views */
