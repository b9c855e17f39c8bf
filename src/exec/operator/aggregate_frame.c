/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of groups as bytes, on their way to disk and back. A frame is the rows of one page or less:
 *
 *   | n_rows | least value per word | bytes per value, per word | values of word 0, of word 1 ...
 *     | bytes of long texts, nested keys | states that are more than their words |
 *
 * A row is a run of 64-bit words; word w of all rows is written as differences to its least value,
 * in as few bytes as the largest needs. Pointers are not written: a text is its length here (+ 1; 0
 * is NULL) and bytes behind the words, in order of views, then rows; a nested key likewise when it
 * is long; states with pointers are saved by their functions.
 *
 * Frames are only read from memory whose checksum is right: what they hold is what was written.
 */
#include "exec/operator/aggregate_operator_int.h"
#include "plan/function/cell_bytes.h"

#define PAD_BYTES 8 /* values are read and written 8 bytes at a time */

/* ---- the words of a layout ---- */

/* Calls whose states are saved by somebody. */
static bool
is_saved(const cni_agg_call *call)
{
    return !cni_agg_is_lanes(call) &&
           (call->op == CNI_AGG_ORDERED || !call->spec->function->plain_states);
}

static int64_t
state_bytes_of(const cni_agg_call *call)
{
    const cni_function *function = call->spec->function;
    return call->op == CNI_AGG_ORDERED ? cni_agg_ordered_state_bytes()
                                       : function->state_bytes(function, call->spec->bind_data);
}

static inline bool
is_nested(const cni_agg_layout *layout, int32_t view_at)
{
    return view_at < 64 && ((layout->nested_views >> view_at) & 1) != 0;
}

/* Of calls with ORDER BY those that take values as they come: others would hold them again. */
static bool
has_lists(const cni_agg_call *call)
{
    const cni_value_lists *lists = call->spec->function->lists;
    const bool is_ordered =
        call->op == CNI_AGG_ORDERED && !call->spec->distinct && call->spec->n_orders > 0;
    return lists != NULL && (call->op == CNI_AGG_FUNCTION || (is_ordered && !lists->by_value));
}

cn_code
cni_agg_place_words(cni_arena *arena, cni_agg_layout *layout, cn_error *err)
{
    const int32_t n_words = layout->row_bytes / 8;
    CN_TRY(cni_arena_alloc(arena, n_words, &layout->word_kinds, err)); /* zeros: plain */
    for (int32_t view = 0; view < layout->n_views; view++) {
        uint8_t *kinds = layout->word_kinds + layout->view_words[view];
        const bool nested = is_nested(layout, view);
        kinds[0] = nested ? CNI_AGG_WORD_VIEW : CNI_AGG_WORD_TEXT;
        kinds[1] = nested ? CNI_AGG_WORD_VIEW_TAIL : CNI_AGG_WORD_TEXT_TAIL;
    }
    for (int32_t at = 0; at < layout->n_calls; at++) {
        const cni_agg_call *call = &layout->calls[at];
        if (!is_saved(call)) {
            continue;
        }
        layout->has_saved = true;
        if (has_lists(call)) {
            layout->has_lists = true;
            layout->calls[at].has_lists = true;
            layout->calls[at].list_bytes = (int32_t)state_bytes_of(call);
            CN_ASSERT(state_bytes_of(call) <= CNI_AGG_LIST_WORDS * 8);
        }
        memset(layout->word_kinds + call->state_offset / 8, CNI_AGG_WORD_SAVED,
               (size_t)state_bytes_of(call) / 8);
    }
    return CN_OK;
}

/* ---- writing ---- */

cn_code
cni_agg_bytes_reserve(cni_strbuf *out, int64_t n_bytes, cn_error *err)
{
    const int64_t wanted = out->len_bytes + n_bytes + 1;
    if (wanted <= out->cap_bytes) {
        return CN_OK;
    }
    const int64_t cap = cni_max_i64(wanted, out->cap_bytes + out->cap_bytes / 2);
    CN_TRY(cni_realloc(out->allocator, &out->data, out->cap_bytes, cap, err));
    out->cap_bytes = cap;
    return CN_OK;
}

