/* SPDX-License-Identifier: Apache-2.0
 *
 * The gathers there are: includes CN_GATHER_TMPL once per item size and index size with
 *   CN_ITEM, CN_ITEM_BYTES, CN_ITEM_LOG     type of an item, its bytes, their binary logarithm
 *   CN_INDEX, CN_INDEX_BYTES, CN_INDEX_LOG  the same of an index
 * and undefines CN_GATHER_TMPL at the end. Nothing happens without it.
 */
#ifdef CN_GATHER_TMPL

#define CN_INDEX       uint8_t
#define CN_INDEX_BYTES 1
#define CN_INDEX_LOG   0
#include "data/kernel/gather_items_each.h"
#undef CN_INDEX
#undef CN_INDEX_BYTES
#undef CN_INDEX_LOG

#define CN_INDEX       uint16_t
#define CN_INDEX_BYTES 2
#define CN_INDEX_LOG   1
#include "data/kernel/gather_items_each.h"
#undef CN_INDEX
#undef CN_INDEX_BYTES
#undef CN_INDEX_LOG

#define CN_INDEX       uint32_t
#define CN_INDEX_BYTES 4
#define CN_INDEX_LOG   2
#include "data/kernel/gather_items_each.h"
#undef CN_INDEX
#undef CN_INDEX_BYTES
#undef CN_INDEX_LOG

#undef CN_GATHER_TMPL

#endif /* CN_GATHER_TMPL */
