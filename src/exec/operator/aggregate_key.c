/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of groups as words: their layout, packing from vectors, hashing and unpacking.
 *
 *   widest first:  | 16-byte items | 8 | 4 | 2 | 1 | null bits | zeros to a multiple of 8 |
 *
 * Words are canonical: keys are equal as GROUP BY says (NULL = NULL, NaN = NaN, -0 = +0) iff their
 * words are, but for strings beyond 12 bytes, whose second word is a pointer. One 8-byte key alone
 * has no null bit, so that it stays one word: its NULL is kept apart by whoever owns the words.
 */
#include <math.h>

#include "data/row/hash.h"
#include "exec/operator/aggregate_operator_int.h"

#define NULL_F32  UINT32_C(0x7FC00001) /* no NaN that canonical keys use */
#define NAN_F32   UINT32_C(0x7FC00000)
#define NULL_F64  UINT64_C(0x7FF8000000000001)
#define NAN_F64   UINT64_C(0x7FF8000000000000)
#define DAY_NANOS INT64_C(86400000000000)

#define MAX_LEAD_WORDS   512 /* 64 sets of a cache, a line each */
#define PAGE_BYTES       (INT64_C(1) << 16)
#define MIN_PAGE_SHIFT   3
#define MAX_KEYS         4096
#define FLUSH_BYTES      (INT64_C(1) << 22)
#define BLOCK_BYTES      (INT64_C(1) << 19)
#define PACK_BYTES       (INT64_C(1) << 25) /* of pages, which have become dear by then */
#define PACK_PART        4                  /* of them to tables */
#define PACK_PAGE_BYTES  (INT64_C(1) << 14) /* 64 of them in the second level cache */
#define HELD_BYTES       (INT64_C(1) << 16) /* of a block in memory */
#define LEAST_PACK_SHARE (INT64_C(1) << 20) /* blocks would be too small */
#define DIRECT_BYTES     (INT64_C(1) << 26) /* groups by position that are kept at most */
#define FLUSH_MOST       (INT64_C(1) << 16)
#define FLUSH_LEAST      (INT64_C(1) << 12)

/* ---- layout ---- */

static void
classify(cni_agg_key *key)
{
    const cni_phys phys = cni_type_phys(key->type);
    key->kind = CNI_AGG_KEY_COPY;
    key->n_bytes = cni_phys_bytes(phys, key->type);
    switch (phys) {
    case CNI_PHYS_NONE:
        key->kind = CNI_AGG_KEY_NONE;
        break;
    case CNI_PHYS_BIT:
        key->kind = CNI_AGG_KEY_BIT;
        key->n_bytes = 1;
        break;
    case CNI_PHYS_I128:
        key->kind = CNI_AGG_KEY_WIDEN;
        break;
    case CNI_PHYS_F16:
        key->kind = CNI_AGG_KEY_F16;
        break;
    case CNI_PHYS_F32:
        key->kind = CNI_AGG_KEY_F32;
        break;
    case CNI_PHYS_F64:
        key->kind = CNI_AGG_KEY_F64;
        break;
    case CNI_PHYS_VIEW:
        key->kind = CNI_AGG_KEY_VIEW;
        break;
    case CNI_PHYS_FIXED:
    case CNI_PHYS_I256:
        key->kind = CNI_AGG_KEY_FIXED;
        key->n_bytes = 16;
        break;
    case CNI_PHYS_INTERVAL:
        key->kind = CNI_AGG_KEY_INTERVAL;
        break;
    case CNI_PHYS_LIST:
    case CNI_PHYS_ARRAY:
    case CNI_PHYS_STRUCT:
    case CNI_PHYS_UNION:
        key->kind = CNI_AGG_KEY_NESTED;
        key->n_bytes = 16;
        break;
    default:
        break;
    }
}

