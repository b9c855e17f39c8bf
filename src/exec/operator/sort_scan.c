/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of a sort as a source: morsels are slices of the order; each chunk gathers its rows from
 * the joined columns.
 */
#include "exec/operator/sort_data.h"
#include "plan/table/table.h"

#define MORSEL_ROWS (1 << 15)

typedef struct sort_scan {
    cni_scan base;
    const cni_sort_result *result; /* borrowed */
    int64_t first;
    int64_t end;
    cni_atomic_i64 next;       /* counter: morsels handed out */
    cni_atomic_i64 rows_given; /* counter */
} sort_scan;

typedef struct sort_scan_local {
    int64_t morsel;
    int64_t given; /* rows of it */
} sort_scan_local;

static cni_morsel_answer
next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    sort_scan *self = (sort_scan *)base;
    cni_waker_drop(own_waker);
    *out_morsel = cni_counter_add(&self->next, 1);
    return *out_morsel < base->n_morsels ? CNI_MORSEL_TAKEN : CNI_MORSEL_NONE;
}

static cn_code
open_local(cni_scan *base, void **out_local, cn_error *err)
{
    const sort_scan *self = (const sort_scan *)base;
    sort_scan_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->result->plan->allocator, (int64_t)sizeof(*local), &local, err));
    local->morsel = -1;
    *out_local = local;
    return CN_OK;
}

static void
close_local(cni_scan *base, void *local)
{
    const sort_scan *self = (const sort_scan *)base;
    cni_dealloc(self->result->plan->allocator, local, (int64_t)sizeof(sort_scan_local));
}

static cn_code
read_rows(cni_scan *base, void *opaque, int64_t morsel, cni_waker own_waker, cni_chunk *inout_chunk,
          cni_read_answer *out_answer, cn_error *err)
{
    sort_scan *self = (sort_scan *)base;
    sort_scan_local *local = opaque;
    const cni_sort_plan *plan = self->result->plan;
    cni_waker_drop(own_waker);
    if (local->morsel != morsel) {
        *local = (sort_scan_local){.morsel = morsel};
    }
    const int64_t first = self->first + morsel * MORSEL_ROWS + local->given;
    const int64_t end = cni_min_i64(self->end, self->first + (morsel + 1) * MORSEL_ROWS);
    const int64_t n_rows = cni_min_i64(plan->context->settings.chunk_rows, end - first);
    CN_TRY(cni_chunk_set_columns(inout_chunk, plan->spec->n_outputs, err));
    for (int32_t column = 0; column < plan->spec->n_outputs; column++) {
        CN_TRY(cni_vector_take(plan->context->allocator, &self->result->columns[column],
                               self->result->order + first, n_rows, &inout_chunk->columns[column],
                               err));
    }
    local->given += n_rows;
    cni_counter_add(&self->rows_given, n_rows);
    inout_chunk->n_rows = n_rows;
    inout_chunk->ends_morsel = first + n_rows == end;
    *out_answer = CNI_READ_CHUNK;
    return CN_OK;
}

static double
progress(const cni_scan *base)
{
    const sort_scan *self = (const sort_scan *)base;
    const int64_t n_rows = self->end - self->first;
    return n_rows == 0 ? 1.0 : (double)cni_counter_get(&self->rows_given) / (double)n_rows;
}

static void
close_scan(cni_scan *base)
{
    sort_scan *self = (sort_scan *)base;
    cni_dealloc(self->result->plan->allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops sort_scan_ops = {
    .next_morsel = next_morsel,
    .open_local = open_local,
    .close_local = close_local,
    .read = read_rows,
    .progress = progress,
    .close = close_scan,
};

cn_code
cni_sort_scan_new(const cni_sort_result *result, int64_t first, int64_t end, cni_scan **out_scan,
                  cn_error *err)
{
    sort_scan *self = NULL;
    CN_TRY(cni_alloc_zeroed(result->plan->allocator, (int64_t)sizeof(*self), &self, err));
    self->base.ops = &sort_scan_ops;
    self->result = result;
    self->end = cni_min_i64(end, result->n_ordered);
    self->first = cni_min_i64(first, self->end);
    self->base.n_morsels = (self->end - self->first + MORSEL_ROWS - 1) / MORSEL_ROWS;
    *out_scan = &self->base;
    return CN_OK;
}
