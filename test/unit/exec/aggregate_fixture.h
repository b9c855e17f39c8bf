/* SPDX-License-Identifier: Apache-2.0
 *
 * Aggregations in tests: one table with columns of many kinds, queries over it written as short
 * texts, and a naive reference that computes the same from printed values, row by row.
 *
 *   "k4,s: count() sum(v) min(d)|b count(distinct v)"     keys: calls, |b = FILTER (WHERE b)
 *
 * Results are lines of text, sorted.
 */
#ifndef CN_TEST_AGGREGATE_FIXTURE_H
#define CN_TEST_AGGREGATE_FIXTURE_H

#include <math.h>
#include <stdlib.h>

#include "plan/function/builtin_int.h"
#include "support/run_plan.h"

#define AGG_MAX_KEYS  4
#define AGG_MAX_CALLS 16
#define AGG_MAX_ARGS  2

typedef struct agg_call {
    char name[32];
    int32_t n_args;
    int32_t args[AGG_MAX_ARGS];
    int32_t filter; /* -1 = none */
    bool distinct;
    int32_t order; /* column of ORDER BY inside, -1 = none */
    bool descending;
} agg_call;

typedef struct agg_query {
    int32_t n_keys;
    int32_t keys[AGG_MAX_KEYS];
    int32_t n_calls;
    agg_call calls[AGG_MAX_CALLS];
} agg_query;

/* ---- the table ---- */

static inline int64_t
agg_scramble(int64_t row)
{
    uint64_t mixed = (uint64_t)row * UINT64_C(0x9E3779B97F4A7C15) + 12345;
    mixed = (mixed ^ (mixed >> 29)) * UINT64_C(0xBF58476D1CE4E5B9);
    return (int64_t)((mixed ^ (mixed >> 32)) >> 1);
}

static inline cni_vector
agg_flat(cni_type_id id, int64_t n_rows, int64_t null_every)
{
    cni_vector vector = {0};
    const cni_type *type = cni_type_of(id);
    assert_int_equal(cni_vector_new_flat(cni_allocator_system(), type, cni_type_phys(type), n_rows,
                                         null_every > 0, &vector, NULL),
                     CN_OK);
    for (int64_t row = null_every - 1; null_every > 0 && row < n_rows; row += null_every) {
        cni_bit_clear(cni_vector_mutable_validity(&vector), row);
    }
    return vector;
}

static inline void
agg_add_ints(memory_table *table, const char *name, cni_type_id id, int64_t modulus,
             int64_t null_every)
{
    cni_vector vector = agg_flat(id, table->n_rows, null_every);
    const int32_t n_bytes = cni_phys_bytes((cni_phys)vector.phys, vector.type);
    uint8_t *data = cni_vector_mutable_data(&vector);
    for (int64_t row = 0; row < table->n_rows; row++) {
        const int64_t value = agg_scramble(row + table->schema.n_fields) % modulus - modulus / 3;
        memcpy(data + row * n_bytes, &value, (size_t)n_bytes);
    }
    memory_table_add(table, name, &vector);
}

static inline void
agg_add_doubles(memory_table *table, const char *name, int64_t null_every)
{
    static const double specials[] = {0.0,  -0.0, (double)NAN, -(double)NAN, (double)INFINITY,
                                      1e300};
    cni_vector vector = agg_flat(CNI_TYPE_FLOAT64, table->n_rows, null_every);
    double *data = cni_vector_mutable_data(&vector);
    for (int64_t row = 0; row < table->n_rows; row++) {
        const int64_t item = agg_scramble(row) % 40;
        data[row] = item < 6 ? specials[item] : (double)item / 4;
    }
    memory_table_add(table, name, &vector);
}

static inline void
agg_add_bools(memory_table *table, const char *name, int64_t null_every)
{
    cni_vector vector = agg_flat(CNI_TYPE_BOOL, table->n_rows, null_every);
    for (int64_t row = 0; row < table->n_rows; row++) {
        cni_bit_write(cni_vector_mutable_data(&vector), row, agg_scramble(row + 3) % 3 == 0);
    }
    memory_table_add(table, name, &vector);
}

