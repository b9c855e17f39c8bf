/* SPDX-License-Identifier: Apache-2.0
 *
 * Timing for the micro-benchmarks: the minimum of several runs, each long enough for the clock,
 * printed per item beside its budget. A run calls `call(context)`, which does n_items of work.
 */
#ifndef CN_BENCH_MICRO_TIMER_H
#define CN_BENCH_MICRO_TIMER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MICRO_RUNS   9
#define MICRO_RUN_NS 2000000

/* Programs of one thread may set CLOCK_THREAD_CPUTIME_ID, which a busy machine disturbs less. */
#ifndef MICRO_CLOCK
#define MICRO_CLOCK CLOCK_MONOTONIC
#endif

typedef void (*micro_call)(void *context);

static inline int64_t
micro_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(MICRO_CLOCK, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline double
micro_time(micro_call call, void *context, int64_t n_items)
{
    int64_t n_calls = 1;
    double best = 1e300;
    for (int run = 0; run < MICRO_RUNS;) {
        const int64_t start = micro_now_ns();
        for (int64_t turn = 0; turn < n_calls; turn++) {
            call(context);
        }
        const int64_t elapsed = micro_now_ns() - start;
        if (elapsed < MICRO_RUN_NS) {
            n_calls *= elapsed < MICRO_RUN_NS / 10 ? 8 : 2;
            continue;
        }
        const double per_item = (double)elapsed / ((double)n_calls * (double)n_items);
        best = per_item < best ? per_item : best;
        run++;
    }
    return best;
}

/* budget_ns 0 = none. Lines whose name does not contain `filter` are skipped. */
static inline void
micro_run(const char *filter, const char *name, micro_call call, void *context, int64_t n_items,
          double budget_ns)
{
    if (filter != NULL && strstr(name, filter) == NULL) {
        return;
    }
    const double ns = micro_time(call, context, n_items);
    if (budget_ns > 0) {
        printf("%-44s %8.3f ns   budget %6.3f%s\n", name, ns, budget_ns,
               ns > 1.5 * budget_ns ? "   OVER" : "");
    } else {
        printf("%-44s %8.3f ns\n", name, ns);
    }
    (void)fflush(stdout);
}

static inline uint64_t
micro_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 11;
}

/* Zeroed, 64-aligned; never freed. */
static inline void *
micro_block(int64_t n_bytes)
{
    void *block = aligned_alloc(64, (size_t)((n_bytes + 127) / 64 * 64));
    if (block == NULL) {
        abort();
    }
    memset(block, 0, (size_t)n_bytes + 64);
    return block;
}

#endif /* CN_BENCH_MICRO_TIMER_H */
