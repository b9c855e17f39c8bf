/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's side of sorting: keys of each chunk are encoded as it comes, its columns are kept as
 * they are. Entries gather in an open run, which is sorted when it is full, so that sorting is
 * spread over the scan and works in the cache.
 */
#include "exec/operator/sort_data.h"

#include "base/checked.h"

#define RUN_ROWS        (INT64_C(1) << 18) /* 6 MiB of entries */
#define SHORT_KEY_BYTES 16
#define SHRINK_ROWS     (INT64_C(1) << 16)

/* ---- plan ---- */

cn_code
cni_sort_plan_init(cni_sort_plan *self, const cni_phys_sort *spec, cni_context *context,
                   cni_allocator *allocator, cn_error *err)
{
    *self = (cni_sort_plan){.spec = spec, .allocator = allocator, .context = context};
    CN_TRY(
        cni_alloc_array(allocator, spec->n_orders, (int64_t)sizeof(*self->keys), &self->keys, err));
    for (int32_t key = 0; key < spec->n_orders; key++) {
        const cni_phys_order *order = &spec->orders[key];
        self->keys[key] = (cni_sort_spec){.type = spec->input_types[order->position],
                                          .descending = order->descending,
                                          .nulls_first = order->nulls_first,
                                          .nullable = order->nullable};
    }
    self->key_bytes = cni_sort_key_fixed_bytes(self->keys, spec->n_orders);
    self->key_bytes = self->key_bytes > SHORT_KEY_BYTES ? -1 : self->key_bytes;
    return CN_OK;
}

void
cni_sort_plan_done(cni_sort_plan *self)
{
    if (self->keys != NULL) {
        cni_dealloc(self->allocator, self->keys,
                    self->spec->n_orders * (int64_t)sizeof(*self->keys));
        self->keys = NULL;
    }
}

/* ---- life ---- */

cn_code
cni_sort_data_new(const cni_sort_plan *plan, cni_sort_data **out_data, cn_error *err)
{
    cni_sort_data *self = NULL;
    CN_TRY(cni_alloc_zeroed(plan->allocator, (int64_t)sizeof(*self), &self, err));
    self->plan = plan;
    *out_data = self;
    return CN_OK;
}

static void
piece_done(const cni_sort_data *self, cni_sort_piece *piece)
{
    cni_allocator *allocator = self->plan->allocator;
    const int64_t n_rows = piece->chunk.n_rows;
    cni_dealloc(allocator, piece->row_sequences, n_rows * (int64_t)sizeof(int64_t));
    cni_dealloc(allocator, piece->key_offsets, (n_rows + 1) * (int64_t)sizeof(int64_t));
    cni_buffer_unref(piece->keys);
    cni_chunk_done(&piece->chunk);
    *piece = (cni_sort_piece){0};
}

static void
run_done(const cni_sort_data *self, cni_sort_run *run)
{
    cni_dealloc(self->plan->allocator, run->entries,
                run->cap_entries * (int64_t)sizeof(*run->entries));
    *run = (cni_sort_run){0};
}

static void
drop_scratch(cni_sort_data *self)
{
    cni_dealloc(self->plan->allocator, self->scratch,
                self->cap_scratch * (int64_t)sizeof(*self->scratch));
    self->scratch = NULL;
    self->cap_scratch = 0;
}

void
cni_sort_data_free(cni_sort_data *self)
{
    if (self == NULL) {
        return;
    }
    cni_allocator *allocator = self->plan->allocator;
    for (int32_t piece = 0; piece < self->n_pieces; piece++) {
        piece_done(self, &self->pieces[piece]);
    }
    for (int32_t run = 0; run < self->n_runs; run++) {
        run_done(self, &self->runs[run]);
    }
    cni_dealloc(allocator, self->pieces, self->cap_pieces * (int64_t)sizeof(*self->pieces));
    cni_dealloc(allocator, self->runs, self->cap_runs * (int64_t)sizeof(*self->runs));
    cni_dealloc(allocator, self->fixed_keys, self->cap_fixed_keys);
    drop_scratch(self);
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
}

