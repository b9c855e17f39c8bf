/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of ROW_NUMBER, RANK and DENSE_RANK over rows that come sorted. Neighbouring rows are
 * compared column by column, all rows of a chunk at once; the bits say where partitions and peers
 * begin, and each function fills its numbers from bit to bit. NULLs are equal here, and so are
 * NaNs.
 */
#include "exec/operator/window_int.h"

void
cni_window_keys_drop(cni_vector *keys, int32_t n_keys)
{
    for (int32_t key = 0; key < n_keys; key++) {
        cni_vector_done(&keys[key]);
    }
}

/* ---- neighbours ---- */

/* Of keys [first, end) of one row each, some differ. */
static bool
keys_differ(const cni_vector *a, const cni_vector *b, int32_t first, int32_t end)
{
    for (int32_t key = first; key < end; key++) {
        if (cni_row_order(&a[key], 0, &b[key], 0) != 0) {
            return true;
        }
    }
    return false;
}

/* Add to `bits` where the column's row r + 1 is not as row r. */
static cn_code
add_changes(cni_context *context, const cni_vector *column, int64_t n_rows, uint64_t *bits,
            cn_error *err)
{
    CN_SCOPED(cni_vector) flat = {0};
    CN_SCOPED(cni_vector) before = {0};
    CN_SCOPED(cni_vector) behind = {0};
    CN_SCOPED(cni_vector) changes = {0};
    uint64_t words[CNI_WINDOW_WORDS];
    const cni_op_env env = {
        .allocator = context->allocator, .kernels = cni_kernels_get(), .n_rows = n_rows - 1};
    if (column->encoding == CNI_CONSTANT || n_rows < 2) {
        return CN_OK;
    }
    CN_TRY(cni_vector_flatten(context->allocator, column, &flat, err));
    cni_vector_slice(&before, &flat, 0, n_rows - 1);
    cni_vector_slice(&behind, &flat, 1, n_rows - 1);
    CN_TRY(cni_op_distinct(&env, false, &before, &behind, &changes, err));
    CN_TRY(cni_op_true_bits(&env, &changes, words, err));
    for (int64_t word = 0; word < cni_bits_words(n_rows - 1); word++) {
        bits[word] |= words[word];
    }
    return CN_OK;
}

static cn_code
find_changes(const cni_phys_window *spec, cni_context *context, const cni_chunk *chunk,
             cni_window_scratch *scratch, cn_error *err)
{
    const size_t n_bytes = (size_t)cni_bits_words(chunk->n_rows) * sizeof(uint64_t);
    memset(scratch->partitions, 0, n_bytes);
    for (int32_t key = 0; key < spec->n_partitions; key++) {
        CN_TRY(add_changes(context, &chunk->columns[spec->keys[key]], chunk->n_rows,
                           scratch->partitions, err));
    }
    memcpy(scratch->peers, scratch->partitions, n_bytes);
    for (int32_t key = spec->n_partitions; key < spec->n_keys; key++) {
        CN_TRY(add_changes(context, &chunk->columns[spec->keys[key]], chunk->n_rows, scratch->peers,
                           err));
    }
    return CN_OK;
}

/* The first row from `row` on that the bits say begins something behind it, as the row that begins;
 * n_rows = none. */
static int64_t
next_begin(const uint64_t *bits, int64_t row, int64_t n_rows)
{
    int64_t word = row >> 6;
    if (row >= n_rows) {
        return n_rows;
    }
    uint64_t left = bits[word] & (~UINT64_C(0) << (row & 63));
    while (left == 0 && (word + 1) * 64 < n_rows) {
        left = bits[++word];
    }
    return left == 0 ? n_rows : cni_min_i64(n_rows, word * 64 + __builtin_ctzll(left) + 1);
}

static bool
begins(const uint64_t *bits, int64_t row)
{
    return (bits[(row - 1) >> 6] >> ((row - 1) & 63) & 1) != 0;
}

/* ---- filling ---- */

/* A chunk's rows on their way; row 0 begins what `first` says. */
typedef struct window_rows {
    const cni_window_scratch *bits;
    int64_t n_rows;
    cni_window_link first; /* of row 0 to the row before it */
} window_rows;

