/* SPDX-License-Identifier: Apache-2.0
 *
 * Implicit casts: which there are, what they cost in overload resolution, and the type that two
 * expressions meet in.
 *
 * Numbers climb one ladder: integers by width, HUGEINT, DECIMAL, DOUBLE; a FLOAT meets other
 * numbers in DOUBLE unless they fit it exactly. Unsigned integers go to signed ones that hold all
 * their values. The cost of a step is what makes the nearest overload win.
 */
#include "plan/function/function.h"

#define COST_LITERAL 20 /* a string literal read as something else: any real overload is nearer */

typedef struct integer_shape {
    bool is_signed;
    int32_t bits;
    int32_t digits; /* of the largest value */
} integer_shape;

static integer_shape
shape_of(const cni_type *type)
{
    switch (type->id) {
    case CNI_TYPE_INT8:
        return (integer_shape){true, 8, 3};
    case CNI_TYPE_INT16:
        return (integer_shape){true, 16, 5};
    case CNI_TYPE_INT32:
        return (integer_shape){true, 32, 10};
    case CNI_TYPE_INT64:
        return (integer_shape){true, 64, 19};
    case CNI_TYPE_UINT8:
        return (integer_shape){false, 8, 3};
    case CNI_TYPE_UINT16:
        return (integer_shape){false, 16, 5};
    case CNI_TYPE_UINT32:
        return (integer_shape){false, 32, 10};
    case CNI_TYPE_UINT64:
        return (integer_shape){false, 64, 20};
    default:
        return (integer_shape){true, 128, 39};
    }
}

static int32_t
log2_bits(int32_t bits)
{
    int32_t log = 0;
    for (; bits > 8; bits >>= 1) {
        log++;
    }
    return log;
}

static int32_t
integer_to_integer(integer_shape from, integer_shape to)
{
    const bool fits =
        from.is_signed == to.is_signed ? to.bits > from.bits : to.is_signed && to.bits > from.bits;
    if (!fits) {
        return -1;
    }
    return 2 * (log2_bits(to.bits) - log2_bits(from.bits)) +
           (from.is_signed == to.is_signed ? 0 : 1);
}

/* Places before the point. */
static int32_t
whole_digits(const cni_type *type)
{
    return type->id == CNI_TYPE_DECIMAL ? type->precision - type->scale : shape_of(type).digits;
}

static int32_t
number_to_decimal(const cni_type *from, const cni_type *to)
{
    const int32_t scale = from->id == CNI_TYPE_DECIMAL ? from->scale : 0;
    const int32_t digits = whole_digits(from);
    const int32_t whole = digits > CNI_DECIMAL_MAX_DIGITS ? CNI_DECIMAL_MAX_DIGITS : digits;
    if (to->scale < scale || to->precision - to->scale < whole) {
        return -1;
    }
    return from->id == CNI_TYPE_DECIMAL ? 1 : 12 - log2_bits(shape_of(from).bits);
}

static int32_t
number_to_float(const cni_type *from, const cni_type *to)
{
    if (cni_type_is_float(from)) {
        return from->id < to->id ? (int32_t)to->id - (int32_t)from->id : -1;
    }
    const int32_t climb = cni_type_is_integer(from) ? 14 - log2_bits(shape_of(from).bits) : 4;
    switch (to->id) {
    case CNI_TYPE_FLOAT64:
        return climb;
    case CNI_TYPE_FLOAT32:
        return climb + 2;
    default:
        return -1;
    }
}

/* Decimals beyond 38 digits and of negative scale are only carried through. */
static bool
is_computable(const cni_type *type)
{
    return type->id != CNI_TYPE_DECIMAL ||
           (type->precision <= CNI_DECIMAL_MAX_DIGITS && type->scale >= 0);
}

static int32_t
numeric_cost(const cni_type *from, const cni_type *to)
{
    if (!is_computable(from) || !is_computable(to)) {
        return -1;
    }
    if (cni_type_is_float(to)) {
        return number_to_float(from, to);
    }
    if (cni_type_is_float(from)) {
        return -1;
    }
    if (to->id == CNI_TYPE_DECIMAL) {
        return number_to_decimal(from, to);
    }
    return cni_type_is_integer(from) ? integer_to_integer(shape_of(from), shape_of(to)) : -1;
}

static int32_t
timestamp_cost(const cni_type *from, const cni_type *to)
{
    const bool to_zone = to->timezone.data != NULL;
    if (from->id == CNI_TYPE_DATE) {
        return to_zone ? 4 : 2;
    }
    if (from->id != CNI_TYPE_TIMESTAMP || (from->timezone.data != NULL && !to_zone)) {
        return -1;
    }
    if (from->unit > to->unit) {
        return -1;
    }
    return 1 + (from->unit != to->unit) + ((from->timezone.data != NULL) != to_zone ? 2 : 0);
}

