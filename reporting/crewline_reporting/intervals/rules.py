"""Local intervals through clock changes, and what of a span falls into each. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from crewline_infra.errors import Invalid
from crewline_infra.periods import Period, local_midnight, zone_info

IntervalKind = Literal["30m", "hour", "day", "month"]
INTERVAL_KINDS: tuple[IntervalKind, ...] = get_args(IntervalKind)
BUCKET = timedelta(minutes=15)
"""Width of the stored roll-up; buckets begin at whole quarters of an hour of UTC."""
STEPS: dict[str, timedelta] = {"30m": timedelta(minutes=30), "hour": timedelta(hours=1)}
_EPOCH_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Interval:
    """[starts_at, ends_at) in UTC. `label` is local and unique in its report.

    Half-hours and hours carry their offset ('1999-09-03T01:00+03:00'), so that an hour which the
    clocks repeat is two intervals; days are '1999-09-03', months '1999-09'.
    """

    label: str
    starts_at: datetime
    ends_at: datetime


def interval_kind(text: str) -> IntervalKind:
    """Raises `Invalid` for a word that names no interval."""
    for kind in INTERVAL_KINDS:
        if text == kind:
            return kind
    raise Invalid(f"{text!r} is no interval; use {', '.join(INTERVAL_KINDS)}.", field="interval")


@lru_cache(maxsize=32)
def cut(period: Period, kind: IntervalKind) -> tuple[Interval, ...]:
    """Every interval of a period of whole local days, in order, without gaps or overlaps."""
    days = _days(period)
    if kind in STEPS:
        info = zone_info(period.zone)
        return tuple(part for day in days for part in _parts_of_day(day, info, STEPS[kind]))
    if kind == "day":
        return tuple(days)
    return tuple(_months(days))


@lru_cache(maxsize=32)
def even_step(period: Period, kind: IntervalKind) -> timedelta | None:
    """The one length of all intervals, or None where they differ (days of a clock change, months)."""
    lengths = {part.ends_at - part.starts_at for part in cut(period, kind)}
    return lengths.pop() if len(lengths) == 1 else None


def bucket_of(at: datetime) -> datetime:
    """The start of the stored bucket that holds an instant (UTC)."""
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


@lru_cache(maxsize=32)
def on_bucket_edges(period: Period, kind: IntervalKind) -> bool:
    """Whether no stored bucket straddles two intervals (true of every zone's clocks today)."""
    parts = cut(period, kind)
    return all(at == bucket_of(at) for at in (*(part.starts_at for part in parts), period.ends_at))


def clipped_ms(intervals: Sequence[Interval], starts_at: datetime, ends_at: datetime) -> list[int]:
    """Milliseconds of a span in each interval: the rule for agent time (R2)."""
    nothing = timedelta(0)
    return [
        max(min(part.ends_at, ends_at) - max(part.starts_at, starts_at), nothing) // _EPOCH_MS for part in intervals
    ]


def holding(intervals: Sequence[Interval], at: datetime) -> int | None:
    """Index of the interval that an instant falls into: the rule for what counts whole (R1, R3)."""
    low, high = 0, len(intervals)
    while low < high:
        middle = (low + high) // 2
        if intervals[middle].ends_at <= at:
            low = middle + 1
        else:
            high = middle
    if low < len(intervals) and intervals[low].starts_at <= at:
        return low
    return None


def _days(period: Period) -> list[Interval]:
    info = zone_info(period.zone)
    day = period.starts_at.astimezone(info).date()
    days: list[Interval] = []
    starts_at = period.starts_at
    while starts_at < period.ends_at:
        day += timedelta(days=1)
        ends_at = local_midnight(day, period.zone)
        if ends_at > starts_at:  # a zone may skip a whole date
            label = (day - timedelta(days=1)).isoformat()
            days.append(Interval(label, starts_at, ends_at))
            starts_at = ends_at
    return days


def _months(days: Sequence[Interval]) -> Iterator[Interval]:
    month = list(days[:1])
    for day in days[1:]:
        if day.label[:7] != month[0].label[:7]:
            yield _joined(month)
            month = []
        month.append(day)
    if month:
        yield _joined(month)


def _joined(days: Sequence[Interval]) -> Interval:
    return Interval(days[0].label[:7], days[0].starts_at, days[-1].ends_at)


def _parts_of_day(day: Interval, info: ZoneInfo, step: timedelta) -> Iterator[Interval]:
    """Cut by the local clock: a new part where the wall clock enters another slot or is moved."""
    first, last = day.starts_at, day.ends_at
    quiet = first.astimezone(info).utcoffset() == (last - BUCKET).astimezone(info).utcoffset()
    if quiet and last - first == timedelta(days=1):
        yield from _even_parts(first, last, info, step)
        return
    starts_at, slot = first, _slot(first, info, step)
    at = first + BUCKET
    while at < last:
        if _slot(at, info, step) != slot:
            yield Interval(_label(starts_at, info), starts_at, at)
            starts_at, slot = at, _slot(at, info, step)
        at += BUCKET
    yield Interval(_label(starts_at, info), starts_at, last)


def _even_parts(first: datetime, last: datetime, info: ZoneInfo, step: timedelta) -> Iterator[Interval]:
    """A day whose clock is not moved has one offset, which is looked up once."""
    offset = timezone(first.astimezone(info).utcoffset() or timedelta(0))
    at = first
    while at < last:
        yield Interval(at.astimezone(offset).isoformat(timespec="minutes"), at, at + step)
        at += step


def _slot(at: datetime, info: ZoneInfo, step: timedelta) -> tuple[date, int, timedelta | None]:
    local = at.astimezone(info)
    minutes = timedelta(hours=local.hour, minutes=local.minute)
    return local.date(), minutes // step, local.utcoffset()


def _label(at: datetime, info: ZoneInfo) -> str:
    return at.astimezone(info).isoformat(timespec="minutes")