static void
fill_numbers(const window_rows *rows, cni_window_count *inout, int64_t *out)
{
    int64_t number = rows->first.same_partition ? inout->n_rows : 0;
    for (int64_t row = 0; row < rows->n_rows;) {
        const int64_t end = next_begin(rows->bits->partitions, row, rows->n_rows);
        for (; row < end; row++) {
            out[row] = ++number;
        }
        inout->n_rows = number;
        number = 0;
    }
}

static void
fill_ranks(const window_rows *rows, cni_window_count *inout, int64_t *out)
{
    int64_t n_before = rows->first.same_partition ? inout->n_rows : 0;
    int64_t rank = rows->first.same_peers ? inout->rank : n_before + 1;
    for (int64_t row = 0; row < rows->n_rows;) {
        const int64_t end = next_begin(rows->bits->peers, row, rows->n_rows);
        n_before += end - row;
        for (; row < end; row++) {
            out[row] = rank;
        }
        if (end < rows->n_rows) {
            n_before = begins(rows->bits->partitions, end) ? 0 : n_before;
            rank = n_before + 1;
        }
    }
    inout->n_rows = n_before;
    inout->rank = rank;
}

static void
fill_dense(const window_rows *rows, cni_window_count *inout, int64_t *out)
{
    int64_t dense = rows->first.same_partition ? inout->dense : 0;
    dense += rows->first.same_peers ? 0 : 1;
    for (int64_t row = 0; row < rows->n_rows;) {
        const int64_t end = next_begin(rows->bits->peers, row, rows->n_rows);
        for (; row < end; row++) {
            out[row] = dense;
        }
        if (end < rows->n_rows) {
            dense = begins(rows->bits->partitions, end) ? 1 : dense + 1;
        }
    }
    inout->dense = dense;
}

static cn_code
fill(const cni_phys_window *spec, cni_allocator *allocator, const window_rows *rows,
     cni_window_count *inout_count, cni_vector *out_columns, cn_error *err)
{
    cni_window_count after = *inout_count;
    for (int32_t at = 0; at < spec->n_functions; at++) {
        cni_window_count count = *inout_count;
        CN_TRY(cni_vector_new_flat(allocator, cni_type_of(CNI_TYPE_INT64), CNI_PHYS_I64,
                                   rows->n_rows, false, &out_columns[at], err));
        int64_t *out = cni_vector_mutable_data(&out_columns[at]);
        switch (spec->functions[at]) {
        case CNI_WINDOW_RANK:
            fill_ranks(rows, &count, out);
            after.rank = count.rank;
            after.n_rows = count.n_rows;
            break;
        case CNI_WINDOW_DENSE_RANK:
            fill_dense(rows, &count, out);
            after.dense = count.dense;
            break;
        default:
            fill_numbers(rows, &count, out);
            after.n_rows = count.n_rows;
            break;
        }
    }
    after.has_row = true;
    *inout_count = after;
    return CN_OK;
}

/* ---- steps ---- */

/* Row 0 of the chunk to the last row of the run, or to the row before a run that is known. */
static cni_window_link
link_to_last(const cni_phys_window *spec, const cni_window_run *run, const cni_vector *keys)
{
    if (!run->count.has_row) { /* nothing before it, or nobody knows */
        return (cni_window_link){.same_partition = !run->known, .same_peers = false};
    }
    const bool same = !keys_differ(run->last, keys, 0, spec->n_partitions);
    return (cni_window_link){
        same, same && !keys_differ(run->last, keys, spec->n_partitions, spec->n_keys)};
}

static void
take_keys(const cni_phys_window *spec, const cni_chunk *chunk, int64_t row, cni_vector *keys)
{
    for (int32_t key = 0; key < spec->n_keys; key++) {
        cni_vector_done(&keys[key]);
        cni_vector_slice(&keys[key], &chunk->columns[spec->keys[key]], row, 1);
    }
}

