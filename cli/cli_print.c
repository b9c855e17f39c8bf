/* SPDX-License-Identifier: Apache-2.0
 *
 * The row-by-row modes (CSV, JSON, NDJSON, Markdown) and what all modes share. CSV quotes by RFC
 * 4180; JSON writes numbers and booleans bare and everything else as strings.
 */
#include "cli_print.h"

#include <stdio.h>
#include <string.h>

#include "cell_value.h"

void
cli_cell(cell_text *out, const struct ArrowSchema *schema, const struct ArrowArray *array,
         int64_t row, const char *null_text)
{
    const char *bytes = NULL;
    int64_t n_bytes = 0;
    if (cell_is_null(schema, array, row)) {
        cell_text_str(out, null_text);
    } else if (cell_string(schema, array, row, &bytes, &n_bytes)) {
        cell_text_add(out, bytes, (size_t)n_bytes);
    } else {
        cell_value_text(out, schema, array, row);
    }
}

void
cli_type_name(cell_text *out, const struct ArrowSchema *schema)
{
    static const struct {
        const char *format;
        const char *name;
    } names[] = {
        {"n", "null"},     {"b", "boolean"},    {"c", "tinyint"},    {"C", "utinyint"},
        {"s", "smallint"}, {"S", "usmallint"},  {"i", "integer"},    {"I", "uinteger"},
        {"l", "bigint"},   {"L", "ubigint"},    {"e", "halffloat"},  {"f", "float"},
        {"g", "double"},   {"u", "varchar"},    {"U", "varchar"},    {"vu", "varchar"},
        {"z", "blob"},     {"Z", "blob"},       {"vz", "blob"},      {"tdD", "date"},
        {"tdm", "date64"}, {"tin", "interval"}, {"tiM", "interval"}, {"tiD", "interval"},
    };
    const char *format = schema->format;
    for (size_t index = 0; index < sizeof(names) / sizeof(names[0]); index++) {
        if (strcmp(format, names[index].format) == 0) {
            cell_text_str(out, names[index].name);
            return;
        }
    }
    if (format[0] == 'd') {
        cell_text_printf(out, "decimal(%s)", format + 2);
    } else if (strncmp(format, "ts", 2) == 0) {
        cell_text_str(out, format[3] == ':' && format[4] != '\0' ? "timestamptz" : "timestamp");
    } else if (strncmp(format, "tt", 2) == 0) {
        cell_text_str(out, "time");
    } else if (format[0] == '+') {
        cell_text_str(out, format[1] == 's' ? "struct" : format[1] == 'm' ? "map" : "list");
    } else {
        cell_text_str(out, format);
    }
}

bool
cli_is_number(const struct ArrowSchema *schema)
{
    return strchr("IRVW", cell_type_letter(schema)) != NULL;
}

/* ---- CSV */

/* An empty string is quoted: bare nothing is NULL. */
static void
csv_field(const char *bytes, size_t n_bytes)
{
    if (n_bytes > 0 && strcspn(bytes, ",\"\r\n") == n_bytes && n_bytes == strlen(bytes)) {
        (void)fwrite(bytes, 1, n_bytes, stdout);
        return;
    }
    (void)fputc('"', stdout);
    for (size_t index = 0; index < n_bytes; index++) {
        if (bytes[index] == '"') {
            (void)fputc('"', stdout);
        }
        (void)fputc(bytes[index], stdout);
    }
    (void)fputc('"', stdout);
}

static void
csv_begin(cli_printer *printer)
{
    for (int64_t column = 0; column < printer->schema->n_children; column++) {
        const char *name = printer->schema->children[column]->name;
        if (column > 0) {
            (void)fputc(',', stdout);
        }
        csv_field(name, strlen(name));
    }
    (void)fputc('\n', stdout);
}

static void
csv_batch(cli_printer *printer, const struct ArrowArray *batch)
{
    const char *null_text = printer->options->null_text == NULL ? "" : printer->options->null_text;
    cell_text cell = {0};
    for (int64_t row = 0; row < batch->length; row++) {
        for (int64_t column = 0; column < batch->n_children; column++) {
            const struct ArrowSchema *schema = printer->schema->children[column];
            const struct ArrowArray *array = batch->children[column];
            if (column > 0) {
                (void)fputc(',', stdout);
            }
            if (cell_is_null(schema, array, row + batch->offset)) {
                (void)fputs(null_text, stdout);
                continue;
            }
            cell_text_reset(&cell);
            cli_cell(&cell, schema, array, row + batch->offset, "");
            csv_field(cell_text_get(&cell), cell.n_bytes);
        }
        (void)fputc('\n', stdout);
    }
    cell_text_done(&cell);
}

/* ---- JSON */

static void
json_string(const char *bytes, size_t n_bytes)
{
    (void)fputc('"', stdout);
    for (size_t index = 0; index < n_bytes; index++) {
        const unsigned char byte = (unsigned char)bytes[index];
        if (byte == '"' || byte == '\\') {
            (void)printf("\\%c", byte);
        } else if (byte == '\n') {
            (void)fputs("\\n", stdout);
        } else if (byte < 32) {
            (void)printf("\\u%04x", byte);
        } else {
            (void)fputc(byte, stdout);
        }
    }
    (void)fputc('"', stdout);
}

