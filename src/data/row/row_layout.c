/* SPDX-License-Identifier: Apache-2.0
 *
 * Where each column lies in a row: null bits first, then the columns in order at their natural
 * alignment (at most 8), the whole rounded up to 8.
 */
#include "data/row/row_layout_int.h"

static cni_phys
row_phys(const cni_type *type)
{
    const bool is_wide = type->id == CNI_TYPE_DECIMAL && type->precision > 18 &&
                         type->precision <= CNI_DECIMAL_MAX_DIGITS;
    return is_wide ? CNI_PHYS_I128 : cni_type_phys(type);
}

static int64_t
align_of(cni_phys phys, int32_t item_bytes)
{
    if (phys == CNI_PHYS_FIXED || item_bytes <= 1) {
        return 1;
    }
    return item_bytes >= 8 ? 8 : item_bytes;
}

cn_code
cni_row_layout_new(cni_arena *arena, const cni_type *const *types, int32_t n_columns,
                   cni_row_layout **out_layout, cn_error *err)
{
    cni_row_layout *layout;
    CN_TRY(CN_ARENA_NEW(arena, &layout, err));
    CN_TRY(cni_arena_alloc_array(arena, n_columns, sizeof(*layout->phys), &layout->phys, err));
    CN_TRY(
        cni_arena_alloc_array(arena, n_columns, sizeof(*layout->offsets), &layout->offsets, err));
    layout->n_columns = n_columns;
    layout->types = types;
    int64_t offset = cni_bits_bytes(n_columns);
    for (int32_t column = 0; column < n_columns; column++) {
        const cni_phys phys = row_phys(types[column]);
        const int32_t item_bytes = cni_row_item_bytes(phys, types[column]);
        offset = cni_round_up(offset, align_of(phys, item_bytes));
        layout->phys[column] = phys;
        layout->offsets[column] = (int32_t)offset;
        offset += item_bytes;
        if (offset > INT32_MAX / 2) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a row of more than %d bytes", INT32_MAX / 2);
        }
    }
    layout->row_bytes = (int32_t)cni_max_i64(8, cni_round_up(offset, 8));
    *out_layout = layout;
    return CN_OK;
}
