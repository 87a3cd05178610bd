"""What must hold for every price, and a second calculation that shares nothing with the first."""

import random
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from crewline_billing.rating.rules import rate_contract, rate_item
from crewline_billing.rating.rules_lines import ContactUsage, RatedLine, Usage
from crewline_billing.rating.rules_measure import measure, per_contact
from crewline_infra.money import RoundingMode
from crewline_tenants.contracts.rules_price import (
    Flat,
    Graduated,
    Package,
    PerUnit,
    Price,
    Tier,
    Volume,
)
from crewline_tenants.contracts.rules_terms import Commitment, Contract, Item, TimeRule
from crewline_tenants.contracts.rules_types import Number, Positive, Rounding

MONEY = st.decimals(0, 500, places=4).map(Number)
COUNTS = st.integers(0, 400)
BOUNDS = st.lists(st.integers(1, 300), max_size=4, unique=True).map(sorted)
ROUNDINGS = st.builds(Rounding, mode=st.sampled_from(RoundingMode), places=st.integers(0, 4))


@st.composite
def tiers(draw: st.DrawFn, fees: bool = True) -> tuple[Tier, ...]:
    uppers = [Positive(upper) for upper in draw(BOUNDS)]
    fee = MONEY if fees else st.just(Number(0))
    return tuple(Tier(unit_price=draw(MONEY), up_to=upper, fee=draw(fee)) for upper in [*uppers, None])


SIDES = st.sampled_from(["inclusive", "exclusive"])
GRADUATED = st.builds(Graduated, tiers=tiers(), bounds=SIDES)
SIMPLE: st.SearchStrategy[Price] = st.one_of(
    st.builds(Flat, amount=MONEY),
    st.builds(PerUnit, unit_price=MONEY),
    st.builds(Package, size=st.integers(1, 50).map(Positive), price=MONEY),
    GRADUATED,
)
PRICES: st.SearchStrategy[Price] = st.one_of(SIMPLE, st.builds(Volume, tiers=tiers(), bounds=SIDES))
RULES = st.builds(
    TimeRule,
    include=st.just(("talk", "hold", "wrap")),
    wrap_cap_s=st.none() | st.integers(0, 120),
    free_below_s=st.integers(0, 20),
    free_first_s=st.integers(0, 20),
    minimum_s=st.integers(0, 40),
    increment_s=st.sampled_from([0, 1, 6, 20, 30, 60]),
    round=st.sampled_from(["up", "nearest", "down"]),
    apply=st.sampled_from(["contact", "total"]),
    unit=st.sampled_from(["second", "minute", "hour"]),
)
MS = st.integers(0, 400_000)
CONTACTS = st.lists(st.tuples(MS, MS, MS), max_size=30).map(
    lambda parts: [
        ContactUsage(contact_id=UUID(int=number), handled=1, offered=1, talk_ms=talk, hold_ms=hold, wrap_ms=wrap)
        for number, (talk, hold, wrap) in enumerate(parts)
    ]
)


def item(price: Price, rule: TimeRule | None = None, **more: Number) -> Item:
    meter = "contact.handled" if rule is None else "time.handle"
    return Item(id="line", label="Line", price=price, meter=meter, time=rule, **more)  # type: ignore[arg-type]  # test data


def count(quantity: int) -> Usage:
    return Usage(quantities={"contact.handled": Decimal(quantity)})


def adds_up(line: RatedLine) -> bool:
    return sum((Fraction(step.amount) for step in line.steps), Fraction(0)) == Fraction(line.amount)


@given(PRICES, COUNTS, ROUNDINGS, MONEY, st.none() | MONEY)
def test_the_steps_of_a_line_add_up_to_its_amount(
    price: Price, quantity: int, rounding: Rounding, included: Number, cap: Number | None
) -> None:
    line = rate_item(item(price, included=included), count(quantity), rounding)
    assert adds_up(line)
    assert line.amount >= 0
    capped = rate_item(item(price, cap=cap), count(quantity), rounding)  # type: ignore[arg-type]  # test data
    assert adds_up(capped)
    if cap is not None and rounding.mode is RoundingMode.DOWN:
        assert capped.amount <= cap


