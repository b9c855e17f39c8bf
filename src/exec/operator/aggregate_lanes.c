/* SPDX-License-Identifier: Apache-2.0
 *
 * Lanes: the states of count, sum, avg, min and max, which kernels update for all calls at once.
 *
 *   | rows | count per input | 128-bit sums | doubles | wide and exact sums | minima, maxima |
 *
 * Calls over the same column under the same FILTER share an input. With a rows lane the count lane
 * of an input without FILTER counts the rows that do NOT count: columns without nulls cost nothing.
 * Minima and maxima are int64 in the order of the values (floats through order_f64, unsigned with
 * the sign bit flipped).
 */
#include "data/kernel/exact_sum.h"
#include "exec/operator/aggregate_operator_int.h"
#include "plan/function/wide_sum.h"

/* ---- inputs ---- */

static cni_agg_class
class_of(const cni_type *type)
{
    switch (cni_type_phys(type)) {
    case CNI_PHYS_I8:
    case CNI_PHYS_I16:
    case CNI_PHYS_I32:
    case CNI_PHYS_I64:
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
        return CNI_AGG_I64;
    case CNI_PHYS_U64:
        return CNI_AGG_U64;
    case CNI_PHYS_I128:
        return CNI_AGG_I128;
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        return CNI_AGG_F64;
    default:
        return CNI_AGG_OTHER;
    }
}

static cni_agg_op
op_of(const cni_phys_aggregate *spec, const cni_phys_call *call)
{
    const bool distinct = call->distinct && !call->function->ignores_distinct;
    if (call->function->order_sensitive && (distinct || call->n_orders > 0)) {
        return CNI_AGG_ORDERED;
    }
    if (distinct) {
        return CNI_AGG_DISTINCT;
    }
    if (call->n_args > 1) {
        return CNI_AGG_FUNCTION;
    }
    const cni_agg_class class_ =
        call->n_args == 0 ? CNI_AGG_OTHER : class_of(spec->input_types[call->args[0]]);
    const bool sums = class_ == CNI_AGG_I64 || class_ == CNI_AGG_I128 || class_ == CNI_AGG_F64;
    const bool orders = class_ == CNI_AGG_I64 || class_ == CNI_AGG_U64 || class_ == CNI_AGG_F64;
    switch ((cni_aggregate_builtin)call->function->builtin) {
    case CNI_AGGREGATE_COUNT_STAR:
    case CNI_AGGREGATE_COUNT:
        return CNI_AGG_COUNT;
    case CNI_AGGREGATE_SUM:
        return sums ? CNI_AGG_SUM : CNI_AGG_FUNCTION;
    case CNI_AGGREGATE_AVG:
        return sums ? CNI_AGG_AVG : CNI_AGG_FUNCTION;
    case CNI_AGGREGATE_MIN:
        return orders ? CNI_AGG_MIN : CNI_AGG_FUNCTION;
    case CNI_AGGREGATE_MAX:
        return orders ? CNI_AGG_MAX : CNI_AGG_FUNCTION;
    default:
        return CNI_AGG_FUNCTION;
    }
}

static int32_t
find_input(cni_agg_layout *layout, const cni_phys_aggregate *spec, int32_t position, int32_t filter)
{
    for (int32_t at = 0; at < layout->n_inputs; at++) {
        if (layout->inputs[at].position == position && layout->inputs[at].filter == filter) {
            return at;
        }
    }
    layout->inputs[layout->n_inputs] = (cni_agg_input){
        .position = position,
        .filter = filter,
        .type = position < 0 ? NULL : spec->input_types[position],
        .class_ = (uint8_t)(position < 0 ? CNI_AGG_OTHER : class_of(spec->input_types[position])),
        .count_offset = -1,
        .sum_offset = -1,
        .min_offset = -1,
        .max_offset = -1,
    };
    return layout->n_inputs++;
}

