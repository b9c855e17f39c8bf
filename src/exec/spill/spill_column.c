/* SPDX-License-Identifier: Apache-2.0
 *
 * Appending picked rows to the arrays of a block under way. FLAT vectors are gathered by loops per
 * item width; every other encoding is picked and expanded first, which scattering does once per
 * chunk instead. Nested types pick in their children, level by level.
 */
#include "exec/spill/spill_column_int.h"

#include "base/checked.h"
#include "data/kernel/kernel.h"

#define MIN_BYTES 256
#define SLACK     64 /* writable behind the capacity: loops store whole items of 12 and 16 bytes */

static cn_code
reserve(cni_spill_memory *memory, cni_spill_bytes *bytes, int64_t n_bytes, cn_error *err)
{
    if (n_bytes <= bytes->cap_bytes) {
        return CN_OK;
    }
    const int64_t cap = cni_round_up(
        cni_max_i64(cni_max_i64(n_bytes, MIN_BYTES), bytes->cap_bytes + bytes->cap_bytes / 2), 64);
    const int64_t before = bytes->data == NULL ? 0 : bytes->cap_bytes + SLACK;
    CN_TRY(cni_realloc(memory->allocator, &bytes->data, before, cap + SLACK, err));
    memory->held_bytes += cap + SLACK - before;
    bytes->cap_bytes = cap;
    return CN_OK;
}

static void
give_back(cni_spill_memory *memory, cni_spill_bytes *bytes)
{
    if (bytes->data != NULL) {
        cni_dealloc(memory->allocator, bytes->data, bytes->cap_bytes + SLACK);
        memory->held_bytes -= bytes->cap_bytes + SLACK;
    }
    *bytes = (cni_spill_bytes){0};
}

int32_t
cni_spill_item_bytes(uint8_t phys, const cni_type *type)
{
    switch ((cni_phys)phys) {
    case CNI_PHYS_VIEW:
    case CNI_PHYS_LIST:
        return 4;
    case CNI_PHYS_UNION:
        return 1;
    default:
        return cni_phys_bytes((cni_phys)phys, type);
    }
}

/* ---- life ---- */

cn_code
cni_spill_column_init(cni_spill_column *self, cni_spill_memory *memory, const cni_type *type,
                      cn_error *err)
{
    *self = (cni_spill_column){.type = type, .phys = (uint8_t)cni_type_phys(type)};
    if (type->n_children == 0) {
        return CN_OK;
    }
    const int64_t n_bytes = type->n_children * (int64_t)sizeof(*self->children);
    CN_TRY(cni_alloc_zeroed(memory->allocator, n_bytes, &self->children, err));
    memory->held_bytes += n_bytes;
    self->n_children = type->n_children;
    for (int32_t child = 0; child < type->n_children; child++) {
        CN_TRY(
            cni_spill_column_init(&self->children[child], memory, type->children[child].type, err));
    }
    return CN_OK;
}

void
cni_spill_column_trim(cni_spill_column *self, cni_spill_memory *memory)
{
    cni_spill_column_reset(self);
    give_back(memory, &self->items);
    give_back(memory, &self->validity);
    give_back(memory, &self->text);
    for (int32_t child = 0; child < self->n_children; child++) {
        cni_spill_column_trim(&self->children[child], memory);
    }
}

void
cni_spill_column_done(cni_spill_column *self, cni_spill_memory *memory)
{
    for (int32_t child = 0; child < self->n_children; child++) {
        cni_spill_column_done(&self->children[child], memory);
    }
    const int32_t n_children = self->n_children;
    self->n_children = 0;
    cni_spill_column_trim(self, memory);
    cni_dealloc(memory->allocator, self->children, n_children * (int64_t)sizeof(*self->children));
    memory->held_bytes -= n_children * (int64_t)sizeof(*self->children);
    self->children = NULL;
}

void
cni_spill_column_reset(cni_spill_column *self)
{
    self->n_rows = 0;
    self->text_bytes = 0;
    self->has_nulls = false;
    for (int32_t child = 0; child < self->n_children; child++) {
        cni_spill_column_reset(&self->children[child]);
    }
}