void
cni_sort_data_free_all(cni_sort_data *first)
{
    while (first != NULL) {
        cni_sort_data *next = first->next;
        cni_sort_data_free(first);
        first = next;
    }
}

/* ---- room ---- */

/* Room for n items in a block of them; doubles. */
static cn_code
grow(cni_allocator *allocator, void *inout_block, int64_t *inout_cap, int64_t n, int64_t item_bytes,
     cn_error *err)
{
    if (n <= *inout_cap) {
        return CN_OK;
    }
    int64_t n_bytes = 0;
    const int64_t cap = cni_max_i64(n, 2 * *inout_cap);
    if (!cni_checked_mul(cap, item_bytes, &n_bytes)) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort has too many rows");
    }
    CN_TRY(cni_realloc(allocator, inout_block, *inout_cap * item_bytes, n_bytes, err));
    *inout_cap = cap;
    return CN_OK;
}

static cn_code
grow_i32(cni_allocator *allocator, void *inout_block, int32_t *inout_cap, int64_t n,
         int64_t item_bytes, cn_error *err)
{
    int64_t cap = *inout_cap;
    if (n > INT32_MAX / 2) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort has too many chunks");
    }
    CN_TRY(grow(allocator, inout_block, &cap, n, item_bytes, err));
    *inout_cap = (int32_t)cap;
    return CN_OK;
}

static cn_code
open_run(cni_sort_data *self, cn_error *err)
{
    CN_TRY(grow_i32(self->plan->allocator, &self->runs, &self->cap_runs, (int64_t)self->n_runs + 1,
                    (int64_t)sizeof(*self->runs), err));
    self->runs[self->n_runs++] = (cni_sort_run){0};
    return CN_OK;
}

/* ---- adding ---- */

static void
collect_keys(const cni_sort_plan *plan, const cni_chunk *chunk, const cni_vector **out_keys)
{
    for (int32_t key = 0; key < plan->spec->n_orders; key++) {
        out_keys[key] = &chunk->columns[plan->spec->orders[key].position];
    }
}

static cn_code
add_short_keys(cni_sort_data *self, const cni_vector *const *keys, int64_t n_rows,
               cni_sort_entry *out_entries, cn_error *err)
{
    const cni_sort_plan *plan = self->plan;
    CN_TRY(grow(plan->allocator, &self->fixed_keys, &self->cap_fixed_keys, n_rows * SHORT_KEY_BYTES,
                1, err));
    CN_TRY(cni_sort_key_encode_fixed(plan->context->allocator, plan->keys, keys,
                                     plan->spec->n_orders, n_rows, SHORT_KEY_BYTES,
                                     self->fixed_keys, err));
    for (int64_t row = 0; row < n_rows; row++) {
        const uint8_t *key = self->fixed_keys + row * SHORT_KEY_BYTES;
        memcpy(&out_entries[row].high, key, 8);
        memcpy(&out_entries[row].low, key + 8, 8);
        out_entries[row].high = __builtin_bswap64(out_entries[row].high);
        out_entries[row].low = __builtin_bswap64(out_entries[row].low);
        out_entries[row].row = 0;
    }
    return CN_OK;
}

static cn_code
add_long_keys(cni_sort_data *self, const cni_vector *const *keys, int64_t n_rows,
              cni_sort_piece *piece, cni_sort_entry *out_entries, cn_error *err)
{
    const cni_sort_plan *plan = self->plan;
    int64_t n_bytes = 0;
    CN_TRY(cni_alloc_array(plan->allocator, n_rows + 1, (int64_t)sizeof(int64_t),
                           &piece->key_offsets, err));
    CN_TRY(cni_sort_key_encode(plan->allocator, plan->keys, keys, plan->spec->n_orders, n_rows,
                               &piece->keys, &n_bytes, piece->key_offsets, err));
    for (int64_t row = 0; row < n_rows; row++) {
        const int64_t key_bytes = piece->key_offsets[row + 1] - piece->key_offsets[row];
        cni_sort_entry_prefix(&out_entries[row], piece->keys->data + piece->key_offsets[row],
                              key_bytes);
        out_entries[row].row = key_bytes > SHORT_KEY_BYTES ? CNI_SORT_LONG : 0;
    }
    return CN_OK;
}

