/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks: one slot per column for its sketch and one for its sample, and a list of the chunks that
 * were asked for. Slots are claimed once; the loser of a race drops what it made.
 */
#include "plan/stats/table_look.h"

#include <math.h>

#include "base/atomic.h"
#include "data/row/hash.h"

#define MAX_CHUNKS 64 /* sets of columns: beyond, there is no chunk for a new one */

typedef struct kept_chunk {
    cni_chunk chunk;
    cni_atomic_ptr next; /* kept_chunk */
    int32_t n_columns;
    int32_t columns[];
} kept_chunk;

typedef struct look_column {
    cni_atomic_ptr sketch; /* cni_column_sketch */
    cni_atomic_ptr sample; /* cni_vector */
    cni_atomic_i64 proof;  /* counter: a cni_look_proof */
} look_column;

struct cni_table_look {
    cni_atomic_i64 n_refs;
    cni_allocator *allocator; /* referenced */
    cni_atomic_ptr chunks;    /* kept_chunk */
    cni_atomic_i64 n_bytes;
    int32_t n_columns;
    look_column columns[];
};

static int64_t
look_bytes(int32_t n_columns)
{
    return (int64_t)sizeof(cni_table_look) + n_columns * (int64_t)sizeof(look_column);
}

static int64_t
chunk_bytes(int32_t n_columns)
{
    return (int64_t)sizeof(kept_chunk) + n_columns * (int64_t)sizeof(int32_t);
}

cn_code
cni_table_look_new(cni_allocator *allocator, int32_t n_columns, cni_table_look **out_look,
                   cn_error *err)
{
    cni_table_look *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, look_bytes(n_columns), &self, err));
    cni_counter_set(&self->n_refs, 1);
    cni_allocator_ref(allocator);
    self->allocator = allocator;
    self->n_columns = n_columns;
    *out_look = self;
    return CN_OK;
}

cni_table_look *
cni_table_look_ref(cni_table_look *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

static void
free_sample(cni_allocator *allocator, cni_vector *sample)
{
    if (sample != NULL) {
        cni_vector_done(sample);
        cni_dealloc(allocator, sample, (int64_t)sizeof(*sample));
    }
}

static void
free_chunk(cni_allocator *allocator, kept_chunk *chunk)
{
    cni_chunk_done(&chunk->chunk);
    cni_dealloc(allocator, chunk, chunk_bytes(chunk->n_columns));
}

void
cni_table_look_unref(cni_table_look *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    cni_allocator *allocator = self->allocator;
    kept_chunk *chunk = cni_slot_claim(&self->chunks, NULL);
    while (chunk != NULL) {
        kept_chunk *next = cni_slot_claim(&chunk->next, NULL);
        free_chunk(allocator, chunk);
        chunk = next;
    }
    for (int32_t column = 0; column < self->n_columns; column++) {
        cni_dealloc(allocator, cni_slot_claim(&self->columns[column].sketch, NULL),
                    (int64_t)sizeof(cni_column_sketch));
        free_sample(allocator, cni_slot_claim(&self->columns[column].sample, NULL));
    }
    cni_dealloc(allocator, self, look_bytes(self->n_columns));
    cni_allocator_unref(allocator);
}

cni_look_proof
cni_table_look_proof(cni_table_look *self, int32_t column)
{
    return (cni_look_proof)cni_counter_get(&self->columns[column].proof);
}

void
cni_table_look_keep_proof(cni_table_look *self, int32_t column, bool is_unique)
{
    cni_counter_set(&self->columns[column].proof, is_unique ? CNI_LOOK_UNIQUE : CNI_LOOK_OTHER);
}

int64_t
cni_table_look_bytes(const cni_table_look *self)
{
    return look_bytes(self->n_columns) + cni_counter_get(&self->n_bytes);
}

/* ---- sketches ---- */

const cni_column_sketch *
cni_table_look_sketch(cni_table_look *self, int32_t column)
{
    return cni_slot_claim(&self->columns[column].sketch, NULL);
}

cn_code
cni_table_look_keep_sketch(cni_table_look *self, int32_t column, const cni_column_sketch *sketch,
                           const cni_column_sketch **out_kept, cn_error *err)
{
    cni_column_sketch *copy = NULL;
    CN_TRY(cni_alloc(self->allocator, (int64_t)sizeof(*copy), &copy, err));
    *copy = *sketch;
    *out_kept = cni_slot_claim(&self->columns[column].sketch, copy);
    if (*out_kept != copy) {
        cni_dealloc(self->allocator, copy, (int64_t)sizeof(*copy));
    }
    return CN_OK;
}

/* ---- samples ---- */

const cni_vector *
cni_table_look_sample(cni_table_look *self, int32_t column)
{
    return cni_slot_claim(&self->columns[column].sample, NULL);
}

static int64_t
vector_bytes(const cni_vector *vector)
{
    const int64_t data = vector->owner_data == NULL ? 0 : vector->n_rows * 16;
    return data + (vector->heap == NULL ? 0 : vector->n_rows * 32);
}

/* A FLAT copy in memory of the look's own. */
static cn_code
copy_vector(cni_allocator *allocator, const cni_vector *vector, cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_vector) none = {0};
    const cni_vector *parts[] = {vector};
    if (vector->n_rows == 0) {
        cni_vector_slice(out, vector, 0, 0);
        return CN_OK;
    }
    CN_TRY(cni_vector_concat(allocator, parts, 1, &none, err));
    CN_TRY(cni_vector_flatten(allocator, &none, out, err));
    if (out->phys != CNI_PHYS_VIEW) {
        return CN_OK;
    }
    const cn_code code = cni_vector_own_strings(allocator, out, true, err);
    if (code != CN_OK) {
        cni_vector_done(out);
    }
    return code;
}

