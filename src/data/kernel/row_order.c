/* SPDX-License-Identifier: Apache-2.0
 *
 * Order of two rows of one type in any encoding: the slow, complete comparison behind nested types
 * and fixed binaries. Recursion follows the nesting of the type, which is bounded where types are
 * made.
 */
#include "data/column/float_text.h"
#include "data/kernel/ops_int.h"

static int
order_i128(cni_i128 a, cni_i128 b)
{
    return a < b ? -1 : a > b;
}

static int
order_f64(double a, double b)
{
    const int nan_order = (a != a) - (b != b);
    if (nan_order != 0 || a != a) {
        return nan_order;
    }
    return a < b ? -1 : a > b;
}

cni_i128
cni_interval_nanos(const cni_interval *interval)
{
    const int64_t days = (int64_t)interval->months * 30 + interval->days;
    return (cni_i128)days * INT64_C(86400000000000) + interval->nanos;
}

int
cni_interval_order(const cni_interval *a, const cni_interval *b)
{
    return order_i128(cni_interval_nanos(a), cni_interval_nanos(b));
}

/* 32 bytes little-endian, two's complement. */
static int
order_i256(const uint8_t *a, const uint8_t *b)
{
    int64_t top_a;
    int64_t top_b;
    memcpy(&top_a, a + 24, 8);
    memcpy(&top_b, b + 24, 8);
    if (top_a != top_b) {
        return top_a < top_b ? -1 : 1;
    }
    for (int at = 16; at >= 0; at -= 8) {
        uint64_t part_a;
        uint64_t part_b;
        memcpy(&part_a, a + at, 8);
        memcpy(&part_b, b + at, 8);
        if (part_a != part_b) {
            return part_a < part_b ? -1 : 1;
        }
    }
    return 0;
}

/* Integer of an integer layout at `at` in flat values. */
static cni_i128
integer_at(const cni_vector *flat, int64_t at)
{
    switch (flat->phys) {
    case CNI_PHYS_BIT:
        return cni_bits_get(cni_op_bits(flat), at);
    case CNI_PHYS_I8:
        return ((const int8_t *)flat->data)[at];
    case CNI_PHYS_I16:
        return ((const int16_t *)flat->data)[at];
    case CNI_PHYS_I32:
        return ((const int32_t *)flat->data)[at];
    case CNI_PHYS_I64:
        return ((const int64_t *)flat->data)[at];
    case CNI_PHYS_U8:
        return ((const uint8_t *)flat->data)[at];
    case CNI_PHYS_U16:
        return ((const uint16_t *)flat->data)[at];
    case CNI_PHYS_U32:
        return ((const uint32_t *)flat->data)[at];
    case CNI_PHYS_U64:
        return ((const uint64_t *)flat->data)[at];
    default:
        return ((const cni_i128 *)flat->data)[at];
    }
}

cni_i128
cni_op_wide_at(const cni_vector *vector, int64_t row)
{
    return integer_at(vector, cni_op_at(vector, row));
}