static bool
has_null_value(const cni_agg_key *key)
{
    return key->kind == CNI_AGG_KEY_F32 || key->kind == CNI_AGG_KEY_F64 ||
           key->kind == CNI_AGG_KEY_VIEW || key->kind == CNI_AGG_KEY_FIXED ||
           key->kind == CNI_AGG_KEY_NESTED || key->kind == CNI_AGG_KEY_NONE;
}

static bool
is_view(const cni_agg_key *key)
{
    return key->kind == CNI_AGG_KEY_VIEW || key->kind == CNI_AGG_KEY_FIXED ||
           key->kind == CNI_AGG_KEY_NESTED;
}

static void
add_view(cni_agg_layout *layout, const cni_agg_key *key)
{
    if (key->kind == CNI_AGG_KEY_NESTED) {
        layout->has_nested = true;
        layout->nested_views |= UINT64_C(1) << (layout->n_views & 63); /* at most 64 then */
    }
    layout->view_words[layout->n_views++] = key->offset / 8;
}

/* Keys [first, n_keys) from *inout_offset on, widest first. */
static void
place_items(cni_agg_layout *layout, int32_t first, int32_t *inout_offset)
{
    for (int32_t n_bytes = 16; n_bytes >= 1; n_bytes /= 2) {
        for (int32_t key = first; key < layout->n_keys; key++) {
            cni_agg_key *placed = &layout->keys[key];
            if (placed->n_bytes == n_bytes) {
                placed->offset = *inout_offset;
                *inout_offset += n_bytes;
            }
            if (placed->n_bytes == n_bytes && is_view(placed)) {
                add_view(layout, placed);
            }
        }
    }
}

/* The keys of the prefix lie where they lie there; gives how many. */
static int32_t
place_prefix(cni_agg_layout *layout, const cni_agg_layout *prefix)
{
    layout->prefix = prefix;
    layout->prefix_null_bit = -1;
    if (prefix == NULL) {
        return 0;
    }
    memcpy(layout->keys, prefix->keys, (size_t)prefix->n_keys * sizeof(*layout->keys));
    memcpy(layout->view_words, prefix->view_words,
           (size_t)prefix->n_views * sizeof(*layout->view_words));
    layout->n_views = prefix->n_views;
    layout->has_nested = prefix->has_nested;
    layout->nested_views = prefix->nested_views;
    return prefix->n_keys;
}

static void
place_keys(cni_agg_layout *layout, const cni_agg_layout *prefix)
{
    const int32_t first = place_prefix(layout, prefix);
    int32_t offset = prefix == NULL ? 0 : prefix->key_bytes;
    place_items(layout, first, &offset);
    layout->lone_null =
        layout->n_keys == 1 && layout->keys[0].n_bytes == 8 && !has_null_value(&layout->keys[0]);
    int32_t bit = offset * 8;
    if (prefix != NULL && prefix->lone_null) {
        layout->keys[0].null_bit = bit;
        layout->prefix_null_bit = bit++;
    }
    for (int32_t key = first; key < layout->n_keys; key++) {
        const bool needs_bit = !layout->lone_null && !has_null_value(&layout->keys[key]);
        layout->keys[key].null_bit = needs_bit ? bit++ : -1;
    }
    layout->key_words = (bit + 63) / 64;
    if (layout->n_keys > 0 && layout->key_words == 0) {
        layout->key_words = 1; /* only keys of type NULL */
    }
    layout->key_bytes = layout->key_words * 8;
}

/* A worker's table and its first page of every partition take a sixteenth of its share of the limit
 * at most. */
