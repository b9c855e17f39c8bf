/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows on their way out. A part is what one step gave: probe columns, shared when all rows of the
 * chunk come out once, else picked, and build rows as numbers. Parts wait until there are enough
 * rows to travel; only then build columns are picked, for all parts at once: short builds give
 * strings as codes over the kept column.
 */
#include "exec/join/join_spill_int.h"

#define FULL_BYTES (INT64_C(1) << 20) /* of strings: more do not wait */

/* ---- vectors ---- */

cn_code
cni_join_constant(cni_allocator *allocator, const cni_vector *vector, int64_t row, int64_t n,
                  cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_vector) one = {0};
    CN_SCOPED(cni_vector) flat = {0};
    const uint32_t index = (uint32_t)row;
    if (vector->encoding == CNI_CONSTANT) {
        cni_vector_copy(out, vector);
        out->n_rows = n;
        return CN_OK;
    }
    CN_TRY(cni_vector_take(allocator, vector, &index, 1, &one, err));
    CN_TRY(cni_vector_flatten(allocator, &one, &flat, err));
    flat.encoding = CNI_CONSTANT;
    flat.n_rows = n;
    cni_vector_move(out, &flat);
    return CN_OK;
}

cn_code
cni_join_take_build(const cni_join_build *build, cni_allocator *allocator, int32_t position,
                    const uint32_t *rows, int64_t n, bool has_none, cni_vector *out, cn_error *err)
{
    const int32_t stored = build->stored_of[position];
    if (build->n_rows == 0) {
        return cni_vector_new_null(allocator, build->join->build_types[position], n, out, err);
    }
    cni_vector column = build->columns[stored]; /* borrowed */
    if (!has_none && !build->has_nulls[stored]) {
        column.validity = (cni_bits){0};
    }
    return cni_vector_take(allocator, &column, rows, n, out, err);
}

/* ---- parts ---- */

/* CNI_JOIN_NONE becomes the NULL row. */
static bool
name_null_row(const cni_join_build *build, uint32_t *inout_rows, int64_t n)
{
    const uint32_t null_row = (uint32_t)build->n_rows;
    uint32_t any = 0;
    for (int64_t at = 0; at < n; at++) {
        const bool none = inout_rows[at] == CNI_JOIN_NONE;
        any |= none;
        inout_rows[at] = none ? null_row : inout_rows[at];
    }
    return any != 0;
}

static void
add_build_rows(const cni_join_probe *self, cni_join_local *local, const uint32_t *rows, int64_t n)
{
    uint32_t *to = local->part_build + local->part_rows;
    if (rows == NULL || self->build->n_stored == 0) {
        return;
    }
    memcpy(to, rows, (size_t)n * sizeof(*to));
    if (self->outer) {
        local->part_nulls = name_null_row(self->build, to, n) || local->part_nulls;
    }
}

static cn_code
fill_part(const cni_join_probe *self, const cni_join_local *local, const uint32_t *probe_rows,
          int64_t n, cni_vector *own_mark, cni_chunk *part, cn_error *err)
{
    cni_allocator *allocator = self->base.context->allocator;
    const int32_t n_marks = own_mark == NULL ? 0 : 1;
    cni_chunk_reset(part);
    CN_TRY(cni_chunk_set_columns(part, self->n_probe_outputs + n_marks, err));
    for (int32_t at = 0; at < self->n_probe_outputs; at++) {
        const cni_vector *column = &local->probe.columns[self->probe_outputs[at]];
        if (probe_rows == NULL) {
            cni_vector_copy(&part->columns[at], column);
        } else {
            CN_TRY(cni_vector_take(allocator, column, probe_rows, n, &part->columns[at], err));
        }
    }
    if (own_mark != NULL) {
        cni_vector_move(&part->columns[self->n_probe_outputs], own_mark);
    }
    part->n_rows = n;
    return CN_OK;
}

/* Of a part's strings, which may keep what they lie in alive. */
static int64_t
string_bytes(const cni_chunk *part)
{
    int64_t n_bytes = 0;
    for (int32_t at = 0; at < part->n_columns; at++) {
        const cni_vector *column = &part->columns[at];
        n_bytes += column->phys == CNI_PHYS_VIEW ? cni_join_vector_bytes(column) : 0;
    }
    return n_bytes;
}

