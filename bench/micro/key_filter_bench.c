/* SPDX-License-Identifier: Apache-2.0
 *
 * What key filters cost and save. First looking rows up alone, per kind: the budget is 0.3 to 1 ns
 * a row for the kinds of integers, 4 ns for hashes. Then, given a file, a Parquet scan of its first
 * column and others under a filter that keeps a share of the first one's values, on one thread,
 * best of ROUNDS, beside no filter at all.
 *
 * usage: key_filter_bench [FILE.parquet COLUMN COLUMN ...]    (the first column holds BIGINT keys)
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "io/format/parquet/parquet_table.h"
#include "plan/table/key_filter.h"

#define ROUNDS      7
#define MAX_COLUMNS 16
#define BATCH       65536
#define BLOCK       16384

typedef struct bench {
    cni_context context;
    cni_table *table;
    int32_t columns[MAX_COLUMNS];
    int32_t n_columns;
    int64_t low;
    int64_t high;
} bench;

static void
check(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        fprintf(stderr, "key_filter_bench: %s\n", err->message);
        exit(1);
    }
}

/* Of this thread: other work on the machine does not count. */
static int64_t
cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t
scramble(uint64_t x)
{
    x = (x ^ (x >> 31)) * UINT64_C(0x9E3779B97F4A7C15);
    return x ^ (x >> 29);
}

/* Every value of [low, high] that a hash keeps, times `step`. */
static cni_key_filter *
keep_share(int64_t low, int64_t high, int64_t step, double share)
{
    static int64_t values[BATCH];
    cn_error err = CN_ERROR_INIT;
    cni_key_filter *filter = NULL;
    cni_key_observation all;
    cni_allocator *allocator = cni_allocator_system();
    const cni_type *type = cni_type_of(CNI_TYPE_INT64);
    check(cni_key_filter_new(allocator, type, &filter, &err), &err);
    cni_key_observation_init(&all, allocator, type);
    for (int32_t pass = 0; pass < 2; pass++) {
        int64_t value = low;
        while (value <= high) {
            int64_t n = 0;
            for (; n < BATCH && value <= high; value++) {
                values[n] = value * step;
                n += (double)(scramble((uint64_t)value) >> 11) * 0x1p-53 < share;
            }
            const cni_vector keys = {
                .type = type, .phys = CNI_PHYS_I64, .n_rows = n, .data = values};
            check(pass == 0 ? cni_key_observe(&all, &keys, &err)
                            : cni_key_filter_insert(filter, &keys, &err),
                  &err);
        }
        if (pass == 0) {
            check(cni_key_filter_prepare(filter, &all, &err), &err);
        }
    }
    cni_key_filter_seal(filter);
    cni_key_observation_done(&all);
    return filter;
}

static void
report_lookup(const char *name, int64_t high, int64_t step, double share)
{
    static int64_t values[BLOCK];
    static uint64_t bits[BLOCK / 64];
    static const char *const kinds[] = {"pass", "none", "range", "list", "bitmap", "bloom"};
    cn_error err = CN_ERROR_INIT;
    cni_key_filter *filter = keep_share(0, high, step, share);
    const cni_vector keys = {
        .type = cni_type_of(CNI_TYPE_INT64), .phys = CNI_PHYS_I64, .n_rows = BLOCK, .data = values};
    int64_t best_ns = INT64_MAX;
    int64_t n_left = 0;
    for (int64_t row = 0; row < BLOCK; row++) {
        values[row] =
            (int64_t)(scramble((uint64_t)row) % (uint64_t)(step > 1 ? high * 16 : high + 1)) * step;
    }
    for (int32_t round = 0; round < 200; round++) {
        memset(bits, 0xFF, sizeof(bits));
        const int64_t begin_ns = cpu_ns();
        check(cni_key_filter_select(filter, &keys, bits, &n_left, &err), &err);
        best_ns = cni_min_i64(best_ns, cpu_ns() - begin_ns);
    }
    printf("%-28s %-7s %6.2f ns/row, keeps %5.1f %%\n", name, kinds[cni_key_filter_kind_of(filter)],
           (double)best_ns / BLOCK, 100.0 * (double)n_left / BLOCK);
    cni_key_filter_unref(filter);
}

