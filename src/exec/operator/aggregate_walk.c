/* SPDX-License-Identifier: Apache-2.0
 *
 * One partition at a time: blocks of the file and pages of the workers become groups that hold each
 * key once, for whoever reads them; then the next.
 *
 *   source -> frames -> united into the pages of a piece          it fits: that is the piece
 *                    -> too large: what has been united and the rest of the source go to 64 parts
 * by the next bits of the hash, on disk        each part is a source again
 *
 * The sources of sets are split by the same bits, so that a part's groups and their distinct values
 * meet. What is in memory of the workers is copied: a partition may be read more than once. What
 * does not shrink (states of one group) stays a piece: states that are lists go through sorts on
 * disk then (aggregate_sorted.c); for others the budget refuses when it must.
 */
#include "exec/operator/aggregate_sorted_int.h"

#define MIN_SPLIT_GROUPS 16 /* fewer are not split: their states are what is large */
#define TEST_LEVELS      2  /* to which test_spill splits */
#define MIN_SPLIT_BYTES  (INT64_C(1) << 20)
#define MIN_SEEN_ROWS    4096

/* ---- levels ---- */

void
cni_agg_blocks_drop(const cni_agg_operator *self, cni_agg_blocks *blocks)
{
    for (int64_t at = 0; at < blocks->n_blocks; at++) {
        if (blocks->blocks[at].bytes == NULL) {
            cni_spill_discard(cni_agg_file(self), blocks->blocks[at].offset,
                              blocks->blocks[at].n_bytes);
        }
    }
    cni_agg_blocks_done(self, blocks);
}

void
cni_agg_level_free(const cni_agg_operator *self, cni_agg_level *level)
{
    if (level == NULL) {
        return;
    }
    for (int32_t part = 0; part < CNI_AGG_PARTITIONS; part++) {
        cni_agg_blocks_drop(self, &level->parts[part]);
    }
    for (int32_t set = 0; level->sets != NULL && set < self->n_sets; set++) {
        cni_agg_level_free(&self->sets[set].op, level->sets[set]);
    }
    cni_dealloc(self->allocator, (void *)level->sets, self->n_sets * (int64_t)sizeof(*level->sets));
    cni_dealloc(self->allocator, level, (int64_t)sizeof(*level));
}

/* ---- the walk's own state ---- */

void
cni_agg_walk_begin(cni_agg_walk *self, cni_agg_operator *op, cni_agg_source source,
                   int32_t first_level)
{
    *self = (cni_agg_walk){
        .op = op, .source = source, .hashed = op->layout, .first_level = first_level};
}

static void
free_pages(cni_agg_walk *self)
{
    for (int32_t part = 0; self->pages != NULL && part < CNI_AGG_PARTITIONS; part++) {
        cni_agg_pages_free(self->op, &self->pages[part]);
    }
    cni_dealloc(self->op->allocator, self->pages,
                CNI_AGG_PARTITIONS * (int64_t)sizeof(*self->pages));
    self->pages = NULL;
    self->n_rows = 0;
    self->splits = false;
}

static void
end_uniting(cni_agg_walk *self)
{
    if (self->uniting.op != NULL) {
        cni_agg_uniting_end(&self->uniting);
        self->uniting.op = NULL;
    }
}

/* The piece goes, its pages stay for the next one. */
static void
drop_piece(cni_agg_walk *self)
{
    cni_agg_final *final = &self->final;
    for (int64_t at = 0; at < final->n_pages; at++) {
        if (final->pages[at] != NULL) {
            final->pages[at]->next = self->spare;
            self->spare = final->pages[at];
            final->pages[at] = NULL;
        }
    }
    cni_agg_final_done(self->op, final);
}

static void
free_spare(cni_agg_walk *self)
{
    while (self->spare != NULL) {
        cni_agg_page *page = self->spare;
        self->spare = page->next;
        cni_agg_page_free(self->op, page);
    }
}

