# SPDX-License-Identifier: Apache-2.0
"""Checks that need a compiler or built files: headers alone, symbols, clang-format, clang-tidy, shellcheck.

Slow ones remember by content what was clean (build/lint/clean.json), so that only what changed is read again.
"""
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess

import tables
import tree
from tree import ROOT, Finding

LINT_DIR = ROOT / "build" / "lint"


class Skipped(Exception):
    """A tool that is not there; the message says which."""


class Remembered:
    """Hashes of what was found clean, kept between runs."""

    def __init__(self, name):
        self.path = LINT_DIR / f"{name}.json"
        try:
            self.old = set(json.loads(self.path.read_text()))
        except (OSError, ValueError):
            self.old = set()
        self.new = set()

    def is_clean(self, key):
        if key in self.old:
            self.new.add(key)
        return key in self.old

    def save(self):
        LINT_DIR.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(sorted(self.new)))


def tool(*names):
    for name in names:
        if shutil.which(name):
            return name
    raise Skipped(f"{names[0]} is not installed (tools/bootstrap lint)")


def parallel(jobs, work, items):
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(work, items)


def run(command, **kwargs):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **kwargs)


def header_commands(path):
    flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I", "include"]
    if path.startswith("include/"):
        name = path.removeprefix("include/")
        return [[tool("cc", "gcc", "clang"), "-x", "c", "-std=c11", *flags, "-"],
                [tool("g++", "clang++", "clang++-19"), "-x", "c++", "-std=c++17", *flags, "-"]], name
    name = path.removeprefix("src/")
    root = ["-I", "."] if path.startswith("test/slt/") else []  # the runner prints cells as the command line does
    return [[tool("cc", "gcc", "clang"), "-x", "c", "-std=c17", "-D_GNU_SOURCE", *flags, "-I", "src", "-I", "test",
             *root, "-"]], name


def headers(options):
    """Each header compiles alone: public ones as C11 and C++17, internal ones as C17. Templates
    (*_template.h) and lists (*_each.h) take parameters and are compiled by whoever includes them."""
    memory = Remembered("headers")

    def check(path):
        key = tree.content_hash(path, "headers")
        if memory.is_clean(key):
            return []
        commands, name = header_commands(path)
        findings = []
        for command in commands:
            done = run(command, input=f'#include "{name}"\n#include "{name}"\ntypedef int lint_not_empty;\n')
            if done.returncode != 0:
                first = next((l for l in done.stderr.splitlines() if "error" in l), done.stderr[:200])
                findings.append(Finding("headers", path, 1, f"does not compile alone ({' '.join(command[2:4])}): {first}"))
        if not findings:
            memory.new.add(key)
        return findings

    paths = [p for p in tree.c_files("src/", "include/", "test/") if p.endswith(".h") and not p.endswith(("_template.h", "_each.h"))]
    for findings in parallel(options.jobs, check, paths):
        yield from findings
    memory.save()


def defined_symbols(path, *flags):
    done = run([tool("nm"), *flags, "--defined-only", path])
    for line in done.stdout.splitlines():
        match = re.match(r"^[0-9a-f]+ ([A-Z]) (\S+)$", line)
        if match:
            yield match.group(1), match.group(2).split("@")[0]


def symbols(options):
    """External symbols carry a prefix; the shared library exports src/api/symbols.txt, no more, no less."""
    build = ROOT / "build" / options.build
    archives = sorted(build.glob("libcn_*.a"))
    if not archives:
        raise Skipped(f"build/{options.build} holds no libraries")
    for archive in archives:
        where = f"build/{options.build}/{archive.name}"
        for _, name in defined_symbols(str(archive), "-g"):
            if not re.match(tables.SYMBOL_PATTERN, name) and not re.match(tables.SANITIZER_SYMBOLS, name):
                yield Finding("symbols", where, 1, f"{name} has no prefix cn_, cni_ or Adbc")
    shared = build / "libcolonnade.so"
    listed_path = "src/api/symbols.txt"
    if not shared.exists() or not (ROOT / listed_path).exists():
        return
    listed = {l for l in tree.text(listed_path).split("\n") if l and not l.startswith("#")}
    exported = {name for _, name in defined_symbols(str(shared), "-D") if not name.startswith("_")}
    for name in sorted(exported - listed):
        yield Finding("symbols", listed_path, 1, f"{name} is exported and not listed")
    for name in sorted(listed - exported):
        yield Finding("symbols", listed_path, 1, f"{name} is listed and not exported")