cn_code
cni_join_emit(const cni_join_probe *self, cni_join_local *local, const uint32_t *probe_rows,
              const uint32_t *build_rows, int64_t n, cni_vector *own_mark, cn_error *err)
{
    const int64_t most = self->base.context->settings.chunk_rows;
    if (n == 0) {
        return CN_OK;
    }
    if (local->n_parts == CNI_JOIN_MAX_PARTS ||
        (local->n_parts > 0 && local->part_rows + n > most)) {
        CN_TRY(cni_join_flush_parts(self, local, err));
    }
    cni_chunk *part = &local->parts[local->n_parts];
    CN_TRY(fill_part(self, local, probe_rows, n, own_mark, part, err));
    add_build_rows(self, local, build_rows, n);
    local->n_parts++;
    local->part_rows += n;
    if (local->part_rows < self->full_rows) {
        local->part_bytes += string_bytes(part);
    }
    return local->part_rows >= self->full_rows || local->part_bytes >= FULL_BYTES
               ? cni_join_flush_parts(self, local, err)
               : CN_OK;
}

/* ---- ready ---- */

/* Codes over the kept columns: the rows themselves, shared by all columns. */
static cn_code
make_codes(const cni_join_local *local, cni_allocator *allocator, cni_buffer **out, cn_error *err)
{
    const int64_t n = local->part_rows;
    CN_TRY(cni_buffer_new(allocator, n * (int64_t)sizeof(uint16_t), out, err));
    uint16_t *codes = (uint16_t *)(void *)(*out)->data;
    for (int64_t at = 0; at < n; at++) {
        codes[at] = (uint16_t)local->part_build[at];
    }
    return CN_OK;
}

/* Codes pay when the dictionary is not much longer than what refers to it. */
static bool
pays_codes(const cni_join_build *build, const cni_join_local *local)
{
    return build->n_rows <= 1024 || local->n_given >= build->n_rows / 4;
}

static cn_code
ready_build_column(const cni_join_probe *self, const cni_join_local *local, int32_t position,
                   cni_buffer **inout_codes, cni_vector *out, cn_error *err)
{
    cni_allocator *allocator = self->base.context->allocator;
    const cni_join_build *build = self->build;
    cni_dictionary *dictionary =
        build->n_rows == 0 ? NULL : build->dictionaries[build->stored_of[position]];
    if (dictionary == NULL || !pays_codes(build, local)) {
        return cni_join_take_build(build, allocator, position, local->part_build, local->part_rows,
                                   local->part_nulls, out, err);
    }
    if (*inout_codes == NULL) {
        CN_TRY(make_codes(local, allocator, inout_codes, err));
    }
    *out = (cni_vector){.type = dictionary->values.type,
                        .encoding = CNI_DICTIONARY,
                        .phys = dictionary->values.phys,
                        .code_bytes = 2,
                        .n_rows = local->part_rows,
                        .data = (*inout_codes)->data,
                        .bounds = dictionary->values.bounds,
                        .dictionary = cni_dictionary_ref(dictionary),
                        .owner_data = cni_buffer_ref(*inout_codes)};
    return CN_OK;
}

static cn_code
ready_part_column(const cni_join_probe *self, cni_join_local *local, int32_t column,
                  cni_vector *out, cn_error *err)
{
    const cni_vector *list[CNI_JOIN_MAX_PARTS];
    if (local->n_parts == 1) {
        cni_vector_copy(out, &local->parts[0].columns[column]);
        return CN_OK;
    }
    for (int32_t at = 0; at < local->n_parts; at++) {
        list[at] = &local->parts[at].columns[column];
    }
    return cni_vector_concat(self->base.context->allocator, list, local->n_parts, out, err);
}

