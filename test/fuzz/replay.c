/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target over the files of its corpus, so that every input that was ever interesting
 * is an ordinary test in builds without libFuzzer. Arguments are files and folders; a folder is
 * walked one level deep. Each file is given once whole, from a buffer of exactly its size, so that
 * AddressSanitizer sees the first byte read behind it, and once cut in half. A missing folder is
 * an empty corpus; the target then still runs over the empty input.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static long n_inputs;

static void
run_input(const uint8_t *bytes, size_t n_bytes)
{
    uint8_t *exact = malloc(n_bytes + (n_bytes == 0));
    if (exact == NULL) {
        fprintf(stderr, "replay: no memory for %zu bytes\n", n_bytes);
        exit(2);
    }
    if (n_bytes > 0) {
        memcpy(exact, bytes, n_bytes);
    }
    (void)LLVMFuzzerTestOneInput(exact, n_bytes);
    free(exact);
    n_inputs++;
}

static void
run_file(const char *path, size_t n_bytes)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(n_bytes + 1);
    if (file == NULL || bytes == NULL || fread(bytes, 1, n_bytes, file) != n_bytes) {
        fprintf(stderr, "replay: cannot read %s\n", path);
        exit(2);
    }
    (void)fclose(file);
    run_input(bytes, n_bytes);
    run_input(bytes, n_bytes / 2);
    free(bytes);
}

static void
run_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char file_path[4096];
        struct stat status;
        int n = snprintf(file_path, sizeof file_path, "%s/%s", path, entry->d_name);
        if (n > 0 && (size_t)n < sizeof file_path && stat(file_path, &status) == 0 &&
            S_ISREG(status.st_mode)) {
            run_file(file_path, (size_t)status.st_size);
        }
    }
    (void)closedir(folder);
}

int
main(int argc, char **argv)
{
    run_input(NULL, 0);
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (stat(argv[i], &status) == 0 && S_ISREG(status.st_mode)) {
            run_file(argv[i], (size_t)status.st_size);
        } else {
            run_folder(argv[i]);
        }
    }
    printf("%ld inputs\n", n_inputs);
    return 0;
}