static void
choose_sizes(const cni_context *context, cni_agg_layout *layout)
{
    const int64_t share = cni_memory_limit(context->budget) / context->settings.n_threads / 32;
    const int64_t page_bytes = cni_min_i64(share / CNI_AGG_PARTITIONS, PAGE_BYTES);
    const int64_t flush_bytes = cni_min_i64(share, FLUSH_BYTES);
    layout->block_bytes = cni_min_i64(share, BLOCK_BYTES);
    layout->direct_bytes = cni_min_i64(share * 2, DIRECT_BYTES);
    layout->held_bytes = cni_min_i64(share / CNI_AGG_PARTITIONS, HELD_BYTES) - CNI_AGG_READ_PAD;
    layout->pack_bytes = layout->has_saved || share < LEAST_PACK_SHARE
                             ? INT64_MAX
                             : cni_min_i64(share * PACK_PART, PACK_BYTES);
    layout->page_shift = MIN_PAGE_SHIFT;
    layout->flush_groups = cni_min_i64(flush_bytes / layout->row_bytes, FLUSH_MOST);
    layout->flush_groups = cni_max_i64(layout->flush_groups, FLUSH_LEAST);
    while (((int64_t)layout->row_bytes << (layout->page_shift + 1)) <= page_bytes) {
        layout->page_shift++;
    }
    layout->lead_words = (int32_t)cni_max_i64(
        cni_min_i64((((int64_t)layout->row_bytes << layout->page_shift) / 64) & ~INT64_C(7),
                    MAX_LEAD_WORDS),
        8);
    layout->pack_rows = cni_min_i64(cni_max_i64(PACK_PAGE_BYTES / layout->row_bytes, 1),
                                    INT64_C(1) << layout->page_shift);
}

/* Lanes first, then the states of calls that have their own. */
static cn_code
place_states(cni_arena *arena, const cni_phys_aggregate *spec, const cni_context *context,
             cni_agg_layout *layout, cn_error *err)
{
    int64_t offset = layout->key_bytes;
    CN_TRY(cni_agg_place_lanes(arena, spec, context->settings.reproducible, layout, &offset, err));
    for (int32_t call = 0; call < spec->n_calls; call++) {
        cni_agg_call *made = &layout->calls[call];
        const cni_function *function = made->spec->function;
        if (!cni_agg_is_lanes(made)) {
            made->state_offset = (int32_t)offset;
            offset += made->op == CNI_AGG_ORDERED
                          ? cni_agg_ordered_state_bytes()
                          : function->state_bytes(function, made->spec->bind_data);
            layout->n_functions++;
        }
        if (offset > INT32_MAX / 2) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED, "%d aggregates need more than 1 GiB per group",
                           (int)spec->n_calls);
        }
    }
    layout->row_bytes = (int32_t)cni_max_i64(offset, 8);
    choose_sizes(context, layout);
    return CN_OK;
}

static cn_code
make_empty_row(cni_arena *arena, cni_agg_layout *layout, cn_error *err)
{
    CN_TRY(cni_arena_alloc(arena, layout->row_bytes, &layout->empty_row, err));
    cni_agg_empty_lanes(layout, layout->empty_row);
    for (int32_t call = 0; call < layout->n_calls; call++) {
        const cni_agg_call *made = &layout->calls[call];
        const cni_function *function = made->spec->function;
        if (!cni_agg_is_lanes(made) && made->op != CNI_AGG_ORDERED && function->init != NULL) {
            function->init(function, made->spec->bind_data, layout->empty_row + made->state_offset);
        }
    }
    return CN_OK;
}

cn_code
cni_agg_layout_new(cni_arena *arena, const cni_phys_aggregate *spec, const cni_agg_layout *prefix,
                   const cni_context *context, cni_agg_layout **out_layout, cn_error *err)
{
    cni_agg_layout *layout = NULL;
    const int64_t n_keys = spec->n_keys;
    if (n_keys > MAX_KEYS) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "%d keys in GROUP BY or DISTINCT, of at most %d",
                       (int)n_keys, MAX_KEYS);
    }
    CN_TRY(CN_ARENA_NEW(arena, &layout, err));
    layout->n_keys = spec->n_keys;
    layout->n_calls = spec->n_calls;
    CN_TRY(cni_arena_alloc_array(arena, n_keys, (int64_t)sizeof(cni_agg_key), &layout->keys, err));
    CN_TRY(
        cni_arena_alloc_array(arena, n_keys, (int64_t)sizeof(int32_t), &layout->view_words, err));
    CN_TRY(cni_arena_alloc_array(arena, spec->n_calls, (int64_t)sizeof(cni_agg_call),
                                 &layout->calls, err));
    for (int32_t key = 0; key < spec->n_keys; key++) {
        layout->keys[key].position = spec->keys[key];
        layout->keys[key].type = spec->input_types[spec->keys[key]];
        classify(&layout->keys[key]);
    }
    place_keys(layout, prefix);
    if (layout->has_nested && layout->n_views > 64) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED,
                       "more than 64 texts and nested values in GROUP BY or DISTINCT");
    }
    CN_TRY(place_states(arena, spec, context, layout, err));
    CN_TRY(make_empty_row(arena, layout, err));
    CN_TRY(cni_agg_place_words(arena, layout, err));
    *out_layout = layout;
    return CN_OK;
}

