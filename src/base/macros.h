/* SPDX-License-Identifier: Apache-2.0
 *
 * The few macros that every room uses: branch hints, scoped cleanup, moves.
 * Control flow on errors is in base/error.h. Nothing else of the project hides control flow.
 */
#ifndef CNI_BASE_MACROS_H
#define CNI_BASE_MACROS_H

#include <stddef.h>
#include <stdint.h>

#include "colonnade/error.h"

#define CN_LIKELY(x)     __builtin_expect(!!(x), 1)
#define CN_UNLIKELY(x)   __builtin_expect(!!(x), 0)
#define CN_ALWAYS_INLINE __attribute__((always_inline))
#define CN_NOINLINE      __attribute__((noinline))
#define CN_COLD          __attribute__((cold))
#define CN_UNUSED        __attribute__((unused))
#define CN_FALLTHROUGH   __attribute__((fallthrough))
#define CN_ARRAY_LEN(a)  ((int64_t)(sizeof(a) / sizeof((a)[0])))
#define CN_CAT_(a, b)    a##b
#define CN_CAT(a, b)     CN_CAT_(a, b)

/* 1 when the compiler instruments for that sanitizer, else 0. */
#if defined(__has_feature)
#define CN_HAS_FEATURE_(x) __has_feature(x)
#else
#define CN_HAS_FEATURE_(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || CN_HAS_FEATURE_(address_sanitizer)
#define CN_ADDRESS_SANITIZER 1
#else
#define CN_ADDRESS_SANITIZER 0
#endif
#if defined(__SANITIZE_THREAD__) || CN_HAS_FEATURE_(thread_sanitizer)
#define CN_THREAD_SANITIZER 1
#else
#define CN_THREAD_SANITIZER 0
#endif

/* `CN_SCOPED(type) name = NULL;` releases `name` on every way out of the block.
 * The type must have been given its cleanup with CN_DEFINE_SCOPED(type, function); the function
 * accepts NULL. Type names are single identifiers, pointers are typedef'd as `<thing>_p`. */
#define CN_SCOPED(T) __attribute__((cleanup(T##_cleanup_))) T
#define CN_DEFINE_SCOPED(T, fn)                                                                    \
    static inline void T##_cleanup_(T *inout_value)                                                \
    {                                                                                              \
        fn(*inout_value);                                                                          \
    }

/* The value of pointer `p`, which becomes NULL: hands ownership out of a scoped variable. */
#define CN_MOVE(p)                                                                                 \
    (__extension__({                                                                               \
        __typeof__(p) cn_moved_ = (p);                                                             \
        (p) = NULL;                                                                                \
        cn_moved_;                                                                                 \
    }))

/* Programmer errors only; compiled out of release builds. Never for input from outside. */
#ifdef CN_DEBUG
#define CN_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())
#else
#define CN_ASSERT(condition) ((void)sizeof(condition))
#endif

static inline int64_t
cni_min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t
cni_max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* `n` rounded up to a multiple of `unit`, a power of two. */
static inline int64_t
cni_round_up(int64_t n, int64_t unit)
{
    return (n + unit - 1) & ~(unit - 1);
}

#endif /* CNI_BASE_MACROS_H */
