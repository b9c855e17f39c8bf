/* SPDX-License-Identifier: Apache-2.0
 *
 * A pipeline one of whose joins gets exchanged sides, as two:
 *
 *   before   a --> x --> PROBE(b) --> y --> SINK     probes the build of pipeline b
 *   build    a --> x --> BUILD                       operators before the probe, their branches
 *   probe    rows of b --> PROBE --> y --> SINK      what lies behind it, all other branches
 *
 * The rows of the former build are its kept columns, then its keys. The order of operators and
 * branches stays, so that operators still go to smaller indexes and branches of an operator lie
 * side by side. Nothing here runs, and the plan is only read.
 */
#include "exec/join/join.h"
#include "exec/pipeline/pipeline_int.h"

typedef struct exchange {
    cni_arena *arena;
    const cni_phys_pipeline *plan;
    int32_t op; /* the probe */
    const cni_operator *former;
    int64_t n_rows; /* of the former build */
    int32_t build_pipeline;
    int32_t *places; /* per op: its index in the pipeline that it goes to */
    bool *is_before; /* per op: its chunks come to the probe */
    int32_t n_before;
    int32_t n_columns; /* of the former build's rows */
    const cni_type **types;
    cni_phys_join *join;
} exchange;

static const cni_phys_op *
probe_of(const exchange *self)
{
    return &self->plan->ops[self->op];
}

/* ---- the join ---- */

/* Kept column of the former build that is its input `position`. */
static cn_code
kept_index(const exchange *self, int32_t position, int32_t *out_kept, cn_error *err)
{
    const int32_t n_kept = cni_join_build_kept(self->former);
    for (int32_t kept = 0; kept < n_kept; kept++) {
        if (cni_join_build_kept_at(self->former, kept) == position) {
            *out_kept = kept;
            return CN_OK;
        }
    }
    return CN_FAIL(err, CN_INTERNAL, "a join's build has not kept column %d", (int)position);
}

static cn_code
exchange_columns(const exchange *self, const cni_phys_join_output *columns, int32_t n,
                 const cni_phys_join_output **out_columns, cn_error *err)
{
    cni_phys_join_output *exchanged = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, n, (int64_t)sizeof(*exchanged), &exchanged, err));
    for (int32_t at = 0; at < n; at++) {
        exchanged[at] = (cni_phys_join_output){!columns[at].from_build, columns[at].position};
        if (columns[at].from_build) {
            CN_TRY(kept_index(self, columns[at].position, &exchanged[at].position, err));
        }
    }
    *out_columns = exchanged;
    return CN_OK;
}

/* Columns of the former build's rows. */
static cn_code
list_types(exchange *self, const cni_phys_join *old, cn_error *err)
{
    const int32_t n_kept = cni_join_build_kept(self->former);
    self->n_columns = n_kept + old->n_keys;
    CN_TRY(cni_arena_alloc_array(self->arena, self->n_columns, (int64_t)sizeof(*self->types),
                                 (void *)&self->types, err));
    for (int32_t kept = 0; kept < n_kept; kept++) {
        self->types[kept] = old->build_types[cni_join_build_kept_at(self->former, kept)];
    }
    for (int32_t key = 0; key < old->n_keys; key++) {
        self->types[n_kept + key] = old->build_types[old->build_keys[key]];
    }
    return CN_OK;
}

static cn_code
exchange_join(exchange *self, cn_error *err)
{
    const cni_phys_join *old = probe_of(self)->join;
    cni_phys_join *join = NULL;
    cni_bounds *unknown = NULL;
    int32_t *keys = NULL;
    CN_TRY(list_types(self, old, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &join, err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, old->n_keys, (int64_t)sizeof(*unknown), &unknown, err));
    CN_TRY(cni_arena_alloc_array(self->arena, old->n_keys, (int64_t)sizeof(*keys), &keys, err));
    for (int32_t key = 0; key < old->n_keys; key++) {
        keys[key] = self->n_columns - old->n_keys + key;
    }
    *join = *old;
    join->build_pipeline = self->build_pipeline;
    join->build_keys = old->probe_keys;
    join->probe_keys = keys;
    join->key_bounds = unknown;
    join->n_build_columns = old->n_probe_columns;
    join->build_types = old->probe_types;
    join->n_probe_columns = self->n_columns;
    join->probe_types = self->types;
    join->build_unique = false;
    join->n_key_filters = 0;
    join->key_filters = NULL;
    join->estimated_build_rows = old->estimated_probe_rows;
    join->estimated_probe_rows = (double)self->n_rows;
    CN_TRY(exchange_columns(self, old->residual_columns, old->n_residual_columns,
                            &join->residual_columns, err));
    CN_TRY(exchange_columns(self, old->outputs, old->n_outputs, &join->outputs, err));
    self->join = join;
    return CN_OK;
}

/* ---- where operators and branches go ---- */

static cn_code
place_ops(exchange *self, cn_error *err)
{
    const int32_t n_ops = self->plan->n_ops;
    CN_TRY(cni_arena_alloc_array(self->arena, n_ops, (int64_t)sizeof(*self->places), &self->places,
                                 err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_ops, (int64_t)sizeof(*self->is_before),
                                 &self->is_before, err));
    for (int32_t op = 0; op < n_ops; op++) {
        const int32_t next = self->plan->ops[op].next;
        self->is_before[op] = next >= 0 && (next == self->op || self->is_before[next]);
        self->n_before += self->is_before[op] ? 1 : 0;
        /* the build's sink is in front of those before the probe */
        self->places[op] = self->is_before[op] ? self->n_before : op - self->n_before;
    }
    return CN_OK;
}

