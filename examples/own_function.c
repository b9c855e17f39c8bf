/* SPDX-License-Identifier: Apache-2.0
 *
 * A scalar function of your own: binomial(n, k), the ways to choose k of n things, used in a query
 * over a Parquet file. The engine calls it with whole columns, from several threads at once; NULLs,
 * casts and constants are its business.
 *
 *     cc own_function.c $(pkg-config --cflags --libs colonnade) -o own_function && ./own_function
 * path/to/tpch
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <colonnade/extension.h>

/* The result: one block with the values behind the struct's buffer list. */
typedef struct result {
    const void *buffers[2];
    int64_t values[];
} result;

static void
release_result(struct ArrowArray *array)
{
    free(array->private_data);
    array->release = NULL;
}

/* -1 when the arguments are wrong or the result does not fit. */
static int64_t
binomial(int64_t n, int64_t k)
{
    int64_t ways = 1;
    if (k < 0 || n < k) {
        return -1;
    }
    for (int64_t i = 1; i <= k; i++) {
        if (ways > INT64_MAX / (n - k + i)) {
            return -1;
        }
        ways = ways * (n - k + i) / i; /* exact at every step */
    }
    return ways;
}

/* A constant argument has one row, which stands for all. */
static int64_t
value_at(const struct ArrowArray *arg, int64_t row)
{
    const int64_t *values = arg->buffers[1];
    return values[arg->offset + (arg->length == 1 ? 0 : row)];
}

static int
call_binomial(void *private_data, const struct ArrowArray *const *args, int64_t n_rows,
              struct ArrowArray *out_result, cn_error *err)
{
    (void)private_data;
    result *made = malloc(sizeof(*made) + (size_t)n_rows * sizeof(made->values[0]));
    if (made == NULL) {
        cn_error_report(err, CN_NO_MEMORY, "no memory for %" PRId64 " rows", n_rows);
        return ENOMEM;
    }
    for (int64_t row = 0; row < n_rows; row++) {
        const int64_t n = value_at(args[0], row);
        const int64_t k = value_at(args[1], row);
        made->values[row] = binomial(n, k);
        if (made->values[row] < 0) {
            free(made);
            cn_error_report(err, CN_INVALID_ARGUMENT,
                            "%" PRId64 " over %" PRId64 " is not possible", n, k);
            return EDOM;
        }
    }
    made->buffers[0] = NULL; /* no NULLs: the engine puts back those of the arguments */
    made->buffers[1] = made->values;
    *out_result = (struct ArrowArray){.length = n_rows,
                                      .n_buffers = 2,
                                      .buffers = made->buffers,
                                      .release = release_result,
                                      .private_data = made};
    return 0;
}

static int
print_rows(struct ArrowArrayStream *rows)
{
    struct ArrowArray batch;
    int status;
    while ((status = rows->get_next(rows, &batch)) == 0 && batch.release != NULL) {
        for (int64_t row = 0; row < batch.length; row++) {
            printf("%" PRId64 ": %" PRId64 "\n", value_at(batch.children[0], row),
                   value_at(batch.children[1], row));
        }
        batch.release(&batch);
    }
    if (status != 0) {
        fprintf(stderr, "%s\n", rows->get_last_error(rows));
    }
    return status;
}

int
main(int argc, char **argv)
{
    static const char *const types[] = {"l", "l"}; /* two BIGINT */
    const cn_scalar_function function = {.struct_size = sizeof function,
                                         .version = CN_EXTENSION_VERSION,
                                         .name = "binomial",
                                         .description = "The ways to choose k of n things.",
                                         .n_args = 2,
                                         .arg_formats = types,
                                         .result_format = "l",
                                         .flags = CN_FUNCTION_MAY_FAIL,
                                         .call = call_binomial};
    cn_error err = CN_ERROR_INIT;
    cn_engine *engine = NULL;
    cn_session *session = NULL;
    struct ArrowArrayStream rows;
    char sql[4096];
    int status = 1;
    snprintf(sql, sizeof sql,
             "SELECT binomial(l_linenumber + 1, 2) AS pairs, count(*) FROM '%s/lineitem.parquet' "
             "GROUP BY pairs ORDER BY pairs",
             argc > 1 ? argv[1] : ".");
    if (cn_engine_new(NULL, &engine, &err) == CN_OK &&
        cn_session_new(engine, &session, &err) == CN_OK &&
        cn_session_register_function(session, &function, &err) == CN_OK &&
        cn_session_execute(session, sql, &rows, &err) == CN_OK) {
        status = print_rows(&rows);
        rows.release(&rows);
    } else {
        fprintf(stderr, "%s\n", err.message);
    }
    cn_session_free(session);
    cn_engine_free(engine);
    return status;
}
