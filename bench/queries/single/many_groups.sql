-- a group per order: a quarter as many groups as rows, in clustered order
select l_orderkey, sum(l_quantity) as pieces, max(l_extendedprice) as dearest, count(*) as n_lines
from lineitem
group by l_orderkey
