/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans to bytes: a post-order walk that gives each type, table, expression and node one number.
 * The format is in plan_binary_int.h. Kinds that no reader could make again are refused by name.
 */
#include "plan/ir/plan_binary_int.h"
#include "plan/ir/plan_text_int.h"
#include "plan/table/table.h"

/* Number of what was written, by its address. */
typedef struct written {
    const void *object;
    uint32_t number;
} written;

typedef struct writer {
    cni_strbuf *out;
    cni_arena *arena; /* of the map */
    written *slots;
    int64_t n_slots;
    uint32_t n_items;
} writer;

/* ---- the map ---- */

static uint64_t
address_hash(const void *object)
{
    const uint64_t mixed = (uint64_t)(uintptr_t)object * UINT64_C(0x9E3779B97F4A7C15);
    return mixed ^ (mixed >> 32);
}

static written *
find_slot(written *slots, int64_t n_slots, const void *object)
{
    int64_t at = (int64_t)(address_hash(object) & (uint64_t)(n_slots - 1));
    while (slots[at].object != NULL && slots[at].object != object) {
        at = (at + 1) & (n_slots - 1);
    }
    return &slots[at];
}

static cn_code
grow(writer *self, cn_error *err)
{
    const int64_t n_fresh = self->n_slots == 0 ? 64 : self->n_slots * 2;
    written *fresh = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, n_fresh, (int64_t)sizeof(*fresh), &fresh, err));
    for (int64_t at = 0; at < self->n_slots; at++) {
        if (self->slots[at].object != NULL) {
            *find_slot(fresh, n_fresh, self->slots[at].object) = self->slots[at];
        }
    }
    self->slots = fresh;
    self->n_slots = n_fresh;
    return CN_OK;
}

static bool
find_number(const writer *self, const void *object, uint32_t *out_number)
{
    if (self->n_slots == 0) {
        return false;
    }
    const written *slot = find_slot(self->slots, self->n_slots, object);
    *out_number = slot->number;
    return slot->object != NULL;
}

/* The item at hand has been written. */
static cn_code
number_item(writer *self, const void *object, uint32_t *out_number, cn_error *err)
{
    if ((int64_t)self->n_items * 2 >= self->n_slots) {
        CN_TRY(grow(self, err));
    }
    *out_number = self->n_items++;
    *find_slot(self->slots, self->n_slots, object) = (written){object, *out_number};
    return CN_OK;
}

/* ---- primitives ---- */

static cn_code
put_byte(writer *self, uint32_t byte, cn_error *err)
{
    return cni_strbuf_append_char(self->out, (char)byte, err);
}

static cn_code
put_unsigned(writer *self, uint64_t value, cn_error *err)
{
    for (; value >= 0x80; value >>= 7) {
        CN_TRY(put_byte(self, (uint32_t)(value & 0x7F) | 0x80U, err));
    }
    return put_byte(self, (uint32_t)value, err);
}

static cn_code
put_signed(writer *self, int64_t value, cn_error *err)
{
    return put_unsigned(self, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63), err);
}

static cn_code
put_string(writer *self, cni_str text, cn_error *err)
{
    CN_TRY(put_unsigned(self, (uint64_t)text.len_bytes, err));
    return cni_strbuf_append(self->out, text, err);
}

static cn_code
put_fixed(writer *self, const void *bytes, int64_t n_bytes, cn_error *err)
{
    return cni_strbuf_append(self->out, (cni_str){bytes, n_bytes}, err);
}

/* ---- types ---- */

static cn_code write_type(writer *self, const cni_type *type, uint32_t *out_number, cn_error *err);

