/* SPDX-License-Identifier: Apache-2.0
 *
 * What is worked out once per sort: layout of keys, which outputs are payload, and sizes. A
 * worker's batch, with what sorting it needs, stays within a quarter of its share of the memory
 * that is left when the sort begins.
 */
#include "base/checked.h"
#include "exec/operator/sort_int.h"
#include "runtime/pressure.h"

#define BATCH_ROWS      (INT64_C(1) << 19)
#define BATCH_BYTES     (INT64_C(96) << 20)
#define MIN_BATCH_BYTES (INT64_C(256) << 10)
#define BATCH_PART      4  /* of a worker's share */
#define ROOM_PART       3  /* of what others leave: a batch, its copy, what is written */
#define SLACK_PART      16 /* of the limit: for others to grow into */
#define BLOCK_BYTES     (INT64_C(64) << 10)
#define MIN_BLOCK_BYTES (INT64_C(16) << 10)
#define BLOCK_PART      8192 /* of what is left: some hundred runs' blocks are read at once */
#define EXTENT_BYTES    (INT64_C(1) << 20)
#define MIN_EXTENT      (INT64_C(16) << 10)
#define EXTENT_PART     2048 /* of what is left: two of each run are held at once */
#define RANGE_ROWS      (INT64_C(1) << 16)
#define PACKED_ROWS     (INT64_C(1) << 20) /* of a batch of nothing but keys */
#define PACKED_BLOCK    1024               /* rows */
#define TEST_BLOCK      512                /* bytes, rows: test_spill */
#define TEST_BLOCK_ROWS 32

cn_code
cni_sort_grow(cni_allocator *allocator, void *inout_block, int64_t *inout_cap, int64_t n,
              int64_t item_bytes, cn_error *err)
{
    if (n <= *inout_cap) {
        return CN_OK;
    }
    int64_t n_bytes = 0;
    const int64_t cap = cni_max_i64(n, 2 * *inout_cap);
    if (!cni_checked_mul(cap, item_bytes, &n_bytes)) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort has too many rows");
    }
    CN_TRY(cni_realloc(allocator, inout_block, *inout_cap * item_bytes, n_bytes, err));
    *inout_cap = cap;
    return CN_OK;
}

/* ---- layout ---- */

/* Whether values of the type can be had from keys, bit by bit. */
static bool
is_restorable(const cni_type *type)
{
    if (type->id == CNI_TYPE_DECIMAL) {
        return type->precision <= 18;
    }
    switch (cni_type_phys(type)) {
    case CNI_PHYS_I8:
    case CNI_PHYS_I16:
    case CNI_PHYS_I32:
    case CNI_PHYS_I64:
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
    case CNI_PHYS_U64:
        return true;
    default:
        return false;
    }
}

static void
place_output(const cni_sort_plan *self, int32_t column, cni_sort_output *out)
{
    int32_t offset = 0;
    *out = (cni_sort_output){.payload = -1, .key = -1};
    for (int32_t key = 0; self->key_bytes >= 0 && key < self->spec->n_orders; key++) {
        const int32_t at = self->packed ? cni_sort_lanes_restorable(&self->lanes, key)
                           : is_restorable(self->keys[key].type) ? offset
                                                                 : -1;
        if (self->spec->orders[key].position == column && at >= 0) {
            *out = (cni_sort_output){.payload = -1, .key = key, .key_offset = at};
            return;
        }
        offset += cni_sort_key_fixed_bytes(&self->keys[key], 1);
    }
}

static cn_code
place_outputs(cni_sort_plan *self, cn_error *err)
{
    const int32_t n = self->spec->n_outputs;
    CN_TRY(
        cni_alloc_array(self->allocator, n, (int64_t)sizeof(*self->outputs), &self->outputs, err));
    CN_TRY(
        cni_alloc_array(self->allocator, n, (int64_t)sizeof(*self->payload), &self->payload, err));
    CN_TRY(cni_alloc_array(self->allocator, n, (int64_t)sizeof(*self->payload_types),
                           (void *)&self->payload_types, err));
    for (int32_t column = 0; column < n; column++) {
        cni_sort_output *output = &self->outputs[column];
        place_output(self, column, output);
        if (output->key < 0) {
            output->payload = self->n_payload;
            self->payload_types[self->n_payload] = self->spec->input_types[column];
            self->payload[self->n_payload++] = column;
        }
    }
    return CN_OK;
}

