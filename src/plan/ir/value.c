/* SPDX-License-Identifier: Apache-2.0
 *
 * Single values: to a CONSTANT vector, from a row of a vector, equality and order.
 *
 * A value's member of the union follows from the type's usual physical layout (cni_type_phys), not
 * from the vector it came from: a DECIMAL(30,2) read from a narrow I64 vector becomes an i128.
 * Nesting is bounded by the types', which importers and parsers limit. Printing is in
 * value_print.c.
 */
#include "plan/ir/value.h"

#include <math.h>

/* ---- to a vector ---- */

static void
store_integer(cni_phys phys, int64_t value, void *out)
{
    switch (phys) {
    case CNI_PHYS_I8:
    case CNI_PHYS_U8:
        *(uint8_t *)out = (uint8_t)value;
        return;
    case CNI_PHYS_I16:
    case CNI_PHYS_U16:
        *(uint16_t *)out = (uint16_t)value;
        return;
    case CNI_PHYS_I32:
    case CNI_PHYS_U32:
        *(uint32_t *)out = (uint32_t)value;
        return;
    default:
        *(int64_t *)out = value;
        return;
    }
}

/* The value's bytes in layout `phys` into 16 aligned bytes; false for layouts that hold more. */
static bool
store_scalar(const cni_value *value, cni_phys phys, void *out)
{
    switch (phys) {
    case CNI_PHYS_BIT:
        *(bool *)out = value->as.boolean;
        return true;
    case CNI_PHYS_I8:
    case CNI_PHYS_I16:
    case CNI_PHYS_I32:
    case CNI_PHYS_I64:
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
        store_integer(phys, value->as.i64, out);
        return true;
    case CNI_PHYS_U64:
        *(uint64_t *)out = value->as.u64;
        return true;
    case CNI_PHYS_I128:
        *(cni_i128 *)out = value->as.i128;
        return true;
    case CNI_PHYS_F32:
        *(float *)out = (float)value->as.f64;
        return true;
    case CNI_PHYS_F64:
        *(double *)out = value->as.f64;
        return true;
    case CNI_PHYS_INTERVAL:
        *(cni_interval *)out = value->as.interval;
        return true;
    default:
        return false;
    }
}

static cn_code
view_to_vector(cni_allocator *allocator, const cni_value *value, int64_t n_rows,
               cni_vector *out_vector, cn_error *err)
{
    if (value->as.bytes.len_bytes > CNI_VIEW_MAX_BYTES) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a string literal of %lld bytes is too long",
                       (long long)value->as.bytes.len_bytes);
    }
    const cni_view view = cni_view_make(value->as.bytes.data, (uint32_t)value->as.bytes.len_bytes);
    return cni_vector_new_constant(allocator, value->type, CNI_PHYS_VIEW, &view, n_rows, out_vector,
                                   err);
}

/* All items of one type, one after another, as a FLAT vector. */
static cn_code
items_to_vector(cni_allocator *allocator, const cni_type *type, const cni_value *items,
                int32_t n_items, int32_t step, cni_vector *out, cn_error *err)
{
    if (n_items == 0) {
        cni_vector none;
        CN_TRY(cni_vector_new_null(allocator, type, 0, &none, err));
        const cn_code code = cni_vector_flatten(allocator, &none, out, err);
        cni_vector_done(&none);
        return code;
    }
    cni_vector *vectors = NULL;
    const cni_vector **pointers = NULL;
    const int64_t vector_bytes = n_items * (int64_t)sizeof(*vectors);
    const int64_t pointer_bytes = n_items * (int64_t)sizeof(*pointers);
    cn_code code = cni_alloc_zeroed(allocator, vector_bytes, &vectors, err);
    if (code == CN_OK) {
        code = cni_alloc(allocator, pointer_bytes, &pointers, err);
    }
    for (int32_t item = 0; item < n_items && code == CN_OK; item++) {
        cni_value typed = items[(int64_t)item * step];
        typed.type = type;
        pointers[item] = &vectors[item];
        code = cni_value_to_vector(allocator, &typed, 1, &vectors[item], err);
    }
    if (code == CN_OK) {
        code = cni_vector_concat(allocator, pointers, n_items, out, err);
    }
    for (int32_t item = 0; vectors != NULL && item < n_items; item++) {
        cni_vector_done(&vectors[item]);
    }
    cni_dealloc(allocator, vectors, vector_bytes);
    cni_dealloc(allocator, pointers, pointer_bytes);
    return code;
}

