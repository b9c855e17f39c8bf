/* SPDX-License-Identifier: Apache-2.0
 *
 * Import of every Arrow layout: arrays made by hand, with offsets and nulls, in every window of
 * rows, against the text of their rows; the same once more through an export. Then each claim of a
 * producer wrong in turn. Releases are counted throughout.
 */
#include "vector_fixture.h"

#include "base/fault.h"
#include "foreign_arrow.h"

#include "data/column/arrow_bridge.h"

#define ALLOCATOR cni_allocator_system()
#define BUFFER(node, at, ...)                                                                      \
    do {                                                                                           \
        foreign_buffer((node), (at), (__VA_ARGS__), sizeof(__VA_ARGS__));                          \
    } while (0)

/* A foreign column and what its rows print as. */
typedef struct foreign_case {
    const char *name;
    foreign_node *(*build)(void);
    int64_t n_rows;
    const char *rows[8];
} foreign_case;

/* Most arrays begin at row 1 of their buffers and have the third of their rows null: bits
 * 1,1,0,1,1. */
static const uint8_t one_null[] = {0x36};

static foreign_node *
make(const char *format, int64_t length, int64_t n_buffers)
{
    foreign_node *node = foreign_new(format, length, 1, n_buffers);
    foreign_buffer(node, 0, one_null, sizeof(one_null));
    return node;
}

static foreign_node *
build_int32(void)
{
    foreign_node *node = make("i", 5, 2);
    BUFFER(node, 1, (int32_t[]){99, 10, -20, 77, 40, 50});
    return node;
}

static foreign_node *
build_unaligned(void)
{
    static const char bytes[] = "x\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00";
    foreign_node *node = foreign_new("l", 2, 0, 2);
    foreign_buffer(node, 1, bytes, 17);
    node->pointers[1] = (const char *)node->owned[1] + 1;
    return node;
}

static foreign_node *
build_bool(void)
{
    foreign_node *node = make("b", 5, 2);
    BUFFER(node, 1, (uint8_t[]){0x2A});
    return node;
}

static foreign_node *
build_null(void)
{
    return foreign_new("n", 5, 1, 0);
}

static foreign_node *
build_fixed_binary(void)
{
    foreign_node *node = make("w:3", 3, 2);
    foreign_buffer(node, 1, "___abcde\xFFghi", 12);
    return node;
}

static foreign_node *
build_timestamp(void)
{
    foreign_node *node = make("tsm:Europe/Paris", 2, 2);
    BUFFER(node, 1, (int64_t[]){0, 912506400000, -1});
    return node;
}

static foreign_node *
build_time(void)
{
    foreign_node *node = make("tts", 2, 2);
    BUFFER(node, 1, (int32_t[]){0, 61, 3600});
    return node;
}

static foreign_node *
build_duration(void)
{
    foreign_node *node = make("tDn", 2, 2);
    BUFFER(node, 1, (int64_t[]){0, 1, 3600000000000});
    return node;
}

static foreign_node *
build_decimal32(void)
{
    foreign_node *node = make("d:5,2,32", 3, 2);
    BUFFER(node, 1, (int32_t[]){0, 12345, -1, INT32_MAX}); /* the null is out of range */
    return node;
}

static foreign_node *
build_decimal64(void)
{
    foreign_node *node = make("d:18,0,64", 2, 2);
    BUFFER(node, 1, (int64_t[]){0, 999999999999999999, -7});
    return node;
}

static foreign_node *
build_decimal128(void)
{
    foreign_node *node = make("d:12,2", 3, 2);
    BUFFER(node, 1, (cni_i128[]){0, 12345, -1, (cni_i128)1 << 100});
    return node;
}

static foreign_node *
build_wide_decimal128(void)
{
    foreign_node *node = make("d:30,0", 2, 2);
    BUFFER(node, 1, (cni_i128[]){0, (cni_i128)1 << 90, -1});
    return node;
}

static foreign_node *
build_decimal256(void)
{
    foreign_node *node = make("d:20,1,256", 2, 2);
    BUFFER(node, 1, (int64_t[]){9, 9, 9, 9, 12345, 0, 0, 0, -1, -1, -1, -1});
    return node;
}

static foreign_node *
build_wide_decimal256(void)
{
    foreign_node *node = make("d:76,0,256", 2, 2);
    BUFFER(node, 1, (int64_t[]){9, 9, 9, 9, 0, 0, 1, 0, -1, -1, -1, -1});
    return node;
}

static foreign_node *
build_months(void)
{
    foreign_node *node = make("tiM", 2, 2);
    BUFFER(node, 1, (int32_t[]){0, 14, -1});
    return node;
}

static foreign_node *
build_day_time(void)
{
    foreign_node *node = make("tiD", 2, 2);
    BUFFER(node, 1, (int32_t[]){0, 0, 2, 1500, -1, -1});
    return node;
}

