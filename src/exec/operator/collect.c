/* SPDX-License-Identifier: Apache-2.0
 *
 * Collect: a sink that keeps its rows for any number of readers. Workers gather chunks by
 * themselves, small ones joined; when all have combined, the chunks are put in source order where
 * that is kept. Readers share the vectors.
 *
 *   push -> pending (small chunks of one morsel) -(full)-> rows -combine-> the operator's rows
 */
#include "exec/operator/collect.h"

#include <stdlib.h>

#include "runtime/pressure.h"

/* Chunks of fewer rows than 1/SMALL_PART of a full one are joined. */
#define SMALL_PART        4
#define PENDING_PART      32 /* of the limit, for all workers: more does not wait to be joined */
#define MIN_PENDING_BYTES (INT64_C(1) << 20)

typedef struct collect_operator {
    cni_operator base;
    cni_collected *parts; /* n_workers: what each has combined */
    cni_atomic_i64 n_parts;
    cni_collected rows;    /* all of them, once finalized */
    cni_atomic_ptr disk;   /* cni_collected_disk, referenced: of all workers, made by the first */
    int64_t pending_bytes; /* that may wait to be joined, per worker */
} collect_operator;

typedef struct collect_local {
    cni_collected pending; /* small chunks of one morsel where order is kept */
    cni_collected rows;
} collect_local;

/* ---- rows ---- */

void
cni_collected_init(cni_collected *self, cni_allocator *allocator)
{
    *self = (cni_collected){.allocator = allocator};
}

void
cni_collected_done(cni_collected *self)
{
    for (int64_t at = 0; at < self->n_chunks; at++) {
        cni_chunk_done(&self->chunks[at]);
    }
    cni_dealloc(self->allocator, self->chunks, self->cap_chunks * (int64_t)sizeof(*self->chunks));
    cni_allocator *allocator = self->allocator;
    if (self->blocks != NULL) {
        cni_dealloc(allocator, self->blocks, self->cap_chunks * (int64_t)sizeof(*self->blocks));
    }
    cni_collected_disk_unref(self->disk);
    *self = (cni_collected){.allocator = allocator};
}

cn_code
cni_collected_reserve(cni_collected *self, int64_t n_chunks, cn_error *err)
{
    const int64_t chunk_bytes = (int64_t)sizeof(*self->chunks);
    const int64_t block_bytes = (int64_t)sizeof(*self->blocks);
    if (n_chunks <= self->cap_chunks) {
        return CN_OK;
    }
    const int64_t cap = cni_max_i64(cni_max_i64(8, n_chunks), 2 * self->cap_chunks);
    if (cap > INT64_MAX / chunk_bytes) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "too many rows are to be kept");
    }
    cni_spill_block *blocks = NULL;
    if (self->blocks != NULL) {
        CN_TRY(cni_alloc_zeroed(self->allocator, cap * block_bytes, &blocks, err));
    }
    const cn_code code = cni_realloc(self->allocator, &self->chunks, self->cap_chunks * chunk_bytes,
                                     cap * chunk_bytes, err);
    if (code != CN_OK) {
        cni_dealloc(self->allocator, blocks, cap * block_bytes);
        return code;
    }
    if (blocks != NULL) {
        memcpy(blocks, self->blocks, (size_t)(self->n_chunks * block_bytes));
        cni_dealloc(self->allocator, self->blocks, self->cap_chunks * block_bytes);
        self->blocks = blocks;
    }
    self->cap_chunks = cap;
    return CN_OK;
}

static cn_code
own_texts(cni_collected *self, cni_chunk *chunk, cn_error *err)
{
    for (int32_t column = 0; column < chunk->n_columns; column++) {
        cni_vector *vector = &chunk->columns[column];
        if (vector->phys == CNI_PHYS_VIEW && vector->encoding == CNI_FLAT) {
            CN_TRY(cni_vector_own_strings(self->allocator, vector, false, err));
        }
    }
    return CN_OK;
}

