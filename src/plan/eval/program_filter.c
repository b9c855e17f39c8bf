/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs as filters. Conjuncts run one after another over a bitmap of survivors:
 *
 *   column op literal on a FLAT column   the compare kernels, straight into the bitmap
 *   anything else                        the conjunct's own program over the rows that survive;
 * dear ones over few survivors gather them into a dense chunk first
 *
 * Order: conjuncts that cannot raise come first, ranked by cost / (1 - selectivity) as observed;
 * those that can come last, in the order in which they were written. So which rows raise depends on
 * the data alone, not on timing.
 */
#include "base/thread.h"
#include "plan/eval/program_int.h"

#define RANK_EVERY        32   /* chunks */
#define MEASURE_EVERY     16   /* chunks */
#define DENSE_FRACTION    4    /* gather survivors when fewer than a quarter of the rows */
#define DEAR_NS           5.0  /* and a row costs this much */
#define OLD_WEIGHT        0.75 /* of what was observed before, at each ranking */
#define FIRST_SELECTIVITY 0.5

/* ---- ranking ---- */

static double
rank_of(const cni_program_state *self, int32_t conjunct)
{
    const cni_conjunct_stats *stats = &self->stats[conjunct];
    const double selectivity =
        stats->rows_in > 0 ? stats->rows_out / stats->rows_in : FIRST_SELECTIVITY;
    const double cost_ns =
        stats->ns_per_row > 0 ? stats->ns_per_row : self->program->conjuncts[conjunct].cost_ns;
    return cost_ns / (1.001 - selectivity);
}

/* Insertion sort: few conjuncts, mostly in order already. */
static void
rank_conjuncts(cni_program_state *self, int32_t n_free)
{
    for (int32_t at = 1; at < n_free; at++) {
        const int32_t moved = self->order[at];
        const double rank = rank_of(self, moved);
        int32_t to = at;
        for (; to > 0 && rank_of(self, self->order[to - 1]) > rank; to--) {
            self->order[to] = self->order[to - 1];
        }
        self->order[to] = moved;
    }
    for (int32_t at = 0; at < self->program->n_conjuncts; at++) {
        self->stats[at].rows_in *= OLD_WEIGHT;
        self->stats[at].rows_out *= OLD_WEIGHT;
    }
}

static int32_t
count_free(const cni_program *program)
{
    int32_t n_free = 0;
    for (int32_t at = 0; at < program->n_conjuncts; at++) {
        n_free += program->conjuncts[at].ordered ? 0 : 1;
    }
    return n_free;
}

static cn_code
open_conjuncts(cni_program_state *self, cn_error *err)
{
    const cni_program *program = self->program;
    int32_t n_free = 0;
    int32_t n_ordered = count_free(program);
    for (int32_t at = 0; at < program->n_conjuncts; at++) {
        if (self->conjuncts[at] == NULL) {
            CN_TRY(cni_program_state_new(program->conjuncts[at].program, self->context,
                                         &self->conjuncts[at], err));
            self->conjuncts[at]->budget = self->budget;
        }
        self->order[program->conjuncts[at].ordered ? n_ordered++ : n_free++] = at;
    }
    return CN_OK;
}

/* ---- column op literal ---- */

