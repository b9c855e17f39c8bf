/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory tables and their scan. A morsel is up to MORSEL_ROWS rows of one block; chunks are slices
 * of the block's vectors, in whatever encoding they have.
 */
#include "io/source/memory_table.h"

#include "base/thread.h"
#include "io/source/memory_look_int.h"
#include "io/source/source_shape.h"

#define MORSEL_ROWS 65536

/* Immutable once in the list; the list only grows at its end. */
typedef struct memory_block {
    cni_arrow_batch batch;
    struct memory_block *next;
} memory_block;

/* What a look at the first n_rows rows gave. Older ones stay for those who borrowed from them; a
 * new one is made when the rows have doubled. */
typedef struct memory_look {
    cni_table_look *look;
    int64_t n_rows;
    struct memory_look *older;
} memory_look;

typedef struct memory_table {
    cni_table base;
    cni_allocator *allocator; /* referenced */
    cni_arena *arena;         /* schema, recipe */
    cni_schema schema;
    cni_mutex mutex; /* guards the list */
    memory_block *first;
    memory_block *last;
    int64_t n_blocks;
    int64_t n_rows;
    memory_look *look; /* the newest; guarded by the mutex */
} memory_table;

/* A slice of a block. */
typedef struct memory_morsel {
    const memory_block *block;
    int64_t offset;
    int64_t n_rows;
} memory_morsel;

typedef struct memory_scan {
    cni_scan base;
    memory_table *table; /* referenced: keeps the blocks */
    cni_context *context;
    cni_arena *arena;
    const cni_source_shape *shape;
    const memory_morsel *morsels; /* base.n_morsels */
    cni_atomic_i64 next;
    cni_atomic_i64 n_rows_read;
    cni_atomic_i64 n_rows_filtered;
    cni_atomic_i64 n_rows_dynamic;
    int64_t n_rows; /* of all morsels */
} memory_scan;

typedef struct memory_local {
    cni_source_reader reader;
    int64_t morsel; /* the one at work, -1 = none */
    int64_t done;   /* rows of it that were given */
} memory_local;

static cni_morsel_answer
scan_next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    memory_scan *self = (memory_scan *)base;
    cni_waker_drop(own_waker);
    if (cni_source_is_empty(self->shape)) {
        return CNI_MORSEL_NONE;
    }
    const int64_t morsel = cni_counter_add(&self->next, 1);
    *out_morsel = morsel;
    return morsel < base->n_morsels ? CNI_MORSEL_TAKEN : CNI_MORSEL_NONE;
}

static void
scan_close_local(cni_scan *base, void *opaque)
{
    const memory_scan *self = (const memory_scan *)base;
    memory_local *local = opaque;
    if (local != NULL) {
        cni_source_reader_done(&local->reader);
        cni_dealloc(self->context->allocator, local, (int64_t)sizeof(*local));
    }
}

static cn_code
scan_open_local(cni_scan *base, void **out_local, cn_error *err)
{
    const memory_scan *self = (const memory_scan *)base;
    memory_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->context->allocator, (int64_t)sizeof(*local), &local, err));
    local->morsel = -1;
    const cn_code code =
        cni_source_reader_init(&local->reader, self->shape, self->context, base->budget, err);
    if (code != CN_OK) {
        scan_close_local(base, local);
        return code;
    }
    *out_local = local;
    return CN_OK;
}

/* The next rows of the slice at work. */
static cn_code
give_rows(memory_scan *self, memory_local *local, const memory_morsel *slice, cni_chunk *chunk,
          cn_error *err)
{
    cni_source_removed removed;
    const int64_t n_rows =
        cni_min_i64(self->context->settings.chunk_rows, slice->n_rows - local->done);
    CN_TRY(cni_source_fill(&local->reader, slice->block->batch.columns, slice->offset + local->done,
                           n_rows, chunk, &removed, err));
    local->done += n_rows;
    chunk->sequence = local->morsel;
    chunk->ends_morsel = local->done == slice->n_rows;
    (void)cni_counter_add(&self->n_rows_read, n_rows);
    (void)cni_counter_add(&self->n_rows_filtered, removed.n_filtered);
    (void)cni_counter_add(&self->n_rows_dynamic, removed.n_dynamic);
    return CN_OK;
}

