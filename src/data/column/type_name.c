/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL spelling of types: DECIMAL(15,2), INTEGER[], STRUCT(a INTEGER, "b c" VARCHAR),
 * MAP(VARCHAR, BIGINT). Two passes over the type, one that measures and one that writes, so that
 * the arena gets exactly one block.
 */
#include "data/column/type.h"

#include <stdio.h>

/* Counts while `out` is NULL, writes in the second pass. */
typedef struct name_writer {
    char *out;
    int64_t len_bytes;
} name_writer;

static void
put(name_writer *self, cni_str text)
{
    if (self->out != NULL && text.len_bytes > 0) {
        memcpy(self->out + self->len_bytes, text.data, (size_t)text.len_bytes);
    }
    self->len_bytes += text.len_bytes;
}

static void
put_number(name_writer *self, int32_t number)
{
    char digits[16];
    const int length = snprintf(digits, sizeof(digits), "%d", number);
    put(self, (cni_str){digits, length});
}

static bool
is_plain_name(cni_str name)
{
    for (int64_t at = 0; at < name.len_bytes; at++) {
        const char byte = name.data[at];
        const bool letter = (byte >= 'a' && byte <= 'z') || byte == '_';
        const bool digit = byte >= '0' && byte <= '9';
        if (!letter && !(digit && at > 0)) {
            return false;
        }
    }
    return name.len_bytes > 0;
}

static void
put_name(name_writer *self, cni_str name)
{
    if (is_plain_name(name)) {
        put(self, name);
        return;
    }
    put(self, CNI_STR("\""));
    for (int64_t at = 0; at < name.len_bytes; at++) {
        put(self, (cni_str){name.data + at, 1});
        if (name.data[at] == '"') {
            put(self, CNI_STR("\""));
        }
    }
    put(self, CNI_STR("\""));
}

static void put_type(name_writer *self, const cni_type *type);

static void
put_fields(name_writer *self, const cni_type *type, bool with_names)
{
    put(self, CNI_STR("("));
    for (int32_t child = 0; child < type->n_children; child++) {
        if (child > 0) {
            put(self, CNI_STR(", "));
        }
        if (with_names) {
            put_name(self, type->children[child].name);
            put(self, CNI_STR(" "));
        }
        put_type(self, type->children[child].type);
    }
    put(self, CNI_STR(")"));
}

static void
put_unit_suffix(name_writer *self, const cni_type *type)
{
    static const cni_str suffixes[] = {{"_S", 2}, {"_MS", 3}, {"", 0}, {"_NS", 3}};
    put(self, suffixes[type->unit & 3]);
}

static cni_str
plain_name(cni_type_id id)
{
    static const cni_str names[CNI_TYPE_COUNT_] = {[CNI_TYPE_INVALID] = {"INVALID", 7},
#define X(type_id, name, phys) [CNI_TYPE_##type_id] = {(name), (int64_t)sizeof(name) - 1},
                                                   CNI_TYPE_LIST(X)
#undef X
    };
    return names[id];
}

static void
put_type(name_writer *self, const cni_type *type)
{
    if (cni_str_eq(type->extension_name, CNI_STR("arrow.uuid"))) {
        put(self, CNI_STR("UUID"));
        return;
    }
    if (type->id != CNI_TYPE_LIST && type->id != CNI_TYPE_ARRAY) {
        put(self, plain_name((cni_type_id)type->id));
    }
    switch ((cni_type_id)type->id) {
    case CNI_TYPE_DECIMAL:
        put(self, CNI_STR("("));
        put_number(self, type->precision);
        put(self, CNI_STR(","));
        put_number(self, type->scale);
        put(self, CNI_STR(")"));
        break;
    case CNI_TYPE_FIXED_BINARY:
        put(self, CNI_STR("("));
        put_number(self, type->width);
        put(self, CNI_STR(")"));
        break;
    case CNI_TYPE_TIME:
    case CNI_TYPE_DURATION:
        put_unit_suffix(self, type);
        break;
    case CNI_TYPE_TIMESTAMP:
        put_unit_suffix(self, type);
        put(self, type->timezone.data != NULL ? CNI_STR(" WITH TIME ZONE") : CNI_STR(""));
        break;
    case CNI_TYPE_LIST:
        put_type(self, type->children[0].type);
        put(self, CNI_STR("[]"));
        break;
    case CNI_TYPE_ARRAY:
        put_type(self, type->children[0].type);
        put(self, CNI_STR("["));
        put_number(self, type->width);
        put(self, CNI_STR("]"));
        break;
    case CNI_TYPE_STRUCT:
    case CNI_TYPE_UNION:
        put_fields(self, type, true);
        break;
    case CNI_TYPE_MAP:
        put_fields(self, type->children[0].type, false);
        break;
    default:
        break;
    }
}

cn_code
cni_type_name(cni_arena *arena, const cni_type *type, cni_str *out_name, cn_error *err)
{
    name_writer writer = {0};
    put_type(&writer, type);
    char *text = NULL;
    CN_TRY(cni_arena_alloc(arena, writer.len_bytes + 1, &text, err));
    writer = (name_writer){.out = text};
    put_type(&writer, type);
    *out_name = (cni_str){text, writer.len_bytes};
    return CN_OK;
}
