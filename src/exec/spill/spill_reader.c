/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading blocks back: one by one, or a list in order with the next blocks under way while one is
 * worked off.
 *
 *   next -> | slot | slot | ... ring of reads that were begun, in order
 *
 * How far ahead is a share of the limit, and only what the limit has room for at the moment:
 * without it a block is read when its turn has come.
 */
#include "exec/spill/spill_block_int.h"
#include "exec/spill/spill_rows.h"
#include "runtime/pressure.h"
#include "runtime/spill_io.h"

#define N_SLOTS         8
#define AHEAD_PART      64 /* of the limit, for all workers */
#define MAX_AHEAD_BYTES (INT64_C(2) << 20)

/* A block's pages: the store reads whole ones, into aligned memory, without a copy. */
typedef struct block_pages {
    cni_buffer *buffer;
    uint8_t *pages; /* in it */
    int64_t start;  /* in the file */
    int64_t n_bytes;
} block_pages;

typedef struct slot {
    block_pages pages;
    cni_spill_request request;
} slot;

struct cni_spill_reader {
    cni_spill_layout layout;
    const cni_spill_rows *rows; /* borrowed */
    int64_t next;               /* block to be given */
    int64_t begun;              /* the first that is not under way */
    int64_t end;
    int64_t ahead_bytes; /* under way */
    int64_t most_bytes;
    slot slots[N_SLOTS]; /* of block b: b % N_SLOTS */
};

static block_pages
pages_of(const cni_spill_block *block)
{
    const int64_t mask = CNI_SPILL_ALIGN_BYTES - 1;
    const int64_t start = block->offset & ~mask;
    return (block_pages){.start = start,
                         .n_bytes = cni_round_up(block->offset + block->n_bytes, mask + 1) - start};
}

static cn_code
pages_alloc(const cni_spill_layout *layout, block_pages *self, cn_error *err)
{
    const int64_t mask = CNI_SPILL_ALIGN_BYTES - 1;
    CN_TRY(cni_buffer_new(layout->allocator, self->n_bytes + mask, &self->buffer, err));
    self->pages = self->buffer->data + (-(uintptr_t)self->buffer->data & (uintptr_t)mask);
    return CN_OK;
}

static cn_code
decode(const cni_spill_layout *layout, const block_pages *pages, const cni_spill_block *block,
       cni_chunk *inout_chunk, cn_error *err)
{
    return cni_spill_block_decode(layout->allocator, layout->types, layout->n_columns,
                                  pages->buffer, pages->pages + (block->offset - pages->start),
                                  block->n_bytes, inout_chunk, err);
}

/* ---- one block ---- */

cn_code
cni_spill_read_block(const cni_spill_layout *layout, const cni_spill_rows *rows, int64_t block_at,
                     cni_chunk *inout_chunk, cn_error *err)
{
    const cni_spill_block *block = &rows->blocks[block_at];
    block_pages pages = pages_of(block);
    CN_TRY(cni_context_check(layout->context, err));
    CN_TRY(pages_alloc(layout, &pages, err));
    CN_SCOPED(cni_buffer_p) buffer = pages.buffer;
    CN_TRY(cni_spill_read(layout->file, pages.start, pages.n_bytes, pages.pages, err));
    return decode(layout, &pages, block, inout_chunk, err);
}

void
cni_spill_drop_block(const cni_spill_layout *layout, const cni_spill_rows *rows, int64_t block_at)
{
    const cni_spill_block *block = &rows->blocks[block_at];
    cni_spill_discard(layout->file, block->offset, block->n_bytes);
}

/* ---- in order ---- */

/* Begin to read the next block that is not under way. */
static cn_code
begin_block(cni_spill_reader *self, cn_error *err)
{
    slot *at = &self->slots[self->begun % N_SLOTS];
    block_pages pages = pages_of(&self->rows->blocks[self->begun]);
    CN_TRY(pages_alloc(&self->layout, &pages, err));
    at->pages = pages;
    cni_spill_begin_read(self->layout.file, pages.start, pages.n_bytes, pages.pages, &at->request);
    self->ahead_bytes += pages.n_bytes;
    self->begun++;
    return CN_OK;
}

/* As many more as may be under way. */
static void
read_ahead(cni_spill_reader *self)
{
    const cni_context *context = self->layout.context;
    cn_error refused = CN_ERROR_INIT;
    while (self->begun < self->end && self->begun - self->next < N_SLOTS) {
        const int64_t n_bytes = pages_of(&self->rows->blocks[self->begun]).n_bytes;
        if (self->ahead_bytes + n_bytes > self->most_bytes ||
            !cni_memory_may_overlap(context->budget, context, n_bytes) ||
            begin_block(self, &refused) != CN_OK) {
            return;
        }
    }
}

cn_code
cni_spill_reader_new(const cni_spill_layout *layout, const cni_spill_rows *rows, int64_t first,
                     int64_t end, cni_spill_reader **out_reader, cn_error *err)
{
    const cni_context *context = layout->context;
    cni_spill_reader *self = NULL;
    CN_TRY(cni_alloc_zeroed(layout->allocator, (int64_t)sizeof(*self), &self, err));
    self->layout = *layout;
    self->rows = rows;
    self->next = first;
    self->begun = first;
    self->end = end;
    self->most_bytes =
        cni_min_i64(cni_memory_limit(context->budget) / AHEAD_PART / context->settings.n_threads,
                    MAX_AHEAD_BYTES);
    read_ahead(self);
    *out_reader = self;
    return CN_OK;
}

void
cni_spill_reader_free(cni_spill_reader *self)
{
    if (self != NULL) {
        for (int32_t at = 0; at < N_SLOTS; at++) {
            cni_spill_abandon(&self->slots[at].request);
            cni_buffer_unref(self->slots[at].pages.buffer);
        }
        cni_dealloc(self->layout.allocator, self, (int64_t)sizeof(*self));
    }
}

cn_code
cni_spill_reader_next(cni_spill_reader *self, cni_chunk *inout_chunk, cn_error *err)
{
    slot *at = &self->slots[self->next % N_SLOTS];
    const cni_spill_block *block = &self->rows->blocks[self->next];
    CN_ASSERT(self->next < self->end);
    CN_TRY(cni_context_check(self->layout.context, err));
    if (self->begun == self->next) {
        CN_TRY(begin_block(self, err));
    }
    CN_SCOPED(cni_buffer_p) buffer = at->pages.buffer;
    const block_pages pages = at->pages;
    const cn_code code = cni_spill_finish(&at->request, NULL, err);
    at->pages.buffer = NULL;
    self->ahead_bytes -= pages.n_bytes;
    self->next++;
    CN_TRY(code);
    read_ahead(self);
    return decode(&self->layout, &pages, block, inout_chunk, err);
}
