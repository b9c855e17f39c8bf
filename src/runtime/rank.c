/* SPDX-License-Identifier: Apache-2.0
 *
 * Who goes first: stride scheduling over tenants and, within one, over its groups.
 *
 * `pass` grows by the thread time used, divided by the weight; the least goes first. Who had
 * nothing to do starts level with the least of those that have: time that passed meanwhile is no
 * claim on the future. Short groups count a quarter (CNI_GROUP_SHORT_NS).
 *
 *   slots      |##|##|  |     n_busy of n_slots; a step holds one
 *   contenders  groups that have ready tasks and somebody waiting to run them
 *
 * A group that has just run goes on, without waking another thread, as long as it is not ahead by
 * more than SLACK_NS.
 */
#include "runtime/task_int.h"

#define SLACK_NS    1000000
#define OVERDUE_NS  4000000 /* steps are to be a quarter of that */
#define SHORT_SHARE 4

/* ---- passes, all under the lock ---- */

bool
cni_group_ranks_before(const cni_group *self, const cni_group *other, int64_t slack_ns)
{
    if (self->tenant == other->tenant) {
        return self->pass + slack_ns < other->pass;
    }
    return self->tenant->pass + slack_ns < other->tenant->pass;
}

void
cni_group_charge(cni_group *self, int64_t used_ns)
{
    const int64_t share = self->used_ns < CNI_GROUP_SHORT_NS ? SHORT_SHARE : 1;
    const int64_t charged = used_ns * CNI_WEIGHT_NORMAL / self->weight / share;
    self->used_ns += used_ns;
    self->pass += charged;
    self->tenant->pass += charged;
}

/* Where a tenant that was idle starts. */
static int64_t
least_tenant_pass(const cni_core *core)
{
    int64_t pass = core->first_listed == NULL ? core->pass : INT64_MAX;
    for (const cni_group *group = core->first_listed; group != NULL; group = group->next_listed) {
        pass = cni_min_i64(pass, group->tenant->pass);
    }
    return pass;
}

/* Where a group that was idle starts, among those of its tenant. */
static int64_t
least_group_pass(const cni_group *self)
{
    int64_t pass = INT64_MAX;
    for (const cni_group *group = self->core->first_listed; group != NULL;
         group = group->next_listed) {
        if (group != self && group->tenant == self->tenant) {
            pass = cni_min_i64(pass, group->pass);
        }
    }
    return pass == INT64_MAX ? self->tenant->group_pass : pass;
}

void
cni_group_update_active(cni_group *self)
{
    cni_tenant *tenant = self->tenant;
    const bool wanted = self->n_ready > 0 || self->n_running > 0;
    if (wanted == self->is_active) {
        return;
    }
    self->is_active = wanted;
    tenant->n_active += wanted ? 1 : -1;
    if (wanted && tenant->n_active == 1) {
        tenant->pass = cni_max_i64(tenant->pass, least_tenant_pass(self->core));
    }
    if (wanted) {
        self->pass = cni_max_i64(self->pass, least_group_pass(self));
    }
}

/* ---- slots, all under the lock ---- */

bool
cni_core_is_inside(const cni_core *self)
{
    const uint64_t me = cni_thread_id();
    for (const cni_task *task = self->first_running; task != NULL; task = task->next_running) {
        if (task->thread == me) {
            return true;
        }
    }
    return false;
}

/* Whether another pool thread would come if it were called. */
static bool
has_spare_worker(const cni_core *self)
{
    bool has_one = self->n_idle > self->n_signalled;
    for (int32_t place = 0; !has_one && place < self->n_threads - 1; place++) {
        has_one = !self->workers[place].is_taken;
    }
    return has_one;
}

/* Somebody waits to run a task of the group: a helper, or a pool thread for those that are not left
 * to helpers. */
static bool
is_contender(const cni_group *group, bool has_spare)
{
    const int64_t n_left = cni_group_left_to_helpers(group);
    return group->n_running < group->max_workers &&
           (group->n_sleeping > 0 ||
            (has_spare && group->max_workers > 1 && group->n_ready > n_left));
}

