"""All SQL of the roll-up. Rows are locked in the order of their key, by everybody."""

# ruff: noqa: S608 - statements are put together from constants of this package
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

from crewline_infra.db import Tx
from crewline_reporting.intervals.columns import (
    BUCKET,
    FROM_RECORDS,
    KEY,
    NO_QUEUE,
    RECORD_KEY,
    tally_of_records,
    tally_of_rollup,
)
from crewline_reporting.intervals.rollup import COUNTERS, BucketKey, Counters
from crewline_reporting.metrics.rules import FIELDS, Tally, Thresholds

_KEY_ARRAYS = "$2::uuid[], $3::text[], $4::boolean[], $5::timestamptz[]"
_COLUMNS = ", ".join(COUNTERS)
_ADDED = ", ".join(
    f"{name} = greatest(queue_interval.{name}, excluded.{name})"
    if name == "longest_wait_ms"
    else f"{name} = queue_interval.{name} + excluded.{name}"
    for name in COUNTERS
)
_ADD = f"""
insert into queue_interval (tenant_id, {KEY}, {_COLUMNS})
select $1, u.* from unnest({_KEY_ARRAYS},
  {", ".join(f"${6 + position}::bigint[]" for position in range(len(COUNTERS)))}) as u
on conflict (tenant_id, {KEY}) do update set {_ADDED}
"""
_ADD_STAGED = f"""
insert into queue_interval (tenant_id, {KEY}, {_COLUMNS})
select $1, {RECORD_KEY}, {FROM_RECORDS} from record_bulk r group by {RECORD_KEY} order by {RECORD_KEY}
on conflict (tenant_id, {KEY}) do update set {_ADDED}
"""
_LOCK = f"""
insert into queue_interval (tenant_id, {KEY}) select $1, u.* from unnest({_KEY_ARRAYS}) as u
on conflict (tenant_id, {KEY}) do update set offered = queue_interval.offered
"""
_CLEAR = f"""
delete from queue_interval q using unnest({_KEY_ARRAYS}) as u ({KEY})
 where q.tenant_id = $1 and q.queue_id = u.queue_id and q.channel = u.channel
   and q.in_hours = u.in_hours and q.starts_at = u.starts_at
"""
_REFILL = f"""
insert into queue_interval (tenant_id, {KEY}, {_COLUMNS})
select $1, {RECORD_KEY}, {FROM_RECORDS}
  from unnest({_KEY_ARRAYS}) as u ({KEY})
  join record r on r.tenant_id = $1 and r.current
   and r.counted_at >= u.starts_at and r.counted_at < u.starts_at + interval '15 minutes'
   and coalesce(r.queue_id, {NO_QUEUE}) = u.queue_id
   and r.channel = u.channel and r.in_hours = u.in_hours
 where r.tenant_id = $1
 group by {RECORD_KEY}
"""
_KEYS_BETWEEN = f"""
select {KEY} from queue_interval where tenant_id = $1 and starts_at >= $2 and starts_at < $3
 union
select {RECORD_KEY} from record r
 where r.tenant_id = $1 and r.current and r.counted_at >= $2 and r.counted_at < $3
"""
_DIFFERENCES = f"""
with facts as (
  select {RECORD_KEY.replace(BUCKET, f"{BUCKET} as starts_at")}, {FROM_RECORDS} from record r
   where r.tenant_id = $1 and r.current and r.counted_at >= $2 and r.counted_at < $3
   group by {RECORD_KEY}
), stored as (
  select {KEY}, {_COLUMNS} from queue_interval
   where tenant_id = $1 and starts_at >= $2 and starts_at < $3
), different as (
  (table facts except table stored) union (table stored except table facts)
)
select distinct starts_at from different order by starts_at
"""
_EXTENT = """
select least((select min(starts_at) from queue_interval where tenant_id = $1),
             (select min(counted_at) from record where tenant_id = $1)) as first_at,
       greatest((select max(starts_at) from queue_interval where tenant_id = $1),
                (select max(counted_at) from record where tenant_id = $1)) as last_at
"""
_MONTHS = """
with recursive found as (
  (select starts_at from queue_interval where tenant_id = $1 order by starts_at desc limit 1)
  union all
  select (select q.starts_at from queue_interval q
           where q.tenant_id = $1 and q.starts_at < date_trunc('month', f.starts_at at time zone $2) at time zone $2
           order by q.starts_at desc limit 1)
    from found f where f.starts_at is not null
)
select date_trunc('month', starts_at at time zone $2)::date as month from found where starts_at is not null limit $3
"""
"""One look at the index for each month, however many rows a month has."""


def _arrays(keys: Sequence[BucketKey]) -> list[list[Any]]:
    return [list(column) for column in zip(*keys, strict=True)]


async def add(tx: Tx, tenant_id: UUID, buckets: Mapping[BucketKey, Counters]) -> None:
    keys = sorted(buckets)
    columns = zip(*(buckets[key] for key in keys), strict=True)
    await tx.run(_ADD, tenant_id, *_arrays(keys), *(list(column) for column in columns))


