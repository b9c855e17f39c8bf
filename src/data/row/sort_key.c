/* SPDX-License-Identifier: Apache-2.0
 *
 * Normalized sort keys. Fixed-width keys are written column by column into rows of a stride; others
 * row by row, after their lengths have been added up. Values under nulls are zeros, so that nulls
 * are equal.
 *
 * Nested values (always of the variable form): STRUCT and ARRAY one item behind the other, LIST
 * with a byte 01 before each item and 00 at the end, UNION with its code first; each item begins
 * with a byte 00, or 01 when it is null (nulls above values, as PostgreSQL orders rows).
 */
#include "data/row/sort_key.h"

#include "base/checked.h"
#include "data/column/float_text.h"
#include "data/kernel/ops.h"

/* Bytes of a value, -1 when they vary. */
static int32_t
value_bytes(const cni_type *type)
{
    switch (type->id) {
    case CNI_TYPE_NULL:
        return 0;
    case CNI_TYPE_BOOL:
        return 1;
    case CNI_TYPE_DECIMAL:
        return type->precision <= 18 ? 8 : type->precision <= CNI_DECIMAL_MAX_DIGITS ? 16 : 32;
    case CNI_TYPE_VARCHAR:
    case CNI_TYPE_BLOB:
        return -1;
    default:
        return cni_type_is_nested(type) ? -1 : cni_phys_bytes(cni_type_phys(type), type);
    }
}

int32_t
cni_sort_key_fixed_bytes(const cni_sort_spec *specs, int32_t n_specs)
{
    int64_t total = 0;
    for (int32_t key = 0; key < n_specs; key++) {
        const int32_t n_bytes = value_bytes(specs[key].type);
        if (n_bytes < 0) {
            return -1;
        }
        total += n_bytes + (specs[key].nullable ? 1 : 0);
    }
    return total > INT32_MAX ? -1 : (int32_t)total;
}

/* ---- single values ---- */

static inline void
put_u16(uint8_t *out, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(out, &value, sizeof(value));
}

static inline void
put_u32(uint8_t *out, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(out, &value, sizeof(value));
}

static inline void
put_u64(uint8_t *out, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(out, &value, sizeof(value));
}

static inline void
put_i128(uint8_t *out, cni_i128 value)
{
    const cni_u128 flipped = (cni_u128)value ^ ((cni_u128)1 << 127);
    put_u64(out, (uint64_t)(flipped >> 64));
    put_u64(out + 8, (uint64_t)flipped);
}

static inline void
put_f32(uint8_t *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits = value == 0 ? 0 : bits;
    bits = value != value ? UINT32_C(0x7FC00000) : bits;
    put_u32(out, bits ^ ((uint32_t)((int32_t)bits >> 31) | UINT32_C(0x80000000)));
}

static inline void
put_f64(uint8_t *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits = value == 0 ? 0 : bits;
    bits = value != value ? UINT64_C(0x7FF8000000000000) : bits;
    put_u64(out, bits ^ ((uint64_t)((int64_t)bits >> 63) | UINT64_C(0x8000000000000000)));
}

static void
put_i256(uint8_t *out, const uint8_t *item)
{
    for (int byte = 0; byte < 32; byte++) {
        out[byte] = item[31 - byte];
    }
    out[0] ^= 0x80;
}

/* Half floats in the order of the floats that they are. */
static void
put_f16(uint8_t *out, uint16_t bits)
{
    const float value = cni_f16_to_f32(bits);
    bits = value == 0 ? 0 : bits;
    bits = value != value ? 0x7E00 : bits;
    put_u16(out, (uint16_t)(bits ^ ((bits & 0x8000) != 0 ? 0xFFFF : 0x8000)));
}

