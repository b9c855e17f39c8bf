/* SPDX-License-Identifier: Apache-2.0
 *
 * The build side of a join that does not fit: when partitions go to disk, and their rows. What is
 * asked after each chunk: would what all workers hold, and a table over it, leave the next operator
 * its half? If not, as many partitions as needed go, at least a quarter of those that are left.
 */
#include "exec/join/join_spill_int.h"

#include "data/row/hash.h"

#define ROW_BYTES        32 /* of a table, about */
#define TEXT_BYTES       80 /* of a string or nested value, about */
#define FLOOR_BYTES      (INT64_C(1) << 18)
#define FLOOR_PART       64 /* of what the query uses, shared by its workers */
#define SETTLE_PART      32 /* of what the query uses: a worker takes it before more partitions go */
#define BLOOM_LEAST      4096
#define BLOOM_PART       64 /* of what the query may use */
#define BLOOM_MOST       (INT64_C(1) << 28)
#define BLOOM_ROW_BITS   16
#define SEEN_PART        4 /* that part of the rows is expected to be there when the first go */
#define BLOOM_LEAST_BITS 5 /* per row: with fewer nearly every row passes */

/* ---- life ---- */

static void
free_written(cni_join_spill *self)
{
    while (self->written != NULL) {
        cni_join_written *next = self->written->next;
        for (int32_t part = 0; part < CNI_SPILL_PARTITIONS; part++) {
            cni_spill_rows_done(&self->written->rows[part]);
        }
        cni_dealloc(self->allocator, self->written, (int64_t)sizeof(*self->written));
        self->written = next;
    }
}

void
cni_join_spill_free(cni_join_spill *self)
{
    if (self == NULL) {
        return;
    }
    free_written(self);
    for (int32_t part = 0; part < CNI_SPILL_PARTITIONS; part++) {
        cni_spill_rows_done(&self->build_rows[part]);
        cni_spill_rows_done(&self->probe_rows[part]);
    }
    cni_dealloc(self->allocator, self->bloom, self->n_bloom_words * (int64_t)sizeof(*self->bloom));
    cni_arena_unref(self->arena);
    if (self->owns_file) {
        cni_spill_close(self->file);
    }
    cni_mutex_done(&self->mutex);
    cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
}

/* Bytes that the query may use, about. */
static int64_t
query_bytes(const cni_join_build *build)
{
    const cni_context *context = build->base.context;
    const int64_t left = cni_memory_left(build->base.budget, context);
    const int64_t used = cni_budget_current_bytes(context->budget);
    return left == INT64_MAX ? left : cni_max_i64(0, left) + used;
}

/* Rows that the build will have. */
static int64_t
expected_rows(const cni_join_build *build)
{
    const double estimate = build->origin.root != NULL ? (double)build->origin.expected_rows
                                                       : build->join->estimated_build_rows;
    const int64_t seen = SEEN_PART * cni_counter_get(&build->n_held_rows);
    return estimate > 1e12 ? seen : cni_max_i64((int64_t)estimate, seen);
}

/* Advisory: refused, there is none. */
static cn_code
make_bloom(cni_join_spill *self, const cni_join_build *build, cn_error *err)
{
    cn_error refused = CN_ERROR_INIT;
    const int64_t wanted = expected_rows(build) * BLOOM_ROW_BITS / 8;
    const int64_t most = cni_min_i64(query_bytes(build) / BLOOM_PART, BLOOM_MOST);
    const int64_t n_words = cni_max_i64(cni_min_i64(wanted, most), BLOOM_LEAST) / 8;
    if (self->lone || cni_alloc(self->allocator, n_words * 8, &self->bloom, &refused) != CN_OK) {
        return CN_OK;
    }
    self->n_bloom_words = n_words;
    return cni_join_clear(build, self->bloom, 0, (size_t)n_words * 8, err);
}

