/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a program over a chunk: the loop over steps, the stack of live rows, outputs.
 *
 * Live rows begin as the chunk's selection. A row that is not live may hold anything in every
 * register. Registers that share a chunk's content let go of it when the run ends.
 */
#include "plan/eval/program_int.h"

/* ---- live rows ---- */

static uint64_t *
live_at(cni_program_state *self, int32_t level)
{
    return self->live_words + (int64_t)level * CNI_LIVE_WORDS;
}

const uint64_t *
cni_program_live(const cni_program_state *self)
{
    return self->live_top < 0 ? NULL : self->live_words + (int64_t)self->live_top * CNI_LIVE_WORDS;
}

static void
fill_live(uint64_t *words, int64_t n_rows)
{
    for (int64_t row = 0; row < n_rows; row += 64) {
        words[row >> 6] = n_rows - row >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (n_rows - row)) - 1;
    }
}

static bool
any_bit(const uint64_t *words, int64_t n_rows)
{
    uint64_t any = 0;
    for (int64_t word = 0; word < cni_bits_words(n_rows); word++) {
        any |= words[word];
    }
    return any != 0;
}

static void
push_live(cni_program_state *self)
{
    const uint64_t *from = cni_program_live(self);
    CN_ASSERT(self->live_words != NULL);
    self->live_top++;
    uint64_t *to = live_at(self, self->live_top);
    if (from == NULL) {
        fill_live(to, self->n_rows);
    } else {
        memcpy(to, from, (size_t)cni_bits_words(self->n_rows) * 8);
    }
}

/* Bits of the truth of a FLAT or CONSTANT BOOL vector and of its validity, n_bits rows from `row`
 * on. */
static uint64_t
truth_word(const cni_vector *vector, int64_t row, int64_t n_bits, uint64_t *out_valid)
{
    const uint64_t all = n_bits == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n_bits) - 1;
    const cni_bits truth = {vector->data, vector->data_off_bits};
    if (vector->encoding == CNI_CONSTANT) {
        *out_valid = cni_bits_get(vector->validity, 0) ? all : 0;
        return cni_bits_get(truth, 0) ? all : 0;
    }
    *out_valid = cni_bits_word(vector->validity, row, n_bits);
    return cni_bits_word(truth, row, n_bits);
}

static void
narrow(uint64_t *live, const cni_vector *condition, cni_do kind, int64_t n_rows)
{
    for (int64_t row = 0; row < n_rows; row += 64) {
        uint64_t valid = 0;
        const uint64_t truth = truth_word(condition, row, cni_min_i64(64, n_rows - row), &valid);
        switch (kind) {
        case CNI_DO_NARROW_TRUE:
            live[row >> 6] &= truth & valid;
            break;
        case CNI_DO_NARROW_NOT_TRUE:
            live[row >> 6] &= ~(truth & valid);
            break;
        default:
            live[row >> 6] &= truth | ~valid;
            break;
        }
    }
}

/* ---- registers ---- */

cn_code
cni_program_flat(cni_program_state *self, int32_t reg, const cni_vector **out_vector, cn_error *err)
{
    cni_register *from = &self->registers[reg];
    const cni_vector *value = from->value;
    if (value->encoding == CNI_FLAT || value->encoding == CNI_CONSTANT) {
        *out_vector = value;
        return CN_OK;
    }
    if (!from->has_flat) {
        CN_TRY(cni_vector_flatten(self->allocator, value, &from->flat, err));
        from->has_flat = true;
    }
    *out_vector = &from->flat;
    return CN_OK;
}

static void
drop_flat(cni_register *reg)
{
    if (reg->has_flat) {
        cni_vector_done(&reg->flat);
        reg->has_flat = false;
    }
}

