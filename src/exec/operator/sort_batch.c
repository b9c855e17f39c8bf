/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's side of sorting: the keys of each chunk are written as records when it comes, payload
 * columns are kept as they are. A full batch is sorted and becomes a run, so that sorting is spread
 * over the scan; only then payload moves, once, into the run's order.
 */
#include "exec/operator/sort_int.h"

#include "base/checked.h"
#include "runtime/pressure.h"

#define PAGE_PADDING 8
/* Working memory of a row beside its record: item, scratch of sorting, place of the key. */
#define ROW_BYTES       40
#define TEST_CHUNKS     3                  /* of a run, under test_spill */
#define SHORT_RUN_BYTES (INT64_C(1) << 20) /* a batch of so much is always worth a run */

/* ---- life ---- */

static void
free_page(const cni_sort_plan *plan, cni_sort_page *page)
{
    cni_dealloc(plan->allocator, CN_MOVE(page->data), page->n_bytes);
}

static void
free_pieces(cni_sort_batch *self)
{
    for (int64_t piece = 0; piece < self->n_pages; piece++) {
        cni_chunk_done(&self->pieces[piece]);
    }
}

static void
free_pages(cni_sort_batch *self, const cni_sort_plan *plan)
{
    for (int64_t page = 0; page < self->n_pages; page++) {
        free_page(plan, &self->pages[page]);
    }
}

void
cni_sort_batch_done(cni_sort_batch *self, const cni_sort_plan *plan)
{
    cni_allocator *allocator = plan->allocator;
    free_pieces(self);
    free_pages(self, plan);
    cni_dealloc(allocator, (void *)self->keys, self->cap_keys * (int64_t)sizeof(*self->keys));
    cni_dealloc(allocator, self->items, self->cap_items * (int64_t)sizeof(*self->items));
    cni_dealloc(allocator, self->pages, self->cap_pages * (int64_t)sizeof(*self->pages));
    cni_dealloc(allocator, self->pieces, self->cap_pieces * (int64_t)sizeof(*self->pieces));
    cni_dealloc(allocator, self->sequences, self->cap_sequences * (int64_t)sizeof(int64_t));
    cni_dealloc(allocator, self->lengths, self->cap_lengths * (int64_t)sizeof(int64_t));
    *self = (cni_sort_batch){0};
}

cn_code
cni_sort_local_new(cni_sort_plan *plan, cni_sort_local **out_local, cn_error *err)
{
    cni_sort_local *self = NULL;
    CN_TRY(cni_alloc_zeroed(plan->allocator, (int64_t)sizeof(*self), &self, err));
    self->plan = plan;
    *out_local = self;
    return CN_OK;
}

void
cni_sort_local_drop_batch(cni_sort_local *self)
{
    cni_sort_batch_done(&self->batch, self->plan);
    cni_sort_packer_done(&self->packer, self->plan);
}

void
cni_sort_local_free(cni_sort_local *self)
{
    if (self != NULL) {
        cni_allocator *allocator = self->plan->allocator;
        cni_sort_local_drop_batch(self);
        cni_sort_runs_done(&self->runs, allocator);
        cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    }
}

/* ---- records ---- */

static void
collect_keys(const cni_sort_plan *plan, const cni_chunk *chunk, const cni_vector **out_keys)
{
    for (int32_t key = 0; key < plan->spec->n_orders; key++) {
        out_keys[key] = &chunk->columns[plan->spec->orders[key].position];
    }
}

static cn_code
new_page(const cni_sort_plan *plan, int64_t n_bytes, cni_sort_page *out_page, cn_error *err)
{
    n_bytes += PAGE_PADDING;
    CN_TRY(cni_alloc(plan->allocator, n_bytes, &out_page->data, err));
    out_page->n_bytes = n_bytes;
    memset(out_page->data + n_bytes - PAGE_PADDING, 0, PAGE_PADDING);
    return CN_OK;
}

