/* SPDX-License-Identifier: Apache-2.0
 *
 * What is seen of keys while a build collects them: how many, and their bounds.
 */
#include <math.h>

#include "plan/table/key_filter_int.h"

cni_key_class
cni_key_class_of(const cni_type *type)
{
    switch (cni_type_phys(type)) {
    case CNI_PHYS_I8:
    case CNI_PHYS_I16:
    case CNI_PHYS_I32:
    case CNI_PHYS_I64:
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
        /* wide decimals come in two layouts */
        return type->id == CNI_TYPE_DECIMAL && type->precision > 18 ? CNI_KEY_OTHER
                                                                    : CNI_KEY_INTEGER;
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        return CNI_KEY_FLOAT;
    case CNI_PHYS_VIEW:
        return CNI_KEY_TEXT;
    default:
        return CNI_KEY_OTHER;
    }
}

#define LOAD(PHYS, CTYPE)                                                                          \
    case PHYS:                                                                                     \
        for (int64_t row = 0; row < n; row++) {                                                    \
            out_values[row] = (int64_t)((const CTYPE *)flat->data)[first + row];                   \
        }                                                                                          \
        break

void
cni_key_load(const cni_vector *flat, int64_t first, int64_t n, int64_t *out_values)
{
    switch ((cni_phys)flat->phys) {
        LOAD(CNI_PHYS_I8, int8_t);
        LOAD(CNI_PHYS_I16, int16_t);
        LOAD(CNI_PHYS_I32, int32_t);
        LOAD(CNI_PHYS_I64, int64_t);
        LOAD(CNI_PHYS_U8, uint8_t);
        LOAD(CNI_PHYS_U16, uint16_t);
        LOAD(CNI_PHYS_U32, uint32_t);
    default: /* of another class */
        memset(out_values, 0, (size_t)n * sizeof(*out_values));
        break;
    }
}

void
cni_key_observation_init(cni_key_observation *self, cni_allocator *allocator, const cni_type *type)
{
    *self = (cni_key_observation){.allocator = allocator, .type = type};
}

void
cni_key_observation_done(cni_key_observation *self)
{
    if (self->allocator != NULL) {
        cni_dealloc(self->allocator, self->low_text, self->low_text_bytes);
        cni_dealloc(self->allocator, self->high_text, self->high_text_bytes);
    }
    memset(self, 0, sizeof(*self));
}

static void
see_integers(cni_key_observation *self, const cni_vector *flat)
{
    int64_t values[CNI_KEY_BLOCK_ROWS];
    int64_t low = self->has_bounds ? self->low_i64 : INT64_MAX;
    int64_t high = self->has_bounds ? self->high_i64 : INT64_MIN;
    int64_t n_valid = 0;
    for (int64_t first = 0; first < flat->n_rows; first += CNI_KEY_BLOCK_ROWS) {
        const int64_t n = cni_min_i64(CNI_KEY_BLOCK_ROWS, flat->n_rows - first);
        cni_key_load(flat, first, n, values);
        for (int64_t row = 0; row < n; row++) {
            if (flat->validity.data != NULL && !cni_bits_get(flat->validity, first + row)) {
                continue;
            }
            n_valid++;
            low = values[row] < low ? values[row] : low;
            high = values[row] > high ? values[row] : high;
        }
    }
    self->n_rows += n_valid;
    self->has_bounds = self->has_bounds || n_valid > 0;
    self->low_i64 = low;
    self->high_i64 = high;
}

static void
see_floats(cni_key_observation *self, const cni_vector *flat)
{
    for (int64_t row = 0; row < flat->n_rows; row++) {
        if (flat->validity.data != NULL && !cni_bits_get(flat->validity, row)) {
            continue;
        }
        const double value = flat->phys == CNI_PHYS_F32 ? (double)((const float *)flat->data)[row]
                                                        : ((const double *)flat->data)[row];
        self->n_rows++;
        if (isnan(value)) {
            self->has_nan = true;
            continue;
        }
        self->low_f64 = !self->has_bounds || value < self->low_f64 ? value : self->low_f64;
        self->high_f64 = !self->has_bounds || value > self->high_f64 ? value : self->high_f64;
        self->has_bounds = true;
    }
}

