/* SPDX-License-Identifier: Apache-2.0
 *
 * Admission: which queries may run beside each other in the memory of one engine.
 *
 * A query enters with a claim, the memory that it is to have at least, and leaves at its end. It is
 * admitted when its claim fits beside the claims of those that run; otherwise it waits, in turn
 * with the other tenants, until it fits, is cancelled, or has waited too long. A query that nobody
 * has pulled for a while counts with what it holds, so that results lying about keep nobody out for
 * ever, not even their own thread.
 *
 *   capacity   what the engine may use, less what it uses outside of queries (tables, caches)
 *   small      claims up to a 64th (at most 16 MiB): a part of the capacity is kept for them, and
 *              they do not wait behind others
 *   share      claim plus a part of what is not claimed, in proportion to the need; it is the soft
 *              limit of the query's budget: operators write their state out beyond it. It shrinks
 *              and grows as others come and go, and the shares add up to the capacity.
 *
 * Whoever is refused memory by the engine while another query holds more than its share waits for
 * that one, up to a second: it writes its state out, or, when it cannot, is refused when it asks
 * next. So what cannot be written out is refused first.
 *
 * A claim is never more than a quarter of the capacity: more needs to be spilled anyway when others
 * run. What runs alone has everything.
 */
#ifndef CNI_RUNTIME_ADMISSION_H
#define CNI_RUNTIME_ADMISSION_H

#include "runtime/context.h"

typedef struct cni_admission cni_admission;
typedef cni_admission *cni_admission_p;

/* A query's place: where it is in the queue or among those that run. Embedded by its owner, zero
 * bytes at first, not moved. Private to admission.c. */
typedef struct cni_admission_place {
    struct cni_admission_place *next;
    struct cni_admission_place *prev;
    const void *tenant;
    cni_budget *budget; /* borrowed from the query's context, as is: */
    cni_context *context;
    int64_t need_bytes;
    int64_t claim_bytes;
    uint8_t state; /* NEW, WAITING, ADMITTED */
    bool is_small;
    cni_atomic_i64 paused_ns; /* counter: since when nobody pulls it; 0 = somebody does */
    cni_cond admitted;
} cni_admission_place;

/* `budget`: the engine's (borrowed). `pool` (borrowed, may be NULL): what is asked from inside one
 * of its steps never waits. */
CN_NODISCARD cn_code cni_admission_new(cni_allocator *allocator, cni_budget *budget, cni_pool *pool,
                                       cni_admission **out_admission, cn_error *err);
void cni_admission_free(cni_admission *self); /* nobody is inside; NULL is accepted */

typedef struct cni_admission_request {
    const void *tenant; /* told apart, not looked into */
    int64_t need_bytes; /* an estimate, >= 0 */
    int64_t timeout_ms; /* 0 = refused at once */
} cni_admission_request;

/* Wait until the query may run. Its context gives budget, cancel flag and deadline. Errors:
 * CN_BUSY, naming the limit and what is claimed; CN_CANCELLED, CN_TIMEOUT of the context. */
CN_NODISCARD cn_code cni_admission_enter(cni_admission *self, cni_admission_place *place,
                                         cni_context *context, const cni_admission_request *request,
                                         cn_error *err);
/* A cni_budget_arbiter of the engine's root; private_data is the admission. */
cni_arbitration cni_admission_arbitrate(void *private_data, const cni_arbitration_request *request);
/* Nobody pulls the query, or somebody does again. Costs nothing. */
void cni_admission_pause(cni_admission_place *place, bool paused);
/* A place that is not admitted is left alone. */
void cni_admission_leave(cni_admission *self, cni_admission_place *place);

typedef struct cni_admission_figures {
    int32_t n_running;
    int32_t n_waiting;
    int64_t claimed_bytes;
    int64_t capacity_bytes;
} cni_admission_figures;
cni_admission_figures cni_admission_look(cni_admission *self);
/* Whether the query waits to be admitted. Any thread. */
bool cni_admission_is_waiting(cni_admission *self, const cni_admission_place *place);

#endif /* CNI_RUNTIME_ADMISSION_H */
