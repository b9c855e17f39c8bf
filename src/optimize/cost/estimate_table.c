/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables: claimed statistics first, sketches where those say nothing of distinct values, and
 * predicates run over the sample. A sample sees what statistics cannot (LIKE, conjuncts that depend
 * on each other); statistics see what a sample cannot (rare values). Where the sample has enough
 * rows that pass it decides; otherwise it bounds what statistics say.
 *
 * What cannot be gathered is not known: only want of memory and cancellation are errors here.
 */
#include <math.h>

#include "data/row/hash.h"
#include "optimize/cost/estimate_int.h"
#include "plan/eval/program.h"
#include "plan/stats/sketch.h"

#define NEARLY_ALL      0.9
#define ENOUGH_ROWS     24.0 /* rows of the sample that pass: its fraction is within about a fifth */
#define DEFAULT_TEXT    24.0
#define FIRST_ROWS      16
#define LONG_TEXT_BYTES 4096

/* ---- columns ---- */

double
cni_estimate_width(const cni_type *type)
{
    switch (cni_type_phys(type)) {
    case CNI_PHYS_BIT:
        return 0.125;
    case CNI_PHYS_I8:
    case CNI_PHYS_U8:
        return 1.0;
    case CNI_PHYS_I16:
    case CNI_PHYS_U16:
    case CNI_PHYS_F16:
        return 2.0;
    case CNI_PHYS_I32:
    case CNI_PHYS_U32:
    case CNI_PHYS_F32:
        return 4.0;
    case CNI_PHYS_VIEW:
        return 16.0 + DEFAULT_TEXT;
    case CNI_PHYS_I128:
    case CNI_PHYS_INTERVAL:
        return 16.0;
    case CNI_PHYS_FIXED:
        return (double)type->width;
    case CNI_PHYS_LIST:
    case CNI_PHYS_ARRAY:
    case CNI_PHYS_STRUCT:
    case CNI_PHYS_UNION:
        return 64.0;
    default:
        return 8.0;
    }
}

/* Texts are about as long as the smallest and the largest one; short ones need the view alone. */
static double
column_width(const cni_type *type, const cni_column_stats *stats)
{
    const double width = cni_estimate_width(type);
    if (cni_type_phys(type) != CNI_PHYS_VIEW || stats == NULL ||
        stats->bounds_mark == CNI_STAT_UNKNOWN || stats->low.type == NULL || stats->low.is_null ||
        stats->high.is_null) {
        return width;
    }
    const double length =
        (double)(stats->low.as.bytes.len_bytes + stats->high.as.bytes.len_bytes) / 2.0;
    return length <= 12.0 ? 16.0 : 16.0 + length;
}

static bool
is_fatal(cn_code code)
{
    return code == CN_NO_MEMORY || code == CN_CANCELLED || code == CN_TIMEOUT;
}

/* Failing to look is not to know. */
static cn_code
ask_sketch(cni_estimator *self, cni_table *table, int32_t column,
           const cni_column_sketch **out_sketch, cn_error *err)
{
    *out_sketch = NULL;
    if (table->ops->sketch == NULL || table->unbounded || table->one_shot) {
        return CN_OK;
    }
    cn_error own = CN_ERROR_INIT;
    const cn_code code = table->ops->sketch(table, column, self->context, out_sketch, &own);
    if (code != CN_OK) {
        *out_sketch = NULL;
        if (is_fatal(code) && err != NULL) {
            *err = own;
        }
    }
    return is_fatal(code) ? code : CN_OK;
}

static void
take_statistics(const cni_column_stats *stats, double n_rows, cni_column_estimate *out)
{
    double low = 0.0;
    double high = 0.0;
    if (stats->bounds_mark != CNI_STAT_UNKNOWN && cni_stat_position(&stats->low, &low) &&
        cni_stat_position(&stats->high, &high) && low <= high) {
        out->has_bounds = true;
        out->low = low;
        out->high = high;
    }
    if (stats->nulls_mark != CNI_STAT_UNKNOWN && n_rows > 0.0) {
        out->null_fraction = cni_fraction((double)stats->n_nulls / n_rows);
    }
}

static bool
is_integer(const cni_type *type)
{
    const cni_phys phys = cni_type_phys(type);
    return (phys >= CNI_PHYS_I8 && phys <= CNI_PHYS_I128) || phys == CNI_PHYS_BIT;
}

