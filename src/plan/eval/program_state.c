/* SPDX-License-Identifier: Apache-2.0
 *
 * Per-thread states of programs: registers, literals made once, functions' locals, caches.
 *
 * Arrays live in an arena of the state's own; vectors and caches hold buffers of the query's
 * allocator and are released one by one.
 */
#include "plan/eval/program_int.h"

static cn_code
make_literals(cni_program_state *self, cn_error *err)
{
    const cni_program *program = self->program;
    for (int32_t literal = 0; literal < program->n_literals; literal++) {
        cni_register *reg = &self->registers[program->n_columns + literal];
        CN_TRY(cni_value_to_vector(self->allocator, program->literals[literal], 1, &reg->own, err));
    }
    for (int32_t reg = program->n_columns; reg < program->n_registers; reg++) {
        self->registers[reg].value = &self->registers[reg].own;
    }
    return CN_OK;
}

static cn_code
open_locals(cni_program_state *self, cn_error *err)
{
    const cni_program *program = self->program;
    for (int32_t at = 0; at < program->n_steps; at++) {
        const cni_program_step *step = &program->steps[at];
        if (step->local >= 0) {
            const cni_function *function = step->expr->function;
            CN_TRY(function->open_local(function, self->allocator, step->expr->bind_data,
                                        &self->locals[step->local], err));
        }
    }
    return CN_OK;
}

static cn_code
alloc_filter(cni_program_state *self, cn_error *err)
{
    const int64_t n_conjuncts = self->program->n_conjuncts;
    cni_arena *arena = self->arena;
    CN_TRY(cni_arena_alloc_array(arena, n_conjuncts, (int64_t)sizeof(*self->conjuncts),
                                 &self->conjuncts, err));
    CN_TRY(cni_arena_alloc_array(arena, n_conjuncts, (int64_t)sizeof(*self->stats), &self->stats,
                                 err));
    CN_TRY(cni_arena_alloc_array(arena, n_conjuncts, (int64_t)sizeof(*self->order), &self->order,
                                 err));
    return cni_arena_alloc_array(arena, CNI_LIVE_WORDS, 8, &self->keep, err);
}

static cn_code
alloc_arrays(cni_program_state *self, cn_error *err)
{
    const cni_program *program = self->program;
    cni_arena *arena = self->arena;
    CN_TRY(cni_arena_alloc_array(arena, program->n_registers, (int64_t)sizeof(*self->registers),
                                 &self->registers, err));
    CN_TRY(cni_arena_alloc_array(arena, program->n_steps, 1, &self->once_done, err));
    CN_TRY(cni_arena_alloc_array(arena, program->live_depth + 1, CNI_LIVE_WORDS * 8,
                                 &self->live_words, err));
    CN_TRY(cni_arena_alloc_array(arena, program->n_locals, (int64_t)sizeof(void *), &self->locals,
                                 err));
    CN_TRY(cni_arena_alloc_array(arena, program->n_caches, (int64_t)sizeof(*self->caches),
                                 &self->caches, err));
    CN_TRY(cni_arena_alloc_array(arena, program->max_args, (int64_t)sizeof(void *),
                                 &self->arg_pointers, err));
    CN_TRY(cni_arena_alloc_array(arena, CNI_LIVE_WORDS, 8, &self->scratch, err));
    return program->n_conjuncts == 0 ? CN_OK : alloc_filter(self, err);
}

static cn_code
fill_state(cni_program_state *self, cn_error *err)
{
    CN_TRY(alloc_arrays(self, err));
    CN_TRY(make_literals(self, err));
    CN_TRY(open_locals(self, err));
    /* Conjuncts' states are opened by the filter when it first runs: most programs never filter. */
    return CN_OK;
}

int32_t
cni_program_n_outputs(const cni_program *self)
{
    return self->n_outputs;
}

cn_code
cni_program_state_new(const cni_program *program, cni_context *context,
                      cni_program_state **out_state, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_program_state *self = NULL;
    CN_TRY(cni_arena_new(context->allocator, "expressions", &arena, err));
    CN_TRY(CN_ARENA_NEW(arena, &self, err));
    self->program = program;
    self->context = context;
    self->allocator = context->allocator;
    self->budget = context->budget;
    self->kernels = cni_kernels_get();
    self->arena = CN_MOVE(arena);
    self->pieces = cni_row_pieces_of(program, context);
    const cn_code code = fill_state(self, err);
    if (code != CN_OK) {
        cni_program_state_free(self);
        return code;
    }
    *out_state = self;
    return CN_OK;
}

