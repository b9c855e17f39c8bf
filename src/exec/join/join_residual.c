/* SPDX-License-Identifier: Apache-2.0
 *
 * Which candidate pairs are matches: the keys where only their hash was equal, then the residual
 * program over the columns that it names, gathered for the pairs that are left.
 */
#include "data/kernel/ops.h"
#include "exec/join/join_int.h"

/* ---- keys ---- */

/* Pairs whose items are the same bytes; false when the layouts have no such loop. */
static bool
keep_equal_items(const cni_vector *probe, const cni_vector *build, uint32_t *probe_rows,
                 uint32_t *build_rows, int64_t *inout_n)
{
    const int64_t n = *inout_n;
    int64_t n_kept = 0;
    if (probe->phys != build->phys || probe->validity.data != NULL ||
        build->validity.data != NULL) {
        return false;
    }
    switch (probe->phys) {
    case CNI_PHYS_I32:
    case CNI_PHYS_U32:
        for (int64_t at = 0; at < n; at++) {
            const uint32_t a = probe_rows[at];
            const uint32_t b = build_rows[at];
            probe_rows[n_kept] = a;
            build_rows[n_kept] = b;
            n_kept += ((const int32_t *)probe->data)[a] == ((const int32_t *)build->data)[b];
        }
        break;
    case CNI_PHYS_I64:
    case CNI_PHYS_U64:
        for (int64_t at = 0; at < n; at++) {
            const uint32_t a = probe_rows[at];
            const uint32_t b = build_rows[at];
            probe_rows[n_kept] = a;
            build_rows[n_kept] = b;
            n_kept += ((const int64_t *)probe->data)[a] == ((const int64_t *)build->data)[b];
        }
        break;
    case CNI_PHYS_VIEW:
        for (int64_t at = 0; at < n; at++) {
            const uint32_t a = probe_rows[at];
            const uint32_t b = build_rows[at];
            probe_rows[n_kept] = a;
            build_rows[n_kept] = b;
            n_kept += cni_view_equal((const cni_view *)probe->data + a,
                                     (const cni_view *)build->data + b);
        }
        break;
    default:
        return false;
    }
    *inout_n = n_kept;
    return true;
}

static int64_t
compact(const uint64_t *bits, uint32_t *probe_rows, uint32_t *build_rows, int64_t n)
{
    int64_t n_kept = 0;
    for (int64_t at = 0; at < n; at++) {
        const uint32_t a = probe_rows[at];
        const uint32_t b = build_rows[at];
        probe_rows[n_kept] = a;
        build_rows[n_kept] = b;
        n_kept += (int64_t)((bits[at >> 6] >> (at & 63)) & 1);
    }
    return n_kept;
}

/* Any type; NULL = NULL, which candidates of other keys than IS NOT DISTINCT FROM do not have. */
static cn_code
keep_not_distinct(const cni_join_probe *self, cni_join_local *local, int32_t key,
                  uint32_t *probe_rows, uint32_t *build_rows, int64_t *inout_n, cn_error *err)
{
    cni_allocator *allocator = self->base.context->allocator;
    const cni_op_env env = {allocator, cni_kernels_get(), NULL, *inout_n};
    CN_SCOPED(cni_vector) probe = {0};
    CN_SCOPED(cni_vector) build = {0};
    CN_SCOPED(cni_vector) same = {0};
    CN_TRY(cni_vector_take(allocator, &local->keys[key], probe_rows, *inout_n, &probe, err));
    CN_TRY(cni_vector_take(allocator, &self->build->key_columns[key], build_rows, *inout_n, &build,
                           err));
    CN_TRY(cni_op_distinct(&env, true, &probe, &build, &same, err));
    CN_TRY(cni_op_true_bits(&env, &same, local->bits, err));
    *inout_n = compact(local->bits, probe_rows, build_rows, *inout_n);
    return CN_OK;
}

/* ---- residual ---- */

cn_code
cni_join_fill_eval(const cni_join_probe *self, cni_join_local *local, const uint32_t *probe_rows,
                   const uint32_t *build_rows, int64_t n, cn_error *err)
{
    const cni_phys_join *join = self->join;
    cni_allocator *allocator = self->base.context->allocator;
    cni_chunk_reset(&local->eval);
    CN_TRY(cni_chunk_set_columns(&local->eval, join->n_residual_columns, err));
    for (int32_t at = 0; at < join->n_residual_columns; at++) {
        const cni_phys_join_output *column = &join->residual_columns[at];
        cni_vector *out = &local->eval.columns[at];
        if (column->from_build) {
            CN_TRY(cni_join_take_build(self->build, allocator, column->position, build_rows, n,
                                       false, out, err));
        } else {
            CN_TRY(cni_vector_take(allocator, &local->probe.columns[column->position], probe_rows,
                                   n, out, err));
        }
    }
    local->eval.n_rows = n;
    return CN_OK;
}

cn_code
cni_join_check(const cni_join_probe *self, cni_join_local *local, uint32_t *inout_probe,
               uint32_t *inout_build, int64_t *inout_n, cn_error *err)
{
    const cni_join_build *build = self->build;
    for (int32_t key = 0; build->verifies && key < self->join->n_keys && *inout_n > 0; key++) {
        if (!keep_equal_items(&local->keys[key], &build->key_columns[key], inout_probe, inout_build,
                              inout_n)) {
            CN_TRY(keep_not_distinct(self, local, key, inout_probe, inout_build, inout_n, err));
        }
    }
    if (self->join->residual == NULL || *inout_n == 0) {
        return CN_OK;
    }
    CN_TRY(cni_join_fill_eval(self, local, inout_probe, inout_build, *inout_n, err));
    CN_TRY(cni_program_filter(local->residual, &local->eval, err));
    if (local->eval.selection.kind != CNI_SEL_NONE) {
        cni_selection_to_bits(&local->eval.selection, *inout_n, local->bits);
        *inout_n = compact(local->bits, inout_probe, inout_build, *inout_n);
    }
    cni_chunk_reset(&local->eval);
    return CN_OK;
}
