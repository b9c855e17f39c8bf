/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys as codes. A key whose type has canonical words (join_loops_int.h) counts from the lowest
 * value of the build; several keys make a number in mixed radix. A probe value outside the build's
 * range cannot match and makes the code a miss. NULL is a miss too, or one value above the range
 * for IS NOT DISTINCT FROM.
 */
#include "exec/join/join_int.h"

#include "data/column/view.h"

#define STEP_ROWS 1024

cni_join_code_kind
cni_join_code_kind_of(const cni_type *type)
{
    switch (cni_type_phys(type)) {
    case CNI_PHYS_BIT:
        return CNI_JOIN_CODE_BIT;
    case CNI_PHYS_F16:
        return CNI_JOIN_CODE_F16;
    case CNI_PHYS_I8:
    case CNI_PHYS_I16:
    case CNI_PHYS_I32:
    case CNI_PHYS_I64:
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
    case CNI_PHYS_U64:
    case CNI_PHYS_I128:
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        return CNI_JOIN_CODE_LOOP;
    default:
        return CNI_JOIN_CODE_NONE;
    }
}

/* ---- items that loops can read ---- */

/* n <= STEP_ROWS rows of a key as items of `phys`. */
typedef struct key_items {
    const void *items;
    uint8_t phys;
    union {
        uint8_t bits[STEP_ROWS];
        uint16_t halves[STEP_ROWS];
    } room;
} key_items;

static void
expand_bits(const cni_vector *flat, int64_t first, int64_t n, uint8_t *out)
{
    const cni_bits bits = {flat->data, flat->data_off_bits + first};
    for (int64_t row = 0; row < n; row++) {
        out[row] = cni_bits_get(bits, row) ? 1 : 0;
    }
}

/* -0 is +0, NaN is one NaN. */
static void
canonical_halves(const cni_vector *flat, int64_t first, int64_t n, uint16_t *out)
{
    const uint16_t *items = (const uint16_t *)flat->data + first;
    for (int64_t row = 0; row < n; row++) {
        const uint16_t magnitude = items[row] & 0x7FFF;
        const uint16_t item = magnitude == 0 ? 0 : items[row];
        out[row] = magnitude > 0x7C00 ? 0x7E00 : item;
    }
}

static void
load_items(const cni_vector *flat, int64_t first, int64_t n, key_items *out)
{
    out->phys = flat->phys;
    if (flat->phys == CNI_PHYS_BIT) {
        expand_bits(flat, first, n, out->room.bits);
        out->items = out->room.bits;
        out->phys = CNI_PHYS_U8;
    } else if (flat->phys == CNI_PHYS_F16) {
        canonical_halves(flat, first, n, out->room.halves);
        out->items = out->room.halves;
        out->phys = CNI_PHYS_U16;
    } else {
        const int64_t item_bytes = cni_phys_bytes((cni_phys)flat->phys, flat->type);
        out->items = (const uint8_t *)flat->data + first * item_bytes;
    }
}

/* ---- ranges ---- */

static void
widen(cni_join_range *range, uint64_t low, uint64_t high, bool fits)
{
    range->low = range->known && range->low < low ? range->low : low;
    range->high = range->known && range->high > high ? range->high : high;
    range->known = true;
    range->wide = range->wide || !fits;
}

static void
observe_run(const key_items *items, const cni_type *type, int64_t first, int64_t n,
            cni_join_range *range)
{
    uint64_t low;
    uint64_t high;
    const int64_t item_bytes = cni_phys_bytes((cni_phys)items->phys, type);
    const uint8_t *from = (const uint8_t *)items->items + first * item_bytes;
    const bool fits = cni_join_loops_get()->range[items->phys](from, n, &low, &high);
    widen(range, low, high, fits);
}

/* n <= STEP_ROWS rows, some of which are NULL. */
static void
observe_valid(const key_items *items, const cni_vector *flat, int64_t first, int64_t n,
              cni_join_range *range)
{
    const cni_bits valid = {flat->validity.data, flat->validity.off_bits + first};
    for (int64_t row = 0; row < n; row += 64) {
        const int64_t n_bits = cni_min_i64(64, n - row);
        uint64_t word = cni_bits_word(valid, row, n_bits);
        if (word == ~UINT64_C(0)) {
            observe_run(items, flat->type, row, 64, range);
            continue;
        }
        for (; word != 0; word &= word - 1) {
            observe_run(items, flat->type, row + __builtin_ctzll(word), 1, range);
        }
    }
}

cn_code
cni_join_observe(const cni_vector *flat, cni_join_range *inout_range, int64_t *out_nulls,
                 cn_error *err)
{
    key_items items;
    *out_nulls = cni_vector_null_count(flat);
    if (*out_nulls == flat->n_rows || inout_range == NULL) {
        return CN_OK;
    }
    if (flat->encoding != CNI_FLAT || cni_join_loops_get()->range[CNI_PHYS_I64] == NULL) {
        return CN_FAIL(err, CN_INTERNAL, "the keys of a join build are not flat");
    }
    for (int64_t first = 0; first < flat->n_rows; first += STEP_ROWS) {
        const int64_t n = cni_min_i64(STEP_ROWS, flat->n_rows - first);
        load_items(flat, first, n, &items);
        if (*out_nulls == 0) {
            observe_run(&items, flat->type, 0, n, inout_range);
        } else {
            observe_valid(&items, flat, first, n, inout_range);
        }
    }
    return CN_OK;
}

