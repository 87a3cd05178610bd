"""Collect what a period's bill is made of: its contract, its records as they stream past, late changes before it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from crewline_billing.invoices import store
from crewline_billing.invoices.model import Invoiced, LateContact
from crewline_billing.invoices.rules import Base, Bill, build
from crewline_billing.invoices.rules_facts import Facts
from crewline_infra.db import Tx
from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_infra.periods import Period, month_period
from crewline_reporting.records.rules import Record
from crewline_reporting.statements import service as statements
from crewline_tenants.contracts import service as contracts
from crewline_tenants.contracts.model import ContractVersion
from crewline_tenants.contracts.rules import from_document
from crewline_tenants.contracts.rules_terms import Contract


@dataclass(frozen=True, slots=True)
class Ground:
    """What a bill stands on. `agreed` is the stored contract version of `terms`, None for a draft contract."""

    terms: Contract
    agreed: ContractVersion | None
    period: Period
    queues: Mapping[UUID, str]


@dataclass(frozen=True, slots=True)
class Correction:
    """An invoiced period with late contacts: the agreement it was billed under, and where corrections start."""

    invoiced: Invoiced
    agreed: ContractVersion
    base: Base
    contacts: list[LateContact]
    before: list[Record] = field(default_factory=list)
    after: list[Record] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Collected:
    facts: Facts
    corrections: list[Correction]
    bill: Bill


RecordPage = Callable[[Sequence[Record]], Awaitable[None]]


async def ground(tx: Tx, tenant_id: UUID, label: str, terms: Contract | None = None) -> Ground:
    """Under `terms`, or under the contract in force. Raises `Invalid` when there is none for this month."""
    agreed = None
    if terms is None:
        month_period(label, "UTC")  # the sentence about a bad label comes before the one about contracts
        agreed = await contracts.for_month(tx, tenant_id, label)
        if agreed is None:
            raise Invalid(
                _("No contract covers {period}: add one, or name a contract file.").format(period=label), field="period"
            )
        terms = from_document(agreed.document)
    period = month_period(label, terms.time_zone)
    return Ground(terms, agreed, period, await store.queue_slugs(tx, tenant_id))


async def corrections(tx: Tx, tenant_id: UUID, period: Period) -> list[Correction]:
    """Invoiced periods before this one whose usage changed since, and is on no invoice yet."""
    late = await store.late_contacts(tx, tenant_id, period.starts_at)
    found: dict[str, list[LateContact]] = {}
    for contact in late:
        found.setdefault(contact.period, []).append(contact)
    return [await _correction(tx, tenant_id, label, contacts) for label, contacts in found.items()]


async def collect(
    tx: Tx, tenant_id: UUID, base: Ground, late: Sequence[Correction], page: RecordPage | None = None
) -> Collected:
    """Read the period's records once, handing every page to `page` on the way, and build the bill."""
    facts = Facts(base.terms, base.period, base.queues)
    for correction in late:
        for record in correction.before:
            facts.add_late(record, correction.invoiced.period.label, billed=True)
        for record in correction.after:
            facts.add_late(record, correction.invoiced.period.label, billed=False)
    async for records in statements.period_records(tx, tenant_id, base.period):
        for record in records:
            facts.add(record)
        if page is not None:
            await page(records)
    bases = {correction.invoiced.period.label: correction.base for correction in late}
    # Rating a big month takes a while; other requests of this process go on meanwhile.
    bill = await asyncio.to_thread(build, base.terms, facts, bases)
    return Collected(facts, list(late), bill)


async def _correction(tx: Tx, tenant_id: UUID, label: str, contacts: list[LateContact]) -> Correction:
    row = await store.invoiced_period(tx, tenant_id, label)
    if row is None:
        raise Invalid(f"The period {label} is closed, but its invoice cannot be found.")
    period = Period(row.label, row.starts_at, row.ends_at, row.zone)
    invoiced = Invoiced(period=period, contract_id=row.contract_id, billed=row.items, chain_head=row.chain_head)
    agreed = await contracts.get_version(tx, tenant_id, row.contract_id)
    base = Base(contract=from_document(agreed.document), billed=row.items)
    before = [(one.contact_id, one.before) for one in contacts if one.before is not None]
    after = [(one.contact_id, one.after) for one in contacts if one.after is not None]
    return Correction(
        invoiced,
        agreed,
        base,
        contacts,
        before=list((await statements.record_versions(tx, tenant_id, before)).values()),
        after=list((await statements.record_versions(tx, tenant_id, after)).values()),
    )
