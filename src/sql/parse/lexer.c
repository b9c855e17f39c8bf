/* SPDX-License-Identifier: Apache-2.0
 *
 * The lexer: finds where the next token begins and ends, and of what kind it is. It follows
 * PostgreSQL's scanner (nested comments, dollar quotes, continued strings, operators cut at + and
 * -) and adds the tokens of the dialect: ? and $name parameters, #1, braces, **, //, ==.
 *
 * Every scan_ function takes the offset behind what was recognised so far and gives the offset of
 * the first byte that does not belong to the token; -1 means that the text ended first.
 */
#include "sql/parse/lexer_int.h"

#include "sql/parse/ast.h"

typedef struct op_row {
    char text[4];
    uint8_t len_bytes;
    uint8_t code;
} op_row;

static const op_row operators[] = {
    {"=", 1, CNI_SQL_OP_EQ},
    {"==", 2, CNI_SQL_OP_EQ},
    {"<>", 2, CNI_SQL_OP_NE},
    {"!=", 2, CNI_SQL_OP_NE},
    {"<", 1, CNI_SQL_OP_LT},
    {"<=", 2, CNI_SQL_OP_LE},
    {">", 1, CNI_SQL_OP_GT},
    {">=", 2, CNI_SQL_OP_GE},
    {"+", 1, CNI_SQL_OP_PLUS},
    {"-", 1, CNI_SQL_OP_MINUS},
    {"*", 1, CNI_SQL_OP_MULTIPLY},
    {"/", 1, CNI_SQL_OP_DIVIDE},
    {"//", 2, CNI_SQL_OP_INTEGER_DIVIDE},
    {"%", 1, CNI_SQL_OP_MODULO},
    {"^", 1, CNI_SQL_OP_POWER},
    {"**", 2, CNI_SQL_OP_POWER},
    {"||", 2, CNI_SQL_OP_CONCAT},
    {"&", 1, CNI_SQL_OP_BIT_AND},
    {"|", 1, CNI_SQL_OP_BIT_OR},
    {"#", 1, CNI_SQL_OP_BIT_XOR},
    {"~", 1, CNI_SQL_OP_REGEX},
    {"<<", 2, CNI_SQL_OP_SHIFT_LEFT},
    {">>", 2, CNI_SQL_OP_SHIFT_RIGHT},
    {"!~", 2, CNI_SQL_OP_NOT_REGEX},
    {"~*", 2, CNI_SQL_OP_IREGEX},
    {"!~*", 3, CNI_SQL_OP_NOT_IREGEX},
    {"->", 2, CNI_SQL_OP_ARROW},
    {"->>", 3, CNI_SQL_OP_LONG_ARROW},
    {"^@", 2, CNI_SQL_OP_STARTS_WITH},
    {"@>", 2, CNI_SQL_OP_CONTAINS},
    {"<@", 2, CNI_SQL_OP_CONTAINED_BY},
    {"&&", 2, CNI_SQL_OP_OVERLAPS},
    {"~~", 2, CNI_SQL_OP_LIKE},
    {"~~*", 3, CNI_SQL_OP_ILIKE},
    {"~~~", 3, CNI_SQL_OP_GLOB},
};

