/* SPDX-License-Identifier: Apache-2.0
 *
 * The function catalogue: what a scalar or aggregate function is, and registries of them. Built-ins
 * are registered through the same contract as a user's. PostgreSQL's and other meanings of an
 * operation are different entries; the front end chooses.
 *
 * Resolution: a name has any number of entries; each is asked (`resolve`) with the argument types;
 * it answers the types it wants (the binder inserts the casts), the result type, and the cost of
 * those casts; the cheapest entry wins, a tie goes to the earlier one.
 */
#ifndef CNI_PLAN_FUNCTION_H
#define CNI_PLAN_FUNCTION_H

#include "data/kernel/ops.h"
#include "plan/ir/value.h"
#include "runtime/context.h"

#define CNI_FUNCTION_MAX_ARGS 1024

typedef struct cni_function cni_function;
typedef struct cni_cell cni_cell; /* plan/function/cell.h */

typedef enum cni_function_kind {
    CNI_FUNCTION_SCALAR,
    CNI_FUNCTION_AGGREGATE,
    CNI_FUNCTION_WINDOW /* only with OVER */
} cni_function_kind;

typedef enum cni_volatility {
    CNI_IMMUTABLE, /* same inputs, same result: may be folded */
    CNI_STABLE,    /* within a query: now() */
    CNI_VOLATILE   /* every call: random() */
} cni_volatility;

typedef enum cni_null_rule {
    /* A NULL argument makes NULL; the call need not look at null rows: the evaluator joins the
     * arguments' validities into a result that has none; a result with a validity has them in it.
     */
    CNI_NULL_IF_ANY,
    CNI_NULL_CUSTOM /* the function sees nulls: coalesce, concat */
} cni_null_rule;

/* A question to an entry and its answer. */
typedef struct cni_resolve {
    cni_arena *arena;
    int32_t n_args;
    const cni_type *const *arg_types;     /* as written; CNI_TYPE_NULL for untyped NULL */
    const cni_value *const *arg_literals; /* NULL where not a literal */
    /* answer */
    const cni_type **out_arg_types; /* n_args, prefilled with arg_types: what it wants */
    const cni_type *out_type;
    const void *out_bind_data; /* in the arena; what evaluate gets; may be NULL */
    int32_t out_cost;          /* sum of cni_implicit_cast_cost of the casts it asks for */
    bool out_matched;          /* false = not this entry */
} cni_resolve;

/* One evaluation of a scalar call over a chunk: args are FLAT or CONSTANT vectors of env->n_rows.
 */
typedef struct cni_scalar_call {
    cni_op_env env; /* allocator, kernels, live rows, n_rows */
    cni_context *context;
    cni_budget *budget; /* whose memory it is that the function asks for */
    const void *bind_data;
    const cni_type *type; /* of the result */
    int32_t n_args;
    const cni_vector *const *args;
    void *local; /* what `open_local` made for this thread; NULL without */
} cni_scalar_call;

/* One call of an aggregate. States lie `stride_bytes` apart; this aggregate's part is
 * `state_offset` bytes into each. group[r] numbers row r's state; NULL = every row goes to state 0.
 * Rows whose bit in env.live is clear are skipped (live NULL = none). */
typedef struct cni_aggregate_call {
    cni_op_env env;
    cni_context *context;
    const void *bind_data;
    const cni_type *type;
    int32_t n_args;
    const cni_vector *const *args; /* FLAT or CONSTANT */
    const uint32_t *group;
    uint8_t *states;
    int64_t stride_bytes;
    int64_t sequence; /* of the chunk that the rows are from: earlier ones are earlier in source
                         order; only where the query needs order (else 0) */
    cni_arena *heap;  /* for what states point at (strings, lists); lives as long as the states */
} cni_aggregate_call;

/* Aggregates whose whole-column value a table's exact metadata can answer, and which fused kernels
 * know. */
typedef enum cni_aggregate_builtin {
    CNI_AGGREGATE_OTHER = 0,
    CNI_AGGREGATE_COUNT_STAR,
    CNI_AGGREGATE_COUNT,
    CNI_AGGREGATE_SUM,
    CNI_AGGREGATE_AVG,
    CNI_AGGREGATE_MIN,
    CNI_AGGREGATE_MAX,
    CNI_AGGREGATE_FIRST,
    CNI_AGGREGATE_BOOL_AND,
    CNI_AGGREGATE_BOOL_OR
} cni_aggregate_builtin;

/* Rows of a group on their way into an aggregate whose values do not fit in memory. */
typedef struct cni_value_rows {
    int64_t n;
    const cni_vector *values; /* argument 0: FLAT or CONSTANT */
    const int64_t
        *sequences;        /* where they come from: smaller (sequence, place) are earlier in ... */
    const int64_t *places; /* ... source order; NULL unless `wants_places` */
} cni_value_rows;

/* Aggregates whose states are lists of all values of a group. Lists are cut when they are written
 * to disk. Those of a group that does not fit are taken apart, sorted on disk, and fed in order;
 * the result is the one that emit gives, to the bit.
 *
 *   open_feed -> per group: begin (with the number of values), feed ..., end -> close_feed
 */
