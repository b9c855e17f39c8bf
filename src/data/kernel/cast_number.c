/* SPDX-License-Identifier: Apache-2.0
 *
 * Casts between integers, floats and BOOL: one loop per pair of layouts (cast_number_template.h).
 * FLOAT16 goes through FLOAT, BOOL through bytes of 0 and 1.
 */
#include <math.h>

#include "data/column/float_text.h"
#include "data/kernel/cast_int.h"

#define CN_CAST_TMPL "data/kernel/cast_number_template.h"
#include "data/kernel/cast_pairs_each.h"

static const cni_cast_kernel cast_kernels[CNI_PHYS_COUNT_][CNI_PHYS_COUNT_] = {
#define CN_CAST_TMPL "data/kernel/cast_rows_template.h"
#include "data/kernel/cast_pairs_each.h"
};

const cni_cast_kernel *
cni_cast_kernel_of(cni_phys from, cni_phys to)
{
    const cni_cast_kernel *kernel = &cast_kernels[from][to];
    return kernel->convert == NULL ? NULL : kernel;
}

typedef struct number_range {
    cni_i128 low;
    cni_i128 high;
} number_range;

static number_range
integers_of(const cni_type *type)
{
    static const number_range ranges[CNI_TYPE_COUNT_] = {
        [CNI_TYPE_BOOL] = {0, 1},
        [CNI_TYPE_INT8] = {INT8_MIN, INT8_MAX},
        [CNI_TYPE_INT16] = {INT16_MIN, INT16_MAX},
        [CNI_TYPE_INT32] = {INT32_MIN, INT32_MAX},
        [CNI_TYPE_INT64] = {INT64_MIN, INT64_MAX},
        [CNI_TYPE_UINT8] = {0, UINT8_MAX},
        [CNI_TYPE_UINT16] = {0, UINT16_MAX},
        [CNI_TYPE_UINT32] = {0, UINT32_MAX},
        [CNI_TYPE_UINT64] = {0, UINT64_MAX},
        [CNI_TYPE_HUGEINT] = {CNI_I128_MIN, CNI_I128_MAX},
    };
    return ranges[type->id];
}

bool
cni_cast_may_lose_integers(const cni_type *from, const cni_type *to)
{
    const number_range inner = integers_of(from);
    const number_range outer = integers_of(to);
    return inner.low < outer.low || inner.high > outer.high;
}

/* ---- BOOL ---- */

static cn_code
bytes_of_bits(const cni_cast_job *job, cni_vector *out_bytes, cn_error *err)
{
    const int64_t n = job->frame->n;
    CN_TRY(cni_vector_new_flat(job->frame->env->allocator, cni_type_of(CNI_TYPE_UINT8), CNI_PHYS_U8,
                               n, false, out_bytes, err));
    uint8_t *bytes = cni_vector_mutable_data(out_bytes);
    const cni_bits bits = cni_op_bits(job->a);
    for (int64_t row = 0; row < n; row++) {
        bytes[row] = cni_bits_get(bits, row);
    }
    return CN_OK;
}

static void
bits_of_numbers(const cni_cast_job *job, const cni_vector *numbers)
{
    const cni_i128 zero = 0; /* the zero of every layout */
    const cni_kernels *kernels = job->frame->env->kernels;
    kernels->compare[CNI_NE][CNI_VC][numbers->phys](numbers->data, &zero, job->frame->n,
                                                    cni_vector_mutable_data(job->result));
}

/* ---- FLOAT16 ---- */

static cn_code
floats_of_halves(const cni_cast_job *job, cni_vector *out_floats, cn_error *err)
{
    const int64_t n = job->frame->n;
    CN_TRY(cni_vector_new_flat(job->frame->env->allocator, cni_type_of(CNI_TYPE_FLOAT32),
                               CNI_PHYS_F32, n, false, out_floats, err));
    float *floats = cni_vector_mutable_data(out_floats);
    const uint16_t *halves = job->a->data;
    for (int64_t row = 0; row < n; row++) {
        floats[row] = cni_f16_to_f32(halves[row]);
    }
    return CN_OK;
}

static bool
half_overflows(const void *context, int64_t row)
{
    const float value = ((const float *)context)[row];
    const float half = cni_f16_to_f32(cni_f16_from_f32(value));
    return __builtin_isinf(half) != 0 && __builtin_isinf(value) == 0;
}

static cn_code
halves_of_floats(const cni_cast_job *job, const cni_vector *floats, cn_error *err)
{
    uint16_t *halves = cni_vector_mutable_data(job->result);
    const float *values = floats->data;
    for (int64_t row = 0; row < job->frame->n; row++) {
        halves[row] = cni_f16_from_f32(values[row]);
    }
    return cni_cast_failed(job, half_overflows, values, err);
}

/* ---- all of them ---- */

typedef struct convert_context {
    const cni_cast_kernel *kernel;
    const void *values;
} convert_context;

static bool
convert_fails_at(const void *context, int64_t row)
{
    const convert_context *self = context;
    return self->kernel->fails(self->values, row);
}

static cn_code
convert(const cni_cast_job *job, const cni_vector *from, cni_phys to, void *out, cn_error *err)
{
    const cni_cast_kernel *kernel = cni_cast_kernel_of((cni_phys)from->phys, to);
    if (kernel == NULL) {
        return cni_op_refuse(job->frame->env, "CAST", job->type, err);
    }
    if (kernel->convert(from->data, job->frame->n, out)) {
        const convert_context context = {kernel, from->data};
        return cni_cast_failed(job, convert_fails_at, &context, err);
    }
    if (cni_type_is_integer(job->type) && cni_type_is_integer(from->type)) {
        job->result->bounds = from->bounds;
    }
    return CN_OK;
}

/* FLOAT as a step to FLOAT16. */
static cn_code
convert_to_half(const cni_cast_job *job, const cni_vector *from, cn_error *err)
{
    CN_SCOPED(cni_vector) floats = {0};
    CN_TRY(cni_vector_new_flat(job->frame->env->allocator, cni_type_of(CNI_TYPE_FLOAT32),
                               CNI_PHYS_F32, job->frame->n, false, &floats, err));
    CN_TRY(convert(job, from, CNI_PHYS_F32, cni_vector_mutable_data(&floats), err));
    return halves_of_floats(job, &floats, err);
}

static cn_code
convert_from(const cni_cast_job *job, const cni_vector *from, cn_error *err)
{
    const cni_phys to = (cni_phys)job->result->phys;
    if (to == CNI_PHYS_BIT) {
        bits_of_numbers(job, from);
        return CN_OK;
    }
    if (to == CNI_PHYS_F16) {
        return convert_to_half(job, from, err);
    }
    return convert(job, from, to, cni_vector_mutable_data(job->result), err);
}

cn_code
cni_cast_number(const cni_cast_job *job, cn_error *err)
{
    CN_SCOPED(cni_vector) step = {0};
    if (job->a->phys == CNI_PHYS_BIT) {
        CN_TRY(bytes_of_bits(job, &step, err));
        return convert_from(job, &step, err);
    }
    if (job->a->phys == CNI_PHYS_F16) {
        CN_TRY(floats_of_halves(job, &step, err));
        return convert_from(job, &step, err);
    }
    return convert_from(job, job->a, err);
}
