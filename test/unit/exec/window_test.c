/* SPDX-License-Identifier: Apache-2.0
 *
 * The window operator. By hand: workers that are played by turns of chance push chunks of morsels
 * of any size, so that every way in which one waits for another comes about; and in whole plans,
 * over threads and chunk sizes. Numbers are compared with those that a loop over the sorted rows
 * gives.
 */
#include <stdlib.h>

#include "exec/operator/operators.h"
#include "support/run_plan.h"

/* ---- rows and what is expected of them ---- */

typedef struct sample_row {
    int64_t partition;
    int64_t peer; /* NULL_PEER = NULL */
} sample_row;

#define NULL_PEER INT64_MAX /* sorts last, as NULL does */

typedef struct numbers {
    int64_t row_number;
    int64_t rank;
    int64_t dense_rank;
} numbers;

static uint64_t
random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static int
order_rows(const void *a, const void *b)
{
    const sample_row *x = a;
    const sample_row *y = b;
    if (x->partition != y->partition) {
        return x->partition < y->partition ? -1 : 1;
    }
    return (x->peer > y->peer) - (x->peer < y->peer);
}

static void
make_rows(uint64_t *state, sample_row *rows, int64_t n, int64_t n_partitions, int64_t n_peers)
{
    for (int64_t row = 0; row < n; row++) {
        rows[row].partition = (int64_t)(random_next(state) % (uint64_t)n_partitions);
        rows[row].peer = (int64_t)(random_next(state) % (uint64_t)n_peers);
        rows[row].peer = rows[row].peer == 0 ? NULL_PEER : rows[row].peer;
    }
    qsort(rows, (size_t)n, sizeof(*rows), order_rows);
}

static void
expect_numbers(const sample_row *rows, int64_t n, bool by_partition, bool by_peer, numbers *out)
{
    for (int64_t row = 0; row < n; row++) {
        const bool first =
            row == 0 || (by_partition && rows[row].partition != rows[row - 1].partition);
        const bool begins = first || (by_peer && rows[row].peer != rows[row - 1].peer);
        out[row].row_number = first ? 1 : out[row - 1].row_number + 1;
        out[row].rank = begins ? out[row].row_number : out[row - 1].rank;
        out[row].dense_rank = first ? 1 : out[row - 1].dense_rank + (begins ? 1 : 0);
    }
}

/* ---- by hand ---- */

#define MAX_ROWS    3000
#define MAX_WORKERS 8

/* All morsels are of one branch. */
static int64_t
resolve_same(const void *state, int64_t sequence)
{
    (void)state;
    return sequence;
}

typedef struct hand_worker {
    void *local;
    int64_t morsel; /* -1 = none */
    int64_t row;    /* next to push */
    bool pulling;   /* HAVE_MORE or BLOCKED */
} hand_worker;

typedef struct hand {
    cni_operator *op;
    plan_run run;
    uint64_t random;
    const sample_row *rows;
    int64_t n_rows;
    int64_t ends[MAX_ROWS]; /* of the morsels, in rows */
    int64_t n_morsels;
    int64_t n_claimed;
    int64_t n_ended;
    int64_t n_blocked;
    int64_t n_given[MAX_ROWS]; /* rows of each morsel that came out */
    int64_t got[MAX_ROWS][4];  /* partition, functions */
    hand_worker workers[MAX_WORKERS];
    int32_t n_workers;
} hand;

static void
fill_chunk(hand *self, int64_t first, int64_t n, cni_chunk *chunk)
{
    cni_allocator *allocator = cni_allocator_system();
    assert_int_equal(cni_chunk_set_columns(chunk, 2, NULL), CN_OK);
    for (int32_t column = 0; column < 2; column++) {
        cni_vector *vector = &chunk->columns[column];
        assert_int_equal(cni_vector_new_flat(allocator, cni_type_of(CNI_TYPE_INT64), CNI_PHYS_I64,
                                             n, column == 1, vector, NULL),
                         CN_OK);
        int64_t *values = cni_vector_mutable_data(vector);
        for (int64_t row = 0; row < n; row++) {
            const sample_row *from = &self->rows[first + row];
            values[row] = column == 0 ? from->partition : from->peer;
            if (column == 1 && from->peer == NULL_PEER) {
                values[row] = (int64_t)random_next(&self->random); /* anything */
                cni_vector_mutable_validity(vector)[row >> 3] &= (uint8_t)~(1U << (row & 7));
            }
        }
    }
    chunk->n_rows = n;
}

