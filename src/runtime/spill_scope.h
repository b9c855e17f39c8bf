/* SPDX-License-Identifier: Apache-2.0
 *
 * A spill store over another one that counts by itself: what one query writes, beside what all of
 * them do. Files, quota and errors are those of the inner store.
 */
#ifndef CNI_RUNTIME_SPILL_SCOPE_H
#define CNI_RUNTIME_SPILL_SCOPE_H

#include "base/alloc.h"
#include "runtime/spill.h"

/* `inner` is referenced. written_bytes and read_bytes are those of the files that were made through
 * the new store; used_bytes does not shrink before a file is closed. */
CN_NODISCARD cn_code cni_spill_scope_new(cni_allocator *allocator, cni_spill_store *inner,
                                         cni_spill_store **out_store, cn_error *err);

#endif /* CNI_RUNTIME_SPILL_SCOPE_H */
