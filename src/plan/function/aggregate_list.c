/* SPDX-License-Identifier: Apache-2.0
 *
 * list (array_agg), which keeps NULLs, and string_agg (group_concat, listagg), which skips them; in
 * source order, or in that of an ORDER BY inside the call (the operator feeds rows in it). Also the
 * lists of cells that these and the quantiles have as states.
 *
 *   state -> block (sequence 3) -> block (sequence 3) -> block (sequence 8) ...      in the heap
 */
#include "plan/function/aggregate_function_int.h"
#include "plan/function/cell_bytes.h"

#define FIRST_CELLS 4
#define MAX_CELLS   256

/* ---- lists ---- */

static void
append_block(cni_cell_list *self, cni_cell_block *block)
{
    if (self->last == NULL) {
        self->first = block;
    } else {
        self->last->next = block;
    }
    self->last = block;
}

/* What a list takes. */
typedef struct list_shape {
    cni_cell_kind kind;
    bool with_nulls;
} list_shape;

/* Twice as many as in the last block, or, of another sequence, as many as the last one had: a group
 * has about as many rows in each. */
static int32_t
next_cells(const cni_cell_list *self, int64_t sequence)
{
    const cni_cell_block *last = self->last;
    if (last == NULL) {
        return FIRST_CELLS;
    }
    const int32_t cap = last->sequence == sequence ? last->cap * 2 : last->n;
    return cap < MAX_CELLS ? cap : MAX_CELLS;
}

static cn_code
new_block(cni_arena *heap, list_shape shape, int32_t cap, int64_t sequence,
          cni_cell_block **out_block, cn_error *err)
{
    const int64_t cell_bytes = cap * (int64_t)cni_cell_list_words(shape.kind) * 8;
    cni_cell_block *block = NULL;
    CN_TRY(cni_arena_alloc(
        heap, (int64_t)sizeof(*block) + cell_bytes + (shape.with_nulls ? cap : 0), &block, err));
    block->cap = cap;
    block->sequence = sequence;
    block->valid = shape.with_nulls ? (uint8_t *)block->words + cell_bytes : NULL;
    *out_block = block;
    return CN_OK;
}

static cn_code
add_block(cni_cell_list *self, cni_arena *heap, list_shape shape, int64_t sequence, cn_error *err)
{
    const int32_t cap = next_cells(self, sequence);
    cni_cell_block *block = NULL;
    CN_TRY(new_block(heap, shape, cap, sequence, &block, err));
    append_block(self, block);
    return CN_OK;
}

static inline void
put_cell(cni_cell_block *block, cni_cell_kind kind, const cni_cell *cell)
{
    if (cni_cell_list_words(kind) == 1) {
        block->words[block->n] = cell->words[0];
    } else {
        memcpy(block->words + 2 * (int64_t)block->n, cell, sizeof(*cell));
    }
}

/* Append row `row` of the reader; a null one as a NULL. */
static cn_code
add_row(cni_cell_list *self, const cni_aggregate_call *call, const cni_cell_reader *reader,
        list_shape shape, int64_t sequence, int64_t row, cn_error *err)
{
    if (self->last == NULL || self->last->n == self->last->cap ||
        self->last->sequence != sequence) {
        CN_TRY(add_block(self, call->heap, shape, sequence, err));
    }
    cni_cell_block *block = self->last;
    cni_cell cell = {{0, 0}};
    const bool valid = !shape.with_nulls || cni_cell_is_valid(reader, row);
    if (valid) {
        cni_cell_read(reader, row, &cell);
        CN_TRY(cni_cell_keep(call->heap, call->env.allocator, shape.kind, &cell, err));
    }
    put_cell(block, shape.kind, &cell);
    if (block->valid != NULL) {
        block->valid[block->n] = valid ? 1 : 0;
    }
    block->n++;
    self->n++;
    return CN_OK;
}

/* Take the blocks of `other`, in order of sequence, those of self first. What a worker has written
 * comes in order, so the place of the last ones that were taken is where to go on. */