cni_str
cni_sort_data_key(const void *data, const cni_sort_entry *entry)
{
    const cni_sort_data *self = data;
    const cni_sort_piece *piece = &self->pieces[cni_sort_entry_piece(entry)];
    const int64_t row = cni_sort_entry_row(entry);
    const uint8_t *key = piece->keys->data + piece->key_offsets[row];
    return (cni_str){(const char *)key, piece->key_offsets[row + 1] - piece->key_offsets[row]};
}

/* Room for n_rows entries in the open run; *out_entries = where they go. */
static cn_code
reserve_entries(cni_sort_data *self, int64_t n_rows, cni_sort_entry **out_entries, cn_error *err)
{
    if (self->n_runs == 0 || self->runs[self->n_runs - 1].n_entries + n_rows > RUN_ROWS) {
        CN_TRY(cni_sort_data_close_run(self, err));
        CN_TRY(open_run(self, err));
    }
    cni_sort_run *run = &self->runs[self->n_runs - 1];
    CN_TRY(grow(self->plan->allocator, &run->entries, &run->cap_entries, run->n_entries + n_rows,
                (int64_t)sizeof(*run->entries), err));
    *out_entries = run->entries + run->n_entries;
    return CN_OK;
}

/* The output columns move into the piece. */
static cn_code
keep_columns(const cni_sort_data *self, cni_chunk *chunk, cni_sort_piece *piece, cn_error *err)
{
    const int32_t n_outputs = self->plan->spec->n_outputs;
    const cn_code code = cni_chunk_set_columns(&piece->chunk, n_outputs, err);
    piece->chunk.n_rows = chunk->n_rows; /* which the call has reset */
    CN_TRY(code);
    for (int32_t column = 0; column < n_outputs; column++) {
        cni_vector_move(&piece->chunk.columns[column], &chunk->columns[column]);
    }
    return CN_OK;
}

static cn_code
fill_piece(cni_sort_data *self, cni_chunk *chunk, cni_sort_piece *piece, cn_error *err)
{
    const cni_sort_plan *plan = self->plan;
    const int64_t n_rows = chunk->n_rows;
    const int64_t n_key_bytes = plan->spec->n_orders * (int64_t)sizeof(cni_vector *);
    cni_sort_entry *entries = NULL;
    const cni_vector **keys = NULL;
    piece->chunk.n_rows = n_rows;
    piece->sequence = chunk->sequence;
    CN_TRY(reserve_entries(self, n_rows, &entries, err));
    CN_TRY(cni_alloc(plan->allocator, n_key_bytes, (void *)&keys, err));
    collect_keys(plan, chunk, keys);
    const cn_code code = plan->key_bytes >= 0
                             ? add_short_keys(self, keys, n_rows, entries, err)
                             : add_long_keys(self, keys, n_rows, piece, entries, err);
    cni_dealloc(plan->allocator, (void *)keys, n_key_bytes);
    CN_TRY(code);
    const uint64_t first = (uint64_t)(piece - self->pieces) << 16;
    for (int64_t row = 0; row < n_rows; row++) {
        entries[row].row |= first | (uint64_t)row;
    }
    CN_TRY(keep_columns(self, chunk, piece, err));
    self->runs[self->n_runs - 1].n_entries += n_rows;
    self->n_entries += n_rows;
    self->n_rows += n_rows;
    return CN_OK;
}

cn_code
cni_sort_data_add(cni_sort_data *self, cni_chunk *chunk, cn_error *err)
{
    if (chunk->n_rows == 0) {
        return CN_OK;
    }
    CN_TRY(grow_i32(self->plan->allocator, &self->pieces, &self->cap_pieces,
                    (int64_t)self->n_pieces + 1, (int64_t)sizeof(*self->pieces), err));
    cni_sort_piece *piece = &self->pieces[self->n_pieces++];
    *piece = (cni_sort_piece){0};
    cni_chunk_init(&piece->chunk, self->plan->allocator);
    return fill_piece(self, chunk, piece, err);
}

