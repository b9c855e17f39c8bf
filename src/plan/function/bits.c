/* SPDX-License-Identifier: Apache-2.0
 *
 * Bitwise operators over integers: & | xor << >> ~ and bit_count. Both sides meet in the wider
 * type; a shift keeps the type of its left side, by 0 to its width (beyond: 0, or -1 for >> of a
 * negative).
 */
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

typedef enum bit_op {
    BIT_AND,
    BIT_OR,
    BIT_XOR,
    BIT_SHIFT_LEFT,
    BIT_SHIFT_RIGHT
} bit_op;

static void
store_bits(uint8_t phys, void *data, int64_t row, cni_u128 value)
{
    switch (phys) {
    case CNI_PHYS_I8:
    case CNI_PHYS_U8:
        ((uint8_t *)data)[row] = (uint8_t)value;
        return;
    case CNI_PHYS_I16:
    case CNI_PHYS_U16:
        ((uint16_t *)data)[row] = (uint16_t)value;
        return;
    case CNI_PHYS_I32:
    case CNI_PHYS_U32:
        ((uint32_t *)data)[row] = (uint32_t)value;
        return;
    case CNI_PHYS_I64:
    case CNI_PHYS_U64:
        ((uint64_t *)data)[row] = (uint64_t)value;
        return;
    default:
        memcpy((uint8_t *)data + row * 16, &value, sizeof(value));
        return;
    }
}

static cn_code
resolve_pair(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const cni_type *type = NULL;
    (void)self;
    if (question->n_args != 2) {
        return CN_OK;
    }
    CN_TRY(cni_common_type(question->arena, question->arg_types[0], question->arg_types[1], &type,
                           err));
    if (type == NULL || type->id == CNI_TYPE_NULL) {
        type = cni_type_of(CNI_TYPE_INT64);
    }
    if (cni_type_is_integer(type) && cni_resolve_want(question, 0, type) &&
        cni_resolve_want(question, 1, type)) {
        question->out_type = type;
        question->out_matched = true;
    }
    return CN_OK;
}

static cn_code
resolve_shift(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    if (question->n_args != 2) {
        return CN_OK;
    }
    const cni_type *left = question->arg_types[0];
    const cni_type *type = cni_type_is_integer(left) ? left : cni_type_of(CNI_TYPE_INT64);
    if (cni_resolve_want(question, 0, type) &&
        cni_resolve_want(question, 1, cni_type_of(CNI_TYPE_INT64))) {
        question->out_type = type;
        question->out_matched = true;
    }
    return CN_OK;
}

static cni_u128
combine_bits(bit_op op, cni_i128 a, cni_i128 b)
{
    switch (op) {
    case BIT_AND:
        return (cni_u128)a & (cni_u128)b;
    case BIT_OR:
        return (cni_u128)a | (cni_u128)b;
    case BIT_XOR:
        return (cni_u128)a ^ (cni_u128)b;
    case BIT_SHIFT_LEFT:
        return b >= 128 ? 0 : (cni_u128)a << (int32_t)b;
    default:
        return (cni_u128)(a >> (b >= 128 ? 127 : (int32_t)b));
    }
}

static cn_code
negative_shift(int64_t by, cn_error *err)
{
    const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "cannot shift by %lld bits", (long long)by);
    cni_error_sqlstate(err, "22003");
    return code;
}

static cn_code
evaluate_bits(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    const bit_op op = *(const bit_op *)self->private_data;
    const bool shift = op == BIT_SHIFT_LEFT || op == BIT_SHIFT_RIGHT;
    uint64_t alive[CNI_ROWS_WORDS];
    void *out = NULL;
    const cni_reader a = cni_reader_of(call->args[0]);
    const cni_reader b = cni_reader_of(call->args[1]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        cni_i128 right = cni_read_wide(&b, row);
        if (shift && right < 0) {
            if (cni_word_bit(alive, row)) {
                return negative_shift((int64_t)right, err);
            }
            right = 0;
        }
        store_bits(inout_result->phys, out, row, combine_bits(op, cni_read_wide(&a, row), right));
    }
    return CN_OK;
}

