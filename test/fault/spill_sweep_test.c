/* SPDX-License-Identifier: Apache-2.0
 *
 * The fault sweep over spilling: small twins of the queries of
 * bench/queries/memory, every operator writing its state out at every chance,
 * while the Nth allocation, read, write or thread start fails. See
 * support/session_sweep.h for what must hold then; besides, no file is left
 * behind.
 *
 *     spill_sweep_test [percent] [first seed]
 */
#include "support/session_sweep.h"

#define FROM(table) " FROM '" CN_TEST_DATA "/tpch/" table ".parquet' "
#define SPILL       "SET test_spill = on; SET chunk_rows = 128; "
#define SOME        "WHERE l_orderkey < 300 "

static const char *const queries[] = {
    SPILL "SELECT count(*), sum(c) FROM (SELECT l_orderkey, l_partkey, "
          "l_suppkey, count(*) AS c" FROM("lineitem") SOME "GROUP BY ALL)",
    SPILL "SELECT count(*) FROM (SELECT DISTINCT l_comment" FROM("lineitem") SOME ")",
    SPILL "SELECT sum(rn % 7) FROM (SELECT row_number() OVER (ORDER BY "
          "l_comment, l_orderkey, "
          "l_linenumber) AS rn" FROM("lineitem") SOME ")",
    SPILL "SELECT count(*), sum(l_quantity) FROM (SELECT *" FROM("lineitem") SOME
    ") JOIN (SELECT *" FROM("orders") "WHERE o_orderkey < 300) ON l_orderkey = o_orderkey JOIN "
                                      "(SELECT *" FROM("partsupp") "WHERE ps_partkey < 400) ON "
                                                                   "l_partkey = ps_partkey AND "
                                                                   "l_suppkey = "
                                                                   "ps_suppkey WHERE "
                                                                   "length(o_comment) + "
                                                                   "length(ps_comment) > 0",
    SPILL "SELECT sum(r) FROM (SELECT rank() OVER (PARTITION BY l_suppkey ORDER BY "
          "l_extendedprice DESC, l_orderkey, l_linenumber) AS r" FROM("lineitem") SOME ")",
    SPILL "WITH few AS MATERIALIZED (SELECT o_orderkey, o_comment" FROM(
        "orders") "WHERE o_orderkey < 300) SELECT count(*), "
                  "max(length(a.o_comment)) FROM few AS a "
                  "FULL JOIN few AS b ON a.o_orderkey = b.o_orderkey + 1",
    SPILL "SELECT o_custkey, string_agg(o_orderpriority, ',' ORDER BY "
          "o_orderkey), count(DISTINCT "
          "o_clerk)" FROM("orders") "WHERE o_orderkey < 300 GROUP BY o_custkey "
                                    "ORDER BY o_custkey "
                                    "LIMIT 5",
    SPILL "SELECT median(l_extendedprice), mode(l_comment), count(DISTINCT l_suppkey), "
          "length(string_agg(l_shipmode, ',' ORDER BY l_comment))" FROM("lineitem") SOME,
    SPILL
    "SELECT l_returnflag, quantile_disc(l_comment, 0.3), length(string_agg(l_shipmode, ',')), "
    "list(l_tax ORDER BY l_comment)" FROM("lineitem") SOME
    "GROUP BY l_returnflag ORDER BY l_returnflag",
    SPILL "SELECT o_orderkey, o_comment" FROM(
        "orders") "WHERE o_orderkey < 300 ORDER BY o_comment, o_orderkey "
                  "LIMIT 3 OFFSET 20",
    SPILL "SELECT count(*) FROM (SELECT l_partkey" FROM("lineitem") SOME
    "INTERSECT ALL SELECT ps_partkey" FROM("partsupp") ")",
    SPILL "WITH RECURSIVE r AS (SELECT o_orderkey AS k" FROM(
        "orders") "WHERE o_orderkey < 100 UNION SELECT k + 32 FROM r WHERE k < 200) "
                  "SELECT count(*), sum(k) FROM r",
};

static sweep_sample sample = {.percent = 2, .seed = 1};

static void
test_allocations(void **state)
{
    (void)state;
    sweep_queries(queries, CN_ARRAY_LEN(queries), CNI_FAULT_ALLOC, sample);
}

static void
test_reads(void **state)
{
    (void)state;
    sweep_queries(queries, CN_ARRAY_LEN(queries), CNI_FAULT_READ, sample);
}

static void
test_writes(void **state)
{
    (void)state;
    assert_true(sweep_queries(queries, CN_ARRAY_LEN(queries), CNI_FAULT_WRITE, sample) > 0);
}

static void
test_thread_starts(void **state)
{
    (void)state;
    sweep_queries(queries, CN_ARRAY_LEN(queries), CNI_FAULT_THREAD, sample);
}

int
main(int argc, char **argv)
{
    sample.percent = argc > 1 ? atoi(argv[1]) : sample.percent;
    sample.seed = argc > 2 ? strtoull(argv[2], NULL, 10) : sample.seed;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_allocations),
        cmocka_unit_test(test_thread_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
