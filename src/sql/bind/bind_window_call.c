/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions with OVER: what their window is (OVER name, inheritance), what their frame is, and what
 * they are made of.
 *
 *   ROW_NUMBER, RANK, DENSE_RANK   functions of the WINDOW node
 *   aggregates                     over the whole partition; other frames are refused by name
 *   FIRST_VALUE, LAST_VALUE        the aggregates first and last in the window's order
 *   PERCENT_RANK, CUME_DIST, NTILE expressions over ranks and counts of the partition
 *   LAG, LEAD, NTH_VALUE           VALUE_AT over the row numbers, a function of a node above theirs
 */
#include "sql/bind/bind_select_int.h"

/* A window as the text says, inheritance followed. */
typedef struct window_text {
    const cni_sql_expr_list *partitions;
    const cni_sql_order_list *orders;
    const cni_sql_window *frame; /* the definition that has the frame, or may have it */
    int64_t offset;
    int64_t length;
} window_text;

/* A window over the input. */
typedef struct window_spec {
    int32_t n_partitions;
    const cni_expr **partitions;
    int32_t n_orders;
    cni_order *orders;
    window_text text;
} window_spec;

/* ---- places ---- */

static cn_code
check_place(const cni_bind_names *names, const cni_sql_expr *expr, cn_error *err)
{
    static const char *const places[] = {
        [CNI_CLAUSE_SELECT] = "this place",  [CNI_CLAUSE_HAVING] = "HAVING",
        [CNI_CLAUSE_ORDER] = "this place",   [CNI_CLAUSE_WHERE] = "WHERE",
        [CNI_CLAUSE_GROUP] = "GROUP BY",     [CNI_CLAUSE_ON] = "JOIN conditions",
        [CNI_CLAUSE_FROM] = "FROM",          [CNI_CLAUSE_VALUES] = "VALUES",
        [CNI_CLAUSE_CONSTANT] = "this place"};
    const int64_t offset = expr->node.offset;
    const int64_t length = expr->node.length;
    if (names->in_aggregate) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42803", offset, length,
                             "aggregate calls cannot contain window function calls");
    }
    if (names->in_window) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P20", offset, length,
                             "window function calls cannot be nested");
    }
    return names->windows != NULL
               ? CN_OK
               : cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P20", offset, length,
                               "window functions are not allowed in %s", places[names->clause]);
}

/* ---- windows ---- */

/* The definition before number `end` of the WINDOW clause; NULL = there is none. */
static const cni_sql_window *
find_definition(const cni_sql_select *select, const cni_sql_ident *name, int32_t end,
                int32_t *out_number)
{
    for (int32_t pass = 0; pass < 2; pass++) {
        for (int32_t at = 0; at < end; at++) {
            if (cni_bind_name_matches(name, select->windows[at].name.text, pass == 0)) {
                *out_number = at;
                return &select->windows[at];
            }
        }
    }
    return NULL;
}

/* A window with a base may add an order and a frame, if the base has none; a bare name is the base
 * as it is. */
static cn_code
check_inheritance(const cni_sql_window *window, const window_text *base, cn_error *err)
{
    const char *what = NULL;
    if (window->bare) {
        return CN_OK;
    }
    if (window->partitions.n_items > 0) {
        what = "PARTITION BY cannot be said again";
    } else if (window->orders.n_items > 0 && base->orders->n_items > 0) {
        what = "it has an ORDER BY already";
    } else if (base->frame->frame_unit != CNI_SQL_FRAME_NONE) {
        what = "it has a frame";
    }
    return what == NULL ? CN_OK
                        : cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P20", window->offset,
                                        window->length, "cannot extend window \"%.*s\": %s",
                                        CNI_STR_ARGS(window->base.text), what);
}

