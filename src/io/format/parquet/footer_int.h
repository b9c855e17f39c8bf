/* SPDX-License-Identifier: Apache-2.0
 *
 * The footer of a Parquet file (FileMetaData of parquet.thrift) as plain structs in an arena, and
 * the headers and indexes that lie elsewhere in the file. Texts and statistics point into the bytes
 * they were parsed from, which the arena or the caller keeps.
 *
 *   "PAR1" row group ... row group, indexes, footer, u32 length of the footer, "PAR1"
 *
 * Parsing checks form only (types, counts against bytes, one chunk per leaf and row group). What
 * the numbers say is a claim until it is used: whoever follows an offset checks it against the
 * file.
 */
#ifndef CNI_IO_PARQUET_FOOTER_INT_H
#define CNI_IO_PARQUET_FOOTER_INT_H

#include "base/arena.h"
#include "io/format/parquet/thrift_int.h"

typedef enum cni_pq_physical {
    CNI_PQ_BOOLEAN = 0,
    CNI_PQ_INT32 = 1,
    CNI_PQ_INT64 = 2,
    CNI_PQ_INT96 = 3,
    CNI_PQ_FLOAT = 4,
    CNI_PQ_DOUBLE = 5,
    CNI_PQ_BYTE_ARRAY = 6,
    CNI_PQ_FIXED = 7,
    CNI_PQ_PHYSICAL_COUNT_
} cni_pq_physical;

typedef enum cni_pq_repetition {
    CNI_PQ_REQUIRED = 0,
    CNI_PQ_OPTIONAL = 1,
    CNI_PQ_REPEATED = 2
} cni_pq_repetition;

/* ConvertedType; -1 = none. */
typedef enum cni_pq_converted {
    CNI_PQ_CONVERTED_NONE = -1,
    CNI_PQ_UTF8 = 0,
    CNI_PQ_MAP = 1,
    CNI_PQ_MAP_KEY_VALUE = 2,
    CNI_PQ_LIST = 3,
    CNI_PQ_ENUM = 4,
    CNI_PQ_DECIMAL = 5,
    CNI_PQ_DATE = 6,
    CNI_PQ_TIME_MILLIS = 7,
    CNI_PQ_TIME_MICROS = 8,
    CNI_PQ_TIMESTAMP_MILLIS = 9,
    CNI_PQ_TIMESTAMP_MICROS = 10,
    CNI_PQ_UINT_8 = 11,
    CNI_PQ_UINT_64 = 14,
    CNI_PQ_INT_8 = 15,
    CNI_PQ_INT_64 = 18,
    CNI_PQ_JSON = 19,
    CNI_PQ_BSON = 20,
    CNI_PQ_INTERVAL = 21
} cni_pq_converted;

/* Field ids of the LogicalType union; 0 = none. */
typedef enum cni_pq_logical {
    CNI_PQ_LOGICAL_NONE = 0,
    CNI_PQ_LOGICAL_STRING = 1,
    CNI_PQ_LOGICAL_MAP = 2,
    CNI_PQ_LOGICAL_LIST = 3,
    CNI_PQ_LOGICAL_ENUM = 4,
    CNI_PQ_LOGICAL_DECIMAL = 5,
    CNI_PQ_LOGICAL_DATE = 6,
    CNI_PQ_LOGICAL_TIME = 7,
    CNI_PQ_LOGICAL_TIMESTAMP = 8,
    CNI_PQ_LOGICAL_INTEGER = 10,
    CNI_PQ_LOGICAL_UNKNOWN = 11,
    CNI_PQ_LOGICAL_JSON = 12,
    CNI_PQ_LOGICAL_BSON = 13,
    CNI_PQ_LOGICAL_UUID = 14,
    CNI_PQ_LOGICAL_FLOAT16 = 15
} cni_pq_logical;

typedef enum cni_pq_encoding {
    CNI_PQ_PLAIN = 0,
    CNI_PQ_PLAIN_DICTIONARY = 2,
    CNI_PQ_RLE = 3,
    CNI_PQ_BIT_PACKED = 4,
    CNI_PQ_DELTA_BINARY_PACKED = 5,
    CNI_PQ_DELTA_LENGTH_BYTE_ARRAY = 6,
    CNI_PQ_DELTA_BYTE_ARRAY = 7,
    CNI_PQ_RLE_DICTIONARY = 8,
    CNI_PQ_BYTE_STREAM_SPLIT = 9
} cni_pq_encoding;

typedef struct cni_pq_element {
    cni_str name;
    int32_t physical;   /* -1 for groups */
    int32_t type_bytes; /* FIXED */
    int32_t repetition;
    int32_t n_children;
    int32_t converted;
    int32_t logical; /* cni_pq_logical, or another number that nobody knows yet */
    int32_t scale;
    int32_t precision;
    int32_t unit;      /* TIME, TIMESTAMP: 1 = ms, 2 = us, 3 = ns */
    int32_t bit_width; /* INTEGER */
    bool is_signed;    /* INTEGER */
    bool adjusted_utc; /* TIME, TIMESTAMP */
} cni_pq_element;

