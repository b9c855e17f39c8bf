/* SPDX-License-Identifier: Apache-2.0
 *
 * One test file under one mode: sessions, conditions, loops, variables, and the check of each
 * record. A file that cannot be parsed, or a mode whose settings are refused, counts as a failure;
 * after MAX_FAILURES failing records the rest of a file is left.
 */
#include "slt_run.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slt_compare.h"
#include "slt_file.h"

#define MAX_FAILURES 10
#define MAX_SESSIONS 8
#define MAX_LOOPS    8
#define MAX_LABELS   256

typedef struct loop {
    size_t record;
    slt_strings values;
    size_t next;
} loop;

typedef struct file_run {
    slt_run *run;
    slt_file *file;
    slt_variables variables;
    struct {
        char *name;
        cn_session *session;
    } sessions[MAX_SESSIONS];
    size_t n_sessions;
    cn_session *session; /* the one that records use */
    loop loops[MAX_LOOPS];
    size_t n_loops;
    struct {
        const char *label; /* points into the file */
        slt_strings lines;
    } labels[MAX_LABELS];
    size_t n_labels;
    long long hash_threshold;
    size_t n_failed;
    bool skipped;
    struct {
        bool known;
        slt_strings lines;
    } *completed; /* per record: its new lines, when completing */
} file_run;

