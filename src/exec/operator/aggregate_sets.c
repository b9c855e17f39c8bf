/* SPDX-License-Identifier: Apache-2.0
 *
 * DISTINCT in aggregate calls: grouping at two levels. Calls with the same arguments and the same
 * FILTER share a set: an aggregation of its own, without calls, whose keys are the group's keys and
 * the arguments.
 *
 *   push       the rows of the chunk also go to every set (those that its FILTER leaves)
 *   finalize   partition p of a set holds the groups of partition p of the operator: its rows, each
 *              value once, are fed to the calls' own update functions
 *
 * Without keys a set is partitioned by its values; every task then makes a group of its own, and
 * the last one merges them.
 */
#include "exec/operator/aggregate_operator_int.h"

#define BATCH_ROWS 1024

/* ---- which sets there are ---- */

static bool
same_set(const cni_agg_set *set, const cni_phys_call *call)
{
    return set->filter == call->filter && set->n_args == call->n_args &&
           memcmp(set->args, call->args, (size_t)call->n_args * sizeof(*call->args)) == 0;
}

static int32_t
find_set(cni_agg_operator *self, const cni_phys_call *call)
{
    for (int32_t at = 0; at < self->n_sets; at++) {
        if (same_set(&self->sets[at], call)) {
            return at;
        }
    }
    self->sets[self->n_sets] =
        (cni_agg_set){.filter = call->filter, .n_args = call->n_args, .args = call->args};
    return self->n_sets++;
}

/* Keys of the operator, then the arguments. */
static cn_code
set_spec(const cni_agg_operator *self, const cni_agg_set *set, const cni_phys_aggregate **out_spec,
         cn_error *err)
{
    const cni_phys_aggregate *spec = self->spec;
    const int32_t n_keys = spec->n_keys + set->n_args;
    cni_phys_aggregate *made = NULL;
    int32_t *keys = NULL;
    cni_bounds *bounds = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &made, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_keys, (int64_t)sizeof(*keys), &keys, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_keys, (int64_t)sizeof(*bounds), &bounds, err));
    for (int32_t key = 0; key < spec->n_keys; key++) {
        keys[key] = spec->keys[key];
        bounds[key] = spec->key_bounds[key];
    }
    for (int32_t arg = 0; arg < set->n_args; arg++) {
        keys[spec->n_keys + arg] = set->args[arg];
    }
    *made = (cni_phys_aggregate){
        .n_inputs = spec->n_inputs,
        .input_types = spec->input_types,
        .n_keys = n_keys,
        .keys = keys,
        .key_bounds = bounds,
        .estimated_rows = spec->estimated_rows,
        .estimated_groups = -1,
    };
    *out_spec = made;
    return CN_OK;
}

static cn_code
init_set(cni_agg_operator *self, cni_agg_set *set, cn_error *err)
{
    cni_agg_operator *op = &set->op;
    op->base.context = self->base.context;
    op->base.n_workers = self->base.n_workers;
    op->base.budget = self->base.budget; /* the owner's */
    op->owner = self;
    op->allocator = self->allocator;
    op->arena = self->arena;
    op->kernels = self->kernels;
    op->agg_kernels = self->agg_kernels;
    cni_mutex_init(&op->mutex);
    set->initialised = true;
    CN_TRY(set_spec(self, set, &op->spec, err));
    return cni_agg_make_layouts(op, self->layout->n_keys == 0 ? NULL : self->layout, err);
}

cn_code
cni_agg_sets_init(cni_agg_operator *self, cn_error *err)
{
    int32_t n_distinct = 0;
    for (int32_t call = 0; call < self->layout->n_calls; call++) {
        n_distinct += self->layout->calls[call].op == CNI_AGG_DISTINCT ? 1 : 0;
    }
    if (n_distinct == 0) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(self->arena, n_distinct, (int64_t)sizeof(*self->sets), &self->sets,
                                 err));
    for (int32_t call = 0; call < self->layout->n_calls; call++) {
        cni_agg_call *made = &self->layout->calls[call];
        if (made->op == CNI_AGG_DISTINCT) {
            made->set = find_set(self, made->spec);
        }
    }
    for (int32_t at = 0; at < self->n_sets; at++) {
        CN_TRY(init_set(self, &self->sets[at], err));
    }
    return CN_OK;
}