typedef struct cni_value_lists {
    bool by_value;     /* fed in the order of the values, equal ones in source order where the
                          function is order_sensitive; false: in source order */
    bool wants_places; /* of the rows that are fed */
    /* The first values of state number `state`, about n_bytes, as *out_front (a state; it shares
     * what it points at), and out of the state. False: there is no more than that, nothing has
     * changed. */
    bool (*cut)(const cni_function *self, const cni_aggregate_call *call, int64_t state,
                int64_t n_bytes, uint8_t *out_front);
    /* Take at most n values of one sequence off the front of a state; what they point at stays in
     * the heap. Gives how many: 0 = none is left. */
    int64_t (*take)(const cni_function *self, const cni_aggregate_call *call, int64_t state,
                    int64_t n, cni_cell *out_cells, uint8_t *out_valid, int64_t *out_sequence);
    cn_code (*open_feed)(const cni_function *self, const cni_aggregate_call *call, void **out_feed,
                         cn_error *err);
    cn_code (*begin)(void *feed, int64_t n_values, cn_error *err);
    cn_code (*feed)(void *feed, const cni_value_rows *rows, cn_error *err);
    /* The result of a group with values; what the cell points at stays until the next begin. */
    cn_code (*end)(void *feed, cni_cell *out_cell, bool *out_valid, cn_error *err);
    void (*close_feed)(void *feed); /* NULL is accepted */
} cni_value_lists;

/* Window functions. The first three are carried out; the front end makes the others of them and of
 * aggregates over the partition. */
typedef enum cni_window_builtin {
    CNI_WINDOW_OTHER = 0,
    CNI_WINDOW_ROW_NUMBER,
    CNI_WINDOW_RANK,
    CNI_WINDOW_DENSE_RANK,
    CNI_WINDOW_PERCENT_RANK,
    CNI_WINDOW_CUME_DIST,
    CNI_WINDOW_NTILE,
    CNI_WINDOW_FIRST_VALUE,
    CNI_WINDOW_LAST_VALUE,
    CNI_WINDOW_LAG,
    CNI_WINDOW_LEAD,
    CNI_WINDOW_NTH_VALUE,
    CNI_WINDOW_VALUE_AT /* (x, number, wanted, default): x of the one row of the partition whose
                           number is this row's `wanted`, else default; normalization makes a join
                           of it */
} cni_window_builtin;

/* Scalar functions that pruning looks into. */
typedef enum cni_scalar_builtin {
    CNI_SCALAR_OTHER = 0,
    CNI_SCALAR_LIKE,       /* text, pattern[, escape]; case counts */
    CNI_SCALAR_STARTS_WITH /* text, prefix */
} cni_scalar_builtin;

struct cni_function {
    cni_str name;        /* lower case */
    cni_str description; /* one sentence, for the reference */
    cni_str example;
    uint8_t kind;       /* cni_function_kind */
    uint8_t volatility; /* cni_volatility */
    uint8_t null_rule;  /* cni_null_rule */
    uint8_t builtin;    /* cni_aggregate_builtin, cni_scalar_builtin or cni_window_builtin */
    bool
        may_error; /* some inputs raise: never evaluated on rows that an earlier conjunct removed */
    bool dictionary_safe; /* evaluating per dictionary entry is right (no state, not volatile) */
    bool injective;
    int8_t monotone; /* +1 / -1 in its first argument, others constant; 0 = not known */
    bool leakproof;
    bool takes_memory;     /* scalar: of call->budget, beside its result */
    bool order_sensitive;  /* aggregate: result depends on input order (first, list) */
    bool ignores_distinct; /* aggregate: DISTINCT changes nothing (min, max) */
    double cost_ns;        /* per row, roughly */
    cn_code (*resolve)(const cni_function *self, cni_resolve *inout_question, cn_error *err);
    /* Scalar that may_error: whether it cannot with arguments and a result of these types. NULL =
     * it can. */
    bool (*never_fails)(const cni_function *self, const cni_type *const *arg_types, int32_t n_args,
                        const cni_type *type);
    const void *private_data; /* of the entry: user functions, or parameters of shared callbacks */

    /* scalar */
    cn_code (*evaluate)(const cni_function *self, const cni_scalar_call *call,
                        cni_vector *inout_result, cn_error *err);
    cn_code (*open_local)(const cni_function *self, cni_allocator *allocator, const void *bind_data,
                          void **out_local, cn_error *err); /* NULL = no per-thread state */
    void (*close_local)(const cni_function *self, cni_allocator *allocator, void *local);

