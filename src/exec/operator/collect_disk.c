/* SPDX-License-Identifier: Apache-2.0
 *
 * Collected rows that are on disk. A chunk becomes a block, a large one several, each of which
 * takes its place in the list; order and sequence stay. The lists of all workers share one file,
 * which lives as long as any of them.
 */
#include "exec/operator/collect.h"

/* ---- the file ---- */

void
cni_collected_disk_unref(cni_collected_disk *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    cni_allocator *allocator = self->allocator;
    cni_spill_close(self->layout.file);
    cni_dealloc(allocator, (void *)self->types,
                self->layout.n_columns * (int64_t)sizeof(*self->types));
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
}

typedef cni_collected_disk *cni_collected_disk_p;
CN_DEFINE_SCOPED(cni_collected_disk_p, cni_collected_disk_unref)

/* For rows like those of `chunk`. */
static cn_code
new_disk(cni_context *context, const cni_chunk *chunk, int32_t n_workers,
         cni_collected_disk **out_disk, cn_error *err)
{
    cni_allocator *allocator = context->allocator;
    CN_SCOPED(cni_collected_disk_p) self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    self->n_refs = 1;
    self->allocator = allocator;
    const cni_type **types = NULL;
    CN_TRY(
        cni_alloc_array(allocator, chunk->n_columns, (int64_t)sizeof(*types), (void *)&types, err));
    for (int32_t column = 0; column < chunk->n_columns; column++) {
        types[column] = chunk->columns[column].type;
    }
    self->types = types;
    self->layout = (cni_spill_layout){.context = context,
                                      .allocator = allocator,
                                      .n_columns = chunk->n_columns,
                                      .types = types,
                                      .n_partitions = 1,
                                      .block_bytes = cni_spill_block_bytes(context, n_workers, 1)};
    CN_TRY(cni_spill_create(context->spill, "collected rows", &self->layout.file, err));
    *out_disk = CN_MOVE(self);
    return CN_OK;
}

/* The one that all share; who comes second gives its own up. */
static cn_code
require_disk(cni_atomic_ptr *inout_disk, cni_context *context, const cni_chunk *chunk,
             int32_t n_workers, cni_collected_disk **out_disk, cn_error *err)
{
    cni_collected_disk *disk = cni_slot_claim(inout_disk, NULL);
    if (disk == NULL) {
        cni_collected_disk *fresh = NULL;
        CN_TRY(new_disk(context, chunk, n_workers, &fresh, err));
        disk = cni_slot_claim(inout_disk, fresh);
        if (disk != fresh) {
            cni_collected_disk_unref(fresh);
        }
    }
    *out_disk = disk;
    return CN_OK;
}

/* ---- writing ---- */

/* Chunks while they are written: their rows and sequences are kept. */
static cn_code
write_chunks(cni_collected *self, const bool *leaves, const cni_collected_disk *disk,
             cni_spill_rows *out_blocks, cn_error *err)
{
    CN_SCOPED(cni_spill_writer_p) writer = NULL;
    CN_TRY(cni_spill_writer_new(&disk->layout, &writer, err));
    for (int64_t at = 0; at < self->n_chunks; at++) {
        cni_chunk *chunk = &self->chunks[at];
        if (!leaves[at]) {
            continue;
        }
        CN_TRY(cni_spill_writer_add(writer, 0, chunk->columns, NULL, chunk->n_rows, err));
        CN_TRY(cni_spill_writer_cut(writer, 0, err));
        const int64_t n_rows = chunk->n_rows;
        const int64_t sequence = chunk->sequence;
        cni_chunk_done(chunk); /* the block has its rows: room for the next one */
        chunk->n_rows = n_rows;
        chunk->sequence = sequence;
    }
    return cni_spill_writer_finish(writer, out_blocks, err);
}

/* How many blocks, from `first` on, hold n_rows. */
static int64_t
blocks_of(const cni_spill_rows *blocks, int64_t first, int64_t n_rows)
{
    int64_t n_blocks = 0;
    while (n_rows > 0 && first + n_blocks < blocks->n_blocks) {
        n_rows -= blocks->blocks[first + n_blocks++].n_rows;
    }
    return n_blocks;
}

