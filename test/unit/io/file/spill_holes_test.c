/* SPDX-License-Identifier: Apache-2.0
 *
 * Holes of temporary files: what is discarded is given back once, in large pieces, and nothing that
 * was not discarded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "io/file/spill_holes_int.h"

#define BLOCK_BYTES (CNI_SPILL_HOLE_BYTES / 16)
#define N_BLOCKS    4096

static cni_spill_range
add_block(cni_spill_holes *holes, int64_t block)
{
    return cni_spill_holes_add(holes,
                               (cni_spill_range){block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES});
}

/* In either direction, one hole for many blocks. */
static void
test_neighbours_become_one(void **state)
{
    (void)state;
    for (int backwards = 0; backwards < 2; backwards++) {
        cni_spill_holes holes;
        cni_spill_holes_init(&holes);
        for (int64_t at = 0; at < 15; at++) {
            const cni_spill_range none = add_block(&holes, backwards ? 15 - at : at);
            assert_true(none.end <= none.start);
        }
        const cni_spill_range hole = add_block(&holes, backwards ? 0 : 15);
        assert_int_equal(hole.start, 0);
        assert_int_equal(hole.end, CNI_SPILL_HOLE_BYTES);
        assert_int_equal(holes.n_pieces, 0);
        cni_spill_holes_done(&holes);
    }
}

static void
test_large_ones_at_once(void **state)
{
    (void)state;
    cni_spill_holes holes;
    cni_spill_holes_init(&holes);
    const cni_spill_range gone = {4096, 4096 + 3 * CNI_SPILL_HOLE_BYTES};
    const cni_spill_range hole = cni_spill_holes_add(&holes, gone);
    assert_memory_equal(&hole, &gone, sizeof(hole));
    cni_spill_holes_done(&holes);
}

/* A gap that is filled joins both sides. */
static void
test_bridge(void **state)
{
    (void)state;
    cni_spill_holes holes;
    cni_spill_holes_init(&holes);
    (void)add_block(&holes, 1);
    (void)add_block(&holes, 3);
    assert_int_equal(holes.n_pieces, 2);
    (void)add_block(&holes, 2);
    assert_int_equal(holes.n_pieces, 1);
    assert_int_equal(holes.pieces[0].start, BLOCK_BYTES);
    assert_int_equal(holes.pieces[0].end, 4 * BLOCK_BYTES);
    cni_spill_holes_done(&holes);
}

/* Blocks in any order: each is in one hole, or still gathered; few holes when there are few runs.
 */
static void
check_order(const int32_t *blocks, int32_t most_holes)
{
    cni_spill_holes holes;
    uint8_t *n_times = calloc(N_BLOCKS, 1);
    int32_t n_holes = 0;
    cni_spill_holes_init(&holes);
    for (int32_t at = 0; at < N_BLOCKS; at++) {
        const cni_spill_range hole = add_block(&holes, blocks[at]);
        n_holes += hole.end > hole.start ? 1 : 0;
        for (int64_t block = hole.start / BLOCK_BYTES; block < hole.end / BLOCK_BYTES; block++) {
            n_times[block]++;
        }
    }
    for (int32_t piece = 0; piece < holes.n_pieces; piece++) {
        const cni_spill_range left = holes.pieces[piece];
        for (int64_t block = left.start / BLOCK_BYTES; block < left.end / BLOCK_BYTES; block++) {
            n_times[block]++;
        }
    }
    for (int32_t block = 0; block < N_BLOCKS; block++) {
        assert_int_equal(n_times[block], 1);
    }
    assert_true(n_holes <= most_holes);
    cni_spill_holes_done(&holes);
    free(n_times);
}

static void
test_orders(void **state)
{
    (void)state;
    int32_t blocks[N_BLOCKS];
    for (int32_t at = 0; at < N_BLOCKS; at++) {
        blocks[at] = at % 32 * (N_BLOCKS / 32) + at / 32; /* a merge of 32 runs */
    }
    check_order(blocks, N_BLOCKS / 16);
    uint32_t seed = 7;
    for (int32_t at = N_BLOCKS - 1; at > 0; at--) {
        seed = seed * 1664525U + 1013904223U;
        const int32_t other = (int32_t)(seed % (uint32_t)(at + 1));
        const int32_t block = blocks[at];
        blocks[at] = blocks[other];
        blocks[other] = block;
    }
    check_order(blocks, N_BLOCKS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neighbours_become_one),
        cmocka_unit_test(test_large_ones_at_once),
        cmocka_unit_test(test_bridge),
        cmocka_unit_test(test_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