void
cni_agg_sets_done(cni_agg_operator *self)
{
    for (int32_t at = 0; at < self->n_sets; at++) {
        if (self->sets[at].initialised) {
            cni_agg_operator_release(&self->sets[at].op);
        }
    }
}

/* ---- rows ---- */

cn_code
cni_agg_sets_open(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    const int64_t n_bytes = self->n_sets * (int64_t)sizeof(*local->sets);
    CN_TRY(cni_alloc_zeroed(self->allocator, n_bytes, (void *)&local->sets, err));
    for (int32_t at = 0; at < self->n_sets; at++) {
        CN_TRY(cni_agg_local_new(&self->sets[at].op, &local->sets[at], err));
    }
    return CN_OK;
}

/* The rows of the chunk where the FILTER is true. */
static cn_code
filter_chunk(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk, int32_t filter,
             cni_chunk *out, cn_error *err)
{
    bool all = false;
    CN_TRY(cni_agg_local_reserve(self, local, chunk->n_rows, err));
    CN_TRY(cni_agg_counted_rows(self, local, chunk, -1, filter, local->live, &all, err));
    CN_TRY(cni_chunk_copy(out, chunk, err));
    CN_TRY(cni_chunk_narrow(out, local->live, err));
    return cni_chunk_compact(out, err);
}

cn_code
cni_agg_sets_push(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
                  cn_error *err)
{
    for (int32_t at = 0; at < self->n_sets; at++) {
        cni_agg_set *set = &self->sets[at];
        if (set->filter < 0) {
            CN_TRY(cni_agg_push_rows(&set->op, local->sets[at], chunk, err));
            continue;
        }
        CN_SCOPED(cni_chunk) filtered = {0};
        cni_chunk_init(&filtered, self->base.context->allocator);
        CN_TRY(filter_chunk(self, local, chunk, set->filter, &filtered, err));
        if (filtered.n_rows > 0) {
            CN_TRY(cni_agg_push_rows(&set->op, local->sets[at], &filtered, err));
        }
    }
    return CN_OK;
}

cn_code
cni_agg_sets_combine(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    for (int32_t at = 0; at < self->n_sets; at++) {
        CN_TRY(cni_agg_local_combine(&self->sets[at].op, local->sets[at], err));
        local->sets[at] = NULL; /* the set keeps it */
    }
    return CN_OK;
}

void
cni_agg_sets_close(cni_agg_operator *self, cni_agg_local *local)
{
    for (int32_t at = 0; local->sets != NULL && at < self->n_sets; at++) {
        cni_agg_local_free(&self->sets[at].op, local->sets[at]);
    }
    cni_dealloc(self->allocator, (void *)local->sets, self->n_sets * (int64_t)sizeof(*local->sets));
    local->sets = NULL;
}

/* ---- finalize ---- */

/* Scratch of a task. */
typedef struct apply_scratch {
    uint64_t *keys;
    uint64_t hashes[BATCH_ROWS];
    uint32_t groups[BATCH_ROWS];
    uint32_t found[BATCH_ROWS];
    uint32_t list[BATCH_ROWS];
    uint32_t rows[BATCH_ROWS];
} apply_scratch;

/* Groups of the operator to which n rows of a set belong. */
static cn_code
groups_of_rows(const cni_agg_operator *self, cni_agg_table *table, const cni_agg_layout *set_layout,
               const uint8_t *rows, int64_t n, apply_scratch *scratch, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    int64_t n_keys = 0;
    for (int64_t at = 0; at < n; at++) {
        const uint8_t *row = rows + at * set_layout->row_bytes;
        if (set_layout->prefix_null_bit >= 0 &&
            cni_bits_get((cni_bits){row, 0}, set_layout->prefix_null_bit)) {
            CN_TRY(cni_agg_table_reserve(table, 1, false, err));
            scratch->groups[at] = cni_agg_table_null_group(table);
            continue;
        }
        memcpy(scratch->keys + n_keys * layout->key_words, row, (size_t)layout->key_bytes);
        scratch->rows[n_keys++] = (uint32_t)at;
    }
    CN_TRY(cni_agg_table_reserve(table, n_keys, true, err));
    cni_agg_hash_keys(layout, (const uint8_t *)scratch->keys, layout->key_bytes, n_keys,
                      scratch->hashes);
    CN_TRY(cni_agg_table_find(table, scratch->keys, scratch->hashes, n_keys, true, scratch->list,
                              scratch->found, err));
    for (int64_t at = 0; at < n_keys; at++) {
        scratch->groups[scratch->rows[at]] = scratch->found[at];
    }
    return CN_OK;
}

