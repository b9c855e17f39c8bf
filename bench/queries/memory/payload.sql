-- the joins again, with strings that have to travel: both comments are wanted behind them
select count(*), sum(l_quantity), max(o_comment), max(ps_comment) from lineitem join orders on l_orderkey = o_orderkey join partsupp on l_partkey = ps_partkey and l_suppkey = ps_suppkey
