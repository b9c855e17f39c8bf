/* SPDX-License-Identifier: Apache-2.0
 *
 * The aggregation operator: its life and its slots. What happens in them is in the files that
 * aggregate_operator_int.h draws.
 */
#include "exec/operator/aggregate.h"

#include "exec/operator/aggregate_operator_int.h"
#include "exec/operator/operators.h"

/* ---- locals ---- */

/* Per input: two arrays of words and a bitmap. */
static int64_t
input_bytes(const cni_agg_operator *self, int64_t cap_rows)
{
    return self->layout->n_inputs * (cap_rows * 2 + cap_rows / 64) * 8;
}

static void
free_scratch(cni_agg_operator *self, cni_agg_local *local)
{
    const int64_t n = local->cap_rows;
    cni_dealloc(self->allocator, local->keys, n * self->layout->key_bytes);
    cni_dealloc(self->allocator, local->hashes, n * (int64_t)sizeof(*local->hashes));
    cni_dealloc(self->allocator, local->groups, n * (int64_t)sizeof(*local->groups));
    cni_dealloc(self->allocator, local->list, 4 * n * (int64_t)sizeof(*local->list));
    cni_dealloc(self->allocator, local->live, cni_bits_words(n) * 8);
    cni_dealloc(self->allocator, local->input_rows, input_bytes(self, n));
    local->input_rows = NULL;
    local->keys = NULL;
    local->hashes = NULL;
    local->groups = NULL;
    local->list = NULL;
    local->live = NULL;
    local->cap_rows = 0;
}

cn_code
cni_agg_local_reserve(cni_agg_operator *self, cni_agg_local *local, int64_t n_rows, cn_error *err)
{
    if (n_rows <= local->cap_rows) {
        return CN_OK;
    }
    const int64_t n = cni_round_up(n_rows, 256);
    free_scratch(self, local);
    local->cap_rows = n;
    CN_TRY(cni_alloc(self->allocator, n * self->layout->key_bytes, &local->keys, err));
    CN_TRY(cni_alloc(self->allocator, n * (int64_t)sizeof(*local->hashes), &local->hashes, err));
    CN_TRY(cni_alloc(self->allocator, n * (int64_t)sizeof(*local->groups), &local->groups, err));
    CN_TRY(cni_alloc(self->allocator, 4 * n * (int64_t)sizeof(*local->list), &local->list, err));
    CN_TRY(cni_alloc(self->allocator, input_bytes(self, n), &local->input_rows, err));
    return cni_alloc(self->allocator, cni_bits_words(n) * 8, &local->live, err);
}

static void
forget_vectors(cni_agg_operator *self, cni_agg_local *local)
{
    for (int32_t key = 0; local->key_vectors != NULL && key < self->spec->n_keys; key++) {
        cni_vector_done(&local->key_vectors[key]);
    }
    for (int32_t input = 0; local->flat != NULL && input < self->spec->n_inputs; input++) {
        cni_vector_done(&local->flat[input]);
    }
    cni_arena_unref(local->scratch);
    local->scratch = NULL;
}

