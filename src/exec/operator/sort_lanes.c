/* SPDX-License-Identifier: Apache-2.0
 *
 * Lanes: how keys become numbers, what layouts learn, values in and out of items. All loops run
 * over the rows of one lane.
 */
#include "exec/operator/sort_lanes.h"

#include <string.h>

#include "base/bitmap.h"
#include "data/column/float_text.h"
#include "data/kernel/ops.h"

#define SIGN       (UINT64_C(1) << 63)
#define SLICE_ROWS 512 /* that are changed or restored at once, on the stack */

/* ---- which lanes ---- */

typedef enum lane_shape {
    SHAPE_NONE,    /* not a number of at most 128 bits */
    SHAPE_NOTHING, /* all rows are null */
    SHAPE_ONE,
    SHAPE_TWO
} lane_shape;

static lane_shape
shape_of(const cni_type *type)
{
    if (type->id == CNI_TYPE_NULL) {
        return SHAPE_NOTHING;
    }
    if (type->id == CNI_TYPE_DECIMAL) {
        return type->precision <= 18                       ? SHAPE_ONE
               : type->precision <= CNI_DECIMAL_MAX_DIGITS ? SHAPE_TWO
                                                           : SHAPE_NONE;
    }
    if (cni_type_is_nested(type)) {
        return SHAPE_NONE;
    }
    switch (cni_type_phys(type)) {
    case CNI_PHYS_BIT:
    case CNI_PHYS_I8:
    case CNI_PHYS_I16:
    case CNI_PHYS_I32:
    case CNI_PHYS_I64:
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
    case CNI_PHYS_U64:
    case CNI_PHYS_F16:
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        return SHAPE_ONE;
    case CNI_PHYS_I128:
    case CNI_PHYS_INTERVAL:
        return SHAPE_TWO;
    default:
        return SHAPE_NONE;
    }
}

static void
add_lane(cni_sort_lanes *self, int32_t key, int32_t nulls, cni_sort_lane_part part)
{
    self->items[self->n_lanes++] = (cni_sort_lane){key, nulls, part};
}

bool
cni_sort_lanes_init(cni_sort_lanes *self, const cni_sort_spec *keys, int32_t n_keys)
{
    int32_t n_bits = 0;
    *self = (cni_sort_lanes){.keys = keys, .n_keys = n_keys};
    for (int32_t key = 0; key < n_keys; key++) {
        const lane_shape shape = shape_of(keys[key].type);
        const int32_t nulls = keys[key].nullable ? self->n_lanes : -1;
        const int32_t n_values = shape == SHAPE_TWO ? 2 : shape == SHAPE_ONE ? 1 : 0;
        n_bits += 64 * n_values + (nulls >= 0 ? 1 : 0);
        if (shape == SHAPE_NONE || self->n_lanes + n_values + 1 > CNI_SORT_LANES_MAX ||
            n_bits > 64 * CNI_SORT_WORDS_MAX - CNI_SORT_LOW_BITS_MAX) {
            return false;
        }
        if (nulls >= 0) {
            add_lane(self, key, -1, CNI_SORT_LANE_NULLS);
        }
        if (shape == SHAPE_TWO) {
            add_lane(self, key, nulls, CNI_SORT_LANE_HIGH);
        }
        if (n_values > 0) {
            add_lane(self, key, nulls, n_values == 2 ? CNI_SORT_LANE_LOW : CNI_SORT_LANE_VALUE);
        }
    }
    return self->n_lanes > 0;
}

static bool
is_integer(const cni_type *type)
{
    if (type->id == CNI_TYPE_DECIMAL) {
        return type->precision <= 18;
    }
    const cni_phys phys = cni_type_phys(type);
    return phys >= CNI_PHYS_I8 && phys <= CNI_PHYS_U64;
}

int32_t
cni_sort_lanes_restorable(const cni_sort_lanes *self, int32_t key)
{
    for (int32_t lane = 0; lane < self->n_lanes; lane++) {
        if (self->items[lane].key == key && self->items[lane].part == CNI_SORT_LANE_VALUE) {
            return is_integer(self->keys[key].type) ? lane : -1;
        }
    }
    return -1;
}

/* ---- values ---- */

