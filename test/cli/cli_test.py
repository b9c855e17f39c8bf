# SPDX-License-Identifier: Apache-2.0
"""The command line tool: inputs, modes, exit status, errors with their place, what it refuses."""
import csv
import io
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

TOOL = os.path.abspath(os.environ["COLONNADE"])
DATA = pathlib.Path(os.environ["TEST_DATA"]).resolve()
NATION = f"'{DATA}/tpch/nation.parquet'"
LINEITEM = f"'{DATA}/tpch/lineitem.parquet'"


def run(*arguments, stdin="", cwd=None):
    return subprocess.run([TOOL, *arguments], input=stdin, capture_output=True, text=True, timeout=120, cwd=cwd,
                          check=False)


class Base(unittest.TestCase):
    def good(self, *arguments, **options):
        done = run(*arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout

    def bad(self, status, *arguments, **options):
        done = run(*arguments, **options)
        self.assertEqual(done.returncode, status, done)
        return done


class Inputs(Base):
    def test_command(self):
        self.assertEqual(self.good("-csv", "-c", "SELECT 6 * 7 AS answer"), "answer\n42\n")

    def test_commands_run_in_order_in_one_session(self):
        self.assertEqual(self.good("-csv", "-c", "CREATE VIEW v AS SELECT 1 AS a", "-c", "SELECT a FROM v"), "a\n1\n")

    def test_several_statements(self):
        self.assertEqual(self.good("-csv", "-c", "SELECT 1 AS a; ; SELECT ';' AS b; -- end"), "a\n1\nb\n;\n")

    def test_standard_input(self):
        self.assertEqual(self.good("-csv", stdin="SELECT 1 AS a;\nSELECT 2\n  AS b\n"), "a\n1\nb\n2\n")
        self.assertEqual(self.good("-csv", "-", stdin="SELECT 1 AS a"), "a\n1\n")
        self.assertEqual(self.good(stdin=""), "")

    def test_files_and_commands_mixed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "a.sql")
            path.write_text("CREATE VIEW v AS\nSELECT 3 AS x;\n")
            self.assertEqual(self.good("-csv", str(path), "-c", "SELECT x FROM v"), "x\n3\n")

    def test_relative_paths(self):
        self.assertEqual(self.good("-csv", "-c", "SELECT count(*) AS n FROM 'nation.parquet'", cwd=DATA / "tpch"),
                         "n\n25\n")

    def test_settings(self):
        self.assertEqual(self.good("-csv", "--threads", "3", "--memory-limit", "64MB", "-c", "SHOW threads",
                                   "-c", "SHOW memory_limit"), "threads\n3\nmemory_limit\n64000000\n")

    def test_help_and_version(self):
        self.assertIn("usage: colonnade", self.good("--help"))
        self.assertEqual(self.good("-h"), self.good("--help"))
        self.assertRegex(self.good("--version"), r"^colonnade \d+\.\d+\.\d+\n$")