/* Bases stand earlier in the WINDOW clause, so that their chain ends. */
static cn_code
follow(const cni_sql_select *select, const cni_sql_window *window, int32_t end,
       window_text *out_text, cn_error *err)
{
    const cni_sql_window *chain = window;
    *out_text = (window_text){.partitions = &window->partitions,
                              .orders = &window->orders,
                              .frame = window,
                              .offset = window->offset,
                              .length = window->length};
    if (chain->base.text.data == NULL) {
        return CN_OK;
    }
    window_text base;
    const cni_sql_window *found = find_definition(select, &window->base, end, &end);
    if (found == NULL) {
        return cni_bind_fail(err, CN_NOT_FOUND, "42704", window->base.offset, window->base.length,
                             "window \"%.*s\" does not exist", CNI_STR_ARGS(window->base.text));
    }
    CN_TRY(follow(select, found, end, &base, err));
    CN_TRY(check_inheritance(window, &base, err));
    out_text->partitions = base.partitions;
    out_text->orders = window->orders.n_items > 0 ? &window->orders : base.orders;
    out_text->frame = window->bare ? base.frame : window;
    return CN_OK;
}

static bool
is_key(const window_spec *spec, const cni_expr *expr)
{
    bool found = expr->kind == CNI_EXPR_LITERAL;
    for (int32_t key = 0; !found && key < spec->n_partitions; key++) {
        found = cni_expr_equal(spec->partitions[key], expr);
    }
    for (int32_t order = 0; !found && order < spec->n_orders; order++) {
        found = cni_expr_equal(spec->orders[order].expr, expr);
    }
    return found;
}

/* Constants and what was said before decide nothing. */
static cn_code
bind_spec(cni_bind_names *names, const window_text *text, window_spec *out, cn_error *err)
{
    const cni_expr **partitions = NULL;
    cni_order *orders = NULL;
    *out = (window_spec){.text = *text};
    CN_TRY(cni_bind_exprs(names, text->partitions->items, text->partitions->n_items, &partitions,
                          err));
    CN_TRY(cni_bind_order_keys(names, text->orders, &orders, err));
    out->partitions = partitions;
    out->orders = orders;
    for (int32_t key = 0; key < text->partitions->n_items; key++) {
        if (!is_key(out, partitions[key])) {
            out->partitions[out->n_partitions++] = partitions[key];
        }
    }
    for (int32_t order = 0; order < text->orders->n_items; order++) {
        if (!is_key(out, orders[order].expr)) {
            out->orders[out->n_orders++] = orders[order];
        }
    }
    return CN_OK;
}

cn_code
cni_bind_window_clause(cni_bind_names *names, cn_error *err)
{
    const cni_sql_select *select = names->select;
    cni_bind_names inside = *names;
    inside.in_window = true;
    for (int32_t at = 0; at < select->n_windows; at++) {
        const cni_sql_window *window = &select->windows[at];
        int32_t before = 0;
        window_text text;
        window_spec spec;
        if (find_definition(select, &window->name, at, &before) != NULL) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P20", window->name.offset,
                                 window->name.length, "window \"%.*s\" is already defined",
                                 CNI_STR_ARGS(window->name.text));
        }
        CN_TRY(follow(select, window, at, &text, err));
        CN_TRY(bind_spec(&inside, &text, &spec, err));
    }
    return CN_OK;
}

/* ---- frames ---- */

/* Whether every row's frame is its whole partition. Without an order all rows are peers. */
static bool
is_whole(const window_spec *spec)
{
    const cni_sql_window *frame = spec->text.frame;
    const bool has_order = spec->text.orders->n_items > 0;
    const bool by_rows = frame->frame_unit == CNI_SQL_FRAME_ROWS;
    if (frame->frame_unit == CNI_SQL_FRAME_NONE) {
        return !has_order;
    }
    const bool from_start =
        frame->frame_start == CNI_SQL_BOUND_UNBOUNDED_PRECEDING ||
        (!by_rows && !has_order && frame->frame_start == CNI_SQL_BOUND_CURRENT_ROW);
    const bool to_end = frame->frame_end == CNI_SQL_BOUND_UNBOUNDED_FOLLOWING ||
                        (!by_rows && !has_order && frame->frame_end == CNI_SQL_BOUND_CURRENT_ROW);
    return from_start && to_end && frame->frame_exclude == CNI_SQL_EXCLUDE_NONE;
}

/* Whether the frame of every row begins (ends) where its partition does and has the row. */
static bool
begins_whole(const window_spec *spec)
{
    const cni_sql_window *frame = spec->text.frame;
    return frame->frame_unit == CNI_SQL_FRAME_NONE || is_whole(spec) ||
           (frame->frame_start == CNI_SQL_BOUND_UNBOUNDED_PRECEDING &&
            frame->frame_end == CNI_SQL_BOUND_CURRENT_ROW &&
            frame->frame_exclude == CNI_SQL_EXCLUDE_NONE);
}

