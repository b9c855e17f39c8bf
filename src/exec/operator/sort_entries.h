/* SPDX-License-Identifier: Apache-2.0
 *
 * Sort entries: the first 16 bytes of a normalized key as two integers, and which row it belongs
 * to. Runs of them are sorted here and compared in sort_merge.c; keys longer than 16 bytes (and all
 * of variable width) are told apart by memcmp when those are equal.
 */
#ifndef CNI_EXEC_SORT_ENTRIES_H
#define CNI_EXEC_SORT_ENTRIES_H

#include "base/str.h"

typedef struct cni_sort_entry {
    uint64_t high; /* key bytes 0..7, big-endian */
    uint64_t low;  /* key bytes 8..15 */
    uint64_t row;  /* CNI_SORT_LONG, piece << 16 | row of the piece: ascending in arrival */
} cni_sort_entry;

/* The key has more than 16 bytes. Keys are prefix-free, so among equal first 16 bytes either all
 * are long or all are the same. */
#define CNI_SORT_LONG (UINT64_C(1) << 63)

static inline int64_t
cni_sort_entry_piece(const cni_sort_entry *entry)
{
    return (int64_t)((entry->row & ~CNI_SORT_LONG) >> 16);
}

static inline int64_t
cni_sort_entry_row(const cni_sort_entry *entry)
{
    return (int64_t)(entry->row & 0xFFFF);
}

/* Whole key of an entry whose first 16 bytes do not decide. */
typedef cni_str (*cni_sort_key_of)(const void *state, const cni_sort_entry *entry);

/* Sort n entries by key, equal ones in the order in which they are. key_of NULL: 16 bytes decide.
 * `scratch` has room for n entries too. */
void cni_sort_entries(cni_sort_entry *entries, cni_sort_entry *scratch, int64_t n,
                      cni_sort_key_of key_of, const void *state);
/* Sort by row. */
void cni_sort_entries_by_row(cni_sort_entry *entries, cni_sort_entry *scratch, int64_t n);

/* First 16 bytes of a key of n_bytes, zeros behind its end. */
static inline void
cni_sort_entry_prefix(cni_sort_entry *out_entry, const uint8_t *key, int64_t n_bytes)
{
    uint8_t prefix[16] = {0};
    memcpy(prefix, key, (size_t)(n_bytes < 16 ? n_bytes : 16));
    memcpy(&out_entry->high, prefix, 8);
    memcpy(&out_entry->low, prefix + 8, 8);
    out_entry->high = __builtin_bswap64(out_entry->high);
    out_entry->low = __builtin_bswap64(out_entry->low);
}

/* By the first 16 bytes: negative, 0, positive. */
static inline int
cni_sort_entry_compare(const cni_sort_entry *a, const cni_sort_entry *b)
{
    if (a->high != b->high) {
        return a->high < b->high ? -1 : 1;
    }
    return (a->low > b->low) - (a->low < b->low);
}

#endif /* CNI_EXEC_SORT_ENTRIES_H */
