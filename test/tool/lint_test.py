# SPDX-License-Identifier: Apache-2.0
"""Each check of tools/lint finds its offence, and a clean tree has none."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
HAS_CPP = any(map(shutil.which, ("g++", "clang++", "clang++-19")))
COMMENT = "/* SPDX-License-Identifier: Apache-2.0\n *\n * What this file is.\n * Where it stands.\n */\n"
CLEAN = {
    "src/README.md": "# src\n",
    "src/base/README.md": "# base\n",
    "src/base/sum.h": COMMENT + "#ifndef SUM_H\n#define SUM_H\nint cni_sum(int a, int b);\n#endif\n",
    "src/base/sum.c": COMMENT + '#include "base/sum.h"\n\nint\ncni_sum(int a, int b)\n{\n    return a + b;\n}\n',
    "src/runtime/README.md": "# runtime\n",
    "src/runtime/clock.c": COMMENT + '#include "base/sum.h"\n\nint cni_clock(void);\n',
    "src/sql/README.md": "# sql\n",
    "src/sql/parse/README.md": "# parse\n",
    "src/sql/parse/lexer_int.h": COMMENT + "int cni_sql_lex(void);\n",
}


class Lint(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.top = pathlib.Path(self.folder.name)
        shutil.copytree(TOP / "tools" / "lint", self.top / "tools" / "lint",
                        ignore=shutil.ignore_patterns("__pycache__"))
        (self.top / "tools" / "README.md").write_text("# tools\n")
        (self.top / "tools" / "lint" / "exemptions.txt").write_text("")
        shutil.copy(TOP / ".clang-format", self.top)
        for path, content in CLEAN.items():
            self.write(path, content)

    def tearDown(self):
        self.folder.cleanup()

    def write(self, path, content):
        target = self.top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)

    def lint(self, *checks):
        done = subprocess.run([sys.executable, "-B", self.top / "tools" / "lint" / "run", "--no-build", *checks],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def expect(self, check, path, words):
        status, output = self.lint(check)
        self.assertEqual(status, 1, output)
        findings = [line for line in output.splitlines() if f"[{check}]" in line]
        self.assertEqual(len(findings), 1, output)
        self.assertIn(path, findings[0])
        self.assertIn(words, findings[0])

    def test_clean_tree(self):
        for check in ("spdx", "header-comment", "unique-names", "file-length", "function-length", "nesting", "readme",
                      "foreign-paths", "banned", "layers", "own-header-first", *(["headers"] if HAS_CPP else [])):
            status, output = self.lint(check)
            self.assertEqual(status, 0, output)

    def test_spdx(self):
        self.write("src/base/bare.c", "int cni_bare;\n")
        self.expect("spdx", "src/base/bare.c", "SPDX")

    def test_header_comment(self):
        self.write("src/base/short.c", "/* SPDX-License-Identifier: Apache-2.0 */\nint cni_short;\n")
        self.expect("header-comment", "src/base/short.c", "lines")

    def test_unique_names(self):
        self.write("src/runtime/sum.c", COMMENT)
        self.expect("unique-names", "src/runtime/sum.c", "src/base/sum.c")

    def test_file_length(self):
        self.write("src/base/long.c", COMMENT + "int cni_x;\n" * 1200)
        self.expect("file-length", "src/base/long.c", "1205 lines")

    def test_function_length(self):
        body = "    (void)0;\n" * 90
        self.write("src/base/big.c", COMMENT + "int\ncni_big(int a,\n        int b)\n{\n" + body + "}\n")
        self.expect("function-length", "src/base/big.c", "cni_big has 94 lines")

    def test_nesting(self):
        opening = "".join(f"{'    ' * i}if (a > {i}) {{\n" for i in range(1, 6))
        closing = "".join(f"{'    ' * i}}}\n" for i in range(5, 0, -1))
        values = "    struct s { int x; } one[] = {{1}, {2}};\n    g(&(struct s){.x = 1});\n"
        self.write("src/base/deep.c", COMMENT + "int\ncni_deep(int a)\n{\n" + values + opening + closing + "}\n")
        self.expect("nesting", "src/base/deep.c:15", "cni_deep is nested 5 deep")

    def test_readme_missing(self):
        self.write("src/data/row/key.h", COMMENT)
        self.write("src/data/README.md", "# data\n")
        self.expect("readme", "src/data/row/README.md", "no README")

    def test_readme_too_long(self):
        self.write("src/base/README.md", "line\n" * 121)
        self.expect("readme", "src/base/README.md", "longer")

    def test_foreign_paths(self):
        self.write("src/base/place.c", COMMENT + "/* see /" + "work/main/x */\n")
        self.expect("foreign-paths", "src/base/place.c", "path of one machine")

    def test_banned(self):
        self.write("src/base/heap.c", COMMENT + '/* malloc(1) */\nconst char *a = "malloc(2)";\nvoid *b = malloc(3);\n')
        self.expect("banned", "src/base/heap.c:8", "malloc")

    def test_banned_goto(self):
        self.write("src/base/jump.c", COMMENT + "int f(void) { goto out; out: return 1; }\n")
        self.expect("banned", "src/base/jump.c", "goto")

    def test_layer_above(self):
        self.write("src/base/up.c", COMMENT + '#include "sql/parse/tree.h"\n')
        self.write("src/sql/parse/tree.h", COMMENT)
        self.expect("layers", "src/base/up.c", "may not include")

    def test_layer_private_header(self):
        self.write("src/sql/bind/bind.c", COMMENT + '#include "sql/parse/lexer_int.h"\n')
        self.expect("layers", "src/sql/bind/bind.c", "private to src/sql/parse")

    def test_layer_unknown_folder(self):
        self.write("src/kitchen/sink.c", COMMENT)
        self.expect("layers", "src/kitchen/sink.c", "not in the room table")

    def test_layer_program(self):
        self.write("cli/main.c", COMMENT + '#include "base/sum.h"\n')
        self.expect("layers", "cli/main.c", "public headers alone")

    def test_own_header_first(self):
        self.write("src/base/late.h", COMMENT)
        self.write("src/base/late.c", COMMENT + '#include "base/sum.h"\n#include "base/late.h"\n')
        self.expect("own-header-first", "src/base/late.c", "not the first")

    @unittest.skipUnless(HAS_CPP, "no C++ compiler")
    def test_headers(self):
        self.write("src/base/alone.h", COMMENT + "size_t cni_alone(void);\n")
        self.expect("headers", "src/base/alone.h", "does not compile alone")

    @unittest.skipUnless(HAS_CPP, "no C++ compiler")
    def test_headers_public_in_cpp(self):
        self.write("include/colonnade/new.h", COMMENT + "int cn_new(int class);\n")
        self.expect("headers", "include/colonnade/new.h", "c++")

    @unittest.skipUnless(shutil.which("clang-format-19"), "clang-format-19 is not installed")
    def test_format(self):
        self.write("src/base/ugly.c", COMMENT + "int   cni_ugly;\n")
        self.expect("format", "src/base/ugly.c", "clang-format")

    def test_exemption_passes(self):
        self.write("src/base/bare.c", "int cni_bare;\n")
        self.write("tools/lint/exemptions.txt", "spdx src/base/bare.c  # a reason\n")
        status, output = self.lint("spdx")
        self.assertEqual(status, 0, output)

    def test_exemption_unused(self):
        self.write("tools/lint/exemptions.txt", "spdx src/base/sum.c  # a reason\n")
        status, output = self.lint("spdx")
        self.assertEqual(status, 1, output)
        self.assertIn("no longer needed", output)


if __name__ == "__main__":
    unittest.main()
