/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker of a pipeline: a resumable task that claims morsels and carries their chunks through the
 * operators to the sink. It owns one local of every operator.
 *
 *   OPEN -> CLAIM -> READ ... READ -> END -> CLAIM ... -> INPUT -> COMBINE -> OVER
 *             \-> CONTROL -> CLAIM
 *
 * A CONTROL is a watermark, a checkpoint or a barrier, which only empties the operators.
 *
 * At any time at most one chunk is on its way (carry), and operators that answered HAVE_MORE wait
 * on a stack, the one nearest to the sink on top: it is asked first, so no chunk ever waits in the
 * middle. A BLOCKED answer parks the task as it stands.
 */
#include "exec/pipeline/pipeline_int.h"

#define STEP_NS INT64_C(1000000)

/* How a phase ended. */
typedef enum worker_pace {
    PACE_ON,      /* go on with what the phase is now */
    PACE_YIELD,   /* the step was long enough */
    PACE_BLOCKED, /* a waker is held somewhere */
    PACE_OVER
} worker_pace;

cn_code
cni_pipe_worker_init(cni_pipe_worker *self, cni_pipe_run *run, int32_t number, cn_error *err)
{
    cni_allocator *allocator = run->execution->allocator;
    const int32_t n_ops = run->plan->n_ops;
    *self = (cni_pipe_worker){.run = run, .number = number, .phase = CNI_WORKER_OPEN};
    cni_chunk_init(&self->chunk, allocator);
    cni_chunk_init(&self->whole, allocator);
    CN_TRY(cni_alloc_zeroed(allocator, n_ops * (int64_t)sizeof(*self->ops), &self->ops, err));
    for (int32_t op = 0; op < n_ops; op++) {
        cni_chunk_init(&self->ops[op].out, allocator);
    }
    CN_TRY(cni_alloc_zeroed(allocator, run->plan->n_branches * (int64_t)sizeof(*self->branches),
                            &self->branches, err));
    return cni_alloc_zeroed(allocator, n_ops * (int64_t)sizeof(*self->stack), &self->stack, err);
}

/* ---- time ---- */

/* Time since the last event, which whoever worked meanwhile is charged with. */
static int64_t
lap(cni_pipe_worker *self)
{
    const int64_t now_ns = cni_clock_ns();
    const int64_t passed_ns = now_ns - self->clock_ns;
    self->clock_ns = now_ns;
    return passed_ns;
}

/* Charge an operator or a branch. */
static void
charge_lap(cni_pipe_worker *self, int64_t *inout_time_ns, int64_t *inout_longest_ns)
{
    const int64_t passed_ns = lap(self);
    *inout_time_ns += passed_ns;
    *inout_longest_ns = cni_max_i64(*inout_longest_ns, passed_ns);
}

/* ---- carrying chunks ---- */

static void
put_on_stack(cni_pipe_worker *self, int32_t op)
{
    if (self->run->ops[op]->ops->next != NULL) {
        self->stack[self->n_stack++] = op;
    }
}

/* An operator wants no more of this morsel, nor any that was not handed out yet. */
static void
stop_branches(cni_pipe_worker *self, int32_t op)
{
    self->abandoned = true;
    const cni_phys_op *spec = &self->run->plan->ops[op];
    cni_morsel_source_close(&self->run->source, spec->first_branch, spec->n_branches);
}

static cni_chunk *
carried(cni_pipe_worker *self)
{
    return self->carry_from < 0 ? &self->chunk : &self->ops[self->carry_from].out;
}

static void
carry(cni_pipe_worker *self, int32_t from, int32_t to)
{
    self->carrying = true;
    self->carry_from = from;
    self->carry_to = to;
}

/* Push the chunk on its way. */
static cn_code
push_carried(cni_pipe_worker *self, cni_task *task, worker_pace *out_pace, cn_error *err)
{
    const int32_t target = self->carry_to;
    cni_operator *op = self->run->ops[target];
    cni_worker_op *mine = &self->ops[target];
    cni_chunk *chunk = carried(self);
    const int64_t n_rows = chunk->n_rows;
    cni_op_answer answer = CNI_OP_NEED_MORE;
    const cn_code code = op->ops->push(op, mine->local, chunk, cni_task_waker(task), &answer, err);
    charge_lap(self, &mine->counters.time_ns, &mine->counters.longest_ns);
    if (code != CN_OK) {
        return code;
    }
    if (answer == CNI_OP_BLOCKED) {
        *out_pace = PACE_BLOCKED;
        return CN_OK;
    }
    mine->counters.rows_in += n_rows;
    mine->counters.chunks_in++;
    self->carrying = false;
    if (answer == CNI_OP_HAVE_MORE) {
        put_on_stack(self, target);
    } else {
        cni_chunk_reset(chunk);
    }
    if (answer == CNI_OP_DONE) {
        stop_branches(self, target);
    }
    return CN_OK;
}

