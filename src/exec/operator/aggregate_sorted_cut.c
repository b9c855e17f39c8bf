/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows whose states are long lists, in parts: a row of the same key with the front of the lists,
 * and the row with the rest. Uniting them gives the row again. So what is written and read at a
 * time is never more than a block, however many values a group has.
 */
#include "exec/operator/aggregate_sorted_int.h"

/* The front of the call's list in `row` into `front`. */
static bool
cut_call(const cni_agg_operator *self, const cni_agg_call *call, uint8_t *row, int64_t n_bytes,
         uint8_t *front)
{
    const cni_function *function = call->spec->function;
    const cni_aggregate_call made = cni_agg_call_of(self, call, row, NULL);
    if (call->op == CNI_AGG_ORDERED) {
        return cni_agg_ordered_cut(made.states, n_bytes, front + call->state_offset);
    }
    return function->lists->cut(function, &made, 0, n_bytes, front + call->state_offset);
}

bool
cni_agg_cut_row(const cni_agg_operator *self, uint8_t *row, int64_t n_bytes, uint8_t *out_front)
{
    const cni_agg_layout *layout = self->layout;
    bool is_cut = false;
    memcpy(out_front, layout->empty_row, (size_t)layout->row_bytes);
    memcpy(out_front, row, (size_t)layout->key_bytes);
    for (int32_t at = 0; at < layout->n_calls; at++) {
        if (layout->calls[at].has_lists) {
            is_cut = cut_call(self, &layout->calls[at], row, n_bytes, out_front) || is_cut;
        }
    }
    return is_cut;
}

bool
cni_agg_is_long_row(const cni_agg_operator *self, uint8_t *row, int64_t n_bytes)
{
    const cni_agg_layout *layout = self->layout;
    for (int32_t at = 0; at < layout->n_calls; at++) {
        const cni_agg_call *call = &layout->calls[at];
        uint64_t state[CNI_AGG_LIST_WORDS];
        uint64_t front[CNI_AGG_LIST_WORDS];
        if (!call->has_lists) {
            continue;
        }
        const cni_function *function = call->spec->function;
        cni_aggregate_call made = cni_agg_call_of(self, call, row, NULL);
        memcpy(state, made.states, (size_t)call->list_bytes);
        made.states = (uint8_t *)state;
        if (call->op == CNI_AGG_ORDERED
                ? cni_agg_ordered_cut(made.states, n_bytes, (uint8_t *)front)
                : function->lists->cut(function, &made, 0, n_bytes, (uint8_t *)front)) {
            return true;
        }
    }
    return false;
}

void
cni_agg_drop_lists(const cni_agg_layout *layout, uint8_t *row)
{
    for (int32_t at = 0; at < layout->n_calls; at++) {
        const cni_agg_call *call = &layout->calls[at];
        if (call->has_lists) {
            memcpy(row + call->state_offset, layout->empty_row + call->state_offset,
                   (size_t)call->list_bytes);
        }
    }
}
