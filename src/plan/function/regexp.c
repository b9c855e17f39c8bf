/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions through PCRE2: regexp_matches, regexp_full_match, regexp_replace,
 * regexp_extract, regexp_count, the operators ~ ~* !~ !~*, and SIMILAR TO and GLOB, whose patterns
 * are translated.
 *
 * A thread's local state holds the last pattern that was compiled, with its JIT code; constant
 * patterns are so compiled once per thread. Matching is bounded by PCRE2's match, depth and heap
 * limits: a pattern that would run away is an error, not a hang. Text that is no UTF-8 does not
 * match. Options: i no case, c case, g every match (replace), l literal, s dot matches newline (the
 * default), m n p newline-sensitive, x free spacing.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

#define MATCH_LIMIT    10000000
#define DEPTH_LIMIT    1000
#define HEAP_LIMIT_KIB 16384
#define MAX_PATTERN    65536
#define MAX_GROUP      99
#define HEADER_BYTES   16

typedef enum pattern_kind {
    PATTERN_REGEXP,
    PATTERN_FULL, /* the whole string must match */
    PATTERN_SIMILAR,
    PATTERN_GLOB
} pattern_kind;

/* Private data of the entries. */
typedef struct regexp_function {
    cni_signature signature;
    pattern_kind kind;
    bool negated;
    bool nocase;
    int32_t options_arg; /* argument with options, -1 = none */
} regexp_function;

/* Per thread. */
typedef struct regexp_local {
    cni_allocator *allocator;
    pcre2_general_context *general;
    pcre2_match_context *match_context;
    pcre2_code *code;
    pcre2_match_data *match;
    cni_strbuf pattern; /* what `code` was compiled from, options behind a NUL */
    cni_strbuf key;     /* scratch */
    bool global;
} regexp_local;

/* ---- memory ---- */

/* PCRE2 frees without a size: it stands before the block. */
static void *
give_block(PCRE2_SIZE n_bytes, void *data)
{
    uint8_t *block = NULL;
    const int64_t total = (int64_t)n_bytes + HEADER_BYTES;
    if (n_bytes > INT32_MAX || cni_alloc(data, total, &block, NULL) != CN_OK) {
        return NULL;
    }
    memcpy(block, &total, sizeof(total));
    return block + HEADER_BYTES;
}

static void
take_block(void *block, void *data)
{
    if (block != NULL) {
        uint8_t *start = (uint8_t *)block - HEADER_BYTES;
        int64_t total = 0;
        memcpy(&total, start, sizeof(total));
        cni_dealloc(data, start, total);
    }
}

static void
close_regexp(const cni_function *self, cni_allocator *allocator, void *local)
{
    regexp_local *regexp = local;
    (void)self;
    pcre2_match_data_free(regexp->match);
    pcre2_code_free(regexp->code);
    pcre2_match_context_free(regexp->match_context);
    pcre2_general_context_free(regexp->general);
    cni_strbuf_done(&regexp->pattern);
    cni_strbuf_done(&regexp->key);
    cni_dealloc(allocator, regexp, (int64_t)sizeof(*regexp));
}

