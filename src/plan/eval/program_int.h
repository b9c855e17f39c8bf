/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of compiled expressions.
 *
 *   program   registers: [columns | literals | computed]      steps: write one register each
 *   state     the registers' vectors, one stack of live-row bitmaps, a cache per dictionary step
 *
 * Steps run in order. Around arguments of AND, OR and CASE that may raise or are dear, PUSH ...
 * NARROW
 * ... POP restrict the live rows to those that are not decided yet; a NARROW that leaves no row
 * skips the steps that would have computed its register, which becomes NULL. What was computed
 * between PUSH and POP is not used again outside.
 *
 * A step whose arguments are constant by form is computed once per state (`once`). Computed
 * registers are used again by later steps when nothing reads them any more, unless they are outputs
 * or `once`.
 */
#ifndef CNI_PLAN_PROGRAM_INT_H
#define CNI_PLAN_PROGRAM_INT_H

#include "plan/eval/program.h"
#include "plan/eval/row_pieces.h"

#define CNI_PROGRAM_MAX_STEPS (1 << 22)
#define CNI_FEW_ENTRIES       4
#define CNI_LIVE_WORDS        (CNI_CHUNK_ROWS_MAX / 64)

typedef struct cni_in_set cni_in_set;

typedef enum cni_do {
    CNI_DO_CALL,
    CNI_DO_COMPARE,
    CNI_DO_DISTINCT,
    CNI_DO_AND,
    CNI_DO_OR,
    CNI_DO_NOT,
    CNI_DO_IS_NULL,
    CNI_DO_IN,
    CNI_DO_CASE,
    CNI_DO_CAST,
    CNI_DO_PUSH, /* duplicate the live rows */
    CNI_DO_POP,
    CNI_DO_NARROW_TRUE,      /* live rows where args[0] is true */
    CNI_DO_NARROW_NOT_TRUE,  /* ... false or null */
    CNI_DO_NARROW_NOT_FALSE, /* ... true or null */
    CNI_DO_SKIP_IF_NONE      /* no live row: register `out` is NULL, go on at `jump` */
} cni_do;

typedef struct cni_program_step {
    uint8_t kind;        /* cni_do */
    bool once;           /* constant by form */
    bool per_dictionary; /* may run once per dictionary entry */
    int32_t out;         /* register */
    int32_t n_args;
    const int32_t *args;  /* registers */
    const cni_expr *expr; /* op, flags, function, type, place; NULL for PUSH, POP, NARROW */
    const cni_type *type;
    const cni_in_set *set; /* IN */
    int32_t jump;          /* SKIP_IF_NONE: index of a step */
    int32_t local;         /* CALL: index of the function's per-thread state, -1 = none */
    int32_t cache;         /* index of the dictionary cache, -1 = none */
} cni_program_step;

/* One conjunct of a filter. */
typedef struct cni_conjunct {
    const cni_program *program; /* one BOOL output */
    bool ordered;               /* may raise or is volatile: never before those written ahead */
    double cost_ns;
    /* COMPARE of a column and a literal */
    bool is_compare;
    uint8_t op;       /* with the column on the left */
    int32_t position; /* of the column in chunks */
    const cni_value *literal;
} cni_conjunct;

struct cni_program {
    int32_t n_registers;
    int32_t n_columns;        /* registers [0, n_columns) */
    const int32_t *positions; /* n_columns: of the columns in chunks */
    int32_t n_literals;       /* registers [n_columns, n_columns + n_literals) */
    const cni_value *const *literals;
    int32_t n_steps;
    const cni_program_step *steps;
    int32_t n_outputs;
    const int32_t *outputs; /* registers */
    const cni_type *const *types;
    int32_t n_locals;
    int32_t n_caches;
    int32_t live_depth; /* deepest PUSH */
    int32_t max_args;
    int32_t n_conjuncts; /* 0 unless all outputs are BOOL */
    const cni_conjunct *conjuncts;
};

typedef struct cni_register {
    const cni_vector *value; /* a chunk's column, or &own */
    cni_vector own;
    cni_vector flat; /* `value` expanded */
    bool has_flat;
} cni_register;

