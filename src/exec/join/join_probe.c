/* SPDX-License-Identifier: Apache-2.0
 *
 * JOIN_PROBE: takes chunks of the probe side, works each through in steps (join_match.c,
 * join_blocks.c) that give at most a few chunks, and hands those on. Between steps the chunk waits
 * in the local, so that a row with any number of matches needs no more memory than another.
 *
 *   push: chunk --lookup--> values --step--> ready[] --next--> step ... until it is worked through
 */
#include "exec/join/join_spill_int.h"

/* ---- locals ---- */

static void
free_rows(cni_allocator *allocator, cni_join_local *local)
{
    const int64_t cap = local->cap_rows;
    const int64_t room = (cap + 16) * (int64_t)sizeof(uint32_t);
    cni_dealloc(allocator, local->codes, (cap + 16) * (int64_t)sizeof(*local->codes));
    cni_dealloc(allocator, local->values, room);
    cni_dealloc(allocator, local->matched, cap + 16);
    cni_dealloc(allocator, local->pair_probe, room);
    cni_dealloc(allocator, local->pair_build, room);
    cni_dealloc(allocator, local->out_probe, room);
    cni_dealloc(allocator, local->out_build, room);
    cni_dealloc(allocator, local->scratch, room);
    cni_dealloc(allocator, local->bits, 3 * cni_bits_words(cap) * (int64_t)sizeof(uint64_t));
    local->codes = NULL;
    local->values = NULL;
    local->matched = NULL;
    local->pair_probe = NULL;
    local->pair_build = NULL;
    local->out_probe = NULL;
    local->out_build = NULL;
    local->scratch = NULL;
    local->bits = NULL;
}

static cn_code
alloc_rows(cni_allocator *allocator, cni_join_local *local, cn_error *err)
{
    const int64_t cap = local->cap_rows;
    const int64_t room = (cap + 16) * (int64_t)sizeof(uint32_t);
    CN_TRY(cni_alloc(allocator, (cap + 16) * (int64_t)sizeof(*local->codes), &local->codes, err));
    CN_TRY(cni_alloc(allocator, room, &local->values, err));
    CN_TRY(cni_alloc(allocator, cap + 16, &local->matched, err));
    CN_TRY(cni_alloc(allocator, room, &local->pair_probe, err));
    CN_TRY(cni_alloc(allocator, room, &local->pair_build, err));
    CN_TRY(cni_alloc(allocator, room, &local->out_probe, err));
    CN_TRY(cni_alloc(allocator, room, &local->out_build, err));
    CN_TRY(cni_alloc(allocator, room, &local->scratch, err));
    return cni_alloc(allocator, 3 * cni_bits_words(cap) * (int64_t)sizeof(uint64_t), &local->bits,
                     err);
}

/* Room for chunks of n rows: between chunks, when nothing is in the arrays. */
static cn_code
reserve_rows(cni_join_probe *self, cni_join_local *local, int64_t n, cn_error *err)
{
    cni_allocator *allocator = self->base.context->allocator;
    if (n <= local->cap_rows) {
        return CN_OK;
    }
    free_rows(allocator, local);
    local->cap_rows = n;
    return alloc_rows(allocator, local, err);
}

static void
close_local(cni_operator *base, void *opaque)
{
    const cni_join_probe *self = (const cni_join_probe *)base;
    cni_allocator *allocator = base->context->allocator;
    cni_join_local *local = opaque;
    const int32_t n_keys = self->join->n_keys;
    if (local == NULL) {
        return;
    }
    cni_counter_add(&cni_join_root(self->build)->n_matches, local->n_matches);
    cni_join_drop_divert(local);
    cni_program_state_free(local->residual);
    cni_chunk_done(&local->probe);
    cni_chunk_done(&local->eval);
    for (int32_t key = 0; local->keys != NULL && key < n_keys; key++) {
        cni_vector_done(&local->keys[key]);
    }
    cni_dealloc(allocator, local->keys, n_keys * (int64_t)sizeof(*local->keys));
    free_rows(allocator, local);
    cni_dealloc(allocator, local->part_build,
                base->context->settings.chunk_rows * (int64_t)sizeof(uint32_t));
    cni_dealloc(allocator, local->entry_values, local->cap_entries * (int64_t)sizeof(uint32_t));
    for (int32_t at = 0; at < CNI_JOIN_MAX_PARTS; at++) {
        cni_chunk_done(&local->parts[at]);
    }
    for (int32_t at = 0; at < CN_ARRAY_LEN(local->ready); at++) {
        cni_chunk_done(&local->ready[at]);
    }
    cni_dealloc(allocator, local, (int64_t)sizeof(*local));
}

