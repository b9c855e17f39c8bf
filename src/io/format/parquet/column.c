/* SPDX-License-Identifier: Apache-2.0
 *
 * The column reader: pages through a window of the file, blocks from pieces of pages.
 *
 * A block that lies in one page and needs no work points into the page (PLAIN values without
 * nulls); one that lies in one run of one code is CONSTANT. Anything else is put together in a
 * buffer of the column, as codes as long as all pieces have codes of the chunk's dictionary, else
 * as values.
 */
#include "io/format/parquet/column_int.h"

#include "io/format/parquet/decode_int.h"

#define WINDOW_BYTES (512 * 1024)

cn_code
cni_pq_reader_init(cni_pq_reader *self, cni_allocator *allocator, cni_fault *fault, cn_error *err)
{
    *self = (cni_pq_reader){.env = {.allocator = allocator, .kernels = cni_kernels_get()},
                            .fault = fault};
    return cni_decompressor_new(allocator, &self->env.decompressor, err);
}

void
cni_pq_reader_done(cni_pq_reader *self)
{
    cni_decompressor_free(self->env.decompressor);
    for (int32_t k = 0; k < (int32_t)CN_ARRAY_LEN(self->scratch); k++) {
        cni_buffer_unref(self->scratch[k]);
    }
    *self = (cni_pq_reader){0};
}

void
cni_pq_shared_chunk_done(cni_pq_shared_chunk *self)
{
    cni_pq_directory_free(cni_slot_claim(&self->directory, NULL));
    cni_pq_dictionary_free(cni_slot_claim(&self->dictionary, NULL));
    *self = (cni_pq_shared_chunk){0};
}

cn_code
cni_pq_shared_directory(cni_pq_shared_chunk *self, const cni_pq_leaf *leaf,
                        cni_allocator *allocator, const cni_file *file, cni_fault *fault,
                        int64_t n_rows, const cni_pq_directory **out_directory, cn_error *err)
{
    cni_pq_directory *directory = cni_slot_claim(&self->directory, NULL); /* a look */
    if (directory == NULL) {
        CN_TRY(cni_pq_chunk_check(self->chunk, leaf, n_rows, cni_file_size(file), err));
        CN_TRY_CTX(
            cni_pq_directory_new(allocator, file, fault, self->chunk, n_rows, &directory, err), err,
            "column '%.*s'", CNI_STR_ARGS(leaf->name));
        cni_pq_directory *kept = cni_slot_claim(&self->directory, directory);
        if (kept != directory) {
            cni_pq_directory_free(directory);
            directory = kept;
        }
    }
    *out_directory = directory;
    return CN_OK;
}

static void
close_page(cni_pq_column *self)
{
    self->open_page = -1;
    self->page.form = CNI_PQ_FORM_NONE;
}

cn_code
cni_pq_column_begin(cni_pq_column *self, cni_pq_reader *reader, const cni_pq_leaf *leaf,
                    const cni_type *type, const cni_file *file, cni_pq_shared_chunk *shared,
                    int64_t n_rows, int64_t row, int64_t end_row, cn_error *err)
{
    if (self->shared != shared || self->directory == NULL) {
        close_page(self);
        self->raw_bytes = 0;
        self->dictionary = NULL;
        self->directory = NULL;
    }
    self->leaf = leaf;
    self->type = type;
    self->file = file;
    self->shared = shared;
    self->n_rows = n_rows;
    CN_TRY(cni_pq_shared_directory(shared, leaf, reader->env.allocator, file, reader->fault, n_rows,
                                   &self->directory, err));
    self->last_page = cni_pq_directory_find(self->directory, end_row - 1);
    self->first_page = cni_pq_directory_find(self->directory, row);
    self->first_page += self->directory->pages[self->first_page].first_row < row;
    self->n_opened = 0;
    return CN_OK;
}