/* One flat value of a fixed width in `n_bytes` (value_bytes of its type). */
static inline CN_ALWAYS_INLINE void
put_fixed(const cni_vector *flat, int64_t at, cni_phys phys, int32_t n_bytes, uint8_t *out)
{
    const void *data = flat->data;
    switch (phys) {
    case CNI_PHYS_BIT:
        out[0] = cni_bits_get((cni_bits){data, flat->data_off_bits}, at);
        break;
    case CNI_PHYS_I8:
        out[0] = (uint8_t)(((const uint8_t *)data)[at] ^ 0x80);
        break;
    case CNI_PHYS_U8:
        out[0] = ((const uint8_t *)data)[at];
        break;
    case CNI_PHYS_I16:
        put_u16(out, (uint16_t)(((const uint16_t *)data)[at] ^ 0x8000));
        break;
    case CNI_PHYS_U16:
        put_u16(out, ((const uint16_t *)data)[at]);
        break;
    case CNI_PHYS_I32:
        put_u32(out, ((const uint32_t *)data)[at] ^ UINT32_C(0x80000000));
        break;
    case CNI_PHYS_U32:
        put_u32(out, ((const uint32_t *)data)[at]);
        break;
    case CNI_PHYS_I64:
        if (n_bytes == 16) {
            put_i128(out, ((const int64_t *)data)[at]);
        } else {
            put_u64(out, ((const uint64_t *)data)[at] ^ UINT64_C(0x8000000000000000));
        }
        break;
    case CNI_PHYS_U64:
        put_u64(out, ((const uint64_t *)data)[at]);
        break;
    case CNI_PHYS_I128:
        put_i128(out, ((const cni_i128 *)data)[at]);
        break;
    case CNI_PHYS_I256:
        put_i256(out, (const uint8_t *)data + 32 * at);
        break;
    case CNI_PHYS_F16:
        put_f16(out, ((const uint16_t *)data)[at]);
        break;
    case CNI_PHYS_F32:
        put_f32(out, ((const float *)data)[at]);
        break;
    case CNI_PHYS_F64:
        put_f64(out, ((const double *)data)[at]);
        break;
    case CNI_PHYS_INTERVAL:
        put_i128(out, cni_interval_nanos((const cni_interval *)data + at));
        break;
    default: /* FIXED */
        memcpy(out, (const uint8_t *)data + at * n_bytes, (size_t)n_bytes);
        break;
    }
}

static inline CN_ALWAYS_INLINE void
invert(uint8_t *bytes, int64_t n_bytes)
{
    for (int64_t at = 0; at < n_bytes; at++) {
        bytes[at] = (uint8_t)~bytes[at];
    }
}

static uint8_t
null_byte(const cni_sort_spec *spec, bool is_null)
{
    return is_null == spec->nulls_first ? 0 : 1;
}

/* ---- fixed keys ---- */

typedef struct fixed_column {
    const cni_sort_spec *spec;
    const cni_vector *flat;
    int32_t n_bytes;
    int64_t n_rows;
    int64_t stride_bytes;
    uint8_t *out; /* of row 0 */
} fixed_column;

static inline CN_ALWAYS_INLINE void
encode_values(const fixed_column *self, cni_phys phys, int32_t n_bytes, bool descending,
              uint8_t *out)
{
    for (int64_t row = 0; row < self->n_rows; row++, out += self->stride_bytes) {
        put_fixed(self->flat, row, phys, n_bytes, out);
        if (descending) {
            invert(out, n_bytes);
        }
    }
}

/* The common layouts get loops of their own. */
static void
encode_by_layout(const fixed_column *self, uint8_t *out)
{
    const bool descending = self->spec->descending;
    switch (self->flat->phys) {
    case CNI_PHYS_I32:
        encode_values(self, CNI_PHYS_I32, 4, descending, out);
        break;
    case CNI_PHYS_I64:
        if (self->n_bytes == 8) {
            encode_values(self, CNI_PHYS_I64, 8, descending, out);
        } else {
            encode_values(self, CNI_PHYS_I64, 16, descending, out);
        }
        break;
    case CNI_PHYS_F64:
        encode_values(self, CNI_PHYS_F64, 8, descending, out);
        break;
    default:
        encode_values(self, (cni_phys)self->flat->phys, self->n_bytes, descending, out);
        break;
    }
}

