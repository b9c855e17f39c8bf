/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading tables through their contract alone, without pipelines: a context, the schema id BIGINT,
 * name VARCHAR, batches of it, and a reader that follows a scan to its end. Header only.
 */
#ifndef CN_TEST_SOURCE_ENV_H
#define CN_TEST_SOURCE_ENV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/column/arrow_bridge.h"
#include "plan/table/table.h"
#include "unit/data/column/foreign_arrow.h"

#define SOURCE_ID_COLUMN 100 /* the column id that filters use for "id" */

typedef struct source_env {
    cni_budget *root;
    cni_pool *pool;
    cni_context context;
    cni_arena *arena;
    cni_field fields[2];
    cni_schema schema;
    cn_error err;
} source_env;

#define SOURCE_OK(env, call) source_assert_ok((env), (call), __LINE__)

static const cni_slot_of_table source_id_slot = {.column_id = SOURCE_ID_COLUMN, .table_column = 0};

static inline void
source_assert_ok(const source_env *env, cn_code code, int line)
{
    if (code != CN_OK) {
        fail_msg("line %d: %s: %s", line, cn_code_name((int32_t)code), env->err.message);
    }
}

static inline void
source_begin(source_env *self, int32_t chunk_rows)
{
    cni_exec_settings settings = cni_exec_settings_default();
    settings.n_threads = 2;
    settings.chunk_rows = chunk_rows;
    memset(self, 0, sizeof(*self));
    const int64_t limit = INT64_C(1) << 30;
    SOURCE_OK(self, cni_budget_new_root("test", limit, NULL, &self->root, &self->err));
    SOURCE_OK(self, cni_pool_new(cni_budget_allocator(self->root), 2, NULL, NULL, &self->pool,
                                 &self->err));
    SOURCE_OK(self, cni_context_init(&self->context, self->root, limit, self->pool, &settings,
                                     &self->err));
    SOURCE_OK(self, cni_arena_new(cni_allocator_system(), "test", &self->arena, &self->err));
    self->fields[0] =
        (cni_field){.name = CNI_STR("id"), .type = cni_type_of(CNI_TYPE_INT64), .nullable = true};
    self->fields[1] = (cni_field){
        .name = CNI_STR("name"), .type = cni_type_of(CNI_TYPE_VARCHAR), .nullable = true};
    self->schema = (cni_schema){.n_fields = 2, .fields = self->fields};
}

static inline void
source_end(source_env *self)
{
    cni_context_done(&self->context);
    cni_pool_free(self->pool);
    cni_arena_unref(self->arena);
    assert_int_equal(cni_budget_current_bytes(self->root), 0);
    cni_budget_unref(self->root);
}

static inline void
source_release_batch(struct ArrowArray *array)
{
    foreign_node *node = array->private_data;
    foreign_release_array(array);
    foreign_free(node);
}

/* A foreign batch with ids from `first` on and names of `first` + row. */
static inline foreign_node *
source_foreign(int64_t first, int64_t n_rows)
{
    foreign_node *root = foreign_new("+s", n_rows, 0, 1);
    foreign_node *ids = foreign_new("l", n_rows, 0, 2);
    foreign_node *names = foreign_new("u", n_rows, 0, 3);
    int64_t *values = calloc((size_t)n_rows + 1, sizeof(*values));
    int32_t *offsets = calloc((size_t)n_rows + 2, sizeof(*offsets));
    char *bytes = calloc((size_t)n_rows + 1, 32);
    assert_true(values != NULL && offsets != NULL && bytes != NULL);
    for (int64_t row = 0; row < n_rows; row++) {
        values[row] = first + row;
        offsets[row + 1] = offsets[row] + snprintf(bytes + offsets[row], 32, "name %lld",
                                                   (long long)(first + row));
    }
    foreign_buffer(ids, 1, values, (size_t)n_rows * sizeof(*values));
    foreign_buffer(names, 1, offsets, (size_t)(n_rows + 1) * sizeof(*offsets));
    foreign_buffer(names, 2, bytes, (size_t)offsets[n_rows]);
    free(values);
    free(offsets);
    free(bytes);
    root->array.null_count = 0;
    foreign_add_child(root, ids, "id");
    foreign_add_child(root, names, "name");
    return root;
}

