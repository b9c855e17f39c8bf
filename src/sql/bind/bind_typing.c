/* SPDX-License-Identifier: Apache-2.0
 *
 * Bringing expressions to one type. Untyped NULLs and string literals adapt to their neighbours
 * (`day <= '1998-12-01'`); everything else follows the implicit casts of the function catalogue.
 */
#include "plan/eval/program.h"
#include "sql/bind/bind_int.h"

bool
cni_bind_is_string_literal(const cni_expr *expr)
{
    return expr->kind == CNI_EXPR_LITERAL && expr->type->id == CNI_TYPE_VARCHAR &&
           !expr->literal->is_null;
}

cn_code
cni_bind_place(cni_binder *binder, const cni_expr *expr, int64_t offset, int64_t length,
               const cni_expr **out_expr, cn_error *err)
{
    cni_expr *placed = NULL;
    CN_TRY(CN_ARENA_NEW(binder->arena, &placed, err));
    *placed = *expr;
    placed->sql_offset = offset;
    placed->sql_length = length;
    *out_expr = placed;
    return CN_OK;
}

/* A literal converted now, so that a wrong one is refused when the statement is bound. */
static cn_code
convert_literal(cni_binder *binder, const cni_expr *cast, const cni_expr **out_expr, cn_error *err)
{
    cni_value value;
    const cn_code code = cni_expr_evaluate(binder->arena, cast, binder->env->context, &value, err);
    if (code != CN_OK) {
        cni_error_position(err, cast->sql_offset, cast->sql_length);
        return code;
    }
    const cni_expr *literal = NULL;
    CN_TRY(cni_expr_literal(binder->arena, &value, &literal, err));
    return cni_bind_place(binder, literal, cast->sql_offset, cast->sql_length, out_expr, err);
}

cn_code
cni_bind_cast(cni_binder *binder, const cni_expr *expr, const cni_type *type, bool try_cast,
              int64_t offset, int64_t length, const cni_expr **out_expr, cn_error *err)
{
    bool may_fail = false;
    *out_expr = expr;
    if (cni_type_equal(expr->type, type)) {
        return CN_OK;
    }
    if (!cni_cast_exists(expr->type, type, &may_fail)) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42846", offset, length,
                             "cannot cast %s to %s", cni_bind_type_text(binder, expr->type),
                             cni_bind_type_text(binder, type));
    }
    const cni_expr *cast = NULL;
    CN_TRY(cni_expr_cast(binder->arena, expr, type, try_cast, &cast, err));
    CN_TRY(cni_bind_place(binder, cast, offset, length, &cast, err));
    if (cni_bind_is_string_literal(expr) && !try_cast) {
        return convert_literal(binder, cast, out_expr, err);
    }
    *out_expr = cast;
    return CN_OK;
}

/* The type for all, or NULL with *out_other set to the one that does not fit. */
static cn_code
common_of(cni_binder *binder, const cni_expr *const *exprs, int32_t n_exprs, bool with_strings,
          const cni_type **out_type, const cni_type **out_left, const cni_type **out_right,
          cn_error *err)
{
    const cni_type *common = NULL;
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        const cni_type *type = exprs[expr]->type;
        if (type->id == CNI_TYPE_NULL ||
            (!with_strings && cni_bind_is_string_literal(exprs[expr]))) {
            continue;
        }
        const cni_type *joined = type;
        if (common != NULL) {
            CN_TRY(cni_common_type(binder->arena, common, type, &joined, err));
        }
        if (joined == NULL) {
            *out_left = common;
            *out_right = type;
            *out_type = NULL;
            return CN_OK;
        }
        common = joined;
    }
    *out_type = common;
    return CN_OK;
}

cn_code
cni_bind_unify(cni_binder *binder, const cni_expr **inout_exprs, int32_t n_exprs, const char *what,
               int64_t offset, int64_t length, cn_error *err)
{
    const cni_type *common = NULL;
    const cni_type *left = NULL;
    const cni_type *right = NULL;
    CN_TRY(common_of(binder, inout_exprs, n_exprs, false, &common, &left, &right, err));
    if (common == NULL && left == NULL) {
        CN_TRY(common_of(binder, inout_exprs, n_exprs, true, &common, &left, &right, err));
    }
    if (left != NULL) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42804", offset, length,
                             "%s: %s and %s do not go together; cast one of them", what,
                             cni_bind_type_text(binder, left), cni_bind_type_text(binder, right));
    }
    if (common == NULL) {
        common = cni_type_of(CNI_TYPE_NULL);
    }
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        const cni_expr *item = inout_exprs[expr];
        const bool has_place = item->sql_offset >= 0;
        CN_TRY(cni_bind_cast(binder, item, common, false, has_place ? item->sql_offset : offset,
                             has_place ? item->sql_length : length, &inout_exprs[expr], err));
    }
    return CN_OK;
}