/* Distinct values: counted, sketched, or at most what lies between the bounds. */
static void
settle_distinct(const cni_type *type, const cni_column_stats *stats,
                const cni_column_sketch *sketch, double n_rows, cni_column_estimate *out)
{
    const double n_values = n_rows * (1.0 - out->null_fraction);
    double distinct = fmax(1.0, n_values / 10.0);
    if (sketch != NULL) {
        distinct = sketch->n_distinct;
        out->null_fraction = sketch->null_fraction;
    } else if (stats != NULL && stats->distinct_mark != CNI_STAT_UNKNOWN) {
        distinct = (double)stats->n_distinct;
    }
    if (out->has_bounds && is_integer(type)) {
        distinct = fmin(distinct, out->high - out->low + 1.0);
    }
    if (type->id == CNI_TYPE_BOOL) {
        distinct = fmin(distinct, 2.0);
    }
    if (distinct >= NEARLY_ALL * n_values) {
        distinct = n_values;
    }
    out->n_distinct = fmax(1.0, fmin(distinct, n_values));
    out->n_domain = out->n_distinct;
}

cn_code
cni_estimate_table_column(cni_estimator *self, cni_estimated_table *table, int32_t table_column,
                          cni_column_estimate *out_estimate, cn_error *err)
{
    cni_table_column *column = &table->columns[table_column];
    if (!column->has_estimate) {
        const cni_type *type = table->table->schema->fields[table_column].type;
        const cni_column_stats *stats =
            table_column < table->stats.n_columns ? &table->stats.columns[table_column] : NULL;
        const bool is_counted = stats != NULL && stats->distinct_mark >= CNI_STAT_CLAIMED;
        const cni_column_sketch *sketch = NULL;
        column->estimate = (cni_column_estimate){.width_bytes = column_width(type, stats),
                                                 .origin_rows = table->n_rows};
        if (stats != NULL) {
            take_statistics(stats, table->n_rows, &column->estimate);
        }
        if (!is_counted && table->n_rows > 1.0) {
            CN_TRY(ask_sketch(self, table->table, table_column, &sketch, err));
        }
        settle_distinct(type, stats, sketch, table->n_rows, &column->estimate);
        column->has_estimate = true;
    }
    *out_estimate = column->estimate;
    return CN_OK;
}

cn_code
cni_estimate_scan_bytes(cni_estimator *self, const cni_plan *scan, double *out_bytes, cn_error *err)
{
    cni_estimated_table *table = NULL;
    CN_TRY(cni_estimator_table(self, scan->table, &table, err));
    *out_bytes = 0.0;
    for (int32_t column = 0; column < scan->n_columns; column++) {
        const int32_t at = scan->table_columns[column];
        *out_bytes += column_width(scan->columns[column].type,
                                   at < table->stats.n_columns ? &table->stats.columns[at] : NULL);
    }
    return CN_OK;
}

int32_t
cni_estimate_scan_position(const cni_plan *scan, int32_t column_id)
{
    for (int32_t column = 0; column < scan->n_columns; column++) {
        if (scan->columns[column].id == column_id) {
            return scan->table_columns[column];
        }
    }
    for (int32_t column = 0; column < scan->n_filter_columns; column++) {
        if (scan->filter_columns[column].id == column_id) {
            return scan->filter_table_columns[column];
        }
    }
    return -1;
}

/* ---- samples ---- */

static cn_code
ask_sample(cni_estimator *self, cni_estimated_table *table, int32_t table_column,
           const cni_vector **out_sample, cn_error *err)
{
    cni_table_column *column = &table->columns[table_column];
    const cni_table_ops *ops = table->table->ops;
    if (!column->has_sample && ops->sample != NULL && !table->table->unbounded &&
        !table->table->one_shot) {
        const cni_chunk *chunk = NULL;
        cn_error own = CN_ERROR_INIT;
        const cn_code code =
            ops->sample(table->table, &table_column, 1, self->context, &chunk, &own);
        if (is_fatal(code)) {
            if (err != NULL) {
                *err = own;
            }
            return code;
        }
        column->sample =
            code == CN_OK && chunk != NULL && chunk->n_rows > 0 ? &chunk->columns[0] : NULL;
    }
    column->has_sample = true;
    *out_sample = column->sample;
    return CN_OK;
}

/* The sample of the columns that the expressions name, as a chunk. *out_usable false: none. */
static cn_code
sample_chunk(cni_estimator *self, const cni_plan *scan, const cni_named_columns *named,
             cni_chunk *chunk, cni_slot *slots, bool *out_usable, cn_error *err)
{
    cni_estimated_table *table = NULL;
    *out_usable = false;
    CN_TRY(cni_estimator_table(self, scan->table, &table, err));
    CN_TRY(cni_chunk_set_columns(chunk, named->n_ids, err));
    for (int32_t at = 0; at < named->n_ids; at++) {
        const int32_t position = cni_estimate_scan_position(scan, named->ids[at]);
        const cni_vector *sample = NULL;
        if (position < 0) {
            return CN_OK;
        }
        CN_TRY(ask_sample(self, table, position, &sample, err));
        if (sample == NULL || (at > 0 && sample->n_rows != chunk->n_rows) ||
            sample->n_rows > CNI_CHUNK_ROWS_MAX) {
            return CN_OK;
        }
        cni_vector_copy(&chunk->columns[at], sample);
        chunk->n_rows = sample->n_rows;
        slots[at] = (cni_slot){.column_id = named->ids[at], .position = at};
    }
    *out_usable = named->n_ids > 0;
    return CN_OK;
}