static cn_code
scan_read(cni_scan *base, void *opaque, int64_t morsel, cni_waker own_waker, cni_chunk *chunk,
          cni_read_answer *out_answer, cn_error *err)
{
    memory_scan *self = (memory_scan *)base;
    memory_local *local = opaque;
    const memory_morsel *slice = &self->morsels[morsel];
    cni_waker_drop(own_waker);
    if (local->morsel != morsel) {
        local->morsel = morsel;
        local->done = 0;
        if (cni_source_is_outside(self->shape, slice->block->batch.columns)) {
            local->done = slice->n_rows;
            (void)cni_counter_add(&self->n_rows_read, slice->n_rows);
            (void)cni_counter_add(&self->n_rows_dynamic, slice->n_rows);
        }
    }
    *out_answer = local->done == slice->n_rows ? CNI_READ_END : CNI_READ_CHUNK;
    return *out_answer == CNI_READ_END ? CN_OK : give_rows(self, local, slice, chunk, err);
}

static void
scan_counters(const cni_scan *base, cni_scan_counters *out_counters)
{
    const memory_scan *self = (const memory_scan *)base;
    *out_counters = (cni_scan_counters){.rows_scanned = cni_counter_get(&self->n_rows_read),
                                        .rows_filtered = cni_counter_get(&self->n_rows_filtered),
                                        .rows_dynamic = cni_counter_get(&self->n_rows_dynamic)};
}

static double
scan_progress(const cni_scan *base)
{
    const memory_scan *self = (const memory_scan *)base;
    return self->n_rows == 0 ? 1.0
                             : (double)cni_counter_get(&self->n_rows_read) / (double)self->n_rows;
}

static void
scan_close(cni_scan *base)
{
    memory_scan *self = (memory_scan *)base;
    cni_table_unref(&self->table->base);
    cni_budget_unref(base->budget);
    cni_arena_unref(self->arena);
    cni_dealloc(self->context->allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops scan_ops = {.next_morsel = scan_next_morsel,
                                      .open_local = scan_open_local,
                                      .close_local = scan_close_local,
                                      .read = scan_read,
                                      .counters = scan_counters,
                                      .progress = scan_progress,
                                      .close = scan_close};

/* Block `index` behind the one before it. The link of the last block of a snapshot is not looked
 * at: it may be written just now. */
static const memory_block *
next_block(const memory_block *block, int64_t index, int64_t n_blocks)
{
    return index < n_blocks ? block->next : NULL;
}

/* The list as it is now, cut into morsels. */
static cn_code
list_morsels(memory_scan *self, cn_error *err)
{
    cni_mutex_lock(&self->table->mutex);
    const memory_block *first = self->table->first;
    const int64_t n_blocks = self->table->n_blocks;
    cni_mutex_unlock(&self->table->mutex);
    int64_t n_morsels = 0;
    const memory_block *block = first;
    for (int64_t index = 0; index < n_blocks; index++, block = next_block(block, index, n_blocks)) {
        n_morsels += (block->batch.n_rows + MORSEL_ROWS - 1) / MORSEL_ROWS;
        self->n_rows += block->batch.n_rows;
    }
    memory_morsel *morsels = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, n_morsels, (int64_t)sizeof(*morsels), &morsels, err));
    int64_t n_filled = 0;
    block = first;
    for (int64_t index = 0; index < n_blocks; index++, block = next_block(block, index, n_blocks)) {
        for (int64_t offset = 0; offset < block->batch.n_rows; offset += MORSEL_ROWS) {
            morsels[n_filled++] =
                (memory_morsel){.block = block,
                                .offset = offset,
                                .n_rows = cni_min_i64(MORSEL_ROWS, block->batch.n_rows - offset)};
        }
    }
    self->morsels = morsels;
    self->base.n_morsels = n_morsels;
    return CN_OK;
}