static cn_code
struct_children(cni_allocator *allocator, const cni_type *type, const cni_value *items,
                int32_t n_entries, cni_nested *nested, cn_error *err)
{
    for (int32_t child = 0; child < type->n_children; child++) {
        CN_TRY(items_to_vector(allocator, type->children[child].type, items + child, n_entries,
                               type->n_children, &nested->children[child], err));
    }
    return CN_OK;
}

/* MAP: one child, the structs of its n_items / 2 entries. */
static cn_code
map_child(cni_allocator *allocator, const cni_value *value, cni_vector *out, cn_error *err)
{
    const cni_type *entry = value->type->children[0].type;
    const int32_t n_entries = value->as.nested.n_items / 2;
    cni_nested *nested = NULL;
    CN_TRY(cni_nested_new(allocator, 2, &nested, err));
    const cn_code code =
        struct_children(allocator, entry, value->as.nested.items, n_entries, nested, err);
    if (code != CN_OK) {
        cni_nested_unref(nested);
        return code;
    }
    *out = (cni_vector){.type = entry,
                        .encoding = CNI_FLAT,
                        .phys = CNI_PHYS_STRUCT,
                        .n_rows = n_entries,
                        .nested = nested};
    return CN_OK;
}

static cn_code
fill_children(cni_allocator *allocator, const cni_value *value, cni_nested *nested, cn_error *err)
{
    const cni_type *type = value->type;
    const cni_value *items = value->as.nested.items;
    switch (type->id) {
    case CNI_TYPE_STRUCT:
        return struct_children(allocator, type, items, 1, nested, err);
    case CNI_TYPE_MAP:
        return map_child(allocator, value, &nested->children[0], err);
    default:
        return items_to_vector(allocator, type->children[0].type, items, value->as.nested.n_items,
                               1, &nested->children[0], err);
    }
}

static cn_code
list_entry_buffer(cni_allocator *allocator, const cni_value *value, cni_buffer **out_buffer,
                  cn_error *err)
{
    const int32_t n_items = value->as.nested.n_items;
    const cni_list_entry entry = {0, value->type->id == CNI_TYPE_MAP ? n_items / 2 : n_items};
    CN_TRY(cni_buffer_new(allocator, (int64_t)sizeof(entry), out_buffer, err));
    memcpy((*out_buffer)->data, &entry, sizeof(entry));
    return CN_OK;
}

static cn_code
nested_to_vector(cni_allocator *allocator, const cni_value *value, int64_t n_rows,
                 cni_vector *out_vector, cn_error *err)
{
    const cni_type *type = value->type;
    const cni_phys phys = cni_type_phys(type);
    const int32_t n_children = type->id == CNI_TYPE_STRUCT ? type->n_children : 1;
    CN_SCOPED(cni_buffer_p) entry = NULL;
    cni_nested *nested = NULL;
    if (phys == CNI_PHYS_LIST) {
        CN_TRY(list_entry_buffer(allocator, value, &entry, err));
    }
    CN_TRY(cni_nested_new(allocator, n_children, &nested, err));
    const cn_code code = fill_children(allocator, value, nested, err);
    if (code != CN_OK) {
        cni_nested_unref(nested);
        return code;
    }
    *out_vector = (cni_vector){.type = type,
                               .encoding = CNI_CONSTANT,
                               .phys = (uint8_t)phys,
                               .n_rows = n_rows,
                               .data = entry == NULL ? NULL : entry->data,
                               .nested = nested,
                               .owner_data = CN_MOVE(entry)};
    return CN_OK;
}

