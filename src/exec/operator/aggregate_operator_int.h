/* SPDX-License-Identifier: Apache-2.0
 *
 * The aggregation operator from inside.
 *
 *   chunk --> keys packed to words --> group numbers --> states updated        per worker
 *                                   (direct | table | append)     aggregate_lookup.c, _update.c
 *   too many groups: the table's rows --> pages per partition, table empty aggregate_partition.c
 *   many pages: blocks of frames, in memory           aggregate_pack.c, _blocks.c, _frame.c
 *   too much memory: blocks --> a temporary file                               aggregate_spill.c
 *   finalize, a task per partition: pages of all workers --> one table         aggregate_merge.c
 *   source: morsels of rows --> keys and results as vectors                    aggregate_result.c
 *     or, when something was written: a morsel per partition, merged when read  aggregate_walk.c
 *     values of a group that do not fit: sorted on disk, fed in order         aggregate_sorted.c
 *
 * A group is one row, 8-aligned, the same in tables and pages, its bytes may be moved freely:
 *
 *   | key words (canonical: equal keys are equal words, but for long strings) | states |
 *
 * Strings and whatever states point at lie in arenas that live until the operator is closed.
 */
#ifndef CNI_EXEC_AGGREGATE_OPERATOR_INT_H
#define CNI_EXEC_AGGREGATE_OPERATOR_INT_H

#include "base/thread.h"
#include "data/kernel/agg.h"
#include "exec/operator/aggregate.h"
#include "exec/operator/read_gate.h"
#include "exec/spill/spill_rows.h"
#include "plan/function/cell.h"
#include "runtime/pressure.h"

#define CNI_AGG_PARTITION_BITS 6
#define CNI_AGG_PARTITIONS     (1 << CNI_AGG_PARTITION_BITS)
#define CNI_AGG_BATCH_ROWS     2048       /* rows that are merged at a time */
#define CNI_AGG_MIN_SLOTS      (1 << 14)  /* fewer make branches guess wrong */
#define CNI_AGG_SMALL_GROUPS   4096       /* tables that are not worth partitioning */
#define CNI_AGG_MORSEL_ROWS    16384      /* of a final that are read in one go */
#define CNI_AGG_NULL_VIEW      UINT32_MAX /* length of a NULL string in a key */

/* ---- keys ---- */

typedef enum cni_agg_key_kind {
    CNI_AGG_KEY_NONE,  /* type NULL */
    CNI_AGG_KEY_BIT,   /* one byte */
    CNI_AGG_KEY_COPY,  /* 1, 2, 4, 8 or 16 bytes as they are */
    CNI_AGG_KEY_WIDEN, /* DECIMAL > 18 digits: 16 bytes from I64 or I128 */
    CNI_AGG_KEY_F16,
    CNI_AGG_KEY_F32, /* -0 is +0, NaN is one NaN, NULL another */
    CNI_AGG_KEY_F64,
    CNI_AGG_KEY_VIEW,     /* 16 bytes; NULL is CNI_AGG_NULL_VIEW */
    CNI_AGG_KEY_FIXED,    /* the same over a fixed width */
    CNI_AGG_KEY_INTERVAL, /* its length in nanoseconds, a month being 30 days */
    CNI_AGG_KEY_NESTED    /* a view of its canonical bytes: aggregate_nested.c */
} cni_agg_key_kind;

typedef struct cni_agg_key {
    const cni_type *type;
    int32_t position; /* in the input chunk */
    uint8_t kind;     /* cni_agg_key_kind */
    int32_t n_bytes;
    int32_t offset;   /* in the key */
    int32_t null_bit; /* bit of the key, -1 = NULL is a value of its own */
} cni_agg_key;

/* ---- calls ---- */

/* How the values of an input are held and summed. */
typedef enum cni_agg_class {
    CNI_AGG_OTHER, /* counted only */
    CNI_AGG_I64,   /* integers up to 64 bits with sign, dates, times, DECIMAL <= 18 */
    CNI_AGG_U64,
    CNI_AGG_I128, /* HUGEINT, DECIMAL > 18; vectors may be I64 */
    CNI_AGG_F64   /* F32 and F64 */
} cni_agg_class;

/* A column as some calls see it: the same column under the same FILTER is one input, whose lanes
 * (count, sum, minimum, maximum) all calls over it share: avg(x) is sum(x) and count(x). */
typedef struct cni_agg_input {
    int32_t position; /* -1 = rows, whatever they hold */
    int32_t filter;   /* -1 = none */
    const cni_type *type;
    uint8_t class_;      /* cni_agg_class */
    bool counts_skipped; /* the count lane counts rows that do not count: those of the rows lane
                            less it are what counts */
    bool wants_sum, wants_min, wants_max;
    int32_t count_offset; /* of lanes in the row */
    int32_t sum_offset;
    int32_t min_offset;
    int32_t max_offset;
} cni_agg_input;

typedef enum cni_agg_lane_kind {
    CNI_AGG_LANE_COUNT, /* int64 */
    CNI_AGG_LANE_SUM,   /* 128 bits */
    CNI_AGG_LANE_WIDE,  /* cni_wide_sum */
    CNI_AGG_LANE_FLOAT, /* double */
    CNI_AGG_LANE_EXACT, /* cni_exact_sum */
    CNI_AGG_LANE_MIN,   /* int64, in the order of the values */
    CNI_AGG_LANE_MAX
} cni_agg_lane_kind;

typedef struct cni_agg_lane {
    uint8_t kind; /* cni_agg_lane_kind */
    int32_t offset;
} cni_agg_lane;