static cn_code
put_children(writer *self, const cni_type *type, const uint32_t *numbers, cn_error *err)
{
    CN_TRY(put_unsigned(self, (uint64_t)type->n_children, err));
    for (int32_t child = 0; child < type->n_children; child++) {
        const cni_field *field = &type->children[child];
        CN_TRY(put_string(self, field->name, err));
        CN_TRY(put_unsigned(self, numbers[child], err));
        CN_TRY(put_byte(self, field->nullable ? 1 : 0, err));
        CN_TRY(put_string(self, field->metadata, err));
        if (type->id == CNI_TYPE_UNION) {
            CN_TRY(put_signed(self, type->union_codes[child], err));
        }
    }
    return CN_OK;
}

static cn_code
put_type(writer *self, const cni_type *type, const uint32_t *numbers, cn_error *err)
{
    const bool zoned = type->timezone.data != NULL;
    const uint32_t flags = (type->dense ? CNI_TYPE_FLAG_DENSE : 0U) |
                           (type->keys_sorted ? CNI_TYPE_FLAG_KEYS_SORTED : 0U) |
                           (zoned ? CNI_TYPE_FLAG_TIMEZONE : 0U);
    CN_TRY(put_byte(self, CNI_TAG_TYPE, err));
    CN_TRY(put_byte(self, type->id, err));
    CN_TRY(put_byte(self, type->unit, err));
    CN_TRY(put_byte(self, type->precision, err));
    CN_TRY(put_signed(self, type->scale, err));
    CN_TRY(put_byte(self, flags, err));
    CN_TRY(put_unsigned(self, (uint64_t)type->width, err));
    CN_TRY(put_children(self, type, numbers, err));
    if (zoned) {
        CN_TRY(put_string(self, type->timezone, err));
    }
    CN_TRY(put_string(self, type->extension_name, err));
    return put_string(self, type->extension_metadata, err);
}

static cn_code
write_type(writer *self, const cni_type *type, uint32_t *out_number, cn_error *err)
{
    uint32_t *numbers = NULL;
    if (find_number(self, type, out_number)) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(self->arena, type->n_children, 4, &numbers, err));
    for (int32_t child = 0; child < type->n_children; child++) {
        CN_TRY(write_type(self, type->children[child].type, &numbers[child], err));
    }
    CN_TRY(put_type(self, type, numbers, err));
    return number_item(self, type, out_number, err);
}

/* ---- values: types first, then the value in place ---- */

static cn_code
write_types_of(writer *self, const cni_value *value, cn_error *err)
{
    uint32_t number = 0;
    return write_type(self, value->type, &number, err);
}

static cn_code put_content(writer *self, const cni_value *value, cn_error *err);

static cn_code
put_items(writer *self, const cni_value *value, cn_error *err)
{
    CN_TRY(put_unsigned(self, (uint64_t)value->as.nested.n_items, err));
    for (int32_t item = 0; item < value->as.nested.n_items; item++) {
        CN_TRY(put_content(self, &value->as.nested.items[item], err));
    }
    return CN_OK;
}

/* Null flag and content; the type is known from outside. */
static cn_code
put_content(writer *self, const cni_value *value, cn_error *err)
{
    CN_TRY(put_byte(self, value->is_null ? 1 : 0, err));
    if (value->is_null) {
        return CN_OK;
    }
    switch (cni_type_phys(value->type)) {
    case CNI_PHYS_NONE:
        return CN_OK;
    case CNI_PHYS_BIT:
        return put_byte(self, value->as.boolean ? 1 : 0, err);
    case CNI_PHYS_U64:
        return put_unsigned(self, value->as.u64, err);
    case CNI_PHYS_I128:
        CN_TRY(put_signed(self, (int64_t)(value->as.i128 >> 64), err));
        return put_unsigned(self, (uint64_t)value->as.i128, err);
    case CNI_PHYS_F16:
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        return put_fixed(self, &value->as.f64, 8, err);
    case CNI_PHYS_INTERVAL:
        CN_TRY(put_signed(self, value->as.interval.months, err));
        CN_TRY(put_signed(self, value->as.interval.days, err));
        return put_signed(self, value->as.interval.nanos, err);
    case CNI_PHYS_VIEW:
    case CNI_PHYS_FIXED:
        return put_string(self, value->as.bytes, err);
    case CNI_PHYS_LIST:
    case CNI_PHYS_ARRAY:
    case CNI_PHYS_STRUCT:
        return put_items(self, value, err);
    case CNI_PHYS_I256:
    case CNI_PHYS_UNION:
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "a literal of a type that is only carried through");
    default:
        return put_signed(self, value->as.i64, err);
    }
}

