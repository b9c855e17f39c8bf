/* SPDX-License-Identifier: Apache-2.0
 *
 * The budget tree: nodes, charging and releasing along the path to the root.
 *
 * A reservation takes from its node's credit with one compare-and-swap. When that is not enough the
 * node charges its parent for a step more than needed, and so on upwards; a refusal anywhere undoes
 * what was taken below and is tried once more without rounding up. Credit beyond two steps flows
 * back.
 */
#include "runtime/budget.h"

#include <stdio.h>

#include "runtime/budget_int.h"

/* ---- counters ---- */

/* Take up to n_bytes of credit; gives what was taken. */
static int64_t
take_credit(cni_budget *self, int64_t n_bytes)
{
    int64_t credit = cni_counter_get(&self->credit);
    while (credit > 0) {
        const int64_t taken = cni_min_i64(credit, n_bytes);
        if (cni_slot_swap(&self->credit, credit, credit - taken)) {
            return taken;
        }
        credit = cni_counter_get(&self->credit);
    }
    return 0;
}

static void
note_peak(cni_budget *self)
{
    const int64_t used = cni_counter_get(&self->charged) - cni_counter_get(&self->credit);
    cni_counter_max(&self->peak, cni_min_i64(used, cni_counter_get(&self->limit)));
}

/* Raise charged by n_bytes unless that passes the limit by more than is put by for that. */
static bool
extend_charged(cni_budget *self, int64_t n_bytes, int64_t beyond_bytes)
{
    int64_t charged = cni_counter_get(&self->charged);
    while (n_bytes - beyond_bytes <= cni_counter_get(&self->limit) - charged) {
        if (cni_slot_swap(&self->charged, charged, charged + n_bytes)) {
            return true;
        }
        charged = cni_counter_get(&self->charged);
    }
    return false;
}

/* ---- charging ---- */

/* What one level of the path has done so far, for the way back. */
typedef struct charge_level {
    cni_budget *node;
    int64_t taken;    /* from its credit */
    int64_t needed;   /* beyond its credit */
    int64_t extended; /* charged to the parent: needed, rounded up to a step */
} charge_level;

static int64_t
rounded_to_step(const cni_budget *self, int64_t n_bytes)
{
    const int64_t step = cni_counter_get(&self->step);
    if (self->parent == NULL || n_bytes > INT64_MAX - step) {
        return n_bytes;
    }
    return (n_bytes + step - 1) / step * step;
}

static void
undo_levels(charge_level *levels, int32_t n_levels)
{
    for (int32_t level = n_levels - 1; level >= 0; level--) {
        cni_counter_add(&levels[level].node->charged, -levels[level].extended);
        cni_counter_add(&levels[level].node->credit, levels[level].taken);
    }
}

static void
keep_levels(charge_level *levels, int32_t n_levels)
{
    for (int32_t level = 0; level < n_levels; level++) {
        const int64_t surplus = levels[level].extended - levels[level].needed;
        if (surplus > 0) {
            cni_counter_add(&levels[level].node->credit, surplus);
        }
        note_peak(levels[level].node);
    }
}

static cni_budget *
charge_path(cni_budget *self, int64_t n_bytes, bool exact, int64_t beyond_bytes)
{
    charge_level levels[CNI_BUDGET_MAX_DEPTH];
    int32_t n_levels = 0;
    int64_t amount = n_bytes;
    for (cni_budget *node = self; node != NULL && amount > 0; node = node->parent) {
        const int64_t taken = take_credit(node, amount);
        const int64_t needed = amount - taken;
        const int64_t extended = exact ? needed : rounded_to_step(node, needed);
        if (needed > 0 && !extend_charged(node, extended, beyond_bytes)) {
            cni_counter_add(&node->credit, taken);
            undo_levels(levels, n_levels);
            return node;
        }
        levels[n_levels++] = (charge_level){node, taken, needed, extended};
        amount = extended;
    }
    keep_levels(levels, n_levels);
    if (CN_UNLIKELY(n_levels > 0 && levels[n_levels - 1].node->root->region == NULL)) {
        cni_budget_pool_look(levels[n_levels - 1].node);
    }
    return NULL;
}

cni_budget *
cni_budget_try_charge(cni_budget *self, int64_t n_bytes)
{
    int64_t credit = cni_counter_get(&self->credit);
    if (CN_LIKELY(credit >= n_bytes && cni_slot_swap(&self->credit, credit, credit - n_bytes))) {
        note_peak(self);
        return NULL;
    }
    if (charge_path(self, n_bytes, false, 0) == NULL) {
        return NULL;
    }
    return charge_path(self, n_bytes, true, 0);
}

