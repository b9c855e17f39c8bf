# SPDX-License-Identifier: Apache-2.0
"""Windows over the single table and over its groups: ranks, aggregates over partitions, named windows, QUALIFY, windows in derived
tables, under joins and in subqueries.

An order ends in a key that is unique where ROW_NUMBER, NTILE or a value of a row depends on it. NULLS FIRST or LAST is always written.
"""
import single

SETTINGS = single.SETTINGS + [{"threads": "2", "disabled_rules": ""}, {"threads": "4", "chunk_rows": "1"}]
make_data = single.make_data
PLAIN = ["s", "b", "i8", "i32 % 5", "d9", "t", "extract(year from d)", "left(t, 5)", "f", "d", "i64", "d30", "case when b then s end", "id % 7"]
WHOLE = ["", "rows between unbounded preceding and unbounded following", "range between unbounded preceding and unbounded following"]


class Maker(single.Maker):
    """A grammar: windows, and queries that have them."""

    def orders(self, keys, unique):
        listed = [f"{self.r.choice(keys)} {self.r.choice(['asc nulls last', 'desc nulls first', 'asc nulls first', 'desc nulls last'])}"
                  for _ in range(self.r.randint(0 if unique else 1, 2))]
        return "order by " + ", ".join(listed + [unique] if unique else listed)

    def partition(self, keys):
        n = self.r.choice([0, 1, 1, 1, 2])
        return "partition by " + ", ".join(self.r.choice(keys) for _ in range(n)) + " " if n else ""

    def window_aggregate(self, keys, aggregates):
        partition = self.partition(keys)
        frame = self.r.choice(WHOLE)
        order = self.orders(keys, None) + " " if frame and self.r.random() < .5 else ""
        return f"{self.r.choice(aggregates)()} over ({partition}{order}{frame})"

    def window(self, keys, unique, aggregates, values):
        partition = self.partition(keys)
        peers = self.orders(keys, None) if self.r.random() < .9 else ""
        total = self.orders(keys, unique)
        return self.pick(
            lambda: f"row_number() over ({partition}{total})", lambda: f"rank() over ({partition}{peers})",
            lambda: f"dense_rank() over ({partition}{peers})", lambda: f"rank() over ({partition}{total})",
            lambda: f"percent_rank() over ({partition}{peers})", lambda: f"cume_dist() over ({partition}{peers})",
            lambda: f"ntile({self.r.choice([1, 2, 3, 7, 1000])}) over ({partition}{total})",
            lambda: f"first_value({self.r.choice(values)}) over ({partition}{total})",
            lambda: f"last_value({self.r.choice(values)}) over ({partition}{total} rows between unbounded preceding and unbounded following)",
            lambda: f"lag({self.r.choice(values)}{self.r.choice(['', ', 1', ', 2', ', 0', ', 1000'])}) over ({partition}{total})",
            lambda: f"lead({self.r.choice(values)}{self.r.choice(['', ', 3', ', 2, null'])}) over ({partition}{total})",
            lambda: f"nth_value({self.r.choice(values)}, {self.r.choice([1, 2, 5])}) over ({partition}{total}{self.r.choice(['', ' rows unbounded preceding'])})",
            lambda: f"nth_value({self.r.choice(values)}, {self.r.choice([1, 3])}) over ({partition}{total} {WHOLE[1]})",
            lambda: self.window_aggregate(keys, aggregates), lambda: self.window_aggregate(keys, aggregates))

    def row_window(self):
        aggregates = [self.exact_aggregate] * 4 + [lambda: f"string_agg(left(t, 6), ',' order by id{self.r.choice(['', ' desc'])})"]
        return self.window(PLAIN, "id", aggregates, ["s", "i32", "d9", "d", "id"])

    def exact_aggregate(self):
        filter_ = f" filter (where {self.bool(1)})" if self.r.random() < .25 else ""
        distinct = "distinct " if self.r.random() < .15 else ""
        return self.pick(
            lambda: "count(*)" + filter_, lambda: f"count({distinct}{self.column('int')}){filter_}", lambda: f"sum({distinct}i32){filter_}",
            lambda: f"sum({self.dec(0)}){filter_}", lambda: f"avg({self.column('int')}){filter_}", lambda: f"min({self.any(1)}){filter_}",
            lambda: f"max({self.any(1)}){filter_}", lambda: f"bool_or(b){filter_}")

    def grouped(self, where):
        keys = [f"k{k}" for k in range(self.r.randint(1, 2))]
        groups = self.r.sample(PLAIN, len(keys))
        inner = {key: group for key, group in zip(keys, groups)}
        orders = list(inner.values()) + ["count(*)", "min(id)", "sum(i32)"]
        aggregates = [lambda: "sum(count(*))", lambda: "max(sum(i32))", lambda: "count(*)", lambda: "min(min(id))", lambda: "sum(sum(d9))"]
        items = ", ".join(self.window(orders, "min(id)", aggregates, ["min(id)", "count(*)"]) + f" as c{k}" for k in range(self.r.randint(1, 3)))
        listed = ", ".join(f"{group} as {key}" for key, group in inner.items())
        having = " having count(*) > 2" if self.r.random() < .3 else ""
        return f"select {listed}, {items} from t{where} group by {', '.join(inner.values())}{having}"

    def query(self):
        r = self.r
        shape = r.random()
        where = f" where {self.bool(r.randint(0, 2))}" if r.random() < .6 else ""
        items = ", ".join(f"{self.row_window()} as c{k}" for k in range(r.randint(1, 4)))
        if shape < .3:
            return f"select id, {items} from t{where}", False
        if shape < .45:
            return self.grouped(where), False
        if shape < .55:
            return f"select id, {self.any(1)} as a from t{where} qualify {self.row_window()} is null " \
                   f"or row_number() over ({self.partition(PLAIN)}{self.orders(PLAIN, 'id')}) <= {r.randint(1, 4)}", False
        if shape < .65:
            partition = self.partition(PLAIN)
            return f"select id, row_number() over w as a, rank() over (p {self.orders(PLAIN, None)}) as b, count(*) over p as c from t{where} " \
                   f"window p as ({partition}), w as (p {self.orders(PLAIN, 'id')})", False
        if shape < .75:
            key = r.choice(PLAIN)
            return f"select * from (select id, {key} as k, row_number() over (partition by {key} {self.orders(PLAIN, 'id')}) as rn, {items} from t{where}) q " \
                   f"where {r.choice(['rn <= 3', 'rn = 1', 'k is not null and rn < 3', 'rn % 50 = 1'])}", False
        if shape < .85:
            return f"with w as (select id, i8 as k, {items}, row_number() over (partition by i8 order by id) as rn from t{where}) " \
                   f"select x.id, y.id as other, y.c0 from w x {r.choice(['join', 'left join'])} w y on x.k = y.k and x.rn = y.rn + {r.randint(0, 2)}", False
        if shape < .93:
            call = r.choice(["max(rn)", "sum(rn)", "count(*)", "min(i * rn)"])
            return f"select o.id, (select {call} from (select i.id as i, row_number() over ({self.orders(PLAIN, 'i.id')}) as rn " \
                   f"from t i where i.i8 = o.i8 and i.id {r.choice(['<', '>='])} {r.randint(100, 5900)}) q) as c from t o where o.id % {r.choice([7, 50])} = 0", False
        limit = f" limit {r.randint(0, 300)} offset {r.randint(0, 20)}"
        return f"select id, {items} from t{where} order by {self.row_window()} {r.choice(['asc nulls last', 'desc nulls first'])}, id{limit}", True
