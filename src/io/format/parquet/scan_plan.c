/* SPDX-License-Identifier: Apache-2.0
 *
 * Planning a scan: read columns, filter stages, row groups, morsels.
 */
#include "io/format/parquet/scan_int.h"

#include "io/format/parquet/statistics_int.h"

#define MORSEL_ROWS       (64 * 1024)
#define WHOLE_GROUP_ROWS  (256 * 1024) /* a larger group is always cut */
#define GROUPS_PER_THREAD 4            /* with more of them than that, groups are not cut */

/* ---- columns ---- */

typedef struct column_set {
    const cni_scan_request *request;
    int32_t *fields;
    int32_t n_fields;
} column_set;

static int32_t
choose_column(column_set *set, int32_t field)
{
    for (int32_t column = 0; column < set->n_fields; column++) {
        if (set->fields[column] == field) {
            return column;
        }
    }
    set->fields[set->n_fields] = field;
    return set->n_fields++;
}

/* Position in the schema of a column id, -1 = unknown. */
static int32_t
field_of_id(const cni_scan_request *request, int32_t column_id)
{
    for (int32_t slot = 0; slot < request->n_filter_slots; slot++) {
        if (request->filter_slots[slot].column_id == column_id) {
            return request->filter_slots[slot].table_column;
        }
    }
    return -1;
}

typedef struct filter_walk {
    column_set *set;
    int32_t n;
    int32_t max;
    int32_t *ids;     /* distinct column ids, in order of appearance */
    int32_t *columns; /* their read columns */
    bool unknown;
} filter_walk;

static bool
see_column(void *state, const cni_expr *expr)
{
    filter_walk *walk = state;
    if (expr->kind != CNI_EXPR_COLUMN) {
        return true;
    }
    for (int32_t seen = 0; seen < walk->n; seen++) {
        if (walk->ids[seen] == expr->column_id) {
            return true;
        }
    }
    const int32_t field = field_of_id(walk->set->request, expr->column_id);
    if (field < 0 || walk->n == walk->max) {
        walk->unknown = true;
        return false;
    }
    walk->ids[walk->n] = expr->column_id;
    walk->columns[walk->n++] = choose_column(walk->set, field);
    return true;
}

static cn_code
plan_filter(cni_pq_scan *self, column_set *set, const cni_expr *expr, cni_pq_filter *out,
            cn_error *err)
{
    filter_walk walk = {.set = set, .max = set->request->n_filter_slots};
    cni_slot_of_table *slots = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, walk.max, 4, &walk.ids, err));
    CN_TRY(cni_arena_alloc_array(self->arena, walk.max, 4, &walk.columns, err));
    CN_TRY(cni_arena_alloc_array(self->arena, walk.max, (int64_t)sizeof(*slots), &slots, err));
    cni_expr_walk(expr, see_column, &walk);
    if (walk.unknown) {
        return CN_FAIL(err, CN_INTERNAL, "a filter of a Parquet scan uses an unknown column");
    }
    for (int32_t slot = 0; slot < walk.n; slot++) {
        slots[slot] = (cni_slot_of_table){.column_id = walk.ids[slot], .table_column = slot};
    }
    *out =
        (cni_pq_filter){.expr = expr, .n_slots = walk.n, .slots = slots, .columns = walk.columns};
    return CN_OK;
}

static cn_code
plan_columns(cni_pq_scan *self, const cni_pq_file *file, const cni_scan_request *request,
             cn_error *err)
{
    column_set set = {.request = request};
    int32_t *outputs = NULL;
    cni_pq_filter *filters = NULL;
    const int64_t n_max = (int64_t)request->n_columns + request->n_filter_slots + 2;
    CN_TRY(cni_arena_alloc_array(self->arena, n_max, 4, &set.fields, err));
    CN_TRY(cni_arena_alloc_array(self->arena, request->n_columns, 4, &outputs, err));
    CN_TRY(cni_arena_alloc_array(self->arena, request->n_filters, (int64_t)sizeof(*filters),
                                 &filters, err));
    for (int32_t output = 0; output < request->n_columns; output++) {
        outputs[output] = choose_column(&set, request->table_columns[output]);
    }
    for (int32_t filter = 0; filter < request->n_filters; filter++) {
        CN_TRY(plan_filter(self, &set, request->filters[filter], &filters[filter], err));
    }
    if (request->dynamic != NULL) {
        self->dynamic_column = choose_column(&set, request->dynamic->table_column);
    }
    for (int32_t field = 0; set.n_fields == 0 && field < self->schema->n_fields; field++) {
        if (file->schema.leaves[field] != NULL) {
            (void)choose_column(&set, field); /* nobody wants values: its pages count the rows */
        }
    }
    self->n_outputs = request->n_columns;
    self->outputs = outputs;
    self->n_columns = set.n_fields;
    self->fields = set.fields;
    self->n_filters = request->n_filters;
    self->filters = filters;
    return CN_OK;
}

