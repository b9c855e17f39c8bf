/* SPDX-License-Identifier: Apache-2.0
 *
 * median, quantile_cont, quantile_disc and mode over values that come sorted, when those of a group
 * do not fit in memory: which ranks are wanted is known before the first value, the most frequent
 * value is the longest run of equal ones. What is kept is one value or two.
 */
#include "plan/function/aggregate_rank_int.h"

#include <math.h>

/* A value that outlives the vector it came in. */
typedef struct kept_value {
    cni_cell cell;
    cni_strbuf bytes;
} kept_value;

typedef struct rank_feed {
    cni_allocator *allocator;
    cni_op_env env;
    cni_cell_kind kind;
    double fraction;
    int64_t n_values;
    int64_t n_fed;
    int64_t rank;
    kept_value value; /* of the rank; of mode: of the run under way */
    double next;      /* quantile_cont: the value behind it */
    int64_t n_run;
    int64_t sequence; /* where the run's first value comes from */
    int64_t place;
    kept_value best;
    int64_t n_best;
    int64_t best_sequence;
    int64_t best_place;
} rank_feed;

static cn_code
keep_value(kept_value *self, cni_cell_kind kind, const cni_cell *cell, cn_error *err)
{
    const cni_view view = cni_cell_view(cell);
    self->cell = *cell;
    if (kind != CNI_CELL_BYTES || view.len_bytes <= CNI_VIEW_INLINE_BYTES) {
        return CN_OK;
    }
    self->bytes.len_bytes = 0;
    CN_TRY(cni_strbuf_append(&self->bytes, (cni_str){cni_view_data(&view), view.len_bytes}, err));
    const cni_view kept = cni_view_make(self->bytes.data, view.len_bytes);
    memcpy(&self->cell, &kept, sizeof(kept));
    return CN_OK;
}

static void
swap_values(kept_value *a, kept_value *b)
{
    const kept_value value = *a;
    *a = *b;
    *b = value;
}

/* ---- life ---- */

static cn_code
open_feed(const cni_function *self, const cni_aggregate_call *call, void **out_feed, cn_error *err)
{
    (void)self;
    const cni_aggregate_bind *bind = call->bind_data;
    rank_feed *feed = NULL;
    CN_TRY(cni_alloc_zeroed(call->env.allocator, (int64_t)sizeof(*feed), &feed, err));
    feed->allocator = call->env.allocator;
    feed->env = call->env;
    feed->kind = cni_cell_kind_of(bind->types[0]);
    feed->fraction = bind->fraction;
    cni_strbuf_init(&feed->value.bytes, call->env.allocator, INT64_C(1) << 40);
    cni_strbuf_init(&feed->best.bytes, call->env.allocator, INT64_C(1) << 40);
    *out_feed = feed;
    return CN_OK;
}

static void
close_feed(void *opaque)
{
    rank_feed *feed = opaque;
    if (feed != NULL) {
        cni_strbuf_done(&feed->value.bytes);
        cni_strbuf_done(&feed->best.bytes);
        cni_dealloc(feed->allocator, feed, (int64_t)sizeof(*feed));
    }
}

static void
begin_group(rank_feed *self, int64_t n_values, int64_t rank)
{
    self->n_values = n_values;
    self->n_fed = 0;
    self->rank = rank;
    self->n_run = 0;
    self->n_best = 0;
}

/* The value of rank `rank` if it is among the rows. */
static bool
read_rank(const rank_feed *self, const cni_value_rows *rows, int64_t rank, cni_cell *out_cell)
{
    const int64_t row = rank - self->n_fed;
    if (row < 0 || row >= rows->n) {
        return false;
    }
    const cni_cell_reader reader = cni_cell_reader_of(rows->values);
    cni_cell_read(&reader, row, out_cell);
    return true;
}

static cn_code
give_value(void *opaque, cni_cell *out_cell, bool *out_valid, cn_error *err)
{
    const rank_feed *self = opaque;
    (void)err;
    *out_cell = self->value.cell;
    *out_valid = true;
    return CN_OK;
}

/* ---- quantile_disc ---- */

static cn_code
disc_begin(void *opaque, int64_t n_values, cn_error *err)
{
    rank_feed *self = opaque;
    (void)err;
    begin_group(self, n_values, cni_quantile_disc_rank(self->fraction, n_values));
    return CN_OK;
}