void
cni_agg_walk_end(cni_agg_walk *self)
{
    cni_agg_operator *op = self->op;
    if (op == NULL) {
        return;
    }
    for (int32_t at = 0; at < CNI_SPILL_MAX_LEVEL; at++) {
        cni_agg_level_free(op, self->levels[at]);
    }
    end_uniting(self);
    cni_agg_final_done(op, &self->final);
    free_spare(self);
    free_pages(self);
    cni_agg_sorted_free(self->sorted);
    cni_arena_unref(self->lists);
    cni_dealloc(op->allocator, self->rows, self->n_row_bytes);
    cni_dealloc(op->allocator, self->bytes, self->cap_bytes);
    cni_arena_unref(self->scratch);
    *self = (cni_agg_walk){0};
}

/* Nothing points at lists that have been read. */
static cn_code
renew_lists(cni_agg_walk *self, cn_error *err)
{
    cni_arena_unref(CN_MOVE(self->lists));
    return self->op->layout->has_lists
               ? cni_arena_new(self->op->allocator, "values", &self->lists, err)
               : CN_OK;
}

static cn_code
prepare(cni_agg_walk *self, cn_error *err)
{
    const cni_agg_layout *layout = self->op->layout;
    if (self->rows == NULL) {
        const int64_t n_bytes = (int64_t)layout->row_bytes << layout->page_shift;
        CN_TRY(cni_alloc(self->op->allocator, n_bytes, &self->rows, err));
        self->n_row_bytes = n_bytes;
    }
    end_uniting(self);
    drop_piece(self);
    cni_agg_sorted_free(CN_MOVE(self->sorted));
    CN_TRY(renew_lists(self, err));
    CN_TRY(cni_arena_new(self->op->allocator, "groups", &self->final.heap, err));
    self->uniting = (cni_agg_uniting){
        .op = self->op, .layout = layout, .final = &self->final, .spare = &self->spare};
    self->n_seen = 0;
    return CN_OK;
}

/* ---- splitting ---- */

static int32_t
level_of(const cni_agg_walk *self)
{
    return self->first_level + self->depth + 1;
}

static int64_t
held_bytes(const cni_agg_walk *self)
{
    const cni_agg_layout *layout = self->op->layout;
    const int64_t row_bytes = layout->row_bytes;
    const int64_t rows = (self->final.n_pages << layout->page_shift) + self->n_rows;
    return rows * row_bytes + self->uniting.n_slots * (int64_t)sizeof(uint32_t) +
           cni_arena_size_bytes(self->final.heap) +
           (self->lists == NULL ? 0 : cni_arena_size_bytes(self->lists));
}

static bool
may_split(const cni_agg_walk *self)
{
    const cni_context *context = self->op->base.context;
    const int32_t most = context->settings.test_spill ? TEST_LEVELS : CNI_SPILL_MAX_LEVEL - 1;
    return !self->whole && level_of(self) <= most && self->uniting.n_placed > MIN_SPLIT_GROUPS &&
           context->spill != NULL;
}

/* What states make must fit beside them, also while others read their pieces. */
static bool
leaves_nothing(const cni_agg_walk *self, int64_t n_bytes)
{
    const cni_agg_operator *op = self->op;
    return op->layout->has_saved && n_bytes > MIN_SPLIT_BYTES &&
           n_bytes > cni_memory_may_keep(op->base.budget, op->base.context, n_bytes);
}

static bool
is_too_large(const cni_agg_walk *self)
{
    const cni_agg_operator *op = self->op;
    const int64_t n_bytes = held_bytes(self);
    const bool may_help =
        may_split(self) || (op->layout->has_lists && op->base.context->spill != NULL);
    return may_help && (cni_memory_should_spill(op->base.budget, op->base.context, n_bytes) ||
                        leaves_nothing(self, n_bytes));
}

/* All rows of the parts' pages to the level's blocks; the heap is a new one. */
static cn_code
write_parts(cni_agg_walk *self, cn_error *err)
{
    cni_agg_operator *op = self->op;
    cni_agg_level *level = self->levels[self->depth];
    cni_agg_spiller spiller;
    cn_code code = cni_agg_spiller_begin(op, held_bytes(self), &spiller, err);
    for (int32_t part = 0; part < CNI_AGG_PARTITIONS && code == CN_OK; part++) {
        code = cni_agg_spill_pages(&spiller, &self->pages[part], &level->parts[part], err);
    }
    code = code == CN_OK ? cni_agg_spill_flush(&spiller, err) : code;
    cni_agg_spiller_end(&spiller);
    CN_TRY(code);
    self->n_rows = 0;
    cni_arena_unref(self->final.heap);
    self->final.heap = NULL;
    CN_TRY(renew_lists(self, err));
    return cni_arena_new(op->allocator, "groups", &self->final.heap, err);
}

