/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory that the control groups of this process leave it: version 2 and 1, every group from
 * the process's own up to the root of the hierarchy, because each of them bounds what is below.
 */
#ifndef CNI_SESSION_CGROUP_LIMIT_H
#define CNI_SESSION_CGROUP_LIMIT_H

#include "base/str.h"

/* Smallest limit in bytes; INT64_MAX = none. `mount` is where the hierarchies are (/sys/fs/cgroup),
 * `membership` the file that names the process's groups (/proc/self/cgroup). What cannot be read
 * does not limit. */
int64_t cni_cgroup_memory_limit(const char *mount, const char *membership);

#endif /* CNI_SESSION_CGROUP_LIMIT_H */