static int
order_children(const cni_vector *a, int64_t at_a, const cni_vector *b, int64_t at_b)
{
    for (int32_t child = 0; child < a->nested->n_children; child++) {
        const int order =
            cni_row_order(&a->nested->children[child], at_a, &b->nested->children[child], at_b);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static int
order_items(const cni_vector *a, cni_list_entry items_a, const cni_vector *b,
            cni_list_entry items_b)
{
    const int64_t n_common = cni_min_i64(items_a.size, items_b.size);
    for (int64_t item = 0; item < n_common; item++) {
        const int order = cni_row_order(&a->nested->children[0], items_a.offset + item,
                                        &b->nested->children[0], items_b.offset + item);
        if (order != 0) {
            return order;
        }
    }
    return items_a.size < items_b.size ? -1 : items_a.size > items_b.size;
}

static int64_t
union_row(const cni_vector *vector, int64_t at)
{
    return vector->union_offsets == NULL ? vector->nested_offset + at : vector->union_offsets[at];
}

/* By type code, then by the member's value. */
static int
order_union(const cni_vector *a, int64_t at_a, const cni_vector *b, int64_t at_b)
{
    const int8_t code_a = ((const int8_t *)a->data)[at_a];
    const int8_t code_b = ((const int8_t *)b->data)[at_b];
    if (code_a != code_b) {
        return code_a < code_b ? -1 : 1;
    }
    for (int32_t child = 0; child < a->type->n_children; child++) {
        if (a->type->union_codes[child] == code_a) {
            return cni_row_order(&a->nested->children[child], union_row(a, at_a),
                                 &b->nested->children[child], union_row(b, at_b));
        }
    }
    return 0;
}

static int
order_nested(const cni_vector *a, int64_t at_a, const cni_vector *b, int64_t at_b)
{
    switch (a->phys) {
    case CNI_PHYS_LIST:
        return order_items(a, ((const cni_list_entry *)a->data)[at_a], b,
                           ((const cni_list_entry *)b->data)[at_b]);
    case CNI_PHYS_ARRAY: {
        const int64_t width = a->type->width;
        return order_items(a, (cni_list_entry){(a->nested_offset + at_a) * width, width}, b,
                           (cni_list_entry){(b->nested_offset + at_b) * width, width});
    }
    case CNI_PHYS_STRUCT:
        return order_children(a, at_a, b, at_b);
    case CNI_PHYS_UNION:
        return order_union(a, at_a, b, at_b);
    default:
        return 0;
    }
}

/* Valid rows in flat values. */
static int
order_values(const cni_vector *a, int64_t at_a, const cni_vector *b, int64_t at_b)
{
    switch (a->phys) {
    case CNI_PHYS_F16:
        return order_f64((double)cni_f16_to_f32(((const uint16_t *)a->data)[at_a]),
                         (double)cni_f16_to_f32(((const uint16_t *)b->data)[at_b]));
    case CNI_PHYS_F32:
        return order_f64((double)((const float *)a->data)[at_a],
                         (double)((const float *)b->data)[at_b]);
    case CNI_PHYS_F64:
        return order_f64(((const double *)a->data)[at_a], ((const double *)b->data)[at_b]);
    case CNI_PHYS_VIEW: {
        const int order =
            cni_view_compare((const cni_view *)a->data + at_a, (const cni_view *)b->data + at_b);
        return order < 0 ? -1 : order > 0;
    }
    case CNI_PHYS_FIXED: {
        const size_t width = (size_t)a->type->width;
        const int order = width == 0
                              ? 0
                              : memcmp((const uint8_t *)a->data + (size_t)at_a * width,
                                       (const uint8_t *)b->data + (size_t)at_b * width, width);
        return order < 0 ? -1 : order > 0;
    }
    case CNI_PHYS_INTERVAL:
        return cni_interval_order((const cni_interval *)a->data + at_a,
                                  (const cni_interval *)b->data + at_b);
    case CNI_PHYS_I256:
        return order_i256((const uint8_t *)a->data + 32 * at_a,
                          (const uint8_t *)b->data + 32 * at_b);
    case CNI_PHYS_LIST:
    case CNI_PHYS_ARRAY:
    case CNI_PHYS_STRUCT:
    case CNI_PHYS_UNION:
        return order_nested(a, at_a, b, at_b);
    default:
        return order_i128(integer_at(a, at_a), integer_at(b, at_b));
    }
}

int
cni_row_order(const cni_vector *a, int64_t row_a, const cni_vector *b, int64_t row_b)
{
    const bool a_runs = a->encoding == CNI_SEQUENCE;
    const bool b_runs = b->encoding == CNI_SEQUENCE;
    const cni_vector *flat_a = a;
    const cni_vector *flat_b = b;
    int64_t at_a = row_a;
    int64_t at_b = row_b;
    const bool valid_a = a_runs || cni_vector_locate(a, row_a, &flat_a, &at_a);
    const bool valid_b = b_runs || cni_vector_locate(b, row_b, &flat_b, &at_b);
    if (!valid_a || !valid_b) {
        return (int)valid_b - (int)valid_a;
    }
    if (a_runs || b_runs) {
        return order_i128(
            a_runs ? a->sequence_start + row_a * a->sequence_step : integer_at(flat_a, at_a),
            b_runs ? b->sequence_start + row_b * b->sequence_step : integer_at(flat_b, at_b));
    }
    return order_values(flat_a, at_a, flat_b, at_b);
}
