/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the files of the casts: the job of one call, how a family of casts reports the rows that
 * it cannot convert, and the families that cast.c chooses from.
 *
 * A family fills job->result, a FLAT vector of job->frame->n rows whose validity is that of the
 * input. Rows that are not active may get anything. A row that fails is an error that names value
 * and type, or with try_cast becomes null.
 */
#ifndef CNI_DATA_CAST_INT_H
#define CNI_DATA_CAST_INT_H

#include "data/kernel/ops_int.h"

typedef struct cni_cast_job {
    const cni_op_frame *frame;
    const cni_vector *a;
    const cni_type *type;
    bool try_cast;
    cni_vector *result;
    const cni_vector *shown; /* whose values errors print: the input of the whole cast */
} cni_cast_job;

typedef cn_code (*cni_cast_fn)(const cni_cast_job *job, cn_error *err);

/* Rows for which fails(context, row) holds: the first active one is an error, or all active ones
 * become null. */
CN_NODISCARD cn_code cni_cast_failed(const cni_cast_job *job,
                                     bool (*fails)(const void *context, int64_t row),
                                     const void *context, cn_error *err);
/* Makes one row null (try_cast). */
CN_NODISCARD cn_code cni_cast_null_row(const cni_cast_job *job, int64_t row, cn_error *err);
/* CN_INVALID_DATA, 22003: "9999 is out of range for TINYINT". */
cn_code cni_cast_out_of_range(const cni_cast_job *job, int64_t row, cn_error *err);

/* Whether row is live and valid. */
static inline bool
cni_cast_is_active(const cni_cast_job *job, int64_t row)
{
    const uint64_t *live = job->frame->live;
    const bool is_live = live == NULL || ((live[row >> 6] >> (row & 63)) & 1) != 0;
    return is_live && cni_op_valid(job->a, row);
}

/* The families. Inputs are FLAT, or CONSTANT of one computed row. */
cn_code cni_cast_number(const cni_cast_job *job, cn_error *err);  /* integers, floats, BOOL */
cn_code cni_cast_decimal(const cni_cast_job *job, cn_error *err); /* DECIMAL from or to numbers */
cn_code cni_cast_time(const cni_cast_job *job, cn_error *err);    /* dates, times, timestamps */
cn_code cni_cast_print(const cni_cast_job *job, cn_error *err);   /* anything to VARCHAR */
cn_code cni_cast_parse(const cni_cast_job *job, cn_error *err);   /* VARCHAR to anything simple */
cn_code cni_cast_bytes(const cni_cast_job *job, cn_error *err);   /* BLOB and FIXED_BINARY */
/* Nested types: gives a whole result of its own into *out (raw). */
CN_NODISCARD cn_code cni_cast_nested(const cni_op_env *env, const cni_vector *a,
                                     const cni_type *type, bool try_cast, cni_vector *out,
                                     cn_error *err);

/* Conversion of number layouts, NULL when there is none: true when some row was marked. */
typedef struct cni_cast_kernel {
    bool (*convert)(const void *values, int64_t n, void *out);
    bool (*fails)(const void *values, int64_t row);
} cni_cast_kernel;
const cni_cast_kernel *cni_cast_kernel_of(cni_phys from, cni_phys to);

/* Layout of a cast to DECIMAL: 64 bits when proved. */
cni_phys cni_cast_decimal_phys(const cni_op_env *env, const cni_vector *a, const cni_type *type);
/* Integers and BOOL: whether some value of `from` is none of `to`. */
bool cni_cast_may_lose_integers(const cni_type *from, const cni_type *to);
/* Dates, times and timestamps: whether the cast exists, and whether it may fail. */
bool cni_cast_time_exists(const cni_type *from, const cni_type *to, bool *out_may_fail);
bool cni_cast_parse_exists(const cni_type *to);
bool cni_type_is_uuid(const cni_type *type);

#endif /* CNI_DATA_CAST_INT_H */
