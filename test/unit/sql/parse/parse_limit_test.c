/* SPDX-License-Identifier: Apache-2.0
 *
 * Limits: chains of 10,000 terms and nesting of any depth on a 256 KiB stack; every allocation of a
 * parse failed in turn. Under a sanitizer, whose frames are several times larger, the stack is
 * larger.
 */
#include "unit/sql/parse/sql_parse_support.h"

#include "base/fault.h"
#include "base/thread.h"
#include "sql/parse/ast_walk.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_BYTES (4 << 20)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_BYTES (4 << 20)
#endif
#endif
#ifndef STACK_BYTES
#define STACK_BYTES (256 << 10)
#endif

#define N_TERMS 10000

#ifdef CN_PARANOID /* every item of an arena is a block of its own */
#define PAD_MAX_BYTES 16
#else
#define PAD_MAX_BYTES (16 << 10)
#endif
#define PAD_STEP_BYTES 48

/* One text for a thread of its own: parsed, walked, printed, named. */
typedef struct job {
    cni_str text;
    cn_code code;
    cn_error err;
    int64_t n_nodes;
    int64_t n_printed;
    int16_t height;
} job;

static cn_code
count_node(void *state, const cni_sql_node *node, bool *out_enter, cn_error *err)
{
    (void)node;
    (void)out_enter;
    (void)err;
    int64_t *n_nodes = state;
    (*n_nodes)++;
    return CN_OK;
}

static cn_code
use_statement(job *self, cni_arena *arena, const cni_sql_statement *statement)
{
    const cni_sql_visitor visitor = {.enter = count_node, .state = &self->n_nodes};
    cni_strbuf out;
    cni_strbuf_init(&out, cni_allocator_system(), TEXT_MAX_BYTES);
    self->height = statement->query->node.height;
    CN_TRY(cni_sql_walk(arena, &statement->query->node, &visitor, &self->err));
    const cn_code code = cni_sql_print_statement(statement, &out, &self->err);
    self->n_printed = out.len_bytes;
    cni_strbuf_done(&out);
    CN_TRY(code);
    if (statement->query->select != NULL && statement->query->select->targets.n_items > 0) {
        cni_str name = {0};
        CN_TRY(cni_sql_default_name(arena, statement->query->select->targets.items[0].expr, &name,
                                    &self->err));
    }
    return CN_OK;
}

static void *
run_job(void *argument)
{
    job *self = argument;
    cni_arena *arena = NULL;
    const cni_sql_statement *statement = NULL;
    self->code = cni_arena_new(cni_allocator_system(), "test", &arena, &self->err);
    if (self->code == CN_OK) {
        self->code = cni_sql_parse_statement(arena, self->text, &statement, &self->err);
    }
    if (self->code == CN_OK) {
        self->code = use_statement(self, arena, statement);
    }
    cni_arena_unref(arena);
    return NULL;
}

/* head, n times body, mid, n times tail; run on a small stack. */
static job
run_text(const char *head, const char *body, const char *mid, const char *tail, int n)
{
    cni_strbuf text;
    cni_thread thread;
    cni_strbuf_init(&text, cni_allocator_system(), TEXT_MAX_BYTES);
    assert_int_equal(cni_strbuf_append(&text, cni_str_of(head), NULL), CN_OK);
    for (int item = 0; item < n; item++) {
        assert_int_equal(cni_strbuf_append(&text, cni_str_of(body), NULL), CN_OK);
    }
    assert_int_equal(cni_strbuf_append(&text, cni_str_of(mid), NULL), CN_OK);
    for (int item = 0; item < n; item++) {
        assert_int_equal(cni_strbuf_append(&text, cni_str_of(tail), NULL), CN_OK);
    }
    job self = {.text = cni_strbuf_view(&text), .err = CN_ERROR_INIT};
    assert_int_equal(cni_thread_start(&thread, run_job, &self, STACK_BYTES, NULL), CN_OK);
    cni_thread_join(&thread);
    cni_strbuf_done(&text);
    return self;
}

