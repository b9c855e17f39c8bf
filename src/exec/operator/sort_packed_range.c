/* SPDX-License-Identifier: Apache-2.0
 *
 * Packed sorts, reading: the rows of a range become items of one form, in the plan's layout, and
 * are sorted by nothing but these.
 *
 *   range item  [key][rank of the sequence][number of the row, in the order of runs and places]
 *
 * without what follows the key when there is no payload. What comes from disk is checked: it cannot
 * lead outside of the range's rows or of the ranks.
 */
#include "exec/operator/sort_int.h"

#define ROW_BITS 32

/* ---- ranks of sequences ---- */

cn_code
cni_sort_packed_rank(cni_sort_set *self, cn_error *err)
{
    cni_allocator *allocator = self->plan->allocator;
    int64_t n = 0;
    for (int64_t run = 0; run < self->n_runs; run++) {
        CN_TRY(cni_sort_packed_align(cni_sort_set_run(self, run), err));
    }
    if (self->plan->n_payload == 0) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_array(allocator, self->n_runs + 1, (int64_t)sizeof(*self->rank_ats),
                           &self->rank_ats, err));
    for (int64_t run = 0; run < self->n_runs; run++) {
        self->rank_ats[run] = n;
        n += cni_sort_set_run(self, run)->n_sequences;
    }
    self->rank_ats[self->n_runs] = n;
    CN_TRY(cni_sort_set_sequences(self, &self->sequences, &self->cap_sequences, &self->n_sequences,
                                  err));
    CN_TRY(cni_alloc_array(allocator, n, (int64_t)sizeof(*self->ranks), &self->ranks, err));
    for (int64_t run = 0; run < self->n_runs; run++) {
        const cni_sort_run *item = cni_sort_set_run(self, run);
        for (int64_t ordinal = 0; ordinal < item->n_sequences; ordinal++) {
            self->ranks[self->rank_ats[run] + ordinal] = cni_sort_sequence_rank(
                self->sequences, self->n_sequences, item->sequences[ordinal]);
        }
    }
    return CN_OK;
}

/* ---- blocks ---- */

/* The block that is read. */
typedef struct block_reader {
    cni_sort_range *range;
    const cni_sort_run *run;
    int64_t run_number;
    cni_sort_held *held; /* the extent that was looked into last */
    bool same_layout;
} block_reader;

static cn_code
bad_block(cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_DATA, "a temporary file of a sort was damaged");
}

static cn_code
find_image(block_reader *self, const cni_sort_block *block, const uint8_t **out_image,
           cn_error *err)
{
    const cni_sort_extent *extent = &self->run->extents[block->extent];
    if (extent->data != NULL) {
        *out_image = extent->data + block->image_at;
        return CN_OK;
    }
    if (self->held == NULL || self->held->extent != block->extent) {
        cni_sort_held_unref(CN_MOVE(self->held));
        CN_TRY(
            cni_sort_set_hold(self->range->set, self->run_number, block->extent, &self->held, err));
    }
    *out_image = self->held->data + block->image_at;
    return CN_OK;
}

/* Items of the run as the range's, whose low bits are zero; their ordinals beside. */
static cn_code
unpack_changed(const block_reader *self, const cni_sort_block *block, const uint8_t *image,
               uint64_t *out, cn_error *err)
{
    cni_sort_range *range = self->range;
    const cni_sort_run *run = self->run;
    cni_allocator *allocator = run->plan->allocator;
    const int64_t n = block->n_rows;
    CN_TRY(cni_sort_grow(allocator, &range->block_words, &range->cap_block_words, n * run->n_words,
                         (int64_t)sizeof(uint64_t), err));
    CN_TRY(cni_sort_grow(allocator, &range->ordinals, &range->cap_ordinals, n,
                         (int64_t)sizeof(uint64_t), err));
    if (!cni_sort_words_unpack(run->n_words, image, block->image_bytes, n, range->block_words)) {
        return bad_block(err);
    }
    cni_sort_words_extract(run->n_words, range->block_words, n, 0, run->ordinal_bits,
                           range->ordinals);
    for (int64_t row = 0; row < n && run->ordinal_bits > 0; row++) {
        if (range->ordinals[row] >= (uint64_t)run->n_sequences) {
            return bad_block(err);
        }
    }
    if (self->same_layout) {
        cni_sort_words_shift(run->n_words, run->ordinal_bits, range->block_words, n, range->n_words,
                             range->low_bits, out);
    } else {
        cni_sort_layout_change(&run->plan->lanes, cni_sort_run_form(run), range->block_words, n,
                               cni_sort_range_form(range), out);
    }
    return CN_OK;
}

/* The items of a block behind those that the range has, low bits zero. */
static cn_code
unpack_block(block_reader *self, const cni_sort_block *block, cn_error *err)
{
    cni_sort_range *range = self->range;
    const cni_sort_run *run = self->run;
    const uint8_t *image = NULL;
    CN_TRY(cni_context_check(run->plan->context, err));
    CN_TRY(find_image(self, block, &image, err));
    CN_TRY(cni_sort_grow(run->plan->allocator, &range->words, &range->cap_words,
                         (range->n_keys + block->n_rows) * range->n_words,
                         (int64_t)sizeof(*range->words), err));
    uint64_t *out = range->words + range->n_keys * range->n_words;
    if (!self->same_layout || range->low_bits > 0) {
        return unpack_changed(self, block, image, out, err);
    }
    return cni_sort_words_unpack(run->n_words, image, block->image_bytes, block->n_rows, out)
               ? CN_OK
               : bad_block(err);
}

