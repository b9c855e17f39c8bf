/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorted runs: records in blocks, each with the beginning of its first key in memory, so that rows
 * are found by key without reading the blocks; payload columns in the same order.
 */
#include "exec/operator/sort_int.h"

#define AHEAD          8   /* keys lie anywhere: they are fetched so many items before */
#define KEPT_KEY_BYTES 256 /* longer first keys are read when they are needed */

cn_code
cni_sort_run_new(const cni_sort_plan *plan, cni_sort_run **out_run, cn_error *err)
{
    cni_sort_run *self = NULL;
    CN_TRY(cni_alloc_zeroed(plan->allocator, (int64_t)sizeof(*self), &self, err));
    self->plan = plan;
    self->resident = true;
    *out_run = self;
    return CN_OK;
}

static void
free_columns(cni_sort_run *self)
{
    const int32_t n = self->plan->n_payload;
    for (int32_t column = 0; self->columns != NULL && column < n; column++) {
        cni_vector_done(&self->columns[column]);
    }
    cni_dealloc(self->plan->allocator, self->columns, n * (int64_t)sizeof(*self->columns));
    self->columns = NULL;
}

static void
free_records(cni_sort_block *block)
{
    cni_buffer_unref(CN_MOVE(block->records));
}

/* Each piece costs a call of the system; a file that goes soon gives all of them back at once. */
static bool
discards_pieces(const cni_sort_plan *plan)
{
    return !plan->closing && cni_context_check(plan->context, NULL) == CN_OK;
}

/* The disk or memory that blocks take is free again, from extent `first` on. */
static void
discard_extents(cni_sort_run *self, int64_t first)
{
    const bool discards = discards_pieces(self->plan);
    while (self->n_extents > first) {
        const cni_sort_extent *extent = &self->extents[--self->n_extents];
        if (extent->data != NULL) {
            cni_sort_extent_dealloc(self->plan->allocator, extent->data, extent->n_bytes);
        } else if (discards) {
            cni_spill_discard(self->plan->file, extent->offset, extent->n_bytes);
        }
    }
}

static void
discard_payload(cni_sort_run *self)
{
    cni_spill_layout layout = {0};
    const bool discards = discards_pieces(self->plan);
    for (int64_t block = 0; discards && block < self->rows.n_blocks; block++) {
        layout.file = self->plan->file; /* there is one; before, another worker may be making it */
        cni_spill_drop_block(&layout, &self->rows, block);
    }
    if (self->payload_firsts != NULL) {
        cni_dealloc(self->plan->allocator, self->payload_firsts,
                    (self->rows.n_blocks + 1) * (int64_t)sizeof(int64_t));
        self->payload_firsts = NULL;
    }
    cni_spill_rows_done(&self->rows);
    self->rows = (cni_spill_rows){0};
}

void
cni_sort_run_free(cni_sort_run *self)
{
    if (self == NULL) {
        return;
    }
    cni_allocator *allocator = self->plan->allocator;
    discard_extents(self, 0);
    discard_payload(self);
    for (int64_t at = 0; at < self->n_blocks; at++) {
        free_records(&self->blocks[at]);
    }
    free_columns(self);
    cni_dealloc(allocator, self->blocks, self->cap_blocks * (int64_t)sizeof(*self->blocks));
    cni_dealloc(allocator, self->extents, self->cap_extents * (int64_t)sizeof(*self->extents));
    cni_dealloc(allocator, self->firsts, self->cap_firsts);
    cni_dealloc(allocator, self->sequences, self->cap_sequences * (int64_t)sizeof(int64_t));
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
}

cn_code
cni_sort_runs_add(cni_sort_runs *self, cni_allocator *allocator, cni_sort_run *run, cn_error *err)
{
    CN_TRY(cni_sort_grow(allocator, (void *)&self->items, &self->cap_items, self->n_items + 1,
                         (int64_t)sizeof(cni_sort_run *), err));
    self->items[self->n_items++] = run;
    return CN_OK;
}

