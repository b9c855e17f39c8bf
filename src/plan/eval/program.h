/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiled expressions: a flat array of steps over vector registers. A program is immutable and
 * shared by threads; each thread has a state with its registers, per-dictionary caches and
 * functions' locals.
 *
 * Evaluation follows the chunk's selection: infallible steps compute every row, fallible ones only
 * the live rows (narrowed further inside AND, OR and CASE by what earlier members decided). A step
 * whose vector argument is one DICTIONARY vector and whose others are constants runs once per
 * dictionary and is cached by the dictionary's identity (errors only for entries that live rows
 * use); results stay DICTIONARY. Common subexpressions are computed once.
 */
#ifndef CNI_PLAN_PROGRAM_H
#define CNI_PLAN_PROGRAM_H

#include "plan/function/function.h"
#include "plan/ir/expr.h"

typedef struct cni_program cni_program;
typedef struct cni_program_state cni_program_state;
typedef cni_program_state *cni_program_state_p;

/* Where a column id lies in input chunks. */
typedef struct cni_slot {
    int32_t column_id;
    int32_t position;
} cni_slot;

/* Compile n_exprs >= 1 over input columns found through `slots`. In the arena, which must outlive
 * it. Errors: CN_INTERNAL for an unknown column, CN_INVALID_ARGUMENT for an unset parameter. */
CN_NODISCARD cn_code cni_program_new(cni_arena *arena, const cni_expr *const *exprs,
                                     int32_t n_exprs, const cni_slot *slots, int32_t n_slots,
                                     const cni_program **out_program, cn_error *err);

int32_t cni_program_n_outputs(const cni_program *self);
/* Whether some step gives texts, which may be much longer than what they are made of. */
bool cni_program_makes_texts(const cni_program *self);

CN_NODISCARD cn_code cni_program_state_new(const cni_program *program, cni_context *context,
                                           cni_program_state **out_state, cn_error *err);
void cni_program_state_free(cni_program_state *self); /* NULL is accepted */
/* A node below the context's for what the program's functions ask for (takes_memory); NULL where
 * none does, or without a program. */
CN_NODISCARD cn_code cni_program_account_new(const cni_program *self, cni_context *context,
                                             const char *name, cni_budget **out_budget,
                                             cn_error *err);
/* From now on functions ask `budget` (borrowed) for memory; NULL changes nothing: they ask the
 * context's. */
void cni_program_state_charge(cni_program_state *self, cni_budget *budget);
/* Let go of what the last run computed and nobody else holds. For whoever is going to run it over
 * fewer rows. */
void cni_program_state_trim(cni_program_state *self);
/* Bytes of the texts that the last run made, intermediate ones too. */
int64_t cni_program_state_text_bytes(const cni_program_state *self);
CN_DEFINE_SCOPED(cni_program_state_p, cni_program_state_free)

/* Evaluate all expressions: out_vectors[i] (raw storage) gets a shared vector of chunk->n_rows
 * rows, in any encoding; valid as long as it is held (registers in use by others are replaced, not
 * overwritten). Errors: what functions raise, with the SQL position of the expression. */
CN_NODISCARD cn_code cni_program_run(cni_program_state *self, const cni_chunk *chunk,
                                     cni_vector *out_vectors, cn_error *err);

/* A program of one or more BOOL conjuncts as a filter: narrows the chunk's selection to the rows
 * where all are true, evaluating later conjuncts only where earlier ones held, cheapest and most
 * selective first as observed (fallible ones never before those written ahead of them). Chunks
 * without a selection are looked at in pieces when texts are made (row_pieces.h). */
CN_NODISCARD cn_code cni_program_filter(cni_program_state *self, cni_chunk *inout_chunk,
                                        cn_error *err);

/* Constant folding: the value of an expression without columns. */
CN_NODISCARD cn_code cni_expr_evaluate(cni_arena *arena, const cni_expr *expr, cni_context *context,
                                       cni_value *out_value, cn_error *err);

#endif /* CNI_PLAN_PROGRAM_H */
