/* SPDX-License-Identifier: Apache-2.0
 *
 * Writers: per partition a block under way; full ones go to the out buffer (spill_out.c), which is
 * written behind the worker's back.
 *
 *   rows -> partitions[p].columns -> full -> out buffer -> full -> an append
 */
#include "exec/spill/spill_rows.h"

#include "exec/spill/spill_block_int.h"
#include "exec/spill/spill_out_int.h"
#include "runtime/pressure.h"

#define MIN_BLOCK_BYTES (INT64_C(8) << 10)
#define MAX_BLOCK_BYTES (INT64_C(1) << 20)
#define BLOCKS_SHARE    16 /* of the limit, for all blocks under way */
#define MIN_OUT_BYTES   (INT64_C(16) << 10)
#define MAX_OUT_BYTES   (INT64_C(1) << 20)
#define OUT_SHARE       8 /* of a writer's blocks */

/* ---- lists of blocks ---- */

void
cni_spill_rows_done(cni_spill_rows *self)
{
    cni_dealloc(self->allocator, self->blocks, self->cap_blocks * (int64_t)sizeof(*self->blocks));
    *self = (cni_spill_rows){0};
}

static cn_code
reserve_blocks(cni_spill_rows *self, int64_t n_blocks, cn_error *err)
{
    if (n_blocks <= self->cap_blocks) {
        return CN_OK;
    }
    const int64_t item = (int64_t)sizeof(*self->blocks);
    const int64_t cap = cni_max_i64(cni_max_i64(n_blocks, 4), self->cap_blocks * 2);
    CN_TRY(cni_realloc(self->allocator, &self->blocks, self->cap_blocks * item, cap * item, err));
    self->cap_blocks = cap;
    return CN_OK;
}

static void
count_block(cni_spill_rows *self, const cni_spill_block *block)
{
    self->n_rows += block->n_rows;
    self->n_bytes += block->n_bytes;
    self->memory_bytes += block->memory_bytes;
}

cn_code
cni_spill_rows_absorb(cni_spill_rows *self, cni_spill_rows *other, cn_error *err)
{
    if (self->n_blocks == 0) {
        cni_spill_rows_done(self);
        *self = *other;
        *other = (cni_spill_rows){0};
        return CN_OK;
    }
    CN_TRY(reserve_blocks(self, self->n_blocks + other->n_blocks, err));
    for (int64_t block = 0; block < other->n_blocks; block++) {
        self->blocks[self->n_blocks++] = other->blocks[block];
        count_block(self, &other->blocks[block]);
    }
    cni_spill_rows_done(other);
    return CN_OK;
}

int64_t
cni_spill_block_bytes(const cni_context *context, int32_t n_workers, int32_t n_partitions)
{
    const int64_t n_blocks = (int64_t)cni_max_i64(n_workers, 1) * cni_max_i64(n_partitions, 1);
    const int64_t share = cni_memory_limit(context->budget) / BLOCKS_SHARE / n_blocks;
    return cni_min_i64(cni_max_i64(share, MIN_BLOCK_BYTES), MAX_BLOCK_BYTES);
}

/* ---- the writer ---- */

typedef struct partition {
    cni_spill_memory memory;
    cni_spill_column *columns; /* of the layout; NULL before the first row */
    int64_t n_rows;
    /* Blocks have offsets in the out buffer until it has been appended: those of the append that is
     * under way are [first_flying, first_pending), later ones are in the buffer being filled. */
    cni_spill_rows done;
    int64_t first_flying;
    int64_t first_pending;
} partition;

struct cni_spill_writer {
    cni_spill_layout layout;
    partition *partitions;
    int64_t row_bytes; /* of columns of fixed width, text and nested ones left out */
    bool has_text;
    bool has_nested;
    cni_spill_out out;
    uint32_t *order; /* scattering: row numbers by partition */
    int64_t order_cap;
    cni_vector *flat; /* scattering: the columns expanded */
};

static void
measure_layout(cni_spill_writer *self)
{
    const cni_spill_layout *layout = &self->layout;
    for (int32_t column = 0; column < layout->n_columns; column++) {
        const cni_type *type = layout->types[column];
        const uint8_t phys = (uint8_t)cni_type_phys(type);
        self->row_bytes += cni_spill_item_bytes(phys, type);
        self->has_text = self->has_text || phys == CNI_PHYS_VIEW;
        self->has_nested = self->has_nested || cni_type_is_nested(type);
    }
    self->row_bytes = cni_max_i64(self->row_bytes, 1);
    const int64_t share = layout->block_bytes * layout->n_partitions / OUT_SHARE;
    cni_spill_out_init(&self->out, &self->layout,
                       cni_min_i64(cni_max_i64(share, MIN_OUT_BYTES), MAX_OUT_BYTES));
}

