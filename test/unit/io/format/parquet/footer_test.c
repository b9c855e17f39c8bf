/* SPDX-License-Identifier: Apache-2.0
 *
 * Thrift compact and the structs read from it, from bytes written here: skipping of unknown fields
 * of every type, limits on depth and counts, headers cut short; schema mapping of annotations;
 * bounds of statistics and when they may be used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "io/format/parquet/leaf_type_int.h"
#include "io/format/parquet/statistics_int.h"

typedef struct writer {
    uint8_t bytes[4096];
    int64_t n;
} writer;

static void
put(writer *out, uint8_t byte)
{
    out->bytes[out->n++] = byte;
}

static void
put_varint(writer *out, uint64_t value)
{
    for (; value > 127; value >>= 7) {
        put(out, (uint8_t)(value | 128));
    }
    put(out, (uint8_t)value);
}

static void
put_int(writer *out, uint8_t delta, uint8_t type, int64_t value)
{
    put(out, (uint8_t)(delta << 4 | type));
    put_varint(out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

static void
put_text(writer *out, uint8_t delta, const char *text)
{
    put(out, (uint8_t)(delta << 4 | CNI_THRIFT_BINARY));
    put_varint(out, strlen(text));
    memcpy(out->bytes + out->n, text, strlen(text));
    out->n += (int64_t)strlen(text);
}

/* One value of each type, nested too, as unknown fields 101, 102, ... */
static void
put_unknown_fields(writer *out)
{
    put(out, CNI_THRIFT_TRUE); /* long form of the field header: the id follows */
    put_varint(out, 101 << 1);
    put(out, 1 << 4 | CNI_THRIFT_FALSE);
    put(out, 1 << 4 | CNI_THRIFT_I8);
    put(out, 0x85);
    put_int(out, 1, CNI_THRIFT_I16, -300);
    put_int(out, 1, CNI_THRIFT_I64, INT64_MIN);
    put(out, 1 << 4 | CNI_THRIFT_DOUBLE);
    out->n += 8;
    put_text(out, 1, "unknown");
    put(out, 1 << 4 | CNI_THRIFT_LIST);
    put(out, 3 << 4 | CNI_THRIFT_TRUE);
    put(out, 1);
    put(out, 2);
    put(out, 1);
    put(out, 1 << 4 | CNI_THRIFT_LIST);
    put(out, 15 << 4 | CNI_THRIFT_STRUCT);
    put_varint(out, 16);
    for (int item = 0; item < 16; item++) {
        put_int(out, 3, CNI_THRIFT_I32, item);
        put(out, 0);
    }
    put(out, 1 << 4 | CNI_THRIFT_MAP);
    put_varint(out, 2);
    put(out, CNI_THRIFT_BINARY << 4 | CNI_THRIFT_LIST);
    for (int item = 0; item < 2; item++) {
        put_varint(out, 1);
        put(out, 'k');
        put(out, 2 << 4 | CNI_THRIFT_I32);
        put(out, 9);
        put(out, 8);
    }
    put(out, 1 << 4 | CNI_THRIFT_MAP);
    put(out, 0);
    put(out, 1 << 4 | CNI_THRIFT_UUID);
    out->n += 16;
}

static void
test_unknown_fields(void **state)
{
    (void)state;
    writer out = {.n = 0};
    put_int(&out, 1, CNI_THRIFT_I32, CNI_PQ_PAGE_DATA);
    put_int(&out, 1, CNI_THRIFT_I32, 1000);
    put_int(&out, 1, CNI_THRIFT_I32, 500);
    put_int(&out, 1, CNI_THRIFT_I32, -2);
    put(&out, 1 << 4 | CNI_THRIFT_STRUCT);
    put_int(&out, 1, CNI_THRIFT_I32, 77);
    put_int(&out, 1, CNI_THRIFT_I32, CNI_PQ_RLE_DICTIONARY);
    put_unknown_fields(&out);
    put(&out, 0);
    put_unknown_fields(&out);
    put(&out, 0);
    cni_pq_page_header header;
    bool is_cut;
    uint8_t *exact = malloc((size_t)out.n);
    memcpy(exact, out.bytes, (size_t)out.n);
    assert_int_equal(cni_pq_page_header_parse(exact, out.n, &header, &is_cut, NULL), CN_OK);
    assert_int_equal(header.header_bytes, out.n);
    assert_int_equal(header.uncompressed_bytes, 1000);
    assert_int_equal(header.compressed_bytes, 500);
    assert_true(header.has_crc);
    assert_int_equal(header.crc, (uint32_t)-2);
    assert_int_equal(header.n_values, 77);
    assert_int_equal(header.encoding, CNI_PQ_RLE_DICTIONARY);
    free(exact);
    for (int64_t cut = 0; cut < out.n; cut++) {
        exact = malloc((size_t)cut + 1);
        memcpy(exact, out.bytes, (size_t)cut);
        assert_int_equal(cni_pq_page_header_parse(exact, cut, &header, &is_cut, NULL),
                         CN_INVALID_DATA);
        assert_true(is_cut);
        free(exact);
    }
}