void
cni_pq_column_done(cni_pq_column *self)
{
    cni_pq_page_done(&self->page);
    cni_buffer_unref(self->raw);
    for (int32_t turn = 0; turn < 2; turn++) {
        cni_buffer_unref(self->data[turn]);
        cni_buffer_unref(self->validity[turn]);
    }
    *self = (cni_pq_column){0};
}

/* Make bytes [offset, offset + n_bytes) of the file readable; read on up to `ahead_end`. */
static cn_code
fetch(cni_pq_column *self, cni_pq_reader *reader, int64_t offset, int64_t n_bytes,
      int64_t ahead_end, const uint8_t **out_bytes, cn_error *err)
{
    if (offset < self->raw_offset || offset + n_bytes > self->raw_offset + self->raw_bytes) {
        const int64_t n_read = cni_max_i64(n_bytes, cni_min_i64(ahead_end - offset, WINDOW_BYTES));
        self->raw_bytes = 0;
        CN_TRY(cni_buffer_reuse(reader->env.allocator, n_read, &self->raw, err));
        CN_TRY(cni_file_read(self->file, reader->fault, offset, n_read, self->raw->data, err));
        reader->bytes_read += n_read;
        self->raw_offset = offset;
        self->raw_bytes = n_read;
    }
    *out_bytes = self->raw->data + (offset - self->raw_offset);
    return CN_OK;
}

static cn_code
load_dictionary(cni_pq_column *self, cni_pq_reader *reader, cn_error *err)
{
    cni_pq_dictionary *made = cni_slot_claim(&self->shared->dictionary, NULL); /* a look */
    if (made == NULL) {
        const int64_t n_bytes = self->directory->dictionary_bytes;
        CN_SCOPED(cni_buffer_p) buffer = NULL; /* strings of an uncompressed page stay in it */
        CN_TRY(cni_buffer_new(reader->env.allocator, n_bytes, &buffer, err));
        CN_TRY(cni_file_read(self->file, reader->fault, self->directory->dictionary_offset, n_bytes,
                             buffer->data, err));
        reader->bytes_read += n_bytes;
        const cni_pq_raw_page raw = {.bytes = buffer->data,
                                     .n_bytes = n_bytes,
                                     .owner = buffer,
                                     .codec = self->shared->chunk->codec};
        CN_TRY(cni_pq_dictionary_new(reader, self->leaf, self->type, &raw, &made, err));
        cni_pq_dictionary *kept = cni_slot_claim(&self->shared->dictionary, made);
        if (kept != made) {
            cni_pq_dictionary_free(made);
            made = kept;
        }
    }
    self->dictionary = made;
    return CN_OK;
}

static cn_code
open_page(cni_pq_column *self, cni_pq_reader *reader, int64_t number, bool ahead, cn_error *err)
{
    const cni_pq_directory *directory = self->directory;
    const cni_pq_page_location *at = &directory->pages[number];
    const cni_pq_page_location *last = &directory->pages[self->last_page];
    const int64_t ahead_end = ahead ? last->offset + last->n_bytes : at->offset + at->n_bytes;
    const uint8_t *bytes;
    close_page(self);
    CN_TRY(fetch(self, reader, at->offset, at->n_bytes, ahead_end, &bytes, err));
    const cni_pq_raw_page raw = {.bytes = bytes,
                                 .n_bytes = at->n_bytes,
                                 .owner = self->raw,
                                 .codec = self->shared->chunk->codec,
                                 .n_rows = at[1].first_row - at->first_row,
                                 .has_dictionary = directory->dictionary_bytes > 0};
    CN_TRY(cni_pq_page_open(&self->page, &reader->env, self->leaf, &raw, err));
    self->open_page = number;
    self->n_opened += number >= self->first_page;
    if (self->page.form == CNI_PQ_FORM_CODES && self->dictionary == NULL) {
        CN_TRY(load_dictionary(self, reader, err));
    }
    return CN_OK;
}

