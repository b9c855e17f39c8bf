/* SPDX-License-Identifier: Apache-2.0
 *
 * Figures of an execution: what workers and scans have counted, for progress and EXPLAIN ANALYZE.
 * Workers add theirs after each step; scans' counters are copied at the same time; notes of
 * operators are taken when their pipeline has finished. So everything may be read from any thread;
 * which runs there are, under the mutex.
 */
#include "exec/pipeline/pipeline_int.h"

/* ---- collecting ---- */

static void
add_op(cni_run_figures *figures, cni_op_counters *counters)
{
    cni_counter_add(&figures->rows_in, counters->rows_in);
    cni_counter_add(&figures->rows_out, counters->rows_out);
    cni_counter_add(&figures->chunks_in, counters->chunks_in);
    cni_counter_add(&figures->time_ns, counters->time_ns);
    cni_counter_max(&figures->longest_ns, counters->longest_ns);
    *counters = (cni_op_counters){0};
}

static void
copy_scan(cni_scan_figures *figures, const cni_scan *scan)
{
    cni_scan_counters counters = {0};
    if (scan == NULL) {
        return; /* nobody came to open it */
    }
    cni_counter_set(&figures->steps, cni_recursive_scan_steps(scan));
    if (scan->ops->counters != NULL) {
        scan->ops->counters(scan, &counters);
    }
    cni_counter_set(&figures->bytes_read, counters.bytes_read);
    cni_counter_set(&figures->row_groups, counters.row_groups);
    cni_counter_set(&figures->row_groups_pruned, counters.row_groups_pruned);
    cni_counter_set(&figures->pages_pruned, counters.pages_pruned);
    cni_counter_set(&figures->rows_scanned, counters.rows_scanned);
    cni_counter_set(&figures->rows_filtered, counters.rows_filtered);
    cni_counter_set(&figures->rows_dynamic, counters.rows_dynamic);
    if (scan->budget != NULL) {
        cni_counter_max(&figures->peak_bytes, cni_budget_peak_bytes(scan->budget));
    }
    const double progress = scan->ops->progress == NULL ? -1.0 : scan->ops->progress(scan);
    if (progress >= 0.0) {
        cni_counter_set(&figures->progress_ppm, (int64_t)(progress * 1e6));
    }
}

void
cni_pipe_run_note_memory(cni_pipe_run *self, int32_t op)
{
    cni_counter_max(&self->op_figures[op].peak_bytes, cni_budget_peak_bytes(self->ops[op]->budget));
}

void
cni_pipe_worker_publish(cni_pipe_worker *self)
{
    cni_pipe_run *run = self->run;
    for (int32_t op = 0; op < run->plan->n_ops; op++) {
        if (self->ops[op].counters.chunks_in > 0 || self->ops[op].counters.rows_out > 0 ||
            self->ops[op].counters.time_ns > 0) {
            add_op(&run->op_figures[op], &self->ops[op].counters);
        }
        if (run->ops[op]->budget != NULL) {
            cni_pipe_run_note_memory(run, op);
        }
    }
    for (int32_t branch = 0; branch < run->plan->n_branches; branch++) {
        cni_worker_branch *mine = &self->branches[branch];
        if (mine->chunks == 0 && mine->time_ns == 0) {
            continue;
        }
        cni_run_figures *figures = &run->branch_figures[branch];
        cni_counter_add(&figures->rows_out, mine->rows);
        cni_counter_add(&figures->chunks_in, mine->chunks);
        cni_counter_add(&figures->time_ns, mine->time_ns);
        cni_counter_max(&figures->longest_ns, mine->longest_ns);
        mine->rows = 0;
        mine->chunks = 0;
        mine->time_ns = 0;
        mine->longest_ns = 0;
        copy_scan(&run->scan_figures[branch], run->scans[branch]);
    }
}

static void
note_op(cni_pipe_run *self, int32_t op)
{
    const cni_operator *noted = self->ops == NULL ? NULL : self->ops[op];
    cni_run_notes *notes = &self->notes[op];
    if (noted != NULL && noted->ops->notes != NULL) {
        notes->n_notes = noted->ops->notes(noted, notes->notes, CNI_RUN_MAX_NOTES);
    }
}

void
cni_pipe_run_note_sink(cni_pipe_run *self)
{
    note_op(self, 0);
}