/* Take note of a chunk that operator `from` gave. */
static cn_code
send_on(cni_pipe_worker *self, int32_t from, cn_error *err)
{
    cni_chunk *out = &self->ops[from].out;
    const int32_t to = self->run->plan->ops[from].next;
    out->ends_morsel = out->ends_morsel && self->run->plan->keep_order;
    if (cni_chunk_is_blank(out)) {
        return CN_OK;
    }
    if (to < 0) {
        return CN_FAIL(err, CN_INTERNAL, "operator %s ends a pipeline but gave a chunk",
                       self->run->ops[from]->ops->name);
    }
#ifdef CN_PARANOID
    CN_TRY(cni_chunk_validate(out, err));
#endif
    self->ops[from].counters.rows_out += out->n_rows;
    carry(self, from, to);
    return CN_OK;
}

/* Ask the operator on top of the stack. */
static cn_code
pull_top(cni_pipe_worker *self, cni_task *task, worker_pace *out_pace, cn_error *err)
{
    const int32_t top = self->stack[self->n_stack - 1];
    cni_operator *op = self->run->ops[top];
    cni_worker_op *mine = &self->ops[top];
    cni_op_answer answer = CNI_OP_NEED_MORE;
    cni_chunk_reset(&mine->out);
    const cn_code code =
        op->ops->next(op, mine->local, &mine->out, cni_task_waker(task), &answer, err);
    charge_lap(self, &mine->counters.time_ns, &mine->counters.longest_ns);
    if (code != CN_OK) {
        return code;
    }
    if (answer == CNI_OP_BLOCKED) {
        *out_pace = PACE_BLOCKED;
        return CN_OK;
    }
    if (answer != CNI_OP_HAVE_MORE) {
        self->n_stack--;
    }
    if (answer == CNI_OP_DONE) {
        stop_branches(self, top);
    }
    return send_on(self, top, err);
}

/* A recursion's step whose rows nobody wants any more. */
static bool
is_abandoned(const cni_pipe_worker *self)
{
    return cni_flag_consume(&self->run->execution->abandoned) != 0;
}

/* Until nothing is on its way and nobody has more. */
static cn_code
drain(cni_pipe_worker *self, cni_task *task, worker_pace *out_pace, cn_error *err)
{
    while ((self->carrying || self->n_stack > 0) && *out_pace == PACE_ON && !is_abandoned(self)) {
        CN_TRY(cni_context_check(self->run->execution->context, err));
        if (self->carrying) {
            CN_TRY(push_carried(self, task, out_pace, err));
        } else {
            CN_TRY(pull_top(self, task, out_pace, err));
        }
        if (*out_pace == PACE_ON && self->clock_ns >= self->step_end_ns) {
            *out_pace = PACE_YIELD;
        }
    }
    return CN_OK;
}

/* ---- phases; each is entered with nothing on its way ---- */

static cn_code
open_locals(cni_pipe_worker *self, cn_error *err)
{
    for (int32_t op = 0; op < self->run->plan->n_ops; op++) {
        cni_operator *operator= self->run->ops[op];
        if (operator->ops->open_local != NULL && !self->ops[op].opened) {
            CN_TRY(operator->ops->open_local(operator, & self->ops[op].local, err));
        }
        self->ops[op].opened = true;
    }
    self->phase = CNI_WORKER_CLAIM;
    return CN_OK;
}

static cn_code
open_branch(cni_pipe_worker *self, int32_t branch, cn_error *err)
{
    cni_worker_branch *mine = &self->branches[branch];
    cni_scan *scan = self->run->scans[branch];
    if (!mine->opened && scan->ops->open_local != NULL) {
        CN_TRY(scan->ops->open_local(scan, &mine->local, err));
    }
    mine->opened = true;
    return CN_OK;
}

/* Operators farthest from the sink have the highest numbers and are emptied first. */
static void
begin_flush(cni_pipe_worker *self, cni_worker_phase phase)
{
    self->phase = (uint8_t)phase;
    self->flush_op = self->run->plan->n_ops - 1;
    self->flushed = false;
}

