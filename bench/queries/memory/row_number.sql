-- a sort of everything by strings
select sum(rn % 7) from (select row_number() over (order by l_comment, l_orderkey, l_linenumber) as rn from lineitem) t
