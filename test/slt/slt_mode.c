/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads modes.txt and answers the questions of skipif and onlyif. The same file is read by
 * CMakeLists.txt, which makes one ctest of each line, and by pairwise_test.py, which proves that
 * the modes labelled `full` cover every pair of values.
 */
#include "slt_mode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
parse_mode(char *line, slt_mode *out_mode)
{
    char *rest = NULL;
    *out_mode = (slt_mode){0};
    out_mode->name = strtok_r(line, " \t", &rest);
    out_mode->labels = strtok_r(NULL, " \t", &rest);
    if (out_mode->labels == NULL) {
        return false;
    }
    for (char *word = strtok_r(NULL, " \t", &rest); word != NULL;
         word = strtok_r(NULL, " \t", &rest)) {
        if (strchr(word, '=') == NULL || out_mode->n_settings == SLT_MAX_SETTINGS) {
            return false;
        }
        out_mode->settings[out_mode->n_settings++] = word;
    }
    return true;
}

bool
slt_modes_read(const char *path, slt_modes *out_modes)
{
    *out_modes = (slt_modes){.text = slt_read_file(path)};
    if (out_modes->text == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    char *rest = NULL;
    for (char *line = strtok_r(out_modes->text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] == '#' || line[strspn(line, " \t")] == '\0') {
            continue;
        }
        size_t limit = sizeof out_modes->items / sizeof out_modes->items[0];
        if (out_modes->n_items == limit ||
            !parse_mode(line, &out_modes->items[out_modes->n_items])) {
            fprintf(stderr, "%s: write `name labels setting=value ...`: %s\n", path, line);
            return false;
        }
        out_modes->n_items++;
    }
    return true;
}

void
slt_modes_done(slt_modes *modes)
{
    free(modes->text);
    *modes = (slt_modes){0};
}

const slt_mode *
slt_modes_find(const slt_modes *modes, const char *name)
{
    for (size_t i = 0; i < modes->n_items; i++) {
        if (strcmp(modes->items[i].name, name) == 0) {
            return &modes->items[i];
        }
    }
    return NULL;
}

bool
slt_mode_has(const slt_mode *mode, const char *condition)
{
    if (strcmp(mode->name, condition) == 0) {
        return true;
    }
    size_t n_bytes = strlen(condition);
    for (size_t i = 0; i < mode->n_settings; i++) {
        const char *setting = mode->settings[i];
        if (strncmp(setting, condition, n_bytes) == 0 &&
            (setting[n_bytes] == '\0' || setting[n_bytes] == '=')) {
            return true;
        }
    }
    return false;
}
