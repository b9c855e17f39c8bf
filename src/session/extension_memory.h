/* SPDX-License-Identifier: Apache-2.0
 *
 * The accounts that extensions hold memory under (cn_memory of include/colonnade/extension.h).
 */
#ifndef CNI_SESSION_EXTENSION_MEMORY_H
#define CNI_SESSION_EXTENSION_MEMORY_H

#include "base/atomic.h"
#include "colonnade/extension.h"
#include "runtime/budget.h"

/* Thread: synchronised. */
struct cn_memory {
    cni_budget *budget;            /* referenced */
    cni_atomic_i64 reserved_bytes; /* counter: not released yet */
};

void cni_extension_memory_init(cn_memory *self, cni_budget *budget);
/* Gives back what is still reserved; blocks stay. Zeroed ones are left alone. */
void cni_extension_memory_done(cn_memory *self);

#endif /* CNI_SESSION_EXTENSION_MEMORY_H */
