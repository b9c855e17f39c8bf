/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of your own: the squares 0, 1, 4, 9 ... of a million numbers that exist nowhere, computed
 * while the query asks for them. The table says which filters it applies itself, and learns which
 * columns and how many rows are wanted.
 *
 *     cc own_table.c $(pkg-config --cflags --libs colonnade) -o own_table && ./own_table
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <colonnade/extension.h>

#define N_NUMBERS  INT64_C(1000000)
#define BATCH_ROWS INT64_C(8192)

/* ---- Arrow structs made by hand; an Arrow library (nanoarrow, for example) does the same ---- */

static const char *const column_names[] = {"n", "square"};

static void
release_schema(struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        free(schema->children[i]);
    }
    free(schema->children);
    schema->release = NULL;
}

static void
release_leaf(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

/* A struct of BIGINT columns. */
static int
make_schema(const int32_t *columns, int32_t n_columns, struct ArrowSchema *out)
{
    *out = (struct ArrowSchema){.format = "+s", .name = "", .release = release_schema};
    out->children = calloc((size_t)n_columns + 1, sizeof(*out->children));
    if (out->children == NULL) {
        return ENOMEM;
    }
    for (; out->n_children < n_columns; out->n_children++) {
        struct ArrowSchema *child = malloc(sizeof(*child));
        if (child == NULL) {
            release_schema(out);
            return ENOMEM;
        }
        *child = (struct ArrowSchema){
            .format = "l", .name = column_names[columns[out->n_children]], .release = release_leaf};
        out->children[out->n_children] = child;
    }
    return 0;
}

/* One block of memory holds a batch: the structs, then two columns of values. */
typedef struct batch {
    struct ArrowArray arrays[2];
    struct ArrowArray *children[2];
    const void *no_buffers[1];
    const void *buffers[2][2];
    int64_t values[2][BATCH_ROWS];
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

/* ---- one scan ---- */

typedef struct scan {
    int32_t n_columns;
    int32_t columns[2];
    int64_t next; /* the number that comes next */
    int64_t end;
} scan;

static int
scan_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    const scan *self = stream->private_data;
    return make_schema(self->columns, self->n_columns, out);
}

static int
scan_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    scan *self = stream->private_data;
    *out = (struct ArrowArray){0}; /* without a release it is the end */
    if (self->next >= self->end) {
        return 0;
    }
    const int64_t left = self->end - self->next;
    const int64_t n_rows = left < BATCH_ROWS ? left : BATCH_ROWS;
    batch *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ENOMEM;
    }
    for (int32_t i = 0; i < self->n_columns; i++) {
        for (int64_t row = 0; row < n_rows; row++) {
            const int64_t n = self->next + row;
            made->values[i][row] = self->columns[i] == 0 ? n : n * n;
        }
        made->buffers[i][1] = made->values[i];
        made->arrays[i] = (struct ArrowArray){.length = n_rows,
                                              .n_buffers = 2,
                                              .buffers = made->buffers[i],
                                              .release = release_child};
        made->children[i] = &made->arrays[i];
    }
    *out = (struct ArrowArray){.length = n_rows,
                               .n_buffers = 1,
                               .buffers = made->no_buffers,
                               .n_children = self->n_columns,
                               .children = made->children,
                               .release = release_batch,
                               .private_data = made};
    self->next += n_rows;
    return 0;
}

static const char *
scan_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "out of memory";
}

static void
scan_release(struct ArrowArrayStream *stream)
{
    free(stream->private_data);
    stream->release = NULL;
}

/* ---- the table ---- */

typedef struct squares {
    int64_t n_given; /* of the last scan: how far it could have gone */
} squares;

static int
table_schema(void *private_data, struct ArrowSchema *out, cn_error *err)
{
    static const int32_t all[] = {0, 1};
    (void)private_data;
    (void)err;
    return make_schema(all, 2, out);
}

