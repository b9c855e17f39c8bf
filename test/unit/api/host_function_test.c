/* SPDX-License-Identifier: Apache-2.0
 *
 * Scalar functions of the host: arguments as Arrow arrays, results checked like foreign data,
 * failures named, release called exactly once.
 */
#include <errno.h>

#include "colonnade/extension.h"
#include "support/sql_env.h"

/* What a host's function remembers; callbacks come from several threads. */
typedef struct host {
    cni_atomic_i64 n_calls;    /* counter */
    cni_atomic_i64 n_rows;     /* counter */
    cni_atomic_i64 n_released; /* counter */
    int64_t answer_rows;       /* rows of the result, -1 = as asked */
    const char *wrong;         /* what goes wrong, NULL = nothing */
} host;

static void
host_release(void *private_data)
{
    host *self = private_data;
    (void)cni_counter_add(&self->n_released, 1);
}

static void
result_release(struct ArrowArray *array)
{
    foreign_node *node = array->private_data;
    foreign_release_array(array);
    foreign_free(node);
}

static int64_t
argument_i64(const struct ArrowArray *arg, int64_t row, bool *out_null)
{
    const int64_t at = arg->offset + (arg->length == 1 ? 0 : row);
    const uint8_t *bits = arg->buffers[0];
    const int64_t *values = arg->buffers[1];
    *out_null = bits != NULL && ((bits[at / 8] >> (at % 8)) & 1) == 0;
    return values[at];
}

/* sum of all arguments; NULL counts 1000 (seen only with SEES_NULLS). */
static int
add_all(void *private_data, const struct ArrowArray *const *args, int64_t n_rows,
        struct ArrowArray *out_result, cn_error *err)
{
    host *self = private_data;
    const int64_t length = self->answer_rows < 0 ? n_rows : self->answer_rows;
    foreign_node *node = foreign_i64(0, length, 0);
    int64_t *values = node->owned[1];
    (void)cni_counter_add(&self->n_calls, 1);
    (void)cni_counter_add(&self->n_rows, n_rows);
    (void)err;
    for (int64_t row = 0; row < cni_min_i64(n_rows, length); row++) {
        bool is_null = false;
        values[row] = 0;
        for (int64_t arg = 0; arg < 2 && args[arg] != NULL; arg++) {
            const int64_t value = argument_i64(args[arg], row, &is_null);
            values[row] += is_null ? 1000 : value;
        }
    }
    *out_result = node->array;
    out_result->release = result_release;
    return 0;
}

/* Fails for rows whose argument is 13; otherwise the argument. */
static int
superstitious(void *private_data, const struct ArrowArray *const *args, int64_t n_rows,
              struct ArrowArray *out_result, cn_error *err)
{
    host *self = private_data;
    foreign_node *node = foreign_i64(0, n_rows, 0);
    int64_t *values = node->owned[1];
    (void)cni_counter_add(&self->n_calls, 1);
    (void)cni_counter_add(&self->n_rows, n_rows);
    for (int64_t row = 0; row < n_rows; row++) {
        bool is_null = false;
        values[row] = argument_i64(args[0], row, &is_null);
        if (!is_null && values[row] == 13) {
            foreign_free(node);
            cn_error_report(err, CN_INVALID_DATA, "%lld brings bad luck", (long long)13);
            return EDOM;
        }
    }
    *out_result = node->array;
    out_result->release = result_release;
    return 0;
}

/* Goes wrong in the way that `wrong` says. */
static int
broken(void *private_data, const struct ArrowArray *const *args, int64_t n_rows,
       struct ArrowArray *out_result, cn_error *err)
{
    const host *self = private_data;
    (void)args;
    (void)err;
    if (strcmp(self->wrong, "silent") == 0) {
        return EIO;
    }
    if (strcmp(self->wrong, "nothing") == 0) {
        return 0;
    }
    foreign_node *node = foreign_i64(0, n_rows, 0);
    if (strcmp(self->wrong, "buffers") == 0) {
        node->array.n_buffers = 1;
    } else if (strcmp(self->wrong, "missing") == 0) {
        node->pointers[1] = NULL;
    } else if (strcmp(self->wrong, "children") == 0) {
        node->array.n_children = 3;
    }
    *out_result = node->array;
    out_result->release = result_release;
    return strcmp(self->wrong, "both") == 0 ? EIO : 0;
}

