/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins in tests: both operators run by hand, on threads, over random rows whose keys are made from
 * small numbers, so that a naive reference needs no typed comparison: two keys are equal when their
 * numbers are. Results are lines of text, sorted.
 */
#ifndef CN_TEST_JOIN_FIXTURE_H
#define CN_TEST_JOIN_FIXTURE_H

#include <math.h>
#include <stdlib.h>

#include "base/thread.h"
#include "exec/join/join.h"
#include "exec/join/join_loops_int.h"
#include "exec/pipeline/pipeline_int.h"
#include "io/file/spill_directory.h"
#include "support/run_plan.h"

#define JOIN_MAX_KEYS    3
#define JOIN_MAX_WORKERS 8
#define JOIN_NULL        INT32_MIN

typedef enum join_type {
    JOIN_I8,
    JOIN_I16,
    JOIN_I32,
    JOIN_I64,
    JOIN_I64_SPREAD, /* far apart: 64-bit codes */
    JOIN_I64_APART,  /* some way apart: 32-bit codes */
    JOIN_U8,
    JOIN_U16,
    JOIN_U32,
    JOIN_U64,
    JOIN_BOOL,
    JOIN_F32,
    JOIN_F64,
    JOIN_DECIMAL,
    JOIN_DECIMAL_WIDE, /* in 128 bits, values fit 64 */
    JOIN_DECIMAL_HUGE, /* in 128 bits, values do not fit */
    JOIN_DATE,
    JOIN_TEXT,
    JOIN_LONG_TEXT,
    JOIN_INTERVAL,
    JOIN_TYPE_COUNT_,
    JOIN_I64_SKEWED /* all hashes in one half: see join_skewed */
} join_type;

typedef struct join_case {
    cni_phys_join_kind kind;
    bool null_aware;
    bool residual; /* probe.v < build.v */
    bool build_unique;
    int32_t n_keys;
    join_type types[JOIN_MAX_KEYS];
    bool null_equal[JOIN_MAX_KEYS];
    int32_t n_numbers; /* distinct keys on either side */
    int32_t null_percent;
    int64_t n_build;
    int64_t n_probe;
    int32_t n_workers;
    int32_t chunk_rows;
    int64_t push_rows; /* 0: chunk_rows */
    uint32_t encode;
    bool keep_order;
    bool filters;         /* one key filter per key */
    bool spills;          /* everything, at every chance */
    int32_t text_bytes;   /* of every other text, at least; 0 = short ones */
    int64_t memory_limit; /* with a store to spill to; 0 = none */
    uint64_t seed;
} join_case;

/* One side: numbers of keys, and v (JOIN_NULL = NULL). */
typedef struct join_side {
    int64_t n_rows;
    int32_t *keys[JOIN_MAX_KEYS];
    int32_t *v;
    int32_t n_columns; /* keys, v, id, text */
    cni_vector columns[JOIN_MAX_KEYS + 3];
    const cni_type *types[JOIN_MAX_KEYS + 3];
} join_side;

static inline uint64_t
join_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* ---- rows ---- */

static inline const cni_type *
join_type_of(join_type type)
{
    static const uint8_t ids[] = {
        [JOIN_I8] = CNI_TYPE_INT8,           [JOIN_I16] = CNI_TYPE_INT16,
        [JOIN_I32] = CNI_TYPE_INT32,         [JOIN_I64] = CNI_TYPE_INT64,
        [JOIN_I64_SPREAD] = CNI_TYPE_INT64,  [JOIN_I64_APART] = CNI_TYPE_INT64,
        [JOIN_U8] = CNI_TYPE_UINT8,          [JOIN_U16] = CNI_TYPE_UINT16,
        [JOIN_U32] = CNI_TYPE_UINT32,        [JOIN_U64] = CNI_TYPE_UINT64,
        [JOIN_BOOL] = CNI_TYPE_BOOL,         [JOIN_F32] = CNI_TYPE_FLOAT32,
        [JOIN_F64] = CNI_TYPE_FLOAT64,       [JOIN_DATE] = CNI_TYPE_DATE,
        [JOIN_TEXT] = CNI_TYPE_VARCHAR,      [JOIN_LONG_TEXT] = CNI_TYPE_VARCHAR,
        [JOIN_INTERVAL] = CNI_TYPE_INTERVAL, [JOIN_I64_SKEWED] = CNI_TYPE_INT64,
    };
    if (type == JOIN_DECIMAL) {
        return cni_type_decimal(12, 2);
    }
    if (type == JOIN_DECIMAL_WIDE || type == JOIN_DECIMAL_HUGE) {
        return cni_type_decimal(30, 2);
    }
    return cni_type_of((cni_type_id)ids[type]);
}

#define JOIN_SKEWED_COUNT 40000

/* Key `number` of those, from 0 on, whose slot lies in the first of two partitions. */
static inline int64_t
join_skewed(int32_t number)
{
    static int64_t keys[JOIN_SKEWED_COUNT];
    static int64_t n_keys = 0;
    for (int64_t key = n_keys == 0 ? 0 : keys[n_keys - 1] + 4999; n_keys <= number; key += 4999) {
        if (cni_join_slot_hash((uint64_t)key) >> 63 == 0) {
            keys[n_keys++] = key;
        }
    }
    return keys[number];
}