static cn_code
open_regexp(const cni_function *self, cni_allocator *allocator, const void *bind_data,
            void **out_local, cn_error *err)
{
    regexp_local *local = NULL;
    (void)bind_data;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*local), &local, err));
    local->allocator = allocator;
    cni_strbuf_init(&local->pattern, allocator, INT32_MAX);
    cni_strbuf_init(&local->key, allocator, INT32_MAX);
    local->general = pcre2_general_context_create(give_block, take_block, allocator);
    local->match_context =
        local->general == NULL ? NULL : pcre2_match_context_create(local->general);
    if (local->match_context == NULL) {
        close_regexp(self, allocator, local);
        return cni_error_no_memory(err, 256);
    }
    (void)pcre2_set_match_limit(local->match_context, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(local->match_context, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(local->match_context, HEAP_LIMIT_KIB);
    *out_local = local;
    return CN_OK;
}

/* ---- patterns ---- */

static bool
is_special(char byte)
{
    return byte != '\0' && strchr("\\^$.[]|()?*+{}#", byte) != NULL;
}

static cn_code
append_quoted(cni_strbuf *out, const char *character, cn_error *err)
{
    if (is_special(*character)) {
        CN_TRY(cni_strbuf_append_char(out, '\\', err));
    }
    return cni_strbuf_append_char(out, *character, err);
}

/* SQL's SIMILAR TO: % and _ as in LIKE, | * + ? {} () [] as in regular expressions. */
static cn_code
translate_similar(cni_str pattern, cni_strbuf *out, cn_error *err)
{
    bool in_set = false;
    for (int64_t at = 0; at < pattern.len_bytes; at++) {
        const char byte = pattern.data[at];
        if (byte == '\\' && at + 1 < pattern.len_bytes) {
            CN_TRY(append_quoted(out, &pattern.data[++at], err));
        } else if (in_set || (byte != '%' && byte != '_' && (strchr("|*+?{}()[]", byte) != NULL))) {
            in_set = byte == '[' || (in_set && byte != ']');
            CN_TRY(cni_strbuf_append_char(out, byte, err));
        } else if (byte == '%') {
            CN_TRY(cni_strbuf_append(out, CNI_STR(".*"), err));
        } else if (byte == '_') {
            CN_TRY(cni_strbuf_append_char(out, '.', err));
        } else {
            CN_TRY(append_quoted(out, &byte, err));
        }
    }
    return CN_OK;
}

/* GLOB: * any text, ? one character, [abc] [a-z] [!a] sets. */
static cn_code
translate_glob(cni_str pattern, cni_strbuf *out, cn_error *err)
{
    bool in_set = false;
    for (int64_t at = 0; at < pattern.len_bytes; at++) {
        const char byte = pattern.data[at];
        if (in_set) {
            const bool begins = pattern.data[at - 1] == '[';
            in_set = byte != ']' || begins;
            CN_TRY(cni_strbuf_append_char(out, begins && byte == '!' ? '^' : byte, err));
        } else if (byte == '[') {
            in_set = true;
            CN_TRY(cni_strbuf_append_char(out, byte, err));
        } else if (byte == '*') {
            CN_TRY(cni_strbuf_append(out, CNI_STR(".*"), err));
        } else if (byte == '?') {
            CN_TRY(cni_strbuf_append_char(out, '.', err));
        } else if (byte == '\\' && at + 1 < pattern.len_bytes) {
            CN_TRY(append_quoted(out, &pattern.data[++at], err));
        } else {
            CN_TRY(append_quoted(out, &byte, err));
        }
    }
    return CN_OK;
}

static cn_code
read_option(char option, uint32_t *flags, bool *global, cn_error *err)
{
    switch (option) {
    case 'i':
        *flags |= PCRE2_CASELESS;
        return CN_OK;
    case 'c':
        *flags &= ~(uint32_t)PCRE2_CASELESS;
        return CN_OK;
    case 'g':
        *global = true;
        return CN_OK;
    case 'l':
        *flags |= PCRE2_LITERAL;
        return CN_OK;
    case 's':
        *flags |= PCRE2_DOTALL;
        return CN_OK;
    case 'm':
    case 'n':
    case 'p':
        *flags = (*flags & ~(uint32_t)PCRE2_DOTALL) | PCRE2_MULTILINE;
        return CN_OK;
    case 'x':
        *flags |= PCRE2_EXTENDED;
        return CN_OK;
    default: {
        const cn_code code = CN_FAIL(err, CN_INVALID_ARGUMENT,
                                     "\"%c\" is not an option of regular expressions", option);
        cni_error_sqlstate(err, "22023");
        return code;
    }
    }
}

static cn_code
pattern_error(int number, PCRE2_SIZE offset, cni_str pattern, cn_error *err)
{
    PCRE2_UCHAR text[128] = {0};
    (void)pcre2_get_error_message(number, text, sizeof(text));
    const int shown = (int)cni_min_i64(pattern.len_bytes, 100);
    const cn_code code =
        CN_FAIL(err, CN_INVALID_DATA, "invalid regular expression '%.*s': %s at byte %lld", shown,
                pattern.data, (const char *)text, (long long)offset);
    cni_error_sqlstate(err, "2201B");
    return code;
}

static cn_code
compile_text(regexp_local *local, cni_str pattern, uint32_t flags, cn_error *err)
{
    int number = 0;
    PCRE2_SIZE offset = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(local->general);
    if (context == NULL) {
        return cni_error_no_memory(err, 256);
    }
    if ((flags & PCRE2_LITERAL) != 0) { /* not to be had with these */
        flags &= ~(uint32_t)(PCRE2_DOTALL | PCRE2_MULTILINE | PCRE2_EXTENDED);
    }
    local->code =
        pcre2_compile((PCRE2_SPTR)pattern.data, (PCRE2_SIZE)pattern.len_bytes,
                      flags | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &number, &offset, context);
    pcre2_compile_context_free(context);
    if (number == PCRE2_ERROR_HEAP_FAILED) {
        return cni_error_no_memory(err, HEADER_BYTES);
    }
    if (local->code == NULL) {
        return pattern_error(number, offset, pattern, err);
    }
    (void)pcre2_jit_compile(local->code, PCRE2_JIT_COMPLETE);
    local->match = pcre2_match_data_create_from_pattern(local->code, local->general);
    return local->match == NULL ? cni_error_no_memory(err, 256) : CN_OK;
}

static cn_code
compile_translated(regexp_local *local, const regexp_function *function, cni_str pattern,
                   uint32_t flags, cn_error *err)
{
    cni_strbuf text;
    cni_strbuf_init(&text, local->allocator, MAX_PATTERN * 4);
    cn_code code = CN_OK;
    const bool whole = function->kind != PATTERN_REGEXP;
    if (whole) {
        code = cni_strbuf_append(&text, CNI_STR("\\A(?:"), err);
    }
    if (code == CN_OK && function->kind == PATTERN_SIMILAR) {
        code = translate_similar(pattern, &text, err);
    } else if (code == CN_OK && function->kind == PATTERN_GLOB) {
        code = translate_glob(pattern, &text, err);
    } else if (code == CN_OK) {
        code = cni_strbuf_append(&text, pattern, err);
    }
    if (code == CN_OK && whole) {
        code = cni_strbuf_append(&text, CNI_STR(")\\z"), err);
    }
    if (code == CN_OK) {
        code = compile_text(local, cni_strbuf_view(&text), flags, err);
    }
    cni_strbuf_done(&text);
    return code;
}

/* local->code for the pattern and options, compiled when they are not the last ones. */
static cn_code
prepare(regexp_local *local, const regexp_function *function, cni_str pattern, cni_str options,
        cn_error *err)
{
    uint32_t flags = PCRE2_DOTALL | (function->nocase ? PCRE2_CASELESS : 0U);
    bool global = false;
    cni_strbuf_reset(&local->key);
    CN_TRY(cni_strbuf_append(&local->key, pattern, err));
    CN_TRY(cni_strbuf_append_char(&local->key, '\0', err));
    CN_TRY(cni_strbuf_append(&local->key, options, err));
    if (local->code != NULL &&
        cni_str_eq(cni_strbuf_view(&local->key), cni_strbuf_view(&local->pattern))) {
        return CN_OK;
    }
    if (pattern.len_bytes > MAX_PATTERN) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a regular expression is longer than %d bytes",
                       MAX_PATTERN);
    }
    for (int64_t at = 0; at < options.len_bytes; at++) {
        CN_TRY(read_option(options.data[at], &flags, &global, err));
    }
    pcre2_match_data_free(local->match);
    pcre2_code_free(local->code);
    local->match = NULL;
    local->code = NULL;
    cni_strbuf_reset(&local->pattern);
    CN_TRY(compile_translated(local, function, pattern, flags, err));
    local->global = global;
    return cni_strbuf_append(&local->pattern, cni_strbuf_view(&local->key), err);
}

