/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunks of a result on disk, one block each. They are read once, by the consumer.
 */
#include "exec/operator/result_disk_int.h"

void
cni_result_disk_done(cni_result_disk *self)
{
    if (self->types != NULL) {
        cni_spill_close(self->layout.file);
        cni_dealloc(self->layout.allocator, (void *)self->types,
                    self->layout.n_columns * (int64_t)sizeof(*self->types));
    }
    *self = (cni_result_disk){0};
}

static cn_code
open_file(cni_result_disk *self, cni_context *context, const cni_chunk *chunk, cn_error *err)
{
    const cni_type **types = NULL;
    cni_spill_file *file = NULL;
    const int64_t n_bytes = chunk->n_columns * (int64_t)sizeof(*types);
    CN_TRY(cni_alloc(context->allocator, n_bytes, (void *)&types, err));
    const cn_code code = cni_spill_create(context->spill, "result", &file, err);
    if (code != CN_OK) {
        cni_dealloc(context->allocator, (void *)types, n_bytes);
        return code;
    }
    for (int32_t column = 0; column < chunk->n_columns; column++) {
        types[column] = chunk->columns[column].type;
    }
    self->types = types;
    self->layout = (cni_spill_layout){.context = context,
                                      .allocator = context->allocator,
                                      .file = file,
                                      .n_columns = chunk->n_columns,
                                      .types = types,
                                      .n_partitions = 1};
    return CN_OK;
}

cn_code
cni_result_disk_write(cni_result_disk *self, cni_context *context, cni_held_chunk *held,
                      cn_error *err)
{
    const cni_chunk *chunk = &held->chunk;
    if (self->types == NULL) {
        CN_TRY(open_file(self, context, chunk, err));
    }
    CN_TRY(cni_spill_write_chunk(&self->layout, chunk->columns, chunk->n_rows, &held->block, err));
    (void)cni_counter_add(&self->n_bytes, held->block.n_bytes);
    return CN_OK;
}

cn_code
cni_result_disk_read(cni_result_disk *self, cni_held_chunk *held, cn_error *err)
{
    const cni_spill_rows rows = {.n_blocks = 1, .blocks = &held->block};
    const int64_t sequence = held->chunk.sequence;
    CN_TRY(cni_spill_read_block(&self->layout, &rows, 0, &held->chunk, err));
    held->chunk.sequence = sequence;
    cni_spill_drop_block(&self->layout, &rows, 0);
    return CN_OK;
}
