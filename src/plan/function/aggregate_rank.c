/* SPDX-License-Identifier: Apache-2.0
 *
 * Cells of a list by their rank, and the most frequent one, without sorting where that is not
 * asked.
 *
 *   numbers of at most 64 bits   keys whose unsigned order is that of the values (NaN the largest,
 *                                -0.0 as 0.0): counted by their leading bits, range after range,
 * until few are left; the list is walked, nothing is copied but those few others copied, and
 * divided around pivots
 *
 * Of equal values the one that is asked for is told by source order, in which the list is: ranks
 * are those of a stable sort.
 */
#include "plan/function/aggregate_rank_int.h"

#include <math.h>

#define FEW          2048 /* keys that are gathered */
#define BUCKET_BITS  11
#define CHECK_BLOCKS 63     /* blocks between looks at the cancel flag, as a mask */
#define CHECK_MASK   0x3FFF /* steps, likewise */
#define INSERT_MOST  32

void
cni_rank_scratch_done(cni_rank_scratch *self)
{
    if (self->allocator != NULL) {
        cni_dealloc(self->allocator, self->bytes, self->n_bytes);
    }
    *self = (cni_rank_scratch){0};
}

static cn_code
reserve(cni_rank_scratch *self, int64_t n_bytes, cn_error *err)
{
    if (n_bytes > self->n_bytes) {
        cni_dealloc(self->allocator, self->bytes, self->n_bytes);
        self->bytes = NULL;
        self->n_bytes = 0;
        CN_TRY(cni_alloc(self->allocator, n_bytes, &self->bytes, err));
        self->n_bytes = n_bytes;
    }
    return CN_OK;
}

static cn_code
check(const cni_aggregate_call *call, int64_t at, int64_t mask, cn_error *err)
{
    return (at & mask) == 0 && call->context != NULL ? cni_context_check(call->context, err)
                                                     : CN_OK;
}

/* ---- keys ---- */

#define SIGN (UINT64_C(1) << 63)

static uint64_t
key_of_float(uint64_t word)
{
    double value;
    memcpy(&value, &word, sizeof(value));
    if (isnan(value)) {
        return UINT64_MAX;
    }
    value += 0.0; /* -0.0 */
    memcpy(&word, &value, sizeof(word));
    return (word & SIGN) != 0 ? ~word : word | SIGN;
}

static inline uint64_t
key_of(cni_cell_kind kind, uint64_t word)
{
    switch (kind) {
    case CNI_CELL_I64:
        return word ^ SIGN;
    case CNI_CELL_F64:
        return key_of_float(word);
    default:
        return word;
    }
}

static double
float_of_key(uint64_t key)
{
    double value = (double)NAN;
    const uint64_t word = (key & SIGN) != 0 ? key & ~SIGN : ~key;
    if (key != UINT64_MAX) {
        memcpy(&value, &word, sizeof(value));
    }
    return value;
}

/* Keys under way: those from low to high are n, `below` are less. */
typedef struct key_range {
    uint64_t low;
    uint64_t high;
    int64_t n;
    int64_t below;
} key_range;

/* What is asked of the keys of a list. */
typedef struct key_list {
    const cni_aggregate_call *call;
    const cni_cell_list *list;
    cni_cell_kind kind;
} key_list;

static cn_code
whole_range(const key_list *self, key_range *out, cn_error *err)
{
    int64_t n_blocks = 0;
    *out = (key_range){.low = UINT64_MAX, .high = 0, .n = self->list->n};
    for (const cni_cell_block *block = self->list->first; block != NULL; block = block->next) {
        CN_TRY(check(self->call, n_blocks++, CHECK_BLOCKS, err));
        for (int32_t at = 0; at < block->n; at++) {
            const uint64_t key = key_of(self->kind, block->words[at]);
            out->low = key < out->low ? key : out->low;
            out->high = key > out->high ? key : out->high;
        }
    }
    return CN_OK;
}

static cn_code
count_buckets(const key_list *self, const key_range *range, int32_t shift, int64_t *counts,
              cn_error *err)
{
    int64_t n_blocks = 0;
    const uint64_t span = range->high - range->low;
    memset(counts, 0, (sizeof(*counts)) << BUCKET_BITS);
    for (const cni_cell_block *block = self->list->first; block != NULL; block = block->next) {
        CN_TRY(check(self->call, n_blocks++, CHECK_BLOCKS, err));
        for (int32_t at = 0; at < block->n; at++) {
            const uint64_t place = key_of(self->kind, block->words[at]) - range->low;
            if (place <= span) {
                counts[place >> shift]++;
            }
        }
    }
    return CN_OK;
}

