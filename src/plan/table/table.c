/* SPDX-License-Identifier: Apache-2.0
 *
 * References on tables and scans. What holds rows implements the two operation tables of
 * plan/table/table.h; nothing more happens here.
 */
#include "plan/table/table.h"

cni_table *
cni_table_ref(cni_table *self)
{
    if (self != NULL) {
        cni_refcount_inc(&self->n_refs);
    }
    return self;
}

void
cni_table_unref(cni_table *self)
{
    if (self != NULL && cni_refcount_dec(&self->n_refs)) {
        self->ops->free(self);
    }
}

void
cni_scan_close(cni_scan *self)
{
    if (self != NULL) {
        self->ops->close(self);
    }
}

static void
unref_object(void *object)
{
    cni_table_unref(object);
}

cn_code
cni_table_keep(cni_arena *arena, cni_table *table, cn_error *err)
{
    CN_TRY(cni_arena_on_free(arena, unref_object, table, err));
    (void)cni_table_ref(table);
    return CN_OK;
}