void
cni_agg_local_free(cni_agg_operator *self, cni_agg_local *local)
{
    const int64_t vector_bytes = (int64_t)sizeof(cni_vector);
    if (local == NULL) {
        return;
    }
    cni_agg_sets_close(self, local);
    forget_vectors(self, local);
    free_scratch(self, local);
    cni_dealloc(self->allocator, local->key_vectors, self->spec->n_keys * vector_bytes);
    cni_dealloc(self->allocator, local->flat, self->spec->n_inputs * vector_bytes);
    for (int32_t at = 0; local->pages != NULL && at <= CNI_AGG_PARTITIONS; at++) {
        cni_agg_pages_free(self, &local->pages[at]);
    }
    cni_dealloc(self->allocator, local->pages,
                (CNI_AGG_PARTITIONS + 1) * (int64_t)sizeof(*local->pages));
    for (int32_t at = 0; local->blocks != NULL && at <= CNI_AGG_PARTITIONS; at++) {
        cni_agg_blocks_done(self, &local->blocks[at]);
    }
    cni_dealloc(self->allocator, local->blocks,
                (CNI_AGG_PARTITIONS + 1) * (int64_t)sizeof(*local->blocks));
    cni_agg_spiller_end(&local->spiller);
    cni_agg_direct_done(self, local);
    cni_agg_table_done(&local->table);
    cni_dealloc(self->allocator, local->prepared,
                self->layout->n_inputs * (int64_t)sizeof(*local->prepared));
    cni_dealloc(self->allocator, local->done,
                self->layout->n_inputs * (int64_t)sizeof(*local->done));
    cni_dealloc(self->allocator, local, (int64_t)sizeof(*local));
}

static cn_code
local_init(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    const int64_t vector_bytes = (int64_t)sizeof(cni_vector);
    CN_TRY(cni_agg_table_init(&local->table, self->layout, self->allocator, err));
    CN_TRY(cni_alloc_zeroed(self->allocator, self->spec->n_keys * vector_bytes, &local->key_vectors,
                            err));
    CN_TRY(
        cni_alloc_zeroed(self->allocator, self->spec->n_inputs * vector_bytes, &local->flat, err));
    CN_TRY(cni_alloc_zeroed(self->allocator,
                            self->layout->n_inputs * (int64_t)sizeof(*local->prepared),
                            &local->prepared, err));
    CN_TRY(cni_alloc_zeroed(self->allocator, self->layout->n_inputs * (int64_t)sizeof(*local->done),
                            &local->done, err));
    if (self->spec->n_keys == 0) {
        CN_TRY(cni_agg_table_reserve(&local->table, 1, false, err));
        (void)cni_agg_table_null_group(&local->table);
    }
    return CN_OK;
}

cn_code
cni_agg_local_new(cni_agg_operator *self, cni_agg_local **out_local, cn_error *err)
{
    cni_agg_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->allocator, (int64_t)sizeof(*local), &local, err));
    cn_code code = local_init(self, local, err);
    if (code == CN_OK && self->n_sets > 0) {
        code = cni_agg_sets_open(self, local, err);
    }
    if (code != CN_OK) {
        cni_agg_local_free(self, local);
        return code;
    }
    *out_local = local;
    return CN_OK;
}

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    cni_agg_local *local = NULL;
    CN_TRY(cni_agg_local_new((cni_agg_operator *)base, &local, err));
    *out_local = local;
    return CN_OK;
}

static void
close_local(cni_operator *base, void *opaque)
{
    cni_agg_local *local = opaque;
    if (local != NULL && !local->combined) { /* the operator keeps combined ones */
        cni_agg_local_free((cni_agg_operator *)base, local);
    }
}

/* ---- rows ---- */

static cn_code
push_own_rows(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk, cn_error *err)
{
    CN_TRY(cni_agg_local_reserve(self, local, chunk->n_rows, err));
    const uint32_t *groups = NULL;
    if (self->layout->n_keys > 0) {
        CN_TRY(cni_agg_lookup(self, local, chunk, &groups, err));
    }
    CN_TRY(cni_agg_update(self, local, chunk, groups, err));
    local->rows_in += chunk->n_rows;
    if (self->layout->n_keys > 0) {
        CN_TRY(cni_agg_make_room(self, local, err));
    }
    return cni_agg_relieve(self, local, err);
}

cn_code
cni_agg_push_rows(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
                  cn_error *err)
{
    CN_TRY(cni_context_check(self->base.context, err));
    cn_code code = push_own_rows(self, local, chunk, err);
    if (code == CN_OK && self->n_sets > 0) {
        code = cni_agg_sets_push(self, local, chunk, err);
    }
    forget_vectors(self, local);
    return code;
}

