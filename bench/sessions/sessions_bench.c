/* SPDX-License-Identifier: Apache-2.0
 *
 * Many sessions under one memory budget: small queries in a closed loop beside huge ones. Prints
 * failures by kind, latencies, memory before and after; see README.md beside it.
 */
#include <colonnade/colonnade.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_SESSIONS  256
#define MAX_LATENCIES 65536
#define N_CODES       32
#define N_HUGE        5
#define MS            1000000.0

static const char *const huge_queries[N_HUGE] = {
    "select count(*), sum(c) from (select l_orderkey, l_partkey, l_suppkey, count(*) as c from "
    "lineitem group by l_orderkey, l_partkey, l_suppkey) t",
    "select count(*) from (select distinct l_comment from lineitem) t",
    "select sum(rn % 7) from (select row_number() over (order by l_comment, l_orderkey, "
    "l_linenumber) as rn from lineitem) t",
    "select count(*), sum(l_quantity) from lineitem join orders on l_orderkey = o_orderkey join "
    "partsupp on l_partkey = ps_partkey and l_suppkey = ps_suppkey where length(o_comment) + "
    "length(ps_comment) > 0",
    "select sum(r) from (select rank() over (partition by l_suppkey order by l_extendedprice desc, "
    "l_orderkey, l_linenumber) as r from lineitem) t",
};

typedef struct bench_options {
    const char *data;
    const char *small_data;
    int n_small;
    int n_huge;
    long seconds;
    long limit_mb;
    long threads;
    long admission_ms;
    int huge_numbers[N_HUGE]; /* of the queries that take part */
    int n_huge_numbers;
} bench_options;

typedef struct bench_user {
    const bench_options *options;
    cn_engine *engine;
    cn_session *session;
    pthread_t thread;
    int number;
    int is_small;
    volatile int *stop;
    double stopped_ns; /* when it was told to, and when it had */
    double ended_ns;
    long n_done[N_HUGE];
    long n_failed[N_CODES];
    char messages[N_CODES][CN_ERROR_MESSAGE_BYTES];
    double latencies[MAX_LATENCIES]; /* of small ones, milliseconds */
    long n_latencies;
} bench_user;

static double
now_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void
must(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        fprintf(stderr, "%s: %s\n", cn_code_name((int32_t)code), err->message);
        exit(1);
    }
}