static foreign_node *
build_month_day_nano(void)
{
    foreign_node *node = make("tin", 2, 2);
    BUFFER(node, 1, (cni_interval[]){{0}, {1, 2, 3000000000}, {0, 0, -1}});
    return node;
}

/* "skip", "", a null over bytes that are not UTF-8, a long one, e acute, "ab". */
#define TEXT_BYTES "skip\xFF\xFEthe one long text of this\xC3\xA9"

static foreign_node *
build_utf8(void)
{
    foreign_node *node = foreign_new("u", 5, 1, 3);
    foreign_buffer(node, 0, "\x3A", 1);
    BUFFER(node, 1, (int32_t[]){0, 4, 4, 6, 31, 33, 33});
    foreign_buffer(node, 2, TEXT_BYTES, 33);
    return node;
}

static foreign_node *
build_large_binary(void)
{
    foreign_node *node = foreign_new("Z", 5, 1, 3);
    foreign_buffer(node, 0, "\x3A", 1);
    BUFFER(node, 1, (int64_t[]){0, 4, 4, 6, 31, 33, 33});
    foreign_buffer(node, 2, TEXT_BYTES, 33);
    return node;
}

static void
put_view(uint8_t *out, const char *text, int32_t buffer, int32_t offset)
{
    const int32_t len_bytes = (int32_t)strlen(text);
    memset(out, 0, 16);
    memcpy(out, &len_bytes, 4);
    memcpy(out + 4, text, len_bytes <= 12 ? (size_t)len_bytes : 4);
    if (len_bytes > 12) {
        memcpy(out + 8, &buffer, 4);
        memcpy(out + 12, &offset, 4);
    }
}

static foreign_node *
build_views(void)
{
    uint8_t views[6][16];
    put_view(views[0], "unused", 0, 0);
    put_view(views[1], "in the second buffer", 1, 3);
    put_view(views[2], "short", 0, 0);
    put_view(views[3], "text of a null row far out", 77, -5);
    put_view(views[4], "in the first buffer", 0, 0);
    put_view(views[5], "twelve bytes", 0, 0);
    views[5][0] = 12;
    foreign_node *node = make("vu", 5, 6);
    foreign_buffer(node, 0, "\x37", 1);
    foreign_buffer(node, 1, views, sizeof(views));
    foreign_buffer(node, 2, "in the first buffer", 19);
    foreign_buffer(node, 3, "___in the second buffer", 23);
    foreign_buffer(node, 4, "", 0);
    node->pointers[4] = NULL; /* of size 0 */
    BUFFER(node, 5, (int64_t[]){19, 23, 0});
    return node;
}

static foreign_node *
build_items(int64_t length)
{
    foreign_node *items = foreign_new("s", length, 2, 2);
    foreign_buffer(items, 0, "\xFF\xFE", 2);
    BUFFER(items, 1, (int16_t[]){-1, -1, 0, 1, 2, 3, 4, 5, 6, 7});
    return items;
}

static foreign_node *
build_list(void)
{
    foreign_node *node = make("+l", 4, 2);
    BUFFER(node, 1, (int32_t[]){0, 1, 3, 3, 5, 8});
    foreign_add_child(node, build_items(8), "item");
    return node;
}

static foreign_node *
build_large_list(void)
{
    foreign_node *node = make("+L", 4, 2);
    BUFFER(node, 1, (int64_t[]){0, 1, 3, 3, 5, 8});
    foreign_add_child(node, build_items(8), "item");
    return node;
}

static foreign_node *
build_list_view(void)
{
    foreign_node *node = make("+vl", 4, 3);
    BUFFER(node, 1, (int32_t[]){0, 5, 0, 1, 4});
    BUFFER(node, 2, (int32_t[]){0, 3, 0, 2, 4});
    foreign_add_child(node, build_items(8), "item");
    return node;
}

static foreign_node *
build_large_list_view(void)
{
    foreign_node *node = make("+vL", 4, 3);
    BUFFER(node, 1, (int64_t[]){0, 5, 0, 1, 4});
    BUFFER(node, 2, (int64_t[]){0, 3, 0, 2, 4});
    foreign_add_child(node, build_items(8), "item");
    return node;
}

static foreign_node *
build_fixed_list(void)
{
    foreign_node *node = make("+w:2", 3, 1);
    foreign_add_child(node, build_items(8), "item");
    return node;
}

static foreign_node *
build_struct(void)
{
    foreign_node *node = make("+s", 3, 1);
    foreign_add_child(node, build_items(6), "a");
    foreign_node *text = foreign_new("u", 4, 1, 3); /* its own offset adds to the struct's */
    BUFFER(text, 1, (int32_t[]){0, 1, 2, 3, 4, 5});
    foreign_buffer(text, 2, "01234", 5);
    foreign_add_child(node, text, "b");
    return node;
}

