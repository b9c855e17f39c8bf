/* SPDX-License-Identifier: Apache-2.0
 *
 * Type names: PostgreSQL's and DuckDB's spellings, case ignored, to engine types.
 */
#include "sql/bind/bind_int.h"

typedef struct type_name {
    const char *name;
    uint8_t id;
} type_name;

static const type_name type_names[] = {
    {"bool", CNI_TYPE_BOOL},      {"boolean", CNI_TYPE_BOOL},      {"logical", CNI_TYPE_BOOL},
    {"tinyint", CNI_TYPE_INT8},   {"int1", CNI_TYPE_INT8},         {"smallint", CNI_TYPE_INT16},
    {"int2", CNI_TYPE_INT16},     {"short", CNI_TYPE_INT16},       {"integer", CNI_TYPE_INT32},
    {"int", CNI_TYPE_INT32},      {"int4", CNI_TYPE_INT32},        {"signed", CNI_TYPE_INT32},
    {"int32", CNI_TYPE_INT32},    {"bigint", CNI_TYPE_INT64},      {"int8", CNI_TYPE_INT64},
    {"long", CNI_TYPE_INT64},     {"int64", CNI_TYPE_INT64},       {"utinyint", CNI_TYPE_UINT8},
    {"uint8", CNI_TYPE_UINT8},    {"usmallint", CNI_TYPE_UINT16},  {"uint16", CNI_TYPE_UINT16},
    {"int16", CNI_TYPE_INT16},    {"uinteger", CNI_TYPE_UINT32},   {"uint32", CNI_TYPE_UINT32},
    {"ubigint", CNI_TYPE_UINT64}, {"uint64", CNI_TYPE_UINT64},     {"hugeint", CNI_TYPE_HUGEINT},
    {"int128", CNI_TYPE_HUGEINT}, {"real", CNI_TYPE_FLOAT32},      {"float4", CNI_TYPE_FLOAT32},
    {"float", CNI_TYPE_FLOAT32},  {"float32", CNI_TYPE_FLOAT32},   {"double", CNI_TYPE_FLOAT64},
    {"float8", CNI_TYPE_FLOAT64}, {"float64", CNI_TYPE_FLOAT64},   {"varchar", CNI_TYPE_VARCHAR},
    {"text", CNI_TYPE_VARCHAR},   {"string", CNI_TYPE_VARCHAR},    {"char", CNI_TYPE_VARCHAR},
    {"bpchar", CNI_TYPE_VARCHAR}, {"blob", CNI_TYPE_BLOB},         {"bytea", CNI_TYPE_BLOB},
    {"binary", CNI_TYPE_BLOB},    {"varbinary", CNI_TYPE_BLOB},    {"date", CNI_TYPE_DATE},
    {"time", CNI_TYPE_TIME},      {"interval", CNI_TYPE_INTERVAL}, {"null", CNI_TYPE_NULL},
};

typedef struct timestamp_name {
    const char *name;
    uint8_t unit;
} timestamp_name;

static const timestamp_name timestamp_names[] = {
    {"timestamp", CNI_UNIT_US},  {"datetime", CNI_UNIT_US},     {"timestamp_us", CNI_UNIT_US},
    {"timestamp_s", CNI_UNIT_S}, {"timestamp_ms", CNI_UNIT_MS}, {"timestamp_ns", CNI_UNIT_NS},
};

/* Modifier k as a small number, -1 when it is not one. */
static int64_t
modifier_number(const cni_sql_type *type, int32_t index)
{
    const cni_sql_expr *expr = type->modifiers.items[index];
    if (expr->kind != CNI_SQL_EXPR_LITERAL || expr->literal_kind != CNI_SQL_LITERAL_INTEGER ||
        expr->text.len_bytes > 9) {
        return -1;
    }
    int64_t number = 0;
    for (int64_t digit = 0; digit < expr->text.len_bytes; digit++) {
        number = number * 10 + (expr->text.data[digit] - '0');
    }
    return number;
}

static cn_code
bind_decimal(const cni_sql_type *type, const cni_type **out_type, cn_error *err)
{
    const int32_t n_modifiers = type->modifiers.n_items;
    const int64_t precision = n_modifiers > 0 ? modifier_number(type, 0) : 18;
    const int64_t scale = n_modifiers > 1 ? modifier_number(type, 1) : n_modifiers > 0 ? 0 : 3;
    if (n_modifiers > 2 || precision < 1 || precision > CNI_DECIMAL_MAX_DIGITS || scale < 0 ||
        scale > precision) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "22023", type->node.offset,
                             type->node.length,
                             "DECIMAL takes a precision of 1 to %d and a scale of 0 to the "
                             "precision",
                             CNI_DECIMAL_MAX_DIGITS);
    }
    *out_type = cni_type_decimal((int32_t)precision, (int32_t)scale);
    return CN_OK;
}

