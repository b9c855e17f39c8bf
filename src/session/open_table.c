/* SPDX-License-Identifier: Apache-2.0
 *
 * Table functions by name, catalog tables by name, each under the session's access policy.
 */
#include "session/open_table.h"

/* "name", or "schema.name" of a table that is not in the default schema. */
static cn_code
find_by_recipe(const cni_catalog_snapshot *catalog, cni_str name,
               const cni_catalog_entry **out_entry, cn_error *err)
{
    const char *dot = memchr(name.data, '.', (size_t)name.len_bytes);
    if (dot != NULL) {
        const cni_str schema = {name.data, dot - name.data};
        const cni_str last = {dot + 1, name.len_bytes - schema.len_bytes - 1};
        if (cni_catalog_find(catalog, schema, last, out_entry, NULL) == CN_OK) {
            return CN_OK;
        }
    }
    return cni_catalog_find(catalog, (cni_str){0}, name, out_entry, err);
}

static cn_code
open_from_catalog(const cni_table_opener *opener, cni_str name, cni_table **out_table,
                  cn_error *err)
{
    const cni_catalog_entry *entry = NULL;
    CN_TRY(find_by_recipe(opener->catalog, name, &entry, err));
    if (entry->kind != CNI_ENTRY_TABLE) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "\"%.*s\" is not a table", CNI_STR_ARGS(name));
    }
    *out_table = cni_table_ref(entry->table);
    return CN_OK;
}

cn_code
cni_open_table(void *private_data, const cni_table_recipe *recipe, cni_table **out_table,
               cn_error *err)
{
    const cni_table_opener *opener = private_data;
    if (recipe->function.len_bytes == 0) {
        return open_from_catalog(opener, recipe->name, out_table, err);
    }
    const cni_table_function *function = NULL;
    CN_TRY(cni_engine_table_function(opener->session->engine, recipe->function, &function, err));
    return function->open(function, recipe, opener->context, out_table, err);
}
