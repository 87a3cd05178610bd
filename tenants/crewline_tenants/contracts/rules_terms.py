"""The contract as typed data: rate card, commitments, taxes, service-level clauses."""

from datetime import date
from typing import Annotated, Literal, TypeAlias

import msgspec

from crewline_tenants.contracts.rules_price import Price
from crewline_tenants.contracts.rules_types import (
    Identifier,
    Label,
    Number,
    Percent,
    Positive,
    Rounding,
    Seconds,
    Strict,
    Text,
    whole,
    zero,
)

LANGUAGE_VERSION = 1

Meter: TypeAlias = Literal["contact.handled", "contact.offered", "time.handle"]
Part: TypeAlias = Literal["talk", "hold", "wrap"]
Variant: TypeAlias = Literal["V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8", "V9"]


class Filter(Strict, frozen=True, kw_only=True):
    """Which contacts count: every named field must match one of its values; none named means all contacts."""

    queue: tuple[Text, ...] = ()
    channel: tuple[Text, ...] = ()
    outcome: tuple[Text, ...] = ()
    disposition: tuple[Text, ...] = ()
    in_hours: bool | None = None


class TimeRule(Strict, frozen=True, kw_only=True):
    """What a minute is. Only items with the meter `time.handle` have one.

    Order: take the parts of `include` (wrap-up at most `wrap_cap_s`), leave out contacts shorter than `free_below_s`,
    take off the first `free_first_s`, lift to `minimum_s`, round to `increment_s` (0: to the millisecond).
    `apply: total` rounds once, on the sum of the period, instead of on each contact.
    """

    include: tuple[Part, ...] = ("talk", "hold")
    wrap_cap_s: Seconds | None = None
    free_below_s: Seconds = 0
    free_first_s: Seconds = 0
    minimum_s: Seconds = 0
    increment_s: Seconds = 1
    round: Literal["up", "nearest", "down"] = "up"
    apply: Literal["contact", "total"] = "contact"
    unit: Literal["second", "minute", "hour"] = "minute"


class Item(Strict, frozen=True, kw_only=True):
    """One line of the rate card: meter → filter → minute → allowance (`included`) → price → `cap`."""

    id: Identifier
    label: Label
    price: Price
    meter: Meter | None = None
    filter: Filter = Filter()
    time: TimeRule | None = None
    included: Number = msgspec.field(default_factory=zero)
    cap: Number | None = None
    tax: Identifier | None = None


class Commitment(Strict, frozen=True, kw_only=True):
    """The fees of the items in `of` (none named: all) reach `minimum`, or a true-up line adds the rest."""

    id: Identifier
    label: Label
    minimum: Positive
    of: tuple[Identifier, ...] = ()
    tax: Identifier | None = None


class Tax(Strict, frozen=True, kw_only=True):
    code: Identifier
    label: Label
    rate_percent: Percent


class Credit(Strict, frozen=True, kw_only=True):
    """What a missed clause is worth: `percent` of the fees of the items in `of` (none named: of all lines).

    `per: point` gives `percent` for every full percentage point below the target, up to `cap_percent`.
    """

    percent: Percent
    of: tuple[Identifier, ...] = ()
    per: Literal["miss", "point"] = "miss"
    cap_percent: Percent = msgspec.field(default_factory=whole)


class Clause(Strict, frozen=True, kw_only=True):
    """A promise about a metric of one month. Below `minimum_sample` contacts nothing is owed.

    `compare: exact` sets the unrounded value against the target; `rounded` the value at two places, as it is shown.
    """

    id: Identifier
    label: Label
    target_percent: Percent
    threshold_s: Seconds
    credit: Credit
    metric: Literal["service_level"] = "service_level"
    variant: Variant = "V4"
    short_abandon_s: Seconds = 5
    window: Literal["month"] = "month"
    minimum_sample: Annotated[int, msgspec.Meta(ge=0)] = 0
    compare: Literal["exact", "rounded"] = "exact"
    filter: Filter = Filter()


class ServiceLevels(Strict, frozen=True, kw_only=True):
    """`cap_percent`: all credits of a period together are at most this share of the period's fees."""

    clauses: tuple[Clause, ...]
    cap_percent: Percent = msgspec.field(default_factory=whole)
    tax: Identifier | None = None


class Contract(Strict, frozen=True, kw_only=True):
    """One version of the agreement with one tenant."""

    version: Literal[1]
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
    time_zone: str
    effective_from: date
    items: tuple[Item, ...]
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    payment_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 30
    rounding: Rounding = Rounding()
    taxes: tuple[Tax, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    service_levels: ServiceLevels | None = None
