/* SPDX-License-Identifier: Apache-2.0
 *
 * Parquet files as a cni_table: schema check over the files, statistics, answers from metadata,
 * scans.
 */
#include "io/format/parquet/parquet_table.h"

#include "base/checked.h"
#include "io/format/parquet/look_int.h"
#include "io/format/parquet/parquet_file_int.h"
#include "io/format/parquet/parquet_scan_int.h"
#include "io/format/parquet/statistics_int.h"
#include "plan/function/function.h"
#include "plan/table/prove_unique.h"

#define MAX_FILES (1 << 20)
#define LIKELY_UNIQUE                                                                              \
    0.8 /* distinct values per row in the sketch that make a proof worth a try                     \
         */

typedef struct parquet_table {
    cni_table base;
    cni_arena *arena; /* holds this */
    int32_t n_files;
    cni_pq_file **files; /* referenced */
    cni_pq_look *look;   /* referenced */
} parquet_table;

static parquet_table *
table_of(cni_table *base)
{
    return (parquet_table *)(void *)base;
}

static void
free_table(cni_table *base)
{
    parquet_table *self = table_of(base);
    cni_pq_look_unref(self->look);
    for (int32_t file = 0; file < self->n_files; file++) {
        cni_pq_file_unref(self->files[file]);
    }
    cni_arena_unref(self->arena);
}

/* ---- statistics ---- */

/* What is known of a column over all row groups so far. */
typedef struct column_summary {
    bool has_bounds; /* some rows have values */
    bool lost_low;
    bool lost_high;
    bool low_exact;
    bool high_exact;
    bool lost_nulls;
    cni_value low;
    cni_value high;
    int64_t n_nulls;
} column_summary;

static void
add_group(column_summary *self, const cni_pq_file *file, int64_t group, const cni_pq_leaf *leaf,
          const cni_type *type)
{
    const int64_t n_rows = file->footer.groups[group].n_rows;
    const int64_t n_nulls = cni_pq_group_nulls(file, group, leaf);
    if (n_nulls < 0) {
        self->lost_nulls = true;
    } else {
        self->n_nulls += n_nulls; /* at most the rows, whose sum was checked */
    }
    if (n_rows == 0 || n_nulls == n_rows) {
        return;
    }
    cni_pq_bounds bounds;
    cni_pq_group_bounds(file, group, leaf, type, &bounds);
    self->lost_low = self->lost_low || !bounds.has_low;
    self->lost_high = self->lost_high || !bounds.has_high;
    const bool is_first = !self->has_bounds;
    self->has_bounds = true;
    if (!self->lost_low && (is_first || cni_value_compare(&bounds.low, &self->low) < 0)) {
        self->low = bounds.low;
        self->low_exact = bounds.low_exact;
    }
    if (!self->lost_high && (is_first || cni_value_compare(&bounds.high, &self->high) > 0)) {
        self->high = bounds.high;
        self->high_exact = bounds.high_exact;
    }
}

static void
summarize(const parquet_table *self, int32_t column, column_summary *out)
{
    const cni_type *type = self->base.schema->fields[column].type;
    *out = (column_summary){0};
    for (int32_t file = 0; file < self->n_files; file++) {
        const cni_pq_file *in = self->files[file];
        for (int64_t group = 0; group < in->footer.n_groups; group++) {
            add_group(out, in, group, in->schema.leaves[column], type);
        }
    }
}

static int64_t
count_rows(const parquet_table *self)
{
    int64_t n_rows = 0;
    for (int32_t file = 0; file < self->n_files; file++) {
        n_rows += self->files[file]->n_rows;
    }
    return n_rows;
}

/* Integers between two bounds, as an estimate of how many there are. */
static void
estimate_distinct(const column_summary *summary, int64_t n_rows, cni_column_stats *out)
{
    const cni_phys phys = cni_type_phys(summary->low.type);
    int64_t n_between;
    if (phys < CNI_PHYS_I8 || phys > CNI_PHYS_U32 ||
        !cni_checked_sub(summary->high.as.i64, summary->low.as.i64, &n_between)) {
        return;
    }
    if (n_between < n_rows) {
        out->distinct_mark = CNI_STAT_ESTIMATE;
        out->n_distinct = n_between + 1;
    }
}