/* Rows into the pages of their parts. `owned`: what they point at is in the final's heap. */
static cn_code
scatter(cni_agg_walk *self, const uint8_t *rows, int64_t n, bool owned, cn_error *err)
{
    cni_agg_operator *op = self->op;
    const cni_agg_layout *layout = op->layout;
    const int32_t level = level_of(self);
    uint64_t hashes[CNI_AGG_BATCH_PARTITIONS];
    for (int64_t first = 0; first < n; first += CNI_AGG_BATCH_PARTITIONS) {
        const int64_t n_batch = cni_min_i64(CNI_AGG_BATCH_PARTITIONS, n - first);
        const uint8_t *batch = rows + first * layout->row_bytes;
        cni_agg_hash_keys(self->hashed, batch, layout->row_bytes, n_batch, hashes);
        for (int64_t at = 0; at < n_batch; at++) {
            cni_agg_pages *pages = &self->pages[cni_spill_partition(hashes[at], level)];
            CN_TRY(cni_agg_pages_append(op, pages, batch + at * layout->row_bytes, err));
            cni_agg_page *page = pages->last;
            if (!owned && layout->n_views > 0) {
                CN_TRY(cni_agg_own_views(layout, cni_agg_page_row(layout, page, page->n_rows - 1),
                                         self->final.heap, op->allocator, err));
            }
        }
        self->n_rows += n_batch;
    }
    return CN_OK;
}

static cn_code
open_level(cni_agg_walk *self, cn_error *err)
{
    const cni_agg_operator *op = self->op;
    CN_TRY(cni_alloc_zeroed(op->allocator, (int64_t)sizeof(cni_agg_level),
                            &self->levels[self->depth], err));
    CN_TRY(cni_alloc_zeroed(op->allocator, CNI_AGG_PARTITIONS * (int64_t)sizeof(*self->pages),
                            &self->pages, err));
    for (int64_t part = 0; part < CNI_AGG_PARTITIONS; part++) {
        self->pages[part].first_word = part * 8 % op->layout->lead_words;
    }
    self->splits = true;
    return CN_OK;
}

/* What has been united goes to the parts; so does whatever comes. */
static cn_code
begin_split(cni_agg_walk *self, cn_error *err)
{
    cni_agg_final *final = &self->final;
    self->split_bytes = cni_max_i64(held_bytes(self), MIN_SPLIT_BYTES);
    end_uniting(self);
    free_spare(self);
    CN_TRY(open_level(self, err));
    for (int64_t at = 0; at < final->n_pages && final->pages[at] != NULL; at++) {
        const cni_agg_page *page = final->pages[at];
        CN_TRY(scatter(self, cni_agg_page_row(self->op->layout, page, 0), page->n_rows, true, err));
        cni_agg_page_free(self->op, final->pages[at]);
        final->pages[at] = NULL;
    }
    final->n_pages = 0;
    final->n_groups = 0;
    self->uniting.n_placed = 0;
    return write_parts(self, err);
}

/* ---- lists that do not fit ---- */

/* Those of all rows so far, and of all that come, go through sorts. */
static cn_code
begin_sorted(cni_agg_walk *self, cn_error *err)
{
    const cni_agg_final *final = &self->final;
    const int32_t shift = self->op->layout->page_shift;
    CN_TRY(cni_agg_sorted_new(self->op, &self->sorted, err));
    for (int64_t row = 0; row < self->uniting.n_placed; row++) {
        const int64_t in_page = row & ((INT64_C(1) << shift) - 1);
        CN_TRY(cni_agg_sorted_take(
            self->sorted, cni_agg_page_row(self->op->layout, final->pages[row >> shift], in_page),
            row, err));
    }
    CN_TRY(cni_agg_sorted_flush(self->sorted, err));
    return renew_lists(self, err);
}

