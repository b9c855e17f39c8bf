/* SPDX-License-Identifier: Apache-2.0
 *
 * Packed sorts, a worker's side: keys become items in the layout known so far, which is widened and
 * the batch with it when a chunk has other values; a full batch is sorted by its items alone and
 * becomes a run of images, which is written out as it is when there is no room.
 *
 *   batch item  [key][row u32 if there is payload]
 *   run item    [key][ordinal of the sequence if there is payload]
 *
 * Rows of equal keys and no payload are all the same, so nothing is kept of where they come from.
 */
#include "exec/operator/sort_int.h"

#include <stdlib.h>

#define ROW_BITS  32
#define ROW_MASK  UINT64_C(0xFFFFFFFF)
#define ROW_BYTES 4 /* of the order in which payload is gathered */

static int32_t
low_bits_of(const cni_sort_plan *plan)
{
    return plan->n_payload > 0 ? ROW_BITS : 0;
}

/* ---- batches ---- */

void
cni_sort_packer_done(cni_sort_packer *self, const cni_sort_plan *plan)
{
    cni_allocator *allocator = plan->allocator;
    for (int64_t piece = 0; piece < self->n_pieces; piece++) {
        cni_chunk_done(&self->pieces[piece]);
    }
    cni_dealloc(allocator, self->items, self->cap_words * (int64_t)sizeof(*self->items));
    cni_dealloc(allocator, self->scratch, self->cap_scratch * (int64_t)sizeof(*self->scratch));
    cni_dealloc(allocator, self->pieces, self->cap_pieces * (int64_t)sizeof(*self->pieces));
    cni_dealloc(allocator, self->sequences,
                self->cap_sequences * (int64_t)sizeof(*self->sequences));
    cni_sort_values_done(&self->values, &plan->lanes, allocator);
    *self = (cni_sort_packer){0};
}

/* Empty, with its arrays kept. */
static void
reset(cni_sort_packer *self)
{
    for (int64_t piece = 0; piece < self->n_pieces; piece++) {
        cni_chunk_done(&self->pieces[piece]);
    }
    self->n_rows = self->n_chunks = self->n_pieces = self->payload_bytes = 0;
    self->unordered = false;
}

int64_t
cni_sort_packed_bytes(const cni_sort_local *self)
{
    const cni_sort_packer *packer = &self->packer;
    const int64_t row_bytes = 2 * packer->n_words * (int64_t)sizeof(uint64_t) +
                              (self->plan->n_payload > 0 ? ROW_BYTES : 0);
    return packer->n_rows * row_bytes + packer->payload_bytes;
}

bool
cni_sort_packed_is_full(const cni_sort_local *self, int64_t n_more)
{
    return self->packer.n_rows + n_more > self->plan->batch_rows ||
           cni_sort_packed_bytes(self) > cni_sort_batch_limit(self->plan);
}

static void
number_rows(uint64_t *items, int32_t n_words, int64_t n, int64_t first)
{
    uint64_t *last = items + n_words - 1;
    for (int64_t row = 0; row < n; row++) {
        last[row * n_words] |= (uint64_t)(first + row);
    }
}

/* Kept with the batch: large blocks that come and go would leave holes behind. */
static cn_code
make_scratch(cni_sort_packer *self, const cni_sort_plan *plan, int64_t n_words, cn_error *err)
{
    if (n_words > self->cap_scratch) {
        cni_dealloc(plan->allocator, CN_MOVE(self->scratch),
                    self->cap_scratch * (int64_t)sizeof(*self->scratch));
        self->cap_scratch = 0;
        n_words = cni_max_i64(n_words, self->cap_words);
        CN_TRY(cni_alloc_array(plan->allocator, n_words, (int64_t)sizeof(*self->scratch),
                               &self->scratch, err));
        self->cap_scratch = n_words;
    }
    return CN_OK;
}

static void
swap_scratch(cni_sort_packer *self)
{
    uint64_t *items = self->items;
    const int64_t cap_words = self->cap_words;
    self->items = self->scratch;
    self->cap_words = self->cap_scratch;
    self->scratch = items;
    self->cap_scratch = cap_words;
}

