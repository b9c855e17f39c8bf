select * from a join b on a.x = b.x left join c using (x, y) as j natural join d cross join e full outer join f on true right join g on false semi join h using (x) anti join i using (x) asof join j on a.t >= j.t positional join k;
select * from a join b join c on b.x = c.x on a.x = b.x;
select * from (a join b on true) as j, lateral (select 1) l, lateral unnest(a.x) with ordinality as u(v, o);
select * from a left semi join b on a.x = b.x left anti join c on a.x = c.x asof left join d using (x);
select * from (a join b using (x)) join c using (x);
select * from rows from (f(1), g(2)) as t(a int, b text);
select * from 'x.parquet' as x, "quoted" q, read_parquet(['a','b'], hive => true, x = 3, y := 4), glob('*.csv'), x: tbl, (values (1)) v(a);
select * from t tablesample bernoulli (10) repeatable (1);
select * from t tablesample 10% using sample 5 rows;
select * from t tablesample reservoir(20 rows) using sample 10 percent (bernoulli, 3);
select * from ((select 1) a join (select 2) b on true);
select extract(year from d), extract('epoch' from d), substring(a from 1 for 2), substring(a for 2), substring(a, 1, 2), substring(a from 'x'), trim(a), trim(both 'x' from a), trim(leading from a), trim(trailing 'x' from a), trim(a, 'b'), position('a' in b), overlay(a placing b from 1 for 2), overlay(a,b,c), current_date, current_timestamp(3), current_date(), localtime, user, coalesce(a,b), nullif(a,b), greatest(1,2), left(a, 1), right(a, 2), a at time zone 'UTC', a at local, a collate "C" || b, (a,b) overlaps (c,d), grouping(a,b), s.f(x), c.s.f(variadic x), if(a,b,c), replace(a,b,c)