static void
encode_nulls(const fixed_column *self)
{
    uint8_t *out = self->out;
    for (int64_t row = 0; row < self->n_rows; row++, out += self->stride_bytes) {
        const bool is_null = !cni_bits_get(self->flat->validity, row);
        if (self->spec->nullable) {
            out[0] = null_byte(self->spec, is_null);
        }
        if (is_null && self->n_bytes > 0) {
            memset(out + (self->spec->nullable ? 1 : 0), 0, (size_t)self->n_bytes);
        }
    }
}

static cn_code
encode_fixed_key(cni_allocator *allocator, const cni_sort_spec *spec, const cni_vector *key,
                 int64_t n_rows, int64_t stride_bytes, uint8_t *out, cn_error *err)
{
    CN_SCOPED(cni_vector) flat = {0};
    CN_TRY(cni_vector_flatten(allocator, key, &flat, err));
    const fixed_column column = {spec, &flat, value_bytes(spec->type), n_rows, stride_bytes, out};
    if (flat.phys != CNI_PHYS_NONE) {
        encode_by_layout(&column, out + (spec->nullable ? 1 : 0));
    }
    if (spec->nullable || flat.validity.data != NULL) {
        encode_nulls(&column);
    }
    return CN_OK;
}

cn_code
cni_sort_key_encode_fixed(cni_allocator *allocator, const cni_sort_spec *specs,
                          const cni_vector *const *keys, int32_t n_specs, int64_t n_rows,
                          int32_t stride_bytes, uint8_t *out, cn_error *err)
{
    const int32_t used_bytes = cni_sort_key_fixed_bytes(specs, n_specs);
    if (used_bytes < 0 || used_bytes > stride_bytes) {
        return CN_FAIL(err, CN_INTERNAL, "sort keys of %d bytes in a stride of %d", used_bytes,
                       stride_bytes);
    }
    int64_t offset = 0;
    for (int32_t key = 0; key < n_specs; key++) {
        CN_TRY(encode_fixed_key(allocator, &specs[key], keys[key], n_rows, stride_bytes,
                                out + offset, err));
        offset += value_bytes(specs[key].type) + (specs[key].nullable ? 1 : 0);
    }
    if (used_bytes < stride_bytes) {
        for (int64_t row = 0; row < n_rows; row++) {
            memset(out + row * stride_bytes + used_bytes, 0, (size_t)(stride_bytes - used_bytes));
        }
    }
    return CN_OK;
}

/* ---- variable keys ---- */

/* Counts when `out` is NULL. */
typedef struct key_writer {
    uint8_t *out;
    int64_t len_bytes;
} key_writer;

static void
write_byte(key_writer *self, uint8_t byte)
{
    if (self->out != NULL) {
        self->out[self->len_bytes] = byte;
    }
    self->len_bytes++;
}

static void
write_text(key_writer *self, cni_str text)
{
    const char *at = text.data;
    const char *end = text.data + text.len_bytes;
    while (at < end) {
        const char *zero = memchr(at, 0, (size_t)(end - at));
        const int64_t n_plain = (zero == NULL ? end : zero) - at;
        if (self->out != NULL) {
            memcpy(self->out + self->len_bytes, at, (size_t)n_plain);
        }
        self->len_bytes += n_plain;
        at += n_plain;
        if (zero != NULL) {
            write_byte(self, 0x00);
            write_byte(self, 0xFF);
            at++;
        }
    }
    write_byte(self, 0x00);
    write_byte(self, 0x00);
}

static void write_item(key_writer *self, const cni_vector *vector, int64_t row);

static void
write_list(key_writer *self, const cni_vector *flat, cni_list_entry items)
{
    for (int64_t item = 0; item < items.size; item++) {
        write_byte(self, 0x01);
        write_item(self, &flat->nested->children[0], items.offset + item);
    }
    write_byte(self, 0x00);
}