/* First match from `start` on; *out_groups 0 = none. */
static cn_code
match_at(regexp_local *local, cni_str text, int64_t start, uint32_t flags, int *out_groups,
         cn_error *err)
{
    const char *data = text.data == NULL ? "" : text.data;
    const int found = pcre2_match(local->code, (PCRE2_SPTR)data, (PCRE2_SIZE)text.len_bytes,
                                  (PCRE2_SIZE)start, flags, local->match, local->match_context);
    *out_groups = found > 0 ? found : 0;
    if (found >= 0 || found == PCRE2_ERROR_NOMATCH) {
        return CN_OK;
    }
    if (found == PCRE2_ERROR_NOMEMORY) {
        return cni_error_no_memory(err, HEAP_LIMIT_KIB);
    }
    PCRE2_UCHAR words[128] = {0};
    (void)pcre2_get_error_message(found, words, sizeof(words));
    const cn_code code =
        CN_FAIL(err, CN_LIMIT_EXCEEDED, "matching a regular expression: %s", (const char *)words);
    cni_error_sqlstate(err, "54001");
    return code;
}

static cni_str
options_at(const regexp_function *function, const cni_scalar_call *call, const cni_reader *args,
           int64_t row)
{
    const int32_t arg = function->options_arg;
    return arg < 0 || arg >= call->n_args ? (cni_str){"", 0} : cni_read_str(&args[arg], row);
}

