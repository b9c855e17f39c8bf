/* SPDX-License-Identifier: Apache-2.0
 *
 * The table mode: a box with names and types, the first and last rows of a long result, and its
 * size. Only the rows that are shown are kept as text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_print.h"

#define CELL_MAX_WIDTH 60 /* code points; longer cells are cut, but not the lines of plans */

/* Kept rows: `first` in order, then a ring of the last ones. */
typedef struct cli_table {
    int64_t n_columns;
    int64_t n_head; /* capacity of both parts */
    int64_t n_tail;
    char **cells; /* (n_head + n_tail) rows of n_columns, NULL where none */
    size_t capacity;
    size_t max_width; /* of a cell */
} cli_table;

static size_t
count_points(const char *text)
{
    size_t n_points = 0;
    for (; *text != '\0'; text++) {
        n_points += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return n_points;
}

/* A copy on one line, cut to max_width code points. */
static char *
shown_copy(const cell_text *cell, size_t max_width)
{
    const char *text = cell_text_get(cell);
    char *copy = cell_alloc(cell->n_bytes + 4);
    size_t n_points = 0;
    size_t n_bytes = 0;
    const bool is_long = count_points(text) > max_width;
    for (size_t index = 0; index < cell->n_bytes; index++) {
        n_points += ((unsigned char)text[index] & 0xC0) != 0x80;
        if (is_long && n_points >= max_width) {
            memcpy(copy + n_bytes, "\xE2\x80\xA6", 3); /* an ellipsis */
            n_bytes += 3;
            break;
        }
        copy[n_bytes++] = (unsigned char)text[index] < 32 ? ' ' : text[index];
    }
    copy[n_bytes] = '\0';
    return copy;
}

/* What EXPLAIN gives: of use only whole. */
static bool
is_plan(const struct ArrowSchema *schema)
{
    return schema->n_children == 1 && strcmp(schema->children[0]->name, "QUERY PLAN") == 0;
}

void
cli_table_begin(cli_printer *printer)
{
    cli_table *table = cell_alloc(sizeof(*table));
    const bool whole = is_plan(printer->schema);
    const int64_t max_rows = whole ? 0 : printer->options->max_rows;
    table->max_width = whole ? SIZE_MAX : CELL_MAX_WIDTH;
    table->n_columns = printer->schema->n_children;
    table->n_head = max_rows == 0 ? INT64_MAX : (max_rows + 1) / 2;
    table->n_tail = max_rows == 0 ? 0 : max_rows - table->n_head;
    printer->table = table;
}

/* Where row `row` of the result is kept. */
static int64_t
slot_of(const cli_table *table, int64_t row)
{
    return row < table->n_head ? row : table->n_head + (row - table->n_head) % table->n_tail;
}

static char **
slot_cells(cli_table *table, int64_t slot)
{
    const size_t needed = (size_t)(slot + 1) * (size_t)table->n_columns;
    if (needed > table->capacity) {
        const size_t capacity = needed * 2;
        table->cells = cell_realloc(table->cells, capacity * sizeof(*table->cells));
        memset(table->cells + table->capacity, 0,
               (capacity - table->capacity) * sizeof(*table->cells));
        table->capacity = capacity;
    }
    return table->cells + slot * table->n_columns;
}

void
cli_table_batch(cli_printer *printer, const struct ArrowArray *batch)
{
    cli_table *table = printer->table;
    const char *null_text =
        printer->options->null_text == NULL ? "NULL" : printer->options->null_text;
    cell_text cell = {0};
    for (int64_t row = 0; row < batch->length; row++) {
        const int64_t number = printer->n_rows + row;
        const bool in_tail = table->n_tail > 0 && batch->length - row <= table->n_tail;
        if (number >= table->n_head && !in_tail) {
            continue; /* later rows of this batch would push it out */
        }
        char **cells = slot_cells(table, slot_of(table, number));
        for (int64_t column = 0; column < table->n_columns; column++) {
            cell_text_reset(&cell);
            cli_cell(&cell, printer->schema->children[column], batch->children[column],
                     row + batch->offset, null_text);
            free(cells[column]);
            cells[column] = shown_copy(&cell, table->max_width);
        }
    }
    cell_text_done(&cell);
}

static void
repeat(const char *text, size_t n_times)
{
    for (size_t index = 0; index < n_times; index++) {
        (void)fputs(text, stdout);
    }
}

static void
print_rule(const size_t *widths, int64_t n_columns, const char *left, const char *middle,
           const char *right)
{
    for (int64_t column = 0; column < n_columns; column++) {
        (void)fputs(column == 0 ? left : middle, stdout);
        repeat("\xE2\x94\x80", widths[column] + 2);
    }
    (void)puts(right);
}

typedef enum alignment {
    ALIGN_LEFT,
    ALIGN_RIGHT,
    ALIGN_CENTER
} alignment;

static void
print_field(const char *text, size_t width, alignment align)
{
    const size_t room = width - count_points(text);
    const size_t before = align == ALIGN_LEFT ? 0 : align == ALIGN_RIGHT ? room : room / 2;
    (void)fputs("\xE2\x94\x82 ", stdout);
    repeat(" ", before);
    (void)fputs(text, stdout);
    repeat(" ", room - before + 1);
}

static void
print_row(const cli_printer *printer, char *const *cells, const size_t *widths)
{
    for (int64_t column = 0; column < printer->table->n_columns; column++) {
        print_field(cells[column] == NULL ? "" : cells[column], widths[column],
                    cli_is_number(printer->schema->children[column]) ? ALIGN_RIGHT : ALIGN_LEFT);
    }
    (void)puts("\xE2\x94\x82");
}

static void
print_header(const cli_printer *printer, char *const *types, const size_t *widths)
{
    const int64_t n_columns = printer->table->n_columns;
    print_rule(widths, n_columns, "\xE2\x94\x8C", "\xE2\x94\xAC", "\xE2\x94\x90");
    for (int64_t column = 0; column < n_columns; column++) {
        print_field(printer->schema->children[column]->name, widths[column], ALIGN_CENTER);
    }
    (void)puts("\xE2\x94\x82");
    for (int64_t column = 0; column < n_columns; column++) {
        print_field(types[column], widths[column], ALIGN_CENTER);
    }
    (void)puts("\xE2\x94\x82");
    print_rule(widths, n_columns, "\xE2\x94\x9C", "\xE2\x94\xBC", "\xE2\x94\xA4");
}

static void
widen(size_t *inout_width, const char *text)
{
    const size_t width = text == NULL ? 0 : count_points(text);
    *inout_width = width > *inout_width ? width : *inout_width;
}

static char **
type_names(const cli_printer *printer)
{
    char **types = cell_alloc((size_t)printer->table->n_columns * sizeof(*types));
    for (int64_t column = 0; column < printer->table->n_columns; column++) {
        cell_text name = {0};
        cli_type_name(&name, printer->schema->children[column]);
        types[column] = name.bytes;
    }
    return types;
}

static void
measure(const cli_printer *printer, char *const *types, int64_t n_kept, size_t *widths)
{
    const cli_table *table = printer->table;
    for (int64_t column = 0; column < table->n_columns; column++) {
        widen(&widths[column], printer->schema->children[column]->name);
        widen(&widths[column], types[column]);
        for (int64_t row = 0; row < n_kept; row++) {
            widen(&widths[column], table->cells[row * table->n_columns + column]);
        }
        if (printer->n_rows > n_kept) {
            widen(&widths[column], "\xC2\xB7");
        }
    }
}

static void
print_body(const cli_printer *printer, int64_t n_kept, const size_t *widths)
{
    const cli_table *table = printer->table;
    const bool is_cut = printer->n_rows > n_kept;
    for (int64_t row = 0; row < n_kept; row++) {
        int64_t slot = row;
        if (is_cut && row >= table->n_head) {
            slot = slot_of(table, printer->n_rows - (n_kept - row));
        }
        for (int64_t dot = 0; is_cut && row == table->n_head && dot < 1; dot++) {
            for (int64_t column = 0; column < table->n_columns; column++) {
                print_field("\xC2\xB7", widths[column], ALIGN_CENTER);
            }
            (void)puts("\xE2\x94\x82");
        }
        print_row(printer, table->cells + slot * table->n_columns, widths);
    }
}

static void
free_cells(char **cells, size_t n_cells)
{
    for (size_t cell = 0; cell < n_cells; cell++) {
        free(cells[cell]);
    }
    free(cells);
}

void
cli_table_end(cli_printer *printer)
{
    cli_table *table = printer->table;
    const int64_t n_columns = table->n_columns;
    const int64_t limit = table->n_head == INT64_MAX ? INT64_MAX : table->n_head + table->n_tail;
    const int64_t n_kept = printer->n_rows < limit ? printer->n_rows : limit;
    size_t *widths = cell_alloc((size_t)n_columns * sizeof(*widths));
    char **types = type_names(printer);
    measure(printer, types, n_kept, widths);
    print_header(printer, types, widths);
    print_body(printer, n_kept, widths);
    print_rule(widths, n_columns, "\xE2\x94\x94", "\xE2\x94\xB4", "\xE2\x94\x98");
    if (printer->n_rows > n_kept) {
        (void)printf("%lld rows (%lld shown), %lld column%s\n", (long long)printer->n_rows,
                     (long long)n_kept, (long long)n_columns, n_columns == 1 ? "" : "s");
    } else {
        (void)printf("%lld row%s\n", (long long)printer->n_rows, printer->n_rows == 1 ? "" : "s");
    }
    free_cells(types, (size_t)n_columns);
    free_cells(table->cells, table->capacity);
    free(widths);
    free(table);
    printer->table = NULL;
}