static void
collect_inputs(const cni_phys_aggregate *spec, cni_agg_layout *layout)
{
    for (int32_t at = 0; at < spec->n_calls; at++) {
        const cni_phys_call *asked = &spec->calls[at];
        cni_agg_call *call = &layout->calls[at];
        *call = (cni_agg_call){.spec = asked, .op = (uint8_t)op_of(spec, asked), .input = -1};
        if (!cni_agg_is_lanes(call)) {
            continue;
        }
        const int32_t position = asked->n_args == 0 ? -1 : asked->args[0];
        call->input = find_input(layout, spec, position, asked->filter);
        cni_agg_input *input = &layout->inputs[call->input];
        input->wants_sum = input->wants_sum || call->op == CNI_AGG_SUM || call->op == CNI_AGG_AVG;
        input->wants_min = input->wants_min || call->op == CNI_AGG_MIN;
        input->wants_max = input->wants_max || call->op == CNI_AGG_MAX;
    }
}

/* ---- lanes ---- */

static int32_t
add_lane(cni_agg_layout *layout, cni_agg_lane_kind kind, int64_t n_bytes, int64_t *inout_offset)
{
    const int32_t offset = (int32_t)*inout_offset;
    layout->lanes[layout->n_lanes++] = (cni_agg_lane){(uint8_t)kind, offset};
    *inout_offset += n_bytes;
    return offset;
}

/* The rows lane, when something counts all rows or several inputs could count by it. */
static void
place_counts(cni_agg_layout *layout, int64_t *inout_offset)
{
    int32_t n_unfiltered = 0;
    bool counts_rows = false;
    for (int32_t at = 0; at < layout->n_inputs; at++) {
        n_unfiltered += layout->inputs[at].filter < 0 ? 1 : 0;
        counts_rows =
            counts_rows || (layout->inputs[at].filter < 0 && layout->inputs[at].position < 0);
    }
    layout->rows_offset = -1;
    if (counts_rows || n_unfiltered > 1) {
        layout->rows_offset = add_lane(layout, CNI_AGG_LANE_COUNT, 8, inout_offset);
    }
    for (int32_t at = 0; at < layout->n_inputs; at++) {
        cni_agg_input *input = &layout->inputs[at];
        input->counts_skipped = layout->rows_offset >= 0 && input->filter < 0;
        if (input->position >= 0 || input->filter >= 0) {
            input->count_offset = add_lane(layout, CNI_AGG_LANE_COUNT, 8, inout_offset);
        }
    }
}

static void
place_sums(cni_agg_layout *layout, bool reproducible, int64_t *inout_offset)
{
    layout->sums_offset = (int32_t)*inout_offset;
    for (int32_t at = 0; at < layout->n_inputs; at++) {
        cni_agg_input *input = &layout->inputs[at];
        if (input->wants_sum && input->class_ == CNI_AGG_I64) {
            input->sum_offset = add_lane(layout, CNI_AGG_LANE_SUM, 16, inout_offset);
            layout->sum_inputs[layout->n_sums++] = at;
        }
    }
    layout->floats_offset = (int32_t)*inout_offset;
    for (int32_t at = 0; at < layout->n_inputs; at++) {
        cni_agg_input *input = &layout->inputs[at];
        if (input->wants_sum && input->class_ == CNI_AGG_F64 && !reproducible) {
            input->sum_offset = add_lane(layout, CNI_AGG_LANE_FLOAT, 8, inout_offset);
            layout->float_inputs[layout->n_floats++] = at;
        }
    }
    for (int32_t at = 0; at < layout->n_inputs; at++) {
        cni_agg_input *input = &layout->inputs[at];
        if (input->wants_sum && input->class_ == CNI_AGG_I128) {
            input->sum_offset =
                add_lane(layout, CNI_AGG_LANE_WIDE, (int64_t)sizeof(cni_wide_sum), inout_offset);
        } else if (input->wants_sum && input->class_ == CNI_AGG_F64 && reproducible) {
            input->sum_offset =
                add_lane(layout, CNI_AGG_LANE_EXACT, (int64_t)sizeof(cni_exact_sum), inout_offset);
        }
    }
}

