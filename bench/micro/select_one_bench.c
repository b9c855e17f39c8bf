/* SPDX-License-Identifier: Apache-2.0
 *
 * What a small query costs through the public C API of the shared library, beside the budgets: an
 * engine under 1 ms, a session under 50 us, SELECT 1 under 100 us. Medians and 99th percentiles of
 * single calls, in microseconds, since a user waits for each.
 *
 *     select_one_bench [filter] [turns]
 */
#include <colonnade/colonnade.h>

#include "micro_timer.h"

#define MAX_TURNS 100000

typedef struct bench_state {
    cn_engine *engine;
    cn_session *session;
    cn_frame *frame;
    const char *sql;
} bench_state;

/* Nothing here can fail but by a defect. */
static void
must(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        fprintf(stderr, "%s: %s\n", cn_code_name((int32_t)code), err->message);
        exit(1);
    }
}

static void
read_all(struct ArrowArrayStream *rows)
{
    struct ArrowArray batch = {0};
    int status = rows->get_next(rows, &batch);
    while (status == 0 && batch.release != NULL) {
        batch.release(&batch);
        status = rows->get_next(rows, &batch);
    }
    if (status != 0) {
        fprintf(stderr, "%s\n", rows->get_last_error(rows));
        exit(1);
    }
    rows->release(rows);
}

static void
make_engine(void *context)
{
    cn_error err = CN_ERROR_INIT;
    cn_engine *engine = NULL;
    (void)context;
    must(cn_engine_new(NULL, &engine, &err), &err);
    cn_engine_free(engine);
}

static void
make_session(void *context)
{
    const bench_state *state = context;
    cn_error err = CN_ERROR_INIT;
    cn_session *session = NULL;
    must(cn_session_new(state->engine, &session, &err), &err);
    cn_session_free(session);
}

/* Parse, bind, optimize, plan, run, read, release. */
static void
run_text(void *context)
{
    const bench_state *state = context;
    cn_error err = CN_ERROR_INIT;
    struct ArrowArrayStream rows;
    must(cn_session_execute(state->session, state->sql, &rows, &err), &err);
    read_all(&rows);
}

/* The same without parsing and binding. */
static void
run_frame(void *context)
{
    const bench_state *state = context;
    cn_error err = CN_ERROR_INIT;
    struct ArrowArrayStream rows;
    must(cn_frame_stream(state->frame, &rows, &err), &err);
    read_all(&rows);
}

/* As a program that starts does: everything once. */
static void
run_whole(void *context)
{
    bench_state state = *(const bench_state *)context;
    cn_error err = CN_ERROR_INIT;
    must(cn_engine_new(NULL, &state.engine, &err), &err);
    must(cn_session_new(state.engine, &state.session, &err), &err);
    run_text(&state);
    cn_session_free(state.session);
    cn_engine_free(state.engine);
}

static int
compare_times(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

static void
show(const char *filter, const char *name, micro_call call, void *context, int64_t n_turns,
     double budget_us)
{
    static int64_t times[MAX_TURNS];
    if (filter != NULL && strstr(name, filter) == NULL) {
        return;
    }
    for (int64_t turn = 0; turn < n_turns / 10 + 1; turn++) {
        call(context); /* warm */
    }
    for (int64_t turn = 0; turn < n_turns; turn++) {
        const int64_t start = micro_now_ns();
        call(context);
        times[turn] = micro_now_ns() - start;
    }
    qsort(times, (size_t)n_turns, sizeof(times[0]), compare_times);
    const double median_us = (double)times[n_turns / 2] / 1000.0;
    printf("%-28s median %8.2f us   p99 %8.2f us   budget %6.0f us%s\n", name, median_us,
           (double)times[n_turns * 99 / 100] / 1000.0, budget_us,
           median_us > budget_us ? "   OVER" : "");
}

int
main(int argc, char **argv)
{
    const char *filter = argc > 1 && argv[1][0] != '\0' ? argv[1] : NULL;
    const long long asked = argc > 2 ? atoll(argv[2]) : 5000;
    const int64_t n_turns = asked < 10 ? 10 : asked > MAX_TURNS ? MAX_TURNS : asked;
    bench_state state = {.sql = "SELECT 1"};
    cn_error err = CN_ERROR_INIT;
    must(cn_engine_new(NULL, &state.engine, &err), &err);
    must(cn_session_new(state.engine, &state.session, &err), &err);
    must(cn_session_sql(state.session, state.sql, &state.frame, &err), &err);
    show(filter, "engine", make_engine, &state, n_turns, 1000);
    show(filter, "session", make_session, &state, n_turns, 50);
    show(filter, "SELECT 1", run_text, &state, n_turns, 100);
    show(filter, "SELECT 1, planned before", run_frame, &state, n_turns, 100);
    show(filter, "engine to SELECT 1", run_whole, &state, n_turns, 1150);
    cn_frame_free(state.frame);
    cn_session_free(state.session);
    cn_engine_free(state.engine);
    return 0;
}
