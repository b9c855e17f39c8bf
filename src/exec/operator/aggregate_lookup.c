/* SPDX-License-Identifier: Apache-2.0
 *
 * From rows to groups: the ladder of strategies, chosen by each worker from what it has seen.
 *
 *   direct   while the key values are few               aggregate_direct.c
 *   hash     slots of the table; rows that repeat the key before them are not looked up
 *   append   after a table in which nearly every row was a group: rows become groups unseen, for
 *            a while
 */
#include "exec/operator/aggregate_operator_int.h"

#define APPEND_ROWS (INT64_C(1) << 20) /* appended before a table is tried again */

/* ---- keys of the chunk ---- */

static cn_code
flatten_keys(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk, cn_error *err)
{
    for (int32_t key = 0; key < self->layout->n_keys; key++) {
        cni_vector *flat = &local->key_vectors[key];
        cni_vector_done(flat);
        CN_TRY(cni_vector_flatten(self->base.context->allocator,
                                  &chunk->columns[self->layout->keys[key].position], flat, err));
    }
    return CN_OK;
}

/* The rows of the chunk that are not a lone NULL: their numbers to out_rows. */
static int64_t
rows_with_key(const cni_vector *key, int64_t n, uint32_t *out_rows)
{
    int64_t n_rows = 0;
    for (int64_t row = 0; row < n; row++) {
        out_rows[n_rows] = (uint32_t)row;
        n_rows += cni_bits_get(key->validity, row) ? 1 : 0;
    }
    return n_rows;
}

static bool
same_words(const uint64_t *a, const uint64_t *b, int32_t n_words)
{
    for (int32_t word = 0; word < n_words; word++) {
        if (a[word] != b[word]) {
            return false;
        }
    }
    return true;
}

/* Rows whose key differs from that of the row before, by words, to out_rows. */
static int64_t
run_heads(const uint64_t *keys, int32_t key_words, int64_t n, uint32_t *out_rows)
{
    int64_t n_heads = 0;
    if (key_words == 1) {
        for (int64_t row = 0; row < n; row++) {
            out_rows[n_heads] = (uint32_t)row;
            n_heads += row == 0 || keys[row] != keys[row - 1] ? 1 : 0;
        }
        return n_heads;
    }
    for (int64_t row = 0; row < n; row++) {
        out_rows[n_heads] = (uint32_t)row;
        n_heads +=
            row == 0 || !same_words(keys + row * key_words, keys + (row - 1) * key_words, key_words)
                ? 1
                : 0;
    }
    return n_heads;
}

static void
gather_keys(uint64_t *inout_keys, int32_t key_words, const uint32_t *rows, int64_t n)
{
    for (int64_t at = 0; at < n; at++) { /* ascending: what is overwritten has been read */
        for (int32_t word = 0; word < key_words; word++) {
            inout_keys[at * key_words + word] = inout_keys[(int64_t)rows[at] * key_words + word];
        }
    }
}

/* ---- lookup ---- */

/* Groups of the first n keys of local->keys. */
static cn_code
find_keys(cni_agg_operator *self, cni_agg_local *local, int64_t n, uint32_t *out_groups,
          cn_error *err)
{
    local->rows_looked += n;
    if (local->strategy == CNI_AGG_APPEND) {
        local->rows_to_come -= n;
        return cni_agg_table_append(&local->table, local->keys, n, out_groups, err);
    }
    cni_agg_hash_keys(self->layout, (const uint8_t *)local->keys, self->layout->key_bytes, n,
                      local->hashes);
    return cni_agg_table_find(&local->table, local->keys, local->hashes, n, false,
                              local->list + 2 * local->cap_rows, out_groups, err);
}

