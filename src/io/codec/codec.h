/* SPDX-License-Identifier: Apache-2.0
 *
 * Decompression of whole blocks whose size is known: what the pages of a Parquet file and spilled
 * blocks need. Snappy is written here; gzip, zstd, lz4 and brotli come from their libraries, which
 * allocate through the worker's allocator and write into bounded output only.
 *
 * A decompressor owns the library contexts and is confined to one worker, so that a page costs no
 * set-up. Any bytes may be given: damage is CN_INVALID_DATA, never a crash or an over-read.
 */
#ifndef CNI_IO_CODEC_H
#define CNI_IO_CODEC_H

#include "base/alloc.h"

/* The numbers are those of Parquet's CompressionCodec. */
typedef enum cni_codec {
    CNI_CODEC_NONE = 0,
    CNI_CODEC_SNAPPY = 1,
    CNI_CODEC_GZIP = 2, /* gzip or zlib framing, any number of concatenated members */
    CNI_CODEC_LZO = 3,  /* known, not built in */
    CNI_CODEC_BROTLI = 4,
    CNI_CODEC_LZ4_HADOOP = 5, /* deprecated: big-endian framed blocks, or one raw block */
    CNI_CODEC_ZSTD = 6,       /* any number of concatenated frames */
    CNI_CODEC_LZ4_RAW = 7,
    CNI_CODEC_COUNT_
} cni_codec;

typedef struct cni_decompressor cni_decompressor;
typedef cni_decompressor *cni_decompressor_p;

/* Creates no library context yet. */
CN_NODISCARD cn_code cni_decompressor_new(cni_allocator *allocator, cni_decompressor **out,
                                          cn_error *err);
void cni_decompressor_free(cni_decompressor *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_decompressor_p, cni_decompressor_free)

/* Decompress src_bytes >= 0 at `src` into exactly dst_bytes >= 0 at `dst`. Nothing is read beyond
 * the source or written beyond the destination. Fewer or more bytes than dst_bytes are an error.
 * Errors: CN_INVALID_DATA, CN_NOT_IMPLEMENTED naming the codec, CN_NO_MEMORY. */
CN_NODISCARD cn_code cni_codec_decompress(cni_decompressor *self, int32_t codec, const void *src,
                                          int64_t src_bytes, void *dst, int64_t dst_bytes,
                                          cn_error *err);

/* The most bytes that src_bytes of this codec can become: a claim above it is false, and is known
 * to be before anything is allocated. INT64_MAX = no useful bound. */
int64_t cni_codec_max_output(int32_t codec, int64_t src_bytes);

/* Upper-case name such as "SNAPPY"; NULL for numbers that are no codec. */
const char *cni_codec_name(int32_t codec);

#endif /* CNI_IO_CODEC_H */
