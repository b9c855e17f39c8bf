/* SPDX-License-Identifier: Apache-2.0
 *
 * Sizes of pieces: few rows first, since nobody knows how long texts will be; then as many as their
 * length allows, at most GROWTH times as many as before. The budget may still refuse one.
 */
#include "plan/eval/row_pieces.h"

#include "runtime/pressure.h"

#define LIMIT_PART      32 /* of the memory limit, for all workers together */
#define MIN_PIECE_BYTES (INT64_C(1) << 18)
#define MAX_PIECE_BYTES (INT64_C(1) << 23)
#define FIRST_ROWS      16
#define GROWTH          8

cni_row_pieces
cni_row_pieces_of(const cni_program *program, const cni_context *context)
{
    const int64_t n_workers = cni_max_i64(context->settings.n_threads, 1);
    const int64_t share = cni_memory_limit(context->budget) / LIMIT_PART / n_workers;
    const int64_t chunk_rows = context->settings.chunk_rows;
    return (cni_row_pieces){
        .divides = program != NULL && cni_program_makes_texts(program),
        .at_once = cni_min_i64(FIRST_ROWS, chunk_rows),
        .most_rows = chunk_rows,
        .piece_bytes = cni_max_i64(cni_min_i64(share, MAX_PIECE_BYTES), MIN_PIECE_BYTES),
    };
}

void
cni_row_pieces_learn(cni_row_pieces *self, int64_t n_rows, int64_t n_bytes)
{
    const int64_t grown = cni_max_i64(n_rows * GROWTH, self->at_once);
    const int64_t fit = self->piece_bytes / cni_max_i64(n_bytes / n_rows, 1);
    self->at_once = cni_max_i64(cni_min_i64(fit, cni_min_i64(grown, self->most_rows)), 1);
}

bool
cni_row_pieces_shrink(cni_row_pieces *self, int64_t n_rows, cn_code code)
{
    if (code != CN_BUDGET_EXCEEDED || !self->divides || n_rows == 1) {
        return false;
    }
    self->at_once = cni_max_i64(n_rows / GROWTH, 1);
    return true;
}
