/* SPDX-License-Identifier: Apache-2.0
 *
 * From rows to groups: the ladder of strategies, chosen per chunk from what the worker has seen.
 */
#include "exec/operator/aggregate_operator_int.h"

/* The rows of the chunk that are not a lone NULL: their numbers to local->list. */
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

/* A lone key with NULLs: the others are looked up behind each other, then put in their places. */
static cn_code
find_nullable(cni_agg_local *local, int64_t n, cn_error *err)
{
    cni_agg_table *table = &local->table;
    uint32_t *mismatches = local->list + local->cap_rows;
    uint32_t *found = mismatches + local->cap_rows;
    const int64_t n_found = rows_with_key(&local->key_vectors[0], n, local->list);
    for (int64_t at = 0; at < n_found; at++) {
        local->keys[at] = local->keys[local->list[at]];
        local->hashes[at] = local->hashes[local->list[at]];
    }
    CN_TRY(cni_agg_table_find(table, local->keys, local->hashes, n_found, false, mismatches, found,
                              err));
    const uint32_t null_group = n_found < n ? cni_agg_table_null_group(table) : 0;
    for (int64_t row = 0; row < n; row++) {
        local->groups[row] = null_group;
    }
    for (int64_t at = 0; at < n_found; at++) {
        local->groups[local->list[at]] = found[at];
    }
    return CN_OK;
}

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

cn_code
cni_agg_lookup(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    cni_agg_table *table = &local->table;
    const int64_t n = chunk->n_rows;
    CN_TRY(cni_agg_table_reserve(table, n, true, err));
    CN_TRY(flatten_keys(self, local, chunk, err));
    CN_TRY(cni_agg_pack_keys(layout, local->key_vectors, n, local->keys, err));
    cni_agg_hash_keys(layout, (const uint8_t *)local->keys, layout->key_bytes, n, local->hashes);
    if (layout->lone_null && local->key_vectors[0].validity.data != NULL) {
        return find_nullable(local, n, err);
    }
    return cni_agg_table_find(table, local->keys, local->hashes, n, false, local->list,
                              local->groups, err);
}
