/* SPDX-License-Identifier: Apache-2.0
 *
 * Gathering: runs of neighbouring rows at fixed places (so that all columns are sampled in the same
 * rows), one page or two per run; dictionaries of up to MAX_GROUPS row groups.
 */
#include "io/format/parquet/look_int.h"

#include "data/row/hash.h"
#include "data/row/hyperloglog.h"
#include "io/format/parquet/column_int.h"
#include "io/format/parquet/statistics_int.h"

#define MAX_GROUPS           8
#define MAX_DICTIONARY_BYTES (1024 * 1024) /* compressed */

/* ---- the object ---- */

static int64_t
look_bytes(int32_t n_files)
{
    return (int64_t)sizeof(cni_pq_look) + n_files * (int64_t)sizeof(cni_file_identity);
}

cni_pq_look *
cni_pq_look_ref(cni_pq_look *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

void
cni_pq_look_unref(cni_pq_look *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    cni_allocator *allocator = self->allocator;
    cni_table_look_unref(self->kept);
    cni_pq_file_unref(self->first);
    cni_dealloc(allocator, self, look_bytes(self->n_files));
    cni_allocator_unref(allocator);
}

cn_code
cni_pq_look_get(cni_allocator *allocator, cni_parquet_cache *cache, cni_pq_file *const *files,
                int32_t n_files, cni_pq_look **out_look, cn_error *err)
{
    if (cache != NULL) {
        *out_look = cni_parquet_cache_find_look(cache, files, n_files);
        if (*out_look != NULL) {
            return CN_OK;
        }
        allocator = cni_parquet_cache_allocator(cache);
    }
    cni_pq_look *made = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, look_bytes(n_files), &made, err));
    cni_counter_set(&made->n_refs, 1);
    cni_allocator_ref(allocator);
    made->allocator = allocator;
    made->n_files = n_files;
    made->first = cni_pq_file_ref(files[0]);
    for (int32_t file = 0; file < n_files; file++) {
        made->files[file] = files[file]->identity;
    }
    const cn_code code =
        cni_table_look_new(allocator, files[0]->schema.schema.n_fields, &made->kept, err);
    if (code != CN_OK) {
        cni_pq_look_unref(made);
        return code;
    }
    if (cache != NULL) {
        cni_parquet_cache_offer_look(cache, made);
    }
    *out_look = made;
    return CN_OK;
}

/* ---- one column of one row group ---- */

/* What reading a column needs, for one row group at a time. */
typedef struct column_reader {
    cni_context *context;
    cni_pq_file *const *files;
    int32_t n_files;
    int32_t column; /* of the schema */
    int32_t file;   /* -1 = none is open */
    int64_t group;
    cni_file *open;
    cni_pq_reader reader;
    cni_pq_shared_chunk shared;
    cni_pq_column pages;
} column_reader;

static void
close_group(column_reader *self)
{
    cni_pq_column_done(&self->pages);
    cni_pq_shared_chunk_done(&self->shared);
}

static void
close_reader(column_reader *self)
{
    close_group(self);
    cni_file_unref(self->open);
    cni_pq_reader_done(&self->reader);
}

static cn_code
open_group(column_reader *self, int32_t file, int64_t group, cn_error *err)
{
    const cni_pq_file *planned = self->files[file];
    close_group(self);
    if (self->file != file) {
        cni_file_unref(self->open);
        self->open = NULL;
        self->file = -1;
        CN_TRY(cni_pq_file_reopen(planned, self->context, &self->open, err));
        self->file = file;
    }
    self->group = group;
    self->shared.chunk =
        &planned->footer.groups[group].chunks[planned->schema.leaves[self->column]->chunk];
    return CN_OK;
}

