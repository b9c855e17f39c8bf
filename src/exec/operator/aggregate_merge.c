/* SPDX-License-Identifier: Apache-2.0
 *
 * Finalize: the rows of all workers become results that hold each key once.
 *
 *   nobody partitioned   one task: the first worker's table takes the others' rows
 *   somebody did         a task per partition (aggregate_unite.c), and one for the lone NULL
 *
 * Workers come in the order in which they combined, rows of one worker in the order in which they
 * were made: functions that depend on source order tell rows of workers apart by sequence.
 */
#include "exec/operator/aggregate_operator_int.h"

/* Scratch of a task. */
typedef struct merge_scratch {
    uint64_t *keys;
    uint64_t *hashes;
    uint32_t *groups;
    uint32_t *list;
    uint8_t *rows; /* those that must be combined */
    int64_t n_bytes;
    void *block;
} merge_scratch;

static cn_code
scratch_new(const cni_agg_operator *self, merge_scratch *out, cn_error *err)
{
    const int64_t n = CNI_AGG_BATCH_ROWS;
    const int64_t per_row = self->layout->key_bytes + 8 + 4 + 4 + self->layout->row_bytes;
    uint8_t *block = NULL;
    CN_TRY(cni_alloc(self->allocator, n * per_row, &block, err));
    out->block = block;
    out->n_bytes = n * per_row;
    out->keys = (void *)block;
    out->hashes = (void *)(block + n * self->layout->key_bytes);
    out->rows = block + n * (self->layout->key_bytes + 8);
    out->groups = (void *)(out->rows + n * self->layout->row_bytes);
    out->list = out->groups + n;
    return CN_OK;
}

/* Rows whose group is new give it their states, the others are packed into scratch->rows with their
 * groups in front of scratch->groups. Gives how many those are. */
static int64_t
adopt_new(cni_agg_table *table, const uint8_t *rows, int64_t n, int64_t n_before,
          merge_scratch *scratch)
{
    const int64_t row_bytes = table->layout->row_bytes;
    const int64_t key_bytes = table->layout->key_bytes;
    int64_t next_new = n_before;
    int64_t n_old = 0;
    for (int64_t row = 0; row < n; row++) {
        const uint32_t group = scratch->groups[row];
        const uint8_t *from = rows + row * row_bytes;
        if (group == next_new) {
            memcpy(cni_agg_row(table, group) + key_bytes, from + key_bytes,
                   (size_t)(row_bytes - key_bytes));
            next_new++;
        } else {
            memcpy(scratch->rows + n_old * row_bytes, from, (size_t)row_bytes);
            scratch->groups[n_old++] = group;
        }
    }
    return n_old;
}

static void
gather_keys(const cni_agg_layout *layout, const uint8_t *rows, int64_t n, uint64_t *out_keys)
{
    for (int64_t row = 0; row < n; row++) {
        const uint8_t *from = rows + row * layout->row_bytes;
        for (int32_t word = 0; word < layout->key_words; word++) {
            memcpy(out_keys++, from + (int64_t)word * 8, 8);
        }
    }
}

/* At most CNI_AGG_BATCH_ROWS rows, none of them a lone NULL. */
static cn_code
merge_batch(cni_agg_operator *self, cni_agg_table *table, const uint8_t *rows, int64_t n,
            merge_scratch *scratch, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    const int64_t n_before = table->n_groups;
    CN_TRY(cni_agg_table_reserve(table, n, true, err));
    gather_keys(layout, rows, n, scratch->keys);
    cni_agg_hash_keys(layout, (const uint8_t *)scratch->keys, layout->key_bytes, n,
                      scratch->hashes);
    CN_TRY(cni_agg_table_find(table, scratch->keys, scratch->hashes, n, true, scratch->list,
                              scratch->groups, err));
    const int64_t n_old = adopt_new(table, rows, n, n_before, scratch);
    return n_old == 0 ? CN_OK
                      : cni_agg_combine_states(self, table->heap, table->rows, scratch->groups,
                                               scratch->rows, n_old, err);
}

