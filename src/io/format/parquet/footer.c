/* SPDX-License-Identifier: Apache-2.0
 *
 * FileMetaData and what it holds, from Thrift compact. Field numbers are those of parquet.thrift.
 * Lists whose items are larger in memory than in the file are sized by what is known already (one
 * chunk per leaf) or grow from the arena, whose allocator has the last word.
 */
#include "io/format/parquet/footer_int.h"

#define MAX_ELEMENTS 1000000

static void
parse_unit(cni_thrift *thrift, const cni_thrift_field *field, cni_pq_element *out)
{
    if (!cni_thrift_struct(thrift, field)) {
        return;
    }
    cni_thrift_field unit = {0};
    while (cni_thrift_next_field(thrift, &unit)) {
        out->unit = unit.id;
        cni_thrift_skip(thrift, unit.type);
    }
}

/* The struct inside the LogicalType union that has parameters: numbers and flags by position. */
static void
parse_logical_member(cni_thrift *thrift, int32_t logical, cni_pq_element *out)
{
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(thrift, &field)) {
        const int32_t key = logical * 100 + field.id;
        switch (key) {
        case CNI_PQ_LOGICAL_DECIMAL * 100 + 1:
            out->scale = cni_thrift_i32(thrift, &field);
            break;
        case CNI_PQ_LOGICAL_DECIMAL * 100 + 2:
            out->precision = cni_thrift_i32(thrift, &field);
            break;
        case CNI_PQ_LOGICAL_TIME * 100 + 1:
        case CNI_PQ_LOGICAL_TIMESTAMP * 100 + 1:
            out->adjusted_utc = cni_thrift_bool(thrift, &field);
            break;
        case CNI_PQ_LOGICAL_TIME * 100 + 2:
        case CNI_PQ_LOGICAL_TIMESTAMP * 100 + 2:
            parse_unit(thrift, &field, out);
            break;
        case CNI_PQ_LOGICAL_INTEGER * 100 + 1:
            out->bit_width = cni_thrift_i32(thrift, &field);
            break;
        case CNI_PQ_LOGICAL_INTEGER * 100 + 2:
            out->is_signed = cni_thrift_bool(thrift, &field);
            break;
        default:
            cni_thrift_skip(thrift, field.type);
        }
    }
}

static void
parse_logical(cni_thrift *thrift, const cni_thrift_field *outer, cni_pq_element *out)
{
    if (!cni_thrift_struct(thrift, outer)) {
        return;
    }
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(thrift, &field)) {
        out->logical = field.id;
        if (field.type == CNI_THRIFT_STRUCT) {
            parse_logical_member(thrift, field.id, out);
        } else {
            cni_thrift_skip(thrift, field.type);
        }
    }
}

static void
parse_element(cni_thrift *thrift, cni_pq_element *out)
{
    *out = (cni_pq_element){.physical = -1, .converted = CNI_PQ_CONVERTED_NONE};
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            out->physical = cni_thrift_i32(thrift, &field);
            break;
        case 2:
            out->type_bytes = cni_thrift_i32(thrift, &field);
            break;
        case 3:
            out->repetition = cni_thrift_i32(thrift, &field);
            break;
        case 4:
            out->name = cni_thrift_binary(thrift, &field);
            break;
        case 5:
            out->n_children = cni_thrift_i32(thrift, &field);
            break;
        case 6:
            out->converted = cni_thrift_i32(thrift, &field);
            break;
        case 7:
            out->scale = cni_thrift_i32(thrift, &field);
            break;
        case 8:
            out->precision = cni_thrift_i32(thrift, &field);
            break;
        case 10:
            parse_logical(thrift, &field, out);
            break;
        default:
            cni_thrift_skip(thrift, field.type);
        }
    }
    if (out->n_children < 0 || out->repetition < 0 || out->repetition > CNI_PQ_REPEATED) {
        cni_thrift_fail(thrift, "a schema element is invalid");
    }
}

static cn_code
parse_schema(cni_arena *arena, cni_thrift *thrift, const cni_thrift_field *field,
             cni_pq_footer *out, cn_error *err)
{
    uint8_t type;
    const int64_t n_elements = cni_thrift_list(thrift, field, &type);
    const cni_thrift_field element = cni_thrift_element(type);
    if (n_elements > MAX_ELEMENTS || n_elements < 1 || out->elements != NULL) {
        cni_thrift_fail(thrift, "the schema is empty, repeated or too large");
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(arena, n_elements, (int64_t)sizeof(*out->elements), &out->elements,
                                 err));
    for (int64_t item = 0; item < n_elements && cni_thrift_struct(thrift, &element); item++) {
        parse_element(thrift, &out->elements[item]);
        out->n_leaves += item > 0 && out->elements[item].n_children == 0;
    }
    out->n_elements = (int32_t)n_elements;
    return CN_OK;
}

