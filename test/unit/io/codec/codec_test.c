/* SPDX-License-Identifier: Apache-2.0
 *
 * Codecs: blocks made by an encoder (the libraries', and one for snappy below that uses every kind
 * of tag) come back; damaged, cut and wrongly sized blocks are refused without a read or write
 * outside. Source and destination are heap blocks of the exact size, so that AddressSanitizer sees
 * one byte too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lz4.h>
#include <zlib.h>
#include <zstd.h>

#include "base/fault.h"
#include "io/codec/codec.h"

static uint64_t random_state = 88172645463325252ULL;

static uint64_t
next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

typedef struct block {
    uint8_t *bytes;
    size_t n;
} block;

/* Bytes with repeats at many distances: `kind` chooses the texture. */
static block
make_text(size_t n, int kind)
{
    block text = {malloc(n + 1), n};
    assert_non_null(text.bytes);
    for (size_t at = 0; at < n; at++) {
        const uint64_t r = next_random();
        if (kind == 0 || at < 16) {
            text.bytes[at] = (uint8_t)r;
        } else if (kind == 1) {
            text.bytes[at] = (uint8_t)(at / 100);
        } else if (kind == 2) {
            text.bytes[at] = (at & 7) < 3 ? (uint8_t)r : 0;
        } else {
            const size_t span = at < 300 ? at : 300;
            text.bytes[at] =
                (r & 31) == 0 ? (uint8_t)(r >> 8) : text.bytes[at - 1 - (r >> 40) % span];
        }
    }
    return text;
}

static void
put_length(block *out, size_t length_less_1)
{
    if (length_less_1 < 60) {
        out->bytes[out->n++] = (uint8_t)(length_less_1 << 2);
        return;
    }
    const size_t n_bytes = length_less_1 < 256 ? 1 : length_less_1 < 65536 ? 2 : 3;
    out->bytes[out->n++] = (uint8_t)((59 + n_bytes) << 2);
    for (size_t byte = 0; byte < n_bytes; byte++) {
        out->bytes[out->n++] = (uint8_t)(length_less_1 >> (8 * byte));
    }
}

static void
put_copy(block *out, size_t distance, size_t length)
{
    if (length >= 4 && length <= 11 && distance < 2048) {
        out->bytes[out->n++] = (uint8_t)(1 | (length - 4) << 2 | (distance >> 8) << 5);
        out->bytes[out->n++] = (uint8_t)distance;
        return;
    }
    const int wide = distance > 65535 || next_random() % 8 == 0;
    out->bytes[out->n++] = (uint8_t)((wide ? 3 : 2) | (length - 1) << 2);
    for (int byte = 0; byte < (wide ? 4 : 2); byte++) {
        out->bytes[out->n++] = (uint8_t)(distance >> (8 * byte));
    }
}

/* Longest match at one of a few hashed places; literals between. */
static block
snappy_encode(block text)
{
    block out = {malloc(text.n * 2 + 64), 0};
    assert_non_null(out.bytes);
    for (size_t n = text.n;; n >>= 7) {
        out.bytes[out.n++] = (uint8_t)((n & 127) | (n > 127 ? 128 : 0));
        if (n <= 127) {
            break;
        }
    }
    static size_t last[4096];
    memset(last, 0, sizeof(last));
    size_t literal = 0;
    size_t at = 0;
    while (at < text.n) {
        size_t length = 0;
        size_t from = 0;
        if (at + 4 <= text.n) {
            uint32_t word;
            memcpy(&word, text.bytes + at, 4);
            size_t *slot = &last[(word * 2654435761U) >> 20];
            from = *slot;
            *slot = at;
            while (from < at && at + length < text.n && length < 64 &&
                   text.bytes[from + length] == text.bytes[at + length]) {
                length++;
            }
        }
        if (length < 4) {
            at++;
            continue;
        }
        if (at > literal) {
            put_length(&out, at - literal - 1);
            memcpy(out.bytes + out.n, text.bytes + literal, at - literal);
            out.n += at - literal;
        }
        put_copy(&out, at - from, length);
        at += length;
        literal = at;
    }
    if (at > literal) {
        put_length(&out, at - literal - 1);
        memcpy(out.bytes + out.n, text.bytes + literal, at - literal);
        out.n += at - literal;
    }
    return out;
}

