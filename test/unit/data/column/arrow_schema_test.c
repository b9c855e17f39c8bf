/* SPDX-License-Identifier: Apache-2.0
 *
 * Schemas both ways: format strings, names, flags, metadata, extension types; every type comes back
 * as it went; malformed schemas are refused.
 */
#include "vector_fixture.h"

#include "base/fault.h"
#include "foreign_arrow.h"

#include "data/column/arrow_bridge.h"

#define ALLOCATOR cni_allocator_system()

static void
test_every_type_comes_back(void **state)
{
    (void)state;
    fixture_types types;
    fixture_types_init(&types);
    const cni_field nested = {.type = cni_type_of(CNI_TYPE_INT8)};
    fixture_add(&types, (cni_type){.id = CNI_TYPE_TIMESTAMP, .timezone = CNI_STR("Asia/Tokyo")});
    fixture_add(&types, (cni_type){.id = CNI_TYPE_DURATION, .unit = CNI_UNIT_NS});
    fixture_add(&types, (cni_type){.id = CNI_TYPE_STRUCT});
    fixture_add(&types, (cni_type){.id = CNI_TYPE_LIST,
                                   .n_children = 1,
                                   .children = &nested,
                                   .extension_name = CNI_STR("my.list"),
                                   .extension_metadata = CNI_STR("{}")});
    for (int32_t at = 0; at < types.n_types; at++) {
        const cni_type *type = types.types[at];
        const cni_arrow_options options = {.string_views = at % 2 == 0};
        struct ArrowSchema schema;
        cni_arena *arena = NULL;
        const cni_type *back = NULL;
        assert_ok(cni_arena_new(ALLOCATOR, "test", &arena, err));
        assert_ok(cni_arrow_export_type(ALLOCATOR, type, &options, &schema, err));
        assert_ok(cni_arrow_import_type(arena, &schema, &back, err));
        schema.release(&schema);
        const cni_type *wanted = type->id == CNI_TYPE_HUGEINT ? cni_type_decimal(38, 0) : type;
        assert_true(cni_type_equal(back, wanted));
        if (type->n_children == 0 && cni_type_of((cni_type_id)type->id) == wanted) {
            assert_ptr_equal(back, wanted); /* constants stay constants */
        }
        cni_arena_unref(arena);
    }
    fixture_types_done(&types);
}

static void
assert_format(const cni_type *type, const char *format)
{
    struct ArrowSchema schema;
    assert_ok(cni_arrow_export_type(ALLOCATOR, type, NULL, &schema, err));
    assert_string_equal(schema.format, format);
    schema.release(&schema);
}

static void
test_formats(void **state)
{
    (void)state;
    fixture_types types = {0};
    assert_ok(cni_arena_new(ALLOCATOR, "test", &types.arena, err));
    const cni_type *integer = cni_type_of(CNI_TYPE_INT32);
    assert_format(cni_type_decimal(15, 2), "d:15,2");
    assert_format(cni_type_timestamptz(), "tsu:UTC");
    assert_format(cni_type_timestamp(CNI_UNIT_NS), "tsn:");
    assert_format(cni_type_of(CNI_TYPE_INTERVAL), "tin");
    assert_format(cni_type_of(CNI_TYPE_BLOB), "z");
    assert_format(fixture_add_union(&types, true, integer, integer), "+ud:7,3");
    assert_format(fixture_add_map(&types, integer, integer), "+m");
    const cni_type wide = {.id = CNI_TYPE_DECIMAL, .precision = 60, .scale = 20};
    assert_format(&wide, "d:60,20,256");
    fixture_types_done(&types);
}

/* {"k": "v"} and an extension, as a producer encodes them. */
static void *
make_metadata(int64_t *out_bytes)
{
    static const char *const texts[] = {"ARROW:extension:name",     "arrow.uuid", "k", "v",
                                        "ARROW:extension:metadata", "m"};
    char *block = malloc(256);
    int32_t number = 3;
    int64_t at = 4;
    assert_non_null(block);
    memcpy(block, &number, 4);
    for (int text = 0; text < 6; text++) {
        number = (int32_t)strlen(texts[text]);
        memcpy(block + at, &number, 4);
        memcpy(block + at + 4, texts[text], (size_t)number);
        at += 4 + number;
    }
    *out_bytes = at;
    return block;
}