static void
close_locals(cni_program_state *self)
{
    const cni_program *program = self->program;
    for (int32_t at = 0; self->locals != NULL && at < program->n_steps; at++) {
        const cni_program_step *step = &program->steps[at];
        if (step->local >= 0 && self->locals[step->local] != NULL &&
            step->expr->function->close_local != NULL) {
            step->expr->function->close_local(step->expr->function, self->allocator,
                                              self->locals[step->local]);
        }
    }
}

void
cni_program_state_trim(cni_program_state *self)
{
    const cni_program *program = self->program;
    cni_program_release(self);
    for (int32_t at = 0; at < program->n_steps; at++) {
        const cni_program_step *step = &program->steps[at];
        if (!step->once && step->out >= 0) {
            cni_vector_done(&self->registers[step->out].own);
        }
    }
    for (int32_t at = 0; self->conjuncts != NULL && at < program->n_conjuncts; at++) {
        if (self->conjuncts[at] != NULL) {
            cni_program_state_trim(self->conjuncts[at]);
        }
    }
}

static bool
makes_text(const cni_program_step *step)
{
    return !step->once && step->out >= 0 && step->type != NULL &&
           cni_type_phys(step->type) == CNI_PHYS_VIEW;
}

bool
cni_program_makes_texts(const cni_program *self)
{
    bool makes = false;
    for (int32_t at = 0; at < self->n_steps; at++) {
        makes = makes || makes_text(&self->steps[at]);
    }
    for (int32_t at = 0; at < self->n_conjuncts; at++) {
        makes = makes || cni_program_makes_texts(self->conjuncts[at].program);
    }
    return makes;
}

static bool
takes_memory(const cni_program *self)
{
    bool takes = false;
    for (int32_t at = 0; at < self->n_steps; at++) {
        const cni_expr *expr = self->steps[at].expr;
        takes = takes || (expr != NULL && expr->function != NULL && expr->function->takes_memory);
    }
    for (int32_t at = 0; at < self->n_conjuncts; at++) {
        takes = takes || takes_memory(self->conjuncts[at].program);
    }
    return takes;
}

cn_code
cni_program_account_new(const cni_program *self, cni_context *context, const char *name,
                        cni_budget **out_budget, cn_error *err)
{
    *out_budget = NULL;
    return self == NULL || !takes_memory(self)
               ? CN_OK
               : cni_budget_new(context->budget, name, CNI_BUDGET_UNLIMITED, out_budget, err);
}

void
cni_program_state_charge(cni_program_state *self, cni_budget *budget)
{
    if (budget == NULL) {
        return;
    }
    self->budget = budget;
    for (int32_t at = 0; self->conjuncts != NULL && at < self->program->n_conjuncts; at++) {
        if (self->conjuncts[at] != NULL) {
            self->conjuncts[at]->budget = budget;
        }
    }
}

int64_t
cni_program_state_text_bytes(const cni_program_state *self)
{
    int64_t n_bytes = self->text_bytes;
    for (int32_t at = 0; self->conjuncts != NULL && at < self->program->n_conjuncts; at++) {
        n_bytes += self->conjuncts[at] == NULL ? 0 : self->conjuncts[at]->text_bytes;
    }
    return n_bytes;
}

void
cni_program_state_free(cni_program_state *self)
{
    if (self == NULL) {
        return;
    }
    const cni_program *program = self->program;
    close_locals(self);
    for (int32_t reg = 0; self->registers != NULL && reg < program->n_registers; reg++) {
        cni_vector_done(&self->registers[reg].own);
        cni_vector_done(&self->registers[reg].flat);
    }
    cni_dealloc(self->allocator, self->spare_truth, self->cap_spare_truth);
    for (int32_t cache = 0; self->caches != NULL && cache < program->n_caches; cache++) {
        cni_dictionary_cache_done(&self->caches[cache], self->allocator);
    }
    for (int32_t at = 0; self->conjuncts != NULL && at < program->n_conjuncts; at++) {
        cni_program_state_free(self->conjuncts[at]);
    }
    cni_arena_unref(self->arena);
}