/* Slots that nobody has. A step that goes on for too long, or waits for the disk, keeps its slot,
 * but short groups do not wait for it: they may have one more. */
static int32_t
count_free(const cni_core *self, bool for_short)
{
    int32_t n_free = self->n_slots - self->n_busy;
    if (n_free > 0 || !for_short) {
        return n_free;
    }
    const int64_t overdue_ns = cni_clock_ns() - OVERDUE_NS;
    for (const cni_task *task = self->first_running; task != NULL; task = task->next_running) {
        n_free += task->begun_ns <= overdue_ns ? 1 : 0;
    }
    return n_free;
}

static bool
is_short(const cni_group *group)
{
    return group->used_ns < CNI_GROUP_SHORT_NS;
}

bool
cni_core_may_run(const cni_core *self, const cni_group *group)
{
    const int32_t n_free = count_free(self, is_short(group));
    int32_t n_before = 0;
    if (n_free <= 0) {
        return false;
    }
    const bool only_short = self->n_busy >= self->n_slots;
    const bool has_spare = has_spare_worker(self);
    for (const cni_group *other = self->first_listed; other != NULL; other = other->next_listed) {
        n_before += other != group && (!only_short || is_short(other)) &&
                            is_contender(other, has_spare) &&
                            cni_group_ranks_before(other, group, SLACK_NS)
                        ? 1
                        : 0;
    }
    return n_before < n_free;
}

int64_t
cni_core_look_again_ns(const cni_core *self, const cni_group *group, int64_t at_most_ns)
{
    int64_t look_ns = at_most_ns;
    if (group->n_ready == 0 || !is_short(group)) {
        return look_ns;
    }
    const int64_t now_ns = cni_clock_ns();
    for (const cni_task *task = self->first_running; task != NULL; task = task->next_running) {
        const int64_t overdue_ns =
            task->begun_ns == INT64_MAX ? INT64_MAX : task->begun_ns + OVERDUE_NS;
        look_ns = overdue_ns > now_ns ? cni_min_i64(look_ns, overdue_ns) : look_ns;
    }
    return look_ns;
}

cni_call
cni_core_offer_slot(cni_core *self)
{
    cni_group *best = NULL;
    if (self->first_listed == NULL || count_free(self, true) <= 0) {
        return (cni_call){NULL};
    }
    const bool only_short = self->n_busy >= self->n_slots;
    const bool has_spare = has_spare_worker(self);
    for (cni_group *group = self->first_listed; group != NULL; group = group->next_listed) {
        if ((!only_short || is_short(group)) && is_contender(group, has_spare) &&
            (best == NULL || cni_group_ranks_before(group, best, 0))) {
            best = group;
        }
    }
    if (best == NULL) {
        return (cni_call){NULL};
    }
    if (best->n_sleeping > 0) {
        cni_cond_signal(&best->changed);
        return (cni_call){NULL};
    }
    return cni_core_call_worker(self);
}

/* ---- tenants ---- */

cn_code
cni_tenant_new(cni_pool *pool, cni_allocator *allocator, cni_tenant **out_tenant, cn_error *err)
{
    cni_tenant *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    cni_allocator_ref(allocator);
    self->allocator = allocator;
    self->n_refs = 1;
    self->core = cni_pool_core(pool);
    cni_refcount_inc(&self->core->n_refs);
    *out_tenant = self;
    return CN_OK;
}

cni_tenant *
cni_tenant_ref(cni_tenant *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

void
cni_tenant_unref(cni_tenant *self)
{
    if (self != NULL && cni_refcount_dec(&self->n_refs)) {
        cni_core *core = self->core;
        cni_allocator *allocator = self->allocator;
        cni_dealloc(allocator, self, (int64_t)sizeof(*self));
        cni_allocator_unref(allocator);
        cni_core_unref(core);
    }
}