static void
write_union(key_writer *self, const cni_vector *flat, int64_t at)
{
    const int8_t code = ((const int8_t *)flat->data)[at];
    write_byte(self, (uint8_t)code);
    for (int32_t child = 0; child < flat->type->n_children; child++) {
        if (flat->type->union_codes[child] == code) {
            const int64_t row =
                flat->union_offsets == NULL ? flat->nested_offset + at : flat->union_offsets[at];
            write_item(self, &flat->nested->children[child], row);
            return;
        }
    }
}

/* A valid value of flat values. */
static void
write_value(key_writer *self, const cni_vector *flat, int64_t at)
{
    const int32_t n_bytes = value_bytes(flat->type);
    switch (flat->phys) {
    case CNI_PHYS_VIEW:
        write_text(self, cni_view_str((const cni_view *)flat->data + at));
        break;
    case CNI_PHYS_LIST:
        write_list(self, flat, ((const cni_list_entry *)flat->data)[at]);
        break;
    case CNI_PHYS_ARRAY:
        for (int64_t item = 0; item < flat->type->width; item++) {
            write_item(self, &flat->nested->children[0],
                       (flat->nested_offset + at) * flat->type->width + item);
        }
        break;
    case CNI_PHYS_STRUCT:
        for (int32_t child = 0; child < flat->nested->n_children; child++) {
            write_item(self, &flat->nested->children[child], flat->nested_offset + at);
        }
        break;
    case CNI_PHYS_UNION:
        write_union(self, flat, at);
        break;
    default:
        if (self->out != NULL) {
            put_fixed(flat, at, (cni_phys)flat->phys, n_bytes, self->out + self->len_bytes);
        }
        self->len_bytes += n_bytes;
        break;
    }
}

/* Integers of a SEQUENCE child. */
static void
write_sequence(key_writer *self, const cni_vector *vector, int64_t row)
{
    const int64_t value = vector->sequence_start + row * vector->sequence_step;
    const int32_t narrow = (int32_t)value;
    const bool is_narrow = vector->phys == CNI_PHYS_I32;
    const cni_vector one = {.type = vector->type,
                            .phys = vector->phys,
                            .n_rows = 1,
                            .data = is_narrow ? (const void *)&narrow : (const void *)&value};
    const int32_t n_bytes = is_narrow ? 4 : 8;
    if (self->out != NULL) {
        put_fixed(&one, 0, is_narrow ? CNI_PHYS_I32 : CNI_PHYS_I64, n_bytes,
                  self->out + self->len_bytes);
    }
    self->len_bytes += n_bytes;
}

/* An item of a nested value: null byte and value. */
static void
write_item(key_writer *self, const cni_vector *vector, int64_t row)
{
    const cni_vector *flat;
    int64_t at;
    if (vector->encoding == CNI_SEQUENCE) {
        write_byte(self, 0x00);
        write_sequence(self, vector, row);
    } else if (cni_vector_locate(vector, row, &flat, &at)) {
        write_byte(self, 0x00);
        write_value(self, flat, at);
    } else {
        write_byte(self, 0x01);
    }
}

static void
write_key(key_writer *self, const cni_sort_spec *spec, const cni_vector *vector, int64_t row)
{
    const cni_vector *flat = vector;
    int64_t at = row;
    const bool is_sequence = vector->encoding == CNI_SEQUENCE;
    const bool is_valid = is_sequence || cni_vector_locate(vector, row, &flat, &at);
    if (spec->nullable) {
        write_byte(self, null_byte(spec, !is_valid));
    }
    const int64_t start = self->len_bytes;
    if (is_sequence) {
        write_sequence(self, vector, row);
    } else if (is_valid) {
        write_value(self, flat, at);
    }
    if (spec->descending && self->out != NULL) {
        invert(self->out + start, self->len_bytes - start);
    }
}

static void
write_row(key_writer *self, const cni_sort_spec *specs, const cni_vector *const *keys,
          int32_t n_specs, int64_t row)
{
    for (int32_t key = 0; key < n_specs; key++) {
        write_key(self, &specs[key], keys[key], row);
    }
}

