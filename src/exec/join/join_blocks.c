/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins without keys. Without a residual every pair is a match: the side with fewer rows stands
 * still, row by row, as CONSTANT vectors beside shared or sliced ones of the other, so that no
 * value is copied; a build of one row costs nothing per row. With a residual the same blocks are
 * what the program runs over.
 */
#include "exec/join/join_int.h"

bool
cni_join_gives_pairs(const cni_phys_join *join)
{
    switch ((cni_phys_join_kind)join->kind) {
    case CNI_PHYS_JOIN_INNER:
    case CNI_PHYS_JOIN_PROBE_OUTER:
    case CNI_PHYS_JOIN_BUILD_OUTER:
    case CNI_PHYS_JOIN_FULL:
    case CNI_PHYS_JOIN_SINGLE:
        return true;
    default:
        return false;
    }
}

void
cni_join_begin_blocks(const cni_join_probe *self, cni_join_local *local)
{
    const int64_t n_probe = local->probe.n_rows;
    const int64_t n_build = self->build->n_rows;
    const bool keep_order = self->base.keep_order && n_build > 1;
    local->blocks = (cni_join_blocks){
        .build_stands = !keep_order && n_probe >= cni_min_i64(n_build, self->block_rows),
    };
    local->n_pairs = 0;
    local->pair_at = 0;
    if (local->states != NULL) {
        memcpy(local->matched, local->states, (size_t)n_probe);
    } else {
        memset(local->matched, 0, (size_t)n_probe);
    }
}

/* ---- moving through the pairs ---- */

static int64_t
standing_rows(const cni_join_probe *self, const cni_join_local *local)
{
    return local->blocks.build_stands ? self->build->n_rows : local->probe.n_rows;
}

static int64_t
moving_rows(const cni_join_probe *self, const cni_join_local *local)
{
    return local->blocks.build_stands ? local->probe.n_rows : self->build->n_rows;
}

static void
next_standing(cni_join_local *local)
{
    local->blocks.standing++;
    local->blocks.moving = 0;
}

static bool
all_pairs_seen(const cni_join_probe *self, const cni_join_local *local)
{
    return moving_rows(self, local) == 0 || local->blocks.standing >= standing_rows(self, local);
}

/* Rows of the block at hand; moves behind it. */
static int64_t
advance(const cni_join_probe *self, cni_join_local *local)
{
    cni_join_blocks *blocks = &local->blocks;
    const int64_t n_moving = moving_rows(self, local);
    const int64_t n = cni_min_i64(self->block_rows, n_moving - blocks->moving);
    blocks->moving += n;
    if (blocks->moving >= n_moving) {
        next_standing(local);
    }
    return n;
}

/* ---- every pair is a match ---- */

/* The first step of a chunk: all of its rows have a match when there is any build row. */
static cn_code
note_all(const cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    const bool first = local->blocks.standing == 0 && local->blocks.moving == 0;
    for (int64_t row = 0; local->states != NULL && first && row < local->probe.n_rows; row++) {
        if (self->join->kind == CNI_PHYS_JOIN_SINGLE && local->states[row] != 0) {
            return cni_join_fail_single(err);
        }
        local->states[row] = 1;
    }
    return CN_OK;
}

static cn_code
give_all_pairs(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    const int64_t n_build = self->build->n_rows;
    const cni_join_blocks at = local->blocks;
    if (n_build == 0) {
        local->active = false;
        return self->outer
                   ? cni_join_emit_block(self, local, -1, CNI_JOIN_NONE, local->probe.n_rows, err)
                   : CN_OK;
    }
    if (self->join->kind == CNI_PHYS_JOIN_SINGLE && n_build > 1) {
        return cni_join_fail_single(err);
    }
    CN_TRY(note_all(self, local, err));
    const int64_t n = advance(self, local);
    local->n_matches += n;
    local->active = !all_pairs_seen(self, local);
    if (at.build_stands && n < local->probe.n_rows) { /* more rows than a chunk should have */
        for (int64_t row = 0; row < n; row++) {
            local->pair_probe[row] = (uint32_t)(at.moving + row);
            local->pair_build[row] = (uint32_t)at.standing;
        }
        return cni_join_emit(self, local, local->pair_probe, local->pair_build, n, NULL, err);
    }
    return at.build_stands ? cni_join_emit_block(self, local, -1, at.standing, n, err)
                           : cni_join_emit_block(self, local, at.standing, at.moving, n, err);
}