/* A block that is being put together. */
typedef struct block {
    cni_pq_column *column;
    cni_pq_reader *reader;
    const cni_pq_want *want;
    uint8_t *data;
    uint8_t *validity; /* NULL until a null was seen */
    int64_t n_done;    /* rows in it */
    bool as_codes;     /* items so far are codes */
    bool any_long;
    bool has_bounds; /* some piece gave bounds; known of all so far */
    bool lost_bounds;
    cni_bounds bounds;
    cni_heap *heap; /* of the pieces so far */
} block;

static int32_t
item_bytes_of(const block *self)
{
    return self->as_codes ? self->column->dictionary->code_bytes : self->column->leaf->out_bytes;
}

/* The codes so far become values: a page without codes follows. */
static cn_code
give_up_codes(block *self, cn_error *err)
{
    cni_pq_column *column = self->column;
    const cni_pq_dictionary *dictionary = column->dictionary;
    const int64_t n_bytes = self->n_done * dictionary->code_bytes;
    uint8_t *codes;
    CN_TRY(cni_pq_scratch(self->reader, 0, n_bytes + CNI_BUFFER_PADDING, &codes, err));
    memcpy(codes, self->data, (size_t)n_bytes);
    if (self->n_done > 0) {
        cni_pq_gather(self->reader->env.kernels, dictionary, column->leaf->out_bytes, codes,
                      dictionary->code_bytes, self->n_done, self->data);
        self->bounds = dictionary->bounds;
        self->has_bounds = dictionary->bounds.known;
        self->lost_bounds = !dictionary->bounds.known;
        self->any_long = dictionary->any_long;
        self->heap =
            dictionary->any_long ? cni_heap_ref(dictionary->dictionary->values.heap) : NULL;
    }
    self->as_codes = false;
    return CN_OK;
}

/* The heap keeps alive what the open page's strings lie in. */
static cn_code
keep_page_text(block *self, const cni_pq_piece *piece, cn_error *err)
{
    cni_pq_page *page = piece->page;
    cni_allocator *allocator = self->reader->env.allocator;
    cni_heap *heap = NULL;
    if (page->form == CNI_PQ_FORM_CODES) {
        heap = piece->dictionary->dictionary->values.heap;
    } else {
        if (page->heap == NULL) {
            cni_buffer *buffers[2] = {page->body, page->text};
            CN_TRY(cni_heap_new(allocator, buffers, page->text != NULL ? 2 : 1, &page->heap, err));
        }
        heap = page->heap;
    }
    cni_heap *both;
    CN_TRY(cni_heap_union(allocator, self->heap, heap, &both, err));
    cni_heap_unref(self->heap);
    self->heap = both;
    return CN_OK;
}

static void
merge_bounds(block *self, const cni_pq_piece *piece)
{
    if (piece->n_dense == 0 || self->lost_bounds) {
        return;
    }
    if (!piece->bounds.known) {
        self->lost_bounds = true;
    } else if (!self->has_bounds) {
        self->bounds = piece->bounds;
        self->has_bounds = true;
    } else {
        self->bounds.low = cni_min_i64(self->bounds.low, piece->bounds.low);
        self->bounds.high = cni_max_i64(self->bounds.high, piece->bounds.high);
    }
}

static cn_code
add_validity(block *self, const cni_pq_piece *piece, cn_error *err)
{
    cni_pq_column *column = self->column;
    if (self->validity == NULL) {
        if (piece->n_dense == piece->n_rows) {
            return CN_OK;
        }
        const int64_t n_bytes = cni_bits_words(self->want->n_keep) * 8;
        cni_buffer **buffer = &column->validity[column->turn];
        CN_TRY(cni_buffer_reuse(self->reader->env.allocator, n_bytes, buffer, err));
        self->validity = (*buffer)->data;
        memset(self->validity, 0, (size_t)n_bytes);
        cni_bits_fill(self->validity, 0, self->n_done, true);
    }
    cni_pq_decode_validity(piece, self->validity, self->n_done);
    return CN_OK;
}

