/* SPDX-License-Identifier: Apache-2.0
 *
 * JOIN_BUILD: collects the build side. Of each chunk a piece is kept: the columns that outputs and
 * the residual name, shared as they came, and the keys, flat. Rows whose key is NULL are let go of
 * where they can never matter. Ranges, NULLs and observations for key filters are gathered on the
 * way; what is made of it all is in join_finalize.c.
 */
#include "data/row/hash.h"
#include "exec/join/join_spill_int.h"

/* ---- pieces ---- */

void
cni_join_pieces_free(cni_allocator *allocator, cni_join_piece *first)
{
    while (first != NULL) {
        cni_join_piece *next = first->next;
        for (int32_t at = 0; at < first->n_vectors; at++) {
            cni_vector_done(&first->vectors[at]);
        }
        cni_dealloc(allocator, first->hashes, first->n_rows * (int64_t)sizeof(*first->hashes));
        cni_dealloc(allocator, first,
                    (int64_t)(sizeof(*first) + (size_t)first->n_vectors * sizeof(cni_vector)));
        first = next;
    }
}

static void
data_free(cni_join_build *build, cni_join_data *self)
{
    const cni_phys_join *join = build->join;
    cni_allocator *allocator = build->allocator;
    cni_join_drop_spilled(self, allocator);
    cni_join_pieces_free(allocator, self->first);
    for (int32_t at = 0; self->observations != NULL && at < join->n_key_filters; at++) {
        cni_key_observation_done(&self->observations[at]);
    }
    cni_dealloc(allocator, self->observations,
                join->n_key_filters * (int64_t)sizeof(*self->observations));
    cni_dealloc(allocator, self->ranges, join->n_keys * (int64_t)sizeof(*self->ranges));
    cni_dealloc(allocator, self->n_nulls, join->n_keys * (int64_t)sizeof(*self->n_nulls));
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
}

void
cni_join_data_free(cni_join_build *build, cni_join_data *first)
{
    while (first != NULL) {
        cni_join_data *next = first->next;
        data_free(build, first);
        first = next;
    }
}

static cn_code
data_init(const cni_join_build *build, cni_join_data *self, cn_error *err)
{
    const cni_phys_join *join = build->join;
    cni_allocator *allocator = build->allocator;
    CN_TRY(cni_alloc_zeroed(allocator, join->n_keys * (int64_t)sizeof(*self->ranges), &self->ranges,
                            err));
    CN_TRY(cni_alloc_zeroed(allocator, join->n_keys * (int64_t)sizeof(*self->n_nulls),
                            &self->n_nulls, err));
    CN_TRY(cni_alloc_zeroed(allocator, join->n_key_filters * (int64_t)sizeof(*self->observations),
                            &self->observations, err));
    for (int32_t at = 0; at < join->n_key_filters; at++) {
        const int32_t key = join->build_keys[join->key_filters[at].key];
        cni_key_observation_init(&self->observations[at], allocator, join->build_types[key]);
    }
    return CN_OK;
}

static cn_code
data_new(cni_join_build *build, cni_join_data **out_data, cn_error *err)
{
    cni_join_data *self = NULL;
    CN_TRY(cni_alloc_zeroed(build->allocator, (int64_t)sizeof(*self), &self, err));
    const cn_code code = data_init(build, self, err);
    if (code != CN_OK) {
        data_free(build, self);
        return code;
    }
    *out_data = self;
    return CN_OK;
}

/* ---- push ---- */

/* Keys that a filter or the table looks at are observed before rows go. */
static cn_code
observe(const cni_join_build *self, cni_join_data *data, const cni_vector *keys, cn_error *err)
{
    const cni_phys_join *join = self->join;
    for (int32_t key = 0; key < join->n_keys; key++) {
        int64_t n_nulls = 0;
        cni_join_range *range = self->has_codes ? &data->ranges[key] : NULL;
        CN_TRY(cni_join_observe(&keys[key], range, &n_nulls, err));
        data->n_nulls[key] += n_nulls;
    }
    for (int32_t at = 0; at < join->n_key_filters; at++) {
        CN_TRY(cni_key_observe(&data->observations[at], &keys[join->key_filters[at].key], err));
    }
    return CN_OK;
}