/* The batch in the plan's layout. */
static cn_code
change_layout(cni_sort_local *local, const cni_sort_layout *wider, cn_error *err)
{
    cni_sort_packer *self = &local->packer;
    const cni_sort_plan *plan = local->plan;
    const int32_t low_bits = low_bits_of(plan);
    const int32_t n_words = cni_sort_layout_words(wider, low_bits);
    if (self->n_rows > 0) {
        const cni_sort_form from = {&self->layout, low_bits, self->n_words};
        const cni_sort_form to = {wider, low_bits, n_words};
        CN_TRY(make_scratch(self, plan, self->n_rows * n_words, err));
        cni_sort_layout_change(&plan->lanes, from, self->items, self->n_rows, to, self->scratch);
        if (low_bits > 0) {
            number_rows(self->scratch, n_words, self->n_rows, 0);
        }
        swap_scratch(self);
    }
    self->layout = *wider;
    self->n_words = n_words;
    return CN_OK;
}

/* The plan's layout covers what it did before and the values. */
static cn_code
widen(cni_sort_local *local, cn_error *err)
{
    cni_sort_plan *plan = local->plan;
    cni_mutex_lock(&plan->mutex);
    cni_sort_layout_widen(&plan->layout, &plan->lanes, &local->packer.values);
    const cni_sort_layout wider = plan->layout;
    cni_mutex_unlock(&plan->mutex);
    return change_layout(local, &wider, err);
}

/* A batch begins with what the others know. */
static void
adopt_layout(cni_sort_local *local)
{
    cni_sort_plan *plan = local->plan;
    cni_mutex_lock(&plan->mutex);
    local->packer.layout = plan->layout;
    cni_mutex_unlock(&plan->mutex);
    local->packer.n_words = cni_sort_layout_words(&local->packer.layout, low_bits_of(plan));
}

static cn_code
keep_payload(cni_sort_local *local, cni_chunk *chunk, cn_error *err)
{
    cni_sort_packer *self = &local->packer;
    const cni_sort_plan *plan = local->plan;
    const int64_t at = self->n_pieces;
    CN_TRY(cni_sort_grow(plan->allocator, &self->pieces, &self->cap_pieces, at + 1,
                         (int64_t)sizeof(*self->pieces), err));
    CN_TRY(cni_sort_grow(plan->allocator, &self->sequences, &self->cap_sequences, at + 1,
                         (int64_t)sizeof(*self->sequences), err));
    self->n_pieces++;
    self->sequences[at] = chunk->sequence;
    self->unordered = self->unordered || (at > 0 && self->sequences[at - 1] > chunk->sequence);
    CN_TRY(cni_sort_piece_take(plan, chunk, &self->pieces[at], err));
    self->payload_bytes += cni_sort_piece_bytes(plan, &self->pieces[at]);
    return CN_OK;
}

static cn_code
load_values(cni_sort_local *local, const cni_chunk *chunk, cn_error *err)
{
    const cni_sort_plan *plan = local->plan;
    const cni_vector **keys = NULL;
    const int64_t n_bytes = plan->spec->n_orders * (int64_t)sizeof(*keys);
    CN_TRY(cni_alloc(plan->allocator, n_bytes, (void *)&keys, err));
    for (int32_t key = 0; key < plan->spec->n_orders; key++) {
        keys[key] = &chunk->columns[plan->spec->orders[key].position];
    }
    const cn_code code = cni_sort_values_load(&local->packer.values, &plan->lanes, plan->allocator,
                                              keys, chunk->n_rows, err);
    cni_dealloc(plan->allocator, (void *)keys, n_bytes);
    return code;
}

