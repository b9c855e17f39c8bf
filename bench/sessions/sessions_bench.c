/* SPDX-License-Identifier: Apache-2.0
 *
 * Many sessions under one memory budget: small queries in a closed loop beside huge ones, some of
 * which are cancelled at random moments. Prints latencies, failures by kind, memory before, at most
 * and after; see README.md beside it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "load.h"

#define MAX_SESSIONS   256
#define MAX_LATENCIES  65536
#define MAX_CANCELS    4096
#define N_SLOWEST      5
#define N_CODES        32
#define LEFTOVER_BYTES ((int64_t)16 << 20)
#define LOOK_MS        50
#define LATE_MS        50.0

typedef struct bench_options {
    const char *data;
    const char *small_data;
    const char *temp;
    long n_small;
    long n_huge;
    long seconds;
    long finish_seconds; /* that huge ones get afterwards, alone, to end what they have begun */
    long limit_mb;
    long threads;
    long admission_ms;
    long cancel_every_ms; /* 0 = only at the end */
    const char *huge_names;
    load_queries huge;
} bench_options;

/* When a session was told to stop, and when it had; guarded by the bench's mutex. */
typedef struct bench_cancel {
    double asked_ms; /* 0 = not */
    double longest_ms;
    char longest_name[32];
    double longest_end_ms; /* of it: from the query's answer until it was freed */
    double latencies[MAX_CANCELS];
    long n_latencies;
} bench_cancel;

typedef struct bench_user {
    struct bench *bench;
    cn_session *session;
    pthread_t thread;
    int number;
    int is_small;
    long n_failed[N_CODES];
    char messages[N_CODES][CN_ERROR_MESSAGE_BYTES];
    double *latencies; /* of small ones, milliseconds; the last MAX_LATENCIES */
    long n_latencies;
    load_times slowest[N_SLOWEST];
    int64_t spilled_bytes;
    bench_cancel cancel;
} bench_user;

/* What a huge query answers; every run of it must answer the same. */
typedef struct bench_answer {
    long n_runs;
    int64_t n_rows;
    uint64_t answer;
} bench_answer;

typedef struct bench {
    bench_options options;
    cn_engine *engine;
    load_slices *slices;
    pthread_mutex_t mutex; /* guards what is below, and every user's cancel */
    int stop;
    int n_working; /* users that have not seen it yet */
    bench_answer answers[LOAD_MAX_QUERIES];
    long n_wrong_answers;
    int n_users;
    bench_user *users;
} bench;

/* ---- one query ---- */

static int
is_stopped(bench *self)
{
    (void)pthread_mutex_lock(&self->mutex);
    const int stop = self->stop;
    (void)pthread_mutex_unlock(&self->mutex);
    return stop;
}

/* A query has ended: whether it was told to, and then how long that took. */
static int
take_cancel(bench_user *self, const char *name, const load_times *times)
{
    bench_cancel *cancel = &self->cancel;
    (void)pthread_mutex_lock(&self->bench->mutex);
    const int asked = cancel->asked_ms > 0.0;
    const double passed_ms = load_now_ms() - cancel->asked_ms;
    if (asked && cancel->n_latencies < MAX_CANCELS) {
        cancel->latencies[cancel->n_latencies++] = passed_ms;
    }
    if (asked && passed_ms > cancel->longest_ms) {
        cancel->longest_ms = passed_ms;
        cancel->longest_end_ms = times->end_ms;
        (void)snprintf(cancel->longest_name, sizeof(cancel->longest_name), "%s", name);
    }
    cancel->asked_ms = 0.0;
    (void)pthread_mutex_unlock(&self->bench->mutex);
    return asked;
}

