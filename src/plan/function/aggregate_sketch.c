/* SPDX-License-Identifier: Apache-2.0
 *
 * approx_count_distinct: HyperLogLog over the frozen hash (data/row/hyperloglog.h, standard error
 * 1.6 %), exact up to 128 values. The same for any order of rows. NULLs do not count; over no rows
 * it is 0.
 *
 *   state -> heap: up to 128 hashes, then registers
 */
#include "data/row/hash.h"
#include "data/row/hyperloglog.h"
#include "plan/function/aggregate_function_int.h"
#include "plan/function/cell_bytes.h"

#define MAX_HASHES   128
#define FIRST_HASHES 8

typedef struct sketch {
    int32_t n_hashes;
    int32_t cap_hashes;
    uint64_t *hashes;
    uint8_t *registers; /* NULL = hashes */
} sketch;

/* ---- adding ---- */

static cn_code
become_dense(sketch *self, cni_arena *heap, cn_error *err)
{
    CN_TRY(cni_arena_alloc(heap, CNI_HYPERLOGLOG_REGISTERS, &self->registers, err));
    for (int32_t at = 0; at < self->n_hashes; at++) {
        cni_hyperloglog_add(self->registers, self->hashes[at]);
    }
    return CN_OK;
}

static cn_code
grow(sketch *self, cni_arena *heap, cn_error *err)
{
    const int32_t cap = self->cap_hashes == 0 ? FIRST_HASHES : self->cap_hashes * 2;
    uint64_t *hashes = NULL;
    CN_TRY(cni_arena_alloc_array(heap, cap, (int64_t)sizeof(*hashes), &hashes, err));
    if (self->n_hashes > 0) {
        memcpy(hashes, self->hashes, (size_t)self->n_hashes * sizeof(*hashes));
    }
    self->hashes = hashes;
    self->cap_hashes = cap;
    return CN_OK;
}

static cn_code
add_hash(sketch *self, cni_arena *heap, uint64_t hash, cn_error *err)
{
    for (int32_t at = 0; self->registers == NULL && at < self->n_hashes; at++) {
        if (self->hashes[at] == hash) {
            return CN_OK;
        }
    }
    if (self->registers == NULL && self->n_hashes == MAX_HASHES) {
        CN_TRY(become_dense(self, heap, err));
    }
    if (self->registers != NULL) {
        cni_hyperloglog_add(self->registers, hash);
        return CN_OK;
    }
    if (self->n_hashes == self->cap_hashes) {
        CN_TRY(grow(self, heap, err));
    }
    self->hashes[self->n_hashes++] = hash;
    return CN_OK;
}

/* ---- the function ---- */

static cn_code
resolve_sketch(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    (void)err;
    inout_question->out_type = cni_type_of(CNI_TYPE_INT64);
    inout_question->out_matched = inout_question->n_args == 1;
    return CN_OK;
}

static int64_t
sketch_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)self;
    (void)bind_data;
    return (int64_t)sizeof(sketch);
}

static cn_code
add_rows(const cni_aggregate_call *call, uint64_t *hashes, cn_error *err)
{
    cni_counted_rows rows;
    CN_TRY(cni_hash_vectors(call->env.allocator, call->args, 1, call->env.n_rows, hashes, err));
    cni_counted_begin(&rows, call, 1);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        CN_TRY(add_hash(cni_state_of(call, row), call->heap, hashes[row], err));
    }
    return CN_OK;
}

static cn_code
sketch_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    const int64_t n_bytes = call->env.n_rows * (int64_t)sizeof(uint64_t);
    uint64_t *hashes = NULL;
    CN_TRY(cni_alloc(call->env.allocator, n_bytes, &hashes, err));
    const cn_code code = add_rows(call, hashes, err);
    cni_dealloc(call->env.allocator, hashes, n_bytes);
    return code;
}

