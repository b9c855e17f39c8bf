/* SPDX-License-Identifier: Apache-2.0
 *
 * Type of one primitive schema element: logical type first, then the older converted type, then
 * what the physical type alone says. An annotation that does not fit its physical type is ignored,
 * as the format asks of readers.
 */
#include "io/format/parquet/leaf_type_int.h"

#include "base/int128.h"

typedef struct leaf_shape {
    const cni_type *type;
    uint8_t convert;
    bool is_utf8;
} leaf_shape;

static int32_t
raw_bytes_of(const cni_pq_element *element)
{
    switch (element->physical) {
    case CNI_PQ_INT32:
    case CNI_PQ_FLOAT:
        return 4;
    case CNI_PQ_INT64:
    case CNI_PQ_DOUBLE:
        return 8;
    case CNI_PQ_INT96:
        return 12;
    case CNI_PQ_FIXED:
        return element->type_bytes;
    default:
        return 0;
    }
}

static cn_code
extension_type(cni_arena *arena, const cni_type *base, cni_str extension, const cni_type **out_type,
               cn_error *err)
{
    cni_type *type;
    CN_TRY(CN_ARENA_NEW(arena, &type, err));
    *type = *base;
    type->extension_name = extension;
    *out_type = type;
    return CN_OK;
}

static cn_code
fixed_type(cni_arena *arena, int32_t n_bytes, cni_str extension, leaf_shape *out, cn_error *err)
{
    const cni_type base = {.id = CNI_TYPE_FIXED_BINARY, .width = n_bytes};
    CN_TRY(extension_type(arena, &base, extension, &out->type, err));
    out->convert = CNI_PQ_COPY;
    return CN_OK;
}

/* DECIMAL over any of the four physical types. False = not a valid one: the annotation is ignored.
 */
static cn_code
decimal_shape(cni_arena *arena, const cni_pq_element *element, leaf_shape *out, bool *out_valid,
              cn_error *err)
{
    static const uint8_t converts[CNI_PQ_PHYSICAL_COUNT_] = {
        [CNI_PQ_INT32] = CNI_PQ_WIDEN,
        [CNI_PQ_INT64] = CNI_PQ_COPY,
        [CNI_PQ_BYTE_ARRAY] = CNI_PQ_TEXT_DECIMAL,
        [CNI_PQ_FIXED] = CNI_PQ_FIXED_DECIMAL,
    };
    const bool is_int = element->physical == CNI_PQ_INT32 || element->physical == CNI_PQ_INT64;
    const bool fits = is_int || element->physical == CNI_PQ_BYTE_ARRAY ||
                      (element->physical == CNI_PQ_FIXED && element->type_bytes <= 32);
    const int32_t max_precision = is_int ? 18 : 76;
    *out_valid = fits && element->precision >= 1 && element->precision <= max_precision &&
                 element->scale >= 0 && element->scale <= element->precision;
    if (!*out_valid) {
        return CN_OK;
    }
    out->convert = converts[element->physical];
    out->type = element->precision <= CNI_DECIMAL_MAX_DIGITS
                    ? cni_type_decimal(element->precision, element->scale)
                    : NULL;
    if (out->type == NULL) {
        const cni_type wide = {.id = CNI_TYPE_DECIMAL,
                               .precision = (uint8_t)element->precision,
                               .scale = (int8_t)element->scale};
        CN_TRY(extension_type(arena, &wide, (cni_str){0}, &out->type, err));
    }
    return CN_OK;
}

/* TIME and TIMESTAMP of a unit (1 = ms, 2 = us, 3 = ns). */
static cn_code
time_shape(cni_arena *arena, cni_type_id id, int32_t unit, bool is_utc, leaf_shape *out,
           cn_error *err)
{
    static const uint8_t units[4] = {CNI_UNIT_US, CNI_UNIT_MS, CNI_UNIT_US, CNI_UNIT_NS};
    out->convert = CNI_PQ_COPY;
    if (id == CNI_TYPE_TIMESTAMP && !is_utc) {
        out->type = cni_type_timestamp(units[unit]);
        return CN_OK;
    }
    if (id == CNI_TYPE_TIMESTAMP && unit == 2) {
        out->type = cni_type_timestamptz();
        return CN_OK;
    }
    if (id == CNI_TYPE_TIME && unit == 2) {
        out->type = cni_type_of(CNI_TYPE_TIME);
        return CN_OK;
    }
    const cni_type type = {.id = (uint8_t)id,
                           .unit = units[unit],
                           .timezone = id == CNI_TYPE_TIMESTAMP ? CNI_STR("UTC") : (cni_str){0}};
    return extension_type(arena, &type, (cni_str){0}, &out->type, err);
}

