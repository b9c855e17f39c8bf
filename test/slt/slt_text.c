/* SPDX-License-Identifier: Apache-2.0
 *
 * Growing text, lists of strings, ${name} substitution and whole-file reads for the sqllogictest
 * runner. Running out of memory ends the program with status 2; see slt_text.h.
 */
#include "slt_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
slt_copy(const char *bytes, size_t n_bytes)
{
    char *copy = cell_alloc(n_bytes + 1);
    if (n_bytes > 0) {
        memcpy(copy, bytes, n_bytes);
    }
    return copy;
}

void
slt_strings_add(slt_strings *list, char *own_item)
{
    if (list->n_items == list->capacity) {
        list->capacity = 2 * list->capacity + 16;
        list->items = cell_realloc(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->n_items++] = own_item;
}

static int
compare_strings(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

void
slt_strings_sort(slt_strings *list)
{
    if (list->n_items > 1) {
        qsort(list->items, list->n_items, sizeof *list->items, compare_strings);
    }
}

void
slt_strings_done(slt_strings *list)
{
    for (size_t i = 0; i < list->n_items; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (slt_strings){0};
}

void
slt_variable_push(slt_variables *variables, const char *name, const char *value)
{
    size_t limit = sizeof variables->items / sizeof variables->items[0];
    if (variables->n_items == limit) {
        fprintf(stderr, "slt_runner: more than %zu variables\n", limit);
        exit(2);
    }
    variables->items[variables->n_items].name = slt_copy(name, strlen(name));
    variables->items[variables->n_items].value = slt_copy(value, strlen(value));
    variables->n_items++;
}

void
slt_variable_pop(slt_variables *variables)
{
    variables->n_items--;
    free(variables->items[variables->n_items].name);
    free(variables->items[variables->n_items].value);
}

void
slt_variables_done(slt_variables *variables)
{
    while (variables->n_items > 0) {
        slt_variable_pop(variables);
    }
}

static const char *
find_variable(const slt_variables *variables, const char *name, size_t n_bytes)
{
    for (size_t i = variables->n_items; i > 0; i--) {
        const char *known = variables->items[i - 1].name;
        if (strlen(known) == n_bytes && memcmp(known, name, n_bytes) == 0) {
            return variables->items[i - 1].value;
        }
    }
    return NULL;
}

char *
slt_substitute(const slt_variables *variables, const char *text)
{
    cell_text result = {0};
    cell_text_str(&result, "");
    for (const char *at = text; *at != '\0';) {
        const char *end = at[0] == '$' && at[1] == '{' ? strchr(at, '}') : NULL;
        const char *value = NULL;
        if (end != NULL) {
            value = find_variable(variables, at + 2, (size_t)(end - at - 2));
        }
        if (value != NULL) {
            cell_text_str(&result, value);
            at = end + 1;
        } else {
            cell_text_add(&result, at++, 1);
        }
    }
    return result.bytes;
}

char *
slt_read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    cell_text content = {0};
    cell_text_str(&content, "");
    char piece[16384];
    for (size_t n = fread(piece, 1, sizeof piece, file); n > 0;
         n = fread(piece, 1, sizeof piece, file)) {
        cell_text_add(&content, piece, n);
    }
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed) {
        cell_text_done(&content);
        return NULL;
    }
    return content.bytes;
}

bool
slt_write_file(const char *path, const cell_text *content)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return false;
    }
    bool written = fwrite(cell_text_get(content), 1, content->n_bytes, file) == content->n_bytes;
    return fclose(file) == 0 && written;
}
