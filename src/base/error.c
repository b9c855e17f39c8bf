/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling the caller's error object. Nothing here allocates: messages are formatted into the fixed
 * buffer and cut at a UTF-8 boundary with "..." when too long. Raising is the cold path.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SUGGEST_MAX_BYTES 64

typedef struct code_row {
    const char *name;
    const char *sqlstate;
} code_row;

/* Indexed by cn_code. */
static const code_row code_rows[] = {
    [CN_OK] = {"OK", "00000"},
    [CN_UNKNOWN] = {"UNKNOWN", "XX000"},
    [CN_NOT_IMPLEMENTED] = {"NOT_IMPLEMENTED", "0A000"},
    [CN_NOT_FOUND] = {"NOT_FOUND", "42704"},
    [CN_ALREADY_EXISTS] = {"ALREADY_EXISTS", "42710"},
    [CN_INVALID_ARGUMENT] = {"INVALID_ARGUMENT", "22023"},
    [CN_INVALID_STATE] = {"INVALID_STATE", "55000"},
    [CN_INVALID_DATA] = {"INVALID_DATA", "22000"},
    [CN_INTEGRITY] = {"INTEGRITY", "23000"},
    [CN_INTERNAL] = {"INTERNAL", "XX000"},
    [CN_IO] = {"IO", "58030"},
    [CN_CANCELLED] = {"CANCELLED", "57014"},
    [CN_TIMEOUT] = {"TIMEOUT", "57014"},
    [CN_UNAUTHENTICATED] = {"UNAUTHENTICATED", "28000"},
    [CN_UNAUTHORIZED] = {"UNAUTHORIZED", "42501"},
    [CN_NO_MEMORY] = {"NO_MEMORY", "53200"},
    [CN_BUDGET_EXCEEDED] = {"BUDGET_EXCEEDED", "53200"},
    [CN_LIMIT_EXCEEDED] = {"LIMIT_EXCEEDED", "54000"},
    [CN_BUSY] = {"BUSY", "53300"},
};

static bool
code_is_known(int32_t code)
{
    return code >= 0 && code < CN_ARRAY_LEN(code_rows);
}

const char *
cn_code_name(int32_t code)
{
    return code_is_known(code) ? code_rows[code].name : "UNKNOWN";
}

/* End `text`, which is full, with "..." without splitting a character. */
static void
mark_cut(char *text, int64_t cap_bytes)
{
    int64_t end = cap_bytes - 4;
    while (end > 0 && ((unsigned char)text[end] & 0xC0U) == 0x80U) {
        end--;
    }
    memcpy(text + end, "...", 4);
}

