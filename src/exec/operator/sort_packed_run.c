/* SPDX-License-Identifier: Apache-2.0
 *
 * Packed runs: blocks of items as images (sort_words.h), one behind the other in extents, which are
 * what is written and read: in memory they are the same bytes. The first item of each block is
 * kept beside; when all rows have come and the layout is final, it becomes the key that ranges are
 * cut by.
 */
#include "exec/operator/sort_int.h"

/* ---- appending ---- */

static int64_t
block_end(const cni_sort_run *self, int64_t begin, int64_t n)
{
    return cni_min_i64(n, begin + self->plan->block_rows);
}

/* The blocks of items [begin, end) fill an extent; gives its bytes. */
static int64_t
measure_extent(const cni_sort_run *self, const uint64_t *items, int64_t begin, int64_t n,
               int64_t *out_end)
{
    int64_t n_bytes = 0;
    while (begin < n && n_bytes < self->plan->extent_bytes) {
        const int64_t end = block_end(self, begin, n);
        n_bytes += cni_sort_words_image(self->n_words, items + begin * self->n_words, end - begin);
        begin = end;
    }
    *out_end = begin;
    return n_bytes;
}

/* Note where the block lies and what it begins with. */
static cn_code
add_block(cni_sort_run *self, const uint64_t *items, int64_t n, int64_t image_at,
          int64_t image_bytes, cn_error *err)
{
    cni_allocator *allocator = self->plan->allocator;
    const int64_t n_first_bytes = self->n_words * (int64_t)sizeof(*items);
    const uint64_t ordinal = items[self->n_words - 1] & ((UINT64_C(1) << self->ordinal_bits) - 1);
    CN_TRY(cni_sort_grow(allocator, &self->blocks, &self->cap_blocks, self->n_blocks + 1,
                         (int64_t)sizeof(*self->blocks), err));
    CN_TRY(cni_sort_grow(allocator, &self->firsts, &self->cap_firsts,
                         self->n_firsts + n_first_bytes, 1, err));
    self->blocks[self->n_blocks++] = (cni_sort_block){
        .n_bytes = n * n_first_bytes,
        .n_rows = n,
        .first_row = self->n_rows,
        .first_sequence = self->n_sequences == 0 ? 0 : self->sequences[ordinal],
        .extent = self->n_extents - 1,
        .image_at = image_at,
        .image_bytes = image_bytes,
    };
    memcpy(self->firsts + self->n_firsts, items, (size_t)n_first_bytes);
    self->n_firsts += n_first_bytes;
    self->n_rows += n;
    return CN_OK;
}

static cn_code
fill_extent(cni_sort_run *self, const uint64_t *items, int64_t n, cn_error *err)
{
    uint8_t *data = self->extents[self->n_extents - 1].data;
    int64_t n_bytes = 0;
    for (int64_t begin = 0; begin < n;) {
        const int64_t end = block_end(self, begin, n);
        const uint64_t *first = items + begin * self->n_words;
        const int64_t image_bytes =
            cni_sort_words_pack(self->n_words, first, end - begin, data + n_bytes);
        CN_TRY(add_block(self, first, end - begin, n_bytes, image_bytes, err));
        n_bytes += image_bytes;
        begin = end;
    }
    memset(data + n_bytes, 0, (size_t)(self->extents[self->n_extents - 1].n_bytes - n_bytes));
    return CN_OK;
}

cn_code
cni_sort_packed_append(cni_sort_run *self, const uint64_t *items, int64_t n, cn_error *err)
{
    const cni_sort_plan *plan = self->plan;
    for (int64_t begin = 0; begin < n;) {
        int64_t end = begin;
        const int64_t n_bytes =
            cni_round_up(measure_extent(self, items, begin, n, &end) + CNI_SORT_WORDS_SLACK,
                         CNI_SPILL_ALIGN_BYTES);
        CN_TRY(cni_context_check(plan->context, err));
        CN_TRY(cni_sort_grow(plan->allocator, &self->extents, &self->cap_extents,
                             self->n_extents + 1, (int64_t)sizeof(*self->extents), err));
        cni_sort_extent *extent = &self->extents[self->n_extents];
        *extent = (cni_sort_extent){.n_bytes = n_bytes};
        CN_TRY(cni_sort_extent_alloc(plan->allocator, n_bytes, &extent->data, err));
        self->n_extents++;
        self->n_bytes += n_bytes;
        CN_TRY(fill_extent(self, items + begin * self->n_words, end - begin, err));
        begin = end;
    }
    return CN_OK;
}

/* ---- to disk ---- */

cn_code
cni_sort_packed_write(cni_sort_run *self, cni_spill_file *file, int64_t first, cn_error *err)
{
    cn_code code = CN_OK;
    for (int64_t at = first; at < self->n_extents && code == CN_OK; at++) {
        cni_sort_extent *extent = &self->extents[at];
        code = cni_context_check(self->plan->context, err);
        if (code == CN_OK) {
            code = cni_spill_append(file, extent->data, extent->n_bytes, &extent->offset, err);
        }
        extent->written = code == CN_OK;
    }
    if (code != CN_OK) {
        cni_sort_packed_unwrite(self, first);
    }
    return code;
}

void
cni_sort_packed_unwrite(cni_sort_run *self, int64_t first)
{
    for (int64_t at = first; at < self->n_extents; at++) {
        cni_sort_extent *extent = &self->extents[at];
        if (extent->written) {
            cni_spill_discard(self->plan->file, extent->offset, extent->n_bytes);
            extent->written = false;
        }
    }
}

void
cni_sort_packed_drop(cni_sort_run *self, int64_t first)
{
    for (int64_t at = first; at < self->n_extents; at++) {
        cni_sort_extent *extent = &self->extents[at];
        cni_sort_extent_dealloc(self->plan->allocator, CN_MOVE(extent->data), extent->n_bytes);
    }
}

/* ---- keys that ranges are cut by ---- */

/* The first items' keys in the plan's layout, as bytes that are compared. */
static void
align_firsts(const cni_sort_run *self, const uint64_t *items, int32_t n_words, uint64_t *out)
{
    const cni_sort_plan *plan = self->plan;
    const cni_sort_form form = {&plan->layout, 0, n_words};
    cni_sort_layout_change(&plan->lanes, cni_sort_run_form(self), items, self->n_blocks, form, out);
    for (int64_t at = 0; at < self->n_blocks * n_words; at++) {
        out[at] = __builtin_bswap64(out[at]);
    }
}

cn_code
cni_sort_packed_align(cni_sort_run *self, cn_error *err)
{
    cni_allocator *allocator = self->plan->allocator;
    const int32_t n_words = cni_sort_layout_words(&self->plan->layout, 0);
    const int64_t key_bytes = n_words * (int64_t)sizeof(uint64_t);
    const int64_t n_bytes = self->n_blocks * key_bytes;
    uint64_t *keys = NULL;
    if (self->aligned || self->n_blocks == 0) {
        return CN_OK;
    }
    CN_TRY(cni_alloc(allocator, n_bytes, &keys, err));
    align_firsts(self, (const uint64_t *)(const void *)self->firsts, n_words, keys);
    for (int64_t at = 0; at < self->n_blocks; at++) {
        self->blocks[at].key_at = at * key_bytes;
        self->blocks[at].key_bytes = self->blocks[at].kept_bytes = key_bytes;
    }
    cni_dealloc(allocator, self->firsts, self->cap_firsts);
    self->firsts = (uint8_t *)keys;
    self->n_firsts = self->cap_firsts = n_bytes;
    self->aligned = true;
    return CN_OK;
}