static cn_code
merge_rows(cni_agg_operator *self, cni_agg_table *table, const uint8_t *rows, int64_t n,
           merge_scratch *scratch, cn_error *err)
{
    const int64_t row_bytes = self->layout->row_bytes;
    for (int64_t first = 0; first < n; first += CNI_AGG_BATCH_ROWS) {
        const int64_t n_batch = cni_min_i64(CNI_AGG_BATCH_ROWS, n - first);
        CN_TRY(cni_context_check(self->base.context, err));
        CN_TRY(merge_batch(self, table, rows + first * row_bytes, n_batch, scratch, err));
    }
    return CN_OK;
}

/* A row that is the lone NULL, or the only group of an aggregation without keys. */
static cn_code
merge_single(cni_agg_operator *self, cni_agg_table *table, const uint8_t *row, cn_error *err)
{
    CN_TRY(cni_agg_table_reserve(table, 1, false, err));
    const uint32_t group = cni_agg_table_null_group(table);
    return cni_agg_combine_states(self, table->heap, table->rows, &group, row, 1, err);
}

/* A whole table of a worker. */
static cn_code
merge_table(cni_agg_operator *self, cni_agg_table *table, const cni_agg_table *other,
            merge_scratch *scratch, cn_error *err)
{
    const int64_t null_group = other->null_group;
    if (null_group < 0) {
        return merge_rows(self, table, other->rows, other->n_groups, scratch, err);
    }
    CN_TRY(merge_rows(self, table, other->rows, null_group, scratch, err));
    CN_TRY(merge_single(self, table, cni_agg_row(other, null_group), err));
    return merge_rows(self, table, cni_agg_row(other, null_group + 1),
                      other->n_groups - null_group - 1, scratch, err);
}

/* The local keeps its heap and becomes empty. */
static void
take_table(cni_agg_operator *self, cni_agg_table *to, cni_agg_local *local)
{
    *to = local->table;
    local->table = (cni_agg_table){.layout = self->layout,
                                   .allocator = self->allocator,
                                   .heap = cni_arena_ref(to->heap),
                                   .null_group = -1};
}

static cn_code
merge_tables(cni_agg_operator *self, cni_agg_table *table, merge_scratch *scratch, cn_error *err)
{
    for (cni_agg_local *local = self->locals; local != NULL; local = local->next) {
        if (table->layout == NULL) {
            take_table(self, table, local);
        } else if (self->layout->n_keys == 0) {
            CN_TRY(merge_single(self, table, local->table.rows, err));
        } else {
            CN_TRY(merge_table(self, table, &local->table, scratch, err));
        }
    }
    return CN_OK;
}

/* Without rows there is still one group when there are no keys. */
static cn_code
finish_table(cni_agg_operator *self, cni_agg_table *table, cn_error *err)
{
    if (table->layout == NULL) {
        CN_TRY(cni_agg_table_init(table, self->layout, self->allocator, err));
    }
    if (self->layout->n_keys == 0 && table->n_groups == 0) {
        CN_TRY(cni_agg_table_reserve(table, 1, false, err));
        (void)cni_agg_table_null_group(table);
    }
    return CN_OK;
}

static cn_code
merge_whole(cni_agg_operator *self, cni_agg_table *table, cn_error *err)
{
    merge_scratch scratch = {0};
    CN_TRY(scratch_new(self, &scratch, err));
    const cn_code code = merge_tables(self, table, &scratch, err);
    cni_dealloc(self->allocator, scratch.block, scratch.n_bytes);
    return code == CN_OK ? finish_table(self, table, err) : code;
}

static void
release_slots(cni_agg_table *table)
{
    cni_dealloc(table->allocator, table->slots, table->n_slots * (int64_t)sizeof(*table->slots));
    table->slots = NULL;
    table->n_slots = 0;
}

cn_code
cni_agg_merge(cni_agg_operator *self, int32_t task, cn_error *err)
{
    cni_agg_final *final = &self->finals[task];
    if (self->n_finals > 1) {
        CN_TRY(cni_agg_unite(self, task, final, err));
    } else {
        CN_TRY(merge_whole(self, &final->table, err));
        final->n_groups = final->table.n_groups;
    }
    if (self->n_sets > 0) {
        CN_TRY(cni_agg_sets_apply(self, task, final, err));
    }
    (void)cni_counter_add(&self->n_groups, final->n_groups);
    if (final->table.layout != NULL) {
        release_slots(&final->table);
    }
    return self->n_sets > 0 ? cni_agg_sets_join(self, err) : CN_OK;
}
