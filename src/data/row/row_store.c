/* SPDX-License-Identifier: Apache-2.0
 *
 * Row store: pages of rows and their strings, in order of appending.
 *
 *   store -> page -> page -> ...       first page small, doubling up to 256 KiB; larger rows alone
 *   page  =  [ row | row | ... |   free   | strings of later rows | strings of earlier rows ]
 *
 * Long strings go to the end of the row's page, or to a block of their own when they do not fit a
 * page. Nested values are kept in side vectors, one per append and column; a row has a slot that
 * names vector and row. An append first reserves everything that can fail, then writes; on failure
 * what was reserved is given back. Rows never move.
 */
#include "data/row/row_store.h"

#include "base/checked.h"
#include "data/row/row_layout_int.h"

#define PAGE_BYTES_FIRST 4096
#define PAGE_BYTES_MOST  (256 * 1024)

typedef struct row_page {
    uint8_t *data;
    int64_t cap_bytes;
    int64_t first_row; /* number of its first row in the store */
    int64_t n_rows;
    int64_t free_bytes; /* between the rows and the strings */
} row_page;

/* A string block, or a side vector. */
typedef struct row_extra {
    void *block;
    int64_t n_bytes;
} row_extra;

/* Thread: confined. */
struct cni_row_store {
    cni_allocator *allocator; /* referenced */
    const cni_row_layout *layout;
    row_page *pages;
    int64_t n_pages;
    int64_t cap_pages;
    row_extra *blocks;
    int64_t n_blocks;
    int64_t cap_blocks;
    row_extra *sides; /* block is a cni_vector */
    int64_t n_sides;
    int64_t cap_sides;
    int64_t n_rows;
    int64_t size_bytes;
};

cn_code
cni_row_store_new(cni_allocator *allocator, const cni_row_layout *layout, cni_row_store **out_store,
                  cn_error *err)
{
    cni_row_store *store = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*store), &store, err));
    cni_allocator_ref(allocator);
    store->allocator = allocator;
    store->layout = layout;
    *out_store = store;
    return CN_OK;
}

static void
free_pages(cni_row_store *self, int64_t n_kept)
{
    while (self->n_pages > n_kept) {
        const row_page *page = &self->pages[--self->n_pages];
        self->size_bytes -= page->cap_bytes;
        cni_dealloc(self->allocator, page->data, page->cap_bytes);
    }
}

static void
free_blocks(cni_row_store *self, int64_t n_kept)
{
    while (self->n_blocks > n_kept) {
        const row_extra *extra = &self->blocks[--self->n_blocks];
        self->size_bytes -= extra->n_bytes;
        cni_dealloc(self->allocator, extra->block, extra->n_bytes);
    }
}

static void
free_sides(cni_row_store *self, int64_t n_kept)
{
    while (self->n_sides > n_kept) {
        const row_extra *extra = &self->sides[--self->n_sides];
        cni_vector_done(extra->block);
        cni_dealloc(self->allocator, extra->block, extra->n_bytes);
    }
}

