/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrow arrays, streams and frames as tables: shared without a copy, consumed on every path,
 * checked before they are used.
 */
#include "colonnade/colonnade.h"

#include "support/test_stream.h"

static cn_code
register_table(sql_env *env, const char *name, foreign_node *table, int32_t replace)
{
    env->err = (cn_error)CN_ERROR_INIT;
    return cn_session_register_arrays(env->session, name, &table->schema, &table->array, 1, replace,
                                      &env->err);
}

static void
test_arrays_are_shared_without_a_copy(void **state)
{
    (void)state;
    sql_env env;
    struct ArrowArrayStream rows = {0};
    struct ArrowArray batch = {0};
    foreign_node *table = foreign_table(0, 1000);
    const void *ids = table->children[0]->pointers[1];
    sql_begin(&env, 2);
    SQL_OK(&env, register_table(&env, "t", table, 0));
    assert_null(table->array.release); /* consumed */
    assert_null(table->schema.release);
    assert_int_equal(table->n_released, 0);
    for (int scan = 0; scan < 3; scan++) {
        SQL_OK(&env, cn_session_execute(env.session, "SELECT id FROM t", &rows, &env.err));
        assert_int_equal(rows.get_next(&rows, &batch), 0);
        assert_int_equal(batch.length, 1000);
        assert_ptr_equal(batch.children[0]->buffers[1], ids);
        rows.release(&rows);
        batch.release(&batch);
    }
    SQL_GIVES(&env, "SELECT id FROM t WHERE id < 2 UNION ALL SELECT id FROM t WHERE id >= 999",
              "0\n1\n999\n");
    SQL_GIVES(&env, "SELECT name FROM t WHERE id = 998", "name 998\n");
    SQL_GIVES(&env, "SELECT t.* FROM t LIMIT 1", "0|name 0\n");
    SQL_GIVES(&env, "SELECT count(*) FROM t", "1000\n");
    assert_int_equal(table->n_released, 0);
    sql_end(&env);
    assert_int_equal(table->n_released, 1);
    foreign_free(table);
}

static void
test_a_result_keeps_the_arrays_alive(void **state)
{
    (void)state;
    sql_env env;
    struct ArrowArrayStream rows = {0};
    struct ArrowArray batch = {0};
    foreign_node *table = foreign_table(0, 10);
    sql_begin(&env, 1);
    SQL_OK(&env, register_table(&env, "t", table, 0));
    SQL_OK(&env, cn_session_execute(env.session, "SELECT id FROM t", &rows, &env.err));
    assert_int_equal(rows.get_next(&rows, &batch), 0);
    rows.release(&rows);
    SQL_OK(&env, cn_session_unregister(env.session, "t", &env.err));
    cn_session_free(env.session);
    cn_engine_free(env.engine);
    assert_int_equal(table->n_released, 0);
    assert_int_equal(((const int64_t *)batch.children[0]->buffers[1])[9], 9);
    batch.release(&batch);
    assert_int_equal(table->n_released, 1);
    cni_strbuf_done(&env.text);
    assert_int_equal(cni_budget_current_bytes(env.budget), 0);
    cni_budget_unref(env.budget);
    foreign_free(table);
}

static void
test_many_batches_in_order(void **state)
{
    (void)state;
    enum {
        N_BATCHES = 20
    };
    sql_env env;
    foreign_node *tables[N_BATCHES];
    struct ArrowArray batches[N_BATCHES];
    for (int batch = 0; batch < N_BATCHES; batch++) {
        tables[batch] = foreign_table(batch * 10, batch == 7 ? 0 : 10);
        batches[batch] = tables[batch]->array;
        tables[batch]->array.release = NULL;
    }
    sql_begin(&env, 4);
    SQL_OK(&env, cn_session_register_arrays(env.session, "t", &tables[0]->schema, batches,
                                            N_BATCHES, 0, &env.err));
    SQL_GIVES(&env, "SELECT id FROM t LIMIT 3 OFFSET 69", "69\n80\n81\n");
    SQL_GIVES(&env, "SELECT count(*), min(id), max(id), sum(id) FROM t", "190|0|199|19155\n");
    SQL_GIVES(&env, "SELECT id FROM t WHERE id % 50 = 0", "0\n50\n100\n150\n");
    sql_end(&env);
    for (int batch = 0; batch < N_BATCHES; batch++) {
        assert_int_equal(tables[batch]->n_released, 1);
        foreign_free(tables[batch]);
    }
}

