/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking at rows in memory: hashes of all rows into HyperLogLog, or runs of neighbouring rows.
 */
#include "io/source/memory_look_int.h"

#include "data/row/hash.h"
#include "data/row/hyperloglog.h"

#define N_RUNS     8
#define HASH_ROWS  4096
#define MAX_SLICES CNI_SAMPLE_ROWS

static bool
is_plain(const cni_type *type)
{
    const cni_phys phys = cni_type_phys(type);
    return phys != CNI_PHYS_NONE && phys < CNI_PHYS_LIST;
}

/* ---- samples ---- */

typedef struct sample_parts {
    int32_t n_parts;
    cni_vector *parts; /* MAX_SLICES */
    const cni_vector **pointers;
} sample_parts;

/* Rows [row, row + n_rows) of the spans, as slices. */
static void
add_rows(sample_parts *self, const cni_memory_span *spans, int32_t column, int64_t row,
         int64_t n_rows)
{
    for (; n_rows > 0; spans++) {
        if (row >= spans->n_rows) {
            row -= spans->n_rows;
            continue;
        }
        const int64_t n_here = cni_min_i64(n_rows, spans->n_rows - row);
        cni_vector *part = &self->parts[self->n_parts];
        cni_vector_slice(part, &spans->columns[column], row, n_here);
        self->pointers[self->n_parts++] = part;
        n_rows -= n_here;
        row = 0;
    }
}

static void
choose_rows(sample_parts *self, const cni_memory_span *spans, int64_t n_rows, int32_t column)
{
    const int64_t run_rows = CNI_SAMPLE_ROWS / N_RUNS;
    if (n_rows <= CNI_SAMPLE_ROWS) {
        add_rows(self, spans, column, 0, n_rows);
        return;
    }
    for (int64_t run = 0; run < N_RUNS; run++) {
        const int64_t row = n_rows / N_RUNS * run + (n_rows / N_RUNS - run_rows) / 2;
        add_rows(self, spans, column, row, run_rows);
    }
}

static cn_code
keep_parts(cni_table_look *look, sample_parts *parts, int32_t column, cni_context *context,
           cn_error *err)
{
    CN_SCOPED(cni_vector) all = {0};
    CN_TRY(cni_vector_concat(context->allocator, parts->pointers, parts->n_parts, &all, err));
    return cni_table_look_keep_sample(look, column, &all, err);
}

cn_code
cni_memory_look_sample(cni_table_look *look, const cni_memory_span *spans, int64_t n_rows,
                       int32_t column, const cni_type *type, cni_context *context, cn_error *err)
{
    const int64_t part_bytes = MAX_SLICES * (int64_t)sizeof(cni_vector);
    const int64_t n_bytes = part_bytes + MAX_SLICES * (int64_t)sizeof(cni_vector *);
    sample_parts parts = {0};
    if (cni_table_look_sample(look, column) != NULL) {
        return CN_OK;
    }
    if (!is_plain(type) || n_rows == 0) {
        const cni_vector none = {.type = type};
        return cni_table_look_keep_sample(look, column, &none, err);
    }
    CN_TRY(cni_alloc(context->allocator, n_bytes, &parts.parts, err));
    parts.pointers = (const cni_vector **)(void *)(parts.parts + MAX_SLICES);
    choose_rows(&parts, spans, n_rows, column);
    const cn_code code = keep_parts(look, &parts, column, context, err);
    for (int32_t part = 0; part < parts.n_parts; part++) {
        cni_vector_done(&parts.parts[part]);
    }
    cni_dealloc(context->allocator, parts.parts, n_bytes);
    return code;
}

/* ---- sketches ---- */

typedef struct hash_count {
    uint8_t registers[CNI_HYPERLOGLOG_REGISTERS];
    uint64_t hashes[HASH_ROWS];
    int64_t n_nulls;
} hash_count;

static cn_code
count_span(hash_count *self, const cni_memory_span *span, int32_t column, cni_context *context,
           cn_error *err)
{
    for (int64_t row = 0; row < span->n_rows; row += HASH_ROWS) {
        CN_SCOPED(cni_vector) part = {0};
        const cni_vector *keys[] = {&part};
        const int64_t n = cni_min_i64(HASH_ROWS, span->n_rows - row);
        CN_TRY(cni_context_check(context, err));
        cni_vector_slice(&part, &span->columns[column], row, n);
        CN_TRY(cni_hash_vectors(context->allocator, keys, 1, n, self->hashes, err));
        for (int64_t at = 0; at < n; at++) {
            cni_hyperloglog_add(self->registers, self->hashes[at]);
        }
        self->n_nulls += cni_vector_null_count(&part);
    }
    return CN_OK;
}

static cn_code
count_all(const cni_memory_span *spans, int64_t n_rows, int32_t column, cni_context *context,
          cni_column_sketch *out, cn_error *err)
{
    hash_count *count = NULL;
    cn_code code = CN_OK;
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*count), &count, err));
    int64_t n_seen = 0;
    for (; code == CN_OK && n_seen < n_rows; spans++) {
        code = count_span(count, spans, column, context, err);
        n_seen += spans->n_rows;
    }
    const int64_t n_distinct = cni_hyperloglog_estimate(count->registers);
    out->n_distinct = (double)cni_max_i64(0, n_distinct - (count->n_nulls > 0 ? 1 : 0));
    out->null_fraction = (double)count->n_nulls / (double)n_rows;
    cni_dealloc(context->allocator, count, (int64_t)sizeof(*count));
    return code;
}

cn_code
cni_memory_look_sketch(cni_table_look *look, const cni_memory_span *spans, int64_t n_rows,
                       int32_t column, const cni_type *type, cni_context *context,
                       cni_column_sketch *out_sketch, cn_error *err)
{
    *out_sketch = (cni_column_sketch){.n_distinct = (double)n_rows / 10.0};
    if (!is_plain(type) || n_rows == 0) {
        return CN_OK;
    }
    if (n_rows > CNI_SAMPLE_ROWS && n_rows <= CNI_MEMORY_LOOK_ROWS) {
        return count_all(spans, n_rows, column, context, out_sketch, err);
    }
    CN_TRY(cni_memory_look_sample(look, spans, n_rows, column, type, context, err));
    return cni_sample_distinct(context->allocator, cni_table_look_sample(look, column), N_RUNS,
                               (double)n_rows, &out_sketch->n_distinct, &out_sketch->null_fraction,
                               err);
}