void
cni_join_range_merge(cni_join_range *self, const cni_join_range *other)
{
    if (other->known) {
        widen(self, other->low, other->high, !other->wide);
    }
}

bool
cni_join_place_codes(cni_join_code *codings, int32_t n_codings, uint64_t *out_n_codes)
{
    cni_u128 n_codes = 1;
    for (int32_t key = 0; key < n_codings; key++) {
        codings[key].factor = (uint64_t)n_codes;
        n_codes *= (cni_u128)codings[key].span + (codings[key].null_equal ? 2 : 1);
        if (n_codes >= CNI_JOIN_MISS) {
            return false;
        }
    }
    *out_n_codes = (uint64_t)n_codes;
    return true;
}

/* ---- codes ---- */

/* A NULL key is a miss ... */
static void
miss_nulls(const cni_vector *flat, int64_t first, int64_t n, uint64_t *inout)
{
    for (int64_t row = 0; row < n; row++) {
        if (!cni_bits_get(flat->validity, first + row)) {
            inout[row] = CNI_JOIN_MISS;
        }
    }
}

/* ... or the value above the others; `before` are the codes without this key. */
static void
code_nulls(const cni_join_code *coding, const cni_vector *flat, int64_t first, int64_t n,
           const uint64_t *before, uint64_t *inout)
{
    const uint64_t code = (coding->span + 1) * coding->factor;
    for (int64_t row = 0; row < n; row++) {
        if (!cni_bits_get(flat->validity, first + row)) {
            inout[row] = before[row] == CNI_JOIN_MISS ? CNI_JOIN_MISS : before[row] + code;
        }
    }
}

static void
add_key(const cni_join_code *coding, const cni_vector *flat, int64_t first, int64_t n,
        uint64_t *inout)
{
    key_items items;
    uint64_t before[STEP_ROWS];
    const bool has_nulls = flat->validity.data != NULL;
    load_items(flat, first, n, &items);
    if (has_nulls && coding->null_equal) {
        memcpy(before, inout, (size_t)n * sizeof(*inout));
    }
    cni_join_loops_get()->add_codes[items.phys](items.items, n, coding->low, coding->span,
                                                coding->factor, inout);
    if (has_nulls && coding->null_equal) {
        code_nulls(coding, flat, first, n, before, inout);
    } else if (has_nulls) {
        miss_nulls(flat, first, n, inout);
    }
}

static uint32_t
short_miss(const cni_join_table *table)
{
    return table->strategy == CNI_JOIN_DENSE ? (uint32_t)table->n_codes : CNI_JOIN_MISS_32;
}

/* One key straight to 32 bits. */
static void
short_codes(const cni_join_table *table, const cni_vector *flat, int64_t first, int64_t n,
            uint32_t *out)
{
    const cni_join_code *coding = &table->codings[0];
    const int64_t item_bytes = cni_phys_bytes((cni_phys)flat->phys, flat->type);
    const uint8_t *items = (const uint8_t *)flat->data + first * item_bytes;
    const uint32_t miss = short_miss(table);
    cni_join_loops_get()->codes_32[flat->phys](items, n, coding->low, coding->span, miss, out);
    for (int64_t row = 0; flat->validity.data != NULL && row < n; row++) {
        out[row] = cni_bits_get(flat->validity, first + row) ? out[row] : miss;
    }
}

static void
narrow_codes(const cni_join_table *table, const uint64_t *codes, int64_t n, uint32_t *out)
{
    const uint32_t miss = short_miss(table);
    for (int64_t row = 0; row < n; row++) {
        out[row] = codes[row] == CNI_JOIN_MISS ? miss : (uint32_t)codes[row];
    }
}

void
cni_join_codes(const cni_join_table *table, const cni_vector *keys, int64_t first, int64_t n,
               void *out_codes)
{
    uint64_t codes[STEP_ROWS];
    if (table->short_codes && table->n_codings == 1 && !table->codings[0].null_equal &&
        table->codings[0].kind == CNI_JOIN_CODE_LOOP) {
        short_codes(table, &keys[0], first, n, out_codes);
        return;
    }
    for (int64_t at = 0; at < n; at += STEP_ROWS) {
        const int64_t n_step = cni_min_i64(STEP_ROWS, n - at);
        uint64_t *to = table->short_codes ? codes : (uint64_t *)out_codes + at;
        memset(to, 0, (size_t)n_step * sizeof(*to));
        for (int32_t key = 0; key < table->n_codings; key++) {
            add_key(&table->codings[key], &keys[key], first + at, n_step, to);
        }
        if (table->short_codes) {
            narrow_codes(table, codes, n_step, (uint32_t *)out_codes + at);
        }
    }
}

bool
cni_join_null_rows(const cni_phys_join *join, const cni_vector *keys, int64_t n_rows,
                   uint64_t *out_valid)
{
    bool any = false;
    for (int32_t key = 0; key < join->n_keys; key++) {
        if (join->null_equal[key] || keys[key].validity.data == NULL) {
            continue;
        }
        for (int64_t row = 0; row < n_rows; row += 64) {
            const int64_t n_bits = cni_min_i64(64, n_rows - row);
            const uint64_t word = cni_bits_word(keys[key].validity, row, n_bits);
            out_valid[row >> 6] = any ? out_valid[row >> 6] & word : word;
        }
        any = true;
    }
    if (!any) {
        return false;
    }
    return cni_bits_count((cni_bits){(const uint8_t *)out_valid, 0}, n_rows) < n_rows;
}
