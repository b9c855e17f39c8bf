/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of comparisons: includes CN_OP_TMPL once per operation with
 *   CN_OP        cni_compare_op without its prefix (LT)     CN_OP_NAME    the same in symbols (lt)
 *   CN_OP_MIRROR the operation with its sides exchanged, in symbols (gt)
 * Nothing happens without CN_OP_TMPL. Unlike phys_each.h it leaves CN_OP_TMPL defined: it is
 * included once per layout from templates.
 */
#ifdef CN_OP_TMPL

#define CN_OP        EQ
#define CN_OP_NAME   eq
#define CN_OP_MIRROR eq
#include CN_OP_TMPL
#undef CN_OP
#undef CN_OP_NAME
#undef CN_OP_MIRROR

#define CN_OP        NE
#define CN_OP_NAME   ne
#define CN_OP_MIRROR ne
#include CN_OP_TMPL
#undef CN_OP
#undef CN_OP_NAME
#undef CN_OP_MIRROR

#define CN_OP        LT
#define CN_OP_NAME   lt
#define CN_OP_MIRROR gt
#include CN_OP_TMPL
#undef CN_OP
#undef CN_OP_NAME
#undef CN_OP_MIRROR

#define CN_OP        LE
#define CN_OP_NAME   le
#define CN_OP_MIRROR ge
#include CN_OP_TMPL
#undef CN_OP
#undef CN_OP_NAME
#undef CN_OP_MIRROR

#define CN_OP        GT
#define CN_OP_NAME   gt
#define CN_OP_MIRROR lt
#include CN_OP_TMPL
#undef CN_OP
#undef CN_OP_NAME
#undef CN_OP_MIRROR

#define CN_OP        GE
#define CN_OP_NAME   ge
#define CN_OP_MIRROR le
#include CN_OP_TMPL
#undef CN_OP
#undef CN_OP_NAME
#undef CN_OP_MIRROR

#endif /* CN_OP_TMPL */