static bool
same_key(const cni_sort_data *self, const cni_sort_entry *a, const cni_sort_entry *b)
{
    if (cni_sort_entry_compare(a, b) != 0) {
        return false;
    }
    return (a->row & CNI_SORT_LONG) == 0 ||
           cni_str_compare(cni_sort_data_key(self, a), cni_sort_data_key(self, b)) == 0;
}

/* Of equal keys in a sorted run only the first rows, which came first, as many as can matter. */
static void
drop_repeats(cni_sort_data *self, cni_sort_run *run)
{
    const int64_t n_most = cni_sort_rows_per_key(self->plan->spec);
    int64_t n_kept = 0;
    int64_t n_same = 0; /* kept rows of the last key */
    for (int64_t at = 0; at < run->n_entries; at++) {
        const bool same = at > 0 && same_key(self, &run->entries[n_kept - 1], &run->entries[at]);
        n_same = same ? n_same : 0;
        if (n_same < n_most) {
            run->entries[n_kept++] = run->entries[at];
            n_same++;
        }
    }
    self->n_entries -= run->n_entries - n_kept;
    run->n_entries = n_kept;
}

cn_code
cni_sort_data_close_run(cni_sort_data *self, cn_error *err)
{
    if (self->n_runs == 0) {
        return CN_OK;
    }
    cni_sort_run *run = &self->runs[self->n_runs - 1];
    CN_TRY(grow(self->plan->allocator, &self->scratch, &self->cap_scratch, run->n_entries,
                (int64_t)sizeof(*self->scratch), err));
    cni_sort_entries(run->entries, self->scratch, run->n_entries,
                     self->plan->key_bytes >= 0 ? NULL : cni_sort_data_key, self);
    if (self->plan->spec->first_per_key && cni_sort_rows_per_key(self->plan->spec) > 0) {
        drop_repeats(self, run);
    }
    return CN_OK;
}

/* ---- pruning ---- */

void
cni_sort_data_drop_behind(cni_sort_data *self, int64_t n_last, int64_t place)
{
    const cni_sort_entry *bound = &self->runs[0].entries[place];
    cni_sort_run *run = &self->runs[self->n_runs - 1];
    const int64_t first = run->n_entries - n_last;
    int64_t n_kept = first;
    for (int64_t at = first; at < run->n_entries; at++) {
        int order = cni_sort_entry_compare(&run->entries[at], bound);
        if (order == 0 && (bound->row & CNI_SORT_LONG) != 0) {
            order = cni_str_compare(cni_sort_data_key(self, &run->entries[at]),
                                    cni_sort_data_key(self, bound));
        }
        run->entries[n_kept] = run->entries[at];
        n_kept += order < 0 ? 1 : 0;
    }
    self->n_entries -= run->n_entries - n_kept;
    run->n_entries = n_kept;
    if (n_kept == first && n_last > 0) {
        cni_sort_piece *piece = &self->pieces[--self->n_pieces];
        self->n_rows -= piece->chunk.n_rows;
        piece_done(self, piece);
    }
}

/* One new piece being put together from rows of old ones. */
typedef struct prune_build {
    cni_sort_data *from;
    const cni_sort_entry *entries; /* by row */
    int64_t n_entries;
    cni_sort_data *to;
    uint32_t rows[CNI_CHUNK_ROWS_MAX];
} prune_build;

/* Rows of one old piece, entries [begin, end): a vector of them for a column. */
static cn_code
take_rows(prune_build *build, int64_t begin, int64_t end, int32_t column, cni_vector *out,
          cn_error *err)
{
    const cni_sort_piece *piece =
        &build->from->pieces[cni_sort_entry_piece(&build->entries[begin])];
    for (int64_t at = begin; at < end; at++) {
        build->rows[at - begin] = (uint32_t)cni_sort_entry_row(&build->entries[at]);
    }
    return cni_vector_take(build->from->plan->allocator, &piece->chunk.columns[column], build->rows,
                           end - begin, out, err);
}

static int64_t
end_of_piece(const prune_build *build, int64_t begin, int64_t end)
{
    int64_t at = begin + 1;
    const int64_t piece = cni_sort_entry_piece(&build->entries[begin]);
    while (at < end && cni_sort_entry_piece(&build->entries[at]) == piece) {
        at++;
    }
    return at;
}