static cn_code
read_rows(column_reader *self, int64_t row, int64_t n_rows, cni_vector *out, cn_error *err)
{
    const cni_pq_file *planned = self->files[self->file];
    const cni_pq_leaf *leaf = planned->schema.leaves[self->column];
    const cni_pq_want want = {.row = row, .n_rows = n_rows, .n_keep = n_rows};
    CN_TRY(cni_pq_column_begin(&self->pages, &self->reader, leaf,
                               self->files[0]->schema.schema.fields[self->column].type, self->open,
                               &self->shared, planned->footer.groups[self->group].n_rows, row,
                               row + n_rows, err));
    return cni_pq_column_read(&self->pages, &self->reader, &want, out, err);
}

static bool
is_readable(cni_pq_file *const *files, int32_t n_files, int32_t column)
{
    for (int32_t file = 0; file < n_files; file++) {
        if (files[file]->schema.leaves[column] == NULL) {
            return false;
        }
    }
    return true;
}

static int64_t
count_rows(cni_pq_file *const *files, int32_t n_files)
{
    int64_t n_rows = 0;
    for (int32_t file = 0; file < n_files; file++) {
        n_rows += files[file]->n_rows;
    }
    return n_rows;
}

/* ---- samples ---- */

/* The row group that holds row `row` of all files; *inout_row becomes its row. */
static void
find_group(cni_pq_file *const *files, int32_t *out_file, int64_t *out_group, int64_t *inout_row)
{
    int32_t file = 0;
    int64_t group = 0;
    while (*inout_row >= files[file]->n_rows) {
        *inout_row -= files[file++]->n_rows;
    }
    while (*inout_row >= files[file]->footer.groups[group].n_rows) {
        *inout_row -= files[file]->footer.groups[group++].n_rows;
    }
    *out_file = file;
    *out_group = group;
}

/* Run `run`: CNI_SAMPLE_ROWS / CNI_PQ_SAMPLE_RUNS rows around its place, within a row group. */
static cn_code
read_run(column_reader *self, int64_t n_rows, int32_t run, cni_vector *out, cn_error *err)
{
    const int64_t wanted = CNI_SAMPLE_ROWS / CNI_PQ_SAMPLE_RUNS;
    int64_t row = n_rows / CNI_PQ_SAMPLE_RUNS * run + n_rows / (CNI_PQ_SAMPLE_RUNS * 2);
    int32_t file = 0;
    int64_t group = 0;
    find_group(self->files, &file, &group, &row);
    if (self->file != file || self->group != group) {
        CN_TRY(open_group(self, file, group, err));
    }
    const int64_t n_group = self->files[file]->footer.groups[group].n_rows;
    row = cni_max_i64(0, cni_min_i64(row, n_group - wanted));
    return read_rows(self, row, cni_min_i64(wanted, n_group - row), out, err);
}

/* Small tables: everything, group by group. */
static cn_code
read_all(column_reader *self, cni_vector *parts, int32_t *out_n_parts, cn_error *err)
{
    for (int32_t file = 0; file < self->n_files; file++) {
        for (int64_t group = 0; group < self->files[file]->footer.n_groups; group++) {
            const int64_t n_rows = self->files[file]->footer.groups[group].n_rows;
            if (n_rows == 0) {
                continue;
            }
            CN_TRY(open_group(self, file, group, err));
            CN_TRY(read_rows(self, 0, n_rows, &parts[*out_n_parts], err));
            (*out_n_parts)++;
        }
    }
    return CN_OK;
}

static cn_code
keep_none(cni_pq_look *self, int32_t column, cn_error *err)
{
    const cni_vector none = {.type = self->first->schema.schema.fields[column].type};
    return cni_table_look_keep_sample(self->kept, column, &none, err);
}

static cn_code
keep_parts(cni_pq_look *self, int32_t column, const cni_vector *parts, int32_t n_parts,
           cni_context *context, cn_error *err)
{
    CN_SCOPED(cni_vector) all = {0};
    const cni_vector **pointers = NULL;
    const int64_t n_bytes = n_parts * (int64_t)sizeof(*pointers);
    if (n_parts == 0) {
        return keep_none(self, column, err);
    }
    CN_TRY(cni_alloc(context->allocator, n_bytes, &pointers, err));
    for (int32_t part = 0; part < n_parts; part++) {
        pointers[part] = &parts[part];
    }
    cn_code code = cni_vector_concat(context->allocator, pointers, n_parts, &all, err);
    if (code == CN_OK) {
        code = cni_table_look_keep_sample(self->kept, column, &all, err);
    }
    cni_dealloc(context->allocator, pointers, n_bytes);
    return code;
}

