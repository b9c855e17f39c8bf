/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of the host: what a scan asks for (columns, filters, limit), that answers are checked,
 * failures named, and release is called exactly once.
 */
#include "colonnade/extension.h"
#include "support/test_stream.h"

#define TABLE_ROWS 1000
#define MAX_SCANS  16

/* One scan as the host saw it. */
typedef struct seen_scan {
    int32_t n_columns;
    int32_t columns[4];
    int32_t n_filters;
    char filter_text[4][128];
    int64_t limit;
} seen_scan;

typedef struct host {
    int32_t n_released;
    int32_t n_scans;
    seen_scan scans[MAX_SCANS];
    int32_t answer;          /* cn_filter_answer to "id op literal" */
    const char *wrong;       /* what goes wrong, NULL = nothing */
    char seen_filters[1024]; /* every filter that supports_filter was asked about */
    int64_t claimed_rows;
} host;

static void
host_release(void *private_data)
{
    host *self = private_data;
    self->n_released++;
}

static int
host_schema(void *private_data, struct ArrowSchema *out_schema, cn_error *err)
{
    const host *self = private_data;
    if (self->wrong != NULL && strcmp(self->wrong, "schema fails") == 0) {
        cn_error_report(err, CN_UNAUTHENTICATED, "no %s", "password");
        return EACCES;
    }
    if (self->wrong != NULL && strcmp(self->wrong, "no schema") == 0) {
        return 0;
    }
    foreign_node *node = foreign_table(0, 1);
    if (self->wrong != NULL && strcmp(self->wrong, "bad schema") == 0) {
        (void)snprintf(node->children[0]->format, sizeof(node->children[0]->format), "?");
    }
    *out_schema = node->schema;
    out_schema->release = test_schema_release;
    return 0;
}

/* The rows of one scan: ids from `low` on, in two batches. */
typedef struct host_rows {
    seen_scan scan;
    int64_t low;
    int64_t next;
    bool other_shape;
} host_rows;

static int
rows_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    const host_rows *rows = stream->private_data;
    foreign_node *node = foreign_new("+s", 0, 0, 1);
    for (int32_t column = 0; column < rows->scan.n_columns; column++) {
        const bool is_id = rows->scan.columns[column] == 0;
        foreign_add_child(node, is_id ? foreign_i64(0, 0, 0) : foreign_text("", 0),
                          is_id ? "id" : "name");
    }
    *out = node->schema;
    out->release = test_schema_release;
    return 0;
}

static int
rows_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    host_rows *rows = stream->private_data;
    *out = (struct ArrowArray){0};
    if (rows->next >= TABLE_ROWS) {
        return 0;
    }
    const int64_t n_rows = cni_min_i64(TABLE_ROWS - rows->next, 600);
    foreign_node *node = foreign_new("+s", n_rows, 0, 1);
    node->array.null_count = 0;
    for (int32_t column = 0; column < rows->scan.n_columns; column++) {
        if (rows->scan.columns[column] == 0) {
            foreign_add_child(node, foreign_i64(rows->next, n_rows, 0), "id");
        } else {
            foreign_add_child(node, foreign_text("name ", n_rows), "name");
        }
    }
    if (rows->other_shape) {
        node->array.n_children = 0;
    }
    rows->next += n_rows;
    *out = node->array;
    out->release = test_batch_release;
    return 0;
}

static const char *
rows_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return NULL;
}

static void
rows_release(struct ArrowArrayStream *stream)
{
    free(stream->private_data);
    stream->release = NULL;
}

static void
see_scan(host *self, const cn_table_scan *request)
{
    assert_true(self->n_scans < MAX_SCANS);
    assert_int_equal(request->struct_size, sizeof(cn_table_scan));
    seen_scan *seen = &self->scans[self->n_scans++];
    seen->n_columns = request->n_columns;
    for (int32_t column = 0; column < request->n_columns; column++) {
        seen->columns[column] = request->columns[column];
    }
    seen->n_filters = request->n_filters;
    for (int32_t filter = 0; filter < request->n_filters; filter++) {
        (void)snprintf(seen->filter_text[filter], sizeof(seen->filter_text[filter]), "%s",
                       cn_filter_get_text(request->filters[filter]));
    }
    seen->limit = request->limit;
}

