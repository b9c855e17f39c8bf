/* SPDX-License-Identifier: Apache-2.0
 *
 * Snappy decoder. Two loops over the same tags: the wild loop runs while at least WILD_BYTES remain
 * on both sides and copies in fixed-width steps that may write garbage behind the current end (it
 * is overwritten later, and always inside `dst`); the careful loop does the rest byte-exactly. Both
 * check every length and offset before they use it, so that any input is safe.
 *
 * The wild loop keeps its two pointers in registers (wild_cursor by value) and does not look at
 * lengths before it copies 16 bytes: most tags need no more, and a branch would be foreseen badly.
 */
#include "io/codec/snappy_int.h"

#include <stdbool.h>
#include <string.h>

/* A literal of 60 with its tag, or a copy of 64, and the bytes beyond that wide steps touch. */
#define WILD_BYTES 80

typedef struct snappy_state {
    const uint8_t *src;
    const uint8_t *src_end;
    uint8_t *dst;
    uint8_t *dst_begin;
    uint8_t *dst_end;
} snappy_state;

static inline uint32_t
load_u16(const uint8_t *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, 2);
    return value;
}

static inline uint32_t
load_u32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, 4);
    return value;
}

static inline void
move_8(uint8_t *to, const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, 8);
    memcpy(to, &word, 8);
}

static inline void
move_16(uint8_t *to, const uint8_t *from)
{
    uint64_t words[2];
    memcpy(words, from, 16);
    memcpy(to, words, 16);
}

/* Copy of n bytes, 1..64, from `distance` bytes back; may write up to 16 bytes more. */
static inline void
wild_copy(uint8_t *to, int64_t distance, int64_t n_bytes)
{
    const uint8_t *from = to - distance;
    if (CN_LIKELY(distance >= 16)) {
        for (int64_t done = 0; done < n_bytes; done += 16) {
            move_16(to + done, from + done);
        }
        return;
    }
    if (distance >= 8) {
        for (int64_t done = 0; done < n_bytes; done += 8) {
            move_8(to + done, from + done);
        }
        return;
    }
    for (int64_t byte = 0; byte < n_bytes; byte++) {
        to[byte] = from[byte];
    }
}

/* A literal whose length has 1..4 bytes of its own. *inout_src is behind the tag. */
static bool
long_literal(snappy_state *self, uint32_t tag)
{
    const int64_t n_length = (int64_t)(tag >> 2) - 59;
    if (self->src_end - self->src < n_length) {
        return false;
    }
    uint32_t length = 0;
    memcpy(&length, self->src, (size_t)n_length);
    const int64_t n_bytes = (int64_t)length + 1;
    self->src += n_length;
    if (n_bytes > self->src_end - self->src || n_bytes > self->dst_end - self->dst) {
        return false;
    }
    memcpy(self->dst, self->src, (size_t)n_bytes);
    self->src += n_bytes;
    self->dst += n_bytes;
    return true;
}

/* The two ends of a wild step, by value so that they stay in registers. dst NULL = damaged. */
typedef struct wild_cursor {
    const uint8_t *src;
    uint8_t *dst;
} wild_cursor;

/* A literal of up to 60 bytes whose tag was consumed. */
static inline wild_cursor
wild_literal(wild_cursor at, int64_t n_bytes)
{
    move_16(at.dst, at.src);
    for (int64_t done = 16; done < n_bytes; done += 16) {
        move_16(at.dst + done, at.src + done);
    }
    return (wild_cursor){at.src + n_bytes, at.dst + n_bytes};
}

/* A copy, checked. */
static inline wild_cursor
checked_copy(wild_cursor at, const uint8_t *dst_begin, int64_t distance, int64_t n_bytes)
{
    if (CN_UNLIKELY(distance == 0 || distance > at.dst - dst_begin)) {
        return (wild_cursor){at.src, NULL};
    }
    wild_copy(at.dst, distance, n_bytes);
    at.dst += n_bytes;
    return at;
}

/* A copy whose tag was consumed. */
static inline wild_cursor
tagged_copy(wild_cursor at, const uint8_t *dst_begin, uint32_t tag)
{
    const uint8_t *src = at.src;
    if ((tag & 3) == 1) {
        at.src += 1;
        return checked_copy(at, dst_begin, (int64_t)((tag >> 5) << 8 | *src),
                            4 + (int64_t)((tag >> 2) & 7));
    }
    const int64_t n_bytes = (int64_t)(tag >> 2) + 1;
    if ((tag & 3) == 2) {
        at.src += 2;
        return checked_copy(at, dst_begin, (int64_t)load_u16(src), n_bytes);
    }
    at.src += 4;
    return checked_copy(at, dst_begin, (int64_t)load_u32(src), n_bytes);
}

