/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotient and remainder of vectors. Integers truncate, the remainder has the sign of the dividend;
 * a zero divisor is an error for floats too. DECIMAL is in op_decimal.c. Loops are in
 * divide_template.h; their flag starts a scan for the first active row without a quotient.
 * INT_MIN % -1 is 0 in SQL and no error.
 */
#include <math.h>

#include "data/kernel/ops_int.h"

#define CN_FN(name) CN_CAT(name##_, CN_SUFFIX)

#define CN_TMPL "data/kernel/divide_template.h"
#include "data/kernel/phys_each.h"

typedef struct divide_kernel {
    bool (*divide)(const void *a, bool a_is_constant, const void *b, bool b_is_constant, int64_t n,
                   void *out, bool modulo);
    bool (*fails)(const void *a, const void *b, bool *out_is_zero);
    int64_t item_bytes;
} divide_kernel;

static const divide_kernel divide_kernels[CNI_PHYS_COUNT_] = {
#define CN_TMPL "data/kernel/divide_rows_template.h"
#include "data/kernel/phys_each.h"
};

typedef struct divide_job {
    const divide_kernel *kernel;
    const cni_vector *a;
    const cni_vector *b;
    bool modulo;
} divide_job;

static bool
fails_at(const divide_job *job, int64_t row, bool *out_is_zero)
{
    const int64_t item = job->kernel->item_bytes;
    const uint8_t *a = (const uint8_t *)job->a->data + item * cni_op_at(job->a, row);
    const uint8_t *b = (const uint8_t *)job->b->data + item * cni_op_at(job->b, row);
    return job->kernel->fails(a, b, out_is_zero) && (*out_is_zero || !job->modulo);
}

static bool
row_fails(const void *context, int64_t row)
{
    bool is_zero;
    return fails_at(context, row, &is_zero);
}

/* The lowest integer modulo -1 was computed modulo 1, which gives the same 0. */
static cn_code
divide_checked(const cni_op_frame *frame, const divide_job *job, const cni_type *type,
               cni_vector *result, cn_error *err)
{
    const bool any_bad = job->kernel->divide(
        job->a->data, job->a->encoding == CNI_CONSTANT, job->b->data,
        job->b->encoding == CNI_CONSTANT, frame->n, cni_vector_mutable_data(result), job->modulo);
    if (!any_bad) {
        return CN_OK;
    }
    const int64_t row = cni_op_first_failing(frame, result->validity, row_fails, job);
    if (row < 0) {
        return CN_OK;
    }
    const char *sign = job->modulo ? "%" : "/";
    bool is_zero;
    (void)fails_at(job, row, &is_zero);
    return is_zero ? cni_op_zero_divisor(frame->env, sign, job->a, job->b, row, err)
                   : cni_op_out_of_range(frame->env, type, sign, job->a, job->b, row, err);
}

static cn_code
divide(const cni_op_env *env, bool modulo, const cni_type *type, const cni_vector *a,
       const cni_vector *b, cni_vector *inout_result, cn_error *err)
{
    if (type->id == CNI_TYPE_DECIMAL) {
        return cni_decimal_divide(env, modulo, type, a, b, inout_result, err);
    }
    const cni_phys phys = cni_type_phys(type);
    const cni_vector *inputs[] = {a, b};
    cni_op_frame frame;
    cni_op_begin(&frame, env, inputs, 2);
    bool is_null;
    CN_TRY(cni_op_strict(&frame, inputs, 2, type, phys, inout_result, &is_null, err));
    if (is_null) {
        return CN_OK;
    }
    const divide_job job = {&divide_kernels[phys], a, b, modulo};
    if (a->phys != phys || b->phys != phys || !cni_type_is_numeric(type) ||
        job.kernel->divide == NULL) {
        return cni_op_refuse(env, modulo ? "%" : "/", type, err);
    }
    CN_TRY(divide_checked(&frame, &job, type, inout_result, err));
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}

cn_code
cni_op_divide(const cni_op_env *env, const cni_type *type, const cni_vector *a, const cni_vector *b,
              cni_vector *inout_result, cn_error *err)
{
    return divide(env, false, type, a, b, inout_result, err);
}

cn_code
cni_op_modulo(const cni_op_env *env, const cni_type *type, const cni_vector *a, const cni_vector *b,
              cni_vector *inout_result, cn_error *err)
{
    return divide(env, true, type, a, b, inout_result, err);
}
