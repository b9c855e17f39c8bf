/* SPDX-License-Identifier: Apache-2.0
 *
 * The probe side of a join that does not fit: rows whose partition is on disk are written, unless
 * the bloom over the build rows there says that they have no match; then they are as good as any
 * other row, and the table in memory has no match for them either. Where rows without a match leave
 * nothing behind, a few written rows may stay in the chunk for the same reason.
 */
#include "exec/join/join_spill_int.h"

#include "data/row/hash.h"

#define BLOOM_TRIAL 65536 /* rows after which it is judged */

bool
cni_join_drops_unmatched(const cni_phys_join *join)
{
    switch ((cni_phys_join_kind)join->kind) {
    case CNI_PHYS_JOIN_INNER:
    case CNI_PHYS_JOIN_BUILD_OUTER:
    case CNI_PHYS_JOIN_PROBE_SEMI:
    case CNI_PHYS_JOIN_BUILD_SEMI:
    case CNI_PHYS_JOIN_BUILD_ANTI:
        return true;
    default:
        return false;
    }
}

/* ---- choosing rows ---- */

static cn_code
hash_chunk(const cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    const cni_vector **list = NULL;
    cni_allocator *allocator = self->base.context->allocator;
    const int32_t n_keys = self->join->n_keys;
    const int64_t n_bytes = n_keys * (int64_t)sizeof(*list);
    CN_TRY(cni_alloc(allocator, n_bytes, (void *)&list, err));
    for (int32_t key = 0; key < n_keys; key++) {
        list[key] = &local->probe.columns[self->join->probe_keys[key]];
    }
    const cn_code code =
        cni_hash_vectors(allocator, list, n_keys, local->probe.n_rows, local->codes, err);
    cni_dealloc(allocator, (void *)list, n_bytes);
    return code;
}

static bool
asks_bloom(cni_join_spill *spill)
{
    return spill->bloom != NULL && cni_flag_consume(&spill->bloom_off) == 0;
}

static void
count_bloom(cni_join_spill *spill, int64_t n_asked, int64_t n_passed)
{
    const int64_t asked = cni_counter_add(&spill->n_asked, n_asked) + n_asked;
    const int64_t passed = cni_counter_add(&spill->n_passed, n_passed) + n_passed;
    if (asked >= BLOOM_TRIAL && passed > asked / 10 * 9) {
        cni_flag_publish(&spill->bloom_off, 1);
    }
}

/* Partitions of all rows into local->matched, and the rows to be written into local->out_probe; how
 * many. */
static int64_t
list_leaving(const cni_join_probe *self, cni_join_spill *spill, cni_join_local *local)
{
    const int64_t n_rows = local->probe.n_rows;
    const uint64_t mask = (uint64_t)cni_flag_consume(&spill->mask);
    const bool blooms = asks_bloom(spill);
    int64_t n = 0;
    int64_t n_asked = 0;
    (void)self;
    for (int64_t row = 0; row < n_rows; row++) {
        local->matched[row] = cni_spill_partition(local->codes[row], spill->level);
        local->scratch[n_asked] = (uint32_t)row;
        n_asked += (int64_t)(mask >> local->matched[row] & 1);
    }
    if (!blooms) {
        memcpy(local->out_probe, local->scratch, (size_t)n_asked * sizeof(*local->scratch));
        return n_asked;
    }
    for (int64_t at = 0; at < n_asked; at++) {
        const uint64_t hash = local->codes[local->scratch[at]];
        const uint64_t bits = cni_join_bloom_bits(hash);
        const uint64_t word = (uint64_t)cni_counter_get(
            &spill->bloom[cni_join_bloom_word(hash, spill->n_bloom_words)]);
        local->out_probe[n] = local->scratch[at];
        n += (word & bits) == bits;
    }
    count_bloom(spill, n_asked, n);
    return n;
}

/* ---- writing ---- */

/* Rows out_probe[0 .. n) partition by partition into pair_probe. */
static void
sort_leaving(cni_join_local *local, int64_t n, int64_t *out_ends)
{
    int64_t counts[CNI_SPILL_PARTITIONS] = {0};
    int64_t start = 0;
    for (int64_t at = 0; at < n; at++) {
        counts[local->matched[local->out_probe[at]]]++;
    }
    for (int32_t part = 0; part < CNI_SPILL_PARTITIONS; part++) {
        out_ends[part] = start;
        start += counts[part];
    }
    for (int64_t at = 0; at < n; at++) {
        const uint32_t row = local->out_probe[at];
        local->pair_probe[out_ends[local->matched[row]]++] = row;
    }
}

