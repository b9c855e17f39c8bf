/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversions of dense values: plain loops per kind, chosen once per call.
 */
#include "io/format/parquet/convert_int.h"

#define JULIAN_DAY_OF_EPOCH 2440588
#define US_PER_DAY          INT64_C(86400000000)

static void
convert_to_8(const uint8_t *raw, int64_t n, uint8_t *out)
{
    for (int64_t item = 0; item < n; item++) {
        out[item] = raw[item * 4];
    }
}

static void
convert_to_16(const uint8_t *raw, int64_t n, uint16_t *out)
{
    for (int64_t item = 0; item < n; item++) {
        uint32_t value;
        memcpy(&value, raw + item * 4, 4);
        out[item] = (uint16_t)value;
    }
}

static void
convert_widen(const uint8_t *raw, int64_t n, int64_t *out)
{
    for (int64_t item = 0; item < n; item++) {
        int32_t value;
        memcpy(&value, raw + item * 4, 4);
        out[item] = value;
    }
}

static void
convert_int96(const uint8_t *raw, int64_t n, int64_t *out)
{
    for (int64_t item = 0; item < n; item++) {
        int64_t nanos;
        uint32_t julian;
        memcpy(&nanos, raw + item * 12, 8);
        memcpy(&julian, raw + item * 12 + 8, 4);
        const int64_t days = (int64_t)julian - JULIAN_DAY_OF_EPOCH;
        const int64_t us = nanos / 1000 - (nanos % 1000 < 0);
        out[item] = (int64_t)((uint64_t)days * (uint64_t)US_PER_DAY + (uint64_t)us);
    }
}

static void
convert_interval(const uint8_t *raw, int64_t n, cni_interval *out)
{
    for (int64_t item = 0; item < n; item++) {
        uint32_t parts[3];
        memcpy(parts, raw + item * 12, 12);
        out[item] = (cni_interval){.months = (int32_t)parts[0],
                                   .days = (int32_t)parts[1],
                                   .nanos = (int64_t)parts[2] * 1000000};
    }
}

/* Big-endian numbers of 1..8 bytes. */
static void
convert_short_decimals(const uint8_t *raw, int64_t n, int32_t raw_bytes, int64_t *out)
{
    const int32_t shift = 64 - 8 * raw_bytes;
    for (int64_t item = 0; item < n; item++) {
        uint64_t word;
        memcpy(&word, raw + item * raw_bytes, 8); /* padding is readable */
        out[item] = (int64_t)__builtin_bswap64(word) >> shift;
    }
}

bool
cni_pq_decimal_i128(const uint8_t *bytes, int64_t n_bytes, cni_i128 *out_value)
{
    const uint8_t sign = n_bytes > 0 && (bytes[0] & 128) != 0 ? 255 : 0;
    while (n_bytes > 16) {
        if (*bytes != sign) {
            return false;
        }
        bytes++;
        n_bytes--;
        if (n_bytes == 16 && ((bytes[0] ^ sign) & 128) != 0) {
            return false;
        }
    }
    cni_u128 value = sign != 0 ? ~(cni_u128)0 : 0;
    for (int64_t byte = 0; byte < n_bytes; byte++) {
        value = value << 8 | bytes[byte];
    }
    *out_value = (cni_i128)value;
    return true;
}

static cn_code
beyond_precision(const cni_pq_leaf *leaf, cn_error *err)
{
    (void)CN_FAIL(err, CN_INVALID_DATA, "a value of column '%.*s' does not fit DECIMAL(%d,%d)",
                  CNI_STR_ARGS(leaf->name), leaf->type->precision, leaf->type->scale);
    cni_error_sqlstate(err, "22003");
    return CN_INVALID_DATA;
}