static bool
ends_whole(const window_spec *spec)
{
    const cni_sql_window *frame = spec->text.frame;
    return is_whole(spec) || (frame->frame_unit != CNI_SQL_FRAME_NONE &&
                              frame->frame_start == CNI_SQL_BOUND_CURRENT_ROW &&
                              frame->frame_end == CNI_SQL_BOUND_UNBOUNDED_FOLLOWING &&
                              frame->frame_exclude == CNI_SQL_EXCLUDE_NONE);
}

static cn_code
refuse_frame(const window_spec *spec, cn_error *err)
{
    return cni_bind_refuse(err, spec->text.offset, spec->text.length,
                           spec->text.frame->frame_unit == CNI_SQL_FRAME_NONE
                               ? "running aggregates (ORDER BY in a window without a frame over "
                                 "the whole partition)"
                               : "window frames other than the whole partition");
}

/* ---- functions ---- */

/* A call in the making. */
typedef struct window_call {
    cni_bind_names *names;  /* of where it stands */
    cni_bind_names *inside; /* for its parts */
    const cni_sql_expr *expr;
    window_spec spec;
} window_call;

static bool
windows_equal(const cni_bind_window *a, const cni_bind_window *b)
{
    const cni_call_clauses *x = a->function.call;
    const cni_call_clauses *y = b->function.call;
    bool same = a->function.kind == b->function.kind &&
                a->function.function == b->function.function &&
                a->function.n_args == b->function.n_args && (x == NULL) == (y == NULL) &&
                cni_type_equal(a->function.type, b->function.type) &&
                a->n_partitions == b->n_partitions && a->n_orders == b->n_orders &&
                a->n_call_orders == b->n_call_orders && (a->filter == NULL) == (b->filter == NULL);
    same = same &&
           (x == NULL || (x->distinct == y->distinct && x->ignore_nulls == y->ignore_nulls)) &&
           (a->filter == NULL || cni_expr_equal(a->filter, b->filter));
    for (int32_t arg = 0; same && arg < a->function.n_args; arg++) {
        same = cni_expr_equal(a->args[arg], b->args[arg]) && !cni_expr_is_volatile(a->args[arg]);
    }
    for (int32_t key = 0; same && key < a->n_partitions; key++) {
        same = cni_expr_equal(a->partitions[key], b->partitions[key]);
    }
    return same && a->is_late == b->is_late &&
           cni_bind_orders_equal(a->orders, b->orders, a->n_orders) &&
           cni_bind_orders_equal(a->call_orders, b->call_orders, a->n_call_orders);
}

/* Orders as the list of windows may change them. */
static cn_code
copy_orders(cni_binder *binder, const cni_order *orders, int32_t n_orders, cni_order **out_orders,
            cn_error *err)
{
    CN_TRY(cni_arena_alloc_array(binder->arena, n_orders, (int64_t)sizeof(**out_orders), out_orders,
                                 err));
    for (int32_t order = 0; order < n_orders; order++) {
        (*out_orders)[order] = orders[order];
    }
    return CN_OK;
}

static cn_code
copy_exprs(cni_binder *binder, const cni_expr *const *exprs, int32_t n_exprs,
           const cni_expr ***out_exprs, cn_error *err)
{
    CN_TRY(cni_arena_alloc_array(binder->arena, n_exprs, (int64_t)sizeof(**out_exprs), out_exprs,
                                 err));
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        (*out_exprs)[expr] = exprs[expr];
    }
    return CN_OK;
}

/* No part may name a window function, also not by the name of an output. */
static cn_code
check_parts(cni_binder *binder, const cni_list *windows, cni_bind_window *window, cn_error *err)
{
    void *item = window;
    const cni_list one = {.items = &item, .n_items = 1, .cap_items = 1};
    const cni_expr **parts = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, cni_bind_count_window_parts(&one),
                                 (int64_t)sizeof(*parts), &parts, err));
    const int32_t n = cni_bind_window_parts(&one, parts, false);
    for (int32_t at = 0; at < n; at++) {
        const cni_expr *found = cni_bind_find_window(windows, parts[at]);
        if (found != NULL) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P20", found->sql_offset,
                                 found->sql_length, "window function calls cannot be nested");
        }
    }
    return CN_OK;
}

