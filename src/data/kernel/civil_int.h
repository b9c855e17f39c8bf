/* SPDX-License-Identifier: Apache-2.0
 *
 * Days to year, month and day in 32-bit arithmetic for loops over dates (years -32,800 and later:
 * what does not fit goes the slow way through cni_civil_from_days). Method: C. Neri, L. Schneider,
 * Euclidean affine functions and their application to calendar algorithms, 2022.
 */
#ifndef CNI_DATA_CIVIL_INT_H
#define CNI_DATA_CIVIL_INT_H

#include "base/macros.h"
#include "data/column/datetime.h"

#define CNI_CIVIL_FAST_LOW  (-12000000)
#define CNI_CIVIL_FAST_HIGH 1000000000

static inline cni_civil
cni_civil_of(int64_t days)
{
    if (CN_UNLIKELY(days < CNI_CIVIL_FAST_LOW || days > CNI_CIVIL_FAST_HIGH)) {
        return cni_civil_from_days(days);
    }
    /* Day 0 of the computation is 1 March of year -32,800, a multiple of 400. */
    const uint32_t from_origin = (uint32_t)((int32_t)days + 719468 + 146097 * 82);
    const uint32_t in_centuries = 4 * from_origin + 3;
    const uint32_t century = in_centuries / 146097;
    const uint32_t in_years = 4 * (in_centuries % 146097 / 4) + 3;
    const uint64_t scaled = UINT64_C(2939745) * in_years;
    const uint32_t year_of_century = (uint32_t)(scaled >> 32);
    const uint32_t day_of_year = (uint32_t)scaled / 2939745 / 4;
    const uint32_t in_months = 2141 * day_of_year + 197913;
    const uint32_t month = in_months >> 16;
    const bool is_next_year = day_of_year >= 306;
    return (cni_civil){
        .year = (int64_t)(100 * century + year_of_century) - 400 * 82 + (is_next_year ? 1 : 0),
        .month = (int32_t)(is_next_year ? month - 12 : month),
        .day = (int32_t)((in_months & 0xFFFF) / 2141) + 1,
    };
}

static inline int64_t
cni_ticks_per_day(cni_unit unit)
{
    switch (unit) {
    case CNI_UNIT_S:
        return CNI_SECONDS_PER_DAY;
    case CNI_UNIT_MS:
        return CNI_SECONDS_PER_DAY * INT64_C(1000);
    case CNI_UNIT_US:
        return CNI_MICROS_PER_DAY;
    default:
        return CNI_NANOS_PER_DAY;
    }
}

static inline int64_t
cni_nanos_per_tick(cni_unit unit)
{
    return CNI_NANOS_PER_DAY / cni_ticks_per_day(unit);
}

#endif /* CNI_DATA_CIVIL_INT_H */