static cn_code
new_piece(const cni_join_build *self, cni_join_piece **out_piece, cn_error *err)
{
    const int32_t n_vectors = self->n_stored + self->join->n_keys;
    CN_TRY(cni_alloc_zeroed(
        self->allocator, (int64_t)(sizeof(cni_join_piece) + (size_t)n_vectors * sizeof(cni_vector)),
        out_piece, err));
    (*out_piece)->n_vectors = n_vectors;
    return CN_OK;
}

/* Flat keys and wanted columns of all rows. */
static cn_code
fill_piece(const cni_join_build *self, const cni_chunk *chunk, cni_join_piece *piece, cn_error *err)
{
    const cni_phys_join *join = self->join;
    for (int32_t at = 0; at < self->n_stored; at++) {
        cni_vector_copy(&piece->vectors[at], &chunk->columns[self->stored[at]]);
    }
    for (int32_t key = 0; key < join->n_keys; key++) {
        CN_TRY(cni_vector_flatten(self->base.context->allocator,
                                  &chunk->columns[join->build_keys[key]],
                                  &piece->vectors[self->n_stored + key], err));
    }
    piece->n_rows = chunk->n_rows;
    return CN_OK;
}

static cn_code
narrow_vector(const cni_join_build *self, cni_vector *inout, bool flat, const uint32_t *index,
              int64_t n, bool strings, cn_error *err)
{
    cni_allocator *allocator = self->base.context->allocator;
    CN_SCOPED(cni_vector) taken = {0};
    CN_TRY(cni_vector_take(allocator, inout, index, n, &taken, err));
    if (flat) {
        CN_SCOPED(cni_vector) flattened = {0};
        CN_TRY(cni_vector_flatten(allocator, &taken, &flattened, err));
        cni_vector_done(&taken);
        cni_vector_move(&taken, &flattened);
    }
    if (strings && taken.encoding == CNI_FLAT && taken.phys == CNI_PHYS_VIEW) {
        CN_TRY(cni_vector_own_strings(allocator, &taken, true, err));
    }
    cni_vector_done(inout);
    cni_vector_move(inout, &taken);
    return CN_OK;
}

static cn_code
narrow_hashes(const cni_join_build *self, cni_join_piece *piece, const uint32_t *index, int64_t n,
              cn_error *err)
{
    const int64_t old_bytes = piece->n_rows * (int64_t)sizeof(*piece->hashes);
    uint64_t *hashes = NULL;
    if (piece->hashes == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_array(self->allocator, n, (int64_t)sizeof(*hashes), &hashes, err));
    for (int64_t at = 0; at < n; at++) {
        hashes[at] = piece->hashes[index[at]];
    }
    cni_dealloc(self->allocator, piece->hashes, old_bytes);
    piece->hashes = hashes;
    return CN_OK;
}

cn_code
cni_join_piece_narrow(const cni_join_build *self, cni_join_piece *piece, const uint32_t *index,
                      int64_t n, bool strings, cn_error *err)
{
    for (int32_t at = 0; n > 0 && at < piece->n_vectors; at++) {
        CN_TRY(
            narrow_vector(self, &piece->vectors[at], at >= self->n_stored, index, n, strings, err));
    }
    if (n == 0) {
        cni_dealloc(self->allocator, piece->hashes,
                    piece->n_rows * (int64_t)sizeof(*piece->hashes));
        piece->hashes = NULL;
    }
    CN_TRY(narrow_hashes(self, piece, index, n, err));
    piece->n_rows = n;
    return CN_OK;
}