static cn_code
put_value(writer *self, const cni_value *value, cn_error *err)
{
    uint32_t number = 0;
    CN_TRY(write_type(self, value->type, &number, err)); /* written before: only its number */
    CN_TRY(put_unsigned(self, number, err));
    return put_content(self, value, err);
}

/* ---- tables ---- */

static cn_code
write_table(writer *self, const cni_plan *scan, uint32_t *out_number, cn_error *err)
{
    const cni_table_recipe *recipe = scan->table->recipe;
    if (find_number(self, scan->table, out_number)) {
        return CN_OK;
    }
    if (recipe == NULL) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED,
                       "table %.*s cannot be written in a plan: nothing says how to open it again",
                       CNI_STR_ARGS(scan->table_name));
    }
    for (int32_t arg = 0; arg < recipe->n_args; arg++) {
        CN_TRY(write_types_of(self, &recipe->args[arg], err));
    }
    CN_TRY(put_byte(self, CNI_TAG_TABLE, err));
    CN_TRY(put_string(self, recipe->function, err));
    CN_TRY(put_string(self, recipe->name, err));
    CN_TRY(put_unsigned(self, (uint64_t)recipe->n_args, err));
    for (int32_t arg = 0; arg < recipe->n_args; arg++) {
        CN_TRY(put_value(self, &recipe->args[arg], err));
        CN_TRY(put_string(self, recipe->arg_names == NULL ? CNI_STR("") : recipe->arg_names[arg],
                          err));
    }
    return number_item(self, scan->table, out_number, err);
}

/* ---- expressions ---- */

static cn_code write_plan(writer *self, const cni_plan *plan, uint32_t *out_number, cn_error *err);
static cn_code write_expr(writer *self, const cni_expr *expr, uint32_t *out_number, cn_error *err);

static cn_code
put_number_of(writer *self, const void *object, cn_error *err)
{
    uint32_t number = 0;
    if (!find_number(self, object, &number)) {
        return CN_FAIL(err, CN_INTERNAL, "an item of a plan was not written before its use");
    }
    return put_unsigned(self, number, err);
}

static cn_code
write_clauses(writer *self, const cni_call_clauses *call, cn_error *err)
{
    uint32_t ignored = 0;
    const cni_expr *const singles[] = {call->filter, call->frame_start_offset,
                                       call->frame_end_offset};
    for (int64_t at = 0; at < CN_ARRAY_LEN(singles); at++) {
        if (singles[at] != NULL) {
            CN_TRY(write_expr(self, singles[at], &ignored, err));
        }
    }
    for (int32_t order = 0; order < call->n_orders; order++) {
        CN_TRY(write_expr(self, call->orders[order].expr, &ignored, err));
    }
    for (int32_t key = 0; key < call->n_partitions; key++) {
        CN_TRY(write_expr(self, call->partitions[key], &ignored, err));
    }
    return CN_OK;
}

static cn_code
put_orders(writer *self, const cni_order *orders, int32_t n_orders, cn_error *err)
{
    CN_TRY(put_unsigned(self, (uint64_t)n_orders, err));
    for (int32_t order = 0; order < n_orders; order++) {
        CN_TRY(put_number_of(self, orders[order].expr, err));
        CN_TRY(put_byte(self,
                        (orders[order].descending ? CNI_ORDER_DESCENDING : 0U) |
                            (orders[order].nulls_first ? CNI_ORDER_NULLS_FIRST : 0U),
                        err));
    }
    return CN_OK;
}

