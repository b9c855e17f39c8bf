select * from t pivot (sum(x) as s, count(*) for y in (1, 2 as two) z in ('a') group by g) as p;
select * from t unpivot include nulls (v for n in (a, b as bb)) u;
select * from t unpivot ((v1, v2) for n in ((a, b) as x, (c, d)));
pivot t on y, z in (1,2) using sum(x) as s group by g order by 1 limit 3;
unpivot t on a, b as c, columns(*) into name n value v;
from (pivot t on y using sum(x)) p;
pivot t on (a, b) using count(*) 
