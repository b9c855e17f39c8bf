/* SPDX-License-Identifier: Apache-2.0
 *
 * RLE / bit-packing hybrid: streams encoded here, read in pieces of every size at every width,
 * skipped, read as bits; cut and malformed ones are refused. Sources are exact heap blocks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/format/parquet/hybrid_int.h"

#define MAX_VALUES 3000

static uint64_t random_state = 7;

static uint64_t
next_random(void)
{
    random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return random_state >> 20;
}

typedef struct stream {
    uint8_t *bytes;
    int64_t n;
} stream;

static void
put_varint(stream *out, uint64_t value)
{
    for (; value > 127; value >>= 7) {
        out->bytes[out->n++] = (uint8_t)(value | 128);
    }
    out->bytes[out->n++] = (uint8_t)value;
}

static void
put_rle(stream *out, uint32_t value, int64_t n, int32_t width)
{
    put_varint(out, (uint64_t)n << 1);
    for (int32_t byte = 0; byte < (width + 7) / 8; byte++) {
        out->bytes[out->n++] = (uint8_t)(value >> (8 * byte));
    }
}

/* n values, n a multiple of 8 unless it is the end */
static void
put_packed(stream *out, const uint32_t *values, int64_t n, int32_t width)
{
    const int64_t n_groups = (n + 7) / 8;
    put_varint(out, (uint64_t)n_groups << 1 | 1);
    memset(out->bytes + out->n, 0, (size_t)(n_groups * width));
    for (int64_t value = 0; value < n; value++) {
        for (int32_t bit = 0; bit < width; bit++) {
            if ((values[value] >> bit & 1) != 0) {
                cni_bit_set(out->bytes + out->n, value * width + bit);
            }
        }
    }
    out->n += n_groups * width;
}

/* Runs of both kinds over n values. */
static stream
encode(uint32_t *values, int64_t n, int32_t width)
{
    stream out = {malloc((size_t)n * 8 + 64), 0};
    const uint32_t mask = width == 32 ? UINT32_MAX : (1U << width) - 1;
    int64_t at = 0;
    while (at < n) {
        int64_t n_run = 1 + (int64_t)(next_random() % 300);
        n_run = n_run < n - at ? n_run : n - at;
        if (next_random() % 2 == 0) {
            const uint32_t value = (uint32_t)next_random() & mask;
            for (int64_t item = 0; item < n_run; item++) {
                values[at + item] = value;
            }
            put_rle(&out, value, n_run, width);
        } else {
            n_run = at + n_run < n ? (n_run + 7) / 8 * 8 : n_run;
            n_run = n_run < n - at ? n_run : n - at;
            for (int64_t item = 0; item < n_run; item++) {
                values[at + item] = (uint32_t)next_random() & mask;
            }
            put_packed(&out, values + at, n_run, width);
        }
        at += n_run;
    }
    return out;
}

static stream
exact(stream from, int64_t n)
{
    stream out = {malloc((size_t)n + (n == 0)), n};
    memcpy(out.bytes, from.bytes, (size_t)n);
    return out;
}

static uint32_t
item(const void *items, int32_t code_bytes, int64_t at)
{
    uint32_t value = 0;
    memcpy(&value, (const uint8_t *)items + at * code_bytes, (size_t)code_bytes);
    return value;
}

/* Read a stream of n values in pieces: round 0 whole, 1 one by one, 2 small, 3 with skips. */
static void
read_in_pieces(const uint32_t *values, int64_t n_values, int32_t width, int32_t code_bytes,
               int round, const stream *bytes)
{
    static const uint64_t most[] = {1, 1, 13, 500};
    static uint8_t got[(MAX_VALUES + 64) * 4];
    cni_pq_hybrid hybrid;
    cni_pq_hybrid_init(&hybrid, bytes->bytes, bytes->n, width);
    for (int64_t at = 0; at < n_values;) {
        int64_t n = 1 + (int64_t)(next_random() % most[round]);
        n = round == 0 ? n_values : n < n_values - at ? n : n_values - at;
        if (round == 3 && next_random() % 3 == 0) {
            assert_true(cni_pq_hybrid_skip(&hybrid, n));
            at += n;
            continue;
        }
        assert_true(cni_pq_hybrid_read(&hybrid, cni_kernels_get(), code_bytes, n, got));
        for (int64_t k = 0; k < n; k++) {
            assert_int_equal(item(got, code_bytes, k), values[at + k]);
        }
        at += n;
    }
}