@given(PRICES, CONTACTS, RULES, ROUNDINGS)
def test_time_adds_up_too_in_any_unit(
    price: Price, contacts: list[ContactUsage], rule: TimeRule, rounding: Rounding
) -> None:
    assert adds_up(rate_item(item(price, rule), Usage(contacts=contacts), rounding))


@given(SIMPLE, COUNTS, COUNTS)
def test_more_usage_never_costs_less(price: Price, one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert rate_item(item(price), count(less)).amount <= rate_item(item(price), count(more)).amount


@given(CONTACTS, RULES, st.randoms(use_true_random=False))
def test_the_order_of_contacts_does_not_matter(
    contacts: list[ContactUsage], rule: TimeRule, chance: random.Random
) -> None:
    shuffled = chance.sample(contacts, len(contacts))
    assert measure(item(PerUnit(unit_price=Number(1)), rule), contacts) == measure(
        item(PerUnit(unit_price=Number(1)), rule), shuffled
    )


@given(CONTACTS, RULES, st.integers(0, 30))
def test_a_period_measured_in_two_parts_is_the_same_period(
    contacts: list[ContactUsage], rule: TimeRule, cut: int
) -> None:
    one = item(PerUnit(unit_price=Number(1)), rule)
    whole = sum(ms for _, ms in per_contact(one, contacts))
    parts = [per_contact(one, contacts[:cut]), per_contact(one, contacts[cut:])]
    assert whole == sum(ms for part in parts for _, ms in part)
    if rule.apply == "contact":
        assert measure(one, contacts).billed == whole


@given(tiers(), SIDES, COUNTS)
def test_graduated_equals_pricing_unit_by_unit(steps: tuple[Tier, ...], side: str, quantity: int) -> None:
    price = Graduated(tiers=steps, bounds=side)  # type: ignore[arg-type]  # drawn from its words
    expected, reached = Decimal(0), set()
    for unit in range(1, quantity + 1):
        index = place_of(unit, steps, side)
        expected += steps[index].unit_price
        reached.add(index)
    expected += sum((steps[index].fee for index in reached), Decimal(0))
    exact = Rounding(places=6)
    assert rate_item(item(price), count(quantity), exact).amount == expected


@given(tiers(), SIDES, st.integers(1, 400))
def test_volume_equals_the_price_of_the_last_unit_for_all(steps: tuple[Tier, ...], side: str, quantity: int) -> None:
    price = Volume(tiers=steps, bounds=side)  # type: ignore[arg-type]  # drawn from its words
    tier = steps[place_of(quantity, steps, side)]
    expected = quantity * tier.unit_price + tier.fee
    assert rate_item(item(price), count(quantity), Rounding(places=6)).amount == expected


def place_of(unit: int, steps: tuple[Tier, ...], side: str) -> int:
    """The index of the tier of the n-th unit."""
    for index, tier in enumerate(steps):
        if tier.up_to is None or unit < tier.up_to or (side == "inclusive" and unit == tier.up_to):
            return index
    raise AssertionError("the last tier is open")


@given(SIMPLE, COUNTS, st.integers(1, 10_000).map(Positive))
def test_a_commitment_is_always_reached_and_never_passed(price: Price, quantity: int, minimum: Positive) -> None:
    contract = Contract(
        version=1,
        currency="EUR",
        time_zone="UTC",
        effective_from="2026-01-01",  # type: ignore[arg-type]  # not looked at
        items=(item(price),),
        commitments=(Commitment(id="least", label="Least", minimum=minimum),),
    )
    fee, *true_up = rate_contract(contract, count(quantity))
    total = sum((line.amount for line in true_up), fee.amount)
    assert total == max(fee.amount, minimum)
    assert all(adds_up(line) for line in true_up)
