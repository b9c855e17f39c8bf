/* SPDX-License-Identifier: Apache-2.0
 *
 * The children of every kind of node, in one place: a new field of the AST that holds nodes is
 * entered here, and heights, walkers and searches know it. The walk keeps its stack in an arena.
 */
#include "sql/parse/ast_walk.h"

typedef struct seer {
    cni_sql_see_child see;
    void *state;
    cn_error *err;
} seer;

static cn_code
see_expr(const seer *self, const cni_sql_expr *expr)
{
    return expr == NULL ? CN_OK : self->see(self->state, &expr->node, self->err);
}

static cn_code
see_query(const seer *self, const cni_sql_query *query)
{
    return query == NULL ? CN_OK : self->see(self->state, &query->node, self->err);
}

static cn_code
see_from(const seer *self, const cni_sql_from *from)
{
    return from == NULL ? CN_OK : self->see(self->state, &from->node, self->err);
}

static cn_code
see_type(const seer *self, const cni_sql_type *type)
{
    return type == NULL ? CN_OK : self->see(self->state, &type->node, self->err);
}

static cn_code
see_exprs(const seer *self, const cni_sql_expr_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(see_expr(self, list->items[item]));
    }
    return CN_OK;
}

static cn_code
see_targets(const seer *self, const cni_sql_target_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(see_expr(self, list->items[item].expr));
    }
    return CN_OK;
}

static cn_code
see_orders(const seer *self, const cni_sql_order_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(see_expr(self, list->items[item].expr));
    }
    return CN_OK;
}

static cn_code
see_froms(const seer *self, const cni_sql_from_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(see_from(self, list->items[item]));
    }
    return CN_OK;
}

static cn_code
see_window(const seer *self, const cni_sql_window *window)
{
    CN_TRY(see_exprs(self, &window->partitions));
    CN_TRY(see_orders(self, &window->orders));
    CN_TRY(see_expr(self, window->start_offset));
    return see_expr(self, window->end_offset);
}

/* ------------------------------------------------------------------------------ expressions */

static cn_code
see_call(const seer *self, const cni_sql_call *call)
{
    CN_TRY(see_orders(self, &call->orders));
    CN_TRY(see_orders(self, &call->within));
    CN_TRY(see_expr(self, call->filter));
    return call->over == NULL ? CN_OK : see_window(self, call->over);
}

static cn_code
see_star(const seer *self, const cni_sql_star *star)
{
    for (int32_t item = 0; item < star->n_replace; item++) {
        CN_TRY(see_expr(self, star->replace[item].expr));
    }
    return see_expr(self, star->like_pattern);
}

static cn_code
each_of_expr(const seer *self, const cni_sql_expr *expr)
{
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        CN_TRY(see_expr(self, expr->args[arg]));
    }
    CN_TRY(see_type(self, expr->type));
    CN_TRY(see_query(self, expr->query));
    if (expr->call != NULL) {
        CN_TRY(see_call(self, expr->call));
    }
    return expr->star == NULL ? CN_OK : see_star(self, expr->star);
}

static cn_code
each_of_type(const seer *self, const cni_sql_type *type)
{
    CN_TRY(see_exprs(self, &type->modifiers));
    for (int32_t child = 0; child < type->n_children; child++) {
        CN_TRY(see_type(self, type->children[child]));
    }
    return CN_OK;
}

/* ------------------------------------------------------------------------------------- FROM */

static cn_code
see_sample(const seer *self, const cni_sql_sample *sample)
{
    if (sample == NULL) {
        return CN_OK;
    }
    CN_TRY(see_expr(self, sample->size));
    return see_expr(self, sample->seed);
}

static cn_code
see_pivot(const seer *self, const cni_sql_pivot *pivot)
{
    CN_TRY(see_targets(self, &pivot->aggregates));
    for (int32_t column = 0; column < pivot->n_columns; column++) {
        CN_TRY(see_exprs(self, &pivot->columns[column].keys));
        CN_TRY(see_targets(self, &pivot->columns[column].values));
        CN_TRY(see_query(self, pivot->columns[column].query));
    }
    return see_exprs(self, &pivot->groups);
}

