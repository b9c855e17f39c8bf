/* SPDX-License-Identifier: Apache-2.0
 *
 * One range of a set: from every run the blocks that hold its rows, of which the first and the last
 * are searched for where the range begins and ends; the rows of all runs are then put in order by
 * the same sort that made the runs. That costs less than a merge of as many runs, whose every row
 * would take a comparison per level.
 */
#include "exec/operator/sort_int.h"

#include "base/checked.h"

void
cni_sort_range_init(cni_sort_range *self, const cni_sort_set *set, int64_t n_passed)
{
    *self = (cni_sort_range){.set = set, .n_passed = n_passed};
}

/* Keys and payload of the range before; arrays stay. */
static void
drop_content(cni_sort_range *self)
{
    const cni_sort_plan *plan = self->set->plan;
    for (int64_t page = 0; page < self->n_pages; page++) {
        cni_buffer_unref(self->pages[page]);
    }
    for (int32_t column = 0; self->columns != NULL && column < plan->n_payload; column++) {
        cni_vector_done(&self->columns[column]);
    }
    self->n_pages = 0;
    self->n_keys = 0;
    self->n_rows = 0;
    self->first_place = 0;
}

void
cni_sort_range_done(cni_sort_range *self)
{
    if (self->set == NULL) {
        return;
    }
    const cni_sort_plan *plan = self->set->plan;
    cni_allocator *allocator = plan->allocator;
    drop_content(self);
    cni_dealloc(allocator, self->columns, plan->n_payload * (int64_t)sizeof(*self->columns));
    cni_dealloc(allocator, (void *)self->keys, self->cap_keys * (int64_t)sizeof(*self->keys));
    cni_dealloc(allocator, self->items, self->cap_items * (int64_t)sizeof(*self->items));
    cni_dealloc(allocator, self->words, self->cap_words * (int64_t)sizeof(*self->words));
    cni_dealloc(allocator, self->block_words,
                self->cap_block_words * (int64_t)sizeof(*self->block_words));
    cni_dealloc(allocator, self->ordinals, self->cap_ordinals * (int64_t)sizeof(*self->ordinals));
    cni_dealloc(allocator, self->slices, self->cap_slices * (int64_t)sizeof(*self->slices));
    cni_dealloc(allocator, (void *)self->pages, self->cap_pages * (int64_t)sizeof(*self->pages));
    *self = (cni_sort_range){0};
}

/* ---- which blocks ---- */

/* Before *out_high rows of the run, and not before *out_low, lies the cut. */
static cn_code
find_blocks(cni_sort_range *self, const cni_sort_cut_key *low, const cni_sort_cut_key *high,
            cn_error *err)
{
    const cni_sort_set *set = self->set;
    CN_TRY(cni_sort_grow(set->plan->allocator, &self->slices, &self->cap_slices, set->n_runs,
                         (int64_t)sizeof(*self->slices), err));
    for (int64_t run = 0; run < set->n_runs; run++) {
        cni_sort_slice *slice = &self->slices[run];
        *slice = (cni_sort_slice){.end_block = cni_sort_set_run(set, run)->n_blocks};
        if (low != NULL) {
            /* With DISTINCT ON rows of the cut's key may begin before a block that begins with it.
             */
            const bool through = !set->plan->spec->first_per_key;
            int64_t n = 0;
            CN_TRY(cni_sort_set_count_blocks(set, run, low, through, &n, err));
            slice->first_block = cni_max_i64(0, n - 1);
        }
        if (high != NULL) {
            CN_TRY(cni_sort_set_count_blocks(set, run, high, false, &slice->end_block, err));
        }
        slice->end_block = cni_max_i64(slice->first_block, slice->end_block);
    }
    return CN_OK;
}

/* Whether the blocks found can hold places of [begin, end). */
static bool
may_be_wanted(const cni_sort_range *self, int64_t begin, int64_t end)
{
    const cni_sort_set *set = self->set;
    int64_t n_before = 0;
    int64_t n_through = 0;
    for (int64_t at = 0; at < set->n_runs; at++) {
        const cni_sort_run *run = cni_sort_set_run(set, at);
        const cni_sort_slice *slice = &self->slices[at];
        n_before += slice->first_block < run->n_blocks ? run->blocks[slice->first_block].first_row
                                                       : run->n_rows;
        n_through += slice->end_block < run->n_blocks ? run->blocks[slice->end_block].first_row
                                                      : run->n_rows;
    }
    return n_before < end && n_through > begin;
}

/* ---- records of blocks ---- */

