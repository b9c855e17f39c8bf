/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins from inside.
 *
 *   build   chunk --> piece (columns that are wanted, flat keys)     per worker  join_build.c
 *           all pieces --> strategy, then units side by side:        join_finalize.c
 *                 columns joined | partitions of the table | key filters filled
 *   probe   keys --> codes --> values of the table                   join_lookup.c
 *           values --> candidates --> keys and residual checked --> pairs   join_match.c
 *           pairs --> probe columns shared or taken, build columns taken    join_emit.c
 *
 *   code    a row's keys as one number below `n_codes` (mixed radix over the build's exact ranges),
 *           or the hash of the keys where that cannot be (strategy HASHED)
 *   value   what the table holds per code: CNI_JOIN_NONE, a build row, or CNI_JOIN_RUN | start in
 *           `runs`, where the rows of the code lie side by side, the last one marked CNI_JOIN_RUN
 *
 * Build rows are numbered piece by piece; row n_rows is all NULL where probe rows may go without a
 * match. The build is immutable once finalized, but for the marks of matched rows.
 */
#ifndef CNI_EXEC_JOIN_INT_H
#define CNI_EXEC_JOIN_INT_H

#include "base/thread.h"
#include "exec/join/join.h"
#include "exec/join/join_loops_int.h"

#define CNI_JOIN_MAX_ROWS           (INT64_C(0x7FFFFFFE))
#define CNI_JOIN_BLOCK_ROWS         2048       /* rows of a build that are inserted at a time */
#define CNI_JOIN_LEAST_BLOCK_CHUNKS 16         /* small chunks are for tests: blocks stay larger */
#define CNI_JOIN_DENSE_MIN          (1 << 20)  /* codes that are always few enough for an array */
#define CNI_JOIN_DENSE_PER_ROW      4          /* codes a row, otherwise */
#define CNI_JOIN_DENSE_BYTES        (64 << 20) /* of an array at most */
#define CNI_JOIN_DICTIONARY_MAX     (1 << 16)  /* build rows that leave as dictionary codes */
#define CNI_JOIN_MAX_PARTS          64         /* small outputs that wait to be joined */
#define CNI_JOIN_FULL_ROWS          256        /* fewer do not travel */

typedef enum cni_join_strategy {
    CNI_JOIN_NOTHING, /* no row can be found by keys */
    CNI_JOIN_DENSE,   /* array by code */
    CNI_JOIN_INLINE,  /* open addressing, the code in the slot */
    CNI_JOIN_HASHED,  /* open addressing, the hash in the slot, keys compared column by column */
    CNI_JOIN_BLOCKS   /* no keys */
} cni_join_strategy;

/* ---- codes ---- */

typedef enum cni_join_code_kind {
    CNI_JOIN_CODE_NONE, /* the type has no numbers: HASHED */
    CNI_JOIN_CODE_LOOP, /* by the loops of join_loops_isa.c */
    CNI_JOIN_CODE_BIT,
    CNI_JOIN_CODE_F16
} cni_join_code_kind;

/* Range of a key over the build rows, as canonical words (join_loops_int.h). */
typedef struct cni_join_range {
    bool known; /* some row is not NULL */
    bool wide;  /* some value has no canonical word */
    uint64_t low;
    uint64_t high;
} cni_join_range;

typedef struct cni_join_code {
    uint8_t kind;    /* cni_join_code_kind */
    bool null_equal; /* and some build key is NULL: NULL has the code span + 1 */
    uint64_t low;    /* canonical */
    uint64_t span;   /* high - low */
    uint64_t factor;
} cni_join_code;

/* ---- the table ---- */

/* Thread: partitions are filled side by side, then immutable. */
typedef struct cni_join_table {
    uint8_t strategy; /* cni_join_strategy */
    bool exists_only; /* whether there is a row is all that matters: values are 0 */
    bool short_codes; /* 32 bits */
    int32_t n_codings;
    cni_join_code *codings; /* one per key; not of HASHED */
    uint64_t n_codes;       /* codes are below it; not of HASHED */
    uint32_t *dense;        /* n_codes + 1: the last is CNI_JOIN_NONE */
    uint64_t *bits;         /* DENSE and exists_only: a bit per code, and one word more */
    int64_t n_slots;        /* power of two */
    int32_t slot_bits;
    int64_t region_slots; /* of a partition: power of two; probing wraps within it */
    cni_join_short_slot *short_slots;
    cni_join_long_slot *long_slots;
    int64_t bytes;
    int32_t n_partitions;      /* power of two but for DENSE */
    cni_atomic_ptr runs;       /* uint32_t per row; NULL while no code has several */
    cni_atomic_i64 n_run_rows; /* counter */
    cni_atomic_i64 overfull;   /* a region was too small: one partition has to do */
} cni_join_table;

