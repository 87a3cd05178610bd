"""How customers and agents behave, as plain data with documented units; drawing from it is seeded.

A document of patterns (JSON) gives a default and, by tenant slug, what differs:

    {"default": {"arrivals": [[…48 half-hours…], … 7 weekdays, Monday first],
                 "talk": {"median_ms": 130000, "sigma": 0.8}, …},
     "tenants": {"retail": {…}}}
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import msgspec

from crewline_infra.errors import Invalid

HALF_HOURS = 48
WEEKDAYS = 7
_HALF_HOUR = timedelta(minutes=30)


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Log-normal: half of the draws lie below `median_ms`; `sigma` is the deviation of the logarithm."""

    median_ms: int
    sigma: float = 0.6

    def draw_ms(self, rng: Random) -> int:
        return max(500, round(self.median_ms * math.exp(rng.gauss(0, self.sigma))))

    @property
    def mean_ms(self) -> float:
        return self.median_ms * math.exp(self.sigma**2 / 2)


class Weibull(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shape below one: those who leave, leave early."""

    scale_ms: int
    shape: float = 0.84

    def draw_ms(self, rng: Random) -> int:
        return max(500, round(rng.weibullvariate(self.scale_ms, self.shape)))


def _usual_day(peak: float, night: float) -> tuple[float, ...]:
    """Calls per half-hour: two humps about 11:00 and 16:00, quiet nights."""
    humps = (
        math.exp(-(((h / 2 - 11) / 2.5) ** 2)) + 0.8 * math.exp(-(((h / 2 - 16) / 3) ** 2)) for h in range(HALF_HOURS)
    )
    return tuple(round(night + peak * hump, 2) for hump in humps)


_WEEK = (*(_usual_day(24, 3),) * 5, *(_usual_day(10, 2),) * 2)


class Pattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tenant's customers, and the agents who serve them. Shares are 0..1."""

    arrivals: tuple[tuple[float, ...], ...] = _WEEK
    """Expected calls per half-hour of local time, by weekday (Monday first)."""
    quiet_per_half_hour: float = 0.0
    """The least rate, so that a demonstration is alive at any hour."""
    menu: Spread = Spread(6_000, 0.5)
    menu_ended_share: float = 0.04
    patience: Weibull = Weibull(584_000)
    talk: Spread = Spread(130_000, 0.8)
    wrap_up: Spread = Spread(18_000, 0.4)
    hold: Spread = Spread(20_000, 0.5)
    hold_share: float = 0.12
    high_priority_share: float = 0.2
    high_priority: int = 2
    known_share: float = 0.6
    """Of the callers, those who are in the tenant's customers."""


class Patterns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    default: Pattern = Pattern()
    tenants: dict[str, Pattern] = {}
    ring: Spread = Spread(3_000, 0.4)
    """From the ringing to the simulated agent's answer."""
    no_answer_share: float = 0.01

    def of(self, slug: str) -> Pattern:
        return self.tenants.get(slug, self.default)


def parse_patterns(document: object) -> Patterns:
    """Raises `Invalid` naming the place."""
    try:
        patterns = msgspec.convert(document, Patterns)
    except msgspec.ValidationError as error:
        raise Invalid(f"The patterns cannot be used: {error}.") from None
    for pattern in (patterns.default, *patterns.tenants.values()):
        if len(pattern.arrivals) != WEEKDAYS or any(len(day) != HALF_HOURS for day in pattern.arrivals):
            raise Invalid("arrivals has 7 weekdays of 48 half-hours.", field="arrivals")
        if any(rate < 0 for day in pattern.arrivals for rate in day):
            raise Invalid("arrivals cannot be negative.", field="arrivals")
    return patterns


def busiest_erlangs(patterns: Sequence[Pattern]) -> float:
    """Agents that the busiest half-hour of the week would occupy all of the time."""
    slots = [
        sum(p.arrivals[day][half_hour] * (p.talk.mean_ms + p.wrap_up.mean_ms) for p in patterns)
        for day in range(WEEKDAYS)
        for half_hour in range(HALF_HOURS)
    ]
    return max(slots, default=0.0) / (_HALF_HOUR / timedelta(milliseconds=1))


def load_for(patterns: Sequence[Pattern], agents: int) -> float:
    """The load at which the busiest half-hour asks for just as many agents as there are."""
    erlangs = busiest_erlangs(patterns)
    return agents / erlangs if erlangs > 0 and agents > 0 else 1.0


def rate_per_s(pattern: Pattern, at: datetime, zone: ZoneInfo) -> float:
    local = at.astimezone(zone)
    expected = pattern.arrivals[local.weekday()][local.hour * 2 + local.minute // 30]
    return max(expected, pattern.quiet_per_half_hour) / _HALF_HOUR.total_seconds()


def next_arrival(pattern: Pattern, after: datetime, zone: ZoneInfo, speed: float, rng: Random) -> datetime | None:
    """A Poisson process whose rate changes each half-hour; None when nobody calls for a week.

    `speed` 60 lets an hour's calls come in a minute.
    """
    at = after
    for _ in range(WEEKDAYS * HALF_HOURS + 1):
        boundary = at + _HALF_HOUR - (at - datetime.min.replace(tzinfo=at.tzinfo)) % _HALF_HOUR
        rate = rate_per_s(pattern, at, zone) * speed
        if rate > 0:
            candidate = at + timedelta(seconds=rng.expovariate(rate))
            if candidate < boundary:
                return candidate
        at = boundary
    return None
