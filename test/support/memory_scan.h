/* SPDX-License-Identifier: Apache-2.0
 *
 * A table over vectors for unit tests: any morsel and chunk size, sources that answer BLOCKED, that
 * do not know how many morsels they have, that never end on their own and send watermarks. Header
 * only, since every unit test is one source file.
 */
#ifndef CN_TEST_MEMORY_SCAN_H
#define CN_TEST_MEMORY_SCAN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "plan/table/table.h"

#define MEMORY_MAX_COLUMNS 16

/* How the table behaves; zero = one morsel, chunks as large as allowed. */
typedef struct memory_traits {
    int64_t morsel_rows;     /* 0 = all rows */
    int64_t chunk_rows;      /* 0 = the context's */
    bool unknown_morsels;    /* n_morsels is -1 */
    bool end_apart;          /* the morsel's end is told by CNI_READ_END, not by its last chunk */
    int32_t block_every;     /* every k-th read and claim answers BLOCKED and wakes at once */
    int32_t watermark_every; /* after k morsels a watermark of that many milliseconds; unbounded */
    int64_t fail_morsel; /* reading this morsel fails with CN_IO; 0 = none (morsel 0 never fails) */
} memory_traits;

typedef struct memory_table {
    cni_table base;
    cni_schema schema;
    cni_field fields[MEMORY_MAX_COLUMNS];
    cni_vector columns[MEMORY_MAX_COLUMNS]; /* owned */
    int64_t n_rows;
    memory_traits traits;
    cni_atomic_i64 n_morsels_read; /* counter, over all scans */
    cni_atomic_i64 n_open_scans;
} memory_table;

typedef struct memory_scan {
    cni_scan base;
    memory_table *table;
    cni_context *context;
    int32_t n_columns;
    int32_t columns[MEMORY_MAX_COLUMNS];
    cni_atomic_i64 next_event; /* morsels and watermarks, in order */
    cni_atomic_i64 n_calls;
    cni_atomic_i64 rows_scanned;
} memory_scan;

typedef struct memory_local {
    int64_t morsel;
    int64_t offset; /* rows of the morsel that were read */
} memory_local;

static inline int64_t
memory_morsel_rows(const memory_table *table)
{
    return table->traits.morsel_rows == 0 ? cni_max_i64(table->n_rows, 1)
                                          : table->traits.morsel_rows;
}

static inline int64_t
memory_n_morsels(const memory_table *table)
{
    const int64_t rows = memory_morsel_rows(table);
    return (table->n_rows + rows - 1) / rows;
}

/* True when this call is one that must answer BLOCKED; the waker is fired already. */
static inline bool
memory_blocks(memory_scan *self, cni_waker own_waker)
{
    const int32_t every = self->table->traits.block_every;
    if (every > 0 && (cni_counter_add(&self->n_calls, 1) + 1) % every == 0) {
        cni_waker_wake(own_waker);
        return true;
    }
    cni_waker_drop(own_waker);
    return false;
}

static inline cni_morsel_answer
memory_next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    memory_scan *self = (memory_scan *)base;
    const int64_t every = self->table->traits.watermark_every;
    if (memory_blocks(self, own_waker)) {
        return CNI_MORSEL_BLOCKED;
    }
    const int64_t event = cni_counter_add(&self->next_event, 1);
    const int64_t n_watermarks = every == 0 ? 0 : (event + 1) / (every + 1);
    if (every != 0 && (event + 1) % (every + 1) == 0 &&
        event - n_watermarks + 1 <= memory_n_morsels(self->table)) {
        *out_morsel = n_watermarks * every * 1000;
        return CNI_MORSEL_WATERMARK;
    }
    *out_morsel = event - n_watermarks;
    return *out_morsel < memory_n_morsels(self->table) ? CNI_MORSEL_TAKEN : CNI_MORSEL_NONE;
}

static inline cn_code
memory_open_local(cni_scan *base, void **out_local, cn_error *err)
{
    memory_scan *self = (memory_scan *)base;
    memory_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->context->allocator, (int64_t)sizeof(*local), &local, err));
    local->morsel = -1;
    *out_local = local;
    return CN_OK;
}

