prepare p as select ? + ?;
prepare p (int, varchar) as insert into t values ($1, $name);
execute p;
execute p (1, 'x', a := 3);
deallocate p; deallocate prepare p; deallocate all;
set x = 1; set session a.b to 'x', y; set local threads = on; set global m = '1GB'; set time zone 'UTC'; set x to default; set variable v = [1,2]; set x = true; set variable y = (select 1);
reset x; reset all; reset session y;
show x; show all; show tables; show all tables; show tables from s like 'x%'; show columns from t; show functions ilike '%a'; show create table t; show time zone; show databases; show schemas; show settings; show views;
explain select 1; explain analyze select 1; explain (analyze, format json) select 1; explain (format 'tree', costs off) insert into t values (1); explain analyze verbose from t; explain (select 1); explain format graphviz select 1; explain (analyze false) select 1;
describe t; describe select 1; desc 'x.parquet'; summarize t; summarize (select 1); describe table t; describe read_csv('x'); summarize from t where a;
use a.b; attach 'x.db' as y (type sqlite, read_only); attach database if not exists 'x'; detach y; detach database if exists y; analyze; analyze t (a,b), u; analyze verbose t; load 'x.so'; load httpfs
