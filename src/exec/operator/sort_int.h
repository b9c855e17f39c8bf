/* SPDX-License-Identifier: Apache-2.0
 *
 * What sort and top-N are made of.
 *
 *   chunk -> batch (keys as records, payload columns as they came)        sort_batch.c
 *         -> run: blocks of records in order, payload in the same order   sort_run.c
 *         -> disk, when there is no room
 *   runs  -> set: cut into ranges of about equal size by keys             sort_set.c
 *   range -> its rows of all runs, sorted once more                       sort_range.c
 *         -> chunks of a source (sort_source.c), or a longer run (sort_merge_runs.c)
 *
 *   record = [ordinal u32] [key bytes]              keys of a fixed width
 *            [ordinal u32] [length u32] [key bytes] others; `key` always points at the key bytes
 *   item   = [key bits][ordinal bits]               a sort whose keys are numbers is packed:
 * records are words (sort_lanes.h), blocks are images of them, in memory too (sort_packed.c,
 *            sort_packed_range.c); top-N and DISTINCT ON always have records
 *
 * The ordinal numbers the morsels of a run: equal keys come in source order, which is the order by
 * (sequence of the morsel, number of the run, place in the run). Runs of a worker are numbered in
 * the order in which they were filled.
 *
 * Outputs that are keys and can be read back from them (integers, dates, times, short decimals) are
 * no payload: they are never stored a second time.
 */
#ifndef CNI_EXEC_SORT_INT_H
#define CNI_EXEC_SORT_INT_H

#include "base/thread.h"
#include "data/column/chunk.h"
#include "data/row/sort_key.h"
#include "exec/operator/read_gate.h"
#include "exec/operator/sort_items.h"
#include "exec/operator/sort_lanes.h"
#include "exec/spill/spill_rows.h"
#include "optimize/physical/physical.h"
#include "plan/table/table.h"
#include "runtime/context.h"

/* Records of more bytes count as varying. */
#define CNI_SORT_RECORD_MAX 1024

/* Where an output column comes from. */
typedef struct cni_sort_output {
    int32_t payload;    /* column of the payload; -1: a key */
    int32_t key;        /* number of that key ... */
    int32_t key_offset; /* ... and where it begins in the record's key, or its lane when packed */
} cni_sort_output;

/* A sort, worked out once. Thread: immutable but for the file and the counters, which are
 * synchronised. */
typedef struct cni_sort_plan {
    const cni_phys_sort *spec;
    cni_context *context;
    cni_budget *budget;       /* the operator's, borrowed */
    cni_allocator *allocator; /* of it */
    int32_t n_workers;
    cni_sort_spec *keys;  /* spec->n_orders */
    int32_t key_bytes;    /* of every key; -1: they vary */
    int32_t header_bytes; /* of a record */
    bool packed;
    cni_sort_lanes lanes;   /* when packed ... */
    cni_sort_layout layout; /* ... the widest so far: under the mutex until all rows have come */
    cni_sort_output *outputs;
    int32_t n_payload;
    int32_t *payload; /* input columns */
    const cni_type **payload_types;
    int64_t batch_rows;          /* a batch is sorted when it has so many rows ... */
    int64_t batch_bytes;         /* ... or takes so much memory, or cni_sort_batch_limit */
    cni_atomic_i64 others_bytes; /* counter: most that the rest of the query was seen to hold */
    int64_t block_bytes;
    int64_t block_rows;   /* when packed */
    int64_t extent_bytes; /* of a run's blocks, written and read together */
    int64_t range_rows;
    cni_mutex mutex;
    cni_spill_file *file; /* made under the mutex */
    bool closing;         /* the file goes, so nothing of it is given back piece by piece */
    cni_read_gate gate;   /* of the runs, when all rows have come */
    cni_atomic_i64 runs;  /* counters */
    cni_atomic_i64 spilled_runs;
    cni_atomic_i64 spilled_bytes;
    cni_atomic_i64 merges;
} cni_sort_plan;

/* Packed if it may be and the keys allow it. */
CN_NODISCARD cn_code cni_sort_plan_init(cni_sort_plan *self, const cni_phys_sort *spec,
                                        cni_context *context, cni_budget *budget, int32_t n_workers,
                                        bool may_pack, cn_error *err);
