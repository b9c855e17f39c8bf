-- two joins that keep what no index helps with
select count(*), sum(l_quantity) from lineitem join orders on l_orderkey = o_orderkey join partsupp on l_partkey = ps_partkey and l_suppkey = ps_suppkey where length(o_comment) + length(ps_comment) > 0