static cn_code
claim_morsel(cni_pipe_worker *self, cni_task *task, worker_pace *out_pace, cn_error *err)
{
    switch (cni_morsel_source_claim(&self->run->source, self->number, task, &self->claim)) {
    case CNI_CLAIM_MORSEL:
        self->has_morsel = true;
        self->morsel_ended = false;
        self->abandoned = false;
        cni_chunk_reset(&self->whole);
        self->whole_offset = 0;
        self->sequence = cni_sequence_of(self->claim.branch, self->claim.morsel);
        self->phase = CNI_WORKER_READ;
        return open_branch(self, self->claim.branch, err);
    case CNI_CLAIM_CONTROL:
        begin_flush(self, CNI_WORKER_CONTROL);
        return CN_OK;
    case CNI_CLAIM_OPEN:
        return cni_pipe_run_open_build(self->run, self->claim.branch, err);
    case CNI_CLAIM_BLOCKED:
        *out_pace = PACE_BLOCKED;
        return CN_OK;
    default:
        begin_flush(self, CNI_WORKER_INPUT);
        return CN_OK;
    }
}

/* The morsel's end must reach all operators where order is kept, if need be on an empty chunk. */
static void
end_morsel(cni_pipe_worker *self)
{
    const bool keep_order = self->run->plan->keep_order;
    if (keep_order && !self->morsel_ended) {
        cni_chunk_reset(&self->chunk);
        self->chunk.sequence = self->sequence;
        self->chunk.ends_morsel = true;
        carry(self, -1, self->run->plan->branches[self->claim.branch].first_op);
    }
    self->morsel_ended = true;
    self->phase = CNI_WORKER_END;
    self->flush_op = keep_order ? self->run->plan->branches[self->claim.branch].first_op : -1;
}

static cn_code
read_morsel(cni_pipe_worker *self, cni_task *task, worker_pace *out_pace, cn_error *err)
{
    const int32_t branch = self->claim.branch;
    cni_worker_branch *mine = &self->branches[branch];
    cni_read_answer answer = CNI_READ_END;
    if (self->morsel_ended || self->abandoned) {
        end_morsel(self);
        return CN_OK;
    }
    const cn_code code = cni_pipe_worker_read(self, task, &answer, err);
    charge_lap(self, &mine->time_ns, &mine->longest_ns);
    if (code != CN_OK) {
        return code;
    }
    if (answer == CNI_READ_BLOCKED) {
        *out_pace = PACE_BLOCKED;
    } else if (answer == CNI_READ_END) {
        end_morsel(self);
    } else {
        mine->rows += self->chunk.n_rows;
        mine->chunks++;
        self->morsel_ended = self->chunk.ends_morsel;
        self->chunk.ends_morsel = self->chunk.ends_morsel && self->run->plan->keep_order;
        if (!cni_chunk_is_blank(&self->chunk)) {
            carry(self, -1, self->run->plan->branches[branch].first_op);
        }
    }
    return CN_OK;
}

static cn_code
flush_one(cni_pipe_worker *self, int32_t op, cni_flush_reason reason, cn_error *err)
{
    cni_operator *operator= self->run->ops[op];
    if (operator->ops->flush != NULL) {
        CN_TRY(operator->ops->flush(operator, self->ops[op].local, reason, err));
        put_on_stack(self, op);
    }
    return CN_OK;
}

/* Along the branch's way to the sink. */
static cn_code
flush_morsel(cni_pipe_worker *self, cn_error *err)
{
    if (self->flush_op >= 0) {
        const int32_t op = self->flush_op;
        self->flush_op = self->run->plan->ops[op].next;
        return flush_one(self, op, CNI_FLUSH_MORSEL, err);
    }
    self->has_morsel = false;
    self->phase = CNI_WORKER_CLAIM;
    cni_morsel_source_end(&self->run->source);
    return CN_OK;
}

/* One operator: first its rows, then the news. */
static cn_code
tell_control(cni_pipe_worker *self, cn_error *err)
{
    const int32_t op = self->flush_op;
    if (op < 0) {
        self->phase = CNI_WORKER_CLAIM;
        cni_morsel_source_control_done(&self->run->source, self->number, &self->claim);
        return CN_OK;
    }
    if (!self->flushed) {
        const bool checkpoint = !self->claim.barrier && !self->claim.watermark;
        self->flushed = true;
        return flush_one(self, op, checkpoint ? CNI_FLUSH_CHECKPOINT : CNI_FLUSH_WATERMARK, err);
    }
    cni_operator *operator= self->run->ops[op];
    self->flushed = false;
    self->flush_op--;
    if (self->claim.watermark && operator->ops->on_watermark != NULL) {
        CN_TRY(operator->ops->on_watermark(operator, self->ops[op].local, self->claim.value, err));
        put_on_stack(self, op);
    }
    return CN_OK;
}