static inline uint64_t
load_word(const uint8_t *row, int32_t word)
{
    uint64_t value;
    memcpy(&value, row + (int64_t)word * 8, sizeof(value));
    return value;
}

static inline void
store_word(uint8_t *row, int32_t word, uint64_t value)
{
    memcpy(row + (int64_t)word * 8, &value, sizeof(value));
}

/* Whether a view's bytes lie elsewhere, by its first word. */
static inline bool
is_long(uint64_t head)
{
    const uint32_t len_bytes = (uint32_t)head;
    return len_bytes > CNI_VIEW_INLINE_BYTES && len_bytes != CNI_AGG_NULL_VIEW;
}

/* Word `word` of n rows as it is written. */
static void
gather_word(const cni_agg_layout *layout, const uint8_t *rows, int64_t n, int32_t word,
            uint64_t *out)
{
    const int64_t stride = layout->row_bytes;
    switch (layout->word_kinds[word]) {
    case CNI_AGG_WORD_VIEW:
        for (int64_t at = 0; at < n; at++) {
            const uint64_t head = load_word(rows + at * stride, word);
            out[at] = is_long(head) ? (uint32_t)head : head;
        }
        break;
    case CNI_AGG_WORD_VIEW_TAIL:
        for (int64_t at = 0; at < n; at++) {
            const uint64_t head = load_word(rows + at * stride, word - 1);
            out[at] = is_long(head) ? 0 : load_word(rows + at * stride, word);
        }
        break;
    case CNI_AGG_WORD_TEXT:
        for (int64_t at = 0; at < n; at++) {
            out[at] = (uint32_t)load_word(rows + at * stride, word) + UINT32_C(1);
        }
        break;
    case CNI_AGG_WORD_TEXT_TAIL:
    case CNI_AGG_WORD_SAVED:
        memset(out, 0, (size_t)n * sizeof(*out));
        break;
    default:
        for (int64_t at = 0; at < n; at++) {
            out[at] = load_word(rows + at * stride, word);
        }
        break;
    }
}

static int32_t
bytes_of_range(uint64_t range)
{
    return range == 0 ? 0 : (int32_t)(71 - __builtin_clzll(range)) / 8;
}

/* Differences of n values to the least one, n_bytes each. */
static void
pack_word(const uint64_t *values, int64_t n, uint64_t least, int32_t n_bytes, uint8_t *to)
{
    switch (n_bytes) {
    case 1:
        for (int64_t at = 0; at < n; at++) {
            to[at] = (uint8_t)(values[at] - least);
        }
        break;
    case 2:
        for (int64_t at = 0; at < n; at++) {
            const uint16_t value = (uint16_t)(values[at] - least);
            memcpy(to + at * 2, &value, sizeof(value));
        }
        break;
    case 4:
        for (int64_t at = 0; at < n; at++) {
            const uint32_t value = (uint32_t)(values[at] - least);
            memcpy(to + at * 4, &value, sizeof(value));
        }
        break;
    default: /* the bytes above are overwritten by the next value */
        for (int64_t at = 0; at < n; at++) {
            const uint64_t value = values[at] - least;
            memcpy(to + at * n_bytes, &value, sizeof(value));
        }
        break;
    }
}

