/* SPDX-License-Identifier: Apache-2.0
 *
 * Raising and passing on errors. These three macros (CN_TRY, CN_TRY_CTX, CN_FAIL) are the whole of
 * the project's control-flow vocabulary for errors; see include/colonnade/error.h for the object.
 */
#ifndef CNI_BASE_ERROR_H
#define CNI_BASE_ERROR_H

#include "base/macros.h"

/* Return from the enclosing function with the status of `expr` unless it is CN_OK. */
#define CN_TRY(expr)                                                                               \
    do {                                                                                           \
        cn_code cn_code_ = (expr);                                                                 \
        if (CN_UNLIKELY(cn_code_ != CN_OK)) {                                                      \
            return cn_code_;                                                                       \
        }                                                                                          \
    } while (0)

/* CN_TRY that prepends printf-style context to the message: at room borders only. */
#define CN_TRY_CTX(expr, err, ...)                                                                 \
    do {                                                                                           \
        cn_code cn_code_ = (expr);                                                                 \
        if (CN_UNLIKELY(cn_code_ != CN_OK)) {                                                      \
            cni_error_context((err), __VA_ARGS__);                                                 \
            return cn_code_;                                                                       \
        }                                                                                          \
    } while (0)

/* Fill `err` (may be NULL) and give `code` back: `return CN_FAIL(err, CN_IO, "cannot ...", ...)`.
 */
#ifdef __clang_analyzer__ /* which is to know that the status is the one that was raised */
#define CN_FAIL(err, code, ...)                                                                    \
    ((void)cni_error_set((err), (code), __FILE__, __LINE__, __VA_ARGS__), (cn_code)(code))
#else
#define CN_FAIL(err, code, ...) cni_error_set((err), (code), __FILE__, __LINE__, __VA_ARGS__)
#endif

/* Behind CN_FAIL. Sets a default SQLSTATE for the code and clears the SQL position. */
CN_COLD cn_code cni_error_set(cn_error *err, cn_code code, const char *file, int line,
                              const char *format, ...) CN_PRINTF(5, 6);

/* Prepend "context: " to the message of a filled error; does nothing on NULL. */
CN_COLD void cni_error_context(cn_error *err, const char *format, ...) CN_PRINTF(2, 3);

/* Give a filled error its place in the SQL text (bytes) unless it has one already. */
void cni_error_position(cn_error *err, int64_t sql_offset, int64_t sql_length);

/* Replace the SQLSTATE of a filled error: five characters. */
void cni_error_sqlstate(cn_error *err, const char *sqlstate);

/* Record `os_errno` and append ": " and its text to the message. */
CN_COLD void cni_error_errno(cn_error *err, int os_errno);

/* The usual refusal of an allocation. */
CN_COLD cn_code cni_error_no_memory(cn_error *err, int64_t n_bytes);

/* Nearest of `names` to `wanted` by edit distance, for "did you mean"; NULL when none is near.
 * Case is ignored. O(n * length^2) on the failing path only. */
const char *cni_suggest(const char *wanted, int64_t wanted_bytes, const char *const *names,
                        int64_t n_names);

#endif /* CNI_BASE_ERROR_H */
