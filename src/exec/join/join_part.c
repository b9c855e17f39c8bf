/* SPDX-License-Identifier: Apache-2.0
 *
 * A partition of a join that lies on disk, worked off by one worker: new instances of both
 * operators over its build rows and its probe rows, then the build rows that come out. If the
 * instance does not fit either, it divides its rows by other bits of the hash, and what comes from
 * behind its probe are its own partitions: depth is bounded by CNI_SPILL_MAX_LEVEL.
 *
 *   LOAD --> PROBE --> FLUSH --> BEHIND --+--> over
 *     ^                                   |
 *     +------- next build rows -----------+   passes
 *
 * Passes are made where dividing does not help (one key, no key, NULL keys that are compared with
 * every row): build rows as many as fit, all probe rows, and again. What is known of each probe row
 * is kept meanwhile, a byte each; in the end a pass without build rows gives what it decides on.
 */
#include "exec/join/join_spill_int.h"

#define STEPS        16 /* of a call at most */
#define PART_OF_LEFT 2  /* of the memory that is left: a pass takes no more */
#define ROW_BYTES    32 /* of a table, about */
#define COPIES       2  /* of rows while a table is made */
#define DROP_BYTES   (INT64_C(1) << 20)
#define SAME_TENTHS  9 /* a partition of more rows than that is not divided again */

typedef enum part_phase {
    PART_LOAD,
    PART_PROBE,
    PART_FLUSH,
    PART_BEHIND,
    PART_OVER
} part_phase;

struct cni_join_part {
    cni_join_build *parent; /* borrowed */
    cni_join_spill *spill;  /* the parent's */
    cni_allocator *allocator;
    cni_operator_env env;
    cni_spill_rows *build_rows; /* of the partition */
    cni_spill_rows *probe_rows;
    part_phase phase;
    uint8_t pass;        /* cni_join_pass */
    bool passes;         /* it is not divided */
    bool asks_more;      /* the probe has more to give */
    int64_t build_block; /* the next one */
    int64_t probe_block;
    int64_t probe_row; /* the first of the block under way */
    int64_t loaded_bytes;
    int64_t most_bytes;       /* that a pass loads */
    cni_spill_reader *reader; /* of the blocks of the phase */
    cni_chunk block;
    int64_t offset;  /* in it */
    uint8_t *states; /* of all probe rows; NULL without passes */
    cni_operator *build;
    void *build_local;
    cni_operator *probe;
    void *probe_local;
    cni_scan *scan;
    void *scan_local;
    int64_t morsel;
    bool has_morsel;
};

/* ---- instances ---- */

static void
close_instances(cni_join_part *self)
{
    if (self->scan != NULL) {
        if (self->scan_local != NULL) {
            self->scan->ops->close_local(self->scan, CN_MOVE(self->scan_local));
        }
        cni_scan_close(CN_MOVE(self->scan));
    }
    if (self->probe_local != NULL) {
        self->probe->ops->close_local(self->probe, CN_MOVE(self->probe_local));
    }
    cni_operator_close(CN_MOVE(self->probe));
    if (self->build_local != NULL) {
        self->build->ops->close_local(self->build, CN_MOVE(self->build_local));
    }
    cni_operator_close(CN_MOVE(self->build));
    self->has_morsel = false;
    self->asks_more = false;
}

static cn_code
open_build(cni_join_part *self, cn_error *err)
{
    const cni_join_build *parent = self->parent;
    CN_TRY(cni_join_build_operator_new(&self->spill->spec, &self->env, NULL, &self->build, err));
    cni_join_build *build = cni_join_build_of(self->build);
    build->origin = (cni_join_origin){
        .root = cni_join_root(self->parent),
        .level = parent->origin.level + 1,
        .never_spills = self->passes,
        .file = self->spill->file,
        .expected_rows = self->build_rows->n_rows,
    };
    build->whole_rows = parent->whole_rows;
    build->whole_null_rows = parent->whole_null_rows;
    cni_flag_publish(&build->probe_nulls, cni_flag_consume(&parent->probe_nulls));
    cni_flag_publish(&build->probe_rows, cni_flag_consume(&parent->probe_rows));
    return self->build->ops->open_local(self->build, &self->build_local, err);
}

