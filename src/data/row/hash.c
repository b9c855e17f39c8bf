/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashing of vectors, block by block: number layouts through the loops of hash_isa.c, strings and
 * fixed binaries one by one, a dictionary per entry and then gathered (per row when it has more
 * entries than there are rows), constants and runs once, nested types by a walk whose depth is that
 * of the type.
 */
#include "data/row/hash.h"

#include "data/column/float_text.h"
#include "data/kernel/isa.h"
#include "data/kernel/ops.h"
#include "data/row/hash_int.h"

#define HASH_BLOCK_ROWS 1024

uint64_t
cni_hash_i64(int64_t value)
{
    return cni_hash_of_i64(value);
}

uint64_t
cni_hash_i128(cni_i128 value)
{
    return cni_hash_of_i128(value);
}

uint64_t
cni_hash_f64(double value)
{
    return cni_hash_of_f64(value);
}

uint64_t
cni_hash_bytes(const void *data, int64_t len_bytes)
{
    if (len_bytes > CNI_VIEW_INLINE_BYTES) {
        return cni_hash_of_long(data, len_bytes);
    }
    uint8_t padded[16] = {0};
    if (len_bytes > 0) {
        memcpy(padded, data, (size_t)len_bytes);
    }
    return cni_hash_of_short(cni_hash_load64(padded), cni_hash_load32(padded + 8),
                             (uint64_t)len_bytes);
}

uint64_t
cni_hash_null(void)
{
    return CNI_HASH_NULL;
}

uint64_t
cni_hash_combine(uint64_t previous, uint64_t next)
{
    return cni_hash_of_combined(previous, next);
}

/* Never NULL. */
static const cni_hash_kernels *
kernels_of(int level)
{
#if defined(__x86_64__)
    switch (level) {
    case CNI_ISA_V5:
        return &cni_hash_kernels_v5;
    case CNI_ISA_V4:
        return &cni_hash_kernels_v4;
    case CNI_ISA_V3:
        return &cni_hash_kernels_v3;
    default:
        return &cni_hash_kernels_v2;
    }
#else
    (void)level;
    return &cni_hash_kernels_v0;
#endif
}

static const cni_hash_kernels *
best_kernels(void)
{
    return kernels_of((int)cni_isa_detect());
}

const cni_hash_kernels *
cni_hash_kernels_at(int level)
{
    const cni_isa best = cni_isa_detect();
    const int lowest = best == CNI_ISA_BASE ? (int)CNI_ISA_BASE : (int)CNI_ISA_V2;
    return level < lowest || level > (int)best ? NULL : kernels_of(level);
}

/* ---- one row of flat values ---- */

static uint64_t hash_row(const cni_vector *vector, int64_t row);

static uint64_t
hash_items(const cni_vector *vector, int64_t offset, int64_t size)
{
    uint64_t hash = cni_hash_of_i64(size);
    for (int64_t item = 0; item < size; item++) {
        hash = cni_hash_of_combined(hash, hash_row(&vector->nested->children[0], offset + item));
    }
    return hash;
}

static uint64_t
hash_struct(const cni_vector *vector, int64_t at)
{
    uint64_t hash = cni_hash_of_i64(vector->nested->n_children);
    for (int32_t child = 0; child < vector->nested->n_children; child++) {
        hash = cni_hash_of_combined(
            hash, hash_row(&vector->nested->children[child], vector->nested_offset + at));
    }
    return hash;
}

static uint64_t
hash_union(const cni_vector *vector, int64_t at)
{
    const int8_t code = ((const int8_t *)vector->data)[at];
    for (int32_t child = 0; child < vector->type->n_children; child++) {
        if (vector->type->union_codes[child] == code) {
            const int64_t row = vector->union_offsets == NULL ? vector->nested_offset + at
                                                              : vector->union_offsets[at];
            return cni_hash_of_combined(cni_hash_of_i64(code),
                                        hash_row(&vector->nested->children[child], row));
        }
    }
    return CNI_HASH_NULL;
}

/* 256 bits: as 128 when they fit. */
static uint64_t
hash_i256(const uint8_t *item)
{
    uint64_t words[4];
    for (int word = 0; word < 4; word++) {
        words[word] = cni_hash_load64(item + 8 * word);
    }
    const uint64_t sign = (uint64_t)((int64_t)words[1] >> 63);
    if (words[2] == sign && words[3] == sign) {
        return cni_hash_of_halves(words[0], (int64_t)words[1]);
    }
    return cni_hash_bytes(item, 32);
}

