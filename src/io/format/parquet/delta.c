/* SPDX-License-Identifier: Apache-2.0
 *
 * Delta encodings. Miniblocks are unpacked in pieces of PIECE_VALUES, so that what a stream claims
 * about its block size costs no memory. Arithmetic wraps, as the format says.
 */
#include "io/format/parquet/delta_int.h"

#define PIECE_VALUES     512
#define MAX_BLOCK_VALUES (1 << 24)

typedef struct delta_stream {
    const cni_kernels *kernels;
    const uint8_t *at;
    const uint8_t *end;
    int64_t per_miniblock;
    int64_t n_miniblocks;
    int64_t n_claimed;
    uint64_t last; /* value before the next delta */
} delta_stream;

static bool
read_varint(delta_stream *self, uint64_t *out_value)
{
    uint64_t value = 0;
    for (int32_t shift = 0; shift < 64; shift += 7) {
        if (self->at == self->end) {
            return false;
        }
        const uint64_t byte = *self->at++;
        value |= (byte & 127) << shift;
        if (byte < 128) {
            *out_value = value;
            return true;
        }
    }
    return false;
}

static bool
read_zigzag(delta_stream *self, uint64_t *out_value)
{
    uint64_t value;
    if (!read_varint(self, &value)) {
        return false;
    }
    *out_value = (value >> 1) ^ (0 - (value & 1));
    return true;
}

static bool
read_stream_header(delta_stream *self)
{
    uint64_t block;
    uint64_t n_miniblocks;
    uint64_t n_values;
    if (!read_varint(self, &block) || !read_varint(self, &n_miniblocks) ||
        !read_varint(self, &n_values) || !read_zigzag(self, &self->last)) {
        return false;
    }
    if (block == 0 || block > MAX_BLOCK_VALUES || n_miniblocks == 0 || n_miniblocks > block ||
        block % n_miniblocks != 0 || block / n_miniblocks % 8 != 0 || n_values > INT32_MAX) {
        return false;
    }
    self->per_miniblock = (int64_t)(block / n_miniblocks);
    self->n_miniblocks = (int64_t)n_miniblocks;
    self->n_claimed = (int64_t)n_values;
    return true;
}

static void
store(const uint64_t *values, int64_t n, int32_t item_bytes, int64_t at, void *out)
{
    if (item_bytes == 8) {
        memcpy((uint64_t *)out + at, values, (size_t)n * 8);
        return;
    }
    uint32_t *items = (uint32_t *)out + at;
    for (int64_t item = 0; item < n; item++) {
        items[item] = (uint32_t)values[item];
    }
}

/* The first n values of one miniblock; the stream moves behind the whole of it. */
static bool
read_miniblock(delta_stream *self, int32_t width, uint64_t smallest, int64_t n, int32_t item_bytes,
               int64_t at, void *out)
{
    const int64_t n_here = self->end - self->at;
    if (width > 64 || n * width > n_here * 8) {
        return false;
    }
    _Alignas(64) uint64_t values[PIECE_VALUES + 8];
    for (int64_t done = 0; done < n; done += PIECE_VALUES) {
        const int64_t n_piece = cni_min_i64(n - done, PIECE_VALUES);
        const int64_t off_bytes = done / 8 * width;
        self->kernels->unpack_u64(self->at + off_bytes, n_here - off_bytes, width, n_piece, values);
        self->kernels->prefix_sum_u64(values, n_piece, self->last, smallest);
        self->last = values[n_piece - 1];
        store(values, n_piece, item_bytes, at + done, out);
    }
    self->at += cni_min_i64(n_here, self->per_miniblock / 8 * width);
    return true;
}

static bool
read_block(delta_stream *self, int64_t n, int32_t item_bytes, int64_t *inout_at, void *out)
{
    uint64_t smallest;
    if (!read_zigzag(self, &smallest) || self->end - self->at < self->n_miniblocks) {
        return false;
    }
    const uint8_t *widths = self->at;
    self->at += self->n_miniblocks;
    for (int64_t mini = 0; mini < self->n_miniblocks && *inout_at < n; mini++) {
        const int64_t n_take = cni_min_i64(n - *inout_at, self->per_miniblock);
        if (!read_miniblock(self, widths[mini], smallest, n_take, item_bytes, *inout_at, out)) {
            return false;
        }
        *inout_at += n_take;
    }
    return true;
}

cn_code
cni_pq_delta_decode(const cni_kernels *kernels, const uint8_t *bytes, int64_t n_bytes, int64_t n,
                    int32_t item_bytes, void *out, int64_t *out_consumed, cn_error *err)
{
    delta_stream stream = {.kernels = kernels, .at = bytes, .end = bytes + n_bytes};
    bool good = read_stream_header(&stream) && stream.n_claimed >= n;
    int64_t at = 0;
    if (good && n > 0) {
        store(&stream.last, 1, item_bytes, 0, out);
        at = 1;
    }
    while (good && at < n) {
        good = read_block(&stream, n, item_bytes, &at, out);
    }
    if (!good) {
        return CN_FAIL(err, CN_INVALID_DATA, "damaged DELTA_BINARY_PACKED values");
    }
    *out_consumed = stream.at - bytes;
    return CN_OK;
}