cn_code
cni_spill_writer_new(const cni_spill_layout *layout, cni_spill_writer **out_writer, cn_error *err)
{
    cni_allocator *allocator = layout->allocator;
    CN_SCOPED(cni_spill_writer_p) self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    self->layout = *layout;
    measure_layout(self);
    CN_TRY(cni_alloc_zeroed(allocator, layout->n_partitions * (int64_t)sizeof(partition),
                            &self->partitions, err));
    for (int32_t at = 0; at < layout->n_partitions; at++) {
        self->partitions[at].memory.allocator = allocator;
        self->partitions[at].done.allocator = allocator;
    }
    CN_TRY(cni_alloc_zeroed(allocator, layout->n_columns * (int64_t)sizeof(cni_vector), &self->flat,
                            err));
    *out_writer = CN_MOVE(self);
    return CN_OK;
}

static void
free_columns(const cni_spill_layout *layout, partition *part)
{
    for (int32_t column = 0; part->columns != NULL && column < layout->n_columns; column++) {
        cni_spill_column_done(&part->columns[column], &part->memory);
    }
    cni_dealloc(layout->allocator, part->columns,
                layout->n_columns * (int64_t)sizeof(cni_spill_column));
    part->columns = NULL;
}

void
cni_spill_writer_free(cni_spill_writer *self)
{
    if (self == NULL) {
        return;
    }
    const cni_spill_layout layout = self->layout;
    cni_spill_out_done(&self->out);
    for (int32_t at = 0; self->partitions != NULL && at < layout.n_partitions; at++) {
        free_columns(&layout, &self->partitions[at]);
        cni_spill_rows_done(&self->partitions[at].done);
    }
    for (int32_t column = 0; self->flat != NULL && column < layout.n_columns; column++) {
        cni_vector_done(&self->flat[column]);
    }
    cni_allocator *allocator = layout.allocator;
    cni_dealloc(allocator, self->flat, layout.n_columns * (int64_t)sizeof(cni_vector));
    cni_dealloc(allocator, self->partitions, layout.n_partitions * (int64_t)sizeof(partition));
    cni_dealloc(allocator, self->order, self->order_cap * 4);
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
}

int64_t
cni_spill_writer_bytes(const cni_spill_writer *self)
{
    int64_t n_bytes = cni_spill_out_bytes(&self->out) + self->order_cap * 4;
    for (int32_t at = 0; at < self->layout.n_partitions; at++) {
        n_bytes += self->partitions[at].memory.held_bytes;
    }
    return n_bytes;
}

/* ---- the out buffer ---- */

/* What is under way has been written: its blocks are where they stay. */
static cn_code
land(cni_spill_writer *self, cn_error *err)
{
    int64_t offset = 0;
    if (!cni_spill_out_is_flying(&self->out)) {
        return CN_OK;
    }
    CN_TRY(cni_spill_out_land(&self->out, &offset, err));
    for (int32_t at = 0; at < self->layout.n_partitions; at++) {
        partition *part = &self->partitions[at];
        for (; part->first_flying < part->first_pending; part->first_flying++) {
            part->done.blocks[part->first_flying].offset += offset;
        }
    }
    return CN_OK;
}

/* The out buffer is on its way. */
static cn_code
append_out(cni_spill_writer *self, cn_error *err)
{
    if (self->out.now.used_bytes == 0) {
        return CN_OK;
    }
    CN_TRY(cni_context_check(self->layout.context, err));
    CN_TRY(land(self, err));
    cni_spill_out_begin(&self->out);
    for (int32_t at = 0; at < self->layout.n_partitions; at++) {
        self->partitions[at].first_pending = self->partitions[at].done.n_blocks;
    }
    return cni_spill_out_must_land(&self->out) ? land(self, err) : CN_OK;
}

/* Room for n_bytes more. */
static cn_code
reserve_out(cni_spill_writer *self, int64_t n_bytes, cn_error *err)
{
    if (!cni_spill_out_fits(&self->out, n_bytes)) {
        CN_TRY(append_out(self, err));
    }
    if (cni_spill_out_is_flying(&self->out)) {
        if (cni_spill_out_try_reserve(&self->out, n_bytes)) {
            return CN_OK;
        }
        CN_TRY(land(self, err));
    }
    return cni_spill_out_reserve(&self->out, n_bytes, err);
}