static cn_code
each_of_from(const seer *self, const cni_sql_from *from)
{
    CN_TRY(see_query(self, from->query));
    CN_TRY(see_exprs(self, &from->functions));
    CN_TRY(see_from(self, from->input));
    for (int32_t join = 0; join < from->n_joins; join++) {
        CN_TRY(see_from(self, from->joins[join].right));
        CN_TRY(see_expr(self, from->joins[join].on));
    }
    if (from->pivot != NULL) {
        CN_TRY(see_pivot(self, from->pivot));
    }
    if (from->unpivot != NULL) {
        CN_TRY(see_targets(self, &from->unpivot->inputs));
    }
    for (int32_t alias = 0; alias < from->n_column_aliases; alias++) {
        CN_TRY(see_type(self, from->column_aliases[alias].type));
    }
    return see_sample(self, from->sample);
}

/* ---------------------------------------------------------------------------------- queries */

/* Sets nest as deep as CNI_SQL_MAX_DEPTH allows; the frame is small. */
static cn_code
see_group(const seer *self, const cni_sql_group *group)
{
    CN_TRY(see_exprs(self, &group->exprs));
    for (int32_t set = 0; set < group->n_sets; set++) {
        CN_TRY(see_group(self, &group->sets[set]));
    }
    return CN_OK;
}

static cn_code
see_select(const seer *self, const cni_sql_select *select)
{
    CN_TRY(see_exprs(self, &select->distinct_on));
    CN_TRY(see_targets(self, &select->targets));
    CN_TRY(see_froms(self, &select->from));
    CN_TRY(see_expr(self, select->where));
    for (int32_t group = 0; group < select->n_groups; group++) {
        CN_TRY(see_group(self, &select->groups[group]));
    }
    CN_TRY(see_expr(self, select->having));
    for (int32_t window = 0; window < select->n_windows; window++) {
        CN_TRY(see_window(self, &select->windows[window]));
    }
    CN_TRY(see_expr(self, select->qualify));
    return see_sample(self, select->sample);
}

static cn_code
see_with(const seer *self, const cni_sql_with *with)
{
    const int32_t n_ctes = with == NULL ? 0 : with->n_ctes;
    for (int32_t cte = 0; cte < n_ctes; cte++) {
        CN_TRY(see_query(self, with->ctes[cte].query));
    }
    return CN_OK;
}

static cn_code
each_of_query(const seer *self, const cni_sql_query *query)
{
    CN_TRY(see_with(self, query->with));
    if (query->select != NULL) {
        CN_TRY(see_select(self, query->select));
    }
    for (int32_t row = 0; row < query->n_rows; row++) {
        CN_TRY(see_exprs(self, &query->rows[row]));
    }
    for (int32_t input = 0; input < query->n_inputs; input++) {
        CN_TRY(see_query(self, query->inputs[input]));
    }
    CN_TRY(see_orders(self, &query->orders));
    CN_TRY(see_expr(self, query->limit));
    return see_expr(self, query->offset);
}

cn_code
cni_sql_each_child(const cni_sql_node *node, cni_sql_see_child see, void *state, cn_error *err)
{
    const seer self = {see, state, err};
    switch (node->node_class) {
    case CNI_SQL_CLASS_EXPR:
        return each_of_expr(&self, cni_sql_as_expr(node));
    case CNI_SQL_CLASS_QUERY:
        return each_of_query(&self, cni_sql_as_query(node));
    case CNI_SQL_CLASS_FROM:
        return each_of_from(&self, cni_sql_as_from(node));
    case CNI_SQL_CLASS_TYPE:
        return each_of_type(&self, cni_sql_as_type(node));
    default:
        return CN_FAIL(err, CN_INTERNAL, "an AST node has the unknown class %d",
                       (int)node->node_class);
    }
}

/* ------------------------------------------------------------------------------- statements */

static cn_code
see_options(const seer *self, const cni_sql_option_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(see_exprs(self, &list->items[item].values));
    }
    return CN_OK;
}

static cn_code
see_constraints(const seer *self, int32_t n_items, const cni_sql_constraint *items)
{
    for (int32_t item = 0; item < n_items; item++) {
        CN_TRY(see_expr(self, items[item].expr));
    }
    return CN_OK;
}

static cn_code
see_column_defs(const seer *self, const cni_sql_column_def_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(see_type(self, list->items[item].type));
        CN_TRY(
            see_constraints(self, list->items[item].n_constraints, list->items[item].constraints));
    }
    return CN_OK;
}

static cn_code
see_assignments(const seer *self, const cni_sql_assignment_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(see_expr(self, list->items[item].value));
    }
    return CN_OK;
}

static cn_code
roots_of_create_table(const seer *self, const cni_sql_create_table *create)
{
    CN_TRY(see_column_defs(self, &create->columns));
    CN_TRY(see_constraints(self, create->constraints.n_items, create->constraints.items));
    CN_TRY(see_options(self, &create->options));
    return see_query(self, create->query);
}