cn_code
cni_sort_packed_add(cni_sort_local *local, cni_chunk *chunk, cn_error *err)
{
    cni_sort_packer *self = &local->packer;
    const cni_sort_plan *plan = local->plan;
    const int64_t n_rows = chunk->n_rows;
    if (self->n_rows == 0) {
        adopt_layout(local);
    }
    if (self->n_rows + n_rows > UINT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort has too many rows in memory");
    }
    CN_TRY(load_values(local, chunk, err));
    if (!cni_sort_layout_covers(&self->layout, &plan->lanes, &self->values)) {
        CN_TRY(widen(local, err));
    }
    CN_TRY(cni_sort_grow(plan->allocator, &self->items, &self->cap_words,
                         (self->n_rows + n_rows) * self->n_words, (int64_t)sizeof(*self->items),
                         err));
    if (plan->n_payload > 0) {
        CN_TRY(keep_payload(local, chunk, err));
    }
    uint64_t *items = self->items + self->n_rows * self->n_words;
    cni_sort_layout_pack(&self->layout, &plan->lanes, &self->values, low_bits_of(plan),
                         self->n_words, items);
    if (plan->n_payload > 0) {
        number_rows(items, self->n_words, n_rows, self->n_rows);
    }
    self->n_rows += n_rows;
    self->n_chunks++;
    return CN_OK;
}

/* ---- source order ---- */

typedef struct piece_place {
    int64_t sequence;
    int64_t piece;
    int64_t first_row;
} piece_place;

static int
order_pieces(const void *a, const void *b)
{
    const piece_place *place_a = a;
    const piece_place *place_b = b;
    if (place_a->sequence != place_b->sequence) {
        return place_a->sequence < place_b->sequence ? -1 : 1;
    }
    return (place_a->piece > place_b->piece) - (place_a->piece < place_b->piece);
}

/* Numbers of rows follow the places; items are still as they came. */
static void
move_pieces(cni_sort_packer *self, const piece_place *places, cni_chunk *pieces)
{
    int64_t row = 0;
    memcpy(pieces, self->pieces, (size_t)self->n_pieces * sizeof(*pieces));
    for (int64_t at = 0; at < self->n_pieces; at++) {
        uint64_t *last = self->items + (places[at].first_row + 1) * self->n_words - 1;
        self->pieces[at] = pieces[places[at].piece];
        self->sequences[at] = places[at].sequence;
        for (int64_t n = self->pieces[at].n_rows; n > 0; n--) {
            *last = (*last & ~ROW_MASK) | (uint64_t)row++;
            last += self->n_words;
        }
    }
}

/* Pieces, and the numbers of their rows, in source order. */
static cn_code
put_in_order(cni_sort_packer *self, cni_allocator *allocator, cn_error *err)
{
    const int64_t n = self->n_pieces;
    const int64_t n_place_bytes = n * (int64_t)sizeof(piece_place);
    const int64_t n_piece_bytes = n * (int64_t)sizeof(cni_chunk);
    piece_place *places = NULL;
    cni_chunk *pieces = NULL;
    CN_TRY(cni_alloc(allocator, n_place_bytes, &places, err));
    const cn_code code = cni_alloc(allocator, n_piece_bytes, &pieces, err);
    if (code == CN_OK) {
        int64_t row = 0;
        for (int64_t piece = 0; piece < n; piece++) {
            places[piece] = (piece_place){self->sequences[piece], piece, row};
            row += self->pieces[piece].n_rows;
        }
        qsort(places, (size_t)n, sizeof(*places), order_pieces);
        move_pieces(self, places, pieces);
        cni_dealloc(allocator, pieces, n_piece_bytes);
    }
    cni_dealloc(allocator, places, n_place_bytes);
    return code;
}

/* ---- from a batch to a run ---- */

static cn_code
sort_items(cni_sort_local *local, cn_error *err)
{
    cni_sort_packer *self = &local->packer;
    const cni_sort_plan *plan = local->plan;
    CN_TRY(make_scratch(self, plan, self->n_rows * self->n_words, err));
    return cni_sort_words(plan->context, self->n_words, self->items, self->scratch, self->n_rows,
                          err);
}

/* The sequences of the pieces, each once, with the row that each begins with. */
static cn_code
take_sequences(const cni_sort_packer *self, cni_sort_run *run, int64_t *out_firsts, cn_error *err)
{
    int64_t row = 0;
    CN_TRY(cni_sort_grow(run->plan->allocator, &run->sequences, &run->cap_sequences, self->n_pieces,
                         (int64_t)sizeof(*run->sequences), err));
    for (int64_t piece = 0; piece < self->n_pieces; piece++) {
        if (piece == 0 || self->sequences[piece] != run->sequences[run->n_sequences - 1]) {
            out_firsts[run->n_sequences] = row;
            run->sequences[run->n_sequences++] = self->sequences[piece];
        }
        row += self->pieces[piece].n_rows;
    }
    return CN_OK;
}