/* ---- packing ---- */

/* Where a key's items go: `out` is the first, `stride` bytes apart. */
typedef struct key_out {
    uint8_t *first;
    int64_t stride;
    int64_t n;
} key_out;

static void
pack_copy(const key_out *out, const cni_vector *vector, int32_t n_bytes)
{
    const uint8_t *items = vector->data;
    uint8_t *to = out->first;
    switch (n_bytes) {
    case 1:
        for (int64_t row = 0; row < out->n; row++, to += out->stride) {
            *to = items[row];
        }
        break;
    case 2:
        for (int64_t row = 0; row < out->n; row++, to += out->stride) {
            memcpy(to, items + row * 2, 2);
        }
        break;
    case 4:
        for (int64_t row = 0; row < out->n; row++, to += out->stride) {
            memcpy(to, items + row * 4, 4);
        }
        break;
    case 8:
        for (int64_t row = 0; row < out->n; row++, to += out->stride) {
            memcpy(to, items + row * 8, 8);
        }
        break;
    default:
        for (int64_t row = 0; row < out->n; row++, to += out->stride) {
            memcpy(to, items + row * 16, 16);
        }
        break;
    }
}

static void
pack_widen(const key_out *out, const cni_vector *vector)
{
    const int64_t *items = vector->data;
    if (vector->phys != CNI_PHYS_I64) {
        pack_copy(out, vector, 16);
        return;
    }
    for (int64_t row = 0; row < out->n; row++) {
        const cni_i128 wide = items[row];
        memcpy(out->first + row * out->stride, &wide, sizeof(wide));
    }
}

static void
pack_bits(const key_out *out, const cni_vector *vector)
{
    const cni_bits bits = {vector->data, vector->data_off_bits};
    for (int64_t row = 0; row < out->n; row++) {
        out->first[row * out->stride] = cni_bits_get(bits, row) ? 1 : 0;
    }
}

static void
pack_f16(const key_out *out, const cni_vector *vector)
{
    const uint16_t *items = vector->data;
    for (int64_t row = 0; row < out->n; row++) {
        const uint16_t magnitude = items[row] & 0x7FFF;
        uint16_t item = magnitude == 0 ? 0 : items[row];
        item = magnitude > 0x7C00 ? 0x7E00 : item;
        memcpy(out->first + row * out->stride, &item, sizeof(item));
    }
}

static void
pack_f32(const key_out *out, const cni_vector *vector)
{
    const float *items = vector->data;
    for (int64_t row = 0; row < out->n; row++) {
        const float item = items[row] + 0.0F; /* -0 becomes +0 */
        uint32_t bits;
        memcpy(&bits, &item, sizeof(bits));
        bits = isnan(item) ? NAN_F32 : bits;
        memcpy(out->first + row * out->stride, &bits, sizeof(bits));
    }
}

static void
pack_f64(const key_out *out, const cni_vector *vector)
{
    const double *items = vector->data;
    for (int64_t row = 0; row < out->n; row++) {
        const double item = items[row] + 0.0;
        uint64_t bits;
        memcpy(&bits, &item, sizeof(bits));
        bits = isnan(item) ? NAN_F64 : bits;
        memcpy(out->first + row * out->stride, &bits, sizeof(bits));
    }
}

