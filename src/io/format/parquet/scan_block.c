/* SPDX-License-Identifier: Apache-2.0
 *
 * One block: filter columns, filters, then the other columns for the rows that survived.
 *
 * Row spaces: stages run at positions 0, 1, 2 ... of the local order. A column decoded at position
 * k has one row per survivor of position k - 1. kept[k] are the rows of that space which passed;
 * carrying a vector on means taking those rows, position after position.
 */
#include "io/format/parquet/scan_int.h"

void
cni_pq_block_drop(cni_pq_local *self)
{
    for (int32_t output = 0; output < self->scan->n_outputs; output++) {
        cni_vector_done(&self->outputs[output]);
    }
    self->block_rows = 0;
    self->block_at = 0;
}

/* Where a block stands between stages. */
typedef struct block_state {
    int64_t row;
    int64_t n_rows;
    int64_t n_alive;
    bool is_narrowed; /* survivors holds n_alive < n_rows bits */
} block_state;

static cn_code
read_column(cni_pq_local *self, const block_state *block, int32_t column, bool as_codes,
            cni_vector *out, cn_error *err)
{
    const cni_pq_want want = {
        .row = block->row,
        .n_rows = block->n_rows,
        .keep = block->is_narrowed ? self->survivors : NULL,
        .n_keep = block->n_alive,
        .as_codes = as_codes,
        .ahead = block->n_alive * 8 > block->n_rows &&
                 (self->scan->limit == CNI_NO_LIMIT || self->scan->limit > CNI_CHUNK_ROWS_MAX)};
    return cni_pq_column_read(&self->columns[column], &self->reader, &want, out, err);
}

/* `inout` from the row space of position `from` to that of position `to`. */
static cn_code
carry_on(cni_pq_local *self, int32_t from, int32_t to, cni_vector *inout, cn_error *err)
{
    cni_allocator *allocator = self->scan->context->allocator;
    for (int32_t at = from; at < to; at++) {
        if (self->n_kept[at] == inout->n_rows) {
            continue;
        }
        const cni_bounds bounds = inout->bounds;
        const uint64_t *kept = self->kept + (int64_t)at * CNI_PQ_BLOCK_WORDS;
        const int64_t n_taken =
            self->reader.env.kernels->bits_to_u32(kept, inout->n_rows, self->indices);
        cni_vector taken;
        CN_TRY(cni_vector_take(allocator, inout, self->indices, n_taken, &taken, err));
        cni_vector_done(inout);
        cni_vector_move(inout, &taken);
        if (inout->encoding == CNI_FLAT && bounds.known) {
            inout->bounds = bounds; /* of more rows, and so of these */
        }
    }
    return CN_OK;
}

/* The columns of the stage at a position, in its row space, into the filter chunk. */
static cn_code
fill_filter_chunk(cni_pq_local *self, const block_state *block, int32_t position, cn_error *err)
{
    const cni_pq_stage *plan = &self->scan->stages[self->order[position]];
    cni_chunk *chunk = &self->filter_chunk;
    CN_TRY(cni_chunk_set_columns(chunk, plan->n_columns, err));
    chunk->n_rows = block->n_alive;
    for (int32_t at = 0; at < plan->n_columns; at++) {
        const int32_t column = plan->columns[at];
        cni_vector *vector = &self->read[column];
        if (self->read_stage[column] < 0) {
            CN_TRY(read_column(self, block, column, true, vector, err));
        } else {
            CN_TRY(carry_on(self, self->read_stage[column], position, vector, err));
        }
        self->read_stage[column] = position;
        cni_vector_copy(&chunk->columns[at], vector);
    }
    return CN_OK;
}

/* survivors: of its set bits, those whose bit in `kept` (one per set bit) is set. Through row
 * numbers, which kernels make and narrow fast; only the rows that are left are set one by one. */
static void
deposit(cni_pq_local *self, const block_state *block, const uint64_t *kept)
{
    const cni_kernels *kernels = self->reader.env.kernels;
    const int64_t n_words = cni_bits_words(block->n_rows);
    const int64_t n_alive = kernels->bits_to_u32(self->survivors, block->n_rows, self->indices);
    const int64_t n_left = kernels->filter[2](self->indices, kept, n_alive, self->narrowed);
    memset(self->survivors, 0, (size_t)n_words * 8);
    for (int64_t at = 0; at < n_left; at++) {
        const uint32_t row = self->narrowed[at];
        self->survivors[row >> 6] |= UINT64_C(1) << (row & 63);
    }
}

