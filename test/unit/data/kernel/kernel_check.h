/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel tests share: a small random generator, the row counts that every kernel is run
 * over, the levels of this machine, and blocks of exactly the size asked so that AddressSanitizer
 * sees every byte read or written too far.
 */
#ifndef CN_TEST_KERNEL_CHECK_H
#define CN_TEST_KERNEL_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/int128.h"
#include "data/kernel/kernel.h"

static const int64_t check_sizes[] = {0, 1, 7, 63, 64, 65, 127, 200, 2048, 16384};
static const cni_isa check_levels[] = {CNI_ISA_BASE, CNI_ISA_V2, CNI_ISA_V3, CNI_ISA_V4,
                                       CNI_ISA_V5};

typedef struct check_random {
    uint64_t state;
} check_random;

static inline uint64_t
check_next(check_random *random)
{
    random->state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = random->state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

/* A block of n_bytes, misaligned by `shift` bytes from a multiple of 16; free with check_free. */
static inline void *
check_block(int64_t n_bytes, int64_t shift)
{
    char *block = malloc((size_t)(n_bytes + shift + (n_bytes + shift == 0)));
    assert_non_null(block);
    return block + shift;
}

static inline void
check_free(void *block, int64_t shift)
{
    free((char *)block - shift);
}

/* Bitmap words for n rows, bits beyond n random too. `kind`: 0 none, 1 all, 2 half, 3 few, 4 most,
 * 5 runs. */
#define CHECK_BIT_KINDS 6
static inline uint64_t *
check_bits(check_random *random, int64_t n, int kind)
{
    const int64_t n_words = (n + 63) / 64;
    uint64_t *words = check_block(n_words * 8, 0);
    for (int64_t word = 0; word < n_words; word++) {
        const uint64_t one = check_next(random);
        const uint64_t two = check_next(random);
        const uint64_t few = one & two & check_next(random) & check_next(random);
        const uint64_t kinds[CHECK_BIT_KINDS] = {
            0, ~UINT64_C(0), one, few, ~few, one % 3 == 0 ? 0 : one % 3 == 1 ? ~UINT64_C(0) : two};
        words[word] = kinds[kind];
    }
    return words;
}

static inline bool
check_bit(const uint64_t *words, int64_t row)
{
    return ((words[row >> 6] >> (row & 63)) & 1) != 0;
}

#endif /* CN_TEST_KERNEL_CHECK_H */