static void
column_stats(const parquet_table *self, int32_t column, int64_t n_rows, cni_column_stats *out)
{
    column_summary summary;
    summarize(self, column, &summary);
    if (!summary.lost_nulls) {
        out->nulls_mark = CNI_STAT_CLAIMED;
        out->n_nulls = summary.n_nulls;
    }
    if (summary.has_bounds && !summary.lost_low && !summary.lost_high) {
        out->bounds_mark = CNI_STAT_CLAIMED;
        out->low = summary.low;
        out->high = summary.high;
        estimate_distinct(&summary, n_rows, out);
    }
}

static cn_code
statistics(cni_table *base, cni_arena *arena, cni_table_stats *out_stats, cn_error *err)
{
    const parquet_table *self = table_of(base);
    const int64_t n_rows = count_rows(self);
    cni_column_stats *columns = NULL;
    CN_TRY(cni_arena_alloc_array(arena, base->schema->n_fields, (int64_t)sizeof(*columns), &columns,
                                 err));
    for (int32_t column = 0; column < base->schema->n_fields; column++) {
        if (self->files[0]->schema.leaves[column] != NULL) {
            column_stats(self, column, n_rows, &columns[column]);
        }
    }
    *out_stats = (cni_table_stats){.rows_mark = CNI_STAT_CLAIMED,
                                   .n_rows = n_rows,
                                   .n_columns = base->schema->n_fields,
                                   .columns = columns};
    return CN_OK;
}

/* ---- answers ---- */

/* MIN or MAX of a column when the file states it exactly. */
static bool
answer_extreme(const column_summary *summary, bool is_max, const cni_type *type, cni_value *out)
{
    if (!summary->has_bounds) { /* no row has a value */
        *out = (cni_value){.type = type, .is_null = true};
        return !summary->lost_nulls;
    }
    *out = is_max ? summary->high : summary->low;
    return is_max ? !summary->lost_high && summary->high_exact
                  : !summary->lost_low && summary->low_exact;
}

static bool
answer_one(const parquet_table *self, const cni_metadata_question *question, cni_value *out)
{
    const int64_t n_rows = count_rows(self);
    *out = (cni_value){.type = cni_type_of(CNI_TYPE_INT64), .as.i64 = n_rows};
    if (question->builtin == CNI_AGGREGATE_COUNT_STAR) {
        return true;
    }
    if (self->files[0]->schema.leaves[question->table_column] == NULL) {
        return false;
    }
    column_summary summary;
    summarize(self, question->table_column, &summary);
    const cni_type *type = self->base.schema->fields[question->table_column].type;
    switch (question->builtin) {
    case CNI_AGGREGATE_COUNT:
        out->as.i64 = n_rows - summary.n_nulls;
        return !summary.lost_nulls;
    case CNI_AGGREGATE_MIN:
        return answer_extreme(&summary, false, type, out);
    case CNI_AGGREGATE_MAX:
        return answer_extreme(&summary, true, type, out);
    default:
        return false;
    }
}

static bool
has_bytes(const cni_value *value)
{
    const int32_t id = value->type->id;
    return !value->is_null &&
           (id == CNI_TYPE_VARCHAR || id == CNI_TYPE_BLOB || id == CNI_TYPE_FIXED_BINARY);
}

static cn_code
answer(cni_table *base, cni_arena *arena, const cni_metadata_question *questions,
       int32_t n_questions, cni_value *out_values, bool *out_answered, cn_error *err)
{
    const parquet_table *self = table_of(base);
    *out_answered = true;
    for (int32_t at = 0; at < n_questions && *out_answered; at++) {
        cni_value *value = &out_values[at];
        *out_answered = answer_one(self, &questions[at], value);
        if (*out_answered && has_bytes(value)) {
            CN_TRY(cni_arena_str(arena, value->as.bytes, &value->as.bytes, err));
        }
    }
    return CN_OK;
}

/* ---- scans ---- */

typedef struct filter_check {
    const parquet_table *table;
    const cni_slot_of_table *slots;
    int32_t n_slots;
    bool fits;
} filter_check;