int64_t
cni_spill_column_bytes(const cni_spill_column *self)
{
    int64_t n_bytes = self->n_rows * cni_spill_item_bytes(self->phys, self->type) +
                      self->text_bytes + (self->has_nulls ? cni_bits_bytes(self->n_rows) : 0) +
                      (self->phys == CNI_PHYS_BIT ? cni_bits_bytes(self->n_rows) : 0);
    for (int32_t child = 0; child < self->n_children; child++) {
        n_bytes += cni_spill_column_bytes(&self->children[child]);
    }
    return n_bytes;
}

/* ---- bits ---- */

/* Rows of `bits` to bit `at` of out; true when some of them are clear. */
static bool
write_bits(uint8_t *out, int64_t at, cni_bits bits, const cni_spill_pick *pick)
{
    bool some_clear = false;
    for (int64_t row = 0; row < pick->n; row++) {
        const bool bit = cni_bits_get(bits, cni_spill_pick_row(pick, row));
        cni_bit_write(out, at + row, bit);
        some_clear = some_clear || !bit;
    }
    return some_clear;
}

/* Room for n_bits; what is new is zeroed, as bits are written by reading their byte. */
static cn_code
reserve_bits(cni_spill_memory *memory, cni_spill_bytes *bytes, int64_t n_bits, cn_error *err)
{
    const int64_t before = bytes->cap_bytes;
    CN_TRY(reserve(memory, bytes, cni_bits_words(n_bits) * 8, err));
    if (bytes->cap_bytes > before) {
        memset(bytes->data + before, 0, (size_t)(bytes->cap_bytes - before));
    }
    return CN_OK;
}

static cn_code
append_validity(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *flat,
                const cni_spill_pick *pick, cn_error *err)
{
    const int64_t n_rows = self->n_rows + pick->n;
    if (flat->validity.data == NULL) {
        if (self->has_nulls) {
            CN_TRY(reserve_bits(memory, &self->validity, n_rows, err));
            cni_bits_fill(self->validity.data, self->n_rows, pick->n, true);
        }
        return CN_OK;
    }
    CN_TRY(reserve_bits(memory, &self->validity, n_rows, err));
    if (!self->has_nulls) {
        cni_bits_fill(self->validity.data, 0, self->n_rows, true);
    }
    if (write_bits(self->validity.data, self->n_rows, flat->validity, pick)) {
        self->has_nulls = true;
    }
    return CN_OK;
}

static cn_code
append_bits(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *flat,
            const cni_spill_pick *pick, cn_error *err)
{
    CN_TRY(reserve_bits(memory, &self->items, self->n_rows + pick->n, err));
    const cni_bits bits = {flat->data, flat->data_off_bits};
    (void)write_bits(self->items.data, self->n_rows, bits, pick);
    return CN_OK;
}

/* ---- items ---- */

static void
gather(const void *values, int32_t item_bytes, const cni_spill_pick *pick, uint8_t *out)
{
    const uint8_t *items = values;
    if (pick->index == NULL) {
        memcpy(out, items + pick->first * item_bytes, (size_t)(pick->n * item_bytes));
        return;
    }
    if (item_bytes <= 16 && (item_bytes & (item_bytes - 1)) == 0) {
        cni_kernels_get()->gather[__builtin_ctz((unsigned)item_bytes)][2](values, pick->index,
                                                                          pick->n, out);
        return;
    }
    for (int64_t at = 0; at < pick->n; at++) {
        memcpy(out + at * item_bytes, items + (int64_t)pick->index[at] * item_bytes,
               (size_t)item_bytes);
    }
}

/* 64-bit decimals behind 128-bit ones. */
static void
gather_widened(const int64_t *values, const cni_spill_pick *pick, uint8_t *out)
{
    for (int64_t at = 0; at < pick->n; at++) {
        const cni_i128 wide = values[cni_spill_pick_row(pick, at)];
        memcpy(out + at * 16, &wide, sizeof(wide));
    }
}

/* The rows so far as 128-bit ones, from the last to the first. */
static cn_code
widen_rows(cni_spill_column *self, cni_spill_memory *memory, cn_error *err)
{
    CN_TRY(reserve(memory, &self->items, self->n_rows * 16, err));
    for (int64_t row = self->n_rows - 1; row >= 0; row--) {
        int64_t narrow;
        memcpy(&narrow, self->items.data + row * 8, sizeof(narrow));
        const cni_i128 wide = narrow;
        memcpy(self->items.data + row * 16, &wide, sizeof(wide));
    }
    self->phys = CNI_PHYS_I128;
    return CN_OK;
}

