/* SPDX-License-Identifier: Apache-2.0
 *
 * Growing list and name map over an arena. Growth doubles and leaves the old storage behind, which
 * costs at most as much again as what is kept.
 */
#include "base/list.h"

#define FIRST_CAPACITY 8

/* Capacity for one item more than n_items, or an error at the maximum. */
static cn_code
next_capacity(int64_t n_items, int64_t *out_cap, cn_error *err)
{
    if (n_items >= CNI_LIST_MAX_ITEMS) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a list of the plan has more than %d items",
                       CNI_LIST_MAX_ITEMS);
    }
    *out_cap = n_items == 0 ? FIRST_CAPACITY : 2 * n_items;
    return CN_OK;
}

cn_code
cni_list_push(cni_arena *arena, cni_list *self, const void *item, cn_error *err)
{
    if (self->n_items == self->cap_items) {
        int64_t cap = 0;
        void **items = NULL;
        CN_TRY(next_capacity(self->n_items, &cap, err));
        CN_TRY(cni_arena_alloc_array(arena, cap, (int64_t)sizeof(*items), &items, err));
        if (self->n_items > 0) {
            memcpy(items, self->items, (size_t)self->n_items * sizeof(*items));
        }
        self->items = items;
        self->cap_items = cap;
    }
    memcpy(&self->items[self->n_items], &item, sizeof(item)); /* borrowed as it was given */
    self->n_items++;
    return CN_OK;
}

static uint64_t
name_hash(const cni_namemap *self, cni_str name)
{
    return self->nocase ? cni_str_hash_nocase(name) : cni_str_hash(name);
}

/* The slot that holds `name`, or the empty one where it belongs. n_slots is a power of two and at
 * least one slot is empty. */
static int64_t
find_slot(const cni_namemap *self, cni_str name)
{
    const uint64_t mask = (uint64_t)self->n_slots - 1;
    uint64_t slot = name_hash(self, name) & mask;
    while (self->slots[slot] >= 0) {
        const cni_str other = self->entries[self->slots[slot]].name;
        if (self->nocase ? cni_str_eq_nocase(name, other) : cni_str_eq(name, other)) {
            break;
        }
        slot = (slot + 1) & mask;
    }
    return (int64_t)slot;
}

static cn_code
namemap_grow(cni_arena *arena, cni_namemap *self, cn_error *err)
{
    int64_t cap = 0;
    cni_namemap_entry *entries = NULL;
    int32_t *slots = NULL;
    CN_TRY(next_capacity(self->n_entries, &cap, err));
    CN_TRY(cni_arena_alloc_array(arena, cap, (int64_t)sizeof(*entries), &entries, err));
    CN_TRY(cni_arena_alloc_array(arena, 2 * cap, (int64_t)sizeof(*slots), &slots, err));
    if (self->n_entries > 0) {
        memcpy(entries, self->entries, (size_t)self->n_entries * sizeof(*entries));
    }
    memset(slots, 0xFF, (size_t)(2 * cap) * sizeof(*slots)); /* -1 */
    self->entries = entries;
    self->cap_entries = cap;
    self->slots = slots;
    self->n_slots = 2 * cap;
    for (int64_t entry = 0; entry < self->n_entries; entry++) {
        self->slots[find_slot(self, entries[entry].name)] = (int32_t)entry;
    }
    return CN_OK;
}

cn_code
cni_namemap_put(cni_arena *arena, cni_namemap *self, cni_str name, void *value, cn_error *err)
{
    if (self->n_slots > 0) {
        const int64_t slot = find_slot(self, name);
        if (self->slots[slot] >= 0) {
            self->entries[self->slots[slot]].value = value;
            return CN_OK;
        }
    }
    if (self->n_entries == self->cap_entries) {
        CN_TRY(namemap_grow(arena, self, err));
    }
    self->slots[find_slot(self, name)] = (int32_t)self->n_entries;
    self->entries[self->n_entries] = (cni_namemap_entry){name, value};
    self->n_entries++;
    return CN_OK;
}

void *
cni_namemap_get(const cni_namemap *self, cni_str name)
{
    if (self->n_slots == 0) {
        return NULL;
    }
    const int32_t entry = self->slots[find_slot(self, name)];
    return entry < 0 ? NULL : self->entries[entry].value;
}
