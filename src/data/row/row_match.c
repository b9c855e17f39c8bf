/* SPDX-License-Identifier: Apache-2.0
 *
 * Equality of rows' column with vectors' rows, as GROUP BY and hash joins need it: NULL = NULL,
 * NaN = NaN, -0 = +0. Candidates are resolved to positions in flat values a block at a time; then
 * one loop per layout compares and splits them.
 */
#include "data/column/float_text.h"
#include "data/kernel/ops.h"
#include "data/row/row_layout_int.h"

#define MATCH_BLOCK 512

typedef struct match_block {
    const cni_vector *flat; /* values in which `at` counts */
    int64_t at[MATCH_BLOCK];
    bool is_valid[MATCH_BLOCK];
} match_block;

typedef struct match_job {
    const cni_row_layout *layout;
    int32_t column;
    uint8_t *const *rows;
    const cni_vector *values;
    const uint32_t *index; /* NULL = k */
} match_job;

/* ---- where values are ---- */

static inline uint32_t
code_at(const cni_vector *vector, int64_t row)
{
    switch (vector->code_bytes) {
    case 1:
        return ((const uint8_t *)vector->data)[row];
    case 2:
        return ((const uint16_t *)vector->data)[row];
    default:
        return ((const uint32_t *)vector->data)[row];
    }
}

static void
resolve(const match_job *job, const uint32_t *candidates, int64_t n, match_block *out)
{
    const cni_vector *values = job->values;
    const bool is_dictionary = values->encoding == CNI_DICTIONARY;
    const bool is_constant = values->encoding == CNI_CONSTANT;
    out->flat = is_dictionary ? &values->dictionary->values : values;
    for (int64_t at = 0; at < n; at++) {
        const int64_t row = job->index == NULL ? candidates[at] : job->index[candidates[at]];
        int64_t position = is_constant ? 0 : row;
        bool is_valid = values->phys != CNI_PHYS_NONE && cni_bits_get(values->validity, position);
        if (is_dictionary && is_valid) {
            position = code_at(values, row);
            is_valid = cni_bits_get(out->flat->validity, position);
        }
        out->at[at] = position;
        out->is_valid[at] = is_valid;
    }
}

/* ---- values ---- */

static inline CN_ALWAYS_INLINE bool
same_bits(const uint8_t *item, const cni_vector *flat, int64_t at, size_t n_bytes)
{
    return memcmp(item, (const uint8_t *)flat->data + (size_t)at * n_bytes, n_bytes) == 0;
}

static bool
same_double(double a, double b)
{
    return a == b || (a != a && b != b);
}

static bool
same_view(const uint8_t *item, const cni_vector *flat, int64_t at)
{
    cni_view view;
    memcpy(&view, item, sizeof(view));
    return cni_view_equal(&view, (const cni_view *)flat->data + at);
}

static bool
same_wide(const uint8_t *item, const cni_vector *flat, int64_t at)
{
    cni_i128 value;
    memcpy(&value, item, sizeof(value));
    return value == (flat->phys == CNI_PHYS_I64 ? (cni_i128)((const int64_t *)flat->data)[at]
                                                : ((const cni_i128 *)flat->data)[at]);
}

static bool
same_rare(const match_job *job, const uint8_t *item, const cni_vector *flat, int64_t at)
{
    const cni_phys phys = job->layout->phys[job->column];
    if (phys == CNI_PHYS_INTERVAL) {
        cni_interval interval;
        memcpy(&interval, item, sizeof(interval));
        return cni_interval_nanos(&interval) ==
               cni_interval_nanos((const cni_interval *)flat->data + at);
    }
    if (phys == CNI_PHYS_F16) {
        uint16_t half;
        memcpy(&half, item, sizeof(half));
        return same_double((double)cni_f16_to_f32(half),
                           (double)cni_f16_to_f32(((const uint16_t *)flat->data)[at]));
    }
    if (cni_row_is_nested(phys)) {
        cni_side_slot slot;
        memcpy(&slot, item, sizeof(slot));
        return cni_row_order(slot.side, slot.row, flat, at) == 0;
    }
    const int32_t n_bytes = cni_row_item_bytes(phys, job->layout->types[job->column]);
    return n_bytes == 0 || same_bits(item, flat, at, (size_t)n_bytes);
}