/* What a step gave for every entry of one dictionary. */
typedef struct cni_dictionary_cache {
    uint64_t identity; /* 0 = empty */
    int64_t n_rows_seen;
    bool failed; /* some entry raises: rows are computed one by one */
    bool ready;
    bool has_nulls;       /* in truth_valid */
    uint8_t *truth;       /* BOOL results: a byte per entry; NULL where the few codes do */
    uint8_t *truth_valid; /* a byte per entry */
    int64_t cap_truth;
    int32_t n_few;      /* true entries (`few_are_false`: entries not true) when they are */
    bool few_are_false; /* at most CNI_FEW_ENTRIES, else -1 */
    uint32_t few[CNI_FEW_ENTRIES];
    cni_dictionary *dictionary; /* other results */
} cni_dictionary_cache;

/* What a conjunct did so far. */
typedef struct cni_conjunct_stats {
    double rows_in;
    double rows_out;
    double ns_per_row;
} cni_conjunct_stats;

struct cni_program_state {
    const cni_program *program;
    cni_context *context;
    cni_allocator *allocator; /* the context's */
    cni_budget *budget;       /* of functions that take memory; borrowed */
    const cni_kernels *kernels;
    cni_arena *arena; /* owns the arrays and this struct */
    cni_register *registers;
    bool *once_done;      /* per step */
    uint64_t *live_words; /* (live_depth + 1) * CNI_LIVE_WORDS */
    int32_t live_top;     /* index into live_words; -1 = every row is live */
    void **locals;
    cni_dictionary_cache *caches;
    uint8_t *spare_truth; /* of a cache that needs none, for the next */
    int64_t cap_spare_truth;
    const cni_vector **arg_pointers; /* max_args */
    uint64_t *case_words; /* scratch of CASE, for max_args / 2 conditions; made when needed */
    const uint64_t **case_bits;
    const cni_vector **case_values;
    int64_t n_rows;     /* of the chunk at hand */
    int64_t text_bytes; /* made of it so far */
    /* filter */
    cni_row_pieces pieces;
    cni_program_state **conjuncts; /* n_conjuncts */
    cni_conjunct_stats *stats;
    int32_t *order;
    int64_t n_filtered;     /* chunks so far */
    uint64_t *keep;         /* CNI_LIVE_WORDS */
    uint64_t *scratch;      /* CNI_LIVE_WORDS */
    uint8_t *scratch_bytes; /* CNI_CHUNK_ROWS_MAX + padding, twice */
    uint32_t *scratch_rows; /* CNI_CHUNK_ROWS_MAX + 64 */
};

/* ---- program_run.c ---- */

/* Run the steps over `columns` (as the chunk's) with `live` rows (NULL = all). */
CN_NODISCARD cn_code cni_program_steps(cni_program_state *self, const cni_vector *columns,
                                       int64_t n_rows, const uint64_t *live, cn_error *err);
/* The rows of the chunk that are live now, NULL = all. */
const uint64_t *cni_program_live(const cni_program_state *self);
/* Register as FLAT or CONSTANT. */
CN_NODISCARD cn_code cni_program_flat(cni_program_state *self, int32_t reg,
                                      const cni_vector **out_vector, cn_error *err);
/* Let go of what registers hold of the chunk. */
void cni_program_release(cni_program_state *self);

/* ---- program_step.c ---- */

/* One computing step over FLAT or CONSTANT arguments, into *inout_result. */
CN_NODISCARD cn_code cni_program_compute(cni_program_state *self, const cni_program_step *step,
                                         const cni_vector *const *args, int64_t n_rows,
                                         const uint64_t *live, cni_vector *inout_result,
                                         cn_error *err);

/* ---- program_dictionary.c ---- */

/* Run the step per dictionary entry if its arguments allow and it pays; *out_done says so. */
CN_NODISCARD cn_code cni_program_per_dictionary(cni_program_state *self,
                                                const cni_program_step *step, bool *out_done,
                                                cn_error *err);
void cni_dictionary_cache_done(cni_dictionary_cache *self, cni_allocator *allocator);

/* ---- in_set.c ---- */

/* The literals args[1..] of an IN over a type that sets know; *out_set NULL when it does not. */
CN_NODISCARD cn_code cni_in_set_new(cni_arena *arena, const cni_expr *in,
                                    const cni_in_set **out_set, cn_error *err);
/* BOOL result of `a` [NOT] IN set; `a` FLAT or CONSTANT. */
CN_NODISCARD cn_code cni_in_set_evaluate(const cni_in_set *self, const cni_op_env *env,
                                         bool negated, const cni_vector *a,
                                         cni_vector *inout_result, cn_error *err);

#endif /* CNI_PLAN_PROGRAM_INT_H */
