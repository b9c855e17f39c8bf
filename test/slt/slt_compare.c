/* SPDX-License-Identifier: Apache-2.0
 *
 * Result lines, their order, their hash, their comparison. Only columns of floating point get a
 * tolerance (the order of a parallel sum may show in the last digits); decimals and integers never.
 */
#include "slt_compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slt_hash.h"

#define FLOAT_TOLERANCE 1e-12
#define MAX_LINES_SHOWN 40

static void
add_rows(const slt_result *result, slt_strings *out_lines)
{
    size_t n_rows = result->n_columns > 0 ? result->cells.n_items / result->n_columns : 0;
    for (size_t row = 0; row < n_rows; row++) {
        cell_text line = {0};
        for (size_t i = 0; i < result->n_columns; i++) {
            cell_text_str(&line, i > 0 ? "\t" : "");
            cell_text_str(&line, result->cells.items[row * result->n_columns + i]);
        }
        slt_strings_add(out_lines, line.bytes);
    }
}

static void
replace_by_hash(slt_strings *lines, size_t n_values)
{
    cell_text all = {0};
    for (size_t i = 0; i < lines->n_items; i++) {
        cell_text_str(&all, lines->items[i]);
        cell_text_str(&all, "\n");
    }
    for (size_t i = 0; i < all.n_bytes; i++) {
        all.bytes[i] = all.bytes[i] == '\t' ? '\n' : all.bytes[i];
    }
    char hex[SLT_HASH_BYTES];
    slt_md5(cell_text_get(&all), all.n_bytes, hex);
    cell_text line = {0};
    cell_text_printf(&line, "%zu values hashing to %s", n_values, hex);
    cell_text_done(&all);
    slt_strings_done(lines);
    slt_strings_add(lines, line.bytes);
}

void
slt_result_lines(const slt_result *result, slt_sort sort, long long hash_threshold,
                 slt_strings *out_lines)
{
    *out_lines = (slt_strings){0};
    if (sort == SLT_VALUESORT) {
        for (size_t i = 0; i < result->cells.n_items; i++) {
            const char *cell = result->cells.items[i];
            slt_strings_add(out_lines, slt_copy(cell, strlen(cell)));
        }
    } else {
        add_rows(result, out_lines);
    }
    if (sort != SLT_NOSORT) {
        slt_strings_sort(out_lines);
    }
    if (hash_threshold > 0 && result->cells.n_items > (size_t)hash_threshold) {
        replace_by_hash(out_lines, result->cells.n_items);
    }
}

bool
slt_is_hash_line(const char *line)
{
    return strstr(line, " values hashing to ") != NULL;
}

bool
slt_types_match(const char *expected, const char *actual)
{
    if (strlen(expected) != strlen(actual)) {
        return false;
    }
    for (size_t i = 0; expected[i] != '\0'; i++) {
        char wanted = expected[i];
        char found = actual[i];
        bool same = wanted == '?' || wanted == found || (wanted == 'I' && found == 'W') ||
                    (wanted == 'R' && (found == 'V' || found == 'W'));
        if (!same) {
            return false;
        }
    }
    return true;
}

static bool
floats_match(const char *expected, const char *actual)
{
    char *expected_end = NULL;
    char *actual_end = NULL;
    double left = strtod(expected, &expected_end);
    double right = strtod(actual, &actual_end);
    bool both = expected_end != expected && actual_end != actual &&
                strchr("\t", *expected_end) != NULL && strchr("\t", *actual_end) != NULL;
    return both && fabs(left - right) <= FLOAT_TOLERANCE * fmax(fabs(left), fabs(right));
}

static bool
line_matches(const char *expected, const char *actual, const char *types)
{
    if (strcmp(expected, actual) == 0) {
        return true;
    }
    bool same_so_far = types[0] != '\0';
    for (const char *type = types; same_so_far && *type != '\0'; type++) {
        size_t n_expected = strcspn(expected, "\t");
        size_t n_actual = strcspn(actual, "\t");
        bool same = n_expected == n_actual && memcmp(expected, actual, n_actual) == 0;
        bool last = type[1] == '\0';
        same_so_far = (same || (*type == 'R' && floats_match(expected, actual))) &&
                      (expected[n_expected] == '\0') == last && (actual[n_actual] == '\0') == last;
        expected += n_expected + !last;
        actual += n_actual + !last;
    }
    return same_so_far;
}

bool
slt_lines_match(const slt_strings *expected, const slt_strings *actual, const char *types)
{
    bool same = expected->n_items == actual->n_items;
    for (size_t i = 0; same && i < actual->n_items; i++) {
        same = line_matches(expected->items[i], actual->items[i], types);
    }
    return same;
}

void
slt_print_difference(const slt_strings *expected, const slt_strings *actual, const char *types)
{
    size_t n_lines = expected->n_items > actual->n_items ? expected->n_items : actual->n_items;
    size_t n_shown = 0;
    for (size_t i = 0; i < n_lines && n_shown < MAX_LINES_SHOWN; i++) {
        const char *left = i < expected->n_items ? expected->items[i] : NULL;
        const char *right = i < actual->n_items ? actual->items[i] : NULL;
        if (left != NULL && right != NULL && line_matches(left, right, types)) {
            continue;
        }
        if (left != NULL) {
            printf("    expected %4zu | %s\n", i + 1, left);
        }
        if (right != NULL) {
            printf("    actual   %4zu | %s\n", i + 1, right);
        }
        n_shown++;
    }
    printf("    %zu lines expected, %zu found\n", expected->n_items, actual->n_items);
}
