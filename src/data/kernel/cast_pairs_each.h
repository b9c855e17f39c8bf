/* SPDX-License-Identifier: Apache-2.0
 *
 * The number layouts that casts go from: includes cast_to_each.h once per layout with
 *   CN_FROM (type), CN_FROM_NAME, CN_FROM_PHYS, CN_FROM_FLOAT (0, 1)
 * Nothing happens without CN_CAST_TMPL.
 */
#ifdef CN_CAST_TMPL

#define CN_FROM       int8_t
#define CN_FROM_NAME  i8
#define CN_FROM_PHYS  I8
#define CN_FROM_FLOAT 0
#include "data/kernel/cast_to_each.h"
#undef CN_FROM
#undef CN_FROM_NAME
#undef CN_FROM_PHYS
#undef CN_FROM_FLOAT

#define CN_FROM       int16_t
#define CN_FROM_NAME  i16
#define CN_FROM_PHYS  I16
#define CN_FROM_FLOAT 0
#include "data/kernel/cast_to_each.h"
#undef CN_FROM
#undef CN_FROM_NAME
#undef CN_FROM_PHYS
#undef CN_FROM_FLOAT

#define CN_FROM       int32_t
#define CN_FROM_NAME  i32
#define CN_FROM_PHYS  I32
#define CN_FROM_FLOAT 0
#include "data/kernel/cast_to_each.h"
#undef CN_FROM
#undef CN_FROM_NAME
#undef CN_FROM_PHYS
#undef CN_FROM_FLOAT

#define CN_FROM       int64_t
#define CN_FROM_NAME  i64
#define CN_FROM_PHYS  I64
#define CN_FROM_FLOAT 0
#include "data/kernel/cast_to_each.h"
#undef CN_FROM
#undef CN_FROM_NAME
#undef CN_FROM_PHYS
#undef CN_FROM_FLOAT

#define CN_FROM       uint8_t
#define CN_FROM_NAME  u8
#define CN_FROM_PHYS  U8
#define CN_FROM_FLOAT 0
#include "data/kernel/cast_to_each.h"
#undef CN_FROM
#undef CN_FROM_NAME
#undef CN_FROM_PHYS
#undef CN_FROM_FLOAT

#define CN_FROM       uint16_t
#define CN_FROM_NAME  u16
#define CN_FROM_PHYS  U16
#define CN_FROM_FLOAT 0
#include "data/kernel/cast_to_each.h"
#undef CN_FROM
#undef CN_FROM_NAME
#undef CN_FROM_PHYS
#undef CN_FROM_FLOAT

#define CN_FROM       uint32_t
#define CN_FROM_NAME  u32
#define CN_FROM_PHYS  U32
#define CN_FROM_FLOAT 0
#include "data/kernel/cast_to_each.h"
#undef CN_FROM
#undef CN_FROM_NAME
#undef CN_FROM_PHYS
#undef CN_FROM_FLOAT

#define CN_FROM       uint64_t
#define CN_FROM_NAME  u64
#define CN_FROM_PHYS  U64
#define CN_FROM_FLOAT 0
#include "data/kernel/cast_to_each.h"
#undef CN_FROM
#undef CN_FROM_NAME
#undef CN_FROM_PHYS
#undef CN_FROM_FLOAT

#define CN_FROM       cni_i128
#define CN_FROM_NAME  i128
#define CN_FROM_PHYS  I128
#define CN_FROM_FLOAT 0
#include "data/kernel/cast_to_each.h"
#undef CN_FROM
#undef CN_FROM_NAME
#undef CN_FROM_PHYS
#undef CN_FROM_FLOAT

#define CN_FROM       float
#define CN_FROM_NAME  f32
#define CN_FROM_PHYS  F32
#define CN_FROM_FLOAT 1
#include "data/kernel/cast_to_each.h"
#undef CN_FROM
#undef CN_FROM_NAME
#undef CN_FROM_PHYS
#undef CN_FROM_FLOAT

#define CN_FROM       double
#define CN_FROM_NAME  f64
#define CN_FROM_PHYS  F64
#define CN_FROM_FLOAT 1
#include "data/kernel/cast_to_each.h"
#undef CN_FROM
#undef CN_FROM_NAME
#undef CN_FROM_PHYS
#undef CN_FROM_FLOAT

#undef CN_CAST_TMPL

#endif /* CN_CAST_TMPL */