static bool
integer_shape(const cni_pq_element *element, int32_t bit_width, bool is_signed, leaf_shape *out)
{
    if (bit_width == 64) {
        out->type = cni_type_of(is_signed ? CNI_TYPE_INT64 : CNI_TYPE_UINT64);
        out->convert = CNI_PQ_COPY;
        return element->physical == CNI_PQ_INT64;
    }
    switch (bit_width) {
    case 8:
        out->type = cni_type_of(is_signed ? CNI_TYPE_INT8 : CNI_TYPE_UINT8);
        out->convert = CNI_PQ_TO_8;
        break;
    case 16:
        out->type = cni_type_of(is_signed ? CNI_TYPE_INT16 : CNI_TYPE_UINT16);
        out->convert = CNI_PQ_TO_16;
        break;
    case 32:
        out->type = cni_type_of(is_signed ? CNI_TYPE_INT32 : CNI_TYPE_UINT32);
        out->convert = CNI_PQ_COPY;
        break;
    default:
        return false;
    }
    return element->physical == CNI_PQ_INT32;
}

/* The converted type in terms of the logical one. */
static cni_pq_element
modernized(const cni_pq_element *old)
{
    static const uint8_t logical[CNI_PQ_INTERVAL + 1] = {
        [CNI_PQ_UTF8] = CNI_PQ_LOGICAL_STRING,
        [CNI_PQ_ENUM] = CNI_PQ_LOGICAL_ENUM,
        [CNI_PQ_DECIMAL] = CNI_PQ_LOGICAL_DECIMAL,
        [CNI_PQ_DATE] = CNI_PQ_LOGICAL_DATE,
        [CNI_PQ_TIME_MILLIS] = CNI_PQ_LOGICAL_TIME,
        [CNI_PQ_TIME_MICROS] = CNI_PQ_LOGICAL_TIME,
        [CNI_PQ_TIMESTAMP_MILLIS] = CNI_PQ_LOGICAL_TIMESTAMP,
        [CNI_PQ_TIMESTAMP_MICROS] = CNI_PQ_LOGICAL_TIMESTAMP,
        [CNI_PQ_JSON] = CNI_PQ_LOGICAL_JSON,
        [CNI_PQ_BSON] = CNI_PQ_LOGICAL_BSON,
    };
    cni_pq_element element = *old;
    const int32_t converted = old->converted;
    if (old->logical != CNI_PQ_LOGICAL_NONE || converted < 0 || converted > CNI_PQ_INTERVAL) {
        return element;
    }
    element.logical = logical[converted];
    if (converted >= CNI_PQ_UINT_8 && converted <= CNI_PQ_INT_64) {
        element.logical = CNI_PQ_LOGICAL_INTEGER;
        element.is_signed = converted >= CNI_PQ_INT_8;
        element.bit_width = 8 << (converted - (element.is_signed ? CNI_PQ_INT_8 : CNI_PQ_UINT_8));
    }
    if (element.logical == CNI_PQ_LOGICAL_TIME || element.logical == CNI_PQ_LOGICAL_TIMESTAMP) {
        element.unit =
            converted == CNI_PQ_TIME_MILLIS || converted == CNI_PQ_TIMESTAMP_MILLIS ? 1 : 2;
        element.adjusted_utc = true; /* as the format says of the converted types */
    }
    return element;
}

/* What the annotation says; out->type NULL when it says nothing that fits. */
static cn_code
annotated_shape(cni_arena *arena, const cni_pq_element *element, leaf_shape *out, cn_error *err)
{
    const int32_t physical = element->physical;
    const bool has_unit = element->unit >= 1 && element->unit <= 3;
    bool valid = false;
    switch (element->logical) {
    case CNI_PQ_LOGICAL_STRING:
    case CNI_PQ_LOGICAL_ENUM:
    case CNI_PQ_LOGICAL_JSON:
        valid = physical == CNI_PQ_BYTE_ARRAY;
        *out = (leaf_shape){cni_type_of(CNI_TYPE_VARCHAR), CNI_PQ_VIEW, true};
        if (element->logical == CNI_PQ_LOGICAL_JSON) {
            CN_TRY(extension_type(arena, out->type, CNI_STR("arrow.json"), &out->type, err));
        }
        break;
    case CNI_PQ_LOGICAL_DECIMAL:
        CN_TRY(decimal_shape(arena, element, out, &valid, err));
        break;
    case CNI_PQ_LOGICAL_DATE:
        valid = physical == CNI_PQ_INT32;
        *out = (leaf_shape){cni_type_of(CNI_TYPE_DATE), CNI_PQ_COPY, false};
        break;
    case CNI_PQ_LOGICAL_TIME:
        valid = has_unit && physical == (element->unit == 1 ? CNI_PQ_INT32 : CNI_PQ_INT64);
        CN_TRY(time_shape(arena, CNI_TYPE_TIME, valid ? element->unit : 2, false, out, err));
        break;
    case CNI_PQ_LOGICAL_TIMESTAMP:
        valid = has_unit && physical == CNI_PQ_INT64;
        CN_TRY(time_shape(arena, CNI_TYPE_TIMESTAMP, valid ? element->unit : 2,
                          element->adjusted_utc, out, err));
        break;
    case CNI_PQ_LOGICAL_INTEGER:
        valid = integer_shape(element, element->bit_width, element->is_signed, out);
        break;
    case CNI_PQ_LOGICAL_UNKNOWN:
        valid = true;
        *out = (leaf_shape){cni_type_of(CNI_TYPE_NULL), CNI_PQ_ALWAYS_NULL, false};
        break;
    case CNI_PQ_LOGICAL_UUID:
        valid = physical == CNI_PQ_FIXED && element->type_bytes == 16;
        CN_TRY(fixed_type(arena, 16, CNI_STR("arrow.uuid"), out, err));
        break;
    case CNI_PQ_LOGICAL_FLOAT16:
        valid = physical == CNI_PQ_FIXED && element->type_bytes == 2;
        *out = (leaf_shape){cni_type_of(CNI_TYPE_FLOAT16), CNI_PQ_COPY, false};
        break;
    default:
        break;
    }
    if (element->converted == CNI_PQ_INTERVAL && physical == CNI_PQ_FIXED &&
        element->type_bytes == 12) {
        valid = true;
        *out = (leaf_shape){cni_type_of(CNI_TYPE_INTERVAL), CNI_PQ_FIXED_INTERVAL, false};
    }
    if (!valid) {
        out->type = NULL;
    }
    return CN_OK;
}

