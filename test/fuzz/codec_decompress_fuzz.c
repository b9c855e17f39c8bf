/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as a compressed block: the first says which codec, the next two how long the output should
 * be.
 */
#include <stdlib.h>

#include "io/codec/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    cni_decompressor *decompressor = NULL;
    if (n_bytes < 3 || cni_decompressor_new(cni_allocator_system(), &decompressor, NULL) != CN_OK) {
        return 0;
    }
    const int64_t n_out = bytes[1] | bytes[2] << 8;
    uint8_t *out = malloc((size_t)n_out + 1);
    (void)!cni_codec_decompress(decompressor, bytes[0] % CNI_CODEC_COUNT_, bytes + 3,
                                (int64_t)n_bytes - 3, out, n_out, NULL);
    free(out);
    cni_decompressor_free(decompressor);
    return 0;
}