static cn_code
write_fixed(cni_sort_batch *self, const cni_sort_plan *plan, const cni_vector *const *keys,
            int64_t n_rows, uint32_t ordinal, cni_sort_page *page, cn_error *err)
{
    const int32_t header_bytes = plan->header_bytes;
    const int32_t stride = header_bytes + plan->key_bytes;
    /* Behind each key the encoder zeroes the next one's header, behind the last one the padding. */
    CN_TRY(new_page(plan, n_rows * stride, page, err));
    CN_TRY(cni_sort_key_encode_fixed(plan->context->allocator, plan->keys, keys,
                                     plan->spec->n_orders, n_rows, stride,
                                     page->data + header_bytes, err));
    for (int64_t row = 0; row < n_rows; row++) {
        uint8_t *record = page->data + row * stride;
        memcpy(record, &ordinal, sizeof(ordinal));
        self->keys[self->n_rows + row] = record + header_bytes;
    }
    return CN_OK;
}

/* Lengths of the keys, and what all records take. */
static cn_code
measure_keys(cni_sort_batch *self, const cni_sort_plan *plan, const cni_vector *const *keys,
             int64_t n_rows, int64_t *out_n_bytes, cn_error *err)
{
    CN_TRY(cni_sort_grow(plan->allocator, &self->lengths, &self->cap_lengths, n_rows,
                         (int64_t)sizeof(*self->lengths), err));
    CN_TRY(cni_sort_key_lengths(plan->context->allocator, plan->keys, keys, plan->spec->n_orders,
                                n_rows, self->lengths, err));
    int64_t n_bytes = 0;
    for (int64_t row = 0; row < n_rows; row++) {
        if (self->lengths[row] > UINT32_MAX ||
            !cni_checked_add(n_bytes, self->lengths[row] + plan->header_bytes, &n_bytes)) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort key of %lld bytes",
                           (long long)self->lengths[row]);
        }
    }
    *out_n_bytes = n_bytes;
    return CN_OK;
}

static cn_code
write_varying(cni_sort_batch *self, const cni_sort_plan *plan, const cni_vector *const *keys,
              int64_t n_rows, uint32_t ordinal, cni_sort_page *page, cn_error *err)
{
    int64_t n_bytes = 0;
    CN_TRY(measure_keys(self, plan, keys, n_rows, &n_bytes, err));
    CN_TRY(new_page(plan, n_bytes, page, err));
    uint8_t *next = page->data;
    for (int64_t row = 0; row < n_rows; row++) {
        const uint32_t key_bytes = (uint32_t)self->lengths[row];
        memcpy(next, &ordinal, sizeof(ordinal));
        memcpy(next + sizeof(ordinal), &key_bytes, sizeof(key_bytes));
        next += plan->header_bytes;
        self->keys[self->n_rows + row] = next;
        self->lengths[row] = next - page->data;
        next += key_bytes;
    }
    return cni_sort_key_write(plan->context->allocator, plan->keys, keys, plan->spec->n_orders,
                              n_rows, page->data, self->lengths, err);
}

static void
add_items(cni_sort_batch *self, const cni_sort_plan *plan, int64_t n_rows)
{
    cni_sort_item *items = self->items + self->n_items;
    for (int64_t row = 0; row < n_rows; row++) {
        const uint8_t *key = self->keys[self->n_rows + row];
        const int64_t key_bytes = cni_sort_key_length(plan, key);
        items[row] = (cni_sort_item){cni_sort_word(key, key_bytes, 0),
                                     (uint32_t)(self->n_rows + row), (uint32_t)key_bytes};
    }
}

/* ---- adding ---- */

static cn_code
add_sequence(cni_sort_batch *self, const cni_sort_plan *plan, int64_t sequence, cn_error *err)
{
    if (self->n_sequences > 0 && self->sequences[self->n_sequences - 1] == sequence) {
        return CN_OK;
    }
    CN_TRY(cni_sort_grow(plan->allocator, &self->sequences, &self->cap_sequences,
                         self->n_sequences + 1, (int64_t)sizeof(int64_t), err));
    self->unordered = self->unordered ||
                      (self->n_sequences > 0 && self->sequences[self->n_sequences - 1] > sequence);
    self->sequences[self->n_sequences++] = sequence;
    return CN_OK;
}

