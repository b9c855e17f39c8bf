-- TPC-H Q5: six tables joined; what the small ones hold prunes the large one while it is read
select n_name, sum(l_extendedprice * (1 - l_discount)) as revenue
from 'test/data/tpch/customer.parquet'
    join 'test/data/tpch/orders.parquet' on c_custkey = o_custkey
    join 'test/data/tpch/lineitem.parquet' on l_orderkey = o_orderkey
    join 'test/data/tpch/supplier.parquet' on l_suppkey = s_suppkey and c_nationkey = s_nationkey
    join 'test/data/tpch/nation.parquet' on s_nationkey = n_nationkey
    join 'test/data/tpch/region.parquet' on n_regionkey = r_regionkey
where r_name = 'ASIA' and o_orderdate >= date '1994-01-01' and o_orderdate < date '1995-01-01'
group by n_name
order by revenue desc;