static cn_code
refuse_nested(const cni_pq_scan *self, const cni_pq_file *file, cn_error *err)
{
    for (int32_t column = 0; column < self->n_columns; column++) {
        const cni_field *field = &self->schema->fields[self->fields[column]];
        if (file->schema.leaves[self->fields[column]] == NULL) {
            return CN_FAIL(err, CN_NOT_IMPLEMENTED,
                           "column '%.*s' of '%.*s' is nested; reading nested Parquet columns is "
                           "not implemented",
                           CNI_STR_ARGS(field->name), CNI_STR_ARGS(file->path));
        }
    }
    return CN_OK;
}

/* ---- stages ---- */

/* A stage while it is being planned: the filters of one column, or of the last stage. */
typedef struct stage_plan {
    int32_t column; /* -1 = the last stage: several columns, or fallible */
    double rank;    /* cost per row removed */
    double pass;    /* estimated fraction that passes */
} stage_plan;

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

static void
sort_stages(stage_plan *stages, int32_t n)
{
    for (int32_t stage = 1; stage < n; stage++) {
        const stage_plan moving = stages[stage];
        int32_t at = stage;
        for (; at > 0 && stages[at - 1].rank > moving.rank; at--) {
            stages[at] = stages[at - 1];
        }
        stages[at] = moving;
    }
}

/* Which stages there are: one per column of simple filters, cheapest first, then the rest. */
static cn_code
choose_stages(cni_pq_scan *self, const cni_pq_file *file, stage_plan **out_stages, int32_t *out_n,
              cn_error *err)
{
    stage_plan *stages = NULL;
    int32_t n = 0;
    bool has_last = false;
    CN_TRY(cni_arena_alloc_array(self->arena, self->n_filters + 1, (int64_t)sizeof(*stages),
                                 &stages, err));
    for (int32_t filter = 0; filter < self->n_filters; filter++) {
        const int32_t column = stage_column(&self->filters[filter]);
        int32_t at = 0;
        if (column < 0) {
            has_last = true;
            continue;
        }
        while (at < n && stages[at].column != column) {
            at++;
        }
        if (at == n) {
            stages[n++] = (stage_plan){.column = column, .pass = 1.0};
        }
        stages[at].pass *= filter_pass(self, file, &self->filters[filter]);
    }
    for (int32_t stage = 0; stage < n; stage++) {
        const double removed = 1.0 - stages[stage].pass;
        stages[stage].rank =
            column_cost(self, file, stages[stage].column) / (removed > 0.001 ? removed : 0.001);
    }
    sort_stages(stages, n);
    if (has_last) {
        stages[n++] = (stage_plan){.column = -1};
    }
    *out_stages = stages;
    *out_n = n;
    return CN_OK;
}

/* Compile the filters that belong to a stage, in written order. */
static cn_code
compile_stage(cni_pq_scan *self, const stage_plan *plan, cni_pq_stage *out, cn_error *err)
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
    column_set set = {.fields = columns};
    int32_t n_exprs = 0;
    int32_t n_slots = 0;
    for (int32_t filter = 0; filter < self->n_filters; filter++) {
        const cni_pq_filter *at = &self->filters[filter];
        if (stage_column(at) != plan->column) {
            continue;
        }
        exprs[n_exprs++] = at->expr;
        for (int32_t slot = 0; slot < at->n_slots; slot++) {
            slots[n_slots++] = (cni_slot){.column_id = at->slots[slot].column_id,
                                          .position = choose_column(&set, at->columns[slot])};
        }
    }
    out->n_columns = set.n_fields;
    out->columns = columns;
    return cni_program_new(self->arena, exprs, n_exprs, slots, n_slots, &out->program, err);
}

