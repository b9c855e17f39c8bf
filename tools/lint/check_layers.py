# SPDX-License-Identifier: Apache-2.0
"""The room table: who may include whom, sub-folder by sub-folder."""
import functools
import os

import tables
import tree
from tree import Finding


def unit_of(path):
    """The unit that a path below src/ belongs to, or None when its folder is in no table."""
    for placed in (path, os.path.splitext(path)[0]):
        if placed in tables.PLACED:
            return tables.PLACED[placed]
    folder = os.path.dirname(path.removeprefix("src/"))
    while folder:
        for unit in (folder, f"{folder}/."):
            if unit in tables.UNITS and (not unit.endswith("/.") or os.path.dirname(path) == f"src/{folder}"):
                return unit
        folder = os.path.dirname(folder) if "/" in os.path.dirname(folder) else ""
    return None


def expand(name):
    """A table entry as units: itself, or every unit of a room."""
    return [name] if name in tables.UNITS else [u for u in tables.UNITS if u.startswith(f"{name}/")]


@functools.cache
def allowed(unit):
    seen, todo = {unit}, [unit]
    while todo:
        for name in tables.UNITS[todo.pop()]:
            for need in expand(name):
                if need not in seen:
                    seen.add(need)
                    todo.append(need)
    return seen


def table_is_sound():
    for unit, needs in tables.UNITS.items():
        for name in needs:
            if not expand(name):
                yield Finding("layers", "tools/lint/tables.py", 1, f"{unit} needs {name}, which is no unit")
            elif any(unit in allowed(need) for need in expand(name)):
                yield Finding("layers", "tools/lint/tables.py", 1, f"{unit} and {name} need each other")


def check_include(path, line, name):
    target = tree.resolve(path, name)
    if target is None:
        yield Finding("layers", path, line, f"{name} is no file of this tree; system headers take <>")
        return
    if not target.startswith("src/"):
        return
    if target.endswith("_int.h") and os.path.dirname(target) != os.path.dirname(path) and path.startswith("src/"):
        yield Finding("layers", path, line, f"{name} is private to {os.path.dirname(target)}")
    if path.startswith(tables.PUBLIC_ONLY_FOLDERS):
        yield Finding("layers", path, line, f"{name} is internal; this folder uses the public headers alone")
    if not path.startswith("src/"):
        return
    mine, theirs = unit_of(path), unit_of(target)
    if mine and theirs and theirs not in allowed(mine):
        yield Finding("layers", path, line, f"{mine} may not include {name}, which is of {theirs}")


def layers(_options):
    yield from table_is_sound()
    for path in tree.c_files():
        if path.startswith("src/") and unit_of(path) is None:
            yield Finding("layers", path, 1, "the folder is not in the room table (tools/lint/tables.py)")
        for line, name, is_quoted in tree.includes(path):
            if is_quoted:
                yield from check_include(path, line, name)
            elif tree.resolve(path, name) and path.startswith("src/") and "/" in name and not name.startswith("sys/"):
                yield Finding("layers", path, line, f"{name} is of this tree and takes quotes")


def own_header_first(_options):
    for path in tree.c_files("src/"):
        if not path.endswith(".c"):
            continue
        own = path.removeprefix("src/")[:-2] + ".h"
        names = [name for _, name, _ in tree.includes(path)]
        if own in names and names[0] != own:
            yield Finding("own-header-first", path, 1, f"{own} is not the first include")


CHECKS = {"layers": layers, "own-header-first": own_header_first}