typedef enum cni_agg_op {
    CNI_AGG_FUNCTION, /* by the function's own update, combine and emit */
    CNI_AGG_DISTINCT, /* the same, updated at the end: aggregate_sets.c */
    CNI_AGG_ORDERED,  /* the function's, over sorted rows: aggregate_ordered.c */
    CNI_AGG_COUNT,    /* the rest from lanes of `input` */
    CNI_AGG_SUM,
    CNI_AGG_AVG,
    CNI_AGG_MIN,
    CNI_AGG_MAX
} cni_agg_op;

/* One aggregate call as the operator carries it out. */
typedef struct cni_agg_call {
    const cni_phys_call *spec;
    uint8_t op;           /* cni_agg_op */
    int32_t state_offset; /* of those that are not lanes: in the row */
    int32_t input;        /* of lanes */
    int32_t set;          /* DISTINCT */
    bool has_lists;       /* its state is a list that may be cut, sorted on disk and fed */
    int32_t list_bytes;   /* of that state */
} cni_agg_call;

#define CNI_AGG_LIST_WORDS 8 /* of a state with lists, at most */

static inline bool
cni_agg_is_lanes(const cni_agg_call *self)
{
    return self->op >= CNI_AGG_COUNT;
}

/* What a word of a row is to whoever writes it out: aggregate_frame.c. */
typedef enum cni_agg_word_kind {
    CNI_AGG_WORD_PLAIN,
    CNI_AGG_WORD_VIEW, /* the first of a view */
    CNI_AGG_WORD_VIEW_TAIL,
    CNI_AGG_WORD_TEXT, /* likewise of a text: its bytes are all elsewhere */
    CNI_AGG_WORD_TEXT_TAIL,
    CNI_AGG_WORD_SAVED /* of a state that its function saves */
} cni_agg_word_kind;

/* Immutable once made; in the operator's arena. */
typedef struct cni_agg_layout {
    int32_t n_keys;
    /* Of sets: the key begins with the key of this layout, by which partitions go; a lone NULL of
     * it has a bit here (-1 = there is none). */
    const struct cni_agg_layout *prefix;
    int32_t prefix_null_bit;
    cni_agg_key *keys;
    int32_t key_words;
    int32_t key_bytes; /* 8 * key_words */
    bool lone_null;    /* one 8-byte key that has no room for NULL: see cni_agg_table.null_group */
    int32_t n_views;
    int32_t *view_words;   /* the word at which each view begins */
    uint64_t nested_views; /* bits: views that are nested keys, of the first 64 */
    bool has_nested;
    int32_t n_calls;
    cni_agg_call *calls;
    int32_t n_functions; /* calls that are not lanes */
    int32_t n_inputs;
    cni_agg_input *inputs;
    int32_t n_lanes;
    cni_agg_lane *lanes;
    int32_t rows_offset; /* the lane that counts every row; -1 = none */
    int32_t n_sums;      /* 128-bit lanes, one behind the other from sums_offset on */
    int32_t sums_offset;
    int32_t *sum_inputs;
    int32_t n_floats; /* likewise */
    int32_t floats_offset;
    int32_t *float_inputs;
    int32_t row_bytes;
    int32_t page_shift;   /* rows of a page, as a power of two */
    int32_t lead_words;   /* of a page, below which its rows begin: an eighth of it at most */
    int64_t flush_groups; /* at which a table goes to the partitions */
    int64_t block_bytes;  /* of a block on disk, about */
    int64_t held_bytes;   /* of a block in memory */
    int64_t pack_bytes;   /* of a worker's pages, at which they are packed; INT64_MAX = never */
    int64_t pack_rows;    /* of a page that is packed: few, so that pages stay in the caches */
    int64_t direct_bytes; /* the same for groups by position */
    uint8_t *empty_row;   /* row_bytes: states of a new group behind a key of zeros */
    uint8_t *word_kinds;  /* cni_agg_word_kind of each word of a row */
    bool has_saved;
    bool has_lists; /* of any call */
} cni_agg_layout;

CN_NODISCARD cn_code cni_agg_layout_new(cni_arena *arena, const cni_phys_aggregate *spec,
                                        const cni_agg_layout *prefix, const cni_context *context,
                                        cni_agg_layout **out_layout, cn_error *err);
/* Choose inputs and lanes of the calls; *inout_offset moves behind the lanes. */
CN_NODISCARD cn_code cni_agg_place_lanes(cni_arena *arena, const cni_phys_aggregate *spec,
                                         bool reproducible, cni_agg_layout *layout,
                                         int64_t *inout_offset, cn_error *err);
/* The lanes of an empty group. */
void cni_agg_empty_lanes(const cni_agg_layout *layout, uint8_t *row);
/* Merge the lanes of n rows (row_bytes apart) into the groups of `into`. */
void cni_agg_combine_lanes(const cni_agg_layout *layout, uint8_t *into, const uint32_t *groups,
                           const uint8_t *rows, int64_t n);
/* Result of a call from the lanes of n rows. */
CN_NODISCARD cn_code cni_agg_emit_lanes(const cni_agg_layout *layout, const cni_agg_call *call,
                                        const uint8_t *rows, int64_t n, cni_allocator *allocator,
                                        cni_vector *out_vector, cn_error *err);

/* Pack the keys of n rows: `vectors` by key, FLAT. Strings stay borrowed; the bytes of nested keys
 * go to `scratch`. A lone NULL key packs as zero. out_words has n * key_words words. */
CN_NODISCARD cn_code cni_agg_pack_keys(const cni_agg_layout *layout, const cni_vector *vectors,
                                       int64_t n, cni_arena *scratch, cni_allocator *allocator,
                                       uint64_t *out_words, cn_error *err);
/* Nested keys: views of the rows that are not null, stride_bytes apart, over bytes in `arena`; the
 * vector must stay. Keep one in a heap; and n kept ones as a vector again. */
CN_NODISCARD cn_code cni_agg_pack_nested(const cni_vector *vector, int64_t n, cni_arena *arena,
                                         cni_allocator *allocator, uint8_t *out,
                                         int64_t stride_bytes, cn_error *err);
