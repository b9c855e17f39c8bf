/* SPDX-License-Identifier: Apache-2.0
 *
 * From the rows of an open page to items of a block: dense decoding, expansion of nulls, selection.
 * An item is a dictionary code or a value in the vector's layout; booleans have their own path.
 */
#ifndef CNI_IO_PARQUET_DECODE_INT_H
#define CNI_IO_PARQUET_DECODE_INT_H

#include "io/format/parquet/column_int.h"

/* A run of rows of one page: the cursor stands at its first row. */
typedef struct cni_pq_piece {
    cni_pq_page *page;
    const cni_pq_leaf *leaf;
    const cni_pq_dictionary *dictionary; /* NULL unless the page has codes */
    int64_t n_rows;
    const uint64_t *keep; /* words for n_rows, zero behind; NULL = all */
    int64_t n_keep;
    bool as_codes;      /* items are codes; only for pages of codes */
    int32_t item_bytes; /* of an item */
    int64_t n_dense;    /* non-null rows among n_rows */
    cni_bounds bounds;  /* out: of the values, when they are integers and not codes */
    bool any_long;      /* out: some view is not inline */
} cni_pq_piece;

/* Decode the kept rows into `out` (n_keep items and 64 bytes more); null rows give zero bytes. The
 * cursor moves behind the piece. Errors: CN_INVALID_DATA, the allocator's. */
CN_NODISCARD cn_code cni_pq_decode_items(cni_pq_reader *reader, cni_pq_piece *piece, void *out,
                                         cn_error *err);
/* The same for booleans: bits from `out_bit` of `out` on (zero there). */
CN_NODISCARD cn_code cni_pq_decode_bits(cni_pq_piece *piece, uint8_t *out, int64_t out_bit,
                                        cn_error *err);
/* Validity of the kept rows, from out_bit on. Before the piece is decoded. */
void cni_pq_decode_validity(const cni_pq_piece *piece, uint8_t *out, int64_t out_bit);

/* Values of n codes (of code_bytes, in range) into `out`. */
void cni_pq_gather(const cni_kernels *kernels, const cni_pq_dictionary *dictionary,
                   int32_t value_bytes, const void *codes, int32_t code_bytes, int64_t n,
                   void *out);
/* n dense values of a page from its cursor on, in the vector's layout. */
CN_NODISCARD cn_code cni_pq_decode_dense(cni_pq_reader *reader, const cni_pq_leaf *leaf,
                                         cni_pq_page *page, int64_t n, void *out,
                                         bool *inout_any_long, cn_error *err);
/* Bounds of n values of a leaf's layout; not known for layouts without. */
cni_bounds cni_pq_bounds(const cni_kernels *kernels, const cni_pq_leaf *leaf, const void *values,
                         int64_t n);
/* Scratch buffer k of at least n_bytes. */
CN_NODISCARD cn_code cni_pq_scratch(cni_pq_reader *reader, int32_t k, int64_t n_bytes,
                                    void *out_block, cn_error *err);

#endif /* CNI_IO_PARQUET_DECODE_INT_H */
