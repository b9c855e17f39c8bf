/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator contract, slot by slot, with an operator made for it (the probe): every flush
 * reason, watermarks in their order from an unbounded source, BLOCKED on push and next, finalize
 * tasks, reclaim of a finished sink when another pipeline runs out of budget, snapshot and restore,
 * DONE, close.
 */
#include "exec/operator/operators.h"
#include "support/run_plan.h"

#define MAX_WORKERS 8

typedef struct probe_log {
    cni_mutex mutex; /* guards the rest */
    int64_t n_rows;
    int64_t n_opened;
    int64_t n_closed_locals;
    int64_t n_closed;
    int64_t n_combined;
    int64_t n_blocked;
    int64_t n_flushes[4];
    int64_t n_finalized;
    int64_t n_reclaimed;
    int64_t n_watermarks;
    int64_t last_watermark; /* of all workers */
    int64_t n_too_early;    /* watermarks that were ahead of rows that they cover */
    bool in_order;          /* every worker saw ascending watermarks, each after its flush */
    int32_t n_workers;
} probe_log;

/* How the probe behaves. */
typedef struct probe_traits {
    bool sink;
    bool without_watermark;
    int32_t block_every;
    int64_t done_after; /* rows; 0 = never */
    int32_t n_finalize_tasks;
    int64_t hold_bytes; /* a sink's state, given back by reclaim */
} probe_traits;

typedef struct probe {
    cni_operator base;
    probe_traits traits;
    probe_log *log;
    void *held;
    int64_t held_bytes;
} probe;

typedef struct probe_local {
    int64_t n_calls;
    int64_t n_rows;
    int64_t watermark;
    bool flushed; /* since the last watermark */
    cni_chunk waiting;
    bool has_waiting;
} probe_local;

static cn_code
probe_open_global(cni_operator *base, cn_error *err)
{
    probe *self = (probe *)base;
    self->log->n_workers = base->n_workers;
    if (self->traits.hold_bytes > 0) {
        CN_TRY(cni_alloc(cni_budget_allocator(base->budget), self->traits.hold_bytes, &self->held,
                         err));
        self->held_bytes = self->traits.hold_bytes;
    }
    return CN_OK;
}

static cn_code
probe_open_local(cni_operator *base, void **out_local, cn_error *err)
{
    probe *self = (probe *)base;
    probe_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(base->context->allocator, (int64_t)sizeof(*local), &local, err));
    cni_chunk_init(&local->waiting, base->context->allocator);
    local->watermark = INT64_MIN;
    cni_mutex_lock(&self->log->mutex);
    self->log->n_opened++;
    cni_mutex_unlock(&self->log->mutex);
    *out_local = local;
    return CN_OK;
}

/* Every k-th call is refused, with a wake that comes before the answer. */
static bool
probe_blocks(probe *self, probe_local *local, cni_waker own_waker)
{
    if (self->traits.block_every > 0 && ++local->n_calls % self->traits.block_every == 0) {
        cni_mutex_lock(&self->log->mutex);
        self->log->n_blocked++;
        cni_mutex_unlock(&self->log->mutex);
        cni_waker_wake(own_waker);
        return true;
    }
    cni_waker_drop(own_waker);
    return false;
}

static cn_code
probe_push(cni_operator *base, void *opaque, cni_chunk *chunk, cni_waker own_waker,
           cni_op_answer *out_answer, cn_error *err)
{
    probe *self = (probe *)base;
    probe_local *local = opaque;
    (void)err;
    if (probe_blocks(self, local, own_waker)) {
        *out_answer = CNI_OP_BLOCKED;
        return CN_OK;
    }
    cni_mutex_lock(&self->log->mutex);
    self->log->n_rows += chunk->n_rows;
    const int64_t n_rows = self->log->n_rows;
    cni_mutex_unlock(&self->log->mutex);
    local->n_rows += chunk->n_rows;
    local->flushed = false;
    if (!self->traits.sink) {
        cni_chunk_swap(&local->waiting, chunk);
        local->has_waiting = true;
    }
    const bool done = self->traits.done_after > 0 && n_rows >= self->traits.done_after;
    *out_answer = self->traits.sink ? CNI_OP_NEED_MORE : CNI_OP_HAVE_MORE;
    *out_answer = self->traits.sink && done ? CNI_OP_DONE : *out_answer;
    return CN_OK;
}

