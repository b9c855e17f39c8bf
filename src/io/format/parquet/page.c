/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening a page: header, checksum, levels, decompression. What the values are is the affair of
 * page_values.c. Every size that a header states is checked against the bytes that are there, and a
 * size of decompressed data against what the codec can reach, before memory is taken for it.
 */
#include "io/format/parquet/page_int.h"

#include <zlib.h>

#include "io/format/parquet/page_values_int.h"

static cn_code
check_crc(const cni_pq_page_header *header, const uint8_t *body, cn_error *err)
{
    if (!header->has_crc) {
        return CN_OK;
    }
    const uLong crc = crc32(crc32(0, NULL, 0), body, (uInt)header->compressed_bytes);
    if ((uint32_t)crc != header->crc) {
        return CN_FAIL(err, CN_INVALID_DATA, "a page is damaged: its checksum is %08x, not %08x",
                       (unsigned)crc, (unsigned)header->crc);
    }
    return CN_OK;
}

static cn_code
parse_header(const cni_pq_raw_page *raw, cni_pq_page_header *out_header, const uint8_t **out_body,
             cn_error *err)
{
    bool is_cut;
    CN_TRY(cni_pq_page_header_parse(raw->bytes, raw->n_bytes, out_header, &is_cut, err));
    if (out_header->compressed_bytes > raw->n_bytes - out_header->header_bytes) {
        return CN_FAIL(err, CN_INVALID_DATA, "a page says it has %d bytes, but only %lld are there",
                       (int)out_header->compressed_bytes,
                       (long long)(raw->n_bytes - out_header->header_bytes));
    }
    *out_body = raw->bytes + out_header->header_bytes;
    return check_crc(out_header, *out_body, err);
}

/* Decompress into page->body, or refer to the raw bytes when there is nothing to decompress. */
static cn_code
load_body(cni_pq_page *page, const cni_pq_env *env, const cni_pq_raw_page *raw,
          const uint8_t *bytes, int64_t n_bytes, int64_t n_out, bool is_compressed, cn_error *err)
{
    if (!is_compressed || raw->codec == CNI_CODEC_NONE) {
        if (n_bytes != n_out) {
            return CN_FAIL(err, CN_INVALID_DATA,
                           "an uncompressed page has two sizes: %lld and %lld", (long long)n_bytes,
                           (long long)n_out);
        }
        cni_buffer_unref(page->body);
        page->body = cni_buffer_ref(raw->owner);
        page->values = bytes;
        page->values_bytes = n_bytes;
        return CN_OK;
    }
    if (n_out > cni_codec_max_output(raw->codec, n_bytes)) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "a page says its %lld bytes become %lld: no %s block can",
                       (long long)n_bytes, (long long)n_out, cni_codec_name(raw->codec));
    }
    CN_TRY(cni_buffer_reuse(env->allocator, n_out, &page->body, err));
    if (n_out > 0 || n_bytes > 0) {
        CN_TRY(cni_codec_decompress(env->decompressor, raw->codec, bytes, n_bytes, page->body->data,
                                    n_out, err));
    }
    page->values = page->body->data;
    page->values_bytes = n_out;
    return CN_OK;
}

/* Definition levels of a flat optional column as validity: RLE bytes [levels, levels + n_bytes). */
static cn_code
levels_rle(cni_pq_page *page, const cni_pq_env *env, const uint8_t *levels, int64_t n_bytes,
           cn_error *err)
{
    const int64_t n_words = cni_bits_words(page->n_rows);
    CN_TRY(cni_buffer_reuse(env->allocator, n_words * 8, &page->validity, err));
    if (n_words > 0) {
        memset(page->validity->data + (n_words - 1) * 8, 0, 8);
    }
    cni_pq_hybrid hybrid;
    cni_pq_hybrid_init(&hybrid, levels, n_bytes, 1);
    if (!cni_pq_hybrid_read_bits(&hybrid, page->n_rows, page->validity->data, &page->n_dense)) {
        return CN_FAIL(err, CN_INVALID_DATA, "a page has damaged or too few definition levels");
    }
    page->has_nulls = page->n_dense < page->n_rows;
    return CN_OK;
}