void cni_sort_plan_done(cni_sort_plan *self); /* accepts zeroed */
/* What a worker's batch may take now: its share, less when others hold most of the memory. */
int64_t cni_sort_batch_limit(cni_sort_plan *self);
/* Whether the sort has taken what the rest of the query needs at times, by what was seen. */
bool cni_sort_is_in_the_way(cni_sort_plan *self);
/* Rows of payload in the file of the sort, which is made by the first who asks. */
CN_NODISCARD cn_code cni_sort_plan_layout(cni_sort_plan *self, cni_spill_layout *out_layout,
                                          cn_error *err);

/* Rows that can matter: of a run, or of a key with first_per_key. INT64_MAX: all. */
static inline int64_t
cni_sort_rows_wanted(const cni_phys_sort *spec)
{
    const int64_t one = spec->first_per_key ? 1 : INT64_MAX;
    const int64_t limit = spec->limit == CNI_NO_LIMIT ? one : spec->limit;
    int64_t end = 0;
    return __builtin_add_overflow(spec->offset, limit, &end) ? INT64_MAX : end;
}

static inline uint32_t
cni_sort_key_ordinal(const cni_sort_plan *plan, const uint8_t *key)
{
    uint32_t ordinal;
    memcpy(&ordinal, key - plan->header_bytes, sizeof(ordinal));
    return ordinal;
}

static inline int64_t
cni_sort_key_length(const cni_sort_plan *plan, const uint8_t *key)
{
    uint32_t n_bytes;
    if (plan->key_bytes >= 0) {
        return plan->key_bytes;
    }
    memcpy(&n_bytes, key - sizeof(n_bytes), sizeof(n_bytes));
    return n_bytes;
}

/* Room for n items in a block of *inout_cap; doubles. */
CN_NODISCARD cn_code cni_sort_grow(cni_allocator *allocator, void *inout_block, int64_t *inout_cap,
                                   int64_t n, int64_t item_bytes, cn_error *err);

/* ---- runs ---- */

/* Consecutive records of a run. */
typedef struct cni_sort_block {
    cni_buffer *records; /* shared with ranges that have read them; NULL: on disk, or packed */
    int64_t n_bytes;     /* of records or items */
    int64_t n_rows;
    int64_t first_row;      /* of the run */
    int64_t first_sequence; /* of that row */
    int64_t key_at;         /* beginning of its key in the run's `firsts` ... */
    int64_t kept_bytes;     /* ... so many of key_bytes */
    int64_t key_bytes;
    int64_t extent;   /* on disk or packed: which of the run's ... */
    int64_t image_at; /* ... and where in it ... */
    int64_t image_bytes;
    int64_t image_key_at; /* ... and in that a first key that is not kept whole */
} cni_sort_block;

/* Blocks that were written with one append: aligned, padded. */
typedef struct cni_sort_extent {
    int64_t offset; /* in the file */
    int64_t n_bytes;
    bool written;  /* packed: also when it is still in memory */
    uint8_t *data; /* packed: in memory, when not NULL; CNI_SORT_WORDS_SLACK bytes are spare */
} cni_sort_extent;

/* A sorted run. Thread: confined, then immutable. */
typedef struct cni_sort_run {
    const cni_sort_plan *plan;
    int32_t number;
    bool resident; /* nothing of it is on disk */
    int64_t n_rows;
    int64_t n_blocks;
    int64_t cap_blocks;
    cni_sort_block *blocks;
    int64_t n_extents;
    int64_t cap_extents;
    cni_sort_extent *extents;
    cni_sort_layout layout; /* packed: of its items ... */
    int32_t ordinal_bits;
    int32_t n_words;
    bool aligned;    /* ... and whether its firsts are keys in the plan's layout already */
    uint8_t *firsts; /* keys that blocks begin with; packed: as big-endian words */
    int64_t n_firsts;
    int64_t cap_firsts;
    int64_t *sequences; /* of ordinals */
    int64_t n_sequences;
    int64_t cap_sequences;
    cni_vector *columns;     /* resident payload in order; NULL without */
    cni_spill_rows rows;     /* on disk */
    int64_t *payload_firsts; /* first row of each of its blocks, and n_rows */
    int64_t n_bytes;         /* of memory */
} cni_sort_run;