/* Count rows with a NULL key and drop them unless they are kept. */
static cn_code
drop_nulls(const cni_join_build *self, cni_join_data *data, cni_join_piece *piece, cn_error *err)
{
    uint64_t valid[CNI_CHUNK_ROWS_MAX / 64];
    uint32_t *index = NULL;
    const int64_t n_rows = piece->n_rows;
    const cni_vector *keys = piece->vectors + self->n_stored;
    if (!cni_join_null_rows(self->join, keys, piece->n_rows, valid)) {
        return CN_OK;
    }
    const cni_selection kept = {.kind = CNI_SEL_BITS, .bits = valid};
    const int64_t n = cni_bits_count((cni_bits){(const uint8_t *)valid, 0}, n_rows);
    data->n_null_rows += n_rows - n;
    if (self->keeps_nulls) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_array(self->allocator, n_rows, (int64_t)sizeof(*index), &index, err));
    (void)cni_selection_to_index(&kept, n_rows, index);
    const cn_code code = cni_join_piece_narrow(self, piece, index, n, false, err);
    cni_dealloc(self->allocator, index, n_rows * (int64_t)sizeof(*index));
    return code;
}

static cn_code
hash_piece(const cni_join_build *self, cni_join_piece *piece, cn_error *err)
{
    const int32_t n_keys = self->join->n_keys;
    const cni_vector **list = NULL;
    uint64_t *hashes = NULL;
    if (self->has_codes || n_keys == 0 || piece->n_rows == 0) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_array(self->allocator, piece->n_rows, (int64_t)sizeof(*hashes), &hashes, err));
    piece->hashes = hashes;
    CN_TRY(cni_alloc(self->allocator, n_keys * (int64_t)sizeof(*list), (void *)&list, err));
    for (int32_t key = 0; key < n_keys; key++) {
        list[key] = &piece->vectors[self->n_stored + key];
    }
    const cn_code code =
        cni_hash_vectors(self->allocator, list, n_keys, piece->n_rows, hashes, err);
    cni_dealloc(self->allocator, (void *)list, n_keys * (int64_t)sizeof(*list));
    return code;
}

static cn_code
collect(const cni_join_build *self, cni_join_data *data, const cni_chunk *chunk,
        cni_join_piece *piece, cn_error *err)
{
    CN_TRY(fill_piece(self, chunk, piece, err));
    CN_TRY(observe(self, data, piece->vectors + self->n_stored, err));
    CN_TRY(drop_nulls(self, data, piece, err));
    return hash_piece(self, piece, err);
}

static cn_code
push(cni_operator *base, void *opaque, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    cni_join_build *self = cni_join_build_of(base);
    cni_join_data *data = opaque;
    cni_join_piece *piece = NULL;
    cni_waker_drop(own_waker);
    *out_answer = CNI_OP_NEED_MORE;
    if (chunk->n_rows == 0) {
        return CN_OK;
    }
    CN_TRY(new_piece(self, &piece, err));
    const cn_code code = collect(self, data, chunk, piece, err);
    if (code != CN_OK || piece->n_rows == 0) {
        cni_join_pieces_free(self->allocator, piece);
        return code;
    }
    return cni_join_take_piece(self, data, piece, err);
}

/* ---- life ---- */

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    cni_join_data *data = NULL;
    CN_TRY(data_new(cni_join_build_of(base), &data, err));
    *out_local = data;
    return CN_OK;
}

static void
close_local(cni_operator *base, void *local)
{
    cni_join_data_free(cni_join_build_of(base), local);
}

/* The content moves to the operator; the local stays as an empty one. */
static cn_code
combine(cni_operator *base, void *local, cn_error *err)
{
    cni_join_build *self = cni_join_build_of(base);
    cni_join_data *data = local;
    cni_join_data *taken = NULL;
    CN_TRY(cni_join_end_writer(self, data, err));
    CN_TRY(data_new(self, &taken, err));
    const cni_join_data empty = *taken;
    *taken = *data;
    *data = empty;
    cni_mutex_lock(&self->mutex);
    taken->next = self->combined;
    self->combined = taken;
    cni_mutex_unlock(&self->mutex);
    return CN_OK;
}

