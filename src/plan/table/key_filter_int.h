/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside key filters: what a filter holds, shared by the files that observe keys (key_observe.c),
 * fill and prune (key_filter.c), and look rows up (key_select.c).
 */
#ifndef CNI_PLAN_KEY_FILTER_INT_H
#define CNI_PLAN_KEY_FILTER_INT_H

#include "base/atomic.h"
#include "base/thread.h"
#include "plan/table/key_filter.h"

#define CNI_KEY_BLOCK_ROWS 1024 /* rows looked at in one go: scratch lies on the stack */
#define CNI_KEY_MAP_WORDS  1024 /* of the coarse map: 64 Ki blocks */

typedef enum cni_key_class {
    CNI_KEY_OTHER, /* bloom only */
    CNI_KEY_INTEGER,
    CNI_KEY_FLOAT,
    CNI_KEY_TEXT
} cni_key_class;

struct cni_key_filter {
    cni_atomic_i64 n_refs;
    cni_allocator *allocator; /* referenced */
    const cni_type *type;     /* borrowed */
    uint8_t key_class;        /* cni_key_class */
    uint8_t kind;             /* chosen by prepare */
    cni_atomic_i64 sealed;    /* flag: cni_key_filter_kind for readers */
    cni_atomic_i64 useless;   /* flag: rows are not looked up any more */
    cni_key_observation all;  /* bounds; texts of its own */
    int64_t n_words;          /* BITMAP: bits of low_i64 + k, and one word of zeros behind them;
                                 BLOOM: a power of two */
    int64_t n_set;            /* BITMAP: bits, since the seal */
    cni_atomic_i64 *words;
    cni_atomic_i64 *map; /* BLOOM of integers: CNI_KEY_MAP_WORDS words */
    int32_t map_shift;   /* value - low >> shift is the block */
    cni_mutex mutex;     /* guards the list until the seal */
    int32_t n_list;
    int64_t list[CNI_KEY_FILTER_LIST_MAX]; /* LIST: ascending, distinct */
    uint64_t list_bits[64];                /* LIST: bits of their places, since the seal */
    cni_atomic_i64 rows_in;
    cni_atomic_i64 rows_left;
};

cni_key_class cni_key_class_of(const cni_type *type);
/* Up to CNI_KEY_BLOCK_ROWS values of a FLAT vector of class INTEGER, from row `first` on. */
void cni_key_load(const cni_vector *flat, int64_t first, int64_t n, int64_t *out_values);

/* The four bits of a hash in its word of the bloom, and that word. */
static inline uint64_t
cni_bloom_bits(uint64_t hash)
{
    return UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63) |
           UINT64_C(1) << (hash >> 12 & 63) | UINT64_C(1) << (hash >> 18 & 63);
}

static inline int64_t
cni_bloom_word(uint64_t hash, int64_t n_words)
{
    return (int64_t)(hash >> 28 & (uint64_t)(n_words - 1));
}

/* The place of a value among the 4096 of list_bits. */
static inline uint64_t
cni_key_place(int64_t value)
{
    return (uint64_t)value * UINT64_C(0x9E3779B97F4A7C15) >> 52;
}

static inline bool
cni_key_bit(const cni_atomic_i64 *words, uint64_t bit)
{
    return ((uint64_t)cni_counter_get(&words[bit >> 6]) >> (bit & 63) & 1) != 0;
}

#endif /* CNI_PLAN_KEY_FILTER_INT_H */