static block
gzip_member(block text, int window_bits)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    block out = {malloc(deflateBound(&stream, text.n) + 64), 0};
    stream.next_in = text.bytes;
    stream.avail_in = (uInt)text.n;
    stream.next_out = out.bytes;
    stream.avail_out = (uInt)deflateBound(&stream, text.n) + 64;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.n = stream.total_out;
    (void)deflateEnd(&stream);
    return out;
}

/* Two members, one after the other. */
static block
gzip_encode(block text)
{
    const size_t half = text.n / 2;
    block first = gzip_member((block){text.bytes, half}, 15 + 16);
    block second = gzip_member((block){text.bytes + half, text.n - half}, 15 + 16);
    block out = {malloc(first.n + second.n), first.n + second.n};
    memcpy(out.bytes, first.bytes, first.n);
    memcpy(out.bytes + first.n, second.bytes, second.n);
    free(first.bytes);
    free(second.bytes);
    return out;
}

static block
zstd_encode(block text)
{
    block out = {malloc(ZSTD_compressBound(text.n)), 0};
    out.n = ZSTD_compress(out.bytes, ZSTD_compressBound(text.n), text.bytes, text.n, 1);
    assert_false(ZSTD_isError(out.n));
    return out;
}

static block
lz4_encode(block text)
{
    const int bound = LZ4_compressBound((int)text.n);
    block out = {malloc((size_t)bound), 0};
    out.n = (size_t)LZ4_compress_default((const char *)text.bytes, (char *)out.bytes, (int)text.n,
                                         bound);
    return out;
}

static void
put_be32(uint8_t *to, size_t value)
{
    for (int byte = 0; byte < 4; byte++) {
        to[byte] = (uint8_t)(value >> (24 - 8 * byte));
    }
}

/* Two frames, the first of which has two inner blocks. */
static block
hadoop_encode(block text)
{
    const size_t third = text.n / 3;
    const block parts[3] = {{text.bytes, third},
                            {text.bytes + third, third},
                            {text.bytes + 2 * third, text.n - 2 * third}};
    block out = {malloc(text.n * 2 + 200), 0};
    for (int part = 0; part < 3; part++) {
        if (part != 1) {
            put_be32(out.bytes + out.n, part == 0 ? 2 * third : parts[2].n);
            out.n += 4;
        }
        block inner = lz4_encode(parts[part]);
        if (parts[part].n > 0) {
            put_be32(out.bytes + out.n, inner.n);
            memcpy(out.bytes + out.n + 4, inner.bytes, inner.n);
            out.n += 4 + inner.n;
        }
        free(inner.bytes);
    }
    return out;
}

static block
copy_encode(block text)
{
    block out = {malloc(text.n + 1), text.n};
    memcpy(out.bytes, text.bytes, text.n);
    return out;
}

typedef struct codec_case {
    int32_t codec;
    block (*encode)(block text);
    int checks_content; /* damage inside is bound to be seen */
} codec_case;

static const codec_case cases[] = {
    {CNI_CODEC_NONE, copy_encode, 0},      {CNI_CODEC_SNAPPY, snappy_encode, 0},
    {CNI_CODEC_GZIP, gzip_encode, 1},      {CNI_CODEC_ZSTD, zstd_encode, 0},
    {CNI_CODEC_LZ4_RAW, lz4_encode, 0},    {CNI_CODEC_LZ4_HADOOP, hadoop_encode, 0},
    {CNI_CODEC_LZ4_HADOOP, lz4_encode, 0},
};

static cn_code
decompress_exact(cni_decompressor *decompressor, int32_t codec, block packed, size_t n_out,
                 uint8_t **out_bytes)
{
    uint8_t *src = malloc(packed.n + (packed.n == 0));
    uint8_t *dst = malloc(n_out + (n_out == 0));
    assert_non_null(src);
    assert_non_null(dst);
    if (packed.n > 0) {
        memcpy(src, packed.bytes, packed.n);
    }
    cn_error err = CN_ERROR_INIT;
    const cn_code code = cni_codec_decompress(decompressor, codec, src, (int64_t)packed.n, dst,
                                              (int64_t)n_out, &err);
    assert_int_equal(code, err.code);
    free(src);
    *out_bytes = dst;
    return code;
}

