"""The measured patterns that a generated history follows: aggregated numbers only, no row of any real file."""

from functools import cache
from importlib.resources import files

import msgspec

HALF_HOURS = 48
WEEKDAYS = 7


class Lognormal(msgspec.Struct, frozen=True):
    """Of whole seconds: the logarithm has this mean and standard deviation."""

    mean: float
    deviation: float


class Weibull(msgspec.Struct, frozen=True):
    """Of seconds. A shape below one: those who leave, leave early."""

    shape: float
    scale_s: float


class LineOfWork(msgspec.Struct, frozen=True):
    """One service type. `arrivals[weekday][half hour]` are calls per day (Monday first, local time)."""

    arrivals: list[list[float]]
    identified: float
    priorities: list[float]
    menu: Lognormal
    ended_in_menu: float
    service: Lognormal
    brief_service: float
    patience: Weibull


class Quirks(msgspec.Struct, frozen=True):
    """Shares of all rows, of answered rows (names begin with answered) or of abandoned ones."""

    phantom: float
    negative_menu: float
    damaged_customer: float
    stray_type: float
    blank_before_type: float
    short_row: float
    answered_without_agent: float
    answered_without_service: float
    abandoned_with_service: float
    second_between: float


class Patterns(msgspec.Struct, frozen=True):
    """`staff[weekday][half hour]` are agents at work; `own_staff` those of the type that left the pool in August.

    Not everybody who serves a call in a half-hour works all through it: `presence` is the share that makes simulated
    callers give up as often as the measured ones did (`abandoned`, of those offered).
    """

    lines_of_work: dict[str, LineOfWork]
    staff: list[list[float]]
    own_staff: list[list[float]]
    day_deviation: float
    abandoned: float
    presence: float
    quirks: Quirks


@cache
def measured() -> Patterns:
    text = (files("crewline_reporting.generator") / "patterns.json").read_bytes()
    return msgspec.json.decode(text, type=Patterns)