CN_NODISCARD cn_code cni_agg_keep_nested(cni_arena *heap, cni_allocator *allocator,
                                         cni_view *inout_view, cn_error *err);
CN_NODISCARD cn_code cni_agg_unpack_nested(const cni_type *type, const uint8_t *items,
                                           int64_t stride_bytes, int64_t n,
                                           cni_allocator *allocator, cni_vector *out_vector,
                                           cn_error *err);
/* What a kept or packed nested key is given back from, as a cell. */
cni_cell cni_agg_nested_cell(const cni_view *view);
/* Choose the kinds of a row's words. */
CN_NODISCARD cn_code cni_agg_place_words(cni_arena *arena, cni_agg_layout *layout, cn_error *err);
/* Long text or nested key number view_at of a row: its bytes move to the heap. */
CN_NODISCARD cn_code cni_agg_own_view(const cni_agg_layout *layout, int32_t view_at,
                                      cni_arena *heap, cni_allocator *allocator,
                                      cni_view *inout_view, cn_error *err);
CN_NODISCARD cn_code cni_agg_own_views(const cni_agg_layout *layout, uint8_t *row, cni_arena *heap,
                                       cni_allocator *allocator, cn_error *err);
/* n keys that lie stride_bytes apart, hashed. */
void cni_agg_hash_keys(const cni_agg_layout *layout, const uint8_t *keys, int64_t stride_bytes,
                       int64_t n, uint64_t *out_hashes);
/* Key `key` of n rows as a vector. all_null: a lone NULL. */
CN_NODISCARD cn_code cni_agg_unpack_key(const cni_agg_layout *layout, int32_t key,
                                        const uint8_t *rows, int64_t n, cni_allocator *allocator,
                                        int64_t null_row, cni_vector *out_vector, cn_error *err);

/* Partitions of n rows behind each other; row `null_row` (-1 = none) is a lone NULL. */
void cni_agg_partitions(const cni_agg_layout *layout, const uint8_t *rows, int64_t n,
                        int64_t null_row, uint8_t *out_partitions);
#define CNI_AGG_BATCH_PARTITIONS 512 /* rows at most */

/* ---- tables ---- */

/* Groups by number, and slots that find them. Thread: confined. */
typedef struct cni_agg_table {
    const cni_agg_layout *layout;
    cni_allocator *allocator;
    cni_arena *heap; /* strings of keys, what states point at; owned reference */
    uint8_t *rows;
    int64_t n_groups;
    int64_t cap_groups;
    uint32_t *slots;    /* group + 1; 0 = empty; NULL = none yet */
    int64_t n_slots;    /* power of two, at least twice the groups */
    int64_t null_group; /* of a lone NULL key; -1 = none */
} cni_agg_table;

CN_NODISCARD cn_code cni_agg_table_init(cni_agg_table *self, const cni_agg_layout *layout,
                                        cni_allocator *allocator, cn_error *err);
void cni_agg_table_done(cni_agg_table *self); /* accepts zeroed */
/* Release rows and slots of a table without groups; the heap stays. */
void cni_agg_table_trim(cni_agg_table *self);
/* No groups; memory is kept. */
void cni_agg_table_clear(cni_agg_table *self);
/* Room for n more groups, in rows and (when `in_slots`) in slots. */
CN_NODISCARD cn_code cni_agg_table_reserve(cni_agg_table *self, int64_t n, bool in_slots,
                                           cn_error *err);
/* Group of each of n keys (contiguous), new ones made: in order of their first row, key and empty
 * states filled. `mismatches` has room for n. Reserve first. Long strings are copied unless
 * `adopt`. */
CN_NODISCARD cn_code cni_agg_table_find(cni_agg_table *self, const uint64_t *keys,
                                        const uint64_t *hashes, int64_t n, bool adopt,
                                        uint32_t *mismatches, uint32_t *out_groups, cn_error *err);
/* New groups for n keys, without looking whether they are new. Reserve first. */
CN_NODISCARD cn_code cni_agg_table_append(cni_agg_table *self, const uint64_t *keys, int64_t n,
                                          uint32_t *out_groups, cn_error *err);
/* Whether two keys are equal; `key` is 8-aligned words like the row. */
bool cni_agg_equal_keys(const cni_agg_layout *layout, const uint8_t *row, const uint8_t *key);
/* The group of a lone NULL key, made when there is none. Reserve first. */
uint32_t cni_agg_table_null_group(cni_agg_table *self);

static inline uint8_t *
cni_agg_row(const cni_agg_table *self, int64_t group)
{
    return self->rows + group * self->layout->row_bytes;
}

/* ---- pages of a partition ---- */

typedef struct cni_agg_page {
    struct cni_agg_page *next;
    int64_t n_rows; /* at most 1 << layout->page_shift */
    int64_t block_bytes;
    int64_t first_word; /* of row 0: pages that fill up together begin in different cache sets */
    uint64_t words[];   /* rows of row_bytes each */
} cni_agg_page;

typedef struct cni_agg_pages {
    cni_agg_page *first;
    cni_agg_page *last;
    int64_t n_pages;
    int64_t n_rows;
    int64_t first_word;
} cni_agg_pages;

static inline uint8_t *
cni_agg_page_row(const cni_agg_layout *layout, const cni_agg_page *page, int64_t row)
{
    union {
        const uint64_t *borrowed;
        uint8_t *bytes;
    } rows = {.borrowed = page->words + page->first_word}; /* who asks for a row owns the page */
    return rows.bytes + row * layout->row_bytes;
}

static inline void
cni_agg_copy_row(const cni_agg_layout *layout, uint8_t *to, const uint8_t *from)
{
    for (int32_t at = 0; at < layout->row_bytes; at += 8) {
        memcpy(to + at, from + at, 8);
    }
}

