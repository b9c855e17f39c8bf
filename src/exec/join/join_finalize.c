/* SPDX-License-Identifier: Apache-2.0
 *
 * All rows of the build are known: choose the table, then work in units that need nothing of each
 * other, each done by one task:
 *
 *   partitions of the table | kept columns joined | slices of rows put into key filters
 *
 * The last task out settles: pieces go, filters are sealed, what the probe asks is noted.
 */
#include "exec/join/join_spill_int.h"

#define SINGLE_TASK_ROWS (1 << 14) /* fewer are not worth several tasks */
#define MAX_PARTITIONS   16        /* each looks at all codes */

/* ---- release ---- */

static void
drop_vectors(cni_allocator *allocator, cni_vector *vectors, int32_t n)
{
    for (int32_t at = 0; vectors != NULL && at < n; at++) {
        cni_vector_done(&vectors[at]);
    }
    cni_dealloc(allocator, vectors, n * (int64_t)sizeof(*vectors));
}

static void
drop_inputs(cni_join_build *self)
{
    cni_join_data_free(self, CN_MOVE(self->all));
    cni_dealloc(self->allocator, (void *)self->pieces,
                self->n_pieces * (int64_t)sizeof(*self->pieces));
    self->pieces = NULL;
    self->n_pieces = 0;
}

void
cni_join_build_drop(cni_join_build *self)
{
    cni_allocator *allocator = self->allocator;
    const int32_t n_keys = self->join->n_keys;
    drop_inputs(self);
    cni_join_table_done(&self->table, allocator, self->n_rows);
    for (int32_t at = 0; self->dictionaries != NULL && at < self->n_stored; at++) {
        if (self->dictionaries[at] != NULL) {
            cni_dictionary_unref(self->dictionaries[at]);
        }
    }
    cni_dealloc(allocator, (void *)self->dictionaries,
                self->n_stored * (int64_t)sizeof(*self->dictionaries));
    cni_dealloc(allocator, self->has_nulls, self->n_stored * (int64_t)sizeof(*self->has_nulls));
    drop_vectors(allocator, self->columns, self->n_stored);
    drop_vectors(allocator, self->key_columns, n_keys);
    cni_dealloc(allocator, self->null_rows,
                self->n_listed_nulls * (int64_t)sizeof(*self->null_rows));
    cni_dealloc(allocator, self->matched, self->n_rows * (int64_t)sizeof(*self->matched));
    cni_dealloc(allocator, self->n_nulls, n_keys * (int64_t)sizeof(*self->n_nulls));
    self->dictionaries = NULL;
    self->has_nulls = NULL;
    self->columns = NULL;
    self->key_columns = NULL;
    self->null_rows = NULL;
    self->n_listed_nulls = 0;
    self->matched = NULL;
    self->n_nulls = NULL;
    self->n_rows = 0;
}

/* ---- all workers together ---- */

static cn_code
merge_data(cni_join_build *self, cni_join_data *into, cni_join_data *from, cn_error *err)
{
    const cni_phys_join *join = self->join;
    for (int32_t key = 0; key < join->n_keys; key++) {
        cni_join_range_merge(&into->ranges[key], &from->ranges[key]);
        into->n_nulls[key] += from->n_nulls[key];
    }
    for (int32_t at = 0; at < join->n_key_filters; at++) {
        CN_TRY(cni_key_observation_merge(&into->observations[at], &from->observations[at], err));
    }
    into->n_null_rows += from->n_null_rows;
    into->n_rows += from->n_rows;
    return CN_OK;
}

/* Rows with a NULL key among those that are in memory. */
static int64_t
count_null_rows(const cni_join_build *self)
{
    uint64_t valid[CNI_CHUNK_ROWS_MAX / 64];
    int64_t n_nulls = 0;
    for (const cni_join_data *data = self->all; data != NULL; data = data->next) {
        for (const cni_join_piece *piece = data->first; piece != NULL; piece = piece->next) {
            const cni_vector *keys = piece->vectors + self->n_stored;
            if (cni_join_null_rows(self->join, keys, piece->n_rows, valid)) {
                const cni_bits bits = {(const uint8_t *)valid, 0};
                n_nulls += piece->n_rows - cni_bits_count(bits, piece->n_rows);
            }
        }
    }
    return n_nulls;
}