static int
host_scan(void *private_data, const cn_table_scan *request, struct ArrowArrayStream *out_rows,
          cn_error *err)
{
    host *self = private_data;
    see_scan(self, request);
    if (self->wrong != NULL && strcmp(self->wrong, "scan fails") == 0) {
        cn_error_report(err, CN_IO, "the network is down");
        return EIO;
    }
    if (self->wrong != NULL && strcmp(self->wrong, "no stream") == 0) {
        return 0;
    }
    host_rows *rows = calloc(1, sizeof(*rows));
    assert_non_null(rows);
    rows->scan = self->scans[self->n_scans - 1];
    rows->other_shape = self->wrong != NULL && strcmp(self->wrong, "other shape") == 0;
    for (int32_t filter = 0; filter < request->n_filters; filter++) {
        int64_t bound = 0;
        assert_int_equal(cn_filter_get_op(request->filters[filter]), CN_FILTER_GE);
        assert_int_equal(cn_filter_get_column(request->filters[filter]), 0);
        assert_int_equal(cn_filter_get_int64(request->filters[filter], &bound), 1);
        rows->next = bound;
    }
    *out_rows = (struct ArrowArrayStream){.get_schema = rows_schema,
                                          .get_next = rows_next,
                                          .get_last_error = rows_error,
                                          .release = rows_release,
                                          .private_data = rows};
    return 0;
}

static int32_t
host_supports(void *private_data, const cn_filter *filter)
{
    host *self = private_data;
    const size_t used = strlen(self->seen_filters);
    const char *data = "";
    int64_t length = 0;
    double number = 0;
    (void)cn_filter_get_bytes(filter, &data, &length);
    (void)cn_filter_get_double(filter, &number);
    (void)snprintf(self->seen_filters + used, sizeof(self->seen_filters) - used, "%d/%d/%s/%.*s;",
                   cn_filter_get_op(filter), cn_filter_get_column(filter),
                   cn_filter_get_text(filter), (int)length, data);
    return cn_filter_get_op(filter) == CN_FILTER_GE && cn_filter_get_column(filter) == 0
               ? self->answer
               : CN_FILTER_UNSUPPORTED;
}

static int64_t
host_row_count(void *private_data)
{
    const host *self = private_data;
    return self->claimed_rows;
}

static cn_table_provider
provider_of(host *self)
{
    return (cn_table_provider){.struct_size = sizeof(cn_table_provider),
                               .version = CN_EXTENSION_VERSION,
                               .private_data = self,
                               .release = host_release,
                               .schema = host_schema,
                               .scan = host_scan,
                               .supports_filter = host_supports,
                               .row_count = host_row_count};
}

static void
begin(sql_env *env, host *self)
{
    sql_begin(env, 3);
    self->claimed_rows = -1;
    const cn_table_provider provider = provider_of(self);
    SQL_OK(env, cn_session_register_table(env->session, "h", &provider, 0, &env->err));
}

static void
test_scans_ask_for_what_is_used(void **state)
{
    (void)state;
    sql_env env;
    host self = {0};
    begin(&env, &self);
    SQL_GIVES(&env, "DESCRIBE h", "id|BIGINT|YES\nname|VARCHAR|YES\n");
    assert_int_equal(self.n_scans, 0);
    SQL_GIVES(&env, "SELECT * FROM h LIMIT 2", "0|name 0\n1|name 1\n");
    assert_int_equal(self.scans[0].n_columns, 2);
    assert_int_equal(self.scans[0].limit, 2);
    SQL_GIVES(&env, "SELECT name FROM h LIMIT 1 OFFSET 3", "name 3\n");
    assert_int_equal(self.scans[1].n_columns, 1);
    assert_int_equal(self.scans[1].columns[0], 1);
    assert_int_equal(self.scans[1].limit, 4);
    SQL_GIVES(&env, "SELECT count(*) FROM h", "1000\n");
    assert_int_equal(self.scans[2].n_columns, 0);
    assert_int_equal(self.scans[2].limit, -1);
    SQL_GIVES(&env, "SELECT sum(id) FROM h WHERE name = 'name 7'", "614\n");
    assert_int_equal(self.scans[3].n_columns, 2);
    assert_int_equal(self.scans[3].n_filters, 0);
    assert_int_equal(self.scans[3].limit, -1);
    sql_end(&env);
    assert_int_equal(self.n_released, 1);
}

