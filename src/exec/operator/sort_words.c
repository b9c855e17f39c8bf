/* SPDX-License-Identifier: Apache-2.0
 *
 * Items of words, by their number: the instances of sort_words_template.h and what calls them; bits
 * in and out of items, which take any number of words in one loop.
 */
#include "exec/operator/sort_words.h"

#include <string.h>

#include "base/macros.h"

#define SMALL_ITEMS     24 /* inserted one by one */
#define DIGIT_BITS      8
#define N_DIGITS        (1 << DIGIT_BITS)
#define WIDE_DIGIT_BITS 11 /* of the first level, when it pays */
#define WIDE_ITEMS      (1 << 15)

/* Bits [shift, shift + n_bits) of a word. */
typedef struct digit_place {
    int32_t word;
    int32_t shift;
    int32_t n_bits; /* 0: nothing differs */
} digit_place;

#define WORDS    1
#define ITEM     item_1
#define FN(name) name##_1
#include "exec/operator/sort_words_template.h"
#define WORDS    2
#define ITEM     item_2
#define FN(name) name##_2
#include "exec/operator/sort_words_template.h"
#define WORDS    3
#define ITEM     item_3
#define FN(name) name##_3
#include "exec/operator/sort_words_template.h"
#define WORDS    4
#define ITEM     item_4
#define FN(name) name##_4
#include "exec/operator/sort_words_template.h"
#define WORDS    5
#define ITEM     item_5
#define FN(name) name##_5
#include "exec/operator/sort_words_template.h"
#define WORDS    6
#define ITEM     item_6
#define FN(name) name##_6
#include "exec/operator/sort_words_template.h"
#define WORDS    7
#define ITEM     item_7
#define FN(name) name##_7
#include "exec/operator/sort_words_template.h"
#define WORDS    8
#define ITEM     item_8
#define FN(name) name##_8
#include "exec/operator/sort_words_template.h"

typedef struct word_kernels {
    cn_code (*sort)(cni_context *context, void *items, void *scratch, int64_t n, uint32_t *ends,
                    cn_error *err);
    int32_t (*difference_bytes)(const void *items, int64_t n);
    void (*pack)(const void *items, int64_t n, int32_t n_bytes, uint8_t *out);
    void (*unpack)(const uint8_t *image, int64_t n, int32_t n_bytes, void *out);
} word_kernels;

static const word_kernels kernels[CNI_SORT_WORDS_MAX + 1] = {
    {0},
    {sort_1, difference_bytes_1, pack_1, unpack_1},
    {sort_2, difference_bytes_2, pack_2, unpack_2},
    {sort_3, difference_bytes_3, pack_3, unpack_3},
    {sort_4, difference_bytes_4, pack_4, unpack_4},
    {sort_5, difference_bytes_5, pack_5, unpack_5},
    {sort_6, difference_bytes_6, pack_6, unpack_6},
    {sort_7, difference_bytes_7, pack_7, unpack_7},
    {sort_8, difference_bytes_8, pack_8, unpack_8},
};

cn_code
cni_sort_words(cni_context *context, int32_t n_words, uint64_t *items, uint64_t *scratch, int64_t n,
               cn_error *err)
{
    uint32_t ends[1 << WIDE_DIGIT_BITS];
    if (n > UINT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort has too many rows in memory");
    }
    return kernels[n_words].sort(context, items, scratch, n, ends, err);
}

/* ---- blocks ---- */

static int64_t
image_bytes_of(int32_t n_words, int64_t n, int32_t difference_bytes)
{
    return 1 + n_words * (int64_t)sizeof(uint64_t) + n * difference_bytes;
}

int64_t
cni_sort_words_image(int32_t n_words, const uint64_t *items, int64_t n)
{
    return image_bytes_of(n_words, n, kernels[n_words].difference_bytes(items, n));
}

int64_t
cni_sort_words_pack(int32_t n_words, const uint64_t *items, int64_t n, uint8_t *out)
{
    const int32_t n_bytes = kernels[n_words].difference_bytes(items, n);
    const size_t n_first = (size_t)n_words * sizeof(*items);
    out[0] = (uint8_t)n_bytes;
    memcpy(out + 1, items, n_first);
    kernels[n_words].pack(items, n, n_bytes, out + 1 + n_first);
    return image_bytes_of(n_words, n, n_bytes);
}

bool
cni_sort_words_unpack(int32_t n_words, const uint8_t *image, int64_t image_bytes, int64_t n,
                      uint64_t *out)
{
    if (image[0] > 8 * n_words || image_bytes != image_bytes_of(n_words, n, image[0])) {
        return false;
    }
    kernels[n_words].unpack(image + 1, n, image[0], out);
    return true;
}

/* ---- bits ---- */

static uint64_t
mask_of(int32_t n_bits)
{
    return n_bits >= 64 ? UINT64_MAX : (UINT64_C(1) << n_bits) - 1;
}

void
cni_sort_words_extract(int32_t n_words, const uint64_t *items, int64_t n, int32_t position,
                       int32_t n_bits, uint64_t *out)
{
    const int32_t shift = position & 63;
    const uint64_t mask = mask_of(n_bits);
    const uint64_t *word = items + n_words - 1 - position / 64;
    if (n_bits == 0) {
        memset(out, 0, (size_t)n * sizeof(*out));
    } else if (shift + n_bits <= 64) {
        for (int64_t at = 0; at < n; at++) {
            out[at] = word[at * n_words] >> shift & mask;
        }
    } else {
        for (int64_t at = 0; at < n; at++) {
            const uint64_t low = word[at * n_words] >> shift;
            out[at] = (low | word[at * n_words - 1] << (64 - shift)) & mask;
        }
    }
}

void
cni_sort_words_insert(int32_t n_words, uint64_t *items, int64_t n, int32_t position, int32_t n_bits,
                      const uint64_t *values)
{
    const int32_t shift = position & 63;
    uint64_t *word = items + n_words - 1 - position / 64;
    if (n_bits == 0) {
        return;
    }
    for (int64_t at = 0; at < n; at++) {
        word[at * n_words] |= values[at] << shift;
    }
    for (int64_t at = 0; at < n && shift + n_bits > 64; at++) {
        word[at * n_words - 1] |= values[at] >> (64 - shift);
    }
}

/* 64 bits of an item from `position` on; beyond it there are zeros. */
static inline uint64_t
bits_from(int32_t n_words, const uint64_t *item, int32_t position)
{
    const int32_t shift = position & 63;
    const int32_t word = (position - shift) / 64;
    const uint64_t low = word >= 0 && word < n_words ? item[n_words - 1 - word] : 0;
    const uint64_t high = word + 1 >= 0 && word + 1 < n_words ? item[n_words - 2 - word] : 0;
    return shift == 0 ? low : low >> shift | high << (64 - shift);
}

void
cni_sort_words_shift(int32_t n_words, int32_t low_bits, const uint64_t *items, int64_t n,
                     int32_t out_words, int32_t out_low_bits, uint64_t *out)
{
    uint64_t item[CNI_SORT_WORDS_MAX];
    for (int64_t at = 0; at < n; at++) {
        memcpy(item, items + at * n_words, (size_t)n_words * sizeof(*item));
        item[n_words - 1] &= ~mask_of(low_bits);
        for (int32_t word = 0; word < out_words; word++) {
            const int32_t position = 64 * (out_words - 1 - word) - out_low_bits + low_bits;
            out[at * out_words + word] = bits_from(n_words, item, position);
        }
    }
}
