/* SPDX-License-Identifier: Apache-2.0
 *
 * Cells by rank and the most frequent one, against a stable sort of the same list.
 */
#include <math.h>
#include <stdlib.h>

#include "plan/function/aggregate_rank_int.h"
#include "unit/plan/plan_fixture.h"

#define MAX_VALUES 9000

static uint64_t
next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 20;
}

/* ---- lists ---- */

/* Value number `random` of few or many of a type. */
static void
put_value(const cni_type *type, uint64_t random, int64_t n_different, void *out)
{
    static const double specials[] = {0.0, -0.0, (double)NAN, (double)INFINITY, -(double)INFINITY};
    const int64_t value = (int64_t)(random % (uint64_t)n_different) - n_different / 3;
    const double number =
        random % 7 == 0 ? specials[random / 7 % CN_ARRAY_LEN(specials)] : (double)value / 8;
    const cni_interval span = {.months = (int32_t)(random % 3), .days = (int32_t)(value % 70)};
    if (type->id == CNI_TYPE_FLOAT64) {
        memcpy(out, &number, sizeof(number));
    } else if (type->id == CNI_TYPE_INTERVAL) {
        memcpy(out, &span, sizeof(span));
    } else {
        const int64_t scaled = value * INT64_C(1000000007);
        memcpy(out, &scaled, sizeof(scaled));
    }
}

static void
put_text(uint64_t random, int64_t n_different, cni_arena *arena, cni_view *out)
{
    char *text = NULL;
    assert_int_equal(cni_arena_alloc(arena, 40, &text, NULL), CN_OK);
    const int n = snprintf(text, 40, random % 2 == 0 ? "%llu" : "a longer text %llu",
                           (unsigned long long)(random / 2 % (uint64_t)n_different));
    *out = cni_view_make(text, (uint32_t)n);
}

/* n values in chunks of several sequences, as update makes lists of them. */
static void
fill_list(const cni_aggregate_call *call, cni_cell_list *list, const cni_type *type, int64_t n,
          int64_t n_different, uint64_t *seed)
{
    for (int64_t first = 0; first < n; first += 1000) {
        cni_aggregate_call made = *call;
        const int64_t n_chunk = cni_min_i64(1000, n - first);
        cni_vector vector = {0};
        const cni_vector *args = &vector;
        assert_int_equal(cni_vector_new_flat(cni_allocator_system(), type, cni_type_phys(type),
                                             n_chunk, false, &vector, NULL),
                         CN_OK);
        const int32_t width = cni_phys_bytes((cni_phys)vector.phys, type);
        uint8_t *data = cni_vector_mutable_data(&vector);
        for (int64_t row = 0; row < n_chunk; row++) {
            if (type->id == CNI_TYPE_VARCHAR) {
                put_text(next_random(seed), n_different, call->heap, (void *)(data + row * width));
            } else {
                put_value(type, next_random(seed), n_different, data + row * width);
            }
        }
        made.env.n_rows = n_chunk;
        made.args = &args;
        made.n_args = 1;
        made.states = (void *)list;
        made.sequence = first / 3000;
        assert_int_equal(cni_cell_list_update(&made, true, true, NULL), CN_OK);
        cni_vector_done(&vector);
    }
    assert_int_equal(list->n, n);
}

/* ---- the reference ---- */

typedef struct placed_cell {
    cni_cell cell;
    int64_t place;
} placed_cell;

static const cni_aggregate_call *compared_call;
static cni_cell_kind compared_kind;

static int
compare_placed(const void *a, const void *b)
{
    const placed_cell *left = a;
    const placed_cell *right = b;
    int order = 0;
    assert_int_equal(cni_cell_compare(&compared_call->env, compared_kind, &left->cell, &right->cell,
                                      &order, NULL),
                     CN_OK);
    return order != 0 ? order : (left->place < right->place ? -1 : 1);
}

static int64_t
sort_list(const cni_aggregate_call *call, cni_cell_kind kind, const cni_cell_list *list,
          placed_cell *out)
{
    static cni_cell cells[MAX_VALUES];
    cni_cell_list_copy(list, kind, cells, NULL);
    for (int64_t at = 0; at < list->n; at++) {
        out[at] = (placed_cell){cells[at], at};
    }
    compared_call = call;
    compared_kind = kind;
    qsort(out, (size_t)list->n, sizeof(*out), compare_placed);
    return list->n;
}

