/* SPDX-License-Identifier: Apache-2.0
 *
 * From the schema tree of a Parquet file to fields with engine types, and to leaves: how the dense
 * values of a column chunk become the physical layout of a vector.
 *
 * Top-level primitive columns are readable. Nested ones get their type (LIST, STRUCT, MAP by the
 * rules of LogicalTypes.md, legacy forms included), so that the schema can be shown; reading them
 * is refused by name.
 */
#ifndef CNI_IO_PARQUET_SCHEMA_INT_H
#define CNI_IO_PARQUET_SCHEMA_INT_H

#include "data/column/type.h"
#include "io/format/parquet/footer_int.h"

/* What is done to a dense value on its way into a vector. */
typedef enum cni_pq_convert {
    CNI_PQ_COPY,           /* same bytes: 1, 2, 4, 8, 16 or type_bytes of them */
    CNI_PQ_BITS,           /* BOOLEAN */
    CNI_PQ_TO_8,           /* INT32 -> 8 bits */
    CNI_PQ_TO_16,          /* INT32 -> 16 bits */
    CNI_PQ_WIDEN,          /* INT32 -> I64, sign-extended: decimals */
    CNI_PQ_INT96_TO_US,    /* nanoseconds of the day and Julian day -> microseconds */
    CNI_PQ_FIXED_DECIMAL,  /* big-endian two's complement of type_bytes -> I64, I128 or I256 */
    CNI_PQ_TEXT_DECIMAL,   /* the same, of any length */
    CNI_PQ_FIXED_INTERVAL, /* months, days, milliseconds as u32 */
    CNI_PQ_VIEW,           /* BYTE_ARRAY -> views */
    CNI_PQ_ALWAYS_NULL     /* logical type UNKNOWN: no values */
} cni_pq_convert;

/* A readable column. Immutable. */
typedef struct cni_pq_leaf {
    cni_str name;
    int32_t chunk;     /* position among the chunks of a row group */
    int32_t physical;  /* cni_pq_physical */
    int32_t raw_bytes; /* per dense PLAIN value; 0 for BOOLEAN and BYTE_ARRAY */
    int32_t out_bytes; /* per value in the vector; 0 for BIT and NONE */
    uint8_t convert;   /* cni_pq_convert */
    uint8_t phys;      /* cni_phys of the vector */
    bool is_optional;
    bool is_utf8; /* VIEW: must be well-formed UTF-8 */
    const cni_type *type;
} cni_pq_leaf;

typedef struct cni_pq_schema {
    cni_schema schema;          /* top-level fields */
    const cni_pq_leaf **leaves; /* per field; NULL = nested, not readable */
    int32_t n_chunks;
} cni_pq_schema;

/* binary_as_string: BYTE_ARRAY without annotation is VARCHAR instead of BLOB.
 * Errors: CN_INVALID_DATA (the tree is not one), CN_LIMIT_EXCEEDED beyond 64 levels. */
CN_NODISCARD cn_code cni_pq_schema_map(cni_arena *arena, const cni_pq_footer *footer,
                                       bool binary_as_string, cni_pq_schema *out_schema,
                                       cn_error *err);

#endif /* CNI_IO_PARQUET_SCHEMA_INT_H */
