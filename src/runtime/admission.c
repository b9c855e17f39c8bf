/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of queries before the engine's memory. Everything is under one mutex, taken a few times
 * per query; a waiting one looks at its context, and at what has changed without a word, every
 * LOOK_NS.
 *
 * Memory that is given back makes no noise either: arbitration looks every GLANCE_NS.
 *
 *   NEW -> enter -> WAITING -> ADMITTED -> leave -> NEW
 *
 * Of those that wait, the tenant with the fewest running queries goes first, then who came first.
 * Only that one is tried: large claims are not overtaken for ever. Small ones are tried by
 * themselves.
 */
#include "runtime/admission.h"

#define LOOK_NS         (20 * INT64_C(1000000))
#define GLANCE_NS       (2 * INT64_C(1000000))
#define PAUSE_NS        (200 * INT64_C(1000000)) /* pulls further apart than this are a pause */
#define LARGEST_PART    4                        /* of the capacity: no claim is larger */
#define SMALL_PART      64
#define MAX_SMALL_BYTES (16 << 20)
#define SMALL_LANE_PART 8 /* of the capacity: kept for small claims */

enum {
    PLACE_NEW,
    PLACE_WAITING,
    PLACE_ADMITTED
};

typedef struct place_list {
    cni_admission_place *first;
    cni_admission_place *last;
    int32_t n_places;
} place_list;

/* Thread: synchronised. */
struct cni_admission {
    cni_allocator *allocator; /* borrowed */
    cni_budget *budget;       /* borrowed */
    cni_pool *pool;           /* borrowed */
    cni_mutex mutex;
    cni_cond left; /* a query has ended */
    place_list running;
    place_list waiting;
};

cn_code
cni_admission_new(cni_allocator *allocator, cni_budget *budget, cni_pool *pool,
                  cni_admission **out_admission, cn_error *err)
{
    cni_admission *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    self->allocator = allocator;
    self->budget = budget;
    self->pool = pool;
    cni_mutex_init(&self->mutex);
    cni_cond_init(&self->left);
    *out_admission = self;
    return CN_OK;
}

void
cni_admission_free(cni_admission *self)
{
    if (self == NULL) {
        return;
    }
    CN_ASSERT(self->running.n_places == 0 && self->waiting.n_places == 0);
    cni_cond_done(&self->left);
    cni_mutex_done(&self->mutex);
    cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
}

/* ---- lists, all under the mutex ---- */

static void
append(place_list *list, cni_admission_place *place)
{
    place->next = NULL;
    place->prev = list->last;
    if (list->last != NULL) {
        list->last->next = place;
    } else {
        list->first = place;
    }
    list->last = place;
    list->n_places++;
}

static void
unlink_place(place_list *list, cni_admission_place *place)
{
    if (place->prev != NULL) {
        place->prev->next = place->next;
    } else {
        list->first = place->next;
    }
    if (place->next != NULL) {
        place->next->prev = place->prev;
    } else {
        list->last = place->prev;
    }
    list->n_places--;
}

/* ---- what there is and what is claimed ---- */

static int64_t
held_bytes(const cni_admission_place *place)
{
    return cni_budget_charged_bytes(place->budget);
}

/* What queries may have: the limit of the engine, and of the pool above it, less what is used
 * outside of those that run. */
static int64_t
capacity_of(const cni_admission *self)
{
    int64_t held = 0;
    for (const cni_admission_place *at = self->running.first; at != NULL; at = at->next) {
        held += held_bytes(at);
    }
    return cni_max_i64(cni_budget_left_beside(self->budget, held),
                       cni_budget_limit_bytes(self->budget) / 16);
}

static int64_t
counted_bytes(const cni_admission_place *place, int64_t now_ns)
{
    const int64_t paused_ns = cni_counter_get(&place->paused_ns);
    return paused_ns != 0 && now_ns - paused_ns > PAUSE_NS
               ? cni_min_i64(place->claim_bytes, held_bytes(place))
               : place->claim_bytes;
}

static int64_t
claimed_bytes(const cni_admission *self)
{
    const int64_t now_ns = cni_clock_ns();
    int64_t claimed = 0;
    for (const cni_admission_place *at = self->running.first; at != NULL; at = at->next) {
        claimed += counted_bytes(at, now_ns);
    }
    return claimed;
}

/* part * whole / total without overflow; 0 <= part <= total. */
static int64_t
portion(int64_t whole, int64_t part, int64_t total)
{
    return total <= 0 ? 0 : (int64_t)((double)whole * ((double)part / (double)total));
}