void
cni_pipe_run_note(cni_pipe_run *self)
{
    for (int32_t op = 0; op < self->plan->n_ops; op++) {
        note_op(self, op);
    }
    for (int32_t branch = 0; branch < self->plan->n_branches; branch++) {
        copy_scan(&self->scan_figures[branch], self->scans[branch]);
        cni_counter_set(&self->scan_figures[branch].progress_ppm, 1000000);
    }
}

/* ---- progress ---- */

static void
get_progress(const cni_execution *self, cni_execution_progress *out_progress)
{
    const int64_t started_ns = cni_counter_get(&self->started_ns);
    const int64_t ended_ns = cni_counter_get(&self->ended_ns);
    int64_t ppm = 0;
    int64_t n_tables = 0;
    bool known = true;
    *out_progress = (cni_execution_progress){.fraction = -1.0};
    for (int32_t at = 0; at < self->n_runs; at++) {
        const cni_pipe_run *run = &self->runs[at];
        for (int32_t branch = 0; branch < run->plan->n_branches; branch++) {
            if (run->plan->branches[branch].kind != CNI_PHYS_SOURCE_TABLE) {
                continue;
            }
            const cni_scan_figures *scan = &run->scan_figures[branch];
            const int64_t part_ppm = cni_counter_get(&scan->progress_ppm);
            known = known && (part_ppm >= 0 || cni_flag_consume(&run->launched) == 0);
            ppm += cni_max_i64(part_ppm, 0);
            n_tables++;
            out_progress->rows_scanned += cni_counter_get(&scan->rows_scanned);
            out_progress->bytes_read += cni_counter_get(&scan->bytes_read);
        }
    }
    if (cni_flag_consume(&self->finished) != 0) {
        out_progress->fraction = 1.0;
    } else if (known && n_tables > 0) {
        out_progress->fraction = (double)ppm / 1e6 / (double)n_tables;
    }
    if (started_ns != 0) {
        out_progress->elapsed_ns = (ended_ns == 0 ? cni_clock_ns() : ended_ns) - started_ns;
    }
}

void
cni_execution_progress_get(cni_execution *self, cni_execution_progress *out_progress)
{
    cni_mutex_lock(&self->mutex);
    get_progress(self, out_progress);
    cni_mutex_unlock(&self->mutex);
}

/* ---- text ---- */

typedef struct figure_line {
    const char *name;
    int64_t number;
} figure_line;

#define MAX_SCAN_LINES 9
#define LONG_MS        20.0

static int32_t
scan_lines(const cni_scan_figures *scan, figure_line *out_lines)
{
    const figure_line lines[MAX_SCAN_LINES] = {
        {"bytes_read", cni_counter_get(&scan->bytes_read)},
        {"row_groups", cni_counter_get(&scan->row_groups)},
        {"row_groups_pruned", cni_counter_get(&scan->row_groups_pruned)},
        {"pages_pruned", cni_counter_get(&scan->pages_pruned)},
        {"rows_scanned", cni_counter_get(&scan->rows_scanned)},
        {"rows_filtered", cni_counter_get(&scan->rows_filtered)},
        {"rows_dynamic", cni_counter_get(&scan->rows_dynamic)},
        {"steps", cni_counter_get(&scan->steps)},
        {"memory_peak_bytes", cni_counter_get(&scan->peak_bytes)},
    };
    memcpy(out_lines, lines, sizeof(lines));
    return MAX_SCAN_LINES;
}

static double
milliseconds(const cni_run_figures *figures)
{
    return (double)cni_counter_get(&figures->time_ns) / 1e6;
}

static double
longest_milliseconds(const cni_run_figures *figures)
{
    return (double)cni_counter_get(&figures->longest_ns) / 1e6;
}

/* Calls that kept a worker from looking at anything else for so long that others may feel it. */
static cn_code
print_longest(const cni_run_figures *figures, cni_strbuf *out, cn_error *err)
{
    const double longest_ms = longest_milliseconds(figures);
    return longest_ms < LONG_MS ? CN_OK
                                : cni_strbuf_printf(out, err, " longest=%.1fms", longest_ms);
}

static const char *
branch_name(const cni_phys_branch *branch)
{
    return cni_phys_source_name((cni_phys_source_kind)branch->kind);
}

