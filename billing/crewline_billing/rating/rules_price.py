"""The price models: an exact quantity in, exact steps out. One function per model, chosen by the price's type."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from crewline_billing.rating.rules_exact import shown
from crewline_billing.rating.rules_lines import StepCode
from crewline_tenants.contracts.rules_price import (
    AtZero,
    Bounds,
    Flat,
    Graduated,
    Package,
    PerUnit,
    Price,
    Tier,
    Volume,
)


class ExactStep(NamedTuple):
    """A step before anything is rounded."""

    code: StepCode
    words: str
    amount: Fraction
    quantity: Fraction | None = None
    unit_price: Fraction | None = None


def price_steps(price: Price, quantity: Fraction, unit: str) -> list[ExactStep]:
    """Steps whose amounts add up to the price of `quantity` units, unrounded."""
    return list(_MODELS[type(price)](price, quantity, unit))


def _flat(price: Flat, quantity: Fraction, unit: str) -> Iterator[ExactStep]:
    if unit and not quantity and price.at_zero_usage == "skip":
        yield ExactStep("waived", "no usage in this period: the fee is waived", Fraction(0))
    else:
        amount = Fraction(price.amount)
        yield ExactStep("flat", "fee of the period", amount, Fraction(1), amount)


def _per_unit(price: PerUnit, quantity: Fraction, unit: str) -> Iterator[ExactStep]:
    each = Fraction(price.unit_price)
    yield ExactStep("unit", f"every {unit}", quantity * each, quantity, each)


def _graduated(price: Graduated, quantity: Fraction, unit: str) -> Iterator[ExactStep]:
    lower = Fraction(0)
    for tier in price.tiers:
        upper = _upper(tier, price.bounds, unit)
        inside = max((quantity if upper is None else min(quantity, upper)) - lower, Fraction(0))
        if inside or _charged_at_zero(price.at_zero_usage, quantity, lower):
            yield from _tier_steps(tier, inside, _span(lower, upper, unit))
        if upper is None or quantity <= upper:
            return
        lower = upper


def _volume(price: Volume, quantity: Fraction, unit: str) -> Iterator[ExactStep]:
    lower = Fraction(0)
    for tier in price.tiers:
        upper = _upper(tier, price.bounds, unit)
        if upper is None or quantity < upper or (quantity == upper and _closed(price.bounds, unit)):
            if quantity or price.at_zero_usage == "charge":
                yield from _tier_steps(tier, quantity, _span(lower, upper, unit))
            return
        lower = upper


def _package(price: Package, quantity: Fraction, unit: str) -> Iterator[ExactStep]:
    size = Fraction(price.size)
    blocks = quantity / size
    if price.started != "prorate":
        full, rest = divmod(quantity, size)
        blocks = Fraction(full + (1 if rest and price.started == "charge" else 0))
    words = f"packages of {shown(size)} {unit}s for {shown(quantity)} {unit}s"
    each = Fraction(price.price)
    yield ExactStep("package", words, blocks * each, blocks, each)


def _tier_steps(tier: Tier, quantity: Fraction, span: str) -> Iterator[ExactStep]:
    each, fee = Fraction(tier.unit_price), Fraction(tier.fee)
    yield ExactStep("tier", span, quantity * each, quantity, each)
    if fee:
        yield ExactStep("fee", f"fee of the tier: {span}", fee, Fraction(1), fee)


def _charged_at_zero(at_zero: AtZero, quantity: Fraction, lower: Fraction) -> bool:
    return at_zero == "charge" and not quantity and not lower


def _closed(bounds: Bounds, unit: str) -> bool:
    """Whether the bound returned by `_upper` belongs to the tier below it."""
    return bounds == "inclusive" or unit == "contact"


def _upper(tier: Tier, bounds: Bounds, unit: str) -> Fraction | None:
    """The last quantity of the tier. Contacts are counted one by one, so an exclusive bound is one lower."""
    if tier.up_to is None:
        return None
    upper = Fraction(tier.up_to)
    return upper - 1 if bounds == "exclusive" and unit == "contact" else upper


def _span(lower: Fraction, upper: Fraction | None, unit: str) -> str:
    if upper is None:
        return f"above {shown(lower)} {unit}s" if lower else f"every {unit}"
    if not lower:
        return f"up to {shown(upper)} {unit}s"
    return f"above {shown(lower)} up to {shown(upper)} {unit}s"


_MODELS: dict[type, Callable[[Any, Fraction, str], Iterator[ExactStep]]] = {
    Flat: _flat,
    PerUnit: _per_unit,
    Graduated: _graduated,
    Volume: _volume,
    Package: _package,
}