void
cni_row_store_free(cni_row_store *self)
{
    if (self == NULL) {
        return;
    }
    free_pages(self, 0);
    free_blocks(self, 0);
    free_sides(self, 0);
    cni_allocator *allocator = self->allocator;
    cni_dealloc(allocator, self->pages, self->cap_pages * (int64_t)sizeof(*self->pages));
    cni_dealloc(allocator, self->blocks, self->cap_blocks * (int64_t)sizeof(*self->blocks));
    cni_dealloc(allocator, self->sides, self->cap_sides * (int64_t)sizeof(*self->sides));
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

int64_t
cni_row_store_rows(const cni_row_store *self)
{
    return self->n_rows;
}

int64_t
cni_row_store_bytes(const cni_row_store *self)
{
    return self->size_bytes;
}

uint8_t *
cni_row_store_row(const cni_row_store *self, int64_t row)
{
    CN_ASSERT(row >= 0 && row < self->n_rows);
    int64_t low = 0;
    int64_t high = self->n_pages - 1;
    while (low < high) { /* the last page that begins at or before the row */
        const int64_t middle = low + (high - low + 1) / 2;
        if (self->pages[middle].first_row <= row) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    const row_page *page = &self->pages[low];
    return page->data + (row - page->first_row) * self->layout->row_bytes;
}

/* Room for one more item in a growing array; `inout_items` is the address of its pointer. */
static cn_code
grow_array(cni_allocator *allocator, void *inout_items, int64_t n_items, int64_t *inout_cap,
           int64_t item_bytes, cn_error *err)
{
    if (n_items < *inout_cap) {
        return CN_OK;
    }
    const int64_t cap = cni_max_i64(8, *inout_cap * 2);
    CN_TRY(cni_realloc(allocator, inout_items, *inout_cap * item_bytes, cap * item_bytes, err));
    *inout_cap = cap;
    return CN_OK;
}

/* ---- reserving ---- */

static cn_code
add_page(cni_row_store *self, int64_t least_bytes, cn_error *err)
{
    CN_TRY(grow_array(self->allocator, &self->pages, self->n_pages, &self->cap_pages,
                      (int64_t)sizeof(*self->pages), err));
    const int64_t last = self->n_pages == 0 ? 0 : self->pages[self->n_pages - 1].cap_bytes;
    int64_t cap_bytes = cni_min_i64(PAGE_BYTES_MOST, last == 0 ? PAGE_BYTES_FIRST : 2 * last);
    cap_bytes = cni_max_i64(cap_bytes, cni_round_up(least_bytes, 64));
    uint8_t *data = NULL;
    CN_TRY(cni_alloc(self->allocator, cap_bytes, &data, err));
    int64_t first_row = 0;
    if (self->n_pages > 0) {
        const row_page *before = &self->pages[self->n_pages - 1];
        first_row = before->first_row + before->n_rows;
    }
    self->pages[self->n_pages++] = (row_page){data, cap_bytes, first_row, 0, cap_bytes};
    self->size_bytes += cap_bytes;
    return CN_OK;
}

static cn_code
add_block(cni_row_store *self, int64_t n_bytes, uint8_t **out_block, cn_error *err)
{
    CN_TRY(grow_array(self->allocator, &self->blocks, self->n_blocks, &self->cap_blocks,
                      (int64_t)sizeof(*self->blocks), err));
    CN_TRY(cni_alloc(self->allocator, n_bytes, out_block, err));
    self->blocks[self->n_blocks++] = (row_extra){*out_block, n_bytes};
    self->size_bytes += n_bytes;
    return CN_OK;
}

/* One row with string_bytes of long strings; *out_strings is where they go. */
static cn_code
reserve_row(cni_row_store *self, int64_t string_bytes, uint8_t **out_row, uint8_t **out_strings,
            cn_error *err)
{
    const int64_t row_bytes = self->layout->row_bytes;
    const bool is_own = string_bytes > PAGE_BYTES_MOST / 4;
    const int64_t needed = row_bytes + (is_own ? 0 : string_bytes);
    if (self->n_pages == 0 || self->pages[self->n_pages - 1].free_bytes < needed) {
        CN_TRY(add_page(self, needed, err));
    }
    row_page *page = &self->pages[self->n_pages - 1];
    uint8_t *row = page->data + page->n_rows * row_bytes;
    *out_strings = row + page->free_bytes - string_bytes;
    if (is_own) {
        CN_TRY(add_block(self, string_bytes, out_strings, err));
    }
    page->n_rows++;
    page->free_bytes -= needed;
    *out_row = row;
    return CN_OK;
}

/* ---- one append ---- */

typedef struct append_column {
    cni_vector vector;     /* FLAT or CONSTANT */
    const uint32_t *index; /* row k is index[k]; NULL = k */
    const cni_vector *side;
} append_column;

typedef struct append_job {
    cni_row_store *store;
    append_column *columns;
    int64_t n;
    uint8_t **rows;
    uint8_t **strings; /* where each row's long strings go next; NULL without string columns */
} append_job;

static inline int64_t
source_row(const append_column *column, int64_t k)
{
    if (column->vector.encoding == CNI_CONSTANT) {
        return 0;
    }
    return column->index == NULL ? k : column->index[k];
}

static cn_code
add_side(cni_row_store *self, cni_vector *own_vector, const cni_vector **out_side, cn_error *err)
{
    CN_TRY(grow_array(self->allocator, &self->sides, self->n_sides, &self->cap_sides,
                      (int64_t)sizeof(*self->sides), err));
    cni_vector *side = NULL;
    CN_TRY(cni_alloc(self->allocator, (int64_t)sizeof(*side), &side, err));
    cni_vector_move(side, own_vector);
    self->sides[self->n_sides++] = (row_extra){side, (int64_t)sizeof(*side)};
    *out_side = side;
    return CN_OK;
}

/* The rows of one column that are appended, FLAT or CONSTANT. */
static cn_code
prepare_column(const append_job *job, const cni_vector *vector, const uint32_t *index,
               append_column *out, cn_error *err)
{
    cni_allocator *allocator = job->store->allocator;
    const bool is_plain = vector->encoding == CNI_FLAT || vector->encoding == CNI_CONSTANT;
    const bool is_nested = cni_row_is_nested((cni_phys)vector->phys);
    if (is_plain && !is_nested) {
        cni_vector_copy(&out->vector, vector);
        out->index = index;
        return CN_OK;
    }
    CN_SCOPED(cni_vector) picked = {0};
    if (index == NULL) {
        cni_vector_slice(&picked, vector, 0, job->n);
    } else {
        CN_TRY(cni_vector_take(allocator, vector, index, job->n, &picked, err));
    }
    CN_TRY(cni_vector_flatten(allocator, &picked, &out->vector, err));
    if (is_nested) {
        cni_vector side;
        cni_vector_copy(&side, &out->vector);
        const cn_code code = add_side(job->store, &side, &out->side, err);
        cni_vector_done(&side);
        CN_TRY(code);
    }
    return CN_OK;
}

/* Long strings of row k, in all columns. */
static int64_t
string_bytes_of(const append_job *job, int64_t k)
{
    int64_t total = 0;
    for (int32_t column = 0; column < job->store->layout->n_columns; column++) {
        const append_column *from = &job->columns[column];
        const int64_t row = source_row(from, k);
        if (from->vector.phys != CNI_PHYS_VIEW || !cni_bits_get(from->vector.validity, row)) {
            continue;
        }
        const int64_t len_bytes = ((const cni_view *)from->vector.data)[row].len_bytes;
        total += len_bytes > CNI_VIEW_INLINE_BYTES ? len_bytes : 0;
    }
    return total;
}

static cn_code
reserve_rows(const append_job *job, cn_error *err)
{
    for (int64_t k = 0; k < job->n; k++) {
        uint8_t *strings;
        const int64_t string_bytes = job->strings == NULL ? 0 : string_bytes_of(job, k);
        CN_TRY(reserve_row(job->store, string_bytes, &job->rows[k], &strings, err));
        if (job->strings != NULL) {
            job->strings[k] = strings;
        }
    }
    return CN_OK;
}

/* ---- writing, which cannot fail ---- */

static inline CN_ALWAYS_INLINE void
write_items(const append_job *job, int32_t column, size_t item)
{
    const append_column *from = &job->columns[column];
    const uint8_t *data = from->vector.data;
    const int32_t offset = job->store->layout->offsets[column];
    for (int64_t k = 0; k < job->n; k++) {
        memcpy(job->rows[k] + offset, data + (size_t)source_row(from, k) * item, item);
    }
}

static void
write_views(const append_job *job, int32_t column)
{
    const append_column *from = &job->columns[column];
    const cni_view *views = from->vector.data;
    const int32_t offset = job->store->layout->offsets[column];
    for (int64_t k = 0; k < job->n; k++) {
        const int64_t row = source_row(from, k);
        cni_view view = {0};
        if (cni_bits_get(from->vector.validity, row)) {
            view = views[row];
        }
        if (view.len_bytes > CNI_VIEW_INLINE_BYTES) {
            memcpy(job->strings[k], cni_view_data(&view), view.len_bytes);
            view = cni_view_make((const char *)job->strings[k], view.len_bytes);
            job->strings[k] += view.len_bytes;
        }
        memcpy(job->rows[k] + offset, &view, sizeof(view));
    }
}

static void
write_bits(const append_job *job, int32_t column)
{
    const append_column *from = &job->columns[column];
    const cni_bits bits = {from->vector.data, from->vector.data_off_bits};
    const int32_t offset = job->store->layout->offsets[column];
    for (int64_t k = 0; k < job->n; k++) {
        job->rows[k][offset] = cni_bits_get(bits, source_row(from, k));
    }
}

static void
write_wide(const append_job *job, int32_t column)
{
    const append_column *from = &job->columns[column];
    const int64_t *narrow = from->vector.data;
    const int32_t offset = job->store->layout->offsets[column];
    for (int64_t k = 0; k < job->n; k++) {
        const cni_i128 value = narrow[source_row(from, k)];
        memcpy(job->rows[k] + offset, &value, sizeof(value));
    }
}

static void
write_slots(const append_job *job, int32_t column)
{
    const append_column *from = &job->columns[column];
    const int32_t offset = job->store->layout->offsets[column];
    for (int64_t k = 0; k < job->n; k++) {
        const cni_side_slot slot = {from->side, source_row(from, k)};
        memcpy(job->rows[k] + offset, &slot, sizeof(slot));
    }
}

static void
write_fixed(const append_job *job, int32_t column, int32_t item_bytes)
{
    switch (item_bytes) {
    case 1:
        write_items(job, column, 1);
        break;
    case 2:
        write_items(job, column, 2);
        break;
    case 4:
        write_items(job, column, 4);
        break;
    case 8:
        write_items(job, column, 8);
        break;
    case 16:
        write_items(job, column, 16);
        break;
    default:
        write_items(job, column, (size_t)item_bytes);
        break;
    }
}

static void
write_column(const append_job *job, int32_t column)
{
    const cni_row_layout *layout = job->store->layout;
    const cni_phys phys = layout->phys[column];
    const cni_vector *vector = &job->columns[column].vector;
    if (cni_row_is_nested(phys)) {
        write_slots(job, column);
    } else if (phys == CNI_PHYS_VIEW) {
        write_views(job, column);
    } else if (phys == CNI_PHYS_BIT) {
        write_bits(job, column);
    } else if (phys == CNI_PHYS_I128 && vector->phys == CNI_PHYS_I64) {
        write_wide(job, column);
    } else if (phys != CNI_PHYS_NONE) {
        write_fixed(job, column, cni_row_item_bytes(phys, layout->types[column]));
    }
}

static void
write_nulls(const append_job *job, int32_t column)
{
    const append_column *from = &job->columns[column];
    const bool all_null = from->vector.phys == CNI_PHYS_NONE;
    if (from->vector.validity.data == NULL && !all_null) {
        return;
    }
    for (int64_t k = 0; k < job->n; k++) {
        if (all_null || !cni_bits_get(from->vector.validity, source_row(from, k))) {
            cni_bit_set(job->rows[k], column);
        }
    }
}

static void
write_rows(const append_job *job)
{
    const cni_row_layout *layout = job->store->layout;
    const size_t null_bytes = (size_t)cni_bits_bytes(layout->n_columns);
    for (int64_t k = 0; k < job->n; k++) {
        memset(job->rows[k], 0, null_bytes);
    }
    for (int32_t column = 0; column < layout->n_columns; column++) {
        write_column(job, column);
        write_nulls(job, column);
    }
}

/* ---- append ---- */

static bool
has_strings(const cni_row_layout *layout)
{
    for (int32_t column = 0; column < layout->n_columns; column++) {
        if (layout->phys[column] == CNI_PHYS_VIEW) {
            return true;
        }
    }
    return false;
}

static cn_code
append_prepared(append_job *job, const cni_vector *columns, const uint32_t *index, cn_error *err)
{
    for (int32_t column = 0; column < job->store->layout->n_columns; column++) {
        CN_TRY(prepare_column(job, &columns[column], index, &job->columns[column], err));
    }
    CN_TRY(reserve_rows(job, err));
    write_rows(job);
    job->store->n_rows += job->n;
    return CN_OK;
}

typedef struct store_mark {
    int64_t n_pages;
    int64_t n_blocks;
    int64_t n_sides;
    row_page last; /* as it was, when there are pages */
} store_mark;

static store_mark
mark_of(const cni_row_store *self)
{
    store_mark mark = {self->n_pages, self->n_blocks, self->n_sides, {0}};
    if (self->n_pages > 0) {
        mark.last = self->pages[self->n_pages - 1];
    }
    return mark;
}

static void
roll_back(cni_row_store *self, const store_mark *mark)
{
    free_pages(self, mark->n_pages);
    free_blocks(self, mark->n_blocks);
    free_sides(self, mark->n_sides);
    if (mark->n_pages > 0) {
        self->pages[mark->n_pages - 1] = mark->last;
    }
}

/* Scratch of one append: the columns, and a pointer per row when there are strings. */
static cn_code
append_with_scratch(cni_row_store *self, const cni_vector *columns, const uint32_t *index,
                    int64_t n, uint8_t **out_rows, cn_error *err)
{
    append_job job = {self, NULL, n, out_rows, NULL};
    const int32_t n_columns = self->layout->n_columns;
    const int64_t columns_bytes = n_columns * (int64_t)sizeof(*job.columns);
    const int64_t strings_bytes = has_strings(self->layout) ? n * (int64_t)sizeof(*job.strings) : 0;
    CN_TRY(cni_alloc_zeroed(self->allocator, columns_bytes, &job.columns, err));
    cn_code code = CN_OK;
    if (strings_bytes > 0) {
        code = cni_alloc(self->allocator, strings_bytes, &job.strings, err);
    }
    if (code == CN_OK) {
        code = append_prepared(&job, columns, index, err);
    }
    for (int32_t column = 0; column < n_columns; column++) {
        cni_vector_done(&job.columns[column].vector);
    }
    cni_dealloc(self->allocator, job.columns, columns_bytes);
    cni_dealloc(self->allocator, job.strings, strings_bytes);
    return code;
}

cn_code
cni_row_store_append(cni_row_store *self, const cni_vector *columns, const uint32_t *index,
                     int64_t n, uint8_t **out_rows, cn_error *err)
{
    if (n == 0) {
        return CN_OK;
    }
    const store_mark mark = mark_of(self);
    const cn_code code = append_with_scratch(self, columns, index, n, out_rows, err);
    if (code != CN_OK) {
        roll_back(self, &mark);
    }
    return code;
}

/* ---- absorb ---- */

/* Room for the items of another array behind one's own. */
static cn_code
reserve_items(cni_allocator *allocator, void *inout_items, int64_t n_items, int64_t n_more,
              int64_t *inout_cap, int64_t item_bytes, cn_error *err)
{
    if (n_items + n_more <= *inout_cap) {
        return CN_OK;
    }
    const int64_t cap = n_items + n_more;
    CN_TRY(cni_realloc(allocator, inout_items, *inout_cap * item_bytes, cap * item_bytes, err));
    *inout_cap = cap;
    return CN_OK;
}

static void
take_extras(row_extra *items, int64_t *inout_n, const row_extra *others, int64_t *inout_n_others)
{
    if (*inout_n_others > 0) {
        memcpy(items + *inout_n, others, (size_t)*inout_n_others * sizeof(*items));
        *inout_n += *inout_n_others;
        *inout_n_others = 0;
    }
}

cn_code
cni_row_store_absorb(cni_row_store *self, cni_row_store *other, cn_error *err)
{
    if (self->layout != other->layout || self->allocator != other->allocator) {
        return CN_FAIL(err, CN_INTERNAL, "row stores of different layouts or allocators");
    }
    CN_TRY(reserve_items(self->allocator, &self->pages, self->n_pages, other->n_pages,
                         &self->cap_pages, (int64_t)sizeof(*self->pages), err));
    CN_TRY(reserve_items(self->allocator, &self->blocks, self->n_blocks, other->n_blocks,
                         &self->cap_blocks, (int64_t)sizeof(*self->blocks), err));
    CN_TRY(reserve_items(self->allocator, &self->sides, self->n_sides, other->n_sides,
                         &self->cap_sides, (int64_t)sizeof(*self->sides), err));
    for (int64_t page = 0; page < other->n_pages; page++) {
        row_page taken = other->pages[page];
        taken.first_row += self->n_rows;
        self->pages[self->n_pages++] = taken;
    }
    other->n_pages = 0;
    take_extras(self->blocks, &self->n_blocks, other->blocks, &other->n_blocks);
    take_extras(self->sides, &self->n_sides, other->sides, &other->n_sides);
    self->n_rows += other->n_rows;
    self->size_bytes += other->size_bytes;
    other->n_rows = 0;
    other->size_bytes = 0;
    return CN_OK;
}
