# SPDX-License-Identifier: Apache-2.0
"""Writes the Parquet files of this folder and what they hold.

    python3 -m venv venv && venv/bin/pip install pyarrow duckdb polars && venv/bin/python generate.py

Each NAME.parquet comes with NAME.tsv, or shares one with files that hold the same: one line per row, tab between columns, \\N for NULL, \\t \\n \\\\ escaped,
values as DuckDB prints them. DuckDB reads the file back for it, so that the expectation does not
come from the program that wrote the file (except for its own ones, which pyarrow reads back).
"""
import datetime as dt
import decimal
import os
import random

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq

HERE = os.path.dirname(os.path.abspath(__file__))
RANDOM = random.Random(20240229)
SHARED = {}
WORDS = ["", "a", "pear", "plum tomato", "twelve bytes", "thirteen bytes", "größer", "日本語のテキスト",
         "a text that is longer than what a view holds inline", "tab\there", "x" * 300]


def path(name, suffix="parquet"):
    return os.path.join(HERE, f"{name}.{suffix}")


def with_nulls(values, every=5):
    return [None if RANDOM.randrange(every) == 0 else v for v in values]


def ints(n, low, high):
    return [RANDOM.randint(low, high) for _ in range(n)]


def typed(n):
    """A table with a column of each type, nulls in all but the first."""
    day = dt.date(1970, 1, 1)
    instants = [dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=v) for v in ints(n, -10**15, 4 * 10**15)]
    columns = {
        "id": pa.array(range(n), pa.int64()),
        "flag": pa.array(with_nulls([v == 1 for v in ints(n, 0, 1)]), pa.bool_()),
        "i8": pa.array(with_nulls(ints(n, -128, 127)), pa.int8()),
        "i16": pa.array(with_nulls(ints(n, -2**15, 2**15 - 1)), pa.int16()),
        "i32": pa.array(with_nulls(ints(n, -2**31, 2**31 - 1)), pa.int32()),
        "i64": pa.array(with_nulls(ints(n, -2**63, 2**63 - 1)), pa.int64()),
        "u8": pa.array(with_nulls(ints(n, 0, 255)), pa.uint8()),
        "u16": pa.array(with_nulls(ints(n, 0, 2**16 - 1)), pa.uint16()),
        "u32": pa.array(with_nulls(ints(n, 0, 2**32 - 1)), pa.uint32()),
        "u64": pa.array(with_nulls(ints(n, 0, 2**64 - 1)), pa.uint64()),
        "f32": pa.array(with_nulls([v / 8 for v in ints(n, -999, 999)]), pa.float32()),
        "f64": pa.array(with_nulls([float("nan") if v == 7 else v / 16 for v in ints(n, -500, 500)]), pa.float64()),
        "d9": pa.array(with_nulls([decimal.Decimal(v).scaleb(-2) for v in ints(n, -10**9 + 1, 10**9 - 1)]),
                       pa.decimal128(9, 2)),
        "d18": pa.array(with_nulls([decimal.Decimal(v).scaleb(-4) for v in ints(n, -10**18 + 1, 10**18 - 1)]),
                        pa.decimal128(18, 4)),
        "d38": pa.array(with_nulls([decimal.Decimal(v).scaleb(-10) for v in ints(n, -10**37, 10**37)]),
                        pa.decimal128(38, 10)),
        "date": pa.array(with_nulls([day + dt.timedelta(days=v) for v in ints(n, -30000, 30000)]), pa.date32()),
        "time_us": pa.array(with_nulls(ints(n, 0, 86399999999)), pa.time64("us")),
        "ts_us": pa.array(with_nulls(instants), pa.timestamp("us")),
        "tstz_us": pa.array(with_nulls(instants), pa.timestamp("us", tz="UTC")),
        "text": pa.array(with_nulls([RANDOM.choice(WORDS) for _ in range(n)]), pa.string()),
        "unique_text": pa.array(with_nulls([f"row {v} of {n}" * (v % 4) for v in range(n)]), pa.string()),
        "blob": pa.array(with_nulls([bytes(ints(RANDOM.randint(0, 20), 0, 255)) for _ in range(n)]), pa.binary()),
        "fixed": pa.array(with_nulls([bytes(ints(5, 0, 255)) for _ in range(n)]), pa.binary(5)),
        "same": pa.array([42] * n, pa.int32()),
        "empty": pa.array([None] * n, pa.string()),
    }
    return pa.table(columns)