static void
test_reads(void **state)
{
    (void)state;
    static uint32_t values[MAX_VALUES + 64];
    for (int32_t of = 0; of < 33 * 3 * 4; of++) {
        const int32_t width = of / 12;
        const int32_t code_bytes = 1 << of / 4 % 3;
        if (width > code_bytes * 8) {
            continue;
        }
        stream encoded = encode(values, MAX_VALUES, width);
        stream bytes = exact(encoded, encoded.n);
        read_in_pieces(values, MAX_VALUES, width, code_bytes, of % 4, &bytes);
        free(bytes.bytes);
        free(encoded.bytes);
    }
}

static void
test_bits(void **state)
{
    (void)state;
    enum {
        N = 2000
    };
    static uint32_t values[N + 64];
    static uint64_t got[N / 64 + 2];
    for (int round = 0; round < 50; round++) {
        stream encoded = encode(values, N, 1);
        stream bytes = exact(encoded, encoded.n);
        cni_pq_hybrid hybrid;
        int64_t n_set = 0;
        int64_t expected = 0;
        cni_pq_hybrid_init(&hybrid, bytes.bytes, bytes.n, 1);
        assert_true(cni_pq_hybrid_read_bits(&hybrid, N, (uint8_t *)got, &n_set));
        for (int64_t k = 0; k < N; k++) {
            assert_int_equal(got[k >> 6] >> (k & 63) & 1, values[k]);
            expected += values[k];
        }
        assert_int_equal(n_set, expected);
        free(bytes.bytes);
        free(encoded.bytes);
    }
}

static void
test_peek(void **state)
{
    (void)state;
    stream out = {malloc(64), 0};
    const uint32_t packed[8] = {1, 2, 3, 4, 5, 6, 7, 0};
    put_rle(&out, 5, 100, 3);
    put_packed(&out, packed, 8, 3);
    cni_pq_hybrid hybrid;
    uint32_t value = 0;
    cni_pq_hybrid_init(&hybrid, out.bytes, out.n, 3);
    assert_true(cni_pq_hybrid_peek_run(&hybrid, 100, &value));
    assert_int_equal(value, 5);
    assert_false(cni_pq_hybrid_peek_run(&hybrid, 101, &value));
    assert_true(cni_pq_hybrid_skip(&hybrid, 100));
    assert_false(cni_pq_hybrid_peek_run(&hybrid, 1, &value));
    free(out.bytes);
}

/* Every cut of a stream gives fewer values, never a read behind its end. */
static void
test_cuts(void **state)
{
    (void)state;
    const cni_kernels *kernels = cni_kernels_get();
    enum {
        N = 400
    };
    static uint32_t values[N + 64];
    static uint8_t got[(N + 64) * 4];
    for (int32_t width = 1; width <= 32; width += 5) {
        stream encoded = encode(values, N, width);
        for (int64_t cut = 0; cut < encoded.n; cut++) {
            stream bytes = exact(encoded, cut);
            cni_pq_hybrid hybrid;
            cni_pq_hybrid_init(&hybrid, bytes.bytes, bytes.n, width);
            (void)cni_pq_hybrid_read(&hybrid, kernels, 4, N, got);
            cni_pq_hybrid_init(&hybrid, bytes.bytes, bytes.n, width);
            (void)cni_pq_hybrid_skip(&hybrid, N);
            free(bytes.bytes);
        }
        free(encoded.bytes);
    }
    /* a header that never ends; levels above 1 */
    static const uint8_t endless[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t two[] = {8 << 1, 2};
    uint64_t bits = 0;
    int64_t n_set;
    cni_pq_hybrid hybrid;
    cni_pq_hybrid_init(&hybrid, endless, sizeof(endless), 3);
    assert_false(cni_pq_hybrid_read(&hybrid, kernels, 1, 1, got));
    cni_pq_hybrid_init(&hybrid, two, sizeof(two), 1);
    assert_false(cni_pq_hybrid_read_bits(&hybrid, 8, (uint8_t *)&bits, &n_set));
    /* a run whose value has more bits than the width */
    static const uint8_t wide[] = {8 << 1, 8};
    cni_pq_hybrid_init(&hybrid, wide, sizeof(wide), 3);
    assert_false(cni_pq_hybrid_read(&hybrid, kernels, 1, 8, got));
    cni_pq_hybrid_init(&hybrid, wide, sizeof(wide), 4);
    assert_true(cni_pq_hybrid_read(&hybrid, kernels, 1, 8, got));
    /* width 0 needs no bytes */
    cni_pq_hybrid_init(&hybrid, endless, 0, 0);
    assert_true(cni_pq_hybrid_read(&hybrid, kernels, 1, 300, got));
    assert_int_equal(got[299], 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_peek),
        cmocka_unit_test(test_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
