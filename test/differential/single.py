# SPDX-License-Identifier: Apache-2.0
"""Single-table queries from a typed grammar: projections, filters, grouping, ordering with LIMIT.

Known differences of dialect are kept out by the grammar, not by the comparison: integer / truncates here (PostgreSQL) and is
DOUBLE there; division by zero is an error here and NULL there.
"""
import os
import random

ROWS = 6000
COLUMNS = {
    "id": "int", "i8": "int", "i16": "int", "i32": "int", "i64": "int",
    "d9": "dec", "d15": "dec", "d30": "dec", "f": "float", "g": "float",
    "s": "str", "t": "str", "d": "date", "ts": "ts", "b": "bool",
}
SETTINGS = [
    {"chunk_rows": "7", "threads": "2"}, {"optimizer": "false"}, {"threads": "8", "chunk_rows": "100"},
    {"test_encode": "dictionary"}, {"test_encode": "run_end,slice"}, {"test_serialize_plan": "true"},
]


def make_data(folder):
    """{table: path of its Parquet file}."""
    import duckdb
    path = os.path.join(folder, "differential.parquet")
    duckdb.connect().execute(f"""
        select setseed(0.42);
        copy (select i as id,
            case when random() < .1 then null else (random() * 250 - 125)::tinyint end as i8,
            case when random() < .1 then null else (random() * 60000 - 30000)::smallint end as i16,
            case when random() < .1 then null else (random() * 2000 - 1000)::integer end as i32,
            case when random() < .1 then null else (random() * 1e12 - 5e11)::bigint end as i64,
            case when random() < .1 then null else (random() * 1e6 - 5e5)::decimal(9,2) end as d9,
            (random() * 1e9 - 5e8)::decimal(15,2) as d15,
            case when random() < .2 then null else (random() * 1e12)::decimal(30,6) end as d30,
            case when random() < .1 then null when random() < .02 then 'nan'::double when random() < .05 then 0
                 else random() * 200 - 100 end as f,
            (random() * 10 - 5)::float::double as g,
            case when random() < .1 then null else ['', 'a', 'ab', 'abc', 'b%_', 'Straße', 'long string number one',
                'long string number two'][1 + (random() * 7)::int] end as s,
            'row ' || (random() * 3000)::int || repeat('x', (random() * 20)::int) as t,
            case when random() < .1 then null else date '1990-01-01' + (random() * 9000)::int end as d,
            case when random() < .1 then null
                 else timestamp '2001-01-01 00:00:00' + to_seconds((random() * 3e8)::bigint) end as ts,
            case when random() < .2 then null else random() < .5 end as b
        from range({ROWS}) r(i)) to '{path}' (format parquet, row_group_size 2048)""")
    return {"t": path}


