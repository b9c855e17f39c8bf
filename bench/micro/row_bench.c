/* SPDX-License-Identifier: Apache-2.0
 *
 * Costs of the row functions (data/row) per row: hashes, sort keys, append, gather, match.
 * usage: row_bench [filter]
 */
#include "data/row/hash.h"
#include "data/row/row_store.h"
#include "data/row/sort_key.h"
#include "micro_timer.h"

enum {
    N = 2048,
    COLUMNS = 3
};

typedef struct bench {
    cni_vector columns[COLUMNS]; /* BIGINT, VARCHAR short, VARCHAR of 20 bytes */
    const cni_type *types[COLUMNS];
    const cni_vector *keys[COLUMNS];
    int32_t first;
    int32_t n_keys;
    uint64_t hashes[N];
    cni_row_layout *layout;
    uint8_t *rows[N];
    uint32_t match[N];
    uint32_t index[N];
    uint8_t sort_keys[N * 16];
    cni_buffer *buffer;
} bench;

static void
check(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        (void)fprintf(stderr, "%s\n", err->message);
        exit(1);
    }
}

static void
call_hash(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    check(cni_hash_vectors(cni_allocator_system(), self->keys + self->first, self->n_keys, N,
                           self->hashes, &err),
          &err);
}

static void
call_sort_fixed(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    const cni_sort_spec spec = {self->types[0], true, false, true};
    check(cni_sort_key_encode_fixed(cni_allocator_system(), &spec, self->keys, 1, N, 16,
                                    self->sort_keys, &err),
          &err);
}

static void
call_sort_text(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    static int64_t offsets[N + 1];
    const cni_sort_spec spec = {self->types[2], false, false, true};
    int64_t len_bytes = 0;
    check(cni_sort_key_encode(cni_allocator_system(), &spec, self->keys + 2, 1, N, &self->buffer,
                              &len_bytes, offsets, &err),
          &err);
}

static void
call_append(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    cni_row_store *store = NULL;
    check(cni_row_store_new(cni_allocator_system(), self->layout, &store, &err), &err);
    for (int turn = 0; turn < 8; turn++) {
        check(cni_row_store_append(store, self->columns, NULL, N, self->rows, &err), &err);
    }
    cni_row_store_free(store);
}

static void
call_gather(void *context)
{
    bench *self = context;
    cn_error err = CN_ERROR_INIT;
    cni_vector out;
    check(cni_row_gather(cni_allocator_system(), self->layout, self->first, self->rows, N, &out,
                         &err),
          &err);
    cni_vector_done(&out);
}

static void
call_match(void *context)
{
    bench *self = context;
    for (uint32_t row = 0; row < N; row++) {
        self->match[row] = row;
    }
    int64_t n_mismatch;
    (void)cni_row_match(self->layout, self->first, self->rows, &self->columns[self->first],
                        self->index, self->match, N, NULL, &n_mismatch);
}

static void
fill(bench *self)
{
    cn_error err = CN_ERROR_INIT;
    uint64_t state = 3;
    char *text = micro_block(N * 20);
    const cni_type_id ids[COLUMNS] = {CNI_TYPE_INT64, CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR};
    for (int column = 0; column < COLUMNS; column++) {
        self->types[column] = cni_type_of(ids[column]);
        self->keys[column] = &self->columns[column];
        check(cni_vector_new_flat(cni_allocator_system(), self->types[column],
                                  cni_type_phys(self->types[column]), N, false,
                                  &self->columns[column], &err),
              &err);
    }
    int64_t *numbers = cni_vector_mutable_data(&self->columns[0]);
    cni_view *short_texts = cni_vector_mutable_data(&self->columns[1]);
    cni_view *long_texts = cni_vector_mutable_data(&self->columns[2]);
    for (uint32_t row = 0; row < N; row++) {
        for (int at = 0; at < 20; at++) {
            text[row * 20 + (uint32_t)at] = (char)('a' + (char)(micro_random(&state) % 26));
        }
        numbers[row] = (int64_t)micro_random(&state);
        short_texts[row] =
            cni_view_make(text + row * 20, (uint32_t)(1 + micro_random(&state) % 11));
        long_texts[row] = cni_view_make(text + row * 20, 20);
        self->index[row] = row;
    }
}

int
main(int argc, char **argv)
{
    const char *filter = argc > 1 ? argv[1] : NULL;
    cn_error err = CN_ERROR_INIT;
    bench *self = micro_block((int64_t)sizeof(bench));
    fill(self);
    cni_arena *arena = NULL;
    check(cni_arena_new(cni_allocator_system(), "bench", &arena, &err), &err);
    check(cni_row_layout_new(arena, self->types, COLUMNS, &self->layout, &err), &err);
    self->n_keys = 1;
    micro_run(filter, "hash bigint", call_hash, self, N, 0.2);
    self->first = 1;
    micro_run(filter, "hash short strings", call_hash, self, N, 1.0);
    self->first = 2;
    micro_run(filter, "hash strings of 20 bytes", call_hash, self, N, 1.0);
    self->first = 0;
    self->n_keys = 2;
    micro_run(filter, "hash bigint and short string", call_hash, self, N, 0);
    micro_run(filter, "sort key bigint desc", call_sort_fixed, self, N, 0);
    micro_run(filter, "sort key string of 20 bytes", call_sort_text, self, N, 0);
    micro_run(filter, "append 3 columns", call_append, self, N * 8, 0);
    cni_row_store *store = NULL;
    check(cni_row_store_new(cni_allocator_system(), self->layout, &store, &err), &err);
    check(cni_row_store_append(store, self->columns, NULL, N, self->rows, &err), &err);
    for (self->first = 0; self->first < COLUMNS; self->first++) {
        static const char *const names[] = {"bigint", "short string", "string of 20 bytes"};
        char name[64];
        (void)snprintf(name, sizeof(name), "gather %s", names[self->first]);
        micro_run(filter, name, call_gather, self, N, 0);
        (void)snprintf(name, sizeof(name), "match %s", names[self->first]);
        micro_run(filter, name, call_match, self, N, 0);
    }
    cni_row_store_free(store);
    cni_arena_unref(arena);
    return 0;
}
