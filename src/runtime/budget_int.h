/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a budget node, shared by budget.c (nodes and charging), budget_reclaim.c (what
 * happens on a refusal) and budget_alloc.c (the allocator face over the region).
 *
 * A node has taken `charged` bytes from its parent; `credit` of them are not used yet:
 *
 *        limit |---------------------------------------|
 *      charged |=============================|            taken from the parent, in steps
 *         used |====================|                     charged - credit
 *       credit                      |========|            next reservations come from here
 *
 * The root takes from nobody: its charged is what it uses, and its credit is always 0.
 * Charging is lock-free. The tree's shape, reclaimers and who runs one are under the lock of the
 * tree's top, which is the root, or the pool above several roots:
 *
 *   pool (no region) -> engine (root, region) -> session ...
 *                    -> engine (root, region) -> ...
 */
#ifndef CNI_RUNTIME_BUDGET_INT_H
#define CNI_RUNTIME_BUDGET_INT_H

#include "base/thread.h"
#include "runtime/budget.h"
#include "runtime/region_int.h"

#define CNI_BUDGET_STEP_BYTES (256 << 10)
/* A step is at most this part of the tightest limit on the path, so that small limits stay sharp.
 */
#define CNI_BUDGET_STEPS_PER_LIMIT 64
#define CNI_BUDGET_MAX_DEPTH       16

typedef struct cni_budget_root cni_budget_root;

/* Thread: synchronised. */
struct cni_budget {
    cni_allocator face; /* first: cni_budget_allocator gives this */
    cni_atomic_i64 n_refs;
    const char *name;
    cni_budget *parent; /* referenced; NULL at the root */
    cni_budget_root *root;
    int32_t depth;
    uint64_t
        reclaim_thread; /* who runs the reclaimer, or 0; under the tree's lock, as what follows */
    cni_budget_reclaim reclaim;
    void *reclaim_private;
    uint8_t reclaim_cost; /* cni_reclaim_cost */
    cni_budget *first_child;
    cni_budget *next_sibling;
    cni_budget *prev_sibling;
    /* The shared counters have a line of their own. */
    _Alignas(64) cni_atomic_i64 credit;
    cni_atomic_i64 charged;
    cni_atomic_i64 peak;
    cni_atomic_i64 limit;
    cni_atomic_i64 soft_limit;
    cni_atomic_i64 step;
    cni_atomic_i64 put_by; /* slot: reserved for the reclaimer */
};

struct cni_budget_root {
    cni_budget node;               /* first */
    cni_budget_root *top;          /* whose lock is the tree's: this one, or the pool above */
    cni_mutex tree;                /* of the top */
    cni_cond reclaimed;            /* of the top: a reclaimer returned */
    cni_region *region;            /* NULL in a pool: it has no blocks */
    cni_fault *fault;              /* borrowed, may be NULL */
    cni_atomic_i64 reserved_bytes; /* of cni_budget_reserve: memory outside of the region */
    cni_atomic_i64 beyond_bytes;   /* counter: put by for reclaimers that run */
    cni_atomic_i64 holes_bytes;    /* counter: what the last trim could not give back, or less */
    cni_budget_arbiter arbiter;    /* may be NULL */
    void *arbiter_private;
    cni_atomic_i64 n_roots;   /* of a pool: counter */
    cni_atomic_i64 looked_ns; /* of a pool, slot: when what its roots hold was last looked at */
};

/* The lock and condition of a node's tree. */
static inline cni_budget_root *
cni_budget_top(const cni_budget *self)
{
    return self->root->top;
}

/* A charge has reached the pool above `self`'s root: when the regions below it hold more than the
 * pool may have, what they do not use goes back to the system. */
void cni_budget_pool_look(cni_budget *pool);

/* Reserve n_bytes >= 0 for `self` on the whole path; NULL, or the node that refuses (then nothing
 * has changed). Does not reclaim. */
cni_budget *cni_budget_try_charge(cni_budget *self, int64_t n_bytes);
void cni_budget_uncharge(cni_budget *self, int64_t n_bytes);
/* The same with reclaiming, and an error. Holds no lock. */
CN_NODISCARD cn_code cni_budget_charge(cni_budget *self, int64_t n_bytes, cn_error *err);

/* Progress of reclaiming for one request; zero bytes to start. */
#define CNI_BUDGET_MAX_RECLAIMS 16
#define CNI_BUDGET_PATIENCE_NS  (1000 * INT64_C(1000000))
#define CNI_BUDGET_BUSY_NS      (200 * INT64_C(1000000)) /* of it, for reclaimers that are busy */
typedef struct cni_budget_request {
    const cni_budget *tried[CNI_BUDGET_MAX_RECLAIMS];
    int32_t n_tried;
    int64_t until_ns; /* of arbitration; 0 = not begun */
    bool is_busy;     /* one of them could give something in a moment */
    bool is_settled;  /* that was the last time */
} cni_budget_request;

/* Ask one reclaimer at or below `refuser` for n_bytes, the cheapest first, of equals the largest
 * user, each once until arbitration, or wait for one that another thread is asking. False when
 * nobody is left to ask. */
bool cni_budget_reclaim_some(cni_budget *refuser, int64_t n_bytes, cni_budget_request *request);
/* Reclaiming was in vain: whether to try and to ask once more, after a wait. Not from inside a
 * reclaimer; for CNI_BUDGET_PATIENCE_NS in all. */
bool cni_budget_arbitrate(cni_budget *self, int64_t n_bytes, cni_budget_request *request);
/* By how much the calling thread may pass the limits of the root, from inside a reclaimer that has
 * something put by; else 0. */
int64_t cni_budget_beyond_bytes(const cni_budget_root *root);
/* A reference unless the node is dying. Under the tree's lock. */
bool cni_budget_try_ref(cni_budget *self);
/* Take back what nodes below `self` hold as credit. */
void cni_budget_drain_credits(cni_budget *self);
/* Credit held by all nodes below `self`. */
int64_t cni_budget_credits_below(const cni_budget *self);
/* The usual refusal. in_use: bytes that count against `refuser`. */
CN_COLD cn_code cni_budget_refuse(const cni_budget *refuser, int64_t n_bytes, cn_error *err);

/* The injector of the tree, or NULL. */
cni_fault *cni_budget_fault(const cni_budget *self);

/* The slots of every node's allocator. */
void *cni_budget_resize(cni_allocator *face, void *ptr, int64_t old_bytes, int64_t new_bytes,
                        int64_t align, cn_error *err);
/* The region of a node's tree may commit up to the root's limit, less what is reserved beside it.
 */
void cni_budget_update_region_limit(cni_budget_root *root);

#endif /* CNI_RUNTIME_BUDGET_INT_H */
