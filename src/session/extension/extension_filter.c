/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters as a host sees them: column, operator, literal, and the whole as text. The accessors are
 * public.
 */
#include "session/extension/extension_table.h"

#define FILTER_TEXT_MAX_BYTES (1 << 20)

typedef struct name_state {
    const cni_schema *schema;
    const cni_slot_of_table *slots;
    int32_t n_slots;
} name_state;

static int32_t
table_column_of(const name_state *state, int32_t column_id)
{
    for (int32_t slot = 0; slot < state->n_slots; slot++) {
        if (state->slots[slot].column_id == column_id) {
            return state->slots[slot].table_column;
        }
    }
    return -1;
}

static cni_str
column_name(const void *opaque, int32_t column_id)
{
    const name_state *state = opaque;
    const int32_t column = table_column_of(state, column_id);
    return column < 0 ? CNI_STR("?") : state->schema->fields[column].name;
}

static cn_code
filter_text(cni_arena *arena, const name_state *state, const cni_expr *expr, const char **out_text,
            cn_error *err)
{
    cni_strbuf buffer;
    cni_str copy = {0};
    cni_strbuf_init(&buffer, cni_allocator_system(), FILTER_TEXT_MAX_BYTES);
    cn_code code = cni_expr_print(expr, column_name, state, &buffer, err);
    if (code == CN_OK) {
        code = cni_arena_str(arena, cni_strbuf_view(&buffer), &copy, err);
    }
    cni_strbuf_done(&buffer);
    *out_text = copy.data;
    return code;
}

cn_code
cni_filter_of_expr(cni_arena *arena, const cni_schema *schema, const cni_expr *expr,
                   const cni_slot_of_table *slots, int32_t n_slots, cn_filter *out_filter,
                   cn_error *err)
{
    static const int32_t ops[CNI_COMPARE_COUNT_] = {
        [CNI_EQ] = CN_FILTER_EQ, [CNI_NE] = CN_FILTER_NE, [CNI_LT] = CN_FILTER_LT,
        [CNI_LE] = CN_FILTER_LE, [CNI_GT] = CN_FILTER_GT, [CNI_GE] = CN_FILTER_GE,
    };
    const name_state state = {.schema = schema, .slots = slots, .n_slots = n_slots};
    const bool names_column = expr->n_args > 0 && expr->args[0]->kind == CNI_EXPR_COLUMN;
    cn_filter filter = {.op = CN_FILTER_OTHER, .column = -1};
    if (names_column && expr->kind == CNI_EXPR_COMPARE && expr->args[1]->kind == CNI_EXPR_LITERAL &&
        !expr->args[1]->literal->is_null) {
        filter.op = ops[expr->op];
        filter.literal = expr->args[1]->literal;
    } else if (names_column && expr->kind == CNI_EXPR_IS_NULL) {
        filter.op = expr->negated ? CN_FILTER_IS_NOT_NULL : CN_FILTER_IS_NULL;
    }
    if (filter.op != CN_FILTER_OTHER) {
        filter.column = table_column_of(&state, expr->args[0]->column_id);
    }
    CN_TRY(filter_text(arena, &state, expr, &filter.text, err));
    *out_filter = filter;
    return CN_OK;
}

int32_t
cn_filter_get_op(const cn_filter *filter)
{
    return filter->op;
}

int32_t
cn_filter_get_column(const cn_filter *filter)
{
    return filter->column;
}

int32_t
cn_filter_get_int64(const cn_filter *filter, int64_t *out_value)
{
    if (filter->literal == NULL) {
        return 0;
    }
    switch ((cni_type_id)filter->literal->type->id) {
    case CNI_TYPE_BOOL:
        *out_value = filter->literal->as.boolean ? 1 : 0;
        return 1;
    case CNI_TYPE_INT8:
    case CNI_TYPE_INT16:
    case CNI_TYPE_INT32:
    case CNI_TYPE_INT64:
    case CNI_TYPE_UINT8:
    case CNI_TYPE_UINT16:
    case CNI_TYPE_UINT32:
    case CNI_TYPE_DATE:
    case CNI_TYPE_TIME:
    case CNI_TYPE_TIMESTAMP:
        *out_value = filter->literal->as.i64;
        return 1;
    case CNI_TYPE_DECIMAL:
        *out_value = filter->literal->as.i64;
        return filter->literal->type->precision <= 18 ? 1 : 0;
    default:
        return 0;
    }
}

int32_t
cn_filter_get_double(const cn_filter *filter, double *out_value)
{
    if (filter->literal == NULL || !cni_type_is_float(filter->literal->type)) {
        return 0;
    }
    *out_value = filter->literal->as.f64;
    return 1;
}

int32_t
cn_filter_get_bytes(const cn_filter *filter, const char **out_data, int64_t *out_length)
{
    if (filter->literal == NULL || (filter->literal->type->id != CNI_TYPE_VARCHAR &&
                                    filter->literal->type->id != CNI_TYPE_BLOB)) {
        return 0;
    }
    *out_data = filter->literal->as.bytes.data;
    *out_length = filter->literal->as.bytes.len_bytes;
    return 1;
}

const char *
cn_filter_get_text(const cn_filter *filter)
{
    return filter->text;
}
