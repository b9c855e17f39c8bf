/* SPDX-License-Identifier: Apache-2.0
 *
 * Import of encodings: dictionaries and runs. Codes stay in place when their width is ours, all of
 * them are in range and null rows too; else they are rewritten. Runs are rewritten to count from
 * the window's first row.
 */
#include "data/column/arrow_import_int.h"

/* Codes of the window, where they come from and what they must stay below. */
typedef struct code_source {
    const void *items;
    int32_t bytes;
    bool is_signed;
    int64_t n_values;
} code_source;

/* CN_OK and *out_clean when every code is in range, nulls included. */
static inline CN_ALWAYS_INLINE cn_code
check_codes_of(const code_source *self, int32_t bytes, bool is_signed, int64_t n_rows,
               cni_bits validity, bool *out_clean, cn_error *err)
{
    bool clean = true;
    for (int64_t row = 0; row < n_rows; row++) {
        const uint64_t code = (uint64_t)cni_arrow_load(self->items, row, bytes, is_signed);
        clean = clean && code < (uint64_t)self->n_values;
    }
    for (int64_t row = 0; !clean && row < n_rows; row++) {
        const uint64_t code = (uint64_t)cni_arrow_load(self->items, row, bytes, is_signed);
        if (code >= (uint64_t)self->n_values && cni_bits_get(validity, row)) {
            return CN_FAIL(err, CN_INVALID_DATA,
                           "Arrow: the dictionary index of row %lld is %lld of %lld",
                           (long long)row, (long long)code, (long long)self->n_values);
        }
    }
    *out_clean = clean;
    return CN_OK;
}

static cn_code
check_codes(const code_source *self, int64_t n_rows, cni_bits validity, bool *out_clean,
            cn_error *err)
{
    switch (self->bytes * 2 + self->is_signed) {
    case 2:
        return check_codes_of(self, 1, false, n_rows, validity, out_clean, err);
    case 3:
        return check_codes_of(self, 1, true, n_rows, validity, out_clean, err);
    case 4:
        return check_codes_of(self, 2, false, n_rows, validity, out_clean, err);
    case 5:
        return check_codes_of(self, 2, true, n_rows, validity, out_clean, err);
    case 8:
        return check_codes_of(self, 4, false, n_rows, validity, out_clean, err);
    case 9:
        return check_codes_of(self, 4, true, n_rows, validity, out_clean, err);
    default: /* 64-bit codes above INT64_MAX look negative, which is out of range as well */
        return check_codes_of(self, 8, true, n_rows, validity, out_clean, err);
    }
}

/* Codes as u32, out-of-range ones (under nulls) as 0. */
static cn_code
rewrite_codes(const cni_arrow_node *node, const code_source *source, cni_vector *out, cn_error *err)
{
    CN_TRY(cni_buffer_new(node->importer->allocator, node->n_rows * 4, &out->owner_data, err));
    uint32_t *codes = (uint32_t *)(void *)out->owner_data->data;
    for (int64_t row = 0; row < node->n_rows; row++) {
        const uint64_t code =
            (uint64_t)cni_arrow_load(source->items, row, source->bytes, source->is_signed);
        codes[row] = code < (uint64_t)source->n_values ? (uint32_t)code : 0;
    }
    out->data = codes;
    out->code_bytes = 4;
    return CN_OK;
}

static cn_code
import_values(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    const struct ArrowArray *array = node->array->dictionary;
    if (array->length > (int64_t)UINT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "Arrow: a dictionary of %lld values",
                       (long long)array->length);
    }
    CN_SCOPED(cni_vector) values = {0};
    CN_TRY(cni_arrow_import_rows(node, node->schema->dictionary, array, node->type, 0,
                                 cni_max_i64(array->length, 0), &values, err));
    return cni_vector_flatten(node->importer->allocator, &values, out, err);
}

static cn_code
import_codes(const cni_arrow_node *node, int64_t n_values, cni_vector *out, cn_error *err)
{
    const int32_t bytes = node->layout.item_bytes;
    code_source source = {
        .bytes = bytes, .is_signed = node->layout.is_signed, .n_values = n_values};
    CN_SCOPED(cni_buffer_p) owner = NULL;
    bool clean = false;
    CN_TRY(cni_arrow_import_items(node, 1, bytes, bytes, &source.items, &owner, err));
    CN_TRY(check_codes(&source, node->n_rows, out->validity, &clean, err));
    if (!clean || bytes == 8) {
        return rewrite_codes(node, &source, out, err);
    }
    out->data = source.items;
    out->owner_data = CN_MOVE(owner);
    out->code_bytes = (uint8_t)bytes;
    return CN_OK;
}

/* Types that carry no values cannot be looked up: their dictionary is one null. */
static cn_code
all_null(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    cni_vector_done(out);
    return cni_vector_new_null(node->importer->allocator, node->type, node->n_rows, out, err);
}

cn_code
cni_arrow_import_dictionary(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_vector) values = {0};
    CN_TRY(import_values(node, &values, err));
    const int64_t n_values = values.n_rows;
    out->type = node->type;
    out->encoding = CNI_DICTIONARY;
    out->phys = values.phys;
    out->n_rows = node->n_rows;
    CN_TRY(cni_arrow_import_validity(node, out, err));
    CN_TRY(import_codes(node, n_values, out, err));
    if (n_values == 0 || values.phys == CNI_PHYS_NONE) {
        return all_null(node, out, err);
    }
    return cni_dictionary_new(node->importer->allocator, &values, false, false, &out->dictionary,
                              err);
}