static cn_code
roots_of_create_external(const seer *self, const cni_sql_create_external *create)
{
    CN_TRY(see_column_defs(self, &create->columns));
    CN_TRY(see_constraints(self, create->constraints.n_items, create->constraints.items));
    for (int32_t location = 0; location < create->n_locations; location++) {
        CN_TRY(see_expr(self, create->locations[location]));
    }
    CN_TRY(see_column_defs(self, &create->partition_columns));
    for (int32_t order = 0; order < create->n_orders; order++) {
        CN_TRY(see_orders(self, &create->orders[order]));
    }
    return see_options(self, &create->options);
}

static cn_code
roots_of_macro(const seer *self, const cni_sql_create_macro *create)
{
    for (int32_t index = 0; index < create->n_bodies; index++) {
        const cni_sql_macro_body *body = &create->bodies[index];
        for (int32_t param = 0; param < body->n_params; param++) {
            CN_TRY(see_type(self, body->params[param].type));
            CN_TRY(see_expr(self, body->params[param].default_value));
        }
        CN_TRY(see_expr(self, body->expr));
        CN_TRY(see_query(self, body->query));
    }
    return CN_OK;
}

static cn_code
roots_of_insert(const seer *self, const cni_sql_insert *insert)
{
    CN_TRY(see_with(self, insert->with));
    CN_TRY(see_query(self, insert->query));
    CN_TRY(see_expr(self, insert->conflict_where));
    CN_TRY(see_assignments(self, &insert->conflict_sets));
    CN_TRY(see_expr(self, insert->conflict_update_where));
    return see_targets(self, &insert->returning);
}

static cn_code
roots_of_update(const seer *self, const cni_sql_update *update)
{
    CN_TRY(see_with(self, update->with));
    CN_TRY(see_assignments(self, &update->sets));
    CN_TRY(see_froms(self, &update->from));
    CN_TRY(see_expr(self, update->where));
    return see_targets(self, &update->returning);
}

static cn_code
roots_of_delete(const seer *self, const cni_sql_delete *delete_from)
{
    CN_TRY(see_with(self, delete_from->with));
    CN_TRY(see_froms(self, &delete_from->using_list));
    CN_TRY(see_expr(self, delete_from->where));
    return see_targets(self, &delete_from->returning);
}

static cn_code
roots_of_merge(const seer *self, const cni_sql_merge *merge)
{
    CN_TRY(see_with(self, merge->with));
    CN_TRY(see_from(self, merge->source));
    CN_TRY(see_expr(self, merge->on));
    for (int32_t when = 0; when < merge->n_whens; when++) {
        CN_TRY(see_expr(self, merge->whens[when].condition));
        CN_TRY(see_assignments(self, &merge->whens[when].sets));
        CN_TRY(see_exprs(self, &merge->whens[when].values));
    }
    return see_targets(self, &merge->returning);
}

static cn_code
roots_of_copy(const seer *self, const cni_sql_copy *copy)
{
    CN_TRY(see_query(self, copy->query));
    CN_TRY(see_expr(self, copy->path));
    CN_TRY(see_options(self, &copy->options));
    return see_expr(self, copy->where);
}

static cn_code
roots_of_prepare(const seer *self, const cni_sql_prepare *prepare)
{
    for (int32_t type = 0; type < prepare->n_types; type++) {
        CN_TRY(see_type(self, prepare->types[type]));
    }
    return cni_sql_each_root(prepare->statement, self->see, self->state, self->err);
}

static cn_code
roots_of_explain(const seer *self, const cni_sql_explain *explain)
{
    CN_TRY(see_options(self, &explain->options));
    return cni_sql_each_root(explain->statement, self->see, self->state, self->err);
}

static cn_code
roots_of_definition(const seer *self, const cni_sql_statement *statement)
{
    switch (statement->kind) {
    case CNI_SQL_STATEMENT_CREATE_TABLE:
        return roots_of_create_table(self, statement->create_table);
    case CNI_SQL_STATEMENT_CREATE_EXTERNAL_TABLE:
        return roots_of_create_external(self, statement->create_external);
    case CNI_SQL_STATEMENT_CREATE_VIEW:
        CN_TRY(see_options(self, &statement->create_view->options));
        return see_query(self, statement->create_view->query);
    case CNI_SQL_STATEMENT_CREATE_MACRO:
        return roots_of_macro(self, statement->create_macro);
    case CNI_SQL_STATEMENT_ATTACH:
        CN_TRY(see_expr(self, statement->attach->path));
        return see_options(self, &statement->attach->options);
    default:
        return CN_OK;
    }
}