/* The byte after the character at `at`. */
static int64_t
next_char(cni_str text, int64_t at)
{
    at++;
    while (at < text.len_bytes && ((unsigned char)text.data[at] & 0xC0U) == 0x80U) {
        at++;
    }
    return at;
}

static cni_str
group_of(const regexp_local *local, cni_str text, int n_groups, int64_t group)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(local->match);
    if (group >= n_groups || ends[group * 2] == PCRE2_UNSET) {
        return (cni_str){text.data, 0};
    }
    const PCRE2_SIZE start = ends[group * 2];
    const PCRE2_SIZE end = ends[group * 2 + 1];
    return (cni_str){text.data + start, end > start ? (int64_t)(end - start) : 0};
}

/* ---- tests and counts ---- */

static void
read_args(const cni_scalar_call *call, cni_reader readers[CNI_SIGNATURE_MAX_ARGS])
{
    CN_ASSERT(call->n_args >= 2);
    for (int32_t arg = 0; arg < call->n_args; arg++) {
        readers[arg] = cni_reader_of(call->args[arg]);
    }
}

static cn_code
evaluate_test(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    const regexp_function *function = self->private_data;
    uint64_t alive[CNI_ROWS_WORDS];
    cni_reader args[CNI_SIGNATURE_MAX_ARGS] = {{0}};
    uint64_t *out = NULL;
    read_args(call, args);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    memset(out, 0, (size_t)cni_bits_words(call->env.n_rows) * 8);
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        int n_groups = 0;
        if (!cni_word_bit(alive, row)) {
            continue;
        }
        CN_TRY(prepare(call->local, function, cni_read_str(&args[1], row),
                       options_at(function, call, args, row), err));
        CN_TRY(match_at(call->local, cni_read_str(&args[0], row), 0, 0, &n_groups, err));
        out[row >> 6] |= (uint64_t)((n_groups > 0) != function->negated) << (row & 63);
    }
    return CN_OK;
}

/* Calls `see` for every match from left to right; empty matches advance by a character. */
typedef cn_code (*see_match)(void *state, const regexp_local *local, int n_groups, cn_error *err);

