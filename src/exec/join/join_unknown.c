/* SPDX-License-Identifier: Apache-2.0
 *
 * null_aware joins over several keys or with a residual: the predicate of a pair is unknown when no
 * conjunct is false and some is NULL. For a probe row that has a NULL key every build row is looked
 * at; for others the build rows that have one, and, when there is a residual, those of equal keys.
 * Slow, and only for rows with NULLs or, with a residual, without a match.
 */
#include "data/kernel/ops.h"
#include "exec/join/join_int.h"

/* A probe row against build rows. */
typedef struct unknown_block {
    uint32_t probe_row;
    const uint32_t *build_rows;
    int64_t n;
    uint64_t *live;    /* no conjunct is false */
    uint64_t *unknown; /* some conjunct is NULL */
} unknown_block;

/* Take a three-valued vector into account. */
static cn_code
and_truth(const unknown_block *block, cni_allocator *allocator, const cni_vector *truth,
          cn_error *err)
{
    CN_SCOPED(cni_vector) flat = {0};
    CN_TRY(cni_vector_flatten(allocator, truth, &flat, err));
    const cni_bits is_true = {flat.data, flat.data_off_bits};
    for (int64_t row = 0; row < block->n; row += 64) {
        const int64_t n_bits = cni_min_i64(64, block->n - row);
        const uint64_t valid = cni_bits_word(flat.validity, row, n_bits);
        const uint64_t all = n_bits == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n_bits) - 1;
        block->live[row >> 6] &= ~(valid & ~cni_bits_word(is_true, row, n_bits));
        block->unknown[row >> 6] |= ~valid & all;
    }
    return CN_OK;
}

static cn_code
compare_key(const cni_join_probe *self, const cni_join_local *local, const unknown_block *block,
            int32_t key, cn_error *err)
{
    cni_allocator *allocator = self->base.context->allocator;
    const cni_op_env env = {allocator, cni_kernels_get(), NULL, block->n};
    CN_SCOPED(cni_vector) probe = {0};
    CN_SCOPED(cni_vector) build = {0};
    CN_SCOPED(cni_vector) truth = {0};
    CN_TRY(
        cni_join_constant(allocator, &local->keys[key], block->probe_row, block->n, &probe, err));
    CN_TRY(cni_vector_take(allocator, &self->build->key_columns[key], block->build_rows, block->n,
                           &build, err));
    if (self->join->null_equal[key]) {
        CN_TRY(cni_op_distinct(&env, true, &probe, &build, &truth, err));
    } else {
        CN_TRY(cni_op_compare(&env, CNI_EQ, &probe, &build, &truth, err));
    }
    return and_truth(block, allocator, &truth, err);
}

/* The eval chunk is filled; conjuncts see only rows that are live. */
static cn_code
and_residual(const cni_join_probe *self, cni_join_local *local, const unknown_block *block,
             cn_error *err)
{
    cni_allocator *allocator = self->base.context->allocator;
    const int64_t n_bytes = self->n_residuals * (int64_t)sizeof(cni_vector);
    const cni_bits live = {(const uint8_t *)block->live, 0};
    cni_vector *truths = NULL;
    local->eval.selection = (cni_selection){
        .kind = CNI_SEL_BITS, .n_selected = cni_bits_count(live, block->n), .bits = block->live};
    CN_TRY(cni_alloc_zeroed(allocator, n_bytes, &truths, err));
    cn_code code = cni_program_run(local->residual, &local->eval, truths, err);
    for (int32_t at = 0; code == CN_OK && at < self->n_residuals; at++) {
        code = and_truth(block, allocator, &truths[at], err);
    }
    for (int32_t at = 0; at < self->n_residuals; at++) {
        cni_vector_done(&truths[at]);
    }
    cni_dealloc(allocator, truths, n_bytes);
    local->eval.selection = (cni_selection){0};
    return code;
}

cn_code
cni_join_truth_of_eval(const cni_join_probe *self, cni_join_local *local, int64_t n,
                       uint64_t *inout_live, uint64_t *out_unknown, cn_error *err)
{
    const unknown_block block = {.n = n, .live = inout_live, .unknown = out_unknown};
    memset(out_unknown, 0, (size_t)cni_bits_words(n) * sizeof(*out_unknown));
    return and_residual(self, local, &block, err);
}

static void
fill_bits(uint64_t *words, int64_t n)
{
    memset(words, 0, (size_t)cni_bits_words(n) * sizeof(*words));
    cni_bits_fill((uint8_t *)words, 0, n, true);
}

