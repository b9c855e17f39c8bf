/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs statements through cn_session_execute and hands their streams to the printers.
 */
#include "cli_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cell_text.h"
#include "cli_print.h"

#define SHOWN_BEFORE 60 /* bytes of a line shown in front of an error's place */
#define SHOWN_BEHIND 80

static double
now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Columns that a caret must move right: code points, tabs kept as tabs. */
static void
print_caret(const char *line, int64_t n_before, int64_t n_marked)
{
    for (int64_t index = 0; index < n_before; index++) {
        const unsigned char byte = (unsigned char)line[index];
        if ((byte & 0xC0) != 0x80) {
            (void)fputc(byte == '\t' ? '\t' : ' ', stderr);
        }
    }
    for (int64_t index = 0; index < n_marked; index++) {
        if (((unsigned char)line[n_before + index] & 0xC0) != 0x80) {
            (void)fputc('^', stderr);
        }
    }
    (void)fputc('\n', stderr);
}

static void
print_place(const char *script, int64_t script_bytes, int64_t place, int64_t length)
{
    int64_t line_number = 1;
    int64_t begin = 0;
    for (int64_t index = 0; index < place; index++) {
        if (script[index] == '\n') {
            line_number++;
            begin = index + 1;
        }
    }
    int64_t end = place;
    while (end < script_bytes && script[end] != '\n') {
        end++;
    }
    const int64_t marked = length < 1 ? 1 : length;
    const bool cut_left = place - begin > SHOWN_BEFORE;
    begin = cut_left ? place - SHOWN_BEFORE : begin;
    end = end - place > SHOWN_BEHIND ? place + SHOWN_BEHIND : end;
    char head[48];
    const int n_head = snprintf(head, sizeof(head), "LINE %lld: %s", (long long)line_number,
                                cut_left ? "..." : "");
    (void)fprintf(stderr, "%s%.*s\n%*s", head, (int)(end - begin), script + begin, n_head, "");
    print_caret(script + begin, place - begin,
                place + marked > end ? (end > place ? end - place : 1) : marked);
}

void
cli_report(const cn_error *err, const char *name, const char *script, int64_t script_bytes,
           int64_t base)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s%sError: %s", name == NULL ? "" : name, name == NULL ? "" : ": ",
                  err->message);
    (void)fprintf(stderr, err->sqlstate[0] == '\0' ? "%s\n" : " [%s]\n", err->sqlstate);
    const int64_t place = err->sql_offset < 0 ? -1 : base + err->sql_offset;
    if (script != NULL && place >= 0 && place <= script_bytes) {
        print_place(script, script_bytes, place, err->sql_length);
    }
}

/* CREATE TABLE AS and INSERT report a count, which is no result: files and pipes do not get it. */
static bool
gives_count(const char *sql, int64_t length)
{
    static const char *const words[] = {"create", "insert"};
    for (int word = 0; word < 2; word++) {
        const int64_t word_bytes = (int64_t)strlen(words[word]);
        if (length > word_bytes && strncasecmp(sql, words[word], (size_t)word_bytes) == 0) {
            return true;
        }
    }
    return false;
}

static bool
run_statement(cn_session *session, const cli_options *options, const char *name, const char *script,
              int64_t script_bytes, int64_t base, int64_t length)
{
    cn_error err = CN_ERROR_INIT;
    struct ArrowArrayStream rows = {0};
    cell_text sql = {0};
    const double start = now_seconds();
    cell_text_add(&sql, script + base, (size_t)length);
    cn_code code = cn_session_execute(session, cell_text_get(&sql), &rows, &err);
    if (code == CN_OK) {
        const bool quiet = options->mode != CLI_MODE_TABLE && gives_count(script + base, length);
        code = quiet ? CN_OK : cli_print_stream(options, &rows, &err);
        rows.release(&rows);
    }
    cell_text_done(&sql);
    if (code != CN_OK) {
        cli_report(&err, name, script, script_bytes, base);
        return false;
    }
    if (options->timer) {
        (void)printf("Run time: %.3f s\n", now_seconds() - start);
    }
    (void)fflush(stdout);
    return ferror(stdout) == 0;
}

bool
cli_run_script(cn_session *session, const cli_options *options, const char *name,
               const char *script, int64_t script_bytes)
{
    int64_t begin = 0;
    while (begin < script_bytes) {
        int64_t offset = 0;
        int64_t length = 0;
        int64_t next = 0;
        cn_error err = CN_ERROR_INIT;
        if (cn_sql_split(script + begin, script_bytes - begin, &offset, &length, &next, NULL,
                         &err) != CN_OK) {
            cli_report(&err, name, NULL, 0, 0);
            return false;
        }
        if (length == 0) {
            break;
        }
        if (!run_statement(session, options, name, script, script_bytes, begin + offset, length)) {
            return false;
        }
        begin += next;
    }
    return true;
}

/* Run what is complete at the front of `pending` and remove it. */
static bool
run_complete(cn_session *session, const cli_options *options, cell_text *pending)
{
    bool good = true;
    for (;;) {
        int64_t offset = 0;
        int64_t length = 0;
        int64_t next = 0;
        int32_t complete = 0;
        if (cn_sql_split(cell_text_get(pending), (int64_t)pending->n_bytes, &offset, &length, &next,
                         &complete, NULL) != CN_OK ||
            length == 0 || complete == 0) {
            return good;
        }
        good = run_statement(session, options, NULL, cell_text_get(pending),
                             (int64_t)pending->n_bytes, offset, length) &&
               good;
        memmove(pending->bytes, pending->bytes + next, pending->n_bytes - (size_t)next + 1);
        pending->n_bytes -= (size_t)next;
    }
}

bool
cli_run_terminal(cn_session *session, const cli_options *options)
{
    cell_text pending = {0};
    char line[4096];
    bool good = true;
    (void)fputs("colonnade> ", stdout);
    (void)fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        cell_text_str(&pending, line);
        good = run_complete(session, options, &pending);
        const bool is_blank = strspn(cell_text_get(&pending), " \t\r\n") == pending.n_bytes;
        (void)fputs(is_blank ? "colonnade> " : "      ...> ", stdout);
        (void)fflush(stdout);
    }
    (void)fputc('\n', stdout);
    good =
        cli_run_script(session, options, NULL, cell_text_get(&pending), (int64_t)pending.n_bytes) &&
        good;
    cell_text_done(&pending);
    return good;
}
