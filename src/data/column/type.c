/* SPDX-License-Identifier: Apache-2.0
 *
 * Logical types: the static constants, constructors into an arena, copies, comparison and
 * questions. Types are immutable; a pointer to a simple one may be shared by everything. Walks over
 * nested types recurse at most CNI_TYPE_DEPTH_MAX levels, which the constructors enforce. Spelling:
 * type_name.c.
 */
#include "data/column/type.h"

static const cni_type simple_types[CNI_TYPE_COUNT_] = {
#define X(type_id, name, phys)                                                                     \
    [CNI_TYPE_##type_id] = {.id = CNI_TYPE_##type_id, .unit = CNI_UNIT_US},
    CNI_TYPE_LIST(X)
#undef X
};

static const cni_type timestamp_types[] = {
    [CNI_UNIT_S] = {.id = CNI_TYPE_TIMESTAMP, .unit = CNI_UNIT_S},
    [CNI_UNIT_MS] = {.id = CNI_TYPE_TIMESTAMP, .unit = CNI_UNIT_MS},
    [CNI_UNIT_US] = {.id = CNI_TYPE_TIMESTAMP, .unit = CNI_UNIT_US},
    [CNI_UNIT_NS] = {.id = CNI_TYPE_TIMESTAMP, .unit = CNI_UNIT_NS},
};

static const cni_type timestamptz_type = {
    .id = CNI_TYPE_TIMESTAMP, .unit = CNI_UNIT_US, .timezone = {"UTC", 3}};

/* decimal_types[precision - 1][scale]; entries with scale > precision are never given out. */
#define D(p, s) {.id = CNI_TYPE_DECIMAL, .precision = (p), .scale = (s)}
#define TEN(p, s)                                                                                  \
    D(p, s), D(p, (s) + 1), D(p, (s) + 2), D(p, (s) + 3), D(p, (s) + 4), D(p, (s) + 5),            \
        D(p, (s) + 6), D(p, (s) + 7), D(p, (s) + 8), D(p, (s) + 9)
#define ROW(p) {TEN(p, 0), TEN(p, 10), TEN(p, 20), TEN(p, 30)}
#define TEN_ROWS(p)                                                                                \
    ROW(p), ROW((p) + 1), ROW((p) + 2), ROW((p) + 3), ROW((p) + 4), ROW((p) + 5), ROW((p) + 6),    \
        ROW((p) + 7), ROW((p) + 8), ROW((p) + 9)
static const cni_type decimal_types[40][40] = {TEN_ROWS(1), TEN_ROWS(11), TEN_ROWS(21),
                                               TEN_ROWS(31)};
#undef D
#undef TEN
#undef ROW
#undef TEN_ROWS

const cni_type *
cni_type_of(cni_type_id id)
{
    switch (id) {
    case CNI_TYPE_INVALID:
    case CNI_TYPE_DECIMAL:
    case CNI_TYPE_FIXED_BINARY:
    case CNI_TYPE_LIST:
    case CNI_TYPE_ARRAY:
    case CNI_TYPE_STRUCT:
    case CNI_TYPE_MAP:
    case CNI_TYPE_UNION:
    case CNI_TYPE_COUNT_:
        return NULL;
    default:
        return &simple_types[id];
    }
}

const cni_type *
cni_type_timestamp(cni_unit unit)
{
    return unit == CNI_UNIT_US ? &simple_types[CNI_TYPE_TIMESTAMP] : &timestamp_types[unit];
}

const cni_type *
cni_type_timestamptz(void)
{
    return &timestamptz_type;
}

const cni_type *
cni_type_decimal(int32_t precision, int32_t scale)
{
    CN_ASSERT(precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision);
    return &decimal_types[precision - 1][scale];
}

int32_t
cni_type_depth(const cni_type *type)
{
    int32_t deepest = 0;
    for (int32_t child = 0; child < type->n_children; child++) {
        const int32_t depth = cni_type_depth(type->children[child].type);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

static cn_code
check_depth(const cni_field *fields, int32_t n_fields, cn_error *err)
{
    for (int32_t field = 0; field < n_fields; field++) {
        if (cni_type_depth(fields[field].type) >= CNI_TYPE_DEPTH_MAX) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a type nests deeper than %d levels",
                           CNI_TYPE_DEPTH_MAX);
        }
    }
    return CN_OK;
}

static cn_code
copy_text(cni_arena *arena, cni_str text, cni_str *out_copy, cn_error *err)
{
    if (text.data == NULL) {
        *out_copy = text;
        return CN_OK;
    }
    return cni_arena_str(arena, text, out_copy, err);
}

/* Fields with names copied; types as they are. */
static cn_code
copy_fields(cni_arena *arena, const cni_field *fields, int32_t n_fields, cni_field **out_fields,
            cn_error *err)
{
    cni_field *copies = NULL;
    CN_TRY(cni_arena_alloc_array(arena, n_fields, (int64_t)sizeof(*copies), &copies, err));
    for (int32_t field = 0; field < n_fields; field++) {
        copies[field] = fields[field];
        CN_TRY(copy_text(arena, fields[field].name, &copies[field].name, err));
        CN_TRY(copy_text(arena, fields[field].metadata, &copies[field].metadata, err));
    }
    *out_fields = copies;
    return CN_OK;
}

cn_code
cni_type_list(cni_arena *arena, const cni_type *item, const cni_type **out_type, cn_error *err)
{
    const cni_field field = {.name = CNI_STR("item"), .type = item, .nullable = true};
    CN_TRY(check_depth(&field, 1, err));
    cni_type *type = NULL;
    cni_field *fields = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &type, err));
    CN_TRY(copy_fields(arena, &field, 1, &fields, err));
    *type = (cni_type){.id = CNI_TYPE_LIST, .n_children = 1, .children = fields};
    *out_type = type;
    return CN_OK;
}

