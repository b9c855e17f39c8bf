/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared parts of the benchmarks in this folder. Profiles are read as the library prints them: the
 * name of an operator or source, and behind it "longest_ms".
 */
#include "load.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double
load_now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

void
load_must(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        fprintf(stderr, "%s: %s\n", cn_code_name((int32_t)code), err->message);
        exit(1);
    }
}

static void
give_up(const char *what, const char *name)
{
    fprintf(stderr, "%s: %s\n", what, name);
    exit(1);
}

long
load_process_kib(const char *field)
{
    char line[256];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0 && line[strlen(field)] == ':') {
            kib = strtol(line + strlen(field) + 1, NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return kib;
}

/* ---- options ---- */

static int
read_option(const char *name, const char *value, const load_option *options, int n_options)
{
    for (int at = 0; at < n_options; at++) {
        const load_option *option = &options[at];
        if (strcmp(option->name, name) == 0) {
            if (option->text != NULL) {
                *option->text = value;
            } else {
                *option->number = strtol(value, NULL, 10);
            }
            return 1;
        }
    }
    return 0;
}

int
load_read_options(int argc, char **argv, const load_option *options, int n_options)
{
    int all = argc % 2 == 1;
    for (int at = 1; at + 1 < argc; at += 2) {
        all &= read_option(argv[at], argv[at + 1], options, n_options);
    }
    return all;
}

/* ---- queries ---- */

static void
read_query(load_query *query, const char *name)
{
    char path[512];
    const char *slash = strrchr(name, '/');
    (void)snprintf(path, sizeof(path), "%s/%s.sql", LOAD_QUERIES_DIRECTORY, name);
    (void)snprintf(query->name, sizeof(query->name), "%s", slash == NULL ? name : slash + 1);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        give_up("cannot read", path);
        return;
    }
    const size_t length = fread(query->sql, 1, sizeof(query->sql) - 1, file);
    query->sql[length] = '\0';
    (void)fclose(file);
}