cn_code
cni_sql_each_root(const cni_sql_statement *statement, cni_sql_see_child see, void *state,
                  cn_error *err)
{
    const seer self = {see, state, err};
    switch (statement->kind) {
    case CNI_SQL_STATEMENT_QUERY:
        return see_query(&self, statement->query);
    case CNI_SQL_STATEMENT_EXPLAIN:
        return roots_of_explain(&self, statement->explain);
    case CNI_SQL_STATEMENT_DESCRIBE:
    case CNI_SQL_STATEMENT_SUMMARIZE:
        return see_query(&self, statement->describe->query);
    case CNI_SQL_STATEMENT_INSERT:
        return roots_of_insert(&self, statement->insert);
    case CNI_SQL_STATEMENT_UPDATE:
        return roots_of_update(&self, statement->update);
    case CNI_SQL_STATEMENT_DELETE:
        return roots_of_delete(&self, statement->delete_from);
    case CNI_SQL_STATEMENT_MERGE:
        return roots_of_merge(&self, statement->merge);
    case CNI_SQL_STATEMENT_COPY:
        return roots_of_copy(&self, statement->copy);
    case CNI_SQL_STATEMENT_PREPARE:
        return roots_of_prepare(&self, statement->prepare);
    case CNI_SQL_STATEMENT_EXECUTE:
        return see_exprs(&self, &statement->execute->args);
    case CNI_SQL_STATEMENT_SET:
    case CNI_SQL_STATEMENT_RESET:
        return see_exprs(&self, &statement->set->values);
    default:
        return roots_of_definition(&self, statement);
    }
}

/* --------------------------------------------------------------------------------- the walk */

typedef struct walk_entry {
    const cni_sql_node *node;
    bool entered; /* its children are above it or done */
} walk_entry;

typedef struct walk_stack {
    cni_arena *arena;
    walk_entry *entries;
    int64_t n_entries;
    int64_t cap_entries;
} walk_stack;

static cn_code
stack_push(void *state, const cni_sql_node *node, cn_error *err)
{
    walk_stack *stack = state;
    if (stack->n_entries == stack->cap_entries) {
        walk_entry *entries = NULL;
        const int64_t cap = cni_max_i64(64, 2 * stack->cap_entries);
        CN_TRY(cni_arena_alloc_array(stack->arena, cap, (int64_t)sizeof(*entries), &entries, err));
        if (stack->n_entries > 0) {
            memcpy(entries, stack->entries, (size_t)stack->n_entries * sizeof(*entries));
        }
        stack->entries = entries;
        stack->cap_entries = cap;
    }
    stack->entries[stack->n_entries] = (walk_entry){node, false};
    stack->n_entries++;
    return CN_OK;
}

/* Children were pushed in order; the first must be on top. */
static void
reverse(walk_entry *entries, int64_t n_entries)
{
    for (int64_t low = 0, high = n_entries - 1; low < high; low++, high--) {
        const walk_entry entry = entries[low];
        entries[low] = entries[high];
        entries[high] = entry;
    }
}

static cn_code
enter_top(walk_stack *stack, const cni_sql_visitor *visitor, cn_error *err)
{
    const int64_t top = stack->n_entries - 1;
    const cni_sql_node *node = stack->entries[top].node;
    bool enter = true;
    CN_TRY(visitor->enter(visitor->state, node, &enter, err));
    stack->entries[top].entered = true;
    if (enter) {
        CN_TRY(cni_sql_each_child(node, stack_push, stack, err));
        reverse(stack->entries + top + 1, stack->n_entries - top - 1);
    }
    return CN_OK;
}

cn_code
cni_sql_walk(cni_arena *scratch, const cni_sql_node *root, const cni_sql_visitor *visitor,
             cn_error *err)
{
    walk_stack stack = {.arena = scratch};
    CN_TRY(stack_push(&stack, root, err));
    while (stack.n_entries > 0) {
        const walk_entry *top = &stack.entries[stack.n_entries - 1];
        if (!top->entered) {
            CN_TRY(enter_top(&stack, visitor, err));
            continue;
        }
        if (visitor->leave != NULL) {
            CN_TRY(visitor->leave(visitor->state, top->node, err));
        }
        stack.n_entries--;
    }
    return CN_OK;
}
