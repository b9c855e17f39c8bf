/* SPDX-License-Identifier: Apache-2.0
 *
 * Queries and FROM as text. Inputs of set operations are put in parentheses whenever they are more
 * than a plain body, which keeps precedence and tails where they were.
 */
#include "sql/parse/ast_print_int.h"

/* ------------------------------------------------------------------------------------- WITH */

static cn_code
put_cte(const sql_printer *self, const cni_sql_cte *cte)
{
    CN_TRY(cni_sql_put_ident(self, &cte->name));
    if (cte->columns.n_items > 0) {
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(cni_sql_put_idents(self, &cte->columns));
    }
    if (cte->using_key.n_items > 0) {
        CN_TRY(cni_sql_put(self, " USING KEY "));
        CN_TRY(cni_sql_put_idents(self, &cte->using_key));
    }
    CN_TRY(cni_sql_put(self, " AS "));
    CN_TRY(cni_sql_put_if(self, cte->materialized < 0, "NOT "));
    CN_TRY(cni_sql_put_if(self, cte->materialized != 0, "MATERIALIZED "));
    CN_TRY(cni_sql_put(self, "("));
    CN_TRY(cni_sql_put_query(self, cte->query));
    return cni_sql_put(self, ")");
}

cn_code
cni_sql_put_with(const sql_printer *self, const cni_sql_with *with)
{
    if (with == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, with->recursive ? "WITH RECURSIVE " : "WITH "));
    for (int32_t cte = 0; cte < with->n_ctes; cte++) {
        CN_TRY(cni_sql_put_comma(self, cte));
        CN_TRY(put_cte(self, &with->ctes[cte]));
    }
    return cni_sql_put(self, " ");
}

/* ----------------------------------------------------------------------------------- SELECT */

cn_code
cni_sql_put_targets(const sql_printer *self, const cni_sql_target_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(cni_sql_put_comma(self, item));
        CN_TRY(cni_sql_put_expr(self, list->items[item].expr, PRINT_LEVEL_ANY));
        CN_TRY(cni_sql_put_alias(self, &list->items[item].alias));
    }
    return CN_OK;
}

static cn_code put_groups(const sql_printer *self, const cni_sql_group *groups, int32_t n_groups);

static cn_code
put_group(const sql_printer *self, const cni_sql_group *group)
{
    switch (group->kind) {
    case CNI_SQL_GROUP_EXPR:
        return cni_sql_put_exprs(self, &group->exprs);
    case CNI_SQL_GROUP_EMPTY:
        return cni_sql_put(self, "()");
    case CNI_SQL_GROUP_SETS:
        CN_TRY(cni_sql_put(self, "GROUPING SETS ("));
        CN_TRY(put_groups(self, group->sets, group->n_sets));
        return cni_sql_put(self, ")");
    default:
        CN_TRY(cni_sql_put(self, group->kind == CNI_SQL_GROUP_CUBE ? "CUBE (" : "ROLLUP ("));
        CN_TRY(cni_sql_put_exprs(self, &group->exprs));
        return cni_sql_put(self, ")");
    }
}

static cn_code
put_groups(const sql_printer *self, const cni_sql_group *groups, int32_t n_groups)
{
    for (int32_t group = 0; group < n_groups; group++) {
        CN_TRY(cni_sql_put_comma(self, group));
        CN_TRY(put_group(self, &groups[group]));
    }
    return CN_OK;
}

static cn_code
put_group_by(const sql_printer *self, const cni_sql_select *select)
{
    if (select->group_all) {
        return cni_sql_put(self, " GROUP BY ALL");
    }
    if (select->n_groups == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, select->group_distinct ? " GROUP BY DISTINCT " : " GROUP BY "));
    return put_groups(self, select->groups, select->n_groups);
}

/* " WORD expr" when the clause is there. */
static cn_code
put_clause(const sql_printer *self, const char *word, const cni_sql_expr *expr)
{
    if (expr == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, word));
    return cni_sql_put_expr(self, expr, PRINT_LEVEL_ANY);
}