/* To the bucket that has the key of `rank`. */
static cn_code
narrow(const key_list *self, int64_t rank, key_range *inout_range, cn_error *err)
{
    int64_t counts[1 << BUCKET_BITS];
    const uint64_t span = inout_range->high - inout_range->low;
    const int32_t n_bits = 64 - __builtin_clzll(span | 1);
    const int32_t shift = n_bits <= BUCKET_BITS ? 0 : n_bits - BUCKET_BITS;
    int64_t bucket = 0;
    CN_TRY(count_buckets(self, inout_range, shift, counts, err));
    while (bucket < (1 << BUCKET_BITS) - 1 && inout_range->below + counts[bucket] <= rank) {
        inout_range->below += counts[bucket++];
    }
    const uint64_t low = inout_range->low + ((uint64_t)bucket << shift);
    const uint64_t last = ((UINT64_C(1) << shift) - 1);
    inout_range->high = inout_range->high - low < last ? inout_range->high : low + last;
    inout_range->low = low;
    inout_range->n = counts[bucket];
    return CN_OK;
}

static int64_t
gather_keys(const key_list *self, const key_range *range, uint64_t *out)
{
    const uint64_t span = range->high - range->low;
    int64_t n = 0;
    for (const cni_cell_block *block = self->list->first; block != NULL; block = block->next) {
        for (int32_t at = 0; at < block->n; at++) {
            const uint64_t key = key_of(self->kind, block->words[at]);
            if (key - range->low <= span) {
                out[n++] = key;
            }
        }
    }
    return n;
}

static inline void
swap_keys(uint64_t *keys, int64_t a, int64_t b)
{
    const uint64_t key = keys[a];
    keys[a] = keys[b];
    keys[b] = key;
}

static uint64_t
middle_key(const uint64_t *keys, int64_t n)
{
    const uint64_t a = keys[0];
    const uint64_t b = keys[n / 2];
    const uint64_t c = keys[n - 1];
    const uint64_t low = a < b ? a : b;
    const uint64_t high = a < b ? b : a;
    return c < low ? low : (c > high ? high : c);
}

/* Key of rank `rank` of few; they are moved. */
static uint64_t
select_key(uint64_t *keys, int64_t n, int64_t rank)
{
    while (n > 1) {
        const uint64_t pivot = middle_key(keys, n);
        int64_t less = 0;
        int64_t more = n;
        for (int64_t at = 0; at < more;) {
            if (keys[at] < pivot) {
                swap_keys(keys, at++, less++);
            } else if (keys[at] > pivot) {
                swap_keys(keys, at, --more);
            } else {
                at++;
            }
        }
        if (rank >= less && rank < more) {
            return pivot;
        }
        n = rank < less ? less : n - more;
        keys += rank < less ? 0 : more;
        rank -= rank < less ? 0 : more;
    }
    return keys[0];
}

/* The key with `rank` keys before it, how many are less, and how many equal. */
static cn_code
find_key(const key_list *self, int64_t rank, uint64_t *out_key, int64_t *out_less,
         int64_t *out_equal, cn_error *err)
{
    uint64_t keys[FEW];
    key_range range = {.low = 0, .high = UINT64_MAX, .n = self->list->n};
    if (range.n > FEW) {
        CN_TRY(whole_range(self, &range, err));
    }
    while (range.n > FEW && range.low < range.high) {
        CN_TRY(narrow(self, rank, &range, err));
    }
    *out_key = range.low;
    *out_less = range.below;
    *out_equal = range.n;
    if (range.low < range.high) {
        keys[0] = range.low;
        const int64_t n = gather_keys(self, &range, keys);
        *out_key = select_key(keys, n, rank - range.below);
        *out_equal = 0;
        for (int64_t at = 0; at < n; at++) {
            *out_less += keys[at] < *out_key ? 1 : 0;
            *out_equal += keys[at] == *out_key ? 1 : 0;
        }
    }
    return CN_OK;
}

/* The least key above `key`, which is not the largest. */
static cn_code
next_key(const key_list *self, uint64_t key, uint64_t *out_next, cn_error *err)
{
    int64_t n_blocks = 0;
    *out_next = UINT64_MAX;
    for (const cni_cell_block *block = self->list->first; block != NULL; block = block->next) {
        CN_TRY(check(self->call, n_blocks++, CHECK_BLOCKS, err));
        for (int32_t at = 0; at < block->n; at++) {
            const uint64_t other = key_of(self->kind, block->words[at]);
            *out_next = other > key && other < *out_next ? other : *out_next;
        }
    }
    return CN_OK;
}