/* Column of entries [begin, end) as one FLAT vector that owns its strings. */
static cn_code
prune_column(prune_build *build, int64_t begin, int64_t end, int32_t column, cni_vector *out,
             cn_error *err)
{
    cni_allocator *allocator = build->from->plan->allocator;
    const int64_t n_bytes = (end - begin) * (int64_t)(sizeof(cni_vector) + sizeof(cni_vector *));
    cni_vector *parts = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, n_bytes, &parts, err));
    const cni_vector **pointers = (const cni_vector **)(void *)(parts + (end - begin));
    int32_t n_parts = 0;
    cn_code code = CN_OK;
    for (int64_t at = begin; at < end && code == CN_OK;) {
        const int64_t next = end_of_piece(build, at, end);
        pointers[n_parts] = &parts[n_parts];
        code = take_rows(build, at, next, column, &parts[n_parts], err);
        n_parts += code == CN_OK ? 1 : 0;
        at = next;
    }
    if (code == CN_OK) {
        code = cni_vector_concat(allocator, pointers, n_parts, out, err);
    }
    if (code == CN_OK && out->encoding == CNI_FLAT) {
        code = cni_vector_own_strings(allocator, out, false, err);
    }
    for (int32_t part = 0; part < n_parts; part++) {
        cni_vector_done(&parts[part]);
    }
    cni_dealloc(allocator, parts, n_bytes);
    return code;
}

static int64_t
sequence_of(const cni_sort_data *self, const cni_sort_entry *entry)
{
    const cni_sort_piece *piece = &self->pieces[cni_sort_entry_piece(entry)];
    return piece->row_sequences == NULL ? piece->sequence
                                        : piece->row_sequences[cni_sort_entry_row(entry)];
}

/* Long keys of entries [begin, end), copied. */
static cn_code
prune_keys(const prune_build *build, int64_t begin, int64_t end, cni_sort_piece *piece,
           cn_error *err)
{
    cni_allocator *allocator = build->from->plan->allocator;
    int64_t n_bytes = 0;
    for (int64_t at = begin; at < end; at++) {
        n_bytes += cni_sort_data_key(build->from, &build->entries[at]).len_bytes;
    }
    CN_TRY(cni_alloc_array(allocator, end - begin + 1, (int64_t)sizeof(int64_t),
                           &piece->key_offsets, err));
    CN_TRY(cni_buffer_new(allocator, n_bytes, &piece->keys, err));
    n_bytes = 0;
    for (int64_t at = begin; at < end; at++) {
        const cni_str key = cni_sort_data_key(build->from, &build->entries[at]);
        piece->key_offsets[at - begin] = n_bytes;
        memcpy(piece->keys->data + n_bytes, key.data, (size_t)key.len_bytes);
        n_bytes += key.len_bytes;
    }
    piece->key_offsets[end - begin] = n_bytes;
    return CN_OK;
}

static cn_code
prune_piece(prune_build *build, int64_t begin, int64_t end, cni_sort_piece *piece, cn_error *err)
{
    const cni_sort_plan *plan = build->from->plan;
    cni_chunk_init(&piece->chunk, plan->allocator);
    CN_TRY(cni_chunk_set_columns(&piece->chunk, plan->spec->n_outputs, err));
    piece->chunk.n_rows = end - begin;
    for (int32_t column = 0; column < plan->spec->n_outputs; column++) {
        CN_TRY(prune_column(build, begin, end, column, &piece->chunk.columns[column], err));
    }
    CN_TRY(cni_alloc_array(plan->allocator, end - begin, (int64_t)sizeof(int64_t),
                           &piece->row_sequences, err));
    for (int64_t at = begin; at < end; at++) {
        piece->row_sequences[at - begin] = sequence_of(build->from, &build->entries[at]);
    }
    return plan->key_bytes >= 0 ? CN_OK : prune_keys(build, begin, end, piece, err);
}