cn_code
cni_value_to_vector(cni_allocator *allocator, const cni_value *value, int64_t n_rows,
                    cni_vector *out_vector, cn_error *err)
{
    const cni_phys phys = cni_type_phys(value->type);
    if (value->is_null || phys == CNI_PHYS_NONE) {
        return cni_vector_new_null(allocator, value->type, n_rows, out_vector, err);
    }
    _Alignas(16) uint8_t bytes[16] = {0};
    if (store_scalar(value, phys, bytes)) {
        return cni_vector_new_constant(allocator, value->type, phys, bytes, n_rows, out_vector,
                                       err);
    }
    switch (phys) {
    case CNI_PHYS_VIEW:
        return view_to_vector(allocator, value, n_rows, out_vector, err);
    case CNI_PHYS_FIXED:
        return cni_vector_new_constant(allocator, value->type, phys, value->as.bytes.data, n_rows,
                                       out_vector, err);
    case CNI_PHYS_LIST:
    case CNI_PHYS_ARRAY:
    case CNI_PHYS_STRUCT:
        return nested_to_vector(allocator, value, n_rows, out_vector, err);
    default:
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "a literal of a type that is only carried through");
    }
}

/* ---- from a vector ---- */

static cn_code value_at(cni_arena *arena, const cni_vector *vector, int64_t row,
                        cni_value *out_value, cn_error *err);

static cni_i128
load_integer(const void *data, cni_phys phys, int64_t index)
{
    switch (phys) {
    case CNI_PHYS_I8:
        return ((const int8_t *)data)[index];
    case CNI_PHYS_I16:
        return ((const int16_t *)data)[index];
    case CNI_PHYS_I32:
        return ((const int32_t *)data)[index];
    case CNI_PHYS_I64:
        return ((const int64_t *)data)[index];
    case CNI_PHYS_U8:
        return ((const uint8_t *)data)[index];
    case CNI_PHYS_U16:
        return ((const uint16_t *)data)[index];
    case CNI_PHYS_U32:
        return ((const uint32_t *)data)[index];
    case CNI_PHYS_U64:
        return ((const uint64_t *)data)[index];
    default: {
        cni_i128 wide;
        memcpy(&wide, (const uint8_t *)data + index * 16, sizeof(wide));
        return wide;
    }
    }
}

/* An integer of any layout into the member that the type's usual layout says. */
static void
set_integer(cni_value *value, cni_i128 integer)
{
    switch (cni_type_phys(value->type)) {
    case CNI_PHYS_U64:
        value->as.u64 = (uint64_t)integer;
        return;
    case CNI_PHYS_I128:
        value->as.i128 = integer;
        return;
    default:
        value->as.i64 = (int64_t)integer;
        return;
    }
}

static cn_code
copy_bytes(cni_arena *arena, const void *data, int64_t len_bytes, cni_value *value, cn_error *err)
{
    return cni_arena_str(arena, (cni_str){data, len_bytes}, &value->as.bytes, err);
}

static cn_code
new_items(cni_arena *arena, int64_t n_items, cni_value **out_items, cni_value *value, cn_error *err)
{
    if (n_items > INT32_MAX / 2) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a nested value of %lld items is too long",
                       (long long)n_items);
    }
    CN_TRY(cni_arena_alloc_array(arena, n_items, (int64_t)sizeof(**out_items), out_items, err));
    value->as.nested.n_items = (int32_t)n_items;
    value->as.nested.items = *out_items;
    return CN_OK;
}

static cn_code
list_from_vector(cni_arena *arena, const cni_vector *child, int64_t first, int64_t n_items,
                 cni_value *value, cn_error *err)
{
    cni_value *items = NULL;
    CN_TRY(new_items(arena, n_items, &items, value, err));
    for (int64_t item = 0; item < n_items; item++) {
        CN_TRY(value_at(arena, child, first + item, &items[item], err));
    }
    return CN_OK;
}

static cn_code
map_from_vector(cni_arena *arena, const cni_vector *entries, cni_list_entry range, cni_value *value,
                cn_error *err)
{
    cni_value *items = NULL;
    CN_TRY(new_items(arena, range.size * 2, &items, value, err));
    for (int64_t entry = 0; entry < range.size; entry++) {
        const cni_vector *children = entries->nested->children;
        CN_TRY(value_at(arena, &children[0], range.offset + entry, &items[entry * 2], err));
        CN_TRY(value_at(arena, &children[1], range.offset + entry, &items[entry * 2 + 1], err));
    }
    return CN_OK;
}