    /* aggregate: state_bytes multiple of 8; zero bytes are the initial state unless `init` is set
     */
    int64_t (*state_bytes)(const cni_function *self, const void *bind_data);
    void (*init)(const cni_function *self, const void *bind_data, uint8_t *state);
    cn_code (*update)(const cni_function *self, const cni_aggregate_call *call, cn_error *err);
    /* Merge n states of `call->states` layout at `from` (same stride) into call->states by
     * call->group. */
    cn_code (*combine)(const cni_function *self, const cni_aggregate_call *call,
                       const uint8_t *from, int64_t n_states, cn_error *err);
    /* n_states finished values as a FLAT vector. */
    cn_code (*emit)(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
                    cni_vector *out_vector, cn_error *err);
    /* About how many bytes the finished value of state number `state` takes beyond a fixed width,
     * so that results are given in chunks of bounded size. NULL = none, or few. */
    int64_t (*result_bytes)(const cni_function *self, const cni_aggregate_call *call,
                            int64_t state);
    /* NULL = cannot take values back / states are not plain bytes */
    cn_code (*retract)(const cni_function *self, const cni_aggregate_call *call, cn_error *err);
    /* How states leave memory (spilling, checkpoints). plain_states: their bytes are all there is.
     * Else `save` appends state number `state`, and `load` makes it again, from the initial one,
     * out of the front of *inout_bytes, which moves on; damage is CN_INVALID_DATA. Who has states
     * has either: the registry refuses others. */
    bool plain_states;
    cn_code (*save)(const cni_function *self, const cni_aggregate_call *call, int64_t state,
                    cni_strbuf *out, cn_error *err);
    cn_code (*load)(const cni_function *self, const cni_aggregate_call *call, int64_t state,
                    cni_str *inout_bytes, cn_error *err);
    const cni_value_lists *lists; /* NULL = states are not lists of values, or must fit in memory */
};

/* The value of a group's rows where all have the same one, NULL included: what a key becomes that
 * other keys determine. In no registry; rules name it. */
extern const cni_function cni_aggregate_same;

/* Aggregation in two steps (aggregate_part.c): in no registry; rules make calls of them, whose type
 * they give: BLOB for sum_part, the undivided call's for the others. */
typedef enum cni_aggregate_part {
    CNI_SUM_PART,       /* (x) */
    CNI_SUM_OF_PARTS,   /* (part) */
    CNI_AVG_OF_PARTS,   /* (part, n) */
    CNI_COUNT_OF_PARTS, /* (n) */
    CNI_SUM_TIMES,      /* (x, n) */
    CNI_AVG_TIMES,
    CNI_COUNT_TIMES,
    CNI_N_AGGREGATE_PARTS
} cni_aggregate_part;
extern const cni_function cni_aggregate_parts[CNI_N_AGGREGATE_PARTS];
/* bind_data of their calls; `summed` is the type of x: an integer or DECIMAL. */
CN_NODISCARD cn_code cni_aggregate_part_bind(cni_arena *arena, const cni_type *summed,
                                             const void **out_bind_data, cn_error *err);
/* count(*), count(x). */
const cni_function *cni_aggregate_count(bool of_rows);

/* Registry: built-ins (static, shared by all engines) plus what an engine or session adds.
 * Thread: synchronised. */
typedef struct cni_function_registry cni_function_registry;
typedef cni_function_registry *cni_function_registry_p;

CN_NODISCARD cn_code cni_function_registry_new(cni_allocator *allocator,
                                               cni_function_registry **out_registry, cn_error *err);
void cni_function_registry_free(cni_function_registry *self);
/* `function` is borrowed and must outlive the registry; release(function) is called with it (may be
 * NULL). Error: CN_INVALID_ARGUMENT without a name or resolve, and for an aggregate function that
 * lacks state_bytes, update, combine or emit, or whose states could not leave memory. */
CN_NODISCARD cn_code cni_function_register(cni_function_registry *self,
                                           const cni_function *function,
                                           void (*release)(const cni_function *function),
                                           cn_error *err);
/* Resolve a call by name (case ignored). question's inputs are set, out_arg_types points at n_args
 * slots. Errors: CN_NOT_FOUND with a suggestion (SQLSTATE 42883); CN_INVALID_ARGUMENT when no entry
 * takes these types, listing those that exist; what an entry's resolve raises. */
CN_NODISCARD cn_code cni_function_resolve(const cni_function_registry *self, cni_str name,
                                          cni_function_kind kind, cni_resolve *inout_question,
                                          const cni_function **out_function, cn_error *err);
/* Kinds that a name has: bit 0 scalar, bit 1 aggregate, bit 2 window; 0 = unknown. */
uint32_t cni_function_kinds(const cni_function_registry *self, cni_str name);
/* Every entry in order of name, for the reference and SHOW FUNCTIONS. */
void cni_function_each(const cni_function_registry *self,
                       void (*see)(void *state, const cni_function *function), void *state);

/* Cost of the implicit cast, -1 = not implicit. Follows PostgreSQL's lattice: narrower to wider
 * integers, integers to DECIMAL to FLOAT to DOUBLE, DATE to TIMESTAMP to TIMESTAMPTZ, NULL and
 * string literals to anything (literals only). 0 for equal types. */
int32_t cni_implicit_cast_cost(const cni_type *from, const cni_type *to, bool from_string_literal);
/* The type to which both go implicitly (CASE, UNION, IN, comparison), NULL when there is none. */
CN_NODISCARD cn_code cni_common_type(cni_arena *arena, const cni_type *a, const cni_type *b,
                                     const cni_type **out_type, cn_error *err);

#endif /* CNI_PLAN_FUNCTION_H */