int32_t
cni_implicit_cast_cost(const cni_type *from, const cni_type *to, bool from_string_literal)
{
    if (cni_type_equal(from, to)) {
        return 0;
    }
    if (from->id == CNI_TYPE_NULL) {
        return 1;
    }
    if (from_string_literal && from->id == CNI_TYPE_VARCHAR) {
        return cni_type_is_nested(to) ? COST_LITERAL + 10 : COST_LITERAL;
    }
    if (cni_type_is_numeric(from) && cni_type_is_numeric(to)) {
        return numeric_cost(from, to);
    }
    if (to->id == CNI_TYPE_TIMESTAMP) {
        return timestamp_cost(from, to);
    }
    if (from->id == CNI_TYPE_LIST && to->id == CNI_TYPE_LIST) {
        return cni_implicit_cast_cost(from->children[0].type, to->children[0].type, false);
    }
    return -1;
}

/* ---- common type ---- */

static const cni_type *
signed_of_bits(int32_t bits)
{
    switch (bits) {
    case 8:
        return cni_type_of(CNI_TYPE_INT8);
    case 16:
        return cni_type_of(CNI_TYPE_INT16);
    case 32:
        return cni_type_of(CNI_TYPE_INT32);
    case 64:
        return cni_type_of(CNI_TYPE_INT64);
    default:
        return cni_type_of(CNI_TYPE_HUGEINT);
    }
}

static const cni_type *
common_integer(const cni_type *a, const cni_type *b)
{
    const integer_shape x = shape_of(a);
    const integer_shape y = shape_of(b);
    if (x.is_signed == y.is_signed) {
        return x.bits >= y.bits ? a : b;
    }
    const int32_t unsigned_bits = x.is_signed ? y.bits : x.bits;
    const int32_t signed_bits = x.is_signed ? x.bits : y.bits;
    return signed_of_bits(signed_bits > unsigned_bits ? signed_bits : unsigned_bits * 2);
}

static const cni_type *
common_decimal(const cni_type *a, const cni_type *b)
{
    const int32_t scale_a = a->id == CNI_TYPE_DECIMAL ? a->scale : 0;
    const int32_t scale_b = b->id == CNI_TYPE_DECIMAL ? b->scale : 0;
    const int32_t scale = scale_a > scale_b ? scale_a : scale_b;
    const int32_t whole = whole_digits(a) > whole_digits(b) ? whole_digits(a) : whole_digits(b);
    const int32_t precision =
        whole + scale > CNI_DECIMAL_MAX_DIGITS ? CNI_DECIMAL_MAX_DIGITS : whole + scale;
    return cni_type_decimal(precision, scale);
}

static bool
fits_float32(const cni_type *type)
{
    return type->id == CNI_TYPE_FLOAT32 || type->id == CNI_TYPE_FLOAT16 ||
           (cni_type_is_integer(type) && shape_of(type).bits <= 16);
}

static const cni_type *
common_number(const cni_type *a, const cni_type *b)
{
    if (cni_type_is_float(a) || cni_type_is_float(b)) {
        return cni_type_of(fits_float32(a) && fits_float32(b) ? CNI_TYPE_FLOAT32
                                                              : CNI_TYPE_FLOAT64);
    }
    if (a->id == CNI_TYPE_DECIMAL || b->id == CNI_TYPE_DECIMAL) {
        return is_computable(a) && is_computable(b) ? common_decimal(a, b) : NULL;
    }
    return common_integer(a, b);
}

static cn_code
common_timestamp(cni_arena *arena, const cni_type *a, const cni_type *b, const cni_type **out_type,
                 cn_error *err)
{
    const cni_type *finer = a->id == CNI_TYPE_TIMESTAMP ? a : b;
    if (a->id == CNI_TYPE_TIMESTAMP && b->id == CNI_TYPE_TIMESTAMP && b->unit > a->unit) {
        finer = b;
    }
    const cni_type *zoned = a->timezone.data != NULL ? a : b->timezone.data != NULL ? b : finer;
    if (zoned->unit == finer->unit) {
        *out_type = zoned;
        return CN_OK;
    }
    cni_type *made = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &made, err));
    *made = *zoned;
    made->unit = finer->unit;
    *out_type = made;
    return CN_OK;
}

static bool
is_moment(const cni_type *type)
{
    return type->id == CNI_TYPE_DATE || type->id == CNI_TYPE_TIMESTAMP;
}

static cn_code
common_list(cni_arena *arena, const cni_type *a, const cni_type *b, const cni_type **out_type,
            cn_error *err)
{
    const cni_type *item = NULL;
    CN_TRY(cni_common_type(arena, a->children[0].type, b->children[0].type, &item, err));
    *out_type = NULL;
    return item == NULL ? CN_OK : cni_type_list(arena, item, out_type, err);
}

cn_code
cni_common_type(cni_arena *arena, const cni_type *a, const cni_type *b, const cni_type **out_type,
                cn_error *err)
{
    if (b->id == CNI_TYPE_NULL || cni_type_equal(a, b)) {
        *out_type = a;
        return CN_OK;
    }
    if (a->id == CNI_TYPE_NULL) {
        *out_type = b;
        return CN_OK;
    }
    if (is_moment(a) && is_moment(b)) {
        return common_timestamp(arena, a, b, out_type, err);
    }
    if (a->id == CNI_TYPE_LIST && b->id == CNI_TYPE_LIST) {
        return common_list(arena, a, b, out_type, err);
    }
    *out_type = cni_type_is_numeric(a) && cni_type_is_numeric(b) ? common_number(a, b) : NULL;
    return CN_OK;
}