static cn_code
init(cni_join_spill *self, const cni_join_build *build, cn_error *err)
{
    const cni_context *context = build->base.context;
    self->level = build->origin.level;
    self->lone = build->join->n_keys == 0 || build->compares_nulls;
    self->n_partitions = self->lone ? 1 : CNI_SPILL_PARTITIONS;
    self->file = build->origin.file;
    if (self->file == NULL) {
        CN_TRY(cni_spill_create(context->spill, "join", &self->file, err));
        self->owns_file = true;
    }
    CN_TRY(cni_arena_new(self->allocator, "join spill", &self->arena, err));
    CN_TRY(cni_join_spill_place(self, build, err));
    return make_bloom(self, build, err);
}

/* The build's, made by the first that needs it. */
static cn_code
open_spill(cni_join_build *build, cni_join_spill **out_spill, cn_error *err)
{
    cni_join_spill *self = NULL;
    *out_spill = cni_join_spill_of(build);
    if (*out_spill != NULL) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_zeroed(build->allocator, (int64_t)sizeof(*self), &self, err));
    self->allocator = build->allocator;
    cni_mutex_init(&self->mutex);
    const cn_code code = init(self, build, err);
    if (code == CN_OK) {
        *out_spill = cni_slot_claim(&build->spill, self);
    }
    if (*out_spill != self) {
        cni_join_spill_free(self);
    }
    return code;
}

void
cni_join_drop_spilled(cni_join_data *data, cni_allocator *allocator)
{
    cni_spill_writer_free(CN_MOVE(data->writer));
    for (int32_t part = 0; data->spilled != NULL && part < CNI_SPILL_PARTITIONS; part++) {
        cni_spill_rows_done(&data->spilled[part]);
    }
    cni_dealloc(allocator, data->spilled, CNI_SPILL_PARTITIONS * (int64_t)sizeof(*data->spilled));
    data->spilled = NULL;
}

cn_code
cni_join_end_writer(cni_join_build *build, cni_join_data *data, cn_error *err)
{
    if (data->writer == NULL) {
        return CN_OK;
    }
    if (data->spilled == NULL) {
        CN_TRY(cni_alloc_zeroed(build->allocator,
                                CNI_SPILL_PARTITIONS * (int64_t)sizeof(*data->spilled),
                                &data->spilled, err));
    }
    CN_TRY(cni_spill_writer_finish(data->writer, data->spilled, err));
    cni_spill_writer_free(CN_MOVE(data->writer));
    return CN_OK;
}

/* ---- what is held ---- */

static int64_t
piece_bytes(const cni_join_build *build, const cni_join_piece *piece)
{
    const cni_phys_join *join = build->join;
    int64_t n_bytes = (int64_t)(sizeof(*piece) + (size_t)piece->n_vectors * sizeof(cni_vector));
    for (int32_t at = 0; at < piece->n_vectors; at++) {
        const int32_t key = at - build->n_stored;
        const bool is_stored = key >= 0 && build->stored_of[join->build_keys[key]] >= 0;
        n_bytes += is_stored ? 0 : cni_join_vector_bytes(&piece->vectors[at]);
    }
    return n_bytes + (piece->hashes == NULL ? 0 : piece->n_rows * (int64_t)sizeof(uint64_t));
}

/* Pieces that have come since the last time. */
static void
measure(cni_join_build *build, cni_join_data *data)
{
    cni_join_piece *piece = data->measured == NULL ? data->first : data->measured->next;
    int64_t n_bytes = 0;
    int64_t n_rows = 0;
    for (; piece != NULL; piece = piece->next) {
        piece->n_bytes = piece_bytes(build, piece);
        n_bytes += piece->n_bytes;
        n_rows += piece->n_rows;
    }
    data->measured = data->last;
    data->n_held_bytes += n_bytes;
    (void)cni_counter_add(&build->n_held_bytes, n_bytes);
    (void)cni_counter_add(&build->n_held_rows, n_rows);
}

/* The piece is not held any more, or is about to change. */
static void
forget(cni_join_build *build, cni_join_data *data, const cni_join_piece *piece)
{
    if (piece->n_bytes > 0) {
        data->n_held_bytes -= piece->n_bytes;
        (void)cni_counter_add(&build->n_held_bytes, -piece->n_bytes);
        (void)cni_counter_add(&build->n_held_rows, -piece->n_rows);
    }
}

/* ---- which partitions go ---- */

