/* SPDX-License-Identifier: Apache-2.0
 *
 * read_parquet(path | list of paths [, option => value ...]): Parquet files as a table function.
 * Paths may be patterns (io/source/path_list.h). private_data of the function may be a
 * cni_parquet_cache of the engine.
 */
#ifndef CNI_IO_READ_PARQUET_H
#define CNI_IO_READ_PARQUET_H

#include "plan/table/table.h"

/* The `open` of the table function. Errors: CN_INVALID_ARGUMENT naming an argument or option that
 * is not known or has the wrong type; those of the paths and files. */
CN_NODISCARD cn_code cni_read_parquet_open(const cni_table_function *self,
                                           const cni_table_recipe *recipe, cni_context *context,
                                           cni_table **out_table, cn_error *err);

#endif /* CNI_IO_READ_PARQUET_H */