static inline void
agg_add_texts(memory_table *table, const char *name, const char *prefix, int64_t modulus,
              int64_t null_every)
{
    const int64_t stride = 64;
    cni_vector vector = agg_flat(CNI_TYPE_VARCHAR, table->n_rows, null_every);
    cni_buffer *bytes = NULL;
    assert_int_equal(cni_buffer_new(cni_allocator_system(), table->n_rows * stride, &bytes, NULL),
                     CN_OK);
    cni_view *views = cni_vector_mutable_data(&vector);
    for (int64_t row = 0; row < table->n_rows; row++) {
        char *text = (char *)bytes->data + row * stride;
        const int n = snprintf(text, (size_t)stride, "%s%lld", prefix,
                               (long long)(agg_scramble(row + 5) % modulus));
        views[row] = cni_view_make(text, (uint32_t)n);
    }
    assert_int_equal(cni_heap_new(cni_allocator_system(), &bytes, 1, &vector.heap, NULL), CN_OK);
    cni_buffer_unref(bytes);
    memory_table_add(table, name, &vector);
}

static inline void
agg_add_decimals(memory_table *table, const char *name, int32_t precision, int64_t modulus,
                 int64_t null_every)
{
    cni_vector vector = {0};
    const cni_type *type = cni_type_decimal(precision, 2);
    assert_int_equal(cni_vector_new_flat(cni_allocator_system(), type, cni_type_phys(type),
                                         table->n_rows, null_every > 0, &vector, NULL),
                     CN_OK);
    const int32_t n_bytes = cni_phys_bytes((cni_phys)vector.phys, type);
    uint8_t *data = cni_vector_mutable_data(&vector);
    for (int64_t row = 0; row < table->n_rows; row++) {
        const cni_i128 value = (cni_i128)(agg_scramble(row + 11) % modulus) - modulus / 2;
        const cni_i128 scaled = precision > 18 ? value * 1000000000 : value;
        memcpy(data + row * n_bytes, &scaled, (size_t)n_bytes);
    }
    for (int64_t row = null_every - 1; null_every > 0 && row < table->n_rows; row += null_every) {
        cni_bit_clear(cni_vector_mutable_validity(&vector), row);
    }
    memory_table_add(table, name, &vector);
}

/* Lists of 0 to 3 of a few numbers, some of them NULL. */
static inline void
agg_add_lists(memory_table *table, const char *name, int64_t null_every)
{
    static const cni_field item = {
        .name = {"item", 4}, .type = NULL, .nullable = true}; /* type is set in the copy */
    static cni_field field;
    static cni_type type;
    field = item;
    field.type = cni_type_of(CNI_TYPE_INT32);
    type = (cni_type){.id = CNI_TYPE_LIST, .n_children = 1, .children = &field};
    cni_allocator *allocator = cni_allocator_system();
    cni_vector vector = {
        .type = &type, .encoding = CNI_FLAT, .phys = CNI_PHYS_LIST, .n_rows = table->n_rows};
    cni_vector items = agg_flat(CNI_TYPE_INT32, table->n_rows * 3 + 1, 10);
    for (int64_t at = 0; at < items.n_rows; at++) {
        ((int32_t *)cni_vector_mutable_data(&items))[at] = (int32_t)(agg_scramble(at) % 4);
    }
    assert_int_equal(cni_nested_new(allocator, 1, &vector.nested, NULL), CN_OK);
    cni_vector_move(&vector.nested->children[0], &items);
    assert_int_equal(cni_buffer_new(allocator, table->n_rows * 16, &vector.owner_data, NULL),
                     CN_OK);
    assert_int_equal(
        cni_buffer_new(allocator, cni_bits_words(table->n_rows) * 8, &vector.owner_validity, NULL),
        CN_OK);
    memset(vector.owner_validity->data, 0xFF, (size_t)vector.owner_validity->len_bytes);
    vector.data = vector.owner_data->data;
    vector.validity = (cni_bits){vector.owner_validity->data, 0};
    cni_list_entry *entries = (void *)vector.owner_data->data;
    for (int64_t row = 0; row < table->n_rows; row++) {
        entries[row] = (cni_list_entry){row * 3, agg_scramble(row + 17) % 4};
        if (row % null_every == null_every - 1) {
            cni_bit_clear(vector.owner_validity->data, row);
        }
    }
    memory_table_add(table, name, &vector);
}