static cn_code
step_unconditional(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    if (self->marks && self->build->n_rows > 0) {
        if (cni_flag_consume(&self->build->all_matched) == 0) {
            cni_flag_publish(&self->build->all_matched, 1);
        }
    }
    if (cni_join_gives_pairs(self->join)) {
        return give_all_pairs(self, local, err);
    }
    local->active = false;
    if (self->marks) {
        return CN_OK;
    }
    memset(local->matched, self->build->n_rows > 0 ? 1 : 0, (size_t)local->probe.n_rows);
    return cni_join_give_tested(self, local, err);
}

/* ---- pairs that a residual decides on ---- */

/* Residual columns of the block: the standing side as constants. */
static cn_code
fill_block(const cni_join_probe *self, cni_join_local *local, const cni_join_blocks *at, int64_t n,
           cn_error *err)
{
    const cni_phys_join *join = self->join;
    const cni_join_build *build = self->build;
    cni_allocator *allocator = self->base.context->allocator;
    cni_chunk_reset(&local->eval);
    CN_TRY(cni_chunk_set_columns(&local->eval, join->n_residual_columns, err));
    for (int32_t column = 0; column < join->n_residual_columns; column++) {
        const cni_phys_join_output *wanted = &join->residual_columns[column];
        cni_vector *out = &local->eval.columns[column];
        const cni_vector *from = wanted->from_build
                                     ? &build->columns[build->stored_of[wanted->position]]
                                     : &local->probe.columns[wanted->position];
        if (wanted->from_build == at->build_stands) {
            CN_TRY(cni_join_constant(allocator, from, at->standing, n, out, err));
        } else {
            cni_vector_slice(out, from, at->moving, n);
        }
    }
    local->eval.n_rows = n;
    return CN_OK;
}

static uint32_t
probe_row_of(const cni_join_blocks *at, int64_t moved)
{
    return (uint32_t)(at->build_stands ? at->moving + moved : at->standing);
}

static uint32_t
build_row_of(const cni_join_blocks *at, int64_t moved)
{
    return (uint32_t)(at->build_stands ? at->standing : at->moving + moved);
}

/* Rows of the block whose pair is still of interest. */
static int64_t
find_open(const cni_join_probe *self, const cni_join_local *local, const cni_join_blocks *at,
          int64_t n, uint64_t *out_open)
{
    const bool pairs = cni_join_gives_pairs(self->join);
    int64_t n_open = 0;
    memset(out_open, 0, (size_t)cni_bits_words(n) * sizeof(*out_open));
    for (int64_t row = 0; row < n; row++) {
        const bool open =
            pairs || (self->marks ? !cni_mark_get(&self->build->matched[build_row_of(at, row)])
                                  : local->matched[probe_row_of(at, row)] != 1);
        out_open[row >> 6] |= (uint64_t)open << (row & 63);
        n_open += open;
    }
    return n_open;
}

/* Truth of the block: live = true or unknown. */
static cn_code
evaluate(const cni_join_probe *self, cni_join_local *local, int64_t n, int64_t n_open,
         uint64_t *inout_live, uint64_t *out_unknown, cn_error *err)
{
    if (self->join->null_aware) {
        return cni_join_truth_of_eval(self, local, n, inout_live, out_unknown, err);
    }
    memset(out_unknown, 0, (size_t)cni_bits_words(n) * sizeof(*out_unknown));
    if (n_open < n) {
        local->eval.selection =
            (cni_selection){.kind = CNI_SEL_BITS, .n_selected = n_open, .bits = inout_live};
    }
    CN_TRY(cni_program_filter(local->residual, &local->eval, err));
    if (local->eval.selection.bits != inout_live) { /* it was narrowed */
        cni_selection_to_bits(&local->eval.selection, n, inout_live);
    }
    return CN_OK;
}