static void
ask_to_stop(bench_user *self)
{
    (void)pthread_mutex_lock(&self->bench->mutex);
    self->cancel.asked_ms = load_now_ms();
    (void)pthread_mutex_unlock(&self->bench->mutex);
    cn_session_cancel(self->session);
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
note_small(bench_user *self, const load_times *times)
{
    int at = N_SLOWEST - 1;
    self->latencies[self->n_latencies++ % MAX_LATENCIES] = times->all_ms;
    if (times->all_ms <= self->slowest[at].all_ms) {
        return;
    }
    for (; at > 0 && self->slowest[at - 1].all_ms < times->all_ms; at--) {
        self->slowest[at] = self->slowest[at - 1];
    }
    self->slowest[at] = *times;
}

static void
run_small(bench_user *self, long turn)
{
    char sql[512];
    load_times times;
    cn_error err = CN_ERROR_INIT;
    small_query(sql, sizeof(sql), turn);
    const cn_code code = load_run(self->session, "small", sql, NULL, &times, &err);
    const int asked = take_cancel(self, "small", &times);
    if (code == CN_OK) {
        note_small(self, &times);
    } else if (code != CN_CANCELLED || !asked) {
        note_failure(self, code, &err);
    }
}

static void
note_huge(bench_user *self, int query, const load_times *times)
{
    bench *all = self->bench;
    bench_answer *answer = &all->answers[query];
    (void)pthread_mutex_lock(&all->mutex);
    if (answer->n_runs++ == 0) {
        answer->n_rows = times->n_rows;
        answer->answer = times->answer;
    }
    all->n_wrong_answers += answer->n_rows != times->n_rows || answer->answer != times->answer;
    (void)pthread_mutex_unlock(&all->mutex);
}

static void
run_huge(bench_user *self, long turn)
{
    const load_queries *huge = &self->bench->options.huge;
    const int at = (int)((self->number + turn) % huge->n_queries);
    load_times times;
    cn_error err = CN_ERROR_INIT;
    const cn_code code = load_run(self->session, huge->queries[at].name, huge->queries[at].sql,
                                  self->bench->slices, &times, &err);
    const int asked = take_cancel(self, huge->queries[at].name, &times);
    self->spilled_bytes += times.spilled_bytes;
    if (code == CN_OK) {
        note_huge(self, at, &times);
    } else if (code != CN_CANCELLED || !asked) {
        note_failure(self, code, &err);
    }
}

static void *
use(void *argument)
{
    bench_user *self = argument;
    for (long turn = 0; !is_stopped(self->bench); turn++) {
        if (self->is_small) {
            run_small(self, turn * 31 + self->number);
        } else {
            run_huge(self, turn);
        }
    }
    (void)pthread_mutex_lock(&self->bench->mutex);
    self->bench->n_working--;
    (void)pthread_mutex_unlock(&self->bench->mutex);
    return NULL;
}

/* ---- sessions ---- */

static void
prepare(bench_user *self)
{
    const bench_options *options = &self->bench->options;
    char sql[1024];
    load_open_session(self->bench->engine, options->data, &self->session);
    (void)snprintf(sql, sizeof(sql),
                   "create view small_orders as select * from '%s/orders.parquet'; "
                   "set admission_timeout_ms = %ld",
                   options->small_data, options->admission_ms);
    load_execute(self->session, sql);
    self->latencies = calloc(MAX_LATENCIES, sizeof(*self->latencies));
    if (self->latencies == NULL) {
        exit(1);
    }
}

static void
sleep_ms(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

/* Let them work, and cancel one of the huge ones now and then. */
static void
watch(bench *self)
{
    const bench_options *options = &self->options;
    const double begun_ms = load_now_ms();
    const double end_ms = begun_ms + (double)options->seconds * 1e3;
    double next_ms = begun_ms + (double)options->cancel_every_ms;
    unsigned long random = 1;
    while (load_now_ms() < end_ms) {
        sleep_ms(LOOK_MS);
        if (options->cancel_every_ms > 0 && options->n_huge > 0 && load_now_ms() >= next_ms) {
            random = random * 6364136223846793005UL + 1442695040888963407UL;
            ask_to_stop(&self->users[options->n_small +
                                     (long)((random >> 33) % (unsigned long)options->n_huge)]);
            next_ms += (double)options->cancel_every_ms;
        }
    }
}

/* Nothing is begun any more; what has been begun gets its time to end. */
static void
wind_down(bench *self)
{
    const double begun_ms = load_now_ms();
    const double end_ms = begun_ms + (double)self->options.finish_seconds * 1e3;
    int n_working = 1;
    (void)pthread_mutex_lock(&self->mutex);
    self->stop = 1;
    (void)pthread_mutex_unlock(&self->mutex);
    while (n_working > 0 && load_now_ms() < end_ms) {
        sleep_ms(LOOK_MS);
        (void)pthread_mutex_lock(&self->mutex);
        n_working = self->n_working;
        (void)pthread_mutex_unlock(&self->mutex);
    }
    if (self->options.finish_seconds > 0) {
        printf("finishing: %d had not ended after %.0f s\n", n_working,
               (load_now_ms() - begun_ms) / 1e3);
    }
}

/* Gives the time until the last one had ended. */
static double
stop_all(bench *self)
{
    const double asked_ms = load_now_ms();
    for (int at = 0; at < self->n_users; at++) {
        ask_to_stop(&self->users[at]);
    }
    for (int at = 0; at < self->n_users; at++) {
        (void)pthread_join(self->users[at].thread, NULL);
    }
    return load_now_ms() - asked_ms;
}

/* ---- what came out ---- */

static void
print_slowest(const bench *self)
{
    load_times all[N_SLOWEST] = {{0}};
    for (int user = 0; user < self->options.n_small; user++) {
        for (int rank = 0; rank < N_SLOWEST; rank++) {
            const load_times *times = &self->users[user].slowest[rank];
            int at = N_SLOWEST;
            for (; at > 0 && all[at - 1].all_ms < times->all_ms; at--) {
                if (at < N_SLOWEST) {
                    all[at] = all[at - 1];
                }
            }
            if (at < N_SLOWEST) {
                all[at] = *times;
            }
        }
    }
    for (int at = 0; at < N_SLOWEST && all[at].all_ms > 0.0; at++) {
        printf("slow small one: %.1f ms, of which planning %.1f, admission %.1f, first rows %.1f\n",
               all[at].all_ms, all[at].plan_ms, all[at].wait_ms, all[at].first_ms);
    }
}

/* 99th percentile of the small ones in milliseconds. */
static double
print_latencies(const bench *self)
{
    const long n_small = self->options.n_small;
    double *all = calloc((size_t)n_small * MAX_LATENCIES + 1, sizeof(*all));
    long n = 0;
    long n_all = 0;
    for (int at = 0; all != NULL && at < n_small; at++) {
        const bench_user *user = &self->users[at];
        const long mine = user->n_latencies < MAX_LATENCIES ? user->n_latencies : MAX_LATENCIES;
        memcpy(all + n, user->latencies, sizeof(*all) * (size_t)mine);
        n += mine;
        n_all += user->n_latencies;
    }
    load_sort(all, n);
    const double p99 = load_part(all, n, 0.99);
    printf("small: %ld queries, p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, longest %.1f ms\n", n_all,
           load_part(all, n, 0.5), load_part(all, n, 0.95), p99, load_part(all, n, 1.0));
    free(all);
    return p99;
}

/* The longest of the cancels, in milliseconds. */
static double
print_cancels(const bench *self, double end_ms)
{
    double *all = calloc((size_t)self->n_users * MAX_CANCELS + 1, sizeof(*all));
    long n = 0;
    for (int at = 0; all != NULL && at < self->n_users; at++) {
        const bench_cancel *cancel = &self->users[at].cancel;
        memcpy(all + n, cancel->latencies, sizeof(*all) * (size_t)cancel->n_latencies);
        n += cancel->n_latencies;
    }
    load_sort(all, n);
    for (int at = 0; at < self->n_users; at++) {
        const bench_cancel *cancel = &self->users[at].cancel;
        if (cancel->longest_ms > LATE_MS) {
            printf("late cancel: %s %.1f ms, of which %.1f after its answer\n",
                   cancel->longest_name, cancel->longest_ms, cancel->longest_end_ms);
        }
    }
    const double longest_ms = load_part(all, n, 1.0);
    printf("cancels: %ld, p50 %.1f ms, p95 %.1f ms, longest %.1f ms; all at once at the end %.1f "
           "ms\n",
           n, load_part(all, n, 0.5), load_part(all, n, 0.95), longest_ms, end_ms);
    free(all);
    return longest_ms > end_ms ? longest_ms : end_ms;
}

static void
print_huge(const bench *self)
{
    const load_queries *huge = &self->options.huge;
    int64_t spilled = 0;
    printf("huge:");
    for (int query = 0; query < huge->n_queries; query++) {
        printf(" %s %ld times,", huge->queries[query].name, self->answers[query].n_runs);
    }
    for (int at = 0; at < self->n_users; at++) {
        spilled += self->users[at].spilled_bytes;
    }
    printf(" %.1f GB written, %ld answers that differ\n", (double)spilled / 1e9,
           self->n_wrong_answers);
}

/* Failures other than BUSY. */
static long
print_failures(const bench *self)
{
    long n_wrong = 0;
    for (int code = 0; code < N_CODES; code++) {
        long n = 0;
        const char *message = "";
        for (int at = 0; at < self->n_users; at++) {
            const bench_user *user = &self->users[at];
            n += user->n_failed[code];
            message = user->n_failed[code] > 0 ? user->messages[code] : message;
        }
        if (n > 0) {
            printf("failed: %s %ld times, such as: %s\n", cn_code_name(code), n, message);
            n_wrong += code == CN_BUSY ? 0 : n;
        }
    }
    printf("failures other than BUSY: %ld\n", n_wrong);
    return n_wrong;
}

/* Whether what is used is what was. */
static int
print_memory(const bench *self, int64_t before, long resident_before)
{
    cn_engine_trim(self->engine);
    const int64_t after = cn_engine_memory_bytes(self->engine);
    printf("memory: engine %.1f MB before, %.1f MB peak, %.1f MB after; process %.1f MB before, "
           "%.1f MB peak, %.1f MB after\n",
           (double)before / 1e6, (double)cn_engine_memory_peak_bytes(self->engine) / 1e6,
           (double)after / 1e6, (double)resident_before / 1e3,
           (double)load_process_kib("VmHWM") / 1e3, (double)load_process_kib("VmRSS") / 1e3);
    return after < before + LEFTOVER_BYTES;
}

/* ---- options ---- */

static void
usage(void)
{
    fprintf(stderr,
            "usage: sessions_bench --data DIR [--small-data DIR] [--seconds N] [--limit-mb N] "
            "[--sessions-small N] [--sessions-huge N] [--threads N] [--admission-ms N] "
            "[--cancel-every-ms N] [--finish-seconds N] [--temp DIR] [--huge memory/groups,..]\n");
    exit(2);
}

static void
read_options(int argc, char **argv, bench_options *options)
{
    const load_option known[] = {{"--data", &options->data, NULL},
                                 {"--small-data", &options->small_data, NULL},
                                 {"--temp", &options->temp, NULL},
                                 {"--huge", &options->huge_names, NULL},
                                 {"--seconds", NULL, &options->seconds},
                                 {"--finish-seconds", NULL, &options->finish_seconds},
                                 {"--limit-mb", NULL, &options->limit_mb},
                                 {"--sessions-small", NULL, &options->n_small},
                                 {"--sessions-huge", NULL, &options->n_huge},
                                 {"--threads", NULL, &options->threads},
                                 {"--admission-ms", NULL, &options->admission_ms},
                                 {"--cancel-every-ms", NULL, &options->cancel_every_ms}};
    if (!load_read_options(argc, argv, known, (int)(sizeof(known) / sizeof(known[0])))) {
        usage();
    }
    options->small_data = options->small_data == NULL ? options->data : options->small_data;
    if (options->data == NULL || options->n_small < 0 || options->n_huge < 0 ||
        options->n_small + options->n_huge < 1 ||
        options->n_small + options->n_huge > MAX_SESSIONS) {
        usage();
    }
    load_read_queries(&options->huge, options->huge_names);
}

/* ---- the whole ---- */

static void
make_users(bench *self)
{
    self->n_users = (int)(self->options.n_small + self->options.n_huge);
    self->users = calloc((size_t)self->n_users, sizeof(*self->users));
    if (self->users == NULL) {
        exit(1);
    }
    for (int at = 0; at < self->n_users; at++) {
        self->users[at].bench = self;
        self->users[at].number = at;
        self->users[at].is_small = at < self->options.n_small;
        prepare(&self->users[at]);
    }
}

static void
measure_alone(bench *self)
{
    char sql[512];
    load_times first;
    load_times second;
    cn_error err = CN_ERROR_INIT;
    small_query(sql, sizeof(sql), 0);
    load_must(load_run(self->users[0].session, "small", sql, NULL, &first, &err), &err);
    load_must(load_run(self->users[0].session, "small", sql, NULL, &second, &err), &err);
    printf("one small query alone: %.1f ms, then %.1f ms\n", first.all_ms, second.all_ms);
}

/* Whether everything holds. */
static int
measure(bench *self)
{
    const int64_t before = cn_engine_memory_bytes(self->engine);
    const long resident_before = load_process_kib("VmRSS");
    self->n_working = self->n_users;
    for (int at = 0; at < self->n_users; at++) {
        if (pthread_create(&self->users[at].thread, NULL, use, &self->users[at]) != 0) {
            exit(1);
        }
    }
    watch(self);
    wind_down(self);
    const double end_ms = stop_all(self);
    const double p99 = print_latencies(self);
    print_slowest(self);
    print_huge(self);
    const double cancel_ms = print_cancels(self, end_ms);
    load_slices_print(self->slices, 12, 20.0);
    const long n_wrong = print_failures(self);
    const int settled = print_memory(self, before, resident_before);
    return n_wrong == 0 && self->n_wrong_answers == 0 && p99 < 150.0 && cancel_ms < 100.0 &&
           settled;
}

static void
free_users(bench *self)
{
    for (int at = 0; at < self->n_users; at++) {
        cn_session_free(self->users[at].session);
        free(self->users[at].latencies);
    }
    free(self->users);
}

int
main(int argc, char **argv)
{
    static bench self = {.options = {.temp = "/tmp",
                                     .n_small = 8,
                                     .n_huge = 24,
                                     .seconds = 60,
                                     .limit_mb = 2048,
                                     .admission_ms = 60000,
                                     .cancel_every_ms = 1000,
                                     .huge_names = "memory/groups,memory/distinct,"
                                                   "memory/row_number,memory/joins,memory/rank"}};
    char temp[256];
    cn_error err = CN_ERROR_INIT;
    read_options(argc, argv, &self.options);
    load_make_directory(self.options.temp, temp);
    const cn_engine_options options = {.struct_size = sizeof(options),
                                       .n_threads = (int32_t)self.options.threads,
                                       .memory_limit_bytes = (int64_t)self.options.limit_mb << 20,
                                       .temp_directory = temp};
    load_must(cn_engine_new(&options, &self.engine, &err), &err);
    (void)pthread_mutex_init(&self.mutex, NULL);
    self.slices = load_slices_new();
    make_users(&self);
    measure_alone(&self);
    int holds = measure(&self);
    free_users(&self);
    cn_engine_free(self.engine);
    load_slices_free(self.slices);
    const int n_left = load_remove_directory(temp);
    printf("temporary directory: %d entries left\n", n_left);
    holds = holds && n_left == 0;
    printf("%s\n", holds ? "holds" : "does not hold");
    return holds ? 0 : 1;
}