static bool
equal_cells(const cni_aggregate_call *call, cni_cell_kind kind, const cni_cell *a,
            const cni_cell *b)
{
    int order = 0;
    assert_int_equal(cni_cell_compare(&call->env, kind, a, b, &order, NULL), CN_OK);
    return order == 0;
}

static const placed_cell *
most_frequent(const cni_aggregate_call *call, cni_cell_kind kind, const placed_cell *sorted,
              int64_t n)
{
    const placed_cell *best = NULL;
    int64_t best_length = 0;
    for (int64_t first = 0; first < n;) {
        int64_t end = first;
        while (end < n && equal_cells(call, kind, &sorted[first].cell, &sorted[end].cell)) {
            end++;
        }
        if (end - first > best_length ||
            (end - first == best_length && sorted[first].place < best->place)) {
            best = &sorted[first];
            best_length = end - first;
        }
        first = end;
    }
    return best;
}

/* ---- tests ---- */

static void
check_floats(const cni_aggregate_call *call, const cni_cell_list *list, const placed_cell *sorted,
             int64_t rank)
{
    double found[2];
    double wanted[2];
    const int64_t next = cni_min_i64(rank + 1, list->n - 1);
    assert_int_equal(cni_rank_floats(call, list, rank, &found[0], &found[1], NULL), CN_OK);
    memcpy(&wanted[0], &sorted[rank].cell, sizeof(double));
    memcpy(&wanted[1], &sorted[next].cell, sizeof(double));
    for (int at = 0; at < 2; at++) {
        assert_true(found[at] == wanted[at] || (isnan(found[at]) && isnan(wanted[at])));
        assert_false(found[at] == 0 && signbit(found[at]));
    }
}

static void
check_list(const cni_aggregate_call *call, const cni_type *type, const cni_cell_list *list)
{
    static placed_cell sorted[MAX_VALUES];
    const cni_cell_kind kind = cni_cell_kind_of(type);
    CN_SCOPED(cni_rank_scratch) scratch = {.allocator = cni_allocator_system()};
    const int64_t n = sort_list(call, kind, list, sorted);
    const int64_t step = n < 20 ? 1 : n / 13;
    cni_cell cell = {{0, 0}};
    for (int64_t rank = 0; rank < n; rank += step) {
        assert_int_equal(cni_rank_cell(call, list, kind, rank, &scratch, &cell, NULL), CN_OK);
        assert_memory_equal(&cell, &sorted[rank].cell, sizeof(cell));
        if (kind == CNI_CELL_F64) {
            check_floats(call, list, sorted, rank);
        }
    }
    assert_int_equal(cni_rank_most_frequent(call, list, kind, &scratch, &cell, NULL), CN_OK);
    assert_memory_equal(&cell, &most_frequent(call, kind, sorted, n)->cell, sizeof(cell));
}

static void
check_type(const cni_type *type)
{
    static const int64_t sizes[] = {1, 2, 3, 31, 33, 500, 2048, 2049, MAX_VALUES};
    static const int64_t different[] = {1, 2, 40, 1000000};
    uint64_t seed = 7;
    for (size_t size = 0; size < CN_ARRAY_LEN(sizes); size++) {
        for (size_t at = 0; at < CN_ARRAY_LEN(different); at++) {
            CN_SCOPED(cni_arena_p) heap = NULL;
            cni_cell_list list = {0};
            assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &heap, NULL), CN_OK);
            const cni_aggregate_call call = {
                .env = {cni_allocator_system(), cni_kernels_get(), NULL, 0}, .heap = heap};
            fill_list(&call, &list, type, sizes[size], different[at], &seed);
            check_list(&call, type, &list);
        }
    }
}

static void
test_integers(void **state)
{
    (void)state;
    check_type(cni_type_of(CNI_TYPE_INT64));
    check_type(cni_type_of(CNI_TYPE_UINT64));
}

static void
test_floats(void **state)
{
    (void)state;
    check_type(cni_type_of(CNI_TYPE_FLOAT64));
}

static void
test_texts(void **state)
{
    (void)state;
    check_type(cni_type_of(CNI_TYPE_VARCHAR));
}

static void
test_intervals(void **state)
{
    (void)state;
    check_type(cni_type_of(CNI_TYPE_INTERVAL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_intervals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