static void
place_extremes(cni_agg_layout *layout, int64_t *inout_offset)
{
    for (int32_t at = 0; at < layout->n_inputs; at++) {
        cni_agg_input *input = &layout->inputs[at];
        if (input->wants_min) {
            input->min_offset = add_lane(layout, CNI_AGG_LANE_MIN, 8, inout_offset);
        }
        if (input->wants_max) {
            input->max_offset = add_lane(layout, CNI_AGG_LANE_MAX, 8, inout_offset);
        }
    }
}

cn_code
cni_agg_place_lanes(cni_arena *arena, const cni_phys_aggregate *spec, bool reproducible,
                    cni_agg_layout *layout, int64_t *inout_offset, cn_error *err)
{
    const int64_t n = spec->n_calls;
    CN_TRY(cni_arena_alloc_array(arena, n, (int64_t)sizeof(*layout->inputs), &layout->inputs, err));
    CN_TRY(cni_arena_alloc_array(arena, n * 4 + 1, (int64_t)sizeof(*layout->lanes), &layout->lanes,
                                 err));
    CN_TRY(cni_arena_alloc_array(arena, n, (int64_t)sizeof(int32_t), &layout->sum_inputs, err));
    CN_TRY(cni_arena_alloc_array(arena, n, (int64_t)sizeof(int32_t), &layout->float_inputs, err));
    collect_inputs(spec, layout);
    place_counts(layout, inout_offset);
    place_sums(layout, reproducible, inout_offset);
    place_extremes(layout, inout_offset);
    return CN_OK;
}

void
cni_agg_empty_lanes(const cni_agg_layout *layout, uint8_t *row)
{
    for (int32_t at = 0; at < layout->n_lanes; at++) {
        const cni_agg_lane *lane = &layout->lanes[at];
        if (lane->kind == CNI_AGG_LANE_MIN) {
            memcpy(row + lane->offset, &(int64_t){INT64_MAX}, 8);
        } else if (lane->kind == CNI_AGG_LANE_MAX) {
            memcpy(row + lane->offset, &(int64_t){INT64_MIN}, 8);
        }
    }
}

/* ---- merging ---- */

static int64_t
load_i64(const uint8_t *lane)
{
    int64_t value;
    memcpy(&value, lane, sizeof(value));
    return value;
}

static void
merge_i64(uint8_t *into, const uint8_t *from, cni_agg_lane_kind kind)
{
    const int64_t left = load_i64(into);
    const int64_t right = load_i64(from);
    int64_t merged = left + right;
    if (kind == CNI_AGG_LANE_MIN) {
        merged = left < right ? left : right;
    } else if (kind == CNI_AGG_LANE_MAX) {
        merged = left > right ? left : right;
    }
    memcpy(into, &merged, sizeof(merged));
}

static void
merge_sum(uint8_t *into, const uint8_t *from)
{
    cni_u128 left;
    cni_u128 right;
    memcpy(&left, into, sizeof(left));
    memcpy(&right, from, sizeof(right));
    left += right;
    memcpy(into, &left, sizeof(left));
}

static void
merge_float(uint8_t *into, const uint8_t *from)
{
    double left;
    double right;
    memcpy(&left, into, sizeof(left));
    memcpy(&right, from, sizeof(right));
    left += right;
    memcpy(into, &left, sizeof(left));
}

static void
merge_lane(cni_agg_lane_kind kind, uint8_t *into, const uint8_t *from)
{
    switch (kind) {
    case CNI_AGG_LANE_COUNT:
    case CNI_AGG_LANE_MIN:
    case CNI_AGG_LANE_MAX:
        merge_i64(into, from, kind);
        break;
    case CNI_AGG_LANE_SUM:
        merge_sum(into, from);
        break;
    case CNI_AGG_LANE_FLOAT:
        merge_float(into, from);
        break;
    case CNI_AGG_LANE_WIDE:
        cni_wide_merge((void *)into, (const void *)from);
        break;
    case CNI_AGG_LANE_EXACT:
        cni_exact_merge((void *)into, (const void *)from);
        break;
    }
}

