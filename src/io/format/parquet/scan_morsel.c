/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's state, and the beginning and end of a morsel.
 */
#include "io/format/parquet/scan_int.h"

/* All arrays of the state in one block. */
typedef struct local_layout {
    int64_t columns;
    int64_t verdicts;
    int64_t states;
    int64_t memos;
    int64_t order;
    int64_t outputs;
    int64_t read;
    int64_t read_stage;
    int64_t survivors;
    int64_t kept;
    int64_t n_kept;
    int64_t indices;
    int64_t narrowed;
    int64_t total_bytes;
} local_layout;

static int64_t
place(int64_t *inout_end, int64_t n_items, int64_t item_bytes)
{
    const int64_t at = *inout_end;
    *inout_end = cni_round_up(at + n_items * item_bytes, 64);
    return at;
}

static local_layout
lay_out(const cni_pq_scan *scan)
{
    local_layout at = {0};
    int64_t end = cni_round_up((int64_t)sizeof(cni_pq_local), 64);
    at.columns = place(&end, scan->n_columns, (int64_t)sizeof(cni_pq_column));
    at.verdicts = place(&end, scan->n_columns, (int64_t)sizeof(void *));
    at.states = place(&end, scan->n_stages, (int64_t)sizeof(void *));
    at.memos = place(&end, scan->n_stages, (int64_t)sizeof(cni_key_memo));
    at.order = place(&end, scan->n_stages, (int64_t)sizeof(int32_t));
    at.outputs = place(&end, scan->n_outputs, (int64_t)sizeof(cni_vector));
    at.read = place(&end, scan->n_columns, (int64_t)sizeof(cni_vector));
    at.read_stage = place(&end, scan->n_columns, (int64_t)sizeof(int32_t));
    at.survivors = place(&end, CNI_PQ_BLOCK_WORDS, 8);
    at.kept = place(&end, (int64_t)scan->n_stages * CNI_PQ_BLOCK_WORDS, 8);
    at.n_kept = place(&end, scan->n_stages, 8);
    at.indices = place(&end, CNI_CHUNK_ROWS_MAX + 64, 4);
    at.narrowed = place(&end, CNI_CHUNK_ROWS_MAX + 64, 4);
    at.total_bytes = end;
    return at;
}

static void *
part(cni_pq_local *self, int64_t offset)
{
    return (uint8_t *)self + offset;
}

static cn_code
fill_local(cni_pq_local *self, cn_error *err)
{
    cni_pq_scan *scan = self->scan;
    cni_chunk_init(&self->filter_chunk, scan->context->allocator);
    CN_TRY(cni_pq_reader_init(&self->reader, scan->context->allocator, scan->context->fault, err));
    for (int32_t stage = 0; stage < scan->n_stages; stage++) {
        if (scan->stages[stage].program == NULL) {
            continue;
        }
        CN_TRY(cni_program_state_new(scan->stages[stage].program, scan->context,
                                     &self->states[stage], err));
        cni_program_state_charge(self->states[stage], scan->base.budget);
    }
    return CN_OK;
}

cn_code
cni_pq_local_new(cni_pq_scan *scan, cni_pq_local **out_local, cn_error *err)
{
    const local_layout at = lay_out(scan);
    cni_pq_local *self = NULL;
    CN_TRY(cni_alloc_zeroed(scan->context->allocator, at.total_bytes, &self, err));
    self->scan = scan;
    self->columns = part(self, at.columns);
    self->verdicts = part(self, at.verdicts);
    self->states = part(self, at.states);
    self->memos = part(self, at.memos);
    self->order = part(self, at.order);
    self->outputs = part(self, at.outputs);
    self->read = part(self, at.read);
    self->read_stage = part(self, at.read_stage);
    self->survivors = part(self, at.survivors);
    self->kept = part(self, at.kept);
    self->n_kept = part(self, at.n_kept);
    self->indices = part(self, at.indices);
    self->narrowed = part(self, at.narrowed);
    self->morsel = -1;
    self->primary = -1;
    const cn_code code = fill_local(self, err);
    if (code != CN_OK) {
        cni_pq_local_free(self);
        return code;
    }
    *out_local = self;
    return CN_OK;
}

void
cni_pq_local_free(cni_pq_local *self)
{
    if (self == NULL) {
        return;
    }
    cni_pq_scan *scan = self->scan;
    cni_pq_block_drop(self);
    cni_chunk_done(&self->filter_chunk);
    for (int32_t stage = 0; stage < scan->n_stages; stage++) {
        cni_program_state_free(self->states[stage]);
        cni_key_memo_done(&self->memos[stage]);
    }
    for (int32_t column = 0; column < scan->n_columns; column++) {
        cni_vector_done(&self->read[column]);
        cni_pq_column_done(&self->columns[column]);
    }
    cni_pq_reader_done(&self->reader);
    cni_dealloc(scan->context->allocator, self->leads, self->n_lead_words * 8);
    cni_dealloc(scan->context->allocator, self, lay_out(scan).total_bytes);
}

