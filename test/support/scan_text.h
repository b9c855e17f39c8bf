/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: an engine's context without a session, and scans of tables as text, one line per row,
 * tab between values, \N for NULL.
 */
#ifndef TEST_SCAN_TEXT_H
#define TEST_SCAN_TEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/table/table.h"

typedef struct test_engine {
    cni_budget *root;
    cni_pool *pool;
    cni_context context;
} test_engine;

/* Budget of limit_bytes; NULL-safe to close when it fails. */
static inline cn_code
test_engine_open(test_engine *self, int64_t limit_bytes, int32_t chunk_rows, cni_fault *fault,
                 cn_error *err)
{
    memset(self, 0, sizeof(*self));
    cni_exec_settings settings = cni_exec_settings_default();
    settings.n_threads = 2;
    settings.chunk_rows = chunk_rows;
    CN_TRY(cni_budget_new_root("test", limit_bytes, fault, &self->root, err));
    CN_TRY(cni_pool_new(cni_budget_allocator(self->root), 1, NULL, fault, &self->pool, err));
    CN_TRY(cni_context_init(&self->context, self->root, limit_bytes, self->pool, &settings, err));
    self->context.fault = fault;
    return CN_OK;
}

static inline void
test_engine_close(test_engine *self)
{
    cni_context_done(&self->context);
    cni_pool_free(self->pool);
    cni_budget_unref(self->root);
}

typedef struct test_lines {
    char **lines;
    int64_t n;
    int64_t cap;
} test_lines;

static inline void
test_lines_free(test_lines *self)
{
    for (int64_t line = 0; line < self->n; line++) {
        free(self->lines[line]);
    }
    free(self->lines);
    memset(self, 0, sizeof(*self));
}

static inline void
test_lines_add(test_lines *self, const char *text, int64_t n_bytes)
{
    if (self->n == self->cap) {
        self->cap = self->cap == 0 ? 256 : self->cap * 2;
        self->lines = realloc(self->lines, (size_t)self->cap * sizeof(*self->lines));
    }
    char *line = malloc((size_t)n_bytes + 1);
    memcpy(line, text, (size_t)n_bytes);
    line[n_bytes] = 0;
    self->lines[self->n++] = line;
}

static inline cn_code
test_print_value(const cni_vector *vector, int64_t row, cni_strbuf *out, cn_error *err)
{
    if (!cni_vector_is_valid(vector, row)) {
        return cni_strbuf_append(out, CNI_STR("\\N"), err);
    }
    const int64_t begin = out->len_bytes;
    CN_TRY(cni_vector_print(vector, row, out, err));
    cni_strbuf raw;
    cni_strbuf_init(&raw, out->allocator, INT64_C(1) << 30);
    cn_code code =
        cni_strbuf_append(&raw, (cni_str){out->data + begin, out->len_bytes - begin}, err);
    out->len_bytes = begin;
    for (int64_t at = 0; at < raw.len_bytes && code == CN_OK; at++) {
        const char c = raw.data[at];
        const char *escaped = c == '\t' ? "\\t" : c == '\n' ? "\\n" : c == '\\' ? "\\\\" : NULL;
        code = escaped != NULL ? cni_strbuf_append(out, cni_str_of(escaped), err)
                               : cni_strbuf_append_char(out, c, err);
    }
    cni_strbuf_done(&raw);
    return code;
}

/* The live rows of a chunk. */
static inline cn_code
test_print_chunk(const cni_chunk *chunk, cni_strbuf *buffer, test_lines *inout_lines, cn_error *err)
{
    uint64_t live[CNI_CHUNK_ROWS_MAX / 64];
    cni_selection_to_bits(&chunk->selection, chunk->n_rows, live);
    for (int64_t row = 0; row < chunk->n_rows; row++) {
        if ((live[row >> 6] >> (row & 63) & 1) == 0) {
            continue;
        }
        cni_strbuf_reset(buffer);
        for (int32_t column = 0; column < chunk->n_columns; column++) {
            if (column > 0) {
                CN_TRY(cni_strbuf_append_char(buffer, '\t', err));
            }
            CN_TRY(test_print_value(&chunk->columns[column], row, buffer, err));
        }
        const cni_str line = cni_strbuf_view(buffer);
        test_lines_add(inout_lines, line.data == NULL ? "" : line.data, line.len_bytes);
    }
    return CN_OK;
}

/* What one worker reads; lines may be NULL (rows are only counted). */
static inline cn_code
test_scan_worker(cni_scan *scan, cni_context *context, test_lines *lines, int64_t *inout_rows,
                 cn_error *err)
{
    void *local = NULL;
    CN_TRY(scan->ops->open_local(scan, &local, err));
    cni_chunk chunk;
    cni_strbuf buffer;
    cni_chunk_init(&chunk, context->allocator);
    cni_strbuf_init(&buffer, cni_allocator_system(), INT64_C(1) << 30);
    cn_code code = CN_OK;
    int64_t morsel = 0;
    while (code == CN_OK &&
           scan->ops->next_morsel(scan, (cni_waker){NULL}, &morsel) == CNI_MORSEL_TAKEN) {
        cni_read_answer answer = CNI_READ_CHUNK;
        bool is_over = false;
        while (code == CN_OK && !is_over) {
            cni_chunk_reset(&chunk);
            code = scan->ops->read(scan, local, morsel, (cni_waker){NULL}, &chunk, &answer, err);
            if (code == CN_OK && answer == CNI_READ_CHUNK) {
                *inout_rows += cni_chunk_live_rows(&chunk);
                code = cni_chunk_validate(&chunk, err);
                if (code == CN_OK && lines != NULL) {
                    code = test_print_chunk(&chunk, &buffer, lines, err);
                }
            }
            is_over = answer == CNI_READ_END || chunk.ends_morsel;
        }
    }
    cni_strbuf_done(&buffer);
    cni_chunk_done(&chunk);
    scan->ops->close_local(scan, local);
    return code;
}

/* All rows of a request as text, one worker; out_counters may be NULL. */
static inline cn_code
test_scan_lines(cni_table *table, const cni_scan_request *request, cni_context *context,
                test_lines *out_lines, int64_t *out_rows, cni_scan_counters *out_counters,
                cn_error *err)
{
    cni_scan *scan = NULL;
    *out_rows = 0;
    CN_TRY(table->ops->open_scan(table, request, context, &scan, err));
    const cn_code code = test_scan_worker(scan, context, out_lines, out_rows, err);
    if (out_counters != NULL) {
        scan->ops->counters(scan, out_counters);
    }
    cni_scan_close(scan);
    return code;
}

/* Lines of a file as the generator wrote them. */
static inline bool
test_read_lines(const char *path, test_lines *out_lines)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t n = getline(&line, &cap, file); n >= 0; n = getline(&line, &cap, file)) {
        test_lines_add(out_lines, line, n > 0 && line[n - 1] == '\n' ? n - 1 : n);
    }
    free(line);
    (void)fclose(file);
    return true;
}

#endif /* TEST_SCAN_TEXT_H */