/* A chunk of the sample and a program over it. */
typedef struct sample_run {
    cni_chunk chunk;
    const cni_program *program;
    cni_program_state *state;
} sample_run;

static cn_code
run_begin(cni_estimator *self, const cni_plan *scan, const cni_expr *const *exprs, int32_t n_exprs,
          sample_run *run, cn_error *err)
{
    cni_named_columns named = {0};
    cni_slot *slots = NULL;
    bool is_usable = false;
    cni_expr all = {.kind = CNI_EXPR_AND, .n_args = n_exprs, .args = exprs};
    CN_TRY(cni_named_columns_of(self->arena, &all, &named, err));
    CN_TRY(cni_arena_alloc_array(self->arena, named.n_ids, (int64_t)sizeof(*slots), &slots, err));
    CN_TRY(sample_chunk(self, scan, &named, &run->chunk, slots, &is_usable, err));
    if (!is_usable) {
        return CN_OK;
    }
    CN_TRY(cni_program_new(self->arena, exprs, n_exprs, slots, named.n_ids, &run->program, err));
    return cni_program_state_new(run->program, self->context, &run->state, err);
}

static void
run_done(sample_run *run)
{
    cni_program_state_free(run->state);
    cni_chunk_done(&run->chunk);
}

/* Conjuncts that may be evaluated on rows that the query may never evaluate them on. */
static bool
is_harmless(const cni_expr *const *exprs, int32_t n_exprs)
{
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        if (cni_expr_is_volatile(exprs[expr]) || cni_expr_has_subquery(exprs[expr])) {
            return false;
        }
    }
    return n_exprs > 0;
}

/* Rows of the sample that pass, and how many it has (0 = there is none). */
static cn_code
count_passing(cni_estimator *self, const cni_plan *scan, const cni_expr *const *conjuncts,
              int32_t n_conjuncts, double *out_passed, double *out_n, cn_error *err)
{
    sample_run run = {0};
    cn_error own = CN_ERROR_INIT;
    *out_n = 0.0;
    *out_passed = 0.0;
    if (!is_harmless(conjuncts, n_conjuncts)) {
        return CN_OK;
    }
    cni_chunk_init(&run.chunk, self->context->allocator);
    cn_code code = run_begin(self, scan, conjuncts, n_conjuncts, &run, &own);
    if (code == CN_OK && run.state != NULL) {
        code = cni_program_filter(run.state, &run.chunk, &own);
        if (code == CN_OK) {
            *out_n = (double)run.chunk.n_rows;
            *out_passed = (double)cni_chunk_live_rows(&run.chunk);
        }
    }
    run_done(&run);
    if (is_fatal(code)) {
        if (err != NULL) {
            *err = own;
        }
        return code;
    }
    return CN_OK;
}

/* ---- filters of scans ---- */

/* `passed` of n sampled rows, which are too few, and what statistics say, as one fraction. */
static double
unite(double passed, double n, double by_statistics, bool is_informed)
{
    const double spread = 2.0 * sqrt(passed + 1.0);
    const double high = fmin(1.0, (passed + 1.0 + spread) / n);
    const double low = fmax(0.0, passed - spread) / n;
    if (is_informed) {
        return fmin(fmax(by_statistics, low), high);
    }
    return fmax(passed, 0.5) / n;
}

cn_code
cni_estimate_scan_fraction(cni_estimator *self, const cni_plan *scan,
                           const cni_expr *const *conjuncts, int32_t n_conjuncts,
                           double *out_fraction, cn_error *err)
{
    cni_estimated_table *table = NULL;
    double passed = 0.0;
    double n = 0.0;
    double by_statistics = 1.0;
    bool is_informed = true;
    cni_expr all = {.kind = CNI_EXPR_AND, .n_args = n_conjuncts, .args = conjuncts};
    *out_fraction = 1.0;
    if (n_conjuncts == 0) {
        return CN_OK;
    }
    CN_TRY(cni_estimator_table(self, scan->table, &table, err));
    CN_TRY(count_passing(self, scan, conjuncts, n_conjuncts, &passed, &n, err));
    const bool is_whole = n > 0.0 && n >= table->n_rows;
    if (is_whole || passed >= ENOUGH_ROWS) { /* statistics cost sketches, and would not be heard */
        *out_fraction = cni_fraction(passed / n);
        return CN_OK;
    }
    CN_TRY(cni_estimate_by_statistics(self, scan, NULL, n_conjuncts == 1 ? conjuncts[0] : &all,
                                      &by_statistics, &is_informed, err));
    *out_fraction =
        cni_fraction(n > 0.0 ? unite(passed, n, by_statistics, is_informed) : by_statistics);
    return CN_OK;
}

