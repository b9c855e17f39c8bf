/* SPDX-License-Identifier: Apache-2.0
 *
 * CAST and TRY_CAST: which family of casts a pair of types belongs to, the frame around it, and
 * what happens to rows that cannot be converted. One decision (find_cast) answers both
 * cni_cast_exists and cni_op_cast, so that the two cannot disagree.
 */
#include "data/kernel/cast_int.h"

/* ---- rows that fail ---- */

cn_code
cni_cast_out_of_range(const cni_cast_job *job, int64_t row, cn_error *err)
{
    char value[CNI_OP_TEXT_BYTES];
    char type[CNI_OP_TEXT_BYTES];
    cni_op_value_text(job->frame->env, job->shown, row, value);
    cni_op_type_text(job->frame->env, job->type, type);
    const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "%s is out of range for %s", value, type);
    cni_error_sqlstate(err, "22003");
    return code;
}

/* A validity bitmap that the result alone holds. */
static cn_code
own_validity(const cni_cast_job *job, cn_error *err)
{
    cni_vector *result = job->result;
    const bool is_own = result->owner_validity != NULL && result->validity.off_bits == 0 &&
                        result->validity.data == result->owner_validity->data &&
                        cni_refcount_is_unique(&result->owner_validity->n_refs);
    if (result->validity.data != NULL && is_own) {
        return CN_OK;
    }
    const int64_t n = job->frame->n;
    cni_buffer *own = NULL;
    CN_TRY(cni_buffer_new(job->frame->env->allocator, cni_bits_words(n) * 8, &own, err));
    for (int64_t row = 0; row < n; row += 64) {
        const uint64_t word = cni_bits_word(result->validity, row, cni_min_i64(64, n - row));
        memcpy(own->data + (row >> 3), &word, sizeof(word));
    }
    cni_buffer_unref(result->owner_validity);
    result->owner_validity = own;
    result->validity = (cni_bits){own->data, 0};
    return CN_OK;
}

cn_code
cni_cast_null_row(const cni_cast_job *job, int64_t row, cn_error *err)
{
    CN_TRY(own_validity(job, err));
    cni_bit_clear(job->result->owner_validity->data, row);
    return CN_OK;
}

cn_code
cni_cast_failed(const cni_cast_job *job, bool (*fails)(const void *context, int64_t row),
                const void *context, cn_error *err)
{
    for (int64_t row = 0; row < job->frame->n; row++) {
        if (!cni_cast_is_active(job, row) || !fails(context, row)) {
            continue;
        }
        if (!job->try_cast) {
            return cni_cast_out_of_range(job, row, err);
        }
        CN_TRY(cni_cast_null_row(job, row, err));
    }
    return CN_OK;
}

/* ---- which cast ---- */

typedef struct cast_choice {
    cni_cast_fn cast; /* NULL: shared, nested or none */
    bool exists;
    bool is_shared; /* the input is the result under another type */
    bool is_nested;
    bool may_fail;
} cast_choice;

static bool
is_simple_number(const cni_type *type)
{
    return type->id == CNI_TYPE_BOOL || cni_type_is_integer(type) || cni_type_is_float(type);
}

static bool
is_wide_decimal(const cni_type *type)
{
    return type->id == CNI_TYPE_DECIMAL &&
           (type->precision > CNI_DECIMAL_MAX_DIGITS || type->scale < 0);
}

static bool
number_may_fail(const cni_type *from, const cni_type *to)
{
    if (to->id == CNI_TYPE_BOOL || from->id == CNI_TYPE_BOOL) {
        return false;
    }
    if (cni_type_is_float(to)) {
        return cni_type_is_float(from) ? to->id < from->id : to->id == CNI_TYPE_FLOAT16;
    }
    return cni_type_is_float(from) || cni_cast_may_lose_integers(from, to);
}

/* Digits before the point that the integers of a type can have. */
static int32_t
integer_digits(const cni_type *type)
{
    switch (type->id) {
    case CNI_TYPE_DECIMAL:
        return type->precision - type->scale;
    case CNI_TYPE_BOOL:
        return 1;
    case CNI_TYPE_INT8:
    case CNI_TYPE_UINT8:
        return 3;
    case CNI_TYPE_INT16:
    case CNI_TYPE_UINT16:
        return 5;
    case CNI_TYPE_INT32:
    case CNI_TYPE_UINT32:
        return 10;
    case CNI_TYPE_INT64:
        return 19;
    case CNI_TYPE_UINT64:
        return 20;
    default:
        return INT32_MAX;
    }
}

static bool
decimal_may_fail(const cni_type *from, const cni_type *to)
{
    if (to->id == CNI_TYPE_BOOL || cni_type_is_float(to)) {
        return to->id == CNI_TYPE_FLOAT16;
    }
    if (to->id != CNI_TYPE_DECIMAL) {
        return true;
    }
    const bool rounds = from->id == CNI_TYPE_DECIMAL && from->scale > to->scale;
    return integer_digits(from) + (rounds ? 1 : 0) > integer_digits(to);
}

static bool
is_bytes(const cni_type *type)
{
    return type->id == CNI_TYPE_BLOB || type->id == CNI_TYPE_FIXED_BINARY;
}

static cast_choice choose_nested(const cni_type *from, const cni_type *to);

/* Same values under another type: a wider DECIMAL of the same scale, INT64 and its time types no.
 */