static cn_code
flush_input(cni_pipe_worker *self, cn_error *err)
{
    if (self->flush_op < 0) {
        self->phase = CNI_WORKER_COMBINE;
        return CN_OK;
    }
    return flush_one(self, self->flush_op--, CNI_FLUSH_INPUT, err);
}

static cn_code
combine(cni_pipe_worker *self, cn_error *err)
{
    for (int32_t op = self->run->plan->n_ops - 1; op >= 0; op--) {
        cni_operator *operator= self->run->ops[op];
        if (operator->ops->combine != NULL) {
            cni_op_counters *counters = &self->ops[op].counters;
            const cn_code code = operator->ops->combine(operator, self->ops[op].local, err);
            charge_lap(self, &counters->time_ns, &counters->longest_ns);
            if (code != CN_OK) {
                return code;
            }
        }
    }
    self->phase = CNI_WORKER_OVER;
    return CN_OK;
}

static cn_code
do_phase(cni_pipe_worker *self, cni_task *task, worker_pace *out_pace, cn_error *err)
{
    switch ((cni_worker_phase)self->phase) {
    case CNI_WORKER_OPEN:
        return open_locals(self, err);
    case CNI_WORKER_CLAIM:
        return claim_morsel(self, task, out_pace, err);
    case CNI_WORKER_READ:
        return read_morsel(self, task, out_pace, err);
    case CNI_WORKER_END:
        return flush_morsel(self, err);
    case CNI_WORKER_CONTROL:
        return tell_control(self, err);
    case CNI_WORKER_INPUT:
        return flush_input(self, err);
    case CNI_WORKER_COMBINE:
        return combine(self, err);
    default:
        *out_pace = PACE_OVER;
        return CN_OK;
    }
}

static cn_code
work(cni_pipe_worker *self, cni_task *task, worker_pace *out_pace, cn_error *err)
{
    *out_pace = PACE_ON;
    while (*out_pace == PACE_ON) {
        if (is_abandoned(self)) {
            *out_pace = PACE_OVER;
            return CN_OK;
        }
        CN_TRY(drain(self, task, out_pace, err));
        if (*out_pace == PACE_ON) {
            CN_TRY(cni_context_check(self->run->execution->context, err));
            CN_TRY(do_phase(self, task, out_pace, err));
        }
        if (*out_pace == PACE_ON && self->clock_ns >= self->step_end_ns) {
            *out_pace = PACE_YIELD;
        }
    }
    return CN_OK;
}

/* The last worker lets go of recursions under way, which nobody would read. */
static cn_code
end_worker(cni_pipe_run *run, cn_error *err)
{
    if (cni_refcount_dec(&run->n_working)) {
        for (int32_t branch = 0; branch < run->plan->n_branches; branch++) {
            if (run->plan->branches[branch].kind == CNI_PHYS_SOURCE_RECURSIVE) {
                cni_recursive_scan_abandon(run->scans[branch]);
            }
        }
    }
    return cni_pipe_run_leave(run, err);
}

cni_step
cni_pipe_worker_step(void *worker, cni_task *task, int32_t thread)
{
    cni_pipe_worker *self = worker;
    cni_pipe_run *run = self->run;
    cni_execution *execution = run->execution;
    worker_pace pace = PACE_ON;
    cn_error err = CN_ERROR_INIT;
    (void)thread;
    self->clock_ns = cni_clock_ns();
    self->step_end_ns = self->clock_ns + STEP_NS;
    cn_code code = work(self, task, &pace, &err);
    cni_pipe_worker_publish(self);
    if (code == CN_OK && pace == PACE_OVER) {
        cni_pipe_worker_close(self);
        code = end_worker(run, &err);
    }
    if (code != CN_OK) {
        (void)cni_context_fail(execution->context, &err);
        cni_execution_notify(execution);
        return CNI_STEP_DONE;
    }
    if (pace == PACE_OVER) {
        return CNI_STEP_DONE;
    }
    return pace == PACE_BLOCKED ? CNI_STEP_BLOCKED : CNI_STEP_AGAIN;
}
