/* SPDX-License-Identifier: Apache-2.0
 *
 * What the pipelines of an execution have to do with each other: a pipeline waits for those whose
 * rows it reads, whose builds it probes and whose key filters its scans listen to. A sink stays
 * open while somebody is to read it.
 *
 * When a build turns out to be empty and its join needs a partner for every row, what the probe
 * side would read is not wanted any more: its branches give nothing, and pipelines that only such
 * branches read run over nothing.
 */
#include "exec/pipeline/pipeline_int.h"

/* ---- finding uses ---- */

typedef struct use_search {
    const cni_execution *execution;
    cni_run_use *uses; /* NULL: only count */
    int32_t n_uses;
} use_search;

static void
note_use(use_search *self, int32_t producer, int32_t consumer, bool reads)
{
    if (self->uses != NULL) {
        self->uses[self->n_uses] = (cni_run_use){producer, consumer, reads};
    }
    self->n_uses++;
}

/* What a part of a recursion reads of the plan `n_outer` recursions outwards. Depth is bounded by
 * the logical plan's. */
static void
find_outer_uses(use_search *self, const cni_physical_plan *part, int32_t n_outer, int32_t consumer)
{
    for (int32_t at = 0; at < part->n_pipelines; at++) {
        const cni_phys_pipeline *pipeline = &part->pipelines[at];
        for (int32_t branch = 0; branch < pipeline->n_branches; branch++) {
            const cni_phys_branch *source = &pipeline->branches[branch];
            if (source->kind == CNI_PHYS_SOURCE_PIPELINE && source->n_outer == n_outer) {
                note_use(self, source->pipeline, consumer, true);
            } else if (source->kind == CNI_PHYS_SOURCE_RECURSIVE) {
                find_outer_uses(self, source->recursive->base, n_outer + 1, consumer);
                find_outer_uses(self, source->recursive->step, n_outer + 1, consumer);
            }
        }
    }
}

/* The pipeline whose build fills the slot; exchanged joins fill none. */
static int32_t
producer_of_slot(const cni_physical_plan *plan, int32_t slot)
{
    for (int32_t at = 0; at < plan->n_pipelines; at++) {
        const cni_phys_op *sink = &plan->pipelines[at].ops[0];
        for (int32_t filter = 0; sink->join != NULL && filter < sink->join->n_key_filters;
             filter++) {
            if (sink->join->key_filters[filter].slot == slot) {
                return at;
            }
        }
    }
    return -1;
}

static void
find_branch_uses(use_search *self, const cni_phys_branch *branch, int32_t consumer)
{
    switch ((cni_phys_source_kind)branch->kind) {
    case CNI_PHYS_SOURCE_PIPELINE:
        if (branch->n_outer == 0) {
            note_use(self, branch->pipeline, consumer, true);
        }
        break;
    case CNI_PHYS_SOURCE_RECURSIVE:
        find_outer_uses(self, branch->recursive->base, 1, consumer);
        find_outer_uses(self, branch->recursive->step, 1, consumer);
        break;
    default:
        break;
    }
    for (int32_t filter = 0; filter < branch->n_key_filters; filter++) {
        const int32_t producer =
            producer_of_slot(self->execution->plan, branch->key_filters[filter].slot);
        if (producer >= 0) {
            note_use(self, producer, consumer, false);
        }
    }
}

static void
find_uses(use_search *self)
{
    for (int32_t at = 0; at < self->execution->n_runs; at++) {
        const cni_phys_pipeline *pipeline = self->execution->runs[at].plan;
        for (int32_t branch = 0; branch < pipeline->n_branches; branch++) {
            find_branch_uses(self, &pipeline->branches[branch], at);
        }
        for (int32_t op = 0; op < pipeline->n_ops; op++) {
            if (pipeline->ops[op].kind == CNI_PHYS_OP_JOIN_PROBE) {
                note_use(self, pipeline->ops[op].join->build_pipeline, at, true);
            }
        }
    }
}

/* What has been settled needs nothing and is needed by nobody. */
static void
count_uses(cni_execution *self)
{
    for (int32_t at = 0; at < self->n_runs; at++) {
        self->runs[at].n_needs = 0;
        self->runs[at].n_readers = 0;
    }
    for (int32_t at = 0; at < self->n_uses; at++) {
        const cni_run_use *use = &self->uses[at];
        cni_pipe_run *producer = &self->runs[use->producer];
        cni_pipe_run *consumer = &self->runs[use->consumer];
        consumer->n_needs += producer->settled ? 0 : 1;
        producer->n_readers += use->reads && !consumer->settled ? 1 : 0;
    }
}

