/* SPDX-License-Identifier: Apache-2.0
 *
 * An open page: checked, decompressed, its levels turned into a bitmap, with a cursor over its
 * rows.
 *
 *   raw bytes --header, CRC--> body --levels--> validity
 *                                  \--encoding--> one of the forms below
 *
 *   VALUES    dense items of raw_bytes each, in the body or decoded whole
 *   STRINGS   PLAIN byte arrays in the body, walked by a cursor
 *   VIEWS     views of all dense values, decoded whole
 *   BITS      booleans
 *   CODES     dictionary indices, read by a hybrid cursor
 *
 * A dense value is one that is not null. The page holds references on the buffers that its values
 * lie in, so vectors may point into them. Confined to one worker.
 */
#ifndef CNI_IO_PARQUET_PAGE_INT_H
#define CNI_IO_PARQUET_PAGE_INT_H

#include "io/codec/codec.h"
#include "io/format/parquet/convert_int.h"
#include "io/format/parquet/hybrid_int.h"

/* What opening pages needs; one per worker. */
typedef struct cni_pq_env {
    cni_allocator *allocator;
    const cni_kernels *kernels;
    cni_decompressor *decompressor;
} cni_pq_env;

typedef enum cni_pq_form {
    CNI_PQ_FORM_NONE = 0,
    CNI_PQ_FORM_VALUES,
    CNI_PQ_FORM_STRINGS,
    CNI_PQ_FORM_VIEWS,
    CNI_PQ_FORM_BITS,
    CNI_PQ_FORM_CODES
} cni_pq_form;

typedef struct cni_pq_page {
    uint8_t form; /* cni_pq_form; NONE = no page is open */
    int64_t n_rows;
    int64_t n_dense;
    bool has_nulls;
    cni_buffer *validity; /* bitmap of n_rows when has_nulls; kept for reuse otherwise */
    cni_buffer *body;     /* decompressed bytes, or the raw ones when nothing was compressed */
    cni_buffer *decoded;  /* of encodings that decode whole: values, views, bits */
    cni_buffer *text;     /* DELTA_BYTE_ARRAY: the strings */
    cni_heap *heap;       /* of long views, made when first needed */
    const uint8_t *values;
    int64_t values_bytes;
    bool checked_utf8; /* or known to be ASCII: no check per string */
    bool any_long;     /* VIEWS: one is not inline */
    /* cursor */
    int64_t row;   /* next row */
    int64_t dense; /* next dense value */
    cni_pq_strings strings;
    cni_pq_hybrid codes;
} cni_pq_page;

/* Raw bytes of one page, header included, and what is known about it. */
typedef struct cni_pq_raw_page {
    const uint8_t *bytes;
    int64_t n_bytes;
    cni_buffer *owner; /* of `bytes`: padded */
    int32_t codec;
    int64_t n_rows;      /* expected */
    bool has_dictionary; /* of the chunk */
} cni_pq_raw_page;

/* Open a data page into `page` (zeroed or open: buffers are used again when nobody else holds
 * them). On failure the page is closed. Errors: CN_INVALID_DATA, CN_NOT_IMPLEMENTED, the
 * allocator's. */
CN_NODISCARD cn_code cni_pq_page_open(cni_pq_page *page, const cni_pq_env *env,
                                      const cni_pq_leaf *leaf, const cni_pq_raw_page *raw,
                                      cn_error *err);
/* Open a dictionary page: as a page of n_values required PLAIN values. */
CN_NODISCARD cn_code cni_pq_page_open_dictionary(cni_pq_page *page, const cni_pq_env *env,
                                                 const cni_pq_leaf *leaf,
                                                 const cni_pq_raw_page *raw, cn_error *err);
void cni_pq_page_done(cni_pq_page *page);
/* Move the cursor to `row` (forwards, or back to the start and forwards). */
CN_NODISCARD cn_code cni_pq_page_seek(cni_pq_page *page, const cni_pq_leaf *leaf, int64_t row,
                                      cn_error *err);

/* Non-null rows among the next n. */
static inline int64_t
cni_pq_page_count_dense(const cni_pq_page *page, int64_t n)
{
    if (!page->has_nulls) {
        return n;
    }
    return cni_bits_count((cni_bits){page->validity->data, page->row}, n);
}

#endif /* CNI_IO_PARQUET_PAGE_INT_H */