/* The literal in the layout of the column's vector; false when it does not fit. */
static bool
literal_in_layout(const cni_value *literal, uint8_t phys, void *out)
{
    const cni_phys usual = cni_type_phys(literal->type);
    if (phys == CNI_PHYS_I64 && usual == CNI_PHYS_I128) {
        const int64_t narrow = (int64_t)literal->as.i128;
        memcpy(out, &narrow, sizeof(narrow));
        return narrow == literal->as.i128;
    }
    if (phys == CNI_PHYS_I128 && usual == CNI_PHYS_I64) {
        const cni_i128 wide = literal->as.i64;
        memcpy(out, &wide, sizeof(wide));
        return true;
    }
    if (phys != usual) {
        return false;
    }
    switch (phys) {
    case CNI_PHYS_I8:
    case CNI_PHYS_U8:
        *(uint8_t *)out = (uint8_t)literal->as.i64;
        return true;
    case CNI_PHYS_I16:
    case CNI_PHYS_U16:
        *(uint16_t *)out = (uint16_t)literal->as.i64;
        return true;
    case CNI_PHYS_I32:
    case CNI_PHYS_U32:
        *(uint32_t *)out = (uint32_t)literal->as.i64;
        return true;
    case CNI_PHYS_I64:
    case CNI_PHYS_U64:
        *(int64_t *)out = literal->as.i64;
        return true;
    case CNI_PHYS_I128:
        memcpy(out, &literal->as.i128, sizeof(literal->as.i128));
        return true;
    case CNI_PHYS_F32:
        *(float *)out = (float)literal->as.f64;
        return true;
    case CNI_PHYS_F64:
        *(double *)out = literal->as.f64;
        return true;
    default:
        return false;
    }
}

static void
and_validity(uint64_t *words, cni_bits validity, int64_t n_rows)
{
    for (int64_t row = 0; row < n_rows; row += 64) {
        words[row >> 6] &= cni_bits_word(validity, row, cni_min_i64(64, n_rows - row));
    }
}

/* keep &= column op literal; false when the general way must be gone. `all` says that keep is all
 * ones and need not be read. */
static bool
filter_compare(const cni_program_state *self, const cni_conjunct *conjunct, const cni_chunk *chunk,
               bool all, uint64_t *keep)
{
    const cni_vector *column = &chunk->columns[conjunct->position];
    _Alignas(16) uint8_t literal[16] = {0};
    if (column->encoding != CNI_FLAT ||
        !literal_in_layout(conjunct->literal, column->phys, literal)) {
        return false;
    }
    const cni_compare_fn compare = all ? self->kernels->compare[conjunct->op][CNI_VC][column->phys]
                                       : self->kernels->compare_and[conjunct->op][column->phys];
    if (compare == NULL) {
        return false;
    }
    compare(column->data, literal, chunk->n_rows, keep);
    if (column->validity.data != NULL) {
        and_validity(keep, column->validity, chunk->n_rows);
    }
    return true;
}

/* ---- anything else ---- */

static cn_code
truth_of(cni_program_state *state, int64_t n_rows, uint64_t *out_words, cn_error *err)
{
    const cni_vector *truth = NULL;
    const cni_op_env env = {state->allocator, state->kernels, NULL, n_rows};
    CN_TRY(cni_program_flat(state, state->program->outputs[0], &truth, err));
    return cni_op_true_bits(&env, truth, out_words, err);
}

static cn_code
filter_general(cni_program_state *self, int32_t conjunct, const cni_chunk *chunk, bool all,
               uint64_t *keep, cn_error *err)
{
    cni_program_state *state = self->conjuncts[conjunct];
    uint64_t *truth = state->scratch;
    cn_code code = cni_program_steps(state, chunk->columns, chunk->n_rows, all ? NULL : keep, err);
    if (code == CN_OK) {
        code = truth_of(state, chunk->n_rows, truth, err);
        cni_program_release(state);
    }
    for (int64_t word = 0; code == CN_OK && word < cni_bits_words(chunk->n_rows); word++) {
        keep[word] &= truth[word];
    }
    return code;
}

/* The conjunct's columns of the survivors, at their positions in *out (others stay zeroed). */
static cn_code
gather_columns(const cni_program *program, cni_allocator *allocator, const cni_chunk *chunk,
               const uint32_t *rows, int64_t n_live, cni_vector *columns, cn_error *err)
{
    for (int32_t column = 0; column < program->n_columns; column++) {
        const int32_t position = program->positions[column];
        CN_TRY(cni_vector_take(allocator, &chunk->columns[position], rows, n_live,
                               &columns[position], err));
    }
    return CN_OK;
}