class Modes(Base):
    QUERY = ("SELECT 1 AS a, 'x\"y,z' AS b, NULL AS c, '' AS d, 1.50 AS e, true AS f, "
             "DATE '2020-02-29' AS g, TIMESTAMP '2020-01-01 10:00:00' AS h, 1e300 AS i")

    def test_csv(self):
        rows = list(csv.reader(io.StringIO(self.good("-csv", "-c", self.QUERY))))
        self.assertEqual(rows, [list("abcdefghi"), ["1", 'x"y,z', "", "", "1.50", "true", "2020-02-29",
                                                    "2020-01-01 10:00:00", "1e+300"]])
        self.assertEqual(self.good("-csv", "-c", "SELECT NULL AS a, '' AS b"), 'a,b\n,""\n')
        self.assertEqual(self.good("-csv", "--null", "NA", "-c", "SELECT NULL AS a, 'NA' AS b"), "a,b\nNA,NA\n")
        self.assertEqual(self.good("--mode", "csv", "-c", "SELECT 1 AS a WHERE false"), "a\n")

    def test_json(self):
        rows = json.loads(self.good("-json", "-c", self.QUERY))
        self.assertEqual(rows, [{"a": 1, "b": 'x"y,z', "c": None, "d": "", "e": 1.5, "f": True, "g": "2020-02-29",
                                 "h": "2020-01-01 10:00:00", "i": 1e300}])
        self.assertEqual(json.loads(self.good("-json", "-c", "SELECT 1 AS a WHERE false")), [])
        text = self.good("-json", "-c", "SELECT 'a\tb\\c\nd' AS x, 'ä€😀' AS y")
        self.assertEqual(json.loads(text), [{"x": "a\tb\\c\nd", "y": "ä€😀"}])
        rows = json.loads(self.good("-json", "-c", f"SELECT n_name, n_nationkey FROM {NATION}"))
        self.assertEqual(len(rows), 25)
        self.assertEqual(rows[24], {"n_name": "UNITED STATES", "n_nationkey": 24})

    def test_json_has_no_numbers_that_json_has_not(self):
        rows = json.loads(self.good("-json", "-c", "SELECT 'nan'::DOUBLE AS a, '-inf'::DOUBLE AS b"),
                          parse_constant=self.fail)
        self.assertEqual(len(rows), 1)

    def test_ndjson(self):
        lines = self.good("-ndjson", "-c", "VALUES (1, 'a'), (2, NULL)").splitlines()
        self.assertEqual([json.loads(line) for line in lines],
                         [{"column1": 1, "column2": "a"}, {"column1": 2, "column2": None}])

    def test_markdown(self):
        self.assertEqual(self.good("-markdown", "-c", "SELECT 1 AS a, 'x|y' AS b"), "| a | b |\n|---:|---|\n| 1 | x\\|y |\n")

    def test_table(self):
        self.assertEqual(self.good("-c", "SELECT 12 AS a, 'xy' AS long_name, NULL AS n"),
                         "┌─────────┬───────────┬──────┐\n"
                         "│    a    │ long_name │  n   │\n"
                         "│ integer │  varchar  │ null │\n"
                         "├─────────┼───────────┼──────┤\n"
                         "│      12 │ xy        │ NULL │\n"
                         "└─────────┴───────────┴──────┘\n"
                         "1 row\n")

    def test_long_tables_are_cut(self):
        text = self.good("--max-rows", "4", "-c", f"SELECT n_nationkey FROM {NATION}")
        self.assertIn("25 rows (4 shown), 1 column\n", text)
        self.assertIn("│           0 │", text)
        self.assertIn("│          24 │", text)
        self.assertEqual(text.count("·"), 1)
        self.assertIn("25 rows\n", self.good("--max-rows", "0", "-c", f"SELECT n_nationkey FROM {NATION}"))

    def test_long_cells_are_cut_and_plans_are_not(self):
        self.assertIn("│ " + "x" * 59 + "… │", self.good("-c", f"SELECT '{'x' * 61}' AS a"))
        sums = ", ".join(f"sum(n_nationkey + {n}) AS total_number_{n}" for n in range(9))
        members = " UNION ALL ".join([f"SELECT {sums} FROM {NATION}"] * 20)
        text = self.good("--max-rows", "4", "-c", f"EXPLAIN {members}")
        self.assertNotIn("…", text)
        self.assertNotIn("shown", text)
        self.assertGreater(text.count("total_number_8"), 19)

    def test_statements_without_rows_print_nothing(self):
        for mode in ("-table", "-csv", "-json", "-ndjson", "-markdown"):
            self.assertEqual(self.good(mode, "-c", "SET threads = 1; CREATE VIEW v AS SELECT 1"), "")

    def test_timer(self):
        self.assertRegex(self.good("-csv", "--timer", "-c", "SELECT 1 AS a; SELECT 2 AS b"),
                         r"^a\n1\nRun time: \d+\.\d{3} s\nb\n2\nRun time: \d+\.\d{3} s\n$")


class Errors(Base):
    def place(self, script, status=1, **options):
        """Standard error as (message, line, column from 0, carets)."""
        done = self.bad(status, "-c", script, **options)
        message, line, caret = done.stderr.splitlines()
        head = line.index(": ") + 2
        return message, line, caret.index("^") - head, caret.count("^")

    def test_place(self):
        message, line, column, carets = self.place("SELECT 1, nothing FROM (VALUES (1)) t(x)")
        self.assertEqual(message, 'Error: column "nothing" does not exist [42703]')
        self.assertEqual(line, "LINE 1: SELECT 1, nothing FROM (VALUES (1)) t(x)")
        self.assertEqual((column, carets), (10, 7))

    def test_place_in_a_later_line_and_statement(self):
        _, line, column, carets = self.place("SET threads = 1;\n\nSELECT\n  'ä' || nothing;\n")
        self.assertEqual(line, "LINE 4:   'ä' || nothing;")
        self.assertEqual((column, carets), (9, 7))

    def test_tabs_are_kept(self):
        done = self.bad(1, "-c", "\tSELECT\tnothing")
        self.assertEqual(done.stderr.splitlines()[2], "        \t      \t^^^^^^^")

    def test_long_lines_are_cut(self):
        script = "SELECT " + ", ".join(["1234567890"] * 30) + ", nothing, " + ", ".join(["1234567890"] * 30)
        done = self.bad(1, "-c", script)
        _, line, caret = done.stderr.splitlines()
        self.assertLess(len(line), 200)
        self.assertEqual(line[caret.index("^"):caret.rindex("^") + 1], "nothing")

    def test_syntax_errors(self):
        message, _, column, _ = self.place("SELCT 1")
        self.assertEqual(message, 'Error: syntax error at or near "SELCT"; did you mean SELECT? [42601]')
        self.assertEqual(column, 0)
        _, _, column, _ = self.place("SELECT 1 +")
        self.assertEqual(column, 10)
        self.assertIn("[42601]", self.bad(1, "-c", "SELECT 'open").stderr)

    def test_errors_at_run_time(self):
        message, line, column, carets = self.place(f"SELECT n_name, 7 / n_nationkey FROM {NATION}")
        self.assertIn("division by zero", message)
        self.assertIn("[22012]", message)
        self.assertEqual((column, carets), (17, 1))
        self.assertIn("LINE 1: ", line)

    def test_the_rest_is_not_run(self):
        done = self.bad(1, "-csv", "-c", "SELECT 1 AS a; SELECT nothing; SELECT 2 AS b", "-c", "SELECT 3 AS c")
        self.assertEqual(done.stdout, "a\n1\n")

    def test_an_error_prints_no_half_result(self):
        for mode in ("-table", "-csv", "-json", "-markdown"):
            self.assertEqual(self.bad(1, mode, "-c", "SELECT 1 / (x - 1) FROM (VALUES (1)) t(x)").stdout, "")

    def test_files_name_themselves(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "wrong.sql")
            path.write_text("SELECT 1;\nSELECT nothing;\n")
            done = self.bad(1, str(path))
            self.assertTrue(done.stderr.startswith(f"{path}: Error: column"), done.stderr)
            self.assertIn("LINE 2: SELECT nothing;", done.stderr)

    def test_wrong_arguments(self):
        for arguments in (["--bogus"], ["-c"], ["--threads", "x"], ["--threads", "257"], ["--mode", "xml"],
                          ["--max-rows", "-1"]):
            done = self.bad(2, *arguments)
            self.assertTrue(done.stderr.startswith("colonnade: "), done)
            self.assertEqual(done.stdout, "")

    def test_a_missing_script(self):
        self.assertIn("No such file", self.bad(1, "/nowhere/x.sql").stderr)
        self.assertEqual(self.bad(1, "/").stdout, "")

    def test_a_wrong_memory_limit(self):
        self.assertIn("memory_limit", self.bad(1, "--memory-limit", "lots", "-c", "SELECT 1").stderr)


