# SPDX-License-Identifier: Apache-2.0
"""Random queries against DuckDB on the same Parquet files, and against ourselves with other settings.

Each seed makes one query of a grammar (single.py and wide.py: one table; joins.py: several). Rows are compared as multisets (as lists where
the grammar says that the order is total); floats within a relative 1e-7. A query that raises an overflow or conversion error in
one engine is skipped: the engines may evaluate other rows first. One that only DuckDB refuses is skipped and counted, one that only
we refuse is a difference.

usage: differential.py GRAMMAR LIBRARY FOLDER FIRST_SEED COUNT      (FOLDER receives the data)
"""
import collections
import datetime
import decimal
import math
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
import engines  # noqa: E402
import joins  # noqa: E402
import single  # noqa: E402
import wide  # noqa: E402
import windows  # noqa: E402


def plain(value):
    """One value in a form that both engines' results share."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.9e}") + 0.0
    if isinstance(value, (int, decimal.Decimal)):
        return decimal.Decimal(value).normalize() + 0
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, list):
        return tuple(map(plain, value))
    return value


def close(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-7, abs_tol=1e-7)
    return a == b


def rows_of(table, ordered):
    rows = [tuple(plain(v) for v in row) for row in zip(*(c.to_pylist() for c in table.columns))]
    return rows if ordered else sorted(rows, key=repr)


def same(left, right):
    if len(left) != len(right):
        return False
    if all(len(a) == len(b) and all(map(close, a, b)) for a, b in zip(left, right)):
        return True
    # Floats that differ in the last digits may have sorted apart.
    loose = lambda rows: collections.Counter(repr([round(v, 3) if isinstance(v, float) else v for v in row]) for row in rows)
    return loose(left) == loose(right)


def attempt(engine, sql):
    try:
        return engine.run(sql), None
    except Exception as problem:
        return None, str(problem)


EXCUSED = ("overflow", "out of range", "Overflow", "Out of Range", "Conversion", "could not", "precision", "22003", "cannot be represented")


# DuckDB's own limits and the places where it stops.
THEIR_REFUSALS = ("Not implemented", "Binder Error", "INTERNAL Error", "Unsupported", "Out of Memory")


class Ours(engines.Colonnade):
    def __init__(self, library, paths):
        engines.TABLES = ()
        super().__init__(2, "", library)
        for name, path in paths.items():
            self.call("cn_session_execute", self.session, f"create view {name} as select * from '{path}'".encode(), None)

    def configure(self, settings):
        self.call("cn_session_execute", self.session, b"reset all", None)
        for name, value in settings.items():
            self.call("cn_session_set", self.session, name.encode(), value.encode())

    def rules(self):
        """Names of the switchable rules, from the error that lists them."""
        try:
            self.call("cn_session_set", self.session, b"disabled_rules", b"no such rule")
        except RuntimeError as problem:
            return re.findall(r"[a-z_]+", str(problem).partition("; rules:")[2].partition("[")[0])
        raise RuntimeError("a rule that does not exist was switched off")


def settings_of(grammar, seed, rules):
    settings = dict(grammar.SETTINGS[seed % len(grammar.SETTINGS)])
    if "disabled_rules" in settings:
        settings["disabled_rules"] = rules[seed // len(grammar.SETTINGS) % len(rules)] if rules else ""
    return settings


class Comparison:
    """Both engines over the same files; counts and differences."""

    def __init__(self, grammar, library, folder):
        paths = grammar.make_data(folder)
        self.grammar = grammar
        self.ours = Ours(library, paths)
        self.theirs = engines.DuckDB(1, "", "")
        for name, path in paths.items():
            self.theirs.connection.execute(f"create table {name} as select * from '{path}'")
        self.theirs.connection.execute("set default_null_order='nulls_last'")
        self.rules = self.ours.rules()
        self.compared = self.skipped = self.refused_there = 0
        self.differences = []

    def run(self, seed):
        sql, ordered = self.grammar.Maker(seed).query()
        self.ours.configure({})
        mine, my_error = attempt(self.ours, sql)
        other, other_error = attempt(self.theirs, sql)
        if my_error or other_error:
            return self.explain(seed, sql, my_error, other_error)
        self.compared += 1
        wanted, expected = rows_of(mine, ordered), rows_of(other, ordered)
        if not same(wanted, expected):
            only = [list((collections.Counter(a) - collections.Counter(b)).items())[:2] for a, b in ((wanted, expected), (expected, wanted))]
            self.differences.append((seed, sql, f"ours {mine.num_rows} rows, DuckDB {other.num_rows}; only ours {only[0]}, only theirs {only[1]}"))
            return None
        settings = settings_of(self.grammar, seed, self.rules)
        self.ours.configure(settings)
        again, error = attempt(self.ours, sql)
        if error or not same(wanted, rows_of(again, ordered)):
            self.differences.append((seed, sql, f"ours with {settings}: {error or 'other rows'}"))
        return None

    def explain(self, seed, sql, my_error, other_error):
        both = [e for e in (my_error, other_error) if e]
        if len(both) == 2 or any(word in both[0] for word in EXCUSED):
            self.skipped += 1
        elif other_error and any(word in other_error for word in THEIR_REFUSALS):
            self.refused_there += 1
        else:
            self.differences.append((seed, sql, f"ours: {my_error}\n    DuckDB: {other_error}"))


def main():
    name, library, folder, first, count = sys.argv[1:6]
    comparison = Comparison({"single": single, "wide": wide, "joins": joins, "windows": windows}[name], library, folder)
    for seed in range(int(first), int(first) + int(count)):
        if os.environ.get("DIFFERENTIAL_TRACE"):
            print(seed, file=sys.stderr, flush=True)
        comparison.run(seed)
    for seed, sql, what in comparison.differences[:40]:
        print(f"seed {seed}: {sql}\n    {what[:600]}")
    print(f"differential {name}: {comparison.compared} queries compared, {comparison.skipped} skipped (errors in both, or overflow), "
          f"{comparison.refused_there} refused by DuckDB, {len(comparison.differences)} differences")
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())