/* The partition's block into the out buffer; the partition is empty afterwards. */
static cn_code
write_block(cni_spill_writer *self, partition *part, cn_error *err)
{
    const cni_spill_layout *layout = &self->layout;
    const int64_t n_plain = cni_spill_block_size(part->columns, layout->n_columns);
    CN_TRY(reserve_blocks(&part->done, part->done.n_blocks + 1, err));
    CN_TRY(reserve_out(self, n_plain, err));
    const int64_t offset = self->out.now.used_bytes;
    cni_spill_block_encode(part->columns, layout->n_columns, part->n_rows,
                           self->out.now.data + offset);
    int64_t n_bytes = 0;
    CN_TRY(cni_spill_out_add(&self->out, n_plain, &n_bytes, err));
    const cni_spill_block block = {.offset = offset,
                                   .n_bytes = n_bytes,
                                   .n_rows = part->n_rows,
                                   .memory_bytes =
                                       cni_spill_block_memory(part->columns, layout->n_columns)};
    part->done.blocks[part->done.n_blocks++] = block;
    count_block(&part->done, &block);
    part->n_rows = 0;
    const bool grew = part->memory.held_bytes > 3 * layout->block_bytes;
    for (int32_t column = 0; column < layout->n_columns; column++) {
        if (grew) {
            cni_spill_column_trim(&part->columns[column], &part->memory);
        } else {
            cni_spill_column_reset(&part->columns[column]);
        }
    }
    return cni_spill_out_is_full(&self->out) ? append_out(self, err) : CN_OK;
}

/* ---- adding rows ---- */

static cn_code
require_columns(cni_spill_writer *self, partition *part, cn_error *err)
{
    const cni_spill_layout *layout = &self->layout;
    if (part->columns != NULL) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_zeroed(layout->allocator,
                            layout->n_columns * (int64_t)sizeof(cni_spill_column), &part->columns,
                            err));
    for (int32_t column = 0; column < layout->n_columns; column++) {
        const cn_code code = cni_spill_column_init(&part->columns[column], &part->memory,
                                                   layout->types[column], err);
        if (code != CN_OK) {
            free_columns(layout, part);
            return code;
        }
    }
    return CN_OK;
}

static int64_t
used_bytes(const cni_spill_writer *self, const partition *part)
{
    int64_t n_bytes = 0;
    for (int32_t column = 0; column < self->layout.n_columns; column++) {
        n_bytes += cni_spill_column_bytes(&part->columns[column]);
    }
    return n_bytes;
}

static int64_t
text_bytes(const cni_spill_writer *self, const cni_vector *columns, const cni_spill_pick *pick)
{
    int64_t n_bytes = 0;
    for (int32_t column = 0; column < self->layout.n_columns; column++) {
        if (columns[column].encoding == CNI_FLAT) {
            n_bytes += cni_spill_text_bytes(&columns[column], pick);
        }
    }
    return n_bytes;
}

/* How many of the picked rows the block takes before it is full: not many whose size is not known;
 * 0 when even one is too large for what is left of a block that has rows. */
static int64_t
rows_that_fit(const cni_spill_writer *self, const partition *part, const cni_vector *columns,
              const cni_spill_pick *pick)
{
    const int64_t used = used_bytes(self, part);
    const int64_t left = self->layout.block_bytes - used;
    cni_spill_pick some = *pick;
    some.n = cni_min_i64(some.n, CNI_CHUNK_ROWS_MAX - part->n_rows);
    some.n = cni_min_i64(some.n, cni_max_i64(left / self->row_bytes, 1));
    if (self->has_nested) { /* as many again as there are, going by what those take */
        const int64_t mean = part->n_rows == 0 ? 0 : used / part->n_rows;
        const int64_t fitting = mean == 0 ? part->n_rows : left / mean;
        some.n = cni_min_i64(some.n, cni_max_i64(cni_min_i64(part->n_rows, fitting), 1));
    }
    while (self->has_text && some.n > 1 &&
           some.n * self->row_bytes + text_bytes(self, columns, &some) > left) {
        some.n = some.n / 2;
    }
    if (self->has_text && some.n == 1 && part->n_rows > 0 &&
        text_bytes(self, columns, &some) > left) {
        return 0;
    }
    return some.n;
}

static bool
is_full(const cni_spill_writer *self, const partition *part)
{
    return part->n_rows >= CNI_CHUNK_ROWS_MAX ||
           used_bytes(self, part) + self->row_bytes > self->layout.block_bytes;
}