static void
scatter_truth(const uint64_t *truth, const uint32_t *rows, int64_t n_live, uint64_t *keep)
{
    for (int64_t live = 0; live < n_live; live++) {
        if (((truth[live >> 6] >> (live & 63)) & 1) == 0) {
            keep[rows[live] >> 6] &= ~(UINT64_C(1) << (rows[live] & 63));
        }
    }
}

/* filter_general over the survivors alone, gathered. */
static cn_code
filter_gathered(cni_program_state *self, int32_t conjunct, const cni_chunk *chunk, uint64_t *keep,
                cn_error *err)
{
    cni_program_state *state = self->conjuncts[conjunct];
    const int64_t n_columns = chunk->n_columns;
    const int64_t columns_bytes = n_columns * (int64_t)sizeof(cni_vector);
    cni_vector *columns = NULL;
    if (self->scratch_rows == NULL) {
        CN_TRY(cni_arena_alloc_array(self->arena, CNI_CHUNK_ROWS_MAX + 64, 4, &self->scratch_rows,
                                     err));
    }
    CN_TRY(cni_alloc_zeroed(self->allocator, columns_bytes, &columns, err));
    const int64_t n_live = self->kernels->bits_to_u32(keep, chunk->n_rows, self->scratch_rows);
    cn_code code = gather_columns(state->program, self->allocator, chunk, self->scratch_rows,
                                  n_live, columns, err);
    code = code == CN_OK ? cni_program_steps(state, columns, n_live, NULL, err) : code;
    if (code == CN_OK) {
        code = truth_of(state, n_live, state->scratch, err);
        cni_program_release(state);
    }
    if (code == CN_OK) {
        scatter_truth(state->scratch, self->scratch_rows, n_live, keep);
    }
    for (int64_t column = 0; column < n_columns; column++) {
        cni_vector_done(&columns[column]);
    }
    cni_dealloc(self->allocator, columns, columns_bytes);
    return code;
}

/* ---- the filter ---- */

static cn_code
run_conjunct(cni_program_state *self, int32_t conjunct, const cni_chunk *chunk, int64_t n_live,
             uint64_t *keep, cn_error *err)
{
    const cni_conjunct *what = &self->program->conjuncts[conjunct];
    const cni_conjunct_stats *stats = &self->stats[conjunct];
    const bool all = n_live == chunk->n_rows;
    if (what->is_compare && filter_compare(self, what, chunk, all, keep)) {
        return CN_OK;
    }
    const double cost_ns = stats->ns_per_row > 0 ? stats->ns_per_row : what->cost_ns;
    if (n_live * DENSE_FRACTION < chunk->n_rows && cost_ns >= DEAR_NS) {
        return filter_gathered(self, conjunct, chunk, keep, err);
    }
    return filter_general(self, conjunct, chunk, all, keep, err);
}

/* Run and observe; *inout_live = survivors. */
static cn_code
apply_conjunct(cni_program_state *self, int32_t conjunct, const cni_chunk *chunk,
               int64_t *inout_live, uint64_t *keep, cn_error *err)
{
    cni_conjunct_stats *stats = &self->stats[conjunct];
    const bool measured = self->program->n_conjuncts > 1 && self->n_filtered % MEASURE_EVERY == 0;
    const int64_t before_ns = measured ? cni_clock_ns() : 0;
    CN_TRY(run_conjunct(self, conjunct, chunk, *inout_live, keep, err));
    if (measured) {
        stats->ns_per_row = (double)(cni_clock_ns() - before_ns) / (double)chunk->n_rows;
    }
    const int64_t n_left = cni_bits_count((cni_bits){(const uint8_t *)keep, 0}, chunk->n_rows);
    stats->rows_in += (double)*inout_live;
    stats->rows_out += (double)n_left;
    *inout_live = n_left;
    return CN_OK;
}

