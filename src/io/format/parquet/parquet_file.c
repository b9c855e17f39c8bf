/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening Parquet files: the last bytes say how long the footer is; one read usually has it whole.
 */
#include "io/format/parquet/parquet_file_int.h"

#include "base/checked.h"
#include "data/column/buffer.h"

#define TAIL_BYTES (64 * 1024)
#define END_BYTES  8 /* length and magic */

static uint32_t
load_u32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, 4);
    return value;
}

/* Length of the footer from the last 8 bytes. */
static cn_code
check_end(const uint8_t *end, int64_t file_bytes, int64_t *out_footer_bytes, cn_error *err)
{
    if (memcmp(end + 4, "PARE", 4) == 0) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED,
                       "its footer is encrypted, which is not implemented");
    }
    const int64_t n_bytes = load_u32(end);
    if (memcmp(end + 4, "PAR1", 4) != 0) {
        return CN_FAIL(err, CN_INVALID_DATA, "it does not end as a Parquet file does");
    }
    if (n_bytes > file_bytes - END_BYTES - 4) {
        return CN_FAIL(err, CN_INVALID_DATA, "its footer is said to be longer than the file");
    }
    *out_footer_bytes = n_bytes;
    return CN_OK;
}

/* The footer's bytes, in the arena. */
static cn_code
read_footer(cni_arena *arena, cni_allocator *allocator, const cni_file *file, cni_fault *fault,
            uint8_t **out_bytes, int64_t *out_n_bytes, cn_error *err)
{
    const int64_t file_bytes = cni_file_size(file);
    if (file_bytes < END_BYTES + 4) {
        return CN_FAIL(err, CN_INVALID_DATA, "it is too short for a Parquet file");
    }
    const int64_t n_tail = cni_min_i64(file_bytes, TAIL_BYTES);
    CN_SCOPED(cni_buffer_p) tail = NULL;
    CN_TRY(cni_buffer_new(allocator, n_tail, &tail, err));
    CN_TRY(cni_file_read(file, fault, file_bytes - n_tail, n_tail, tail->data, err));
    int64_t n_bytes = 0;
    CN_TRY(check_end(tail->data + n_tail - END_BYTES, file_bytes, &n_bytes, err));
    uint8_t *bytes;
    CN_TRY(cni_arena_alloc(arena, n_bytes, &bytes, err));
    if (n_bytes <= n_tail - END_BYTES) {
        memcpy(bytes, tail->data + n_tail - END_BYTES - n_bytes, (size_t)n_bytes);
    } else {
        CN_TRY(cni_file_read(file, fault, file_bytes - END_BYTES - n_bytes, n_bytes, bytes, err));
    }
    *out_bytes = bytes;
    *out_n_bytes = n_bytes;
    return CN_OK;
}

static cn_code
sum_rows(cni_pq_file *self, cn_error *err)
{
    for (int64_t group = 0; group < self->footer.n_groups; group++) {
        if (!cni_checked_add(self->n_rows, self->footer.groups[group].n_rows, &self->n_rows)) {
            return CN_FAIL(err, CN_INVALID_DATA, "damaged footer: more than 2^63 rows");
        }
    }
    return CN_OK;
}

static cn_code
parse_file(cni_arena *arena, cni_allocator *allocator, const cni_file *file, cni_fault *fault,
           bool binary_as_string, cni_pq_file **out_file, cn_error *err)
{
    cni_pq_file *self;
    uint8_t *bytes = NULL;
    int64_t n_bytes = 0;
    CN_TRY(CN_ARENA_NEW(arena, &self, err));
    cni_counter_set(&self->n_refs, 1);
    self->arena = arena;
    self->identity = *cni_file_get_identity(file);
    self->binary_as_string = binary_as_string;
    CN_TRY(cni_arena_str(arena, cni_file_path(file), &self->path, err));
    CN_TRY(read_footer(arena, allocator, file, fault, &bytes, &n_bytes, err));
    CN_TRY(cni_pq_footer_parse(arena, bytes, n_bytes, &self->footer, err));
    CN_TRY(cni_pq_schema_map(arena, &self->footer, binary_as_string, &self->schema, err));
    CN_TRY(sum_rows(self, err));
    *out_file = self;
    return CN_OK;
}

cn_code
cni_pq_file_open(cni_context *context, cni_parquet_cache *cache, cni_str path,
                 const cni_parquet_options *options, cni_pq_file **out_file, cn_error *err)
{
    CN_SCOPED(cni_file_p) file = NULL;
    CN_TRY(cni_file_open(context->allocator, context, path, &file, err));
    if (cache != NULL) {
        *out_file = cni_parquet_cache_find(cache, cni_file_path(file), cni_file_get_identity(file),
                                           options->binary_as_string);
        if (*out_file != NULL) {
            return CN_OK;
        }
    }
    cni_allocator *allocator =
        cache != NULL ? cni_parquet_cache_allocator(cache) : context->allocator;
    cni_arena *arena;
    CN_TRY(cni_arena_new(allocator, "parquet footer", &arena, err));
    cni_pq_file *made;
    const cn_code code = parse_file(arena, context->allocator, file, context->fault,
                                    options->binary_as_string, &made, err);
    if (code != CN_OK) {
        cni_error_context(err, "'%.*s'", CNI_STR_ARGS(cni_file_path(file)));
        cni_arena_unref(arena);
        return code;
    }
    if (cache != NULL) {
        cni_parquet_cache_offer(cache, made);
    }
    *out_file = made;
    return CN_OK;
}

cni_pq_file *
cni_pq_file_ref(cni_pq_file *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

void
cni_pq_file_unref(cni_pq_file *self)
{
    if (self != NULL && cni_refcount_dec(&self->n_refs)) {
        cni_arena_unref(self->arena);
    }
}

cn_code
cni_pq_file_reopen(const cni_pq_file *self, cni_context *context, cni_file **out_file,
                   cn_error *err)
{
    CN_SCOPED(cni_file_p) file = NULL;
    CN_TRY(cni_file_open(context->allocator, context, self->path, &file, err));
    if (!cni_file_identity_equal(cni_file_get_identity(file), &self->identity)) {
        return CN_FAIL(err, CN_INVALID_STATE, "'%.*s' was changed after the query was planned",
                       CNI_STR_ARGS(self->path));
    }
    *out_file = CN_MOVE(file);
    return CN_OK;
}
