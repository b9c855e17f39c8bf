/* SPDX-License-Identifier: Apache-2.0
 *
 * Many runs as one sorted whole. Ranges of about equal size are cut at rows that blocks begin with:
 * these are put in order, and every so many rows one of them becomes a cut. A cut is a row, not
 * only a key, so equal keys in any number fill ranges as others do; only DISTINCT ON needs all rows
 * of a key in one range.
 *
 * The index keeps long keys by their beginning: where that does not decide, whole keys are read.
 */
#include "exec/operator/sort_int.h"

#include <stdlib.h>

#include "base/checked.h"

#define BYTES_SPREAD 4 /* of a range's records over those of as many rows of mean width */

/* ---- keys of places ---- */

static const cni_sort_block *
block_of(const cni_sort_set *self, cni_sort_place place)
{
    return &cni_sort_set_run(self, place.run)->blocks[place.block];
}

void
cni_sort_cut_key_done(cni_sort_cut_key *self)
{
    if (self->set != NULL) {
        cni_dealloc(self->set->plan->allocator, CN_MOVE(self->owned), self->key.len_bytes);
    }
}

/* A first key that the index has only the beginning of. */
static cn_code
read_key(const cni_sort_set *self, const cni_sort_block *block, cni_sort_cut_key *out,
         cn_error *err)
{
    const cni_sort_plan *plan = self->plan;
    if (block->records != NULL) {
        out->key.data = (const char *)block->records->data + plan->header_bytes;
        return CN_OK;
    }
    const int64_t offset =
        cni_sort_set_run(self, out->run)->extents[block->extent].offset + block->image_at;
    uint8_t *key = NULL;
    CN_TRY(cni_alloc(plan->allocator, block->key_bytes, &key, err));
    const cn_code code =
        cni_spill_read(plan->file, offset + block->image_key_at, block->key_bytes, key, err);
    if (code != CN_OK) {
        cni_dealloc(plan->allocator, key, block->key_bytes);
        return code;
    }
    out->owned = key;
    out->key.data = (const char *)key;
    return CN_OK;
}

cn_code
cni_sort_set_key(const cni_sort_set *self, cni_sort_place place, cni_sort_cut_key *out_key,
                 cn_error *err)
{
    const cni_sort_run *run = cni_sort_set_run(self, place.run);
    const cni_sort_block *block = &run->blocks[place.block];
    cni_sort_cut_key key = {.set = self,
                            .key = {(const char *)run->firsts + block->key_at, block->key_bytes},
                            .sequence = block->first_sequence,
                            .run = place.run,
                            .row = block->first_row};
    if (block->kept_bytes < block->key_bytes) {
        CN_TRY(read_key(self, block, &key, err));
    }
    *out_key = key;
    return CN_OK;
}

/* ---- extents ---- */

void
cni_sort_held_unref(cni_sort_held *self)
{
    if (self != NULL && cni_refcount_dec(&self->n_refs)) {
        cni_sort_extent_dealloc(self->allocator, self->data, self->n_bytes);
        cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
    }
}

static cn_code
read_extent(const cni_sort_set *self, int64_t run, int64_t number, cni_sort_held **out_held,
            cn_error *err)
{
    const cni_sort_plan *plan = self->plan;
    const cni_sort_extent *extent = &cni_sort_set_run(self, run)->extents[number];
    CN_SCOPED(cni_sort_held_p) held = NULL;
    CN_TRY(cni_alloc_zeroed(plan->allocator, (int64_t)sizeof(*held), &held, err));
    held->n_refs = 1;
    held->allocator = plan->allocator;
    held->extent = number;
    CN_TRY(cni_sort_extent_alloc(plan->allocator, extent->n_bytes + CNI_SPILL_ALIGN_BYTES,
                                 &held->data, err));
    held->n_bytes = extent->n_bytes + CNI_SPILL_ALIGN_BYTES;
    memset(held->data + extent->n_bytes, 0, 8);
    CN_TRY(cni_spill_read(plan->file, extent->offset, extent->n_bytes, held->data, err));
    *out_held = CN_MOVE(held);
    return CN_OK;
}

