/* SPDX-License-Identifier: Apache-2.0
 *
 * Bloom filters of row groups (BloomFilter.md of the Parquet format): split blocks of 256 bits, a
 * value's hash being XXH64 of its PLAIN bytes. They are asked when equality, IN or a short list of
 * join keys meets a group that statistics could not exclude, before anything else of it is read.
 *
 * A filter is a claim like statistics: a damaged one is as none. Only the blocks asked for are
 * read, but for small filters, which come with their header.
 */
#include "io/format/parquet/bloom_int.h"

#include "base/checked.h"

#define WINDOW_BYTES 4096
#define LANES        8

/* ---- XXH64, seed 0 ---- */

#define PRIME_1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME_3 UINT64_C(0x165667B19E3779F9)
#define PRIME_4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME_5 UINT64_C(0x27D4EB2F165667C5)

static uint64_t
rotate(uint64_t x, int32_t n)
{
    return x << n | x >> (64 - n);
}

static uint64_t
load_u64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, 8);
    return value;
}

static uint64_t
load_u32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, 4);
    return value;
}

static uint64_t
mix_lane(uint64_t lane, uint64_t input)
{
    return rotate(lane + input * PRIME_2, 31) * PRIME_1;
}

/* The whole stripes of 32 bytes; *inout_at moves behind them. */
static uint64_t
hash_stripes(const uint8_t **inout_at, const uint8_t *end)
{
    uint64_t lanes[4] = {PRIME_1 + PRIME_2, PRIME_2, 0, 0 - PRIME_1};
    const uint8_t *at = *inout_at;
    for (; end - at >= 32; at += 32) {
        for (int32_t lane = 0; lane < 4; lane++) {
            lanes[lane] = mix_lane(lanes[lane], load_u64(at + (ptrdiff_t)lane * 8));
        }
    }
    *inout_at = at;
    uint64_t hash =
        rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
    for (int32_t lane = 0; lane < 4; lane++) {
        hash = (hash ^ mix_lane(0, lanes[lane])) * PRIME_1 + PRIME_4;
    }
    return hash;
}

uint64_t
cni_pq_bloom_hash(const void *bytes, int64_t n_bytes)
{
    const uint8_t *at = bytes;
    const uint8_t *end = at + n_bytes;
    uint64_t hash = (n_bytes >= 32 ? hash_stripes(&at, end) : PRIME_5) + (uint64_t)n_bytes;
    for (; end - at >= 8; at += 8) {
        hash = rotate(hash ^ mix_lane(0, load_u64(at)), 27) * PRIME_1 + PRIME_4;
    }
    if (end - at >= 4) {
        hash = rotate(hash ^ load_u32(at) * PRIME_1, 23) * PRIME_2 + PRIME_3;
        at += 4;
    }
    for (; at < end; at++) {
        hash = rotate(hash ^ *at * PRIME_5, 11) * PRIME_1;
    }
    hash = (hash ^ hash >> 33) * PRIME_2;
    hash = (hash ^ hash >> 29) * PRIME_3;
    return hash ^ hash >> 32;
}

/* ---- values ---- */

/* Integers as the file has them. */
static bool
hash_integer(const cni_pq_leaf *leaf, int64_t value, uint64_t *out_hash)
{
    const bool is_narrow = leaf->physical == CNI_PQ_INT32;
    const uint32_t narrow = (uint32_t)(uint64_t)value;
    if (!is_narrow && leaf->physical != CNI_PQ_INT64) {
        return false;
    }
    *out_hash = is_narrow ? cni_pq_bloom_hash(&narrow, 4) : cni_pq_bloom_hash(&value, 8);
    return true;
}