static cn_code
make_room(cni_sort_batch *self, const cni_sort_plan *plan, int64_t n_rows, cn_error *err)
{
    cni_allocator *allocator = plan->allocator;
    if (self->n_rows + n_rows > UINT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort has too many rows in memory");
    }
    CN_TRY(cni_sort_grow(allocator, (void *)&self->keys, &self->cap_keys, self->n_rows + n_rows,
                         (int64_t)sizeof(*self->keys), err));
    CN_TRY(cni_sort_grow(allocator, &self->items, &self->cap_items, self->n_items + n_rows,
                         (int64_t)sizeof(*self->items), err));
    CN_TRY(cni_sort_grow(allocator, &self->pages, &self->cap_pages, self->n_pages + 1,
                         (int64_t)sizeof(*self->pages), err));
    return cni_sort_grow(allocator, &self->pieces, &self->cap_pieces, self->n_pages + 1,
                         (int64_t)sizeof(*self->pieces), err);
}

cn_code
cni_sort_batch_add(cni_sort_batch *self, const cni_sort_plan *plan, cni_chunk *chunk, cn_error *err)
{
    const int64_t n_rows = chunk->n_rows;
    const int64_t n_key_bytes = plan->spec->n_orders * (int64_t)sizeof(cni_vector *);
    const cni_vector **keys = NULL;
    CN_TRY(make_room(self, plan, n_rows, err));
    CN_TRY(add_sequence(self, plan, chunk->sequence, err));
    CN_TRY(cni_alloc(plan->allocator, n_key_bytes, (void *)&keys, err));
    collect_keys(plan, chunk, keys);
    cni_sort_page *page = &self->pages[self->n_pages];
    cni_chunk *piece = &self->pieces[self->n_pages];
    *page = (cni_sort_page){0};
    const uint32_t ordinal = (uint32_t)(self->n_sequences - 1);
    cn_code code = plan->key_bytes >= 0
                       ? write_fixed(self, plan, keys, n_rows, ordinal, page, err)
                       : write_varying(self, plan, keys, n_rows, ordinal, page, err);
    cni_dealloc(plan->allocator, (void *)keys, n_key_bytes);
    if (code != CN_OK) {
        free_page(plan, page);
        return code;
    }
    self->n_pages++;
    CN_TRY(cni_sort_piece_take(plan, chunk, piece, err));
    add_items(self, plan, n_rows);
    self->n_rows += n_rows;
    self->n_items += n_rows;
    self->n_bytes += page->n_bytes + n_rows * ROW_BYTES + cni_sort_piece_bytes(plan, piece);
    return CN_OK;
}

void
cni_sort_batch_drop_behind(cni_sort_batch *self, const cni_sort_plan *plan, int64_t n_last,
                           cni_str key)
{
    const int64_t first = self->n_items - n_last;
    int64_t n_kept = first;
    for (int64_t at = first; at < self->n_items; at++) {
        const cni_sort_item item = self->items[at];
        const cni_str own = {(const char *)self->keys[item.row], (int64_t)item.key_bytes};
        self->items[n_kept] = item;
        n_kept += cni_str_compare(own, key) < 0 ? 1 : 0;
    }
    self->n_items = n_kept;
    if (n_kept == first && n_last > 0) {
        cni_chunk *piece = &self->pieces[--self->n_pages];
        cni_sort_page *page = &self->pages[self->n_pages];
        self->n_rows -= piece->n_rows;
        self->n_bytes -= page->n_bytes + piece->n_rows * ROW_BYTES;
        self->n_bytes -= cni_sort_piece_bytes(plan, piece);
        cni_chunk_done(piece);
        free_page(plan, page);
    }
}

/* ---- from a batch to a run ---- */

