/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding of pieces of pages. The common shapes go straight from the page to the block: PLAIN
 * values through the filter kernel, codes through unpack, filter and gather. Nulls and conversions
 * take a detour through scratch memory.
 *
 *   scratch 0  codes of a piece         1  dense items before expansion or selection
 *   scratch 2  items after expansion    3  views that become decimals
 */
#include "io/format/parquet/decode_int.h"

cn_code
cni_pq_scratch(cni_pq_reader *reader, int32_t k, int64_t n_bytes, void *out_block, cn_error *err)
{
    cni_buffer **buffer = &reader->scratch[k];
    if (*buffer == NULL || (*buffer)->cap_bytes < n_bytes) {
        CN_TRY(cni_buffer_reuse(reader->env.allocator, n_bytes, buffer, err));
    }
    memcpy(out_block, &(*buffer)->data, sizeof(void *));
    return CN_OK;
}

static int32_t
log2_of(int32_t item_bytes)
{
    return item_bytes >= 1 && item_bytes <= 16 && (item_bytes & (item_bytes - 1)) == 0
               ? __builtin_ctz((unsigned)item_bytes)
               : -1;
}

/* The kept items of n. */
static void
select_items(const cni_kernels *kernels, const void *items, int32_t item_bytes,
             const uint64_t *keep, int64_t n, void *out)
{
    const int32_t log2 = log2_of(item_bytes);
    if (log2 >= 0) {
        (void)kernels->filter[log2](items, keep, n, out);
        return;
    }
    const uint8_t *from = items;
    uint8_t *to = out;
    for (int64_t word = 0; word < cni_bits_words(n); word++) {
        for (uint64_t bits = keep[word]; bits != 0; bits &= bits - 1) {
            const int64_t item = word * 64 + __builtin_ctzll(bits);
            memcpy(to, from + item * item_bytes, (size_t)item_bytes);
            to += item_bytes;
        }
    }
}

/* Spread dense items over the rows that are valid; null rows become zero. `dense` is readable for
 * one item more than it has. */
static void
expand_1(const uint8_t *dense, cni_bits valid, int64_t n, uint8_t *out)
{
    for (int64_t row = 0; row < n; row++) {
        const unsigned bit = cni_bits_get(valid, row);
        out[row] = (uint8_t)(*dense & (0 - bit));
        dense += bit;
    }
}

static void
expand_2(const uint16_t *dense, cni_bits valid, int64_t n, uint16_t *out)
{
    for (int64_t row = 0; row < n; row++) {
        const unsigned bit = cni_bits_get(valid, row);
        out[row] = (uint16_t)(*dense & (0 - bit));
        dense += bit;
    }
}

static void
expand_4(const uint32_t *dense, cni_bits valid, int64_t n, uint32_t *out)
{
    for (int64_t row = 0; row < n; row++) {
        const uint32_t bit = cni_bits_get(valid, row);
        out[row] = *dense & (0 - bit);
        dense += bit;
    }
}

static void
expand_8(const uint64_t *dense, cni_bits valid, int64_t n, uint64_t *out)
{
    for (int64_t row = 0; row < n; row++) {
        const uint64_t bit = cni_bits_get(valid, row);
        out[row] = *dense & (0 - bit);
        dense += bit;
    }
}

static void
expand_wide(const uint8_t *dense, int32_t item_bytes, cni_bits valid, int64_t n, uint8_t *out)
{
    memset(out, 0, (size_t)(n * item_bytes));
    for (int64_t row = cni_bits_next(valid, 0, n); row < n;
         row = cni_bits_next(valid, row + 1, n)) {
        memcpy(out + row * item_bytes, dense, (size_t)item_bytes);
        dense += item_bytes;
    }
}

static void
expand_items(const void *dense, int32_t item_bytes, cni_bits valid, int64_t n, void *out)
{
    switch (item_bytes) {
    case 1:
        expand_1(dense, valid, n, out);
        return;
    case 2:
        expand_2(dense, valid, n, out);
        return;
    case 4:
        expand_4(dense, valid, n, out);
        return;
    case 8:
        expand_8(dense, valid, n, out);
        return;
    default:
        expand_wide(dense, item_bytes, valid, n, out);
    }
}

static cn_code
damaged_codes(const cni_pq_leaf *leaf, cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_DATA,
                   "dictionary indices of column '%.*s' are damaged or beyond the dictionary",
                   CNI_STR_ARGS(leaf->name));
}

/* Whether n codes are all below n_values. */
static bool
codes_in_range(const cni_kernels *kernels, const void *codes, int32_t code_bytes, int64_t n,
               int64_t n_values)
{
    static const uint8_t phys[5] = {[1] = CNI_PHYS_U8, [2] = CNI_PHYS_U16, [4] = CNI_PHYS_U32};
    uint32_t low = 0;
    uint32_t high = 0;
    if (n == 0) {
        return true;
    }
    (void)kernels->min_max[phys[code_bytes]](codes, (cni_bits){0}, n, &low, &high);
    return (int64_t)high < n_values; /* narrow results leave the upper bytes zero */
}

