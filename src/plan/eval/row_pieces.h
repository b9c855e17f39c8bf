/* SPDX-License-Identifier: Apache-2.0
 *
 * How many rows of a chunk an expression is evaluated over at once. Texts may be made that are much
 * longer than what they are made of; so programs that make texts run over pieces of some bytes, by
 * what the last piece took for each row:
 *
 *   chunk |=|===|=========|==   at_once rows each
 *
 * Thread: confined.
 */
#ifndef CNI_PLAN_ROW_PIECES_H
#define CNI_PLAN_ROW_PIECES_H

#include "plan/eval/program.h"
#include "runtime/context.h"

typedef struct cni_row_pieces {
    bool divides; /* the program makes texts; otherwise chunks stay whole */
    int64_t at_once;
    int64_t most_rows;
    int64_t piece_bytes; /* of texts, about */
} cni_row_pieces;

/* `program` may be NULL. */
cni_row_pieces cni_row_pieces_of(const cni_program *program, const cni_context *context);
/* Rows of the next piece where n_left are left. */
static inline int64_t
cni_row_pieces_next(const cni_row_pieces *self, int64_t n_left)
{
    return self->divides && self->at_once < n_left ? self->at_once : n_left;
}
/* A piece of n_rows has made n_bytes of texts. */
void cni_row_pieces_learn(cni_row_pieces *self, int64_t n_rows, int64_t n_bytes);
/* A piece of n_rows was refused with `code`: whether a smaller one is worth trying. */
bool cni_row_pieces_shrink(cni_row_pieces *self, int64_t n_rows, cn_code code);

#endif /* CNI_PLAN_ROW_PIECES_H */