static void
test_sliced_arrays(void **state)
{
    (void)state;
    sql_env env;
    foreign_node *table = foreign_table(0, 100);
    table->array.offset = 90; /* of the struct: rows 90 and 91 of its children */
    table->array.length = 2;
    sql_begin(&env, 1);
    SQL_OK(&env, register_table(&env, "t", table, 0));
    SQL_GIVES(&env, "SELECT id, name FROM t", "90|name 90\n91|name 91\n");
    sql_end(&env);
    foreign_free(table);
}

static void
test_no_batches_and_no_columns(void **state)
{
    (void)state;
    sql_env env;
    foreign_node *table = foreign_table(0, 1);
    foreign_node *bare = foreign_new("+s", 5, 0, 1);
    sql_begin(&env, 1);
    SQL_OK(&env,
           cn_session_register_arrays(env.session, "empty", &table->schema, NULL, 0, 0, &env.err));
    SQL_GIVES(&env, "SELECT * FROM empty", "");
    SQL_GIVES(&env, "DESCRIBE empty", "id|BIGINT|YES\nname|VARCHAR|YES\n");
    SQL_OK(&env, register_table(&env, "bare", bare, 0));
    SQL_GIVES(&env, "SELECT count(*) FROM bare", "5\n");
    SQL_GIVES(&env, "SELECT 'x' FROM bare LIMIT 2", "x\nx\n");
    sql_end(&env);
    foreign_free(table);
    foreign_free(bare);
}

static void
test_names_and_replacement(void **state)
{
    (void)state;
    sql_env env;
    cn_frame *old = NULL;
    struct ArrowArrayStream rows = {0};
    foreign_node *tables[5];
    for (int index = 0; index < 5; index++) {
        tables[index] = foreign_table(index, 1);
    }
    sql_begin(&env, 1);
    SQL_OK(&env, register_table(&env, "t", tables[0], 0));
    assert_int_equal(register_table(&env, "t", tables[1], 0), CN_ALREADY_EXISTS);
    assert_string_equal(env.err.sqlstate, "42P07");
    assert_int_equal(tables[1]->n_released, 1);
    SQL_OK(&env, cn_session_sql(env.session, "SELECT id FROM t", &old, &env.err));
    SQL_OK(&env, register_table(&env, "t", tables[2], 1));
    SQL_GIVES(&env, "SELECT id FROM t", "2\n");
    /* A frame keeps what it was bound to. */
    SQL_OK(&env, cn_frame_stream(old, &rows, &env.err));
    cni_strbuf_reset(&env.text);
    SQL_OK(&env, sql_stream_text(&rows, &env.text, &env.err));
    assert_string_equal(sql_text(&env), "0\n");
    assert_int_equal(tables[0]->n_released, 0);
    cn_frame_free(old);
    assert_int_equal(tables[0]->n_released, 1);
    /* Consumed also when the call is wrong. */
    assert_int_equal(register_table(&env, "", tables[3], 0), CN_INVALID_ARGUMENT);
    assert_int_equal(tables[3]->n_released, 1);
    assert_int_equal(
        cn_session_register_arrays(NULL, "t", &tables[4]->schema, &tables[4]->array, 1, 0, NULL),
        CN_INVALID_ARGUMENT);
    assert_int_equal(tables[4]->n_released, 1);
    assert_int_equal(cn_session_unregister(env.session, "nothing", &env.err), CN_NOT_FOUND);
    SQL_OK(&env, cn_session_unregister(env.session, "T", &env.err));
    SQL_FAILS(&env, "SELECT id FROM t", CN_NOT_FOUND, "42P01", "t", "t");
    sql_end(&env);
    for (int index = 0; index < 5; index++) {
        assert_int_equal(tables[index]->n_released, 1);
        foreign_free(tables[index]);
    }
}

