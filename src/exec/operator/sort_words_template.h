/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorting and packing items of WORDS words; FN(name) gives a function its name. Included by
 * sort_words.c once per number of words, which the compiler then unrolls.
 *
 * Each level of the sort takes the highest bits that differ in a group, at most a digit of one word
 * of them, so depth is bounded by the bits of an item over those of a digit and one per word.
 */
typedef struct ITEM {
    uint64_t words[WORDS];
} ITEM;

static inline CN_ALWAYS_INLINE bool
FN(less)(const ITEM *a, const ITEM *b)
{
    for (int32_t word = 0; word < WORDS - 1; word++) {
        if (a->words[word] != b->words[word]) {
            return a->words[word] < b->words[word];
        }
    }
    return a->words[WORDS - 1] < b->words[WORDS - 1];
}

/* `to` may be `from`. */
static void
FN(insert_all)(const ITEM *from, ITEM *to, int64_t n)
{
    for (int64_t at = 0; at < n; at++) {
        const ITEM item = from[at];
        int64_t place = at;
        while (place > 0 && FN(less)(&item, &to[place - 1])) {
            to[place] = to[place - 1];
            place--;
        }
        to[place] = item;
    }
}

static bool
FN(is_ascending)(const ITEM *items, int64_t n)
{
    for (int64_t at = 1; at < n; at++) {
        if (FN(less)(&items[at], &items[at - 1])) {
            return false;
        }
    }
    return true;
}

/* Where the highest bits that differ are. */
static digit_place
FN(find_digit)(const ITEM *items, int64_t n, int32_t digit_bits)
{
    uint64_t bits[WORDS] = {0};
    for (int64_t at = 1; at < n; at++) {
        for (int32_t word = 0; word < WORDS; word++) {
            bits[word] |= items[at].words[word] ^ items[0].words[word];
        }
    }
    for (int32_t word = 0; word < WORDS; word++) {
        const int32_t width = cni_sort_bit_width(bits[word]);
        if (width > 0) {
            const int32_t n_bits = width < digit_bits ? width : digit_bits;
            return (digit_place){word, width - n_bits, n_bits};
        }
    }
    return (digit_place){0, 0, 0};
}

/* Scatter by the digit; afterwards ends[d] ends bucket d of `to`. */
static void
FN(scatter)(const ITEM *from, ITEM *to, int64_t n, digit_place place, uint32_t *ends)
{
    const uint64_t mask = (UINT64_C(1) << place.n_bits) - 1;
    uint32_t next = 0;
    memset(ends, 0, ((size_t)mask + 1) * sizeof(*ends));
    for (int64_t at = 0; at < n; at++) {
        ends[(from[at].words[place.word] >> place.shift) & mask]++;
    }
    for (uint64_t digit = 0; digit <= mask; digit++) {
        const uint32_t count = ends[digit];
        ends[digit] = next;
        next += count;
    }
    for (int64_t at = 0; at < n; at++) {
        to[ends[(from[at].words[place.word] >> place.shift) & mask]++] = from[at];
    }
}

/* The items of `from` in order, in `to` when `across`, else in `from`; both are written. */
static void
FN(sort_group)(ITEM *from, ITEM *to, int64_t n, bool across)
{
    uint32_t ends[N_DIGITS];
    ITEM *out = across ? to : from;
    if (n <= SMALL_ITEMS) {
        FN(insert_all)(from, out, n);
        return;
    }
    const digit_place place = FN(find_digit)(from, n, DIGIT_BITS);
    if (place.n_bits == 0) {
        if (across) {
            memcpy(to, from, (size_t)n * sizeof(*to));
        }
        return;
    }
    FN(scatter)(from, to, n, place, ends);
    uint32_t begin = 0;
    for (int32_t digit = 0; digit < 1 << place.n_bits; digit++) {
        if (ends[digit] > begin) {
            FN(sort_group)(to + begin, from + begin, ends[digit] - begin, !across);
        }
        begin = ends[digit];
    }
}