static cn_code
each_match(regexp_local *local, cni_str text, bool all, see_match see, void *state, cn_error *err)
{
    int64_t start = 0;
    uint32_t flags = 0;
    while (start <= text.len_bytes) {
        int n_groups = 0;
        CN_TRY(match_at(local, text, start, flags, &n_groups, err));
        if (n_groups == 0) {
            if (flags == 0) {
                return CN_OK;
            }
            start = next_char(text, start); /* nothing but the empty match was here */
            flags = 0;
            continue;
        }
        CN_TRY(see(state, local, n_groups, err));
        if (!all) {
            return CN_OK;
        }
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(local->match);
        flags = ends[0] == ends[1] ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0;
        start = (int64_t)ends[1];
    }
    return CN_OK;
}

static cn_code
count_match(void *state, const regexp_local *local, int n_groups, cn_error *err)
{
    (void)local;
    (void)n_groups;
    (void)err;
    ++*(int64_t *)state;
    return CN_OK;
}

static cn_code
evaluate_count(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
               cn_error *err)
{
    const regexp_function *function = self->private_data;
    uint64_t alive[CNI_ROWS_WORDS];
    cni_reader args[CNI_SIGNATURE_MAX_ARGS] = {{0}};
    int64_t *out = NULL;
    read_args(call, args);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        out[row] = 0;
        if (cni_word_bit(alive, row)) {
            CN_TRY(prepare(call->local, function, cni_read_str(&args[1], row),
                           options_at(function, call, args, row), err));
            CN_TRY(each_match(call->local, cni_read_str(&args[0], row), true, count_match,
                              &out[row], err));
        }
    }
    return CN_OK;
}

/* ---- replace ---- */

typedef struct replacer {
    cni_str text;
    cni_str fresh;
    int64_t done_bytes; /* of the text */
    cni_strbuf *out;
} replacer;

/* \1 .. \9 are groups, \0 and \& the match, \\ a backslash. */
static cn_code
append_replacement(const replacer *self, const regexp_local *local, int n_groups, cn_error *err)
{
    for (int64_t at = 0; at < self->fresh.len_bytes; at++) {
        const char byte = self->fresh.data[at];
        const char next = at + 1 < self->fresh.len_bytes ? self->fresh.data[at + 1] : '\0';
        if (byte != '\\' || (next != '&' && next != '\\' && (next < '0' || next > '9'))) {
            CN_TRY(cni_strbuf_append_char(self->out, byte, err));
            continue;
        }
        at++;
        if (next == '\\') {
            CN_TRY(cni_strbuf_append_char(self->out, '\\', err));
        } else {
            const int64_t group = next == '&' ? 0 : next - '0';
            CN_TRY(cni_strbuf_append(self->out, group_of(local, self->text, n_groups, group), err));
        }
    }
    return CN_OK;
}

static cn_code
replace_match(void *state, const regexp_local *local, int n_groups, cn_error *err)
{
    replacer *self = state;
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(local->match);
    const int64_t start = (int64_t)ends[0];
    CN_TRY(cni_strbuf_append(
        self->out,
        (cni_str){self->text.data + self->done_bytes, cni_max_i64(start - self->done_bytes, 0)},
        err));
    self->done_bytes = cni_max_i64((int64_t)ends[1], self->done_bytes);
    return append_replacement(self, local, n_groups, err);
}

static cn_code
replace_into(const cni_scalar_call *call, const cni_reader *args, int64_t row, cni_strbuf *out,
             cn_error *err)
{
    regexp_local *local = call->local;
    replacer self = {cni_read_str(&args[0], row), cni_read_str(&args[2], row), 0, out};
    CN_TRY(each_match(local, self.text, local->global, replace_match, &self, err));
    return cni_strbuf_append(
        out, (cni_str){self.text.data + self.done_bytes, self.text.len_bytes - self.done_bytes},
        err);
}