def escape(value):
    if value is None:
        return "\\N"
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def write_rows(name, rows):
    with open(path(name, "tsv"), "w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            out.write("\t".join(escape(v) for v in row) + "\n")


def expect(name, from_table=None, rows=None):
    """ROWS.tsv (NAME.tsv) through DuckDB, from the file or from an Arrow table. Files that hold the same
    share it: they must give the same text."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    source = f"read_parquet('{path(name)}')"
    if from_table is not None:
        db.register("given", from_table)
        source = "given"
    names = [row[0] for row in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    if not names:
        return
    casts = ", ".join(f'CAST("{n}" AS VARCHAR)' for n in names)
    found = db.execute(f"SELECT {casts} FROM {source}").fetchall()
    rows = rows or name
    assert SHARED.setdefault(rows, found) == found, f"{name} and others of {rows} differ"
    write_rows(rows, found)


def save(name, table, rows=None, **options):
    pq.write_table(table, path(name), **options)
    expect(name, rows=rows)


def codecs():
    table = typed(120)
    save("v1_none", table, "typed", compression="none", data_page_version="1.0", use_dictionary=False)
    save("v1_snappy", table, "typed", compression="snappy", data_page_version="1.0")
    save("v2_snappy", table, "typed", compression="snappy", data_page_version="2.0")
    save("v2_zstd", table, "typed", compression="zstd", data_page_version="2.0", use_dictionary=False)
    save("v1_gzip", table, "typed", compression="gzip", write_page_checksum=True)
    save("v2_brotli", table, "typed", compression="brotli", data_page_version="2.0")
    save("v1_lz4", table, "typed", compression="lz4")


def encodings():
    n = 700
    table = pa.table({
        "small": pa.array(with_nulls(ints(n, -5, 90)), pa.int32()),
        "rising": pa.array([v * 1000003 for v in range(n)], pa.int64()),
        "wild": pa.array(with_nulls(ints(n, -2**63, 2**63 - 1)), pa.int64()),
        "name": pa.array(with_nulls([f"customer#{v:09d}" for v in range(n)]), pa.string()),
        "word": pa.array([RANDOM.choice(WORDS) for _ in range(n)], pa.string()),
        "key": pa.array(with_nulls([bytes([v >> 8, v & 255, 7]) for v in range(n)]), pa.binary(3)),
        "x": pa.array(with_nulls([v / 7 for v in range(n)]), pa.float64()),
        "y": pa.array([v / 3 for v in range(n)], pa.float32()),
        "k": pa.array(ints(n, 0, 1000), pa.int32()),
        "flag": pa.array(with_nulls([v % 100 < 60 for v in range(n)]), pa.bool_()),
    })
    save("encodings", table, compression="snappy", data_page_version="2.0", use_dictionary=False, data_page_size=2000,
         column_encoding={"small": "DELTA_BINARY_PACKED", "rising": "DELTA_BINARY_PACKED", "wild": "DELTA_BINARY_PACKED",
                          "name": "DELTA_BYTE_ARRAY", "word": "DELTA_LENGTH_BYTE_ARRAY", "key": "DELTA_BYTE_ARRAY",
                          "x": "BYTE_STREAM_SPLIT", "y": "BYTE_STREAM_SPLIT", "k": "BYTE_STREAM_SPLIT", "flag": "RLE"})


def layouts():
    n = 2500
    sorted_table = pa.table({
        "k": pa.array(range(n), pa.int64()),
        "half": pa.array([v // 2 for v in range(n)], pa.int32()),
        "name": pa.array([f"name {v:05d}" for v in range(n)], pa.string()),
        "group": pa.array([f"g{v // 500}" for v in range(n)], pa.string()),
        "maybe": pa.array([v if v % 3 else None for v in range(n)], pa.int32()),
        "late": pa.array([None if v < 1250 else v for v in range(n)], pa.int64()),
    })
    # pages of different lengths per column, with and without a page index
    options = {"compression": "snappy", "data_page_size": 1000, "write_batch_size": 64}
    save("page_index", sorted_table, "sorted", write_page_index=True, **options)
    save("small_pages", sorted_table, "sorted", **options)
    save("many_groups", sorted_table.slice(0, 400), row_group_size=20, compression="none")
    # dictionaries that overflow: codes first, then PLAIN
    overflow = pa.table({
        "t": pa.array([f"text number {v}" for v in range(1500)], pa.string()),
        "i": pa.array(with_nulls([v * 7 for v in range(1500)]), pa.int64()),
    })
    save("fallback", overflow, compression="snappy", dictionary_pagesize_limit=4000, data_page_size=3000,
         write_batch_size=100)
    save("no_rows", sorted_table.slice(0, 0))
    runs = pa.table({"c": pa.array(["left"] * 1500 + ["right"] * 1500), "v": pa.array([1] * 1500 + [2] * 1500, pa.int32())})
    save("runs", runs, compression="snappy")


def special():
    n = 90
    instants = [dt.datetime(2001, 1, 1) + dt.timedelta(microseconds=v) for v in ints(n, -10**16, 10**15)]
    save("int96", pa.table({"t": pa.array(with_nulls(instants), pa.timestamp("us"))}),
         use_deprecated_int96_timestamps=True)
    money = pa.table({
        "a": pa.array(with_nulls([decimal.Decimal(v).scaleb(-2) for v in ints(n, -10**7, 10**7)]), pa.decimal128(9, 2)),
        "b": pa.array(with_nulls([decimal.Decimal(v).scaleb(-3) for v in ints(n, -10**15, 10**15)]), pa.decimal128(18, 3)),
    })
    save("decimal_int", money, store_decimal_as_integer=True)
    units = pa.table({
        "time_ms": pa.array(with_nulls(ints(n, 0, 86399999)), pa.time32("ms")),
        "ts_ms": pa.array(with_nulls(ints(n, -10**12, 2 * 10**12)), pa.timestamp("ms")),
        "ts_ns": pa.array(with_nulls(ints(n, -10**18, 2 * 10**18)), pa.timestamp("ns")),
    })
    save("units", units, compression="none")
    nested = pa.table({
        "id": pa.array(range(4), pa.int32()),
        "list": pa.array([[1, 2], [], None, [3]], pa.list_(pa.int64())),
        "struct": pa.array([{"a": 1, "b": "x"}] * 4, pa.struct([("a", pa.int32()), ("b", pa.string())])),
        "map": pa.array([[("k", 1)], [], None, [("l", 2)]], pa.map_(pa.string(), pa.int32())),
        "after": pa.array(["p", "q", "r", "s"], pa.string()),
    })
    pq.write_table(nested, path("nested"))
    write_rows("nested", [[str(i), v] for i, v in enumerate("pqrs")])


def bloom():
    """Bloom filters: every group spans the whole range, so that nothing else tells groups apart."""
    n = 450
    spread = [(v * 7919 + 13) % 1000003 * 1000 for v in range(n)]
    table = pa.table({
        "id": pa.array(spread, pa.int64()),
        "small": pa.array([v // 1000 for v in spread], pa.int32()),
        "name": pa.array([None if v % 7 == 0 else f"customer number {spread[v]:010d} of all of them" for v in range(n)],
                         pa.string()),
        "x": pa.array([v / 8 for v in spread], pa.float64()),
        "day": pa.array([dt.date(1970, 1, 1) + dt.timedelta(days=v // 50000) for v in spread], pa.date32()),
        "key": pa.array([decimal.Decimal(v).scaleb(-2) for v in spread], pa.decimal128(15, 2)),
        "plain": pa.array(spread, pa.int64()),
    })
    columns = {name: {"ndv": 150, "fpp": 0.001} for name in ("id", "small", "name", "x", "day", "key")}
    save("bloom", table, row_group_size=150, compression="snappy", store_decimal_as_integer=True, write_page_index=True,
         bloom_filter_options=columns)


def others():
    """Files of other writers; pyarrow reads them back."""
    db = duckdb.connect()
    for codec in ("zstd", "snappy"):
        name = f"duckdb_{codec}"
        db.execute("SELECT setseed(0.5)")
        db.execute(f"""COPY (SELECT i, i % 7 AS seven, i::DECIMAL(15,2) / 100::DECIMAL(15,2) AS ratio,
            CASE WHEN i % 5 = 0 THEN NULL ELSE 'value ' || (i * 37 % 1001) END AS t, DATE '1998-12-01' - i::INTEGER AS d,
            (i * 1.5)::DECIMAL(12,3) AS m, i % 2 = 0 AS even, uuid_extract AS u
            FROM (SELECT range AS i, '00000000-0000-0000-0000-' || lpad(range::VARCHAR, 12, '0') AS uuid_extract
                  FROM range(2500))) TO '{path(name)}' (FORMAT parquet, COMPRESSION {codec}, ROW_GROUP_SIZE 2048)""")
        expect(name, pq.read_table(path(name)), "duckdb")
    frame = polars.DataFrame({
        "i": list(range(900)), "f": [v / 4 for v in range(900)],
        "s": [None if v % 11 == 0 else f"text {v % 50}" for v in range(900)],
        "c": [WORDS[v % len(WORDS)] for v in range(900)],
    })
    frame.write_parquet(path("polars_zstd"), compression="zstd", row_group_size=350, statistics="full")
    expect("polars_zstd", pq.read_table(path("polars_zstd")))


if __name__ == "__main__":
    codecs()
    encodings()
    layouts()
    special()
    bloom()
    others()
