/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks of records as they lie on disk. In a sorted block most bytes of neighbours are the same:
 *
 *   fixed    u16 n_segments | n_segments * {u16 offset, u16 bytes} | first record | n_rows * the
 *            bytes of all segments: those that differ somewhere in the block
 *   others   u8 ordinal bytes | u8 length bytes | n_rows * {ordinal, bytes shared with the key
 *            before, bytes that follow, these bytes}
 *
 * Bytes that come back are checked: whatever they are, nothing outside of the block is touched.
 */
#include "exec/operator/sort_int.h"

#define MAX_SEGMENTS (CNI_SORT_RECORD_MAX / 2 + 1)
#define SEGMENT_MAX  8

typedef struct segment {
    uint16_t offset;
    uint16_t n_bytes;
} segment;

typedef struct segments {
    int32_t n;
    int64_t n_bytes; /* of all */
    segment items[MAX_SEGMENTS];
} segments;

int64_t
cni_sort_pack_bound(const cni_sort_plan *plan, const cni_sort_block *block)
{
    const int64_t n_bytes = block->n_bytes + 16;
    return plan->key_bytes >= 0
               ? n_bytes + 2 + (int64_t)sizeof(segment) * MAX_SEGMENTS + CNI_SORT_RECORD_MAX
               : n_bytes + 4 * block->n_rows;
}

static cn_code
bad_block(cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_DATA, "a temporary file of a sort was damaged");
}

/* ---- fixed ---- */

/* differs[b] != 0: byte b of the records is not the same in all. */
static void
find_differences(const cni_sort_block *block, int64_t record_bytes, uint8_t *differs)
{
    const uint8_t *first = block->records->data;
    for (int64_t byte = 0; byte < record_bytes; byte += 8) {
        uint64_t bits = 0;
        uint64_t word;
        uint64_t first_word;
        memcpy(&first_word, first + byte, 8);
        for (const uint8_t *at = first; at < first + block->n_bytes; at += record_bytes) {
            memcpy(&word, at + byte, 8);
            bits |= word ^ first_word;
        }
        memcpy(differs + byte, &bits, 8);
    }
}

static void
find_segments(const cni_sort_block *block, int64_t record_bytes, segments *out)
{
    uint8_t differs[CNI_SORT_RECORD_MAX + 8];
    find_differences(block, record_bytes, differs);
    out->n = 0;
    out->n_bytes = 0;
    for (int64_t byte = 0; byte < record_bytes; byte++) {
        segment *last = out->n == 0 ? NULL : &out->items[out->n - 1];
        if (differs[byte] == 0) {
            continue;
        }
        if (last == NULL || last->offset + last->n_bytes != byte || last->n_bytes == SEGMENT_MAX) {
            last = &out->items[out->n++];
            *last = (segment){(uint16_t)byte, 0};
        }
        last->n_bytes++;
        out->n_bytes++;
    }
}

static int64_t
pack_fixed(const cni_sort_block *block, int64_t record_bytes, uint8_t *out)
{
    segments parts;
    find_segments(block, record_bytes, &parts);
    const uint16_t n_segments = (uint16_t)parts.n;
    uint8_t *next = out;
    memcpy(next, &n_segments, sizeof(n_segments));
    next += sizeof(n_segments);
    memcpy(next, parts.items, (size_t)parts.n * sizeof(segment));
    next += (size_t)parts.n * sizeof(segment);
    memcpy(next, block->records->data, (size_t)record_bytes);
    next += record_bytes;
    const uint8_t *end = block->records->data + block->n_bytes;
    for (const uint8_t *at = block->records->data; at < end; at += record_bytes) {
        for (int32_t part = 0; part < parts.n; part++) {
            memcpy(next, at + parts.items[part].offset, SEGMENT_MAX); /* what is too much is */
            next += parts.items[part].n_bytes;                        /* written over */
        }
    }
    return next - out;
}

