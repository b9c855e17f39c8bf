/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets of literals for IN: built once per program, immutable.
 *
 *   few numbers     one compare kernel per item
 *   numbers close together   a bitmap over [low, high]
 *   other numbers   open addressing over 64-bit patterns (floats normalised: -0 = 0, one NaN)
 *   strings         open addressing over hashes, views compared
 *
 * SQL's rule: no match and a NULL in the list gives NULL.
 */
#include "data/kernel/kernel.h"
#include "plan/eval/program_int.h"

#define FEW_ITEMS        8
#define MAX_BITMAP_RANGE (1 << 20)

typedef enum set_kind {
    SET_FEW,
    SET_BITMAP,
    SET_NUMBERS,
    SET_STRINGS
} set_kind;

struct cni_in_set {
    uint8_t kind; /* set_kind */
    bool has_null;
    int32_t n_items;
    const int64_t *items; /* numbers */
    int64_t low;          /* BITMAP */
    int64_t high;
    const uint8_t *bitmap;
    uint64_t slot_mask;    /* n_slots - 1 */
    const int32_t *slots;  /* item index or -1 */
    const cni_view *views; /* STRINGS */
};

static uint64_t
number_hash(int64_t number)
{
    const uint64_t mixed = (uint64_t)number * UINT64_C(0x9E3779B97F4A7C15);
    return mixed ^ (mixed >> 32);
}

/* The bit pattern under which equal doubles are equal. */
static int64_t
double_pattern(double value)
{
    const double zero_is_zero = value == 0.0 ? 0.0 : value;
    int64_t pattern = 0;
    memcpy(&pattern, &zero_is_zero, sizeof(pattern));
    return value != value ? INT64_MAX : pattern;
}

/* ---- building ---- */

static bool
type_has_numbers(const cni_type *type)
{
    switch (cni_type_phys(type)) {
    case CNI_PHYS_I8:
    case CNI_PHYS_I16:
    case CNI_PHYS_I32:
    case CNI_PHYS_I64:
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
    case CNI_PHYS_U64:
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        return true;
    default:
        return false;
    }
}

static int64_t
value_number(const cni_value *value)
{
    if (cni_type_is_float(value->type)) {
        return double_pattern(value->as.f64);
    }
    return value->as.i64; /* u64 shares the bits */
}

static cn_code
new_slots(cni_arena *arena, int32_t n_items, cni_in_set *set, int32_t **out_slots, cn_error *err)
{
    int64_t n_slots = 16;
    while (n_slots < 2 * (int64_t)n_items) {
        n_slots *= 2;
    }
    CN_TRY(cni_arena_alloc_array(arena, n_slots, 4, out_slots, err));
    memset(*out_slots, 0xFF, (size_t)n_slots * 4);
    set->slot_mask = (uint64_t)n_slots - 1;
    set->slots = *out_slots;
    return CN_OK;
}

static void
put_slot(const cni_in_set *set, int32_t *slots, uint64_t hash, int32_t item)
{
    uint64_t at = hash & set->slot_mask;
    while (slots[at] >= 0) {
        at = (at + 1) & set->slot_mask;
    }
    slots[at] = item;
}

static cn_code
hash_numbers(cni_arena *arena, cni_in_set *set, cn_error *err)
{
    int32_t *slots = NULL;
    set->kind = SET_NUMBERS;
    CN_TRY(new_slots(arena, set->n_items, set, &slots, err));
    for (int32_t item = 0; item < set->n_items; item++) {
        put_slot(set, slots, number_hash(set->items[item]), item);
    }
    return CN_OK;
}

static cn_code
map_numbers(cni_arena *arena, cni_in_set *set, cn_error *err)
{
    uint8_t *bitmap = NULL;
    set->kind = SET_BITMAP;
    CN_TRY(cni_arena_alloc(arena, cni_bits_bytes(set->high - set->low + 1), &bitmap, err));
    for (int32_t item = 0; item < set->n_items; item++) {
        cni_bit_set(bitmap, set->items[item] - set->low);
    }
    set->bitmap = bitmap;
    return CN_OK;
}

static cn_code
build_numbers(cni_arena *arena, const cni_type *type, cni_in_set *set, cn_error *err)
{
    if (set->n_items <= FEW_ITEMS) {
        set->kind = SET_FEW;
        return CN_OK;
    }
    set->low = set->items[0];
    set->high = set->items[0];
    for (int32_t item = 1; item < set->n_items; item++) {
        set->low = cni_min_i64(set->low, set->items[item]);
        set->high = cni_max_i64(set->high, set->items[item]);
    }
    const cni_i128 range = (cni_i128)set->high - set->low;
    return !cni_type_is_float(type) && range < MAX_BITMAP_RANGE ? map_numbers(arena, set, err)
                                                                : hash_numbers(arena, set, err);
}

