/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors: the columns that flow through pipelines.
 *
 *   FLAT        data[row]                              (BIT: bit data_off_bits + row)
 *   CONSTANT    data[0] for every row; one validity bit: row 0
 *   DICTIONARY  codes[row] indexes dictionary->values  (u8, u16 or u32; `data` are the codes)
 *   RUN_END     row r is run k, the first with run_ends[k] > run_base + r; value k of nested child
 * 0 (any encoding but RUN_END); a slice moves run_base only, so leading runs may be unused SEQUENCE
 * sequence_start + row * sequence_step   (I32 or I64, never null)
 *
 * `data` already points at row 0 (slices move the pointer); bitmaps keep an offset, and nested
 * types without data of their own keep nested_offset: use cni_vector_child to see their children.
 * validity.data NULL = no row is null, tested once per vector. For DICTIONARY, a row is also null
 * when its dictionary value is; for RUN_END, nulls are in the values. STRUCT, LIST, ARRAY, UNION
 * values (FLAT or CONSTANT) keep children of any encoding in `nested`. Values under null rows are
 * arbitrary but readable (views: any bytes; never followed). Dictionary codes are in range in null
 * rows too. Vectors of the NULL type have an all-zero validity bitmap.
 *
 * A vector is a small struct held by value. It owns references (buffers, heap, dictionary, nested)
 * that cni_vector_done gives back. Shared content is immutable. Thread: confined; content shared
 * freely.
 */
#ifndef CNI_DATA_VECTOR_H
#define CNI_DATA_VECTOR_H

#include "base/bitmap.h"
#include "base/int128.h"
#include "data/column/buffer.h"
#include "data/column/type.h"
#include "data/column/view.h"

struct cni_context;

typedef enum cni_encoding {
    CNI_FLAT = 0,
    CNI_CONSTANT,
    CNI_DICTIONARY,
    CNI_RUN_END,
    CNI_SEQUENCE
} cni_encoding;

/* Range of the non-null values, PROVED by the engine (never a file's claim): integers, dates,
 * decimals (unscaled), times that fit 64 bits. For CONSTANT and FLAT of integer layouts. */
typedef struct cni_bounds {
    bool known;
    int64_t low;
    int64_t high;
} cni_bounds;

typedef struct cni_dictionary cni_dictionary;
typedef struct cni_nested cni_nested;

typedef struct cni_vector {
    const cni_type *type; /* borrowed: lives as long as the plan or catalog entry */
    uint8_t encoding;     /* cni_encoding */
    uint8_t phys;         /* cni_phys of the values */
    uint8_t code_bytes;   /* DICTIONARY: 1, 2 or 4 */
    int64_t n_rows;
    const void *data;      /* values; codes of DICTIONARY; NULL where the layout has none */
    int64_t data_off_bits; /* BIT only */
    cni_bits validity;
    cni_bounds bounds;
    cni_dictionary *dictionary; /* DICTIONARY: referenced */
    const int32_t *run_ends;    /* RUN_END: ends in rows of the unsliced vector, ascending */
    int64_t n_runs;             /* RUN_END: items of run_ends */
    int64_t run_base;           /* RUN_END: position of row 0 in run_ends' numbering */
    int64_t sequence_start;     /* SEQUENCE */
    int64_t sequence_step;
    const int32_t *union_offsets; /* dense UNION: row -> row of the child */
    int64_t nested_offset;  /* FLAT STRUCT, ARRAY, sparse UNION: row 0 is this row of the children
                               (ARRAY: item nested_offset * width); else 0 */
    cni_nested *nested;     /* children of nested types, values of RUN_END: referenced */
    cni_buffer *owner_data; /* references that keep data, validity, the rest alive; may be NULL */
    cni_buffer *owner_validity;
    cni_buffer *owner_aux; /* run ends, union offsets */
    cni_heap *heap;        /* of views: referenced, may be NULL */
} cni_vector;