static void
merge(cni_cell_list *self, const cni_cell_list *other)
{
    cni_cell_block *right = other->first;
    if (self->n == 0) {
        *self = *other;
        return;
    }
    self->n += other->n;
    if (self->last->sequence <= right->sequence) {
        self->last->next = right;
        self->last = other->last;
        return;
    }
    const bool goes_on = self->taken != NULL && self->taken->sequence <= right->sequence;
    cni_cell_block *before = goes_on ? self->taken : NULL;
    cni_cell_block *left = goes_on ? self->taken->next : self->first;
    while (right != NULL) {
        const bool from_left = left != NULL && left->sequence <= right->sequence;
        cni_cell_block *block = from_left ? left : right;
        left = from_left ? left->next : left;
        right = from_left ? right : right == other->last ? NULL : right->next;
        if (before == NULL) {
            self->first = block;
        } else {
            before->next = block;
        }
        before = block;
        self->taken = from_left ? self->taken : block;
    }
    before->next = left;
    self->last = left == NULL ? before : self->last;
}

void
cni_cell_list_copy(const cni_cell_list *self, cni_cell_kind kind, cni_cell *out_cells,
                   uint8_t *out_valid)
{
    int64_t at = 0;
    for (const cni_cell_block *block = self->first; block != NULL; block = block->next) {
        for (int32_t cell = 0; cell < block->n; cell++) {
            out_cells[at + cell] = cni_cell_list_get(block, kind, cell);
        }
        if (out_valid != NULL && block->valid != NULL) {
            memcpy(out_valid + at, block->valid, (size_t)block->n);
        } else if (out_valid != NULL) {
            memset(out_valid + at, 1, (size_t)block->n);
        }
        at += block->n;
    }
}

cn_code
cni_cell_list_update(const cni_aggregate_call *call, bool skip_nulls, bool in_order, cn_error *err)
{
    cni_counted_rows rows;
    const cni_cell_reader reader = cni_cell_reader_of(call->args[0]);
    const list_shape shape = {(cni_cell_kind)reader.kind, !skip_nulls};
    const int64_t sequence = in_order ? call->sequence : 0;
    cni_counted_begin(&rows, call, skip_nulls ? 1 : 0);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        CN_TRY(add_row(cni_state_of(call, row), call, &reader, shape, sequence, row, err));
    }
    return CN_OK;
}

cn_code
cni_cell_list_combine(const cni_aggregate_call *call, const uint8_t *from, int64_t n_states,
                      cn_error *err)
{
    (void)err;
    for (int64_t at = 0; at < n_states; at++) {
        const cni_cell_list *other = cni_state_from(call, from, at);
        if (other->n > 0) {
            merge(cni_state_of(call, at), other);
        }
    }
    return CN_OK;
}

/* ---- lists as bytes: | n cells | per run: sequence, n, whether NULLs may be, validity, cells |
 * ----
 *
 * A run is what consecutive blocks of the same sequence hold together; it comes back as one block.
 * Cells of one word are written as they are.
 */

#define MAX_RUN_CELLS (1 << 16)

/* How many cells the run has that begins with `block`, before `stop`; *out_end is the block behind
 * it. */
static int32_t
run_cells(const cni_cell_block *block, const cni_cell_block *stop, const cni_cell_block **out_end)
{
    const int64_t sequence = block->sequence;
    int32_t n = block->n;
    for (block = block->next;
         block != stop && block->sequence == sequence && n < MAX_RUN_CELLS - block->n;
         block = block->next) {
        n += block->n;
    }
    *out_end = block;
    return n;
}

static cni_cell_kind
kind_of(const cni_aggregate_call *call)
{
    const cni_aggregate_bind *bind = call->bind_data;
    return cni_cell_kind_of(bind->types[0]);
}

