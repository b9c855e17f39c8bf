/* SPDX-License-Identifier: Apache-2.0
 *
 * Bitmaps in Arrow's layout: least significant bit first, any bit offset.
 * A `cni_bits` is a borrowed view. Reads through cni_bits_word never touch bytes beyond the view.
 */
#ifndef CNI_BASE_BITMAP_H
#define CNI_BASE_BITMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/macros.h"

/* data NULL = every bit is set (Arrow's absent validity). */
typedef struct cni_bits {
    const uint8_t *data;
    int64_t off_bits; /* bit of row 0 */
} cni_bits;

static inline bool
cni_bits_get(cni_bits self, int64_t row)
{
    const int64_t bit = self.off_bits + row;
    return self.data == NULL || ((self.data[bit >> 3] >> (bit & 7)) & 1) != 0;
}

static inline void
cni_bit_set(uint8_t *data, int64_t bit)
{
    data[bit >> 3] = (uint8_t)(data[bit >> 3] | (1U << (bit & 7)));
}

static inline void
cni_bit_clear(uint8_t *data, int64_t bit)
{
    data[bit >> 3] = (uint8_t)(data[bit >> 3] & ~(1U << (bit & 7)));
}

static inline void
cni_bit_write(uint8_t *data, int64_t bit, bool value)
{
    const unsigned cleared = data[bit >> 3] & ~(1U << (bit & 7));
    data[bit >> 3] = (uint8_t)(cleared | ((unsigned)value << (bit & 7)));
}

/* Bytes that hold n_bits. */
static inline int64_t
cni_bits_bytes(int64_t n_bits)
{
    return (n_bits + 7) >> 3;
}

/* 64-bit words that hold n_bits. */
static inline int64_t
cni_bits_words(int64_t n_bits)
{
    return (n_bits + 63) >> 6;
}

/* Rows [row, row + n_bits) as the low bits of a word, n_bits in 1..64; higher bits are 0. */
static inline uint64_t
cni_bits_word(cni_bits self, int64_t row, int64_t n_bits)
{
    const uint64_t mask = ~UINT64_C(0) >> ((64 - n_bits) & 63);
    if (self.data == NULL) {
        return mask;
    }
    const int64_t bit = self.off_bits + row;
    const int64_t shift = bit & 7;
    const int64_t n_bytes = (shift + n_bits + 7) >> 3; /* 1..9 */
    const uint8_t *bytes = self.data + (bit >> 3);
    uint64_t low = 0;
    if (CN_LIKELY(n_bytes >= 8)) {
        memcpy(&low, bytes, 8);
    } else {
        memcpy(&low, bytes, (size_t)n_bytes);
    }
    uint64_t word = low >> shift;
    if (n_bytes == 9) {
        CN_ASSERT(shift != 0); /* 64 bits from a byte's start on fit in 8 bytes */
        word |= (uint64_t)bytes[8] << (64 - shift);
    }
    return word & mask;
}

/* Set bits among the first n_bits rows. */
int64_t cni_bits_count(cni_bits self, int64_t n_bits);
/* Copy n_bits rows to `out` from bit 0 on; the rest of the last byte becomes 0. */
void cni_bits_copy(cni_bits self, int64_t n_bits, uint8_t *out);
/* Copy n_bits rows to bit `out_bit` of `out`; neighbouring bits are kept. */
void cni_bits_copy_to(cni_bits self, int64_t n_bits, uint8_t *out, int64_t out_bit);
/* Set or clear bits [bit, bit + n_bits). */
void cni_bits_fill(uint8_t *data, int64_t bit, int64_t n_bits, bool value);
/* out = a AND b over n_bits from bit 0 on; whole 64-bit words of `out` are written. */
void cni_bits_and(cni_bits a, cni_bits b, int64_t n_bits, uint64_t *out);
/* First set bit at or after `row`, or n_bits. */
int64_t cni_bits_next(cni_bits self, int64_t row, int64_t n_bits);

#endif /* CNI_BASE_BITMAP_H */
