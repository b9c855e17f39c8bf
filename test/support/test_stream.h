/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrow streams made by hand for tests: batches of the id and name table of sql_env.h, as many as
 * asked or without end, that can fail or change their shape on the way. Releases are counted.
 * Header only.
 */
#ifndef CN_TEST_TEST_STREAM_H
#define CN_TEST_TEST_STREAM_H

#include <errno.h>
#include <time.h>

#include "support/sql_env.h"

typedef struct test_stream {
    int64_t n_batches; /* -1 = without end */
    int64_t batch_rows;
    int64_t fail_at;        /* this batch fails with EIO, -1 = none */
    bool fail_schema;       /* get_schema fails */
    bool no_message;        /* get_last_error gives NULL */
    int64_t other_at;       /* this batch has one column only, -1 = none */
    int64_t sleep_us;       /* before each batch */
    cni_atomic_i64 n_given; /* counter */
    int32_t n_released;
    int32_t n_pulling; /* in get_next at this moment: never more than one */
} test_stream;

#define TEST_STREAM_INIT {.fail_at = -1, .other_at = -1}

static inline void
test_batch_release(struct ArrowArray *array)
{
    foreign_node *node = array->private_data;
    foreign_release_array(array);
    foreign_free(node);
}

static inline void
test_schema_release(struct ArrowSchema *schema)
{
    foreign_node *node = schema->private_data;
    schema->release = NULL;
    foreign_free(node);
}

static inline int
test_stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    const test_stream *self = stream->private_data;
    if (self->fail_schema) {
        return EINVAL;
    }
    foreign_node *node = foreign_table(0, 1);
    *out = node->schema;
    out->release = test_schema_release;
    return 0;
}

static inline int
test_stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    test_stream *self = stream->private_data;
    assert_int_equal(__atomic_fetch_add(&self->n_pulling, 1, __ATOMIC_SEQ_CST), 0);
    const int64_t batch = cni_counter_add(&self->n_given, 1);
    int status = 0;
    if (self->sleep_us > 0) {
        const struct timespec pause = {.tv_nsec = self->sleep_us * 1000};
        (void)nanosleep(&pause, NULL);
    }
    *out = (struct ArrowArray){0};
    if (batch == self->fail_at) {
        status = EIO;
    } else if (batch != self->n_batches) {
        foreign_node *node = foreign_table(batch * self->batch_rows, self->batch_rows);
        if (batch == self->other_at) {
            node->array.n_children = 1;
        }
        *out = node->array;
        out->release = test_batch_release;
    }
    (void)__atomic_fetch_sub(&self->n_pulling, 1, __ATOMIC_SEQ_CST);
    return status;
}

static inline const char *
test_stream_error(struct ArrowArrayStream *stream)
{
    const test_stream *self = stream->private_data;
    return self->no_message ? NULL : "the disk is on fire";
}

static inline void
test_stream_release(struct ArrowArrayStream *stream)
{
    test_stream *self = stream->private_data;
    self->n_released++;
    stream->release = NULL;
}

static inline struct ArrowArrayStream
test_stream_open(test_stream *self)
{
    return (struct ArrowArrayStream){.get_schema = test_stream_schema,
                                     .get_next = test_stream_next,
                                     .get_last_error = test_stream_error,
                                     .release = test_stream_release,
                                     .private_data = self};
}

#endif /* CN_TEST_TEST_STREAM_H */
