/* SPDX-License-Identifier: Apache-2.0
 *
 * Queries: WITH, set operations by precedence (INTERSECT before UNION and EXCEPT; a run of the same
 * operation is one flat node), the bodies SELECT, VALUES, TABLE, FROM-first and PIVOT, and the tail
 * ORDER BY, LIMIT, OFFSET, FETCH.
 *
 * A tail behind a parenthesised query belongs to that query when it has none of what the tail
 * brings; otherwise the query becomes a derived table, so that (a LIMIT 5) ORDER BY x means what it
 * says.
 */
#include "sql/parse/parser_int.h"

static cn_code
query_open(sql_parser *self, cni_sql_query_kind kind, int64_t offset, cni_sql_query **out_query,
           cn_error *err)
{
    cni_sql_query *query = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &query, err));
    query->node.node_class = CNI_SQL_CLASS_QUERY;
    query->node.offset = offset;
    query->kind = (uint8_t)kind;
    *out_query = query;
    return CN_OK;
}

/* SELECT * FROM from, as a query that may still be changed. */
static cn_code
make_star_query(sql_parser *self, const cni_sql_from *from, int64_t offset,
                cni_sql_query **out_query, cn_error *err)
{
    cni_sql_query *query = NULL;
    cni_sql_select *select = NULL;
    cni_sql_expr *expr = NULL;
    cni_sql_star *star = NULL;
    cni_sql_target *target = NULL;
    const cni_sql_from **item = NULL;
    CN_TRY(query_open(self, CNI_SQL_QUERY_SELECT, offset, &query, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &select, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &star, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &target, err));
    CN_TRY(cni_arena_alloc(self->arena, (int64_t)sizeof(const cni_sql_from *), &item, err));
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_STAR, offset, &expr, err));
    expr->star = star;
    expr->node.height = 1;
    target->expr = expr;
    *item = from;
    select->targets = (cni_sql_target_list){1, target};
    select->from = (cni_sql_from_list){1, item};
    select->implicit_star = true;
    query->select = select;
    *out_query = query;
    return cni_sql_node_close(self, &query->node, err);
}

cn_code
cni_sql_make_star_query(sql_parser *self, const cni_sql_from *from, int64_t offset,
                        const cni_sql_query **out_query, cn_error *err)
{
    cni_sql_query *query = NULL;
    CN_TRY(make_star_query(self, from, offset, &query, err));
    *out_query = query;
    return CN_OK;
}

/* ------------------------------------------------------------------------------------- WITH */

static cn_code
rule_cte_body(sql_parser *self, cni_sql_cte *inout_cte, cn_error *err)
{
    const cni_sql_token *first = cni_sql_peek(self, 1);
    if (first->keyword == KW_INSERT || first->keyword == KW_UPDATE || first->keyword == KW_DELETE ||
        first->keyword == KW_MERGE) {
        return cni_sql_refuse_at(first->offset, first->length, "a data-modifying statement in WITH",
                                 err);
    }
    CN_TRY(cni_sql_rule_paren_query(self, &inout_cte->query, err));
    if (cni_sql_at_kw2(self, KW_SEARCH, KW_BREADTH) || cni_sql_at_kw2(self, KW_SEARCH, KW_DEPTH)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length, "SEARCH in WITH", err);
    }
    if (cni_sql_at_kw(self, KW_CYCLE)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length, "CYCLE in WITH", err);
    }
    return CN_OK;
}

static cn_code
rule_cte(sql_parser *self, cni_sql_cte *out_cte, cn_error *err)
{
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &out_cte->name, err));
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        CN_TRY(cni_sql_rule_ident_list(self, &out_cte->columns, err));
    }
    if (cni_sql_accept_kw2(self, KW_USING, KW_KEY)) {
        CN_TRY(cni_sql_rule_ident_list(self, &out_cte->using_key, err));
    }
    CN_TRY(cni_sql_expect_kw(self, KW_AS, err));
    if (cni_sql_accept_kw(self, KW_MATERIALIZED)) {
        out_cte->materialized = 1;
    } else if (cni_sql_accept_kw2(self, KW_NOT, KW_MATERIALIZED)) {
        out_cte->materialized = -1;
    }
    return rule_cte_body(self, out_cte, err);
}