/* Magnitudes from 1e-10 to 1e10 and both signs: sums depend on the order of additions. */
static inline void
agg_add_uneven(memory_table *table, const char *name)
{
    cni_vector vector = agg_flat(CNI_TYPE_FLOAT64, table->n_rows, 0);
    double *data = cni_vector_mutable_data(&vector);
    for (int64_t row = 0; row < table->n_rows; row++) {
        const double fraction = (double)(agg_scramble(row) % 1000003) / 1000003 - 0.4;
        data[row] = fraction * pow(10, (double)(agg_scramble(row + 2) % 21) - 10);
    }
    memory_table_add(table, name, &vector);
}

/* Ascending runs of 4 equal values. */
static inline int64_t
agg_runs(int64_t row)
{
    return row / 4;
}

static inline int64_t
agg_number(int64_t row)
{
    return row;
}

static inline memory_table *
agg_table(int64_t n_rows, memory_traits traits)
{
    memory_table *table = memory_table_new(n_rows, traits);
    memory_table_add_i64(table, "id", agg_number, 0);
    memory_table_add_i64(table, "run", agg_runs, 0);
    agg_add_ints(table, "k4", CNI_TYPE_INT64, 4, 0);
    agg_add_ints(table, "kn", CNI_TYPE_INT64, 9, 7);
    agg_add_ints(table, "kb", CNI_TYPE_INT64, INT64_C(1) << 40, 1000);
    agg_add_ints(table, "i", CNI_TYPE_INT32, 3000, 13);
    agg_add_ints(table, "t", CNI_TYPE_INT8, 100, 0);
    agg_add_ints(table, "v", CNI_TYPE_INT64, 1000, 5);
    agg_add_doubles(table, "d", 9);
    agg_add_bools(table, "b", 6);
    agg_add_texts(table, "s", "s", 12, 8);
    agg_add_texts(table, "l", "a text beyond twelve bytes ", 700, 17);
    agg_add_decimals(table, "p", 15, 100000, 0);
    agg_add_decimals(table, "q", 30, 1000000, 19);
    agg_add_lists(table, "n", 12);
    return table;
}

static inline int32_t
agg_column(const memory_table *table, const char *name, size_t len)
{
    for (int32_t at = 0; at < table->schema.n_fields; at++) {
        const cni_str field = table->fields[at].name;
        if ((size_t)field.len_bytes == len && memcmp(field.data, name, len) == 0) {
            return at;
        }
    }
    fail_msg("no column %.*s", (int)len, name);
    return -1;
}

/* ---- queries ---- */

static inline const char *
agg_parse_call(const memory_table *table, const char *at, agg_call *call)
{
    const size_t name = strcspn(at, "(");
    *call = (agg_call){.filter = -1, .order = -1};
    memcpy(call->name, at, name);
    at += name + 1;
    if (strncmp(at, "distinct ", 9) == 0) {
        call->distinct = true;
        at += 9;
    }
    while (*at != ')') {
        const size_t len = strcspn(at, ",)/");
        if (len > 0) {
            call->args[call->n_args++] = agg_column(table, at, len);
        }
        at += len;
        if (*at == '/') { /* ORDER BY; capital D after it: DESC */
            const size_t order = strcspn(at + 1, ")!");
            call->order = agg_column(table, at + 1, order);
            at += 1 + order;
            call->descending = *at == '!';
            at += call->descending ? 1 : 0;
        } else if (*at == ',') {
            at++;
        }
    }
    at++;
    if (*at == '|') {
        const size_t len = strcspn(at + 1, " ");
        call->filter = agg_column(table, at + 1, len);
        at += 1 + len;
    }
    return at;
}

static inline agg_query
agg_parse(const memory_table *table, const char *text)
{
    agg_query query = {0};
    const char *at = text;
    while (*at != ':') {
        const size_t len = strcspn(at, ",:");
        if (len > 0) {
            query.keys[query.n_keys++] = agg_column(table, at, len);
        }
        at += len + (at[len] == ',' ? 1 : 0);
    }
    at++;
    while (*at != '\0') {
        at += strspn(at, " ");
        if (*at != '\0') {
            at = agg_parse_call(table, at, &query.calls[query.n_calls++]);
        }
    }
    return query;
}

