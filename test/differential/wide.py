# SPDX-License-Identifier: Apache-2.0
"""The single-table grammar with more functions, statistics, derived tables, WITH and UNION ALL.

Kept out because they differ by intent: corr of one row (NULL here as in PostgreSQL, NaN there), substring from a negative place,
date_diff of weeks (boundaries here), count_if without true or false; and starts_with(x, ''), which DuckDB 2.0 folds to x IS NOT NULL
for the wrong x.
"""
import single

SETTINGS = single.SETTINGS
make_data = single.make_data


class Maker(single.Maker):
    """A grammar: one method per result type; half of the choices are those of single.Maker."""

    def int(self, depth):
        if depth <= 0 or self.r.random() < .5:
            return super().int(depth)
        return self.pick(
            lambda: f"greatest({self.int(depth - 1)}, {self.int(depth - 1)}, {self.int(0)})",
            lambda: f"least({self.int(depth - 1)}, {self.int(depth - 1)})",
            lambda: f"sign({self.int(depth - 1)})", lambda: f"(i32 & {self.r.randint(0, 255)})",
            lambda: f"(i16 | {self.r.randint(0, 255)})", lambda: f"xor(i32, {self.r.randint(0, 255)})",
            lambda: f"gcd(i32, {self.r.randint(1, 60)})", lambda: f"bit_count(i64)",
            lambda: f"ascii({self.str(depth - 1)})", lambda: f"instr({self.str(depth - 1)}, 'o')",
            lambda: f"octet_length(cast('ab' as blob))",
            lambda: f"date_diff('{self.r.choice(['day', 'month', 'year', 'quarter'])}', {self.date(depth - 1)}, {self.date(depth - 1)})",
            lambda: f"extract({self.r.choice(['isodow', 'week', 'isoyear', 'decade', 'century', 'hour', 'minute'])} from ts)",
            lambda: f"cast({self.float(0)} as integer)", lambda: f"cast({self.dec(0)} as bigint)",
            lambda: f"case {self.int(depth - 1)} when {self.r.randint(-3, 3)} then {self.int(depth - 1)} when 7 then 8 end",
            lambda: "try_cast(" + self.r.choice(["s", "split_part(t, ' ', 2)", "right(t, 3)"]) + " as integer)")

    def dec(self, depth):
        if depth <= 0 or self.r.random() < .6:
            return super().dec(depth)
        return self.pick(
            lambda: f"round({self.column('dec')}, {self.r.randint(0, 3)})", lambda: f"greatest(d9, d15)",
            lambda: f"(d9 % {self.r.choice(['7', '0.25', '1000'])})", lambda: f"cast({self.int(0)} as decimal(18,3))",
            lambda: f"cast(d15 as decimal({self.r.choice(['14,1', '18,0', '20,5'])}))", lambda: f"floor(d9)", lambda: f"ceil(d15)",
            lambda: f"nullif({self.dec(depth - 1)}, 0)", lambda: f"trunc(d9)")

    def float(self, depth):
        if depth <= 0 or self.r.random() < .6:
            return super().float(depth)
        return self.pick(
            lambda: f"sqrt(abs({self.float(depth - 1)}))", lambda: f"round({self.float(depth - 1)}, {self.r.randint(0, 3)})",
            lambda: f"greatest({self.float(depth - 1)}, {self.float(depth - 1)})", lambda: f"least({self.float(depth - 1)}, g)",
            lambda: f"ceil({self.float(depth - 1)})", lambda: f"exp(g)", lambda: f"ln(abs(g) + 1)", lambda: f"power(g, 2)",
            lambda: f"atan2(f, g)", lambda: f"trunc({self.float(depth - 1)})", lambda: f"cast(f as real)",
            lambda: f"(f / {self.r.choice(['3e0', '7.5e0', '-2e0'])})", lambda: f"sin(g)", lambda: f"cbrt(f)", lambda: f"sign(f)")

    def str(self, depth):
        if depth <= 0 or self.r.random() < .5:
            return super().str(depth)
        return self.pick(
            lambda: f"lpad({self.str(depth - 1)}, {self.r.randint(0, 12)}, '*.')", lambda: f"rpad({self.str(depth - 1)}, {self.r.randint(0, 12)}, 'é')",
            lambda: f"reverse({self.str(depth - 1)})", lambda: f"repeat({self.str(depth - 1)}, {self.r.randint(0, 3)})",
            lambda: f"split_part({self.str(depth - 1)}, ' ', {self.r.randint(1, 3)})",
            lambda: f"concat({self.str(depth - 1)}, {self.str(0)}, '!')", lambda: f"concat_ws('-', {self.str(depth - 1)}, {self.str(0)})",
            lambda: f"translate({self.str(depth - 1)}, 'abx', 'xy')", lambda: f"right({self.str(depth - 1)}, {self.r.randint(0, 7)})",
            lambda: f"regexp_replace({self.str(depth - 1)}, '{self.r.choice(['[0-9]+', 'o.', '^r', 'x*$'])}', '#')",
            lambda: f"substring({self.str(depth - 1)}, {self.r.randint(1, 9)})", lambda: f"ltrim({self.str(depth - 1)}, 'ra')",
            lambda: f"rtrim({self.str(depth - 1)}, 'xe')", lambda: f"monthname({self.date(0)})", lambda: f"dayname({self.date(0)})",
            lambda: f"cast({self.dec(0)} as varchar)", lambda: f"cast({self.bool(0)} as varchar)", lambda: f"cast(ts as varchar)",
            lambda: f"greatest({self.str(depth - 1)}, {self.str(0)})", lambda: f"coalesce({self.str(depth - 1)}, 'none')",
            lambda: f"nullif({self.str(depth - 1)}, 'abc')", lambda: f"regexp_extract({self.str(depth - 1)}, '([a-z]+) ([0-9]+)', {self.r.randint(0, 2)})",
            lambda: f"strftime({self.date(0)}, '%Y-%m-%d %j')", lambda: f"left({self.str(depth - 1)}, {self.r.randint(-5, 3)})")

    def date(self, depth):
        if depth <= 0 or self.r.random() < .6:
            return super().date(depth)
        return self.pick(
            lambda: f"cast(date_trunc('{self.r.choice(['month', 'year', 'quarter', 'week', 'decade'])}', {self.date(depth - 1)}) as date)",
            lambda: f"last_day({self.date(depth - 1)})", lambda: f"greatest({self.date(depth - 1)}, date '2001-02-03')",
            lambda: f"cast({self.date(depth - 1)} - interval '{self.r.randint(1, 90)}' day as date)",
            lambda: f"make_date({self.r.randint(1990, 2020)}, {self.r.randint(1, 12)}, {self.r.randint(1, 28)})",
            lambda: f"cast(ts + interval '{self.r.randint(1, 90)}' minute as date)",
            lambda: f"case when {self.bool(depth - 1)} then {self.date(depth - 1)} end")

    def bool(self, depth):
        if depth <= 0 or self.r.random() < .6:
            return super().bool(depth)
        return self.pick(
            lambda: f"starts_with({self.str(depth - 1)}, '{self.r.choice(['a', 'row 1', 'long'])}')",
            lambda: f"contains({self.str(depth - 1)}, '{self.r.choice(['o', 'ß', ' 2'])}')",
            lambda: f"regexp_matches({self.str(depth - 1)}, '{self.r.choice(['[0-9]{3}', '^row', 'x$', 'a|b'])}')",
            lambda: f"({self.str(depth - 1)} ilike '{self.r.choice(['%A%', 'ROW 1%', '_B%'])}')",
            lambda: f"({self.int(depth - 1)} not in ({self.r.randint(-5, 5)}, {self.r.randint(0, 90)}))",
            lambda: f"({self.int(depth - 1)} in (1, null, {self.r.randint(0, 90)}))",
            lambda: f"({self.float(depth - 1)} between {self.r.randint(-50, 0)} and {self.float(depth - 1)})",
            lambda: f"({self.bool(depth - 1)} is {self.r.choice(['true', 'not true', 'false', 'not false', 'unknown'])})",
            lambda: f"({self.bool(depth - 1)} = {self.bool(depth - 1)})", lambda: f"isnan({self.float(0)})",
            lambda: f"(ts {self.r.choice(['<', '>=', '<>'])} timestamp '2005-05-05 05:05:05')",
            lambda: f"coalesce({self.bool(depth - 1)}, false)",
            lambda: f"(id % {self.r.choice([64, 1000, 2048])} {self.r.choice(['=', '<', '>'])} {self.r.randint(0, 63)})",
            lambda: f"(id between {self.r.randint(0, 5000)} and {self.r.randint(0, 6000)})")

    def aggregate(self):
        if self.r.random() < .5:
            return super().aggregate()
        filter_ = f" filter (where {self.bool(1)})" if self.r.random() < .25 else ""
        distinct = "distinct " if self.r.random() < .2 else ""
        return self.pick(
            lambda: f"stddev_samp({self.r.choice(['g', 'i32', 'i8'])}){filter_}", lambda: f"var_pop({self.r.choice(['g', 'i32', 'i8'])}){filter_}",
            lambda: f"median({distinct}{self.r.choice(['g', 'i32', 'i16'])}){filter_}", lambda: f"quantile_cont(g, 0.{self.r.randint(1, 9)}){filter_}",
            lambda: f"quantile_disc({self.r.choice(['i32', 's', 'd', 'd9'])}, 0.{self.r.randint(1, 9)}){filter_}",
            lambda: f"bit_and(i32){filter_}", lambda: f"bit_or(i16){filter_}", lambda: f"bit_xor({self.r.choice(['i32', 'i64'])}){filter_}",
            lambda: f"arg_min({self.any(0)}, id){filter_}", lambda: f"arg_max({self.r.choice(['s', 't', 'd30', 'i32'])}, id){filter_}",
            lambda: f"string_agg({self.r.choice(['s', 'left(t, 6)'])}, ',' order by id {self.r.choice(['', 'desc'])}){filter_}",
            lambda: f"first({self.r.choice(['s', 'i32', 'd9'])} order by id){filter_}", lambda: f"last(t order by id){filter_}",
            lambda: f"count({distinct}{self.any(2)}){filter_}", lambda: f"sum({distinct}{self.dec(1)}){filter_}",
            lambda: f"avg({distinct}{self.int(0)}){filter_}", lambda: f"min({self.any(2)}){filter_}", lambda: f"max({self.any(2)}){filter_}",
            lambda: f"covar_pop(g, i8){filter_}",
            lambda: f"array_agg({self.r.choice(['i8', 's'])} order by id desc){filter_}")

    def source(self, unique=True):
        kind = self.r.random()
        if kind < .35:
            return "t"
        if kind < .55:
            return f"(select * from t where {self.bool(2)}) t"
        if kind < .7:
            return f"(select * from t order by {self.r.choice(['id', 'id desc', 's nulls last, id', 'f desc nulls first, id'])} limit {self.r.randint(0, 4000)} offset {self.r.randint(0, 50)}) t"
        if kind < .8:
            return f"(select * exclude (i32, s), {self.int(2)} as i32, {self.str(2)} as s from t) t"
        if kind < .9 or unique:
            return f"(select distinct * from t where {self.bool(1)}) t"
        return f"(select * from t where {self.bool(1)} union all select * from t where {self.bool(1)}) t"

    def query(self):
        r = self.r
        shape = r.random()
        where = f" where {self.bool(r.randint(0, 3))}" if r.random() < .6 else ""
        if shape < .3:
            items = ", ".join(f"{self.any(r.randint(1, 4))} as c{k}" for k in range(r.randint(1, 4)))
            return f"select id, {items} from {self.source(False)}{where}", False
        if shape < .45:
            items = ", ".join(f"{self.aggregate()} as c{k}" for k in range(r.randint(1, 5)))
            return f"select {items} from {self.source()}{where}", False
        if shape < .75:
            keys = [self.group_key() if r.random() < .7 else self.any(1) for _ in range(r.randint(1, 3))]
            items = ", ".join(f"{self.aggregate()} as c{k}" for k in range(r.randint(1, 4)))
            listed = ", ".join(f"{key} as k{k}" for k, key in enumerate(keys))
            having = f" having {r.choice(['count(*) > 2', 'min(id) < 900', 'max(i32) is not null'])}" if r.random() < .3 else ""
            return f"select {listed}, {items} from {self.source()}{where} group by all{having}", False
        if shape < .85:
            inner = f"select {self.group_key()} as k, {self.group_key()} as j, {self.aggregate()} as c, count(*) as n from t{where} group by 1, 2"
            return f"with q as ({inner}) select k, count(*) as m, sum(n) as n, min(c) as a, max(j) as b from q group by k", False
        order = ", ".join(f"{self.any(1)} {r.choice(['asc nulls last', 'desc nulls first', 'asc nulls first'])}" for _ in range(r.randint(1, 3)))
        limit = f" limit {r.randint(0, 300)} offset {r.randint(0, 20)}" if r.random() < .8 else ""
        return f"select id, s, d9, {self.any(1)} as c from {self.source()}{where} order by {order}, id{limit}", True
