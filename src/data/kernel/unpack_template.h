/* SPDX-License-Identifier: Apache-2.0
 *
 * Bit unpacking into one output type. Parameters: CN_OUT, CN_OUT_BITS, CN_OUT_NAME (u8), CN_ISA.
 *
 * v5, for widths where the values of a qword stay inside 64 bits of the source (all but 31 for u32
 * and 59, 61, 62, 63 for u64): a register takes 64 source bytes, one byte permutation brings the
 * source bytes of each qword's values into that qword, one multishift picks 8 bits per output byte,
 * one AND cuts to the width. Elsewhere an unaligned load, shift and mask per value. Never reads
 * beyond src_bytes: the last loads are masked or bytewise.
 */
#define CN_UNPACK_CAT_(name, level) cni_kernel_unpack_##name##_v##level
#define CN_UNPACK_CAT(name, level)  CN_UNPACK_CAT_(name, level)
#define CN_UFN(name)                CN_CAT(name##_, CN_OUT_NAME)

#if CN_OUT_BITS == 64
#define CN_OUT_MASK(width) cni_low_mask(width)
#else
#define CN_OUT_MASK(width) ((CN_OUT)cni_low_mask(width))
#endif

#if CN_ISA >= 5

#define CN_PER_QWORD (64 / CN_OUT_BITS)

/* Whether the values of every qword fit its 64 source bits from a byte border on. */
static inline bool
CN_UFN(fits_qwords)(int32_t width)
{
    const int32_t bits = CN_PER_QWORD * width;
    const int32_t step = bits & 7;
    const int32_t shift_max = step == 0 ? 0 : 8 - (step & -step);
    return bits + shift_max <= 64;
}

static inline void
CN_UFN(unpack_qwords)(const uint8_t *src, int64_t src_bytes, int32_t width, int64_t n, CN_OUT *out)
{
    const __m512i ones = _mm512_set1_epi64(0x0101010101010101);
    const __m512i qwords = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i starts = _mm512_mullo_epi64(qwords, _mm512_set1_epi64(CN_PER_QWORD * width));
    const __m512i bytes = _mm512_mullo_epi64(_mm512_srli_epi64(starts, 3), ones);
    const __m512i shifts = _mm512_mullo_epi64(_mm512_and_si512(starts, _mm512_set1_epi64(7)), ones);
    uint64_t picks = 0; /* per output byte of a qword: the bit where its 8 bits begin */
    for (int byte = 0; byte < 8; byte++) {
        const int item = byte / (CN_OUT_BITS / 8);
        const int part = byte % (CN_OUT_BITS / 8);
        picks |= (uint64_t)((item * width + 8 * part) & 63) << (8 * byte);
    }
    const __m512i permute = _mm512_add_epi8(bytes, _mm512_set1_epi64(0x0706050403020100));
    const __m512i control = _mm512_add_epi8(shifts, _mm512_set1_epi64((int64_t)picks));
    uint64_t cut_qword = 0;
    for (int item = 0; item < CN_PER_QWORD; item++) {
        cut_qword |= cni_low_mask(width) << (item * CN_OUT_BITS % 64);
    }
    const __m512i cut = _mm512_set1_epi64((int64_t)cut_qword);
    const int64_t step_bytes = CN_PER_QWORD * width;
    int64_t row = 0;
    for (; row + 8 * CN_PER_QWORD <= n && src_bytes >= 64; row += 8 * CN_PER_QWORD) {
        const __m512i windows = _mm512_permutexvar_epi8(permute, _mm512_loadu_si512(src));
        const __m512i values = _mm512_multishift_epi64_epi8(control, windows);
        _mm512_storeu_si512(out + row, _mm512_and_si512(values, cut));
        src += step_bytes;
        src_bytes -= step_bytes;
    }
    for (; row < n; row += 8 * CN_PER_QWORD) {
        const __m512i packed = cni_load_512_upto(src, src_bytes);
        const __m512i windows = _mm512_permutexvar_epi8(permute, packed);
        const __m512i values = _mm512_multishift_epi64_epi8(control, windows);
        cni_store_512_upto(out + row, _mm512_and_si512(values, cut), (n - row) * (CN_OUT_BITS / 8));
        src += step_bytes;
        src_bytes -= step_bytes;
    }
}

#undef CN_PER_QWORD
#endif

static inline void
CN_UFN(unpack_scalar)(const uint8_t *src, int64_t src_bytes, int32_t width, int64_t n,
                      CN_OUT *restrict out)
{
    const CN_OUT mask = CN_OUT_MASK(width);
    int64_t row = 0;
#if CN_OUT_BITS == 64
    if (width <= 57)
#endif
    {
        for (; row < n && ((row * width) >> 3) + 8 <= src_bytes; row++) {
            const int64_t bit = row * width;
            out[row] = (CN_OUT)(cni_load_u64(src + (bit >> 3)) >> (bit & 7)) & mask;
        }
    }
    for (; row < n; row++) {
        out[row] = (CN_OUT)unpack_at(src, src_bytes, row * width) & mask;
    }
}

void
CN_UNPACK_CAT(CN_OUT_NAME, CN_ISA)(const uint8_t *src, int64_t src_bytes, int32_t width, int64_t n,
                                   CN_OUT *out)
{
    if (n <= 0) {
        return;
    }
    if (width == 0) {
        memset(out, 0, (size_t)n * sizeof(*out));
        return;
    }
#if CN_ISA >= 5
    if (CN_UFN(fits_qwords)(width)) {
        CN_UFN(unpack_qwords)(src, src_bytes, width, n, out);
        return;
    }
#elif CN_ISA >= 3
    if (width <= CNI_LANES_WIDTH_MAX) {
        const int64_t n_done = CN_UFN(unpack_lanes)(src, src_bytes, width, n, out);
        const int64_t used = n_done / 8 * width;
        CN_UFN(unpack_scalar)(src + used, src_bytes - used, width, n - n_done, out + n_done);
        return;
    }
#endif
    CN_UFN(unpack_scalar)(src, src_bytes, width, n, out);
}

#undef CN_OUT_MASK
#undef CN_UFN
#undef CN_UNPACK_CAT
#undef CN_UNPACK_CAT_
#undef CN_OUT
#undef CN_OUT_BITS
#undef CN_OUT_NAME
