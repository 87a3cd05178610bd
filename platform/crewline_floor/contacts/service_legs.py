"""What an agent does with the contact in hand: answer, refuse, hold, release, wrap up.

Every use case names the agent: a leg of somebody else is not found, an ended one is a conflict.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row

from crewline_floor.agents import service as agents
from crewline_floor.contacts import events, rules, service, store
from crewline_floor.contacts.rules import Contact
from crewline_infra.db import Tx
from crewline_infra.errors import Conflict, Invalid, NotFound
from crewline_infra.i18n import gettext as _


async def answer(tx: Tx, tenant_id: UUID, leg_id: UUID, agent_id: UUID, at: datetime) -> Contact:
    """Talking from here on; the queue's newest script version is pinned to the contact."""
    leg, contact = await _in_hand(tx, tenant_id, leg_id, agent_id)
    if leg.answered_at is not None:
        return contact
    contact = rules.step(contact, "answer", at)
    script = await newest_script(tx, tenant_id, contact.queue_id)
    contact = msgspec.structs.replace(contact, script_version_id=script)
    await store.save(tx, contact)
    answered = contact.answered_at or at
    await store.leg_answered(tx, tenant_id, leg_id, answered)
    await agents.move_slot(tx, tenant_id, agent_id, leg_id, "talking", at=answered)
    fact = events.ContactAnswered(contact_id=contact.id, leg_id=leg_id, agent_id=agent_id, at=answered)
    await service.publish(tx, tenant_id, fact)
    return contact


async def refuse(tx: Tx, tenant_id: UUID, leg_id: UUID, agent_id: UUID, at: datetime) -> None:
    """The contact returns to its place; the agent pauses, or it would ring here again at once."""
    leg, contact = await _in_hand(tx, tenant_id, leg_id, agent_id)
    await _return(tx, contact, leg, "refused", at)


async def no_answer(tx: Tx, tenant_id: UUID, leg_id: UUID, at: datetime) -> bool:
    """The ringing time is over. False when it was answered, or gone, in the meantime."""
    leg = await store.locked_leg(tx, tenant_id, leg_id)
    if leg is None or leg.ended_at is not None or leg.answered_at is not None:
        return False
    contact = await store.locked(tx, tenant_id, leg.contact_id)
    if contact is None or not rules.allowed(contact.state, "return"):
        return False
    await _return(tx, contact, leg, "no_answer", at)
    return True


async def hold(tx: Tx, tenant_id: UUID, leg_id: UUID, agent_id: UUID, at: datetime) -> Contact:
    leg, contact = await _in_hand(tx, tenant_id, leg_id, agent_id)
    contact = rules.step(contact, "hold", at)
    await store.save(tx, contact)
    await store.leg_held(tx, tenant_id, leg.id, contact.held_at, contact.hold_ms)
    await agents.move_slot(tx, tenant_id, agent_id, leg_id, "held", at=contact.held_at or at)
    await service.publish(tx, tenant_id, events.ContactHeld(contact_id=contact.id, at=contact.held_at or at))
    return contact


async def resume(tx: Tx, tenant_id: UUID, leg_id: UUID, agent_id: UUID, at: datetime) -> Contact:
    leg, contact = await _in_hand(tx, tenant_id, leg_id, agent_id)
    contact = rules.step(contact, "resume", at)
    await store.save(tx, contact)
    await store.leg_held(tx, tenant_id, leg.id, None, contact.hold_ms)
    await agents.move_slot(tx, tenant_id, agent_id, leg_id, "talking", at=at)
    await service.publish(tx, tenant_id, events.ContactResumed(contact_id=contact.id, at=at))
    return contact


async def release(tx: Tx, tenant_id: UUID, leg_id: UUID, agent_id: UUID, at: datetime) -> Contact:
    """End the conversation. Nothing changes when the customer has hung up already."""
    leg, contact = await _in_hand(tx, tenant_id, leg_id, agent_id)
    if contact.state == "wrapping":
        return contact
    contact = rules.step(contact, "release", at)
    await store.save(tx, contact)
    await service.to_wrap_up(tx, contact, leg, "agent")
    return contact


async def finish(
    tx: Tx,
    tenant_id: UUID,
    leg_id: UUID,
    agent_id: UUID,
    *,
    disposition_id: UUID | None,
    note: str | None,
    at: datetime,
) -> Contact:
    """Close with a result: the agent is free, and the record follows from the event."""
    leg, contact = await _in_hand(tx, tenant_id, leg_id, agent_id)
    if disposition_id is None or not await store.disposition_exists(tx, tenant_id, disposition_id):
        raise Invalid(_("Choose one of the tenant's results."), field="disposition_id")
    contact = msgspec.structs.replace(contact, disposition_id=disposition_id)
    if note is not None:
        await store.save_note(tx, tenant_id, contact.id, note)
    return await _close(tx, contact, leg, at)


async def wrap_up_over(tx: Tx, tenant_id: UUID, leg_id: UUID, at: datetime) -> bool:
    """The wrap-up limit has passed: close as it is, and say so in the record's flags."""
    leg = await store.locked_leg(tx, tenant_id, leg_id)
    if leg is None or leg.ended_at is not None or leg.wrap_until is None or leg.wrap_until > at:
        return False
    contact = await store.locked(tx, tenant_id, leg.contact_id)
    if contact is None or contact.state != "wrapping":
        return False
    await _close(tx, contact, leg, at, flags=("wrap_up_over",))
    return True


async def newest_script(tx: Tx, tenant_id: UUID, queue_id: UUID | None) -> UUID | None:
    """The version that an answer would pin now."""
    return await store.newest_script_version(tx, tenant_id, queue_id) if queue_id else None


async def _close(tx: Tx, contact: Contact, leg: Row[Any], at: datetime, *, flags: tuple[str, ...] = ()) -> Contact:
    contact = rules.step(contact, "finish", at)
    wrapped = contact.wrapped_at or at
    await store.save(tx, contact)
    await store.leg_ended(tx, contact.tenant_id, leg.id, "handled", wrapped)
    await agents.free_slot(tx, leg.agent_id, leg.id, wrapped)
    await service.publish_closed(tx, contact, flags)
    await agents.hint(tx, leg.agent_id)
    return contact


async def _return(tx: Tx, contact: Contact, leg: Row[Any], why: str, at: datetime) -> None:
    contact = rules.step(contact, "return", at)
    await store.save(tx, contact)
    await store.leg_ended(tx, contact.tenant_id, leg.id, why, at)
    if (await agents.presence(tx, leg.agent_id)).state == "available":
        await agents.set_presence(tx, leg.agent_id, "paused", why, at)
    await agents.free_slot(tx, leg.agent_id, leg.id, at)
    fact = events.ContactReturned(contact_id=contact.id, leg_id=leg.id, agent_id=leg.agent_id, why=why, at=at)
    await service.publish(tx, contact.tenant_id, fact)
    await service.hint_contact(tx, contact)
    await agents.hint(tx, leg.agent_id)


async def _in_hand(tx: Tx, tenant_id: UUID, leg_id: UUID, agent_id: UUID) -> tuple[Row[Any], Contact]:
    leg = await store.locked_leg(tx, tenant_id, leg_id)
    if leg is None or leg.agent_id != agent_id:
        raise NotFound
    if leg.ended_at is not None:
        raise Conflict(_("This contact is no longer yours."), code="assignment_ended")
    contact = await store.locked(tx, tenant_id, leg.contact_id)
    if contact is None:
        raise NotFound
    return leg, contact
