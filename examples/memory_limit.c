/* SPDX-License-Identifier: Apache-2.0
 *
 * A query that is larger than its memory: the engine gets 32 MiB, a window over 1.2 million rows
 * needs several times that, and what does not fit goes to temporary files and comes back. Without
 * a place for such files the same query is refused by name, and the engine goes on.
 *
 *     cc memory_limit.c $(pkg-config --cflags --libs colonnade) -o memory_limit &&
 * ./memory_limit test/data/tpch
 */
#include <inttypes.h>
#include <stdio.h>

#include <colonnade/colonnade.h>

#define MIB (INT64_C(1) << 20)

/* The longest comment of each part's lines, and how many there are. */
#define QUERY                                                                                      \
    "SELECT count(*), sum(length(l_comment)) FROM ("                                               \
    " SELECT l_comment, row_number() OVER (PARTITION BY copy, l_partkey"                           \
    "                                      ORDER BY length(l_comment) DESC, l_comment) AS n"       \
    " FROM '%s/lineitem.parquet',"                                                                 \
    "      (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10),"                             \
    "              (11), (12), (13), (14), (15), (16), (17), (18), (19), (20)) AS c(copy)"         \
    ") AS t WHERE n = 1"

/* The result has one batch of one row. */
static void
print_row(const struct ArrowArray *row)
{
    const int64_t *count = row->children[0]->buffers[1];
    const int64_t *length = row->children[1]->buffers[1];
    printf("%" PRId64 " longest comments, %" PRId64 " characters\n", count[0], length[0]);
}

static cn_code
run(cn_session *session, const char *sql, cn_progress *out_progress, cn_error *err)
{
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    struct ArrowArray rows = {.release = NULL};
    cn_code code = cn_session_sql(session, sql, &frame, err);
    if (code == CN_OK) {
        code = cn_frame_start(frame, NULL, &query, err);
    }
    if (code == CN_OK) {
        code = cn_query_next(query, &rows, err);
    }
    if (code == CN_OK) {
        code = cn_query_progress(query, out_progress, err);
    }
    if (rows.release != NULL) {
        print_row(&rows);
        rows.release(&rows);
    }
    cn_query_free(query);
    cn_frame_free(frame);
    return code;
}

/* The same query in an engine with these options; prints what became of it. */
static int
run_with(const char *name, const cn_engine_options *options, const char *sql, cn_code expected)
{
    cn_error err = CN_ERROR_INIT;
    cn_engine *engine = NULL;
    cn_session *session = NULL;
    cn_progress progress = {.struct_size = sizeof progress};
    cn_code code = cn_engine_new(options, &engine, &err);
    if (code == CN_OK) {
        code = cn_session_new(engine, &session, &err);
    }
    if (code == CN_OK) {
        printf("%s: ", name);
        code = run(session, sql, &progress, &err);
    }
    if (code == CN_OK) {
        fprintf(stderr, "%s: peak %" PRId64 " KiB, written %" PRId64 " KiB\n", name,
                progress.memory_peak_bytes / 1024, progress.spilled_bytes / 1024);
    } else {
        printf("%s\n", cn_code_name(code));
    }
    cn_session_free(session);
    cn_engine_free(engine);
    if (code != expected && code != CN_OK) {
        fprintf(stderr, "%s\n", err.message);
    }
    return code == expected && progress.memory_peak_bytes <= options->memory_limit_bytes ? 0 : 1;
}

int
main(int argc, char **argv)
{
    char sql[2048];
    if (argc != 2) {
        fprintf(stderr, "usage: memory_limit FOLDER\n");
        return 2;
    }
    const int length = snprintf(sql, sizeof sql, QUERY, argv[1]);
    if (length < 0 || (size_t)length >= sizeof sql) {
        return 2;
    }
    const cn_engine_options small = {.struct_size = sizeof small, .memory_limit_bytes = 32 * MIB};
    const cn_engine_options nowhere = {
        .struct_size = sizeof nowhere, .memory_limit_bytes = 32 * MIB, .temp_directory = ""};
    return run_with("in 32 MiB", &small, sql, CN_OK) ||
           run_with("without temporary files", &nowhere, sql, CN_BUDGET_EXCEEDED);
}
