-- a sort in partitions
select sum(r) from (select rank() over (partition by l_suppkey order by l_extendedprice desc, l_orderkey, l_linenumber) as r from lineitem) t
