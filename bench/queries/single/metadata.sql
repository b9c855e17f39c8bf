-- answered by the files' metadata alone
select count(*) as n_orders, min(o_orderdate) as first_day, max(o_orderdate) as last_day,
    min(o_orderkey) as first_key, max(o_orderkey) as last_key
from orders
