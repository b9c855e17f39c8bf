/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets of relations of one tree of joins, by number.
 */
#ifndef CNI_OPTIMIZE_RELATION_SET_INT_H
#define CNI_OPTIMIZE_RELATION_SET_INT_H

#include <stdbool.h>
#include <stdint.h>

#define CNI_RELATION_WORDS 4 /* of 64: CNI_GREEDY_MAX relations */

typedef struct cni_relation_set {
    uint64_t words[CNI_RELATION_WORDS];
} cni_relation_set;

static inline cni_relation_set
cni_relation_one(int32_t relation)
{
    cni_relation_set set = {{0}};
    set.words[relation >> 6] = UINT64_C(1) << (relation & 63);
    return set;
}

static inline cni_relation_set
cni_relation_union(cni_relation_set a, cni_relation_set b)
{
    for (int32_t word = 0; word < CNI_RELATION_WORDS; word++) {
        a.words[word] |= b.words[word];
    }
    return a;
}

static inline cni_relation_set
cni_relation_common(cni_relation_set a, cni_relation_set b)
{
    for (int32_t word = 0; word < CNI_RELATION_WORDS; word++) {
        a.words[word] &= b.words[word];
    }
    return a;
}

static inline cni_relation_set
cni_relation_without(cni_relation_set a, cni_relation_set b)
{
    for (int32_t word = 0; word < CNI_RELATION_WORDS; word++) {
        a.words[word] &= ~b.words[word];
    }
    return a;
}

static inline bool
cni_relation_is_empty(cni_relation_set set)
{
    return (set.words[0] | set.words[1] | set.words[2] | set.words[3]) == 0;
}

static inline bool
cni_relation_meets(cni_relation_set a, cni_relation_set b)
{
    return !cni_relation_is_empty(cni_relation_common(a, b));
}

/* a is a subset of b. */
static inline bool
cni_relation_within(cni_relation_set a, cni_relation_set b)
{
    return cni_relation_is_empty(cni_relation_without(a, b));
}

static inline bool
cni_relation_equal(cni_relation_set a, cni_relation_set b)
{
    return cni_relation_within(a, b) && cni_relation_within(b, a);
}

static inline bool
cni_relation_has(cni_relation_set set, int32_t relation)
{
    return ((set.words[relation >> 6] >> (relation & 63)) & 1) != 0;
}

static inline int32_t
cni_relation_count(cni_relation_set set)
{
    int32_t count = 0;
    for (int32_t word = 0; word < CNI_RELATION_WORDS; word++) {
        count += __builtin_popcountll(set.words[word]);
    }
    return count;
}

/* The lowest relation at or above `from`; -1 = none. */
static inline int32_t
cni_relation_next(cni_relation_set set, int32_t from)
{
    for (int32_t relation = from; relation < CNI_RELATION_WORDS * 64; relation++) {
        const uint64_t rest = set.words[relation >> 6] >> (relation & 63);
        if (rest != 0) {
            return relation + __builtin_ctzll(rest);
        }
        relation |= 63;
    }
    return -1;
}

#endif /* CNI_OPTIMIZE_RELATION_SET_INT_H */