void
cni_budget_uncharge(cni_budget *self, int64_t n_bytes)
{
    cni_budget *node = self;
    int64_t amount = n_bytes;
    while (node->parent != NULL && amount > 0) {
        const int64_t credit = cni_counter_add(&node->credit, amount) + amount;
        const int64_t step = cni_counter_get(&node->step);
        if (CN_LIKELY(credit <= 2 * step)) {
            return;
        }
        amount = take_credit(node, credit - step);
        cni_counter_add(&node->charged, -amount);
        node = node->parent;
    }
    if (node->parent == NULL) {
        cni_counter_add(&node->charged, -amount);
    }
}

/* Try again until nobody is left to ask; false leaves who refused. */
static bool
charge_reclaiming(cni_budget *self, int64_t n_bytes, cni_budget_request *request,
                  cni_budget **inout_refuser)
{
    bool asked = true;
    while (asked) {
        cni_budget_drain_credits(*inout_refuser);
        cni_budget *next = cni_budget_try_charge(self, n_bytes);
        if (next == NULL) {
            return true;
        }
        *inout_refuser = next;
        asked = cni_budget_reclaim_some(next, n_bytes, request);
    }
    return false;
}

cn_code
cni_budget_charge(cni_budget *self, int64_t n_bytes, cn_error *err)
{
    cni_budget *refuser = cni_budget_try_charge(self, n_bytes);
    if (CN_LIKELY(refuser == NULL)) {
        return CN_OK;
    }
    const int64_t beyond_bytes = cni_budget_beyond_bytes(self->root);
    if (beyond_bytes > 0 && charge_path(self, n_bytes, true, beyond_bytes) == NULL) {
        return CN_OK;
    }
    /* What has become free may be taken by those who hold too much: then once more. Who does not
     * want to know why can do without. */
    cni_budget_request request = {.n_tried = 0};
    do {
        if (charge_reclaiming(self, n_bytes, &request, &refuser)) {
            return CN_OK;
        }
    } while (err != NULL && cni_budget_is_within(&self->root->node, refuser) &&
             cni_budget_arbitrate(self, n_bytes, &request));
    return cni_budget_refuse(refuser, n_bytes, err);
}

/* ---- the refusal's text ---- */

/* "64 MiB", "60.0 MiB", "512 bytes". */
static void
format_size(int64_t n_bytes, bool whole_if_exact, char out[32])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    if (n_bytes < 1024) {
        (void)snprintf(out, 32, "%lld bytes", (long long)n_bytes);
        return;
    }
    int32_t unit = 0;
    int64_t unit_bytes = 1024;
    while (unit < (int32_t)CN_ARRAY_LEN(units) - 1 && n_bytes / 1024 >= unit_bytes) {
        unit_bytes *= 1024;
        unit++;
    }
    if (whole_if_exact && n_bytes % unit_bytes == 0) {
        (void)snprintf(out, 32, "%lld %s", (long long)(n_bytes / unit_bytes), units[unit]);
        return;
    }
    const int64_t tenths = n_bytes / (unit_bytes / 1024) * 10 / 1024;
    (void)snprintf(out, 32, "%lld.%d %s", (long long)(tenths / 10), (int)(tenths % 10),
                   units[unit]);
}

cn_code
cni_budget_refuse(const cni_budget *refuser, int64_t n_bytes, cn_error *err)
{
    char limit[32];
    char in_use[32];
    char asked[32];
    format_size(cni_counter_get(&refuser->limit), true, limit);
    format_size(cni_budget_current_bytes(refuser), false, in_use);
    format_size(n_bytes, false, asked);
    return CN_FAIL(err, CN_BUDGET_EXCEEDED,
                   "out of memory budget: %s limit %s, %s in use, %s asked", refuser->name, limit,
                   in_use, asked);
}

/* ---- nodes ---- */

static void
face_ref(cni_allocator *face)
{
    cni_refcount_inc(&((cni_budget *)(void *)face)->n_refs);
}

static void
face_unref(cni_allocator *face)
{
    cni_budget_unref((cni_budget *)(void *)face);
}

static int64_t
step_for(const cni_budget *parent, int64_t limit_bytes)
{
    int64_t step = cni_min_i64(CNI_BUDGET_STEP_BYTES, limit_bytes / CNI_BUDGET_STEPS_PER_LIMIT);
    if (parent != NULL) {
        step = cni_min_i64(step, cni_counter_get(&parent->step));
    }
    return cni_max_i64(step, 1);
}

