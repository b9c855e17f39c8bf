/* SPDX-License-Identifier: Apache-2.0
 *
 * CASE by bitmaps: each row takes the value of the first input whose bit is set, else of the last.
 * Fixed-width layouts start as the last input and are overlaid from the last bitmap to the first,
 * so that the first wins; full words copy runs, mixed words single items. String results share all
 * the inputs' heaps. Nested types and mixed phys go through concat and take.
 */
#include "data/kernel/ops_int.h"

typedef struct choose_job {
    const cni_op_frame *frame;
    const uint64_t *const *bits;
    const cni_vector *const *values;
    int32_t n_inputs;
} choose_job;

static inline bool
bit_at(const uint64_t *words, int64_t row)
{
    return ((words[row >> 6] >> (row & 63)) & 1) != 0;
}

/* The input that a row takes. */
static int32_t
input_of(const choose_job *job, int64_t row)
{
    int32_t input = 0;
    while (input < job->n_inputs - 1 && !bit_at(job->bits[input], row)) {
        input++;
    }
    return input;
}

/* Bits of input `input` for the block at `row`: the last one has all of them. */
static uint64_t
word_of(const choose_job *job, int32_t input, int64_t row, int64_t n_block)
{
    const uint64_t mask = n_block == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n_block) - 1;
    return input == job->n_inputs - 1 ? mask : job->bits[input][row >> 6] & mask;
}

static void
blend_words(const choose_job *job, bool of_validity, uint64_t *out)
{
    for (int64_t row = 0; row < job->frame->n; row += 64) {
        const int64_t n_block = cni_min_i64(64, job->frame->n - row);
        uint64_t result = 0;
        for (int32_t input = job->n_inputs - 1; input >= 0; input--) {
            const cni_vector *value = job->values[input];
            const uint64_t taken = word_of(job, input, row, n_block);
            const uint64_t word = of_validity || value->phys == CNI_PHYS_NONE
                                      ? cni_op_valid_word(value, row, n_block)
                                      : cni_op_bits_word(value, row, n_block);
            result = (result & ~taken) | (word & taken);
        }
        memcpy((uint8_t *)out + (row >> 3), &result, sizeof(result));
    }
}

/* Items of `input` into the rows of one block whose bit is set. Always inlined for a constant size.
 */
static inline CN_ALWAYS_INLINE void
overlay(const cni_vector *input, int64_t row, int64_t n_block, uint64_t taken, size_t item,
        uint8_t *out)
{
    const uint8_t *from = input->data;
    const bool is_constant = input->encoding == CNI_CONSTANT;
    if (!is_constant && n_block == 64 && taken == ~UINT64_C(0)) {
        memcpy(out + (size_t)row * item, from + (size_t)row * item, 64 * item);
        return;
    }
    for (; taken != 0; taken &= taken - 1) {
        const size_t at = (size_t)(row + __builtin_ctzll(taken));
        memcpy(out + at * item, from + (is_constant ? 0 : at * item), item);
    }
}

static inline CN_ALWAYS_INLINE void
choose_items(const choose_job *job, size_t item, uint8_t *out)
{
    for (int64_t row = 0; row < job->frame->n; row += 64) {
        const int64_t n_block = cni_min_i64(64, job->frame->n - row);
        uint64_t rest = word_of(job, job->n_inputs - 1, row, n_block);
        for (int32_t input = 0; input < job->n_inputs && rest != 0; input++) {
            const uint64_t taken = rest & word_of(job, input, row, n_block);
            if (taken != 0 && job->values[input]->data != NULL) {
                overlay(job->values[input], row, n_block, taken, item, out);
            } else if (taken != 0) { /* a NULL without data: readable zeros */
                for (uint64_t each = taken; each != 0; each &= each - 1) {
                    memset(out + (size_t)(row + __builtin_ctzll(each)) * item, 0, item);
                }
            }
            rest &= ~taken;
        }
    }
}

