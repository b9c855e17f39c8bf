/* SPDX-License-Identifier: Apache-2.0
 *
 * The fault sweep over whole queries: the Nth allocation, file read or thread start fails, counted
 * from the making of the engine, for N that a seed samples or for all (reads and threads: always
 * all). See support/session_sweep.h for what must hold then.
 *
 *     session_sweep_test [percent] [first seed]
 */
#include "support/session_sweep.h"

#define NATION "'" CN_TEST_DATA "/tpch/nation.parquet'"
#define LINES  "'" CN_TEST_DATA "/tpch/lineitem.parquet'"

/* Every one gives the same rows each time it is run in a session. */
static const char *const queries[] = {
    "SELECT 1",
    "SELECT id + 1, upper(name) || '!' FROM t WHERE id % 50 = 7 AND name LIKE 'name%'",
    "SELECT n_name, length(n_comment) FROM " NATION " WHERE n_regionkey IN (1, 3) AND n_name > 'F'",
    "SELECT l_returnflag, l_linestatus, sum(l_quantity), count(*), avg(l_discount) FROM " LINES
    " WHERE l_shipdate <= DATE '1998-09-02' GROUP BY ALL ORDER BY ALL",
    "SELECT id % 100 AS k, max(name), sum(id) FROM t GROUP BY k ORDER BY k LIMIT 3",
    "SELECT name FROM t ORDER BY name DESC, id LIMIT 4 OFFSET 2",
    "SELECT max(r), sum(s) FROM (SELECT rank() OVER (PARTITION BY id % 7 ORDER BY name) AS r, "
    "sum(id) OVER (PARTITION BY id % 5) AS s FROM t) q",
    "SELECT id, row_number() OVER (ORDER BY name DESC, id) AS n FROM t QUALIFY n < 4 ORDER BY n",
    "SELECT id FROM t WHERE id > 2990 ORDER BY name",
    "SELECT id FROM t WHERE id < 2 UNION ALL SELECT n_nationkey FROM " NATION " LIMIT 5",
    "CREATE OR REPLACE VIEW v AS SELECT id, name FROM t WHERE id < 3; SELECT count(*), min(name) "
    "FROM v",
    "DEALLOCATE ALL; PREPARE p AS SELECT id FROM t WHERE id = $1; EXECUTE p(77)",
    "SELECT DISTINCT id % 3, CASE WHEN id > 5 THEN 'a' ELSE 'b' END FROM t ORDER BY ALL",
    "SELECT regexp_replace(name, '[0-9]+', '#'), round(id / 3.0, 2), DATE '2020-01-31' + INTERVAL "
    "'1 month' "
    "FROM t LIMIT 2",
    "SET test_serialize_plan = on; SELECT sum(host_add(id, 1)) FROM t WHERE name <> 'name 3'",
    "SET chunk_rows = 3; SET test_encode = 'dictionary,slice'; SELECT count(*), max(name) FROM t "
    "WHERE id < 50",
    "CREATE OR REPLACE EXTERNAL TABLE n STORED AS PARQUET LOCATION " NATION "; "
    "SELECT count(*), max(n_name) FROM n WHERE n_nationkey > 20",
    "SET test_swap = 'always'; SELECT n_name, count(name), max(id) FROM t FULL JOIN " NATION
    " ON id = n_nationkey + 2990 GROUP BY n_name ORDER BY ALL",
    "SHOW threads; DESCRIBE t",
};

static sweep_sample sample = {.percent = 5, .seed = 1, .all_files = true};

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
test_thread_starts(void **state)
{
    (void)state;
    sweep_queries(queries, CN_ARRAY_LEN(queries), CNI_FAULT_THREAD, sample);
}

int
main(int argc, char **argv)
{
    sample.percent = argc > 1 ? atoi(argv[1]) : 5;
    sample.seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocations),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_thread_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