static bool
is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool
is_hex(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static bool
is_word_start(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           ((unsigned char)byte & 0x80U) != 0;
}

static bool
is_word_byte(char byte)
{
    return is_word_start(byte) || is_digit(byte) || byte == '$';
}

static bool
is_blank(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool
is_operator_byte(char byte)
{
    return byte != '\0' && strchr("+-*/<>=~!@#%^&|`", byte) != NULL;
}

/* The byte at an offset; NUL beyond the end, which no valid text holds. */
static char
at(cni_str text, int64_t offset)
{
    return offset < text.len_bytes ? text.data[offset] : '\0';
}

/* ---------------------------------------------------------------------- blanks and comments */

static int64_t
scan_line_comment(cni_str text, int64_t offset)
{
    const char *end = memchr(text.data + offset, '\n', (size_t)(text.len_bytes - offset));
    return end == NULL ? text.len_bytes : (int64_t)(end - text.data) + 1;
}

/* Comments of this form nest. */
static int64_t
scan_block_comment(cni_str text, int64_t offset)
{
    int64_t n_open = 1;
    int64_t here = offset + 2;
    while (here < text.len_bytes) {
        if (at(text, here) == '*' && at(text, here + 1) == '/') {
            here += 2;
            if (--n_open == 0) {
                return here;
            }
        } else if (at(text, here) == '/' && at(text, here + 1) == '*') {
            here += 2;
            n_open++;
        } else {
            here++;
        }
    }
    return -1;
}

/* Offset of the next byte that is neither blank nor comment; *out_open is where a comment that
 * does not end begins, else -1. */
static int64_t
skip_blanks(cni_str text, int64_t offset, int64_t *out_open)
{
    *out_open = -1;
    while (offset < text.len_bytes) {
        if (is_blank(text.data[offset])) {
            offset++;
        } else if (text.data[offset] == '-' && at(text, offset + 1) == '-') {
            offset = scan_line_comment(text, offset);
        } else if (text.data[offset] == '/' && at(text, offset + 1) == '*') {
            const int64_t end = scan_block_comment(text, offset);
            if (end < 0) {
                *out_open = offset;
                return text.len_bytes;
            }
            offset = end;
        } else {
            break;
        }
    }
    return offset;
}

/* --------------------------------------------------------------------------------- quoted */

/* Behind the closing quote; doubled quotes are part, and with `backslash` also escaped ones. */
static int64_t
scan_quoted(cni_str text, int64_t offset, char quote, bool backslash)
{
    while (offset < text.len_bytes) {
        const char byte = text.data[offset];
        if (byte == '\\' && backslash) {
            offset += 2;
        } else if (byte != quote) {
            offset++;
        } else if (at(text, offset + 1) == quote) {
            offset += 2;
        } else {
            return offset + 1;
        }
    }
    return -1;
}

/* Where a string goes on: behind the opening quote of a part on a later line, or -1. Only line
 * comments may stand between the parts. */
static int64_t
find_continuation(cni_str text, int64_t offset)
{
    bool newline = false;
    while (offset < text.len_bytes) {
        const char byte = text.data[offset];
        if (byte == '-' && at(text, offset + 1) == '-') {
            offset = scan_line_comment(text, offset);
            newline = true;
        } else if (is_blank(byte)) {
            newline = newline || byte == '\n' || byte == '\r';
            offset++;
        } else {
            return byte == '\'' && newline ? offset + 1 : -1;
        }
    }
    return -1;
}

static int64_t
scan_string(cni_str text, int64_t offset, bool backslash)
{
    int64_t end = scan_quoted(text, offset, '\'', backslash);
    while (end >= 0) {
        const int64_t next = find_continuation(text, end);
        if (next < 0) {
            return end;
        }
        end = scan_quoted(text, next, '\'', backslash);
    }
    return -1;
}

/* Length of the tag $...$ at `offset`, or 0 when there is none. */
static int64_t
dollar_tag_length(cni_str text, int64_t offset)
{
    int64_t end = offset + 1;
    if (at(text, end) != '$' && !is_word_start(at(text, end))) {
        return 0;
    }
    while (is_word_byte(at(text, end)) && at(text, end) != '$') {
        end++;
    }
    return at(text, end) == '$' ? end + 1 - offset : 0;
}

static int64_t
scan_dollar_string(cni_str text, int64_t offset, int64_t tag_length)
{
    const char *tag = text.data + offset;
    int64_t here = offset + tag_length;
    while (here + tag_length <= text.len_bytes) {
        const char *found = memchr(text.data + here, '$', (size_t)(text.len_bytes - here));
        if (found == NULL) {
            return -1;
        }
        here = (int64_t)(found - text.data);
        if (here + tag_length <= text.len_bytes && memcmp(found, tag, (size_t)tag_length) == 0) {
            return here + tag_length;
        }
        here++;
    }
    return -1;
}

/* -------------------------------------------------------------------------------- numbers */

/* Digits with single underscores between them. */
static int64_t
scan_digits(cni_str text, int64_t offset, bool (*is_valid)(char byte))
{
    while (is_valid(at(text, offset)) ||
           (at(text, offset) == '_' && is_valid(at(text, offset + 1)))) {
        offset++;
    }
    return offset;
}

static bool
is_octal(char byte)
{
    return byte >= '0' && byte <= '7';
}

static bool
is_binary(char byte)
{
    return byte == '0' || byte == '1';
}

/* 0x, 0o and 0b; gives `offset` itself when there is no such prefix. */
static int64_t
scan_based(cni_str text, int64_t offset)
{
    const char letter = at(text, offset) == '0' ? at(text, offset + 1) : '\0';
    switch (letter) {
    case 'x':
    case 'X':
        return scan_digits(text, offset + 2, is_hex);
    case 'o':
    case 'O':
        return scan_digits(text, offset + 2, is_octal);
    case 'b':
    case 'B':
        return scan_digits(text, offset + 2, is_binary);
    default:
        return offset;
    }
}

/* Behind an exponent, or `offset` when there is none. */
static int64_t
scan_exponent(cni_str text, int64_t offset)
{
    if (at(text, offset) != 'e' && at(text, offset) != 'E') {
        return offset;
    }
    const char sign = at(text, offset + 1);
    const int64_t digits = offset + (sign == '+' || sign == '-' ? 2 : 1);
    return is_digit(at(text, digits)) ? scan_digits(text, digits, is_digit) : offset;
}

static void
lex_number(cni_str text, cni_sql_token *token)
{
    token->kind = TOK_INTEGER;
    int64_t end = scan_based(text, token->offset);
    if (end == token->offset) {
        end = scan_digits(text, end, is_digit);
        if (at(text, end) == '.' && at(text, end + 1) != '.') {
            token->kind = TOK_DECIMAL;
            end = is_digit(at(text, end + 1)) ? scan_digits(text, end + 1, is_digit) : end + 1;
        }
        const int64_t exponent = scan_exponent(text, end);
        token->kind = (uint8_t)(exponent > end ? TOK_FLOAT : token->kind);
        end = exponent;
    } else if (end == token->offset + 2) {
        token->kind = TOK_ERROR; /* 0x without digits */
    }
    if (is_word_byte(at(text, end))) {
        token->kind = TOK_ERROR;
        while (is_word_byte(at(text, end))) {
            end++;
        }
    }
    token->fault = token->kind == TOK_ERROR ? LEX_BAD_NUMBER : LEX_OK;
    token->length = end - token->offset;
}

/* ------------------------------------------------------------------------------ operators */

static uint8_t
operator_code(cni_str text)
{
    for (int64_t row = 0; row < CN_ARRAY_LEN(operators); row++) {
        const op_row *known = &operators[row];
        if (text.len_bytes == known->len_bytes &&
            memcmp(text.data, known->text, known->len_bytes) == 0) {
            return known->code;
        }
    }
    return CNI_SQL_OP_OTHER;
}

/* The run of operator characters, cut before a comment, and before trailing + and - unless a
 * character makes it an operator that may end so. */
static int64_t
operator_length(cni_str text, int64_t offset)
{
    int64_t end = offset;
    bool may_end_in_sign = false;
    while (is_operator_byte(at(text, end))) {
        const char byte = text.data[end];
        const char next = at(text, end + 1);
        if ((byte == '-' && next == '-') || (byte == '/' && next == '*')) {
            break;
        }
        may_end_in_sign = may_end_in_sign || strchr("~!@#%^&|`", byte) != NULL;
        end++;
    }
    while (!may_end_in_sign && end > offset + 1 &&
           (text.data[end - 1] == '-' || text.data[end - 1] == '+')) {
        end--;
    }
    return end - offset;
}

/* An unknown run that is a known operator before one prefix operator, such as "=@" or "||-", is
 * read as the two. */
static void
lex_operator(cni_str text, cni_sql_token *token)
{
    token->kind = TOK_OPERATOR;
    token->length = operator_length(text, token->offset);
    token->op = operator_code(cni_sql_token_text(text, token));
    if (token->op != CNI_SQL_OP_OTHER || token->length < 2) {
        return;
    }
    const char last = text.data[token->offset + token->length - 1];
    if (strchr("+-~@", last) != NULL) {
        const cni_str head = {text.data + token->offset, token->length - 1};
        const uint8_t code = operator_code(head);
        if (code != CNI_SQL_OP_OTHER) {
            token->op = code;
            token->length--;
        }
    }
}

/* ---------------------------------------------------------------------------- words and $ */

static void
set_scanned(cni_sql_token *token, cni_sql_token_kind kind, int64_t end, cni_sql_lex_fault fault,
            int64_t text_bytes)
{
    token->kind = (uint8_t)(end < 0 ? TOK_ERROR : kind);
    token->fault = (uint8_t)(end < 0 ? fault : LEX_OK);
    token->length = (end < 0 ? text_bytes : end) - token->offset;
}

static void
lex_quoted_identifier(cni_str text, cni_sql_token *token, int64_t behind_quote)
{
    const int64_t end = scan_quoted(text, behind_quote, '"', false);
    set_scanned(token, TOK_QUOTED, end, LEX_UNTERMINATED_IDENTIFIER, text.len_bytes);
    if (end == behind_quote + 1) {
        token->kind = TOK_ERROR;
        token->fault = LEX_EMPTY_IDENTIFIER;
    }
}

static void
lex_string(cni_str text, cni_sql_token *token, int64_t behind_quote, cni_sql_token_kind kind,
           bool backslash)
{
    set_scanned(token, kind, scan_string(text, behind_quote, backslash), LEX_UNTERMINATED_STRING,
                text.len_bytes);
}

/* Strings and identifiers with a letter before the quote; false when this is a plain word. */
static bool
lex_prefixed(cni_str text, cni_sql_token *token)
{
    const int64_t begin = token->offset;
    const char letter = (char)(text.data[begin] | 0x20);
    const char next = at(text, begin + 1);
    if (next == '&' && letter == 'u') {
        if (at(text, begin + 2) == '\'') {
            lex_string(text, token, begin + 3, TOK_STRING, false);
            return true;
        }
        if (at(text, begin + 2) == '"') {
            lex_quoted_identifier(text, token, begin + 3);
            return true;
        }
        return false;
    }
    if (next != '\'') {
        return false;
    }
    switch (letter) {
    case 'e':
        lex_string(text, token, begin + 2, TOK_STRING, true);
        return true;
    case 'n':
        lex_string(text, token, begin + 2, TOK_STRING, false);
        return true;
    case 'x':
        lex_string(text, token, begin + 2, TOK_BLOB, false);
        return true;
    case 'b':
        lex_string(text, token, begin + 2, TOK_BITS, false);
        return true;
    default:
        return false;
    }
}

static void
lex_word(cni_str text, cni_sql_token *token)
{
    if (lex_prefixed(text, token)) {
        return;
    }
    int64_t end = token->offset + 1;
    while (is_word_byte(at(text, end))) {
        end++;
    }
    token->kind = TOK_WORD;
    token->length = end - token->offset;
    token->keyword = (int16_t)cni_sql_keyword_find(cni_sql_token_text(text, token));
}

/* $$...$$, $tag$...$tag$, $1, $name. */
static void
lex_dollar(cni_str text, cni_sql_token *token)
{
    const int64_t tag_length = dollar_tag_length(text, token->offset);
    if (tag_length > 0) {
        set_scanned(token, TOK_STRING, scan_dollar_string(text, token->offset, tag_length),
                    LEX_UNTERMINATED_DOLLAR, text.len_bytes);
        return;
    }
    int64_t end = token->offset + 1;
    const bool is_number = is_digit(at(text, end));
    while (is_number ? is_digit(at(text, end)) : is_word_byte(at(text, end))) {
        end++;
    }
    const bool bad = end == token->offset + 1 || is_word_byte(at(text, end));
    while (bad && is_word_byte(at(text, end))) {
        end++; /* $1a is one mistake */
    }
    token->kind = bad ? TOK_ERROR : TOK_PARAMETER;
    token->fault = bad ? LEX_BAD_PARAMETER : LEX_OK;
    token->length = end - token->offset;
}

/* A mark and the digits behind it: ?1, #1. */
static void
lex_numbered(cni_str text, cni_sql_token *token, cni_sql_token_kind kind)
{
    int64_t end = token->offset + 1;
    while (is_digit(at(text, end))) {
        end++;
    }
    token->kind = (uint8_t)kind;
    token->length = end - token->offset;
}

/* ------------------------------------------------------------------------------------ all */

static void
lex_colon(cni_str text, cni_sql_token *token)
{
    const char next = at(text, token->offset + 1);
    token->kind = next == ':' ? TOK_CAST : next == '=' ? TOK_ASSIGN : TOK_COLON;
    token->length = next == ':' || next == '=' ? 2 : 1;
}

static cni_sql_token_kind
punctuation(char byte)
{
    switch (byte) {
    case '(':
        return TOK_LEFT_PAREN;
    case ')':
        return TOK_RIGHT_PAREN;
    case '[':
        return TOK_LEFT_BRACKET;
    case ']':
        return TOK_RIGHT_BRACKET;
    case '{':
        return TOK_LEFT_BRACE;
    case '}':
        return TOK_RIGHT_BRACE;
    case ',':
        return TOK_COMMA;
    case ';':
        return TOK_SEMICOLON;
    case '.':
        return TOK_DOT;
    default:
        return TOK_ERROR;
    }
}

static void
lex_other(cni_str text, cni_sql_token *token)
{
    const char byte = text.data[token->offset];
    const char next = at(text, token->offset + 1);
    if (byte == '\'') {
        lex_string(text, token, token->offset + 1, TOK_STRING, false);
    } else if (byte == '"') {
        lex_quoted_identifier(text, token, token->offset + 1);
    } else if (byte == '$') {
        lex_dollar(text, token);
    } else if (byte == ':') {
        lex_colon(text, token);
    } else if (byte == '?') {
        lex_numbered(text, token, TOK_PARAMETER);
    } else if (byte == '#' && is_digit(next)) {
        lex_numbered(text, token, TOK_POSITIONAL);
    } else if (byte == '=' && next == '>') {
        token->kind = TOK_FAT_ARROW;
        token->length = 2;
    } else if (is_operator_byte(byte)) {
        lex_operator(text, token);
    } else {
        token->kind = (uint8_t)punctuation(byte);
        token->fault = token->kind == TOK_ERROR ? LEX_BAD_CHARACTER : LEX_OK;
        token->length = 1;
    }
}

cni_sql_token
cni_sql_lex(cni_str text, int64_t offset)
{
    int64_t open_comment = -1;
    cni_sql_token token = {.kind = TOK_END, .keyword = KW_NO_KEYWORD};
    token.offset = skip_blanks(text, offset, &open_comment);
    if (open_comment >= 0) {
        token.kind = TOK_ERROR;
        token.fault = LEX_UNTERMINATED_COMMENT;
        token.offset = open_comment;
        token.length = text.len_bytes - open_comment;
        return token;
    }
    if (token.offset >= text.len_bytes) {
        return token;
    }
    const char byte = text.data[token.offset];
    if (is_word_start(byte)) {
        lex_word(text, &token);
    } else if (is_digit(byte) || (byte == '.' && is_digit(at(text, token.offset + 1)))) {
        lex_number(text, &token);
    } else {
        lex_other(text, &token);
    }
    return token;
}

bool
cni_sql_token_is_unicode(cni_str text, const cni_sql_token *token)
{
    return (token->kind == TOK_STRING || token->kind == TOK_QUOTED) &&
           (text.data[token->offset] | 0x20) == 'u';
}