/* ---- expressions ---- */

static int64_t
count_distinct(uint64_t *hashes, uint64_t *slots, int64_t n_hashes, uint64_t mask)
{
    int64_t n_distinct = 0;
    for (int64_t at = 0; at < n_hashes; at++) {
        const uint64_t hash = hashes[at] == 0 ? 1 : hashes[at];
        uint64_t slot = hash & mask;
        while (slots[slot] != 0 && slots[slot] != hash) {
            slot = (slot + 1) & mask;
        }
        n_distinct += slots[slot] == 0 ? 1 : 0;
        slots[slot] = hash;
    }
    return n_distinct;
}

static cn_code
distinct_of_vector(cni_estimator *self, const cni_vector *vector, double *out_distinct,
                   cn_error *err)
{
    const cni_vector *keys[] = {vector};
    uint64_t *hashes = NULL;
    uint64_t *slots = NULL;
    int64_t n_slots = 16;
    while (n_slots < vector->n_rows * 2) {
        n_slots *= 2;
    }
    CN_TRY(cni_arena_alloc_array(self->arena, vector->n_rows, 8, &hashes, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_slots, 8, &slots, err));
    CN_TRY(cni_hash_vectors(self->context->allocator, keys, 1, vector->n_rows, hashes, err));
    *out_distinct = (double)count_distinct(hashes, slots, vector->n_rows, (uint64_t)n_slots - 1);
    return CN_OK;
}

/* Whether the texts that the program makes of the first rows are so long that making all of them
 * for an estimate is out of the question. */
static cn_code
makes_long_texts(const sample_run *run, bool *out_long, cn_error *err)
{
    const int64_t n_rows = cni_min_i64(FIRST_ROWS, run->chunk.n_rows);
    *out_long = false;
    if (!cni_program_makes_texts(run->program) || n_rows == run->chunk.n_rows) {
        return CN_OK;
    }
    CN_SCOPED(cni_chunk) first = {0};
    CN_SCOPED(cni_vector) values = {0};
    cni_chunk_init(&first, run->chunk.allocator);
    CN_TRY(cni_chunk_slice(&first, &run->chunk, 0, n_rows, err));
    CN_TRY(cni_program_run(run->state, &first, &values, err));
    *out_long = cni_program_state_text_bytes(run->state) > n_rows * LONG_TEXT_BYTES;
    return CN_OK;
}

static cn_code
distinct_in_sample(cni_estimator *self, sample_run *run, double *out_distinct, cn_error *err)
{
    CN_SCOPED(cni_vector) values = {0};
    bool long_texts = false;
    CN_TRY(makes_long_texts(run, &long_texts, err));
    if (long_texts) {
        return CN_OK;
    }
    CN_TRY(cni_program_run(run->state, &run->chunk, &values, err));
    return distinct_of_vector(self, &values, out_distinct, err);
}

cn_code
cni_estimate_sample_distinct(cni_estimator *self, const cni_plan *scan, const cni_expr *expr,
                             double *out_distinct, cn_error *err)
{
    sample_run run = {0};
    cn_error own = CN_ERROR_INIT;
    cni_estimated_table *table = NULL;
    *out_distinct = -1.0;
    CN_TRY(cni_estimator_table(self, scan->table, &table, err));
    if (!is_harmless(&expr, 1)) {
        return CN_OK;
    }
    cni_chunk_init(&run.chunk, self->context->allocator);
    cn_code code = run_begin(self, scan, &expr, 1, &run, &own);
    double n = 0.0;
    if (code == CN_OK && run.state != NULL) {
        n = (double)run.chunk.n_rows;
        code = distinct_in_sample(self, &run, out_distinct, &own);
    }
    run_done(&run);
    if (is_fatal(code)) {
        if (err != NULL) {
            *err = own;
        }
        return code;
    }
    if (code == CN_OK && *out_distinct > n / 4.0 && table->n_rows > n) {
        *out_distinct *= table->n_rows / n; /* still growing: as if it went on so */
    }
    return CN_OK;
}