static long
resident_kib(void)
{
    long pages = 0;
    long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL && fscanf(file, "%ld %ld", &pages, &resident) != 2) {
        resident = 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* ---- one query ---- */

static cn_code
drain(cn_query *query, cn_error *err)
{
    struct ArrowArray batch = {0};
    cn_code code = cn_query_next(query, &batch, err);
    while (code == CN_OK && batch.release != NULL) {
        batch.release(&batch);
        code = cn_query_next(query, &batch, err);
    }
    return code;
}

static cn_code
run(cn_session *session, const char *sql, cn_error *err)
{
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    cn_code code = cn_session_sql(session, sql, &frame, err);
    if (code == CN_OK) {
        code = cn_frame_start(frame, NULL, &query, err);
    }
    if (code == CN_OK) {
        code = drain(query, err);
    }
    cn_query_free(query);
    cn_frame_free(frame);
    return code;
}

static void
note_failure(bench_user *self, cn_code code, const cn_error *err)
{
    const int at = (int)code < N_CODES ? (int)code : 0;
    if (self->n_failed[at] == 0) {
        (void)snprintf(self->messages[at], sizeof(self->messages[at]), "%s", err->message);
    }
    self->n_failed[at]++;
}

/* About ten milliseconds of work: a 64th of the keys. */
static void
small_query(char *out_sql, size_t capacity, long turn)
{
    const long first = turn * 7919 % 60 * 100000;
    (void)snprintf(out_sql, capacity,
                   "select o_orderpriority, count(*), sum(o_totalprice) from small_orders where "
                   "o_orderkey between %ld and %ld group by o_orderpriority",
                   first, first + 700000);
}

static void
run_small(bench_user *self, long turn)
{
    char sql[512];
    cn_error err = CN_ERROR_INIT;
    small_query(sql, sizeof(sql), turn);
    const double begun_ns = now_ns();
    const cn_code code = run(self->session, sql, &err);
    if (code != CN_OK && !(code == CN_CANCELLED && *self->stop)) {
        note_failure(self, code, &err);
    } else if (code == CN_OK) {
        self->latencies[self->n_latencies++ % MAX_LATENCIES] = (now_ns() - begun_ns) / MS;
    }
}

static void
run_huge(bench_user *self, long turn)
{
    const bench_options *options = self->options;
    const int at = options->huge_numbers[(self->number + turn) % options->n_huge_numbers];
    cn_error err = CN_ERROR_INIT;
    const cn_code code = run(self->session, huge_queries[at], &err);
    if (code == CN_OK) {
        self->n_done[at]++;
    } else if (code != CN_CANCELLED || !*self->stop) {
        note_failure(self, code, &err);
    }
}

static void *
use(void *argument)
{
    bench_user *self = argument;
    for (long turn = 0; !*self->stop; turn++) {
        if (self->is_small) {
            run_small(self, turn * 31 + self->number);
        } else {
            run_huge(self, turn);
        }
    }
    self->ended_ns = now_ns();
    return NULL;
}

/* ---- sessions ---- */

static void
prepare(bench_user *self)
{
    static const char *const tables[] = {"lineitem", "orders", "partsupp"};
    const bench_options *options = self->options;
    char sql[1024];
    cn_error err = CN_ERROR_INIT;
    must(cn_session_new(self->engine, &self->session, &err), &err);
    for (size_t at = 0; at < sizeof(tables) / sizeof(tables[0]); at++) {
        (void)snprintf(sql, sizeof(sql), "create view %s as select * from '%s/%s.parquet'",
                       tables[at], options->data, tables[at]);
        must(cn_session_execute(self->session, sql, NULL, &err), &err);
    }
    (void)snprintf(sql, sizeof(sql),
                   "create view small_orders as select * from '%s/orders.parquet'; "
                   "set admission_timeout_ms = %ld",
                   options->small_data, options->admission_ms);
    must(cn_session_execute(self->session, sql, NULL, &err), &err);
}

static void
stop_all(bench_user *users, int n_users, volatile int *stop)
{
    *stop = 1;
    for (int at = 0; at < n_users; at++) {
        users[at].stopped_ns = now_ns();
        cn_session_cancel(users[at].session);
    }
    for (int at = 0; at < n_users; at++) {
        (void)pthread_join(users[at].thread, NULL);
    }
}

/* ---- what came out ---- */

static int
compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* 99th percentile of the small ones in milliseconds. */
static double
print_latencies(bench_user *users, int n_users)
{
    double *all = malloc(sizeof(double) * MAX_LATENCIES * (size_t)n_users);
    long n = 0;
    for (int at = 0; all != NULL && at < n_users; at++) {
        const long mine =
            users[at].n_latencies < MAX_LATENCIES ? users[at].n_latencies : MAX_LATENCIES;
        memcpy(all + n, users[at].latencies, sizeof(double) * (size_t)mine);
        n += mine;
    }
    if (n == 0) {
        free(all);
        return 0.0;
    }
    qsort(all, (size_t)n, sizeof(double), compare_doubles);
    const double p99 = all[n * 99 / 100];
    printf("small: %ld queries, p50 %.1f ms, p90 %.1f ms, p99 %.1f ms, longest %.1f ms\n", n,
           all[n / 2], all[n * 90 / 100], p99, all[n - 1]);
    free(all);
    return p99;
}

/* Failures other than BUSY. */
static long
print_failures(const bench_user *users, int n_users)
{
    long n_wrong = 0;
    for (int code = 0; code < N_CODES; code++) {
        long n = 0;
        const char *message = "";
        for (int at = 0; at < n_users; at++) {
            n += users[at].n_failed[code];
            message = users[at].n_failed[code] > 0 ? users[at].messages[code] : message;
        }
        if (n > 0) {
            printf("failed: %s %ld times, such as: %s\n", cn_code_name(code), n, message);
            n_wrong += code == CN_BUSY ? 0 : n;
        }
    }
    return n_wrong;
}

static double
print_huge(const bench_user *users, int n_users)
{
    double longest_ms = 0.0;
    printf("huge:");
    for (int query = 0; query < N_HUGE; query++) {
        long n = 0;
        for (int at = 0; at < n_users; at++) {
            n += users[at].n_done[query];
        }
        printf(" query %d %ld times%s", query + 1, n, query + 1 < N_HUGE ? "," : "\n");
    }
    for (int at = 0; at < n_users; at++) {
        const double ms = (users[at].ended_ns - users[at].stopped_ns) / MS;
        longest_ms = ms > longest_ms ? ms : longest_ms;
    }
    printf("cancelled: the last session stopped after %.1f ms\n", longest_ms);
    return longest_ms;
}

/* ---- options ---- */

static void
usage(void)
{
    fprintf(stderr,
            "usage: sessions_bench --data DIR [--small-data DIR] [--seconds N] [--limit-mb N] "
            "[--sessions-small N] [--sessions-huge N] [--threads N] [--admission-ms N] "
            "[--huge-queries 1,2,..]\n");
    exit(2);
}

static void
read_numbers(bench_options *options, const char *text)
{
    options->n_huge_numbers = 0;
    for (; *text != '\0'; text++) {
        if (*text >= '1' && *text <= '5' && options->n_huge_numbers < N_HUGE) {
            options->huge_numbers[options->n_huge_numbers++] = *text - '1';
        }
    }
}

static bench_options
read_options(int argc, char **argv)
{
    bench_options options = {.n_small = 8,
                             .n_huge = 24,
                             .seconds = 60,
                             .limit_mb = 2048,
                             .admission_ms = 60000,
                             .huge_numbers = {0, 1, 2, 3, 4},
                             .n_huge_numbers = N_HUGE};
    for (int at = 1; at + 1 < argc; at += 2) {
        const char *name = argv[at];
        const char *value = argv[at + 1];
        if (strcmp(name, "--data") == 0) {
            options.data = value;
        } else if (strcmp(name, "--small-data") == 0) {
            options.small_data = value;
        } else if (strcmp(name, "--seconds") == 0) {
            options.seconds = strtol(value, NULL, 10);
        } else if (strcmp(name, "--limit-mb") == 0) {
            options.limit_mb = strtol(value, NULL, 10);
        } else if (strcmp(name, "--sessions-small") == 0) {
            options.n_small = (int)strtol(value, NULL, 10);
        } else if (strcmp(name, "--sessions-huge") == 0) {
            options.n_huge = (int)strtol(value, NULL, 10);
        } else if (strcmp(name, "--threads") == 0) {
            options.threads = strtol(value, NULL, 10);
        } else if (strcmp(name, "--admission-ms") == 0) {
            options.admission_ms = strtol(value, NULL, 10);
        } else if (strcmp(name, "--huge-queries") == 0) {
            read_numbers(&options, value);
        } else {
            usage();
        }
    }
    options.small_data = options.small_data == NULL ? options.data : options.small_data;
    if (options.data == NULL || argc % 2 == 0 || options.n_small < 0 || options.n_huge < 0 ||
        options.n_small + options.n_huge > MAX_SESSIONS || options.n_huge_numbers == 0) {
        usage();
    }
    return options;
}

int
main(int argc, char **argv)
{
    static volatile int stop;
    const bench_options options = read_options(argc, argv);
    const int n_users = options.n_small + options.n_huge;
    const cn_engine_options engine_options = {.struct_size = sizeof(engine_options),
                                              .n_threads = (int32_t)options.threads,
                                              .memory_limit_bytes = (int64_t)options.limit_mb
                                                                    << 20};
    cn_error err = CN_ERROR_INIT;
    cn_engine *engine = NULL;
    must(cn_engine_new(&engine_options, &engine, &err), &err);
    bench_user *users = calloc((size_t)n_users, sizeof(*users));
    if (users == NULL) {
        return 1;
    }
    for (int at = 0; at < n_users; at++) {
        users[at].options = &options;
        users[at].engine = engine;
        users[at].number = at;
        users[at].is_small = at < options.n_small;
        users[at].stop = &stop;
        prepare(&users[at]);
    }
    char sql[512];
    small_query(sql, sizeof(sql), 0);
    const double begun_ns = now_ns();
    must(run(users[0].session, sql, &err), &err);
    must(run(users[0].session, sql, &err), &err);
    printf("one small query alone: %.1f ms\n", (now_ns() - begun_ns) / MS / 2);
    const int64_t before = cn_engine_memory_bytes(engine);
    const long resident_before = resident_kib();
    for (int at = 0; at < n_users; at++) {
        if (pthread_create(&users[at].thread, NULL, use, &users[at]) != 0) {
            return 1;
        }
    }
    (void)sleep((unsigned)options.seconds);
    stop_all(users, n_users, &stop);
    const double p99 = print_latencies(users, n_users);
    const double stop_ms = print_huge(users, n_users);
    const long n_wrong = print_failures(users, n_users);
    cn_engine_trim(engine);
    const int64_t after = cn_engine_memory_bytes(engine);
    printf("memory: engine %.1f MB before, %.1f MB after, peak %.1f MB; process %.1f MB before, "
           "%.1f MB after\n",
           (double)before / 1e6, (double)after / 1e6,
           (double)cn_engine_memory_peak_bytes(engine) / 1e6, (double)resident_before / 1e3,
           (double)resident_kib() / 1e3);
    const int holds =
        n_wrong == 0 && p99 < 150.0 && stop_ms < 100.0 && after < before + ((int64_t)16 << 20);
    printf("%s\n", holds ? "holds" : "does not hold");
    for (int at = 0; at < n_users; at++) {
        cn_session_free(users[at].session);
    }
    free(users);
    cn_engine_free(engine);
    return holds ? 0 : 1;
}