static void
pack_fixed(const key_out *out, const cni_vector *vector)
{
    const int32_t width = cni_phys_bytes((cni_phys)vector->phys, vector->type);
    const char *items = vector->data;
    for (int64_t row = 0; row < out->n; row++) {
        const cni_view view = cni_view_make(items + row * width, (uint32_t)width);
        memcpy(out->first + row * out->stride, &view, sizeof(view));
    }
}

static void
pack_intervals(const key_out *out, const cni_vector *vector)
{
    const cni_interval *items = vector->data;
    for (int64_t row = 0; row < out->n; row++) {
        const cni_i128 days = (cni_i128)items[row].months * 30 + items[row].days;
        const cni_i128 length = days * DAY_NANOS + items[row].nanos;
        memcpy(out->first + row * out->stride, &length, sizeof(length));
    }
}

/* The item that stands for NULL where there is one, else zeros. */
static void
null_item(const cni_agg_key *key, uint8_t item[16])
{
    memset(item, 0, 16);
    if (key->kind == CNI_AGG_KEY_F32) {
        memcpy(item, &(uint32_t){NULL_F32}, 4);
    } else if (key->kind == CNI_AGG_KEY_F64) {
        memcpy(item, &(uint64_t){NULL_F64}, 8);
    } else if (is_view(key)) {
        memcpy(item, &(uint32_t){CNI_AGG_NULL_VIEW}, 4);
    }
}

static void
pack_nulls(const cni_agg_layout *layout, const cni_agg_key *key, const cni_vector *vector,
           int64_t n, uint8_t *words)
{
    uint8_t item[16];
    null_item(key, item);
    const cni_bits valid = vector->validity;
    for (int64_t row = 0; valid.data != NULL && row < n; row++) {
        if (cni_bits_get(valid, row)) {
            continue;
        }
        uint8_t *to = words + row * layout->key_bytes;
        memcpy(to + key->offset, item, (size_t)key->n_bytes);
        if (key->null_bit >= 0) {
            cni_bit_set(to, key->null_bit);
        }
    }
}

static void
pack_key(const cni_agg_key *key, const cni_vector *vector, const key_out *out)
{
    switch ((cni_agg_key_kind)key->kind) {
    case CNI_AGG_KEY_NONE:
        break;
    case CNI_AGG_KEY_BIT:
        pack_bits(out, vector);
        break;
    case CNI_AGG_KEY_COPY:
    case CNI_AGG_KEY_VIEW:
        pack_copy(out, vector, key->n_bytes);
        break;
    case CNI_AGG_KEY_WIDEN:
        pack_widen(out, vector);
        break;
    case CNI_AGG_KEY_F16:
        pack_f16(out, vector);
        break;
    case CNI_AGG_KEY_F32:
        pack_f32(out, vector);
        break;
    case CNI_AGG_KEY_F64:
        pack_f64(out, vector);
        break;
    case CNI_AGG_KEY_FIXED:
        pack_fixed(out, vector);
        break;
    case CNI_AGG_KEY_INTERVAL:
        pack_intervals(out, vector);
        break;
    case CNI_AGG_KEY_NESTED: /* by the caller */
        break;
    }
}

cn_code
cni_agg_pack_keys(const cni_agg_layout *layout, const cni_vector *vectors, int64_t n,
                  cni_arena *scratch, cni_allocator *allocator, uint64_t *out_words, cn_error *err)
{
    uint8_t *bytes = (uint8_t *)out_words;
    int32_t n_used = 0;
    for (int32_t key = 0; key < layout->n_keys; key++) {
        n_used += layout->keys[key].n_bytes;
    }
    if (n_used < layout->key_bytes) {
        memset(bytes, 0, (size_t)(n * layout->key_bytes));
    }
    for (int32_t key = 0; key < layout->n_keys; key++) {
        const cni_agg_key *packed = &layout->keys[key];
        const key_out out = {bytes + packed->offset, layout->key_bytes, n};
        if (packed->kind == CNI_AGG_KEY_NESTED) {
            CN_TRY(cni_agg_pack_nested(&vectors[key], n, scratch, allocator, out.first, out.stride,
                                       err));
        } else {
            pack_key(packed, &vectors[key], &out);
        }
        pack_nulls(layout, packed, &vectors[key], n, bytes);
    }
    return CN_OK;
}

