/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups by position: while the combinations of key values that may occur are few, a row's group is
 * an array item away.
 *
 *   id of a key    NULL 0 · integers, dates, booleans: value - low + 1 · others: number of the
 * value code of a row  sum of id * factor (mixed radix over the keys)         <
 * CNI_AGG_DIRECT_CODES group          groups[code]
 *
 * Dictionary codes map to ids once per dictionary. Ranges and sizes grow, doubling, as values turn
 * up; then the map is made again from the ids of the groups. When the codes become too many, or a
 * key comes in a shape without ids, the local goes over to hashing: rows and states stay.
 */
#include "exec/operator/aggregate_operator_int.h"

#define DIRECT_CODES (INT64_C(1) << 18)
#define MAX_ENTRIES  (INT64_C(1) << 16) /* of dictionaries */
#define NO_GROUP     UINT32_MAX

/* A chunk's lookup under way. */
typedef struct direct_lookup {
    cni_agg_operator *op;
    cni_agg_local *local;
    const cni_chunk *chunk;
    int64_t n;
    bool changed; /* sizes, lows: the map must be made again */
    bool fits;    /* false = give up */
} direct_lookup;

/* ---- life ---- */

static void
key_done(cni_allocator *allocator, cni_agg_direct_key *key)
{
    cni_dealloc(allocator, key->code_ids, key->n_code_ids * (int64_t)sizeof(*key->code_ids));
    cni_agg_table_done(&key->values);
}

void
cni_agg_direct_done(cni_agg_operator *self, cni_agg_local *local)
{
    cni_agg_direct *direct = &local->direct;
    const int32_t n_keys = self->layout->n_keys;
    for (int32_t key = 0; direct->keys != NULL && key < n_keys; key++) {
        key_done(self->allocator, &direct->keys[key]);
    }
    cni_dealloc(self->allocator, direct->keys, n_keys * (int64_t)sizeof(*direct->keys));
    cni_dealloc(self->allocator, direct->groups, direct->n_codes * (int64_t)sizeof(uint32_t));
    cni_dealloc(self->allocator, direct->ids, direct->cap_ids * n_keys * (int64_t)sizeof(uint32_t));
    *direct = (cni_agg_direct){0};
}

/* ---- what a key of the chunk holds ---- */

static const cni_vector *
column_of(const direct_lookup *self, int32_t key)
{
    return &self->chunk->columns[self->op->layout->keys[key].position];
}

static bool
is_ranged(const cni_agg_key *key)
{
    const cni_phys phys = cni_type_phys(key->type);
    return key->kind == CNI_AGG_KEY_BIT ||
           (key->kind == CNI_AGG_KEY_COPY && phys != CNI_PHYS_U64 && key->n_bytes <= 8);
}

/* Lowest and highest value of a FLAT or CONSTANT vector; false = there is none. */
static bool
range_of(const cni_agg_operator *self, const cni_vector *vector, int64_t *out_low,
         int64_t *out_high)
{
    const bool constant = vector->encoding == CNI_CONSTANT;
    if (constant && !cni_bits_get(vector->validity, 0)) {
        return false;
    }
    if (vector->phys == CNI_PHYS_BIT) {
        *out_low = 0;
        *out_high = 1;
        return true;
    }
    if (vector->bounds.known) {
        *out_low = vector->bounds.low;
        *out_high = vector->bounds.high;
        return true;
    }
    int64_t items[2] = {0};
    const cni_bits valid = constant ? (cni_bits){0} : vector->validity;
    if (!self->kernels->min_max[vector->phys](vector->data, valid, constant ? 1 : vector->n_rows,
                                              &items[0], &items[1])) {
        return false;
    }
    if (vector->phys != CNI_PHYS_I64) {
        int64_t low = 0;
        int64_t high = 0;
        self->agg_kernels->widen[vector->phys](&items[0], 1, &low);
        self->agg_kernels->widen[vector->phys](&items[1], 1, &high);
        items[0] = low;
        items[1] = high;
    }
    *out_low = items[0];
    *out_high = items[1];
    return true;
}

/* Number of values in [low, high], at most one more than there may be codes. */
static int64_t
span(int64_t low, int64_t high)
{
    const uint64_t distance = (uint64_t)high - (uint64_t)low;
    return distance >= (uint64_t)DIRECT_CODES ? DIRECT_CODES + 1 : (int64_t)distance + 1;
}

