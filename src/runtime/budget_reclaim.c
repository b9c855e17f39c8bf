/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens when a budget node refuses: unused credit of all nodes below it comes back first,
 * then reclaimers at or below it are asked, each at most once per request: those that only drop
 * something before those that write, of equals the largest user first.
 *
 * Reclaimers run under no lock, one thread at a time per node; the node is referenced meanwhile. A
 * request made from inside a reclaimer reclaims nothing more: it takes what the node has put by,
 * which counts as used before and as passing the limits then. Whoever finds only reclaimers that
 * other threads run waits for one of them to return.
 */
#include "runtime/budget_int.h"

/* The node behind `node` in pre-order within the subtree of `top`; NULL at the end. */
static cni_budget *
next_in_tree(const cni_budget *top, const cni_budget *node)
{
    if (node->first_child != NULL) {
        return node->first_child;
    }
    while (node != top) {
        if (node->next_sibling != NULL) {
            return node->next_sibling;
        }
        node = node->parent;
    }
    return NULL;
}

static cni_budget *
deepest_first(cni_budget *node)
{
    while (node->first_child != NULL) {
        node = node->first_child;
    }
    return node;
}

/* The node behind `node` in post-order; `top` itself comes last. */
static cni_budget *
next_after_children(const cni_budget *node)
{
    return node->next_sibling != NULL ? deepest_first(node->next_sibling) : node->parent;
}

static void
give_credit_back(cni_budget *node)
{
    int64_t credit = cni_counter_get(&node->credit);
    while (credit > 0 && !cni_slot_swap(&node->credit, credit, 0)) {
        credit = cni_counter_get(&node->credit);
    }
    if (credit > 0) {
        cni_counter_add(&node->charged, -credit);
        cni_budget_uncharge(node->parent, credit);
    }
}

void
cni_budget_drain_credits(cni_budget *self)
{
    cni_mutex_lock(&cni_budget_top(self)->tree);
    for (cni_budget *node = deepest_first(self); node != self; node = next_after_children(node)) {
        give_credit_back(node);
    }
    cni_mutex_unlock(&cni_budget_top(self)->tree);
}

int64_t
cni_budget_credits_below(const cni_budget *self)
{
    int64_t credits = 0;
    cni_mutex_lock(&cni_budget_top(self)->tree);
    for (cni_budget *node = next_in_tree(self, self); node != NULL;
         node = next_in_tree(self, node)) {
        credits += cni_counter_get(&node->credit);
    }
    cni_mutex_unlock(&cni_budget_top(self)->tree);
    return credits;
}

static bool
was_tried(const cni_budget_request *request, const cni_budget *node)
{
    for (int32_t tried = 0; tried < request->n_tried; tried++) {
        if (request->tried[tried] == node) {
            return true;
        }
    }
    return false;
}

bool
cni_budget_try_ref(cni_budget *self)
{
    int64_t n_refs = cni_counter_get(&self->n_refs);
    while (n_refs > 0) {
        if (cni_slot_swap(&self->n_refs, n_refs, n_refs + 1)) {
            return true;
        }
        n_refs = cni_counter_get(&self->n_refs);
    }
    return false;
}

/* The node of this tree whose reclaimer the calling thread is inside, or NULL. Under the tree lock.
 */
static const cni_budget *
reclaiming_node(const cni_budget_root *root)
{
    const uint64_t me = cni_thread_id();
    const cni_budget *node = &root->node;
    while (node != NULL && node->reclaim_thread != me) {
        node = next_in_tree(&root->node, node);
    }
    return node;
}

int64_t
cni_budget_beyond_bytes(const cni_budget_root *root)
{
    const int64_t n_bytes = cni_counter_get(&root->beyond_bytes);
    if (CN_LIKELY(n_bytes == 0)) {
        return 0;
    }
    cni_mutex_lock(&root->top->tree);
    const cni_budget *node = reclaiming_node(root->top);
    const bool may = node != NULL && cni_counter_get(&node->put_by) > 0;
    cni_mutex_unlock(&root->top->tree);
    return may ? n_bytes : 0;
}

static int64_t
used_bytes(const cni_budget *node)
{
    return cni_counter_get(&node->charged) - cni_counter_get(&node->credit);
}

static bool
is_asked_before(const cni_budget *self, const cni_budget *other)
{
    if (self->reclaim_cost != other->reclaim_cost) {
        return self->reclaim_cost == CNI_RECLAIM_DROPS;
    }
    return used_bytes(self) > used_bytes(other);
}

