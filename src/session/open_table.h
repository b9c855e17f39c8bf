/* SPDX-License-Identifier: Apache-2.0
 *
 * From a recipe to a table: the way in which the binder and the plan reader find what a text names.
 */
#ifndef CNI_SESSION_OPEN_TABLE_H
#define CNI_SESSION_OPEN_TABLE_H

#include "session/session.h"

/* Borrowed for the duration of the calls. */
typedef struct cni_table_opener {
    cn_session *session;
    cni_context *context;
    const cni_catalog_snapshot *catalog;
} cni_table_opener;

/* `private_data` is a cni_table_opener. Gives a new reference. */
CN_NODISCARD cn_code cni_open_table(void *private_data, const cni_table_recipe *recipe,
                                    cni_table **out_table, cn_error *err);

#endif /* CNI_SESSION_OPEN_TABLE_H */