static cn_code
add_rows(cni_spill_writer *self, partition *part, const cni_vector *columns,
         const cni_spill_pick *pick, cn_error *err)
{
    CN_TRY(require_columns(self, part, err));
    cni_spill_pick left = *pick;
    while (left.n > 0) {
        cni_spill_pick some = left;
        some.n = rows_that_fit(self, part, columns, &left);
        if (some.n == 0) {
            CN_TRY(write_block(self, part, err));
            continue;
        }
        for (int32_t column = 0; column < self->layout.n_columns; column++) {
            CN_TRY(cni_spill_column_append(&part->columns[column], &part->memory, &columns[column],
                                           &some, err));
        }
        part->n_rows += some.n;
        left.n -= some.n;
        left.first += some.n;
        left.index = left.index == NULL ? NULL : left.index + some.n;
        if (is_full(self, part)) {
            CN_TRY(write_block(self, part, err));
        }
    }
    return CN_OK;
}

cn_code
cni_spill_writer_cut(cni_spill_writer *self, int32_t partition_at, cn_error *err)
{
    partition *part = &self->partitions[partition_at];
    return part->n_rows > 0 ? write_block(self, part, err) : CN_OK;
}

static void
forget_flat(cni_spill_writer *self)
{
    for (int32_t column = 0; column < self->layout.n_columns; column++) {
        cni_vector_done(&self->flat[column]);
    }
}

/* The columns as FLAT ones, over their first n_rows rows. */
static cn_code
expand(cni_spill_writer *self, const cni_vector *columns, int64_t n_rows, cn_error *err)
{
    for (int32_t column = 0; column < self->layout.n_columns; column++) {
        CN_SCOPED(cni_vector) rows = {0};
        cni_vector_slice(&rows, &columns[column], 0, n_rows);
        CN_TRY(cni_vector_flatten(self->layout.allocator, &rows, &self->flat[column], err));
    }
    return CN_OK;
}

/* The picked rows of each column as FLAT ones. */
static cn_code
expand_picked(cni_spill_writer *self, const cni_vector *columns, const uint32_t *index, int64_t n,
              cn_error *err)
{
    for (int32_t column = 0; column < self->layout.n_columns; column++) {
        CN_SCOPED(cni_vector) rows = {0};
        CN_TRY(cni_vector_take(self->layout.allocator, &columns[column], index, n, &rows, err));
        CN_TRY(cni_vector_flatten(self->layout.allocator, &rows, &self->flat[column], err));
    }
    return CN_OK;
}

static bool
all_flat(const cni_spill_writer *self, const cni_vector *columns)
{
    for (int32_t column = 0; column < self->layout.n_columns; column++) {
        if (columns[column].encoding != CNI_FLAT) {
            return false;
        }
    }
    return true;
}

cn_code
cni_spill_writer_add(cni_spill_writer *self, int32_t partition_at, const cni_vector *columns,
                     const uint32_t *index, int64_t n, cn_error *err)
{
    partition *part = &self->partitions[partition_at];
    cni_spill_pick pick = {.index = index, .n = n};
    if (n == 0) {
        return CN_OK;
    }
    if (all_flat(self, columns)) {
        return add_rows(self, part, columns, &pick, err);
    }
    pick.index = NULL;
    cn_code code =
        index == NULL ? expand(self, columns, n, err) : expand_picked(self, columns, index, n, err);
    if (code == CN_OK) {
        code = add_rows(self, part, self->flat, &pick, err);
    }
    forget_flat(self);
    return code;
}

/* ---- scattering ---- */

/* Row numbers by partition, each partition's ascending; starts[p] is where p begins. */
static void
order_rows(const uint8_t *partitions, int64_t n_rows, uint8_t mask, uint32_t starts[257],
           uint32_t *out_order)
{
    uint32_t counts[4][256] = {{0}}; /* four, so that equal neighbours do not wait for each other */
    int64_t row = 0;
    for (; row + 4 <= n_rows; row += 4) {
        counts[0][partitions[row] & mask]++;
        counts[1][partitions[row + 1] & mask]++;
        counts[2][partitions[row + 2] & mask]++;
        counts[3][partitions[row + 3] & mask]++;
    }
    for (; row < n_rows; row++) {
        counts[0][partitions[row] & mask]++;
    }
    uint32_t next[256];
    starts[0] = 0;
    for (int32_t at = 0; at < 256; at++) {
        next[at] = starts[at];
        starts[at + 1] = starts[at] + counts[0][at] + counts[1][at] + counts[2][at] + counts[3][at];
    }
    for (row = 0; row < n_rows; row++) {
        out_order[next[partitions[row] & mask]++] = (uint32_t)row;
    }
}