cn_code
cni_execution_link(cni_execution *self, cn_error *err)
{
    cni_run_use *uses = NULL;
    use_search search = {.execution = self};
    find_uses(&search);
    const int32_t n_uses = search.n_uses;
    CN_TRY(cni_alloc_zeroed(self->allocator, n_uses * (int64_t)sizeof(*uses), &uses, err));
    search = (use_search){.execution = self, .uses = uses};
    find_uses(&search);
    cni_dealloc(self->allocator, self->uses, self->n_uses * (int64_t)sizeof(*self->uses));
    self->uses = uses;
    self->n_uses = n_uses;
    count_uses(self);
    return CN_OK;
}

/* ---- what nobody wants ---- */

/* The operator gives nothing for its probe rows when its build is empty. */
static bool
needs_build_rows(const cni_phys_op *op)
{
    if (op->kind != CNI_PHYS_OP_JOIN_PROBE) {
        return false;
    }
    switch ((cni_phys_join_kind)op->join->kind) {
    case CNI_PHYS_JOIN_INNER:
    case CNI_PHYS_JOIN_BUILD_OUTER:
    case CNI_PHYS_JOIN_PROBE_SEMI:
    case CNI_PHYS_JOIN_BUILD_SEMI:
    case CNI_PHYS_JOIN_BUILD_ANTI:
        return true;
    default:
        return false;
    }
}

static bool
has_empty_build(const cni_execution *self, const cni_phys_op *op)
{
    const cni_pipe_run *build = &self->runs[op->join->build_pipeline];
    return cni_flag_consume(&build->finished) != 0 &&
           cni_counter_get(&build->op_figures[0].rows_in) == 0;
}

/* Rows that are given to operator `op` of the pipeline cannot reach its sink, or are not wanted
 * there. */
static bool
leads_nowhere(const cni_pipe_run *self, int32_t op)
{
    bool dead = self->needless;
    for (; op >= 0 && !dead; op = self->plan->ops[op].next) {
        const cni_phys_op *spec = &self->plan->ops[op];
        dead = needs_build_rows(spec) && has_empty_build(self->execution, spec);
    }
    return dead;
}

bool
cni_pipe_run_is_dead(const cni_pipe_run *self, const cni_phys_branch *branch)
{
    return leads_nowhere(self, branch->first_op);
}

/* Every use of the run's sink leads nowhere. The consumers' own marks are settled. */
static bool
is_needless(const cni_execution *self, int32_t producer)
{
    for (int32_t at = 0; at < self->n_uses; at++) {
        const cni_run_use *use = &self->uses[at];
        const cni_pipe_run *consumer = &self->runs[use->consumer];
        if (use->producer != producer || !use->reads || consumer->needless) {
            continue;
        }
        const cni_phys_pipeline *plan = consumer->plan;
        for (int32_t branch = 0; branch < plan->n_branches; branch++) {
            const cni_phys_branch *source = &plan->branches[branch];
            const bool other = source->kind == CNI_PHYS_SOURCE_PIPELINE &&
                               source->pipeline != producer && source->n_outer == 0;
            const bool reads = source->kind == CNI_PHYS_SOURCE_PIPELINE ||
                               source->kind == CNI_PHYS_SOURCE_RECURSIVE;
            if (reads && !other && !leads_nowhere(consumer, source->first_op)) {
                return false;
            }
        }
        for (int32_t op = 0; op < plan->n_ops; op++) {
            const cni_phys_op *spec = &plan->ops[op];
            if (spec->kind == CNI_PHYS_OP_JOIN_PROBE && spec->join->build_pipeline == producer &&
                !leads_nowhere(consumer, spec->next)) {
                return false;
            }
        }
    }
    return true;
}

/* After a build turned out to be empty: consumers come behind what they read. */
static void
mark_needless(cni_execution *self)
{
    for (int32_t at = self->n_runs - 2; at >= 0; at--) {
        cni_pipe_run *run = &self->runs[self->order[at]];
        if (!run->taken) {
            run->needless = is_needless(self, run->index);
        }
    }
}

cni_pipe_run *
cni_execution_settle_uses(cni_execution *self, cni_pipe_run *finished)
{
    cni_pipe_run *unread = NULL;
    finished->settled = true;
    for (int32_t at = 0; at < self->n_uses; at++) {
        const cni_run_use *use = &self->uses[at];
        cni_pipe_run *producer = &self->runs[use->producer];
        if (use->producer == finished->index) {
            self->runs[use->consumer].n_needs--;
        }
        if (use->consumer == finished->index && use->reads && --producer->n_readers == 0) {
            producer->next_unread = unread;
            unread = producer;
        }
    }
    if (finished->plan->ops[0].kind == CNI_PHYS_OP_JOIN_BUILD &&
        cni_counter_get(&finished->op_figures[0].rows_in) == 0) {
        mark_needless(self);
    }
    return unread;
}
