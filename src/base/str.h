/* SPDX-License-Identifier: Apache-2.0
 *
 * Borrowed strings (pointer and length) and a bounded string builder.
 * A cni_str never owns; its comment at the point of use says whose memory it is.
 */
#ifndef CNI_BASE_STR_H
#define CNI_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

/* Immutable view of bytes, usually UTF-8. data may be NULL only when len_bytes is 0. */
typedef struct cni_str {
    const char *data;
    int64_t len_bytes;
} cni_str;

#define CNI_STR(literal) ((cni_str){(literal), (int64_t)sizeof(literal) - 1})
#define CNI_STR_ARGS(s)  (int)(s).len_bytes, (s).data /* for "%.*s" */

static inline cni_str
cni_str_of(const char *c_string)
{
    return (cni_str){c_string, c_string == NULL ? 0 : (int64_t)strlen(c_string)};
}

static inline bool
cni_str_eq(cni_str a, cni_str b)
{
    return a.len_bytes == b.len_bytes &&
           (a.len_bytes == 0 || memcmp(a.data, b.data, (size_t)a.len_bytes) == 0);
}

/* Equal when ASCII letters are folded. */
bool cni_str_eq_nocase(cni_str a, cni_str b);
/* Bytewise order: negative, 0, positive. */
int cni_str_compare(cni_str a, cni_str b);
bool cni_str_starts_with(cni_str text, cni_str prefix);
bool cni_str_ends_with(cni_str text, cni_str suffix);
/* 64-bit hash for in-memory tables of names; not stable between versions. */
uint64_t cni_str_hash(cni_str text);
uint64_t cni_str_hash_nocase(cni_str text);
/* Offset of the first byte that is not well-formed UTF-8 (RFC 3629), or -1. */
int64_t cni_utf8_find_invalid(const char *data, int64_t len_bytes);

/* Growing text with a stated maximum. data is NUL-terminated once anything was appended.
 * Thread: confined. */
typedef struct cni_strbuf {
    cni_allocator *allocator; /* borrowed */
    char *data;
    int64_t len_bytes;
    int64_t cap_bytes;
    int64_t max_bytes;
} cni_strbuf;

/* Starts empty, allocates nothing. */
void cni_strbuf_init(cni_strbuf *self, cni_allocator *allocator, int64_t max_bytes);
void cni_strbuf_done(cni_strbuf *self);
void cni_strbuf_reset(cni_strbuf *self); /* empty, capacity kept */
/* Errors of all: CN_NO_MEMORY, CN_BUDGET_EXCEEDED, CN_LIMIT_EXCEEDED beyond max_bytes. */
CN_NODISCARD cn_code cni_strbuf_append(cni_strbuf *self, cni_str text, cn_error *err);
CN_NODISCARD cn_code cni_strbuf_append_char(cni_strbuf *self, char byte, cn_error *err);
CN_NODISCARD cn_code cni_strbuf_printf(cni_strbuf *self, cn_error *err, const char *format, ...)
    CN_PRINTF(3, 4);
cni_str cni_strbuf_view(const cni_strbuf *self); /* valid until the next append */

#endif /* CNI_BASE_STR_H */
