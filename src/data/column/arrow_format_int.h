/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrow's format strings: what one says about the buffers of an array, and the type it stands for
 * (standards: CDataInterface.rst "Data type description"). Both directions of the bridge use it.
 */
#ifndef CNI_DATA_ARROW_FORMAT_INT_H
#define CNI_DATA_ARROW_FORMAT_INT_H

#include "colonnade/arrow.h"
#include "data/column/type.h"

/* How the buffers of an array lie. */
typedef enum cni_arrow_kind {
    CNI_ARROW_NULL = 0,     /* no buffers */
    CNI_ARROW_BOOL,         /* validity, bits */
    CNI_ARROW_FIXED,        /* validity, items as ours */
    CNI_ARROW_DECIMAL,      /* validity, items of `item_bytes` */
    CNI_ARROW_MONTHS,       /* validity, i32 */
    CNI_ARROW_DAY_TIME,     /* validity, i32 days and i32 milliseconds */
    CNI_ARROW_BYTES,        /* validity, offsets of `offset_bytes`, bytes */
    CNI_ARROW_BYTE_VIEWS,   /* validity, views, any number of data buffers, their sizes */
    CNI_ARROW_LIST,         /* validity, offsets of `offset_bytes` */
    CNI_ARROW_LIST_VIEW,    /* validity, offsets, sizes */
    CNI_ARROW_FIXED_LIST,   /* validity */
    CNI_ARROW_STRUCT,       /* validity */
    CNI_ARROW_DENSE_UNION,  /* codes, offsets */
    CNI_ARROW_SPARSE_UNION, /* codes */
    CNI_ARROW_RUN_END       /* none; children run_ends and values */
} cni_arrow_kind;

typedef struct cni_arrow_layout {
    uint8_t kind;         /* cni_arrow_kind */
    uint8_t offset_bytes; /* 4 or 8 */
    uint8_t item_bytes;   /* DECIMAL: 4, 8, 16, 32; integers: their size */
    bool is_signed;       /* integers */
    cni_type type;        /* without children, extension and timezone text */
    cni_str tail;         /* time zone; type codes of a union: "7,3" */
} cni_arrow_layout;

/* Errors: CN_INVALID_DATA for a malformed string, CN_NOT_IMPLEMENTED for an unknown one. */
CN_NODISCARD cn_code cni_arrow_parse_format(const char *format, cni_arrow_layout *out_layout,
                                            cn_error *err);
/* Format string of a type, into the arena. */
CN_NODISCARD cn_code cni_arrow_write_format(cni_arena *arena, const cni_type *type,
                                            bool string_views, cni_str *out_format, cn_error *err);
/* The next type code of a union's list, which is moved behind it; false at the end or when
 * malformed (then something is left of the list). */
bool cni_arrow_next_code(cni_str *inout_codes, int8_t *out_code);

#endif /* CNI_DATA_ARROW_FORMAT_INT_H */