/* Where the first partition and the first peers of a run end, that is not known. */
static void
note_ends(cni_window_run *run, const window_rows *rows)
{
    if (run->n_rows > 0 && !rows->first.same_partition) {
        run->partition_end = cni_min_i64(run->partition_end, run->n_rows);
    }
    if (run->n_rows > 0 && !rows->first.same_peers) {
        run->peer_end = cni_min_i64(run->peer_end, run->n_rows);
    }
    const int64_t partition = next_begin(rows->bits->partitions, 0, rows->n_rows);
    const int64_t peer = next_begin(rows->bits->peers, 0, rows->n_rows);
    if (partition < rows->n_rows) {
        run->partition_end = cni_min_i64(run->partition_end, run->n_rows + partition);
    }
    if (peer < rows->n_rows) {
        run->peer_end = cni_min_i64(run->peer_end, run->n_rows + peer);
    }
}

cn_code
cni_window_step(const cni_phys_window *spec, cni_context *context, cni_allocator *allocator,
                cni_window_run *run, const cni_chunk *chunk, cni_window_scratch *scratch,
                cni_vector *out_columns, cn_error *err)
{
    window_rows rows = {.bits = scratch, .n_rows = chunk->n_rows};
    CN_TRY(find_changes(spec, context, chunk, scratch, err));
    if (run->n_rows == 0) {
        take_keys(spec, chunk, 0, run->first);
        rows.first = link_to_last(spec, run, run->first);
    } else {
        cni_window_keys_drop(run->spare, spec->n_keys);
        take_keys(spec, chunk, 0, run->spare);
        rows.first = link_to_last(spec, run, run->spare);
        cni_window_keys_drop(run->spare, spec->n_keys);
    }
    CN_TRY(fill(spec, allocator, &rows, &run->count, out_columns, err));
    if (!run->known) {
        note_ends(run, &rows);
    }
    take_keys(spec, chunk, chunk->n_rows - 1, run->last);
    run->n_rows += chunk->n_rows;
    return CN_OK;
}

cni_window_link
cni_window_compare(const cni_phys_window *spec, const cni_window_count *carry,
                   const cni_vector *carry_keys, const cni_window_run *run)
{
    if (!carry->has_row || run->n_rows == 0 ||
        keys_differ(carry_keys, run->first, 0, spec->n_partitions)) {
        return (cni_window_link){0};
    }
    return (cni_window_link){
        true, !keys_differ(carry_keys, run->first, spec->n_partitions, spec->n_keys)};
}

static int64_t
first_rank(cni_window_link link, const cni_window_count *carry)
{
    return link.same_peers ? carry->rank : carry->n_rows + 1;
}

static int64_t
more_dense(cni_window_link link, const cni_window_count *carry)
{
    return link.same_peers ? carry->dense - 1 : carry->dense;
}

cni_window_count
cni_window_count_behind(const cni_window_run *run, cni_window_link link,
                        const cni_window_count *carry)
{
    cni_window_count count = run->count;
    if (run->n_rows == 0) {
        return *carry;
    }
    if (link.same_partition && run->partition_end >= run->n_rows) {
        count.rank =
            run->peer_end >= run->n_rows ? first_rank(link, carry) : count.rank + carry->n_rows;
        count.n_rows += carry->n_rows;
        count.dense += more_dense(link, carry);
    }
    return count;
}

static void
add_to(int64_t *values, int64_t n, int64_t number)
{
    for (int64_t at = 0; at < n; at++) {
        values[at] += number;
    }
}

void
cni_window_set_right(const cni_phys_window *spec, const cni_window_run *run, cni_window_link link,
                     const cni_window_count *carry, int64_t row, cni_vector *columns)
{
    for (int32_t at = 0; link.same_partition && at < spec->n_functions; at++) {
        int64_t *values = cni_vector_mutable_data(&columns[at]);
        const int64_t n = cni_max_i64(0, cni_min_i64(columns[at].n_rows, run->partition_end - row));
        const int64_t n_peers = cni_max_i64(0, cni_min_i64(n, run->peer_end - row));
        switch (spec->functions[at]) {
        case CNI_WINDOW_RANK:
            for (int64_t peer = 0; peer < n_peers; peer++) {
                values[peer] = first_rank(link, carry);
            }
            add_to(values + n_peers, n - n_peers, carry->n_rows);
            break;
        case CNI_WINDOW_DENSE_RANK:
            add_to(values, n, more_dense(link, carry));
            break;
        default:
            add_to(values, n, carry->n_rows);
            break;
        }
    }
}