static void
choose_fixed(const choose_job *job, int32_t item_bytes, uint8_t *out)
{
    switch (item_bytes) {
    case 1:
        choose_items(job, 1, out);
        break;
    case 2:
        choose_items(job, 2, out);
        break;
    case 4:
        choose_items(job, 4, out);
        break;
    case 8:
        choose_items(job, 8, out);
        break;
    case 16:
        choose_items(job, 16, out);
        break;
    default:
        choose_items(job, (size_t)item_bytes, out);
        break;
    }
}

static bool
any_nullable(const choose_job *job)
{
    for (int32_t input = 0; input < job->n_inputs; input++) {
        const cni_vector *value = job->values[input];
        if (value->validity.data != NULL || value->phys == CNI_PHYS_NONE) {
            return true;
        }
    }
    return false;
}

static cn_code
union_heaps(const choose_job *job, cni_vector *result, cn_error *err)
{
    for (int32_t input = 0; input < job->n_inputs; input++) {
        cni_heap *heap = NULL;
        CN_TRY(cni_heap_union(job->frame->env->allocator, result->heap, job->values[input]->heap,
                              &heap, err));
        cni_heap_unref(result->heap);
        result->heap = heap;
    }
    return CN_OK;
}

static void
union_bounds(const choose_job *job, cni_vector *result)
{
    cni_bounds all = {.known = false};
    for (int32_t input = 0; input < job->n_inputs; input++) {
        if (cni_op_is_null_constant(job->values[input])) {
            continue;
        }
        const cni_bounds one = job->values[input]->bounds;
        if (!one.known) {
            return;
        }
        all.low = all.known ? cni_min_i64(all.low, one.low) : one.low;
        all.high = all.known ? cni_max_i64(all.high, one.high) : one.high;
        all.known = true;
    }
    result->bounds = all;
}

static cn_code
choose_flat(const choose_job *job, const cni_type *type, cni_phys phys, cni_vector *inout_result,
            cn_error *err)
{
    const bool is_nullable = any_nullable(job);
    CN_TRY(cni_op_result(job->frame, type, phys, is_nullable, inout_result, err));
    if (phys == CNI_PHYS_NONE) {
        return CN_OK;
    }
    if (phys == CNI_PHYS_VIEW) {
        CN_TRY(union_heaps(job, inout_result, err));
    }
    void *out = cni_vector_mutable_data(inout_result);
    if (phys == CNI_PHYS_BIT) {
        blend_words(job, false, out);
    } else {
        choose_fixed(job, cni_phys_bytes(phys, type), out);
    }
    if (is_nullable) {
        blend_words(job, true, (uint64_t *)(void *)cni_vector_mutable_validity(inout_result));
    }
    union_bounds(job, inout_result);
    return CN_OK;
}

/* Any type: all inputs behind each other, then the row of each. */
static cn_code
choose_by_take(const choose_job *job, cni_vector *inout_result, cn_error *err)
{
    cni_allocator *allocator = job->frame->env->allocator;
    const int64_t n = job->frame->n;
    CN_SCOPED(cni_buffer_p) rows = NULL;
    CN_TRY(cni_buffer_new(allocator, n * (int64_t)sizeof(uint32_t), &rows, err));
    uint32_t *index = (uint32_t *)(void *)rows->data;
    for (int64_t row = 0; row < n; row++) {
        int64_t at = 0;
        const int32_t taken = input_of(job, row);
        for (int32_t input = 0; input < taken; input++) {
            at += job->values[input]->n_rows;
        }
        index[row] = (uint32_t)(at + row);
    }
    CN_SCOPED(cni_vector) all = {0};
    CN_TRY(cni_vector_concat(allocator, job->values, job->n_inputs, &all, err));
    cni_vector taken;
    CN_TRY(cni_vector_take(allocator, &all, index, n, &taken, err));
    cni_vector_done(inout_result);
    cni_vector_move(inout_result, &taken);
    return CN_OK;
}

