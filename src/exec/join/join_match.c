/* SPDX-License-Identifier: Apache-2.0
 *
 * From values to what comes out, by kind. Rows whose value decides (no residual, keys known to be
 * equal, one row per value) go straight through. Others are unfolded to candidates, at most a
 * chunk's rows at a time, in the order of the probe rows, checked, and put back together: a probe
 * row that may stay alone comes out where its candidates were.
 *
 *   local->row     next probe row      local->run_at  candidates it had in earlier steps
 *   rows [first, local->row) of a step are complete; local->row may be half done
 */
#include "exec/join/join_int.h"

#define RUNS_AHEAD 16 /* rows whose runs are on their way to the cache */

static bool
has_checks(const cni_join_probe *self)
{
    return self->build->verifies || self->join->residual != NULL;
}

cn_code
cni_join_fail_single(cn_error *err)
{
    const cn_code code = CN_FAIL(err, CN_INVALID_DATA,
                                 "more than one row returned by a subquery used as an expression");
    cni_error_sqlstate(err, "21000");
    return code;
}

static void
mark_rows(const cni_join_probe *self, const uint32_t *rows, int64_t n)
{
    cni_atomic_u8 *matched = self->build->matched;
    for (int64_t at = 0; self->marks && at < n; at++) {
        if (rows[at] != CNI_JOIN_NONE) {
            cni_mark_set(&matched[rows[at]]);
        }
    }
}

/* ---- candidates ---- */

/* Unfold the run of local->row from run_at on. False when it does not end within `cap`. */
static bool
unfold_run(const cni_join_probe *self, cni_join_local *local, uint32_t value, int64_t cap,
           int64_t *inout_n)
{
    const uint32_t *runs = atomic_load_explicit(&self->build->table.runs, memory_order_relaxed);
    const uint32_t *run = runs + (value & ~CNI_JOIN_RUN);
    int64_t n = *inout_n;
    int64_t at = local->run_at;
    bool ended = false;
    for (; !ended && n < cap; at++, n++) {
        ended = (run[at] & CNI_JOIN_RUN) != 0;
        local->pair_probe[n] = (uint32_t)local->row;
        local->pair_build[n] = run[at] & ~CNI_JOIN_RUN;
    }
    local->run_at = ended ? 0 : at;
    *inout_n = n;
    return ended;
}

/* Candidates of rows from local->row on. outer: a row without any counts as one, and is among them
 * when nothing is checked. skip: rows that need none any more. */
static int64_t
unfold(const cni_join_probe *self, cni_join_local *local, bool outer, const uint8_t *skip)
{
    const int64_t n_rows = local->probe.n_rows;
    const int64_t cap = self->base.context->settings.chunk_rows;
    const uint32_t *runs = atomic_load_explicit(&self->build->table.runs, memory_order_relaxed);
    const bool lists_alone = outer && !has_checks(self);
    int64_t n = 0;
    int64_t n_alone = 0;
    while (local->row < n_rows && n + n_alone < cap) {
        const uint32_t value = local->values[local->row];
        const uint32_t ahead = local->values[cni_min_i64(local->row + RUNS_AHEAD, n_rows - 1)];
        __builtin_prefetch(runs + (ahead & ~CNI_JOIN_RUN)); /* of no harm when it is none */
        if (value == CNI_JOIN_NONE || (skip != NULL && skip[local->row] != 0)) {
            local->run_at = 0;
            n_alone += outer && !lists_alone ? 1 : 0;
            local->pair_probe[n] = (uint32_t)local->row;
            local->pair_build[n] = CNI_JOIN_NONE;
            n += lists_alone ? 1 : 0;
        } else if ((value & CNI_JOIN_RUN) == 0) {
            local->pair_probe[n] = (uint32_t)local->row;
            local->pair_build[n++] = value;
        } else if (!unfold_run(self, local, value, cap - n_alone, &n)) {
            break;
        }
        local->row++;
    }
    return n;
}

/* ---- several passes over the same probe rows ---- */

