/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan reader's primitives, types and values. See plan_read_int.h.
 */
#include "plan/ir/plan_read_int.h"

/* ---- primitives ---- */

cn_code
cni_read_fail(const cni_plan_reader *self, const char *defect, cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_DATA, "plan: %s at byte %lld", defect, (long long)self->at);
}

cn_code
cni_read_byte(cni_plan_reader *self, uint8_t *out_byte, cn_error *err)
{
    if (self->at >= self->len_bytes) {
        return cni_read_fail(self, "the end is missing", err);
    }
    *out_byte = self->data[self->at++];
    return CN_OK;
}

cn_code
cni_read_unsigned(cni_plan_reader *self, uint64_t *out_value, cn_error *err)
{
    uint64_t value = 0;
    for (int32_t shift = 0; shift < 64; shift += 7) {
        uint8_t byte = 0;
        CN_TRY(cni_read_byte(self, &byte, err));
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *out_value = value;
            return CN_OK;
        }
    }
    return cni_read_fail(self, "a number of more than 64 bits", err);
}

cn_code
cni_read_signed(cni_plan_reader *self, int64_t least, int64_t most, int64_t *out_value,
                cn_error *err)
{
    uint64_t zigzag = 0;
    CN_TRY(cni_read_unsigned(self, &zigzag, err));
    const int64_t value = (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
    if (value < least || value > most) {
        return cni_read_fail(self, "a number out of range", err);
    }
    *out_value = value;
    return CN_OK;
}

cn_code
cni_read_count(cni_plan_reader *self, int64_t item_bytes, int32_t *out_count, cn_error *err)
{
    uint64_t count = 0;
    CN_TRY(cni_read_unsigned(self, &count, err));
    if (count > (uint64_t)((self->len_bytes - self->at) / item_bytes) || count > INT32_MAX / 2) {
        return cni_read_fail(self, "more items than bytes", err);
    }
    *out_count = (int32_t)count;
    return CN_OK;
}

cn_code
cni_read_bytes(cni_plan_reader *self, cni_str *out_bytes, cn_error *err)
{
    uint64_t n_bytes = 0;
    CN_TRY(cni_read_unsigned(self, &n_bytes, err));
    if (n_bytes > (uint64_t)(self->len_bytes - self->at)) {
        return cni_read_fail(self, "a string longer than the input", err);
    }
    const cni_str bytes = {(const char *)self->data + self->at, (int64_t)n_bytes};
    self->at += bytes.len_bytes;
    return cni_arena_str(self->arena, bytes, out_bytes, err);
}

cn_code
cni_read_string(cni_plan_reader *self, cni_str *out_text, cn_error *err)
{
    cni_str text;
    CN_TRY(cni_read_bytes(self, &text, err));
    if (cni_utf8_find_invalid(text.data, text.len_bytes) >= 0) {
        return cni_read_fail(self, "a string that is not UTF-8", err);
    }
    *out_text = text;
    return CN_OK;
}

cn_code
cni_read_fixed(cni_plan_reader *self, void *out_bytes, int64_t n_bytes, cn_error *err)
{
    if (n_bytes > self->len_bytes - self->at) {
        return cni_read_fail(self, "the end is missing", err);
    }
    memcpy(out_bytes, self->data + self->at, (size_t)n_bytes);
    self->at += n_bytes;
    return CN_OK;
}

/* ---- items ---- */

cn_code
cni_read_add(cni_plan_reader *self, uint8_t tag, const void *object, int64_t n_nodes, cn_error *err)
{
    cni_read_item *item = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &item, err));
    *item = (cni_read_item){.tag = tag, .object = object, .n_nodes = n_nodes};
    return cni_list_push(self->arena, &self->items, item, err);
}

cn_code
cni_read_ref(cni_plan_reader *self, uint8_t tag, const cni_read_item **out_item, cn_error *err)
{
    uint64_t number = 0;
    CN_TRY(cni_read_unsigned(self, &number, err));
    if (number >= (uint64_t)self->items.n_items) {
        return cni_read_fail(self, "a reference to what was not read yet", err);
    }
    const cni_read_item *item = self->items.items[number];
    if (item->tag != tag) {
        return cni_read_fail(self, "a reference to something else", err);
    }
    *out_item = item;
    return CN_OK;
}

/* ---- types ---- */