/* Equal numbers give equal keys, not always of the same bytes. */
static inline void
join_put_key(join_type type, int32_t number, uint64_t *seed, void *data, int64_t row, char *text)
{
    const int64_t wide = type == JOIN_I64_SPREAD
                             ? (int64_t)((uint64_t)number * UINT64_C(700000000000000011))
                         : type == JOIN_I64_SKEWED ? join_skewed(number)
                         : type == JOIN_I64_APART  ? number * INT64_C(5000011) - 77
                                                   : number - 3;
    const bool coin = (join_random(seed) & 1) != 0;
    switch (type) {
    case JOIN_I8:
    case JOIN_U8:
        ((uint8_t *)data)[row] = (uint8_t)(type == JOIN_U8 ? number : number - 3);
        break;
    case JOIN_I16:
    case JOIN_U16:
        ((uint16_t *)data)[row] = (uint16_t)(type == JOIN_U16 ? number : number - 3);
        break;
    case JOIN_I32:
    case JOIN_U32:
    case JOIN_DATE:
        ((uint32_t *)data)[row] = (uint32_t)(type == JOIN_U32 ? number * 70000 : number - 3);
        break;
    case JOIN_BOOL:
        cni_bit_write(data, row, number != 0);
        break;
    case JOIN_U64:
        ((uint64_t *)data)[row] = UINT64_MAX - (uint64_t)number;
        break;
    case JOIN_F32:
        ((float *)data)[row] = number == 0   ? (coin ? -0.0F : 0.0F)
                               : number == 1 ? (coin ? NAN : -NAN)
                                             : (float)number / 4;
        break;
    case JOIN_F64:
        ((double *)data)[row] = number == 0   ? (coin ? -0.0 : 0.0)
                                : number == 1 ? (coin ? (double)NAN : -(double)NAN)
                                              : (double)number / 4;
        break;
    case JOIN_DECIMAL_WIDE:
    case JOIN_DECIMAL_HUGE: {
        cni_i128 value = number - 3;
        value = type == JOIN_DECIMAL_HUGE ? value * INT64_C(1000000000000000) * 1000000 : value;
        memcpy((uint8_t *)data + 16 * row, &value, 16);
        break;
    }
    case JOIN_TEXT:
    case JOIN_LONG_TEXT: {
        const int n =
            snprintf(text, 64, type == JOIN_TEXT ? "%d" : "a rather long text, %d", number);
        ((cni_view *)data)[row] = cni_view_make(text, (uint32_t)n);
        break;
    }
    case JOIN_INTERVAL: /* a month is 30 days */
        ((cni_interval *)data)[row] =
            coin ? (cni_interval){number, 0, 0} : (cni_interval){0, 30 * number, 0};
        break;
    default:
        ((int64_t *)data)[row] = wide;
        break;
    }
}

static inline void
join_add_heap(cni_vector *vector, cni_buffer *own_bytes)
{
    assert_int_equal(cni_heap_new(cni_allocator_system(), &own_bytes, 1, &vector->heap, NULL),
                     CN_OK);
    cni_buffer_unref(own_bytes);
}

static inline void
join_key_column(join_side *side, join_type type, const int32_t *numbers, uint64_t *seed)
{
    const cni_type *t = join_type_of(type);
    cni_vector *out = &side->columns[side->n_columns];
    cni_buffer *bytes = NULL;
    assert_int_equal(cni_buffer_new(cni_allocator_system(), side->n_rows * 64, &bytes, NULL),
                     CN_OK);
    bool nulls = false;
    for (int64_t row = 0; row < side->n_rows; row++) {
        nulls = nulls || numbers[row] == JOIN_NULL;
    }
    assert_int_equal(cni_vector_new_flat(cni_allocator_system(), t, cni_type_phys(t), side->n_rows,
                                         nulls, out, NULL),
                     CN_OK);
    memset(cni_vector_mutable_data(out), 0, (size_t)out->owner_data->len_bytes);
    for (int64_t row = 0; row < side->n_rows; row++) {
        if (numbers[row] == JOIN_NULL) {
            cni_bit_clear(cni_vector_mutable_validity(out), row);
            continue;
        }
        join_put_key(type, numbers[row], seed, cni_vector_mutable_data(out), row,
                     (char *)bytes->data + row * 64);
    }
    if (out->phys == CNI_PHYS_VIEW) {
        join_add_heap(out, bytes);
    } else {
        cni_buffer_unref(bytes);
    }
    side->types[side->n_columns++] = t;
}

static inline void
join_text_column(join_side *side, char prefix, int32_t text_bytes)
{
    const int64_t step = text_bytes + 64;
    cni_vector *out = &side->columns[side->n_columns];
    cni_buffer *bytes = NULL;
    const cni_type *type = cni_type_of(CNI_TYPE_VARCHAR);
    assert_int_equal(cni_buffer_new(cni_allocator_system(), side->n_rows * step, &bytes, NULL),
                     CN_OK);
    assert_int_equal(cni_vector_new_flat(cni_allocator_system(), type, CNI_PHYS_VIEW, side->n_rows,
                                         false, out, NULL),
                     CN_OK);
    for (int64_t row = 0; row < side->n_rows; row++) {
        char *text = (char *)bytes->data + row * step;
        int n = snprintf(text, 64, row % 2 == 0 ? "%c%d" : "%c%d in a long text", prefix, (int)row);
        if (row % 2 != 0 && n < text_bytes) {
            memset(text + n, 'x', (size_t)(text_bytes - n));
            n = text_bytes;
        }
        ((cni_view *)cni_vector_mutable_data(out))[row] = cni_view_make(text, (uint32_t)n);
    }
    join_add_heap(out, bytes);
    side->types[side->n_columns++] = type;
}

