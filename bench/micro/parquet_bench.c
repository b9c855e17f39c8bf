/* SPDX-License-Identifier: Apache-2.0
 *
 * What reading Parquet costs without an engine above it: every column of a file alone, then all of
 * them together, on one thread. Best of ROUNDS, milliseconds and nanoseconds per value; the budget
 * is PLAIN numbers under snappy at 5 ns a value, dictionary-encoded ones at 1 ns.
 *
 * usage: parquet_bench FILE.parquet
 */
#include <stdio.h>
#include <stdlib.h>

#include "io/format/parquet/parquet_table.h"

#define ROUNDS      7
#define MAX_COLUMNS 256

typedef struct bench {
    cni_context context;
    cni_table *table;
    int64_t n_rows;
} bench;

static void
check(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        fprintf(stderr, "parquet_bench: %s\n", err->message);
        exit(1);
    }
}

/* One scan of some columns, its rows only counted. */
static int64_t
scan_ns(bench *self, const int32_t *columns, int32_t n_columns)
{
    cn_error err = CN_ERROR_INIT;
    cni_scan *scan = NULL;
    void *local = NULL;
    cni_chunk chunk;
    int64_t morsel = 0;
    const int64_t begin_ns = cni_clock_ns();
    const cni_scan_request request = {
        .n_columns = n_columns, .table_columns = columns, .limit = CNI_NO_LIMIT};
    check(self->table->ops->open_scan(self->table, &request, &self->context, &scan, &err), &err);
    check(scan->ops->open_local(scan, &local, &err), &err);
    cni_chunk_init(&chunk, self->context.allocator);
    self->n_rows = 0;
    while (scan->ops->next_morsel(scan, (cni_waker){NULL}, &morsel) == CNI_MORSEL_TAKEN) {
        cni_read_answer answer = CNI_READ_CHUNK;
        while (answer == CNI_READ_CHUNK) {
            cni_chunk_reset(&chunk);
            check(scan->ops->read(scan, local, morsel, (cni_waker){NULL}, &chunk, &answer, &err),
                  &err);
            self->n_rows += chunk.n_rows;
            answer = chunk.ends_morsel ? CNI_READ_END : answer;
        }
    }
    cni_chunk_done(&chunk);
    scan->ops->close_local(scan, local);
    cni_scan_close(scan);
    return cni_clock_ns() - begin_ns;
}

static void
report(bench *self, cni_str name, const int32_t *columns, int32_t n_columns)
{
    int64_t best_ns = INT64_MAX;
    for (int32_t round = 0; round < ROUNDS; round++) {
        best_ns = cni_min_i64(best_ns, scan_ns(self, columns, n_columns));
    }
    const double n_values = (double)self->n_rows * (double)n_columns;
    printf("%-24.*s %9.2f ms %7.2f ns/value\n", CNI_STR_ARGS(name), (double)best_ns * 1e-6,
           n_values > 0 ? (double)best_ns / n_values : 0.0);
}

int
main(int argc, char **argv)
{
    bench self = {.n_rows = 0};
    cn_error err = CN_ERROR_INIT;
    cni_budget *root = NULL;
    cni_pool *pool = NULL;
    int32_t columns[MAX_COLUMNS];
    int32_t n_columns = 0;
    const cni_parquet_options options = {.binary_as_string = false};
    cni_exec_settings settings = cni_exec_settings_default();
    if (argc != 2) {
        fprintf(stderr, "usage: parquet_bench FILE.parquet\n");
        return 2;
    }
    const cni_str path = cni_str_of(argv[1]);
    settings.n_threads = 1;
    check(cni_budget_new_root("bench", INT64_C(4) << 30, NULL, &root, &err), &err);
    check(cni_pool_new(cni_budget_allocator(root), 1, NULL, NULL, &pool, &err), &err);
    check(cni_context_init(&self.context, root, INT64_C(4) << 30, pool, &settings, &err), &err);
    check(cni_parquet_table_new(&self.context, NULL, &path, 1, &options, NULL, &self.table, &err),
          &err);
    const cni_schema *schema = self.table->schema;
    for (int32_t field = 0; field < schema->n_fields && n_columns < MAX_COLUMNS; field++) {
        if (!cni_type_is_nested(schema->fields[field].type)) {
            columns[n_columns] = field;
            report(&self, schema->fields[field].name, &columns[n_columns++], 1);
        }
    }
    report(&self, CNI_STR("all"), columns, n_columns);
    cni_table_unref(self.table);
    cni_context_done(&self.context);
    cni_pool_free(pool);
    cni_budget_unref(root);
    return 0;
}