CN_NODISCARD cn_code cni_sort_run_new(const cni_sort_plan *plan, cni_sort_run **out_run,
                                      cn_error *err);
void cni_sort_run_free(cni_sort_run *self); /* NULL is accepted */
/* Append n records in order, given by their keys: places `order[i].row` of `keys`. With
 * `ordinals`, the record's ordinal becomes ordinals[i]. */
CN_NODISCARD cn_code cni_sort_run_append(cni_sort_run *self, const uint8_t *const *keys,
                                         const cni_sort_item *order, const uint32_t *ordinals,
                                         int64_t n, cn_error *err);
/* The payload in order: rows order[0..n) of each of the joined columns. */
CN_NODISCARD cn_code cni_sort_run_gather(cni_sort_run *self, int32_t column,
                                         const cni_vector *joined, const uint32_t *order, int64_t n,
                                         cn_error *err);
/* Out to disk; on failure the run is as it was. Resident ones only. */
CN_NODISCARD cn_code cni_sort_run_write(cni_sort_run *self, cni_sort_plan *plan, cn_error *err);
/* The blocks from `first` on, which are in memory; they stay there until they are dropped. */
CN_NODISCARD cn_code cni_sort_run_write_blocks(cni_sort_run *self, cni_spill_file *file,
                                               int64_t first, cn_error *err);
/* Memory of n_bytes for whole extents: aligned for the store. */
CN_NODISCARD cn_code cni_sort_extent_alloc(cni_allocator *allocator, int64_t n_bytes,
                                           uint8_t **out_data, cn_error *err);
void cni_sort_extent_dealloc(cni_allocator *allocator, uint8_t *data, int64_t n_bytes);

/* ---- blocks on disk ---- */

/* Bytes that packing may touch. */
int64_t cni_sort_pack_bound(const cni_sort_plan *plan, const cni_sort_block *block);
/* The records' image; gives its bytes. */
int64_t cni_sort_pack(const cni_sort_plan *plan, const cni_sort_block *block, uint8_t *out);
/* Where the first key lies, whole, in an image of varying records. */
int64_t cni_sort_packed_key(const uint8_t *image);
/* The other way: n_bytes of records; 8 bytes behind the image are readable, 8 behind the records
 * writable. Errors: CN_INVALID_DATA. */
CN_NODISCARD cn_code cni_sort_unpack(const cni_sort_plan *plan, const cni_sort_block *block,
                                     const uint8_t *image, uint8_t *out_records, cn_error *err);
void cni_sort_run_drop_blocks(cni_sort_run *self, int64_t first);
/* Take the writer's rows as the run's payload. */
CN_NODISCARD cn_code cni_sort_run_take_payload(cni_sort_run *self, cni_spill_writer *writer,
                                               cn_error *err);

/* ---- packed runs ---- */

static inline cni_sort_form
cni_sort_run_form(const cni_sort_run *self)
{
    return (cni_sort_form){&self->layout, self->ordinal_bits, self->n_words};
}

/* Append n items in order, in the run's form. */
CN_NODISCARD cn_code cni_sort_packed_append(cni_sort_run *self, const uint64_t *items, int64_t n,
                                            cn_error *err);
/* Extents from `first` on to disk; they stay in memory until they are dropped. On failure none is
 * there. */
CN_NODISCARD cn_code cni_sort_packed_write(cni_sort_run *self, cni_spill_file *file, int64_t first,
                                           cn_error *err);
void cni_sort_packed_unwrite(cni_sort_run *self, int64_t first);
void cni_sort_packed_drop(cni_sort_run *self, int64_t first);
/* The keys that blocks begin with in the plan's layout, which is final. */
CN_NODISCARD cn_code cni_sort_packed_align(cni_sort_run *self, cn_error *err);

/* Runs in one list. Zero bytes = empty. */
typedef struct cni_sort_runs {
    cni_sort_run **items;
    int64_t n_items;
    int64_t cap_items;
} cni_sort_runs;