static bool
parameters_are_sound(const cni_type *type)
{
    switch (type->id) {
    case CNI_TYPE_DECIMAL:
        return type->precision >= 1 && type->precision <= 76 && type->scale <= type->precision;
    case CNI_TYPE_FIXED_BINARY:
        return type->width >= 1 && type->width <= 1 << 20;
    case CNI_TYPE_ARRAY:
        return type->width >= 0 && type->width <= 1 << 20;
    default:
        return type->width == 0;
    }
}

static bool
children_are_sound(const cni_type *type)
{
    const cni_field *children = type->children;
    switch (type->id) {
    case CNI_TYPE_LIST:
    case CNI_TYPE_ARRAY:
        return type->n_children == 1;
    case CNI_TYPE_MAP:
        return type->n_children == 1 && children[0].type->id == CNI_TYPE_STRUCT &&
               children[0].type->n_children == 2;
    case CNI_TYPE_STRUCT:
        return true;
    case CNI_TYPE_UNION:
        return type->n_children <= 128;
    default:
        return type->n_children == 0;
    }
}

static bool
codes_are_sound(const cni_type *type)
{
    for (int32_t child = 0; type->id == CNI_TYPE_UNION && child < type->n_children; child++) {
        if (type->union_codes[child] < 0) {
            return false;
        }
        for (int32_t other = 0; other < child; other++) {
            if (type->union_codes[other] == type->union_codes[child]) {
                return false;
            }
        }
    }
    return true;
}

static cn_code
read_child(cni_plan_reader *self, const cni_type *parent, cni_field *field, int8_t *code,
           int16_t *inout_depth, int64_t *inout_nodes, cn_error *err)
{
    const cni_read_item *item = NULL;
    uint8_t nullable = 0;
    int64_t wide = 0;
    CN_TRY(cni_read_string(self, &field->name, err));
    CN_TRY(cni_read_ref(self, CNI_TAG_TYPE, &item, err));
    CN_TRY(cni_read_byte(self, &nullable, err));
    CN_TRY(cni_read_bytes(self, &field->metadata, err));
    if (parent->id == CNI_TYPE_UNION) {
        CN_TRY(cni_read_signed(self, 0, INT8_MAX, &wide, err));
        *code = (int8_t)wide;
    }
    field->type = item->object;
    field->nullable = nullable != 0;
    *inout_depth = item->depth > *inout_depth ? item->depth : *inout_depth;
    *inout_nodes += item->n_nodes;
    return *inout_nodes > CNI_PLAN_READ_MAX_NODES ? cni_read_fail(self, "a type too large", err)
                                                  : CN_OK;
}

static cn_code
read_children(cni_plan_reader *self, cni_type *type, int16_t *inout_depth, int64_t *inout_nodes,
              cn_error *err)
{
    cni_field *fields = NULL;
    int8_t *codes = NULL;
    CN_TRY(cni_read_count(self, 4, &type->n_children, err));
    CN_TRY(cni_arena_alloc_array(self->arena, type->n_children, (int64_t)sizeof(*fields), &fields,
                                 err));
    CN_TRY(cni_arena_alloc_array(self->arena, type->n_children, 1, &codes, err));
    for (int32_t child = 0; child < type->n_children; child++) {
        CN_TRY(
            read_child(self, type, &fields[child], &codes[child], inout_depth, inout_nodes, err));
    }
    type->children = type->n_children > 0 ? fields : NULL;
    type->union_codes = type->id == CNI_TYPE_UNION ? codes : NULL;
    return CN_OK;
}

static cn_code
read_head(cni_plan_reader *self, cni_type *type, uint8_t *out_flags, cn_error *err)
{
    int64_t scale = 0;
    uint64_t width = 0;
    CN_TRY(cni_read_byte(self, &type->id, err));
    CN_TRY(cni_read_byte(self, &type->unit, err));
    CN_TRY(cni_read_byte(self, &type->precision, err));
    CN_TRY(cni_read_signed(self, INT8_MIN, INT8_MAX, &scale, err));
    CN_TRY(cni_read_byte(self, out_flags, err));
    CN_TRY(cni_read_unsigned(self, &width, err));
    if (type->id == CNI_TYPE_INVALID || type->id >= CNI_TYPE_COUNT_ || type->unit > CNI_UNIT_NS ||
        width > INT32_MAX) {
        return cni_read_fail(self, "an unknown type", err);
    }
    type->scale = (int8_t)scale;
    type->width = (int32_t)width;
    type->dense = (*out_flags & CNI_TYPE_FLAG_DENSE) != 0;
    type->keys_sorted = (*out_flags & CNI_TYPE_FLAG_KEYS_SORTED) != 0;
    return CN_OK;
}

