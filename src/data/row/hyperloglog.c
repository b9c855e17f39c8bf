/* SPDX-License-Identifier: Apache-2.0
 *
 * HyperLogLog: the rank of the first set bit behind the register's index, and the estimate from how
 * many registers have which rank.
 */
#include "data/row/hyperloglog.h"

#include <math.h>

#define MAX_RANK (64 - CNI_HYPERLOGLOG_BITS + 1)

void
cni_hyperloglog_add(uint8_t *registers, uint64_t hash)
{
    const uint64_t index = hash >> (64 - CNI_HYPERLOGLOG_BITS);
    const uint64_t rest = hash << CNI_HYPERLOGLOG_BITS;
    const int rank = rest == 0 ? MAX_RANK : __builtin_clzll(rest) + 1;
    if (registers[index] < rank) {
        registers[index] = (uint8_t)rank;
    }
}

static double
sigma(double x)
{
    double power = 1;
    double sum = x;
    double before = -1;
    if (x >= 1) {
        return HUGE_VAL;
    }
    while (sum != before) {
        before = sum;
        x *= x;
        sum += x * power;
        power += power;
    }
    return sum;
}

static double
tau(double x)
{
    double power = 1;
    double sum = 1 - x;
    double before = -1;
    if (x <= 0 || x >= 1) {
        return 0;
    }
    while (sum != before) {
        before = sum;
        x = sqrt(x);
        power *= 0.5;
        sum -= (1 - x) * (1 - x) * power;
    }
    return sum / 3;
}

int64_t
cni_hyperloglog_estimate(const uint8_t *registers)
{
    int32_t n_of_rank[MAX_RANK + 1] = {0};
    const double n = CNI_HYPERLOGLOG_REGISTERS;
    for (int32_t at = 0; at < CNI_HYPERLOGLOG_REGISTERS; at++) {
        n_of_rank[registers[at]]++;
    }
    double z = n * tau(1 - (double)n_of_rank[MAX_RANK] / n);
    for (int rank = MAX_RANK - 1; rank >= 1; rank--) {
        z = 0.5 * (z + (double)n_of_rank[rank]);
    }
    z += n * sigma((double)n_of_rank[0] / n);
    return (int64_t)llround(n * n / (2 * log(2) * z));
}
