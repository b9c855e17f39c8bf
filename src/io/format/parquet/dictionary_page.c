/* SPDX-License-Identifier: Apache-2.0
 *
 * Dictionary pages: decoded once per column chunk into a cni_dictionary that all workers share.
 * What the engine may rely on (bounds, uniqueness, order) is established here, never believed.
 */
#include "io/format/parquet/decode_int.h"

#define MAX_UNIQUE_CHECK 65536 /* values; beyond it the check is not worth its time */

typedef struct view_set {
    const cni_view *views;
    uint32_t *slots; /* index + 1; 0 = empty */
    uint64_t mask;
} view_set;

static uint64_t
hash_view(const cni_view *view)
{
    uint64_t head;
    uint64_t tail = 0;
    memcpy(&head, view, 8);
    if (view->len_bytes <= CNI_VIEW_INLINE_BYTES) {
        memcpy(&tail, view->as.inlined + 4, 8);
    } else {
        tail = cni_str_hash(cni_view_str(view));
    }
    const uint64_t mixed = (head ^ (tail >> 29)) * UINT64_C(0x9e3779b97f4a7c15) + tail;
    return (mixed ^ (mixed >> 32)) * UINT64_C(0xd6e8feb86659fd93) >> 17;
}

/* False when an equal one is there already. */
static bool
set_insert(view_set *self, uint32_t index)
{
    uint64_t slot = hash_view(&self->views[index]) & self->mask;
    while (self->slots[slot] != 0) {
        if (cni_view_equal(&self->views[self->slots[slot] - 1], &self->views[index])) {
            return false;
        }
        slot = (slot + 1) & self->mask;
    }
    self->slots[slot] = index + 1;
    return true;
}

static bool
is_strictly_ascending(const cni_view *views, int64_t n)
{
    for (int64_t item = 1; item < n; item++) {
        if (cni_view_compare(&views[item - 1], &views[item]) >= 0) {
            return false;
        }
    }
    return true;
}

static cn_code
find_unique(cni_pq_reader *reader, const cni_view *views, int64_t n, bool *out_unique,
            cn_error *err)
{
    view_set set = {.views = views, .mask = 15};
    *out_unique = false;
    if (n > MAX_UNIQUE_CHECK) {
        return CN_OK;
    }
    while ((int64_t)set.mask < n * 2) {
        set.mask = set.mask * 2 + 1;
    }
    const int64_t n_bytes = ((int64_t)set.mask + 1) * 4;
    CN_TRY(cni_pq_scratch(reader, 0, n_bytes, &set.slots, err));
    memset(set.slots, 0, (size_t)n_bytes);
    for (int64_t item = 0; item < n; item++) {
        if (!set_insert(&set, (uint32_t)item)) {
            return CN_OK;
        }
    }
    *out_unique = true;
    return CN_OK;
}

/* The values of an open dictionary page as a FLAT vector. */
static cn_code
decode_values(cni_pq_reader *reader, const cni_pq_leaf *leaf, const cni_type *type,
              cni_pq_page *page, cni_pq_dictionary *out, cni_vector *out_values, cn_error *err)
{
    const int64_t n = page->n_dense;
    CN_TRY(cni_vector_new_flat(reader->env.allocator, type, leaf->phys, n, false, out_values, err));
    void *data = cni_vector_mutable_data(out_values);
    CN_TRY(cni_pq_decode_dense(reader, leaf, page, n, data, &out->any_long, err));
    if (leaf->phys == CNI_PHYS_VIEW && out->any_long) {
        CN_TRY(cni_heap_new(reader->env.allocator, &page->body, 1, &out_values->heap, err));
    }
    out->bounds = cni_pq_bounds(reader->env.kernels, leaf, data, n);
    out_values->bounds = out->bounds;
    return cni_pq_check_bounds(leaf, &out->bounds, err);
}

static cn_code
fill_dictionary(cni_pq_reader *reader, const cni_pq_leaf *leaf, const cni_type *type,
                const cni_pq_raw_page *raw, cni_pq_page *page, cni_vector *values,
                cni_pq_dictionary *out, cn_error *err)
{
    CN_TRY(cni_pq_page_open_dictionary(page, &reader->env, leaf, raw, err));
    CN_TRY(decode_values(reader, leaf, type, page, out, values, err));
    const int64_t n = page->n_dense;
    bool is_unique = false;
    bool is_sorted = false;
    if (leaf->phys == CNI_PHYS_VIEW) {
        const cni_view *views = values->data;
        is_sorted = is_strictly_ascending(views, n);
        is_unique = is_sorted;
        if (!is_sorted) {
            CN_TRY(find_unique(reader, views, n, &is_unique, err));
        }
    }
    out->n_values = n;
    out->code_bytes = n <= 256 ? 1 : n <= 65536 ? 2 : 4;
    return cni_dictionary_new(reader->env.allocator, values, is_unique, is_sorted, &out->dictionary,
                              err);
}

cn_code
cni_pq_dictionary_new(cni_pq_reader *reader, const cni_pq_leaf *leaf, const cni_type *type,
                      const cni_pq_raw_page *raw, cni_pq_dictionary **out_dictionary, cn_error *err)
{
    cni_pq_dictionary *self;
    CN_TRY(cni_alloc_zeroed(reader->env.allocator, (int64_t)sizeof(*self), &self, err));
    self->allocator = reader->env.allocator;
    cni_pq_page page = {0};
    cni_vector values = {0};
    const cn_code code = fill_dictionary(reader, leaf, type, raw, &page, &values, self, err);
    cni_vector_done(&values);
    cni_pq_page_done(&page);
    if (code != CN_OK) {
        cni_pq_dictionary_free(self);
        return code;
    }
    *out_dictionary = self;
    return CN_OK;
}

void
cni_pq_dictionary_free(cni_pq_dictionary *self)
{
    if (self == NULL) {
        return;
    }
    if (self->dictionary != NULL) {
        cni_dictionary_unref(self->dictionary);
    }
    cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
}