/* ---- the build ---- */

typedef struct cni_join_piece {
    struct cni_join_piece *next;
    int64_t n_rows;
    int64_t first_row;
    uint64_t *hashes;  /* of the keys where no codes can be; NULL otherwise */
    int64_t n_bytes;   /* about; 0 = not measured */
    int32_t n_vectors; /* stored columns, then keys (FLAT) */
    cni_vector vectors[];
} cni_join_piece;

/* What one worker has collected. */
typedef struct cni_join_data {
    struct cni_join_data *next;
    cni_join_piece *first;
    cni_join_piece *last;
    int64_t n_rows;
    int64_t n_null_rows;               /* a key that must not be NULL is, dropped or not */
    cni_join_range *ranges;            /* per key */
    int64_t *n_nulls;                  /* per key */
    cni_key_observation *observations; /* per key filter */
    /* spilling */
    uint64_t mask;                   /* partitions whose rows have left the pieces */
    int64_t n_held_bytes;            /* of the pieces that were measured */
    int64_t n_settled_bytes;         /* of these when partitions last left */
    const cni_join_piece *measured;  /* the last one */
    struct cni_spill_writer *writer; /* NULL before */
    struct cni_spill_rows *spilled;  /* per partition: what has left the writer; NULL = nothing */
} cni_join_data;

/* What an instance over a partition of another one's rows takes over from it. Zero = it is none. */
typedef struct cni_join_origin {
    struct cni_join_build *root;
    int32_t level;
    bool never_spills; /* its rows were chosen to fit */
    struct cni_spill_file *file;
    int64_t expected_rows;
} cni_join_origin;

typedef struct cni_join_build {
    cni_operator base;
    const cni_phys_op *spec;
    const cni_phys_join *join;
    cni_allocator *allocator; /* of the operator's budget */
    cni_key_filter *const *filters;
    int32_t n_stored;   /* build columns that are kept */
    int32_t *stored;    /* their positions */
    int32_t *stored_of; /* n_build_columns: index in `stored`, or -1 */
    bool keeps_nulls;   /* rows whose key is NULL are kept */
    bool marks;         /* which rows were matched counts */
    bool has_codes;     /* every key's type has codes */
    bool adds_null_row; /* row n_rows of the columns is NULL */
    bool
        compares_nulls; /* null_aware beyond one key: rows with NULL keys are compared one by one */
    bool lists_nulls;   /* null_rows is made */
    bool gives_rows;    /* set before finalize: no table, the pieces stay (join_rows.c) */
    cni_mutex mutex;
    cni_join_data *combined; /* under the mutex */

    /* spilling (join_spill_int.h) */
    cni_join_origin origin;
    cni_atomic_ptr spill;        /* cni_join_spill; NULL while nothing is on disk */
    cni_atomic_i64 n_held_bytes; /* counters: of pieces that were measured */
    cni_atomic_i64 n_held_rows;
    cni_atomic_i64 n_spilled_parts; /* counters of a root, with all levels below */
    cni_atomic_i64 n_spilled_bytes;
    cni_atomic_i64 n_levels;
    cni_atomic_i64 n_passes;

    /* from finalize on */
    cni_join_data *all; /* of all workers put together; until it has settled */
    cni_join_piece **pieces;
    int64_t n_pieces;
    int64_t n_rows; /* in memory */
    int64_t n_null_rows;
    int64_t whole_rows; /* also on disk; of a partition's instance: of the whole join's */
    int64_t whole_null_rows;
    int64_t *n_nulls;
    cni_join_table table;
    bool unique;                   /* no value is a run */
    bool verifies;                 /* candidates' keys must be compared */
    bool keeps_keys;               /* key_columns are made */
    cni_vector *columns;           /* n_stored */
    cni_dictionary **dictionaries; /* n_stored: over the columns, where rows leave as codes; NULL */
    cni_vector *key_columns;       /* n_keys */
    bool *has_nulls;               /* n_stored: beside the NULL row */
    uint32_t *null_rows;           /* lists_nulls: rows with a NULL key */
    int64_t n_listed_nulls;
    cni_atomic_u8 *matched;     /* marks: per row */
    cni_atomic_i64 all_matched; /* flag: every row is */
    cni_atomic_i64 probe_nulls; /* flag, null_aware BUILD_ANTI: a probe key was NULL */
    cni_atomic_i64 probe_rows;  /* flag: there was a probe row */
    cni_atomic_i64 n_matches;   /* counter: pairs */
    int32_t n_units;
    int32_t n_filter_units;
    cni_atomic_i64 n_units_left;
    cn_error prepare_error;
} cni_join_build;