static inline uint64_t
of_f16(uint16_t bits)
{
    const float value = cni_f16_to_f32(bits);
    bits = value == 0 ? 0 : bits;
    bits = value != value ? 0x7E00 : bits;
    return (uint16_t)(bits ^ ((bits & 0x8000) != 0 ? 0xFFFF : 0x8000));
}

static inline uint64_t
of_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits = value == 0 ? 0 : bits;
    bits = value != value ? UINT32_C(0x7FC00000) : bits;
    return bits ^ ((uint32_t)((int32_t)bits >> 31) | UINT32_C(0x80000000));
}

static inline uint64_t
of_f64(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits = value == 0 ? 0 : bits;
    bits = value != value ? UINT64_C(0x7FF8000000000000) : bits;
    return bits ^ ((uint64_t)((int64_t)bits >> 63) | SIGN);
}

static inline uint64_t
of_i128(cni_i128 value, cni_sort_lane_part part)
{
    return part == CNI_SORT_LANE_LOW ? (uint64_t)value : (uint64_t)((cni_u128)value >> 64) ^ SIGN;
}

#define LOAD_ROWS(expression)                                                                      \
    for (int64_t row = 0; row < n_rows; row++) {                                                   \
        out[row] = (expression) ^ flipped;                                                         \
    }                                                                                              \
    break

/* One lane of flat values; flipped: all ones for DESC. */
static void
load_lane(const cni_vector *flat, cni_sort_lane_part part, uint64_t flipped, int64_t n_rows,
          uint64_t *out)
{
    const void *data = flat->data;
    switch (flat->phys) {
    case CNI_PHYS_BIT:
        LOAD_ROWS((uint64_t)cni_bits_get((cni_bits){data, flat->data_off_bits}, row));
    case CNI_PHYS_I8:
        LOAD_ROWS((uint64_t)(int64_t)((const int8_t *)data)[row] ^ SIGN);
    case CNI_PHYS_I16:
        LOAD_ROWS((uint64_t)(int64_t)((const int16_t *)data)[row] ^ SIGN);
    case CNI_PHYS_I32:
        LOAD_ROWS((uint64_t)(int64_t)((const int32_t *)data)[row] ^ SIGN);
    case CNI_PHYS_I64:
        if (part == CNI_SORT_LANE_VALUE) {
            LOAD_ROWS((uint64_t)((const int64_t *)data)[row] ^ SIGN);
        }
        LOAD_ROWS(of_i128(((const int64_t *)data)[row], part));
    case CNI_PHYS_U8:
        LOAD_ROWS((uint64_t)((const uint8_t *)data)[row]);
    case CNI_PHYS_U16:
        LOAD_ROWS((uint64_t)((const uint16_t *)data)[row]);
    case CNI_PHYS_U32:
        LOAD_ROWS((uint64_t)((const uint32_t *)data)[row]);
    case CNI_PHYS_U64:
        LOAD_ROWS(((const uint64_t *)data)[row]);
    case CNI_PHYS_F16:
        LOAD_ROWS(of_f16(((const uint16_t *)data)[row]));
    case CNI_PHYS_F32:
        LOAD_ROWS(of_f32(((const float *)data)[row]));
    case CNI_PHYS_F64:
        LOAD_ROWS(of_f64(((const double *)data)[row]));
    case CNI_PHYS_I128:
        LOAD_ROWS(of_i128(((const cni_i128 *)data)[row], part));
    case CNI_PHYS_INTERVAL:
        LOAD_ROWS(of_i128(cni_interval_nanos((const cni_interval *)data + row), part));
    default: /* NONE: all rows are null */
        LOAD_ROWS(UINT64_C(0));
    }
}

static uint64_t
null_code(const cni_sort_spec *spec)
{
    return spec->nulls_first ? 0 : 1;
}

static void
load_nulls(const cni_vector *flat, const cni_sort_spec *spec, int64_t n_rows, uint64_t *out)
{
    const bool none = flat->phys == CNI_PHYS_NONE;
    const uint64_t code = null_code(spec);
    for (int64_t row = 0; row < n_rows; row++) {
        out[row] = none || !cni_bits_get(flat->validity, row) ? code : 1 - code;
    }
}

