/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the plan room share: an arena, a registry and a context over the system's heap,
 * literals written as text, calls by name, columns in every encoding.
 *
 * Literals: NULL, TRUE, 12, 1.5 (DECIMAL), 1.5e0 (DOUBLE), 'text', and TYPE text, such as
 * DATE 2024-01-31, BIGINT 5, DECIMAL(10,2) 1.25.
 */
#ifndef CN_TEST_PLAN_FIXTURE_H
#define CN_TEST_PLAN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/eval/program.h"
#include "plan/function/function.h"
#include "plan/ir/plan.h"

#define FIXTURE_MAX_ARGS 8

typedef struct fixture {
    cni_allocator *allocator;
    cni_arena *arena;
    cni_function_registry *registry;
    cni_context context;
    cn_error err;
} fixture;

#define assert_cn_ok(f, call)                                                                      \
    do {                                                                                           \
        (f)->err = (cn_error)CN_ERROR_INIT;                                                        \
        const cn_code code_ = (call);                                                              \
        if (code_ != CN_OK) {                                                                      \
            fail_msg("%s: %s", #call, (f)->err.message);                                           \
        }                                                                                          \
    } while (0)

static inline int
fixture_open(void **state)
{
    fixture *self = test_calloc(1, sizeof(*self));
    self->allocator = cni_allocator_system();
    assert_cn_ok(self, cni_arena_new(self->allocator, "test", &self->arena, &self->err));
    assert_cn_ok(self, cni_function_registry_new(self->allocator, &self->registry, &self->err));
    self->context.allocator = self->allocator;
    self->context.now_us = INT64_C(1706704496123456); /* 2024-01-31 12:34:56.123456 */
    self->context.settings = cni_exec_settings_default();
    *state = self;
    return 0;
}

static inline int
fixture_close(void **state)
{
    fixture *self = *state;
    cni_function_registry_free(self->registry);
    cni_arena_unref(self->arena);
    test_free(self);
    return 0;
}

/* ---- types and literals ---- */

static inline const cni_type *
fixture_type(const char *name, size_t n)
{
    static const cni_type_id ids[] = {
        CNI_TYPE_BOOL,    CNI_TYPE_INT8,      CNI_TYPE_INT16,   CNI_TYPE_INT32,  CNI_TYPE_INT64,
        CNI_TYPE_UINT8,   CNI_TYPE_UINT16,    CNI_TYPE_UINT32,  CNI_TYPE_UINT64, CNI_TYPE_HUGEINT,
        CNI_TYPE_FLOAT32, CNI_TYPE_FLOAT64,   CNI_TYPE_VARCHAR, CNI_TYPE_BLOB,   CNI_TYPE_DATE,
        CNI_TYPE_TIME,    CNI_TYPE_TIMESTAMP, CNI_TYPE_INTERVAL};
    static const char *const names[] = {"BOOLEAN",  "TINYINT",   "SMALLINT", "INTEGER", "BIGINT",
                                        "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT",
                                        "FLOAT",    "DOUBLE",    "VARCHAR",  "BLOB",    "DATE",
                                        "TIME",     "TIMESTAMP", "INTERVAL"};
    for (size_t at = 0; at < sizeof(ids) / sizeof(ids[0]); at++) {
        if (strlen(names[at]) == n && memcmp(names[at], name, n) == 0) {
            return cni_type_of(ids[at]);
        }
    }
    if (n == 11 && memcmp(name, "TIMESTAMPTZ", n) == 0) {
        return cni_type_timestamptz();
    }
    int precision = 0;
    int scale = 0;
    if (sscanf(name, "DECIMAL(%d,%d)", &precision, &scale) == 2) {
        return cni_type_decimal(precision, scale);
    }
    return NULL;
}

static inline const cni_expr *
fixture_string(fixture *f, const char *text, size_t n)
{
    cni_value value = {.type = cni_type_of(CNI_TYPE_VARCHAR)};
    const cni_expr *expr = NULL;
    assert_cn_ok(f, cni_arena_str(f->arena, (cni_str){text, (int64_t)n}, &value.as.bytes, &f->err));
    assert_cn_ok(f, cni_expr_literal(f->arena, &value, &expr, &f->err));
    return expr;
}

static inline const cni_expr *
fixture_cast_literal(fixture *f, const cni_type *type, const char *text)
{
    const cni_expr *cast = NULL;
    cni_value value;
    assert_cn_ok(f, cni_expr_cast(f->arena, fixture_string(f, text, strlen(text)), type, false,
                                  &cast, &f->err));
    assert_cn_ok(f, cni_expr_evaluate(f->arena, cast, &f->context, &value, &f->err));
    assert_cn_ok(f, cni_expr_literal(f->arena, &value, &cast, &f->err));
    return cast;
}

static inline const cni_expr *
fixture_number(fixture *f, const char *text)
{
    const char *point = strchr(text, '.');
    const size_t n_digits = strlen(text) - (text[0] == '-' ? 1U : 0U) - (point == NULL ? 0U : 1U);
    if (strchr(text, 'e') != NULL) {
        return fixture_cast_literal(f, cni_type_of(CNI_TYPE_FLOAT64), text);
    }
    if (point != NULL) {
        const int scale = (int)strlen(point + 1);
        const int precision = text[text[0] == '-' ? 1 : 0] == '0' ? scale + 1 : (int)n_digits;
        return fixture_cast_literal(f, cni_type_decimal(precision, scale), text);
    }
    return fixture_cast_literal(f,
                                cni_type_of(n_digits < 10   ? CNI_TYPE_INT32
                                            : n_digits < 19 ? CNI_TYPE_INT64
                                                            : CNI_TYPE_HUGEINT),
                                text);
}

static inline const cni_expr *
fixture_literal(fixture *f, const char *text)
{
    const cni_expr *expr = NULL;
    const size_t n = strlen(text);
    const char *blank = strchr(text, ' ');
    if (text[0] == '\'') {
        return fixture_string(f, text + 1, n - 2);
    }
    if (strcmp(text, "NULL") == 0) {
        const cni_value value = {.type = cni_type_of(CNI_TYPE_NULL), .is_null = true};
        assert_cn_ok(f, cni_expr_literal(f->arena, &value, &expr, &f->err));
        return expr;
    }
    if (strcmp(text, "TRUE") == 0 || strcmp(text, "FALSE") == 0) {
        assert_cn_ok(f, cni_expr_bool(f->arena, text[0] == 'T', &expr, &f->err));
        return expr;
    }
    if (blank != NULL) {
        const cni_type *type = fixture_type(text, (size_t)(blank - text));
        if (type == NULL) {
            fail_msg("no type in %s", text);
        }
        if (strcmp(blank + 1, "NULL") == 0) {
            const cni_value value = {.type = type, .is_null = true};
            assert_cn_ok(f, cni_expr_literal(f->arena, &value, &expr, &f->err));
            return expr;
        }
        return fixture_cast_literal(f, type, blank + 1);
    }
    return fixture_number(f, text);
}

/* ---- calls ---- */

/* A call of the function over args, cast as it wants; `as_literals` false hides that they are. */
static inline cn_code
fixture_try_call(fixture *f, const char *name, const cni_expr *const *args, int32_t n_args,
                 bool as_literals, const cni_expr **out_expr)
{
    const cni_type *types[FIXTURE_MAX_ARGS];
    const cni_type *wanted[FIXTURE_MAX_ARGS];
    const cni_value *literals[FIXTURE_MAX_ARGS];
    const cni_expr *cast[FIXTURE_MAX_ARGS];
    const cni_function *function = NULL;
    for (int32_t arg = 0; arg < n_args; arg++) {
        types[arg] = args[arg]->type;
        wanted[arg] = args[arg]->type;
        literals[arg] = as_literals ? args[arg]->literal : NULL;
    }
    cni_resolve question = {.arena = f->arena,
                            .n_args = n_args,
                            .arg_types = types,
                            .arg_literals = literals,
                            .out_arg_types = wanted};
    CN_TRY(cni_function_resolve(f->registry, cni_str_of(name), CNI_FUNCTION_SCALAR, &question,
                                &function, &f->err));
    for (int32_t arg = 0; arg < n_args; arg++) {
        CN_TRY(cni_expr_cast(f->arena, args[arg], question.out_arg_types[arg], false, &cast[arg],
                             &f->err));
    }
    const cni_expr node = {.kind = CNI_EXPR_CALL,
                           .type = question.out_type,
                           .n_args = n_args,
                           .args = cast,
                           .sql_offset = -1,
                           .function = function,
                           .bind_data = question.out_bind_data};
    return cni_expr_new(f->arena, &node, out_expr, &f->err);
}

static inline const cni_expr *
fixture_call(fixture *f, const char *name, const cni_expr *a, const cni_expr *b)
{
    const cni_expr *args[] = {a, b};
    const cni_expr *call = NULL;
    assert_cn_ok(f, fixture_try_call(f, name, args, b == NULL ? 1 : 2, true, &call));
    return call;
}

/* ---- text ---- */

/* Row of a vector as text in the arena. */
static inline const char *
fixture_text(fixture *f, const cni_vector *vector, int64_t row)
{
    cni_strbuf out;
    cni_str copy;
    cni_strbuf_init(&out, f->allocator, 1 << 20);
    assert_cn_ok(f, cni_vector_print(vector, row, &out, &f->err));
    assert_cn_ok(f, cni_arena_str(f->arena, cni_strbuf_view(&out), &copy, &f->err));
    cni_strbuf_done(&out);
    return copy.data;
}

static inline const char *
fixture_value_text(fixture *f, const cni_value *value)
{
    cni_vector vector;
    assert_cn_ok(f, cni_value_to_vector(f->allocator, value, 1, &vector, &f->err));
    const char *text = fixture_text(f, &vector, 0);
    cni_vector_done(&vector);
    return text;
}

static inline const char *
fixture_expr_text(fixture *f, const cni_expr *expr)
{
    cni_strbuf out;
    cni_str copy;
    cni_strbuf_init(&out, f->allocator, 1 << 20);
    assert_cn_ok(f, cni_expr_print(expr, NULL, NULL, &out, &f->err));
    assert_cn_ok(f, cni_arena_str(f->arena, cni_strbuf_view(&out), &copy, &f->err));
    cni_strbuf_done(&out);
    return copy.data;
}

static inline const char *
fixture_plan_text(fixture *f, const cni_plan *plan)
{
    cni_strbuf out;
    cni_str copy;
    cni_strbuf_init(&out, f->allocator, 1 << 20);
    assert_cn_ok(f, cni_plan_print(plan, NULL, NULL, &out, &f->err));
    assert_cn_ok(f, cni_arena_str(f->arena, cni_strbuf_view(&out), &copy, &f->err));
    cni_strbuf_done(&out);
    return copy.data;
}

static inline const cni_expr *
fixture_column(fixture *f, int32_t id, const cni_type *type)
{
    const cni_expr *expr = NULL;
    assert_cn_ok(f, cni_expr_column(f->arena, id, type, &expr, &f->err));
    return expr;
}

/* ---- columns ---- */

/* n values of one type (NULLs typed too) as a FLAT vector. */
static inline void
fixture_flat(fixture *f, const cni_value *values, int32_t n_values, cni_vector *out)
{
    cni_vector parts[64];
    const cni_vector *pointers[64];
    assert_true(n_values >= 1 && n_values <= 64);
    for (int32_t at = 0; at < n_values; at++) {
        assert_cn_ok(f, cni_value_to_vector(f->allocator, &values[at], 1, &parts[at], &f->err));
        pointers[at] = &parts[at];
    }
    assert_cn_ok(f, cni_vector_concat(f->allocator, pointers, n_values, out, &f->err));
    for (int32_t at = 0; at < n_values; at++) {
        cni_vector_done(&parts[at]);
    }
}

/* A FLAT vector as DICTIONARY: entries in reverse order, the last one twice, codes of code_bytes;
 * nulls are in the entries. */
static inline void
fixture_dictionary(fixture *f, const cni_vector *flat, int32_t code_bytes, cni_vector *out)
{
    const int64_t n_rows = flat->n_rows;
    uint32_t *rows = test_calloc((size_t)n_rows + 1, sizeof(*rows));
    cni_vector entries;
    cni_vector whole;
    cni_dictionary *dictionary = NULL;
    cni_buffer *codes = NULL;
    for (int64_t row = 0; row < n_rows; row++) {
        rows[row] = (uint32_t)(n_rows - 1 - row);
    }
    rows[n_rows] = 0;
    assert_cn_ok(f, cni_vector_take(f->allocator, flat, rows, n_rows + 1, &entries, &f->err));
    assert_cn_ok(f, cni_vector_flatten(f->allocator, &entries, &whole, &f->err));
    cni_vector_done(&entries);
    assert_cn_ok(f, cni_dictionary_new(f->allocator, &whole, false, false, &dictionary, &f->err));
    assert_cn_ok(f, cni_buffer_new(f->allocator, n_rows * code_bytes, &codes, &f->err));
    for (int64_t row = 0; row < n_rows; row++) {
        const uint32_t code = rows[row];
        memcpy(codes->data + row * code_bytes, &code, (size_t)code_bytes);
    }
    *out = (cni_vector){.type = flat->type,
                        .encoding = CNI_DICTIONARY,
                        .phys = flat->phys,
                        .code_bytes = (uint8_t)code_bytes,
                        .n_rows = n_rows,
                        .data = codes->data,
                        .dictionary = dictionary,
                        .owner_data = codes};
    test_free(rows);
}

/* The same rows as RUN_END: runs of one row each. */
static inline void
fixture_runs(fixture *f, const cni_vector *flat, cni_vector *out)
{
    cni_buffer *ends = NULL;
    cni_nested *nested = NULL;
    assert_cn_ok(f, cni_buffer_new(f->allocator, flat->n_rows * 4, &ends, &f->err));
    assert_cn_ok(f, cni_nested_new(f->allocator, 1, &nested, &f->err));
    for (int64_t row = 0; row < flat->n_rows; row++) {
        ((int32_t *)(void *)ends->data)[row] = (int32_t)row + 1;
    }
    cni_vector_copy(&nested->children[0], flat);
    *out = (cni_vector){.type = flat->type,
                        .encoding = CNI_RUN_END,
                        .phys = flat->phys,
                        .n_rows = flat->n_rows,
                        .run_ends = (const int32_t *)(const void *)ends->data,
                        .n_runs = flat->n_rows,
                        .nested = nested,
                        .owner_aux = ends};
}

/* A slice of a longer vector, so that bitmaps have an offset. */
static inline void
fixture_sliced(fixture *f, const cni_vector *flat, cni_vector *out)
{
    const cni_vector *parts[] = {flat, flat};
    cni_vector twice;
    assert_cn_ok(f, cni_vector_concat(f->allocator, parts, 2, &twice, &f->err));
    cni_vector_slice(out, &twice, flat->n_rows, flat->n_rows);
    cni_vector_done(&twice);
}

#endif /* CN_TEST_PLAN_FIXTURE_H */
