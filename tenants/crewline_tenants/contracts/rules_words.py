"""A rate card in short words, for lists and for the check of a file."""

from collections.abc import Callable
from typing import Any

from crewline_infra.money import plain
from crewline_tenants.contracts.rules_price import (
    Flat,
    Graduated,
    Package,
    Percentage,
    PerUnit,
    Price,
    Tier,
    Volume,
)
from crewline_tenants.contracts.rules_terms import Item, TimeRule


def unit_of(item: Item) -> str:
    """'contact', the unit of time, or '' for what is not measured."""
    if item.meter is None:
        return ""
    return item.time.unit if item.time is not None else "contact"


def price_words(price: Price) -> str:
    """'graduated: up to 1000 at 0.35, then 0.30'."""
    return _WORDS[type(price)](price)


def minute_words(rule: TimeRule) -> str:
    """'talk + hold + wrap (at most 60 s), 6 s up per contact, free below 30 s'."""
    wrap = "wrap" if rule.wrap_cap_s is None else f"wrap (at most {rule.wrap_cap_s} s)"
    parts = " + ".join(wrap if part == "wrap" else part for part in rule.include)
    step = f"{rule.increment_s} s {rule.round}" if rule.increment_s else "to the millisecond"
    words = [parts, f"{step} {'per contact' if rule.apply == 'contact' else 'on the total'}"]
    if rule.free_below_s:
        words.append(f"free below {rule.free_below_s} s")
    if rule.free_first_s:
        words.append(f"first {rule.free_first_s} s free")
    if rule.minimum_s:
        words.append(f"at least {rule.minimum_s} s")
    return ", ".join(words)


def _flat(price: Flat) -> str:
    waived = ", waived without usage" if price.at_zero_usage == "skip" else ""
    return f"flat: {plain(price.amount)} per period{waived}"


def _per_unit(price: PerUnit) -> str:
    return f"per unit: {plain(price.unit_price)}"


def _tiers(tiers: tuple[Tier, ...], model: str) -> str:
    return f"{model}: " + ", then ".join(_tier(tier) for tier in tiers)


def _tier(tier: Tier) -> str:
    upper = f"up to {plain(tier.up_to)} at " if tier.up_to is not None else ""
    fee = f" + {plain(tier.fee)} once" if tier.fee else ""
    return f"{upper}{plain(tier.unit_price)}{fee}"


def _package(price: Package) -> str:
    started = {
        "charge": "started ones count",
        "free": "only full ones count",
        "prorate": "by the share",
    }
    return f"package: {plain(price.price)} per {plain(price.size)} ({started[price.started]})"


def _percentage(price: Percentage) -> str:
    return f"percentage: {plain(price.percent)} % of {', '.join(price.of) or 'all other items'}"


_WORDS: dict[type, Callable[[Any], str]] = {
    Flat: _flat,
    PerUnit: _per_unit,
    Graduated: lambda price: _tiers(price.tiers, "graduated"),
    Volume: lambda price: _tiers(price.tiers, "volume"),
    Package: _package,
    Percentage: _percentage,
}
