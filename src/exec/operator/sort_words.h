/* SPDX-License-Identifier: Apache-2.0
 *
 * Items that are their own sort keys: numbers of 1 to CNI_SORT_WORDS_MAX words of 64 bits, the most
 * significant first. They are put in order by radix from the top, without looking anywhere else:
 * buckets soon fit the caches. Sorted ones are kept in blocks, as differences from a block's first.
 *
 * Bits of an item are counted from its low end: bit 0 is the lowest of its last word.
 */
#ifndef CNI_EXEC_SORT_WORDS_H
#define CNI_EXEC_SORT_WORDS_H

#include "runtime/context.h"

#define CNI_SORT_WORDS_MAX 8

/* Bytes behind an image and behind its items that may be read, and behind an image that is being
 * made, that may be written. */
#define CNI_SORT_WORDS_SLACK 64

/* Sort n items; `scratch` has room for as many. Errors: those of the context's check,
 * CN_LIMIT_EXCEEDED (2^32 items). */
CN_NODISCARD cn_code cni_sort_words(cni_context *context, int32_t n_words, uint64_t *items,
                                    uint64_t *scratch, int64_t n, cn_error *err);

/* Bytes of the image of n > 0 ascending items. */
int64_t cni_sort_words_image(int32_t n_words, const uint64_t *items, int64_t n);
/* Write it: u8 bytes of a difference | first item | n differences; gives its bytes. */
int64_t cni_sort_words_pack(int32_t n_words, const uint64_t *items, int64_t n, uint8_t *out);
/* The n items of an image; false when its bytes are not those of n items. */
bool cni_sort_words_unpack(int32_t n_words, const uint8_t *image, int64_t image_bytes, int64_t n,
                           uint64_t *out);

static inline int32_t
cni_sort_bit_width(uint64_t bits)
{
    return bits == 0 ? 0 : 64 - __builtin_clzll(bits);
}

static inline int32_t
cni_sort_words_of_bits(int32_t n_bits)
{
    return n_bits <= 64 ? 1 : (n_bits + 63) / 64;
}

/* -1, 0, 1: order of two items. */
static inline int
cni_sort_words_compare(int32_t n_words, const uint64_t *a, const uint64_t *b)
{
    for (int32_t word = 0; word < n_words; word++) {
        if (a[word] != b[word]) {
            return a[word] < b[word] ? -1 : 1;
        }
    }
    return 0;
}

/* Bits [position, position + n_bits) of n items, n_bits <= 64. */
void cni_sort_words_extract(int32_t n_words, const uint64_t *items, int64_t n, int32_t position,
                            int32_t n_bits, uint64_t *out);
/* Set them where they are zero. */
void cni_sort_words_insert(int32_t n_words, uint64_t *items, int64_t n, int32_t position,
                           int32_t n_bits, const uint64_t *values);
/* Items with `low_bits` (<= 64) below their keys as items with out_low_bits, which are zero; `out`
 * may be `items` when out_words <= n_words. */
void cni_sort_words_shift(int32_t n_words, int32_t low_bits, const uint64_t *items, int64_t n,
                          int32_t out_words, int32_t out_low_bits, uint64_t *out);

#endif /* CNI_EXEC_SORT_WORDS_H */