static void
test_limits(void **state)
{
    (void)state;
    cni_pq_page_header header;
    bool is_cut;
    writer out = {.n = 0};
    for (int level = 0; level < 1000; level++) { /* structs in structs */
        put(&out, 1 << 4 | CNI_THRIFT_STRUCT);
    }
    assert_int_equal(cni_pq_page_header_parse(out.bytes, out.n, &header, &is_cut, NULL),
                     CN_INVALID_DATA);
    out.n = 0;
    put(&out, 9 << 4 | CNI_THRIFT_LIST); /* lists in lists */
    for (int level = 0; level < 1000; level++) {
        put(&out, 1 << 4 | CNI_THRIFT_LIST);
    }
    assert_int_equal(cni_pq_page_header_parse(out.bytes, out.n, &header, &is_cut, NULL),
                     CN_INVALID_DATA);
    out.n = 0; /* a negative size */
    put_int(&out, 1, CNI_THRIFT_I32, 0);
    put_int(&out, 1, CNI_THRIFT_I32, -5);
    put(&out, 0);
    assert_int_equal(cni_pq_page_header_parse(out.bytes, out.n, &header, &is_cut, NULL),
                     CN_INVALID_DATA);
    assert_false(is_cut);
    /* counts that no file could hold allocate nothing */
    cni_arena *arena = NULL;
    cni_pq_footer footer;
    assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
    for (uint8_t field = 2; field <= 7; field++) {
        out.n = 0;
        put(&out, (uint8_t)(field << 4 | CNI_THRIFT_LIST));
        put(&out, 15 << 4 | CNI_THRIFT_STRUCT);
        put_varint(&out, INT64_MAX);
        assert_int_equal(cni_pq_footer_parse(arena, out.bytes, out.n, &footer, NULL),
                         CN_INVALID_DATA);
    }
    assert_true(cni_arena_size_bytes(arena) < 100000);
    cni_arena_unref(arena);
}

typedef struct type_case {
    cni_pq_element element;
    cni_type_id id;
    uint8_t convert;
} type_case;

