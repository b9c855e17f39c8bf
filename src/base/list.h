/* SPDX-License-Identifier: Apache-2.0
 *
 * Arena-backed containers for plan-like things: a growing list of pointers and a map from names.
 * Both leave old storage in the arena when they grow; neither needs a release.
 */
#ifndef CNI_BASE_LIST_H
#define CNI_BASE_LIST_H

#include "base/arena.h"

#define CNI_LIST_MAX_ITEMS (1 << 24)

/* Zero bytes = empty. Items are borrowed. Thread: confined while growing, then immutable. */
typedef struct cni_list {
    void **items;
    int64_t n_items;
    int64_t cap_items;
} cni_list;

/* Errors: CN_NO_MEMORY; CN_LIMIT_EXCEEDED beyond CNI_LIST_MAX_ITEMS. */
CN_NODISCARD cn_code cni_list_push(cni_arena *arena, cni_list *self, const void *item,
                                   cn_error *err);

/* Map from a name to a borrowed pointer, iterated in order of insertion. Zero bytes = empty.
 * With `nocase`, names that differ in ASCII case only are the same name. */
typedef struct cni_namemap_entry {
    cni_str name;
    void *value;
} cni_namemap_entry;

typedef struct cni_namemap {
    cni_namemap_entry *entries; /* n_entries, in order of insertion */
    int32_t *slots;             /* open addressing over entries, -1 = empty */
    int64_t n_entries;
    int64_t cap_entries;
    int64_t n_slots;
    bool nocase;
} cni_namemap;

/* Insert or replace. The name is borrowed and must live as long as the map. */
CN_NODISCARD cn_code cni_namemap_put(cni_arena *arena, cni_namemap *self, cni_str name, void *value,
                                     cn_error *err);
/* The value, or NULL. */
void *cni_namemap_get(const cni_namemap *self, cni_str name);

#endif /* CNI_BASE_LIST_H */
