/* SPDX-License-Identifier: Apache-2.0
 *
 * ORDER BY lists and window definitions: OVER name, OVER (base PARTITION BY .. ORDER BY .. frame),
 * the same behind WINDOW name AS. Frames are checked for shape only; whether RANGE with an offset
 * fits the order's type is the binder's question.
 */
#include "sql/parse/parser_int.h"

/* USING < or > behind an ORDER BY expression. */
static cn_code
rule_order_operator(sql_parser *self, cni_sql_order *inout_order, cn_error *err)
{
    if (cni_sql_accept_op(self, CNI_SQL_OP_LT)) {
        inout_order->direction = CNI_SQL_ORDER_ASC;
    } else if (cni_sql_accept_op(self, CNI_SQL_OP_GT)) {
        inout_order->direction = CNI_SQL_ORDER_DESC;
    } else {
        return cni_sql_syntax_error(self, err);
    }
    return CN_OK;
}

static cn_code
rule_order_suffix(sql_parser *self, cni_sql_order *inout_order, cn_error *err)
{
    if (cni_sql_accept_kw(self, KW_ASC)) {
        inout_order->direction = CNI_SQL_ORDER_ASC;
    } else if (cni_sql_accept_kw(self, KW_DESC)) {
        inout_order->direction = CNI_SQL_ORDER_DESC;
    } else if (cni_sql_at_kw(self, KW_USING) && cni_sql_peek(self, 1)->kind == TOK_OPERATOR) {
        cni_sql_advance(self);
        CN_TRY(rule_order_operator(self, inout_order, err));
    }
    if (cni_sql_accept_kw2(self, KW_NULLS, KW_FIRST)) {
        inout_order->nulls = CNI_SQL_NULLS_FIRST;
    } else if (cni_sql_accept_kw2(self, KW_NULLS, KW_LAST)) {
        inout_order->nulls = CNI_SQL_NULLS_LAST;
    }
    return CN_OK;
}

cn_code
cni_sql_rule_orders(sql_parser *self, cni_sql_order_list *out_list, cn_error *err)
{
    cni_sql_vec orders = {0};
    do {
        cni_sql_order order = {0};
        cni_sql_order *slot = NULL;
        if (!cni_sql_accept_kw(self, KW_ALL)) {
            CN_TRY(cni_sql_rule_expr(self, &order.expr, err));
        } else if (orders.n_items > 0) {
            return cni_sql_syntax_error(self, err);
        }
        CN_TRY(rule_order_suffix(self, &order, err));
        CN_TRY(CNI_SQL_ADD(self, &orders, &slot, err));
        *slot = order;
        if (order.expr == NULL) {
            break;
        }
    } while (cni_sql_accept(self, TOK_COMMA));
    *out_list = (cni_sql_order_list){orders.n_items, orders.items};
    return CN_OK;
}

/* ------------------------------------------------------------------------------------ frames */

static cn_code
rule_bound(sql_parser *self, uint8_t *out_bound, const cni_sql_expr **out_offset, cn_error *err)
{
    if (cni_sql_accept_kw2(self, KW_CURRENT, KW_ROW)) {
        *out_bound = CNI_SQL_BOUND_CURRENT_ROW;
        return CN_OK;
    }
    if (cni_sql_accept_kw2(self, KW_UNBOUNDED, KW_PRECEDING)) {
        *out_bound = CNI_SQL_BOUND_UNBOUNDED_PRECEDING;
        return CN_OK;
    }
    if (cni_sql_accept_kw2(self, KW_UNBOUNDED, KW_FOLLOWING)) {
        *out_bound = CNI_SQL_BOUND_UNBOUNDED_FOLLOWING;
        return CN_OK;
    }
    CN_TRY(cni_sql_rule_expr(self, out_offset, err));
    if (cni_sql_accept_kw(self, KW_PRECEDING)) {
        *out_bound = CNI_SQL_BOUND_PRECEDING;
        return CN_OK;
    }
    *out_bound = CNI_SQL_BOUND_FOLLOWING;
    return cni_sql_expect_kw(self, KW_FOLLOWING, err);
}