static uint64_t
mask_of(int32_t n_kept)
{
    return n_kept >= CNI_SPILL_PARTITIONS ? 0 : ~UINT64_C(0) << n_kept;
}

static int32_t
count_kept(const cni_join_build *build)
{
    return __builtin_popcountll(~cni_join_spill_mask(build));
}

/* How many partitions may stay, of those that have so far. */
static int32_t
choose_kept(const cni_join_build *build)
{
    const cni_context *context = build->base.context;
    const int32_t n_kept = count_kept(build);
    const int64_t held = cni_counter_get(&build->n_held_bytes);
    const int64_t table = cni_counter_get(&build->n_held_rows) * ROW_BYTES;
    const int64_t may_keep = cni_memory_may_keep(build->base.budget, context, held);
    const int64_t needed = held + table;
    if (needed <= may_keep || n_kept == 0) {
        return n_kept;
    }
    const int32_t fitting = (int32_t)((double)n_kept * 0.9 * (double)may_keep / (double)needed);
    return (int32_t)cni_min_i64(fitting, (int64_t)n_kept * 3 / 4);
}

static void
keep_only(cni_join_spill *spill, int32_t n_kept)
{
    const uint64_t mask =
        spill->lone && n_kept < CNI_SPILL_PARTITIONS ? ~UINT64_C(0) : mask_of(n_kept);
    int64_t seen = cni_flag_consume(&spill->mask);
    while (((uint64_t)seen & mask) != mask &&
           !cni_slot_swap(&spill->mask, seen, (int64_t)((uint64_t)seen | mask))) {
        seen = cni_flag_consume(&spill->mask);
    }
}

static bool
may_spill(const cni_join_build *build)
{
    return build->base.context->spill != NULL && build->join->may_spill &&
           !build->origin.never_spills && build->n_stored + build->join->n_keys > 0;
}

static bool
is_forced(const cni_join_build *build)
{
    return build->base.context->settings.test_spill && build->origin.level < CNI_JOIN_TEST_LEVELS;
}

/* Of a row of the build with its place in a table, long strings guessed. */
static int64_t
guessed_bytes(const cni_join_build *build)
{
    const cni_phys_join *join = build->join;
    int64_t n_bytes = ROW_BYTES;
    for (int32_t at = 0; at < build->n_stored + join->n_keys; at++) {
        const int32_t key = at - build->n_stored;
        const cni_type *type =
            join->build_types[key < 0 ? build->stored[at] : join->build_keys[key]];
        const cni_phys phys = cni_type_phys(type);
        n_bytes += phys == CNI_PHYS_VIEW || phys == CNI_PHYS_NONE ? TEXT_BYTES
                                                                  : cni_phys_bytes(phys, type);
    }
    return n_bytes;
}

/* Far from any limit: nothing need be measured. What is held may be charged to others. */
static bool
has_plenty(const cni_join_build *build, const cni_join_data *first)
{
    const cni_context *context = build->base.context;
    const int64_t left = cni_memory_left(build->base.budget, context);
    int64_t n_rows = 0;
    for (const cni_join_data *data = first; data != NULL; data = data->next) {
        n_rows += data->n_rows * (data->next == NULL && data == first ? build->base.n_workers : 1);
    }
    return left / 2 >= cni_budget_current_bytes(context->budget) + n_rows * guessed_bytes(build);
}

static bool
is_small(const cni_join_build *build, const cni_join_data *data)
{
    const cni_context *context = build->base.context;
    const int64_t used = cni_budget_current_bytes(context->budget);
    const int64_t least = used / FLOOR_PART / context->settings.n_threads;
    return data->n_held_bytes < cni_max_i64(least, FLOOR_BYTES);
}

/* ---- rows ---- */

/* What is needed to divide a piece. */
typedef struct divide_job {
    cni_join_build *build;
    cni_join_data *data;
    cni_join_spill *spill;
    cni_join_piece *piece;
    uint64_t mask;
    int64_t cap_rows;
    uint64_t *hashes;
    uint32_t *kept;   /* rows that stay */
    uint32_t *leaves; /* the others, by partition */
    uint8_t *parts;
    int64_t n_kept;
    int64_t ends[CNI_SPILL_PARTITIONS]; /* in `leaves` */
} divide_job;