/* The next n dense codes, checked. The width of the stream may exceed what code_bytes hold: then a
 * wider read finds out whether the codes do. */
static cn_code
read_codes(cni_pq_reader *reader, const cni_pq_leaf *leaf, cni_pq_page *page,
           const cni_pq_dictionary *dictionary, int64_t n, void *out, cn_error *err)
{
    const cni_kernels *kernels = reader->env.kernels;
    const int32_t code_bytes = dictionary->code_bytes;
    const int32_t width = page->codes.width;
    if (width <= code_bytes * 8) {
        if (!cni_pq_hybrid_read(&page->codes, kernels, code_bytes, n, out) ||
            ((INT64_C(1) << width) > dictionary->n_values &&
             !codes_in_range(kernels, out, code_bytes, n, dictionary->n_values))) {
            return damaged_codes(leaf, err);
        }
        return CN_OK;
    }
    uint32_t *wide;
    CN_TRY(cni_pq_scratch(reader, 3, n * 4 + CNI_BUFFER_PADDING, &wide, err));
    if (!cni_pq_hybrid_read(&page->codes, kernels, 4, n, wide) ||
        !codes_in_range(kernels, wide, 4, n, dictionary->n_values)) {
        return damaged_codes(leaf, err);
    }
    for (int64_t item = 0; item < n; item++) {
        if (code_bytes == 1) {
            ((uint8_t *)out)[item] = (uint8_t)wide[item];
        } else {
            ((uint16_t *)out)[item] = (uint16_t)wide[item];
        }
    }
    return CN_OK;
}

void
cni_pq_gather(const cni_kernels *kernels, const cni_pq_dictionary *dictionary, int32_t value_bytes,
              const void *codes, int32_t code_bytes, int64_t n, void *out)
{
    const int32_t log2 = log2_of(value_bytes);
    const void *values = dictionary->dictionary->values.data;
    if (log2 >= 0) {
        kernels->gather[log2][code_bytes >> 1](values, codes, n, out);
        return;
    }
    for (int64_t item = 0; item < n; item++) {
        const uint8_t *narrow = (const uint8_t *)codes + item * code_bytes;
        uint32_t code = 0;
        memcpy(&code, narrow, (size_t)code_bytes);
        memcpy((uint8_t *)out + item * value_bytes,
               (const uint8_t *)values + (int64_t)code * value_bytes, (size_t)value_bytes);
    }
}

static cn_code
short_page(const cni_pq_leaf *leaf, cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_DATA, "a page of column '%.*s' has fewer values than it says",
                   CNI_STR_ARGS(leaf->name));
}

/* Strings, or the decimals that they spell. */
static cn_code
dense_texts(cni_pq_reader *reader, const cni_pq_leaf *leaf, cni_pq_page *page, int64_t n, void *out,
            bool *inout_any_long, cn_error *err)
{
    cni_view *views = out;
    if (leaf->convert == CNI_PQ_TEXT_DECIMAL) {
        CN_TRY(cni_pq_scratch(reader, 3, n * 16 + CNI_BUFFER_PADDING, &views, err));
    }
    if (page->form == CNI_PQ_FORM_STRINGS) {
        if (!cni_pq_strings_read(&page->strings, n, NULL, views, inout_any_long)) {
            return short_page(leaf, err);
        }
        if (!page->checked_utf8) {
            CN_TRY(cni_pq_check_utf8(leaf, views, n, err));
        }
    } else {
        memcpy(views, page->values + page->dense * 16, (size_t)n * 16);
        *inout_any_long |= page->any_long;
    }
    return leaf->convert == CNI_PQ_TEXT_DECIMAL ? cni_pq_convert_texts(leaf, views, n, out, err)
                                                : CN_OK;
}

cn_code
cni_pq_decode_dense(cni_pq_reader *reader, const cni_pq_leaf *leaf, cni_pq_page *page, int64_t n,
                    void *out, bool *inout_any_long, cn_error *err)
{
    if (n == 0) {
        return CN_OK;
    }
    if (page->form == CNI_PQ_FORM_VALUES) {
        CN_TRY(
            cni_pq_convert_fixed(leaf, page->values + page->dense * leaf->raw_bytes, n, out, err));
    } else {
        CN_TRY(dense_texts(reader, leaf, page, n, out, inout_any_long, err));
    }
    page->dense += n;
    return CN_OK;
}