/* Bounds of the values that are not null; nulls == NULL: of all. */
static void
find_bounds(cni_sort_values *self, int32_t lane, const uint64_t *nulls, uint64_t null)
{
    const uint64_t *values = self->items + lane * self->cap_rows;
    uint64_t lowest = UINT64_MAX;
    uint64_t highest = 0;
    if (nulls == NULL) {
        for (int64_t row = 0; row < self->n_rows; row++) {
            lowest = values[row] < lowest ? values[row] : lowest;
            highest = values[row] > highest ? values[row] : highest;
        }
    } else {
        for (int64_t row = 0; row < self->n_rows; row++) {
            const uint64_t hidden = nulls[row] == null ? UINT64_MAX : 0;
            const uint64_t for_low = values[row] | hidden;
            const uint64_t for_high = values[row] & ~hidden;
            lowest = for_low < lowest ? for_low : lowest;
            highest = for_high > highest ? for_high : highest;
        }
    }
    self->any[lane] = lowest <= highest;
    self->lowest[lane] = lowest;
    self->highest[lane] = highest;
}

static cn_code
make_room(cni_sort_values *self, const cni_sort_lanes *lanes, cni_allocator *allocator,
          int64_t n_rows, cn_error *err)
{
    const int64_t row_bytes = lanes->n_lanes * (int64_t)sizeof(*self->items);
    if (n_rows > self->cap_rows) {
        CN_TRY(cni_realloc(allocator, &self->items, self->cap_rows * row_bytes, n_rows * row_bytes,
                           err));
        self->cap_rows = n_rows;
    }
    self->n_rows = n_rows;
    return CN_OK;
}

/* The lanes of a key, which lie side by side from `lane` on; gives the one behind them. */
static int32_t
load_key(cni_sort_values *self, const cni_sort_lanes *lanes, int32_t lane, const cni_vector *flat)
{
    const int32_t key = lanes->items[lane].key;
    const cni_sort_spec *spec = &lanes->keys[key];
    for (; lane < lanes->n_lanes && lanes->items[lane].key == key; lane++) {
        const cni_sort_lane *item = &lanes->items[lane];
        uint64_t *out = self->items + lane * self->cap_rows;
        if (item->part == CNI_SORT_LANE_NULLS) {
            load_nulls(flat, spec, self->n_rows, out);
            find_bounds(self, lane, NULL, 0);
        } else {
            load_lane(flat, item->part, spec->descending ? UINT64_MAX : 0, self->n_rows, out);
            find_bounds(self, lane,
                        item->nulls < 0 ? NULL : self->items + item->nulls * self->cap_rows,
                        null_code(spec));
        }
    }
    return lane;
}

cn_code
cni_sort_values_load(cni_sort_values *self, const cni_sort_lanes *lanes, cni_allocator *allocator,
                     const cni_vector *const *keys, int64_t n_rows, cn_error *err)
{
    CN_TRY(make_room(self, lanes, allocator, n_rows, err));
    for (int32_t lane = 0; lane < lanes->n_lanes;) {
        CN_SCOPED(cni_vector) flat = {0};
        CN_TRY(cni_vector_flatten(allocator, keys[lanes->items[lane].key], &flat, err));
        lane = load_key(self, lanes, lane, &flat);
    }
    return CN_OK;
}

void
cni_sort_values_done(cni_sort_values *self, const cni_sort_lanes *lanes, cni_allocator *allocator)
{
    cni_dealloc(allocator, self->items,
                self->cap_rows * lanes->n_lanes * (int64_t)sizeof(*self->items));
    *self = (cni_sort_values){0};
}

/* ---- layouts ---- */

static uint64_t
span_of(const cni_sort_cover *cover)
{
    return cover->n_bits == 0 ? 0 : UINT64_MAX >> (64 - cover->n_bits);
}

static bool
covers(const cni_sort_cover *self, uint64_t lowest, uint64_t highest)
{
    return self->known && lowest >= self->base && highest - self->base <= span_of(self);
}

bool
cni_sort_layout_covers(const cni_sort_layout *self, const cni_sort_lanes *lanes,
                       const cni_sort_values *values)
{
    bool all = true;
    for (int32_t lane = 0; lane < lanes->n_lanes; lane++) {
        all = all && (!values->any[lane] ||
                      covers(&self->covers[lane], values->lowest[lane], values->highest[lane]));
    }
    return all;
}

/* What a power of two leaves spare goes to the side on which values came that were not covered:
 * more of them are to be expected there. */