static int64_t
room_bytes(int64_t n_rows)
{
    return n_rows * (int64_t)(sizeof(uint64_t) + 2 * sizeof(uint32_t) + sizeof(uint8_t));
}

static cn_code
make_room(divide_job *job, cn_error *err)
{
    const int64_t n = job->piece->n_rows;
    if (n <= job->cap_rows) {
        return CN_OK;
    }
    cni_dealloc(job->build->allocator, job->hashes, room_bytes(job->cap_rows));
    job->cap_rows = 0;
    CN_TRY(cni_alloc(job->build->allocator, room_bytes(n), &job->hashes, err));
    job->cap_rows = n;
    job->kept = (uint32_t *)(void *)(job->hashes + n);
    job->leaves = job->kept + n;
    job->parts = (uint8_t *)(job->leaves + n);
    return CN_OK;
}

static cn_code
hash_rows(divide_job *job, cn_error *err)
{
    const cni_join_build *build = job->build;
    const cni_join_piece *piece = job->piece;
    const int32_t n_keys = build->join->n_keys;
    const cni_vector **list = NULL;
    if (piece->n_rows == 0) {
        return CN_OK; /* and there is no room */
    }
    CN_ASSERT(job->hashes != NULL);
    if (piece->hashes != NULL) {
        memcpy(job->hashes, piece->hashes, (size_t)piece->n_rows * sizeof(*job->hashes));
        return CN_OK;
    }
    CN_TRY(cni_alloc(build->allocator, n_keys * (int64_t)sizeof(*list), (void *)&list, err));
    for (int32_t key = 0; key < n_keys; key++) {
        list[key] = &piece->vectors[build->n_stored + key];
    }
    const cn_code code = cni_hash_vectors(build->base.context->allocator, list, n_keys,
                                          piece->n_rows, job->hashes, err);
    cni_dealloc(build->allocator, (void *)list, n_keys * (int64_t)sizeof(*list));
    return code;
}

static void
add_to_bloom(const divide_job *job)
{
    cni_atomic_i64 *words = job->spill->bloom;
    const int64_t n_words = job->spill->n_bloom_words;
    for (int64_t row = 0; words != NULL && row < job->piece->n_rows; row++) {
        const uint64_t hash = job->hashes[row];
        if ((job->mask >> job->parts[row] & 1) != 0) {
            cni_counter_set_bits(&words[cni_join_bloom_word(hash, n_words)],
                                 cni_join_bloom_bits(hash));
        }
    }
}

/* Rows that stay, and the others partition by partition. */
static void
sort_rows(divide_job *job)
{
    const int64_t n_rows = job->piece->n_rows;
    int64_t counts[CNI_SPILL_PARTITIONS] = {0};
    int64_t starts[CNI_SPILL_PARTITIONS];
    int64_t start = 0;
    for (int64_t row = 0; row < n_rows; row++) {
        job->parts[row] = cni_spill_partition(job->hashes[row], job->spill->level);
        counts[job->parts[row]]++;
    }
    for (int32_t part = 0; part < CNI_SPILL_PARTITIONS; part++) {
        starts[part] = start;
        start += (job->mask >> part & 1) != 0 ? counts[part] : 0;
        job->ends[part] = start;
    }
    job->n_kept = 0;
    for (int64_t row = 0; row < n_rows; row++) {
        const uint8_t part = job->parts[row];
        if ((job->mask >> part & 1) != 0) {
            job->leaves[starts[part]++] = (uint32_t)row;
        } else {
            job->kept[job->n_kept++] = (uint32_t)row;
        }
    }
}

static cn_code
write_rows(const divide_job *job, const cni_vector *columns, cn_error *err)
{
    cni_spill_writer *writer = job->data->writer;
    int64_t first = 0;
    if (job->spill->lone) {
        return cni_spill_writer_add(writer, 0, columns, NULL, job->piece->n_rows, err);
    }
    if (job->n_kept == 0) {
        return cni_spill_writer_scatter(writer, columns, job->piece->n_rows, job->parts, err);
    }
    for (int32_t part = 0; part < CNI_SPILL_PARTITIONS; part++) {
        const int64_t n = job->ends[part] - first;
        if (n > 0) {
            CN_TRY(cni_spill_writer_add(writer, part, columns, job->leaves + first, n, err));
        }
        first = job->ends[part];
    }
    return CN_OK;
}

