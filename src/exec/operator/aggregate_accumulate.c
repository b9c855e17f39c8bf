/* SPDX-License-Identifier: Apache-2.0
 *
 * Lanes updated from the rows of a chunk.
 *
 *   one group        reduce: the vectorized sum and min_max kernels over each input
 *   up to 8 groups   few_i64, few_f64: masks per group, sums in registers, added to the rows once
 *                    per chunk; integers only when proved not to overflow 64 bits
 *   more             add_i64, add_f64: all sums of a row in one pass
 *
 * Inputs are prepared once per chunk: flat int64 or double arrays with zeros in rows that do not
 * count, so that kernels know neither nulls nor filters.
 */
#include <math.h>

#include "data/kernel/exact_sum.h"
#include "exec/operator/aggregate_operator_int.h"
#include "plan/function/wide_sum.h"

#define FEW_MIN_ROWS 64 /* below it masks do not pay */

/* The update of a chunk under way. */
typedef struct accumulation {
    cni_agg_operator *op;
    cni_agg_local *local;
    const cni_chunk *chunk;
    const uint32_t *groups; /* NULL = local->one_group */
    uint8_t *rows;          /* of the table; of the one group without groups */
    int64_t stride_bytes;
    int64_t n;
} accumulation;

/* ---- rows that count ---- */

static uint64_t
valid_word(const cni_vector *vector, int64_t row, int64_t n_bits)
{
    if (vector->encoding == CNI_CONSTANT) {
        return cni_bits_get(vector->validity, 0) ? cni_bits_word((cni_bits){0}, 0, n_bits) : 0;
    }
    return cni_bits_word(vector->validity, row, n_bits);
}

cn_code
cni_agg_counted_rows(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
                     int32_t position, int32_t filter, uint64_t *words, bool *out_all,
                     cn_error *err)
{
    const int64_t n = chunk->n_rows;
    const cni_vector *vector = NULL;
    *out_all = filter < 0;
    if (filter >= 0) {
        const cni_op_env env = {self->base.context->allocator, self->kernels, NULL, n};
        CN_TRY(cni_agg_local_flat(self, local, chunk, filter, &vector, err));
        CN_TRY(cni_op_true_bits(&env, vector, words, err));
    }
    if (position < 0) {
        return CN_OK;
    }
    CN_TRY(cni_agg_local_flat(self, local, chunk, position, &vector, err));
    if (vector->validity.data == NULL) {
        return CN_OK;
    }
    for (int64_t word = 0; word < cni_bits_words(n); word++) {
        const uint64_t valid = valid_word(vector, word * 64, cni_min_i64(64, n - word * 64));
        words[word] = *out_all ? valid : words[word] & valid;
    }
    *out_all = false;
    return CN_OK;
}

/* ---- preparing ---- */

static uint64_t *
input_room(const accumulation *self, int32_t input, int32_t part)
{
    const int64_t cap = self->local->cap_rows;
    return self->local->input_rows + (int64_t)input * (cap * 2 + cap / 64) + cap * part;
}

static cn_code
prepare_rows(const accumulation *self, int32_t at, cn_error *err)
{
    const cni_agg_input *input = &self->op->layout->inputs[at];
    cni_agg_prepared *prepared = &self->local->prepared[at];
    uint64_t *words = input_room(self, at, 2);
    bool all = false;
    *prepared = (cni_agg_prepared){.n_counted = self->n};
    CN_TRY(cni_agg_counted_rows(self->op, self->local, self->chunk, input->position, input->filter,
                                words, &all, err));
    if (!all) {
        prepared->bits = words;
        prepared->n_counted = cni_bits_count((cni_bits){(const uint8_t *)words, 0}, self->n);
    }
    if (prepared->n_counted == self->n) {
        prepared->bits = NULL;
    }
    return input->position < 0 ? CN_OK
                               : cni_agg_local_flat(self->op, self->local, self->chunk,
                                                    input->position, &prepared->vector, err);
}

static void
fill_words(uint64_t *out, uint64_t value, int64_t n)
{
    for (int64_t row = 0; row < n; row++) {
        out[row] = value;
    }
}

