/* SPDX-License-Identifier: Apache-2.0
 *
 * What the families of aggregate functions share: the rows that count, states, cells (values of any
 * type in 16 bytes) and finished vectors.
 *
 *   state: plain bytes in rows that the operator owns, 8-aligned; what it points at is in the
 *   call's heap arena, which lives as long as the states. Zero bytes are the empty state.
 *
 * Every family keeps to: NULL arguments do not count unless its comment says so; nothing counted
 * gives NULL (counts: 0); merging is by combine, in any order of workers, with the same result.
 */
#ifndef CNI_PLAN_AGGREGATE_FUNCTION_INT_H
#define CNI_PLAN_AGGREGATE_FUNCTION_INT_H

#include "plan/function/builtin_int.h"
#include "plan/function/cell.h"
#include "plan/function/scalar_int.h"
#include "plan/function/wide_sum.h"

/* ---- the families: one table per file, listed in aggregate_table.c ---- */

#define CNI_N_AGGREGATE_COUNTS    4
#define CNI_N_AGGREGATE_SUMS      4
#define CNI_N_AGGREGATE_EXTREMES  6
#define CNI_N_AGGREGATE_BOOLEANS  7
#define CNI_N_AGGREGATE_FIRSTS    4
#define CNI_N_AGGREGATE_MOMENTS   9
#define CNI_N_AGGREGATE_LISTS     5
#define CNI_N_AGGREGATE_QUANTILES 4
#define CNI_N_AGGREGATE_SKETCHES  1

extern const cni_function cni_aggregate_counts[CNI_N_AGGREGATE_COUNTS];
extern const cni_function cni_aggregate_sums[CNI_N_AGGREGATE_SUMS];
extern const cni_function cni_aggregate_extremes[CNI_N_AGGREGATE_EXTREMES];
extern const cni_function cni_aggregate_booleans[CNI_N_AGGREGATE_BOOLEANS];
extern const cni_function cni_aggregate_firsts[CNI_N_AGGREGATE_FIRSTS];
extern const cni_function cni_aggregate_moments[CNI_N_AGGREGATE_MOMENTS];
extern const cni_function cni_aggregate_lists[CNI_N_AGGREGATE_LISTS];
extern const cni_function cni_aggregate_quantiles[CNI_N_AGGREGATE_QUANTILES];
extern const cni_function cni_aggregate_sketches[CNI_N_AGGREGATE_SKETCHES];

/* ---- rows that count ---- */

/* Walk over the rows of a call that are live and whose first n_args arguments are not null. */
typedef struct cni_counted_rows {
    uint64_t words[CNI_ROWS_WORDS];
    int64_t n_words;
    int64_t at; /* word under way */
} cni_counted_rows;

void cni_counted_begin(cni_counted_rows *self, const cni_aggregate_call *call, int32_t n_args);

/* Next row, ascending; -1 at the end. */
static inline int64_t
cni_counted_next(cni_counted_rows *self)
{
    while (self->words[self->at] == 0) {
        if (++self->at >= self->n_words) {
            self->at = self->n_words;
            return -1;
        }
    }
    const uint64_t word = self->words[self->at];
    self->words[self->at] = word & (word - 1);
    return self->at * 64 + __builtin_ctzll(word);
}

/* State of row or state `row`. */
static inline void *
cni_state_of(const cni_aggregate_call *call, int64_t row)
{
    const int64_t group = call->group == NULL ? 0 : call->group[row];
    return call->states + group * call->stride_bytes;
}

/* State number `state` when states are walked one by one (emit, and `from` of combine). */
static inline void *
cni_state_at(const cni_aggregate_call *call, int64_t state)
{
    return call->states + state * call->stride_bytes;
}

static inline const void *
cni_state_from(const cni_aggregate_call *call, const uint8_t *from, int64_t state)
{
    return from + state * call->stride_bytes;
}

/* ---- what resolve leaves for the rest ---- */

typedef struct cni_aggregate_bind {
    const cni_type *types[2]; /* of arguments 0 and 1, as they will come */
    double fraction;          /* quantiles */
    cni_str text;             /* separator of string_agg */
} cni_aggregate_bind;

/* out_bind_data with the argument types as wanted so far; may be NULL for who needs no more. */
CN_NODISCARD cn_code cni_aggregate_bind_new(cni_resolve *inout_question,
                                            cni_aggregate_bind **out_bind, cn_error *err);
