values (1,'a'),(2,'b');
from t;
table t;
with a as (select 1), b(x,y) as not materialized (select 1,2), c as materialized (values (1)) select * from a, b, c;
with x as (select 1) insert into t select * from x;
select * exclude (a, t.b) replace (a+1 as a, 'x' as b) rename (c as d), t.* exclude a, * like 'x%', * not similar to 'y', columns('x.*') + 1, columns(* exclude (a)), columns(c -> c like 'x'), coalesce(*columns(*)), * except (a) from t;
select 1 limit 10% ; select 1 limit 10 percent offset 3 rows; select 1 limit all; select 1 offset 1 limit 2; select 1 fetch first 5 rows only; select 1 fetch next row with ties; select 1 fetch first 10 percent rows with ties; select 1 limit 10 % 3; select 1 limit (select 3); select 1 limit 5 with ties