static inline void
join_side_begin(join_side *side, const join_case *test, int64_t n_rows, char prefix, uint64_t *seed)
{
    memset(side, 0, sizeof(*side));
    side->n_rows = n_rows;
    for (int32_t key = 0; key < test->n_keys; key++) {
        side->keys[key] = calloc((size_t)n_rows + 1, sizeof(int32_t));
        for (int64_t row = 0; row < n_rows; row++) {
            const uint64_t number = join_random(seed) % (uint64_t)test->n_numbers;
            const bool null = (int32_t)(join_random(seed) % 100) < test->null_percent;
            const bool is_bool = test->types[key] == JOIN_BOOL;
            side->keys[key][row] = null ? JOIN_NULL : (int32_t)(is_bool ? number & 1 : number);
        }
        if (test->build_unique && prefix == 'b' && key == 0 && test->types[0] != JOIN_BOOL) {
            for (int64_t row = 0; row < n_rows; row++) {
                side->keys[0][row] = side->keys[0][row] == JOIN_NULL ? JOIN_NULL : (int32_t)row;
            }
        }
        join_key_column(side, test->types[key], side->keys[key], seed);
    }
    side->v = calloc((size_t)n_rows + 1, sizeof(int32_t));
    int32_t *ids = calloc((size_t)n_rows + 1, sizeof(int32_t));
    for (int64_t row = 0; row < n_rows; row++) {
        side->v[row] = join_random(seed) % 10 == 0 ? JOIN_NULL : (int32_t)(join_random(seed) % 20);
        ids[row] = (int32_t)row + 3;
    }
    join_key_column(side, JOIN_I64, side->v, seed);
    join_key_column(side, JOIN_I64, ids, seed);
    free(ids);
    join_text_column(side, prefix, test->text_bytes);
}

static inline void
join_side_end(join_side *side)
{
    for (int32_t column = 0; column < side->n_columns; column++) {
        cni_vector_done(&side->columns[column]);
    }
    for (int32_t key = 0; key < JOIN_MAX_KEYS; key++) {
        free(side->keys[key]);
    }
    free(side->v);
}

/* ---- the reference ---- */

typedef enum join_truth {
    JOIN_FALSE,
    JOIN_TRUE,
    JOIN_UNKNOWN
} join_truth;

static inline join_truth
join_predicate(const join_case *test, const join_side *probe, int64_t p, const join_side *build,
               int64_t b)
{
    bool unknown = false;
    for (int32_t key = 0; key < test->n_keys; key++) {
        const int32_t left = probe->keys[key][p];
        const int32_t right = build->keys[key][b];
        if (!test->null_equal[key] && (left == JOIN_NULL || right == JOIN_NULL)) {
            unknown = true;
        } else if (left != right) {
            return JOIN_FALSE;
        }
    }
    if (test->residual) {
        if (probe->v[p] == JOIN_NULL || build->v[b] == JOIN_NULL) {
            unknown = true;
        } else if (probe->v[p] >= build->v[b]) {
            return JOIN_FALSE;
        }
    }
    return unknown ? JOIN_UNKNOWN : JOIN_TRUE;
}

static inline void
join_line(cni_strbuf *out, int64_t p, int64_t b, const char *mark)
{
    const char *left = p < 0 ? "NULL|NULL" : NULL;
    const char *right = b < 0 ? "NULL|NULL" : NULL;
    if (left != NULL) {
        assert_int_equal(cni_strbuf_append(out, cni_str_of(left), NULL), CN_OK);
    } else {
        assert_int_equal(cni_strbuf_printf(out, NULL, "%lld|p%lld%s", (long long)p, (long long)p,
                                           p % 2 == 0 ? "" : " in a long text"),
                         CN_OK);
    }
    if (right != NULL) {
        assert_int_equal(cni_strbuf_printf(out, NULL, "|%s|%s\n", right, mark), CN_OK);
    } else {
        assert_int_equal(cni_strbuf_printf(out, NULL, "|%lld|b%lld%s|%s\n", (long long)b,
                                           (long long)b, b % 2 == 0 ? "" : " in a long text", mark),
                         CN_OK);
    }
}

static inline bool
join_gives_pairs(cni_phys_join_kind kind)
{
    return kind == CNI_PHYS_JOIN_INNER || kind == CNI_PHYS_JOIN_PROBE_OUTER ||
           kind == CNI_PHYS_JOIN_BUILD_OUTER || kind == CNI_PHYS_JOIN_FULL ||
           kind == CNI_PHYS_JOIN_SINGLE;
}

