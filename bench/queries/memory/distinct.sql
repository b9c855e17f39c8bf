-- distinct long strings
select count(*) from (select distinct l_comment from lineitem) t