/* A count of -1 and a text with NULL data mean: not given. */
typedef struct cni_pq_statistics {
    cni_str min_value;
    cni_str max_value;
    cni_str old_min; /* deprecated pair, of signed order */
    cni_str old_max;
    int64_t n_nulls;
    int64_t n_distinct;
    int64_t n_nans;
    bool min_exact; /* stated to be exact */
    bool max_exact;
} cni_pq_statistics;

/* One column in one row group. Offsets of 0 or below: absent. */
typedef struct cni_pq_chunk {
    bool has_meta;
    bool encrypted;
    bool elsewhere; /* lies in another file */
    int32_t physical;
    int32_t codec;
    int64_t n_values;
    int64_t uncompressed_bytes;
    int64_t compressed_bytes;
    int64_t data_offset;
    int64_t dictionary_offset;
    int64_t offset_index_offset;
    int64_t offset_index_bytes;
    int64_t column_index_offset;
    int64_t column_index_bytes;
    int64_t bloom_offset;
    cni_pq_statistics statistics;
} cni_pq_chunk;

typedef struct cni_pq_group {
    int64_t n_rows;
    int64_t total_bytes;
    cni_pq_chunk *chunks; /* one per leaf */
} cni_pq_group;

typedef struct cni_pq_footer {
    int32_t version;
    int64_t n_rows;
    int32_t n_elements;
    cni_pq_element *elements; /* depth first; the root is the first */
    int32_t n_leaves;
    int64_t n_groups;
    cni_pq_group *groups;
    cni_str created_by;
    int32_t n_orders;
    const uint8_t *orders; /* per leaf: ColumnOrder's field id; 1 = by the type */
} cni_pq_footer;

/* Parse FileMetaData; `bytes` must live as long as the arena. Errors: CN_INVALID_DATA. */
CN_NODISCARD cn_code cni_pq_footer_parse(cni_arena *arena, const uint8_t *bytes, int64_t n_bytes,
                                         cni_pq_footer *out_footer, cn_error *err);

typedef enum cni_pq_page_type {
    CNI_PQ_PAGE_DATA = 0,
    CNI_PQ_PAGE_INDEX = 1,
    CNI_PQ_PAGE_DICTIONARY = 2,
    CNI_PQ_PAGE_DATA_V2 = 3
} cni_pq_page_type;

typedef struct cni_pq_page_header {
    int32_t type; /* cni_pq_page_type, or a number that nobody knows */
    int32_t uncompressed_bytes;
    int32_t compressed_bytes;
    bool has_crc;
    uint32_t crc;
    int32_t n_values;
    int32_t encoding;
    int32_t level_encoding;   /* v1, of definition levels */
    int32_t n_nulls;          /* v2 */
    int32_t n_rows;           /* v2 */
    int32_t definition_bytes; /* v2 */
    int32_t repetition_bytes; /* v2 */
    bool is_compressed;       /* v2 */
    int64_t header_bytes;     /* of this header */
} cni_pq_page_header;

/* Parse the PageHeader at the start of `bytes`. With too few bytes it fails, and *out_cut says that
 * more might help. Sizes and counts given are never negative. Errors: CN_INVALID_DATA. */
CN_NODISCARD cn_code cni_pq_page_header_parse(const uint8_t *bytes, int64_t n_bytes,
                                              cni_pq_page_header *out_header, bool *out_cut,
                                              cn_error *err);

typedef struct cni_pq_page_location {
    int64_t offset;
    int64_t n_bytes; /* header and body */
    int64_t first_row;
} cni_pq_page_location;

/* Parse an OffsetIndex into the arena; n_pages >= 1. Form only. Errors: CN_INVALID_DATA. */
CN_NODISCARD cn_code cni_pq_offset_index_parse(cni_arena *arena, const uint8_t *bytes,
                                               int64_t n_bytes, int64_t *out_n_pages,
                                               cni_pq_page_location **out_pages, cn_error *err);

typedef struct cni_pq_column_index {
    int64_t n_pages;
    bool *null_pages;
    cni_str *low; /* empty for null pages */
    cni_str *high;
    int64_t *n_nulls; /* NULL when not given */
} cni_pq_column_index;

/* Parse a ColumnIndex; texts point into `bytes`. Errors: CN_INVALID_DATA, also when its lists are
 * not of equal length. */
CN_NODISCARD cn_code cni_pq_column_index_parse(cni_arena *arena, const uint8_t *bytes,
                                               int64_t n_bytes, cni_pq_column_index *out_index,
                                               cn_error *err);

/* Parse the BloomFilterHeader at the start of `bytes`: sizes of the header and of the blocks behind
 * it, a multiple of CNI_PQ_BLOOM_BLOCK. False = damaged, or of a kind that nobody knows. */
#define CNI_PQ_BLOOM_BLOCK 32
bool cni_pq_bloom_header_parse(const uint8_t *bytes, int64_t n_bytes, int64_t *out_header_bytes,
                               int64_t *out_block_bytes);

#endif /* CNI_IO_PARQUET_FOOTER_INT_H */