/* ---- rows as bytes, in memory or on disk: aggregate_blocks.c ---- */

#define CNI_AGG_READ_PAD 8 /* readable behind a block: see aggregate_frame.c */

typedef struct cni_agg_block {
    char *bytes;       /* NULL = in the operator's file */
    int64_t cap_bytes; /* of `bytes`, less the pad */
    int64_t offset;    /* in the file */
    int64_t n_bytes;
    uint64_t check; /* of bytes in the file */
} cni_agg_block;

/* Blocks of a partition, in the order in which their groups were made; those of the file come
 * first. Zero bytes = empty. */
typedef struct cni_agg_blocks {
    cni_agg_block *blocks;
    int64_t n_blocks;
    int64_t cap_blocks;
    int64_t n_rows;
    int64_t held_bytes; /* of those in memory */
} cni_agg_blocks;

/* Groups of a final that are on disk, in their order. */
typedef struct cni_agg_segment {
    int64_t first; /* row of the final */
    int64_t n_rows;
    bool lone_null; /* the group is the lone NULL */
    cni_agg_blocks blocks;
} cni_agg_segment;

/* What a finalize task leaves: a table, or pages; or segments on disk, which have taken their rows.
 */
typedef struct cni_agg_final {
    int64_t n_groups;
    cni_agg_table table;  /* layout NULL = pages */
    cni_agg_page **pages; /* all but the last that is not NULL are full */
    int64_t n_pages;
    int64_t cap_pages;
    cni_agg_pages shares;      /* pages under way */
    cni_arena *heap;           /* of states that were merged in pages */
    bool lone_null;            /* the group is the lone NULL */
    cni_agg_segment *segments; /* NULL = its rows are in memory */
    int64_t n_segments;
    int64_t cap_segments;
} cni_agg_final;

/* A block whose bytes are still in the spiller's. */
typedef struct cni_agg_pending {
    cni_agg_blocks *blocks;
    int64_t first; /* byte */
    int64_t n_bytes;
    int64_t n_rows;
} cni_agg_pending;

#define CNI_AGG_MAX_PENDING (2 * CNI_AGG_PARTITIONS)

/* Scratch of whoever makes blocks. */
typedef struct cni_agg_spiller {
    struct cni_agg_operator *op; /* NULL = not begun */
    cni_strbuf bytes;            /* blocks that are pending, then the one under way */
    uint64_t *values;
    bool in_memory;      /* where blocks go */
    int64_t begun_bytes; /* at which the block under way begins */
    int64_t n_rows;      /* in it */
    int64_t frame_rows;  /* of rows with saved states */
    int32_t n_pending;   /* small blocks, which share an append */
    cni_agg_pending pending[CNI_AGG_MAX_PENDING];
} cni_agg_spiller;

/* ---- groups by position ---- */

/* One key of a direct map: its values have ids 1.. (NULL 0), below `size`. */
typedef struct cni_agg_direct_key {
    bool by_value; /* ids from `values`; else value - low + 1 */
    int64_t low;
    int64_t size;
    uint32_t factor;              /* of the id in the code */
    cni_agg_layout *value_layout; /* by_value: the key alone */
    cni_agg_table values;         /* id - 1 = group */
    uint64_t identity;            /* of the dictionary whose codes are mapped; 0 = none */
    uint32_t *code_ids;           /* per code of it */
    int64_t n_code_ids;
} cni_agg_direct_key;

/* codes (mixed radix over the ids of all keys) -> groups of the local's table. */
typedef struct cni_agg_direct {
    bool started;
    cni_agg_direct_key *keys;
    int64_t n_codes;  /* product of the sizes */
    uint32_t *groups; /* group per code; UINT32_MAX = none */
    uint32_t *ids;    /* n_keys per group of the table */
    int64_t cap_ids;  /* groups there is room for */
} cni_agg_direct;

/* ---- the operator ---- */

typedef enum cni_agg_strategy {
    CNI_AGG_ANY,    /* nothing seen yet */
    CNI_AGG_DIRECT, /* group numbers by position: aggregate_direct.c */
    CNI_AGG_HASH,   /* slots */
    CNI_AGG_APPEND  /* nearly every row is a group: no lookup, merging sorts it out */
} cni_agg_strategy;

/* What an input of the chunk under way is to its lanes. */
typedef struct cni_agg_prepared {
    const cni_vector *vector; /* FLAT or CONSTANT; NULL for rows */
    const uint64_t *bits;     /* rows that count; NULL = all */
    int64_t n_counted;
    const void *sums; /* int64 or double of every row, 0 where it does not count; NULL = none */
    const int64_t *orders; /* the same as integers in the order of the values, not masked */
} cni_agg_prepared;

typedef struct cni_agg_local {
    cni_agg_table table;
    cni_agg_pages *pages;   /* CNI_AGG_PARTITIONS + 1 (the last: the lone NULL); NULL = none yet */
    cni_agg_blocks *blocks; /* the same number, older than the pages; NULL = none yet */
    bool packs;             /* full pages become blocks in memory: aggregate_pack.c */
    int32_t next_written;   /* partition */
    int64_t look_bytes;     /* of blocks at which repeated keys are looked for */
    cni_agg_spiller spiller;
    int64_t n_bytes; /* held when the last chunk had been taken */
    bool combined;
    int64_t rows_in;
    int64_t n_direct; /* rows by strategy */
    int64_t n_hashed;
    int64_t n_appended;
    uint8_t strategy; /* cni_agg_strategy */
    cni_agg_direct direct;
    int64_t rows_looked;  /* since the last flush, runs counted once */
    int64_t rows_to_come; /* to be appended before looking again */
    /* scratch of a chunk */
    int64_t cap_rows;
    uint64_t *keys;
    uint64_t *hashes;
    uint32_t *groups;
    uint32_t *list;
    cni_vector *key_vectors; /* n_keys */
    cni_vector *flat;        /* n_inputs: type NULL = not made for this chunk */
    uint64_t *live;
    cni_agg_prepared *prepared;  /* n_inputs of the layout */
    bool *done;                  /* likewise: the sum of the chunk is in the lanes */
    uint64_t *input_rows;        /* per input: sums, orders (cap_rows each), bits */
    cni_arena *scratch;          /* bytes of nested keys of the chunk; NULL = none */
    uint32_t one_group;          /* of all rows, when groups are not told apart */
    struct cni_agg_local **sets; /* of the operator's sets */
    struct cni_agg_local *next;
} cni_agg_local;