cn_code
cni_table_look_keep_sample(cni_table_look *self, int32_t column, const cni_vector *vector,
                           cn_error *err)
{
    cni_vector *copy = NULL;
    CN_TRY(cni_alloc_zeroed(self->allocator, (int64_t)sizeof(*copy), &copy, err));
    const cn_code code = copy_vector(self->allocator, vector, copy, err);
    if (code != CN_OK) {
        cni_dealloc(self->allocator, copy, (int64_t)sizeof(*copy));
        return code;
    }
    if (cni_slot_claim(&self->columns[column].sample, copy) != copy) {
        free_sample(self->allocator, copy);
    } else {
        (void)cni_counter_add(&self->n_bytes, vector_bytes(copy));
    }
    return CN_OK;
}

static bool
is_chunk_of(const kept_chunk *chunk, const int32_t *columns, int32_t n_columns)
{
    return chunk->n_columns == n_columns &&
           memcmp(chunk->columns, columns, (size_t)n_columns * sizeof(*columns)) == 0;
}

static cn_code
make_chunk(cni_table_look *self, const int32_t *columns, int32_t n_columns, kept_chunk **out_chunk,
           cn_error *err)
{
    kept_chunk *made = NULL;
    CN_TRY(cni_alloc_zeroed(self->allocator, chunk_bytes(n_columns), &made, err));
    made->n_columns = n_columns;
    memcpy(made->columns, columns, (size_t)n_columns * sizeof(*columns));
    cni_chunk_init(&made->chunk, self->allocator);
    const cn_code code = cni_chunk_set_columns(&made->chunk, n_columns, err);
    if (code != CN_OK) {
        free_chunk(self->allocator, made);
        return code;
    }
    for (int32_t at = 0; at < n_columns; at++) {
        const cni_vector *sample = cni_table_look_sample(self, columns[at]);
        cni_vector_copy(&made->chunk.columns[at], sample);
        made->chunk.n_rows = sample->n_rows;
    }
    *out_chunk = made;
    return CN_OK;
}

static bool
all_have_rows(cni_table_look *self, const int32_t *columns, int32_t n_columns)
{
    for (int32_t at = 0; at < n_columns; at++) {
        const cni_vector *sample = cni_table_look_sample(self, columns[at]);
        if (sample == NULL || sample->n_rows == 0) {
            return false;
        }
    }
    return n_columns > 0;
}

