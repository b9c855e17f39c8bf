/* SPDX-License-Identifier: Apache-2.0
 *
 * Hash loop of one number layout. Parameters: those of data/kernel/phys_each.h. Null rows are
 * hashed as what lies there; the caller overwrites them. Views are not here: theirs may not be
 * followed under nulls.
 */
#if CN_CLASS != CN_CLASS_VIEW
static void
CN_FN(hash)(const void *values, int64_t n, uint64_t *restrict out)
{
    const CN_T *items = values;
    for (int64_t row = 0; row < n; row++) {
#if CN_CLASS == CN_CLASS_FLOAT
        out[row] = cni_hash_of_f64((double)items[row]);
#elif CN_CLASS == CN_CLASS_I128
        out[row] = cni_hash_of_i128(items[row]);
#elif CN_BITS == 64 && !CN_SIGNED
        out[row] = cni_hash_of_halves(items[row], 0);
#else
        out[row] = cni_hash_of_i64((int64_t)items[row]);
#endif
    }
}
#endif