/* Cell number `number` of those that have the key, in source order. */
static cni_cell
cell_of_key(const key_list *self, uint64_t key, int64_t number)
{
    for (const cni_cell_block *block = self->list->first; block != NULL; block = block->next) {
        for (int32_t at = 0; at < block->n; at++) {
            if (key_of(self->kind, block->words[at]) == key && number-- == 0) {
                return cni_cell_list_get(block, self->kind, at);
            }
        }
    }
    return (cni_cell){{0, 0}};
}

cn_code
cni_rank_floats(const cni_aggregate_call *call, const cni_cell_list *list, int64_t rank,
                double *out_value, double *out_next, cn_error *err)
{
    const key_list self = {call, list, CNI_CELL_F64};
    uint64_t key = 0;
    int64_t n_less = 0;
    int64_t n_equal = 0;
    CN_TRY(find_key(&self, rank, &key, &n_less, &n_equal, err));
    *out_value = float_of_key(key);
    if (rank + 1 >= n_less + n_equal && rank + 1 < list->n) {
        CN_TRY(next_key(&self, key, &key, err));
    }
    *out_next = float_of_key(key);
    return CN_OK;
}

/* ---- cells of two words ---- */

static void
swap_cells(cni_cell *cells, int64_t a, int64_t b)
{
    const cni_cell cell = cells[a];
    cells[a] = cells[b];
    cells[b] = cell;
}

/* Less than the pivot, equal, more: [0, less), [less, more), [more, n). */
static cn_code
divide(const key_list *self, cni_cell *cells, int64_t n, const cni_cell *pivot, int64_t *out_less,
       int64_t *out_more, cn_error *err)
{
    int64_t less = 0;
    int64_t more = n;
    for (int64_t at = 0; at < more;) {
        int order = 0;
        CN_TRY(check(self->call, at, CHECK_MASK, err));
        CN_TRY(cni_cell_compare(&self->call->env, self->kind, &cells[at], pivot, &order, err));
        if (order < 0) {
            swap_cells(cells, at++, less++);
        } else if (order > 0) {
            swap_cells(cells, at, --more);
        } else {
            at++;
        }
    }
    *out_less = less;
    *out_more = more;
    return CN_OK;
}