static cn_code
dynamic_stage(cni_pq_scan *self, const cni_dynamic_filter_set *dynamic, cni_pq_stage *out,
              cn_error *err)
{
    int32_t *columns = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, 1, 4, &columns, err));
    columns[0] = self->dynamic_column;
    *out = (cni_pq_stage){.dynamic = dynamic, .n_columns = 1, .columns = columns};
    return CN_OK;
}

static cn_code
plan_stages(cni_pq_scan *self, const cni_pq_file *file, const cni_dynamic_filter_set *dynamic,
            cn_error *err)
{
    stage_plan *plans = NULL;
    cni_pq_stage *stages = NULL;
    int32_t n_plans = 0;
    CN_TRY(choose_stages(self, file, &plans, &n_plans, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_plans + 1, (int64_t)sizeof(*stages), &stages, err));
    if (dynamic != NULL) {
        CN_TRY(dynamic_stage(self, dynamic, &stages[self->n_stages++], err));
    }
    for (int32_t plan = 0; plan < n_plans; plan++) {
        CN_TRY(compile_stage(self, &plans[plan], &stages[self->n_stages++], err));
    }
    self->stages = stages;
    return CN_OK;
}

/* ---- row groups and morsels ---- */

static cn_code
plan_groups(cni_pq_scan *self, cn_error *err)
{
    int64_t n_max = 0;
    for (int32_t file = 0; file < self->n_files; file++) {
        n_max += self->files[file].file->footer.n_groups;
    }
    CN_TRY(cni_arena_alloc_array(self->arena, n_max, (int64_t)sizeof(*self->groups), &self->groups,
                                 err));
    for (int32_t file = 0; file < self->n_files; file++) {
        const cni_pq_file *in = self->files[file].file;
        for (int64_t group = 0; group < in->footer.n_groups; group++) {
            CN_TRY(cni_context_check(self->context, err));
            self->n_groups_seen++;
            if (in->footer.groups[group].n_rows == 0) {
                continue;
            }
            if (cni_pq_group_is_dead(self, in, group)) {
                self->n_groups_pruned++;
                continue;
            }
            cni_pq_scan_group *out = &self->groups[self->n_groups++];
            out->file = file;
            out->group = group;
            out->n_rows = in->footer.groups[group].n_rows;
            (void)cni_counter_add(&self->files[file].n_groups_left, 1);
        }
    }
    return CN_OK;
}

static cn_code
plan_chunks(cni_pq_scan *self, cni_pq_scan_group *group, cn_error *err)
{
    const cni_pq_file *file = self->files[group->file].file;
    CN_TRY(cni_arena_alloc_array(self->arena, self->n_columns, (int64_t)sizeof(*group->chunks),
                                 &group->chunks, err));
    for (int32_t column = 0; column < self->n_columns; column++) {
        const cni_pq_leaf *leaf = cni_pq_scan_leaf(self, file, column);
        group->chunks[column].chunk = &file->footer.groups[group->group].chunks[leaf->chunk];
    }
    return CN_OK;
}

/* The read column with most bytes in a group, -1 without columns. */
static int32_t
widest_column(const cni_pq_scan *self, const cni_pq_scan_group *group)
{
    int32_t widest = -1;
    int64_t most_bytes = -1;
    for (int32_t column = 0; column < self->n_columns; column++) {
        const int64_t n_bytes = group->chunks[column].chunk->uncompressed_bytes;
        if (n_bytes > most_bytes) {
            most_bytes = n_bytes;
            widest = column;
        }
    }
    return widest;
}

typedef struct morsel_list {
    cni_arena *arena;
    cni_pq_morsel *items;
    int64_t n;
    int64_t cap;
} morsel_list;

static cn_code
add_morsel(morsel_list *self, int32_t group, int64_t row, int64_t end_row, cn_error *err)
{
    if (self->n == self->cap) {
        cni_pq_morsel *items = NULL;
        const int64_t cap = self->cap == 0 ? 64 : self->cap * 2;
        CN_TRY(cni_arena_alloc_array(self->arena, cap, (int64_t)sizeof(*items), &items, err));
        if (self->n > 0) {
            memcpy(items, self->items, (size_t)self->n * sizeof(*items));
        }
        self->items = items;
        self->cap = cap;
    }
    self->items[self->n++] = (cni_pq_morsel){.group = group, .row = row, .end_row = end_row};
    return CN_OK;
}

