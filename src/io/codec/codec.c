/* SPDX-License-Identifier: Apache-2.0
 *
 * The codecs behind one call, and the library contexts that a worker keeps. The libraries get their
 * memory through adapters over the allocator: a block carries its size in a header of
 * HEADER_BYTES, because their `free` is not told it.
 */
#include "io/codec/codec.h"

#define ZSTD_STATIC_LINKING_ONLY /* for a decompression context with our allocator */
#include <brotli/decode.h>
#include <lz4.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "io/codec/snappy_int.h"

#define HEADER_BYTES 64

struct cni_decompressor {
    cni_allocator *allocator; /* referenced */
    ZSTD_DCtx *zstd;          /* NULL until first needed */
    z_stream zlib;
    bool has_zlib;
};

static void *
library_alloc(void *opaque, size_t n_bytes)
{
    cni_allocator *allocator = opaque;
    uint8_t *block;
    if (n_bytes > INT64_MAX - HEADER_BYTES ||
        cni_alloc(allocator, (int64_t)n_bytes + HEADER_BYTES, &block, NULL) != CN_OK) {
        return NULL;
    }
    const int64_t total_bytes = (int64_t)n_bytes + HEADER_BYTES;
    memcpy(block, &total_bytes, sizeof(total_bytes));
    return block + HEADER_BYTES;
}

static void
library_free(void *opaque, void *address)
{
    cni_allocator *allocator = opaque;
    if (address == NULL) {
        return;
    }
    uint8_t *block = (uint8_t *)address - HEADER_BYTES;
    int64_t total_bytes;
    memcpy(&total_bytes, block, sizeof(total_bytes));
    cni_dealloc(allocator, block, total_bytes);
}

static voidpf
zlib_alloc(voidpf opaque, uInt n_items, uInt item_bytes)
{
    return library_alloc(opaque, (size_t)n_items * item_bytes);
}

static void
zlib_free(voidpf opaque, voidpf address)
{
    library_free(opaque, address);
}

cn_code
cni_decompressor_new(cni_allocator *allocator, cni_decompressor **out, cn_error *err)
{
    cni_decompressor *self;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    self->allocator = allocator;
    cni_allocator_ref(allocator);
    *out = self;
    return CN_OK;
}

void
cni_decompressor_free(cni_decompressor *self)
{
    if (self == NULL) {
        return;
    }
    cni_allocator *allocator = self->allocator;
    if (self->zstd != NULL) {
        (void)ZSTD_freeDCtx(self->zstd);
    }
    if (self->has_zlib) {
        (void)inflateEnd(&self->zlib);
    }
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

static cn_code
damaged(int32_t codec, const char *what, cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_DATA, "damaged %s block: %s", cni_codec_name(codec), what);
}

static cn_code
zstd_decompress(cni_decompressor *self, const void *src, int64_t src_bytes, void *dst,
                int64_t dst_bytes, cn_error *err)
{
    if (self->zstd == NULL) {
        const ZSTD_customMem memory = {library_alloc, library_free, self->allocator};
        self->zstd = ZSTD_createDCtx_advanced(memory);
        if (self->zstd == NULL) {
            return cni_error_no_memory(err, (int64_t)ZSTD_estimateDCtxSize());
        }
    }
    const size_t n_bytes =
        ZSTD_decompressDCtx(self->zstd, dst, (size_t)dst_bytes, src, (size_t)src_bytes);
    if (ZSTD_isError(n_bytes)) {
        return damaged(CNI_CODEC_ZSTD, ZSTD_getErrorName(n_bytes), err);
    }
    if (n_bytes != (size_t)dst_bytes) {
        return damaged(CNI_CODEC_ZSTD, "it holds fewer bytes than it should", err);
    }
    return CN_OK;
}

static cn_code
prepare_zlib(cni_decompressor *self, cn_error *err)
{
    if (self->has_zlib) {
        return inflateReset(&self->zlib) == Z_OK
                   ? CN_OK
                   : CN_FAIL(err, CN_INTERNAL, "the zlib context cannot be reset");
    }
    self->zlib = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = self->allocator};
    if (inflateInit2(&self->zlib, 15 + 32) != Z_OK) { /* 32: gzip or zlib, by its header */
        return cni_error_no_memory(err, 48 * 1024);
    }
    self->has_zlib = true;
    return CN_OK;
}

