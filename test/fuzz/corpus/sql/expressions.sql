select 1;
select from t;
select distinct on (a, b) a, b from t order by a;
select a x, b as "Y", c as 'z', d: 1 + 2, e as select, f, from t;
select ((select 1) + 1), (((select 1))), exists ((select 1)), x in ((select 1)), x in ((select 1), 2);
select - - 1, -(-1), +-1, ~ -1, - x ^ 2, 2 ^ -1, a ** b, a // b, a || b || c, a -> 'x' ->> 'y', @ -5, |/ 4, a <-> b;
select a[1], a[1:2], a[:], a[1:], a[:2], a[1:2:3], a[:-:2], a[-1], (a).b.c, f(x).y, a[1].b, {'k': 1, v: [1,2], "q": 3}, map {}, map {'a': 1, 'b': 2}, [], array[1,2], array(select 1), row(), row(1), (1,2), 'a'.upper().lower(), (x).f(1, 2), [1,2].list_sum(), [x + 1 for x in l if x > 2], [x for x, i in l];
select list_transform(l, lambda x: x + 1), list_reduce(l, (a, b) -> a + b), f(j -> 'x'), f(j -> j.x), list_filter(l, x -> y -> x + y), f((j -> j)), list_transform(l, lambda x, i: lambda), f(x -> 1, y => 2);
select x between 1 and 2 and y, x not between symmetric a + 1 and b, x like 'a' escape 'b', x not ilike y || 'z', x similar to 'y', x glob 'z', x ~ 'a', x !~* 'b', x ~~ 'c', x is not distinct from y, x is true, x is not unknown, x isnull, x notnull, x is null = y is null, x in y, x not in [1,2], x = any (select 1), x <> all ([1,2]), x like any ('a', 'b'), x like any (['a']), x || any (y), x not like all (select 1), x = some (array[1]);
select #1, ?, ?, $name;
select /* x /* y */ z */ 1 -- comment
;;; select 1;; -- x
