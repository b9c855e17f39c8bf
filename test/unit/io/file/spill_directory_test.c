/* SPDX-License-Identifier: Apache-2.0
 *
 * The spill store over a directory: bytes come back from any offset and alignment, the quota and
 * the disk are told apart, nothing is left behind, and what a killed process left is removed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "support/spill_stores.h"

#define OK(expr)                                                                                   \
    do {                                                                                           \
        cn_error error_ = CN_ERROR_INIT;                                                           \
        cn_error *err = &error_;                                                                   \
        if ((expr) != CN_OK) {                                                                     \
            fail_msg("%s: %s", #expr, error_.message);                                             \
        }                                                                                          \
    } while (0)

static void
fill(uint8_t *data, int64_t n_bytes, uint32_t seed)
{
    for (int64_t at = 0; at < n_bytes; at++) {
        seed = seed * 1664525U + 1013904223U;
        data[at] = (uint8_t)(seed >> 24);
    }
}

/* Sizes and addresses that are aligned and ones that are not, read whole and in parts. */
static void
test_round_trip(void **state)
{
    static const int64_t sizes[] = {1, 100, 4096, 4097, 70000, 1 << 20, (1 << 20) + 5, 300000};
    enum {
        N_SIZES = 8
    };
    (void)state;
    spill_place place;
    spill_place_begin(&place, NULL);
    cni_spill_file *file = NULL;
    int64_t offsets[N_SIZES];
    uint8_t *block = aligned_alloc(4096, 2 << 20);
    uint8_t *back = aligned_alloc(4096, 2 << 20);
    OK(cni_spill_create(place.store, "test", &file, err));
    int64_t total = 0;
    for (int64_t at = 0; at < N_SIZES; at++) {
        uint8_t *from = block + (at % 2 == 0 ? 0 : 13);
        fill(from, sizes[at], (uint32_t)at);
        OK(cni_spill_append(file, from, sizes[at], &offsets[at], err));
        assert_int_equal(offsets[at] % CNI_SPILL_ALIGN_BYTES, 0);
        total += sizes[at];
    }
    assert_int_equal(cni_counter_get(&place.store->used_bytes), total);
    for (int64_t at = N_SIZES - 1; at >= 0; at--) {
        fill(block, sizes[at], (uint32_t)at);
        memset(back, 0, (size_t)sizes[at]);
        OK(cni_spill_read(file, offsets[at], sizes[at], back, err));
        assert_memory_equal(back, block, (size_t)sizes[at]);
        const int64_t skipped = sizes[at] / 3;
        OK(cni_spill_read(file, offsets[at] + skipped, sizes[at] - skipped, back + 7, err));
        assert_memory_equal(back + 7, block + skipped, (size_t)(sizes[at] - skipped));
    }
    cn_error error = CN_ERROR_INIT;
    assert_int_equal(cni_spill_read(file, 1 << 30, 10, back, &error), CN_INVALID_DATA);
    cni_spill_discard(file, offsets[5], sizes[5]);
    assert_int_equal(cni_counter_get(&place.store->used_bytes), total - sizes[5]);
    cni_spill_close(file);
    free(block);
    free(back);
    spill_place_end(&place);
}

typedef struct writer_thread {
    pthread_t thread;
    cni_spill_file *file;
    uint32_t seed;
    bool good;
} writer_thread;

static void *
run_writer(void *argument)
{
    writer_thread *self = argument;
    cn_error error = CN_ERROR_INIT;
    uint8_t block[20000];
    uint8_t back[20000];
    self->good = true;
    for (uint32_t turn = 0; turn < 20 && self->good; turn++) {
        int64_t offset = 0;
        fill(block, sizeof(block), self->seed + turn);
        self->good = cni_spill_append(self->file, block, sizeof(block), &offset, &error) == CN_OK &&
                     cni_spill_read(self->file, offset, sizeof(back), back, &error) == CN_OK &&
                     memcmp(block, back, sizeof(back)) == 0;
    }
    return NULL;
}

static void
test_threads(void **state)
{
    (void)state;
    spill_place place;
    writer_thread threads[4];
    spill_place_begin(&place, NULL);
    cni_spill_file *file = NULL;
    OK(cni_spill_create(place.store, "test", &file, err));
    for (uint32_t at = 0; at < 4; at++) {
        threads[at] = (writer_thread){.file = file, .seed = at * 1000};
        assert_int_equal(pthread_create(&threads[at].thread, NULL, run_writer, &threads[at]), 0);
    }
    for (int at = 0; at < 4; at++) {
        assert_int_equal(pthread_join(threads[at].thread, NULL), 0);
        assert_true(threads[at].good);
    }
    cni_spill_close(file);
    spill_place_end(&place);
}

