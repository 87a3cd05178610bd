"""Local times of a file as instants: whole milliseconds since 1970 in UTC, with the zone's clock changes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from crewline_infra.periods import zone_info

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_DAYS_LOOKED_AHEAD = 2
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local times are reckoned as if they were UTC
_CACHED_DATES_MAX = 4_000
_HMS = 3

AMBIGUOUS = "ambiguous_local_time"
MISSING = "missing_local_time"


class Unreadable(ValueError):
    """A text that is no time, with the sentence for the rejects file."""


class Instant(NamedTuple):
    """`other` is the second meaning of a local time that the clocks show twice."""

    at_ms: int
    flag: str | None = None
    other_ms: int | None = None


@dataclass(slots=True)
class Day:
    """A local date. `offset_ms` is the offset that holds all through it and the next day, or None on a clock change."""

    midnight_ms: int
    offset_ms: int | None

    @property
    def base_ms(self) -> int:
        """The instant of 0:00 when the offset is constant."""
        return self.midnight_ms - (self.offset_ms or 0)


class ZoneClock:
    """Turns local milliseconds (as if the wall clock were UTC) into instants."""

    def __init__(self, zone: str, date_format: str) -> None:
        self._zone = zone_info(zone)
        self._date_format = date_format
        self._days: dict[str, Day] = {}

    def day(self, text: str) -> Day:
        """Raises `Unreadable` for a text that is no date of the format."""
        known = self._days.get(text)
        if known is None:
            if len(self._days) >= _CACHED_DATES_MAX:
                self._days.clear()
            known = self._days[text] = self._read_day(text)
        return known

    def instant(self, local_ms: int) -> Instant:
        """A time that the clocks skipped is read with the offset before the skip (so it lies after it)."""
        local = _EPOCH + timedelta(milliseconds=local_ms)
        earlier = self._offset(local, fold=0)
        later = self._offset(local, fold=1)
        at_ms = local_ms - earlier
        if earlier == later:
            return Instant(at_ms)
        if earlier < later:
            return Instant(at_ms, MISSING)
        return Instant(at_ms, AMBIGUOUS, local_ms - later)

    def local_ms(self, at_ms: int) -> int:
        """What the wall clock showed at an instant, as if it were UTC."""
        at = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone)
        return at_ms + (at.utcoffset() or timedelta(0)) // timedelta(milliseconds=1)

    def _read_day(self, text: str) -> Day:
        try:
            date = datetime.strptime(text, self._date_format)  # noqa: DTZ007 - local by definition
        except ValueError:
            raise Unreadable(f"{text!r} is no date of the form {self._date_format}") from None
        midnight_ms = (date - _EPOCH) // timedelta(milliseconds=1)
        offsets = {
            self._offset(date + timedelta(hours=hour), fold)
            for hour in range(24 * _DAYS_LOOKED_AHEAD + 1)
            for fold in (0, 1)
        }
        return Day(midnight_ms, offsets.pop() if len(offsets) == 1 else None)

    def _offset(self, local: datetime, fold: int) -> int:
        offset = local.replace(tzinfo=self._zone, fold=fold).utcoffset() or timedelta(0)
        return offset // timedelta(milliseconds=1)


class TimesOfDay(dict[str, int]):
    """'9:05:07' or '09:05' or '9:05:07.25' -> milliseconds since midnight, remembered."""

    def __missing__(self, text: str) -> int:
        value = self[text] = time_of_day_ms(text)
        return value


def time_of_day_ms(text: str) -> int:
    """0:00 to 48:00 (from 24:00 on it is the next day). Raises `Unreadable`."""
    parts = text.split(":")
    if len(parts) in {2, _HMS} and all(part[:1].isdigit() for part in parts):
        try:
            hours, minutes = int(parts[0]), int(parts[1])
            seconds = float(parts[2]) if len(parts) == _HMS else 0.0
        except ValueError:
            raise Unreadable(f"{text!r} is no time of day") from None
        ms = hours * HOUR_MS + minutes * 60_000 + round(seconds * 1000)
        if minutes < 60 and seconds < 60 and ms <= 2 * DAY_MS:  # noqa: PLR2004 - sixty is sixty
            return ms
    raise Unreadable(f"{text!r} is no time of day")


def reader_of(kind: str, pattern: str, clock: ZoneClock) -> Callable[[str], Instant]:
    """How to read a complete instant: local by pattern, ISO with offset, or a count since 1970."""

    def local(text: str) -> Instant:
        try:
            parsed = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone comes from the mapping
        except ValueError:
            raise Unreadable(f"{text!r} is no time of the form {pattern}") from None
        return clock.instant((parsed - _EPOCH) // timedelta(milliseconds=1))

    def iso(text: str) -> Instant:
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            raise Unreadable(f"{text!r} is no ISO 8601 time") from None
        if parsed.tzinfo is None:
            return clock.instant((parsed - _EPOCH) // timedelta(milliseconds=1))
        return Instant((parsed - _EPOCH.replace(tzinfo=UTC)) // timedelta(milliseconds=1))

    def epoch(text: str) -> Instant:
        try:
            return Instant(round(float(text) * (1000 if kind == "epoch_s" else 1)))
        except (ValueError, OverflowError):
            raise Unreadable(f"{text!r} is no count since 1970") from None

    return {"local": local, "iso": iso, "epoch_s": epoch, "epoch_ms": epoch}[kind]
