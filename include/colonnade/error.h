/* SPDX-License-Identifier: Apache-2.0
 *
 * Status codes and the error object.
 *
 * Every fallible function returns a `cn_code` and, as its last parameter, takes a `cn_error *` that
 * the caller owns and may leave NULL. The object is a plain value with a fixed message buffer:
 * reporting an error never allocates, it needs no release, and it may live on the stack. A function
 * that succeeds leaves it untouched; a function that fails leaves its other outputs untouched.
 *
 * The numbers 0 to 14 equal the statuses of Arrow ADBC, so that a driver maps them by identity.
 */
#ifndef COLONNADE_ERROR_H
#define COLONNADE_ERROR_H

#include <stdint.h>

#if defined(__GNUC__)
#define CN_NODISCARD __attribute__((warn_unused_result))
#define CN_API       __attribute__((visibility("default")))
#define CN_PRINTF(format_index, first_argument)                                                    \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define CN_NODISCARD
#define CN_API
#define CN_PRINTF(format_index, first_argument)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What went wrong, as a program sees it. The SQLSTATE of the error object is finer. */
typedef enum cn_code {
    CN_OK = 0,
    CN_UNKNOWN = 1,          /* a foreign component failed without saying how */
    CN_NOT_IMPLEMENTED = 2,  /* known, and refused by name */
    CN_NOT_FOUND = 3,        /* a file, table, column, function or setting that does not exist */
    CN_ALREADY_EXISTS = 4,   /* CREATE of a name that is taken */
    CN_INVALID_ARGUMENT = 5, /* wrong SQL, wrong types, wrong call */
    CN_INVALID_STATE = 6,    /* right call at the wrong time */
    CN_INVALID_DATA = 7,     /* damaged file, malformed Arrow, overflow, failed cast */
    CN_INTEGRITY = 8,        /* a constraint is violated */
    CN_INTERNAL = 9,         /* a defect in this library */
    CN_IO = 10,              /* the operating system or a peer refused a read or a write */
    CN_CANCELLED = 11,       /* cancelled by the caller */
    CN_TIMEOUT = 12,         /* the statement's time limit passed */
    CN_UNAUTHENTICATED = 13, /* credentials missing or wrong */
    CN_UNAUTHORIZED = 14,    /* the access policy says no */
    CN_NO_MEMORY = 15,       /* the allocator refused */
    CN_BUDGET_EXCEEDED = 16, /* a memory limit was reached and nothing could be released */
    CN_LIMIT_EXCEEDED = 17,  /* a named limit on depth, size or count */
    CN_BUSY = 18             /* the query was not admitted beside those that run: try again later */
} cn_code;

#define CN_ERROR_MESSAGE_BYTES 512

/* Caller-owned, plain value. Initialise with CN_ERROR_INIT or zero bytes; reuse freely. */
typedef struct cn_error {
    int32_t code;       /* a cn_code; CN_OK while nothing failed */
    int32_t os_errno;   /* errno of the system call that failed, or 0 */
    int64_t sql_offset; /* byte offset into the statement's text, or -1 */
    int64_t sql_length; /* bytes of the text that the error is about; 0 with no extent */
    const char *file;   /* source file that raised it (static storage), or NULL */
    int32_t line;       /* line in `file` */
    char sqlstate[8];   /* five characters and a NUL; "" when none applies */
    char message[CN_ERROR_MESSAGE_BYTES]; /* UTF-8, NUL-terminated, cut with "..." when too long */
} cn_error;

#ifdef __cplusplus
#define CN_ERROR_INIT                                                                              \
    {                                                                                              \
    }
#else
#define CN_ERROR_INIT {.sql_offset = -1}
#endif

/* Name of a code as written above without the prefix, such as "NOT_FOUND". Never NULL. */
CN_API const char *cn_code_name(int32_t code);

#ifdef __cplusplus
}
#endif

#endif /* COLONNADE_ERROR_H */
