/* SPDX-License-Identifier: Apache-2.0
 *
 * Random vectors of every type and encoding for the tests of this folder, and their rows as text,
 * which is what results are compared with. Sizes are small and offsets odd on purpose.
 */
#ifndef CNI_TEST_VECTOR_FIXTURE_H
#define CNI_TEST_VECTOR_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/column/chunk.h"

#define FIXTURE_ENCODINGS 5

#define assert_ok(expr)                                                                            \
    do {                                                                                           \
        cn_error error_ = CN_ERROR_INIT;                                                           \
        cn_error *err = &error_;                                                                   \
        if ((expr) != CN_OK) {                                                                     \
            fail_msg("%s: %s", #expr, error_.message);                                             \
        }                                                                                          \
    } while (0)

typedef struct fixture_random {
    uint64_t state;
} fixture_random;

static inline uint64_t
fixture_next(fixture_random *self)
{
    self->state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = self->state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

static inline int64_t
fixture_below(fixture_random *self, int64_t limit)
{
    return limit <= 0 ? 0 : (int64_t)(fixture_next(self) % (uint64_t)limit);
}

/* Types to test with, in an arena. */
#define FIXTURE_TYPES_MAX 64
typedef struct fixture_types {
    cni_arena *arena;
    const cni_type *types[FIXTURE_TYPES_MAX];
    int32_t n_types;
} fixture_types;

static inline const cni_type *
fixture_add(fixture_types *self, cni_type type)
{
    cni_type *copy = NULL;
    assert_ok(CN_ARENA_NEW(self->arena, &copy, err));
    *copy = type;
    self->types[self->n_types++] = copy;
    return copy;
}

static inline const cni_field *
fixture_fields(fixture_types *self, const cni_field *fields, int32_t n_fields)
{
    cni_field *copies = NULL;
    assert_ok(cni_arena_alloc_array(self->arena, n_fields, (int64_t)sizeof(*copies), &copies, err));
    memcpy(copies, fields, (size_t)n_fields * sizeof(*copies));
    return copies;
}

static inline const cni_type *
fixture_add_list(fixture_types *self, const cni_type *item)
{
    const cni_type *type = NULL;
    assert_ok(cni_type_list(self->arena, item, &type, err));
    self->types[self->n_types++] = type;
    return type;
}

static inline const cni_type *
fixture_add_struct(fixture_types *self, const cni_type *a, const cni_type *b)
{
    const cni_field fields[] = {{.name = CNI_STR("a"), .type = a, .nullable = true},
                                {.name = CNI_STR("b"), .type = b, .nullable = true}};
    const cni_type *type = NULL;
    assert_ok(cni_type_struct(self->arena, fields, 2, &type, err));
    self->types[self->n_types++] = type;
    return type;
}

static inline const cni_type *
fixture_add_map(fixture_types *self, const cni_type *key, const cni_type *value)
{
    const cni_field fields[] = {{.name = CNI_STR("key"), .type = key},
                                {.name = CNI_STR("value"), .type = value, .nullable = true}};
    const cni_field entries = {
        .name = CNI_STR("entries"),
        .type = fixture_add(self, (cni_type){.id = CNI_TYPE_STRUCT,
                                             .n_children = 2,
                                             .children = fixture_fields(self, fields, 2)})};
    return fixture_add(self, (cni_type){.id = CNI_TYPE_MAP,
                                        .n_children = 1,
                                        .children = fixture_fields(self, &entries, 1)});
}

static inline const cni_type *
fixture_add_union(fixture_types *self, bool dense, const cni_type *a, const cni_type *b)
{
    static const int8_t codes[] = {7, 3};
    const cni_field fields[] = {{.name = CNI_STR("a"), .type = a, .nullable = true},
                                {.name = CNI_STR("b"), .type = b, .nullable = true}};
    return fixture_add(self, (cni_type){.id = CNI_TYPE_UNION,
                                        .dense = dense,
                                        .n_children = 2,
                                        .union_codes = codes,
                                        .children = fixture_fields(self, fields, 2)});
}

static inline void
fixture_add_nested(fixture_types *self)
{
    const cni_type *integer = cni_type_of(CNI_TYPE_INT32);
    const cni_type *text = cni_type_of(CNI_TYPE_VARCHAR);
    const cni_field item = {.name = CNI_STR("item"), .type = integer, .nullable = true};
    const cni_type *list = fixture_add_list(self, integer);
    const cni_type *texts = fixture_add_list(self, text);
    const cni_type *array =
        fixture_add(self, (cni_type){.id = CNI_TYPE_ARRAY,
                                     .width = 3,
                                     .n_children = 1,
                                     .children = fixture_fields(self, &item, 1)});
    fixture_add(self, (cni_type){.id = CNI_TYPE_ARRAY,
                                 .width = 0,
                                 .n_children = 1,
                                 .children = fixture_fields(self, &item, 1)});
    const cni_type *record = fixture_add_struct(self, integer, text);
    const cni_type *map = fixture_add_map(self, text, cni_type_of(CNI_TYPE_FLOAT64));
    const cni_type *sparse = fixture_add_union(self, false, integer, text);
    const cni_type *dense = fixture_add_union(self, true, text, cni_type_of(CNI_TYPE_BOOL));
    fixture_add_list(self, record);
    fixture_add_struct(self, texts, array);
    fixture_add_struct(self, map, list);
    fixture_add_union(self, true, fixture_add_list(self, sparse), record);
    fixture_add_list(self, fixture_add_list(self, fixture_add_list(self, dense)));
    fixture_add_map(self, integer, fixture_add_map(self, integer, texts));
}

static inline void
fixture_types_init(fixture_types *self)
{
    *self = (fixture_types){0};
    assert_ok(cni_arena_new(cni_allocator_system(), "test", &self->arena, err));
    for (int id = CNI_TYPE_NULL; id < CNI_TYPE_COUNT_; id++) {
        const cni_type *type = cni_type_of((cni_type_id)id);
        if (type != NULL) {
            self->types[self->n_types++] = type;
        }
    }
    self->types[self->n_types++] = cni_type_decimal(9, 2);
    self->types[self->n_types++] = cni_type_decimal(38, 10);
    self->types[self->n_types++] = cni_type_timestamptz();
    self->types[self->n_types++] = cni_type_timestamp(CNI_UNIT_NS);
    fixture_add(self, (cni_type){.id = CNI_TYPE_DECIMAL, .precision = 60, .scale = 20});
    fixture_add(self, (cni_type){.id = CNI_TYPE_TIME, .unit = CNI_UNIT_MS});
    fixture_add(self, (cni_type){.id = CNI_TYPE_FIXED_BINARY, .width = 5});
    fixture_add(self, (cni_type){.id = CNI_TYPE_FIXED_BINARY,
                                 .width = 16,
                                 .extension_name = CNI_STR("arrow.uuid")});
    fixture_add_nested(self);
}

static inline void
fixture_types_done(fixture_types *self)
{
    cni_arena_unref(self->arena);
}

static inline void fixture_flat(fixture_random *random, const cni_type *type, int64_t n_rows,
                                bool nulls, cni_vector *out);

static inline void
fixture_fill_views(fixture_random *random, cni_vector *vector)
{
    static const char *const parts[] = {"",
                                        "a",
                                        "twelve bytes",
                                        "thirteen byte",
                                        "\xC3\xA9t\xC3\xA9",
                                        "a much longer text of many bytes"};
    cni_view *views = cni_vector_mutable_data(vector);
    cni_buffer *bytes = NULL;
    assert_ok(cni_buffer_new(cni_allocator_system(), vector->n_rows * 96 + 1, &bytes, err));
    char *next = (char *)bytes->data;
    for (int64_t row = 0; row < vector->n_rows; row++) {
        const int length = snprintf(next, 96, "%s%s", parts[fixture_below(random, 6)],
                                    parts[fixture_below(random, 6)]);
        views[row] = cni_view_make(next, (uint32_t)length);
        next += length;
    }
    assert_ok(cni_heap_new(cni_allocator_system(), &bytes, 1, &vector->heap, err));
    cni_buffer_unref(bytes);
}

/* Decimals within their precision. */
static inline void
fixture_fill_decimals(fixture_random *random, cni_vector *vector)
{
    uint8_t *data = cni_vector_mutable_data(vector);
    const int32_t item_bytes = cni_phys_bytes((cni_phys)vector->phys, vector->type);
    for (int64_t row = 0; row < vector->n_rows; row++) {
        int64_t value = (int64_t)(fixture_next(random) % 1000000000) - 500000000;
        memset(data + row * item_bytes, value < 0 ? 0xFF : 0, (size_t)item_bytes);
        memcpy(data + row * item_bytes, &value, 8);
    }
}

static inline void
fixture_fill_small(fixture_random *random, cni_vector *vector)
{
    for (int64_t row = 0; row < vector->n_rows; row++) {
        if (vector->phys == CNI_PHYS_I32) {
            ((int32_t *)cni_vector_mutable_data(vector))[row] =
                (int32_t)fixture_below(random, 80000);
        } else {
            ((int64_t *)cni_vector_mutable_data(vector))[row] =
                fixture_below(random, INT64_C(86400000000));
        }
    }
}

static inline void
fixture_flat_leaf(fixture_random *random, const cni_type *type, int64_t n_rows, cni_vector *out)
{
    const cni_phys phys = cni_type_phys(type);
    assert_ok(cni_vector_new_flat(cni_allocator_system(), type, phys, n_rows, false, out, err));
    if (phys == CNI_PHYS_NONE) {
        return;
    }
    if (phys == CNI_PHYS_VIEW) {
        fixture_fill_views(random, out);
    } else if (type->id == CNI_TYPE_DECIMAL || type->id == CNI_TYPE_HUGEINT) {
        fixture_fill_decimals(random, out);
    } else if (type->id == CNI_TYPE_TIME || type->id == CNI_TYPE_DATE) {
        fixture_fill_small(random, out);
    } else {
        uint8_t *data = cni_vector_mutable_data(out);
        for (int64_t at = 0; at < out->owner_data->len_bytes; at++) {
            data[at] = (uint8_t)fixture_next(random);
        }
    }
}

static inline void
fixture_fill_entries(fixture_random *random, cni_vector *vector, int64_t n_items)
{
    cni_list_entry *entries = (cni_list_entry *)(void *)vector->owner_data->data;
    const bool in_order = fixture_below(random, 2) == 0;
    int64_t next = 0;
    for (int64_t row = 0; row < vector->n_rows; row++) {
        const int64_t offset = in_order ? next : fixture_below(random, n_items + 1);
        const int64_t room = n_items - offset;
        entries[row].offset = offset;
        entries[row].size = fixture_below(random, room < 4 ? room + 1 : 4);
        next = offset + entries[row].size;
    }
}

static inline void
fixture_fill_codes(fixture_random *random, cni_vector *vector, const int64_t *n_items)
{
    const cni_type *type = vector->type;
    int8_t *codes = (int8_t *)(void *)vector->owner_data->data;
    if (type->dense) {
        assert_ok(
            cni_buffer_new(cni_allocator_system(), vector->n_rows * 4, &vector->owner_aux, err));
        vector->union_offsets = (const int32_t *)(const void *)vector->owner_aux->data;
    }
    for (int64_t row = 0; row < vector->n_rows; row++) {
        const int64_t child = fixture_below(random, type->n_children);
        codes[row] = type->union_codes[child];
        if (type->dense) {
            const int32_t offset = (int32_t)fixture_below(random, n_items[child]);
            memcpy(vector->owner_aux->data + row * 4, &offset, 4);
        }
    }
}

static inline void fixture_any(fixture_random *random, const cni_type *type, cni_encoding encoding,
                               int64_t n_rows, bool nulls, cni_vector *out);

/* Children of every encoding; keys and entries of maps never null and flat at the top. */
static inline void
fixture_child(fixture_random *random, const cni_type *parent, int32_t child, int64_t n_rows,
              cni_vector *out)
{
    const cni_type *type = parent->children[child].type;
    if (parent->id == CNI_TYPE_MAP) {
        fixture_flat(random, type, n_rows, false, out);
        cni_vector *keys = &out->nested->children[0];
        cni_vector_done(keys);
        fixture_any(random, type->children[0].type,
                    fixture_below(random, 2) == 0 ? CNI_DICTIONARY : CNI_FLAT,
                    n_rows + out->nested_offset, false, keys);
        return;
    }
    fixture_any(random, type, (cni_encoding)fixture_below(random, 4), n_rows,
                fixture_below(random, 3) != 0, out);
}

static inline void
fixture_flat_nested(fixture_random *random, const cni_type *type, int64_t n_rows, cni_vector *out)
{
    *out = (cni_vector){.type = type, .phys = (uint8_t)cni_type_phys(type), .n_rows = n_rows};
    assert_ok(cni_nested_new(cni_allocator_system(), type->n_children, &out->nested, err));
    int64_t n_items[2] = {n_rows, n_rows};
    for (int32_t child = 0; child < type->n_children; child++) {
        int64_t n_child = n_rows;
        if (out->phys == CNI_PHYS_LIST) {
            n_child = n_rows * 2 + fixture_below(random, 5);
        } else if (out->phys == CNI_PHYS_ARRAY) {
            n_child = n_rows * type->width;
        } else if (type->dense) {
            n_child = 1 + fixture_below(random, 2 * n_rows + 1);
        }
        n_items[child] = n_child;
        fixture_child(random, type, child, n_child, &out->nested->children[child]);
    }
    if (out->phys == CNI_PHYS_LIST || out->phys == CNI_PHYS_UNION) {
        assert_ok(cni_buffer_new(cni_allocator_system(), n_rows * 16, &out->owner_data, err));
        out->data = out->owner_data->data;
    }
    if (out->phys == CNI_PHYS_LIST) {
        fixture_fill_entries(random, out, n_items[0]);
    } else if (out->phys == CNI_PHYS_UNION) {
        fixture_fill_codes(random, out, n_items);
    }
}

static inline void
fixture_add_nulls(fixture_random *random, cni_vector *vector)
{
    const int64_t n_bytes = cni_bits_words(vector->n_rows) * 8;
    assert_ok(cni_buffer_new(cni_allocator_system(), n_bytes, &vector->owner_validity, err));
    for (int64_t at = 0; at < n_bytes; at++) {
        vector->owner_validity->data[at] = (uint8_t)fixture_next(random);
    }
    vector->validity = (cni_bits){vector->owner_validity->data, 0};
}

/* FLAT, a slice at an odd offset of something larger. */
static inline void
fixture_flat(fixture_random *random, const cni_type *type, int64_t n_rows, bool nulls,
             cni_vector *out)
{
    const int64_t before = fixture_below(random, 11);
    cni_vector whole = {0};
    if (cni_type_is_nested(type)) {
        fixture_flat_nested(random, type, before + n_rows + 3, &whole);
    } else {
        fixture_flat_leaf(random, type, before + n_rows + 3, &whole);
    }
    if (nulls && whole.phys != CNI_PHYS_NONE && whole.validity.data == NULL) {
        fixture_add_nulls(random, &whole);
    }
    cni_vector_slice(out, &whole, before, n_rows);
    cni_vector_done(&whole);
}

static inline void
fixture_dictionary(fixture_random *random, const cni_type *type, int64_t n_rows, bool nulls,
                   cni_vector *out)
{
    static const uint8_t code_sizes[] = {1, 2, 4};
    const int64_t n_values = 1 + fixture_below(random, 9);
    cni_vector values = {0};
    fixture_flat(random, type, n_values, nulls && fixture_below(random, 2) == 0, &values);
    cni_dictionary *dictionary = NULL;
    assert_ok(cni_dictionary_new(cni_allocator_system(), &values, false, false, &dictionary, err));
    cni_vector whole = {.type = type,
                        .encoding = CNI_DICTIONARY,
                        .phys = dictionary->values.phys,
                        .code_bytes = code_sizes[fixture_below(random, 3)],
                        .n_rows = n_rows + 5,
                        .dictionary = dictionary};
    assert_ok(cni_buffer_new(cni_allocator_system(), whole.n_rows * 4, &whole.owner_data, err));
    whole.data = whole.owner_data->data;
    for (int64_t row = 0; row < whole.n_rows; row++) {
        const uint32_t code = (uint32_t)fixture_below(random, n_values);
        memcpy(whole.owner_data->data + row * whole.code_bytes, &code, whole.code_bytes);
    }
    if (nulls) {
        fixture_add_nulls(random, &whole);
    }
    cni_vector_slice(out, &whole, fixture_below(random, 5), n_rows);
    cni_vector_done(&whole);
}

static inline void
fixture_runs(fixture_random *random, const cni_type *type, int64_t n_rows, bool nulls,
             cni_vector *out)
{
    cni_vector whole = {.type = type,
                        .encoding = CNI_RUN_END,
                        .phys = (uint8_t)cni_type_phys(type),
                        .n_rows = n_rows + 9};
    assert_ok(cni_buffer_new(cni_allocator_system(), whole.n_rows * 4, &whole.owner_aux, err));
    int32_t *ends = (int32_t *)(void *)whole.owner_aux->data;
    int64_t end = 0;
    while (end < whole.n_rows) {
        end += 1 + fixture_below(random, 6);
        ends[whole.n_runs++] = (int32_t)(end < whole.n_rows ? end : whole.n_rows);
    }
    whole.run_ends = ends;
    assert_ok(cni_nested_new(cni_allocator_system(), 1, &whole.nested, err));
    fixture_any(random, type, (cni_encoding)fixture_below(random, 3), whole.n_runs, nulls,
                &whole.nested->children[0]);
    cni_vector_slice(out, &whole, fixture_below(random, 9), n_rows);
    cni_vector_done(&whole);
}

static inline void
fixture_any(fixture_random *random, const cni_type *type, cni_encoding encoding, int64_t n_rows,
            bool nulls, cni_vector *out)
{
    const bool countable = type->id == CNI_TYPE_INT32 || type->id == CNI_TYPE_INT64;
    if (encoding == CNI_CONSTANT) {
        fixture_flat(random, type, 1, nulls, out);
        out->encoding = CNI_CONSTANT;
        out->n_rows = n_rows;
    } else if (encoding == CNI_DICTIONARY && type->id != CNI_TYPE_NULL) {
        fixture_dictionary(random, type, n_rows, nulls, out);
    } else if (encoding == CNI_RUN_END) {
        fixture_runs(random, type, n_rows, nulls, out);
    } else if (encoding == CNI_SEQUENCE && countable) {
        *out = (cni_vector){.type = type,
                            .encoding = CNI_SEQUENCE,
                            .phys = (uint8_t)cni_type_phys(type),
                            .n_rows = n_rows,
                            .sequence_start = fixture_below(random, 100) - 50,
                            .sequence_step = fixture_below(random, 7) - 3};
    } else {
        fixture_flat(random, type, n_rows, nulls, out);
    }
}

/* Text of a row; valid until the next call with the same buffer. */
static inline cni_str
fixture_text(cni_strbuf *buffer, const cni_vector *vector, int64_t row)
{
    cni_strbuf_reset(buffer);
    assert_ok(cni_vector_print(vector, row, buffer, err));
    return cni_strbuf_view(buffer);
}

/* Row `a_row` of a prints as row `b_row` of b, and is null where that is. */
static inline void
fixture_assert_same(const cni_vector *a, int64_t a_row, const cni_vector *b, int64_t b_row)
{
    cni_strbuf text_a;
    cni_strbuf text_b;
    cni_strbuf_init(&text_a, cni_allocator_system(), 1 << 24);
    cni_strbuf_init(&text_b, cni_allocator_system(), 1 << 24);
    const cni_str got = fixture_text(&text_a, a, a_row);
    const cni_str want = fixture_text(&text_b, b, b_row);
    if (!cni_str_eq(got, want) || cni_vector_is_valid(a, a_row) != cni_vector_is_valid(b, b_row)) {
        fail_msg("row %lld is %.*s, expected %.*s", (long long)a_row, CNI_STR_ARGS(got),
                 CNI_STR_ARGS(want));
    }
    cni_strbuf_done(&text_a);
    cni_strbuf_done(&text_b);
}

static inline void
fixture_assert_valid(const cni_vector *vector)
{
    assert_ok(cni_vector_validate(vector, err));
}

#endif /* CNI_TEST_VECTOR_FIXTURE_H */