static cn_code
write_leaving(cni_join_spill *spill, cni_join_local *local, const cni_vector *columns, int64_t n,
              cn_error *err)
{
    int64_t ends[CNI_SPILL_PARTITIONS];
    int64_t first = 0;
    if (spill->lone) {
        return cni_spill_writer_add(local->writer, 0, columns, NULL, n, err);
    }
    if (n == local->probe.n_rows) {
        return cni_spill_writer_scatter(local->writer, columns, n, local->matched, err);
    }
    sort_leaving(local, n, ends);
    for (int32_t part = 0; part < CNI_SPILL_PARTITIONS; part++) {
        if (ends[part] > first) {
            CN_TRY(cni_spill_writer_add(local->writer, part, columns, local->pair_probe + first,
                                        ends[part] - first, err));
        }
        first = ends[part];
    }
    return CN_OK;
}

/* The columns to be written are borrowed from the chunk. */
static cn_code
write_rows(const cni_join_probe *self, cni_join_spill *spill, cni_join_local *local, int64_t n,
           cn_error *err)
{
    cni_allocator *allocator = self->base.context->allocator;
    const int64_t n_bytes = spill->n_probe * (int64_t)sizeof(cni_vector);
    cni_vector *columns = NULL;
    if (local->writer == NULL) {
        CN_TRY(cni_spill_writer_new(&spill->probe_layout, &local->writer, err));
    }
    CN_TRY(cni_alloc(allocator, n_bytes, &columns, err));
    for (int32_t at = 0; at < spill->n_probe; at++) {
        columns[at] = local->probe.columns[spill->probe_from[at]];
    }
    const cn_code code = write_leaving(spill, local, columns, n, err);
    cni_dealloc(allocator, columns, n_bytes);
    return code;
}

/* ---- what stays ---- */

/* Rows that were not written, ascending, into pair_build; how many. */
static int64_t
list_staying(cni_join_local *local, int64_t n_leaving)
{
    int64_t n = 0;
    int64_t at = 0;
    for (int64_t row = 0; row < local->probe.n_rows; row++) {
        const bool leaves = at < n_leaving && local->out_probe[at] == (uint32_t)row;
        local->pair_build[n] = (uint32_t)row;
        n += leaves ? 0 : 1;
        at += leaves ? 1 : 0;
    }
    return n;
}

/* Columns that nobody asks for go. */
static cn_code
narrow_chunk(const cni_join_probe *self, const cni_join_spill *spill, cni_join_local *local,
             int64_t n, cn_error *err)
{
    cni_allocator *allocator = self->base.context->allocator;
    CN_SCOPED(cni_chunk) narrow = {0};
    cni_chunk_init(&narrow, allocator);
    CN_TRY(cni_chunk_set_columns(&narrow, local->probe.n_columns, err));
    for (int32_t at = 0; at < spill->n_probe; at++) {
        const int32_t column = spill->probe_from[at];
        CN_TRY(cni_vector_take(allocator, &local->probe.columns[column], local->pair_build, n,
                               &narrow.columns[column], err));
    }
    narrow.n_rows = n;
    cni_chunk_swap(&local->probe, &narrow);
    return CN_OK;
}

cn_code
cni_join_divert(cni_join_probe *self, cni_join_local *local, bool *out_left, cn_error *err)
{
    cni_join_spill *spill = cni_join_spill_of(self->build);
    int64_t n = local->probe.n_rows;
    if (!spill->lone) {
        CN_TRY(hash_chunk(self, local, err));
        n = list_leaving(self, spill, local);
    }
    if (n > 0) {
        CN_TRY(write_rows(self, spill, local, n, err));
    }
    *out_left = n < local->probe.n_rows;
    const bool may_stay = cni_join_drops_unmatched(self->join) && n <= local->probe.n_rows / 2;
    if (n == 0 || !*out_left || may_stay) {
        return CN_OK;
    }
    const int64_t n_staying = list_staying(local, n);
    return narrow_chunk(self, spill, local, n_staying, err);
}

void
cni_join_drop_divert(cni_join_local *local)
{
    cni_spill_writer_free(CN_MOVE(local->writer));
}

cn_code
cni_join_end_divert(cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    cni_join_spill *spill = cni_join_spill_of(self->build);
    cni_join_written *written = NULL;
    if (local->writer == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_zeroed(spill->allocator, (int64_t)sizeof(*written), &written, err));
    const cn_code code = cni_spill_writer_finish(local->writer, written->rows, err);
    cni_join_drop_divert(local);
    cni_mutex_lock(&spill->mutex);
    written->next = spill->written;
    spill->written = written;
    cni_mutex_unlock(&spill->mutex);
    return code;
}
