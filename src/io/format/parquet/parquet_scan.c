/* SPDX-License-Identifier: Apache-2.0
 *
 * The scan contract over Parquet files: morsels in source order, chunks from blocks.
 */
#include "io/format/parquet/parquet_scan_int.h"

#include "io/format/parquet/scan_int.h"

#define SHORT_BLOCK_ROWS 4096 /* a page's rest below it does not get a block of its own */

static cni_pq_scan *
scan_of(cni_scan *base)
{
    return (cni_pq_scan *)(void *)base;
}

cn_code
cni_pq_scan_open_file(cni_pq_scan *self, int32_t file, cni_file **out_file, cn_error *err)
{
    cni_pq_scan_file *at = &self->files[file];
    cni_file *open = cni_slot_claim(&at->open, NULL); /* a look */
    if (open == NULL) {
        CN_TRY(cni_pq_file_reopen(at->file, self->context, &open, err));
        cni_file *kept = cni_slot_claim(&at->open, open);
        if (kept != open) {
            cni_file_unref(open);
            open = kept;
        }
    }
    *out_file = open;
    return CN_OK;
}

static bool
limit_is_reached(const cni_pq_scan *self)
{
    return self->limit != CNI_NO_LIMIT && cni_counter_get(&self->n_rows_out) >= self->limit;
}

/* Morsels that were handed out are read to their end, and they are the first ones: so once they
 * gave `limit` rows, no later morsel has a row among the first `limit`. */
static cni_morsel_answer
next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    cni_pq_scan *self = scan_of(base);
    cni_waker_drop(own_waker);
    if (limit_is_reached(self) || cni_pq_scan_is_empty(self)) {
        return CNI_MORSEL_NONE;
    }
    const int64_t morsel = cni_counter_add(&self->next_morsel, 1);
    if (morsel >= base->n_morsels) {
        return CNI_MORSEL_NONE;
    }
    *out_morsel = morsel;
    return CNI_MORSEL_TAKEN;
}

static cn_code
open_local(cni_scan *base, void **out_local, cn_error *err)
{
    cni_pq_local *local = NULL;
    CN_TRY(cni_pq_local_new(scan_of(base), &local, err));
    *out_local = local;
    return CN_OK;
}

static void
close_local(cni_scan *base, void *local)
{
    (void)base;
    cni_pq_local_free(local);
}

/* Rows of the next block from `row` on, below `end`: it follows the pages of the widest column, so
 * that most blocks of that column are slices of one page. */
static int64_t
choose_block_rows(const cni_pq_local *self, int64_t row, int64_t end)
{
    const cni_pq_scan *scan = self->scan;
    int64_t n_rows = cni_min_i64(end - row, CNI_CHUNK_ROWS_MAX);
    if (self->primary >= 0) {
        const cni_pq_directory *directory = self->columns[self->primary].directory;
        const int64_t page = cni_pq_directory_find(directory, row);
        const int64_t n_page = cni_min_i64(directory->pages[page + 1].first_row, end) - row;
        if (n_page >= SHORT_BLOCK_ROWS) {
            const int64_t n_parts = (n_page + CNI_CHUNK_ROWS_MAX - 1) / CNI_CHUNK_ROWS_MAX;
            const int64_t n_each = cni_round_up((n_page + n_parts - 1) / n_parts, 64);
            n_rows = cni_min_i64(n_page, cni_min_i64(n_each, CNI_CHUNK_ROWS_MAX));
        }
    }
    if (scan->limit != CNI_NO_LIMIT && scan->n_stages == 0) {
        n_rows = cni_min_i64(n_rows, cni_max_i64(1, scan->limit - self->n_emitted));
    }
    return n_rows;
}

static bool
morsel_is_over(const cni_pq_local *self)
{
    const cni_pq_scan *scan = self->scan;
    return self->row >= self->end_row ||
           (scan->limit != CNI_NO_LIMIT && self->n_emitted >= scan->limit);
}

/* Decode blocks until one has rows or the morsel is over. */
static cn_code
fill_block(cni_pq_local *self, cn_error *err)
{
    cni_pq_scan *scan = self->scan;
    while (self->block_at == self->block_rows && !morsel_is_over(self)) {
        int64_t end = 0;
        CN_TRY(cni_context_check(scan->context, err));
        if (!cni_pq_next_range(self, self->end_row, &self->row, &end)) {
            self->row = self->end_row;
            return CN_OK;
        }
        const int64_t n_rows = choose_block_rows(self, self->row, end);
        CN_TRY(cni_pq_block_decode(self, self->row, n_rows, err));
        self->row += n_rows;
        (void)cni_counter_add(&scan->rows_scanned, n_rows);
        (void)cni_counter_add(&scan->rows_filtered, n_rows - self->block_rows);
    }
    return CN_OK;
}