static cn_code
finish_build(cni_join_part *self, cn_error *err)
{
    cni_operator *build = self->build;
    CN_TRY(build->ops->combine(build, self->build_local, err));
    build->ops->close_local(build, CN_MOVE(self->build_local));
    const int32_t n_tasks = build->ops->finalize_tasks(build);
    for (int32_t task = 0; task < n_tasks; task++) {
        CN_TRY(build->ops->finalize(build, task, n_tasks, err));
    }
    return CN_OK;
}

static cn_code
open_probe(cni_join_part *self, cn_error *err)
{
    CN_TRY(cni_join_probe_operator_new(&self->spill->spec, &self->env, self->build, &self->probe,
                                       err));
    cni_join_probe *probe = (cni_join_probe *)self->probe;
    probe->pass = self->pass;
    probe->outer = probe->outer && self->pass != CNI_JOIN_PASS_NOTE;
    probe->nothing_can_match = probe->nothing_can_match && self->pass != CNI_JOIN_PASS_LAST;
    self->probe_row = 0;
    self->offset = 0;
    cni_chunk_reset(&self->block);
    return self->probe->ops->open_local(self->probe, &self->probe_local, err);
}

/* ---- build rows ---- */

/* Whether probe rows come out by what is known of them after the last build row. */
static bool
needs_states(const cni_phys_join *join)
{
    return !cni_join_drops_unmatched(join) || join->kind == CNI_PHYS_JOIN_PROBE_SEMI;
}

static cn_code
choose_pass(cni_join_part *self, cn_error *err)
{
    const bool is_last = self->build_block == self->build_rows->n_blocks;
    if (self->states != NULL || (is_last && self->pass == CNI_JOIN_PASS_ONLY) ||
        !needs_states(&self->spill->join)) {
        return CN_OK;
    }
    self->pass = CNI_JOIN_PASS_NOTE;
    return cni_alloc_zeroed(self->allocator, self->probe_rows->n_rows, &self->states, err);
}

static cn_code
end_load(cni_join_part *self, cn_error *err)
{
    cni_spill_reader_free(CN_MOVE(self->reader));
    self->probe_block = 0;
    CN_TRY(cni_spill_reader_new(&self->spill->probe_layout, self->probe_rows, 0,
                                self->probe_rows->n_blocks, &self->reader, err));
    CN_TRY(finish_build(self, err));
    CN_TRY(choose_pass(self, err));
    self->phase = PART_PROBE;
    return open_probe(self, err);
}

static int64_t
needed_bytes(int64_t n_bytes, int64_t n_rows)
{
    return COPIES * n_bytes + ROW_BYTES * n_rows;
}

/* A pass has all it can take. */
static bool
is_loaded(const cni_join_part *self)
{
    const cni_spill_rows *rows = self->build_rows;
    if (self->build_block == rows->n_blocks || self->pass == CNI_JOIN_PASS_LAST) {
        return true;
    }
    if (!self->passes || self->loaded_bytes == 0) {
        return false;
    }
    const cni_spill_block *block = &rows->blocks[self->build_block];
    return self->loaded_bytes + needed_bytes(block->memory_bytes, block->n_rows) > self->most_bytes;
}

static cn_code
begin_load(cni_join_part *self, cn_error *err)
{
    const cni_context *context = self->env.context;
    const int64_t left = cni_memory_left(self->parent->base.budget, context);
    self->loaded_bytes = 0;
    self->most_bytes = context->settings.test_spill ? 0 : left / PART_OF_LEFT;
    if (self->passes) {
        (void)cni_counter_add(&cni_join_root(self->parent)->n_passes, 1);
    }
    cni_spill_reader_free(CN_MOVE(self->reader));
    CN_TRY(cni_spill_reader_new(&self->spill->build_layout, self->build_rows, self->build_block,
                                self->build_rows->n_blocks, &self->reader, err));
    return open_build(self, err);
}

/* A hole in the file costs more than a small block is worth: those go with the file. */
static void
drop_block(const cni_spill_layout *layout, const cni_spill_rows *rows, int64_t block)
{
    if (rows->blocks[block].n_bytes >= DROP_BYTES) {
        cni_spill_drop_block(layout, rows, block);
    }
}

