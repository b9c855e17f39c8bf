from t select a, b where a > 1 group by all order by all desc nulls last limit 10;
select distinct a from t group by rollup (a, (b, c)), cube (d), grouping sets ((a, b), (), a, rollup (x)), ();
select all a from t group by distinct a, b having count(*) > 1 window w as (partition by a order by b), w2 as (w rows between 1 preceding and unbounded following exclude ties) qualify row_number() over w2 = 1;
select sum(x) over (order by y range between interval '1 day' preceding and current row), first_value(x ignore nulls) over w, lag(x, 1) respect nulls over (partition by a groups current row), count(*) filter (where a) over (w) from t window w as ();
select string_agg(distinct x, ',' order by y desc nulls first), percentile_cont(0.5) within group (order by x), array_agg(x order by all) from t