class Maker:
    """A grammar: one method per result type."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def pick(self, *options):
        return self.r.choice(options)()

    def column(self, kind):
        return self.r.choice([c for c, k in COLUMNS.items() if k == kind])

    def int(self, depth):
        if depth <= 0:
            return self.pick(lambda: self.column("int"), lambda: self.column("int"), lambda: str(self.r.randint(-20, 20)))
        return self.pick(
            lambda: f"({self.int(depth - 1)} {self.r.choice('+-*')} {self.int(depth - 1)})",
            lambda: f"(-{self.int(depth - 1)})",
            lambda: f"abs({self.int(depth - 1)})",
            lambda: f"length({self.str(depth - 1)})",
            lambda: f"extract({self.r.choice(['year', 'month', 'day', 'quarter', 'doy', 'dow'])} from {self.date(depth - 1)})",
            lambda: f"coalesce({self.int(depth - 1)}, {self.int(depth - 1)})",
            lambda: f"case when {self.bool(depth - 1)} then {self.int(depth - 1)} else {self.int(depth - 1)} end",
            lambda: f"nullif({self.int(depth - 1)}, {self.r.randint(-3, 3)})",
            lambda: f"strpos({self.str(depth - 1)}, '{self.r.choice(['a', 'n', 'ow', 'x'])}')",
            lambda: f"cast({self.bool(depth - 1)} as integer)",
            lambda: f"({self.int(depth - 1)} % {self.r.choice([2, 3, 7, 10])})",
            lambda: self.column("int"))

    def dec(self, depth):
        if depth <= 0:
            return self.pick(lambda: self.column("dec"), lambda: self.column("dec"), lambda: f"{self.r.randint(-99, 99)}.{self.r.randint(0, 99):02d}")
        return self.pick(
            lambda: f"({self.dec(depth - 1)} {self.r.choice('+-')} {self.dec(depth - 1)})",
            lambda: f"(d9 * {self.r.choice(['d9', '0.5', '(1 - 0.25)', 'i8', 'd15'])})",
            lambda: f"(d15 * (1 - {self.r.choice(['0.07', '0.5'])}))",
            lambda: f"case when {self.bool(depth - 1)} then {self.dec(depth - 1)} end",
            lambda: f"({self.dec(depth - 1)} + {self.column('int')})",
            lambda: f"abs({self.dec(depth - 1)})",
            lambda: self.column("dec"))

    def float(self, depth):
        if depth <= 0:
            return self.pick(lambda: self.column("float"), lambda: f"{self.r.randint(-9, 9)}e0")
        return self.pick(
            lambda: f"({self.float(depth - 1)} {self.r.choice('+-*')} {self.float(depth - 1)})",
            lambda: f"cast({self.dec(depth - 1)} as double)",
            lambda: f"cast({self.int(depth - 1)} as double)",
            lambda: f"floor({self.float(depth - 1)})",
            lambda: f"coalesce({self.float(depth - 1)}, 0.5)",
            lambda: self.column("float"))

    def str(self, depth):
        if depth <= 0:
            return self.pick(lambda: self.column("str"), lambda: self.column("str"), lambda: self.r.choice(["''", "'a'", "'row 17'", "'long string number two'"]))
        return self.pick(
            lambda: f"({self.str(depth - 1)} || {self.str(depth - 1)})",
            lambda: f"upper({self.str(depth - 1)})", lambda: f"lower({self.str(depth - 1)})",
            lambda: f"substring({self.str(depth - 1)}, {self.r.randint(1, 5)}, {self.r.randint(0, 6)})",
            lambda: f"replace({self.str(depth - 1)}, 'o', '0')",
            lambda: f"trim({self.str(depth - 1)})",
            lambda: f"left({self.str(depth - 1)}, {self.r.randint(0, 7)})",
            lambda: f"cast({self.int(depth - 1)} as varchar)",
            lambda: f"cast({self.date(depth - 1)} as varchar)",
            lambda: f"case when {self.bool(depth - 1)} then {self.str(depth - 1)} else {self.str(depth - 1)} end",
            lambda: self.column("str"))

    def date(self, depth):
        if depth <= 0:
            return self.pick(lambda: "d", lambda: f"date '{self.r.randint(1990, 2014)}-0{self.r.randint(1, 9)}-1{self.r.randint(0, 9)}'")
        return self.pick(
            lambda: f"({self.date(depth - 1)} + {self.r.randint(-40, 40)})",
            lambda: f"cast(ts as date)",
            lambda: f"cast({self.date(depth - 1)} + interval '{self.r.randint(1, 30)}' month as date)",
            lambda: f"coalesce({self.date(depth - 1)}, date '2000-02-29')",
            lambda: "d")

    def bool(self, depth):
        op = self.r.choice(["=", "<>", "<", "<=", ">", ">="])
        if depth <= 0:
            return self.pick(lambda: "b", lambda: f"i32 {op} {self.r.randint(-900, 900)}", lambda: f"s {op} 'abc'",
                             lambda: f"d {op} date '2001-05-05'", lambda: f"d9 {op} {self.r.randint(-4000, 4000)}.5")
        kind = self.r.choice([self.int, self.dec, self.float, self.str, self.date])
        return self.pick(
            lambda: f"({kind(depth - 1)} {op} {kind(depth - 1)})",
            lambda: f"({self.bool(depth - 1)} and {self.bool(depth - 1)})",
            lambda: f"({self.bool(depth - 1)} or {self.bool(depth - 1)})",
            lambda: f"(not {self.bool(depth - 1)})",
            lambda: f"({kind(depth - 1)} is {self.r.choice(['', 'not '])}null)",
            lambda: f"({self.int(depth - 1)} in ({self.r.randint(-5, 5)}, {self.r.randint(-50, 50)}, {self.r.randint(0, 900)}))",
            lambda: f"({self.str(depth - 1)} {self.r.choice(['', 'not '])}like '{self.r.choice(['%a%', 'row 1%', '%x', '_b%', '%o%n%', '', '%', 'abc', '%w 2%x%'])}')",
            lambda: f"({self.date(depth - 1)} between date '1995-01-01' and {self.date(depth - 1)})",
            lambda: f"({kind(depth - 1)} is {self.r.choice(['', 'not '])}distinct from {kind(depth - 1)})",
            lambda: f"({self.str(depth - 1)} in ('a', 'abc', 'row 5'))")

    def any(self, depth):
        return self.r.choice([self.int, self.dec, self.float, self.str, self.date, self.bool])(depth)

    def aggregate(self):
        r = self.r
        filter_ = f" filter (where {self.bool(1)})" if r.random() < .25 else ""
        distinct = "distinct " if r.random() < .25 else ""
        return self.pick(
            lambda: "count(*)" + filter_, lambda: f"count({distinct}{self.any(1)}){filter_}",
            lambda: f"sum({distinct}{self.column('int')}){filter_}", lambda: f"sum({self.dec(1)}){filter_}",
            lambda: f"sum({self.r.choice(['g', 'cast(i32 as double)'])}){filter_}", lambda: f"avg({self.column('int')}){filter_}",
            lambda: f"avg({self.dec(0)}){filter_}", lambda: f"min({self.any(1)}){filter_}", lambda: f"max({self.any(1)}){filter_}",
            lambda: f"bool_and(b){filter_}", lambda: f"bool_or(b){filter_}")

    def group_key(self):
        return self.r.choice(["s", "b", "i8", "i32 % 5", "d9", "t", "extract(year from d)", "left(t, 5)", "f", "d", "id", "i64", "case when b then s end"])

    def query(self):
        shape = self.r.random()
        where = f" where {self.bool(self.r.randint(0, 3))}" if self.r.random() < .7 else ""
        if shape < .35:
            items = ", ".join(f"{self.any(self.r.randint(1, 3))} as c{k}" for k in range(self.r.randint(1, 4)))
            return f"select id, {items} from t{where}", False
        if shape < .5:
            items = ", ".join(f"{self.aggregate()} as c{k}" for k in range(self.r.randint(1, 5)))
            return f"select {items} from t{where}", False
        if shape < .8:
            keys = [self.group_key() for _ in range(self.r.randint(1, 3))]
            items = ", ".join(f"{self.aggregate()} as c{k}" for k in range(self.r.randint(1, 4)))
            listed = ", ".join(f"{key} as k{k}" for k, key in enumerate(keys))
            having = f" having count(*) > {self.r.randint(1, 5)}" if self.r.random() < .3 else ""
            return f"select {listed}, {items} from t{where} group by {', '.join(str(k + 1) for k in range(len(keys)))}{having}", False
        if shape < .9:
            return f"select distinct {self.group_key()} as k0, {self.group_key()} as k1 from t{where}", False
        order = ", ".join(f"{key} {self.r.choice(['asc nulls last', 'desc nulls first', 'asc nulls first'])}" for key in
                          (self.r.choice(["s", "i8", "d9", "f", "d", "t", "b", "ts", "d30"]) for _ in range(self.r.randint(1, 2))))
        limit = f" limit {self.r.randint(0, 300)} offset {self.r.randint(0, 20)}" if self.r.random() < .8 else ""
        return f"select id, s, d9, {self.any(1)} as c from t{where} order by {order}, id{limit}", True