/* The deprecated BIT_PACKED levels: most significant bit first. */
static cn_code
levels_bit_packed(cni_pq_page *page, const cni_pq_env *env, const uint8_t *levels, cn_error *err)
{
    const int64_t n_bytes = cni_bits_bytes(page->n_rows);
    CN_TRY(
        cni_buffer_reuse(env->allocator, cni_bits_words(page->n_rows) * 8, &page->validity, err));
    for (int64_t byte = 0; byte < n_bytes; byte++) {
        const uint32_t v = levels[byte];
        const uint32_t nibbles = (v & 0xf0) >> 4 | (v & 0x0f) << 4;
        const uint32_t pairs = (nibbles & 0xcc) >> 2 | (nibbles & 0x33) << 2;
        page->validity->data[byte] = (uint8_t)((pairs & 0xaa) >> 1 | (pairs & 0x55) << 1);
    }
    page->n_dense = cni_bits_count((cni_bits){page->validity->data, 0}, page->n_rows);
    page->has_nulls = page->n_dense < page->n_rows;
    return CN_OK;
}

/* Levels of a v1 page stand in front of the values, compressed with them. */
static cn_code
read_levels_v1(cni_pq_page *page, const cni_pq_env *env, const cni_pq_page_header *header,
               cn_error *err)
{
    if (header->level_encoding == CNI_PQ_BIT_PACKED) {
        const int64_t n_bytes = cni_bits_bytes(page->n_rows);
        if (n_bytes > page->values_bytes) {
            return CN_FAIL(err, CN_INVALID_DATA, "a page has too few definition levels");
        }
        CN_TRY(levels_bit_packed(page, env, page->values, err));
        page->values += n_bytes;
        page->values_bytes -= n_bytes;
        return CN_OK;
    }
    uint32_t n_level_bytes = 0;
    if (page->values_bytes >= 4) {
        memcpy(&n_level_bytes, page->values, 4);
    }
    if (header->level_encoding != CNI_PQ_RLE || page->values_bytes < 4 ||
        (int64_t)n_level_bytes > page->values_bytes - 4) {
        return CN_FAIL(err, CN_INVALID_DATA, "a page has damaged definition levels");
    }
    CN_TRY(levels_rle(page, env, page->values + 4, n_level_bytes, err));
    page->values += 4 + (int64_t)n_level_bytes;
    page->values_bytes -= 4 + (int64_t)n_level_bytes;
    return CN_OK;
}

static cn_code
open_v1(cni_pq_page *page, const cni_pq_env *env, const cni_pq_leaf *leaf,
        const cni_pq_raw_page *raw, const cni_pq_page_header *header, const uint8_t *body,
        cn_error *err)
{
    CN_TRY(load_body(page, env, raw, body, header->compressed_bytes, header->uncompressed_bytes,
                     true, err));
    return leaf->is_optional ? read_levels_v1(page, env, header, err) : CN_OK;
}

/* Levels of a v2 page are never compressed and come first. */
static cn_code
open_v2(cni_pq_page *page, const cni_pq_env *env, const cni_pq_leaf *leaf,
        const cni_pq_raw_page *raw, const cni_pq_page_header *header, const uint8_t *body,
        cn_error *err)
{
    const int64_t n_levels = (int64_t)header->definition_bytes + header->repetition_bytes;
    if (n_levels > header->compressed_bytes || n_levels > header->uncompressed_bytes) {
        return CN_FAIL(err, CN_INVALID_DATA, "a page has more levels than bytes");
    }
    if (leaf->is_optional) {
        CN_TRY(
            levels_rle(page, env, body + header->repetition_bytes, header->definition_bytes, err));
    }
    if (page->n_rows - page->n_dense != header->n_nulls) {
        return CN_FAIL(err, CN_INVALID_DATA, "a page says it has %d nulls, but has %lld",
                       (int)header->n_nulls, (long long)(page->n_rows - page->n_dense));
    }
    const int64_t n_in = header->compressed_bytes - n_levels;
    const int64_t n_out = header->uncompressed_bytes - n_levels;
    return load_body(page, env, raw, body + n_levels, n_in, n_out,
                     header->is_compressed && n_in + n_out > 0, err);
}