cni_bounds
cni_pq_bounds(const cni_kernels *kernels, const cni_pq_leaf *leaf, const void *values, int64_t n)
{
    union {
        int8_t i8;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
    } low = {.u64 = 0}, high = {.u64 = 0};
    if (n == 0 || leaf->phys < CNI_PHYS_I8 || leaf->phys > CNI_PHYS_U64) {
        return (cni_bounds){0};
    }
    (void)kernels->min_max[leaf->phys](values, (cni_bits){0}, n, &low, &high);
    switch (leaf->phys) {
    case CNI_PHYS_I8:
        return (cni_bounds){true, low.i8, high.i8};
    case CNI_PHYS_I16:
        return (cni_bounds){true, low.i16, high.i16};
    case CNI_PHYS_I32:
        return (cni_bounds){true, low.i32, high.i32};
    case CNI_PHYS_I64:
        return (cni_bounds){true, low.i64, high.i64};
    case CNI_PHYS_U8:
        return (cni_bounds){true, low.u8, high.u8};
    case CNI_PHYS_U16:
        return (cni_bounds){true, low.u16, high.u16};
    case CNI_PHYS_U32:
        return (cni_bounds){true, low.u32, high.u32};
    default:
        return (cni_bounds){high.u64 <= INT64_MAX, (int64_t)low.u64, (int64_t)high.u64};
    }
}

/* n dense items of a piece: codes, gathered values, or decoded values. */
static cn_code
dense_items(cni_pq_reader *reader, cni_pq_piece *piece, int64_t n, void *out, cn_error *err)
{
    cni_pq_page *page = piece->page;
    if (n == 0) {
        return CN_OK;
    }
    if (page->form != CNI_PQ_FORM_CODES) {
        CN_TRY(cni_pq_decode_dense(reader, piece->leaf, page, n, out, &piece->any_long, err));
        piece->bounds = cni_pq_bounds(reader->env.kernels, piece->leaf, out, n);
        return CN_OK;
    }
    void *codes = out;
    if (!piece->as_codes) {
        CN_TRY(cni_pq_scratch(reader, 0, n * 4 + CNI_BUFFER_PADDING, &codes, err));
    }
    CN_TRY(read_codes(reader, piece->leaf, page, piece->dictionary, n, codes, err));
    page->dense += n;
    if (!piece->as_codes) {
        cni_pq_gather(reader->env.kernels, piece->dictionary, piece->item_bytes, codes,
                      piece->dictionary->code_bytes, n, out);
        piece->bounds = piece->dictionary->bounds;
        piece->any_long |= piece->dictionary->any_long;
    }
    return CN_OK;
}

/* Kept codes of a piece without nulls, as codes or as values. */
static cn_code
select_codes(cni_pq_reader *reader, cni_pq_piece *piece, void *out, cn_error *err)
{
    const cni_kernels *kernels = reader->env.kernels;
    const int32_t code_bytes = piece->dictionary->code_bytes;
    void *codes;
    void *kept = out;
    CN_TRY(cni_pq_scratch(reader, 0, piece->n_rows * 4 + CNI_BUFFER_PADDING, &codes, err));
    CN_TRY(
        read_codes(reader, piece->leaf, piece->page, piece->dictionary, piece->n_rows, codes, err));
    if (!piece->as_codes) {
        CN_TRY(cni_pq_scratch(reader, 1, piece->n_keep * 4 + CNI_BUFFER_PADDING, &kept, err));
    }
    select_items(kernels, codes, code_bytes, piece->keep, piece->n_rows, kept);
    if (!piece->as_codes) {
        cni_pq_gather(kernels, piece->dictionary, piece->item_bytes, kept, code_bytes,
                      piece->n_keep, out);
        piece->bounds = piece->dictionary->bounds;
        piece->any_long |= piece->dictionary->any_long;
    }
    piece->page->dense += piece->n_rows;
    return CN_OK;
}

/* Kept rows of a piece without nulls that need no detour. *out_done false = it is another one. */
static cn_code
select_direct(cni_pq_reader *reader, cni_pq_piece *piece, void *out, bool *out_done, cn_error *err)
{
    cni_pq_page *page = piece->page;
    const cni_pq_leaf *leaf = piece->leaf;
    *out_done = true;
    if (page->form == CNI_PQ_FORM_CODES) {
        return select_codes(reader, piece, out, err);
    }
    if (page->form == CNI_PQ_FORM_STRINGS && leaf->convert == CNI_PQ_VIEW) {
        if (!cni_pq_strings_read(&page->strings, piece->n_rows, piece->keep, out,
                                 &piece->any_long)) {
            return short_page(leaf, err);
        }
        page->dense += piece->n_rows;
        return page->checked_utf8 ? CN_OK : cni_pq_check_utf8(leaf, out, piece->n_keep, err);
    }
    const uint8_t *values = page->values + page->dense * piece->item_bytes;
    const int32_t align = piece->item_bytes < 16 ? piece->item_bytes : 8;
    const bool is_plain = page->form == CNI_PQ_FORM_VALUES && leaf->convert == CNI_PQ_COPY;
    const bool is_views = page->form == CNI_PQ_FORM_VIEWS && leaf->convert == CNI_PQ_VIEW;
    if ((is_plain || is_views) && log2_of(piece->item_bytes) >= 0 &&
        ((uintptr_t)values & (uintptr_t)(align - 1)) == 0) {
        select_items(reader->env.kernels, values, piece->item_bytes, piece->keep, piece->n_rows,
                     out);
        page->dense += piece->n_rows;
        piece->any_long |= is_views && page->any_long;
        piece->bounds = cni_pq_bounds(reader->env.kernels, leaf, out, piece->n_keep);
        return CN_OK;
    }
    *out_done = false;
    return CN_OK;
}