static void __attribute__((format(printf, 3, 4)))
report(file_run *self, const slt_record *record, const char *format, ...)
{
    va_list arguments;
    printf("%s:%zu: [%s] ", self->file->path, record != NULL ? record->line : 1,
           self->run->mode->name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    self->n_failed++;
}

static void
show_sql(const char *sql)
{
    for (const char *line = sql; *line != '\0';) {
        size_t n_bytes = strcspn(line, "\n");
        printf("    %.*s\n", (int)n_bytes, line);
        line += n_bytes + (line[n_bytes] == '\n');
    }
}

static bool
apply_mode(file_run *self, cn_session *session)
{
    for (size_t i = 0; i < self->run->mode->n_settings; i++) {
        const char *setting = self->run->mode->settings[i];
        size_t n_bytes = strcspn(setting, "=");
        char *name = slt_copy(setting, n_bytes);
        cell_text message = {0};
        bool done = slt_set(session, name, setting + n_bytes + 1, &message);
        if (!done) {
            report(self, NULL, "%s", cell_text_get(&message));
        }
        cell_text_done(&message);
        free(name);
        if (!done) {
            return false;
        }
    }
    return true;
}

/* Makes `name` the session of the records that follow; a new one when it is new. */
static bool
use_session(file_run *self, const char *name)
{
    for (size_t i = 0; i < self->n_sessions; i++) {
        if (strcmp(self->sessions[i].name, name) == 0) {
            self->session = self->sessions[i].session;
            return true;
        }
    }
    cn_error err = CN_ERROR_INIT;
    cn_session *session = NULL;
    if (self->n_sessions == MAX_SESSIONS) {
        report(self, NULL, "more than %d sessions", MAX_SESSIONS);
        return false;
    }
    if (cn_session_new(self->run->engine, &session, &err) != CN_OK) {
        report(self, NULL, "no session: %s", err.message);
        return false;
    }
    self->sessions[self->n_sessions].name = slt_copy(name, strlen(name));
    self->sessions[self->n_sessions++].session = session;
    self->session = session;
    return apply_mode(self, session);
}

static bool
is_skipped(const file_run *self, const slt_record *record)
{
    for (size_t i = 0; i < record->n_conditions; i++) {
        if (slt_mode_has(self->run->mode, record->conditions[i].name) !=
            record->conditions[i].only) {
            return true;
        }
    }
    return false;
}

static void
check_ok(file_run *self, const slt_record *record, const char *sql, const slt_result *result)
{
    if (result->failed) {
        report(self, record, "statement failed: %s", cell_text_get(&result->error));
        show_sql(sql);
    }
}

static void
check_error(file_run *self, const slt_record *record, const char *sql, const slt_result *result)
{
    if (!result->failed) {
        report(self, record, "statement succeeded, an error was expected");
        show_sql(sql);
        return;
    }
    char *pattern = slt_substitute(&self->variables, record->argument);
    regex_t expression;
    if (regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        report(self, record, "not a regular expression: %s", pattern);
    } else {
        if (regexec(&expression, cell_text_get(&result->error), 0, NULL, 0) != 0) {
            report(self, record, "another error was expected");
            show_sql(sql);
            printf("    expected      | %s\n    actual        | %s\n", pattern,
                   cell_text_get(&result->error));
        }
        regfree(&expression);
    }
    free(pattern);
}

/* One integer cell is the count that the statement reports; otherwise its rows are counted. */
static void
check_count(file_run *self, const slt_record *record, const char *sql, const slt_result *result)
{
    if (result->failed) {
        check_ok(self, record, sql, result);
        return;
    }
    size_t n_columns = result->n_columns > 0 ? result->n_columns : 1;
    long long count = (long long)(result->cells.n_items / n_columns);
    if (result->cells.n_items == 1 && strcmp(cell_text_get(&result->types), "I") == 0) {
        count = atoll(result->cells.items[0]);
    }
    if (count != record->number) {
        report(self, record, "%lld rows expected, %lld found", record->number, count);
        show_sql(sql);
    }
}

static void
expected_lines(file_run *self, const slt_record *record, slt_strings *out_lines)
{
    *out_lines = (slt_strings){0};
    for (size_t i = record->expected_begin; i < record->expected_end; i++) {
        slt_strings_add(out_lines, slt_substitute(&self->variables, self->file->lines[i]));
    }
    if (record->sort != SLT_NOSORT) {
        slt_strings_sort(out_lines);
    }
}

/* Results that carry the same label must be equal. */
static void
check_label(file_run *self, const slt_record *record, const char *sql, const slt_result *result)
{
    slt_strings lines = {0};
    slt_result_lines(result, record->sort, 0, &lines);
    for (size_t i = 0; i < self->n_labels; i++) {
        if (strcmp(self->labels[i].label, record->label) == 0) {
            if (!slt_lines_match(&self->labels[i].lines, &lines, cell_text_get(&result->types))) {
                report(self, record, "the result differs from an earlier one with the label %s",
                       record->label);
                show_sql(sql);
                slt_print_difference(&self->labels[i].lines, &lines, cell_text_get(&result->types));
            }
            slt_strings_done(&lines);
            return;
        }
    }
    if (self->n_labels == MAX_LABELS) {
        report(self, record, "more than %d labels", MAX_LABELS);
        slt_strings_done(&lines);
        return;
    }
    self->labels[self->n_labels].label = record->label;
    self->labels[self->n_labels++].lines = lines;
}

static void
check_lines(file_run *self, const slt_record *record, const char *sql, const slt_result *result)
{
    slt_strings expected = {0};
    slt_strings actual = {0};
    expected_lines(self, record, &expected);
    bool hashed = expected.n_items == 1 && slt_is_hash_line(expected.items[0]);
    slt_result_lines(result, record->sort, hashed ? 1 : self->hash_threshold, &actual);
    const char *types =
        record->sort == SLT_VALUESORT || hashed ? "" : cell_text_get(&result->types);
    bool is_check = record->expected_begin > record->separator || record->label == NULL;
    if (self->completed != NULL) {
        size_t at = (size_t)(record - self->file->records);
        slt_strings_done(&self->completed[at].lines);
        self->completed[at].known = true;
        self->completed[at].lines = actual;
        actual = (slt_strings){0};
    } else if (is_check && !slt_lines_match(&expected, &actual, types)) {
        report(self, record, "wrong result");
        show_sql(sql);
        slt_print_difference(&expected, &actual, types);
    }
    slt_strings_done(&expected);
    slt_strings_done(&actual);
}

static void
check_query(file_run *self, const slt_record *record, const char *sql, const slt_result *result)
{
    if (result->failed) {
        report(self, record, "query failed: %s", cell_text_get(&result->error));
        show_sql(sql);
        return;
    }
    if (!slt_types_match(record->types, cell_text_get(&result->types))) {
        report(self, record, "column types %s expected, %s found", record->types,
               cell_text_get(&result->types));
        show_sql(sql);
        return;
    }
    check_lines(self, record, sql, result);
    if (record->label != NULL) {
        check_label(self, record, sql, result);
    }
}

static void
run_sql(file_run *self, const slt_record *record)
{
    char *sql = slt_substitute(&self->variables, record->sql);
    slt_result result;
    self->run->n_records++;
    if (self->run->verbose) {
        fprintf(stderr, "%s:%zu\n", self->file->path, record->line);
    }
    if (record->kind == SLT_QUERY) {
        slt_run_query(self->session, sql, &result);
        check_query(self, record, sql, &result);
    } else {
        slt_run_statement(self->session, sql, &result);
        if (record->kind == SLT_STATEMENT_OK) {
            check_ok(self, record, sql, &result);
        } else if (record->kind == SLT_STATEMENT_ERROR) {
            check_error(self, record, sql, &result);
        } else {
            check_count(self, record, sql, &result);
        }
    }
    slt_result_done(&result);
    free(sql);
}

/* require setting NAME | require file PATH | require query SQL */
static bool
is_available(file_run *self, const slt_record *record)
{
    char *argument = slt_substitute(&self->variables, record->argument);
    bool available = false;
    if (strcmp(record->name, "setting") == 0) {
        char value[8];
        available =
            cn_session_get(self->session, argument, value, sizeof value, NULL, NULL) == CN_OK;
    } else if (strcmp(record->name, "file") == 0) {
        available = access(argument, R_OK) == 0;
    } else if (strcmp(record->name, "query") == 0) {
        slt_result result;
        slt_run_query(self->session, argument, &result);
        available = !result.failed;
        slt_result_done(&result);
    } else {
        report(self, record, "require takes setting, file or query, not %s", record->name);
    }
    free(argument);
    return available;
}

static void
run_set(file_run *self, const slt_record *record)
{
    char *value = slt_substitute(&self->variables, record->argument);
    cell_text message = {0};
    if (!slt_set(self->session, record->name, value, &message)) {
        report(self, record, "%s", cell_text_get(&message));
    }
    cell_text_done(&message);
    free(value);
}

/* Words of a foreach line; a..b stands for the integers from a to b. */
static void
loop_values(const char *text, slt_strings *out_values)
{
    for (const char *at = text + strspn(text, " \t"); *at != '\0'; at += strspn(at, " \t")) {
        size_t n_bytes = strcspn(at, " \t");
        char *word = slt_copy(at, n_bytes);
        at += n_bytes;
        long long first = 0;
        long long last = 0;
        int n_read = 0;
        if (sscanf(word, "%lld..%lld%n", &first, &last, &n_read) == 2 &&
            (size_t)n_read == n_bytes) {
            for (long long i = first; i <= last; i++) {
                cell_text number = {0};
                cell_text_printf(&number, "%lld", i);
                slt_strings_add(out_values, number.bytes);
            }
            free(word);
        } else {
            slt_strings_add(out_values, word);
        }
    }
}

static void
loop_done(loop *self)
{
    slt_strings_done(&self->values);
}

/* Index of the record that follows a loop's beginning. */
static size_t
begin_loop(file_run *self, size_t at)
{
    const slt_record *record = &self->file->records[at];
    char *text = slt_substitute(&self->variables, record->argument);
    loop *here = &self->loops[self->n_loops];
    *here = (loop){.record = at, .next = 1};
    loop_values(text, &here->values);
    free(text);
    if (here->values.n_items == 0) {
        loop_done(here);
        return record->partner + 1;
    }
    self->n_loops++;
    slt_variable_push(&self->variables, record->name, here->values.items[0]);
    return at + 1;
}

/* Index of the record that follows a loop's end: the loop's first, or the one behind it. */
static size_t
end_loop(file_run *self, size_t at)
{
    loop *here = &self->loops[self->n_loops - 1];
    slt_variable_pop(&self->variables);
    if (here->next < here->values.n_items) {
        slt_variable_push(&self->variables, self->file->records[here->record].name,
                          here->values.items[here->next++]);
        return here->record + 1;
    }
    loop_done(here);
    self->n_loops--;
    return at + 1;
}

static size_t
run_record(file_run *self, size_t at)
{
    const slt_record *record = &self->file->records[at];
    bool skipped = is_skipped(self, record);
    if (record->kind == SLT_FOREACH) {
        return skipped ? record->partner + 1 : begin_loop(self, at);
    }
    if (record->kind == SLT_END_LOOP) {
        return end_loop(self, at);
    }
    if (skipped) {
        return at + 1;
    }
    switch (record->kind) {
    case SLT_HALT:
        return self->file->n_records;
    case SLT_HASH_THRESHOLD:
        self->hash_threshold = record->number;
        break;
    case SLT_SET:
        run_set(self, record);
        break;
    case SLT_SESSION:
        (void)use_session(self, record->name);
        break;
    case SLT_REQUIRE:
        self->skipped = !is_available(self, record);
        break;
    default:
        run_sql(self, record);
        break;
    }
    return at + 1;
}

static void
run_records(file_run *self)
{
    for (size_t at = 0; at < self->file->n_records && !self->skipped;) {
        at = run_record(self, at);
        if (self->n_failed >= MAX_FAILURES) {
            printf("%s: %d failures, the rest of the file is left\n", self->file->path,
                   MAX_FAILURES);
            break;
        }
    }
}

static bool
in_loop(const slt_file *file, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (file->records[i].kind == SLT_FOREACH && file->records[i].partner > at) {
            return true;
        }
    }
    return false;
}