/* Shared, immutable. unique: no two entries are equal (then code = value); sorted: ascending. Both
 * are established by the engine. identity: the same number = the same dictionary object; results
 * per entry may be cached under it within a query. */
struct cni_dictionary {
    cni_atomic_i64 n_refs;
    cni_allocator *allocator; /* referenced */
    uint64_t identity;        /* process-unique */
    bool unique;
    bool sorted;
    cni_vector values; /* FLAT */
};
typedef cni_dictionary *cni_dictionary_p;

struct cni_nested {
    cni_atomic_i64 n_refs;
    cni_allocator *allocator; /* referenced */
    int32_t n_children;
    cni_vector children[];
};

/* Take over `own_values` (FLAT; moved, left zeroed). */
CN_NODISCARD cn_code cni_dictionary_new(cni_allocator *allocator, cni_vector *own_values,
                                        bool unique, bool sorted, cni_dictionary **out_dictionary,
                                        cn_error *err);
cni_dictionary *cni_dictionary_ref(cni_dictionary *self);
void cni_dictionary_unref(cni_dictionary *self);
CN_DEFINE_SCOPED(cni_dictionary_p, cni_dictionary_unref)

/* Nested object with zeroed children to be filled before it is shared. */
CN_NODISCARD cn_code cni_nested_new(cni_allocator *allocator, int32_t n_children,
                                    cni_nested **out_nested, cn_error *err);
cni_nested *cni_nested_ref(cni_nested *self);
void cni_nested_unref(cni_nested *self);
typedef cni_nested *cni_nested_p;
CN_DEFINE_SCOPED(cni_nested_p, cni_nested_unref)

void cni_vector_done(cni_vector *self); /* zeroes; accepts zeroed */
/* CN_SCOPED(cni_vector) v = {0}; is released on every way out. */
static inline void
cni_vector_cleanup_(cni_vector *inout_value)
{
    cni_vector_done(inout_value);
}
void cni_vector_copy(cni_vector *out, const cni_vector *self); /* shares content; `out` is raw */
void cni_vector_move(cni_vector *out, cni_vector *self);       /* self is zeroed */
/* Rows [offset, offset + n_rows) sharing content; `out` is raw and may not be self. Bounds stay. */
void cni_vector_slice(cni_vector *out, const cni_vector *self, int64_t offset, int64_t n_rows);

/* Child `child` as the rows of self see it; `out` is raw and shares content. FLAT STRUCT and sparse
 * UNION: row r is row r of `out`; ARRAY: items [r * width, (r + 1) * width); CONSTANT: the same
 * with r = 0 only. LIST, MAP, dense UNION: the whole child, which entries and offsets point into.
 */
void cni_vector_child(cni_vector *out, const cni_vector *self, int32_t child);

/* FLAT vector of n_rows with a fresh data buffer (values uninitialised) and, when `with_validity`,
 * a fresh validity bitmap of all ones. Not for nested types. */
CN_NODISCARD cn_code cni_vector_new_flat(cni_allocator *allocator, const cni_type *type,
                                         cni_phys phys, int64_t n_rows, bool with_validity,
                                         cni_vector *out_vector, cn_error *err);
/* The same into *inout: buffers that it alone holds and that are large enough are used again. On
 * failure *inout is empty. */
CN_NODISCARD cn_code cni_vector_reuse_flat(cni_allocator *allocator, const cni_type *type,
                                           cni_phys phys, int64_t n_rows, bool with_validity,
                                           cni_vector *inout_vector, cn_error *err);
/* CONSTANT NULL of any type. */
CN_NODISCARD cn_code cni_vector_new_null(cni_allocator *allocator, const cni_type *type,
                                         int64_t n_rows, cni_vector *out_vector, cn_error *err);
/* CONSTANT of a value in its physical layout (`value` points at cni_phys_bytes bytes; BIT: one
 * bool; VIEW: a cni_view whose long bytes are copied). */