/* Pairs that are true (or unknown) are noted; those that come out are listed. */
static cn_code
note_pairs(const cni_join_probe *self, cni_join_local *local, const cni_join_blocks *at, int64_t n,
           const uint64_t *live, const uint64_t *unknown, int64_t *out_n, cn_error *err)
{
    const bool single = self->join->kind == CNI_PHYS_JOIN_SINGLE;
    const bool pairs = cni_join_gives_pairs(self->join);
    int64_t n_out = 0;
    for (int64_t word = 0; word < cni_bits_words(n); word++) {
        for (uint64_t bits = live[word]; bits != 0; bits &= bits - 1) {
            const int64_t bit = __builtin_ctzll(bits);
            const uint32_t probe_row = probe_row_of(at, word * 64 + bit);
            const uint32_t build_row = build_row_of(at, word * 64 + bit);
            const bool is_true = ((unknown[word] >> bit) & 1) == 0;
            if (single && local->matched[probe_row] != 0) {
                return cni_join_fail_single(err);
            }
            if (self->marks) {
                cni_mark_set(&self->build->matched[build_row]);
            }
            local->matched[probe_row] = is_true || local->matched[probe_row] == 1 ? 1 : 2;
            local->pair_probe[n_out] = probe_row;
            local->pair_build[n_out] = build_row;
            n_out += pairs ? 1 : 0;
        }
    }
    *out_n = n_out;
    return CN_OK;
}

/* All pairs have been seen: rows that stay alone, or those that were tested. */
static cn_code
finish(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    int64_t n = 0;
    local->active = false;
    if (!cni_join_gives_pairs(self->join)) {
        return self->join->kind == CNI_PHYS_JOIN_BUILD_SEMI ||
                       self->join->kind == CNI_PHYS_JOIN_BUILD_ANTI
                   ? CN_OK
                   : cni_join_give_tested(self, local, err);
    }
    if (local->states != NULL) {
        memcpy(local->states, local->matched, (size_t)local->probe.n_rows);
    }
    for (int64_t row = 0; self->outer && row < local->probe.n_rows; row++) {
        local->out_probe[n] = (uint32_t)row;
        local->out_build[n] = CNI_JOIN_NONE;
        n += local->matched[row] == 0;
    }
    return cni_join_emit(self, local, local->out_probe, local->out_build, n, NULL, err);
}

/* The next of the pairs that a block gave. */
static cn_code
give_some_pairs(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    const int64_t most = self->base.context->settings.chunk_rows;
    const int64_t first = local->pair_at;
    const int64_t n = cni_min_i64(most, local->n_pairs - first);
    local->pair_at += n;
    return cni_join_emit(self, local, local->pair_probe + first, local->pair_build + first, n, NULL,
                         err);
}

static cn_code
step_residual(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    if (local->pair_at < local->n_pairs) {
        return give_some_pairs(self, local, err);
    }
    if (all_pairs_seen(self, local)) {
        return finish(self, local, err);
    }
    const cni_join_blocks at = local->blocks;
    const bool tests = !cni_join_gives_pairs(self->join) && !self->marks;
    if (tests && !at.build_stands && local->matched[at.standing] == 1) {
        next_standing(local);
        return CN_OK;
    }
    uint64_t *live = local->bits + cni_bits_words(local->cap_rows);
    uint64_t *unknown = local->bits + 2 * cni_bits_words(local->cap_rows);
    const int64_t n = advance(self, local);
    const int64_t n_open = find_open(self, local, &at, n, live);
    if (n_open == 0) {
        return CN_OK;
    }
    int64_t n_out = 0;
    CN_TRY(fill_block(self, local, &at, n, err));
    cn_code code = evaluate(self, local, n, n_open, live, unknown, err);
    cni_chunk_reset(&local->eval);
    CN_TRY(code);
    CN_TRY(note_pairs(self, local, &at, n, live, unknown, &n_out, err));
    local->n_matches += n_out;
    local->n_pairs = n_out;
    local->pair_at = 0;
    return give_some_pairs(self, local, err);
}

cn_code
cni_join_step_blocks(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    return self->join->residual == NULL ? step_unconditional(self, local, err)
                                        : step_residual(self, local, err);
}
