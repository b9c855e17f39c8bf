-- Many groups: 15,000 orders, of which the ones with more than 300 pieces
select l_orderkey, sum(l_quantity) as pieces, count(*) as lines
from 'test/data/tpch/lineitem.parquet'
group by l_orderkey
having sum(l_quantity) > 300
order by pieces desc, l_orderkey;