static cn_code
resolve_one(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    if (question->n_args != 1) {
        return CN_OK;
    }
    const cni_type *given = question->arg_types[0];
    const cni_type *type = cni_type_is_integer(given) ? given : cni_type_of(CNI_TYPE_INT64);
    if (cni_resolve_want(question, 0, type)) {
        question->out_type = type;
        question->out_matched = true;
    }
    return CN_OK;
}

static cn_code
evaluate_not(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
             cn_error *err)
{
    void *out = NULL;
    const cni_reader a = cni_reader_of(call->args[0]);
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        store_bits(inout_result->phys, out, row, ~(cni_u128)cni_read_wide(&a, row));
    }
    return CN_OK;
}

static cn_code
resolve_count(const cni_function *self, cni_resolve *question, cn_error *err)
{
    CN_TRY(resolve_one(self, question, err));
    if (question->out_matched) {
        question->out_type = cni_type_of(CNI_TYPE_INT64);
    }
    return CN_OK;
}

static cn_code
evaluate_count(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
               cn_error *err)
{
    int64_t *out = NULL;
    const cni_reader a = cni_reader_of(call->args[0]);
    const int32_t n_bytes = cni_phys_bytes((cni_phys)a.phys, call->args[0]->type);
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        cni_u128 bits = (cni_u128)cni_read_wide(&a, row);
        if (n_bytes < 16) { /* drop the copies of the sign */
            bits &= ((cni_u128)1 << (n_bytes * 8)) - 1;
        }
        out[row] =
            (__builtin_popcountll((uint64_t)bits) + __builtin_popcountll((uint64_t)(bits >> 64)));
    }
    return CN_OK;
}

static const bit_op op_and = BIT_AND;
static const bit_op op_or = BIT_OR;
static const bit_op op_xor = BIT_XOR;
static const bit_op op_left = BIT_SHIFT_LEFT;
static const bit_op op_right = BIT_SHIFT_RIGHT;

static const cni_function bit_table[] = {
    {CNI_ROW_PURE("&", "Bitwise AND.", "91 & 15"), .cost_ns = 1.5, .resolve = resolve_pair,
     .private_data = &op_and, .evaluate = evaluate_bits},
    {CNI_ROW_PURE("|", "Bitwise OR.", "32 | 3"), .cost_ns = 1.5, .resolve = resolve_pair,
     .private_data = &op_or, .evaluate = evaluate_bits},
    {CNI_ROW_PURE("#", "Bitwise exclusive OR.", "17 # 5"), .cost_ns = 1.5, .resolve = resolve_pair,
     .private_data = &op_xor, .evaluate = evaluate_bits},
    {CNI_ROW_PURE("xor", "Bitwise exclusive OR.", "xor(17, 5)"), .cost_ns = 1.5,
     .resolve = resolve_pair, .private_data = &op_xor, .evaluate = evaluate_bits},
    {CNI_ROW_PURE("<<", "Bits shifted left; what falls off is lost.", "1 << 4"), .may_error = true,
     .cost_ns = 1.5, .resolve = resolve_shift, .private_data = &op_left, .evaluate = evaluate_bits},
    {CNI_ROW_PURE(">>", "Bits shifted right, keeping the sign.", "8 >> 2"), .may_error = true,
     .cost_ns = 1.5, .resolve = resolve_shift, .private_data = &op_right,
     .evaluate = evaluate_bits},
    {CNI_ROW_PURE("~", "Bitwise NOT.", "~ 1"), .injective = true, .cost_ns = 1.5,
     .resolve = resolve_one, .evaluate = evaluate_not},
    {CNI_ROW_PURE("bit_count", "Number of bits that are set.", "bit_count(31)"), .cost_ns = 1.5,
     .resolve = resolve_count, .evaluate = evaluate_count},
};

const cni_function *
cni_builtin_bits(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(bit_table);
    return bit_table;
}