static cn_code
put_clauses(writer *self, const cni_call_clauses *call, cn_error *err)
{
    const uint32_t flags = (call->distinct ? CNI_CALL_DISTINCT : 0U) |
                           (call->ignore_nulls ? CNI_CALL_IGNORE_NULLS : 0U) |
                           (call->filter != NULL ? CNI_CALL_HAS_FILTER : 0U) |
                           (call->frame_start_offset != NULL ? CNI_CALL_HAS_FRAME_START : 0U) |
                           (call->frame_end_offset != NULL ? CNI_CALL_HAS_FRAME_END : 0U);
    CN_TRY(put_byte(self, flags, err));
    if (call->filter != NULL) {
        CN_TRY(put_number_of(self, call->filter, err));
    }
    CN_TRY(put_orders(self, call->orders, call->n_orders, err));
    CN_TRY(put_unsigned(self, (uint64_t)call->n_partitions, err));
    for (int32_t key = 0; key < call->n_partitions; key++) {
        CN_TRY(put_number_of(self, call->partitions[key], err));
    }
    const uint8_t frame[] = {call->frame_unit, call->frame_start, call->frame_end,
                             call->frame_exclude};
    CN_TRY(put_fixed(self, frame, (int64_t)sizeof(frame), err));
    if (call->frame_start_offset != NULL) {
        CN_TRY(put_number_of(self, call->frame_start_offset, err));
    }
    return call->frame_end_offset == NULL ? CN_OK
                                          : put_number_of(self, call->frame_end_offset, err);
}

static cn_code
put_by_kind(writer *self, const cni_expr *expr, cn_error *err)
{
    switch (expr->kind) {
    case CNI_EXPR_LITERAL:
        return put_value(self, expr->literal, err);
    case CNI_EXPR_COLUMN:
        return put_signed(self, expr->column_id, err);
    case CNI_EXPR_PARAMETER:
        return put_string(self, expr->parameter, err);
    case CNI_EXPR_CALL:
    case CNI_EXPR_AGGREGATE:
    case CNI_EXPR_WINDOW:
        return put_string(self, expr->function->name, err);
    case CNI_EXPR_SUBQUERY:
        return put_number_of(self, expr->subquery, err);
    default:
        return CN_OK;
    }
}

static CN_NOINLINE cn_code
put_expr(writer *self, const cni_expr *expr, cn_error *err)
{
    const uint32_t flags = (expr->negated ? CNI_FLAG_NEGATED : 0U) |
                           (expr->try_cast ? CNI_FLAG_TRY_CAST : 0U) |
                           (expr->sql_offset >= 0 ? CNI_FLAG_HAS_PLACE : 0U) |
                           (expr->call != NULL ? CNI_FLAG_HAS_CALL : 0U);
    CN_TRY(put_byte(self, CNI_TAG_EXPR, err));
    CN_TRY(put_byte(self, expr->kind, err));
    CN_TRY(put_byte(self, expr->op, err));
    CN_TRY(put_byte(self, expr->subquery_kind, err));
    CN_TRY(put_byte(self, flags, err));
    CN_TRY(put_number_of(self, expr->type, err));
    if (expr->sql_offset >= 0) {
        CN_TRY(put_signed(self, expr->sql_offset, err));
        CN_TRY(put_signed(self, expr->sql_length, err));
    }
    CN_TRY(put_unsigned(self, (uint64_t)expr->n_args, err));
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        CN_TRY(put_number_of(self, expr->args[arg], err));
    }
    CN_TRY(put_by_kind(self, expr, err));
    return expr->call == NULL ? CN_OK : put_clauses(self, expr->call, err);
}

