"""The example contracts, recomputed by hand-written SQL that shares no code with rating."""

import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

import crewline_app.demo
from crewline_billing.rating.rules import fees_of, invoice_rounding, rate_contract, tax_lines
from crewline_billing.rating.rules_lines import ContactUsage, Usage
from crewline_infra.errors import Invalid
from crewline_infra.periods import month_period
from crewline_tenants.contracts.rules import parse
from crewline_tenants.contracts.rules_terms import Contract
from tests.billing.rating.oracle import COLUMNS, ORACLES, by_sql

CONTRACTS = Path(crewline_app.demo.__file__).parent / "contracts"
MARCH = month_period("1999-03", "Asia/Jerusalem")


def contacts(seed: int, size: int) -> Iterator[ContactUsage]:
    chance = random.Random(seed)
    for number in range(size):
        answered = chance.random() < 0.8
        yield ContactUsage(
            contact_id=UUID(int=number),
            ended_at=MARCH.starts_at + timedelta(seconds=number * 20),
            outcome="answered" if answered else "abandoned",
            handled=int(answered),
            offered=1,
            talk_ms=int(chance.lognormvariate(11.5, 1)) if answered else 0,
            hold_ms=chance.choice([0, 0, 12_345]) if answered else 0,
            wrap_ms=chance.randrange(0, 120_000) if answered else 0,
        )


def rows_of(used: list[ContactUsage]) -> list[tuple[int, ...]]:
    return [tuple(getattr(one, name) for name in COLUMNS) for one in used]


def net(contract: Contract, used: list[ContactUsage]) -> Decimal:
    lines = rate_contract(contract, Usage(contacts=used), MARCH)
    last = invoice_rounding(contract, lines)
    return fees_of(lines if last is None else [*lines, last])


@pytest.mark.parametrize("tenant", sorted(ORACLES))
@pytest.mark.parametrize(("seed", "size"), [(1, 0), (2, 1), (3, 90), (4, 700), (5, 3200), (6, 25_000)])
def test_another_engine_finds_the_same_total(tenant: str, seed: int, size: int) -> None:
    used = list(contacts(seed, size))
    contract = parse((CONTRACTS / f"{tenant}.yaml").read_text())
    assert net(contract, used) == by_sql(tenant, rows_of(used)).quantize(Decimal("0.01"))


def test_every_example_contract_has_an_oracle() -> None:
    assert {path.stem for path in CONTRACTS.glob("*.yaml")} == set(ORACLES)


def test_tax_is_taken_of_the_sum_and_not_of_each_line() -> None:
    """Two lines of 0.03 at 17 %: 0.01 on the sum of 0.06, and 0.02 if each line were taxed alone."""
    contract = parse(
        """
version: 1
currency: ILS
time_zone: Asia/Jerusalem
effective_from: 1999-01-01
taxes: [{code: vat, label: VAT, rate_percent: 17}, {code: zero, label: Exempt, rate_percent: 0}]
items:
  - {id: a, label: A, tax: vat, price: {model: flat, amount: "0.03"}}
  - {id: b, label: B, tax: vat, price: {model: flat, amount: "0.03"}}
"""
    )
    (tax,) = tax_lines(contract, rate_contract(contract, Usage()))
    assert (tax.code, tax.base, tax.amount) == ("vat", Decimal("0.06"), Decimal("0.01"))


def test_the_sum_of_an_invoice_is_rounded_in_a_line_of_its_own() -> None:
    contract = parse((CONTRACTS / "tt.yaml").read_text())
    lines = rate_contract(contract, Usage(contacts=list(contacts(7, 1))))
    last = invoice_rounding(contract, lines)
    assert last is not None
    total = fees_of([*lines, last])
    assert total == round(total, 2)
    assert abs(last.amount) < Decimal("0.01")
    assert invoice_rounding(contract, [*lines, last]) is None


def test_a_contact_outside_the_period_stops_the_calculation() -> None:
    contract = parse((CONTRACTS / "pe.yaml").read_text())
    (used,) = contacts(1, 1)
    late = ContactUsage(contact_id=used.contact_id, ended_at=MARCH.ends_at, handled=1)
    with pytest.raises(Invalid, match="outside the period 1999-03"):
        rate_contract(contract, Usage(contacts=[used, late]), MARCH)
    before = month_period("1998-12", "Asia/Jerusalem")
    with pytest.raises(Invalid, match="in force from 1999-01-01"):
        rate_contract(contract, Usage(), before)
    first = month_period("1999-01", "Asia/Jerusalem")
    assert fees_of(rate_contract(contract, Usage(), first)) == 700


def test_a_large_month_costs_the_same_in_any_order() -> None:
    """60,000 contacts under all six contracts."""
    used = list(contacts(9, 60_000))
    for path in CONTRACTS.glob("*.yaml"):
        contract = parse(path.read_text())
        assert net_of(contract, used) == net_of(contract, used[::-1])


def net_of(contract: Contract, used: list[ContactUsage]) -> Decimal:
    return fees_of(rate_contract(contract, Usage(contacts=used)))