/* `arg` is taken as it is; an untyped NULL becomes VARCHAR. */
void cni_resolve_any(cni_resolve *inout_question, int32_t arg);

/* ---- lists of cells, as states ---- */

/* Cells of one word (numbers of at most 64 bits) or two. */
typedef struct cni_cell_block {
    struct cni_cell_block *next;
    int64_t sequence; /* of all its cells */
    int32_t n;
    int32_t cap;
    int32_t n_taken; /* off the front: cni_cell_list_take */
    uint8_t *valid;  /* NULL = all are */
    uint64_t words[];
} cni_cell_block;

/* Zero bytes = empty. Blocks ascend by sequence; cells of a block are in source order. Lists in no
 * order have sequence 0 throughout. */
typedef struct cni_cell_list {
    int64_t n;
    cni_cell_block *first;
    cni_cell_block *last;
    cni_cell_block *taken; /* the last one that merging has put between others */
} cni_cell_list;

/* Words per cell in lists of a kind. */
static inline int32_t
cni_cell_list_words(cni_cell_kind kind)
{
    return kind == CNI_CELL_I64 || kind == CNI_CELL_U64 || kind == CNI_CELL_F64 ? 1 : 2;
}

/* Cell `at` of a block of a list of that kind. */
static inline cni_cell
cni_cell_list_get(const cni_cell_block *block, cni_cell_kind kind, int32_t at)
{
    if (cni_cell_list_words(kind) == 2) {
        return (cni_cell){{block->words[2 * (int64_t)at], block->words[2 * (int64_t)at + 1]}};
    }
    const uint64_t word = block->words[at];
    return (cni_cell){{word, kind == CNI_CELL_I64 && word >> 63 != 0 ? ~UINT64_C(0) : 0}};
}

/* All cells behind each other in out (n of them), and their validity (may be NULL). */
void cni_cell_list_copy(const cni_cell_list *self, cni_cell_kind kind, cni_cell *out_cells,
                        uint8_t *out_valid);
/* update and combine of functions whose state begins with a list of argument 0. Cells that need not
 * be in source order are in any. */
cn_code cni_cell_list_update(const cni_aggregate_call *call, bool skip_nulls, bool in_order,
                             cn_error *err);
cn_code cni_cell_list_combine(const cni_aggregate_call *call, const uint8_t *from, int64_t n_states,
                              cn_error *err);

/* save and load of the same. */
cn_code cni_cell_list_save(const cni_function *self, const cni_aggregate_call *call, int64_t state,
                           cni_strbuf *out, cn_error *err);
cn_code cni_cell_list_load(const cni_function *self, const cni_aggregate_call *call, int64_t state,
                           cni_str *inout_bytes, cn_error *err);

/* cut and take of cni_value_lists. */
bool cni_cell_list_cut(const cni_function *self, const cni_aggregate_call *call, int64_t state,
                       int64_t n_bytes, uint8_t *out_front);
int64_t cni_cell_list_take(const cni_function *self, const cni_aggregate_call *call, int64_t state,
                           int64_t n, cni_cell *out_cells, uint8_t *out_valid,
                           int64_t *out_sequence);

/* string_agg and list: aggregate_list_feed.c. */
extern const cni_value_lists cni_text_lists;
extern const cni_value_lists cni_item_lists;

/* ---- finished vectors ---- */

/* result_bytes of states whose result is one cell. */
int64_t cni_cell_result_bytes(const cni_aggregate_call *call, const cni_cell *value);

/* FLAT of the call's type and n_states rows; validity all ones when `with_validity`. */
CN_NODISCARD cn_code cni_emit_flat(const cni_aggregate_call *call, int64_t n_states,
                                   bool with_validity, cni_vector *out_vector, void *out_data,
                                   uint8_t **out_validity, cn_error *err);

/* An exact sum under way and how many values it has. */
typedef struct cni_exact_state {
    int64_t n;
    cni_wide_sum sum;
} cni_exact_state;

/* Their sums in the call's type; NULL without values. Errors: out of the type's range. */
CN_NODISCARD cn_code cni_emit_exact_sums(const cni_aggregate_call *call, int64_t n_states,
                                         cni_vector *out_vector, cn_error *err);

#endif /* CNI_PLAN_AGGREGATE_FUNCTION_INT_H */