static cn_code
struct_from_vector(cni_arena *arena, const cni_vector *vector, int64_t index, cni_value *value,
                   cn_error *err)
{
    cni_value *items = NULL;
    const int32_t n_children = vector->nested->n_children;
    CN_TRY(new_items(arena, n_children, &items, value, err));
    for (int32_t child = 0; child < n_children; child++) {
        CN_TRY(value_at(arena, &vector->nested->children[child], vector->nested_offset + index,
                        &items[child], err));
    }
    return CN_OK;
}

static cn_code
nested_from_vector(cni_arena *arena, const cni_vector *vector, int64_t index, cni_value *value,
                   cn_error *err)
{
    switch (vector->phys) {
    case CNI_PHYS_STRUCT:
        return struct_from_vector(arena, vector, index, value, err);
    case CNI_PHYS_ARRAY: {
        const int64_t width = vector->type->width;
        return list_from_vector(arena, &vector->nested->children[0],
                                (vector->nested_offset + index) * width, width, value, err);
    }
    default: {
        const cni_list_entry range = ((const cni_list_entry *)vector->data)[index];
        if (vector->type->id == CNI_TYPE_MAP) {
            return map_from_vector(arena, &vector->nested->children[0], range, value, err);
        }
        return list_from_vector(arena, &vector->nested->children[0], range.offset, range.size,
                                value, err);
    }
    }
}

static cn_code
scalar_from_vector(cni_arena *arena, const cni_vector *vector, int64_t index, cni_value *value,
                   cn_error *err)
{
    switch (vector->phys) {
    case CNI_PHYS_BIT:
        value->as.boolean = cni_bits_get((cni_bits){vector->data, vector->data_off_bits}, index);
        return CN_OK;
    case CNI_PHYS_F32:
        value->as.f64 = (double)((const float *)vector->data)[index];
        return CN_OK;
    case CNI_PHYS_F64:
        value->as.f64 = ((const double *)vector->data)[index];
        return CN_OK;
    case CNI_PHYS_INTERVAL:
        value->as.interval = ((const cni_interval *)vector->data)[index];
        return CN_OK;
    case CNI_PHYS_VIEW: {
        const cni_view *view = &((const cni_view *)vector->data)[index];
        return copy_bytes(arena, cni_view_data(view), view->len_bytes, value, err);
    }
    case CNI_PHYS_FIXED: {
        const int64_t width = vector->type->width;
        return copy_bytes(arena, (const char *)vector->data + index * width, width, value, err);
    }
    case CNI_PHYS_I256:
    case CNI_PHYS_F16:
    case CNI_PHYS_UNION:
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "a value of a type that is only carried through");
    default:
        set_integer(value, load_integer(vector->data, (cni_phys)vector->phys, index));
        return CN_OK;
    }
}

static cn_code
value_at(cni_arena *arena, const cni_vector *vector, int64_t row, cni_value *out_value,
         cn_error *err)
{
    const cni_vector *flat = NULL;
    int64_t index = 0;
    *out_value = (cni_value){.type = vector->type};
    if (vector->encoding == CNI_SEQUENCE) {
        set_integer(out_value, (cni_i128)vector->sequence_start + row * vector->sequence_step);
        return CN_OK;
    }
    if (vector->phys == CNI_PHYS_NONE || !cni_vector_locate(vector, row, &flat, &index)) {
        out_value->is_null = true;
        return CN_OK;
    }
    switch (flat->phys) {
    case CNI_PHYS_LIST:
    case CNI_PHYS_ARRAY:
    case CNI_PHYS_STRUCT:
        return nested_from_vector(arena, flat, index, out_value, err);
    default:
        return scalar_from_vector(arena, flat, index, out_value, err);
    }
}

