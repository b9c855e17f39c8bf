/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes to plans. Nothing is trusted: every length, number and reference is checked against what
 * has been read, values against their types, calls are resolved again in the function catalogue,
 * and the whole passes cni_plan_validate. Memory is bounded by the size of the input, work by
 * CNI_PLAN_READ_MAX_NODES (sharing could otherwise hide a plan of exponential size). The format is
 * in plan_binary_int.h.
 *
 * Types and values are read in plan_read_value.c.
 */
#include "plan/ir/plan_read_int.h"
#include "plan/table/table.h"

/* ---- tables ---- */

static cn_code
read_table(cni_plan_reader *self, cn_error *err)
{
    cni_table_recipe recipe = {0};
    cni_value *args = NULL;
    cni_str *names = NULL;
    CN_SCOPED(cni_table_p) table = NULL;
    CN_TRY(cni_read_string(self, &recipe.function, err));
    CN_TRY(cni_read_string(self, &recipe.name, err));
    CN_TRY(cni_read_count(self, 3, &recipe.n_args, err));
    CN_TRY(cni_arena_alloc_array(self->arena, recipe.n_args, (int64_t)sizeof(*args), &args, err));
    CN_TRY(cni_arena_alloc_array(self->arena, recipe.n_args, (int64_t)sizeof(*names), &names, err));
    for (int32_t arg = 0; arg < recipe.n_args; arg++) {
        CN_TRY(cni_read_value(self, &args[arg], err));
        CN_TRY(cni_read_string(self, &names[arg], err));
    }
    recipe.args = args;
    recipe.arg_names = names;
    if (self->resolver->open_table == NULL) {
        return CN_FAIL(err, CN_NOT_FOUND, "table %.*s cannot be opened here",
                       CNI_STR_ARGS(recipe.name));
    }
    CN_TRY(self->resolver->open_table(self->resolver->private_data, &recipe, &table, err));
    CN_TRY(cni_table_keep(self->arena, table, err));
    return cni_read_add(self, CNI_TAG_TABLE, table, 1, err);
}

/* ---- expressions ---- */

/* A reference to an expression, whose walked-out size is added to *inout_nodes. */
static cn_code
read_expr_ref(cni_plan_reader *self, const cni_expr **out_expr, int64_t *inout_nodes, cn_error *err)
{
    const cni_read_item *item = NULL;
    CN_TRY(cni_read_ref(self, CNI_TAG_EXPR, &item, err));
    *out_expr = item->object;
    *inout_nodes += item->n_nodes;
    return *inout_nodes > CNI_PLAN_READ_MAX_NODES
               ? cni_read_fail(self, "more than 1048576 nodes", err)
               : CN_OK;
}

