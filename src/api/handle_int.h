/* SPDX-License-Identifier: Apache-2.0
 *
 * What every public entry point does with its arguments: NULL handles and outputs are refused by
 * name.
 */
#ifndef CNI_API_HANDLE_INT_H
#define CNI_API_HANDLE_INT_H

#include "base/error.h"

/* CN_INVALID_ARGUMENT naming the argument when `pointer` is NULL. */
cn_code cni_api_need(const void *pointer, const char *name, cn_error *err);

/* Copy text to a caller's buffer, cut and NUL-terminated; the whole length to *out_length. */
void cni_api_copy_text(const char *text, int64_t len_bytes, char *buffer, int64_t capacity,
                       int64_t *out_length);

#endif /* CNI_API_HANDLE_INT_H */