/* An instance over a partition was told what the whole is. */
static void
note_whole(cni_join_build *self)
{
    const cni_join_spill *spill = cni_join_spill_of(self);
    int64_t n_spilled = 0;
    for (int32_t part = 0; spill != NULL && part < spill->n_partitions; part++) {
        n_spilled += spill->build_rows[part].n_rows;
    }
    if (self->origin.root == NULL) {
        self->whole_rows = self->n_rows + n_spilled;
        self->whole_null_rows = self->n_null_rows;
    }
    if (spill != NULL && self->keeps_nulls) {
        self->n_null_rows = count_null_rows(self);
    }
}

static cn_code
merge_all(cni_join_build *self, cn_error *err)
{
    self->all = CN_MOVE(self->combined);
    CN_TRY(cni_join_spill_settle(self, err));
    for (cni_join_data *data = self->all; data != NULL && data->next != NULL;) {
        data = data->next;
        CN_TRY(merge_data(self, self->all, data, err));
    }
    if (self->all != NULL && self->all->n_rows > CNI_JOIN_MAX_ROWS) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED,
                       "the build side of a hash join has %lld rows; the limit is %lld",
                       (long long)self->all->n_rows, (long long)CNI_JOIN_MAX_ROWS);
    }
    CN_TRY(cni_alloc_zeroed(self->allocator, self->join->n_keys * (int64_t)sizeof(int64_t),
                            &self->n_nulls, err));
    if (self->all != NULL) {
        self->n_rows = self->all->n_rows;
        self->n_null_rows = self->all->n_null_rows;
        memcpy(self->n_nulls, self->all->n_nulls, (size_t)self->join->n_keys * sizeof(int64_t));
    }
    note_whole(self);
    return CN_OK;
}

static cn_code
list_pieces(cni_join_build *self, cn_error *err)
{
    int64_t n_pieces = 0;
    int64_t at = 0;
    int64_t first_row = 0;
    for (cni_join_data *data = self->all; data != NULL; data = data->next) {
        for (cni_join_piece *piece = data->first; piece != NULL; piece = piece->next) {
            n_pieces++;
        }
    }
    CN_TRY(cni_alloc_array(self->allocator, n_pieces, (int64_t)sizeof(*self->pieces),
                           (void *)&self->pieces, err));
    self->n_pieces = n_pieces;
    for (cni_join_data *data = self->all; data != NULL; data = data->next) {
        for (cni_join_piece *piece = data->first; piece != NULL; piece = piece->next) {
            piece->first_row = first_row;
            first_row += piece->n_rows;
            self->pieces[at++] = piece;
        }
    }
    return CN_OK;
}

/* ---- the strategy ---- */

static void
fill_codings(const cni_join_build *self)
{
    const cni_phys_join *join = self->join;
    for (int32_t key = 0; key < join->n_keys; key++) {
        const cni_type *type = join->build_types[join->build_keys[key]];
        const cni_join_range *range = &self->all->ranges[key];
        self->table.codings[key] = (cni_join_code){
            .kind = (uint8_t)cni_join_code_kind_of(type),
            .null_equal = join->null_equal[key] && self->n_nulls[key] > 0,
            .low = range->known ? range->low : 0,
            .span = range->known ? range->high - range->low : 0,
        };
    }
}

static bool
any_wide(const cni_join_build *self)
{
    bool wide = false;
    for (int32_t key = 0; key < self->join->n_keys; key++) {
        wide = wide || self->all->ranges[key].wide;
    }
    return wide;
}

static bool
fits_dense(const cni_join_table *table, int64_t n_rows)
{
    const uint64_t per_row = table->exists_only ? 64 : CNI_JOIN_DENSE_PER_ROW;
    const uint64_t least = CNI_JOIN_DENSE_MIN * (table->exists_only ? UINT64_C(8) : 1);
    const uint64_t most = CNI_JOIN_DENSE_BYTES * UINT64_C(8) / (table->exists_only ? 1 : 32);
    const uint64_t wanted = per_row * (uint64_t)n_rows;
    return table->n_codes < most && table->n_codes <= (wanted > least ? wanted : least);
}