/* Types without parameters become the static constants. */
static const cni_type *
canonical(const cni_type *type)
{
    const cni_type *simple = cni_type_of((cni_type_id)type->id);
    return simple != NULL && cni_type_equal(simple, type) ? simple : type;
}

cn_code
cni_read_type(cni_plan_reader *self, cn_error *err)
{
    cni_type *type = NULL;
    uint8_t flags = 0;
    int16_t depth = 0;
    int64_t n_nodes = 1;
    CN_TRY(CN_ARENA_NEW(self->arena, &type, err));
    CN_TRY(read_head(self, type, &flags, err));
    CN_TRY(read_children(self, type, &depth, &n_nodes, err));
    if ((flags & CNI_TYPE_FLAG_TIMEZONE) != 0) {
        CN_TRY(cni_read_string(self, &type->timezone, err));
    }
    CN_TRY(cni_read_string(self, &type->extension_name, err));
    CN_TRY(cni_read_bytes(self, &type->extension_metadata, err));
    if (!parameters_are_sound(type) || !children_are_sound(type) || !codes_are_sound(type) ||
        (type->timezone.data != NULL && type->id != CNI_TYPE_TIMESTAMP)) {
        return cni_read_fail(self, "a type with wrong parameters", err);
    }
    if (depth >= CNI_TYPE_READ_MAX_DEPTH) {
        return cni_read_fail(self, "a type nested too deeply", err);
    }
    CN_TRY(cni_read_add(self, CNI_TAG_TYPE, canonical(type), n_nodes, err));
    ((cni_read_item *)self->items.items[self->items.n_items - 1])->depth = (int16_t)(depth + 1);
    return CN_OK;
}

/* ---- values ---- */

static cn_code read_content(cni_plan_reader *self, const cni_type *type, cni_value *out_value,
                            cn_error *err);

static int32_t
items_of(const cni_type *type, int32_t n_items)
{
    switch (type->id) {
    case CNI_TYPE_STRUCT:
        return type->n_children;
    case CNI_TYPE_ARRAY:
        return type->width;
    case CNI_TYPE_MAP:
        return n_items - n_items % 2;
    default:
        return n_items;
    }
}

static const cni_type *
item_type(const cni_type *type, int32_t item)
{
    switch (type->id) {
    case CNI_TYPE_STRUCT:
        return type->children[item].type;
    case CNI_TYPE_MAP:
        return type->children[0].type->children[item % 2].type;
    default:
        return type->children[0].type;
    }
}

static cn_code
read_nested(cni_plan_reader *self, const cni_type *type, cni_value *out_value, cn_error *err)
{
    int32_t n_items = 0;
    cni_value *items = NULL;
    CN_TRY(cni_read_count(self, 1, &n_items, err));
    if (items_of(type, n_items) != n_items) {
        return cni_read_fail(self, "a nested value of another length", err);
    }
    CN_TRY(cni_arena_alloc_array(self->arena, n_items, (int64_t)sizeof(*items), &items, err));
    for (int32_t item = 0; item < n_items; item++) {
        CN_TRY(read_content(self, item_type(type, item), &items[item], err));
    }
    out_value->as.nested.n_items = n_items;
    out_value->as.nested.items = items;
    return CN_OK;
}

static cn_code
read_text(cni_plan_reader *self, const cni_type *type, cni_value *out_value, cn_error *err)
{
    CN_TRY(type->id == CNI_TYPE_VARCHAR ? cni_read_string(self, &out_value->as.bytes, err)
                                        : cni_read_bytes(self, &out_value->as.bytes, err));
    if (out_value->as.bytes.len_bytes > CNI_VIEW_MAX_BYTES ||
        (type->id == CNI_TYPE_FIXED_BINARY && out_value->as.bytes.len_bytes != type->width)) {
        return cni_read_fail(self, "bytes of another length than their type's", err);
    }
    return CN_OK;
}

