# SPDX-License-Identifier: Apache-2.0
"""Queries under memory limits, each in a process of its own: times, peak resident sets and answers beside DuckDB's.

Colonnade runs as its command line, DuckDB in a Python process; a time is the query's alone, the resident set the process's
(DuckDB's has Python in it: its own share is what is above the process that only opened the database, printed as "idle").
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

from compare import HERE
from engines import TABLES

UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}

DUCKDB = """
import duckdb, json, sys, time
data, threads, limit, folder, sql = sys.argv[1:6]
connection = duckdb.connect()
connection.execute(f"set threads={threads}; set preserve_insertion_order=false; set temp_directory='{folder}'")
if limit != "none":
    connection.execute(f"set memory_limit='{limit}'")
for table in json.loads(sys.argv[6]):
    connection.execute(f"create view {table} as select * from read_parquet('{data}/{table}.parquet')")
start = time.perf_counter()
rows = connection.sql(sql).to_arrow_table().to_pylist() if sql else []
print(json.dumps({"ms": (time.perf_counter() - start) * 1e3, "rows": [[str(v) for v in r.values()] for r in rows]}))
"""


def in_bytes(limit):
    number, unit = re.fullmatch(r"([\d.]+)\s*([A-Za-z]+)", limit).groups()
    return float(number) * UNITS[unit.upper()]


def resident_peak(pid):
    """Largest resident set so far in bytes, of the program that runs now (getrusage counts what was there before exec)."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s*(\d+) kB", text)
    return int(found.group(1)) * 1024 if found else 0


def run(command, timeout):
    """(seconds, peak resident bytes, standard output or None, message)"""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start, peak = time.perf_counter(), 0
        process = subprocess.Popen(command, stdout=out, stderr=err)
        while process.poll() is None:
            peak = max(peak, resident_peak(process.pid))
            if time.perf_counter() - start > timeout:
                process.kill()
            time.sleep(0.002)
        seconds = time.perf_counter() - start
        out.seek(0)
        err.seek(0)
        text, problem = out.read().decode(), err.read().decode().strip()
        if process.returncode == 0:
            return seconds, peak, text, None
        problem = f"no answer in {timeout} s" if seconds > timeout else problem or f"status {process.returncode}"
        return seconds, peak, None, problem.splitlines()[-1]


def run_colonnade(options, limit, sql, folder):
    views = "".join(f"create view {t} as select * from read_parquet('{options.data}/{t}.parquet');" for t in TABLES)
    setup = views if limit == "none" else f"set memory_limit = '{limit}';" + views
    if folder:
        setup = f"set temp_directory = '{folder}';" + setup
    command = [options.cli, "-ndjson", "--threads", str(options.threads), "-c", setup]
    seconds, peak, text, problem = run(command + (["-c", sql] if sql else []), options.timeout)
    if text is None:
        return {"error": problem, "peak": peak}
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return {"ms": seconds * 1e3, "peak": peak, "rows": [[str(v) for v in row.values()] for row in rows]}


def run_duckdb(options, limit, sql, folder):
    command = [sys.executable, "-c", DUCKDB, options.data, str(options.threads), limit, folder or ".tmp", sql or "", json.dumps(TABLES)]
    seconds, peak, text, problem = run(command, options.timeout)
    if text is None:
        return {"error": problem, "peak": peak}
    answer = json.loads(text.strip().splitlines()[-1])
    return {"ms": answer["ms"], "peak": peak, "rows": answer["rows"]}


ENGINES = {"colonnade": run_colonnade, "duckdb": run_duckdb}


def same(one, two):
    """Whether two lists of rows are equal, numbers by value and in any order."""
    def key(value):
        try:
            return f"{float(value):.9g}"
        except ValueError:
            return value
    return sorted([[key(v) for v in row] for row in one]) == sorted([[key(v) for v in row] for row in two])


def measure(options, queries, limits):
    """{(query, limit, engine): {ms, peak, rows} or {error}}, engines in turns"""
    results = {}
    for name, sql in queries.items():
        for limit in limits:
            taken = {engine: [] for engine in options.engines}
            for _ in range(options.runs):
                for engine in options.engines:
                    with tempfile.TemporaryDirectory(dir=options.temp) as folder:
                        taken[engine].append(ENGINES[engine](options, limit, sql, folder if options.own_temp else None))
                        left = len(os.listdir(folder))
                    if left:
                        print(f"  {name}: {engine} left {left} files behind")
            for engine, answers in taken.items():
                wrong = [a for a in answers if "error" in a]
                best = wrong[0] if wrong else {
                    "ms": statistics.median(a["ms"] for a in answers), "rows": answers[0]["rows"]}
                best["peak"] = max(a["peak"] for a in answers)
                results[name, limit, engine] = best
            print_line(options, results, name, limit)
    return results


