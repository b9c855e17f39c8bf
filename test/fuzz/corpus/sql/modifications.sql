insert into t values (1, default), (2, 3);
insert or replace into s.t as x (a, b) by name select 1 as a returning *, a + 1 as c;
insert into t default values;
insert into t (select 1) on conflict (a, b) where a > 1 do update set a = excluded.a, b = default where t.a < 3 returning a;
insert or ignore into t select 1;
insert into t (a) select 1 on conflict do nothing;
update t set a = 1, (b, c) = (1, default), d = (select 1) from u where t.a = u.a returning t.a;
update t x set a.b = 3;
delete from t;
delete from t as x using a, b join c on a.x = c.x where x.a = 1 returning *;
truncate table a, b cascade;
merge into t as x using (select 1 as a) s on x.a = s.a when matched and s.a > 1 then update set a = 1 when matched then delete when not matched then insert (a,b) values (1, default) when not matched by source then do nothing when not matched by target then insert * returning *;
merge into t using s using (a, b) when matched then update by name when not matched then insert default values;
copy t to 'x.parquet';
copy (select 1) to 'x.csv' with (format csv, header, delimiter ',', partition_by (a, b), compression 'zstd', x 3);
copy s.t (a, b) from stdin csv header delimiter as ';' null 'x';
copy t to stdout (format json);
copy t to $1 stored as parquet partitioned by (a,b) options (x 1);
copy t from 'f' (format parquet) where a > 1
