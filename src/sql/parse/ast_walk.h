/* SPDX-License-Identifier: Apache-2.0
 *
 * Walking over the AST: the direct children of any recursive node (expr, query, from, type), and a
 * pre- and post-order walk with an explicit stack. Every reader of the tree that does not care
 * about most kinds (does it hold an aggregate? which parameters?) is built on these two.
 */
#ifndef CNI_SQL_AST_WALK_H
#define CNI_SQL_AST_WALK_H

#include "sql/parse/ast_statement.h"

/* Called with one child. A status other than CN_OK ends the iteration and is returned. */
typedef cn_code (*cni_sql_see_child)(void *state, const cni_sql_node *child, cn_error *err);

/* Direct children of `node` in the order of the text: whatever is nested in lists, windows, calls,
 * targets and clauses counts as direct; nothing is allocated. */
CN_NODISCARD cn_code cni_sql_each_child(const cni_sql_node *node, cni_sql_see_child see,
                                        void *state, cn_error *err);

/* The outermost expressions, queries, tables and types of a statement; those of the inner statement
 * of EXPLAIN and PREPARE too. */
CN_NODISCARD cn_code cni_sql_each_root(const cni_sql_statement *statement, cni_sql_see_child see,
                                       void *state, cn_error *err);

typedef struct cni_sql_visitor {
    /* Before the children; *out_enter (true at the call) says whether they are visited. */
    cn_code (*enter)(void *state, const cni_sql_node *node, bool *out_enter, cn_error *err);
    /* After the children that were entered; may be NULL. */
    cn_code (*leave)(void *state, const cni_sql_node *node, cn_error *err);
    void *state;
} cni_sql_visitor;

/* Depth-first, left to right. The stack of the walk lies in `scratch`. */
CN_NODISCARD cn_code cni_sql_walk(cni_arena *scratch, const cni_sql_node *root,
                                  const cni_sql_visitor *visitor, cn_error *err);

/* The node as what it is; NULL when it is something else (or NULL). */
static inline const cni_sql_expr *
cni_sql_as_expr(const cni_sql_node *node)
{
    return node != NULL && node->node_class == CNI_SQL_CLASS_EXPR ? (const cni_sql_expr *)node
                                                                  : NULL;
}

static inline const cni_sql_query *
cni_sql_as_query(const cni_sql_node *node)
{
    return node != NULL && node->node_class == CNI_SQL_CLASS_QUERY ? (const cni_sql_query *)node
                                                                   : NULL;
}

static inline const cni_sql_from *
cni_sql_as_from(const cni_sql_node *node)
{
    return node != NULL && node->node_class == CNI_SQL_CLASS_FROM ? (const cni_sql_from *)node
                                                                  : NULL;
}

static inline const cni_sql_type *
cni_sql_as_type(const cni_sql_node *node)
{
    return node != NULL && node->node_class == CNI_SQL_CLASS_TYPE ? (const cni_sql_type *)node
                                                                  : NULL;
}

#endif /* CNI_SQL_AST_WALK_H */
