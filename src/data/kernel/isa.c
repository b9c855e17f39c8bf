/* SPDX-License-Identifier: Apache-2.0
 *
 * Which instruction-set level this processor has. The compiler's run-time library reads CPUID once
 * at program start and checks that the operating system saves the wide registers; here are only
 * loads.
 */
#include "data/kernel/isa.h"

#include <stdbool.h>

#if defined(__x86_64__)

static bool
has_v3(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static bool
has_v4(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

static bool
has_v5(void)
{
    return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
           __builtin_cpu_supports("avx512bitalg") && __builtin_cpu_supports("avx512vpopcntdq");
}

cni_isa
cni_isa_detect(void)
{
    __builtin_cpu_init();
    if (!has_v3()) {
        return CNI_ISA_V2;
    }
    if (!has_v4()) {
        return CNI_ISA_V3;
    }
    return has_v5() ? CNI_ISA_V5 : CNI_ISA_V4;
}

#else

cni_isa
cni_isa_detect(void)
{
    return CNI_ISA_BASE;
}

#endif