/* ---- ranges ---- */

static void
shift_ids(direct_lookup *self, int32_t key, int64_t n_shift)
{
    const cni_agg_direct *direct = &self->local->direct;
    const int32_t n_keys = self->op->layout->n_keys;
    for (int64_t group = 0; n_shift != 0 && group < self->local->table.n_groups; group++) {
        uint32_t *id = &direct->ids[group * n_keys + key];
        *id = *id == 0 ? 0 : *id + (uint32_t)n_shift;
    }
}

/* Make the key's range hold [low, high]; when it grows, by its own width on the side that did. */
static void
extend_range(direct_lookup *self, int32_t at, int64_t low, int64_t high)
{
    cni_agg_direct_key *key = &self->local->direct.keys[at];
    if (key->size == 0) {
        key->low = low;
        key->size = span(low, high) + 1;
        self->changed = true;
        self->fits = self->fits && key->size <= DIRECT_CODES;
        return;
    }
    const int64_t old_high = key->low + key->size - 2;
    if (low >= key->low && high <= old_high) {
        return;
    }
    int64_t new_low = cni_min_i64(low, key->low);
    int64_t new_high = cni_max_i64(high, old_high);
    const int64_t width = span(new_low, new_high);
    if (width * 2 + 1 <= DIRECT_CODES) {
        if (new_low < key->low && new_low >= INT64_MIN + width) {
            new_low -= width;
        } else if (new_high > old_high && new_high <= INT64_MAX - width) {
            new_high += width;
        }
    }
    self->fits = self->fits && span(new_low, new_high) + 1 <= DIRECT_CODES;
    if (self->fits) {
        shift_ids(self, at, key->low - new_low);
        key->low = new_low;
        key->size = span(new_low, new_high) + 1;
        key->identity = 0; /* ids of codes count from low */
        self->changed = true;
    }
}

/* ---- values ---- */

typedef struct value_scratch {
    uint64_t *keys;
    uint64_t *hashes;
    uint32_t *groups;
    uint32_t *mismatches;
} value_scratch;

static cn_code
find_values(direct_lookup *self, cni_agg_direct_key *key, const cni_vector *values,
            const value_scratch *scratch, uint32_t *out_ids, cn_error *err)
{
    const int64_t n = values->n_rows;
    CN_TRY(cni_agg_table_reserve(&key->values, n, true, err));
    CN_TRY(cni_agg_pack_keys(key->value_layout, values, n, NULL, self->op->allocator, scratch->keys,
                             err));
    cni_agg_hash_keys(key->value_layout, (const uint8_t *)scratch->keys,
                      key->value_layout->key_bytes, n, scratch->hashes);
    CN_TRY(cni_agg_table_find(&key->values, scratch->keys, scratch->hashes, n, false,
                              scratch->mismatches, scratch->groups, err));
    for (int64_t at = 0; at < n; at++) {
        out_ids[at] = cni_bits_get(values->validity, at) ? scratch->groups[at] + 1 : 0;
    }
    self->fits = self->fits && key->values.n_groups < DIRECT_CODES;
    if (self->fits && key->values.n_groups + 1 > key->size) {
        const int64_t wanted = cni_max_i64(8, (key->values.n_groups + 1) * 2);
        key->size = cni_min_i64(wanted, DIRECT_CODES);
        self->changed = true;
    }
    return CN_OK;
}

/* Ids of the values of a FLAT vector. */
static cn_code
ids_of_values(direct_lookup *self, cni_agg_direct_key *key, const cni_vector *values,
              uint32_t *out_ids, cn_error *err)
{
    cni_allocator *allocator = self->op->allocator;
    const int64_t n = values->n_rows;
    const int64_t n_bytes = n * (key->value_layout->key_bytes + 8 + 4 + 4);
    uint8_t *block = NULL;
    CN_TRY(cni_alloc(allocator, n_bytes, &block, err));
    value_scratch scratch = {.keys = (void *)block};
    scratch.hashes = (void *)(block + n * key->value_layout->key_bytes);
    scratch.groups = (void *)(scratch.hashes + n);
    scratch.mismatches = scratch.groups + n;
    const cn_code code = find_values(self, key, values, &scratch, out_ids, err);
    cni_dealloc(allocator, block, n_bytes);
    return code;
}