/* Rows that came out of the join whose probe is `op`: also those of its build. */
static int64_t
join_rows(const cni_pipe_run *run, int32_t op)
{
    int64_t n_rows = cni_counter_get(&run->op_figures[op].rows_out);
    for (int32_t branch = 0; branch < run->plan->n_branches; branch++) {
        const cni_phys_branch *source = &run->plan->branches[branch];
        if (source->kind == CNI_PHYS_SOURCE_BUILD &&
            source->pipeline == run->plan->ops[op].join->build_pipeline) {
            n_rows += cni_counter_get(&run->branch_figures[branch].rows_out);
        }
    }
    return n_rows;
}

static bool
is_probe(const cni_pipe_run *run, int32_t op)
{
    return run->plan->ops[op].kind == CNI_PHYS_OP_JOIN_PROBE;
}

static const char *
filter_name(cni_key_filter_kind kind)
{
    static const char *const names[] = {
        [CNI_KEY_FILTER_PASS] = "pass",     [CNI_KEY_FILTER_NONE] = "none",
        [CNI_KEY_FILTER_RANGE] = "range",   [CNI_KEY_FILTER_LIST] = "list",
        [CNI_KEY_FILTER_BITMAP] = "bitmap", [CNI_KEY_FILTER_BLOOM] = "bloom",
    };
    return names[kind];
}

/* " key_filter=0:bitmap:6001215>12", by slot: rows that were asked about, and those that passed. */
static cn_code
print_key_filters(const cni_pipe_run *run, const cni_phys_branch *branch, cni_strbuf *out,
                  cn_error *err)
{
    for (int32_t at = 0; at < branch->n_key_filters; at++) {
        const int32_t slot = branch->key_filters[at].slot;
        const cni_key_filter *filter = run->execution->key_filters[slot];
        CN_TRY(cni_strbuf_printf(out, err, " key_filter=%d:%s:%lld>%lld", (int)slot,
                                 filter_name(cni_key_filter_kind_of(filter)),
                                 (long long)cni_key_filter_rows_in(filter),
                                 (long long)cni_key_filter_rows_left(filter)));
    }
    return CN_OK;
}

static cn_code
print_branch(const cni_pipe_run *run, int32_t branch, cni_strbuf *out, cn_error *err)
{
    const cni_phys_branch *plan = &run->plan->branches[branch];
    const cni_run_figures *figures = &run->branch_figures[branch];
    figure_line lines[MAX_SCAN_LINES];
    CN_TRY(cni_strbuf_printf(out, err, "  %s", branch_name(plan)));
    if (plan->kind == CNI_PHYS_SOURCE_TABLE) {
        CN_TRY(cni_strbuf_printf(out, err, " %.*s", (int)plan->plan->table_name.len_bytes,
                                 plan->plan->table_name.data));
    } else if (plan->kind == CNI_PHYS_SOURCE_PIPELINE || plan->kind == CNI_PHYS_SOURCE_BUILD) {
        CN_TRY(cni_strbuf_printf(out, err, " of pipeline %d", (int)plan->pipeline));
    }
    CN_TRY(cni_strbuf_printf(out, err, " rows=%lld time=%.3fms",
                             (long long)cni_counter_get(&figures->rows_out),
                             milliseconds(figures)));
    CN_TRY(print_longest(figures, out, err));
    const int32_t n_lines = scan_lines(&run->scan_figures[branch], lines);
    for (int32_t at = 0; at < n_lines; at++) {
        if (lines[at].number != 0) {
            CN_TRY(cni_strbuf_printf(out, err, " %s=%lld", lines[at].name,
                                     (long long)lines[at].number));
        }
    }
    CN_TRY(print_key_filters(run, plan, out, err));
    return cni_strbuf_append_char(out, '\n', err);
}

static const char *
op_name(const cni_pipe_run *run, int32_t op)
{
    return cni_phys_op_name((cni_phys_op_kind)run->plan->ops[op].kind);
}