/* One block. */
static cn_code
load(cni_join_part *self, cn_error *err)
{
    cni_op_answer answer = CNI_OP_NEED_MORE;
    if (self->build == NULL) {
        CN_TRY(begin_load(self, err));
    }
    if (is_loaded(self)) {
        return end_load(self, err);
    }
    const int64_t block = self->build_block++;
    const cni_spill_block *about = &self->build_rows->blocks[block];
    self->loaded_bytes += 1 + needed_bytes(about->memory_bytes, about->n_rows);
    cni_chunk_reset(&self->block);
    CN_TRY(cni_spill_reader_next(self->reader, &self->block, err));
    drop_block(&self->spill->build_layout, self->build_rows, block);
    const cn_code code = self->build->ops->push(self->build, self->build_local, &self->block,
                                                (cni_waker){0}, &answer, err);
    cni_chunk_reset(&self->block);
    return code;
}

/* ---- probe rows ---- */

/* Nobody reads probe rows again after this pass. */
static bool
is_last_reading(const cni_join_part *self)
{
    return self->pass != CNI_JOIN_PASS_NOTE && self->build_block == self->build_rows->n_blocks;
}

static cn_code
read_probe(cni_join_part *self, cn_error *err)
{
    const int64_t block = self->probe_block++;
    self->probe_row += self->block.n_rows;
    self->offset = 0;
    cni_chunk_reset(&self->block);
    CN_TRY(cni_spill_reader_next(self->reader, &self->block, err));
    if (is_last_reading(self)) {
        drop_block(&self->spill->probe_layout, self->probe_rows, block);
    }
    return CN_OK;
}

static cn_code
push_probe(cni_join_part *self, cni_op_answer *out_answer, cn_error *err)
{
    cni_join_local *local = self->probe_local;
    CN_SCOPED(cni_chunk) piece = {0};
    const int64_t most = self->env.context->settings.chunk_rows;
    const int64_t n = cni_min_i64(most, self->block.n_rows - self->offset);
    cni_chunk_init(&piece, self->env.context->allocator);
    CN_TRY(cni_chunk_slice(&piece, &self->block, self->offset, n, err));
    local->states = self->states == NULL ? NULL : self->states + self->probe_row + self->offset;
    self->offset += n;
    return self->probe->ops->push(self->probe, local, &piece, (cni_waker){0}, out_answer, err);
}

/* The next chunk of rows, or what the one before gives. */
static cn_code
probe(cni_join_part *self, cni_chunk *out, cn_error *err)
{
    cni_op_answer answer = CNI_OP_NEED_MORE;
    if (self->asks_more) {
        CN_TRY(self->probe->ops->next(self->probe, self->probe_local, out, (cni_waker){0}, &answer,
                                      err));
    } else if (self->offset < self->block.n_rows) {
        CN_TRY(push_probe(self, &answer, err));
    } else if (self->probe_block < self->probe_rows->n_blocks) {
        return read_probe(self, err);
    } else {
        answer = CNI_OP_DONE;
    }
    self->asks_more = answer == CNI_OP_HAVE_MORE;
    if (answer == CNI_OP_DONE) {
        self->phase = PART_FLUSH;
    }
    return CN_OK;
}

static cn_code
flush(cni_join_part *self, cni_chunk *out, cn_error *err)
{
    cni_op_answer answer = CNI_OP_NEED_MORE;
    if (!self->asks_more) {
        cni_chunk_reset(&self->block);
        cni_spill_reader_free(CN_MOVE(self->reader));
        CN_TRY(self->probe->ops->flush(self->probe, self->probe_local, CNI_FLUSH_INPUT, err));
        self->asks_more = true;
    }
    CN_TRY(
        self->probe->ops->next(self->probe, self->probe_local, out, (cni_waker){0}, &answer, err));
    if (answer == CNI_OP_HAVE_MORE) {
        return CN_OK;
    }
    self->asks_more = false;
    self->probe->ops->close_local(self->probe, CN_MOVE(self->probe_local));
    self->phase = PART_BEHIND;
    return CN_OK;
}

/* ---- behind the probe ---- */

static void
end_pass(cni_join_part *self)
{
    close_instances(self);
    self->phase = PART_OVER;
    if (self->build_block < self->build_rows->n_blocks) {
        self->phase = PART_LOAD;
    } else if (self->pass == CNI_JOIN_PASS_NOTE) {
        self->phase = PART_LOAD;
        self->pass = CNI_JOIN_PASS_LAST;
    }
}

static cn_code
open_behind(cni_join_part *self, cn_error *err)
{
    const cni_join_build *build = cni_join_build_of(self->build);
    CN_TRY(cni_join_build_scan_new(self->build, build->join, self->env.context, &self->scan, err));
    return self->scan->ops->open_local(self->scan, &self->scan_local, err);
}