/* Values of every row as int64 or double; the vector's own where it has them so. */
static const void *
widened(const accumulation *self, int32_t at, const cni_vector *vector)
{
    uint64_t *room = input_room(self, at, 0);
    void (*widen)(const void *, int64_t, void *) = self->op->agg_kernels->widen[vector->phys];
    if (vector->encoding == CNI_CONSTANT) {
        uint64_t value = 0;
        if (widen != NULL) {
            widen(vector->data, 1, &value);
        } else {
            memcpy(&value, vector->data, sizeof(value));
        }
        fill_words(room, value, self->n);
        return room;
    }
    if (widen == NULL) {
        return vector->data;
    }
    widen(vector->data, self->n, room);
    return room;
}

/* The largest magnitude among the values, as far as it is known or quickly found. */
static double
max_abs_of(const cni_vector *vector)
{
    cni_bounds bounds = vector->bounds;
    if (!bounds.known && vector->encoding == CNI_FLAT) {
        bounds = cni_vector_compute_bounds(vector);
    }
    if (!bounds.known) {
        return HUGE_VAL;
    }
    return fmax(fabs((double)bounds.low), fabs((double)bounds.high)) * (1 + 1e-9);
}

static void
prepare_sums(const accumulation *self, int32_t at, const void *values)
{
    cni_agg_prepared *prepared = &self->local->prepared[at];
    prepared->sums = values;
    if (prepared->bits != NULL) { /* the bits of 0.0 are those of 0 */
        int64_t *room = (void *)input_room(self, at, 0);
        self->op->agg_kernels->mask_i64(values, prepared->bits, self->n, 0, room);
        prepared->sums = room;
    }
}

static void
prepare_orders(const accumulation *self, int32_t at, const void *values)
{
    cni_agg_prepared *prepared = &self->local->prepared[at];
    const cni_agg_class class_ = (cni_agg_class)self->op->layout->inputs[at].class_;
    int64_t *room = (void *)input_room(self, at, 1);
    prepared->orders = values;
    if (class_ == CNI_AGG_F64) {
        self->op->agg_kernels->order_f64(values, self->n, room);
        prepared->orders = room;
    } else if (class_ == CNI_AGG_U64) {
        const uint64_t *items = values;
        for (int64_t row = 0; row < self->n; row++) {
            room[row] = (int64_t)(items[row] ^ (UINT64_C(1) << 63));
        }
        prepared->orders = room;
    } else if (prepared->bits != NULL && self->op->layout->inputs[at].wants_sum) {
        memcpy(room, values, (size_t)self->n * sizeof(*room)); /* masking overwrites them */
        prepared->orders = room;
    }
}

/* Everything that the kernels for groups want of an input. */
static void
prepare_values(const accumulation *self, int32_t at)
{
    const cni_agg_input *input = &self->op->layout->inputs[at];
    cni_agg_prepared *prepared = &self->local->prepared[at];
    const bool wants_order = input->wants_min || input->wants_max;
    if (prepared->vector == NULL || (!input->wants_sum && !wants_order) ||
        prepared->n_counted == 0) {
        return;
    }
    if (prepared->vector->phys == CNI_PHYS_I128) {
        return; /* read from the vector row by row */
    }
    const void *values = widened(self, at, prepared->vector);
    if (wants_order) {
        prepare_orders(self, at, values);
    }
    if (input->wants_sum) {
        prepare_sums(self, at, values);
    }
}

/* ---- lanes of one row ---- */

static void
add_to_i64(uint8_t *lane, int64_t n)
{
    int64_t value;
    memcpy(&value, lane, sizeof(value));
    value += n;
    memcpy(lane, &value, sizeof(value));
}

static void
add_to_sum(uint8_t *lane, cni_i128 item)
{
    cni_u128 sum;
    memcpy(&sum, lane, sizeof(sum));
    sum += (cni_u128)item;
    memcpy(lane, &sum, sizeof(sum));
}

static void
add_to_float(uint8_t *lane, double item)
{
    double sum;
    memcpy(&sum, lane, sizeof(sum));
    sum += item;
    memcpy(lane, &sum, sizeof(sum));
}

static void
lower_to(uint8_t *lane, int64_t key)
{
    int64_t least;
    memcpy(&least, lane, sizeof(least));
    least = key < least ? key : least;
    memcpy(lane, &least, sizeof(least));
}

