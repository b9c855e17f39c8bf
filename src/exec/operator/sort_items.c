/* SPDX-License-Identifier: Apache-2.0
 *
 * Radix from both ends: a group of items is ordered by as many of its leading differing bits as can
 * tell its size apart (least significant digit first, which is stable), then each group that is
 * still equal in those is taken by itself: by the bits that are left, then by the next word of the
 * keys. Depth is bounded: groups below it are merged by comparing.
 */
#include "exec/operator/sort_items.h"

#include "base/macros.h"

#define SMALL_ITEMS 24 /* put in place one by one */
#define SMALL_WORDS 16 /* of a small group, before keys are compared */
#define AHEAD       8  /* keys lie anywhere: they are fetched so many items before */
#define MAX_DEPTH   24
#define DIGIT_BITS  8
#define N_DIGITS    (1 << DIGIT_BITS)
#define MAX_PASSES  8
#define SPARE_BITS  4 /* beyond the size of a group: fewer items meet */

typedef struct item_sorter {
    const cni_sort_order *order;
    uint32_t counts[MAX_PASSES][N_DIGITS];
} item_sorter;

/* ---- comparing ---- */

static int
compare_sequences(const cni_sort_order *order, const cni_sort_item *a, const cni_sort_item *b)
{
    if (order->sequence_of == NULL) {
        return 0;
    }
    const int64_t sequence_a = order->sequence_of(order->state, a->row);
    const int64_t sequence_b = order->sequence_of(order->state, b->row);
    return (sequence_a > sequence_b) - (sequence_a < sequence_b);
}

/* Whole order of two items whose words hold the keys' bytes from `offset` on; all before is equal.
 */
static inline int
compare_items(const cni_sort_order *order, const cni_sort_item *a, const cni_sort_item *b,
              int64_t offset)
{
    if (a->word != b->word) {
        return a->word < b->word ? -1 : 1;
    }
    const int64_t n_common = cni_min_i64(a->key_bytes, b->key_bytes) - (offset + 8);
    if (n_common > 0) {
        const int by_rest = memcmp(order->keys[a->row] + offset + 8,
                                   order->keys[b->row] + offset + 8, (size_t)n_common);
        if (by_rest != 0) {
            return by_rest;
        }
    }
    return compare_sequences(order, a, b);
}

static void
insertion_sort(const cni_sort_order *order, cni_sort_item *items, int64_t n, int64_t offset)
{
    for (int64_t at = 1; at < n; at++) {
        const cni_sort_item item = items[at];
        int64_t place = at;
        while (place > 0 && compare_items(order, &item, &items[place - 1], offset) < 0) {
            items[place] = items[place - 1];
            place--;
        }
        items[place] = item;
    }
}

static void
load_words(const cni_sort_order *order, cni_sort_item *items, int64_t n, int64_t offset)
{
    for (int64_t at = 0; at < n; at++) {
        if (at + 2 * AHEAD < n) {
            __builtin_prefetch(&order->keys[items[at + 2 * AHEAD].row]);
            __builtin_prefetch(order->keys[items[at + AHEAD].row] + offset);
        }
        items[at].word = cni_sort_word(order->keys[items[at].row], items[at].key_bytes, offset);
    }
}

static void
sort_by_word(cni_sort_item *items, int64_t n)
{
    for (int64_t at = 1; at < n; at++) {
        const cni_sort_item item = items[at];
        int64_t place = at;
        while (place > 0 && item.word < items[place - 1].word) {
            items[place] = items[place - 1];
            place--;
        }
        items[place] = item;
    }
}

/* SMALL_ITEMS at most, by one word after the other: a key is looked at once per word, not once per
 * comparison. Pairs, and what has the same bytes for long, are compared. */
