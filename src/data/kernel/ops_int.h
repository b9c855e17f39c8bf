/* SPDX-License-Identifier: Apache-2.0
 *
 * What the operations on vectors share: the frame of one call (rows to compute, live rows), results
 * with the validity of their inputs, active rows, and the words for error messages.
 *
 * A call on constants alone computes one row and makes a CONSTANT of it; that row is live when any
 * row is. A row is active when it is live and valid in the inputs: only active rows may fail, and
 * only the views of active rows may be followed.
 */
#ifndef CNI_DATA_OPS_INT_H
#define CNI_DATA_OPS_INT_H

#include "data/kernel/ops.h"

typedef struct cni_op_frame {
    const cni_op_env *env;
    int64_t n;            /* rows to compute */
    bool is_constant;     /* every input is: n is 1 (0 when there are no rows) */
    const uint64_t *live; /* words for n rows; NULL = all */
    uint64_t live_one;    /* what `live` points at for constants: the frame must stay in place */
} cni_op_frame;

void cni_op_begin(cni_op_frame *self, const cni_op_env *env, const cni_vector *const *inputs,
                  int32_t n_inputs);

/* FLAT result of frame rows; validity all ones when asked for. */
CN_NODISCARD cn_code cni_op_result(const cni_op_frame *self, const cni_type *type, cni_phys phys,
                                   bool with_validity, cni_vector *inout_result, cn_error *err);
/* The result of a strict operation: FLAT with the intersection of the inputs' validity (shared
 * where one input has any), or, with *out_is_null, a finished CONSTANT NULL because an input is
 * one. */
CN_NODISCARD cn_code cni_op_strict(const cni_op_frame *self, const cni_vector *const *inputs,
                                   int32_t n_inputs, const cni_type *type, cni_phys phys,
                                   cni_vector *inout_result, bool *out_is_null, cn_error *err);
/* Last step: a frame of constants makes the result a CONSTANT of all rows. */
void cni_op_finish(const cni_op_frame *self, cni_vector *inout_result);
/* Replace *inout_result by a CONSTANT NULL / by a share of `source`. */
CN_NODISCARD cn_code cni_op_set_null(const cni_op_env *env, const cni_type *type,
                                     cni_vector *inout_result, cn_error *err);
void cni_op_set_copy(const cni_vector *source, cni_vector *inout_result);

/* Whether the vector is null in every row by its encoding: a null constant, or without data. */
bool cni_op_is_null_constant(const cni_vector *vector);

/* Active rows among [row, row + n_block), row a multiple of 64, n_block <= 64. */
static inline uint64_t
cni_op_active(const cni_op_frame *self, cni_bits valid, int64_t row, int64_t n_block)
{
    const uint64_t word = cni_bits_word(valid, row, n_block);
    return self->live == NULL ? word : word & self->live[row >> 6];
}

/* The first active row for which fails(context, row) holds, or -1. */
int64_t cni_op_first_failing(const cni_op_frame *self, cni_bits valid,
                             bool (*fails)(const void *context, int64_t row), const void *context);

/* Which kernel shape the encodings call for; constants of a constant frame are vectors of one row.
 */
static inline cni_shape
cni_op_shape(const cni_op_frame *self, const cni_vector *a, const cni_vector *b)
{
    if (self->is_constant) {
        return CNI_VV;
    }
    if (a->encoding == CNI_CONSTANT) {
        return CNI_CV;
    }
    return b->encoding == CNI_CONSTANT ? CNI_VC : CNI_VV;
}

/* Where row `row` of a FLAT or CONSTANT vector has its item. */
static inline int64_t
cni_op_at(const cni_vector *vector, int64_t row)
{
    return vector->encoding == CNI_CONSTANT ? 0 : row;
}

/* Whether row `row` of a FLAT or CONSTANT vector is not null. */
static inline bool
cni_op_valid(const cni_vector *vector, int64_t row)
{
    return cni_bits_get(vector->validity, cni_op_at(vector, row));
}

/* The bits of a BIT vector, and a word of them (constants are spread). */
static inline cni_bits
cni_op_bits(const cni_vector *vector)
{
    return (cni_bits){vector->data, vector->data_off_bits};
}
uint64_t cni_op_bits_word(const cni_vector *vector, int64_t row, int64_t n_block);
/* The validity of rows, constants spread. */
uint64_t cni_op_valid_word(const cni_vector *vector, int64_t row, int64_t n_block);

/* For messages: the value of a row, a type's name; cut to fit; never fail. */
#define CNI_OP_TEXT_BYTES 120
void cni_op_value_text(const cni_op_env *env, const cni_vector *vector, int64_t row,
                       char out[CNI_OP_TEXT_BYTES]);
void cni_op_type_text(const cni_op_env *env, const cni_type *type, char out[CNI_OP_TEXT_BYTES]);
/* "operator is not defined for TYPE" (CN_NOT_IMPLEMENTED). */
cn_code cni_op_refuse(const cni_op_env *env, const char *what, const cni_type *type, cn_error *err);
/* CN_INVALID_DATA, SQLSTATE 22003: "INTEGER out of range: 1 + 2". `sign` is the operator. */
cn_code cni_op_out_of_range(const cni_op_env *env, const cni_type *type, const char *sign,
                            const cni_vector *a, const cni_vector *b, int64_t row, cn_error *err);
/* CN_INVALID_DATA, SQLSTATE 22012: "division by zero: 1 / 0". */
cn_code cni_op_zero_divisor(const cni_op_env *env, const char *sign, const cni_vector *a,
                            const cni_vector *b, int64_t row, cn_error *err);

/* Arithmetic on DECIMAL (op_decimal.c); cni_op_arith and its kin hand over to these. */
CN_NODISCARD cn_code cni_decimal_arith(const cni_op_env *env, cni_arith_op op, const cni_type *type,
                                       const cni_vector *a, const cni_vector *b,
                                       cni_vector *inout_result, cn_error *err);
CN_NODISCARD cn_code cni_decimal_divide(const cni_op_env *env, bool modulo, const cni_type *type,
                                        const cni_vector *a, const cni_vector *b,
                                        cni_vector *inout_result, cn_error *err);
/* Range of the non-null values of an integer layout: known, of a constant, or one pass over a FLAT
 * vector of at most 64 bits. Unknown when all are null, or for layouts and values that do not fit.
 */
cni_bounds cni_op_bounds(const cni_op_env *env, const cni_vector *vector);
/* Range of `a op b` by interval arithmetic; false when a side is unknown. */
bool cni_op_interval(cni_arith_op op, cni_bounds a, cni_bounds b, cni_i128 *out_low,
                     cni_i128 *out_high);
/* a op b; true when it needs more than 128 bits. */
bool cni_op_wide_overflow(cni_arith_op op, cni_i128 a, cni_i128 b, cni_i128 *out);
/* The unscaled value of a DECIMAL or integer row in either layout. */
cni_i128 cni_op_wide_at(const cni_vector *vector, int64_t row);

/* INTERVAL by length, a month as 30 days. */
int cni_interval_order(const cni_interval *a, const cni_interval *b);

#endif /* CNI_DATA_OPS_INT_H */