static void
expect_long(const char *head, const char *body, const char *tail, int16_t height)
{
    const job done = run_text(head, body, tail, "", N_TERMS);
    if (done.code != CN_OK) {
        print_error("%s%s ...: %s\n", head, body, done.err.message);
    }
    assert_int_equal(done.code, CN_OK);
    assert_true(done.n_nodes >= N_TERMS);
    assert_true(done.n_printed >= N_TERMS);
    assert_int_equal(done.height, height);
}

static void
test_long_chains(void **state)
{
    (void)state;
    expect_long("SELECT 1", " + 1", "", 3);
    expect_long("SELECT 1", " * 2 / 3", "", 3);
    expect_long("SELECT a", " || 'x'", "", 3);
    expect_long("FROM t WHERE true", " AND a = 1", "", 4);
    expect_long("FROM t WHERE true", " OR a = 1", "", 4);
    expect_long("FROM t WHERE a IN (0", ", 1", ")", 3);
    expect_long("SELECT 1", " UNION ALL SELECT 2", "", 3);
    expect_long("SELECT 1", " EXCEPT SELECT 2", "", 3);
    expect_long("SELECT * FROM a", " JOIN b ON x = y", "", 4);
    expect_long("SELECT * FROM a", ", b", "", 2);
    expect_long("SELECT f(0", ", 1", ")", 3);
    expect_long("SELECT CASE", " WHEN a THEN 1", " END", 3);
    expect_long("VALUES (0)", ", (1, 2)", "", 2);
    expect_long("SELECT a FROM t ORDER BY a", ", b DESC", "", 2);
    expect_long("SELECT [0", ", 1", "]", 3);
}

/* Nested `open` as deep as asked: right a little, refused by name far beyond. */
static void
expect_nested(const char *open, const char *close)
{
    const job shallow = run_text("SELECT ", open, "1", close, 40);
    if (shallow.code != CN_OK) {
        print_error("%s: %s\n", open, shallow.err.message);
    }
    assert_int_equal(shallow.code, CN_OK);
    static const int depths[] = {CNI_SQL_MAX_DEPTH / 6,
                                 CNI_SQL_MAX_DEPTH / 4,
                                 CNI_SQL_MAX_DEPTH / 3,
                                 CNI_SQL_MAX_DEPTH / 2 - 2,
                                 CNI_SQL_MAX_DEPTH - 3,
                                 CNI_SQL_MAX_DEPTH + 1,
                                 100000};
    for (int64_t depth = 0; depth < CN_ARRAY_LEN(depths); depth++) {
        const job deep = run_text("SELECT ", open, "1", close, depths[depth]);
        assert_true(deep.code == CN_OK || deep.code == CN_LIMIT_EXCEEDED);
        if (deep.code == CN_LIMIT_EXCEEDED) {
            assert_non_null(strstr(deep.err.message, "CNI_SQL_MAX_DEPTH"));
            assert_string_equal(deep.err.sqlstate, "54001");
            assert_true(deep.err.sql_offset >= 0);
        } else {
            assert_true(depths[depth] < CNI_SQL_MAX_DEPTH);
        }
    }
}

static void
test_deep_nesting(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"(", ")"},
        {"a AND (b = (c + ", "))"},
        {"f(", ")"},
        {"f(x ORDER BY ", ")"},
        {"sum(x) OVER (PARTITION BY ", ")"},
        {"f(x -> x + ", ")"},
        {"TRIM(BOTH 'x' FROM ", ")"},
        {"CASE WHEN ", " THEN 1 END"},
        {"CAST(", " AS int)"},
        {"[", "]"},
        {"{'a': ", "}"},
        {"MAP {1: ", "}"},
        {"row(1, ", ")"},
        {"NOT ", ""},
        {"- ", ""},
        {"a[", "]"},
        {"INTERVAL (", ") DAY"},
        {"x BETWEEN (", ") AND 2"},
        {"(SELECT ", ")"},
        {"((SELECT ", "))"},
        {"x IN (SELECT ", ")"},
        {"x = ANY (", ")"},
        {"(SELECT * FROM (SELECT ", ") t)"},
        {"(SELECT 1 UNION (SELECT ", "))"},
        {"ARRAY(VALUES (", "))"},
        {"(WITH q AS (SELECT ", ") FROM q)"},
        {"EXISTS (SELECT 1 FROM a JOIN b ON ", ")"},
        {"(PIVOT t ON ", " USING sum(x))"},
    };
    for (int64_t pair = 0; pair < CN_ARRAY_LEN(pairs); pair++) {
        expect_nested(pairs[pair][0], pairs[pair][1]);
    }
}

