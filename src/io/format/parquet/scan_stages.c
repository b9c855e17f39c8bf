/* SPDX-License-Identifier: Apache-2.0
 *
 * The stages of a scan: which there are, and in which order they run.
 *
 * Filters over one column that cannot fail make a stage per column; every key filter and the
 * dynamic filter are a stage. Their order is free: the one that costs least per row removed runs
 * first, by estimates until enough rows went through it, then by what it did. The other filters
 * make the last stage, in written order.
 */
#include "io/format/parquet/scan_int.h"
#include "io/format/parquet/statistics_int.h"

#define ENOUGH_ROWS 16384 /* that went through a stage: from then on they count, not estimates */
#define KEY_COST    1.0   /* of looking a row up, beside decoding its column */
#define MIN_REMOVED 0.001

/* The one column of a filter that may run at any time, -1 = it belongs to the last stage. */
static int32_t
stage_column(const cni_pq_filter *filter)
{
    return filter->n_slots == 1 && !cni_expr_may_error(filter->expr) ? filter->columns[0] : -1;
}

/* Bytes that a value of a column takes in the first row group: what decoding it costs. */
static double
column_cost(const cni_pq_scan *self, const cni_pq_file *file, int32_t column)
{
    const cni_pq_leaf *leaf = cni_pq_scan_leaf(self, file, column);
    if (file->footer.n_groups == 0 || file->footer.groups[0].n_rows == 0) {
        return 1.0;
    }
    const cni_pq_group *group = &file->footer.groups[0];
    const double n_bytes = (double)group->chunks[leaf->chunk].uncompressed_bytes;
    return n_bytes > 0 ? 0.1 + n_bytes / (double)group->n_rows : 0.1;
}

static double
filter_pass(const cni_pq_scan *self, const cni_pq_file *file, const cni_pq_filter *filter)
{
    cni_column_stats columns[8] = {0};
    cni_table_stats stats = {.n_columns = filter->n_slots, .columns = columns};
    if (filter->n_slots > (int32_t)CN_ARRAY_LEN(columns) || file->footer.n_groups == 0) {
        return 0.5;
    }
    stats.rows_mark = CNI_STAT_CLAIMED;
    stats.n_rows = file->footer.groups[0].n_rows;
    for (int32_t slot = 0; slot < filter->n_slots; slot++) {
        const int32_t column = filter->columns[slot];
        cni_pq_group_stats(file, 0, cni_pq_scan_leaf(self, file, column),
                           cni_pq_scan_type(self, column), &columns[slot]);
    }
    return cni_estimate_selectivity(filter->expr, &stats, filter->slots, filter->n_slots);
}

/* Of the file's first row group, and so only of the rows that it has. */
static double
key_pass(const cni_pq_scan *self, const cni_pq_file *file, const cni_pq_key *key)
{
    cni_column_stats stats = {0};
    if (file->footer.n_groups > 0) {
        cni_pq_group_stats(file, 0, cni_pq_scan_leaf(self, file, key->column),
                           cni_pq_scan_type(self, key->column), &stats);
    }
    return cni_key_filter_share(key->filter, &stats);
}

/* Compile the filters of a column (-1: of the last stage), in written order. */
static cn_code
compile_stage(cni_pq_scan *self, int32_t column, cni_pq_stage *out, cn_error *err)
{
    const cni_expr **exprs = NULL;
    cni_slot *slots = NULL;
    int32_t *columns = NULL;
    int64_t n_max = 0;
    for (int32_t filter = 0; filter < self->n_filters; filter++) {
        n_max += self->filters[filter].n_slots;
    }
    CN_TRY(
        cni_arena_alloc_array(self->arena, self->n_filters, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_max, (int64_t)sizeof(*slots), &slots, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_max, 4, &columns, err));
    int32_t n_columns = 0;
    int32_t n_exprs = 0;
    int32_t n_slots = 0;
    for (int32_t filter = 0; filter < self->n_filters; filter++) {
        const cni_pq_filter *at = &self->filters[filter];
        if (stage_column(at) != column) {
            continue;
        }
        exprs[n_exprs++] = at->expr;
        for (int32_t slot = 0; slot < at->n_slots; slot++) {
            int32_t position = 0;
            while (position < n_columns && columns[position] != at->columns[slot]) {
                position++;
            }
            columns[position] = at->columns[slot];
            n_columns += position == n_columns;
            slots[n_slots++] =
                (cni_slot){.column_id = at->slots[slot].column_id, .position = position};
        }
    }
    out->n_columns = n_columns;
    out->columns = columns;
    return cni_program_new(self->arena, exprs, n_exprs, slots, n_slots, &out->program, err);
}