class Refusals(Base):
    def test_remote_paths(self):
        for url in ("s3://bucket/x.parquet", "https://host/x.parquet", "http://host/x.parquet", "gs://b/x.parquet"):
            scheme = url[:url.index("/") + 2]
            for sql in (f"SELECT * FROM '{url}'", f"SELECT * FROM read_parquet('{url}')"):
                done = self.bad(1, "-c", sql)
                self.assertIn(f"{scheme} is not available", done.stderr)
                self.assertIn("[0A000]", done.stderr)
                self.assertIn("^", done.stderr)

    def test_files(self):
        self.assertIn("No such file or directory", self.bad(1, "-c", "SELECT * FROM '/nowhere/x.parquet'").stderr)
        self.assertIn("README.md", self.bad(1, "-c", f"SELECT * FROM '{DATA}/README.md'").stderr)
        with tempfile.TemporaryDirectory() as folder:
            whole = (DATA / "tpch" / "nation.parquet").read_bytes()
            for name, content in (("empty.parquet", b""), ("cut.parquet", whole[:-100]), ("head.parquet", whole[:300]),
                                  ("zeros.parquet", whole[:4] + bytes(len(whole) - 8) + whole[-4:])):
                path = pathlib.Path(folder, name)
                path.write_bytes(content)
                self.assertIn(name, self.bad(1, "-c", f"SELECT * FROM '{path}'").stderr)
            self.assertIn("Error", self.bad(1, "-c", f"SELECT * FROM '{folder}'").stderr)

    def test_tables(self):
        script = "CREATE TABLE t AS SELECT 1 AS a; INSERT INTO t VALUES (2); SELECT sum(a) AS s FROM t"
        self.assertEqual(self.good("-csv", "-c", script), "s\n3\n")
        self.assertIn("Count", self.good("-c", "CREATE TABLE t AS SELECT 1 AS a"))

    def test_statements(self):
        for sql in ("UPDATE t SET a = 1", "COPY (SELECT 1) TO 'x.csv'", "DELETE FROM t"):
            self.assertIn("[0A000]", self.bad(1, "-c", sql).stderr)


class Manners(Base):
    def test_a_closed_pipe_ends_it_quietly(self):
        with subprocess.Popen([TOOL, "-csv", "-c", f"SELECT * FROM {LINEITEM}"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            self.assertTrue(process.stdout.readline().startswith(b"l_orderkey,"))
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")
            self.assertIn(process.wait(timeout=60), (-signal.SIGPIPE, 1))

    def test_a_full_disk_is_an_error(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([TOOL, "-csv", "-c", f"SELECT * FROM {NATION}"], stdout=full, timeout=60, check=False,
                                  stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)

    def test_it_starts_quickly(self):
        """The budget is 15 ms; sanitizers and busy machines get more."""
        times = []
        for _ in range(5):
            start = time.monotonic()
            self.good("-c", "SELECT 1")
            times.append(time.monotonic() - start)
        self.assertLess(min(times), 1.0)

    def test_control_characters_do_not_break_the_table(self):
        text = self.good("-c", "SELECT 'a\nb\tc' AS x")
        self.assertEqual(len(text.splitlines()), 7)


if __name__ == "__main__":
    unittest.main()
