/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of tokens: what a string, a quoted identifier or a number stands for. A value is never
 * longer than its token (a Unicode escape of six bytes makes at most three), so one allocation of
 * the token's length is enough.
 */
#include "sql/parse/lexer_int.h"

#include "sql/parse/ast.h"

#define MAX_BASED_DIGITS 256 /* of 0x, 0o, 0b literals: more than any integer type has */

/* Reads the bytes of one token and writes its value. */
typedef struct decoder {
    cni_str text;
    int64_t here; /* next byte to read */
    int64_t end;
    char *out;
    int64_t n_out;
    char escape;             /* of U& */
    uint32_t high_surrogate; /* waits for its low half */
} decoder;

static cn_code
value_error(const decoder *self, int64_t offset, int64_t length, const char *message,
            const char *sqlstate, cn_error *err)
{
    (void)self;
    const cn_code code = CN_FAIL(err, CN_INVALID_ARGUMENT, "%s", message);
    cni_error_sqlstate(err, sqlstate);
    cni_error_position(err, offset, length);
    return code;
}

static void
put(decoder *self, char byte)
{
    self->out[self->n_out] = byte;
    self->n_out++;
}

static void
put_code_point(decoder *self, uint32_t code)
{
    if (code < 0x80) {
        put(self, (char)code);
    } else if (code < 0x800) {
        put(self, (char)(0xC0U | (code >> 6)));
        put(self, (char)(0x80U | (code & 0x3FU)));
    } else if (code < 0x10000) {
        put(self, (char)(0xE0U | (code >> 12)));
        put(self, (char)(0x80U | ((code >> 6) & 0x3FU)));
        put(self, (char)(0x80U | (code & 0x3FU)));
    } else {
        put(self, (char)(0xF0U | (code >> 18)));
        put(self, (char)(0x80U | ((code >> 12) & 0x3FU)));
        put(self, (char)(0x80U | ((code >> 6) & 0x3FU)));
        put(self, (char)(0x80U | (code & 0x3FU)));
    }
}

