"""Say what differs between the figures of a statement and the recomputed ones, in words a payer can act on."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from crewline_billing.invoices.rules import Bill
from crewline_reporting.statements.findings import Area, Findings
from crewline_reporting.statements.rules import (
    InvoiceLine,
    Line,
    ServiceLevelLine,
    StepLine,
    TaxLine,
    Totals,
    UnitsLine,
    UsageLine,
)

_EXPONENT_MAX = 40
_INTEGER_MAX = 2**63


@dataclass(frozen=True, slots=True)
class Stated:
    """The figures that the statement states."""

    usage: Sequence[UsageLine]
    service_levels: Sequence[ServiceLevelLine]
    units: Sequence[UnitsLine]
    lines: Sequence[InvoiceLine]
    totals: Totals | None


def compare(findings: Findings, stated: Stated, bill: Bill) -> None:
    _sequence(findings, "usage", stated.usage, bill.usage)
    _sequence(findings, "service_level", stated.service_levels, bill.service_levels)
    _sequence(findings, "usage", stated.units, bill.units)
    _sequence(findings, "invoice", stated.lines, bill.lines)
    totals = stated.totals
    if totals is not None:
        _fields(findings, "totals", "", stated=totals, recomputed=bill.totals, fields=("net",))
        _sequence(findings, "totals", totals.taxes, bill.totals.taxes)
        _fields(findings, "totals", "", stated=totals, recomputed=bill.totals, fields=("tax", "total"))


def parts_add_up(findings: Findings, lines: Sequence[InvoiceLine], totals: Totals) -> None:
    """The stated amounts among themselves, whatever the records say."""
    for line in lines:
        if sum((step.amount for step in line.arithmetic), Decimal(0)) != line.amount:
            findings.add("invoice", None, f"{_name(line)}: its steps do not add up to {shown(line.amount)}")
    net = sum((line.amount for line in lines), Decimal(0))
    tax = sum((line.amount for line in totals.taxes), Decimal(0))
    _sum(findings, "net total", totals.net, net, "the lines")
    _sum(findings, "total tax", totals.tax, tax, "the taxes")
    _sum(findings, "total", totals.total, totals.net + totals.tax, "net and tax")


def sane(value: Any) -> bool:
    """Whether every number in a line has a size that money, time or contacts can have."""
    if isinstance(value, Decimal):
        return _printable(value)
    if isinstance(value, int):
        return abs(value) < _INTEGER_MAX
    if isinstance(value, Line):
        return all(sane(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, dict):
        return all(sane(item) for item in value.values())
    return all(sane(item) for item in value) if isinstance(value, list) else True


def shown(value: Any) -> str:
    """'1,234.50'; texts in quotes."""
    if isinstance(value, Decimal):
        return f"{value:,f}"
    if isinstance(value, str):
        return f"'{value[:80]}'"
    if value is None:
        return "nothing"
    return f"{value:,}" if isinstance(value, int) else str(value)[:200]


def _sum(findings: Findings, name: str, stated: Decimal, parts: Decimal, of: str) -> None:
    if stated != parts:
        findings.add("totals", None, f"{name}: stated {shown(stated)}, but {of} add up to {shown(parts)}")


def _sequence(findings: Findings, area: Area, stated: Sequence[Line], recomputed: Sequence[Line]) -> None:
    for ours, theirs in zip_longest(recomputed, stated):
        if theirs is None:
            findings.add(area, None, f"{_name(ours)}: recomputed, but not stated")
        elif ours is None:
            findings.add(area, None, f"{_name(theirs)}: stated, but nothing like it comes out of the records")
        elif ours != theirs:
            name = f"{_name(theirs)}: "
            _fields(findings, area, name, stated=theirs, recomputed=ours, fields=ours.__struct_fields__)


def _fields(
    findings: Findings, area: Area, name: str, *, stated: Line, recomputed: Line, fields: Sequence[str]
) -> None:
    for field in fields:
        theirs, ours = getattr(stated, field), getattr(recomputed, field)
        if theirs == ours:
            continue
        if field == "arithmetic":
            _arithmetic(findings, name, theirs, ours)
        elif field == "items":
            for item in sorted({*theirs, *ours}):
                if theirs.get(item) != ours.get(item):
                    words = f"{item} stated {shown(theirs.get(item))}, recomputed {shown(ours.get(item))}"
                    findings.add(area, None, f"{name}{words}")
        else:
            word = field.replace("_", " ")
            findings.add(area, None, f"{name}{word} stated {shown(theirs)}, recomputed {shown(ours)}")


def _arithmetic(findings: Findings, name: str, stated: Sequence[Any], recomputed: Sequence[Any]) -> None:
    """The words of a step are for people and may change with the product; its numbers may not."""
    for number, (ours, theirs) in enumerate(zip_longest(recomputed, stated), 1):
        if ours is None or theirs is None or _numbers(ours) != _numbers(theirs):
            findings.add(
                "invoice",
                None,
                f"{name}step {number} of its arithmetic stated {_step(theirs)}, recomputed {_step(ours)}",
            )
            return


def _numbers(step: StepLine) -> tuple[Any, ...]:
    return (step.code, step.amount, step.quantity, step.unit_price)


def _step(step: Any) -> str:
    return "nothing" if step is None else f"'{step.words[:120]}' = {shown(step.amount)}"


def _name(line: Line) -> str:
    if isinstance(line, InvoiceLine):
        return f"invoice line {line.position} '{_label(line.labels, line.item)}'"
    if isinstance(line, ServiceLevelLine):
        return f"service level '{_label(line.labels, line.clause)}'"
    if isinstance(line, TaxLine):
        return f"tax {line.code}" + (f" of {line.original_period}" if line.original_period else "")
    if isinstance(line, UnitsLine):
        return f"billed units of {line.period}"
    return f"usage {line.meter}" if isinstance(line, UsageLine) else type(line).__name__


def _label(labels: dict[str, str], fallback: str) -> str:
    return (labels.get("en") or next(iter(labels.values()), fallback))[:80]


def _printable(value: Decimal) -> bool:
    return value.is_finite() and abs(value.adjusted()) <= _EXPONENT_MAX