static void
sort_small(const cni_sort_order *order, cni_sort_item *items, int64_t n, int64_t offset,
           int32_t n_words)
{
    bool same = true;
    while (same) {
        if (n <= 2 || n_words >= SMALL_WORDS || items[0].key_bytes <= offset) {
            insertion_sort(order, items, n, offset);
            return;
        }
        sort_by_word(items, n);
        same = items[0].word == items[n - 1].word;
        if (same) {
            offset += 8;
            n_words++;
            load_words(order, items, n, offset);
        }
    }
    for (int64_t begin = 0; begin < n;) {
        int64_t end = begin + 1;
        while (end < n && items[end].word == items[begin].word) {
            end++;
        }
        if (end - begin > 1) { /* fewer than before, so the depth is bounded */
            sort_small(order, items + begin, end - begin, offset, n_words);
        }
        begin = end;
    }
}

/* Two sorted neighbours [0, middle) and [middle, n) into `out`. */
static void
merge_halves(const cni_sort_order *order, const cni_sort_item *items, int64_t middle, int64_t n,
             int64_t offset, cni_sort_item *out)
{
    int64_t left = 0;
    int64_t right = middle;
    for (int64_t at = 0; at < n; at++) {
        const bool take_right =
            left == middle ||
            (right < n && compare_items(order, &items[right], &items[left], offset) < 0);
        out[at] = take_right ? items[right++] : items[left++];
    }
}

static cn_code
merge_sort(const cni_sort_order *order, cni_sort_item *items, cni_sort_item *scratch, int64_t n,
           int64_t offset, cn_error *err)
{
    cni_sort_item *from = items;
    cni_sort_item *to = scratch;
    for (int64_t begin = 0; begin < n; begin += SMALL_ITEMS) {
        insertion_sort(order, items + begin, cni_min_i64(SMALL_ITEMS, n - begin), offset);
    }
    for (int64_t width = SMALL_ITEMS; width < n; width *= 2) {
        for (int64_t begin = 0; begin < n; begin += 2 * width) {
            const int64_t length = cni_min_i64(2 * width, n - begin);
            CN_TRY(cni_context_check(order->context, err));
            merge_halves(order, from + begin, cni_min_i64(width, length), length, offset,
                         to + begin);
        }
        cni_sort_item *kept = from;
        from = to;
        to = kept;
    }
    if (from != items) {
        memcpy(items, from, (size_t)n * sizeof(*items));
    }
    return CN_OK;
}

/* ---- radix ---- */

static uint64_t
differing_bits(const cni_sort_item *items, int64_t n)
{
    uint64_t bits = 0;
    for (int64_t at = 1; at < n; at++) {
        bits |= items[at].word ^ items[0].word;
    }
    return bits;
}

static bool
is_ascending(const cni_sort_item *items, int64_t n)
{
    for (int64_t at = 1; at < n; at++) {
        if (items[at].word < items[at - 1].word) {
            return false;
        }
    }
    return true;
}

static void
count_digits(item_sorter *self, const cni_sort_item *items, int64_t n, int32_t shift,
             int32_t n_passes)
{
    memset(self->counts, 0, (size_t)n_passes * sizeof(self->counts[0]));
    for (int64_t at = 0; at < n; at++) {
        uint64_t bits = items[at].word >> shift;
        for (int32_t pass = 0; pass < n_passes; pass++) {
            self->counts[pass][bits & (N_DIGITS - 1)]++;
            bits >>= DIGIT_BITS;
        }
    }
}

/* Counts become first places; false when all items have the same digit. */
static bool
counts_to_places(uint32_t counts[N_DIGITS], int64_t n)
{
    uint32_t place = 0;
    for (int32_t digit = 0; digit < N_DIGITS; digit++) {
        const uint32_t count = counts[digit];
        if (count == n) {
            return false;
        }
        counts[digit] = place;
        place += count;
    }
    return true;
}