static void
take_out(hand *self, const cni_chunk *chunk)
{
    const int64_t morsel = chunk->sequence;
    const int64_t first = (morsel == 0 ? 0 : self->ends[morsel - 1]) + self->n_given[morsel];
    for (int64_t row = 0; row < chunk->n_rows; row++) {
        for (int32_t column = 0; column < chunk->n_columns; column++) {
            self->got[first + row][column] = ((const int64_t *)chunk->columns[column].data)[row];
        }
    }
    self->n_given[morsel] += chunk->n_rows;
    if (chunk->ends_morsel) {
        assert_int_equal(first + chunk->n_rows, self->ends[morsel]);
        self->n_ended++;
    }
}

static void
pull(hand *self, hand_worker *worker)
{
    cni_chunk chunk;
    cni_op_answer answer = CNI_OP_NEED_MORE;
    cni_chunk_init(&chunk, cni_allocator_system());
    assert_run_ok(&self->run,
                  self->op->ops->next(self->op, worker->local, &chunk, (cni_waker){0}, &answer,
                                      &self->run.err),
                  __LINE__);
    self->n_blocked += answer == CNI_OP_BLOCKED ? 1 : 0;
    if (answer != CNI_OP_BLOCKED && !cni_chunk_is_blank(&chunk)) {
        take_out(self, &chunk);
    }
    worker->pulling = answer != CNI_OP_NEED_MORE;
    cni_chunk_done(&chunk);
}

/* The next chunk of the worker's morsel, the mark of its end sometimes on a chunk of its own. */
static void
push(hand *self, hand_worker *worker)
{
    const int64_t left = self->ends[worker->morsel] - worker->row;
    const int64_t n = left == 0 ? 0 : 1 + (int64_t)(random_next(&self->random) % (uint64_t)left);
    const bool ends = n == left && (left == 0 || random_next(&self->random) % 3 != 0);
    cni_chunk chunk;
    cni_op_answer answer = CNI_OP_NEED_MORE;
    cni_chunk_init(&chunk, cni_allocator_system());
    if (n > 0) {
        fill_chunk(self, worker->row, n, &chunk);
    }
    chunk.sequence = worker->morsel;
    chunk.ends_morsel = ends;
    assert_run_ok(&self->run,
                  self->op->ops->push(self->op, worker->local, &chunk, (cni_waker){0}, &answer,
                                      &self->run.err),
                  __LINE__);
    worker->row += n;
    worker->morsel = ends ? -1 : worker->morsel;
    worker->pulling = answer == CNI_OP_HAVE_MORE;
    cni_chunk_done(&chunk);
}

static void
step(hand *self)
{
    hand_worker *worker = &self->workers[random_next(&self->random) % (uint64_t)self->n_workers];
    if (worker->pulling) {
        pull(self, worker);
    } else if (worker->morsel >= 0) {
        push(self, worker);
    } else if (self->n_claimed < self->n_morsels) {
        worker->morsel = self->n_claimed++;
        worker->row = worker->morsel == 0 ? 0 : self->ends[worker->morsel - 1];
    }
}

static void
cut_morsels(hand *self)
{
    int64_t row = 0;
    self->n_morsels = 0;
    while (row < self->n_rows || self->n_morsels < 3) {
        const int64_t size = (int64_t)(random_next(&self->random) % 40);
        row = cni_min_i64(self->n_rows, row + (size > 30 ? 0 : size));
        self->ends[self->n_morsels++] = row;
        assert_true(self->n_morsels < MAX_ROWS);
    }
}

static void
open_hand(hand *self, const cni_phys_window *spec)
{
    const cni_phys_op op = {.kind = CNI_PHYS_OP_WINDOW, .window = spec};
    plan_run_begin(&self->run, (run_settings){0});
    const cni_operator_env env = {.context = &self->run.context,
                                  .n_workers = self->n_workers,
                                  .keep_order = true,
                                  .order = {resolve_same, NULL}};
    RUN_OK(&self->run, cni_window_operator_new(&op, &env, &self->op, &self->run.err));
    for (int32_t at = 0; at < self->n_workers; at++) {
        self->workers[at] = (hand_worker){.morsel = -1};
        RUN_OK(&self->run,
               self->op->ops->open_local(self->op, &self->workers[at].local, &self->run.err));
    }
    cut_morsels(self);
}

static void
close_hand(hand *self)
{
    for (int32_t at = 0; at < self->n_workers; at++) {
        self->op->ops->close_local(self->op, self->workers[at].local);
    }
    self->op->ops->close(self->op);
    plan_run_end(&self->run);
}