static cn_code
read_exprs(cni_plan_reader *self, const cni_expr *const **out_exprs, int32_t *out_n,
           int64_t *inout_nodes, cn_error *err)
{
    const cni_expr **exprs = NULL;
    CN_TRY(cni_read_count(self, 1, out_n, err));
    CN_TRY(cni_arena_alloc_array(self->arena, *out_n, (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t expr = 0; expr < *out_n; expr++) {
        CN_TRY(read_expr_ref(self, &exprs[expr], inout_nodes, err));
    }
    *out_exprs = exprs;
    return CN_OK;
}

static cn_code
read_orders(cni_plan_reader *self, const cni_order **out_orders, int32_t *out_n,
            int64_t *inout_nodes, cn_error *err)
{
    cni_order *orders = NULL;
    CN_TRY(cni_read_count(self, 2, out_n, err));
    CN_TRY(cni_arena_alloc_array(self->arena, *out_n, (int64_t)sizeof(*orders), &orders, err));
    for (int32_t order = 0; order < *out_n; order++) {
        uint8_t flags = 0;
        CN_TRY(read_expr_ref(self, &orders[order].expr, inout_nodes, err));
        CN_TRY(cni_read_byte(self, &flags, err));
        orders[order].descending = (flags & CNI_ORDER_DESCENDING) != 0;
        orders[order].nulls_first = (flags & CNI_ORDER_NULLS_FIRST) != 0;
    }
    *out_orders = orders;
    return CN_OK;
}

static cn_code
read_frame(cni_plan_reader *self, cni_call_clauses *call, cn_error *err)
{
    CN_TRY(cni_read_byte(self, &call->frame_unit, err));
    CN_TRY(cni_read_byte(self, &call->frame_start, err));
    CN_TRY(cni_read_byte(self, &call->frame_end, err));
    return cni_read_byte(self, &call->frame_exclude, err);
}

static cn_code
read_clauses(cni_plan_reader *self, const cni_call_clauses **out_call, int64_t *inout_nodes,
             cn_error *err)
{
    cni_call_clauses *call = NULL;
    uint8_t flags = 0;
    CN_TRY(CN_ARENA_NEW(self->arena, &call, err));
    CN_TRY(cni_read_byte(self, &flags, err));
    call->distinct = (flags & CNI_CALL_DISTINCT) != 0;
    call->ignore_nulls = (flags & CNI_CALL_IGNORE_NULLS) != 0;
    if ((flags & CNI_CALL_HAS_FILTER) != 0) {
        CN_TRY(read_expr_ref(self, &call->filter, inout_nodes, err));
    }
    CN_TRY(read_orders(self, &call->orders, &call->n_orders, inout_nodes, err));
    CN_TRY(read_exprs(self, &call->partitions, &call->n_partitions, inout_nodes, err));
    CN_TRY(read_frame(self, call, err));
    if ((flags & CNI_CALL_HAS_FRAME_START) != 0) {
        CN_TRY(read_expr_ref(self, &call->frame_start_offset, inout_nodes, err));
    }
    if ((flags & CNI_CALL_HAS_FRAME_END) != 0) {
        CN_TRY(read_expr_ref(self, &call->frame_end_offset, inout_nodes, err));
    }
    *out_call = call;
    return CN_OK;
}

/* Ask the catalogue for the entry that takes these very types and gives this very one. */
static cn_code
resolve_once(cni_plan_reader *self, cni_str name, cni_function_kind kind, const cni_type **types,
             const cni_value *const *literals, cni_expr *inout_expr, bool *out_same, cn_error *err)
{
    const cni_type **wanted = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, inout_expr->n_args, (int64_t)sizeof(*wanted), &wanted,
                                 err));
    cni_resolve question = {.arena = self->arena,
                            .n_args = inout_expr->n_args,
                            .arg_types = types,
                            .arg_literals = literals,
                            .out_arg_types = wanted};
    CN_TRY(cni_function_resolve(self->resolver->functions, name, kind, &question,
                                &inout_expr->function, err));
    *out_same = cni_type_equal(question.out_type, inout_expr->type);
    for (int32_t arg = 0; arg < inout_expr->n_args; arg++) {
        *out_same = *out_same && cni_type_equal(wanted[arg], types[arg]);
    }
    inout_expr->bind_data = question.out_bind_data;
    return CN_OK;
}

/* A literal may have come about after the call was bound: without literals the call must fit too.
 */
static cn_code
resolve_function(cni_plan_reader *self, cni_str name, cni_expr *inout_expr, cn_error *err)
{
    const cni_function_kind kind = inout_expr->kind == CNI_EXPR_CALL     ? CNI_FUNCTION_SCALAR
                                   : inout_expr->kind == CNI_EXPR_WINDOW ? CNI_FUNCTION_WINDOW
                                                                         : CNI_FUNCTION_AGGREGATE;
    const cni_type **types = NULL;
    const cni_value **literals = NULL;
    const int64_t pointer = (int64_t)sizeof(void *);
    bool same = false;
    CN_TRY(cni_arena_alloc_array(self->arena, inout_expr->n_args, pointer, &types, err));
    CN_TRY(cni_arena_alloc_array(self->arena, inout_expr->n_args, pointer, &literals, err));
    for (int32_t arg = 0; arg < inout_expr->n_args; arg++) {
        types[arg] = inout_expr->args[arg]->type;
        literals[arg] = inout_expr->args[arg]->literal;
    }
    CN_TRY(resolve_once(self, name, kind, types, literals, inout_expr, &same, err));
    if (!same) {
        memset((void *)literals, 0, (size_t)(inout_expr->n_args * pointer));
        CN_TRY(resolve_once(self, name, kind, types, literals, inout_expr, &same, err));
    }
    return same ? CN_OK : cni_read_fail(self, "a call of a function that has other types", err);
}

static cn_code
read_literal(cni_plan_reader *self, cni_expr *inout_expr, cn_error *err)
{
    cni_value *value = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &value, err));
    CN_TRY(cni_read_value(self, value, err));
    inout_expr->literal = value;
    return CN_OK;
}

