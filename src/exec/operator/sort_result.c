/* SPDX-License-Identifier: Apache-2.0
 *
 * All workers' sort data as one sorted whole. First every row gets its number: pieces are put in
 * source order and counted through. Then the units run side by side: one per column, which joins
 * the pieces' vectors, and one per part of the merge, which writes row numbers.
 */
#include <stdlib.h>

#include "exec/operator/sort_merge.h"

#define PART_ROWS (1 << 16) /* parts of a merge have at least so many rows */

/* A piece in the list of all, with what orders it. */
typedef struct piece_place {
    cni_sort_piece *piece;
    int64_t sequence;
    int64_t arrival; /* pieces of a worker come in its order */
} piece_place;

static int
order_places(const void *a, const void *b)
{
    const piece_place *place_a = a;
    const piece_place *place_b = b;
    if (place_a->sequence != place_b->sequence) {
        return place_a->sequence < place_b->sequence ? -1 : 1;
    }
    return (place_a->arrival > place_b->arrival) - (place_a->arrival < place_b->arrival);
}

static int64_t
count_pieces(const cni_sort_data *data)
{
    int64_t n_pieces = 0;
    for (; data != NULL; data = data->next) {
        n_pieces += data->n_pieces;
    }
    return n_pieces;
}

/* All pieces in source order (those with sequences per row: in any). The caller frees
 * `count_pieces` of them. */
static cn_code
list_pieces(const cni_sort_result *self, piece_place **out_places, cn_error *err)
{
    const int64_t n_pieces = count_pieces(self->data);
    piece_place *places = NULL;
    CN_TRY(
        cni_alloc_array(self->plan->allocator, n_pieces, (int64_t)sizeof(*places), &places, err));
    int64_t at = 0;
    for (cni_sort_data *data = self->data; data != NULL; data = data->next) {
        for (int32_t piece = 0; piece < data->n_pieces; piece++) {
            cni_sort_piece *listed = &data->pieces[piece];
            places[at] = (piece_place){listed, listed->sequence, at};
            at++;
        }
    }
    qsort(places, (size_t)n_pieces, sizeof(*places), order_places);
    *out_places = places;
    return CN_OK;
}

static cn_code
number_rows(cni_sort_result *self, cn_error *err)
{
    const int64_t n_pieces = count_pieces(self->data);
    piece_place *places = NULL;
    CN_TRY(list_pieces(self, &places, err));
    int64_t n_rows = 0;
    for (int64_t at = 0; at < n_pieces; at++) {
        places[at].piece->first_row = n_rows;
        n_rows += places[at].piece->chunk.n_rows;
    }
    cni_dealloc(self->plan->allocator, places, n_pieces * (int64_t)sizeof(*places));
    self->n_rows = n_rows;
    if (n_rows >= UINT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort of %lld rows; the limit is %lld",
                       (long long)n_rows, (long long)UINT32_MAX - 1);
    }
    return CN_OK;
}

/* ---- ranks of rows whose pieces mix morsels ---- */

static bool
has_row_sequences(const cni_sort_data *data)
{
    for (; data != NULL; data = data->next) {
        if (data->n_pieces > 0 && data->pieces[0].row_sequences != NULL) {
            return true;
        }
    }
    return false;
}

/* One entry per row: its sequence as key, its number as row. */
static void
list_sequences(const cni_sort_result *self, cni_sort_entry *entries)
{
    for (const cni_sort_data *data = self->data; data != NULL; data = data->next) {
        for (int32_t at = 0; at < data->n_pieces; at++) {
            const cni_sort_piece *piece = &data->pieces[at];
            for (int64_t row = 0; row < piece->chunk.n_rows; row++) {
                const int64_t sequence =
                    piece->row_sequences == NULL ? piece->sequence : piece->row_sequences[row];
                const int64_t number = piece->first_row + row;
                entries[number] = (cni_sort_entry){(uint64_t)sequence, 0, (uint64_t)number};
            }
        }
    }
}

static cn_code
rank_rows(cni_sort_result *self, cn_error *err)
{
    cni_allocator *allocator = self->plan->allocator;
    const int64_t n_rows = self->n_rows;
    cni_sort_entry *entries = NULL;
    if (!has_row_sequences(self->data) || n_rows == 0) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_array(allocator, n_rows, (int64_t)sizeof(*self->ranks), &self->ranks, err));
    CN_TRY(cni_alloc_array(allocator, 2 * n_rows, (int64_t)sizeof(*entries), &entries, err));
    list_sequences(self, entries);
    cni_sort_entries(entries, entries + n_rows, n_rows, NULL, NULL);
    for (int64_t rank = 0; rank < n_rows; rank++) {
        self->ranks[entries[rank].row] = (uint32_t)rank;
    }
    cni_dealloc(allocator, entries, 2 * n_rows * (int64_t)sizeof(*entries));
    return CN_OK;
}

/* ---- life ---- */

static cn_code
list_runs(cni_sort_result *self, cn_error *err)
{
    int64_t n_runs = 0;
    for (const cni_sort_data *data = self->data; data != NULL; data = data->next) {
        n_runs += data->n_runs;
    }
    if (n_runs > INT32_MAX / 4) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort of %lld runs", (long long)n_runs);
    }
    CN_TRY(cni_alloc_array(self->plan->allocator, n_runs, (int64_t)sizeof(*self->runs), &self->runs,
                           err));
    self->n_runs = (int32_t)n_runs;
    int32_t at = 0;
    for (const cni_sort_data *data = self->data; data != NULL; data = data->next) {
        for (int32_t run = 0; run < data->n_runs; run++) {
            self->runs[at++] =
                (cni_merge_run){data, data->runs[run].entries, data->runs[run].n_entries};
        }
    }
    return CN_OK;
}

