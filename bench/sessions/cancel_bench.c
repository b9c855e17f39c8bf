/* SPDX-License-Identifier: Apache-2.0
 *
 * How long cancelling takes: each query is started over and over and cancelled at a random moment,
 * from before its planning to its last rows. What counts is the time until its session is free
 * again: answered, its threads idle, its memory and files given back. See README.md beside it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "load.h"

typedef struct bench_options {
    const char *data;
    const char *temp;
    long limit_mb;
    long threads;
    long times;     /* per query */
    long within_ms; /* the latest moment */
    long seed;
    const char *names;
    load_queries queries;
} bench_options;

/* One run on a thread of its own. */
typedef struct bench_run {
    const load_query *query;
    cn_session *session;
    load_slices *slices;
    load_times times;
    cn_code code;
    cn_error error;
    double ended_ms;
} bench_run;

typedef struct bench {
    bench_options options;
    cn_engine *engine;
    cn_session *session;
    load_slices *slices;
    unsigned long random;
    long n_cancelled;
    long n_finished;
    long n_wrong;
    double longest_ms;
} bench;

static void *
run(void *argument)
{
    bench_run *self = argument;
    self->code = load_run(self->session, self->query->name, self->query->sql, self->slices,
                          &self->times, &self->error);
    self->ended_ms = load_now_ms();
    return NULL;
}

static unsigned long
next_random(bench *self)
{
    self->random = self->random * 6364136223846793005UL + 1442695040888963407UL;
    return self->random >> 33;
}

/* Short moments as often as long ones. */
static double
choose_moment(bench *self)
{
    const double within_ms = (double)self->options.within_ms;
    const double part = (double)(next_random(self) % 10000) / 10000.0;
    return next_random(self) % 3 == 0 ? part * part * part * within_ms : part * within_ms;
}

static void
sleep_ms(double ms)
{
    const long whole = (long)ms;
    const struct timespec time = {.tv_sec = whole / 1000, .tv_nsec = whole % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* Gives how long cancelling took; < 0 = the query had ended before. */
static double
cancel_once(bench *self, const load_query *query, double moment_ms)
{
    bench_run mine = {
        .query = query, .session = self->session, .slices = self->slices, .error = CN_ERROR_INIT};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, &mine) != 0) {
        exit(1);
    }
    sleep_ms(moment_ms);
    const double asked_ms = load_now_ms();
    cn_session_cancel(self->session);
    (void)pthread_join(thread, NULL);
    if (mine.code != CN_CANCELLED) {
        self->n_finished++;
        if (mine.code != CN_OK) {
            self->n_wrong++;
            printf("%s failed: %s: %s\n", query->name, cn_code_name((int32_t)mine.code),
                   mine.error.message);
        }
        return -1.0;
    }
    self->n_cancelled++;
    const double passed_ms = mine.ended_ms - asked_ms;
    if (passed_ms > self->longest_ms) {
        self->longest_ms = passed_ms;
        printf("%s at %.0f ms: %.1f ms, of which %.1f after its answer\n", query->name, moment_ms,
               passed_ms, mine.times.end_ms);
        (void)fflush(stdout);
    }
    return passed_ms;
}

static void
cancel_query(bench *self, const load_query *query)
{
    double *all = calloc((size_t)self->options.times + 1, sizeof(*all));
    long n = 0;
    for (long time = 0; all != NULL && time < self->options.times; time++) {
        const double passed_ms = cancel_once(self, query, choose_moment(self));
        if (passed_ms >= 0.0) {
            all[n++] = passed_ms;
        }
    }
    load_sort(all, n);
    printf("%s: %ld cancelled, p50 %.1f ms, p95 %.1f ms, longest %.1f ms\n", query->name, n,
           load_part(all, n, 0.5), load_part(all, n, 0.95), load_part(all, n, 1.0));
    (void)fflush(stdout);
    free(all);
}

static void
usage(void)
{
    fprintf(stderr, "usage: cancel_bench --data DIR [--limit-mb N] [--threads N] [--times N] "
                    "[--within-ms N] [--seed N] [--temp DIR] [--queries memory/groups,..]\n");
    exit(2);
}

static void
read_options(int argc, char **argv, bench_options *options)
{
    const load_option known[] = {
        {"--data", &options->data, NULL},           {"--temp", &options->temp, NULL},
        {"--queries", &options->names, NULL},       {"--limit-mb", NULL, &options->limit_mb},
        {"--threads", NULL, &options->threads},     {"--times", NULL, &options->times},
        {"--within-ms", NULL, &options->within_ms}, {"--seed", NULL, &options->seed}};
    if (!load_read_options(argc, argv, known, (int)(sizeof(known) / sizeof(known[0]))) ||
        options->data == NULL || options->times < 1) {
        usage();
    }
    load_read_queries(&options->queries, options->names);
}

int
main(int argc, char **argv)
{
    bench self = {.options = {.temp = "/tmp",
                              .limit_mb = 256,
                              .times = 20,
                              .within_ms = 5000,
                              .seed = 1,
                              .names = "memory/groups,memory/distinct,memory/row_number,"
                                       "memory/joins,memory/rank,tpch/q01,tpch/q09,tpch/q18,"
                                       "tpch/q21"}};
    char temp[256];
    cn_error err = CN_ERROR_INIT;
    read_options(argc, argv, &self.options);
    load_make_directory(self.options.temp, temp);
    const cn_engine_options options = {.struct_size = sizeof(options),
                                       .n_threads = (int32_t)self.options.threads,
                                       .memory_limit_bytes = (int64_t)self.options.limit_mb << 20,
                                       .temp_directory = temp};
    load_must(cn_engine_new(&options, &self.engine, &err), &err);
    self.random = (unsigned long)self.options.seed;
    self.slices = load_slices_new();
    load_open_session(self.engine, self.options.data, &self.session);
    const int64_t before = cn_engine_memory_bytes(self.engine);
    for (int at = 0; at < self.options.queries.n_queries; at++) {
        cancel_query(&self, &self.options.queries.queries[at]);
    }
    load_slices_print(self.slices, 12, 20.0);
    cn_engine_trim(self.engine);
    printf("memory: engine %.1f MB before, %.1f MB after\n", (double)before / 1e6,
           (double)cn_engine_memory_bytes(self.engine) / 1e6);
    load_slices_free(self.slices);
    cn_session_free(self.session);
    cn_engine_free(self.engine);
    const int n_left = load_remove_directory(temp);
    printf("%ld cancelled, longest %.1f ms; %ld had ended before, %ld of them by a failure; "
           "temporary directory: %d entries left\n",
           self.n_cancelled, self.longest_ms, self.n_finished, self.n_wrong, n_left);
    return self.longest_ms < 100.0 && self.n_wrong == 0 && n_left == 0 ? 0 : 1;
}
