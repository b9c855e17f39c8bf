/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening a scan over planned files: the door between parquet_table.c and the scan's parts.
 */
#ifndef CNI_IO_PARQUET_SCAN_OPEN_INT_H
#define CNI_IO_PARQUET_SCAN_OPEN_INT_H

#include "io/format/parquet/parquet_file_int.h"

/* Scan over the files of `table` (referenced until it is closed). */
CN_NODISCARD cn_code cni_pq_scan_new(cni_table *table, cni_pq_file *const *files, int32_t n_files,
                                     const cni_scan_request *request, cni_context *context,
                                     cni_scan **out_scan, cn_error *err);

#endif /* CNI_IO_PARQUET_SCAN_OPEN_INT_H */
