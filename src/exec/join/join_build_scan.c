/* SPDX-License-Identifier: Apache-2.0
 *
 * What comes from behind a probe: build rows that nothing (or something) matched, then the
 * partitions on disk, the largest first, a morsel each.
 *
 *   morsels [0, n_unmatched)   slices of the build in memory (join_unmatched.c)
 *           [n_unmatched, ..)  partitions (join_part.c)
 *
 * Partitions are worked off side by side as long as what they need at once is left of the memory;
 * who asks for one too many waits for the end of another. When all unmatched rows have been read,
 * and they have at once where there are none, the build in memory goes.
 */
#include "exec/join/join_spill_int.h"

#define ROW_BYTES 32 /* of a table, about */
#define COPIES    2

typedef struct waiting_one {
    struct waiting_one *next;
    cni_waker waker;
} waiting_one;

typedef struct behind_scan {
    cni_scan base;
    cni_join_build *build; /* borrowed */
    cni_join_spill *spill;
    cni_context *context;
    cni_scan *unmatched;
    int64_t n_unmatched;
    int32_t n_parts;
    int32_t parts[CNI_SPILL_PARTITIONS];
    cni_atomic_i64 n_unmatched_left; /* refcount: morsels, and one that keeps it up to open */
    cni_atomic_i64 n_ended;          /* counter: partitions */
    cni_mutex mutex;                 /* guards: */
    int64_t next;                    /* morsel */
    int32_t n_working;               /* partitions */
    int64_t claimed;                 /* bytes that these need */
    int64_t least_left;              /* memory when the first one began */
    waiting_one *waiting;
} behind_scan;

typedef struct behind_local {
    void *unmatched;
    int64_t morsel; /* of `part` */
    cni_join_part *part;
    int64_t claimed;
} behind_local;

/* ---- who may begin ---- */

static int64_t
needed_bytes(const behind_scan *self, int64_t morsel)
{
    const int32_t part = self->parts[morsel - self->n_unmatched];
    const cni_spill_rows *rows = &self->spill->build_rows[part];
    return COPIES * rows->memory_bytes + ROW_BYTES * rows->n_rows;
}

static void
drop_memory(behind_scan *self)
{
    if (cni_refcount_dec(&self->n_unmatched_left)) {
        cni_join_build_drop(self->build);
    }
}

/* Under the mutex. The first one always may. */
static bool
may_begin(behind_scan *self)
{
    if (self->next < self->n_unmatched || self->n_working == 0) {
        return true;
    }
    return self->claimed + needed_bytes(self, self->next) <= self->least_left;
}

/* Under the mutex. */
static void
begin_morsel(behind_scan *self)
{
    if (self->next >= self->n_unmatched) {
        if (self->n_working == 0) {
            self->least_left = cni_memory_left(self->build->base.budget, self->context);
        }
        self->n_working++;
        self->claimed += needed_bytes(self, self->next);
    }
    self->next++;
}

/* Whoever waits looks again. */
static void
wake_all(behind_scan *self, waiting_one *first)
{
    while (first != NULL) {
        waiting_one *next = first->next;
        cni_waker_wake(first->waker);
        cni_dealloc(self->context->allocator, first, (int64_t)sizeof(*first));
        first = next;
    }
}

static void
end_part(behind_scan *self, behind_local *local)
{
    if (local->part == NULL) {
        return;
    }
    cni_join_part_free(CN_MOVE(local->part));
    (void)cni_counter_add(&self->n_ended, 1);
    cni_mutex_lock(&self->mutex);
    self->n_working--;
    self->claimed -= local->claimed;
    waiting_one *first = self->waiting;
    self->waiting = NULL;
    cni_mutex_unlock(&self->mutex);
    wake_all(self, first);
}

/* Without room to wait in the partition begins at once, which is only a matter of memory. */
static cni_morsel_answer
next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    behind_scan *self = (behind_scan *)base;
    cn_error ignored = CN_ERROR_INIT;
    waiting_one *waiting = NULL;
    if (own_waker.task != NULL &&
        cni_alloc_zeroed(self->context->allocator, (int64_t)sizeof(*waiting), &waiting, &ignored) !=
            CN_OK) {
        waiting = NULL;
    }
    cni_mutex_lock(&self->mutex);
    *out_morsel = self->next;
    const bool is_over = self->next >= base->n_morsels;
    const bool waits = !is_over && waiting != NULL && !may_begin(self);
    if (waits) {
        *waiting = (waiting_one){self->waiting, own_waker};
        self->waiting = waiting;
    } else if (!is_over) {
        begin_morsel(self);
    }
    cni_mutex_unlock(&self->mutex);
    if (waits) {
        return CNI_MORSEL_BLOCKED;
    }
    cni_dealloc(self->context->allocator, waiting, (int64_t)sizeof(*waiting));
    cni_waker_drop(own_waker);
    return is_over ? CNI_MORSEL_NONE : CNI_MORSEL_TAKEN;
}

/* ---- reading ---- */

static void
close_local(cni_scan *base, void *opaque)
{
    behind_scan *self = (behind_scan *)base;
    behind_local *local = opaque;
    if (local == NULL) {
        return;
    }
    end_part(self, local);
    if (local->unmatched != NULL) {
        self->unmatched->ops->close_local(self->unmatched, local->unmatched);
    }
    cni_dealloc(self->context->allocator, local, (int64_t)sizeof(*local));
}

static cn_code
open_local(cni_scan *base, void **out_local, cn_error *err)
{
    behind_scan *self = (behind_scan *)base;
    behind_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->context->allocator, (int64_t)sizeof(*local), &local, err));
    const cn_code code =
        self->unmatched == NULL
            ? CN_OK
            : self->unmatched->ops->open_local(self->unmatched, &local->unmatched, err);
    if (code != CN_OK) {
        close_local(base, local);
        return code;
    }
    *out_local = local;
    return CN_OK;
}

