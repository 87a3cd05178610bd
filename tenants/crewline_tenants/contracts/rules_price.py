"""Price models of the contract language. `model` names the one that is meant."""

from typing import Literal, TypeAlias

import msgspec

from crewline_tenants.contracts.rules_types import (
    Identifier,
    Number,
    Percent,
    Positive,
    Strict,
    zero,
)

Bounds: TypeAlias = Literal["inclusive", "exclusive"]
AtZero: TypeAlias = Literal["charge", "skip"]


class Flat(Strict, frozen=True, kw_only=True, tag_field="model", tag="flat"):
    """A fixed amount per period. `at_zero_usage: skip` waives it in a period without usage of the item's meter."""

    amount: Number
    at_zero_usage: AtZero = "charge"


class PerUnit(Strict, frozen=True, kw_only=True, tag_field="model", tag="per_unit"):
    """Every unit costs the same."""

    unit_price: Number


class Tier(Strict, frozen=True, kw_only=True):
    """`up_to` is missing on the last tier only. `fee` is due once, when the tier is reached."""

    unit_price: Number
    up_to: Positive | None = None
    fee: Number = msgspec.field(default_factory=zero)


class Graduated(Strict, frozen=True, kw_only=True, tag_field="model", tag="graduated"):
    """Each unit costs the price of the tier it falls in.

    `bounds: inclusive`: the unit with the number `up_to` still belongs to the tier; `exclusive`: it is the next tier's.
    """

    tiers: tuple[Tier, ...]
    bounds: Bounds = "inclusive"
    at_zero_usage: AtZero = "skip"


class Volume(Strict, frozen=True, kw_only=True, tag_field="model", tag="volume"):
    """All units cost the price of the one tier that the total reaches."""

    tiers: tuple[Tier, ...]
    bounds: Bounds = "inclusive"
    at_zero_usage: AtZero = "skip"


class Package(Strict, frozen=True, kw_only=True, tag_field="model", tag="package"):
    """Blocks of `size` units. `started`: what an incomplete block costs: the whole price, nothing, or its share."""

    size: Positive
    price: Number
    started: Literal["charge", "free", "prorate"] = "charge"


class Percentage(Strict, frozen=True, kw_only=True, tag_field="model", tag="percentage"):
    """A share of the fees of other items (`of`; none named: of all items that are not percentages)."""

    percent: Percent
    of: tuple[Identifier, ...] = ()


Price: TypeAlias = Flat | PerUnit | Graduated | Volume | Package | Percentage