static cn_code
save_cells(const cni_aggregate_call *call, const cni_cell_block *block, cni_strbuf *out,
           cn_error *err)
{
    const cni_cell_kind kind = kind_of(call);
    if (cni_cell_list_words(kind) == 1) {
        return cni_bytes_put(out, block->words, block->n * (int64_t)sizeof(*block->words), err);
    }
    for (int32_t at = 0; at < block->n; at++) {
        if (block->valid == NULL || block->valid[at] != 0) {
            const cni_cell cell = cni_cell_list_get(block, kind, at);
            CN_TRY(cni_cell_save(call->env.allocator, kind, &cell, out, err));
        }
    }
    return CN_OK;
}

cn_code
cni_cell_list_save(const cni_function *self, const cni_aggregate_call *call, int64_t state,
                   cni_strbuf *out, cn_error *err)
{
    (void)self;
    const cni_cell_list *list = cni_state_at(call, state);
    const cni_cell_block *end = NULL;
    const cni_cell_block *stop = list->last == NULL ? NULL : list->last->next; /* it may be cut */
    CN_TRY(cni_bytes_put(out, &list->n, (int64_t)sizeof(list->n), err));
    for (const cni_cell_block *first = list->first; first != stop; first = end) {
        const int32_t n = run_cells(first, stop, &end);
        const uint8_t with_nulls = first->valid != NULL ? 1 : 0;
        CN_TRY(cni_bytes_put(out, &first->sequence, (int64_t)sizeof(first->sequence), err));
        CN_TRY(cni_bytes_put(out, &n, (int64_t)sizeof(n), err));
        CN_TRY(cni_bytes_put(out, &with_nulls, 1, err));
        for (const cni_cell_block *block = first; block != end && with_nulls != 0;
             block = block->next) {
            CN_TRY(cni_bytes_put(out, block->valid, block->n, err));
        }
        for (const cni_cell_block *block = first; block != end; block = block->next) {
            CN_TRY(save_cells(call, block, out, err));
        }
    }
    return CN_OK;
}

static cn_code
load_cells(const cni_aggregate_call *call, cni_cell_kind kind, cni_str *inout_bytes,
           cni_cell_block *block, cn_error *err)
{
    const cni_aggregate_bind *bind = call->bind_data;
    const int32_t n = block->cap;
    if (cni_cell_list_words(kind) == 1) {
        block->n = n;
        return cni_bytes_take(inout_bytes, block->words, n * (int64_t)sizeof(*block->words), err);
    }
    for (; block->n < n; block->n++) {
        cni_cell cell = {{0, 0}};
        if (block->valid == NULL || block->valid[block->n] != 0) {
            CN_TRY(cni_cell_load(call->heap, call->env.allocator, bind->types[0], inout_bytes,
                                 &cell, err));
        }
        put_cell(block, kind, &cell);
    }
    return CN_OK;
}

static cn_code
load_block(const cni_aggregate_call *call, cni_str *inout_bytes, cni_cell_block **out_block,
           cn_error *err)
{
    int64_t sequence = 0;
    int32_t n = 0;
    uint8_t with_nulls = 0;
    CN_TRY(cni_bytes_take(inout_bytes, &sequence, (int64_t)sizeof(sequence), err));
    CN_TRY(cni_bytes_take(inout_bytes, &n, (int64_t)sizeof(n), err));
    CN_TRY(cni_bytes_take(inout_bytes, &with_nulls, 1, err));
    if (n <= 0 || n > inout_bytes->len_bytes) {
        return CN_FAIL(err, CN_INVALID_DATA, "a saved list has a block of %d cells", (int)n);
    }
    const list_shape shape = {kind_of(call), with_nulls != 0};
    CN_TRY(new_block(call->heap, shape, n, sequence, out_block, err));
    if (shape.with_nulls) {
        CN_TRY(cni_bytes_take(inout_bytes, (*out_block)->valid, n, err));
    }
    return load_cells(call, shape.kind, inout_bytes, *out_block, err);
}

cn_code
cni_cell_list_load(const cni_function *self, const cni_aggregate_call *call, int64_t state,
                   cni_str *inout_bytes, cn_error *err)
{
    (void)self;
    cni_cell_list *list = cni_state_at(call, state);
    int64_t n = 0;
    CN_TRY(cni_bytes_take(inout_bytes, &n, (int64_t)sizeof(n), err));
    while (list->n < n) {
        cni_cell_block *block = NULL;
        CN_TRY(load_block(call, inout_bytes, &block, err));
        append_block(list, block);
        list->n += block->n;
    }
    return CN_OK;
}

