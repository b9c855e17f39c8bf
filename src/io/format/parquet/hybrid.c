/* SPDX-License-Identifier: Apache-2.0
 *
 * Cursor over the RLE / bit-packing hybrid. Whole groups of eight go through the unpack kernels; a
 * read that ends inside a group unpacks that group twice.
 */
#include "io/format/parquet/hybrid_int.h"

void
cni_pq_hybrid_init(cni_pq_hybrid *self, const uint8_t *bytes, int64_t n_bytes, int32_t width)
{
    *self = (cni_pq_hybrid){.at = bytes, .end = bytes + n_bytes, .width = width};
}

static bool
read_header(cni_pq_hybrid *self, uint64_t *out_header)
{
    uint64_t value = 0;
    for (int32_t shift = 0; shift < 35; shift += 7) {
        if (self->at == self->end) {
            return false;
        }
        const uint64_t byte = *self->at++;
        value |= (byte & 127) << shift;
        if (byte < 128) {
            *out_header = value;
            return true;
        }
    }
    return false;
}

static bool
begin_packed(cni_pq_hybrid *self, int64_t n_groups)
{
    const int64_t n_here = self->end - self->at;
    const int64_t n_bytes = cni_min_i64(n_groups * self->width, n_here);
    self->is_packed = true;
    self->packed = self->at;
    self->packed_bytes = n_bytes;
    self->packed_at = 0;
    /* The last run may be cut where its values end. */
    self->n_left =
        self->width == 0 ? n_groups * 8 : cni_min_i64(n_groups * 8, n_bytes * 8 / self->width);
    self->at += n_bytes;
    return self->n_left > 0;
}

static bool
begin_rle(cni_pq_hybrid *self, int64_t n_values)
{
    const int64_t n_bytes = (self->width + 7) / 8;
    if (self->end - self->at < n_bytes) {
        return false;
    }
    self->is_packed = false;
    self->value = 0;
    memcpy(&self->value, self->at, (size_t)n_bytes); /* little-endian */
    self->at += n_bytes;
    self->n_left = n_values;
    /* Whole bytes can hold more than the width says; callers rely on the width. */
    return self->width == 32 || self->value < (UINT32_C(1) << self->width);
}

/* Make n_left > 0. */
static bool
next_run(cni_pq_hybrid *self)
{
    while (self->n_left == 0) {
        uint64_t header;
        if (self->width == 0 && self->at == self->end) {
            self->is_packed = false; /* nothing is needed to say zero */
            self->value = 0;
            self->n_left = INT64_MAX;
            return true;
        }
        if (!read_header(self, &header)) {
            return false;
        }
        const int64_t count = (int64_t)(header >> 1);
        if (!((header & 1) != 0 ? begin_packed(self, count) : begin_rle(self, count))) {
            return false;
        }
    }
    return true;
}

static void
fill(int32_t code_bytes, uint32_t value, int64_t n, void *out)
{
    if (code_bytes == 1) {
        memset(out, (int)(uint8_t)value, (size_t)n);
    } else if (code_bytes == 2) {
        uint16_t *items = out;
        for (int64_t item = 0; item < n; item++) {
            items[item] = (uint16_t)value;
        }
    } else {
        uint32_t *items = out;
        for (int64_t item = 0; item < n; item++) {
            items[item] = value;
        }
    }
}

/* n values from packed_at, a multiple of 8, on. */
static void
unpack_aligned(const cni_pq_hybrid *self, const cni_kernels *kernels, int32_t code_bytes, int64_t n,
               void *out)
{
    const int64_t off_bytes = self->packed_at / 8 * self->width;
    const uint8_t *src = self->packed + off_bytes;
    const int64_t src_bytes = self->packed_bytes - off_bytes;
    if (code_bytes == 1) {
        kernels->unpack_u8(src, src_bytes, self->width, n, out);
    } else if (code_bytes == 2) {
        kernels->unpack_u16(src, src_bytes, self->width, n, out);
    } else {
        kernels->unpack_u32(src, src_bytes, self->width, n, out);
    }
}

/* Up to the end of the group that packed_at is inside of; gives how many. */
static int64_t
unpack_inside(cni_pq_hybrid *self, const cni_kernels *kernels, int32_t code_bytes, int64_t n,
              uint8_t *out)
{
    _Alignas(64) uint8_t group[96 + 64];
    const int64_t inside = self->packed_at & 7;
    const int64_t n_take = cni_min_i64(n, 8 - inside);
    self->packed_at -= inside;
    unpack_aligned(self, kernels, code_bytes, inside + n_take, group);
    self->packed_at += inside;
    memcpy(out, group + inside * code_bytes, (size_t)(n_take * code_bytes));
    return n_take;
}

bool
cni_pq_hybrid_read(cni_pq_hybrid *self, const cni_kernels *kernels, int32_t code_bytes, int64_t n,
                   void *out)
{
    uint8_t *to = out;
    while (n > 0) {
        if (!next_run(self)) {
            return false;
        }
        int64_t n_take = cni_min_i64(n, self->n_left);
        if (!self->is_packed) {
            fill(code_bytes, self->value, n_take, to);
        } else if ((self->packed_at & 7) != 0) {
            n_take = unpack_inside(self, kernels, code_bytes, n_take, to);
        } else {
            unpack_aligned(self, kernels, code_bytes, n_take, to);
        }
        self->packed_at += n_take;
        self->n_left -= n_take;
        to += n_take * code_bytes;
        n -= n_take;
    }
    return true;
}

bool
cni_pq_hybrid_skip(cni_pq_hybrid *self, int64_t n)
{
    while (n > 0) {
        if (!next_run(self)) {
            return false;
        }
        const int64_t n_take = cni_min_i64(n, self->n_left);
        self->packed_at += n_take;
        self->n_left -= n_take;
        n -= n_take;
    }
    return true;
}

bool
cni_pq_hybrid_peek_run(cni_pq_hybrid *self, int64_t n, uint32_t *out_value)
{
    if (!next_run(self) || self->is_packed || self->n_left < n) {
        return false;
    }
    *out_value = self->value;
    return true;
}

bool
cni_pq_hybrid_read_bits(cni_pq_hybrid *self, int64_t n, uint8_t *out, int64_t *out_n_set)
{
    int64_t n_done = 0;
    while (n_done < n) {
        if (!next_run(self)) {
            return false;
        }
        const int64_t n_take = cni_min_i64(n - n_done, self->n_left);
        if (!self->is_packed) {
            if (self->value > 1) {
                return false;
            }
            cni_bits_fill(out, n_done, n_take, self->value != 0);
        } else {
            cni_bits_copy_to((cni_bits){self->packed, self->packed_at}, n_take, out, n_done);
        }
        self->packed_at += n_take;
        self->n_left -= n_take;
        n_done += n_take;
    }
    *out_n_set = cni_bits_count((cni_bits){out, 0}, n);
    return true;
}