static cn_code
add_piece(block *self, cni_pq_piece *piece, cn_error *err)
{
    const cni_pq_leaf *leaf = self->column->leaf;
    CN_TRY(add_validity(self, piece, err));
    if (leaf->phys == CNI_PHYS_BIT) {
        CN_TRY(cni_pq_decode_bits(piece, self->data, self->n_done, err));
        self->n_done += piece->n_keep;
        return CN_OK;
    }
    if (self->as_codes && piece->page->form != CNI_PQ_FORM_CODES) {
        CN_TRY(give_up_codes(self, err));
    }
    piece->as_codes = self->as_codes;
    piece->item_bytes = item_bytes_of(self);
    CN_TRY(cni_pq_decode_items(self->reader, piece, self->data + self->n_done * piece->item_bytes,
                               err));
    self->n_done += piece->n_keep;
    if (!self->as_codes) {
        merge_bounds(self, piece);
        self->any_long |= piece->any_long;
        if (leaf->phys == CNI_PHYS_VIEW && piece->any_long) {
            CN_TRY(keep_page_text(self, piece, err));
        }
    }
    return CN_OK;
}

/* The piece's part of want->keep, from its own bit 0 on. False = no row of it is wanted. */
static bool
narrow_to_page(const cni_pq_want *want, int64_t row, uint64_t *keep_words, cni_pq_piece *piece)
{
    const cni_bits keep = {(const uint8_t *)want->keep, row - want->row};
    piece->n_keep = cni_bits_count(keep, piece->n_rows);
    if (piece->n_keep > 0 && piece->n_keep < piece->n_rows) {
        keep_words[cni_bits_words(piece->n_rows) - 1] = 0;
        cni_bits_copy(keep, piece->n_rows, (uint8_t *)keep_words);
        piece->keep = keep_words;
    }
    return piece->n_keep > 0;
}

/* The rows of the want that lie in page `number`, from *inout_row on. */
static cn_code
add_page_rows(block *self, int64_t number, int64_t *inout_row, uint64_t *keep_words, cn_error *err)
{
    cni_pq_column *column = self->column;
    const cni_pq_want *want = self->want;
    const cni_pq_page_location *at = &column->directory->pages[number];
    const int64_t row = *inout_row;
    const int64_t n_rows = cni_min_i64(want->row + want->n_rows, at[1].first_row) - row;
    cni_pq_piece piece = {.leaf = column->leaf, .n_rows = n_rows, .n_keep = n_rows};
    *inout_row += n_rows;
    if (n_rows == want->n_rows) {
        piece.keep = want->keep;
        piece.n_keep = want->n_keep;
    } else if (want->keep != NULL && !narrow_to_page(want, row, keep_words, &piece)) {
        return CN_OK;
    }
    if (number != column->open_page) {
        CN_TRY(open_page(column, self->reader, number, want->ahead, err));
    }
    CN_TRY(cni_pq_page_seek(&column->page, column->leaf, row - at->first_row, err));
    piece.page = &column->page;
    piece.dictionary = column->dictionary;
    piece.n_dense = cni_pq_page_count_dense(&column->page, n_rows);
    return add_piece(self, &piece, err);
}

static cn_code
add_rows(block *self, cn_error *err)
{
    cni_pq_column *column = self->column;
    uint64_t keep_words[CNI_CHUNK_ROWS_MAX / 64];
    int64_t row = self->want->row;
    int64_t number = cni_pq_directory_find(column->directory, row);
    while (row < self->want->row + self->want->n_rows) {
        CN_TRY(add_page_rows(self, number, &row, keep_words, err));
        number++;
    }
    return CN_OK;
}