CN_NODISCARD cn_code cni_sort_runs_add(cni_sort_runs *self, cni_allocator *allocator,
                                       cni_sort_run *run, cn_error *err);
void cni_sort_runs_done(cni_sort_runs *self, cni_allocator *allocator); /* frees the runs too */

/* ---- collecting ---- */

typedef struct cni_sort_page {
    uint8_t *data;
    int64_t n_bytes;
} cni_sort_page;

/* Rows that are not sorted yet. Thread: confined. */
typedef struct cni_sort_batch {
    int64_t n_rows;  /* that came */
    int64_t n_items; /* rows less those that were dropped */
    int64_t cap_keys;
    const uint8_t **keys; /* of every row */
    int64_t cap_items;
    cni_sort_item *items;
    int64_t n_pages; /* chunks: their records ... */
    int64_t cap_pages;
    cni_sort_page *pages;
    int64_t cap_pieces; /* ... and payload */
    cni_chunk *pieces;
    int64_t *sequences; /* of ordinals */
    int64_t n_sequences;
    int64_t cap_sequences;
    bool unordered;   /* sequences do not ascend */
    int64_t n_bytes;  /* of memory, about */
    int64_t *lengths; /* work space */
    int64_t cap_lengths;
} cni_sort_batch;

/* The same when packed: items have the number of their row in the low 32 bits if there is payload.
 * Thread: confined. */
typedef struct cni_sort_packer {
    cni_sort_layout layout;
    int32_t n_words;
    int64_t n_rows;
    int64_t n_chunks;
    int64_t cap_words;
    uint64_t *items;
    int64_t cap_scratch;
    uint64_t *scratch;      /* for sorting */
    cni_sort_values values; /* of a chunk */
    int64_t n_pieces;       /* payload of chunks, and their sequences */
    int64_t cap_pieces;
    cni_chunk *pieces;
    int64_t cap_sequences;
    int64_t *sequences;
    bool unordered;
    int64_t payload_bytes; /* about */
} cni_sort_packer;

/* Of one worker. Thread: confined. */
typedef struct cni_sort_local {
    cni_sort_plan *plan;
    cni_sort_batch batch;
    cni_sort_packer packer;
    cni_sort_runs runs;
    int64_t resident_bytes; /* of runs */
} cni_sort_local;

CN_NODISCARD cn_code cni_sort_local_new(cni_sort_plan *plan, cni_sort_local **out_local,
                                        cn_error *err);
void cni_sort_local_free(cni_sort_local *self); /* NULL is accepted */
/* Take the rows of `chunk` (the sort's input columns; payload vectors are moved out). */
CN_NODISCARD cn_code cni_sort_local_add(cni_sort_local *self, cni_chunk *chunk, cn_error *err);
/* Sort the batch into a run, which gets no more rows than n_most. */
CN_NODISCARD cn_code cni_sort_local_close(cni_sort_local *self, int64_t n_most, cn_error *err);
/* Write out what is worth it when there is no room. */
CN_NODISCARD cn_code cni_sort_local_relieve(cni_sort_local *self, cn_error *err);
/* Write out resident runs, the first ones first, until they have no more than n_keep bytes. */
CN_NODISCARD cn_code cni_sort_local_spill(cni_sort_local *self, int64_t n_keep, cn_error *err);
/* A run is a copy of its batch of n_bytes: if there is no room for both, earlier runs go first. All
 * workers may be about to copy theirs. */
CN_NODISCARD cn_code cni_sort_local_make_way(cni_sort_local *self, int64_t n_bytes, cn_error *err);

CN_NODISCARD cn_code cni_sort_packed_add(cni_sort_local *self, cni_chunk *chunk, cn_error *err);
CN_NODISCARD cn_code cni_sort_packed_close(cni_sort_local *self, cn_error *err);
bool cni_sort_packed_is_full(const cni_sort_local *self, int64_t n_more);
/* Memory of the rows, with what sorting them takes. */
int64_t cni_sort_packed_bytes(const cni_sort_local *self);
void cni_sort_packer_done(cni_sort_packer *self, const cni_sort_plan *plan);
/* Of either kind. */
void cni_sort_local_drop_batch(cni_sort_local *self);

