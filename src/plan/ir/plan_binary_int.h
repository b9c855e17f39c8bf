/* SPDX-License-Identifier: Apache-2.0
 *
 * The binary form of plans, version 2 (joins and what WITH needs came with it), shared by its
 * writer and its reader.
 *
 *   "CNPL" version item* END root
 *
 * Items are numbered from 0 in order; each begins with its tag and refers only to earlier ones of
 * the right tag. What is shared in memory is one item. Numbers are LEB128 varints, signed ones
 * zigzagged first; strings are a length and bytes; doubles are 8 bytes, little-endian; flags are
 * one byte.
 *
 *   TYPE   id unit precision scale flags width n_children {name type nullable metadata}*
 *          codes* (UNION) timezone? extension_name extension_metadata
 *   TABLE  function name n_args {value name}*
 *   EXPR   kind op subquery_kind flags type place n_args expr* and by kind: value, column id, name
 * ... PLAN   kind columns children and by kind: table, expressions, orders, limits
 *
 * A value is its type's item number, a null flag, and content by the type's physical layout.
 */
#ifndef CNI_PLAN_BINARY_INT_H
#define CNI_PLAN_BINARY_INT_H

#include "plan/ir/plan_binary.h"

#define CNI_PLAN_MAGIC "CNPL"

/* A plan read from bytes may share expressions; walked out it has at most this many nodes. */
#define CNI_PLAN_READ_MAX_NODES (1 << 20)
#define CNI_TYPE_READ_MAX_DEPTH 64

enum cni_plan_tag {
    CNI_TAG_END = 0,
    CNI_TAG_TYPE,
    CNI_TAG_TABLE,
    CNI_TAG_EXPR,
    CNI_TAG_PLAN
};

/* Flags of an expression. */
enum cni_expr_flag {
    CNI_FLAG_NEGATED = 1,
    CNI_FLAG_TRY_CAST = 2,
    CNI_FLAG_HAS_PLACE = 4,
    CNI_FLAG_HAS_CALL = 8
};

/* Flags of call clauses. */
enum cni_call_flag {
    CNI_CALL_DISTINCT = 1,
    CNI_CALL_IGNORE_NULLS = 2,
    CNI_CALL_HAS_FILTER = 4,
    CNI_CALL_HAS_FRAME_START = 8,
    CNI_CALL_HAS_FRAME_END = 16
};

/* Flags of an order. */
enum cni_order_flag {
    CNI_ORDER_DESCENDING = 1,
    CNI_ORDER_NULLS_FIRST = 2
};

/* Flags of a type. */
enum cni_type_flag {
    CNI_TYPE_FLAG_DENSE = 1,
    CNI_TYPE_FLAG_KEYS_SORTED = 2,
    CNI_TYPE_FLAG_TIMEZONE = 4
};

/* Flags of a plan node. */
enum cni_plan_flag {
    CNI_PLAN_FLAG_PREDICATE = 1,
    CNI_PLAN_FLAG_NULL_AWARE = 2,
    CNI_PLAN_FLAG_DISTINCT = 4
};

#endif /* CNI_PLAN_BINARY_INT_H */
