/* SPDX-License-Identifier: Apache-2.0
 *
 * Many-way merge with a loser tree: each inner node holds the run that lost there, the winner goes
 * up; the next row costs one comparison per level.
 *
 *        winner
 *          |
 *         n1          n1..n(k-1): losers
 *        /  \
 *      n2    n3
 *     / \   / \
 *    r0 r1 r2 r3      runs; an exhausted one loses against all
 */
#include "exec/operator/sort_merge.h"

#define CHECK_ROWS (1 << 16) /* rows between looks at the cancel flag */

/* ---- order ---- */

int
cni_merge_compare_keys(const cni_sort_result *result, const cni_merge_run *run_a,
                       const cni_sort_entry *a, const cni_merge_run *run_b, const cni_sort_entry *b)
{
    const int by_prefix = cni_sort_entry_compare(a, b);
    (void)result;
    if (by_prefix != 0 || (a->row & CNI_SORT_LONG) == 0) {
        return by_prefix;
    }
    return cni_str_compare(cni_sort_data_key(run_a->data, a), cni_sort_data_key(run_b->data, b));
}

static uint32_t
rank_of(const cni_sort_result *result, uint32_t row)
{
    return result->ranks == NULL ? row : result->ranks[row];
}

/* Total: equal keys by source order. */
static bool
comes_before(const cni_sort_result *result, const cni_merge_run *run_a, const cni_sort_entry *a,
             const cni_merge_run *run_b, const cni_sort_entry *b)
{
    const int by_key = cni_merge_compare_keys(result, run_a, a, run_b, b);
    if (by_key != 0) {
        return by_key < 0;
    }
    return rank_of(result, cni_merge_row(run_a, a)) < rank_of(result, cni_merge_row(run_b, b));
}

/* ---- where a part begins ---- */

