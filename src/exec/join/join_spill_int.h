/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins whose build does not fit.
 *
 *   hash of the keys --> 64 partitions; those in `mask` lie on disk, the others stay
 *
 *   build    piece --> rows of the mask to the worker's writer, the rest narrowed     join_spill.c
 *   finalize a table over what stays
 *   probe    rows of the mask that the bloom lets pass to the worker's writer, the
 *            others looked up as ever                                        join_spill_probe.c
 *   behind   a morsel per partition on disk: new instances of both operators
 *            over its build rows and its probe rows                              join_part.c
 *
 * The mask only grows, the partitions with the highest numbers first; each worker catches up with
 * it at its next chunk, the last ones before finalize. What is on disk has the columns of a join of
 * its own (`join`): of the build those that are kept, then keys that are not among them; of the
 * probe those that anything asks for.
 *
 * A join that has no keys, or that compares rows with NULL keys one by one, is not divided
 * (`lone`): all rows of both sides go to one list, and passes are made (join_part.c): build rows as
 * many as fit, all probe rows, the next build rows ... So does a partition that would not get
 * smaller.
 */
#ifndef CNI_EXEC_JOIN_SPILL_INT_H
#define CNI_EXEC_JOIN_SPILL_INT_H

#include "exec/join/join_int.h"
#include "exec/spill/spill_rows.h"
#include "runtime/pressure.h"

#define CNI_JOIN_TEST_LEVELS 2 /* that are divided under test_spill */

/* What a probing worker wrote. */
typedef struct cni_join_written {
    struct cni_join_written *next;
    cni_spill_rows rows[CNI_SPILL_PARTITIONS];
} cni_join_written;

/* Thread: the mask and counters are atomic; the lists belong to whoever finalizes, then to the scan
 * behind the probe, there each to one worker; the rest is immutable. */
typedef struct cni_join_spill {
    cni_allocator *allocator;
    cni_arena *arena; /* arrays below */
    cni_spill_file *file;
    bool owns_file;
    bool lone;
    int32_t n_partitions;
    int32_t level;
    cni_atomic_i64 mask; /* bits: partitions on disk */
    cni_phys_join join;  /* over what is on disk */
    cni_phys_op spec;
    int32_t n_build;
    int32_t *build_from; /* vectors of a piece */
    const cni_type **build_types;
    int32_t n_probe;
    int32_t *probe_from; /* columns of a probe chunk */
    const cni_type **probe_types;
    cni_spill_layout build_layout;
    cni_spill_layout probe_layout;
    cni_spill_rows build_rows[CNI_SPILL_PARTITIONS];
    cni_spill_rows probe_rows[CNI_SPILL_PARTITIONS];
    cni_mutex mutex;
    cni_join_written *written; /* under the mutex */
    cni_atomic_i64 *bloom;     /* hashes of build rows on disk; NULL = none */
    int64_t n_bloom_words;
    cni_atomic_i64 bloom_off; /* flag: it does not pay */
    cni_atomic_i64 n_asked;   /* counters: probe rows of partitions on disk */
    cni_atomic_i64 n_passed;  /* those that the bloom let pass */
} cni_join_spill;

static inline cni_join_spill *
cni_join_spill_of(const cni_join_build *build)
{
    return atomic_load_explicit(&build->spill, memory_order_acquire);
}

static inline uint64_t
cni_join_spill_mask(const cni_join_build *build)
{
    const cni_join_spill *spill = cni_join_spill_of(build);
    return spill == NULL ? 0 : (uint64_t)cni_flag_consume(&spill->mask);
}

/* ---- join_spill.c ---- */

void cni_join_spill_free(cni_join_spill *self); /* NULL is accepted */
/* All workers have combined (build->all): what has to go is written, the lists are put together. */
CN_NODISCARD cn_code cni_join_spill_settle(cni_join_build *build, cn_error *err);
/* Whether probe rows without a match give nothing. */
bool cni_join_drops_unmatched(const cni_phys_join *join);

static inline uint64_t
cni_join_bloom_bits(uint64_t hash)
{
    return UINT64_C(1) << (hash >> 32 & 63) | UINT64_C(1) << (hash >> 38 & 63) |
           UINT64_C(1) << (hash >> 44 & 63) | UINT64_C(1) << (hash >> 50 & 63);
}

static inline uint64_t
cni_join_bloom_word(uint64_t hash, int64_t n_words)
{
    return ((hash & UINT32_MAX) * (uint64_t)n_words) >> 32;
}

/* ---- join_spill_columns.c ---- */

/* The join over what is on disk, and the layouts. */
CN_NODISCARD cn_code cni_join_spill_place(cni_join_spill *self, const cni_join_build *build,
                                          cn_error *err);
/* Bytes that the rows take, about. */
int64_t cni_join_vector_bytes(const cni_vector *vector);

/* ---- join_part.c ---- */

/* One partition at work. Thread: confined. */
typedef struct cni_join_part cni_join_part;

/* `build` has been probed by everybody; the partition's lists are taken. */
CN_NODISCARD cn_code cni_join_part_new(cni_join_build *build, int32_t partition,
                                       cni_join_part **out_part, cn_error *err);
void cni_join_part_free(cni_join_part *self); /* NULL is accepted */
/* Some work: rows into the initialised chunk, maybe none yet; *out_over: there will be no more. */
CN_NODISCARD cn_code cni_join_part_next(cni_join_part *self, cni_chunk *inout_chunk, bool *out_over,
                                        cn_error *err);

/* ---- join_unmatched.c ---- */

/* The kind gives build rows from behind the probe. */
bool cni_join_gives_build_rows(const cni_phys_join *join);
/* Rows of the build in memory that nothing (or something) matched. */
CN_NODISCARD cn_code cni_join_unmatched_scan_new(cni_join_build *build, const cni_phys_join *join,
                                                 cni_context *context, cni_scan **out_scan,
                                                 cn_error *err);

#endif /* CNI_EXEC_JOIN_SPILL_INT_H */
