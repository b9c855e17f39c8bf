/* SPDX-License-Identifier: Apache-2.0
 *
 * Key filters: what a finished join build tells the scans of its other side about the keys that can
 * match. A filter is filled over ALL build rows, sealed once, and read-only from then on; before
 * the seal it lets everything pass. Advisory: the join checks again.
 *
 *   observe (per worker) --merge--> prepare (kind is chosen) --insert (parallel)--> seal
 *
 * NULL keys never pass a sealed filter. By the type of the key:
 *
 *   integers up to 64 bits (not UINT64), dates, times, DECIMAL up to 18 digits: bounds, and up to
 *   64 values exactly; else a bitmap over [low, high] where that is small, or small beside the
 *   rows; else a blocked bloom with a coarse map of [low, high], which row groups and pages are
 *   pruned by
 *   floats, strings: bounds and a bloom. Others: a bloom.
 */
#ifndef CNI_PLAN_KEY_FILTER_H
#define CNI_PLAN_KEY_FILTER_H

#include "data/column/vector.h"
#include "plan/stats/stats.h"

#define CNI_KEY_FILTER_LIST_MAX 64

typedef enum cni_key_filter_kind {
    CNI_KEY_FILTER_PASS, /* everything passes: not sealed, or found useless */
    CNI_KEY_FILTER_NONE, /* the build is empty: nothing passes */
    CNI_KEY_FILTER_RANGE,
    CNI_KEY_FILTER_LIST,
    CNI_KEY_FILTER_BITMAP,
    CNI_KEY_FILTER_BLOOM
} cni_key_filter_kind;

typedef struct cni_key_filter cni_key_filter;
typedef cni_key_filter *cni_key_filter_p;

/* What one worker saw of a key. Zero bytes and `type` = nothing yet; owns a few texts. */
typedef struct cni_key_observation {
    cni_allocator *allocator; /* borrowed */
    const cni_type *type;     /* borrowed */
    int64_t n_rows;           /* not NULL */
    bool has_bounds;
    int64_t low_i64, high_i64;
    double low_f64, high_f64; /* NaN is never within and not counted; has_nan says it was there */
    bool has_nan;
    char *low_text, *high_text;
    int64_t low_text_bytes, high_text_bytes;
} cni_key_observation;

void cni_key_observation_init(cni_key_observation *self, cni_allocator *allocator,
                              const cni_type *type);
void cni_key_observation_done(cni_key_observation *self);
/* Rows of a vector of any encoding. */
CN_NODISCARD cn_code cni_key_observe(cni_key_observation *self, const cni_vector *keys,
                                     cn_error *err);
CN_NODISCARD cn_code cni_key_observation_merge(cni_key_observation *self,
                                               const cni_key_observation *other, cn_error *err);

/* Refcounted; made when an execution starts. Counted against `allocator`'s budget; when the budget
 * refuses what a kind needs, a smaller kind is taken. */
CN_NODISCARD cn_code cni_key_filter_new(cni_allocator *allocator, const cni_type *type,
                                        cni_key_filter **out_filter, cn_error *err);
cni_key_filter *cni_key_filter_ref(cni_key_filter *self);
void cni_key_filter_unref(cni_key_filter *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_key_filter_p, cni_key_filter_unref)

/* Choose the kind from what was observed over all rows. */
CN_NODISCARD cn_code cni_key_filter_prepare(cni_key_filter *self, const cni_key_observation *all,
                                            cn_error *err);
/* The same where keys will not be inserted, because nobody reads all of them again: bounds only. */
CN_NODISCARD cn_code cni_key_filter_prepare_bounds(cni_key_filter *self,
                                                   const cni_key_observation *all, cn_error *err);
/* Add keys. Thread: any number at once, between prepare and seal. */
CN_NODISCARD cn_code cni_key_filter_insert(cni_key_filter *self, const cni_vector *keys,
                                           cn_error *err);
/* Publish. Nothing may be inserted any more. */
void cni_key_filter_seal(cni_key_filter *self);

cni_key_filter_kind cni_key_filter_kind_of(const cni_key_filter *self); /* PASS before the seal */
/* Whether rows whose keys lie within the statistics may pass (row groups, pages). */
cni_verdict cni_key_filter_prune(const cni_key_filter *self, const cni_column_stats *stats,
                                 int64_t n_rows);
/* The keys of a sealed LIST, ascending, as they are in cni_value.as.i64; 0 of other kinds. */
int32_t cni_key_filter_list(const cni_key_filter *self, const int64_t **out_keys);
/* Whether looking rows up may remove some: false for PASS and for a filter found useless. */
bool cni_key_filter_is_active(const cni_key_filter *self);
/* Guess of the share of rows that pass, in [0, 1], for a column of such statistics. */
double cni_key_filter_share(const cni_key_filter *self, const cni_column_stats *stats);

/* What one reader keeps between calls: the answers for the entries of the dictionary it saw last.
 * Zero bytes = nothing yet. Of one filter. Thread: confined. */
typedef struct cni_key_memo {
    uint64_t identity;   /* of the dictionary */
    int64_t n_rows_seen; /* with it */
    bool is_made;
    cni_buffer *passes; /* a byte per entry: 1 = may match */
} cni_key_memo;
void cni_key_memo_done(cni_key_memo *self);

/* Clear the bit of every row of `keys` (any encoding; of DICTIONARY each entry is looked up once)
 * that cannot match; bits that are clear already are not looked at. inout_bits: n_rows bits in
 * whole words. Gives how many remain. */
CN_NODISCARD cn_code cni_key_filter_select(cni_key_filter *self, const cni_vector *keys,
                                           uint64_t *inout_bits, int64_t *out_n_left,
                                           cn_error *err);
/* The same with a memo, so that a dictionary is looked up once for all its vectors. */
CN_NODISCARD cn_code cni_key_filter_select_memo(cni_key_filter *self, cni_key_memo *inout_memo,
                                                const cni_vector *keys, uint64_t *inout_bits,
                                                int64_t *out_n_left, cn_error *err);
/* Readers count what it did; a filter that keeps more than 80 % of 64 Ki rows turns to PASS for
 * rows (bounds go on pruning). Thread: counters. */
void cni_key_filter_count(cni_key_filter *self, int64_t n_rows_in, int64_t n_rows_left);
int64_t cni_key_filter_rows_in(const cni_key_filter *self);
int64_t cni_key_filter_rows_left(const cni_key_filter *self);

/* For a scan: the filter over one of its table's columns. */
typedef struct cni_scan_key_filter {
    int32_t table_column;
    cni_key_filter *filter; /* borrowed; outlives the scan */
} cni_scan_key_filter;

#endif /* CNI_PLAN_KEY_FILTER_H */
