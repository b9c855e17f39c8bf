/* SPDX-License-Identifier: Apache-2.0
 *
 * Text -> tokens. The lexer is a pure function of a text and an offset: no state, no allocation,
 * and so reading ahead and going back cost nothing but time. Values of strings and numbers are made
 * from their tokens afterwards (lexer_value.c), when the parser wants them.
 *
 * The text must be valid UTF-8 without NUL bytes; the parser's entry points check that once.
 */
#ifndef CNI_SQL_LEXER_INT_H
#define CNI_SQL_LEXER_INT_H

#include "base/arena.h"
#include "sql/parse/keyword_int.h"

typedef enum cni_sql_token_kind {
    TOK_END,
    TOK_ERROR,      /* see cni_sql_lex_error */
    TOK_WORD,       /* unquoted identifier or keyword */
    TOK_QUOTED,     /* "identifier", U&"identifier" */
    TOK_STRING,     /* '', e'', n'', U&'', $$ $$, with its continuations on further lines */
    TOK_BLOB,       /* x'' */
    TOK_BITS,       /* b'' */
    TOK_INTEGER,    /* 12, 1_000, 0x1f, 0o17, 0b11 */
    TOK_DECIMAL,    /* 1.5 */
    TOK_FLOAT,      /* 1e5 */
    TOK_PARAMETER,  /* ?, ?1, $1, $name */
    TOK_POSITIONAL, /* #1 */
    TOK_OPERATOR,   /* see op */
    TOK_LEFT_PAREN,
    TOK_RIGHT_PAREN,
    TOK_LEFT_BRACKET,
    TOK_RIGHT_BRACKET,
    TOK_LEFT_BRACE,
    TOK_RIGHT_BRACE,
    TOK_COMMA,
    TOK_SEMICOLON,
    TOK_DOT,
    TOK_COLON,
    TOK_CAST,     /* :: */
    TOK_ASSIGN,   /* := */
    TOK_FAT_ARROW /* => */
} cni_sql_token_kind;

typedef enum cni_sql_lex_fault {
    LEX_OK,
    LEX_UNTERMINATED_STRING,
    LEX_UNTERMINATED_DOLLAR,
    LEX_UNTERMINATED_IDENTIFIER,
    LEX_UNTERMINATED_COMMENT,
    LEX_EMPTY_IDENTIFIER,
    LEX_BAD_NUMBER,
    LEX_BAD_CHARACTER,
    LEX_BAD_PARAMETER
} cni_sql_lex_fault;

typedef struct cni_sql_token {
    uint8_t kind;    /* cni_sql_token_kind */
    uint8_t op;      /* TOK_OPERATOR: cni_sql_op_code */
    uint8_t fault;   /* TOK_ERROR: cni_sql_lex_fault */
    int16_t keyword; /* TOK_WORD: cni_sql_keyword or KW_NO_KEYWORD */
    int64_t offset;
    int64_t length;
} cni_sql_token;

/* The first token at or behind `offset`; blanks and comments are skipped. */
cni_sql_token cni_sql_lex(cni_str text, int64_t offset);

/* Raise what is wrong with a TOK_ERROR token. */
CN_COLD CN_NODISCARD cn_code cni_sql_lex_error(cni_str text, const cni_sql_token *token,
                                               cn_error *err);

/* The bytes of a token. */
static inline cni_str
cni_sql_token_text(cni_str text, const cni_sql_token *token)
{
    return (cni_str){text.data + token->offset, token->length};
}

/* Whether a string or identifier has Unicode escapes, which a UESCAPE clause may follow. */
bool cni_sql_token_is_unicode(cni_str text, const cni_sql_token *token);

/* Value of a TOK_STRING, TOK_BLOB or TOK_BITS, or the name of a TOK_QUOTED, in the arena. `escape`
 * is the character of UESCAPE, '\\' by default. Errors: CN_INVALID_ARGUMENT with the place of a bad
 * escape. */
CN_NODISCARD cn_code cni_sql_token_value(cni_arena *arena, cni_str text, const cni_sql_token *token,
                                         char escape, cni_str *out_value, cn_error *err);

/* Digits of a TOK_INTEGER in base ten, or the text of a TOK_DECIMAL or TOK_FLOAT without
 * underscores. */
CN_NODISCARD cn_code cni_sql_token_number(cni_arena *arena, cni_str text,
                                          const cni_sql_token *token, cni_str *out_digits,
                                          cn_error *err);

#endif /* CNI_SQL_LEXER_INT_H */
