/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorting normalized keys of any length: an item holds eight bytes of its key as an integer, the
 * key's length and the number of the row. Items are put in order by the bits that differ among
 * them (radix), those that are still equal by the next eight bytes, and so on; few items, and keys
 * with very many different prefixes, are compared whole. Equal keys stay in the order in which they
 * are, or are ordered by the sequence that the caller knows of their rows.
 */
#ifndef CNI_EXEC_SORT_ITEMS_H
#define CNI_EXEC_SORT_ITEMS_H

#include "base/str.h"
#include "runtime/context.h"

typedef struct cni_sort_item {
    uint64_t word; /* key bytes 0..7, big-endian, zeros behind its end; sorting changes it */
    uint32_t row;
    uint32_t key_bytes;
} cni_sort_item;

/* What items are sorted by. Keys are prefix-free: of two, none is the beginning of the other. 8
 * readable bytes follow each. */
typedef struct cni_sort_order {
    cni_context *context;       /* looked at for cancel */
    const uint8_t *const *keys; /* by row */
    /* Decides among equal keys, ascending; NULL: they stay as they are. */
    int64_t (*sequence_of)(const void *state, uint32_t row);
    const void *state;
} cni_sort_order;

/* Bytes [offset, offset + 8) of a key. */
static inline uint64_t
cni_sort_word(const uint8_t *key, int64_t key_bytes, int64_t offset)
{
    uint64_t word;
    if (offset >= key_bytes) {
        return 0;
    }
    memcpy(&word, key + offset, sizeof(word));
    word = __builtin_bswap64(word);
    const int64_t n_left = key_bytes - offset;
    return n_left >= 8 ? word : word & (UINT64_MAX << (8 * (8 - n_left)));
}

/* Sort n items whose words are set; `scratch` has room for n. Errors: those of the context's check.
 */
CN_NODISCARD cn_code cni_sort_items(const cni_sort_order *order, cni_sort_item *items,
                                    cni_sort_item *scratch, int64_t n, cn_error *err);

#endif /* CNI_EXEC_SORT_ITEMS_H */