/* Rows are united without their lists. `copy` has room for two rows. */
static cn_code
unite_sorted(cni_agg_walk *self, const uint8_t *row, uint8_t *copy, cn_error *err)
{
    const cni_agg_layout *layout = self->op->layout;
    uint32_t number = 0;
    uint8_t *bare = copy + layout->row_bytes;
    memcpy(copy, row, (size_t)layout->row_bytes);
    memcpy(bare, row, (size_t)layout->row_bytes);
    cni_agg_drop_lists(layout, bare);
    self->uniting.numbers = &number;
    const cn_code code = cni_agg_uniting_add(&self->uniting, bare, 1, err);
    self->uniting.numbers = NULL;
    return code == CN_OK ? cni_agg_sorted_take(self->sorted, copy, number, err) : code;
}

static cn_code
take_sorted(cni_agg_walk *self, const uint8_t *rows, int64_t n, cn_error *err)
{
    const int64_t row_bytes = self->op->layout->row_bytes;
    uint8_t *copy = NULL;
    cn_code code = CN_OK;
    CN_TRY(cni_alloc(self->op->allocator, 2 * row_bytes, &copy, err));
    for (int64_t row = 0; row < n && code == CN_OK; row++) {
        code = unite_sorted(self, rows + row * row_bytes, copy, err);
    }
    cni_dealloc(self->op->allocator, copy, 2 * row_bytes);
    CN_TRY(code);
    if (cni_arena_size_bytes(self->lists) < MIN_SPLIT_BYTES) {
        return CN_OK;
    }
    CN_TRY(cni_agg_sorted_flush(self->sorted, err));
    return renew_lists(self, err);
}

/* ---- rows of a source ---- */

/* Groups that are still to come, if the rest of the source is as what has been seen. */
static int64_t
expected_rows(const cni_agg_walk *self)
{
    const int64_t n_placed = self->uniting.n_placed;
    if (self->n_seen < MIN_SEEN_ROWS || self->n_total <= self->n_seen) {
        return 0;
    }
    const double share = (double)n_placed / (double)self->n_seen;
    const int64_t n_left = cni_memory_left(self->op->base.budget, self->op->base.context);
    const int64_t n_fit = cni_max_i64(n_left, 0) / (8 * (int64_t)sizeof(uint32_t));
    return cni_min_i64((int64_t)(share * (double)(self->n_total - self->n_seen)), n_fit);
}

static cn_code
take_rows(cni_agg_walk *self, const uint8_t *rows, int64_t n, cn_error *err)
{
    const cni_agg_operator *op = self->op;
    CN_TRY(cni_context_check(op->base.context, err));
    if (self->splits) {
        CN_TRY(scatter(self, rows, n, false, err));
        const int64_t n_held = held_bytes(self);
        return n_held < self->split_bytes &&
                       !cni_memory_should_spill(op->base.budget, op->base.context, n_held)
                   ? CN_OK
                   : write_parts(self, err);
    }
    if ((self->uniting.n_placed + n) * 2 > self->uniting.n_slots) {
        const int64_t slot_bytes = (self->uniting.n_placed + n) * 4 * (int64_t)sizeof(uint32_t);
        if (self->sorted == NULL && may_split(self) &&
            cni_memory_left(op->base.budget, op->base.context) < slot_bytes) {
            CN_TRY(begin_split(self, err));
            return take_rows(self, rows, n, err);
        }
        CN_TRY(cni_agg_uniting_reserve(&self->uniting, cni_max_i64(n, expected_rows(self)), err));
    }
    self->n_seen += n;
    if (self->sorted != NULL) {
        return take_sorted(self, rows, n, err);
    }
    CN_TRY(cni_agg_uniting_add(&self->uniting, rows, n, err));
    if (!is_too_large(self)) {
        return CN_OK;
    }
    if (self->spare != NULL) {
        free_spare(self);
        return CN_OK;
    }
    return may_split(self) ? begin_split(self, err) : begin_sorted(self, err);
}