static cn_code
one_column(cni_pq_scan *self, const cni_pq_file *file, int32_t column, cni_pq_stage *out,
           cn_error *err)
{
    int32_t *columns = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, 1, 4, &columns, err));
    columns[0] = column;
    out->n_columns = 1;
    out->columns = columns;
    out->cost = column_cost(self, file, column) + KEY_COST;
    return CN_OK;
}

/* Whether an earlier filter made the stage of this one already. */
static bool
has_stage(const cni_pq_scan *self, int32_t filter)
{
    const int32_t column = stage_column(&self->filters[filter]);
    for (int32_t earlier = 0; earlier < filter; earlier++) {
        if (stage_column(&self->filters[earlier]) == column) {
            return true;
        }
    }
    return false;
}

static cn_code
plan_programs(cni_pq_scan *self, const cni_pq_file *file, cn_error *err)
{
    for (int32_t filter = 0; filter < self->n_filters; filter++) {
        const int32_t column = stage_column(&self->filters[filter]);
        if (column < 0 || has_stage(self, filter)) {
            continue;
        }
        cni_pq_stage *stage = &self->stages[self->n_stages++];
        CN_TRY(compile_stage(self, column, stage, err));
        stage->cost = column_cost(self, file, column);
        stage->pass = 1.0;
        for (int32_t other = filter; other < self->n_filters; other++) {
            if (stage_column(&self->filters[other]) == column) {
                stage->pass *= filter_pass(self, file, &self->filters[other]);
            }
        }
    }
    return CN_OK;
}

static cn_code
plan_advice(cni_pq_scan *self, const cni_pq_file *file, cn_error *err)
{
    for (int32_t key = 0; key < self->n_keys; key++) {
        cni_pq_stage *stage = &self->stages[self->n_stages++];
        CN_TRY(one_column(self, file, self->keys[key].column, stage, err));
        stage->key = self->keys[key].filter;
        stage->pass = key_pass(self, file, &self->keys[key]);
    }
    if (self->dynamic != NULL) {
        cni_pq_stage *stage = &self->stages[self->n_stages++];
        CN_TRY(one_column(self, file, self->dynamic_column, stage, err));
        stage->dynamic = self->dynamic;
        stage->pass = 0.0;
    }
    return CN_OK;
}

cn_code
cni_pq_scan_plan_stages(cni_pq_scan *self, const cni_pq_file *file, cn_error *err)
{
    const int64_t n_max = (int64_t)self->n_filters + self->n_keys + 2;
    bool has_last = false;
    CN_TRY(cni_arena_alloc_array(self->arena, n_max, (int64_t)sizeof(*self->stages), &self->stages,
                                 err));
    CN_TRY(plan_advice(self, file, err));
    CN_TRY(plan_programs(self, file, err));
    self->n_free_stages = self->n_stages;
    for (int32_t filter = 0; filter < self->n_filters; filter++) {
        has_last = has_last || stage_column(&self->filters[filter]) < 0;
    }
    if (has_last) {
        CN_TRY(compile_stage(self, -1, &self->stages[self->n_stages++], err));
    }
    for (int32_t stage = 0; stage < self->n_stages && self->base.budget == NULL; stage++) {
        CN_TRY(cni_program_account_new(self->stages[stage].program, self->context, "scan",
                                       &self->base.budget, err));
    }
    return CN_OK;
}

bool
cni_pq_stage_is_active(const cni_pq_stage *self)
{
    return self->program != NULL || (self->key != NULL && cni_key_filter_is_active(self->key)) ||
           (self->dynamic != NULL && cni_boundary_get(&self->dynamic->boundary) != UINT64_MAX);
}

/* Cost per row removed. */
static double
rank_of(const cni_pq_stage *stage)
{
    const int64_t n_in = cni_counter_get(&stage->rows_in);
    const double pass = n_in < ENOUGH_ROWS
                            ? stage->pass
                            : (double)cni_counter_get(&stage->rows_left) / (double)n_in;
    return stage->cost / (1.0 - pass > MIN_REMOVED ? 1.0 - pass : MIN_REMOVED);
}

void
cni_pq_scan_order_stages(const cni_pq_scan *self, int32_t *out_order)
{
    for (int32_t stage = 0; stage < self->n_stages; stage++) {
        int32_t at = stage;
        if (stage < self->n_free_stages) {
            const double rank = rank_of(&self->stages[stage]);
            for (; at > 0 && rank_of(&self->stages[out_order[at - 1]]) > rank; at--) {
                out_order[at] = out_order[at - 1];
            }
        }
        out_order[at] = stage;
    }
}

bool
cni_pq_scan_is_empty(const cni_pq_scan *self)
{
    for (int32_t key = 0; key < self->n_keys; key++) {
        if (cni_key_filter_kind_of(self->keys[key].filter) == CNI_KEY_FILTER_NONE) {
            return true;
        }
    }
    return false;
}