static cn_code
write_expr(writer *self, const cni_expr *expr, uint32_t *out_number, cn_error *err)
{
    uint32_t ignored = 0;
    if (find_number(self, expr, out_number)) {
        return CN_OK;
    }
    if (expr->kind == CNI_EXPR_LAMBDA) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "lambdas cannot be written in a plan yet");
    }
    CN_TRY(write_type(self, expr->type, &ignored, err));
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        CN_TRY(write_expr(self, expr->args[arg], &ignored, err));
    }
    if (expr->kind == CNI_EXPR_LITERAL) {
        CN_TRY(write_types_of(self, expr->literal, err));
    }
    if (expr->call != NULL) {
        CN_TRY(write_clauses(self, expr->call, err));
    }
    if (expr->subquery != NULL) {
        CN_TRY(write_plan(self, expr->subquery, &ignored, err));
    }
    CN_TRY(put_expr(self, expr, err));
    return number_item(self, expr, out_number, err);
}

/* ---- plans ---- */

static cn_code
write_columns(writer *self, const cni_column *columns, int32_t n_columns, cn_error *err)
{
    uint32_t ignored = 0;
    for (int32_t column = 0; column < n_columns; column++) {
        CN_TRY(write_type(self, columns[column].type, &ignored, err));
    }
    return CN_OK;
}

static cn_code
put_columns(writer *self, const cni_column *columns, int32_t n_columns, cn_error *err)
{
    CN_TRY(put_unsigned(self, (uint64_t)n_columns, err));
    for (int32_t column = 0; column < n_columns; column++) {
        CN_TRY(put_signed(self, columns[column].id, err));
        CN_TRY(put_string(self, columns[column].name, err));
        CN_TRY(put_number_of(self, columns[column].type, err));
        CN_TRY(put_byte(self, columns[column].nullable ? 1 : 0, err));
    }
    return CN_OK;
}

static cn_code
put_exprs(writer *self, const cni_expr *const *exprs, int32_t n_exprs, cn_error *err)
{
    CN_TRY(put_unsigned(self, (uint64_t)n_exprs, err));
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        CN_TRY(put_number_of(self, exprs[expr], err));
    }
    return CN_OK;
}

