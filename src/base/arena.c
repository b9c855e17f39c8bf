/* SPDX-License-Identifier: Apache-2.0
 *
 * Arenas: a chain of blocks with a bump pointer in the newest. The arena object itself lies at the
 * start of its first block, so that an arena of a small plan is one allocation.
 *
 * Frames are built on frames, so chains of arenas that keep one another get long: the last unref
 * walks them with a list of the dying instead of recursion. A hostile build gives every item a
 * block of its own, so that an overrun is seen.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/atomic.h"
#include "base/checked.h"

#define ITEM_ALIGN        16
#define FIRST_BLOCK_BYTES 4096
#define MAX_BLOCK_BYTES   (1 << 20)

typedef struct arena_block {
    struct arena_block *next;
    int64_t size_bytes; /* of the whole block, this header included */
} arena_block;

typedef struct arena_cleanup {
    struct arena_cleanup *next;
    void (*run)(void *object);
    void *object;
} arena_cleanup;

typedef struct arena_kept {
    struct arena_kept *next;
    cni_arena *other;
} arena_kept;

struct cni_arena {
    cni_atomic_i64 n_refs;
    cni_allocator *allocator; /* referenced */
    const char *name;
    arena_block *blocks; /* newest bump block first, own blocks of large items behind it */
    uint8_t *free_from;
    uint8_t *free_to;
    int64_t next_block_bytes;
    int64_t size_bytes;
    arena_cleanup *cleanups; /* last registered first */
    arena_kept *kept;
    cni_arena *next_dying; /* while it is being freed */
};

_Static_assert(sizeof(arena_block) == ITEM_ALIGN, "items follow the header of a block");

cn_code
cni_arena_new(cni_allocator *allocator, const char *name, cni_arena **out_arena, cn_error *err)
{
    const int64_t header_bytes =
        cni_round_up((int64_t)(sizeof(arena_block) + sizeof(cni_arena)), ITEM_ALIGN);
    uint8_t *memory = NULL;
    CN_TRY(cni_alloc(allocator, FIRST_BLOCK_BYTES, &memory, err));
    memset(memory, 0, (size_t)header_bytes);
    arena_block *block = (arena_block *)(void *)memory;
    block->size_bytes = FIRST_BLOCK_BYTES;
    cni_arena *self = (cni_arena *)(void *)(memory + sizeof(arena_block));
    self->n_refs = 1;
    cni_allocator_ref(allocator);
    self->allocator = allocator;
    self->name = name;
    self->blocks = block;
    self->free_from = memory + header_bytes;
    self->free_to = memory + FIRST_BLOCK_BYTES;
    self->next_block_bytes = 2 * FIRST_BLOCK_BYTES;
    self->size_bytes = FIRST_BLOCK_BYTES;
    *out_arena = self;
    return CN_OK;
}

