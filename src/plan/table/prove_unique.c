/* SPDX-License-Identifier: Apache-2.0
 *
 * Proving uniqueness: a scan of one column on the calling thread, a bit per value of the range.
 */
#include "plan/table/prove_unique.h"

#include "base/checked.h"

#define MAX_ROOM 8 /* values of the range per row */

static bool
is_counted(const cni_type *type)
{
    const cni_phys phys = cni_type_phys(type);
    return phys >= CNI_PHYS_I8 && phys <= CNI_PHYS_U32;
}

bool
cni_prove_is_cheap(const cni_table_stats *stats, int32_t table_column)
{
    int64_t range = 0;
    if (table_column >= stats->n_columns || stats->n_rows < 1 ||
        stats->n_rows > CNI_PROVE_MAX_ROWS) {
        return false;
    }
    const cni_column_stats *column = &stats->columns[table_column];
    return column->bounds_mark != CNI_STAT_UNKNOWN && column->low.type != NULL &&
           is_counted(column->low.type) && column->nulls_mark != CNI_STAT_UNKNOWN &&
           column->n_nulls == 0 &&
           cni_checked_sub(column->high.as.i64, column->low.as.i64, &range) &&
           range >= stats->n_rows - 1 && range < CNI_PROVE_MAX_RANGE &&
           range / MAX_ROOM <= stats->n_rows;
}

typedef struct proof {
    cni_table *table;
    cni_context *context;
    int64_t low;
    int64_t n_values;
    uint64_t *seen; /* n_values bits */
    bool failed;
} proof;

static int64_t
value_at(const cni_vector *vector, int64_t row)
{
    switch (vector->phys) {
    case CNI_PHYS_I8:
        return ((const int8_t *)vector->data)[row];
    case CNI_PHYS_U8:
        return ((const uint8_t *)vector->data)[row];
    case CNI_PHYS_I16:
        return ((const int16_t *)vector->data)[row];
    case CNI_PHYS_U16:
        return ((const uint16_t *)vector->data)[row];
    case CNI_PHYS_I32:
        return ((const int32_t *)vector->data)[row];
    case CNI_PHYS_U32:
        return ((const uint32_t *)vector->data)[row];
    default:
        return ((const int64_t *)vector->data)[row];
    }
}

static cn_code
look_at(proof *self, const cni_vector *vector, cn_error *err)
{
    CN_SCOPED(cni_vector) flat = {0};
    CN_TRY(cni_vector_flatten(self->context->allocator, vector, &flat, err));
    if (cni_vector_null_count(&flat) > 0) {
        self->failed = true;
    }
    for (int64_t row = 0; row < flat.n_rows && !self->failed; row++) {
        const uint64_t at = (uint64_t)value_at(&flat, row) - (uint64_t)self->low;
        if (at >= (uint64_t)self->n_values || ((self->seen[at >> 6] >> (at & 63)) & 1) != 0) {
            self->failed = true;
            return CN_OK;
        }
        self->seen[at >> 6] |= UINT64_C(1) << (at & 63);
    }
    return CN_OK;
}

static cn_code
look_at_morsel(proof *self, cni_scan *scan, void *local, int64_t morsel, cn_error *err)
{
    CN_SCOPED(cni_chunk) chunk = {0};
    cni_read_answer answer = CNI_READ_CHUNK;
    bool ends = false;
    cni_chunk_init(&chunk, self->context->allocator);
    while (!ends && !self->failed) {
        CN_TRY(cni_context_check(self->context, err));
        CN_TRY(scan->ops->read(scan, local, morsel, (cni_waker){0}, &chunk, &answer, err));
        if (answer == CNI_READ_CHUNK) {
            CN_TRY(cni_chunk_compact(&chunk, err));
            CN_TRY(chunk.n_rows > 0 ? look_at(self, &chunk.columns[0], err) : CN_OK);
        }
        self->failed = self->failed || answer == CNI_READ_BLOCKED;
        ends = answer == CNI_READ_END || chunk.ends_morsel;
        cni_chunk_reset(&chunk);
    }
    return CN_OK;
}

static cn_code
look_at_all(proof *self, cni_scan *scan, cn_error *err)
{
    void *local = NULL;
    int64_t morsel = 0;
    CN_TRY(scan->ops->open_local(scan, &local, err));
    cn_code code = CN_OK;
    while (code == CN_OK && !self->failed) {
        const cni_morsel_answer answer = scan->ops->next_morsel(scan, (cni_waker){0}, &morsel);
        if (answer == CNI_MORSEL_NONE) {
            break;
        }
        self->failed = answer != CNI_MORSEL_TAKEN;
        if (!self->failed) {
            code = look_at_morsel(self, scan, local, morsel, err);
        }
    }
    scan->ops->close_local(scan, local);
    return code;
}

cn_code
cni_prove_unique(cni_table *table, int32_t table_column, const cni_column_stats *stats,
                 cni_context *context, bool *out_unique, cn_error *err)
{
    const cni_scan_request request = {
        .n_columns = 1, .table_columns = &table_column, .limit = CNI_NO_LIMIT};
    proof self = {.table = table,
                  .context = context,
                  .low = stats->low.as.i64,
                  .n_values = stats->high.as.i64 - stats->low.as.i64 + 1};
    CN_SCOPED(cni_scan_p) scan = NULL;
    CN_TRY(table->ops->open_scan(table, &request, context, &scan, err));
    const int64_t n_bytes = cni_bits_words(self.n_values) * 8;
    CN_TRY(cni_alloc_zeroed(context->allocator, n_bytes, &self.seen, err));
    const cn_code code = look_at_all(&self, scan, err);
    cni_dealloc(context->allocator, self.seen, n_bytes);
    *out_unique = code == CN_OK && !self.failed;
    return code;
}