static void
node_init(cni_budget *self, cni_budget *parent, cni_budget_root *root, const char *name,
          int64_t limit_bytes)
{
    self->face = (cni_allocator){cni_budget_resize, face_ref, face_unref};
    self->n_refs = 1;
    self->name = name;
    self->parent = parent;
    self->root = root;
    self->limit = limit_bytes;
    self->soft_limit = CNI_BUDGET_UNLIMITED;
    self->step = step_for(parent, limit_bytes);
}

static void
link_child(cni_budget *parent, cni_budget *child)
{
    cni_mutex_lock(&cni_budget_top(parent)->tree);
    child->next_sibling = parent->first_child;
    if (parent->first_child != NULL) {
        parent->first_child->prev_sibling = child;
    }
    parent->first_child = child;
    cni_mutex_unlock(&cni_budget_top(parent)->tree);
}

static void
unlink_child(cni_budget *child)
{
    cni_budget *parent = child->parent;
    cni_mutex_lock(&cni_budget_top(parent)->tree);
    if (child->prev_sibling != NULL) {
        child->prev_sibling->next_sibling = child->next_sibling;
    } else {
        parent->first_child = child->next_sibling;
    }
    if (child->next_sibling != NULL) {
        child->next_sibling->prev_sibling = child->prev_sibling;
    }
    cni_mutex_unlock(&cni_budget_top(parent)->tree);
}

/* A root, alone or below a pool (parent), with a region or, as a pool, without. */
static cn_code
root_new(cni_budget *parent, bool has_region, const char *name, int64_t limit_bytes,
         cni_fault *fault, cni_budget **out_budget, cn_error *err)
{
    if (limit_bytes <= 0) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "memory limit of %s must be above 0, not %lld",
                       name, (long long)limit_bytes);
    }
    if (cni_fault_hit(fault, CNI_FAULT_ALLOC)) {
        return cni_error_no_memory(err, (int64_t)sizeof(cni_budget_root));
    }
    cni_budget_root *root = NULL;
    CN_TRY(cni_alloc_zeroed(cni_allocator_system(), (int64_t)sizeof(*root), &root, err));
    const cn_code code = has_region ? cni_region_new(&root->region, err) : CN_OK;
    if (code != CN_OK) {
        cni_dealloc(cni_allocator_system(), root, (int64_t)sizeof(*root));
        return code;
    }
    cni_mutex_init(&root->tree);
    cni_cond_init(&root->reclaimed);
    root->fault = fault;
    root->top = parent == NULL ? root : cni_budget_top(parent);
    node_init(&root->node, parent == NULL ? NULL : cni_budget_ref(parent), root, name, limit_bytes);
    cni_budget_update_region_limit(root);
    if (parent != NULL) {
        root->node.depth = parent->depth + 1;
        cni_counter_add(&parent->root->n_roots, 1);
        link_child(parent, &root->node);
    }
    *out_budget = &root->node;
    return CN_OK;
}

cn_code
cni_budget_new_root(const char *name, int64_t limit_bytes, cni_fault *fault,
                    cni_budget **out_budget, cn_error *err)
{
    return root_new(NULL, true, name, limit_bytes, fault, out_budget, err);
}

cn_code
cni_budget_new_pool(const char *name, int64_t limit_bytes, cni_budget **out_budget, cn_error *err)
{
    return root_new(NULL, false, name, limit_bytes, NULL, out_budget, err);
}

cn_code
cni_budget_new_root_in(cni_budget *pool, const char *name, int64_t limit_bytes, cni_fault *fault,
                       cni_budget **out_budget, cn_error *err)
{
    CN_ASSERT(pool->root->region == NULL);
    return root_new(pool, true, name, limit_bytes, fault, out_budget, err);
}

cn_code
cni_budget_new(cni_budget *parent, const char *name, int64_t limit_bytes, cni_budget **out_budget,
               cn_error *err)
{
    if (limit_bytes <= 0) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "memory limit of %s must be above 0, not %lld",
                       name, (long long)limit_bytes);
    }
    if (parent->depth + 1 >= CNI_BUDGET_MAX_DEPTH) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "memory budget of %s would be nested deeper than %d",
                       name, CNI_BUDGET_MAX_DEPTH);
    }
    if (cni_fault_hit(parent->root->fault, CNI_FAULT_ALLOC)) {
        return cni_error_no_memory(err, (int64_t)sizeof(cni_budget));
    }
    cni_budget *self = NULL;
    CN_TRY(cni_alloc_zeroed(cni_allocator_system(), (int64_t)sizeof(*self), &self, err));
    node_init(self, cni_budget_ref(parent), parent->root, name, limit_bytes);
    self->depth = parent->depth + 1;
    link_child(parent, self);
    *out_budget = self;
    return CN_OK;
}