static void
parse_statistics(cni_thrift *thrift, const cni_thrift_field *outer, cni_pq_statistics *out)
{
    if (!cni_thrift_struct(thrift, outer)) {
        return;
    }
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            out->old_max = cni_thrift_binary(thrift, &field);
            break;
        case 2:
            out->old_min = cni_thrift_binary(thrift, &field);
            break;
        case 3:
            out->n_nulls = cni_thrift_i64(thrift, &field);
            break;
        case 4:
            out->n_distinct = cni_thrift_i64(thrift, &field);
            break;
        case 5:
            out->max_value = cni_thrift_binary(thrift, &field);
            break;
        case 6:
            out->min_value = cni_thrift_binary(thrift, &field);
            break;
        case 7:
            out->max_exact = cni_thrift_bool(thrift, &field);
            break;
        case 8:
            out->min_exact = cni_thrift_bool(thrift, &field);
            break;
        case 9:
            out->n_nans = cni_thrift_i64(thrift, &field);
            break;
        default:
            cni_thrift_skip(thrift, field.type);
        }
    }
}

static void
parse_column_meta(cni_thrift *thrift, const cni_thrift_field *outer, cni_pq_chunk *out)
{
    if (!cni_thrift_struct(thrift, outer)) {
        return;
    }
    out->has_meta = true;
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            out->physical = cni_thrift_i32(thrift, &field);
            break;
        case 4:
            out->codec = cni_thrift_i32(thrift, &field);
            break;
        case 5:
            out->n_values = cni_thrift_i64(thrift, &field);
            break;
        case 6:
            out->uncompressed_bytes = cni_thrift_i64(thrift, &field);
            break;
        case 7:
            out->compressed_bytes = cni_thrift_i64(thrift, &field);
            break;
        case 9:
            out->data_offset = cni_thrift_i64(thrift, &field);
            break;
        case 11:
            out->dictionary_offset = cni_thrift_i64(thrift, &field);
            break;
        case 12:
            parse_statistics(thrift, &field, &out->statistics);
            break;
        case 14:
            out->bloom_offset = cni_thrift_i64(thrift, &field);
            break;
        default:
            cni_thrift_skip(thrift, field.type);
        }
    }
}

static void
parse_chunk(cni_thrift *thrift, cni_pq_chunk *out)
{
    out->statistics = (cni_pq_statistics){.n_nulls = -1, .n_distinct = -1, .n_nans = -1};
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            out->elsewhere = cni_thrift_binary(thrift, &field).len_bytes > 0;
            break;
        case 3:
            parse_column_meta(thrift, &field, out);
            break;
        case 4:
            out->offset_index_offset = cni_thrift_i64(thrift, &field);
            break;
        case 5:
            out->offset_index_bytes = cni_thrift_i32(thrift, &field);
            break;
        case 6:
            out->column_index_offset = cni_thrift_i64(thrift, &field);
            break;
        case 7:
            out->column_index_bytes = cni_thrift_i32(thrift, &field);
            break;
        case 8:
        case 9:
            out->encrypted = true;
            cni_thrift_skip(thrift, field.type);
            break;
        default:
            cni_thrift_skip(thrift, field.type);
        }
    }
}

static cn_code
parse_chunks(cni_arena *arena, cni_thrift *thrift, const cni_thrift_field *field, int32_t n_leaves,
             cni_pq_group *out, cn_error *err)
{
    uint8_t type;
    const int64_t n_chunks = cni_thrift_list(thrift, field, &type);
    const cni_thrift_field element = cni_thrift_element(type);
    if (n_chunks != n_leaves || out->chunks != NULL) {
        cni_thrift_fail(thrift, "a row group does not have one chunk per column");
        return CN_OK;
    }
    CN_TRY(
        cni_arena_alloc_array(arena, n_chunks, (int64_t)sizeof(*out->chunks), &out->chunks, err));
    for (int64_t chunk = 0; chunk < n_chunks && cni_thrift_struct(thrift, &element); chunk++) {
        parse_chunk(thrift, &out->chunks[chunk]);
    }
    return CN_OK;
}

