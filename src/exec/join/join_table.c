/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling the table. Each partition (a range of codes of DENSE, of hashes otherwise) is filled by
 * one task, which looks at the codes of all rows and inserts those of its own; no two tasks write
 * the same word. A row whose code is there already takes its place and remembers what it displaced
 * in `next`; when all are in, such chains become runs of rows side by side.
 */
#include "exec/join/join_int.h"

#include "data/row/hash.h"

#define BLOCK       CNI_JOIN_BLOCK_ROWS
#define CLEAR_BYTES ((size_t)4 << 20)

/* ---- life ---- */

static int32_t
log2_at_least(uint64_t n)
{
    int32_t bits = 0;
    while ((UINT64_C(1) << bits) < n) {
        bits++;
    }
    return bits;
}

static cn_code
new_dense(cni_join_table *self, cni_allocator *allocator, int32_t n_partitions, cn_error *err)
{
    const int64_t n_codes = (int64_t)self->n_codes;
    self->short_codes = true;
    self->n_partitions = n_partitions;
    if (self->exists_only) {
        self->bytes = (cni_bits_words(n_codes) + 1) * (int64_t)sizeof(*self->bits);
        return cni_alloc(allocator, self->bytes, &self->bits, err);
    }
    self->bytes = (n_codes + 1) * (int64_t)sizeof(*self->dense);
    return cni_alloc(allocator, self->bytes, &self->dense, err);
}

static void
place_regions(cni_join_table *self, int32_t n_partitions)
{
    self->n_partitions = n_partitions;
    self->region_slots = self->n_slots / n_partitions;
}

static cn_code
new_slots(cni_join_table *self, cni_allocator *allocator, int64_t n_rows, int32_t n_partitions,
          cn_error *err)
{
    self->slot_bits = log2_at_least((uint64_t)cni_max_i64(2 * n_rows, 16));
    self->n_slots = INT64_C(1) << self->slot_bits;
    place_regions(self, 1 << (log2_at_least((uint64_t)n_partitions + 1) - 1));
    self->short_codes = self->strategy == CNI_JOIN_INLINE && self->n_codes < UINT32_MAX;
    if (self->short_codes) {
        self->bytes = self->n_slots * (int64_t)sizeof(*self->short_slots);
        return cni_alloc(allocator, self->bytes, &self->short_slots, err);
    }
    self->bytes = self->n_slots * (int64_t)sizeof(*self->long_slots);
    return cni_alloc(allocator, self->bytes, &self->long_slots, err);
}

cn_code
cni_join_table_new(cni_join_table *self, cni_allocator *allocator, int64_t n_rows,
                   int32_t n_partitions, cn_error *err)
{
    if (self->strategy == CNI_JOIN_DENSE) {
        return new_dense(self, allocator, n_partitions, err);
    }
    return new_slots(self, allocator, n_rows, n_partitions, err);
}

void
cni_join_table_done(cni_join_table *self, cni_allocator *allocator, int64_t n_rows)
{
    cni_dealloc(allocator, self->dense, self->bytes);
    cni_dealloc(allocator, self->bits, self->bytes);
    cni_dealloc(allocator, self->short_slots, self->bytes);
    cni_dealloc(allocator, self->long_slots, self->bytes);
    cni_dealloc(allocator, atomic_load(&self->runs), n_rows * (int64_t)sizeof(uint32_t));
    cni_dealloc(allocator, self->codings, self->n_codings * (int64_t)sizeof(*self->codings));
    *self = (cni_join_table){0};
}

/* ---- a partition under way ---- */

typedef struct fill_job {
    cni_join_build *build;
    cni_join_table *table;
    int32_t partition;
    uint64_t low; /* DENSE: codes [low, end) */
    uint64_t end;
    int64_t n_in;          /* slots in use */
    int64_t n_run_rows;    /* rows that share their code with others */
    uint32_t *runs;        /* second pass: where they go */
    uint64_t codes[BLOCK]; /* or 32-bit ones */
    uint64_t valid[BLOCK / 64];
    uint32_t picked[BLOCK + 16];
    int64_t n_picked;
} fill_job;

/* An array of a word per row that all partitions share, made by the first that needs it. */
static cn_code
claim_words(const cni_join_build *build, cni_atomic_ptr *slot, uint32_t **out, cn_error *err)
{
    uint32_t *made = NULL;
    void *seen = atomic_load_explicit(slot, memory_order_acquire);
    const int64_t n_bytes = build->n_rows * (int64_t)sizeof(*made);
    if (seen == NULL) {
        CN_TRY(cni_alloc(build->allocator, n_bytes, &made, err));
        seen = cni_slot_claim(slot, made);
        if (seen != made) {
            cni_dealloc(build->allocator, made, n_bytes);
        }
    }
    *out = seen;
    return CN_OK;
}

