/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks of frames: rows of groups as bytes, in memory or in the operator's file.
 *
 *   rows -> frames behind each other in the spiller's bytes -> full: a block
 *
 * Blocks in memory are of one size, so that what one leaves behind fits the next; frames are copied
 * into them one by one. They go to the file as they are, several in one append; so do small blocks
 * that are made for the file, of any lists, as the file begins each append at a page. Blocks of it
 * come before those in memory, so a list keeps the order in which its groups were made.
 */
#include "data/row/hash.h"
#include "exec/operator/aggregate_sorted_int.h"

#define SMALL_BYTES    (INT64_C(1) << 15) /* of blocks in the file that share an append */
#define MAX_FRAME_ROWS 256                /* with states that are saved */
#define MAX_BYTES      (INT64_C(1) << 40) /* of a block: one row may have a long list */

/* ---- lists ---- */

static void
free_bytes(const cni_agg_operator *self, cni_agg_blocks *blocks, cni_agg_block *block)
{
    if (block->bytes != NULL) {
        cni_dealloc(self->allocator, block->bytes, block->cap_bytes + CNI_AGG_READ_PAD);
        blocks->held_bytes -= block->cap_bytes;
        block->bytes = NULL;
    }
}

void
cni_agg_blocks_done(const cni_agg_operator *self, cni_agg_blocks *blocks)
{
    for (int64_t at = 0; at < blocks->n_blocks; at++) {
        free_bytes(self, blocks, &blocks->blocks[at]);
    }
    cni_dealloc(self->allocator, blocks->blocks,
                blocks->cap_blocks * (int64_t)sizeof(*blocks->blocks));
    *blocks = (cni_agg_blocks){0};
}

static cn_code
reserve_block(const cni_agg_operator *self, cni_agg_blocks *blocks, cn_error *err)
{
    const int64_t item_bytes = (int64_t)sizeof(*blocks->blocks);
    if (blocks->n_blocks == blocks->cap_blocks) {
        const int64_t cap = cni_max_i64(4, blocks->cap_blocks * 2);
        CN_TRY(cni_realloc(self->allocator, &blocks->blocks, blocks->cap_blocks * item_bytes,
                           cap * item_bytes, err));
        blocks->cap_blocks = cap;
    }
    return CN_OK;
}

/* ---- the file ---- */

cni_spill_file *
cni_agg_file(const cni_agg_operator *self)
{
    return self->owner == NULL ? self->file : self->owner->file;
}

static cn_code
open_file(cni_agg_operator *self, cni_spill_file **out_file, cn_error *err)
{
    cni_agg_operator *owner = cni_agg_owner(self);
    cn_code code = CN_OK;
    cni_mutex_lock(&owner->mutex);
    if (owner->file == NULL) {
        code = cni_spill_create(self->base.context->spill, "aggregation", &owner->file, err);
    }
    *out_file = owner->file;
    cni_mutex_unlock(&owner->mutex);
    return code;
}

static cn_code
append_bytes(cni_agg_operator *self, const char *bytes, int64_t n_bytes, int64_t *out_offset,
             cn_error *err)
{
    cni_spill_file *file = NULL;
    CN_TRY(cni_context_check(self->base.context, err));
    CN_TRY(open_file(self, &file, err));
    CN_TRY(cni_spill_append(file, bytes, n_bytes, out_offset, err));
    (void)cni_counter_add(&cni_agg_owner(self)->spilled_bytes, n_bytes);
    return CN_OK;
}

static cn_code
write_bytes(cni_agg_operator *self, const char *bytes, int64_t n_bytes, cni_agg_block *out_block,
            cn_error *err)
{
    *out_block = (cni_agg_block){.n_bytes = n_bytes, .check = cni_hash_bytes(bytes, n_bytes)};
    return append_bytes(self, bytes, n_bytes, &out_block->offset, err);
}

cn_code
cni_agg_block_read(const cni_agg_operator *self, const cni_agg_block *block, char **inout_bytes,
                   int64_t *inout_cap, cn_error *err)
{
    const int64_t wanted = block->n_bytes + CNI_AGG_READ_PAD;
    if (wanted > *inout_cap) {
        cni_dealloc(self->allocator, *inout_bytes, *inout_cap);
        *inout_bytes = NULL;
        *inout_cap = 0;
        CN_TRY(cni_alloc(self->allocator, wanted, inout_bytes, err));
        *inout_cap = wanted;
    }
    CN_TRY(cni_spill_read(cni_agg_file(self), block->offset, block->n_bytes, *inout_bytes, err));
    if (cni_hash_bytes(*inout_bytes, block->n_bytes) != block->check) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "a temporary file of an aggregation was damaged at byte %lld",
                       (long long)block->offset);
    }
    memset(*inout_bytes + block->n_bytes, 0, CNI_AGG_READ_PAD);
    return CN_OK;
}

