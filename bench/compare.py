# SPDX-License-Identifier: Apache-2.0
"""Checks that Colonnade's answers equal DuckDB's, then times the engines in turns and prints medians and ratios.

Every engine runs in process (a worker of its own per thread count), over the same Parquet files, warm, and hands out its whole
result as Arrow. Engines take turns within each round, and the order turns too, so that drift of the machine meets all alike.
"""
import argparse
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import pyarrow
import pyarrow.compute as pc

from engines import TABLES

HERE = pathlib.Path(__file__).resolve().parent
FLOAT_TOLERANCE = 1e-9


class Worker:
    """One engine in a process of its own."""

    def __init__(self, engine, threads, options):
        self.engine = engine
        self.process = subprocess.Popen(
            [sys.executable, "-B", HERE / "engines.py", engine, str(threads), options.data, options.library],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "POLARS_MAX_THREADS": str(threads)})
        reply = self.receive()
        if "error" in reply:
            sys.exit(f"bench: {engine} does not start: {reply['error']}")

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            return {"error": f"the worker ended with status {self.process.wait()}"}
        return json.loads(line)

    def ask(self, sql, save=None):
        if self.process.poll() is not None:
            return {"error": "the worker ended"}
        self.process.stdin.write(json.dumps({"sql": sql, "save": save}) + "\n")
        self.process.stdin.flush()
        return self.receive()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def generate(options):
    """TPC-H at the wanted scale, by the generator of the same environment, once."""
    if all((pathlib.Path(options.data) / f"{t}.parquet").exists() for t in TABLES):
        return
    print(f"bench: generating TPC-H scale {options.scale} in {os.path.relpath(options.data)}", flush=True)
    tool = pathlib.Path(sys.executable).parent / "tpchgen-cli"
    unfinished = options.data + ".unfinished"
    subprocess.run([tool, "parquet", "-s", str(options.scale), "--row-group-bytes=128MB", "--overwrite", "-o", unfinished],
                   check=True, stdout=subprocess.DEVNULL)
    os.rename(unfinished, options.data)


def load(path):
    with pyarrow.OSFile(path) as source:
        return pyarrow.ipc.open_file(source).read_all()


def comparable(column):
    """A column in one shape for all engines: text, doubles, or integers."""
    column = column.combine_chunks() if isinstance(column, pyarrow.ChunkedArray) else column
    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pyarrow.types.is_integer(kind) or pyarrow.types.is_decimal(kind) or pyarrow.types.is_floating(kind):
        return pc.cast(column, pyarrow.float64(), safe=False)
    if pyarrow.types.is_date(kind) or pyarrow.types.is_timestamp(kind):
        return pc.cast(column, pyarrow.timestamp("us"))
    return pc.cast(column, pyarrow.large_string())


def difference(expected, actual, ordered):
    """None when equal, else what differs first."""
    if expected.num_rows != actual.num_rows or expected.num_columns != actual.num_columns:
        return f"{actual.num_rows} x {actual.num_columns}, expected {expected.num_rows} x {expected.num_columns}"
    if [n.lower() for n in expected.column_names] != [n.lower() for n in actual.column_names]:
        return f"columns {actual.column_names}, expected {expected.column_names}"
    names = [f"c{i}" for i in range(expected.num_columns)]
    left = pyarrow.table([comparable(c) for c in expected.columns], names=names)
    right = pyarrow.table([comparable(c) for c in actual.columns], names=names)
    if not ordered:
        keys = [(n, "ascending") for n in names]
        left, right = left.sort_by(keys), right.sort_by(keys)
    for name, title in zip(names, expected.column_names):
        one, two = left[name].combine_chunks(), right[name].combine_chunks()
        if one.equals(two):
            continue
        if not pyarrow.types.is_floating(one.type) or pc.any(pc.xor(pc.is_null(one), pc.is_null(two))).as_py():
            return f"column {title} differs"
        gap = pc.abs(pc.subtract(one, two))
        bound = pc.multiply(pc.abs(one), FLOAT_TOLERANCE)
        if not pc.all(pc.less_equal(gap, bound), skip_nulls=True).as_py():
            return f"column {title} differs"
    return None


def check(queries, workers, folder):
    """Names of the queries whose answers equal DuckDB's; prints what is wrong with the others."""
    good, reference = [], workers["duckdb"]
    for name, sql in queries.items():
        expected_path = os.path.join(folder, f"{name}.duckdb")
        reply = reference.ask(sql, expected_path)
        if "error" in reply:
            print(f"  {name}: duckdb refuses: {reply['error']}")
            continue
        problems = {}
        for engine, worker in workers.items():
            if engine == "duckdb":
                continue
            path = os.path.join(folder, f"{name}.{engine}")
            reply = worker.ask(sql, path)
            problem = reply.get("error")
            if not problem:
                expected, actual = load(expected_path), load(path)
                problem = difference(expected, actual, "order by" in sql)
                if problem and "order by" in sql and difference(expected, actual, False) is None:
                    problem = None  # rows that tie in the order may change places
            if problem:
                problems[engine] = problem
                print(f"  {name}: {engine}: {problem}", flush=True)
        if "colonnade" not in problems:
            good.append(name)
    return good