static void
raise_to(uint8_t *lane, int64_t key)
{
    int64_t most;
    memcpy(&most, lane, sizeof(most));
    most = key > most ? key : most;
    memcpy(lane, &most, sizeof(most));
}

static uint8_t *
row_of(const accumulation *self, int64_t row)
{
    return self->groups == NULL ? self->rows
                                : self->rows + (int64_t)self->groups[row] * self->stride_bytes;
}

/* Rows of an input that count, one by one: sums that no kernel does. */
static void
add_wide_rows(const accumulation *self, int32_t at)
{
    const cni_agg_input *input = &self->op->layout->inputs[at];
    const cni_agg_prepared *prepared = &self->local->prepared[at];
    const cni_bits bits = {(const uint8_t *)prepared->bits, 0};
    const uint8_t *items = prepared->vector->data;
    const int64_t step = prepared->vector->encoding == CNI_CONSTANT ? 0 : 16;
    for (int64_t row = 0; row < self->n; row++) {
        if (cni_bits_get(bits, row)) {
            cni_i128 item;
            memcpy(&item, items + row * step, sizeof(item));
            cni_wide_add((void *)(row_of(self, row) + input->sum_offset), item);
        }
    }
}

static void
add_exact_rows(const accumulation *self, int32_t at)
{
    const cni_agg_input *input = &self->op->layout->inputs[at];
    const cni_agg_prepared *prepared = &self->local->prepared[at];
    const double *items = prepared->sums;
    for (int64_t row = 0; row < self->n; row++) { /* rows that do not count are zeros */
        cni_exact_add((void *)(row_of(self, row) + input->sum_offset), items[row]);
    }
}

/* ---- counts ---- */

static void
count_bits(const accumulation *self, const uint64_t *bits, uint64_t flip, int32_t offset)
{
    for (int64_t word = 0; word < cni_bits_words(self->n); word++) {
        const int64_t n_bits = cni_min_i64(64, self->n - word * 64);
        uint64_t rest = (bits[word] ^ flip) & cni_bits_word((cni_bits){0}, 0, n_bits);
        for (; rest != 0; rest &= rest - 1) {
            add_to_i64(row_of(self, word * 64 + __builtin_ctzll(rest)) + offset, 1);
        }
    }
}

static void
count_input(const accumulation *self, int32_t at)
{
    const cni_agg_input *input = &self->op->layout->inputs[at];
    const cni_agg_prepared *prepared = &self->local->prepared[at];
    if (input->count_offset < 0) {
        return;
    }
    if (self->groups == NULL) {
        const int64_t n =
            input->counts_skipped ? self->n - prepared->n_counted : prepared->n_counted;
        add_to_i64(self->rows + input->count_offset, n);
    } else if (prepared->bits != NULL) {
        count_bits(self, prepared->bits, input->counts_skipped ? ~UINT64_C(0) : 0,
                   input->count_offset);
    } else if (!input->counts_skipped) {
        self->op->agg_kernels->count(self->groups, self->n, self->rows + input->count_offset,
                                     self->stride_bytes);
    }
}

/* ---- one group ---- */

static void
reduce_sum(const accumulation *self, const cni_agg_input *input, const cni_agg_prepared *prepared)
{
    const cni_vector *vector = prepared->vector;
    const bool constant = vector->encoding == CNI_CONSTANT;
    const int64_t n = constant ? 1 : self->n;
    const cni_bits bits = {constant ? NULL : (const uint8_t *)prepared->bits, 0};
    uint8_t *lane = self->rows + input->sum_offset;
    if (input->class_ == CNI_AGG_F64) {
        double sum = 0;
        self->op->kernels->sum[vector->phys](vector->data, bits, n, &sum);
        add_to_float(lane, constant ? sum * (double)prepared->n_counted : sum);
        return;
    }
    cni_i128 sum = 0;
    self->op->kernels->sum[vector->phys](vector->data, bits, n, &sum);
    sum = constant ? sum * prepared->n_counted : sum;
    if (input->class_ == CNI_AGG_I128) {
        cni_wide_add((void *)lane, sum);
    } else {
        add_to_sum(lane, sum);
    }
}