/* Entries of `run` in [low, high) that come before `pivot`: gives the first that does not. */
static int64_t
lower_bound(const cni_sort_result *result, const cni_merge_run *run, int64_t low, int64_t high,
            const cni_merge_run *pivot_run, const cni_sort_entry *pivot)
{
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (comes_before(result, run, &run->entries[middle], pivot_run, pivot)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The run with the widest range [lows, highs), or -1 when all are empty. */
static int32_t
widest_run(const int64_t *lows, const int64_t *highs, int32_t n_runs)
{
    int32_t widest = -1;
    int64_t width = 0;
    for (int32_t run = 0; run < n_runs; run++) {
        if (highs[run] - lows[run] > width) {
            width = highs[run] - lows[run];
            widest = run;
        }
    }
    return widest;
}

/* lows[run] = entries of each run that are among the first `rank` of all. The others are work
 * space. */
static void
find_places(const cni_sort_result *result, int64_t rank, int64_t *lows, int64_t *highs,
            int64_t *bounds)
{
    for (int32_t run = 0; run < result->n_runs; run++) {
        lows[run] = 0;
        highs[run] = cni_min_i64(result->runs[run].n_entries, rank);
    }
    int32_t widest = widest_run(lows, highs, result->n_runs);
    while (widest >= 0) {
        const cni_merge_run *pivot_run = &result->runs[widest];
        const int64_t middle = lows[widest] + (highs[widest] - lows[widest]) / 2;
        const cni_sort_entry *pivot = &pivot_run->entries[middle];
        int64_t n_before = 0;
        for (int32_t run = 0; run < result->n_runs; run++) {
            bounds[run] = run == widest ? middle
                                        : lower_bound(result, &result->runs[run], lows[run],
                                                      highs[run], pivot_run, pivot);
            n_before += bounds[run];
        }
        const bool among_first = n_before < rank;
        for (int32_t run = 0; run < result->n_runs; run++) {
            if (among_first) {
                lows[run] = bounds[run] + (run == widest ? 1 : 0);
            } else {
                highs[run] = bounds[run];
            }
        }
        widest = widest_run(lows, highs, result->n_runs);
    }
}

/* ---- the tree ---- */

/* Leading key bytes of a run's next entry, beside each other for speed. */
typedef struct merge_head {
    uint64_t high;
    const cni_sort_entry *entry; /* NULL: exhausted; then `high` is the largest */
} merge_head;

typedef struct merge_tree {
    const cni_sort_result *result;
    int32_t n_leaves;  /* a power of two >= n_runs */
    int32_t *losers;   /* n_leaves: [0] is the winner */
    merge_head *heads; /* n_leaves */
} merge_tree;

static merge_head
head_at(const cni_merge_run *run, int64_t place)
{
    const cni_sort_entry *entry = place < run->n_entries ? &run->entries[place] : NULL;
    return (merge_head){entry == NULL ? UINT64_MAX : entry->high, entry};
}

/* The heads' leading bytes are equal. */
static CN_NOINLINE bool
beats_closely(const merge_tree *tree, int32_t a, int32_t b)
{
    const cni_sort_entry *entry_a = tree->heads[a].entry;
    const cni_sort_entry *entry_b = tree->heads[b].entry;
    if (entry_a == NULL || entry_b == NULL) {
        return entry_a != NULL;
    }
    return comes_before(tree->result, &tree->result->runs[a], entry_a, &tree->result->runs[b],
                        entry_b);
}

/* Whether run a gives its next row before run b does. */
static inline bool
beats(const merge_tree *tree, int32_t a, int32_t b)
{
    const uint64_t high_a = tree->heads[a].high;
    const uint64_t high_b = tree->heads[b].high;
    return CN_LIKELY(high_a != high_b) ? high_a < high_b : beats_closely(tree, a, b);
}

/* Play all games from the leaves up; `winners` is work space for 2 * n_leaves. */
static void
build_tree(merge_tree *tree, int32_t *winners)
{
    for (int32_t leaf = 0; leaf < tree->n_leaves; leaf++) {
        winners[tree->n_leaves + leaf] = leaf;
    }
    for (int32_t node = tree->n_leaves - 1; node >= 1; node--) {
        const int32_t left = winners[2 * node];
        const int32_t right = winners[2 * node + 1];
        const bool left_wins = beats(tree, left, right);
        winners[node] = left_wins ? left : right;
        tree->losers[node] = left_wins ? right : left;
    }
    tree->losers[0] = tree->n_leaves == 1 ? 0 : winners[1];
}

/* The winner's row has been taken: play its games again. */
static void
replay(merge_tree *tree)
{
    int32_t winner = tree->losers[0];
    for (int32_t node = (tree->n_leaves + winner) / 2; node >= 1; node /= 2) {
        if (beats(tree, tree->losers[node], winner)) {
            const int32_t loser = winner;
            winner = tree->losers[node];
            tree->losers[node] = loser;
        }
    }
    tree->losers[0] = winner;
}

static cn_code
merge_rows(merge_tree *tree, int64_t first, int64_t end, cn_error *err)
{
    const cni_sort_result *result = tree->result;
    for (int64_t at = first; at < end; at++) {
        const int32_t winner = tree->losers[0];
        const cni_merge_run *run = &result->runs[winner];
        const cni_sort_entry *entry = tree->heads[winner].entry;
        if (CN_UNLIKELY(entry == NULL)) {
            return CN_FAIL(err, CN_INTERNAL, "a merge ran out of rows at %lld of %lld",
                           (long long)at, (long long)end);
        }
        result->order[at] = cni_merge_row(run, entry);
        tree->heads[winner] = head_at(run, entry - run->entries + 1);
        replay(tree);
        if ((at & (CHECK_ROWS - 1)) == 0) {
            CN_TRY(cni_context_check(result->plan->context, err));
        }
    }
    return CN_OK;
}

/* One run: nothing to compare. */
static void
copy_rows(const cni_sort_result *result, int64_t first, int64_t end)
{
    const cni_merge_run *run = &result->runs[0];
    for (int64_t at = first; at < end; at++) {
        result->order[at] = cni_merge_row(run, &run->entries[at]);
    }
}

cn_code
cni_merge_part(const cni_sort_result *result, int64_t first, int64_t end, cn_error *err)
{
    cni_allocator *allocator = result->plan->allocator;
    const int32_t n_runs = result->n_runs;
    if (n_runs == 1) {
        copy_rows(result, first, end);
        return CN_OK;
    }
    int32_t n_leaves = 2;
    while (n_leaves < n_runs) {
        n_leaves *= 2;
    }
    /* places, highs, bounds; heads; losers and winners */
    const int64_t n_words = 3 * (int64_t)n_runs + 2 * (int64_t)n_leaves + n_leaves / 2 + n_leaves;
    int64_t *words = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, n_words * 8, &words, err));
    find_places(result, first, words, words + n_runs, words + 2 * n_runs);
    merge_head *heads = (merge_head *)(void *)(words + 3 * n_runs);
    int32_t *halves = (int32_t *)(void *)(heads + n_leaves);
    merge_tree tree = {result, n_leaves, halves, heads};
    for (int32_t leaf = 0; leaf < n_leaves; leaf++) {
        heads[leaf] = leaf < n_runs ? head_at(&result->runs[leaf], words[leaf])
                                    : (merge_head){UINT64_MAX, NULL};
    }
    build_tree(&tree, halves + n_leaves);
    const cn_code code = merge_rows(&tree, first, end, err);
    cni_dealloc(allocator, words, n_words * 8);
    return code;
}