/* Filters over readable columns only. */
static bool
check_column(void *state, const cni_expr *expr)
{
    filter_check *check = state;
    if (expr->kind != CNI_EXPR_COLUMN) {
        return true;
    }
    bool is_readable = false;
    for (int32_t slot = 0; slot < check->n_slots; slot++) {
        is_readable =
            is_readable ||
            (check->slots[slot].column_id == expr->column_id &&
             check->table->files[0]->schema.leaves[check->slots[slot].table_column] != NULL);
    }
    check->fits = check->fits && is_readable;
    return true;
}

static cni_filter_answer
supports_filter(cni_table *base, const cni_expr *filter, const cni_slot_of_table *slots,
                int32_t n_slots)
{
    filter_check check = {
        .table = table_of(base), .slots = slots, .n_slots = n_slots, .fits = true};
    if (cni_expr_is_volatile(filter) || cni_expr_has_subquery(filter)) {
        return CNI_FILTER_UNSUPPORTED;
    }
    cni_expr_walk(filter, check_column, &check);
    return check.fits ? CNI_FILTER_EXACT : CNI_FILTER_UNSUPPORTED;
}

static cn_code
open_scan(cni_table *base, const cni_scan_request *request, cni_context *context,
          cni_scan **out_scan, cn_error *err)
{
    parquet_table *self = table_of(base);
    return cni_pq_scan_new(base, self->files, self->n_files, request, context, out_scan, err);
}

/* ---- looks at rows ---- */

static cn_code
make_sketch(parquet_table *self, int32_t column, cni_context *context, cni_column_sketch *out,
            cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_table_stats stats;
    CN_TRY(cni_arena_new(context->allocator, "sketch", &arena, err));
    CN_TRY(statistics(&self->base, arena, &stats, err));
    const double n_rows = (double)stats.n_rows;
    CN_TRY(cni_pq_look_distinct(self->look, self->files, column, n_rows, context, out, err));
    const cni_column_stats *own = &stats.columns[column];
    if (own->nulls_mark != CNI_STAT_UNKNOWN && n_rows > 0.0) {
        out->null_fraction = (double)own->n_nulls / n_rows;
    }
    return CN_OK;
}

static cn_code
sketch(cni_table *base, int32_t table_column, cni_context *context,
       const struct cni_column_sketch **out_sketch, cn_error *err)
{
    parquet_table *self = table_of(base);
    *out_sketch = cni_table_look_sketch(self->look->kept, table_column);
    if (*out_sketch != NULL || self->files[0]->schema.leaves[table_column] == NULL) {
        return CN_OK;
    }
    cni_column_sketch made = {0};
    CN_TRY(make_sketch(self, table_column, context, &made, err));
    return cni_table_look_keep_sketch(self->look->kept, table_column, &made, out_sketch, err);
}

/* A scan with a bitmap, where the bounds allow for that and the sketch does not speak against it.
 */
static cn_code
prove(parquet_table *self, int32_t column, cni_context *context, bool *out_unique, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_table_stats stats;
    const struct cni_column_sketch *known = NULL;
    *out_unique = false;
    CN_TRY(cni_arena_new(context->allocator, "proof", &arena, err));
    CN_TRY(statistics(&self->base, arena, &stats, err));
    if (!cni_prove_is_cheap(&stats, column)) {
        return CN_OK;
    }
    CN_TRY(sketch(&self->base, column, context, &known, err));
    if (known == NULL || known->n_distinct < LIKELY_UNIQUE * (double)stats.n_rows) {
        return CN_OK;
    }
    return cni_prove_unique(&self->base, column, &stats.columns[column], context, out_unique, err);
}

static cn_code
prove_unique(cni_table *base, int32_t table_column, cni_context *context, bool *out_unique,
             cn_error *err)
{
    parquet_table *self = table_of(base);
    const cni_look_proof known = cni_table_look_proof(self->look->kept, table_column);
    *out_unique = known == CNI_LOOK_UNIQUE;
    if (known != CNI_LOOK_NEVER || self->files[0]->schema.leaves[table_column] == NULL) {
        return CN_OK;
    }
    CN_TRY(prove(self, table_column, context, out_unique, err));
    cni_table_look_keep_proof(self->look->kept, table_column, *out_unique);
    return CN_OK;
}

