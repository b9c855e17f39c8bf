/* SPDX-License-Identifier: Apache-2.0
 *
 * From the workers' runs to one set. A worker that combines keeps its runs in memory when the rule
 * of halves lets it and nothing was written before. When there are more runs than blocks of all of
 * them fit into what a worker may use for a range, neighbours are merged into longer runs first, in
 * parallel.
 */
#include "exec/operator/sort_int.h"

#include "runtime/pressure.h"

#define MIN_FAN_IN        8
#define RECORD_BLOCKS     2 /* of a run that a range holds, about, with what they become ... */
#define PAYLOAD_BLOCKS    4 /* ... and of its payload */
#define MIN_RANGE_ROWS    16
#define MIN_RESIDENT_ROWS 4096
#define MAX_RANGE_ROWS    (INT64_C(1) << 19)
#define RANGE_PART        4  /* chunks that are not read yet keep the payload of ranges before */
#define ROW_BYTES         48 /* of a range, beside records and payload */
#define PACKED_ROW_BYTES  8

void
cni_sort_finish_init(cni_sort_finish *self, cni_sort_plan *plan)
{
    *self = (cni_sort_finish){.plan = plan};
    cni_mutex_init(&self->mutex);
}

void
cni_sort_finish_done(cni_sort_finish *self)
{
    if (self->plan == NULL) {
        return;
    }
    cni_sort_finish_disarm(self);
    self->plan->closing = true;
    cni_sort_set_done(&self->set);
    cni_sort_runs_done(&self->merged, self->plan->allocator);
    cni_sort_runs_done(&self->runs, self->plan->allocator);
    cni_mutex_done(&self->mutex);
    *self = (cni_sort_finish){0};
}

/* The local's runs behind those that are there already. */
static cn_code
take_runs(cni_sort_finish *self, cni_sort_runs *runs, cn_error *err)
{
    cni_allocator *allocator = self->plan->allocator;
    CN_TRY(cni_sort_grow(allocator, (void *)&self->runs.items, &self->runs.cap_items,
                         self->runs.n_items + runs->n_items, (int64_t)sizeof(cni_sort_run *), err));
    for (int64_t run = 0; run < runs->n_items; run++) {
        self->runs.items[self->runs.n_items++] = runs->items[run];
    }
    runs->n_items = 0;
    return CN_OK;
}

cn_code
cni_sort_finish_collect(cni_sort_finish *self, cni_sort_local *local, cn_error *err)
{
    const cni_sort_plan *plan = self->plan;
    cni_sort_local_drop_batch(local);
    const int64_t n_keep = cni_memory_may_keep(plan->budget, plan->context, local->resident_bytes);
    CN_TRY(cni_sort_local_spill(local, n_keep, err));
    cni_mutex_lock(&self->mutex);
    const cn_code code = take_runs(self, &local->runs, err);
    self->resident_bytes += code == CN_OK ? local->resident_bytes : 0;
    cni_mutex_unlock(&self->mutex);
    local->resident_bytes = 0;
    return code;
}

/* ---- how many runs at once ---- */

/* What a worker may use for its range. */
static int64_t
range_bytes(const cni_sort_plan *plan)
{
    return cni_memory_may_keep(plan->budget, plan->context, 0) / plan->n_workers;
}

/* Runs that the finished sort is read from: workers share the extents that are held. */
static int64_t
choose_fan_in(const cni_sort_finish *self)
{
    const cni_sort_plan *plan = self->plan;
    const int64_t n_blocks = RECORD_BLOCKS + (plan->n_payload > 0 ? PAYLOAD_BLOCKS : 0);
    const int64_t run_bytes =
        plan->extent_bytes * CNI_SORT_HELD / plan->n_workers + plan->block_bytes * n_blocks;
    const bool spilled = cni_counter_get(&plan->spilled_runs) > 0;
    return spilled ? cni_max_i64(MIN_FAN_IN, range_bytes(plan) / run_bytes) : INT64_MAX;
}

/* Runs that become one, in a worker's task: it holds their extents alone, and items beside. */
static int64_t
choose_merge_fan_in(const cni_sort_finish *self)
{
    const cni_sort_plan *plan = self->plan;
    const int64_t n_blocks = 2 * RECORD_BLOCKS + (plan->n_payload > 0 ? PAYLOAD_BLOCKS : 0);
    const int64_t extent_bytes = plan->extent_bytes + plan->block_bytes + 2 * CNI_SPILL_ALIGN_BYTES;
    return cni_max_i64(MIN_FAN_IN, range_bytes(plan) / (extent_bytes * CNI_SORT_HELD +
                                                        plan->block_bytes * n_blocks));
}

/* Of the run's payload, about, when it is read. */
static int64_t
payload_bytes(const cni_sort_run *run)
{
    int64_t n_bytes = run->n_bytes;
    for (int64_t at = 0; run->plan->packed && at < run->n_extents; at++) {
        n_bytes -= run->extents[at].n_bytes;
    }
    for (int64_t at = 0; !run->plan->packed && at < run->n_blocks; at++) {
        n_bytes -= run->blocks[at].n_bytes;
    }
    return run->resident ? cni_max_i64(n_bytes, 0) : run->rows.memory_bytes;
}

/* Ranges of many spilled runs are longer, so that few blocks are read for two of them. All are so
 * short that the workers' ranges, which a client that does not pull keeps, are a part of what is
 * left. */