static cn_code
read_interval(cni_plan_reader *self, cni_value *out_value, cn_error *err)
{
    int64_t months = 0;
    int64_t days = 0;
    CN_TRY(cni_read_signed(self, INT32_MIN, INT32_MAX, &months, err));
    CN_TRY(cni_read_signed(self, INT32_MIN, INT32_MAX, &days, err));
    out_value->as.interval.months = (int32_t)months;
    out_value->as.interval.days = (int32_t)days;
    return cni_read_signed(self, INT64_MIN, INT64_MAX, &out_value->as.interval.nanos, err);
}

static cn_code
read_wide(cni_plan_reader *self, const cni_type *type, cni_value *out_value, cn_error *err)
{
    int64_t high = 0;
    uint64_t low = 0;
    CN_TRY(cni_read_signed(self, INT64_MIN, INT64_MAX, &high, err));
    CN_TRY(cni_read_unsigned(self, &low, err));
    out_value->as.i128 = (cni_i128)(((cni_u128)(uint64_t)high << 64) | low);
    if (type->id == CNI_TYPE_DECIMAL && cni_i128_digits(out_value->as.i128) > type->precision) {
        return cni_read_fail(self, "a decimal with too many digits", err);
    }
    return CN_OK;
}

static cn_code
read_integer(cni_plan_reader *self, const cni_type *type, cni_value *out_value, cn_error *err)
{
    static const int64_t bounds[CNI_PHYS_COUNT_][2] = {
        [CNI_PHYS_I8] = {INT8_MIN, INT8_MAX},    [CNI_PHYS_I16] = {INT16_MIN, INT16_MAX},
        [CNI_PHYS_I32] = {INT32_MIN, INT32_MAX}, [CNI_PHYS_I64] = {INT64_MIN, INT64_MAX},
        [CNI_PHYS_U8] = {0, UINT8_MAX},          [CNI_PHYS_U16] = {0, UINT16_MAX},
        [CNI_PHYS_U32] = {0, UINT32_MAX},
    };
    const cni_phys phys = cni_type_phys(type);
    CN_TRY(cni_read_signed(self, bounds[phys][0], bounds[phys][1], &out_value->as.i64, err));
    if (type->id == CNI_TYPE_DECIMAL && cni_i128_digits(out_value->as.i64) > type->precision) {
        return cni_read_fail(self, "a decimal with too many digits", err);
    }
    return CN_OK;
}

static cn_code
read_not_null(cni_plan_reader *self, const cni_type *type, cni_value *out_value, cn_error *err)
{
    uint8_t byte = 0;
    switch (cni_type_phys(type)) {
    case CNI_PHYS_BIT:
        CN_TRY(cni_read_byte(self, &byte, err));
        out_value->as.boolean = byte != 0;
        return CN_OK;
    case CNI_PHYS_U64:
        return cni_read_unsigned(self, &out_value->as.u64, err);
    case CNI_PHYS_I128:
        return read_wide(self, type, out_value, err);
    case CNI_PHYS_F16:
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        return cni_read_fixed(self, &out_value->as.f64, 8, err);
    case CNI_PHYS_INTERVAL:
        return read_interval(self, out_value, err);
    case CNI_PHYS_VIEW:
    case CNI_PHYS_FIXED:
        return read_text(self, type, out_value, err);
    case CNI_PHYS_LIST:
    case CNI_PHYS_ARRAY:
    case CNI_PHYS_STRUCT:
        return read_nested(self, type, out_value, err);
    case CNI_PHYS_NONE:
    case CNI_PHYS_I256:
    case CNI_PHYS_UNION:
        return cni_read_fail(self, "a literal of a type that has none", err);
    default:
        return read_integer(self, type, out_value, err);
    }
}

static cn_code
read_content(cni_plan_reader *self, const cni_type *type, cni_value *out_value, cn_error *err)
{
    uint8_t is_null = 0;
    *out_value = (cni_value){.type = type};
    CN_TRY(cni_read_byte(self, &is_null, err));
    out_value->is_null = is_null != 0;
    return out_value->is_null ? CN_OK : read_not_null(self, type, out_value, err);
}

cn_code
cni_read_value(cni_plan_reader *self, cni_value *out_value, cn_error *err)
{
    const cni_read_item *type = NULL;
    CN_TRY(cni_read_ref(self, CNI_TAG_TYPE, &type, err));
    return read_content(self, type->object, out_value, err);
}
