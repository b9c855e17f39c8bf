# SPDX-License-Identifier: Apache-2.0
"""Queries over two to eight tables: joins of all types, subqueries of all forms, set operations, WITH.

Tables are small and hard: NULLs, duplicates, an empty one, one of a single row, keys of several types; two are larger, so that
hash tables grow. Every table has the same columns (k few integers, u unique, n many integers, s text, d date, x decimal,
f double, b boolean), so that any of them joins any other. Floats are never summed: sums must not depend on the order of rows.
"""
import os
import random

SIZES = {"a": 40, "b": 60, "c": 25, "e": 0, "one": 1, "m": 300, "big": 4000, "wide": 1500}
LARGE = ("big", "wide")
COLUMNS = {"k": "int", "u": "int", "n": "int", "s": "str", "d": "date", "x": "dec", "f": "float", "b": "bool"}
RULES = []  # names of switchable rules, filled by the driver
SETTINGS = [
    {"optimizer": "false"}, {"chunk_rows": "3", "threads": "2"}, {"threads": "8", "chunk_rows": "100"},
    {"test_encode": "dictionary"}, {"test_encode": "run_end,slice"}, {"test_serialize_plan": "true"}, {"disabled_rules": None},
    {"test_swap": "always"}, {"test_swap": "always", "threads": "4", "chunk_rows": "50"},
]


def make_data(folder):
    """{table: path of its Parquet file}."""
    import duckdb
    connection = duckdb.connect()
    connection.execute("select setseed(0.17)")
    paths = {}
    for table, rows in SIZES.items():
        path = paths[table] = os.path.join(folder, table + ".parquet")
        keys = 12 if rows < 1000 else 700
        connection.execute(f"""
            copy (select case when random() < .12 then null else (random() * {keys})::integer end as k,
                (i * 7 % {max(rows, 1)})::bigint as u,
                case when random() < .05 then null else (random() * 300)::bigint - 20 end as n,
                case when random() < .12 then null else ['', 'a', 'b', 'ab', 'key number seven, long', 'key number eight, long',
                    'Straße'][1 + (random() * 6)::int] end as s,
                case when random() < .1 then null else date '2020-01-01' + (random() * 20)::int end as d,
                case when random() < .1 then null else (random() * 30)::int::decimal(12,2) / 2 end::decimal(12,2) as x,
                case when random() < .1 then null when random() < .03 then 'nan'::double else (random() * 8)::int / 2 end::double as f,
                case when random() < .2 then null else random() < .5 end as b
            from range({rows}) r(i)) to '{path}' (format parquet, row_group_size 1024)""")
    return paths