/* Vectors that a sample may be read in. */
static int64_t
count_parts(cni_pq_file *const *files, int32_t n_files, int64_t n_rows)
{
    int64_t n_groups = 0;
    for (int32_t file = 0; n_rows <= CNI_SAMPLE_ROWS && file < n_files; file++) {
        n_groups += files[file]->footer.n_groups;
    }
    return cni_max_i64(CNI_PQ_SAMPLE_RUNS, n_groups);
}

static cn_code
read_sample(column_reader *reader, int64_t n_rows, cni_vector *parts, int32_t *out_n_parts,
            cn_error *err)
{
    CN_TRY(cni_pq_reader_init(&reader->reader, reader->context->allocator, reader->context->fault,
                              err));
    if (n_rows <= CNI_SAMPLE_ROWS) {
        return read_all(reader, parts, out_n_parts, err);
    }
    for (int32_t run = 0; run < CNI_PQ_SAMPLE_RUNS; run++) {
        CN_TRY(cni_context_check(reader->context, err));
        CN_TRY(read_run(reader, n_rows, run, &parts[run], err));
        (*out_n_parts)++;
    }
    return CN_OK;
}

cn_code
cni_pq_look_sample(cni_pq_look *self, cni_pq_file *const *files, int32_t column,
                   cni_context *context, cn_error *err)
{
    const int64_t n_rows = count_rows(files, self->n_files);
    const int64_t n_bytes = count_parts(files, self->n_files, n_rows) * (int64_t)sizeof(cni_vector);
    cni_vector *parts = NULL;
    int32_t n_parts = 0;
    if (cni_table_look_sample(self->kept, column) != NULL) {
        return CN_OK;
    }
    if (!is_readable(files, self->n_files, column) || n_rows == 0) {
        return keep_none(self, column, err);
    }
    column_reader reader = {
        .context = context, .files = files, .n_files = self->n_files, .column = column, .file = -1};
    CN_TRY(cni_alloc_zeroed(context->allocator, n_bytes, &parts, err));
    cn_code code = read_sample(&reader, n_rows, parts, &n_parts, err);
    if (code == CN_OK) {
        code = keep_parts(self, column, parts, n_parts, context, err);
    }
    for (int32_t part = 0; part < n_parts; part++) {
        cni_vector_done(&parts[part]);
    }
    cni_dealloc(context->allocator, parts, n_bytes);
    close_reader(&reader);
    return code;
}

/* ---- dictionaries ---- */

typedef struct dictionary_count {
    uint8_t registers[CNI_HYPERLOGLOG_REGISTERS];
    double n_values; /* sum over the dictionaries */
    int32_t n_groups;
    bool is_complete; /* every page looked at had codes */
} dictionary_count;

static cn_code
add_values(dictionary_count *self, const cni_vector *values, cni_allocator *allocator,
           cn_error *err)
{
    const cni_vector *keys[] = {values};
    const int64_t n_bytes = values->n_rows * 8;
    uint64_t *hashes = NULL;
    CN_TRY(cni_alloc(allocator, n_bytes, &hashes, err));
    const cn_code code = cni_hash_vectors(allocator, keys, 1, values->n_rows, hashes, err);
    for (int64_t row = 0; code == CN_OK && row < values->n_rows; row++) {
        cni_hyperloglog_add(self->registers, hashes[row]);
    }
    cni_dealloc(allocator, hashes, n_bytes);
    self->n_values += (double)values->n_rows;
    return code;
}

/* The dictionary of the open row group, if its last page still has codes: writers that give up on a
 * dictionary do not come back to it. */