static cn_code
put_windows(const sql_printer *self, const cni_sql_select *select)
{
    for (int32_t window = 0; window < select->n_windows; window++) {
        CN_TRY(cni_sql_put(self, window == 0 ? " WINDOW " : ", "));
        CN_TRY(cni_sql_put_ident(self, &select->windows[window].name));
        CN_TRY(cni_sql_put(self, " AS "));
        CN_TRY(cni_sql_put_window(self, &select->windows[window]));
    }
    return CN_OK;
}

/* method(size) REPEATABLE (seed), or the size with its unit when there is no method. */
static cn_code
put_sample(const sql_printer *self, const char *word, const cni_sql_sample *sample)
{
    if (sample == NULL) {
        return CN_OK;
    }
    const bool has_method = sample->method.text.data != NULL;
    CN_TRY(cni_sql_put(self, word));
    if (has_method) {
        CN_TRY(cni_sql_put_ident(self, &sample->method));
        CN_TRY(cni_sql_put(self, "("));
    }
    CN_TRY(cni_sql_put_expr(self, sample->size, PRINT_LEVEL_OPERAND));
    CN_TRY(cni_sql_put(self, sample->percent ? " PERCENT" : " ROWS"));
    CN_TRY(cni_sql_put_if(self, has_method, ")"));
    if (sample->seed == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " REPEATABLE ("));
    CN_TRY(cni_sql_put_expr(self, sample->seed, PRINT_LEVEL_ANY));
    return cni_sql_put(self, ")");
}

static cn_code
put_distinct(const sql_printer *self, const cni_sql_select *select)
{
    if (select->distinct == CNI_SQL_DISTINCT_NONE) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " DISTINCT"));
    if (select->distinct != CNI_SQL_DISTINCT_ON) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " ON ("));
    CN_TRY(cni_sql_put_exprs(self, &select->distinct_on));
    return cni_sql_put(self, ")");
}

/* PIVOT t ON ... is a select of * from it, and is written without FROM. */
static bool
is_pivot_statement(const cni_sql_select *select)
{
    const cni_sql_from *from = select->from.items[0];
    return (from->pivot != NULL && from->pivot->statement_form) ||
           (from->unpivot != NULL && from->unpivot->statement_form);
}

/* SELECT ... FROM ..., or FROM ... alone where the star was not written. */
static cn_code
put_select_head(const sql_printer *self, const cni_sql_select *select)
{
    if (select->implicit_star) {
        CN_TRY(cni_sql_put_if(self, !is_pivot_statement(select), "FROM "));
        return cni_sql_put_from_list(self, &select->from);
    }
    CN_TRY(cni_sql_put(self, "SELECT"));
    CN_TRY(put_distinct(self, select));
    CN_TRY(cni_sql_put_if(self, select->targets.n_items > 0, " "));
    CN_TRY(cni_sql_put_targets(self, &select->targets));
    if (select->from.n_items == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " FROM "));
    return cni_sql_put_from_list(self, &select->from);
}

static cn_code
put_select(const sql_printer *self, const cni_sql_select *select)
{
    CN_TRY(put_select_head(self, select));
    CN_TRY(put_clause(self, " WHERE ", select->where));
    CN_TRY(put_group_by(self, select));
    CN_TRY(put_clause(self, " HAVING ", select->having));
    CN_TRY(put_windows(self, select));
    CN_TRY(put_clause(self, " QUALIFY ", select->qualify));
    return put_sample(self, " USING SAMPLE ", select->sample);
}

/* ---------------------------------------------------------------------------------- queries */

static cn_code
put_values(const sql_printer *self, const cni_sql_query *query)
{
    CN_TRY(cni_sql_put(self, "VALUES "));
    for (int32_t row = 0; row < query->n_rows; row++) {
        CN_TRY(cni_sql_put_comma(self, row));
        CN_TRY(cni_sql_put(self, "("));
        CN_TRY(cni_sql_put_exprs(self, &query->rows[row]));
        CN_TRY(cni_sql_put(self, ")"));
    }
    return CN_OK;
}

static bool
is_plain_body(const cni_sql_query *query)
{
    return (query->kind == CNI_SQL_QUERY_SELECT || query->kind == CNI_SQL_QUERY_VALUES) &&
           query->with == NULL && query->orders.n_items == 0 && query->limit == NULL &&
           query->offset == NULL;
}

