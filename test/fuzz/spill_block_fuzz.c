/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as a spilled block: the first picks the columns' types, the rest is the block, whose
 * checksum is made right, so that everything behind it is met.
 */
#include <stdlib.h>

#include "exec/spill/spill_block_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* Types of all families: fixed width, bits, text, decimals of both layouts, nested ones. */
static int32_t
pick_types(cni_arena *arena, uint8_t choice, const cni_type *out_types[4])
{
    const cni_type *simple[] = {cni_type_of(CNI_TYPE_INT64), cni_type_of(CNI_TYPE_VARCHAR),
                                cni_type_of(CNI_TYPE_BOOL), cni_type_decimal(30, 2),
                                cni_type_of(CNI_TYPE_NULL)};
    const cni_type *inner = simple[choice % 5];
    out_types[0] = inner;
    if (cni_type_list(arena, inner, &out_types[1], NULL) != CN_OK) {
        return 1;
    }
    const cni_field fields[] = {{.name = CNI_STR("a"), .type = out_types[1], .nullable = true},
                                {.name = CNI_STR("b"), .type = inner, .nullable = true}};
    if (cni_type_struct(arena, fields, 2, &out_types[2], NULL) != CN_OK ||
        cni_type_list(arena, out_types[2], &out_types[3], NULL) != CN_OK) {
        return 2;
    }
    return 1 + (choice / 5) % 4;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const cni_type *types[4];
    cni_arena *arena = NULL;
    cni_buffer *buffer = NULL;
    cni_chunk chunk;
    if (n_bytes < 1 || cni_arena_new(cni_allocator_system(), "fuzz", &arena, NULL) != CN_OK) {
        return 0;
    }
    const int32_t n_columns = pick_types(arena, bytes[0], types);
    const int64_t n_block = (int64_t)n_bytes - 1;
    cni_chunk_init(&chunk, cni_allocator_system());
    if (cni_buffer_new(cni_allocator_system(), n_block, &buffer, NULL) == CN_OK) {
        memcpy(buffer->data, bytes + 1, (size_t)n_block);
        cni_spill_block_seal(buffer->data, n_block);
        if (cni_spill_block_decode(cni_allocator_system(), types, n_columns, buffer, buffer->data,
                                   n_block, &chunk, NULL) == CN_OK &&
            cni_chunk_validate(&chunk, NULL) != CN_OK) {
            abort();
        }
        cni_buffer_unref(buffer);
    }
    cni_chunk_done(&chunk);
    cni_arena_unref(arena);
    return 0;
}