/* zlib's header declares the input pointer without const; it does not write through it. */
static Bytef *
zlib_input(const uint8_t *src)
{
    Bytef *input;
    memcpy(&input, &src, sizeof(input));
    return input;
}

static cn_code
gzip_decompress(cni_decompressor *self, const uint8_t *src, int64_t src_bytes, uint8_t *dst,
                int64_t dst_bytes, cn_error *err)
{
    if (src_bytes > UINT32_MAX || dst_bytes > UINT32_MAX) {
        return damaged(CNI_CODEC_GZIP, "it is larger than 4 GiB", err);
    }
    CN_TRY(prepare_zlib(self, err));
    z_stream *stream = &self->zlib;
    uint8_t nothing; /* zlib wants a place to write even when nothing may be written */
    stream->next_in = zlib_input(src);
    stream->avail_in = (uInt)src_bytes;
    stream->next_out = dst_bytes == 0 ? &nothing : dst;
    stream->avail_out = (uInt)dst_bytes;
    for (;;) {
        const int status = inflate(stream, Z_FINISH);
        if (status != Z_STREAM_END) {
            return status == Z_MEM_ERROR
                       ? cni_error_no_memory(err, 32 * 1024)
                       : damaged(CNI_CODEC_GZIP,
                                 stream->msg != NULL ? stream->msg
                                                     : "it does not end where it should",
                                 err);
        }
        if (stream->avail_in == 0) {
            break;
        }
        if (inflateReset(stream) != Z_OK) {
            return CN_FAIL(err, CN_INTERNAL, "the zlib context cannot be reset");
        }
    }
    if (stream->avail_out != 0) {
        return damaged(CNI_CODEC_GZIP, "it holds fewer bytes than it should", err);
    }
    return CN_OK;
}

static cn_code
brotli_decompress(cni_decompressor *self, const uint8_t *src, int64_t src_bytes, uint8_t *dst,
                  int64_t dst_bytes, cn_error *err)
{
    BrotliDecoderState *state =
        BrotliDecoderCreateInstance(library_alloc, library_free, self->allocator);
    if (state == NULL) {
        return cni_error_no_memory(err, 32 * 1024);
    }
    size_t n_in = (size_t)src_bytes;
    size_t n_out = (size_t)dst_bytes;
    const BrotliDecoderResult result =
        BrotliDecoderDecompressStream(state, &n_in, &src, &n_out, &dst, NULL);
    const BrotliDecoderErrorCode error = BrotliDecoderGetErrorCode(state);
    BrotliDecoderDestroyInstance(state);
    if (result == BROTLI_DECODER_RESULT_SUCCESS && n_in == 0 && n_out == 0) {
        return CN_OK;
    }
    if (error <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
        error >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES) {
        return cni_error_no_memory(err, 1 << 20);
    }
    return damaged(CNI_CODEC_BROTLI, "it does not give the bytes that it should", err);
}

/* One raw lz4 block of exactly dst_bytes. */
static bool
lz4_block(const uint8_t *src, int64_t src_bytes, uint8_t *dst, int64_t dst_bytes)
{
    if (src_bytes > INT32_MAX || dst_bytes > INT32_MAX) {
        return false;
    }
    const char *from;
    char *to;
    memcpy(&from, &src, sizeof(from));
    memcpy(&to, &dst, sizeof(to));
    return LZ4_decompress_safe(from, to, (int)src_bytes, (int)dst_bytes) == (int)dst_bytes;
}

static int64_t
load_be32(const uint8_t *bytes)
{
    return (int64_t)bytes[0] << 24 | (int64_t)bytes[1] << 16 | (int64_t)bytes[2] << 8 | bytes[3];
}