static cn_code
build_scan(memory_scan *self, const cni_scan_request *request, cn_error *err)
{
    CN_TRY(cni_arena_new(self->context->allocator, "memory scan", &self->arena, err));
    CN_TRY(cni_source_shape_new(self->arena, request, &self->shape, err));
    CN_TRY(cni_program_account_new(self->shape->filter, self->context, "scan", &self->base.budget,
                                   err));
    return list_morsels(self, err);
}

static cn_code
table_open_scan(cni_table *base, const cni_scan_request *request, cni_context *context,
                cni_scan **out_scan, cn_error *err)
{
    memory_scan *scan = NULL;
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*scan), &scan, err));
    scan->base.ops = &scan_ops;
    scan->context = context;
    scan->table = (memory_table *)cni_table_ref(base);
    const cn_code code = build_scan(scan, request, err);
    if (code != CN_OK) {
        scan_close(&scan->base);
        return code;
    }
    *out_scan = &scan->base;
    return CN_OK;
}

static void
table_free(cni_table *base)
{
    memory_table *self = (memory_table *)base;
    cni_allocator *allocator = self->allocator;
    memory_block *block = self->first;
    while (block != NULL) {
        memory_block *next = block->next;
        cni_arrow_batch_done(&block->batch);
        cni_dealloc(allocator, block, (int64_t)sizeof(*block));
        block = next;
    }
    while (self->look != NULL) {
        memory_look *older = self->look->older;
        cni_table_look_unref(self->look->look);
        cni_dealloc(allocator, self->look, (int64_t)sizeof(*self->look));
        self->look = older;
    }
    cni_mutex_done(&self->mutex);
    cni_arena_unref(self->arena);
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

static cn_code
table_statistics(cni_table *base, cni_arena *arena, cni_table_stats *out_stats, cn_error *err)
{
    memory_table *self = (memory_table *)base;
    (void)arena;
    (void)err;
    cni_mutex_lock(&self->mutex);
    *out_stats = (cni_table_stats){.rows_mark = CNI_STAT_PROVED, .n_rows = self->n_rows};
    cni_mutex_unlock(&self->mutex);
    return CN_OK;
}

/* count(*) is known; anything else is not. */
static cn_code
table_answer(cni_table *base, cni_arena *arena, const cni_metadata_question *questions,
             int32_t n_questions, cni_value *out_values, bool *out_answered, cn_error *err)
{
    cni_table_stats stats;
    CN_TRY(table_statistics(base, arena, &stats, err));
    *out_answered = true;
    for (int32_t question = 0; question < n_questions; question++) {
        *out_answered = *out_answered && questions[question].builtin == CNI_AGGREGATE_COUNT_STAR;
        out_values[question] =
            (cni_value){.type = cni_type_of(CNI_TYPE_INT64), .as.i64 = stats.n_rows};
    }
    return CN_OK;
}

/* ---- looks at rows ---- */

/* The blocks as they are now. */
typedef struct memory_rows {
    cni_memory_span *spans; /* n_spans, from the context's allocator */
    int64_t n_spans;
    int64_t n_rows;
} memory_rows;

static cn_code
list_rows(memory_table *self, cni_context *context, memory_rows *out, cn_error *err)
{
    cni_mutex_lock(&self->mutex);
    const memory_block *block = self->first;
    *out = (memory_rows){.n_spans = self->n_blocks, .n_rows = self->n_rows};
    cni_mutex_unlock(&self->mutex);
    CN_TRY(cni_alloc_array(context->allocator, out->n_spans, (int64_t)sizeof(*out->spans),
                           &out->spans, err));
    for (int64_t at = 0; at < out->n_spans; at++, block = block->next) {
        out->spans[at] =
            (cni_memory_span){.columns = block->batch.columns, .n_rows = block->batch.n_rows};
    }
    return CN_OK;
}

static void
drop_rows(const memory_rows *rows, cni_context *context)
{
    cni_dealloc(context->allocator, rows->spans, rows->n_spans * (int64_t)sizeof(*rows->spans));
}

/* The newest look when it still tells of the table's size. */
static cni_table_look *
current_look(memory_table *self, int64_t n_rows)
{
    cni_mutex_lock(&self->mutex);
    cni_table_look *look =
        self->look != NULL && n_rows / 2 <= self->look->n_rows ? self->look->look : NULL;
    cni_mutex_unlock(&self->mutex);
    return look;
}

static cn_code
get_look(memory_table *self, int64_t n_rows, cni_table_look **out_look, cn_error *err)
{
    memory_look *made = NULL;
    *out_look = current_look(self, n_rows);
    if (*out_look != NULL) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_zeroed(self->allocator, (int64_t)sizeof(*made), &made, err));
    const cn_code code =
        cni_table_look_new(self->allocator, self->schema.n_fields, &made->look, err);
    if (code != CN_OK) {
        cni_dealloc(self->allocator, made, (int64_t)sizeof(*made));
        return code;
    }
    made->n_rows = n_rows;
    cni_mutex_lock(&self->mutex);
    made->older = self->look;
    self->look = made;
    cni_mutex_unlock(&self->mutex);
    *out_look = made->look;
    return CN_OK;
}

