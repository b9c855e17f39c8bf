/* SPDX-License-Identifier: Apache-2.0
 *
 * Planning a scan: read columns, row groups, morsels. Stages are planned in scan_stages.c.
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
plan_keys(cni_pq_scan *self, column_set *set, cn_error *err)
{
    const cni_scan_request *request = set->request;
    cni_pq_key *keys = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, request->n_key_filters, (int64_t)sizeof(*keys), &keys,
                                 err));
    for (int32_t key = 0; key < request->n_key_filters; key++) {
        keys[key].column = choose_column(set, request->key_filters[key].table_column);
        keys[key].filter = request->key_filters[key].filter;
    }
    self->n_keys = request->n_key_filters;
    self->keys = keys;
    return CN_OK;
}

static cn_code
plan_columns(cni_pq_scan *self, const cni_pq_file *file, const cni_scan_request *request,
             cn_error *err)
{
    column_set set = {.request = request};
    int32_t *outputs = NULL;
    cni_pq_filter *filters = NULL;
    const int64_t n_max =
        (int64_t)request->n_columns + request->n_filter_slots + request->n_key_filters + 2;
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
    CN_TRY(plan_keys(self, &set, err));
    if (request->dynamic != NULL) {
        self->dynamic = request->dynamic;
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
                (void)cni_counter_add(&self->n_groups_pruned, 1);
                continue;
            }
            cni_pq_scan_group *out = &self->groups[self->n_groups++];
            out->file = file;
            out->group = group;
            out->n_rows = in->footer.groups[group].n_rows;
            CN_TRY(cni_pq_group_lead(self, in, group, &out->lead, err));
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
    CN_TRY(cni_pq_scan_plan_stages(self, files[0], err));
    CN_TRY(cni_pq_scan_plan_wanted(self, err));
    CN_TRY(plan_groups(self, err));
    return plan_morsels(self, err);
}