static void
test_round_trip(void **state)
{
    (void)state;
    CN_SCOPED(cni_decompressor_p) decompressor = NULL;
    assert_int_equal(cni_decompressor_new(cni_allocator_system(), &decompressor, NULL), CN_OK);
    static const size_t sizes[] = {0,  1,  2,   5,   15,   16,   17,   59,    60,    61,    64,
                                   80, 81, 100, 255, 1000, 4096, 9999, 65536, 70001, 300000};
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            for (int kind = 0; kind < 4; kind++) {
                block text = make_text(sizes[s], kind);
                block packed = cases[c].encode(text);
                uint8_t *back;
                assert_int_equal(
                    decompress_exact(decompressor, cases[c].codec, packed, text.n, &back), CN_OK);
                assert_memory_equal(back, text.bytes, text.n);
                assert_true(cni_codec_max_output(cases[c].codec, (int64_t)packed.n) >=
                            (int64_t)text.n);
                free(back);
                free(packed.bytes);
                free(text.bytes);
            }
        }
    }
}

static void
test_brotli(void **state)
{
    (void)state;
    static const uint8_t packed[] = {27, 7,   2,   0,   4,   106, 114, 164, 7,   148, 72,  68,  109,
                                     5,  109, 237, 31,  202, 82,  6,   162, 44,  43,  110, 141, 244,
                                     89, 170, 30,  154, 122, 86,  191, 116, 163, 6,   10};
    CN_SCOPED(cni_decompressor_p) decompressor = NULL;
    assert_int_equal(cni_decompressor_new(cni_allocator_system(), &decompressor, NULL), CN_OK);
    uint8_t *back;
    block source = {malloc(sizeof(packed)), sizeof(packed)};
    memcpy(source.bytes, packed, sizeof(packed));
    assert_int_equal(decompress_exact(decompressor, CNI_CODEC_BROTLI, source, 520, &back), CN_OK);
    for (size_t at = 0; at < 520; at++) {
        assert_int_equal(back[at], "Colonnade stands in rows. "[at % 26]);
    }
    free(back);
    assert_int_equal(decompress_exact(decompressor, CNI_CODEC_BROTLI, source, 519, &back),
                     CN_INVALID_DATA);
    free(back);
    assert_int_equal(decompress_exact(decompressor, CNI_CODEC_BROTLI, source, 521, &back),
                     CN_INVALID_DATA);
    free(back);
    for (size_t n = 0; n < sizeof(packed); n++) {
        source.n = n;
        assert_int_equal(decompress_exact(decompressor, CNI_CODEC_BROTLI, source, 520, &back),
                         CN_INVALID_DATA);
        free(back);
    }
    free(source.bytes);
}

static void
test_wrong_sizes(void **state)
{
    (void)state;
    CN_SCOPED(cni_decompressor_p) decompressor = NULL;
    assert_int_equal(cni_decompressor_new(cni_allocator_system(), &decompressor, NULL), CN_OK);
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        block text = make_text(5000, 3);
        block packed = cases[c].encode(text);
        uint8_t *back;
        for (int difference = -2; difference <= 2; difference++) {
            const size_t n_out = (size_t)(5000 + difference);
            const cn_code code =
                decompress_exact(decompressor, cases[c].codec, packed, n_out, &back);
            assert_int_equal(code, difference == 0 ? CN_OK : CN_INVALID_DATA);
            free(back);
        }
        for (size_t n = 0; n < packed.n; n += 1 + packed.n / 97) {
            assert_int_equal(decompress_exact(decompressor, cases[c].codec,
                                              (block){packed.bytes, n}, 5000, &back),
                             CN_INVALID_DATA);
            free(back);
        }
        free(packed.bytes);
        free(text.bytes);
    }
}