/* All rows of a piece with nulls, spread out. */
static cn_code
spread_items(cni_pq_reader *reader, cni_pq_piece *piece, void *out, cn_error *err)
{
    void *dense;
    CN_TRY(cni_pq_scratch(reader, 1, (piece->n_dense + 1) * piece->item_bytes + CNI_BUFFER_PADDING,
                          &dense, err));
    CN_TRY(dense_items(reader, piece, piece->n_dense, dense, err));
    memset((uint8_t *)dense + piece->n_dense * piece->item_bytes, 0, (size_t)piece->item_bytes);
    const cni_bits valid = {piece->page->validity->data, piece->page->row};
    expand_items(dense, piece->item_bytes, valid, piece->n_rows, out);
    return CN_OK;
}

static cn_code
decode_kept(cni_pq_reader *reader, cni_pq_piece *piece, void *out, cn_error *err)
{
    const bool has_nulls = piece->n_dense < piece->n_rows;
    if (piece->keep == NULL) {
        return has_nulls ? spread_items(reader, piece, out, err)
                         : dense_items(reader, piece, piece->n_rows, out, err);
    }
    if (!has_nulls) {
        bool is_done;
        CN_TRY(select_direct(reader, piece, out, &is_done, err));
        if (is_done) {
            return CN_OK;
        }
    }
    void *items;
    CN_TRY(cni_pq_scratch(reader, 2, piece->n_rows * piece->item_bytes + CNI_BUFFER_PADDING, &items,
                          err));
    CN_TRY(has_nulls ? spread_items(reader, piece, items, err)
                     : dense_items(reader, piece, piece->n_rows, items, err));
    select_items(reader->env.kernels, items, piece->item_bytes, piece->keep, piece->n_rows, out);
    return CN_OK;
}

cn_code
cni_pq_decode_items(cni_pq_reader *reader, cni_pq_piece *piece, void *out, cn_error *err)
{
    CN_TRY(decode_kept(reader, piece, out, err));
    piece->page->row += piece->n_rows;
    return CN_OK;
}

cn_code
cni_pq_decode_bits(cni_pq_piece *piece, uint8_t *out, int64_t out_bit, cn_error *err)
{
    cni_pq_page *page = piece->page;
    (void)err;
    const cni_bits values = {page->values, page->dense};
    if (piece->keep == NULL && piece->n_dense == piece->n_rows) {
        cni_bits_copy_to(values, piece->n_rows, out, out_bit);
    } else {
        const cni_bits valid = {page->has_nulls ? page->validity->data : NULL, page->row};
        const cni_bits keep = {(const uint8_t *)piece->keep, 0};
        int64_t dense = 0;
        for (int64_t row = 0; row < piece->n_rows; row++) {
            const bool is_valid = cni_bits_get(valid, row);
            if (cni_bits_get(keep, row)) {
                cni_bit_write(out, out_bit++, is_valid && cni_bits_get(values, dense));
            }
            dense += is_valid;
        }
    }
    page->dense += piece->n_dense;
    page->row += piece->n_rows;
    return CN_OK;
}

void
cni_pq_decode_validity(const cni_pq_piece *piece, uint8_t *out, int64_t out_bit)
{
    const cni_pq_page *page = piece->page;
    if (piece->n_dense == piece->n_rows) {
        cni_bits_fill(out, out_bit, piece->n_keep, true);
        return;
    }
    const cni_bits valid = {page->validity->data, page->row};
    if (piece->keep == NULL) {
        cni_bits_copy_to(valid, piece->n_rows, out, out_bit);
        return;
    }
    for (int64_t word = 0; word < cni_bits_words(piece->n_rows); word++) {
        for (uint64_t bits = piece->keep[word]; bits != 0; bits &= bits - 1) {
            cni_bit_write(out, out_bit++, cni_bits_get(valid, word * 64 + __builtin_ctzll(bits)));
        }
    }
}