static inline cni_join_build *
cni_join_build_of(cni_operator *base)
{
    return (cni_join_build *)base;
}

/* ---- keys (join_key.c) ---- */

/* How vectors of the type become codes. */
cni_join_code_kind cni_join_code_kind_of(const cni_type *type);
/* Widen the range by the rows of a FLAT vector that are not NULL; *out_nulls counts the others. */
CN_NODISCARD cn_code cni_join_observe(const cni_vector *flat, cni_join_range *inout_range,
                                      int64_t *out_nulls, cn_error *err);
void cni_join_range_merge(cni_join_range *self, const cni_join_range *other);
/* Factors of codings whose low and span are set; false when the product is beyond 64 bits. */
bool cni_join_place_codes(cni_join_code *codings, int32_t n_codings, uint64_t *out_n_codes);
/* Codes of rows [first, first + n) of FLAT keys: those that no build row has are the miss code:
 * n_codes of DENSE, all ones otherwise. 32 bits each with short_codes. */
void cni_join_codes(const cni_join_table *table, const cni_vector *keys, int64_t first, int64_t n,
                    void *out_codes);
/* Bits of rows where no key is NULL that must not be (null_equal ones may be): whole words. False
 * when there is no such row: the words are not written then. */
bool cni_join_null_rows(const cni_phys_join *join, const cni_vector *keys, int64_t n_rows,
                        uint64_t *out_valid);

/* ---- table (join_table.c) ---- */

/* Room for n_rows rows, whose codes are below table->n_codes; n_partitions wanted at most. */
CN_NODISCARD cn_code cni_join_table_new(cni_join_table *self, cni_allocator *allocator,
                                        int64_t n_rows, int32_t n_partitions, cn_error *err);
void cni_join_table_done(cni_join_table *self, cni_allocator *allocator, int64_t n_rows);
/* Fill a partition with all of its rows. Thread: different partitions side by side. */
CN_NODISCARD cn_code cni_join_table_fill(cni_join_build *build, int32_t partition, cn_error *err);
/* Set fresh memory to a byte, looking for cancellation now and then: pages that are touched for the
 * first time take a while, a hundred megabytes 100 ms. */
CN_NODISCARD cn_code cni_join_clear(const cni_join_build *build, void *out, int byte,
                                    size_t n_bytes, cn_error *err);

/* ---- finalize (join_finalize.c) ---- */

int32_t cni_join_build_tasks(cni_operator *base);
CN_NODISCARD cn_code cni_join_build_task(cni_operator *base, int32_t task, int32_t n_tasks,
                                         cn_error *err);
void cni_join_pieces_free(cni_allocator *allocator, cni_join_piece *first);
void cni_join_data_free(cni_join_build *build, cni_join_data *first); /* a list */
/* Vectors of the whole build let go of. */
void cni_join_build_drop(cni_join_build *self);

/* ---- spilling (join_spill.c; more in join_spill_int.h) ---- */

/* Take the piece: keep it, or what stays in memory of it. */
CN_NODISCARD cn_code cni_join_take_piece(cni_join_build *build, cni_join_data *data,
                                         cni_join_piece *own_piece, cn_error *err);
/* What the worker's writer holds goes to data->spilled. */
CN_NODISCARD cn_code cni_join_end_writer(cni_join_build *build, cni_join_data *data, cn_error *err);
void cni_join_drop_spilled(cni_join_data *data, cni_allocator *allocator);
/* join_build.c: keep the rows in `index`; strings = long ones are copied too. */
CN_NODISCARD cn_code cni_join_piece_narrow(const cni_join_build *self, cni_join_piece *piece,
                                           const uint32_t *index, int64_t n, bool strings,
                                           cn_error *err);
/* Root of the instances over partitions. */
static inline cni_join_build *
cni_join_root(cni_join_build *self)
{
    return self->origin.root == NULL ? self : self->origin.root;
}

/* ---- rows (join_rows.c) ---- */

/* The source of a build that gives rows. */
CN_NODISCARD cn_code cni_join_rows_scan_new(cni_operator *base, cni_scan **out_scan, cn_error *err);

/* ---- the probe ---- */

/* How the chunk under way is worked through. */
typedef enum cni_join_way {
    CNI_JOIN_WAY_PAIRS, /* rows of both sides come out */
    CNI_JOIN_WAY_TEST,  /* probe rows come out or not, or with a mark */
    CNI_JOIN_WAY_MARK,  /* build rows are marked, nothing comes out */
    CNI_JOIN_WAY_BLOCKS /* no keys */
} cni_join_way;