/* One more row of a code that is there already. */
static inline void
count_row(fill_job *job, uint32_t *inout_value)
{
    if ((*inout_value & CNI_JOIN_RUN) == 0) {
        *inout_value = CNI_JOIN_RUN | 1;
        job->n_run_rows++;
    }
    ++*inout_value;
    job->n_run_rows++;
}

/* ---- picking rows of the partition ---- */

static void
pick_dense(fill_job *job, int64_t n)
{
    const uint32_t *codes = (const uint32_t *)(const void *)job->codes;
    const uint32_t low = (uint32_t)job->low;
    const uint32_t width = (uint32_t)(job->end - job->low);
    int64_t n_picked = 0;
    for (int64_t row = 0; row < n; row++) {
        job->picked[n_picked] = (uint32_t)row;
        n_picked += codes[row] - low < width;
    }
    job->n_picked = n_picked;
}

static void
pick_short(fill_job *job, int64_t n)
{
    const uint32_t *codes = (const uint32_t *)(const void *)job->codes;
    const int32_t bits = log2_at_least((uint64_t)job->table->n_partitions);
    const uint64_t partition = (uint64_t)job->partition;
    int64_t n_picked = 0;
    for (int64_t row = 0; row < n; row++) {
        const uint64_t hash = cni_join_slot_hash(codes[row]);
        job->picked[n_picked] = (uint32_t)row;
        n_picked +=
            codes[row] != CNI_JOIN_MISS_32 && (bits == 0 || hash >> (64 - bits) == partition);
    }
    job->n_picked = n_picked;
}

static void
pick_long(fill_job *job, int64_t n, bool has_valid)
{
    const int32_t bits = log2_at_least((uint64_t)job->table->n_partitions);
    const uint64_t partition = (uint64_t)job->partition;
    const bool is_hash = job->table->strategy == CNI_JOIN_HASHED;
    int64_t n_picked = 0;
    for (int64_t row = 0; row < n; row++) {
        const uint64_t code = job->codes[row];
        const uint64_t hash = cni_join_slot_hash(code);
        const bool valid = !has_valid || ((job->valid[row >> 6] >> (row & 63)) & 1) != 0;
        job->picked[n_picked] = (uint32_t)row;
        n_picked += valid && (is_hash || code != CNI_JOIN_MISS) &&
                    (bits == 0 || hash >> (64 - bits) == partition);
    }
    job->n_picked = n_picked;
}

/* ---- inserting ---- */

static void
insert_dense(fill_job *job, uint32_t first_row)
{
    const uint32_t *codes = (const uint32_t *)(const void *)job->codes;
    uint32_t *table = job->table->dense;
    for (int64_t at = 0; at < job->n_picked; at++) {
        __builtin_prefetch(&table[codes[job->picked[at]]], 1);
    }
    for (int64_t at = 0; at < job->n_picked; at++) {
        uint32_t *value = &table[codes[job->picked[at]]];
        const uint32_t row = first_row + job->picked[at];
        if (CN_LIKELY(*value == CNI_JOIN_NONE)) {
            *value = row;
        } else {
            count_row(job, value);
        }
    }
}

static void
insert_bits(fill_job *job)
{
    const uint32_t *codes = (const uint32_t *)(const void *)job->codes;
    uint64_t *bits = job->table->bits;
    for (int64_t at = 0; at < job->n_picked; at++) {
        const uint32_t code = codes[job->picked[at]];
        bits[code >> 6] |= UINT64_C(1) << (code & 63);
    }
}

static uint64_t
home_of(const cni_join_table *table, uint64_t code)
{
    return cni_join_slot_hash(code) >> (64 - table->slot_bits);
}

static uint64_t
next_slot(const cni_join_table *table, uint64_t at)
{
    const uint64_t mask = (uint64_t)table->region_slots - 1;
    return (at & ~mask) | ((at + 1) & mask);
}

/* A region keeps an eighth of its slots empty, so that probing ends soon. */
static bool
is_full(fill_job *job)
{
    if (CN_LIKELY(job->n_in < job->table->region_slots - job->table->region_slots / 8)) {
        return false;
    }
    cni_flag_publish(&job->table->overfull, 1);
    return true;
}

