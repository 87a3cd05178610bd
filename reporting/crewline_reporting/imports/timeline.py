"""The times of one row as instants: zeros that mean none, midnights passed, clocks moved."""

from collections.abc import Mapping, Sequence

from crewline_reporting.imports.conditions import REMEMBERED_MAX, Holds, compiled
from crewline_reporting.imports.local_time import (
    AMBIGUOUS,
    DAY_MS,
    Day,
    Instant,
    TimesOfDay,
    Unreadable,
    ZoneClock,
    reader_of,
)
from crewline_reporting.imports.mapping import Mapping as Language
from crewline_reporting.imports.mapping import TimeRule

ABSENT = -(2**62)
"""Stands for "no such time" among instants, so that the latest of several is a plain maximum."""
BACKWARDS = "times_out_of_order"
PAST_MIDNIGHT = "past_midnight"
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE_MS = 60_000
DAY_MINUTES = 1_440
_WEEK_MINUTES = 7 * DAY_MINUTES
_QUARTER_MS = 15 * MINUTE_MS
_FIRST_MINUTE = 3 * DAY_MINUTES  # 1 January 1970 was a Thursday; weeks begin on Monday


class _Slot:
    """Where a time of the mapping stands in a row, and which texts mean that there is none."""

    __slots__ = ("column", "index", "none", "unless")

    def __init__(self, index: int, name: str, rule: TimeRule, position: Mapping[str, int]) -> None:
        self.index = index
        self.column = position[rule.column or name]
        self.none = frozenset(rule.none) | {""}
        self.unless: Holds | None = compiled(rule.none_unless, position) if rule.none_unless else None

    def absent(self, fields: Sequence[str]) -> bool:
        text = fields[self.column]
        return text in self.none and (not text or self.unless is None or not self.unless(fields))


class Timeline:
    """Reads all times of a row. `names` is the order of the answer."""

    def __init__(self, language: Language, position: Mapping[str, int]) -> None:
        clock = language.time
        self.names = list(language.times)
        self.clock = ZoneClock(clock.zone, clock.date_format)
        self._policy = clock
        self._tolerance_ms = round(clock.tolerance_s * 1000)
        self._wrap_ms = clock.wrap_after_minutes * 60_000
        self._texts = TimesOfDay()
        slots = {name: _Slot(index, name, rule, position) for index, (name, rule) in enumerate(language.times.items())}
        of_day = {name for name, rule in language.times.items() if rule.kind == "time_of_day"}
        chained = [name for name in clock.order if name in of_day]
        self._chain = [(slot.index, slot.column, slot.none, slot) for slot in map(slots.__getitem__, chained)]
        self._alone = [slots[name] for name in slots if name in of_day and name not in chained]
        self._complete = [
            (slots[name], reader_of(rule.kind, rule.format, self.clock))
            for name, rule in language.times.items()
            if name not in of_day
        ]
        self._date = position[clock.date_column] if clock.date_column else None

    def instants(self, fields: Sequence[str], flags: list[str]) -> list[int]:
        """Milliseconds since 1970 per time of the mapping, or `ABSENT`. Raises `Unreadable`."""
        found = [ABSENT] * len(self.names)
        if self._date is not None:
            day = self.clock.day(fields[self._date])
            self._follow(day, fields, found, flags)
            for slot in self._alone:
                if not slot.absent(fields):
                    found[slot.index] = self._at(day, self._texts[fields[slot.column]], flags, None)
        for slot, read in self._complete:
            if not slot.absent(fields):
                found[slot.index] = self._decided(read(fields[slot.column]), flags, None)
        return found

    def _follow(self, day: Day, fields: Sequence[str], found: list[int], flags: list[str]) -> None:
        """Walk the chain: a large step back is the next day, a small one is an untidy clock."""
        shift = 0
        previous: int | None = None
        previous_at: int | None = None
        base = day.midnight_ms - day.offset_ms if day.offset_ms is not None else None
        texts = self._texts
        for index, column, none, slot in self._chain:
            text = fields[column]
            if text in none and slot.absent(fields):
                continue
            time = texts[text]
            if previous is not None:
                back = previous - time
                if back > self._wrap_ms:
                    shift += DAY_MS
                    _note(flags, PAST_MIDNIGHT)
                elif shift and back < -self._wrap_ms:
                    shift -= DAY_MS
                elif back > self._tolerance_ms:
                    _note(flags, BACKWARDS)
            previous = time
            if base is not None:
                found[index] = base + time + shift
            else:
                previous_at = self._at(day, time + shift, flags, previous_at)
                found[index] = previous_at

    def _at(self, day: Day, local_ms: int, flags: list[str], after_ms: int | None) -> int:
        if day.offset_ms is not None:
            return day.midnight_ms - day.offset_ms + local_ms
        return self._decided(self.clock.instant(day.midnight_ms + local_ms), flags, after_ms)

    def _decided(self, instant: Instant, flags: list[str], after_ms: int | None) -> int:
        """A time shown twice is the earlier, unless the row was already past it: then it is the later."""
        if instant.flag is None:
            return instant.at_ms
        policy = self._policy.ambiguous if instant.flag == AMBIGUOUS else self._policy.missing
        if policy == "reject":
            raise Unreadable(f"the local time is {instant.flag.split('_')[0]} on this date")
        _note(flags, instant.flag)
        if instant.other_ms is None:
            return instant.at_ms
        passed = after_ms is not None and after_ms - self._tolerance_ms > instant.at_ms
        return instant.other_ms if policy == "later" or passed else instant.at_ms


class OpeningHours:
    """Whether an instant lies in the weekly hours; without hours everything does."""

    def __init__(self, language: Language, clock: ZoneClock) -> None:
        self._offsets = _Offsets(clock)
        self._open = bytearray(_WEEK_MINUTES) if language.hours else None
        texts = TimesOfDay()
        for opening in language.hours:
            for day in opening.days:
                midnight = _WEEK.index(day) * DAY_MINUTES
                opens, closes = (texts[text] // MINUTE_MS for text in (opening.opens, opening.closes))
                for minute in range(midnight + opens, midnight + closes):
                    self._open[minute % _WEEK_MINUTES] = 1  # type: ignore[index]  # there are hours

    def hold(self, at_ms: int) -> bool:
        if self._open is None:
            return True
        minute = (at_ms + self._offsets[at_ms // _QUARTER_MS]) // MINUTE_MS
        return bool(self._open[(minute + _FIRST_MINUTE) % _WEEK_MINUTES])


class _Offsets(dict[int, int]):
    """The zone's offset per quarter of an hour of UTC (clocks are moved at such edges only)."""

    def __init__(self, clock: ZoneClock) -> None:
        super().__init__()
        self._clock = clock

    def __missing__(self, quarter: int) -> int:
        if len(self) >= REMEMBERED_MAX:
            self.clear()
        at_ms = quarter * _QUARTER_MS
        offset = self[quarter] = self._clock.local_ms(at_ms) - at_ms
        return offset


def _note(flags: list[str], flag: str) -> None:
    if flag not in flags:
        flags.append(flag)
