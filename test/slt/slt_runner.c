/* SPDX-License-Identifier: Apache-2.0
 *
 * The sqllogictest runner: options, the list of files, the summary. Each file runs in a session of
 * its own under each chosen mode; slt_run.c runs one file, README.md describes the format.
 *
 * usage: slt_runner [--modes FILE] [--mode NAME]... [--data DIR] [--complete] [--list-modes]
 *                   [--verbose] FILE|DIR...
 *
 * Status 0 when everything passed, 1 when something failed, 2 on wrong use.
 */
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slt_run.h"

#define MAX_FOLDER_DEPTH 16

typedef struct options {
    const char *modes_path;
    const char *mode_names[128];
    size_t n_modes;
    const char *data_path;
    bool complete;
    bool list_modes;
    bool verbose;
    slt_strings files;
} options;

static bool
collect(const char *path, int depth, slt_strings *out_files)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        fprintf(stderr, "slt_runner: %s does not exist\n", path);
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        slt_strings_add(out_files, slt_copy(path, strlen(path)));
        return true;
    }
    struct dirent **entries = NULL;
    int n_entries = depth < MAX_FOLDER_DEPTH ? scandir(path, &entries, NULL, alphasort) : 0;
    bool found = true;
    for (int i = 0; i < n_entries; i++) {
        const char *name = entries[i]->d_name;
        size_t n_bytes = strlen(name);
        cell_text below = {0};
        cell_text_printf(&below, "%s/%s", path, name);
        bool is_test = n_bytes > 4 && strcmp(name + n_bytes - 4, ".slt") == 0;
        bool is_folder =
            name[0] != '.' && stat(cell_text_get(&below), &status) == 0 && S_ISDIR(status.st_mode);
        if (is_test || is_folder) {
            found = collect(cell_text_get(&below), depth + 1, out_files) && found;
        }
        cell_text_done(&below);
        free(entries[i]);
    }
    free(entries);
    return found;
}

static bool
parse_option(options *self, int argc, char **argv, int *inout_at)
{
    const char *word = argv[*inout_at];
    const char *value = *inout_at + 1 < argc ? argv[*inout_at + 1] : NULL;
    if (strcmp(word, "--complete") == 0) {
        self->complete = true;
        return true;
    }
    if (strcmp(word, "--list-modes") == 0) {
        self->list_modes = true;
        return true;
    }
    if (strcmp(word, "--verbose") == 0) {
        self->verbose = true;
        return true;
    }
    if (value == NULL) {
        return false;
    }
    ++*inout_at;
    if (strcmp(word, "--modes") == 0) {
        self->modes_path = value;
    } else if (strcmp(word, "--data") == 0) {
        self->data_path = value;
    } else if (strcmp(word, "--mode") == 0 &&
               self->n_modes < sizeof self->mode_names / sizeof self->mode_names[0]) {
        self->mode_names[self->n_modes++] = value;
    } else {
        return false;
    }
    return true;
}

static bool
parse_options(options *self, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            if (!collect(argv[i], 0, &self->files)) {
                return false;
            }
        } else if (!parse_option(self, argc, argv, &i)) {
            fprintf(stderr, "slt_runner: wrong option %s\n", argv[i]);
            return false;
        }
    }
    if (!self->list_modes && self->files.n_items == 0) {
        fprintf(stderr, "slt_runner: no test files\n");
        return false;
    }
    return true;
}

static int
remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int
run_mode(const options *self, const slt_mode *mode, const char *scratch)
{
    slt_run run = {.mode = mode,
                   .data_path = self->data_path,
                   .scratch_path = scratch,
                   .complete = self->complete,
                   .verbose = self->verbose};
    cn_error err = CN_ERROR_INIT;
    if (cn_engine_new(NULL, &run.engine, &err) != CN_OK) {
        fprintf(stderr, "slt_runner: no engine: %s\n", err.message);
        return 2;
    }
    for (size_t i = 0; i < self->files.n_items; i++) {
        slt_run_file(&run, self->files.items[i]);
    }
    cn_engine_free(run.engine);
    printf("%s: %zu files (%zu skipped), %zu records, %zu failed\n", mode->name,
           self->files.n_items, run.n_files_skipped, run.n_records, run.n_failed);
    return run.n_failed > 0 ? 1 : 0;
}

static int
run_modes(const options *self, const slt_modes *modes)
{
    static const slt_mode plain = {.name = "plain", .labels = "-"};
    const char *parent = getenv("TMPDIR");
    char scratch[4096];
    (void)snprintf(scratch, sizeof scratch, "%s/cn-slt.XXXXXX", parent != NULL ? parent : "/tmp");
    if (mkdtemp(scratch) == NULL) {
        fprintf(stderr, "slt_runner: no scratch folder %s\n", scratch);
        return 2;
    }
    int status = self->n_modes == 0 ? run_mode(self, &plain, scratch) : 0;
    for (size_t i = 0; i < self->n_modes && status != 2; i++) {
        const slt_mode *mode = slt_modes_find(modes, self->mode_names[i]);
        if (mode == NULL) {
            fprintf(stderr, "slt_runner: no mode is named %s\n", self->mode_names[i]);
            status = 2;
        } else {
            int here = run_mode(self, mode, scratch);
            status = here > status ? here : status;
        }
    }
    (void)nftw(scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return status;
}

int
main(int argc, char **argv)
{
    options self = {.data_path = "."};
    slt_modes modes = {0};
    int status = 2;
    if (parse_options(&self, argc, argv) &&
        (self.modes_path == NULL || slt_modes_read(self.modes_path, &modes))) {
        status = 0;
        for (size_t i = 0; self.list_modes && i < modes.n_items; i++) {
            printf("%s\n", modes.items[i].name);
        }
        if (!self.list_modes) {
            status = run_modes(&self, &modes);
        }
    }
    slt_modes_done(&modes);
    slt_strings_done(&self.files);
    return status;
}