def print_line(options, results, name, limit):
    line = f"  {name:12}{limit:>8}"
    for engine in options.engines:
        answer = results[name, limit, engine]
        text = f"{answer['ms'] / 1e3:9.2f} s" if "ms" in answer else f"{'refused':>11}"
        line += f"{text} {answer['peak'] / 1e6:8.0f} MB"
    both = [results[name, limit, e] for e in options.engines]
    if len(both) == 2 and all("ms" in b for b in both):
        line += f"{both[0]['ms'] / both[1]['ms']:7.2f}x"
    reference = results.get((name, limit, "duckdb")) or results.get((name, "none", "colonnade"))
    if reference and "rows" in reference and "rows" in both[0]:
        line += "" if same(both[0]["rows"], reference["rows"]) else "  ANSWERS DIFFER"
    if limit != "none" and both[0]["peak"] > 1.1 * in_bytes(limit):
        line += "  above the limit + 10 %"
    print(line, flush=True)
    for engine in options.engines:
        if "error" in results[name, limit, engine]:
            print(f"      {engine}: {results[name, limit, engine]['error'][:160]}")


def plot(results, queries, limits, path):
    """Time by limit, one line a query, as an SVG drawing; both axes are logarithmic."""
    import math
    width, height, left, bottom = 720, 420, 60, 40
    colours = ("#1b6ca8", "#c0392b", "#27864a", "#8e44ad", "#b9770e", "#34495e")
    times = [results[q, l, "colonnade"]["ms"] / 1e3 for q in queries for l in limits if "ms" in results[q, l, "colonnade"]]
    low, high = math.log10(min(times) / 1.3), math.log10(max(times) * 1.3)

    def place(at, seconds):
        x = left + (width - left - 130) * at / max(1, len(limits) - 1)
        return x, height - bottom - (height - bottom - 20) * (math.log10(seconds) - low) / (high - low)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
             "<!-- SPDX-License-Identifier: Apache-2.0 -->", f'<rect width="{width}" height="{height}" fill="white"/>']
    for at, limit in enumerate(limits):
        x, _ = place(at, 10 ** low)
        parts.append(f'<text x="{x:.0f}" y="{height - 15}" text-anchor="middle">{limit}</text>')
        parts.append(f'<line x1="{x:.0f}" y1="20" x2="{x:.0f}" y2="{height - bottom}" stroke="#eee"/>')
    for tick in (0.5, 1, 2, 5, 10, 20, 50, 100):
        if low <= math.log10(tick) <= high:
            _, y = place(0, tick)
            parts.append(f'<text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{tick} s</text>')
            parts.append(f'<line x1="{left}" y1="{y:.0f}" x2="{width - 130}" y2="{y:.0f}" stroke="#ddd"/>')
    for number, query in enumerate(queries):
        points = [place(at, results[query, l, "colonnade"]["ms"] / 1e3) for at, l in enumerate(limits)
                  if "ms" in results[query, l, "colonnade"]]
        if points:
            colour = colours[number % len(colours)]
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
            parts.append(f'<text x="{points[-1][0] + 8:.0f}" y="{points[-1][1] + 4:.0f}" fill="{colour}">{query}</text>')
    pathlib.Path(path).write_text("\n".join(parts) + "\n</svg>\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(prog="bench/memory", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", default=str(HERE / "data" / "tpch10"))
    parser.add_argument("--limits", default="1GB,256MB", help="also none; default 1GB,256MB")
    parser.add_argument("--queries", default="memory", help="names or folders of bench/queries, default memory")
    parser.add_argument("--engines", default="colonnade,duckdb")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=600, help="seconds of one run")
    parser.add_argument("--cli", default=str(HERE.parent / "build" / "release" / "cli" / "colonnade"))
    parser.add_argument("--temp", help="where temporary files go, default the system's directory")
    parser.add_argument("--default-temp", dest="own_temp", action="store_false", help="leave temp_directory as it is")
    parser.add_argument("--plot", help="file for a drawing of Colonnade's times by limit")
    options = parser.parse_args()
    options.data, options.engines = os.path.abspath(options.data), options.engines.split(",")
    wanted, limits = options.queries.split(","), options.limits.split(",")
    queries = {f.stem: f.read_text(encoding="utf-8") for f in sorted((HERE / "queries").glob("*/*.sql"))
               if f.stem in wanted or f.parent.name in wanted}
    idle = {engine: ENGINES[engine](options, "none", None, None)["peak"] / 1e6 for engine in options.engines}
    print("idle: " + ", ".join(f"{engine} {peak:.0f} MB" for engine, peak in idle.items()))
    print(f"  {'query':12}{'limit':>8}" + "".join(f"{engine:>23}" for engine in options.engines) + "   ratio", flush=True)
    results = measure(options, queries, limits)
    if options.plot:
        plot(results, list(queries), limits, options.plot)


if __name__ == "__main__":
    main()