static cn_code
update_calls(cni_agg_operator *self, cni_agg_table *table, int32_t set, const cni_vector *args,
             int64_t n, const uint32_t *groups, cn_error *err)
{
    const cni_vector *pointers[CNI_AGG_MAX_ARGS];
    for (int32_t arg = 0; arg < self->sets[set].n_args; arg++) {
        pointers[arg] = &args[arg];
    }
    for (int32_t at = 0; at < self->layout->n_calls; at++) {
        const cni_agg_call *call = &self->layout->calls[at];
        if (call->op == CNI_AGG_DISTINCT && call->set == set) {
            cni_aggregate_call made = cni_agg_call_of(self, call, table->rows, table->heap);
            made.env.n_rows = n;
            made.args = pointers;
            made.group = groups;
            const cni_function *function = call->spec->function;
            CN_TRY(cni_agg_named(call, function->update(function, &made, err), err));
        }
    }
    return CN_OK;
}

/* n rows of a set, behind each other. */
static cn_code
apply_rows(cni_agg_operator *self, cni_agg_table *table, int32_t at, const uint8_t *rows, int64_t n,
           int64_t null_row, apply_scratch *scratch, cn_error *err)
{
    const cni_agg_set *set = &self->sets[at];
    const cni_agg_layout *set_layout = set->op.layout;
    cni_vector args[CNI_AGG_MAX_ARGS] = {0};
    const uint32_t *groups = NULL;
    cn_code code = CN_OK;
    if (self->layout->n_keys > 0) {
        groups = scratch->groups;
        code = groups_of_rows(self, table, set_layout, rows, n, scratch, err);
    }
    for (int32_t arg = 0; arg < set->n_args && code == CN_OK; arg++) {
        code = cni_agg_unpack_key(set_layout, self->layout->n_keys + arg, rows, n,
                                  self->base.context->allocator, null_row, &args[arg], err);
    }
    if (code == CN_OK) {
        code = update_calls(self, table, at, args, n, groups, err);
    }
    for (int32_t arg = 0; arg < set->n_args; arg++) {
        cni_vector_done(&args[arg]);
    }
    return code;
}

static cn_code
apply_final(cni_agg_operator *self, int32_t at, const cni_agg_final *final, cni_agg_table *table,
            apply_scratch *scratch, cn_error *err)
{
    int64_t row = 0;
    while (row < final->n_groups) {
        uint8_t *rows = NULL;
        int64_t null_row = -1;
        const int64_t n =
            cni_agg_final_rows(&self->sets[at].op, final, row, BATCH_ROWS, &rows, &null_row);
        CN_TRY(cni_context_check(self->base.context, err));
        CN_TRY(apply_rows(self, table, at, rows, n, null_row, scratch, err));
        row += n;
    }
    return CN_OK;
}

/* The values of a set piece by piece, each in one. */
static cn_code
apply_source(cni_agg_operator *self, int32_t at, cni_agg_source source, int32_t level,
             cni_agg_table *table, apply_scratch *scratch, cn_error *err)
{
    cni_agg_walk walk;
    bool done = false;
    cni_agg_walk_begin(&walk, &self->sets[at].op, source, level);
    cn_code code = cni_agg_walk_next(&walk, &done, err);
    while (code == CN_OK && !done) {
        code = apply_final(self, at, &walk.final, table, scratch, err);
        code = code == CN_OK ? cni_agg_walk_next(&walk, &done, err) : code;
    }
    cni_agg_walk_end(&walk);
    return code;
}

static cn_code
apply_set(cni_agg_operator *self, int32_t at, int32_t task, cni_agg_table *table,
          apply_scratch *scratch, cn_error *err)
{
    cni_agg_operator *op = &self->sets[at].op;
    if (cni_agg_has_blocks(op)) {
        return apply_source(self, at, (cni_agg_source){.partition = task}, 0, table, scratch, err);
    }
    CN_TRY(cni_agg_merge(op, task, err));
    CN_TRY(apply_final(self, at, &op->finals[task], table, scratch, err));
    cni_agg_final_done(op, &op->finals[task]);
    return CN_OK;
}

