/* SPDX-License-Identifier: Apache-2.0
 *
 * Thrift compact protocol: varints, zigzag, field headers with id deltas, lists, maps.
 */
#include "io/format/parquet/thrift_int.h"

void
cni_thrift_init(cni_thrift *self, const uint8_t *bytes, int64_t n_bytes)
{
    *self = (cni_thrift){.at = bytes, .end = bytes + n_bytes, .begin = bytes};
}

cn_code
cni_thrift_finish(const cni_thrift *self, const char *what, cn_error *err)
{
    if (self->failure != NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "damaged %s: %s", what, self->failure);
    }
    return CN_OK;
}

void
cni_thrift_fail(cni_thrift *self, const char *failure)
{
    if (self->failure == NULL) {
        self->failure = failure;
    }
    self->at = self->end;
}

int64_t
cni_thrift_consumed(const cni_thrift *self)
{
    return self->at - self->begin;
}

static uint8_t
read_byte(cni_thrift *self)
{
    if (self->at == self->end) {
        cni_thrift_fail(self, "it ends too early");
        return 0;
    }
    return *self->at++;
}

static uint64_t
read_varint(cni_thrift *self)
{
    uint64_t value = 0;
    for (int32_t shift = 0; shift < 64; shift += 7) {
        const uint8_t byte = read_byte(self);
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            return value;
        }
    }
    cni_thrift_fail(self, "a number has more than 10 bytes");
    return 0;
}

