"""The example contracts, recomputed by hand-written SQL that shares no code with rating."""

import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import duckdb
import pytest

import crewline_app.demo
from crewline_billing.rating.rules import fees_of, invoice_rounding, rate_contract, tax_lines
from crewline_billing.rating.rules_lines import ContactUsage, Usage
from crewline_infra.errors import Invalid
from crewline_infra.periods import month_period
from crewline_tenants.contracts.rules import parse
from crewline_tenants.contracts.rules_terms import Contract

CONTRACTS = Path(crewline_app.demo.__file__).parent / "contracts"
MARCH = month_period("1999-03", "Asia/Jerusalem")

# Whole numbers and decimals only. `c` has one row per contact: handled, offered, talk, hold, wrap in ms.
COLUMNS = ("handled", "offered", "talk_ms", "hold_ms", "wrap_ms")
ORACLES = {
    "ps": """
with billed as (
  select (m + 5999) // 6000 * 6 as s
  from (select talk + hold + least(wrap, 60000) as m from c) where m >= 6000),
total as (select coalesce(sum(s), 0)::bigint as s from billed),
cents as (select least(s, 1200000) * 115 + greatest(least(s, 3000000) - 1200000, 0) * 102
                 + greatest(s - 3000000, 0) * 94 as sixtieths from total)
select 18500 + ((sixtieths + 30) // 60)::decimal(18,2) * 0.01 from cents""",
    "pe": "select greatest(5.80 * coalesce(sum(handled), 0), 700) from c",
    "ne": """
select 6200 + n * case when n <= 1500 then 6.40 when n <= 2600 then 5.75 else 5.20 end
from (select coalesce(sum(handled), 0)::decimal(18,0) as n from c)""",
    "nw": """
with a as (select ((coalesce(sum(handled), 0)::bigint + 99) // 100)::decimal(18,2) * 465 as packages from c),
over as (select coalesce(sum((talk + hold - 300000 + 29999) // 30000), 0)::decimal(18,0) as halves
         from c where talk + hold > 300000),
b as (select least(halves * 0.40, 2500) as long_calls from over)
select packages + long_calls + round((packages + long_calls) * 0.045, 2) from a, b""",
    "in": """
with m as (select coalesce(sum((talk + hold + wrap + 15000) // 30000), 0)::decimal(18,0) as halves from c)
select greatest(1400 + greatest(halves - 2000, 0) * 0.65, 1800) from m""",
    "tt": """
with t as (select ((coalesce(sum(talk), 0)::bigint + 999) // 1000)::decimal(18,0) as s,
                  coalesce(sum(offered), 0)::decimal(18,0) as n from c),
l as (select least(s * 0.0175, 2500) as minutes,
             case when n = 0 then 0 else 150 + least(n, 500) * 0.40 + greatest(n - 500, 0) * 0.25 end as attempts
      from t)
select round(minutes + attempts, 2) from l""",
}


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


def by_sql(tenant: str, used: list[ContactUsage]) -> Decimal:
    connection = duckdb.connect()
    connection.execute("create table c (handled int, offered int, talk bigint, hold bigint, wrap bigint)")
    columns = [[getattr(one, name) for one in used] for name in COLUMNS]
    values = ", ".join(f"unnest(${n}::bigint[])" for n in range(1, len(COLUMNS) + 1))
    connection.execute(f"insert into c select {values}", columns)
    found = connection.execute(ORACLES[tenant]).fetchone()
    assert found is not None
    return Decimal(str(found[0]))


def net(contract: Contract, used: list[ContactUsage]) -> Decimal:
    lines = rate_contract(contract, Usage(contacts=used), MARCH)
    last = invoice_rounding(contract, lines)
    return fees_of(lines if last is None else [*lines, last])


@pytest.mark.parametrize("tenant", sorted(ORACLES))
@pytest.mark.parametrize(("seed", "size"), [(1, 0), (2, 1), (3, 90), (4, 700), (5, 3200), (6, 25_000)])
def test_another_engine_finds_the_same_total(tenant: str, seed: int, size: int) -> None:
    used = list(contacts(seed, size))
    contract = parse((CONTRACTS / f"{tenant}.yaml").read_text())
    assert net(contract, used) == by_sql(tenant, used).quantize(Decimal("0.01"))


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


def test_a_large_month_costs_the_same_in_any_order() -> None:
    """60,000 contacts under all six contracts."""
    used = list(contacts(9, 60_000))
    for path in CONTRACTS.glob("*.yaml"):
        contract = parse(path.read_text())
        assert net_of(contract, used) == net_of(contract, used[::-1])


def net_of(contract: Contract, used: list[ContactUsage]) -> Decimal:
    return fees_of(rate_contract(contract, Usage(contacts=used)))