static cn_code
replace_row(const regexp_function *function, const cni_scalar_call *call, const cni_reader *args,
            int64_t row, cni_text_sink *sink, cn_error *err)
{
    cni_strbuf out;
    CN_TRY(prepare(call->local, function, cni_read_str(&args[1], row),
                   options_at(function, call, args, row), err));
    cni_strbuf_init(&out, call->env.allocator, CNI_VIEW_MAX_BYTES);
    cn_code code = replace_into(call, args, row, &out, err);
    if (code == CN_OK) {
        code = cni_text_copy(sink, row, cni_strbuf_view(&out), err);
    }
    cni_strbuf_done(&out);
    return code;
}

/* ---- extract ---- */

static cn_code
extract_row(const regexp_function *function, const cni_scalar_call *call, const cni_reader *args,
            int64_t row, cni_text_sink *sink, cn_error *err)
{
    const cni_str text = cni_read_str(&args[0], row);
    const int64_t group = call->n_args > 2 ? cni_read_i64(&args[2], row) : 0;
    int n_groups = 0;
    if (group < 0 || group > MAX_GROUP) {
        return CN_FAIL(err, CN_INVALID_DATA, "regexp_extract: there is no group %lld",
                       (long long)group);
    }
    CN_TRY(prepare(call->local, function, cni_read_str(&args[1], row),
                   options_at(function, call, args, row), err));
    CN_TRY(match_at(call->local, text, 0, 0, &n_groups, err));
    const cni_str part =
        n_groups == 0 ? (cni_str){"", 0} : group_of(call->local, text, n_groups, group);
    CN_ASSERT(part.data != NULL);
    cni_text_part(sink, row, part.data, part.len_bytes);
    return CN_OK;
}

typedef cn_code (*regexp_row)(const regexp_function *function, const cni_scalar_call *call,
                              const cni_reader *args, int64_t row, cni_text_sink *sink,
                              cn_error *err);

static cn_code
text_rows(const regexp_function *function, const cni_scalar_call *call, regexp_row one_row,
          cni_text_sink *sink, cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    cni_reader args[CNI_SIGNATURE_MAX_ARGS] = {{0}};
    read_args(call, args);
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        if (cni_word_bit(alive, row)) {
            CN_TRY(one_row(function, call, args, row, sink, err));
        }
    }
    return CN_OK;
}

static cn_code
evaluate_text(const cni_function *self, const cni_scalar_call *call, regexp_row one_row,
              const cni_vector *borrowed, cni_vector *inout_result, cn_error *err)
{
    cni_text_sink sink;
    CN_TRY(cni_text_begin(&sink, call, inout_result, err));
    const cn_code code = text_rows(self->private_data, call, one_row, &sink, err);
    if (code != CN_OK) {
        cni_text_cancel(&sink);
        return code;
    }
    return cni_text_end(&sink, borrowed, err);
}

static cn_code
evaluate_replace(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                 cn_error *err)
{
    return evaluate_text(self, call, replace_row, NULL, inout_result, err);
}

static cn_code
evaluate_extract(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                 cn_error *err)
{
    return evaluate_text(self, call, extract_row, call->args[0], inout_result, err);
}

/* ---- the table ---- */

#define TEXTS_3(type)                                                                              \
    {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR},                               \
     .n_optional = 1,                                                                              \
     .result = (type)}
#define TEXTS_2(type) {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR}, .result = (type)}

static const regexp_function regexp_matches = {TEXTS_3(CNI_TYPE_BOOL), .options_arg = 2};
static const regexp_function regexp_full = {TEXTS_3(CNI_TYPE_BOOL), .kind = PATTERN_FULL,
                                            .options_arg = 2};
static const regexp_function regexp_count = {TEXTS_3(CNI_TYPE_INT64), .options_arg = 2};
static const regexp_function regexp_is = {TEXTS_2(CNI_TYPE_BOOL), .options_arg = -1};
static const regexp_function regexp_is_not = {TEXTS_2(CNI_TYPE_BOOL), .negated = true,
                                              .options_arg = -1};