/* A page that is open no more: its buffers stay for reuse where nobody else holds them. */
static void
forget_content(cni_pq_page *page)
{
    cni_heap_unref(page->heap);
    page->heap = NULL;
    cni_buffer_unref(page->text);
    page->text = NULL;
    page->form = CNI_PQ_FORM_NONE;
    page->has_nulls = false;
    page->any_long = false;
    page->row = 0;
    page->dense = 0;
}

static cn_code
open_data(cni_pq_page *page, const cni_pq_env *env, const cni_pq_leaf *leaf,
          const cni_pq_raw_page *raw, cn_error *err)
{
    cni_pq_page_header header;
    const uint8_t *body;
    CN_TRY(parse_header(raw, &header, &body, err));
    if (header.type != CNI_PQ_PAGE_DATA && header.type != CNI_PQ_PAGE_DATA_V2) {
        return CN_FAIL(err, CN_INVALID_DATA, "a page of type %d is where a data page belongs",
                       (int)header.type);
    }
    if (header.n_values != raw->n_rows ||
        (header.type == CNI_PQ_PAGE_DATA_V2 && header.n_rows != raw->n_rows)) {
        return CN_FAIL(err, CN_INVALID_DATA, "a page has %d values where %lld rows belong",
                       (int)header.n_values, (long long)raw->n_rows);
    }
    page->n_rows = raw->n_rows;
    page->n_dense = raw->n_rows;
    CN_TRY(header.type == CNI_PQ_PAGE_DATA ? open_v1(page, env, leaf, raw, &header, body, err)
                                           : open_v2(page, env, leaf, raw, &header, body, err));
    return cni_pq_page_values(page, env, leaf, header.encoding, raw->has_dictionary, err);
}

cn_code
cni_pq_page_open(cni_pq_page *page, const cni_pq_env *env, const cni_pq_leaf *leaf,
                 const cni_pq_raw_page *raw, cn_error *err)
{
    forget_content(page);
    const cn_code code = open_data(page, env, leaf, raw, err);
    if (code != CN_OK) {
        cni_pq_page_done(page);
    }
    return code;
}

cn_code
cni_pq_page_open_dictionary(cni_pq_page *page, const cni_pq_env *env, const cni_pq_leaf *leaf,
                            const cni_pq_raw_page *raw, cn_error *err)
{
    forget_content(page);
    cni_pq_page_header header;
    const uint8_t *body;
    CN_TRY(parse_header(raw, &header, &body, err));
    if (header.type != CNI_PQ_PAGE_DICTIONARY ||
        (header.encoding != CNI_PQ_PLAIN && header.encoding != CNI_PQ_PLAIN_DICTIONARY)) {
        return CN_FAIL(err, CN_INVALID_DATA, "a dictionary page has type %d and encoding %d",
                       (int)header.type, (int)header.encoding);
    }
    page->n_rows = header.n_values;
    page->n_dense = header.n_values;
    CN_TRY(load_body(page, env, raw, body, header.compressed_bytes, header.uncompressed_bytes, true,
                     err));
    return cni_pq_page_values(page, env, leaf, CNI_PQ_PLAIN, false, err);
}

void
cni_pq_page_done(cni_pq_page *page)
{
    cni_buffer_unref(page->validity);
    cni_buffer_unref(page->body);
    cni_buffer_unref(page->decoded);
    cni_buffer_unref(page->text);
    cni_heap_unref(page->heap);
    *page = (cni_pq_page){0};
}
