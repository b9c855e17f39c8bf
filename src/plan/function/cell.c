/* SPDX-License-Identifier: Apache-2.0
 *
 * Cells: values of any type in 16 bytes; see cell.h. A nested cell is a row of a vector; once kept,
 * of a vector of one row that the heap arena releases.
 */
#include "plan/function/cell.h"

#include <math.h>

/* ---- cells: reading ---- */

cni_cell_kind
cni_cell_kind_of(const cni_type *type)
{
    switch (cni_type_phys(type)) {
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
    case CNI_PHYS_U64:
        return CNI_CELL_U64;
    case CNI_PHYS_F16:
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        return CNI_CELL_F64;
    case CNI_PHYS_I128:
        return CNI_CELL_I128;
    case CNI_PHYS_VIEW:
    case CNI_PHYS_FIXED:
    case CNI_PHYS_I256:
        return CNI_CELL_BYTES;
    case CNI_PHYS_INTERVAL:
        return CNI_CELL_INTERVAL;
    case CNI_PHYS_LIST:
    case CNI_PHYS_ARRAY:
    case CNI_PHYS_STRUCT:
    case CNI_PHYS_UNION:
        return CNI_CELL_NESTED;
    default:
        return CNI_CELL_I64;
    }
}

cni_cell_reader
cni_cell_reader_of(const cni_vector *vector)
{
    return (cni_cell_reader){vector, vector->encoding == CNI_CONSTANT ? 0 : -1,
                             (uint8_t)cni_cell_kind_of(vector->type)};
}