/* One scan, its rows only counted; NULL = no filter. */
static int64_t
scan_ns(bench *self, cni_key_filter *filter, int64_t *out_rows)
{
    cn_error err = CN_ERROR_INIT;
    cni_scan *scan = NULL;
    void *local = NULL;
    cni_chunk chunk;
    int64_t morsel = 0;
    const int64_t begin_ns = cpu_ns();
    const cni_scan_key_filter key = {.table_column = self->columns[0], .filter = filter};
    const cni_scan_request request = {.n_columns = self->n_columns,
                                      .table_columns = self->columns,
                                      .limit = CNI_NO_LIMIT,
                                      .n_key_filters = filter != NULL,
                                      .key_filters = &key};
    check(self->table->ops->open_scan(self->table, &request, &self->context, &scan, &err), &err);
    check(scan->ops->open_local(scan, &local, &err), &err);
    cni_chunk_init(&chunk, self->context.allocator);
    *out_rows = 0;
    while (scan->ops->next_morsel(scan, (cni_waker){NULL}, &morsel) == CNI_MORSEL_TAKEN) {
        cni_read_answer answer = CNI_READ_CHUNK;
        while (answer == CNI_READ_CHUNK) {
            cni_chunk_reset(&chunk);
            check(scan->ops->read(scan, local, morsel, (cni_waker){NULL}, &chunk, &answer, &err),
                  &err);
            *out_rows += chunk.n_rows;
            answer = chunk.ends_morsel ? CNI_READ_END : answer;
        }
    }
    cni_chunk_done(&chunk);
    scan->ops->close_local(scan, local);
    cni_scan_close(scan);
    return cpu_ns() - begin_ns;
}

static void
report_scan(bench *self, const char *name, double share)
{
    int64_t best_ns = INT64_MAX;
    int64_t n_rows = 0;
    for (int32_t round = 0; round < ROUNDS; round++) { /* a filter each: it counts */
        cni_key_filter *filter = share < 0 ? NULL : keep_share(self->low, self->high, 1, share);
        best_ns = cni_min_i64(best_ns, scan_ns(self, filter, &n_rows));
        cni_key_filter_unref(filter);
    }
    printf("%-28s %9.2f ms, %lld rows\n", name, (double)best_ns * 1e-6, (long long)n_rows);
}

static void
choose_columns(bench *self, int argc, char **argv)
{
    const cni_schema *schema = self->table->schema;
    for (int arg = 2; arg < argc && self->n_columns < MAX_COLUMNS; arg++) {
        for (int32_t field = 0; field < schema->n_fields; field++) {
            if (cni_str_eq(schema->fields[field].name, cni_str_of(argv[arg]))) {
                self->columns[self->n_columns++] = field;
            }
        }
    }
}

static void
find_bounds(bench *self, cni_arena *arena)
{
    cn_error err = CN_ERROR_INIT;
    cni_table_stats stats;
    check(self->table->ops->statistics(self->table, arena, &stats, &err), &err);
    self->low = stats.columns[self->columns[0]].low.as.i64;
    self->high = stats.columns[self->columns[0]].high.as.i64;
}

int
main(int argc, char **argv)
{
    bench self = {.n_columns = 0};
    cn_error err = CN_ERROR_INIT;
    cni_budget *root = NULL;
    cni_pool *pool = NULL;
    cni_arena *arena = NULL;
    const cni_parquet_options options = {.binary_as_string = false};
    cni_exec_settings settings = cni_exec_settings_default();
    report_lookup("64 Ki values", 65535, 1, 0.5);
    report_lookup("6 M values", 6000000, 1, 0.1);
    report_lookup("10 values far apart", 10, INT64_C(1) << 40, 0.9);
    report_lookup("60 values far apart", 60, INT64_C(1) << 40, 0.9);
    report_lookup("all of 1 M", 1000000, 1, 2.0);
    report_lookup("100 K values far apart", 1000000, INT64_C(1) << 30, 0.1);
    if (argc < 3) {
        return 0;
    }
    const cni_str path = cni_str_of(argv[1]);
    settings.n_threads = 1;
    check(cni_budget_new_root("bench", INT64_C(4) << 30, NULL, &root, &err), &err);
    check(cni_pool_new(cni_budget_allocator(root), 1, NULL, NULL, &pool, &err), &err);
    check(cni_context_init(&self.context, root, INT64_C(4) << 30, pool, &settings, &err), &err);
    check(cni_arena_new(cni_allocator_system(), "bench", &arena, &err), &err);
    check(cni_parquet_table_new(&self.context, NULL, &path, 1, &options, NULL, &self.table, &err),
          &err);
    choose_columns(&self, argc, argv);
    find_bounds(&self, arena);
    report_scan(&self, "no filter", -1);
    report_scan(&self, "keeps 0.01 %", 0.0001);
    report_scan(&self, "keeps 1 %", 0.01);
    report_scan(&self, "keeps 10 %", 0.1);
    report_scan(&self, "keeps 50 %", 0.5);
    report_scan(&self, "keeps 90 %", 0.9);
    cni_arena_unref(arena);
    cni_table_unref(self.table);
    cni_context_done(&self.context);
    cni_pool_free(pool);
    cni_budget_unref(root);
    return 0;
}