static cn_code
put_scan(writer *self, const cni_plan *plan, cn_error *err)
{
    CN_TRY(put_number_of(self, plan->table, err));
    CN_TRY(put_string(self, plan->table_name, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        CN_TRY(put_unsigned(self, (uint64_t)plan->table_columns[column], err));
    }
    CN_TRY(put_exprs(self, plan->filters, plan->n_filters, err));
    CN_TRY(put_columns(self, plan->filter_columns, plan->n_filter_columns, err));
    for (int32_t column = 0; column < plan->n_filter_columns; column++) {
        CN_TRY(put_unsigned(self, (uint64_t)plan->filter_table_columns[column], err));
    }
    return CN_OK;
}

static cn_code
put_cte(writer *self, const cni_plan *plan, cn_error *err)
{
    CN_TRY(put_signed(self, plan->cte_id, err));
    CN_TRY(put_string(self, plan->table_name, err));
    for (int32_t column = 0; plan->kind == CNI_PLAN_CTE_SCAN && column < plan->n_columns;
         column++) {
        CN_TRY(put_unsigned(self, (uint64_t)plan->table_columns[column], err));
    }
    return CN_OK;
}

static cn_code
put_plan_by_kind(writer *self, const cni_plan *plan, cn_error *err)
{
    switch (plan->kind) {
    case CNI_PLAN_SCAN:
        return put_scan(self, plan, err);
    case CNI_PLAN_JOIN:
        return put_byte(self, plan->join_kind, err);
    case CNI_PLAN_WITH:
    case CNI_PLAN_CTE_SCAN:
    case CNI_PLAN_RECURSIVE:
        return put_cte(self, plan, err);
    default:
        return CN_OK;
    }
}

static CN_NOINLINE cn_code
put_plan(writer *self, const cni_plan *plan, cn_error *err)
{
    CN_TRY(put_byte(self, CNI_TAG_PLAN, err));
    CN_TRY(put_byte(self, plan->kind, err));
    CN_TRY(put_fixed(self, &plan->estimated_rows, 8, err));
    CN_TRY(put_fixed(self, &plan->estimated_cost, 8, err));
    CN_TRY(put_columns(self, plan->columns, plan->n_columns, err));
    CN_TRY(put_unsigned(self, (uint64_t)plan->n_children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(put_number_of(self, plan->children[child], err));
    }
    CN_TRY(put_exprs(self, plan->exprs, plan->n_exprs, err));
    CN_TRY(put_signed(self, plan->n_rows, err));
    CN_TRY(put_unsigned(self, (uint64_t)plan->n_groups, err));
    CN_TRY(put_byte(self,
                    (plan->predicate != NULL ? CNI_PLAN_FLAG_PREDICATE : 0U) |
                        (plan->null_aware ? CNI_PLAN_FLAG_NULL_AWARE : 0U) |
                        (plan->distinct ? CNI_PLAN_FLAG_DISTINCT : 0U),
                    err));
    if (plan->predicate != NULL) {
        CN_TRY(put_number_of(self, plan->predicate, err));
    }
    CN_TRY(put_orders(self, plan->orders, plan->n_orders, err));
    CN_TRY(put_signed(self, plan->limit, err));
    CN_TRY(put_signed(self, plan->offset, err));
    return put_plan_by_kind(self, plan, err);
}

static cn_code
write_exprs(writer *self, const cni_expr *const *exprs, int32_t n_exprs, cn_error *err)
{
    uint32_t ignored = 0;
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        CN_TRY(write_expr(self, exprs[expr], &ignored, err));
    }
    return CN_OK;
}

static cn_code
write_parts(writer *self, const cni_plan *plan, cn_error *err)
{
    uint32_t ignored = 0;
    CN_TRY(write_columns(self, plan->columns, plan->n_columns, err));
    CN_TRY(write_columns(self, plan->filter_columns, plan->n_filter_columns, err));
    CN_TRY(write_exprs(self, plan->exprs, plan->n_exprs, err));
    CN_TRY(write_exprs(self, plan->filters, plan->n_filters, err));
    if (plan->predicate != NULL) {
        CN_TRY(write_expr(self, plan->predicate, &ignored, err));
    }
    for (int32_t order = 0; order < plan->n_orders; order++) {
        CN_TRY(write_expr(self, plan->orders[order].expr, &ignored, err));
    }
    return plan->kind == CNI_PLAN_SCAN ? write_table(self, plan, &ignored, err) : CN_OK;
}

static cn_code
write_plan(writer *self, const cni_plan *plan, uint32_t *out_number, cn_error *err)
{
    uint32_t ignored = 0;
    if (find_number(self, plan, out_number)) {
        return CN_OK;
    }
    if (plan->kind == CNI_PLAN_INVALID || plan->kind > CNI_PLAN_WINDOW) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "%s cannot be written in a plan yet",
                       cni_plan_kind_name(plan->kind));
    }
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(write_plan(self, plan->children[child], &ignored, err));
    }
    CN_TRY(write_parts(self, plan, err));
    CN_TRY(put_plan(self, plan, err));
    return number_item(self, plan, out_number, err);
}

cn_code
cni_plan_write(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    uint32_t root = 0;
    CN_TRY(cni_arena_new(out->allocator, "plan writer", &arena, err));
    writer self = {.out = out, .arena = arena};
    CN_TRY(put_fixed(&self, CNI_PLAN_MAGIC, 4, err));
    CN_TRY(put_unsigned(&self, CNI_PLAN_BINARY_VERSION, err));
    CN_TRY(write_plan(&self, plan, &root, err));
    CN_TRY(put_byte(&self, CNI_TAG_END, err));
    return put_unsigned(&self, root, err);
}