static void
widen_cover(cni_sort_cover *self, uint64_t lowest, uint64_t highest)
{
    const bool down = self->known && lowest < self->base;
    if (self->known) {
        const uint64_t top = self->base + span_of(self);
        lowest = lowest < self->base ? lowest : self->base;
        highest = highest > top ? highest : top;
    }
    self->known = true;
    self->n_bits = (uint8_t)cni_sort_bit_width(highest - lowest);
    const uint64_t span = span_of(self);
    if (down) {
        self->base = highest >= span ? highest - span : 0;
    } else {
        self->base = lowest <= UINT64_MAX - span ? lowest : UINT64_MAX - span;
    }
}

void
cni_sort_layout_widen(cni_sort_layout *self, const cni_sort_lanes *lanes,
                      const cni_sort_values *values)
{
    int32_t shift = 0;
    for (int32_t lane = lanes->n_lanes - 1; lane >= 0; lane--) {
        cni_sort_cover *cover = &self->covers[lane];
        if (values->any[lane] && !covers(cover, values->lowest[lane], values->highest[lane])) {
            widen_cover(cover, values->lowest[lane], values->highest[lane]);
        }
        cover->shift = (int16_t)shift;
        shift += cover->n_bits;
    }
    self->n_bits = shift;
}

bool
cni_sort_layout_equal(const cni_sort_layout *a, const cni_sort_layout *b,
                      const cni_sort_lanes *lanes)
{
    bool equal = a->n_bits == b->n_bits;
    for (int32_t lane = 0; lane < lanes->n_lanes; lane++) {
        const cni_sort_cover *of_a = &a->covers[lane];
        const cni_sort_cover *of_b = &b->covers[lane];
        /* Where nothing was seen there are only nulls, which are zeros anyway. */
        equal = equal && of_a->n_bits == of_b->n_bits && (of_a->base == of_b->base || !of_a->known);
    }
    return equal;
}

/* ---- items ---- */

/* Values become what the layout stores of them: nulls are zeros. */
static void
to_codes(const cni_sort_cover *cover, const uint64_t *nulls, uint64_t null, int64_t n_rows,
         uint64_t *inout_values)
{
    const uint64_t base = cover->base;
    for (int64_t row = 0; row < n_rows; row++) {
        inout_values[row] -= base;
    }
    for (int64_t row = 0; nulls != NULL && row < n_rows; row++) {
        inout_values[row] = nulls[row] == null ? 0 : inout_values[row];
    }
}

/* The value lanes of a null bit lane come behind it: going backwards, the bits are there. */
void
cni_sort_layout_pack(const cni_sort_layout *self, const cni_sort_lanes *lanes,
                     cni_sort_values *values, int32_t low_bits, int32_t n_words, uint64_t *out)
{
    const int64_t n_rows = values->n_rows;
    memset(out, 0, (size_t)(n_rows * n_words) * sizeof(*out));
    for (int32_t lane = lanes->n_lanes - 1; lane >= 0; lane--) {
        const cni_sort_lane *item = &lanes->items[lane];
        const cni_sort_cover *cover = &self->covers[lane];
        uint64_t *own = values->items + lane * values->cap_rows;
        if (cover->n_bits > 0) {
            to_codes(cover, item->nulls < 0 ? NULL : values->items + item->nulls * values->cap_rows,
                     null_code(&lanes->keys[item->key]), n_rows, own);
            cni_sort_words_insert(n_words, out, n_rows, low_bits + cover->shift, cover->n_bits,
                                  own);
        }
    }
}

/* Values of a lane of n <= SLICE_ROWS items. */
static void
values_of(cni_sort_form form, int32_t lane, const uint64_t *items, int64_t n, uint64_t *out)
{
    const cni_sort_cover *cover = &form.layout->covers[lane];
    cni_sort_words_extract(form.n_words, items, n, form.low_bits + cover->shift, cover->n_bits,
                           out);
    for (int64_t row = 0; row < n; row++) {
        out[row] += cover->base;
    }
}