static int
hex_value(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    const char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* n_digits hexadecimal digits at self->here; -1 when there are fewer. */
static int64_t
read_hex(decoder *self, int n_digits)
{
    int64_t value = 0;
    for (int digit = 0; digit < n_digits; digit++) {
        const int64_t at = self->here + digit;
        const int bits = at < self->end ? hex_value(self->text.data[at]) : -1;
        if (bits < 0) {
            return -1;
        }
        value = value * 16 + bits;
    }
    self->here += n_digits;
    return value;
}

/* A code point of an escape that began at `begin`: pairs surrogates, refuses what is none. */
static cn_code
take_code_point(decoder *self, int64_t begin, int64_t value, cn_error *err)
{
    const bool is_low = value >= 0xDC00 && value <= 0xDFFF;
    const bool waits = self->high_surrogate != 0;
    if (value <= 0 || value > 0x10FFFF || is_low != waits) {
        return value_error(self, begin, self->here - begin, "invalid Unicode escape value", "22P02",
                           err);
    }
    if (is_low) {
        put_code_point(self, 0x10000U + ((self->high_surrogate - 0xD800U) << 10) +
                                 ((uint32_t)value - 0xDC00U));
        self->high_surrogate = 0;
    } else if (value >= 0xD800 && value <= 0xDBFF) {
        self->high_surrogate = (uint32_t)value;
    } else {
        put_code_point(self, (uint32_t)value);
    }
    return CN_OK;
}

/* \ooo and \xhh give one byte; it must not be NUL. */
static cn_code
take_byte(decoder *self, int64_t begin, int64_t value, cn_error *err)
{
    if (value <= 0 || value > 0xFF) {
        return value_error(self, begin, self->here - begin, "invalid byte value in an escape",
                           "22P02", err);
    }
    put(self, (char)(unsigned char)value);
    return CN_OK;
}

static int64_t
read_octal(decoder *self)
{
    int64_t value = 0;
    for (int digit = 0; digit < 3 && self->here < self->end; digit++) {
        const char byte = self->text.data[self->here];
        if (byte < '0' || byte > '7') {
            break;
        }
        value = value * 8 + (byte - '0');
        self->here++;
    }
    return value;
}

static int64_t
read_hex_byte(decoder *self)
{
    const int64_t two = read_hex(self, 2);
    return two >= 0 ? two : read_hex(self, 1);
}

/* The escape at self->here, which is a backslash with at least one byte behind it, of an e''. */
static cn_code
take_backslash(decoder *self, cn_error *err)
{
    static const char names[] = "bfnrt";
    static const char values[] = "\b\f\n\r\t";
    const int64_t begin = self->here;
    const char letter = self->text.data[begin + 1];
    const char *name = letter == '\0' ? NULL : strchr(names, letter);
    self->here += 2;
    if (name != NULL) {
        put(self, values[name - names]);
        return CN_OK;
    }
    if (letter == 'u' || letter == 'U') {
        return take_code_point(self, begin, read_hex(self, letter == 'u' ? 4 : 8), err);
    }
    if (letter == 'x') {
        const int64_t value = read_hex_byte(self);
        if (value >= 0) {
            return take_byte(self, begin, value, err);
        }
    }
    if (letter >= '0' && letter <= '7') {
        self->here = begin + 1;
        return take_byte(self, begin, read_octal(self), err);
    }
    put(self, letter);
    return CN_OK;
}

/* The escape at self->here of a U&'': doubled, \xxxx or \+xxxxxx. */
static cn_code
take_unicode_escape(decoder *self, cn_error *err)
{
    const int64_t begin = self->here;
    const char next = begin + 1 < self->end ? self->text.data[begin + 1] : '\0';
    if (next == self->escape) {
        put(self, next);
        self->here += 2;
        return CN_OK;
    }
    self->here += next == '+' ? 2 : 1;
    return take_code_point(self, begin, read_hex(self, next == '+' ? 6 : 4), err);
}

typedef enum escape_style {
    ESCAPE_NONE,
    ESCAPE_BACKSLASH,
    ESCAPE_UNICODE
} escape_style;

static bool
at_escape(const decoder *self, escape_style style)
{
    const char byte = self->text.data[self->here];
    return (style == ESCAPE_BACKSLASH && byte == '\\') ||
           (style == ESCAPE_UNICODE && byte == self->escape);
}

/* Decode up to the closing quote, which is not read. */
static cn_code
decode_part(decoder *self, char quote, escape_style style, cn_error *err)
{
    while (self->here < self->end) {
        const char byte = self->text.data[self->here];
        const bool escaped = at_escape(self, style);
        if (self->high_surrogate != 0 && !escaped) {
            break;
        }
        if (escaped && style == ESCAPE_BACKSLASH) {
            CN_TRY(take_backslash(self, err));
        } else if (escaped) {
            CN_TRY(take_unicode_escape(self, err));
        } else if (byte == quote && self->here + 1 < self->end &&
                   self->text.data[self->here + 1] == quote) {
            put(self, quote);
            self->here += 2;
        } else if (byte == quote) {
            break;
        } else {
            put(self, byte);
            self->here++;
        }
    }
    if (self->high_surrogate != 0) {
        return value_error(self, self->here, 0, "invalid Unicode surrogate pair", "22P02", err);
    }
    return CN_OK;
}

/* Behind the opening quote of the next part; line comments may lie between the parts. */
static int64_t
next_part(const decoder *self)
{
    int64_t here = self->here + 1;
    while (here < self->end && self->text.data[here] != '\'') {
        if (self->text.data[here] == '-') {
            while (here < self->end && self->text.data[here] != '\n') {
                here++;
            }
        } else {
            here++;
        }
    }
    return here + 1;
}

/* The parts of a string one after the other; self->here is behind the first opening quote. */
static cn_code
decode_parts(decoder *self, char quote, escape_style style, cn_error *err)
{
    CN_TRY(decode_part(self, quote, style, err));
    while (self->here + 1 < self->end) {
        self->here = next_part(self);
        CN_TRY(decode_part(self, quote, style, err));
    }
    return CN_OK;
}

static cn_code
check_utf8(const decoder *self, const cni_sql_token *token, cn_error *err)
{
    if (cni_utf8_find_invalid(self->out, self->n_out) >= 0) {
        return value_error(self, token->offset, token->length,
                           "the escapes of the string make invalid UTF-8", "22021", err);
    }
    return CN_OK;
}

static cn_code
decode_dollar(decoder *self)
{
    const char *tag_end =
        memchr(self->text.data + self->here + 1, '$', (size_t)(self->end - self->here - 1));
    const int64_t tag_bytes = tag_end - (self->text.data + self->here) + 1;
    self->n_out = self->end - self->here - 2 * tag_bytes;
    if (self->n_out > 0) {
        memcpy(self->out, self->text.data + self->here + tag_bytes, (size_t)self->n_out);
    }
    return CN_OK;
}

/* '0aFF' in place: two digits a byte. */
static cn_code
pack_hex(decoder *self, const cni_sql_token *token, cn_error *err)
{
    bool valid = self->n_out % 2 == 0;
    for (int64_t digit = 0; valid && digit + 1 < self->n_out; digit += 2) {
        const int high = hex_value(self->out[digit]);
        const int low = hex_value(self->out[digit + 1]);
        valid = high >= 0 && low >= 0;
        self->out[digit / 2] = (char)(unsigned char)(high * 16 + low);
    }
    if (!valid) {
        return value_error(self, token->offset, token->length,
                           "a binary string x'' must hold pairs of hexadecimal digits", "22P02",
                           err);
    }
    self->n_out /= 2;
    return CN_OK;
}

static cn_code
check_bits(const decoder *self, const cni_sql_token *token, cn_error *err)
{
    for (int64_t bit = 0; bit < self->n_out; bit++) {
        if (self->out[bit] != '0' && self->out[bit] != '1') {
            return value_error(self, token->offset, token->length,
                               "a bit string b'' must hold 0 and 1 only", "22P02", err);
        }
    }
    return CN_OK;
}

static cn_code
decode_string(decoder *self, const cni_sql_token *token, cn_error *err)
{
    const char first = self->text.data[self->here];
    const char letter = (char)(first | 0x20);
    if (first == '\'') {
        self->here++;
        return decode_parts(self, '\'', ESCAPE_NONE, err);
    }
    if (first == '$') {
        return decode_dollar(self);
    }
    if (letter == 'u') {
        self->here += 3;
        return decode_parts(self, '\'', ESCAPE_UNICODE, err);
    }
    self->here += 2;
    CN_TRY(decode_parts(self, '\'', letter == 'e' ? ESCAPE_BACKSLASH : ESCAPE_NONE, err));
    return letter == 'e' ? check_utf8(self, token, err) : CN_OK;
}

static cn_code
decode_identifier(decoder *self, cn_error *err)
{
    const bool unicode = self->text.data[self->here] != '"';
    self->here += unicode ? 3 : 1;
    return decode_part(self, '"', unicode ? ESCAPE_UNICODE : ESCAPE_NONE, err);
}

cn_code
cni_sql_token_value(cni_arena *arena, cni_str text, const cni_sql_token *token, char escape,
                    cni_str *out_value, cn_error *err)
{
    decoder self = {.text = text,
                    .here = token->offset,
                    .end = token->offset + token->length,
                    .escape = escape};
    CN_TRY(cni_arena_alloc(arena, token->length + 1, &self.out, err));
    if (token->kind == TOK_QUOTED) {
        CN_TRY(decode_identifier(&self, err));
    } else {
        CN_TRY(decode_string(&self, token, err));
    }
    if (token->kind == TOK_BLOB) {
        CN_TRY(pack_hex(&self, token, err));
    } else if (token->kind == TOK_BITS) {
        CN_TRY(check_bits(&self, token, err));
    }
    self.out[self.n_out] = '\0';
    *out_value = (cni_str){self.out, self.n_out};
    return CN_OK;
}

/* -------------------------------------------------------------------------------- numbers */

/* digits (values 0..9, least first) = digits * base + add. */
static void
accumulate(uint8_t *digits, int64_t *inout_n, int base, int add)
{
    int carry = add;
    for (int64_t place = 0; place < *inout_n; place++) {
        const int value = digits[place] * base + carry;
        digits[place] = (uint8_t)(value % 10);
        carry = value / 10;
    }
    while (carry > 0) {
        digits[*inout_n] = (uint8_t)(carry % 10);
        carry /= 10;
        (*inout_n)++;
    }
}

static cn_code
convert_based(cni_arena *arena, cni_str digits, int base, cni_str *out_digits, cn_error *err)
{
    uint8_t places[MAX_BASED_DIGITS * 2];
    int64_t n_places = 0;
    for (int64_t at = 0; at < digits.len_bytes; at++) {
        if (digits.data[at] != '_') {
            accumulate(places, &n_places, base, hex_value(digits.data[at]));
        }
    }
    char *out = NULL;
    CN_TRY(cni_arena_alloc(arena, n_places + 2, &out, err));
    out[0] = '0';
    for (int64_t place = 0; place < n_places; place++) {
        out[place] = (char)('0' + places[n_places - 1 - place]);
    }
    *out_digits = (cni_str){out, cni_max_i64(n_places, 1)};
    return CN_OK;
}

static int
base_of(cni_str digits)
{
    const char letter = digits.len_bytes > 2 ? (char)(digits.data[1] | 0x20) : '\0';
    return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
}

cn_code
cni_sql_token_number(cni_arena *arena, cni_str text, const cni_sql_token *token,
                     cni_str *out_digits, cn_error *err)
{
    const cni_str digits = cni_sql_token_text(text, token);
    const int base = token->kind == TOK_INTEGER ? base_of(digits) : 10;
    if (base != 10) {
        if (digits.len_bytes > MAX_BASED_DIGITS) {
            const cn_code code =
                CN_FAIL(err, CN_LIMIT_EXCEEDED, "an integer literal has more than %d digits",
                        MAX_BASED_DIGITS);
            cni_error_position(err, token->offset, token->length);
            return code;
        }
        return convert_based(arena, (cni_str){digits.data + 2, digits.len_bytes - 2}, base,
                             out_digits, err);
    }
    char *out = NULL;
    int64_t n_out = 0;
    CN_TRY(cni_arena_alloc(arena, digits.len_bytes + 1, &out, err));
    for (int64_t at = 0; at < digits.len_bytes; at++) {
        if (digits.data[at] != '_') {
            out[n_out] = digits.data[at];
            n_out++;
        }
    }
    *out_digits = (cni_str){out, n_out};
    return CN_OK;
}

/* -------------------------------------------------------------------------------- faults */

cn_code
cni_sql_lex_error(cni_str text, const cni_sql_token *token, cn_error *err)
{
    static const char *const messages[] = {
        [LEX_OK] = "syntax error",
        [LEX_UNTERMINATED_STRING] = "unterminated quoted string",
        [LEX_UNTERMINATED_DOLLAR] = "unterminated dollar-quoted string",
        [LEX_UNTERMINATED_IDENTIFIER] = "unterminated quoted identifier",
        [LEX_UNTERMINATED_COMMENT] = "unterminated /* comment",
        [LEX_EMPTY_IDENTIFIER] = "zero-length delimited identifier",
        [LEX_BAD_NUMBER] = "trailing junk after numeric literal",
        [LEX_BAD_CHARACTER] = "syntax error",
        [LEX_BAD_PARAMETER] = "a parameter needs a name or a number behind the $",
    };
    const cni_str bytes = cni_sql_token_text(text, token);
    const int shown = (int)cni_min_i64(bytes.len_bytes, 64);
    const cn_code code = CN_FAIL(err, CN_INVALID_ARGUMENT, "%s at or near \"%.*s\"",
                                 messages[token->fault], shown, bytes.data);
    cni_error_sqlstate(err, "42601");
    cni_error_position(err, token->offset, token->length);
    return code;
}