static void
test_metadata_and_extensions(void **state)
{
    (void)state;
    int64_t n_bytes = 0;
    foreign_node *column = foreign_new("w:16", 0, 0, 2);
    foreign_node *root = foreign_batch(column, 0, 0);
    column->metadata = make_metadata(&n_bytes);
    column->metadata = realloc(column->metadata, (size_t)n_bytes); /* no byte behind it */
    column->schema.metadata = column->metadata;
    column->schema.flags = 0;
    cni_arena *arena = NULL;
    cni_schema schema;
    struct ArrowSchema exported;
    assert_ok(cni_arena_new(ALLOCATOR, "test", &arena, err));
    for (int round = 0; round < 2; round++) {
        assert_ok(
            cni_arrow_import_schema(arena, round == 0 ? &root->schema : &exported, &schema, err));
        const cni_field *field = &schema.fields[0];
        assert_true(cni_str_eq(field->type->extension_name, CNI_STR("arrow.uuid")));
        assert_true(cni_str_eq(field->type->extension_metadata, CNI_STR("m")));
        assert_int_equal(field->metadata.len_bytes, 4 + 4 + 1 + 4 + 1);
        assert_true(cni_str_eq(field->name, CNI_STR("column")));
        assert_false(field->nullable);
        if (round == 0) {
            assert_ok(cni_arrow_export_schema(ALLOCATOR, &schema, NULL, &exported, err));
        }
    }
    exported.release(&exported);
    cni_arena_unref(arena);
    foreign_free(root);
}

static cn_code
import_type(foreign_node *node, cn_error *error)
{
    cni_arena *arena = NULL;
    const cni_type *type = NULL;
    assert_ok(cni_arena_new(ALLOCATOR, "test", &arena, err));
    const cn_code code = cni_arrow_import_type(arena, &node->schema, &type, error);
    cni_arena_unref(arena);
    foreign_free(node);
    return code;
}

static void
test_malformed_formats(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "",          "d:",         "d:1",          "d:39,0",     "d:0,0",
        "d:10,0,32", "d:77,0,256", "d:5,2,48",     "d:5,2,128x", "d:99999999999999999999,0",
        "w:",        "w:-1",       "w:2147483648", "w:1x",       "tsx:",
        "tsu",       "ts:",        "td",           "tdX",        "tdDD",
        "ttq",       "tiX",        "tD",           "+z",         "+w:",
        "+ud:1,",    "+us:128",    "+ud:-1",       "+ud:,1",     "+",
        "+v"};
    static const char *const unknown[] = {"x", "vv", "qq", "1", "\xFF"};
    cn_error error = CN_ERROR_INIT;
    for (int64_t at = 0; at < CN_ARRAY_LEN(malformed); at++) {
        const cn_code code = import_type(foreign_new(malformed[at], 0, 0, 0), &error);
        if (code != CN_INVALID_DATA && code != CN_NOT_IMPLEMENTED) {
            fail_msg("'%s' gives %s", malformed[at], cn_code_name((int32_t)code));
        }
    }
    for (int64_t at = 0; at < CN_ARRAY_LEN(unknown); at++) {
        assert_int_equal(import_type(foreign_new(unknown[at], 0, 0, 0), &error),
                         CN_NOT_IMPLEMENTED);
        assert_non_null(strstr(error.message, unknown[at]));
    }
    foreign_node *node = foreign_new("i", 0, 0, 0);
    node->schema.format = NULL;
    assert_int_equal(import_type(node, &error), CN_INVALID_DATA);
}

static foreign_node *
with_child(const char *format, const char *child)
{
    foreign_node *node = foreign_new(format, 0, 0, 0);
    foreign_add_child(node, foreign_new(child, 0, 0, 0), "c");
    return node;
}

