/* SPDX-License-Identifier: Apache-2.0
 *
 * DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY, BYTE_STREAM_SPLIT: encoded here,
 * decoded and compared; every cut and many flips of the streams are refused or give some values,
 * with no access outside (exact heap blocks).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/format/parquet/delta_int.h"

static uint64_t random_state = 11;

static uint64_t
next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
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
put_zigzag(stream *out, uint64_t value)
{
    put_varint(out, value << 1 ^ (0 - (value >> 63)));
}

static int32_t
bits_of(uint64_t value)
{
    return value == 0 ? 0 : 64 - __builtin_clzll(value);
}

/* One miniblock of `count` deltas less `smallest`. */
static void
put_miniblock(stream *out, const uint64_t *deltas, int64_t count, uint64_t smallest, int32_t width,
              int64_t per_miniblock)
{
    const int64_t n_bytes = per_miniblock * width / 8;
    memset(out->bytes + out->n, 0, (size_t)n_bytes);
    for (int64_t k = 0; k < count; k++) {
        const uint64_t value = deltas[k] - smallest;
        for (int32_t bit = 0; bit < width; bit++) {
            if ((value >> bit & 1) != 0) {
                const int64_t at = k * width + bit;
                out->bytes[out->n + at / 8] =
                    (uint8_t)(out->bytes[out->n + at / 8] | 1U << (at & 7));
            }
        }
    }
    out->n += n_bytes;
}

static void
encode(stream *out, const uint64_t *values, int64_t n, int64_t block, int64_t n_mini)
{
    const int64_t per = block / n_mini;
    uint64_t *deltas = malloc((size_t)block * 8);
    put_varint(out, (uint64_t)block);
    put_varint(out, (uint64_t)n_mini);
    put_varint(out, (uint64_t)n);
    put_zigzag(out, n > 0 ? values[0] : 0);
    for (int64_t at = 1; at < n; at += block) {
        const int64_t count = n - at < block ? n - at : block;
        uint64_t smallest = values[at] - values[at - 1];
        for (int64_t k = 0; k < count; k++) {
            deltas[k] = values[at + k] - values[at + k - 1];
            smallest = (int64_t)deltas[k] < (int64_t)smallest ? deltas[k] : smallest;
        }
        put_zigzag(out, smallest);
        uint8_t *widths = out->bytes + out->n;
        memset(widths, 0, (size_t)n_mini);
        out->n += n_mini;
        for (int64_t mini = 0; mini * per < count; mini++) {
            const int64_t from = mini * per;
            const int64_t n_here = count - from < per ? count - from : per;
            int32_t width = 0;
            for (int64_t k = from; k < from + n_here; k++) {
                const int32_t needed = bits_of(deltas[k] - smallest);
                width = needed > width ? needed : width;
            }
            widths[mini] = (uint8_t)width;
            put_miniblock(out, deltas + from, n_here, smallest, width, per);
        }
    }
    free(deltas);
}

static stream
exact(const stream *from, int64_t n)
{
    stream out = {malloc((size_t)n + (n == 0)), n};
    memcpy(out.bytes, from->bytes, (size_t)n);
    return out;
}

static void
fill(uint64_t *values, int64_t n, int kind)
{
    for (int64_t k = 0; k < n; k++) {
        const uint64_t r = next_random();
        values[k] = kind == 0   ? (uint64_t)k * 3
                    : kind == 1 ? r
                    : kind == 2 ? (uint64_t)((int64_t)(r % 2001) - 1000)
                                : 77;
    }
}

static void
test_integers(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 31, 32, 33, 128, 129, 130, 1000, 3001};
    static const int64_t shapes[][2] = {{128, 4}, {128, 1}, {256, 8}, {2048, 2}, {1024, 32}};
    const cni_kernels *kernels = cni_kernels_get();
    static uint64_t values[4000];
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (size_t shape = 0; shape < 5; shape++) {
            for (int kind = 0; kind < 4; kind++) {
                const int64_t n = sizes[s];
                stream out = {malloc(200000), 0};
                uint64_t *got = malloc((size_t)n * 8 + 8);
                int32_t *narrow = malloc((size_t)n * 4 + 8);
                int64_t consumed = 0;
                fill(values, n, kind);
                encode(&out, values, n, shapes[shape][0], shapes[shape][1]);
                stream bytes = exact(&out, out.n);
                assert_int_equal(
                    cni_pq_delta_decode(kernels, bytes.bytes, bytes.n, n, 8, got, &consumed, NULL),
                    CN_OK);
                assert_int_equal(consumed, bytes.n);
                assert_memory_equal(got, values, (size_t)n * 8);
                assert_int_equal(cni_pq_delta_decode(kernels, bytes.bytes, bytes.n, n, 4, narrow,
                                                     &consumed, NULL),
                                 CN_OK);
                for (int64_t k = 0; k < n; k++) {
                    assert_int_equal((uint32_t)narrow[k], (uint32_t)values[k]);
                }
                free(bytes.bytes);
                free(narrow);
                free(got);
                free(out.bytes);
            }
        }
    }
}

