/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows of one SELECT. A function with OVER becomes a column where it stands, drawn at once; what
 * it is made of waits in the SELECT's list until the grouping is known, is rewritten over it, and
 * then becomes WINDOW nodes between HAVING and the select list:
 *
 *   one node per specification (partition keys and order); the one with most keys lowest, and right
 *   above each those whose keys are the first of its own, which need no sort of their own then
 *
 * Functions and frames are in bind_window_call.c.
 */
#include "sql/bind/bind_select_int.h"

/* ---- parts ---- */

static void
move_part(const cni_expr **part, const cni_expr **exprs, int32_t *inout_at, bool back)
{
    *(back ? part : &exprs[*inout_at]) = back ? exprs[*inout_at] : *part;
    ++*inout_at;
}

int32_t
cni_bind_window_parts(const cni_list *windows, const cni_expr **exprs, bool back)
{
    int32_t n = 0;
    for (int64_t at = 0; at < windows->n_items; at++) {
        cni_bind_window *window = windows->items[at];
        for (int32_t arg = 0; arg < window->function.n_args; arg++) {
            move_part(&window->args[arg], exprs, &n, back);
        }
        if (window->filter != NULL) {
            move_part(&window->filter, exprs, &n, back);
        }
        for (int32_t order = 0; order < window->n_call_orders; order++) {
            move_part(&window->call_orders[order].expr, exprs, &n, back);
        }
        for (int32_t key = 0; key < window->n_partitions; key++) {
            move_part(&window->partitions[key], exprs, &n, back);
        }
        for (int32_t order = 0; order < window->n_orders; order++) {
            move_part(&window->orders[order].expr, exprs, &n, back);
        }
    }
    return n;
}

int32_t
cni_bind_count_window_parts(const cni_list *windows)
{
    int32_t n = 0;
    for (int64_t at = 0; at < windows->n_items; at++) {
        const cni_bind_window *window = windows->items[at];
        n += window->function.n_args + 1 + window->n_call_orders + window->n_partitions +
             window->n_orders;
    }
    return n;
}

typedef struct window_search {
    const cni_list *windows;
    const cni_expr *found;
} window_search;

static bool
see_window(void *state, const cni_expr *expr)
{
    window_search *self = state;
    for (int64_t at = 0; expr->kind == CNI_EXPR_COLUMN && at < self->windows->n_items; at++) {
        const cni_bind_window *window = self->windows->items[at];
        self->found = window->column_id == expr->column_id ? expr : self->found;
    }
    return self->found == NULL;
}

const cni_expr *
cni_bind_find_window(const cni_list *windows, const cni_expr *expr)
{
    window_search search = {windows, NULL};
    cni_expr_walk(expr, see_window, &search);
    return search.found;
}

/* ---- nodes ---- */

bool
cni_bind_orders_equal(const cni_order *a, const cni_order *b, int32_t n_orders)
{
    for (int32_t order = 0; order < n_orders; order++) {
        if (a[order].descending != b[order].descending ||
            a[order].nulls_first != b[order].nulls_first ||
            !cni_expr_equal(a[order].expr, b[order].expr)) {
            return false;
        }
    }
    return true;
}

static bool
same_window(const cni_bind_window *a, const cni_bind_window *b)
{
    bool same = a->is_late == b->is_late && a->n_partitions == b->n_partitions &&
                a->n_orders == b->n_orders &&
                cni_bind_orders_equal(a->orders, b->orders, a->n_orders);
    for (int32_t key = 0; same && key < a->n_partitions; key++) {
        same = cni_expr_equal(a->partitions[key], b->partitions[key]);
    }
    return same;
}

static int32_t
count_keys(const cni_bind_window *window)
{
    return window->n_partitions + window->n_orders;
}

static const cni_expr *
key_at(const cni_bind_window *window, int32_t key)
{
    return key < window->n_partitions ? window->partitions[key]
                                      : window->orders[key - window->n_partitions].expr;
}