/* The column of the function over the window: of an equal one that is there, or a new one. */
static cn_code
add_window(const window_call *self, const cni_expr *function, const window_spec *spec, bool is_late,
           const cni_expr **out_expr, cn_error *err)
{
    cni_binder *binder = self->names->binder;
    cni_list *windows = self->names->windows;
    cni_bind_window *made = NULL;
    cni_bind_window *known = NULL;
    CN_TRY(CN_ARENA_NEW(binder->arena, &made, err));
    made->function = *function;
    CN_TRY(copy_exprs(binder, function->args, function->n_args, &made->args, err));
    CN_TRY(copy_exprs(binder, spec->partitions, spec->n_partitions, &made->partitions, err));
    CN_TRY(copy_orders(binder, spec->orders, spec->n_orders, &made->orders, err));
    made->n_partitions = spec->n_partitions;
    made->n_orders = spec->n_orders;
    made->is_late = is_late;
    if (function->call != NULL) {
        made->filter = function->call->filter;
        made->n_call_orders = function->call->n_orders;
        CN_TRY(copy_orders(binder, function->call->orders, made->n_call_orders, &made->call_orders,
                           err));
    }
    if (!is_late) {
        CN_TRY(check_parts(binder, windows, made, err));
    }
    for (int64_t at = 0; at < windows->n_items && known == NULL; at++) {
        cni_bind_window *other = windows->items[at];
        known = windows_equal(other, made) ? other : NULL;
    }
    if (known == NULL) {
        known = made;
        known->column_id = binder->builder.next_column_id++;
        CN_TRY(cni_list_push(binder->arena, windows, known, err));
    }
    const cni_expr *column = NULL;
    CN_TRY(cni_expr_column(binder->arena, known->column_id, function->type, &column, err));
    return cni_bind_place(binder, column, self->expr->node.offset, self->expr->node.length,
                          out_expr, err);
}

/* One of the functions that the WINDOW node has, without arguments. */
static cn_code
add_rank(const window_call *self, const char *name, const cni_expr **out_expr, cn_error *err)
{
    const int64_t offset = self->expr->node.offset;
    cni_expr node = {.kind = CNI_EXPR_WINDOW};
    CN_TRY(cni_bind_resolve(self->names->binder, cni_str_of(name), CNI_FUNCTION_WINDOW, NULL, 0,
                            offset, self->expr->node.length, &node, err));
    return add_window(self, &node, &self->spec, false, out_expr, err);
}

/* An aggregate over the whole partition. Where the order of rows counts it is the window's. */
static cn_code
add_aggregate(const window_call *self, cni_str name, const cni_expr *const *args, int32_t n_args,
              const cni_call_clauses *clauses, bool in_order, const cni_expr **out_expr,
              cn_error *err)
{
    cni_binder *binder = self->names->binder;
    cni_expr node = {.kind = CNI_EXPR_AGGREGATE, .call = clauses};
    window_spec whole = self->spec;
    CN_TRY(cni_bind_resolve(binder, name, CNI_FUNCTION_AGGREGATE, args, n_args,
                            self->expr->node.offset, self->expr->node.length, &node, err));
    whole.n_orders = 0;
    if ((in_order || node.function->order_sensitive) && self->spec.n_orders > 0 &&
        (clauses == NULL || clauses->n_orders == 0)) {
        cni_call_clauses *ordered = NULL;
        CN_TRY(CN_ARENA_NEW(binder->arena, &ordered, err));
        *ordered = clauses == NULL ? (cni_call_clauses){0} : *clauses;
        ordered->n_orders = self->spec.n_orders;
        ordered->orders = self->spec.orders;
        node.call = ordered;
    }
    return add_window(self, &node, &whole, false, out_expr, err);
}

