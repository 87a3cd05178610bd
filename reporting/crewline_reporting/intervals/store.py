"""All SQL of the roll-up. Rows are locked in the order of their key, by everybody."""

# ruff: noqa: S608 - statements are put together from constants of this package
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from crewline_reporting.metrics.rules import Tally, Thresholds

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


async def differences(tx: Tx, tenant_id: UUID, from_at: datetime, to_at: datetime) -> list[datetime]:
    """Buckets in which roll-up and records do not say the same; bounds lie on bucket edges."""
    return [row[0] for row in await tx.rows(_DIFFERENCES, tenant_id, from_at, to_at)]


@dataclass(frozen=True, slots=True)
class Cells:
    """What to count, and into which cells: `bins` is SQL over the time column `{at}`."""

    from_at: datetime
    to_at: datetime
    bins: str
    bins_by: timedelta | Sequence[datetime]
    queue_id: UUID | None
    channel: str | None


def _filtered(table: str, time_column: str, cells: Cells, values: str, first: str = "") -> str:
    """Parameters: 1 tenant, 2 and 3 bounds, 4 the bins, 5 queue, 6 channel, then those of `values`."""
    return f"""
select {cells.bins.format(at=time_column)} as bin, {values} from {table}
 where tenant_id = $1 and {time_column} >= $2 and {time_column} < $3{first}
   and ($5::uuid is null or queue_id = $5) and ($6::text is null or channel = $6)
 group by 1 order by 1
"""


EVEN_BINS = "date_bin($4::interval, {at}, $2)"
EDGED_BINS = "width_bucket({at}, $4::timestamptz[]) - 1"


async def tallies_of_rollup(tx: Tx, tenant_id: UUID, cells: Cells, thresholds: Thresholds) -> list[tuple[Any, Tally]]:
    values = tally_of_rollup(thresholds)
    sql = _filtered("queue_interval", "starts_at", cells, values)
    rows = await tx.rows(sql, tenant_id, *_parameters(cells))
    return [(row[0], Tally(*row[1:])) for row in rows]


async def tallies_of_records(tx: Tx, tenant_id: UUID, cells: Cells, thresholds: Thresholds) -> list[tuple[Any, Tally]]:
    values = tally_of_records("$7::bigint", "$8::bigint")
    sql = _filtered("record r", "counted_at", cells, values, " and current")
    limits = (thresholds.threshold_ms, thresholds.short_ms)
    rows = await tx.rows(sql, tenant_id, *_parameters(cells), *limits)
    return [(row[0], Tally(*row[1:])) for row in rows]


def _parameters(cells: Cells) -> tuple[Any, ...]:
    return cells.from_at, cells.to_at, cells.bins_by, cells.queue_id, cells.channel
