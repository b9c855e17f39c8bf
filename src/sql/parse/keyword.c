/* SPDX-License-Identifier: Apache-2.0
 *
 * The keyword table and the two searches over it: exact by halving, near by edit distance. Only
 * words that begin or join clauses are ever suggested; names are the binder's to suggest.
 */
#include "sql/parse/keyword_int.h"

static const cni_sql_keyword_info keywords[] = {
#define CNI_SQL_KEYWORD(name, text, keyword_class, bare)                                           \
    {text, sizeof(text) - 1, CNI_SQL_KEYWORD_##keyword_class, bare},
#include "sql/parse/keyword_template.h"
#undef CNI_SQL_KEYWORD
};

static const char *const clause_words[] = {
    "FROM",      "SELECT",     "WHERE",       "GROUP",       "ORDER",     "BY",      "HAVING",
    "LIMIT",     "OFFSET",     "FETCH",       "UNION",       "INTERSECT", "EXCEPT",  "JOIN",
    "LEFT",      "RIGHT",      "INNER",       "OUTER",       "FULL",      "CROSS",   "NATURAL",
    "LATERAL",   "ON",         "USING",       "AS",          "AND",       "OR",      "NOT",
    "IN",        "BETWEEN",    "LIKE",        "ILIKE",       "IS",        "NULL",    "CASE",
    "WHEN",      "THEN",       "ELSE",        "END",         "DISTINCT",  "QUALIFY", "WINDOW",
    "OVER",      "PARTITION",  "FILTER",      "WITH",        "RECURSIVE", "VALUES",  "INSERT",
    "INTO",      "UPDATE",     "SET",         "DELETE",      "TRUNCATE",  "MERGE",   "CREATE",
    "REPLACE",   "EXTERNAL",   "TABLE",       "VIEW",        "SCHEMA",    "MACRO",   "DROP",
    "STORED",    "LOCATION",   "OPTIONS",     "PARTITIONED", "COPY",      "TO",      "PREPARE",
    "EXECUTE",   "DEALLOCATE", "RESET",       "SHOW",        "EXPLAIN",   "ANALYZE", "DESCRIBE",
    "SUMMARIZE", "USE",        "ATTACH",      "DETACH",      "LOAD",      "PIVOT",   "UNPIVOT",
    "EXISTS",    "CAST",       "INTERVAL",    "ASC",         "DESC",      "NULLS",   "FIRST",
    "LAST",      "RETURNING",  "TABLESAMPLE",
};

static char
lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

/* Order of `word`, which is in lower case, and a keyword. */
static int
compare(const char *word, int64_t len_bytes, const cni_sql_keyword_info *keyword)
{
    return cni_str_compare((cni_str){word, len_bytes},
                           (cni_str){keyword->text, keyword->len_bytes});
}

cni_sql_keyword
cni_sql_keyword_find(cni_str word)
{
    char folded[CNI_SQL_KEYWORD_MAX_BYTES];
    if (word.len_bytes > CNI_SQL_KEYWORD_MAX_BYTES) {
        return KW_NO_KEYWORD;
    }
    for (int64_t byte = 0; byte < word.len_bytes; byte++) {
        folded[byte] = lower(word.data[byte]);
    }
    int low = 0;
    int high = KW_COUNT_ - 1;
    while (low <= high) {
        const int middle = (low + high) / 2;
        const int order = compare(folded, word.len_bytes, &keywords[middle]);
        if (order == 0) {
            return (cni_sql_keyword)middle;
        }
        if (order < 0) {
            high = middle - 1;
        } else {
            low = middle + 1;
        }
    }
    return KW_NO_KEYWORD;
}

const cni_sql_keyword_info *
cni_sql_keyword_get(cni_sql_keyword keyword)
{
    return &keywords[keyword];
}

const char *
cni_sql_keyword_suggest(cni_str word)
{
    return cni_suggest(word.data, word.len_bytes, clause_words, CN_ARRAY_LEN(clause_words));
}