/* The finished block as a vector. */
static cn_code
finish(block *self, cni_vector *out, cn_error *err)
{
    cni_pq_column *column = self->column;
    const cni_pq_leaf *leaf = column->leaf;
    cni_vector vector = {.type = column->type,
                         .encoding = CNI_FLAT,
                         .phys = leaf->phys,
                         .n_rows = self->n_done,
                         .data = self->data};
    if (self->as_codes) {
        vector.encoding = CNI_DICTIONARY;
        vector.code_bytes = (uint8_t)column->dictionary->code_bytes;
        vector.dictionary = column->dictionary->dictionary;
    } else if (self->has_bounds && !self->lost_bounds) {
        vector.bounds = self->bounds;
        CN_TRY(cni_pq_check_bounds(leaf, &vector.bounds, err));
    }
    vector.owner_data = cni_buffer_ref(column->data[column->turn]);
    if (self->validity != NULL) {
        vector.owner_validity = cni_buffer_ref(column->validity[column->turn]);
        vector.validity = (cni_bits){self->validity, 0};
    }
    if (self->as_codes) {
        (void)cni_dictionary_ref(vector.dictionary);
    }
    vector.heap = self->heap;
    self->heap = NULL;
    column->turn ^= 1;
    *out = vector;
    return CN_OK;
}

static cn_code
assemble(block *self, cni_vector *out, cn_error *err)
{
    cni_pq_column *column = self->column;
    const cni_pq_leaf *leaf = column->leaf;
    const int64_t n_keep = self->want->n_keep;
    const int64_t n_bytes = leaf->phys == CNI_PHYS_BIT ? cni_bits_words(n_keep) * 8
                                                       : n_keep * cni_max_i64(leaf->out_bytes, 4);
    cni_buffer **buffer = &column->data[column->turn];
    CN_TRY(cni_buffer_reuse(self->reader->env.allocator, n_bytes, buffer, err));
    self->data = (*buffer)->data;
    if (leaf->phys == CNI_PHYS_BIT) {
        memset(self->data, 0, (size_t)n_bytes);
    }
    CN_TRY(add_rows(self, err));
    return finish(self, out, err);
}

/* PLAIN values without nulls, all wanted, aligned: a slice of the page. */
static bool
can_borrow(const cni_pq_column *self, const cni_pq_want *want)
{
    const cni_pq_page *page = &self->page;
    const cni_pq_leaf *leaf = self->leaf;
    const int32_t natural = leaf->out_bytes <= 8 ? leaf->out_bytes : 16;
    const int32_t align = leaf->phys == CNI_PHYS_FIXED ? 1 : natural;
    return want->keep == NULL && page->form == CNI_PQ_FORM_VALUES && leaf->convert == CNI_PQ_COPY &&
           cni_pq_page_count_dense(page, want->n_rows) == want->n_rows &&
           ((uintptr_t)page->values & (uintptr_t)(align - 1)) == 0;
}

static cn_code
borrow_page(cni_pq_column *self, const cni_kernels *kernels, const cni_pq_want *want,
            cni_vector *out, cn_error *err)
{
    cni_pq_page *page = &self->page;
    const cni_pq_leaf *leaf = self->leaf;
    const uint8_t *values = page->values + page->dense * leaf->raw_bytes;
    cni_vector vector = {.type = self->type,
                         .encoding = CNI_FLAT,
                         .phys = leaf->phys,
                         .n_rows = want->n_rows,
                         .data = values};
    vector.bounds = cni_pq_bounds(kernels, leaf, values, want->n_rows);
    CN_TRY(cni_pq_check_bounds(leaf, &vector.bounds, err));
    const bool is_decoded = page->decoded != NULL && page->values == page->decoded->data;
    const bool is_text = page->text != NULL && page->values == page->text->data;
    vector.owner_data = cni_buffer_ref(is_decoded ? page->decoded
                                       : is_text  ? page->text
                                                  : page->body);
    page->dense += want->n_rows;
    page->row += want->n_rows;
    *out = vector;
    return CN_OK;
}