static uint64_t
ordinal_of(const int64_t *firsts, int64_t n, int64_t row)
{
    int64_t low = 0;
    while (n - low > 1) {
        const int64_t middle = low + (n - low) / 2;
        if (firsts[middle] <= row) {
            low = middle;
        } else {
            n = middle;
        }
    }
    return (uint64_t)low;
}

/* Ordinals take the place of rows, which are noted in `order`. */
static void
set_ordinals(cni_sort_packer *self, cni_sort_run *run, const int64_t *firsts, uint32_t *order)
{
    const int32_t n_words = self->n_words;
    for (int64_t at = 0; at < self->n_rows; at++) {
        order[at] = (uint32_t)self->items[(at + 1) * n_words - 1];
    }
    run->ordinal_bits = cni_sort_bit_width((uint64_t)(run->n_sequences - 1));
    run->n_words = cni_sort_layout_words(&run->layout, run->ordinal_bits);
    cni_sort_words_shift(n_words, ROW_BITS, self->items, self->n_rows, run->n_words,
                         run->ordinal_bits, self->items);
    for (int64_t at = 0; at < self->n_rows && run->n_sequences > 1; at++) {
        self->items[(at + 1) * run->n_words - 1] |= ordinal_of(firsts, run->n_sequences, order[at]);
    }
}

static cn_code
fill_with_payload(cni_sort_packer *self, cni_sort_run *run, int64_t *firsts, uint32_t *order,
                  cn_error *err)
{
    CN_TRY(take_sequences(self, run, firsts, err));
    set_ordinals(self, run, firsts, order);
    CN_TRY(cni_sort_packed_append(run, self->items, self->n_rows, err));
    return cni_sort_pieces_gather(self->pieces, self->n_pieces, run, order, self->n_rows, err);
}

static cn_code
fill_run(cni_sort_packer *self, cni_sort_run *run, cn_error *err)
{
    cni_allocator *allocator = run->plan->allocator;
    const int64_t n_first_bytes = self->n_pieces * (int64_t)sizeof(int64_t);
    const int64_t n_order_bytes = self->n_rows * (int64_t)sizeof(uint32_t);
    int64_t *firsts = NULL;
    uint32_t *order = NULL;
    run->layout = self->layout;
    run->n_words = self->n_words;
    if (run->plan->n_payload == 0) {
        return cni_sort_packed_append(run, self->items, self->n_rows, err);
    }
    CN_TRY(cni_alloc(allocator, n_first_bytes, &firsts, err));
    cn_code code = cni_alloc(allocator, n_order_bytes, &order, err);
    if (code == CN_OK) {
        code = fill_with_payload(self, run, firsts, order, err);
        cni_dealloc(allocator, order, n_order_bytes);
    }
    cni_dealloc(allocator, firsts, n_first_bytes);
    return code;
}

cn_code
cni_sort_packed_close(cni_sort_local *self, cn_error *err)
{
    cni_sort_plan *plan = self->plan;
    cni_sort_packer *packer = &self->packer;
    cni_sort_run *run = NULL;
    if (packer->n_rows == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sort_local_make_way(self, cni_sort_packed_bytes(self), err));
    if (packer->unordered) {
        CN_TRY(put_in_order(packer, plan->allocator, err));
    }
    CN_TRY(sort_items(self, err));
    CN_TRY(cni_sort_run_new(plan, &run, err));
    cn_code code = fill_run(packer, run, err);
    code = code == CN_OK ? cni_sort_runs_add(&self->runs, plan->allocator, run, err) : code;
    reset(packer);
    if (code != CN_OK) {
        cni_sort_run_free(run);
        return code;
    }
    self->resident_bytes += run->n_bytes;
    cni_counter_add(&plan->runs, 1);
    return CN_OK;
}