/* ---- cuts ---- */

/* A cut's key as an item of the range. */
static void
cut_item(const cni_sort_range *range, const cni_sort_cut_key *at, uint64_t *out)
{
    uint64_t key[CNI_SORT_WORDS_MAX];
    const int32_t n_words = (int32_t)(at->key.len_bytes / (int64_t)sizeof(uint64_t));
    memcpy(key, at->key.data, (size_t)n_words * sizeof(*key));
    for (int32_t word = 0; word < n_words; word++) {
        key[word] = __builtin_bswap64(key[word]);
    }
    cni_sort_words_shift(n_words, 0, key, 1, range->n_words, range->low_bits, out);
}

/* The first row of the block that was unpacked last that does not come before the cut. */
static int64_t
search_block(const block_reader *self, const cni_sort_block *block, const cni_sort_cut_key *at)
{
    const cni_sort_range *range = self->range;
    const uint64_t *items = range->words + range->n_keys * range->n_words;
    uint64_t cut[CNI_SORT_WORDS_MAX];
    int64_t low = 0;
    int64_t high = block->n_rows;
    cut_item(range, at, cut);
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        int order = cni_sort_words_compare(range->n_words, items + middle * range->n_words, cut);
        if (order == 0) {
            const int64_t sequence =
                range->low_bits > 0 ? self->run->sequences[range->ordinals[middle]] : 0;
            order = cni_sort_compare_sources(range->set, sequence, self->run_number,
                                             block->first_row + middle, at);
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Rows [first, end) of the block that was unpacked last become the range's. */
static void
keep_rows(const block_reader *self, int64_t first, int64_t end)
{
    cni_sort_range *range = self->range;
    const int32_t n_words = range->n_words;
    uint64_t *items = range->words + range->n_keys * n_words;
    if (first > 0) {
        memmove(items, items + first * n_words, (size_t)((end - first) * n_words) * sizeof(*items));
    }
    if (range->low_bits > 0) {
        const uint32_t *ranks = range->set->ranks + range->set->rank_ats[self->run_number];
        for (int64_t row = 0; row < end - first; row++) {
            items[(row + 1) * n_words - 1] |= (uint64_t)ranks[range->ordinals[first + row]]
                                                  << ROW_BITS |
                                              (uint64_t)(range->n_keys + row);
        }
    }
    range->n_keys += end - first;
}

static cn_code
read_blocks(block_reader *self, cni_sort_slice *slice, const cni_sort_cut_key *low,
            const cni_sort_cut_key *high, cn_error *err)
{
    for (int64_t at = slice->first_block; at < slice->end_block; at++) {
        const cni_sort_block *block = &self->run->blocks[at];
        int64_t first = 0;
        int64_t end = block->n_rows;
        CN_TRY(unpack_block(self, block, err));
        if (at == slice->first_block && low != NULL) {
            first = search_block(self, block, low);
            slice->first_row += first;
        }
        if (at + 1 == slice->end_block && high != NULL) {
            end = cni_max_i64(first, search_block(self, block, high));
        }
        keep_rows(self, first, end);
        slice->end_row = block->first_row + end;
    }
    return CN_OK;
}

cn_code
cni_sort_packed_read_slice(cni_sort_range *self, int64_t run_number, const cni_sort_cut_key *low,
                           const cni_sort_cut_key *high, cn_error *err)
{
    const cni_sort_set *set = self->set;
    const cni_sort_plan *plan = set->plan;
    const cni_sort_run *run = cni_sort_set_run(set, run_number);
    cni_sort_slice *slice = &self->slices[run_number];
    block_reader reader = {.range = self, .run = run, .run_number = run_number};
    reader.same_layout = cni_sort_layout_equal(&run->layout, &plan->layout, &plan->lanes);
    self->low_bits =
        plan->n_payload == 0 ? 0 : ROW_BITS + cni_sort_bit_width((uint64_t)(set->n_sequences - 1));
    self->n_words = cni_sort_layout_words(&plan->layout, self->low_bits);
    slice->first_key = self->n_keys;
    slice->first_row = slice->end_row = slice->first_block < run->n_blocks
                                            ? run->blocks[slice->first_block].first_row
                                            : run->n_rows;
    const cn_code code = read_blocks(&reader, slice, low, high, err);
    cni_sort_held_unref(reader.held);
    CN_TRY(code);
    self->first_place += slice->first_row;
    return CN_OK;
}

cn_code
cni_sort_packed_sort(cni_sort_range *self, cn_error *err)
{
    const cni_sort_plan *plan = self->set->plan;
    const int64_t n = self->n_keys;
    self->n_rows = n;
    if (self->set->n_runs <= 1 || n == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sort_grow(plan->allocator, &self->words, &self->cap_words, 2 * n * self->n_words,
                         (int64_t)sizeof(*self->words), err));
    return cni_sort_words(plan->context, self->n_words, self->words,
                          self->words + n * self->n_words, n, err);
}