cn_code
cni_collected_add(cni_collected *self, cni_chunk *own_chunk, cn_error *err)
{
    if (own_chunk->n_rows == 0) {
        return CN_OK;
    }
    CN_TRY(cni_collected_reserve(self, self->n_chunks + 1, err));
    CN_TRY(own_texts(self, own_chunk, err));
    const int64_t sequence = own_chunk->sequence;
    cni_chunk *kept = &self->chunks[self->n_chunks++];
    cni_chunk_move(kept, own_chunk);
    kept->sequence = sequence;
    kept->ends_morsel = false;
    self->n_rows += kept->n_rows;
    self->memory_bytes += cni_chunk_memory(kept);
    return CN_OK;
}

/* Self is to hold chunks on disk like `other`. */
static cn_code
share_disk(cni_collected *self, const cni_collected *other, cn_error *err)
{
    if (self->blocks == NULL) {
        CN_TRY(cni_collected_reserve(self, 1, err));
        CN_TRY(cni_alloc_zeroed(self->allocator, self->cap_chunks * (int64_t)sizeof(*self->blocks),
                                &self->blocks, err));
        cni_refcount_inc(&other->disk->n_refs);
        self->disk = other->disk;
    }
    CN_ASSERT(self->disk == other->disk);
    return CN_OK;
}

cn_code
cni_collected_append(cni_collected *self, cni_collected *other, cn_error *err)
{
    if (other->blocks != NULL) {
        CN_TRY(share_disk(self, other, err));
    }
    CN_TRY(cni_collected_reserve(self, self->n_chunks + other->n_chunks, err));
    for (int64_t at = 0; at < other->n_chunks; at++) {
        if (self->blocks != NULL) {
            self->blocks[self->n_chunks] =
                other->blocks == NULL ? (cni_spill_block){0} : other->blocks[at];
        }
        cni_chunk_move(&self->chunks[self->n_chunks++], &other->chunks[at]);
    }
    self->n_rows += other->n_rows;
    self->memory_bytes += other->memory_bytes;
    other->n_chunks = 0;
    cni_collected_done(other);
    return CN_OK;
}

cn_code
cni_collected_read(const cni_collected *self, int64_t at, const int32_t *positions,
                   int32_t n_columns, cni_chunk *inout_chunk, cn_error *err)
{
    const cni_chunk *kept = &self->chunks[at];
    CN_SCOPED(cni_chunk) loaded = {0};
    if (cni_collected_on_disk(self, at)) {
        cni_chunk_init(&loaded, inout_chunk->allocator);
        CN_TRY(cni_collected_load(self, at, &loaded, err));
        kept = &loaded;
    }
    CN_TRY(cni_chunk_set_columns(inout_chunk, n_columns, err));
    for (int32_t column = 0; column < n_columns; column++) {
        const int32_t position = positions == NULL ? column : positions[column];
        cni_vector_copy(&inout_chunk->columns[column], &kept->columns[position]);
    }
    inout_chunk->n_rows = kept->n_rows;
    return CN_OK;
}

/* ---- the scan ---- */

typedef struct collected_scan {
    cni_scan base;
    cni_context *context; /* borrowed */
    const cni_collected *rows;
    const int32_t *positions;
    int32_t n_columns;
    cni_atomic_i64 next; /* counter: morsels handed out */
} collected_scan;

typedef struct collected_local {
    int64_t morsel;
    int64_t n_read; /* chunks of it */
} collected_local;

static cni_morsel_answer
next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    collected_scan *self = (collected_scan *)base;
    cni_waker_drop(own_waker);
    *out_morsel = cni_counter_add(&self->next, 1);
    return *out_morsel < base->n_morsels ? CNI_MORSEL_TAKEN : CNI_MORSEL_NONE;
}

static cn_code
open_scan_local(cni_scan *base, void **out_local, cn_error *err)
{
    const collected_scan *self = (const collected_scan *)base;
    collected_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->context->allocator, (int64_t)sizeof(*local), &local, err));
    local->morsel = -1;
    *out_local = local;
    return CN_OK;
}