/* False: the join must fail. */
static inline bool
join_reference(const join_case *test, const join_side *probe, const join_side *build,
               cni_strbuf *out)
{
    const cni_phys_join_kind kind = test->kind;
    uint8_t *seen = calloc((size_t)build->n_rows + 1, 1); /* 1 true, 2 unknown */
    bool fine = true;
    for (int64_t p = 0; p < probe->n_rows; p++) {
        int64_t n_true = 0;
        int64_t n_unknown = 0;
        for (int64_t b = 0; b < build->n_rows; b++) {
            const join_truth truth = join_predicate(test, probe, p, build, b);
            n_true += truth == JOIN_TRUE;
            n_unknown += truth == JOIN_UNKNOWN;
            seen[b] |= truth == JOIN_TRUE ? 1 : truth == JOIN_UNKNOWN ? 2 : 0;
            if (truth == JOIN_TRUE && join_gives_pairs(kind)) {
                join_line(out, p, b, "");
            }
        }
        fine = fine && !(kind == CNI_PHYS_JOIN_SINGLE && n_true > 1);
        const bool alone = kind == CNI_PHYS_JOIN_PROBE_OUTER || kind == CNI_PHYS_JOIN_FULL ||
                           kind == CNI_PHYS_JOIN_SINGLE;
        const bool unknown = test->null_aware && n_unknown > 0;
        if ((alone && n_true == 0) || (kind == CNI_PHYS_JOIN_PROBE_SEMI && n_true > 0) ||
            (kind == CNI_PHYS_JOIN_PROBE_ANTI && n_true == 0 && !unknown)) {
            join_line(out, p, -1, "");
        } else if (kind == CNI_PHYS_JOIN_MARK) {
            join_line(out, p, -1, n_true > 0 ? "true" : unknown ? "NULL" : "false");
        }
    }
    for (int64_t b = 0; b < build->n_rows; b++) {
        const bool matched = (seen[b] & 1) != 0;
        const bool unknown = test->null_aware && seen[b] == 2;
        if (((kind == CNI_PHYS_JOIN_BUILD_OUTER || kind == CNI_PHYS_JOIN_FULL) && !matched) ||
            (kind == CNI_PHYS_JOIN_BUILD_SEMI && matched) ||
            (kind == CNI_PHYS_JOIN_BUILD_ANTI && !matched && !unknown)) {
            join_line(out, -1, b, "");
        }
    }
    free(seen);
    return fine;
}

/* ---- lines, sorted ---- */

