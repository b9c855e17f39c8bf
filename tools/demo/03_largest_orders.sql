-- Top-N over whole rows: the other columns are read for the five winners only
select *
from 'test/data/tpch/orders.parquet'
order by o_totalprice desc
limit 5;