static const char *const two_i64[] = {"l", "l", NULL};

static cn_scalar_function
function_of(host *self, const char *name, int32_t n_args)
{
    self->answer_rows = -1;
    return (cn_scalar_function){.struct_size = sizeof(cn_scalar_function),
                                .version = CN_EXTENSION_VERSION,
                                .private_data = self,
                                .release = host_release,
                                .name = name,
                                .n_args = n_args,
                                .arg_formats = two_i64,
                                .result_format = "l",
                                .call = add_all};
}

/* Argument arrays end with no NULL pointer; add_all of one argument needs its own. */
static int
first_argument(void *private_data, const struct ArrowArray *const *args, int64_t n_rows,
               struct ArrowArray *out_result, cn_error *err)
{
    const struct ArrowArray *const one[] = {args[0], NULL};
    return add_all(private_data, one, n_rows, out_result, err);
}

static int
no_argument(void *private_data, const struct ArrowArray *const *args, int64_t n_rows,
            struct ArrowArray *out_result, cn_error *err)
{
    const struct ArrowArray *const none[] = {NULL};
    (void)args;
    return add_all(private_data, none, n_rows, out_result, err);
}

static void
begin_with_table(sql_env *env, foreign_node **out_table)
{
    sql_begin(env, 4);
    foreign_node *table = foreign_new("+s", 10000, 0, 1);
    table->array.null_count = 0;
    foreign_add_child(table, foreign_i64(0, 10000, 0), "id");
    foreign_add_child(table, foreign_i64(0, 10000, 2), "odd"); /* 0, NULL, 2, NULL ... */
    SQL_OK(env, cn_session_register_arrays(env->session, "t", &table->schema, &table->array, 1, 0,
                                           &env->err));
    *out_table = table;
}

static void
test_calls(void **state)
{
    (void)state;
    sql_env env;
    foreign_node *table = NULL;
    host self = {0};
    begin_with_table(&env, &table);
    const cn_scalar_function function = function_of(&self, "Add_Two", 2);
    SQL_OK(&env, cn_session_register_function(env.session, &function, &env.err));
    SQL_GIVES(&env, "SELECT add_two(id, 1) FROM t LIMIT 3", "1\n2\n3\n");
    SQL_GIVES(&env, "SELECT sum(ADD_TWO(id, id)) FROM t", "99990000\n");
    SQL_GIVES(&env, "SELECT id FROM t WHERE add_two(id, id) = 5000", "2500\n");
    SQL_GIVES(&env, "SELECT add_two(odd, 1) FROM t LIMIT 4", "1\nNULL\n3\nNULL\n");
    SQL_GIVES(&env, "SELECT add_two(NULL, 1)", "NULL\n");
    SQL_GIVES(&env, "SELECT add_two(1::TINYINT, '2')", "3\n"); /* implicit casts */
    SQL_GIVES(&env, "SELECT add_two(id, odd) FROM t WHERE false", "");
    SQL_FAILS(&env, "SELECT add_two(1)", CN_INVALID_ARGUMENT, NULL, "add_two", "add_two");
    SQL_FAILS(&env, "SELECT add_two(1, DATE '2020-01-01')", CN_INVALID_ARGUMENT, NULL, "add_two",
              "add_two");
    assert_int_equal(sql_run(&env, "SHOW FUNCTIONS"), CN_OK);
    assert_non_null(strstr(sql_text(&env), "add_two|scalar|function of the host"));
    assert_int_equal(self.n_released, 0);
    sql_end(&env);
    assert_int_equal(self.n_released, 1);
    foreign_free(table);
}

