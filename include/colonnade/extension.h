/* SPDX-License-Identifier: Apache-2.0
 *
 * Extending Colonnade in process: tables and scalar functions of the host. EXPERIMENTAL until the
 * extension ABI is declared stable, but from now on usable with the installed headers alone.
 *
 * Rules of every vtable here
 *   - It begins with struct_size and version. Slots are only ever appended; a slot beyond
 *     struct_size or NULL means "not implemented" and is never called.
 *   - It carries private_data, and release(private_data), called once when the last user is gone.
 *   - Data crosses as Arrow C structs, filters as opaque handles with accessors.
 *   - Callbacks return 0 or an errno value and may describe a failure with cn_error_report().
 *     They must not throw, longjmp or exit through the library.
 */
#ifndef COLONNADE_EXTENSION_H
#define COLONNADE_EXTENSION_H

#include "colonnade/colonnade.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CN_EXTENSION_VERSION 1

/* Fill `err` with a code and a printf-style message: for callbacks. */
CN_API void cn_error_report(cn_error *err, cn_code code, const char *format, ...) CN_PRINTF(3, 4);

/* ---- memory ---------------------------------------------------------------------------------- */

/* An account for what an extension holds: it counts against the limits of the query or session that
 * gave it, and everything above. Each says how long it is valid. Thread: synchronised. */
typedef struct cn_memory cn_memory;

/* A block of n_bytes, aligned to 64. Errors: CN_BUDGET_EXCEEDED naming the limit, CN_NO_MEMORY;
 * pass `err` on. */
CN_API CN_NODISCARD cn_code cn_memory_alloc(cn_memory *memory, int64_t n_bytes, void **out_block,
                                            cn_error *err);
/* Any thread, any time: also when the account and every handle are gone. NULL is accepted. */
CN_API void cn_memory_free(void *block);
/* For memory that another allocator takes: ask before it does, tell when it has given it back. What
 * is not released when the account ends is released then. */
CN_API CN_NODISCARD cn_code cn_memory_reserve(cn_memory *memory, int64_t n_bytes, cn_error *err);
CN_API void cn_memory_release(cn_memory *memory, int64_t n_bytes);

/* The account for what lives between queries, such as the rows of a table or the state of a
 * function. Valid as long as the session or anything made from it. */
CN_API cn_memory *cn_session_memory(cn_session *session);

/* ---- scalar functions ------------------------------------------------------------------------ */

typedef enum cn_function_flags {
    CN_FUNCTION_VOLATILE = 1,       /* another result at each call: never folded, never shared */
    CN_FUNCTION_SEES_NULLS = 2,     /* called for NULL arguments too; else NULL makes NULL */
    CN_FUNCTION_MAY_FAIL = 4,       /* only called with rows that are really needed */
    CN_FUNCTION_DICTIONARY_SAFE = 8 /* may be called with the distinct values instead of all rows */
} cn_function_flags;

/* One overload of a function. Types are Arrow format strings ("l" = int64, "u" = utf8, "d:15,2"
 * ...). */
typedef struct cn_scalar_function {
    uint32_t struct_size; /* sizeof(cn_scalar_function) */
    uint32_t version;     /* CN_EXTENSION_VERSION */
    void *private_data;
    void (*release)(void *private_data); /* may be NULL */
    const char *name;
    const char *description; /* may be NULL */
    int32_t n_args;
    const char *const *arg_formats; /* n_args */
    const char *result_format;
    int32_t flags; /* cn_function_flags */
    /* args: n_args arrays, borrowed, without dictionaries. A constant argument has length 1, the
     * others n_rows. out_result: fill with a self-owning array of the result type: of n_rows rows,
     * or of 1 row when every argument has length 1. Thread: called from several workers at once. */
    int (*call)(void *private_data, const struct ArrowArray *const *args, int64_t n_rows,
                struct ArrowArray *out_result, cn_error *err);
    /* Optional, instead of `call`: the same with an account, valid during the call, of the operator
     * that calls; blocks of it may go out with the result. */
    int (*call_with_memory)(void *private_data, cn_memory *memory,
                            const struct ArrowArray *const *args, int64_t n_rows,
                            struct ArrowArray *out_result, cn_error *err);
} cn_scalar_function;