static inline void
memory_close_local(cni_scan *base, void *local)
{
    memory_scan *self = (memory_scan *)base;
    cni_dealloc(self->context->allocator, local, (int64_t)sizeof(memory_local));
}

static inline cn_code
memory_fill(memory_scan *self, memory_local *local, int64_t n_rows, cni_chunk *inout_chunk,
            cn_error *err)
{
    const memory_table *table = self->table;
    const int64_t first = local->morsel * memory_morsel_rows(table) + local->offset;
    CN_TRY(cni_chunk_set_columns(inout_chunk, self->n_columns, err));
    for (int32_t at = 0; at < self->n_columns; at++) {
        cni_vector_slice(&inout_chunk->columns[at], &table->columns[self->columns[at]], first,
                         n_rows);
    }
    inout_chunk->n_rows = n_rows;
    inout_chunk->sequence = local->morsel;
    local->offset += n_rows;
    cni_counter_add(&self->rows_scanned, n_rows);
    return CN_OK;
}

static inline cn_code
memory_read(cni_scan *base, void *opaque, int64_t morsel, cni_waker own_waker,
            cni_chunk *inout_chunk, cni_read_answer *out_answer, cn_error *err)
{
    memory_scan *self = (memory_scan *)base;
    memory_local *local = opaque;
    const memory_table *table = self->table;
    if (memory_blocks(self, own_waker)) {
        *out_answer = CNI_READ_BLOCKED;
        return CN_OK;
    }
    if (table->traits.fail_morsel != 0 && morsel == table->traits.fail_morsel) {
        return CN_FAIL(err, CN_IO, "morsel %lld cannot be read", (long long)morsel);
    }
    if (local->morsel != morsel) {
        *local = (memory_local){.morsel = morsel};
        cni_counter_add(&self->table->n_morsels_read, 1);
    }
    const int64_t in_morsel =
        cni_min_i64(memory_morsel_rows(table), table->n_rows - morsel * memory_morsel_rows(table));
    const int64_t left = in_morsel - local->offset;
    if (left == 0) {
        *out_answer = CNI_READ_END;
        return CN_OK;
    }
    const int64_t limit = self->context->settings.chunk_rows;
    const int64_t wanted = table->traits.chunk_rows == 0 ? limit : table->traits.chunk_rows;
    const int64_t n_rows = cni_min_i64(left, cni_min_i64(wanted, limit));
    CN_TRY(memory_fill(self, local, n_rows, inout_chunk, err));
    inout_chunk->ends_morsel = n_rows == left && !table->traits.end_apart;
    *out_answer = CNI_READ_CHUNK;
    return CN_OK;
}

static inline void
memory_counters(const cni_scan *base, cni_scan_counters *out_counters)
{
    const memory_scan *self = (const memory_scan *)base;
    *out_counters = (cni_scan_counters){.rows_scanned = cni_counter_get(&self->rows_scanned)};
}

static inline double
memory_progress(const cni_scan *base)
{
    const memory_scan *self = (const memory_scan *)base;
    return self->table->n_rows == 0
               ? 1.0
               : (double)cni_counter_get(&self->rows_scanned) / (double)self->table->n_rows;
}

static inline void
memory_close(cni_scan *base)
{
    memory_scan *self = (memory_scan *)base;
    cni_counter_add(&self->table->n_open_scans, -1);
    cni_table_unref(&self->table->base);
    cni_dealloc(self->context->allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops memory_scan_ops = {
    .next_morsel = memory_next_morsel,
    .open_local = memory_open_local,
    .close_local = memory_close_local,
    .read = memory_read,
    .counters = memory_counters,
    .progress = memory_progress,
    .close = memory_close,
};

static inline cn_code
memory_open_scan(cni_table *base, const cni_scan_request *request, cni_context *context,
                 cni_scan **out_scan, cn_error *err)
{
    memory_table *table = (memory_table *)base;
    memory_scan *self = NULL;
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*self), &self, err));
    self->base.ops = &memory_scan_ops;
    self->base.n_morsels = table->traits.unknown_morsels ? -1 : memory_n_morsels(table);
    self->table = table;
    self->context = context;
    self->n_columns = request->n_columns;
    for (int32_t at = 0; at < request->n_columns; at++) {
        self->columns[at] = request->table_columns[at];
    }
    cni_table_ref(base);
    cni_counter_add(&table->n_open_scans, 1);
    *out_scan = &self->base;
    return CN_OK;
}