/* ---- making blocks ---- */

cn_code
cni_agg_spiller_begin(cni_agg_operator *op, int64_t n_bytes, cni_agg_spiller *out_spiller,
                      cn_error *err)
{
    *out_spiller = (cni_agg_spiller){.op = op, .frame_rows = 16};
    cni_strbuf_init(&out_spiller->bytes, op->allocator, MAX_BYTES);
    CN_TRY(cni_agg_bytes_reserve(&out_spiller->bytes, cni_min_i64(n_bytes, op->layout->block_bytes),
                                 err));
    return cni_alloc(op->allocator, (int64_t)sizeof(uint64_t) << op->layout->page_shift,
                     &out_spiller->values, err);
}

void
cni_agg_spiller_end(cni_agg_spiller *self)
{
    if (self->op != NULL) {
        cni_strbuf_done(&self->bytes);
        cni_dealloc(self->op->allocator, self->values,
                    (int64_t)sizeof(uint64_t) << self->op->layout->page_shift);
        *self = (cni_agg_spiller){0};
    }
}

/* Behind the last block in memory, or in a new one. */
static cn_code
keep_bytes(const cni_agg_spiller *self, cni_agg_blocks *blocks, cn_error *err)
{
    const int64_t n_bytes = self->bytes.len_bytes;
    cni_agg_block *last = blocks->n_blocks == 0 ? NULL : &blocks->blocks[blocks->n_blocks - 1];
    if (last == NULL || last->bytes == NULL || last->cap_bytes - last->n_bytes < n_bytes) {
        const int64_t cap = cni_max_i64(self->op->layout->held_bytes, n_bytes);
        char *bytes = NULL;
        CN_TRY(reserve_block(self->op, blocks, err));
        CN_TRY(cni_alloc(self->op->allocator, cap + CNI_AGG_READ_PAD, &bytes, err));
        CN_ASSERT(blocks->blocks != NULL);
        blocks->held_bytes += cap;
        last = &blocks->blocks[blocks->n_blocks++];
        *last = (cni_agg_block){.bytes = bytes, .cap_bytes = cap};
    }
    memcpy(last->bytes + last->n_bytes, self->bytes.data, (size_t)n_bytes);
    last->n_bytes += n_bytes;
    memset(last->bytes + last->n_bytes, 0, CNI_AGG_READ_PAD);
    return CN_OK;
}

/* The first n_bytes of the spiller's, all of them pending blocks; what follows moves to the front.
 */
static cn_code
write_pending(cni_agg_spiller *self, int64_t n_bytes, cn_error *err)
{
    cni_strbuf *bytes = &self->bytes;
    int64_t offset = 0;
    CN_TRY(append_bytes(self->op, bytes->data, n_bytes, &offset, err));
    for (int32_t at = 0; at < self->n_pending; at++) {
        const cni_agg_pending *pending = &self->pending[at];
        cni_agg_blocks *blocks = pending->blocks;
        CN_TRY(reserve_block(self->op, blocks, err));
        blocks->blocks[blocks->n_blocks++] = (cni_agg_block){
            .offset = offset + pending->first,
            .n_bytes = pending->n_bytes,
            .check = cni_hash_bytes(bytes->data + pending->first, pending->n_bytes),
        };
        blocks->n_rows += pending->n_rows;
    }
    self->n_pending = 0;
    memmove(bytes->data, bytes->data + n_bytes, (size_t)(bytes->len_bytes - n_bytes));
    bytes->len_bytes -= n_bytes;
    self->begun_bytes = 0;
    return CN_OK;
}

cn_code
cni_agg_spill_flush(cni_agg_spiller *self, cn_error *err)
{
    return self->n_pending == 0 ? CN_OK : write_pending(self, self->begun_bytes, err);
}

