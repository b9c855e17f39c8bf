/* SPDX-License-Identifier: Apache-2.0
 *
 * Several runs into one: range by range, as a source would give them. On disk, when there are more
 * runs than their blocks find room for when the sort is read; in memory, for the candidates of
 * top-N. Morsels get new ordinals: their places among all that the runs have.
 */
#include "exec/operator/sort_int.h"

typedef struct run_merge {
    cni_sort_plan *plan;
    cni_sort_set set;
    cni_sort_range range;
    cni_sort_run *out;
    uint32_t *ordinals; /* of the range's rows, then in order */
    int64_t cap_ordinals;
    uint32_t *rows; /* numbers of the range's rows in order */
    int64_t cap_rows;
    uint64_t *ranks; /* packed */
    int64_t cap_ranks;
} run_merge;

/* New ordinals and numbers of the range's rows, in order. */
static cn_code
list_rows(run_merge *self, int64_t n, cn_error *err)
{
    cni_allocator *allocator = self->plan->allocator;
    const cni_sort_range *range = &self->range;
    CN_TRY(cni_sort_grow(allocator, &self->ordinals, &self->cap_ordinals, n,
                         (int64_t)sizeof(uint32_t), err));
    CN_TRY(
        cni_sort_grow(allocator, &self->rows, &self->cap_rows, n, (int64_t)sizeof(uint32_t), err));
    for (int64_t at = 0; at < n; at++) {
        self->rows[at] = range->items[at].row;
        self->ordinals[at] =
            cni_sort_sequence_rank(self->out->sequences, self->out->n_sequences,
                                   cni_sort_range_sequence(range, range->items[at].row));
    }
    return CN_OK;
}

/* The run has the plan's layout and the sequences of the set. */
static cn_code
begin_packed(run_merge *self, cn_error *err)
{
    const cni_sort_set *set = &self->set;
    cni_sort_run *out = self->out;
    out->layout = self->plan->layout;
    out->ordinal_bits =
        set->n_sequences == 0 ? 0 : cni_sort_bit_width((uint64_t)(set->n_sequences - 1));
    out->n_words = cni_sort_layout_words(&out->layout, out->ordinal_bits);
    CN_TRY(cni_sort_grow(self->plan->allocator, &out->sequences, &out->cap_sequences,
                         set->n_sequences, (int64_t)sizeof(int64_t), err));
    if (set->n_sequences > 0) {
        memcpy(out->sequences, set->sequences, (size_t)set->n_sequences * sizeof(int64_t));
    }
    out->n_sequences = set->n_sequences;
    return CN_OK;
}

static cn_code
begin(run_merge *self, cni_sort_runs *runs, int64_t first, int64_t n, int64_t range_rows,
      cn_error *err)
{
    CN_TRY(cni_sort_run_new(self->plan, &self->out, err));
    CN_TRY(cni_sort_set_init(&self->set, self->plan, runs, first, n, range_rows, err));
    cni_sort_range_init(&self->range, &self->set, 0);
    cni_sort_run *out = self->out;
    return self->plan->packed ? begin_packed(self, err)
                              : cni_sort_set_sequences(&self->set, &out->sequences,
                                                       &out->cap_sequences, &out->n_sequences, err);
}

/* The run comes out when all went well. */
static void
finish(run_merge *self, cn_code code, cni_sort_run **out_run)
{
    cni_allocator *allocator = self->plan->allocator;
    cni_sort_range_done(&self->range);
    cni_sort_set_done(&self->set);
    cni_dealloc(allocator, self->ordinals, self->cap_ordinals * (int64_t)sizeof(uint32_t));
    cni_dealloc(allocator, self->rows, self->cap_rows * (int64_t)sizeof(uint32_t));
    cni_dealloc(allocator, self->ranks, self->cap_ranks * (int64_t)sizeof(uint64_t));
    if (code == CN_OK) {
        *out_run = CN_MOVE(self->out);
    }
    cni_sort_run_free(self->out);
}

/* ---- to disk ---- */