static inline void
memory_table_free(cni_table *base)
{
    memory_table *self = (memory_table *)base;
    for (int32_t at = 0; at < self->schema.n_fields; at++) {
        cni_vector_done(&self->columns[at]);
    }
    cni_dealloc(cni_allocator_system(), self, (int64_t)sizeof(*self));
}

static const cni_table_ops memory_table_ops = {.free = memory_table_free,
                                               .open_scan = memory_open_scan};

/* Table without columns yet; one reference. */
static inline memory_table *
memory_table_new(int64_t n_rows, memory_traits traits)
{
    memory_table *self = NULL;
    assert_int_equal(cni_alloc_zeroed(cni_allocator_system(), (int64_t)sizeof(*self), &self, NULL),
                     CN_OK);
    self->base.n_refs = 1;
    self->base.ops = &memory_table_ops;
    self->base.schema = &self->schema;
    self->base.unbounded = traits.watermark_every != 0;
    self->schema.fields = self->fields;
    self->n_rows = n_rows;
    self->traits = traits;
    return self;
}

/* Take over a vector of n_rows as the next column. */
static inline void
memory_table_add(memory_table *self, const char *name, cni_vector *own_vector)
{
    const int32_t at = self->schema.n_fields;
    assert_true(at < MEMORY_MAX_COLUMNS);
    assert_int_equal(own_vector->n_rows, self->n_rows);
    self->fields[at] =
        (cni_field){.name = cni_str_of(name), .type = own_vector->type, .nullable = true};
    cni_vector_move(&self->columns[at], own_vector);
    self->schema.n_fields++;
}

/* BIGINT column; value(row) gives each value, nulls where `null_every` divides row + 1 (0 = none).
 */
static inline void
memory_table_add_i64(memory_table *self, const char *name, int64_t (*value)(int64_t row),
                     int64_t null_every)
{
    cni_vector vector = {0};
    assert_int_equal(cni_vector_new_flat(cni_allocator_system(), cni_type_of(CNI_TYPE_INT64),
                                         CNI_PHYS_I64, self->n_rows, null_every > 0, &vector, NULL),
                     CN_OK);
    int64_t *data = cni_vector_mutable_data(&vector);
    for (int64_t row = 0; row < self->n_rows; row++) {
        data[row] = value(row);
        if (null_every > 0 && (row + 1) % null_every == 0) {
            cni_bit_clear(cni_vector_mutable_validity(&vector), row);
        }
    }
    memory_table_add(self, name, &vector);
}

/* VARCHAR column: "<prefix><value(row)>". Long texts point into a heap. */
static inline void
memory_table_add_text(memory_table *self, const char *name, const char *prefix,
                      int64_t (*value)(int64_t row))
{
    const int64_t stride = 64;
    cni_vector vector = {0};
    cni_buffer *bytes = NULL;
    assert_int_equal(cni_buffer_new(cni_allocator_system(), self->n_rows * stride, &bytes, NULL),
                     CN_OK);
    assert_int_equal(cni_vector_new_flat(cni_allocator_system(), cni_type_of(CNI_TYPE_VARCHAR),
                                         CNI_PHYS_VIEW, self->n_rows, false, &vector, NULL),
                     CN_OK);
    cni_view *views = cni_vector_mutable_data(&vector);
    for (int64_t row = 0; row < self->n_rows; row++) {
        char *text = (char *)bytes->data + row * stride;
        const int n = snprintf(text, (size_t)stride, "%s%lld", prefix, (long long)value(row));
        views[row] = cni_view_make(text, (uint32_t)n);
    }
    assert_int_equal(cni_heap_new(cni_allocator_system(), &bytes, 1, &vector.heap, NULL), CN_OK);
    cni_buffer_unref(bytes);
    memory_table_add(self, name, &vector);
}

#endif /* CN_TEST_MEMORY_SCAN_H */
