/* SPDX-License-Identifier: Apache-2.0
 *
 * Command line of `colonnade`.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum cli_mode {
    CLI_MODE_TABLE,
    CLI_MODE_CSV,
    CLI_MODE_JSON,
    CLI_MODE_NDJSON,
    CLI_MODE_MARKDOWN
} cli_mode;

/* Where statements come from, in the order given. */
typedef struct cli_input {
    bool is_file;     /* else `text` is SQL; a file named "-" is standard input */
    const char *text; /* borrowed from the arguments */
} cli_input;

typedef struct cli_options {
    cli_mode mode;
    bool timer;
    bool show_help;
    bool show_version;
    int32_t n_threads;        /* 0 = all */
    const char *memory_limit; /* NULL = default; text as SET memory_limit takes it */
    int64_t max_rows;         /* of the table mode */
    const char *null_text;
    cli_input *inputs; /* n_inputs; freed by cli_options_done */
    int32_t n_inputs;
} cli_options;

/* False with a message on stderr when the arguments are wrong. */
bool cli_options_read(int argc, char **argv, cli_options *out_options);
void cli_options_done(cli_options *self);
/* What --help prints. */
const char *cli_help(void);

#endif /* CLI_OPTIONS_H */