static void
insert_short(fill_job *job, uint32_t first_row)
{
    const uint32_t *codes = (const uint32_t *)(const void *)job->codes;
    const cni_join_table *table = job->table;
    cni_join_short_slot *slots = table->short_slots;
    for (int64_t at = 0; at < job->n_picked; at++) {
        __builtin_prefetch(&slots[home_of(table, codes[job->picked[at]])], 1);
    }
    for (int64_t at = 0; at < job->n_picked && !is_full(job); at++) {
        const uint32_t code = codes[job->picked[at]];
        const uint32_t row = table->exists_only ? 0 : first_row + job->picked[at];
        uint64_t home = home_of(table, code);
        while (slots[home].value != CNI_JOIN_NONE && slots[home].code != code) {
            home = next_slot(table, home);
        }
        if (slots[home].value == CNI_JOIN_NONE) {
            slots[home] = (cni_join_short_slot){code, row};
            job->n_in++;
        } else if (!table->exists_only) {
            count_row(job, &slots[home].value);
        }
    }
}

static void
insert_long(fill_job *job, uint32_t first_row)
{
    const cni_join_table *table = job->table;
    cni_join_long_slot *slots = table->long_slots;
    for (int64_t at = 0; at < job->n_picked; at++) {
        __builtin_prefetch(&slots[home_of(table, job->codes[job->picked[at]])], 1);
    }
    for (int64_t at = 0; at < job->n_picked && !is_full(job); at++) {
        const uint64_t code = job->codes[job->picked[at]];
        const uint32_t row = table->exists_only ? 0 : first_row + job->picked[at];
        uint64_t home = home_of(table, code);
        while (slots[home].value != CNI_JOIN_NONE && slots[home].code != code) {
            home = next_slot(table, home);
        }
        if (slots[home].value == CNI_JOIN_NONE) {
            slots[home] = (cni_join_long_slot){code, row, 0};
            job->n_in++;
        } else if (!table->exists_only) {
            count_row(job, &slots[home].value);
        }
    }
}

/* ---- blocks of a piece ---- */

static cn_code
load_hashes(fill_job *job, const cni_join_piece *piece, int64_t first, int64_t n, bool *out_valid,
            cn_error *err)
{
    const cni_join_build *build = job->build;
    const int32_t n_keys = build->join->n_keys;
    const cni_vector *keys = piece->vectors + build->n_stored;
    *out_valid = false;
    for (int32_t key = 0; key < n_keys; key++) {
        const cni_bits valid = keys[key].validity;
        if (build->join->null_equal[key] || valid.data == NULL) {
            continue;
        }
        for (int64_t row = 0; row < n; row += 64) {
            const uint64_t word = cni_bits_word(valid, first + row, cni_min_i64(64, n - row));
            job->valid[row >> 6] = *out_valid ? job->valid[row >> 6] & word : word;
        }
        *out_valid = true;
    }
    if (piece->hashes != NULL) {
        memcpy(job->codes, piece->hashes + first, (size_t)n * sizeof(*job->codes));
        return CN_OK;
    }
    cni_vector *slices = NULL;
    const cni_vector **list = NULL;
    CN_TRY(cni_alloc_zeroed(build->allocator, n_keys * (int64_t)sizeof(*slices), &slices, err));
    cn_code code = cni_alloc(build->allocator, n_keys * (int64_t)sizeof(*list), (void *)&list, err);
    for (int32_t key = 0; code == CN_OK && key < n_keys; key++) {
        cni_vector_slice(&slices[key], &keys[key], first, n);
        list[key] = &slices[key];
    }
    if (code == CN_OK) {
        code = cni_hash_vectors(build->allocator, list, n_keys, n, job->codes, err);
        cni_dealloc(build->allocator, (void *)list, n_keys * (int64_t)sizeof(*list));
    }
    for (int32_t key = 0; key < n_keys; key++) {
        cni_vector_done(&slices[key]);
    }
    cni_dealloc(build->allocator, slices, n_keys * (int64_t)sizeof(*slices));
    return code;
}

/* Codes of a block, and which of its rows are the partition's. */
static cn_code
load_block(fill_job *job, const cni_join_piece *piece, int64_t first, int64_t n, cn_error *err)
{
    const cni_join_table *table = job->table;
    bool has_valid = false;
    if (table->strategy == CNI_JOIN_HASHED) {
        CN_TRY(load_hashes(job, piece, first, n, &has_valid, err));
    } else {
        cni_join_codes(table, piece->vectors + job->build->n_stored, first, n, job->codes);
    }
    if (table->strategy == CNI_JOIN_DENSE) {
        pick_dense(job, n);
    } else if (table->short_codes) {
        pick_short(job, n);
    } else {
        pick_long(job, n, has_valid);
    }
    return CN_OK;
}