static inline cni_arrow_batch
source_batch(source_env *self, int64_t first, int64_t n_rows)
{
    cni_arrow_batch batch = {0};
    foreign_node *node = source_foreign(first, n_rows);
    struct ArrowArray array = node->array;
    array.release = source_release_batch;
    SOURCE_OK(self, cni_arrow_import_batch(self->context.allocator, &node->schema, &self->schema,
                                           &array, &batch, &self->err));
    return batch;
}

/* id op number */
static inline const cni_expr *
source_filter(source_env *self, cni_compare_op op, int64_t number)
{
    const cni_value value = {.type = cni_type_of(CNI_TYPE_INT64), .as.i64 = number};
    const cni_expr *left = NULL;
    const cni_expr *right = NULL;
    const cni_expr *expr = NULL;
    SOURCE_OK(self, cni_expr_column(self->arena, SOURCE_ID_COLUMN, value.type, &left, &self->err));
    SOURCE_OK(self, cni_expr_literal(self->arena, &value, &right, &self->err));
    SOURCE_OK(self, cni_expr_compare(self->arena, op, left, right, &expr, &self->err));
    return expr;
}

/* `filter` may be NULL. The request is copied by what opens it. */
static inline cni_scan_request
source_request(const int32_t *columns, int32_t n_columns, const cni_expr *const *filter)
{
    return (cni_scan_request){.n_columns = n_columns,
                              .table_columns = columns,
                              .n_filters = *filter == NULL ? 0 : 1,
                              .filters = filter,
                              .n_filter_slots = *filter == NULL ? 0 : 1,
                              .filter_slots = &source_id_slot,
                              .limit = CNI_NO_LIMIT};
}

static inline cni_scan *
source_open(source_env *self, cni_table *table, const int32_t *columns, int32_t n_columns,
            const cni_expr *filter)
{
    const cni_scan_request request = source_request(columns, n_columns, &filter);
    cni_scan *scan = NULL;
    SOURCE_OK(self, table->ops->open_scan(table, &request, &self->context, &scan, &self->err));
    return scan;
}

typedef struct source_read {
    int64_t n_rows;
    int64_t sum;
    bool ascending;
    int64_t largest_chunk;
    int32_t n_columns; /* of the last chunk */
    int64_t n_ends;    /* chunks that ended their morsel */
    cn_code code;
} source_read;

static inline void
source_see(const cni_chunk *chunk, int32_t id_column, int64_t *inout_last, source_read *out)
{
    out->n_rows += cni_chunk_live_rows(chunk);
    out->largest_chunk = cni_max_i64(out->largest_chunk, chunk->n_rows);
    out->n_columns = chunk->n_columns;
    out->n_ends += chunk->ends_morsel ? 1 : 0;
    if (id_column < 0) {
        return;
    }
    const int64_t *ids = chunk->columns[id_column].data;
    for (int64_t row = 0; row < chunk->n_rows; row++) {
        const int64_t id = ids[row];
        out->ascending = out->ascending && id > *inout_last;
        out->sum += id;
        *inout_last = id;
    }
}

/* Follow the scan with one reader; id_column (without filters) is where the ids are, -1 = nowhere.
 */
static inline source_read
source_read_all(source_env *self, cni_scan *scan, int32_t id_column)
{
    source_read out = {.ascending = true};
    void *local = NULL;
    int64_t last = -1;
    int64_t morsel = 0;
    SOURCE_OK(self, scan->ops->open_local(scan, &local, &self->err));
    while (out.code == CN_OK &&
           scan->ops->next_morsel(scan, (cni_waker){0}, &morsel) == CNI_MORSEL_TAKEN) {
        bool open = true;
        while (open) {
            cni_chunk chunk;
            cni_read_answer answer = CNI_READ_END;
            cni_chunk_init(&chunk, self->context.allocator);
            out.code =
                scan->ops->read(scan, local, morsel, (cni_waker){0}, &chunk, &answer, &self->err);
            open = out.code == CN_OK && answer == CNI_READ_CHUNK;
            if (open) {
                assert_int_equal(chunk.sequence, morsel);
                SOURCE_OK(self, cni_chunk_validate(&chunk, &self->err));
                source_see(&chunk, id_column, &last, &out);
                open = !chunk.ends_morsel;
            }
            cni_chunk_done(&chunk);
        }
    }
    scan->ops->close_local(scan, local);
    return out;
}

#endif /* CN_TEST_SOURCE_ENV_H */
