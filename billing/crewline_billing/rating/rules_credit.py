"""What missed service-level clauses are worth: credit lines with their arithmetic, held under the caps."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal, TypeAlias

import msgspec

from crewline_billing.rating.rules import fees_of
from crewline_billing.rating.rules_exact import rounded, shown
from crewline_billing.rating.rules_item import finish, plain_line
from crewline_billing.rating.rules_lines import RatedLine
from crewline_billing.rating.rules_price import ExactStep
from crewline_infra.errors import Invalid
from crewline_infra.money import RoundingMode, split_largest_remainder
from crewline_tenants.contracts.rules_terms import Clause, Contract
from crewline_tenants.contracts.rules_types import Rounding

Verdict: TypeAlias = Literal["met", "missed", "below_sample", "no_contacts"]
VALUE_PLACES = 2


class ClauseResult(msgspec.Struct, frozen=True, kw_only=True):
    """A clause's metric over the whole month: both parts of the ratio, and the contacts offered in the month."""

    numerator: int
    denominator: int
    offered: int

    @property
    def percent(self) -> Fraction | None:
        """Unrounded; None without contacts (never 0 % and never 100 %)."""
        return Fraction(100 * self.numerator, self.denominator) if self.denominator else None


def verdict(clause: Clause, result: ClauseResult) -> Verdict:
    """Whether the promise was kept. The target itself is still met."""
    percent = result.percent
    if percent is None:
        return "no_contacts"
    if result.offered < clause.minimum_sample:
        return "below_sample"
    return "missed" if _compared(clause, percent) < Fraction(clause.target_percent) else "met"


def rate_credits(
    contract: Contract, lines: Sequence[RatedLine], results: Mapping[str, ClauseResult]
) -> list[RatedLine]:
    """One negative line per missed clause. `lines` are the period's fees; `results` has every clause by id.

    Raises `Invalid` when a clause has no result: a promise may not be forgotten silently.
    """
    levels = contract.service_levels
    if levels is None:
        return []
    found: list[tuple[Clause, list[ExactStep]]] = []
    for clause in levels.clauses:
        if clause.id not in results:
            raise Invalid(f"The service-level clause {clause.id} has no result for this period.")
        if verdict(clause, results[clause.id]) == "missed":
            found.append((clause, _steps(clause, lines, results[clause.id])))
    limit = Fraction(fees_of(lines)) * Fraction(levels.cap_percent) / 100
    priced = _under_total_cap(found, max(limit, Fraction(0)), contract.rounding)
    return [
        plain_line(clause.id, "credit", clause.label, finish(steps, contract.rounding), levels.tax)
        for clause, steps in priced
    ]


def _compared(clause: Clause, percent: Fraction) -> Fraction:
    if clause.compare == "exact":
        return percent
    return Fraction(rounded(percent, VALUE_PLACES, RoundingMode.HALF_UP))


def _steps(clause: Clause, lines: Sequence[RatedLine], result: ClauseResult) -> list[ExactStep]:
    """The credit of one clause before the cap on all of them."""
    fees = max(Fraction(fees_of(lines, clause.credit.of)), Fraction(0))
    percent = result.percent or Fraction(0)
    share = Fraction(clause.credit.percent)
    missed_by = Fraction(clause.target_percent) - _compared(clause, percent)
    if clause.credit.per == "point":
        share *= int(missed_by)
    measured = f"{shown(Fraction(rounded(percent, VALUE_PLACES, RoundingMode.HALF_UP)), 2)} %"
    words = (
        f"{clause.variant} {measured}, target {shown(Fraction(clause.target_percent))} %: "
        f"{shown(share)} % of fees of {shown(fees, 2)}"
    )
    steps = [ExactStep("percentage", words, -fees * share / 100, fees, -share / 100)]
    limit = Fraction(clause.credit.cap_percent)
    if share > limit:
        words = f"capped at {shown(limit)} % of these fees"
        steps.append(ExactStep("cap", words, fees * (share - limit) / 100))
    return steps


def _under_total_cap(
    found: Sequence[tuple[Clause, list[ExactStep]]], limit: Fraction, rounding: Rounding
) -> list[tuple[Clause, list[ExactStep]]]:
    """Lower the credits in proportion where together they pass the cap; the cap is shared without a remainder."""
    credits = [-finish(steps, rounding)[0] for _, steps in found]
    total = sum(credits, Decimal(0))
    if Fraction(total) <= limit:
        return list(found)
    places = rounding.line_places
    allowed = split_largest_remainder(rounded(limit, places, RoundingMode.DOWN), credits, places)
    words = f"all credits of the period together are capped at {shown(limit, 2)}"
    return [
        (clause, [*steps, ExactStep("cap", words, _sum(steps, -part))])
        for (clause, steps), part in zip(found, allowed, strict=True)
    ]


def _sum(steps: Sequence[ExactStep], target: Decimal) -> Fraction:
    """What brings the steps to the target."""
    return Fraction(target) - sum((step.amount for step in steps), Fraction(0))