static cn_code
probe_next(cni_operator *base, void *opaque, cni_chunk *out_chunk, cni_waker own_waker,
           cni_op_answer *out_answer, cn_error *err)
{
    probe *self = (probe *)base;
    probe_local *local = opaque;
    (void)err;
    if (probe_blocks(self, local, own_waker)) {
        *out_answer = CNI_OP_BLOCKED;
        return CN_OK;
    }
    if (local->has_waiting) {
        cni_chunk_swap(out_chunk, &local->waiting);
        cni_chunk_reset(&local->waiting);
        local->has_waiting = false;
    }
    *out_answer = CNI_OP_NEED_MORE;
    return CN_OK;
}

static cn_code
probe_flush(cni_operator *base, void *opaque, cni_flush_reason reason, cn_error *err)
{
    probe *self = (probe *)base;
    probe_local *local = opaque;
    (void)err;
    local->flushed = true;
    cni_mutex_lock(&self->log->mutex);
    self->log->n_flushes[reason]++;
    cni_mutex_unlock(&self->log->mutex);
    return CN_OK;
}

static cn_code
probe_on_watermark(cni_operator *base, void *opaque, int64_t watermark_us, cn_error *err)
{
    probe *self = (probe *)base;
    probe_local *local = opaque;
    (void)err;
    cni_mutex_lock(&self->log->mutex);
    self->log->n_watermarks++;
    self->log->in_order = self->log->in_order && local->flushed &&
                          watermark_us > local->watermark &&
                          watermark_us >= self->log->last_watermark;
    if (watermark_us > self->log->last_watermark) {
        /* the first worker that is told: all rows that it covers are there */
        self->log->last_watermark = watermark_us;
        self->log->n_too_early += self->log->n_rows < watermark_us / 1000 * 10;
    }
    cni_mutex_unlock(&self->log->mutex);
    local->watermark = watermark_us;
    return CN_OK;
}

static cn_code
probe_combine(cni_operator *base, void *local, cn_error *err)
{
    probe *self = (probe *)base;
    (void)local;
    (void)err;
    cni_mutex_lock(&self->log->mutex);
    self->log->n_combined++;
    cni_mutex_unlock(&self->log->mutex);
    return CN_OK;
}

static int32_t
probe_finalize_tasks(cni_operator *base)
{
    const probe *self = (const probe *)base;
    return self->traits.n_finalize_tasks;
}

static cn_code
probe_finalize(cni_operator *base, int32_t task, int32_t n_tasks, cn_error *err)
{
    probe *self = (probe *)base;
    (void)err;
    assert_int_equal(n_tasks, self->traits.n_finalize_tasks);
    cni_mutex_lock(&self->log->mutex);
    self->log->n_finalized += INT64_C(1) << task;
    cni_mutex_unlock(&self->log->mutex);
    return CN_OK;
}

/* ---- an empty source: what a sink of the probe gives ---- */

static cni_morsel_answer
empty_next_morsel(cni_scan *self, cni_waker own_waker, int64_t *out_morsel)
{
    (void)self;
    (void)out_morsel;
    cni_waker_drop(own_waker);
    return CNI_MORSEL_NONE;
}

static void
empty_close(cni_scan *self)
{
    (void)self;
}

static cn_code
probe_open_source(cni_operator *base, cni_scan **out_scan, cn_error *err)
{
    static const cni_scan_ops ops = {.next_morsel = empty_next_morsel, .close = empty_close};
    static cni_scan scan = {.ops = &ops, .n_morsels = 0};
    (void)base;
    (void)err;
    *out_scan = &scan;
    return CN_OK;
}

static int64_t
probe_reclaim(cni_operator *base, int64_t n_bytes)
{
    probe *self = (probe *)base;
    (void)n_bytes;
    const int64_t n_released = self->held_bytes;
    cni_dealloc(cni_budget_allocator(base->budget), self->held, self->held_bytes);
    self->held = NULL;
    self->held_bytes = 0;
    self->log->n_reclaimed++;
    return n_released;
}

static int64_t
probe_state_bytes(const cni_operator *base)
{
    const probe *self = (const probe *)base;
    return self->held_bytes;
}

static cn_code
probe_snapshot(cni_operator *base, void *opaque, cni_strbuf *out, cn_error *err)
{
    const probe_local *local = opaque;
    (void)base;
    return cni_strbuf_printf(out, err, "rows=%lld", (long long)local->n_rows);
}

