/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks as bytes: spill_block.c has the format.
 */
#ifndef CNI_EXEC_SPILL_BLOCK_INT_H
#define CNI_EXEC_SPILL_BLOCK_INT_H

#include "data/column/chunk.h"
#include "exec/spill/spill_column_int.h"

#define CNI_SPILL_SECTION_BYTES 64 /* sections begin at multiples of it */

/* Bytes that the columns' rows take as a block, a multiple of CNI_SPILL_SECTION_BYTES. */
int64_t cni_spill_block_size(const cni_spill_column *columns, int32_t n_columns);
/* About what they take when read. */
int64_t cni_spill_block_memory(const cni_spill_column *columns, int32_t n_columns);

/* Write the block to out[cni_spill_block_size]. */
void cni_spill_block_encode(const cni_spill_column *columns, int32_t n_columns, int64_t n_rows,
                            uint8_t *out);
/* Compress an encoded block of n_bytes in place when it becomes a seventh smaller; gives its new
 * size, a multiple of CNI_SPILL_SECTION_BYTES. `scratch` has room for n_bytes. */
int64_t cni_spill_block_compress(uint8_t *block, int64_t n_bytes, uint8_t *scratch);

/* Rows of a block [data, data + n_bytes) inside `buffer`, 64-byte aligned, into the initialised
 * chunk. Vectors refer to the buffer where they can. Every byte is a claim. Errors:
 * CN_INVALID_DATA. */
CN_NODISCARD cn_code cni_spill_block_decode(cni_allocator *allocator, const cni_type *const *types,
                                            int32_t n_columns, cni_buffer *buffer,
                                            const uint8_t *data, int64_t n_bytes,
                                            cni_chunk *inout_chunk, cn_error *err);
/* Make the checksum right again: for tests that damage what is under it. */
void cni_spill_block_seal(uint8_t *block, int64_t n_bytes);

#endif /* CNI_EXEC_SPILL_BLOCK_INT_H */
