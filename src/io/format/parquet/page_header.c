/* SPDX-License-Identifier: Apache-2.0
 *
 * PageHeader, OffsetIndex and ColumnIndex, from Thrift compact.
 */
#include "io/format/parquet/footer_int.h"

static void
parse_data_page(cni_thrift *thrift, const cni_thrift_field *outer, cni_pq_page_header *out)
{
    if (!cni_thrift_struct(thrift, outer)) {
        return;
    }
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            out->n_values = cni_thrift_i32(thrift, &field);
            break;
        case 2:
            out->encoding = cni_thrift_i32(thrift, &field);
            break;
        case 3:
            out->level_encoding = cni_thrift_i32(thrift, &field);
            break;
        default:
            cni_thrift_skip(thrift, field.type);
        }
    }
}

static void
parse_data_page_v2(cni_thrift *thrift, const cni_thrift_field *outer, cni_pq_page_header *out)
{
    if (!cni_thrift_struct(thrift, outer)) {
        return;
    }
    out->is_compressed = true;
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            out->n_values = cni_thrift_i32(thrift, &field);
            break;
        case 2:
            out->n_nulls = cni_thrift_i32(thrift, &field);
            break;
        case 3:
            out->n_rows = cni_thrift_i32(thrift, &field);
            break;
        case 4:
            out->encoding = cni_thrift_i32(thrift, &field);
            break;
        case 5:
            out->definition_bytes = cni_thrift_i32(thrift, &field);
            break;
        case 6:
            out->repetition_bytes = cni_thrift_i32(thrift, &field);
            break;
        case 7:
            out->is_compressed = cni_thrift_bool(thrift, &field);
            break;
        default:
            cni_thrift_skip(thrift, field.type);
        }
    }
}

static void
parse_dictionary_page(cni_thrift *thrift, const cni_thrift_field *outer, cni_pq_page_header *out)
{
    if (!cni_thrift_struct(thrift, outer)) {
        return;
    }
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            out->n_values = cni_thrift_i32(thrift, &field);
            break;
        case 2:
            out->encoding = cni_thrift_i32(thrift, &field);
            break;
        default:
            cni_thrift_skip(thrift, field.type);
        }
    }
}

static bool
header_is_sound(const cni_pq_page_header *header)
{
    return header->type >= 0 && header->uncompressed_bytes >= 0 && header->compressed_bytes >= 0 &&
           header->n_values >= 0 && header->n_nulls >= 0 && header->n_rows >= 0 &&
           header->definition_bytes >= 0 && header->repetition_bytes >= 0;
}

cn_code
cni_pq_page_header_parse(const uint8_t *bytes, int64_t n_bytes, cni_pq_page_header *out_header,
                         bool *out_cut, cn_error *err)
{
    cni_thrift thrift;
    cni_thrift_init(&thrift, bytes, n_bytes);
    cni_pq_page_header header = {.type = -1, .level_encoding = CNI_PQ_RLE};
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(&thrift, &field)) {
        switch (field.id) {
        case 1:
            header.type = cni_thrift_i32(&thrift, &field);
            break;
        case 2:
            header.uncompressed_bytes = cni_thrift_i32(&thrift, &field);
            break;
        case 3:
            header.compressed_bytes = cni_thrift_i32(&thrift, &field);
            break;
        case 4:
            header.has_crc = true;
            header.crc = (uint32_t)cni_thrift_i32(&thrift, &field);
            break;
        case 5:
            parse_data_page(&thrift, &field, &header);
            break;
        case 7:
            parse_dictionary_page(&thrift, &field, &header);
            break;
        case 8:
            parse_data_page_v2(&thrift, &field, &header);
            break;
        default:
            cni_thrift_skip(&thrift, field.type);
        }
    }
    if (thrift.failure == NULL && !header_is_sound(&header)) {
        cni_thrift_fail(&thrift, "a size or count is negative");
        *out_cut = false;
    } else {
        *out_cut = thrift.failure != NULL;
    }
    CN_TRY(cni_thrift_finish(&thrift, "page header", err));
    header.header_bytes = cni_thrift_consumed(&thrift);
    *out_header = header;
    return CN_OK;
}

static void
parse_location(cni_thrift *thrift, cni_pq_page_location *out)
{
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(thrift, &field)) {
        switch (field.id) {
        case 1:
            out->offset = cni_thrift_i64(thrift, &field);
            break;
        case 2:
            out->n_bytes = cni_thrift_i32(thrift, &field);
            break;
        case 3:
            out->first_row = cni_thrift_i64(thrift, &field);
            break;
        default:
            cni_thrift_skip(thrift, field.type);
        }
    }
}

cn_code
cni_pq_offset_index_parse(cni_arena *arena, const uint8_t *bytes, int64_t n_bytes,
                          int64_t *out_n_pages, cni_pq_page_location **out_pages, cn_error *err)
{
    cni_thrift thrift;
    cni_thrift_init(&thrift, bytes, n_bytes);
    int64_t n_pages = 0;
    cni_pq_page_location *pages = NULL;
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(&thrift, &field)) {
        if (field.id != 1 || pages != NULL) {
            cni_thrift_skip(&thrift, field.type);
            continue;
        }
        uint8_t type;
        n_pages = cni_thrift_list(&thrift, &field, &type);
        const cni_thrift_field element = cni_thrift_element(type);
        CN_TRY(cni_arena_alloc_array(arena, n_pages, (int64_t)sizeof(*pages), &pages, err));
        for (int64_t page = 0; page < n_pages && cni_thrift_struct(&thrift, &element); page++) {
            parse_location(&thrift, &pages[page]);
        }
    }
    if (n_pages == 0) {
        cni_thrift_fail(&thrift, "it names no pages");
    }
    CN_TRY(cni_thrift_finish(&thrift, "offset index", err));
    *out_n_pages = n_pages;
    *out_pages = pages;
    return CN_OK;
}