static int64_t
order_key(const accumulation *self, const cni_vector *vector, const void *item)
{
    int64_t key = 0;
    double wide = 0;
    switch (vector->phys) {
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        if (vector->phys == CNI_PHYS_F32) {
            self->op->agg_kernels->widen[CNI_PHYS_F32](item, 1, &wide);
        } else {
            memcpy(&wide, item, sizeof(wide));
        }
        self->op->agg_kernels->order_f64(&wide, 1, &key);
        return key;
    case CNI_PHYS_U64:
        memcpy(&key, item, sizeof(key));
        return (int64_t)((uint64_t)key ^ (UINT64_C(1) << 63));
    case CNI_PHYS_I64:
        memcpy(&key, item, sizeof(key));
        return key;
    default:
        self->op->agg_kernels->widen[vector->phys](item, 1, &key);
        return key;
    }
}

static void
reduce_extremes(const accumulation *self, const cni_agg_input *input,
                const cni_agg_prepared *prepared)
{
    const cni_vector *vector = prepared->vector;
    const bool constant = vector->encoding == CNI_CONSTANT;
    const cni_bits bits = {constant ? NULL : (const uint8_t *)prepared->bits, 0};
    uint64_t low = 0;
    uint64_t high = 0;
    if (!self->op->kernels->min_max[vector->phys](vector->data, bits, constant ? 1 : self->n, &low,
                                                  &high)) {
        return;
    }
    if (input->wants_min) {
        lower_to(self->rows + input->min_offset, order_key(self, vector, &low));
    }
    if (input->wants_max) {
        raise_to(self->rows + input->max_offset, order_key(self, vector, &high));
    }
}

/* Many items of up to 2^127 might pass 128 bits on the way: one by one then. */
static bool
sums_stepwise(const cni_agg_input *input, const cni_agg_prepared *prepared)
{
    return input->class_ == CNI_AGG_I128 && prepared->vector->phys == CNI_PHYS_I128;
}

static void
accumulate_one(const accumulation *self)
{
    const cni_agg_layout *layout = self->op->layout;
    if (layout->rows_offset >= 0) {
        add_to_i64(self->rows + layout->rows_offset, self->n);
    }
    for (int32_t at = 0; at < layout->n_inputs; at++) {
        const cni_agg_input *input = &layout->inputs[at];
        const cni_agg_prepared *prepared = &self->local->prepared[at];
        count_input(self, at);
        if (prepared->n_counted == 0 || prepared->vector == NULL) {
            continue;
        }
        if (input->wants_sum && sums_stepwise(input, prepared)) {
            add_wide_rows(self, at);
        } else if (input->wants_sum && input->class_ == CNI_AGG_F64 && layout->n_floats == 0) {
            prepare_values(self, at);
            add_exact_rows(self, at);
        } else if (input->wants_sum) {
            reduce_sum(self, input, prepared);
        }
        if (input->wants_min || input->wants_max) {
            reduce_extremes(self, input, prepared);
        }
    }
}

/* ---- few groups ---- */

/* Integer sums with I64 values, of whatever lane, that n rows cannot make overflow. */
static bool
fits_few(const accumulation *self, int32_t at)
{
    const cni_agg_input *input = &self->op->layout->inputs[at];
    const cni_agg_prepared *prepared = &self->local->prepared[at];
    return input->wants_sum && prepared->sums != NULL && input->class_ != CNI_AGG_F64 &&
           max_abs_of(prepared->vector) * (double)self->n < 9.2e18;
}

static void
flush_few(const accumulation *self, const int32_t *inputs, int32_t n_inputs, int32_t n_groups,
          const int64_t *sums)
{
    for (int32_t group = 0; group < n_groups; group++) {
        uint8_t *row = self->rows + group * self->stride_bytes;
        for (int32_t at = 0; at < n_inputs; at++) {
            const cni_agg_input *input = &self->op->layout->inputs[inputs[at]];
            const int64_t sum = sums[(int64_t)group * n_inputs + at];
            if (input->class_ == CNI_AGG_I128) {
                cni_wide_add((void *)(row + input->sum_offset), sum);
            } else {
                add_to_sum(row + input->sum_offset, sum);
            }
        }
    }
}

