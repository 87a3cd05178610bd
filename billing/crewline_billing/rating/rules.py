"""Rate a period: every item, percentages of them, true-up of commitments; taxes; the rounding of an invoice's sum."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

from crewline_billing.rating.rules_exact import rounded, shown
from crewline_billing.rating.rules_item import (
    finish,
    labels,
    plain_line,
    rate_item,
    rate_percentage,
)
from crewline_billing.rating.rules_lines import (
    ContactUsage,
    RatedLine,
    Step,
    TaxLine,
    Usage,
    plain_steps,
)
from crewline_billing.rating.rules_price import ExactStep
from crewline_infra.canonical import instant_text
from crewline_infra.errors import Invalid
from crewline_infra.periods import Period, local_date
from crewline_tenants.contracts.rules_price import Percentage
from crewline_tenants.contracts.rules_terms import Commitment, Contract
from crewline_tenants.contracts.rules_types import Rounding

__all__ = [
    "ContactUsage",
    "RatedLine",
    "Step",
    "TaxLine",
    "Usage",
    "invoice_rounding",
    "plain_steps",
    "rate_contract",
    "rate_item",
    "tax_lines",
    "true_ups",
]


def rate_contract(contract: Contract, usage: Usage, period: Period | None = None) -> list[RatedLine]:
    """Lines in the order of the contract: items, then true-ups. Service-level credits: see `rules_credit`.

    With a `period`, refuses (`Invalid`) a contract not yet in force and a contact that ended outside of it.
    """
    if period is not None:
        _refuse_outsiders(contract, usage, period)
    rated = {
        item.id: rate_item(item, usage, contract.rounding)
        for item in contract.items
        if not isinstance(item.price, Percentage)
    }
    lines = []
    for item in contract.items:
        if isinstance(item.price, Percentage):
            fees = fees_of(rated.values(), item.price.of)
            lines.append(rate_percentage(item, item.price, fees, contract.rounding))
        else:
            lines.append(rated[item.id])
    return lines + true_ups(contract, lines)


def fees_of(lines: Iterable[RatedLine], names: Sequence[str] = ()) -> Decimal:
    """The sum of the lines with these ids (none named: of all lines)."""
    return sum((line.amount for line in lines if not names or line.item_id in names), Decimal(0))


def true_ups(contract: Contract, lines: Sequence[RatedLine]) -> list[RatedLine]:
    """A line for each commitment that the lines do not reach."""
    found = []
    for commitment in contract.commitments:
        line = _true_up(commitment, fees_of(lines, commitment.of), contract.rounding)
        if line is not None:
            found.append(line)
    return found


def tax_lines(contract: Contract, lines: Sequence[RatedLine]) -> list[TaxLine]:
    """Tax per code on the summed net, rounded once per code."""
    found = []
    for tax in contract.taxes:
        nets = [line.amount for line in lines if line.tax == tax.code]
        if nets:
            base = sum(nets, Decimal(0))
            exact = Fraction(base) * Fraction(tax.rate_percent) / 100
            amount = rounded(exact, contract.rounding.places, contract.rounding.mode)
            found.append(
                TaxLine(
                    code=tax.code,
                    labels=labels(tax.label),
                    rate_percent=tax.rate_percent,
                    base=base,
                    amount=amount,
                )
            )
    return found


def invoice_rounding(contract: Contract, lines: Sequence[RatedLine]) -> RatedLine | None:
    """With `rounding.at: invoice`: the line that brings the sum of the others to whole money, if any.

    It carries the tax code of the first line.
    """
    total = fees_of(lines)
    terms = contract.rounding
    money = rounded(Fraction(total), terms.places, terms.mode)
    if money == total:
        return None
    missing = money - total
    words = f"sum of the lines {shown(Fraction(total))}, rounded {terms.mode.value} to {terms.places} places"
    steps = (Step(code="rounding", words=words, amount=missing),)
    return plain_line("rounding", "fixed", ROUNDING_LABEL, (missing, steps), lines[0].tax)


ROUNDING_LABEL = {"en": "Rounding", "zh_Hans": "舍入", "zh_Hant": "捨入"}


def _true_up(commitment: Commitment, fees: Decimal, rounding: Rounding) -> RatedLine | None:
    if fees >= commitment.minimum:
        return None
    steps = [
        ExactStep("commitment", "committed minimum of the period", Fraction(commitment.minimum)),
        ExactStep("billed", "fees of the period that count towards it", -Fraction(fees)),
    ]
    return plain_line(commitment.id, "true_up", commitment.label, finish(steps, rounding), commitment.tax)


def _refuse_outsiders(contract: Contract, usage: Usage, period: Period) -> None:
    first = local_date(period.starts_at, contract.time_zone)
    if contract.effective_from > first:
        raise Invalid(f"The contract is in force from {contract.effective_from}, after the period begins ({first}).")
    starts_at, ends_at = period.starts_at, period.ends_at
    for contact in usage.contacts:
        at = contact.ended_at
        if at is not None and not starts_at <= at < ends_at:
            raise Invalid(
                f"Contact {contact.contact_id} ended at {instant_text(at)}, outside the period {period.label}."
            )