/* What a probe of some of the build rows does with what it finds out about probe rows. */
typedef enum cni_join_pass {
    CNI_JOIN_PASS_ONLY, /* all build rows are there */
    CNI_JOIN_PASS_NOTE, /* probe rows come out with their matches only; states are noted */
    CNI_JOIN_PASS_LAST  /* no build rows: what the states decide on comes out */
} cni_join_pass;

typedef struct cni_join_probe {
    cni_operator base;
    const cni_phys_op *spec;
    const cni_phys_join *join;
    cni_join_build *build;
    uint8_t way;            /* cni_join_way */
    bool outer;             /* every probe row comes out */
    bool marks;             /* build rows are marked */
    bool three_valued;      /* null_aware beyond one key: see compares_nulls */
    bool spills;            /* the build has rows on disk */
    uint8_t pass;           /* cni_join_pass */
    bool nothing_can_match; /* the build is empty and rows without a match do not come out */
    int32_t n_residuals;    /* conjuncts */
    int32_t n_probe_outputs;
    int32_t *probe_outputs;   /* positions in the probe's chunks, each once */
    int32_t *output_of_probe; /* n_outputs: index in probe_outputs, or -1 */
    int64_t full_rows;
    int64_t block_rows; /* pairs that a residual looks at together without keys */
} cni_join_probe;

/* Where a nested loop is: one side stands still, the other comes in blocks. */
typedef struct cni_join_blocks {
    bool build_stands;
    int64_t standing; /* row */
    int64_t moving;   /* first row of the next block */
} cni_join_blocks;

typedef struct cni_join_local {
    cni_program_state *residual;
    cni_chunk probe; /* under way */
    cni_chunk eval;  /* residual columns of candidates */
    bool active;     /* rows are left in it */
    bool wants_end;  /* the end of its morsel has not come out */
    int64_t sequence;
    cni_vector *keys; /* n_keys, FLAT; zeroed between chunks */
    int64_t cap_rows; /* of the arrays below */
    uint64_t *codes;
    uint32_t *values;
    uint8_t *matched; /* 1 = matched, 2 = unknown */
    uint32_t *pair_probe;
    uint32_t *pair_build;
    uint32_t *out_probe;
    uint32_t *out_build;
    uint32_t *scratch;
    uint64_t *bits;   /* three times words for cap_rows */
    int64_t row;      /* the next probe row */
    int64_t run_at;   /* rows of its run that were candidates already */
    bool row_matched; /* one of them was a match */
    cni_join_blocks blocks;
    int64_t n_pairs;     /* of a block that come out: in pair_probe and pair_build */
    int64_t pair_at;     /* the first that has not */
    uint64_t dictionary; /* identity of the one whose values are kept; 0 = none */
    uint32_t *entry_values;
    int64_t cap_entries;
    cni_chunk parts[CNI_JOIN_MAX_PARTS]; /* probe outputs (and the mark) that wait */
    int32_t n_parts;
    int64_t part_rows;
    int64_t part_bytes;   /* of their strings */
    bool part_nulls;      /* a build row of them is the NULL row */
    uint32_t *part_build; /* their build rows; cap_rows */
    cni_chunk ready[4];
    int32_t n_ready;
    int32_t next_ready;
    int64_t n_matches;
    int64_t n_given;                 /* rows that came out */
    struct cni_spill_writer *writer; /* of rows whose partition is on disk; NULL before */
    uint8_t *states;                 /* of the chunk's rows over passes: as `matched` */
} cni_join_local;

/* join_spill_probe.c: rows of the chunk under way whose partition is on disk are written; what is
 * left of it is looked up. *out_left = false: nothing. */
CN_NODISCARD cn_code cni_join_divert(cni_join_probe *self, cni_join_local *local, bool *out_left,
                                     cn_error *err);
/* What was written is handed over. */
CN_NODISCARD cn_code cni_join_end_divert(cni_join_probe *self, cni_join_local *local,
                                         cn_error *err);
void cni_join_drop_divert(cni_join_local *local);

/* join_lookup.c: values of all rows of the chunk under way. */
CN_NODISCARD cn_code cni_join_lookup(const cni_join_probe *self, cni_join_local *local,
                                     cn_error *err);

/* join_match.c: one step of the chunk under way; local->active false when it is worked through. */
CN_NODISCARD cn_code cni_join_step_pairs(cni_join_probe *self, cni_join_local *local,
                                         cn_error *err);