/* Rows of the stage's column that do not come behind the dynamic boundary, into `kept`. */
static cn_code
keep_by_boundary(cni_pq_local *self, const cni_dynamic_filter_set *dynamic, int64_t n_rows,
                 uint64_t *kept, int64_t *out_n_kept, cn_error *err)
{
    cni_allocator *allocator = self->scan->context->allocator;
    const uint64_t boundary = cni_boundary_get(&dynamic->boundary);
    *out_n_kept = n_rows;
    if (boundary == UINT64_MAX) {
        return CN_OK;
    }
    const int64_t n_words = cni_sort_lead_words(&dynamic->key, n_rows);
    if (n_words > self->n_lead_words) {
        CN_TRY(cni_realloc(allocator, &self->leads, self->n_lead_words * 8, n_words * 8, err));
        self->n_lead_words = n_words;
    }
    CN_TRY(
        cni_sort_leads(allocator, &dynamic->key, &self->filter_chunk.columns[0], self->leads, err));
    int64_t n_kept = 0;
    for (int64_t row = 0; row < n_rows; row += 64) {
        uint64_t word = 0;
        for (int64_t bit = 0; bit < cni_min_i64(64, n_rows - row); bit++) {
            word |= (uint64_t)(self->leads[row + bit] <= boundary) << bit;
        }
        kept[row >> 6] = word;
        n_kept += __builtin_popcountll(word);
    }
    *out_n_kept = n_kept;
    return CN_OK;
}

/* Rows of the stage's column that may be keys of a build, into `kept`. */
static cn_code
keep_by_keys(cni_pq_local *self, int32_t stage, int64_t n_rows, uint64_t *kept, int64_t *out_n_kept,
             cn_error *err)
{
    cni_key_filter *filter = self->scan->stages[stage].key;
    memset(kept, 0, (size_t)cni_bits_words(n_rows) * 8);
    cni_bits_fill((uint8_t *)kept, 0, n_rows, true);
    CN_TRY(cni_key_filter_select_memo(filter, &self->memos[stage], &self->filter_chunk.columns[0],
                                      kept, out_n_kept, err));
    cni_key_filter_count(filter, n_rows, *out_n_kept);
    return CN_OK;
}

static cn_code
keep_by_program(cni_pq_local *self, int32_t stage, uint64_t *kept, int64_t *out_n_kept,
                cn_error *err)
{
    cni_chunk *chunk = &self->filter_chunk;
    CN_TRY(cni_program_filter(self->states[stage], chunk, err));
    *out_n_kept = cni_chunk_live_rows(chunk);
    if (*out_n_kept < chunk->n_rows) {
        cni_selection_to_bits(&chunk->selection, chunk->n_rows, kept);
    }
    return CN_OK;
}

/* Rows of the filter chunk that pass a stage: how many, and which when not all. */
static cn_code
filter_stage(cni_pq_local *self, int32_t stage, uint64_t *kept, int64_t *out_n_kept, cn_error *err)
{
    cni_pq_stage *plan = &self->scan->stages[stage];
    const int64_t n_rows = self->filter_chunk.n_rows;
    if (plan->program != NULL) {
        CN_TRY(keep_by_program(self, stage, kept, out_n_kept, err));
    } else if (plan->key != NULL) {
        CN_TRY(keep_by_keys(self, stage, n_rows, kept, out_n_kept, err));
    } else {
        CN_TRY(keep_by_boundary(self, plan->dynamic, n_rows, kept, out_n_kept, err));
    }
    if (plan->program == NULL) {
        (void)cni_counter_add(&self->scan->rows_dynamic, n_rows - *out_n_kept);
    }
    (void)cni_counter_add(&plan->rows_in, n_rows);
    (void)cni_counter_add(&plan->rows_left, *out_n_kept);
    return CN_OK;
}