static double
half_to_double(uint16_t half)
{
    const int32_t exponent = (half >> 10) & 0x1F;
    const double fraction = half & 0x3FF;
    double magnitude = 0;
    if (exponent == 0x1F) {
        magnitude = fraction > 0 ? (double)NAN : (double)INFINITY;
    } else if (exponent == 0) {
        magnitude = ldexp(fraction, -24);
    } else {
        magnitude = ldexp(fraction + 1024, exponent - 25);
    }
    return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

static double
read_float(const cni_vector *vector, int64_t index)
{
    switch (vector->phys) {
    case CNI_PHYS_F16:
        return half_to_double(((const uint16_t *)vector->data)[index]);
    case CNI_PHYS_F32:
        return (double)((const float *)vector->data)[index];
    default:
        return ((const double *)vector->data)[index];
    }
}

static cni_i128
read_integer(const cni_vector *vector, int64_t index)
{
    cni_i128 wide = 0;
    switch (vector->phys) {
    case CNI_PHYS_BIT:
        return cni_bits_get((cni_bits){vector->data, vector->data_off_bits}, index) ? 1 : 0;
    case CNI_PHYS_I8:
        return ((const int8_t *)vector->data)[index];
    case CNI_PHYS_I16:
        return ((const int16_t *)vector->data)[index];
    case CNI_PHYS_I32:
        return ((const int32_t *)vector->data)[index];
    case CNI_PHYS_I64:
        return ((const int64_t *)vector->data)[index];
    case CNI_PHYS_I128:
        memcpy(&wide, (const uint8_t *)vector->data + index * 16, sizeof(wide));
        return wide;
    case CNI_PHYS_NONE:
        return 0;
    default: /* unsigned: little-endian */
        memcpy(&wide,
               (const uint8_t *)vector->data +
                   index * cni_phys_bytes((cni_phys)vector->phys, vector->type),
               (size_t)cni_phys_bytes((cni_phys)vector->phys, vector->type));
        return wide;
    }
}

static cni_view
read_bytes(const cni_vector *vector, int64_t index)
{
    if (vector->phys == CNI_PHYS_VIEW) {
        return ((const cni_view *)vector->data)[index];
    }
    const int32_t width = cni_phys_bytes((cni_phys)vector->phys, vector->type);
    return cni_view_make((const char *)vector->data + index * width, (uint32_t)width);
}

void
cni_cell_read(const cni_cell_reader *self, int64_t row, cni_cell *out_cell)
{
    const int64_t index = row & self->mask;
    *out_cell = (cni_cell){{0, 0}};
    if (self->kind == CNI_CELL_F64) {
        const double value = read_float(self->vector, index);
        memcpy(out_cell, &value, sizeof(value));
    } else if (self->kind == CNI_CELL_BYTES) {
        const cni_view view = read_bytes(self->vector, index);
        memcpy(out_cell, &view, sizeof(view));
    } else if (self->kind == CNI_CELL_INTERVAL) {
        memcpy(out_cell, (const cni_interval *)self->vector->data + index, sizeof(cni_interval));
    } else if (self->kind == CNI_CELL_NESTED) {
        out_cell->words[0] = (uint64_t)(uintptr_t)self->vector;
        out_cell->words[1] = (uint64_t)row;
    } else {
        const cni_i128 value = read_integer(self->vector, index);
        memcpy(out_cell, &value, sizeof(value));
    }
}

static const cni_vector *
nested_of(const cni_cell *cell)
{
    return (const cni_vector *)(uintptr_t)cell->words[0];
}

static void
release_vector(void *object)
{
    cni_vector_done(object);
}

static cn_code
keep_nested(cni_arena *heap, cni_allocator *allocator, cni_cell *inout_cell, cn_error *err)
{
    cni_vector *kept = NULL;
    const uint32_t index = (uint32_t)inout_cell->words[1];
    CN_TRY(CN_ARENA_NEW(heap, &kept, err));
    CN_SCOPED(cni_vector) taken = {0};
    CN_TRY(cni_vector_take(allocator, nested_of(inout_cell), &index, 1, &taken, err));
    CN_TRY(cni_arena_on_free(heap, release_vector, kept, err));
    cni_vector_move(kept, &taken);
    inout_cell->words[0] = (uint64_t)(uintptr_t)kept;
    inout_cell->words[1] = 0;
    return CN_OK;
}

cn_code
cni_cell_keep(cni_arena *heap, cni_allocator *allocator, cni_cell_kind kind, cni_cell *inout_cell,
              cn_error *err)
{
    if (kind == CNI_CELL_NESTED) {
        return keep_nested(heap, allocator, inout_cell, err);
    }
    const cni_view view = cni_cell_view(inout_cell);
    if (kind != CNI_CELL_BYTES || view.len_bytes <= CNI_VIEW_INLINE_BYTES) {
        return CN_OK;
    }
    char *copy = NULL;
    CN_TRY(cni_arena_alloc(heap, view.len_bytes, &copy, err));
    memcpy(copy, cni_view_data(&view), view.len_bytes);
    const cni_view kept = cni_view_make(copy, view.len_bytes);
    memcpy(inout_cell, &kept, sizeof(kept));
    return CN_OK;
}

/* ---- cells: order ---- */

static int
order_f64(const cni_cell *a, const cni_cell *b)
{
    double left;
    double right;
    memcpy(&left, a, sizeof(left));
    memcpy(&right, b, sizeof(right));
    if (isnan(left) || isnan(right)) {
        return (isnan(left) ? 1 : 0) - (isnan(right) ? 1 : 0);
    }
    return (left > right ? 1 : 0) - (left < right ? 1 : 0);
}

/* By length, a month being 30 days, as comparisons do. */
static cni_i128
interval_length(const cni_cell *cell)
{
    cni_interval value;
    memcpy(&value, cell, sizeof(value));
    const cni_i128 days = (cni_i128)value.months * 30 + value.days;
    return days * INT64_C(86400000000000) + value.nanos;
}

static int
order_i128(cni_i128 left, cni_i128 right)
{
    return (left > right ? 1 : 0) - (left < right ? 1 : 0);
}

static cni_i128
wide_of(const cni_cell *cell)
{
    cni_i128 value;
    memcpy(&value, cell, sizeof(value));
    return value;
}

static cn_code
compare_nested(const cni_op_env *env, const cni_cell *a, const cni_cell *b, int *out_order,
               cn_error *err)
{
    CN_SCOPED(cni_vector) left = {0};
    CN_SCOPED(cni_vector) right = {0};
    CN_SCOPED(cni_vector) less = {0};
    CN_SCOPED(cni_vector) more = {0};
    const uint32_t left_row = (uint32_t)a->words[1];
    const uint32_t right_row = (uint32_t)b->words[1];
    const cni_op_env one = {env->allocator, env->kernels, NULL, 1};
    CN_TRY(cni_vector_take(env->allocator, nested_of(a), &left_row, 1, &left, err));
    CN_TRY(cni_vector_take(env->allocator, nested_of(b), &right_row, 1, &right, err));
    CN_TRY(cni_op_compare(&one, CNI_LT, &left, &right, &less, err));
    CN_TRY(cni_op_compare(&one, CNI_GT, &left, &right, &more, err));
    const bool is_less = cni_bits_get((cni_bits){less.data, less.data_off_bits}, 0);
    const bool is_more = cni_bits_get((cni_bits){more.data, more.data_off_bits}, 0);
    *out_order = (is_more ? 1 : 0) - (is_less ? 1 : 0);
    return CN_OK;
}

cn_code
cni_cell_compare(const cni_op_env *env, cni_cell_kind kind, const cni_cell *a, const cni_cell *b,
                 int *out_order, cn_error *err)
{
    switch (kind) {
    case CNI_CELL_F64:
        *out_order = order_f64(a, b);
        break;
    case CNI_CELL_BYTES: {
        const cni_view left = cni_cell_view(a);
        const cni_view right = cni_cell_view(b);
        *out_order = cni_view_compare(&left, &right);
        break;
    }
    case CNI_CELL_INTERVAL:
        *out_order = order_i128(interval_length(a), interval_length(b));
        break;
    case CNI_CELL_NESTED:
        return compare_nested(env, a, b, out_order, err);
    default:
        *out_order = order_i128(wide_of(a), wide_of(b));
        break;
    }
    return CN_OK;
}

/* ---- cells: finished vectors ---- */

static uint16_t
half_of_double(double value)
{
    const float narrow = (float)value; /* came from a half float: exact */
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof(bits));
    const uint32_t sign = (bits >> 16) & 0x8000;
    if (isnan(value)) {
        return (uint16_t)(sign | 0x7E00);
    }
    if (isinf(value)) {
        return (uint16_t)(sign | 0x7C00);
    }
    const double magnitude = fabs(value);
    if (magnitude < ldexp(1, -14)) {
        return (uint16_t)(sign | (uint32_t)ldexp(magnitude, 24));
    }
    return (uint16_t)(sign | (((bits >> 23 & 0xFF) - 112) << 10) | (bits >> 13 & 0x3FF));
}

