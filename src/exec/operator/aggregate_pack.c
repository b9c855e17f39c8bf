/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages that are many become small: memory that nobody has touched yet is dear, and rows of one
 * partition are alike, so their words take few bytes as differences.
 *
 *   table full -> pages per partition --(pack_bytes)--> keys repeat: united in place, each key once
 *                                                       else: packed from now on
 *   packing:  a page per partition, with pack_rows of it full: a block in memory, the page empty
 *             texts: all pages after each flush, so that their heap is used again
 *             blocks doubled since the last look: decoded, united and packed, if that halves them
 *
 * Partitions with blocks are merged when results are read (aggregate_walk.c). States that their
 * functions save are not packed: saving and loading them is not cheap.
 */
#include "exec/operator/aggregate_operator_int.h"

#define MIN_LOOK_BYTES (INT64_C(1) << 16)
#define MAX_TEXT_BYTES 256 /* of a row's, on average */

/* ---- scratch ---- */

cn_code
cni_agg_local_spiller(cni_agg_operator *self, cni_agg_local *local, bool in_memory,
                      cni_agg_spiller **out_spiller, cn_error *err)
{
    cni_agg_spiller *spiller = &local->spiller;
    *out_spiller = spiller;
    if (spiller->bytes.cap_bytes > 2 * self->layout->block_bytes) {
        cni_agg_spiller_end(spiller); /* some long texts ago */
    }
    if (spiller->op == NULL) {
        CN_TRY(cni_agg_spiller_begin(self, 0, spiller, err));
    }
    spiller->in_memory = in_memory;
    spiller->bytes.len_bytes = 0; /* also of what has failed */
    spiller->begun_bytes = 0;
    spiller->n_pending = 0;
    spiller->n_rows = 0;
    return CN_OK;
}

cn_code
cni_agg_local_blocks(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    return local->blocks != NULL
               ? CN_OK
               : cni_alloc_zeroed(self->allocator,
                                  (CNI_AGG_PARTITIONS + 1) * (int64_t)sizeof(*local->blocks),
                                  &local->blocks, err);
}

cn_code
cni_agg_renew_heap(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    cni_arena *heap = NULL;
    CN_TRY(cni_arena_new(self->allocator, "groups", &heap, err));
    cni_arena_unref(local->table.heap);
    local->table.heap = heap;
    return CN_OK;
}

/* ---- packing ---- */

cn_code
cni_agg_pack_page(cni_agg_operator *self, cni_agg_local *local, int32_t partition, cn_error *err)
{
    cni_agg_pages *pages = &local->pages[partition];
    cni_agg_page *page = pages->last;
    cni_agg_spiller *spiller = NULL;
    CN_TRY(cni_agg_local_spiller(self, local, true, &spiller, err));
    CN_TRY(cni_agg_spill_rows(spiller, cni_agg_page_row(self->layout, page, 0), page->n_rows,
                              &local->blocks[partition], err));
    CN_TRY(cni_agg_spill_end_block(spiller, &local->blocks[partition], err));
    page->n_rows = 0;
    pages->n_rows = 0;
    return CN_OK;
}

static cn_code
pack_partition(cni_agg_operator *self, cni_agg_local *local, int32_t partition, cn_error *err)
{
    cni_agg_pages *pages = &local->pages[partition];
    if (pages->n_pages == 1) {
        return pages->n_rows == 0 ? CN_OK : cni_agg_pack_page(self, local, partition, err);
    }
    cni_agg_spiller *spiller = NULL;
    CN_TRY(cni_agg_local_spiller(self, local, true, &spiller, err));
    return cni_agg_spill_pages(spiller, pages, &local->blocks[partition], err);
}

cn_code
cni_agg_pack_all(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    CN_TRY(cni_agg_local_blocks(self, local, err));
    for (int32_t at = 0; at <= CNI_AGG_PARTITIONS; at++) {
        CN_TRY(pack_partition(self, local, at, err));
    }
    return self->layout->n_views > 0 || self->layout->has_saved
               ? cni_agg_renew_heap(self, local, err)
               : CN_OK;
}

/* ---- repeated keys ---- */

bool
cni_agg_reduce_pages(cni_agg_operator *self, cni_agg_local *local)
{
    int32_t at = 0;
    while (at < CNI_AGG_PARTITIONS && local->pages[at].n_rows < CNI_AGG_BATCH_ROWS) {
        at++;
    }
    if (at == CNI_AGG_PARTITIONS) {
        return false;
    }
    for (const int32_t first = at; at < CNI_AGG_PARTITIONS; at++) {
        const int64_t n_rows = local->pages[at].n_rows;
        if (cni_agg_unite_pages(self, local->table.heap, &local->pages[at], NULL) != CN_OK ||
            (at == first && local->pages[at].n_rows * 2 > n_rows)) {
            return false;
        }
    }
    (void)cni_counter_add(&self->n_reductions, 1);
    return true;
}

/* Blocks that are being united. */
typedef struct reduction {
    cni_agg_uniting uniting;
    cni_agg_final final;
    cni_agg_page *spare;
    uint8_t *rows; /* of a frame */
    int64_t n_row_bytes;
} reduction;

static void
reduction_done(cni_agg_operator *self, reduction *inout)
{
    if (inout->uniting.op != NULL) {
        cni_agg_uniting_end(&inout->uniting);
    }
    cni_agg_final_done(self, &inout->final);
    cni_dealloc(self->allocator, inout->rows, inout->n_row_bytes);
    *inout = (reduction){0};
}