static cn_code
probe_restore(cni_operator *base, void *opaque, cni_str state, cn_error *err)
{
    probe_local *local = opaque;
    long long n_rows = 0;
    (void)base;
    if (!cni_str_starts_with(state, cni_str_of("rows="))) {
        return CN_FAIL(err, CN_INVALID_DATA, "not a probe's state");
    }
    for (int64_t at = 5; at < state.len_bytes; at++) {
        n_rows = n_rows * 10 + (state.data[at] - '0');
    }
    local->n_rows = n_rows;
    return CN_OK;
}

static int32_t
probe_notes(const cni_operator *base, cni_op_note *out_notes, int32_t max_notes)
{
    const probe *self = (const probe *)base;
    assert_true(max_notes >= 2);
    out_notes[0] = (cni_op_note){"strategy", "probe", 0};
    out_notes[1] = (cni_op_note){"blocked", NULL, self->log->n_blocked};
    return 2;
}

static void
probe_close_local(cni_operator *base, void *opaque)
{
    probe *self = (probe *)base;
    probe_local *local = opaque;
    cni_chunk_done(&local->waiting);
    cni_dealloc(base->context->allocator, local, (int64_t)sizeof(*local));
    cni_mutex_lock(&self->log->mutex);
    self->log->n_closed_locals++;
    cni_mutex_unlock(&self->log->mutex);
}

static void
probe_close(cni_operator *base)
{
    probe *self = (probe *)base;
    self->log->n_closed++;
    cni_dealloc(cni_budget_allocator(base->budget), self->held, self->held_bytes);
    cni_budget_unref(base->budget);
    cni_dealloc(base->context->allocator, self, (int64_t)sizeof(*self));
}

static const cni_operator_ops probe_ops = {
    .name = "Probe",
    .open_global = probe_open_global,
    .open_local = probe_open_local,
    .push = probe_push,
    .next = probe_next,
    .flush = probe_flush,
    .on_watermark = probe_on_watermark,
    .combine = probe_combine,
    .finalize_tasks = probe_finalize_tasks,
    .finalize = probe_finalize,
    .open_source = probe_open_source,
    .reclaim = probe_reclaim,
    .state_bytes = probe_state_bytes,
    .snapshot = probe_snapshot,
    .restore = probe_restore,
    .notes = probe_notes,
    .close_local = probe_close_local,
    .close = probe_close,
};

typedef struct probe_factory {
    cni_operator_factory base;
    probe_traits traits;
    probe_log log;
    cni_operator_ops ops;
} probe_factory;

static cn_code
probe_make(const cni_operator_factory *base, const cni_phys_op *spec, const cni_operator_env *env,
           cni_operator **out_operator, cn_error *err)
{
    probe_factory *factory = base->private_data;
    probe *self = NULL;
    CN_TRY(cni_alloc_zeroed(env->context->allocator, (int64_t)sizeof(*self), &self, err));
    cni_operator_init(&self->base, &factory->ops, env, spec->plan);
    self->traits = factory->traits;
    self->log = &factory->log;
    const cn_code code = cni_budget_new(env->context->budget, "probe", CNI_BUDGET_UNLIMITED,
                                        &self->base.budget, err);
    if (code != CN_OK) {
        cni_dealloc(env->context->allocator, self, (int64_t)sizeof(*self));
        return code;
    }
    *out_operator = &self->base;
    return CN_OK;
}

static void
probe_factory_init(probe_factory *self, probe_traits traits)
{
    *self = (probe_factory){.traits = traits, .ops = probe_ops};
    self->base = (cni_operator_factory){probe_make, self};
    self->log.in_order = true;
    self->log.last_watermark = INT64_MIN;
    cni_mutex_init(&self->log.mutex);
    if (traits.without_watermark) {
        self->ops.on_watermark = NULL;
    }
}

/* ---- plans by hand ---- */

static int64_t
number(int64_t row)
{
    return row;
}

static memory_table *
number_table(int64_t n_rows, memory_traits traits)
{
    memory_table *table = memory_table_new(n_rows, traits);
    memory_table_add_i64(table, "id", number, 0);
    return table;
}

static const cni_type *int64_types[1];
static const int32_t first_column[1] = {0};

static cni_phys_branch
table_branch(const cni_plan *scan, int32_t first_op)
{
    return (cni_phys_branch){
        .kind = CNI_PHYS_SOURCE_TABLE,
        .ordered = true,
        .first_op = first_op,
        .plan = scan,
        .n_columns = 1,
        .types = int64_types,
        .request = {.n_columns = 1, .table_columns = first_column, .limit = CNI_NO_LIMIT}};
}

