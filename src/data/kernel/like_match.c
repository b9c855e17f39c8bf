/* SPDX-License-Identifier: Apache-2.0
 *
 * LIKE and ILIKE. A pattern is compiled into segments, the parts between '%'; a segment is a list
 * of literal runs and gaps of '_' (one character each, UTF-8 aware).
 *
 *   pattern   [first] % middle % middle % [last]
 *
 * The first segment is anchored at the start unless the pattern begins with '%', the last one at
 * the end unless it ends with '%'; those between are found leftmost, one behind the other, which is
 * enough for a match to be found when there is one. Literal segments are found by the kernels'
 * substring search; a segment that begins with '_' is tried at each character. ILIKE folds both
 * sides by code point (simple case folding); the folded pattern meets the text through a slower
 * matcher of code points.
 */
#include <utf8proc.h>

#include "data/kernel/ops_int.h"

typedef struct like_part {
    cni_str literal; /* empty for a gap */
    int32_t n_any;   /* '_' before the literal */
} like_part;

typedef struct like_segment {
    const like_part *parts; /* n_any characters, then the literal, part after part */
    int32_t n_parts;
    bool is_literal; /* one part without gap */
} like_segment;

typedef enum like_kind {
    LIKE_EXACT,    /* one literal segment, anchored at both ends */
    LIKE_PREFIX,   /* abc% */
    LIKE_SUFFIX,   /* %abc */
    LIKE_CONTAINS, /* %abc% */
    LIKE_ALL,      /* % */
    LIKE_GENERAL,
    LIKE_FOLDED /* code points, case folded */
} like_kind;

/* Immutable. Lives in the arena it was compiled into. */
struct cni_like {
    like_kind kind;
    const cni_kernels *kernels;
    const like_segment *segments;
    int32_t n_segments;
    bool starts_anchored;
    bool ends_anchored;
    cni_str prefix;
    const int32_t *folded; /* LIKE_FOLDED: code points, or FOLDED_... */
    int64_t n_folded;
};

#define FOLDED_ANY_CHARACTER (-1) /* _ */
#define FOLDED_ANY_RUN       (-2) /* % */

/* ---- UTF-8 ---- */

/* Bytes of the character at `at` < len_bytes; a byte that is no lead counts as one. */
static inline int64_t
char_bytes(cni_str text, int64_t at)
{
    const uint8_t lead = (uint8_t)text.data[at];
    const int64_t n_bytes = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    return cni_min_i64(n_bytes, text.len_bytes - at);
}

/* Begin of the character that ends at `end` > 0. */
static inline int64_t
char_before(cni_str text, int64_t end)
{
    int64_t at = end - 1;
    while (at > 0 && end - at < 4 && ((uint8_t)text.data[at] & 0xC0) == 0x80) {
        at--;
    }
    return at;
}

/* The folded code point at *inout_at, which moves on. Damaged bytes stand for themselves. */
static int32_t
next_folded(cni_str text, int64_t *inout_at)
{
    const uint8_t lead = (uint8_t)text.data[*inout_at];
    if (lead < 0x80) {
        (*inout_at)++;
        return lead >= 'A' && lead <= 'Z' ? lead + ('a' - 'A') : lead;
    }
    utf8proc_int32_t code_point;
    const utf8proc_ssize_t n_bytes =
        utf8proc_iterate((const utf8proc_uint8_t *)text.data + *inout_at,
                         (utf8proc_ssize_t)(text.len_bytes - *inout_at), &code_point);
    if (n_bytes <= 0) {
        (*inout_at)++;
        return 0x110000 + lead;
    }
    *inout_at += n_bytes;
    return utf8proc_tolower(code_point);
}

/* ---- compilation ---- */

typedef struct like_builder {
    cni_arena *arena;
    cni_str pattern;
    cni_str escape;
    char *literals; /* unescaped text, at most as long as the pattern */
    int64_t n_literal_bytes;
    like_part *parts;
    int32_t n_parts;
    like_segment *segments;
    int32_t n_segments;
    int64_t literal_start; /* of the part being built */
    int32_t n_any;
    int32_t segment_start;
} like_builder;

typedef enum like_token {
    TOKEN_LITERAL,
    TOKEN_ANY_CHARACTER,
    TOKEN_ANY_RUN
} like_token;