static cn_code
merge_sketch(sketch *self, const sketch *other, cni_arena *heap, cn_error *err)
{
    if (other->registers == NULL) {
        for (int32_t at = 0; at < other->n_hashes; at++) {
            CN_TRY(add_hash(self, heap, other->hashes[at], err));
        }
        return CN_OK;
    }
    if (self->registers == NULL) {
        CN_TRY(become_dense(self, heap, err));
    }
    for (int32_t at = 0; at < CNI_HYPERLOGLOG_REGISTERS; at++) {
        if (other->registers[at] > self->registers[at]) {
            self->registers[at] = other->registers[at];
        }
    }
    return CN_OK;
}

static cn_code
sketch_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
               int64_t n_states, cn_error *err)
{
    (void)self;
    for (int64_t at = 0; at < n_states; at++) {
        CN_TRY(
            merge_sketch(cni_state_of(call, at), cni_state_from(call, from, at), call->heap, err));
    }
    return CN_OK;
}

static cn_code
sketch_save(const cni_function *self, const cni_aggregate_call *call, int64_t state,
            cni_strbuf *out, cn_error *err)
{
    (void)self;
    const sketch *saved = cni_state_at(call, state);
    const bool dense = saved->registers != NULL;
    CN_TRY(cni_strbuf_append_char(out, dense ? 1 : 0, err));
    if (dense) {
        return cni_bytes_put(out, saved->registers, CNI_HYPERLOGLOG_REGISTERS, err);
    }
    CN_TRY(cni_bytes_put(out, &saved->n_hashes, (int64_t)sizeof(saved->n_hashes), err));
    return cni_bytes_put(out, saved->hashes, saved->n_hashes * (int64_t)sizeof(*saved->hashes),
                         err);
}

static cn_code
sketch_load(const cni_function *self, const cni_aggregate_call *call, int64_t state,
            cni_str *inout_bytes, cn_error *err)
{
    (void)self;
    sketch *loaded = cni_state_at(call, state);
    uint8_t dense = 0;
    int32_t n = 0;
    CN_TRY(cni_bytes_take(inout_bytes, &dense, 1, err));
    if (dense != 0) {
        CN_TRY(cni_arena_alloc(call->heap, CNI_HYPERLOGLOG_REGISTERS, &loaded->registers, err));
        return cni_bytes_take(inout_bytes, loaded->registers, CNI_HYPERLOGLOG_REGISTERS, err);
    }
    CN_TRY(cni_bytes_take(inout_bytes, &n, (int64_t)sizeof(n), err));
    if (n < 0 || n > MAX_HASHES) {
        return CN_FAIL(err, CN_INVALID_DATA, "a saved sketch has %d hashes", (int)n);
    }
    while (loaded->cap_hashes < n) {
        CN_TRY(grow(loaded, call->heap, err));
    }
    loaded->n_hashes = n;
    return cni_bytes_take(inout_bytes, loaded->hashes, n * (int64_t)sizeof(*loaded->hashes), err);
}

/* ---- the estimate ---- */

static int64_t
estimate(const sketch *self)
{
    return self->registers == NULL ? self->n_hashes : cni_hyperloglog_estimate(self->registers);
}

static cn_code
sketch_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
            cni_vector *out_vector, cn_error *err)
{
    (void)self;
    int64_t *counts = NULL;
    CN_TRY(cni_emit_flat(call, n_states, false, out_vector, &counts, NULL, err));
    for (int64_t at = 0; at < n_states; at++) {
        counts[at] = estimate(cni_state_at(call, at));
    }
    return CN_OK;
}

const cni_function cni_aggregate_sketches[CNI_N_AGGREGATE_SKETCHES] = {
    {CNI_ROW("approx_count_distinct", "Number of distinct values, within about 2 %.",
             "approx_count_distinct(x)"),
     .kind = CNI_FUNCTION_AGGREGATE, .null_rule = CNI_NULL_CUSTOM, .ignores_distinct = true,
     .cost_ns = 5, .resolve = resolve_sketch, .state_bytes = sketch_state_bytes,
     .update = sketch_update, .combine = sketch_combine, .emit = sketch_emit, .save = sketch_save,
     .load = sketch_load},
};