static cn_code
put_input(const sql_printer *self, const cni_sql_query *input)
{
    const bool plain = is_plain_body(input);
    CN_TRY(cni_sql_put_if(self, !plain, "("));
    CN_TRY(cni_sql_put_query(self, input));
    return cni_sql_put_if(self, !plain, ")");
}

static cn_code
put_set_operation(const sql_printer *self, const cni_sql_query *query)
{
    const char *word = query->kind == CNI_SQL_QUERY_UNION       ? " UNION"
                       : query->kind == CNI_SQL_QUERY_INTERSECT ? " INTERSECT"
                                                                : " EXCEPT";
    CN_TRY(put_input(self, query->inputs[0]));
    for (int32_t input = 1; input < query->n_inputs; input++) {
        CN_TRY(cni_sql_put(self, word));
        CN_TRY(cni_sql_put_if(self, query->all, " ALL"));
        CN_TRY(cni_sql_put_if(self, query->by_name, " BY NAME"));
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(put_input(self, query->inputs[input]));
    }
    return CN_OK;
}

/* LIMIT and OFFSET; percent of anything but a number goes into parentheses. */
static cn_code
put_limit(const sql_printer *self, const cni_sql_query *query)
{
    if (query->limit != NULL) {
        CN_TRY(cni_sql_put(self, " LIMIT "));
        CN_TRY(cni_sql_put_expr(self, query->limit, PRINT_LEVEL_ANY));
        CN_TRY(cni_sql_put_if(self, query->limit_percent, " PERCENT"));
        CN_TRY(cni_sql_put_if(self, query->limit_with_ties, " WITH TIES"));
    }
    return put_clause(self, " OFFSET ", query->offset);
}

cn_code
cni_sql_put_query(const sql_printer *self, const cni_sql_query *query)
{
    CN_TRY(cni_sql_put_with(self, query->with));
    switch (query->kind) {
    case CNI_SQL_QUERY_SELECT:
        CN_TRY(put_select(self, query->select));
        break;
    case CNI_SQL_QUERY_VALUES:
        CN_TRY(put_values(self, query));
        break;
    default:
        CN_TRY(put_set_operation(self, query));
        break;
    }
    if (query->orders.n_items > 0) {
        CN_TRY(cni_sql_put(self, " ORDER BY "));
        CN_TRY(cni_sql_put_orders(self, &query->orders));
    }
    return put_limit(self, query);
}

/* ------------------------------------------------------------------------------------- FROM */

static cn_code
put_column_aliases(const sql_printer *self, const cni_sql_from *from)
{
    if (from->n_column_aliases == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, from->alias.text.data == NULL ? " AS (" : " ("));
    for (int32_t alias = 0; alias < from->n_column_aliases; alias++) {
        CN_TRY(cni_sql_put_comma(self, alias));
        CN_TRY(cni_sql_put_ident(self, &from->column_aliases[alias].name));
        if (from->column_aliases[alias].type != NULL) {
            CN_TRY(cni_sql_put(self, " "));
            CN_TRY(cni_sql_put_type(self, from->column_aliases[alias].type));
        }
    }
    return cni_sql_put(self, ")");
}

static cn_code
put_function_source(const sql_printer *self, const cni_sql_from *from)
{
    const bool several = from->functions.n_items > 1;
    CN_TRY(cni_sql_put_if(self, several, "ROWS FROM ("));
    CN_TRY(cni_sql_put_exprs(self, &from->functions));
    CN_TRY(cni_sql_put_if(self, several, ")"));
    return cni_sql_put_if(self, from->with_ordinality, " WITH ORDINALITY");
}

static cn_code
put_join_words(const sql_printer *self, const cni_sql_join *join)
{
    static const char *const words[] = {
        [CNI_SQL_JOIN_INNER] = "JOIN ",       [CNI_SQL_JOIN_LEFT] = "LEFT JOIN ",
        [CNI_SQL_JOIN_RIGHT] = "RIGHT JOIN ", [CNI_SQL_JOIN_FULL] = "FULL JOIN ",
        [CNI_SQL_JOIN_CROSS] = "CROSS JOIN ", [CNI_SQL_JOIN_SEMI] = "SEMI JOIN ",
        [CNI_SQL_JOIN_ANTI] = "ANTI JOIN ",   [CNI_SQL_JOIN_POSITIONAL] = "POSITIONAL JOIN ",
    };
    CN_TRY(cni_sql_put(self, " "));
    CN_TRY(cni_sql_put_if(self, join->natural, "NATURAL "));
    CN_TRY(cni_sql_put_if(self, join->asof, "ASOF "));
    return cni_sql_put(self, words[join->kind]);
}

