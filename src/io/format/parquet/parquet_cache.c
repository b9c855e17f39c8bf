/* SPDX-License-Identifier: Apache-2.0
 *
 * The footer cache: a fixed array of entries under a mutex, least recently used first to go. A file
 * that changed has another identity, so that its old entry is simply not found and ages out.
 */
#include "base/thread.h"
#include "io/format/parquet/parquet_file_int.h"

#define MAX_ENTRIES 256

typedef struct cache_entry {
    cni_pq_file *file; /* referenced; NULL = empty */
    uint64_t path_hash;
    int64_t n_bytes;
    int64_t last_use;
} cache_entry;

struct cni_parquet_cache {
    cni_allocator *allocator; /* referenced */
    cni_mutex mutex;
    int64_t max_bytes;
    int64_t n_bytes;
    int64_t clock;
    cache_entry entries[MAX_ENTRIES];
};

cn_code
cni_parquet_cache_new(cni_allocator *allocator, int64_t max_bytes, cni_parquet_cache **out_cache,
                      cn_error *err)
{
    cni_parquet_cache *self;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    cni_allocator_ref(allocator);
    self->allocator = allocator;
    self->max_bytes = max_bytes;
    cni_mutex_init(&self->mutex);
    *out_cache = self;
    return CN_OK;
}

void
cni_parquet_cache_free(cni_parquet_cache *self)
{
    if (self == NULL) {
        return;
    }
    for (int32_t entry = 0; entry < MAX_ENTRIES; entry++) {
        cni_pq_file_unref(self->entries[entry].file);
    }
    cni_mutex_done(&self->mutex);
    cni_allocator *allocator = self->allocator;
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

cni_allocator *
cni_parquet_cache_allocator(cni_parquet_cache *self)
{
    return self->allocator;
}

cni_pq_file *
cni_parquet_cache_find(cni_parquet_cache *self, cni_str path, const cni_file_identity *identity,
                       bool binary_as_string)
{
    const uint64_t hash = cni_str_hash(path);
    cni_pq_file *found = NULL;
    cni_mutex_lock(&self->mutex);
    for (int32_t at = 0; at < MAX_ENTRIES && found == NULL; at++) {
        cache_entry *entry = &self->entries[at];
        if (entry->file != NULL && entry->path_hash == hash &&
            entry->file->binary_as_string == binary_as_string &&
            cni_file_identity_equal(&entry->file->identity, identity) &&
            cni_str_eq(entry->file->path, path)) {
            entry->last_use = ++self->clock;
            found = cni_pq_file_ref(entry->file);
        }
    }
    cni_mutex_unlock(&self->mutex);
    return found;
}

/* An empty entry, or the least recently used one. Under the mutex. */
static cache_entry *
oldest_entry(cni_parquet_cache *self)
{
    cache_entry *oldest = &self->entries[0];
    for (int32_t at = 1; at < MAX_ENTRIES; at++) {
        cache_entry *entry = &self->entries[at];
        if (oldest->file != NULL && (entry->file == NULL || entry->last_use < oldest->last_use)) {
            oldest = entry;
        }
    }
    return oldest;
}

/* The entry that has to go for n_bytes more, emptied: the caller gives its reference back. */
static cni_pq_file *
evict_one(cni_parquet_cache *self, int64_t n_bytes, bool *out_fits)
{
    cache_entry *victim = NULL;
    *out_fits = self->n_bytes + n_bytes <= self->max_bytes && oldest_entry(self)->file == NULL;
    if (*out_fits) {
        return NULL;
    }
    for (int32_t at = 0; at < MAX_ENTRIES; at++) {
        cache_entry *entry = &self->entries[at];
        if (entry->file != NULL && (victim == NULL || entry->last_use < victim->last_use)) {
            victim = entry;
        }
    }
    cni_pq_file *file = victim->file;
    self->n_bytes -= victim->n_bytes;
    *victim = (cache_entry){0};
    return file;
}

void
cni_parquet_cache_offer(cni_parquet_cache *self, cni_pq_file *file)
{
    const int64_t n_bytes = cni_arena_size_bytes(file->arena);
    if (n_bytes > self->max_bytes) {
        return;
    }
    bool fits = false;
    while (!fits) {
        cni_mutex_lock(&self->mutex);
        cni_pq_file *evicted = evict_one(self, n_bytes, &fits);
        if (fits) {
            *oldest_entry(self) = (cache_entry){.file = cni_pq_file_ref(file),
                                                .path_hash = cni_str_hash(file->path),
                                                .n_bytes = n_bytes,
                                                .last_use = ++self->clock};
            self->n_bytes += n_bytes;
        }
        cni_mutex_unlock(&self->mutex);
        cni_pq_file_unref(evicted); /* outside the lock: it may free */
    }
}