/* A number of any length into slot `item` of `out`. False = it does not fit. */
static bool
store_decimal(const cni_pq_leaf *leaf, const uint8_t *bytes, int64_t n_bytes, int64_t item,
              void *out)
{
    if (leaf->phys == CNI_PHYS_I256) {
        uint8_t *to = (uint8_t *)out + item * 32;
        if (n_bytes > 32) {
            return false;
        }
        memset(to, n_bytes > 0 && (bytes[0] & 128) != 0 ? 255 : 0, 32);
        for (int64_t byte = 0; byte < n_bytes; byte++) {
            to[n_bytes - 1 - byte] = bytes[byte];
        }
        return true;
    }
    cni_i128 value;
    const cni_i128 limit = cni_pow10_i128(leaf->type->precision);
    if (!cni_pq_decimal_i128(bytes, n_bytes, &value) || value >= limit || value <= -limit) {
        return false;
    }
    if (leaf->phys == CNI_PHYS_I64) {
        ((int64_t *)out)[item] = (int64_t)value;
    } else {
        ((cni_i128 *)out)[item] = value;
    }
    return true;
}

static cn_code
convert_fixed_decimals(const cni_pq_leaf *leaf, const uint8_t *raw, int64_t n, void *out,
                       cn_error *err)
{
    if (leaf->phys == CNI_PHYS_I64 && leaf->raw_bytes <= 8) {
        convert_short_decimals(raw, n, leaf->raw_bytes, out); /* precision: by their bounds */
        return CN_OK;
    }
    for (int64_t item = 0; item < n; item++) {
        if (!store_decimal(leaf, raw + item * leaf->raw_bytes, leaf->raw_bytes, item, out)) {
            return beyond_precision(leaf, err);
        }
    }
    return CN_OK;
}

cn_code
cni_pq_convert_fixed(const cni_pq_leaf *leaf, const uint8_t *raw, int64_t n, void *out,
                     cn_error *err)
{
    switch (leaf->convert) {
    case CNI_PQ_COPY:
        memcpy(out, raw, (size_t)(n * leaf->raw_bytes));
        return CN_OK;
    case CNI_PQ_TO_8:
        convert_to_8(raw, n, out);
        return CN_OK;
    case CNI_PQ_TO_16:
        convert_to_16(raw, n, out);
        return CN_OK;
    case CNI_PQ_WIDEN:
        convert_widen(raw, n, out);
        return CN_OK;
    case CNI_PQ_INT96_TO_US:
        convert_int96(raw, n, out);
        return CN_OK;
    case CNI_PQ_FIXED_INTERVAL:
        convert_interval(raw, n, out);
        return CN_OK;
    case CNI_PQ_FIXED_DECIMAL:
        return convert_fixed_decimals(leaf, raw, n, out, err);
    default:
        return CN_FAIL(err, CN_INTERNAL, "conversion %d is not of fixed width", leaf->convert);
    }
}

cn_code
cni_pq_convert_texts(const cni_pq_leaf *leaf, const cni_view *texts, int64_t n, void *out,
                     cn_error *err)
{
    for (int64_t item = 0; item < n; item++) {
        const cni_str text = cni_view_str(&texts[item]);
        if (!store_decimal(leaf, (const uint8_t *)text.data, text.len_bytes, item, out)) {
            return beyond_precision(leaf, err);
        }
    }
    return CN_OK;
}

cn_code
cni_pq_check_bounds(const cni_pq_leaf *leaf, const cni_bounds *bounds, cn_error *err)
{
    if (!bounds->known || leaf->type->id != CNI_TYPE_DECIMAL || leaf->type->precision > 18) {
        return CN_OK;
    }
    const int64_t limit = (int64_t)cni_pow10_i128(leaf->type->precision);
    return bounds->low > -limit && bounds->high < limit ? CN_OK : beyond_precision(leaf, err);
}

bool
cni_pq_strings_skip(cni_pq_strings *self, int64_t n)
{
    const uint8_t *at = self->at;
    for (int64_t item = 0; item < n; item++) {
        uint32_t length;
        if (self->end - at < 4) {
            return false;
        }
        memcpy(&length, at, 4);
        if ((int64_t)length > self->end - at - 4) {
            return false;
        }
        at += 4 + length;
    }
    self->at = at;
    return true;
}

