"""What customers do: arrive, queue, leave. State and event are written in one transaction.

Locks are taken in one order, leg then contact, so that an agent's own transaction (which holds its
leg while it writes a note) and the engine's news never wait for each other in a circle.
"""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import Row

from crewline_floor.agents import service as agents
from crewline_floor.contacts import events, rules, store
from crewline_floor.contacts.rules import Contact
from crewline_infra import outbox
from crewline_infra.db import Tx
from crewline_infra.errors import Invalid, NotFound
from crewline_infra.ids import new_id


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A customer at an entry point, as the engine tells it. `external_id` is the engine's own."""

    engine: str
    external_id: str
    channel: str = "voice"
    direction: str = "inbound"
    entry_point_id: UUID | None = None
    from_address: str | None = None
    priority: int = 0
    at: datetime


async def tenant_at(tx: Tx, kind: str, address: str) -> tuple[UUID, UUID]:
    """(tenant, entry point) that the address belongs to."""
    row = await store.entry_address(tx, kind, address)
    if row is None:
        raise NotFound(f"No tenant is reached at {address}.")
    return row.tenant_id, row.entry_point_id


async def arrive(tx: Tx, tenant_id: UUID, arrival: Arrival) -> UUID:
    """The contact's id. The same news twice changes nothing."""
    customer = await store.customer_of(tx, tenant_id, arrival.from_address) if arrival.from_address else None
    contact = Contact(
        tenant_id=tenant_id,
        id=new_id(),
        channel=arrival.channel,
        direction=arrival.direction,
        engine=arrival.engine,
        external_id=arrival.external_id,
        entry_point_id=arrival.entry_point_id,
        customer_id=customer.id if customer else None,
        priority=arrival.priority,
        state="menu",
        arrived_at=rules.whole_ms(arrival.at),
    )
    tier = customer.tier if customer else "standard"
    if await store.add(tx, contact, arrival.from_address, tier) is None:
        known = await store.id_of(tx, tenant_id, arrival.engine, arrival.external_id)
        if known is None:
            raise NotFound
        return known
    fact = events.ContactArrived(
        contact_id=contact.id,
        channel=contact.channel,
        entry_point_id=contact.entry_point_id,
        at=contact.arrived_at,
    )
    await publish(tx, tenant_id, fact)
    return contact.id


async def enqueue(tx: Tx, tenant_id: UUID, contact_id: UUID, at: datetime, *, queue_id: UUID | None = None) -> Contact:
    """Into the given queue, or the one its entry point leads to."""
    contact = await _locked(tx, tenant_id, contact_id)
    if queue_id is None and contact.entry_point_id is not None:
        queue_id = await store.entry_point_queue(tx, tenant_id, contact.entry_point_id)
    queue = await store.queue(tx, tenant_id, queue_id) if queue_id else None
    if queue is None:
        raise Invalid("The contact's entry point leads to no queue.", field="queue_id")
    contact = msgspec.structs.replace(contact, queue_id=queue.id, pool_id=queue.pool_id)
    contact = rules.step(contact, "enqueue", at)
    await store.save(tx, contact)
    fact = events.ContactQueued(
        contact_id=contact.id,
        queue_id=queue.id,
        priority=contact.priority,
        at=contact.queued_at or at,
    )
    await publish(tx, tenant_id, fact)
    await hint_contact(tx, contact)
    return contact


async def leave(tx: Tx, tenant_id: UUID, contact_id: UUID, at: datetime) -> bool:
    """The customer is gone. In a conversation the agent goes on to wrap up; False when too late."""
    leg = await store.live_leg_of(tx, tenant_id, contact_id)
    contact = await _locked(tx, tenant_id, contact_id)
    if not rules.allowed(contact.state, "leave"):
        return False
    leg = await store.live_leg_of(tx, tenant_id, contact_id) or leg
    gone = rules.step(contact, "leave", at)
    await store.save(tx, gone)
    if gone.state == "wrapping" and leg is not None:
        await to_wrap_up(tx, gone, leg, "customer")
        return True
    if leg is not None:
        await store.leg_ended(tx, tenant_id, leg.id, "caller_gone", gone.ended_at or at)
        await agents.free_slot(tx, leg.agent_id, leg.id, gone.ended_at or at)
        await agents.hint(tx, leg.agent_id)
    if gone.outcome == "abandoned":
        fact = events.ContactAbandoned(contact_id=contact_id, at=gone.ended_at or at)
        await publish(tx, tenant_id, fact)
    await publish_closed(tx, gone)
    await hint_contact(tx, gone)
    return True


