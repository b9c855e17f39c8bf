/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunks that wait for their turn: lists per morsel, ordered by sequence. LIMIT and the result use
 * them to give the output of many workers in source order.
 *
 *   held -> {sequence 3: chunk, chunk} -> {sequence 7, ended: chunk} -> ...
 *
 * Thread: confined, or under the owner's lock (nothing here allocates but _new functions).
 */
#ifndef CNI_EXEC_HELD_MORSELS_H
#define CNI_EXEC_HELD_MORSELS_H

#include "exec/spill/spill_rows.h"

/* Where the rows of a held chunk are; the result alone writes them out. */
typedef enum cni_held_place {
    CNI_HELD_IN_MEMORY = 0,
    CNI_HELD_LEAVING, /* one thread writes them; nobody takes the chunk meanwhile */
    CNI_HELD_ON_DISK  /* the chunk has no columns */
} cni_held_place;

typedef struct cni_held_chunk {
    struct cni_held_chunk *next;
    cni_chunk chunk;
    uint8_t place;   /* cni_held_place */
    int64_t n_bytes; /* about, in memory */
    cni_spill_block block;
} cni_held_chunk;

typedef struct cni_held_morsel {
    struct cni_held_morsel *next;
    int64_t sequence;
    int64_t n_rows; /* of its chunks, also of those taken out again */
    bool ended;
    cni_held_chunk *first;
    cni_held_chunk *last;
} cni_held_morsel;

/* Takes the content of own_chunk, which becomes empty (also the mark of the morsel's end). */
CN_NODISCARD cn_code cni_held_chunk_new(cni_allocator *allocator, cni_chunk *own_chunk,
                                        cni_held_chunk **out_held, cn_error *err);
void cni_held_chunk_free(cni_allocator *allocator, cni_held_chunk *held); /* NULL is accepted */
CN_NODISCARD cn_code cni_held_morsel_new(cni_allocator *allocator, int64_t sequence,
                                         cni_held_morsel **out_held, cn_error *err);
/* With its chunks; NULL is accepted. */
void cni_held_morsel_free(cni_allocator *allocator, cni_held_morsel *held);
/* A whole list. */
void cni_held_morsels_free(cni_allocator *allocator, cni_held_morsel *first);

void cni_held_morsel_add(cni_held_morsel *self, cni_held_chunk *own_held);
cni_held_chunk *cni_held_morsel_take(cni_held_morsel *self); /* NULL = none left */
/* Keep the list ordered by sequence. */
void cni_held_morsels_insert(cni_held_morsel **inout_first, cni_held_morsel *own_held);
/* The one of that number, or NULL. */
cni_held_morsel *cni_held_morsels_find(cni_held_morsel *first, int64_t sequence);

#endif /* CNI_EXEC_HELD_MORSELS_H */