/* Rows of the partition, or of its rows with equal order keys too. */
static cn_code
add_count(const window_call *self, bool of_peers, const cni_expr **out_expr, cn_error *err)
{
    cni_binder *binder = self->names->binder;
    window_call peers = *self;
    window_spec *spec = &peers.spec;
    const cni_expr **keys = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, (int64_t)spec->n_partitions + spec->n_orders,
                                 (int64_t)sizeof(*keys), &keys, err));
    for (int32_t key = 0; key < spec->n_partitions; key++) {
        keys[key] = spec->partitions[key];
    }
    for (int32_t order = 0; of_peers && order < spec->n_orders; order++) {
        keys[spec->n_partitions + order] = spec->orders[order].expr;
    }
    spec->partitions = keys;
    spec->n_partitions += of_peers ? spec->n_orders : 0;
    spec->n_orders = 0;
    return add_aggregate(&peers, CNI_STR("count"), NULL, 0, NULL, false, out_expr, err);
}

/* ---- expressions over them ---- */

static cn_code
binary(const window_call *self, const char *op, const cni_expr *a, const cni_expr *b,
       const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *const args[] = {a, b};
    return cni_bind_function(self->names->binder, cni_str_of(op), args, 2, self->expr->node.offset,
                             self->expr->node.length, out_expr, err);
}

static cn_code
integer(const window_call *self, int64_t number, const cni_expr **out_expr, cn_error *err)
{
    const cni_value value = {.type = cni_type_of(CNI_TYPE_INT64), .as.i64 = number};
    return cni_expr_literal(self->names->binder->arena, &value, out_expr, err);
}

static cn_code
plus(const window_call *self, const cni_expr *expr, int64_t number, const cni_expr **out_expr,
     cn_error *err)
{
    const cni_expr *literal = NULL;
    CN_TRY(integer(self, number, &literal, err));
    return binary(self, "+", expr, literal, out_expr, err);
}

static cn_code
as_double(const window_call *self, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    return cni_expr_cast(self->names->binder->arena, expr, cni_type_of(CNI_TYPE_FLOAT64), false,
                         out_expr, err);
}

/* CASE WHEN a op b THEN value ELSE otherwise END. */
static cn_code
choose(const window_call *self, cni_compare_op op, const cni_expr *a, const cni_expr *b,
       const cni_expr *value, const cni_expr *otherwise, const cni_expr **out_expr, cn_error *err)
{
    cni_arena *arena = self->names->binder->arena;
    const cni_expr *condition = NULL;
    CN_ASSERT(value != NULL);
    CN_TRY(cni_expr_compare(arena, op, a, b, &condition, err));
    const cni_expr *const args[] = {condition, value, otherwise};
    const cni_expr node = {.kind = CNI_EXPR_CASE,
                           .type = value->type,
                           .n_args = 3,
                           .args = args,
                           .sql_offset = self->expr->node.offset,
                           .sql_length = self->expr->node.length};
    return cni_expr_new(arena, &node, out_expr, err);
}

/* (rank - 1) / (count - 1), 0 for one row. */
static cn_code
bind_percent_rank(const window_call *self, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *rank = NULL;
    const cni_expr *count = NULL;
    const cni_expr *zero = NULL;
    const cni_expr *one = NULL;
    const cni_expr *share = NULL;
    CN_TRY(add_rank(self, "rank", &rank, err));
    CN_TRY(add_count(self, false, &count, err));
    CN_TRY(integer(self, 1, &one, err));
    CN_TRY(integer(self, 0, &zero, err));
    const cni_expr *const condition = count;
    CN_TRY(plus(self, rank, -1, &rank, err));
    CN_TRY(plus(self, count, -1, &count, err));
    CN_TRY(as_double(self, rank, &rank, err));
    CN_TRY(as_double(self, count, &count, err));
    CN_TRY(as_double(self, zero, &zero, err));
    CN_TRY(binary(self, "/", rank, count, &share, err));
    return choose(self, CNI_LE, condition, one, zero, share, out_expr, err);
}

/* (rank + peers - 1) / count. */
static cn_code
bind_cume_dist(const window_call *self, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *rank = NULL;
    const cni_expr *peers = NULL;
    const cni_expr *count = NULL;
    CN_TRY(add_rank(self, "rank", &rank, err));
    CN_TRY(add_count(self, true, &peers, err));
    CN_TRY(add_count(self, false, &count, err));
    CN_TRY(binary(self, "+", rank, peers, &rank, err));
    CN_TRY(plus(self, rank, -1, &rank, err));
    CN_TRY(as_double(self, rank, &rank, err));
    CN_TRY(as_double(self, count, &count, err));
    return binary(self, "/", rank, count, out_expr, err);
}

