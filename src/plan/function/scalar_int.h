/* SPDX-License-Identifier: Apache-2.0
 *
 * What the families of scalar functions share: signatures and their resolution, readers over FLAT
 * and CONSTANT arguments, results, and a sink for new strings.
 *
 *   rule of nulls: the evaluator joins the arguments' validities into a result that has none, so a
 *   NULL_IF_ANY function only keeps away from null rows where following them would be unsafe
 * (strings) or could raise (cni_scalar_alive).
 */
#ifndef CNI_PLAN_SCALAR_INT_H
#define CNI_PLAN_SCALAR_INT_H

#include "plan/function/function.h"

/* A cni_str in a static initialiser. */
#define CNI_TEXT(literal) {(literal), (int64_t)sizeof(literal) - 1}

/* The members that every row of a table of functions begins with. PURE: evaluating once per
 * dictionary entry is right, which is so for all functions but volatile and stateful ones. */
#define CNI_ROW(row_name, row_description, row_example)                                            \
    .name = CNI_TEXT(row_name), .description = CNI_TEXT(row_description),                          \
    .example = CNI_TEXT(row_example)
#define CNI_ROW_PURE(row_name, row_description, row_example)                                       \
    CNI_ROW(row_name, row_description, row_example), .dictionary_safe = true

/* ---- signatures ---- */

#define CNI_SIGNATURE_MAX_ARGS 6

enum cni_signature_arg {
    CNI_ARG_NONE = 0, /* ends the list */
    /* 1..: a cni_type_id. TIMESTAMP takes any unit and zone as it is; DECIMAL any decimal */
    CNI_ARG_ANY = 100,     /* as written */
    CNI_ARG_TIMESTAMPTZ,   /* result only */
    CNI_ARG_SAME_AS_FIRST, /* result: the type of argument 0, 1 */
    CNI_ARG_SAME_AS_SECOND
};

typedef struct cni_signature {
    uint8_t args[CNI_SIGNATURE_MAX_ARGS];
    uint8_t n_optional; /* of the last ones */
    bool variadic;      /* the last one may stand any number of times, also not at all */
    uint8_t result;
} cni_signature;

/* Functions that resolve by signature have this, or a struct that begins with it, as private data.
 */
cn_code cni_signature_resolve(const cni_function *self, cni_resolve *inout_question, cn_error *err);
/* The same for a signature at hand. */
void cni_signature_match(const cni_signature *signature, cni_resolve *inout_question);

/* Want argument `arg` as `type`: adds the cost; false when there is no implicit cast. */
bool cni_resolve_want(cni_resolve *inout_question, int32_t arg, const cni_type *type);
/* Argument `arg` is a string literal. */
bool cni_resolve_is_text(const cni_resolve *question, int32_t arg);
/* One INTEGER..HUGEINT, DECIMAL, FLOAT or DOUBLE argument that keeps its type: abs, round, ... Half
 * floats become FLOAT, NULL becomes DOUBLE, string literals DOUBLE. */
bool cni_resolve_number(cni_resolve *inout_question, int32_t arg);

/* ---- arguments ---- */

/* Row r is item (r & mask): a constant's mask is 0. */
typedef struct cni_reader {
    const void *data;
    int64_t mask;
    int64_t off_bits; /* BIT */
    cni_bits validity;
    uint8_t phys;
} cni_reader;

static inline cni_reader
cni_reader_of(const cni_vector *vector)
{
    const int64_t mask = vector->encoding == CNI_CONSTANT ? 0 : -1;
    return (cni_reader){vector->data, mask, vector->data_off_bits, vector->validity, vector->phys};
}

static inline bool
cni_read_valid(const cni_reader *self, int64_t row)
{
    return cni_bits_get(self->validity, row & self->mask);
}

static inline bool
cni_read_bool(const cni_reader *self, int64_t row)
{
    return cni_bits_get((cni_bits){self->data, self->off_bits}, row & self->mask);
}

static inline int64_t
cni_read_i64(const cni_reader *self, int64_t row)
{
    return ((const int64_t *)self->data)[row & self->mask];
}

static inline int32_t
cni_read_i32(const cni_reader *self, int64_t row)
{
    return ((const int32_t *)self->data)[row & self->mask];
}

static inline double
cni_read_f64(const cni_reader *self, int64_t row)
{
    return ((const double *)self->data)[row & self->mask];
}

static inline cni_str
cni_read_str(const cni_reader *self, int64_t row)
{
    return cni_view_str(&((const cni_view *)self->data)[row & self->mask]);
}