/* The columns to be written are borrowed from the piece. */
static cn_code
write_piece(const divide_job *job, cn_error *err)
{
    const cni_join_spill *spill = job->spill;
    cni_allocator *allocator = job->build->allocator;
    const int64_t n_bytes = spill->n_build * (int64_t)sizeof(cni_vector);
    cni_vector *columns = NULL;
    if (job->data->writer == NULL) {
        CN_TRY(cni_spill_writer_new(&spill->build_layout, &job->data->writer, err));
    }
    CN_TRY(cni_alloc(allocator, n_bytes, &columns, err));
    for (int32_t at = 0; at < spill->n_build; at++) {
        columns[at] = job->piece->vectors[spill->build_from[at]];
    }
    const cn_code code = write_rows(job, columns, err);
    cni_dealloc(allocator, columns, n_bytes);
    return code;
}

/* Rows of the mask leave the piece. */
static cn_code
divide(divide_job *job, cn_error *err)
{
    CN_TRY(cni_context_check(job->build->base.context, err));
    CN_TRY(make_room(job, err));
    job->n_kept = 0;
    if (!job->spill->lone) {
        CN_TRY(hash_rows(job, err));
        sort_rows(job);
        if (job->n_kept == job->piece->n_rows) {
            return CN_OK;
        }
        add_to_bloom(job);
    }
    CN_TRY(write_piece(job, err));
    return cni_join_piece_narrow(job->build, job->piece, job->kept, job->n_kept, true, err);
}

static void
append(cni_join_data *data, cni_join_piece *piece)
{
    piece->next = NULL;
    data->n_rows += piece->n_rows;
    if (data->last == NULL) {
        data->first = piece;
    } else {
        data->last->next = piece;
    }
    data->last = piece;
}

/* All pieces again, rows of the mask leave them. */
static cn_code
catch_up(cni_join_build *build, cni_join_data *data, cni_join_spill *spill, cn_error *err)
{
    divide_job job = {.build = build, .data = data, .spill = spill};
    cni_join_piece *piece = data->first;
    cn_code code = CN_OK;
    job.mask = (uint64_t)cni_flag_consume(&spill->mask);
    data->first = NULL;
    data->last = NULL;
    data->measured = NULL;
    data->n_rows = 0;
    while (piece != NULL) {
        cni_join_piece *next = piece->next;
        forget(build, data, piece);
        piece->n_bytes = 0;
        job.piece = piece;
        code = code == CN_OK ? divide(&job, err) : code;
        if (piece->n_rows > 0) {
            append(data, piece);
        } else {
            piece->next = NULL;
            cni_join_pieces_free(build->allocator, piece);
        }
        piece = next;
    }
    cni_dealloc(build->allocator, job.hashes, room_bytes(job.cap_rows));
    data->mask = job.mask;
    if (!is_forced(build)) {
        measure(build, data);
    }
    data->n_settled_bytes = data->n_held_bytes;
    return code;
}

/* Straight to the writer. The piece stays the caller's. */
static cn_code
divide_one(cni_join_build *build, cni_join_data *data, cni_join_piece *piece, cn_error *err)
{
    divide_job job = {.build = build,
                      .data = data,
                      .spill = cni_join_spill_of(build),
                      .piece = piece,
                      .mask = data->mask};
    const cn_code code = divide(&job, err);
    cni_dealloc(build->allocator, job.hashes, room_bytes(job.cap_rows));
    return code;
}

/* The others have not caught up with the last partitions that went, and there is time for it. */
static bool
is_settling(const cni_join_build *build, const cni_join_data *data)
{
    const int64_t used = cni_budget_current_bytes(build->base.context->budget);
    return data->mask != 0 && data->n_held_bytes - data->n_settled_bytes < used / SETTLE_PART &&
           cni_memory_left(build->base.budget, build->base.context) >= 0;
}