typedef struct cni_agg_set cni_agg_set;

typedef struct cni_agg_operator {
    cni_operator base;
    const cni_phys_aggregate *spec;
    cni_allocator *allocator; /* of base.budget */
    cni_arena *arena;         /* layout */
    cni_agg_layout *layout;
    cni_agg_layout **value_layouts; /* n_keys: of each key alone */
    const cni_kernels *kernels;
    const cni_agg_kernels *agg_kernels;
    cni_mutex mutex;       /* guards `locals` while workers combine */
    cni_agg_local *locals; /* combined */
    cni_agg_local *last_local;
    cni_spill_file *file;              /* under the lock; NULL = none yet, or of the owner */
    struct cni_agg_operator *owner;    /* of a set */
    cni_atomic_i64 spilled_bytes;      /* counters */
    cni_atomic_i64 spilled_partitions; /* bits */
    cni_atomic_i64 n_levels;           /* deepest split */
    cni_atomic_i64 n_sorted;           /* values that were sorted to be fed */
    cni_atomic_i64 n_reductions;       /* pages that were united because memory was short */
    bool settled; /* it is known whether results are merged when they are read */
    bool lazy;
    cni_read_gate gate;                               /* of what is finished */
    cni_atomic_i64 n_opened;                          /* counter, behind the gate: sources of it */
    cni_atomic_i64 n_readers[CNI_AGG_PARTITIONS + 1]; /* counters: in a piece of the partition */
    int32_t n_finalized;                              /* tasks, under the lock */
    int32_t n_finals;
    cni_agg_final *finals;        /* results, one per finalize task */
    cni_atomic_i64 n_finals_left; /* a refcount: what the tasks made is seen by the last one */
    cni_atomic_i64 n_groups;      /* counters for the notes */
    cni_atomic_i64 n_flushes;
    cni_atomic_i64 n_direct; /* rows by strategy */
    cni_atomic_i64 n_hashed;
    cni_atomic_i64 n_appended;
    int32_t n_sets;
    cni_agg_set *sets;
} cni_agg_operator;

/* The distinct values of some arguments: keys of an operator without calls. */
struct cni_agg_set {
    int32_t filter;
    int32_t n_args;
    const int32_t *args;
    bool initialised;
    cni_agg_operator op; /* arena and allocator are the owner's */
};

struct cni_agg_walk;

#define CNI_AGG_MAX_ARGS   8 /* of a call */
#define CNI_AGG_MAX_ORDERS 16

/* Groups of the chunk's rows: *out_groups is local->groups, or NULL = all are local->one_group. */
CN_NODISCARD cn_code cni_agg_lookup(cni_agg_operator *self, cni_agg_local *local,
                                    const cni_chunk *chunk, const uint32_t **out_groups,
                                    cn_error *err);
/* The same by position. *out_done false = the keys do not lend themselves to it (any more): nothing
 * has changed, and the local's strategy is another. */
CN_NODISCARD cn_code cni_agg_direct_lookup(cni_agg_operator *self, cni_agg_local *local,
                                           const cni_chunk *chunk, bool *out_done, cn_error *err);
void cni_agg_direct_done(cni_agg_operator *self, cni_agg_local *local);
/* Rows that the FILTER in column `filter` (-1 = none) leaves and, unless `position` is -1, where
 * that column is not null: into `words`. *out_all: all are. */
CN_NODISCARD cn_code cni_agg_counted_rows(cni_agg_operator *self, cni_agg_local *local,
                                          const cni_chunk *chunk, int32_t position, int32_t filter,
                                          uint64_t *words, bool *out_all, cn_error *err);
/* Lanes of the chunk's rows; groups as in cni_agg_lookup. */
CN_NODISCARD cn_code cni_agg_accumulate(cni_agg_operator *self, cni_agg_local *local,
                                        const cni_chunk *chunk, const uint32_t *groups,
                                        cn_error *err);
/* All states of the chunk's rows. */
CN_NODISCARD cn_code cni_agg_update(cni_agg_operator *self, cni_agg_local *local,
                                    const cni_chunk *chunk, const uint32_t *groups, cn_error *err);
/* Merge the states of n rows (row_bytes apart) into groups of `into`. */
CN_NODISCARD cn_code cni_agg_combine_states(cni_agg_operator *self, cni_arena *heap, uint8_t *into,
                                            const uint32_t *groups, const uint8_t *rows, int64_t n,
                                            cn_error *err);
/* Result of call `call` for n rows behind each other. */
CN_NODISCARD cn_code cni_agg_emit(cni_agg_operator *self, int32_t call, uint8_t *rows, int64_t n,
                                  cni_vector *out_vector, cn_error *err);

/* Of n rows behind each other so many, but one, that their results are of a bounded size. */
int64_t cni_agg_bounded_rows(const cni_agg_operator *self, uint8_t *rows, int64_t n);

/* Move all groups of the local's table to its pages. */
CN_NODISCARD cn_code cni_agg_flush(cni_agg_operator *self, cni_agg_local *local, cn_error *err);
CN_NODISCARD cn_code cni_agg_pages_append(const cni_agg_operator *self, cni_agg_pages *pages,
                                          const uint8_t *row, cn_error *err);