/* ---- hashing ---- */

static inline uint64_t
mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * CNI_AGG_HASH_A;
    return hash ^ (hash >> 32);
}

static inline uint64_t
finish(uint64_t hash)
{
    hash *= CNI_AGG_HASH_B;
    return hash ^ (hash >> 29);
}

static inline uint64_t
load_word(const uint8_t *key, int32_t word)
{
    uint64_t value;
    memcpy(&value, key + (int64_t)word * 8, sizeof(value));
    return value;
}

/* Hash of the string in place of its pointer. */
static uint64_t
hash_view(const uint8_t *key, int32_t word)
{
    cni_view view;
    memcpy(&view, key + (int64_t)word * 8, sizeof(view));
    if (view.len_bytes <= CNI_VIEW_INLINE_BYTES || view.len_bytes == CNI_AGG_NULL_VIEW) {
        return load_word(key, word + 1);
    }
    return cni_hash_bytes(cni_view_data(&view), view.len_bytes);
}

static void
hash_with_views(const cni_agg_layout *layout, const uint8_t *keys, int64_t stride, int64_t n,
                uint64_t *out_hashes)
{
    for (int64_t row = 0; row < n; row++) {
        const uint8_t *key = keys + row * stride;
        uint64_t hash = 0;
        int32_t view = 0;
        for (int32_t word = 0; word < layout->key_words; word++) {
            hash = mix(hash, load_word(key, word));
            if (view < layout->n_views && word == layout->view_words[view]) {
                hash = mix(hash, hash_view(key, word));
                view++;
                word++;
            }
        }
        out_hashes[row] = finish(hash);
    }
}

void
cni_agg_hash_keys(const cni_agg_layout *layout, const uint8_t *keys, int64_t stride_bytes,
                  int64_t n, uint64_t *out_hashes)
{
    if (layout->n_views > 0) {
        hash_with_views(layout, keys, stride_bytes, n, out_hashes);
    } else if (layout->key_words == 1) {
        for (int64_t row = 0; row < n; row++) {
            out_hashes[row] = finish(mix(0, load_word(keys + row * stride_bytes, 0)));
        }
    } else {
        for (int64_t row = 0; row < n; row++) {
            uint64_t hash = 0;
            for (int32_t word = 0; word < layout->key_words; word++) {
                hash = mix(hash, load_word(keys + row * stride_bytes, word));
            }
            out_hashes[row] = finish(hash);
        }
    }
}

void
cni_agg_partitions(const cni_agg_layout *layout, const uint8_t *rows, int64_t n, int64_t null_row,
                   uint8_t *out_partitions)
{
    uint64_t hashes[CNI_AGG_BATCH_PARTITIONS];
    const cni_agg_layout *hashed = layout->prefix != NULL ? layout->prefix : layout;
    cni_agg_hash_keys(hashed, rows, layout->row_bytes, n, hashes);
    for (int64_t at = 0; at < n; at++) {
        out_partitions[at] = (uint8_t)(hashes[at] >> (64 - CNI_AGG_PARTITION_BITS));
    }
    if (null_row >= 0 && null_row < n) {
        out_partitions[null_row] = CNI_AGG_PARTITIONS;
    }
    for (int64_t at = 0; layout->prefix_null_bit >= 0 && at < n; at++) {
        const cni_bits bits = {rows + at * layout->row_bytes, 0};
        if (cni_bits_get(bits, layout->prefix_null_bit)) {
            out_partitions[at] = CNI_AGG_PARTITIONS;
        }
    }
}