static cn_code
init_local(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    cni_context *context = self->base.context;
    cni_allocator *allocator = context->allocator;
    const int64_t chunk_rows = context->settings.chunk_rows;
    cni_chunk_init(&local->probe, allocator);
    cni_chunk_init(&local->eval, allocator);
    for (int32_t at = 0; at < CNI_JOIN_MAX_PARTS; at++) {
        cni_chunk_init(&local->parts[at], allocator);
    }
    for (int32_t at = 0; at < CN_ARRAY_LEN(local->ready); at++) {
        cni_chunk_init(&local->ready[at], allocator);
    }
    CN_TRY(cni_alloc_zeroed(allocator, self->join->n_keys * (int64_t)sizeof(*local->keys),
                            &local->keys, err));
    CN_TRY(cni_alloc(allocator, chunk_rows * (int64_t)sizeof(uint32_t), &local->part_build, err));
    CN_TRY(reserve_rows(self, local, cni_max_i64(chunk_rows, self->block_rows), err));
    if (self->join->residual != NULL) {
        CN_TRY(cni_program_state_new(self->join->residual, context, &local->residual, err));
        cni_program_state_charge(local->residual, self->base.budget);
    }
    return CN_OK;
}

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    cni_join_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(base->context->allocator, (int64_t)sizeof(*local), &local, err));
    const cn_code code = init_local((cni_join_probe *)base, local, err);
    if (code != CN_OK) {
        close_local(base, local);
        return code;
    }
    *out_local = local;
    return CN_OK;
}

/* ---- working ---- */

static cn_code
step(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    if (self->pass == CNI_JOIN_PASS_LAST) {
        return cni_join_step_last(self, local, err);
    }
    switch ((cni_join_way)self->way) {
    case CNI_JOIN_WAY_PAIRS:
        return cni_join_step_pairs(self, local, err);
    case CNI_JOIN_WAY_TEST:
        return cni_join_step_test(self, local, err);
    case CNI_JOIN_WAY_MARK:
        return cni_join_step_mark(self, local, err);
    default:
        return cni_join_step_blocks(self, local, err);
    }
}

/* The morsel's end travels on its last chunk, or alone. */
static cn_code
end_morsel(const cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    local->wants_end = false;
    CN_TRY(cni_join_flush_parts(self, local, err));
    if (local->n_ready == 0) {
        cni_chunk_reset(&local->ready[0]);
        local->ready[0].sequence = local->sequence;
        local->n_ready = 1;
    }
    local->ready[local->n_ready - 1].ends_morsel = true;
    return CN_OK;
}

/* Until something is ready or nothing is left. */
static cn_code
work(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    local->n_ready = 0;
    local->next_ready = 0;
    while (local->active && local->n_ready == 0) {
        CN_TRY(cni_context_check(self->base.context, err));
        CN_TRY(step(self, local, err));
    }
    if (!local->active && local->wants_end) {
        CN_TRY(end_morsel(self, local, err));
    }
    if (!local->active) {
        cni_chunk_reset(&local->probe);
    }
    return CN_OK;
}

/* Take the chunk and find its rows' values. */
static cn_code
begin(cni_join_probe *self, cni_join_local *local, cni_chunk *chunk, cn_error *err)
{
    CN_TRY(reserve_rows(self, local, chunk->n_rows, err));
    cni_chunk_reset(&local->probe);
    cni_chunk_swap(&local->probe, chunk);
    local->row = 0;
    local->run_at = 0;
    local->row_matched = false;
    local->active = true;
    if (self->spills) {
        if (self->join->null_aware && self->way == CNI_JOIN_WAY_MARK && !self->three_valued) {
            cni_join_note_probe_nulls(self, local->probe.n_rows,
                                      &local->probe.columns[self->join->probe_keys[0]]);
        }
        CN_TRY(cni_join_divert(self, local, &local->active, err));
    }
    if (!local->active || self->pass == CNI_JOIN_PASS_LAST) {
        return CN_OK;
    }
    if (self->way == CNI_JOIN_WAY_BLOCKS) {
        cni_join_begin_blocks(self, local);
        return CN_OK;
    }
    return cni_join_lookup(self, local, err);
}