static cn_code
put_join(const sql_printer *self, const cni_sql_join *join)
{
    CN_TRY(put_join_words(self, join));
    CN_TRY(cni_sql_put_from(self, join->right));
    if (join->using_list.n_items > 0) {
        CN_TRY(cni_sql_put(self, " USING "));
        CN_TRY(cni_sql_put_idents(self, &join->using_list));
        return cni_sql_put_alias(self, &join->using_alias);
    }
    return put_clause(self, " ON ", join->on);
}

/* The first table of a chain stands bare, unless it is a chain itself. */
static cn_code
put_joins(const sql_printer *self, const cni_sql_from *from)
{
    CN_TRY(cni_sql_put_from(self, from->input));
    for (int32_t join = 0; join < from->n_joins; join++) {
        CN_TRY(put_join(self, &from->joins[join]));
    }
    return CN_OK;
}

/* ------------------------------------------------------------------------------------ PIVOT */

static cn_code
put_keys(const sql_printer *self, const cni_sql_expr_list *keys)
{
    if (keys->n_items == 1) {
        return cni_sql_put_expr(self, keys->items[0], PRINT_LEVEL_OTHER);
    }
    CN_TRY(cni_sql_put(self, "("));
    CN_TRY(cni_sql_put_exprs(self, keys));
    return cni_sql_put(self, ")");
}

static cn_code
put_pivot_column(const sql_printer *self, const cni_sql_pivot_column *column)
{
    CN_TRY(put_keys(self, &column->keys));
    if (column->enum_name.text.data != NULL) {
        CN_TRY(cni_sql_put(self, " IN "));
        return cni_sql_put_ident(self, &column->enum_name);
    }
    if (column->query == NULL && column->values.n_items == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " IN ("));
    CN_TRY(column->query != NULL ? cni_sql_put_query(self, column->query)
                                 : cni_sql_put_targets(self, &column->values));
    return cni_sql_put(self, ")");
}

static cn_code
put_pivot_groups(const sql_printer *self, const cni_sql_pivot *pivot)
{
    if (pivot->groups.n_items == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " GROUP BY "));
    return cni_sql_put_exprs(self, &pivot->groups);
}

static cn_code
put_pivot_statement(const sql_printer *self, const cni_sql_from *from)
{
    const cni_sql_pivot *pivot = from->pivot;
    CN_TRY(cni_sql_put(self, "PIVOT "));
    CN_TRY(cni_sql_put_from(self, from->input));
    for (int32_t column = 0; column < pivot->n_columns; column++) {
        CN_TRY(cni_sql_put(self, column == 0 ? " ON " : ", "));
        CN_TRY(put_pivot_column(self, &pivot->columns[column]));
    }
    CN_TRY(cni_sql_put_if(self, pivot->aggregates.n_items > 0, " USING "));
    CN_TRY(cni_sql_put_targets(self, &pivot->aggregates));
    return put_pivot_groups(self, pivot);
}

static cn_code
put_pivot(const sql_printer *self, const cni_sql_from *from)
{
    const cni_sql_pivot *pivot = from->pivot;
    if (pivot->statement_form) {
        return put_pivot_statement(self, from);
    }
    CN_TRY(cni_sql_put_from(self, from->input));
    CN_TRY(cni_sql_put(self, " PIVOT ("));
    CN_TRY(cni_sql_put_targets(self, &pivot->aggregates));
    CN_TRY(cni_sql_put(self, " FOR"));
    for (int32_t column = 0; column < pivot->n_columns; column++) {
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(put_pivot_column(self, &pivot->columns[column]));
    }
    CN_TRY(put_pivot_groups(self, pivot));
    return cni_sql_put(self, ")");
}