static cn_code
collect_numbers(cni_arena *arena, const cni_expr *in, cni_in_set *set, cn_error *err)
{
    int64_t *items = NULL;
    CN_TRY(cni_arena_alloc_array(arena, in->n_args, 8, &items, err));
    for (int32_t arg = 1; arg < in->n_args; arg++) {
        const cni_value *value = in->args[arg]->literal;
        if (value->is_null) {
            set->has_null = true;
        } else {
            items[set->n_items++] = value_number(value);
        }
    }
    set->items = items;
    return build_numbers(arena, in->args[0]->type, set, err);
}

static cn_code
collect_strings(cni_arena *arena, const cni_expr *in, cni_in_set *set, cn_error *err)
{
    cni_view *views = NULL;
    int32_t *slots = NULL;
    set->kind = SET_STRINGS;
    CN_TRY(cni_arena_alloc_array(arena, in->n_args, (int64_t)sizeof(*views), &views, err));
    CN_TRY(new_slots(arena, in->n_args, set, &slots, err));
    for (int32_t arg = 1; arg < in->n_args; arg++) {
        const cni_value *value = in->args[arg]->literal;
        if (value->is_null) {
            set->has_null = true;
        } else if (value->as.bytes.len_bytes <= CNI_VIEW_MAX_BYTES) {
            const cni_str text = value->as.bytes;
            views[set->n_items] = cni_view_make(text.data, (uint32_t)text.len_bytes);
            put_slot(set, slots, cni_str_hash(text), set->n_items++);
        }
    }
    set->views = views;
    return CN_OK;
}

cn_code
cni_in_set_new(cni_arena *arena, const cni_expr *in, const cni_in_set **out_set, cn_error *err)
{
    const cni_type *type = in->args[0]->type;
    const bool strings = cni_type_phys(type) == CNI_PHYS_VIEW;
    *out_set = NULL;
    for (int32_t arg = 1; arg < in->n_args; arg++) {
        if (in->args[arg]->kind != CNI_EXPR_LITERAL) {
            return CN_OK;
        }
    }
    if (!strings && !type_has_numbers(type)) {
        return CN_OK;
    }
    cni_in_set *set = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &set, err));
    CN_TRY(strings ? collect_strings(arena, in, set, err) : collect_numbers(arena, in, set, err));
    *out_set = set;
    return CN_OK;
}

/* ---- looking up ---- */

static int64_t
row_number(const cni_vector *a, int64_t row)
{
    switch (a->phys) {
    case CNI_PHYS_I8:
        return ((const int8_t *)a->data)[row];
    case CNI_PHYS_I16:
        return ((const int16_t *)a->data)[row];
    case CNI_PHYS_I32:
        return ((const int32_t *)a->data)[row];
    case CNI_PHYS_U8:
        return ((const uint8_t *)a->data)[row];
    case CNI_PHYS_U16:
        return ((const uint16_t *)a->data)[row];
    case CNI_PHYS_U32:
        return ((const uint32_t *)a->data)[row];
    case CNI_PHYS_F32:
        return double_pattern((double)((const float *)a->data)[row]);
    case CNI_PHYS_F64:
        return double_pattern(((const double *)a->data)[row]);
    default: /* I64, U64 */
        return ((const int64_t *)a->data)[row];
    }
}

static bool
has_number(const cni_in_set *self, int64_t number)
{
    if (self->kind == SET_BITMAP) {
        return number >= self->low && number <= self->high &&
               cni_bits_get((cni_bits){self->bitmap, 0}, number - self->low);
    }
    uint64_t at = number_hash(number) & self->slot_mask;
    for (; self->slots[at] >= 0; at = (at + 1) & self->slot_mask) {
        if (self->items[self->slots[at]] == number) {
            return true;
        }
    }
    return false;
}

static bool
has_string(const cni_in_set *self, const cni_view *view)
{
    uint64_t at = cni_str_hash(cni_view_str(view)) & self->slot_mask;
    for (; self->slots[at] >= 0; at = (at + 1) & self->slot_mask) {
        if (cni_view_equal(&self->views[self->slots[at]], view)) {
            return true;
        }
    }
    return false;
}

