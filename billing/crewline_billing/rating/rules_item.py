"""Rate one item of the rate card: measure, allowance, price, cap, one rounding."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from crewline_billing.rating.rules_exact import rounded, shown
from crewline_billing.rating.rules_lines import LineKind, RatedLine, Step, Usage
from crewline_billing.rating.rules_measure import UNIT_MS, Measured, measure
from crewline_billing.rating.rules_price import ExactStep, price_steps
from crewline_infra.errors import Invalid
from crewline_tenants.contracts.rules_price import Flat, Percentage
from crewline_tenants.contracts.rules_terms import Filter, Item, TimeRule
from crewline_tenants.contracts.rules_types import Label, Rounding

Priced: TypeAlias = tuple[Decimal, tuple[Step, ...]]
"""An amount and the printed steps that add up to it."""

AMOUNT_MAX = 10**15
"""A runaway guard. It also keeps every sum of amounts (15 digits and 12 places) exact in plain Decimals."""


def rate_item(item: Item, usage: Usage, rounding: Rounding | None = None) -> RatedLine:
    """Price the usage of one period under one item. Raises `Invalid` for a percentage (it needs the other lines)."""
    if isinstance(item.price, Percentage):
        raise Invalid(f"item {item.id}: a percentage needs the fees of the other items.")
    terms = rounding or Rounding()
    unit, quantity, contacts, steps = _measured(item, usage)
    charged = max(quantity - Fraction(item.included), Fraction(0))
    if item.included:
        words = f"included: up to {shown(Fraction(item.included))} {unit}s are free"
        steps.append(ExactStep("included", words, Fraction(0), charged - quantity))
    steps += price_steps(item.price, charged, unit)
    steps += cap_steps(item.cap, steps)
    amount, printed = finish(steps, terms)
    return RatedLine(
        item_id=item.id,
        kind="fixed" if isinstance(item.price, Flat) else "usage",
        labels=labels(item.label),
        amount=amount,
        steps=printed,
        meter=item.meter,
        unit=unit,
        quantity=shown(quantity),
        contacts=contacts,
        tax=item.tax,
    )


def rate_percentage(item: Item, price: Percentage, fees: Decimal, rounding: Rounding) -> RatedLine:
    """`percent` of `fees`, the sum of the lines it refers to as they were rounded."""
    base, percent = Fraction(fees), Fraction(price.percent)
    words = f"{shown(percent)} % of fees of {shown(base, rounding.places)}"
    steps = [ExactStep("percentage", words, base * percent / 100, base, percent / 100)]
    steps += cap_steps(item.cap, steps)
    return plain_line(item.id, "fixed", item.label, finish(steps, rounding), item.tax)


def plain_line(item_id: str, kind: LineKind, label: Label, priced: Priced, tax: str | None) -> RatedLine:
    """A line that is not measured in usage."""
    amount, steps = priced
    return RatedLine(item_id=item_id, kind=kind, labels=labels(label), amount=amount, steps=steps, tax=tax)


def cap_steps(cap: Decimal | None, steps: Sequence[ExactStep]) -> list[ExactStep]:
    """The step that takes off what is above the cap, so that the gross amount stays visible."""
    gross = sum((step.amount for step in steps), Fraction(0))
    if cap is None or gross <= Fraction(cap):
        return []
    return [ExactStep("cap", f"capped at {shown(Fraction(cap))}", Fraction(cap) - gross)]


def finish(steps: Sequence[ExactStep], rounding: Rounding) -> Priced:
    """Round the exact sum once. A last step holds the difference, so that the printed steps add up to the amount."""
    exact = sum((step.amount for step in steps), Fraction(0))
    if abs(exact) >= AMOUNT_MAX:
        raise Invalid("An amount of 10^15 or more is a mistake in a price or a quantity.")
    amount = rounded(exact, rounding.line_places, rounding.mode)
    printed = [_printed(step, rounding.places) for step in steps]
    missing = Fraction(amount) - sum((Fraction(step.amount) for step in printed), Fraction(0))
    if missing:
        words = f"rounded {rounding.mode.value} to {rounding.line_places} places"
        printed.append(Step(code="rounding", words=words, amount=shown(missing)))
    return amount, tuple(printed)


def labels(label: Label) -> dict[str, str]:
    return {"en": label} if isinstance(label, str) else dict(label)


def _printed(step: ExactStep, places: int) -> Step:
    return Step(
        code=step.code,
        words=step.words,
        amount=shown(step.amount, places),
        quantity=None if step.quantity is None else shown(step.quantity),
        unit_price=None if step.unit_price is None else shown(step.unit_price, places),
    )


def _measured(item: Item, usage: Usage) -> tuple[str, Fraction, int, list[ExactStep]]:
    """Unit, quantity, contacts behind it, and the first step."""
    if item.meter is None:
        return "", Fraction(0), 0, []
    if item.meter in usage.quantities:
        return _given(item, usage.quantities[item.meter])
    found = measure(item, usage.contacts)
    step = ExactStep("measured", _words(item, found), Fraction(0), found.quantity)
    return found.unit, found.quantity, found.contacts, [step]


def _given(item: Item, quantity: Decimal) -> tuple[str, Fraction, int, list[ExactStep]]:
    """A bare quantity has no contacts that could be filtered."""
    if item.filter != Filter():
        raise Invalid(f"item {item.id}: a filter needs the contacts, not only a quantity.")
    unit = item.time.unit if item.time is not None else "contact"
    exact = Fraction(quantity)
    step = ExactStep("measured", f"{shown(exact)} {unit}s given", Fraction(0), exact)
    return unit, exact, 0, [step]


def _words(item: Item, found: Measured) -> str:
    if item.time is None:
        return f"{found.contacts} contacts"
    raw, billed = (shown(Fraction(ms, UNIT_MS["second"])) for ms in (found.raw, found.billed))
    return f"{found.contacts} contacts, {raw} s measured, {billed} s billed ({_minute(item.time)})"


def _minute(rule: TimeRule) -> str:
    if not rule.increment_s:
        return "to the millisecond"
    whole = "on the total" if rule.apply == "total" else "per contact"
    return f"{rule.increment_s} s, {rule.round}, {whole}"