static foreign_node *
build_map(void)
{
    foreign_node *keys = foreign_new("u", 4, 0, 3);
    BUFFER(keys, 1, (int32_t[]){0, 1, 2, 3, 4});
    foreign_buffer(keys, 2, "abcd", 4);
    foreign_node *entries = foreign_new("+s", 4, 0, 1);
    foreign_add_child(entries, keys, "key");
    foreign_add_child(entries, build_items(4), "value");
    foreign_node *node = make("+m", 3, 2);
    BUFFER(node, 1, (int32_t[]){0, 1, 3, 3, 4});
    foreign_add_child(node, entries, "entries");
    return node;
}

static foreign_node *
build_sparse_union(void)
{
    foreign_node *node = foreign_new("+us:5,0", 3, 1, 1);
    foreign_buffer(node, 0, "\x05\x05\x00\x05", 4);
    foreign_add_child(node, build_items(5), "a");
    foreign_node *other = foreign_new("b", 5, 0, 2);
    foreign_buffer(other, 1, "\x04", 1);
    foreign_add_child(node, other, "b");
    return node;
}

static foreign_node *
build_dense_union(void)
{
    foreign_node *node = foreign_new("+ud:5,0", 4, 1, 2);
    foreign_buffer(node, 0, "\x00\x05\x00\x05\x05", 5);
    BUFFER(node, 1, (int32_t[]){9, 3, 1, 7, 0});
    foreign_add_child(node, build_items(8), "a");
    foreign_node *other = foreign_new("b", 2, 0, 2);
    foreign_buffer(other, 1, "\x02", 1);
    foreign_add_child(node, other, "b");
    return node;
}

static foreign_node *
build_words(void)
{
    foreign_node *words = foreign_new("u", 3, 0, 3);
    foreign_buffer(words, 0, "\x05", 1);
    BUFFER(words, 1, (int32_t[]){0, 3, 3, 25});
    foreign_buffer(words, 2, "onethree, the longest word", 25);
    return words;
}

static foreign_node *
build_dictionary(void)
{
    foreign_node *node = make("c", 4, 2);
    foreign_buffer(node, 1, "\x63\x02\x00\x80\x01", 5); /* the null's index is negative */
    foreign_set_dictionary(node, build_words());
    return node;
}

static foreign_node *
build_wide_dictionary(void)
{
    foreign_node *node = make("L", 3, 2);
    BUFFER(node, 1, (uint64_t[]){99, 2, 0, UINT64_MAX});
    foreign_set_dictionary(node, build_words());
    return node;
}

static foreign_node *
build_plain_dictionary(void)
{
    foreign_node *node = foreign_new("S", 3, 1, 2);
    BUFFER(node, 1, (uint16_t[]){99, 2, 0, 1});
    foreign_set_dictionary(node, build_words());
    return node;
}

static foreign_node *
build_dictionary_of_lists(void)
{
    foreign_node *node = make("i", 3, 2);
    BUFFER(node, 1, (int32_t[]){99, 3, 0, 1});
    foreign_set_dictionary(node, build_list());
    return node;
}

static foreign_node *
build_empty_dictionary(void)
{
    foreign_node *empty = foreign_new("u", 0, 0, 3);
    foreign_node *node = foreign_new("i", 2, 1, 2);
    foreign_buffer(node, 0, "\x00", 1);
    BUFFER(node, 1, (int32_t[]){5, 6, 7});
    foreign_set_dictionary(node, empty);
    return node;
}

static foreign_node *
build_dictionary_of_dictionary(void)
{
    foreign_node *node = foreign_new("C", 4, 0, 2);
    foreign_buffer(node, 1, "\x00\x02\x01\x03", 4);
    foreign_set_dictionary(node, build_dictionary());
    return node;
}

/* Rows 0..6 of the runs 2, 5, 7; the array begins at 1. */
static foreign_node *
build_runs_of(const char *format, foreign_node *values)
{
    foreign_node *node = foreign_new("+r", 6, 1, 0);
    node->array.null_count = 0;
    foreign_node *ends = foreign_new(format, 3, 1, 2);
    ends->schema.flags = 0;
    if (format[0] == 's') {
        BUFFER(ends, 1, (int16_t[]){-9, 2, 5, 7});
    } else if (format[0] == 'i') {
        BUFFER(ends, 1, (int32_t[]){-9, 2, 5, 7});
    } else {
        BUFFER(ends, 1, (int64_t[]){-9, 2, 5, 7});
    }
    foreign_add_child(node, ends, "run_ends");
    foreign_add_child(node, values, "values");
    return node;
}

static foreign_node *
build_runs16(void)
{
    return build_runs_of("s", build_words());
}

static foreign_node *
build_runs32(void)
{
    return build_runs_of("i", build_list());
}

static foreign_node *
build_runs64(void)
{
    return build_runs_of("l", build_dictionary());
}