CN_NODISCARD cn_code cni_agg_page_new(const cni_agg_operator *self, int64_t first_word,
                                      cni_agg_page **out_page, cn_error *err);
/* At the end of the list. */
void cni_agg_pages_add(cni_agg_pages *pages, cni_agg_page *page);
void cni_agg_page_free(const cni_agg_operator *self, cni_agg_page *page);
void cni_agg_pages_free(const cni_agg_operator *self, cni_agg_pages *pages);
/* Finalize task `task`. */
CN_NODISCARD cn_code cni_agg_merge(cni_agg_operator *self, int32_t task, cn_error *err);
CN_NODISCARD cn_code cni_agg_unite(cni_agg_operator *self, int32_t task, cni_agg_final *final,
                                   cn_error *err);
/* The pages of one worker's partition, united in place. */
CN_NODISCARD cn_code cni_agg_unite_pages(cni_agg_operator *self, cni_arena *heap,
                                         cni_agg_pages *inout_pages, cn_error *err);
void cni_agg_final_done(cni_agg_operator *self, cni_agg_final *final);

/* ---- uniting rows: aggregate_unite.c ---- */

/* Rows under way into the pages of `final`, each key once: in those that it has, then new ones. */
typedef struct cni_agg_uniting {
    cni_agg_operator *op;
    const cni_agg_layout *layout;
    cni_agg_final *final;
    bool adopt;           /* what rows point at stays where it is */
    cni_agg_page **spare; /* pages to be used again; NULL = none */
    uint32_t *slots;      /* see aggregate_unite.c */
    int64_t n_slots;
    int32_t number_bits; /* log2 of n_slots */
    int64_t n_placed;
    uint32_t *numbers; /* where the number of each row that is added goes; NULL = nowhere */
} cni_agg_uniting;

/* Slots for n rows more. */
CN_NODISCARD cn_code cni_agg_uniting_reserve(cni_agg_uniting *self, int64_t n, cn_error *err);
/* n rows behind each other; reserve first. */
CN_NODISCARD cn_code cni_agg_uniting_add(cni_agg_uniting *self, const uint8_t *rows, int64_t n,
                                         cn_error *err);
/* The final has its number of groups; slots are released. */
void cni_agg_uniting_end(cni_agg_uniting *self);

/* ---- frames: aggregate_frame.c ---- */

/* Room for n_bytes more. */
CN_NODISCARD cn_code cni_agg_bytes_reserve(cni_strbuf *out, int64_t n_bytes, cn_error *err);
/* At most one page of rows as bytes behind `out`; `values` has room for one per row. */
CN_NODISCARD cn_code cni_agg_frame_encode(cni_agg_operator *self, uint8_t *rows, int64_t n,
                                          uint64_t *values, cni_strbuf *out, cn_error *err);
/* The frame at the front of *inout_bytes (8 bytes behind its end are readable), into a page's worth
 * of rows. Texts point into the bytes, nested keys into `scratch`, states that are lists into
 * `lists`, others into `heap`. */
CN_NODISCARD cn_code cni_agg_frame_decode(cni_agg_operator *self, cni_str *inout_bytes,
                                          uint8_t *rows, int64_t *out_n, cni_arena *heap,
                                          cni_arena *lists, cni_arena *scratch, cn_error *err);

/* For blocks of about n_bytes. */
CN_NODISCARD cn_code cni_agg_spiller_begin(cni_agg_operator *op, int64_t n_bytes,
                                           cni_agg_spiller *out_spiller, cn_error *err);
void cni_agg_spiller_end(cni_agg_spiller *self); /* accepts zeroed */
/* n rows behind each other, behind `blocks`; all of them are there once the block has been ended
 * and the spiller flushed. `blocks` stays until then. */
CN_NODISCARD cn_code cni_agg_spill_rows(cni_agg_spiller *self, uint8_t *rows, int64_t n,
                                        cni_agg_blocks *blocks, cn_error *err);
CN_NODISCARD cn_code cni_agg_spill_end_block(cni_agg_spiller *self, cni_agg_blocks *blocks,
                                             cn_error *err);
/* Small blocks that wait for others go to the file. */
CN_NODISCARD cn_code cni_agg_spill_flush(cni_agg_spiller *self, cn_error *err);
/* The rows of `pages` behind `blocks`, which are to be flushed; the pages are released. */
CN_NODISCARD cn_code cni_agg_spill_pages(cni_agg_spiller *self, cni_agg_pages *pages,
                                         cni_agg_blocks *blocks, cn_error *err);
/* Those in memory go to the file. */
CN_NODISCARD cn_code cni_agg_blocks_write(cni_agg_spiller *self, cni_agg_blocks *blocks,
                                          cn_error *err);
void cni_agg_blocks_done(const cni_agg_operator *self, cni_agg_blocks *blocks);
/* The same, and their room in the file may be used again. */
void cni_agg_blocks_drop(const cni_agg_operator *self, cni_agg_blocks *blocks);
/* The bytes of a block of the file, checked, into *inout_bytes, which grows. */
CN_NODISCARD cn_code cni_agg_block_read(const cni_agg_operator *self, const cni_agg_block *block,
                                        char **inout_bytes, int64_t *inout_cap, cn_error *err);
/* Where the operator's blocks lie; NULL = nowhere yet. */
cni_spill_file *cni_agg_file(const cni_agg_operator *self);

static inline cni_agg_operator *
cni_agg_owner(cni_agg_operator *self)
{
    return self->owner == NULL ? self : self->owner;
}

/* ---- packing: aggregate_pack.c ---- */