/* Deal the capacity out to those that run. */
static void
deal_shares(const cni_admission *self)
{
    const int64_t capacity = capacity_of(self);
    int64_t claimed = 0;
    int64_t needed = 0;
    for (const cni_admission_place *at = self->running.first; at != NULL; at = at->next) {
        claimed += at->claim_bytes;
        needed += at->need_bytes;
    }
    const int64_t spare = capacity - claimed;
    for (const cni_admission_place *at = self->running.first; at != NULL; at = at->next) {
        const int64_t share = spare >= 0 ? at->claim_bytes + portion(spare, at->need_bytes, needed)
                                         : portion(capacity, at->claim_bytes, claimed);
        cni_budget_set_soft_limit(at->budget, cni_max_i64(share, 1));
    }
}

static void
take_measures(const cni_admission *self, cni_admission_place *place, int64_t need_bytes)
{
    const int64_t limit = cni_budget_limit_bytes(self->budget);
    const int64_t floor = cni_max_i64(cni_min_i64(MAX_SMALL_BYTES, limit / SMALL_PART), 1);
    const int64_t most = cni_min_i64(cni_budget_limit_bytes(place->budget),
                                     cni_max_i64(capacity_of(self) / LARGEST_PART, floor));
    place->is_small = need_bytes <= floor;
    place->need_bytes = cni_max_i64(need_bytes, floor);
    place->claim_bytes = cni_min_i64(place->need_bytes, cni_max_i64(most, 1));
}

static bool
fits(const cni_admission *self, const cni_admission_place *place)
{
    if (self->running.n_places == 0) {
        return true;
    }
    const int64_t capacity = capacity_of(self);
    const int64_t open = place->is_small ? capacity : capacity - capacity / SMALL_LANE_PART;
    return claimed_bytes(self) + place->claim_bytes <= open;
}

/* ---- whose turn it is ---- */

static int32_t
running_of(const cni_admission *self, const void *tenant)
{
    int32_t n_running = 0;
    for (const cni_admission_place *at = self->running.first; at != NULL; at = at->next) {
        n_running += at->tenant == tenant ? 1 : 0;
    }
    return n_running;
}

/* The first of those that wait, small ones or the others; NULL = none. */
static cni_admission_place *
first_in_turn(const cni_admission *self, bool small)
{
    cni_admission_place *best = NULL;
    int32_t best_running = 0;
    for (cni_admission_place *at = self->waiting.first; at != NULL; at = at->next) {
        if (at->is_small != small) {
            continue;
        }
        const int32_t n_running = running_of(self, at->tenant);
        if (best == NULL || n_running < best_running) {
            best = at;
            best_running = n_running;
        }
    }
    return best;
}

static void
admit(cni_admission *self, cni_admission_place *place)
{
    place->state = PLACE_ADMITTED;
    append(&self->running, place);
    deal_shares(self);
}

/* Let in who fits now. */
static void
admit_waiting(cni_admission *self)
{
    for (int32_t lane = 0; lane < 2; lane++) {
        cni_admission_place *place = first_in_turn(self, lane == 0);
        while (place != NULL && fits(self, place)) {
            unlink_place(&self->waiting, place);
            admit(self, place);
            cni_cond_signal(&place->admitted);
            place = first_in_turn(self, lane == 0);
        }
    }
}

/* ---- the face ---- */

static CN_COLD cn_code
refuse(const cni_admission *self, const cni_admission_place *place, int64_t timeout_ms,
       cn_error *err)
{
    return CN_FAIL(
        err, CN_BUSY,
        "the engine is busy: %lld MiB of its limit of %lld MiB are claimed by %d running "
        "queries, this one needs %lld MiB and waited %lld ms (admission_timeout_ms)",
        (long long)(claimed_bytes(self) >> 20),
        (long long)(cni_budget_limit_bytes(self->budget) >> 20), (int)self->running.n_places,
        (long long)((place->claim_bytes + 1048575) >> 20), (long long)timeout_ms);
}

/* Until it is admitted or has a reason to give up. Under the mutex. */
static cn_code
wait_for_place(cni_admission *self, cni_admission_place *place, cni_context *context,
               int64_t timeout_ms, cn_error *err)
{
    const int64_t until_ns = cni_clock_ns() + timeout_ms * 1000000;
    cn_code code = CN_OK;
    place->state = PLACE_WAITING;
    append(&self->waiting, place);
    cni_cond_init(&place->admitted);
    admit_waiting(self);
    while (code == CN_OK && place->state == PLACE_WAITING) {
        const int64_t now_ns = cni_clock_ns();
        if (now_ns >= until_ns) {
            code = refuse(self, place, timeout_ms, err);
            break;
        }
        (void)cni_cond_wait_until(&place->admitted, &self->mutex,
                                  cni_min_i64(until_ns, now_ns + LOOK_NS));
        if (place->state == PLACE_WAITING) {
            admit_waiting(self); /* memory outside of queries comes and goes without a word */
            code = cni_context_look(context, err);
        }
    }
    if (place->state == PLACE_WAITING) {
        unlink_place(&self->waiting, place);
        place->state = PLACE_NEW;
        admit_waiting(self);
    }
    cni_cond_done(&place->admitted);
    return place->state == PLACE_ADMITTED ? CN_OK : code;
}

