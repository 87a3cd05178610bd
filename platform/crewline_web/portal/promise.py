"""What was promised about the service level: the contract's first clause, else the queues' own target."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil, floor
from uuid import UUID

from crewline_infra.db import Tx
from crewline_infra.i18n import current_locale, mark
from crewline_reporting.metrics.rules import DEFAULT_THRESHOLDS, Tally, Thresholds
from crewline_reporting.metrics.service_level import DEFAULT_VARIANT, SERVICE_LEVELS
from crewline_tenants.contracts import rules as contracts_rules
from crewline_tenants.contracts import service as contracts
from crewline_tenants.contracts.rules_types import label_text
from crewline_tenants.queues.model import Queue

CLOSE = Fraction(1, 100)
"""A value less than one point above its target is on target, but close."""
STATES = {
    "ok": mark("In target"),
    "risk": mark("Close"),
    "miss": mark("Missed"),
    "info": mark("No contacts"),
}


@dataclass(frozen=True, slots=True)
class Promise:
    """`target` is a share from 0 to 1; `clause` the clause's label, '' when the queues' target stands in."""

    variant: str
    thresholds: Thresholds
    target: Fraction
    clause: str

    def level(self, tally: Tally) -> Fraction | None:
        numerator, denominator = self.parts(tally)
        return Fraction(numerator, denominator) if denominator else None

    def parts(self, tally: Tally) -> tuple[int, int]:
        """Contacts in time, and contacts that count."""
        return SERVICE_LEVELS[self.variant].parts(tally)

    def spare(self, tally: Tally) -> int:
        """How many more late contacts the target still bears; negative: how many in time it takes to be back on it."""
        in_time, counted = self.parts(tally)
        surplus = in_time - self.target * counted
        if surplus >= 0:
            return floor(surplus / self.target) if self.target else 0
        return -ceil(-surplus / (1 - self.target)) if self.target < 1 else -counted


async def read_promise(tx: Tx, tenant_id: UUID, day: date, queues: tuple[Queue, ...]) -> Promise:
    version = await contracts.in_force(tx, tenant_id, day)
    if version is not None:
        levels = contracts_rules.from_document(version.document).service_levels
        if levels is not None and levels.clauses:
            clause = levels.clauses[0]
            limits = Thresholds(clause.threshold_s * 1000, clause.short_abandon_s * 1000)
            target = Fraction(clause.target_percent) / 100
            return Promise(clause.variant, limits, target, label_text(clause.label, current_locale()))
    first = next(iter(queues), None)
    if first is None:
        return Promise(DEFAULT_VARIANT, DEFAULT_THRESHOLDS, Fraction(4, 5), "")
    limits = Thresholds(first.threshold_ms, first.short_abandon_ms)
    return Promise(DEFAULT_VARIANT, limits, Fraction(first.target), "")


def state_of(level: Fraction | None, target: Fraction) -> str:
    """ok | risk | miss | info, by the exact value."""
    if level is None:
        return "info"
    if level < target:
        return "miss"
    return "risk" if level - target < CLOSE else "ok"