static int64_t
batch_sequence(const void *state, uint32_t row)
{
    const cni_sort_local *local = state;
    const cni_sort_batch *self = &local->batch;
    return self->sequences[cni_sort_key_ordinal(local->plan, self->keys[row])];
}

static bool
same_key(const cni_sort_batch *self, const cni_sort_item *a, const cni_sort_item *b)
{
    return a->key_bytes == b->key_bytes &&
           memcmp(self->keys[a->row], self->keys[b->row], a->key_bytes) == 0;
}

/* Of equal keys only the first rows, as many as can matter. */
static void
drop_repeats(cni_sort_batch *self, int64_t n_most)
{
    int64_t n_kept = 0;
    int64_t n_same = 0; /* kept rows of the last key */
    for (int64_t at = 0; at < self->n_items; at++) {
        const bool same = at > 0 && same_key(self, &self->items[n_kept - 1], &self->items[at]);
        n_same = same ? n_same : 0;
        if (n_same < n_most) {
            self->items[n_kept++] = self->items[at];
            n_same++;
        }
    }
    self->n_items = n_kept;
}

static cn_code
sort_batch(cni_sort_local *local, cn_error *err)
{
    cni_sort_batch *self = &local->batch;
    cni_allocator *allocator = local->plan->allocator;
    const int64_t n_bytes = self->n_items * (int64_t)sizeof(*self->items);
    cni_sort_item *scratch = NULL;
    const cni_sort_order order = {local->plan->context, self->keys,
                                  self->unordered ? batch_sequence : NULL, local};
    CN_TRY(cni_alloc(allocator, n_bytes, &scratch, err));
    const cn_code code = cni_sort_items(&order, self->items, scratch, self->n_items, err);
    cni_dealloc(allocator, scratch, n_bytes);
    return code;
}

static cn_code
gather_payload(cni_sort_batch *self, cni_sort_run *run, cn_error *err)
{
    const cni_sort_plan *plan = run->plan;
    const int64_t n_bytes = self->n_items * (int64_t)sizeof(uint32_t);
    uint32_t *order = NULL;
    CN_TRY(cni_alloc(plan->allocator, n_bytes, &order, err));
    for (int64_t at = 0; at < self->n_items; at++) {
        order[at] = self->items[at].row;
    }
    const cn_code code =
        cni_sort_pieces_gather(self->pieces, self->n_pages, run, order, self->n_items, err);
    cni_dealloc(plan->allocator, order, n_bytes);
    return code;
}

/* The sorted batch's content moves to the run. */
static cn_code
fill_run(cni_sort_batch *self, cni_sort_run *run, cn_error *err)
{
    run->sequences = CN_MOVE(self->sequences);
    run->n_sequences = self->n_sequences;
    run->cap_sequences = self->cap_sequences;
    self->n_sequences = self->cap_sequences = 0;
    CN_TRY(cni_sort_run_append(run, self->keys, self->items, NULL, self->n_items, err));
    free_pages(self, run->plan);
    return run->plan->n_payload == 0 || self->n_items == 0 ? CN_OK : gather_payload(self, run, err);
}

/* Empty, with its arrays kept. */
static void
reset_batch(cni_sort_batch *self, const cni_sort_plan *plan)
{
    free_pieces(self);
    free_pages(self, plan);
    self->n_rows = self->n_items = self->n_pages = self->n_sequences = self->n_bytes = 0;
    self->unordered = false;
}