static cn_code
print_op(const cni_pipe_run *run, int32_t op, cni_strbuf *out, cn_error *err)
{
    const cni_run_figures *figures = &run->op_figures[op];
    const cni_run_notes *notes = &run->notes[op];
    CN_TRY(cni_strbuf_printf(out, err, "  %s rows_in=%lld", op_name(run, op),
                             (long long)cni_counter_get(&figures->rows_in)));
    if (op > 0) {
        CN_TRY(cni_strbuf_printf(out, err, " rows_out=%lld",
                                 (long long)cni_counter_get(&figures->rows_out)));
    }
    CN_TRY(cni_strbuf_printf(out, err, " time=%.3fms", milliseconds(figures)));
    CN_TRY(print_longest(figures, out, err));
    if (cni_counter_get(&figures->peak_bytes) > 0) {
        CN_TRY(cni_strbuf_printf(out, err, " memory=%.1fMB",
                                 (double)cni_counter_get(&figures->peak_bytes) / 1e6));
    }
    if (is_probe(run, op)) {
        const cni_phys_op *spec = &run->plan->ops[op];
        CN_TRY(cni_strbuf_printf(out, err, " kind=%s build=%d estimated=%.0f actual=%lld",
                                 cni_phys_join_name((cni_phys_join_kind)spec->join->kind),
                                 (int)spec->join->build_pipeline, spec->plan->estimated_rows,
                                 (long long)join_rows(run, op)));
    }
    for (int32_t at = 0; cni_flag_consume(&run->finished) != 0 && at < notes->n_notes; at++) {
        const cni_op_note *note = &notes->notes[at];
        if (note->text != NULL) {
            CN_TRY(cni_strbuf_printf(out, err, " %s=%s", note->name, note->text));
        } else {
            CN_TRY(cni_strbuf_printf(out, err, " %s=%lld", note->name, (long long)note->number));
        }
    }
    return cni_strbuf_append_char(out, '\n', err);
}

static const char *
run_state(const cni_pipe_run *run)
{
    if (cni_flag_consume(&run->finished) != 0) {
        return "";
    }
    return cni_flag_consume(&run->launched) != 0 ? " running" : " waiting";
}

/* Rows from disk are a source where there were any. */
static bool
is_shown(const cni_pipe_run *run, int32_t branch)
{
    return !run->plan->branches[branch].spilled_only ||
           cni_counter_get(&run->branch_figures[branch].chunks_in) > 0;
}

static cn_code
print_run(const cni_pipe_run *run, cni_strbuf *out, cn_error *err)
{
    const bool launched = cni_flag_consume(&run->launched) != 0;
    CN_TRY(cni_strbuf_printf(out, err, "Pipeline %d%s%s%s workers=%d\n", (int)run->index,
                             run->plan->keep_order ? " keeps order" : "",
                             run->n_swaps > 0 ? " swapped" : "", run_state(run),
                             launched ? (int)run->n_workers : 0));
    for (int32_t op = run->plan->n_ops - 1; op >= 0; op--) {
        for (int32_t branch = 0; branch < run->plan->n_branches; branch++) {
            if (run->plan->branches[branch].first_op == op && is_shown(run, branch)) {
                CN_TRY(print_branch(run, branch, out, err));
            }
        }
        CN_TRY(print_op(run, op, out, err));
    }
    return CN_OK;
}

/* What the query has written; of all queries where it has no store of its own. */
static int64_t
spilled_bytes(const cni_execution *self)
{
    const cni_spill_store *store = self->context->spill;
    return store == NULL ? 0 : cni_counter_get(&store->written_bytes);
}

static cn_code
print_profile(const cni_execution *self, cni_strbuf *out, cn_error *err)
{
    cni_execution_progress progress;
    get_progress(self, &progress);
    CN_TRY(cni_strbuf_printf(out, err, "Total time=%.3fms memory=%.1fMB",
                             (double)progress.elapsed_ns / 1e6,
                             (double)cni_budget_peak_bytes(self->context->budget) / 1e6));
    const int64_t n_spilled = spilled_bytes(self);
    if (n_spilled > 0) {
        CN_TRY(cni_strbuf_printf(out, err, " spilled=%.1fMB", (double)n_spilled / 1e6));
    }
    CN_TRY(cni_strbuf_append_char(out, '\n', err));
    for (int32_t at = 0; at < self->n_runs; at++) {
        CN_TRY(print_run(&self->runs[self->order[at]], out, err));
    }
    return CN_OK;
}

cn_code
cni_execution_profile(cni_execution *self, cni_strbuf *out, cn_error *err)
{
    cni_mutex_lock(&self->mutex);
    const cn_code code = print_profile(self, out, err);
    cni_mutex_unlock(&self->mutex);
    return code;
}

/* ---- JSON ---- */

