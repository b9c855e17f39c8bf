-- LIKE over free text
select count(*) as orders, min(o_orderdate) as first, max(o_orderdate) as last
from 'test/data/tpch/orders.parquet'
where o_comment like '%special%requests%';