/* Large blocks have an append of their own, which begins where the file is aligned. */
static cn_code
end_in_file(cni_agg_spiller *self, cni_agg_blocks *blocks, cn_error *err)
{
    const int64_t n_bytes = self->bytes.len_bytes - self->begun_bytes;
    if (n_bytes >= SMALL_BYTES) {
        CN_TRY(cni_agg_spill_flush(self, err));
    }
    self->pending[self->n_pending++] =
        (cni_agg_pending){blocks, self->begun_bytes, n_bytes, self->n_rows};
    self->begun_bytes = self->bytes.len_bytes;
    self->n_rows = 0;
    return n_bytes >= SMALL_BYTES || self->n_pending == CNI_AGG_MAX_PENDING ||
                   self->begun_bytes >= self->op->layout->block_bytes
               ? cni_agg_spill_flush(self, err)
               : CN_OK;
}

cn_code
cni_agg_spill_end_block(cni_agg_spiller *self, cni_agg_blocks *blocks, cn_error *err)
{
    if (self->bytes.len_bytes == self->begun_bytes) {
        return CN_OK;
    }
    if (!self->in_memory) {
        return end_in_file(self, blocks, err);
    }
    CN_TRY(keep_bytes(self, blocks, err));
    blocks->n_rows += self->n_rows;
    self->bytes.len_bytes = 0;
    self->n_rows = 0;
    return CN_OK;
}

/* Of n rows so many that their texts are no more than a block; of those in memory a part. */
static int64_t
rows_of_frame(const cni_agg_spiller *self, const uint8_t *rows, int64_t n)
{
    const cni_agg_layout *layout = self->op->layout;
    const int64_t most = self->in_memory ? layout->held_bytes / 8 : layout->block_bytes;
    const int64_t n_most = layout->has_saved ? cni_min_i64(n, self->frame_rows) : n;
    int64_t n_bytes = 0;
    for (int64_t row = 0; layout->n_views > 0 && row < n_most; row++) {
        for (int32_t view_at = 0; view_at < layout->n_views; view_at++) {
            cni_view view;
            memcpy(&view, rows + row * layout->row_bytes + layout->view_words[view_at] * 8,
                   sizeof(view));
            n_bytes += view.len_bytes == CNI_AGG_NULL_VIEW ? 0 : view.len_bytes;
        }
        if (n_bytes > most) {
            return row + 1;
        }
    }
    return n_most;
}

/* How much saved states take is seen when they have been saved. */
static void
adapt_frames(cni_agg_spiller *self, int64_t n_bytes)
{
    const int64_t block_bytes = self->op->layout->block_bytes;
    if (n_bytes > block_bytes / 2) {
        self->frame_rows = cni_max_i64(self->frame_rows / 2, 1);
    } else if (n_bytes < block_bytes / 8) {
        self->frame_rows = cni_min_i64(self->frame_rows * 2, MAX_FRAME_ROWS);
    }
}

/* One row as a frame. */
static cn_code
spill_row(cni_agg_spiller *self, uint8_t *row, cni_agg_blocks *blocks, cn_error *err)
{
    CN_TRY(cni_agg_frame_encode(self->op, row, 1, self->values, &self->bytes, err));
    self->n_rows++;
    return self->bytes.len_bytes >= self->op->layout->block_bytes
               ? cni_agg_spill_end_block(self, blocks, err)
               : CN_OK;
}

/* A row with long lists in parts, the first ones first. The row stays as it is: who writes may fail
 * and keep it. */
static cn_code
spill_long_row(cni_agg_spiller *self, const uint8_t *row, cni_agg_blocks *blocks, cn_error *err)
{
    const int64_t row_bytes = self->op->layout->row_bytes;
    const int64_t most = self->op->layout->block_bytes;
    uint8_t *copies = NULL;
    CN_TRY(cni_alloc(self->op->allocator, 2 * row_bytes, &copies, err));
    memcpy(copies, row, (size_t)row_bytes);
    cn_code code = CN_OK;
    while (code == CN_OK && cni_agg_cut_row(self->op, copies, most, copies + row_bytes)) {
        code = spill_row(self, copies + row_bytes, blocks, err);
    }
    code = code == CN_OK ? spill_row(self, copies, blocks, err) : code;
    cni_dealloc(self->op->allocator, copies, 2 * row_bytes);
    return code;
}

/* How many of n rows come before one with long lists. */
static int64_t
rows_before_long(const cni_agg_spiller *self, uint8_t *rows, int64_t n)
{
    const cni_agg_layout *layout = self->op->layout;
    int64_t row = layout->has_lists && !self->in_memory ? 0 : n;
    while (row < n &&
           !cni_agg_is_long_row(self->op, rows + row * layout->row_bytes, layout->block_bytes)) {
        row++;
    }
    return row;
}