static int64_t
value_at(const cni_vector *vector, int64_t row)
{
    switch (vector->phys) {
    case CNI_PHYS_BIT:
        return cni_bits_get((cni_bits){vector->data, vector->data_off_bits}, row) ? 1 : 0;
    case CNI_PHYS_I8:
        return ((const int8_t *)vector->data)[row];
    case CNI_PHYS_I16:
        return ((const int16_t *)vector->data)[row];
    case CNI_PHYS_I32:
        return ((const int32_t *)vector->data)[row];
    case CNI_PHYS_U8:
        return ((const uint8_t *)vector->data)[row];
    case CNI_PHYS_U16:
        return ((const uint16_t *)vector->data)[row];
    case CNI_PHYS_U32:
        return ((const uint32_t *)vector->data)[row];
    default:
        return ((const int64_t *)vector->data)[row];
    }
}

static void
ids_of_range(const cni_agg_direct_key *key, const cni_vector *values, uint32_t *out_ids)
{
    for (int64_t at = 0; at < values->n_rows; at++) {
        out_ids[at] = cni_bits_get(values->validity, at)
                          ? (uint32_t)(value_at(values, at) - key->low + 1)
                          : 0;
    }
}

/* code_ids of the dictionary of the chunk. The range has been extended already. */
static cn_code
map_dictionary(direct_lookup *self, cni_agg_direct_key *key, const cni_dictionary *dictionary,
               cn_error *err)
{
    const int64_t n = dictionary->values.n_rows;
    if (key->identity == dictionary->identity) {
        return CN_OK;
    }
    if (n > key->n_code_ids) {
        CN_TRY(cni_realloc(self->op->allocator, &key->code_ids,
                           key->n_code_ids * (int64_t)sizeof(*key->code_ids),
                           n * (int64_t)sizeof(*key->code_ids), err));
        key->n_code_ids = n;
    }
    key->identity = 0;
    if (key->by_value) {
        CN_TRY(ids_of_values(self, key, &dictionary->values, key->code_ids, err));
    } else {
        ids_of_range(key, &dictionary->values, key->code_ids);
    }
    key->identity = dictionary->identity;
    return CN_OK;
}

/* ---- fitting a chunk ---- */

/* The values of key `at`: a dictionary's, or the chunk's own, FLAT or CONSTANT. */
static cn_code
values_of(direct_lookup *self, int32_t at, const cni_vector **out_values, cn_error *err)
{
    const cni_vector *column = column_of(self, at);
    if (column->encoding == CNI_DICTIONARY) {
        *out_values = &column->dictionary->values;
        return CN_OK;
    }
    return cni_agg_local_flat(self->op, self->local, self->chunk,
                              self->op->layout->keys[at].position, out_values, err);
}

static cn_code
fit_range(direct_lookup *self, int32_t at, const cni_vector *values, cn_error *err)
{
    int64_t low = 0;
    int64_t high = 0;
    if (range_of(self->op, values, &low, &high)) {
        extend_range(self, at, low, high);
    } else if (self->local->direct.keys[at].size == 0) {
        extend_range(self, at, 0, 0); /* NULLs alone so far */
    }
    const cni_vector *column = column_of(self, at);
    return self->fits && column->encoding == CNI_DICTIONARY
               ? map_dictionary(self, &self->local->direct.keys[at], column->dictionary, err)
               : CN_OK;
}

static cn_code
fit_values(direct_lookup *self, int32_t at, const cni_vector *values, cn_error *err)
{
    cni_agg_direct_key *key = &self->local->direct.keys[at];
    const cni_vector *column = column_of(self, at);
    if (column->encoding == CNI_DICTIONARY) {
        return map_dictionary(self, key, column->dictionary, err);
    }
    if (values->encoding != CNI_CONSTANT) {
        self->fits = false;
        return CN_OK;
    }
    if (key->n_code_ids == 0) {
        CN_TRY(
            cni_alloc(self->op->allocator, (int64_t)sizeof(*key->code_ids), &key->code_ids, err));
        key->n_code_ids = 1;
    }
    CN_SCOPED(cni_vector) single = {0};
    CN_SCOPED(cni_vector) flat = {0};
    cni_vector_slice(&single, values, 0, 1);
    CN_TRY(cni_vector_flatten(self->op->base.context->allocator, &single, &flat, err));
    key->identity = 0;
    return ids_of_values(self, key, &flat, key->code_ids, err);
}

