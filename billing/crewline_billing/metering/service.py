"""Use cases of metering. Usage is appended with the record, in the same transaction; it is never edited."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from crewline_billing.metering import store
from crewline_billing.metering.rules import Scope
from crewline_billing.metering.store import Weights
from crewline_billing.rating.rules_lines import ContactUsage, Usage
from crewline_billing.rating.rules_measure import per_contact
from crewline_infra.db import Tx
from crewline_infra.errors import Invalid
from crewline_infra.periods import Period
from crewline_reporting.records.rules import Record
from crewline_tenants.contracts.rules_terms import Item

PAGE_MAX = 500


class LineContact(msgspec.Struct, frozen=True, kw_only=True):
    """A contact behind a line and what it adds: 1 contact, or billed milliseconds."""

    contact: ContactUsage
    billed: int


class MeterTotal(msgspec.Struct, frozen=True, kw_only=True):
    """A meter's sum over a period; `pending` is the part that no invoice holds yet."""

    meter: str
    unit: str
    quantity: int
    contacts: int
    pending: int


class ContactRow(msgspec.Struct, frozen=True, kw_only=True):
    """One meter of a usage row, and the invoice that holds it."""

    version: int
    meter: str
    sign: int
    quantity: int
    unit: str
    billed_at: datetime
    invoice_id: UUID | None


async def append(tx: Tx, tenant_id: UUID, records: Sequence[Record]) -> int:
    """Meter new record versions, tens of thousands at a time; returns how many usage rows were new.

    Idempotent by (contact, version): what is there already stays. A version above 1 takes the version before it back.
    Versions of one contact may come in one batch, in any order, but none may be left out.
    """
    _refuse_foreign(tenant_id, records)
    if not records:
        return 0
    added = await store.append(tx, tenant_id, records)
    corrections = [record for record in records if record.version > 1]
    if corrections:
        added += await store.take_back(tx, tenant_id, corrections)
    return added


async def append_staged(tx: Tx, tenant_id: UUID, recorded_at: datetime) -> int:
    """Meter the records that `records.bulk` stored for the first time in this transaction."""
    return await store.append_staged(tx, tenant_id, recorded_at)


async def read_usage(tx: Tx, tenant_id: UUID, period: Period, scope: Scope | None = None) -> Usage:
    """The usage of a period (cut by the contract's zone), contact by contact, ordered by end and id."""
    return Usage(contacts=await store.read(tx, tenant_id, period, scope or Scope()))


async def read_line_contacts(
    tx: Tx,
    tenant_id: UUID,
    period: Period,
    item: Item,
    *,
    scope: Scope | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[LineContact]:
    """One page of the contacts behind a line. `after` is (ended_at, contact_id) of the last one seen.

    Raises `Invalid` for an item without a meter: no contact stands behind it.
    """
    if item.meter is None:
        raise Invalid(f"{item.id} has no meter: no contacts stand behind this line.")
    contacts = await store.page(
        tx,
        tenant_id,
        period,
        scope or Scope(),
        terms=item.filter,
        weights=_weights(item),
        after=after,
        limit=min(max(limit, 1), PAGE_MAX),
    )
    return [LineContact(contact=one, billed=billed) for one, billed in per_contact(item, contacts)]


async def read_totals(tx: Tx, tenant_id: UUID, period: Period) -> list[MeterTotal]:
    """Raw sums by meter, before any contract is applied."""
    return [MeterTotal(**row._mapping) for row in await store.totals(tx, tenant_id, period)]


async def contact_rows(tx: Tx, tenant_id: UUID, contact_id: UUID) -> list[ContactRow]:
    """What one contact used, version by version: the rows that its invoice lines add up."""
    rows = await store.of_contact(tx, tenant_id, contact_id)
    return [ContactRow(**row._mapping) for row in rows]


async def attach(tx: Tx, tenant_id: UUID, period: Period, invoice_id: UUID) -> int:
    """Hand the period's pending rows to an invoice when it is issued; returns how many."""
    return await store.attach(tx, tenant_id, period, invoice_id)


async def release(tx: Tx, tenant_id: UUID, invoice_id: UUID) -> int:
    """Take the rows back from an invoice that was voided, so that they can be billed again."""
    return await store.release(tx, tenant_id, invoice_id)


def _weights(item: Item) -> Weights:
    if item.time is None:
        return Weights(**{"handled" if item.meter == "contact.handled" else "offered": 1})
    return Weights(**dict.fromkeys(item.time.include, 1))


def _refuse_foreign(tenant_id: UUID, records: Sequence[Record]) -> None:
    if any(record.tenant_id != tenant_id for record in records):
        raise Invalid("A record of another tenant cannot be metered here.")
