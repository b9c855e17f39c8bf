/* SPDX-License-Identifier: Apache-2.0
 *
 * The footer cache: a fixed array of entries under a mutex, least recently used first to go. A file
 * that changed has another identity, so that its old entry is simply not found and ages out. When
 * the engine's memory is short everything in it may go. Looks
 * (samples and sketches of the same files) have an array of their own.
 */
#include "base/thread.h"
#include "io/format/parquet/look_int.h"

#define MAX_ENTRIES 256
#define MAX_LOOKS   64

typedef struct cache_entry {
    cni_pq_file *file; /* referenced; NULL = empty */
    uint64_t path_hash;
    int64_t n_bytes;
    int64_t last_use;
} cache_entry;

typedef struct look_entry {
    cni_pq_look *look; /* referenced; NULL = empty */
    int64_t last_use;
} look_entry;

struct cni_parquet_cache {
    cni_allocator *allocator; /* referenced */
    cni_mutex mutex;
    int64_t max_bytes;
    int64_t n_bytes;
    int64_t clock;
    cache_entry entries[MAX_ENTRIES];
    look_entry looks[MAX_LOOKS];
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
    for (int32_t entry = 0; entry < MAX_LOOKS; entry++) {
        cni_pq_look_unref(self->looks[entry].look);
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

/* The least recently used entry, taken out; NULL = none is left. */
static cni_pq_file *
take_oldest(cni_parquet_cache *self, int64_t *out_bytes)
{
    bool fits = false;
    cni_pq_file *file = NULL;
    cni_mutex_lock(&self->mutex);
    if (self->n_bytes > 0) {
        const int64_t before = self->n_bytes;
        file = evict_one(self, INT64_MAX - before, &fits);
        *out_bytes = before - self->n_bytes;
    }
    cni_mutex_unlock(&self->mutex);
    return file;
}

static cni_pq_look *
take_look(cni_parquet_cache *self, int64_t *out_bytes)
{
    cni_pq_look *look = NULL;
    cni_mutex_lock(&self->mutex);
    for (int32_t at = 0; at < MAX_LOOKS && look == NULL; at++) {
        look = self->looks[at].look;
        self->looks[at] = (look_entry){0};
    }
    *out_bytes = look == NULL ? 0 : cni_table_look_bytes(look->kept);
    cni_mutex_unlock(&self->mutex);
    return look;
}

int64_t
cni_parquet_cache_reclaim(void *private_data, int64_t n_bytes)
{
    cni_parquet_cache *self = private_data;
    int64_t n_given = 0;
    int64_t n_now = 0;
    cni_pq_look *look = take_look(self, &n_now);
    while (look != NULL) {
        n_given += n_now;
        cni_pq_look_unref(look);
        look = n_given < n_bytes ? take_look(self, &n_now) : NULL;
    }
    cni_pq_file *file = n_given < n_bytes ? take_oldest(self, &n_now) : NULL;
    while (file != NULL) {
        n_given += n_now;
        cni_pq_file_unref(file);
        file = n_given < n_bytes ? take_oldest(self, &n_now) : NULL;
    }
    return n_given;
}

/* ---- looks ---- */

static bool
is_look_over(const cni_pq_look *look, cni_pq_file *const *files, int32_t n_files)
{
    bool same =
        look->n_files == n_files && look->first->binary_as_string == files[0]->binary_as_string;
    for (int32_t file = 0; same && file < n_files; file++) {
        same = cni_file_identity_equal(&look->files[file], &files[file]->identity);
    }
    return same;
}

cni_pq_look *
cni_parquet_cache_find_look(cni_parquet_cache *self, cni_pq_file *const *files, int32_t n_files)
{
    cni_pq_look *found = NULL;
    cni_mutex_lock(&self->mutex);
    for (int32_t at = 0; at < MAX_LOOKS && found == NULL; at++) {
        look_entry *entry = &self->looks[at];
        if (entry->look != NULL && is_look_over(entry->look, files, n_files)) {
            entry->last_use = ++self->clock;
            found = cni_pq_look_ref(entry->look);
        }
    }
    cni_mutex_unlock(&self->mutex);
    return found;
}

void
cni_parquet_cache_offer_look(cni_parquet_cache *self, cni_pq_look *look)
{
    cni_mutex_lock(&self->mutex);
    look_entry *victim = &self->looks[0];
    int64_t n_bytes = 0;
    for (int32_t at = 0; at < MAX_LOOKS; at++) {
        look_entry *entry = &self->looks[at];
        n_bytes += entry->look == NULL ? 0 : cni_table_look_bytes(entry->look->kept);
        if (victim->look != NULL && (entry->look == NULL || entry->last_use < victim->last_use)) {
            victim = entry;
        }
    }
    cni_pq_look *evicted = NULL;
    if (n_bytes <= self->max_bytes || victim->look != NULL) {
        evicted = victim->look;
        *victim = (look_entry){.look = cni_pq_look_ref(look), .last_use = ++self->clock};
    }
    cni_mutex_unlock(&self->mutex);
    cni_pq_look_unref(evicted); /* outside the lock: it may free */
}