static void
test_damage(void **state)
{
    (void)state;
    CN_SCOPED(cni_decompressor_p) decompressor = NULL;
    assert_int_equal(cni_decompressor_new(cni_allocator_system(), &decompressor, NULL), CN_OK);
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        for (int round = 0; round < 1500; round++) {
            block text = make_text(next_random() % 3000, (int)(next_random() % 4));
            block packed = cases[c].encode(text);
            const int n_flips = 1 + (int)(next_random() % 4);
            for (int flip = 0; flip < n_flips && packed.n > 0; flip++) {
                packed.bytes[next_random() % packed.n] ^= (uint8_t)(1U << (next_random() % 8));
            }
            uint8_t *back;
            const cn_code code =
                decompress_exact(decompressor, cases[c].codec, packed, text.n, &back);
            assert_true(code == CN_OK || code == CN_INVALID_DATA);
            if (code == CN_OK && cases[c].checks_content) {
                assert_memory_equal(back, text.bytes, text.n);
            }
            free(back);
            free(packed.bytes);
            free(text.bytes);
        }
    }
}

static void
test_refusals(void **state)
{
    (void)state;
    CN_SCOPED(cni_decompressor_p) decompressor = NULL;
    assert_int_equal(cni_decompressor_new(cni_allocator_system(), &decompressor, NULL), CN_OK);
    uint8_t byte = 0;
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_codec_decompress(decompressor, CNI_CODEC_LZO, &byte, 1, &byte, 1, &err),
                     CN_NOT_IMPLEMENTED);
    assert_non_null(strstr(err.message, "LZO"));
    assert_int_equal(cni_codec_decompress(decompressor, 99, &byte, 1, &byte, 1, &err),
                     CN_INVALID_DATA);
    assert_int_equal(cni_codec_decompress(decompressor, -1, &byte, 1, &byte, 1, &err),
                     CN_INVALID_DATA);
    assert_string_equal(cni_codec_name(CNI_CODEC_ZSTD), "ZSTD");
    assert_null(cni_codec_name(8));
    assert_null(cni_codec_name(-1));
    /* an offset before the beginning, a zero offset */
    static const uint8_t before[] = {8, 0, 'a', 1 | 3 << 2, 2};
    static const uint8_t zero[] = {8, 0, 'a', 1 | 3 << 2, 0};
    uint8_t out[8];
    assert_int_equal(cni_codec_decompress(decompressor, CNI_CODEC_SNAPPY, before, 5, out, 8, &err),
                     CN_INVALID_DATA);
    assert_int_equal(cni_codec_decompress(decompressor, CNI_CODEC_SNAPPY, zero, 5, out, 8, &err),
                     CN_INVALID_DATA);
    static const uint8_t good[] = {8, 0, 'a', 1 | 3 << 2, 1};
    assert_int_equal(cni_codec_decompress(decompressor, CNI_CODEC_SNAPPY, good, 5, out, 8, &err),
                     CN_OK);
    assert_memory_equal(out, "aaaaaaaa", 8);
}

/* Every allocation of the libraries is refused in turn: an error, nothing leaks. */
static void
test_allocation_faults(void **state)
{
    (void)state;
    block text = make_text(20000, 3);
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        block packed = cases[c].encode(text);
        for (int64_t fail_at = 1; fail_at < 6; fail_at++) {
            cni_fault fault = {0};
            cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], fail_at);
            cni_allocator *allocator;
            if (cni_fault_allocator_new(cni_allocator_system(), &fault, &allocator, NULL) !=
                CN_OK) {
                continue;
            }
            cni_decompressor *decompressor = NULL;
            cn_code code = cni_decompressor_new(allocator, &decompressor, NULL);
            if (code == CN_OK) {
                uint8_t *back;
                code = decompress_exact(decompressor, cases[c].codec, packed, text.n, &back);
                free(back);
            }
            assert_true(code == CN_OK || code == CN_NO_MEMORY);
            cni_decompressor_free(decompressor);
            cni_allocator_unref(allocator);
        }
        free(packed.bytes);
    }
    free(text.bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_brotli),
        cmocka_unit_test(test_wrong_sizes), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_allocation_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