static void
insert_block(fill_job *job, uint32_t first_row)
{
    const cni_join_table *table = job->table;
    if (table->strategy == CNI_JOIN_DENSE && table->exists_only) {
        insert_bits(job);
    } else if (table->strategy == CNI_JOIN_DENSE) {
        insert_dense(job, first_row);
    } else if (table->short_codes) {
        insert_short(job, first_row);
    } else {
        insert_long(job, first_row);
    }
}

/* ---- the second pass ---- */

/* Where the value of a code that is in the table lies. */
static uint32_t *
find_value(const fill_job *job, uint32_t row)
{
    const cni_join_table *table = job->table;
    const uint32_t *short_codes = (const uint32_t *)(const void *)job->codes;
    if (table->strategy == CNI_JOIN_DENSE) {
        return &table->dense[short_codes[row]];
    }
    if (table->short_codes) {
        uint64_t home = home_of(table, short_codes[row]);
        while (table->short_slots[home].code != short_codes[row]) {
            home = next_slot(table, home);
        }
        return &table->short_slots[home].value;
    }
    uint64_t home = home_of(table, job->codes[row]);
    while (table->long_slots[home].code != job->codes[row] ||
           table->long_slots[home].value == CNI_JOIN_NONE) {
        home = next_slot(table, home);
    }
    return &table->long_slots[home].value;
}

static void
prefetch_values(const fill_job *job)
{
    const cni_join_table *table = job->table;
    const uint32_t *short_codes = (const uint32_t *)(const void *)job->codes;
    for (int64_t at = 0; at < job->n_picked; at++) {
        const uint32_t row = job->picked[at];
        if (table->strategy == CNI_JOIN_DENSE) {
            __builtin_prefetch(&table->dense[short_codes[row]], 1);
        } else if (table->short_codes) {
            __builtin_prefetch(&table->short_slots[home_of(table, short_codes[row])], 1);
        } else {
            __builtin_prefetch(&table->long_slots[home_of(table, job->codes[row])], 1);
        }
    }
}

/* Rows of runs go where their code's value says, which moves on. */
static void
place_block(fill_job *job, uint32_t first_row)
{
    prefetch_values(job);
    for (int64_t at = 0; at < job->n_picked; at++) {
        uint32_t *value = find_value(job, job->picked[at]);
        if ((*value & CNI_JOIN_RUN) != 0) {
            uint32_t *place = &job->runs[*value & ~CNI_JOIN_RUN];
            *place |= first_row + job->picked[at]; /* beside the mark of the last one */
            ++*value;
        }
    }
}

/* ---- empty slots ---- */

cn_code
cni_join_clear(const cni_join_build *build, void *out, int byte, size_t n_bytes, cn_error *err)
{
    uint8_t *bytes = out;
    for (size_t at = 0; at < n_bytes; at += CLEAR_BYTES) {
        const size_t n_left = n_bytes - at;
        CN_TRY(cni_context_check(build->base.context, err));
        memset(bytes + at, byte, n_left < CLEAR_BYTES ? n_left : CLEAR_BYTES);
    }
    return CN_OK;
}

static cn_code
clear_dense(fill_job *job, cn_error *err)
{
    const cni_join_table *table = job->table;
    const uint64_t n_partitions = (uint64_t)table->n_partitions;
    const uint64_t unit = (table->n_codes / n_partitions + 63) & ~UINT64_C(63);
    const bool is_last = job->partition == table->n_partitions - 1;
    job->low = unit * (uint64_t)job->partition;
    job->end = job->low + unit;
    job->low = job->low < table->n_codes ? job->low : table->n_codes;
    job->end = is_last || job->end > table->n_codes ? table->n_codes : job->end;
    if (table->exists_only) {
        const uint64_t first = (job->low + 63) >> 6;
        const uint64_t end =
            is_last ? (uint64_t)cni_bits_words((int64_t)table->n_codes) + 1 : (job->end + 63) >> 6;
        return cni_join_clear(job->build, table->bits + first, 0,
                              (end - first) * sizeof(*table->bits), err);
    }
    const uint64_t n = job->end - job->low + (is_last ? 1 : 0);
    return cni_join_clear(job->build, table->dense + job->low, 0xFF, n * sizeof(*table->dense),
                          err);
}