/* Of `count` rows the first `count % n` buckets have one more than `count // n`. */
static cn_code
bind_ntile(const window_call *self, const cni_expr *n, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *number = NULL;
    const cni_expr *count = NULL;
    const cni_expr *size = NULL;
    const cni_expr *n_long = NULL;
    const cni_expr *in_long = NULL;
    const cni_expr *inside = NULL;
    const cni_expr *behind = NULL;
    const cni_expr *longer = NULL;
    CN_TRY(add_rank(self, "row_number", &number, err));
    CN_TRY(add_count(self, false, &count, err));
    CN_TRY(plus(self, number, -1, &number, err));
    CN_TRY(binary(self, "/", count, n, &size, err));
    CN_TRY(binary(self, "%", count, n, &n_long, err));
    CN_TRY(plus(self, size, 1, &longer, err));
    CN_TRY(binary(self, "*", n_long, longer, &in_long, err));
    CN_TRY(binary(self, "/", number, longer, &inside, err));
    CN_TRY(plus(self, inside, 1, &inside, err));
    CN_TRY(binary(self, "-", number, in_long, &behind, err));
    CN_TRY(binary(self, "/", behind, size, &behind, err));
    CN_TRY(binary(self, "+", behind, n_long, &behind, err));
    CN_TRY(plus(self, behind, 1, &behind, err));
    return choose(self, CNI_LT, number, in_long, inside, behind, out_expr, err);
}

static bool
is_integer(const cni_expr *expr)
{
    const uint8_t id = expr->type->id;
    return expr->kind == CNI_EXPR_LITERAL && !expr->literal->is_null &&
           (id == CNI_TYPE_INT32 || id == CNI_TYPE_INT64);
}

static cn_code
bind_bucket(const window_call *self, const cni_expr *written, const cni_expr **out_expr,
            cn_error *err)
{
    const cni_expr *n = NULL;
    if (!is_integer(written)) {
        return cni_bind_refuse(err, self->expr->node.offset, self->expr->node.length,
                               "arguments of ntile that are not constant numbers");
    }
    if (written->literal->as.i64 <= 0) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "22014", self->expr->node.offset,
                             self->expr->node.length, "ntile needs a number greater than 0");
    }
    CN_TRY(integer(self, written->literal->as.i64, &n, err));
    return bind_ntile(self, n, out_expr, err);
}

/* ---- rows by number ---- */

/* x of the row of the partition whose number is `wanted`, else `otherwise`. */
static cn_code
add_value_at(const window_call *self, const cni_expr *x, const cni_expr *number,
             const cni_expr *wanted, const cni_expr *otherwise, const cni_expr **out_expr,
             cn_error *err)
{
    const cni_expr *const args[] = {x, number, wanted, otherwise};
    cni_expr node = {.kind = CNI_EXPR_WINDOW};
    window_spec whole = self->spec;
    CN_TRY(cni_bind_resolve(self->names->binder, CNI_STR("value_at"), CNI_FUNCTION_WINDOW, args, 4,
                            self->expr->node.offset, self->expr->node.length, &node, err));
    for (int32_t arg = 0; arg < 4; arg += 3) { /* of the user's: x, otherwise */
        const cni_expr *window = cni_bind_find_window(self->names->windows, args[arg]);
        if (window != NULL) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P20", window->sql_offset,
                                 window->sql_length, "window function calls cannot be nested");
        }
    }
    whole.n_orders = 0;
    return add_window(self, &node, &whole, true, out_expr, err);
}

static cn_code
null_of(const window_call *self, const cni_type *type, const cni_expr **out_expr, cn_error *err)
{
    const cni_value value = {.type = type, .is_null = true};
    return cni_expr_literal(self->names->binder->arena, &value, out_expr, err);
}

/* The number that the written argument is; `what` are refused. */
static cn_code
constant_number(const window_call *self, const cni_expr *written, const char *what,
                int64_t *out_number, cn_error *err)
{
    if (!is_integer(written)) {
        return cni_bind_refuse(err, self->expr->node.offset, self->expr->node.length, what);
    }
    *out_number = written->literal->as.i64;
    return CN_OK;
}