/* The image's segments, and whether they fit the records. */
static bool
read_segments(const uint8_t *image, int64_t image_bytes, int64_t record_bytes, segments *out)
{
    uint16_t n_segments;
    int64_t end = 0;
    if (image_bytes < (int64_t)sizeof(n_segments)) {
        return false;
    }
    memcpy(&n_segments, image, sizeof(n_segments));
    const int64_t n_bytes = n_segments * (int64_t)sizeof(segment);
    if (n_segments > MAX_SEGMENTS || image_bytes < 2 + n_bytes + record_bytes) {
        return false;
    }
    out->n = n_segments;
    out->n_bytes = 0;
    memcpy(out->items, image + sizeof(n_segments), (size_t)n_bytes);
    for (int32_t part = 0; part < out->n; part++) {
        const segment *item = &out->items[part];
        if (item->offset < end || item->n_bytes > SEGMENT_MAX) {
            return false;
        }
        end = item->offset + item->n_bytes;
        out->n_bytes += item->n_bytes;
    }
    return end <= record_bytes;
}

static inline void
merge_bytes(uint8_t *out, const uint8_t *from, int32_t n_bytes)
{
    const uint64_t mask = n_bytes == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * n_bytes)) - 1;
    uint64_t old;
    uint64_t bits;
    memcpy(&old, out, 8);
    memcpy(&bits, from, 8);
    old = (old & ~mask) | (bits & mask);
    memcpy(out, &old, 8);
}

static cn_code
unpack_fixed(const cni_sort_block *block, int64_t record_bytes, const uint8_t *image,
             uint8_t *out_records, cn_error *err)
{
    segments parts;
    if (!read_segments(image, block->image_bytes, record_bytes, &parts)) {
        return bad_block(err);
    }
    const uint8_t *first = image + 2 + (size_t)parts.n * sizeof(segment);
    const uint8_t *next = first + record_bytes;
    if (image + block->image_bytes - next != block->n_rows * parts.n_bytes) {
        return bad_block(err);
    }
    for (int64_t row = 0; row < block->n_rows; row++) {
        uint8_t *record = out_records + row * record_bytes;
        memcpy(record, first, (size_t)record_bytes);
        for (int32_t part = 0; part < parts.n; part++) {
            merge_bytes(record + parts.items[part].offset, next, parts.items[part].n_bytes);
            next += parts.items[part].n_bytes;
        }
    }
    return CN_OK;
}

/* ---- others ---- */

static inline int32_t
width_of(uint64_t value)
{
    return value <= UINT8_MAX ? 1 : value <= UINT16_MAX ? 2 : 4;
}

static inline uint8_t *
put_number(uint8_t *out, uint32_t value, int32_t width)
{
    memcpy(out, &value, 4); /* what is too much is written over */
    return out + width;
}

static inline uint32_t
get_number(const uint8_t *from, int32_t width)
{
    uint32_t value = 0;
    memcpy(&value, from, 4);
    return width == 4 ? value : value & ((UINT32_C(1) << (8 * width)) - 1);
}

static int64_t
shared_bytes(const uint8_t *a, int64_t n_a, const uint8_t *b, int64_t n_b)
{
    const int64_t n = cni_min_i64(n_a, n_b);
    int64_t at = 0;
    while (at + 8 <= n) {
        uint64_t word_a;
        uint64_t word_b;
        memcpy(&word_a, a + at, 8);
        memcpy(&word_b, b + at, 8);
        if (word_a != word_b) {
            return at + __builtin_ctzll(word_a ^ word_b) / 8;
        }
        at += 8;
    }
    while (at < n && a[at] == b[at]) {
        at++;
    }
    return at;
}

/* Widths of numbers that all rows of the block fit into. */
static void
measure_numbers(const cni_sort_plan *plan, const cni_sort_block *block, int32_t *out_ordinal,
                int32_t *out_length)
{
    uint32_t ordinal = 0;
    int64_t length = 0;
    const uint8_t *key = block->records->data + plan->header_bytes;
    for (int64_t row = 0; row < block->n_rows; row++) {
        const int64_t key_bytes = cni_sort_key_length(plan, key);
        ordinal |= cni_sort_key_ordinal(plan, key);
        length = cni_max_i64(length, key_bytes);
        key += key_bytes + plan->header_bytes;
    }
    *out_ordinal = width_of(ordinal);
    *out_length = width_of((uint64_t)length);
}

