SELECT * FORM t
SELECT a FORM t
SELEC a FROM t
SELECT a FROM t WERE a = 1
SELECT a FROM t GRUOP BY a
SELECT a FROM t ORDER a
SELECT a FROM t GROUP BY a HAVNG x
select 'abc
select "abc
select $$abc
select /* abc
select ""
select 123abc
select 0x
select $
select ?, $1
select \
select (1
select 1)
select [1