cn_code
cni_type_struct(cni_arena *arena, const cni_field *fields, int32_t n_fields,
                const cni_type **out_type, cn_error *err)
{
    CN_TRY(check_depth(fields, n_fields, err));
    cni_type *type = NULL;
    cni_field *copies = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &type, err));
    CN_TRY(copy_fields(arena, fields, n_fields, &copies, err));
    *type = (cni_type){.id = CNI_TYPE_STRUCT, .n_children = n_fields, .children = copies};
    *out_type = type;
    return CN_OK;
}

/* The static constant that equals a simple type, or NULL. */
static const cni_type *
static_equal(const cni_type *type)
{
    const cni_type *constant = cni_type_of((cni_type_id)type->id);
    if (type->id == CNI_TYPE_DECIMAL && type->precision <= 38 && type->scale >= 0 &&
        type->scale <= type->precision) {
        constant = cni_type_decimal(type->precision, type->scale);
    } else if (type->id == CNI_TYPE_TIMESTAMP) {
        constant = type->timezone.data != NULL ? cni_type_timestamptz()
                                               : cni_type_timestamp((cni_unit)type->unit);
    }
    return constant != NULL && cni_type_equal(constant, type) ? constant : NULL;
}

static cn_code
copy_nested(cni_arena *arena, const cni_type *type, cni_type *copy, cn_error *err)
{
    cni_field *fields = NULL;
    CN_TRY(copy_fields(arena, type->children, type->n_children, &fields, err));
    for (int32_t child = 0; child < type->n_children; child++) {
        CN_TRY(cni_type_copy(arena, type->children[child].type, &fields[child].type, err));
    }
    copy->children = fields;
    if (type->union_codes != NULL) {
        int8_t *codes = NULL;
        CN_TRY(cni_arena_alloc_array(arena, type->n_children, 1, &codes, err));
        memcpy(codes, type->union_codes, (size_t)type->n_children);
        copy->union_codes = codes;
    }
    return CN_OK;
}

cn_code
cni_type_copy(cni_arena *arena, const cni_type *type, const cni_type **out_type, cn_error *err)
{
    const cni_type *constant = static_equal(type);
    if (constant != NULL) {
        *out_type = constant;
        return CN_OK;
    }
    cni_type *copy = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &copy, err));
    *copy = *type;
    CN_TRY(copy_text(arena, type->timezone, &copy->timezone, err));
    CN_TRY(copy_text(arena, type->extension_name, &copy->extension_name, err));
    CN_TRY(copy_text(arena, type->extension_metadata, &copy->extension_metadata, err));
    if (type->n_children > 0) {
        CN_TRY(copy_nested(arena, type, copy, err));
    }
    *out_type = copy;
    return CN_OK;
}

cn_code
cni_schema_copy(cni_arena *arena, const cni_schema *schema, cni_schema *out_schema, cn_error *err)
{
    cni_field *fields = NULL;
    cni_str metadata = schema->metadata;
    CN_TRY(copy_text(arena, schema->metadata, &metadata, err));
    CN_TRY(copy_fields(arena, schema->fields, schema->n_fields, &fields, err));
    for (int32_t field = 0; field < schema->n_fields; field++) {
        CN_TRY(cni_type_copy(arena, schema->fields[field].type, &fields[field].type, err));
    }
    *out_schema =
        (cni_schema){.n_fields = schema->n_fields, .fields = fields, .metadata = metadata};
    return CN_OK;
}

