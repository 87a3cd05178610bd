"""Counters of the stored roll-up, taken from records in memory. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from crewline_reporting.intervals.rules import bucket_of
from crewline_reporting.metrics.rules import Thresholds
from crewline_reporting.records.rules import Record, interval_instant

THRESHOLDS_S = (5, 10, 15, 20, 30, 45, 60, 90, 120)
"""Thresholds that the roll-up can answer; others are counted from the records."""
SHORTS_S = (2, 3, 5, 10)
NO_QUEUE = UUID(int=0)
"""Stands in the roll-up for contacts that never had a queue."""

_THRESHOLDS_MS = [edge * 1000 for edge in THRESHOLDS_S]
_SHORTS_MS = [edge * 1000 for edge in SHORTS_S]
IN_TIME = ("answered", "abandoned", "flowed_out", "callbacks")
COUNTERS: tuple[str, ...] = (
    "offered",
    "answered",
    "abandoned",
    "flowed_out",
    "callbacks",
    "menu_ended",
    "excluded",
    *(f"{name}_le_{edge}s" for name in IN_TIME for edge in THRESHOLDS_S),
    *(f"abandoned_lt_{edge}s" for edge in SHORTS_S),
    "answer_wait_ms",
    "abandon_wait_ms",
    "talk_ms",
    "hold_ms",
    "wrap_ms",
    "longest_wait_ms",
)
"""Columns of the roll-up in the order of `Counters`; all are added up but the last, a maximum."""

Counters = list[int]
_AT = {name: position for position, name in enumerate(COUNTERS)}
_OFFERED, _ANSWERED, _ABANDONED = _AT["offered"], _AT["answered"], _AT["abandoned"]
_FLOWED_OUT, _CALLBACKS = _AT["flowed_out"], _AT["callbacks"]
_ANSWERED_LE, _ABANDONED_LE = _AT["answered_le_5s"], _AT["abandoned_le_5s"]
_FLOWED_OUT_LE, _CALLBACKS_LE = _AT["flowed_out_le_5s"], _AT["callbacks_le_5s"]
_ABANDONED_LT = _AT["abandoned_lt_2s"]
_ANSWER_WAIT, _ABANDON_WAIT = _AT["answer_wait_ms"], _AT["abandon_wait_ms"]
_TALK, _HOLD, _WRAP = _AT["talk_ms"], _AT["hold_ms"], _AT["wrap_ms"]
_LONGEST, _MENU_ENDED, _EXCLUDED = _AT["longest_wait_ms"], _AT["menu_ended"], _AT["excluded"]


class BucketKey(NamedTuple):
    """One row of the roll-up inside a tenant; keys sort in the order in which rows are locked."""

    queue_id: UUID
    channel: str
    in_hours: bool
    starts_at: datetime


def answerable(thresholds: Thresholds) -> bool:
    """Whether the roll-up has counted by these thresholds (a short limit of zero needs no counting)."""
    return thresholds.threshold_ms in _THRESHOLDS_MS and (thresholds.short_ms == 0 or thresholds.short_ms in _SHORTS_MS)


def bucket_key(record: Record) -> BucketKey:
    return BucketKey(
        record.queue_id or NO_QUEUE,
        record.channel,
        record.in_hours,
        bucket_of(interval_instant(record)),
    )


def roll_up(records: Iterable[Record]) -> dict[BucketKey, Counters]:
    """What these records add to each bucket."""
    buckets: dict[BucketKey, Counters] = {}
    for record in records:
        key = bucket_key(record)
        counters = buckets.get(key)
        if counters is None:
            counters = buckets[key] = [0] * len(COUNTERS)
        _COUNT[record.outcome](counters, record)
    for counters in buckets.values():
        _cumulate(counters)
    return buckets


def _queued(counters: Counters, wait_ms: int, within: int) -> None:
    """Note the wait at its first edge only; `_cumulate` turns that into counts up to each edge."""
    counters[_OFFERED] += 1
    edge = bisect_left(_THRESHOLDS_MS, wait_ms)
    if edge < len(_THRESHOLDS_MS):
        counters[within + edge] += 1
    counters[_LONGEST] = max(counters[_LONGEST], wait_ms)


def _answered(counters: Counters, record: Record) -> None:
    counters[_ANSWERED] += 1
    counters[_ANSWER_WAIT] += record.wait_ms
    counters[_TALK] += record.talk_ms
    counters[_HOLD] += record.hold_ms
    counters[_WRAP] += record.wrap_ms
    _queued(counters, record.wait_ms, _ANSWERED_LE)


def _abandoned(counters: Counters, record: Record) -> None:
    counters[_ABANDONED] += 1
    counters[_ABANDON_WAIT] += record.wait_ms
    edge = bisect_right(_SHORTS_MS, record.wait_ms)
    if edge < len(_SHORTS_MS):
        counters[_ABANDONED_LT + edge] += 1
    _queued(counters, record.wait_ms, _ABANDONED_LE)


def _flowed_out(counters: Counters, record: Record) -> None:
    counters[_FLOWED_OUT] += 1
    _queued(counters, record.wait_ms, _FLOWED_OUT_LE)


def _callback(counters: Counters, record: Record) -> None:
    counters[_CALLBACKS] += 1
    _queued(counters, record.wait_ms, _CALLBACKS_LE)


def _menu_ended(counters: Counters, record: Record) -> None:
    counters[_MENU_ENDED] += 1


def _excluded(counters: Counters, record: Record) -> None:
    counters[_EXCLUDED] += 1


_COUNT: dict[str, Callable[[Counters, Record], None]] = {
    "answered": _answered,
    "abandoned": _abandoned,
    "flowed_out": _flowed_out,
    "callback": _callback,
    "menu_ended": _menu_ended,
    "excluded": _excluded,
}
_GROUPS = [(_AT[f"{name}_le_5s"], len(THRESHOLDS_S)) for name in IN_TIME]
_GROUPS.append((_ABANDONED_LT, len(SHORTS_S)))


def _cumulate(counters: Counters) -> None:
    for first, length in _GROUPS:
        for position in range(first + 1, first + length):
            counters[position] += counters[position - 1]