/* How key `at` gets its ids, decided from the first chunk. */
static cn_code
start_key(direct_lookup *self, int32_t at, const cni_vector *values, cn_error *err)
{
    cni_agg_direct_key *key = &self->local->direct.keys[at];
    const cni_agg_key *packed = &self->op->layout->keys[at];
    const cni_bounds *proved = &self->op->spec->key_bounds[at];
    int64_t low = 0;
    int64_t high = 0;
    key->by_value = !is_ranged(packed);
    if (!key->by_value && column_of(self, at)->encoding == CNI_DICTIONARY &&
        range_of(self->op, values, &low, &high)) {
        key->by_value = span(low, high) >= DIRECT_CODES / 4;
    }
    if (!key->by_value) {
        if (proved->known && span(proved->low, proved->high) < DIRECT_CODES) {
            key->low = proved->low;
            key->size = span(proved->low, proved->high) + 1;
        }
        return CN_OK;
    }
    key->value_layout = self->op->value_layouts[at];
    return cni_agg_table_init(&key->values, key->value_layout, self->op->allocator, err);
}

static cn_code
fit_chunk(direct_lookup *self, cn_error *err)
{
    cni_agg_direct *direct = &self->local->direct;
    const int32_t n_keys = self->op->layout->n_keys;
    for (int32_t at = 0; at < n_keys && self->fits; at++) {
        const cni_vector *values = NULL;
        CN_TRY(values_of(self, at, &values, err));
        if (values->n_rows > cni_max_i64(MAX_ENTRIES, self->n)) {
            self->fits = false;
            break;
        }
        if (!direct->started) {
            CN_TRY(start_key(self, at, values, err));
        }
        CN_TRY(direct->keys[at].by_value ? fit_values(self, at, values, err)
                                         : fit_range(self, at, values, err));
    }
    self->changed = self->changed || !direct->started;
    direct->started = true;
    return CN_OK;
}

/* ---- the map ---- */

static uint32_t
code_of_group(const direct_lookup *self, int64_t group)
{
    const cni_agg_direct *direct = &self->local->direct;
    const int32_t n_keys = self->op->layout->n_keys;
    uint32_t code = 0;
    for (int32_t key = 0; key < n_keys; key++) {
        code += direct->ids[group * n_keys + key] * direct->keys[key].factor;
    }
    return code;
}

static cn_code
make_map(direct_lookup *self, cn_error *err)
{
    cni_agg_direct *direct = &self->local->direct;
    int64_t n_codes = 1;
    for (int32_t key = 0; key < self->op->layout->n_keys && n_codes <= DIRECT_CODES; key++) {
        direct->keys[key].factor = (uint32_t)n_codes;
        n_codes *= direct->keys[key].size;
    }
    if (n_codes > DIRECT_CODES) {
        self->fits = false;
        return CN_OK;
    }
    uint32_t *groups = NULL;
    CN_TRY(cni_alloc(self->op->allocator, n_codes * (int64_t)sizeof(*groups), &groups, err));
    memset(groups, 0xFF, (size_t)n_codes * sizeof(*groups));
    cni_dealloc(self->op->allocator, direct->groups,
                direct->n_codes * (int64_t)sizeof(*direct->groups));
    direct->groups = groups;
    direct->n_codes = n_codes;
    for (int64_t group = 0; group < self->local->table.n_groups; group++) {
        groups[code_of_group(self, group)] = (uint32_t)group;
    }
    return CN_OK;
}

/* ---- codes of rows ---- */

static void
add_constant(const direct_lookup *self, uint32_t part, uint32_t *inout_codes)
{
    for (int64_t row = 0; row < self->n; row++) {
        inout_codes[row] += part;
    }
}

static void
add_codes(const direct_lookup *self, const cni_vector *column, const uint32_t *ids, uint32_t factor,
          uint32_t *inout_codes)
{
    const uint8_t *narrow = column->data;
    const uint16_t *middle = column->data;
    const uint32_t *wide = column->data;
    switch (column->code_bytes) {
    case 1:
        for (int64_t row = 0; row < self->n; row++) {
            inout_codes[row] += ids[narrow[row]] * factor;
        }
        break;
    case 2:
        for (int64_t row = 0; row < self->n; row++) {
            inout_codes[row] += ids[middle[row]] * factor;
        }
        break;
    default:
        for (int64_t row = 0; row < self->n; row++) {
            inout_codes[row] += ids[wide[row]] * factor;
        }
        break;
    }
}