/* The register of steps that were skipped: NULL in every row, beside what it may keep. */
static cn_code
set_null(cni_program_state *self, const cni_program_step *step, cn_error *err)
{
    cni_register *reg = &self->registers[step->out];
    drop_flat(reg);
    CN_TRY(cni_vector_new_null(self->allocator, step->type, self->n_rows, &reg->flat, err));
    reg->has_flat = true;
    reg->value = &reg->flat;
    return CN_OK;
}

void
cni_program_release(cni_program_state *self)
{
    const cni_program *program = self->program;
    for (int32_t reg = 0; reg < program->n_registers; reg++) {
        drop_flat(&self->registers[reg]);
    }
    for (int32_t column = 0; column < program->n_columns; column++) {
        self->registers[column].value = NULL;
    }
}

/* ---- steps ---- */

static cn_code
gather_args(cni_program_state *self, const cni_program_step *step, cn_error *err)
{
    for (int32_t arg = 0; arg < step->n_args; arg++) {
        if (step->kind == CNI_DO_IS_NULL) { /* any encoding will do */
            self->arg_pointers[arg] = self->registers[step->args[arg]].value;
        } else {
            CN_TRY(cni_program_flat(self, step->args[arg], &self->arg_pointers[arg], err));
        }
    }
    return CN_OK;
}

static bool
is_of_args(const cni_program_state *self, const cni_program_step *step, const cni_heap *heap)
{
    int32_t arg = 0;
    while (arg < step->n_args && self->arg_pointers[arg]->heap != heap) {
        arg++;
    }
    return arg < step->n_args;
}

/* Texts that a step has made, not those that it shares. */
static void
count_texts(cni_program_state *self, const cni_program_step *step, const cni_vector *made)
{
    const cni_heap *heap = made->encoding == CNI_FLAT ? made->heap : NULL;
    if (heap == NULL || is_of_args(self, step, heap)) {
        return;
    }
    for (int32_t at = 0; at < heap->n_buffers; at++) {
        self->text_bytes += heap->buffers[at]->len_bytes;
    }
}

static cn_code
compute(cni_program_state *self, const cni_program_step *step, cn_error *err)
{
    cni_register *out = &self->registers[step->out];
    drop_flat(out);
    out->value = &out->own;
    if (step->per_dictionary) {
        bool done = false;
        CN_TRY(cni_program_per_dictionary(self, step, &done, err));
        if (done) {
            return CN_OK;
        }
    }
    CN_TRY(gather_args(self, step, err));
    CN_TRY(cni_program_compute(self, step, self->arg_pointers, self->n_rows, cni_program_live(self),
                               &out->own, err));
    count_texts(self, step, &out->own);
    return CN_OK;
}

/* Constant by form: computed for one row when first reached, then only given its length. */
static cn_code
compute_once(cni_program_state *self, const cni_program_step *step, bool *inout_done, cn_error *err)
{
    cni_register *out = &self->registers[step->out];
    if (!*inout_done) {
        CN_TRY(gather_args(self, step, err));
        CN_TRY(cni_program_compute(self, step, self->arg_pointers, 1, NULL, &out->own, err));
        if (out->own.encoding == CNI_FLAT) {
            out->own.encoding = CNI_CONSTANT;
        }
        *inout_done = true;
    }
    drop_flat(out);
    out->value = &out->own;
    out->own.n_rows = self->n_rows;
    return CN_OK;
}

static cn_code
run_step(cni_program_state *self, int32_t *inout_at, cn_error *err)
{
    const int32_t at = *inout_at;
    const cni_program_step *step = &self->program->steps[at];
    const cni_vector *condition = NULL;
    *inout_at = at + 1;
    switch (step->kind) {
    case CNI_DO_PUSH:
        push_live(self);
        return CN_OK;
    case CNI_DO_POP:
        self->live_top--;
        return CN_OK;
    case CNI_DO_NARROW_TRUE:
    case CNI_DO_NARROW_NOT_TRUE:
    case CNI_DO_NARROW_NOT_FALSE:
        CN_TRY(cni_program_flat(self, step->args[0], &condition, err));
        narrow(live_at(self, self->live_top), condition, (cni_do)step->kind, self->n_rows);
        return CN_OK;
    case CNI_DO_SKIP_IF_NONE:
        if (step->out < 0 || any_bit(live_at(self, self->live_top), self->n_rows)) {
            return CN_OK;
        }
        *inout_at = step->jump;
        return set_null(self, step, err);
    default:
        return step->once ? compute_once(self, step, &self->once_done[at], err)
                          : compute(self, step, err);
    }
}