async def give_up(tx: Tx, tenant_id: UUID, contact_id: UUID, at: datetime) -> bool:
    """The customer's patience ends: leaves if still in the menu, waiting or ringing."""
    contact = await _locked(tx, tenant_id, contact_id)
    if contact.state not in ("menu", "queued", "offered"):
        return False
    return await leave(tx, tenant_id, contact_id, at)


async def to_wrap_up(tx: Tx, contact: Contact, leg: Row[Any], by: Literal["agent", "customer"]) -> None:
    """The conversation has ended (contact is saved): the leg's wrap-up clock starts."""
    tenant_id, ended = contact.tenant_id, contact.ended_at or contact.arrived_at
    limit_ms = await wrap_up_limit_ms(tx, contact)
    until = ended + timedelta(milliseconds=limit_ms)
    await store.leg_released(tx, tenant_id, leg.id, at=ended, wrap_until=until, hold_ms=contact.hold_ms)
    await agents.move_slot(tx, tenant_id, leg.agent_id, leg.id, "wrapping", at=ended)
    fact = events.ContactReleased(contact_id=contact.id, by=by, at=ended)
    await publish(tx, tenant_id, fact)
    await agents.hint(tx, leg.agent_id)


async def wrap_up_limit_ms(tx: Tx, contact: Contact) -> int:
    queue = await store.queue(tx, contact.tenant_id, contact.queue_id) if contact.queue_id else None
    return int(queue.wrap_up_limit_ms) if queue else 60_000


async def exists(tx: Tx, tenant_id: UUID, contact_id: UUID) -> bool:
    """Whether the floor holds this contact; an imported one never was on it."""
    return await store.exists(tx, tenant_id, contact_id)


async def open_contacts(tx: Tx, tenant_id: UUID, engine: str) -> list[tuple[UUID, str]]:
    """(contact, state) of those still open, for an engine that starts again."""
    rows = await store.open_of_engine(tx, tenant_id, engine)
    return [(row.id, row.state) for row in rows]


async def publish(tx: Tx, tenant_id: UUID, fact: events.Fact) -> None:
    await outbox.publish(tx, tenant_id, fact.type, str(fact.contact_id), fact.payload())


async def publish_closed(tx: Tx, contact: Contact, flags: tuple[str, ...] = ()) -> None:
    """The one event that becomes record, usage, roll-ups and CRM delivery."""
    facts = await store.facts_for_record(tx, contact.tenant_id, contact.id)
    if facts is None or contact.ended_at is None or contact.outcome is None:
        raise NotFound
    spent = rules.durations(contact)
    closed = events.ContactClosed(
        tenant_id=contact.tenant_id,
        contact_id=contact.id,
        source=contact.engine,
        external_id=contact.external_id,
        channel=contact.channel,
        direction=contact.direction,
        entry_point=facts.entry_point,
        queue_id=contact.queue_id,
        customer_id=contact.customer_id,
        customer_ref=facts.customer_ref,
        agent_id=facts.agent_id,
        agent_alias=await agents.alias(tx, facts.agent_id) if facts.agent_id else None,
        priority=contact.priority,
        outcome=contact.outcome,
        disposition=facts.disposition,
        script_version_id=contact.script_version_id,
        arrived_at=contact.arrived_at,
        queued_at=contact.queued_at,
        offered_at=contact.offered_at,
        answered_at=contact.answered_at,
        ended_at=contact.ended_at,
        wrapped_at=contact.wrapped_at,
        flags=flags,
        **msgspec.structs.asdict(spent),
    )
    await publish(tx, contact.tenant_id, closed)


async def hint_contact(tx: Tx, contact: Contact) -> None:
    """Wake the pool's dispatcher; it reads the rows itself."""
    if contact.pool_id is not None:
        await store.hint(tx, f"contact {contact.pool_id} {contact.tenant_id} {contact.id}")


async def _locked(tx: Tx, tenant_id: UUID, contact_id: UUID) -> Contact:
    contact = await store.locked(tx, tenant_id, contact_id)
    if contact is None:
        raise NotFound
    return contact