/* What a block found: BUILD_ANTI marks the rows, the others note the probe row. */
static void
note_block(const cni_join_probe *self, cni_join_local *local, const unknown_block *block)
{
    for (int64_t at = 0; at < block->n; at++) {
        if (((block->live[at >> 6] >> (at & 63)) & 1) == 0) {
            continue;
        }
        const bool unknown = ((block->unknown[at >> 6] >> (at & 63)) & 1) != 0;
        if (self->marks) {
            cni_mark_set(&self->build->matched[block->build_rows[at]]);
        } else {
            local->matched[block->probe_row] = unknown ? 2 : 1;
        }
    }
}

static cn_code
compare_block(const cni_join_probe *self, cni_join_local *local, unknown_block *block,
              cn_error *err)
{
    fill_bits(block->live, block->n);
    memset(block->unknown, 0, (size_t)cni_bits_words(block->n) * sizeof(*block->unknown));
    for (int32_t key = 0; key < self->join->n_keys; key++) {
        CN_TRY(compare_key(self, local, block, key, err));
    }
    if (self->join->residual != NULL) {
        for (int64_t at = 0; at < block->n; at++) {
            local->pair_probe[at] = block->probe_row;
        }
        CN_TRY(
            cni_join_fill_eval(self, local, local->pair_probe, block->build_rows, block->n, err));
        const cn_code code = and_residual(self, local, block, err);
        cni_chunk_reset(&local->eval);
        CN_TRY(code);
    }
    note_block(self, local, block);
    return CN_OK;
}

/* Build rows list[0 .. n), or all n of them. */
static cn_code
compare_rows(const cni_join_probe *self, cni_join_local *local, int64_t probe_row,
             const uint32_t *list, int64_t n, cn_error *err)
{
    const int64_t cap = local->cap_rows;
    unknown_block block = {
        .probe_row = (uint32_t)probe_row,
        .live = local->bits + cni_bits_words(cap),
        .unknown = local->bits + 2 * cni_bits_words(cap),
    };
    for (int64_t first = 0; first < n; first += cap) {
        block.n = cni_min_i64(cap, n - first);
        block.build_rows = list == NULL ? local->scratch : list + first;
        for (int64_t at = 0; list == NULL && at < block.n; at++) {
            local->scratch[at] = (uint32_t)(first + at);
        }
        CN_TRY(cni_context_check(self->base.context, err));
        CN_TRY(compare_block(self, local, &block, err));
        if (!self->marks && local->matched[probe_row] != 0) {
            return CN_OK;
        }
    }
    return CN_OK;
}

/* The rows of a value, whose keys are equal (or only their hashes). */
static cn_code
compare_value(const cni_join_probe *self, cni_join_local *local, int64_t row, cn_error *err)
{
    const uint32_t *runs = atomic_load_explicit(&self->build->table.runs, memory_order_relaxed);
    const uint32_t value = local->values[row];
    if (value == CNI_JOIN_NONE) {
        return CN_OK;
    }
    if ((value & CNI_JOIN_RUN) == 0) {
        return compare_rows(self, local, row, &value, 1, err);
    }
    const uint32_t *run = runs + (value & ~CNI_JOIN_RUN);
    bool ended = false;
    while (!ended && (self->marks || local->matched[row] == 0)) {
        int64_t n = 0;
        for (; !ended && n < local->cap_rows; n++, run++) {
            ended = (*run & CNI_JOIN_RUN) != 0;
            local->out_build[n] = *run & ~CNI_JOIN_RUN;
        }
        CN_TRY(compare_rows(self, local, row, local->out_build, n, err));
    }
    return CN_OK;
}

static bool
has_null_key(const cni_join_probe *self, const cni_join_local *local, int64_t row)
{
    bool null = false;
    for (int32_t key = 0; key < self->join->n_keys; key++) {
        null =
            null || (!self->join->null_equal[key] && !cni_bits_get(local->keys[key].validity, row));
    }
    return null;
}

cn_code
cni_join_find_unknown(const cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    const cni_join_build *build = self->build;
    for (int64_t row = 0; row < local->probe.n_rows; row++) {
        if (!self->marks && local->matched[row] != 0) {
            continue;
        }
        if (has_null_key(self, local, row)) {
            CN_TRY(compare_rows(self, local, row, NULL, build->n_rows, err));
            continue;
        }
        if (build->n_listed_nulls > 0) {
            CN_TRY(compare_rows(self, local, row, build->null_rows, build->n_listed_nulls, err));
        }
        if (self->join->residual != NULL && (self->marks || local->matched[row] == 0)) {
            CN_TRY(compare_value(self, local, row, err));
        }
    }
    return CN_OK;
}
