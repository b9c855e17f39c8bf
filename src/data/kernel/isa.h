/* SPDX-License-Identifier: Apache-2.0
 *
 * Instruction-set levels. A file *_isa.c is compiled once per level with CN_ISA set; every external
 * symbol in it is named with CNI_ISA_NAME(x), which appends the level. kernel.c holds one constant
 * table of pointers per level, and cni_kernels() picks by what the processor says it has.
 */
#ifndef CNI_DATA_ISA_H
#define CNI_DATA_ISA_H

#include <stdint.h>

typedef enum cni_isa {
    CNI_ISA_BASE = 0, /* no variants on this architecture */
    CNI_ISA_V2 = 2,   /* x86-64-v2: SSE4.2 */
    CNI_ISA_V3 = 3,   /* AVX2, BMI2 */
    CNI_ISA_V4 = 4,   /* AVX-512 F, BW, CD, DQ, VL */
    CNI_ISA_V5 = 5    /* v4 with VBMI, VBMI2, BITALG, VPOPCNTDQ */
} cni_isa;

/* The best level of this processor (and operating system). A handful of loads; not cached. */
cni_isa cni_isa_detect(void);

#ifdef CN_ISA
#define CNI_ISA_CAT_(name, level) name##_v##level
#define CNI_ISA_CAT(name, level)  CNI_ISA_CAT_(name, level)
#define CNI_ISA_NAME(name)        CNI_ISA_CAT(name, CN_ISA)
#endif

#endif /* CNI_DATA_ISA_H */