/* ---- lists in parts ---- */

/* Of a block, with its texts. */
static int64_t
block_bytes(const cni_cell_block *block, cni_cell_kind kind)
{
    int64_t n_bytes = block->n * (int64_t)cni_cell_list_words(kind) * 8;
    for (int32_t at = 0; kind == CNI_CELL_BYTES && at < block->n; at++) {
        const cni_cell cell = cni_cell_list_get(block, kind, at);
        n_bytes += cni_cell_view(&cell).len_bytes;
    }
    return n_bytes;
}

bool
cni_cell_list_cut(const cni_function *self, const cni_aggregate_call *call, int64_t state,
                  int64_t n_bytes, uint8_t *out_front)
{
    (void)self;
    const cni_cell_kind kind = kind_of(call);
    cni_cell_list *list = cni_state_at(call, state);
    cni_cell_list front = {.first = list->first};
    int64_t n_cut = 0;
    if (kind != CNI_CELL_BYTES && list->n * 16 <= n_bytes) {
        return false;
    }
    for (cni_cell_block *block = list->first; block != NULL && n_cut < n_bytes;) {
        if (block == list->last) {
            return false;
        }
        n_cut += block_bytes(block, kind);
        front.n += block->n;
        front.last = block;
        block = block->next;
    }
    if (front.last == NULL) {
        return false;
    }
    list->first = front.last->next; /* which stays: whoever has another copy of the list goes on */
    list->n -= front.n;
    list->taken = NULL;
    memcpy(out_front, &front, sizeof(front));
    return true;
}

int64_t
cni_cell_list_take(const cni_function *self, const cni_aggregate_call *call, int64_t state,
                   int64_t n, cni_cell *out_cells, uint8_t *out_valid, int64_t *out_sequence)
{
    (void)self;
    const cni_cell_kind kind = kind_of(call);
    cni_cell_list *list = cni_state_at(call, state);
    cni_cell_block *block = list->first;
    if (list->n == 0) {
        return 0;
    }
    const int32_t n_taken = (int32_t)cni_min_i64(n, block->n - block->n_taken);
    for (int32_t at = 0; at < n_taken; at++) {
        const int32_t from = block->n_taken + at;
        out_cells[at] = cni_cell_list_get(block, kind, from);
        out_valid[at] = block->valid == NULL || block->valid[from] != 0 ? 1 : 0;
    }
    *out_sequence = block->sequence;
    block->n_taken += n_taken;
    list->n -= n_taken;
    if (block->n_taken == block->n) {
        list->first = block->next;
    }
    return n_taken;
}

static int64_t
list_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)self;
    (void)bind_data;
    return (int64_t)sizeof(cni_cell_list);
}

static cn_code
list_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
             int64_t n_states, cn_error *err)
{
    (void)self;
    return cni_cell_list_combine(call, from, n_states, err);
}

/* Cells; of texts their bytes too. */
static int64_t
list_result_bytes(const cni_function *self, const cni_aggregate_call *call, int64_t state)
{
    const cni_aggregate_bind *bind = call->bind_data;
    const cni_cell_list *list = cni_state_at(call, state);
    int64_t n_bytes = list->n * (int64_t)sizeof(cni_cell);
    (void)self;
    if (cni_cell_kind_of(bind->types[0]) != CNI_CELL_BYTES) {
        return n_bytes;
    }
    for (const cni_cell_block *block = list->first; block != NULL; block = block->next) {
        for (int32_t at = 0; at < block->n; at++) {
            const cni_cell cell = cni_cell_list_get(block, CNI_CELL_BYTES, at);
            n_bytes += cni_cell_view(&cell).len_bytes;
        }
    }
    return n_bytes;
}

/* ---- list ---- */

