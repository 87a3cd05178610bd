"""What a period's records come to, collected while they stream past: usage, service levels, late changes.

The service feeds it from the ledger, a tenant's verifier from the lines of a statement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from crewline_billing.invoices.rules_correction import Units, units_of
from crewline_billing.metering.rules import METERS, contact_usage
from crewline_billing.rating.rules_credit import ClauseResult
from crewline_billing.rating.rules_lines import ContactUsage
from crewline_billing.rating.rules_measure import matcher
from crewline_infra.periods import Period
from crewline_reporting.metrics.rules import Tally, Thresholds, count_record
from crewline_reporting.metrics.service_level import SERVICE_LEVELS
from crewline_reporting.records.rules import Record, interval_instant
from crewline_tenants.contracts.rules_terms import Clause, Contract


class ClauseCount:
    """One clause of the contract, counted record by record."""

    def __init__(self, clause: Clause) -> None:
        self.clause = clause
        self.matches = matcher(clause.filter)
        self.thresholds = Thresholds(clause.threshold_s * 1000, clause.short_abandon_s * 1000)
        self.tally = Tally()

    def result(self) -> ClauseResult:
        numerator, denominator = SERVICE_LEVELS[self.clause.variant].parts(self.tally)
        return ClauseResult(numerator=numerator, denominator=denominator, offered=self.tally.offered)


@dataclass(slots=True)
class Late:
    """The contacts of one invoiced period that changed: as they were billed, and as they are."""

    before: list[ContactUsage] = field(default_factory=list)
    after: list[ContactUsage] = field(default_factory=list)

    def units(self, contract: Contract) -> tuple[Units, Units]:
        return units_of(contract, self.before), units_of(contract, self.after)


class Facts:
    """Records of one period under one contract. `queues` names every queue by its slug, as filters do."""

    def __init__(self, contract: Contract, period: Period, queues: Mapping[UUID, str]) -> None:
        self.period = period
        self.queues = queues
        self.contacts: list[ContactUsage] = []
        self.meters = {meter: [0, 0] for meter in METERS}
        self.late: dict[str, Late] = {}
        levels = contract.service_levels
        self.clauses = [ClauseCount(clause) for clause in levels.clauses] if levels else []

    def add(self, record: Record) -> None:
        """A contact that ended in the period is billed in it; one that entered its queue in it counts for the SLA."""
        usage = self.usage(record)
        if record.ended_at in self.period and _used(usage):
            self.contacts.append(usage)
            self._meter(usage)
        if self.clauses and interval_instant(record) in self.period:
            for clause in self.clauses:
                if clause.matches(usage):
                    count_record(clause.tally, record, clause.thresholds)

    def add_late(self, record: Record, period: str, *, billed: bool) -> None:
        """A contact of an earlier, invoiced period: as it was `billed`, or as it is now."""
        late = self.late.setdefault(period, Late())
        (late.before if billed else late.after).append(self.usage(record))

    def usage(self, record: Record) -> ContactUsage:
        return contact_usage(record, queue_name(record.queue_id, self.queues))

    def results(self) -> dict[str, ClauseResult]:
        return {count.clause.id: count.result() for count in self.clauses}

    def _meter(self, usage: ContactUsage) -> None:
        quantities = (usage.handled, usage.offered, usage.talk_ms, usage.hold_ms, usage.wrap_ms)
        for total, quantity in zip(self.meters.values(), quantities, strict=True):
            if quantity:
                total[0] += 1
                total[1] += quantity


def queue_name(queue_id: UUID | None, queues: Mapping[UUID, str]) -> str:
    """The name that filters use. A queue that is configured no more goes by its id."""
    return "" if queue_id is None else queues.get(queue_id, str(queue_id))


def _used(usage: ContactUsage) -> bool:
    return bool(usage.offered or usage.handled)