/* What grows to the left nests too, without recursion of the parser. */
static void
test_left_nesting(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"SELECT a", "::int"},
        {"SELECT a", "[1]"},
        {"SELECT a", " IS NULL"},
        {"SELECT a", " COLLATE c"},
        {"SELECT a::int", "[]"},
        {"SELECT 'a'", ".f()"},
        {"SELECT 1", " UNION SELECT 2 EXCEPT SELECT 3"},
        {"SELECT * FROM t", " PIVOT (sum(x) FOR y IN (1))"},
        {"SELECT a FROM t GROUP BY ", "GROUPING SETS ("},
        {"SELECT * FROM ", "("},
        {"SELECT * FROM a ", "JOIN b "},
        {"SELECT a::", "STRUCT(a "},
    };
    for (int64_t text = 0; text < CN_ARRAY_LEN(texts); text++) {
        const job deep = run_text(texts[text][0], texts[text][1], "", "", N_TERMS);
        if (deep.code != CN_LIMIT_EXCEEDED) {
            print_error("%s%s: %s\n", texts[text][0], texts[text][1], deep.err.message);
        }
        assert_int_equal(deep.code, CN_LIMIT_EXCEEDED);
    }
    assert_int_equal(run_text("SELECT a", "::int", "", "", 200).code, CN_OK);
}

/* ------------------------------------------------------------------------------------ faults */

static const char *const fault_texts[] = {
    "SELECT a + b * 2 AS x, sum(DISTINCT c ORDER BY d) FILTER (WHERE e) OVER (PARTITION BY f "
    "ORDER BY g ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), CASE WHEN a THEN 'it''s' ELSE e'\\n' "
    "END, x::decimal(10, 2)[], [1, 2], {'k': 1}, l[1:2], list_transform(l, x -> x + $1) FROM t AS "
    "u (p, q), 'f.parquet', (SELECT 1) v JOIN w USING (a) WHERE a IN (1, 2) AND b LIKE 'x' OR "
    "EXISTS (SELECT 1) GROUP BY ROLLUP (a, (b, c)), () HAVING a > 1 WINDOW w AS (ORDER BY a) "
    "QUALIFY b ORDER BY a DESC LIMIT 10 OFFSET 2",
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT * EXCLUDE (a) FROM r "
    "TABLESAMPLE 10%; PIVOT t ON a, b USING sum(c) GROUP BY d; UNPIVOT t ON a INTO NAME n VALUE v",
    "CREATE TABLE t (a int NOT NULL DEFAULT 3, b text REFERENCES u (x), PRIMARY KEY (a)); CREATE "
    "EXTERNAL TABLE e (a int) STORED AS csv PARTITIONED BY (a) WITH ORDER (a) OPTIONS (x.y 'z') "
    "LOCATION 'l'; CREATE MACRO m(a, b := 1) AS a + b; CREATE VIEW v (a) AS SELECT 1",
    "INSERT INTO t (a) VALUES (1, DEFAULT) ON CONFLICT (a) DO UPDATE SET a = 1 RETURNING a; MERGE "
    "INTO t USING s ON a = b WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT (a) "
    "VALUES (1); UPDATE t SET (a, b) = (1, 2) FROM u; COPY t TO 'x' (FORMAT csv, y (1, 2))",
    "PREPARE p (int) AS SELECT $1; EXECUTE p (a := 1); SET x = a, 'b'; SHOW TABLES FROM s LIKE "
    "'x'; EXPLAIN (ANALYZE, FORMAT json, x 1) SELECT 1; ATTACH 'x' AS y (z 1); ANALYZE t (a); DROP "
    "TABLE a, b",
    "SELECT a FORM t",
    "SELECT 'abc",
};