/* The layout of the column fits the vector's; only decimals have two. */
static cn_code
agree_on_phys(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *flat,
              cn_error *err)
{
    if (self->phys == flat->phys) {
        return CN_OK;
    }
    const bool narrow = self->phys == CNI_PHYS_I64 && flat->phys == CNI_PHYS_I128;
    const bool wide = self->phys == CNI_PHYS_I128 && flat->phys == CNI_PHYS_I64;
    if (self->type->id != CNI_TYPE_DECIMAL || !(narrow || wide)) {
        return CN_FAIL(err, CN_INTERNAL, "a column of layout %d was given rows of layout %d",
                       self->phys, flat->phys);
    }
    if (self->n_rows == 0) {
        self->phys = flat->phys;
        return CN_OK;
    }
    return narrow ? widen_rows(self, memory, err) : CN_OK;
}

static cn_code
append_items(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *flat,
             const cni_spill_pick *pick, cn_error *err)
{
    CN_TRY(agree_on_phys(self, memory, flat, err));
    const int32_t item_bytes = cni_spill_item_bytes(self->phys, self->type);
    CN_TRY(reserve(memory, &self->items, (self->n_rows + pick->n) * item_bytes, err));
    uint8_t *out = self->items.data + self->n_rows * item_bytes;
    if (item_bytes == 0) {
        return CN_OK; /* FIXED_BINARY of width 0 */
    }
    if (self->phys != flat->phys) {
        gather_widened(flat->data, pick, out);
    } else {
        gather(flat->data, item_bytes, pick, out);
    }
    return CN_OK;
}

/* ---- text ---- */

int64_t
cni_spill_text_bytes(const cni_vector *vector, const cni_spill_pick *pick)
{
    if (vector->phys != CNI_PHYS_VIEW) {
        return 0;
    }
    const cni_view *views = vector->data;
    int64_t n_bytes = 0;
    if (vector->validity.data == NULL) {
        for (int64_t at = 0; at < pick->n; at++) {
            n_bytes += views[cni_spill_pick_row(pick, at)].len_bytes;
        }
        return n_bytes;
    }
    for (int64_t at = 0; at < pick->n; at++) {
        const int64_t row = cni_spill_pick_row(pick, at);
        n_bytes += cni_bits_get(vector->validity, row) ? views[row].len_bytes : 0;
    }
    return n_bytes;
}

/* Twelve bytes are copied whatever a short string's length is: SLACK is behind the text. */
static void
write_text(const cni_vector *flat, const cni_spill_pick *pick, uint8_t *lengths, uint8_t *text)
{
    const cni_view *views = flat->data;
    for (int64_t at = 0; at < pick->n; at++) {
        const int64_t row = cni_spill_pick_row(pick, at);
        const cni_view *view = &views[row];
        const uint32_t len_bytes = cni_bits_get(flat->validity, row) ? view->len_bytes : 0;
        memcpy(lengths + at * 4, &len_bytes, sizeof(len_bytes));
        if (len_bytes <= CNI_VIEW_INLINE_BYTES) {
            memcpy(text, view->as.inlined, CNI_VIEW_INLINE_BYTES);
        } else {
            memcpy(text, cni_view_data(view), len_bytes);
        }
        text += len_bytes;
    }
}

static cn_code
append_text(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *flat,
            const cni_spill_pick *pick, cn_error *err)
{
    const int64_t n_text = cni_spill_text_bytes(flat, pick);
    CN_TRY(reserve(memory, &self->items, (self->n_rows + pick->n) * 4, err));
    CN_TRY(reserve(memory, &self->text, self->text_bytes + n_text + 1, err)); /* never nothing */
    write_text(flat, pick, self->items.data + self->n_rows * 4, self->text.data + self->text_bytes);
    self->text_bytes += n_text;
    return CN_OK;
}

/* ---- nested ---- */

/* A list of row numbers for a child. */
typedef struct row_list {
    cni_allocator *allocator;
    uint32_t *rows;
    int64_t n_rows;
} row_list;