/* ---- hostile arrays: refused at registration, released once ---- */

static void
break_n_children(foreign_node *table)
{
    table->array.n_children = 1;
}

static void
break_child_length(foreign_node *table)
{
    table->children[0]->array.length = 3;
}

static void
break_negative_length(foreign_node *table)
{
    table->children[0]->array.length = -1;
}

static void
break_n_buffers(foreign_node *table)
{
    table->children[1]->array.n_buffers = 2;
}

static void
break_missing_values(foreign_node *table)
{
    table->children[0]->pointers[1] = NULL;
}

static void
break_falling_offsets(foreign_node *table)
{
    int32_t *offsets = table->children[1]->owned[1];
    offsets[2] = 1;
}

static void
break_negative_offset(foreign_node *table)
{
    int32_t *offsets = table->children[1]->owned[1];
    offsets[0] = -4;
}

static void
break_utf8(foreign_node *table)
{
    char *bytes = table->children[1]->owned[2];
    bytes[3] = (char)0xC0;
}

static void
break_struct_offset(foreign_node *table)
{
    table->array.offset = INT64_MAX - 2;
}

static void
break_released(foreign_node *table)
{
    table->children[0]->array.release = NULL;
}

static void
test_hostile_arrays(void **state)
{
    (void)state;
    static void (*const breaks[])(foreign_node *) = {
        break_n_children,     break_child_length,    break_negative_length, break_n_buffers,
        break_missing_values, break_falling_offsets, break_negative_offset, break_utf8,
        break_struct_offset,  break_released};
    sql_env env;
    sql_begin(&env, 1);
    for (int64_t index = 0; index < CN_ARRAY_LEN(breaks); index++) {
        foreign_node *table = foreign_table(0, 10);
        breaks[index](table);
        const cn_code code = register_table(&env, "t", table, 0);
        if (code != CN_INVALID_DATA || strstr(env.err.message, "batch 0 of \"t\"") == NULL) {
            fail_msg("case %lld: %s: %s", (long long)index, cn_code_name((int32_t)code),
                     env.err.message);
        }
        assert_int_equal(table->n_released, 1);
        foreign_free(table);
    }
    SQL_GIVES(&env, "SHOW TABLES", "");
    sql_end(&env);
}

static void
test_hostile_schemas(void **state)
{
    (void)state;
    static const char *const formats[] = {"",    "x",       "d:", "d:77,1", "w:-1",
                                          "+w:", "+ud:200", "ts", "\x80"};
    sql_env env;
    sql_begin(&env, 1);
    for (int64_t index = 0; index < CN_ARRAY_LEN(formats); index++) {
        foreign_node *table = foreign_table(0, 1);
        (void)snprintf(table->children[0]->format, sizeof(table->children[0]->format), "%s",
                       formats[index]);
        const cn_code code = register_table(&env, "t", table, 0);
        if (code != CN_INVALID_DATA && code != CN_NOT_IMPLEMENTED) {
            fail_msg("format \"%s\": %s", formats[index], cn_code_name((int32_t)code));
        }
        assert_int_equal(table->n_released, 1);
        foreign_free(table);
    }
    foreign_node *plain = foreign_i64(0, 3, 0); /* not a struct */
    assert_int_equal(register_table(&env, "t", plain, 0), CN_INVALID_DATA);
    assert_int_equal(plain->n_released, 1);
    foreign_free(plain);
    sql_end(&env);
}

/* ---- streams ---- */

static cn_code
register_stream(sql_env *env, const char *name, test_stream *stream)
{
    struct ArrowArrayStream opened = test_stream_open(stream);
    env->err = (cn_error)CN_ERROR_INIT;
    const cn_code code = cn_session_register_stream(env->session, name, &opened, 0, &env->err);
    assert_null(opened.release); /* consumed whatever happened */
    return code;
}