class Maker:
    """One query per seed. `scope`: aliases whose columns may be named; outer ones come from enclosing queries."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.n_aliases = 0
        self.tables = {}  # of aliases that are tables as they are
        self.depth = 0

    def chance(self, probability):
        return self.r.random() < probability

    def column(self, scope, kind=None):
        name = self.r.choice([c for c, k in COLUMNS.items() if kind in (None, k)])
        return f"{self.r.choice(scope)}.{name}"

    def kind(self):
        return self.r.choice(["int", "int", "int", "str", "date", "dec", "float"])

    def literal(self, kind):
        r = self.r
        return {"int": lambda: str(r.randint(-2, 14)), "str": lambda: r.choice(["'a'", "'ab'", "'key number seven, long'"]),
                "date": lambda: f"date '2020-01-{r.randint(1, 20):02d}'", "dec": lambda: f"{r.randint(0, 15)}.5",
                "float": lambda: f"{r.randint(0, 4)}e0", "bool": lambda: "true"}[kind]()

    def value(self, scope, kind):
        roll = self.r.random()
        if roll < .7:
            return self.column(scope, kind)
        if roll < .8:
            return self.literal(kind)
        if kind == "int":
            text = self.column(scope, "str")
            return self.r.choice([
                f"({self.column(scope, 'int')} + {self.r.randint(-2, 3)})", f"length({text})", f"coalesce(length({text}), 1)",
                f"case when {text} is null then 0 when {text} like '%e%' then 1 else length({text}) + 1 end"])
        if kind == "str":
            return f"coalesce({self.column(scope, 'str')}, 'a')"
        return self.column(scope, kind)

    def comparison(self, scope):
        kind = self.kind()
        op = self.r.choice(["=", "=", "<>", "<", "<=", ">"])
        return f"{self.value(scope, kind)} {op} {self.value(scope, kind)}"

    def simple(self, scope):
        return self.r.choice([
            lambda: self.comparison(scope), lambda: self.comparison(scope),
            lambda: f"{self.column(scope)} is {self.r.choice(['', 'not '])}null",
            lambda: f"{self.column(scope, 'int')} in ({self.r.randint(0, 5)}, {self.r.randint(3, 9)}, {self.r.randint(0, 12)})",
            lambda: f"{self.column(scope, 'int')} between {self.r.randint(0, 4)} and {self.r.randint(4, 12)}",
            lambda: f"{self.column(scope, 'str')} like '{self.r.choice(['a%', '%long', '%e%', 'b'])}'",
            lambda: f"({self.comparison(scope)} or {self.comparison(scope)})",
            lambda: f"(({self.comparison(scope)} and {self.comparison(scope)}) or ({self.comparison(scope)} and {self.comparison(scope)}))",
            lambda: f"not ({self.comparison(scope)})",
        ])()

    def equality(self, left, right):
        kind = self.r.choice(["int", "int", "int", "int", "str", "date", "dec", "float"])
        one, two = self.column(left, kind), self.column(right, kind)
        if len(left) >= 3 and self.chance(.8):  # long chains must not explode
            one, two = self.column(left, "int"), f"{self.r.choice(right)}.u"
        if kind == "int" and self.chance(.1):
            one = f"({one} + 1)"
        return f"{one} {'is not distinct from' if self.chance(.08) else '='} {two}"

    def table(self, large):
        return self.r.choice([t for t in SIZES if large or t not in LARGE and (t != "m" or self.chance(.3))])

    def alias(self):
        self.n_aliases += 1
        return f"t{self.n_aliases}"

    def relation(self, outer, large):
        """(text, alias) of a table or a derived table with all columns."""
        alias = self.alias()
        self.tables[alias] = None
        if self.chance(.15) and self.depth < 2:
            inner = self.alias()
            self.depth += 1
            where = f" where {self.condition([inner], [])}" if self.chance(.6) else ""
            self.depth -= 1
            table = self.table(large)
            shape = self.r.choice([
                f"select * from {table} {inner}{where}",
                f"select distinct * from {table} {inner}{where}",
                f"select k, max(u) as u, count(*) as n, min(s) as s, max(d) as d, sum(x)::decimal(12,2) as x, max(f) as f, bool_and(b) as b "
                f"from {table} {inner}{where} group by k",
                f"select * from {table} {inner}{where} union all select * from {self.table(False)}"])
            return f"({shape}) as {alias}", alias
        table = self.tables[alias] = self.table(large)
        return f"{table} {alias}", alias

    def again(self, aliases):
        """A table that is there already, whole or in part, and the equality of its unique column: (text, alias, condition)."""
        one = self.r.choice([a for a in aliases if self.tables.get(a)])
        alias = self.alias()
        table = self.tables[alias] = self.tables[one]
        text = f"{table} {alias}"
        if self.chance(.4):
            inner = self.alias()
            text = f"(select * from {table} {inner} where {self.simple([inner])}) as {alias}"
        return text, alias, f"{one}.u = {alias}.u"

    def from_clause(self, outer, most):
        """(text, aliases)."""
        n = self.r.randint(1, most)
        loose = 1  # joins without an equality that are still allowed
        large = self.chance(.35)
        text, alias = self.relation(outer, large)
        aliases = [alias]
        for _ in range(n - 1):
            if self.chance(.12) and any(self.tables.get(a) for a in aliases):
                right, alias, key = self.again(aliases)
                more = f" and {self.simple(aliases + [alias])}" if self.chance(.3) else ""
                text += f" {self.r.choice(['join', 'join', 'left join', 'full join'])} {right} on {key}{more}"
                aliases.append(alias)
                continue
            right, alias = self.relation(outer, False)
            roll = self.r.random()
            if roll < .07 and loose and not large:
                loose -= 1
                text += f" cross join {right}"
            else:
                kind = self.r.choice(["join", "join", "inner join", "left join", "left join", "right join", "full join"])
                parts = [self.equality(aliases, [alias])]
                if self.chance(.3):
                    parts.append(self.equality(aliases, [alias]))
                if self.chance(.25):
                    parts.append(self.simple(aliases + [alias]))
                if self.chance(.05) and loose and not large and kind != "full join":
                    loose -= 1
                    parts = [self.comparison([aliases[0], alias])]
                text += f" {kind} {right} on {' and '.join(parts)}"
            aliases.append(alias)
        if loose and not large and self.chance(.05):  # a comma binds looser than JOIN: last, or names would not resolve
            right, alias = self.relation(outer, False)
            text += f", {right}"
            aliases.append(alias)
        return text, aliases

    def subquery(self, scope, outer):
        """A predicate with a subquery; scope is what it may be correlated with."""
        self.depth += 1
        source, inner = self.from_clause(scope, 2)
        correlated = self.chance(.7)
        parts = [self.equality(scope, inner)] if correlated else []
        if correlated and self.chance(.25):
            parts.append(self.comparison(scope + inner))
        if self.chance(.4):
            parts.append(self.condition(inner, scope))
        if self.chance(.15) and any(self.tables.get(a) for a in scope):
            source, alias, key = self.again(scope)
            inner, parts = [alias], [key] + ([self.simple([alias])] if self.chance(.5) else [])
        where = f" where {' and '.join(parts)}" if parts else ""
        kind = self.r.choice(["int", "int", "str", "date", "dec"])
        left, column = self.value(scope, kind), self.column(inner, kind)
        aggregate = f"{self.r.choice(['max', 'min'])}({column})"
        result = self.r.choice([
            lambda: f"exists (select 1 from {source}{where})", lambda: f"not exists (select * from {source}{where})",
            lambda: f"{left} in (select {column} from {source}{where})",
            lambda: f"{left} not in (select {column} from {source}{where})",
            lambda: f"{left} {self.r.choice(['=', '<', '>=', '<>'])} (select {aggregate} from {source}{where})",
            lambda: f"(select count(*) from {source}{where}) {self.r.choice(['>', '=', '<='])} {self.r.randint(0, 3)}",
            lambda: f"{left} {self.r.choice(['<', '=', '>'])} any (select {column} from {source}{where})",
            lambda: f"{left} {self.r.choice(['<', '<>', '>='])} all (select {column} from {source}{where})",
            lambda: f"(exists (select 1 from {source}{where}) or {self.simple(scope)})",
            lambda: f"({left} in (select {column} from {source}{where})) is {self.r.choice(['', 'not '])}null",
            lambda: f"coalesce((select {aggregate} from {source}{where}), {self.literal(kind)}) > {self.literal(kind)}",
        ])()
        self.depth -= 1
        return result

    def condition(self, scope, outer):
        if self.depth < 3 and self.chance(.25 if self.depth else .4):
            return self.subquery(scope, outer)
        return self.simple(scope)

    def item(self, scope):
        roll = self.r.random()
        if roll < .75:
            return self.column(scope)
        if roll < .85 and self.depth < 2:
            self.depth += 1
            source, inner = self.from_clause(scope, 1)
            where = f" where {self.equality(scope, inner)}"
            self.depth -= 1
            return f"(select {self.r.choice(['count(*)', 'max(' + self.column(inner, 'int') + ')', 'sum(' + self.column(inner, 'dec') + ')'])} from {source}{where})"
        return self.value(scope, self.kind())

    def aggregate(self, scope):
        distinct = "distinct " if self.chance(.15) else ""
        return self.r.choice([
            lambda: "count(*)", lambda: "count(*)", lambda: f"count({distinct}{self.column(scope)})",
            lambda: f"sum({distinct}{self.column(scope, 'int')})", lambda: f"sum({self.column(scope, 'dec')})",
            lambda: f"min({self.column(scope)})", lambda: f"max({self.column(scope)})",
            lambda: f"avg({self.column(scope, 'int')})", lambda: f"avg({self.column(scope, 'dec')})",
            lambda: f"sum({self.column(scope, 'int')}) filter (where {self.simple(scope[:1])})",
            lambda: f"sum({self.column(scope, 'dec')} * (1 - {self.column(scope, 'dec')}))"])()

    def select(self, most=8):
        source, scope = self.from_clause([], self.r.choice([1, 2, 2, 3, 3, 4, 5, most]))
        parts = [self.condition(scope, []) for _ in range(self.r.choice([0, 1, 1, 2, 3]))]
        if self.chance(.25) and len(scope) > 1:  # a join written in WHERE
            parts.append(self.equality(scope[:1], scope[1:]))
        where = f" where {' and '.join(parts)}" if parts else ""
        shape = self.r.random()
        if shape < .4 and len(scope) < 4:
            items = ", ".join(f"{self.item(scope)} as c{k}" for k in range(self.r.randint(1, 5)))
            return f"select {items} from {source}{where}"
        if shape < .7:
            items = ", ".join(f"{self.aggregate(scope)} as c{k}" for k in range(self.r.randint(1, 4)))
            return f"select {items} from {source}{where}"
        keys = ", ".join(f"{self.column(scope)} as g{k}" for k in range(self.r.randint(1, 2)))
        items = ", ".join(f"{self.aggregate(scope)} as c{k}" for k in range(self.r.randint(1, 3)))
        having = f" having count(*) > {self.r.randint(1, 4)}" if self.chance(.2) else ""
        return f"select {keys}, {items} from {source}{where} group by all{having}"

    def set_query(self):
        columns = self.r.sample(list(COLUMNS), self.r.randint(1, 3))

        def branch():
            source, scope = self.from_clause([], 2)
            alias = self.r.choice(scope)
            where = f" where {self.condition(scope, [])}" if self.chance(.5) else ""
            return f"select {', '.join(f'{alias}.{c}' for c in columns)} from {source}{where}"
        text = branch()
        for _ in range(self.r.randint(1, 2)):
            text = f"({text}) {self.r.choice(['union', 'union all', 'intersect', 'except', 'intersect all', 'except all'])} ({branch()})"
        return text

    def with_query(self):
        source, scope = self.from_clause([], 2)
        alias = self.r.choice(scope)
        where = f" where {self.condition(scope, [])}" if self.chance(.7) else ""
        columns = ", ".join(f"{alias}.{c}" for c in COLUMNS)
        keep = self.r.choice(["", "", "materialized ", "not materialized "])
        one, two = self.alias(), self.alias()
        kind = self.r.choice(["join", "left join", "full join"])
        on = self.equality([one], [two])
        where_outside = f" where {self.condition([one, two], [])}" if self.chance(.5) else ""
        return (f"with w as {keep}(select {columns} from {source}{where}) select {one}.k, {two}.s, count(*) as c, max({two}.u) as m "
                f"from w {one} {kind} w {two} on {on}{where_outside} group by all")

    def query(self):
        roll = self.r.random()
        if roll < .8:
            return self.select(), False
        return (self.set_query() if roll < .9 else self.with_query()), False