static cn_code
table_sketch(cni_table *base, int32_t column, cni_context *context,
             const struct cni_column_sketch **out_sketch, cn_error *err)
{
    memory_table *self = (memory_table *)base;
    cni_column_sketch made = {0};
    cni_table_look *look = NULL;
    memory_rows rows;
    CN_TRY(list_rows(self, context, &rows, err));
    cn_code code = get_look(self, rows.n_rows, &look, err);
    *out_sketch = code == CN_OK ? cni_table_look_sketch(look, column) : NULL;
    if (code == CN_OK && *out_sketch == NULL) {
        code = cni_memory_look_sketch(look, rows.spans, rows.n_rows, column,
                                      self->schema.fields[column].type, context, &made, err);
        if (code == CN_OK) {
            code = cni_table_look_keep_sketch(look, column, &made, out_sketch, err);
        }
    }
    drop_rows(&rows, context);
    return code;
}

static cn_code
table_sample(cni_table *base, const int32_t *columns, int32_t n_columns, cni_context *context,
             const cni_chunk **out_chunk, cn_error *err)
{
    memory_table *self = (memory_table *)base;
    cni_table_look *look = NULL;
    memory_rows rows;
    CN_TRY(list_rows(self, context, &rows, err));
    cn_code code = get_look(self, rows.n_rows, &look, err);
    for (int32_t at = 0; code == CN_OK && at < n_columns; at++) {
        code = cni_memory_look_sample(look, rows.spans, rows.n_rows, columns[at],
                                      self->schema.fields[columns[at]].type, context, err);
    }
    if (code == CN_OK) {
        code = cni_table_look_chunk(look, columns, n_columns, out_chunk, err);
    }
    drop_rows(&rows, context);
    return code;
}

static void
link_block(memory_table *self, memory_block *block)
{
    cni_mutex_lock(&self->mutex);
    if (self->last == NULL) {
        self->first = block;
    } else {
        self->last->next = block;
    }
    self->last = block;
    self->n_blocks++;
    self->n_rows += block->batch.n_rows;
    cni_mutex_unlock(&self->mutex);
}

static cn_code
check_columns(const memory_table *self, const cni_arrow_batch *batch, cn_error *err)
{
    if (batch->n_columns != self->schema.n_fields) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "a batch of %d columns for a table of %d",
                       batch->n_columns, self->schema.n_fields);
    }
    for (int32_t column = 0; column < batch->n_columns; column++) {
        if (!cni_type_equal(batch->columns[column].type, self->schema.fields[column].type)) {
            return CN_FAIL(err, CN_INVALID_ARGUMENT,
                           "column \"%.*s\" of the batch has another type than the table's",
                           CNI_STR_ARGS(self->schema.fields[column].name));
        }
    }
    return CN_OK;
}