static uint64_t
hash_at(const cni_vector *flat, int64_t at)
{
    const uint8_t *data = flat->data;
    switch (flat->phys) {
    case CNI_PHYS_BIT:
        return cni_hash_of_i64(cni_bits_get((cni_bits){data, flat->data_off_bits}, at));
    case CNI_PHYS_VIEW:
        return cni_hash_of_view((const cni_view *)flat->data + at);
    case CNI_PHYS_FIXED:
        return cni_hash_bytes(data + at * flat->type->width, flat->type->width);
    case CNI_PHYS_INTERVAL:
        return cni_hash_of_i128(cni_interval_nanos((const cni_interval *)flat->data + at));
    case CNI_PHYS_F16:
        return cni_hash_of_f64((double)cni_f16_to_f32(((const uint16_t *)flat->data)[at]));
    case CNI_PHYS_I256:
        return hash_i256(data + 32 * at);
    case CNI_PHYS_LIST: {
        const cni_list_entry items = ((const cni_list_entry *)flat->data)[at];
        return hash_items(flat, items.offset, items.size);
    }
    case CNI_PHYS_ARRAY:
        return hash_items(flat, (flat->nested_offset + at) * flat->type->width, flat->type->width);
    case CNI_PHYS_STRUCT:
        return hash_struct(flat, at);
    case CNI_PHYS_UNION:
        return hash_union(flat, at);
    default: {
        const int64_t item = cni_phys_bytes((cni_phys)flat->phys, flat->type);
        uint64_t hash;
        best_kernels()->numbers[flat->phys](data + at * item, 1, &hash);
        return hash;
    }
    }
}

static uint64_t
hash_row(const cni_vector *vector, int64_t row)
{
    if (vector->encoding == CNI_SEQUENCE) {
        return cni_hash_of_i64(vector->sequence_start + row * vector->sequence_step);
    }
    const cni_vector *flat;
    int64_t at;
    return cni_vector_locate(vector, row, &flat, &at) ? hash_at(flat, at) : CNI_HASH_NULL;
}

/* ---- blocks ---- */

typedef struct hash_job {
    const cni_hash_kernels *kernels;
    const cni_vector *key;
    const uint64_t *entries; /* DICTIONARY: hash of each entry, or NULL = look at each row */
} hash_job;

static void
set_nulls(cni_bits valid, int64_t row, int64_t n, uint64_t *out)
{
    for (int64_t first = 0; valid.data != NULL && first < n; first += 64) {
        const int64_t n_word = cni_min_i64(64, n - first);
        const uint64_t mask = n_word == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n_word) - 1;
        for (uint64_t null = mask & ~cni_bits_word(valid, row + first, n_word); null != 0;
             null &= null - 1) {
            out[first + __builtin_ctzll(null)] = CNI_HASH_NULL;
        }
    }
}

static CN_NOINLINE uint64_t
hash_long_view(const cni_view *view)
{
    return cni_hash_of_long((const uint8_t *)cni_view_data(view), view->len_bytes);
}

/* cni_hash_of_view with the long case out of the loop's way. */
static inline CN_ALWAYS_INLINE uint64_t
hash_view(const cni_view *view)
{
    const uint8_t *bytes = (const uint8_t *)view;
    if (CN_LIKELY(view->len_bytes <= CNI_VIEW_INLINE_BYTES)) {
        return cni_hash_of_short(cni_hash_load64(bytes + 4), cni_hash_load32(bytes + 12),
                                 view->len_bytes);
    }
    return hash_long_view(view);
}

/* Strings, where they are valid. */
static void
hash_views(const cni_vector *flat, int64_t row, int64_t n, uint64_t *out)
{
    const cni_view *views = (const cni_view *)flat->data + row;
    for (int64_t first = 0; first < n; first += 64) {
        const int64_t n_word = cni_min_i64(64, n - first);
        uint64_t valid = cni_bits_word(flat->validity, row + first, n_word);
        if (valid == ~UINT64_C(0)) {
            for (int64_t at = first; at < first + 64; at++) {
                out[at] = hash_view(&views[at]);
            }
            continue;
        }
        for (; valid != 0; valid &= valid - 1) {
            const int64_t at = first + __builtin_ctzll(valid);
            out[at] = cni_hash_of_view(&views[at]);
        }
    }
}

/* Whatever has no loop: only valid rows are looked at. */
static void
hash_one_by_one(const cni_vector *flat, int64_t row, int64_t n, uint64_t *out)
{
    for (int64_t at = 0; at < n; at++) {
        if (cni_bits_get(flat->validity, row + at)) {
            out[at] = hash_at(flat, row + at);
        }
    }
}

