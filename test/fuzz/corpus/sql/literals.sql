select date '1998-12-01', timestamp '2020-01-01', timestamp with time zone 'x', timestamp(3) with time zone 'y', time(2) 'z', double precision '1', interval '90' day, interval 3 month, interval '1 year 2 months', interval (x + 1) hours, interval $1 second, interval -3 day, interval '1-2' year to month, interval '1' second(3), interval(3) '1.5', interval x day, json '{}', interval;
select 'it''s', e'a\nb\x41\u00e9\101\\', U&'d\0061t\+000061', u&'d!0061' uescape '!', $$a'b$$, $x$ $$ $x$, x'0aFF', b'01', n'x', 'a' ;
select 1_000, 1e5, 0x1F, 0o17, 0b101, .5, 5., 1.5e-3, 0xFFFFFFFFFFFFFFFFFFFF, 1_0.5_0;
select "select", "a""b", u&"d\0061ta", é, a.b.c.d, _x$1;
select a is null is null, not a is null, a = not b, -a[1], -a::int, - (a::int), a + b::int, (a + b)::int, (-a)[1], (a || b)[1:2], (a = b).c
