"""Build a period's bill from its facts: rated lines, service-level credits, corrections, rounding, tax. Pure.

The same function makes the draft, the issued invoice, and the tenant's own recomputation.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from crewline_billing.invoices.rules_correction import Units, changed_units, correct, units_of
from crewline_billing.invoices.rules_facts import Facts
from crewline_billing.metering.rules import METERS
from crewline_billing.rating.rules import (
    RatedLine,
    invoice_rounding,
    rate_contract,
    tax_lines,
)
from crewline_billing.rating.rules_credit import VALUE_PLACES, ClauseResult, rate_credits, verdict
from crewline_billing.rating.rules_exact import rounded
from crewline_billing.rating.rules_item import labels
from crewline_billing.rating.rules_lines import Usage
from crewline_infra.canonical import canonical_json, sha256_hex
from crewline_infra.money import RoundingMode
from crewline_reporting.metrics.service_level import SERVICE_LEVELS
from crewline_reporting.statements.rules import (
    InvoiceLine,
    ServiceLevelLine,
    StepLine,
    TaxLine,
    Totals,
    UnitsLine,
    UsageLine,
    plain_line,
)
from crewline_tenants.contracts.rules_terms import Clause, Contract


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """Where corrections of an earlier period start from: its contract and the units billed so far."""

    contract: Contract
    billed: dict[str, int]


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """A period's bill before it has a number. `totals.net` is the sum of the lines, `total` is net plus tax.

    `units` says, for this period and every corrected one, what is billed when this bill is: later corrections start
    from there.
    """

    period: str
    currency: str
    usage: list[UsageLine]
    service_levels: list[ServiceLevelLine]
    units: list[UnitsLine]
    lines: list[InvoiceLine]
    totals: Totals


def build(contract: Contract, facts: Facts, bases: Mapping[str, Base] | None = None) -> Bill:
    """`bases` has an entry for every period with late contacts in `facts`.

    Raises `Invalid` when the contract was not in force at the beginning of the period.
    """
    fees = rate_contract(contract, Usage(contacts=facts.contacts), facts.period)
    own = [*fees, *rate_credits(contract, fees, facts.results())]
    now = {label: _units_now(facts, label, base) for label, base in sorted((bases or {}).items())}
    late = {
        label: correct(base.contract, label, base.billed, now[label]) for label, base in sorted((bases or {}).items())
    }
    rounding = invoice_rounding(contract, [*own, *(line for lines in late.values() for line in lines)])
    if rounding is not None:
        own.append(rounding)
    taxes = _taxes(contract, own, None)
    for label, lines in late.items():
        taxes += _taxes((bases or {})[label].contract, lines, label)
    return Bill(
        period=facts.period.label,
        currency=contract.currency,
        usage=_usage(facts),
        service_levels=[_service_level(count.clause, count.result()) for count in facts.clauses],
        units=[
            UnitsLine(period=label, items=units)
            for label, units in [(facts.period.label, units_of(contract, facts.contacts)), *now.items()]
        ],
        lines=_numbered(own, late),
        totals=_totals([*own, *(line for lines in late.values() for line in lines)], taxes),
    )


def document(bill: Bill) -> dict[str, Any]:
    """The bill as the JSON data that is stored, and frozen when the invoice is issued: numbers are text."""
    found: dict[str, Any] = json.loads(canonical_json(_parts(bill)))
    return found


def fingerprint(bill: Bill) -> str:
    """SHA-256 of the canonical JSON of `document`: two runs that agree in it agree in every figure and word."""
    return sha256_hex(canonical_json(_parts(bill)))


def _parts(bill: Bill) -> dict[str, object]:
    return {
        "period": bill.period,
        "currency": bill.currency,
        "usage": [plain_line(line) for line in bill.usage],
        "service_levels": [plain_line(line) for line in bill.service_levels],
        "units": [plain_line(line) for line in bill.units],
        "lines": [plain_line(line) for line in bill.lines],
        "totals": plain_line(bill.totals),
    }


def _units_now(facts: Facts, label: str, base: Base) -> Units:
    late = facts.late.get(label)
    if late is None:
        return base.billed
    return changed_units(base.billed, *late.units(base.contract))


def _numbered(own: Sequence[RatedLine], late: Mapping[str, Sequence[RatedLine]]) -> list[InvoiceLine]:
    lines: list[tuple[RatedLine, str | None]] = [(line, None) for line in own]
    lines += [(line, label) for label, found in late.items() for line in found]
    return [_line(position, line, period) for position, (line, period) in enumerate(lines, 1)]


def _line(position: int, line: RatedLine, original_period: str | None) -> InvoiceLine:
    return InvoiceLine(
        position=position,
        kind="correction" if original_period else line.kind,
        item=line.item_id,
        labels=line.labels,
        meter=line.meter,
        contacts=line.contacts,
        quantity=line.quantity,
        unit=line.unit,
        amount=line.amount,
        tax=line.tax,
        original_period=original_period,
        arithmetic=[
            StepLine(
                code=step.code,
                words=step.words,
                amount=step.amount,
                quantity=step.quantity,
                unit_price=step.unit_price,
            )
            for step in line.steps
        ],
    )


def _usage(facts: Facts) -> list[UsageLine]:
    return [
        UsageLine(meter=meter, unit=METERS[meter], contacts=contacts, quantity=quantity)
        for meter, (contacts, quantity) in facts.meters.items()
    ]


def _service_level(clause: Clause, result: ClauseResult) -> ServiceLevelLine:
    percent = result.percent
    return ServiceLevelLine(
        clause=clause.id,
        labels=labels(clause.label),
        metric=SERVICE_LEVELS[clause.variant].key,
        threshold_s=clause.threshold_s,
        short_abandon_s=clause.short_abandon_s,
        numerator=result.numerator,
        denominator=result.denominator,
        offered=result.offered,
        percent=None if percent is None else rounded(percent, VALUE_PLACES, RoundingMode.HALF_UP),
        target_percent=clause.target_percent,
        verdict=verdict(clause, result),
    )


def _taxes(contract: Contract, lines: Sequence[RatedLine], original_period: str | None) -> list[TaxLine]:
    return [
        TaxLine(
            code=tax.code,
            labels=tax.labels,
            rate_percent=tax.rate_percent,
            base=tax.base,
            amount=tax.amount,
            original_period=original_period,
        )
        for tax in tax_lines(contract, lines)
    ]


def _totals(lines: Iterable[RatedLine], taxes: list[TaxLine]) -> Totals:
    net = sum((line.amount for line in lines), Decimal(0))
    tax = sum((line.amount for line in taxes), Decimal(0))
    return Totals(net=net, taxes=taxes, tax=tax, total=net + tax)