static void
json_value(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t row)
{
    cell_text cell = {0};
    cli_cell(&cell, schema, array, row, "null");
    const char letter = cell_type_letter(schema);
    const bool is_word =
        letter == 'R' && strpbrk(cell_text_get(&cell), "ni") != NULL; /* nan, inf */
    if (cell_is_null(schema, array, row) || (strchr("IRVWB", letter) != NULL && !is_word)) {
        (void)fputs(cell_text_get(&cell), stdout);
    } else {
        json_string(cell_text_get(&cell), cell.n_bytes);
    }
    cell_text_done(&cell);
}

static void
json_begin(cli_printer *printer)
{
    if (printer->options->mode == CLI_MODE_JSON) {
        (void)fputc('[', stdout);
    }
}

static void
json_batch(cli_printer *printer, const struct ArrowArray *batch)
{
    const bool is_array = printer->options->mode == CLI_MODE_JSON;
    for (int64_t row = 0; row < batch->length; row++) {
        if (is_array) {
            (void)fputs(printer->n_rows + row > 0 ? ",\n" : "\n", stdout);
        }
        (void)fputc('{', stdout);
        for (int64_t column = 0; column < batch->n_children; column++) {
            const struct ArrowSchema *schema = printer->schema->children[column];
            (void)fputs(column > 0 ? ", " : "", stdout);
            json_string(schema->name, strlen(schema->name));
            (void)fputs(": ", stdout);
            json_value(schema, batch->children[column], row + batch->offset);
        }
        (void)fputs(is_array ? "}" : "}\n", stdout);
    }
}

static void
json_end(cli_printer *printer)
{
    if (printer->options->mode == CLI_MODE_JSON) {
        (void)fputs(printer->n_rows > 0 ? "\n]\n" : "]\n", stdout);
    }
}

/* ---- Markdown */

static void
markdown_field(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            (void)fputc('\\', stdout);
        }
        (void)fputc(*text == '\n' ? ' ' : *text, stdout);
    }
}

static void
markdown_begin(cli_printer *printer)
{
    for (int64_t column = 0; column < printer->schema->n_children; column++) {
        (void)fputs("| ", stdout);
        markdown_field(printer->schema->children[column]->name);
        (void)fputc(' ', stdout);
    }
    (void)fputs("|\n", stdout);
    for (int64_t column = 0; column < printer->schema->n_children; column++) {
        (void)fputs(cli_is_number(printer->schema->children[column]) ? "|---:" : "|---", stdout);
    }
    (void)fputs("|\n", stdout);
}

static void
markdown_batch(cli_printer *printer, const struct ArrowArray *batch)
{
    const char *null_text =
        printer->options->null_text == NULL ? "NULL" : printer->options->null_text;
    cell_text cell = {0};
    for (int64_t row = 0; row < batch->length; row++) {
        for (int64_t column = 0; column < batch->n_children; column++) {
            cell_text_reset(&cell);
            cli_cell(&cell, printer->schema->children[column], batch->children[column],
                     row + batch->offset, null_text);
            (void)fputs("| ", stdout);
            markdown_field(cell_text_get(&cell));
            (void)fputc(' ', stdout);
        }
        (void)fputs("|\n", stdout);
    }
    cell_text_done(&cell);
}

/* ---- all modes */

typedef struct mode_functions {
    void (*begin)(cli_printer *printer);
    void (*batch)(cli_printer *printer, const struct ArrowArray *batch);
    void (*end)(cli_printer *printer);
} mode_functions;

static const mode_functions modes[] = {
    [CLI_MODE_TABLE] = {cli_table_begin, cli_table_batch, cli_table_end},
    [CLI_MODE_CSV] = {csv_begin, csv_batch, NULL},
    [CLI_MODE_JSON] = {json_begin, json_batch, json_end},
    [CLI_MODE_NDJSON] = {NULL, json_batch, NULL},
    [CLI_MODE_MARKDOWN] = {markdown_begin, markdown_batch, NULL},
};

static cn_code
stream_failed(struct ArrowArrayStream *rows, cn_error *err)
{
    cn_stream_error(rows, err);
    return (cn_code)err->code;
}

static cn_code
print_rows(cli_printer *printer, struct ArrowArrayStream *rows, cn_error *err)
{
    const mode_functions *mode = &modes[printer->options->mode];
    bool begun = false;
    cn_code code = CN_OK;
    for (;;) {
        struct ArrowArray batch = {0};
        if (rows->get_next(rows, &batch) != 0) {
            code = stream_failed(rows, err);
            break; /* before the first batch nothing has been printed */
        }
        if (!begun && mode->begin != NULL) {
            mode->begin(printer);
        }
        begun = true;
        if (batch.release == NULL) {
            break;
        }
        mode->batch(printer, &batch);
        printer->n_rows += batch.length;
        batch.release(&batch);
    }
    if (begun && mode->end != NULL) {
        mode->end(printer);
    }
    return code;
}

cn_code
cli_print_stream(const cli_options *options, struct ArrowArrayStream *rows, cn_error *err)
{
    struct ArrowSchema schema = {0};
    if (rows->get_schema(rows, &schema) != 0) {
        return stream_failed(rows, err);
    }
    cn_code code = CN_OK;
    if (schema.n_children > 0) {
        cli_printer printer = {.options = options, .schema = &schema};
        code = print_rows(&printer, rows, err);
    }
    schema.release(&schema);
    return code;
}