void
cni_sort_runs_done(cni_sort_runs *self, cni_allocator *allocator)
{
    for (int64_t run = 0; run < self->n_items; run++) {
        cni_sort_run_free(self->items[run]);
    }
    cni_dealloc(allocator, (void *)self->items, self->cap_items * (int64_t)sizeof(*self->items));
    *self = (cni_sort_runs){0};
}

/* ---- records ---- */

/* Note the first key of the run's last block. */
static cn_code
keep_first_key(cni_sort_run *self, cni_sort_block *block, cn_error *err)
{
    const cni_sort_plan *plan = self->plan;
    const uint8_t *key = block->records->data + plan->header_bytes;
    block->key_bytes = cni_sort_key_length(plan, key);
    block->kept_bytes =
        plan->key_bytes >= 0 ? block->key_bytes : cni_min_i64(block->key_bytes, KEPT_KEY_BYTES);
    block->key_at = self->n_firsts;
    block->first_sequence = self->sequences[cni_sort_key_ordinal(plan, key)];
    CN_TRY(cni_sort_grow(plan->allocator, &self->firsts, &self->cap_firsts,
                         self->n_firsts + block->kept_bytes, 1, err));
    memcpy(self->firsts + self->n_firsts, key, (size_t)block->kept_bytes);
    self->n_firsts += block->kept_bytes;
    return CN_OK;
}

/* Items [begin, *out_end) fill one block. */
static int64_t
measure_block(const cni_sort_plan *plan, const cni_sort_item *order, int64_t begin, int64_t n,
              int64_t *out_end)
{
    int64_t n_bytes = 0;
    int64_t end = begin;
    if (plan->key_bytes >= 0) {
        const int64_t record_bytes = plan->header_bytes + plan->key_bytes;
        end = cni_min_i64(n, begin + cni_max_i64(1, plan->block_bytes / record_bytes));
        n_bytes = (end - begin) * record_bytes;
    }
    while (plan->key_bytes < 0 && end < n) {
        const int64_t record_bytes = plan->header_bytes + (int64_t)order[end].key_bytes;
        if (end > begin && n_bytes + record_bytes > plan->block_bytes) {
            break;
        }
        n_bytes += record_bytes;
        end++;
    }
    *out_end = end;
    return n_bytes;
}

static void
copy_records(const cni_sort_plan *plan, const uint8_t *const *keys, const cni_sort_item *order,
             const uint32_t *ordinals, int64_t n, uint8_t *out)
{
    const int64_t header_bytes = plan->header_bytes;
    for (int64_t at = 0; at < n; at++) {
        const int64_t n_bytes = header_bytes + (int64_t)order[at].key_bytes;
        if (at + 2 * AHEAD < n) {
            __builtin_prefetch(&keys[order[at + 2 * AHEAD].row]);
            __builtin_prefetch(keys[order[at + AHEAD].row] - header_bytes);
        }
        memcpy(out, keys[order[at].row] - header_bytes, (size_t)n_bytes);
        if (ordinals != NULL) {
            memcpy(out, &ordinals[at], sizeof(ordinals[at]));
        }
        out += n_bytes;
    }
}

static cn_code
append_block(cni_sort_run *self, const uint8_t *const *keys, const cni_sort_item *order,
             const uint32_t *ordinals, int64_t n, int64_t n_bytes, cn_error *err)
{
    const cni_sort_plan *plan = self->plan;
    CN_TRY(cni_sort_grow(plan->allocator, &self->blocks, &self->cap_blocks, self->n_blocks + 1,
                         (int64_t)sizeof(*self->blocks), err));
    cni_sort_block *block = &self->blocks[self->n_blocks];
    *block = (cni_sort_block){.n_bytes = n_bytes, .n_rows = n, .first_row = self->n_rows};
    CN_TRY(cni_buffer_new(plan->allocator, n_bytes, &block->records, err));
    self->n_blocks++;
    copy_records(plan, keys, order, ordinals, n, block->records->data);
    self->n_rows += n;
    self->n_bytes += n_bytes;
    return keep_first_key(self, block, err);
}

