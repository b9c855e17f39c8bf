# SPDX-License-Identifier: Apache-2.0
"""The files of the repository, findings about them, and what several checks ask of C text."""
import functools
import hashlib
import os
import pathlib
import re
import subprocess
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
DEFINITION = re.compile(r"^([A-Za-z_]\w*)\(")


@dataclass(frozen=True)
class Finding:
    check: str
    path: str
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.check}] {self.message}"


@functools.cache
def files():
    """Paths of everything tracked or new and not ignored, relative to the top."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
                             capture_output=True, text=True, check=False)
    if listing.returncode == 0 and listing.stdout:
        return sorted(p for p in set(listing.stdout.splitlines()) if (ROOT / p).is_file())
    found = []
    for folder, names, here in os.walk(ROOT):
        names[:] = [n for n in names if n not in ("build", ".git", ".venv", "__pycache__")]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in here]
    return sorted(found)


def c_files(*roots):
    return [p for p in files() if p.endswith((".c", ".h")) and p.startswith(roots or ("",))]


@functools.cache
def text(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


@functools.cache
def code(path):
    """The C text with comments, strings and characters blanked, line for line."""
    def blank(match):
        piece = match.group(0)
        if piece[0] in "\"'":
            return piece[0] + " " * (len(piece) - 2) + piece[0]
        return re.sub(r"[^\n]", " ", piece)
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, blank, text(path), flags=re.S)


def line_of(content, offset):
    return content.count("\n", 0, offset) + 1


@functools.cache
def includes(path):
    """[(line, name, is_quoted)] of a C file."""
    return [(line_of(text(path), m.start()), m.group(2), m.group(1) == '"')
            for m in INCLUDE.finditer(text(path))]


@functools.cache
def resolve(path, name):
    """The repository path that an include names, or None for a system header."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    for candidate in (beside, f"src/{name}", f"include/{name}", f"test/{name}", name):
        if (ROOT / candidate).is_file():
            return candidate
    return None


@functools.cache
def closure(path):
    """The file and every repository file that it includes, directly or not."""
    seen, todo = set(), [path]
    while todo:
        one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        todo += [t for _, name, _ in includes(one) if (t := resolve(one, name))]
    return tuple(sorted(seen))


def content_hash(path, *extra):
    digest = hashlib.sha256("\0".join(extra).encode())
    for one in closure(path):
        digest.update(one.encode() + b"\0" + text(one).encode())
    return digest.hexdigest()


def functions(path):
    """[(name, first line, number of lines)] of the definitions; clang-format puts the name at the
    start of its line and the closing brace of the body in the first column."""
    lines = code(path).split("\n")
    found, row = [], 0
    while row < len(lines):
        match = DEFINITION.match(lines[row])
        opening = row
        while match and opening < len(lines) and not lines[opening].startswith("{"):
            if lines[opening].endswith(";") or lines[opening].startswith(("}", "#")):
                match = None
            opening += 1
        if not match or opening >= len(lines):
            row += 1
            continue
        end = opening
        while end < len(lines) and not lines[end].startswith("}"):
            end += 1
        found.append((match.group(1), row + 1, end - row + 1))
        row = end + 1
    return found
