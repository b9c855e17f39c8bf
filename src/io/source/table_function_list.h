/* SPDX-License-Identifier: Apache-2.0
 *
 * The table functions that come with the engine: read_parquet and its kin.
 */
#ifndef CNI_IO_TABLE_FUNCTION_LIST_H
#define CNI_IO_TABLE_FUNCTION_LIST_H

#include "plan/table/table.h"

#define CNI_TABLE_FUNCTION_MAX 64

/* Static table; names are NUL-terminated. Gives how many, at most CNI_TABLE_FUNCTION_MAX. */
int32_t cni_table_function_list(const cni_table_function *const **out_functions);

#endif /* CNI_IO_TABLE_FUNCTION_LIST_H */