/* Header and words. `values` has room for n. */
static cn_code
encode_words(const cni_agg_layout *layout, const uint8_t *rows, int64_t n, uint64_t *values,
             cni_strbuf *out, cn_error *err)
{
    const int32_t n_words = layout->row_bytes / 8;
    const int64_t head_bytes = 8 + (int64_t)n_words * 9;
    CN_TRY(cni_agg_bytes_reserve(out, head_bytes + n * layout->row_bytes + PAD_BYTES, err));
    uint8_t *head = (uint8_t *)out->data + out->len_bytes;
    uint8_t *to = head + head_bytes;
    memcpy(head, &n, 8);
    for (int32_t word = 0; word < n_words; word++) {
        int64_t low = INT64_MAX;
        int64_t high = INT64_MIN;
        gather_word(layout, rows, n, word, values);
        for (int64_t at = 0; at < n; at++) {
            const int64_t value = (int64_t)values[at];
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
        const int32_t n_bytes = bytes_of_range((uint64_t)high - (uint64_t)low);
        memcpy(head + 8 + (int64_t)word * 8, &low, 8);
        head[8 + (int64_t)n_words * 8 + word] = (uint8_t)n_bytes;
        if (n_bytes > 0) {
            pack_word(values, n, (uint64_t)low, n_bytes, to);
        }
        to += n * n_bytes;
    }
    out->len_bytes = to - (uint8_t *)out->data;
    return CN_OK;
}

/* Short texts without a call, by pieces that overlap. */
static inline void
copy_text(char *to, const char *from, int64_t n)
{
    char piece[16];
    if (n > 32) {
        memcpy(to, from, (size_t)n);
    } else if (n >= 16) {
        memcpy(piece, from + n - 16, 16);
        memcpy(to, from, 16);
        memcpy(to + n - 16, piece, 16);
    } else if (n >= 8) {
        memcpy(piece, from + n - 8, 8);
        memcpy(to, from, 8);
        memcpy(to + n - 8, piece, 8);
    } else {
        for (int64_t at = 0; at < n; at++) {
            to[at] = from[at];
        }
    }
}

static cn_code
encode_texts(const cni_agg_layout *layout, int64_t offset, const uint8_t *rows, int64_t n,
             cni_strbuf *out, cn_error *err)
{
    cni_view view;
    int64_t n_bytes = 0;
    for (int64_t at = 0; at < n; at++) {
        memcpy(&view, rows + at * layout->row_bytes + offset, sizeof(view));
        n_bytes += view.len_bytes == CNI_AGG_NULL_VIEW ? 0 : view.len_bytes;
    }
    CN_TRY(cni_agg_bytes_reserve(out, n_bytes, err));
    for (int64_t at = 0; at < n; at++) {
        memcpy(&view, rows + at * layout->row_bytes + offset, sizeof(view));
        if (view.len_bytes != CNI_AGG_NULL_VIEW) {
            copy_text(out->data + out->len_bytes, cni_view_data(&view), view.len_bytes);
            out->len_bytes += view.len_bytes;
        }
    }
    return CN_OK;
}

static cn_code
encode_nested(const cni_agg_operator *self, int64_t offset, const uint8_t *rows, int64_t n,
              cni_strbuf *out, cn_error *err)
{
    for (int64_t at = 0; at < n; at++) {
        cni_view view;
        memcpy(&view, rows + at * self->layout->row_bytes + offset, sizeof(view));
        if (view.len_bytes > CNI_VIEW_INLINE_BYTES && view.len_bytes != CNI_AGG_NULL_VIEW) {
            const cni_cell cell = cni_agg_nested_cell(&view);
            CN_TRY(cni_cell_save(self->allocator, CNI_CELL_NESTED, &cell, out, err));
        }
    }
    return CN_OK;
}

static cn_code
encode_views(const cni_agg_operator *self, int32_t view_at, const uint8_t *rows, int64_t n,
             cni_strbuf *out, cn_error *err)
{
    const int64_t offset = (int64_t)self->layout->view_words[view_at] * 8;
    return is_nested(self->layout, view_at) ? encode_nested(self, offset, rows, n, out, err)
                                            : encode_texts(self->layout, offset, rows, n, out, err);
}

static cn_code
encode_states(cni_agg_operator *self, const cni_agg_call *call, uint8_t *rows, int64_t n,
              cni_strbuf *out, cn_error *err)
{
    const cni_function *function = call->spec->function;
    const cni_aggregate_call made = cni_agg_call_of(self, call, rows, NULL);
    for (int64_t at = 0; at < n; at++) {
        const cn_code code =
            call->op == CNI_AGG_ORDERED
                ? cni_agg_ordered_save(made.states + at * made.stride_bytes, out, err)
                : function->save(function, &made, at, out, err);
        CN_TRY(cni_agg_named(call, code, err));
    }
    return CN_OK;
}

cn_code
cni_agg_frame_encode(cni_agg_operator *self, uint8_t *rows, int64_t n, uint64_t *values,
                     cni_strbuf *out, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    CN_TRY(encode_words(layout, rows, n, values, out, err));
    for (int32_t view = 0; view < layout->n_views; view++) {
        CN_TRY(encode_views(self, view, rows, n, out, err));
    }
    for (int32_t call = 0; layout->has_saved && call < layout->n_calls; call++) {
        if (is_saved(&layout->calls[call])) {
            CN_TRY(encode_states(self, &layout->calls[call], rows, n, out, err));
        }
    }
    return CN_OK;
}

/* ---- reading ---- */

static void
unpack_word(const uint8_t *from, int64_t n, uint64_t least, int32_t n_bytes, uint8_t *rows,
            int64_t stride)
{
    const uint64_t mask = n_bytes == 8 ? ~UINT64_C(0) : (UINT64_C(1) << (n_bytes * 8)) - 1;
    if (n_bytes == 0) {
        for (int64_t at = 0; at < n; at++, rows += stride) {
            store_word(rows, 0, least);
        }
        return;
    }
    for (int64_t at = 0; at < n; at++, rows += stride, from += n_bytes) {
        store_word(rows, 0, (load_word(from, 0) & mask) + least);
    }
}

static cn_code
damaged(cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_DATA, "groups in a temporary file are damaged");
}

