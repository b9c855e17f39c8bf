/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the binding of one SELECT: its items, its order keys, and the steps between the files
 * bind_select.c, bind_star.c, bind_group.c, bind_order.c and bind_from.c.
 */
#ifndef CNI_SQL_BIND_SELECT_INT_H
#define CNI_SQL_BIND_SELECT_INT_H

#include "sql/bind/bind_int.h"

/* One output column: its expression (over FROM, later over the grouping) and its name. `source` is
 * what the text says, NULL for columns that a star stands for. */
typedef struct cni_bind_item {
    const cni_expr *expr;
    cni_str name;
    const cni_sql_expr *source;
} cni_bind_item;

typedef struct cni_bind_items {
    cni_bind_item *items;
    int32_t n_items;
    int32_t cap_items;
} cni_bind_items;

CN_NODISCARD cn_code cni_bind_items_push(cni_binder *binder, cni_bind_items *self,
                                         const cni_bind_item *item, cn_error *err);

/* A relation of FROM: a plan and the names it makes visible. */
typedef struct cni_bind_input {
    cni_bind_scope scope;
    const cni_plan *plan;
} cni_bind_input;

/* The whole of FROM. An empty one is one row without columns. */
CN_NODISCARD cn_code cni_bind_from(cni_binder *binder, const cni_bind_around *around,
                                   const cni_sql_from_list *from, cni_bind_input *out_input,
                                   cn_error *err);
/* One item. `lateral` is what LATERAL items may name: what stands before them, and then the
 * enclosing query (NULL = only that). */
CN_NODISCARD cn_code cni_bind_from_item(cni_binder *binder, const cni_bind_around *around,
                                        cni_bind_names *lateral, const cni_sql_from *from,
                                        cni_bind_input *out_input, cn_error *err);
/* A chain of joins. */
CN_NODISCARD cn_code cni_bind_joins(cni_binder *binder, const cni_bind_around *around,
                                    cni_bind_names *lateral, const cni_sql_from *from,
                                    cni_bind_input *out_input, cn_error *err);
/* The select list with stars expanded. */
CN_NODISCARD cn_code cni_bind_targets(cni_bind_names *names, const cni_sql_select *select,
                                      cni_bind_items *out_items, cn_error *err);
/* Expand one `*` or `t.*`. */
CN_NODISCARD cn_code cni_bind_star(cni_bind_names *names, const cni_sql_expr *expr,
                                   cni_bind_items *items, cn_error *err);

/* AGGREGATE over `input` with `groups` and every aggregate call in the expressions, which are
 * rewritten over its outputs; `outer_calls` are those that stand in subqueries. Errors: 42803 for
 * columns that are not grouped. */
CN_NODISCARD cn_code cni_bind_group(cni_binder *binder, const cni_bind_scope *scope,
                                    const cni_plan *input, const cni_expr *const *groups,
                                    int32_t n_groups, const cni_list *outer_calls,
                                    const cni_expr **inout_exprs, int32_t n_exprs,
                                    const cni_plan **out_plan, cn_error *err);

/* ---- windows */
/* The first column in `expr` that is a window function's, or NULL. */
const cni_expr *cni_bind_find_window(const cni_list *windows, const cni_expr *expr);
bool cni_bind_orders_equal(const cni_order *a, const cni_order *b, int32_t n_orders);
/* Check the WINDOW clause, also what nobody names. */
CN_NODISCARD cn_code cni_bind_window_clause(cni_bind_names *names, cn_error *err);
/* How many expressions the windows are made of. */
int32_t cni_bind_count_window_parts(const cni_list *windows);
/* Their expressions into `exprs`, or (back) from there; gives how many. */
int32_t cni_bind_window_parts(const cni_list *windows, const cni_expr **exprs, bool back);
/* WINDOW nodes over `input`, one per specification. */
CN_NODISCARD cn_code cni_bind_window_nodes(cni_binder *binder, const cni_list *windows,
                                           const cni_plan *input, const cni_plan **out_plan,
                                           cn_error *err);

/* One key of ORDER BY: either output column `position`, or (position -1) an expression over FROM.
 */
typedef struct cni_bind_order {
    int32_t position;
    const cni_expr *expr;
    bool descending;
    bool nulls_first;
} cni_bind_order;

/* Keys of `query`: positions and output names first, then expressions through `names` (NULL = only
 * outputs may be named, as behind a set operation). */
CN_NODISCARD cn_code cni_bind_orders(cni_binder *binder, cni_bind_names *names,
                                     const cni_sql_query *query, const cni_bind_items *outputs,
                                     cni_bind_order **out_orders, int32_t *out_n_orders,
                                     cn_error *err);
/* LIMIT and OFFSET of `query` over `input`; itself when there is neither. */
CN_NODISCARD cn_code cni_bind_limit(cni_binder *binder, const cni_sql_query *query,
                                    const cni_plan *input, const cni_plan **out_plan,
                                    cn_error *err);
/* SORT by output columns of `input`; itself when n_orders is 0. */
CN_NODISCARD cn_code cni_bind_sort_outputs(cni_binder *binder, const cni_plan *input,
                                           const cni_bind_order *orders, int32_t n_orders,
                                           const cni_plan **out_plan, cn_error *err);

/* A SELECT with the tail of the query around it. */
CN_NODISCARD cn_code cni_bind_select(cni_binder *binder, const cni_bind_around *around,
                                     const cni_sql_query *query, const cni_plan **out_plan,
                                     cn_error *err);

#endif /* CNI_SQL_BIND_SELECT_INT_H */
