"""The only place that reads the time."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to: for tests, simulations and replays."""

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._at

    def set(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    def advance(self, ms: int) -> datetime:
        self._at += timedelta(milliseconds=ms)
        return self._at


def epoch_ms(at: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    delta = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def from_epoch_ms(ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def ms_between(earlier: datetime, later: datetime) -> int:
    """Whole milliseconds from one instant to the other (negative when they are out of order)."""
    return (later - earlier) // timedelta(milliseconds=1)


def monotonic_ms() -> int:
    """For measuring how long something took; not comparable between processes."""
    return time.monotonic_ns() // 1_000_000