static void
test_filters(void **state)
{
    (void)state;
    sql_env env;
    host self = {.answer = CN_FILTER_EXACT};
    begin(&env, &self);
    SQL_GIVES(&env, "SELECT count(*), min(id) FROM h WHERE id >= 990", "10|990\n");
    assert_int_equal(self.scans[0].n_filters, 1);
    assert_string_equal(self.scans[0].filter_text[0], "id >= 990");
    /* The literal may stand on the left. */
    SQL_GIVES(&env, "SELECT count(*) FROM h WHERE 995 <= id AND id <> 997", "4\n");
    assert_int_equal(self.scans[1].n_filters, 1);
    assert_int_equal(self.scans[1].limit, -1);
    /* INEXACT prunes, and is checked again. The bound of the host is taken by its word. */
    self.answer = CN_FILTER_INEXACT;
    SQL_GIVES(&env, "SELECT count(*) FROM h WHERE id >= 500", "500\n");
    assert_int_equal(self.scans[2].n_filters, 1);
    self.answer = CN_FILTER_UNSUPPORTED;
    SQL_GIVES(&env, "SELECT count(*) FROM h WHERE id >= 500", "500\n");
    assert_int_equal(self.scans[3].n_filters, 0);
    self.answer = 77; /* no answer that exists */
    SQL_GIVES(&env, "SELECT count(*) FROM h WHERE id >= 500", "500\n");
    assert_int_equal(self.scans[4].n_filters, 0);
    sql_end(&env);
}

static void
test_a_limit_is_not_passed_through_a_filter_that_stays(void **state)
{
    (void)state;
    sql_env env;
    host self = {.answer = CN_FILTER_INEXACT};
    begin(&env, &self);
    SQL_GIVES(&env, "SELECT id FROM h WHERE id >= 10 LIMIT 1", "10\n");
    assert_int_equal(self.scans[0].limit, -1);
    self.answer = CN_FILTER_EXACT;
    SQL_GIVES(&env, "SELECT id FROM h WHERE id >= 10 LIMIT 1", "10\n");
    assert_int_equal(self.scans[1].limit, 1);
    sql_end(&env);
}

static void
test_what_filters_show(void **state)
{
    (void)state;
    sql_env env;
    host self = {0};
    begin(&env, &self);
    SQL_GIVES(&env,
              "SELECT count(*) FROM h WHERE name LIKE '%e' AND id = 1 AND name <> 'x' AND name IS "
              "NOT NULL AND "
              "id IS NULL AND name < 'zz'",
              "0\n");
    static const char *const wanted[] = {"1/0/id = 1/;", "2/1/name <> 'x'/x;", "8/1/", "7/0/",
                                         "9/-1/",        "3/1/name < 'zz'/zz;"};
    for (int64_t index = 0; index < CN_ARRAY_LEN(wanted); index++) {
        if (strstr(self.seen_filters, wanted[index]) == NULL) {
            fail_msg("%s is not among %s", wanted[index], self.seen_filters);
        }
    }
    sql_end(&env);
}

static void
test_a_false_row_count_changes_no_answer(void **state)
{
    (void)state;
    sql_env env;
    host self = {0};
    begin(&env, &self);
    self.claimed_rows = 3;
    SQL_GIVES(&env, "SELECT count(*), max(id) FROM h", "1000|999\n");
    SQL_GIVES(&env, "SELECT count(*) FROM (SELECT id FROM h GROUP BY id)", "1000\n");
    sql_end(&env);
}

static void
test_failures_at_registration(void **state)
{
    (void)state;
    static const struct {
        const char *wrong;
        cn_code code;
        const char *needle;
    } cases[] = {
        {"schema fails", CN_UNAUTHENTICATED, "table \"h\": no password"},
        {"no schema", CN_INVALID_DATA, "table \"h\" gave no schema"},
        {"bad schema", CN_NOT_IMPLEMENTED, "?"},
    };
    sql_env env;
    sql_begin(&env, 1);
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        host self = {.wrong = cases[index].wrong};
        const cn_table_provider provider = provider_of(&self);
        env.err = (cn_error)CN_ERROR_INIT;
        const cn_code code = cn_session_register_table(env.session, "h", &provider, 0, &env.err);
        if (code != cases[index].code || strstr(env.err.message, cases[index].needle) == NULL) {
            fail_msg("%s: %s: %s", cases[index].wrong, cn_code_name((int32_t)code),
                     env.err.message);
        }
        assert_int_equal(self.n_released, 1);
    }
    sql_end(&env);
}