/* Whether all keys of `a` are the first keys of `b`. */
static bool
is_prefix(const cni_bind_window *a, const cni_bind_window *b)
{
    bool prefix = count_keys(a) <= count_keys(b);
    for (int32_t key = 0; prefix && key < count_keys(a); key++) {
        prefix = cni_expr_equal(key_at(a, key), key_at(b, key));
    }
    return prefix;
}

/* The one without a node that has most keys, of those that are prefixes of `below` if there are any
 * (NULL = none); late ones last; NULL = all have a node. */
static cni_bind_window *
choose_of(const cni_list *windows, const cni_bind_window *below, bool late)
{
    cni_bind_window *best = NULL;
    for (int64_t at = 0; at < windows->n_items; at++) {
        cni_bind_window *window = windows->items[at];
        const bool fits = !window->placed && window->is_late == late &&
                          (below == NULL || is_prefix(window, below));
        if (fits && (best == NULL || count_keys(window) > count_keys(best))) {
            best = window;
        }
    }
    return best;
}

static cni_bind_window *
choose_next(const cni_list *windows, const cni_bind_window *below)
{
    cni_bind_window *best = below == NULL ? NULL : choose_of(windows, below, false);
    best = best == NULL ? choose_of(windows, NULL, false) : best;
    return best == NULL ? choose_of(windows, NULL, true) : best;
}

static cn_code
make_function(cni_binder *binder, const cni_bind_window *window, const cni_expr **out_expr,
              cn_error *err)
{
    cni_expr node = window->function;
    node.args = window->args;
    if (node.call != NULL) {
        cni_call_clauses *call = NULL;
        CN_TRY(CN_ARENA_NEW(binder->arena, &call, err));
        *call = *node.call;
        call->filter = window->filter;
        call->orders = window->call_orders;
        call->n_orders = window->n_call_orders;
        node.call = call;
    }
    return cni_expr_new(binder->arena, &node, out_expr, err);
}

/* The functions of one specification; their columns get the ids that were drawn for them. */
static cn_code
add_node(cni_binder *binder, const cni_list *windows, cni_bind_window *first,
         const cni_plan **inout_plan, cn_error *err)
{
    const cni_expr **functions = NULL;
    int32_t *ids = NULL;
    int32_t n = 0;
    const cni_plan *node = NULL;
    cni_column *columns = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, windows->n_items, (int64_t)sizeof(*functions),
                                 &functions, err));
    CN_TRY(
        cni_arena_alloc_array(binder->arena, windows->n_items, (int64_t)sizeof(*ids), &ids, err));
    for (int64_t at = 0; at < windows->n_items; at++) {
        cni_bind_window *window = windows->items[at];
        if (!window->placed && same_window(window, first)) {
            window->placed = true;
            CN_TRY(make_function(binder, window, &functions[n], err));
            ids[n++] = window->column_id;
        }
    }
    CN_TRY(cni_plan_window(&binder->builder, *inout_plan, first->partitions, first->n_partitions,
                           first->orders, first->n_orders, functions, n, &node, err));
    CN_TRY(cni_arena_alloc_array(binder->arena, node->n_columns, (int64_t)sizeof(*columns),
                                 &columns, err));
    for (int32_t column = 0; column < node->n_columns; column++) {
        columns[column] = node->columns[column];
        if (column >= node->n_columns - n) {
            columns[column].id = ids[column - (node->n_columns - n)];
        }
    }
    cni_plan changed = *node;
    changed.columns = columns;
    return cni_plan_new(&binder->builder, &changed, inout_plan, err);
}

cn_code
cni_bind_window_nodes(cni_binder *binder, const cni_list *windows, const cni_plan *input,
                      const cni_plan **out_plan, cn_error *err)
{
    const cni_bind_window *below = NULL;
    *out_plan = input;
    for (cni_bind_window *next = choose_next(windows, below); next != NULL;
         next = choose_next(windows, below)) {
        below = below != NULL && is_prefix(next, below) ? below : next;
        CN_TRY(add_node(binder, windows, next, out_plan, err));
    }
    return CN_OK;
}