static void
test_constant_calls_are_folded(void **state)
{
    (void)state;
    sql_env env;
    foreign_node *table = NULL;
    host self = {0};
    host moody = {0};
    begin_with_table(&env, &table);
    const cn_scalar_function pure = function_of(&self, "pure", 2);
    cn_scalar_function changing = function_of(&moody, "changing", 0);
    changing.flags = CN_FUNCTION_VOLATILE;
    changing.call = no_argument;
    SQL_OK(&env, cn_session_register_function(env.session, &pure, &env.err));
    SQL_OK(&env, cn_session_register_function(env.session, &changing, &env.err));
    SQL_GIVES(&env, "SELECT pure(1, 2), id FROM t LIMIT 2", "3|0\n3|1\n");
    assert_int_equal(self.n_rows, 1); /* once, when the plan was made */
    SQL_GIVES(&env, "SELECT changing() FROM t LIMIT 2", "0\n0\n");
    assert_true(moody.n_rows >= 2); /* for every row */
    sql_end(&env);
    foreign_free(table);
}

static void
test_nulls_are_shown_to_those_who_ask(void **state)
{
    (void)state;
    sql_env env;
    foreign_node *table = NULL;
    host self = {0};
    begin_with_table(&env, &table);
    cn_scalar_function function = function_of(&self, "counts_nulls", 1);
    function.flags = CN_FUNCTION_SEES_NULLS;
    function.call = first_argument;
    SQL_OK(&env, cn_session_register_function(env.session, &function, &env.err));
    SQL_GIVES(&env, "SELECT counts_nulls(odd) FROM t LIMIT 4", "0\n1000\n2\n1000\n");
    sql_end(&env);
    foreign_free(table);
}

static void
test_functions_that_fail(void **state)
{
    (void)state;
    sql_env env;
    foreign_node *table = NULL;
    host self = {0};
    begin_with_table(&env, &table);
    cn_scalar_function function = function_of(&self, "luck", 1);
    function.flags = CN_FUNCTION_MAY_FAIL;
    function.call = superstitious;
    SQL_OK(&env, cn_session_register_function(env.session, &function, &env.err));
    SQL_FAILS(&env, "SELECT luck(id) FROM t", CN_INVALID_DATA, NULL, NULL,
              "function luck: 13 brings bad luck");
    /* Shown only the rows that are needed: what an earlier conjunct or a branch removes stays
     * unseen. */
    SQL_GIVES(&env, "SELECT id FROM t WHERE id <> 13 AND luck(id) = 12", "12\n");
    SQL_GIVES(&env, "SELECT CASE WHEN id = 13 THEN -1 ELSE luck(id) END FROM t LIMIT 2 OFFSET 12",
              "12\n-1\n");
    /* A constant call that fails is an error only if the row is reached. */
    SQL_GIVES(&env, "SELECT luck(13) FROM t WHERE id < 0", "");
    SQL_FAILS(&env, "SELECT luck(13)", CN_INVALID_DATA, NULL, NULL, "bad luck");
    SQL_GIVES(&env, "SELECT luck(12)", "12\n");
    sql_end(&env);
    foreign_free(table);
}

static void
test_wrong_results(void **state)
{
    (void)state;
    static const struct {
        const char *wrong;
        cn_code code;
        const char *needle;
    } cases[] = {
        {"silent", CN_UNKNOWN, "function broken: failed without a message"},
        {"both", CN_UNKNOWN, "function broken: failed without a message"},
        {"nothing", CN_INVALID_DATA, "function broken gave no array"},
        {"buffers", CN_INVALID_DATA, "function broken"},
        {"missing", CN_INVALID_DATA, "function broken"},
        {"children", CN_INVALID_DATA, "function broken"},
    };
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        sql_env env;
        foreign_node *table = NULL;
        host self = {.wrong = cases[index].wrong};
        begin_with_table(&env, &table);
        cn_scalar_function function = function_of(&self, "broken", 1);
        function.call = broken;
        SQL_OK(&env, cn_session_register_function(env.session, &function, &env.err));
        SQL_FAILS(&env, "SELECT broken(id) FROM t", cases[index].code, NULL, NULL,
                  cases[index].needle);
        SQL_GIVES(&env, "SELECT count(*) FROM t", "10000\n");
        sql_end(&env);
        assert_int_equal(self.n_released, 1);
        foreign_free(table);
    }
}

