/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows to disk and back: scattering to 64 partitions per row and column, encoding and decoding, and
 * what a store over the directory named by the argument (default /tmp) gives for whole runs.
 * Budget: scattering below 10 ns per row and column of fixed width.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/thread.h"
#include "exec/spill/spill_rows.h"
#include "io/file/spill_directory.h"

#define N_ROWS    2048
#define POOL_ROWS (1 << 20) /* chunks are slices of it, so that blocks do not repeat */
#define N_COLUMNS 4

static void
check(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        (void)fprintf(stderr, "spill_bench: %s\n", err->message);
        exit(1);
    }
}

/* Of this thread: the machine may have other work. */
static int64_t
cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A store that takes everything and keeps nothing: the cost of making blocks alone. */
static cn_code
void_append(cni_spill_file *self, const void *data, int64_t n_bytes, int64_t *out_offset,
            cn_error *err)
{
    (void)self, (void)data, (void)n_bytes, (void)err;
    *out_offset = 0;
    return CN_OK;
}

static cn_code
void_read(cni_spill_file *self, int64_t offset, int64_t n_bytes, void *out, cn_error *err)
{
    (void)self, (void)offset, (void)n_bytes, (void)out, (void)err;
    return CN_OK;
}

static void
void_discard(cni_spill_file *self, int64_t offset, int64_t n_bytes)
{
    (void)self, (void)offset, (void)n_bytes;
}

static void
void_close(cni_spill_file *self)
{
    (void)self;
}

static const cni_spill_file_ops void_ops = {
    .append = void_append, .read = void_read, .discard = void_discard, .close = void_close};

typedef struct bench {
    cni_budget *root;
    cni_context context;
    cni_vector columns[N_COLUMNS];
    const cni_type *types[N_COLUMNS];
    uint8_t partitions[N_ROWS];
    cni_spill_layout layout;
} bench;

static void
make_column(bench *self, int32_t column, bool text)
{
    cn_error err = CN_ERROR_INIT;
    const cni_type *type = cni_type_of(text ? CNI_TYPE_VARCHAR : CNI_TYPE_INT64);
    self->types[column] = type;
    cni_vector_done(&self->columns[column]);
    check(cni_vector_new_flat(cni_allocator_system(), type, text ? CNI_PHYS_VIEW : CNI_PHYS_I64,
                              POOL_ROWS, false, &self->columns[column], &err),
          &err);
    static char letters[POOL_ROWS + 64];
    uint32_t seed = 1;
    for (int64_t at = 0; at < (int64_t)sizeof(letters); at++) {
        seed = seed * 1664525U + 1013904223U;
        letters[at] = (char)('a' + (seed >> 24) % 16);
    }
    void *data = cni_vector_mutable_data(&self->columns[column]);
    uint64_t state = (uint64_t)column + 1;
    for (int64_t row = 0; row < POOL_ROWS; row++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407U;
        if (text) {
            ((cni_view *)data)[row] = cni_view_make(letters + row, (uint32_t)(state >> 32) % 40);
        } else {
            ((int64_t *)data)[row] = (int64_t)(state >> 20);
        }
    }
}