/* Hadoop's framing: BE32 size of the output, then BE32-prefixed blocks until it is reached. */
static bool
lz4_hadoop_frames(const uint8_t *src, int64_t src_bytes, uint8_t *dst, int64_t dst_bytes)
{
    while (src_bytes >= 4) {
        int64_t n_left = load_be32(src);
        src += 4;
        src_bytes -= 4;
        if (n_left > dst_bytes) {
            return false;
        }
        while (n_left > 0) {
            const int64_t n_block = src_bytes >= 4 ? load_be32(src) : INT64_MAX;
            if (n_block > src_bytes - 4 || n_block > INT32_MAX || n_left > INT32_MAX) {
                return false;
            }
            const char *from;
            char *to;
            const uint8_t *block = src + 4;
            memcpy(&from, &block, sizeof(from));
            memcpy(&to, &dst, sizeof(to));
            const int n_out = LZ4_decompress_safe(from, to, (int)n_block, (int)n_left);
            if (n_out <= 0) {
                return false;
            }
            src += 4 + n_block;
            src_bytes -= 4 + n_block;
            dst += n_out;
            dst_bytes -= n_out;
            n_left -= n_out;
        }
    }
    return src_bytes == 0 && dst_bytes == 0;
}

static cn_code
lz4_decompress(int32_t codec, const uint8_t *src, int64_t src_bytes, uint8_t *dst,
               int64_t dst_bytes, cn_error *err)
{
    if (codec == CNI_CODEC_LZ4_HADOOP && lz4_hadoop_frames(src, src_bytes, dst, dst_bytes)) {
        return CN_OK;
    }
    if (!lz4_block(src, src_bytes, dst, dst_bytes)) {
        return damaged(codec, "it does not give the bytes that it should", err);
    }
    return CN_OK;
}

cn_code
cni_codec_decompress(cni_decompressor *self, int32_t codec, const void *src, int64_t src_bytes,
                     void *dst, int64_t dst_bytes, cn_error *err)
{
    switch (codec) {
    case CNI_CODEC_NONE:
        if (src_bytes != dst_bytes) {
            return CN_FAIL(err, CN_INVALID_DATA,
                           "an uncompressed block has %lld bytes where %lld are expected",
                           (long long)src_bytes, (long long)dst_bytes);
        }
        if (dst_bytes > 0) {
            memcpy(dst, src, (size_t)dst_bytes);
        }
        return CN_OK;
    case CNI_CODEC_SNAPPY:
        return cni_snappy_decompress(src, src_bytes, dst, dst_bytes, err);
    case CNI_CODEC_GZIP:
        return gzip_decompress(self, src, src_bytes, dst, dst_bytes, err);
    case CNI_CODEC_BROTLI:
        return brotli_decompress(self, src, src_bytes, dst, dst_bytes, err);
    case CNI_CODEC_ZSTD:
        return zstd_decompress(self, src, src_bytes, dst, dst_bytes, err);
    case CNI_CODEC_LZ4_HADOOP:
    case CNI_CODEC_LZ4_RAW:
        return lz4_decompress(codec, src, src_bytes, dst, dst_bytes, err);
    case CNI_CODEC_LZO:
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "compression codec LZO is not built in");
    default:
        return CN_FAIL(err, CN_INVALID_DATA, "%d is not a compression codec", (int)codec);
    }
}

int64_t
cni_codec_max_output(int32_t codec, int64_t src_bytes)
{
    /* Best ratios the formats can reach: a snappy copy of 64 in 3 bytes, an lz4 length byte of 255,
     * a deflate match of 258 in two bits. The others have no useful bound. */
    int64_t ratio = 0;
    switch (codec) {
    case CNI_CODEC_NONE:
        return src_bytes;
    case CNI_CODEC_SNAPPY:
        ratio = 22;
        break;
    case CNI_CODEC_LZ4_HADOOP:
    case CNI_CODEC_LZ4_RAW:
        ratio = 256;
        break;
    case CNI_CODEC_GZIP:
        ratio = 1033;
        break;
    default:
        return INT64_MAX;
    }
    return src_bytes > (INT64_MAX >> 11) ? INT64_MAX : src_bytes * ratio + 64;
}

const char *
cni_codec_name(int32_t codec)
{
    static const char *const names[CNI_CODEC_COUNT_] = {
        "UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"};
    return codec >= 0 && codec < CNI_CODEC_COUNT_ ? names[codec] : NULL;
}
