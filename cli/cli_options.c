/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the command line. One and two dashes mean the same; options may stand anywhere.
 */
#include "cli_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cell_text.h"

static const char help_text[] =
    "usage: colonnade [options] [file.sql ...]\n"
    "\n"
    "Runs SQL over Parquet files. Without -c and files it reads standard input.\n"
    "\n"
    "  -c SQL              run the statements of SQL (may be repeated)\n"
    "  -table              results as a table (default)\n"
    "  -csv                as comma-separated values with a header\n"
    "  -json               as one JSON array of objects\n"
    "  -ndjson             as one JSON object per line\n"
    "  -markdown           as a Markdown table\n"
    "  --mode NAME         the same by name\n"
    "  --max-rows N        rows that a table shows at most (default 40, 0 = all)\n"
    "  --null TEXT         what stands for NULL in tables and CSV\n"
    "  --timer             print the time of each statement\n"
    "  --threads N         threads of a query (default: all cores)\n"
    "  --memory-limit N    memory of a query, such as 512MB\n"
    "  --version, --help\n"
    "\n"
    "Exit status: 0, 1 when a statement failed (the rest is not run), 2 for wrong arguments.\n"
    "\n"
    "  colonnade -c \"SELECT count(*) FROM 'hits.parquet'\"\n";

const char *
cli_help(void)
{
    return help_text;
}

static bool
find_mode(const char *name, cli_mode *out_mode)
{
    static const char *const names[] = {"table", "csv", "json", "ndjson", "markdown"};
    for (int mode = 0; mode < (int)(sizeof(names) / sizeof(names[0])); mode++) {
        if (strcmp(name, names[mode]) == 0) {
            *out_mode = (cli_mode)mode;
            return true;
        }
    }
    return false;
}

static void
add_input(cli_options *self, bool is_file, const char *text)
{
    self->inputs = cell_realloc(self->inputs, ((size_t)self->n_inputs + 1) * sizeof(*self->inputs));
    self->inputs[self->n_inputs++] = (cli_input){.is_file = is_file, .text = text};
}

static bool
read_number(const char *option, const char *text, int64_t maximum, int64_t *out_number)
{
    char *end = NULL;
    const long long number = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || number < 0 || number > maximum) {
        (void)fprintf(stderr, "colonnade: %s takes a number from 0 to %lld, not \"%s\"\n", option,
                      (long long)maximum, text);
        return false;
    }
    *out_number = number;
    return true;
}

/* An option with a value; *out_known false when it is none of these. */
static bool
read_valued(cli_options *self, const char *name, const char *value, bool *out_known)
{
    int64_t number = 0;
    *out_known = true;
    if (strcmp(name, "c") == 0) {
        add_input(self, false, value);
        return true;
    }
    if (strcmp(name, "threads") == 0) {
        const bool good = read_number("--threads", value, 256, &number);
        self->n_threads = (int32_t)number;
        return good;
    }
    if (strcmp(name, "max-rows") == 0) {
        return read_number("--max-rows", value, INT64_C(1) << 40, &self->max_rows);
    }
    if (strcmp(name, "memory-limit") == 0) {
        self->memory_limit = value;
        return true;
    }
    if (strcmp(name, "null") == 0) {
        self->null_text = value;
        return true;
    }
    *out_known = strcmp(name, "mode") == 0;
    if (*out_known && !find_mode(value, &self->mode)) {
        (void)fprintf(stderr, "colonnade: there is no mode \"%s\"\n", value);
        return false;
    }
    return true;
}

static bool
read_flag(cli_options *self, const char *name)
{
    if (strcmp(name, "timer") == 0) {
        self->timer = true;
        return true;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "h") == 0) {
        self->show_help = true;
        return true;
    }
    if (strcmp(name, "version") == 0) {
        self->show_version = true;
        return true;
    }
    return find_mode(name, &self->mode);
}

static bool
takes_value(const char *name)
{
    static const char *const names[] = {"c", "threads", "max-rows", "memory-limit", "null", "mode"};
    for (size_t index = 0; index < sizeof(names) / sizeof(names[0]); index++) {
        if (strcmp(name, names[index]) == 0) {
            return true;
        }
    }
    return false;
}

bool
cli_options_read(int argc, char **argv, cli_options *out_options)
{
    *out_options = (cli_options){.max_rows = 40, .null_text = NULL};
    for (int index = 1; index < argc; index++) {
        const char *argument = argv[index];
        if (argument[0] != '-' || argument[1] == '\0') {
            add_input(out_options, true, argument);
            continue;
        }
        const char *name = argument + (argument[1] == '-' ? 2 : 1);
        if (!takes_value(name)) {
            if (!read_flag(out_options, name)) {
                (void)fprintf(stderr, "colonnade: unknown option %s (see --help)\n", argument);
                return false;
            }
            continue;
        }
        bool known = false;
        if (index + 1 == argc) {
            (void)fprintf(stderr, "colonnade: %s needs a value\n", argument);
            return false;
        }
        if (!read_valued(out_options, name, argv[++index], &known)) {
            return false;
        }
    }
    if (out_options->n_inputs == 0) {
        add_input(out_options, true, "-");
    }
    return true;
}

void
cli_options_done(cli_options *self)
{
    free(self->inputs);
    self->inputs = NULL;
}