/* A list of the index: its length must be that of the lists before it. */
static int64_t
list_of_pages(cni_thrift *thrift, const cni_thrift_field *field, cni_pq_column_index *index,
              uint8_t *out_type)
{
    const int64_t n_items = cni_thrift_list(thrift, field, out_type);
    if (index->n_pages >= 0 && index->n_pages != n_items) {
        cni_thrift_fail(thrift, "its lists are of different lengths");
        return 0;
    }
    index->n_pages = n_items;
    return n_items;
}

static cn_code
parse_texts(cni_arena *arena, cni_thrift *thrift, const cni_thrift_field *field,
            cni_pq_column_index *index, cni_str **out_texts, cn_error *err)
{
    uint8_t type;
    const int64_t n_items = list_of_pages(thrift, field, index, &type);
    const cni_thrift_field element = cni_thrift_element(type);
    CN_TRY(cni_arena_alloc_array(arena, n_items, (int64_t)sizeof(cni_str), out_texts, err));
    for (int64_t item = 0; item < n_items; item++) {
        (*out_texts)[item] = cni_thrift_binary(thrift, &element);
    }
    return CN_OK;
}

static cn_code
parse_null_pages(cni_arena *arena, cni_thrift *thrift, const cni_thrift_field *field,
                 cni_pq_column_index *index, cn_error *err)
{
    uint8_t type;
    const int64_t n_items = list_of_pages(thrift, field, index, &type);
    CN_TRY(cni_arena_alloc_array(arena, n_items, (int64_t)sizeof(bool), &index->null_pages, err));
    for (int64_t item = 0; item < n_items; item++) {
        index->null_pages[item] = cni_thrift_element_bool(thrift, type);
    }
    return CN_OK;
}

static cn_code
parse_null_counts(cni_arena *arena, cni_thrift *thrift, const cni_thrift_field *field,
                  cni_pq_column_index *index, cn_error *err)
{
    uint8_t type;
    const int64_t n_items = list_of_pages(thrift, field, index, &type);
    const cni_thrift_field element = cni_thrift_element(type);
    CN_TRY(cni_arena_alloc_array(arena, n_items, (int64_t)sizeof(int64_t), &index->n_nulls, err));
    for (int64_t item = 0; item < n_items; item++) {
        index->n_nulls[item] = cni_thrift_i64(thrift, &element);
    }
    return CN_OK;
}

cn_code
cni_pq_column_index_parse(cni_arena *arena, const uint8_t *bytes, int64_t n_bytes,
                          cni_pq_column_index *out_index, cn_error *err)
{
    cni_thrift thrift;
    cni_thrift_init(&thrift, bytes, n_bytes);
    cni_pq_column_index index = {.n_pages = -1};
    cni_thrift_field field = {0};
    while (cni_thrift_next_field(&thrift, &field)) {
        switch (field.id) {
        case 1:
            CN_TRY(parse_null_pages(arena, &thrift, &field, &index, err));
            break;
        case 2:
            CN_TRY(parse_texts(arena, &thrift, &field, &index, &index.low, err));
            break;
        case 3:
            CN_TRY(parse_texts(arena, &thrift, &field, &index, &index.high, err));
            break;
        case 5:
            CN_TRY(parse_null_counts(arena, &thrift, &field, &index, err));
            break;
        default:
            cni_thrift_skip(&thrift, field.type);
        }
    }
    if (index.null_pages == NULL || index.low == NULL || index.high == NULL) {
        cni_thrift_fail(&thrift, "a list is missing");
    }
    CN_TRY(cni_thrift_finish(&thrift, "column index", err));
    *out_index = index;
    return CN_OK;
}

/* ---- Bloom filters ---- */

/* Whether a union is set to its first member, the only one that there is. */
static bool
is_first_member(cni_thrift *thrift, const cni_thrift_field *outer)
{
    bool is_first = false;
    cni_thrift_field field = {0};
    if (!cni_thrift_struct(thrift, outer)) {
        return false;
    }
    while (cni_thrift_next_field(thrift, &field)) {
        is_first = is_first || field.id == 1;
        cni_thrift_skip(thrift, field.type);
    }
    return is_first;
}

bool
cni_pq_bloom_header_parse(const uint8_t *bytes, int64_t n_bytes, int64_t *out_header_bytes,
                          int64_t *out_block_bytes)
{
    cni_thrift thrift;
    cni_thrift_field field = {0};
    int64_t n_block_bytes = 0;
    int32_t n_known = 0; /* algorithm, hash, compression */
    cni_thrift_init(&thrift, bytes, n_bytes);
    while (cni_thrift_next_field(&thrift, &field)) {
        switch (field.id) {
        case 1:
            n_block_bytes = cni_thrift_i32(&thrift, &field);
            break;
        case 2:
        case 3:
        case 4:
            n_known += is_first_member(&thrift, &field);
            break;
        default:
            cni_thrift_skip(&thrift, field.type);
        }
    }
    *out_header_bytes = cni_thrift_consumed(&thrift);
    *out_block_bytes = n_block_bytes;
    return thrift.failure == NULL && n_known == 3 && n_block_bytes > 0 &&
           n_block_bytes % CNI_PQ_BLOOM_BLOCK == 0;
}