static void
test_damaged_integers(void **state)
{
    (void)state;
    const cni_kernels *kernels = cni_kernels_get();
    static uint64_t values[500];
    static uint64_t got[500];
    stream out = {malloc(20000), 0};
    int64_t consumed = 0;
    fill(values, 500, 2);
    encode(&out, values, 500, 128, 4);
    for (int64_t cut = 0; cut < out.n; cut++) {
        stream bytes = exact(&out, cut);
        const cn_code code =
            cni_pq_delta_decode(kernels, bytes.bytes, bytes.n, 500, 8, got, &consumed, NULL);
        assert_true(code == CN_INVALID_DATA || cut > out.n - 64);
        free(bytes.bytes);
    }
    for (int round = 0; round < 20000; round++) {
        stream bytes = exact(&out, out.n);
        bytes.bytes[next_random() % (uint64_t)(round % 2 == 0 ? out.n : 12)] ^=
            (uint8_t)(1U << next_random() % 8);
        (void)!cni_pq_delta_decode(kernels, bytes.bytes, bytes.n, 500, 8, got, &consumed, NULL);
        free(bytes.bytes);
    }
    /* more values wanted than there are */
    assert_int_equal(cni_pq_delta_decode(kernels, out.bytes, out.n, 501, 8, got, &consumed, NULL),
                     CN_INVALID_DATA);
    free(out.bytes);
}

typedef struct words {
    int64_t n;
    uint64_t lengths[300];
    uint64_t prefixes[300];
    uint64_t suffixes[300];
    uint8_t text[300][40];
} words;

static void
make_words(words *out)
{
    out->n = 300;
    for (int64_t k = 0; k < out->n; k++) {
        const uint64_t shared = k > 0 ? next_random() % (out->lengths[k - 1] + 1) : 0;
        out->lengths[k] = shared + next_random() % (41 - shared);
        memcpy(out->text[k], k > 0 ? out->text[k - 1] : out->text[0], shared);
        for (uint64_t byte = shared; byte < out->lengths[k]; byte++) {
            out->text[k][byte] = (uint8_t)next_random();
        }
        out->prefixes[k] = shared;
        out->suffixes[k] = out->lengths[k] - shared;
    }
}

static void
test_lengths(void **state)
{
    (void)state;
    const cni_kernels *kernels = cni_kernels_get();
    static words given;
    make_words(&given);
    stream out = {malloc(50000), 0};
    encode(&out, given.lengths, given.n, 128, 4);
    for (int64_t k = 0; k < given.n; k++) {
        memcpy(out.bytes + out.n, given.text[k], given.lengths[k]);
        out.n += (int64_t)given.lengths[k];
    }
    int32_t offsets[301];
    const uint8_t *text = NULL;
    for (int64_t cut = 0; cut <= out.n; cut += cut < out.n - 200 ? 7 : 1) {
        stream bytes = exact(&out, cut);
        const cn_code code = cni_pq_delta_length_decode(kernels, bytes.bytes, bytes.n, given.n,
                                                        offsets, &text, NULL);
        assert_int_equal(code, cut == out.n ? CN_OK : CN_INVALID_DATA);
        for (int64_t k = 0; code == CN_OK && k < given.n; k++) {
            assert_int_equal(offsets[k + 1] - offsets[k], given.lengths[k]);
            assert_memory_equal(text + offsets[k], given.text[k], given.lengths[k]);
        }
        free(bytes.bytes);
    }
    free(out.bytes);
}

static void
test_strings(void **state)
{
    (void)state;
    const cni_kernels *kernels = cni_kernels_get();
    static words given;
    make_words(&given);
    stream out = {malloc(50000), 0};
    encode(&out, given.prefixes, given.n, 128, 4);
    encode(&out, given.suffixes, given.n, 128, 4);
    for (int64_t k = 0; k < given.n; k++) {
        memcpy(out.bytes + out.n, given.text[k] + given.prefixes[k], given.suffixes[k]);
        out.n += (int64_t)given.suffixes[k];
    }
    for (int round = 0; round < 3000; round++) {
        stream bytes = exact(&out, out.n);
        cni_buffer *text = NULL;
        cni_buffer *offsets = NULL;
        if (round > 0) {
            bytes.bytes[next_random() % (uint64_t)out.n] ^= (uint8_t)(1U << next_random() % 8);
        }
        const cn_code code = cni_pq_delta_strings_decode(
            cni_allocator_system(), kernels, bytes.bytes, bytes.n, given.n, &text, &offsets, NULL);
        assert_true(code == CN_OK || (round > 0 && code == CN_INVALID_DATA));
        const int64_t *ends = offsets != NULL ? (const int64_t *)(const void *)offsets->data : NULL;
        for (int64_t k = 0; round == 0 && k < given.n; k++) {
            assert_int_equal(ends[k + 1] - ends[k], given.lengths[k]);
            assert_memory_equal(text->data + ends[k], given.text[k], given.lengths[k]);
        }
        cni_buffer_unref(text);
        cni_buffer_unref(offsets);
        free(bytes.bytes);
    }
    free(out.bytes);
}

static void
test_split(void **state)
{
    (void)state;
    for (int32_t width = 1; width <= 20; width++) {
        for (int64_t n = 0; n < 100; n += 9) {
            uint8_t *from = malloc((size_t)(n * width) + 1);
            uint8_t *to = malloc((size_t)(n * width) + 1);
            for (int64_t byte = 0; byte < n * width; byte++) {
                from[byte] = (uint8_t)next_random();
            }
            cni_pq_split_decode(from, n, width, to);
            for (int64_t k = 0; k < n; k++) {
                for (int32_t byte = 0; byte < width; byte++) {
                    assert_int_equal(to[k * width + byte], from[byte * n + k]);
                }
            }
            free(from);
            free(to);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers), cmocka_unit_test(test_damaged_integers),
        cmocka_unit_test(test_lengths),  cmocka_unit_test(test_strings),
        cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