static cn_code
choose_strategy(cni_join_build *self, cn_error *err)
{
    const cni_phys_join *join = self->join;
    cni_join_table *table = &self->table;
    const int64_t n_table_rows = self->n_rows - (self->keeps_nulls ? self->n_null_rows : 0);
    table->strategy = join->n_keys == 0 ? CNI_JOIN_BLOCKS : CNI_JOIN_NOTHING;
    self->keeps_keys = self->lists_nulls;
    if (join->n_keys == 0 || n_table_rows == 0) {
        return CN_OK;
    }
    const cni_phys_join_kind kind = (cni_phys_join_kind)join->kind;
    const bool tests = kind == CNI_PHYS_JOIN_PROBE_SEMI || kind == CNI_PHYS_JOIN_PROBE_ANTI ||
                       kind == CNI_PHYS_JOIN_MARK;
    CN_TRY(cni_alloc_zeroed(self->allocator, join->n_keys * (int64_t)sizeof(*table->codings),
                            &table->codings, err));
    table->n_codings = join->n_keys;
    fill_codings(self);
    if (!self->has_codes || any_wide(self) ||
        !cni_join_place_codes(table->codings, table->n_codings, &table->n_codes)) {
        table->strategy = CNI_JOIN_HASHED;
        self->verifies = true;
        self->keeps_keys = true;
        return CN_OK;
    }
    table->exists_only = tests && join->residual == NULL;
    table->strategy = fits_dense(table, n_table_rows) ? CNI_JOIN_DENSE : CNI_JOIN_INLINE;
    return CN_OK;
}

static bool
has_table(const cni_join_build *self)
{
    return self->table.strategy != CNI_JOIN_NOTHING && self->table.strategy != CNI_JOIN_BLOCKS;
}

/* ---- units ---- */

static cn_code
prepare_filters(cni_join_build *self, cn_error *err)
{
    for (int32_t at = 0; at < self->join->n_key_filters; at++) {
        cni_key_observation none;
        const cni_phys_join *join = self->join;
        const int32_t key = join->build_keys[join->key_filters[at].key];
        cni_key_observation_init(&none, self->allocator, join->build_types[key]);
        const cni_key_observation *seen = self->all == NULL ? &none : &self->all->observations[at];
        CN_TRY(cni_join_spill_of(self) == NULL
                   ? cni_key_filter_prepare(self->filters[at], seen, err)
                   : cni_key_filter_prepare_bounds(self->filters[at], seen, err));
    }
    return CN_OK;
}

static cn_code
make_room(cni_join_build *self, int32_t n_partitions, cn_error *err)
{
    cni_allocator *allocator = self->allocator;
    const int32_t n_keys = self->join->n_keys;
    CN_TRY(cni_alloc_zeroed(allocator, self->n_stored * (int64_t)sizeof(*self->columns),
                            &self->columns, err));
    CN_TRY(cni_alloc_zeroed(allocator, self->n_stored * (int64_t)sizeof(*self->dictionaries),
                            (void *)&self->dictionaries, err));
    CN_TRY(cni_alloc_zeroed(allocator, self->n_stored * (int64_t)sizeof(*self->has_nulls),
                            &self->has_nulls, err));
    CN_TRY(cni_alloc_zeroed(allocator, n_keys * (int64_t)sizeof(*self->key_columns),
                            &self->key_columns, err));
    if (self->marks) {
        CN_TRY(cni_alloc_zeroed(allocator, self->n_rows * (int64_t)sizeof(*self->matched),
                                &self->matched, err));
    }
    if (has_table(self)) {
        CN_TRY(cni_join_table_new(&self->table, allocator, self->n_rows, n_partitions, err));
    }
    return CN_OK;
}

static cn_code
prepare(cni_join_build *self, int32_t n_tasks, cn_error *err)
{
    CN_TRY(merge_all(self, err));
    CN_TRY(list_pieces(self, err));
    if (!self->gives_rows) {
        CN_TRY(choose_strategy(self, err));
    }
    CN_TRY(prepare_filters(self, err));
    self->n_filter_units =
        cni_join_spill_of(self) == NULL ? self->join->n_key_filters * n_tasks : 0;
    self->n_units = self->n_filter_units;
    if (self->gives_rows) {
        return CN_OK;
    }
    CN_TRY(make_room(self, n_tasks, err));
    const int32_t n_columns = self->n_stored + (self->keeps_keys ? self->join->n_keys : 0);
    if (self->n_rows > 0) {
        self->n_units += n_columns + (has_table(self) ? self->table.n_partitions : 0);
    }
    return CN_OK;
}