/* Use the first pad_bytes of the arena, so that its next block is needed at another place. */
static cn_code
pad(cni_arena *arena, int64_t pad_bytes, cn_error *err)
{
    for (int64_t used = 0; used < pad_bytes; used += 16) {
        void *item = NULL;
        CN_TRY(cni_arena_alloc(arena, 16, &item, err));
    }
    return CN_OK;
}

/* Parse, print and walk with the allocator; the first failure ends it. */
static cn_code
parse_and_print(cni_allocator *allocator, cni_str text, int64_t pad_bytes, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_sql_script script = {0};
    int64_t n_nodes = 0;
    const cni_sql_visitor visitor = {.enter = count_node, .state = &n_nodes};
    CN_TRY(cni_arena_new(allocator, "test", &arena, err));
    CN_TRY(pad(arena, pad_bytes, err));
    CN_TRY(cni_sql_parse(arena, text, &script, err));
    for (int64_t at = 0; at < script.n_statements; at++) {
        const cni_sql_statement *statement = script.statements[at];
        cni_strbuf out;
        cni_strbuf_init(&out, allocator, TEXT_MAX_BYTES);
        const cn_code code = cni_sql_print_statement(statement, &out, err);
        cni_strbuf_done(&out);
        CN_TRY(code);
        if (statement->kind == CNI_SQL_STATEMENT_QUERY) {
            CN_TRY(cni_sql_walk(arena, &statement->query->node, &visitor, err));
        }
    }
    return CN_OK;
}

/* Fail each allocation in turn. */
static void
sweep(cni_allocator *allocator, cni_fault *fault, cni_str text, int64_t pad_bytes)
{
    cn_error err = CN_ERROR_INIT;
    fault->n_hits[CNI_FAULT_ALLOC] = 0;
    fault->fail_at[CNI_FAULT_ALLOC] = 0;
    const cn_code expected = parse_and_print(allocator, text, pad_bytes, &err);
    const int64_t n_hits = fault->n_hits[CNI_FAULT_ALLOC];
    assert_true(n_hits > 0);
    for (int64_t nth = 1; nth <= n_hits; nth++) {
        fault->n_hits[CNI_FAULT_ALLOC] = 0;
        fault->fail_at[CNI_FAULT_ALLOC] = nth;
        err = (cn_error)CN_ERROR_INIT;
        assert_int_equal(parse_and_print(allocator, text, pad_bytes, &err), CN_NO_MEMORY);
        assert_int_equal(err.code, CN_NO_MEMORY);
    }
    fault->fail_at[CNI_FAULT_ALLOC] = 0;
    assert_int_equal(parse_and_print(allocator, text, pad_bytes, &err), expected);
}

/* An arena takes few blocks; where it takes them is moved step by step over the whole parse. */
static void
sweep_places(cni_str text)
{
    cni_fault fault = {0};
    cni_allocator *allocator = NULL;
    assert_int_equal(cni_fault_allocator_new(cni_allocator_system(), &fault, &allocator, NULL),
                     CN_OK);
    for (int64_t pad_bytes = 0; pad_bytes < PAD_MAX_BYTES; pad_bytes += PAD_STEP_BYTES) {
        sweep(allocator, &fault, text, pad_bytes);
    }
    cni_allocator_unref(allocator);
}

static void
test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (int64_t text = 0; text < CN_ARRAY_LEN(fault_texts); text++) {
        sweep_places(cni_str_of(fault_texts[text]));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_chains),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_left_nesting),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
