/* SPDX-License-Identifier: Apache-2.0
 *
 * list and string_agg over values that come in their order, when what states hold of a group does
 * not fit in memory but the result does: the text is put together as the values come, the list is
 * the vectors in which they come.
 */
#include "plan/function/aggregate_function_int.h"
#include "plan/function/cell_bytes.h"

/* ---- string_agg ---- */

typedef struct text_feed {
    cni_allocator *allocator;
    cni_str separator;
    cni_strbuf text;
    int64_t n; /* values that are not NULL */
} text_feed;

static cn_code
text_open(const cni_function *self, const cni_aggregate_call *call, void **out_feed, cn_error *err)
{
    (void)self;
    const cni_aggregate_bind *bind = call->bind_data;
    text_feed *feed = NULL;
    CN_TRY(cni_alloc_zeroed(call->env.allocator, (int64_t)sizeof(*feed), &feed, err));
    feed->allocator = call->env.allocator;
    feed->separator = bind->text;
    cni_strbuf_init(&feed->text, call->env.allocator, CNI_VIEW_MAX_BYTES);
    *out_feed = feed;
    return CN_OK;
}

static void
text_close(void *opaque)
{
    text_feed *feed = opaque;
    if (feed != NULL) {
        cni_strbuf_done(&feed->text);
        cni_dealloc(feed->allocator, feed, (int64_t)sizeof(*feed));
    }
}

static cn_code
text_begin(void *opaque, int64_t n_values, cn_error *err)
{
    text_feed *self = opaque;
    (void)n_values;
    (void)err;
    cni_strbuf_reset(&self->text);
    self->n = 0;
    return CN_OK;
}

static cn_code
text_put(text_feed *self, const cni_cell_reader *reader, int64_t row, cn_error *err)
{
    cni_cell cell = {{0, 0}};
    if (!cni_cell_is_valid(reader, row)) {
        return CN_OK;
    }
    cni_cell_read(reader, row, &cell);
    const cni_view view = cni_cell_view(&cell);
    if (self->n++ > 0) {
        CN_TRY(cni_strbuf_append(&self->text, self->separator, err));
    }
    return cni_strbuf_append(&self->text, (cni_str){cni_view_data(&view), view.len_bytes}, err);
}

static cn_code
text_rows(void *opaque, const cni_value_rows *rows, cn_error *err)
{
    const cni_cell_reader reader = cni_cell_reader_of(rows->values);
    for (int64_t row = 0; row < rows->n; row++) {
        CN_TRY(text_put(opaque, &reader, row, err));
    }
    return CN_OK;
}

static cn_code
text_end(void *opaque, cni_cell *out_cell, bool *out_valid, cn_error *err)
{
    const text_feed *self = opaque;
    (void)err;
    const bool is_empty = self->text.len_bytes == 0;
    const cni_view view =
        cni_view_make(is_empty ? "" : self->text.data, (uint32_t)self->text.len_bytes);
    memcpy(out_cell, &view, sizeof(view));
    *out_valid = self->n > 0;
    return CN_OK;
}

const cni_value_lists cni_text_lists = {.cut = cni_cell_list_cut,
                                        .take = cni_cell_list_take,
                                        .open_feed = text_open,
                                        .begin = text_begin,
                                        .feed = text_rows,
                                        .end = text_end,
                                        .close_feed = text_close};

/* ---- list ---- */

typedef struct list_feed {
    cni_allocator *allocator;
    const cni_type *type; /* of the list */
    cni_vector *parts;
    const cni_vector **pointers;
    int64_t n_parts;
    int64_t cap_parts;
    cni_vector made;
} list_feed;

static cn_code
list_open(const cni_function *self, const cni_aggregate_call *call, void **out_feed, cn_error *err)
{
    (void)self;
    list_feed *feed = NULL;
    CN_TRY(cni_alloc_zeroed(call->env.allocator, (int64_t)sizeof(*feed), &feed, err));
    feed->allocator = call->env.allocator;
    feed->type = call->type;
    *out_feed = feed;
    return CN_OK;
}