static cn_code
bind_away(const window_call *self, const cni_expr *node, const cni_expr *const *args, bool before,
          const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *number = NULL;
    const cni_expr *wanted = NULL;
    const cni_expr *otherwise = NULL;
    int64_t n_away = 1;
    if (node->n_args > 1) {
        CN_TRY(constant_number(
            self, args[1], "offsets of lag and lead that are not constant numbers", &n_away, err));
    }
    if (n_away < -INT32_MAX || n_away > INT32_MAX) {
        return cni_bind_refuse(err, self->expr->node.offset, self->expr->node.length,
                               "offsets of lag and lead beyond the range of INTEGER");
    }
    CN_TRY(add_rank(self, "row_number", &number, err));
    CN_TRY(plus(self, number, before ? -n_away : n_away, &wanted, err));
    CN_TRY(null_of(self, node->type, &otherwise, err));
    return add_value_at(self, node->args[0], number, wanted,
                        node->n_args > 2 ? node->args[2] : otherwise, out_expr, err);
}

/* Where the frame ends with the current row, or its peers, it must have the row. */
static cn_code
bind_nth_value(const window_call *self, const cni_expr *node, const cni_expr *const *args,
               const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *number = NULL;
    const cni_expr *last = NULL;
    const cni_expr *peers = NULL;
    const cni_expr *wanted = NULL;
    const cni_expr *null = NULL;
    const cni_expr *value = NULL;
    int64_t n = 0;
    CN_TRY(constant_number(self, args[1], "arguments of nth_value that are not constant numbers",
                           &n, err));
    if (n <= 0) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "22016", self->expr->node.offset,
                             self->expr->node.length, "nth_value needs a number greater than 0");
    }
    if (!begins_whole(&self->spec)) {
        return refuse_frame(&self->spec, err);
    }
    CN_TRY(add_rank(self, "row_number", &number, err));
    CN_TRY(integer(self, n, &wanted, err));
    CN_TRY(null_of(self, node->type, &null, err));
    CN_TRY(add_value_at(self, node->args[0], number, wanted, null, &value, err));
    if (is_whole(&self->spec)) {
        *out_expr = value;
        return CN_OK;
    }
    last = number;
    if (self->spec.text.frame->frame_unit != CNI_SQL_FRAME_ROWS) {
        CN_TRY(add_rank(self, "rank", &last, err));
        CN_TRY(add_count(self, true, &peers, err));
        CN_TRY(binary(self, "+", last, peers, &last, err));
        CN_TRY(plus(self, last, -1, &last, err));
    }
    return choose(self, CNI_GE, last, wanted, value, null, out_expr, err);
}

/* ---- by kind ---- */

static cn_code
refuse_clauses(const cni_sql_expr *expr, bool nulls_too, cn_error *err)
{
    const cni_sql_call *call = expr->call;
    const bool said = call->distinct || call->filter != NULL || call->orders.n_items > 0 ||
                      call->within.n_items > 0 || call->star ||
                      (nulls_too && call->null_treatment == CNI_SQL_IGNORE_NULLS);
    return !said
               ? CN_OK
               : cni_bind_fail(err, CN_INVALID_ARGUMENT, "42809", expr->node.offset,
                               expr->node.length,
                               "DISTINCT, FILTER, ORDER BY, IGNORE NULLS and * do not go with the "
                               "window function %.*s",
                               CNI_STR_ARGS(expr->name->parts[expr->name->n_parts - 1].text));
}

/* The first or last row's value, as an aggregate. */
static cn_code
bind_end_value(const window_call *self, const cni_expr *const *args, bool is_first,
               const cni_expr **out_expr, cn_error *err)
{
    const bool ignores = self->expr->call->null_treatment == CNI_SQL_IGNORE_NULLS;
    const bool fits = ignores ? is_whole(&self->spec)
                              : (is_first ? begins_whole(&self->spec) : ends_whole(&self->spec));
    const cni_call_clauses *clauses = NULL;
    if (!fits) {
        return refuse_frame(&self->spec, err);
    }
    CN_TRY(cni_bind_clauses(self->inside, self->expr->call, &clauses, err));
    return add_aggregate(self, is_first ? CNI_STR("first") : CNI_STR("last"), args, 1, clauses,
                         true, out_expr, err);
}