/* A view of a string in padded memory: the inline form is two masked loads. */
static inline bool
make_view(const uint8_t *text, uint32_t length, cni_view *out)
{
    static const uint64_t low_masks[CNI_VIEW_INLINE_BYTES + 1] = {
        0,          0xff,         0xffff,         0xffffff,
        0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff,
        UINT64_MAX, UINT64_MAX,   UINT64_MAX,     UINT64_MAX,
        UINT64_MAX};
    static const uint32_t high_masks[CNI_VIEW_INLINE_BYTES + 1] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xffff, 0xffffff, 0xffffffff};
    out->len_bytes = length;
    if (CN_UNLIKELY(length > CNI_VIEW_INLINE_BYTES)) {
        memcpy(out->as.ref.prefix, text, 4);
        memcpy(out->as.ref.pointer_bytes, &text, sizeof(text));
        return true;
    }
    uint64_t low;
    uint32_t high;
    memcpy(&low, text, 8);
    memcpy(&high, text + 8, 4);
    low &= low_masks[length];
    high &= high_masks[length];
    memcpy(out->as.inlined, &low, 8);
    memcpy(out->as.inlined + 8, &high, 4);
    return false;
}

static bool
read_all(cni_pq_strings *self, int64_t n, cni_view *out, bool *inout_any_long)
{
    const uint8_t *at = self->at;
    bool any_long = false;
    for (int64_t item = 0; item < n; item++) {
        uint32_t length;
        if (CN_UNLIKELY(self->end - at < 4)) {
            return false;
        }
        memcpy(&length, at, 4);
        at += 4;
        if (CN_UNLIKELY((int64_t)length > self->end - at || length > CNI_VIEW_MAX_BYTES)) {
            return false;
        }
        any_long |= make_view(at, length, &out[item]);
        at += length;
    }
    self->at = at;
    *inout_any_long |= any_long;
    return true;
}

bool
cni_pq_strings_read(cni_pq_strings *self, int64_t n, const uint64_t *keep, cni_view *out,
                    bool *inout_any_long)
{
    if (keep == NULL) {
        return read_all(self, n, out, inout_any_long);
    }
    int64_t item = 0;
    for (int64_t word = 0; word < cni_bits_words(n); word++) {
        for (uint64_t bits = keep[word]; bits != 0; bits &= bits - 1) {
            const int64_t wanted = word * 64 + __builtin_ctzll(bits);
            if (!cni_pq_strings_skip(self, wanted - item) ||
                !read_all(self, 1, out, inout_any_long)) {
                return false;
            }
            out++;
            item = wanted + 1;
        }
    }
    return cni_pq_strings_skip(self, n - item);
}

bool
cni_pq_strings_place(const uint8_t *text, const int32_t *offsets_32, const int64_t *offsets_64,
                     int64_t n, cni_view *out)
{
    bool any_long = false;
    for (int64_t item = 0; item < n; item++) {
        const int64_t from = offsets_32 != NULL ? offsets_32[item] : offsets_64[item];
        const int64_t to = offsets_32 != NULL ? offsets_32[item + 1] : offsets_64[item + 1];
        any_long |= make_view(text + from, (uint32_t)(to - from), &out[item]);
    }
    return any_long;
}

bool
cni_pq_is_ascii(const uint8_t *bytes, int64_t n_bytes)
{
    uint64_t high = 0;
    int64_t at = 0;
    for (; at + 64 <= n_bytes; at += 64) {
        uint64_t words[8];
        memcpy(words, bytes + at, 64);
        high |=
            words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] | words[7];
    }
    uint8_t rest = 0;
    for (; at < n_bytes; at++) {
        rest |= bytes[at];
    }
    return (high & UINT64_C(0x8080808080808080)) == 0 && rest < 128;
}

cn_code
cni_pq_check_utf8(const cni_pq_leaf *leaf, const cni_view *views, int64_t n, cn_error *err)
{
    for (int64_t item = 0; item < n; item++) {
        const cni_str text = cni_view_str(&views[item]);
        if (CN_UNLIKELY(cni_utf8_find_invalid(text.data, text.len_bytes) >= 0)) {
            return CN_FAIL(err, CN_INVALID_DATA, "a value of column '%.*s' is not valid UTF-8",
                           CNI_STR_ARGS(leaf->name));
        }
    }
    return CN_OK;
}
