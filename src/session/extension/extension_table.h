/* SPDX-License-Identifier: Apache-2.0
 *
 * A host's table provider (include/colonnade/extension.h) as a table, and filters as the host sees
 * them.
 */
#ifndef CNI_SESSION_EXTENSION_TABLE_H
#define CNI_SESSION_EXTENSION_TABLE_H

#include "colonnade/extension.h"
#include "session/session.h"

/* Table over a copy of `provider`. provider->release is called when the table goes, also on
 * failure. */
CN_NODISCARD cn_code cni_extension_table_new(cn_session *session, const char *name,
                                             const cn_table_provider *provider,
                                             cni_table **out_table, cn_error *err);

/* A filter as the host sees it. `text` must stay valid as long as the filter. */
struct cn_filter {
    int32_t op;     /* cn_filter_op */
    int32_t column; /* in the table's schema, -1 for OTHER */
    const cni_value *literal;
    const char *text;
};

/* Translate; everything but column op literal and IS [NOT] NULL is OTHER. Text goes to the arena.
 */
CN_NODISCARD cn_code cni_filter_of_expr(cni_arena *arena, const cni_schema *schema,
                                        const cni_expr *expr, const cni_slot_of_table *slots,
                                        int32_t n_slots, cn_filter *out_filter, cn_error *err);

#endif /* CNI_SESSION_EXTENSION_TABLE_H */