/* Payload of a chunk as it came: its vectors move into the piece. */
CN_NODISCARD cn_code cni_sort_piece_take(const cni_sort_plan *plan, cni_chunk *chunk,
                                         cni_chunk *piece, cn_error *err);
/* What it will take in a run, about. */
int64_t cni_sort_piece_bytes(const cni_sort_plan *plan, const cni_chunk *piece);
/* The run's payload: rows order[0..n) of the joined pieces, which let go of theirs. */
CN_NODISCARD cn_code cni_sort_pieces_gather(cni_chunk *pieces, int64_t n_pieces, cni_sort_run *run,
                                            const uint32_t *order, int64_t n, cn_error *err);

CN_NODISCARD cn_code cni_sort_batch_add(cni_sort_batch *self, const cni_sort_plan *plan,
                                        cni_chunk *chunk, cn_error *err);
/* Of the items that were added last keep those whose key comes before `key`. */
void cni_sort_batch_drop_behind(cni_sort_batch *self, const cni_sort_plan *plan, int64_t n_last,
                                cni_str key);
void cni_sort_batch_done(cni_sort_batch *self, const cni_sort_plan *plan);

/* ---- sets and ranges ---- */

/* A row that ranges are cut at: the first of a block. */
typedef struct cni_sort_place {
    int32_t run;
    int64_t block;
} cni_sort_place;

/* An extent in memory. */
typedef struct cni_sort_held {
    cni_atomic_i64 n_refs;
    cni_allocator *allocator;
    int64_t extent;
    int64_t n_bytes;
    uint8_t *data;
} cni_sort_held;

/* The extents of each run that were read last: neighbouring ranges share them. Thread:
 * synchronised. */
#define CNI_SORT_HELD 2
typedef struct cni_sort_cache {
    cni_mutex mutex;
    int64_t n_runs;
    cni_sort_held **slots; /* CNI_SORT_HELD per run; under the mutex */
} cni_sort_cache;

/* Runs as one sorted whole. Thread: immutable; runs may be written out while nobody reads. */
typedef struct cni_sort_set {
    cni_sort_plan *plan;
    cni_sort_runs *runs; /* borrowed */
    int64_t first_run;   /* of `runs` */
    int64_t n_runs;
    int64_t n_rows;
    int64_t n_cuts; /* ranges less one; -1: no rows */
    cni_sort_place *cuts;
    int64_t cap_cuts;
    cni_sort_cache *cache;
    /* packed, with payload: the sequences of all runs, each once, and ranks[rank_ats[run] + o] =
     * which of them is the one of the run's ordinal o */
    int64_t n_sequences;
    int64_t *sequences;
    int64_t cap_sequences;
    uint32_t *ranks;
    int64_t *rank_ats; /* n_runs + 1 */
} cni_sort_set;

/* Cut runs [first_run, first_run + n_runs) into ranges of about range_rows. */
CN_NODISCARD cn_code cni_sort_set_init(cni_sort_set *self, cni_sort_plan *plan, cni_sort_runs *runs,
                                       int64_t first_run, int64_t n_runs, int64_t range_rows,
                                       cn_error *err);
void cni_sort_set_done(cni_sort_set *self); /* accepts zeroed */

static inline int64_t
cni_sort_set_ranges(const cni_sort_set *self)
{
    return self->n_cuts + 1;
}

static inline cni_sort_run *
cni_sort_set_run(const cni_sort_set *self, int64_t run)
{
    return self->runs->items[self->first_run + run];
}

/* A key and who holds it. */
typedef struct cni_sort_cut_key {
    const cni_sort_set *set;
    cni_str key;
    int64_t sequence;
    int64_t run;
    int64_t row; /* of the run */
    uint8_t *owned;
} cni_sort_cut_key;

/* The sequences of all its runs, ascending, each once, in the list that grows; n_sequences of them.
 */
CN_NODISCARD cn_code cni_sort_set_sequences(const cni_sort_set *self, int64_t **inout_sequences,
                                            int64_t *inout_cap_sequences, int64_t *out_n_sequences,
                                            cn_error *err);
