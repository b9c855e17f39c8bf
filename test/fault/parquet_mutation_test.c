/* SPDX-License-Identifier: Apache-2.0
 *
 * Damaged Parquet files: seeded mutations of good ones (flipped bits, runs of other bytes,
 * swapped pieces, cuts, lying numbers in footers and page headers). Nothing may crash, leak, hang,
 * or take more memory than the budget; sanitizers watch the rest.
 *
 * usage: parquet_mutation_test [number of mutations, 500] [first seed, 1]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/parquet_bytes.h"

#define MAX_RUN_NS INT64_C(10000000000)

static const char *const names[] = {"v1_snappy",     "v2_zstd",     "v1_gzip",  "encodings",
                                    "page_index",    "many_groups", "fallback", "nested",
                                    "duckdb_snappy", "polars_zstd", "bloom"};

static uint64_t random_state;

static uint64_t
next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static size_t
below(size_t n)
{
    return n == 0 ? 0 : (size_t)(next_random() % n);
}

typedef struct bytes {
    uint8_t *data;
    size_t n;
} bytes;

static bool
load(const char *name, bytes *out)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/parquet/%s.parquet", CN_TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    out->data = malloc(1 << 20);
    out->n = fread(out->data, 1, 1 << 20, file);
    (void)fclose(file);
    return out->n > 0;
}

/* Where the footer begins. */
static size_t
footer_start(const bytes *file)
{
    uint32_t n_footer;
    if (file->n < 12) {
        return 0;
    }
    memcpy(&n_footer, file->data + file->n - 8, 4);
    return n_footer + 8 <= file->n ? file->n - 8 - n_footer : 0;
}

/* A place worth damaging: the footer, the beginning of the file (page headers), anywhere. */
static size_t
pick_place(const bytes *file)
{
    const size_t footer = footer_start(file);
    const size_t kind = below(10);
    if (kind < 5) {
        return footer + below(file->n - footer);
    }
    return kind < 7 ? below(file->n < 400 ? file->n : 400) : below(file->n);
}

static void
mutate(bytes *file)
{
    static const uint8_t evil[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, 0x0f, 0x1c};
    const size_t at = pick_place(file);
    const size_t n = 1 + below(file->n - at < 12 ? file->n - at : 12);
    switch (below(7)) {
    case 0:
    case 1:
        file->data[at] ^= (uint8_t)(1U << below(8));
        break;
    case 2:
        file->data[at] = evil[below(sizeof(evil))];
        break;
    case 3: /* a varint that goes on, or ends early */
        for (size_t byte = 0; byte < n && at + byte < file->n; byte++) {
            file->data[at + byte] = (uint8_t)(0x80 | next_random());
        }
        break;
    case 4: /* a piece from elsewhere */
        memmove(file->data + at, file->data + below(file->n - n), n);
        break;
    case 5: /* a piece less: all that follows moves */
        if (file->n - at > n + 16) {
            memmove(file->data + at, file->data + at + n, file->n - at - n);
            file->n -= n;
        }
        break;
    default: /* a small number becomes another */
        file->data[at] = (uint8_t)(file->data[at] + 1 + below(4) * 2);
    }
}

/* The end of the file stays one, so that most mutants get past the front door. */
static void
mend_end(bytes *file, size_t n_footer)
{
    const uint32_t length = (uint32_t)n_footer;
    memcpy(file->data + file->n - 8, &length, 4);
    memcpy(file->data + file->n - 4, "PAR1", 4);
}

static bool
run_mutant(const bytes *original, uint64_t seed)
{
    bytes file = {malloc(original->n), original->n};
    memcpy(file.data, original->data, original->n);
    random_state = seed * 0x9e3779b97f4a7c15ULL + 1;
    const size_t n_footer = original->n - 8 - footer_start(original);
    const size_t n_mutations = 1 + below(3);
    for (size_t mutation = 0; mutation < n_mutations; mutation++) {
        mutate(&file);
    }
    if (below(10) != 0) {
        mend_end(&file, n_footer);
    } else {
        file.n = below(file.n); /* cut off */
    }
    const int64_t begin_ns = cni_clock_ns();
    const bool is_good = test_parquet_bytes(file.data, file.n);
    const int64_t run_ns = cni_clock_ns() - begin_ns;
    free(file.data);
    if (!is_good || run_ns > MAX_RUN_NS) {
        fprintf(stderr, "seed %llu: %s (%lld ms)\n", (unsigned long long)seed,
                is_good ? "too slow" : "memory was not given back, or too much was taken",
                (long long)(run_ns / 1000000));
        return false;
    }
    return true;
}

int
main(int argc, char **argv)
{
    const long n_runs = argc > 1 ? strtol(argv[1], NULL, 10) : 500;
    const long first = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
    const size_t n_files = sizeof(names) / sizeof(names[0]);
    bytes files[sizeof(names) / sizeof(names[0])];
    for (size_t file = 0; file < n_files; file++) {
        if (!load(names[file], &files[file]) ||
            !test_parquet_bytes(files[file].data, files[file].n)) {
            fprintf(stderr, "cannot use %s\n", names[file]);
            return 1;
        }
    }
    long n_failed = 0;
    for (long run = 0; run < n_runs; run++) {
        n_failed += !run_mutant(&files[(size_t)(first + run) % n_files], (uint64_t)(first + run));
    }
    for (size_t file = 0; file < n_files; file++) {
        free(files[file].data);
    }
    printf("%ld mutants, %ld failed\n", n_runs, n_failed);
    return n_failed == 0 ? 0 : 1;
}