static void
close_scan_local(cni_scan *base, void *local)
{
    const collected_scan *self = (const collected_scan *)base;
    cni_dealloc(self->context->allocator, local, (int64_t)sizeof(collected_local));
}

static cn_code
read_chunk(cni_scan *base, void *opaque, int64_t morsel, cni_waker own_waker,
           cni_chunk *inout_chunk, cni_read_answer *out_answer, cn_error *err)
{
    const collected_scan *self = (const collected_scan *)base;
    collected_local *local = opaque;
    cni_waker_drop(own_waker);
    if (local->morsel != morsel) {
        *local = (collected_local){.morsel = morsel};
    }
    const int64_t first = morsel * CNI_COLLECTED_MORSEL;
    const int64_t end = cni_min_i64(first + CNI_COLLECTED_MORSEL, self->rows->n_chunks);
    CN_TRY(cni_collected_read(self->rows, first + local->n_read, self->positions, self->n_columns,
                              inout_chunk, err));
    local->n_read++;
    inout_chunk->sequence = morsel;
    inout_chunk->ends_morsel = first + local->n_read == end;
    *out_answer = CNI_READ_CHUNK;
    return CN_OK;
}

static void
close_scan(cni_scan *base)
{
    collected_scan *self = (collected_scan *)base;
    cni_dealloc(self->context->allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops collected_scan_ops = {
    .next_morsel = next_morsel,
    .open_local = open_scan_local,
    .close_local = close_scan_local,
    .read = read_chunk,
    .close = close_scan,
};

cn_code
cni_collected_scan_new(const cni_collected *rows, const int32_t *positions, int32_t n_columns,
                       cni_context *context, cni_scan **out_scan, cn_error *err)
{
    collected_scan *self = NULL;
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*self), &self, err));
    self->base.ops = &collected_scan_ops;
    self->base.n_morsels = cni_collected_morsels(rows);
    self->context = context;
    self->rows = rows;
    self->positions = positions;
    self->n_columns = n_columns;
    *out_scan = &self->base;
    return CN_OK;
}

/* ---- the operator ---- */

static void
close_collect(cni_operator *base)
{
    collect_operator *self = (collect_operator *)base;
    cni_allocator *allocator = base->context->allocator;
    for (int64_t part = 0; part < cni_counter_get(&self->n_parts); part++) {
        cni_collected_done(&self->parts[part]);
    }
    cni_dealloc(allocator, self->parts, base->n_workers * (int64_t)sizeof(*self->parts));
    cni_collected_done(&self->rows);
    cni_collected_disk_unref(cni_slot_claim(&self->disk, NULL));
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
}

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    collect_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(base->context->allocator, (int64_t)sizeof(*local), &local, err));
    cni_collected_init(&local->pending, base->context->allocator);
    cni_collected_init(&local->rows, base->context->allocator);
    *out_local = local;
    return CN_OK;
}

static void
close_local(cni_operator *base, void *opaque)
{
    collect_local *local = opaque;
    if (local != NULL) {
        cni_collected_done(&local->pending);
        cni_collected_done(&local->rows);
        cni_dealloc(base->context->allocator, local, (int64_t)sizeof(*local));
    }
}

/* Column `column` of the pending chunks as one vector. */
static cn_code
join_column(const collect_local *local, int32_t column, cni_vector *out, cn_error *err)
{
    const cni_collected *pending = &local->pending;
    const int64_t n_bytes = pending->n_chunks * (int64_t)sizeof(cni_vector *);
    const cni_vector **parts = NULL;
    CN_TRY(cni_alloc(pending->allocator, n_bytes, (void *)&parts, err));
    for (int64_t at = 0; at < pending->n_chunks; at++) {
        parts[at] = &pending->chunks[at].columns[column];
    }
    const cn_code code =
        cni_vector_concat(pending->allocator, parts, (int32_t)pending->n_chunks, out, err);
    cni_dealloc(pending->allocator, (void *)parts, n_bytes);
    return code;
}

