/* SPDX-License-Identifier: Apache-2.0
 *
 * Which table of loops this processor takes.
 */
#include "exec/join/join_loops_int.h"

#include <stddef.h>

static const cni_join_loops *
loops_of(int level)
{
#if defined(__x86_64__)
    switch (level) {
    case CNI_ISA_V5:
        return &cni_join_loops_v5;
    case CNI_ISA_V4:
        return &cni_join_loops_v4;
    case CNI_ISA_V3:
        return &cni_join_loops_v3;
    default:
        return &cni_join_loops_v2;
    }
#else
    (void)level;
    return &cni_join_loops_v0;
#endif
}

const cni_join_loops *
cni_join_loops_get(void)
{
    return loops_of((int)cni_isa_detect());
}

const cni_join_loops *
cni_join_loops_at(int level)
{
    const cni_isa best = cni_isa_detect();
    const int lowest = best == CNI_ISA_BASE ? (int)CNI_ISA_BASE : (int)CNI_ISA_V2;
    return level < lowest || level > (int)best ? NULL : loops_of(level);
}