static void
check_hand(const hand *self, bool by_partition, bool by_peer, const uint8_t *functions,
           int32_t n_functions)
{
    static numbers expected[MAX_ROWS];
    expect_numbers(self->rows, self->n_rows, by_partition, by_peer, expected);
    for (int64_t row = 0; row < self->n_rows; row++) {
        assert_int_equal(self->got[row][0], self->rows[row].partition);
        for (int32_t at = 0; at < n_functions; at++) {
            const int64_t number = functions[at] == CNI_WINDOW_RANK ? expected[row].rank
                                   : functions[at] == CNI_WINDOW_DENSE_RANK
                                       ? expected[row].dense_rank
                                       : expected[row].row_number;
            if (self->got[row][1 + at] != number) {
                fail_msg("row %lld, function %d: %lld, not %lld", (long long)row, functions[at],
                         (long long)self->got[row][1 + at], (long long)number);
            }
        }
    }
}

/* *out_blocked = how often somebody waited; stop_at: the run is left there, everything is freed. */
static void
play(uint64_t seed, int64_t stop_at, int64_t *out_blocked)
{
    static hand self;
    static sample_row rows[MAX_ROWS];
    static const uint8_t all[] = {CNI_WINDOW_DENSE_RANK, CNI_WINDOW_ROW_NUMBER, CNI_WINDOW_RANK};
    static const int32_t keys[] = {0, 1};
    static const int32_t passed[] = {0};
    memset(&self, 0, sizeof(self));
    self.random = seed;
    self.n_workers = 1 + (int32_t)(seed % MAX_WORKERS);
    self.n_rows = (int64_t)(random_next(&self.random) % 600);
    self.rows = rows;
    const bool by_partition = random_next(&self.random) % 4 != 0;
    const bool by_peer = by_partition ? random_next(&self.random) % 3 != 0 : false;
    make_rows(&self.random, rows, self.n_rows, 1 + (int64_t)(random_next(&self.random) % 40),
              1 + (int64_t)(random_next(&self.random) % 20));
    const int32_t first = (int32_t)(random_next(&self.random) % 3);
    const cni_phys_window spec = {.n_partitions = by_partition ? 1 : 0,
                                  .n_keys = (by_partition ? 1 : 0) + (by_peer ? 1 : 0),
                                  .keys = keys,
                                  .n_functions = 3 - first,
                                  .functions = all + first,
                                  .n_passed = 1,
                                  .passed = passed};
    open_hand(&self, &spec);
    for (int64_t turn = 0; self.n_ended < self.n_morsels && turn < 1000000; turn++) {
        if (stop_at > 0 && turn == stop_at) {
            break;
        }
        step(&self);
    }
    if (stop_at == 0) {
        assert_int_equal(self.n_ended, self.n_morsels);
        check_hand(&self, by_partition, by_peer, spec.functions, spec.n_functions);
    }
    *out_blocked += self.n_blocked;
    close_hand(&self);
}

static void
test_by_turns(void **state)
{
    (void)state;
    int64_t n_blocked = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        play(seed, 0, &n_blocked);
    }
    assert_true(n_blocked > 1000);
}

static void
test_left_in_the_middle(void **state)
{
    (void)state;
    int64_t n_blocked = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        play(seed, (int64_t)seed * 5, &n_blocked);
    }
}

/* ---- in plans ---- */

static const cni_function functions[] = {
    {.name = {"row_number", 10}, .kind = CNI_FUNCTION_WINDOW, .builtin = CNI_WINDOW_ROW_NUMBER},
    {.name = {"rank", 4}, .kind = CNI_FUNCTION_WINDOW, .builtin = CNI_WINDOW_RANK},
    {.name = {"dense_rank", 10}, .kind = CNI_FUNCTION_WINDOW, .builtin = CNI_WINDOW_DENSE_RANK},
};

#define N_TABLE_ROWS INT64_C(80000) /* several morsels of a sort */

static int64_t
row_of(int64_t row)
{
    return row;
}

/* Few rows in most partitions, a third of all in one. */
static int64_t
partition_of(int64_t row)
{
    return row % 3 == 0 ? 7 : (row * 7919) % 5003;
}

static int64_t
peer_of(int64_t row)
{
    return (row * 31) % 97;
}

