/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrow's metadata blocks: int32 count, then per pair int32 length and key, int32 length and value,
 * native byte order, no terminator. The block does not say its own size, so its numbers are bounded
 * instead of checked.
 */
#ifndef CNI_DATA_ARROW_METADATA_INT_H
#define CNI_DATA_ARROW_METADATA_INT_H

#include "data/column/type.h"

/* Split a producer's block (NULL = none): the extension's name and metadata, and the other pairs in
 * the same encoding (empty when none), all copied into the arena. Errors: CN_INVALID_DATA. */
CN_NODISCARD cn_code cni_arrow_split_metadata(cni_arena *arena, const char *block,
                                              cni_str *out_extension_name,
                                              cni_str *out_extension_metadata, cni_str *out_rest,
                                              cn_error *err);
/* The block of the pairs in `rest` with the extension's put behind; NULL when there are none. */
CN_NODISCARD cn_code cni_arrow_join_metadata(cni_arena *arena, cni_str rest, const cni_type *type,
                                             const char **out_block, cn_error *err);

#endif /* CNI_DATA_ARROW_METADATA_INT_H */