static inline void
row_list_cleanup_(row_list *inout_value)
{
    cni_dealloc(inout_value->allocator, inout_value->rows, inout_value->n_rows * 4);
}

static cn_code
row_list_init(row_list *self, cni_allocator *allocator, int64_t n_rows, cn_error *err)
{
    CN_TRY(cni_alloc_array(allocator, n_rows, 4, &self->rows, err));
    self->allocator = allocator;
    self->n_rows = n_rows;
    return CN_OK;
}

/* Where the picked lists lie in their child. */
typedef struct list_span {
    int64_t low;
    int64_t high;
    int64_t n_items;
    bool in_order; /* each begins where the one before it ends */
} list_span;

static cn_code
measure_lists(const cni_vector *flat, const cni_spill_pick *pick, uint8_t *out_sizes,
              list_span *out_span, cn_error *err)
{
    const cni_list_entry *entries = flat->data;
    list_span span = {.low = INT64_MAX, .in_order = true};
    for (int64_t at = 0; at < pick->n; at++) {
        const int64_t row = cni_spill_pick_row(pick, at);
        const int64_t size = cni_bits_get(flat->validity, row) ? entries[row].size : 0;
        const uint32_t stored = (uint32_t)size;
        memcpy(out_sizes + at * 4, &stored, sizeof(stored));
        if (size > UINT32_MAX) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a list of %lld items cannot be spilled",
                           (long long)size);
        }
        if (size > 0) {
            span.in_order =
                span.in_order && (span.n_items == 0 || entries[row].offset == span.high);
            span.low = cni_min_i64(span.low, entries[row].offset);
            span.high = cni_max_i64(span.high, entries[row].offset + size);
            span.n_items += size;
        }
    }
    if (!span.in_order && span.high - span.low > UINT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "lists over %lld items cannot be spilled",
                       (long long)(span.high - span.low));
    }
    *out_span = span;
    return CN_OK;
}

static void
list_items(const cni_vector *flat, const cni_spill_pick *pick, int64_t low, uint32_t *out_items)
{
    const cni_list_entry *entries = flat->data;
    for (int64_t at = 0; at < pick->n; at++) {
        const int64_t row = cni_spill_pick_row(pick, at);
        const int64_t size = cni_bits_get(flat->validity, row) ? entries[row].size : 0;
        for (int64_t item = 0; item < size; item++) {
            *out_items++ = (uint32_t)(entries[row].offset - low + item);
        }
    }
}

static cn_code
append_list(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *flat,
            const cni_spill_pick *pick, cn_error *err)
{
    list_span span = {0};
    CN_TRY(reserve(memory, &self->items, (self->n_rows + pick->n) * 4, err));
    CN_TRY(measure_lists(flat, pick, self->items.data + self->n_rows * 4, &span, err));
    if (span.n_items == 0) {
        return CN_OK;
    }
    CN_SCOPED(cni_vector) window = {0};
    cni_vector_slice(&window, &flat->nested->children[0], span.low, span.high - span.low);
    if (span.in_order) {
        const cni_spill_pick all = {.n = span.n_items};
        return cni_spill_column_append(&self->children[0], memory, &window, &all, err);
    }
    CN_SCOPED(row_list) items = {0};
    CN_TRY(row_list_init(&items, memory->allocator, span.n_items, err));
    list_items(flat, pick, span.low, items.rows);
    const cni_spill_pick picked = {.index = items.rows, .n = span.n_items};
    return cni_spill_column_append(&self->children[0], memory, &window, &picked, err);
}

/* Rows that lie in the children as they do in the parent: structs, sparse unions. */
static cn_code
append_children(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *flat,
                const cni_spill_pick *pick, cn_error *err)
{
    for (int32_t child = 0; child < self->n_children; child++) {
        CN_SCOPED(cni_vector) seen = {0};
        cni_vector_child(&seen, flat, child);
        CN_TRY(cni_spill_column_append(&self->children[child], memory, &seen, pick, err));
    }
    return CN_OK;
}

