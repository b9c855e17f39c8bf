/* SPDX-License-Identifier: Apache-2.0
 *
 * From the keys of a probe chunk to the table's values. One key as DICTIONARY is looked up once per
 * entry, and the values are kept for the chunks that share the dictionary.
 */
#include "data/kernel/kernel.h"
#include "data/row/hash.h"
#include "exec/join/join_int.h"

#define MAX_ENTRIES_PER_ROW 8

static void
no_values(uint32_t *out, int64_t n)
{
    memset(out, 0xFF, (size_t)n * sizeof(*out));
}

static void
values_of_codes(const cni_join_table *table, const uint64_t *codes, int64_t n, uint32_t *out)
{
    const cni_join_loops *loops = cni_join_loops_get();
    const uint32_t *short_codes = (const uint32_t *)(const void *)codes;
    const cni_join_slots slots = {
        .slots = table->short_codes ? (const void *)table->short_slots : table->long_slots,
        .shift = 64 - table->slot_bits,
        .region_mask = (uint64_t)table->region_slots - 1,
    };
    if (table->strategy == CNI_JOIN_DENSE) {
        if (table->exists_only) {
            loops->dense_bits(table->bits, short_codes, n, out);
        } else {
            loops->dense(table->dense, short_codes, n, out);
        }
    } else if (table->short_codes) {
        loops->short_slots(&slots, short_codes, n, out);
    } else {
        loops->long_slots(&slots, codes, n, out);
    }
}

/* Rows whose keys are NULL have a hash, but no match. */
static void
drop_null_keys(const cni_join_probe *self, const cni_vector *keys, int64_t n, uint64_t *valid,
               uint32_t *inout_values)
{
    if (!cni_join_null_rows(self->join, keys, n, valid)) {
        return;
    }
    for (int64_t row = 0; row < n; row++) {
        const bool is_valid = ((valid[row >> 6] >> (row & 63)) & 1) != 0;
        inout_values[row] = is_valid ? inout_values[row] : CNI_JOIN_NONE;
    }
}

/* Keys as they came: a dictionary is hashed once per entry. */
static cn_code
hash_keys(const cni_join_probe *self, const cni_join_local *local, int64_t n, uint64_t *out_hashes,
          cn_error *err)
{
    const cni_vector *few[8];
    const cni_vector **list = few;
    cni_allocator *allocator = self->base.context->allocator;
    const int32_t n_keys = self->join->n_keys;
    const int64_t n_bytes = n_keys * (int64_t)sizeof(*list);
    if (n_keys > CN_ARRAY_LEN(few)) {
        CN_TRY(cni_alloc(allocator, n_bytes, (void *)&list, err));
    }
    for (int32_t key = 0; key < n_keys; key++) {
        list[key] = &local->probe.columns[self->join->probe_keys[key]];
    }
    const cn_code code = cni_hash_vectors(allocator, list, n_keys, n, out_hashes, err);
    if (list != few) {
        cni_dealloc(allocator, (void *)list, n_bytes);
    }
    return code;
}

static cn_code
values_of_keys(const cni_join_probe *self, cni_join_local *local, const cni_vector *keys, int64_t n,
               uint32_t *out, cn_error *err)
{
    const cni_join_table *table = &self->build->table;
    if (table->strategy == CNI_JOIN_HASHED) {
        CN_TRY(hash_keys(self, local, n, local->codes, err));
        values_of_codes(table, local->codes, n, out);
        drop_null_keys(self, keys, n, local->bits, out);
        return CN_OK;
    }
    const int64_t step = local->cap_rows;
    for (int64_t first = 0; first < n; first += step) {
        const int64_t n_step = cni_min_i64(step, n - first);
        cni_join_codes(table, keys, first, n_step, local->codes);
        values_of_codes(table, local->codes, n_step, out + first);
    }
    return CN_OK;
}

/* ---- dictionaries ---- */

static bool
may_look_up_entries(const cni_join_probe *self, const cni_vector *key)
{
    const cni_join_build *build = self->build;
    return self->join->n_keys == 1 && key->encoding == CNI_DICTIONARY && !build->verifies &&
           !self->join->null_aware && !self->join->null_equal[0] &&
           key->dictionary->values.encoding == CNI_FLAT &&
           key->dictionary->values.n_rows <= MAX_ENTRIES_PER_ROW * CNI_CHUNK_ROWS_DEFAULT;
}

static cn_code
look_up_entries(const cni_join_probe *self, cni_join_local *local, const cni_dictionary *dictionary,
                cn_error *err)
{
    const int64_t n = dictionary->values.n_rows;
    if (local->dictionary == dictionary->identity) {
        return CN_OK;
    }
    local->dictionary = 0;
    if (n > local->cap_entries) {
        CN_TRY(cni_realloc(self->base.context->allocator, &local->entry_values,
                           local->cap_entries * (int64_t)sizeof(uint32_t),
                           n * (int64_t)sizeof(uint32_t), err));
        local->cap_entries = n;
    }
    CN_TRY(values_of_keys(self, local, &dictionary->values, n, local->entry_values, err));
    local->dictionary = dictionary->identity;
    return CN_OK;
}

static cn_code
values_by_entry(const cni_join_probe *self, cni_join_local *local, const cni_vector *key,
                cn_error *err)
{
    const int64_t n = local->probe.n_rows;
    const int32_t width = key->code_bytes == 4 ? 2 : key->code_bytes - 1;
    CN_TRY(look_up_entries(self, local, key->dictionary, err));
    cni_kernels_get()->gather[2][width](local->entry_values, key->data, n, local->values);
    for (int64_t row = 0; key->validity.data != NULL && row < n; row++) {
        if (!cni_bits_get(key->validity, row)) {
            local->values[row] = CNI_JOIN_NONE;
        }
    }
    return CN_OK;
}

cn_code
cni_join_lookup(const cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    const cni_phys_join *join = self->join;
    const int64_t n = local->probe.n_rows;
    const bool nothing = self->build->table.strategy == CNI_JOIN_NOTHING;
    const cni_vector *first_key = &local->probe.columns[join->probe_keys[0]];
    if (!nothing && may_look_up_entries(self, first_key)) {
        return values_by_entry(self, local, first_key, err);
    }
    for (int32_t key = 0; key < join->n_keys; key++) {
        cni_vector_done(&local->keys[key]);
        CN_TRY(cni_vector_flatten(self->base.context->allocator,
                                  &local->probe.columns[join->probe_keys[key]], &local->keys[key],
                                  err));
    }
    if (nothing) {
        no_values(local->values, n);
        return CN_OK;
    }
    return values_of_keys(self, local, local->keys, n, local->values, err);
}
