/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic with INTERVAL: dates, times and timestamps plus or minus an interval, sums of
 * intervals, and the interval between two timestamps. Months are added first and clamp to the end
 * of the month, then days, then the time of day, as in PostgreSQL. TIME wraps at midnight.
 */
#include "data/kernel/civil_int.h"
#include "data/kernel/ops_int.h"

typedef struct interval_job {
    const cni_op_frame *frame;
    const cni_type *type;
    bool subtract;
    const cni_vector *a;
    const cni_vector *interval;
    /* One row into item `row` of the result; false when out of range. */
    bool (*step)(const struct interval_job *job, int64_t row, void *out);
} interval_job;

static cni_interval
interval_at(const interval_job *job, int64_t row)
{
    return ((const cni_interval *)job->interval->data)[cni_op_at(job->interval, row)];
}

static int64_t
ticks_at(const cni_vector *vector, int64_t row)
{
    const int64_t at = cni_op_at(vector, row);
    return vector->phys == CNI_PHYS_I32 ? ((const int32_t *)vector->data)[at]
                                        : ((const int64_t *)vector->data)[at];
}

/* days and nanos of day plus the interval, in nanoseconds. Days are far below 2^62 in any unit. */
static cni_i128
add_to_days(int64_t days, cni_i128 nanos, const cni_interval *interval, bool subtract)
{
    const int64_t sign = subtract ? -1 : 1;
    int64_t moved = days;
    if (interval->months != 0) {
        moved = cni_days_add_months(days, sign * interval->months);
    }
    moved += sign * interval->days;
    return (cni_i128)moved * CNI_NANOS_PER_DAY + nanos + (cni_i128)sign * interval->nanos;
}

static cni_i128
floor_div_i128(cni_i128 value, int64_t divisor)
{
    const cni_i128 quotient = value / divisor;
    return quotient - (value % divisor < 0 ? 1 : 0);
}

static bool
fits_i64(cni_i128 value)
{
    return (int64_t)value == value;
}

/* DATE to DATE: whole days and months need no nanoseconds. */
static bool
step_date(const interval_job *job, int64_t row, void *out)
{
    const cni_interval interval = interval_at(job, row);
    const int64_t days = ((const int32_t *)job->a->data)[cni_op_at(job->a, row)];
    const int64_t sign = job->subtract ? -1 : 1;
    int64_t moved = interval.months == 0 ? days : cni_days_add_months(days, sign * interval.months);
    moved += sign * interval.days;
    moved +=
        cni_floor_div(interval.nanos == INT64_MIN ? 0 : sign * interval.nanos, CNI_NANOS_PER_DAY);
    ((int32_t *)out)[row] = (int32_t)moved;
    return (int32_t)moved == moved && interval.nanos != INT64_MIN;
}

/* DATE or TIMESTAMP to the result's DATE or TIMESTAMP. */
static bool
step_instant(const interval_job *job, int64_t row, void *out)
{
    const cni_interval interval = interval_at(job, row);
    const int64_t ticks = ticks_at(job->a, row);
    int64_t days = ticks;
    cni_i128 nanos = 0;
    if (job->a->type->id == CNI_TYPE_TIMESTAMP) {
        const cni_unit unit = (cni_unit)job->a->type->unit;
        days = cni_floor_div(ticks, cni_ticks_per_day(unit));
        nanos = (cni_i128)cni_floor_mod(ticks, cni_ticks_per_day(unit)) * cni_nanos_per_tick(unit);
    }
    const cni_i128 total = add_to_days(days, nanos, &interval, job->subtract);
    if (job->type->id == CNI_TYPE_DATE) {
        const cni_i128 result = floor_div_i128(total, CNI_NANOS_PER_DAY);
        ((int32_t *)out)[row] = (int32_t)result;
        return (int32_t)result == result;
    }
    const cni_i128 result = floor_div_i128(total, cni_nanos_per_tick((cni_unit)job->type->unit));
    ((int64_t *)out)[row] = (int64_t)result;
    return fits_i64(result);
}

static bool
step_time(const interval_job *job, int64_t row, void *out)
{
    const cni_interval interval = interval_at(job, row);
    const int64_t per_tick = cni_nanos_per_tick((cni_unit)job->type->unit);
    const int64_t per_day = cni_ticks_per_day((cni_unit)job->type->unit);
    const int64_t moved = interval.nanos % CNI_NANOS_PER_DAY / per_tick;
    const int64_t ticks = ticks_at(job->a, row) % per_day;
    const int64_t result = cni_floor_mod(job->subtract ? ticks - moved : ticks + moved, per_day);
    if (job->a->phys == CNI_PHYS_I32) {
        ((int32_t *)out)[row] = (int32_t)result;
    } else {
        ((int64_t *)out)[row] = result;
    }
    return true;
}

static bool
step_intervals(const interval_job *job, int64_t row, void *out)
{
    const cni_interval *a = (const cni_interval *)job->a->data + cni_op_at(job->a, row);
    const cni_interval b = interval_at(job, row);
    cni_interval *result = (cni_interval *)out + row;
    if (job->subtract) {
        return !__builtin_sub_overflow(a->months, b.months, &result->months) &&
               !__builtin_sub_overflow(a->days, b.days, &result->days) &&
               !__builtin_sub_overflow(a->nanos, b.nanos, &result->nanos);
    }
    return !__builtin_add_overflow(a->months, b.months, &result->months) &&
           !__builtin_add_overflow(a->days, b.days, &result->days) &&
           !__builtin_add_overflow(a->nanos, b.nanos, &result->nanos);
}

