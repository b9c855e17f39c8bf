/* SPDX-License-Identifier: Apache-2.0
 *
 * Is a vector consistent? Buffers that we own are checked for size, codes, offsets, views and run
 * ends for range. For the hostile build and tests; the check costs a pass over all rows and
 * children.
 */
#include "data/column/vector_int.h"

#define BROKEN(err, ...) CN_FAIL((err), CN_INTERNAL, "vector: " __VA_ARGS__)

/* [data, data + n_bytes) lies in the buffer, as far as its size is known. */
static cn_code
check_extent(const cni_buffer *owner, const void *data, int64_t n_bytes, const char *what,
             cn_error *err)
{
    if (n_bytes > 0 && data == NULL) {
        return BROKEN(err, "%s is missing", what);
    }
    if (owner == NULL || owner->release != NULL || data == NULL) {
        return CN_OK;
    }
    const uintptr_t start = (uintptr_t)owner->data;
    const uintptr_t at = (uintptr_t)data;
    if (at < start || at > start + (uintptr_t)owner->len_bytes) {
        return CN_OK; /* another buffer keeps it: a static constant or a parent's */
    }
    if (!cni_range_fits((int64_t)(at - start), n_bytes, owner->len_bytes)) {
        return BROKEN(err, "%s has %lld bytes, %lld are used", what, (long long)owner->len_bytes,
                      (long long)((int64_t)(at - start) + n_bytes));
    }
    return CN_OK;
}

static cn_code
check_bits(const cni_buffer *owner, cni_bits bits, int64_t n_bits, const char *what, cn_error *err)
{
    if (bits.data == NULL) {
        return CN_OK;
    }
    if (bits.off_bits < 0) {
        return BROKEN(err, "%s begins at bit %lld", what, (long long)bits.off_bits);
    }
    return check_extent(owner, bits.data, cni_bits_bytes(bits.off_bits + n_bits), what, err);
}

static cn_code
check_views(const cni_vector *self, int64_t n_values, cn_error *err)
{
    const cni_view *views = self->data;
    for (int64_t row = 0; row < n_values; row++) {
        if (!cni_bits_get(self->validity, row)) {
            continue;
        }
        if (views[row].len_bytes > CNI_VIEW_MAX_BYTES) {
            return BROKEN(err, "string %lld has %u bytes", (long long)row, views[row].len_bytes);
        }
        if (views[row].len_bytes <= CNI_VIEW_INLINE_BYTES) {
            cni_view again = cni_view_make(views[row].as.inlined, views[row].len_bytes);
            if (memcmp(&again, &views[row], sizeof(again)) != 0) {
                return BROKEN(err, "short string %lld is not padded with zeros", (long long)row);
            }
        } else if (memcmp(views[row].as.ref.prefix, cni_view_data(&views[row]), 4) != 0) {
            return BROKEN(err, "string %lld does not begin with its prefix", (long long)row);
        }
    }
    return CN_OK;
}

static cn_code
check_entries(const cni_vector *self, int64_t n_values, cn_error *err)
{
    const cni_list_entry *entries = self->data;
    const int64_t n_items = self->nested->children[0].n_rows;
    for (int64_t row = 0; row < n_values; row++) {
        if (cni_bits_get(self->validity, row) &&
            !cni_range_fits(entries[row].offset, entries[row].size, n_items)) {
            return BROKEN(err, "list %lld is items %lld and %lld more of %lld", (long long)row,
                          (long long)entries[row].offset, (long long)entries[row].size,
                          (long long)n_items);
        }
    }
    return CN_OK;
}

static int32_t
find_union_child(const cni_type *type, int8_t code)
{
    for (int32_t child = 0; child < type->n_children; child++) {
        if (type->union_codes[child] == code) {
            return child;
        }
    }
    return -1;
}