static void
test_a_stream_is_read_once(void **state)
{
    (void)state;
    sql_env env;
    test_stream stream = TEST_STREAM_INIT;
    stream.n_batches = 100;
    stream.batch_rows = 10;
    sql_begin(&env, 4);
    SQL_OK(&env, register_stream(&env, "s", &stream));
    assert_int_equal(stream.n_given, 0); /* nothing is read before the first scan */
    SQL_GIVES(&env, "DESCRIBE s", "id|BIGINT|YES\nname|VARCHAR|YES\n");
    SQL_GIVES(&env, "SELECT id, name FROM s WHERE id % 250 = 7",
              "7|name 7\n257|name 7\n507|name 7\n757|name 7\n");
    assert_int_equal(stream.n_released, 1);
    SQL_FAILS(&env, "SELECT id FROM s", CN_INVALID_STATE, NULL, NULL, "\"s\" is a stream");
    SQL_OK(&env, cn_session_unregister(env.session, "s", &env.err));
    sql_end(&env);
    assert_int_equal(stream.n_released, 1);
}

static void
test_a_stream_keeps_its_order(void **state)
{
    (void)state;
    sql_env env;
    test_stream stream = TEST_STREAM_INIT;
    stream.n_batches = 300;
    stream.batch_rows = 7;
    sql_begin(&env, 8);
    SQL_OK(&env, register_stream(&env, "s", &stream));
    SQL_OK(&env, cn_session_set(env.session, "chunk_rows", "3", &env.err));
    assert_int_equal(sql_run(&env, "SELECT id FROM s"), CN_OK);
    const char *line = sql_text(&env);
    for (int64_t id = 0; id < 2100; id++) {
        char *end = NULL;
        assert_int_equal(strtoll(line, &end, 10), id);
        line = end + 1;
    }
    sql_end(&env);
}

static void
test_a_limit_ends_an_endless_stream(void **state)
{
    (void)state;
    sql_env env;
    test_stream stream = TEST_STREAM_INIT;
    stream.n_batches = -1;
    stream.batch_rows = 10;
    sql_begin(&env, 2);
    SQL_OK(&env, register_stream(&env, "s", &stream));
    SQL_GIVES(&env, "SELECT id FROM s LIMIT 2 OFFSET 9", "9\n10\n");
    assert_int_equal(stream.n_released, 1);
    sql_end(&env);
}

static void
test_a_stream_that_nobody_reads_is_released(void **state)
{
    (void)state;
    sql_env env;
    test_stream stream = TEST_STREAM_INIT;
    test_stream nameless = TEST_STREAM_INIT;
    test_stream lost = TEST_STREAM_INIT;
    sql_begin(&env, 1);
    SQL_OK(&env, register_stream(&env, "s", &stream));
    assert_int_equal(register_stream(&env, "", &nameless), CN_INVALID_ARGUMENT);
    assert_int_equal(nameless.n_released, 1);
    assert_int_equal(register_stream(&env, "s", &lost), CN_ALREADY_EXISTS);
    assert_int_equal(lost.n_released, 1);
    assert_int_equal(stream.n_released, 0);
    sql_end(&env);
    assert_int_equal(stream.n_released, 1);
}