/* The local's spiller, begun. */
CN_NODISCARD cn_code cni_agg_local_spiller(cni_agg_operator *self, cni_agg_local *local,
                                           bool in_memory, cni_agg_spiller **out_spiller,
                                           cn_error *err);
CN_NODISCARD cn_code cni_agg_local_blocks(cni_agg_operator *self, cni_agg_local *local,
                                          cn_error *err);
/* The partition's only page becomes a block and is empty. */
CN_NODISCARD cn_code cni_agg_pack_page(cni_agg_operator *self, cni_agg_local *local,
                                       int32_t partition, cn_error *err);
/* All pages become blocks in memory. */
CN_NODISCARD cn_code cni_agg_pack_all(cni_agg_operator *self, cni_agg_local *local, cn_error *err);
/* When the table has just been flushed: pages that are many are united or packed. */
CN_NODISCARD cn_code cni_agg_pack(cni_agg_operator *self, cni_agg_local *local, cn_error *err);
/* Pages, or blocks in memory, become ones that hold each key once, if that halves them: true. */
bool cni_agg_reduce_pages(cni_agg_operator *self, cni_agg_local *local);
bool cni_agg_reduce_blocks(cni_agg_operator *self, cni_agg_local *local);
/* The local's heap is a new one: nothing points to it. */
CN_NODISCARD cn_code cni_agg_renew_heap(cni_agg_operator *self, cni_agg_local *local,
                                        cn_error *err);

/* ---- spilling: aggregate_spill.c ---- */

/* What the local would give back. */
int64_t cni_agg_local_bytes(const cni_agg_operator *self, const cni_agg_local *local);
/* After a chunk: write the local's groups out when memory is short. */
CN_NODISCARD cn_code cni_agg_relieve(cni_agg_operator *self, cni_agg_local *local, cn_error *err);
/* Write all of the local's groups out. */
CN_NODISCARD cn_code cni_agg_spill(cni_agg_operator *self, cni_agg_local *local, cn_error *err);
/* Whether there are blocks, in memory or on disk: partitions are merged when they are read. */
bool cni_agg_has_blocks(const cni_agg_operator *self);
/* Once all have combined: whether partitions are merged when they are read. */
void cni_agg_settle(cni_agg_operator *self);
int32_t cni_agg_settle_tasks(const cni_agg_operator *self);
CN_NODISCARD cn_code cni_agg_settle_task(cni_agg_operator *self, int32_t task, cn_error *err);
/* Whether states may leave memory. Without keys there is one group: only its lists are large. */
bool cni_agg_may_write(const cni_agg_operator *self);

/* ---- what is finished leaves memory: aggregate_reclaim.c ---- */

/* All is finished: memory may be asked for from now on. */
void cni_agg_arm(cni_agg_operator *self);
int64_t cni_agg_reclaim(cni_operator *base, int64_t n_bytes);
/* The segment of a final on disk that row `row` is in. */
cni_agg_segment *cni_agg_find_segment(const cni_agg_final *final, int64_t row);
void cni_agg_segments_done(const cni_agg_operator *self, cni_agg_final *final);

/* ---- partitions one at a time: aggregate_walk.c ---- */

/* Where rows of one partition are. */
typedef struct cni_agg_source {
    int32_t partition;      /* of the operator's locals */
    cni_agg_blocks *blocks; /* or these */
} cni_agg_source;

/* A partition that did not fit, by more bits of its hashes. */
typedef struct cni_agg_level {
    cni_agg_blocks parts[CNI_AGG_PARTITIONS];
    int32_t next;                /* part */
    struct cni_agg_level **sets; /* of the operator's sets, by the same bits */
} cni_agg_level;

/* The groups of a source, piece by piece, each key in one piece. Thread: confined. */
typedef struct cni_agg_walk {
    cni_agg_operator *op;
    cni_agg_source source;
    const cni_agg_layout *hashed; /* whose keys' hashes choose parts */
    bool begun;
    bool whole;  /* set behind begin: one piece in the order of its rows, its sets applied before */
    bool splits; /* the piece under way does not fit */
    int32_t first_level;
    int32_t depth;
    cni_agg_level *levels[CNI_SPILL_MAX_LEVEL];
    cni_agg_final final; /* the piece */
    cni_agg_page *spare; /* of pieces before it: fresh memory is dear */
    int64_t n_total;     /* rows of the source */
    int64_t n_seen;
    cni_agg_uniting uniting;
    cni_agg_pages *pages; /* CNI_AGG_PARTITIONS, while it splits */
    int64_t n_rows;       /* in them */
    int64_t split_bytes;  /* to be held at most */
    int64_t n_row_bytes;
    uint8_t *rows; /* of a frame */
    char *bytes;   /* of a block */
    int64_t cap_bytes;
    cni_arena *scratch;
    cni_arena *lists;              /* what states that are lists point at */
    struct cni_agg_sorted *sorted; /* that takes them; NULL = they are in memory */
} cni_agg_walk;

void cni_agg_walk_begin(cni_agg_walk *self, cni_agg_operator *op, cni_agg_source source,
                        int32_t first_level);
/* The next piece into self->final; its sets have been applied. *out_done: there is none. */
CN_NODISCARD cn_code cni_agg_walk_next(cni_agg_walk *self, bool *out_done, cn_error *err);
void cni_agg_walk_end(cni_agg_walk *self); /* accepts zeroed */
/* Where the values of set `set` are that belong to the groups of the piece. */
cni_agg_source cni_agg_walk_set_source(const cni_agg_walk *self, int32_t set);
/* Rows of a source into parts of a level by the hashes of `hashed`. */
CN_NODISCARD cn_code cni_agg_walk_split(cni_agg_operator *op, cni_agg_source source,
                                        const cni_agg_layout *hashed, int32_t level,
                                        cni_agg_level **out_level, cn_error *err);