/* ---- unpacking ---- */

static bool
is_null_key(const cni_agg_key *key, const uint8_t *row)
{
    uint8_t item[16];
    if (key->null_bit >= 0) {
        return cni_bits_get((cni_bits){row, 0}, key->null_bit);
    }
    if (key->kind == CNI_AGG_KEY_NONE) {
        return true;
    }
    if (!has_null_value(key)) {
        return false;
    }
    null_item(key, item);
    return memcmp(row + key->offset, item, is_view(key) ? 4 : (size_t)key->n_bytes) == 0;
}

static cni_interval
interval_of(const uint8_t *item)
{
    cni_i128 length;
    memcpy(&length, item, sizeof(length));
    cni_i128 months = length / (DAY_NANOS * 30);
    months = months > INT32_MAX ? INT32_MAX : months < INT32_MIN ? INT32_MIN : months;
    length -= months * (DAY_NANOS * 30);
    const cni_i128 days = length / DAY_NANOS;
    return (cni_interval){(int32_t)months, (int32_t)days, (int64_t)(length - days * DAY_NANOS)};
}

static void
unpack_item(const cni_agg_key *key, const uint8_t *item, int32_t n_bytes, uint8_t *out)
{
    if (key->kind == CNI_AGG_KEY_INTERVAL) {
        const cni_interval value = interval_of(item);
        memcpy(out, &value, sizeof(value));
    } else if (key->kind == CNI_AGG_KEY_FIXED) {
        cni_view view;
        memcpy(&view, item, sizeof(view));
        memcpy(out, cni_view_data(&view), (size_t)n_bytes);
    } else {
        memcpy(out, item, (size_t)n_bytes);
    }
}

/* Items and nulls of a FLAT vector with validity. */
static void
unpack_rows(const cni_agg_layout *layout, const cni_agg_key *key, const uint8_t *rows, int64_t n,
            int64_t null_row, cni_vector *vector)
{
    uint8_t *validity = cni_vector_mutable_validity(vector);
    uint8_t *data = cni_vector_mutable_data(vector);
    const int32_t n_bytes = cni_phys_bytes((cni_phys)vector->phys, vector->type);
    for (int64_t at = 0; at < n; at++) {
        const uint8_t *row = rows + at * layout->row_bytes;
        const bool is_null = at == null_row || is_null_key(key, row);
        if (is_null) {
            cni_bit_clear(validity, at);
        }
        if (key->kind == CNI_AGG_KEY_BIT) {
            cni_bit_write(data, at, row[key->offset] != 0);
        } else if (is_null) {
            memset(data + at * n_bytes, 0, (size_t)n_bytes);
        } else {
            unpack_item(key, row + key->offset, n_bytes, data + at * n_bytes);
        }
    }
}

cn_code
cni_agg_unpack_key(const cni_agg_layout *layout, int32_t key, const uint8_t *rows, int64_t n,
                   cni_allocator *allocator, int64_t null_row, cni_vector *out_vector,
                   cn_error *err)
{
    const cni_agg_key *packed = &layout->keys[key];
    if (packed->kind == CNI_AGG_KEY_NESTED) {
        return cni_agg_unpack_nested(packed->type, rows + packed->offset, layout->row_bytes, n,
                                     allocator, out_vector, err);
    }
    CN_SCOPED(cni_vector) made = {0};
    CN_TRY(cni_vector_new_flat(allocator, packed->type, cni_type_phys(packed->type), n, true, &made,
                               err));
    if (packed->kind != CNI_AGG_KEY_NONE) {
        unpack_rows(layout, packed, rows, n, null_row, &made);
    }
    if (packed->kind == CNI_AGG_KEY_VIEW) {
        CN_TRY(cni_heap_new(allocator, NULL, 0, &made.heap, err)); /* pointers into the arenas */
        CN_TRY(cni_vector_own_strings(allocator, &made, true, err));
    }
    cni_vector_move(out_vector, &made);
    return CN_OK;
}