/* Up to 8 inputs in one go; `with_rows` counts the rows too. */
static void
sum_few(const accumulation *self, const int32_t *inputs, int32_t n_inputs, int32_t n_groups,
        bool with_rows)
{
    int64_t counts[CNI_AGG_FEW_GROUPS];
    int64_t sums[CNI_AGG_FEW_GROUPS * CNI_AGG_MAX_LANES];
    cni_agg_lanes lanes = {.group = self->groups, .n = self->n, .n_lanes = n_inputs};
    for (int32_t at = 0; at < n_inputs; at++) {
        lanes.inputs[at] = self->local->prepared[inputs[at]].sums;
    }
    self->op->agg_kernels->few_i64(&lanes, n_groups, counts, sums);
    flush_few(self, inputs, n_inputs, n_groups, sums);
    for (int32_t group = 0; with_rows && group < n_groups; group++) {
        add_to_i64(self->rows + group * self->stride_bytes + self->op->layout->rows_offset,
                   counts[group]);
    }
}

static void
sum_few_floats(const accumulation *self, int32_t at, int32_t n_groups)
{
    double sums[CNI_AGG_FEW_GROUPS];
    const cni_agg_lanes lanes = {
        .group = self->groups,
        .n = self->n,
        .n_lanes = 1,
        .inputs = {self->local->prepared[at].sums},
    };
    self->op->agg_kernels->few_f64(&lanes, n_groups, sums);
    for (int32_t group = 0; group < n_groups; group++) {
        add_to_float(self->rows + group * self->stride_bytes +
                         self->op->layout->inputs[at].sum_offset,
                     sums[group]);
    }
}

/* Does what it can; `left` gets a bit for each input whose sum is still to do. */
static void
accumulate_few(const accumulation *self, int32_t n_groups, bool *out_rows_done, bool *done)
{
    const cni_agg_layout *layout = self->op->layout;
    int32_t inputs[CNI_AGG_MAX_LANES];
    int32_t n_inputs = 0;
    bool with_rows = layout->rows_offset >= 0;
    *out_rows_done = true;
    for (int32_t at = 0; at < layout->n_inputs; at++) {
        const bool has_sums = self->local->prepared[at].sums != NULL;
        if (fits_few(self, at)) {
            inputs[n_inputs++] = at;
            done[at] = true;
        } else if (has_sums && layout->inputs[at].class_ == CNI_AGG_F64 && layout->n_floats > 0) {
            sum_few_floats(self, at, n_groups);
            done[at] = true;
        }
        if (n_inputs == CNI_AGG_MAX_LANES) {
            sum_few(self, inputs, n_inputs, n_groups, with_rows);
            with_rows = false;
            n_inputs = 0;
        }
    }
    if (n_inputs > 0 || with_rows) {
        sum_few(self, inputs, n_inputs, n_groups, with_rows);
    }
}

/* ---- many groups ---- */

/* Sums that are one behind the other in the row and all to be done: as many at a time as a kernel
 * takes. */
static void
add_sums(const accumulation *self, const bool *done, bool with_rows)
{
    const cni_agg_layout *layout = self->op->layout;
    uint8_t *rows = with_rows ? self->rows + layout->rows_offset : NULL;
    int32_t first = 0;
    while (first < layout->n_sums || rows != NULL) {
        cni_agg_lanes lanes = {.group = self->groups, .n = self->n};
        while (first < layout->n_sums &&
               (done[layout->sum_inputs[first]] ||
                self->local->prepared[layout->sum_inputs[first]].sums == NULL)) {
            first++;
        }
        const int32_t begin = first;
        while (first < layout->n_sums && lanes.n_lanes < CNI_AGG_MAX_LANES &&
               !done[layout->sum_inputs[first]] &&
               self->local->prepared[layout->sum_inputs[first]].sums != NULL) {
            lanes.inputs[lanes.n_lanes++] = self->local->prepared[layout->sum_inputs[first++]].sums;
        }
        if (lanes.n_lanes > 0 || rows != NULL) {
            self->op->agg_kernels->add_i64(
                &lanes, rows, self->rows + layout->sums_offset + begin * 16, self->stride_bytes);
        }
        rows = NULL;
    }
}