/* The groups of the task as a table. */
static cn_code
make_table(cni_agg_operator *self, cni_agg_final *final, cn_error *err)
{
    cni_agg_table *table = &final->table;
    if (table->layout != NULL) {
        return CN_OK;
    }
    CN_TRY(cni_agg_table_init(table, self->layout, self->allocator, err));
    CN_TRY(cni_arena_keep(table->heap, final->heap, err));
    CN_TRY(cni_agg_table_reserve(table, final->n_groups + 1, false, err));
    for (int64_t at = 0; at < final->n_pages; at++) {
        const cni_agg_page *page = final->pages[at];
        for (int64_t row = 0; page != NULL && row < page->n_rows; row++) {
            cni_agg_copy_row(self->layout, cni_agg_row(table, table->n_groups++),
                             cni_agg_page_row(self->layout, page, row));
        }
        if (page != NULL) {
            cni_agg_page_free(self, final->pages[at]);
            final->pages[at] = NULL;
        }
    }
    table->null_group = final->lone_null && table->n_groups > 0 ? 0 : -1;
    if (self->layout->n_keys == 0 && table->n_groups == 0) {
        (void)cni_agg_table_null_group(table);
    }
    return CN_OK;
}

/* Without keys: the groups that the tasks made become one. */
static cn_code
join_finals(cni_agg_operator *self, cn_error *err)
{
    cni_agg_table *into = &self->finals[0].table;
    const uint32_t group = 0;
    for (int32_t task = 1; task < self->n_finals; task++) {
        cni_agg_final *final = &self->finals[task];
        CN_TRY(cni_agg_combine_states(self, into->heap, into->rows, &group, final->table.rows, 1,
                                      err));
        final->n_groups = 0; /* its heap stays */
    }
    cni_counter_set(&self->n_groups, 1);
    return CN_OK;
}

/* The values of a set that belong to the piece of a walk; without keys all that there are. */
static cn_code
apply_piece(cni_agg_operator *self, cni_agg_walk *walk, int32_t at, cni_agg_table *table,
            apply_scratch *scratch, cn_error *err)
{
    if (self->layout->n_keys > 0) {
        return apply_source(self, at, cni_agg_walk_set_source(walk, at),
                            walk->first_level + walk->depth, table, scratch, err);
    }
    for (int32_t partition = 0; partition <= CNI_AGG_PARTITIONS; partition++) {
        CN_TRY(apply_source(self, at, (cni_agg_source){.partition = partition}, 0, table, scratch,
                            err));
    }
    return CN_OK;
}

/* Of the walk's piece, or (NULL) of a finalize task. */
static cn_code
apply_sets(cni_agg_operator *self, cni_agg_walk *walk, int32_t task, cni_agg_final *final,
           apply_scratch *scratch, cn_error *err)
{
    CN_TRY(make_table(self, final, err));
    for (int32_t at = 0; at < self->n_sets; at++) {
        if (walk == NULL) {
            CN_TRY(apply_set(self, at, task, &final->table, scratch, err));
        } else {
            CN_TRY(apply_piece(self, walk, at, &final->table, scratch, err));
        }
    }
    final->n_groups = final->table.n_groups;
    return CN_OK;
}

static cn_code
apply_with_scratch(cni_agg_operator *self, cni_agg_walk *walk, int32_t task, cni_agg_final *final,
                   cn_error *err)
{
    const int64_t key_bytes = BATCH_ROWS * (int64_t)self->layout->key_bytes;
    apply_scratch *scratch = NULL;
    CN_TRY(cni_alloc(self->allocator, (int64_t)sizeof(*scratch) + key_bytes, &scratch, err));
    scratch->keys = (void *)(scratch + 1);
    const cn_code code = apply_sets(self, walk, task, final, scratch, err);
    cni_dealloc(self->allocator, scratch, (int64_t)sizeof(*scratch) + key_bytes);
    return code;
}

cn_code
cni_agg_sets_apply_piece(cni_agg_operator *self, cni_agg_walk *walk, cn_error *err)
{
    return apply_with_scratch(self, walk, 0, &walk->final, err);
}

cn_code
cni_agg_sets_apply(cni_agg_operator *self, int32_t task, cni_agg_final *final, cn_error *err)
{
    return apply_with_scratch(self, NULL, task, final, err);
}

cn_code
cni_agg_sets_join(cni_agg_operator *self, cn_error *err)
{
    const bool is_last = cni_refcount_dec(&self->n_finals_left);
    return self->layout->n_keys == 0 && self->n_finals > 1 && is_last ? join_finals(self, err)
                                                                      : CN_OK;
}
