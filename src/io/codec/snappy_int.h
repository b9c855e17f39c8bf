/* SPDX-License-Identifier: Apache-2.0
 *
 * The snappy block format (format_description.txt of the Snappy project): a varint with the size of
 * the output, then literals and copies from earlier output.
 *
 *   tag & 3   what        length                       offset
 *   0         literal     (tag >> 2) + 1, or 1..4 more bytes when tag >> 2 is 60..63
 *   1         copy        4 + ((tag >> 2) & 7)         11 bits: tag >> 5, next byte
 *   2         copy        (tag >> 2) + 1               u16, little-endian
 *   3         copy        (tag >> 2) + 1               u32, little-endian
 */
#ifndef CNI_IO_SNAPPY_INT_H
#define CNI_IO_SNAPPY_INT_H

#include "base/error.h"

/* Errors: CN_INVALID_DATA. */
CN_NODISCARD cn_code cni_snappy_decompress(const uint8_t *src, int64_t src_bytes, uint8_t *dst,
                                           int64_t dst_bytes, cn_error *err);

#endif /* CNI_IO_SNAPPY_INT_H */