cn_code
cni_sort_run_append(cni_sort_run *self, const uint8_t *const *keys, const cni_sort_item *order,
                    const uint32_t *ordinals, int64_t n, cn_error *err)
{
    for (int64_t begin = 0; begin < n;) {
        int64_t end = begin;
        const int64_t n_bytes = measure_block(self->plan, order, begin, n, &end);
        CN_TRY(append_block(self, keys, order + begin, ordinals == NULL ? NULL : ordinals + begin,
                            end - begin, n_bytes, err));
        CN_TRY(cni_context_check(self->plan->context, err));
        begin = end;
    }
    return CN_OK;
}

/* ---- payload ---- */

/* What a vector of gathered rows takes, about. */
static int64_t
vector_bytes(const cni_vector *vector)
{
    int64_t n_bytes = vector->owner_data == NULL ? 0 : vector->owner_data->len_bytes;
    n_bytes += vector->validity.data == NULL ? 0 : vector->n_rows / 8;
    for (int32_t at = 0; vector->heap != NULL && at < vector->heap->n_buffers; at++) {
        n_bytes += vector->heap->buffers[at]->len_bytes;
    }
    for (int32_t child = 0; vector->nested != NULL && child < vector->nested->n_children; child++) {
        n_bytes += vector_bytes(&vector->nested->children[child]); /* as deep as the type */
    }
    return n_bytes;
}

cn_code
cni_sort_run_gather(cni_sort_run *self, int32_t column, const cni_vector *joined,
                    const uint32_t *order, int64_t n, cn_error *err)
{
    const cni_sort_plan *plan = self->plan;
    if (self->columns == NULL) {
        CN_TRY(cni_alloc_zeroed(plan->allocator, plan->n_payload * (int64_t)sizeof(*self->columns),
                                &self->columns, err));
    }
    cni_vector *out = &self->columns[column];
    CN_TRY(cni_context_check(plan->context, err)); /* a column of a run may take 50 ms */
    CN_TRY(cni_vector_take(plan->allocator, joined, order, n, out, err));
    if (out->encoding == CNI_FLAT) {
        CN_TRY(cni_context_check(plan->context, err));
        CN_TRY(cni_vector_own_strings(plan->allocator, out, true, err));
    }
    self->n_bytes += vector_bytes(out);
    return CN_OK;
}

/* ---- to disk ---- */

cn_code
cni_sort_extent_alloc(cni_allocator *allocator, int64_t n_bytes, uint8_t **out_data, cn_error *err)
{
    uint8_t *data = allocator->resize(allocator, NULL, 0, n_bytes, CNI_SPILL_ALIGN_BYTES, err);
    if (data == NULL) {
        return err != NULL ? (cn_code)err->code : CN_NO_MEMORY;
    }
    *out_data = data;
    return CN_OK;
}

void
cni_sort_extent_dealloc(cni_allocator *allocator, uint8_t *data, int64_t n_bytes)
{
    if (data != NULL) {
        (void)allocator->resize(allocator, data, n_bytes, 0, CNI_SPILL_ALIGN_BYTES, NULL);
    }
}

/* An extent under way. */
typedef struct extent_writer {
    cni_sort_run *run;
    cni_spill_file *file;
    uint8_t *data;
    int64_t cap_bytes;
    int64_t n_bytes;
} extent_writer;

static cn_code
flush_extent(extent_writer *self, cn_error *err)
{
    cni_sort_run *run = self->run;
    const int64_t n_bytes = cni_round_up(self->n_bytes, CNI_SPILL_ALIGN_BYTES);
    if (self->n_bytes == 0) {
        return CN_OK;
    }
    CN_ASSERT(self->data != NULL);
    CN_TRY(cni_context_check(run->plan->context, err));
    CN_TRY(cni_sort_grow(run->plan->allocator, &run->extents, &run->cap_extents, run->n_extents + 1,
                         (int64_t)sizeof(*run->extents), err));
    memset(self->data + self->n_bytes, 0, (size_t)(n_bytes - self->n_bytes));
    cni_sort_extent *extent = &run->extents[run->n_extents];
    *extent = (cni_sort_extent){.n_bytes = n_bytes};
    CN_TRY(cni_spill_append(self->file, self->data, n_bytes, &extent->offset, err));
    run->n_extents++;
    self->n_bytes = 0;
    return CN_OK;
}