static cn_code
read_by_kind(cni_plan_reader *self, cni_expr *inout_expr, int64_t *inout_nodes, cn_error *err)
{
    const cni_read_item *item = NULL;
    cni_str name;
    int64_t id = 0;
    switch (inout_expr->kind) {
    case CNI_EXPR_LITERAL:
        return read_literal(self, inout_expr, err);
    case CNI_EXPR_COLUMN:
        CN_TRY(cni_read_signed(self, 0, INT32_MAX, &id, err));
        inout_expr->column_id = (int32_t)id;
        return CN_OK;
    case CNI_EXPR_PARAMETER:
        return cni_read_string(self, &inout_expr->parameter, err);
    case CNI_EXPR_CALL:
    case CNI_EXPR_AGGREGATE:
    case CNI_EXPR_WINDOW:
        CN_TRY(cni_read_string(self, &name, err));
        return resolve_function(self, name, inout_expr, err);
    case CNI_EXPR_SUBQUERY:
        CN_TRY(cni_read_ref(self, CNI_TAG_PLAN, &item, err));
        inout_expr->subquery = item->object;
        *inout_nodes += item->n_nodes;
        return CN_OK;
    default:
        return CN_OK;
    }
}

static cn_code
read_place(cni_plan_reader *self, cni_expr *inout_expr, bool has_place, cn_error *err)
{
    inout_expr->sql_offset = -1;
    if (!has_place) {
        return CN_OK;
    }
    CN_TRY(cni_read_signed(self, 0, INT64_MAX, &inout_expr->sql_offset, err));
    return cni_read_signed(self, 0, INT64_MAX, &inout_expr->sql_length, err);
}

static cn_code
check_expr_head(cni_plan_reader *self, const cni_expr *expr, cn_error *err)
{
    if (expr->kind == CNI_EXPR_INVALID || expr->kind >= CNI_EXPR_KIND_COUNT_ ||
        expr->op >= CNI_COMPARE_COUNT_ || expr->subquery_kind > CNI_SUBQUERY_ALL) {
        return cni_read_fail(self, "an expression of no kind", err);
    }
    if (expr->kind == CNI_EXPR_LAMBDA) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "plan: lambdas cannot be read yet");
    }
    return CN_OK;
}

static cn_code
read_expr(cni_plan_reader *self, cn_error *err)
{
    cni_expr node = {0};
    const cni_expr *made = NULL;
    const cni_read_item *type = NULL;
    uint8_t flags = 0;
    int64_t n_nodes = 1;
    CN_TRY(cni_read_byte(self, &node.kind, err));
    CN_TRY(cni_read_byte(self, &node.op, err));
    CN_TRY(cni_read_byte(self, &node.subquery_kind, err));
    CN_TRY(cni_read_byte(self, &flags, err));
    CN_TRY(check_expr_head(self, &node, err));
    CN_TRY(cni_read_ref(self, CNI_TAG_TYPE, &type, err));
    node.type = type->object;
    node.negated = (flags & CNI_FLAG_NEGATED) != 0;
    node.try_cast = (flags & CNI_FLAG_TRY_CAST) != 0;
    CN_TRY(read_place(self, &node, (flags & CNI_FLAG_HAS_PLACE) != 0, err));
    CN_TRY(read_exprs(self, &node.args, &node.n_args, &n_nodes, err));
    CN_TRY(read_by_kind(self, &node, &n_nodes, err));
    if ((flags & CNI_FLAG_HAS_CALL) != 0) {
        CN_TRY(read_clauses(self, &node.call, &n_nodes, err));
    }
    CN_TRY(cni_expr_new(self->arena, &node, &made, err));
    return cni_read_add(self, CNI_TAG_EXPR, made, n_nodes, err);
}

/* ---- plans ---- */

static cn_code
read_columns(cni_plan_reader *self, const cni_column **out_columns, int32_t *out_n, cn_error *err)
{
    cni_column *columns = NULL;
    CN_TRY(cni_read_count(self, 4, out_n, err));
    CN_TRY(cni_arena_alloc_array(self->arena, *out_n, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t column = 0; column < *out_n; column++) {
        const cni_read_item *type = NULL;
        int64_t id = 0;
        uint8_t nullable = 0;
        CN_TRY(cni_read_signed(self, 0, INT32_MAX, &id, err));
        CN_TRY(cni_read_string(self, &columns[column].name, err));
        CN_TRY(cni_read_ref(self, CNI_TAG_TYPE, &type, err));
        CN_TRY(cni_read_byte(self, &nullable, err));
        columns[column].id = (int32_t)id;
        columns[column].type = type->object;
        columns[column].nullable = nullable != 0;
    }
    *out_columns = columns;
    return CN_OK;
}

static cn_code
read_positions(cni_plan_reader *self, int32_t n_positions, const int32_t **out_positions,
               cn_error *err)
{
    int32_t *positions = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, n_positions, 4, &positions, err));
    for (int32_t at = 0; at < n_positions; at++) {
        uint64_t position = 0;
        CN_TRY(cni_read_unsigned(self, &position, err));
        if (position > INT32_MAX) {
            return cni_read_fail(self, "a position out of range", err);
        }
        positions[at] = (int32_t)position;
    }
    *out_positions = positions;
    return CN_OK;
}