static inline const cni_expr *
agg_call_expr(plan_run *run, cni_function_registry *registry, const cni_plan *scan,
              const agg_call *call)
{
    const cni_expr *args[AGG_MAX_ARGS];
    const cni_type *types[AGG_MAX_ARGS];
    const cni_type *wanted[AGG_MAX_ARGS];
    const cni_value *literals[AGG_MAX_ARGS] = {0};
    for (int32_t arg = 0; arg < call->n_args; arg++) {
        args[arg] = column_expr(run, scan, call->args[arg]);
        types[arg] = args[arg]->type;
        wanted[arg] = types[arg];
    }
    cni_resolve question = {.arena = run->arena,
                            .n_args = call->n_args,
                            .arg_types = types,
                            .arg_literals = literals,
                            .out_arg_types = wanted};
    const cni_function *function = NULL;
    RUN_OK(run, cni_function_resolve(registry, cni_str_of(call->name), CNI_FUNCTION_AGGREGATE,
                                     &question, &function, &run->err));
    for (int32_t arg = 0; arg < call->n_args; arg++) {
        RUN_OK(run,
               cni_expr_cast(run->arena, args[arg], wanted[arg], false, &args[arg], &run->err));
    }
    cni_call_clauses *clauses = NULL;
    cni_order *order = NULL;
    RUN_OK(run, CN_ARENA_NEW(run->arena, &clauses, &run->err));
    RUN_OK(run, CN_ARENA_NEW(run->arena, &order, &run->err));
    clauses->distinct = call->distinct;
    clauses->filter = call->filter < 0 ? NULL : column_expr(run, scan, call->filter);
    if (call->order >= 0) {
        *order = (cni_order){column_expr(run, scan, call->order), call->descending, false};
        clauses->orders = order;
        clauses->n_orders = 1;
    }
    const cni_expr *expr = NULL;
    const cni_expr node = {.kind = CNI_EXPR_AGGREGATE,
                           .type = question.out_type,
                           .n_args = call->n_args,
                           .args = args,
                           .function = function,
                           .bind_data = question.out_bind_data,
                           .call = clauses,
                           .sql_offset = -1};
    RUN_OK(run, cni_expr_new(run->arena, &node, &expr, &run->err));
    return expr;
}

static inline const cni_plan *
agg_plan(plan_run *run, cni_function_registry *registry, memory_table *table,
         const agg_query *query)
{
    const cni_plan *scan = scan_plan(run, table);
    const cni_plan *plan = NULL;
    const cni_expr *keys[AGG_MAX_KEYS];
    const cni_expr *calls[AGG_MAX_CALLS];
    for (int32_t key = 0; key < query->n_keys; key++) {
        keys[key] = column_expr(run, scan, query->keys[key]);
    }
    for (int32_t call = 0; call < query->n_calls; call++) {
        calls[call] = agg_call_expr(run, registry, scan, &query->calls[call]);
    }
    RUN_OK(run, cni_plan_aggregate(&run->builder, scan, keys, query->n_keys, calls, query->n_calls,
                                   &plan, &run->err));
    return plan;
}

/* ---- lines ---- */