static cn_code
count_group(column_reader *reader, dictionary_count *count, cn_error *err)
{
    CN_SCOPED(cni_vector) last = {0};
    const int64_t n_rows = reader->files[reader->file]->footer.groups[reader->group].n_rows;
    const cni_pq_shared_chunk *shared = &reader->shared;
    if (shared->chunk->dictionary_offset <= 0) {
        count->is_complete = false;
        return CN_OK;
    }
    CN_TRY(read_rows(reader, n_rows - 1, 1, &last, err));
    if (reader->pages.page.form != CNI_PQ_FORM_CODES || reader->pages.dictionary == NULL ||
        reader->pages.directory->dictionary_bytes > MAX_DICTIONARY_BYTES) {
        count->is_complete = false;
        return CN_OK;
    }
    count->n_groups++;
    return add_values(count, &reader->pages.dictionary->dictionary->values,
                      reader->context->allocator, err);
}

static cn_code
count_dictionaries(column_reader *reader, dictionary_count *count, int64_t *out_n_groups,
                   cn_error *err)
{
    int64_t n_groups = 0;
    int64_t at = 0;
    CN_TRY(cni_pq_reader_init(&reader->reader, reader->context->allocator, reader->context->fault,
                              err));
    for (int32_t file = 0; file < reader->n_files; file++) {
        n_groups += reader->files[file]->footer.n_groups;
    }
    const int64_t every = (n_groups + MAX_GROUPS - 1) / MAX_GROUPS;
    for (int32_t file = 0; file < reader->n_files && count->is_complete; file++) {
        for (int64_t group = 0; group < reader->files[file]->footer.n_groups && count->is_complete;
             group++, at++) {
            if (at % every == 0 && reader->files[file]->footer.groups[group].n_rows > 0) {
                CN_TRY(open_group(reader, file, group, err));
                CN_TRY(count_group(reader, count, err));
            }
        }
    }
    *out_n_groups = n_groups;
    return CN_OK;
}

static double
distinct_of(const dictionary_count *count, int64_t n_groups)
{
    const double seen = (double)cni_hyperloglog_estimate(count->registers);
    if (count->n_groups == 1 && n_groups == 1) {
        return count->n_values;
    }
    if (count->n_groups == n_groups) {
        return seen;
    }
    return cni_distinct_of_draws(seen, count->n_values,
                                 seen * (double)n_groups / (double)count->n_groups);
}

static cn_code
distinct_by_dictionaries(cni_pq_look *self, cni_pq_file *const *files, int32_t column,
                         cni_context *context, double *out_distinct, cn_error *err)
{
    column_reader reader = {
        .context = context, .files = files, .n_files = self->n_files, .column = column, .file = -1};
    dictionary_count *count = NULL;
    int64_t n_groups = 0;
    *out_distinct = -1.0;
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*count), &count, err));
    count->is_complete = true;
    const cn_code code = count_dictionaries(&reader, count, &n_groups, err);
    close_reader(&reader);
    if (code == CN_OK && count->is_complete && count->n_groups > 0) {
        *out_distinct = distinct_of(count, n_groups);
    }
    cni_dealloc(context->allocator, count, (int64_t)sizeof(*count));
    return code;
}

cn_code
cni_pq_look_distinct(cni_pq_look *self, cni_pq_file *const *files, int32_t column, double n_rows,
                     cni_context *context, cni_column_sketch *out_sketch, cn_error *err)
{
    double distinct = -1.0;
    *out_sketch = (cni_column_sketch){.n_distinct = n_rows / 10.0};
    if (!is_readable(files, self->n_files, column) || n_rows <= 0.0) {
        return CN_OK;
    }
    if (n_rows > CNI_SAMPLE_ROWS) {
        CN_TRY(distinct_by_dictionaries(self, files, column, context, &distinct, err));
    }
    if (distinct >= 0.0) {
        out_sketch->n_distinct = distinct;
        return CN_OK;
    }
    CN_TRY(cni_pq_look_sample(self, files, column, context, err));
    return cni_sample_distinct(context->allocator, cni_table_look_sample(self->kept, column),
                               CNI_PQ_SAMPLE_RUNS, n_rows, &out_sketch->n_distinct,
                               &out_sketch->null_fraction, err);
}