static cn_code
push(cni_operator *base, void *opaque, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    cni_agg_operator *self = (cni_agg_operator *)base;
    cni_agg_local *local = opaque;
    cni_waker_drop(own_waker);
    *out_answer = CNI_OP_NEED_MORE;
    if (chunk->n_rows == 0) {
        return CN_OK;
    }
    return cni_agg_push_rows(self, local, chunk, err);
}

cn_code
cni_agg_local_combine(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    free_scratch(self, local);
    cni_agg_direct_done(self, local);
    (void)cni_counter_add(&self->n_direct, local->n_direct);
    (void)cni_counter_add(&self->n_hashed, local->n_hashed);
    (void)cni_counter_add(&self->n_appended, local->n_appended);
    if (self->layout->n_keys > 0 &&
        (local->pages != NULL ||
         (self->base.n_workers > 1 && local->table.n_groups > CNI_AGG_SMALL_GROUPS))) {
        CN_TRY(cni_agg_flush(self, local, err));
        cni_agg_table_trim(&local->table);
    }
    CN_TRY(cni_agg_relieve(self, local, err));
    cni_mutex_lock(&self->mutex);
    if (self->last_local == NULL) {
        self->locals = local;
    } else {
        self->last_local->next = local;
    }
    self->last_local = local;
    local->combined = true;
    cni_mutex_unlock(&self->mutex);
    return CN_OK;
}

static cn_code
combine(cni_operator *base, void *opaque, cn_error *err)
{
    cni_agg_operator *self = (cni_agg_operator *)base;
    cni_agg_local *local = opaque;
    if (self->n_sets > 0) {
        CN_TRY(cni_agg_sets_combine(self, local, err));
    }
    return cni_agg_local_combine(self, local, err);
}

/* ---- finalize ---- */

static bool
is_partitioned(const cni_agg_operator *self)
{
    for (const cni_agg_local *local = self->locals; local != NULL; local = local->next) {
        if (local->pages != NULL || local->blocks != NULL) {
            return true;
        }
    }
    return false;
}

static int32_t
finalize_tasks(cni_operator *base)
{
    cni_agg_operator *self = (cni_agg_operator *)base;
    bool partitioned = is_partitioned(self);
    cni_agg_settle(self);
    if (self->lazy) {
        return cni_agg_settle_tasks(self);
    }
    for (int32_t set = 0; set < self->n_sets; set++) {
        partitioned = partitioned || is_partitioned(&self->sets[set].op);
    }
    return partitioned ? CNI_AGG_PARTITIONS + 1 : 1;
}

static cn_code
make_finals(cni_agg_operator *self, int32_t n_finals, cn_error *err)
{
    CN_TRY(cni_alloc_zeroed(self->allocator, n_finals * (int64_t)sizeof(*self->finals),
                            &self->finals, err));
    self->n_finals = n_finals;
    cni_counter_set(&self->n_finals_left, n_finals);
    return CN_OK;
}

/* By the first task of all. Under the lock. */
static cn_code
make_all_finals(cni_agg_operator *self, int32_t n_finals, cn_error *err)
{
    for (int32_t set = 0; set < self->n_sets && self->n_finals == 0; set++) {
        if (self->sets[set].op.n_finals == 0) {
            CN_TRY(make_finals(&self->sets[set].op, n_finals, err));
        }
    }
    return self->n_finals == 0 ? make_finals(self, n_finals, err) : CN_OK;
}

static cn_code
do_task(cni_agg_operator *self, int32_t task, int32_t n_tasks, cn_error *err)
{
    if (self->lazy) {
        return cni_agg_settle_task(self, task, err);
    }
    cni_mutex_lock(&self->mutex);
    const cn_code code = make_all_finals(self, n_tasks, err);
    cni_mutex_unlock(&self->mutex);
    return code == CN_OK ? cni_agg_merge(self, task, err) : code;
}