int32_t
cni_join_build_tasks(cni_operator *base)
{
    cni_join_build *self = cni_join_build_of(base);
    int64_t n_rows = 0;
    for (const cni_join_data *data = self->combined; data != NULL; data = data->next) {
        n_rows += data->n_rows;
    }
    const bool single = base->n_workers == 1 || n_rows < SINGLE_TASK_ROWS;
    const int32_t n_wanted = single ? 1 : (int32_t)cni_min_i64(base->n_workers, MAX_PARTITIONS);
    self->prepare_error = (cn_error)CN_ERROR_INIT;
    if (prepare(self, n_wanted, &self->prepare_error) != CN_OK) {
        return 1; /* the task reports it */
    }
    const int32_t n_tasks = single ? 1 : (int32_t)cni_max_i64(1, self->n_units);
    cni_flag_publish(&self->n_units_left, n_tasks);
    return n_tasks;
}

/* One row, NULL, as a part to be joined behind the others. */
static cn_code
null_part(const cni_join_build *self, const cni_vector *like, cni_vector *out, cn_error *err)
{
    cni_allocator *allocator = self->base.context->allocator;
    if (like->encoding != CNI_FLAT && like->encoding != CNI_DICTIONARY) {
        return cni_vector_new_null(allocator, like->type, 1, out, err);
    }
    cni_buffer *bits = NULL;
    CN_TRY(cni_buffer_new(allocator, 8, &bits, err));
    memset(bits->data, 0, 8);
    cni_vector_slice(out, like, 0, 1);
    cni_buffer_unref(out->owner_validity);
    out->owner_validity = bits;
    out->validity = (cni_bits){bits->data, 0};
    return CN_OK;
}

static cn_code
join_parts(cni_join_build *self, int32_t vector, bool adds_null, cni_vector *out, cn_error *err)
{
    const cni_vector **parts = NULL;
    CN_SCOPED(cni_vector) null_row = {0};
    const int64_t n_parts = self->n_pieces + (adds_null ? 1 : 0);
    if (n_parts > INT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "the build side of a hash join has %lld chunks",
                       (long long)n_parts);
    }
    if (adds_null) {
        CN_TRY(null_part(self, &self->pieces[0]->vectors[vector], &null_row, err));
    }
    CN_TRY(cni_alloc_array(self->allocator, n_parts, (int64_t)sizeof(*parts), (void *)&parts, err));
    for (int64_t at = 0; at < self->n_pieces; at++) {
        parts[at] = &self->pieces[at]->vectors[vector];
    }
    parts[n_parts - 1] = adds_null ? &null_row : parts[n_parts - 1];
    const cn_code code = cni_vector_concat_many(self->base.context, self->allocator, parts,
                                                (int32_t)n_parts, out, err);
    cni_dealloc(self->allocator, (void *)parts, n_parts * (int64_t)sizeof(*parts));
    return code;
}

static cn_code
join_column(cni_join_build *self, int32_t column, cn_error *err)
{
    if (column >= self->n_stored) {
        return join_parts(self, column, false, &self->key_columns[column - self->n_stored], err);
    }
    cni_vector *out = &self->columns[column];
    CN_TRY(join_parts(self, column, self->adds_null_row, out, err));
    for (int64_t at = 0; at < self->n_pieces; at++) {
        cni_vector_done(&self->pieces[at]->vectors[column]); /* its memory is free again */
    }
    self->has_nulls[column] =
        cni_vector_null_count(out) > (self->adds_null_row ? 1 : 0) || out->phys == CNI_PHYS_NONE;
    if (out->encoding == CNI_FLAT && out->phys == CNI_PHYS_VIEW) {
        CN_TRY(cni_vector_own_strings(self->allocator, out, false, err));
    }
    return CN_OK;
}

static cn_code
fill_filter(cni_join_build *self, int32_t unit, cn_error *err)
{
    const cni_phys_join *join = self->join;
    const int32_t filter = unit % join->n_key_filters;
    const int32_t n_slices = self->n_filter_units / join->n_key_filters;
    const int32_t slice = unit / join->n_key_filters;
    const int32_t vector = self->n_stored + join->key_filters[filter].key;
    const int64_t first = self->n_pieces * slice / n_slices;
    const int64_t end = self->n_pieces * (slice + 1) / n_slices;
    for (int64_t at = first; at < end; at++) {
        CN_TRY(cni_context_check(self->base.context, err));
        CN_TRY(
            cni_key_filter_insert(self->filters[filter], &self->pieces[at]->vectors[vector], err));
    }
    return CN_OK;
}

