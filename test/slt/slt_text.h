/* SPDX-License-Identifier: Apache-2.0
 *
 * Growing text and lists of strings for the sqllogictest runner.
 *
 * The runner is a short-lived test program: memory that cannot be had ends it with status 2, so
 * that nothing here returns a status. Text is always NUL-terminated.
 */
#ifndef SLT_TEXT_H
#define SLT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/cell_text.h"

typedef struct slt_strings {
    char **items;
    size_t n_items;
    size_t capacity;
} slt_strings;

char *slt_copy(const char *bytes, size_t n_bytes);

/* `own_item` belongs to the list from here on. */
void slt_strings_add(slt_strings *list, char *own_item);
void slt_strings_sort(slt_strings *list);
void slt_strings_done(slt_strings *list);

/* Names and values that `${name}` stands for; the newest of a name wins. */
typedef struct slt_variables {
    struct {
        char *name;
        char *value;
    } items[32];
    size_t n_items;
} slt_variables;

void slt_variable_push(slt_variables *variables, const char *name, const char *value);
void slt_variable_pop(slt_variables *variables);
void slt_variables_done(slt_variables *variables);

/* `text` with every known ${name} replaced; unknown ones stay. The caller frees it. */
char *slt_substitute(const slt_variables *variables, const char *text);

/* The whole file, NUL-terminated; NULL when it cannot be read. The caller frees it. */
char *slt_read_file(const char *path);
bool slt_write_file(const char *path, const cell_text *content);

#endif /* SLT_TEXT_H */