/* Records of a block; *inout_held is the run's extent that was looked into last. */
static cn_code
read_block(cni_sort_range *self, int64_t run_number, const cni_sort_block *block,
           cni_sort_held **inout_held, const uint8_t **out_records, cn_error *err)
{
    const cni_sort_plan *plan = self->set->plan;
    CN_TRY(cni_sort_grow(plan->allocator, (void *)&self->pages, &self->cap_pages, self->n_pages + 1,
                         (int64_t)sizeof(*self->pages), err));
    if (block->records != NULL) {
        *out_records = block->records->data;
        self->pages[self->n_pages++] = cni_buffer_ref(block->records);
        return CN_OK;
    }
    if (*inout_held == NULL || (*inout_held)->extent != block->extent) {
        cni_sort_held_unref(CN_MOVE(*inout_held));
        CN_TRY(cni_sort_set_hold(self->set, run_number, block->extent, inout_held, err));
    }
    cni_buffer *page = NULL;
    CN_TRY(cni_buffer_new(plan->allocator, block->n_bytes, &page, err));
    self->pages[self->n_pages++] = page;
    *out_records = page->data;
    return cni_sort_unpack(plan, block, (*inout_held)->data + block->image_at, page->data, err);
}

static cn_code
bad_block(cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_DATA, "a temporary file of a sort was damaged");
}

/* Where the keys of a block's rows are; what came from disk is checked. */
static cn_code
locate_keys(const cni_sort_run *run, const cni_sort_block *block, const uint8_t *records,
            const uint8_t **out_keys, cn_error *err)
{
    const cni_sort_plan *plan = run->plan;
    const uint8_t *next = records;
    const uint8_t *end = records + block->n_bytes;
    for (int64_t row = 0; row < block->n_rows; row++) {
        if (end - next < plan->header_bytes) {
            return bad_block(err);
        }
        next += plan->header_bytes;
        const int64_t key_bytes = cni_sort_key_length(plan, next);
        if (key_bytes > end - next || cni_sort_key_ordinal(plan, next) >= run->n_sequences) {
            return bad_block(err);
        }
        out_keys[row] = next;
        next += key_bytes;
    }
    return next == end ? CN_OK : bad_block(err);
}

