/* SPDX-License-Identifier: Apache-2.0
 *
 * Scans over Arrow C streams, and tables that are one stream. A stream is pulled by one worker at a
 * time (Arrow's rule); a batch is a morsel, and whoever took a morsel waits for its batch without
 * sleeping.
 */
#ifndef CNI_IO_STREAM_SCAN_H
#define CNI_IO_STREAM_SCAN_H

#include "data/column/arrow_bridge.h"
#include "plan/table/table.h"

/* Scan of own_stream (taken over, also on failure), whose columns are `schema`'s (borrowed until
 * close). The request's positions refer to that schema. `keep_alive` and `account`, the node that
 * is the scan's own (either may be NULL), are referenced until close. */
CN_NODISCARD cn_code cni_stream_scan_new(struct ArrowArrayStream *own_stream,
                                         const cni_schema *schema, const cni_scan_request *request,
                                         cni_table *keep_alive, cni_context *context,
                                         cni_budget *account, cni_scan **out_scan, cn_error *err);

/* Table over own_stream (taken over, also on failure). It can be scanned once: a second scan is
 * refused with CN_INVALID_STATE. `name` is used in that message. */
CN_NODISCARD cn_code cni_arrow_stream_table_new(cni_allocator *allocator, cni_str name,
                                                struct ArrowArrayStream *own_stream,
                                                cni_table **out_table, cn_error *err);

#endif /* CNI_IO_STREAM_SCAN_H */