static cn_code
decode_words(const cni_agg_layout *layout, cni_str *inout_bytes, int64_t max_rows, uint8_t *rows,
             int64_t *out_n, cn_error *err)
{
    const int32_t n_words = layout->row_bytes / 8;
    const int64_t head_bytes = 8 + (int64_t)n_words * 9;
    const uint8_t *head = (const uint8_t *)inout_bytes->data;
    int64_t n = 0;
    int64_t n_bytes = head_bytes;
    if (inout_bytes->len_bytes < head_bytes) {
        return damaged(err);
    }
    memcpy(&n, head, sizeof(n));
    if (n < 0 || n > max_rows) {
        return damaged(err);
    }
    const uint8_t *widths = head + 8 + (int64_t)n_words * 8;
    for (int32_t word = 0; word < n_words; word++) {
        if (widths[word] > 8 || n_bytes + n * widths[word] > inout_bytes->len_bytes) {
            return damaged(err);
        }
        unpack_word(head + n_bytes, n, load_word(head + 8, word), widths[word],
                    rows + (int64_t)word * 8, layout->row_bytes);
        n_bytes += n * widths[word];
    }
    *inout_bytes = (cni_str){inout_bytes->data + n_bytes, inout_bytes->len_bytes - n_bytes};
    *out_n = n;
    return CN_OK;
}

/* The value is loaded into `scratch` and packed like one of a chunk. */
static cn_code
decode_nested(cni_agg_operator *self, int32_t view_at, cni_str *inout_bytes, cni_arena *scratch,
              cni_view *out_view, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    const cni_type *type = NULL;
    cni_cell cell;
    for (int32_t key = 0; key < layout->n_keys; key++) {
        if (layout->keys[key].offset == layout->view_words[view_at] * 8) {
            type = layout->keys[key].type;
        }
    }
    CN_TRY(cni_cell_load(scratch, self->allocator, type, inout_bytes, &cell, err));
    return cni_agg_pack_nested(cni_cell_vector(&cell), 1, scratch, self->allocator,
                               (uint8_t *)out_view, (int64_t)sizeof(*out_view), err);
}