static cn_code
keep_text(cni_key_observation *self, cni_str text, char **inout_text, int64_t *inout_bytes,
          cn_error *err)
{
    char *copy = NULL;
    CN_TRY(cni_alloc(self->allocator, text.len_bytes, &copy, err));
    if (text.len_bytes > 0) {
        memcpy(copy, text.data, (size_t)text.len_bytes);
    }
    cni_dealloc(self->allocator, *inout_text, *inout_bytes);
    *inout_text = copy;
    *inout_bytes = text.len_bytes;
    return CN_OK;
}

static cn_code
see_text(cni_key_observation *self, cni_str low, cni_str high, cn_error *err)
{
    if (!self->has_bounds ||
        cni_str_compare(low, (cni_str){self->low_text, self->low_text_bytes}) < 0) {
        CN_TRY(keep_text(self, low, &self->low_text, &self->low_text_bytes, err));
    }
    if (!self->has_bounds ||
        cni_str_compare(high, (cni_str){self->high_text, self->high_text_bytes}) > 0) {
        CN_TRY(keep_text(self, high, &self->high_text, &self->high_text_bytes, err));
    }
    self->has_bounds = true;
    return CN_OK;
}

static cn_code
see_texts(cni_key_observation *self, const cni_vector *flat, cn_error *err)
{
    const cni_view *views = flat->data;
    int64_t low = -1;
    int64_t high = -1;
    for (int64_t row = 0; row < flat->n_rows; row++) {
        if (flat->validity.data != NULL && !cni_bits_get(flat->validity, row)) {
            continue;
        }
        self->n_rows++;
        const cni_str text = cni_view_str(&views[row]);
        low = low < 0 || cni_str_compare(text, cni_view_str(&views[low])) < 0 ? row : low;
        high = high < 0 || cni_str_compare(text, cni_view_str(&views[high])) > 0 ? row : high;
    }
    return low < 0 ? CN_OK
                   : see_text(self, cni_view_str(&views[low]), cni_view_str(&views[high]), err);
}

cn_code
cni_key_observe(cni_key_observation *self, const cni_vector *keys, cn_error *err)
{
    CN_SCOPED(cni_vector) flat = {0};
    const cni_key_class key_class = cni_key_class_of(self->type);
    if (key_class == CNI_KEY_OTHER) {
        self->n_rows += keys->n_rows - cni_vector_null_count(keys);
        return CN_OK;
    }
    CN_TRY(cni_vector_flatten(self->allocator, keys, &flat, err));
    if (key_class == CNI_KEY_TEXT) {
        return see_texts(self, &flat, err);
    }
    if (key_class == CNI_KEY_INTEGER) {
        see_integers(self, &flat);
    } else {
        see_floats(self, &flat);
    }
    return CN_OK;
}

cn_code
cni_key_observation_merge(cni_key_observation *self, const cni_key_observation *other,
                          cn_error *err)
{
    if (other->has_bounds && cni_key_class_of(self->type) == CNI_KEY_TEXT) {
        CN_TRY(see_text(self, (cni_str){other->low_text, other->low_text_bytes},
                        (cni_str){other->high_text, other->high_text_bytes}, err));
    } else if (other->has_bounds) {
        const bool first = !self->has_bounds;
        self->low_i64 = first ? other->low_i64 : cni_min_i64(self->low_i64, other->low_i64);
        self->high_i64 = first ? other->high_i64 : cni_max_i64(self->high_i64, other->high_i64);
        self->low_f64 = first ? other->low_f64 : fmin(self->low_f64, other->low_f64);
        self->high_f64 = first ? other->high_f64 : fmax(self->high_f64, other->high_f64);
        self->has_bounds = true;
    }
    self->has_nan = self->has_nan || other->has_nan;
    self->n_rows += other->n_rows;
    return CN_OK;
}