static cn_code
work(cni_join_build *self, int32_t unit, cn_error *err)
{
    const int32_t n_partitions = has_table(self) ? self->table.n_partitions : 0;
    CN_TRY(cni_context_check(self->base.context, err));
    if (unit < self->n_filter_units) {
        return fill_filter(self, unit, err);
    }
    unit -= self->n_filter_units;
    if (unit < n_partitions) {
        return cni_join_table_fill(self, unit, err);
    }
    return join_column(self, unit - n_partitions, err);
}

/* ---- settling ---- */

/* A region was too small, which bad luck with the hash does: one partition always has room. */
static cn_code
refill(cni_join_build *self, cn_error *err)
{
    cni_join_table *table = &self->table;
    if (cni_flag_consume(&table->overfull) == 0) {
        return CN_OK;
    }
    cni_flag_publish(&table->overfull, 0);
    cni_counter_set(&table->n_run_rows, 0);
    table->n_partitions = 1;
    table->region_slots = table->n_slots;
    return cni_join_table_fill(self, 0, err);
}

/* Wide values leave as codes over the column where that is short. */
static cn_code
make_dictionaries(cni_join_build *self, cn_error *err)
{
    if (self->n_rows == 0 || self->n_rows >= CNI_JOIN_DICTIONARY_MAX) {
        return CN_OK;
    }
    for (int32_t at = 0; at < self->n_stored; at++) {
        const cni_vector *column = &self->columns[at];
        if (column->encoding != CNI_FLAT || column->phys != CNI_PHYS_VIEW) {
            continue;
        }
        CN_SCOPED(cni_vector) values = {0};
        cni_vector_copy(&values, column);
        CN_TRY(cni_dictionary_new(self->base.context->allocator, &values, false, false,
                                  &self->dictionaries[at], err));
    }
    return CN_OK;
}

static cn_code
list_null_rows(cni_join_build *self, cn_error *err)
{
    const int64_t n = self->lists_nulls ? self->n_null_rows : 0;
    int64_t at = 0;
    if (n == 0) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_array(self->allocator, n, (int64_t)sizeof(*self->null_rows), &self->null_rows,
                           err));
    self->n_listed_nulls = n;
    for (int64_t row = 0; row < self->n_rows; row++) {
        bool is_null = false;
        for (int32_t key = 0; key < self->join->n_keys; key++) {
            is_null = is_null || (!self->join->null_equal[key] &&
                                  !cni_bits_get(self->key_columns[key].validity, row));
        }
        if (is_null && at < n) {
            self->null_rows[at++] = (uint32_t)row;
        }
    }
    return CN_OK;
}

static cn_code
settle_table(cni_join_build *self, cn_error *err)
{
    cni_join_table *table = &self->table;
    if (has_table(self)) {
        CN_TRY(refill(self, err));
    }
    self->unique = cni_counter_get(&table->n_run_rows) == 0;
    CN_TRY(list_null_rows(self, err));
    return make_dictionaries(self, err);
}

static cn_code
settle(cni_join_build *self, cn_error *err)
{
    if (!self->gives_rows) {
        CN_TRY(settle_table(self, err));
    }
    for (int32_t at = 0; at < self->join->n_key_filters; at++) {
        cni_key_filter_seal(self->filters[at]);
    }
    if (!self->gives_rows) {
        drop_inputs(self);
    }
    return CN_OK;
}

cn_code
cni_join_build_task(cni_operator *base, int32_t task, int32_t n_tasks, cn_error *err)
{
    cni_join_build *self = cni_join_build_of(base);
    if (self->prepare_error.code != CN_OK) {
        if (err != NULL) {
            *err = self->prepare_error;
        }
        return (cn_code)self->prepare_error.code;
    }
    for (int32_t unit = task; unit < self->n_units; unit += n_tasks) {
        CN_TRY(work(self, unit, err));
    }
    if (cni_refcount_dec(&self->n_units_left)) {
        return settle(self, err);
    }
    return CN_OK;
}