static void
add_values(const direct_lookup *self, const cni_vector *values, const cni_agg_direct_key *key,
           uint32_t *inout_codes)
{
    const int64_t *wide = values->data;
    int64_t *room = (void *)self->local->keys;
    const uint64_t base = (uint64_t)key->low - 1;
    if (values->phys == CNI_PHYS_BIT) {
        for (int64_t row = 0; row < self->n; row++) {
            room[row] = value_at(values, row);
        }
        wide = room;
    } else if (values->phys != CNI_PHYS_I64) {
        self->op->agg_kernels->widen[values->phys](values->data, self->n, room);
        wide = room;
    }
    for (int64_t row = 0; row < self->n; row++) {
        inout_codes[row] += (uint32_t)((uint64_t)wide[row] - base) * key->factor;
    }
}

/* Rows that are null under their own bitmap: what they were given of this key is taken back, by
 * giving it anew. `before` are the codes without the key. */
static void
restore_nulls(const direct_lookup *self, const cni_vector *column, const uint32_t *before,
              uint32_t *inout_codes)
{
    for (int64_t row = 0; row < self->n; row++) {
        inout_codes[row] = cni_bits_get(column->validity, row) ? inout_codes[row] : before[row];
    }
}

static cn_code
add_key(const direct_lookup *self, int32_t at, uint32_t *before, uint32_t *inout_codes,
        cn_error *err)
{
    const cni_agg_direct_key *key = &self->local->direct.keys[at];
    const cni_vector *column = column_of(self, at);
    const cni_vector *values = NULL;
    CN_TRY(cni_agg_local_flat_unless(self->op, self->local, self->chunk,
                                     self->op->layout->keys[at].position, CNI_DICTIONARY, &values,
                                     err));
    if (values->encoding == CNI_CONSTANT) {
        uint32_t id = 0;
        if (key->by_value) {
            id = key->code_ids[0];
        } else if (cni_bits_get(values->validity, 0)) {
            id = (uint32_t)(value_at(values, 0) - key->low + 1);
        }
        add_constant(self, id * key->factor, inout_codes);
        return CN_OK;
    }
    const bool nullable = values->validity.data != NULL;
    if (nullable) {
        memcpy(before, inout_codes, (size_t)self->n * sizeof(*before));
    }
    if (column->encoding == CNI_DICTIONARY) {
        add_codes(self, column, key->code_ids, key->factor, inout_codes);
    } else {
        add_values(self, values, key, inout_codes);
    }
    if (nullable) {
        restore_nulls(self, values, before, inout_codes);
    }
    return CN_OK;
}

/* ---- groups of rows ---- */

static cn_code
reserve_ids(direct_lookup *self, int64_t n_groups, cn_error *err)
{
    cni_agg_direct *direct = &self->local->direct;
    const int64_t group_bytes = self->op->layout->n_keys * (int64_t)sizeof(*direct->ids);
    if (n_groups > direct->cap_ids) {
        const int64_t cap = cni_max_i64(n_groups, direct->cap_ids * 2);
        CN_TRY(cni_realloc(self->op->allocator, &direct->ids, direct->cap_ids * group_bytes,
                           cap * group_bytes, err));
        direct->cap_ids = cap;
    }
    return CN_OK;
}

/* Keys of the n rows in `rows`, flattened and packed into local->keys. */
static cn_code
pack_rows(direct_lookup *self, const uint32_t *rows, int64_t n, cn_error *err)
{
    cni_agg_local *local = self->local;
    for (int32_t key = 0; key < self->op->layout->n_keys; key++) {
        CN_SCOPED(cni_vector) taken = {0};
        cni_vector_done(&local->key_vectors[key]);
        CN_TRY(cni_vector_take(self->op->base.context->allocator, column_of(self, key), rows, n,
                               &taken, err));
        CN_TRY(cni_vector_flatten(self->op->base.context->allocator, &taken,
                                  &local->key_vectors[key], err));
    }
    return cni_agg_pack_keys(self->op->layout, local->key_vectors, n, NULL, self->op->allocator,
                             local->keys, err);
}