cn_code
cni_admission_enter(cni_admission *self, cni_admission_place *place, cni_context *context,
                    const cni_admission_request *request, cn_error *err)
{
    CN_ASSERT(place->state == PLACE_NEW);
    CN_TRY(cni_context_look(context, err));
    const bool inside = self->pool != NULL && cni_pool_is_inside(self->pool);
    cn_code code = CN_OK;
    cni_mutex_lock(&self->mutex);
    place->tenant = request->tenant;
    place->budget = context->budget;
    place->context = context;
    cni_counter_set(&place->paused_ns, 0);
    take_measures(self, place, request->need_bytes);
    const cni_admission_place *ahead = first_in_turn(self, place->is_small);
    if (inside || (ahead == NULL && fits(self, place))) {
        admit(self, place);
    } else {
        code = wait_for_place(self, place, context, request->timeout_ms, err);
    }
    cni_mutex_unlock(&self->mutex);
    return code;
}

void
cni_admission_pause(cni_admission_place *place, bool paused)
{
    cni_counter_set(&place->paused_ns, paused ? cni_clock_ns() : 0);
}

void
cni_admission_leave(cni_admission *self, cni_admission_place *place)
{
    cni_mutex_lock(&self->mutex);
    if (place->state == PLACE_ADMITTED) {
        unlink_place(&self->running, place);
        place->state = PLACE_NEW;
        cni_budget_set_soft_limit(place->budget, CNI_BUDGET_UNLIMITED);
        admit_waiting(self);
        deal_shares(self);
        cni_cond_broadcast(&self->left);
    }
    cni_mutex_unlock(&self->mutex);
}

/* ---- arbitration ---- */

/* What it holds beyond its share. */
static int64_t
excess_of(const cni_admission_place *place)
{
    return held_bytes(place) - cni_budget_soft_limit_bytes(place->budget);
}

/* The place of a budget's query, or NULL. Under the mutex. */
static cni_admission_place *
place_of(const cni_admission *self, const cni_budget *budget)
{
    cni_admission_place *at = self->running.first;
    while (at != NULL && !cni_budget_is_within(budget, at->budget)) {
        at = at->next;
    }
    return at;
}

/* Whether somebody else holds more beyond its share than the requester would. Under the mutex. */
static bool
is_worth_waiting(const cni_admission *self, const cni_admission_place *mine, int64_t n_bytes)
{
    const int64_t own = mine == NULL ? 0 : cni_max_i64(excess_of(mine) + n_bytes, 0);
    for (const cni_admission_place *at = self->running.first; at != NULL; at = at->next) {
        if (at != mine && excess_of(at) > own) {
            return true;
        }
    }
    return false;
}

/* Look now and then until there is room, or once where a reclaimer is busy. Under the mutex. */
static cni_arbitration
wait_for_others(cni_admission *self, const cni_arbitration_request *request)
{
    const cni_admission_place *mine = place_of(self, request->requester);
    do {
        const int64_t now_ns = cni_clock_ns();
        const bool is_worth = (request->is_busy && now_ns < request->busy_until_ns) ||
                              is_worth_waiting(self, mine, request->n_bytes);
        if (!is_worth || now_ns >= request->until_ns ||
            (mine != NULL && cni_context_check(mine->context, NULL) != CN_OK)) {
            return CNI_ARBITRATION_LAST;
        }
        (void)cni_cond_wait_until(&self->left, &self->mutex, cni_clock_ns() + GLANCE_NS);
    } while (!request->is_busy && cni_budget_left_beside(self->budget, 0) < request->n_bytes);
    return CNI_ARBITRATION_AGAIN;
}

cni_arbitration
cni_admission_arbitrate(void *private_data, const cni_arbitration_request *request)
{
    cni_admission *self = private_data;
    if (self->pool != NULL) {
        cni_pool_pause(self->pool, true);
    }
    cni_mutex_lock(&self->mutex);
    const cni_arbitration answer = wait_for_others(self, request);
    cni_mutex_unlock(&self->mutex);
    if (self->pool != NULL) {
        cni_pool_pause(self->pool, false);
    }
    return answer;
}

cni_admission_figures
cni_admission_look(cni_admission *self)
{
    cni_mutex_lock(&self->mutex);
    const cni_admission_figures figures = {.n_running = self->running.n_places,
                                           .n_waiting = self->waiting.n_places,
                                           .claimed_bytes = claimed_bytes(self),
                                           .capacity_bytes = capacity_of(self)};
    cni_mutex_unlock(&self->mutex);
    return figures;
}

bool
cni_admission_is_waiting(cni_admission *self, const cni_admission_place *place)
{
    cni_mutex_lock(&self->mutex);
    const bool is_waiting = place->state == PLACE_WAITING;
    cni_mutex_unlock(&self->mutex);
    return is_waiting;
}
