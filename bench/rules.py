# SPDX-License-Identifier: Apache-2.0
"""What each switchable rule of the optimizer is worth: the TPC-H queries with it on and off, in turns, and all rules off.

usage: bench/rules [--data DIR] [--threads N] [--runs N] [--queries q03,q05] [--library FILE]     (bench/run makes the data first)
"""
import argparse
import os
import pathlib
import re
import statistics
import time

from compare import HERE, geomean
from engines import Colonnade


def rules_of(engine):
    """Names, from the error that lists them."""
    try:
        engine.call("cn_session_set", engine.session, b"disabled_rules", b"no such rule")
    except RuntimeError as problem:
        return re.findall(r"[a-z_]+", str(problem).partition("; rules:")[2].partition("[")[0])
    raise RuntimeError("a rule that does not exist was switched off")


def configure(engine, setting):
    engine.call("cn_session_execute", engine.session, b"reset all", None)
    for name, value in setting.items():
        engine.call("cn_session_set", engine.session, name.encode(), value.encode())


def milliseconds(engine, sql, setting):
    configure(engine, setting)
    start = time.perf_counter()
    engine.run(sql)
    return (time.perf_counter() - start) * 1e3


def main():
    parser = argparse.ArgumentParser(prog="bench/rules", description=__doc__.split("\n")[0])
    parser.add_argument("--data", default=str(HERE / "data" / "tpch1"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--queries")
    parser.add_argument("--library", default=str(HERE.parent / "build" / "release" / "libcolonnade.so"))
    options = parser.parse_args()
    wanted = options.queries.split(",") if options.queries else None
    queries = {f.stem: f.read_text() for f in sorted((HERE / "queries" / "tpch").glob("*.sql")) if wanted is None or f.stem in wanted}
    engine = Colonnade(options.threads, os.path.abspath(options.data), str(pathlib.Path(options.library).resolve()))
    settings = {"all on": {}} | {rule: {"disabled_rules": rule} for rule in rules_of(engine)} | {"all off": {"optimizer": "false"}}
    times = {name: {} for name in settings}
    for query, sql in queries.items():
        taken = {name: [] for name in settings}
        milliseconds(engine, sql, {})  # files and statistics are warm
        for _ in range(options.runs):
            for name, setting in settings.items():
                if name != "all off" or len(taken[name]) == 0:
                    taken[name].append(milliseconds(engine, sql, setting))
        for name in settings:
            times[name][query] = statistics.median(taken[name])
    on = times["all on"]
    print(f"{'off':24}{'geomean ms':>12}{'x':>7}   slowed most")
    for name, per_query in times.items():
        worst = sorted(per_query, key=lambda q: on[q] / per_query[q])[:3]
        text = ", ".join(f"{q} {per_query[q] / on[q]:.1f}x" for q in worst if per_query[q] > 1.15 * on[q])
        mean = geomean(list(per_query.values()))
        print(f"{name:24}{mean:12.1f}{mean / geomean(list(on.values())):7.2f}   {text}", flush=True)


if __name__ == "__main__":
    main()