/* Where `sequence` is among n_sequences > 0 ascending ones; it is there. */
uint32_t cni_sort_sequence_rank(const int64_t *sequences, int64_t n_sequences, int64_t sequence);

/* The whole key of the first row of a block; released with ..._key_done. */
CN_NODISCARD cn_code cni_sort_set_key(const cni_sort_set *self, cni_sort_place place,
                                      cni_sort_cut_key *out_key, cn_error *err);
void cni_sort_cut_key_done(cni_sort_cut_key *self); /* accepts zeroed */
static inline void
cni_sort_cut_key_cleanup_(cni_sort_cut_key *inout_value)
{
    cni_sort_cut_key_done(inout_value);
}
/* Blocks of `run` whose first row comes before `at`, or is it when `through`. */
CN_NODISCARD cn_code cni_sort_set_count_blocks(const cni_sort_set *self, int64_t run,
                                               const cni_sort_cut_key *at, bool through,
                                               int64_t *out_n, cn_error *err);
/* An extent of a run, shared; given back with ..._held_unref. */
CN_NODISCARD cn_code cni_sort_set_hold(const cni_sort_set *self, int64_t run, int64_t extent,
                                       cni_sort_held **out_held, cn_error *err);
void cni_sort_held_unref(cni_sort_held *self); /* NULL is accepted */
typedef cni_sort_held *cni_sort_held_p;
CN_DEFINE_SCOPED(cni_sort_held_p, cni_sort_held_unref)
/* Order of a row and a cut; rows of equal keys are not told apart with first_per_key. */
int cni_sort_compare_row(const cni_sort_run *run, int64_t run_number, int64_t row,
                         const uint8_t *key, const cni_sort_cut_key *at);
/* The same among equal keys: a row by where it comes from, and a cut. */
int cni_sort_compare_sources(const cni_sort_set *self, int64_t sequence_a, int64_t run_a,
                             int64_t row_a, const cni_sort_cut_key *b);

/* The rows of a run that a range takes. */
typedef struct cni_sort_slice {
    int64_t first_block; /* blocks [first_block, end_block) hold them */
    int64_t end_block;
    int64_t first_row; /* of the run */
    int64_t end_row;
    int64_t first_key; /* where their keys begin in the range's */
} cni_sort_slice;

/* One range at a time of a set. Thread: confined. */
typedef struct cni_sort_range {
    const cni_sort_set *set;
    int64_t n_passed;
    int64_t n_rows;
    int64_t first_place; /* rows of the set before it */
    int64_t n_keys;
    int64_t cap_keys;
    const uint8_t **keys;
    int64_t cap_items;
    cni_sort_item *items;   /* in order when the range has been read */
    cni_sort_slice *slices; /* per run */
    int64_t cap_slices;
    cni_buffer **pages; /* records of the blocks that were read */
    int64_t n_pages;
    int64_t cap_pages;
    cni_vector *columns; /* payload of all slices, joined: row items[i].row */
    /* packed: n_keys items of n_words, low bits [rank of the sequence][row u32] with payload */
    int32_t low_bits;
    int32_t n_words;
    uint64_t *words;
    int64_t cap_words;
    uint64_t *block_words; /* of the block that is read */
    int64_t cap_block_words;
    uint64_t *ordinals; /* of its rows */
    int64_t cap_ordinals;
} cni_sort_range;

static inline cni_sort_form
cni_sort_range_form(const cni_sort_range *self)
{
    return (cni_sort_form){&self->set->plan->layout, self->low_bits, self->n_words};
}

/* Number of the payload's row of place `at`, when the range has been read. */
static inline uint32_t
cni_sort_range_row(const cni_sort_range *self, int64_t at)
{
    return self->set->plan->packed ? (uint32_t)self->words[(at + 1) * self->n_words - 1]
                                   : self->items[at].row;
}