static int64_t
state_bytes(const cni_operator *base)
{
    return cni_budget_current_bytes(base->budget);
}

static const char *
strategy_name(const cni_join_build *self)
{
    static const char *const names[] = {
        [CNI_JOIN_NOTHING] = "nothing", [CNI_JOIN_DENSE] = "dense",   [CNI_JOIN_INLINE] = "inline",
        [CNI_JOIN_HASHED] = "hashed",   [CNI_JOIN_BLOCKS] = "blocks",
    };
    return self->gives_rows ? "swapped" : names[self->table.strategy];
}

static const char *
filter_name(const cni_join_build *self)
{
    static const char *const names[] = {
        [CNI_KEY_FILTER_PASS] = "pass",     [CNI_KEY_FILTER_NONE] = "none",
        [CNI_KEY_FILTER_RANGE] = "range",   [CNI_KEY_FILTER_LIST] = "list",
        [CNI_KEY_FILTER_BITMAP] = "bitmap", [CNI_KEY_FILTER_BLOOM] = "bloom",
    };
    return names[cni_key_filter_kind_of(self->filters[0])];
}

/* The others, then what is on disk when the build has finished. */
static int32_t
give_spilled(const cni_join_build *self, const cni_op_note *others, int32_t n_others,
             cni_op_note *out_notes, int32_t max_notes)
{
    const cni_op_note all[] = {
        {"rows_in_memory", NULL, self->n_rows},
        {"spilled_partitions", NULL, cni_counter_get(&self->n_spilled_parts)},
        {"spilled_bytes", NULL, cni_counter_get(&self->n_spilled_bytes)},
    };
    const int32_t n = cni_operator_give_notes(others, n_others, out_notes, max_notes);
    return n + cni_operator_give_notes(all, CN_ARRAY_LEN(all), out_notes + n, max_notes - n);
}

static int32_t
notes(const cni_operator *base, cni_op_note *out_notes, int32_t max_notes)
{
    const cni_join_build *self = (const cni_join_build *)base;
    const bool has_filter = self->join->n_key_filters > 0 && self->filters != NULL;
    const cni_op_note all[] = {
        {"strategy", strategy_name(self), 0},
        {"build_rows", NULL, self->whole_rows},
        {"build_bytes", NULL, cni_budget_peak_bytes(base->budget)},
        {"unique", NULL, self->unique ? 1 : 0},
        {"null_keys", NULL, self->whole_null_rows},
        {"matches", NULL, cni_counter_get(&self->n_matches)},
        {"key_filters", NULL, self->join->n_key_filters},
        {"key_filter", has_filter ? filter_name(self) : "absent", 0},
        {"swapped", NULL, 1},
    };
    if (cni_join_spill_of(self) != NULL) {
        return give_spilled(self, all, CN_ARRAY_LEN(all) - 1, out_notes, max_notes);
    }
    const int64_t n_notes = CN_ARRAY_LEN(all) - (self->gives_rows ? 0 : 1);
    return cni_operator_give_notes(all, n_notes, out_notes, max_notes);
}

static void
close_build(cni_operator *base)
{
    cni_join_build *self = cni_join_build_of(base);
    cni_allocator *allocator = self->allocator;
    const int64_t index_bytes = self->join->n_build_columns * (int64_t)sizeof(int32_t);
    if (allocator != NULL) {
        cni_join_data_free(self, self->combined);
        cni_join_build_drop(self);
        cni_join_spill_free(cni_join_spill_of(self));
        cni_dealloc(allocator, self->stored, index_bytes);
        cni_dealloc(allocator, self->stored_of, index_bytes);
    }
    cni_mutex_done(&self->mutex);
    cni_budget_unref(base->budget);
    cni_dealloc(base->context->allocator, self, (int64_t)sizeof(*self));
}

