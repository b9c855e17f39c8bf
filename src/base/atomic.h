/* SPDX-License-Identifier: Apache-2.0
 *
 * The four ways in which threads share a word here; nothing else uses <stdatomic.h> orderings.
 *   counter   relaxed add and read: statistics, morsel cursors that publish nothing
 *   refcount  increment relaxed, decrement acquire-release: last one out may free
 *   flag      publish with release, consume with acquire: "data behind this is ready", cancel
 *   slot      compare-and-swap, acquire-release: first writer wins
 * A mark is a byte that many set and nobody clears: relaxed like a counter, read after some later
 * publish.
 */
#ifndef CNI_BASE_ATOMIC_H
#define CNI_BASE_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic(int64_t) cni_atomic_i64;
typedef _Atomic(uint8_t) cni_atomic_u8;
typedef _Atomic(void *) cni_atomic_ptr;

/* counter */
static inline int64_t
cni_counter_add(cni_atomic_i64 *self, int64_t n)
{
    return atomic_fetch_add_explicit(self, n, memory_order_relaxed); /* the value before */
}

static inline int64_t
cni_counter_get(const cni_atomic_i64 *self)
{
    return atomic_load_explicit(self, memory_order_relaxed);
}

static inline void
cni_counter_set(cni_atomic_i64 *self, int64_t n)
{
    atomic_store_explicit(self, n, memory_order_relaxed);
}

/* Set bits that a reader sees after some later publish. */
static inline void
cni_counter_set_bits(cni_atomic_i64 *self, uint64_t bits)
{
    if (((uint64_t)atomic_load_explicit(self, memory_order_relaxed) & bits) != bits) {
        atomic_fetch_or_explicit(self, (int64_t)bits, memory_order_relaxed);
    }
}

/* Raise to at least n. */
static inline void
cni_counter_max(cni_atomic_i64 *self, int64_t n)
{
    int64_t seen = atomic_load_explicit(self, memory_order_relaxed);
    while (seen < n && !atomic_compare_exchange_weak_explicit(self, &seen, n, memory_order_relaxed,
                                                              memory_order_relaxed)) {
    }
}

/* refcount */
static inline void
cni_refcount_inc(cni_atomic_i64 *self)
{
    atomic_fetch_add_explicit(self, 1, memory_order_relaxed);
}

/* True when this was the last reference. */
static inline bool
cni_refcount_dec(cni_atomic_i64 *self)
{
    return atomic_fetch_sub_explicit(self, 1, memory_order_acq_rel) == 1;
}

/* True when the caller holds the only reference: it may write what is otherwise shared. */
static inline bool
cni_refcount_is_unique(const cni_atomic_i64 *self)
{
    return atomic_load_explicit(self, memory_order_acquire) == 1;
}

/* flag */
static inline void
cni_flag_publish(cni_atomic_i64 *self, int64_t value)
{
    atomic_store_explicit(self, value, memory_order_release);
}

static inline int64_t
cni_flag_consume(const cni_atomic_i64 *self)
{
    return atomic_load_explicit(self, memory_order_acquire);
}

/* mark */
static inline void
cni_mark_set(cni_atomic_u8 *self)
{
    if (atomic_load_explicit(self, memory_order_relaxed) == 0) {
        atomic_store_explicit(self, 1, memory_order_relaxed);
    }
}

static inline bool
cni_mark_get(const cni_atomic_u8 *self)
{
    return atomic_load_explicit(self, memory_order_relaxed) != 0;
}

/* slot */
static inline bool
cni_slot_swap(cni_atomic_i64 *self, int64_t expected, int64_t desired)
{
    return atomic_compare_exchange_strong_explicit(self, &expected, desired, memory_order_acq_rel,
                                                   memory_order_acquire);
}

/* Store `desired` in an empty slot; gives what the slot holds afterwards. */
static inline void *
cni_slot_claim(cni_atomic_ptr *self, void *desired)
{
    void *seen = NULL;
    if (atomic_compare_exchange_strong_explicit(self, &seen, desired, memory_order_acq_rel,
                                                memory_order_acquire)) {
        return desired;
    }
    return seen;
}

#endif /* CNI_BASE_ATOMIC_H */