/* Run the filters at a position and narrow the block. */
static cn_code
run_stage(cni_pq_local *self, block_state *block, int32_t position, cn_error *err)
{
    uint64_t *kept = self->kept + (int64_t)position * CNI_PQ_BLOCK_WORDS;
    const int32_t stage = self->order[position];
    int64_t n_kept = block->n_alive;
    if (!cni_pq_stage_is_active(&self->scan->stages[stage])) {
        self->n_kept[position] = n_kept;
        return CN_OK;
    }
    CN_TRY(fill_filter_chunk(self, block, position, err));
    CN_TRY(filter_stage(self, stage, kept, &n_kept, err));
    if (n_kept < block->n_alive) {
        if (block->is_narrowed) {
            deposit(self, block, kept);
        } else {
            memcpy(self->survivors, kept, (size_t)cni_bits_words(block->n_rows) * 8);
        }
        block->is_narrowed = true;
    }
    self->n_kept[position] = n_kept;
    block->n_alive = n_kept;
    cni_chunk_reset(&self->filter_chunk);
    return CN_OK;
}

/* Columns that leave are codes for texts only: gathered numbers carry their bounds. */
static bool
leaves_as_codes(const cni_pq_local *self, int32_t column)
{
    return self->columns[column].leaf->phys == CNI_PHYS_VIEW;
}

/* A vector that a filter used, as an output. */
static cn_code
output_from_filter(cni_pq_local *self, int32_t column, cni_vector *out, cn_error *err)
{
    cni_vector vector;
    cni_vector_copy(&vector, &self->read[column]);
    cn_code code = carry_on(self, self->read_stage[column], self->scan->n_stages, &vector, err);
    if (code == CN_OK && vector.encoding == CNI_DICTIONARY && !leaves_as_codes(self, column)) {
        cni_vector flat;
        code = cni_vector_flatten(self->scan->context->allocator, &vector, &flat, err);
        if (code == CN_OK) {
            flat.bounds = self->columns[column].dictionary->bounds;
            cni_vector_done(&vector);
            cni_vector_move(&vector, &flat);
        }
    }
    if (code != CN_OK) {
        cni_vector_done(&vector);
        return code;
    }
    *out = vector;
    return CN_OK;
}

/* An output that an earlier one shows already, -1 = none. */
static int32_t
earlier_output(const cni_pq_scan *scan, int32_t output)
{
    for (int32_t earlier = 0; earlier < output; earlier++) {
        if (scan->outputs[earlier] == scan->outputs[output]) {
            return earlier;
        }
    }
    return -1;
}

static cn_code
read_outputs(cni_pq_local *self, const block_state *block, cn_error *err)
{
    const cni_pq_scan *scan = self->scan;
    for (int32_t output = 0; output < scan->n_outputs; output++) {
        const int32_t column = scan->outputs[output];
        const int32_t earlier = earlier_output(scan, output);
        cni_vector *out = &self->outputs[output];
        if (earlier >= 0) {
            cni_vector_copy(out, &self->outputs[earlier]);
        } else if (self->read_stage[column] >= 0) {
            CN_TRY(output_from_filter(self, column, out, err));
        } else {
            CN_TRY(read_column(self, block, column, leaves_as_codes(self, column), out, err));
        }
    }
    return CN_OK;
}

static void
drop_read(cni_pq_local *self)
{
    for (int32_t column = 0; column < self->scan->n_columns; column++) {
        cni_vector_done(&self->read[column]);
        self->read_stage[column] = -1;
    }
    cni_chunk_reset(&self->filter_chunk);
}

cn_code
cni_pq_block_decode(cni_pq_local *self, int64_t row, int64_t n_rows, cn_error *err)
{
    block_state block = {.row = row, .n_rows = n_rows, .n_alive = n_rows};
    cni_pq_block_drop(self);
    drop_read(self);
    for (int32_t position = 0; position < self->scan->n_stages && block.n_alive > 0; position++) {
        CN_TRY(run_stage(self, &block, position, err));
    }
    if (block.n_alive > 0) {
        CN_TRY(read_outputs(self, &block, err));
    }
    self->block_rows = block.n_alive;
    drop_read(self);
    return CN_OK;
}