static foreign_node *
build_runs_of_runs(void)
{
    foreign_node *outer = foreign_new("+r", 4, 0, 0);
    outer->array.null_count = 0;
    foreign_node *ends = foreign_new("i", 2, 0, 2);
    BUFFER(ends, 1, (int32_t[]){1, 4});
    foreign_add_child(outer, ends, "run_ends");
    foreign_add_child(outer, build_runs_of("s", build_words()), "values");
    return outer;
}

static foreign_node *
build_list_of_runs(void)
{
    foreign_node *node = foreign_new("+l", 2, 0, 2);
    BUFFER(node, 1, (int32_t[]){1, 3, 6});
    foreign_add_child(node, build_runs_of("i", build_words()), "item");
    return node;
}

#define LONG "the one long text of this"
static const foreign_case cases[] = {
    {"int32", build_int32, 5, {"10", "-20", "NULL", "40", "50"}},
    {"unaligned", build_unaligned, 2, {"1", "2"}},
    {"bool", build_bool, 5, {"true", "false", "NULL", "false", "true"}},
    {"null", build_null, 5, {"NULL", "NULL", "NULL", "NULL", "NULL"}},
    {"fixed binary", build_fixed_binary, 3, {"abc", "de\\xFF", "NULL"}},
    {"timestamp", build_timestamp, 2, {"1998-12-01 10:00:00+00", "1969-12-31 23:59:59.999+00"}},
    {"time", build_time, 2, {"00:01:01", "01:00:00"}},
    {"duration", build_duration, 2, {"00:00:00.000000001", "01:00:00"}},
    {"decimal32", build_decimal32, 3, {"123.45", "-0.01", "NULL"}},
    {"decimal64", build_decimal64, 2, {"999999999999999999", "-7"}},
    {"decimal128", build_decimal128, 3, {"123.45", "-0.01", "NULL"}},
    {"wide decimal128", build_wide_decimal128, 2, {"1237940039285380274899124224", "-1"}},
    {"decimal256", build_decimal256, 2, {"1234.5", "-0.1"}},
    {"wide decimal256",
     build_wide_decimal256,
     2,
     {"340282366920938463463374607431768211456", "-1"}},
    {"months", build_months, 2, {"1 year 2 months", "-1 months"}},
    {"day time", build_day_time, 2, {"2 days 00:00:01.5", "-1 days -00:00:00.001"}},
    {"month day nano", build_month_day_nano, 2, {"1 month 2 days 00:00:03", "-00:00:00.000000001"}},
    {"utf8", build_utf8, 5, {"", "NULL", LONG, "\xC3\xA9", ""}},
    {"large binary", build_large_binary, 5, {"", "NULL", LONG, "\\xC3\\xA9", ""}},
    {"views",
     build_views,
     5,
     {"in the second buffer", "short", "NULL", "in the first buffer", "twelve bytes"}},
    {"list", build_list, 4, {"[1, 2]", "[]", "NULL", "[5, NULL, 7]"}},
    {"large list", build_large_list, 4, {"[1, 2]", "[]", "NULL", "[5, NULL, 7]"}},
    {"list view", build_list_view, 4, {"[5, NULL, 7]", "[]", "NULL", "[4, 5, NULL, 7]"}},
    {"large list view",
     build_large_list_view,
     4,
     {"[5, NULL, 7]", "[]", "NULL", "[4, 5, NULL, 7]"}},
    {"fixed list", build_fixed_list, 3, {"[2, 3]", "[4, 5]", "NULL"}},
    {"struct", build_struct, 3, {"{'a': 1, 'b': 2}", "{'a': 2, 'b': 3}", "NULL"}},
    {"map", build_map, 3, {"{b=1, c=2}", "{}", "NULL"}},
    {"sparse union", build_sparse_union, 3, {"1", "true", "3"}},
    {"dense union", build_dense_union, 4, {"3", "true", "7", "0"}},
    {"dictionary", build_dictionary, 4, {"three, the longest wor", "one", "NULL", "NULL"}},
    {"wide dictionary", build_wide_dictionary, 3, {"three, the longest wor", "one", "NULL"}},
    {"plain dictionary", build_plain_dictionary, 3, {"three, the longest wor", "one", "NULL"}},
    {"dictionary of lists", build_dictionary_of_lists, 3, {"[5, NULL, 7]", "[1, 2]", "NULL"}},
    {"empty dictionary", build_empty_dictionary, 2, {"NULL", "NULL"}},
    {"dictionary of dictionary",
     build_dictionary_of_dictionary,
     4,
     {"three, the longest wor", "NULL", "one", "NULL"}},
    {"runs 16",
     build_runs16,
     6,
     {"one", "NULL", "NULL", "NULL", "three, the longest wor", "three, the longest wor"}},
    {"runs 32", build_runs32, 6, {"[1, 2]", "[]", "[]", "[]", "NULL", "NULL"}},
    {"runs 64", build_runs64, 6, {"three, the longest wor", "one", "one", "one", "NULL", "NULL"}},
    {"runs of runs", build_runs_of_runs, 4, {"one", "NULL", "NULL", "NULL"}},
    {"list of runs",
     build_list_of_runs,
     2,
     {"[NULL, NULL]", "[NULL, three, the longest wor, three, "
                      "the longest wor]"}},
};