cn_code
cni_value_from_vector(cni_arena *arena, const cni_vector *vector, int64_t row, cni_value *out_value,
                      cn_error *err)
{
    cni_value value;
    CN_TRY(value_at(arena, vector, row, &value, err));
    CN_TRY(cni_type_copy(arena, vector->type, &value.type, err));
    *out_value = value;
    return CN_OK;
}

/* ---- order ---- */

static int
compare_doubles(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return (int)isnan(a) - (int)isnan(b);
    }
    return (a > b) - (a < b);
}

/* Length in nanoseconds, a month being 30 days: PostgreSQL's order of intervals. */
static cni_i128
interval_length(cni_interval interval)
{
    const cni_i128 days = (cni_i128)interval.months * 30 + interval.days;
    return days * 86400 * INT64_C(1000000000) + interval.nanos;
}

static int
compare_wide(cni_i128 a, cni_i128 b)
{
    return (a > b) - (a < b);
}

/* NULL items sort last and equal themselves. */
static int
compare_items(const cni_value *a, const cni_value *b)
{
    const int32_t n_a = a->as.nested.n_items;
    const int32_t n_b = b->as.nested.n_items;
    for (int32_t item = 0; item < n_a && item < n_b; item++) {
        const cni_value *x = &a->as.nested.items[item];
        const cni_value *y = &b->as.nested.items[item];
        int order = (int)x->is_null - (int)y->is_null;
        if (!x->is_null && !y->is_null) {
            order = cni_value_compare(x, y);
        }
        if (order != 0) {
            return order;
        }
    }
    return (n_a > n_b) - (n_a < n_b);
}

int
cni_value_compare(const cni_value *a, const cni_value *b)
{
    switch (cni_type_phys(a->type)) {
    case CNI_PHYS_NONE:
        return 0;
    case CNI_PHYS_BIT:
        return (int)a->as.boolean - (int)b->as.boolean;
    case CNI_PHYS_U64:
        return (a->as.u64 > b->as.u64) - (a->as.u64 < b->as.u64);
    case CNI_PHYS_I128:
        return compare_wide(a->as.i128, b->as.i128);
    case CNI_PHYS_F16:
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        return compare_doubles(a->as.f64, b->as.f64);
    case CNI_PHYS_INTERVAL:
        return compare_wide(interval_length(a->as.interval), interval_length(b->as.interval));
    case CNI_PHYS_VIEW:
    case CNI_PHYS_FIXED:
        return cni_str_compare(a->as.bytes, b->as.bytes);
    case CNI_PHYS_LIST:
    case CNI_PHYS_ARRAY:
    case CNI_PHYS_STRUCT:
        return compare_items(a, b);
    default:
        return (a->as.i64 > b->as.i64) - (a->as.i64 < b->as.i64);
    }
}

static bool
items_equal(const cni_value *a, const cni_value *b)
{
    if (a->as.nested.n_items != b->as.nested.n_items) {
        return false;
    }
    for (int32_t item = 0; item < a->as.nested.n_items; item++) {
        if (!cni_value_equal(&a->as.nested.items[item], &b->as.nested.items[item])) {
            return false;
        }
    }
    return true;
}

/* Content, not order: -0 is not 0, and a month is not 30 days. */
static bool
content_equal(const cni_value *a, const cni_value *b)
{
    switch (cni_type_phys(a->type)) {
    case CNI_PHYS_F16:
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        return compare_doubles(a->as.f64, b->as.f64) == 0 &&
               (isnan(a->as.f64) || signbit(a->as.f64) == signbit(b->as.f64));
    case CNI_PHYS_INTERVAL:
        return a->as.interval.months == b->as.interval.months &&
               a->as.interval.days == b->as.interval.days &&
               a->as.interval.nanos == b->as.interval.nanos;
    case CNI_PHYS_LIST:
    case CNI_PHYS_ARRAY:
    case CNI_PHYS_STRUCT:
        return items_equal(a, b);
    default:
        return cni_value_compare(a, b) == 0;
    }
}

bool
cni_value_equal(const cni_value *a, const cni_value *b)
{
    if (a->is_null != b->is_null || !cni_type_equal(a->type, b->type)) {
        return false;
    }
    return a->is_null || content_equal(a, b);
}