static cn_code
sample(cni_table *base, const int32_t *table_columns, int32_t n_columns, cni_context *context,
       const cni_chunk **out_chunk, cn_error *err)
{
    parquet_table *self = table_of(base);
    for (int32_t at = 0; at < n_columns; at++) {
        CN_TRY(cni_pq_look_sample(self->look, self->files, table_columns[at], context, err));
    }
    return cni_table_look_chunk(self->look->kept, table_columns, n_columns, out_chunk, err);
}

static const cni_table_ops table_ops = {.free = free_table,
                                        .statistics = statistics,
                                        .supports_filter = supports_filter,
                                        .answer = answer,
                                        .open_scan = open_scan,
                                        .sketch = sketch,
                                        .prove_unique = prove_unique,
                                        .sample = sample};

/* ---- making one ---- */

static cn_code
check_same_schema(const cni_pq_file *first, const cni_pq_file *other, cni_arena *arena,
                  cn_error *err)
{
    const cni_schema *a = &first->schema.schema;
    const cni_schema *b = &other->schema.schema;
    if (a->n_fields != b->n_fields) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT,
                       "'%.*s' has %d columns and '%.*s' has %d; files read together must have the "
                       "same columns",
                       CNI_STR_ARGS(first->path), (int)a->n_fields, CNI_STR_ARGS(other->path),
                       (int)b->n_fields);
    }
    for (int32_t column = 0; column < a->n_fields; column++) {
        const cni_field *left = &a->fields[column];
        const cni_field *right = &b->fields[column];
        if (cni_str_eq(left->name, right->name) && cni_type_equal(left->type, right->type)) {
            continue;
        }
        cni_str left_type = {0};
        cni_str right_type = {0};
        CN_TRY(cni_type_name(arena, left->type, &left_type, err));
        CN_TRY(cni_type_name(arena, right->type, &right_type, err));
        return CN_FAIL(err, CN_INVALID_ARGUMENT,
                       "column %d is '%.*s' %.*s in '%.*s' but '%.*s' %.*s in '%.*s'",
                       (int)column + 1, CNI_STR_ARGS(left->name), CNI_STR_ARGS(left_type),
                       CNI_STR_ARGS(first->path), CNI_STR_ARGS(right->name),
                       CNI_STR_ARGS(right_type), CNI_STR_ARGS(other->path));
    }
    return CN_OK;
}

/* A column that may be null in one file may be null in the table. */
static cn_code
unite_schemas(parquet_table *self, const cni_schema **out_schema, cn_error *err)
{
    const cni_schema *first = &self->files[0]->schema.schema;
    cni_schema *schema = NULL;
    cni_field *fields = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &schema, err));
    CN_TRY(cni_arena_alloc_array(self->arena, first->n_fields, (int64_t)sizeof(*fields), &fields,
                                 err));
    for (int32_t column = 0; column < first->n_fields; column++) {
        fields[column] = first->fields[column];
        for (int32_t file = 1; file < self->n_files; file++) {
            fields[column].nullable =
                fields[column].nullable || self->files[file]->schema.schema.fields[column].nullable;
        }
    }
    *schema = (cni_schema){.n_fields = first->n_fields, .fields = fields};
    *out_schema = schema;
    return CN_OK;
}

static cn_code
open_files(parquet_table *self, cni_context *context, cni_parquet_cache *cache,
           const cni_str *paths, int64_t n_paths, const cni_parquet_options *options, cn_error *err)
{
    int64_t n_rows = 0;
    CN_TRY(cni_arena_alloc_array(self->arena, n_paths, (int64_t)sizeof(*self->files), &self->files,
                                 err));
    for (int64_t file = 0; file < n_paths; file++) {
        CN_TRY(cni_context_check(context, err));
        CN_TRY(cni_pq_file_open(context, cache, paths[file], options, &self->files[file], err));
        self->n_files++;
        CN_TRY(check_same_schema(self->files[0], self->files[file], self->arena, err));
        if (!cni_checked_add(n_rows, self->files[file]->n_rows, &n_rows)) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED, "the files have more than 2^63 rows together");
        }
    }
    return unite_schemas(self, &self->base.schema, err);
}