/* SELECT row, partition, peer, functions OVER (PARTITION BY partition ORDER BY peer, row?). */
static const cni_plan *
window_plan(plan_run *run, memory_table *table, bool by_partition, bool by_peer, bool total)
{
    const cni_plan *plan = scan_plan(run, table);
    const cni_expr *calls[3] = {NULL, NULL, NULL};
    const cni_expr *partition = column_expr(run, plan, 1);
    cni_order orders[2] = {{column_expr(run, plan, 2), false, false},
                           {column_expr(run, plan, 0), false, false}};
    for (int32_t at = 0; at < 3; at++) {
        const cni_expr call = {.kind = CNI_EXPR_WINDOW,
                               .type = cni_type_of(CNI_TYPE_INT64),
                               .function = &functions[at],
                               .sql_offset = -1};
        RUN_OK(run, cni_expr_new(run->arena, &call, &calls[at], &run->err));
    }
    RUN_OK(run, cni_plan_window(&run->builder, plan, &partition, by_partition ? 1 : 0, orders,
                                by_peer ? (total ? 2 : 1) : 0, calls, 3, &plan, &run->err));
    return plan;
}

/* Rows of the table by number, as the plan gives them. */
typedef struct plan_rows {
    int64_t (*rows)[6];
    int64_t n;
} plan_rows;

static void
read_rows(plan_run *run, const cni_plan *plan, plan_rows *out)
{
    cni_chunk chunk;
    cni_execution_answer answer = CNI_EXECUTION_CHUNK;
    cni_chunk_init(&chunk, cni_allocator_system());
    RUN_OK(run, plan_run_start(run, plan));
    while (answer == CNI_EXECUTION_CHUNK) {
        RUN_OK(run, cni_execution_next(run->execution, &chunk, &answer, &run->err));
        for (int64_t row = 0; answer == CNI_EXECUTION_CHUNK && row < chunk.n_rows; row++) {
            assert_int_equal(chunk.n_columns, 6);
            assert_true(out->n < N_TABLE_ROWS);
            for (int32_t column = 0; column < 6; column++) {
                cni_vector flat;
                RUN_OK(run, cni_vector_flatten(cni_allocator_system(), &chunk.columns[column],
                                               &flat, &run->err));
                out->rows[out->n][column] = ((const int64_t *)flat.data)[row];
                cni_vector_done(&flat);
            }
            out->n++;
        }
    }
    cni_chunk_done(&chunk);
}

static int
order_plan_rows(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    for (int32_t column = 1; column <= 3; column++) {
        const int32_t at = column == 3 ? 3 : column; /* partition, peer, row_number */
        if (x[at] != y[at]) {
            return x[at] < y[at] ? -1 : 1;
        }
    }
    return 0;
}

static void
check_plan(const plan_rows *got, int64_t n)
{
    sample_row *rows = test_calloc((size_t)n, sizeof(*rows));
    numbers *expected = test_calloc((size_t)n, sizeof(*expected));
    assert_int_equal(got->n, n);
    qsort(got->rows, (size_t)n, sizeof(*got->rows), order_plan_rows);
    for (int64_t row = 0; row < n; row++) {
        rows[row] = (sample_row){got->rows[row][1], got->rows[row][2]};
    }
    expect_numbers(rows, n, true, true, expected);
    for (int64_t row = 0; row < n; row++) {
        assert_int_equal(got->rows[row][3], expected[row].row_number);
        assert_int_equal(got->rows[row][4], expected[row].rank);
        assert_int_equal(got->rows[row][5], expected[row].dense_rank);
    }
    test_free(rows);
    test_free(expected);
}

static void
run_table(int32_t n_threads, int32_t chunk_rows, int64_t n_rows, uint32_t encode)
{
    memory_table *table = memory_table_new(n_rows, (memory_traits){.morsel_rows = 1500});
    plan_run run;
    plan_rows got = {.rows = test_calloc((size_t)N_TABLE_ROWS, sizeof(*got.rows))};
    memory_table_add_i64(table, "row", row_of, 0);
    memory_table_add_i64(table, "partition", partition_of, 0);
    memory_table_add_i64(table, "peer", peer_of, 0);
    plan_run_begin(
        &run,
        (run_settings){.n_threads = n_threads, .chunk_rows = chunk_rows, .test_encode = encode});
    read_rows(&run, window_plan(&run, table, true, true, false), &got);
    check_plan(&got, n_rows);
    plan_run_end(&run);
    cni_table_unref(&table->base);
    test_free(got.rows);
}

static void
test_threads_and_chunks(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 8; n_threads++) {
        run_table(n_threads, 2048, N_TABLE_ROWS, 0);
        run_table(n_threads, 97 * n_threads, N_TABLE_ROWS, 0);
    }
    run_table(4, 1, 5000, 0);
    run_table(8, 3, 40000, CNI_TEST_ENCODE_DICTIONARY);
    run_table(3, 500, 40000, CNI_TEST_ENCODE_RUN_END | CNI_TEST_ENCODE_SLICE);
    run_table(2, 700, 0, 0);
    run_table(2, 700, 1, 0);
}