/* Any integer layout. */
cni_i128 cni_read_wide(const cni_reader *self, int64_t row);

/* The constant VARCHAR argument, as `out`; false when it is NULL or not constant. */
bool cni_constant_text(const cni_vector *vector, cni_str *out);

#define CNI_ROWS_WORDS (CNI_CHUNK_ROWS_MAX / 64)

/* Rows that the call must compute: live, and no argument null. A call has at most
 * CNI_CHUNK_ROWS_MAX rows. */
void cni_scalar_alive(const cni_scalar_call *call, uint64_t out_words[CNI_ROWS_WORDS]);
/* Live rows alone: for functions that look at nulls themselves. */
void cni_scalar_live(const cni_scalar_call *call, uint64_t out_words[CNI_ROWS_WORDS]);

static inline bool
cni_word_bit(const uint64_t *words, int64_t row)
{
    return ((words[row >> 6] >> (row & 63)) & 1) != 0;
}

/* ---- results ---- */

/* FLAT result of the call's type in its usual layout, or of `phys`; gives its data. */
CN_NODISCARD cn_code cni_result_flat(const cni_scalar_call *call, cni_vector *inout_result,
                                     void *out_data, cn_error *err);
CN_NODISCARD cn_code cni_result_phys(const cni_scalar_call *call, cni_phys phys,
                                     cni_vector *inout_result, void *out_data, cn_error *err);
/* FLAT result with a validity of all ones that includes the arguments' nulls (NULL_IF_ANY), for
 * functions that make more nulls: clear bits in *out_validity. */
CN_NODISCARD cn_code cni_result_nullable(const cni_scalar_call *call, cni_vector *inout_result,
                                         void *out_data, uint8_t **out_validity, cn_error *err);

/* ---- strings ---- */

/* Writes VIEW results row by row. Short strings stay inside the views, long ones go to buffers that
 * become the result's heap; views that point into arguments keep their heaps too. */
typedef struct cni_text_sink {
    const cni_scalar_call *call;
    cni_vector *result;
    cni_view *views;
    cni_buffer **buffers;
    int32_t n_buffers;
    int32_t cap_buffers;
    char *room; /* unused part of the last buffer */
    int64_t n_room;
} cni_text_sink;

/* Begins a result of n_rows empty strings. */
CN_NODISCARD cn_code cni_text_begin(cni_text_sink *self, const cni_scalar_call *call,
                                    cni_vector *inout_result, cn_error *err);
/* Room for n_bytes; written by the caller, then named by cni_text_put with what was used. */
CN_NODISCARD cn_code cni_text_room(cni_text_sink *self, int64_t n_bytes, char **out_room,
                                   cn_error *err);
/* Row `row` is the first n_bytes of the room. */
void cni_text_put(cni_text_sink *self, int64_t row, int64_t n_bytes);
/* Row `row` is a copy of `text`. */
CN_NODISCARD cn_code cni_text_copy(cni_text_sink *self, int64_t row, cni_str text, cn_error *err);
/* Row `row` is a part of a VIEW argument's string: nothing is copied. cni_text_end is told of it.
 */
static inline void
cni_text_part(cni_text_sink *self, int64_t row, const char *data, int64_t n_bytes)
{
    self->views[row] = cni_view_make(data, (uint32_t)n_bytes);
}
/* Finish; `borrowed` (may be NULL) is the argument that cni_text_part pointed into. Releases the
 * sink. */
CN_NODISCARD cn_code cni_text_end(cni_text_sink *self, const cni_vector *borrowed, cn_error *err);
/* Release after a failure. */
void cni_text_cancel(cni_text_sink *self);

/* One string function by rows: computes row `row` of the result into the sink. */
typedef cn_code (*cni_text_row)(const cni_reader *args, const cni_scalar_call *call, int64_t row,
                                cni_text_sink *sink, cn_error *err);
/* Run it over the rows alive; `borrowed` is the argument whose bytes it borrows, -1 = none. */
CN_NODISCARD cn_code cni_text_map(const cni_scalar_call *call, cni_text_row one_row,
                                  int32_t borrowed, cni_vector *inout_result, cn_error *err);

/* ---- UTF-8 ---- */

/* Characters of well-formed UTF-8. */
int64_t cni_utf8_length(cni_str text);
/* Byte offset of character `index` (0..length); text.len_bytes when beyond. */
int64_t cni_utf8_offset(cni_str text, int64_t index);

#endif /* CNI_PLAN_SCALAR_INT_H */
