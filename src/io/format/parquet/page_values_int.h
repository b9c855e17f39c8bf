/* SPDX-License-Identifier: Apache-2.0
 *
 * From the value section of a page to one of the forms of page_int.h.
 */
#ifndef CNI_IO_PARQUET_PAGE_VALUES_INT_H
#define CNI_IO_PARQUET_PAGE_VALUES_INT_H

#include "io/format/parquet/page_int.h"

/* page->values, values_bytes, n_rows, n_dense and validity are set; sets the form and the cursor.
 * Errors: CN_INVALID_DATA; CN_NOT_IMPLEMENTED naming the encoding. */
CN_NODISCARD cn_code cni_pq_page_values(cni_pq_page *page, const cni_pq_env *env,
                                        const cni_pq_leaf *leaf, int32_t encoding,
                                        bool has_dictionary, cn_error *err);

#endif /* CNI_IO_PARQUET_PAGE_VALUES_INT_H */
