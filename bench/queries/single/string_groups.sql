-- two string keys, 5,000 groups per scale
select o_clerk, o_orderpriority, count(*) as n_orders, sum(o_totalprice) as total
from orders
group by o_clerk, o_orderpriority