static cn_code
print_branch_json(const cni_pipe_run *run, int32_t branch, cni_strbuf *out, cn_error *err)
{
    const cni_run_figures *figures = &run->branch_figures[branch];
    figure_line lines[MAX_SCAN_LINES];
    CN_TRY(cni_strbuf_printf(
        out, err, "%s{\"source\":\"%s\",\"rows\":%lld,\"time_ms\":%.3f,\"longest_ms\":%.3f",
        branch == 0 ? "" : ",", branch_name(&run->plan->branches[branch]),
        (long long)cni_counter_get(&figures->rows_out), milliseconds(figures),
        longest_milliseconds(figures)));
    const int32_t n_lines = scan_lines(&run->scan_figures[branch], lines);
    for (int32_t at = 0; at < n_lines; at++) {
        CN_TRY(cni_strbuf_printf(out, err, ",\"%s\":%lld", lines[at].name,
                                 (long long)lines[at].number));
    }
    for (int32_t at = 0; at < run->plan->branches[branch].n_key_filters; at++) {
        const int32_t slot = run->plan->branches[branch].key_filters[at].slot;
        const cni_key_filter *filter = run->execution->key_filters[slot];
        CN_TRY(cni_strbuf_printf(
            out, err, "%s{\"slot\":%d,\"kind\":\"%s\",\"rows_in\":%lld,\"rows_left\":%lld}%s",
            at == 0 ? ",\"key_filters\":[" : ",", (int)slot,
            filter_name(cni_key_filter_kind_of(filter)), (long long)cni_key_filter_rows_in(filter),
            (long long)cni_key_filter_rows_left(filter),
            at + 1 == run->plan->branches[branch].n_key_filters ? "]" : ""));
    }
    return cni_strbuf_append_char(out, '}', err);
}

static cn_code
print_join_json(const cni_pipe_run *run, int32_t op, cni_strbuf *out, cn_error *err)
{
    const cni_phys_op *spec = &run->plan->ops[op];
    return cni_strbuf_printf(out, err,
                             "\"join\":\"%s\",\"build_pipeline\":%d,\"estimated_rows\":%.0f,"
                             "\"actual_rows\":%lld,",
                             cni_phys_join_name((cni_phys_join_kind)spec->join->kind),
                             (int)spec->join->build_pipeline, spec->plan->estimated_rows,
                             (long long)join_rows(run, op));
}

static cn_code
print_op_json(const cni_pipe_run *run, int32_t op, cni_strbuf *out, cn_error *err)
{
    const cni_run_figures *figures = &run->op_figures[op];
    const cni_run_notes *notes = &run->notes[op];
    CN_TRY(cni_strbuf_printf(out, err,
                             "%s{\"name\":\"%s\",\"next\":%d,\"rows_in\":%lld,\"rows_out\":%lld,"
                             "\"chunks_in\":%lld,\"memory_peak_bytes\":%lld,\"time_ms\":%.3f,"
                             "\"longest_ms\":%.3f,",
                             op == 0 ? "" : ",", op_name(run, op), (int)run->plan->ops[op].next,
                             (long long)cni_counter_get(&figures->rows_in),
                             (long long)cni_counter_get(&figures->rows_out),
                             (long long)cni_counter_get(&figures->chunks_in),
                             (long long)cni_counter_get(&figures->peak_bytes),
                             milliseconds(figures), longest_milliseconds(figures)));
    if (is_probe(run, op)) {
        CN_TRY(print_join_json(run, op, out, err));
    }
    CN_TRY(cni_strbuf_append(out, cni_str_of("\"notes\":{"), err));
    for (int32_t at = 0; cni_flag_consume(&run->finished) != 0 && at < notes->n_notes; at++) {
        const cni_op_note *note = &notes->notes[at];
        CN_TRY(cni_strbuf_printf(out, err, "%s\"%s\":", at == 0 ? "" : ",", note->name));
        if (note->text != NULL) {
            CN_TRY(cni_strbuf_printf(out, err, "\"%s\"", note->text));
        } else {
            CN_TRY(cni_strbuf_printf(out, err, "%lld", (long long)note->number));
        }
    }
    return cni_strbuf_append(out, cni_str_of("}}"), err);
}

