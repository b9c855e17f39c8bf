-- a pattern of two words over the longest text column
select count(*) as n_lines, min(l_shipdate) as first_shipped
from lineitem
where l_comment like '%regular%packages%'
