/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpacking of bit-packed values and prefix sums: what Parquet's dictionary codes, levels and
 * deltas are made of. The general form is in unpack_template.h; here are the byte-wise fallback for
 * the last values of a buffer and the AVX2 form (v3, v4): eight values of up to 25 bits, each in
 * the 4 bytes that a shuffle brought together, shifted and cut. measured: bench/micro kernel_bench,
 * "unpack".
 */
#include "data/kernel/kernel_int.h"

#include "data/kernel/simd_int.h"

/* The 64 bits (fewer where the source ends) from bit `bit` on. */
static inline uint64_t
unpack_at(const uint8_t *src, int64_t src_bytes, int64_t bit)
{
    const int64_t first = bit >> 3;
    const int64_t shift = bit & 7;
    uint64_t word = 0;
    if (first + 8 <= src_bytes) {
        word = cni_load_u64(src + first);
    } else if (first < src_bytes) {
        memcpy(&word, src + first, (size_t)(src_bytes - first));
    }
    word >>= shift;
    if (shift != 0 && first + 8 < src_bytes) {
        word |= (uint64_t)src[first + 8] << (64 - shift);
    }
    return word;
}

#if CN_ISA == 3 || CN_ISA == 4

#define CNI_LANES_WIDTH_MAX 25

typedef struct cni_lanes {
    __m256i shuffle; /* per lane of 16 bytes: the 4 bytes that hold each value */
    __m256i shifts;
    __m256i cut;
    int64_t high_bytes; /* source offset of the upper lane's four values */
    int64_t need_bytes; /* readable bytes that one step wants */
} cni_lanes;

static inline cni_lanes
lanes_of(int32_t width)
{
    uint8_t shuffle[32];
    uint32_t shifts[8];
    for (int value = 0; value < 8; value++) {
        const int lane_start = value < 4 ? 0 : (4 * width) & 7;
        const int bit = lane_start + (value & 3) * width;
        shifts[value] = (uint32_t)bit & 7;
        for (int byte = 0; byte < 4; byte++) {
            shuffle[4 * value + byte] = (uint8_t)((bit >> 3) + byte);
        }
    }
    const int64_t high_bytes = (4 * width) >> 3;
    return (cni_lanes){
        _mm256_loadu_si256((const void *)shuffle), _mm256_loadu_si256((const void *)shifts),
        _mm256_set1_epi32((int32_t)cni_low_mask(width)), high_bytes, high_bytes + 16};
}

static inline __m256i
lanes_step(const cni_lanes *lanes, const uint8_t *src)
{
    const __m128i low = _mm_loadu_si128((const void *)src);
    const __m128i high = _mm_loadu_si128((const void *)(src + lanes->high_bytes));
    const __m256i windows = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), lanes->shuffle);
    return _mm256_and_si256(_mm256_srlv_epi32(windows, lanes->shifts), lanes->cut);
}

static inline int64_t
unpack_lanes_u32(const uint8_t *src, int64_t src_bytes, int32_t width, int64_t n, uint32_t *out)
{
    const cni_lanes lanes = lanes_of(width);
    int64_t row = 0;
    for (; row + 8 <= n && lanes.need_bytes <= src_bytes; row += 8) {
        _mm256_storeu_si256((void *)(out + row), lanes_step(&lanes, src));
        src += width;
        src_bytes -= width;
    }
    return row;
}

static inline int64_t
unpack_lanes_u64(const uint8_t *src, int64_t src_bytes, int32_t width, int64_t n, uint64_t *out)
{
    const cni_lanes lanes = lanes_of(width);
    int64_t row = 0;
    for (; row + 8 <= n && lanes.need_bytes <= src_bytes; row += 8) {
        const __m256i values = lanes_step(&lanes, src);
        const __m256i low = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(values));
        const __m256i high = _mm256_cvtepu32_epi64(_mm256_extracti128_si256(values, 1));
        _mm256_storeu_si256((void *)(out + row), low);
        _mm256_storeu_si256((void *)(out + row + 4), high);
        src += width;
        src_bytes -= width;
    }
    return row;
}

