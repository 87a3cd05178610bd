"""The example contracts as hand-written SQL: a second calculation that shares nothing with rating."""

from collections.abc import Iterable
from decimal import Decimal

import duckdb

# Whole numbers and decimals only. `c` has one row per contact: handled, offered, talk, hold, wrap in ms.
COLUMNS = ("handled", "offered", "talk_ms", "hold_ms", "wrap_ms")
ORACLES = {
    "ps": """
with billed as (
  select (m + 5999) // 6000 * 6 as s
  from (select talk + hold + least(wrap, 60000) as m from c) where m >= 6000),
total as (select coalesce(sum(s), 0)::bigint as s from billed),
cents as (select least(s, 1200000) * 115 + greatest(least(s, 3000000) - 1200000, 0) * 102
                 + greatest(s - 3000000, 0) * 94 as sixtieths from total)
select 18500 + ((sixtieths + 30) // 60)::decimal(18,2) * 0.01 from cents""",
    "pe": "select greatest(5.80 * coalesce(sum(handled), 0), 700) from c",
    "ne": """
select 6200 + n * case when n <= 1500 then 6.40 when n <= 2600 then 5.75 else 5.20 end
from (select coalesce(sum(handled), 0)::decimal(18,0) as n from c)""",
    "nw": """
with a as (select ((coalesce(sum(handled), 0)::bigint + 99) // 100)::decimal(18,2) * 465 as packages from c),
over as (select coalesce(sum((talk + hold - 300000 + 29999) // 30000), 0)::decimal(18,0) as halves
         from c where talk + hold > 300000),
b as (select least(halves * 0.40, 2500) as long_calls from over)
select packages + long_calls + round((packages + long_calls) * 0.045, 2) from a, b""",
    "in": """
with m as (select coalesce(sum((talk + hold + wrap + 15000) // 30000), 0)::decimal(18,0) as halves from c)
select greatest(1400 + greatest(halves - 2000, 0) * 0.65, 1800) from m""",
    "tt": """
with t as (select ((coalesce(sum(talk), 0)::bigint + 999) // 1000)::decimal(18,0) as s,
                  coalesce(sum(offered), 0)::decimal(18,0) as n from c),
l as (select least(s * 0.0175, 2500) as minutes,
             case when n = 0 then 0 else 150 + least(n, 500) * 0.40 + greatest(n - 500, 0) * 0.25 end as attempts
      from t)
select round(minutes + attempts, 2) from l""",
}


def by_sql(tenant: str, rows: Iterable[tuple[int, ...]]) -> Decimal:
    """The net of a month in another engine; rows have `COLUMNS`."""
    connection = duckdb.connect()
    connection.execute("create table c (handled int, offered int, talk bigint, hold bigint, wrap bigint)")
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in COLUMNS]
    values = ", ".join(f"unnest(${n}::bigint[])" for n in range(1, len(COLUMNS) + 1))
    connection.execute(f"insert into c select {values}", columns)
    found = connection.execute(ORACLES[tenant]).fetchone()
    assert found is not None
    return Decimal(str(found[0]))
