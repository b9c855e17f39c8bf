/* SPDX-License-Identifier: Apache-2.0
 *
 * Declaration of one gather; see gather_int.h.
 * Parameters: those of gather_each.h.
 */
void CN_GATHER(const void *values, const void *index, int64_t n, void *out);
