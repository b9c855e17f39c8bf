-- nearly as many groups as rows
select count(*), sum(c) from (select l_orderkey, l_partkey, l_suppkey, count(*) as c from lineitem group by l_orderkey, l_partkey, l_suppkey) t