/* The slot that holds the extent, or the one of the extent farthest behind. */
static cni_sort_held **
find_slot(const cni_sort_set *self, int64_t run, int64_t extent)
{
    cni_sort_held **slots = self->cache->slots + run * CNI_SORT_HELD;
    cni_sort_held **oldest = slots;
    for (int32_t slot = 0; slot < CNI_SORT_HELD; slot++) {
        if (slots[slot] != NULL && slots[slot]->extent == extent) {
            return &slots[slot];
        }
        if (slots[slot] == NULL || (*oldest != NULL && slots[slot]->extent < (*oldest)->extent)) {
            oldest = &slots[slot];
        }
    }
    return oldest;
}

static void
keep_held(const cni_sort_set *self, int64_t run, cni_sort_held *held)
{
    cni_refcount_inc(&held->n_refs);
    cni_mutex_lock(&self->cache->mutex);
    cni_sort_held **slot = find_slot(self, run, held->extent);
    cni_sort_held *before = *slot;
    *slot = held;
    cni_mutex_unlock(&self->cache->mutex);
    cni_sort_held_unref(before);
}

/* Of one huge row: it is read again rather than kept for every run. */
static bool
is_overgrown(const cni_sort_plan *plan, const cni_sort_held *held)
{
    return held->n_bytes > 2 * (plan->extent_bytes + plan->block_bytes) + CNI_SPILL_ALIGN_BYTES;
}

cn_code
cni_sort_set_hold(const cni_sort_set *self, int64_t run, int64_t extent, cni_sort_held **out_held,
                  cn_error *err)
{
    cni_sort_held *held = NULL;
    cni_mutex_lock(&self->cache->mutex);
    cni_sort_held **slot = find_slot(self, run, extent);
    if (*slot != NULL && (*slot)->extent == extent) {
        held = *slot;
        cni_refcount_inc(&held->n_refs);
    }
    cni_mutex_unlock(&self->cache->mutex);
    if (held == NULL) {
        CN_TRY(read_extent(self, run, extent, &held, err));
        if (!is_overgrown(self->plan, held)) {
            keep_held(self, run, held);
        }
    }
    *out_held = held;
    return CN_OK;
}

static cn_code
make_cache(cni_sort_set *self, cn_error *err)
{
    cni_allocator *allocator = self->plan->allocator;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self->cache), &self->cache, err));
    cni_mutex_init(&self->cache->mutex);
    CN_TRY(cni_alloc_zeroed(allocator,
                            self->n_runs * CNI_SORT_HELD * (int64_t)sizeof(cni_sort_held *),
                            (void *)&self->cache->slots, err));
    self->cache->n_runs = self->n_runs;
    return CN_OK;
}

static void
free_cache(cni_sort_set *self)
{
    cni_sort_cache *cache = CN_MOVE(self->cache);
    if (cache == NULL) {
        return;
    }
    const int64_t n_slots = cache->n_runs * CNI_SORT_HELD;
    for (int64_t slot = 0; slot < n_slots; slot++) {
        cni_sort_held_unref(cache->slots[slot]);
    }
    cni_dealloc(self->plan->allocator, (void *)cache->slots,
                n_slots * (int64_t)sizeof(cni_sort_held *));
    cni_mutex_done(&cache->mutex);
    cni_dealloc(self->plan->allocator, cache, (int64_t)sizeof(*cache));
}

/* ---- order ---- */