/* Zeros have two encodings and NaN has many: they are not asked for. */
static bool
hash_float(const cni_pq_leaf *leaf, double value, uint64_t *out_hash)
{
    const float narrow = (float)value;
    const bool is_one = value < 0.0 || value > 0.0;
    if (!is_one || (leaf->physical != CNI_PQ_FLOAT && leaf->physical != CNI_PQ_DOUBLE)) {
        return false;
    }
    *out_hash = leaf->physical == CNI_PQ_FLOAT ? cni_pq_bloom_hash(&narrow, 4)
                                               : cni_pq_bloom_hash(&value, 8);
    return true;
}

bool
cni_pq_bloom_hash_value(const cni_pq_leaf *leaf, const cni_value *value, uint64_t *out_hash)
{
    switch (cni_type_phys(value->type)) {
    case CNI_PHYS_I8:
    case CNI_PHYS_I16:
    case CNI_PHYS_I32:
    case CNI_PHYS_I64:
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
    case CNI_PHYS_U64:
        return !(value->type->id == CNI_TYPE_DECIMAL && value->type->precision > 18) &&
               hash_integer(leaf, value->as.i64, out_hash);
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        return hash_float(leaf, value->as.f64, out_hash);
    case CNI_PHYS_VIEW:
        *out_hash = cni_pq_bloom_hash(value->as.bytes.data, value->as.bytes.len_bytes);
        return leaf->physical == CNI_PQ_BYTE_ARRAY && leaf->convert == CNI_PQ_VIEW;
    default:
        return false;
    }
}

/* ---- filters ---- */

cn_code
cni_pq_bloom_open(cni_pq_bloom *self, const cni_file *file, cni_fault *fault,
                  cni_allocator *allocator, int64_t offset, bool *out_found, cn_error *err)
{
    const int64_t n_bytes = cni_min_i64(WINDOW_BYTES, cni_file_size(file) - offset);
    int64_t n_header = 0;
    int64_t n_blocks = 0;
    *self = (cni_pq_bloom){.file = file, .fault = fault, .window_offset = offset};
    *out_found = false;
    if (offset <= 0 || n_bytes <= 0) {
        return CN_OK;
    }
    CN_TRY(cni_buffer_new(allocator, n_bytes, &self->window, err));
    CN_TRY(cni_file_read(file, fault, offset, n_bytes, self->window->data, err));
    self->window_bytes = n_bytes;
    self->bytes_read = n_bytes;
    if (cni_pq_bloom_header_parse(self->window->data, n_bytes, &n_header, &n_blocks) &&
        cni_range_fits(offset + n_header, n_blocks, cni_file_size(file))) {
        self->blocks_offset = offset + n_header;
        self->n_blocks = n_blocks / CNI_PQ_BLOOM_BLOCK;
        *out_found = true;
    }
    return CN_OK;
}

void
cni_pq_bloom_close(cni_pq_bloom *self)
{
    cni_buffer_unref(self->window);
    *self = (cni_pq_bloom){0};
}

cn_code
cni_pq_bloom_may_hold(cni_pq_bloom *self, uint64_t hash, bool *out_may, cn_error *err)
{
    static const uint32_t salts[LANES] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                          0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};
    const int64_t block = (int64_t)((hash >> 32) * (uint64_t)self->n_blocks >> 32);
    const int64_t offset = self->blocks_offset + block * CNI_PQ_BLOOM_BLOCK;
    uint32_t lanes[LANES];
    if (offset + CNI_PQ_BLOOM_BLOCK <= self->window_offset + self->window_bytes) {
        memcpy(lanes, self->window->data + (offset - self->window_offset), sizeof(lanes));
    } else {
        CN_TRY(cni_file_read(self->file, self->fault, offset, CNI_PQ_BLOOM_BLOCK, lanes, err));
        self->bytes_read += CNI_PQ_BLOOM_BLOCK;
    }
    *out_may = true;
    for (int32_t lane = 0; lane < LANES; lane++) {
        const uint32_t bit = (uint32_t)hash * salts[lane] >> 27;
        *out_may = *out_may && (lanes[lane] >> bit & 1) != 0;
    }
    return CN_OK;
}