/* Ends of the runs, counted in rows of the parent from its buffers' start. */
typedef struct run_source {
    const void *ends;
    int32_t bytes;
    int64_t n_runs;
} run_source;

static int64_t
load_end(const run_source *self, int64_t run)
{
    return cni_arrow_load(self->ends, run, self->bytes, true);
}

/* Run ends are plain integers without nulls. */
static cn_code
open_runs(const cni_arrow_node *node, run_source *out, cn_error *err)
{
    const struct ArrowArray *array = node->array->children[0];
    cni_arrow_layout layout;
    CN_TRY(cni_arrow_parse_format(node->schema->children[0]->format, &layout, err));
    const bool shaped = layout.kind == CNI_ARROW_FIXED && layout.item_bytes >= 2 &&
                        layout.is_signed && array->n_buffers == 2 && array->buffers != NULL &&
                        array->dictionary == NULL && array->n_children == 0;
    if (!shaped || array->length < 0 || array->offset < 0 || array->length > CNI_ARROW_ROWS_MAX ||
        array->offset > CNI_ARROW_ROWS_MAX || (array->length > 0 && array->buffers[1] == NULL)) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: run ends are not an array of integers");
    }
    const bool nulls = array->null_count != 0 && array->buffers[0] != NULL && array->length > 0 &&
                       cni_bits_count((cni_bits){array->buffers[0], array->offset},
                                      array->length) != array->length;
    if (array->null_count > 0 || nulls) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: run ends are null");
    }
    *out = (run_source){.bytes = layout.item_bytes, .n_runs = array->length};
    if (array->length > 0) {
        out->ends = (const uint8_t *)array->buffers[1] + array->offset * out->bytes;
    }
    return CN_OK;
}

/* The first run that ends behind `row`. */
static int64_t
find_run(const run_source *self, int64_t row)
{
    int64_t low = 0;
    int64_t high = self->n_runs;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (load_end(self, middle) > row) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* Write the ends of the runs from first_run on that cover the window; gives how many. */
static cn_code
write_ends(const cni_arrow_node *node, const run_source *source, int64_t first_run, int32_t *ends,
           int64_t *out_runs, cn_error *err)
{
    int64_t previous = first_run == 0 ? 0 : load_end(source, first_run - 1);
    int64_t covered = 0;
    int64_t run = first_run;
    if (previous > node->first || previous < 0) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: run ends do not ascend");
    }
    for (; covered < node->n_rows && run < source->n_runs; run++) {
        const int64_t end = load_end(source, run);
        if (end <= previous) {
            return CN_FAIL(err, CN_INVALID_DATA,
                           "Arrow: run %lld ends at %lld, the one before at %lld", (long long)run,
                           (long long)end, (long long)previous);
        }
        covered = cni_min_i64(end - node->first, node->n_rows);
        ends[run - first_run] = (int32_t)covered;
        previous = end;
    }
    if (covered < node->n_rows) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: runs cover %lld of %lld rows",
                       (long long)covered, (long long)node->n_rows);
    }
    *out_runs = run - first_run;
    return CN_OK;
}

static cn_code
import_runs(const cni_arrow_node *node, const run_source *source, cni_vector *out, cn_error *err)
{
    cni_allocator *allocator = node->importer->allocator;
    const int64_t first_run = node->n_rows == 0 ? 0 : find_run(source, node->first);
    const int64_t max_runs = cni_min_i64(source->n_runs - first_run, node->n_rows);
    CN_TRY(cni_buffer_new(allocator, max_runs * 4, &out->owner_aux, err));
    int32_t *ends = (int32_t *)(void *)out->owner_aux->data;
    if (node->n_rows > 0) {
        CN_TRY(write_ends(node, source, first_run, ends, &out->n_runs, err));
    }
    out->run_ends = ends;
    CN_SCOPED(cni_vector) values = {0};
    CN_TRY(cni_nested_new(allocator, 1, &out->nested, err));
    CN_TRY(cni_arrow_import_rows(node, node->schema->children[1], node->array->children[1],
                                 node->type, first_run, out->n_runs, &values, err));
    if (values.encoding == CNI_RUN_END) {
        return cni_vector_flatten(allocator, &values, &out->nested->children[0], err);
    }
    cni_vector_move(&out->nested->children[0], &values);
    return CN_OK;
}

cn_code
cni_arrow_import_run_end(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    run_source source = {0};
    if (node->n_rows > INT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "Arrow: a run-end encoded array of %lld rows",
                       (long long)node->n_rows);
    }
    if (node->array->null_count > 0) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: a run-end encoded array states %lld nulls",
                       (long long)node->array->null_count);
    }
    out->type = node->type;
    out->encoding = CNI_RUN_END;
    out->phys = (uint8_t)cni_type_phys(node->type);
    out->n_rows = node->n_rows;
    CN_TRY(open_runs(node, &source, err));
    return import_runs(node, &source, out, err);
}