cn_code
cni_memory_table_append(cni_table *table, cni_arrow_batch *own_batch, cn_error *err)
{
    memory_table *self = (memory_table *)table;
    memory_block *block = NULL;
    cn_code code = check_columns(self, own_batch, err);
    if (code == CN_OK) {
        code = cni_alloc_zeroed(self->allocator, (int64_t)sizeof(*block), &block, err);
    }
    if (code != CN_OK) {
        cni_arrow_batch_done(own_batch);
        return code;
    }
    block->batch = *own_batch;
    *own_batch = (cni_arrow_batch){0};
    for (int32_t column = 0; column < block->batch.n_columns; column++) {
        block->batch.columns[column].type = self->schema.fields[column].type;
    }
    link_block(self, block);
    return CN_OK;
}

/* A chunk becomes a block that shares its vectors, strings copied out of foreign pages. */
static cn_code
table_insert(cni_table *base, const cni_chunk *chunk, cn_error *err)
{
    const memory_table *self = (const memory_table *)base;
    cni_arrow_batch batch = {
        .n_rows = chunk->n_rows, .n_columns = chunk->n_columns, .allocator = self->allocator};
    if (chunk->selection.kind != CNI_SEL_NONE) {
        return CN_FAIL(err, CN_INTERNAL, "a chunk with a selection cannot be inserted");
    }
    CN_TRY(cni_alloc_zeroed(self->allocator, chunk->n_columns * (int64_t)sizeof(*batch.columns),
                            &batch.columns, err));
    for (int32_t column = 0; column < chunk->n_columns; column++) {
        cni_vector_copy(&batch.columns[column], &chunk->columns[column]);
    }
    return cni_memory_table_append(base, &batch, err);
}

bool
cni_is_memory_table(const cni_table *table)
{
    return table->ops->free == table_free;
}

void
cni_memory_table_take(cni_table *table, cni_table *from)
{
    memory_table *self = (memory_table *)table;
    memory_table *other = (memory_table *)from;
    if (other->first != NULL) {
        cni_mutex_lock(&self->mutex);
        *(self->last == NULL ? &self->first : &self->last->next) = other->first;
        self->last = other->last;
        self->n_blocks += other->n_blocks;
        self->n_rows += other->n_rows;
        cni_mutex_unlock(&self->mutex);
    }
    other->first = NULL;
    other->last = NULL;
    other->n_blocks = 0;
    other->n_rows = 0;
}

static const cni_table_ops table_ops = {.free = table_free,
                                        .statistics = table_statistics,
                                        .supports_filter = cni_source_supports_filter,
                                        .answer = table_answer,
                                        .open_scan = table_open_scan,
                                        .sketch = table_sketch,
                                        .sample = table_sample,
                                        .insert = table_insert};

static cn_code
make_recipe(memory_table *self, cni_str name, cn_error *err)
{
    cni_table_recipe *recipe = NULL;
    if (name.len_bytes == 0) {
        return CN_OK;
    }
    CN_TRY(CN_ARENA_NEW(self->arena, &recipe, err));
    CN_TRY(cni_arena_str(self->arena, name, &recipe->name, err));
    self->base.recipe = recipe;
    return CN_OK;
}

cn_code
cni_memory_table_new(cni_allocator *allocator, const cni_schema *schema, cni_str recipe_name,
                     cni_table **out_table, cn_error *err)
{
    memory_table *table = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*table), &table, err));
    cni_counter_set(&table->base.n_refs, 1);
    cni_allocator_ref(allocator);
    table->allocator = allocator;
    table->base.ops = &table_ops;
    table->base.schema = &table->schema;
    cni_mutex_init(&table->mutex);
    cn_code code = cni_arena_new(allocator, "memory table", &table->arena, err);
    if (code == CN_OK) {
        code = cni_schema_copy(table->arena, schema, &table->schema, err);
    }
    if (code == CN_OK) {
        code = make_recipe(table, recipe_name, err);
    }
    if (code != CN_OK) {
        table_free(&table->base);
        return code;
    }
    *out_table = &table->base;
    return CN_OK;
}