/* The next token of the pattern; literals are single characters. */
static cn_code
next_token(cni_str pattern, cni_str escape, int64_t *inout_at, like_token *out_token,
           cni_str *out_literal, cn_error *err)
{
    int64_t at = *inout_at;
    int64_t n_bytes = char_bytes(pattern, at);
    cni_str one = {pattern.data + at, n_bytes};
    *out_token = TOKEN_LITERAL;
    if (escape.len_bytes > 0 && cni_str_eq(one, escape)) {
        at += n_bytes;
        if (at >= pattern.len_bytes) {
            const cn_code code = CN_FAIL(err, CN_INVALID_DATA,
                                         "LIKE pattern must not end with the escape character");
            cni_error_sqlstate(err, "22025");
            return code;
        }
        n_bytes = char_bytes(pattern, at);
        one = (cni_str){pattern.data + at, n_bytes};
    } else if (one.data[0] == '%') {
        *out_token = TOKEN_ANY_RUN;
    } else if (one.data[0] == '_') {
        *out_token = TOKEN_ANY_CHARACTER;
    }
    *out_literal = one;
    *inout_at = at + n_bytes;
    return CN_OK;
}

static void
end_part(like_builder *self)
{
    const int64_t len_bytes = self->n_literal_bytes - self->literal_start;
    if (len_bytes == 0 && self->n_any == 0) {
        return;
    }
    self->parts[self->n_parts++] =
        (like_part){{self->literals + self->literal_start, len_bytes}, self->n_any};
    self->literal_start = self->n_literal_bytes;
    self->n_any = 0;
}

static void
end_segment(like_builder *self)
{
    end_part(self);
    const int32_t n_parts = self->n_parts - self->segment_start;
    if (n_parts > 0) {
        const like_part *parts = self->parts + self->segment_start;
        const bool is_literal = n_parts == 1 && parts[0].n_any == 0;
        self->segments[self->n_segments++] = (like_segment){parts, n_parts, is_literal};
    }
    self->segment_start = self->n_parts;
}

static cn_code
build_segments(like_builder *self, bool *out_starts_anchored, bool *out_ends_anchored,
               cn_error *err)
{
    *out_starts_anchored = true;
    *out_ends_anchored = true;
    int64_t at = 0;
    while (at < self->pattern.len_bytes) {
        const bool is_first = at == 0;
        like_token token = TOKEN_LITERAL;
        cni_str literal = {NULL, 0};
        CN_TRY(next_token(self->pattern, self->escape, &at, &token, &literal, err));
        *out_ends_anchored = token != TOKEN_ANY_RUN;
        if (token == TOKEN_ANY_RUN) {
            *out_starts_anchored = *out_starts_anchored && !is_first;
            end_segment(self);
        } else if (token == TOKEN_ANY_CHARACTER) {
            if (self->n_literal_bytes > self->literal_start) {
                end_part(self);
            }
            self->n_any++;
        } else {
            memcpy(self->literals + self->n_literal_bytes, literal.data, (size_t)literal.len_bytes);
            self->n_literal_bytes += literal.len_bytes;
        }
    }
    end_segment(self);
    return CN_OK;
}

static like_kind
kind_of(const cni_like *like)
{
    const bool starts = like->starts_anchored;
    const bool ends = like->ends_anchored;
    if (like->n_segments == 0) {
        return starts && ends ? LIKE_EXACT : LIKE_ALL;
    }
    if (like->n_segments > 1 || !like->segments[0].is_literal) {
        return LIKE_GENERAL;
    }
    return starts && ends ? LIKE_EXACT : starts ? LIKE_PREFIX : ends ? LIKE_SUFFIX : LIKE_CONTAINS;
}

static cn_code
compile_bytes(cni_arena *arena, cni_str pattern, cni_str escape, cni_like *like, cn_error *err)
{
    like_builder builder = {.arena = arena, .pattern = pattern, .escape = escape};
    const int64_t n_most = pattern.len_bytes + 1;
    CN_TRY(cni_arena_alloc(arena, n_most, &builder.literals, err));
    CN_TRY(cni_arena_alloc_array(arena, n_most, sizeof(*builder.parts), &builder.parts, err));
    CN_TRY(cni_arena_alloc_array(arena, n_most, sizeof(*builder.segments), &builder.segments, err));
    CN_TRY(build_segments(&builder, &like->starts_anchored, &like->ends_anchored, err));
    like->segments = builder.segments;
    like->n_segments = builder.n_segments;
    like->kind = kind_of(like);
    if (like->starts_anchored && like->n_segments > 0 && like->segments[0].parts[0].n_any == 0) {
        like->prefix = like->segments[0].parts[0].literal;
    }
    return CN_OK;
}

