/* SPDX-License-Identifier: Apache-2.0
 *
 * Growing text; see cell_text.h for what happens when memory runs out.
 */
#include "cell_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
checked(void *memory)
{
    if (memory == NULL) {
        (void)fputs("out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

void *
cell_alloc(size_t n_bytes)
{
    return checked(calloc(1, n_bytes > 0 ? n_bytes : 1));
}

void *
cell_realloc(void *block, size_t n_bytes)
{
    return checked(realloc(block, n_bytes > 0 ? n_bytes : 1));
}

void
cell_text_add(cell_text *text, const char *bytes, size_t n_bytes)
{
    if (text->n_bytes + n_bytes + 1 > text->capacity) {
        text->capacity = 2 * (text->n_bytes + n_bytes) + 64;
        text->bytes = cell_realloc(text->bytes, text->capacity);
    }
    if (n_bytes > 0) {
        memcpy(text->bytes + text->n_bytes, bytes, n_bytes);
    }
    text->n_bytes += n_bytes;
    text->bytes[text->n_bytes] = '\0';
}

void
cell_text_str(cell_text *text, const char *string)
{
    cell_text_add(text, string, strlen(string));
}

void
cell_text_printf(cell_text *text, const char *format, ...)
{
    char piece[512];
    va_list arguments;
    va_start(arguments, format);
    const int n_bytes = vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    if (n_bytes > 0) {
        cell_text_add(text, piece,
                      (size_t)n_bytes < sizeof(piece) ? (size_t)n_bytes : sizeof(piece) - 1);
    }
}

const char *
cell_text_get(const cell_text *text)
{
    return text->bytes != NULL ? text->bytes : "";
}

void
cell_text_reset(cell_text *text)
{
    text->n_bytes = 0;
    if (text->bytes != NULL) {
        text->bytes[0] = '\0';
    }
}

void
cell_text_done(cell_text *text)
{
    free(text->bytes);
    *text = (cell_text){0};
}

bool
cell_text_read(cell_text *text, void *stdio_file)
{
    char block[65536];
    size_t n_read = 0;
    do {
        n_read = fread(block, 1, sizeof(block), stdio_file);
        cell_text_add(text, block, n_read);
    } while (n_read == sizeof(block));
    return ferror((FILE *)stdio_file) == 0;
}
