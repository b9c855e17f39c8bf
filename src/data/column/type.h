/* SPDX-License-Identifier: Apache-2.0
 *
 * Logical types, fields and schemas, and the physical layouts that carry them.
 *
 * A type is immutable. Simple ones are static constants (cni_type_of); parametrised ones live in an
 * arena, and whoever keeps a pointer keeps that arena (plans, catalog entries and queries do).
 * Every Arrow type has a place here, also those that nothing computes on yet: they are carried
 * through.
 *
 * Logical and physical are separate. The physical layout of a vector follows from its type except
 * for DECIMAL with precision > 18, whose vectors may carry I64 (narrow by proof) or I128 values.
 */
#ifndef CNI_DATA_TYPE_H
#define CNI_DATA_TYPE_H

#include "base/arena.h"
#include "base/list.h"

/* X(id, SQL name, physical layout): the one list of logical types. */
#define CNI_TYPE_LIST(X)                                                                           \
    X(NULL, "NULL", NONE)                                                                          \
    X(BOOL, "BOOLEAN", BIT)                                                                        \
    X(INT8, "TINYINT", I8)                                                                         \
    X(INT16, "SMALLINT", I16)                                                                      \
    X(INT32, "INTEGER", I32)                                                                       \
    X(INT64, "BIGINT", I64)                                                                        \
    X(UINT8, "UTINYINT", U8)                                                                       \
    X(UINT16, "USMALLINT", U16)                                                                    \
    X(UINT32, "UINTEGER", U32)                                                                     \
    X(UINT64, "UBIGINT", U64)                                                                      \
    X(HUGEINT, "HUGEINT", I128)                                                                    \
    X(FLOAT16, "HALFFLOAT", F16)                                                                   \
    X(FLOAT32, "FLOAT", F32)                                                                       \
    X(FLOAT64, "DOUBLE", F64)                                                                      \
    X(DECIMAL, "DECIMAL", I64) /* p <= 18: I64; p <= 38: I64 or I128; p <= 76: I256 */             \
    X(VARCHAR, "VARCHAR", VIEW)                                                                    \
    X(BLOB, "BLOB", VIEW)                                                                          \
    X(FIXED_BINARY, "FIXED_BINARY", FIXED) /* `width` bytes; UUID is 16 with an extension */       \
    X(DATE, "DATE", I32)                   /* days since 1970-01-01 */                             \
    X(DATE_MS, "DATE64", I64)              /* Arrow date64, carried through */                     \
    X(TIME, "TIME", I64)                   /* since midnight; `unit`; I32 for s and ms */          \
    X(TIMESTAMP, "TIMESTAMP", I64) /* since epoch; `unit`; timezone.data != NULL: instants */      \
    X(DURATION, "DURATION", I64)   /* `unit`, carried through */                                   \
    X(INTERVAL, "INTERVAL", INTERVAL)                                                              \
    X(LIST, "LIST", LIST)                                                                          \
    X(ARRAY, "ARRAY", ARRAY) /* `width` items a row */                                             \
    X(STRUCT, "STRUCT", STRUCT)                                                                    \
    X(MAP, "MAP", LIST) /* one child: struct of key and value */                                   \
    X(UNION, "UNION", UNION)

typedef enum cni_type_id {
    CNI_TYPE_INVALID = 0,
#define X(id, name, phys) CNI_TYPE_##id,
    CNI_TYPE_LIST(X)
#undef X
    CNI_TYPE_COUNT_
} cni_type_id;

typedef enum cni_unit {
    CNI_UNIT_S = 0,
    CNI_UNIT_MS = 1,
    CNI_UNIT_US = 2,
    CNI_UNIT_NS = 3
} cni_unit;

/* How values lie in memory. */
typedef enum cni_phys {
    CNI_PHYS_NONE = 0, /* no data: every row is null */
    CNI_PHYS_BIT,      /* bitmap, LSB first */
    CNI_PHYS_I8,
    CNI_PHYS_I16,
    CNI_PHYS_I32,
    CNI_PHYS_I64,
    CNI_PHYS_U8,
    CNI_PHYS_U16,
    CNI_PHYS_U32,
    CNI_PHYS_U64,
    CNI_PHYS_I128,
    CNI_PHYS_I256, /* 32 bytes little-endian, carried through */
    CNI_PHYS_F16,  /* carried through and cast */
    CNI_PHYS_F32,
    CNI_PHYS_F64,
    CNI_PHYS_VIEW,     /* cni_view, 16 bytes */
    CNI_PHYS_FIXED,    /* type->width bytes */
    CNI_PHYS_INTERVAL, /* cni_interval, 16 bytes */
    CNI_PHYS_LIST,     /* cni_list_entry, 16 bytes, over one child */
    CNI_PHYS_ARRAY,    /* no data of its own: row r is items [r*width, (r+1)*width) of the child */
    CNI_PHYS_STRUCT,   /* no data of its own: one child per field */
    CNI_PHYS_UNION,    /* i8 type codes, and for dense ones i32 offsets in a second buffer */
    CNI_PHYS_COUNT_
} cni_phys;