/* n_passed: with first_per_key, rows of each key that are not given. */
void cni_sort_range_init(cni_sort_range *self, const cni_sort_set *set, int64_t n_passed);
void cni_sort_range_done(cni_sort_range *self); /* accepts zeroed */
static inline void
cni_sort_range_cleanup_(cni_sort_range *inout_value)
{
    cni_sort_range_done(inout_value);
}
/* Read range `range`. With a window of places [begin, end) a range outside of it may come empty. */
CN_NODISCARD cn_code cni_sort_range_read(cni_sort_range *self, int64_t range, int64_t begin,
                                         int64_t end, cn_error *err);
/* The parts of it for packed runs: the rows of a run that lie between the cuts, NULL = no cut;
 * their order. */
CN_NODISCARD cn_code cni_sort_packed_read_slice(cni_sort_range *self, int64_t run_number,
                                                const cni_sort_cut_key *low,
                                                const cni_sort_cut_key *high, cn_error *err);
CN_NODISCARD cn_code cni_sort_packed_sort(cni_sort_range *self, cn_error *err);
/* The set's sequences and ranks. */
CN_NODISCARD cn_code cni_sort_packed_rank(cni_sort_set *self, cn_error *err);
/* Sequence of the morsel that a key of the range came with: for `sequence_of`. */
int64_t cni_sort_range_sequence(const void *range, uint32_t row);

/* Runs [first, first + n) of the list as one run on disk, by ranges of about range_rows; they are
 * not changed. */
CN_NODISCARD cn_code cni_sort_merge_to_disk(cni_sort_plan *plan, cni_sort_runs *runs, int64_t first,
                                            int64_t n, int64_t range_rows, cni_sort_run **out_run,
                                            cn_error *err);
/* The n_most first rows of all runs, which are resident, as one. */
CN_NODISCARD cn_code cni_sort_merge_resident(cni_sort_plan *plan, cni_sort_runs *runs,
                                             int64_t n_most, cni_sort_run **out_run, cn_error *err);

/* ---- what sort and top-N do when all rows have come ---- */

/* Thread: collect is synchronised, the rest as operators' slots are. */
typedef struct cni_sort_finish {
    cni_sort_plan *plan;
    cni_mutex mutex;
    cni_sort_runs runs; /* under the mutex until the tasks are counted */
    int64_t resident_bytes;
    cni_sort_runs merged;        /* one per group, when there are too many runs */
    int64_t fan_in;              /* runs that can be read at once ... */
    int64_t merge_fan_in;        /* ... by a task that merges */
    int64_t range_rows;          /* of a range that fits */
    cni_atomic_i64 n_tasks_left; /* refcount: the last one out makes the set */
    cn_error error;              /* of counting the tasks; the first task reports it */
    cni_sort_set set;
} cni_sort_finish;

void cni_sort_finish_init(cni_sort_finish *self, cni_sort_plan *plan);
void cni_sort_finish_done(cni_sort_finish *self); /* accepts zeroed */
/* Take the worker's runs; on disk if they are more than may be kept. Its batch is empty. */
CN_NODISCARD cn_code cni_sort_finish_collect(cni_sort_finish *self, cni_sort_local *local,
                                             cn_error *err);
/* Tasks that make the set, to be worked off side by side, each once. */
int32_t cni_sort_finish_tasks(cni_sort_finish *self);
CN_NODISCARD cn_code cni_sort_finish_work(cni_sort_finish *self, int32_t task, int32_t n_tasks,
                                          cn_error *err);
/* The set is there: others may ask for the memory of its runs from now on. */
void cni_sort_finish_arm(cni_sort_finish *self);
void cni_sort_finish_disarm(cni_sort_finish *self);
/* Write resident runs out until n_bytes are free; gives what was freed, CNI_RECLAIM_BUSY while
 * somebody reads a range. Ranges that have been read, and chunks of them, stay. Thread:
 * synchronised. */
int64_t cni_sort_finish_reclaim(cni_sort_finish *self, int64_t n_bytes);

/* Places [first, end) of the set's order as a scan; the set is borrowed. */
CN_NODISCARD cn_code cni_sort_source_new(const cni_sort_set *set, int64_t first, int64_t end,
                                         cni_scan **out_scan, cn_error *err);

#endif /* CNI_EXEC_SORT_INT_H */