/* Room for n_more bytes behind len_bytes; what is there stays. */
static cn_code
make_room(cni_allocator *allocator, int64_t len_bytes, int64_t n_more, cni_buffer **inout_buffer,
          cn_error *err)
{
    int64_t needed;
    if (!cni_checked_add(len_bytes, n_more, &needed)) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "sort keys of more than 2^63 bytes");
    }
    cni_buffer *old = *inout_buffer;
    const bool is_unique = old != NULL && cni_refcount_is_unique(&old->n_refs);
    if (is_unique && needed <= old->cap_bytes) {
        return CN_OK;
    }
    cni_buffer *larger = NULL;
    const int64_t doubled = old == NULL ? 0 : cni_min_i64(2 * len_bytes, INT64_MAX / 4);
    CN_TRY(cni_buffer_new(allocator, cni_max_i64(needed, doubled), &larger, err));
    if (old != NULL && len_bytes > 0) {
        memcpy(larger->data, old->data, (size_t)len_bytes);
    }
    cni_buffer_unref(old);
    *inout_buffer = larger;
    return CN_OK;
}

cn_code
cni_sort_key_encode(cni_allocator *allocator, const cni_sort_spec *specs,
                    const cni_vector *const *keys, int32_t n_specs, int64_t n_rows,
                    cni_buffer **inout_buffer, int64_t *inout_len_bytes, int64_t *out_offsets,
                    cn_error *err)
{
    key_writer counter = {NULL, 0};
    for (int64_t row = 0; row < n_rows; row++) {
        write_row(&counter, specs, keys, n_specs, row);
    }
    CN_TRY(make_room(allocator, *inout_len_bytes, counter.len_bytes, inout_buffer, err));
    key_writer writer = {(*inout_buffer)->data, *inout_len_bytes};
    for (int64_t row = 0; row < n_rows; row++) {
        out_offsets[row] = writer.len_bytes;
        write_row(&writer, specs, keys, n_specs, row);
    }
    out_offsets[n_rows] = writer.len_bytes;
    *inout_len_bytes = writer.len_bytes;
    return CN_OK;
}

/* ---- variable keys, column by column ---- */

/* Bytes of a text with its end. */
static int64_t
text_bytes(cni_str text)
{
    int64_t n_bytes = text.len_bytes + 2;
    const char *end = text.data + text.len_bytes;
    const char *zero = memchr(text.data, 0, (size_t)text.len_bytes);
    while (zero != NULL) {
        n_bytes++;
        zero = memchr(zero + 1, 0, (size_t)(end - zero - 1));
    }
    return n_bytes;
}

static void
add_text_lengths(const cni_vector *flat, int64_t n_rows, int64_t *inout_lengths)
{
    const cni_view *views = flat->data;
    for (int64_t row = 0; row < n_rows; row++) {
        if (cni_bits_get(flat->validity, row)) {
            inout_lengths[row] += text_bytes(cni_view_str(&views[row]));
        }
    }
}

static void
add_fixed_lengths(const cni_vector *flat, int64_t n_rows, int64_t *inout_lengths)
{
    const int32_t n_bytes = value_bytes(flat->type);
    for (int64_t row = 0; row < n_rows; row++) {
        inout_lengths[row] += cni_bits_get(flat->validity, row) ? n_bytes : 0;
    }
}

static void
add_any_lengths(const cni_sort_spec *spec, const cni_vector *vector, int64_t n_rows,
                int64_t *inout_lengths)
{
    for (int64_t row = 0; row < n_rows; row++) {
        key_writer counter = {NULL, 0};
        write_key(&counter, spec, vector, row);
        inout_lengths[row] += counter.len_bytes - (spec->nullable ? 1 : 0);
    }
}

