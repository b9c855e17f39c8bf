-- Strings as group keys, CASE, FILTER and EXTRACT
select
    l_shipmode,
    extract(year from l_shipdate) as year,
    count(*) filter (where l_receiptdate > l_commitdate) as late,
    sum(case when l_returnflag = 'R' then 1 else 0 end) as returned,
    count(distinct l_suppkey) as suppliers
from 'test/data/tpch/lineitem.parquet'
where l_shipmode in ('AIR', 'SHIP', 'TRUCK') and l_shipdate >= date '1997-01-01'
group by l_shipmode, year
order by l_shipmode, year;