void
load_read_queries(load_queries *self, const char *names)
{
    char text[1024];
    char *rest = NULL;
    (void)snprintf(text, sizeof(text), "%s", names);
    for (char *name = strtok_r(text, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        if (self->n_queries == LOAD_MAX_QUERIES) {
            give_up("too many queries", name);
        }
        read_query(&self->queries[self->n_queries++], name);
    }
}

/* ---- sessions ---- */

void
load_execute(cn_session *session, const char *script)
{
    cn_error err = CN_ERROR_INIT;
    load_must(cn_session_execute(session, script, NULL, &err), &err);
}

void
load_open_session(cn_engine *engine, const char *data, cn_session **out_session)
{
    static const char *const tables[] = {"lineitem", "orders",   "partsupp", "part",
                                         "customer", "supplier", "nation",   "region"};
    char sql[1024];
    cn_error err = CN_ERROR_INIT;
    load_must(cn_session_new(engine, out_session, &err), &err);
    for (size_t at = 0; at < sizeof(tables) / sizeof(tables[0]); at++) {
        (void)snprintf(sql, sizeof(sql), "create view %s as select * from '%s/%s.parquet'",
                       tables[at], data, tables[at]);
        load_execute(*out_session, sql);
    }
}

/* ---- a directory for temporary files ---- */

void
load_make_directory(const char *parent, char out_path[256])
{
    (void)snprintf(out_path, 256, "%s/colonnade-bench-XXXXXX", parent);
    if (mkdtemp(out_path) == NULL) {
        give_up("cannot make a directory below", parent);
    }
}

int
load_remove_directory(const char *path)
{
    int n_left = 0;
    DIR *directory = opendir(path);
    for (struct dirent *entry = directory == NULL ? NULL : readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        const int is_own = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        n_left += is_own ? 0 : 1;
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    (void)rmdir(path);
    return n_left;
}

/* ---- slices ---- */

struct load_slices {
    pthread_mutex_t mutex;
    int n_slices;
    load_slice slices[LOAD_MAX_SLICES];
};

load_slices *
load_slices_new(void)
{
    load_slices *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        give_up("no memory for", "slices");
        return NULL;
    }
    (void)pthread_mutex_init(&self->mutex, NULL);
    return self;
}

void
load_slices_free(load_slices *self)
{
    if (self != NULL) {
        (void)pthread_mutex_destroy(&self->mutex);
        free(self);
    }
}

static void
add_slice(load_slices *self, const char *query, const char *operator_name, double longest_ms)
{
    int at = 0;
    while (at < self->n_slices && (strcmp(self->slices[at].query, query) != 0 ||
                                   strcmp(self->slices[at].operator_name, operator_name) != 0)) {
        at++;
    }
    if (at == LOAD_MAX_SLICES) {
        return;
    }
    load_slice *slice = &self->slices[at];
    if (at == self->n_slices) {
        self->n_slices++;
        (void)snprintf(slice->query, sizeof(slice->query), "%s", query);
        (void)snprintf(slice->operator_name, sizeof(slice->operator_name), "%s", operator_name);
    }
    slice->longest_ms = longest_ms > slice->longest_ms ? longest_ms : slice->longest_ms;
}

/* The name that stands last before `end`, as the value of "name" or "source". */
static void
name_before(const char *text, const char *end, char out_name[32])
{
    static const char *const fields[] = {"\"name\":\"", "\"source\":\""};
    const char *best = NULL;
    for (const char *at = text; at < end; at++) {
        for (int field = 0; field < 2; field++) {
            const size_t length = strlen(fields[field]);
            best = strncmp(at, fields[field], length) == 0 ? at + length : best;
        }
    }
    const char *quote = best == NULL ? NULL : strchr(best, '"');
    (void)snprintf(out_name, 32, "%.*s", quote == NULL ? 0 : (int)(quote - best),
                   best == NULL ? "" : best);
}

static void
note_profile(load_slices *self, const char *query, const char *profile)
{
    static const char field[] = "\"longest_ms\":";
    const char *from = profile;
    const char *at = strstr(profile, field);
    (void)pthread_mutex_lock(&self->mutex);
    while (at != NULL) {
        char name[32];
        name_before(from, at, name);
        add_slice(self, query, name, strtod(at + sizeof(field) - 1, NULL));
        from = at + sizeof(field) - 1;
        at = strstr(from, field);
    }
    (void)pthread_mutex_unlock(&self->mutex);
}

static int
compare_slices(const void *a, const void *b)
{
    const load_slice *left = a;
    const load_slice *right = b;
    return (left->longest_ms < right->longest_ms) - (left->longest_ms > right->longest_ms);
}

void
load_slices_print(load_slices *self, int n, double above_ms)
{
    qsort(self->slices, (size_t)self->n_slices, sizeof(self->slices[0]), compare_slices);
    for (int at = 0; at < n && at < self->n_slices; at++) {
        const load_slice *slice = &self->slices[at];
        if (slice->longest_ms > above_ms) {
            printf("longest call: %s of %s %.1f ms\n", slice->operator_name, slice->query,
                   slice->longest_ms);
        }
    }
}

/* ---- running ---- */

static void
note_batch(load_times *times, const struct ArrowArray *batch)
{
    times->n_rows += batch->length;
    for (int64_t column = 0; batch->length > 0 && column < batch->n_children; column++) {
        const struct ArrowArray *child = batch->children[column];
        uint64_t first = 0;
        if (child->n_buffers == 2 && child->buffers[1] != NULL) {
            memcpy(&first, child->buffers[1], sizeof(first));
        }
        times->answer = (times->answer ^ first) * 0x9E3779B97F4A7C15U;
    }
}

static cn_code
drain(cn_query *query, load_times *times, double *out_first_ms, cn_error *err)
{
    struct ArrowArray batch = {0};
    cn_code code = cn_query_next(query, &batch, err);
    *out_first_ms = load_now_ms();
    while (code == CN_OK && batch.release != NULL) {
        note_batch(times, &batch);
        batch.release(&batch);
        code = cn_query_next(query, &batch, err);
    }
    return code;
}

/* What the query has counted of itself. */
static void
look_back(cn_query *query, const char *name, load_slices *slices, load_times *times)
{
    cn_progress progress = {.struct_size = sizeof(progress)};
    char *profile = slices == NULL ? NULL : malloc(LOAD_PROFILE_BYTES);
    if (cn_query_progress(query, &progress, NULL) == CN_OK) {
        times->spilled_bytes = progress.spilled_bytes;
        times->wait_ms -= (double)progress.elapsed_us / 1e3;
    }
    if (profile != NULL &&
        cn_query_profile(query, "json", profile, LOAD_PROFILE_BYTES, NULL, NULL) == CN_OK) {
        note_profile(slices, name, profile);
    }
    free(profile);
}

cn_code
load_run(cn_session *session, const char *name, const char *sql, load_slices *slices,
         load_times *out_times, cn_error *err)
{
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    load_times times = {0};
    const double begun_ms = load_now_ms();
    double first_ms = begun_ms;
    cn_code code = cn_session_sql(session, sql, &frame, err);
    if (code == CN_OK) {
        code = cn_frame_start(frame, NULL, &query, err);
    }
    const double planned_ms = load_now_ms();
    if (code == CN_OK) {
        code = drain(query, &times, &first_ms, err);
    }
    const double ended_ms = load_now_ms();
    times.all_ms = ended_ms - begun_ms;
    times.plan_ms = planned_ms - begun_ms;
    if (query != NULL) {
        times.wait_ms = ended_ms - planned_ms; /* less what it ran */
        look_back(query, name, slices, &times);
        times.first_ms = first_ms - planned_ms - times.wait_ms;
    }
    cn_query_free(query);
    cn_frame_free(frame);
    times.end_ms = load_now_ms() - ended_ms;
    *out_times = times;
    return code;
}

/* ---- figures ---- */

static int
compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

void
load_sort(double *values, long n_values)
{
    if (n_values > 0) {
        qsort(values, (size_t)n_values, sizeof(*values), compare_doubles);
    }
}

double
load_part(const double *sorted, long n_values, double part)
{
    const long at = (long)((double)n_values * part);
    return n_values == 0 ? 0.0 : sorted[at < n_values ? at : n_values - 1];
}
