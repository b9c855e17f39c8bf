/* SPDX-License-Identifier: Apache-2.0
 *
 * Keywords: one table, sorted, searched by halving. A keyword is its index in that table. Which
 * words may be names where follows PostgreSQL's four classes; see keyword_template.h.
 */
#ifndef CNI_SQL_KEYWORD_INT_H
#define CNI_SQL_KEYWORD_INT_H

#include "base/str.h"

typedef enum cni_sql_keyword {
    KW_NO_KEYWORD = -1,
#define CNI_SQL_KEYWORD(name, text, keyword_class, bare) KW_##name,
#include "sql/parse/keyword_template.h"
#undef CNI_SQL_KEYWORD
    KW_COUNT_
} cni_sql_keyword;

typedef enum cni_sql_keyword_class {
    CNI_SQL_KEYWORD_UNRESERVED,
    CNI_SQL_KEYWORD_COLUMN_NAME,
    CNI_SQL_KEYWORD_TYPE_FUNCTION,
    CNI_SQL_KEYWORD_RESERVED
} cni_sql_keyword_class;

typedef struct cni_sql_keyword_info {
    const char *text; /* lower case */
    uint8_t len_bytes;
    uint8_t keyword_class;
    bool bare_label;
} cni_sql_keyword_info;

#define CNI_SQL_KEYWORD_MAX_BYTES 24

/* The keyword that a word is, in any case of letters; KW_NO_KEYWORD when it is none. */
cni_sql_keyword cni_sql_keyword_find(cni_str word);

/* keyword is a real one. */
const cni_sql_keyword_info *cni_sql_keyword_get(cni_sql_keyword keyword);

/* The keyword of a statement or clause that a misspelt word is near to, in capitals; NULL when
 * none. */
const char *cni_sql_keyword_suggest(cni_str word);

#endif /* CNI_SQL_KEYWORD_INT_H */
