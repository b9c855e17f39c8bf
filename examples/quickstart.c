/* SPDX-License-Identifier: Apache-2.0
 *
 * SQL over a Parquet file, read as an Arrow C stream: the program of the project's README.
 *
 *     cc quickstart.c $(pkg-config --cflags --libs colonnade) -o quickstart
 *     ./quickstart path/to/tpch
 *
 * Any Arrow library takes the stream as it is; here its one batch of two integers is read by hand.
 */
#include <inttypes.h>
#include <stdio.h>

#include <colonnade/colonnade.h>

/* Prints the batches of a stream whose columns are all BIGINT without nulls. */
static int
print_rows(struct ArrowArrayStream *rows)
{
    struct ArrowArray batch;
    while (rows->get_next(rows, &batch) == 0) {
        if (batch.release == NULL) {
            return 0;
        }
        for (int64_t row = 0; row < batch.length; row++) {
            for (int64_t i = 0; i < batch.n_children; i++) {
                const struct ArrowArray *column = batch.children[i];
                const int64_t *values = column->buffers[1];
                printf("%s%" PRId64, i > 0 ? " " : "", values[row + column->offset]);
            }
            printf("\n");
        }
        batch.release(&batch);
    }
    fprintf(stderr, "%s\n", rows->get_last_error(rows));
    return 1;
}

int
main(int argc, char **argv)
{
    char sql[4096];
    snprintf(sql, sizeof sql, "SELECT count(*), count(DISTINCT o_custkey) FROM '%s/orders.parquet'",
             argc > 1 ? argv[1] : ".");

    cn_error err = CN_ERROR_INIT;
    cn_engine *engine = NULL;
    cn_session *session = NULL;
    cn_frame *frame = NULL;
    struct ArrowArrayStream rows;
    int status = 1;
    if (cn_engine_new(NULL, &engine, &err) == CN_OK &&
        cn_session_new(engine, &session, &err) == CN_OK &&
        cn_session_sql(session, sql, &frame, &err) == CN_OK &&
        cn_frame_stream(frame, &rows, &err) == CN_OK) {
        status = print_rows(&rows);
        rows.release(&rows);
    } else {
        fprintf(stderr, "%s\n", err.message);
    }
    cn_frame_free(frame);
    cn_session_free(session);
    cn_engine_free(engine);
    return status;
}
