# SPDX-License-Identifier: Apache-2.0
"""Checks that read files as text: licence line, names, sizes, READMEs, foreign paths, banned words."""
import collections
import os
import re

import tables
import tree
from tree import Finding

# Written in pieces so that this file does not find itself.
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.-])/(" + "|".join(["work", "farm", "root", "home"]) + r")/[A-Za-z0-9_.]")
REGISTRY_HOST = re.compile(r"https?://[^/\s]*(" + "|".join(["pypi" + r"\.org", "python" + "hosted",
                           "crates" + r"\.io", "npm" + "js", r"deb\." + "debian", r"proxy\." + "golang"]) + ")")


def is_binary(path):
    return b"\0" in (tree.ROOT / path).read_bytes()[:8192]


def spdx(_options):
    for path in tree.files():
        script = not os.path.splitext(path)[1] and tree.text(path).startswith("#!")
        if not (path.endswith(tables.SPDX_SUFFIXES) or os.path.basename(path) in tables.SPDX_NAMES or script):
            continue
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(tree.text(path).split("\n")[:3]):
            yield Finding("spdx", path, 1, "no line `SPDX-License-Identifier: Apache-2.0` at the top")


def header_comment(_options):
    low, high = tables.HEADER_COMMENT_LINES
    for path in tree.c_files():
        match = re.match(r"/\* SPDX-License-Identifier: Apache-2\.0\n.*?\*/", tree.text(path), re.S)
        n_lines = match.group(0).count("\n") + 1 if match else 0
        if n_lines < low or (n_lines > high and not path.startswith("include/")):
            yield Finding("header-comment", path, 1,
                          f"the file comment has {n_lines} lines; {low} to {high} say what it is, where it stands")


def unique_names(_options):
    homes = collections.defaultdict(list)
    for path in tree.files():
        name = os.path.basename(path)
        if path.endswith((".c", ".h", ".py", ".slt", ".cmake")) and name not in tables.REPEATED_NAMES:
            homes[path.startswith("include/"), name].append(path)
    for (_, name), paths in sorted(homes.items()):
        for path in paths[1:]:
            yield Finding("unique-names", path, 1, f"{name} also is {paths[0]}")


def file_length(_options):
    for path in tree.c_files() + [p for p in tree.files() if p.endswith(".py")]:
        n_lines = tree.text(path).count("\n")
        if n_lines > tables.MAX_FILE_LINES:
            yield Finding("file-length", path, 1, f"{n_lines} lines, the limit is {tables.MAX_FILE_LINES}: split by concept")


def function_length(_options):
    for path in tree.c_files():
        for name, line, n_lines in tree.functions(path):
            if n_lines > tables.MAX_FUNCTION_LINES:
                yield Finding("function-length", path, line,
                              f"{name} has {n_lines} lines, the limit is {tables.MAX_FUNCTION_LINES}")


def deepest_block(lines):
    """(depth, line offset) of the deepest control block; braces of values and types do not count."""
    stack, deepest, before = [], (0, 0), ""
    for row, line in enumerate(lines):
        for piece in re.findall(r"[{}]|\w+|\S", line):
            if piece == "{":
                stack.append(before in (")", "else", "do") and not line.lstrip().startswith("."))
                depth = sum(stack[1:])
                deepest = max(deepest, (depth, -row))
            elif piece == "}" and stack:
                stack.pop()
            before = piece
    return deepest[0], -deepest[1]


def nesting(_options):
    for path in tree.c_files():
        lines = tree.code(path).replace("){", ")={").split("\n")
        for name, line, n_lines in tree.functions(path):
            depth, row = deepest_block(lines[line - 1:line - 1 + n_lines])
            if depth > tables.MAX_NESTING:
                yield Finding("nesting", path, line + row, f"{name} is nested {depth} deep, the limit is {tables.MAX_NESTING}")


def readme(_options):
    folders = set()
    for path in tree.files():
        folder = os.path.dirname(path)
        while folder:
            folders.add(folder)
            folder = os.path.dirname(folder)
    for folder in sorted(folders):
        if folder.split("/")[0] not in tables.README_ROOTS:
            continue
        if any(re.search(pattern, folder) for pattern in tables.README_NOT_IN):
            continue
        path = f"{folder}/README.md"
        if not (tree.ROOT / path).is_file():
            yield Finding("readme", path, 1, "the folder has no README.md")
    for path in tree.files():
        if os.path.basename(path) == "README.md" and tree.text(path).count("\n") > tables.MAX_README_LINES:
            yield Finding("readme", path, 1, f"longer than {tables.MAX_README_LINES} lines")


def foreign_paths(_options):
    for path in tree.files():
        if is_binary(path):
            continue
        for row, line in enumerate(tree.text(path).split("\n"), 1):
            if MACHINE_PATH.search(line):
                yield Finding("foreign-paths", path, row, "a path of one machine")
            if REGISTRY_HOST.search(line):
                yield Finding("foreign-paths", path, row, "a package registry is named by its address")


def banned(_options):
    reasons = {word: reason for reason, words in tables.BANNED.items() for word in words.split()}
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(map(re.escape, reasons)) + r")\b(?=\s*\(|\s+\w+;)")
    for path in tree.c_files("src/", "include/"):
        home = tables.BANNED_HOME.get(path, "").split()
        if home == ["*"]:
            continue
        content = tree.code(path)
        for match in pattern.finditer(content):
            if match.group(1) not in home:
                yield Finding("banned", path, tree.line_of(content, match.start()),
                              f"{match.group(1)}: {reasons[match.group(1)]}")


CHECKS = {
    "spdx": spdx, "header-comment": header_comment, "unique-names": unique_names, "file-length": file_length,
    "function-length": function_length, "nesting": nesting, "readme": readme, "foreign-paths": foreign_paths, "banned": banned,
}
