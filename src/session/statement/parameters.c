/* SPDX-License-Identifier: Apache-2.0
 *
 * Values for parameters from a foreign Arrow row.
 */
#include "session/statement/statement.h"

static cn_code
read_values(cni_arena *arena, const cni_schema *schema, const cni_arrow_batch *batch,
            cni_parameters *out_parameters, cn_error *err)
{
    cni_value *values = NULL;
    cni_str *names = NULL;
    if (batch->n_rows != 1) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "parameters must be one row, not %lld",
                       (long long)batch->n_rows);
    }
    CN_TRY(cni_arena_alloc_array(arena, schema->n_fields, (int64_t)sizeof(*values), &values, err));
    CN_TRY(cni_arena_alloc_array(arena, schema->n_fields, (int64_t)sizeof(*names), &names, err));
    for (int32_t field = 0; field < schema->n_fields; field++) {
        names[field] = schema->fields[field].name;
        if (names[field].len_bytes == 0) {
            CN_TRY(cni_arena_printf(arena, &names[field], err, "%d", field + 1));
        }
        CN_TRY(cni_value_from_vector(arena, &batch->columns[field], 0, &values[field], err));
    }
    *out_parameters =
        (cni_parameters){.n_values = schema->n_fields, .names = names, .values = values};
    return CN_OK;
}

cn_code
cni_parameters_import(cni_arena *arena, cni_allocator *allocator, struct ArrowSchema *own_schema,
                      struct ArrowArray *own_row, cni_parameters *out_parameters, cn_error *err)
{
    cni_schema schema;
    cni_arrow_batch batch = {0};
    cn_code code = cni_arrow_import_schema(arena, own_schema, &schema, err);
    if (code == CN_OK) {
        code = cni_arrow_import_batch(allocator, own_schema, &schema, own_row, &batch, err);
    } else if (own_row->release != NULL) {
        own_row->release(own_row);
    }
    if (code == CN_OK) {
        code = read_values(arena, &schema, &batch, out_parameters, err);
    }
    cni_arrow_batch_done(&batch);
    if (own_schema->release != NULL) {
        own_schema->release(own_schema);
    }
    return code;
}