static int64_t
pack_varying(const cni_sort_plan *plan, const cni_sort_block *block, uint8_t *out)
{
    const uint8_t *before = NULL;
    int64_t n_before = 0;
    const uint8_t *key = block->records->data + plan->header_bytes;
    int32_t ordinal_width = 0;
    int32_t length_width = 0;
    measure_numbers(plan, block, &ordinal_width, &length_width);
    uint8_t *next = out;
    *next++ = (uint8_t)ordinal_width;
    *next++ = (uint8_t)length_width;
    for (int64_t row = 0; row < block->n_rows; row++) {
        const int64_t key_bytes = cni_sort_key_length(plan, key);
        const int64_t n_shared = shared_bytes(key, key_bytes, before, n_before);
        next = put_number(next, cni_sort_key_ordinal(plan, key), ordinal_width);
        next = put_number(next, (uint32_t)n_shared, length_width);
        next = put_number(next, (uint32_t)(key_bytes - n_shared), length_width);
        memcpy(next, key + n_shared, (size_t)(key_bytes - n_shared));
        next += key_bytes - n_shared;
        before = key;
        n_before = key_bytes;
        key += key_bytes + plan->header_bytes;
    }
    return next - out;
}

static bool
is_width(uint8_t width)
{
    return width == 1 || width == 2 || width == 4;
}

static cn_code
unpack_varying(const cni_sort_plan *plan, const cni_sort_block *block, const uint8_t *image,
               uint8_t *out_records, cn_error *err)
{
    const uint8_t *next = image + 2;
    const uint8_t *image_end = image + block->image_bytes;
    uint8_t *record = out_records;
    const uint8_t *end = out_records + block->n_bytes;
    const uint8_t *before = NULL;
    int64_t n_before = 0;
    if (block->image_bytes < 2 || !is_width(image[0]) || !is_width(image[1])) {
        return bad_block(err);
    }
    const int32_t ordinal_width = image[0];
    const int32_t length_width = image[1];
    for (int64_t row = 0; row < block->n_rows; row++) {
        if (image_end - next < ordinal_width + 2 * length_width) {
            return bad_block(err);
        }
        const uint32_t ordinal = get_number(next, ordinal_width);
        const int64_t n_shared = get_number(next + ordinal_width, length_width);
        const int64_t n_rest = get_number(next + ordinal_width + length_width, length_width);
        const uint32_t key_bytes = (uint32_t)(n_shared + n_rest);
        next += ordinal_width + 2 * length_width;
        if (n_shared > n_before || n_rest > image_end - next || n_shared + n_rest > UINT32_MAX ||
            plan->header_bytes + n_shared + n_rest > end - record) {
            return bad_block(err);
        }
        memcpy(record, &ordinal, sizeof(ordinal));
        memcpy(record + sizeof(ordinal), &key_bytes, sizeof(key_bytes));
        record += plan->header_bytes;
        if (n_shared > 0) {
            memcpy(record, before, (size_t)n_shared);
        }
        memcpy(record + n_shared, next, (size_t)n_rest);
        before = record;
        n_before = n_shared + n_rest;
        record += n_before;
        next += n_rest;
    }
    return record == end && next == image_end ? CN_OK : bad_block(err);
}

/* ---- both ---- */

int64_t
cni_sort_pack(const cni_sort_plan *plan, const cni_sort_block *block, uint8_t *out)
{
    return plan->key_bytes >= 0 ? pack_fixed(block, plan->header_bytes + plan->key_bytes, out)
                                : pack_varying(plan, block, out);
}

int64_t
cni_sort_packed_key(const uint8_t *image)
{
    return 2 + (int64_t)image[0] + 2 * (int64_t)image[1];
}

cn_code
cni_sort_unpack(const cni_sort_plan *plan, const cni_sort_block *block, const uint8_t *image,
                uint8_t *out_records, cn_error *err)
{
    return plan->key_bytes >= 0
               ? unpack_fixed(block, plan->header_bytes + plan->key_bytes, image, out_records, err)
               : unpack_varying(plan, block, image, out_records, err);
}