/* Texts stay in the blocks. */
static cn_code
unite_blocks(cni_agg_operator *self, const cni_agg_blocks *blocks, reduction *inout, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    const int64_t n_row_bytes = (int64_t)layout->row_bytes << layout->page_shift;
    inout->uniting =
        (cni_agg_uniting){.op = self, .layout = layout, .final = &inout->final, .adopt = true};
    CN_TRY(cni_alloc(self->allocator, n_row_bytes, &inout->rows, err));
    inout->n_row_bytes = n_row_bytes;
    CN_TRY(cni_arena_new(self->allocator, "groups", &inout->final.heap, err));
    for (int64_t at = 0; at < blocks->n_blocks; at++) {
        cni_str bytes = {blocks->blocks[at].bytes, blocks->blocks[at].n_bytes};
        CN_TRY(cni_context_check(self->base.context, err));
        while (bytes.len_bytes > 0) {
            int64_t n = 0;
            CN_TRY(cni_agg_frame_decode(self, &bytes, inout->rows, &n, inout->final.heap,
                                        inout->final.heap, NULL, err));
            CN_TRY(cni_agg_uniting_reserve(&inout->uniting, n, err));
            CN_TRY(cni_agg_uniting_add(&inout->uniting, inout->rows, n, err));
        }
    }
    return CN_OK;
}

static cn_code
pack_united(cni_agg_operator *self, cni_agg_local *local, const cni_agg_final *final,
            cni_agg_blocks *out_blocks, cn_error *err)
{
    cni_agg_spiller *spiller = NULL;
    CN_TRY(cni_agg_local_spiller(self, local, true, &spiller, err));
    for (int64_t at = 0; at < final->n_pages && final->pages[at] != NULL; at++) {
        cni_agg_page *page = final->pages[at];
        CN_TRY(cni_agg_spill_rows(spiller, cni_agg_page_row(self->layout, page, 0), page->n_rows,
                                  out_blocks, err));
    }
    return cni_agg_spill_end_block(spiller, out_blocks, err);
}

/* *out_halved false: nothing has changed. */
static cn_code
reduce_partition(cni_agg_operator *self, cni_agg_local *local, cni_agg_blocks *blocks,
                 bool *out_halved, cn_error *err)
{
    reduction made = {0};
    cni_agg_blocks packed = {0};
    cn_code code = unite_blocks(self, blocks, &made, err);
    *out_halved = made.uniting.n_placed * 2 <= blocks->n_rows;
    if (code == CN_OK && *out_halved) {
        cni_agg_uniting_end(&made.uniting);
        made.uniting.op = NULL;
        code = pack_united(self, local, &made.final, &packed, err);
    }
    if (code == CN_OK && *out_halved) {
        cni_agg_blocks_done(self, blocks);
        *blocks = packed;
    } else {
        cni_agg_blocks_done(self, &packed);
    }
    reduction_done(self, &made);
    return code;
}

bool
cni_agg_reduce_blocks(cni_agg_operator *self, cni_agg_local *local)
{
    bool halved = false;
    if (local->blocks == NULL || self->layout->has_nested || self->layout->has_saved) {
        return false;
    }
    for (int32_t at = 0; at < CNI_AGG_PARTITIONS; at++) {
        cni_agg_blocks *blocks = &local->blocks[at];
        if (blocks->held_bytes < MIN_LOOK_BYTES / CNI_AGG_PARTITIONS ||
            blocks->blocks[0].bytes == NULL) { /* begins on disk */
            continue;
        }
        if (reduce_partition(self, local, blocks, &halved, NULL) != CN_OK || !halved) {
            return false;
        }
    }
    (void)cni_counter_add(&self->n_reductions, halved ? 1 : 0);
    return halved;
}

/* ---- when the table has been flushed ---- */

static int64_t
page_bytes(const cni_agg_operator *self, const cni_agg_local *local)
{
    int64_t n_pages = 0;
    for (int32_t at = 0; at <= CNI_AGG_PARTITIONS; at++) {
        n_pages += local->pages[at].n_pages;
    }
    return (n_pages << self->layout->page_shift) * self->layout->row_bytes;
}

static int64_t
held_bytes(const cni_agg_local *local)
{
    int64_t n_bytes = 0;
    for (int32_t at = 0; at <= CNI_AGG_PARTITIONS; at++) {
        n_bytes += local->blocks[at].held_bytes;
    }
    return n_bytes;
}

static int64_t
page_groups(const cni_agg_local *local)
{
    int64_t n_rows = 0;
    for (int32_t at = 0; at <= CNI_AGG_PARTITIONS; at++) {
        n_rows += local->pages[at].n_rows;
    }
    return n_rows;
}

/* Pages that are worth it: long texts are copied for nothing. */
static bool
is_large(const cni_agg_operator *self, const cni_agg_local *local)
{
    const int64_t n_heap = self->layout->n_views > 0 ? cni_arena_size_bytes(local->table.heap) : 0;
    return page_bytes(self, local) + n_heap > self->layout->pack_bytes &&
           n_heap <= page_groups(local) * MAX_TEXT_BYTES;
}

cn_code
cni_agg_pack(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    if (!local->packs) {
        if (!is_large(self, local) ||
            (cni_agg_reduce_pages(self, local) &&
             page_bytes(self, local) * 2 <= layout->pack_bytes && layout->n_views == 0)) {
            return CN_OK;
        }
        local->packs = true;
        local->look_bytes = layout->pack_bytes;
        return cni_agg_pack_all(self, local, err);
    }
    if (layout->n_views > 0) {
        CN_TRY(cni_agg_pack_all(self, local, err));
    }
    if (held_bytes(local) > local->look_bytes) {
        (void)cni_agg_reduce_blocks(self, local);
        local->look_bytes = cni_max_i64(layout->pack_bytes, 2 * held_bytes(local));
    }
    return CN_OK;
}