typedef struct imported {
    cni_arena *arena;
    cni_schema types;
    cni_arrow_batch batch;
} imported;

static cn_code
import(struct ArrowSchema *schema, struct ArrowArray *array, imported *out, cn_error *error)
{
    *out = (imported){0};
    cn_code code = cni_arena_new(ALLOCATOR, "test", &out->arena, error);
    if (code == CN_OK) {
        code = cni_arrow_import_schema(out->arena, schema, &out->types, error);
    }
    if (code == CN_OK) {
        code = cni_arrow_import_batch(ALLOCATOR, schema, &out->types, array, &out->batch, error);
    }
    return code;
}

static void
imported_done(imported *self)
{
    cni_arrow_batch_done(&self->batch);
    cni_arena_unref(self->arena);
}

static void
assert_texts(const cni_vector *vector, const foreign_case *wanted, int64_t first, int64_t n_rows)
{
    cni_strbuf text;
    cni_strbuf_init(&text, ALLOCATOR, 1 << 20);
    fixture_assert_valid(vector);
    assert_int_equal(vector->n_rows, n_rows);
    for (int64_t row = 0; row < n_rows; row++) {
        const cni_str got = fixture_text(&text, vector, row);
        if (!cni_str_eq(got, cni_str_of(wanted->rows[first + row]))) {
            fail_msg("%s: row %lld of the window at %lld is '%.*s', expected '%s'", wanted->name,
                     (long long)row, (long long)first, CNI_STR_ARGS(got),
                     wanted->rows[first + row]);
        }
    }
    cni_strbuf_done(&text);
}

/* Out again and in again: the same texts. */
static void
check_export(const foreign_case *wanted, imported *in, int64_t first, bool string_views)
{
    const cni_arrow_options options = {.string_views = string_views};
    cni_chunk chunk = {.n_rows = in->batch.n_rows,
                       .n_columns = 1,
                       .columns = in->batch.columns,
                       .allocator = ALLOCATOR};
    struct ArrowSchema schema;
    struct ArrowArray array;
    imported again;
    assert_ok(cni_arrow_export_schema(ALLOCATOR, &in->types, &options, &schema, err));
    assert_ok(cni_arrow_export_chunks(ALLOCATOR, &in->types, &chunk, 1, &options, &array, err));
    assert_ok(import(&schema, &array, &again, err));
    assert_texts(&again.batch.columns[0], wanted, first, in->batch.n_rows);
    imported_done(&again);
    schema.release(&schema);
}

static void
check_window(const foreign_case *wanted, int64_t first, int64_t n_rows)
{
    foreign_node *column = wanted->build();
    foreign_node *root = foreign_batch(column, n_rows, first);
    imported in;
    cn_error error = CN_ERROR_INIT;
    if (import(&root->schema, &root->array, &in, &error) != CN_OK) {
        fail_msg("%s: %s", wanted->name, error.message);
    }
    assert_null(root->array.release);
    assert_texts(&in.batch.columns[0], wanted, first, n_rows);
    check_export(wanted, &in, first, false);
    check_export(wanted, &in, first, true);
    imported_done(&in);
    assert_int_equal(root->n_released, 1);
    assert_int_equal(column->n_released, 1);
    foreign_free(root);
}

static void
test_every_layout_in_every_window(void **state)
{
    (void)state;
    for (int64_t at = 0; at < CN_ARRAY_LEN(cases); at++) {
        for (int64_t first = 0; first <= cases[at].n_rows; first++) {
            for (int64_t n_rows = 0; first + n_rows <= cases[at].n_rows; n_rows++) {
                check_window(&cases[at], first, n_rows);
            }
        }
    }
}

static void
test_values_are_borrowed(void **state)
{
    (void)state;
    foreign_node *column = build_int32();
    foreign_node *root = foreign_batch(column, 4, 1);
    imported in;
    assert_ok(import(&root->schema, &root->array, &in, err));
    assert_ptr_equal(in.batch.columns[0].data, (const int32_t *)column->owned[1] + 2);
    assert_ptr_equal(in.batch.columns[0].validity.data, column->owned[0]);
    cni_vector kept = {0};
    cni_vector_copy(&kept, &in.batch.columns[0]);
    imported_done(&in);
    assert_int_equal(root->n_released, 0); /* one vector is left */
    cni_vector_done(&kept);
    assert_int_equal(root->n_released, 1);
    foreign_free(root);
}

/* A case with something broken in it. */
typedef struct hostile_case {
    const char *name;
    foreign_node *(*build)(void);
    void (*spoil)(foreign_node *column);
} hostile_case;