CN_NODISCARD cn_code cni_join_step_test(cni_join_probe *self, cni_join_local *local, cn_error *err);
CN_NODISCARD cn_code cni_join_step_mark(cni_join_probe *self, cni_join_local *local, cn_error *err);
/* The rows that local->matched decides on come out, as the kind wants them. */
CN_NODISCARD cn_code cni_join_give_tested(cni_join_probe *self, cni_join_local *local,
                                          cn_error *err);
CN_NODISCARD cn_code cni_join_fail_single(cn_error *err);
/* NOTE: n matches of probe rows. */
CN_NODISCARD cn_code cni_join_note_matches(const cni_join_probe *self, cni_join_local *local,
                                           const uint32_t *probe_rows, int64_t n, cn_error *err);
/* LAST: the whole chunk. */
CN_NODISCARD cn_code cni_join_step_last(cni_join_probe *self, cni_join_local *local, cn_error *err);
/* join_match.c: null_aware BUILD_ANTI with one key: what probe rows say about all build rows. */
void cni_join_note_probe_nulls(const cni_join_probe *self, int64_t n_rows, const cni_vector *key);
/* The kind gives pairs. */
bool cni_join_gives_pairs(const cni_phys_join *join);

/* join_residual.c: keep candidates that match; compacts both lists, gives how many. */
CN_NODISCARD cn_code cni_join_check(const cni_join_probe *self, cni_join_local *local,
                                    uint32_t *inout_probe, uint32_t *inout_build, int64_t *inout_n,
                                    cn_error *err);
/* Residual columns of n pairs into local->eval. */
CN_NODISCARD cn_code cni_join_fill_eval(const cni_join_probe *self, cni_join_local *local,
                                        const uint32_t *probe_rows, const uint32_t *build_rows,
                                        int64_t n, cn_error *err);

/* join_unknown.c: of probe rows that nothing matched (and may), those whose predicate is unknown
 * for some build row get matched = 2; of BUILD_ANTI those build rows are marked. */
CN_NODISCARD cn_code cni_join_find_unknown(const cni_join_probe *self, cni_join_local *local,
                                           cn_error *err);

/* The residual over local->eval: bits of inout_live stay where no conjunct is false, unknown where
 * one is NULL. */
CN_NODISCARD cn_code cni_join_truth_of_eval(const cni_join_probe *self, cni_join_local *local,
                                            int64_t n, uint64_t *inout_live, uint64_t *out_unknown,
                                            cn_error *err);

/* join_blocks.c */
void cni_join_begin_blocks(const cni_join_probe *self, cni_join_local *local);
CN_NODISCARD cn_code cni_join_step_blocks(cni_join_probe *self, cni_join_local *local,
                                          cn_error *err);

/* join_emit.c */
/* n <= cap_rows rows come out: probe rows (NULL = all rows of the chunk once, in order) beside
 * build rows (NULL = the kind gives none; CNI_JOIN_NONE = none) and a mark. */
CN_NODISCARD cn_code cni_join_emit(const cni_join_probe *self, cni_join_local *local,
                                   const uint32_t *probe_rows, const uint32_t *build_rows,
                                   int64_t n, cni_vector *own_mark, cn_error *err);
/* n rows: the probe row `probe_row` (-1: all of the chunk) beside build rows from `build_row` on
 * (with probe_row -1: beside that one, CNI_JOIN_NONE = none). */
CN_NODISCARD cn_code cni_join_emit_block(const cni_join_probe *self, cni_join_local *local,
                                         int64_t probe_row, int64_t build_row, int64_t n,
                                         cn_error *err);
/* What waits becomes ready. */
CN_NODISCARD cn_code cni_join_flush_parts(const cni_join_probe *self, cni_join_local *local,
                                          cn_error *err);
/* Rows of a kept build column, by its position in the build's chunks. has_none: some may be the
 * NULL row. */
CN_NODISCARD cn_code cni_join_take_build(const cni_join_build *build, cni_allocator *allocator,
                                         int32_t position, const uint32_t *rows, int64_t n,
                                         bool has_none, cni_vector *out, cn_error *err);
/* Row `row` of a vector as CONSTANT of n rows. */
CN_NODISCARD cn_code cni_join_constant(cni_allocator *allocator, const cni_vector *vector,
                                       int64_t row, int64_t n, cni_vector *out, cn_error *err);

static inline bool
cni_join_outputs_marks(const cni_join_probe *self)
{
    return self->join->kind == CNI_PHYS_JOIN_MARK;
}

#endif /* CNI_EXEC_JOIN_INT_H */