static inline int
join_compare_lines(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static inline char *
join_sorted(const char *text)
{
    size_t n = 0;
    char *copy = strdup(text);
    char **lines = calloc(strlen(text) + 2, sizeof(*lines));
    for (char *line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        lines[n++] = line;
    }
    qsort((void *)lines, n, sizeof(*lines), join_compare_lines);
    char *out = malloc(strlen(text) + 2);
    char *to = out;
    for (size_t at = 0; at < n; at++) {
        to += sprintf(to, "%s\n", lines[at]);
    }
    *to = '\0';
    free((void *)lines);
    free(copy);
    return out;
}

/* The same rows in any order. */
static inline void
join_expect_same(const char *text, const cni_strbuf *got, const cni_strbuf *want)
{
    char *sorted_got = join_sorted(text_of(got));
    char *sorted_want = join_sorted(text_of(want));
    if (strcmp(sorted_got, sorted_want) != 0) {
        fail_msg("%s\ngot:\n%.1500s\nwant:\n%.1500s", text, sorted_got, sorted_want);
    }
    free(sorted_got);
    free(sorted_want);
}

/* ---- the run ---- */

typedef struct join_run {
    plan_run run;
    const join_case *test;
    cni_phys_join join;
    cni_phys_op spec;
    cni_operator_env env;
    cni_operator *build;
    cni_operator *probe;
    join_side *sides[2]; /* build, probe */
    cni_phys_join_output outputs[4];
    cni_phys_join_output residual_columns[2];
    int32_t keys[JOIN_MAX_KEYS];
    cni_bounds bounds[JOIN_MAX_KEYS];
    int64_t n_ends; /* morsel ends that were pushed */
    const char *strategy;
    int64_t unique;
    cni_phys_key_filter filter_specs[JOIN_MAX_KEYS];
    cni_key_filter *filters[JOIN_MAX_KEYS];
    int64_t n_filtered;
    bool refuses; /* memory: filters may be of lesser kinds */
    cni_spill_store *store;
    int64_t n_spilled; /* notes */
    int64_t n_spilled_bytes;
    int64_t n_levels;
    int64_t n_passes;
} join_run;

typedef struct join_worker {
    join_run *run;
    int32_t number;
    int32_t phase; /* 0 build, 1 probe, 2 finalize */
    int32_t n_tasks;
    cni_strbuf text;
    int64_t n_ends;
    int64_t n_pushed_ends;
    cn_error err;
    cn_code code;
} join_worker;

static inline void
join_make_spec(join_run *self)
{
    const join_case *test = self->test;
    const int32_t v = test->n_keys;
    const bool probe_outputs =
        test->kind != CNI_PHYS_JOIN_BUILD_SEMI && test->kind != CNI_PHYS_JOIN_BUILD_ANTI;
    const bool build_outputs = join_gives_pairs(test->kind) || !probe_outputs;
    int32_t n = 0;
    for (int32_t column = v + 1; probe_outputs && column < v + 3; column++) {
        self->outputs[n++] = (cni_phys_join_output){false, column};
    }
    for (int32_t column = v + 1; build_outputs && column < v + 3; column++) {
        self->outputs[n++] = (cni_phys_join_output){true, column};
    }
    for (int32_t key = 0; key < test->n_keys; key++) {
        self->keys[key] = key;
    }
    self->residual_columns[0] = (cni_phys_join_output){false, v};
    self->residual_columns[1] = (cni_phys_join_output){true, v};
    self->join = (cni_phys_join){
        .kind = (uint8_t)test->kind,
        .null_aware = test->null_aware,
        .n_keys = test->n_keys,
        .build_keys = self->keys,
        .probe_keys = self->keys,
        .null_equal = test->null_equal,
        .key_bounds = self->bounds,
        .n_residual_columns = test->residual ? 2 : 0,
        .residual_columns = self->residual_columns,
        .n_build_columns = self->sides[0]->n_columns,
        .build_types = self->sides[0]->types,
        .n_probe_columns = self->sides[1]->n_columns,
        .probe_types = self->sides[1]->types,
        .n_outputs = n,
        .outputs = self->outputs,
        .may_spill = true,
        .estimated_build_rows = -1,
        .estimated_probe_rows = -1,
    };
    self->spec = (cni_phys_op){.join = &self->join};
}

static inline void
join_make_residual(join_run *self)
{
    const cni_type *type = cni_type_of(CNI_TYPE_INT64);
    const cni_slot slots[2] = {{0, 0}, {1, 1}};
    const cni_expr *left = NULL;
    const cni_expr *right = NULL;
    RUN_OK(&self->run, cni_expr_column(self->run.arena, 0, type, &left, &self->run.err));
    RUN_OK(&self->run, cni_expr_column(self->run.arena, 1, type, &right, &self->run.err));
    const cni_expr *less = compare_expr(&self->run, CNI_LT, left, right);
    RUN_OK(&self->run, cni_program_new(self->run.arena, &less, 1, slots, 2, &self->join.residual,
                                       &self->run.err));
}

/* Rows [first, first + n) of a side as a chunk. */
static inline cn_code
join_slice(const join_run *self, const join_side *side, int64_t first, int64_t n, cni_chunk *out,
           cn_error *err)
{
    cni_chunk_reset(out);
    CN_TRY(cni_chunk_set_columns(out, side->n_columns, err));
    for (int32_t column = 0; column < side->n_columns; column++) {
        cni_vector_slice(&out->columns[column], &side->columns[column], first, n);
    }
    out->n_rows = n;
    return self->test->encode == 0 ? CN_OK
                                   : cni_test_encode_chunk(out, self->test->encode, (uint32_t)first,
                                                           cni_allocator_system(), err);
}

static inline cn_code
join_print(const join_run *self, const cni_chunk *chunk, cni_strbuf *out, cn_error *err)
{
    const join_case *test = self->test;
    const bool probe =
        test->kind != CNI_PHYS_JOIN_BUILD_SEMI && test->kind != CNI_PHYS_JOIN_BUILD_ANTI;
    const bool build = join_gives_pairs(test->kind) || !probe;
    CN_TRY(cni_chunk_validate(chunk, err));
    for (int64_t row = 0; row < chunk->n_rows; row++) {
        int32_t column = 0;
        for (int32_t at = 0; at < 4; at++) {
            CN_TRY(cni_strbuf_append(out, cni_str_of(at == 0 ? "" : "|"), err));
            if (at < 2 ? probe : build) {
                CN_TRY(cni_vector_print(&chunk->columns[column++], row, out, err));
            } else {
                CN_TRY(cni_strbuf_append(out, cni_str_of("NULL"), err));
            }
        }
        CN_TRY(cni_strbuf_append(out, cni_str_of("|"), err));
        if (test->kind == CNI_PHYS_JOIN_MARK) {
            CN_TRY(cni_vector_print(&chunk->columns[column], row, out, err));
        }
        CN_TRY(cni_strbuf_append_char(out, '\n', err));
    }
    return CN_OK;
}

/* Everything that waits. */
static inline cn_code
join_drain(join_worker *self, cni_operator *op, void *local, cni_op_answer *inout_answer)
{
    cni_chunk out;
    cn_code code = CN_OK;
    cni_chunk_init(&out, cni_allocator_system());
    while (code == CN_OK && *inout_answer == CNI_OP_HAVE_MORE) {
        cni_chunk_reset(&out);
        code = op->ops->next(op, local, &out, (cni_waker){0}, inout_answer, &self->err);
        if (code == CN_OK && out.n_rows > self->run->test->chunk_rows) {
            code = CN_FAIL(&self->err, CN_INTERNAL, "%lld rows in a chunk", (long long)out.n_rows);
        }
        if (code == CN_OK && out.n_rows > 0) {
            code = join_print(self->run, &out, &self->text, &self->err);
        }
        self->n_ends += code == CN_OK && out.ends_morsel;
    }
    cni_chunk_done(&out);
    return code;
}

static inline cn_code
join_push_rows(join_worker *self, cni_operator *op, void *local, const join_side *side)
{
    const join_case *test = self->run->test;
    const int64_t step = test->push_rows > 0 ? test->push_rows : test->chunk_rows;
    cni_op_answer answer = CNI_OP_NEED_MORE;
    cni_chunk chunk;
    cn_code code = CN_OK;
    int64_t turn = 0;
    bool done = false;
    cni_chunk_init(&chunk, cni_allocator_system());
    for (int64_t first = 0; code == CN_OK && !done && first < side->n_rows; first += step, turn++) {
        if (turn % test->n_workers != self->number) {
            continue;
        }
        const int64_t n = cni_min_i64(step, side->n_rows - first);
        code = join_slice(self->run, side, first, n, &chunk, &self->err);
        chunk.sequence = turn;
        chunk.ends_morsel = test->keep_order;
        self->n_pushed_ends += test->keep_order;
        if (code == CN_OK) {
            code = op->ops->push(op, local, &chunk, (cni_waker){0}, &answer, &self->err);
        }
        if (code == CN_OK) {
            code = join_drain(self, op, local, &answer);
        }
        done = answer == CNI_OP_DONE;
    }
    if (code == CN_OK && op->ops->flush != NULL) {
        code = op->ops->flush(op, local, CNI_FLUSH_INPUT, &self->err);
        answer = CNI_OP_HAVE_MORE;
        code = code == CN_OK ? join_drain(self, op, local, &answer) : code;
    }
    cni_chunk_done(&chunk);
    return code;
}

static inline cn_code
join_run_side(join_worker *self)
{
    cni_operator *op = self->phase == 0 ? self->run->build : self->run->probe;
    void *local = NULL;
    CN_TRY(op->ops->open_local(op, &local, &self->err));
    cn_code code = join_push_rows(self, op, local, self->run->sides[self->phase]);
    if (code == CN_OK && op->ops->combine != NULL) {
        code = op->ops->combine(op, local, &self->err);
    }
    op->ops->close_local(op, local);
    return code;
}

static inline void *
join_worker_run(void *opaque)
{
    join_worker *self = opaque;
    cni_operator *build = self->run->build;
    if (self->phase < 2) {
        self->code = join_run_side(self);
        return NULL;
    }
    self->code = CN_OK;
    for (int32_t task = self->number; self->code == CN_OK && task < self->n_tasks;
         task += self->run->test->n_workers) {
        self->code = build->ops->finalize(build, task, self->n_tasks, &self->err);
    }
    return NULL;
}

static inline cn_code
join_phase(join_run *self, int32_t phase, cni_strbuf *out)
{
    join_worker workers[JOIN_MAX_WORKERS];
    cni_thread threads[JOIN_MAX_WORKERS];
    const int32_t n = self->test->n_workers;
    const int32_t n_tasks = phase == 2 ? self->build->ops->finalize_tasks(self->build) : 0;
    cn_code code = CN_OK;
    int64_t n_ends = 0;
    int64_t n_pushed_ends = 0;
    for (int32_t at = 0; at < n; at++) {
        workers[at] = (join_worker){.run = self, .number = at, .phase = phase, .n_tasks = n_tasks};
        text_begin(&workers[at].text);
        if (n > 1) {
            RUN_OK(&self->run, cni_thread_start(&threads[at], join_worker_run, &workers[at], 0,
                                                &self->run.err));
        } else {
            (void)join_worker_run(&workers[at]);
        }
    }
    for (int32_t at = 0; at < n; at++) {
        if (n > 1) {
            cni_thread_join(&threads[at]);
        }
        if (code == CN_OK && workers[at].code != CN_OK) {
            code = workers[at].code;
            self->run.err = workers[at].err;
        }
        assert_int_equal(cni_strbuf_append(out, cni_str_of(text_of(&workers[at].text)), NULL),
                         CN_OK);
        cni_strbuf_done(&workers[at].text);
        n_ends += workers[at].n_ends;
        n_pushed_ends += workers[at].n_pushed_ends;
    }
    if (phase == 1 && code == CN_OK) {
        assert_int_equal(n_ends, n_pushed_ends);
    }
    return code;
}

static inline cn_code
join_read_build(join_run *self, cni_strbuf *out)
{
    cn_error *err = &self->run.err;
    cni_scan *scan = NULL;
    void *local = NULL;
    cni_chunk chunk;
    int64_t morsel = 0;
    cni_chunk_init(&chunk, cni_allocator_system());
    CN_TRY(cni_join_build_scan_new(self->build, &self->join, &self->run.context, &scan, err));
    cn_code code = scan->ops->open_local(scan, &local, err);
    while (code == CN_OK &&
           scan->ops->next_morsel(scan, (cni_waker){0}, &morsel) == CNI_MORSEL_TAKEN) {
        cni_read_answer answer = CNI_READ_CHUNK;
        while (code == CN_OK && answer == CNI_READ_CHUNK && !chunk.ends_morsel) {
            cni_chunk_reset(&chunk);
            chunk.ends_morsel = false;
            code = scan->ops->read(scan, local, morsel, (cni_waker){0}, &chunk, &answer, err);
            if (code == CN_OK && answer == CNI_READ_CHUNK) {
                code = join_print(self, &chunk, out, err);
            }
        }
        chunk.ends_morsel = false;
    }
    scan->ops->close_local(scan, local);
    scan->ops->close(scan);
    cni_chunk_done(&chunk);
    return code;
}

/* After the probe: what has been on disk. */
static inline void
join_note_spilled(join_run *self)
{
    cni_op_note notes[16];
    const int32_t n = self->probe->ops->notes(self->probe, notes, 16);
    for (int32_t at = 0; at < n; at++) {
        if (strcmp(notes[at].name, "spilled_partitions") == 0) {
            self->n_spilled = notes[at].number;
        } else if (strcmp(notes[at].name, "spilled_bytes") == 0) {
            self->n_spilled_bytes = notes[at].number;
        } else if (strcmp(notes[at].name, "levels") == 0) {
            self->n_levels = notes[at].number;
        } else if (strcmp(notes[at].name, "passes") == 0) {
            self->n_passes = notes[at].number;
        }
    }
}

static inline void
join_note_figures(join_run *self)
{
    cni_op_note notes[16];
    const int32_t n = self->build->ops->notes(self->build, notes, 16);
    for (int32_t at = 0; at < n; at++) {
        if (strcmp(notes[at].name, "strategy") == 0) {
            self->strategy = notes[at].text;
        } else if (strcmp(notes[at].name, "unique") == 0) {
            self->unique = notes[at].number;
        }
    }
}

/* Rows that match pass the filters of their keys; gives how many rows do not. */
static inline int64_t
join_check_filters(join_run *self)
{
    const join_side *probe = self->sides[1];
    const join_side *build = self->sides[0];
    int64_t n_out = 0;
    uint64_t *bits = calloc((size_t)cni_bits_words(probe->n_rows) + 1, sizeof(*bits));
    for (int32_t key = 0; key < self->join.n_key_filters; key++) {
        int64_t n_left = 0;
        assert_true(self->refuses || self->test->spills || self->test->memory_limit != 0 ||
                    cni_key_filter_kind_of(self->filters[key]) != CNI_KEY_FILTER_PASS);
        cni_bits_fill((uint8_t *)bits, 0, probe->n_rows, true);
        const cn_code code = cni_key_filter_select(self->filters[key], &probe->columns[key], bits,
                                                   &n_left, &self->run.err);
        if (self->refuses && code != CN_OK) {
            break;
        }
        RUN_OK(&self->run, code);
        n_out += probe->n_rows - n_left;
        for (int64_t p = 0; p < probe->n_rows; p++) {
            bool matches = false;
            for (int64_t b = 0; !matches && b < build->n_rows; b++) {
                matches = join_predicate(self->test, probe, p, build, b) == JOIN_TRUE;
            }
            assert_true(!matches || ((bits[p >> 6] >> (p & 63)) & 1) != 0);
        }
    }
    free(bits);
    return n_out;
}

static inline cn_code
join_run_phases(join_run *self, cni_strbuf *out)
{
    cn_error *err = &self->run.err;
    for (int32_t key = 0; self->test->filters && key < self->test->n_keys; key++) {
        self->filter_specs[key] = (cni_phys_key_filter){key, key};
        CN_TRY(cni_key_filter_new(self->run.context.allocator, self->sides[0]->types[key],
                                  &self->filters[key], err));
    }
    self->join.n_key_filters = self->test->filters ? self->test->n_keys : 0;
    self->join.key_filters = self->filter_specs;
    CN_TRY(cni_join_build_operator_new(&self->spec, &self->env, self->filters, &self->build, err));
    CN_TRY(join_phase(self, 0, out));
    CN_TRY(join_phase(self, 2, out));
    join_note_figures(self);
    self->n_filtered = self->test->filters ? join_check_filters(self) : 0;
    CN_TRY(cni_join_probe_operator_new(&self->spec, &self->env, self->build, &self->probe, err));
    CN_TRY(join_phase(self, 1, out));
    if (cni_join_build_has_more(self->build, &self->join)) {
        CN_TRY(join_read_build(self, out));
    }
    join_note_spilled(self);
    return CN_OK;
}

/* Rows of the engine; `fault` may be NULL. */
static inline cn_code
join_engine(join_run *self, const join_case *test, join_side *build, join_side *probe,
            run_settings settings, cni_strbuf *out)
{
    memset(self, 0, sizeof(*self));
    settings.n_threads = 1;
    settings.chunk_rows = test->chunk_rows;
    self->refuses = settings.fault != NULL || settings.memory_limit != 0;
    int64_t fail_at = 0; /* counted from here on */
    if (settings.fault != NULL) {
        fail_at = settings.fault->fail_at[CNI_FAULT_ALLOC];
        settings.fault->fail_at[CNI_FAULT_ALLOC] = 0;
    }
    plan_run_begin(&self->run, settings);
    if (fail_at > 0) {
        settings.fault->fail_at[CNI_FAULT_ALLOC] =
            settings.fault->n_hits[CNI_FAULT_ALLOC] + fail_at;
    }
    self->test = test;
    self->sides[0] = build;
    self->sides[1] = probe;
    if (test->spills || test->memory_limit != 0) {
        RUN_OK(&self->run, cni_spill_directory_new(cni_allocator_system(), settings.fault,
                                                   cni_str_of(CNI_SPILL_DIRECTORY_DEFAULT), 0,
                                                   &self->store, &self->run.err));
        self->run.context.spill = self->store;
        self->run.context.settings.test_spill = test->spills;
    }
    join_make_spec(self);
    if (test->residual) {
        join_make_residual(self);
    }
    self->env = (cni_operator_env){.context = &self->run.context,
                                   .n_workers = test->n_workers,
                                   .keep_order = test->keep_order};
    const cn_code code = join_run_phases(self, out);
    cni_operator_close(self->probe);
    cni_operator_close(self->build);
    for (int32_t key = 0; key < JOIN_MAX_KEYS; key++) {
        cni_key_filter_unref(self->filters[key]);
    }
    if (self->store != NULL) {
        assert_int_equal(cni_counter_get(&self->store->used_bytes), 0);
    }
    self->run.context.spill = NULL;
    cni_spill_store_unref(CN_MOVE(self->store));
    return code;
}

static inline void
join_describe(const join_case *test, char *out, size_t n)
{
    (void)snprintf(
        out, n,
        "kind %d aware %d residual %d keys %d types %d,%d,%d equal %d%d%d numbers %d "
        "nulls %d build %lld probe %lld workers %d chunk %d push %lld encode %u order %d "
        "spills %d limit %lld seed %llu",
        (int)test->kind, test->null_aware, test->residual, (int)test->n_keys, (int)test->types[0],
        (int)test->types[1], (int)test->types[2], test->null_equal[0], test->null_equal[1],
        test->null_equal[2], (int)test->n_numbers, (int)test->null_percent,
        (long long)test->n_build, (long long)test->n_probe, (int)test->n_workers,
        (int)test->chunk_rows, (long long)test->push_rows, test->encode, test->keep_order,
        test->spills, (long long)test->memory_limit, (unsigned long long)test->seed);
}

/* Run the case and compare with the reference. Gives the strategy; *out_unique may be NULL. */
static inline const char *
join_check_case(const join_case *test, int64_t *out_unique)
{
    char text[512];
    uint64_t seed = test->seed * 77 + 1;
    join_side build;
    join_side probe;
    join_run run;
    cni_strbuf got;
    cni_strbuf want;
    text_begin(&got);
    text_begin(&want);
    join_side_begin(&build, test, test->n_build, 'b', &seed);
    join_side_begin(&probe, test, test->n_probe, 'p', &seed);
    join_describe(test, text, sizeof(text));
    const bool fine = join_reference(test, &probe, &build, &want);
    const run_settings settings = {.memory_limit = test->memory_limit};
    const cn_code code = join_engine(&run, test, &build, &probe, settings, &got);
    if (!fine) {
        if (code == CN_OK || strcmp(run.run.err.sqlstate, "21000") != 0) {
            fail_msg("%s: code %d, not the error of a second row", text, (int)code);
        }
    } else if (code != CN_OK) {
        fail_msg("%s: %s", text, run.run.err.message);
    } else {
        join_expect_same(text, &got, &want);
    }
    plan_run_end(&run.run);
    join_side_end(&build);
    join_side_end(&probe);
    cni_strbuf_done(&got);
    cni_strbuf_done(&want);
    if (out_unique != NULL) {
        *out_unique = run.unique;
    }
    return run.strategy;
}

/* ---- cases ---- */

static const cni_phys_join_kind join_all_kinds[] = {
    CNI_PHYS_JOIN_INNER,      CNI_PHYS_JOIN_PROBE_OUTER, CNI_PHYS_JOIN_BUILD_OUTER,
    CNI_PHYS_JOIN_FULL,       CNI_PHYS_JOIN_PROBE_SEMI,  CNI_PHYS_JOIN_PROBE_ANTI,
    CNI_PHYS_JOIN_BUILD_SEMI, CNI_PHYS_JOIN_BUILD_ANTI,  CNI_PHYS_JOIN_MARK,
    CNI_PHYS_JOIN_SINGLE,
};

static inline bool
join_may_be_aware(cni_phys_join_kind kind)
{
    return kind == CNI_PHYS_JOIN_MARK || kind == CNI_PHYS_JOIN_PROBE_ANTI ||
           kind == CNI_PHYS_JOIN_BUILD_ANTI;
}

static const int32_t join_chunk_sizes[] = {1, 2, 3, 7, 2048};
static const int32_t join_worker_counts[] = {1, 2, 8};
static const uint32_t join_encodings[] = {0,
                                          CNI_TEST_ENCODE_SLICE,
                                          CNI_TEST_ENCODE_DICTIONARY,
                                          CNI_TEST_ENCODE_CONSTANT,
                                          CNI_TEST_ENCODE_RUN_END,
                                          15};

static inline join_case
join_random_case(uint64_t seed)
{
    uint64_t state = seed * 1000003 + 7;
    join_case test = {.seed = seed};
    test.kind = join_all_kinds[join_random(&state) % CN_ARRAY_LEN(join_all_kinds)];
    test.null_aware = join_may_be_aware(test.kind) && join_random(&state) % 2 == 0;
    test.residual = join_random(&state) % 3 == 0;
    test.n_keys = (int32_t)(join_random(&state) % (JOIN_MAX_KEYS + 1));
    for (int32_t key = 0; key < test.n_keys; key++) {
        test.types[key] = (join_type)(join_random(&state) % JOIN_TYPE_COUNT_);
        test.null_equal[key] = join_random(&state) % 4 == 0;
    }
    test.n_numbers = (int32_t)(1 + join_random(&state) % 60);
    test.null_percent = join_random(&state) % 2 == 0 ? 0 : (int32_t)(join_random(&state) % 30);
    test.n_build = (int64_t)(join_random(&state) % 8 == 0 ? 0 : join_random(&state) % 80);
    test.n_probe = (int64_t)(join_random(&state) % 12 == 0 ? 0 : join_random(&state) % 120);
    test.n_workers = join_worker_counts[join_random(&state) % CN_ARRAY_LEN(join_worker_counts)];
    test.chunk_rows = join_chunk_sizes[join_random(&state) % CN_ARRAY_LEN(join_chunk_sizes)];
    test.push_rows = test.chunk_rows == 2048 ? (int64_t)(1 + join_random(&state) % 64) : 0;
    test.encode = join_encodings[join_random(&state) % CN_ARRAY_LEN(join_encodings)];
    test.keep_order = join_random(&state) % 4 == 0;
    test.build_unique = join_random(&state) % 4 == 0;
    return test;
}

#endif /* CN_TEST_JOIN_FIXTURE_H */
