/* SPDX-License-Identifier: Apache-2.0
 *
 * MD5 over a text in memory. The sine table is computed (floor(2^32 |sin(i)|)), as the RFC defines
 * it, and the four rounds differ only in their function and in the order of the message words.
 */
#include "slt_hash.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t
round_function(int step, uint32_t b, uint32_t c, uint32_t d)
{
    switch (step / 16) {
    case 0:
        return (b & c) | (~b & d);
    case 1:
        return (d & b) | (~d & c);
    case 2:
        return b ^ c ^ d;
    default:
        return c ^ (b | ~d);
    }
}

static void
add_block(uint32_t state[4], const uint8_t block[64])
{
    static const int shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    static const int word_steps[4][2] = {{1, 0}, {5, 1}, {3, 5}, {7, 0}};
    uint32_t words[16];
    for (int i = 0; i < 16; i++) {
        words[i] = (uint32_t)block[4 * i] | (uint32_t)block[4 * i + 1] << 8 |
                   (uint32_t)block[4 * i + 2] << 16 | (uint32_t)block[4 * i + 3] << 24;
    }
    uint32_t a = state[0];
    uint32_t b = state[1];
    uint32_t c = state[2];
    uint32_t d = state[3];
    for (int step = 0; step < 64; step++) {
        const int *order = word_steps[step / 16];
        uint32_t sine = (uint32_t)floor(4294967296.0 * fabs(sin(step + 1.0)));
        uint32_t sum =
            a + round_function(step, b, c, d) + sine + words[(order[0] * step + order[1]) % 16];
        int shift = shifts[step / 16][step % 4];
        a = d;
        d = c;
        c = b;
        b += sum << shift | sum >> (32 - shift);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

void
slt_md5(const char *bytes, size_t n_bytes, char out_hex[SLT_HASH_BYTES])
{
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    size_t n_whole = n_bytes / 64 * 64;
    for (size_t at = 0; at < n_whole; at += 64) {
        add_block(state, (const uint8_t *)bytes + at);
    }
    uint8_t tail[128] = {0};
    size_t n_left = n_bytes - n_whole;
    if (n_left > 0) {
        memcpy(tail, bytes + n_whole, n_left);
    }
    tail[n_left] = 0x80;
    size_t n_tail = n_left < 56 ? 64 : 128;
    for (size_t i = 0; i < 8; i++) {
        tail[n_tail - 8 + i] = (uint8_t)((uint64_t)n_bytes * 8 >> 8 * i);
    }
    for (size_t at = 0; at < n_tail; at += 64) {
        add_block(state, tail + at);
    }
    for (size_t i = 0; i < 16; i++) {
        (void)snprintf(out_hex + 2 * i, 3, "%02x", state[i / 4] >> 8 * (i % 4) & 0xff);
    }
}
