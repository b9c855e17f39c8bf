/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters of one item size: keep the items whose bit is set. Parameters: CN_ITEM, CN_ITEM_BYTES,
 * and where the level compresses registers of that size CN_COMPRESS(register, mask),
 * CN_REGISTER_BITS (bits of the bitmap that one register takes). Without CN_COMPRESS: full words
 * are copied, others walked bit by bit.
 */
#define CNI_FILTER_CAT_(item, level) cni_kernel_filter_##item##_v##level
#define CNI_FILTER_CAT(item, level)  CNI_FILTER_CAT_(item, level)

#ifdef CN_COMPRESS

int64_t
CNI_FILTER_CAT(CN_ITEM_BYTES, CN_ISA)(const void *values, const uint64_t *bits, int64_t n,
                                      void *out)
{
    const uint8_t *items = values;
    uint8_t *result = out;
    for (int64_t word = 0; word < cni_bits_words(n); word++) {
        const uint64_t set = bits_at(bits, word, n);
        if (set == 0) {
            continue;
        }
        /* Where a register's items go follows from the word alone: only words form a chain. */
        const uint8_t *block = items + 64 * word * CN_ITEM_BYTES;
        const int64_t n_bytes = (n - 64 * word) * CN_ITEM_BYTES;
        for (int first = 0; first < 64; first += CN_REGISTER_BITS) {
            const uint64_t part = (set >> first) & cni_low_mask(CN_REGISTER_BITS);
            const int64_t at = first * CN_ITEM_BYTES;
            if (at >= n_bytes) {
                break;
            }
            const __m512i some = cni_load_512_upto(block + at, n_bytes - at);
            const int64_t n_before = __builtin_popcountll(set & cni_low_mask(first));
            _mm512_storeu_si512(result + n_before * CN_ITEM_BYTES, CN_COMPRESS(some, part));
        }
        result += __builtin_popcountll(set) * CN_ITEM_BYTES;
    }
    return (result - (uint8_t *)out) / CN_ITEM_BYTES;
}

#undef CN_COMPRESS
#undef CN_REGISTER_BITS

#else

int64_t
CNI_FILTER_CAT(CN_ITEM_BYTES, CN_ISA)(const void *values, const uint64_t *bits, int64_t n,
                                      void *out)
{
    const CN_ITEM *items = values;
    CN_ITEM *restrict result = out;
    int64_t n_out = 0;
    for (int64_t word = 0; word < cni_bits_words(n); word++) {
        uint64_t set = bits_at(bits, word, n);
        const CN_ITEM *block = items + 64 * word;
        if (set == ~UINT64_C(0)) {
            memcpy(result + n_out, block, 64 * sizeof(*block));
            n_out += 64;
            continue;
        }
        for (; set != 0; set &= set - 1) {
            result[n_out++] = block[__builtin_ctzll(set)];
        }
    }
    return n_out;
}

#endif

#undef CNI_FILTER_CAT_
#undef CNI_FILTER_CAT
#undef CN_ITEM
#undef CN_ITEM_BYTES