static void
add_floats(const accumulation *self, const bool *done)
{
    const cni_agg_layout *layout = self->op->layout;
    for (int32_t at = 0; at < layout->n_floats; at++) {
        const int32_t input = layout->float_inputs[at];
        if (done[input] || self->local->prepared[input].sums == NULL) {
            continue;
        }
        const cni_agg_lanes lanes = {
            .group = self->groups,
            .n = self->n,
            .n_lanes = 1,
            .inputs = {self->local->prepared[input].sums},
        };
        self->op->agg_kernels->add_f64(&lanes, self->rows + layout->inputs[input].sum_offset,
                                       self->stride_bytes);
    }
}

/* HUGEINT, DECIMAL > 18 and reproducible floats. */
static void
add_others(const accumulation *self, int32_t at, bool done)
{
    const cni_agg_input *input = &self->op->layout->inputs[at];
    const cni_agg_prepared *prepared = &self->local->prepared[at];
    if (!input->wants_sum || done || prepared->n_counted == 0) {
        return;
    }
    if (input->class_ == CNI_AGG_F64 && self->op->layout->n_floats == 0) {
        add_exact_rows(self, at);
    } else if (input->class_ == CNI_AGG_I128 && prepared->sums != NULL) {
        const cni_agg_lanes lanes = {
            .group = self->groups, .n = self->n, .n_lanes = 1, .inputs = {prepared->sums}};
        self->op->agg_kernels->add_i64(&lanes, NULL, self->rows + input->sum_offset,
                                       self->stride_bytes);
    } else if (input->class_ == CNI_AGG_I128) {
        add_wide_rows(self, at);
    }
}

static void
add_extremes(const accumulation *self, int32_t at)
{
    const cni_agg_input *input = &self->op->layout->inputs[at];
    const cni_agg_prepared *prepared = &self->local->prepared[at];
    if (prepared->orders == NULL) {
        return;
    }
    int64_t *room = (void *)input_room(self, at, 0); /* sums are done with it */
    const int64_t *values = prepared->orders;
    if (values == room) {
        room = (void *)input_room(self, at, 1);
    }
    if (input->wants_min) {
        if (prepared->bits != NULL) {
            self->op->agg_kernels->mask_i64(prepared->orders, prepared->bits, self->n, INT64_MAX,
                                            room);
            values = room;
        }
        self->op->agg_kernels->min_i64(self->groups, values, self->n,
                                       self->rows + input->min_offset, self->stride_bytes);
    }
    if (input->wants_max) {
        if (prepared->bits != NULL) {
            self->op->agg_kernels->mask_i64(prepared->orders, prepared->bits, self->n, INT64_MIN,
                                            room);
            values = room;
        }
        self->op->agg_kernels->max_i64(self->groups, values, self->n,
                                       self->rows + input->max_offset, self->stride_bytes);
    }
}

static void
accumulate_groups(const accumulation *self, bool *done)
{
    const cni_agg_layout *layout = self->op->layout;
    const int64_t n_groups = self->local->table.n_groups;
    bool rows_done = layout->rows_offset < 0;
    for (int32_t at = 0; at < layout->n_inputs; at++) {
        prepare_values(self, at);
        count_input(self, at);
    }
    if (n_groups <= CNI_AGG_FEW_GROUPS && self->n >= FEW_MIN_ROWS) {
        accumulate_few(self, (int32_t)n_groups, &rows_done, done);
    }
    add_sums(self, done, !rows_done);
    add_floats(self, done);
    for (int32_t at = 0; at < layout->n_inputs; at++) {
        add_others(self, at, done[at]);
        add_extremes(self, at);
    }
}

cn_code
cni_agg_accumulate(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
                   const uint32_t *groups, cn_error *err)
{
    const cni_agg_layout *layout = self->layout;
    const accumulation made = {
        .op = self,
        .local = local,
        .chunk = chunk,
        .groups = groups,
        .rows = cni_agg_row(&local->table, groups == NULL ? local->one_group : 0),
        .stride_bytes = layout->row_bytes,
        .n = chunk->n_rows,
    };
    for (int32_t at = 0; at < layout->n_inputs; at++) {
        CN_TRY(prepare_rows(&made, at, err));
    }
    if (groups == NULL) {
        accumulate_one(&made);
    } else {
        memset(local->done, 0, (size_t)layout->n_inputs * sizeof(*local->done));
        accumulate_groups(&made, local->done);
    }
    return CN_OK;
}
