"""Half-open periods of local time, cut with the zone database."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crewline_infra.errors import Invalid

_MONTH = re.compile(r"^([0-9]{4})-(0[1-9]|1[0-2])\Z")
_FIRST_YEAR, _LAST_YEAR = 2, 9998  # beyond these a month has no bounds in UTC that a datetime can hold


@dataclass(frozen=True, slots=True)
class Period:
    """[starts_at, ends_at): UTC instants whose local bounds are midnights of `zone`."""

    label: str
    starts_at: datetime
    ends_at: datetime
    zone: str

    def __contains__(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at


def zone_info(zone: str) -> ZoneInfo:
    """Raises `Invalid` for a name that the zone database does not know."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise Invalid(f"{zone!r} is no time zone of the zone database (example: Asia/Shanghai).") from problem


def parse_date(text: str) -> date:
    try:
        if len(text) != len("2026-01-31"):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as problem:
        raise Invalid(f"{text!r} is no date; write it as 1999-03-31.") from problem


def month_period(label: str, zone: str) -> Period:
    """The calendar month '1999-03' of a zone. Raises `Invalid` when the label is none."""
    match = _MONTH.match(label)
    if match is None or not _FIRST_YEAR <= int(match[1]) <= _LAST_YEAR:
        raise Invalid(f"{label!r} is no month; write it as 1999-03.")
    first = date(int(match[1]), int(match[2]), 1)
    following = (first + timedelta(days=32)).replace(day=1)
    return Period(label, local_midnight(first, zone), local_midnight(following, zone), zone)


def day_period(first: date, last: date, zone: str) -> Period:
    """From the first to the last date, both included."""
    if last < first:
        raise Invalid(f"The period ends on {last} before it begins on {first}.")
    after = last + timedelta(days=1)
    return Period(f"{first}..{last}", local_midnight(first, zone), local_midnight(after, zone), zone)


def local_midnight(day: date, zone: str) -> datetime:
    """The first instant of a local date, in UTC.

    Where the clocks skip midnight, that is the instant of the skip; where midnight comes twice, its first coming.
    """
    return datetime.combine(day, time.min, tzinfo=zone_info(zone)).astimezone(UTC)


def local_date(at: datetime, zone: str) -> date:
    return at.astimezone(zone_info(zone)).date()