static void
test_quota(void **state)
{
    (void)state;
    spill_place place;
    spill_place_begin(&place, NULL);
    cni_spill_file *file = NULL;
    uint8_t block[5000] = {0};
    int64_t offset = 0;
    int64_t other = 0;
    cn_error error = CN_ERROR_INIT;
    OK(cni_spill_create(place.store, "join", &file, err));
    assert_true(cni_counter_get(&place.store->limit_bytes) < INT64_MAX); /* measured */
    cni_counter_set(&place.store->limit_bytes, 12000);
    OK(cni_spill_append(file, block, sizeof(block), &offset, err));
    OK(cni_spill_append(file, block, sizeof(block), &other, err));
    assert_int_equal(cni_spill_append(file, block, sizeof(block), &other, &error),
                     CN_LIMIT_EXCEEDED);
    assert_non_null(strstr(error.message, "temp_directory_limit"));
    assert_non_null(strstr(error.message, "12000"));
    assert_non_null(strstr(error.message, "join"));
    cni_spill_discard(file, offset, sizeof(block));
    OK(cni_spill_append(file, block, sizeof(block), &other, err));
    cni_spill_close(file);
    spill_place_end(&place);
}

static cn_code
use_store(cni_spill_store *store, cn_error *err)
{
    CN_SCOPED(cni_spill_file_p) file = NULL;
    uint8_t block[9000] = {1};
    int64_t offset = 0;
    CN_TRY(cni_spill_create(store, "sort", &file, err));
    CN_TRY(cni_spill_append(file, block, sizeof(block), &offset, err));
    CN_TRY(cni_spill_append(file, block, 4096, &offset, err));
    return cni_spill_read(file, offset, 4096, block, err);
}

static void
test_faults(void **state)
{
    (void)state;
    cni_fault fault = {0};
    spill_place place;
    cn_error error = CN_ERROR_INIT;
    spill_place_begin(&place, &fault);
    assert_int_equal(use_store(place.store, &error), CN_OK);
    assert_int_equal(cni_counter_get(&fault.n_hits[CNI_FAULT_WRITE]), 3);
    assert_int_equal(cni_counter_get(&fault.n_hits[CNI_FAULT_READ]), 1);
    for (int64_t at = 1; at <= 3; at++) {
        cni_counter_set(&fault.fail_at[CNI_FAULT_WRITE],
                        cni_counter_get(&fault.n_hits[CNI_FAULT_WRITE]) + at);
        assert_int_equal(use_store(place.store, &error), CN_IO);
        assert_non_null(strstr(error.message, "disk full"));
        assert_non_null(strstr(error.message, place.path));
        assert_int_equal(cni_counter_get(&place.store->used_bytes), 0);
    }
    cni_counter_set(&fault.fail_at[CNI_FAULT_READ],
                    cni_counter_get(&fault.n_hits[CNI_FAULT_READ]) + 1);
    assert_int_equal(use_store(place.store, &error), CN_IO);
    assert_non_null(strstr(error.message, "cannot read"));
    assert_int_equal(use_store(place.store, &error), CN_OK);
    spill_place_end(&place);
}

static void
test_bad_directories(void **state)
{
    (void)state;
    cn_error error = CN_ERROR_INIT;
    cni_spill_store *store = NULL;
    OK(cni_spill_directory_new(cni_allocator_system(), NULL, CNI_STR("/nowhere/at/all"), 0, &store,
                               err));
    assert_int_equal(use_store(store, &error), CN_IO);
    assert_non_null(strstr(error.message, "/nowhere/at/all"));
    assert_int_equal(use_store(store, &error), CN_IO); /* not only once */
    cni_spill_store_unref(store);
    assert_int_equal(
        cni_spill_directory_new(cni_allocator_system(), NULL, CNI_STR(""), 0, &store, &error),
        CN_INVALID_ARGUMENT);
    assert_int_equal(cni_spill_directory_clean(CNI_STR("/nowhere/at/all")), 0);
}

/* The sub-directory vanishes while it is in use: an error, and no crash. */
static void
test_removed_under_us(void **state)
{
    (void)state;
    spill_place place;
    spill_place_begin(&place, NULL);
    cn_error error = CN_ERROR_INIT;
    char command[128];
    assert_int_equal(use_store(place.store, &error), CN_OK);
    (void)snprintf(command, sizeof(command), "rm -rf %s/*", place.path);
    assert_int_equal(system(command), 0);
    assert_int_equal(use_store(place.store, &error), CN_IO);
    assert_non_null(strstr(error.message, place.path));
    spill_place_end(&place);
}

