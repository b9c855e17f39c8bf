/* SPDX-License-Identifier: Apache-2.0
 *
 * Parser of sqllogictest files: lines into records. One record begins with its keyword at the start
 * of a line, its SQL follows until `----` or an empty line, its expected lines until an empty line.
 * Words are cut out of a second copy of the line, so that the lines stay whole for `--complete`.
 * Nothing is evaluated here: conditions, variables and loops belong to slt_runner.c.
 */
#include "slt_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct parser {
    slt_file *file;
    size_t at;  /* index of the next line */
    char *rest; /* rest of the keyword line while words are taken from it */
    slt_condition conditions[SLT_MAX_CONDITIONS];
    size_t n_conditions;
    size_t loops[8]; /* records of the loops that are open */
    size_t n_loops;
} parser;

static bool __attribute__((format(printf, 3, 4)))
complain(const parser *self, size_t line_index, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "%s:%zu: ", self->file->path, line_index + 1);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return false;
}

static char *
next_word(parser *self)
{
    char *word = self->rest + strspn(self->rest, " \t");
    size_t n_bytes = strcspn(word, " \t");
    if (n_bytes == 0) {
        return NULL;
    }
    self->rest = word + n_bytes;
    if (*self->rest != '\0') {
        *self->rest++ = '\0';
    }
    return word;
}

static char *
rest_of_line(parser *self)
{
    char *rest = self->rest + strspn(self->rest, " \t");
    size_t n_bytes = strlen(rest);
    while (n_bytes > 0 && (rest[n_bytes - 1] == ' ' || rest[n_bytes - 1] == '\t')) {
        rest[--n_bytes] = '\0';
    }
    return rest;
}

static bool
take_number(parser *self, slt_record *record)
{
    const char *word = next_word(self);
    char *end = NULL;
    record->number = word != NULL ? strtoll(word, &end, 10) : -1;
    if (word == NULL || *end != '\0' || record->number < 0) {
        return complain(self, record->line - 1, "a count must follow");
    }
    return true;
}

/* SQL lines until `----`, an empty line or the end; stops before what it does not take. */
static bool
take_sql(parser *self, slt_record *record)
{
    cell_text sql = {0};
    record->sql_line = self->at + 1;
    for (; self->at < self->file->n_lines; self->at++) {
        const char *line = self->file->lines[self->at];
        if (line[0] == '\0' || strcmp(line, "----") == 0) {
            break;
        }
        cell_text_str(&sql, sql.n_bytes > 0 ? "\n" : "");
        cell_text_str(&sql, line);
    }
    record->sql = sql.bytes;
    if (sql.bytes == NULL) {
        return complain(self, record->line - 1, "no SQL text follows");
    }
    return true;
}

/* `----` and the expected lines; an absent separator leaves an empty range at its place. */
static void
take_expected(parser *self, slt_record *record)
{
    record->separator = self->at;
    record->expected_begin = record->expected_end = self->at;
    if (self->at == self->file->n_lines || strcmp(self->file->lines[self->at], "----") != 0) {
        return;
    }
    record->expected_begin = ++self->at;
    while (self->at < self->file->n_lines && self->file->lines[self->at][0] != '\0') {
        self->at++;
    }
    record->expected_end = self->at;
}

static bool
parse_statement(parser *self, slt_record *record)
{
    const char *word = next_word(self);
    if (word != NULL && strcmp(word, "ok") == 0) {
        record->kind = SLT_STATEMENT_OK;
    } else if (word != NULL && strcmp(word, "error") == 0) {
        record->kind = SLT_STATEMENT_ERROR;
        record->argument = rest_of_line(self);
    } else if (word != NULL && strcmp(word, "count") == 0) {
        record->kind = SLT_STATEMENT_COUNT;
        if (!take_number(self, record)) {
            return false;
        }
    } else {
        return complain(self, record->line - 1, "statement takes ok, error or count");
    }
    return take_sql(self, record);
}

static bool
parse_query(parser *self, slt_record *record)
{
    static const char *const sorts[] = {"nosort", "rowsort", "valuesort"};
    record->kind = SLT_QUERY;
    record->types = next_word(self);
    if (record->types == NULL || strspn(record->types, "TIRBDPMNX?") != strlen(record->types)) {
        return complain(self, record->line - 1,
                        "query takes one type per column: T I R B D P M N X ?");
    }
    for (const char *word = next_word(self); word != NULL; word = next_word(self)) {
        bool is_sort = false;
        for (size_t i = 0; i < 3; i++) {
            if (strcmp(word, sorts[i]) == 0) {
                record->sort = (slt_sort)i;
                is_sort = true;
            }
        }
        if (!is_sort && record->label != NULL) {
            return complain(self, record->line - 1, "%s is one label too many", word);
        }
        record->label = is_sort ? record->label : word;
    }
    if (!take_sql(self, record)) {
        return false;
    }
    take_expected(self, record);
    return true;
}

static bool
parse_name_and_rest(parser *self, slt_record *record, slt_kind kind)
{
    record->kind = kind;
    record->name = next_word(self);
    record->argument = rest_of_line(self);
    if (record->name == NULL) {
        return complain(self, record->line - 1, "a name must follow");
    }
    return true;
}