static void
scatter(bench *self, const char *what, int64_t n_chunks)
{
    cn_error err = CN_ERROR_INIT;
    cni_spill_writer *writer = NULL;
    cni_spill_rows rows[CNI_SPILL_PARTITIONS] = {{0}};
    check(cni_spill_writer_new(&self->layout, &writer, &err), &err);
    const int64_t start = cni_clock_ns();
    const int64_t start_cpu = cpu_ns();
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
        cni_vector slices[N_COLUMNS];
        for (int32_t column = 0; column < N_COLUMNS; column++) {
            cni_vector_slice(&slices[column], &self->columns[column],
                             chunk * N_ROWS % (POOL_ROWS - N_ROWS), N_ROWS);
        }
        check(cni_spill_writer_scatter(writer, slices, N_ROWS, self->partitions, &err), &err);
        for (int32_t column = 0; column < N_COLUMNS; column++) {
            cni_vector_done(&slices[column]);
        }
    }
    check(cni_spill_writer_finish(writer, rows, &err), &err);
    const double ns = (double)(cni_clock_ns() - start);
    const double cpu = (double)(cpu_ns() - start_cpu);
    cni_spill_writer_free(writer);
    int64_t n_bytes = 0;
    int64_t n_blocks = 0;
    for (int32_t at = 0; at < CNI_SPILL_PARTITIONS; at++) {
        n_bytes += rows[at].n_bytes;
        n_blocks += rows[at].n_blocks;
    }
    (void)printf("%-28s %6.2f ns (CPU) per row and column  %7.0f MB/s  blocks of %lld KiB\n", what,
                 cpu / (double)(n_chunks * N_ROWS * N_COLUMNS), (double)n_bytes * 1e3 / ns,
                 (long long)(n_bytes / (n_blocks > 0 ? n_blocks : 1) >> 10));
    if (self->layout.file->ops != &void_ops) {
        const int64_t read_start = cni_clock_ns();
        const int64_t read_cpu_start = cpu_ns();
        for (int32_t at = 0; at < CNI_SPILL_PARTITIONS; at++) {
            for (int64_t block = 0; block < rows[at].n_blocks; block++) {
                cni_chunk chunk;
                cni_chunk_init(&chunk, cni_allocator_system());
                check(cni_spill_read_block(&self->layout, &rows[at], block, &chunk, &err), &err);
                cni_chunk_done(&chunk);
            }
        }
        const double read_ns = (double)(cni_clock_ns() - read_start);
        const double read_cpu = (double)(cpu_ns() - read_cpu_start);
        (void)printf("%-28s %6.2f ns (CPU) per row and column  %7.0f MB/s\n", "  read back",
                     read_cpu / (double)(n_chunks * N_ROWS * N_COLUMNS),
                     (double)n_bytes * 1e3 / read_ns);
    }
    for (int32_t at = 0; at < CNI_SPILL_PARTITIONS; at++) {
        cni_spill_rows_done(&rows[at]);
    }
}

int
main(int argc, char **argv)
{
    cn_error err = CN_ERROR_INIT;
    static bench self;
    const cni_exec_settings settings = cni_exec_settings_default();
    check(cni_budget_new_root("bench", INT64_C(1) << 30, NULL, &self.root, &err), &err);
    check(cni_context_init(&self.context, self.root, INT64_C(1) << 30, NULL, &settings, &err),
          &err);
    cni_spill_store *store = NULL;
    check(cni_spill_directory_new(self.context.allocator, NULL,
                                  cni_str_of(argc > 1 ? argv[1] : CNI_SPILL_DIRECTORY_DEFAULT), 0,
                                  &store, &err),
          &err);
    uint64_t state = 7;
    for (int64_t row = 0; row < N_ROWS; row++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407U;
        self.partitions[row] = (uint8_t)(state >> 58);
    }
    cni_spill_file nothing = {.ops = &void_ops, .store = store, .purpose = "bench"};
    cni_spill_file *file = NULL;
    check(cni_spill_create(store, "bench", &file, &err), &err);
    self.layout = (cni_spill_layout){
        .context = &self.context,
        .allocator = self.context.allocator,
        .n_columns = N_COLUMNS,
        .types = self.types,
        .n_partitions = CNI_SPILL_PARTITIONS,
        .block_bytes = cni_spill_block_bytes(&self.context, 2, CNI_SPILL_PARTITIONS)};
    for (int32_t text = 0; text < 2; text++) {
        for (int32_t column = 0; column < N_COLUMNS; column++) {
            make_column(&self, column, text != 0);
        }
        self.layout.file = &nothing;
        scatter(&self, text == 0 ? "four BIGINT, nowhere" : "four VARCHAR, nowhere", 20000);
        self.layout.file = file;
        scatter(&self, text == 0 ? "four BIGINT, directory" : "four VARCHAR, directory", 20000);
    }
    for (int32_t column = 0; column < N_COLUMNS; column++) {
        cni_vector_done(&self.columns[column]);
    }
    cni_spill_close(file);
    cni_spill_store_unref(store);
    cni_context_done(&self.context);
    cni_budget_unref(self.root);
    return 0;
}
