with recursive r(n) as (select 1 union all select n+1 from r where n < 10) select * from r;
(select 1) union all (select 2 order by 1 limit 1) union all select 3 except select 4 intersect all select 5 union by name select 6 order by 1 limit 5;
(select 1 limit 5) order by 1;
(select 1 order by 1) limit 3;
((select 1));
((select 1) union select 2) limit 1;
select * from ((select 1) union (select 2)) x;
select cast(a as int), try_cast(a as double precision), a::timestamp(3) with time zone::text, a::timestamptz, a::character varying(3)[], a::interval year to month, a::struct(x int)[3], a::union(x int, y text), a::enum('a','b'), a::map(int, text), a::"My Type", a::s.t, a::bit varying(3), a::row(x int), a::int array[4], a::national character(3)
