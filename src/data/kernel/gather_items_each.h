/* SPDX-License-Identifier: Apache-2.0
 *
 * The item sizes of one index size; see gather_each.h, which sets CN_GATHER_TMPL and CN_INDEX.
 * Included three times; without CN_GATHER_TMPL nothing happens.
 */
#ifdef CN_GATHER_TMPL

#define CN_ITEM       uint8_t
#define CN_ITEM_BYTES 1
#define CN_ITEM_LOG   0
#include CN_GATHER_TMPL
#undef CN_ITEM
#undef CN_ITEM_BYTES
#undef CN_ITEM_LOG

#define CN_ITEM       uint16_t
#define CN_ITEM_BYTES 2
#define CN_ITEM_LOG   1
#include CN_GATHER_TMPL
#undef CN_ITEM
#undef CN_ITEM_BYTES
#undef CN_ITEM_LOG

#define CN_ITEM       uint32_t
#define CN_ITEM_BYTES 4
#define CN_ITEM_LOG   2
#include CN_GATHER_TMPL
#undef CN_ITEM
#undef CN_ITEM_BYTES
#undef CN_ITEM_LOG

#define CN_ITEM       uint64_t
#define CN_ITEM_BYTES 8
#define CN_ITEM_LOG   3
#include CN_GATHER_TMPL
#undef CN_ITEM
#undef CN_ITEM_BYTES
#undef CN_ITEM_LOG

#define CN_ITEM       cni_item16
#define CN_ITEM_BYTES 16
#define CN_ITEM_LOG   4
#include CN_GATHER_TMPL
#undef CN_ITEM
#undef CN_ITEM_BYTES
#undef CN_ITEM_LOG

#endif /* CN_GATHER_TMPL */