static cn_code
parse_group(cni_arena *arena, cni_thrift *thrift, int32_t n_leaves, cni_pq_group *out,
            cn_error *err)
{
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            CN_TRY(parse_chunks(arena, thrift, &field, n_leaves, out, err));
            break;
        case 2:
            out->total_bytes = cni_thrift_i64(thrift, &field);
            break;
        case 3:
            out->n_rows = cni_thrift_i64(thrift, &field);
            break;
        default:
            cni_thrift_skip(thrift, field.type);
        }
    }
    if (out->n_rows < 0 || (out->chunks == NULL && n_leaves > 0)) {
        cni_thrift_fail(thrift, "a row group has no columns or a negative count of rows");
    }
    return CN_OK;
}

static cn_code
parse_groups(cni_arena *arena, cni_thrift *thrift, const cni_thrift_field *field,
             cni_pq_footer *out, cn_error *err)
{
    uint8_t type;
    const int64_t n_groups = cni_thrift_list(thrift, field, &type);
    const cni_thrift_field element = cni_thrift_element(type);
    if (out->groups != NULL || out->elements == NULL) {
        cni_thrift_fail(thrift, "row groups come twice or before the schema");
        return CN_OK;
    }
    /* A chunk cannot take less than a byte, so this is a bound on what is allocated below. */
    if (n_groups * cni_max_i64(out->n_leaves, 1) > thrift->end - thrift->at) {
        cni_thrift_fail(thrift, "more row groups than bytes");
        return CN_OK;
    }
    CN_TRY(
        cni_arena_alloc_array(arena, n_groups, (int64_t)sizeof(*out->groups), &out->groups, err));
    for (int64_t group = 0; group < n_groups && cni_thrift_struct(thrift, &element); group++) {
        CN_TRY(parse_group(arena, thrift, out->n_leaves, &out->groups[group], err));
    }
    out->n_groups = n_groups;
    return CN_OK;
}

static cn_code
parse_orders(cni_arena *arena, cni_thrift *thrift, const cni_thrift_field *field,
             cni_pq_footer *out, cn_error *err)
{
    uint8_t type;
    const int64_t n_orders = cni_thrift_list(thrift, field, &type);
    const cni_thrift_field element = cni_thrift_element(type);
    if (n_orders > MAX_ELEMENTS) {
        cni_thrift_fail(thrift, "too many column orders");
        return CN_OK;
    }
    uint8_t *orders;
    CN_TRY(cni_arena_alloc_array(arena, n_orders, 1, &orders, err));
    for (int64_t item = 0; item < n_orders && cni_thrift_struct(thrift, &element); item++) {
        cni_thrift_field order = {0};
        while (cni_thrift_next_field(thrift, &order)) {
            orders[item] = order.id > 0 && order.id < 256 ? (uint8_t)order.id : 0;
            cni_thrift_skip(thrift, order.type);
        }
    }
    out->orders = orders;
    out->n_orders = (int32_t)n_orders;
    return CN_OK;
}

cn_code
cni_pq_footer_parse(cni_arena *arena, const uint8_t *bytes, int64_t n_bytes,
                    cni_pq_footer *out_footer, cn_error *err)
{
    cni_thrift thrift;
    cni_thrift_init(&thrift, bytes, n_bytes);
    cni_pq_footer footer = {0};
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(&thrift, &field)) {
        switch (field.id) {
        case 1:
            footer.version = cni_thrift_i32(&thrift, &field);
            break;
        case 2:
            CN_TRY(parse_schema(arena, &thrift, &field, &footer, err));
            break;
        case 3:
            footer.n_rows = cni_thrift_i64(&thrift, &field);
            break;
        case 4:
            CN_TRY(parse_groups(arena, &thrift, &field, &footer, err));
            break;
        case 6:
            footer.created_by = cni_thrift_binary(&thrift, &field);
            break;
        case 7:
            CN_TRY(parse_orders(arena, &thrift, &field, &footer, err));
            break;
        default:
            cni_thrift_skip(&thrift, field.type);
        }
    }
    if (footer.elements == NULL) {
        cni_thrift_fail(&thrift, "it has no schema");
    }
    CN_TRY(cni_thrift_finish(&thrift, "footer", err));
    *out_footer = footer;
    return CN_OK;
}