static cn_code
bind_window_function(const window_call *self, cni_str name, const cni_expr **out_expr,
                     cn_error *err)
{
    const cni_sql_expr *expr = self->expr;
    const cni_expr **args = NULL;
    cni_expr node = {.kind = CNI_EXPR_WINDOW};
    CN_TRY(cni_bind_exprs(self->inside, expr->args, expr->n_args, &args, err));
    CN_TRY(cni_bind_resolve(self->names->binder, name, CNI_FUNCTION_WINDOW, args, expr->n_args,
                            expr->node.offset, expr->node.length, &node, err));
    const uint8_t builtin = node.function->builtin;
    const bool is_value = builtin == CNI_WINDOW_FIRST_VALUE || builtin == CNI_WINDOW_LAST_VALUE;
    CN_TRY(refuse_clauses(expr, !is_value, err));
    switch ((cni_window_builtin)builtin) {
    case CNI_WINDOW_PERCENT_RANK:
        return bind_percent_rank(self, out_expr, err);
    case CNI_WINDOW_CUME_DIST:
        return bind_cume_dist(self, out_expr, err);
    case CNI_WINDOW_NTILE:
        return bind_bucket(self, args[0], out_expr, err);
    case CNI_WINDOW_FIRST_VALUE:
    case CNI_WINDOW_LAST_VALUE:
        return bind_end_value(self, args, builtin == CNI_WINDOW_FIRST_VALUE, out_expr, err);
    case CNI_WINDOW_LAG:
    case CNI_WINDOW_LEAD:
        return bind_away(self, &node, args, builtin == CNI_WINDOW_LAG, out_expr, err);
    case CNI_WINDOW_NTH_VALUE:
        return bind_nth_value(self, &node, args, out_expr, err);
    case CNI_WINDOW_VALUE_AT:
        return cni_bind_fail(err, CN_NOT_FOUND, "42883", expr->node.offset, expr->node.length,
                             "function %.*s does not exist for queries", CNI_STR_ARGS(name));
    default:
        return add_window(self, &node, &self->spec, false, out_expr, err);
    }
}

static cn_code
bind_windowed_aggregate(const window_call *self, cni_str name, const cni_expr **out_expr,
                        cn_error *err)
{
    const cni_sql_expr *expr = self->expr;
    const int32_t n_args = expr->call->star ? 0 : expr->n_args;
    const cni_expr **args = NULL;
    const cni_call_clauses *clauses = NULL;
    if (!is_whole(&self->spec)) {
        return refuse_frame(&self->spec, err);
    }
    if (expr->call->within.n_items > 0) {
        return cni_bind_refuse(err, expr->node.offset, expr->node.length,
                               "WITHIN GROUP aggregates");
    }
    if (expr->call->star && expr->call->distinct) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", expr->node.offset,
                             expr->node.length, "DISTINCT needs an argument, not *");
    }
    CN_TRY(cni_bind_exprs(self->inside, expr->args, n_args, &args, err));
    CN_TRY(cni_bind_clauses(self->inside, expr->call, &clauses, err));
    return add_aggregate(self, name, args, n_args, clauses, false, out_expr, err);
}

cn_code
cni_bind_window_call(cni_bind_names *names, const cni_sql_expr *expr, cni_str name, uint32_t kinds,
                     const cni_expr **out_expr, cn_error *err)
{
    cni_bind_names inside = *names;
    window_call self = {.names = names, .inside = &inside, .expr = expr};
    window_text text;
    inside.in_window = true;
    CN_TRY(check_place(names, expr, err));
    if (kinds == 1) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42809", expr->node.offset,
                             expr->node.length,
                             "%.*s is neither a window function nor an aggregate function: OVER "
                             "does not go with it",
                             CNI_STR_ARGS(name));
    }
    CN_TRY(follow(names->select, expr->call->over, names->select->n_windows, &text, err));
    CN_TRY(bind_spec(&inside, &text, &self.spec, err));
    return (kinds & 2) != 0 ? bind_windowed_aggregate(&self, name, out_expr, err)
                            : bind_window_function(&self, name, out_expr, err);
}