/* ---- one row per key ---- */

/* For each row of the joined columns the entry that names it. */
static void
index_entries(const cni_sort_result *result, const cni_sort_entry **entries, int32_t *runs)
{
    for (int32_t run = 0; run < result->n_runs; run++) {
        const cni_merge_run *from = &result->runs[run];
        for (int64_t at = 0; at < from->n_entries; at++) {
            const uint32_t row = cni_merge_row(from, &from->entries[at]);
            entries[row] = &from->entries[at];
            runs[row] = run;
        }
    }
}

/* Of the rows of each key those from `offset` on, `limit` of them. */
static void
keep_first_rows(cni_sort_result *result, const cni_sort_entry *const *entries, const int32_t *runs)
{
    const cni_phys_sort *spec = result->plan->spec;
    const int64_t end = cni_sort_rows_per_key(spec);
    int64_t n_kept = 0;
    int64_t n_same = 0; /* rows of the key so far */
    uint32_t before = 0;
    for (int64_t at = 0; at < result->n_ordered; at++) {
        const uint32_t row = result->order[at];
        const bool same =
            at > 0 && cni_merge_compare_keys(result, &result->runs[runs[before]], entries[before],
                                             &result->runs[runs[row]], entries[row]) == 0;
        n_same = same ? n_same + 1 : 1;
        before = row;
        if (n_same > spec->offset && n_same <= end) {
            result->order[n_kept++] = row;
        }
    }
    result->n_ordered = n_kept;
}

cn_code
cni_merge_unique(cni_sort_result *result, cn_error *err)
{
    cni_allocator *allocator = result->plan->allocator;
    const int64_t n_rows = result->n_rows;
    const cni_sort_entry **entries = NULL;
    int32_t *runs = NULL;
    if (n_rows == 0) {
        return CN_OK;
    }
    CN_TRY(cni_alloc(allocator, n_rows * (int64_t)sizeof(*entries), (void *)&entries, err));
    const cn_code code = cni_alloc(allocator, n_rows * (int64_t)sizeof(*runs), &runs, err);
    if (code == CN_OK) {
        index_entries(result, entries, runs);
        keep_first_rows(result, entries, runs);
        cni_dealloc(allocator, runs, n_rows * (int64_t)sizeof(*runs));
    }
    cni_dealloc(allocator, (void *)entries, n_rows * (int64_t)sizeof(*entries));
    return code;
}