/* The next rows of the block as a chunk. */
static cn_code
give_chunk(cni_pq_local *self, cni_chunk *chunk, cn_error *err)
{
    cni_pq_scan *scan = self->scan;
    int64_t n_rows =
        cni_min_i64(self->block_rows - self->block_at, scan->context->settings.chunk_rows);
    CN_TRY(cni_chunk_set_columns(chunk, scan->n_outputs, err));
    for (int32_t output = 0; output < scan->n_outputs; output++) {
        cni_vector_slice(&chunk->columns[output], &self->outputs[output], self->block_at, n_rows);
    }
    chunk->n_rows = n_rows;
    chunk->sequence = self->morsel;
    self->block_at += n_rows;
    self->n_emitted += n_rows;
    (void)cni_counter_add(&scan->n_rows_out, n_rows);
    return CN_OK;
}

static cn_code
read_chunk(cni_pq_local *self, int64_t morsel, cni_chunk *chunk, cni_read_answer *out_answer,
           cn_error *err)
{
    if (self->morsel != morsel) {
        cni_pq_block_drop(self);
        CN_TRY(cni_pq_local_begin(self, morsel, err));
    }
    CN_TRY(fill_block(self, err));
    *out_answer = CNI_READ_END;
    if (self->block_at < self->block_rows) {
        CN_TRY(give_chunk(self, chunk, err));
        *out_answer = CNI_READ_CHUNK;
    }
    if (self->block_at == self->block_rows && morsel_is_over(self)) {
        chunk->ends_morsel = true;
        chunk->sequence = morsel;
        cni_pq_local_finish(self);
    }
    return CN_OK;
}

static cn_code
read_morsel(cni_scan *base, void *local, int64_t morsel, cni_waker own_waker,
            cni_chunk *inout_chunk, cni_read_answer *out_answer, cn_error *err)
{
    (void)base;
    cni_waker_drop(own_waker);
    return read_chunk(local, morsel, inout_chunk, out_answer, err);
}

static void
counters(const cni_scan *base, cni_scan_counters *out)
{
    const cni_pq_scan *self = (const cni_pq_scan *)(const void *)base;
    *out = (cni_scan_counters){.bytes_read = cni_counter_get(&self->bytes_read),
                               .row_groups = self->n_groups_seen,
                               .row_groups_pruned = cni_counter_get(&self->n_groups_pruned),
                               .pages_pruned = cni_counter_get(&self->pages_pruned),
                               .rows_scanned = cni_counter_get(&self->rows_scanned),
                               .rows_filtered = cni_counter_get(&self->rows_filtered) -
                                                cni_counter_get(&self->rows_dynamic),
                               .rows_dynamic = cni_counter_get(&self->rows_dynamic)};
}

static double
progress(const cni_scan *base)
{
    const cni_pq_scan *self = (const cni_pq_scan *)(const void *)base;
    return base->n_morsels == 0 ? 1.0
                                : (double)cni_counter_get(&self->n_done) / (double)base->n_morsels;
}

static void
close_scan(cni_scan *base)
{
    cni_pq_scan *self = scan_of(base);
    for (int64_t group = 0; group < self->n_groups; group++) {
        cni_pq_shared_chunk *chunks = self->groups[group].chunks;
        for (int32_t column = 0; chunks != NULL && column < self->n_columns; column++) {
            cni_pq_verdicts_free(cni_slot_claim(&chunks[column].page_verdicts, NULL));
            cni_pq_shared_chunk_done(&chunks[column]);
        }
    }
    for (int32_t file = 0; file < self->n_files; file++) {
        cni_file_unref(cni_slot_claim(&self->files[file].open, NULL));
    }
    cni_table *table = self->table;
    cni_budget_unref(base->budget);
    cni_arena_unref(self->arena);
    cni_table_unref(table);
}

static const cni_scan_ops scan_ops = {.next_morsel = next_morsel,
                                      .open_local = open_local,
                                      .close_local = close_local,
                                      .read = read_morsel,
                                      .counters = counters,
                                      .progress = progress,
                                      .close = close_scan};

cn_code
cni_pq_scan_new(cni_table *table, cni_pq_file *const *files, int32_t n_files,
                const cni_scan_request *request, cni_context *context, cni_scan **out_scan,
                cn_error *err)
{
    cni_arena *arena = NULL;
    cni_pq_scan *self = NULL;
    CN_TRY(cni_arena_new(context->allocator, "parquet scan", &arena, err));
    cn_code code = CN_ARENA_NEW(arena, &self, err);
    if (code != CN_OK) {
        cni_arena_unref(arena);
        return code;
    }
    self->base.ops = &scan_ops;
    self->arena = arena;
    self->context = context;
    self->schema = table->schema;
    self->table = cni_table_ref(table);
    code = cni_pq_scan_plan(self, files, n_files, request, err);
    if (code != CN_OK) {
        close_scan(&self->base);
        return code;
    }
    *out_scan = &self->base;
    return CN_OK;
}