cn_code
cni_join_note_matches(const cni_join_probe *self, cni_join_local *local, const uint32_t *probe_rows,
                      int64_t n, cn_error *err)
{
    const bool single = self->join->kind == CNI_PHYS_JOIN_SINGLE;
    for (int64_t at = 0; local->states != NULL && at < n; at++) {
        if (single && local->states[probe_rows[at]] != 0) {
            return cni_join_fail_single(err);
        }
        local->states[probe_rows[at]] = 1;
    }
    return CN_OK;
}

/* A match counts more than what is unknown. */
static void
note_tested(cni_join_local *local)
{
    for (int64_t row = 0; row < local->probe.n_rows; row++) {
        const uint8_t seen = local->states[row];
        const uint8_t found = local->matched[row];
        local->states[row] = seen == 1 || found == 1 ? 1 : (uint8_t)(seen | found);
    }
}

cn_code
cni_join_step_last(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    int64_t n = 0;
    if (!cni_join_gives_pairs(self->join)) {
        memcpy(local->matched, local->states, (size_t)local->probe.n_rows);
        return cni_join_give_tested(self, local, err);
    }
    for (int64_t row = 0; row < local->probe.n_rows; row++) {
        local->out_probe[n] = (uint32_t)row;
        local->out_build[n] = CNI_JOIN_NONE;
        n += local->states[row] == 0;
    }
    local->active = false;
    return cni_join_emit(self, local, local->out_probe, local->out_build, n, NULL, err);
}

/* ---- pairs ---- */

/* Complete rows without a match come out alone, in their place: pairs -> out. */
static cn_code
add_alone(const cni_join_probe *self, cni_join_local *local, int64_t first, int64_t n_pairs,
          int64_t *out_n, cn_error *err)
{
    const bool single = self->join->kind == CNI_PHYS_JOIN_SINGLE;
    const int64_t end = local->row + (local->run_at > 0 ? 1 : 0);
    bool matched = local->row_matched;
    int64_t at = 0;
    int64_t n = 0;
    for (int64_t row = first; row < end; row++) {
        for (; at < n_pairs && local->pair_probe[at] == row; at++) {
            if (single && matched) {
                return cni_join_fail_single(err);
            }
            local->out_probe[n] = (uint32_t)row;
            local->out_build[n++] = local->pair_build[at];
            matched = true;
        }
        if (!matched && row < local->row) {
            local->out_probe[n] = (uint32_t)row;
            local->out_build[n++] = CNI_JOIN_NONE;
        }
        matched = row == local->row && matched;
    }
    local->row_matched = local->run_at > 0 && matched;
    *out_n = n;
    return CN_OK;
}

/* Every value is one row or none, and a match: one step does it all. */
static cn_code
give_direct(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    const int64_t n_rows = local->probe.n_rows;
    local->active = false;
    if (self->outer) {
        mark_rows(self, local->values, n_rows);
        for (int64_t row = 0; row < n_rows; row++) {
            local->n_matches += local->values[row] != CNI_JOIN_NONE;
        }
        return cni_join_emit(self, local, NULL, local->values, n_rows, NULL, err);
    }
    const int64_t n =
        cni_join_loops_get()->select(local->values, n_rows, local->out_probe, local->out_build);
    local->n_matches += n;
    mark_rows(self, local->out_build, n);
    CN_TRY(cni_join_note_matches(self, local, local->out_probe, n, err));
    return cni_join_emit(self, local, n == n_rows ? NULL : local->out_probe, local->out_build, n,
                         NULL, err);
}

static cn_code
check_single(const cni_join_probe *self, const cni_join_local *local, cn_error *err)
{
    for (int64_t row = 0; row < local->probe.n_rows; row++) {
        const uint32_t value = local->values[row];
        if (value != CNI_JOIN_NONE && (value & CNI_JOIN_RUN) != 0) {
            return cni_join_fail_single(err);
        }
    }
    (void)self;
    return CN_OK;
}