/* The list with blocks in the places of the chunks that have left. */
static cn_code
place_blocks(cni_collected *self, const bool *leaves, const cni_spill_rows *written,
             cni_collected_disk *disk, cn_error *err)
{
    cni_collected placed = {.allocator = self->allocator};
    CN_TRY(cni_collected_reserve(&placed, self->n_chunks + written->n_blocks, err));
    const cn_code code = cni_alloc_zeroed(
        self->allocator, placed.cap_chunks * (int64_t)sizeof(*placed.blocks), &placed.blocks, err);
    if (code != CN_OK) {
        cni_collected_done(&placed);
        return code;
    }
    int64_t next = 0;
    for (int64_t at = 0; at < self->n_chunks; at++) {
        cni_chunk *chunk = &self->chunks[at];
        const int64_t n_blocks = leaves[at] ? blocks_of(written, next, chunk->n_rows) : 0;
        for (int64_t block = 0; block < n_blocks; block++, next++) {
            cni_chunk *shell = &placed.chunks[placed.n_chunks];
            cni_chunk_init(shell, self->allocator);
            shell->n_rows = written->blocks[next].n_rows;
            shell->sequence = chunk->sequence;
            placed.blocks[placed.n_chunks++] = written->blocks[next];
        }
        if (!leaves[at]) {
            if (self->blocks != NULL) {
                placed.blocks[placed.n_chunks] = self->blocks[at];
            }
            cni_chunk_move(&placed.chunks[placed.n_chunks++], chunk);
        }
    }
    placed.n_rows = self->n_rows;
    placed.disk = disk;
    cni_refcount_inc(&disk->n_refs); /* before self gives its own up: it may be the same one */
    self->n_chunks = 0;              /* moved, or without columns */
    cni_collected_done(self);
    *self = placed;
    return CN_OK;
}

/* Whether there are rows to be written. A chunk whose rows were taken keeps its place. */
static bool
is_in_memory(const cni_collected *self, int64_t at)
{
    const cni_chunk *chunk = &self->chunks[at];
    return !cni_collected_on_disk(self, at) && chunk->n_columns > 0 && chunk->n_rows > 0;
}

/* Mark the chunks that leave, from the first on, and count what stays. */
static void
choose(const cni_collected *self, int64_t keep_bytes, bool *out_leaves, int64_t *out_staying)
{
    int64_t staying = self->memory_bytes;
    const int64_t mean = self->memory_bytes / cni_max_i64(self->n_chunks, 1);
    for (int64_t at = 0; at < self->n_chunks; at++) {
        out_leaves[at] = is_in_memory(self, at) && (keep_bytes == 0 || staying > keep_bytes);
        staying -= out_leaves[at] ? mean : 0;
    }
    *out_staying = keep_bytes == 0 ? 0 : cni_max_i64(staying, 0);
}

static cn_code
spill_chosen(cni_collected *self, const bool *leaves, cni_collected_disk *disk, cn_error *err)
{
    cni_spill_rows written = {0};
    cn_code code = write_chunks(self, leaves, disk, &written, err);
    if (code == CN_OK) {
        code = place_blocks(self, leaves, &written, disk, err);
    }
    if (code == CN_OK) {
        (void)cni_counter_add(&disk->spilled_bytes, written.n_bytes);
        (void)cni_counter_add(&disk->spilled_chunks, written.n_blocks);
    }
    cni_spill_rows_done(&written);
    return code;
}

/* The first chunk that is in memory, for its columns' types; NULL = none. */
static const cni_chunk *
first_in_memory(const cni_collected *self)
{
    for (int64_t at = 0; at < self->n_chunks; at++) {
        if (is_in_memory(self, at)) {
            return &self->chunks[at];
        }
    }
    return NULL;
}

cn_code
cni_collected_spill(cni_collected *self, int64_t keep_bytes, cni_context *context,
                    int32_t n_workers, cni_atomic_ptr *inout_disk, cn_error *err)
{
    const cni_chunk *chunk = first_in_memory(self);
    if (context->spill == NULL || chunk == NULL) {
        return CN_OK;
    }
    cni_collected_disk *disk = self->disk;
    if (disk == NULL) {
        CN_TRY(require_disk(inout_disk, context, chunk, n_workers, &disk, err));
    }
    const int64_t n_chunks = self->n_chunks;
    int64_t staying = 0;
    bool *leaves = NULL;
    CN_TRY(cni_alloc(self->allocator, n_chunks, &leaves, err));
    choose(self, keep_bytes, leaves, &staying);
    const cn_code code = spill_chosen(self, leaves, disk, err);
    cni_dealloc(self->allocator, leaves, n_chunks);
    self->memory_bytes = staying;
    return code;
}

/* ---- reading ---- */

cn_code
cni_collected_load(const cni_collected *self, int64_t at, cni_chunk *inout_chunk, cn_error *err)
{
    const cni_spill_rows rows = {.n_blocks = self->n_chunks, .blocks = self->blocks};
    return cni_spill_read_block(&self->disk->layout, &rows, at, inout_chunk, err);
}
