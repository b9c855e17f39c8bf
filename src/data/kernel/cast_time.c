/* SPDX-License-Identifier: Apache-2.0
 *
 * Casts among DATE, TIME, TIMESTAMP (with and without time zone; zones are UTC here) and INTERVAL.
 * Units are rescaled towards minus infinity. Overflowing rows are marked and looked up again.
 */
#include "base/checked.h"
#include "data/kernel/cast_int.h"
#include "data/kernel/civil_int.h"

typedef bool (*time_step)(const cni_cast_job *job, int64_t row, void *out);

static int64_t
ticks_at(const cni_vector *vector, int64_t row)
{
    const int64_t at = cni_op_at(vector, row);
    return vector->phys == CNI_PHYS_I32 ? ((const int32_t *)vector->data)[at]
                                        : ((const int64_t *)vector->data)[at];
}

static bool
store(const cni_cast_job *job, int64_t row, int64_t value, void *out)
{
    if (job->result->phys == CNI_PHYS_I32) {
        ((int32_t *)out)[row] = (int32_t)value;
        return (int32_t)value == value;
    }
    ((int64_t *)out)[row] = value;
    return true;
}

static cni_unit
unit_of(const cni_type *type)
{
    return type->id == CNI_TYPE_DATE_MS ? CNI_UNIT_MS : (cni_unit)type->unit;
}

static bool
date_to_ticks(const cni_cast_job *job, int64_t row, void *out)
{
    int64_t ticks = 0;
    const bool fits =
        cni_checked_mul(ticks_at(job->a, row), cni_ticks_per_day(unit_of(job->type)), &ticks);
    return store(job, row, ticks, out) && fits;
}

static bool
ticks_to_date(const cni_cast_job *job, int64_t row, void *out)
{
    const int64_t per_day = cni_ticks_per_day(unit_of(job->a->type));
    return store(job, row, cni_floor_div(ticks_at(job->a, row), per_day), out);
}

static bool
ticks_to_ticks(const cni_cast_job *job, int64_t row, void *out)
{
    int64_t ticks = 0;
    const bool fits =
        cni_ticks_rescale(ticks_at(job->a, row), unit_of(job->a->type), unit_of(job->type), &ticks);
    return store(job, row, ticks, out) && fits;
}

static bool
ticks_to_time(const cni_cast_job *job, int64_t row, void *out)
{
    const cni_unit from = unit_of(job->a->type);
    const int64_t of_day = cni_floor_mod(ticks_at(job->a, row), cni_ticks_per_day(from));
    int64_t ticks = 0;
    const bool fits = cni_ticks_rescale(of_day, from, unit_of(job->type), &ticks);
    return store(job, row, ticks, out) && fits;
}

static bool
ticks_to_interval(const cni_cast_job *job, int64_t row, void *out)
{
    const int64_t per_tick = cni_nanos_per_tick(unit_of(job->a->type));
    cni_interval interval = {0};
    const bool fits = cni_checked_mul(ticks_at(job->a, row), per_tick, &interval.nanos);
    ((cni_interval *)out)[row] = interval;
    return fits;
}

static bool
interval_to_time(const cni_cast_job *job, int64_t row, void *out)
{
    const cni_interval *interval = (const cni_interval *)job->a->data + cni_op_at(job->a, row);
    const int64_t nanos = cni_floor_mod(interval->nanos, CNI_NANOS_PER_DAY);
    return store(job, row, nanos / cni_nanos_per_tick(unit_of(job->type)), out);
}

static bool
is_instant(const cni_type *type)
{
    return type->id == CNI_TYPE_TIMESTAMP || type->id == CNI_TYPE_DATE_MS;
}

/* NULL when there is no such cast. */
static time_step
step_of(const cni_type *from, const cni_type *to)
{
    if (from->id == CNI_TYPE_DATE && is_instant(to)) {
        return date_to_ticks;
    }
    if (is_instant(from)) {
        return to->id == CNI_TYPE_DATE   ? ticks_to_date
               : to->id == CNI_TYPE_TIME ? ticks_to_time
               : is_instant(to)          ? ticks_to_ticks
                                         : NULL;
    }
    if ((from->id == CNI_TYPE_TIME || from->id == CNI_TYPE_DURATION) && from->id == to->id) {
        return ticks_to_ticks;
    }
    if ((from->id == CNI_TYPE_TIME || from->id == CNI_TYPE_DURATION) &&
        to->id == CNI_TYPE_INTERVAL) {
        return ticks_to_interval;
    }
    return from->id == CNI_TYPE_INTERVAL && to->id == CNI_TYPE_TIME ? interval_to_time : NULL;
}

bool
cni_cast_time_exists(const cni_type *from, const cni_type *to, bool *out_may_fail)
{
    const time_step step = step_of(from, to);
    *out_may_fail = step == date_to_ticks || step == ticks_to_date || step == ticks_to_ticks ||
                    (step == ticks_to_interval && from->id == CNI_TYPE_DURATION);
    return step != NULL;
}

typedef struct time_context {
    const cni_cast_job *job;
    time_step step;
} time_context;

static bool
row_fails(const void *context, int64_t row)
{
    const time_context *self = context;
    cni_vector one = *self->job->a; /* borrows; row 0 is the row */
    const int64_t item = cni_phys_bytes((cni_phys)one.phys, one.type);
    one.data = (const uint8_t *)one.data + item * cni_op_at(&one, row);
    cni_cast_job job = *self->job;
    job.a = &one;
    cni_interval out;
    return !self->step(&job, 0, &out);
}

cn_code
cni_cast_time(const cni_cast_job *job, cn_error *err)
{
    const time_step step = step_of(job->a->type, job->type);
    void *out = cni_vector_mutable_data(job->result);
    bool any_failed = false;
    for (int64_t row = 0; row < job->frame->n; row++) {
        any_failed |= !step(job, row, out);
    }
    const time_context context = {job, step};
    return any_failed ? cni_cast_failed(job, row_fails, &context, err) : CN_OK;
}
