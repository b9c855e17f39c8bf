/* SPDX-License-Identifier: Apache-2.0
 *
 * What is left on a budget's path, read without locks: figures may be a little old, which only
 * shifts when an operator spills.
 */
#include "runtime/pressure.h"

#include "runtime/budget_int.h"

#define RESERVE_PART       8         /* of the limit */
#define RESERVE_PER_WORKER (1 << 20) /* at least */
#define OVERLAP_PART       4         /* of the reserve */
#define SLACK_PART         16        /* of the limit: freed memory that is kept */
#define MIN_SLACK          (INT64_C(8) << 20)
#define STATE_PART         64 /* of the limit: smaller states of all workers are not worth it */

int64_t
cni_memory_limit(const cni_budget *budget)
{
    int64_t limit = INT64_MAX;
    for (const cni_budget *node = budget; node != NULL; node = node->parent) {
        limit = cni_min_i64(limit, cni_budget_soft_limit_bytes(node));
    }
    return limit;
}

static int64_t
reserve_of(int64_t limit, const cni_context *context)
{
    const int64_t least = (int64_t)context->settings.n_threads * RESERVE_PER_WORKER;
    return cni_min_i64(cni_max_i64(limit / RESERVE_PART, least), limit / 2);
}

int64_t
cni_memory_left(const cni_budget *budget, const cni_context *context)
{
    int64_t left = INT64_MAX;
    for (const cni_budget *node = budget; node != NULL; node = node->parent) {
        const int64_t limit = cni_budget_soft_limit_bytes(node);
        const int64_t used = cni_budget_charged_bytes(node);
        if (limit != CNI_BUDGET_UNLIMITED) {
            left = cni_min_i64(left, limit - used - reserve_of(limit, context));
        }
    }
    return left;
}

/* Memory that was freed is kept for the next who asks, but is not to bring the whole beyond the
 * limit by more than a part of it: what the limit leaves may be kept. */
static void
trim_slack(cni_budget *budget, int64_t limit, int64_t left)
{
    if (limit != INT64_MAX) {
        const int64_t least = cni_max_i64(limit / SLACK_PART, MIN_SLACK);
        cni_budget_trim_slack(budget, cni_max_i64(left, least));
    }
}

bool
cni_memory_should_spill(cni_budget *budget, const cni_context *context, int64_t own_bytes)
{
    if (context->spill == NULL || own_bytes <= 0) {
        return false;
    }
    if (context->settings.test_spill) {
        return true;
    }
    const int64_t limit = cni_memory_limit(budget);
    const int64_t left = cni_memory_left(budget, context);
    trim_slack(budget, limit, left);
    return own_bytes >= limit / STATE_PART / context->settings.n_threads && left < 0;
}

int64_t
cni_memory_may_keep(const cni_budget *budget, const cni_context *context, int64_t own_bytes)
{
    if (context->spill == NULL) {
        return INT64_MAX;
    }
    if (context->settings.test_spill) {
        return 0;
    }
    const int64_t left = cni_memory_left(budget, context);
    return left == INT64_MAX ? left : cni_max_i64((own_bytes + left) / 2, 0);
}

bool
cni_memory_may_overlap(cni_budget *budget, const cni_context *context, int64_t n_bytes)
{
    const int64_t limit = cni_memory_limit(budget);
    const int64_t left = cni_memory_left(budget, context);
    trim_slack(budget, limit, left);
    if (left >= n_bytes || context->settings.test_spill) {
        return true;
    }
    return left + reserve_of(limit, context) / OVERLAP_PART >= n_bytes;
}
