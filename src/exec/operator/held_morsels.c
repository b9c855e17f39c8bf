/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of chunks per morsel, ordered by sequence. Few morsels wait at a time (those that workers
 * finish before the slowest one), so a linked list walked from its front is enough.
 */
#include "exec/operator/held_morsels.h"

cn_code
cni_held_chunk_new(cni_allocator *allocator, cni_chunk *own_chunk, cni_held_chunk **out_held,
                   cn_error *err)
{
    cni_held_chunk *held = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*held), &held, err));
    cni_chunk_move(&held->chunk, own_chunk);
    *out_held = held;
    return CN_OK;
}

void
cni_held_chunk_free(cni_allocator *allocator, cni_held_chunk *held)
{
    if (held != NULL) {
        cni_chunk_done(&held->chunk);
        cni_dealloc(allocator, held, (int64_t)sizeof(*held));
    }
}

cn_code
cni_held_morsel_new(cni_allocator *allocator, int64_t sequence, cni_held_morsel **out_held,
                    cn_error *err)
{
    cni_held_morsel *held = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*held), &held, err));
    held->sequence = sequence;
    *out_held = held;
    return CN_OK;
}

void
cni_held_morsel_free(cni_allocator *allocator, cni_held_morsel *held)
{
    if (held == NULL) {
        return;
    }
    for (cni_held_chunk *chunk = cni_held_morsel_take(held); chunk != NULL;
         chunk = cni_held_morsel_take(held)) {
        cni_held_chunk_free(allocator, chunk);
    }
    cni_dealloc(allocator, held, (int64_t)sizeof(*held));
}

void
cni_held_morsels_free(cni_allocator *allocator, cni_held_morsel *first)
{
    while (first != NULL) {
        cni_held_morsel *next = first->next;
        cni_held_morsel_free(allocator, first);
        first = next;
    }
}

void
cni_held_morsel_add(cni_held_morsel *self, cni_held_chunk *own_held)
{
    own_held->next = NULL;
    if (self->last == NULL) {
        self->first = own_held;
    } else {
        self->last->next = own_held;
    }
    self->last = own_held;
    self->n_rows += own_held->chunk.n_rows;
}

cni_held_chunk *
cni_held_morsel_take(cni_held_morsel *self)
{
    cni_held_chunk *held = self->first;
    if (held != NULL) {
        self->first = held->next;
        self->last = held->next == NULL ? NULL : self->last;
        held->next = NULL;
    }
    return held;
}

void
cni_held_morsels_insert(cni_held_morsel **inout_first, cni_held_morsel *own_held)
{
    cni_held_morsel **link = inout_first;
    while (*link != NULL && (*link)->sequence < own_held->sequence) {
        link = &(*link)->next;
    }
    own_held->next = *link;
    *link = own_held;
}

cni_held_morsel *
cni_held_morsels_find(cni_held_morsel *first, int64_t sequence)
{
    while (first != NULL && first->sequence < sequence) {
        first = first->next;
    }
    return first != NULL && first->sequence == sequence ? first : NULL;
}