CN_NODISCARD cn_code cni_vector_new_constant(cni_allocator *allocator, const cni_type *type,
                                             cni_phys phys, const void *value, int64_t n_rows,
                                             cni_vector *out_vector, cn_error *err);

/* The writable face of a vector just made by new_flat or reuse_flat (unique content). */
void *cni_vector_mutable_data(cni_vector *self);
uint8_t *cni_vector_mutable_validity(cni_vector *self); /* bit 0 = row 0; NULL when it has none */

/* Expand to FLAT (DICTIONARY, RUN_END, SEQUENCE, CONSTANT); a FLAT one is shared. `out` is raw. */
CN_NODISCARD cn_code cni_vector_flatten(cni_allocator *allocator, const cni_vector *self,
                                        cni_vector *out, cn_error *err);
/* DECIMAL vectors in I64 as I128 (FLAT or CONSTANT in, same out); others are shared. */
CN_NODISCARD cn_code cni_vector_widen_i128(cni_allocator *allocator, const cni_vector *self,
                                           cni_vector *out, cn_error *err);
/* Pick rows: out[k] = self[indices[k]], in the encoding that costs least (DICTIONARY and CONSTANT
 * stay; nested types too). indices: n_indices values in [0, n_rows). */
CN_NODISCARD cn_code cni_vector_take(cni_allocator *allocator, const cni_vector *self,
                                     const uint32_t *indices, int64_t n_indices, cni_vector *out,
                                     cn_error *err);
/* All rows of all n_vectors >= 1 vectors of one type, in order, as FLAT (one shared dictionary
 * stays). */
CN_NODISCARD cn_code cni_vector_concat(cni_allocator *allocator, const cni_vector *const *vectors,
                                       int32_t n_vectors, cni_vector *out, cn_error *err);
/* The same for many: ends early, with what cni_context_check gives. Nested ones are not cut. */
CN_NODISCARD cn_code cni_vector_concat_many(struct cni_context *context, cni_allocator *allocator,
                                            const cni_vector *const *vectors, int32_t n_vectors,
                                            cni_vector *out, cn_error *err);
/* Bytes behind the long views of rows that are not null; 0 unless FLAT and of views (CONSTANT: of
 * its one item). Reads every row. */
int64_t cni_vector_text_bytes(const cni_vector *self);
/* Copy the bytes behind long views into one new buffer of the vector's own when its heap holds much
 * more than it uses (or always): pipeline breakers call it so that one string pins no page. FLAT.
 */
CN_NODISCARD cn_code cni_vector_own_strings(cni_allocator *allocator, cni_vector *inout_vector,
                                            bool always, cn_error *err);

/* Null count of the logical rows. O(n / 64) at most for FLAT. */
int64_t cni_vector_null_count(const cni_vector *self);
bool cni_vector_is_valid(const cni_vector *self, int64_t row); /* any encoding, slow */
/* Any encoding, slow: row's position in the flat values, and those values. For printing, tests and
 * fix-up loops. False when the row is null. *out_values is borrowed from self. SEQUENCE excluded.
 */
bool cni_vector_locate(const cni_vector *self, int64_t row, const cni_vector **out_values,
                       int64_t *out_index);
/* Compute (FLAT integer layouts, one pass) or give the known bounds; known = false when all null.
 */
cni_bounds cni_vector_compute_bounds(const cni_vector *self);

/* Full check of internal consistency (sizes, codes in range, offsets, view lengths, run ends): the
 * paranoid build runs it at operator borders. Errors: CN_INTERNAL naming what is wrong. */
CN_NODISCARD cn_code cni_vector_validate(const cni_vector *self, cn_error *err);

/* Text of one value as SQL prints it (any type, nested too: [1, 2], {'a': 1}); NULL gives "NULL".
 */
CN_NODISCARD cn_code cni_vector_print(const cni_vector *self, int64_t row, cni_strbuf *out,
                                      cn_error *err);

#endif /* CNI_DATA_VECTOR_H */