static inline __m128i
lanes_step_u16(const cni_lanes *lanes, const uint8_t *src)
{
    const __m256i values = lanes_step(lanes, src);
    return _mm_packus_epi32(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1));
}

static inline int64_t
unpack_lanes_u16(const uint8_t *src, int64_t src_bytes, int32_t width, int64_t n, uint16_t *out)
{
    const cni_lanes lanes = lanes_of(width);
    int64_t row = 0;
    for (; row + 8 <= n && lanes.need_bytes <= src_bytes; row += 8) {
        _mm_storeu_si128((void *)(out + row), lanes_step_u16(&lanes, src));
        src += width;
        src_bytes -= width;
    }
    return row;
}

static inline int64_t
unpack_lanes_u8(const uint8_t *src, int64_t src_bytes, int32_t width, int64_t n, uint8_t *out)
{
    const cni_lanes lanes = lanes_of(width);
    int64_t row = 0;
    for (; row + 8 <= n && lanes.need_bytes <= src_bytes; row += 8) {
        const __m128i values = lanes_step_u16(&lanes, src);
        const int64_t packed = _mm_cvtsi128_si64(_mm_packus_epi16(values, values));
        memcpy(out + row, &packed, sizeof(packed));
        src += width;
        src_bytes -= width;
    }
    return row;
}

#endif

#define CN_OUT      uint8_t
#define CN_OUT_BITS 8
#define CN_OUT_NAME u8
#include "data/kernel/unpack_template.h"

#define CN_OUT      uint16_t
#define CN_OUT_BITS 16
#define CN_OUT_NAME u16
#include "data/kernel/unpack_template.h"

#define CN_OUT      uint32_t
#define CN_OUT_BITS 32
#define CN_OUT_NAME u32
#include "data/kernel/unpack_template.h"

#define CN_OUT      uint64_t
#define CN_OUT_BITS 64
#define CN_OUT_NAME u64
#include "data/kernel/unpack_template.h"

#if CN_ISA >= 4
/* Eight at a time: sums within a register by three shifted additions; what carries over from the
 * last one is one addition, so that registers overlap. */
static inline int64_t
prefix_sum_wide(uint64_t *inout, int64_t n, uint64_t *inout_sum, uint64_t step)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i steps = _mm512_set1_epi64((int64_t)step);
    const __m512i last = _mm512_set1_epi64(7);
    __m512i carry = _mm512_set1_epi64((int64_t)*inout_sum);
    int64_t row = 0;
    for (; row + 8 <= n; row += 8) {
        __m512i sums = _mm512_add_epi64(_mm512_loadu_si512(inout + row), steps);
        sums = _mm512_add_epi64(sums, _mm512_alignr_epi64(sums, zero, 7));
        sums = _mm512_add_epi64(sums, _mm512_alignr_epi64(sums, zero, 6));
        sums = _mm512_add_epi64(sums, _mm512_alignr_epi64(sums, zero, 4));
        _mm512_storeu_si512(inout + row, _mm512_add_epi64(sums, carry));
        carry = _mm512_add_epi64(carry, _mm512_permutexvar_epi64(last, sums));
    }
    if (row > 0) {
        *inout_sum = inout[row - 1];
    }
    return row;
}
#else
static inline int64_t
prefix_sum_wide(uint64_t *inout, int64_t n, uint64_t *inout_sum, uint64_t step)
{
    (void)inout;
    (void)n;
    (void)inout_sum;
    (void)step;
    return 0;
}
#endif

void
CNI_ISA_NAME(cni_kernel_prefix_sum_u64)(uint64_t *inout, int64_t n, uint64_t first, uint64_t step)
{
    uint64_t sum = first;
    for (int64_t row = prefix_sum_wide(inout, n, &sum, step); row < n; row++) {
        sum += inout[row] + step;
        inout[row] = sum;
    }
}