cni_phys
cni_type_phys(const cni_type *type)
{
    static const uint8_t phys_of_id[CNI_TYPE_COUNT_] = {
#define X(type_id, name, phys) [CNI_TYPE_##type_id] = CNI_PHYS_##phys,
        CNI_TYPE_LIST(X)
#undef X
    };
    if (type->id == CNI_TYPE_DECIMAL && type->precision > 18) {
        return type->precision > 38 ? CNI_PHYS_I256 : CNI_PHYS_I128;
    }
    if (type->id == CNI_TYPE_TIME && type->unit <= CNI_UNIT_MS) {
        return CNI_PHYS_I32;
    }
    return (cni_phys)phys_of_id[type->id];
}

int32_t
cni_phys_bytes(cni_phys phys, const cni_type *type)
{
    static const int8_t bytes_of_phys[CNI_PHYS_COUNT_] = {
        [CNI_PHYS_I8] = 1,    [CNI_PHYS_I16] = 2,   [CNI_PHYS_I32] = 4,   [CNI_PHYS_I64] = 8,
        [CNI_PHYS_U8] = 1,    [CNI_PHYS_U16] = 2,   [CNI_PHYS_U32] = 4,   [CNI_PHYS_U64] = 8,
        [CNI_PHYS_I128] = 16, [CNI_PHYS_I256] = 32, [CNI_PHYS_F16] = 2,   [CNI_PHYS_F32] = 4,
        [CNI_PHYS_F64] = 8,   [CNI_PHYS_VIEW] = 16, [CNI_PHYS_FIXED] = 0, [CNI_PHYS_INTERVAL] = 16,
        [CNI_PHYS_LIST] = 16, [CNI_PHYS_UNION] = 1,
    };
    return phys == CNI_PHYS_FIXED ? type->width : bytes_of_phys[phys];
}

static bool
fields_equal(const cni_type *a, const cni_type *b, bool with_names)
{
    for (int32_t child = 0; child < a->n_children; child++) {
        if ((with_names && !cni_str_eq(a->children[child].name, b->children[child].name)) ||
            !cni_type_equal(a->children[child].type, b->children[child].type)) {
            return false;
        }
    }
    return true;
}

/* A map's entries are equal whatever their fields are called. */
static bool
map_entries_equal(const cni_type *a, const cni_type *b)
{
    const cni_type *entry_a = a->children[0].type;
    const cni_type *entry_b = b->children[0].type;
    return entry_a->n_children == entry_b->n_children && fields_equal(entry_a, entry_b, false);
}

static bool
parameters_equal(const cni_type *a, const cni_type *b)
{
    switch ((cni_type_id)a->id) {
    case CNI_TYPE_DECIMAL:
        return a->precision == b->precision && a->scale == b->scale;
    case CNI_TYPE_FIXED_BINARY:
        return a->width == b->width;
    case CNI_TYPE_TIME:
    case CNI_TYPE_DURATION:
        return a->unit == b->unit;
    case CNI_TYPE_TIMESTAMP:
        return a->unit == b->unit && (a->timezone.data == NULL) == (b->timezone.data == NULL) &&
               cni_str_eq(a->timezone, b->timezone);
    case CNI_TYPE_LIST:
        return fields_equal(a, b, false);
    case CNI_TYPE_ARRAY:
        return a->width == b->width && fields_equal(a, b, false);
    case CNI_TYPE_STRUCT:
        return fields_equal(a, b, true);
    case CNI_TYPE_MAP:
        return map_entries_equal(a, b);
    case CNI_TYPE_UNION:
        return a->dense == b->dense && fields_equal(a, b, true) &&
               (a->n_children == 0 ||
                memcmp(a->union_codes, b->union_codes, (size_t)a->n_children) == 0);
    default:
        return true;
    }
}

bool
cni_type_equal(const cni_type *a, const cni_type *b)
{
    if (a == b) {
        return true;
    }
    return a->id == b->id && a->n_children == b->n_children && parameters_equal(a, b) &&
           cni_str_eq(a->extension_name, b->extension_name) &&
           cni_str_eq(a->extension_metadata, b->extension_metadata);
}

bool
cni_type_is_integer(const cni_type *type)
{
    return type->id >= CNI_TYPE_INT8 && type->id <= CNI_TYPE_HUGEINT;
}

bool
cni_type_is_float(const cni_type *type)
{
    return type->id >= CNI_TYPE_FLOAT16 && type->id <= CNI_TYPE_FLOAT64;
}

bool
cni_type_is_numeric(const cni_type *type)
{
    return type->id >= CNI_TYPE_INT8 && type->id <= CNI_TYPE_DECIMAL;
}

bool
cni_type_is_nested(const cni_type *type)
{
    return type->id >= CNI_TYPE_LIST && type->id <= CNI_TYPE_UNION;
}