static const type_case cases[] = {
    {{.physical = CNI_PQ_BOOLEAN, .converted = -1}, CNI_TYPE_BOOL, CNI_PQ_BITS},
    {{.physical = CNI_PQ_INT32, .converted = CNI_PQ_INT_8}, CNI_TYPE_INT8, CNI_PQ_TO_8},
    {{.physical = CNI_PQ_INT32, .converted = CNI_PQ_UINT_8 + 1}, CNI_TYPE_UINT16, CNI_PQ_TO_16},
    {{.physical = CNI_PQ_INT32, .converted = CNI_PQ_UINT_8 + 2}, CNI_TYPE_UINT32, CNI_PQ_COPY},
    {{.physical = CNI_PQ_INT64, .converted = CNI_PQ_UINT_64}, CNI_TYPE_UINT64, CNI_PQ_COPY},
    {{.physical = CNI_PQ_INT64, .converted = CNI_PQ_INT_8}, CNI_TYPE_INT64, CNI_PQ_COPY},
    {{.physical = CNI_PQ_INT32, .converted = CNI_PQ_DATE}, CNI_TYPE_DATE, CNI_PQ_COPY},
    {{.physical = CNI_PQ_INT32, .converted = CNI_PQ_TIME_MILLIS}, CNI_TYPE_TIME, CNI_PQ_COPY},
    {{.physical = CNI_PQ_INT64, .converted = CNI_PQ_TIMESTAMP_MILLIS},
     CNI_TYPE_TIMESTAMP,
     CNI_PQ_COPY},
    {{.physical = CNI_PQ_INT96, .converted = -1}, CNI_TYPE_TIMESTAMP, CNI_PQ_INT96_TO_US},
    {{.physical = CNI_PQ_BYTE_ARRAY, .converted = CNI_PQ_UTF8}, CNI_TYPE_VARCHAR, CNI_PQ_VIEW},
    {{.physical = CNI_PQ_BYTE_ARRAY, .converted = CNI_PQ_JSON}, CNI_TYPE_VARCHAR, CNI_PQ_VIEW},
    {{.physical = CNI_PQ_BYTE_ARRAY, .converted = -1}, CNI_TYPE_BLOB, CNI_PQ_VIEW},
    {{.physical = CNI_PQ_BYTE_ARRAY, .converted = CNI_PQ_BSON}, CNI_TYPE_BLOB, CNI_PQ_VIEW},
    {{.physical = CNI_PQ_INT32, .converted = CNI_PQ_UTF8}, CNI_TYPE_INT32, CNI_PQ_COPY},
    {{.physical = CNI_PQ_INT32, .converted = CNI_PQ_DECIMAL, .precision = 9, .scale = 2},
     CNI_TYPE_DECIMAL,
     CNI_PQ_WIDEN},
    {{.physical = CNI_PQ_INT32, .converted = CNI_PQ_DECIMAL, .precision = 0, .scale = 2},
     CNI_TYPE_INT32,
     CNI_PQ_COPY},
    {{.physical = CNI_PQ_BYTE_ARRAY, .converted = CNI_PQ_DECIMAL, .precision = 38},
     CNI_TYPE_DECIMAL,
     CNI_PQ_TEXT_DECIMAL},
    {{.physical = CNI_PQ_FIXED,
      .type_bytes = 32,
      .converted = -1,
      .logical = CNI_PQ_LOGICAL_DECIMAL,
      .precision = 76,
      .scale = 5},
     CNI_TYPE_DECIMAL,
     CNI_PQ_FIXED_DECIMAL},
    {{.physical = CNI_PQ_FIXED, .type_bytes = 12, .converted = CNI_PQ_INTERVAL},
     CNI_TYPE_INTERVAL,
     CNI_PQ_FIXED_INTERVAL},
    {{.physical = CNI_PQ_FIXED, .type_bytes = 16, .converted = -1, .logical = CNI_PQ_LOGICAL_UUID},
     CNI_TYPE_FIXED_BINARY,
     CNI_PQ_COPY},
    {{.physical = CNI_PQ_FIXED,
      .type_bytes = 2,
      .converted = -1,
      .logical = CNI_PQ_LOGICAL_FLOAT16},
     CNI_TYPE_FLOAT16,
     CNI_PQ_COPY},
    {{.physical = CNI_PQ_INT32, .converted = -1, .logical = CNI_PQ_LOGICAL_UNKNOWN},
     CNI_TYPE_NULL,
     CNI_PQ_ALWAYS_NULL},
    {{.physical = CNI_PQ_INT64, .converted = -1, .logical = 99}, CNI_TYPE_INT64, CNI_PQ_COPY},
};

static void
test_leaf_types(void **state)
{
    (void)state;
    cni_arena *arena = NULL;
    const cni_pq_leaf *leaf = NULL;
    assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        assert_int_equal(cni_pq_leaf_map(arena, &cases[at].element, 0, false, &leaf, NULL), CN_OK);
        assert_int_equal(leaf->type->id, cases[at].id);
        assert_int_equal(leaf->convert, cases[at].convert);
    }
    const cni_pq_element utc_ns = {.physical = CNI_PQ_INT64,
                                   .converted = -1,
                                   .logical = CNI_PQ_LOGICAL_TIMESTAMP,
                                   .unit = 3,
                                   .adjusted_utc = true};
    assert_int_equal(cni_pq_leaf_map(arena, &utc_ns, 0, false, &leaf, NULL), CN_OK);
    assert_int_equal(leaf->type->unit, CNI_UNIT_NS);
    assert_true(cni_str_eq(leaf->type->timezone, CNI_STR("UTC")));
    const cni_pq_element bad = {.physical = 9, .converted = -1};
    const cni_pq_element empty = {.physical = CNI_PQ_FIXED, .converted = -1};
    assert_int_equal(cni_pq_leaf_map(arena, &bad, 0, false, &leaf, NULL), CN_INVALID_DATA);
    assert_int_equal(cni_pq_leaf_map(arena, &empty, 0, false, &leaf, NULL), CN_INVALID_DATA);
    const cni_pq_element blob = {.physical = CNI_PQ_BYTE_ARRAY, .converted = -1};
    assert_int_equal(cni_pq_leaf_map(arena, &blob, 0, true, &leaf, NULL), CN_OK);
    assert_int_equal(leaf->type->id, CNI_TYPE_VARCHAR);
    assert_true(leaf->is_utf8);
    cni_arena_unref(arena);
}

