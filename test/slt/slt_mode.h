/* SPDX-License-Identifier: Apache-2.0
 *
 * Modes: named sets of settings under which the same test files must give the same results. They
 * stand in modes.txt, one line each: name, labels joined by commas (or -), then setting=value
 * words.
 */
#ifndef SLT_MODE_H
#define SLT_MODE_H

#include "slt_text.h"

#define SLT_MAX_SETTINGS 16

typedef struct slt_mode {
    const char *name; /* the strings point into the file's text */
    const char *labels;
    const char *settings[SLT_MAX_SETTINGS]; /* name=value */
    size_t n_settings;
} slt_mode;

typedef struct slt_modes {
    char *text;
    slt_mode items[128];
    size_t n_items;
} slt_modes;

/* False with a message on stderr. */
bool slt_modes_read(const char *path, slt_modes *out_modes);
void slt_modes_done(slt_modes *modes);
const slt_mode *slt_modes_find(const slt_modes *modes, const char *name);

/* True when `condition` is the mode's name, one of its settings as name=value, or a setting's name.
 */
bool slt_mode_has(const slt_mode *mode, const char *condition);

#endif /* SLT_MODE_H */
