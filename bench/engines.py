# SPDX-License-Identifier: Apache-2.0
"""The engines side by side, each behind `run(sql) -> pyarrow.Table`; and the worker process that holds one.

A worker is one process with one engine and one thread count, because some engines fix their threads when they are loaded.
It reads one JSON object per line on standard input and answers with one: {"sql": text, "save": path or null} gives
{"ms": time, "rows": n} or {"error": text}.

usage: engines.py ENGINE THREADS DATA_FOLDER LIBRARY
"""
import ctypes
import json
import os
import sys
import time

TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")


class DuckDB:
    def __init__(self, threads, data, _library):
        import duckdb
        self.connection = duckdb.connect()
        self.connection.execute(f"set threads={threads}; set preserve_insertion_order=false")
        for table in TABLES:
            self.connection.execute(f"create view {table} as select * from read_parquet('{data}/{table}.parquet')")

    def run(self, sql):
        return self.connection.sql(sql).to_arrow_table()


class Polars:
    def __init__(self, threads, data, _library):
        os.environ["POLARS_MAX_THREADS"] = str(threads)
        import polars
        self.context = polars.SQLContext({t: polars.scan_parquet(f"{data}/{t}.parquet") for t in TABLES})

    def run(self, sql):
        return self.context.execute(sql).collect(engine="streaming").to_arrow()


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int32), ("os_errno", ctypes.c_int32), ("sql_offset", ctypes.c_int64),
                ("sql_length", ctypes.c_int64), ("file", ctypes.c_char_p), ("line", ctypes.c_int32),
                ("sqlstate", ctypes.c_char * 8), ("message", ctypes.c_char * 512)]


class EngineOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint32), ("n_threads", ctypes.c_int32),
                ("memory_limit_bytes", ctypes.c_int64), ("executor", ctypes.c_void_p)]


class Colonnade:
    """The C API through ctypes; results come as an Arrow C stream and are never copied on the way."""

    def __init__(self, threads, data, library):
        import pyarrow
        self.pyarrow = pyarrow
        self.library = ctypes.CDLL(library)
        for name in ("cn_frame_free", "cn_session_free", "cn_engine_free"):
            getattr(self.library, name).argtypes = [ctypes.c_void_p]
            getattr(self.library, name).restype = None
        self.engine, self.session = ctypes.c_void_p(), ctypes.c_void_p()
        options = EngineOptions(struct_size=ctypes.sizeof(EngineOptions), n_threads=threads)
        self.call("cn_engine_new", ctypes.byref(options), ctypes.byref(self.engine))
        self.call("cn_session_new", self.engine, ctypes.byref(self.session))
        for table in TABLES:
            view = f"create view {table} as select * from read_parquet('{data}/{table}.parquet')"
            self.call("cn_session_execute", self.session, view.encode(), None)

    def call(self, name, *arguments):
        error = Error(sql_offset=-1)
        if getattr(self.library, name)(*arguments, ctypes.byref(error)) != 0:
            raise RuntimeError(f"{error.message.decode(errors='replace')} [{error.sqlstate.decode()}]")

    def run(self, sql):
        frame = ctypes.c_void_p()
        stream = (ctypes.c_void_p * 5)()  # struct ArrowArrayStream: four callbacks and private_data
        self.call("cn_session_sql", self.session, sql.encode(), ctypes.byref(frame))
        try:
            self.call("cn_frame_stream", frame, ctypes.byref(stream))
        finally:
            self.library.cn_frame_free(frame)
        return self.pyarrow.RecordBatchReader._import_from_c(ctypes.addressof(stream)).read_all()


ENGINES = {"colonnade": Colonnade, "duckdb": DuckDB, "polars": Polars}


def answer(engine, request):
    try:
        start = time.perf_counter()
        table = engine.run(request["sql"])
        elapsed = (time.perf_counter() - start) * 1e3
    except Exception as problem:  # an engine may refuse a text: that is a result, too
        return {"error": f"{type(problem).__name__}: {problem}"[:500]}
    if request.get("save"):
        import pyarrow
        with pyarrow.OSFile(request["save"], "wb") as sink, pyarrow.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    return {"ms": elapsed, "rows": table.num_rows}


def main():
    name, threads, data, library = sys.argv[1:5]
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever an engine prints does not disturb the answers
    try:
        engine = ENGINES[name](int(threads), data, library)
        print(json.dumps({"ready": name}), file=replies, flush=True)
    except Exception as problem:
        print(json.dumps({"error": f"{type(problem).__name__}: {problem}"[:500]}), file=replies, flush=True)
        return
    for line in sys.stdin:
        print(json.dumps(answer(engine, json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