cn_code
cni_table_look_chunk(cni_table_look *self, const int32_t *columns, int32_t n_columns,
                     const cni_chunk **out_chunk, cn_error *err)
{
    cni_atomic_ptr *place = &self->chunks;
    kept_chunk *chunk = cni_slot_claim(place, NULL);
    int32_t n_chunks = 0;
    *out_chunk = NULL;
    if (!all_have_rows(self, columns, n_columns)) {
        return CN_OK;
    }
    kept_chunk *made = NULL;
    while (chunk == NULL || !is_chunk_of(chunk, columns, n_columns)) {
        if (chunk != NULL) {
            place = &chunk->next;
            n_chunks++;
            chunk = cni_slot_claim(place, made);
        } else if (n_chunks == cni_max_i64(MAX_CHUNKS, self->n_columns)) {
            return CN_OK;
        } else {
            CN_TRY(make_chunk(self, columns, n_columns, &made, err));
            chunk = cni_slot_claim(place, made);
        }
    }
    if (made != NULL && chunk != made) {
        free_chunk(self->allocator, made);
    }
    *out_chunk = &chunk->chunk;
    return CN_OK;
}

/* ---- distinct values of a sample ---- */

double
cni_distinct_of_draws(double n_seen, double n_drawn, double n_most)
{
    double low = n_seen;
    double high = n_most;
    if (n_seen >= n_drawn || high <= low) {
        return fmax(n_seen, n_most);
    }
    for (int32_t step = 0; step < 60; step++) {
        const double middle = sqrt(low * high);
        if (middle * (1.0 - exp(-n_drawn / middle)) < n_seen) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Open addressing over hashes; `run` tells whether a value was seen in this run already. */
typedef struct seen_value {
    uint64_t hash; /* 0 = empty */
    int32_t run;   /* last one that had it, from 1 */
} seen_value;

typedef struct seen_counts {
    double n_values; /* rows that are not NULL */
    double n_in_runs;
    double n_seen;
} seen_counts;

static void
count_seen(const cni_vector *sample, const uint64_t *hashes, int64_t run_rows, seen_value *slots,
           uint64_t mask, seen_counts *out)
{
    for (int64_t row = 0; row < sample->n_rows; row++) {
        const int32_t run = 1 + (int32_t)(row / run_rows);
        const uint64_t hash = hashes[row] == 0 ? 1 : hashes[row];
        if (!cni_vector_is_valid(sample, row)) {
            continue;
        }
        uint64_t slot = hash & mask;
        while (slots[slot].hash != 0 && slots[slot].hash != hash) {
            slot = (slot + 1) & mask;
        }
        out->n_values += 1.0;
        out->n_seen += slots[slot].hash == 0 ? 1.0 : 0.0;
        out->n_in_runs += slots[slot].run != run ? 1.0 : 0.0;
        slots[slot] = (seen_value){.hash = hash, .run = run};
    }
}

cn_code
cni_sample_distinct(cni_allocator *allocator, const cni_vector *sample, int32_t n_runs,
                    double n_rows, double *out_distinct, double *out_null_fraction, cn_error *err)
{
    const cni_vector *keys[] = {sample};
    const int64_t n = sample->n_rows;
    seen_counts counts = {0};
    int64_t n_slots = 16;
    while (n_slots < n * 2) {
        n_slots *= 2;
    }
    const int64_t hash_bytes = n * 8;
    const int64_t n_bytes = hash_bytes + n_slots * (int64_t)sizeof(seen_value);
    uint64_t *hashes = NULL;
    *out_distinct = 0.0;
    *out_null_fraction = 0.0;
    if (n == 0) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_zeroed(allocator, n_bytes, &hashes, err));
    const cn_code code = cni_hash_vectors(allocator, keys, 1, n, hashes, err);
    if (code == CN_OK) {
        count_seen(sample, hashes, (n + n_runs - 1) / n_runs, (seen_value *)(void *)(hashes + n),
                   (uint64_t)n_slots - 1, &counts);
    }
    cni_dealloc(allocator, hashes, n_bytes);
    *out_null_fraction = 1.0 - counts.n_values / (double)n;
    if (counts.n_values > 0.0 && (double)n >= n_rows) {
        *out_distinct = counts.n_seen;
    } else if (counts.n_values > 0.0) {
        const double most = n_rows * counts.n_in_runs / (double)n;
        *out_distinct = cni_distinct_of_draws(counts.n_seen, counts.n_in_runs, most);
    }
    return code;
}
