"""Use cases of the roll-up: keep it, check it, rebuild it, and count intervals of local time by it."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from crewline_infra.db import Tx
from crewline_infra.periods import Period
from crewline_reporting.intervals import store
from crewline_reporting.intervals.rollup import answerable, bucket_key, roll_up
from crewline_reporting.intervals.rules import (
    BUCKET,
    Interval,
    IntervalKind,
    bucket_of,
    cut,
    even_step,
    on_bucket_edges,
)
from crewline_reporting.metrics.formulas import Metric, shown
from crewline_reporting.metrics.rules import FIELDS, Tally, Thresholds
from crewline_reporting.records.rules import Record

_STRETCH = timedelta(days=1)


async def add_records(tx: Tx, tenant_id: UUID, records: Sequence[Record]) -> None:
    """Count records that were stored for the first time, in their own transaction."""
    if records:
        await store.add(tx, tenant_id, roll_up(records))


async def add_staged(tx: Tx, tenant_id: UUID) -> None:
    """Count the records that the bulk path stored for the first time in this transaction (its staging table)."""
    await store.add_staged(tx, tenant_id)


async def recompute_for(tx: Tx, tenant_id: UUID, records: Iterable[Record]) -> None:
    """After a correction: recompute the buckets of its old and its new version from the records."""
    keys = {bucket_key(record) for record in records}
    if keys:
        await store.recompute(tx, tenant_id, sorted(keys))


async def rebuild(tx: Tx, tenant_id: UUID, from_at: datetime | None = None, to_at: datetime | None = None) -> int:
    """Recompute every bucket between two instants (default: all) and return how many there were."""
    recomputed = 0
    async for starts_at, ends_at in _stretches(tx, tenant_id, from_at, to_at):
        keys = await store.keys_between(tx, tenant_id, starts_at, ends_at)
        if keys:
            await store.recompute(tx, tenant_id, keys)
        recomputed += len(keys)
    return recomputed


async def differences(
    tx: Tx, tenant_id: UUID, from_at: datetime | None = None, to_at: datetime | None = None
) -> list[datetime]:
    """The buckets whose counters are not what the records say; an empty list is the normal state."""
    found: list[datetime] = []
    async for starts_at, ends_at in _stretches(tx, tenant_id, from_at, to_at):
        found += await store.differences(tx, tenant_id, starts_at, ends_at)
    return found


async def _stretches(
    tx: Tx, tenant_id: UUID, from_at: datetime | None, to_at: datetime | None
) -> AsyncIterator[tuple[datetime, datetime]]:
    """The span on bucket edges, a day at a time, so that no step holds many rows."""
    extent = await store.extent(tx, tenant_id)
    if extent is None:
        return
    at = bucket_of(from_at or extent[0])
    end = bucket_of((to_at or extent[1] + BUCKET) + BUCKET - timedelta(microseconds=1))
    while at < end:
        yield at, min(at + _STRETCH, end)
        at += _STRETCH


async def extent(tx: Tx, tenant_id: UUID) -> tuple[datetime, datetime] | None:
    """The first and the last instant at which a contact counts; None for a tenant without any."""
    return await store.extent(tx, tenant_id)


class IntervalTally(msgspec.Struct, frozen=True, gc=False):
    """One local interval and what was counted in it."""

    interval: Interval
    tally: Tally

    def value(self, metric: Metric) -> Decimal | int | None:
        """The shown value of a metric; None is N/A."""
        return shown(metric, self.tally)


async def months(tx: Tx, tenant_id: UUID, zone: str, limit: int) -> list[date]:
    """The first days of the local months that hold contacts, the latest first."""
    return await store.months(tx, tenant_id, zone, limit)


@dataclass(frozen=True, slots=True)
class Counted:
    """Intervals that had contacts, in order; `source` says what they were counted from."""

    rows: list[IntervalTally]
    source: str


async def count_intervals(
    tx: Tx,
    tenant_id: UUID,
    period: Period,
    kind: IntervalKind,
    thresholds: Thresholds,
    *,
    queue_id: UUID | None = None,
    channel: str | None = None,
    fields: frozenset[str] = frozenset(FIELDS),
    from_records: bool = False,
) -> Counted:
    """Counts per local interval: from the roll-up where it has the thresholds, else from the records.

    Both give the same numbers; `from_records` forces the second (for checks). Of each tally only `fields` are
    counted; the others stay 0.
    """
    parts = cut(period, kind)
    step = even_step(period, kind)
    cells = store.Cells(
        from_at=period.starts_at,
        to_at=period.ends_at,
        bins_by=step or [part.starts_at for part in parts],
        queue_id=queue_id,
        channel=channel,
        fields=fields,
    )
    if answerable(thresholds) and not from_records and on_bucket_edges(period, kind):
        found = await store.tallies_of_rollup(tx, tenant_id, cells, thresholds)
        source = "rollup"
    else:
        found = await store.tallies_of_records(tx, tenant_id, cells, thresholds)
        source = "records"
    return Counted([IntervalTally(parts[position], tally) for position, tally in found], source)