static cn_code
plain_shape(cni_arena *arena, const cni_pq_element *element, bool binary_as_string, leaf_shape *out,
            cn_error *err)
{
    switch (element->physical) {
    case CNI_PQ_BOOLEAN:
        *out = (leaf_shape){cni_type_of(CNI_TYPE_BOOL), CNI_PQ_BITS, false};
        return CN_OK;
    case CNI_PQ_INT32:
        *out = (leaf_shape){cni_type_of(CNI_TYPE_INT32), CNI_PQ_COPY, false};
        return CN_OK;
    case CNI_PQ_INT64:
        *out = (leaf_shape){cni_type_of(CNI_TYPE_INT64), CNI_PQ_COPY, false};
        return CN_OK;
    case CNI_PQ_INT96:
        *out = (leaf_shape){cni_type_timestamp(CNI_UNIT_US), CNI_PQ_INT96_TO_US, false};
        return CN_OK;
    case CNI_PQ_FLOAT:
        *out = (leaf_shape){cni_type_of(CNI_TYPE_FLOAT32), CNI_PQ_COPY, false};
        return CN_OK;
    case CNI_PQ_DOUBLE:
        *out = (leaf_shape){cni_type_of(CNI_TYPE_FLOAT64), CNI_PQ_COPY, false};
        return CN_OK;
    case CNI_PQ_BYTE_ARRAY:
        *out = (leaf_shape){cni_type_of(binary_as_string ? CNI_TYPE_VARCHAR : CNI_TYPE_BLOB),
                            CNI_PQ_VIEW, binary_as_string};
        return CN_OK;
    default:
        return fixed_type(arena, element->type_bytes, (cni_str){0}, out, err);
    }
}

cn_code
cni_pq_leaf_map(cni_arena *arena, const cni_pq_element *element, int32_t chunk,
                bool binary_as_string, const cni_pq_leaf **out_leaf, cn_error *err)
{
    if (element->physical < 0 || element->physical >= CNI_PQ_PHYSICAL_COUNT_ ||
        (element->physical == CNI_PQ_FIXED &&
         (element->type_bytes < 1 || element->type_bytes > (1 << 20)))) {
        return CN_FAIL(err, CN_INVALID_DATA, "column '%.*s' has no valid type",
                       CNI_STR_ARGS(element->name));
    }
    const cni_pq_element modern = modernized(element);
    leaf_shape shape = {0};
    CN_TRY(annotated_shape(arena, &modern, &shape, err));
    if (shape.type == NULL) {
        CN_TRY(plain_shape(arena, &modern, binary_as_string, &shape, err));
    }
    cni_pq_leaf *leaf;
    CN_TRY(CN_ARENA_NEW(arena, &leaf, err));
    const cni_phys phys = cni_type_phys(shape.type);
    *leaf = (cni_pq_leaf){.name = element->name,
                          .chunk = chunk,
                          .physical = element->physical,
                          .raw_bytes = raw_bytes_of(element),
                          .out_bytes = cni_phys_bytes(phys, shape.type),
                          .convert = shape.convert,
                          .phys = (uint8_t)phys,
                          .is_optional = element->repetition == CNI_PQ_OPTIONAL,
                          .is_utf8 = shape.is_utf8,
                          .type = shape.type};
    *out_leaf = leaf;
    return CN_OK;
}