static void
test_refused_providers(void **state)
{
    (void)state;
    sql_env env;
    host self = {0};
    cn_table_provider cases[5];
    sql_begin(&env, 1);
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        cases[index] = provider_of(&self);
    }
    cases[0].struct_size = 8;
    cases[1].version = 0;
    cases[2].schema = NULL;
    cases[3].scan = NULL;
    for (int64_t index = 0; index < 4; index++) {
        assert_int_equal(cn_session_register_table(env.session, "h", &cases[index], 0, &env.err),
                         CN_INVALID_ARGUMENT);
        assert_int_equal(self.n_released, index + 1);
    }
    assert_int_equal(cn_session_register_table(env.session, "", &cases[4], 0, &env.err),
                     CN_INVALID_ARGUMENT);
    assert_int_equal(self.n_released, 5);
    assert_int_equal(cn_session_register_table(NULL, "h", &cases[4], 0, &env.err),
                     CN_INVALID_ARGUMENT);
    assert_int_equal(self.n_released, 6);
    sql_end(&env);
}

static void
test_an_older_provider(void **state)
{
    (void)state;
    sql_env env;
    host self = {.answer = CN_FILTER_EXACT};
    sql_begin(&env, 1);
    cn_table_provider provider = provider_of(&self);
    provider.struct_size = offsetof(cn_table_provider, supports_filter); /* it knows no filters */
    SQL_OK(&env, cn_session_register_table(env.session, "h", &provider, 0, &env.err));
    SQL_GIVES(&env, "SELECT count(*) FROM h WHERE id >= 990", "10\n");
    assert_int_equal(self.scans[0].n_filters, 0);
    assert_string_equal(self.seen_filters, "");
    sql_end(&env);
    assert_int_equal(self.n_released, 1);
}

static void
test_failures_while_scanning(void **state)
{
    (void)state;
    static const struct {
        const char *wrong;
        cn_code code;
        const char *needle;
    } cases[] = {
        {"scan fails", CN_IO, "table \"h\": the network is down"},
        {"no stream", CN_INVALID_DATA, "its scan gave no stream"},
        {"other shape", CN_INVALID_DATA, ""},
    };
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        sql_env env;
        host self = {.wrong = cases[index].wrong};
        begin(&env, &self);
        SQL_FAILS(&env, "SELECT sum(id) FROM h", cases[index].code, NULL, NULL,
                  cases[index].needle);
        SQL_GIVES(&env, "SELECT 1", "1\n");
        sql_end(&env);
        assert_int_equal(self.n_released, 1);
    }
}

static void
test_a_stream_keeps_the_table(void **state)
{
    (void)state;
    sql_env env;
    host self = {0};
    struct ArrowArrayStream rows = {0};
    begin(&env, &self);
    SQL_OK(&env, cn_session_execute(env.session, "SELECT count(*) FROM h", &rows, &env.err));
    SQL_OK(&env, cn_session_unregister(env.session, "h", &env.err));
    cn_session_free(env.session);
    cn_engine_free(env.engine);
    assert_int_equal(self.n_released, 0);
    SQL_OK(&env, sql_stream_text(&rows, &env.text, &env.err));
    assert_string_equal(sql_text(&env), "1000\n");
    assert_int_equal(self.n_released, 1);
    cni_strbuf_done(&env.text);
    assert_int_equal(cni_budget_current_bytes(env.budget), 0);
    cni_budget_unref(env.budget);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scans_ask_for_what_is_used),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_a_limit_is_not_passed_through_a_filter_that_stays),
        cmocka_unit_test(test_what_filters_show),
        cmocka_unit_test(test_a_false_row_count_changes_no_answer),
        cmocka_unit_test(test_failures_at_registration),
        cmocka_unit_test(test_refused_providers),
        cmocka_unit_test(test_an_older_provider),
        cmocka_unit_test(test_failures_while_scanning),
        cmocka_unit_test(test_a_stream_keeps_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