void cni_agg_level_free(const cni_agg_operator *self, cni_agg_level *level); /* NULL is accepted */

CN_NODISCARD cn_code cni_agg_open_source(cni_operator *base, cni_scan **out_scan, cn_error *err);

/* At most n rows of a final that lie behind each other, from `row` on; gives how many.
 * *out_null_row: which of them is the lone NULL, -1 (or out of range) = none. */
int64_t cni_agg_final_rows(const cni_agg_operator *self, const cni_agg_final *final, int64_t row,
                           int64_t n, uint8_t **out_rows, int64_t *out_null_row);

CN_NODISCARD cn_code cni_agg_local_new(cni_agg_operator *self, cni_agg_local **out_local,
                                       cn_error *err);
void cni_agg_local_free(cni_agg_operator *self, cni_agg_local *local); /* NULL is accepted */
CN_NODISCARD cn_code cni_agg_push_rows(cni_agg_operator *self, cni_agg_local *local,
                                       const cni_chunk *chunk, cn_error *err);
/* The operator takes the local. */
CN_NODISCARD cn_code cni_agg_local_combine(cni_agg_operator *self, cni_agg_local *local,
                                           cn_error *err);
CN_NODISCARD cn_code cni_agg_make_layouts(cni_agg_operator *self, const cni_agg_layout *prefix,
                                          cn_error *err);
/* Its locals and results. */
void cni_agg_release_groups(cni_agg_operator *self);
void cni_agg_release_locals(cni_agg_operator *self);
/* Everything that the operator itself holds, but its arena and budget. */
void cni_agg_operator_release(cni_agg_operator *self);

CN_NODISCARD cn_code cni_agg_sets_init(cni_agg_operator *self, cn_error *err);
void cni_agg_sets_done(cni_agg_operator *self);
CN_NODISCARD cn_code cni_agg_sets_open(cni_agg_operator *self, cni_agg_local *local, cn_error *err);
void cni_agg_sets_close(cni_agg_operator *self, cni_agg_local *local);
CN_NODISCARD cn_code cni_agg_sets_push(cni_agg_operator *self, cni_agg_local *local,
                                       const cni_chunk *chunk, cn_error *err);
CN_NODISCARD cn_code cni_agg_sets_combine(cni_agg_operator *self, cni_agg_local *local,
                                          cn_error *err);
/* Merge the sets' partition `task` and feed it to the groups of `final`. */
CN_NODISCARD cn_code cni_agg_sets_apply(cni_agg_operator *self, int32_t task, cni_agg_final *final,
                                        cn_error *err);
/* A finalize task is over and touches its final no more: the last one, without keys, joins them. */
CN_NODISCARD cn_code cni_agg_sets_join(cni_agg_operator *self, cn_error *err);
/* As cni_agg_sets_apply, for the piece that a walk has made. */
CN_NODISCARD cn_code cni_agg_sets_apply_piece(cni_agg_operator *self, struct cni_agg_walk *walk,
                                              cn_error *err);

/* ORDERED calls: their state, rows of a chunk (`live` NULL = all), and results of n rows. */
int64_t cni_agg_ordered_state_bytes(void);
int64_t cni_agg_ordered_bytes(const uint8_t *state); /* that its rows take */
CN_NODISCARD cn_code cni_agg_ordered_update(cni_agg_operator *self, cni_agg_local *local,
                                            const cni_chunk *chunk, const cni_agg_call *call,
                                            const uint64_t *live, const uint32_t *groups,
                                            cn_error *err);
CN_NODISCARD cn_code cni_agg_ordered_merge(const cni_agg_call *call, cni_arena *heap, uint8_t *into,
                                           const uint8_t *from, cn_error *err);
/* As the slots of cni_function do. */
CN_NODISCARD cn_code cni_agg_ordered_save(const uint8_t *state, cni_strbuf *out, cn_error *err);
CN_NODISCARD cn_code cni_agg_ordered_load(const cni_agg_call *call, cni_str *inout_bytes,
                                          cni_arena *heap, uint8_t *out_state, cn_error *err);
CN_NODISCARD cn_code cni_agg_ordered_emit(cni_agg_operator *self, const cni_agg_call *call,
                                          const uint8_t *rows, int64_t n, cni_vector *out_vector,
                                          cn_error *err);

/* The code, with the call's name in the error when it is memory that a state has been refused. */
CN_NODISCARD cn_code cni_agg_named(const cni_agg_call *call, cn_code code, cn_error *err);
/* A call of one of the operator's own functions over rows. */
cni_aggregate_call cni_agg_call_of(const cni_agg_operator *self, const cni_agg_call *call,
                                   uint8_t *rows, cni_arena *heap);
/* Room for n_rows in the scratch. */
CN_NODISCARD cn_code cni_agg_local_reserve(cni_agg_operator *self, cni_agg_local *local,
                                           int64_t n_rows, cn_error *err);
/* Flush the table when it has grown too large for the caches, and choose how to go on. */
CN_NODISCARD cn_code cni_agg_make_room(cni_agg_operator *self, cni_agg_local *local, cn_error *err);
/* Column of the chunk as FLAT or CONSTANT, made once per chunk; as it is when it has encoding
 * `unless`. */
CN_NODISCARD cn_code cni_agg_local_flat_unless(cni_agg_operator *self, cni_agg_local *local,
                                               const cni_chunk *chunk, int32_t position,
                                               cni_encoding unless, const cni_vector **out_vector,
                                               cn_error *err);
/* The same for all other encodings. */
CN_NODISCARD cn_code cni_agg_local_flat(cni_agg_operator *self, cni_agg_local *local,
                                        const cni_chunk *chunk, int32_t position,
                                        const cni_vector **out_vector, cn_error *err);

#endif /* CNI_EXEC_AGGREGATE_OPERATOR_INT_H */
