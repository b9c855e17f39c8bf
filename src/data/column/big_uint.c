/* SPDX-License-Identifier: Apache-2.0
 *
 * Schoolbook arithmetic on 32-bit words; see big_uint_int.h for what it is for. Copies move only
 * the words in use.
 */
#include "data/column/big_uint_int.h"

void
cni_big_set(cni_big *self, uint64_t value)
{
    self->words[0] = (uint32_t)value;
    self->words[1] = (uint32_t)(value >> 32);
    self->n_words = value == 0 ? 0 : (value >> 32) == 0 ? 1 : 2;
}

static void
push_word(cni_big *self, uint32_t word)
{
    CN_ASSERT(self->n_words < CNI_BIG_WORDS);
    self->words[self->n_words++] = word;
}

void
cni_big_mul_add(cni_big *self, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;
    for (int32_t at = 0; at < self->n_words; at++) {
        carry += (uint64_t)self->words[at] * factor;
        self->words[at] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        push_word(self, (uint32_t)carry);
    }
}

void
cni_big_mul_pow10(cni_big *self, int32_t exponent)
{
    static const uint32_t powers[] = {1,      10,      100,      1000,     10000,
                                      100000, 1000000, 10000000, 100000000};
    int32_t left = exponent;
    for (; left >= 9; left -= 9) {
        cni_big_mul_add(self, 1000000000, 0);
    }
    cni_big_mul_add(self, powers[left], 0);
}

void
cni_big_shift_left(cni_big *self, int32_t n_bits)
{
    const int32_t n_whole = n_bits / 32;
    if (self->n_words == 0) {
        return;
    }
    cni_big_mul_add(self, UINT32_C(1) << (n_bits % 32), 0);
    CN_ASSERT(self->n_words + n_whole <= CNI_BIG_WORDS);
    memmove(self->words + n_whole, self->words, (size_t)self->n_words * sizeof(self->words[0]));
    memset(self->words, 0, (size_t)n_whole * sizeof(self->words[0]));
    self->n_words += n_whole;
}

void
cni_big_add(cni_big *out, const cni_big *a, const cni_big *b)
{
    const int32_t n_words = a->n_words > b->n_words ? a->n_words : b->n_words;
    uint64_t carry = 0;
    out->n_words = 0;
    for (int32_t at = 0; at < n_words; at++) {
        carry +=
            (uint64_t)(at < a->n_words ? a->words[at] : 0) + (at < b->n_words ? b->words[at] : 0);
        push_word(out, (uint32_t)carry);
        carry >>= 32;
    }
    if (carry != 0) {
        push_word(out, (uint32_t)carry);
    }
}

void
cni_big_sub(cni_big *self, const cni_big *other)
{
    uint32_t borrow = 0;
    for (int32_t at = 0; at < self->n_words; at++) {
        const uint64_t take = (uint64_t)(at < other->n_words ? other->words[at] : 0) + borrow;
        borrow = self->words[at] < take ? 1 : 0;
        self->words[at] = (uint32_t)(self->words[at] - take);
    }
    while (self->n_words > 0 && self->words[self->n_words - 1] == 0) {
        self->n_words--;
    }
}

int
cni_big_compare(const cni_big *a, const cni_big *b)
{
    if (a->n_words != b->n_words) {
        return a->n_words < b->n_words ? -1 : 1;
    }
    for (int32_t at = a->n_words - 1; at >= 0; at--) {
        if (a->words[at] != b->words[at]) {
            return a->words[at] < b->words[at] ? -1 : 1;
        }
    }
    return 0;
}