/* The pending chunks become one. */
static cn_code
settle_pending(collect_local *local, cn_error *err)
{
    cni_collected *pending = &local->pending;
    CN_SCOPED(cni_chunk) joined = {0};
    if (pending->n_chunks <= 1) {
        return cni_collected_append(&local->rows, pending, err);
    }
    const int32_t n_columns = pending->chunks[0].n_columns;
    cni_chunk_init(&joined, pending->allocator);
    CN_TRY(cni_chunk_set_columns(&joined, n_columns, err));
    for (int32_t column = 0; column < n_columns; column++) {
        CN_TRY(join_column(local, column, &joined.columns[column], err));
    }
    joined.n_rows = pending->n_rows;
    joined.sequence = pending->chunks[0].sequence;
    cni_collected_done(pending);
    return cni_collected_add(&local->rows, &joined, err);
}

/* What this worker holds goes to disk when there is more than there is room for. */
static cn_code
spill_some(collect_operator *self, collect_local *local, cn_error *err)
{
    cni_context *context = self->base.context;
    return cni_memory_should_spill(context->budget, context, local->rows.memory_bytes)
               ? cni_collected_spill(&local->rows, 0, context, self->base.n_workers, &self->disk,
                                     err)
               : CN_OK;
}

static cn_code
push(cni_operator *base, void *opaque, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    collect_local *local = opaque;
    const int64_t chunk_rows = base->context->settings.chunk_rows;
    const cni_collected *pending = &local->pending;
    cni_waker_drop(own_waker);
    *out_answer = CNI_OP_NEED_MORE;
    if (chunk->n_rows == 0) {
        return CN_OK;
    }
    const collect_operator *self = (const collect_operator *)base;
    const bool small = chunk->n_rows * SMALL_PART < chunk_rows;
    const bool other_morsel =
        base->keep_order && pending->n_chunks > 0 && pending->chunks[0].sequence != chunk->sequence;
    if (!small || other_morsel || pending->n_rows + chunk->n_rows > chunk_rows ||
        pending->memory_bytes > self->pending_bytes) {
        CN_TRY(settle_pending(local, err));
        CN_TRY(spill_some((collect_operator *)base, local, err));
    }
    return cni_collected_add(small ? &local->pending : &local->rows, chunk, err);
}

static cn_code
combine(cni_operator *base, void *opaque, cn_error *err)
{
    collect_operator *self = (collect_operator *)base;
    collect_local *local = opaque;
    CN_TRY(settle_pending(local, err));
    cni_collected *part = &self->parts[cni_counter_add(&self->n_parts, 1)];
    *part = local->rows;
    cni_collected_init(&local->rows, part->allocator);
    return CN_OK;
}

/* A chunk's place while chunks are sorted. */
typedef struct chunk_place {
    int64_t sequence;
    int64_t arrival;
} chunk_place;

static int
order_places(const void *a, const void *b)
{
    const chunk_place *place_a = a;
    const chunk_place *place_b = b;
    if (place_a->sequence != place_b->sequence) {
        return place_a->sequence < place_b->sequence ? -1 : 1;
    }
    return (place_a->arrival > place_b->arrival) - (place_a->arrival < place_b->arrival);
}

/* Chunks of a morsel came from one worker, one after the other. */
static cn_code
put_in_order(cni_collected *rows, cn_error *err)
{
    const int64_t n = rows->n_chunks;
    chunk_place *places = NULL;
    cni_chunk *ordered = NULL;
    cni_spill_block *blocks = NULL;
    CN_TRY(cni_alloc_array(rows->allocator, n, (int64_t)sizeof(*places), &places, err));
    for (int64_t at = 0; at < n; at++) {
        places[at] = (chunk_place){rows->chunks[at].sequence, at};
    }
    qsort(places, (size_t)n, sizeof(*places), order_places);
    cn_code code = CN_OK;
    if (rows->blocks != NULL) {
        code = cni_alloc_zeroed(rows->allocator, rows->cap_chunks * (int64_t)sizeof(*blocks),
                                &blocks, err);
    }
    if (code == CN_OK) {
        code = cni_alloc_array(rows->allocator, rows->cap_chunks, (int64_t)sizeof(*ordered),
                               &ordered, err);
    }
    if (code == CN_OK) {
        for (int64_t at = 0; at < n; at++) {
            cni_chunk_move(&ordered[at], &rows->chunks[places[at].arrival]);
            if (blocks != NULL) {
                blocks[at] = rows->blocks[places[at].arrival];
            }
        }
        if (blocks != NULL) {
            cni_spill_block *before = rows->blocks;
            rows->blocks = blocks;
            blocks = before;
        }
        cni_dealloc(rows->allocator, rows->chunks,
                    rows->cap_chunks * (int64_t)sizeof(*rows->chunks));
        rows->chunks = ordered;
    }
    if (blocks != NULL) {
        cni_dealloc(rows->allocator, blocks, rows->cap_chunks * (int64_t)sizeof(*blocks));
    }
    cni_dealloc(rows->allocator, places, n * (int64_t)sizeof(*places));
    return code;
}