/* Rows of a page too long for one morsel are cut evenly. */
static cn_code
cut_evenly(morsel_list *list, int32_t group, int64_t row, int64_t end_row, cn_error *err)
{
    const int64_t n_parts = cni_max_i64(1, (end_row - row + MORSEL_ROWS / 2) / MORSEL_ROWS);
    const int64_t n_each = cni_round_up((end_row - row + n_parts - 1) / n_parts, 64);
    for (; row < end_row; row += n_each) {
        CN_TRY(add_morsel(list, group, row, cni_min_i64(row + n_each, end_row), err));
    }
    return CN_OK;
}

/* Cut a group at page boundaries into morsels of about MORSEL_ROWS. */
static cn_code
cut_at_pages(morsel_list *list, int32_t group, const cni_pq_directory *directory, cn_error *err)
{
    int64_t row = 0;
    for (int64_t page = 0; page < directory->n_pages; page++) {
        const int64_t next = directory->pages[page + 1].first_row;
        const bool is_last = page + 1 == directory->n_pages;
        const int64_t after = is_last ? next : directory->pages[page + 2].first_row;
        if (is_last || (next + after) / 2 - row >= MORSEL_ROWS) {
            CN_TRY(cut_evenly(list, group, row, next, err));
            row = next;
        }
    }
    return CN_OK;
}

static cn_code
cut_group(cni_pq_scan *self, morsel_list *list, int32_t number, cn_error *err)
{
    cni_pq_scan_group *group = &self->groups[number];
    const int64_t n_before = list->n;
    const int32_t widest = widest_column(self, group);
    const bool is_many =
        self->n_groups >= (int64_t)self->context->settings.n_threads * GROUPS_PER_THREAD;
    if (widest < 0 || group->n_rows <= MORSEL_ROWS ||
        (is_many && group->n_rows <= WHOLE_GROUP_ROWS)) {
        CN_TRY(add_morsel(list, number, 0, group->n_rows, err));
    } else {
        cni_file *file = NULL;
        const cni_pq_directory *directory = NULL;
        const cni_pq_leaf *leaf = cni_pq_scan_leaf(self, self->files[group->file].file, widest);
        CN_TRY(cni_context_check(self->context, err));
        CN_TRY(cni_pq_scan_open_file(self, group->file, &file, err));
        CN_TRY_CTX(cni_pq_shared_directory(&group->chunks[widest], leaf, self->context->allocator,
                                           file, self->context->fault, group->n_rows, &directory,
                                           err),
                   err, "'%.*s'", CNI_STR_ARGS(cni_file_path(file)));
        CN_TRY(cut_at_pages(list, number, directory, err));
    }
    cni_counter_set(&group->n_morsels_left, list->n - n_before);
    return CN_OK;
}

static cn_code
plan_morsels(cni_pq_scan *self, cn_error *err)
{
    morsel_list list = {.arena = self->arena};
    for (int64_t group = 0; group < self->n_groups; group++) {
        CN_TRY(plan_chunks(self, &self->groups[group], err));
    }
    for (int64_t group = 0; group < self->n_groups; group++) {
        CN_TRY(cut_group(self, &list, (int32_t)group, err));
    }
    self->morsels = list.items;
    self->base.n_morsels = list.n;
    return CN_OK;
}

cn_code
cni_pq_scan_plan(cni_pq_scan *self, cni_pq_file *const *files, int32_t n_files,
                 const cni_scan_request *request, cn_error *err)
{
    CN_TRY(plan_columns(self, files[0], request, err));
    CN_TRY(refuse_nested(self, files[0], err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_files, (int64_t)sizeof(*self->files), &self->files,
                                 err));
    self->n_files = n_files;
    for (int32_t file = 0; file < n_files; file++) {
        self->files[file].file = files[file];
    }
    self->limit = request->limit;
    CN_TRY(plan_stages(self, files[0], request->dynamic, err));
    CN_TRY(plan_groups(self, err));
    return plan_morsels(self, err);
}