static cn_code
compile_folded(cni_arena *arena, cni_str pattern, cni_str escape, cni_like *like, cn_error *err)
{
    int32_t *folded;
    CN_TRY(cni_arena_alloc_array(arena, pattern.len_bytes + 1, sizeof(*folded), &folded, err));
    int64_t at = 0;
    while (at < pattern.len_bytes) {
        like_token token = TOKEN_LITERAL;
        cni_str literal = {NULL, 0};
        CN_TRY(next_token(pattern, escape, &at, &token, &literal, err));
        int64_t start = 0;
        folded[like->n_folded++] = token == TOKEN_ANY_RUN         ? FOLDED_ANY_RUN
                                   : token == TOKEN_ANY_CHARACTER ? FOLDED_ANY_CHARACTER
                                                                  : next_folded(literal, &start);
    }
    like->folded = folded;
    like->kind = LIKE_FOLDED;
    return CN_OK;
}

cn_code
cni_like_new(cni_arena *arena, cni_str pattern, cni_str escape, bool nocase, cni_like **out_like,
             cn_error *err)
{
    if (escape.len_bytes > 0 && char_bytes(escape, 0) != escape.len_bytes) {
        const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "escape must be one character: '%.*s'",
                                     CNI_STR_ARGS(escape));
        cni_error_sqlstate(err, "22019");
        return code;
    }
    cni_like *like;
    CN_TRY(CN_ARENA_NEW(arena, &like, err));
    like->kernels = cni_kernels_get();
    like->prefix = CNI_STR("");
    CN_TRY(nocase ? compile_folded(arena, pattern, escape, like, err)
                  : compile_bytes(arena, pattern, escape, like, err));
    *out_like = like;
    return CN_OK;
}

cni_str
cni_like_prefix(const cni_like *self)
{
    return self->prefix;
}

/* ---- matching ---- */

static inline bool
literal_at(cni_str text, int64_t at, cni_str literal)
{
    return literal.len_bytes <= text.len_bytes - at &&
           (literal.len_bytes == 0 ||
            memcmp(text.data + at, literal.data, (size_t)literal.len_bytes) == 0);
}

/* End of the segment matched at `at`, or -1. */
static int64_t
match_forward(const like_segment *segment, cni_str text, int64_t at)
{
    for (int32_t part = 0; part < segment->n_parts; part++) {
        for (int32_t any = 0; any < segment->parts[part].n_any; any++) {
            if (at >= text.len_bytes) {
                return -1;
            }
            at += char_bytes(text, at);
        }
        if (!literal_at(text, at, segment->parts[part].literal)) {
            return -1;
        }
        at += segment->parts[part].literal.len_bytes;
    }
    return at;
}

/* Begin of the segment matched so that it ends at `end`, or -1. */
static int64_t
match_backward(const like_segment *segment, cni_str text, int64_t end)
{
    for (int32_t part = segment->n_parts - 1; part >= 0; part--) {
        const cni_str literal = segment->parts[part].literal;
        end -= literal.len_bytes;
        if (end < 0 || !literal_at(text, end, literal)) {
            return -1;
        }
        for (int32_t any = 0; any < segment->parts[part].n_any; any++) {
            if (end <= 0) {
                return -1;
            }
            end = char_before(text, end);
        }
    }
    return end;
}

/* End of the leftmost match at or after `at`, or -1. */
static int64_t
match_search(const cni_like *self, const like_segment *segment, cni_str text, int64_t at)
{
    const like_part *first = &segment->parts[0];
    while (at <= text.len_bytes) {
        if (first->n_any == 0) {
            const int64_t found = self->kernels->find(
                text.data + at, text.len_bytes - at, first->literal.data, first->literal.len_bytes);
            if (found < 0) {
                return -1;
            }
            at += found;
        }
        const int64_t end = match_forward(segment, text, at);
        if (end >= 0) {
            return end;
        }
        if (at >= text.len_bytes) {
            return -1;
        }
        at += char_bytes(text, at);
    }
    return -1;
}

static bool
match_general(const cni_like *self, cni_str text)
{
    int32_t first = 0;
    int32_t last = self->n_segments;
    int64_t at = 0;
    if (self->starts_anchored) {
        at = match_forward(&self->segments[0], text, 0);
        if (at < 0 || (self->n_segments == 1 && self->ends_anchored)) {
            return at == text.len_bytes;
        }
        first = 1;
    }
    cni_str middle = text;
    if (self->ends_anchored) {
        last--;
        middle.len_bytes = match_backward(&self->segments[last], text, text.len_bytes);
        if (middle.len_bytes < at) {
            return false;
        }
    }
    for (int32_t segment = first; segment < last; segment++) {
        at = match_search(self, &self->segments[segment], middle, at);
        if (at < 0) {
            return false;
        }
    }
    return true;
}

