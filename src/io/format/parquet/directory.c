/* SPDX-License-Identifier: Apache-2.0
 *
 * Page directories. An OffsetIndex that does not hold together is not an error: the headers say the
 * same. The walk reads a window at a time and jumps over page bodies.
 */
#include "io/format/parquet/directory_int.h"

#include "base/checked.h"
#include "io/codec/codec.h"

#define WINDOW_BYTES     4096
#define MAX_HEADER_BYTES (16 << 20) /* statistics in a header may be long */
#define MAX_INDEX_BYTES  (64 << 20)

cn_code
cni_pq_chunk_check(const cni_pq_chunk *chunk, const cni_pq_leaf *leaf, int64_t n_rows,
                   int64_t file_bytes, cn_error *err)
{
    if (chunk->encrypted || chunk->elsewhere) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "column '%.*s' is %s, which is not implemented",
                       CNI_STR_ARGS(leaf->name),
                       chunk->encrypted ? "encrypted" : "kept in another file");
    }
    if (!chunk->has_meta || chunk->physical != leaf->physical || chunk->n_values != n_rows) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "damaged footer: column '%.*s' has another type or count of values in a row "
                       "group than the file says",
                       CNI_STR_ARGS(leaf->name));
    }
    const char *codec = cni_codec_name(chunk->codec);
    if (codec == NULL || chunk->codec == CNI_CODEC_LZO) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "column '%.*s' is compressed with codec %d%s%s",
                       CNI_STR_ARGS(leaf->name), (int)chunk->codec, codec != NULL ? ", " : "",
                       codec != NULL ? codec : "");
    }
    const bool has_dictionary =
        chunk->dictionary_offset > 0 && chunk->dictionary_offset < chunk->data_offset;
    const int64_t start = has_dictionary ? chunk->dictionary_offset : chunk->data_offset;
    if (start < 4 || !cni_range_fits(start, chunk->compressed_bytes, file_bytes)) {
        return CN_FAIL(err, CN_INVALID_DATA, "damaged footer: column '%.*s' lies outside the file",
                       CNI_STR_ARGS(leaf->name));
    }
    return CN_OK;
}

static int64_t
chunk_start(const cni_pq_chunk *chunk)
{
    const bool has_dictionary =
        chunk->dictionary_offset > 0 && chunk->dictionary_offset < chunk->data_offset;
    return has_dictionary ? chunk->dictionary_offset : chunk->data_offset;
}

void
cni_pq_directory_free(cni_pq_directory *self)
{
    if (self == NULL) {
        return;
    }
    cni_dealloc(self->allocator, self->pages,
                self->cap_pages * (int64_t)sizeof(cni_pq_page_location));
    cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
}

static cn_code
pass_on(const cn_error *why, cn_error *err)
{
    if (err != NULL) {
        *err = *why;
    }
    return (cn_code)why->code;
}

/* Room for one more entry. */
static cn_code
grow(cni_pq_directory *self, cn_error *err)
{
    if (self->n_pages < self->cap_pages) {
        return CN_OK;
    }
    const int64_t item_bytes = (int64_t)sizeof(cni_pq_page_location);
    const int64_t new_cap = self->cap_pages == 0 ? 16 : self->cap_pages * 2;
    CN_TRY(cni_realloc(self->allocator, &self->pages, self->cap_pages * item_bytes,
                       new_cap * item_bytes, err));
    self->cap_pages = new_cap;
    return CN_OK;
}

static bool
pages_are_sound(const cni_pq_page_location *pages, int64_t n_pages, int64_t n_rows, int64_t start,
                int64_t end)
{
    for (int64_t page = 0; page < n_pages; page++) {
        const cni_pq_page_location *at = &pages[page];
        const int64_t next_row = page + 1 < n_pages ? pages[page + 1].first_row : n_rows;
        if (at->offset < start || !cni_range_fits(at->offset, at->n_bytes, end) ||
            at->n_bytes < 1 || next_row <= at->first_row || next_row - at->first_row > INT32_MAX) {
            return false;
        }
    }
    return pages[0].first_row == 0;
}

/* Fill from the OffsetIndex; *out_done false = there is no usable one. */
static cn_code
from_offset_index(cni_pq_directory *self, const cni_file *file, cni_fault *fault,
                  const cni_pq_chunk *chunk, int64_t n_rows, bool *out_done, cn_error *err)
{
    *out_done = false;
    const int64_t n_bytes = chunk->offset_index_bytes;
    if (chunk->offset_index_offset <= 0 || n_bytes <= 0 || n_bytes > MAX_INDEX_BYTES ||
        !cni_range_fits(chunk->offset_index_offset, n_bytes, cni_file_size(file))) {
        return CN_OK;
    }
    CN_SCOPED(cni_arena_p) arena = NULL;
    uint8_t *bytes;
    cni_pq_page_location *pages;
    int64_t n_pages;
    CN_TRY(cni_arena_new(self->allocator, "parquet offset index", &arena, err));
    CN_TRY(cni_arena_alloc(arena, n_bytes, &bytes, err));
    CN_TRY(cni_file_read(file, fault, chunk->offset_index_offset, n_bytes, bytes, err));
    cn_error why = CN_ERROR_INIT; /* damage is no error here */
    const cn_code code = cni_pq_offset_index_parse(arena, bytes, n_bytes, &n_pages, &pages, &why);
    const int64_t start = chunk_start(chunk);
    const int64_t end = start + chunk->compressed_bytes;
    if (code == CN_INVALID_DATA ||
        (code == CN_OK && !pages_are_sound(pages, n_pages, n_rows, start, end))) {
        return CN_OK;
    }
    if (code != CN_OK) {
        return pass_on(&why, err);
    }
    const int64_t item_bytes = (int64_t)sizeof(*pages);
    CN_TRY(cni_alloc_array(self->allocator, n_pages + 1, item_bytes, &self->pages, err));
    self->cap_pages = n_pages + 1;
    self->n_pages = n_pages;
    memcpy(self->pages, pages, (size_t)(n_pages * item_bytes));
    self->pages[n_pages] = (cni_pq_page_location){.offset = end, .first_row = n_rows};
    if (pages[0].offset > start) {
        self->dictionary_offset = start;
        self->dictionary_bytes = pages[0].offset - start;
    }
    *out_done = true;
    return CN_OK;
}

