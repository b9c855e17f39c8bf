/* SPDX-License-Identifier: Apache-2.0
 *
 * Arenas: memory for plan-like things (AST, expressions, plans, schemas) that are built once, never
 * freed one by one, and die together. An arena is refcounted and may hold references on other
 * arenas, so that an immutable node may point into the arena of the frame it was made from.
 * Column buffers never live in arenas.
 *
 *   arena -> block -> block -> ...     blocks of 4 KiB doubling to 1 MiB; a large item has its own
 */
#ifndef CNI_BASE_ARENA_H
#define CNI_BASE_ARENA_H

#include "base/alloc.h"
#include "base/str.h"

typedef struct cni_arena cni_arena;
typedef cni_arena *cni_arena_p;

/* New arena with one reference. `name` has static storage and shows in diagnostics. */
CN_NODISCARD cn_code cni_arena_new(cni_allocator *allocator, const char *name,
                                   cni_arena **out_arena, cn_error *err);
cni_arena *cni_arena_ref(cni_arena *self);
void cni_arena_unref(cni_arena *self); /* NULL is accepted; the last one frees everything */
CN_DEFINE_SCOPED(cni_arena_p, cni_arena_unref)

/* Hold a reference on `other` until `self` dies. Twice is the same as once; self is ignored. */
CN_NODISCARD cn_code cni_arena_keep(cni_arena *self, cni_arena *other, cn_error *err);

/* Run cleanup(object) when the arena dies, in reverse order of registration. On failure cleanup
 * has not been and will not be run. */
CN_NODISCARD cn_code cni_arena_on_free(cni_arena *self, void (*cleanup)(void *object), void *object,
                                       cn_error *err);

/* n_bytes >= 0, zeroed, 16-byte aligned. `out_block` is the address of a pointer variable.
 * Thread: confined (one builder at a time); the built content is immutable and shared freely. */
CN_NODISCARD cn_code cni_arena_alloc(cni_arena *self, int64_t n_bytes, void *out_block,
                                     cn_error *err);
/* n_items * item_bytes with the product checked, zeroed. */
CN_NODISCARD cn_code cni_arena_alloc_array(cni_arena *self, int64_t n_items, int64_t item_bytes,
                                           void *out_block, cn_error *err);
/* One zeroed object of the type that `*out` points to: CN_ARENA_NEW(arena, &node, err). */
#define CN_ARENA_NEW(arena, out, err)                                                              \
    cni_arena_alloc((arena), (int64_t)sizeof(**(out)), (out), (err))

/* NUL-terminated copy of `text`. */
CN_NODISCARD cn_code cni_arena_str(cni_arena *self, cni_str text, cni_str *out_copy, cn_error *err);
/* printf into the arena. */
CN_NODISCARD cn_code cni_arena_printf(cni_arena *self, cni_str *out_text, cn_error *err,
                                      const char *format, ...) CN_PRINTF(4, 5);

/* Bytes taken from the allocator so far. */
int64_t cni_arena_size_bytes(const cni_arena *self);

#endif /* CNI_BASE_ARENA_H */
