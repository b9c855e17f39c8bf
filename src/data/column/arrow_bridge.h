/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrow C Data in and out: the only shape data has at a public border.
 *
 * Import treats every length, offset, count and code of the producer as a claim and checks it
 * before it is used (standards: Arrow Columnar.rst, CDataInterface.rst): buffer presence, offsets
 * monotone and inside the data, view buffers, dictionary codes in range, run ends ascending, union
 * codes, list ranges, UTF-8 of VARCHAR. The size of a buffer is not known in the C interface; the
 * checks are those that its consistency allows.
 *
 * Copies: fixed-width, bool, validity, utf8/large_utf8/views bytes, lists' and structs' children,
 * dictionary codes of unsigned widths come in without a copy of the values. Rewritten: string
 * offsets into 16-byte views, list offsets into entries, decimal128 with precision <= 18 into 64
 * bits, signed dictionary codes in place (checked non-negative), year-month and day-time intervals,
 * decimal32/64.
 */
#ifndef CNI_DATA_ARROW_BRIDGE_H
#define CNI_DATA_ARROW_BRIDGE_H

#include "colonnade/arrow.h"
#include "data/column/chunk.h"

/* How values leave. */
typedef struct cni_arrow_options {
    bool string_views; /* VARCHAR and BLOB as vu and vz instead of u and z */
} cni_arrow_options;

/* Type of a foreign schema node, into the arena. Dictionary-encoded nodes give the value type,
 * run-end encoded ones too. Errors: CN_INVALID_DATA, CN_NOT_IMPLEMENTED naming the format string;
 * CN_LIMIT_EXCEEDED beyond 64 levels of nesting. */
CN_NODISCARD cn_code cni_arrow_import_type(cni_arena *arena, const struct ArrowSchema *schema,
                                           const cni_type **out_type, cn_error *err);
/* Schema of a struct-typed node (a record batch), names and metadata included. */
CN_NODISCARD cn_code cni_arrow_import_schema(cni_arena *arena, const struct ArrowSchema *schema,
                                             cni_schema *out_schema, cn_error *err);

/* An imported record batch: one vector per field over rows [0, n_rows), any length. */
typedef struct cni_arrow_batch {
    int64_t n_rows;
    int32_t n_columns;
    cni_vector *columns;
    cni_allocator *allocator;
} cni_arrow_batch;

/* Take over own_array (moved: its release becomes NULL also on failure, when it is released).
 * `schema` is the foreign schema (encodings), `types` what cni_arrow_import_schema made of it. The
 * array is released when the last vector over it is. */
CN_NODISCARD cn_code cni_arrow_import_batch(cni_allocator *allocator,
                                            const struct ArrowSchema *schema,
                                            const cni_schema *types, struct ArrowArray *own_array,
                                            cni_arrow_batch *out_batch, cn_error *err);
void cni_arrow_batch_done(cni_arrow_batch *self); /* accepts zeroed */

/* Schema as an Arrow struct node; the result owns itself. */
CN_NODISCARD cn_code cni_arrow_export_schema(cni_allocator *allocator, const cni_schema *schema,
                                             const cni_arrow_options *options,
                                             struct ArrowSchema *out_schema, cn_error *err);
/* One type as an unnamed node. */
CN_NODISCARD cn_code cni_arrow_export_type(cni_allocator *allocator, const cni_type *type,
                                           const cni_arrow_options *options,
                                           struct ArrowSchema *out_schema, cn_error *err);
/* Chunks (without selection) of one schema, concatenated into one struct array, n_chunks >= 0.
 * Fixed width values of a single FLAT chunk leave without a copy. The result owns all it needs and
 * may outlive the query. Every vector leaves plain (no dictionary, no run-end). */
CN_NODISCARD cn_code cni_arrow_export_chunks(cni_allocator *allocator, const cni_schema *schema,
                                             const cni_chunk *chunks, int64_t n_chunks,
                                             const cni_arrow_options *options,
                                             struct ArrowArray *out_array, cn_error *err);

#endif /* CNI_DATA_ARROW_BRIDGE_H */