/* Packed: ranks are the new ordinals. */
static cn_code
write_items(run_merge *self, cni_spill_file *file, cn_error *err)
{
    cni_sort_range *range = &self->range;
    cni_sort_run *out = self->out;
    const int64_t n = range->n_rows;
    const int64_t first = out->n_extents;
    CN_TRY(cni_sort_grow(self->plan->allocator, &self->rows, &self->cap_rows, n,
                         (int64_t)sizeof(uint32_t), err));
    CN_TRY(cni_sort_grow(self->plan->allocator, &self->ranks, &self->cap_ranks, n,
                         (int64_t)sizeof(uint64_t), err));
    for (int64_t at = 0; at < n; at++) {
        self->rows[at] = cni_sort_range_row(range, at);
    }
    if (range->low_bits > 0) {
        cni_sort_words_extract(range->n_words, range->words, n, range->low_bits - out->ordinal_bits,
                               out->ordinal_bits, self->ranks);
        cni_sort_words_shift(range->n_words, range->low_bits, range->words, n, out->n_words,
                             out->ordinal_bits, range->words);
        cni_sort_words_insert(out->n_words, range->words, n, 0, out->ordinal_bits, self->ranks);
    }
    CN_TRY(cni_sort_packed_append(out, range->words, n, err));
    CN_TRY(cni_sort_packed_write(out, file, first, err));
    cni_sort_packed_drop(out, first);
    return CN_OK;
}

static cn_code
write_records(run_merge *self, cni_spill_file *file, cn_error *err)
{
    const cni_sort_range *range = &self->range;
    const int64_t first = self->out->n_blocks;
    CN_TRY(list_rows(self, range->n_rows, err));
    CN_TRY(cni_sort_run_append(self->out, range->keys, range->items, self->ordinals, range->n_rows,
                               err));
    CN_TRY(cni_sort_run_write_blocks(self->out, file, first, err));
    cni_sort_run_drop_blocks(self->out, first);
    return CN_OK;
}

static cn_code
write_range(run_merge *self, const cni_spill_layout *layout, cni_spill_writer *writer,
            cn_error *err)
{
    const cni_sort_range *range = &self->range;
    const int64_t n = range->n_rows;
    CN_TRY(self->plan->packed ? write_items(self, layout->file, err)
                              : write_records(self, layout->file, err));
    for (int64_t row = 0; writer != NULL && row < n; row += CNI_CHUNK_ROWS_DEFAULT) {
        CN_TRY(cni_context_check(self->plan->context, err));
        CN_TRY(cni_spill_writer_add(writer, 0, range->columns, self->rows + row,
                                    cni_min_i64(CNI_CHUNK_ROWS_DEFAULT, n - row), err));
    }
    return CN_OK;
}

static cn_code
merge_to_disk(run_merge *self, cn_error *err)
{
    CN_SCOPED(cni_spill_writer_p) writer = NULL;
    cni_spill_layout layout;
    CN_TRY(cni_sort_plan_layout(self->plan, &layout, err));
    self->out->resident = false;
    if (self->plan->n_payload > 0) {
        CN_TRY(cni_spill_writer_new(&layout, &writer, err));
    }
    for (int64_t range = 0; range < cni_sort_set_ranges(&self->set); range++) {
        CN_TRY(cni_sort_range_read(&self->range, range, 0, INT64_MAX, err));
        CN_TRY(write_range(self, &layout, writer, err));
    }
    self->out->n_bytes = 0;
    return writer == NULL ? CN_OK : cni_sort_run_take_payload(self->out, writer, err);
}

cn_code
cni_sort_merge_to_disk(cni_sort_plan *plan, cni_sort_runs *runs, int64_t first, int64_t n,
                       int64_t range_rows, cni_sort_run **out_run, cn_error *err)
{
    run_merge merge = {.plan = plan};
    cn_code code = begin(&merge, runs, first, n, range_rows, err);
    code = code == CN_OK ? merge_to_disk(&merge, err) : code;
    finish(&merge, code, out_run);
    return code;
}

/* ---- in memory ---- */

static cn_code
merge_resident(run_merge *self, int64_t n_most, cn_error *err)
{
    CN_TRY(cni_sort_range_read(&self->range, 0, 0, INT64_MAX, err));
    const int64_t n = cni_min_i64(n_most, self->range.n_rows);
    CN_TRY(list_rows(self, n, err));
    CN_TRY(cni_sort_run_append(self->out, self->range.keys, self->range.items, self->ordinals, n,
                               err));
    for (int32_t column = 0; n > 0 && column < self->plan->n_payload; column++) {
        CN_TRY(cni_sort_run_gather(self->out, column, &self->range.columns[column], self->rows, n,
                                   err));
    }
    return CN_OK;
}

cn_code
cni_sort_merge_resident(cni_sort_plan *plan, cni_sort_runs *runs, int64_t n_most,
                        cni_sort_run **out_run, cn_error *err)
{
    run_merge merge = {.plan = plan};
    cn_code code = begin(&merge, runs, 0, runs->n_items, INT64_MAX, err);
    code = code == CN_OK ? merge_resident(&merge, n_most, err) : code;
    finish(&merge, code, out_run);
    return code;
}
