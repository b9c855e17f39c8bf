/* SPDX-License-Identifier: Apache-2.0
 *
 * States of calls with ORDER BY in parts: pieces of entries are cut off their front, and entries
 * are taken apart into sort key, place and argument.
 */
#include "exec/operator/aggregate_ordered_int.h"
#include "exec/operator/aggregate_sorted_int.h"

static int64_t
count_entries(const cni_agg_piece *piece)
{
    int64_t n = 0;
    const uint8_t *end = piece->bytes + piece->n_bytes;
    for (const uint8_t *at = piece->bytes; at < end; n++) {
        cni_agg_entry entry;
        at = cni_agg_entry_open(at, &entry);
    }
    return n;
}

bool
cni_agg_ordered_cut(uint8_t *state, int64_t n_bytes, uint8_t *out_front)
{
    cni_agg_ordered rest;
    cni_agg_ordered front = {0};
    memcpy(&rest, state, sizeof(rest));
    if (rest.n_bytes <= n_bytes || rest.first == rest.last) {
        return false;
    }
    front.first = rest.first;
    do {
        cni_agg_piece *piece = rest.first;
        front.n += count_entries(piece);
        front.n_bytes += piece->n_bytes;
        front.last = piece;
        rest.first = piece->next;
    } while (front.n_bytes < n_bytes && rest.first != rest.last);
    rest.n -= front.n;
    rest.n_bytes -= front.n_bytes;
    memcpy(state, &rest, sizeof(rest));
    memcpy(out_front, &front, sizeof(front));
    return true;
}

void
cni_agg_ordered_walk_begin(const uint8_t *state, cni_agg_ordered_walk *out_walk)
{
    cni_agg_ordered ordered;
    memcpy(&ordered, state, sizeof(ordered));
    *out_walk = (cni_agg_ordered_walk){.n_left = ordered.n, .piece = ordered.first};
    out_walk->at = ordered.first == NULL ? NULL : ordered.first->bytes;
}

bool
cni_agg_ordered_walk_next(cni_agg_ordered_walk *self, cni_agg_entry *out_entry)
{
    if (self->n_left == 0) {
        return false;
    }
    while (self->at == self->piece->bytes + self->piece->n_bytes) {
        self->piece = self->piece->next;
        self->at = self->piece->bytes;
    }
    self->at = cni_agg_entry_open(self->at, out_entry);
    self->n_left--;
    return true;
}
