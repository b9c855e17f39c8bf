/* SPDX-License-Identifier: Apache-2.0
 *
 * A test file as records. The format is sqllogictest's with the additions that README.md lists;
 * the parser keeps line numbers, so that failures name their line and `--complete` can rewrite the
 * expected part of a record and leave every other byte of the file alone.
 */
#ifndef SLT_FILE_H
#define SLT_FILE_H

#include "slt_text.h"

typedef enum slt_kind {
    SLT_STATEMENT_OK,
    SLT_STATEMENT_ERROR, /* `argument` is the regular expression, or "" */
    SLT_STATEMENT_COUNT, /* `number` rows affected */
    SLT_QUERY,           /* `types`, `sort`, `label` */
    SLT_HASH_THRESHOLD,  /* `number` values; 0 turns hashing off */
    SLT_SET,             /* `name` and `argument`: a setting for the rest of the file */
    SLT_REQUIRE,         /* `name` and `argument`: the file is skipped without it */
    SLT_FOREACH,         /* `name` and the values in `argument`; `partner` is its end */
    SLT_END_LOOP,        /* `partner` is its beginning */
    SLT_SESSION,         /* `name`: the session that later records use */
    SLT_HALT
} slt_kind;

typedef enum slt_sort {
    SLT_NOSORT,
    SLT_ROWSORT,
    SLT_VALUESORT
} slt_sort;

#define SLT_MAX_CONDITIONS 8

typedef struct slt_condition {
    bool only; /* onlyif, else skipif */
    const char *name;
} slt_condition;

typedef struct slt_record {
    slt_kind kind;
    slt_sort sort;
    size_t line;     /* 1-based line of the record's first word */
    size_t sql_line; /* 1-based line of the SQL text */
    const char *name;
    const char *argument;
    const char *types;
    const char *label; /* NULL without one */
    long long number;
    char *sql;             /* joined lines; NULL without */
    size_t separator;      /* line index (0-based) of `----`, or of the line that would hold it */
    size_t expected_begin; /* line indices of the expected lines, [begin, end) */
    size_t expected_end;
    size_t partner;
    slt_condition conditions[SLT_MAX_CONDITIONS];
    size_t n_conditions;
} slt_record;

typedef struct slt_file {
    const char *path; /* borrowed */
    char *content;    /* the lines and words below point into it */
    char **lines;     /* without the newline */
    size_t n_lines;
    slt_record *records;
    size_t n_records;
    size_t capacity;
} slt_file;

/* False with a message on stderr when the file cannot be read or is not well-formed. */
bool slt_file_read(const char *path, slt_file *out_file);
void slt_file_done(slt_file *file);

#endif /* SLT_FILE_H */