static cn_code
check_union(const cni_vector *self, int64_t n_values, cn_error *err)
{
    const int8_t *codes = self->data;
    if (self->type->dense && n_values > 0 && self->union_offsets == NULL) {
        return BROKEN(err, "a dense union has no offsets");
    }
    for (int64_t row = 0; row < n_values; row++) {
        const int32_t child = find_union_child(self->type, codes[row]);
        if (child < 0) {
            return BROKEN(err, "union row %lld has the code %d", (long long)row, codes[row]);
        }
        const int64_t n_items = self->nested->children[child].n_rows;
        if (self->type->dense && !cni_range_fits(self->union_offsets[row], 1, n_items)) {
            return BROKEN(err, "union row %lld is item %d of %lld", (long long)row,
                          self->union_offsets[row], (long long)n_items);
        }
    }
    return CN_OK;
}

static cn_code
check_children(const cni_vector *self, int64_t n_values, cn_error *err)
{
    const cni_type *type = self->type;
    if (self->nested == NULL || self->nested->n_children != type->n_children) {
        return BROKEN(err, "a nested vector has not the children of its type");
    }
    const bool by_row = self->phys == CNI_PHYS_STRUCT || self->phys == CNI_PHYS_ARRAY ||
                        (self->phys == CNI_PHYS_UNION && !type->dense);
    const int64_t width = self->phys == CNI_PHYS_ARRAY ? type->width : 1;
    for (int32_t child = 0; child < type->n_children; child++) {
        const cni_vector *vector = &self->nested->children[child];
        if (!cni_type_equal(vector->type, type->children[child].type)) {
            return BROKEN(err, "child %d has another type than the type says", child);
        }
        if (by_row &&
            !cni_range_fits(self->nested_offset * width, n_values * width, vector->n_rows)) {
            return BROKEN(err, "child %d has %lld rows for %lld from %lld", child,
                          (long long)vector->n_rows, (long long)n_values,
                          (long long)self->nested_offset);
        }
        CN_TRY(cni_vector_validate(vector, err));
    }
    if (self->phys == CNI_PHYS_LIST) {
        return check_entries(self, n_values, err);
    }
    return self->phys == CNI_PHYS_UNION ? check_union(self, n_values, err) : CN_OK;
}

/* FLAT of n_rows, or CONSTANT as FLAT of one. */
static cn_code
check_values(const cni_vector *self, int64_t n_values, cn_error *err)
{
    CN_TRY(check_bits(self->owner_validity, self->validity, n_values, "validity", err));
    if (self->phys == CNI_PHYS_NONE) {
        const bool null = self->validity.data != NULL &&
                          (n_values == 0 || cni_bits_count(self->validity, n_values) == 0);
        return null ? CN_OK : BROKEN(err, "a value of the NULL type is not null");
    }
    if (self->phys == CNI_PHYS_BIT) {
        return n_values == 0 ? CN_OK
                             : check_bits(self->owner_data, cni_vector_data_bits(self), n_values,
                                          "data", err);
    }
    int64_t n_bytes = 0;
    if (!cni_checked_mul(n_values, cni_phys_bytes((cni_phys)self->phys, self->type), &n_bytes)) {
        return BROKEN(err, "%lld rows", (long long)n_values);
    }
    CN_TRY(check_extent(self->owner_data, self->data, n_bytes, "data", err));
    if (self->phys == CNI_PHYS_VIEW) {
        return check_views(self, n_values, err);
    }
    return cni_phys_is_nested(self->phys) ? check_children(self, n_values, err) : CN_OK;
}

static cn_code
check_codes(const cni_vector *self, cn_error *err)
{
    if (self->dictionary == NULL || self->dictionary->values.encoding != CNI_FLAT) {
        return BROKEN(err, "a dictionary is missing or not flat");
    }
    if (self->code_bytes != 1 && self->code_bytes != 2 && self->code_bytes != 4) {
        return BROKEN(err, "codes of %d bytes", self->code_bytes);
    }
    CN_TRY(check_bits(self->owner_validity, self->validity, self->n_rows, "validity", err));
    CN_TRY(
        check_extent(self->owner_data, self->data, self->n_rows * self->code_bytes, "codes", err));
    const int64_t n_values = self->dictionary->values.n_rows;
    for (int64_t row = 0; row < self->n_rows; row++) {
        const uint32_t code = cni_column_load_index(self->data, row, self->code_bytes);
        if (code >= n_values) {
            return BROKEN(err, "row %lld has the code %u of %lld", (long long)row, code,
                          (long long)n_values);
        }
    }
    return cni_vector_validate(&self->dictionary->values, err);
}