static void
spoil_length(foreign_node *column)
{
    column->array.length = -1;
}
static void
spoil_offset(foreign_node *column)
{
    column->array.offset = INT64_MAX;
}
static void
spoil_null_count(foreign_node *column)
{
    column->array.null_count = column->array.length + 1;
}
static void
spoil_missing_validity(foreign_node *column)
{
    column->array.null_count = 1;
    column->pointers[0] = NULL;
}
static void
spoil_missing_data(foreign_node *column)
{
    column->pointers[1] = NULL;
}
static void
spoil_missing_bytes(foreign_node *column)
{
    column->pointers[2] = NULL;
}
static void
spoil_buffer_count(foreign_node *column)
{
    column->array.n_buffers--;
}
static void
spoil_buffers(foreign_node *column)
{
    column->array.buffers = NULL;
}
static void
spoil_child_count(foreign_node *column)
{
    column->array.n_children++;
}
static void
spoil_children(foreign_node *column)
{
    column->array.children = NULL;
}
static void
spoil_child_pointer(foreign_node *column)
{
    column->array_children[0] = NULL;
}
static void
spoil_child_released(foreign_node *column)
{
    column->children[0]->array.release(&column->children[0]->array);
}
static void
spoil_child_length(foreign_node *column)
{
    column->children[0]->array.length = 1;
}
static void
spoil_short(foreign_node *column)
{
    column->array.length--; /* the batch has more rows */
}
static void
spoil_dictionary_gone(foreign_node *column)
{
    column->array.dictionary = NULL;
}
static void
spoil_utf8(foreign_node *column)
{
    ((uint8_t *)column->owned[2])[8] = 0xFF;
}
/* A character cut in two by the border of two rows. */
static void
spoil_split_character(foreign_node *column)
{
    ((int32_t *)column->owned[1])[5] = 32;
}
static void
spoil_descending_offsets(foreign_node *column)
{
    ((int32_t *)column->owned[1])[3] = 0;
}
static void
spoil_negative_offset(foreign_node *column)
{
    ((int32_t *)column->owned[1])[1] = -4;
}
static void
spoil_extreme_offsets(foreign_node *column)
{
    ((int64_t *)column->owned[1])[1] = INT64_MIN;
    ((int64_t *)column->owned[1])[2] = INT64_MAX;
}
static void
spoil_long_text(foreign_node *column)
{
    ((int64_t *)column->owned[1])[6] = INT64_MAX;
}
static void
spoil_list_beyond_child(foreign_node *column)
{
    ((int32_t *)column->owned[1])[5] = 9;
}
static void
spoil_large_list(foreign_node *column)
{
    ((int64_t *)column->owned[1])[1] = INT64_MIN;
}
static void
spoil_list_view_size(foreign_node *column)
{
    ((int32_t *)column->owned[2])[1] = 4;
}
/* Also in null rows. */
static void
spoil_list_view_null(foreign_node *column)
{
    ((int32_t *)column->owned[1])[3] = -1;
}
static void
spoil_large_list_view(foreign_node *column)
{
    ((int64_t *)column->owned[1])[1] = INT64_MAX;
}
static void
spoil_view_buffer(foreign_node *column)
{
    ((int32_t *)column->owned[1])[4 + 2] = 3;
}
static void
spoil_view_offset(foreign_node *column)
{
    ((int32_t *)column->owned[1])[4 + 3] = 4;
}
static void
spoil_view_length(foreign_node *column)
{
    ((int32_t *)column->owned[1])[4] = -1;
}
static void
spoil_view_utf8(foreign_node *column)
{
    ((uint8_t *)column->owned[1])[2 * 16 + 6] = 0xC3;
}
static void
spoil_view_sizes(foreign_node *column)
{
    column->pointers[5] = NULL;
}
static void
spoil_view_size(foreign_node *column)
{
    ((int64_t *)column->owned[5])[0] = -1;
}
static void
spoil_view_buffer_gone(foreign_node *column)
{
    column->pointers[2] = NULL;
}
static void
spoil_map_key(foreign_node *column)
{
    foreign_node *keys = column->children[0]->children[0];
    foreign_buffer(keys, 0, "\x0D", 1);
}
static void
spoil_map_entry(foreign_node *column)
{
    foreign_buffer(column->children[0], 0, "\x0D", 1);
}
static void
spoil_union_code(foreign_node *column)
{
    ((int8_t *)column->owned[0])[2] = 1;
}
static void
spoil_union_negative_code(foreign_node *column)
{
    ((int8_t *)column->owned[0])[2] = -128;
}
static void
spoil_union_offset(foreign_node *column)
{
    ((int32_t *)column->owned[1])[1] = 8;
}
static void
spoil_union_negative_offset(foreign_node *column)
{
    ((int32_t *)column->owned[1])[1] = -1;
}
static void
spoil_dictionary_index(foreign_node *column)
{
    ((int8_t *)column->owned[1])[1] = 3;
}
static void
spoil_dictionary_negative(foreign_node *column)
{
    ((int8_t *)column->owned[1])[1] = -1;
}
static void
spoil_dictionary_wide(foreign_node *column)
{
    ((uint64_t *)column->owned[1])[1] = UINT64_C(1) << 32;
}
static void
spoil_empty_dictionary(foreign_node *column)
{
    foreign_buffer(column, 0, "\xFF", 1);
}
static void
spoil_dictionary_values(foreign_node *column)
{
    ((int32_t *)column->dictionary->owned[1])[1] = -1;
}
static void
spoil_run_order(foreign_node *column)
{
    ((int16_t *)column->children[0]->owned[1])[2] = 2;
}
static void
spoil_run_negative(foreign_node *column)
{
    ((int16_t *)column->children[0]->owned[1])[1] = -2;
}
static void
spoil_run_short(foreign_node *column)
{
    ((int16_t *)column->children[0]->owned[1])[3] = 6;
}
static void
spoil_run_null(foreign_node *column)
{
    foreign_buffer(column->children[0], 0, "\x0B", 1);
}
static void
spoil_run_values(foreign_node *column)
{
    column->children[1]->array.length = 2;
}
static void
spoil_run_parent_nulls(foreign_node *column)
{
    column->array.null_count = 1;
}
static void
spoil_run_ends_gone(foreign_node *column)
{
    column->children[0]->pointers[1] = NULL;
}
static void
spoil_decimal32(foreign_node *column)
{
    ((int32_t *)column->owned[1])[1] = 100000;
}
static void
spoil_decimal64(foreign_node *column)
{
    ((int64_t *)column->owned[1])[1] = INT64_MIN;
}
static void
spoil_decimal128(foreign_node *column)
{
    ((int64_t *)column->owned[1])[3] = 1;
}
static void
spoil_wide_decimal128(foreign_node *column)
{
    ((int64_t *)column->owned[1])[3] = INT64_MAX;
}
static void
spoil_decimal256(foreign_node *column)
{
    ((int64_t *)column->owned[1])[7] = 1;
}