static cn_code
finalize(cni_operator *base, int32_t task, int32_t n_tasks, cn_error *err)
{
    cni_agg_operator *self = (cni_agg_operator *)base;
    CN_TRY(do_task(self, task, n_tasks, err));
    cni_mutex_lock(&self->mutex);
    const bool is_last = ++self->n_finalized == n_tasks;
    cni_mutex_unlock(&self->mutex);
    if (is_last) { /* sees what the others have made */
        cni_agg_arm(self);
    }
    return CN_OK;
}

/* ---- figures ---- */

static int64_t
state_bytes(const cni_operator *base)
{
    return cni_budget_current_bytes(base->budget);
}

/* The strategy that met the most rows. */
static const char *
strategy_name(const cni_agg_operator *self)
{
    const int64_t n_direct = cni_counter_get(&self->n_direct);
    const int64_t n_hashed = cni_counter_get(&self->n_hashed);
    const int64_t n_appended = cni_counter_get(&self->n_appended);
    if (self->layout->n_keys == 0) {
        return "reduce";
    }
    if (n_direct + n_hashed + n_appended == 0) {
        return "none";
    }
    if (n_direct >= n_hashed && n_direct >= n_appended) {
        return "direct";
    }
    return n_hashed >= n_appended ? "hash" : "append";
}

static int64_t
n_spilled_partitions(const cni_agg_operator *self)
{
    return __builtin_popcountll((uint64_t)cni_counter_get(&self->spilled_partitions));
}

static int32_t
notes(const cni_operator *base, cni_op_note *out_notes, int32_t max_notes)
{
    const cni_agg_operator *self = (const cni_agg_operator *)base;
    const cni_op_note all[] = {
        {"strategy", strategy_name(self), 0},
        {"groups", NULL, cni_counter_get(&self->n_groups)},
        {"partitions", NULL, self->lazy || self->n_finals > 1 ? CNI_AGG_PARTITIONS : 0},
        {"flushes", NULL, cni_counter_get(&self->n_flushes)},
        {"direct", NULL, cni_counter_get(&self->n_direct)},
        {"hashed", NULL, cni_counter_get(&self->n_hashed)},
        {"appended", NULL, cni_counter_get(&self->n_appended)},
        {"sets", NULL, self->n_sets},
        {"spilled_partitions", NULL, n_spilled_partitions(self)},
        {"spilled_bytes", NULL, cni_counter_get(&self->spilled_bytes)},
        {"levels", NULL, cni_counter_get(&self->n_levels)},
        {"sorted_values", NULL, cni_counter_get(&self->n_sorted)},
        {"reductions", NULL, cni_counter_get(&self->n_reductions)},
    };
    return cni_operator_give_notes(all, CN_ARRAY_LEN(all), out_notes, max_notes);
}

/* ---- life ---- */

void
cni_agg_release_locals(cni_agg_operator *self)
{
    while (self->locals != NULL) {
        cni_agg_local *local = self->locals;
        self->locals = local->next;
        cni_agg_local_free(self, local);
    }
    self->last_local = NULL;
}

void
cni_agg_release_groups(cni_agg_operator *self)
{
    cni_agg_release_locals(self);
    for (int32_t final = 0; final < self->n_finals; final++) {
        cni_agg_final_done(self, &self->finals[final]);
    }
    cni_dealloc(self->allocator, self->finals, self->n_finals * (int64_t)sizeof(*self->finals));
    self->finals = NULL;
    self->n_finals = 0;
}

void
cni_agg_operator_release(cni_agg_operator *self)
{
    cni_agg_release_groups(self);
    cni_spill_close(self->file);
    cni_mutex_done(&self->mutex);
}

