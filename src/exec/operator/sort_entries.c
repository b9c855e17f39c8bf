/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorting runs of entries: least-significant-digit radix over the 16 key bytes, of which those that
 * are the same in all entries cost one look at the histogram; entries whose 16 bytes are equal but
 * whose keys are longer are then merged by memcmp. Both keep equal keys in order. Input that is
 * sorted already is found out first.
 */
#include "exec/operator/sort_entries.h"

#include "base/macros.h"

#define KEY_DIGITS 16
#define ROW_DIGITS 7 /* without the flag above them */
#define SMALL_RUN  48

/* ---- radix ---- */

/* Digit 0 is the least significant: bytes of `low`, then of `high`. */
static inline uint32_t
key_digit(const cni_sort_entry *entry, int32_t digit)
{
    const uint64_t word = digit < 8 ? entry->low : entry->high;
    return (uint32_t)(word >> (8 * (digit & 7))) & 0xFF;
}

static inline uint32_t
row_digit(const cni_sort_entry *entry, int32_t digit)
{
    return (uint32_t)(entry->row >> (8 * digit)) & 0xFF;
}

static void
count_keys(const cni_sort_entry *entries, int64_t n, uint32_t counts[KEY_DIGITS][256])
{
    for (int64_t at = 0; at < n; at++) {
        uint64_t low = entries[at].low;
        uint64_t high = entries[at].high;
        for (int32_t digit = 0; digit < 8; digit++) {
            counts[digit][low & 0xFF]++;
            counts[digit + 8][high & 0xFF]++;
            low >>= 8;
            high >>= 8;
        }
    }
}

/* Counts become first places; false when all entries have the same digit. */
static bool
counts_to_places(uint32_t counts[256], int64_t n)
{
    uint32_t place = 0;
    for (int32_t value = 0; value < 256; value++) {
        const uint32_t count = counts[value];
        if (count == n) {
            return false;
        }
        counts[value] = place;
        place += count;
    }
    return true;
}

/* The result is in `entries`; it may have been moved to and fro. */
static void
radix_by_key(cni_sort_entry *entries, cni_sort_entry *scratch, int64_t n)
{
    uint32_t counts[KEY_DIGITS][256] = {{0}};
    cni_sort_entry *from = entries;
    cni_sort_entry *to = scratch;
    count_keys(entries, n, counts);
    for (int32_t digit = 0; digit < KEY_DIGITS; digit++) {
        if (!counts_to_places(counts[digit], n)) {
            continue;
        }
        for (int64_t at = 0; at < n; at++) {
            to[counts[digit][key_digit(&from[at], digit)]++] = from[at];
        }
        cni_sort_entry *kept = from;
        from = to;
        to = kept;
    }
    if (from != entries) {
        memcpy(entries, from, (size_t)n * sizeof(*entries));
    }
}

void
cni_sort_entries_by_row(cni_sort_entry *entries, cni_sort_entry *scratch, int64_t n)
{
    cni_sort_entry *from = entries;
    cni_sort_entry *to = scratch;
    for (int32_t digit = 0; digit < ROW_DIGITS; digit++) {
        uint32_t counts[256] = {0};
        for (int64_t at = 0; at < n; at++) {
            counts[row_digit(&from[at], digit)]++;
        }
        if (!counts_to_places(counts, n)) {
            continue;
        }
        for (int64_t at = 0; at < n; at++) {
            to[counts[row_digit(&from[at], digit)]++] = from[at];
        }
        cni_sort_entry *kept = from;
        from = to;
        to = kept;
    }
    if (from != entries) {
        memcpy(entries, from, (size_t)n * sizeof(*entries));
    }
}

/* ---- small runs and long keys ---- */

typedef struct entry_order {
    cni_sort_key_of key_of; /* NULL: 16 bytes decide */
    const void *state;
} entry_order;

static int
compare(const entry_order *order, const cni_sort_entry *a, const cni_sort_entry *b)
{
    const int by_prefix = cni_sort_entry_compare(a, b);
    if (by_prefix != 0 || order->key_of == NULL || (a->row & CNI_SORT_LONG) == 0) {
        return by_prefix;
    }
    return cni_str_compare(order->key_of(order->state, a), order->key_of(order->state, b));
}

static void
insertion_sort(const entry_order *order, cni_sort_entry *entries, int64_t n)
{
    for (int64_t at = 1; at < n; at++) {
        const cni_sort_entry entry = entries[at];
        int64_t place = at;
        while (place > 0 && compare(order, &entry, &entries[place - 1]) < 0) {
            entries[place] = entries[place - 1];
            place--;
        }
        entries[place] = entry;
    }
}

/* Two sorted neighbours [0, middle) and [middle, n) into `out`. */
static void
merge_halves(const entry_order *order, const cni_sort_entry *entries, int64_t middle, int64_t n,
             cni_sort_entry *out)
{
    int64_t left = 0;
    int64_t right = middle;
    for (int64_t at = 0; at < n; at++) {
        const bool take_right =
            left == middle || (right < n && compare(order, &entries[right], &entries[left]) < 0);
        out[at] = take_right ? entries[right++] : entries[left++];
    }
}

static void
merge_sort(const entry_order *order, cni_sort_entry *entries, cni_sort_entry *scratch, int64_t n)
{
    cni_sort_entry *from = entries;
    cni_sort_entry *to = scratch;
    for (int64_t begin = 0; begin < n; begin += SMALL_RUN) {
        insertion_sort(order, entries + begin, cni_min_i64(SMALL_RUN, n - begin));
    }
    for (int64_t width = SMALL_RUN; width < n; width *= 2) {
        for (int64_t begin = 0; begin < n; begin += 2 * width) {
            const int64_t length = cni_min_i64(2 * width, n - begin);
            merge_halves(order, from + begin, cni_min_i64(width, length), length, to + begin);
        }
        cni_sort_entry *kept = from;
        from = to;
        to = kept;
    }
    if (from != entries) {
        memcpy(entries, from, (size_t)n * sizeof(*entries));
    }
}

/* Entries are sorted by their 16 bytes: order those with equal ones by the rest. */
static void
sort_equal_prefixes(const entry_order *order, cni_sort_entry *entries, cni_sort_entry *scratch,
                    int64_t n)
{
    int64_t begin = 0;
    while (begin < n) {
        int64_t end = begin + 1;
        while (end < n && cni_sort_entry_compare(&entries[begin], &entries[end]) == 0) {
            end++;
        }
        if (end - begin > 1 && (entries[begin].row & CNI_SORT_LONG) != 0) {
            merge_sort(order, entries + begin, scratch, end - begin);
        }
        begin = end;
    }
}

static bool
is_sorted(const entry_order *order, const cni_sort_entry *entries, int64_t n)
{
    for (int64_t at = 1; at < n; at++) {
        if (compare(order, &entries[at], &entries[at - 1]) < 0) {
            return false;
        }
    }
    return true;
}

void
cni_sort_entries(cni_sort_entry *entries, cni_sort_entry *scratch, int64_t n,
                 cni_sort_key_of key_of, const void *state)
{
    const entry_order order = {key_of, state};
    if (n <= SMALL_RUN) {
        insertion_sort(&order, entries, n);
        return;
    }
    if (is_sorted(&order, entries, n)) {
        return;
    }
    radix_by_key(entries, scratch, n);
    if (key_of != NULL) {
        sort_equal_prefixes(&order, entries, scratch, n);
    }
}