static cn_code
read_part(behind_scan *self, behind_local *local, int64_t morsel, cni_chunk *inout_chunk,
          cni_read_answer *out_answer, cn_error *err)
{
    bool is_over = false;
    if (local->part == NULL || local->morsel != morsel) {
        end_part(self, local);
        local->claimed = needed_bytes(self, morsel);
        local->morsel = morsel;
        CN_TRY(cni_join_part_new(self->build, self->parts[morsel - self->n_unmatched], &local->part,
                                 err));
    }
    CN_TRY(cni_join_part_next(local->part, inout_chunk, &is_over, err));
    inout_chunk->sequence = morsel;
    inout_chunk->ends_morsel = is_over;
    *out_answer = CNI_READ_CHUNK;
    if (is_over) {
        end_part(self, local);
    }
    return CN_OK;
}

static cn_code
read_rows(cni_scan *base, void *opaque, int64_t morsel, cni_waker own_waker, cni_chunk *inout_chunk,
          cni_read_answer *out_answer, cn_error *err)
{
    behind_scan *self = (behind_scan *)base;
    behind_local *local = opaque;
    if (morsel < self->n_unmatched) {
        CN_TRY(self->unmatched->ops->read(self->unmatched, local->unmatched, morsel, own_waker,
                                          inout_chunk, out_answer, err));
        if (*out_answer == CNI_READ_END || inout_chunk->ends_morsel) {
            drop_memory(self);
        }
        return CN_OK;
    }
    cni_waker_drop(own_waker);
    return read_part(self, local, morsel, inout_chunk, out_answer, err);
}

static double
progress(const cni_scan *base)
{
    const behind_scan *self = (const behind_scan *)base;
    return self->n_parts == 0 ? 1.0
                              : (double)cni_counter_get(&self->n_ended) / (double)self->n_parts;
}

static void
close_scan(cni_scan *base)
{
    behind_scan *self = (behind_scan *)base;
    while (self->waiting != NULL) {
        waiting_one *next = self->waiting->next;
        cni_waker_drop(self->waiting->waker);
        cni_dealloc(self->context->allocator, self->waiting, (int64_t)sizeof(*next));
        self->waiting = next;
    }
    cni_scan_close(self->unmatched);
    cni_mutex_done(&self->mutex);
    cni_dealloc(self->context->allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops behind_ops = {
    .next_morsel = next_morsel,
    .open_local = open_local,
    .close_local = close_local,
    .read = read_rows,
    .progress = progress,
    .close = close_scan,
};

/* ---- opening ---- */

/* What the workers wrote becomes one list per partition. */
static cn_code
unite_written(cni_join_build *build, cni_join_spill *spill, cn_error *err)
{
    cni_join_build *root = cni_join_root(build);
    for (cni_join_written *at = spill->written; at != NULL; at = at->next) {
        for (int32_t part = 0; part < spill->n_partitions; part++) {
            (void)cni_counter_add(&root->n_spilled_bytes, at->rows[part].n_bytes);
            CN_TRY(cni_spill_rows_absorb(&spill->probe_rows[part], &at->rows[part], err));
        }
    }
    return CN_OK;
}

static void
list_parts(behind_scan *self)
{
    const cni_join_spill *spill = self->spill;
    for (int32_t part = 0; part < spill->n_partitions; part++) {
        const int64_t n_bytes = spill->build_rows[part].memory_bytes;
        if (spill->build_rows[part].n_rows == 0 && spill->probe_rows[part].n_rows == 0) {
            continue;
        }
        int32_t at = self->n_parts++;
        for (; at > 0 && spill->build_rows[self->parts[at - 1]].memory_bytes < n_bytes; at--) {
            self->parts[at] = self->parts[at - 1];
        }
        self->parts[at] = part;
    }
}

bool
cni_join_build_has_more(cni_operator *build, const cni_phys_join *join)
{
    return cni_join_gives_build_rows(join) || cni_join_spill_of(cni_join_build_of(build)) != NULL;
}

static cn_code
init(behind_scan *self, const cni_phys_join *join, cn_error *err)
{
    CN_TRY(unite_written(self->build, self->spill, err));
    if (cni_join_gives_build_rows(join)) {
        CN_TRY(
            cni_join_unmatched_scan_new(self->build, join, self->context, &self->unmatched, err));
        self->n_unmatched = self->unmatched->n_morsels;
    }
    list_parts(self);
    self->base.n_morsels = self->n_unmatched + self->n_parts;
    cni_flag_publish(&self->n_unmatched_left, self->n_unmatched + 1);
    drop_memory(self);
    return CN_OK;
}

cn_code
cni_join_build_scan_new(cni_operator *build, const cni_phys_join *join, cni_context *context,
                        cni_scan **out_scan, cn_error *err)
{
    behind_scan *self = NULL;
    cni_join_spill *spill = cni_join_spill_of(cni_join_build_of(build));
    if (spill == NULL) {
        return cni_join_unmatched_scan_new(cni_join_build_of(build), join, context, out_scan, err);
    }
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*self), &self, err));
    cni_mutex_init(&self->mutex);
    self->base.ops = &behind_ops;
    self->build = cni_join_build_of(build);
    self->spill = spill;
    self->context = context;
    const cn_code code = init(self, join, err);
    if (code != CN_OK) {
        close_scan(&self->base);
        return code;
    }
    *out_scan = &self->base;
    return CN_OK;
}
