# SPDX-License-Identifier: Apache-2.0
"""The sqllogictest runner passes what is right and fails what is wrong.

The runner is found through SLT_RUNNER in the environment, which CMake sets.
"""
import os
import pathlib
import subprocess
import tempfile
import unittest


class Runner(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name) / "case.slt"

    def tearDown(self):
        self.folder.cleanup()

    def run_text(self, text, *options):
        self.path.write_text(text)
        done = subprocess.run([os.environ["SLT_RUNNER"], *options, self.path], capture_output=True, text=True,
                              check=False, env={**os.environ, "TMPDIR": self.folder.name})
        return done.returncode, done.stdout + done.stderr

    def passes(self, text, *options):
        status, output = self.run_text(text, *options)
        self.assertEqual(status, 0, output)
        return output

    def fails(self, text, words, *options):
        status, output = self.run_text(text, *options)
        self.assertEqual(status, 1, output)
        self.assertIn(words, output)

    def test_right_result(self):
        self.passes("query IT\nselect 1, 'a'\n----\n1\ta\n")

    def test_wrong_value(self):
        self.fails("query IT\nselect 1, 'a'\n----\n1\tb\n", "case.slt:1: [plain] wrong result")

    def test_missing_row(self):
        self.fails("query I\nvalues (1), (2)\n----\n1\n", "1 lines expected, 2 found")

    def test_extra_row(self):
        self.fails("query I\nvalues (1)\n----\n1\n2\n", "2 lines expected, 1 found")

    def test_missing_column(self):
        self.fails("query II\nselect 1\n----\n1\n", "column types II expected, I found")

    def test_wrong_type(self):
        self.fails("query T\nselect 1\n----\n1\n", "column types T expected, I found")

    def test_order_counts_without_sort(self):
        self.fails("query I\nvalues (2), (1)\n----\n1\n2\n", "wrong result")

    def test_rowsort(self):
        self.passes("query I rowsort\nvalues (2), (1)\n----\n1\n2\n")

    def test_valuesort(self):
        self.passes("query IT valuesort\nvalues (2, 'b'), (1, 'a')\n----\n1\n2\na\nb\n")
        self.fails("query IT valuesort\nvalues (2, 'b'), (1, 'a')\n----\n1\n2\na\nc\n", "wrong result")

    def test_null_and_empty(self):
        self.passes("query TT\nselect null::varchar, ''\n----\nNULL\t(empty)\n")
        self.fails("query TT\nselect null::varchar, ''\n----\n(empty)\tNULL\n", "wrong result")

    def test_float_tolerance_is_for_floats_only(self):
        self.passes("query R\nselect 0.1::double + 0.2::double\n----\n0.3\n")
        self.fails("query R\nselect 0.1::double + 0.2::double\n----\n0.31\n", "wrong result")
        self.fails("query R\nselect 0.3::decimal(30,20)\n----\n0.30000000000000000001\n", "wrong result")

    def test_hash(self):
        self.passes("query I\nvalues (1), (2), (3)\n----\n3 values hashing to c0710d6b4f15dfa88f600b0e6b624077\n")
        self.fails("query I\nvalues (1), (2), (3)\n----\n3 values hashing to 00710d6b4f15dfa88f600b0e6b624077\n",
                   "wrong result")

    def test_expected_error(self):
        self.passes("statement error INVALID_ARGUMENT 42601.*FORM\nselect 1 FORM t x\n")
        self.fails("statement error no such words\nselect 1 FORM t x\n", "another error was expected")
        self.fails("statement error\nselect 1\n", "statement succeeded")

    def test_unexpected_error(self):
        self.fails("statement ok\nselect\n", "statement failed")
        self.fails("query I\nselect nothing_of_this_name\n----\n", "query failed")

    def test_loop_and_variables(self):
        self.passes("foreach v 1..3 7\nquery I\nselect ${v}\n----\n${v}\n\nendfor\n")
        self.fails("foreach v 1..3\nquery I\nselect ${v}\n----\n1\n\nendfor\n", "wrong result")

    def test_labels(self):
        self.passes("query I same\nselect 1\n\nquery I same\nselect 2 - 1\n")
        self.fails("query I same\nselect 1\n\nquery I same\nselect 2\n", "label same")

    def test_conditions(self):
        self.passes("skipif plain\nquery I\nselect 1\n----\n2\n")
        self.fails("onlyif plain\nquery I\nselect 1\n----\n2\n", "wrong result")

    def test_require_skips(self):
        output = self.passes("require setting no_such_setting\n\nquery I\nselect 1\n----\n2\n")
        self.assertIn("1 skipped", output)

    def test_complete(self):
        self.passes("# kept\nquery I rowsort\nvalues (2), (1)\n\nquery T\nselect 'x'\n----\nold\n", "--complete")
        self.assertEqual(self.path.read_text(),
                         "# kept\nquery I rowsort\nvalues (2), (1)\n----\n1\n2\n\nquery T\nselect 'x'\n----\nx\n")

    def test_malformed(self):
        for text in ("query\nselect 1\n", "statement maybe\nselect 1\n", "query I\n\n", "foreach v 1\n", "endfor\n",
                     "nonsense\n", "query I a b\nselect 1\n"):
            self.fails(text, "case.slt:")


if __name__ == "__main__":
    unittest.main()