static int64_t
read_zigzag(cni_thrift *self)
{
    const uint64_t value = read_varint(self);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static void
skip_bytes(cni_thrift *self, uint64_t n_bytes)
{
    if (n_bytes > (uint64_t)(self->end - self->at)) {
        cni_thrift_fail(self, "a text or list is longer than what holds it");
        return;
    }
    self->at += n_bytes;
}

bool
cni_thrift_next_field(cni_thrift *self, cni_thrift_field *inout_field)
{
    const uint8_t head = read_byte(self);
    if (head == CNI_THRIFT_STOP || self->failure != NULL) {
        return false;
    }
    const int64_t id =
        (head >> 4) != 0 ? (int64_t)inout_field->id + (head >> 4) : read_zigzag(self);
    if (id < INT16_MIN || id > INT16_MAX || (head & 15) > CNI_THRIFT_UUID || (head & 15) == 0) {
        cni_thrift_fail(self, "a field has no valid number or type");
        return false;
    }
    inout_field->id = (int32_t)id;
    inout_field->type = head & 15;
    return self->failure == NULL;
}

/* What is left to skip on one level: `left` values of `type` (and of `value_type` in turn for
 * maps), or the fields of a struct (left < 0). */
typedef struct skip_level {
    int64_t left;
    uint8_t type;
    uint8_t value_type;
} skip_level;

/* Begin to skip a container; a plain value is skipped whole. True when a level was pushed. */
static bool
skip_begin(cni_thrift *self, uint8_t type, bool in_list, skip_level *out_level)
{
    switch (type) {
    case CNI_THRIFT_TRUE:
    case CNI_THRIFT_FALSE:
        skip_bytes(self, in_list ? 1 : 0);
        return false;
    case CNI_THRIFT_I8:
        skip_bytes(self, 1);
        return false;
    case CNI_THRIFT_I16:
    case CNI_THRIFT_I32:
    case CNI_THRIFT_I64:
        (void)read_varint(self);
        return false;
    case CNI_THRIFT_DOUBLE:
        skip_bytes(self, 8);
        return false;
    case CNI_THRIFT_BINARY:
        skip_bytes(self, read_varint(self));
        return false;
    case CNI_THRIFT_UUID:
        skip_bytes(self, 16);
        return false;
    case CNI_THRIFT_LIST:
    case CNI_THRIFT_SET: {
        const cni_thrift_field field = {.type = CNI_THRIFT_LIST};
        uint8_t element;
        const int64_t n_elements = cni_thrift_list(self, &field, &element);
        *out_level = (skip_level){n_elements, element, element};
        return true;
    }
    case CNI_THRIFT_MAP: {
        const uint64_t n_entries = read_varint(self);
        const uint8_t types = n_entries > 0 ? read_byte(self) : 0;
        if (n_entries > (uint64_t)(self->end - self->at)) {
            cni_thrift_fail(self, "a map is longer than what holds it");
        }
        *out_level = (skip_level){self->failure == NULL ? 2 * (int64_t)n_entries : 0, types >> 4,
                                  types & 15};
        return true;
    }
    case CNI_THRIFT_STRUCT:
        *out_level = (skip_level){.left = -1};
        return true;
    default:
        cni_thrift_fail(self, "a value has no valid type");
        return false;
    }
}

void
cni_thrift_skip(cni_thrift *self, uint8_t type)
{
    skip_level stack[CNI_THRIFT_MAX_DEPTH];
    int32_t depth = 0;
    if (skip_begin(self, type, false, &stack[0])) {
        depth = 1;
    }
    while (depth > 0 && self->failure == NULL) {
        skip_level *level = &stack[depth - 1];
        uint8_t next = level->type;
        if (level->left < 0) {
            cni_thrift_field field = {0};
            if (!cni_thrift_next_field(self, &field)) {
                depth--;
                continue;
            }
            next = field.type;
        } else if (level->left == 0) {
            depth--;
            continue;
        } else {
            level->left--;
            level->type = level->value_type;
            level->value_type = next;
        }
        if (depth == CNI_THRIFT_MAX_DEPTH) {
            cni_thrift_fail(self, "it is nested too deeply");
            return;
        }
        if (skip_begin(self, next, level->left >= 0, &stack[depth])) {
            depth++;
        }
    }
}

int64_t
cni_thrift_i64(cni_thrift *self, const cni_thrift_field *field)
{
    switch (field->type) {
    case CNI_THRIFT_I8:
        return (int8_t)read_byte(self);
    case CNI_THRIFT_I16:
    case CNI_THRIFT_I32:
    case CNI_THRIFT_I64:
        return read_zigzag(self);
    default:
        cni_thrift_fail(self, "a field is no integer where one belongs");
        return 0;
    }
}

int32_t
cni_thrift_i32(cni_thrift *self, const cni_thrift_field *field)
{
    const int64_t value = cni_thrift_i64(self, field);
    if (value < INT32_MIN || value > INT32_MAX) {
        cni_thrift_fail(self, "a number is out of range");
        return 0;
    }
    return (int32_t)value;
}

bool
cni_thrift_bool(cni_thrift *self, const cni_thrift_field *field)
{
    if (field->type != CNI_THRIFT_TRUE && field->type != CNI_THRIFT_FALSE) {
        cni_thrift_fail(self, "a field is no boolean where one belongs");
        return false;
    }
    return field->type == CNI_THRIFT_TRUE;
}

cni_str
cni_thrift_binary(cni_thrift *self, const cni_thrift_field *field)
{
    if (field->type != CNI_THRIFT_BINARY) {
        cni_thrift_fail(self, "a field is no text where one belongs");
        return (cni_str){"", 0};
    }
    const uint64_t n_bytes = read_varint(self);
    const uint8_t *bytes = self->at;
    skip_bytes(self, n_bytes);
    if (self->failure != NULL) {
        return (cni_str){"", 0};
    }
    return (cni_str){(const char *)bytes, (int64_t)n_bytes};
}

bool
cni_thrift_struct(cni_thrift *self, const cni_thrift_field *field)
{
    if (field->type != CNI_THRIFT_STRUCT) {
        cni_thrift_fail(self, "a field is no struct where one belongs");
        return false;
    }
    return self->failure == NULL;
}

int64_t
cni_thrift_list(cni_thrift *self, const cni_thrift_field *field, uint8_t *out_type)
{
    *out_type = CNI_THRIFT_STOP;
    if (field->type != CNI_THRIFT_LIST && field->type != CNI_THRIFT_SET) {
        cni_thrift_fail(self, "a field is no list where one belongs");
        return 0;
    }
    const uint8_t head = read_byte(self);
    const uint64_t n_elements = (head >> 4) == 15 ? read_varint(self) : head >> 4;
    if (n_elements > (uint64_t)(self->end - self->at)) {
        cni_thrift_fail(self, "a list is longer than what holds it");
        return 0;
    }
    *out_type = head & 15;
    return self->failure == NULL ? (int64_t)n_elements : 0;
}

cni_thrift_field
cni_thrift_element(uint8_t type)
{
    return (cni_thrift_field){.type = type};
}

bool
cni_thrift_element_bool(cni_thrift *self, uint8_t type)
{
    if (type != CNI_THRIFT_TRUE && type != CNI_THRIFT_FALSE) {
        cni_thrift_fail(self, "a list does not hold booleans where it should");
        return false;
    }
    return read_byte(self) == 1;
}