static void
drop_parts(list_feed *self)
{
    for (int64_t at = 0; at < self->n_parts; at++) {
        cni_vector_done(&self->parts[at]);
    }
    self->n_parts = 0;
}

static void
list_close(void *opaque)
{
    list_feed *self = opaque;
    if (self != NULL) {
        drop_parts(self);
        cni_vector_done(&self->made);
        cni_dealloc(self->allocator, self->parts, self->cap_parts * (int64_t)sizeof(*self->parts));
        cni_dealloc(self->allocator, (void *)self->pointers,
                    self->cap_parts * (int64_t)sizeof(*self->pointers));
        cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
    }
}

static cn_code
list_begin(void *opaque, int64_t n_values, cn_error *err)
{
    list_feed *self = opaque;
    (void)n_values;
    (void)err;
    drop_parts(self);
    cni_vector_done(&self->made);
    return CN_OK;
}

/* Room for a part more. Both arrays have the same length, also when the second one was refused. */
static cn_code
reserve_part(list_feed *self, cn_error *err)
{
    const int64_t cap = cni_max_i64(16, self->cap_parts * 2);
    cni_vector *parts = NULL;
    const cni_vector **pointers = NULL;
    if (self->n_parts < self->cap_parts) {
        return CN_OK;
    }
    CN_TRY(cni_alloc_array(self->allocator, cap, (int64_t)sizeof(*parts), &parts, err));
    const cn_code code =
        cni_alloc_array(self->allocator, cap, (int64_t)sizeof(*pointers), (void *)&pointers, err);
    if (code != CN_OK) {
        cni_dealloc(self->allocator, parts, cap * (int64_t)sizeof(*parts));
        return code;
    }
    if (self->n_parts > 0) {
        memcpy(parts, self->parts, (size_t)self->n_parts * sizeof(*parts));
    }
    cni_dealloc(self->allocator, self->parts, self->cap_parts * (int64_t)sizeof(*self->parts));
    cni_dealloc(self->allocator, (void *)self->pointers,
                self->cap_parts * (int64_t)sizeof(*self->pointers));
    self->parts = parts;
    self->pointers = pointers;
    self->cap_parts = cap;
    return CN_OK;
}

static cn_code
list_rows(void *opaque, const cni_value_rows *rows, cn_error *err)
{
    list_feed *self = opaque;
    CN_TRY(reserve_part(self, err));
    cni_vector_copy(&self->parts[self->n_parts++], rows->values);
    return CN_OK;
}

/* A list of one row over the items. */
static cn_code
make_list(list_feed *self, cn_error *err)
{
    CN_SCOPED(cni_vector)
    made = {.type = self->type, .encoding = CNI_FLAT, .phys = CNI_PHYS_LIST, .n_rows = 1};
    CN_TRY(cni_nested_new(self->allocator, 1, &made.nested, err));
    for (int64_t at = 0; at < self->n_parts; at++) {
        self->pointers[at] = &self->parts[at];
    }
    CN_TRY(cni_vector_concat(self->allocator, self->pointers, (int32_t)self->n_parts,
                             &made.nested->children[0], err));
    drop_parts(self);
    CN_TRY(cni_buffer_new(self->allocator, (int64_t)sizeof(cni_list_entry), &made.owner_data, err));
    made.data = made.owner_data->data;
    *(cni_list_entry *)(void *)made.owner_data->data =
        (cni_list_entry){0, made.nested->children[0].n_rows};
    cni_vector_move(&self->made, &made);
    return CN_OK;
}

static cn_code
list_end(void *opaque, cni_cell *out_cell, bool *out_valid, cn_error *err)
{
    list_feed *self = opaque;
    CN_TRY(make_list(self, err));
    *out_cell = cni_cell_of_nested(&self->made, 0);
    *out_valid = true;
    return CN_OK;
}

const cni_value_lists cni_item_lists = {.cut = cni_cell_list_cut,
                                        .take = cni_cell_list_take,
                                        .open_feed = list_open,
                                        .begin = list_begin,
                                        .feed = list_rows,
                                        .end = list_end,
                                        .close_feed = list_close};