static cn_code
put_unpivot_statement(const sql_printer *self, const cni_sql_from *from)
{
    const cni_sql_unpivot *unpivot = from->unpivot;
    CN_TRY(cni_sql_put(self, unpivot->include_nulls ? "UNPIVOT INCLUDE NULLS " : "UNPIVOT "));
    CN_TRY(cni_sql_put_from(self, from->input));
    CN_TRY(cni_sql_put(self, " ON "));
    CN_TRY(cni_sql_put_targets(self, &unpivot->inputs));
    if (unpivot->name.text.data == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " INTO NAME "));
    CN_TRY(cni_sql_put_ident(self, &unpivot->name));
    for (int32_t value = 0; value < unpivot->values.n_items; value++) {
        CN_TRY(cni_sql_put(self, value == 0 ? " VALUE " : ", "));
        CN_TRY(cni_sql_put_ident(self, &unpivot->values.items[value]));
    }
    return CN_OK;
}

static cn_code
put_unpivot(const sql_printer *self, const cni_sql_from *from)
{
    const cni_sql_unpivot *unpivot = from->unpivot;
    if (unpivot->statement_form) {
        return put_unpivot_statement(self, from);
    }
    CN_TRY(cni_sql_put_from(self, from->input));
    CN_TRY(cni_sql_put(self, unpivot->include_nulls ? " UNPIVOT INCLUDE NULLS (" : " UNPIVOT ("));
    CN_TRY(unpivot->values.n_items == 1 ? cni_sql_put_ident(self, &unpivot->values.items[0])
                                        : cni_sql_put_idents(self, &unpivot->values));
    CN_TRY(cni_sql_put(self, " FOR "));
    CN_TRY(cni_sql_put_ident(self, &unpivot->name));
    CN_TRY(cni_sql_put(self, " IN ("));
    CN_TRY(cni_sql_put_targets(self, &unpivot->inputs));
    return cni_sql_put(self, "))");
}

/* ------------------------------------------------------------------------------------- all */

static cn_code
put_source(const sql_printer *self, const cni_sql_from *from)
{
    switch (from->kind) {
    case CNI_SQL_FROM_TABLE:
        CN_TRY(cni_sql_put_if(self, from->only, "ONLY "));
        return cni_sql_put_name(self, from->name);
    case CNI_SQL_FROM_FILE:
        return cni_sql_put_quoted(self, from->path, '\'');
    case CNI_SQL_FROM_QUERY:
        CN_TRY(cni_sql_put(self, "("));
        CN_TRY(cni_sql_put_query(self, from->query));
        return cni_sql_put(self, ")");
    case CNI_SQL_FROM_FUNCTION:
        return put_function_source(self, from);
    case CNI_SQL_FROM_JOIN:
        return put_joins(self, from);
    case CNI_SQL_FROM_PIVOT:
        return put_pivot(self, from);
    case CNI_SQL_FROM_UNPIVOT:
        return put_unpivot(self, from);
    default:
        return CN_FAIL(self->err, CN_INTERNAL, "a table has the unknown kind %d", (int)from->kind);
    }
}

/* Inside another FROM item a chain of joins needs parentheses, and so does one with an alias. */
cn_code
cni_sql_put_from(const sql_printer *self, const cni_sql_from *from)
{
    const bool paren = from->kind == CNI_SQL_FROM_JOIN;
    CN_TRY(cni_sql_put_if(self, from->lateral, "LATERAL "));
    CN_TRY(cni_sql_put_if(self, paren, "("));
    CN_TRY(put_source(self, from));
    CN_TRY(cni_sql_put_if(self, paren, ")"));
    CN_TRY(cni_sql_put_alias(self, &from->alias));
    CN_TRY(put_column_aliases(self, from));
    return put_sample(self, " TABLESAMPLE ", from->sample);
}

cn_code
cni_sql_put_from_list(const sql_printer *self, const cni_sql_from_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        const cni_sql_from *from = list->items[item];
        const bool bare = from->kind == CNI_SQL_FROM_JOIN && from->alias.text.data == NULL;
        CN_TRY(cni_sql_put_comma(self, item));
        CN_TRY(bare ? put_joins(self, from) : cni_sql_put_from(self, from));
    }
    return CN_OK;
}

cn_code
cni_sql_print_query(const cni_sql_query *query, cni_strbuf *out, cn_error *err)
{
    const sql_printer self = {.out = out, .err = err};
    return cni_sql_put_query(&self, query);
}