void
cni_agg_combine_lanes(const cni_agg_layout *layout, uint8_t *into, const uint32_t *groups,
                      const uint8_t *rows, int64_t n)
{
    for (int64_t at = 0; at < n; at++) {
        uint8_t *group = into + (int64_t)groups[at] * layout->row_bytes;
        const uint8_t *row = rows + at * layout->row_bytes;
        for (int32_t lane = 0; lane < layout->n_lanes; lane++) {
            const cni_agg_lane *merged = &layout->lanes[lane];
            merge_lane((cni_agg_lane_kind)merged->kind, group + merged->offset,
                       row + merged->offset);
        }
    }
}

/* ---- results ---- */

static int64_t
count_of(const cni_agg_layout *layout, const cni_agg_input *input, const uint8_t *row)
{
    if (input->count_offset < 0) {
        return load_i64(row + layout->rows_offset);
    }
    const int64_t count = load_i64(row + input->count_offset);
    return input->counts_skipped ? load_i64(row + layout->rows_offset) - count : count;
}

static cn_code
emit_counts(const cni_agg_layout *layout, const cni_agg_call *call, const uint8_t *rows, int64_t n,
            cni_allocator *allocator, cni_vector *out_vector, cn_error *err)
{
    const cni_agg_input *input = &layout->inputs[call->input];
    CN_TRY(
        cni_vector_new_flat(allocator, call->spec->type, CNI_PHYS_I64, n, false, out_vector, err));
    int64_t *counts = cni_vector_mutable_data(out_vector);
    for (int64_t at = 0; at < n; at++) {
        counts[at] = count_of(layout, input, rows + at * layout->row_bytes);
    }
    return CN_OK;
}

static cni_wide_sum
total_of(const cni_agg_input *input, const uint8_t *row)
{
    cni_wide_sum total = {0};
    memcpy(&total, row + input->sum_offset, input->class_ == CNI_AGG_I128 ? sizeof(total) : 16);
    return total;
}

static cn_code
emit_totals(const cni_agg_layout *layout, const cni_agg_call *call, const uint8_t *rows, int64_t n,
            cni_allocator *allocator, cni_vector *out_vector, cn_error *err)
{
    const cni_agg_input *input = &layout->inputs[call->input];
    const int64_t n_bytes = n * ((int64_t)sizeof(cni_wide_sum) + 1);
    cni_wide_sum *totals = NULL;
    CN_TRY(cni_alloc(allocator, n_bytes, &totals, err));
    uint8_t *valid = (uint8_t *)(totals + n);
    for (int64_t at = 0; at < n; at++) {
        const uint8_t *row = rows + at * layout->row_bytes;
        totals[at] = total_of(input, row);
        valid[at] = count_of(layout, input, row) > 0 ? 1 : 0;
    }
    const cn_code code =
        cni_wide_emit(allocator, call->spec->type, totals, valid, n, out_vector, err);
    cni_dealloc(allocator, totals, n_bytes);
    return code;
}

static double
float_total(const cni_agg_layout *layout, const cni_agg_input *input, const uint8_t *row)
{
    const uint8_t *lane = row + input->sum_offset;
    const int64_t from_floats = input->sum_offset - layout->floats_offset;
    double total;
    if (from_floats < 0 || from_floats >= (int64_t)layout->n_floats * 8) {
        return cni_exact_get((const void *)lane);
    }
    memcpy(&total, lane, sizeof(total));
    return total;
}