static cni_phys_op
plain_op(cni_phys_op_kind kind, int32_t next, int32_t n_branches)
{
    return (cni_phys_op){.kind = (uint8_t)kind,
                         .next = next,
                         .n_inputs = 1,
                         .input_types = int64_types,
                         .n_outputs = 1,
                         .output_types = int64_types,
                         .n_branches = n_branches,
                         .limit = CNI_NO_LIMIT};
}

/* scan -> probe -> result */
static void
run_streaming(memory_table *table, probe_factory *factory, int32_t n_threads, int64_t n_expected)
{
    plan_run run;
    cni_chunk chunk;
    cni_execution_answer answer = CNI_EXECUTION_CHUNK;
    int64_t n_rows = 0;
    plan_run_begin(&run, (run_settings){.n_threads = n_threads});
    cni_phys_op ops[2] = {plain_op(CNI_PHYS_OP_RESULT, -1, 1), plain_op(CNI_PHYS_OP_CUSTOM, 0, 1)};
    ops[1].custom = factory;
    const cni_phys_branch branch = table_branch(scan_plan(&run, table), 1);
    const cni_phys_pipeline pipeline = {.n_branches = 1,
                                        .branches = &branch,
                                        .n_ops = 2,
                                        .ops = ops,
                                        .keep_order = true,
                                        .unbounded = table->base.unbounded};
    const cni_physical_plan plan = {.n_pipelines = 1,
                                    .pipelines = &pipeline,
                                    .n_columns = 1,
                                    .ordered = true,
                                    .estimated_rows = -1.0};
    RUN_OK(&run, cni_execution_new(&plan, &run.context, &run.execution, &run.err));
    cni_chunk_init(&chunk, cni_allocator_system());
    while (answer == CNI_EXECUTION_CHUNK) {
        RUN_OK(&run, cni_execution_next(run.execution, &chunk, &answer, &run.err));
        n_rows += answer == CNI_EXECUTION_CHUNK ? chunk.n_rows : 0;
    }
    assert_int_equal(n_rows, n_expected);
    cni_chunk_done(&chunk);
    plan_run_end(&run);
}

static void
test_every_slot_of_a_streaming_operator(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 4; n_threads++) {
        memory_table *table = number_table(5000, (memory_traits){.morsel_rows = 100});
        probe_factory factory;
        probe_factory_init(&factory, (probe_traits){.block_every = 7});
        run_streaming(table, &factory, n_threads, 5000);
        const probe_log *log = &factory.log;
        assert_int_equal(log->n_rows, 5000);
        assert_int_equal(log->n_flushes[CNI_FLUSH_MORSEL], 50);
        assert_int_equal(log->n_flushes[CNI_FLUSH_INPUT], log->n_workers);
        assert_int_equal(log->n_combined, log->n_workers);
        assert_int_equal(log->n_opened, log->n_workers);
        assert_int_equal(log->n_closed_locals, log->n_workers);
        assert_int_equal(log->n_closed, 1);
        assert_true(log->n_blocked > 0);
        cni_table_unref(&table->base);
    }
}

/* Watermarks come to every worker, in order, flushed before, with all rows ahead of them and none
 * behind. */
static void
test_watermarks_are_delivered_in_order(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 6; n_threads++) {
        memory_table *table = number_table(3000, (memory_traits){.morsel_rows = 10,
                                                                 .watermark_every = 5,
                                                                 .unknown_morsels = true,
                                                                 .block_every = 4});
        probe_factory factory;
        probe_factory_init(&factory, (probe_traits){.block_every = 11});
        run_streaming(table, &factory, n_threads, 3000);
        const probe_log *log = &factory.log;
        assert_int_equal(log->n_workers, n_threads);
        assert_true(log->in_order);
        assert_int_equal(log->last_watermark, 300 * 1000);
        assert_int_equal(log->n_too_early, 0);
        assert_int_equal(log->n_watermarks, 60 * (int64_t)n_threads);
        assert_int_equal(log->n_flushes[CNI_FLUSH_WATERMARK], 60 * (int64_t)n_threads);
        cni_table_unref(&table->base);
    }
}

