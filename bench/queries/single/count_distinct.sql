-- two exact distinct counts: 200,000 and 10,000 values per scale
select count(distinct l_partkey) as parts, count(distinct l_suppkey) as suppliers
from lineitem