/* The only entry of the directory. */
static void
only_entry(const char *path, char out[256])
{
    DIR *listing = opendir(path);
    assert_non_null(listing);
    for (const struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(out, 256, "%s", entry->d_name);
        }
    }
    (void)closedir(listing);
}

static void
test_private(void **state)
{
    (void)state;
    spill_place place;
    spill_place_begin(&place, NULL);
    cni_spill_file *file = NULL;
    assert_int_equal(spill_place_entries(place.path), 0); /* nothing before the first file */
    OK(cni_spill_create(place.store, "test", &file, err));
    assert_int_equal(spill_place_entries(place.path), 1);
    char name[256];
    char inner[512];
    struct stat status;
    only_entry(place.path, name);
    (void)snprintf(inner, sizeof(inner), "%s/%s", place.path, name);
    assert_int_equal(stat(inner, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(spill_place_entries(inner), 1); /* the lock: files have no names */
    /* A cleaner leaves it alone as long as the owner lives. */
    assert_int_equal(cni_spill_directory_clean(cni_str_of(place.path)), 0);
    cni_spill_close(file);
    spill_place_end(&place);
}

/* A child dies with a store open; the next store over the place removes what it left, and nothing
 * else. */
static void
test_crash(void **state)
{
    (void)state;
    spill_place place;
    spill_place_begin(&place, NULL);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        cni_spill_store *store = NULL;
        cni_spill_file *file = NULL;
        cn_error error = CN_ERROR_INIT;
        int64_t offset = 0;
        char byte = 1;
        if (cni_spill_directory_new(cni_allocator_system(), NULL, cni_str_of(place.path), 0, &store,
                                    &error) == CN_OK &&
            cni_spill_create(store, "test", &file, &error) == CN_OK &&
            cni_spill_append(file, place.path, 64, &offset, &error) == CN_OK) {
            (void)!write(ready[1], &byte, 1);
        }
        (void)close(ready[1]);
        (void)pause();
        _exit(0);
    }
    (void)close(ready[1]);
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    assert_int_equal(cni_spill_directory_clean(cni_str_of(place.path)), 0); /* it lives */
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    char left[256];
    char path[600];
    only_entry(place.path, left);
    (void)snprintf(path, sizeof(path), "%s/%s/rows-0", place.path, left); /* made, not unlinked */
    (void)close(open(path, O_CREAT | O_WRONLY, 0600));
    (void)snprintf(path, sizeof(path), "%s/colonnade-other", place.path);
    assert_int_equal(mkdir(path, 0700), 0);
    char link[600];
    (void)snprintf(link, sizeof(link), "%s/colonnade-spill-link", place.path);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(spill_place_entries(place.path), 3);
    cn_error error = CN_ERROR_INIT;
    assert_int_equal(use_store(place.store, &error), CN_OK); /* its own place, the other is gone */
    assert_int_equal(spill_place_entries(place.path), 3);
    only_entry(place.path, left);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(rmdir(path), 0);
    spill_place_end(&place);
}

/* A forked child may not write into its parent's files, nor remove them. */
static void
test_fork(void **state)
{
    (void)state;
    spill_place place;
    spill_place_begin(&place, NULL);
    cni_spill_file *file = NULL;
    int64_t offset = 0;
    OK(cni_spill_create(place.store, "test", &file, err));
    OK(cni_spill_append(file, "parent", 6, &offset, err));
    const pid_t child = fork();
    if (child == 0) {
        cn_error error = CN_ERROR_INIT;
        char back[6];
        const bool refused =
            cni_spill_append(file, "child", 5, &offset, &error) == CN_INVALID_STATE &&
            cni_spill_read(file, 0, 6, back, &error) == CN_INVALID_STATE;
        cni_spill_discard(file, 0, 6);
        cni_spill_close(file);
        cni_spill_store_unref(place.store);
        _exit(refused ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    char back[6];
    OK(cni_spill_read(file, offset, 6, back, err));
    assert_memory_equal(back, "parent", 6);
    cni_spill_close(file);
    spill_place_end(&place);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_bad_directories),
        cmocka_unit_test(test_removed_under_us),
        cmocka_unit_test(test_private),
        cmocka_unit_test(test_crash),
        cmocka_unit_test(test_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
