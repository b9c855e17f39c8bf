/* SPDX-License-Identifier: Apache-2.0
 *
 * The budget tree and the memory behind it.
 *
 *   (pool) -> engine -> session -> query -> operator
 *
 * Memory is reserved up the whole path before it is allocated; a node that refuses leaves every
 * node as it was. Small reservations are taken in steps (CNI_BUDGET_STEP_BYTES) so that the shared
 * counters are touched rarely. Blocks come from the engine's region: 2 MiB slabs with huge pages
 * where the system gives them, size classes, caches per thread, nothing unmapped while queries run.
 *
 * A budget is refcounted: each live block holds its node, and each node its parent, so an exported
 * buffer keeps the region alive after the engine handle is gone.
 */
#ifndef CNI_RUNTIME_BUDGET_H
#define CNI_RUNTIME_BUDGET_H

#include "base/alloc.h"
#include "base/fault.h"

#define CNI_BUDGET_UNLIMITED INT64_MAX

typedef struct cni_budget cni_budget;
typedef cni_budget *cni_budget_p;

/* Asked to give back about n_bytes when a reservation is refused; gives what it released, or that
 * it could in a moment: somebody is at work on what would leave, and waits for no memory of the
 * asker. Runs on the requester's thread, under no lock of the budget. */
#define CNI_RECLAIM_BUSY (-1)
typedef int64_t (*cni_budget_reclaim)(void *private_data, int64_t n_bytes);

/* Root node with a region of its own over the system's memory. `fault` may be NULL (borrowed, must
 * outlive every block). limit_bytes > 0. */
CN_NODISCARD cn_code cni_budget_new_root(const char *name, int64_t limit_bytes, cni_fault *fault,
                                         cni_budget **out_budget, cn_error *err);
/* A limit over several roots; it has no memory of its own. */
CN_NODISCARD cn_code cni_budget_new_pool(const char *name, int64_t limit_bytes,
                                         cni_budget **out_budget, cn_error *err);
/* Root below a pool (referenced): what it uses counts there too, a refusal of the pool asks the
 * reclaimers of all its roots, and what their regions hold without need goes back to the system
 * before they hold more than the pool may have. */
CN_NODISCARD cn_code cni_budget_new_root_in(cni_budget *pool, const char *name, int64_t limit_bytes,
                                            cni_fault *fault, cni_budget **out_budget,
                                            cn_error *err);
/* Child of `parent` (referenced). `name` has static storage and is used in messages. */
CN_NODISCARD cn_code cni_budget_new(cni_budget *parent, const char *name, int64_t limit_bytes,
                                    cni_budget **out_budget, cn_error *err);
cni_budget *cni_budget_ref(cni_budget *self);
void cni_budget_unref(cni_budget *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_budget_p, cni_budget_unref)

/* Called when this node or one above refuses, before the error is raised. At most one per node;
 * NULL takes it away. */
void cni_budget_set_reclaim(cni_budget *self, cni_budget_reclaim reclaim, void *private_data);
/* What the reclaimer of the node may use when memory is refused to it: put by from now on, so that
 * nobody else can take it meanwhile. Without so much memory what there was stays; gives what is put
 * by. 0 takes it back, before the node goes. While the reclaimer runs, only by itself at its end.
 */
int64_t cni_budget_put_by(cni_budget *self, int64_t n_bytes);
/* What giving back costs; the cheapest are asked first, of equals the largest. A node writes unless
 * it is told otherwise. */
typedef enum cni_reclaim_cost {
    CNI_RECLAIM_WRITES, /* each byte is written to disk, and read again */
    CNI_RECLAIM_DROPS   /* a cache: nothing is written */
} cni_reclaim_cost;
void cni_budget_set_reclaim_cost(cni_budget *self, cni_reclaim_cost cost);
typedef enum cni_arbitration {
    CNI_ARBITRATION_AGAIN, /* there may be room now: try, and ask once more */
    CNI_ARBITRATION_LAST   /* waiting has no sense any more: try for the last time */
} cni_arbitration;
typedef struct cni_arbitration_request {
    const cni_budget *requester;
    int64_t n_bytes;
    int64_t until_ns;
    int64_t
        busy_until_ns; /* before; whoever holds too much is not to wait while others wait for him */
    bool is_busy;      /* a reclaimer could give something in a moment */
} cni_arbitration_request;
/* Asked last, when nobody gives anything back, for what is needed (requests without an error to
 * fill can do without): waits until those that use more than their part have given it back, or a
 * moment if a reclaimer is busy; a little at least, until_ns at most. Then reclaimers are asked
 * again. Runs on the requester's thread, under no lock, many at a time. */
typedef cni_arbitration (*cni_budget_arbiter)(void *private_data,
                                              const cni_arbitration_request *request);
/* Of a root, before it is used; NULL at its end, when nobody asks. */
void cni_budget_set_arbiter(cni_budget *root, cni_budget_arbiter arbiter, void *private_data);
/* Whether `self` is `node` or one below it. */
bool cni_budget_is_within(const cni_budget *self, const cni_budget *node);
void cni_budget_set_limit(cni_budget *self, int64_t limit_bytes);
/* The soft limit refuses nothing: beyond it operators write their state out (pressure.h). At most
 * the hard one counts; CNI_BUDGET_UNLIMITED at first. */
void cni_budget_set_soft_limit(cni_budget *self, int64_t limit_bytes);

/* Reserve without allocating: for libraries that allocate by themselves and for worst cases.
 * Errors: CN_BUDGET_EXCEEDED, naming the node that refused, its limit and what was asked. */
CN_NODISCARD cn_code cni_budget_reserve(cni_budget *self, int64_t n_bytes, cn_error *err);
void cni_budget_release(cni_budget *self, int64_t n_bytes);

int64_t cni_budget_current_bytes(const cni_budget *self);
int64_t cni_budget_peak_bytes(const cni_budget *self);
int64_t cni_budget_limit_bytes(const cni_budget *self);
/* The smaller one of both limits. */
int64_t cni_budget_soft_limit_bytes(const cni_budget *self);
/* What counts against the limits now, unused credit of the node itself not, of those below
 * included. Costs a few loads. */
int64_t cni_budget_charged_bytes(const cni_budget *self);

/* What the limits of the node and of those above leave beside everything but own_bytes of what
 * counts against them now. */
int64_t cni_budget_left_beside(const cni_budget *self, int64_t own_bytes);

/* Allocator that reserves from this node. Borrowed: valid as long as the node; ref and unref of the
 * allocator are those of the node. Small blocks (<= 32 KiB) cost no system call. */
cni_allocator *cni_budget_allocator(cni_budget *self);

/* Give unused slabs of the region back to the system. Any node of the tree may be named. */
void cni_budget_trim(cni_budget *self);
/* The same when the region holds more than slack_bytes that nobody uses, beyond what trimming could
 * not give back the last time: for those who look often. Two atomic loads when it does not. */
void cni_budget_trim_slack(cni_budget *self, int64_t slack_bytes);
/* What the region holds of the system's memory: more than is used, by what trimming gives back and
 * by holes. */
int64_t cni_budget_committed_bytes(const cni_budget *self);

#endif /* CNI_RUNTIME_BUDGET_H */