static void
change_slice(const cni_sort_lanes *lanes, cni_sort_form from, const uint64_t *items, int64_t n,
             cni_sort_form to, uint64_t *out)
{
    uint64_t values[SLICE_ROWS];
    uint64_t nulls[SLICE_ROWS];
    for (int32_t lane = 0; lane < lanes->n_lanes; lane++) {
        const cni_sort_lane *item = &lanes->items[lane];
        const cni_sort_cover *cover = &to.layout->covers[lane];
        if (cover->n_bits == 0) {
            continue;
        }
        values_of(from, lane, items, n, values);
        if (item->nulls >= 0) {
            values_of(from, item->nulls, items, n, nulls);
        }
        to_codes(cover, item->nulls >= 0 ? nulls : NULL, null_code(&lanes->keys[item->key]), n,
                 values);
        cni_sort_words_insert(to.n_words, out, n, to.low_bits + cover->shift, cover->n_bits,
                              values);
    }
}

void
cni_sort_layout_change(const cni_sort_lanes *lanes, cni_sort_form from, const uint64_t *items,
                       int64_t n, cni_sort_form to, uint64_t *out)
{
    memset(out, 0, (size_t)(n * to.n_words) * sizeof(*out));
    for (int64_t row = 0; row < n; row += SLICE_ROWS) {
        const int64_t n_slice = n - row < SLICE_ROWS ? n - row : SLICE_ROWS;
        change_slice(lanes, from, items + row * from.n_words, n_slice, to, out + row * to.n_words);
    }
}

/* ---- back to columns ---- */

#define STORE_ROWS(type)                                                                           \
    for (int64_t row = 0; row < n; row++) {                                                        \
        ((type *)out)[first + row] = (type)(values[row] ^ flipped);                                \
    }                                                                                              \
    break

static void
store_values(const uint64_t *values, int64_t n, uint64_t flipped, int32_t n_bytes, int64_t first,
             void *out)
{
    switch (n_bytes) {
    case 1:
        STORE_ROWS(uint8_t);
    case 2:
        STORE_ROWS(uint16_t);
    case 4:
        STORE_ROWS(uint32_t);
    default:
        STORE_ROWS(uint64_t);
    }
}

static void
clear_nulls(const uint64_t *nulls, int64_t n, uint64_t null, int64_t first, uint8_t *validity)
{
    for (int64_t row = 0; row < n; row++) {
        if (nulls[row] == null) {
            const int64_t bit = first + row;
            validity[bit / 8] = (uint8_t)(validity[bit / 8] & ~(1u << (bit % 8)));
        }
    }
}

/* Whether a key's null bits say that there are nulls at all. */
static bool
may_have_nulls(const cni_sort_lanes *lanes, const cni_sort_layout *layout, int32_t nulls)
{
    const uint64_t null = null_code(&lanes->keys[lanes->items[nulls].key]);
    return layout->covers[nulls].n_bits > 0 || layout->covers[nulls].base == null;
}

cn_code
cni_sort_layout_restore(const cni_sort_lanes *lanes, cni_sort_form form, int32_t lane,
                        const uint64_t *items, int64_t n, cni_allocator *allocator, cni_vector *out,
                        cn_error *err)
{
    const cni_sort_lane *item = &lanes->items[lane];
    const cni_sort_spec *spec = &lanes->keys[item->key];
    const cni_phys phys =
        spec->type->id == CNI_TYPE_DECIMAL ? CNI_PHYS_I64 : cni_type_phys(spec->type);
    const bool nulls = item->nulls >= 0 && may_have_nulls(lanes, form.layout, item->nulls);
    const bool is_signed = phys >= CNI_PHYS_I8 && phys <= CNI_PHYS_I64;
    const uint64_t flipped = (is_signed ? SIGN : 0) ^ (spec->descending ? UINT64_MAX : 0);
    uint64_t values[SLICE_ROWS];
    CN_SCOPED(cni_vector) fresh = {0};
    CN_TRY(cni_vector_new_flat(allocator, spec->type, phys, n, nulls, &fresh, err));
    for (int64_t row = 0; row < n; row += SLICE_ROWS) {
        const int64_t n_slice = n - row < SLICE_ROWS ? n - row : SLICE_ROWS;
        const uint64_t *slice = items + row * form.n_words;
        values_of(form, lane, slice, n_slice, values);
        store_values(values, n_slice, flipped, cni_phys_bytes(phys, spec->type), row,
                     cni_vector_mutable_data(&fresh));
        if (nulls) {
            values_of(form, item->nulls, slice, n_slice, values);
            clear_nulls(values, n_slice, null_code(spec), row, cni_vector_mutable_validity(&fresh));
        }
    }
    cni_vector_move(out, &fresh);
    return CN_OK;
}