static cn_code
behind(cni_join_part *self, cni_chunk *out, cn_error *err)
{
    cni_read_answer answer = CNI_READ_END;
    if (self->scan == NULL) {
        return open_behind(self, err);
    }
    if (!self->has_morsel) {
        const cni_morsel_answer morsel =
            self->scan->ops->next_morsel(self->scan, (cni_waker){0}, &self->morsel);
        self->has_morsel = morsel == CNI_MORSEL_TAKEN;
        if (!self->has_morsel) {
            end_pass(self);
        }
        return CN_OK;
    }
    CN_TRY(self->scan->ops->read(self->scan, self->scan_local, self->morsel, (cni_waker){0}, out,
                                 &answer, err));
    self->has_morsel = answer == CNI_READ_CHUNK && !out->ends_morsel;
    return CN_OK;
}

/* ---- the whole ---- */

static cn_code
step(cni_join_part *self, cni_chunk *out, cn_error *err)
{
    switch (self->phase) {
    case PART_LOAD:
        return load(self, err);
    case PART_PROBE:
        return probe(self, out, err);
    case PART_FLUSH:
        return flush(self, out, err);
    case PART_BEHIND:
        return behind(self, out, err);
    default:
        return CN_OK;
    }
}

cn_code
cni_join_part_next(cni_join_part *self, cni_chunk *inout_chunk, bool *out_over, cn_error *err)
{
    for (int32_t at = 0; at < STEPS && self->phase != PART_OVER && inout_chunk->n_rows == 0; at++) {
        CN_TRY(cni_context_check(self->env.context, err));
        CN_TRY(step(self, inout_chunk, err));
    }
    inout_chunk->ends_morsel = false;
    *out_over = self->phase == PART_OVER;
    return CN_OK;
}

static int64_t
all_rows(const cni_join_build *build, const cni_join_spill *spill)
{
    int64_t n_rows = build->n_rows;
    for (int32_t part = 0; part < spill->n_partitions; part++) {
        n_rows += spill->build_rows[part].n_rows;
    }
    return n_rows;
}

static bool
wants_passes(const cni_join_part *self)
{
    const cni_join_spill *spill = self->spill;
    const int64_t n_rows = self->build_rows->n_rows;
    if (self->env.context->settings.test_spill && spill->level + 1 >= CNI_JOIN_TEST_LEVELS) {
        return true;
    }
    return spill->lone || spill->level + 1 >= CNI_SPILL_MAX_LEVEL ||
           n_rows / SAME_TENTHS > (all_rows(self->parent, spill) - n_rows);
}

/* Neither side alone gives anything. */
static bool
gives_nothing(const cni_join_part *self)
{
    const cni_phys_join *join = &self->spill->join;
    const bool drops = cni_join_drops_unmatched(join);
    const bool gives_build = join->kind == CNI_PHYS_JOIN_BUILD_OUTER ||
                             join->kind == CNI_PHYS_JOIN_FULL ||
                             join->kind == CNI_PHYS_JOIN_BUILD_ANTI;
    return (self->build_rows->n_rows == 0 && drops) ||
           (self->probe_rows->n_rows == 0 && !gives_build);
}

cn_code
cni_join_part_new(cni_join_build *build, int32_t partition, cni_join_part **out_part, cn_error *err)
{
    cni_context *context = build->base.context;
    cni_join_part *self = NULL;
    CN_TRY(cni_alloc_zeroed(build->allocator, (int64_t)sizeof(*self), &self, err));
    self->parent = build;
    self->spill = cni_join_spill_of(build);
    self->allocator = build->allocator;
    self->env = (cni_operator_env){.context = context, .n_workers = 1};
    self->build_rows = &self->spill->build_rows[partition];
    self->probe_rows = &self->spill->probe_rows[partition];
    self->passes = wants_passes(self);
    self->phase = gives_nothing(self) ? PART_OVER : PART_LOAD;
    cni_chunk_init(&self->block, context->allocator);
    *out_part = self;
    return CN_OK;
}

void
cni_join_part_free(cni_join_part *self)
{
    if (self == NULL) {
        return;
    }
    cni_spill_reader_free(self->reader);
    close_instances(self);
    cni_chunk_done(&self->block);
    if (self->states != NULL) {
        cni_dealloc(self->allocator, self->states, self->probe_rows->n_rows);
    }
    cni_spill_rows_done(self->build_rows);
    cni_spill_rows_done(self->probe_rows);
    cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
}