static void
hash_flat(const cni_hash_kernels *kernels, const cni_vector *flat, int64_t row, int64_t n,
          uint64_t *out)
{
    if (flat->phys == CNI_PHYS_NONE) {
        for (int64_t at = 0; at < n; at++) {
            out[at] = CNI_HASH_NULL;
        }
        return;
    }
    if (flat->phys == CNI_PHYS_VIEW) {
        hash_views(flat, row, n, out);
    } else if (kernels->numbers[flat->phys] == NULL) {
        hash_one_by_one(flat, row, n, out);
    } else {
        const int64_t item = cni_phys_bytes((cni_phys)flat->phys, flat->type);
        kernels->numbers[flat->phys]((const uint8_t *)flat->data + row * item, n, out);
    }
    set_nulls(flat->validity, row, n, out);
}

static void
hash_codes(const hash_job *job, int64_t row, int64_t n, uint64_t *out)
{
    const cni_vector *key = job->key;
    for (int64_t at = 0; at < n; at++) {
        const int64_t r = row + at;
        const uint32_t code = key->code_bytes == 1   ? ((const uint8_t *)key->data)[r]
                              : key->code_bytes == 2 ? ((const uint16_t *)key->data)[r]
                                                     : ((const uint32_t *)key->data)[r];
        out[at] = job->entries[code];
    }
    set_nulls(key->validity, row, n, out);
}

/* The run that covers `row` of a RUN_END vector. */
static int64_t
find_run(const cni_vector *vector, int64_t row)
{
    int64_t low = 0;
    int64_t high = vector->n_runs;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (vector->run_ends[middle] > vector->run_base + row) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static void
hash_runs(const cni_vector *key, int64_t row, int64_t n, uint64_t *out)
{
    int64_t run = find_run(key, row);
    for (int64_t at = 0; at < n; run++) {
        const int64_t end = cni_min_i64(n, key->run_ends[run] - key->run_base - row);
        const uint64_t hash = hash_row(&key->nested->children[0], run);
        for (; at < end; at++) {
            out[at] = hash;
        }
    }
}

static void
hash_block(const hash_job *job, int64_t row, int64_t n, uint64_t *out)
{
    const cni_vector *key = job->key;
    if (key->encoding == CNI_FLAT) {
        hash_flat(job->kernels, key, row, n, out);
    } else if (key->encoding == CNI_DICTIONARY && job->entries != NULL) {
        hash_codes(job, row, n, out);
    } else if (key->encoding == CNI_CONSTANT) {
        const uint64_t hash = hash_row(key, 0);
        for (int64_t at = 0; at < n; at++) {
            out[at] = hash;
        }
    } else if (key->encoding == CNI_RUN_END) {
        hash_runs(key, row, n, out);
    } else {
        for (int64_t at = 0; at < n; at++) {
            out[at] = hash_row(key, row + at);
        }
    }
}

static void
hash_all(const hash_job *job, bool is_first, int64_t n_rows, uint64_t *out_hashes)
{
    uint64_t next[HASH_BLOCK_ROWS];
    for (int64_t row = 0; row < n_rows; row += HASH_BLOCK_ROWS) {
        const int64_t n = cni_min_i64(HASH_BLOCK_ROWS, n_rows - row);
        if (is_first) {
            hash_block(job, row, n, out_hashes + row);
        } else {
            hash_block(job, row, n, next);
            job->kernels->combine(out_hashes + row, next, n);
        }
    }
}

static cn_code
hash_key(cni_allocator *allocator, const cni_vector *key, bool is_first, int64_t n_rows,
         uint64_t *out_hashes, cn_error *err)
{
    hash_job job = {best_kernels(), key, NULL};
    CN_SCOPED(cni_buffer_p) entries = NULL;
    if (key->encoding == CNI_DICTIONARY && key->dictionary->values.n_rows <= n_rows) {
        const int64_t n_entries = key->dictionary->values.n_rows;
        CN_TRY(cni_buffer_new(allocator, n_entries * (int64_t)sizeof(uint64_t), &entries, err));
        uint64_t *hashes = (uint64_t *)(void *)entries->data;
        const hash_job of_entries = {job.kernels, &key->dictionary->values, NULL};
        hash_all(&of_entries, true, n_entries, hashes);
        job.entries = hashes;
    }
    hash_all(&job, is_first, n_rows, out_hashes);
    return CN_OK;
}

cn_code
cni_hash_vectors(cni_allocator *allocator, const cni_vector *const *keys, int32_t n_keys,
                 int64_t n_rows, uint64_t *out_hashes, cn_error *err)
{
    for (int32_t key = 0; key < n_keys; key++) {
        CN_TRY(hash_key(allocator, keys[key], key == 0, n_rows, out_hashes, err));
    }
    return CN_OK;
}