/* Wildcards over code points: on a mismatch, the last % takes one character more. */
static bool
match_folded(const cni_like *self, cni_str text)
{
    int64_t at = 0;
    int64_t token = 0;
    int64_t retry_at = -1;
    int64_t retry_token = -1;
    while (at < text.len_bytes) {
        if (token < self->n_folded && self->folded[token] == FOLDED_ANY_RUN) {
            retry_token = ++token;
            retry_at = at;
            continue;
        }
        int64_t next = at;
        const int32_t code_point = next_folded(text, &next);
        if (token < self->n_folded &&
            (self->folded[token] == FOLDED_ANY_CHARACTER || self->folded[token] == code_point)) {
            token++;
            at = next;
            continue;
        }
        if (retry_token < 0) {
            return false;
        }
        (void)next_folded(text, &retry_at);
        token = retry_token;
        at = retry_at;
    }
    while (token < self->n_folded && self->folded[token] == FOLDED_ANY_RUN) {
        token++;
    }
    return token == self->n_folded;
}

static cni_str
only_literal(const cni_like *self)
{
    return self->n_segments == 0 ? CNI_STR("") : self->segments[0].parts[0].literal;
}

bool
cni_like_match(const cni_like *self, cni_str text)
{
    switch (self->kind) {
    case LIKE_EXACT:
        return cni_str_eq(text, only_literal(self));
    case LIKE_PREFIX:
        return literal_at(text, 0, only_literal(self));
    case LIKE_SUFFIX: {
        const cni_str literal = only_literal(self);
        return literal.len_bytes <= text.len_bytes &&
               literal_at(text, text.len_bytes - literal.len_bytes, literal);
    }
    case LIKE_CONTAINS: {
        const cni_str literal = only_literal(self);
        return self->kernels->find(text.data, text.len_bytes, literal.data, literal.len_bytes) >= 0;
    }
    case LIKE_ALL:
        return true;
    case LIKE_GENERAL:
        return match_general(self, text);
    default:
        return match_folded(self, text);
    }
}

/* ---- over vectors ---- */

/* Prefixes of up to four bytes are decided by the view's head alone. */
static uint64_t
match_short_prefix(cni_str prefix, const cni_view *views, uint64_t active)
{
    uint32_t wanted = 0;
    memcpy(&wanted, prefix.data, (size_t)prefix.len_bytes);
    const uint32_t mask = UINT32_MAX >> (32 - 8 * prefix.len_bytes);
    uint64_t word = 0;
    for (; active != 0; active &= active - 1) {
        const int bit = __builtin_ctzll(active);
        uint32_t head;
        memcpy(&head, views[bit].as.ref.prefix, sizeof(head));
        const bool matches =
            (head & mask) == wanted && views[bit].len_bytes >= (uint32_t)prefix.len_bytes;
        word |= (uint64_t)matches << bit;
    }
    return word;
}

static uint64_t
match_block(const cni_like *like, const cni_view *views, uint64_t active)
{
    const cni_str literal = only_literal(like);
    if (like->kind == LIKE_PREFIX && literal.len_bytes >= 1 && literal.len_bytes <= 4) {
        return match_short_prefix(literal, views, active);
    }
    uint64_t word = 0;
    for (; active != 0; active &= active - 1) {
        const int bit = __builtin_ctzll(active);
        word |= (uint64_t)cni_like_match(like, cni_view_str(&views[bit])) << bit;
    }
    return word;
}

cn_code
cni_op_like(const cni_op_env *env, const cni_like *like, bool negated, const cni_vector *a,
            cni_vector *inout_result, cn_error *err)
{
    cni_op_frame frame;
    cni_op_begin(&frame, env, &a, 1);
    bool is_null;
    CN_TRY(cni_op_strict(&frame, &a, 1, cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, inout_result,
                         &is_null, err));
    if (is_null) {
        return CN_OK;
    }
    if (a->phys != CNI_PHYS_VIEW) {
        return cni_op_refuse(env, "LIKE", a->type, err);
    }
    uint64_t *out = cni_vector_mutable_data(inout_result);
    const cni_view *views = a->data;
    for (int64_t row = 0; row < frame.n; row += 64) {
        const int64_t n_block = cni_min_i64(64, frame.n - row);
        const uint64_t mask = n_block == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n_block) - 1;
        const uint64_t active = cni_op_active(&frame, inout_result->validity, row, n_block);
        const uint64_t word = match_block(like, views + row, active);
        out[row >> 6] = negated ? mask & ~word : word;
    }
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}
