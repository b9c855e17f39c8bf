/* SPDX-License-Identifier: Apache-2.0
 *
 * Metadata of fields and schemas: extension types are taken out on the way in, because they belong
 * to the type that plans pass on, and put back on the way out.
 */
#include "data/column/arrow_metadata_int.h"

#define PAIRS_MAX       65536
#define BLOCK_BYTES_MAX (INT64_C(64) << 20)
#define NAME_KEY        "ARROW:extension:name"
#define METADATA_KEY    "ARROW:extension:metadata"

typedef struct block_reader {
    const char *at;
    int64_t n_read;
} block_reader;

static int32_t
read_number(block_reader *self)
{
    int32_t number = 0;
    memcpy(&number, self->at, sizeof(number));
    self->at += sizeof(number);
    self->n_read += (int64_t)sizeof(number);
    return number;
}

static cn_code
read_text(block_reader *self, cni_str *out_text, cn_error *err)
{
    const int32_t len_bytes = read_number(self);
    if (len_bytes < 0 || self->n_read + len_bytes > BLOCK_BYTES_MAX) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: metadata text of %d bytes", len_bytes);
    }
    *out_text = (cni_str){self->at, len_bytes};
    self->at += len_bytes;
    self->n_read += len_bytes;
    return CN_OK;
}

static char *
write_text(char *at, cni_str text)
{
    const int32_t len_bytes = (int32_t)text.len_bytes;
    memcpy(at, &len_bytes, sizeof(len_bytes));
    at += sizeof(len_bytes);
    if (len_bytes > 0) {
        memcpy(at, text.data, (size_t)len_bytes);
    }
    return at + len_bytes;
}

/* First pass: the size of the whole block, and whether an extension is in it. */
static cn_code
measure(const char *block, int32_t *out_pairs, int64_t *out_bytes, cn_error *err)
{
    block_reader reader = {.at = block};
    const int32_t n_pairs = read_number(&reader);
    if (n_pairs < 0 || n_pairs > PAIRS_MAX) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: metadata of %d pairs", n_pairs);
    }
    for (int32_t pair = 0; pair < n_pairs; pair++) {
        cni_str text;
        CN_TRY(read_text(&reader, &text, err));
        CN_TRY(read_text(&reader, &text, err));
    }
    *out_pairs = n_pairs;
    *out_bytes = reader.n_read;
    return CN_OK;
}

cn_code
cni_arrow_split_metadata(cni_arena *arena, const char *block, cni_str *out_extension_name,
                         cni_str *out_extension_metadata, cni_str *out_rest, cn_error *err)
{
    cni_str name = {0};
    cni_str metadata = {0};
    *out_rest = (cni_str){0};
    if (block == NULL) {
        return CN_OK;
    }
    int32_t n_pairs = 0;
    int32_t n_kept = 0;
    int64_t n_bytes = 0;
    char *rest = NULL;
    CN_TRY(measure(block, &n_pairs, &n_bytes, err));
    CN_TRY(cni_arena_alloc(arena, n_bytes, &rest, err));
    char *next = rest + sizeof(n_kept);
    block_reader reader = {.at = block};
    (void)read_number(&reader);
    for (int32_t pair = 0; pair < n_pairs; pair++) {
        cni_str key = {0};
        cni_str value = {0};
        CN_TRY(read_text(&reader, &key, err));
        CN_TRY(read_text(&reader, &value, err));
        if (cni_str_eq(key, CNI_STR(NAME_KEY))) {
            name = value;
        } else if (cni_str_eq(key, CNI_STR(METADATA_KEY))) {
            metadata = value;
        } else {
            next = write_text(write_text(next, key), value);
            n_kept++;
        }
    }
    memcpy(rest, &n_kept, sizeof(n_kept));
    if (n_kept > 0) {
        *out_rest = (cni_str){rest, next - rest};
    }
    if (name.len_bytes > 0) {
        CN_TRY(cni_arena_str(arena, name, out_extension_name, err));
        CN_TRY(cni_arena_str(arena, metadata, out_extension_metadata, err));
    }
    return CN_OK;
}

cn_code
cni_arrow_join_metadata(cni_arena *arena, cni_str rest, const cni_type *type,
                        const char **out_block, cn_error *err)
{
    const bool extension = type != NULL && type->extension_name.len_bytes > 0;
    *out_block = NULL;
    if (rest.len_bytes < (int64_t)sizeof(int32_t) && !extension) {
        return CN_OK;
    }
    int32_t n_pairs = 0;
    int64_t n_bytes = (int64_t)sizeof(n_pairs);
    if (rest.len_bytes >= n_bytes) {
        memcpy(&n_pairs, rest.data, sizeof(n_pairs));
        n_bytes = rest.len_bytes;
    }
    const int64_t head_bytes = n_bytes;
    if (extension) {
        n_bytes += (int64_t)sizeof(NAME_KEY METADATA_KEY) + 4 * (int64_t)sizeof(n_pairs) +
                   type->extension_name.len_bytes + type->extension_metadata.len_bytes;
    }
    char *block = NULL;
    CN_TRY(cni_arena_alloc(arena, n_bytes, &block, err));
    if (rest.len_bytes > 0) {
        memcpy(block, rest.data, (size_t)cni_min_i64(rest.len_bytes, head_bytes));
    }
    if (extension) {
        char *next = block + head_bytes;
        next = write_text(write_text(next, CNI_STR(NAME_KEY)), type->extension_name);
        (void)write_text(write_text(next, CNI_STR(METADATA_KEY)), type->extension_metadata);
        n_pairs += 2;
    }
    memcpy(block, &n_pairs, sizeof(n_pairs));
    *out_block = block;
    return CN_OK;
}