/* Rows that the merge has to write: all, or the first of a top-N. */
static int64_t
count_ordered(const cni_sort_result *self)
{
    const cni_phys_sort *spec = self->plan->spec;
    int64_t n_entries = 0;
    int64_t end = 0;
    for (int32_t run = 0; run < self->n_runs; run++) {
        n_entries += self->runs[run].n_entries;
    }
    if (spec->first_per_key || spec->limit == CNI_NO_LIMIT ||
        __builtin_add_overflow(spec->limit, spec->offset, &end)) {
        return n_entries;
    }
    return cni_min_i64(end, n_entries);
}

cn_code
cni_sort_result_init(cni_sort_result *self, const cni_sort_plan *plan, cni_sort_data *own_data,
                     int32_t n_parts, cn_error *err)
{
    *self = (cni_sort_result){.plan = plan, .data = own_data};
    CN_TRY(number_rows(self, err));
    CN_TRY(rank_rows(self, err));
    CN_TRY(list_runs(self, err));
    self->n_ordered = count_ordered(self);
    self->n_parts =
        self->n_ordered == 0
            ? 0
            : (int32_t)cni_max_i64(1, cni_min_i64(n_parts, self->n_ordered / PART_ROWS));
    self->cap_order = self->n_ordered;
    CN_TRY(cni_alloc_array(plan->allocator, self->cap_order, (int64_t)sizeof(*self->order),
                           &self->order, err));
    return cni_alloc_zeroed(plan->allocator,
                            plan->spec->n_outputs * (int64_t)sizeof(*self->columns), &self->columns,
                            err);
}

static void
free_inputs(cni_sort_result *self)
{
    cni_allocator *allocator = self->plan->allocator;
    cni_sort_data_free_all(CN_MOVE(self->data));
    cni_dealloc(allocator, self->ranks, self->n_rows * (int64_t)sizeof(*self->ranks));
    cni_dealloc(allocator, self->runs, self->n_runs * (int64_t)sizeof(*self->runs));
    self->ranks = NULL;
    self->runs = NULL;
    self->n_runs = 0;
}

void
cni_sort_result_done(cni_sort_result *self)
{
    if (self->plan == NULL) {
        return;
    }
    cni_allocator *allocator = self->plan->allocator;
    const int32_t n_outputs = self->plan->spec->n_outputs;
    free_inputs(self);
    for (int32_t column = 0; self->columns != NULL && column < n_outputs; column++) {
        cni_vector_done(&self->columns[column]);
    }
    cni_dealloc(allocator, self->columns, n_outputs * (int64_t)sizeof(*self->columns));
    cni_dealloc(allocator, self->order, self->cap_order * (int64_t)sizeof(*self->order));
    *self = (cni_sort_result){0};
}

/* ---- units ---- */

int32_t
cni_sort_result_units(const cni_sort_result *self)
{
    return self->n_rows == 0 ? 0 : self->plan->spec->n_outputs + self->n_parts;
}

static cn_code
join_column(cni_sort_result *self, int32_t column, cn_error *err)
{
    cni_allocator *allocator = self->plan->allocator;
    const int64_t n_pieces = count_pieces(self->data);
    const cni_vector **parts = NULL;
    piece_place *places = NULL;
    CN_TRY(list_pieces(self, &places, err));
    cn_code code = cni_alloc(allocator, n_pieces * (int64_t)sizeof(*parts), (void *)&parts, err);
    for (int64_t at = 0; code == CN_OK && at < n_pieces; at++) {
        parts[at] = &places[at].piece->chunk.columns[column];
    }
    if (code == CN_OK) {
        code = cni_vector_concat(allocator, parts, (int32_t)n_pieces, &self->columns[column], err);
        cni_dealloc(allocator, (void *)parts, n_pieces * (int64_t)sizeof(*parts));
    }
    for (int64_t at = 0; code == CN_OK && at < n_pieces; at++) {
        cni_vector_done(&places[at].piece->chunk.columns[column]); /* its memory is free again */
    }
    cni_dealloc(allocator, places, n_pieces * (int64_t)sizeof(*places));
    return code;
}

cn_code
cni_sort_result_work(cni_sort_result *self, int32_t unit, cn_error *err)
{
    const int32_t n_outputs = self->plan->spec->n_outputs;
    CN_TRY(cni_context_check(self->plan->context, err));
    if (unit < n_outputs) {
        return join_column(self, unit, err);
    }
    const int32_t part = unit - n_outputs;
    const int64_t first = self->n_ordered * part / self->n_parts;
    const int64_t end = self->n_ordered * (part + 1) / self->n_parts;
    return cni_merge_part(self, first, end, err);
}

cn_code
cni_sort_result_settle(cni_sort_result *self, cn_error *err)
{
    if (self->plan->spec->first_per_key) {
        CN_TRY(cni_merge_unique(self, err));
    }
    free_inputs(self);
    return CN_OK;
}