static bool
parse_loop(parser *self, slt_record *record)
{
    if (self->n_loops == sizeof self->loops / sizeof self->loops[0]) {
        return complain(self, record->line - 1, "loops are nested too deeply");
    }
    self->loops[self->n_loops++] = self->file->n_records;
    return parse_name_and_rest(self, record, SLT_FOREACH);
}

static bool
parse_loop_end(parser *self, slt_record *record)
{
    if (self->n_loops == 0) {
        return complain(self, record->line - 1, "no loop is open");
    }
    record->kind = SLT_END_LOOP;
    record->partner = self->loops[--self->n_loops];
    self->file->records[record->partner].partner = self->file->n_records;
    return true;
}

static bool
parse_condition(parser *self, bool only)
{
    const char *name = next_word(self);
    if (name == NULL || self->n_conditions == SLT_MAX_CONDITIONS) {
        return complain(self, self->at - 1, "a mode must follow, and at most %d conditions",
                        SLT_MAX_CONDITIONS);
    }
    self->conditions[self->n_conditions++] = (slt_condition){.only = only, .name = name};
    return true;
}

static bool
parse_record(parser *self, const char *keyword, slt_record *record)
{
    if (strcmp(keyword, "statement") == 0) {
        return parse_statement(self, record);
    }
    if (strcmp(keyword, "query") == 0) {
        return parse_query(self, record);
    }
    if (strcmp(keyword, "hash-threshold") == 0) {
        record->kind = SLT_HASH_THRESHOLD;
        return take_number(self, record);
    }
    if (strcmp(keyword, "set") == 0) {
        return parse_name_and_rest(self, record, SLT_SET);
    }
    if (strcmp(keyword, "require") == 0) {
        return parse_name_and_rest(self, record, SLT_REQUIRE);
    }
    if (strcmp(keyword, "session") == 0) {
        return parse_name_and_rest(self, record, SLT_SESSION);
    }
    if (strcmp(keyword, "foreach") == 0) {
        return parse_loop(self, record);
    }
    if (strcmp(keyword, "endfor") == 0) {
        return parse_loop_end(self, record);
    }
    if (strcmp(keyword, "halt") == 0) {
        record->kind = SLT_HALT;
        return true;
    }
    return complain(self, record->line - 1, "%s is no record", keyword);
}

static slt_record *
add_record(parser *self)
{
    slt_file *file = self->file;
    if (file->n_records == file->capacity) {
        size_t capacity = 2 * file->capacity + 64;
        slt_record *grown = cell_alloc(capacity * sizeof *grown);
        if (file->n_records > 0) {
            memcpy(grown, file->records, file->n_records * sizeof *grown);
        }
        free(file->records);
        file->records = grown;
        file->capacity = capacity;
    }
    return &file->records[file->n_records];
}

static bool
parse_line(parser *self, char *words)
{
    self->rest = words;
    const char *keyword = next_word(self);
    self->at++;
    if (strcmp(keyword, "skipif") == 0 || strcmp(keyword, "onlyif") == 0) {
        return parse_condition(self, keyword[0] == 'o');
    }
    slt_record *record = add_record(self);
    record->line = self->at;
    memcpy(record->conditions, self->conditions, sizeof record->conditions);
    record->n_conditions = self->n_conditions;
    self->n_conditions = 0;
    if (!parse_record(self, keyword, record)) {
        free(record->sql);
        return false;
    }
    self->file->n_records++;
    return true;
}

static void
split_lines(slt_file *file, char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        file->n_lines += *at == '\n' || at[1] == '\0';
    }
    file->lines = cell_alloc(file->n_lines * sizeof *file->lines);
    for (size_t i = 0; i < file->n_lines; i++) {
        file->lines[i] = text;
        text += strcspn(text, "\n");
        if (*text == '\n') {
            *text++ = '\0';
        }
    }
}

bool
slt_file_read(const char *path, slt_file *out_file)
{
    *out_file = (slt_file){.path = path};
    char *text = slt_read_file(path);
    if (text == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    size_t n_bytes = strlen(text);
    out_file->content = cell_alloc(2 * (n_bytes + 1)); /* lines, then the copy that words cut */
    memcpy(out_file->content, text, n_bytes);
    memcpy(out_file->content + n_bytes + 1, text, n_bytes);
    free(text);
    split_lines(out_file, out_file->content);
    parser self = {.file = out_file};
    while (self.at < out_file->n_lines) {
        char *line = out_file->lines[self.at];
        char *words = line + n_bytes + 1;
        words[strcspn(words, "\n")] = '\0';
        if (line[strspn(line, " \t\r")] == '\0' || line[0] == '#') {
            self.at++;
        } else if (!parse_line(&self, words)) {
            return false;
        }
    }
    return self.n_loops == 0 ||
           complain(&self, out_file->records[self.loops[0]].line - 1, "the loop has no endfor");
}

void
slt_file_done(slt_file *file)
{
    for (size_t i = 0; i < file->n_records; i++) {
        free(file->records[i].sql);
    }
    free(file->records);
    free(file->lines);
    free(file->content);
    *file = (slt_file){0};
}