/* Room for a block in the extent, or in the next one. */
static cn_code
make_room(extent_writer *self, int64_t n_bytes, cn_error *err)
{
    cni_allocator *allocator = self->run->plan->allocator;
    n_bytes = cni_round_up(n_bytes, CNI_SPILL_ALIGN_BYTES);
    if (self->n_bytes + n_bytes <= self->cap_bytes) {
        return CN_OK;
    }
    CN_TRY(flush_extent(self, err));
    if (n_bytes > self->cap_bytes) {
        cni_sort_extent_dealloc(allocator, CN_MOVE(self->data), self->cap_bytes);
        self->cap_bytes = 0;
        CN_TRY(cni_sort_extent_alloc(allocator, n_bytes, &self->data, err));
        self->cap_bytes = n_bytes;
    }
    return CN_OK;
}

static cn_code
write_block(extent_writer *self, cni_sort_block *block, cn_error *err)
{
    const cni_sort_plan *plan = self->run->plan;
    CN_TRY(make_room(self, cni_sort_pack_bound(plan, block), err));
    uint8_t *image = self->data + self->n_bytes;
    block->extent = self->run->n_extents;
    block->image_at = self->n_bytes;
    block->image_bytes = cni_sort_pack(plan, block, image);
    block->image_key_at = plan->key_bytes >= 0 ? 0 : cni_sort_packed_key(image);
    self->n_bytes += block->image_bytes;
    return self->n_bytes >= plan->extent_bytes ? flush_extent(self, err) : CN_OK;
}

static int64_t
largest_bound(const cni_sort_run *self, int64_t first)
{
    int64_t n_bytes = 0;
    for (int64_t at = first; at < self->n_blocks; at++) {
        n_bytes = cni_max_i64(n_bytes, cni_sort_pack_bound(self->plan, &self->blocks[at]));
    }
    return n_bytes;
}

cn_code
cni_sort_run_write_blocks(cni_sort_run *self, cni_spill_file *file, int64_t first, cn_error *err)
{
    cni_allocator *allocator = self->plan->allocator;
    extent_writer writer = {.run = self, .file = file};
    const int64_t n_extents = self->n_extents;
    cn_code code = make_room(&writer, self->plan->extent_bytes + largest_bound(self, first), err);
    for (int64_t at = first; at < self->n_blocks && code == CN_OK; at++) {
        code = write_block(&writer, &self->blocks[at], err);
    }
    code = code == CN_OK ? flush_extent(&writer, err) : code;
    cni_sort_extent_dealloc(allocator, writer.data, writer.cap_bytes);
    if (code != CN_OK) {
        discard_extents(self, n_extents);
    }
    return code;
}

void
cni_sort_run_drop_blocks(cni_sort_run *self, int64_t first)
{
    for (int64_t at = first; at < self->n_blocks; at++) {
        free_records(&self->blocks[at]);
    }
}

static cn_code
write_payload(const cni_sort_run *self, cni_spill_writer *writer, cn_error *err)
{
    const int32_t n_columns = self->plan->n_payload;
    const int64_t n_slice_bytes = n_columns * (int64_t)sizeof(cni_vector);
    cni_vector *slices = NULL;
    CN_TRY(cni_alloc_zeroed(self->plan->allocator, n_slice_bytes, &slices, err));
    cn_code code = CN_OK;
    for (int64_t row = 0; row < self->n_rows && code == CN_OK; row += CNI_CHUNK_ROWS_DEFAULT) {
        const int64_t n = cni_min_i64(CNI_CHUNK_ROWS_DEFAULT, self->n_rows - row);
        for (int32_t column = 0; column < n_columns; column++) {
            cni_vector_slice(&slices[column], &self->columns[column], row, n);
        }
        code = cni_spill_writer_add(writer, 0, slices, NULL, n, err);
        for (int32_t column = 0; column < n_columns; column++) {
            cni_vector_done(&slices[column]);
        }
        code = code == CN_OK ? cni_context_check(self->plan->context, err) : code;
    }
    cni_dealloc(self->plan->allocator, slices, n_slice_bytes);
    return code;
}