static cni_op_answer
answer_of(const cni_join_probe *self, const cni_join_local *local)
{
    if (local->active || local->wants_end || local->next_ready < local->n_ready) {
        return CNI_OP_HAVE_MORE;
    }
    return self->nothing_can_match ? CNI_OP_DONE : CNI_OP_NEED_MORE;
}

static cn_code
push(cni_operator *base, void *opaque, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    cni_join_probe *self = (cni_join_probe *)base;
    cni_join_local *local = opaque;
    cni_waker_drop(own_waker);
    local->sequence = chunk->sequence;
    local->wants_end = chunk->ends_morsel;
    if (chunk->n_rows > 0 && !self->nothing_can_match) {
        CN_TRY(begin(self, local, chunk, err));
    }
    CN_TRY(work(self, local, err));
    *out_answer = answer_of(self, local);
    return CN_OK;
}

static cn_code
next(cni_operator *base, void *opaque, cni_chunk *out_chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    cni_join_probe *self = (cni_join_probe *)base;
    cni_join_local *local = opaque;
    cni_waker_drop(own_waker);
    if (local->next_ready == local->n_ready && (local->active || local->wants_end)) {
        CN_TRY(work(self, local, err));
    }
    if (local->next_ready < local->n_ready) {
        cni_chunk *ready = &local->ready[local->next_ready++];
        cni_chunk_swap(out_chunk, ready);
        cni_chunk_reset(ready);
    }
    *out_answer = answer_of(self, local);
    return CN_OK;
}

static cn_code
flush(cni_operator *base, void *opaque, cni_flush_reason reason, cn_error *err)
{
    cni_join_probe *self = (cni_join_probe *)base;
    cni_join_local *local = opaque;
    local->n_ready = 0;
    local->next_ready = 0;
    if (reason != CNI_FLUSH_MORSEL) {
        CN_TRY(cni_join_end_divert(self, local, err));
    }
    return cni_join_flush_parts(self, local, err);
}

/* ---- life ---- */

static void
close_probe(cni_operator *base)
{
    cni_join_probe *self = (cni_join_probe *)base;
    cni_allocator *allocator = base->context->allocator;
    const int64_t n_bytes = self->join->n_outputs * (int64_t)sizeof(int32_t);
    cni_budget_unref(base->budget);
    cni_dealloc(allocator, self->probe_outputs, n_bytes);
    cni_dealloc(allocator, self->output_of_probe, n_bytes);
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
}

/* With the partitions that were worked off behind the probe. */
static int32_t
notes(const cni_operator *base, cni_op_note *out_notes, int32_t max_notes)
{
    const cni_join_probe *self = (const cni_join_probe *)base;
    cni_join_build *build = cni_join_root(self->build);
    const cni_op_note all[] = {
        {"spilled_partitions", NULL, cni_counter_get(&build->n_spilled_parts)},
        {"spilled_bytes", NULL, cni_counter_get(&build->n_spilled_bytes)},
        {"levels", NULL, cni_counter_get(&build->n_levels)},
        {"passes", NULL, cni_counter_get(&build->n_passes)},
    };
    return cni_operator_give_notes(all, self->spills ? CN_ARRAY_LEN(all) : 0, out_notes, max_notes);
}

static const cni_operator_ops join_probe_ops = {
    .name = "JoinProbe",
    .open_local = open_local,
    .push = push,
    .next = next,
    .flush = flush,
    .on_watermark = cni_operator_pass_watermark, /* the flush before it has emptied the operator */
    .notes = notes,
    .close_local = close_local,
    .close = close_probe,
};