static cn_code
fill_ready(const cni_join_probe *self, cni_join_local *local, cni_chunk *ready, cn_error *err)
{
    const cni_phys_join *join = self->join;
    const int32_t n_marks = cni_join_outputs_marks(self) ? 1 : 0;
    CN_SCOPED(cni_buffer_p) codes = NULL;
    CN_TRY(cni_chunk_set_columns(ready, join->n_outputs + n_marks, err));
    for (int32_t at = 0; at < join->n_outputs; at++) {
        cni_vector *out = &ready->columns[at];
        if (join->outputs[at].from_build) {
            CN_TRY(ready_build_column(self, local, join->outputs[at].position, &codes, out, err));
        } else {
            CN_TRY(ready_part_column(self, local, self->output_of_probe[at], out, err));
        }
    }
    if (n_marks > 0) {
        CN_TRY(ready_part_column(self, local, self->n_probe_outputs,
                                 &ready->columns[join->n_outputs], err));
    }
    ready->n_rows = local->part_rows;
    return CN_OK;
}

/* The chunk that was filled is ready. (Setting its columns made it anonymous.) */
static void
give_ready(cni_join_local *local, int64_t n_rows)
{
    local->ready[local->n_ready].sequence = local->sequence;
    local->n_ready++;
    local->n_given += n_rows;
}

cn_code
cni_join_flush_parts(const cni_join_probe *self, cni_join_local *local, cn_error *err)
{
    if (local->n_parts == 0) {
        return CN_OK;
    }
    CN_TRY(fill_ready(self, local, &local->ready[local->n_ready], err));
    for (int32_t at = 0; at < local->n_parts; at++) {
        cni_chunk_reset(&local->parts[at]);
    }
    give_ready(local, local->part_rows);
    local->n_parts = 0;
    local->part_rows = 0;
    local->part_bytes = 0;
    local->part_nulls = false;
    return CN_OK;
}

/* ---- blocks ---- */

static cn_code
block_column(const cni_join_probe *self, const cni_join_local *local,
             const cni_phys_join_output *column, int64_t probe_row, int64_t build_row, int64_t n,
             cni_vector *out, cn_error *err)
{
    const cni_join_build *build = self->build;
    cni_allocator *allocator = self->base.context->allocator;
    if (!column->from_build) {
        const cni_vector *from = &local->probe.columns[column->position];
        if (probe_row >= 0) {
            return cni_join_constant(allocator, from, probe_row, n, out, err);
        }
        cni_vector_copy(out, from);
        return CN_OK;
    }
    if (build_row == CNI_JOIN_NONE) {
        return cni_vector_new_null(allocator, self->join->build_types[column->position], n, out,
                                   err);
    }
    const cni_vector *from = &build->columns[build->stored_of[column->position]];
    if (probe_row < 0) {
        return cni_join_constant(allocator, from, build_row, n, out, err);
    }
    cni_vector_slice(out, from, build_row, n);
    return CN_OK;
}

/* Few rows go the way of all others, so that they are joined. */
static cn_code
emit_few(const cni_join_probe *self, cni_join_local *local, int64_t probe_row, int64_t build_row,
         int64_t n, cn_error *err)
{
    for (int64_t at = 0; at < n; at++) {
        local->pair_probe[at] = (uint32_t)(probe_row < 0 ? at : probe_row);
        local->pair_build[at] = (uint32_t)(probe_row < 0 ? build_row : build_row + at);
    }
    return cni_join_emit(self, local, probe_row < 0 ? NULL : local->pair_probe, local->pair_build,
                         n, NULL, err);
}

cn_code
cni_join_emit_block(const cni_join_probe *self, cni_join_local *local, int64_t probe_row,
                    int64_t build_row, int64_t n, cn_error *err)
{
    const cni_phys_join *join = self->join;
    if (n < self->full_rows) {
        return emit_few(self, local, probe_row, build_row, n, err);
    }
    CN_TRY(cni_join_flush_parts(self, local, err));
    cni_chunk *ready = &local->ready[local->n_ready];
    CN_TRY(cni_chunk_set_columns(ready, join->n_outputs, err));
    for (int32_t at = 0; at < join->n_outputs; at++) {
        CN_TRY(block_column(self, local, &join->outputs[at], probe_row, build_row, n,
                            &ready->columns[at], err));
    }
    ready->n_rows = n;
    give_ready(local, n);
    return CN_OK;
}