static cn_code
choose(const choose_job *job, cni_vector *inout_result, cn_error *err)
{
    const cni_type *type = job->values[0]->type;
    cni_phys phys = CNI_PHYS_NONE;
    for (int32_t input = 0; input < job->n_inputs; input++) {
        const cni_vector *value = job->values[input];
        if (value->phys != CNI_PHYS_NONE) {
            type = phys == CNI_PHYS_NONE ? value->type : type;
            phys = (cni_phys)value->phys;
        }
    }
    if (cni_type_is_nested(type)) {
        return choose_by_take(job, inout_result, err);
    }
    CN_TRY(choose_flat(job, type, phys, inout_result, err));
    cni_op_finish(job->frame, inout_result);
    return CN_OK;
}

/* DECIMAL inputs in different layouts: all in 128 bits. Outputs are released by the caller. */
static cn_code
choose_widened(const choose_job *job, cni_vector *wide, const cni_vector **pointers,
               cni_vector *inout_result, cn_error *err)
{
    for (int32_t input = 0; input < job->n_inputs; input++) {
        pointers[input] = &wide[input];
        if (job->values[input]->phys == CNI_PHYS_I64) {
            CN_TRY(cni_vector_widen_i128(job->frame->env->allocator, job->values[input],
                                         &wide[input], err));
        } else {
            cni_vector_copy(&wide[input], job->values[input]);
        }
    }
    const choose_job widened = {job->frame, job->bits, pointers, job->n_inputs};
    return choose(&widened, inout_result, err);
}

static bool
has_mixed_layouts(const cni_vector *const *values, int32_t n_inputs)
{
    cni_phys phys = CNI_PHYS_NONE;
    for (int32_t input = 0; input < n_inputs; input++) {
        const cni_phys other = (cni_phys)values[input]->phys;
        if (other != CNI_PHYS_NONE && phys != CNI_PHYS_NONE && other != phys) {
            return true;
        }
        phys = other == CNI_PHYS_NONE ? phys : other;
    }
    return false;
}

cn_code
cni_op_choose(const cni_op_env *env, const uint64_t *const *bits, const cni_vector *const *values,
              int32_t n_inputs, cni_vector *inout_result, cn_error *err)
{
    if (n_inputs == 1) {
        cni_op_set_copy(values[0], inout_result);
        return CN_OK;
    }
    cni_op_frame frame;
    cni_op_begin(&frame, env, values, n_inputs);
    if (frame.is_constant) {
        frame.is_constant = false; /* the bitmaps differ by row */
        frame.n = env->n_rows;
        frame.live = env->live;
    }
    const choose_job job = {&frame, bits, values, n_inputs};
    if (!has_mixed_layouts(values, n_inputs)) {
        return choose(&job, inout_result, err);
    }
    if (values[0]->type->id != CNI_TYPE_DECIMAL) {
        return CN_FAIL(err, CN_INTERNAL, "CASE over values of different layouts");
    }
    cni_vector *wide = NULL;
    const cni_vector **pointers = NULL;
    const int64_t vector_bytes = n_inputs * (int64_t)sizeof(*wide);
    const int64_t pointer_bytes = n_inputs * (int64_t)sizeof(*pointers);
    CN_TRY(cni_alloc_zeroed(env->allocator, vector_bytes, &wide, err));
    cn_code code = cni_alloc_zeroed(env->allocator, pointer_bytes, &pointers, err);
    if (code == CN_OK) {
        code = choose_widened(&job, wide, pointers, inout_result, err);
    }
    for (int32_t input = 0; input < n_inputs; input++) {
        cni_vector_done(&wide[input]);
    }
    cni_dealloc(env->allocator, wide, vector_bytes);
    cni_dealloc(env->allocator, pointers, pointer_bytes);
    return code;
}