cn_code
cni_sort_key_lengths(cni_allocator *allocator, const cni_sort_spec *specs,
                     const cni_vector *const *keys, int32_t n_specs, int64_t n_rows,
                     int64_t *out_lengths, cn_error *err)
{
    int64_t n_null_bytes = 0;
    for (int32_t key = 0; key < n_specs; key++) {
        n_null_bytes += specs[key].nullable ? 1 : 0;
    }
    for (int64_t row = 0; row < n_rows; row++) {
        out_lengths[row] = n_null_bytes;
    }
    for (int32_t key = 0; key < n_specs; key++) {
        CN_SCOPED(cni_vector) flat = {0};
        if (cni_type_is_nested(specs[key].type)) {
            add_any_lengths(&specs[key], keys[key], n_rows, out_lengths);
            continue;
        }
        CN_TRY(cni_vector_flatten(allocator, keys[key], &flat, err));
        if (flat.phys == CNI_PHYS_VIEW) {
            add_text_lengths(&flat, n_rows, out_lengths);
        } else {
            add_fixed_lengths(&flat, n_rows, out_lengths);
        }
    }
    return CN_OK;
}

static void
write_text_column(const cni_sort_spec *spec, const cni_vector *flat, int64_t n_rows, uint8_t *out,
                  int64_t *inout_offsets)
{
    const cni_view *views = flat->data;
    for (int64_t row = 0; row < n_rows; row++) {
        key_writer writer = {out, inout_offsets[row]};
        const bool is_valid = cni_bits_get(flat->validity, row);
        if (spec->nullable) {
            write_byte(&writer, null_byte(spec, !is_valid));
        }
        const int64_t start = writer.len_bytes;
        if (is_valid) {
            write_text(&writer, cni_view_str(&views[row]));
        }
        if (spec->descending) {
            invert(out + start, writer.len_bytes - start);
        }
        inout_offsets[row] = writer.len_bytes;
    }
}

static inline CN_ALWAYS_INLINE void
write_fixed_column(const cni_sort_spec *spec, const cni_vector *flat, cni_phys phys,
                   int32_t n_bytes, int64_t n_rows, uint8_t *out, int64_t *inout_offsets)
{
    for (int64_t row = 0; row < n_rows; row++) {
        uint8_t *next = out + inout_offsets[row];
        const bool is_valid = cni_bits_get(flat->validity, row);
        if (spec->nullable) {
            *next++ = null_byte(spec, !is_valid);
        }
        if (is_valid) {
            put_fixed(flat, row, phys, n_bytes, next);
            if (spec->descending) {
                invert(next, n_bytes);
            }
            next += n_bytes;
        }
        inout_offsets[row] = next - out;
    }
}

/* The common layouts get loops of their own. */
static void
write_column_by_layout(const cni_sort_spec *spec, const cni_vector *flat, int64_t n_rows,
                       uint8_t *out, int64_t *inout_offsets)
{
    const int32_t n_bytes = value_bytes(spec->type);
    if (flat->phys == CNI_PHYS_VIEW) {
        write_text_column(spec, flat, n_rows, out, inout_offsets);
    } else if (flat->phys == CNI_PHYS_I32) {
        write_fixed_column(spec, flat, CNI_PHYS_I32, 4, n_rows, out, inout_offsets);
    } else if (flat->phys == CNI_PHYS_I64 && n_bytes == 8) {
        write_fixed_column(spec, flat, CNI_PHYS_I64, 8, n_rows, out, inout_offsets);
    } else {
        write_fixed_column(spec, flat, (cni_phys)flat->phys, n_bytes, n_rows, out, inout_offsets);
    }
}

cn_code
cni_sort_key_write(cni_allocator *allocator, const cni_sort_spec *specs,
                   const cni_vector *const *keys, int32_t n_specs, int64_t n_rows, uint8_t *out,
                   int64_t *inout_offsets, cn_error *err)
{
    for (int32_t key = 0; key < n_specs; key++) {
        CN_SCOPED(cni_vector) flat = {0};
        for (int64_t row = 0; cni_type_is_nested(specs[key].type) && row < n_rows; row++) {
            key_writer writer = {out, inout_offsets[row]};
            write_key(&writer, &specs[key], keys[key], row);
            inout_offsets[row] = writer.len_bytes;
        }
        if (!cni_type_is_nested(specs[key].type)) {
            CN_TRY(cni_vector_flatten(allocator, keys[key], &flat, err));
            write_column_by_layout(&specs[key], &flat, n_rows, out, inout_offsets);
        }
    }
    return CN_OK;
}