cni_arena *
cni_arena_ref(cni_arena *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

/* Run the cleanups, put kept arenas that die with this one on the list, release the blocks. */
static void
arena_destroy(cni_arena *self, cni_arena **inout_dying)
{
    for (arena_cleanup *cleanup = self->cleanups; cleanup != NULL; cleanup = cleanup->next) {
        cleanup->run(cleanup->object);
    }
    for (arena_kept *kept = self->kept; kept != NULL; kept = kept->next) {
        if (cni_refcount_dec(&kept->other->n_refs)) {
            kept->other->next_dying = *inout_dying;
            *inout_dying = kept->other;
        }
    }
    cni_allocator *allocator = self->allocator;
    arena_block *block = self->blocks;
    while (block != NULL) { /* one of them holds *self */
        arena_block *next = block->next;
        cni_dealloc(allocator, block, block->size_bytes);
        block = next;
    }
    cni_allocator_unref(allocator);
}

void
cni_arena_unref(cni_arena *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    self->next_dying = NULL;
    cni_arena *dying = self;
    while (dying != NULL) {
        cni_arena *arena = dying;
        dying = arena->next_dying;
        arena_destroy(arena, &dying);
    }
}

cn_code
cni_arena_keep(cni_arena *self, cni_arena *other, cn_error *err)
{
    if (other == self || other == NULL) {
        return CN_OK;
    }
    for (const arena_kept *kept = self->kept; kept != NULL; kept = kept->next) {
        if (kept->other == other) {
            return CN_OK;
        }
    }
    arena_kept *kept = NULL;
    CN_TRY(CN_ARENA_NEW(self, &kept, err));
    kept->other = cni_arena_ref(other);
    kept->next = self->kept;
    self->kept = kept;
    return CN_OK;
}

cn_code
cni_arena_on_free(cni_arena *self, void (*cleanup)(void *object), void *object, cn_error *err)
{
    arena_cleanup *entry = NULL;
    CN_TRY(CN_ARENA_NEW(self, &entry, err));
    entry->run = cleanup;
    entry->object = object;
    entry->next = self->cleanups;
    self->cleanups = entry;
    return CN_OK;
}

static cn_code
add_block(cni_arena *self, int64_t size_bytes, arena_block **out_block, cn_error *err)
{
    arena_block *block = NULL;
    CN_TRY(cni_alloc(self->allocator, size_bytes, &block, err));
    block->size_bytes = size_bytes;
    self->size_bytes += size_bytes;
    *out_block = block;
    return CN_OK;
}

/* A block of its own, behind the newest so that the bump block stays first. */
static cn_code
alloc_large(cni_arena *self, int64_t n_bytes, void **out_item, cn_error *err)
{
    arena_block *block = NULL;
    CN_TRY(add_block(self, n_bytes + (int64_t)sizeof(arena_block), &block, err));
    block->next = self->blocks->next;
    self->blocks->next = block;
    *out_item = block + 1;
    return CN_OK;
}

static cn_code
grow(cni_arena *self, cn_error *err)
{
    arena_block *block = NULL;
    CN_TRY(add_block(self, self->next_block_bytes, &block, err));
    block->next = self->blocks;
    self->blocks = block;
    self->free_from = (uint8_t *)(block + 1);
    self->free_to = (uint8_t *)block + block->size_bytes;
    self->next_block_bytes = cni_min_i64(2 * self->next_block_bytes, MAX_BLOCK_BYTES);
    return CN_OK;
}

static bool
needs_own_block(const cni_arena *self, int64_t item_bytes)
{
#ifdef CN_PARANOID
    (void)self;
    (void)item_bytes;
    return true;
#else
    return item_bytes > self->free_to - self->free_from && item_bytes > self->next_block_bytes / 4;
#endif
}

cn_code
cni_arena_alloc(cni_arena *self, int64_t n_bytes, void *out_block, cn_error *err)
{
    if (CN_UNLIKELY(n_bytes < 0 || n_bytes > INT64_MAX / 2)) {
        return cni_error_no_memory(err, n_bytes);
    }
    const int64_t item_bytes = cni_round_up(cni_max_i64(n_bytes, 1), ITEM_ALIGN);
    void *item = NULL;
    if (CN_UNLIKELY(needs_own_block(self, item_bytes))) {
        CN_TRY(alloc_large(self, cni_max_i64(n_bytes, 1), &item, err));
    } else {
        if (item_bytes > self->free_to - self->free_from) {
            CN_TRY(grow(self, err));
        }
        item = self->free_from;
        self->free_from += item_bytes;
    }
    memset(item, 0, (size_t)n_bytes);
    memcpy(out_block, &item, sizeof(item));
    return CN_OK;
}

cn_code
cni_arena_alloc_array(cni_arena *self, int64_t n_items, int64_t item_bytes, void *out_block,
                      cn_error *err)
{
    int64_t n_bytes = 0;
    if (CN_UNLIKELY(n_items < 0 || item_bytes < 0 ||
                    !cni_checked_mul(n_items, item_bytes, &n_bytes))) {
        return CN_FAIL(err, CN_NO_MEMORY, "out of memory: %lld items of %lld bytes asked in %s",
                       (long long)n_items, (long long)item_bytes, self->name);
    }
    return cni_arena_alloc(self, n_bytes, out_block, err);
}

cn_code
cni_arena_str(cni_arena *self, cni_str text, cni_str *out_copy, cn_error *err)
{
    char *copy = NULL;
    CN_TRY(cni_arena_alloc(self, text.len_bytes + 1, &copy, err));
    if (text.len_bytes > 0) {
        memcpy(copy, text.data, (size_t)text.len_bytes);
    }
    *out_copy = (cni_str){copy, text.len_bytes};
    return CN_OK;
}

cn_code
cni_arena_printf(cni_arena *self, cni_str *out_text, cn_error *err, const char *format, ...)
{
    char local[256];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(local, sizeof(local), format, arguments);
    va_end(arguments);
    if (length < 0) {
        return CN_FAIL(err, CN_INTERNAL, "cannot format text in %s", self->name);
    }
    if (length < (int)sizeof(local)) {
        return cni_arena_str(self, (cni_str){local, length}, out_text, err);
    }
    char *text = NULL;
    CN_TRY(cni_arena_alloc(self, (int64_t)length + 1, &text, err));
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    *out_text = (cni_str){text, length};
    return CN_OK;
}

int64_t
cni_arena_size_bytes(const cni_arena *self)
{
    return self->size_bytes;
}
