/* SPDX-License-Identifier: Apache-2.0
 *
 * The one list of physical layouts that kernels are written for. Whoever includes it sets CN_TMPL
 * to a template, which is then included once per layout with
 *
 *   CN_T       item type                    CN_SUFFIX  short name in symbols (i32)
 *   CN_PHYS    cni_phys without its prefix  CN_CLASS   one of CN_CLASS_...
 *   CN_U       unsigned type of that width  CN_BITS, CN_SIGNED  width and sign (integers)
 *   CN_WIDE    type that holds any product of two items (integers below 64 bits), else CN_T
 *
 * Instances (*_isa.c), declarations (kernel_int.h), dispatch rows (table_isa.c) and reference tests
 * all come from this list, so that none can be forgotten. The template undefines nothing; this file
 * does. Without CN_TMPL it only defines the classes.
 */
#ifndef CN_CLASS_INT
#define CN_CLASS_INT   1 /* 8 to 64 bits */
#define CN_CLASS_I128  2
#define CN_CLASS_FLOAT 3
#define CN_CLASS_VIEW  4
#endif

#ifdef CN_TMPL

#define CN_CLASS  CN_CLASS_INT
#define CN_SIGNED 1

#define CN_T      int8_t
#define CN_U      uint8_t
#define CN_WIDE   int16_t
#define CN_SUFFIX i8
#define CN_PHYS   I8
#define CN_BITS   8
#include CN_TMPL
#include "data/kernel/phys_undef.h"

#define CN_T      int16_t
#define CN_U      uint16_t
#define CN_WIDE   int32_t
#define CN_SUFFIX i16
#define CN_PHYS   I16
#define CN_BITS   16
#include CN_TMPL
#include "data/kernel/phys_undef.h"

#define CN_T      int32_t
#define CN_U      uint32_t
#define CN_WIDE   int64_t
#define CN_SUFFIX i32
#define CN_PHYS   I32
#define CN_BITS   32
#include CN_TMPL
#include "data/kernel/phys_undef.h"

#define CN_T      int64_t
#define CN_U      uint64_t
#define CN_WIDE   int64_t
#define CN_SUFFIX i64
#define CN_PHYS   I64
#define CN_BITS   64
#include CN_TMPL
#include "data/kernel/phys_undef.h"

#undef CN_SIGNED
#define CN_SIGNED 0

#define CN_T      uint8_t
#define CN_U      uint8_t
#define CN_WIDE   uint16_t
#define CN_SUFFIX u8
#define CN_PHYS   U8
#define CN_BITS   8
#include CN_TMPL
#include "data/kernel/phys_undef.h"

#define CN_T      uint16_t
#define CN_U      uint16_t
#define CN_WIDE   uint32_t
#define CN_SUFFIX u16
#define CN_PHYS   U16
#define CN_BITS   16
#include CN_TMPL
#include "data/kernel/phys_undef.h"

#define CN_T      uint32_t
#define CN_U      uint32_t
#define CN_WIDE   uint64_t
#define CN_SUFFIX u32
#define CN_PHYS   U32
#define CN_BITS   32
#include CN_TMPL
#include "data/kernel/phys_undef.h"

#define CN_T      uint64_t
#define CN_U      uint64_t
#define CN_WIDE   uint64_t
#define CN_SUFFIX u64
#define CN_PHYS   U64
#define CN_BITS   64
#include CN_TMPL
#include "data/kernel/phys_undef.h"

#undef CN_CLASS
#undef CN_SIGNED
#define CN_CLASS  CN_CLASS_I128
#define CN_SIGNED 1

#define CN_T      cni_i128
#define CN_U      cni_u128
#define CN_WIDE   cni_i128
#define CN_SUFFIX i128
#define CN_PHYS   I128
#define CN_BITS   128
#include CN_TMPL
#include "data/kernel/phys_undef.h"

#undef CN_CLASS
#define CN_CLASS CN_CLASS_FLOAT

#define CN_T      float
#define CN_U      uint32_t
#define CN_WIDE   float
#define CN_SUFFIX f32
#define CN_PHYS   F32
#define CN_BITS   32
#include CN_TMPL
#include "data/kernel/phys_undef.h"

#define CN_T      double
#define CN_U      uint64_t
#define CN_WIDE   double
#define CN_SUFFIX f64
#define CN_PHYS   F64
#define CN_BITS   64
#include CN_TMPL
#include "data/kernel/phys_undef.h"

#undef CN_CLASS
#define CN_CLASS CN_CLASS_VIEW

#define CN_T      cni_view
#define CN_U      uint64_t
#define CN_WIDE   cni_view
#define CN_SUFFIX view
#define CN_PHYS   VIEW
#define CN_BITS   128
#include CN_TMPL
#include "data/kernel/phys_undef.h"

#undef CN_CLASS
#undef CN_SIGNED
#undef CN_TMPL

#endif /* CN_TMPL */