/* By index, which is what joins name their builds by. */
static cn_code
print_profile_json(const cni_execution *self, cni_strbuf *out, cn_error *err)
{
    cni_execution_progress progress;
    get_progress(self, &progress);
    CN_TRY(cni_strbuf_printf(
        out, err,
        "{\"time_ms\":%.3f,\"memory_peak_bytes\":%lld,\"spilled_bytes\":%lld,\"pipelines\":[",
        (double)progress.elapsed_ns / 1e6, (long long)cni_budget_peak_bytes(self->context->budget),
        (long long)spilled_bytes(self)));
    for (int32_t at = 0; at < self->n_runs; at++) {
        const cni_pipe_run *run = &self->runs[at];
        CN_TRY(cni_strbuf_printf(out, err,
                                 "%s{\"keep_order\":%s,\"swapped\":%s,\"finished\":%s,"
                                 "\"sources\":[",
                                 at == 0 ? "" : ",", run->plan->keep_order ? "true" : "false",
                                 run->n_swaps > 0 ? "true" : "false",
                                 cni_flag_consume(&run->finished) != 0 ? "true" : "false"));
        for (int32_t branch = 0; branch < run->plan->n_branches; branch++) {
            if (is_shown(run, branch)) {
                CN_TRY(print_branch_json(run, branch, out, err));
            }
        }
        CN_TRY(cni_strbuf_append(out, cni_str_of("],\"operators\":["), err));
        for (int32_t op = 0; op < run->plan->n_ops; op++) {
            CN_TRY(print_op_json(run, op, out, err));
        }
        CN_TRY(cni_strbuf_append(out, cni_str_of("]}"), err));
    }
    return cni_strbuf_append(out, cni_str_of("]}"), err);
}

cn_code
cni_execution_profile_json(cni_execution *self, cni_strbuf *out, cn_error *err)
{
    cni_mutex_lock(&self->mutex);
    const cn_code code = print_profile_json(self, out, err);
    cni_mutex_unlock(&self->mutex);
    return code;
}

/* ---- one figure ---- */

static bool
add_line(const figure_line *lines, int32_t n_lines, const char *figure, int64_t *inout_sum)
{
    for (int32_t at = 0; at < n_lines; at++) {
        if (strcmp(lines[at].name, figure) == 0) {
            *inout_sum += lines[at].number;
            return true;
        }
    }
    return false;
}

static bool
branch_figure(const cni_pipe_run *run, int32_t branch, const char *figure, int64_t *inout_sum)
{
    const cni_run_figures *figures = &run->branch_figures[branch];
    figure_line lines[MAX_SCAN_LINES];
    const figure_line common[] = {{"rows_out", cni_counter_get(&figures->rows_out)},
                                  {"chunks", cni_counter_get(&figures->chunks_in)},
                                  {"time_ns", cni_counter_get(&figures->time_ns)}};
    const int32_t n_lines = scan_lines(&run->scan_figures[branch], lines);
    return add_line(common, 3, figure, inout_sum) || add_line(lines, n_lines, figure, inout_sum);
}

static bool
op_figure(const cni_pipe_run *run, int32_t op, const char *figure, int64_t *inout_sum)
{
    const cni_run_figures *figures = &run->op_figures[op];
    const cni_run_notes *notes = &run->notes[op];
    const figure_line common[] = {{"rows_in", cni_counter_get(&figures->rows_in)},
                                  {"rows_out", cni_counter_get(&figures->rows_out)},
                                  {"chunks_in", cni_counter_get(&figures->chunks_in)},
                                  {"memory_peak_bytes", cni_counter_get(&figures->peak_bytes)},
                                  {"time_ns", cni_counter_get(&figures->time_ns)}};
    bool found = add_line(common, CN_ARRAY_LEN(common), figure, inout_sum);
    for (int32_t at = 0; cni_flag_consume(&run->finished) != 0 && at < notes->n_notes; at++) {
        if (strcmp(notes->notes[at].name, figure) == 0) {
            *inout_sum += notes->notes[at].number;
            found = true;
        }
    }
    return found;
}

bool
cni_execution_figure(cni_execution *self, const char *op, const char *figure, int64_t *out_number)
{
    bool found = false;
    int64_t sum = 0;
    cni_mutex_lock(&self->mutex);
    for (int32_t at = 0; at < self->n_runs; at++) {
        const cni_pipe_run *run = &self->runs[at];
        for (int32_t branch = 0; branch < run->plan->n_branches; branch++) {
            if (strcmp(branch_name(&run->plan->branches[branch]), op) == 0) {
                found = branch_figure(run, branch, figure, &sum) || found;
            }
        }
        for (int32_t index = 0; index < run->plan->n_ops; index++) {
            if (strcmp(op_name(run, index), op) == 0) {
                found = op_figure(run, index, figure, &sum) || found;
            }
        }
    }
    cni_mutex_unlock(&self->mutex);
    if (found) {
        *out_number = sum;
    }
    return found;
}