static int64_t
choose_range_rows(const cni_sort_finish *self)
{
    const cni_sort_plan *plan = self->plan;
    int64_t n_rows = 0;
    int64_t n_blocks = 0;
    int64_t n_bytes = 0;
    int64_t n_read_bytes = 0; /* blocks of payload are read by the page, and stay until joined */
    for (int64_t at = 0; at < self->runs.n_items; at++) {
        const cni_sort_run *run = self->runs.items[at];
        n_rows += run->n_rows;
        n_blocks += run->n_blocks;
        for (int64_t block = 0; block < run->n_blocks; block++) {
            n_bytes += run->blocks[block].n_bytes;
        }
        n_bytes += payload_bytes(run);
        n_read_bytes += run->rows.n_bytes + run->rows.n_blocks * 2 * CNI_SPILL_ALIGN_BYTES;
    }
    if (n_rows == 0 || plan->context->settings.test_spill) {
        return plan->range_rows;
    }
    const bool spilled = cni_counter_get(&plan->spilled_runs) > 0;
    const int64_t row_bytes = plan->packed ? PACKED_ROW_BYTES : ROW_BYTES;
    const int64_t many = cni_min_i64(self->runs.n_items * (n_rows / n_blocks), MAX_RANGE_ROWS);
    const int64_t wanted = spilled ? cni_max_i64(many, plan->range_rows) : plan->range_rows;
    const int64_t least = spilled ? MIN_RANGE_ROWS : MIN_RESIDENT_ROWS;
    const int64_t fitting =
        range_bytes(plan) / RANGE_PART / (row_bytes + (2 * n_bytes + n_read_bytes) / n_rows);
    return cni_max_i64(least, cni_min_i64(wanted, fitting));
}

static int64_t
count_groups(const cni_sort_finish *self)
{
    const int64_t n_runs = self->runs.n_items;
    const int64_t n_merged = cni_min_i64(self->fan_in, self->merge_fan_in);
    return n_runs <= self->fan_in ? 0 : (n_runs + n_merged - 1) / n_merged;
}

/* ---- tasks ---- */

/* Room for one run per group, none of which is there yet. */
static cn_code
prepare_merge(cni_sort_finish *self, cn_error *err)
{
    const int64_t n_groups = count_groups(self);
    CN_TRY(cni_sort_grow(self->plan->allocator, (void *)&self->merged.items,
                         &self->merged.cap_items, n_groups, (int64_t)sizeof(cni_sort_run *), err));
    for (int64_t group = 0; group < n_groups; group++) {
        self->merged.items[group] = NULL;
    }
    self->merged.n_items = n_groups;
    return CN_OK;
}

/* Runs in memory take the room for reading those on disk: when that would cost a pass over all,
 * they are written, too. */
static cn_code
choose_sizes(cni_sort_finish *self, cn_error *err)
{
    self->fan_in = choose_fan_in(self);
    self->merge_fan_in = choose_merge_fan_in(self);
    if (count_groups(self) > 0) {
        for (int64_t at = 0; at < self->runs.n_items; at++) {
            cni_sort_run *run = self->runs.items[at];
            if (run->resident) {
                CN_TRY(cni_sort_run_write(run, self->plan, err));
            }
        }
        self->resident_bytes = 0;
        self->fan_in = choose_fan_in(self);
        self->merge_fan_in = choose_merge_fan_in(self);
    }
    self->range_rows = choose_range_rows(self);
    return CN_OK;
}

int32_t
cni_sort_finish_tasks(cni_sort_finish *self)
{
    self->error = (cn_error)CN_ERROR_INIT;
    cn_code code = choose_sizes(self, &self->error);
    if (code == CN_OK) {
        code = prepare_merge(self, &self->error);
    }
    const int64_t n_groups = code == CN_OK ? self->merged.n_items : 0;
    const int32_t n_tasks = (int32_t)cni_min_i64(cni_max_i64(1, n_groups), 1 << 16);
    cni_flag_publish(&self->n_tasks_left, n_tasks);
    return n_tasks;
}

static cn_code
merge_group(cni_sort_finish *self, int64_t group, cn_error *err)
{
    const int64_t n_groups = self->merged.n_items;
    const int64_t n_runs = self->runs.n_items;
    const int64_t first = n_runs * group / n_groups;
    const int64_t end = n_runs * (group + 1) / n_groups;
    CN_TRY(cni_sort_merge_to_disk(self->plan, &self->runs, first, end - first, self->range_rows,
                                  &self->merged.items[group], err));
    for (int64_t run = first; run < end; run++) {
        cni_sort_run_free(CN_MOVE(self->runs.items[run]));
    }
    return CN_OK;
}

/* The merged runs take the place of all. */
static void
replace_runs(cni_sort_finish *self)
{
    const cni_sort_runs old = self->runs;
    self->runs = self->merged;
    self->merged = old;
    self->merged.n_items = 0;
    self->range_rows = choose_range_rows(self);
    cni_counter_add(&self->plan->merges, 1);
}

static cn_code
make_set(cni_sort_finish *self, cn_error *err)
{
    if (self->merged.n_items > 0) {
        replace_runs(self);
    }
    while (count_groups(self) > 0) { /* runs by the ten thousand */
        CN_TRY(prepare_merge(self, err));
        for (int64_t group = 0; group < self->merged.n_items; group++) {
            CN_TRY(merge_group(self, group, err));
        }
        replace_runs(self);
    }
    CN_TRY(cni_sort_set_init(&self->set, self->plan, &self->runs, 0, self->runs.n_items,
                             self->range_rows, err));
    cni_sort_finish_arm(self);
    return CN_OK;
}

cn_code
cni_sort_finish_work(cni_sort_finish *self, int32_t task, int32_t n_tasks, cn_error *err)
{
    if (self->error.code != CN_OK) {
        if (err != NULL) {
            *err = self->error;
        }
        return (cn_code)self->error.code;
    }
    for (int64_t group = task; group < self->merged.n_items; group += n_tasks) {
        CN_TRY(merge_group(self, group, err));
    }
    return cni_refcount_dec(&self->n_tasks_left) ? make_set(self, err) : CN_OK;
}