/* Copied; strings too. Errors: CN_INVALID_ARGUMENT (a format, a missing slot), CN_ALREADY_EXISTS
 * for the same name and types. `release` is called also on failure. */
CN_API CN_NODISCARD cn_code cn_session_register_function(cn_session *session,
                                                         const cn_scalar_function *function,
                                                         cn_error *err);

/* ---- tables ---------------------------------------------------------------------------------- */

/* A filter offered to a table: column op literal. Borrowed during the call. */
typedef struct cn_filter cn_filter;
typedef enum cn_filter_op {
    CN_FILTER_EQ = 1,
    CN_FILTER_NE,
    CN_FILTER_LT,
    CN_FILTER_LE,
    CN_FILTER_GT,
    CN_FILTER_GE,
    CN_FILTER_IS_NULL,
    CN_FILTER_IS_NOT_NULL,
    CN_FILTER_OTHER /* only its text can be read */
} cn_filter_op;
CN_API int32_t cn_filter_get_op(const cn_filter *filter);
/* Position in the table's schema, -1 for OTHER. */
CN_API int32_t cn_filter_get_column(const cn_filter *filter);
/* The literal as an integer (also dates, times, decimals unscaled) or a double; nonzero when it is
 * one. */
CN_API int32_t cn_filter_get_int64(const cn_filter *filter, int64_t *out_value);
CN_API int32_t cn_filter_get_double(const cn_filter *filter, double *out_value);
/* The literal as bytes (VARCHAR, BLOB); valid during the call. Nonzero when it is one. */
CN_API int32_t cn_filter_get_bytes(const cn_filter *filter, const char **out_data,
                                   int64_t *out_length);
/* The whole filter as SQL text; valid during the call. */
CN_API const char *cn_filter_get_text(const cn_filter *filter);

/* What a filter's acceptance means. */
typedef enum cn_filter_answer {
    CN_FILTER_UNSUPPORTED = 0,
    CN_FILTER_INEXACT = 1, /* it prunes; the engine checks again */
    CN_FILTER_EXACT = 2    /* it is applied to every row */
} cn_filter_answer;

typedef struct cn_table_scan {
    uint32_t struct_size;
    int32_t n_columns;      /* 0 = only row counts matter */
    const int32_t *columns; /* positions in the schema, in the order the stream must give them */
    int32_t n_filters;      /* filters answered INEXACT or EXACT */
    const cn_filter *const *filters;
    int64_t limit; /* rows that suffice after the filters; -1 = all */
    /* The scan's account within the query's, valid until the stream has been released. A library
     * that is older does not have it: look at struct_size. */
    cn_memory *memory;
} cn_table_scan;

typedef struct cn_table_provider {
    uint32_t struct_size; /* sizeof(cn_table_provider) */
    uint32_t version;     /* CN_EXTENSION_VERSION */
    void *private_data;
    void (*release)(void *private_data); /* may be NULL */
    /* Struct-typed schema of a row; called once, when the table is registered. */
    int (*schema)(void *private_data, struct ArrowSchema *out_schema, cn_error *err);
    /* One scan of the request's columns as a stream. It is pulled by one thread at a time. With
     * n_columns 0 the batches are struct arrays without children whose length counts. */
    int (*scan)(void *private_data, const cn_table_scan *request, struct ArrowArrayStream *out_rows,
                cn_error *err);
    /* Optional: */
    int32_t (*supports_filter)(void *private_data, const cn_filter *filter); /* cn_filter_answer */
    int64_t (*row_count)(void *private_data); /* exact number of rows, -1 = unknown */
} cn_table_provider;

/* Copied. `release` is called also on failure. */
CN_API CN_NODISCARD cn_code cn_session_register_table(cn_session *session, const char *name,
                                                      const cn_table_provider *provider,
                                                      int32_t replace, cn_error *err);

#ifdef __cplusplus
}
#endif

#endif /* COLONNADE_EXTENSION_H */