static void
test_a_wrong_number_of_rows(void **state)
{
    (void)state;
    sql_env env;
    foreign_node *table = NULL;
    host self = {0};
    begin_with_table(&env, &table);
    const cn_scalar_function function = function_of(&self, "short", 2);
    self.answer_rows = 3;
    SQL_OK(&env, cn_session_register_function(env.session, &function, &env.err));
    SQL_FAILS(&env, "SELECT short(id, id) FROM t", CN_INVALID_DATA, NULL, NULL,
              "function short: it gave 3 rows instead of");
    sql_end(&env);
    foreign_free(table);
}

static void
test_refused_registrations(void **state)
{
    (void)state;
    static const char *const bad_format[] = {"nonsense"};
    sql_env env;
    host self = {0};
    cn_scalar_function cases[9];
    sql_begin(&env, 1);
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        cases[index] = function_of(&self, "f", 1);
    }
    cases[0].struct_size = 8;
    cases[1].version = 99;
    cases[2].name = NULL;
    cases[3].name = "";
    cases[4].call = NULL;
    cases[5].n_args = -1;
    cases[6].arg_formats = NULL;
    cases[7].arg_formats = bad_format;
    cases[8].result_format = NULL;
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        const cn_code code = cn_session_register_function(env.session, &cases[index], &env.err);
        if (code != CN_INVALID_ARGUMENT) {
            fail_msg("case %lld: %s", (long long)index, cn_code_name((int32_t)code));
        }
        assert_int_equal(self.n_released, index + 1);
    }
    assert_int_equal(cn_session_register_function(NULL, &cases[0], &env.err), CN_INVALID_ARGUMENT);
    assert_int_equal(self.n_released, 10);
    sql_end(&env);
}

static void
test_overloads(void **state)
{
    (void)state;
    static const char *const text_format[] = {"u"};
    sql_env env;
    host first = {0};
    host second = {0};
    host third = {0};
    sql_begin(&env, 1);
    const cn_scalar_function function = function_of(&first, "f", 2);
    const cn_scalar_function again = function_of(&second, "F", 2);
    cn_scalar_function other = function_of(&third, "f", 1);
    other.arg_formats = text_format;
    other.call = no_argument;
    SQL_OK(&env, cn_session_register_function(env.session, &function, &env.err));
    assert_int_equal(cn_session_register_function(env.session, &again, &env.err),
                     CN_ALREADY_EXISTS);
    assert_int_equal(second.n_released, 1);
    SQL_OK(&env, cn_session_register_function(env.session, &other, &env.err));
    SQL_GIVES(&env, "SELECT f(1, 2), f('x')", "3|0\n");
    other.name = "UPPER"; /* a built-in takes a string already */
    assert_int_equal(cn_session_register_function(env.session, &other, &env.err),
                     CN_ALREADY_EXISTS);
    assert_int_equal(third.n_released, 1);
    sql_end(&env);
    assert_int_equal(first.n_released, 1);
    assert_int_equal(third.n_released, 2);
}

static void
test_a_stream_keeps_its_functions(void **state)
{
    (void)state;
    sql_env env;
    foreign_node *table = NULL;
    host self = {0};
    struct ArrowArrayStream rows = {0};
    begin_with_table(&env, &table);
    const cn_scalar_function function = function_of(&self, "late", 2);
    SQL_OK(&env, cn_session_register_function(env.session, &function, &env.err));
    SQL_OK(&env,
           cn_session_execute(env.session, "SELECT late(id, 1) FROM t LIMIT 1", &rows, &env.err));
    cn_session_free(env.session);
    cn_engine_free(env.engine);
    assert_int_equal(self.n_released, 0);
    SQL_OK(&env, sql_stream_text(&rows, &env.text, &env.err));
    assert_string_equal(sql_text(&env), "1\n");
    assert_int_equal(self.n_released, 1);
    cni_strbuf_done(&env.text);
    assert_int_equal(cni_budget_current_bytes(env.budget), 0);
    cni_budget_unref(env.budget);
    foreign_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_constant_calls_are_folded),
        cmocka_unit_test(test_nulls_are_shown_to_those_who_ask),
        cmocka_unit_test(test_functions_that_fail),
        cmocka_unit_test(test_wrong_results),
        cmocka_unit_test(test_a_wrong_number_of_rows),
        cmocka_unit_test(test_refused_registrations),
        cmocka_unit_test(test_overloads),
        cmocka_unit_test(test_a_stream_keeps_its_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