cn_code
cni_pq_delta_length_decode(const cni_kernels *kernels, const uint8_t *bytes, int64_t n_bytes,
                           int64_t n, int32_t *out_offsets, const uint8_t **out_text, cn_error *err)
{
    int64_t consumed;
    out_offsets[0] = 0;
    CN_TRY(cni_pq_delta_decode(kernels, bytes, n_bytes, n, 4, out_offsets + 1, &consumed, err));
    int64_t end = 0;
    for (int64_t item = 1; item <= n; item++) {
        const int32_t length = out_offsets[item];
        end += length;
        if (length < 0 || end > n_bytes - consumed) {
            return CN_FAIL(err, CN_INVALID_DATA, "damaged DELTA_LENGTH_BYTE_ARRAY values");
        }
        out_offsets[item] = (int32_t)end;
    }
    *out_text = bytes + consumed;
    return CN_OK;
}

typedef struct joined_strings {
    int64_t n;
    const int32_t *prefixes;
    const int32_t *offsets; /* of suffixes, n + 1 */
    const uint8_t *suffixes;
} joined_strings;

/* Check the prefixes and write the offsets of the whole strings. */
static cn_code
place_strings(const joined_strings *self, int64_t *out_offsets, cn_error *err)
{
    int64_t end = 0;
    int64_t last = 0;
    out_offsets[0] = 0;
    for (int64_t item = 0; item < self->n; item++) {
        const int64_t prefix = self->prefixes[item];
        if (prefix < 0 || prefix > last) {
            return CN_FAIL(err, CN_INVALID_DATA, "damaged DELTA_BYTE_ARRAY values");
        }
        last = prefix + self->offsets[item + 1] - self->offsets[item];
        end += last;
        if (end > INT32_MAX) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a page has more than 2 GiB of text");
        }
        out_offsets[item + 1] = end;
    }
    return CN_OK;
}

static void
copy_strings(const joined_strings *self, const int64_t *offsets, uint8_t *out)
{
    for (int64_t item = 0; item < self->n; item++) {
        const int64_t prefix = self->prefixes[item];
        const int64_t n_suffix = self->offsets[item + 1] - self->offsets[item];
        uint8_t *to = out + offsets[item];
        if (prefix > 0) {
            memcpy(to, out + offsets[item - 1], (size_t)prefix);
        }
        if (n_suffix > 0) {
            memcpy(to + prefix, self->suffixes + self->offsets[item], (size_t)n_suffix);
        }
    }
}

cn_code
cni_pq_delta_strings_decode(cni_allocator *allocator, const cni_kernels *kernels,
                            const uint8_t *bytes, int64_t n_bytes, int64_t n, cni_buffer **out_text,
                            cni_buffer **out_offsets, cn_error *err)
{
    CN_SCOPED(cni_buffer_p) lengths = NULL;
    CN_SCOPED(cni_buffer_p) offsets = NULL;
    CN_SCOPED(cni_buffer_p) text = NULL;
    CN_TRY(cni_buffer_new(allocator, (2 * n + 1) * 4, &lengths, err));
    CN_TRY(cni_buffer_new(allocator, (n + 1) * 8, &offsets, err));
    int32_t *prefixes = (int32_t *)(void *)lengths->data;
    joined_strings strings = {.n = n, .prefixes = prefixes, .offsets = prefixes + n};
    int64_t consumed;
    CN_TRY(cni_pq_delta_decode(kernels, bytes, n_bytes, n, 4, prefixes, &consumed, err));
    CN_TRY(cni_pq_delta_length_decode(kernels, bytes + consumed, n_bytes - consumed, n,
                                      prefixes + n, &strings.suffixes, err));
    int64_t *ends = (int64_t *)(void *)offsets->data;
    CN_TRY(place_strings(&strings, ends, err));
    CN_TRY(cni_buffer_new(allocator, ends[n], &text, err));
    copy_strings(&strings, ends, text->data);
    *out_text = CN_MOVE(text);
    *out_offsets = CN_MOVE(offsets);
    return CN_OK;
}

static void
split_4(const uint8_t *restrict bytes, int64_t n, uint8_t *restrict out)
{
    for (int64_t item = 0; item < n; item++) {
        const uint32_t value = (uint32_t)bytes[item] | (uint32_t)bytes[n + item] << 8 |
                               (uint32_t)bytes[2 * n + item] << 16 |
                               (uint32_t)bytes[3 * n + item] << 24;
        memcpy(out + item * 4, &value, 4);
    }
}

static void
split_8(const uint8_t *restrict bytes, int64_t n, uint8_t *restrict out)
{
    for (int64_t item = 0; item < n; item++) {
        uint64_t value = 0;
        for (int64_t byte = 0; byte < 8; byte++) {
            value |= (uint64_t)bytes[byte * n + item] << (8 * byte);
        }
        memcpy(out + item * 8, &value, 8);
    }
}

void
cni_pq_split_decode(const uint8_t *bytes, int64_t n, int32_t item_bytes, uint8_t *out)
{
    if (item_bytes == 4) {
        split_4(bytes, n, out);
        return;
    }
    if (item_bytes == 8) {
        split_8(bytes, n, out);
        return;
    }
    for (int64_t byte = 0; byte < item_bytes; byte++) {
        for (int64_t item = 0; item < n; item++) {
            out[item * item_bytes + byte] = bytes[byte * n + item];
        }
    }
}
