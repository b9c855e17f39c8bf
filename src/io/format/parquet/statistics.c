/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding of min and max values and the rules of when they may be used.
 */
#include "io/format/parquet/statistics_int.h"

#include "io/format/parquet/convert_int.h"

/* Whether the deprecated pair, compared as signed numbers, orders this type rightly. */
static bool
has_signed_order(const cni_pq_leaf *leaf)
{
    switch (leaf->physical) {
    case CNI_PQ_BOOLEAN:
    case CNI_PQ_FLOAT:
    case CNI_PQ_DOUBLE:
        return true;
    case CNI_PQ_INT32:
    case CNI_PQ_INT64:
        return leaf->phys < CNI_PHYS_U8 || leaf->phys > CNI_PHYS_U64;
    default:
        return false;
    }
}

static bool
integer_value(const cni_pq_leaf *leaf, cni_str bytes, cni_value *out)
{
    if (bytes.len_bytes != leaf->raw_bytes) {
        return false;
    }
    int32_t narrow;
    int64_t wide;
    if (leaf->raw_bytes == 4) {
        memcpy(&narrow, bytes.data, 4);
        wide = leaf->phys == CNI_PHYS_U32 ? (int64_t)(uint32_t)narrow : narrow;
    } else {
        memcpy(&wide, bytes.data, 8);
    }
    if (leaf->phys == CNI_PHYS_U8) {
        wide &= 0xff;
    } else if (leaf->phys == CNI_PHYS_U16) {
        wide &= 0xffff;
    }
    if (leaf->phys == CNI_PHYS_U64) {
        out->as.u64 = (uint64_t)wide;
    } else {
        out->as.i64 = wide;
    }
    return true;
}

/* NaN says nothing; a zero stands for both zeros. */
static bool
float_value(const cni_pq_leaf *leaf, cni_str bytes, bool is_high, cni_value *out)
{
    if (bytes.len_bytes != leaf->raw_bytes) {
        return false;
    }
    double value;
    if (leaf->raw_bytes == 4) {
        float narrow;
        memcpy(&narrow, bytes.data, 4);
        value = (double)narrow;
    } else {
        memcpy(&value, bytes.data, 8);
    }
    if (value != value) {
        return false;
    }
    out->as.f64 = value != 0.0 ? value : is_high ? 0.0 : -0.0;
    return true;
}

static bool
decimal_value(const cni_pq_leaf *leaf, cni_str bytes, cni_value *out)
{
    cni_i128 value;
    if (leaf->type->precision > CNI_DECIMAL_MAX_DIGITS || bytes.len_bytes == 0 ||
        (leaf->physical == CNI_PQ_FIXED && bytes.len_bytes != leaf->raw_bytes) ||
        !cni_pq_decimal_i128((const uint8_t *)bytes.data, bytes.len_bytes, &value)) {
        return false;
    }
    if (leaf->type->precision > 18) {
        out->as.i128 = value;
        return true;
    }
    if (value < INT64_MIN || value > INT64_MAX) {
        return false;
    }
    out->as.i64 = (int64_t)value;
    return true;
}

static bool
decode_value(const cni_pq_leaf *leaf, const cni_type *type, cni_str bytes, bool is_high,
             cni_value *out)
{
    *out = (cni_value){.type = type};
    if (bytes.data == NULL) {
        return false;
    }
    switch (leaf->physical) {
    case CNI_PQ_BOOLEAN:
        out->as.boolean = bytes.len_bytes == 1 && bytes.data[0] != 0;
        return bytes.len_bytes == 1;
    case CNI_PQ_INT32:
    case CNI_PQ_INT64:
        return integer_value(leaf, bytes, out);
    case CNI_PQ_FLOAT:
    case CNI_PQ_DOUBLE:
        return float_value(leaf, bytes, is_high, out);
    default:
        break;
    }
    if (leaf->convert == CNI_PQ_FIXED_DECIMAL || leaf->convert == CNI_PQ_TEXT_DECIMAL) {
        return decimal_value(leaf, bytes, out);
    }
    out->as.bytes = bytes;
    return leaf->convert == CNI_PQ_VIEW ||
           (leaf->phys == CNI_PHYS_FIXED && bytes.len_bytes <= leaf->raw_bytes);
}