/* Each probe column that comes out once, whatever the number of outputs that show it. */
static void
list_probe_outputs(cni_join_probe *self)
{
    const cni_phys_join *join = self->join;
    for (int32_t at = 0; at < join->n_outputs; at++) {
        const cni_phys_join_output *output = &join->outputs[at];
        self->output_of_probe[at] = -1;
        if (output->from_build) {
            continue;
        }
        int32_t seen = 0;
        while (seen < self->n_probe_outputs && self->probe_outputs[seen] != output->position) {
            seen++;
        }
        if (seen == self->n_probe_outputs) {
            self->probe_outputs[self->n_probe_outputs++] = output->position;
        }
        self->output_of_probe[at] = seen;
    }
}

static cni_join_way
way_of(const cni_phys_join *join)
{
    if (join->n_keys == 0) {
        return CNI_JOIN_WAY_BLOCKS;
    }
    switch ((cni_phys_join_kind)join->kind) {
    case CNI_PHYS_JOIN_PROBE_SEMI:
    case CNI_PHYS_JOIN_PROBE_ANTI:
    case CNI_PHYS_JOIN_MARK:
        return CNI_JOIN_WAY_TEST;
    case CNI_PHYS_JOIN_BUILD_SEMI:
    case CNI_PHYS_JOIN_BUILD_ANTI:
        return CNI_JOIN_WAY_MARK;
    default:
        return CNI_JOIN_WAY_PAIRS;
    }
}

static bool
nothing_can_match(const cni_join_build *build)
{
    switch ((cni_phys_join_kind)build->join->kind) {
    case CNI_PHYS_JOIN_INNER:
    case CNI_PHYS_JOIN_BUILD_OUTER:
    case CNI_PHYS_JOIN_PROBE_SEMI:
    case CNI_PHYS_JOIN_BUILD_SEMI:
        return build->n_rows == 0 || build->table.strategy == CNI_JOIN_NOTHING;
    case CNI_PHYS_JOIN_BUILD_ANTI:
        return build->n_rows == 0;
    default:
        return false;
    }
}

static void
choose_traits(cni_join_probe *self)
{
    const cni_phys_join *join = self->join;
    self->way = (uint8_t)way_of(join);
    self->outer = self->build->adds_null_row;
    self->marks = self->build->marks;
    self->three_valued = self->build->compares_nulls;
    self->spills = cni_join_spill_of(self->build) != NULL;
    self->nothing_can_match = !self->spills && nothing_can_match(self->build);
    self->n_residuals = join->residual == NULL ? 0 : cni_program_n_outputs(join->residual);
    const int64_t chunk_rows = self->base.context->settings.chunk_rows;
    self->block_rows = chunk_rows;
    if (self->way == CNI_JOIN_WAY_BLOCKS && join->residual != NULL) {
        self->block_rows =
            cni_max_i64(chunk_rows, cni_min_i64(CNI_CHUNK_ROWS_DEFAULT,
                                                CNI_JOIN_LEAST_BLOCK_CHUNKS * chunk_rows));
    }
    self->full_rows = cni_min_i64(CNI_JOIN_FULL_ROWS, self->base.context->settings.chunk_rows);
}

cn_code
cni_join_probe_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                            cni_operator *build, cni_operator **out_operator, cn_error *err)
{
    cni_allocator *allocator = env->context->allocator;
    cni_join_probe *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    cni_operator_init(&self->base, &join_probe_ops, env, spec->plan);
    self->spec = spec;
    self->join = spec->join;
    self->build = cni_join_build_of(build);
    const int64_t n = spec->join->n_outputs;
    cn_code code =
        cni_alloc_array(allocator, n, (int64_t)sizeof(int32_t), &self->probe_outputs, err);
    if (code == CN_OK) {
        code = cni_alloc_array(allocator, n, (int64_t)sizeof(int32_t), &self->output_of_probe, err);
    }
    if (code == CN_OK) {
        code = cni_program_account_new(spec->join->residual, env->context, "join probe",
                                       &self->base.budget, err);
    }
    if (code != CN_OK) {
        close_probe(&self->base);
        return code;
    }
    list_probe_outputs(self);
    choose_traits(self);
    *out_operator = &self->base;
    return CN_OK;
}