static void
test_unbounded_over_unfit_operator_is_refused(void **state)
{
    (void)state;
    memory_table *table = number_table(
        100, (memory_traits){.morsel_rows = 10, .watermark_every = 5, .unknown_morsels = true});
    probe_factory factory;
    plan_run run;
    cni_chunk chunk;
    cni_execution_answer answer;
    probe_factory_init(&factory, (probe_traits){.without_watermark = true});
    plan_run_begin(&run, (run_settings){0});
    cni_phys_op ops[2] = {plain_op(CNI_PHYS_OP_RESULT, -1, 1), plain_op(CNI_PHYS_OP_CUSTOM, 0, 1)};
    ops[1].custom = &factory;
    const cni_phys_branch branch = table_branch(scan_plan(&run, table), 1);
    const cni_phys_pipeline pipeline = {.n_branches = 1,
                                        .branches = &branch,
                                        .n_ops = 2,
                                        .ops = ops,
                                        .keep_order = true,
                                        .unbounded = true};
    const cni_physical_plan plan = {
        .n_pipelines = 1, .pipelines = &pipeline, .n_columns = 1, .estimated_rows = -1.0};
    RUN_OK(&run, cni_execution_new(&plan, &run.context, &run.execution, &run.err));
    cni_chunk_init(&chunk, cni_allocator_system());
    assert_int_equal(cni_execution_next(run.execution, &chunk, &answer, &run.err),
                     CN_NOT_IMPLEMENTED);
    assert_non_null(strstr(run.err.message, "Probe"));
    plan_run_end(&run);
    assert_int_equal(factory.log.n_closed, 1);
    cni_table_unref(&table->base);
}

/* ---- sinks ---- */

typedef struct two_sinks {
    plan_run run;
    cni_phys_op probe_ops[1];
    cni_phys_op sort_ops[1];
    cni_phys_op result_ops[1];
    cni_phys_order order;
    cni_phys_sort sort;
    cni_phys_branch branches[4];
    cni_phys_pipeline pipelines[3];
    cni_physical_plan plan;
} two_sinks;

static cni_phys_branch
pipeline_branch(int32_t pipeline)
{
    return (cni_phys_branch){.kind = CNI_PHYS_SOURCE_PIPELINE,
                             .first_op = 0,
                             .n_columns = 1,
                             .types = int64_types,
                             .pipeline = pipeline};
}

/* (small -> probe) and (large -> sort), then both -> result. */
static void
build_two_sinks(two_sinks *self, probe_factory *factory, memory_table *small, memory_table *large)
{
    self->probe_ops[0] = plain_op(CNI_PHYS_OP_CUSTOM, -1, 1);
    self->probe_ops[0].custom = factory;
    self->order = (cni_phys_order){.position = 0, .descending = true, .nullable = true};
    self->sort = (cni_phys_sort){.n_inputs = 1,
                                 .input_types = int64_types,
                                 .n_outputs = 1,
                                 .n_orders = 1,
                                 .orders = &self->order,
                                 .limit = CNI_NO_LIMIT};
    self->sort_ops[0] = plain_op(CNI_PHYS_OP_SORT, -1, 1);
    self->sort_ops[0].sort = &self->sort;
    self->result_ops[0] = plain_op(CNI_PHYS_OP_RESULT, -1, 2);
    self->branches[0] = table_branch(scan_plan(&self->run, small), 0);
    self->branches[1] = table_branch(scan_plan(&self->run, large), 0);
    self->branches[2] = pipeline_branch(0);
    self->branches[3] = pipeline_branch(1);
    self->pipelines[0] = (cni_phys_pipeline){.n_branches = 1,
                                             .branches = &self->branches[0],
                                             .n_ops = 1,
                                             .ops = self->probe_ops,
                                             .keep_order = false};
    self->pipelines[1] = (cni_phys_pipeline){.n_branches = 1,
                                             .branches = &self->branches[1],
                                             .n_ops = 1,
                                             .ops = self->sort_ops,
                                             .keep_order = true};
    self->pipelines[2] = (cni_phys_pipeline){.n_branches = 2,
                                             .branches = &self->branches[2],
                                             .n_ops = 1,
                                             .ops = self->result_ops,
                                             .keep_order = true};
    self->plan = (cni_physical_plan){
        .n_pipelines = 3, .pipelines = self->pipelines, .n_columns = 1, .estimated_rows = -1.0};
}

static int64_t
drain_two_sinks(two_sinks *self)
{
    cni_chunk chunk;
    cni_execution_answer answer = CNI_EXECUTION_CHUNK;
    int64_t n_rows = 0;
    RUN_OK(&self->run, cni_execution_new(&self->plan, &self->run.context, &self->run.execution,
                                         &self->run.err));
    cni_chunk_init(&chunk, cni_allocator_system());
    while (answer == CNI_EXECUTION_CHUNK) {
        RUN_OK(&self->run,
               cni_execution_next(self->run.execution, &chunk, &answer, &self->run.err));
        n_rows += answer == CNI_EXECUTION_CHUNK ? chunk.n_rows : 0;
    }
    cni_chunk_done(&chunk);
    return n_rows;
}

