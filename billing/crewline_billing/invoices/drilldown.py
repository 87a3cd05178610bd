"""From a line of an invoice to the contacts behind it."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from crewline_billing.invoices import service, store
from crewline_billing.invoices.model import Invoice, LateContact, LineContact
from crewline_billing.invoices.rules_facts import queue_name
from crewline_billing.invoices.rules_state import FROZEN
from crewline_billing.metering import service as metering
from crewline_billing.metering.rules import Scope, contact_usage
from crewline_billing.rating.rules_lines import ContactUsage
from crewline_billing.rating.rules_measure import per_contact
from crewline_infra.db import Tx
from crewline_infra.errors import Invalid, NotFound
from crewline_infra.i18n import gettext as _
from crewline_infra.periods import month_period
from crewline_reporting.statements import service as statements
from crewline_reporting.statements.rules import InvoiceLine
from crewline_tenants.contracts import service as contracts
from crewline_tenants.contracts.rules import from_document
from crewline_tenants.contracts.rules_terms import Contract, Item

PAGE_MAX = 500
After = tuple[datetime, UUID]


async def line_contacts(
    tx: Tx, tenant_id: UUID, invoice_id: UUID, position: int, *, after: After | None = None, limit: int = 100
) -> list[LineContact]:
    """One page of the contacts of a line, by end and id; `after` is the last one seen.

    Raises `NotFound` for a line that is not there, `Invalid` for a line without contacts (a fee, a credit).
    """
    if not 1 <= limit <= PAGE_MAX:
        raise Invalid(_("A page holds 1 to {most} contacts.").format(most=PAGE_MAX), field="limit")
    invoice = await service.get(tx, tenant_id, invoice_id)
    line = line_of(invoice, position)
    if line.meter is None:
        raise Invalid(_("No contacts stand behind this line: it is not measured."))
    if line.original_period is not None:
        return await _late(tx, tenant_id, invoice, line, after=after, limit=limit)
    terms = await _terms(tx, tenant_id, invoice.contract_id)
    scope = Scope(invoice_id=invoice.id) if invoice.state in FROZEN else Scope()
    period = month_period(invoice.period, terms.time_zone)
    item = _item(terms, line)
    found = await metering.read_line_contacts(tx, tenant_id, period, item, scope=scope, after=after, limit=limit)
    return [_out(one.contact, one.billed, item) for one in found]


def line_of(invoice: Invoice, position: int) -> InvoiceLine:
    """Raises `NotFound` for a line that is not there."""
    line = next((line for line in invoice.bill.lines if line.position == position), None)
    if line is None:
        raise NotFound
    return line


async def lines_of_contact(
    tx: Tx, tenant_id: UUID, invoice_id: UUID, contact_id: UUID, version: int
) -> list[tuple[Invoice, InvoiceLine, LineContact]]:
    """The lines of its own period to which one version of a contact adds, and what it adds to each."""
    invoice = await service.get(tx, tenant_id, invoice_id)
    terms = await _terms(tx, tenant_id, invoice.contract_id)
    usage = (await _usage(tx, tenant_id, [(contact_id, version)])).values()
    found = []
    for line in invoice.bill.lines:
        if line.meter is not None and line.original_period is None:
            item = _item(terms, line)
            found += [(invoice, line, _out(one, billed, item)) for one, billed in per_contact(item, usage)]
    return found


async def _late(
    tx: Tx, tenant_id: UUID, invoice: Invoice, line: InvoiceLine, *, after: After | None, limit: int
) -> list[LineContact]:
    """What each corrected contact adds to a correction line. Corrections are few: they are read whole."""
    terms = await _terms(tx, tenant_id, invoice.contract_id)
    period = month_period(invoice.period, terms.time_zone)
    original = await store.invoiced_period(tx, tenant_id, line.original_period or "")
    if original is None:
        raise NotFound
    holder = invoice.id if invoice.state in FROZEN else None
    late = await store.late_contacts(tx, tenant_id, period.starts_at, holder)
    mine = [contact for contact in late if contact.period == line.original_period]
    item = _item(await _terms(tx, tenant_id, original.contract_id), line)
    before = await _usage(tx, tenant_id, [(one.contact_id, one.before) for one in mine])
    now = await _usage(tx, tenant_id, [(one.contact_id, one.after) for one in mine])
    found = sorted(_differences(item, mine, before, now), key=lambda one: (one.ended_at, one.contact_id))
    return [one for one in found if after is None or (one.ended_at, one.contact_id) > after][:limit]


def _differences(
    item: Item, late: Iterable[LateContact], before: dict[UUID, ContactUsage], now: dict[UUID, ContactUsage]
) -> Iterator[LineContact]:
    old = {contact.contact_id: billed for contact, billed in per_contact(item, before.values())}
    new = {contact.contact_id: billed for contact, billed in per_contact(item, now.values())}
    for one in late:
        difference = new.get(one.contact_id, 0) - old.get(one.contact_id, 0)
        shown = now.get(one.contact_id) or before.get(one.contact_id)
        if difference and shown is not None:
            yield _out(shown, difference, item)


async def _usage(tx: Tx, tenant_id: UUID, wanted: Iterable[tuple[UUID, int | None]]) -> dict[UUID, ContactUsage]:
    there = [(contact_id, version) for contact_id, version in wanted if version is not None]
    queues = await store.queue_slugs(tx, tenant_id)
    records = await statements.record_versions(tx, tenant_id, there)
    return {
        contact_id: contact_usage(record, queue_name(record.queue_id, queues)) for contact_id, record in records.items()
    }


async def _terms(tx: Tx, tenant_id: UUID, contract_id: UUID) -> Contract:
    return from_document((await contracts.get_version(tx, tenant_id, contract_id)).document)


def _item(terms: Contract, line: InvoiceLine) -> Item:
    return next(item for item in terms.items if item.id == line.item)


def _out(contact: ContactUsage, billed: int, item: Item) -> LineContact:
    return LineContact(
        contact_id=contact.contact_id,
        version=contact.version,
        ended_at=contact.ended_at,
        queue=contact.queue,
        channel=contact.channel,
        outcome=contact.outcome,
        disposition=contact.disposition,
        talk_ms=contact.talk_ms,
        hold_ms=contact.hold_ms,
        wrap_ms=contact.wrap_ms,
        billed=billed,
        unit="contact" if item.time is None else "ms",
    )
