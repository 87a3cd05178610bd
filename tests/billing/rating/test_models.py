"""Every price model against amounts worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest

from crewline_billing.rating.rules_file import parse_trial, rate_trial
from crewline_billing.rating.rules_lines import RatedLine
from crewline_infra.canonical import canonical_json

TIERS = [{"up_to": 10, "unit_price": 10}, {"unit_price": 5}]
FEES = [{"up_to": 10, "unit_price": 10, "fee": 3}, {"unit_price": 5, "fee": 7}]


def price(**document: Any) -> list[RatedLine]:
    return rate_trial(parse_trial(canonical_json(document).decode()))


def amount(**document: Any) -> str:
    return f"{sum((line.amount for line in price(**document)), Decimal(0)):f}"


@pytest.mark.parametrize(
    ("usage", "expected"),
    [(0, "0.00"), (1, "10.00"), (10, "100.00"), (11, "105.00"), (25, "175.00")],
)
def test_graduated_prices_each_unit_in_its_own_tier(usage: int, expected: str) -> None:
    """11 and 25 are the published probe on which another implementation answers 110 and 270."""
    assert amount(model="graduated", tiers=TIERS, usage=usage) == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [(0, "0.00"), (9, "90.00"), (10, "100.00"), (11, "55.00"), (25, "125.00")],
)
def test_volume_prices_all_units_in_the_last_tier(usage: int, expected: str) -> None:
    assert amount(model="volume", tiers=TIERS, usage=usage) == expected


@pytest.mark.parametrize(
    ("model", "usage", "expected"),
    [
        ("graduated", 9, "90.00"),
        ("graduated", 10, "95.00"),
        ("graduated", 11, "100.00"),
        ("volume", 9, "90.00"),
        ("volume", 10, "50.00"),
    ],
)
def test_an_exclusive_bound_belongs_to_the_next_tier(model: str, usage: int, expected: str) -> None:
    assert amount(model=model, tiers=TIERS, usage=usage, bounds="exclusive") == expected


def test_bounds_of_time_cut_between_milliseconds() -> None:
    """Ten minutes sharp: a graduated price has no unit on its bound, a volume price has all of them on it."""
    ten = {"seconds": [600]}
    for bounds, graduated, volume in [("inclusive", "100.00", "100.00"), ("exclusive", "100.00", "50.00")]:
        assert amount(model="graduated", tiers=TIERS, usage=ten, bounds=bounds) == graduated
        assert amount(model="volume", tiers=TIERS, usage=ten, bounds=bounds) == volume


@pytest.mark.parametrize(
    ("model", "usage", "at_zero", "expected"),
    [
        ("graduated", 0, "skip", "0.00"),
        ("graduated", 0, "charge", "3.00"),
        ("graduated", 4, "skip", "43.00"),
        ("graduated", 11, "skip", "115.00"),
        ("volume", 0, "skip", "0.00"),
        ("volume", 0, "charge", "3.00"),
        ("volume", 11, "skip", "62.00"),
    ],
)
def test_a_tier_fee_is_due_once_the_tier_is_reached(model: str, usage: int, at_zero: str, expected: str) -> None:
    assert amount(model=model, tiers=FEES, usage=usage, at_zero_usage=at_zero) == expected


@pytest.mark.parametrize(
    ("at_zero", "usage", "expected"),
    [("charge", 0, "99.00"), ("skip", 0, "0.00"), ("skip", 1, "99.00")],
)
def test_a_flat_fee_without_usage_is_due_or_waived(at_zero: str, usage: int, expected: str) -> None:
    assert amount(model="flat", amount=99, at_zero_usage=at_zero, usage=usage) == expected


@pytest.mark.parametrize(
    ("started", "usage", "expected"),
    [
        ("charge", 0, "0.00"),
        ("charge", 1, "40.00"),
        ("charge", 100, "40.00"),
        ("charge", 101, "80.00"),
        ("free", 99, "0.00"),
        ("free", 250, "80.00"),
        ("prorate", 250, "100.00"),
    ],
)
def test_a_started_package_counts_as_agreed(started: str, usage: int, expected: str) -> None:
    assert amount(model="package", size=100, price=40, started=started, usage=usage) == expected


@pytest.mark.parametrize(("usage", "expected"), [(0, "0.00"), (50, "0.00"), (51, "2.00"), (60, "20.00")])
def test_an_allowance_is_free_and_only_the_rest_is_priced(usage: int, expected: str) -> None:
    assert amount(model="per_unit", unit_price=2, included=50, usage=usage) == expected


def test_a_cap_holds_and_keeps_the_gross_visible() -> None:
    (line,) = price(model="per_unit", unit_price=2, cap=30, usage=20)
    assert [(step.code, str(step.amount)) for step in line.steps] == [
        ("measured", "0.00"),
        ("unit", "40.00"),
        ("cap", "-10.00"),
    ]
    assert amount(model="per_unit", unit_price=2, cap=30, usage=15) == "30.00"


def test_a_minimum_adds_a_line_of_its_own_only_where_something_is_missing() -> None:
    fee, true_up = price(model="per_unit", unit_price="0.35", minimum=100, usage=10)
    assert (fee.kind, fee.amount) == ("usage", Decimal("3.50"))
    assert (true_up.kind, true_up.amount) == ("true_up", Decimal("96.50"))
    assert len(price(model="per_unit", unit_price=10, minimum=100, usage=10)) == 1


def test_a_percentage_is_taken_of_an_amount() -> None:
    assert amount(model="percentage", percent="4.5", usage="1234.56") == "55.56"
    assert amount(model="percentage", percent=3, usage=200_000, cap=5_000) == "5000.00"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("half_up", "0.03"), ("half_even", "0.02"), ("up", "0.03"), ("down", "0.02")],
)
def test_half_a_cent_goes_where_the_contract_says(mode: str, expected: str) -> None:
    """25 units at 0.001 are 0.025."""
    document = {"model": "per_unit", "unit_price": "0.001", "usage": 25}
    assert amount(**document, rounding={"mode": mode}) == expected


@pytest.mark.parametrize(("currency", "expected"), [("EUR", "0.33"), ("JPY", "0"), ("KWD", "0.333")])
def test_amounts_round_to_the_places_of_the_currency(currency: str, expected: str) -> None:
    assert amount(model="per_unit", unit_price="0.333", usage=1, currency=currency) == expected


def test_thirds_of_a_minute_add_up_before_they_are_rounded() -> None:
    """20 s at 0.03 a minute are exactly one cent; parts rounded on the way would be less, and round down to nothing."""
    tiers = [{"up_to": "0.333333333333", "unit_price": "0.03"}, {"unit_price": "0.03"}]
    assert amount(model="graduated", tiers=tiers, usage={"seconds": [20]}) == "0.01"
    down = {"mode": "down"}
    assert amount(model="graduated", tiers=tiers, usage={"seconds": [20]}, rounding=down) == "0.01"
    (line,) = price(model="per_unit", unit_price="0.05", usage={"seconds": [20]}, rounding={"places": 4})
    assert line.amount == Decimal("0.0167")
    assert [step.code for step in line.steps] == ["measured", "unit", "rounding"]