cn_code
cni_agg_spill_rows(cni_agg_spiller *self, uint8_t *rows, int64_t n, cni_agg_blocks *blocks,
                   cn_error *err)
{
    const int64_t row_bytes = self->op->layout->row_bytes;
    for (int64_t first = 0; first < n;) {
        uint8_t *frame = rows + first * row_bytes;
        int64_t n_frame = rows_of_frame(self, frame, n - first);
        n_frame = rows_before_long(self, frame, n_frame);
        if (n_frame == 0) {
            CN_TRY(spill_long_row(self, frame, blocks, err));
            first++;
            continue;
        }
        const int64_t n_before = self->bytes.len_bytes;
        CN_TRY(cni_agg_frame_encode(self->op, frame, n_frame, self->values, &self->bytes, err));
        adapt_frames(self, self->bytes.len_bytes - n_before);
        self->n_rows += n_frame;
        first += n_frame;
        if (self->in_memory || self->bytes.len_bytes >= self->op->layout->block_bytes) {
            CN_TRY(cni_agg_spill_end_block(self, blocks, err));
        }
    }
    return CN_OK;
}

cn_code
cni_agg_spill_pages(cni_agg_spiller *self, cni_agg_pages *pages, cni_agg_blocks *blocks,
                    cn_error *err)
{
    const cni_agg_operator *op = self->op;
    while (pages->first != NULL) {
        cni_agg_page *page = pages->first;
        CN_TRY(cni_agg_spill_rows(self, cni_agg_page_row(op->layout, page, 0), page->n_rows, blocks,
                                  err));
        pages->first = page->next;
        cni_agg_page_free(op, page);
    }
    *pages = (cni_agg_pages){.first_word = pages->first_word};
    return cni_agg_spill_end_block(self, blocks, err);
}

/* ---- from memory to the file ---- */

/* Blocks from `first` on that go in one append; gives the end. */
static cn_code
gather_blocks(cni_agg_spiller *self, const cni_agg_blocks *blocks, int64_t first, int64_t *out_end,
              cn_error *err)
{
    cni_strbuf *bytes = &self->bytes;
    int64_t at = first;
    bytes->len_bytes = 0;
    do {
        const cni_agg_block *block = &blocks->blocks[at++];
        CN_TRY(cni_agg_bytes_reserve(bytes, block->n_bytes, err));
        memcpy(bytes->data + bytes->len_bytes, block->bytes, (size_t)block->n_bytes);
        bytes->len_bytes += block->n_bytes;
    } while (at < blocks->n_blocks &&
             bytes->len_bytes + blocks->blocks[at].n_bytes <= self->op->layout->block_bytes);
    *out_end = at;
    return CN_OK;
}

static cn_code
write_gathered(cni_agg_spiller *self, const cni_agg_blocks *blocks, int64_t first, int64_t *out_end,
               cni_agg_block *out_block, cn_error *err)
{
    const cni_agg_block *block = &blocks->blocks[first];
    *out_end = first + 1;
    if (block->n_bytes >= self->op->layout->block_bytes) {
        return write_bytes(self->op, block->bytes, block->n_bytes, out_block, err);
    }
    cn_code code = gather_blocks(self, blocks, first, out_end, err);
    if (code == CN_OK) {
        code = write_bytes(self->op, self->bytes.data, self->bytes.len_bytes, out_block, err);
    }
    self->bytes.len_bytes = 0;
    return code;
}

cn_code
cni_agg_blocks_write(cni_agg_spiller *self, cni_agg_blocks *blocks, cn_error *err)
{
    cn_code code = CN_OK;
    int64_t to = 0;
    while (to < blocks->n_blocks && blocks->blocks[to].bytes == NULL) {
        to++;
    }
    int64_t from = to;
    while (from < blocks->n_blocks && code == CN_OK) {
        cni_agg_block written = {0};
        int64_t end = from;
        code = write_gathered(self, blocks, from, &end, &written, err);
        for (; code == CN_OK && from < end; from++) {
            free_bytes(self->op, blocks, &blocks->blocks[from]);
        }
        if (code == CN_OK) {
            blocks->blocks[to++] = written;
        }
    }
    while (from < blocks->n_blocks) {
        blocks->blocks[to++] = blocks->blocks[from++];
    }
    blocks->n_blocks = to;
    return code;
}