/* Months, days and nanoseconds are independent, as in Arrow's month_day_nano. */
typedef struct cni_interval {
    int32_t months;
    int32_t days;
    int64_t nanos;
} cni_interval;

typedef struct cni_list_entry {
    int64_t offset; /* into the child */
    int64_t size;
} cni_list_entry;

typedef struct cni_type cni_type;

#define CNI_TYPE_DEPTH_MAX 64 /* levels of nesting, counting the type itself */

typedef struct cni_field {
    cni_str name;
    const cni_type *type;
    bool nullable;
    cni_str metadata; /* Arrow's encoding of key-value pairs, empty when none */
} cni_field;

struct cni_type {
    uint8_t id;        /* cni_type_id */
    uint8_t unit;      /* cni_unit of TIME, TIMESTAMP, DURATION */
    uint8_t precision; /* DECIMAL: 1..76 */
    int8_t scale;      /* DECIMAL: 0..precision (negative only carried through) */
    bool dense;        /* UNION */
    bool keys_sorted;  /* MAP */
    int32_t width;     /* FIXED_BINARY: bytes; ARRAY: items per row */
    int32_t n_children;
    const cni_field *children; /* LIST, ARRAY, MAP: 1; STRUCT, UNION: n */
    const int8_t *union_codes; /* UNION: n_children type codes */
    cni_str timezone;          /* TIMESTAMP: data NULL = without time zone */
    cni_str extension_name;    /* Arrow extension, empty when none */
    cni_str extension_metadata;
};

typedef struct cni_schema {
    int32_t n_fields;
    const cni_field *fields;
    cni_str metadata;
} cni_schema;

/* The static constant of a type without parameters (also TIME and TIMESTAMP in microseconds,
 * INTERVAL). NULL for ids that need parameters. */
const cni_type *cni_type_of(cni_type_id id);
const cni_type *cni_type_timestamp(cni_unit unit); /* without time zone, static */
const cni_type *cni_type_timestamptz(void);        /* microseconds, UTC, static */
/* precision 1..38, scale 0..precision: static constants. */
const cni_type *cni_type_decimal(int32_t precision, int32_t scale);
/* Nested types are made from finished ones; names are copied, child types are referred to. Errors:
 * CN_LIMIT_EXCEEDED beyond CNI_TYPE_DEPTH_MAX levels. */
CN_NODISCARD cn_code cni_type_list(cni_arena *arena, const cni_type *item,
                                   const cni_type **out_type, cn_error *err);
CN_NODISCARD cn_code cni_type_struct(cni_arena *arena, const cni_field *fields, int32_t n_fields,
                                     const cni_type **out_type, cn_error *err);
/* Deep copy into `arena`; simple types are given back as they are. */
CN_NODISCARD cn_code cni_type_copy(cni_arena *arena, const cni_type *type,
                                   const cni_type **out_type, cn_error *err);
CN_NODISCARD cn_code cni_schema_copy(cni_arena *arena, const cni_schema *schema,
                                     cni_schema *out_schema, cn_error *err);

/* The usual physical layout of a type: I64 for DECIMAL up to 18 digits, else I128, else I256. */
cni_phys cni_type_phys(const cni_type *type);
/* Bytes per value; 0 for NONE, BIT, ARRAY, STRUCT; for FIXED pass the type's width. */
int32_t cni_phys_bytes(cni_phys phys, const cni_type *type);
/* Same logical type: parameters, children, extension. Field names count for STRUCT and UNION. */
bool cni_type_equal(const cni_type *a, const cni_type *b);
bool cni_type_is_integer(const cni_type *type); /* INT8..UINT64, HUGEINT */
bool cni_type_is_float(const cni_type *type);
bool cni_type_is_numeric(const cni_type *type); /* integers, floats, DECIMAL */
bool cni_type_is_nested(const cni_type *type);
int32_t cni_type_depth(const cni_type *type); /* 1 for a simple type */
/* SQL spelling, such as DECIMAL(15,2) or STRUCT(a INTEGER, b VARCHAR), into the arena. */
CN_NODISCARD cn_code cni_type_name(cni_arena *arena, const cni_type *type, cni_str *out_name,
                                   cn_error *err);

#endif /* CNI_DATA_TYPE_H */