static int32_t
finalize_tasks(cni_operator *base)
{
    (void)base;
    return 1;
}

static cn_code
finalize(cni_operator *base, int32_t task, int32_t n_tasks, cn_error *err)
{
    collect_operator *self = (collect_operator *)base;
    (void)task;
    (void)n_tasks;
    cni_context *context = base->context;
    for (int64_t part = 0; part < cni_counter_get(&self->n_parts); part++) {
        CN_TRY(cni_collected_append(&self->rows, &self->parts[part], err));
    }
    const int64_t keep = cni_memory_may_keep(context->budget, context, self->rows.memory_bytes);
    if (self->rows.memory_bytes > keep) {
        CN_TRY(cni_collected_spill(&self->rows, keep, context, 1, &self->disk, err));
    }
    return base->keep_order && base->n_workers > 1 && self->rows.n_chunks > 1
               ? put_in_order(&self->rows, err)
               : CN_OK;
}

static int32_t
notes(const cni_operator *base, cni_op_note *out_notes, int32_t max_notes)
{
    const collect_operator *self = (const collect_operator *)base;
    const cni_collected_disk *disk = self->rows.disk;
    const cni_op_note all[] = {
        {"rows", NULL, self->rows.n_rows},
        {"chunks", NULL, self->rows.n_chunks},
        {"spilled_chunks", NULL, disk == NULL ? 0 : cni_counter_get(&disk->spilled_chunks)},
        {"spilled_bytes", NULL, disk == NULL ? 0 : cni_counter_get(&disk->spilled_bytes)},
    };
    const int64_t n_notes = CN_ARRAY_LEN(all) - (disk == NULL ? 2 : 0);
    return cni_operator_give_notes(all, n_notes, out_notes, max_notes);
}

static const cni_operator_ops collect_ops = {
    .name = "Collect",
    .open_local = open_local,
    .push = push,
    .combine = combine,
    .finalize_tasks = finalize_tasks,
    .finalize = finalize,
    .notes = notes,
    .close_local = close_local,
    .close = close_collect,
};

cni_collected *
cni_collect_rows(cni_operator *base)
{
    collect_operator *self = (collect_operator *)base;
    return &self->rows;
}

cn_code
cni_collect_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                         cni_operator **out_operator, cn_error *err)
{
    collect_operator *self = NULL;
    CN_TRY(cni_alloc_zeroed(env->context->allocator, (int64_t)sizeof(*self), &self, err));
    const cn_code code = cni_alloc_zeroed(
        env->context->allocator, env->n_workers * (int64_t)sizeof(*self->parts), &self->parts, err);
    if (code != CN_OK) {
        cni_dealloc(env->context->allocator, self, (int64_t)sizeof(*self));
        return code;
    }
    cni_operator_init(&self->base, &collect_ops, env, spec->plan);
    self->pending_bytes = cni_max_i64(
        cni_memory_limit(env->context->budget) / PENDING_PART / env->n_workers, MIN_PENDING_BYTES);
    cni_collected_init(&self->rows, env->context->allocator);
    *out_operator = &self->base;
    return CN_OK;
}