/* Always inlined with a constant layout where it matters. */
static inline CN_ALWAYS_INLINE bool
same(const match_job *job, cni_phys phys, const uint8_t *item, const cni_vector *flat, int64_t at)
{
    switch (phys) {
    case CNI_PHYS_BIT:
        return (item[0] != 0) == cni_bits_get((cni_bits){flat->data, flat->data_off_bits}, at);
    case CNI_PHYS_I8:
    case CNI_PHYS_U8:
        return same_bits(item, flat, at, 1);
    case CNI_PHYS_I16:
    case CNI_PHYS_U16:
        return same_bits(item, flat, at, 2);
    case CNI_PHYS_I32:
    case CNI_PHYS_U32:
        return same_bits(item, flat, at, 4);
    case CNI_PHYS_I64:
    case CNI_PHYS_U64:
        return same_bits(item, flat, at, 8);
    case CNI_PHYS_I128:
        return same_wide(item, flat, at);
    case CNI_PHYS_F32: {
        float value;
        memcpy(&value, item, sizeof(value));
        return same_double((double)value, (double)((const float *)flat->data)[at]);
    }
    case CNI_PHYS_F64: {
        double value;
        memcpy(&value, item, sizeof(value));
        return same_double(value, ((const double *)flat->data)[at]);
    }
    case CNI_PHYS_VIEW:
        return same_view(item, flat, at);
    default:
        return same_rare(job, item, flat, at);
    }
}

/* ---- splitting ---- */

typedef struct match_out {
    uint32_t *matches;
    int64_t n_matches;
    uint32_t *mismatches;
    int64_t n_mismatches;
} match_out;

static inline CN_ALWAYS_INLINE void
split(const match_job *job, cni_phys phys, const match_block *block, const uint32_t *candidates,
      int64_t n, match_out *out)
{
    const int32_t offset = job->layout->offsets[job->column];
    for (int64_t at = 0; at < n; at++) {
        const uint32_t k = candidates[at];
        const uint8_t *row = job->rows[k];
        const bool is_null = cni_row_is_null(row, job->column);
        bool is_match = is_null == !block->is_valid[at];
        if (is_match && !is_null) {
            is_match = same(job, phys, row + offset, block->flat, block->at[at]);
        }
        if (is_match) {
            out->matches[out->n_matches++] = k;
        } else {
            if (out->mismatches != NULL) {
                out->mismatches[out->n_mismatches] = k;
            }
            out->n_mismatches++;
        }
    }
}

static void
split_by_layout(const match_job *job, const match_block *block, const uint32_t *candidates,
                int64_t n, match_out *out)
{
    switch (job->layout->phys[job->column]) {
    case CNI_PHYS_I32:
    case CNI_PHYS_U32:
        split(job, CNI_PHYS_I32, block, candidates, n, out);
        break;
    case CNI_PHYS_I64:
    case CNI_PHYS_U64:
        split(job, CNI_PHYS_I64, block, candidates, n, out);
        break;
    case CNI_PHYS_VIEW:
        split(job, CNI_PHYS_VIEW, block, candidates, n, out);
        break;
    default:
        split(job, job->layout->phys[job->column], block, candidates, n, out);
        break;
    }
}

/* Runs and sequences: row by row. A flat vector of one row at a time. */
static void
split_slowly(const match_job *job, const uint32_t *candidates, int64_t n, match_out *out)
{
    const cni_vector *values = job->values;
    for (int64_t at = 0; at < n; at++) {
        const int64_t row = job->index == NULL ? candidates[at] : job->index[candidates[at]];
        match_block one = {.flat = values};
        const int64_t value = values->sequence_start + row * values->sequence_step;
        const int32_t narrow = (int32_t)value;
        const cni_vector item = {.phys = values->phys,
                                 .type = values->type,
                                 .data = values->phys == CNI_PHYS_I32 ? (const void *)&narrow
                                                                      : (const void *)&value};
        if (values->encoding == CNI_SEQUENCE) {
            one.flat = &item;
            one.is_valid[0] = true;
        } else {
            one.is_valid[0] = cni_vector_locate(values, row, &one.flat, &one.at[0]);
        }
        split_by_layout(job, &one, candidates + at, 1, out);
    }
}

static bool
is_direct(const cni_vector *values)
{
    if (values->encoding == CNI_DICTIONARY) {
        return values->dictionary->values.encoding == CNI_FLAT;
    }
    return values->encoding == CNI_FLAT || values->encoding == CNI_CONSTANT;
}

int64_t
cni_row_match(const cni_row_layout *layout, int32_t column, uint8_t *const *rows,
              const cni_vector *values, const uint32_t *index, uint32_t *inout_match, int64_t n,
              uint32_t *out_mismatch, int64_t *out_n_mismatch)
{
    const match_job job = {layout, column, rows, values, index};
    match_out out = {inout_match, 0, out_mismatch, 0};
    match_block block;
    for (int64_t first = 0; first < n; first += MATCH_BLOCK) {
        /* Matches never overtake the candidates that are read. */
        const uint32_t *candidates = inout_match + first;
        const int64_t n_block = cni_min_i64(MATCH_BLOCK, n - first);
        if (is_direct(values)) {
            resolve(&job, candidates, n_block, &block);
            split_by_layout(&job, &block, candidates, n_block, &out);
        } else {
            split_slowly(&job, candidates, n_block, &out);
        }
    }
    if (out_n_mismatch != NULL) {
        *out_n_mismatch = out.n_mismatches;
    }
    return out.n_matches;
}
