/* SPDX-License-Identifier: Apache-2.0
 *
 * What the benchmarks of this folder share: options, engines and sessions over TPC-H files, texts
 * of queries, running one with its times and answer, the longest calls by operator, figures of the
 * process. Only the public API. What goes wrong with the benchmark itself ends it.
 */
#ifndef LOAD_H
#define LOAD_H

#include <colonnade/colonnade.h>
#include <stdint.h>

#define LOAD_MAX_QUERIES   32
#define LOAD_MAX_SLICES    128
#define LOAD_PROFILE_BYTES 65536
#define LOAD_TEXT_BYTES    4096

double load_now_ms(void);
/* End the program with what is wrong. */
void load_must(cn_code code, const cn_error *err);
/* "VmRSS" or "VmHWM" of this process, in KiB. */
long load_process_kib(const char *field);

/* ---- options ---- */

/* An option with a value: a text or a number. */
typedef struct load_option {
    const char *name; /* "--data" */
    const char **text;
    long *number;
} load_option;

/* Read pairs of option and value; false: there is something else. */
int load_read_options(int argc, char **argv, const load_option *options, int n_options);

/* ---- queries ---- */

typedef struct load_query {
    char name[32];
    char sql[LOAD_TEXT_BYTES];
} load_query;

typedef struct load_queries {
    int n_queries;
    load_query queries[LOAD_MAX_QUERIES];
} load_queries;

/* Add "memory/groups,tpch/q09": files below bench/queries, without ".sql". */
void load_read_queries(load_queries *self, const char *names);

/* ---- sessions ---- */

/* Views of the eight tables over the files of a folder. */
void load_open_session(cn_engine *engine, const char *data, cn_session **out_session);
/* Run statements. */
void load_execute(cn_session *session, const char *script);

/* ---- a directory for temporary files ---- */

/* Make one below `parent`. */
void load_make_directory(const char *parent, char out_path[256]);
/* Remove it; gives the number of entries that were left in it. */
int load_remove_directory(const char *path);

/* ---- running ---- */

/* Where the time of one query went, in milliseconds. */
typedef struct load_times {
    double all_ms;
    double plan_ms;  /* text to plan, and that made ready to run */
    double wait_ms;  /* for admission */
    double first_ms; /* from then to the first rows */
    double end_ms;   /* from the last answer until it is freed */
    int64_t spilled_bytes;
    int64_t n_rows;
    uint64_t answer; /* made of the first eight bytes of each fixed-width column of each batch */
} load_times;

/* The longest calls of one operator or source, over all runs of a query. */
typedef struct load_slice {
    char query[32];
    char operator_name[32];
    double longest_ms;
} load_slice;

/* Thread: synchronised. */
typedef struct load_slices load_slices;
load_slices *load_slices_new(void);
void load_slices_free(load_slices *self);
/* The n longest ones that are longer than above_ms. */
void load_slices_print(load_slices *self, int n, double above_ms);

/* Run a query to its end, keeping of its rows only what tells two answers of one row apart.
 * `slices` (may be NULL) gets its longest calls. */
cn_code load_run(cn_session *session, const char *name, const char *sql, load_slices *slices,
                 load_times *out_times, cn_error *err);

/* ---- figures ---- */

/* Sorts. */
void load_sort(double *values, long n_values);
/* Of sorted ones; part 0..1. 0 without any. */
double load_part(const double *sorted, long n_values, double part);

#endif /* LOAD_H */