static cn_code
resolve_list(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    if (inout_question->n_args != 1) {
        return CN_OK;
    }
    cni_resolve_any(inout_question, 0);
    CN_TRY(cni_type_list(inout_question->arena, inout_question->out_arg_types[0],
                         &inout_question->out_type, err));
    inout_question->out_matched = true;
    return cni_aggregate_bind_new(inout_question, NULL, err);
}

static cn_code
list_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    return cni_cell_list_update(call, false, true, err);
}

static int64_t
total_cells(const cni_aggregate_call *call, int64_t n_states)
{
    int64_t n = 0;
    for (int64_t at = 0; at < n_states; at++) {
        n += ((const cni_cell_list *)cni_state_at(call, at))->n;
    }
    return n;
}

/* Items of all states as one vector. */
static cn_code
emit_items(const cni_aggregate_call *call, int64_t n_states, cni_vector *out_vector, cn_error *err)
{
    CN_SCOPED(cni_cell_rows) rows = {0};
    int64_t first = 0;
    CN_TRY(cni_cell_rows_new(call->env.allocator, total_cells(call, n_states), &rows, err));
    for (int64_t at = 0; at < n_states; at++) {
        const cni_cell_list *list = cni_state_at(call, at);
        cni_cell_list_copy(list, kind_of(call), rows.cells + first, rows.valid + first);
        first += list->n;
    }
    return cni_cell_rows_finish(&rows, call->type->children[0].type, out_vector, err);
}

static cn_code
list_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
          cni_vector *out_vector, cn_error *err)
{
    (void)self;
    cni_allocator *allocator = call->env.allocator;
    CN_SCOPED(cni_vector)
    made = {.type = call->type, .encoding = CNI_FLAT, .phys = CNI_PHYS_LIST, .n_rows = n_states};
    CN_TRY(cni_nested_new(allocator, 1, &made.nested, err));
    CN_TRY(emit_items(call, n_states, &made.nested->children[0], err));
    CN_TRY(cni_buffer_new(allocator, n_states * (int64_t)sizeof(cni_list_entry), &made.owner_data,
                          err));
    CN_TRY(cni_buffer_new(allocator, cni_bits_words(n_states) * 8, &made.owner_validity, err));
    memset(made.owner_validity->data, 0, (size_t)made.owner_validity->len_bytes);
    made.data = made.owner_data->data;
    made.validity = (cni_bits){made.owner_validity->data, 0};
    cni_list_entry *entries = (void *)made.owner_data->data;
    int64_t offset = 0;
    for (int64_t at = 0; at < n_states; at++) {
        const cni_cell_list *list = cni_state_at(call, at);
        entries[at] = (cni_list_entry){offset, list->n};
        offset += list->n;
        cni_bit_write(made.owner_validity->data, at, list->n > 0);
    }
    cni_vector_move(out_vector, &made);
    return CN_OK;
}

/* ---- string_agg ---- */

static cn_code
resolve_strings(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    const cni_type *text = cni_type_of(CNI_TYPE_VARCHAR);
    cni_aggregate_bind *bind = NULL;
    const int32_t n_args = inout_question->n_args;
    if (n_args < 1 || n_args > 2) {
        return CN_OK;
    }
    for (int32_t arg = 0; arg < n_args; arg++) {
        if (!cni_resolve_want(inout_question, arg, text)) {
            return CN_OK;
        }
    }
    CN_TRY(cni_aggregate_bind_new(inout_question, &bind, err));
    bind->text = (cni_str){",", 1};
    if (n_args == 2) {
        const cni_value *separator = inout_question->arg_literals[1];
        if (separator == NULL) {
            return CN_FAIL(err, CN_NOT_IMPLEMENTED,
                           "string_agg with a separator that is not a literal");
        }
        bind->text = separator->is_null ? (cni_str){"", 0} : separator->as.bytes;
    }
    inout_question->out_type = text;
    inout_question->out_matched = true;
    return CN_OK;
}

static cn_code
strings_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    return cni_cell_list_update(call, true, true, err);
}

