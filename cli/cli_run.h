/* SPDX-License-Identifier: Apache-2.0
 *
 * Running scripts: statement by statement, with results, times and errors.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli_options.h"
#include "colonnade/colonnade.h"

/* Run every statement of `script` (`name` is shown with errors; NULL = none). False after the first
 * failure, which has been reported on stderr. */
bool cli_run_script(cn_session *session, const cli_options *options, const char *name,
                    const char *script, int64_t script_bytes);
/* Statements from standard input as they become complete: for a terminal. */
bool cli_run_terminal(cn_session *session, const cli_options *options);

/* Report a failure: message, then the line of `script` with a caret when the error has a place.
 * `base` is where the text that the error counts from begins in the script. */
void cli_report(const cn_error *err, const char *name, const char *script, int64_t script_bytes,
                int64_t base);

#endif /* CLI_RUN_H */
