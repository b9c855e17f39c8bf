/* SPDX-License-Identifier: Apache-2.0
 *
 * Borrowed strings: comparison, hashing of names, UTF-8 validation; and the bounded string builder.
 */
#include "base/str.h"

#include <stdio.h>

#include "base/checked.h"

#define ONES      UINT64_C(0x0101010101010101)
#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Set 0x20 in every byte that is an ASCII capital. */
static inline uint64_t
fold_word(uint64_t word)
{
    const uint64_t low = word & ~HIGH_BITS;
    const uint64_t from_a = low + ONES * (0x80 - 'A');
    const uint64_t beyond_z = low + ONES * (0x7F - 'Z');
    const uint64_t capital = (from_a ^ beyond_z) & ~word & HIGH_BITS;
    return word | (capital >> 2);
}

/* Up to 8 bytes of `text` from `offset` on, zero-padded. */
static inline uint64_t
load_word(cni_str text, int64_t offset)
{
    uint64_t word = 0;
    const int64_t left = text.len_bytes - offset;
    memcpy(&word, text.data + offset, left >= 8 ? 8 : (size_t)left);
    return word;
}

bool
cni_str_eq_nocase(cni_str a, cni_str b)
{
    if (a.len_bytes != b.len_bytes) {
        return false;
    }
    for (int64_t offset = 0; offset < a.len_bytes; offset += 8) {
        if (fold_word(load_word(a, offset)) != fold_word(load_word(b, offset))) {
            return false;
        }
    }
    return true;
}

int
cni_str_compare(cni_str a, cni_str b)
{
    const int64_t common = cni_min_i64(a.len_bytes, b.len_bytes);
    const int order = common == 0 ? 0 : memcmp(a.data, b.data, (size_t)common);
    if (order != 0) {
        return order;
    }
    return (a.len_bytes > b.len_bytes) - (a.len_bytes < b.len_bytes);
}

bool
cni_str_starts_with(cni_str text, cni_str prefix)
{
    return text.len_bytes >= prefix.len_bytes &&
           cni_str_eq((cni_str){text.data, prefix.len_bytes}, prefix);
}

bool
cni_str_ends_with(cni_str text, cni_str suffix)
{
    if (text.len_bytes < suffix.len_bytes || suffix.len_bytes == 0) {
        return suffix.len_bytes == 0;
    }
    const char *tail = text.data + (text.len_bytes - suffix.len_bytes);
    return cni_str_eq((cni_str){tail, suffix.len_bytes}, suffix);
}

static inline uint64_t
mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

uint64_t
cni_str_hash(cni_str text)
{
    uint64_t hash = mix(UINT64_C(0x243F6A8885A308D3), (uint64_t)text.len_bytes);
    for (int64_t offset = 0; offset < text.len_bytes; offset += 8) {
        hash = mix(hash, load_word(text, offset));
    }
    return mix(hash, hash >> 29);
}

uint64_t
cni_str_hash_nocase(cni_str text)
{
    uint64_t hash = mix(UINT64_C(0x243F6A8885A308D3), (uint64_t)text.len_bytes);
    for (int64_t offset = 0; offset < text.len_bytes; offset += 8) {
        hash = mix(hash, fold_word(load_word(text, offset)));
    }
    return mix(hash, hash >> 29);
}

static bool
is_continuation(uint8_t byte)
{
    return (byte & 0xC0U) == 0x80U;
}

/* Length of the well-formed sequence at the start of bytes[0..n_bytes), n_bytes >= 1, or 0.
 * The second byte carries all the rules: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
static int64_t
utf8_sequence(const uint8_t *bytes, int64_t n_bytes)
{
    const uint8_t lead = bytes[0];
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    const int64_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (n_bytes < length) {
        return 0;
    }
    const uint8_t second_min = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t second_max = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (bytes[1] < second_min || bytes[1] > second_max) {
        return 0;
    }
    for (int64_t at = 2; at < length; at++) {
        if (!is_continuation(bytes[at])) {
            return 0;
        }
    }
    return length;
}

/* Whether the 32 bytes at `data` are all ASCII. */
static inline bool
ascii_32(const char *data)
{
    uint64_t words[4];
    memcpy(words, data, sizeof(words));
    return ((words[0] | words[1] | words[2] | words[3]) & HIGH_BITS) == 0;
}

