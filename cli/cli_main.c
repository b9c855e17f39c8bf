/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line tool `colonnade`: a program on the public API. Options are in cli_options.c,
 * running in cli_run.c, printing in cli_print*.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cell_text.h"
#include "cli_options.h"
#include "cli_run.h"

#define STATUS_FAILED 1
#define STATUS_USAGE  2

static bool
run_file(cn_session *session, const cli_options *options, const char *path)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    if (is_stdin && isatty(STDIN_FILENO) != 0) {
        return cli_run_terminal(session, options);
    }
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    cell_text script = {0};
    if (file == NULL) {
        perror(path);
        return false;
    }
    bool good = cell_text_read(&script, file);
    if (!good) {
        perror(path);
    }
    if (!is_stdin) {
        (void)fclose(file);
    }
    good = good && cli_run_script(session, options, is_stdin ? NULL : path, cell_text_get(&script),
                                  (int64_t)script.n_bytes);
    cell_text_done(&script);
    return good;
}

static bool
run_inputs(cn_session *session, const cli_options *options)
{
    for (int32_t input = 0; input < options->n_inputs; input++) {
        const cli_input *at = &options->inputs[input];
        const bool good = at->is_file ? run_file(session, options, at->text)
                                      : cli_run_script(session, options, NULL, at->text,
                                                       (int64_t)strlen(at->text));
        if (!good) {
            return false;
        }
    }
    return true;
}

/* The user's directory for temporary files, or NULL for the default. */
static const char *
temp_directory(void)
{
    const char *path = getenv("TMPDIR");
    return path != NULL && path[0] != '\0' ? path : NULL;
}

static bool
run(const cli_options *options)
{
    const cn_engine_options engine_options = {.struct_size = sizeof(engine_options),
                                              .n_threads = options->n_threads,
                                              .temp_directory = temp_directory()};
    cn_error err = CN_ERROR_INIT;
    cn_engine *engine = NULL;
    cn_session *session = NULL;
    cn_code code = cn_engine_new(&engine_options, &engine, &err);
    if (code == CN_OK) {
        code = cn_session_new(engine, &session, &err);
    }
    if (code == CN_OK && options->memory_limit != NULL) {
        code = cn_session_set(session, "memory_limit", options->memory_limit, &err);
    }
    bool good = code == CN_OK;
    if (good) {
        good = run_inputs(session, options);
    } else {
        cli_report(&err, NULL, NULL, 0, 0);
    }
    cn_session_free(session);
    cn_engine_free(engine);
    return good;
}

int
main(int argc, char **argv)
{
    cli_options options;
    int status = STATUS_USAGE;
    if (cli_options_read(argc, argv, &options)) {
        status = 0;
        if (options.show_help) {
            (void)fputs(cli_help(), stdout);
        } else if (options.show_version) {
            (void)printf("colonnade %s\n", cn_version());
        } else if (!run(&options)) {
            status = STATUS_FAILED;
        }
    }
    cli_options_done(&options);
    return status;
}