/* TIMESTAMP(p): 0, 3, 6, 9 digits of a second. */
static cn_code
bind_timestamp(const cni_sql_type *type, uint8_t unit, const cni_type **out_type, cn_error *err)
{
    static const int64_t digits[] = {0, 3, 6, 9};
    if (type->modifiers.n_items == 1) {
        const int64_t wanted = modifier_number(type, 0);
        bool found = false;
        for (uint8_t index = 0; index < 4 && !found; index++) {
            found = wanted == digits[index];
            unit = found ? index : unit;
        }
        if (!found) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "22023", type->node.offset,
                                 type->node.length, "TIMESTAMP takes a precision of 0, 3, 6 or 9");
        }
    }
    *out_type = cni_type_timestamp((cni_unit)unit);
    return CN_OK;
}

static cn_code
unknown_type(const cni_sql_type *type, cni_str name, cn_error *err)
{
    CN_TRY(cni_bind_refuse_later(CNI_BIND_LATER_TYPE, name, type->node.offset, type->node.length,
                                 err));
    const char *names[CN_ARRAY_LEN(type_names)];
    for (int64_t index = 0; index < CN_ARRAY_LEN(type_names); index++) {
        names[index] = type_names[index].name;
    }
    const char *nearest = cni_suggest(name.data, name.len_bytes, names, CN_ARRAY_LEN(type_names));
    return cni_bind_fail(err, CN_NOT_FOUND, "42704", type->node.offset, type->node.length,
                         "type \"%.*s\" does not exist%s%s%s", CNI_STR_ARGS(name),
                         nearest == NULL ? "" : "; did you mean ", nearest == NULL ? "" : nearest,
                         nearest == NULL ? "" : "?");
}

static cn_code
bind_named(const cni_sql_type *type, const cni_type **out_type, cn_error *err)
{
    const cni_str name = type->name.parts[type->name.n_parts - 1].text;
    if (cni_str_eq_nocase(name, CNI_STR("decimal")) ||
        cni_str_eq_nocase(name, CNI_STR("numeric")) || cni_str_eq_nocase(name, CNI_STR("dec"))) {
        return bind_decimal(type, out_type, err);
    }
    if (cni_str_eq_nocase(name, CNI_STR("timestamptz")) && type->modifiers.n_items == 0) {
        *out_type = cni_type_timestamptz();
        return CN_OK;
    }
    for (int64_t index = 0; index < CN_ARRAY_LEN(timestamp_names); index++) {
        if (cni_str_eq_nocase(name, cni_str_of(timestamp_names[index].name))) {
            return bind_timestamp(type, timestamp_names[index].unit, out_type, err);
        }
    }
    for (int64_t index = 0; index < CN_ARRAY_LEN(type_names); index++) {
        if (cni_str_eq_nocase(name, cni_str_of(type_names[index].name))) {
            if (type->modifiers.n_items > 0) {
                return cni_bind_refuse(err, type->node.offset, type->node.length,
                                       "length limits of types");
            }
            *out_type = cni_type_of((cni_type_id)type_names[index].id);
            return CN_OK;
        }
    }
    return unknown_type(type, name, err);
}

static cn_code
bind_struct(cni_binder *binder, const cni_sql_type *type, const cni_type **out_type, cn_error *err)
{
    cni_field *fields = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, type->n_children, (int64_t)sizeof(*fields), &fields,
                                 err));
    for (int32_t child = 0; child < type->n_children; child++) {
        fields[child] = (cni_field){.name = type->field_names[child].text, .nullable = true};
        CN_TRY(cni_bind_sql_type(binder, type->children[child], &fields[child].type, err));
    }
    return cni_type_struct(binder->arena, fields, type->n_children, out_type, err);
}

cn_code
cni_bind_sql_type(cni_binder *binder, const cni_sql_type *type, const cni_type **out_type,
                  cn_error *err)
{
    const cni_type *item = NULL;
    switch ((cni_sql_type_kind)type->kind) {
    case CNI_SQL_TYPE_NAMED:
        return bind_named(type, out_type, err);
    case CNI_SQL_TYPE_LIST:
        CN_TRY(cni_bind_sql_type(binder, type->children[0], &item, err));
        return cni_type_list(binder->arena, item, out_type, err);
    case CNI_SQL_TYPE_STRUCT:
        return bind_struct(binder, type, out_type, err);
    case CNI_SQL_TYPE_ARRAY:
        return cni_bind_refuse(err, type->node.offset, type->node.length, "ARRAY types");
    case CNI_SQL_TYPE_MAP:
        return cni_bind_refuse(err, type->node.offset, type->node.length, "MAP types");
    case CNI_SQL_TYPE_UNION:
        return cni_bind_refuse(err, type->node.offset, type->node.length, "UNION types");
    case CNI_SQL_TYPE_ENUM:
        return cni_bind_refuse(err, type->node.offset, type->node.length, "ENUM types");
    }
    return CN_FAIL(err, CN_INTERNAL, "unknown kind of type node (%d)", type->kind);
}

cn_code
cni_bind_type(const cni_bind_env *env, const cni_sql_type *type, const cni_type **out_type,
              cn_error *err)
{
    cni_binder binder = {.env = env, .arena = env->arena};
    return cni_bind_sql_type(&binder, type, out_type, err);
}