cn_code
cni_join_step_pairs(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    const bool checks = has_checks(self);
    if (!checks && self->build->unique) {
        return give_direct(self, local, err);
    }
    if (!checks && self->join->kind == CNI_PHYS_JOIN_SINGLE) {
        CN_TRY(check_single(self, local, err));
        return give_direct(self, local, err);
    }
    const int64_t first = local->row;
    int64_t n = unfold(self, local, self->outer, NULL);
    if (checks) {
        CN_TRY(cni_join_check(self, local, local->pair_probe, local->pair_build, &n, err));
    }
    mark_rows(self, local->pair_build, n);
    CN_TRY(cni_join_note_matches(self, local, local->pair_probe, n, err));
    local->n_matches += n;
    local->active = local->row < local->probe.n_rows;
    if (checks && self->outer) {
        int64_t n_out = 0;
        CN_TRY(add_alone(self, local, first, n, &n_out, err));
        return cni_join_emit(self, local, local->out_probe, local->out_build, n_out, NULL, err);
    }
    return cni_join_emit(self, local, local->pair_probe, local->pair_build, n, NULL, err);
}

/* ---- tests ---- */

/* The mark: true, false, and NULL where matched is 2. */
static cn_code
make_mark(const cni_join_probe *self, const cni_join_local *local, cni_vector *out, cn_error *err)
{
    const int64_t n = local->probe.n_rows;
    bool any_unknown = false;
    for (int64_t row = 0; row < n; row++) {
        any_unknown = any_unknown || local->matched[row] == 2;
    }
    CN_TRY(cni_vector_new_flat(self->base.context->allocator, cni_type_of(CNI_TYPE_BOOL),
                               CNI_PHYS_BIT, n, any_unknown, out, err));
    uint8_t *bits = cni_vector_mutable_data(out);
    uint8_t *validity = cni_vector_mutable_validity(out);
    for (int64_t first = 0; first < n; first += 8) {
        unsigned byte = 0;
        unsigned known = 0;
        for (int64_t row = first; row < n && row < first + 8; row++) {
            byte |= (local->matched[row] == 1 ? 1U : 0U) << (row - first);
            known |= (local->matched[row] != 2 ? 1U : 0U) << (row - first);
        }
        bits[first >> 3] = (uint8_t)byte;
        if (any_unknown) {
            validity[first >> 3] = (uint8_t)known;
        }
    }
    return CN_OK;
}

cn_code
cni_join_give_tested(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    const int64_t n_rows = local->probe.n_rows;
    const uint8_t wanted = self->join->kind == CNI_PHYS_JOIN_PROBE_SEMI ? 1 : 0;
    int64_t n = 0;
    local->active = false;
    if (self->pass == CNI_JOIN_PASS_NOTE) {
        note_tested(local);
        return CN_OK;
    }
    if (cni_join_outputs_marks(self)) {
        CN_SCOPED(cni_vector) mark = {0};
        CN_TRY(make_mark(self, local, &mark, err));
        return cni_join_emit(self, local, NULL, NULL, n_rows, &mark, err);
    }
    for (int64_t row = 0; row < n_rows; row++) {
        local->out_probe[n] = (uint32_t)row;
        n += local->matched[row] == wanted;
    }
    local->n_matches += wanted == 1 ? n : n_rows - n;
    return cni_join_emit(self, local, n == n_rows ? NULL : local->out_probe, NULL, n, NULL, err);
}

/* null_aware with one key and no residual: NULL on either side makes a row without a match unknown,
 * unless there is nothing to compare with. */
static void
find_simple_unknown(const cni_join_probe *self, cni_join_local *local)
{
    const cni_join_build *build = self->build;
    const bool has_null = build->whole_null_rows > 0;
    if (build->whole_rows == 0 && !has_null) {
        return;
    }
    const cni_bits valid = local->keys[0].validity;
    const bool null_matches = self->join->null_equal[0];
    for (int64_t row = 0; row < local->probe.n_rows; row++) {
        const bool unknown = has_null || (!null_matches && !cni_bits_get(valid, row));
        local->matched[row] = local->matched[row] == 0 && unknown ? 2 : local->matched[row];
    }
}

static cn_code
test_candidates(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    memset(local->matched, 0, (size_t)local->probe.n_rows);
    while (local->row < local->probe.n_rows) {
        CN_TRY(cni_context_check(self->base.context, err));
        int64_t n = unfold(self, local, false, local->matched);
        CN_TRY(cni_join_check(self, local, local->pair_probe, local->pair_build, &n, err));
        for (int64_t at = 0; at < n; at++) {
            local->matched[local->pair_probe[at]] = 1;
        }
    }
    return CN_OK;
}