/* The first level is looked after: it is wider, and may be cancelled. */
static cn_code
FN(sort)(cni_context *context, void *items_, void *scratch_, int64_t n, uint32_t *ends,
         cn_error *err)
{
    ITEM *items = items_;
    ITEM *scratch = scratch_;
    uint32_t begin = 0;
    if (n < WIDE_ITEMS) {
        if (!FN(is_ascending)(items, n)) {
            FN(sort_group)(items, scratch, n, false);
        }
        return CN_OK;
    }
    const digit_place place = FN(find_digit)(items, n, WIDE_DIGIT_BITS);
    if (place.n_bits == 0 || FN(is_ascending)(items, n)) {
        return CN_OK;
    }
    FN(scatter)(items, scratch, n, place, ends);
    for (int32_t digit = 0; digit < 1 << place.n_bits; digit++) {
        if (ends[digit] > begin) {
            CN_TRY(cni_context_check(context, err));
            FN(sort_group)(scratch + begin, items + begin, ends[digit] - begin, true);
        }
        begin = ends[digit];
    }
    return CN_OK;
}

/* ---- blocks ---- */

/* a - b, in little-endian order of words. */
static inline CN_ALWAYS_INLINE void
FN(difference)(const ITEM *a, const ITEM *b, uint64_t *out)
{
    uint64_t borrow = 0;
    for (int32_t word = WORDS - 1; word >= 0; word--) {
        const uint64_t left = a->words[word] - borrow;
        const uint64_t out_of_a = a->words[word] < borrow ? 1 : 0;
        out[WORDS - 1 - word] = left - b->words[word];
        borrow = out_of_a | (left < b->words[word] ? 1 : 0);
    }
}

static inline CN_ALWAYS_INLINE void
FN(sum)(const ITEM *a, const uint64_t *little, ITEM *out)
{
    uint64_t carry = 0;
    for (int32_t word = WORDS - 1; word >= 0; word--) {
        const uint64_t with = a->words[word] + carry;
        const uint64_t out_of_a = with < carry ? 1 : 0;
        out->words[word] = with + little[WORDS - 1 - word];
        carry = out_of_a | (out->words[word] < with ? 1 : 0);
    }
}

static int32_t
FN(difference_bytes)(const void *items_, int64_t n)
{
    const ITEM *items = items_;
    uint64_t little[WORDS];
    FN(difference)(&items[n - 1], &items[0], little);
    for (int32_t word = WORDS - 1; word >= 0; word--) {
        if (little[word] != 0) {
            return 8 * word + (cni_sort_bit_width(little[word]) + 7) / 8;
        }
    }
    return 0;
}

static void
FN(pack)(const void *items_, int64_t n, int32_t n_bytes, uint8_t *out)
{
    const ITEM *items = items_;
    const ITEM first = items[0];
    uint64_t little[WORDS];
    for (int64_t at = 0; at < n; at++) {
        FN(difference)(&items[at], &first, little);
        memcpy(out, little, sizeof(little)); /* what is too much is written over */
        out += n_bytes;
    }
}

static void
FN(unpack)(const uint8_t *image, int64_t n, int32_t n_bytes, void *out_)
{
    ITEM *out = out_;
    ITEM first;
    uint64_t masks[WORDS];
    uint64_t little[WORDS];
    memcpy(&first, image, sizeof(first));
    image += sizeof(first);
    for (int32_t word = 0; word < WORDS; word++) {
        const int32_t n_used = n_bytes - 8 * word;
        masks[word] = n_used >= 8   ? UINT64_MAX
                      : n_used <= 0 ? 0
                                    : (UINT64_C(1) << (8 * n_used)) - 1;
    }
    for (int64_t at = 0; at < n; at++) {
        memcpy(little, image, sizeof(little));
        for (int32_t word = 0; word < WORDS; word++) {
            little[word] &= masks[word];
        }
        FN(sum)(&first, little, &out[at]);
        image += n_bytes;
    }
}

#undef ITEM
#undef FN
#undef WORDS