static cn_code
take_frames(cni_agg_walk *self, cni_str bytes, cn_error *err)
{
    while (bytes.len_bytes > 0) {
        int64_t n = 0;
        if (self->op->layout->has_nested) {
            cni_arena_unref(self->scratch);
            self->scratch = NULL;
            CN_TRY(cni_arena_new(self->op->allocator, "keys", &self->scratch, err));
        }
        CN_TRY(cni_agg_frame_decode(self->op, &bytes, self->rows, &n, self->final.heap, self->lists,
                                    self->scratch, err));
        CN_TRY(take_rows(self, self->rows, n, err));
    }
    return CN_OK;
}

/* Texts of rows that are in memory stay where they are. */
static cn_code
take_block(cni_agg_walk *self, const cni_agg_block *block, cn_error *err)
{
    if (block->bytes != NULL) {
        self->uniting.adopt = !self->op->layout->has_nested;
        return take_frames(self, (cni_str){block->bytes, block->n_bytes}, err);
    }
    self->uniting.adopt = false;
    CN_TRY(cni_agg_block_read(self->op, block, &self->bytes, &self->cap_bytes, err));
    return take_frames(self, (cni_str){self->bytes, block->n_bytes}, err);
}

static cn_code
take_blocks(cni_agg_walk *self, const cni_agg_blocks *blocks, cn_error *err)
{
    for (int64_t at = 0; at < blocks->n_blocks; at++) {
        CN_TRY(take_block(self, &blocks->blocks[at], err));
    }
    return CN_OK;
}

/* The share of a table that stayed small. */
static cn_code
take_share(cni_agg_walk *self, const cni_agg_table *table, int32_t partition, cn_error *err)
{
    uint8_t partitions[CNI_AGG_BATCH_PARTITIONS];
    const int64_t row_bytes = self->op->layout->row_bytes;
    for (int64_t first = 0; first < table->n_groups; first += CNI_AGG_BATCH_PARTITIONS) {
        const int64_t n = cni_min_i64(CNI_AGG_BATCH_PARTITIONS, table->n_groups - first);
        const uint8_t *rows = cni_agg_row(table, first);
        cni_agg_partitions(self->op->layout, rows, n, table->null_group - first, partitions);
        for (int64_t at = 0; at < n; at++) {
            if (partitions[at] == partition) {
                CN_TRY(take_rows(self, rows + at * row_bytes, 1, err));
            }
        }
    }
    return CN_OK;
}

static int64_t
count_rows(const cni_agg_walk *self, const cni_agg_source *source)
{
    int64_t n_rows = 0;
    if (source->blocks != NULL) {
        return source->blocks->n_rows;
    }
    for (const cni_agg_local *local = self->op->locals; local != NULL; local = local->next) {
        n_rows += local->blocks == NULL ? 0 : local->blocks[source->partition].n_rows;
        n_rows += local->pages == NULL ? 0 : local->pages[source->partition].n_rows;
    }
    return n_rows;
}

/* Of each worker first what it wrote first. */
static cn_code
take_partition(cni_agg_walk *self, int32_t partition, cn_error *err)
{
    const cni_agg_operator *op = self->op;
    for (const cni_agg_local *local = op->locals; local != NULL; local = local->next) {
        if (local->blocks != NULL) {
            CN_TRY(take_blocks(self, &local->blocks[partition], err));
            self->uniting.adopt = false;
        }
        const cni_agg_page *page = local->pages == NULL ? NULL : local->pages[partition].first;
        for (; page != NULL; page = page->next) {
            CN_TRY(take_rows(self, cni_agg_page_row(op->layout, page, 0), page->n_rows, err));
        }
        if (local->table.n_groups > 0) {
            CN_TRY(take_share(self, &local->table, partition, err));
        }
    }
    return CN_OK;
}

static cn_code
take_source(cni_agg_walk *self, const cni_agg_source *source, cn_error *err)
{
    self->n_total = count_rows(self, source);
    return source->blocks == NULL ? take_partition(self, source->partition, err)
                                  : take_blocks(self, source->blocks, err);
}

/* ---- pieces ---- */

cni_agg_source
cni_agg_walk_set_source(const cni_agg_walk *self, int32_t set)
{
    cni_agg_source source = self->source;
    if (self->depth > 0) {
        const cni_agg_level *level = self->levels[self->depth - 1];
        source.blocks = &level->sets[set]->parts[level->next - 1];
    }
    return source;
}

