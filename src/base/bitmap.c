/* SPDX-License-Identifier: Apache-2.0
 *
 * Bitmap operations over any bit offset, a 64-bit word at a time through cni_bits_word, which never
 * reads beyond the view. Views that begin at a byte take the memcpy path.
 */
#include "base/bitmap.h"

/* Set bits of a word, without needing an instruction that the baseline does not have. */
static inline int64_t
count_word(uint64_t word)
{
    word = word - ((word >> 1) & UINT64_C(0x5555555555555555));
    word = (word & UINT64_C(0x3333333333333333)) + ((word >> 2) & UINT64_C(0x3333333333333333));
    word = (word + (word >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    return (int64_t)((word * UINT64_C(0x0101010101010101)) >> 56);
}

int64_t
cni_bits_count(cni_bits self, int64_t n_bits)
{
    if (self.data == NULL) {
        return n_bits;
    }
    int64_t n_set = 0;
    for (int64_t row = 0; row < n_bits; row += 64) {
        n_set += count_word(cni_bits_word(self, row, cni_min_i64(64, n_bits - row)));
    }
    return n_set;
}

/* The low n_bits of `word` to out[0..], the rest of the last byte 0. */
static inline void
store_word(uint8_t *out, uint64_t word, int64_t n_bits)
{
    if (CN_LIKELY(n_bits == 64)) {
        memcpy(out, &word, 8);
    } else {
        memcpy(out, &word, (size_t)cni_bits_bytes(n_bits));
    }
}

void
cni_bits_copy(cni_bits self, int64_t n_bits, uint8_t *out)
{
    if (n_bits <= 0) {
        return;
    }
    const int64_t n_bytes = cni_bits_bytes(n_bits);
    if (self.data == NULL) {
        memset(out, 0xFF, (size_t)n_bytes);
    } else if ((self.off_bits & 7) == 0) {
        memcpy(out, self.data + (self.off_bits >> 3), (size_t)n_bytes);
    } else {
        for (int64_t row = 0; row < n_bits; row += 64) {
            const int64_t n = cni_min_i64(64, n_bits - row);
            store_word(out + (row >> 3), cni_bits_word(self, row, n), n);
        }
    }
    if ((n_bits & 7) != 0) {
        out[n_bytes - 1] = (uint8_t)(out[n_bytes - 1] & ((1U << (n_bits & 7)) - 1));
    }
}

/* Replace n_bits (1..8) of `out` from bit `bit` on, all within one byte. */
static inline void
merge_byte(uint8_t *out, int64_t bit, unsigned value, int64_t n_bits)
{
    CN_ASSERT(n_bits >= 1 && n_bits <= 8);
    const unsigned shift = (unsigned)(bit & 7);
    const unsigned mask = ((1U << n_bits) - 1) << shift;
    uint8_t *byte = out + (bit >> 3);
    *byte = (uint8_t)((*byte & ~mask) | ((value << shift) & mask));
}

void
cni_bits_copy_to(cni_bits self, int64_t n_bits, uint8_t *out, int64_t out_bit)
{
    int64_t row = 0;
    if (n_bits > 0 && (out_bit & 7) != 0) {
        row = cni_min_i64(n_bits, 8 - (out_bit & 7));
        merge_byte(out, out_bit, (unsigned)cni_bits_word(self, 0, row), row);
    }
    const int64_t n_whole = (n_bits - row) & ~INT64_C(7);
    if (n_whole > 0) {
        const cni_bits middle = {self.data, self.off_bits + row};
        cni_bits_copy(middle, n_whole, out + ((out_bit + row) >> 3));
        row += n_whole;
    }
    if (row < n_bits) {
        const int64_t n = n_bits - row;
        merge_byte(out, out_bit + row, (unsigned)cni_bits_word(self, row, n), n);
    }
}

void
cni_bits_fill(uint8_t *data, int64_t bit, int64_t n_bits, bool value)
{
    const unsigned ones = value ? 0xFFU : 0U;
    int64_t done = 0;
    if (n_bits > 0 && (bit & 7) != 0) {
        done = cni_min_i64(n_bits, 8 - (bit & 7));
        merge_byte(data, bit, ones, done);
    }
    const int64_t n_bytes = (n_bits - done) >> 3;
    if (n_bytes > 0) {
        memset(data + ((bit + done) >> 3), (int)ones, (size_t)n_bytes);
        done += n_bytes << 3;
    }
    if (done < n_bits) {
        merge_byte(data, bit + done, ones, n_bits - done);
    }
}

void
cni_bits_and(cni_bits a, cni_bits b, int64_t n_bits, uint64_t *out)
{
    for (int64_t row = 0; row < n_bits; row += 64) {
        const int64_t n = cni_min_i64(64, n_bits - row);
        out[row >> 6] = cni_bits_word(a, row, n) & cni_bits_word(b, row, n);
    }
}

int64_t
cni_bits_next(cni_bits self, int64_t row, int64_t n_bits)
{
    while (row < n_bits) {
        const uint64_t word = cni_bits_word(self, row, cni_min_i64(64, n_bits - row));
        if (word != 0) {
            return row + __builtin_ctzll(word);
        }
        row += 64;
    }
    return n_bits;
}
