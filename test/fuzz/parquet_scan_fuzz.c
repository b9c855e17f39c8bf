/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as a Parquet file: opened, described, scanned with and without filters.
 */
#include "support/parquet_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (!test_parquet_bytes(bytes, n_bytes)) {
        __builtin_trap();
    }
    return 0;
}