/* Some place below n, another one each time: no order of the input is a bad one. */
static int64_t
pivot_place(uint64_t *inout_seed, int64_t n)
{
    uint64_t bits = *inout_seed += UINT64_C(0x9E3779B97F4A7C15);
    bits = (bits ^ (bits >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    bits = (bits ^ (bits >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (int64_t)((bits ^ (bits >> 31)) % (uint64_t)n);
}

/* Some cell of the rank, and how many are less; the cells are moved. */
static cn_code
select_cell(const key_list *self, cni_cell *cells, int64_t n, int64_t rank, cni_cell *out_cell,
            int64_t *out_less, cn_error *err)
{
    uint64_t seed = (uint64_t)n;
    int64_t first = 0;
    while (n > 0) {
        int64_t less = 0;
        int64_t more = n;
        const cni_cell pivot = cells[first + pivot_place(&seed, n)];
        CN_TRY(divide(self, cells + first, n, &pivot, &less, &more, err));
        if (rank >= first + less && rank < first + more) {
            *out_cell = pivot;
            *out_less = first + less;
            return CN_OK;
        }
        n = rank < first + less ? less : n - more;
        first += rank < first + less ? 0 : more;
    }
    return CN_FAIL(err, CN_INTERNAL, "there is no value of rank %lld", (long long)rank);
}

/* Cell number `number` of those that are equal to `wanted`, in source order. */
static cn_code
equal_cell(const key_list *self, const cni_cell *wanted, int64_t number, cni_cell *out_cell,
           cn_error *err)
{
    for (const cni_cell_block *block = self->list->first; block != NULL; block = block->next) {
        for (int32_t at = 0; at < block->n; at++) {
            int order = 0;
            *out_cell = cni_cell_list_get(block, self->kind, at);
            CN_TRY(cni_cell_compare(&self->call->env, self->kind, out_cell, wanted, &order, err));
            if (order == 0 && number-- == 0) {
                return CN_OK;
            }
        }
    }
    return CN_OK;
}

cn_code
cni_rank_cell(const cni_aggregate_call *call, const cni_cell_list *list, cni_cell_kind kind,
              int64_t rank, cni_rank_scratch *scratch, cni_cell *out_cell, cn_error *err)
{
    const key_list self = {call, list, kind};
    int64_t n_less = 0;
    if (cni_cell_list_words(kind) == 1) {
        uint64_t key = 0;
        int64_t n_equal = 0;
        CN_TRY(find_key(&self, rank, &key, &n_less, &n_equal, err));
        *out_cell = cell_of_key(&self, key, rank - n_less);
        return CN_OK;
    }
    cni_cell found = {{0, 0}};
    CN_TRY(reserve(scratch, list->n * (int64_t)sizeof(cni_cell), err));
    cni_cell *cells = (void *)scratch->bytes;
    cni_cell_list_copy(list, kind, cells, NULL);
    CN_TRY(select_cell(&self, cells, list->n, rank, &found, &n_less, err));
    return equal_cell(&self, &found, rank - n_less, out_cell, err);
}

/* ---- the most frequent one ---- */

static void
insert_keys(uint64_t *keys, int64_t n)
{
    for (int64_t at = 1; at < n; at++) {
        const uint64_t key = keys[at];
        int64_t to = at;
        for (; to > 0 && keys[to - 1] > key; to--) {
            keys[to] = keys[to - 1];
        }
        keys[to] = key;
    }
}

/* By 8 bits from `shift` on. */
static void
scatter_keys(const uint64_t *keys, int64_t n, int32_t shift, uint64_t *out)
{
    int64_t places[257] = {0};
    for (int64_t at = 0; at < n; at++) {
        places[((keys[at] >> shift) & 0xFF) + 1]++;
    }
    for (int32_t byte = 1; byte < 256; byte++) {
        places[byte] += places[byte - 1];
    }
    for (int64_t at = 0; at < n; at++) {
        out[places[(keys[at] >> shift) & 0xFF]++] = keys[at];
    }
}

/* `spare` is as long; gives which of the two is sorted. */
static cn_code
sort_keys(const key_list *self, uint64_t *keys, uint64_t *spare, int64_t n, uint64_t **out_sorted,
          cn_error *err)
{
    uint64_t differs = 0;
    *out_sorted = keys;
    if (n <= INSERT_MOST) {
        insert_keys(keys, n);
        return CN_OK;
    }
    for (int64_t at = 1; at < n; at++) {
        differs |= keys[at] ^ keys[0];
    }
    for (int32_t shift = 0; shift < 64; shift += 8) {
        if (((differs >> shift) & 0xFF) != 0) {
            CN_TRY(check(self->call, 0, 0, err));
            scatter_keys(*out_sorted, n, shift, spare);
            uint64_t *swapped = *out_sorted;
            *out_sorted = spare;
            spare = swapped;
        }
    }
    return CN_OK;
}

/* Of sorted keys those that are there most often, once each; gives how many. */
static int64_t
keep_frequent_keys(uint64_t *keys, int64_t n)
{
    int64_t longest = 0;
    int64_t n_kept = 0;
    for (int64_t first = 0; first < n;) {
        int64_t end = first + 1;
        const uint64_t key = keys[first];
        while (end < n && keys[end] == key) {
            end++;
        }
        n_kept = end - first > longest ? 0 : n_kept;
        if (end - first >= longest) {
            longest = end - first;
            keys[n_kept++] = key;
        }
        first = end;
    }
    return n_kept;
}

static bool
has_key(const uint64_t *keys, int64_t n, uint64_t key)
{
    int64_t first = 0;
    while (n > 1) {
        const int64_t half = n / 2;
        first = keys[first + half] <= key ? first + half : first;
        n -= half;
    }
    return keys[first] == key;
}

static cn_code
frequent_key(const key_list *self, cni_rank_scratch *scratch, cni_cell *out_cell, cn_error *err)
{
    const int64_t n = self->list->n;
    const key_range all = {.high = UINT64_MAX};
    uint64_t *sorted = NULL;
    CN_TRY(reserve(scratch, (n <= INSERT_MOST ? n : 2 * n) * (int64_t)sizeof(*sorted), err));
    uint64_t *keys = (void *)scratch->bytes;
    (void)gather_keys(self, &all, keys);
    CN_TRY(sort_keys(self, keys, keys + n, n, &sorted, err));
    const int64_t n_kept = keep_frequent_keys(sorted, n);
    for (const cni_cell_block *block = self->list->first; block != NULL; block = block->next) {
        for (int32_t at = 0; at < block->n; at++) {
            if (has_key(sorted, n_kept, key_of(self->kind, block->words[at]))) {
                *out_cell = cni_cell_list_get(block, self->kind, at);
                return CN_OK;
            }
        }
    }
    return CN_OK;
}

/* Two sorted runs into one. */
static cn_code
merge_cells(const key_list *self, const cni_cell *cells, int64_t middle, int64_t n, cni_cell *out,
            cn_error *err)
{
    int64_t left = 0;
    int64_t right = middle;
    for (int64_t at = 0; at < n; at++) {
        int order = left < middle ? -1 : 1;
        CN_TRY(check(self->call, at + 1, CHECK_MASK, err));
        if (left < middle && right < n) {
            CN_TRY(cni_cell_compare(&self->call->env, self->kind, &cells[left], &cells[right],
                                    &order, err));
        }
        out[at] = order <= 0 ? cells[left++] : cells[right++];
    }
    return CN_OK;
}

/* Bottom up; `spare` is as long. *out_sorted is one of the two. */
static cn_code
sort_cells(const key_list *self, cni_cell *cells, cni_cell *spare, int64_t n, cni_cell **out_sorted,
           cn_error *err)
{
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t first = 0; first < n; first += 2 * width) {
            const int64_t n_both = cni_min_i64(2 * width, n - first);
            CN_TRY(merge_cells(self, cells + first, cni_min_i64(width, n_both), n_both,
                               spare + first, err));
        }
        cni_cell *swapped = cells;
        cells = spare;
        spare = swapped;
    }
    *out_sorted = cells;
    return CN_OK;
}

/* As keep_frequent_keys. */
static cn_code
keep_frequent_cells(const key_list *self, cni_cell *cells, int64_t n, int64_t *out_n, cn_error *err)
{
    int64_t longest = 0;
    *out_n = 0;
    for (int64_t first = 0; first < n;) {
        int64_t end = first + 1;
        int order = 0;
        const cni_cell cell = cells[first];
        while (end < n && order == 0) {
            CN_TRY(cni_cell_compare(&self->call->env, self->kind, &cell, &cells[end], &order, err));
            end += order == 0 ? 1 : 0;
        }
        *out_n = end - first > longest ? 0 : *out_n;
        if (end - first >= longest) {
            longest = end - first;
            cells[(*out_n)++] = cell;
        }
        first = end;
    }
    return CN_OK;
}

static cn_code
has_cell(const key_list *self, const cni_cell *cells, int64_t n, const cni_cell *cell,
         bool *out_found, cn_error *err)
{
    int order = 0;
    while (n > 1) {
        const int64_t half = n / 2;
        CN_TRY(cni_cell_compare(&self->call->env, self->kind, &cells[half], cell, &order, err));
        cells += order <= 0 ? half : 0;
        n -= half;
    }
    CN_TRY(cni_cell_compare(&self->call->env, self->kind, cells, cell, &order, err));
    *out_found = order == 0;
    return CN_OK;
}

static cn_code
frequent_cell(const key_list *self, cni_rank_scratch *scratch, cni_cell *out_cell, cn_error *err)
{
    const int64_t n = self->list->n;
    cni_cell *sorted = NULL;
    int64_t n_kept = 0;
    bool found = false;
    CN_TRY(reserve(scratch, 2 * n * (int64_t)sizeof(cni_cell), err));
    cni_cell *cells = (void *)scratch->bytes;
    cni_cell_list_copy(self->list, self->kind, cells, NULL);
    CN_TRY(sort_cells(self, cells, cells + n, n, &sorted, err));
    CN_TRY(keep_frequent_cells(self, sorted, n, &n_kept, err));
    for (const cni_cell_block *block = self->list->first; block != NULL; block = block->next) {
        for (int32_t at = 0; at < block->n && !found; at++) {
            *out_cell = cni_cell_list_get(block, self->kind, at);
            CN_TRY(has_cell(self, sorted, n_kept, out_cell, &found, err));
        }
        if (found) {
            break;
        }
    }
    return CN_OK;
}

cn_code
cni_rank_most_frequent(const cni_aggregate_call *call, const cni_cell_list *list,
                       cni_cell_kind kind, cni_rank_scratch *scratch, cni_cell *out_cell,
                       cn_error *err)
{
    const key_list self = {call, list, kind};
    return cni_cell_list_words(kind) == 1 ? frequent_key(&self, scratch, out_cell, err)
                                          : frequent_cell(&self, scratch, out_cell, err);
}