static void
close_operator(cni_operator *base)
{
    cni_agg_operator *self = (cni_agg_operator *)base;
    cni_agg_operator_release(self); /* locals of sets go with them */
    if (self->base.budget != NULL) {
        (void)cni_budget_put_by(self->base.budget, 0);
    }
    cni_read_gate_done(&self->gate);
    cni_agg_sets_done(self);
    cni_arena_unref(self->arena);
    cni_budget_unref(self->base.budget);
    cni_dealloc(base->context->allocator, self, (int64_t)sizeof(*self));
}

static const cni_operator_ops aggregate_ops = {
    .name = "Aggregate",
    .open_local = open_local,
    .push = push,
    .combine = combine,
    .finalize_tasks = finalize_tasks,
    .finalize = finalize,
    .open_source = cni_agg_open_source,
    .reclaim = cni_agg_reclaim,
    .reclaims_while_read = true,
    .state_bytes = state_bytes,
    .notes = notes,
    .close_local = close_local,
    .close = close_operator,
};

static cn_code
make_value_layouts(cni_agg_operator *self, cn_error *err)
{
    const int32_t n_keys = self->layout->n_keys;
    int32_t *position = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &position, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_keys, (int64_t)sizeof(*self->value_layouts),
                                 (void *)&self->value_layouts, err));
    for (int32_t key = 0; key < n_keys; key++) {
        const cni_phys_aggregate alone = {
            .n_inputs = 1,
            .input_types = &self->layout->keys[key].type,
            .n_keys = 1,
            .keys = position,
        };
        CN_TRY(cni_agg_layout_new(self->arena, &alone, NULL, self->base.context,
                                  &self->value_layouts[key], err));
    }
    return CN_OK;
}

cn_code
cni_agg_make_layouts(cni_agg_operator *self, const cni_agg_layout *prefix, cn_error *err)
{
    CN_TRY(cni_agg_layout_new(self->arena, self->spec, prefix, self->base.context, &self->layout,
                              err));
    return make_value_layouts(self, err);
}

static cn_code
operator_init(cni_agg_operator *self, cn_error *err)
{
    cni_context *context = self->base.context;
    CN_TRY(cni_budget_new(context->budget, "aggregation", CNI_BUDGET_UNLIMITED, &self->base.budget,
                          err));
    self->allocator = cni_budget_allocator(self->base.budget);
    CN_TRY(cni_arena_new(self->allocator, "aggregation", &self->arena, err));
    CN_TRY(cni_agg_make_layouts(self, NULL, err));
    return cni_agg_sets_init(self, err);
}

static cn_code
check_calls(const cni_phys_aggregate *spec, cn_error *err)
{
    for (int32_t at = 0; at < spec->n_calls; at++) {
        const cni_phys_call *call = &spec->calls[at];
        const cni_str name = call->function->name;
        if (call->n_args > CNI_AGG_MAX_ARGS) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED, "aggregate %.*s has more than %d arguments",
                           (int)name.len_bytes, name.data, CNI_AGG_MAX_ARGS);
        }
        if (call->n_orders > CNI_AGG_MAX_ORDERS) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED,
                           "ORDER BY of aggregate %.*s has more than %d keys", (int)name.len_bytes,
                           name.data, CNI_AGG_MAX_ORDERS);
        }
    }
    return CN_OK;
}

cn_code
cni_aggregate_operator_new(const cni_phys_aggregate *spec, cni_context *context, int32_t n_workers,
                           cni_operator **out_operator, cn_error *err)
{
    cni_agg_operator *self = NULL;
    CN_TRY(check_calls(spec, err));
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*self), &self, err));
    self->base.ops = &aggregate_ops;
    self->base.context = context;
    self->base.n_workers = n_workers;
    self->spec = spec;
    self->kernels = cni_kernels_get();
    self->agg_kernels = cni_agg_kernels_get();
    cni_mutex_init(&self->mutex);
    cni_read_gate_init(&self->gate);
    const cn_code code = operator_init(self, err);
    if (code != CN_OK) {
        close_operator(&self->base);
        return code;
    }
    *out_operator = &self->base;
    return CN_OK;
}