/* One run of one code: CONSTANT. */
static void
borrow_run(cni_pq_column *self, const cni_pq_want *want, uint32_t code, cni_vector *out)
{
    const cni_vector *values = &self->dictionary->dictionary->values;
    const cni_pq_leaf *leaf = self->leaf;
    const uint8_t *value = (const uint8_t *)values->data + (int64_t)code * leaf->out_bytes;
    *out = (cni_vector){.type = self->type,
                        .encoding = CNI_CONSTANT,
                        .phys = leaf->phys,
                        .n_rows = want->n_keep,
                        .data = value,
                        .owner_data = cni_buffer_ref(values->owner_data),
                        .heap = values->heap != NULL ? cni_heap_ref(values->heap) : NULL,
                        .bounds = cni_pq_bounds(cni_kernels_get(), leaf, value, 1)};
}

/* The cheap ways, when the block lies in the one page that is open then. *out_done false = none. */
static cn_code
read_cheaply(cni_pq_column *self, cni_pq_reader *reader, const cni_pq_want *want, cni_vector *out,
             bool *out_done, cn_error *err)
{
    *out_done = false;
    const int64_t number = cni_pq_directory_find(self->directory, want->row);
    const cni_pq_page_location *at = &self->directory->pages[number];
    if (want->row + want->n_rows > at[1].first_row || self->leaf->phys == CNI_PHYS_BIT) {
        return CN_OK;
    }
    if (number != self->open_page) {
        CN_TRY(open_page(self, reader, number, want->ahead, err));
    }
    cni_pq_page *page = &self->page;
    CN_TRY(cni_pq_page_seek(page, self->leaf, want->row - at->first_row, err));
    uint32_t code;
    if (can_borrow(self, want)) {
        *out_done = true;
        return borrow_page(self, reader->env.kernels, want, out, err);
    }
    if (page->form == CNI_PQ_FORM_CODES &&
        cni_pq_page_count_dense(page, want->n_rows) == want->n_rows &&
        cni_pq_hybrid_peek_run(&page->codes, want->n_rows, &code) &&
        (int64_t)code < self->dictionary->n_values) {
        *out_done = true;
        borrow_run(self, want, code, out);
        return cni_pq_page_seek(page, self->leaf, page->row + want->n_rows, err);
    }
    return CN_OK;
}

static cn_code
read_block(cni_pq_column *self, cni_pq_reader *reader, const cni_pq_want *want, cni_vector *out,
           cn_error *err)
{
    bool is_done;
    CN_TRY(read_cheaply(self, reader, want, out, &is_done, err));
    if (is_done) {
        return CN_OK;
    }
    if (want->as_codes && self->directory->dictionary_bytes > 0 && self->dictionary == NULL &&
        self->leaf->phys != CNI_PHYS_BIT) {
        CN_TRY(load_dictionary(self, reader, err));
    }
    block made = {.column = self,
                  .reader = reader,
                  .want = want,
                  .as_codes = want->as_codes && self->leaf->phys != CNI_PHYS_BIT &&
                              self->dictionary != NULL && self->dictionary->n_values > 0};
    const cn_code code = assemble(&made, out, err);
    cni_heap_unref(made.heap);
    return code;
}

cn_code
cni_pq_column_read(cni_pq_column *self, cni_pq_reader *reader, const cni_pq_want *want,
                   cni_vector *out_vector, cn_error *err)
{
    if (self->leaf->convert == CNI_PQ_ALWAYS_NULL) {
        return cni_vector_new_null(reader->env.allocator, self->type, want->n_keep, out_vector,
                                   err);
    }
    cni_vector vector = {0};
    const cn_code code = read_block(self, reader, want, &vector, err);
    if (code != CN_OK) {
        cni_vector_done(&vector);
        close_page(self); /* its cursor may stand anywhere */
        cni_error_context(err, "column '%.*s' of '%.*s'", CNI_STR_ARGS(self->leaf->name),
                          CNI_STR_ARGS(cni_file_path(self->file)));
        return code;
    }
    *out_vector = vector;
    return CN_OK;
}
