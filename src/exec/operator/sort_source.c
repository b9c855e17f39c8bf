/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of a sort as a source: a morsel is a range of its set, which the worker that takes it
 * reads and puts in order. Outputs are gathered from the range's payload or read back from keys.
 */
#include "exec/operator/sort_int.h"

typedef struct sort_source {
    cni_scan base;
    const cni_sort_set *set; /* borrowed */
    int64_t first;
    int64_t end;
    cni_atomic_i64 next;       /* counter: morsels handed out */
    cni_atomic_i64 rows_given; /* counter */
} sort_source;

typedef struct sort_source_local {
    cni_sort_range range;
    int64_t morsel;
    int64_t next; /* row of the range ... */
    int64_t end;  /* ... up to this one */
    uint32_t rows[CNI_CHUNK_ROWS_MAX];
} sort_source_local;

static cni_morsel_answer
next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    sort_source *self = (sort_source *)base;
    cni_waker_drop(own_waker);
    *out_morsel = cni_counter_add(&self->next, 1);
    return *out_morsel < base->n_morsels ? CNI_MORSEL_TAKEN : CNI_MORSEL_NONE;
}

static cn_code
open_local(cni_scan *base, void **out_local, cn_error *err)
{
    const sort_source *self = (const sort_source *)base;
    const cni_sort_plan *plan = self->set->plan;
    sort_source_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(plan->allocator, (int64_t)sizeof(*local), &local, err));
    cni_sort_range_init(&local->range, self->set,
                        plan->spec->first_per_key ? plan->spec->offset : 0);
    local->morsel = -1;
    *out_local = local;
    return CN_OK;
}

static void
close_local(cni_scan *base, void *opaque)
{
    const sort_source *self = (const sort_source *)base;
    sort_source_local *local = opaque;
    if (local != NULL) {
        cni_sort_range_done(&local->range);
        cni_dealloc(self->set->plan->allocator, local, (int64_t)sizeof(*local));
    }
}

/* ---- columns ---- */

/* Where the values of a key lie and how they are written. */
typedef struct restore {
    const cni_sort_range *range;
    const cni_sort_item *items;
    const cni_sort_spec *spec;
    int64_t offset;
    int64_t n_rows;
} restore;

static inline const uint8_t *
key_at(const restore *self, int64_t row)
{
    return self->range->keys[self->items[row].row] + self->offset;
}

static int64_t
count_nulls(const restore *self, uint8_t null_byte)
{
    int64_t n_nulls = 0;
    for (int64_t row = 0; row < self->n_rows; row++) {
        n_nulls += key_at(self, row)[0] == null_byte ? 1 : 0;
    }
    return n_nulls;
}

static void
clear_nulls(const restore *self, uint8_t null_byte, uint8_t *validity)
{
    for (int64_t row = 0; row < self->n_rows; row++) {
        if (key_at(self, row)[0] == null_byte) {
            validity[row / 8] = (uint8_t)(validity[row / 8] & ~(1u << (row % 8)));
        }
    }
}

static inline CN_ALWAYS_INLINE uint64_t
load_value(const uint8_t *key, int32_t n_bytes)
{
    uint64_t value = 0;
    memcpy(&value, key, (size_t)n_bytes);
    return __builtin_bswap64(value) >> (64 - 8 * n_bytes);
}

static inline CN_ALWAYS_INLINE void
restore_items(const restore *self, int64_t skip, int32_t n_bytes, uint64_t flipped, void *out)
{
    for (int64_t row = 0; row < self->n_rows; row++) {
        const uint64_t value = load_value(key_at(self, row) + skip, n_bytes) ^ flipped;
        memcpy((uint8_t *)out + row * n_bytes, &value, (size_t)n_bytes);
    }
}

/* Integers of n_bytes: sign and direction are taken out again. */
static void
restore_values(const restore *self, bool is_signed, int32_t n_bytes, void *out)
{
    const int64_t skip = self->spec->nullable ? 1 : 0;
    const uint64_t all = UINT64_MAX >> (64 - 8 * n_bytes);
    const uint64_t sign = is_signed ? UINT64_C(1) << (8 * n_bytes - 1) : 0;
    const uint64_t flipped = sign ^ (self->spec->descending ? all : 0);
    switch (n_bytes) {
    case 1:
        restore_items(self, skip, 1, flipped, out);
        break;
    case 2:
        restore_items(self, skip, 2, flipped, out);
        break;
    case 4:
        restore_items(self, skip, 4, flipped, out);
        break;
    default:
        restore_items(self, skip, 8, flipped, out);
        break;
    }
}

static bool
is_signed_phys(cni_phys phys)
{
    return phys == CNI_PHYS_I8 || phys == CNI_PHYS_I16 || phys == CNI_PHYS_I32 ||
           phys == CNI_PHYS_I64;
}