cni_budget *
cni_budget_ref(cni_budget *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

static void
root_free(cni_budget_root *root)
{
    CN_ASSERT(cni_counter_get(&root->node.charged) == cni_counter_get(&root->node.credit));
    if (root->region != NULL) {
        cni_region_free(root->region);
    }
    cni_cond_done(&root->reclaimed);
    cni_mutex_done(&root->tree);
    cni_dealloc(cni_allocator_system(), root, (int64_t)sizeof(*root));
}

static void
node_free(cni_budget *self)
{
    if (self == &self->root->node) {
        root_free(self->root);
    } else {
        cni_dealloc(cni_allocator_system(), self, (int64_t)sizeof(*self));
    }
}

void
cni_budget_unref(cni_budget *self)
{
    cni_budget *node = self;
    while (node != NULL && cni_refcount_dec(&node->n_refs)) {
        if (node->root->region != NULL && !cni_region_is_usable(node->root->region)) {
            return; /* a forked child leaves the tree as it was */
        }
        cni_budget *parent = node->parent;
        if (parent != NULL) {
            unlink_child(node);
            CN_ASSERT(cni_counter_get(&node->charged) == cni_counter_get(&node->credit));
            cni_budget_uncharge(parent, cni_counter_get(&node->charged));
        }
        if (parent != NULL && node == &node->root->node) {
            cni_counter_add(&parent->root->n_roots, -1);
        }
        node_free(node);
        node = parent;
    }
}

void
cni_budget_set_limit(cni_budget *self, int64_t limit_bytes)
{
    cni_counter_set(&self->limit, limit_bytes);
    cni_counter_set(&self->step, step_for(self->parent, limit_bytes));
    if (self == &self->root->node) {
        cni_budget_update_region_limit(self->root);
    }
}

void
cni_budget_set_soft_limit(cni_budget *self, int64_t limit_bytes)
{
    cni_counter_set(&self->soft_limit, limit_bytes);
}

int64_t
cni_budget_soft_limit_bytes(const cni_budget *self)
{
    return cni_min_i64(cni_counter_get(&self->soft_limit), cni_counter_get(&self->limit));
}

int64_t
cni_budget_charged_bytes(const cni_budget *self)
{
    return cni_counter_get(&self->charged) - cni_counter_get(&self->credit);
}

int64_t
cni_budget_left_beside(const cni_budget *self, int64_t own_bytes)
{
    int64_t left = INT64_MAX;
    for (const cni_budget *node = self; node != NULL; node = node->parent) {
        const int64_t others = cni_max_i64(cni_budget_charged_bytes(node) - own_bytes, 0);
        left = cni_min_i64(left, cni_budget_limit_bytes(node) - others);
    }
    return left;
}

cn_code
cni_budget_reserve(cni_budget *self, int64_t n_bytes, cn_error *err)
{
    if (n_bytes < 0) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "cannot reserve %lld bytes", (long long)n_bytes);
    }
    if (cni_fault_hit(self->root->fault, CNI_FAULT_ALLOC)) {
        return cni_error_no_memory(err, n_bytes);
    }
    CN_TRY(cni_budget_charge(self, n_bytes, err));
    cni_counter_add(&self->root->reserved_bytes, n_bytes);
    cni_budget_update_region_limit(self->root);
    return CN_OK;
}

void
cni_budget_release(cni_budget *self, int64_t n_bytes)
{
    cni_counter_add(&self->root->reserved_bytes, -n_bytes);
    cni_budget_update_region_limit(self->root);
    cni_budget_uncharge(self, n_bytes);
}

int64_t
cni_budget_put_by(cni_budget *self, int64_t n_bytes)
{
    const int64_t n_before = cni_counter_get(&self->put_by);
    if (n_bytes > n_before && cni_budget_reserve(self, n_bytes - n_before, NULL) != CN_OK) {
        return n_before;
    }
    if (n_bytes < n_before) {
        cni_budget_release(self, n_before - n_bytes);
    }
    cni_counter_set(&self->put_by, n_bytes);
    return n_bytes;
}

int64_t
cni_budget_current_bytes(const cni_budget *self)
{
    const int64_t credit = cni_counter_get(&self->credit) + cni_budget_credits_below(self);
    return cni_max_i64(cni_counter_get(&self->charged) - credit, 0);
}

int64_t
cni_budget_peak_bytes(const cni_budget *self)
{
    return cni_counter_get(&self->peak);
}

int64_t
cni_budget_limit_bytes(const cni_budget *self)
{
    return cni_counter_get(&self->limit);
}

cni_allocator *
cni_budget_allocator(cni_budget *self)
{
    return &self->face;
}

cni_fault *
cni_budget_fault(const cni_budget *self)
{
    return self->root->fault;
}