/* Who is to be asked next, or NULL. Under the tree lock. */
static cni_budget *
pick(cni_budget *refuser, const cni_budget_request *request, bool *out_busy)
{
    cni_budget *best = NULL;
    *out_busy = false;
    for (cni_budget *node = refuser; node != NULL; node = next_in_tree(refuser, node)) {
        if (node->reclaim == NULL || was_tried(request, node)) {
            continue;
        }
        if (node->reclaim_thread != 0) {
            *out_busy = true;
            continue;
        }
        if (best == NULL || is_asked_before(node, best)) {
            best = node;
        }
    }
    return best;
}

/* Call the reclaimer of `node`, which is referenced and marked busy; gives its answer. */
static int64_t
run_reclaim(cni_budget *node, cni_budget_reclaim reclaim, void *private_data, int64_t n_bytes)
{
    const int64_t put_by = cni_counter_get(&node->put_by);
    cni_counter_add(&node->root->beyond_bytes, put_by);
    const int64_t answer = reclaim(private_data, n_bytes);
    cni_counter_add(&node->root->beyond_bytes, -put_by);
    cni_mutex_lock(&cni_budget_top(node)->tree);
    node->reclaim_thread = 0;
    cni_cond_broadcast(&cni_budget_top(node)->reclaimed);
    cni_mutex_unlock(&cni_budget_top(node)->tree);
    cni_budget_unref(node);
    return answer;
}

bool
cni_budget_reclaim_some(cni_budget *refuser, int64_t n_bytes, cni_budget_request *request)
{
    cni_budget_root *root = cni_budget_top(refuser);
    if (request->n_tried == CNI_BUDGET_MAX_RECLAIMS) {
        return false;
    }
    cni_mutex_lock(&root->tree);
    bool busy = false;
    cni_budget *node = reclaiming_node(root) != NULL ? NULL : pick(refuser, request, &busy);
    if (node != NULL && cni_budget_try_ref(node)) {
        request->tried[request->n_tried++] = node;
        node->reclaim_thread = cni_thread_id();
        const cni_budget_reclaim reclaim = node->reclaim;
        void *private_data = node->reclaim_private;
        cni_mutex_unlock(&root->tree);
        if (run_reclaim(node, reclaim, private_data, n_bytes) == CNI_RECLAIM_BUSY) {
            request->is_busy = true;
        }
        return true;
    }
    if (node != NULL) {
        request->tried[request->n_tried++] = node;
    } else if (busy) {
        request->tried[request->n_tried++] = NULL; /* waiting is bounded, too */
        cni_cond_wait(&root->reclaimed, &root->tree);
    }
    cni_mutex_unlock(&root->tree);
    return node != NULL || busy;
}

bool
cni_budget_arbitrate(cni_budget *self, int64_t n_bytes, cni_budget_request *request)
{
    cni_budget_root *top = cni_budget_top(self);
    const cni_budget_root *root = self->root;
    if (root->arbiter == NULL || request->is_settled) {
        return false;
    }
    cni_mutex_lock(&top->tree);
    const bool inside = reclaiming_node(top) != NULL;
    cni_mutex_unlock(&top->tree);
    if (inside) {
        return false;
    }
    request->until_ns =
        request->until_ns == 0 ? cni_clock_ns() + CNI_BUDGET_PATIENCE_NS : request->until_ns;
    const cni_arbitration_request question = {
        .requester = self,
        .n_bytes = n_bytes,
        .until_ns = request->until_ns,
        .busy_until_ns = request->until_ns - CNI_BUDGET_PATIENCE_NS + CNI_BUDGET_BUSY_NS,
        .is_busy = request->is_busy,
    };
    request->is_settled = root->arbiter(root->arbiter_private, &question) == CNI_ARBITRATION_LAST;
    request->is_busy = false;
    request->n_tried = 0;
    return true;
}

void
cni_budget_set_arbiter(cni_budget *root, cni_budget_arbiter arbiter, void *private_data)
{
    root->root->arbiter_private = private_data;
    root->root->arbiter = arbiter;
}

bool
cni_budget_is_within(const cni_budget *self, const cni_budget *node)
{
    const cni_budget *at = self;
    while (at != NULL && at != node) {
        at = at->parent;
    }
    return at != NULL;
}

void
cni_budget_set_reclaim_cost(cni_budget *self, cni_reclaim_cost cost)
{
    cni_mutex_lock(&cni_budget_top(self)->tree);
    self->reclaim_cost = (uint8_t)cost;
    cni_mutex_unlock(&cni_budget_top(self)->tree);
}

void
cni_budget_set_reclaim(cni_budget *self, cni_budget_reclaim reclaim, void *private_data)
{
    cni_budget_root *root = cni_budget_top(self);
    cni_mutex_lock(&root->tree);
    self->reclaim = reclaim;
    self->reclaim_private = private_data;
    while (self->reclaim_thread != 0 && self->reclaim_thread != cni_thread_id()) {
        cni_cond_wait(&root->reclaimed, &root->tree);
    }
    cni_mutex_unlock(&root->tree);
}