/* sum of floats, avg of anything. */
static cn_code
emit_doubles(const cni_agg_layout *layout, const cni_agg_call *call, const uint8_t *rows, int64_t n,
             cni_allocator *allocator, cni_vector *out_vector, cn_error *err)
{
    const cni_agg_input *input = &layout->inputs[call->input];
    CN_TRY(
        cni_vector_new_flat(allocator, call->spec->type, CNI_PHYS_F64, n, true, out_vector, err));
    double *results = cni_vector_mutable_data(out_vector);
    uint8_t *validity = cni_vector_mutable_validity(out_vector);
    for (int64_t at = 0; at < n; at++) {
        const uint8_t *row = rows + at * layout->row_bytes;
        const int64_t count = count_of(layout, input, row);
        results[at] = 0;
        if (count <= 0) {
            cni_bit_clear(validity, at);
        } else if (input->class_ == CNI_AGG_F64) {
            const double total = float_total(layout, input, row);
            results[at] = call->op == CNI_AGG_AVG ? total / (double)count : total;
        } else {
            const cni_wide_sum total = total_of(input, row);
            results[at] = cni_average(input->type, &total, count);
        }
    }
    return CN_OK;
}

/* Little-endian: the low bytes of an int64 are the narrower integer. */
static void
store_extreme(cni_phys phys, int32_t n_bytes, int64_t key, uint8_t *out)
{
    if (phys == CNI_PHYS_F64) {
        const double value = cni_agg_unorder_f64(key);
        memcpy(out, &value, sizeof(value));
    } else if (phys == CNI_PHYS_F32) {
        const float value = (float)cni_agg_unorder_f64(key);
        memcpy(out, &value, sizeof(value));
    } else if (phys == CNI_PHYS_U64) {
        const uint64_t value = (uint64_t)key ^ (UINT64_C(1) << 63);
        memcpy(out, &value, sizeof(value));
    } else {
        memcpy(out, &key, (size_t)n_bytes);
    }
}

static cn_code
emit_extremes(const cni_agg_layout *layout, const cni_agg_call *call, const uint8_t *rows,
              int64_t n, cni_allocator *allocator, cni_vector *out_vector, cn_error *err)
{
    const cni_agg_input *input = &layout->inputs[call->input];
    const cni_phys phys = cni_type_phys(call->spec->type);
    const int32_t n_bytes = cni_phys_bytes(phys, call->spec->type);
    const int32_t offset = call->op == CNI_AGG_MIN ? input->min_offset : input->max_offset;
    CN_TRY(cni_vector_new_flat(allocator, call->spec->type, phys, n, true, out_vector, err));
    uint8_t *results = cni_vector_mutable_data(out_vector);
    uint8_t *validity = cni_vector_mutable_validity(out_vector);
    for (int64_t at = 0; at < n; at++) {
        const uint8_t *row = rows + at * layout->row_bytes;
        store_extreme(phys, n_bytes, load_i64(row + offset), results + at * n_bytes);
        if (count_of(layout, input, row) <= 0) {
            cni_bit_clear(validity, at);
            memset(results + at * n_bytes, 0, (size_t)n_bytes);
        }
    }
    return CN_OK;
}

cn_code
cni_agg_emit_lanes(const cni_agg_layout *layout, const cni_agg_call *call, const uint8_t *rows,
                   int64_t n, cni_allocator *allocator, cni_vector *out_vector, cn_error *err)
{
    const cni_agg_input *input = &layout->inputs[call->input];
    switch ((cni_agg_op)call->op) {
    case CNI_AGG_COUNT:
        return emit_counts(layout, call, rows, n, allocator, out_vector, err);
    case CNI_AGG_SUM:
    case CNI_AGG_AVG:
        return call->op == CNI_AGG_AVG || input->class_ == CNI_AGG_F64
                   ? emit_doubles(layout, call, rows, n, allocator, out_vector, err)
                   : emit_totals(layout, call, rows, n, allocator, out_vector, err);
    default:
        return emit_extremes(layout, call, rows, n, allocator, out_vector, err);
    }
}