static inline int
agg_compare_lines(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/* The lines of `text`, sorted, in a block of their own. */
static inline char *
agg_sorted(const char *text)
{
    const size_t len = strlen(text);
    char *copy = strdup(text);
    size_t n_lines = 0;
    for (size_t at = 0; at < len; at++) {
        n_lines += text[at] == '\n' ? 1 : 0;
    }
    char **lines = calloc(n_lines + 1, sizeof(*lines));
    char *rest = copy;
    for (size_t line = 0; line < n_lines; line++) {
        lines[line] = rest;
        rest = strchr(rest, '\n');
        *rest++ = '\0';
    }
    qsort((void *)lines, n_lines, sizeof(*lines), agg_compare_lines);
    char *out = malloc(len + 1);
    size_t at = 0;
    for (size_t line = 0; line < n_lines; line++) {
        const size_t n = strlen(lines[line]);
        memcpy(out + at, lines[line], n);
        out[at + n] = '\n';
        at += n + 1;
    }
    out[at] = '\0';
    free((void *)lines);
    free(copy);
    return out;
}

/* ---- the reference ---- */

static inline char *
agg_value_text(const memory_table *table, int32_t column, int64_t row)
{
    cni_strbuf text;
    text_begin(&text);
    assert_int_equal(cni_vector_print(&table->columns[column], row, &text, NULL), CN_OK);
    char *copy = strdup(text_of(&text));
    cni_strbuf_done(&text);
    return copy;
}

/* A value as GROUP BY and DISTINCT see it: one zero, one NaN. */
static inline char *
agg_canonical_text(const memory_table *table, int32_t column, int64_t row)
{
    char *text = agg_value_text(table, column, row);
    if (strcmp(text, "-0.0") == 0 || strcmp(text, "-0") == 0 || strcasecmp(text, "-nan") == 0) {
        memmove(text, text + 1, strlen(text));
    }
    return text;
}

static inline char *
agg_key_text(const memory_table *table, const agg_query *query, int64_t row)
{
    char line[512] = "";
    for (int32_t key = 0; key < query->n_keys; key++) {
        char *text = agg_canonical_text(table, query->keys[key], row);
        strcat(line, text);
        strcat(line, "|");
        free(text);
    }
    return strdup(line);
}

typedef struct agg_row {
    char *key;
    int64_t row;
} agg_row;

static inline int
agg_compare_rows(const void *a, const void *b)
{
    const agg_row *left = a;
    const agg_row *right = b;
    const int order = strcmp(left->key, right->key);
    return order != 0 ? order : (left->row > right->row ? 1 : -1);
}

static inline cni_i128
agg_integer(const memory_table *table, int32_t column, int64_t row)
{
    const cni_vector *vector = &table->columns[column];
    const int32_t n_bytes = cni_phys_bytes((cni_phys)vector->phys, vector->type);
    cni_i128 value = 0;
    memcpy(&value, (const uint8_t *)vector->data + row * n_bytes, (size_t)n_bytes);
    const int shift = 128 - 8 * n_bytes;
    return (cni_i128)((cni_u128)value << shift) >> shift;
}

typedef char *(*agg_reference)(const memory_table *table, const agg_call *call, const int64_t *rows,
                               int64_t n);

static inline char *
agg_ref_count(const memory_table *table, const agg_call *call, const int64_t *rows, int64_t n)
{
    char text[32];
    int64_t count = 0;
    for (int64_t at = 0; at < n; at++) {
        count += call->n_args == 0 || cni_vector_is_valid(&table->columns[call->args[0]], rows[at])
                     ? 1
                     : 0;
    }
    snprintf(text, sizeof(text), "%lld", (long long)count);
    return strdup(text);
}

static inline char *
agg_ref_sum(const memory_table *table, const agg_call *call, const int64_t *rows, int64_t n)
{
    char text[CNI_INT128_TEXT_BYTES];
    cni_i128 sum = 0;
    int64_t count = 0;
    const cni_type *type = table->columns[call->args[0]].type;
    for (int64_t at = 0; at < n; at++) {
        if (cni_vector_is_valid(&table->columns[call->args[0]], rows[at])) {
            sum += agg_integer(table, call->args[0], rows[at]);
            count++;
        }
    }
    (void)cni_i128_format(sum, type->id == CNI_TYPE_DECIMAL ? type->scale : 0, text);
    return strdup(count == 0 ? "NULL" : text);
}

/* Orders two rows by a column: numbers by value, texts bytewise. */
static inline int
agg_order(const memory_table *table, int32_t column, int64_t a, int64_t b)
{
    const cni_vector *vector = &table->columns[column];
    if (vector->phys == CNI_PHYS_VIEW) {
        const cni_view *views = vector->data;
        return cni_view_compare(&views[a], &views[b]);
    }
    if (vector->phys == CNI_PHYS_F64) {
        const double *items = vector->data;
        if (isnan(items[a]) || isnan(items[b])) {
            return (isnan(items[a]) ? 1 : 0) - (isnan(items[b]) ? 1 : 0);
        }
        return (items[a] > items[b] ? 1 : 0) - (items[a] < items[b] ? 1 : 0);
    }
    const cni_i128 left = agg_integer(table, column, a);
    const cni_i128 right = agg_integer(table, column, b);
    return (left > right ? 1 : 0) - (left < right ? 1 : 0);
}

/* Whether row a comes before row b in the order of the call; NULLs last. */
static inline bool
agg_before(const memory_table *table, const agg_call *call, int64_t a, int64_t b)
{
    const bool left = cni_vector_is_valid(&table->columns[call->order], a);
    const bool right = cni_vector_is_valid(&table->columns[call->order], b);
    int order = (left ? 0 : 1) - (right ? 0 : 1);
    if (left && right) {
        order = agg_order(table, call->order, a, b) * (call->descending ? -1 : 1);
    }
    return order != 0 ? order < 0 : a < b;
}

/* Insertion sort by the order of the call. */
static inline void
agg_sort_rows(const memory_table *table, const agg_call *call, int64_t *rows, int64_t n)
{
    for (int64_t at = 1; call->order >= 0 && at < n; at++) {
        const int64_t row = rows[at];
        int64_t to = at;
        for (; to > 0 && agg_before(table, call, row, rows[to - 1]); to--) {
            rows[to] = rows[to - 1];
        }
        rows[to] = row;
    }
}

/* Keep the first row of each value of the argument. */
static inline int64_t
agg_drop_equal(const memory_table *table, const agg_call *call, int64_t *rows, int64_t n)
{
    int64_t n_kept = 0;
    char **texts = calloc((size_t)n + 1, sizeof(*texts));
    for (int64_t at = 0; at < n; at++) {
        char *text = agg_canonical_text(table, call->args[0], rows[at]);
        bool seen = false;
        for (int64_t other = 0; !seen && other < n_kept; other++) {
            seen = strcmp(texts[other], text) == 0;
        }
        if (seen) {
            free(text);
        } else {
            texts[n_kept] = text;
            rows[n_kept++] = rows[at];
        }
    }
    for (int64_t at = 0; at < n_kept; at++) {
        free(texts[at]);
    }
    free((void *)texts);
    return n_kept;
}

/* Rows of a group that a call counts, in its order: FILTER, ORDER BY, DISTINCT (by text). */
static inline int64_t
agg_rows_of_call(const memory_table *table, const agg_call *call, const agg_row *rows, int64_t n,
                 int64_t *out_rows)
{
    int64_t n_kept = 0;
    for (int64_t at = 0; at < n; at++) {
        const int64_t row = rows[at].row;
        if (call->filter < 0 ||
            (cni_vector_is_valid(&table->columns[call->filter], row) &&
             cni_bits_get((cni_bits){table->columns[call->filter].data, 0}, row))) {
            out_rows[n_kept++] = row;
        }
    }
    agg_sort_rows(table, call, out_rows, n_kept);
    return call->distinct ? agg_drop_equal(table, call, out_rows, n_kept) : n_kept;
}

/* list and string_agg. */
static inline char *
agg_ref_list(const memory_table *table, const agg_call *call, const int64_t *rows, int64_t n)
{
    const bool list = strcmp(call->name, "list") == 0;
    cni_strbuf text;
    int64_t n_items = 0;
    text_begin(&text);
    for (int64_t at = 0; at < n; at++) {
        if (!list && !cni_vector_is_valid(&table->columns[call->args[0]], rows[at])) {
            continue;
        }
        char *item = agg_value_text(table, call->args[0], rows[at]);
        const char *separator = n_items == 0 ? (list ? "[" : "") : list ? ", " : ",";
        assert_int_equal(cni_strbuf_printf(&text, NULL, "%s%s", separator, item), CN_OK);
        free(item);
        n_items++;
    }
    char *copy = NULL;
    if (n_items > 0) {
        assert_int_equal(cni_strbuf_append(&text, cni_str_of(list ? "]" : ""), NULL), CN_OK);
        copy = strdup(text_of(&text));
    }
    cni_strbuf_done(&text);
    return copy == NULL ? strdup("NULL") : copy;
}

static inline char *
agg_ref_extreme(const memory_table *table, const agg_call *call, const int64_t *rows, int64_t n)
{
    const int32_t column = call->args[0];
    const bool by_other = call->n_args == 2; /* arg_min(value, by) */
    const int32_t by = by_other ? call->args[1] : column;
    const int sign = strstr(call->name, "max") != NULL ? 1 : -1;
    int64_t best = -1;
    for (int64_t at = 0; at < n; at++) {
        if (!cni_vector_is_valid(&table->columns[column], rows[at]) ||
            !cni_vector_is_valid(&table->columns[by], rows[at])) {
            continue;
        }
        int order = best < 0 ? sign : agg_order(table, by, rows[at], best);
        if (order == 0 && !by_other && table->columns[column].phys == CNI_PHYS_F64) {
            const double *items = table->columns[column].data; /* -0 is below +0 */
            order = (signbit(items[best]) ? 1 : 0) - (signbit(items[rows[at]]) ? 1 : 0);
        }
        best = order * sign > 0 ? rows[at] : best;
    }
    return best < 0 ? strdup("NULL") : agg_value_text(table, column, best);
}

static inline char *
agg_ref_first(const memory_table *table, const agg_call *call, const int64_t *rows, int64_t n)
{
    if (strcmp(call->name, "any_value") == 0) {
        for (int64_t at = 0; at < n; at++) {
            if (cni_vector_is_valid(&table->columns[call->args[0]], rows[at])) {
                return agg_value_text(table, call->args[0], rows[at]);
            }
        }
        return strdup("NULL");
    }
    const bool last = strcmp(call->name, "last") == 0;
    return n == 0 ? strdup("NULL") : agg_value_text(table, call->args[0], rows[last ? n - 1 : 0]);
}

static inline char *
agg_ref_bool(const memory_table *table, const agg_call *call, const int64_t *rows, int64_t n)
{
    const cni_vector *vector = &table->columns[call->args[0]];
    int64_t n_true = 0;
    int64_t n_false = 0;
    for (int64_t at = 0; at < n; at++) {
        if (cni_vector_is_valid(vector, rows[at])) {
            const bool value = cni_bits_get((cni_bits){vector->data, 0}, rows[at]);
            n_true += value ? 1 : 0;
            n_false += value ? 0 : 1;
        }
    }
    if (strcmp(call->name, "count_if") == 0) {
        char text[32];
        snprintf(text, sizeof(text), "%lld", (long long)n_true);
        return strdup(text);
    }
    if (n_true + n_false == 0) {
        return strdup("NULL");
    }
    const bool result = strcmp(call->name, "bool_and") == 0 ? n_false == 0 : n_true > 0;
    return strdup(result ? "true" : "false");
}

static inline char *
agg_ref_avg(const memory_table *table, const agg_call *call, const int64_t *rows, int64_t n)
{
    cni_i128 sum = 0;
    int64_t count = 0;
    const cni_type *type = table->columns[call->args[0]].type;
    for (int64_t at = 0; at < n; at++) {
        if (cni_vector_is_valid(&table->columns[call->args[0]], rows[at])) {
            sum += agg_integer(table, call->args[0], rows[at]);
            count++;
        }
    }
    if (count == 0) {
        return strdup("NULL");
    }
    const double unit = type->id == CNI_TYPE_DECIMAL ? (double)cni_pow10_i128(type->scale) : 1.0;
    const double average = (double)sum / ((double)count * unit);
    cni_strbuf text;
    text_begin(&text);
    cni_vector vector = {0};
    assert_int_equal(cni_vector_new_constant(cni_allocator_system(), cni_type_of(CNI_TYPE_FLOAT64),
                                             CNI_PHYS_F64, &average, 1, &vector, NULL),
                     CN_OK);
    assert_int_equal(cni_vector_print(&vector, 0, &text, NULL), CN_OK);
    char *copy = strdup(text_of(&text));
    cni_vector_done(&vector);
    cni_strbuf_done(&text);
    return copy;
}

static inline agg_reference
agg_reference_of(const char *name)
{
    static const struct {
        const char *name;
        agg_reference reference;
    } all[] = {
        {"count", agg_ref_count},     {"sum", agg_ref_sum},       {"avg", agg_ref_avg},
        {"min", agg_ref_extreme},     {"max", agg_ref_extreme},   {"arg_min", agg_ref_extreme},
        {"arg_max", agg_ref_extreme}, {"first", agg_ref_first},   {"last", agg_ref_first},
        {"any_value", agg_ref_first}, {"bool_and", agg_ref_bool}, {"bool_or", agg_ref_bool},
        {"count_if", agg_ref_bool},   {"list", agg_ref_list},     {"string_agg", agg_ref_list},
    };
    for (size_t at = 0; at < sizeof(all) / sizeof(all[0]); at++) {
        if (strcmp(all[at].name, name) == 0) {
            return all[at].reference;
        }
    }
    fail_msg("no reference for %s", name);
    return NULL;
}

static inline void
agg_reference_group(const memory_table *table, const agg_query *query, const agg_row *rows,
                    int64_t n, const char *key, cni_strbuf *out)
{
    int64_t *kept = calloc((size_t)n + 1, sizeof(*kept));
    assert_int_equal(cni_strbuf_append(out, cni_str_of(key), NULL), CN_OK);
    for (int32_t at = 0; at < query->n_calls; at++) {
        const agg_call *call = &query->calls[at];
        const int64_t n_kept = agg_rows_of_call(table, call, rows, n, kept);
        char *text = agg_reference_of(call->name)(table, call, kept, n_kept);
        assert_int_equal(cni_strbuf_append(out, cni_str_of(text), NULL), CN_OK);
        assert_int_equal(cni_strbuf_append(out, cni_str_of("|"), NULL), CN_OK);
        free(text);
    }
    assert_int_equal(cni_strbuf_append(out, cni_str_of("\n"), NULL), CN_OK);
    free(kept);
}

/* Every line ends in "|". */
static inline void
agg_reference_rows(const memory_table *table, const agg_query *query, cni_strbuf *out)
{
    const int64_t n = table->n_rows;
    agg_row *rows = calloc((size_t)n + 1, sizeof(*rows));
    for (int64_t row = 0; row < n; row++) {
        rows[row] = (agg_row){agg_key_text(table, query, row), row};
    }
    qsort(rows, (size_t)n, sizeof(*rows), agg_compare_rows);
    int64_t first = 0;
    while (first < n) {
        int64_t end = first + 1;
        while (end < n && strcmp(rows[end].key, rows[first].key) == 0) {
            end++;
        }
        agg_reference_group(table, query, rows + first, end - first, rows[first].key, out);
        first = end;
    }
    if (n == 0 && query->n_keys == 0) {
        agg_reference_group(table, query, rows, 0, "", out);
    }
    for (int64_t row = 0; row < n; row++) {
        free(rows[row].key);
    }
    free(rows);
}

/* Figures of the operator. */
typedef struct agg_figures {
    int64_t groups;
    int64_t partitions;
    int64_t flushes;
    int64_t direct;
    int64_t hashed;
    int64_t appended;
    int64_t sets;
} agg_figures;

static inline int64_t
agg_figure(const plan_run *run, const char *name)
{
    int64_t number = -1;
    assert_true(cni_execution_figure(run->execution, "Aggregate", name, &number));
    return number;
}

/* The engine's lines, which have no "|" at their end, with one, sorted. Free it. */
static char *
agg_marked_rows(const cni_strbuf *got)
{
    const char *raw = text_of(got);
    char *marked = malloc(2 * strlen(raw) + 2);
    size_t to = 0;
    for (const char *at = raw; *at != '\0'; at++) {
        if (*at == '\n') {
            marked[to++] = '|';
        }
        marked[to++] = *at;
    }
    marked[to] = '\0';
    char *sorted = agg_sorted(marked);
    free(marked);
    return sorted;
}

/* The same shape from the engine. */
static inline char *
agg_engine_rows(const char *text, memory_table *table, run_settings settings, bool reproducible,
                agg_figures *out_figures)
{
    plan_run run;
    cni_strbuf got;
    cni_function_registry *registry = NULL;
    text_begin(&got);
    const agg_query query = agg_parse(table, text);
    plan_run_begin(&run, settings);
    run.context.settings.reproducible = reproducible;
    RUN_OK(&run, cni_function_registry_new(cni_allocator_system(), &registry, &run.err));
    RUN_OK(&run, plan_run_rows(&run, agg_plan(&run, registry, table, &query), &got));
    if (out_figures != NULL) {
        *out_figures = (agg_figures){
            .groups = agg_figure(&run, "groups"),
            .partitions = agg_figure(&run, "partitions"),
            .flushes = agg_figure(&run, "flushes"),
            .direct = agg_figure(&run, "direct"),
            .hashed = agg_figure(&run, "hashed"),
            .appended = agg_figure(&run, "appended"),
            .sets = agg_figure(&run, "sets"),
        };
    }
    plan_run_end(&run);
    cni_function_registry_free(registry);
    char *sorted = agg_marked_rows(&got);
    cni_strbuf_done(&got);
    return sorted;
}

#endif /* CN_TEST_AGGREGATE_FIXTURE_H */