cn_code
cni_sql_rule_with(sql_parser *self, const cni_sql_with **out_with, cn_error *err)
{
    *out_with = NULL;
    if (!cni_sql_accept_kw(self, KW_WITH)) {
        return CN_OK;
    }
    cni_sql_with *with = NULL;
    cni_sql_vec ctes = {0};
    CN_TRY(CN_ARENA_NEW(self->arena, &with, err));
    with->recursive = cni_sql_accept_kw(self, KW_RECURSIVE);
    do {
        cni_sql_cte *cte = NULL;
        CN_TRY(CNI_SQL_ADD(self, &ctes, &cte, err));
        CN_TRY(rule_cte(self, cte, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    with->ctes = ctes.items;
    with->n_ctes = ctes.n_items;
    *out_with = with;
    return CN_OK;
}

/* ----------------------------------------------------------------------------------- SELECT */

static cn_code
rule_distinct(sql_parser *self, cni_sql_select *inout_select, cn_error *err)
{
    if (cni_sql_accept_kw(self, KW_ALL)) {
        return CN_OK;
    }
    if (!cni_sql_accept_kw(self, KW_DISTINCT)) {
        return CN_OK;
    }
    inout_select->distinct = CNI_SQL_DISTINCT_ALL;
    if (!cni_sql_accept_kw(self, KW_ON)) {
        return CN_OK;
    }
    inout_select->distinct = CNI_SQL_DISTINCT_ON;
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(cni_sql_rule_expr_list(self, &inout_select->distinct_on, err));
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

static cn_code
rule_windows(sql_parser *self, cni_sql_select *inout_select, cn_error *err)
{
    cni_sql_vec windows = {0};
    do {
        cni_sql_window *window = NULL;
        cni_sql_ident name = {0};
        CN_TRY(CNI_SQL_ADD(self, &windows, &window, err));
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &name, err));
        CN_TRY(cni_sql_expect_kw(self, KW_AS, err));
        if (!cni_sql_at(self, TOK_LEFT_PAREN)) {
            return cni_sql_syntax_error(self, err);
        }
        CN_TRY(cni_sql_rule_over(self, window, err));
        window->name = name;
    } while (cni_sql_accept(self, TOK_COMMA));
    inout_select->windows = windows.items;
    inout_select->n_windows = windows.n_items;
    return CN_OK;
}

/* WINDOW, QUALIFY and USING SAMPLE, each at most once, in any order. */
static cn_code
rule_late_clauses(sql_parser *self, cni_sql_select *inout_select, cn_error *err)
{
    for (;;) {
        if (inout_select->n_windows == 0 && cni_sql_accept_kw(self, KW_WINDOW)) {
            CN_TRY(rule_windows(self, inout_select, err));
        } else if (inout_select->qualify == NULL && cni_sql_accept_kw(self, KW_QUALIFY)) {
            CN_TRY(cni_sql_rule_expr(self, &inout_select->qualify, err));
        } else if (inout_select->sample == NULL && cni_sql_at_kw2(self, KW_USING, KW_SAMPLE)) {
            cni_sql_advance(self);
            CN_TRY(cni_sql_rule_sample(self, &inout_select->sample, err));
        } else {
            return CN_OK;
        }
    }
}

/* WHERE and all that follows in a select. */
static cn_code
rule_clauses(sql_parser *self, cni_sql_select *inout_select, cn_error *err)
{
    if (cni_sql_accept_kw(self, KW_WHERE)) {
        CN_TRY(cni_sql_rule_expr(self, &inout_select->where, err));
    }
    bool grouped = false;
    CN_TRY(cni_sql_accept_by(self, KW_GROUP, &grouped, err));
    if (grouped) {
        CN_TRY(cni_sql_rule_groups(self, inout_select, err));
    }
    if (cni_sql_accept_kw(self, KW_HAVING)) {
        CN_TRY(cni_sql_rule_expr(self, &inout_select->having, err));
    }
    return rule_late_clauses(self, inout_select, err);
}

static cn_code
rule_select_list(sql_parser *self, cni_sql_select *inout_select, cn_error *err)
{
    CN_TRY(rule_distinct(self, inout_select, err));
    if (!cni_sql_at_kw(self, KW_FROM)) {
        CN_TRY(cni_sql_rule_targets(self, &inout_select->targets, err));
    }
    if (cni_sql_at_kw(self, KW_INTO)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length,
                                 "SELECT INTO (use CREATE TABLE ... AS)", err);
    }
    return CN_OK;
}

static cn_code
rule_select(sql_parser *self, cni_sql_query **out_query, cn_error *err)
{
    cni_sql_select *select = NULL;
    CN_TRY(query_open(self, CNI_SQL_QUERY_SELECT, self->token.offset, out_query, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &select, err));
    cni_sql_advance(self);
    CN_TRY(rule_select_list(self, select, err));
    if (cni_sql_accept_kw(self, KW_FROM)) {
        CN_TRY(cni_sql_rule_from_list(self, &select->from, err));
    }
    CN_TRY(rule_clauses(self, select, err));
    (*out_query)->select = select;
    return cni_sql_node_close(self, &(*out_query)->node, err);
}

/* FROM t [SELECT ...] [WHERE ...]. */
static cn_code
rule_from_first(sql_parser *self, cni_sql_query **out_query, cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_sql_from_list from = {0};
    cni_sql_select *select = NULL;
    cni_sql_advance(self);
    CN_TRY(cni_sql_rule_from_list(self, &from, err));
    CN_TRY(make_star_query(self, from.items[0], offset, out_query, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &select, err));
    *select = *(*out_query)->select;
    select->from = from;
    if (cni_sql_accept_kw(self, KW_SELECT)) {
        select->implicit_star = false;
        CN_TRY(rule_select_list(self, select, err));
    }
    CN_TRY(rule_clauses(self, select, err));
    (*out_query)->select = select;
    return cni_sql_node_close(self, &(*out_query)->node, err);
}

/* ------------------------------------------------------------------------------ other bodies */

static cn_code
rule_values_row(sql_parser *self, cni_sql_expr_list *out_row, cn_error *err)
{
    cni_sql_vec items = {0};
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    do {
        const cni_sql_expr *item = NULL;
        CN_TRY(cni_sql_rule_value(self, &item, err));
        CN_TRY(cni_sql_vec_push(self, &items, item, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    *out_row = (cni_sql_expr_list){items.n_items, items.items};
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

static cn_code
rule_values(sql_parser *self, cni_sql_query **out_query, cn_error *err)
{
    cni_sql_vec rows = {0};
    CN_TRY(query_open(self, CNI_SQL_QUERY_VALUES, self->token.offset, out_query, err));
    cni_sql_advance(self);
    do {
        cni_sql_expr_list *row = NULL;
        CN_TRY(CNI_SQL_ADD(self, &rows, &row, err));
        CN_TRY(rule_values_row(self, row, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    (*out_query)->rows = rows.items;
    (*out_query)->n_rows = rows.n_items;
    return cni_sql_node_close(self, &(*out_query)->node, err);
}

/* TABLE t. */
static cn_code
rule_table_query(sql_parser *self, cni_sql_query **out_query, cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_sql_from *from = NULL;
    cni_sql_advance(self);
    CN_TRY(cni_sql_from_open(self, CNI_SQL_FROM_TABLE, self->token.offset, &from, err));
    from->only = cni_sql_accept_kw(self, KW_ONLY);
    CN_TRY(cni_sql_rule_name_new(self, &from->name, err));
    CN_TRY(cni_sql_node_close(self, &from->node, err));
    return make_star_query(self, from, offset, out_query, err);
}

static cn_code
rule_pivot_query(sql_parser *self, cni_sql_query **out_query, cn_error *err)
{
    const int64_t offset = self->token.offset;
    const cni_sql_from *from = NULL;
    CN_TRY(cni_sql_rule_pivot_statement(self, &from, err));
    return make_star_query(self, from, offset, out_query, err);
}

static cn_code rule_query(sql_parser *self, const cni_sql_with *with, int64_t offset,
                          cni_sql_query **out_query, cn_error *err);

/* One input of a set operation. */
static cn_code
rule_body(sql_parser *self, cni_sql_query **out_query, cn_error *err)
{
    switch (self->token.kind == TOK_LEFT_PAREN ? KW_NO_KEYWORD : self->token.keyword) {
    case KW_SELECT:
        return rule_select(self, out_query, err);
    case KW_FROM:
        return rule_from_first(self, out_query, err);
    case KW_VALUES:
        return rule_values(self, out_query, err);
    case KW_TABLE:
        return rule_table_query(self, out_query, err);
    case KW_PIVOT:
    case KW_UNPIVOT:
        return rule_pivot_query(self, out_query, err);
    default:
        break;
    }
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    const cni_sql_with *with = NULL;
    const int64_t offset = self->token.offset;
    CN_TRY(cni_sql_rule_with(self, &with, err));
    CN_TRY(rule_query(self, with, offset, out_query, err));
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

/* --------------------------------------------------------------------------- set operations */

typedef struct set_op {
    cni_sql_query_kind kind;
    bool all;
    bool by_name;
} set_op;

static bool
at_set_op(const sql_parser *self, bool intersect)
{
    return intersect ? cni_sql_at_kw(self, KW_INTERSECT)
                     : cni_sql_at_kw(self, KW_UNION) || cni_sql_at_kw(self, KW_EXCEPT);
}

static set_op
read_set_op(sql_parser *self)
{
    set_op op = {.kind = cni_sql_at_kw(self, KW_UNION)       ? CNI_SQL_QUERY_UNION
                         : cni_sql_at_kw(self, KW_INTERSECT) ? CNI_SQL_QUERY_INTERSECT
                                                             : CNI_SQL_QUERY_EXCEPT};
    cni_sql_advance(self);
    op.all = cni_sql_accept_kw(self, KW_ALL);
    if (!op.all) {
        (void)cni_sql_accept_kw(self, KW_DISTINCT);
    }
    op.by_name = cni_sql_accept_kw2(self, KW_BY, KW_NAME);
    return op;
}

static cn_code rule_set_ops(sql_parser *self, bool intersect, cni_sql_query *first,
                            cni_sql_query **out_query, cn_error *err);

/* Close the run of one operation over `inputs`, or start the first one. */
static cn_code
close_run(sql_parser *self, set_op op, const cni_sql_vec *inputs, cni_sql_query **inout_query,
          cn_error *err)
{
    if (inputs->n_items < 2) {
        return CN_OK;
    }
    cni_sql_query *query = NULL;
    CN_TRY(query_open(self, op.kind, (*inout_query)->node.offset, &query, err));
    query->all = op.all;
    query->by_name = op.by_name;
    query->inputs = inputs->items;
    query->n_inputs = inputs->n_items;
    *inout_query = query;
    return cni_sql_node_close(self, &query->node, err);
}

/* One input: `first` when that was read already. */
static cn_code
rule_input(sql_parser *self, bool intersect, cni_sql_query *first, cni_sql_query **out_query,
           cn_error *err)
{
    if (!intersect) {
        return rule_set_ops(self, true, first, out_query, err);
    }
    *out_query = first;
    return first != NULL ? CN_OK : rule_body(self, out_query, err);
}

static cn_code
rule_set_ops(sql_parser *self, bool intersect, cni_sql_query *first, cni_sql_query **out_query,
             cn_error *err)
{
    cni_sql_query *left = NULL;
    cni_sql_vec inputs = {0};
    set_op run = {0};
    CN_TRY(rule_input(self, intersect, first, &left, err));
    while (at_set_op(self, intersect)) {
        const set_op op = read_set_op(self);
        if (inputs.n_items > 0 &&
            (op.kind != run.kind || op.all != run.all || op.by_name != run.by_name)) {
            CN_TRY(close_run(self, run, &inputs, &left, err));
            inputs = (cni_sql_vec){0};
        }
        run = op;
        if (inputs.n_items == 0) {
            CN_TRY(cni_sql_vec_push(self, &inputs, left, err));
        }
        cni_sql_query *right = NULL;
        CN_TRY(rule_input(self, intersect, NULL, &right, err));
        CN_TRY(cni_sql_vec_push(self, &inputs, right, err));
    }
    CN_TRY(close_run(self, run, &inputs, &left, err));
    *out_query = left;
    return CN_OK;
}

/* -------------------------------------------------------------------------------------- tail */

/* ORDER BY, LIMIT, OFFSET, FETCH as read, before they are given to a query. */
typedef struct tail {
    cni_sql_order_list orders;
    const cni_sql_expr *limit;
    const cni_sql_expr *offset;
    bool has_limit; /* also LIMIT ALL */
    bool order_all;
    bool percent;
    bool with_ties;
} tail;

/* A number and then a % that no operand follows. */
static bool
at_percent(sql_parser *self)
{
    const cni_sql_token *percent = cni_sql_peek(self, 1);
    if ((!cni_sql_at(self, TOK_INTEGER) && !cni_sql_at(self, TOK_DECIMAL)) ||
        percent->kind != TOK_OPERATOR || percent->op != CNI_SQL_OP_MODULO) {
        return false;
    }
    const cni_sql_token *behind = cni_sql_peek(self, 2);
    return behind->kind == TOK_END || behind->kind == TOK_SEMICOLON ||
           behind->kind == TOK_RIGHT_PAREN || behind->keyword == KW_OFFSET ||
           behind->keyword == KW_WITH || behind->keyword == KW_UNION ||
           behind->keyword == KW_EXCEPT || behind->keyword == KW_INTERSECT;
}

static cn_code
rule_limit(sql_parser *self, tail *inout_tail, cn_error *err)
{
    inout_tail->has_limit = true;
    if (cni_sql_accept_kw(self, KW_ALL) || cni_sql_accept_kw(self, KW_NULL)) {
        return CN_OK;
    }
    if (at_percent(self)) {
        CN_TRY(cni_sql_rule_literal(self, &inout_tail->limit, err));
        cni_sql_advance(self);
        inout_tail->percent = true;
    } else {
        CN_TRY(cni_sql_rule_expr(self, &inout_tail->limit, err));
        inout_tail->percent = cni_sql_accept_kw(self, KW_PERCENT);
    }
    inout_tail->with_ties = cni_sql_accept_kw2(self, KW_WITH, KW_TIES);
    return CN_OK;
}

static bool
accept_rows(sql_parser *self)
{
    return cni_sql_accept_kw(self, KW_ROWS) || cni_sql_accept_kw(self, KW_ROW);
}

/* FETCH FIRST [n] [PERCENT] ROWS ONLY | WITH TIES. */
static cn_code
rule_fetch(sql_parser *self, tail *inout_tail, cn_error *err)
{
    inout_tail->has_limit = true;
    if (!cni_sql_accept_kw(self, KW_FIRST)) {
        CN_TRY(cni_sql_expect_kw(self, KW_NEXT, err));
    }
    if (cni_sql_at_kw(self, KW_ROW) || cni_sql_at_kw(self, KW_ROWS)) {
        CN_TRY(cni_sql_make_literal(self, CNI_SQL_LITERAL_INTEGER, CNI_STR("1"), self->token.offset,
                                    &inout_tail->limit, err));
    } else {
        CN_TRY(cni_sql_rule_expr(self, &inout_tail->limit, err));
    }
    inout_tail->percent = cni_sql_accept_kw(self, KW_PERCENT);
    if (!accept_rows(self)) {
        return cni_sql_syntax_error(self, err);
    }
    inout_tail->with_ties = cni_sql_accept_kw2(self, KW_WITH, KW_TIES);
    return inout_tail->with_ties ? CN_OK : cni_sql_expect_kw(self, KW_ONLY, err);
}

static cn_code
rule_offset(sql_parser *self, tail *inout_tail, cn_error *err)
{
    CN_TRY(cni_sql_rule_expr(self, &inout_tail->offset, err));
    (void)accept_rows(self);
    return CN_OK;
}

static cn_code
rule_tail(sql_parser *self, tail *out_tail, cn_error *err)
{
    bool ordered = false;
    CN_TRY(cni_sql_accept_by(self, KW_ORDER, &ordered, err));
    if (ordered) {
        CN_TRY(cni_sql_rule_orders(self, &out_tail->orders, err));
        out_tail->order_all = out_tail->orders.items[0].expr == NULL;
    }
    for (;;) {
        if (!out_tail->has_limit && cni_sql_accept_kw(self, KW_LIMIT)) {
            CN_TRY(rule_limit(self, out_tail, err));
        } else if (!out_tail->has_limit && cni_sql_accept_kw(self, KW_FETCH)) {
            CN_TRY(rule_fetch(self, out_tail, err));
        } else if (out_tail->offset == NULL && cni_sql_accept_kw(self, KW_OFFSET)) {
            CN_TRY(rule_offset(self, out_tail, err));
        } else {
            break;
        }
    }
    if (cni_sql_at_kw(self, KW_FOR)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length, "row locking (FOR ...)",
                                 err);
    }
    return CN_OK;
}

/* --------------------------------------------------------------------------------- together */

static bool
has_limit(const cni_sql_query *query)
{
    return query->limit != NULL || query->offset != NULL;
}

/* Whether the tail and the WITH can be given to a query that was in parentheses. */
static bool
can_take(const cni_sql_query *query, const tail *own, const cni_sql_with *with)
{
    const bool orders = own->orders.n_items > 0;
    const bool limits = own->has_limit || own->offset != NULL;
    if (with != NULL && query->with != NULL) {
        return false;
    }
    if (orders && (query->orders.n_items > 0 || has_limit(query))) {
        return false;
    }
    return !limits || !has_limit(query);
}

/* Give the query its tail and WITH; a query that has such itself becomes a derived table first. */
static cn_code
wrap_query(sql_parser *self, const tail *own, const cni_sql_with *with, int64_t offset,
           cni_sql_query **inout_query, cn_error *err)
{
    if (!can_take(*inout_query, own, with)) {
        cni_sql_from *from = NULL;
        CN_TRY(
            cni_sql_from_open(self, CNI_SQL_FROM_QUERY, (*inout_query)->node.offset, &from, err));
        from->query = *inout_query;
        CN_TRY(cni_sql_node_close(self, &from->node, err));
        CN_TRY(make_star_query(self, from, offset, inout_query, err));
    }
    cni_sql_query *query = *inout_query;
    query->node.offset = offset;
    query->with = with != NULL ? with : query->with;
    if (own->orders.n_items > 0) {
        query->orders = own->orders;
        query->order_all = own->order_all;
    }
    if (own->has_limit || own->offset != NULL) {
        query->limit = own->limit;
        query->offset = own->offset;
        query->limit_percent = own->percent;
        query->limit_with_ties = own->with_ties;
    }
    return cni_sql_node_close(self, &query->node, err);
}

/* The query from `first` on, which is NULL when nothing was read yet. */
static cn_code
rule_whole_query(sql_parser *self, const cni_sql_with *with, cni_sql_query *first, int64_t offset,
                 cni_sql_query **out_query, cn_error *err)
{
    tail own = {0};
    CN_TRY(cni_sql_descend(self, err));
    CN_TRY(rule_set_ops(self, false, first, out_query, err));
    CN_TRY(rule_tail(self, &own, err));
    if (with != NULL || own.orders.n_items > 0 || own.has_limit || own.offset != NULL) {
        CN_TRY(wrap_query(self, &own, with, offset, out_query, err));
    }
    cni_sql_ascend(self);
    return CN_OK;
}

static cn_code
rule_query(sql_parser *self, const cni_sql_with *with, int64_t offset, cni_sql_query **out_query,
           cn_error *err)
{
    return rule_whole_query(self, with, NULL, offset, out_query, err);
}

cn_code
cni_sql_rule_query_rest(sql_parser *self, const cni_sql_query *first, int64_t offset,
                        const cni_sql_query **out_query, cn_error *err)
{
    cni_sql_query *copy = NULL;
    cni_sql_query *query = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &copy, err));
    *copy = *first; /* the tail may become its own */
    CN_TRY(rule_whole_query(self, NULL, copy, offset, &query, err));
    *out_query = query;
    return CN_OK;
}

cn_code
cni_sql_rule_query_after_with(sql_parser *self, const cni_sql_with *with, int64_t offset,
                              const cni_sql_query **out_query, cn_error *err)
{
    cni_sql_query *query = NULL;
    CN_TRY(rule_query(self, with, offset, &query, err));
    *out_query = query;
    return CN_OK;
}

cn_code
cni_sql_rule_query(sql_parser *self, const cni_sql_query **out_query, cn_error *err)
{
    const int64_t offset = self->token.offset;
    const cni_sql_with *with = NULL;
    CN_TRY(cni_sql_rule_with(self, &with, err));
    return cni_sql_rule_query_after_with(self, with, offset, out_query, err);
}

cn_code
cni_sql_rule_paren_query(sql_parser *self, const cni_sql_query **out_query, cn_error *err)
{
    CN_TRY(cni_sql_descend(self, err));
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(cni_sql_rule_query(self, out_query, err));
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    cni_sql_ascend(self);
    return CN_OK;
}
