/* SPDX-License-Identifier: Apache-2.0
 *
 * Watching a query and stopping it: one thread runs an aggregation over a source without end,
 * another prints its progress (to standard error, since it differs each time) and cancels it after
 * a while. A time limit does the same without a second thread.
 *
 *     cc cancel_progress.c $(pkg-config --cflags --libs colonnade) -pthread -o cancel_progress &&
 * ./cancel_progress
 */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <colonnade/colonnade.h>

/* ---- a stream without end: the same 4,096 numbers again and again ---- */

#define BATCH_ROWS 4096

static int64_t numbers[BATCH_ROWS];
static const void *number_buffers[] = {NULL, numbers};
static const void *no_buffers[] = {NULL};

typedef struct batch {
    struct ArrowArray child;
    struct ArrowArray *children[1];
} batch;

static void
release_child(struct ArrowArray *array)
{
    array->release = NULL;
}

static void
release_batch(struct ArrowArray *array)
{
    free(array->private_data);
    array->release = NULL;
}

static void
release_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static int
endless_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    static struct ArrowSchema child = {.format = "l", .name = "x", .release = release_schema};
    static struct ArrowSchema *children[] = {&child};
    (void)stream;
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = 1,
                                .children = children,
                                .release = release_schema};
    return 0;
}

static int
endless_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    (void)stream;
    batch *made = malloc(sizeof(*made));
    if (made == NULL) {
        return 12;
    }
    made->children[0] = &made->child;
    made->child = (struct ArrowArray){
        .length = BATCH_ROWS, .n_buffers = 2, .buffers = number_buffers, .release = release_child};
    *out = (struct ArrowArray){.length = BATCH_ROWS,
                               .n_buffers = 1,
                               .buffers = no_buffers,
                               .n_children = 1,
                               .children = made->children,
                               .release = release_batch,
                               .private_data = made};
    return 0;
}

static const char *
endless_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "out of memory";
}

static void
endless_release(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

static cn_code
register_endless(cn_session *session, cn_error *err)
{
    struct ArrowArrayStream stream = {.get_schema = endless_schema,
                                      .get_next = endless_next,
                                      .get_last_error = endless_error,
                                      .release = endless_release};
    return cn_session_register_stream(session, "endless", &stream, 1, err);
}

/* ---- the thread that watches ---- */

static void *
watch(void *argument)
{
    cn_query *query = argument;
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    for (int look = 0; look < 5; look++) {
        cn_progress progress = {.struct_size = sizeof progress};
        nanosleep(&pause, NULL);
        if (cn_query_progress(query, &progress, NULL) == CN_OK) {
            fprintf(stderr, "%" PRId64 " rows after %" PRId64 " us\n", progress.rows_scanned,
                    progress.elapsed_us);
        }
    }
    cn_query_cancel(query);
    return NULL;
}

/* Runs the query to its end, which is an error here; prints the code. */
static int
run_to_the_end(cn_query *query, const char *name)
{
    cn_error err = CN_ERROR_INIT;
    struct ArrowArray rows;
    const cn_code code = cn_query_next(query, &rows, &err);
    if (code == CN_OK) {
        if (rows.release != NULL) {
            rows.release(&rows);
        }
        return 1;
    }
    printf("%s: %s\n", name, cn_code_name(code));
    return 0;
}

static int
cancel_one(cn_session *session, cn_error *err)
{
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    pthread_t watcher;
    int status = 1;
    if (register_endless(session, err) == CN_OK &&
        cn_session_sql(session, "SELECT x % 10 AS k, count(*), sum(x) FROM endless GROUP BY k",
                       &frame, err) == CN_OK &&
        cn_frame_start(frame, NULL, &query, err) == CN_OK &&
        pthread_create(&watcher, NULL, watch, query) == 0) {
        status = run_to_the_end(query, "cancelled from another thread");
        pthread_join(watcher, NULL);
    }
    cn_query_free(query);
    cn_frame_free(frame);
    return status;
}

static int
limit_time(cn_session *session, cn_error *err)
{
    const cn_query_options options = {.struct_size = sizeof options, .timeout_ms = 50};
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    int status = 1;
    if (register_endless(session, err) == CN_OK &&
        cn_session_sql(session, "SELECT max(x) FROM endless", &frame, err) == CN_OK &&
        cn_frame_start(frame, &options, &query, err) == CN_OK) {
        status = run_to_the_end(query, "stopped by its time limit");
    }
    cn_query_free(query);
    cn_frame_free(frame);
    return status;
}

int
main(void)
{
    cn_error err = CN_ERROR_INIT;
    cn_engine *engine = NULL;
    cn_session *session = NULL;
    int status = 1;
    for (int64_t i = 0; i < BATCH_ROWS; i++) {
        numbers[i] = i;
    }
    if (cn_engine_new(NULL, &engine, &err) == CN_OK &&
        cn_session_new(engine, &session, &err) == CN_OK) {
        status = cancel_one(session, &err) || limit_time(session, &err);
    }
    if (err.code != CN_OK) {
        fprintf(stderr, "%s\n", err.message);
    }
    cn_session_free(session);
    cn_engine_free(engine);
    return status;
}