static int64_t format_message(char *out, int64_t cap_bytes, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* Length of what was written; cap_bytes or more means that it was cut. */
static int64_t
format_message(char *out, int64_t cap_bytes, const char *format, va_list arguments)
{
    const int length = vsnprintf(out, (size_t)cap_bytes, format, arguments);
    if (length < 0) {
        out[0] = '\0';
        return 0;
    }
    if (length >= cap_bytes) {
        mark_cut(out, cap_bytes);
    }
    return length;
}

/* The path below src/, so that no message or log names the machine that built the library. */
static const char *
source_name(const char *path)
{
    const char *name = path;
    const char *found = path == NULL ? NULL : strstr(path, "/src/");
    while (found != NULL) {
        name = found + 5;
        found = strstr(name, "/src/");
    }
    return name;
}

cn_code
cni_error_set(cn_error *err, cn_code code, const char *file, int line, const char *format, ...)
{
    if (err == NULL) {
        return code;
    }
    char text[CN_ERROR_MESSAGE_BYTES]; /* arguments may point into err->message */
    va_list arguments;
    va_start(arguments, format);
    (void)format_message(text, (int64_t)sizeof(text), format, arguments);
    va_end(arguments);
    memset(err, 0, sizeof(*err));
    err->code = (int32_t)code;
    err->sql_offset = -1;
    err->file = source_name(file);
    err->line = line;
    memcpy(err->sqlstate, code_rows[code_is_known((int32_t)code) ? code : CN_UNKNOWN].sqlstate, 6);
    memcpy(err->message, text, strlen(text) + 1);
    return code;
}

void
cni_error_context(cn_error *err, const char *format, ...)
{
    if (err == NULL) {
        return;
    }
    const int64_t cap_bytes = CN_ERROR_MESSAGE_BYTES;
    char text[2 * CN_ERROR_MESSAGE_BYTES + 2];
    va_list arguments;
    va_start(arguments, format);
    int64_t length = format_message(text, cap_bytes, format, arguments);
    va_end(arguments);
    length = cni_min_i64(length, (int64_t)strlen(text));
    memcpy(text + length, ": ", 2);
    const int64_t old_length = (int64_t)strnlen(err->message, (size_t)cap_bytes - 1);
    memcpy(text + length + 2, err->message, (size_t)old_length);
    const int64_t total = length + 2 + old_length;
    memcpy(err->message, text, (size_t)cni_min_i64(total, cap_bytes - 1));
    err->message[cni_min_i64(total, cap_bytes - 1)] = '\0';
    if (total >= cap_bytes) {
        mark_cut(err->message, cap_bytes);
    }
}

void
cni_error_position(cn_error *err, int64_t sql_offset, int64_t sql_length)
{
    if (err != NULL && err->sql_offset < 0) {
        err->sql_offset = sql_offset;
        err->sql_length = sql_length;
    }
}

void
cni_error_sqlstate(cn_error *err, const char *sqlstate)
{
    if (err != NULL) {
        memset(err->sqlstate, 0, sizeof(err->sqlstate));
        memcpy(err->sqlstate, sqlstate, strnlen(sqlstate, 5));
    }
}

void
cni_error_errno(cn_error *err, int os_errno)
{
    if (err == NULL) {
        return;
    }
    err->os_errno = os_errno;
    char reason[128];
    const char *text = strerror_r(os_errno, reason, sizeof(reason));
    const size_t length = strnlen(err->message, sizeof(err->message) - 1);
    const int written =
        snprintf(err->message + length, sizeof(err->message) - length, ": %s", text);
    if (written >= (int)(sizeof(err->message) - length)) {
        mark_cut(err->message, (int64_t)sizeof(err->message));
    }
}

cn_code
cni_error_no_memory(cn_error *err, int64_t n_bytes)
{
    return CN_FAIL(err, CN_NO_MEMORY, "out of memory: %lld bytes asked", (long long)n_bytes);
}

static char
fold(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

static int32_t
min_i32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Edit distance with transposition of neighbours, case ignored; `bound` + 1 when it is more. */
static int32_t
edit_distance(const char *a, int32_t a_bytes, const char *b, int32_t b_bytes, int32_t bound)
{
    int32_t rows[3][SUGGEST_MAX_BYTES + 1];
    for (int32_t col = 0; col <= b_bytes; col++) {
        rows[0][col] = col;
    }
    for (int32_t row = 1; row <= a_bytes; row++) {
        int32_t *now = rows[row % 3];
        const int32_t *before = rows[(row + 2) % 3];
        const int32_t *two_before = rows[(row + 1) % 3];
        int32_t best = now[0] = row;
        for (int32_t col = 1; col <= b_bytes; col++) {
            const bool same = fold(a[row - 1]) == fold(b[col - 1]);
            int32_t cost =
                min_i32(before[col - 1] + (same ? 0 : 1), min_i32(before[col], now[col - 1]) + 1);
            if (row > 1 && col > 1 && fold(a[row - 1]) == fold(b[col - 2]) &&
                fold(a[row - 2]) == fold(b[col - 1])) {
                cost = min_i32(cost, two_before[col - 2] + 1);
            }
            now[col] = cost;
            best = min_i32(best, cost);
        }
        if (best > bound) {
            return bound + 1;
        }
    }
    return min_i32(rows[a_bytes % 3][b_bytes], bound + 1);
}

const char *
cni_suggest(const char *wanted, int64_t wanted_bytes, const char *const *names, int64_t n_names)
{
    if (wanted_bytes <= 0 || wanted_bytes > SUGGEST_MAX_BYTES) {
        return NULL;
    }
    int32_t bound = wanted_bytes <= 2 ? 1 : (int32_t)((wanted_bytes + 2) / 3);
    const char *nearest = NULL;
    for (int64_t name = 0; name < n_names && bound >= 0; name++) {
        const int64_t n_bytes = (int64_t)strnlen(names[name], SUGGEST_MAX_BYTES + 1);
        const int64_t gap =
            n_bytes > wanted_bytes ? n_bytes - wanted_bytes : wanted_bytes - n_bytes;
        if (n_bytes == 0 || n_bytes > SUGGEST_MAX_BYTES || gap > bound) {
            continue;
        }
        const int32_t distance =
            edit_distance(wanted, (int32_t)wanted_bytes, names[name], (int32_t)n_bytes, bound);
        /* A replacement of everything is no likeness. */
        if (distance <= bound && distance < cni_max_i64(n_bytes, wanted_bytes)) {
            nearest = names[name];
            bound = distance - 1;
        }
    }
    return nearest;
}