/* Runs of equal keys are looked up once. */
static cn_code
find_runs(cni_agg_operator *self, cni_agg_local *local, int64_t n, uint32_t *out_groups,
          cn_error *err)
{
    uint32_t *heads = local->list + local->cap_rows;
    const int32_t key_words = self->layout->key_words;
    const int64_t n_heads = run_heads(local->keys, key_words, n, heads);
    if (n_heads > n / 2) {
        return find_keys(self, local, n, out_groups, err);
    }
    gather_keys(local->keys, key_words, heads, n_heads);
    CN_TRY(find_keys(self, local, n_heads, local->list + 3 * local->cap_rows, err));
    const uint32_t *found = local->list + 3 * local->cap_rows;
    for (int64_t at = 0; at < n_heads; at++) {
        const int64_t end = at + 1 < n_heads ? heads[at + 1] : n;
        for (int64_t row = heads[at]; row < end; row++) {
            out_groups[row] = found[at];
        }
    }
    return CN_OK;
}

/* A lone key with NULLs: the others are looked up behind each other, then put in their places. */
static cn_code
find_nullable(cni_agg_operator *self, cni_agg_local *local, int64_t n, cn_error *err)
{
    uint32_t *rows = local->list;
    const int64_t n_found = rows_with_key(&local->key_vectors[0], n, rows);
    gather_keys(local->keys, 1, rows, n_found);
    CN_TRY(find_runs(self, local, n_found, local->groups, err));
    const uint32_t null_group = n_found < n ? cni_agg_table_null_group(&local->table) : 0;
    for (int64_t row = n - 1, at = n_found - 1; row >= 0; row--) {
        if (at >= 0 && rows[at] == row) {
            local->groups[row] = local->groups[at--];
        } else {
            local->groups[row] = null_group;
        }
    }
    return CN_OK;
}

cn_code
cni_agg_lookup(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
               const uint32_t **out_groups, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    const int64_t n = chunk->n_rows;
    *out_groups = local->groups;
    if (local->strategy == CNI_AGG_ANY || local->strategy == CNI_AGG_DIRECT) {
        bool done = false;
        CN_TRY(cni_agg_direct_lookup(self, local, chunk, &done, err));
        if (done) {
            local->n_direct += n;
            return CN_OK;
        }
    }
    if (local->strategy == CNI_AGG_HASH) {
        local->n_hashed += n;
    } else {
        local->n_appended += n;
    }
    CN_TRY(cni_agg_table_reserve(&local->table, n + 1, local->strategy == CNI_AGG_HASH, err));
    CN_TRY(flatten_keys(self, local, chunk, err));
    if (layout->has_nested) {
        CN_TRY(cni_arena_new(self->allocator, "keys", &local->scratch, err));
    }
    CN_TRY(cni_agg_pack_keys(layout, local->key_vectors, n, local->scratch, self->allocator,
                             local->keys, err));
    if (layout->lone_null && local->key_vectors[0].validity.data != NULL) {
        return find_nullable(self, local, n, err);
    }
    return find_runs(self, local, n, local->groups, err);
}

/* ---- what to do with a full table ---- */

cn_code
cni_agg_make_room(cni_agg_operator *self, cni_agg_local *local, cn_error *err)
{
    const int64_t n_groups = local->table.n_groups;
    if (local->strategy == CNI_AGG_DIRECT) {
        if (n_groups * self->layout->row_bytes < self->layout->direct_bytes) {
            return CN_OK;
        }
        cni_agg_direct_done(self, local);
        local->strategy = CNI_AGG_HASH;
        return cni_agg_flush(self, local, err);
    }
    if (n_groups < self->layout->flush_groups) {
        return CN_OK;
    }
    if (local->strategy == CNI_AGG_HASH && n_groups * 20 >= local->rows_looked * 19) {
        local->strategy = CNI_AGG_APPEND;
        local->rows_to_come = APPEND_ROWS;
    } else if (local->strategy == CNI_AGG_APPEND && local->rows_to_come <= 0) {
        local->strategy = CNI_AGG_HASH;
    }
    local->rows_looked = 0;
    return cni_agg_flush(self, local, err);
}