/* The first of the block's rows that does not come before the cut. */
static int64_t
search_block(const cni_sort_run *run, int64_t run_number, const cni_sort_block *block,
             const uint8_t *const *keys, const cni_sort_cut_key *at)
{
    int64_t low = 0;
    int64_t high = block->n_rows;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (cni_sort_compare_row(run, run_number, block->first_row + middle, keys[middle], at) <
            0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Rows [first, end) of the block that was located last are the range's: others are dropped. */
static void
trim_block(cni_sort_range *self, int64_t first, int64_t end)
{
    if (first > 0) {
        memmove((void *)(self->keys + self->n_keys), (void *)(self->keys + self->n_keys + first),
                (size_t)(end - first) * sizeof(*self->keys));
    }
    self->n_keys += end - first;
}

static cn_code
read_slice(cni_sort_range *self, int64_t run_number, const cni_sort_cut_key *low,
           const cni_sort_cut_key *high, cn_error *err)
{
    const cni_sort_run *run = cni_sort_set_run(self->set, run_number);
    cni_sort_slice *slice = &self->slices[run_number];
    CN_SCOPED(cni_sort_held_p) held = NULL;
    slice->first_key = self->n_keys;
    slice->first_row = slice->end_row = slice->first_block < run->n_blocks
                                            ? run->blocks[slice->first_block].first_row
                                            : run->n_rows;
    for (int64_t at = slice->first_block; at < slice->end_block; at++) {
        const cni_sort_block *block = &run->blocks[at];
        const uint8_t *records = NULL;
        CN_TRY(cni_context_check(self->set->plan->context, err));
        CN_TRY(read_block(self, run_number, block, &held, &records, err));
        CN_TRY(cni_sort_grow(self->set->plan->allocator, (void *)&self->keys, &self->cap_keys,
                             self->n_keys + block->n_rows, (int64_t)sizeof(*self->keys), err));
        const uint8_t **keys = self->keys + self->n_keys;
        CN_TRY(locate_keys(run, block, records, keys, err));
        int64_t first = 0;
        int64_t end = block->n_rows;
        if (at == slice->first_block && low != NULL) {
            first = search_block(run, run_number, block, keys, low);
            slice->first_row += first;
        }
        if (at + 1 == slice->end_block && high != NULL) {
            end = cni_max_i64(first, search_block(run, run_number, block, keys, high));
        }
        trim_block(self, first, end);
        slice->end_row = block->first_row + end;
    }
    self->first_place += slice->first_row;
    return CN_OK;
}

/* ---- order ---- */

/* The run whose slice holds a row of the range. */
static int64_t
run_of(const cni_sort_range *self, int64_t row)
{
    int64_t low = 0;
    int64_t high = self->set->n_runs;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (self->slices[middle].first_key <= row) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

int64_t
cni_sort_range_sequence(const void *range, uint32_t row)
{
    const cni_sort_range *self = range;
    const cni_sort_run *run = cni_sort_set_run(self->set, run_of(self, row));
    return run->sequences[cni_sort_key_ordinal(run->plan, self->keys[row])];
}

/* Of the rows of each key those from n_passed on, as many as can matter. */
static void
keep_first_rows(cni_sort_range *self)
{
    const cni_phys_sort *spec = self->set->plan->spec;
    const int64_t end = cni_sort_rows_wanted(spec);
    int64_t n_kept = 0;
    int64_t n_same = 0; /* rows of the key so far */
    cni_sort_item before = {0};
    for (int64_t at = 0; at < self->n_rows; at++) {
        const cni_sort_item item = self->items[at];
        const bool same = at > 0 && item.key_bytes == before.key_bytes &&
                          memcmp(self->keys[item.row], self->keys[before.row], item.key_bytes) == 0;
        n_same = same ? n_same + 1 : 1;
        before = item;
        if (n_same > self->n_passed && n_same <= end) {
            self->items[n_kept++] = item;
        }
    }
    self->n_rows = n_kept;
}

static cn_code
sort_rows(cni_sort_range *self, cn_error *err)
{
    const cni_sort_plan *plan = self->set->plan;
    const int64_t n = self->n_keys;
    const cni_sort_order order = {plan->context, self->keys,
                                  self->set->n_runs > 1 ? cni_sort_range_sequence : NULL, self};
    if (n > UINT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort has too many equal rows");
    }
    CN_TRY(cni_sort_grow(plan->allocator, &self->items, &self->cap_items, 2 * n,
                         (int64_t)sizeof(*self->items), err));
    for (int64_t row = 0; row < n; row++) {
        const uint8_t *key = self->keys[row];
        const int64_t key_bytes = cni_sort_key_length(plan, key);
        self->items[row] =
            (cni_sort_item){cni_sort_word(key, key_bytes, 0), (uint32_t)row, (uint32_t)key_bytes};
    }
    self->n_rows = n;
    if (self->set->n_runs > 1) {
        CN_TRY(cni_sort_items(&order, self->items, self->items + n, n, err));
    }
    if (plan->spec->first_per_key) {
        keep_first_rows(self);
    }
    return CN_OK;
}

/* ---- payload ---- */

/* Vectors of all runs' slices, in the order of the keys. */
typedef struct range_parts {
    cni_allocator *allocator;
    int32_t n_columns;
    int64_t n_parts;
    int64_t cap_parts;
    cni_vector *parts; /* part p of column c: p * n_columns + c */
    bool pins;         /* one is a small part of a run in memory, which is not to be kept by it */
} range_parts;

static void
range_parts_done(range_parts *self)
{
    for (int64_t at = 0; at < self->n_parts * self->n_columns; at++) {
        cni_vector_done(&self->parts[at]);
    }
    cni_dealloc(self->allocator, self->parts,
                self->cap_parts * self->n_columns * (int64_t)sizeof(*self->parts));
}

static inline void
range_parts_cleanup_(range_parts *inout_value)
{
    range_parts_done(inout_value);
}

/* Rows [first, end) of the columns. */
static cn_code
add_part(range_parts *self, const cni_vector *columns, int64_t first, int64_t end, cn_error *err)
{
    CN_TRY(cni_sort_grow(self->allocator, &self->parts, &self->cap_parts, self->n_parts + 1,
                         self->n_columns * (int64_t)sizeof(*self->parts), err));
    for (int32_t column = 0; column < self->n_columns; column++) {
        cni_vector_slice(&self->parts[self->n_parts * self->n_columns + column], &columns[column],
                         first, end - first);
    }
    self->n_parts++;
    return CN_OK;
}

static cn_code
add_disk_parts(range_parts *self, cni_sort_plan *plan, const cni_sort_run *run,
               const cni_sort_slice *slice, cn_error *err)
{
    cni_spill_layout layout;
    CN_TRY(cni_sort_plan_layout(plan, &layout, err));
    int64_t block = 0;
    int64_t high = run->rows.n_blocks;
    while (high - block > 1) {
        const int64_t middle = block + (high - block) / 2;
        if (run->payload_firsts[middle] <= slice->first_row) {
            block = middle;
        } else {
            high = middle;
        }
    }
    for (; block < run->rows.n_blocks && run->payload_firsts[block] < slice->end_row; block++) {
        CN_SCOPED(cni_chunk) chunk = {0};
        const int64_t base = run->payload_firsts[block];
        const int64_t first = cni_max_i64(slice->first_row, base) - base;
        const int64_t end = cni_min_i64(slice->end_row, run->payload_firsts[block + 1]) - base;
        cni_chunk_init(&chunk, plan->allocator);
        CN_TRY(cni_context_check(plan->context, err));
        CN_TRY(cni_spill_read_block(&layout, &run->rows, block, &chunk, err));
        CN_TRY(add_part(self, chunk.columns, first, end, err));
    }
    return CN_OK;
}

/* The only part as a copy. */
static cn_code
copy_part(cni_allocator *allocator, const cni_vector *part, cni_vector *out, cn_error *err)
{
    const int64_t n_bytes = part->n_rows * (int64_t)sizeof(uint32_t);
    uint32_t *rows = NULL;
    CN_TRY(cni_alloc(allocator, n_bytes, &rows, err));
    for (int64_t row = 0; row < part->n_rows; row++) {
        rows[row] = (uint32_t)row;
    }
    const cn_code code = cni_vector_take(allocator, part, rows, part->n_rows, out, err);
    cni_dealloc(allocator, rows, n_bytes);
    return code;
}

static cn_code
join_parts(cni_sort_range *self, range_parts *parts, cn_error *err)
{
    cni_allocator *allocator = self->set->plan->allocator;
    const int64_t n_bytes = parts->n_parts * (int64_t)sizeof(cni_vector *);
    const cni_vector **pointers = NULL;
    if (parts->n_parts > INT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort has too many blocks");
    }
    CN_TRY(cni_alloc(allocator, n_bytes, (void *)&pointers, err));
    cn_code code = CN_OK;
    for (int32_t column = 0; column < parts->n_columns && code == CN_OK; column++) {
        for (int64_t part = 0; part < parts->n_parts; part++) {
            pointers[part] = &parts->parts[part * parts->n_columns + column];
        }
        cni_vector *out = &self->columns[column];
        code = parts->pins && parts->n_parts == 1
                   ? copy_part(allocator, pointers[0], out, err)
                   : cni_vector_concat(allocator, pointers, (int32_t)parts->n_parts, out, err);
        for (int64_t part = 0; part < parts->n_parts; part++) {
            cni_vector_done(&parts->parts[part * parts->n_columns + column]);
        }
        if (code == CN_OK && out->encoding == CNI_FLAT) {
            code = cni_vector_own_strings(allocator, out, false, err);
        }
    }
    cni_dealloc(allocator, (void *)pointers, n_bytes);
    return code;
}

static cn_code
read_payload(cni_sort_range *self, cn_error *err)
{
    const cni_sort_set *set = self->set;
    cni_sort_plan *plan = set->plan;
    CN_SCOPED(range_parts) parts = {.allocator = plan->allocator, .n_columns = plan->n_payload};
    if (self->columns == NULL) {
        CN_TRY(cni_alloc_zeroed(plan->allocator, plan->n_payload * (int64_t)sizeof(*self->columns),
                                &self->columns, err));
    }
    for (int64_t at = 0; at < set->n_runs; at++) {
        const cni_sort_run *run = cni_sort_set_run(set, at);
        const cni_sort_slice *slice = &self->slices[at];
        if (slice->first_row == slice->end_row) {
            continue;
        }
        if (run->resident) {
            parts.pins =
                plan->context->spill != NULL && slice->end_row - slice->first_row < run->n_rows / 2;
            CN_TRY(add_part(&parts, run->columns, slice->first_row, slice->end_row, err));
        } else {
            CN_TRY(add_disk_parts(&parts, plan, run, slice, err));
        }
    }
    return join_parts(self, &parts, err);
}

/* ---- all of it ---- */

static cn_code
read_between(cni_sort_range *self, const cni_sort_cut_key *low, const cni_sort_cut_key *high,
             int64_t begin, int64_t end, cn_error *err)
{
    CN_TRY(find_blocks(self, low, high, err));
    if (!may_be_wanted(self, begin, end)) {
        return CN_OK;
    }
    const bool packed = self->set->plan->packed;
    for (int64_t run = 0; run < self->set->n_runs; run++) {
        CN_TRY(packed ? cni_sort_packed_read_slice(self, run, low, high, err)
                      : read_slice(self, run, low, high, err));
    }
    CN_TRY(packed ? cni_sort_packed_sort(self, err) : sort_rows(self, err));
    return self->set->plan->n_payload == 0 || self->n_rows == 0 ? CN_OK : read_payload(self, err);
}

cn_code
cni_sort_range_read(cni_sort_range *self, int64_t range, int64_t begin, int64_t end, cn_error *err)
{
    const cni_sort_set *set = self->set;
    CN_SCOPED(cni_sort_cut_key) low = {0};
    CN_SCOPED(cni_sort_cut_key) high = {0};
    drop_content(self);
    if (range > 0) {
        CN_TRY(cni_sort_set_key(set, set->cuts[range - 1], &low, err));
    }
    if (range < set->n_cuts) {
        CN_TRY(cni_sort_set_key(set, set->cuts[range], &high, err));
    }
    return read_between(self, range > 0 ? &low : NULL, range < set->n_cuts ? &high : NULL, begin,
                        end, err);
}