static cn_code
disc_feed(void *opaque, const cni_value_rows *rows, cn_error *err)
{
    rank_feed *self = opaque;
    cni_cell cell = {{0, 0}};
    const bool found = read_rank(self, rows, self->rank, &cell);
    self->n_fed += rows->n;
    return found ? keep_value(&self->value, self->kind, &cell, err) : CN_OK;
}

/* ---- median, quantile_cont ---- */

static cn_code
cont_begin(void *opaque, int64_t n_values, cn_error *err)
{
    rank_feed *self = opaque;
    (void)err;
    begin_group(self, n_values, cni_quantile_cont_rank(self->fraction, n_values));
    return CN_OK;
}

static cn_code
cont_feed(void *opaque, const cni_value_rows *rows, cn_error *err)
{
    rank_feed *self = opaque;
    cni_cell cell = {{0, 0}};
    (void)err;
    (void)read_rank(self, rows, self->rank, &self->value.cell);
    if (read_rank(self, rows, cni_min_i64(self->rank + 1, self->n_values - 1), &cell)) {
        memcpy(&self->next, &cell, sizeof(self->next));
    }
    self->n_fed += rows->n;
    return CN_OK;
}

static cn_code
cont_end(void *opaque, cni_cell *out_cell, bool *out_valid, cn_error *err)
{
    const rank_feed *self = opaque;
    double low = 0;
    (void)err;
    memcpy(&low, &self->value.cell, sizeof(low));
    const double value = cni_quantile_between(self->fraction, self->n_values, low, self->next);
    *out_cell = (cni_cell){{0, 0}};
    memcpy(out_cell, &value, sizeof(value));
    *out_valid = true;
    return CN_OK;
}

/* ---- mode ---- */

static cn_code
mode_begin(void *opaque, int64_t n_values, cn_error *err)
{
    (void)err;
    begin_group(opaque, n_values, 0);
    return CN_OK;
}

static void
end_run(rank_feed *self)
{
    const bool is_earlier = self->sequence != self->best_sequence
                                ? self->sequence < self->best_sequence
                                : self->place < self->best_place;
    if (self->n_run > self->n_best || (self->n_run == self->n_best && is_earlier)) {
        swap_values(&self->value, &self->best);
        self->n_best = self->n_run;
        self->best_sequence = self->sequence;
        self->best_place = self->place;
    }
}

static cn_code
mode_feed(void *opaque, const cni_value_rows *rows, cn_error *err)
{
    rank_feed *self = opaque;
    const cni_cell_reader reader = cni_cell_reader_of(rows->values);
    for (int64_t row = 0; row < rows->n; row++) {
        cni_cell cell = {{0, 0}};
        int order = 1;
        cni_cell_read(&reader, row, &cell);
        if (self->n_run > 0) {
            CN_TRY(cni_cell_compare(&self->env, self->kind, &self->value.cell, &cell, &order, err));
        }
        if (order != 0) {
            end_run(self);
            CN_TRY(keep_value(&self->value, self->kind, &cell, err));
            self->n_run = 0;
            self->sequence = rows->sequences[row];
            self->place = rows->places[row];
        }
        self->n_run++;
    }
    return CN_OK;
}

static cn_code
mode_end(void *opaque, cni_cell *out_cell, bool *out_valid, cn_error *err)
{
    rank_feed *self = opaque;
    (void)err;
    end_run(self);
    *out_cell = self->best.cell;
    *out_valid = true;
    return CN_OK;
}

#define RANK_FEED                                                                                  \
    .by_value = true, .cut = cni_cell_list_cut, .take = cni_cell_list_take,                        \
    .open_feed = open_feed, .close_feed = close_feed

const cni_value_lists cni_quantile_cont_lists = {RANK_FEED, .begin = cont_begin, .feed = cont_feed,
                                                 .end = cont_end};
const cni_value_lists cni_quantile_disc_lists = {RANK_FEED, .begin = disc_begin, .feed = disc_feed,
                                                 .end = give_value};
const cni_value_lists cni_mode_lists = {RANK_FEED, .wants_places = true, .begin = mode_begin,
                                        .feed = mode_feed, .end = mode_end};
