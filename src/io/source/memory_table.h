/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables in memory: a list of blocks, each one vector per column, shared without a copy. Registered
 * Arrow arrays are such blocks; inserted chunks become blocks of their own. A scan sees the blocks
 * that were there when it was opened.
 */
#ifndef CNI_IO_MEMORY_TABLE_H
#define CNI_IO_MEMORY_TABLE_H

#include "data/column/arrow_bridge.h"
#include "plan/table/table.h"

/* Empty table with a copy of `schema`. `recipe_name` (may be empty) is the catalog name by which
 * others find it again. Thread: synchronised. */
CN_NODISCARD cn_code cni_memory_table_new(cni_allocator *allocator, const cni_schema *schema,
                                          cni_str recipe_name, cni_table **out_table,
                                          cn_error *err);
/* Append a block; takes the batch over, also on failure. Errors: CN_INVALID_ARGUMENT when its
 * columns are not the table's. */
CN_NODISCARD cn_code cni_memory_table_append(cni_table *table, cni_arrow_batch *own_batch,
                                             cn_error *err);
/* Whether the table is one of these: of no other may rows be appended or taken. */
bool cni_is_memory_table(const cni_table *table);
/* All rows of `from` go behind those of `table`, at once for every scan that opens: how an INSERT
 * that failed on the way leaves nothing. Both are memory tables of equal schemas and of one
 * allocator; nobody else knows `from`, which is empty afterwards. */
void cni_memory_table_take(cni_table *table, cni_table *from);

#endif /* CNI_IO_MEMORY_TABLE_H */