/* n >= literal and n < literal are applied here, exactly; the engine does the rest. */
static int32_t
table_supports_filter(void *private_data, const cn_filter *filter)
{
    int64_t number = 0;
    const int32_t op = cn_filter_get_op(filter);
    (void)private_data;
    return cn_filter_get_column(filter) == 0 && cn_filter_get_int64(filter, &number) != 0 &&
                   (op == CN_FILTER_GE || op == CN_FILTER_LT)
               ? CN_FILTER_EXACT
               : CN_FILTER_UNSUPPORTED;
}

static int
table_scan(void *private_data, const cn_table_scan *request, struct ArrowArrayStream *out_rows,
           cn_error *err)
{
    squares *table = private_data;
    scan *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        cn_error_report(err, CN_NO_MEMORY, "no memory for a scan of the squares");
        return ENOMEM;
    }
    self->end = N_NUMBERS;
    self->n_columns = request->n_columns;
    for (int32_t i = 0; i < request->n_columns; i++) {
        self->columns[i] = request->columns[i];
    }
    for (int32_t i = 0; i < request->n_filters; i++) {
        int64_t number = 0;
        (void)cn_filter_get_int64(request->filters[i], &number);
        if (cn_filter_get_op(request->filters[i]) == CN_FILTER_GE) {
            self->next = number > self->next ? number : self->next;
        } else {
            self->end = number < self->end ? number : self->end;
        }
    }
    if (request->limit >= 0 && self->end - self->next > request->limit) {
        self->end = self->next + request->limit; /* more would not be looked at */
    }
    table->n_given = self->end > self->next ? self->end - self->next : 0;
    *out_rows = (struct ArrowArrayStream){.get_schema = scan_schema,
                                          .get_next = scan_next,
                                          .get_last_error = scan_error,
                                          .release = scan_release,
                                          .private_data = self};
    return 0;
}

static int64_t
table_row_count(void *private_data)
{
    (void)private_data;
    return N_NUMBERS;
}

/* ---- queries over it ---- */

/* The BIGINT values of the first batch on one line; DECIMAL(38,0) sums come as 128 bits, of which
 * the low half says it here. */
static int
run(cn_session *session, const squares *table, const char *sql, cn_error *err)
{
    struct ArrowArrayStream rows;
    struct ArrowArray first;
    if (cn_session_execute(session, sql, &rows, err) != CN_OK) {
        return 1;
    }
    int status = rows.get_next(&rows, &first);
    if (status != 0 || first.release == NULL) {
        cn_stream_error(&rows, err);
        rows.release(&rows);
        return 1;
    }
    printf("%s\n ", sql);
    for (int64_t i = 0; i < first.n_children; i++) {
        const int64_t *values = first.children[i]->buffers[1];
        printf(" %" PRId64, values[first.children[i]->offset]);
    }
    printf("  (%" PRId64 " rows asked for)\n", table->n_given);
    first.release(&first);
    rows.release(&rows);
    return status;
}

int
main(void)
{
    cn_error err = CN_ERROR_INIT;
    cn_engine *engine = NULL;
    cn_session *session = NULL;
    squares table = {0};
    const cn_table_provider provider = {.struct_size = sizeof provider,
                                        .version = CN_EXTENSION_VERSION,
                                        .private_data = &table,
                                        .schema = table_schema,
                                        .scan = table_scan,
                                        .supports_filter = table_supports_filter,
                                        .row_count = table_row_count};
    int status = 1;
    if (cn_engine_new(NULL, &engine, &err) == CN_OK &&
        cn_session_new(engine, &session, &err) == CN_OK &&
        cn_session_register_table(session, "squares", &provider, 0, &err) == CN_OK) {
        status =
            run(session, &table, "SELECT count(*), max(square) FROM squares", &err) ||
            run(session, &table, "SELECT square FROM squares WHERE n >= 1000 LIMIT 1", &err) ||
            run(session, &table,
                "SELECT count(*) FROM squares WHERE n >= 10 AND n < 20 AND square % 2 = 0", &err);
    }
    if (status != 0) {
        fprintf(stderr, "%s\n", err.message);
    }
    cn_session_free(session);
    cn_engine_free(engine);
    return status;
}