/* Types whose bounds say something. INT96, INTERVAL, FLOAT16 and UNKNOWN do not have usable ones.
 */
static bool
is_ordered(const cni_pq_leaf *leaf)
{
    return leaf->convert != CNI_PQ_INT96_TO_US && leaf->convert != CNI_PQ_FIXED_INTERVAL &&
           leaf->convert != CNI_PQ_ALWAYS_NULL && leaf->phys != CNI_PHYS_F16;
}

void
cni_pq_bounds_decode(const cni_pq_leaf *leaf, const cni_type *type, cni_str low, cni_str high,
                     bool is_current, cni_pq_bounds *out)
{
    *out = (cni_pq_bounds){0};
    if (!is_ordered(leaf) || (!is_current && !has_signed_order(leaf))) {
        return;
    }
    out->has_low = decode_value(leaf, type, low, false, &out->low);
    out->has_high = decode_value(leaf, type, high, true, &out->high);
    const bool is_text = leaf->convert == CNI_PQ_VIEW || leaf->phys == CNI_PHYS_FIXED;
    if (out->has_low && out->has_high && cni_value_compare(&out->low, &out->high) > 0) {
        *out = (cni_pq_bounds){0}; /* they contradict each other */
        return;
    }
    if (is_text && leaf->is_utf8) {
        /* A cut text may end inside a character; as a bound it would do, as a value it is none. */
        out->has_low = out->has_low && cni_utf8_find_invalid(low.data, low.len_bytes) < 0;
        out->has_high = out->has_high && cni_utf8_find_invalid(high.data, high.len_bytes) < 0;
    }
    const bool is_float = leaf->phys == CNI_PHYS_F32 || leaf->phys == CNI_PHYS_F64;
    out->low_exact = out->has_low && !is_text && !is_float;
    out->high_exact = out->has_high && !is_text && !is_float;
}

void
cni_pq_group_bounds(const cni_pq_file *file, int64_t group, const cni_pq_leaf *leaf,
                    const cni_type *type, cni_pq_bounds *out)
{
    const cni_pq_chunk *chunk = &file->footer.groups[group].chunks[leaf->chunk];
    const cni_pq_statistics *given = &chunk->statistics;
    *out = (cni_pq_bounds){0};
    if (!chunk->has_meta) {
        return;
    }
    const bool has_order =
        leaf->chunk < file->footer.n_orders && file->footer.orders[leaf->chunk] == 1;
    if (given->min_value.data == NULL && given->max_value.data == NULL) {
        cni_pq_bounds_decode(leaf, type, given->old_min, given->old_max, false, out);
        return;
    }
    cni_pq_bounds_decode(leaf, type, given->min_value, given->max_value, has_order, out);
    if (leaf->convert == CNI_PQ_VIEW || leaf->phys == CNI_PHYS_FIXED) {
        out->low_exact = out->has_low && given->min_exact;
        out->high_exact = out->has_high && given->max_exact;
    }
}

int64_t
cni_pq_group_nulls(const cni_pq_file *file, int64_t group, const cni_pq_leaf *leaf)
{
    const cni_pq_group *in = &file->footer.groups[group];
    const int64_t n_nulls = in->chunks[leaf->chunk].statistics.n_nulls;
    if (!leaf->is_optional) {
        return 0;
    }
    return n_nulls >= 0 && n_nulls <= in->n_rows ? n_nulls : -1;
}

void
cni_pq_stats_from_bounds(const cni_pq_bounds *bounds, int64_t n_nulls, cni_column_stats *out)
{
    *out = (cni_column_stats){0};
    if (bounds->has_low && bounds->has_high) {
        out->bounds_mark = CNI_STAT_CLAIMED;
        out->low = bounds->low;
        out->high = bounds->high;
    }
    if (n_nulls >= 0) {
        out->nulls_mark = CNI_STAT_CLAIMED;
        out->n_nulls = n_nulls;
    }
}

void
cni_pq_group_stats(const cni_pq_file *file, int64_t group, const cni_pq_leaf *leaf,
                   const cni_type *type, cni_column_stats *out)
{
    cni_pq_bounds bounds;
    cni_pq_group_bounds(file, group, leaf, type, &bounds);
    cni_pq_stats_from_bounds(&bounds, cni_pq_group_nulls(file, group, leaf), out);
}