int
cni_sort_compare_sources(const cni_sort_set *self, int64_t sequence_a, int64_t run_a, int64_t row_a,
                         const cni_sort_cut_key *b)
{
    if (self->plan->spec->first_per_key) {
        return 0;
    }
    if (sequence_a != b->sequence) {
        return sequence_a < b->sequence ? -1 : 1;
    }
    if (run_a != b->run) {
        return run_a < b->run ? -1 : 1;
    }
    return (row_a > b->row) - (row_a < b->row);
}

int
cni_sort_compare_row(const cni_sort_run *run, int64_t run_number, int64_t row, const uint8_t *key,
                     const cni_sort_cut_key *at)
{
    const cni_sort_plan *plan = run->plan;
    const cni_str own = {(const char *)key, cni_sort_key_length(plan, key)};
    const int by_key = cni_str_compare(own, at->key);
    return by_key != 0
               ? by_key
               : cni_sort_compare_sources(at->set, run->sequences[cni_sort_key_ordinal(plan, key)],
                                          run_number, row, at);
}

/* Order of a block's first row and a row whose whole key is known. */
static cn_code
compare_block(const cni_sort_set *self, cni_sort_place place, const cni_sort_cut_key *at,
              int *out_order, cn_error *err)
{
    const cni_sort_run *run = cni_sort_set_run(self, place.run);
    const cni_sort_block *block = &run->blocks[place.block];
    const int64_t n_common = cni_min_i64(block->kept_bytes, at->key.len_bytes);
    int order =
        n_common == 0 ? 0 : memcmp(run->firsts + block->key_at, at->key.data, (size_t)n_common);
    if (order == 0 && block->kept_bytes < block->key_bytes) {
        CN_SCOPED(cni_sort_cut_key) whole = {0};
        CN_TRY(cni_sort_set_key(self, place, &whole, err));
        order = cni_str_compare(whole.key, at->key);
    }
    if (order == 0) {
        order =
            cni_sort_compare_sources(self, block->first_sequence, place.run, block->first_row, at);
    }
    *out_order = order;
    return CN_OK;
}

static cn_code
compare_places(const cni_sort_set *self, cni_sort_place a, cni_sort_place b, int *out_order,
               cn_error *err)
{
    const cni_sort_block *block = block_of(self, b);
    CN_SCOPED(cni_sort_cut_key) key = {0};
    if (block->kept_bytes < block->key_bytes) {
        /* The beginnings mostly decide without a read. */
        const cni_sort_block *block_a = block_of(self, a);
        const int64_t n_common = cni_min_i64(block->kept_bytes, block_a->kept_bytes);
        *out_order =
            memcmp(cni_sort_set_run(self, a.run)->firsts + block_a->key_at,
                   cni_sort_set_run(self, b.run)->firsts + block->key_at, (size_t)n_common);
        if (*out_order != 0) {
            return CN_OK;
        }
    }
    CN_TRY(cni_sort_set_key(self, b, &key, err));
    return compare_block(self, a, &key, out_order, err);
}