static void
test_finished_sink_gives_memory_back(void **state)
{
    (void)state;
    memory_table *small = number_table(10, (memory_traits){0});
    memory_table *large = number_table(900000, (memory_traits){.morsel_rows = 1000});
    probe_factory factory;
    two_sinks sinks;
    int64_t n = 0;
    probe_factory_init(&factory,
                       (probe_traits){.sink = true, .n_finalize_tasks = 3, .hold_bytes = 20 << 20});
    plan_run_begin(&sinks.run, (run_settings){0});
    build_two_sinks(&sinks, &factory, small, large);
    cni_budget_set_limit(sinks.run.context.budget, 22 << 20);
    assert_int_equal(drain_two_sinks(&sinks), 900000);
    assert_int_equal(factory.log.n_reclaimed, 1);
    assert_int_equal(factory.log.n_finalized, 7); /* tasks 0, 1, 2 once each */
    assert_int_equal(factory.log.n_rows, 10);
    assert_true(cni_execution_figure(sinks.run.execution, "Custom", "rows_in", &n));
    assert_int_equal(n, 10);
    assert_true(cni_execution_figure(sinks.run.execution, "Custom", "blocked", &n));
    plan_run_end(&sinks.run);
    cni_table_unref(&small->base);
    cni_table_unref(&large->base);
}

static void
test_sink_that_is_done_stops_its_scan(void **state)
{
    (void)state;
    memory_table *small = number_table(100000, (memory_traits){.morsel_rows = 100});
    memory_table *large = number_table(10, (memory_traits){0});
    probe_factory factory;
    two_sinks sinks;
    probe_factory_init(&factory, (probe_traits){.sink = true, .done_after = 500});
    plan_run_begin(&sinks.run, (run_settings){.n_threads = 2});
    build_two_sinks(&sinks, &factory, small, large);
    assert_int_equal(drain_two_sinks(&sinks), 10);
    assert_true(factory.log.n_rows >= 500 && factory.log.n_rows < 2000);
    plan_run_end(&sinks.run);
    cni_table_unref(&small->base);
    cni_table_unref(&large->base);
}

static void
test_snapshot_and_restore(void **state)
{
    (void)state;
    plan_run run;
    probe_factory factory;
    cni_operator *operator= NULL;
    void *before = NULL;
    void *after = NULL;
    cni_strbuf text;
    text_begin(&text);
    probe_factory_init(&factory, (probe_traits){.sink = true});
    plan_run_begin(&run, (run_settings){0});
    const cni_phys_op spec = plain_op(CNI_PHYS_OP_CUSTOM, -1, 1);
    const cni_operator_env env = {.context = &run.context, .n_workers = 2};
    RUN_OK(&run, probe_make(&factory.base, &spec, &env, &operator, & run.err));
    RUN_OK(&run, operator->ops->open_global(operator, & run.err));
    RUN_OK(&run, operator->ops->open_local(operator, & before, &run.err));
    RUN_OK(&run, operator->ops->open_local(operator, & after, &run.err));
    ((probe_local *)before)->n_rows = 1234;
    RUN_OK(&run, operator->ops->snapshot(operator, before, &text, &run.err));
    RUN_OK(&run, operator->ops->restore(operator, after, cni_strbuf_view(&text), &run.err));
    assert_int_equal(((probe_local *)after)->n_rows, 1234);
    assert_int_equal(operator->ops->restore(operator, after, cni_str_of("?"), &run.err),
                     CN_INVALID_DATA);
    operator->ops->close_local(operator, before);
    operator->ops->close_local(operator, after);
    cni_operator_close(operator);
    cni_operator_close(NULL);
    plan_run_end(&run);
    cni_strbuf_done(&text);
}

int
main(void)
{
    int64_types[0] = cni_type_of(CNI_TYPE_INT64);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_slot_of_a_streaming_operator),
        cmocka_unit_test(test_watermarks_are_delivered_in_order),
        cmocka_unit_test(test_unbounded_over_unfit_operator_is_refused),
        cmocka_unit_test(test_finished_sink_gives_memory_back),
        cmocka_unit_test(test_sink_that_is_done_stops_its_scan),
        cmocka_unit_test(test_snapshot_and_restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
