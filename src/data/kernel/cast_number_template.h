/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversion of one number layout into another. Parameters: those of cast_pairs_each.h.
 * Integers keep their value or are marked; floats round half to even to integers (NaN and what is
 * beyond is marked and gives 0); a finite double that becomes an infinite float is marked.
 */
#define CN_PAIR_(name, from, to) name##_##from##_##to
#define CN_PAIR(name, from, to)  CN_PAIR_(name, from, to)
#define CN_CFN(name)             CN_PAIR(name, CN_FROM_NAME, CN_TO_NAME)

static inline CN_ALWAYS_INLINE CN_TO
CN_CFN(convert)(CN_FROM value, bool *out_is_bad)
{
#if CN_FROM_FLOAT && CN_TO_FLOAT
    const CN_TO result = (CN_TO)value;
    *out_is_bad = (__builtin_isinf(result) != 0) & (__builtin_isinf(value) == 0);
    return result;
#elif CN_FROM_FLOAT
    const double rounded = rint((double)value);
    *out_is_bad = !(rounded >= CN_TO_LOW && rounded < CN_TO_END);
    return *out_is_bad ? 0 : (CN_TO)rounded;
#elif CN_TO_FLOAT
    *out_is_bad = false;
    return (CN_TO)value;
#else
    const CN_TO result = (CN_TO)value;
    *out_is_bad = ((CN_FROM)result != value) | ((result > 0) != (value > 0));
    return result;
#endif
}

static bool
CN_CFN(convert_all)(const void *values, int64_t n, void *out)
{
    const CN_FROM *from = values;
    CN_TO *restrict to = out;
    unsigned any_bad = 0;
    for (int64_t row = 0; row < n; row++) {
        bool is_bad;
        to[row] = CN_CFN(convert)(from[row], &is_bad);
        any_bad |= is_bad;
    }
    return any_bad != 0;
}

static bool
CN_CFN(convert_fails)(const void *values, int64_t row)
{
    bool is_bad;
    (void)CN_CFN(convert)(((const CN_FROM *)values)[row], &is_bad);
    return is_bad;
}

#undef CN_PAIR_
#undef CN_PAIR
#undef CN_CFN
