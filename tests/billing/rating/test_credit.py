"""Service-level credits: figures of the reference, caps, and months without enough contacts."""

from decimal import Decimal
from typing import Any

import pytest

from crewline_billing.rating.rules_credit import ClauseResult, rate_credits, verdict
from crewline_billing.rating.rules_lines import RatedLine
from crewline_infra.errors import Invalid
from crewline_tenants.contracts.rules import from_document
from crewline_tenants.contracts.rules_terms import Contract

MISSED = ClauseResult(numerator=70, denominator=100, offered=100)
MET = ClauseResult(numerator=80, denominator=100, offered=100)


def clause(name: str, **changes: Any) -> dict[str, Any]:
    values = {"id": name, "label": name, "target_percent": 80, "threshold_s": 20, "credit": {"percent": 3}}
    return values | changes


def contract(*clauses: dict[str, Any], cap: Any = 5, **changes: Any) -> Contract:
    return from_document(
        {
            "version": 1,
            "currency": "ILS",
            "time_zone": "Asia/Jerusalem",
            "effective_from": "1999-01-01",
            "items": [
                {"id": "fee", "label": "Fee", "price": {"model": "flat", "amount": 200_000}},
                {"id": "extra", "label": "Extra", "price": {"model": "flat", "amount": 0}},
            ],
            "service_levels": {"clauses": list(clauses), "cap_percent": cap},
        }
        | changes
    )


def fees(fee: str = "200000.00", extra: str = "0.00") -> list[RatedLine]:
    return [
        RatedLine(item_id=name, kind="fixed", labels={"en": name}, amount=Decimal(amount), steps=())
        for name, amount in (("fee", fee), ("extra", extra))
    ]


def amounts(terms: Contract, results: dict[str, ClauseResult], lines: list[RatedLine] | None = None) -> list[str]:
    found = rate_credits(terms, lines or fees(), results)
    for line in found:
        assert line.kind == "credit"
        assert sum((step.amount for step in line.steps), Decimal(0)) == line.amount
    return [f"{line.amount:f}" for line in found]


def test_one_miss_and_two_misses_under_a_cap() -> None:
    """Fee 200,000, 3 % per missed clause, cap 5 % (reference fixture T12): 6,000, and 10,000 for two."""
    terms = contract(clause("one"), clause("two"))
    assert amounts(terms, {"one": MISSED, "two": MET}) == ["-6000.00"]
    assert amounts(terms, {"one": MISSED, "two": MISSED}) == ["-5000.00", "-5000.00"]
    assert amounts(terms, {"one": MET, "two": MET}) == []


def test_a_cap_that_does_not_divide_is_shared_to_the_cent() -> None:
    terms = contract(*(clause(name) for name in ("a", "b", "c")))
    found = amounts(terms, dict.fromkeys("abc", MISSED), fees("200.03"))
    assert found == ["-3.34", "-3.33", "-3.33"]


def test_the_target_itself_is_met_and_a_hair_below_is_not() -> None:
    hair = ClauseResult(numerator=79_999, denominator=100_000, offered=100_000)
    exact = contract(clause("one")).service_levels
    rounded = contract(clause("one", compare="rounded")).service_levels
    assert exact is not None
    assert rounded is not None
    assert verdict(exact.clauses[0], MET) == "met"
    assert verdict(exact.clauses[0], hair) == "missed"
    assert verdict(rounded.clauses[0], hair) == "met"


def test_too_few_contacts_owe_nothing() -> None:
    terms = contract(clause("one", minimum_sample=101))
    assert amounts(terms, {"one": MISSED}) == []
    assert amounts(contract(clause("one", minimum_sample=100)), {"one": MISSED}) == ["-6000.00"]
    none = ClauseResult(numerator=0, denominator=0, offered=0)
    assert amounts(contract(clause("one")), {"one": none}) == []


@pytest.mark.parametrize(
    ("percent", "expected"), [(80, []), (79, ["-2000.00"]), (78, ["-4000.00"]), (70, ["-8000.00"])]
)
def test_points_below_the_target_count_one_by_one_up_to_a_cap(percent: int, expected: list[str]) -> None:
    credit = {"percent": 1, "per": "point", "cap_percent": 4}
    result = ClauseResult(numerator=percent, denominator=100, offered=100)
    assert amounts(contract(clause("one", credit=credit), cap=100), {"one": result}) == expected


def test_started_points_do_not_count() -> None:
    credit = {"percent": 1, "per": "point"}
    result = ClauseResult(numerator=781, denominator=1000, offered=1000)
    assert amounts(contract(clause("one", credit=credit)), {"one": result}) == ["-2000.00"]


def test_a_credit_may_look_at_named_items_only() -> None:
    credit = {"percent": 10, "of": ["extra"]}
    terms = contract(clause("one", credit=credit), cap=100)
    assert amounts(terms, {"one": MISSED}, fees(extra="50.55")) == ["-5.06"]


def test_a_clause_without_a_result_stops_the_invoice() -> None:
    with pytest.raises(Invalid, match="two has no result"):
        rate_credits(contract(clause("one"), clause("two")), fees(), {"one": MET})


def test_a_contract_without_clauses_credits_nothing() -> None:
    terms = contract(service_levels=None)
    assert rate_credits(terms, fees(), {}) == []