static const hostile_case hostile[] = {
    {"length", build_int32, spoil_length},
    {"offset", build_int32, spoil_offset},
    {"null count", build_int32, spoil_null_count},
    {"validity", build_int32, spoil_missing_validity},
    {"data", build_int32, spoil_missing_data},
    {"data of bool", build_bool, spoil_missing_data},
    {"buffer count", build_int32, spoil_buffer_count},
    {"buffer count of views", build_views, spoil_buffer_count},
    {"buffers", build_int32, spoil_buffers},
    {"short", build_int32, spoil_short},
    {"child count", build_struct, spoil_child_count},
    {"children", build_struct, spoil_children},
    {"child pointer", build_struct, spoil_child_pointer},
    {"child released", build_struct, spoil_child_released},
    {"child length", build_struct, spoil_child_length},
    {"child length of list", build_list, spoil_child_length},
    {"child length of fixed list", build_fixed_list, spoil_child_length},
    {"child length of sparse union", build_sparse_union, spoil_child_length},
    {"child length of dense union", build_dense_union, spoil_child_length},
    {"child length of map", build_map, spoil_child_length},
    {"child length of runs", build_runs16, spoil_child_length},
    {"dictionary gone", build_dictionary, spoil_dictionary_gone},
    {"utf8", build_utf8, spoil_utf8},
    {"split character", build_utf8, spoil_split_character},
    {"offsets gone", build_utf8, spoil_missing_data},
    {"bytes gone", build_utf8, spoil_missing_bytes},
    {"descending offsets", build_utf8, spoil_descending_offsets},
    {"negative offset", build_utf8, spoil_negative_offset},
    {"extreme offsets", build_large_binary, spoil_extreme_offsets},
    {"long text", build_large_binary, spoil_long_text},
    {"list offsets gone", build_list, spoil_missing_data},
    {"list beyond child", build_list, spoil_list_beyond_child},
    {"descending list", build_list, spoil_descending_offsets},
    {"negative list", build_list, spoil_negative_offset},
    {"extreme list", build_large_list, spoil_large_list},
    {"list view size", build_list_view, spoil_list_view_size},
    {"list view null", build_list_view, spoil_list_view_null},
    {"list view sizes gone", build_list_view, spoil_missing_bytes},
    {"extreme list view", build_large_list_view, spoil_large_list_view},
    {"view buffer", build_views, spoil_view_buffer},
    {"view offset", build_views, spoil_view_offset},
    {"view length", build_views, spoil_view_length},
    {"view utf8", build_views, spoil_view_utf8},
    {"view sizes", build_views, spoil_view_sizes},
    {"view size", build_views, spoil_view_size},
    {"view buffer gone", build_views, spoil_view_buffer_gone},
    {"map key", build_map, spoil_map_key},
    {"map entry", build_map, spoil_map_entry},
    {"union code", build_sparse_union, spoil_union_code},
    {"union negative code", build_sparse_union, spoil_union_negative_code},
    {"dense union code", build_dense_union, spoil_union_code},
    {"union offset", build_dense_union, spoil_union_offset},
    {"union negative offset", build_dense_union, spoil_union_negative_offset},
    {"union offsets gone", build_dense_union, spoil_missing_data},
    {"dictionary index", build_dictionary, spoil_dictionary_index},
    {"dictionary negative", build_dictionary, spoil_dictionary_negative},
    {"dictionary wide", build_wide_dictionary, spoil_dictionary_wide},
    {"dictionary empty", build_empty_dictionary, spoil_empty_dictionary},
    {"dictionary values", build_dictionary, spoil_dictionary_values},
    {"dictionary codes gone", build_dictionary, spoil_missing_data},
    {"run order", build_runs16, spoil_run_order},
    {"run negative", build_runs16, spoil_run_negative},
    {"run short", build_runs16, spoil_run_short},
    {"run null", build_runs16, spoil_run_null},
    {"run values", build_runs16, spoil_run_values},
    {"run parent nulls", build_runs16, spoil_run_parent_nulls},
    {"run ends gone", build_runs16, spoil_run_ends_gone},
    {"decimal32", build_decimal32, spoil_decimal32},
    {"decimal64", build_decimal64, spoil_decimal64},
    {"decimal128", build_decimal128, spoil_decimal128},
    {"wide decimal128", build_wide_decimal128, spoil_wide_decimal128},
    {"decimal256", build_decimal256, spoil_decimal256},
};