static void
write_float(cni_phys phys, const cni_cell *cell, uint8_t *out)
{
    double value;
    memcpy(&value, cell, sizeof(value));
    if (phys == CNI_PHYS_F16) {
        const uint16_t half = half_of_double(value);
        memcpy(out, &half, sizeof(half));
    } else if (phys == CNI_PHYS_F32) {
        const float narrow = (float)value;
        memcpy(out, &narrow, sizeof(narrow));
    } else {
        memcpy(out, &value, sizeof(value));
    }
}

static void
write_bytes(const cni_cell *cell, int32_t n_bytes, uint8_t *out)
{
    const cni_view view = cni_cell_view(cell);
    memcpy(out, cni_view_data(&view), (size_t)cni_min_i64(n_bytes, view.len_bytes));
}

/* Integers are little-endian in cells: the low bytes are the narrower value. */
static void
write_fixed(const cni_vector *vector, const cni_cell *cells, const uint8_t *valid, int64_t n,
            uint8_t *out)
{
    const cni_phys phys = (cni_phys)vector->phys;
    const int32_t n_bytes = cni_phys_bytes(phys, vector->type);
    const cni_cell_kind kind = cni_cell_kind_of(vector->type);
    for (int64_t row = 0; row < n; row++) {
        uint8_t *item = out + row * n_bytes;
        if (valid != NULL && valid[row] == 0) {
            memset(item, 0, (size_t)n_bytes);
        } else if (kind == CNI_CELL_F64) {
            write_float(phys, &cells[row], item);
        } else if (kind == CNI_CELL_BYTES && phys != CNI_PHYS_VIEW) {
            write_bytes(&cells[row], n_bytes, item);
        } else {
            memcpy(item, &cells[row], (size_t)n_bytes);
        }
    }
}

static void
write_bools(const cni_cell *cells, const uint8_t *valid, int64_t n, uint8_t *out)
{
    for (int64_t row = 0; row < n; row++) {
        cni_bit_write(out, row, (valid == NULL || valid[row] != 0) && cells[row].words[0] != 0);
    }
}