static cn_code
restore_column(const restore *self, cni_allocator *allocator, cni_vector *out, cn_error *err)
{
    const cni_type *type = self->spec->type;
    const cni_phys phys = type->id == CNI_TYPE_DECIMAL ? CNI_PHYS_I64 : cni_type_phys(type);
    const uint8_t null_byte = self->spec->nulls_first ? 0 : 1;
    const bool nulls = self->spec->nullable && count_nulls(self, null_byte) > 0;
    CN_SCOPED(cni_vector) fresh = {0};
    CN_TRY(cni_vector_new_flat(allocator, type, phys, self->n_rows, nulls, &fresh, err));
    restore_values(self, is_signed_phys(phys), cni_phys_bytes(phys, type),
                   cni_vector_mutable_data(&fresh));
    if (nulls) {
        clear_nulls(self, null_byte, cni_vector_mutable_validity(&fresh));
    }
    cni_vector_move(out, &fresh);
    return CN_OK;
}

static cn_code
give_column(const cni_sort_range *range, int32_t column, int64_t first, const uint32_t *rows,
            int64_t n, cni_vector *out, cn_error *err)
{
    const cni_sort_plan *plan = range->set->plan;
    const cni_sort_output *output = &plan->outputs[column];
    if (output->key < 0) {
        return cni_vector_take(plan->context->allocator, &range->columns[output->payload], rows, n,
                               out, err);
    }
    if (plan->packed) {
        const uint64_t *items = range->words + first * range->n_words;
        return cni_sort_layout_restore(&plan->lanes, cni_sort_range_form(range), output->key_offset,
                                       items, n, plan->context->allocator, out, err);
    }
    const restore from = {range, range->items + first, &plan->keys[output->key], output->key_offset,
                          n};
    return restore_column(&from, plan->context->allocator, out, err);
}

/* ---- reading ---- */

static cn_code
begin_morsel(sort_source *self, sort_source_local *local, int64_t morsel, cn_error *err)
{
    cni_sort_range *range = &local->range;
    local->morsel = morsel;
    local->next = local->end = 0;
    cni_read_gate *gate = &self->set->plan->gate;
    cni_read_visit visit;
    cni_read_gate_enter_reading(gate, &visit);
    const cn_code code = cni_sort_range_read(range, morsel, self->first, self->end, err);
    cni_read_gate_leave_reading(gate, &visit);
    CN_TRY(code);
    local->next = cni_max_i64(0, self->first - range->first_place);
    local->end = cni_min_i64(range->n_rows, self->end - range->first_place);
    return CN_OK;
}

static cn_code
read_rows(cni_scan *base, void *opaque, int64_t morsel, cni_waker own_waker, cni_chunk *inout_chunk,
          cni_read_answer *out_answer, cn_error *err)
{
    sort_source *self = (sort_source *)base;
    sort_source_local *local = opaque;
    const cni_sort_plan *plan = self->set->plan;
    cni_waker_drop(own_waker);
    if (local->morsel != morsel) {
        CN_TRY(begin_morsel(self, local, morsel, err));
    }
    if (local->next >= local->end) {
        *out_answer = CNI_READ_END;
        return CN_OK;
    }
    const int64_t first = local->next;
    const int64_t n = cni_min_i64(plan->context->settings.chunk_rows, local->end - first);
    for (int64_t row = 0; row < n; row++) {
        local->rows[row] = cni_sort_range_row(&local->range, first + row);
    }
    CN_TRY(cni_chunk_set_columns(inout_chunk, plan->spec->n_outputs, err));
    for (int32_t column = 0; column < plan->spec->n_outputs; column++) {
        CN_TRY(give_column(&local->range, column, first, local->rows, n,
                           &inout_chunk->columns[column], err));
    }
    local->next += n;
    cni_counter_add(&self->rows_given, n);
    inout_chunk->n_rows = n;
    inout_chunk->ends_morsel = local->next == local->end;
    *out_answer = CNI_READ_CHUNK;
    return CN_OK;
}

static double
progress(const cni_scan *base)
{
    const sort_source *self = (const sort_source *)base;
    const int64_t n_rows = cni_min_i64(self->end, self->set->n_rows) - self->first;
    return n_rows <= 0 ? 1.0 : (double)cni_counter_get(&self->rows_given) / (double)n_rows;
}

static void
close_source(cni_scan *base)
{
    sort_source *self = (sort_source *)base;
    cni_dealloc(self->set->plan->allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops sort_source_ops = {
    .next_morsel = next_morsel,
    .open_local = open_local,
    .close_local = close_local,
    .read = read_rows,
    .progress = progress,
    .close = close_source,
};

cn_code
cni_sort_source_new(const cni_sort_set *set, int64_t first, int64_t end, cni_scan **out_scan,
                    cn_error *err)
{
    sort_source *self = NULL;
    CN_TRY(cni_alloc_zeroed(set->plan->allocator, (int64_t)sizeof(*self), &self, err));
    self->base.ops = &sort_source_ops;
    self->set = set;
    self->first = first;
    self->end = end;
    self->base.n_morsels = first >= cni_min_i64(end, set->n_rows) ? 0 : cni_sort_set_ranges(set);
    *out_scan = &self->base;
    return CN_OK;
}