/* What is held is the operator's, a morsel per worker, and gone at the end. */
static void
test_held_is_charged(void **state)
{
    (void)state;
    memory_table *table = memory_table_new(N_TABLE_ROWS, (memory_traits){.morsel_rows = 1500});
    plan_run run;
    plan_rows got = {.rows = test_calloc((size_t)N_TABLE_ROWS, sizeof(*got.rows))};
    int64_t peak = 0;
    memory_table_add_i64(table, "row", row_of, 0);
    memory_table_add_i64(table, "partition", partition_of, 0);
    memory_table_add_i64(table, "peer", peer_of, 0);
    plan_run_begin(&run, (run_settings){.n_threads = 4, .chunk_rows = 500});
    read_rows(&run, window_plan(&run, table, true, true, false), &got);
    check_plan(&got, N_TABLE_ROWS);
    assert_true(cni_execution_figure(run.execution, "Window", "peak_bytes", &peak));
    assert_true(peak > 3 * 500 * (int64_t)sizeof(int64_t));
    /* Never more than the numbers of all rows, which the result may not have given out yet. */
    assert_true(peak <= 3 * N_TABLE_ROWS * (int64_t)sizeof(int64_t) + (1 << 20));
    plan_run_end(&run);
    cni_table_unref(&table->base);
    test_free(got.rows);
}

/* Without keys rows keep the order of the table, on any number of threads. */
static void
test_numbers_of_a_table(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 8; n_threads += 3) {
        memory_table *table = memory_table_new(20000, (memory_traits){.morsel_rows = 130});
        plan_run run;
        plan_rows got = {.rows = test_calloc((size_t)N_TABLE_ROWS, sizeof(*got.rows))};
        memory_table_add_i64(table, "row", row_of, 0);
        memory_table_add_i64(table, "partition", partition_of, 0);
        memory_table_add_i64(table, "peer", peer_of, 0);
        plan_run_begin(&run, (run_settings){.n_threads = n_threads, .chunk_rows = 50});
        read_rows(&run, window_plan(&run, table, false, false, false), &got);
        assert_int_equal(got.n, 20000);
        for (int64_t row = 0; row < got.n; row++) {
            assert_int_equal(got.rows[row][0], row);
            assert_int_equal(got.rows[row][3], row + 1);
            assert_int_equal(got.rows[row][4], 1);
            assert_int_equal(got.rows[row][5], 1);
        }
        plan_run_end(&run);
        cni_table_unref(&table->base);
        test_free(got.rows);
    }
}

/* What is not wanted does not go through the sort, and a prefix needs none of its own. */
static void
test_shape(void **state)
{
    (void)state;
    memory_table *table = memory_table_new(10, (memory_traits){0});
    plan_run run;
    cni_strbuf text;
    const cni_physical_plan *physical = NULL;
    memory_table_add_i64(table, "row", row_of, 0);
    memory_table_add_i64(table, "partition", partition_of, 0);
    memory_table_add_i64(table, "peer", peer_of, 0);
    plan_run_begin(&run, (run_settings){0});
    const cni_plan *plan = window_plan(&run, table, true, true, true);
    const cni_expr *partition = plan->exprs[0];
    const cni_expr *number = plan->exprs[1];
    RUN_OK(&run, cni_plan_window(&run.builder, plan, &partition, 1, NULL, 0, &number, 1, &plan,
                                 &run.err));
    const cni_expr *expr = column_expr(&run, plan, 3);
    const cni_str name = cni_str_of("rn");
    RUN_OK(&run, cni_plan_project(&run.builder, plan, &expr, &name, 1, &plan, &run.err));
    RUN_OK(&run, cni_physical_plan_new(run.arena, plan, &run.context, &physical, &run.err));
    text_begin(&text);
    RUN_OK(&run, cni_physical_print(physical, &text, &run.err));
    assert_string_equal(text_of(&text), "Pipeline 0 keeps order\n"
                                        "  Scan t columns=3 filters=0\n"
                                        "  Project\n"
                                        "  Sort keys=3\n"
                                        "Pipeline 1 keeps order\n"
                                        "  Rows of pipeline 0\n"
                                        "  Window keys=3 functions=3 columns=1\n"
                                        "  Window keys=1 functions=1 columns=1\n"
                                        "  Project\n"
                                        "  Result\n");
    cni_strbuf_done(&text);
    plan_run_end(&run);
    cni_table_unref(&table->base);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_turns),           cmocka_unit_test(test_left_in_the_middle),
        cmocka_unit_test(test_threads_and_chunks), cmocka_unit_test(test_held_is_charged),
        cmocka_unit_test(test_numbers_of_a_table), cmocka_unit_test(test_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
