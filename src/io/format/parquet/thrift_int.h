/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of Thrift's compact protocol over a range of bytes, as much of it as Parquet needs.
 *
 * A struct is read by asking for one field after another; the caller reads the fields that it knows
 * and skips the others. Every read is checked against the end; the first failure is kept, later
 * reads give zeros, and cni_thrift_finish reports it, so that parsers need no check per field:
 *
 *   cni_thrift_field field = {0};
 *   while (cni_thrift_next_field(thrift, &field)) {
 *       switch (field.id) {
 *       case 1: out->version = cni_thrift_i32(thrift, &field); break;
 *       default: cni_thrift_skip(thrift, field.type);
 *       }
 *   }
 */
#ifndef CNI_IO_PARQUET_THRIFT_INT_H
#define CNI_IO_PARQUET_THRIFT_INT_H

#include "base/str.h"

#define CNI_THRIFT_MAX_DEPTH 32

typedef enum cni_thrift_type {
    CNI_THRIFT_STOP = 0,
    CNI_THRIFT_TRUE = 1,
    CNI_THRIFT_FALSE = 2,
    CNI_THRIFT_I8 = 3,
    CNI_THRIFT_I16 = 4,
    CNI_THRIFT_I32 = 5,
    CNI_THRIFT_I64 = 6,
    CNI_THRIFT_DOUBLE = 7,
    CNI_THRIFT_BINARY = 8,
    CNI_THRIFT_LIST = 9,
    CNI_THRIFT_SET = 10,
    CNI_THRIFT_MAP = 11,
    CNI_THRIFT_STRUCT = 12,
    CNI_THRIFT_UUID = 13
} cni_thrift_type;

typedef struct cni_thrift {
    const uint8_t *at;
    const uint8_t *end;
    const uint8_t *begin;
    const char *failure; /* static text of the first failure; NULL while all is well */
} cni_thrift;

typedef struct cni_thrift_field {
    int32_t id;
    uint8_t type; /* cni_thrift_type */
} cni_thrift_field;

void cni_thrift_init(cni_thrift *self, const uint8_t *bytes, int64_t n_bytes);
/* Fail unless everything was well. `what` names the struct. Errors: CN_INVALID_DATA. */
CN_NODISCARD cn_code cni_thrift_finish(const cni_thrift *self, const char *what, cn_error *err);
/* Note a failure of the caller's own. */
void cni_thrift_fail(cni_thrift *self, const char *failure);
int64_t cni_thrift_consumed(const cni_thrift *self);

/* The next field of a struct; false at its end or after a failure. Start with a zeroed field. */
bool cni_thrift_next_field(cni_thrift *self, cni_thrift_field *inout_field);
/* Skip a value. Iterative; deeper than CNI_THRIFT_MAX_DEPTH is a failure. */
void cni_thrift_skip(cni_thrift *self, uint8_t type);

/* Values; a wrong wire type is a failure and gives 0. I8 to I64 are interchangeable in range. */
int64_t cni_thrift_i64(cni_thrift *self, const cni_thrift_field *field);
int32_t cni_thrift_i32(cni_thrift *self, const cni_thrift_field *field);
bool cni_thrift_bool(cni_thrift *self, const cni_thrift_field *field);
/* Borrowed from the input. */
cni_str cni_thrift_binary(cni_thrift *self, const cni_thrift_field *field);
/* True when a struct follows, whose fields are to be read now. */
bool cni_thrift_struct(cni_thrift *self, const cni_thrift_field *field);

/* Header of a list: element type and count. The count is checked against the bytes left, each
 * element having at least one. */
int64_t cni_thrift_list(cni_thrift *self, const cni_thrift_field *field, uint8_t *out_type);
/* An element of a list as if it were a field. Bools of lists are one byte each. */
cni_thrift_field cni_thrift_element(uint8_t type);
bool cni_thrift_element_bool(cni_thrift *self, uint8_t type);

#endif /* CNI_IO_PARQUET_THRIFT_INT_H */