static void
test_each_claim_wrong_in_turn(void **state)
{
    (void)state;
    for (int64_t at = 0; at < CN_ARRAY_LEN(hostile); at++) {
        foreign_node *column = hostile[at].build();
        foreign_node *root = foreign_batch(column, column->array.length, 0);
        imported in;
        cn_error error = CN_ERROR_INIT;
        hostile[at].spoil(column);
        const cn_code code = import(&root->schema, &root->array, &in, &error);
        if (code != CN_INVALID_DATA) {
            fail_msg("%s: gives %s (%s)", hostile[at].name, cn_code_name((int32_t)code),
                     error.message);
        }
        assert_non_null(strstr(error.message, "column 'column'"));
        assert_null(root->array.release); /* taken over also on failure */
        assert_int_equal(root->n_released, 1);
        assert_int_equal(column->n_released, 1);
        imported_done(&in);
        foreign_free(root);
    }
}

static void
test_batches_are_checked(void **state)
{
    (void)state;
    imported in;
    cn_error error = CN_ERROR_INIT;
    foreign_node *root = foreign_batch(build_int32(), 5, 0);
    foreign_buffer(root, 0, "\x1D", 1);
    root->array.null_count = 1;
    assert_int_equal(import(&root->schema, &root->array, &in, &error), CN_INVALID_DATA);
    assert_int_equal(root->n_released, 1);
    imported_done(&in);
    foreign_free(root);
    root = foreign_batch(build_int32(), 5, 0);
    foreign_buffer(root, 0, "\x1F", 1);
    root->array.null_count = -1; /* unknown, and none */
    assert_ok(import(&root->schema, &root->array, &in, err));
    imported_done(&in);
    assert_int_equal(import(&root->schema, &root->array, &in, &error), CN_INVALID_DATA);
    imported_done(&in); /* it was released before */
    foreign_free(root);
}

/* Allocations that fail: the array is released, nothing leaks. */
static void
test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (int64_t at = 0; at < CN_ARRAY_LEN(cases); at++) {
        cn_code code = CN_NO_MEMORY;
        for (int64_t fail_at = 1; code != CN_OK; fail_at++) {
            cni_fault fault = {0};
            cni_allocator *allocator = NULL;
            assert_ok(cni_fault_allocator_new(ALLOCATOR, &fault, &allocator, err));
            foreign_node *root = foreign_batch(cases[at].build(), cases[at].n_rows, 0);
            imported in = {0};
            cn_error error = CN_ERROR_INIT;
            assert_ok(cni_arena_new(ALLOCATOR, "test", &in.arena, err));
            assert_ok(cni_arrow_import_schema(in.arena, &root->schema, &in.types, err));
            cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], fail_at);
            code = cni_arrow_import_batch(allocator, &root->schema, &in.types, &root->array,
                                          &in.batch, &error);
            assert_true(code == CN_OK || code == CN_NO_MEMORY);
            imported_done(&in);
            assert_int_equal(root->n_released, 1);
            cni_allocator_unref(allocator);
            foreign_free(root);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_layout_in_every_window),
        cmocka_unit_test(test_values_are_borrowed),
        cmocka_unit_test(test_each_claim_wrong_in_turn),
        cmocka_unit_test(test_batches_are_checked),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