static const cni_operator_ops join_build_ops = {
    .name = "JoinBuild",
    .open_local = open_local,
    .push = push,
    .combine = combine,
    .finalize_tasks = cni_join_build_tasks,
    .finalize = cni_join_build_task,
    .open_source = cni_join_rows_scan_new,
    .state_bytes = state_bytes,
    .notes = notes,
    .close_local = close_local,
    .close = close_build,
};

/* ---- what is kept ---- */

static void
store(cni_join_build *self, const cni_phys_join_output *columns, int32_t n)
{
    for (int32_t at = 0; at < n; at++) {
        const int32_t position = columns[at].position;
        if (columns[at].from_build && self->stored_of[position] < 0) {
            self->stored_of[position] = self->n_stored;
            self->stored[self->n_stored++] = position;
        }
    }
}

static cn_code
choose_columns(cni_join_build *self, cn_error *err)
{
    const cni_phys_join *join = self->join;
    const int64_t n = join->n_build_columns;
    CN_TRY(cni_alloc_array(self->allocator, n, (int64_t)sizeof(int32_t), &self->stored, err));
    CN_TRY(cni_alloc_array(self->allocator, n, (int64_t)sizeof(int32_t), &self->stored_of, err));
    for (int64_t column = 0; column < n; column++) {
        self->stored_of[column] = -1;
    }
    store(self, join->outputs, join->n_outputs);
    store(self, join->residual_columns, join->n_residual_columns);
    return CN_OK;
}

static void
choose_traits(cni_join_build *self)
{
    const cni_phys_join *join = self->join;
    const cni_phys_join_kind kind = (cni_phys_join_kind)join->kind;
    self->marks = kind == CNI_PHYS_JOIN_BUILD_OUTER || kind == CNI_PHYS_JOIN_FULL ||
                  kind == CNI_PHYS_JOIN_BUILD_SEMI || kind == CNI_PHYS_JOIN_BUILD_ANTI;
    self->adds_null_row = kind == CNI_PHYS_JOIN_PROBE_OUTER || kind == CNI_PHYS_JOIN_FULL ||
                          kind == CNI_PHYS_JOIN_SINGLE;
    self->compares_nulls =
        join->null_aware && join->n_keys > 0 && (join->n_keys > 1 || join->residual != NULL);
    self->lists_nulls = self->compares_nulls ||
                        (join->null_aware && join->n_keys > 0 && kind == CNI_PHYS_JOIN_BUILD_ANTI);
    self->keeps_nulls = (self->marks && kind != CNI_PHYS_JOIN_BUILD_SEMI) || self->compares_nulls;
    self->has_codes = join->n_keys > 0;
    for (int32_t key = 0; key < join->n_keys; key++) {
        const cni_type *type = join->build_types[join->build_keys[key]];
        self->has_codes = self->has_codes && cni_join_code_kind_of(type) != CNI_JOIN_CODE_NONE;
    }
}

static cn_code
init(cni_join_build *self, const cni_operator_env *env, cn_error *err)
{
    CN_TRY(cni_budget_new(env->context->budget, "hash join", CNI_BUDGET_UNLIMITED,
                          &self->base.budget, err));
    self->allocator = cni_budget_allocator(self->base.budget);
    CN_TRY(choose_columns(self, err));
    choose_traits(self);
    return CN_OK;
}

cn_code
cni_join_build_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                            cni_key_filter *const *key_filters, cni_operator **out_operator,
                            cn_error *err)
{
    cni_join_build *self = NULL;
    CN_TRY(cni_alloc_zeroed(env->context->allocator, (int64_t)sizeof(*self), &self, err));
    cni_operator_init(&self->base, &join_build_ops, env, spec->plan);
    cni_mutex_init(&self->mutex);
    self->spec = spec;
    self->join = spec->join;
    self->filters = key_filters;
    const cn_code code = init(self, env, err);
    if (code != CN_OK) {
        close_build(&self->base);
        return code;
    }
    *out_operator = &self->base;
    return CN_OK;
}