/* A literal with a length of its own, from the wild loop. */
static CN_NOINLINE wild_cursor
wild_long_literal(const snappy_state *whole, wild_cursor at, uint32_t tag)
{
    snappy_state state = *whole;
    state.src = at.src;
    state.dst = at.dst;
    const bool good = long_literal(&state, tag);
    return (wild_cursor){state.src, good ? state.dst : NULL};
}

/* One tag of any kind. */
static inline wild_cursor
wild_tag(const snappy_state *whole, wild_cursor at)
{
    const uint32_t tag = *at.src++;
    if ((tag & 3) != 0) {
        return tagged_copy(at, whole->dst_begin, tag);
    }
    if (CN_LIKELY(tag >> 2 < 60)) {
        return wild_literal(at, (int64_t)(tag >> 2) + 1);
    }
    return wild_long_literal(whole, at, tag);
}

/* While enough room is on both sides. False = damaged. */
static bool
run_wild(snappy_state *self)
{
    const uint8_t *src_stop = self->src_end - WILD_BYTES;
    const uint8_t *dst_stop = self->dst_end - WILD_BYTES;
    wild_cursor at = {self->src, self->dst};
    while (at.dst != NULL && at.src < src_stop && at.dst < dst_stop) {
        at = wild_tag(self, at);
    }
    self->src = at.src;
    self->dst = at.dst;
    return at.dst != NULL;
}

/* One copy near an end, byte by byte. `tag` is consumed already. */
static bool
careful_copy(snappy_state *self, uint32_t tag)
{
    static const uint8_t n_offset_bytes[4] = {0, 1, 2, 4};
    const int64_t n_offset = n_offset_bytes[tag & 3];
    if (self->src_end - self->src < n_offset) {
        return false;
    }
    uint32_t offset = 0;
    memcpy(&offset, self->src, (size_t)n_offset);
    self->src += n_offset;
    int64_t n_bytes = (int64_t)(tag >> 2) + 1;
    if ((tag & 3) == 1) {
        n_bytes = 4 + (int64_t)((tag >> 2) & 7);
        offset |= (tag >> 5) << 8;
    }
    const int64_t distance = (int64_t)offset;
    if (distance == 0 || distance > self->dst - self->dst_begin ||
        n_bytes > self->dst_end - self->dst) {
        return false;
    }
    for (int64_t byte = 0; byte < n_bytes; byte++) {
        self->dst[byte] = self->dst[byte - distance];
    }
    self->dst += n_bytes;
    return true;
}

static bool
careful_literal(snappy_state *self, uint32_t tag)
{
    const int64_t n_bytes = (int64_t)(tag >> 2) + 1;
    if (n_bytes > 60) {
        return long_literal(self, tag);
    }
    if (n_bytes > self->src_end - self->src || n_bytes > self->dst_end - self->dst) {
        return false;
    }
    memcpy(self->dst, self->src, (size_t)n_bytes);
    self->src += n_bytes;
    self->dst += n_bytes;
    return true;
}

/* The varint in front: false when malformed. */
static bool
read_preamble(snappy_state *self, int64_t *out_bytes)
{
    uint64_t value = 0;
    for (int32_t shift = 0; shift < 35; shift += 7) {
        if (self->src == self->src_end) {
            return false;
        }
        const uint64_t byte = *self->src++;
        value |= (byte & 127) << shift;
        if (byte < 128) {
            *out_bytes = (int64_t)value;
            return value <= UINT32_MAX;
        }
    }
    return false;
}

static bool
run_all(snappy_state *self)
{
    if (self->src_end - self->src > WILD_BYTES && self->dst_end - self->dst > WILD_BYTES &&
        !run_wild(self)) {
        return false;
    }
    while (self->src < self->src_end) {
        const uint32_t tag = *self->src++;
        const bool good = (tag & 3) == 0 ? careful_literal(self, tag) : careful_copy(self, tag);
        if (!good) {
            return false;
        }
    }
    return self->dst == self->dst_end;
}

cn_code
cni_snappy_decompress(const uint8_t *src, int64_t src_bytes, uint8_t *dst, int64_t dst_bytes,
                      cn_error *err)
{
    snappy_state state = {.src = src,
                          .src_end = src + src_bytes,
                          .dst = dst,
                          .dst_begin = dst,
                          .dst_end = dst + dst_bytes};
    int64_t n_claimed;
    if (!read_preamble(&state, &n_claimed)) {
        return CN_FAIL(err, CN_INVALID_DATA, "damaged SNAPPY block: no length in front");
    }
    if (n_claimed != dst_bytes) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "damaged SNAPPY block: it says %lld bytes where %lld are expected",
                       (long long)n_claimed, (long long)dst_bytes);
    }
    if (!run_all(&state)) {
        return CN_FAIL(err, CN_INVALID_DATA, "damaged SNAPPY block of %lld bytes",
                       (long long)src_bytes);
    }
    return CN_OK;
}