/* A window over the file that headers are parsed from. */
typedef struct header_window {
    const cni_file *file;
    cni_fault *fault;
    cni_allocator *allocator;
    cni_buffer *buffer;
    int64_t offset;
    int64_t n_bytes;
} header_window;

/* The page header at `offset`, before `end`. */
static cn_code
read_header(header_window *self, int64_t offset, int64_t end, cni_pq_page_header *out_header,
            cn_error *err)
{
    int64_t want = WINDOW_BYTES;
    for (;;) {
        const bool inside = offset >= self->offset && offset < self->offset + self->n_bytes;
        bool is_cut = true;
        if (inside) {
            const int64_t skip = offset - self->offset;
            cn_error why = CN_ERROR_INIT;
            const cn_code code = cni_pq_page_header_parse(
                self->buffer->data + skip, self->n_bytes - skip, out_header, &is_cut, &why);
            if (code == CN_OK) {
                return CN_OK;
            }
            const bool whole = self->offset + self->n_bytes >= end;
            if (!is_cut || (skip == 0 && (whole || want > MAX_HEADER_BYTES))) {
                return pass_on(&why, err);
            }
            want = skip == 0 ? self->n_bytes * 8 : want;
        }
        self->n_bytes = 0;
        const int64_t n_read = cni_min_i64(want, end - offset);
        CN_TRY(cni_buffer_reuse(self->allocator, n_read, &self->buffer, err));
        CN_TRY(cni_file_read(self->file, self->fault, offset, n_read, self->buffer->data, err));
        self->offset = offset;
        self->n_bytes = n_read;
    }
}

/* One page of the walk: note it. */
static cn_code
note_page(cni_pq_directory *self, const cni_pq_page_header *header, int64_t offset,
          int64_t *inout_rows, cn_error *err)
{
    const int64_t n_bytes = header->header_bytes + header->compressed_bytes;
    if (header->type == CNI_PQ_PAGE_DICTIONARY && self->dictionary_bytes == 0 &&
        self->n_pages == 0) {
        self->dictionary_offset = offset;
        self->dictionary_bytes = n_bytes;
        return CN_OK;
    }
    const bool is_data = header->type == CNI_PQ_PAGE_DATA || header->type == CNI_PQ_PAGE_DATA_V2;
    if (!is_data || header->n_values == 0) {
        return CN_OK;
    }
    CN_TRY(grow(self, err));
    self->pages[self->n_pages++] =
        (cni_pq_page_location){.offset = offset, .n_bytes = n_bytes, .first_row = *inout_rows};
    *inout_rows += header->n_values;
    return CN_OK;
}

static cn_code
walk_headers(cni_pq_directory *self, header_window *window, const cni_pq_chunk *chunk,
             int64_t n_rows, cn_error *err)
{
    int64_t offset = chunk_start(chunk);
    const int64_t end = offset + chunk->compressed_bytes;
    int64_t n_seen = 0;
    while (n_seen < n_rows && offset < end) {
        cni_pq_page_header header;
        CN_TRY(read_header(window, offset, end, &header, err));
        if (header.compressed_bytes > end - offset - header.header_bytes) {
            return CN_FAIL(err, CN_INVALID_DATA, "a page reaches beyond its column chunk");
        }
        CN_TRY(note_page(self, &header, offset, &n_seen, err));
        offset += header.header_bytes + header.compressed_bytes;
    }
    if (n_seen != n_rows) {
        return CN_FAIL(err, CN_INVALID_DATA, "the pages of a column chunk have %lld rows, not %lld",
                       (long long)n_seen, (long long)n_rows);
    }
    CN_TRY(grow(self, err));
    self->pages[self->n_pages] = (cni_pq_page_location){.offset = offset, .first_row = n_rows};
    return CN_OK;
}

static cn_code
fill_directory(cni_pq_directory *self, const cni_file *file, cni_fault *fault,
               const cni_pq_chunk *chunk, int64_t n_rows, cn_error *err)
{
    bool is_done;
    CN_TRY(from_offset_index(self, file, fault, chunk, n_rows, &is_done, err));
    if (is_done) {
        return CN_OK;
    }
    header_window window = {.file = file, .fault = fault, .allocator = self->allocator};
    const cn_code code = walk_headers(self, &window, chunk, n_rows, err);
    cni_buffer_unref(window.buffer);
    return code;
}

cn_code
cni_pq_directory_new(cni_allocator *allocator, const cni_file *file, cni_fault *fault,
                     const cni_pq_chunk *chunk, int64_t n_rows, cni_pq_directory **out_directory,
                     cn_error *err)
{
    cni_pq_directory *self;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    self->allocator = allocator;
    const cn_code code = fill_directory(self, file, fault, chunk, n_rows, err);
    if (code != CN_OK) {
        cni_pq_directory_free(self);
        return code;
    }
    *out_directory = self;
    return CN_OK;
}

int64_t
cni_pq_directory_find(const cni_pq_directory *self, int64_t row)
{
    int64_t low = 0;
    int64_t high = self->n_pages;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (self->pages[middle].first_row <= row) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}