cn_code
cni_sort_local_close(cni_sort_local *self, int64_t n_most, cn_error *err)
{
    cni_sort_plan *plan = self->plan;
    cni_sort_batch *batch = &self->batch;
    cni_sort_run *run = NULL;
    if (plan->packed) {
        return cni_sort_packed_close(self, err);
    }
    if (batch->n_items == 0) {
        reset_batch(batch, plan);
        return CN_OK;
    }
    CN_TRY(cni_sort_local_make_way(self, batch->n_bytes, err));
    CN_TRY(sort_batch(self, err));
    if (plan->spec->first_per_key) {
        drop_repeats(batch, cni_max_i64(1, n_most));
    } else {
        batch->n_items = cni_min_i64(batch->n_items, n_most);
    }
    CN_TRY(cni_sort_run_new(plan, &run, err));
    cn_code code = fill_run(batch, run, err);
    code = code == CN_OK ? cni_sort_runs_add(&self->runs, plan->allocator, run, err) : code;
    reset_batch(batch, plan);
    if (code != CN_OK) {
        cni_sort_run_free(run);
        return code;
    }
    self->resident_bytes += run->n_bytes;
    cni_counter_add(&plan->runs, 1);
    return CN_OK;
}

static bool
is_full(const cni_sort_local *self, int64_t n_more)
{
    cni_sort_plan *plan = self->plan;
    const cni_sort_batch *batch = &self->batch;
    return plan->packed ? cni_sort_packed_is_full(self, n_more)
                        : batch->n_rows + n_more > plan->batch_rows ||
                              batch->n_bytes > cni_sort_batch_limit(plan);
}

cn_code
cni_sort_local_add(cni_sort_local *self, cni_chunk *chunk, cn_error *err)
{
    const cni_sort_plan *plan = self->plan;
    if (chunk->n_rows == 0) {
        return CN_OK;
    }
    if (is_full(self, chunk->n_rows)) {
        CN_TRY(cni_sort_local_close(self, cni_sort_rows_wanted(plan->spec), err));
    }
    return plan->packed ? cni_sort_packed_add(self, chunk, err)
                        : cni_sort_batch_add(&self->batch, plan, chunk, err);
}

/* ---- pressure ---- */

cn_code
cni_sort_local_spill(cni_sort_local *self, int64_t n_keep, cn_error *err)
{
    for (int64_t at = 0; at < self->runs.n_items && self->resident_bytes > n_keep; at++) {
        cni_sort_run *run = self->runs.items[at];
        const int64_t n_bytes = run->n_bytes;
        if (run->resident) {
            CN_TRY(cni_sort_run_write(run, self->plan, err));
            self->resident_bytes -= n_bytes;
        }
    }
    return CN_OK;
}

cn_code
cni_sort_local_make_way(cni_sort_local *self, int64_t n_bytes, cn_error *err)
{
    const cni_sort_plan *plan = self->plan;
    const int64_t left = cni_memory_left(plan->budget, plan->context);
    const bool fits = left / plan->n_workers >= n_bytes;
    return fits || self->resident_bytes == 0 || plan->context->spill == NULL
               ? CN_OK
               : cni_sort_local_spill(self, 0, err);
}

cn_code
cni_sort_local_relieve(cni_sort_local *self, cn_error *err)
{
    cni_sort_plan *plan = self->plan;
    const int64_t batch_bytes = plan->packed ? cni_sort_packed_bytes(self) : self->batch.n_bytes;
    const int64_t own_bytes = batch_bytes + self->resident_bytes;
    if (!cni_memory_should_spill(plan->budget, plan->context, own_bytes)) {
        return cni_sort_is_in_the_way(plan) ? cni_sort_local_spill(self, 0, err) : CN_OK;
    }
    /* Runs of a few rows would cost more than they free. */
    const bool worth = batch_bytes >= cni_min_i64(cni_sort_batch_limit(plan) / 2, SHORT_RUN_BYTES);
    if (plan->context->settings.test_spill) {
        if (plan->packed ? self->packer.n_chunks < TEST_CHUNKS
                         : self->batch.n_pages < TEST_CHUNKS) {
            return CN_OK;
        }
        CN_TRY(cni_sort_local_close(self, cni_sort_rows_wanted(plan->spec), err));
    } else if (worth && self->resident_bytes < own_bytes / 2) {
        CN_TRY(cni_sort_local_close(self, cni_sort_rows_wanted(plan->spec), err));
    }
    return cni_sort_local_spill(self, 0, err);
}