static void
test_streams_that_fail(void **state)
{
    (void)state;
    sql_env env;
    test_stream no_schema = TEST_STREAM_INIT;
    test_stream breaks = TEST_STREAM_INIT;
    test_stream silent = TEST_STREAM_INIT;
    test_stream changes = TEST_STREAM_INIT;
    no_schema.fail_schema = true;
    breaks.n_batches = silent.n_batches = changes.n_batches = 10;
    breaks.batch_rows = silent.batch_rows = changes.batch_rows = 5;
    breaks.fail_at = 6;
    silent.fail_at = 0;
    silent.no_message = true;
    changes.other_at = 3;
    sql_begin(&env, 4);
    assert_int_equal(register_stream(&env, "a", &no_schema), CN_IO);
    assert_non_null(strstr(env.err.message, "the disk is on fire"));
    assert_int_equal(no_schema.n_released, 1);
    SQL_OK(&env, register_stream(&env, "b", &breaks));
    SQL_FAILS(&env, "SELECT sum(id) FROM b", CN_IO, NULL, NULL, "the disk is on fire");
    SQL_OK(&env, register_stream(&env, "c", &silent));
    SQL_FAILS(&env, "SELECT id FROM c", CN_IO, NULL, NULL, "no message");
    SQL_OK(&env, register_stream(&env, "d", &changes));
    SQL_FAILS(&env, "SELECT sum(id) FROM d", CN_INVALID_DATA, NULL, NULL, "");
    SQL_GIVES(&env, "SELECT 1", "1\n"); /* the session is as good as before */
    sql_end(&env);
    assert_int_equal(breaks.n_released + silent.n_released + changes.n_released, 3);
}

/* ---- frames ---- */

static void
test_frames_are_views(void **state)
{
    (void)state;
    sql_env env;
    cn_frame *frame = NULL;
    foreign_node *table = foreign_table(0, 100);
    sql_begin(&env, 2);
    SQL_OK(&env, register_table(&env, "t", table, 0));
    SQL_OK(&env, cn_session_sql(env.session, "SELECT id * 2 AS twice FROM t WHERE id < 50", &frame,
                                &env.err));
    SQL_OK(&env, cn_session_register_frame(env.session, "f", frame, 0, &env.err));
    cn_frame_free(frame);
    SQL_GIVES(&env, "DESCRIBE f", "twice|BIGINT|YES\n");
    SQL_GIVES(&env, "SELECT twice FROM f WHERE twice > 95", "96\n98\n");
    SQL_GIVES(&env, "SELECT count(*), sum(twice) FROM f", "50|2450\n");
    SQL_GIVES(&env, "SELECT a.twice FROM f a WHERE twice = 4 UNION ALL SELECT twice FROM f LIMIT 3",
              "4\n0\n2\n");
    assert_int_equal(cn_session_unregister(env.session, "f", &env.err), CN_OK);
    sql_end(&env);
    assert_int_equal(table->n_released, 1);
    foreign_free(table);
}

static void
test_frames_of_another_session(void **state)
{
    (void)state;
    sql_env env;
    cn_session *other = NULL;
    cn_frame *frame = NULL;
    foreign_node *table = foreign_table(5, 3);
    sql_begin(&env, 2);
    SQL_OK(&env, cn_session_new(env.engine, &other, &env.err));
    SQL_OK(&env,
           cn_session_register_arrays(other, "t", &table->schema, &table->array, 1, 0, &env.err));
    SQL_OK(&env, cn_session_sql(other, "SELECT id FROM t", &frame, &env.err));
    SQL_OK(&env, cn_session_register_frame(env.session, "f", frame, 0, &env.err));
    cn_frame_free(frame);
    cn_session_free(other);
    SQL_GIVES(&env, "SELECT id FROM f", "5\n6\n7\n");
    sql_end(&env);
    foreign_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays_are_shared_without_a_copy),
        cmocka_unit_test(test_a_result_keeps_the_arrays_alive),
        cmocka_unit_test(test_many_batches_in_order),
        cmocka_unit_test(test_sliced_arrays),
        cmocka_unit_test(test_no_batches_and_no_columns),
        cmocka_unit_test(test_names_and_replacement),
        cmocka_unit_test(test_hostile_arrays),
        cmocka_unit_test(test_hostile_schemas),
        cmocka_unit_test(test_a_stream_is_read_once),
        cmocka_unit_test(test_a_stream_keeps_its_order),
        cmocka_unit_test(test_a_limit_ends_an_endless_stream),
        cmocka_unit_test(test_a_stream_that_nobody_reads_is_released),
        cmocka_unit_test(test_streams_that_fail),
        cmocka_unit_test(test_frames_are_views),
        cmocka_unit_test(test_frames_of_another_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