static void
choose_sizes(cni_sort_plan *self)
{
    const int64_t left = cni_memory_left(self->budget, self->context);
    const int64_t share = cni_max_i64(left, 0) / self->n_workers;
    self->batch_rows = BATCH_ROWS;
    self->batch_bytes = cni_min_i64(BATCH_BYTES, cni_max_i64(share / BATCH_PART, MIN_BATCH_BYTES));
    self->block_bytes = cni_min_i64(BLOCK_BYTES, cni_max_i64(left / BLOCK_PART, MIN_BLOCK_BYTES));
    self->extent_bytes = cni_min_i64(EXTENT_BYTES, cni_max_i64(left / EXTENT_PART, MIN_EXTENT));
    self->range_rows = RANGE_ROWS;
    self->block_rows = PACKED_BLOCK;
    if (self->packed) {
        self->batch_rows = self->n_payload > 0 ? BATCH_ROWS : PACKED_ROWS;
    }
    if (self->context->settings.test_spill) {
        self->block_bytes = TEST_BLOCK;
        self->extent_bytes = 3 * TEST_BLOCK;
        self->range_rows = TEST_BLOCK;
        self->block_rows = TEST_BLOCK_ROWS;
    }
}

static cn_code
init(cni_sort_plan *self, bool may_pack, cn_error *err)
{
    const cni_phys_sort *spec = self->spec;
    CN_TRY(cni_alloc_array(self->allocator, spec->n_orders, (int64_t)sizeof(*self->keys),
                           &self->keys, err));
    for (int32_t key = 0; key < spec->n_orders; key++) {
        const cni_phys_order *order = &spec->orders[key];
        self->keys[key] = (cni_sort_spec){.type = spec->input_types[order->position],
                                          .descending = order->descending,
                                          .nulls_first = order->nulls_first,
                                          .nullable = order->nullable};
    }
    self->key_bytes = cni_sort_key_fixed_bytes(self->keys, spec->n_orders);
    if (self->key_bytes > CNI_SORT_RECORD_MAX - 4) {
        self->key_bytes = -1;
    }
    self->header_bytes = self->key_bytes >= 0 ? 4 : 8;
    self->packed = may_pack && !spec->first_per_key &&
                   cni_sort_lanes_init(&self->lanes, self->keys, spec->n_orders);
    CN_TRY(place_outputs(self, err));
    choose_sizes(self);
    return CN_OK;
}

cn_code
cni_sort_plan_init(cni_sort_plan *self, const cni_phys_sort *spec, cni_context *context,
                   cni_budget *budget, int32_t n_workers, bool may_pack, cn_error *err)
{
    *self = (cni_sort_plan){.spec = spec,
                            .context = context,
                            .budget = budget,
                            .allocator = cni_budget_allocator(budget),
                            .n_workers = n_workers};
    cni_mutex_init(&self->mutex);
    cni_read_gate_init(&self->gate);
    return init(self, may_pack, err);
}

void
cni_sort_plan_done(cni_sort_plan *self)
{
    if (self->spec == NULL) {
        return;
    }
    const int64_t n = self->spec->n_outputs;
    cni_dealloc(self->allocator, self->keys,
                self->keys == NULL ? 0 : self->spec->n_orders * (int64_t)sizeof(*self->keys));
    cni_dealloc(self->allocator, self->outputs, n * (int64_t)sizeof(*self->outputs));
    cni_dealloc(self->allocator, self->payload, n * (int64_t)sizeof(*self->payload));
    cni_dealloc(self->allocator, (void *)self->payload_types,
                n * (int64_t)sizeof(*self->payload_types));
    cni_spill_close(self->file);
    cni_read_gate_done(&self->gate);
    cni_mutex_done(&self->mutex);
    *self = (cni_sort_plan){0};
}

/* What the rest of the query leaves to the sort when it holds most; INT64_MAX: no limit. */
static int64_t
measure_room(cni_sort_plan *self)
{
    const cni_budget *query = self->context->budget;
    const int64_t limit = cni_memory_limit(query);
    if (limit == INT64_MAX || self->context->spill == NULL) {
        return INT64_MAX;
    }
    const int64_t used = cni_budget_charged_bytes(query) - cni_budget_charged_bytes(self->budget);
    cni_counter_max(&self->others_bytes, used);
    return limit - limit / SLACK_PART - cni_counter_get(&self->others_bytes);
}

int64_t
cni_sort_batch_limit(cni_sort_plan *self)
{
    const int64_t share = measure_room(self) / self->n_workers / ROOM_PART;
    return cni_min_i64(self->batch_bytes, cni_max_i64(share, MIN_BATCH_BYTES));
}

bool
cni_sort_is_in_the_way(cni_sort_plan *self)
{
    return cni_budget_charged_bytes(self->budget) > measure_room(self);
}

cn_code
cni_sort_plan_layout(cni_sort_plan *self, cni_spill_layout *out_layout, cn_error *err)
{
    cni_mutex_lock(&self->mutex);
    cn_code code = CN_OK;
    if (self->file == NULL) {
        code = cni_spill_create(self->context->spill, "sort", &self->file, err);
    }
    cni_mutex_unlock(&self->mutex);
    CN_TRY(code);
    *out_layout = (cni_spill_layout){.context = self->context,
                                     .allocator = self->allocator,
                                     .file = self->file,
                                     .n_columns = self->n_payload,
                                     .types = self->payload_types,
                                     .n_partitions = 1,
                                     .block_bytes = self->block_bytes};
    return CN_OK;
}