static cn_code
append_array(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *flat,
             const cni_spill_pick *pick, cn_error *err)
{
    const int64_t width = self->type->width;
    CN_SCOPED(cni_vector) seen = {0};
    cni_vector_child(&seen, flat, 0);
    if (pick->index == NULL) {
        const cni_spill_pick all = {.first = pick->first * width, .n = pick->n * width};
        return cni_spill_column_append(&self->children[0], memory, &seen, &all, err);
    }
    if (flat->n_rows * width > UINT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "arrays over %lld items cannot be spilled",
                       (long long)(flat->n_rows * width));
    }
    CN_SCOPED(row_list) items = {0};
    CN_TRY(row_list_init(&items, memory->allocator, pick->n * width, err));
    for (int64_t at = 0; at < items.n_rows; at++) {
        items.rows[at] = (uint32_t)(pick->index[at / width] * width + at % width);
    }
    const cni_spill_pick picked = {.index = items.rows, .n = items.n_rows};
    return cni_spill_column_append(&self->children[0], memory, &seen, &picked, err);
}

static cn_code
append_dense(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *flat,
             const cni_spill_pick *pick, cn_error *err)
{
    const int8_t *codes = flat->data;
    CN_SCOPED(row_list) items = {0};
    CN_TRY(row_list_init(&items, memory->allocator, pick->n, err));
    for (int32_t child = 0; child < self->n_children; child++) {
        cni_spill_pick picked = {.index = items.rows};
        for (int64_t at = 0; at < pick->n; at++) {
            const int64_t row = cni_spill_pick_row(pick, at);
            if (codes[row] == self->type->union_codes[child]) {
                items.rows[picked.n++] = (uint32_t)flat->union_offsets[row];
            }
        }
        CN_SCOPED(cni_vector) seen = {0};
        cni_vector_child(&seen, flat, child);
        CN_TRY(cni_spill_column_append(&self->children[child], memory, &seen, &picked, err));
    }
    return CN_OK;
}

static cn_code
append_union(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *flat,
             const cni_spill_pick *pick, cn_error *err)
{
    CN_TRY(append_items(self, memory, flat, pick, err));
    return self->type->dense ? append_dense(self, memory, flat, pick, err)
                             : append_children(self, memory, flat, pick, err);
}

/* ---- all ---- */

static cn_code
append_flat(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *flat,
            const cni_spill_pick *pick, cn_error *err)
{
    if (self->phys != CNI_PHYS_NONE) {
        CN_TRY(append_validity(self, memory, flat, pick, err));
    }
    switch ((cni_phys)self->phys) {
    case CNI_PHYS_NONE:
        return CN_OK;
    case CNI_PHYS_BIT:
        return append_bits(self, memory, flat, pick, err);
    case CNI_PHYS_VIEW:
        return append_text(self, memory, flat, pick, err);
    case CNI_PHYS_LIST:
        return append_list(self, memory, flat, pick, err);
    case CNI_PHYS_ARRAY:
        return append_array(self, memory, flat, pick, err);
    case CNI_PHYS_STRUCT:
        return append_children(self, memory, flat, pick, err);
    case CNI_PHYS_UNION:
        return append_union(self, memory, flat, pick, err);
    default:
        return append_items(self, memory, flat, pick, err);
    }
}

/* Picked and expanded. */
static cn_code
append_encoded(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *vector,
               const cni_spill_pick *pick, cn_error *err)
{
    CN_SCOPED(cni_vector) picked = {0};
    if (pick->index == NULL) {
        cni_vector_slice(&picked, vector, pick->first, pick->n);
    } else {
        CN_TRY(cni_vector_take(memory->allocator, vector, pick->index, pick->n, &picked, err));
    }
    CN_SCOPED(cni_vector) flat = {0};
    CN_TRY(cni_vector_flatten(memory->allocator, &picked, &flat, err));
    const cni_spill_pick all = {.n = pick->n};
    return append_flat(self, memory, &flat, &all, err);
}

cn_code
cni_spill_column_append(cni_spill_column *self, cni_spill_memory *memory, const cni_vector *vector,
                        const cni_spill_pick *pick, cn_error *err)
{
    if (pick->n == 0) {
        return CN_OK;
    }
    if (vector->encoding == CNI_FLAT) {
        CN_TRY(append_flat(self, memory, vector, pick, err));
    } else {
        CN_TRY(append_encoded(self, memory, vector, pick, err));
    }
    self->n_rows += pick->n;
    return CN_OK;
}