static cni_str
bytes_of(const void *data, int64_t n)
{
    return (cni_str){data, n};
}

static const cni_pq_leaf *
leaf_of(cni_arena *arena, const cni_pq_element *element)
{
    const cni_pq_leaf *leaf = NULL;
    assert_int_equal(cni_pq_leaf_map(arena, element, 0, false, &leaf, NULL), CN_OK);
    return leaf;
}

static void
test_bounds(void **state)
{
    (void)state;
    cni_arena *arena = NULL;
    cni_pq_bounds bounds;
    assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
    const int64_t low = -5;
    const int64_t high = 9;
    const cni_pq_element big = {.physical = CNI_PQ_INT64, .converted = -1};
    const cni_pq_leaf *leaf = leaf_of(arena, &big);
    cni_pq_bounds_decode(leaf, leaf->type, bytes_of(&low, 8), bytes_of(&high, 8), false, &bounds);
    assert_true(bounds.has_low && bounds.has_high && bounds.low_exact);
    assert_int_equal(bounds.low.as.i64, -5);
    cni_pq_bounds_decode(leaf, leaf->type, bytes_of(&low, 7), bytes_of(&high, 8), true, &bounds);
    assert_false(bounds.has_low);
    cni_pq_bounds_decode(leaf, leaf->type, bytes_of(&high, 8), bytes_of(&low, 8), true, &bounds);
    assert_false(bounds.has_low || bounds.has_high); /* they contradict each other */
    /* unsigned numbers in the deprecated signed pair */
    const cni_pq_element wide = {.physical = CNI_PQ_INT64, .converted = CNI_PQ_UINT_64};
    leaf = leaf_of(arena, &wide);
    cni_pq_bounds_decode(leaf, leaf->type, bytes_of(&high, 8), bytes_of(&low, 8), false, &bounds);
    assert_false(bounds.has_low);
    cni_pq_bounds_decode(leaf, leaf->type, bytes_of(&high, 8), bytes_of(&low, 8), true, &bounds);
    assert_true(bounds.has_low && bounds.high.as.u64 == (uint64_t)-5);
    /* NaN says nothing, zeros are widened */
    const cni_pq_element real = {.physical = CNI_PQ_DOUBLE, .converted = -1};
    const double nan_value = (double)NAN;
    const double zero = 0.0;
    leaf = leaf_of(arena, &real);
    cni_pq_bounds_decode(leaf, leaf->type, bytes_of(&nan_value, 8), bytes_of(&zero, 8), true,
                         &bounds);
    assert_false(bounds.has_low);
    assert_true(bounds.has_high && !bounds.high_exact);
    cni_pq_bounds_decode(leaf, leaf->type, bytes_of(&zero, 8), bytes_of(&zero, 8), true, &bounds);
    assert_true(signbit(bounds.low.as.f64) && !signbit(bounds.high.as.f64));
    /* decimals are big-endian; texts keep their bytes; intervals and INT96 have no order */
    const cni_pq_element money = {.physical = CNI_PQ_FIXED,
                                  .type_bytes = 3,
                                  .converted = CNI_PQ_DECIMAL,
                                  .precision = 6,
                                  .scale = 2};
    leaf = leaf_of(arena, &money);
    cni_pq_bounds_decode(leaf, leaf->type, bytes_of("\xff\xff\xfe", 3), bytes_of("\x00\x01\x00", 3),
                         true, &bounds);
    assert_int_equal(bounds.low.as.i64, -2);
    assert_int_equal(bounds.high.as.i64, 256);
    const cni_pq_element text = {.physical = CNI_PQ_BYTE_ARRAY, .converted = CNI_PQ_UTF8};
    leaf = leaf_of(arena, &text);
    cni_pq_bounds_decode(leaf, leaf->type, bytes_of("ab", 2), bytes_of("zz", 2), false, &bounds);
    assert_false(bounds.has_low);
    cni_pq_bounds_decode(leaf, leaf->type, bytes_of("ab", 2), bytes_of("z\xc3", 2), true, &bounds);
    assert_true(bounds.has_low && !bounds.has_high && !bounds.low_exact);
    const cni_pq_element instant = {.physical = CNI_PQ_INT96, .converted = -1};
    leaf = leaf_of(arena, &instant);
    cni_pq_bounds_decode(leaf, leaf->type, bytes_of("123456789012", 12),
                         bytes_of("123456789012", 12), true, &bounds);
    assert_false(bounds.has_low);
    cni_arena_unref(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_fields),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_leaf_types),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