/* TIMESTAMP - TIMESTAMP: whole days and the rest, both with the sign of the difference. */
static bool
step_between(const interval_job *job, int64_t row, void *out)
{
    const cni_i128 a =
        (cni_i128)ticks_at(job->a, row) * cni_nanos_per_tick((cni_unit)job->a->type->unit);
    const cni_i128 b = (cni_i128)ticks_at(job->interval, row) *
                       cni_nanos_per_tick((cni_unit)job->interval->type->unit);
    const cni_i128 days = (a - b) / CNI_NANOS_PER_DAY;
    ((cni_interval *)out)[row] =
        (cni_interval){.days = (int32_t)days, .nanos = (int64_t)((a - b) % CNI_NANOS_PER_DAY)};
    return (int32_t)days == days;
}

static bool
row_fails(const void *context, int64_t row)
{
    const interval_job *job = context;
    const interval_job one = *job;
    _Alignas(16) cni_interval item;
    /* The step writes item `row`: shift the base so that it lands in `item`. */
    cni_vector a = *job->a;
    cni_vector b = *job->interval;
    interval_job shifted = one;
    const int64_t item_a = cni_phys_bytes((cni_phys)a.phys, a.type);
    const int64_t item_b = cni_phys_bytes((cni_phys)b.phys, b.type);
    a.data = (const uint8_t *)a.data + item_a * cni_op_at(&a, row);
    b.data = (const uint8_t *)b.data + item_b * cni_op_at(&b, row);
    shifted.a = &a;
    shifted.interval = &b;
    return !shifted.step(&shifted, 0, &item);
}

static cn_code
interval_failed(const interval_job *job, int64_t row, cn_error *err)
{
    char type[CNI_OP_TEXT_BYTES];
    char left[CNI_OP_TEXT_BYTES];
    char right[CNI_OP_TEXT_BYTES];
    cni_op_type_text(job->frame->env, job->type, type);
    cni_op_value_text(job->frame->env, job->a, row, left);
    cni_op_value_text(job->frame->env, job->interval, row, right);
    const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "%s out of range: %s %s %s", type, left,
                                 job->subtract ? "-" : "+", right);
    cni_error_sqlstate(err, "22008");
    return code;
}

/* DATE +- a constant of whole days: one checked addition. */
static bool
is_days_only(const interval_job *job)
{
    if (job->a->phys != CNI_PHYS_I32 || job->a->type->id != CNI_TYPE_DATE ||
        job->type->id != CNI_TYPE_DATE || job->interval->encoding != CNI_CONSTANT) {
        return false;
    }
    const cni_interval interval = interval_at(job, 0);
    return interval.months == 0 && interval.nanos == 0 && interval.days != INT32_MIN;
}

static bool
run_days(const interval_job *job, void *out)
{
    const int32_t days = interval_at(job, 0).days;
    const int32_t moved = job->subtract ? -days : days;
    const cni_shape shape = job->frame->is_constant ? CNI_VV : CNI_VC;
    return job->frame->env->kernels->arith[CNI_ADD][shape][CNI_PHYS_I32](job->a->data, &moved,
                                                                         job->frame->n, out);
}

static bool
run_steps(const interval_job *job, void *out)
{
    bool any_failed = false;
    for (int64_t row = 0; row < job->frame->n; row++) {
        any_failed |= !job->step(job, row, out);
    }
    return any_failed;
}

static bool
is_instant(const cni_type *type)
{
    return type->id == CNI_TYPE_DATE || type->id == CNI_TYPE_TIMESTAMP;
}

/* Sets job->step; false when there is no such operation. */
static bool
choose_step(interval_job *job)
{
    const cni_type_id a = (cni_type_id)job->a->type->id;
    const cni_type_id b = (cni_type_id)job->interval->type->id;
    const cni_type_id to = (cni_type_id)job->type->id;
    if (job->subtract && a == CNI_TYPE_TIMESTAMP && b == a && to == CNI_TYPE_INTERVAL) {
        job->step = step_between;
    } else if (b != CNI_TYPE_INTERVAL) {
        return false;
    } else if (a == CNI_TYPE_INTERVAL && to == a) {
        job->step = step_intervals;
    } else if (a == CNI_TYPE_DATE && to == CNI_TYPE_DATE) {
        job->step = step_date;
    } else if (is_instant(job->a->type) && is_instant(job->type)) {
        job->step = step_instant;
    } else if (a == CNI_TYPE_TIME && cni_type_equal(job->a->type, job->type)) {
        job->step = step_time;
    } else {
        return false;
    }
    return true;
}

cn_code
cni_op_add_interval(const cni_op_env *env, const cni_type *type, bool subtract, const cni_vector *a,
                    const cni_vector *interval, cni_vector *inout_result, cn_error *err)
{
    const cni_vector *inputs[] = {a, interval};
    cni_op_frame frame;
    cni_op_begin(&frame, env, inputs, 2);
    bool is_null;
    CN_TRY(
        cni_op_strict(&frame, inputs, 2, type, cni_type_phys(type), inout_result, &is_null, err));
    if (is_null) {
        return CN_OK;
    }
    interval_job job = {&frame, type, subtract, a, interval, NULL};
    if (!choose_step(&job)) {
        return cni_op_refuse(env, "interval arithmetic", a->type, err);
    }
    void *out = cni_vector_mutable_data(inout_result);
    if (is_days_only(&job) ? run_days(&job, out) : run_steps(&job, out)) {
        const int64_t row = cni_op_first_failing(&frame, inout_result->validity, row_fails, &job);
        if (row >= 0) {
            return interval_failed(&job, row, err);
        }
    }
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}