/* More partitions go when what is held is too much. */
static cn_code
relieve(cni_join_build *build, cni_join_data *data, cn_error *err)
{
    cni_join_spill *spill = NULL;
    int32_t n_kept = 0;
    if (!is_forced(build)) {
        if (has_plenty(build, data) || data->first == NULL) {
            return CN_OK;
        }
        measure(build, data);
        n_kept = choose_kept(build);
        if (n_kept == count_kept(build) || is_small(build, data) || is_settling(build, data)) {
            return CN_OK;
        }
    }
    CN_TRY(open_spill(build, &spill, err));
    keep_only(spill, n_kept);
    return catch_up(build, data, spill, err);
}

cn_code
cni_join_take_piece(cni_join_build *build, cni_join_data *data, cni_join_piece *own_piece,
                    cn_error *err)
{
    const uint64_t mask = cni_join_spill_mask(build);
    cn_code code = CN_OK;
    if (mask != data->mask) {
        code = catch_up(build, data, cni_join_spill_of(build), err);
    }
    if (code == CN_OK && data->mask != 0) {
        code = divide_one(build, data, own_piece, err);
    }
    if (code != CN_OK || own_piece->n_rows == 0) {
        cni_join_pieces_free(build->allocator, own_piece);
        return code;
    }
    append(data, own_piece);
    return may_spill(build) ? relieve(build, data, err) : CN_OK;
}

/* ---- settling ---- */

static cn_code
choose_finally(cni_join_build *build, cni_join_spill **out_spill, cn_error *err)
{
    *out_spill = cni_join_spill_of(build);
    if (!may_spill(build) || build->gives_rows || is_forced(build) ||
        has_plenty(build, build->all)) {
        return CN_OK;
    }
    for (cni_join_data *data = build->all; data != NULL; data = data->next) {
        measure(build, data);
    }
    const int32_t n_kept = choose_kept(build);
    if (n_kept == count_kept(build) || cni_counter_get(&build->n_held_bytes) < FLOOR_BYTES) {
        return CN_OK;
    }
    CN_TRY(open_spill(build, out_spill, err));
    keep_only(*out_spill, n_kept);
    return CN_OK;
}

/* A bloom that nearly every row would pass goes. */
static void
judge_bloom(cni_join_spill *self, int64_t n_rows)
{
    if (self->n_bloom_words * 64 < n_rows * BLOOM_LEAST_BITS) {
        cni_dealloc(self->allocator, self->bloom,
                    self->n_bloom_words * (int64_t)sizeof(*self->bloom));
        self->bloom = NULL;
        self->n_bloom_words = 0;
    }
}

static cn_code
unite_lists(cni_join_build *build, cni_join_spill *spill, cn_error *err)
{
    cni_join_build *root = cni_join_root(build);
    int64_t n_rows = 0;
    for (cni_join_data *data = build->all; data != NULL; data = data->next) {
        for (int32_t part = 0; data->spilled != NULL && part < spill->n_partitions; part++) {
            CN_TRY(cni_spill_rows_absorb(&spill->build_rows[part], &data->spilled[part], err));
        }
        cni_join_drop_spilled(data, build->allocator);
    }
    for (int32_t part = 0; part < spill->n_partitions; part++) {
        n_rows += spill->build_rows[part].n_rows;
        (void)cni_counter_add(&root->n_spilled_parts, spill->build_rows[part].n_rows > 0 ? 1 : 0);
        (void)cni_counter_add(&root->n_spilled_bytes, spill->build_rows[part].n_bytes);
    }
    cni_counter_max(&root->n_levels, build->origin.level + 1);
    judge_bloom(spill, n_rows);
    return CN_OK;
}

cn_code
cni_join_spill_settle(cni_join_build *build, cn_error *err)
{
    cni_join_spill *spill = NULL;
    CN_TRY(choose_finally(build, &spill, err));
    if (spill == NULL) {
        return CN_OK;
    }
    const uint64_t mask = (uint64_t)cni_flag_consume(&spill->mask);
    for (cni_join_data *data = build->all; data != NULL; data = data->next) {
        if (data->mask != mask) {
            CN_TRY(catch_up(build, data, spill, err));
        }
        CN_TRY(cni_join_end_writer(build, data, err));
    }
    return unite_lists(build, spill, err);
}