def writable_globals(options):
    """No globals that change: nothing of the library lies in .data, .bss or thread storage."""
    dumper = tool("objdump")
    for archive in sorted((ROOT / "build" / options.build).glob("libcn_*.a")):
        member = ""
        for line in run([dumper, "-t", str(archive)]).stdout.splitlines():
            if ":     file format" in line:
                member = line.split(":")[0]
            match = re.match(r"^[0-9a-f]{16} .{7} (\.data|\.bss|\.tbss|\.tdata|\*COM\*)(\.\S+)?\s+0*([0-9a-f]*)[0-9a-f] "
                             r"(?:\.hidden )?(\S+)$", line)
            if match and not (match.group(2) or "").startswith(".rel.ro") and not match.group(4).startswith("."):
                yield Finding("globals", f"{archive.name}/{member}", 1, f"{match.group(4)} is writable")


def format_check(options):
    formatter = tool("clang-format-19")

    def check(paths):
        done = run([formatter, "--dry-run", "-Werror", *paths])
        bad = dict.fromkeys(re.findall(r"^(\S+?):(\d+):\d+: error", done.stderr, re.M))
        first = {}
        for path, row in bad:
            first.setdefault(path, int(row))
        return [Finding("format", path, row, "clang-format would change this line") for path, row in first.items()]

    paths = tree.c_files()
    for findings in parallel(options.jobs, check, [paths[i:i + 40] for i in range(0, len(paths), 40)]):
        yield from findings


def tidy_database(options):
    """compile_commands.json with one plain command per file: no launcher, no gcc-only flags."""
    source = ROOT / "build" / options.build / "compile_commands.json"
    if not source.exists():
        raise Skipped(f"build/{options.build} is not configured")
    entries = {}
    for entry in json.loads(source.read_text()):
        words = shlex.split(entry["command"])
        if "ccache" in os.path.basename(words[0]):
            words = words[1:]
        entry["command"] = shlex.join(w for w in words if not w.startswith(("-mprefer-vector", "-fno-sanitize")))
        path = os.path.relpath(entry["file"], ROOT)
        if path.startswith(("src/", "cli/", "test/", "bench/", "examples/")):
            entries[path] = entry
    LINT_DIR.mkdir(parents=True, exist_ok=True)
    (LINT_DIR / "compile_commands.json").write_text(json.dumps(list(entries.values())))
    return entries


def tidy(options):
    """clang-tidy with .clang-tidy over src/ and cli/; tests and benchmarks are held to formatting only."""
    checker = tool("clang-tidy-19")
    entries = tidy_database(options)
    memory = Remembered("tidy")
    config = tree.text(".clang-tidy")

    def check(path):
        key = tree.content_hash(path, config, entries[path]["command"])
        if memory.is_clean(key):
            return []
        done = run([checker, "-p", str(LINT_DIR), "--quiet", path])
        found = [f for f in re.findall(r"^(\S+?):(\d+):\d+: (?:warning|error): (.*)$", done.stdout, re.M)
                 if os.path.relpath(f[0], ROOT).startswith(("src/", "include/", "cli/"))]
        if not found and done.returncode == 0:
            memory.new.add(key)
        if not found and done.returncode != 0:
            return [Finding("tidy", path, 1, (done.stderr or done.stdout).strip()[-300:])]
        return [Finding("tidy", os.path.relpath(p, ROOT), int(row), what) for p, row, what in found]

    seen = set()
    for findings in parallel(options.jobs, check, [p for p in sorted(entries) if p.startswith(("src/", "cli/"))]):
        for finding in findings:
            if finding not in seen:
                seen.add(finding)
                yield finding
    memory.save()


def shell(_options):
    checker = tool("shellcheck")
    paths = [p for p in tree.files() if p.endswith(".sh") or
             (not os.path.splitext(p)[1] and re.match(r"#!.*\b(ba)?sh\b", tree.text(p)[:80]))]
    done = run([checker, "-f", "gcc", *paths]) if paths else None
    for path, row, what in re.findall(r"^(\S+?):(\d+):\d+: (.*)$", done.stdout if done else "", re.M):
        yield Finding("shell", path, int(row), what)


CHECKS = {"headers": headers, "format": format_check, "shell": shell, "symbols": symbols,
          "globals": writable_globals, "tidy": tidy}
NEED_BUILD = ("symbols", "globals", "tidy")