async def add_staged(tx: Tx, tenant_id: UUID) -> None:
    """What `records.bulk` left in its staging table: new records of this transaction, already stored."""
    await tx.run(_ADD_STAGED, tenant_id)


async def recompute(tx: Tx, tenant_id: UUID, keys: Sequence[BucketKey]) -> None:
    """Make the rows of these keys say exactly what the records say.

    The rows are locked first, created where they are missing: whoever is adding to them has then
    either committed, and is counted, or waits for us and adds afterwards.
    """
    arrays = _arrays(sorted(keys))
    await tx.run(_LOCK, tenant_id, *arrays)
    await tx.run(_CLEAR, tenant_id, *arrays)
    await tx.run(_REFILL, tenant_id, *arrays)


async def keys_between(tx: Tx, tenant_id: UUID, from_at: datetime, to_at: datetime) -> list[BucketKey]:
    rows = await tx.rows(_KEYS_BETWEEN, tenant_id, from_at, to_at)
    return [BucketKey(*tuple(row)) for row in rows]


async def extent(tx: Tx, tenant_id: UUID) -> tuple[datetime, datetime] | None:
    """From the first to the last instant that a record or a row of the roll-up has; None: neither."""
    row = await tx.row(_EXTENT, tenant_id)
    return None if row is None or row.first_at is None else (row.first_at, row.last_at)


async def months(tx: Tx, tenant_id: UUID, zone: str, limit: int) -> list[date]:
    """The first days of the local months that have a row of the roll-up, the latest first."""
    return [row.month for row in await tx.rows(_MONTHS, tenant_id, zone, limit)]


async def differences(tx: Tx, tenant_id: UUID, from_at: datetime, to_at: datetime) -> list[datetime]:
    """Buckets in which roll-up and records do not say the same; bounds lie on bucket edges."""
    return [row[0] for row in await tx.rows(_DIFFERENCES, tenant_id, from_at, to_at)]


@dataclass(frozen=True, slots=True)
class Cells:
    """What to count, and into which cells.

    `bins_by` is the one length of all cells, or the starts of all cells where they differ. `fields` are those of
    `Tally` to fetch; the others stay 0.
    """

    from_at: datetime
    to_at: datetime
    bins_by: timedelta | Sequence[datetime]
    queue_id: UUID | None
    channel: str | None
    fields: frozenset[str]


# Seconds as floats are exact to the microsecond for some centuries, and far quicker than intervals.
_EVEN_BINS = "floor((date_part('epoch', {at}) - ($4::float8[])[1]) / ($4::float8[])[2])::integer"
_EDGED_BINS = "width_bucket({at}, $4::timestamptz[]) - 1"


async def tallies_of_rollup(tx: Tx, tenant_id: UUID, cells: Cells, thresholds: Thresholds) -> list[tuple[int, Tally]]:
    return await _tallies(tx, tenant_id, cells, _ROLLUP, tally_of_rollup(thresholds))


async def tallies_of_records(tx: Tx, tenant_id: UUID, cells: Cells, thresholds: Thresholds) -> list[tuple[int, Tally]]:
    return await _tallies(tx, tenant_id, cells, _RECORDS, tally_of_records(thresholds))


_ROLLUP = ("queue_interval", "starts_at", "")
_RECORDS = ("record r", "counted_at", "and current")


async def _tallies(
    tx: Tx, tenant_id: UUID, cells: Cells, source: tuple[str, str, str], values: dict[str, str]
) -> list[tuple[int, Tally]]:
    """Positions of cells that have contacts, with their tallies. `source`: table, time column, further condition."""
    table, at, only = source
    wanted = [name for name in FIELDS if name in cells.fields]
    bins, bins_by = _bins(cells)
    sql = f"""
select {", ".join([bins.format(at=at), *(values[name] for name in wanted), "0"])} from {table}
 where tenant_id = $1 and {at} >= $2 and {at} < $3 {only}
   and ($5::uuid is null or queue_id = $5) and ($6::text is null or channel = $6)
 group by 1 order by 1
"""
    connection = await tx.driver()  # a year of half-hours is a long answer: no wrapper round each row
    rows = await connection.fetch(sql, tenant_id, cells.from_at, cells.to_at, bins_by, cells.queue_id, cells.channel)
    column = {name: position for position, name in enumerate(wanted, 1)}
    fields = itemgetter(*(column.get(name, len(wanted) + 1) for name in FIELDS))
    return [(row[0], Tally(*fields(row))) for row in rows]


def _bins(cells: Cells) -> tuple[str, list[Any]]:
    """The expression of the cell's position, and its parameter."""
    if isinstance(cells.bins_by, timedelta):
        return _EVEN_BINS, [cells.from_at.timestamp(), cells.bins_by.total_seconds()]
    return _EDGED_BINS, list(cells.bins_by)