static cni_view
text_at(const cni_cell_block *block, int32_t at)
{
    const cni_cell cell = cni_cell_list_get(block, CNI_CELL_BYTES, at);
    return cni_cell_view(&cell);
}

static cn_code
join_strings(const cni_cell_list *list, cni_str separator, cni_arena *arena, cni_cell *out_cell,
             cn_error *err)
{
    int64_t n_bytes = (list->n - 1) * separator.len_bytes;
    for (const cni_cell_block *block = list->first; block != NULL; block = block->next) {
        for (int32_t at = 0; at < block->n; at++) {
            n_bytes += text_at(block, at).len_bytes;
        }
    }
    if (n_bytes > CNI_VIEW_MAX_BYTES) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "string_agg made a text of %lld bytes",
                       (long long)n_bytes);
    }
    char *text = NULL;
    int64_t end = 0;
    CN_TRY(cni_arena_alloc(arena, n_bytes, &text, err));
    for (const cni_cell_block *block = list->first; block != NULL; block = block->next) {
        for (int32_t at = 0; at < block->n; at++) {
            const cni_view view = text_at(block, at);
            if (end > 0 || at > 0 || block != list->first) {
                memcpy(text + end, separator.data, (size_t)separator.len_bytes);
                end += separator.len_bytes;
            }
            memcpy(text + end, cni_view_data(&view), view.len_bytes);
            end += view.len_bytes;
        }
    }
    const cni_view joined = cni_view_make(text, (uint32_t)n_bytes);
    memcpy(out_cell, &joined, sizeof(joined));
    return CN_OK;
}

static cn_code
strings_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
             cni_vector *out_vector, cn_error *err)
{
    (void)self;
    const cni_aggregate_bind *bind = call->bind_data;
    CN_SCOPED(cni_cell_rows) rows = {0};
    CN_SCOPED(cni_arena_p) arena = NULL;
    CN_TRY(cni_cell_rows_new(call->env.allocator, n_states, &rows, err));
    CN_TRY(cni_arena_new(call->env.allocator, "string_agg", &arena, err));
    for (int64_t at = 0; at < n_states; at++) {
        const cni_cell_list *list = cni_state_at(call, at);
        if (list->n > 0) {
            cni_cell cell = {{0, 0}};
            CN_TRY(join_strings(list, bind->text, arena, &cell, err));
            cni_cell_rows_put(&rows, at, &cell);
        }
    }
    return cni_cell_rows_finish(&rows, call->type, out_vector, err);
}

#define LIST_ROW                                                                                   \
    .kind = CNI_FUNCTION_AGGREGATE, .null_rule = CNI_NULL_CUSTOM, .order_sensitive = true,         \
    .cost_ns = 10, .state_bytes = list_state_bytes, .combine = list_combine,                       \
    .save = cni_cell_list_save, .load = cni_cell_list_load, .result_bytes = list_result_bytes
#define STRINGS_ROW                                                                                \
    LIST_ROW, .resolve = resolve_strings, .update = strings_update, .emit = strings_emit,          \
        .lists = &cni_text_lists

const cni_function cni_aggregate_lists[CNI_N_AGGREGATE_LISTS] = {
    {CNI_ROW("list", "List of the values, NULLs too, in source order.", "list(x)"), LIST_ROW,
     .resolve = resolve_list, .update = list_update, .emit = list_emit, .lists = &cni_item_lists},
    {CNI_ROW("array_agg", "List of the values, NULLs too, in source order.",
             "array_agg(x ORDER BY y)"),
     LIST_ROW, .resolve = resolve_list, .update = list_update, .emit = list_emit,
     .lists = &cni_item_lists},
    {CNI_ROW("string_agg", "Texts joined, with a separator between them.",
             "string_agg(name, ', ')"),
     STRINGS_ROW},
    {CNI_ROW("group_concat", "Texts joined, with a separator between them.",
             "group_concat(name, ', ')"),
     STRINGS_ROW},
    {CNI_ROW("listagg", "Texts joined, with a separator between them.", "listagg(name, ', ')"),
     STRINGS_ROW},
};