/* Writes the file again with the results that were found; records in loops keep their text. */
static void
rewrite_file(file_run *self)
{
    slt_file *file = self->file;
    cell_text content = {0};
    size_t line = 0;
    for (size_t at = 0; at < file->n_records; at++) {
        const slt_record *record = &file->records[at];
        const slt_strings *lines = &self->completed[at].lines;
        if (!self->completed[at].known || in_loop(file, at) ||
            (record->label != NULL && record->expected_begin == record->separator)) {
            continue;
        }
        for (; line < record->separator; line++) {
            cell_text_str(&content, file->lines[line]);
            cell_text_str(&content, "\n");
        }
        cell_text_str(&content, "----\n");
        for (size_t i = 0; i < lines->n_items; i++) {
            cell_text_str(&content, lines->items[i]);
            cell_text_str(&content, "\n");
        }
        line = record->expected_end;
    }
    for (; line < file->n_lines; line++) {
        cell_text_str(&content, file->lines[line]);
        cell_text_str(&content, "\n");
    }
    if (!slt_write_file(file->path, &content)) {
        report(self, NULL, "cannot be written");
    }
    cell_text_done(&content);
}

static void
file_run_done(file_run *self)
{
    for (size_t i = 0; i < self->n_loops; i++) {
        loop_done(&self->loops[i]);
    }
    for (size_t i = 0; i < self->n_labels; i++) {
        slt_strings_done(&self->labels[i].lines);
    }
    for (size_t i = 0; i < self->n_sessions; i++) {
        cn_session_free(self->sessions[i].session);
        free(self->sessions[i].name);
    }
    for (size_t i = 0; self->completed != NULL && i < self->file->n_records; i++) {
        slt_strings_done(&self->completed[i].lines);
    }
    free(self->completed);
    slt_variables_done(&self->variables);
}

void
slt_run_file(slt_run *run, const char *path)
{
    slt_file file;
    file_run self = {.run = run, .file = &file};
    if (!slt_file_read(path, &file)) {
        run->n_failed++;
        slt_file_done(&file);
        return;
    }
    slt_variable_push(&self.variables, "DATA", run->data_path);
    slt_variable_push(&self.variables, "TMP", run->scratch_path);
    if (run->complete) {
        self.completed = cell_alloc(file.n_records * sizeof *self.completed);
    }
    if (use_session(&self, "default")) {
        run_records(&self);
    }
    if (run->complete && !self.skipped) {
        rewrite_file(&self);
    }
    if (self.skipped) {
        run->n_files_skipped++;
        printf("%s: skipped, something that it requires is not there\n", path);
    }
    run->n_failed += self.n_failed;
    file_run_done(&self);
    slt_file_done(&file);
}
