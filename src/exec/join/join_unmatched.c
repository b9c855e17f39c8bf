/* SPDX-License-Identifier: Apache-2.0
 *
 * Build rows as a source, when all probing has ended: those that nothing matched (BUILD_OUTER,
 * FULL, BUILD_ANTI) or those that something did (BUILD_SEMI). Morsels are slices of the build.
 */
#include "exec/join/join_spill_int.h"

#define MORSEL_ROWS (1 << 15)

typedef struct unmatched_scan {
    cni_scan base;
    cni_join_build *build; /* borrowed */
    const cni_phys_join *join;
    cni_context *context;
    bool wanted;           /* matched ones */
    cni_atomic_i64 next;   /* counter: morsels handed out */
    cni_atomic_i64 n_read; /* counter: rows looked at */
} unmatched_scan;

typedef struct unmatched_local {
    int64_t morsel;
    int64_t row; /* the next one */
    uint32_t *rows;
} unmatched_local;

static cni_morsel_answer
next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    unmatched_scan *self = (unmatched_scan *)base;
    cni_waker_drop(own_waker);
    *out_morsel = cni_counter_add(&self->next, 1);
    return *out_morsel < base->n_morsels ? CNI_MORSEL_TAKEN : CNI_MORSEL_NONE;
}

static void
close_local(cni_scan *base, void *opaque)
{
    const unmatched_scan *self = (const unmatched_scan *)base;
    unmatched_local *local = opaque;
    if (local != NULL) {
        cni_dealloc(self->context->allocator, local->rows,
                    self->context->settings.chunk_rows * (int64_t)sizeof(*local->rows));
        cni_dealloc(self->context->allocator, local, (int64_t)sizeof(*local));
    }
}

static cn_code
open_local(cni_scan *base, void **out_local, cn_error *err)
{
    const unmatched_scan *self = (const unmatched_scan *)base;
    unmatched_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->context->allocator, (int64_t)sizeof(*local), &local, err));
    local->morsel = -1;
    const cn_code code =
        cni_alloc_array(self->context->allocator, self->context->settings.chunk_rows,
                        (int64_t)sizeof(*local->rows), &local->rows, err);
    if (code != CN_OK) {
        close_local(base, local);
        return code;
    }
    *out_local = local;
    return CN_OK;
}

/* Rows of the morsel from local->row on, at most a chunk's. */
static int64_t
list_rows(const unmatched_scan *self, unmatched_local *local, int64_t end)
{
    const int64_t most = self->context->settings.chunk_rows;
    const cni_atomic_u8 *matched = self->build->matched;
    const bool all = cni_flag_consume(&self->build->all_matched) != 0;
    int64_t n = 0;
    for (; local->row < end && n < most; local->row++) {
        local->rows[n] = (uint32_t)local->row;
        n += (all || cni_mark_get(&matched[local->row])) == self->wanted;
    }
    return n;
}

static cn_code
fill_column(const unmatched_scan *self, const unmatched_local *local, int32_t output, int64_t n,
            cni_vector *out, cn_error *err)
{
    const cni_phys_join_output *column = &self->join->outputs[output];
    cni_allocator *allocator = self->context->allocator;
    if (column->from_build) {
        return cni_join_take_build(self->build, allocator, column->position, local->rows, n, false,
                                   out, err);
    }
    return cni_vector_new_null(allocator, self->join->probe_types[column->position], n, out, err);
}

static cn_code
read_rows(cni_scan *base, void *opaque, int64_t morsel, cni_waker own_waker, cni_chunk *inout_chunk,
          cni_read_answer *out_answer, cn_error *err)
{
    unmatched_scan *self = (unmatched_scan *)base;
    unmatched_local *local = opaque;
    const int64_t end = cni_min_i64(self->build->n_rows, (morsel + 1) * MORSEL_ROWS);
    cni_waker_drop(own_waker);
    if (local->morsel != morsel) {
        local->morsel = morsel;
        local->row = morsel * MORSEL_ROWS;
    }
    const int64_t first = local->row;
    const int64_t n = list_rows(self, local, end);
    cni_counter_add(&self->n_read, local->row - first);
    if (n == 0) {
        *out_answer = CNI_READ_END;
        return CN_OK;
    }
    CN_TRY(cni_chunk_set_columns(inout_chunk, self->join->n_outputs, err));
    for (int32_t output = 0; output < self->join->n_outputs; output++) {
        CN_TRY(fill_column(self, local, output, n, &inout_chunk->columns[output], err));
    }
    inout_chunk->n_rows = n;
    inout_chunk->sequence = morsel;
    inout_chunk->ends_morsel = local->row == end;
    *out_answer = CNI_READ_CHUNK;
    return CN_OK;
}

static double
progress(const cni_scan *base)
{
    const unmatched_scan *self = (const unmatched_scan *)base;
    const int64_t n_rows = self->build->n_rows;
    return n_rows == 0 ? 1.0 : (double)cni_counter_get(&self->n_read) / (double)n_rows;
}

static void
close_scan(cni_scan *base)
{
    unmatched_scan *self = (unmatched_scan *)base;
    cni_dealloc(self->context->allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops unmatched_ops = {
    .next_morsel = next_morsel,
    .open_local = open_local,
    .close_local = close_local,
    .read = read_rows,
    .progress = progress,
    .close = close_scan,
};

/* null_aware BUILD_ANTI with one key: a NULL probe key is unknown to every row, and a NULL build
 * key to every probe row. */
static void
mark_unknown(cni_join_build *build)
{
    if (cni_flag_consume(&build->probe_nulls) != 0) {
        cni_flag_publish(&build->all_matched, 1);
    }
    for (int64_t at = 0; cni_flag_consume(&build->probe_rows) != 0 && at < build->n_listed_nulls;
         at++) {
        cni_mark_set(&build->matched[build->null_rows[at]]);
    }
}

bool
cni_join_gives_build_rows(const cni_phys_join *join)
{
    return join->kind == CNI_PHYS_JOIN_BUILD_OUTER || join->kind == CNI_PHYS_JOIN_FULL ||
           join->kind == CNI_PHYS_JOIN_BUILD_SEMI || join->kind == CNI_PHYS_JOIN_BUILD_ANTI;
}

cn_code
cni_join_unmatched_scan_new(cni_join_build *build, const cni_phys_join *join, cni_context *context,
                            cni_scan **out_scan, cn_error *err)
{
    unmatched_scan *self = NULL;
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*self), &self, err));
    self->base.ops = &unmatched_ops;
    self->build = build;
    self->join = join;
    self->context = context;
    self->wanted = join->kind == CNI_PHYS_JOIN_BUILD_SEMI;
    self->base.n_morsels = 0;
    if (cni_join_gives_build_rows(join)) {
        self->base.n_morsels = (build->n_rows + MORSEL_ROWS - 1) / MORSEL_ROWS;
        mark_unknown(build);
    }
    *out_scan = &self->base;
    return CN_OK;
}
