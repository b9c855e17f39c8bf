/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of extensions, counted where the queries' own is. A block knows its allocator, so that it
 * can be freed without its account, which may be gone by then:
 *
 *   | block_head | the extension's bytes ...
 *   ^ aligned    ^ aligned
 */
#include "session/extension_memory.h"

#include "base/checked.h"

#define BLOCK_ALIGN 64

typedef struct block_head {
    _Alignas(BLOCK_ALIGN) cni_allocator *allocator; /* the block keeps it */
    int64_t n_bytes;                                /* head included */
} block_head;

void
cni_extension_memory_init(cn_memory *self, cni_budget *budget)
{
    self->budget = cni_budget_ref(budget);
    cni_counter_set(&self->reserved_bytes, 0);
}

void
cni_extension_memory_done(cn_memory *self)
{
    if (self->budget != NULL) {
        cni_budget_release(self->budget, cni_counter_get(&self->reserved_bytes));
        cni_budget_unref(self->budget);
        self->budget = NULL;
    }
}

cn_code
cn_memory_alloc(cn_memory *memory, int64_t n_bytes, void **out_block, cn_error *err)
{
    int64_t all_bytes = 0;
    if (memory == NULL || out_block == NULL || n_bytes < 0 ||
        !cni_checked_add(n_bytes, (int64_t)sizeof(block_head), &all_bytes)) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "cn_memory_alloc: no account, or %lld bytes",
                       (long long)n_bytes);
    }
    cni_allocator *allocator = cni_budget_allocator(memory->budget);
    cn_error reason = CN_ERROR_INIT;
    block_head *head = allocator->resize(allocator, NULL, 0, all_bytes, BLOCK_ALIGN, &reason);
    if (head == NULL) {
        if (err != NULL) {
            *err = reason;
        }
        return (cn_code)reason.code;
    }
    *head = (block_head){.allocator = allocator, .n_bytes = all_bytes};
    *out_block = head + 1;
    return CN_OK;
}

void
cn_memory_free(void *block)
{
    if (block != NULL) {
        block_head *head = (block_head *)block - 1;
        cni_allocator *allocator = head->allocator;
        (void)allocator->resize(allocator, head, head->n_bytes, 0, BLOCK_ALIGN, NULL);
    }
}

cn_code
cn_memory_reserve(cn_memory *memory, int64_t n_bytes, cn_error *err)
{
    if (memory == NULL) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "cn_memory_reserve: no account");
    }
    CN_TRY(cni_budget_reserve(memory->budget, n_bytes, err));
    cni_counter_add(&memory->reserved_bytes, n_bytes);
    return CN_OK;
}

/* No more than was reserved: an extension's mistake must not free what others use. */
void
cn_memory_release(cn_memory *memory, int64_t n_bytes)
{
    if (memory == NULL || n_bytes <= 0) {
        return;
    }
    int64_t reserved = cni_counter_get(&memory->reserved_bytes);
    while (!cni_slot_swap(&memory->reserved_bytes, reserved,
                          reserved - cni_min_i64(n_bytes, reserved))) {
        reserved = cni_counter_get(&memory->reserved_bytes);
    }
    cni_budget_release(memory->budget, cni_min_i64(n_bytes, reserved));
}
