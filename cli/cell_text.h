/* SPDX-License-Identifier: Apache-2.0
 *
 * Growing text for programs on the public API: the command line tool and the SQL test runner.
 *
 * These are programs, not the library: memory that cannot be had ends them with status 2, so that
 * nothing here returns a status. Text is always NUL-terminated.
 */
#ifndef CELL_TEXT_H
#define CELL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cell_text {
    char *bytes; /* NULL while empty and never grown */
    size_t n_bytes;
    size_t capacity;
} cell_text;

/* Zeroed memory; ends the program when there is none. */
void *cell_alloc(size_t n_bytes);
void *cell_realloc(void *block, size_t n_bytes);

void cell_text_add(cell_text *text, const char *bytes, size_t n_bytes);
void cell_text_str(cell_text *text, const char *string);
/* At most 511 bytes a call. */
void cell_text_printf(cell_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *cell_text_get(const cell_text *text);
/* Empty, capacity kept. */
void cell_text_reset(cell_text *text);
void cell_text_done(cell_text *text);
/* Everything that can be read from an open file; false on a read error. */
bool cell_text_read(cell_text *text, void *stdio_file);

#endif /* CELL_TEXT_H */
