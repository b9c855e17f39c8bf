/* SPDX-License-Identifier: Apache-2.0
 *
 * Seen rows on disk: their keys one behind the other, each with its length before it, in extents of
 * about 256 KiB. They are read in order and looked up in the table of those in memory, so a segment
 * costs one reading of the file whatever its size.
 */
#include "exec/pipeline/recursive_seen.h"

#include "data/row/hash.h"

#define EXTENT_BYTES  (256 << 10)
#define LENGTH_BYTES  ((int64_t)sizeof(int64_t))
#define FIRST_EXTENTS 16

/* ---- writing ---- */

typedef struct extent_writer {
    cni_seen_rows *rows;
    uint8_t *data;
    int64_t cap_bytes;
    int64_t n_bytes;
    int64_t n_rows;
} extent_writer;

static cn_code
add_extent(cni_seen_rows *self, cni_seen_extent extent, cn_error *err)
{
    if (self->n_extents == self->cap_extents) {
        const int64_t cap = cni_max_i64(FIRST_EXTENTS, 2 * self->cap_extents);
        const int64_t extent_bytes = (int64_t)sizeof(*self->extents);
        CN_TRY(cni_realloc(self->allocator, &self->extents, self->cap_extents * extent_bytes,
                           cap * extent_bytes, err));
        self->cap_extents = cap;
    }
    self->extents[self->n_extents++] = extent;
    return CN_OK;
}

static cn_code
write_extent(extent_writer *writer, cn_error *err)
{
    cni_seen_extent extent = {.n_bytes = writer->n_bytes, .n_rows = writer->n_rows};
    if (extent.n_rows == 0) {
        return CN_OK;
    }
    cni_seen_rows *rows = writer->rows;
    CN_TRY(cni_spill_append(rows->file, writer->data, extent.n_bytes, &extent.offset, err));
    writer->n_bytes = 0;
    writer->n_rows = 0;
    return add_extent(rows, extent, err);
}

static cn_code
write_key(extent_writer *writer, const cni_seen_slot *slot, cn_error *err)
{
    const int64_t n_bytes = LENGTH_BYTES + slot->len_bytes;
    if (writer->n_bytes + n_bytes > writer->cap_bytes) {
        CN_TRY(write_extent(writer, err));
    }
    if (n_bytes > writer->cap_bytes) {
        CN_TRY(
            cni_realloc(writer->rows->allocator, &writer->data, writer->cap_bytes, n_bytes, err));
        writer->cap_bytes = n_bytes;
    }
    memcpy(writer->data + writer->n_bytes, &slot->len_bytes, (size_t)LENGTH_BYTES);
    memcpy(writer->data + writer->n_bytes + LENGTH_BYTES, slot->key, (size_t)slot->len_bytes);
    writer->n_bytes += n_bytes;
    writer->n_rows++;
    return CN_OK;
}

static cn_code
write_slots(extent_writer *writer, cn_error *err)
{
    const cni_seen_rows *rows = writer->rows;
    for (int64_t at = 0; at < rows->n_slots; at++) {
        const cni_seen_slot *slot = &rows->slots[at];
        if (slot->key != NULL && !slot->on_disk) {
            CN_TRY(write_key(writer, slot, err));
        }
    }
    return write_extent(writer, err);
}

cn_code
cni_seen_rows_spill(cni_seen_rows *self, cn_error *err)
{
    extent_writer writer = {.rows = self, .cap_bytes = EXTENT_BYTES};
    if (self->file == NULL) {
        CN_TRY(cni_spill_create(self->context->spill, "recursion", &self->file, err));
    }
    CN_TRY(cni_alloc(self->allocator, writer.cap_bytes, &writer.data, err));
    const cn_code code = write_slots(&writer, err);
    cni_dealloc(self->allocator, writer.data, writer.cap_bytes);
    if (code == CN_OK) {
        cni_seen_rows_forget(self);
    }
    return code;
}

/* ---- settling ---- */

/* Mark those of the extent's keys that the segment has brought, too. */
static cn_code
mark_stale(cni_seen_rows *self, const uint8_t *data, const cni_seen_extent *extent,
           int64_t *inout_n_stale, cn_error *err)
{
    int64_t at = 0;
    for (int64_t row = 0; row < extent->n_rows; row++) {
        int64_t len_bytes = -1;
        if (extent->n_bytes - at >= LENGTH_BYTES) {
            memcpy(&len_bytes, data + at, (size_t)LENGTH_BYTES);
            at += LENGTH_BYTES;
        }
        if (len_bytes < 0 || len_bytes > extent->n_bytes - at) {
            return CN_FAIL(err, CN_INVALID_DATA, "a temporary file is damaged: keys of seen rows");
        }
        const char *key = (const char *)data + at;
        cni_seen_slot *slot =
            cni_seen_rows_find(self, cni_hash_bytes(key, len_bytes), key, len_bytes);
        if (slot->key != NULL && slot->segment == self->segment && !slot->on_disk) {
            slot->on_disk = true;
            ++*inout_n_stale;
        }
        at += len_bytes;
    }
    return CN_OK;
}

static cn_code
read_extents(cni_seen_rows *self, uint8_t *data, int64_t *inout_n_stale, cn_error *err)
{
    for (int64_t at = 0; at < self->n_extents; at++) {
        const cni_seen_extent *extent = &self->extents[at];
        CN_TRY(cni_context_check(self->context, err));
        CN_TRY(cni_spill_read(self->file, extent->offset, extent->n_bytes, data, err));
        CN_TRY(mark_stale(self, data, extent, inout_n_stale, err));
    }
    return CN_OK;
}

cn_code
cni_seen_rows_settle(cni_seen_rows *self, int64_t *out_n_stale, cn_error *err)
{
    int64_t n_bytes = 0;
    uint8_t *data = NULL;
    *out_n_stale = 0;
    for (int64_t at = 0; at < self->n_extents; at++) {
        n_bytes = cni_max_i64(n_bytes, self->extents[at].n_bytes);
    }
    if (n_bytes == 0 || self->n_rows == 0) {
        self->segment++;
        return CN_OK;
    }
    CN_TRY(cni_alloc(self->allocator, n_bytes, &data, err));
    const cn_code code = read_extents(self, data, out_n_stale, err);
    cni_dealloc(self->allocator, data, n_bytes);
    self->segment++;
    return code;
}
