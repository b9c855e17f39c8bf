/* SPDX-License-Identifier: Apache-2.0
 *
 * First occurrence of a needle: the needle's first and last byte are compared with a register of
 * haystack positions at once; where both agree the middle is compared. When candidates fail too
 * often (periodic text) the C library's linear-time search takes over. measured: bench/micro
 * kernel_bench, "find".
 */
#include "data/kernel/kernel_int.h"

#include "data/kernel/simd_int.h"

#define CNI_FIND_FAILURES_MAX 64

typedef struct find_job {
    const char *haystack;
    int64_t haystack_bytes;
    const char *needle;
    int64_t needle_bytes;
    int64_t n_failures;
} find_job;

static CN_NOINLINE int64_t
find_linear(const find_job *job, int64_t from)
{
    const char *hit = memmem(job->haystack + from, (size_t)(job->haystack_bytes - from),
                             job->needle, (size_t)job->needle_bytes);
    return hit == NULL ? -1 : hit - job->haystack;
}

/* The first of the candidates (bit i = position at + i) that is a match, or -1. */
static inline int64_t
find_check(find_job *job, int64_t at, uint64_t candidates)
{
    for (; candidates != 0; candidates &= candidates - 1) {
        const int64_t position = at + __builtin_ctzll(candidates);
        if (job->needle_bytes <= 2 || memcmp(job->haystack + position + 1, job->needle + 1,
                                             (size_t)(job->needle_bytes - 2)) == 0) {
            return position;
        }
        job->n_failures++;
    }
    return -1;
}

#if CN_ISA >= 4

static int64_t
find_wide(find_job *job)
{
    const int64_t n_positions = job->haystack_bytes - job->needle_bytes + 1;
    const __m512i first = _mm512_set1_epi8(job->needle[0]);
    const __m512i last = _mm512_set1_epi8(job->needle[job->needle_bytes - 1]);
    const char *firsts = job->haystack;
    const char *lasts = job->haystack + job->needle_bytes - 1;
    for (int64_t at = 0; at < n_positions; at += 64) {
        const int64_t rest = n_positions - at;
        const __m512i left = cni_load_512_upto(firsts + at, rest);
        const __m512i right = cni_load_512_upto(lasts + at, rest);
        const uint64_t candidates =
            _mm512_mask_cmpeq_epi8_mask(_mm512_cmpeq_epi8_mask(left, first), right, last);
        if (CN_UNLIKELY(candidates != 0)) {
            const int64_t found = find_check(job, at, candidates & cni_low_mask(rest));
            if (found >= 0) {
                return found;
            }
            if (job->n_failures > CNI_FIND_FAILURES_MAX + (at >> 4)) {
                return find_linear(job, at);
            }
        }
    }
    return -1;
}

#elif CN_ISA >= 2

#if CN_ISA == 3
#define CNI_FIND_STEP 32
static inline uint64_t
find_candidates(const char *left, const char *right, char first, char last)
{
    const __m256i at_first =
        _mm256_cmpeq_epi8(_mm256_loadu_si256((const void *)left), _mm256_set1_epi8(first));
    const __m256i at_last =
        _mm256_cmpeq_epi8(_mm256_loadu_si256((const void *)right), _mm256_set1_epi8(last));
    return (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(at_first, at_last));
}
#else
#define CNI_FIND_STEP 16
static inline uint64_t
find_candidates(const char *left, const char *right, char first, char last)
{
    const __m128i at_first =
        _mm_cmpeq_epi8(_mm_loadu_si128((const void *)left), _mm_set1_epi8(first));
    const __m128i at_last =
        _mm_cmpeq_epi8(_mm_loadu_si128((const void *)right), _mm_set1_epi8(last));
    return (uint32_t)_mm_movemask_epi8(_mm_and_si128(at_first, at_last));
}
#endif

static int64_t
find_wide(find_job *job)
{
    const int64_t n_positions = job->haystack_bytes - job->needle_bytes + 1;
    const char first = job->needle[0];
    const char last = job->needle[job->needle_bytes - 1];
    int64_t at = 0;
    for (; at + CNI_FIND_STEP <= n_positions; at += CNI_FIND_STEP) {
        const char *left = job->haystack + at;
        const uint64_t candidates =
            find_candidates(left, left + job->needle_bytes - 1, first, last);
        const int64_t found = find_check(job, at, candidates);
        if (found >= 0) {
            return found;
        }
        if (job->n_failures > CNI_FIND_FAILURES_MAX + (at >> 4)) {
            break;
        }
    }
    if (at >= n_positions) {
        return -1;
    }
    if (n_positions < CNI_FIND_STEP || job->n_failures > CNI_FIND_FAILURES_MAX + (at >> 4)) {
        return find_linear(job, at);
    }
    /* The last positions, in a step that begins among those already seen. */
    const int64_t last_step = n_positions - CNI_FIND_STEP;
    const char *left = job->haystack + last_step;
    const uint64_t candidates = find_candidates(left, left + job->needle_bytes - 1, first, last);
    return find_check(job, at, candidates >> (at - last_step));
}

#else

static int64_t
find_wide(find_job *job)
{
    return find_linear(job, 0);
}

#endif

int64_t
CNI_ISA_NAME(cni_kernel_find)(const char *haystack, int64_t haystack_bytes, const char *needle,
                              int64_t needle_bytes)
{
    if (needle_bytes > haystack_bytes) {
        return -1;
    }
    find_job job = {haystack, haystack_bytes, needle, needle_bytes, 0};
    return find_wide(&job);
}