static void
test_malformed_shapes(void **state)
{
    (void)state;
    cn_error error = CN_ERROR_INIT;
    assert_int_equal(import_type(foreign_new("+l", 0, 0, 0), &error), CN_INVALID_DATA);
    assert_int_equal(import_type(with_child("i", "i"), &error), CN_INVALID_DATA);
    assert_int_equal(import_type(with_child("+m", "i"), &error), CN_INVALID_DATA);
    assert_int_equal(import_type(with_child("+m", "+s"), &error), CN_INVALID_DATA);
    assert_int_equal(import_type(with_child("+r", "i"), &error), CN_INVALID_DATA);
    assert_int_equal(import_type(with_child("+us:1,2", "i"), &error), CN_INVALID_DATA);
    assert_int_equal(import_type(with_child("+us:", "i"), &error), CN_INVALID_DATA);
    foreign_node *node = with_child("+us:1,1", "i");
    foreign_add_child(node, foreign_new("i", 0, 0, 0), "d");
    assert_int_equal(import_type(node, &error), CN_INVALID_DATA);
    node = with_child("+r", "u");
    foreign_add_child(node, foreign_new("i", 0, 0, 0), "values");
    assert_int_equal(import_type(node, &error), CN_INVALID_DATA);
    node = foreign_new("u", 0, 0, 0);
    foreign_set_dictionary(node, foreign_new("u", 0, 0, 0));
    assert_int_equal(import_type(node, &error), CN_INVALID_DATA);
    node = with_child("+l", "i");
    node->schema.n_children = -1;
    assert_int_equal(import_type(node, &error), CN_INVALID_DATA);
    node = with_child("+l", "i");
    node->schema.children = NULL;
    assert_int_equal(import_type(node, &error), CN_INVALID_DATA);
    node = with_child("+l", "i");
    node->schema_children[0] = NULL;
    assert_int_equal(import_type(node, &error), CN_INVALID_DATA);
    node = with_child("+l", "i");
    node->children[0]->schema.release = NULL;
    assert_int_equal(import_type(node, &error), CN_INVALID_DATA);
    node = foreign_new("i", 0, 0, 0);
    node->schema.release = NULL;
    assert_int_equal(import_type(node, &error), CN_INVALID_DATA);
    node = with_child("+s", "i");
    (void)snprintf(node->children[0]->name, 32, "\xFF");
    assert_int_equal(import_type(node, &error), CN_INVALID_DATA);
    static const int32_t bad_pairs = -1;
    node = foreign_new("i", 0, 0, 0);
    node->schema.metadata = (const char *)&bad_pairs;
    assert_int_equal(import_type(node, &error), CN_INVALID_DATA);
    static const int32_t bad_key[] = {1, INT32_MAX};
    node = foreign_new("i", 0, 0, 0);
    node->schema.metadata = (const char *)bad_key;
    assert_int_equal(import_type(node, &error), CN_INVALID_DATA);
}

static void
test_depth_is_limited(void **state)
{
    (void)state;
    cn_error error = CN_ERROR_INIT;
    for (int levels = CNI_TYPE_DEPTH_MAX - 1; levels <= CNI_TYPE_DEPTH_MAX; levels++) {
        foreign_node *lists = foreign_new("i", 0, 0, 2);
        foreign_node *dictionaries = foreign_new("i", 0, 0, 2);
        for (int level = 0; level < levels; level++) {
            foreign_node *list = foreign_new("+l", 0, 0, 2);
            foreign_add_child(list, lists, "item");
            lists = list;
            foreign_node *dictionary = foreign_new("i", 0, 0, 2);
            foreign_set_dictionary(dictionary, dictionaries);
            dictionaries = dictionary;
        }
        const cn_code wanted = levels < CNI_TYPE_DEPTH_MAX ? CN_OK : CN_LIMIT_EXCEEDED;
        assert_int_equal(import_type(lists, &error), wanted);
        assert_int_equal(import_type(dictionaries, &error), wanted);
    }
}

/* The deepest array that is allowed, on the stack of a worker. */
static void
test_deepest_batch(void **state)
{
    (void)state;
    foreign_node *column = foreign_new("i", 1, 0, 2);
    foreign_buffer(column, 1, "\x07\x00\x00\x00", 4);
    for (int level = 1; level < CNI_TYPE_DEPTH_MAX; level++) {
        foreign_node *list = foreign_new("+l", 1, 0, 2);
        foreign_buffer(list, 1, "\x00\x00\x00\x00\x01\x00\x00\x00", 8);
        foreign_add_child(list, column, "item");
        column = list;
    }
    foreign_node *root = foreign_batch(column, 1, 0);
    cni_arena *arena = NULL;
    cni_schema types;
    cni_arrow_batch batch = {0};
    assert_ok(cni_arena_new(ALLOCATOR, "test", &arena, err));
    assert_ok(cni_arrow_import_schema(arena, &root->schema, &types, err));
    assert_ok(cni_arrow_import_batch(ALLOCATOR, &root->schema, &types, &root->array, &batch, err));
    fixture_assert_valid(&batch.columns[0]);
    cni_arrow_batch_done(&batch);
    cni_arena_unref(arena);
    foreign_free(root);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_comes_back),   cmocka_unit_test(test_formats),
        cmocka_unit_test(test_metadata_and_extensions), cmocka_unit_test(test_malformed_formats),
        cmocka_unit_test(test_malformed_shapes),        cmocka_unit_test(test_depth_is_limited),
        cmocka_unit_test(test_deepest_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