static cn_code
copy_value(cni_arena *arena, const cni_value *value, cni_value *out, cn_error *err)
{
    *out = *value;
    if (!value->is_null && value->type->id == CNI_TYPE_VARCHAR) {
        return cni_arena_str(arena, value->as.bytes, &out->as.bytes, err);
    }
    if (value->is_null || value->type->id != CNI_TYPE_LIST) {
        return CN_OK;
    }
    cni_value *items = NULL;
    const int32_t n_items = value->as.nested.n_items;
    CN_TRY(cni_type_copy(arena, value->type, &out->type, err));
    CN_TRY(cni_arena_alloc_array(arena, n_items, (int64_t)sizeof(*items), &items, err));
    for (int32_t item = 0; item < n_items; item++) {
        items[item] = value->as.nested.items[item];
        if (!items[item].is_null && items[item].type->id == CNI_TYPE_VARCHAR) {
            CN_TRY(cni_arena_str(arena, items[item].as.bytes, &items[item].as.bytes, err));
        }
    }
    out->as.nested.items = items;
    return CN_OK;
}

static cn_code
copy_recipe(cni_arena *arena, const cni_table_recipe *recipe, const cni_table_recipe **out_recipe,
            cn_error *err)
{
    cni_table_recipe *copy = NULL;
    cni_value *args = NULL;
    cni_str *names = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &copy, err));
    CN_TRY(cni_arena_alloc_array(arena, recipe->n_args, (int64_t)sizeof(*args), &args, err));
    CN_TRY(cni_arena_alloc_array(arena, recipe->n_args, (int64_t)sizeof(*names), &names, err));
    for (int32_t arg = 0; arg < recipe->n_args; arg++) {
        CN_TRY(copy_value(arena, &recipe->args[arg], &args[arg], err));
        CN_TRY(cni_arena_str(arena, recipe->arg_names[arg], &names[arg], err));
    }
    *copy = (cni_table_recipe){.n_args = recipe->n_args, .args = args, .arg_names = names};
    CN_TRY(cni_arena_str(arena, recipe->function, &copy->function, err));
    CN_TRY(cni_arena_str(arena, recipe->name, &copy->name, err));
    *out_recipe = copy;
    return CN_OK;
}

static cn_code
fill_table(parquet_table *self, cni_context *context, cni_parquet_cache *cache,
           const cni_str *paths, int64_t n_paths, const cni_parquet_options *options,
           const cni_table_recipe *recipe, cn_error *err)
{
    if (recipe != NULL) {
        CN_TRY(copy_recipe(self->arena, recipe, &self->base.recipe, err));
    }
    CN_TRY(open_files(self, context, cache, paths, n_paths, options, err));
    return cni_pq_look_get(context->allocator, cache, self->files, self->n_files, &self->look, err);
}

cn_code
cni_parquet_table_new(cni_context *context, cni_parquet_cache *cache, const cni_str *paths,
                      int64_t n_paths, const cni_parquet_options *options,
                      const cni_table_recipe *recipe, cni_table **out_table, cn_error *err)
{
    if (n_paths < 1 || n_paths > MAX_FILES) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a table is over 1 to %d files, not %lld", MAX_FILES,
                       (long long)n_paths);
    }
    cni_arena *arena = NULL;
    parquet_table *self = NULL;
    CN_TRY(cni_arena_new(context->allocator, "parquet table", &arena, err));
    cn_code code = CN_ARENA_NEW(arena, &self, err);
    if (code != CN_OK) {
        cni_arena_unref(arena);
        return code;
    }
    self->arena = arena;
    self->base.ops = &table_ops;
    cni_counter_set(&self->base.n_refs, 1);
    code = fill_table(self, context, cache, paths, n_paths, options, recipe, err);
    if (code != CN_OK) {
        free_table(&self->base);
        return code;
    }
    *out_table = &self->base;
    return CN_OK;
}