int64_t
cni_utf8_find_invalid(const char *data, int64_t len_bytes)
{
    int64_t offset = 0;
    while (offset < len_bytes) {
        if (len_bytes - offset >= 32 && ascii_32(data + offset)) {
            offset += 32;
            continue;
        }
        /* Walk on to the end of these 32 bytes, or a little beyond. */
        const int64_t stop = cni_min_i64(len_bytes, offset + 32);
        while (offset < stop) {
            const int64_t length =
                utf8_sequence((const uint8_t *)data + offset, len_bytes - offset);
            if (length == 0) {
                return offset;
            }
            offset += length;
        }
    }
    return -1;
}

void
cni_strbuf_init(cni_strbuf *self, cni_allocator *allocator, int64_t max_bytes)
{
    *self = (cni_strbuf){.allocator = allocator, .max_bytes = max_bytes};
}

void
cni_strbuf_done(cni_strbuf *self)
{
    if (self->data != NULL) {
        cni_dealloc(self->allocator, self->data, self->cap_bytes);
    }
    self->data = NULL;
    self->len_bytes = 0;
    self->cap_bytes = 0;
}

void
cni_strbuf_reset(cni_strbuf *self)
{
    self->len_bytes = 0;
    if (self->data != NULL) {
        self->data[0] = '\0';
    }
}

/* Room for n_bytes more and the NUL. */
static cn_code
strbuf_reserve(cni_strbuf *self, int64_t n_bytes, cn_error *err)
{
    int64_t wanted = 0;
    if (!cni_checked_add(self->len_bytes, n_bytes, &wanted) || wanted > self->max_bytes) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "text is longer than %lld bytes",
                       (long long)self->max_bytes);
    }
    if (wanted < self->cap_bytes) {
        return CN_OK;
    }
    int64_t cap = cni_max_i64(64, cni_max_i64(wanted + 1, 2 * self->cap_bytes));
    cap = cni_min_i64(cap, cni_max_i64(64, self->max_bytes + 1));
    CN_TRY(cni_realloc(self->allocator, &self->data, self->cap_bytes, cap, err));
    self->cap_bytes = cap;
    return CN_OK;
}

cn_code
cni_strbuf_append(cni_strbuf *self, cni_str text, cn_error *err)
{
    CN_TRY(strbuf_reserve(self, text.len_bytes, err));
    if (text.len_bytes > 0) {
        memcpy(self->data + self->len_bytes, text.data, (size_t)text.len_bytes);
    }
    self->len_bytes += text.len_bytes;
    self->data[self->len_bytes] = '\0';
    return CN_OK;
}

cn_code
cni_strbuf_append_char(cni_strbuf *self, char byte, cn_error *err)
{
    return cni_strbuf_append(self, (cni_str){&byte, 1}, err);
}

cn_code
cni_strbuf_printf(cni_strbuf *self, cn_error *err, const char *format, ...)
{
    char local[256];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(local, sizeof(local), format, arguments);
    va_end(arguments);
    if (length < 0) {
        return CN_FAIL(err, CN_INTERNAL, "cannot format text");
    }
    if (length < (int)sizeof(local)) {
        return cni_strbuf_append(self, (cni_str){local, length}, err);
    }
    CN_TRY(strbuf_reserve(self, length, err));
    va_start(arguments, format);
    (void)vsnprintf(self->data + self->len_bytes, (size_t)length + 1, format, arguments);
    va_end(arguments);
    self->len_bytes += length;
    return CN_OK;
}

cni_str
cni_strbuf_view(const cni_strbuf *self)
{
    return (cni_str){self->data == NULL ? "" : self->data, self->len_bytes};
}
