/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrow in, Arrow out: an array of the program becomes a table without a copy, a query with a
 * parameter runs over it, and its result, which stays valid when everything else is gone, becomes a
 * table again.
 *
 *     cc arrow_in_out.c $(pkg-config --cflags --libs colonnade) -o arrow_in_out && ./arrow_in_out
 */
#include <inttypes.h>
#include <stdio.h>

#include <colonnade/colonnade.h>

/* ---- a batch of the program: static memory, so that release has nothing to free ---- */

static const int64_t ids[] = {1, 2, 3, 4, 5, 6};
static const double prices[] = {9.5, 120.0, 15.25, 80.0, 7.0, 240.5};
static const void *id_buffers[] = {NULL, ids};
static const void *price_buffers[] = {NULL, prices};
static const void *no_buffers[] = {NULL};

static int n_released;

static void
release_array(struct ArrowArray *array)
{
    n_released++;
    array->release = NULL;
}

static void
release_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static struct ArrowArray id_array = {
    .length = 6, .n_buffers = 2, .buffers = id_buffers, .release = release_array};
static struct ArrowArray price_array = {
    .length = 6, .n_buffers = 2, .buffers = price_buffers, .release = release_array};
static struct ArrowArray *arrays[] = {&id_array, &price_array};
static struct ArrowSchema id_schema = {.format = "l", .name = "id", .release = release_schema};
static struct ArrowSchema price_schema = {
    .format = "g", .name = "price", .release = release_schema};
static struct ArrowSchema *schemas[] = {&id_schema, &price_schema};

static cn_code
register_items(cn_session *session, cn_error *err)
{
    struct ArrowSchema schema = {.format = "+s",
                                 .name = "",
                                 .n_children = 2,
                                 .children = schemas,
                                 .release = release_schema};
    struct ArrowArray array = {.length = 6,
                               .n_buffers = 1,
                               .buffers = no_buffers,
                               .n_children = 2,
                               .children = arrays,
                               .release = release_array};
    return cn_session_register_arrays(session, "items", &schema, &array, 1, 0, err);
}

/* ---- a parameter: one row, whose first field is $1 ---- */

static const double bound[] = {50.0};
static const void *bound_buffers[] = {NULL, bound};
static struct ArrowArray bound_array = {
    .length = 1, .n_buffers = 2, .buffers = bound_buffers, .release = release_array};
static struct ArrowArray *bound_arrays[] = {&bound_array};
static struct ArrowSchema bound_schema = {.format = "g", .name = "1", .release = release_schema};
static struct ArrowSchema *bound_schemas[] = {&bound_schema};

static cn_code
plan_dear_items(cn_session *session, cn_frame **out_frame, cn_error *err)
{
    struct ArrowSchema schema = {.format = "+s",
                                 .name = "",
                                 .n_children = 1,
                                 .children = bound_schemas,
                                 .release = release_schema};
    struct ArrowArray row = {.length = 1,
                             .n_buffers = 1,
                             .buffers = no_buffers,
                             .n_children = 1,
                             .children = bound_arrays,
                             .release = release_array};
    return cn_session_sql_with(session, "SELECT id, price * 2 AS twice FROM items WHERE price > $1",
                               &schema, &row, out_frame, err);
}

/* Reads the stream's rows through a second session: what one query gives, another takes. */
static cn_code
count_rows(cn_engine *engine, struct ArrowArrayStream *own_rows, int64_t *out_sum, cn_error *err)
{
    cn_session *session = NULL;
    struct ArrowArrayStream rows;
    struct ArrowArray batch;
    cn_code code = cn_session_new(engine, &session, err);
    if (code == CN_OK) {
        code = cn_session_register_stream(session, "dear", own_rows, 0, err);
    }
    if (code == CN_OK) {
        code = cn_session_execute(session, "SELECT max(id) FROM dear", &rows, err);
    }
    cn_session_free(session);
    if (code == CN_OK && rows.get_next(&rows, &batch) == 0 && batch.release != NULL) {
        *out_sum = ((const int64_t *)batch.children[0]->buffers[1])[0];
        batch.release(&batch);
    }
    if (code == CN_OK) {
        rows.release(&rows);
    }
    return code;
}

int
main(void)
{
    cn_error err = CN_ERROR_INIT;
    cn_engine *engine = NULL;
    cn_session *session = NULL;
    cn_frame *frame = NULL;
    struct ArrowArrayStream rows;
    struct ArrowArray batch = {0};
    int64_t largest = 0;
    cn_code code = cn_engine_new(NULL, &engine, &err);
    code = code == CN_OK ? cn_session_new(engine, &session, &err) : code;
    code = code == CN_OK ? register_items(session, &err) : code;
    code = code == CN_OK ? plan_dear_items(session, &frame, &err) : code;
    code = code == CN_OK ? cn_frame_stream(frame, &rows, &err) : code;
    if (code == CN_OK) {
        if (rows.get_next(&rows, &batch) != 0) {
            cn_stream_error(&rows, &err);
            code = (cn_code)err.code;
        }
        rows.release(&rows);
    }
    if (code == CN_OK && cn_frame_stream(frame, &rows, &err) == CN_OK) {
        code = count_rows(engine, &rows, &largest, &err);
    }
    cn_frame_free(frame);
    cn_session_free(session);
    cn_engine_free(engine);
    if (code != CN_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    /* No handle is left; the batch still is what it was. */
    for (int64_t row = 0; row < batch.length; row++) {
        const int64_t *id = batch.children[0]->buffers[1];
        const double *twice = batch.children[1]->buffers[1];
        printf("%" PRId64 " %.1f\n", id[batch.children[0]->offset + row],
               twice[batch.children[1]->offset + row]);
    }
    batch.release(&batch);
    printf("largest id %" PRId64 "\n", largest);
    printf("%d arrays released\n", n_released);
    return 0;
}