static cn_code
scatter_flat(cni_spill_writer *self, const cni_vector *columns, int64_t n_rows,
             const uint8_t *partitions, cn_error *err)
{
    uint32_t starts[257];
    order_rows(partitions, n_rows, (uint8_t)(self->layout.n_partitions - 1), starts, self->order);
    for (int32_t at = 0; at < self->layout.n_partitions; at++) {
        const cni_spill_pick pick = {.index = self->order + starts[at],
                                     .n = (int64_t)starts[at + 1] - starts[at]};
        if (pick.n > 0) {
            CN_TRY(add_rows(self, &self->partitions[at], columns, &pick, err));
        }
    }
    return CN_OK;
}

cn_code
cni_spill_writer_scatter(cni_spill_writer *self, const cni_vector *columns, int64_t n_rows,
                         const uint8_t *partitions, cn_error *err)
{
    if (self->order_cap < n_rows) {
        CN_TRY(cni_realloc(self->layout.allocator, &self->order, self->order_cap * 4, n_rows * 4,
                           err));
        self->order_cap = n_rows;
    }
    if (all_flat(self, columns)) {
        return scatter_flat(self, columns, n_rows, partitions, err);
    }
    cn_code code = expand(self, columns, n_rows, err);
    if (code == CN_OK) {
        code = scatter_flat(self, self->flat, n_rows, partitions, err);
    }
    forget_flat(self);
    return code;
}

/* ---- one chunk ---- */

static cn_code
append_columns(const cni_spill_layout *layout, partition *part, const cni_vector *columns,
               int64_t n_rows, cn_error *err)
{
    const cni_spill_pick all = {.n = n_rows};
    for (int32_t column = 0; column < layout->n_columns; column++) {
        CN_TRY(cni_spill_column_init(&part->columns[column], &part->memory, layout->types[column],
                                     err));
        CN_TRY(cni_spill_column_append(&part->columns[column], &part->memory, &columns[column],
                                       &all, err));
    }
    part->n_rows = n_rows;
    return CN_OK;
}

/* Encoded into memory of its own and appended; the padding is the block's, so that dropping it
 * gives everything back. */
static cn_code
append_block(const cni_spill_layout *layout, const partition *part, cni_spill_block *out_block,
             cn_error *err)
{
    cni_allocator *allocator = layout->allocator;
    const int64_t n_bytes = cni_spill_block_size(part->columns, layout->n_columns);
    int64_t cap = cni_round_up(n_bytes, CNI_SPILL_ALIGN_BYTES);
    uint8_t *out = allocator->resize(allocator, NULL, 0, cap, CNI_SPILL_ALIGN_BYTES, err);
    if (out == NULL) {
        return err != NULL ? err->code : CN_NO_MEMORY;
    }
    cni_spill_block_encode(part->columns, layout->n_columns, part->n_rows, out);
    memset(out + n_bytes, 0, (size_t)(cap - n_bytes));
    *out_block =
        (cni_spill_block){.n_bytes = cap,
                          .n_rows = part->n_rows,
                          .memory_bytes = cni_spill_block_memory(part->columns, layout->n_columns)};
    const cn_code code = cni_spill_append(layout->file, out, cap, &out_block->offset, err);
    cni_spill_free_aligned(allocator, &out, &cap);
    return code;
}

cn_code
cni_spill_write_chunk(const cni_spill_layout *layout, const cni_vector *columns, int64_t n_rows,
                      cni_spill_block *out_block, cn_error *err)
{
    partition part = {.memory = {.allocator = layout->allocator}};
    CN_TRY(cni_alloc_zeroed(layout->allocator,
                            layout->n_columns * (int64_t)sizeof(cni_spill_column), &part.columns,
                            err));
    cn_code code = append_columns(layout, &part, columns, n_rows, err);
    if (code == CN_OK) {
        code = append_block(layout, &part, out_block, err);
    }
    free_columns(layout, &part);
    return code;
}

/* ---- finishing ---- */

cn_code
cni_spill_writer_finish(cni_spill_writer *self, cni_spill_rows *inout_rows, cn_error *err)
{
    for (int32_t at = 0; at < self->layout.n_partitions; at++) {
        partition *part = &self->partitions[at];
        if (part->n_rows > 0) {
            CN_TRY(write_block(self, part, err));
        }
        free_columns(&self->layout, part);
    }
    CN_TRY(append_out(self, err));
    CN_TRY(land(self, err));
    cni_spill_out_trim(&self->out);
    for (int32_t at = 0; at < self->layout.n_partitions; at++) {
        partition *part = &self->partitions[at];
        if (part->done.n_blocks > 0) {
            CN_TRY(cni_spill_rows_absorb(&inout_rows[at], &part->done, err));
        }
        part->done = (cni_spill_rows){.allocator = self->layout.allocator};
        part->first_flying = 0;
        part->first_pending = 0;
    }
    return CN_OK;
}