/* Where chunks for operator `op` go in the pipeline that ends in the exchanged build. */
static int32_t
place_in_build(const exchange *self, int32_t op)
{
    return op == self->op ? 0 : self->places[op];
}

/* ---- the pipelines ---- */

static cn_code
make_build(const exchange *self, cni_phys_pipeline *out, cn_error *err)
{
    const cni_phys_op *probe = probe_of(self);
    cni_phys_op *ops = NULL;
    cni_phys_branch *branches = NULL;
    CN_TRY(
        cni_arena_alloc_array(self->arena, self->n_before + 1, (int64_t)sizeof(*ops), &ops, err));
    CN_TRY(cni_arena_alloc_array(self->arena, probe->n_branches, (int64_t)sizeof(*branches),
                                 &branches, err));
    ops[0] = (cni_phys_op){
        .kind = CNI_PHYS_OP_JOIN_BUILD,
        .next = -1,
        .plan = probe->plan,
        .n_inputs = probe->n_inputs,
        .input_types = probe->input_types,
        .n_outputs = probe->n_outputs,
        .output_types = probe->output_types,
        .n_branches = probe->n_branches,
        .join = self->join,
    };
    for (int32_t op = self->op + 1; op < self->plan->n_ops; op++) {
        if (self->is_before[op]) {
            cni_phys_op *placed = &ops[self->places[op]];
            *placed = self->plan->ops[op];
            placed->next = place_in_build(self, placed->next);
            placed->first_branch -= probe->first_branch;
        }
    }
    for (int32_t at = 0; at < probe->n_branches; at++) {
        branches[at] = self->plan->branches[probe->first_branch + at];
        branches[at].first_op = place_in_build(self, branches[at].first_op);
    }
    *out = (cni_phys_pipeline){
        .n_branches = probe->n_branches,
        .branches = branches,
        .n_ops = self->n_before + 1,
        .ops = ops,
    };
    return CN_OK;
}

/* The branches of the probe become one. */
static void
narrow_branches(const exchange *self, cni_phys_op *op)
{
    const cni_phys_op *probe = probe_of(self);
    const int32_t n_less = probe->n_branches - 1;
    if (op->first_branch > probe->first_branch) {
        op->first_branch -= n_less;
    } else if (op->first_branch + op->n_branches > probe->first_branch) {
        op->n_branches -= n_less;
    }
}

static cn_code
probe_ops(const exchange *self, const cni_phys_op **out_ops, cn_error *err)
{
    cni_phys_op *ops = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, self->plan->n_ops - self->n_before,
                                 (int64_t)sizeof(*ops), &ops, err));
    for (int32_t op = 0; op < self->plan->n_ops; op++) {
        if (self->is_before[op]) {
            continue;
        }
        cni_phys_op *placed = &ops[self->places[op]];
        *placed = self->plan->ops[op];
        placed->next = placed->next < 0 ? -1 : self->places[placed->next];
        narrow_branches(self, placed);
    }
    cni_phys_op *probe = &ops[self->places[self->op]];
    probe->n_inputs = self->n_columns;
    probe->input_types = self->types;
    probe->join = self->join;
    *out_ops = ops;
    return CN_OK;
}

static cni_phys_branch
former_rows(const exchange *self)
{
    const cni_phys_join *old = probe_of(self)->join;
    return (cni_phys_branch){
        .kind = CNI_PHYS_SOURCE_PIPELINE,
        .first_op = self->places[self->op],
        .plan = probe_of(self)->plan,
        .n_columns = self->n_columns,
        .types = self->types,
        .pipeline = old->build_pipeline,
        .estimated_rows = (double)self->n_rows,
    };
}

static cn_code
make_probe(const exchange *self, cni_phys_pipeline *out, cn_error *err)
{
    const cni_phys_op *probe = probe_of(self);
    const int32_t end = probe->first_branch + probe->n_branches;
    const int32_t n_branches = self->plan->n_branches - probe->n_branches + 1;
    const cni_phys_op *ops = NULL;
    cni_phys_branch *branches = NULL;
    int32_t n = 0;
    CN_TRY(probe_ops(self, &ops, err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, n_branches, (int64_t)sizeof(*branches), &branches, err));
    for (int32_t at = 0; at < self->plan->n_branches; at++) {
        if (at == probe->first_branch) {
            branches[n++] = former_rows(self);
        }
        if (at >= probe->first_branch && at < end) {
            continue;
        }
        cni_phys_branch *branch = &branches[n++];
        *branch = self->plan->branches[at];
        branch->first_op = self->places[branch->first_op];
        if (branch->kind == CNI_PHYS_SOURCE_BUILD &&
            branch->pipeline == probe->join->build_pipeline) {
            branch->pipeline = self->build_pipeline;
        }
    }
    *out = (cni_phys_pipeline){
        .n_branches = n_branches,
        .branches = branches,
        .n_ops = self->plan->n_ops - self->n_before,
        .ops = ops,
    };
    return CN_OK;
}

cn_code
cni_pipe_exchange_new(cni_arena *arena, const cni_phys_pipeline *plan, int32_t op,
                      const cni_operator *former, int64_t n_rows, int32_t build_pipeline,
                      cni_pipe_exchange *out, cn_error *err)
{
    exchange self = {
        .arena = arena,
        .plan = plan,
        .op = op,
        .former = former,
        .n_rows = n_rows,
        .build_pipeline = build_pipeline,
    };
    cni_pipe_exchange made;
    CN_TRY(exchange_join(&self, err));
    CN_TRY(place_ops(&self, err));
    CN_TRY(make_build(&self, &made.build, err));
    CN_TRY(make_probe(&self, &made.probe, err));
    *out = made;
    return CN_OK;
}