static cn_code
rule_frame_exclude(sql_parser *self, uint8_t *out_exclude, cn_error *err)
{
    if (!cni_sql_accept_kw(self, KW_EXCLUDE)) {
        return CN_OK;
    }
    if (cni_sql_accept_kw2(self, KW_CURRENT, KW_ROW)) {
        *out_exclude = CNI_SQL_EXCLUDE_CURRENT_ROW;
    } else if (cni_sql_accept_kw(self, KW_GROUP)) {
        *out_exclude = CNI_SQL_EXCLUDE_GROUP;
    } else if (cni_sql_accept_kw(self, KW_TIES)) {
        *out_exclude = CNI_SQL_EXCLUDE_TIES;
    } else if (!cni_sql_accept_kw2(self, KW_NO, KW_OTHERS)) {
        return cni_sql_syntax_error(self, err);
    }
    return CN_OK;
}

/* The four combinations that no frame may have. */
static cn_code
check_frame(const sql_parser *self, const cni_sql_window *window, int64_t offset, cn_error *err)
{
    const char *message = NULL;
    if (window->frame_start == CNI_SQL_BOUND_UNBOUNDED_FOLLOWING) {
        message = "frame start cannot be UNBOUNDED FOLLOWING";
    } else if (window->frame_end == CNI_SQL_BOUND_UNBOUNDED_PRECEDING) {
        message = "frame end cannot be UNBOUNDED PRECEDING";
    } else if (window->frame_start == CNI_SQL_BOUND_FOLLOWING &&
               window->frame_end < CNI_SQL_BOUND_FOLLOWING) {
        message = "frame starting from following row cannot end before it";
    } else if (window->frame_start == CNI_SQL_BOUND_CURRENT_ROW &&
               window->frame_end == CNI_SQL_BOUND_PRECEDING) {
        message = "frame starting from current row cannot have preceding rows";
    }
    if (message == NULL) {
        return CN_OK;
    }
    const cn_code code = cni_sql_fail_at(offset, cni_sql_extent(self, offset), message, err);
    cni_error_sqlstate(err, "42P20");
    return code;
}

static cn_code
rule_frame(sql_parser *self, cni_sql_window *inout_window, cn_error *err)
{
    const int64_t offset = self->token.offset;
    if (cni_sql_accept_kw(self, KW_ROWS)) {
        inout_window->frame_unit = CNI_SQL_FRAME_ROWS;
    } else if (cni_sql_accept_kw(self, KW_RANGE)) {
        inout_window->frame_unit = CNI_SQL_FRAME_RANGE;
    } else if (cni_sql_accept_kw(self, KW_GROUPS)) {
        inout_window->frame_unit = CNI_SQL_FRAME_GROUPS;
    } else {
        return CN_OK;
    }
    inout_window->frame_end = CNI_SQL_BOUND_CURRENT_ROW;
    const bool between = cni_sql_accept_kw(self, KW_BETWEEN);
    CN_TRY(rule_bound(self, &inout_window->frame_start, &inout_window->start_offset, err));
    if (between) {
        CN_TRY(cni_sql_expect_kw(self, KW_AND, err));
        CN_TRY(rule_bound(self, &inout_window->frame_end, &inout_window->end_offset, err));
    }
    CN_TRY(check_frame(self, inout_window, offset, err));
    return rule_frame_exclude(self, &inout_window->frame_exclude, err);
}

/* ------------------------------------------------------------------------------- definitions */

/* An existing window's name may stand first, unless it is a word that begins a clause. */
static bool
at_base_window(sql_parser *self)
{
    if (!cni_sql_at_ident(self, IDENT_COLUMN)) {
        return false;
    }
    switch (self->token.keyword) {
    case KW_PARTITION:
    case KW_ROWS:
    case KW_RANGE:
    case KW_GROUPS:
        return false;
    default:
        return true;
    }
}

cn_code
cni_sql_rule_over(sql_parser *self, cni_sql_window *out_window, cn_error *err)
{
    out_window->offset = self->token.offset;
    if (!cni_sql_at(self, TOK_LEFT_PAREN)) {
        out_window->bare = true;
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &out_window->base, err));
        out_window->length = cni_sql_extent(self, out_window->offset);
        return CN_OK;
    }
    cni_sql_advance(self);
    if (at_base_window(self)) {
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &out_window->base, err));
    }
    bool found = false;
    CN_TRY(cni_sql_accept_by(self, KW_PARTITION, &found, err));
    if (found) {
        CN_TRY(cni_sql_rule_expr_list(self, &out_window->partitions, err));
    }
    CN_TRY(cni_sql_accept_by(self, KW_ORDER, &found, err));
    if (found) {
        CN_TRY(cni_sql_rule_orders(self, &out_window->orders, err));
    }
    CN_TRY(rule_frame(self, out_window, err));
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    out_window->length = cni_sql_extent(self, out_window->offset);
    return CN_OK;
}
