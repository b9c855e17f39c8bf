/* SPDX-License-Identifier: Apache-2.0
 *
 * What regions below one pool hold of the system's memory. Each is bounded by itself; together they
 * may hold more than the pool has, in slabs that one has emptied and another needs. When a charge
 * reaches the pool and they do, all of them give back what they do not use.
 */
#include "runtime/budget_int.h"

#define LOOK_NS   (10 * INT64_C(1000000)) /* trimming costs page faults */
#define MAX_ROOTS 64                      /* trimmed at once */

/* The roots below, referenced; gives what they hold together. */
static int64_t
collect_roots(cni_budget *pool, cni_budget *out_roots[MAX_ROOTS], int32_t *out_n_roots)
{
    int64_t held_bytes = 0;
    int32_t n_roots = 0;
    cni_mutex_lock(&cni_budget_top(pool)->tree);
    for (cni_budget *root = pool->first_child; root != NULL; root = root->next_sibling) {
        held_bytes += cni_budget_committed_bytes(root);
        held_bytes += cni_counter_get(&root->root->reserved_bytes);
        if (n_roots < MAX_ROOTS && cni_budget_try_ref(root)) {
            out_roots[n_roots++] = root;
        }
    }
    cni_mutex_unlock(&cni_budget_top(pool)->tree);
    *out_n_roots = n_roots;
    return held_bytes;
}

void
cni_budget_pool_look(cni_budget *pool)
{
    cni_budget_root *top = pool->root;
    cni_budget *roots[MAX_ROOTS];
    int32_t n_roots = 0;
    const int64_t now_ns = cni_clock_ns();
    const int64_t looked_ns = cni_counter_get(&top->looked_ns);
    if (cni_counter_get(&top->n_roots) < 2 || now_ns - looked_ns < LOOK_NS ||
        !cni_slot_swap(&top->looked_ns, looked_ns, now_ns)) {
        return; /* one alone keeps to the pool's limit */
    }
    const int64_t held_bytes = collect_roots(pool, roots, &n_roots);
    const bool is_over = held_bytes > cni_counter_get(&pool->limit);
    for (int32_t at = 0; at < n_roots; at++) {
        if (is_over) {
            cni_budget_trim(roots[at]);
        }
        cni_budget_unref(roots[at]);
    }
}
