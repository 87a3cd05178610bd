"""The counts and sums that every metric is made of, taken from records one by one."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import msgspec

from crewline_reporting.records.rules import Record


@dataclass(frozen=True, slots=True)
class Thresholds:
    """T is inclusive (wait <= T is in time), s is strict (wait < s is a short abandon)."""

    threshold_ms: int
    short_ms: int


DEFAULT_THRESHOLDS = Thresholds(threshold_ms=20_000, short_ms=5_000)


class Tally(msgspec.Struct, gc=False):
    """Primitive counts and sums of some contacts under one pair of thresholds. Times in ms.

    A, At, B, Bt, Bs, F, Ft, C, Ct of the service-level formulas are `answered`, `answered_in_time`,
    `abandoned`, `abandoned_in_time`, `short_abandoned`, `flowed_out`, `flowed_out_in_time`,
    `callback`, `callback_in_time`. The `open_*` counts are of contacts that came in opening hours.
    The sums `talk_ms`, `hold_ms`, `wrap_ms`, `answered_wait_ms` are over answered contacts.
    """

    answered: int = 0
    answered_in_time: int = 0
    abandoned: int = 0
    abandoned_in_time: int = 0
    short_abandoned: int = 0
    flowed_out: int = 0
    flowed_out_in_time: int = 0
    callback: int = 0
    callback_in_time: int = 0
    menu_ended: int = 0
    excluded: int = 0
    open_answered: int = 0
    open_answered_in_time: int = 0
    open_abandoned: int = 0
    open_abandoned_in_time: int = 0
    answered_wait_ms: int = 0
    abandoned_wait_ms: int = 0
    talk_ms: int = 0
    hold_ms: int = 0
    wrap_ms: int = 0
    longest_wait_ms: int = 0

    @property
    def offered(self) -> int:
        return self.answered + self.abandoned + self.flowed_out + self.callback

    @property
    def contacts(self) -> int:
        """Every contact, also those that ended in the menu or were excluded."""
        return self.offered + self.menu_ended + self.excluded


FIELDS: tuple[str, ...] = Tally.__struct_fields__
"""In order; the longest wait is a maximum, all others are added up."""


def total(tallies: Sequence[Tally], only: Collection[str] = FIELDS) -> Tally:
    """Everything added up, column by column (a year of half-hours is long); fields not in `only` stay 0."""
    joined = Tally()
    for name in only:
        values = map(attrgetter(name), tallies)
        setattr(joined, name, max(values, default=0) if name == "longest_wait_ms" else sum(values))
    return joined


def count_records(records: Iterable[Record], thresholds: Thresholds) -> Tally:
    """The tally of the given records, which are current versions and each contact once."""
    tally = Tally()
    for record in records:
        count_record(tally, record, thresholds)
    return tally


def count_record(tally: Tally, record: Record, thresholds: Thresholds) -> None:
    """Add one record to a tally. Raises `KeyError` for an outcome that no record can have."""
    _COUNTERS[record.outcome](tally, record, thresholds)


def _count_answered(tally: Tally, record: Record, thresholds: Thresholds) -> None:
    in_time = int(record.wait_ms <= thresholds.threshold_ms)
    tally.answered += 1
    tally.answered_in_time += in_time
    tally.open_answered += record.in_hours
    tally.open_answered_in_time += in_time * record.in_hours
    tally.answered_wait_ms += record.wait_ms
    tally.talk_ms += record.talk_ms
    tally.hold_ms += record.hold_ms
    tally.wrap_ms += record.wrap_ms
    _note_wait(tally, record)


def _count_abandoned(tally: Tally, record: Record, thresholds: Thresholds) -> None:
    in_time = int(record.wait_ms <= thresholds.threshold_ms)
    tally.abandoned += 1
    tally.abandoned_in_time += in_time
    tally.short_abandoned += record.wait_ms < thresholds.short_ms
    tally.open_abandoned += record.in_hours
    tally.open_abandoned_in_time += in_time * record.in_hours
    tally.abandoned_wait_ms += record.wait_ms
    _note_wait(tally, record)


def _count_flowed_out(tally: Tally, record: Record, thresholds: Thresholds) -> None:
    tally.flowed_out += 1
    tally.flowed_out_in_time += record.wait_ms <= thresholds.threshold_ms
    _note_wait(tally, record)


def _count_callback(tally: Tally, record: Record, thresholds: Thresholds) -> None:
    tally.callback += 1
    tally.callback_in_time += record.wait_ms <= thresholds.threshold_ms
    _note_wait(tally, record)


def _count_menu_ended(tally: Tally, record: Record, thresholds: Thresholds) -> None:
    tally.menu_ended += 1


def _count_excluded(tally: Tally, record: Record, thresholds: Thresholds) -> None:
    tally.excluded += 1


def _note_wait(tally: Tally, record: Record) -> None:
    tally.longest_wait_ms = max(tally.longest_wait_ms, record.wait_ms)


_COUNTERS: dict[str, Callable[[Tally, Record, Thresholds], None]] = {
    "answered": _count_answered,
    "abandoned": _count_abandoned,
    "flowed_out": _count_flowed_out,
    "callback": _count_callback,
    "menu_ended": _count_menu_ended,
    "excluded": _count_excluded,
}