static cn_code
filter_whole(cni_program_state *self, cni_chunk *inout_chunk, cn_error *err)
{
    const cni_program *program = self->program;
    int64_t n_live = cni_chunk_live_rows(inout_chunk);
    if (program->n_conjuncts == 0 || inout_chunk->n_rows > CNI_CHUNK_ROWS_MAX) {
        return CN_FAIL(err, CN_INTERNAL, "a filter over what is not BOOLEAN or not a chunk");
    }
    if (n_live == 0) {
        return CN_OK;
    }
    if (self->n_filtered == 0) {
        CN_TRY(open_conjuncts(self, err));
    }
    if (self->n_filtered % RANK_EVERY == 1 || self->n_filtered == 0) {
        rank_conjuncts(self, count_free(program));
    }
    cni_selection_to_bits(&inout_chunk->selection, inout_chunk->n_rows, self->keep);
    for (int32_t at = 0; at < program->n_conjuncts && n_live > 0; at++) {
        CN_TRY(apply_conjunct(self, self->order[at], inout_chunk, &n_live, self->keep, err));
    }
    self->n_filtered++;
    return cni_chunk_narrow(inout_chunk, self->keep, err);
}

/* Look at rows from `offset` on, as many as may be at once: bits of `keep`. */
static cn_code
filter_piece(cni_program_state *self, const cni_chunk *chunk, int64_t offset, cni_chunk *piece,
             uint64_t *inout_keep, int64_t *out_rows, cn_error *err)
{
    uint64_t kept[CNI_LIVE_WORDS];
    int64_t n_rows = cni_row_pieces_next(&self->pieces, chunk->n_rows - offset);
    CN_TRY(cni_chunk_slice(piece, chunk, offset, n_rows, err));
    cn_code code = filter_whole(self, piece, err);
    while (cni_row_pieces_shrink(&self->pieces, n_rows, code)) {
        n_rows = cni_row_pieces_next(&self->pieces, n_rows);
        cni_program_state_trim(self);
        CN_TRY(cni_chunk_slice(piece, chunk, offset, n_rows, err));
        code = filter_whole(self, piece, err);
    }
    CN_TRY(code);
    cni_row_pieces_learn(&self->pieces, n_rows, cni_program_state_text_bytes(self));
    cni_selection_to_bits(&piece->selection, n_rows, kept);
    for (int64_t row = 0; row < n_rows; row++) {
        const int64_t at = offset + row;
        inout_keep[at >> 6] |= (kept[row >> 6] >> (row & 63) & 1) << (at & 63);
    }
    *out_rows = n_rows;
    return CN_OK;
}

static cn_code
filter_pieces(cni_program_state *self, cni_chunk *inout_chunk, cn_error *err)
{
    uint64_t keep[CNI_LIVE_WORDS] = {0};
    CN_SCOPED(cni_chunk) piece = {0};
    cni_chunk_init(&piece, self->allocator);
    for (int64_t offset = 0; offset < inout_chunk->n_rows;) {
        int64_t n_rows = 0;
        CN_TRY(filter_piece(self, inout_chunk, offset, &piece, keep, &n_rows, err));
        CN_TRY(cni_context_check(self->context, err));
        offset += n_rows;
    }
    return cni_chunk_narrow(inout_chunk, keep, err);
}

cn_code
cni_program_filter(cni_program_state *self, cni_chunk *inout_chunk, cn_error *err)
{
    const int64_t n_rows = inout_chunk->n_rows;
    const bool divides = self->pieces.divides && inout_chunk->selection.kind == CNI_SEL_NONE &&
                         n_rows > 0 && n_rows <= CNI_CHUNK_ROWS_MAX;
    if (!divides) {
        return filter_whole(self, inout_chunk, err);
    }
    if (cni_row_pieces_next(&self->pieces, n_rows) < n_rows) {
        return filter_pieces(self, inout_chunk, err);
    }
    const cn_code code = filter_whole(self, inout_chunk, err);
    if (cni_row_pieces_shrink(&self->pieces, n_rows, code)) {
        cni_program_state_trim(self);
        return filter_pieces(self, inout_chunk, err);
    }
    CN_TRY(code);
    cni_row_pieces_learn(&self->pieces, n_rows, cni_program_state_text_bytes(self));
    return CN_OK;
}