static cn_code
decode_texts(const cni_agg_layout *layout, int64_t offset, cni_str *inout_bytes, uint8_t *rows,
             int64_t n, cn_error *err)
{
    cni_str bytes = *inout_bytes;
    uint8_t *to = rows + offset;
    for (int64_t at = 0; at < n; at++, to += layout->row_bytes) {
        const uint32_t len_bytes = (uint32_t)load_word(to, 0) - UINT32_C(1);
        cni_view view = {.len_bytes = CNI_AGG_NULL_VIEW};
        if (len_bytes != CNI_AGG_NULL_VIEW) {
            if (len_bytes > bytes.len_bytes) {
                return damaged(err);
            }
            view = cni_view_make(bytes.data, len_bytes);
            bytes = (cni_str){bytes.data + len_bytes, bytes.len_bytes - len_bytes};
        }
        memcpy(to, &view, sizeof(view));
    }
    *inout_bytes = bytes;
    return CN_OK;
}

static cn_code
decode_views(cni_agg_operator *self, int32_t view_at, cni_str *inout_bytes, uint8_t *rows,
             int64_t n, cni_arena *scratch, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    const int64_t offset = (int64_t)layout->view_words[view_at] * 8;
    if (!is_nested(layout, view_at)) {
        return decode_texts(layout, offset, inout_bytes, rows, n, err);
    }
    uint8_t *to = rows + offset;
    for (int64_t at = 0; at < n; at++, to += layout->row_bytes) {
        cni_view view;
        memcpy(&view, to, sizeof(view));
        if (view.len_bytes > CNI_VIEW_INLINE_BYTES && view.len_bytes != CNI_AGG_NULL_VIEW) {
            CN_TRY(decode_nested(self, view_at, inout_bytes, scratch, &view, err));
            memcpy(to, &view, sizeof(view));
        }
    }
    return CN_OK;
}

static cn_code
decode_states(cni_agg_operator *self, const cni_agg_call *call, cni_str *inout_bytes, uint8_t *rows,
              int64_t n, cni_arena *heap, cn_error *err)
{
    const cni_function *function = call->spec->function;
    const cni_aggregate_call made = cni_agg_call_of(self, call, rows, heap);
    const size_t n_bytes = (size_t)state_bytes_of(call);
    for (int64_t at = 0; at < n; at++) {
        uint8_t *state = made.states + at * made.stride_bytes;
        cn_code code = CN_OK;
        if (call->op == CNI_AGG_ORDERED) {
            code = cni_agg_ordered_load(call, inout_bytes, heap, state, err);
        } else {
            memcpy(state, self->layout->empty_row + call->state_offset, n_bytes);
            code = function->load(function, &made, at, inout_bytes, err);
        }
        CN_TRY(cni_agg_named(call, code, err));
    }
    return CN_OK;
}

cn_code
cni_agg_frame_decode(cni_agg_operator *self, cni_str *inout_bytes, uint8_t *rows, int64_t *out_n,
                     cni_arena *heap, cni_arena *lists, cni_arena *scratch, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    const int64_t max_rows = INT64_C(1) << layout->page_shift;
    CN_TRY(decode_words(layout, inout_bytes, max_rows, rows, out_n, err));
    for (int32_t view = 0; view < layout->n_views; view++) {
        CN_TRY(decode_views(self, view, inout_bytes, rows, *out_n, scratch, err));
    }
    for (int32_t call = 0; layout->has_saved && call < layout->n_calls; call++) {
        if (is_saved(&layout->calls[call])) {
            CN_TRY(decode_states(self, &layout->calls[call], inout_bytes, rows, *out_n,
                                 layout->calls[call].has_lists ? lists : heap, err));
        }
    }
    return CN_OK;
}