/* Long strings move to a buffer of the vector's own. */
static cn_code
own_bytes(cni_allocator *allocator, cni_vector *vector, int64_t n, cn_error *err)
{
    cni_view *views = cni_vector_mutable_data(vector);
    int64_t n_bytes = 0;
    for (int64_t row = 0; row < n; row++) {
        n_bytes += views[row].len_bytes > CNI_VIEW_INLINE_BYTES ? views[row].len_bytes : 0;
    }
    if (n_bytes == 0) {
        return CN_OK;
    }
    CN_SCOPED(cni_buffer_p) buffer = NULL;
    CN_TRY(cni_buffer_new(allocator, n_bytes, &buffer, err));
    char *at = (char *)buffer->data;
    for (int64_t row = 0; row < n; row++) {
        const uint32_t length = views[row].len_bytes;
        if (length > CNI_VIEW_INLINE_BYTES) {
            memcpy(at, cni_view_data(&views[row]), length);
            views[row] = cni_view_make(at, length);
            at += length;
        }
    }
    return cni_heap_new(allocator, &buffer, 1, &vector->heap, err);
}

static cn_code
write_nested(cni_allocator *allocator, const cni_type *type, const cni_cell *cells,
             const uint8_t *valid, int64_t n, cni_vector *out_vector, cn_error *err)
{
    CN_SCOPED(cni_vector) null = {0};
    const cni_vector **rows = NULL;
    const int64_t n_slots = cni_max_i64(n, 1);
    CN_TRY(cni_vector_new_null(allocator, type, n == 0 ? 0 : 1, &null, err));
    CN_TRY(cni_alloc_array(allocator, n_slots, (int64_t)sizeof(*rows), &rows, err));
    rows[0] = &null;
    for (int64_t row = 0; row < n; row++) {
        rows[row] = valid != NULL && valid[row] == 0 ? &null : nested_of(&cells[row]);
    }
    const cn_code code = cni_vector_concat(allocator, rows, (int32_t)n_slots, out_vector, err);
    cni_dealloc(allocator, (void *)rows, n_slots * (int64_t)sizeof(*rows));
    return code;
}

static void
write_validity(cni_vector *vector, const uint8_t *valid, int64_t n)
{
    uint8_t *bits = cni_vector_mutable_validity(vector);
    for (int64_t row = 0; valid != NULL && row < n; row++) {
        cni_bit_write(bits, row, valid[row] != 0);
    }
}

cn_code
cni_cells_to_vector(cni_allocator *allocator, const cni_type *type, const cni_cell *cells,
                    const uint8_t *valid, int64_t n, cni_vector *out_vector, cn_error *err)
{
    if (cni_type_is_nested(type)) {
        return write_nested(allocator, type, cells, valid, n, out_vector, err);
    }
    CN_SCOPED(cni_vector) made = {0};
    const cni_phys phys = cni_type_phys(type);
    CN_TRY(cni_vector_new_flat(allocator, type, phys, n, valid != NULL, &made, err));
    if (phys == CNI_PHYS_BIT) {
        write_bools(cells, valid, n, cni_vector_mutable_data(&made));
    } else if (phys != CNI_PHYS_NONE) {
        write_fixed(&made, cells, valid, n, cni_vector_mutable_data(&made));
    }
    write_validity(&made, valid, n);
    if (phys == CNI_PHYS_VIEW) {
        CN_TRY(own_bytes(allocator, &made, n, err));
    }
    cni_vector_move(out_vector, &made);
    return CN_OK;
}

cn_code
cni_cell_rows_new(cni_allocator *allocator, int64_t n, cni_cell_rows *out_rows, cn_error *err)
{
    cni_cell_rows rows = {.allocator = allocator, .n = n};
    CN_TRY(cni_alloc_array(allocator, n, (int64_t)sizeof(cni_cell), &rows.cells, err));
    const cn_code code = cni_alloc_zeroed(allocator, n, &rows.valid, err);
    if (code != CN_OK) {
        cni_cell_rows_done(&rows);
        return code;
    }
    memset(rows.cells, 0, (size_t)n * sizeof(cni_cell));
    *out_rows = rows;
    return CN_OK;
}

void
cni_cell_rows_done(cni_cell_rows *self)
{
    if (self->allocator != NULL) {
        cni_dealloc(self->allocator, self->cells, self->n * (int64_t)sizeof(cni_cell));
        cni_dealloc(self->allocator, self->valid, self->n);
        *self = (cni_cell_rows){0};
    }
}

cn_code
cni_cell_rows_finish(const cni_cell_rows *self, const cni_type *type, cni_vector *out_vector,
                     cn_error *err)
{
    return cni_cells_to_vector(self->allocator, type, self->cells, self->valid, self->n, out_vector,
                               err);
}