static bool
is_shared(const cni_type *from, const cni_type *to)
{
    if (cni_type_equal(from, to)) {
        return true;
    }
    if (from->id == CNI_TYPE_DECIMAL && to->id == CNI_TYPE_DECIMAL) {
        return from->scale == to->scale && from->precision <= to->precision &&
               from->precision <= CNI_DECIMAL_MAX_DIGITS && to->precision <= CNI_DECIMAL_MAX_DIGITS;
    }
    return from->id == to->id && (from->id == CNI_TYPE_VARCHAR || from->id == CNI_TYPE_BLOB);
}

static cast_choice
find_cast(const cni_type *from, const cni_type *to)
{
    cast_choice choice = {.exists = true};
    if (from->id == CNI_TYPE_NULL || is_shared(from, to)) {
        choice.is_shared = true;
    } else if (is_wide_decimal(from) || is_wide_decimal(to)) {
        choice.exists = false;
    } else if (to->id == CNI_TYPE_VARCHAR) {
        choice.cast = cni_cast_print;
    } else if (cni_type_is_nested(from) || cni_type_is_nested(to)) {
        choice = choose_nested(from, to);
    } else if (from->id == CNI_TYPE_VARCHAR) {
        choice.cast = cni_cast_parse;
        choice.exists = cni_cast_parse_exists(to);
        choice.may_fail = true;
    } else if (is_simple_number(from) && is_simple_number(to)) {
        choice.cast = cni_cast_number;
        choice.may_fail = number_may_fail(from, to);
    } else if ((from->id == CNI_TYPE_DECIMAL &&
                (cni_type_is_numeric(to) || to->id == CNI_TYPE_BOOL)) ||
               (to->id == CNI_TYPE_DECIMAL && is_simple_number(from))) {
        choice.cast = cni_cast_decimal;
        choice.may_fail = decimal_may_fail(from, to);
    } else if (is_bytes(from) && is_bytes(to)) {
        choice.cast = cni_cast_bytes;
        choice.may_fail = to->id == CNI_TYPE_FIXED_BINARY;
    } else {
        choice.cast = cni_cast_time;
        choice.exists = cni_cast_time_exists(from, to, &choice.may_fail);
    }
    return choice;
}

/* Item by item; LIST and ARRAY into each other; STRUCT by position. */
static cast_choice
choose_nested(const cni_type *from, const cni_type *to)
{
    const cast_choice none = {.exists = false};
    const bool is_list_like = (from->id == CNI_TYPE_LIST || from->id == CNI_TYPE_ARRAY) &&
                              (to->id == CNI_TYPE_LIST || to->id == CNI_TYPE_ARRAY);
    const bool is_alike = from->id == to->id && from->id != CNI_TYPE_UNION;
    if ((!is_list_like && !is_alike) || from->n_children != to->n_children) {
        return none;
    }
    cast_choice choice = {.exists = true, .is_nested = true};
    choice.may_fail = to->id == CNI_TYPE_ARRAY && !(from->id == to->id && from->width == to->width);
    for (int32_t child = 0; child < to->n_children; child++) {
        const cast_choice inner = find_cast(from->children[child].type, to->children[child].type);
        if (!inner.exists) {
            return none;
        }
        choice.may_fail = choice.may_fail || inner.may_fail;
    }
    return choice;
}

bool
cni_cast_exists(const cni_type *from, const cni_type *to, bool *out_may_fail)
{
    const cast_choice choice = find_cast(from, to);
    *out_may_fail = choice.exists && choice.may_fail;
    return choice.exists;
}

/* ---- the call ---- */

static cni_phys
result_phys(const cni_op_env *env, const cni_vector *a, const cni_type *type)
{
    if (type->id == CNI_TYPE_DECIMAL && a->type->id != CNI_TYPE_VARCHAR) {
        return cni_cast_decimal_phys(env, a, type);
    }
    return cni_type_phys(type);
}

static void
share(const cni_vector *a, const cni_type *type, cni_vector *inout_result)
{
    cni_op_set_copy(a, inout_result);
    inout_result->type = type;
}

static cn_code
cast_nested(const cni_op_env *env, const cni_vector *a, const cni_type *type, bool try_cast,
            cni_vector *inout_result, cn_error *err)
{
    cni_vector out;
    CN_TRY(cni_cast_nested(env, a, type, try_cast, &out, err));
    cni_vector_done(inout_result);
    cni_vector_move(inout_result, &out);
    return CN_OK;
}

cn_code
cni_op_cast(const cni_op_env *env, const cni_vector *a, const cni_type *type, bool try_cast,
            cni_vector *inout_result, cn_error *err)
{
    const cast_choice choice = find_cast(a->type, type);
    if (!choice.exists) {
        char from[CNI_OP_TEXT_BYTES];
        char to[CNI_OP_TEXT_BYTES];
        cni_op_type_text(env, a->type, from);
        cni_op_type_text(env, type, to);
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "there is no cast from %s to %s", from, to);
    }
    if (cni_op_is_null_constant(a)) {
        return cni_op_set_null(env, type, inout_result, err);
    }
    if (choice.is_shared) {
        share(a, type, inout_result);
        return CN_OK;
    }
    if (choice.is_nested) {
        return cast_nested(env, a, type, try_cast, inout_result, err);
    }
    cni_op_frame frame;
    cni_op_begin(&frame, env, &a, 1);
    bool is_null;
    CN_TRY(
        cni_op_strict(&frame, &a, 1, type, result_phys(env, a, type), inout_result, &is_null, err));
    const cni_cast_job job = {&frame, a, type, try_cast, inout_result, a};
    CN_TRY(choice.cast(&job, err));
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}