/* Order by n_passes digits from bit `shift` on; the result is in `items`. */
static void
radix_sort(item_sorter *self, cni_sort_item *items, cni_sort_item *scratch, int64_t n,
           int32_t shift, int32_t n_passes)
{
    cni_sort_item *from = items;
    cni_sort_item *to = scratch;
    count_digits(self, items, n, shift, n_passes);
    for (int32_t pass = 0; pass < n_passes; pass++) {
        uint32_t *places = self->counts[pass];
        const int32_t low = shift + pass * DIGIT_BITS;
        if (!counts_to_places(places, n)) {
            continue;
        }
        for (int64_t at = 0; at < n; at++) {
            to[places[(from[at].word >> low) & (N_DIGITS - 1)]++] = from[at];
        }
        cni_sort_item *kept = from;
        from = to;
        to = kept;
    }
    if (from != items) {
        memcpy(items, from, (size_t)n * sizeof(*items));
    }
}

static int32_t
bit_width(uint64_t bits)
{
    return bits == 0 ? 0 : 64 - __builtin_clzll(bits);
}

/* Items of equal keys: their words are not needed any more. */
static void
sort_ties(item_sorter *self, cni_sort_item *items, cni_sort_item *scratch, int64_t n)
{
    if (self->order->sequence_of == NULL) {
        return;
    }
    for (int64_t at = 0; at < n; at++) {
        const int64_t sequence = self->order->sequence_of(self->order->state, items[at].row);
        items[at].word = (uint64_t)sequence ^ (UINT64_C(1) << 63);
    }
    if (!is_ascending(items, n)) {
        const int32_t n_bits = bit_width(differing_bits(items, n));
        radix_sort(self, items, scratch, n, 0, (n_bits + DIGIT_BITS - 1) / DIGIT_BITS);
    }
}

static cn_code sort_group(item_sorter *self, cni_sort_item *items, cni_sort_item *scratch,
                          int64_t n, int64_t offset, int32_t depth, cn_error *err);

/* Items whose words differ somewhere in the lowest n_bits. */
static cn_code
split_group(item_sorter *self, cni_sort_item *items, cni_sort_item *scratch, int64_t n,
            int64_t offset, int32_t n_bits, int32_t depth, cn_error *err)
{
    const int32_t wanted = (int32_t)cni_min_i64(n_bits, bit_width((uint64_t)n) + SPARE_BITS);
    const int32_t n_passes = (wanted + DIGIT_BITS - 1) / DIGIT_BITS;
    const int32_t shift = (int32_t)cni_max_i64(0, n_bits - n_passes * DIGIT_BITS);
    if (!is_ascending(items, n)) {
        radix_sort(self, items, scratch, n, shift, n_passes);
    }
    for (int64_t begin = 0; begin < n;) {
        int64_t end = begin + 1;
        const uint64_t leading = items[begin].word >> shift;
        while (end < n && items[end].word >> shift == leading) {
            end++;
        }
        if (end - begin > 1) {
            CN_TRY(sort_group(self, items + begin, scratch, end - begin, offset, depth + 1, err));
        }
        begin = end;
    }
    return CN_OK;
}

static cn_code
sort_group(item_sorter *self, cni_sort_item *items, cni_sort_item *scratch, int64_t n,
           int64_t offset, int32_t depth, cn_error *err)
{
    while (n > SMALL_ITEMS) {
        const uint64_t bits = differing_bits(items, n);
        CN_TRY(cni_context_check(self->order->context, err));
        if (bits != 0) {
            return depth >= MAX_DEPTH
                       ? merge_sort(self->order, items, scratch, n, offset, err)
                       : split_group(self, items, scratch, n, offset, bit_width(bits), depth, err);
        }
        offset += 8;
        if (items[0].key_bytes <= offset) {
            sort_ties(self, items, scratch, n);
            return CN_OK;
        }
        load_words(self->order, items, n, offset);
    }
    sort_small(self->order, items, n, offset, 0);
    return CN_OK;
}

cn_code
cni_sort_items(const cni_sort_order *order, cni_sort_item *items, cni_sort_item *scratch, int64_t n,
               cn_error *err)
{
    item_sorter sorter;
    sorter.order = order;
    return sort_group(&sorter, items, scratch, n, 0, 0, err);
}