/* The item in the vector's layout, for compare kernels. */
static void
store_number(int64_t number, uint8_t phys, void *out)
{
    double real = 0.0;
    memcpy(&real, &number, sizeof(real));
    if (number == INT64_MAX) {
        real = __builtin_nan("");
    }
    switch (phys) {
    case CNI_PHYS_I8:
    case CNI_PHYS_U8:
        *(uint8_t *)out = (uint8_t)number;
        return;
    case CNI_PHYS_I16:
    case CNI_PHYS_U16:
        *(uint16_t *)out = (uint16_t)number;
        return;
    case CNI_PHYS_I32:
    case CNI_PHYS_U32:
        *(uint32_t *)out = (uint32_t)number;
        return;
    case CNI_PHYS_F32:
        *(float *)out = (float)real;
        return;
    case CNI_PHYS_F64:
        *(double *)out = real;
        return;
    default:
        *(int64_t *)out = number;
        return;
    }
}

static void
match_few(const cni_in_set *self, const cni_op_env *env, const cni_vector *a, int64_t n_rows,
          uint64_t *out_words)
{
    const cni_compare_fn equal = env->kernels->compare[CNI_EQ][CNI_VC][a->phys];
    uint64_t words[CNI_LIVE_WORDS];
    memset(out_words, 0, (size_t)cni_bits_words(n_rows) * 8);
    for (int32_t item = 0; item < self->n_items; item++) {
        _Alignas(16) uint8_t constant[16] = {0};
        store_number(self->items[item], a->phys, constant);
        equal(a->data, constant, n_rows, words);
        for (int64_t word = 0; word < cni_bits_words(n_rows); word++) {
            out_words[word] |= words[word];
        }
    }
}

static void
match_rows(const cni_in_set *self, const cni_vector *a, int64_t n_rows, uint64_t *out_words)
{
    for (int64_t row = 0; row < n_rows; row += 64) {
        const int64_t n_block = cni_min_i64(64, n_rows - row);
        const uint64_t valid = cni_bits_word(a->validity, row, n_block);
        uint64_t word = 0;
        for (int64_t bit = 0; bit < n_block; bit++) {
            if (((valid >> bit) & 1) == 0) {
                continue; /* strings of null rows are not followed */
            }
            const bool match = self->kind == SET_STRINGS
                                   ? has_string(self, &((const cni_view *)a->data)[row + bit])
                                   : has_number(self, row_number(a, row + bit));
            word |= (uint64_t)match << bit;
        }
        out_words[row >> 6] = word;
    }
}

/* Null where `a` is, and where nothing matched and the list has a NULL; then negate. */
static void
finish_words(const cni_in_set *self, const cni_vector *a, bool negated, int64_t n_rows,
             uint64_t *words, uint64_t *validity)
{
    for (int64_t row = 0; row < n_rows; row += 64) {
        const int64_t n_block = cni_min_i64(64, n_rows - row);
        const uint64_t all = n_block == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n_block) - 1;
        const uint64_t match = words[row >> 6];
        if (validity != NULL) {
            validity[row >> 6] =
                cni_bits_word(a->validity, row, n_block) & (self->has_null ? match : all);
        }
        words[row >> 6] = negated ? all & ~match : match;
    }
}

cn_code
cni_in_set_evaluate(const cni_in_set *self, const cni_op_env *env, bool negated,
                    const cni_vector *a, cni_vector *inout_result, cn_error *err)
{
    const bool constant = a->encoding == CNI_CONSTANT;
    const int64_t n_rows = constant ? 1 : env->n_rows;
    const bool nulls = a->validity.data != NULL || self->has_null || a->phys == CNI_PHYS_NONE;
    const cni_type *type = cni_type_of(CNI_TYPE_BOOL);
    CN_TRY(cni_vector_reuse_flat(env->allocator, type, CNI_PHYS_BIT, n_rows, nulls, inout_result,
                                 err));
    uint64_t *words = cni_vector_mutable_data(inout_result);
    uint64_t *validity = (uint64_t *)(void *)cni_vector_mutable_validity(inout_result);
    if (self->kind == SET_FEW) { /* every layout of numbers has the kernel */
        match_few(self, env, a, n_rows, words);
    } else {
        match_rows(self, a, n_rows, words);
    }
    finish_words(self, a, negated, n_rows, words, validity);
    if (constant) {
        inout_result->encoding = CNI_CONSTANT;
        inout_result->n_rows = env->n_rows;
    }
    return CN_OK;
}