def measure(queries, workers, runs):
    """{query: {engine: [ms]}}: one warm-up, then rounds in which the engines take turns."""
    times = {name: {engine: [] for engine in workers} for name in queries}
    order = list(workers)
    for name, sql in queries.items():
        for turn in range(runs + 1):
            for engine in order[turn % len(order):] + order[:turn % len(order)]:
                reply = workers[engine].ask(sql)
                if turn > 0 and "ms" in reply:
                    times[name][engine].append(reply["ms"])
    return times


def geomean(numbers):
    return math.exp(sum(map(math.log, numbers)) / len(numbers))


def print_table(times, engines, threads):
    peers = [e for e in engines if e != "colonnade"]
    print(f"\n{threads} thread{'s' if threads > 1 else ''}, medians in ms; ratio = faster peer / colonnade")
    print(f"  {'query':16}" + "".join(f"{e:>12}" for e in engines) + f"{'ratio':>9}")
    ratios, all_medians = [], []
    for name, per_engine in times.items():
        medians = {e: statistics.median(t) for e, t in per_engine.items() if t}
        line = f"  {name:16}" + "".join(f"{medians[e]:12.1f}" if e in medians else f"{'-':>12}" for e in engines)
        all_medians.append(medians)
        faster = min((medians[e] for e in peers if e in medians), default=None)
        if faster is not None and "colonnade" in medians:
            ratios.append(faster / medians["colonnade"])
            line += f"{ratios[-1]:8.2f}x"
        print(line, flush=True)
    if ratios:
        line = f"  {'geomean':16}"
        for engine in engines:  # only of engines that answer all
            answered = [m[engine] for m in all_medians if engine in m]
            line += f"{geomean(answered):12.1f}" if len(answered) == len(all_medians) else f"{'-':>12}"
        print(line + f"{geomean(ratios):8.2f}x")


def save(results, options):
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    path = folder / time.strftime("%Y%m%d-%H%M%S.json")
    path.write_text(json.dumps({"machine": platform.processor() or platform.machine(), "cores": os.cpu_count(),
                                "scale": options.scale, "runs": options.runs, "times_ms": results}, indent=1))
    print(f"\nevery time: {os.path.relpath(path)}")


def parse():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__.split("\n")[0])
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--threads", default="1,2", help="thread counts, default 1,2")
    parser.add_argument("--runs", type=int, default=7, help="rounds after the warm-up")
    parser.add_argument("--engines", default="colonnade,duckdb,polars")
    parser.add_argument("--queries", default="tpch,single",
                        help="names of bench/queries/*/NAME.sql or of folders there (tpch, single, memory), default tpch,single")
    parser.add_argument("--data", help="folder with the tables, default bench/data/tpch<scale>")
    parser.add_argument("--library", default=str(HERE.parent / "build" / "release" / "libcolonnade.so"))
    parser.add_argument("--check", action="store_true", help="answers only, no times")
    options = parser.parse_args()
    options.scale = int(options.scale) if options.scale == int(options.scale) else options.scale
    options.data = os.path.abspath(options.data or HERE / "data" / f"tpch{options.scale}")
    return options


def main():
    options = parse()
    wanted = options.queries.split(",")
    files = sorted((HERE / "queries").glob("*/*.sql"))
    queries = {f.stem: f.read_text() for f in files if f.stem in wanted or f.parent.name in wanted}
    engines = options.engines.split(",")
    os.makedirs(os.path.dirname(options.data), exist_ok=True)
    generate(options)
    results, wrong = {}, 0
    for threads in map(int, options.threads.split(",")):
        workers = {engine: Worker(engine, threads, options) for engine in engines}
        good = list(queries)
        if "duckdb" in engines:
            print(f"checking answers against duckdb, {threads} threads", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                good = check(queries, workers, folder)
            print(f"  {len(good)} of {len(queries)} queries equal", flush=True)
        wrong += len(queries) - len(good)
        if not options.check:
            times = measure({name: queries[name] for name in good}, workers, options.runs)
            for folder in sorted({f.parent.name for f in files if f.stem in times}):
                print(f"\n{folder}", end="")
                print_table({f.stem: times[f.stem] for f in files if f.stem in times and f.parent.name == folder}, engines,
                            threads)
            results[threads] = times
        for worker in workers.values():
            worker.close()
    if not options.check:
        save(results, options)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