/* The sources of the sets by the bits that have split the operator's. */
static cn_code
split_sets(cni_agg_walk *self, cni_agg_level *level, cn_error *err)
{
    cni_agg_operator *op = self->op;
    CN_TRY(cni_alloc_zeroed(op->allocator, op->n_sets * (int64_t)sizeof(*level->sets),
                            (void *)&level->sets, err));
    for (int32_t set = 0; set < op->n_sets; set++) {
        CN_TRY(cni_agg_walk_split(&op->sets[set].op, cni_agg_walk_set_source(self, set), op->layout,
                                  level_of(self), &level->sets[set], err));
    }
    return CN_OK;
}

/* The parts are complete: a level more. */
static cn_code
end_split(cni_agg_walk *self, cn_error *err)
{
    cni_agg_level *level = self->levels[self->depth];
    cni_agg_operator *owner = self->op->owner == NULL ? self->op : self->op->owner;
    CN_TRY(write_parts(self, err));
    free_pages(self);
    cni_agg_final_done(self->op, &self->final);
    cni_counter_max(&owner->n_levels, level_of(self));
    if (self->op->n_sets > 0) {
        CN_TRY(split_sets(self, level, err));
    }
    self->depth++;
    return CN_OK;
}

static cn_code
finish_piece(cni_agg_walk *self, cn_error *err)
{
    cni_agg_operator *op = self->op;
    end_uniting(self);
    if (self->sorted != NULL) {
        CN_TRY(cni_agg_sorted_finish(self->sorted, err));
        CN_TRY(renew_lists(self, err));
    }
    self->final.lone_null = self->source.blocks == NULL &&
                            self->source.partition == CNI_AGG_PARTITIONS &&
                            op->layout->prefix_null_bit < 0;
    return op->n_sets == 0 || self->whole ? CN_OK : cni_agg_sets_apply_piece(op, self, err);
}

/* The source becomes the piece, or a level. */
static cn_code
load_source(cni_agg_walk *self, const cni_agg_source *source, cn_error *err)
{
    CN_TRY(prepare(self, err));
    CN_TRY(take_source(self, source, err));
    return self->splits ? end_split(self, err) : finish_piece(self, err);
}

/* The next source; false: there is none. */
static bool
next_source(cni_agg_walk *self, cni_agg_source *out_source)
{
    if (!self->begun) {
        self->begun = true;
        *out_source = self->source;
        return true;
    }
    while (self->depth > 0) {
        cni_agg_level *level = self->levels[self->depth - 1];
        if (level->next > 0) {
            cni_agg_blocks_drop(self->op, &level->parts[level->next - 1]);
        }
        while (level->next < CNI_AGG_PARTITIONS && level->parts[level->next].n_blocks == 0) {
            level->next++;
        }
        if (level->next < CNI_AGG_PARTITIONS) {
            out_source->blocks = &level->parts[level->next++];
            return true;
        }
        cni_agg_level_free(self->op, level);
        self->levels[--self->depth] = NULL;
    }
    return false;
}

cn_code
cni_agg_walk_next(cni_agg_walk *self, bool *out_done, cn_error *err)
{
    cni_agg_source source = {0};
    do {
        *out_done = !next_source(self, &source);
        if (*out_done) {
            cni_agg_final_done(self->op, &self->final);
            return CN_OK;
        }
        CN_TRY(load_source(self, &source, err));
    } while (self->final.n_groups == 0);
    return CN_OK;
}

cn_code
cni_agg_walk_split(cni_agg_operator *op, cni_agg_source source, const cni_agg_layout *hashed,
                   int32_t level, cni_agg_level **out_level, cn_error *err)
{
    cni_agg_walk walk;
    cni_agg_walk_begin(&walk, op, source, level - 1);
    walk.hashed = hashed;
    walk.split_bytes = MIN_SPLIT_BYTES;
    cn_code code = prepare(&walk, err);
    code = code == CN_OK ? open_level(&walk, err) : code;
    code = code == CN_OK ? take_source(&walk, &source, err) : code;
    code = code == CN_OK ? write_parts(&walk, err) : code;
    if (code == CN_OK) {
        *out_level = walk.levels[0];
        walk.levels[0] = NULL;
    }
    cni_agg_walk_end(&walk);
    return code;
}