static cn_code
read_children(cni_plan_reader *self, cni_plan *inout_plan, int64_t *inout_nodes, cn_error *err)
{
    const cni_plan **children = NULL;
    CN_TRY(cni_read_count(self, 1, &inout_plan->n_children, err));
    CN_TRY(cni_arena_alloc_array(self->arena, inout_plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < inout_plan->n_children; child++) {
        const cni_read_item *item = NULL;
        CN_TRY(cni_read_ref(self, CNI_TAG_PLAN, &item, err));
        children[child] = item->object;
        *inout_nodes += item->n_nodes;
        if (*inout_nodes > CNI_PLAN_READ_MAX_NODES) {
            return cni_read_fail(self, "more than 1048576 nodes", err);
        }
    }
    inout_plan->children = children;
    return CN_OK;
}

static cn_code
read_scan(cni_plan_reader *self, cni_plan *inout_plan, int64_t *inout_nodes, cn_error *err)
{
    const cni_read_item *item = NULL;
    CN_TRY(cni_read_ref(self, CNI_TAG_TABLE, &item, err));
    /* Kept by the arena; references are counted through it. */
    memcpy((void *)&inout_plan->table, (const void *)&item->object, sizeof(item->object));
    CN_TRY(cni_read_string(self, &inout_plan->table_name, err));
    CN_TRY(read_positions(self, inout_plan->n_columns, &inout_plan->table_columns, err));
    CN_TRY(read_exprs(self, &inout_plan->filters, &inout_plan->n_filters, inout_nodes, err));
    CN_TRY(read_columns(self, &inout_plan->filter_columns, &inout_plan->n_filter_columns, err));
    return read_positions(self, inout_plan->n_filter_columns, &inout_plan->filter_table_columns,
                          err);
}

static cn_code
read_body(cni_plan_reader *self, cni_plan *inout_plan, int64_t *inout_nodes, cn_error *err)
{
    uint64_t n_groups = 0;
    uint8_t flags = 0;
    CN_TRY(read_exprs(self, &inout_plan->exprs, &inout_plan->n_exprs, inout_nodes, err));
    CN_TRY(cni_read_signed(self, 0, INT32_MAX, &inout_plan->n_rows, err));
    CN_TRY(cni_read_unsigned(self, &n_groups, err));
    const int32_t max_groups =
        inout_plan->kind == CNI_PLAN_WINDOW ? inout_plan->n_exprs : inout_plan->n_columns;
    if (n_groups > (uint64_t)max_groups) {
        return cni_read_fail(self, "more groups than columns", err);
    }
    inout_plan->n_groups = (int32_t)n_groups;
    CN_TRY(cni_read_byte(self, &flags, err));
    inout_plan->null_aware = (flags & CNI_PLAN_FLAG_NULL_AWARE) != 0;
    inout_plan->distinct = (flags & CNI_PLAN_FLAG_DISTINCT) != 0;
    if ((flags & CNI_PLAN_FLAG_PREDICATE) != 0) {
        CN_TRY(read_expr_ref(self, &inout_plan->predicate, inout_nodes, err));
    }
    CN_TRY(read_orders(self, &inout_plan->orders, &inout_plan->n_orders, inout_nodes, err));
    CN_TRY(cni_read_signed(self, CNI_NO_LIMIT, INT64_MAX, &inout_plan->limit, err));
    return cni_read_signed(self, 0, INT64_MAX, &inout_plan->offset, err);
}

static cn_code
read_cte(cni_plan_reader *self, cni_plan *inout_plan, cn_error *err)
{
    int64_t id = 0;
    CN_TRY(cni_read_signed(self, 0, INT32_MAX, &id, err));
    CN_TRY(cni_read_string(self, &inout_plan->table_name, err));
    inout_plan->cte_id = (int32_t)id;
    return inout_plan->kind == CNI_PLAN_CTE_SCAN
               ? read_positions(self, inout_plan->n_columns, &inout_plan->table_columns, err)
               : CN_OK;
}

static cn_code
read_plan_by_kind(cni_plan_reader *self, cni_plan *inout_plan, int64_t *inout_nodes, cn_error *err)
{
    switch (inout_plan->kind) {
    case CNI_PLAN_SCAN:
        return read_scan(self, inout_plan, inout_nodes, err);
    case CNI_PLAN_JOIN:
        return cni_read_byte(self, &inout_plan->join_kind, err);
    case CNI_PLAN_WITH:
    case CNI_PLAN_CTE_SCAN:
    case CNI_PLAN_RECURSIVE:
        return read_cte(self, inout_plan, err);
    default:
        return CN_OK;
    }
}

static double
sane_estimate(double estimate)
{
    return estimate >= 0.0 && estimate < 1e30 ? estimate : -1.0;
}

static cn_code
check_plan_kind(cni_plan_reader *self, uint8_t kind, cn_error *err)
{
    if (kind == CNI_PLAN_INVALID || kind >= CNI_PLAN_KIND_COUNT_) {
        return cni_read_fail(self, "a node of no kind", err);
    }
    return kind > CNI_PLAN_WINDOW ? CN_FAIL(err, CN_NOT_IMPLEMENTED,
                                            "plan: a node of kind %d cannot be read yet", (int)kind)
                                  : CN_OK;
}

static cn_code
read_plan(cni_plan_reader *self, cn_error *err)
{
    cni_plan node = {0};
    const cni_plan *made = NULL;
    int64_t n_nodes = 1;
    cni_plan_builder builder;
    cni_plan_builder_init(&builder, self->arena, 0);
    CN_TRY(cni_read_byte(self, &node.kind, err));
    CN_TRY(check_plan_kind(self, node.kind, err));
    CN_TRY(cni_read_fixed(self, &node.estimated_rows, 8, err));
    CN_TRY(cni_read_fixed(self, &node.estimated_cost, 8, err));
    CN_TRY(read_columns(self, &node.columns, &node.n_columns, err));
    CN_TRY(read_children(self, &node, &n_nodes, err));
    CN_TRY(read_body(self, &node, &n_nodes, err));
    CN_TRY(read_plan_by_kind(self, &node, &n_nodes, err));
    node.estimated_rows = sane_estimate(node.estimated_rows);
    node.estimated_cost = sane_estimate(node.estimated_cost);
    CN_TRY(cni_plan_new(&builder, &node, &made, err));
    return cni_read_add(self, CNI_TAG_PLAN, made, n_nodes, err);
}

/* ---- the whole ---- */

static cn_code
read_header(cni_plan_reader *self, cn_error *err)
{
    char magic[4];
    uint64_t version = 0;
    CN_TRY(cni_read_fixed(self, magic, 4, err));
    if (memcmp(magic, CNI_PLAN_MAGIC, 4) != 0) {
        return cni_read_fail(self, "no plan", err);
    }
    CN_TRY(cni_read_unsigned(self, &version, err));
    return version == CNI_PLAN_BINARY_VERSION
               ? CN_OK
               : CN_FAIL(err, CN_NOT_IMPLEMENTED, "plan: version %llu; this engine reads %d",
                         (unsigned long long)version, CNI_PLAN_BINARY_VERSION);
}

static cn_code
read_items(cni_plan_reader *self, cn_error *err)
{
    for (;;) {
        uint8_t tag = 0;
        CN_TRY(cni_read_byte(self, &tag, err));
        switch (tag) {
        case CNI_TAG_END:
            return CN_OK;
        case CNI_TAG_TYPE:
            CN_TRY(cni_read_type(self, err));
            break;
        case CNI_TAG_TABLE:
            CN_TRY(read_table(self, err));
            break;
        case CNI_TAG_EXPR:
            CN_TRY(read_expr(self, err));
            break;
        case CNI_TAG_PLAN:
            CN_TRY(read_plan(self, err));
            break;
        default:
            return cni_read_fail(self, "an unknown tag", err);
        }
    }
}

static cn_code
validate(const cni_plan *plan, cn_error *err)
{
    cn_error defect = CN_ERROR_INIT;
    return cni_plan_validate(plan, &defect) == CN_OK
               ? CN_OK
               : CN_FAIL(err, CN_INVALID_DATA, "plan: %s", defect.message);
}

cn_code
cni_plan_read(cni_arena *arena, const cni_plan_resolver *resolver, const void *data,
              int64_t len_bytes, const cni_plan **out_plan, cn_error *err)
{
    cni_plan_reader self = {
        .arena = arena, .resolver = resolver, .data = data, .len_bytes = len_bytes};
    const cni_read_item *root = NULL;
    CN_TRY(read_header(&self, err));
    CN_TRY(read_items(&self, err));
    CN_TRY(cni_read_ref(&self, CNI_TAG_PLAN, &root, err));
    if (self.at != len_bytes) {
        return cni_read_fail(&self, "bytes behind the end", err);
    }
    CN_TRY(validate(root->object, err));
    *out_plan = root->object;
    return CN_OK;
}