/* The value decides and there are no unknowns. */
static cn_code
give_by_value(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    const int64_t n_rows = local->probe.n_rows;
    const bool wanted = self->join->kind == CNI_PHYS_JOIN_PROBE_SEMI;
    const int64_t n =
        cni_join_loops_get()->select_rows(local->values, n_rows, wanted, local->out_probe);
    local->active = false;
    local->n_matches += wanted ? n : n_rows - n;
    return cni_join_emit(self, local, n == n_rows ? NULL : local->out_probe, NULL, n, NULL, err);
}

cn_code
cni_join_step_test(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    const int64_t n_rows = local->probe.n_rows;
    const bool checks = has_checks(self);
    const bool null_aware = self->join->null_aware;
    if (!checks && !null_aware && !cni_join_outputs_marks(self) &&
        self->pass == CNI_JOIN_PASS_ONLY) {
        return give_by_value(self, local, err);
    }
    if (checks) {
        CN_TRY(test_candidates(self, local, err));
    } else {
        for (int64_t row = 0; row < n_rows; row++) {
            local->matched[row] = local->values[row] != CNI_JOIN_NONE;
        }
    }
    if (self->three_valued) {
        CN_TRY(cni_join_find_unknown(self, local, err));
    } else if (null_aware) {
        find_simple_unknown(self, local);
    }
    return cni_join_give_tested(self, local, err);
}

/* ---- marks of build rows ---- */

/* Without checks the rows of a run are marked all or none. */
static void
mark_values(const cni_join_probe *self, const cni_join_local *local)
{
    cni_atomic_u8 *matched = self->build->matched;
    const uint32_t *runs = atomic_load_explicit(&self->build->table.runs, memory_order_relaxed);
    for (int64_t row = 0; row < local->probe.n_rows; row++) {
        const uint32_t value = local->values[row];
        if (value == CNI_JOIN_NONE) {
            continue;
        }
        if ((value & CNI_JOIN_RUN) == 0) {
            cni_mark_set(&matched[value]);
            continue;
        }
        const uint32_t *run = runs + (value & ~CNI_JOIN_RUN);
        bool ended = cni_mark_get(&matched[*run & ~CNI_JOIN_RUN]);
        for (; !ended; run++) {
            ended = (*run & CNI_JOIN_RUN) != 0;
            cni_mark_set(&matched[*run & ~CNI_JOIN_RUN]);
        }
    }
}

static int64_t
drop_marked(const cni_join_probe *self, cni_join_local *local, int64_t n)
{
    int64_t n_kept = 0;
    for (int64_t at = 0; at < n; at++) {
        local->pair_probe[n_kept] = local->pair_probe[at];
        local->pair_build[n_kept] = local->pair_build[at];
        n_kept += cni_mark_get(&self->build->matched[local->pair_build[at]]) ? 0 : 1;
    }
    return n_kept;
}

void
cni_join_note_probe_nulls(const cni_join_probe *self, int64_t n_rows, const cni_vector *key)
{
    if (n_rows > 0 && cni_flag_consume(&self->build->probe_rows) == 0) {
        cni_flag_publish(&self->build->probe_rows, 1);
    }
    if (!self->join->null_equal[0] && cni_vector_null_count(key) > 0) {
        cni_flag_publish(&self->build->probe_nulls, 1);
    }
}

cn_code
cni_join_step_mark(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    local->active = false;
    if (self->join->null_aware && !self->three_valued) {
        cni_join_note_probe_nulls(self, local->probe.n_rows, &local->keys[0]);
    }
    if (!has_checks(self)) {
        mark_values(self, local);
    }
    while (has_checks(self) && local->row < local->probe.n_rows) {
        CN_TRY(cni_context_check(self->base.context, err));
        int64_t n = unfold(self, local, false, NULL);
        n = drop_marked(self, local, n);
        CN_TRY(cni_join_check(self, local, local->pair_probe, local->pair_build, &n, err));
        mark_rows(self, local->pair_build, n);
    }
    return self->three_valued ? cni_join_find_unknown(self, local, err) : CN_OK;
}
