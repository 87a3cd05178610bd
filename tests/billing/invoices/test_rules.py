"""Building a bill: states as a table, sums that add up, taxes rounded once, credits under their caps."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from crewline_billing.invoices.rules import Bill, build, fingerprint
from crewline_billing.invoices.rules_facts import Facts
from crewline_billing.invoices.rules_state import (
    FROZEN,
    TRANSITIONS,
    Action,
    State,
    allowed_actions,
    next_state,
)
from crewline_infra.errors import Conflict, Invalid
from crewline_infra.periods import month_period
from crewline_reporting.statements.rules import InvoiceLine
from crewline_tenants.contracts.rules import parse
from tests.billing.scene import CONTRACT, PERIOD, QUEUES, ZONE, bill, month, record

TAXED = """
version: 1
currency: ILS
time_zone: Asia/Jerusalem
effective_from: 1999-01-01
rounding: {mode: half_up, places: 2, at: invoice, carry_places: 5}
taxes:
  - {code: full, label: VAT, rate_percent: 17}
  - {code: low, label: Reduced, rate_percent: "5.5"}
  - {code: none, label: Exempt, rate_percent: 0}
items:
  - {id: a, label: A, meter: contact.handled, price: {model: per_unit, unit_price: "0.33333"}, tax: full}
  - {id: b, label: B, meter: contact.offered, price: {model: per_unit, unit_price: "0.14285"}, tax: low}
  - {id: c, label: C, meter: contact.handled, price: {model: per_unit, unit_price: "0.11111"}, tax: low}
  - {id: d, label: D, price: {model: flat, amount: "10.005"}, tax: none}
service_levels:
  cap_percent: 8
  tax: full
  clauses:
    - {id: x, label: X, target_percent: 100, threshold_s: 1, credit: {percent: 6}}
    - {id: y, label: Y, target_percent: 99, threshold_s: 1, credit: {percent: 30}}
"""


def test_a_draft_can_reach_every_state_but_never_leave_a_final_one() -> None:
    assert {target for (_state, _action), target in TRANSITIONS.items()} == set(State)
    assert allowed_actions(State.PAID) == allowed_actions(State.VOID) == []
    assert next_state(State.DRAFT, Action.REVIEW) is State.REVIEWED


@pytest.mark.parametrize("state", sorted(FROZEN))
@pytest.mark.parametrize("action", [Action.REPLACE, Action.REVIEW, Action.REOPEN, Action.ISSUE])
def test_a_frozen_invoice_takes_no_step_back(state: State, action: Action) -> None:
    with pytest.raises(Conflict, match=f"that is {state} cannot take the step '{action}'"):
        next_state(state, action)


@given(st.integers(0, 500), st.integers(0, 300))
@settings(deadline=None, max_examples=40)
def test_totals_are_the_sums_of_their_parts_and_tax_is_rounded_once(handled: int, abandoned: int) -> None:
    made = made_of(handled, abandoned)
    lines, totals = made.lines, made.totals
    assert totals.net == sum(line.amount for line in lines)
    assert totals.net == totals.net.quantize(Decimal("0.01"))
    assert totals.total == totals.net + totals.tax == totals.net + sum(tax.amount for tax in totals.taxes)
    for tax in totals.taxes:
        base = sum((Fraction(line.amount) for line in lines if line.tax == tax.code), Fraction(0))
        assert Fraction(tax.base) == base
        assert abs(Fraction(tax.amount) - base * Fraction(tax.rate_percent) / 100) <= Fraction(1, 200)
    for line in lines:
        assert sum(step.amount for step in line.arithmetic) == line.amount


@given(st.integers(0, 400), st.integers(1, 300))
@settings(deadline=None, max_examples=40)
def test_credits_never_pass_their_cap(handled: int, abandoned: int) -> None:
    lines = made_of(handled, abandoned).lines
    fees = sum(
        (line.amount for line in lines if line.kind in ("usage", "fixed") and line.item != "rounding"), Decimal(0)
    )
    credits = [line for line in lines if line.kind == "credit"]
    assert len(credits) == 2
    assert 0 <= -sum(line.amount for line in credits) <= fees * Decimal("0.08")


def made_of(handled: int, abandoned: int) -> Bill:
    facts = Facts(parse(TAXED), PERIOD, QUEUES)
    late = record(1, PERIOD.starts_at + timedelta(days=9), wait_ms=5_000)
    lost = replace(late, outcome="abandoned", answered_at=None, talk_ms=0, wait_ms=9_000)
    for one in [late] * handled + [lost] * abandoned:
        facts.add(one)
    return build(parse(TAXED), facts)


def test_a_contact_counts_for_the_month_it_waited_in_and_is_billed_in_the_month_it_ended() -> None:
    night = record(1, PERIOD.ends_at, queued_at=PERIOD.ends_at.replace(hour=20))
    march, april = Facts(parse(CONTRACT), PERIOD, QUEUES), Facts(parse(CONTRACT), month_period("1999-04", ZONE), QUEUES)
    for facts in (march, april):
        facts.add(night)
    assert [line.offered for line in build(parse(CONTRACT), march).service_levels] == [1, 1]
    assert [line.offered for line in build(parse(CONTRACT), april).service_levels] == [0, 0]
    assert line_of(build(parse(CONTRACT), march), "handled").quantity == 0
    assert line_of(build(parse(CONTRACT), april), "handled").quantity == 1


def line_of(made: Bill, item: str) -> InvoiceLine:
    return next(line for line in made.lines if line.item == item)


def test_the_order_of_records_changes_nothing() -> None:
    records = month(3)
    assert fingerprint(bill(records)) == fingerprint(bill(records[::-1]))


def test_a_contract_that_begins_later_is_refused() -> None:
    with pytest.raises(Invalid, match="in force from 1999-04-01"):
        bill(month(), CONTRACT.replace("effective_from: 1999-01-01", "effective_from: 1999-04-01"))