/* All kept rows into new pieces, in order of arrival; their entries follow. */
static cn_code
prune_into(prune_build *build, cn_error *err)
{
    cni_sort_data *to = build->to;
    cni_allocator *allocator = to->plan->allocator;
    CN_TRY(open_run(to, err));
    cni_sort_run *run = &to->runs[0];
    CN_TRY(grow(allocator, &run->entries, &run->cap_entries, build->n_entries,
                (int64_t)sizeof(*run->entries), err));
    for (int64_t begin = 0; begin < build->n_entries; begin += CNI_CHUNK_ROWS_MAX) {
        const int64_t end = cni_min_i64(build->n_entries, begin + CNI_CHUNK_ROWS_MAX);
        CN_TRY(grow_i32(allocator, &to->pieces, &to->cap_pieces, (int64_t)to->n_pieces + 1,
                        (int64_t)sizeof(*to->pieces), err));
        const uint64_t first = (uint64_t)to->n_pieces << 16;
        cni_sort_piece *piece = &to->pieces[to->n_pieces++];
        *piece = (cni_sort_piece){0};
        CN_TRY(prune_piece(build, begin, end, piece, err));
        for (int64_t at = begin; at < end; at++) {
            run->entries[at] = build->entries[at];
            run->entries[at].row &= CNI_SORT_LONG;
            run->entries[at].row |= first | (uint64_t)(at - begin);
        }
    }
    run->n_entries = build->n_entries;
    to->n_entries = build->n_entries;
    to->n_rows = build->n_entries;
    return cni_sort_data_close_run(to, err);
}

/* All entries in one sorted run. */
static cn_code
join_runs(cni_sort_data *self, cn_error *err)
{
    cni_sort_run *all = &self->runs[0];
    if (self->n_runs > 1) {
        CN_TRY(grow(self->plan->allocator, &all->entries, &all->cap_entries, self->n_entries,
                    (int64_t)sizeof(*all->entries), err));
    }
    for (int32_t run = 1; run < self->n_runs; run++) {
        const cni_sort_run *other = &self->runs[run];
        memcpy(all->entries + all->n_entries, other->entries,
               (size_t)other->n_entries * sizeof(*all->entries));
        all->n_entries += other->n_entries;
        run_done(self, &self->runs[run]);
    }
    self->n_runs = 1;
    return cni_sort_data_close_run(self, err);
}

static cn_code
prune(prune_build *build, int64_t n, cn_error *err)
{
    cni_sort_data *self = build->from;
    CN_TRY(join_runs(self, err));
    CN_TRY(cni_sort_data_new(self->plan, &build->to, err));
    cni_sort_run *kept = &self->runs[0];
    n = cni_min_i64(n, kept->n_entries);
    kept->n_entries = n;
    cni_sort_entries_by_row(kept->entries, self->scratch, n);
    build->entries = kept->entries;
    build->n_entries = n;
    return prune_into(build, err);
}

cn_code
cni_sort_data_prune(cni_sort_data *self, int64_t n, cn_error *err)
{
    cni_allocator *allocator = self->plan->allocator;
    prune_build *build = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*build), &build, err));
    build->from = self;
    const cn_code code = prune(build, n, err);
    if (code == CN_OK) {
        const cni_sort_data old = *self;
        *self = *build->to;
        self->next = old.next;
        *build->to = old;
    }
    cni_sort_data_free(build->to);
    cni_dealloc(allocator, build, (int64_t)sizeof(*build));
    return code;
}

cn_code
cni_sort_data_shrink(cni_sort_data *self, cn_error *err)
{
    if (self->n_rows < SHRINK_ROWS || self->n_rows < 4 * self->n_shrunk) {
        return CN_OK;
    }
    CN_TRY(join_runs(self, err));
    self->n_shrunk = self->n_rows / 2; /* if nothing comes of it, not soon again */
    if (self->n_rows > 2 * self->n_entries) {
        const int64_t n_entries = self->n_entries;
        CN_TRY(cni_sort_data_prune(self, n_entries, err));
        self->n_shrunk = n_entries;
    }
    return CN_OK;
}

cn_code
cni_sort_data_seal(cni_sort_data *self, cn_error *err)
{
    CN_TRY(cni_sort_data_close_run(self, err));
    drop_scratch(self);
    cni_dealloc(self->plan->allocator, self->fixed_keys, self->cap_fixed_keys);
    self->fixed_keys = NULL;
    self->cap_fixed_keys = 0;
    return CN_OK;
}