static const regexp_function regexp_is_nocase = {TEXTS_2(CNI_TYPE_BOOL), .nocase = true,
                                                 .options_arg = -1};
static const regexp_function regexp_is_not_nocase = {TEXTS_2(CNI_TYPE_BOOL), .negated = true,
                                                     .nocase = true, .options_arg = -1};
static const regexp_function similar_to = {TEXTS_2(CNI_TYPE_BOOL), .kind = PATTERN_SIMILAR,
                                           .options_arg = -1};
static const regexp_function glob_matches = {TEXTS_2(CNI_TYPE_BOOL), .kind = PATTERN_GLOB,
                                             .options_arg = -1};
static const regexp_function regexp_replace = {
    {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR},
     .n_optional = 1,
     .result = CNI_TYPE_VARCHAR},
    .options_arg = 3};
static const regexp_function regexp_extract = {
    {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR, CNI_TYPE_INT64, CNI_TYPE_VARCHAR},
     .n_optional = 2,
     .result = CNI_TYPE_VARCHAR},
    .options_arg = 3};

#define REGEXP_ROW(row_name, row_description, row_example, data, function)                         \
    {CNI_ROW_PURE(row_name, row_description, row_example),                                         \
     .may_error = true,                                                                            \
     .cost_ns = 60.0,                                                                              \
     .resolve = cni_signature_resolve,                                                             \
     .private_data = &(data),                                                                      \
     .evaluate = (function),                                                                       \
     .open_local = open_regexp,                                                                    \
     .close_local = close_regexp}

static const cni_function regexp_table[] = {
    REGEXP_ROW("regexp_matches", "Whether a regular expression matches somewhere.",
               "regexp_matches('colonnade', 'n+a')", regexp_matches, evaluate_test),
    REGEXP_ROW("regexp_like", "Whether a regular expression matches somewhere.",
               "regexp_like('colonnade', 'N+A', 'i')", regexp_matches, evaluate_test),
    REGEXP_ROW("regexp_full_match", "Whether a regular expression matches the whole string.",
               "regexp_full_match('colonnade', 'c.*e')", regexp_full, evaluate_test),
    REGEXP_ROW("~", "Whether a regular expression matches somewhere.", "'colonnade' ~ 'n+a'",
               regexp_is, evaluate_test),
    REGEXP_ROW("!~", "Whether a regular expression matches nowhere.", "'colonnade' !~ 'x'",
               regexp_is_not, evaluate_test),
    REGEXP_ROW("~*", "Whether a regular expression matches somewhere, in any case.",
               "'colonnade' ~* 'N+A'", regexp_is_nocase, evaluate_test),
    REGEXP_ROW("!~*", "Whether a regular expression matches nowhere, in any case.",
               "'colonnade' !~* 'X'", regexp_is_not_nocase, evaluate_test),
    REGEXP_ROW("similar_to", "Whether SQL's regular expression matches the whole string.",
               "similar_to('colonnade', '(col|row)%')", similar_to, evaluate_test),
    REGEXP_ROW("glob", "Whether the string matches a file pattern.", "glob('a.csv', '*.csv')",
               glob_matches, evaluate_test),
    REGEXP_ROW("regexp_count", "Number of matches of a regular expression.",
               "regexp_count('colonnade', 'n')", regexp_count, evaluate_count),
    REGEXP_ROW("regexp_replace",
               "The first match (every one with option g) replaced; \\1 is the first group.",
               "regexp_replace('colonnade', 'n+(a)', '-\\1')", regexp_replace, evaluate_replace),
    REGEXP_ROW("regexp_extract", "The match, or one of its groups; empty when there is none.",
               "regexp_extract('a=1', '(\\w)=(\\d)', 2)", regexp_extract, evaluate_extract),
};

const cni_function *
cni_builtin_regexp(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(regexp_table);
    return regexp_table;
}
