/* SPDX-License-Identifier: Apache-2.0
 *
 * The number layouts that casts go to: includes CN_CAST_TMPL once per layout with
 *   CN_TO (type), CN_TO_NAME, CN_TO_PHYS, CN_TO_FLOAT (0, 1), CN_TO_LOW and CN_TO_END: the
 *   integers x with low <= x < end fit (as double)
 * Nothing happens without CN_CAST_TMPL.
 */
#ifdef CN_CAST_TMPL

#define CN_TO       int8_t
#define CN_TO_NAME  i8
#define CN_TO_PHYS  I8
#define CN_TO_FLOAT 0
#define CN_TO_LOW   (-0x1p7)
#define CN_TO_END   (0x1p7)
#include CN_CAST_TMPL
#undef CN_TO
#undef CN_TO_NAME
#undef CN_TO_PHYS
#undef CN_TO_FLOAT
#undef CN_TO_LOW
#undef CN_TO_END

#define CN_TO       int16_t
#define CN_TO_NAME  i16
#define CN_TO_PHYS  I16
#define CN_TO_FLOAT 0
#define CN_TO_LOW   (-0x1p15)
#define CN_TO_END   (0x1p15)
#include CN_CAST_TMPL
#undef CN_TO
#undef CN_TO_NAME
#undef CN_TO_PHYS
#undef CN_TO_FLOAT
#undef CN_TO_LOW
#undef CN_TO_END

#define CN_TO       int32_t
#define CN_TO_NAME  i32
#define CN_TO_PHYS  I32
#define CN_TO_FLOAT 0
#define CN_TO_LOW   (-0x1p31)
#define CN_TO_END   (0x1p31)
#include CN_CAST_TMPL
#undef CN_TO
#undef CN_TO_NAME
#undef CN_TO_PHYS
#undef CN_TO_FLOAT
#undef CN_TO_LOW
#undef CN_TO_END

#define CN_TO       int64_t
#define CN_TO_NAME  i64
#define CN_TO_PHYS  I64
#define CN_TO_FLOAT 0
#define CN_TO_LOW   (-0x1p63)
#define CN_TO_END   (0x1p63)
#include CN_CAST_TMPL
#undef CN_TO
#undef CN_TO_NAME
#undef CN_TO_PHYS
#undef CN_TO_FLOAT
#undef CN_TO_LOW
#undef CN_TO_END

#define CN_TO       uint8_t
#define CN_TO_NAME  u8
#define CN_TO_PHYS  U8
#define CN_TO_FLOAT 0
#define CN_TO_LOW   (0.0)
#define CN_TO_END   (0x1p8)
#include CN_CAST_TMPL
#undef CN_TO
#undef CN_TO_NAME
#undef CN_TO_PHYS
#undef CN_TO_FLOAT
#undef CN_TO_LOW
#undef CN_TO_END

#define CN_TO       uint16_t
#define CN_TO_NAME  u16
#define CN_TO_PHYS  U16
#define CN_TO_FLOAT 0
#define CN_TO_LOW   (0.0)
#define CN_TO_END   (0x1p16)
#include CN_CAST_TMPL
#undef CN_TO
#undef CN_TO_NAME
#undef CN_TO_PHYS
#undef CN_TO_FLOAT
#undef CN_TO_LOW
#undef CN_TO_END

#define CN_TO       uint32_t
#define CN_TO_NAME  u32
#define CN_TO_PHYS  U32
#define CN_TO_FLOAT 0
#define CN_TO_LOW   (0.0)
#define CN_TO_END   (0x1p32)
#include CN_CAST_TMPL
#undef CN_TO
#undef CN_TO_NAME
#undef CN_TO_PHYS
#undef CN_TO_FLOAT
#undef CN_TO_LOW
#undef CN_TO_END

#define CN_TO       uint64_t
#define CN_TO_NAME  u64
#define CN_TO_PHYS  U64
#define CN_TO_FLOAT 0
#define CN_TO_LOW   (0.0)
#define CN_TO_END   (0x1p64)
#include CN_CAST_TMPL
#undef CN_TO
#undef CN_TO_NAME
#undef CN_TO_PHYS
#undef CN_TO_FLOAT
#undef CN_TO_LOW
#undef CN_TO_END

#define CN_TO       cni_i128
#define CN_TO_NAME  i128
#define CN_TO_PHYS  I128
#define CN_TO_FLOAT 0
#define CN_TO_LOW   (-0x1p127)
#define CN_TO_END   (0x1p127)
#include CN_CAST_TMPL
#undef CN_TO
#undef CN_TO_NAME
#undef CN_TO_PHYS
#undef CN_TO_FLOAT
#undef CN_TO_LOW
#undef CN_TO_END

#define CN_TO       float
#define CN_TO_NAME  f32
#define CN_TO_PHYS  F32
#define CN_TO_FLOAT 1
#define CN_TO_LOW   (0.0)
#define CN_TO_END   (0.0)
#include CN_CAST_TMPL
#undef CN_TO
#undef CN_TO_NAME
#undef CN_TO_PHYS
#undef CN_TO_FLOAT
#undef CN_TO_LOW
#undef CN_TO_END

#define CN_TO       double
#define CN_TO_NAME  f64
#define CN_TO_PHYS  F64
#define CN_TO_FLOAT 1
#define CN_TO_LOW   (0.0)
#define CN_TO_END   (0.0)
#include CN_CAST_TMPL
#undef CN_TO
#undef CN_TO_NAME
#undef CN_TO_PHYS
#undef CN_TO_FLOAT
#undef CN_TO_LOW
#undef CN_TO_END

#endif /* CN_CAST_TMPL */