static void
place_error(const cni_program_step *step, cn_error *err)
{
    if (step->expr != NULL && step->expr->sql_offset >= 0) {
        cni_error_position(err, step->expr->sql_offset, step->expr->sql_length);
    }
}

static void
begin(cni_program_state *self, const cni_vector *columns, int64_t n_rows, const uint64_t *live)
{
    const cni_program *program = self->program;
    self->n_rows = n_rows;
    self->live_top = -1;
    self->text_bytes = 0;
    for (int32_t column = 0; column < program->n_columns; column++) {
        drop_flat(&self->registers[column]);
        self->registers[column].value = &columns[program->positions[column]];
    }
    for (int32_t literal = 0; literal < program->n_literals; literal++) {
        self->registers[program->n_columns + literal].own.n_rows = n_rows;
    }
    if (live != NULL) {
        memcpy(live_at(self, 0), live, (size_t)cni_bits_words(n_rows) * 8);
        self->live_top = 0;
    }
}

cn_code
cni_program_steps(cni_program_state *self, const cni_vector *columns, int64_t n_rows,
                  const uint64_t *live, cn_error *err)
{
    begin(self, columns, n_rows, live);
    for (int32_t at = 0; at < self->program->n_steps;) {
        const cni_program_step *step = &self->program->steps[at];
        const cn_code code = run_step(self, &at, err);
        if (code != CN_OK) {
            place_error(step, err);
            cni_program_release(self);
            return code;
        }
    }
    return CN_OK;
}

/* ---- outputs ---- */

static void
share_outputs(cni_program_state *self, cni_vector *out_vectors)
{
    for (int32_t output = 0; output < self->program->n_outputs; output++) {
        cni_vector_copy(&out_vectors[output],
                        self->registers[self->program->outputs[output]].value);
    }
}

/* Nothing is alive: any vectors of the right types will do. */
static cn_code
null_outputs(cni_program_state *self, int64_t n_rows, cni_vector *out_vectors, cn_error *err)
{
    const cni_program *program = self->program;
    for (int32_t output = 0; output < program->n_outputs; output++) {
        const cn_code code = cni_vector_new_null(self->allocator, program->types[output], n_rows,
                                                 &out_vectors[output], err);
        if (code != CN_OK) {
            while (output-- > 0) {
                cni_vector_done(&out_vectors[output]);
            }
            return code;
        }
    }
    return CN_OK;
}

cn_code
cni_program_run(cni_program_state *self, const cni_chunk *chunk, cni_vector *out_vectors,
                cn_error *err)
{
    const uint64_t *live = NULL;
    if (cni_chunk_live_rows(chunk) == 0) {
        return null_outputs(self, chunk->n_rows, out_vectors, err);
    }
    if (chunk->n_rows > CNI_CHUNK_ROWS_MAX) {
        return CN_FAIL(err, CN_INTERNAL, "a chunk of %lld rows", (long long)chunk->n_rows);
    }
    if (chunk->selection.kind != CNI_SEL_NONE) {
        cni_selection_to_bits(&chunk->selection, chunk->n_rows, self->scratch);
        live = self->scratch;
    }
    CN_TRY(cni_program_steps(self, chunk->columns, chunk->n_rows, live, err));
    share_outputs(self, out_vectors);
    cni_program_release(self);
    return CN_OK;
}
