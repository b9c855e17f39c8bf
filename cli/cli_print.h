/* SPDX-License-Identifier: Apache-2.0
 *
 * Printing results: one printer per mode over the batches of an Arrow stream.
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include "cell_text.h"
#include "cli_options.h"
#include "colonnade/colonnade.h"

/* Print all rows of the stream to standard output; a stream of no columns prints nothing. A failure
 * while rows are read comes back with the stream's message. */
cn_code cli_print_stream(const cli_options *options, struct ArrowArrayStream *rows, cn_error *err);

/* A printer over one result. begin and end may be NULL. */
typedef struct cli_printer {
    const cli_options *options;
    const struct ArrowSchema *schema;
    int64_t n_rows;          /* so far */
    struct cli_table *table; /* of the table mode */
} cli_printer;

void cli_table_begin(cli_printer *printer);
void cli_table_batch(cli_printer *printer, const struct ArrowArray *batch);
void cli_table_end(cli_printer *printer);

/* Text of one cell: strings as they are, NULL as `null_text`. */
void cli_cell(cell_text *out, const struct ArrowSchema *schema, const struct ArrowArray *array,
              int64_t row, const char *null_text);
/* SQL name of a column's type, such as bigint or decimal(15,2). */
void cli_type_name(cell_text *out, const struct ArrowSchema *schema);
/* Whether values stand at the right of their column. */
bool cli_is_number(const struct ArrowSchema *schema);

#endif /* CLI_PRINT_H */