static cn_code
begin_columns(cni_pq_local *self, const cni_pq_morsel *morsel, cn_error *err)
{
    cni_pq_scan *scan = self->scan;
    cni_pq_scan_group *group = &scan->groups[morsel->group];
    const cni_pq_file *planned = scan->files[group->file].file;
    cni_file *file = NULL;
    int64_t most_bytes = -1;
    CN_TRY(cni_pq_scan_open_file(scan, group->file, &file, err));
    for (int32_t column = 0; column < scan->n_columns; column++) {
        cni_pq_column *at = &self->columns[column];
        cni_pq_shared_chunk *shared = &group->chunks[column];
        CN_TRY_CTX(cni_pq_column_begin(at, &self->reader, cni_pq_scan_leaf(scan, planned, column),
                                       cni_pq_scan_type(scan, column), file, shared, group->n_rows,
                                       morsel->row, morsel->end_row, err),
                   err, "'%.*s'", CNI_STR_ARGS(cni_file_path(file)));
        CN_TRY(cni_pq_verdicts_get(scan, group, column, at->directory, file,
                                   &self->verdicts[column], err));
        if (shared->chunk->uncompressed_bytes > most_bytes) {
            most_bytes = shared->chunk->uncompressed_bytes;
            self->primary = column;
        }
    }
    return CN_OK;
}

cn_code
cni_pq_local_begin(cni_pq_local *self, int64_t morsel, cn_error *err)
{
    const cni_pq_morsel *at = &self->scan->morsels[morsel];
    cni_pq_scan_group *group = &self->scan->groups[at->group];
    bool is_out = cni_pq_is_behind(self->scan, group->lead);
    if (!is_out) {
        CN_TRY(cni_pq_group_ask_blooms(self->scan, group, &is_out, err));
    }
    self->is_passed_over = is_out;
    if (!self->is_passed_over) {
        CN_TRY(begin_columns(self, at, err));
        cni_pq_scan_order_stages(self->scan, self->order);
        (void)cni_counter_add(&group->n_morsels_read, 1);
    }
    self->morsel = morsel;
    self->group = group;
    self->row = self->is_passed_over ? at->end_row : at->row;
    self->end_row = at->end_row;
    self->n_emitted = 0;
    return CN_OK;
}

/* Pages of the morsel that were never opened because nothing of them was wanted. */
static int64_t
count_skipped_pages(const cni_pq_local *self)
{
    int64_t n_skipped = 0;
    for (int32_t column = 0; column < self->scan->n_columns; column++) {
        const cni_pq_column *at = &self->columns[column];
        n_skipped += cni_max_i64(0, at->last_page - at->first_page + 1 - at->n_opened);
    }
    return n_skipped;
}

/* What the workers shared of a group goes with its last morsel. */
static void
release_group(cni_pq_scan *scan, cni_pq_scan_group *group)
{
    if (!cni_refcount_dec(&group->n_morsels_left)) {
        return;
    }
    if (cni_counter_get(&group->n_morsels_read) == 0) {
        (void)cni_counter_add(&scan->n_groups_pruned, 1);
    }
    for (int32_t column = 0; column < scan->n_columns; column++) {
        cni_pq_shared_chunk *shared = &group->chunks[column];
        cni_pq_verdicts_free(cni_slot_claim(&shared->page_verdicts, NULL));
        cni_pq_shared_chunk_done(shared);
    }
    cni_pq_scan_file *file = &scan->files[group->file];
    if (cni_refcount_dec(&file->n_groups_left)) {
        cni_file_unref(cni_slot_claim(&file->open, NULL));
        file->open = NULL;
    }
}

void
cni_pq_local_finish(cni_pq_local *self)
{
    cni_pq_scan *scan = self->scan;
    if (scan->n_stages > 0 && self->row >= self->end_row && !self->is_passed_over) {
        (void)cni_counter_add(&scan->pages_pruned, count_skipped_pages(self));
    }
    (void)cni_counter_add(&scan->bytes_read, self->reader.bytes_read);
    (void)cni_counter_add(&scan->n_done, 1);
    self->reader.bytes_read = 0;
    self->morsel = -1;
    release_group(scan, self->group);
    self->group = NULL;
}
