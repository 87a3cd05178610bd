"""Where the components meet: what follows from a contact that has ended.

    ContactClosed ─► record ─► roll-up (counted with the record)
                            ─► usage rows
                            ─► deliveries to the tenant's CRM

All of it in one transaction per batch, the position in the feed included: the invoice, the report and
the CRM's feed cannot disagree, whatever dies when.
"""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import msgspec

from crewline_billing.metering import service as metering
from crewline_floor.contacts import closed
from crewline_floor.contacts.store_closed import Closing
from crewline_infra.db import Tx
from crewline_infra.outbox import Event
from crewline_reporting.records import service as records
from crewline_reporting.records.model import AppendResult, Correction
from crewline_reporting.records.rules import Record
from crewline_tenants.crm import rules as crm_rules
from crewline_tenants.crm import service as crm
from crewline_tenants.crm.events import ClosedContact, ScriptResult

CONSUMER = "records"


async def handle(tx: Tx, tenant_id: UUID, events: Sequence[Event]) -> None:
    """Hand a batch of one tenant's events to whoever subscribes; types that nobody follows are passed by."""
    for event_type, follow in SUBSCRIPTIONS.items():
        wanted = [event for event in events if event.type == event_type]
        if wanted:
            await follow(tx, tenant_id, wanted)


async def contacts_closed(tx: Tx, tenant_id: UUID, events: Sequence[Event]) -> None:
    await record_batch(tx, tenant_id, [record_of(event) for event in events], deliver=True)


SUBSCRIPTIONS: dict[str, Callable[[Tx, UUID, Sequence[Event]], Awaitable[None]]] = {
    "ContactClosed": contacts_closed,
}


async def record_batch(tx: Tx, tenant_id: UUID, batch: Sequence[Record], *, deliver: bool) -> AppendResult:
    """Append finished contacts and everything that follows from them, in the caller's transaction.

    Idempotent by (source, external id): what is known adds nothing anywhere; what contradicts a known
    contact is kept as a conflict. `deliver=False` is for history that the tenant's CRM never waited for.
    """
    result = await records.append(tx, tenant_id, batch)
    await metering.append(tx, tenant_id, result.added)
    if deliver:
        await tell_crm(tx, tenant_id, result.added)
    return result


async def record_correction(tx: Tx, tenant_id: UUID, record: Record) -> Correction | None:
    """A new version of a known contact; usage takes back the old one, the CRM is told of the new one."""
    correction = await records.correct(tx, tenant_id, record)
    if correction is not None:
        await metering.append(tx, tenant_id, [correction.current])
        await tell_crm(tx, tenant_id, [correction.current])
    return correction


async def tell_crm(tx: Tx, tenant_id: UUID, batch: Sequence[Record]) -> None:
    closings = await closed.closings(tx, tenant_id, [record.contact_id for record in batch])
    await crm.enqueue(tx, tenant_id, [crm_facts(record, closings.get(record.contact_id)) for record in batch])


def record_of(event: Event) -> Record:
    """ContactClosed speaks in the record's own field names. Raises `msgspec.ValidationError` when it does not."""
    return msgspec.convert({**event.payload, "version": 1, "recorded_at": event.created_at}, Record)


def crm_facts(record: Record, closing: Closing | None) -> ClosedContact:
    """The record as the tenant's CRM sees it: its own references in clear, people's numbers masked."""
    script = None
    if closing and closing.script_version_id:
        script = ScriptResult(version_id=closing.script_version_id, answers=closing.answers)
    return ClosedContact(
        **{name: getattr(record, name) for name in _SAME},
        agent=record.agent_alias,
        caller=crm_rules.masked(closing.caller) if closing else None,
        note=closing.note if closing else None,
        script=script,
    )


_SAME = sorted(set(Record.__struct_fields__) & set(ClosedContact.__struct_fields__))