cn_code
cni_sort_run_take_payload(cni_sort_run *self, cni_spill_writer *writer, cn_error *err)
{
    cni_allocator *allocator = self->plan->allocator;
    self->rows.allocator = allocator;
    CN_TRY(cni_spill_writer_finish(writer, &self->rows, err));
    const int64_t n_blocks = self->rows.n_blocks;
    CN_TRY(cni_alloc_array(allocator, n_blocks + 1, (int64_t)sizeof(int64_t), &self->payload_firsts,
                           err));
    int64_t row = 0;
    for (int64_t block = 0; block < n_blocks; block++) {
        self->payload_firsts[block] = row;
        row += self->rows.blocks[block].n_rows;
    }
    self->payload_firsts[n_blocks] = row;
    return CN_OK;
}

static cn_code
write_run(cni_sort_run *self, const cni_spill_layout *layout, cn_error *err)
{
    CN_TRY(self->plan->packed ? cni_sort_packed_write(self, layout->file, 0, err)
                              : cni_sort_run_write_blocks(self, layout->file, 0, err));
    if (self->plan->n_payload > 0) {
        CN_SCOPED(cni_spill_writer_p) writer = NULL;
        CN_TRY(cni_spill_writer_new(layout, &writer, err));
        CN_TRY(write_payload(self, writer, err));
        return cni_sort_run_take_payload(self, writer, err);
    }
    return CN_OK;
}

/* What grew by doubling to its size: all runs' indexes stay in memory. Where that fails it stays
 * as it is. */
static void
shrink(cni_allocator *allocator, void *inout_block, int64_t *inout_cap, int64_t n,
       int64_t item_bytes)
{
    if (n > 0 && n < *inout_cap &&
        cni_realloc(allocator, inout_block, *inout_cap * item_bytes, n * item_bytes, NULL) ==
            CN_OK) {
        *inout_cap = n;
    }
}

static void
shrink_index(cni_sort_run *self)
{
    cni_allocator *allocator = self->plan->allocator;
    shrink(allocator, (void *)&self->blocks, &self->cap_blocks, self->n_blocks,
           (int64_t)sizeof(*self->blocks));
    shrink(allocator, (void *)&self->extents, &self->cap_extents, self->n_extents,
           (int64_t)sizeof(*self->extents));
    shrink(allocator, (void *)&self->firsts, &self->cap_firsts, self->n_firsts, 1);
    shrink(allocator, (void *)&self->sequences, &self->cap_sequences, self->n_sequences,
           (int64_t)sizeof(int64_t));
    shrink(allocator, (void *)&self->rows.blocks, &self->rows.cap_blocks, self->rows.n_blocks,
           (int64_t)sizeof(*self->rows.blocks));
}

cn_code
cni_sort_run_write(cni_sort_run *self, cni_sort_plan *plan, cn_error *err)
{
    cni_spill_layout layout;
    CN_TRY(cni_sort_plan_layout(plan, &layout, err));
    const cn_code code = write_run(self, &layout, err);
    if (code != CN_OK) {
        discard_payload(self);
        if (plan->packed) {
            cni_sort_packed_unwrite(self, 0);
        } else {
            discard_extents(self, 0);
        }
        return code;
    }
    int64_t n_bytes = self->rows.n_bytes;
    for (int64_t at = 0; at < self->n_extents; at++) {
        n_bytes += self->extents[at].n_bytes;
    }
    cni_sort_run_drop_blocks(self, 0);
    cni_sort_packed_drop(self, 0);
    free_columns(self);
    shrink_index(self);
    self->resident = false;
    self->n_bytes = 0;
    cni_counter_add(&plan->spilled_runs, 1);
    cni_counter_add(&plan->spilled_bytes, n_bytes);
    return CN_OK;
}