static cn_code
check_runs(const cni_vector *self, cn_error *err)
{
    if (self->nested == NULL || self->nested->n_children != 1 ||
        self->nested->children[0].encoding == CNI_RUN_END) {
        return BROKEN(err, "runs have no values of their own");
    }
    if (self->nested->children[0].n_rows < self->n_runs || self->run_base < 0) {
        return BROKEN(err, "%lld runs have %lld values", (long long)self->n_runs,
                      (long long)self->nested->children[0].n_rows);
    }
    int64_t previous = 0;
    for (int64_t run = 0; run < self->n_runs; run++) {
        if (self->run_ends[run] <= previous) {
            return BROKEN(err, "run %lld ends at %d, the one before at %lld", (long long)run,
                          self->run_ends[run], (long long)previous);
        }
        previous = self->run_ends[run];
    }
    if (self->n_rows > 0 && previous < self->run_base + self->n_rows) {
        return BROKEN(err, "runs end at %lld, rows at %lld", (long long)previous,
                      (long long)(self->run_base + self->n_rows));
    }
    return cni_vector_validate(&self->nested->children[0], err);
}

static bool
phys_fits_type(const cni_vector *self)
{
    const cni_phys usual = cni_type_phys(self->type);
    return self->phys == usual ||
           (self->type->id == CNI_TYPE_DECIMAL && usual == CNI_PHYS_I128 &&
            self->phys == CNI_PHYS_I64) ||
           (self->type->id == CNI_TYPE_DECIMAL && usual == CNI_PHYS_I64 &&
            self->phys == CNI_PHYS_I128);
}

/* Stated bounds hold for every value. */
static cn_code
check_bounds(const cni_vector *self, cn_error *err)
{
    if (!self->bounds.known || (self->encoding != CNI_FLAT && self->encoding != CNI_CONSTANT)) {
        return CN_OK;
    }
    cni_vector fresh = *self; /* borrows: never released */
    fresh.bounds.known = false;
    const cni_bounds real = cni_vector_compute_bounds(&fresh);
    if (real.known && (real.low < self->bounds.low || real.high > self->bounds.high)) {
        return BROKEN(err, "values %lld to %lld are beyond the bounds %lld to %lld",
                      (long long)real.low, (long long)real.high, (long long)self->bounds.low,
                      (long long)self->bounds.high);
    }
    return CN_OK;
}

cn_code
cni_vector_validate(const cni_vector *self, cn_error *err)
{
    if (self->type == NULL || self->n_rows < 0 || !phys_fits_type(self)) {
        return BROKEN(err, "no type, a layout (%d) that does not fit it, or %lld rows", self->phys,
                      (long long)self->n_rows);
    }
    CN_TRY(check_bounds(self, err));
    switch ((cni_encoding)self->encoding) {
    case CNI_FLAT:
        return check_values(self, self->n_rows, err);
    case CNI_CONSTANT:
        return self->n_rows == 0 ? CN_OK : check_values(self, 1, err);
    case CNI_DICTIONARY:
        return check_codes(self, err);
    case CNI_RUN_END:
        return check_runs(self, err);
    case CNI_SEQUENCE:
        return self->phys == CNI_PHYS_I32 || self->phys == CNI_PHYS_I64
                   ? CN_OK
                   : BROKEN(err, "a sequence of layout %d", self->phys);
    default:
        return BROKEN(err, "encoding %d", self->encoding);
    }
}