static cn_code
clear_slots(const fill_job *job, cn_error *err)
{
    const cni_join_table *table = job->table;
    const size_t n = (size_t)table->region_slots;
    const size_t first = n * (size_t)job->partition;
    if (table->short_codes) {
        return cni_join_clear(job->build, table->short_slots + first, 0xFF,
                              n * sizeof(*table->short_slots), err);
    }
    return cni_join_clear(job->build, table->long_slots + first, 0xFF,
                          n * sizeof(*table->long_slots), err);
}

/* ---- runs ---- */

static uint32_t *
value_at(const fill_job *job, int64_t at)
{
    const cni_join_table *table = job->table;
    if (table->strategy == CNI_JOIN_DENSE) {
        return &table->dense[job->low + (uint64_t)at];
    }
    const int64_t slot = table->region_slots * job->partition + at;
    return table->short_codes ? &table->short_slots[slot].value : &table->long_slots[slot].value;
}

static int64_t
n_values(const fill_job *job)
{
    return job->table->strategy == CNI_JOIN_DENSE ? (int64_t)(job->end - job->low)
                                                  : job->table->region_slots;
}

static bool
is_run(uint32_t value)
{
    return value != CNI_JOIN_NONE && (value & CNI_JOIN_RUN) != 0;
}

/* Counts become places from `first` on; the last row of each is marked. */
static void
open_runs(const fill_job *job, int64_t first)
{
    const int64_t n = n_values(job);
    memset(job->runs + first, 0, (size_t)job->n_run_rows * sizeof(*job->runs));
    for (int64_t at = 0; at < n; at++) {
        uint32_t *value = value_at(job, at);
        if (is_run(*value)) {
            const int64_t n_rows = *value & ~CNI_JOIN_RUN;
            *value = (uint32_t)first | CNI_JOIN_RUN;
            first += n_rows;
            job->runs[first - 1] = CNI_JOIN_RUN;
        }
    }
}

/* Values, which have moved to the ends of their runs, go back to the beginnings. */
static void
close_runs(const fill_job *job, int64_t first)
{
    const int64_t n = n_values(job);
    for (int64_t at = 0; at < n; at++) {
        uint32_t *value = value_at(job, at);
        if (is_run(*value)) {
            const int64_t end = *value & ~CNI_JOIN_RUN;
            *value = (uint32_t)first | CNI_JOIN_RUN;
            first = end;
        }
    }
}

/* All blocks of all pieces, to be inserted or to be placed. */
static cn_code
pass(fill_job *job, bool places, cn_error *err)
{
    const cni_join_build *build = job->build;
    for (int64_t at = 0; at < build->n_pieces; at++) {
        const cni_join_piece *piece = build->pieces[at];
        for (int64_t first = 0; first < piece->n_rows; first += BLOCK) {
            CN_TRY(cni_context_check(build->base.context, err));
            const int64_t n = cni_min_i64(BLOCK, piece->n_rows - first);
            const uint32_t first_row = (uint32_t)(piece->first_row + first);
            CN_TRY(load_block(job, piece, first, n, err));
            if (places) {
                place_block(job, first_row);
            } else {
                insert_block(job, first_row);
            }
        }
        if (cni_flag_consume(&job->table->overfull) != 0) {
            return CN_OK; /* it is made again */
        }
    }
    return CN_OK;
}

static cn_code
fill(fill_job *job, cn_error *err)
{
    cni_join_table *table = job->table;
    CN_TRY(table->strategy == CNI_JOIN_DENSE ? clear_dense(job, err) : clear_slots(job, err));
    CN_TRY(pass(job, false, err));
    if (job->n_run_rows == 0 || cni_flag_consume(&table->overfull) != 0) {
        return CN_OK;
    }
    CN_TRY(claim_words(job->build, &table->runs, &job->runs, err));
    const int64_t first = cni_counter_add(&table->n_run_rows, job->n_run_rows);
    open_runs(job, first);
    CN_TRY(pass(job, true, err));
    close_runs(job, first);
    return CN_OK;
}

cn_code
cni_join_table_fill(cni_join_build *build, int32_t partition, cn_error *err)
{
    fill_job *job = NULL;
    CN_TRY(cni_alloc(build->allocator, (int64_t)sizeof(*job), &job, err));
    job->build = build;
    job->table = &build->table;
    job->partition = partition;
    job->n_in = 0;
    job->n_run_rows = 0;
    job->runs = NULL;
    const cn_code code = fill(job, err);
    cni_dealloc(build->allocator, job, (int64_t)sizeof(*job));
    return code;
}