static void
remember_ids(direct_lookup *self, int64_t group, uint32_t code)
{
    cni_agg_direct *direct = &self->local->direct;
    const int32_t n_keys = self->op->layout->n_keys;
    for (int32_t key = 0; key < n_keys; key++) {
        direct->ids[group * n_keys + key] =
            code / direct->keys[key].factor % (uint32_t)direct->keys[key].size;
    }
}

/* A group for each of the n codes that have none; rows[k] is the first row with it. */
static cn_code
add_groups(direct_lookup *self, const uint32_t *rows, const uint32_t *codes, int64_t n,
           cn_error *err)
{
    cni_agg_local *local = self->local;
    cni_agg_table *table = &local->table;
    const int64_t first = table->n_groups;
    CN_TRY(pack_rows(self, rows, n, err));
    CN_TRY(cni_agg_table_append(table, local->keys, n, local->groups, err));
    for (int64_t at = 0; at < n; at++) {
        remember_ids(self, first + at, codes[rows[at]]);
        if (self->op->layout->lone_null && !cni_bits_get(local->key_vectors[0].validity, at)) {
            table->null_group = first + at;
        }
    }
    return CN_OK;
}

/* Codes that have no group yet get the next numbers; their first rows to `rows`. */
static int64_t
number_codes(direct_lookup *self, const uint32_t *codes, uint32_t *out_rows)
{
    uint32_t *groups = self->local->direct.groups;
    int64_t n_new = 0;
    for (int64_t row = 0; row < self->n; row++) {
        if (groups[codes[row]] == NO_GROUP) {
            groups[codes[row]] = (uint32_t)(self->local->table.n_groups + n_new);
            out_rows[n_new++] = (uint32_t)row;
        }
    }
    return n_new;
}

static bool
map_codes(const direct_lookup *self, const uint32_t *codes, uint32_t *out_groups)
{
    const uint32_t *groups = self->local->direct.groups;
    uint32_t most = 0;
    for (int64_t row = 0; row < self->n; row++) {
        const uint32_t group = groups[codes[row]];
        out_groups[row] = group;
        most = group > most ? group : most;
    }
    return most != NO_GROUP;
}

static cn_code
find_groups(direct_lookup *self, cn_error *err)
{
    cni_agg_local *local = self->local;
    uint32_t *codes = local->list;
    uint32_t *rows = local->list + local->cap_rows;
    memset(codes, 0, (size_t)self->n * sizeof(*codes));
    for (int32_t key = 0; key < self->op->layout->n_keys; key++) {
        CN_TRY(add_key(self, key, rows, codes, err));
    }
    if (map_codes(self, codes, local->groups)) {
        return CN_OK;
    }
    CN_TRY(cni_agg_table_reserve(&local->table, self->n, false, err));
    CN_TRY(reserve_ids(self, local->table.n_groups + self->n, err));
    const int64_t n_new = number_codes(self, codes, rows);
    CN_TRY(add_groups(self, rows, codes, n_new, err));
    (void)map_codes(self, codes, local->groups);
    return CN_OK;
}

cn_code
cni_agg_direct_lookup(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
                      bool *out_done, cn_error *err)
{
    if (self->layout->has_nested) {
        local->strategy = CNI_AGG_HASH;
        *out_done = false;
        return CN_OK;
    }
    direct_lookup lookup = {
        .op = self, .local = local, .chunk = chunk, .n = chunk->n_rows, .fits = true};
    if (local->direct.keys == NULL) {
        CN_TRY(cni_alloc_zeroed(self->allocator,
                                self->layout->n_keys * (int64_t)sizeof(*local->direct.keys),
                                &local->direct.keys, err));
    }
    CN_TRY(fit_chunk(&lookup, err));
    if (lookup.fits && lookup.changed) {
        CN_TRY(make_map(&lookup, err));
    }
    *out_done = lookup.fits;
    if (!lookup.fits) {
        cni_agg_direct_done(self, local);
        local->strategy = CNI_AGG_HASH;
        return CN_OK;
    }
    local->strategy = CNI_AGG_DIRECT;
    return find_groups(&lookup, err);
}