cn_code
cni_sort_set_count_blocks(const cni_sort_set *self, int64_t run, const cni_sort_cut_key *at,
                          bool through, int64_t *out_n, cn_error *err)
{
    int64_t low = 0;
    int64_t high = cni_sort_set_run(self, run)->n_blocks;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        int order = 0;
        CN_TRY(compare_block(self, (cni_sort_place){(int32_t)run, middle}, at, &order, err));
        if (order < 0 || (through && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out_n = low;
    return CN_OK;
}

/* ---- cuts ---- */

static cn_code
merge_places(const cni_sort_set *self, const cni_sort_place *places, int64_t middle, int64_t n,
             cni_sort_place *out, cn_error *err)
{
    int64_t left = 0;
    int64_t right = middle;
    for (int64_t at = 0; at < n; at++) {
        int order = left == middle ? -1 : 1;
        if (left < middle && right < n) {
            CN_TRY(compare_places(self, places[right], places[left], &order, err));
        }
        out[at] = order < 0 ? places[right++] : places[left++];
    }
    return CN_OK;
}

/* Runs' places lie one run behind the other, each sorted: ends[run] ends the run's. Neighbours are
 * merged until one is left; *out_sorted is one of the two. */
static cn_code
merge_all(const cni_sort_set *self, cni_sort_place *places, cni_sort_place *scratch, int64_t *ends,
          cni_sort_place **out_sorted, cn_error *err)
{
    for (int64_t n_runs = self->n_runs; n_runs > 1; n_runs = (n_runs + 1) / 2) {
        for (int64_t run = 0; run < n_runs; run += 2) {
            const int64_t begin = run == 0 ? 0 : ends[run / 2 - 1];
            const int64_t middle = ends[run];
            const int64_t end = run + 1 < n_runs ? ends[run + 1] : middle;
            CN_TRY(merge_places(self, places + begin, middle - begin, end - begin, scratch + begin,
                                err));
            CN_TRY(cni_context_check(self->plan->context, err));
            ends[run / 2] = end;
        }
        cni_sort_place *kept = places;
        places = scratch;
        scratch = kept;
    }
    *out_sorted = places;
    return CN_OK;
}

/* Bytes of records that a range gets at most: rows that are much wider than others come together
 * when keys are texts. */
static int64_t
choose_range_bytes(const cni_sort_set *self, const cni_sort_place *places, int64_t n_places,
                   int64_t range_rows)
{
    int64_t n_bytes = 0;
    int64_t limit = INT64_MAX;
    for (int64_t at = 0; at < n_places; at++) {
        n_bytes += block_of(self, places[at])->n_bytes;
    }
    return cni_checked_mul(range_rows, BYTES_SPREAD * (n_bytes / self->n_rows + 1), &limit)
               ? limit
               : INT64_MAX;
}

/* Cuts after every range_rows rows that blocks stand for. */
static cn_code
choose_cuts(cni_sort_set *self, const cni_sort_place *places, int64_t n_places, int64_t range_rows,
            cn_error *err)
{
    const int64_t range_bytes = choose_range_bytes(self, places, n_places, range_rows);
    int64_t n_rows = 0;
    int64_t n_bytes = 0;
    for (int64_t at = 0; at < n_places; at++) {
        if (n_rows >= range_rows || n_bytes >= range_bytes) {
            CN_TRY(cni_sort_grow(self->plan->allocator, &self->cuts, &self->cap_cuts,
                                 self->n_cuts + 1, (int64_t)sizeof(*self->cuts), err));
            self->cuts[self->n_cuts++] = places[at];
            n_rows = n_bytes = 0;
        }
        n_rows += block_of(self, places[at])->n_rows;
        n_bytes += block_of(self, places[at])->n_bytes;
    }
    return CN_OK;
}

static cn_code
cut_ranges(cni_sort_set *self, int64_t n_places, int64_t range_rows, cni_sort_place *places,
           int64_t *ends, cn_error *err)
{
    cni_sort_place *sorted = NULL;
    int64_t at = 0;
    for (int64_t run = 0; run < self->n_runs; run++) {
        for (int64_t block = 0; block < cni_sort_set_run(self, run)->n_blocks; block++) {
            places[at++] = (cni_sort_place){(int32_t)run, block};
        }
        ends[run] = at;
    }
    CN_TRY(merge_all(self, places, places + n_places, ends, &sorted, err));
    return choose_cuts(self, sorted, n_places, range_rows, err);
}

cn_code
cni_sort_set_init(cni_sort_set *self, cni_sort_plan *plan, cni_sort_runs *runs, int64_t first_run,
                  int64_t n_runs, int64_t range_rows, cn_error *err)
{
    int64_t n_places = 0;
    *self = (cni_sort_set){.plan = plan, .runs = runs, .first_run = first_run, .n_runs = n_runs};
    if (n_runs > INT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort of %lld runs", (long long)n_runs);
    }
    for (int64_t run = 0; run < n_runs; run++) {
        self->n_rows += cni_sort_set_run(self, run)->n_rows;
        n_places += cni_sort_set_run(self, run)->n_blocks;
    }
    if (self->n_rows == 0) {
        self->n_cuts = -1;
        return CN_OK;
    }
    CN_TRY(make_cache(self, err));
    CN_TRY(plan->packed ? cni_sort_packed_rank(self, err) : CN_OK);
    const int64_t n_place_bytes = 2 * n_places * (int64_t)sizeof(cni_sort_place);
    const int64_t n_end_bytes = n_runs * (int64_t)sizeof(int64_t);
    cni_sort_place *places = NULL;
    int64_t *ends = NULL;
    CN_TRY(cni_alloc(plan->allocator, n_place_bytes, &places, err));
    cn_code code = cni_alloc(plan->allocator, n_end_bytes, &ends, err);
    if (code == CN_OK) {
        code = cut_ranges(self, n_places, range_rows, places, ends, err);
        cni_dealloc(plan->allocator, ends, n_end_bytes);
    }
    cni_dealloc(plan->allocator, places, n_place_bytes);
    return code;
}

static void
free_ranks(cni_sort_set *self)
{
    cni_allocator *allocator = self->plan->allocator;
    if (self->ranks != NULL) {
        cni_dealloc(allocator, self->ranks,
                    self->rank_ats[self->n_runs] * (int64_t)sizeof(*self->ranks));
    }
    if (self->rank_ats != NULL) {
        cni_dealloc(allocator, self->rank_ats,
                    (self->n_runs + 1) * (int64_t)sizeof(*self->rank_ats));
    }
    cni_dealloc(allocator, self->sequences,
                self->cap_sequences * (int64_t)sizeof(*self->sequences));
}

void
cni_sort_set_done(cni_sort_set *self)
{
    if (self->plan != NULL) {
        free_cache(self);
        free_ranks(self);
        cni_dealloc(self->plan->allocator, self->cuts,
                    self->cap_cuts * (int64_t)sizeof(*self->cuts));
        *self = (cni_sort_set){0};
    }
}

/* ---- sequences ---- */

static int
order_sequences(const void *a, const void *b)
{
    const int64_t sequence_a = *(const int64_t *)a;
    const int64_t sequence_b = *(const int64_t *)b;
    return (sequence_a > sequence_b) - (sequence_a < sequence_b);
}

cn_code
cni_sort_set_sequences(const cni_sort_set *self, int64_t **inout_sequences,
                       int64_t *inout_cap_sequences, int64_t *out_n_sequences, cn_error *err)
{
    int64_t n = 0;
    int64_t n_once = 0;
    for (int64_t run = 0; run < self->n_runs; run++) {
        n += cni_sort_set_run(self, run)->n_sequences;
    }
    CN_TRY(cni_sort_grow(self->plan->allocator, inout_sequences, inout_cap_sequences, n,
                         (int64_t)sizeof(int64_t), err));
    int64_t *sequences = *inout_sequences;
    n = 0;
    for (int64_t at = 0; at < self->n_runs; at++) {
        const cni_sort_run *run = cni_sort_set_run(self, at);
        memcpy(sequences + n, run->sequences, (size_t)run->n_sequences * sizeof(int64_t));
        n += run->n_sequences;
    }
    qsort(sequences, (size_t)n, sizeof(int64_t), order_sequences);
    for (int64_t at = 0; at < n; at++) {
        if (at == 0 || sequences[at] != sequences[n_once - 1]) {
            sequences[n_once++] = sequences[at];
        }
    }
    *out_n_sequences = n_once;
    return CN_OK;
}

uint32_t
cni_sort_sequence_rank(const int64_t *sequences, int64_t n_sequences, int64_t sequence)
{
    int64_t low = 0;
    int64_t high = n_sequences - 1;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (sequences[middle] < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (uint32_t)low;
}
