/* SPDX-License-Identifier: Apache-2.0
 *
 * Loops over items of a byte width: gather, gather of bits, fill. The width and the index width are
 * switched on outside; each combination is a loop over constants that the compiler unrolls. They
 * carry flatten, take and concat, which data/kernel is above and so cannot serve.
 */
#include "data/column/vector_int.h"

static inline CN_ALWAYS_INLINE void
gather_items(uint8_t *restrict out, const uint8_t *restrict values, const void *index, int64_t n,
             int64_t item_bytes, int32_t index_bytes)
{
    for (int64_t row = 0; row < n; row++) {
        const int64_t from = (int64_t)cni_column_load_index(index, row, index_bytes);
        memcpy(out + row * item_bytes, values + from * item_bytes, (size_t)item_bytes);
    }
}

static inline CN_ALWAYS_INLINE void
gather_width(void *out, const void *values, const void *index, int64_t n, int64_t item_bytes,
             int32_t index_bytes)
{
    switch (index_bytes) {
    case 1:
        gather_items(out, values, index, n, item_bytes, 1);
        break;
    case 2:
        gather_items(out, values, index, n, item_bytes, 2);
        break;
    default:
        gather_items(out, values, index, n, item_bytes, 4);
        break;
    }
}

void
cni_column_gather(const void *values, int32_t item_bytes, const void *index, int32_t index_bytes,
                  int64_t n, void *out)
{
    switch (item_bytes) {
    case 0:
        break;
    case 1:
        gather_width(out, values, index, n, 1, index_bytes);
        break;
    case 2:
        gather_width(out, values, index, n, 2, index_bytes);
        break;
    case 4:
        gather_width(out, values, index, n, 4, index_bytes);
        break;
    case 8:
        gather_width(out, values, index, n, 8, index_bytes);
        break;
    case 16:
        gather_width(out, values, index, n, 16, index_bytes);
        break;
    case 32:
        gather_width(out, values, index, n, 32, index_bytes);
        break;
    default:
        gather_width(out, values, index, n, item_bytes, index_bytes);
        break;
    }
}

static inline CN_ALWAYS_INLINE void
gather_bits_width(cni_bits bits, const void *index, int32_t index_bytes, int64_t n, uint8_t *out)
{
    for (int64_t row = 0; row < n; row += 64) {
        const int64_t n_here = cni_min_i64(64, n - row);
        uint64_t word = 0;
        for (int64_t bit = 0; bit < n_here; bit++) {
            const int64_t from =
                bits.off_bits + (int64_t)cni_column_load_index(index, row + bit, index_bytes);
            word |= (uint64_t)((bits.data[from >> 3] >> (from & 7)) & 1) << bit;
        }
        memcpy(out + (row >> 3), &word, sizeof(word));
    }
}

void
cni_column_gather_bits(cni_bits bits, const void *index, int32_t index_bytes, int64_t n,
                       uint8_t *out)
{
    switch (index_bytes) {
    case 1:
        gather_bits_width(bits, index, 1, n, out);
        break;
    case 2:
        gather_bits_width(bits, index, 2, n, out);
        break;
    default:
        gather_bits_width(bits, index, 4, n, out);
        break;
    }
}

static inline CN_ALWAYS_INLINE void
fill_items(uint8_t *restrict out, const uint8_t *restrict item, int64_t item_bytes, int64_t n)
{
    for (int64_t row = 0; row < n; row++) {
        memcpy(out + row * item_bytes, item, (size_t)item_bytes);
    }
}

void
cni_column_fill(void *out, const void *item, int32_t item_bytes, int64_t n)
{
    switch (item_bytes) {
    case 0:
        break;
    case 1:
        memset(out, *(const uint8_t *)item, (size_t)n);
        break;
    case 2:
        fill_items(out, item, 2, n);
        break;
    case 4:
        fill_items(out, item, 4, n);
        break;
    case 8:
        fill_items(out, item, 8, n);
        break;
    case 16:
        fill_items(out, item, 16, n);
        break;
    case 32:
        fill_items(out, item, 32, n);
        break;
    default:
        fill_items(out, item, item_bytes, n);
        break;
    }
}
