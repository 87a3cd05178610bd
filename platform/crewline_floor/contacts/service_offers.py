"""Decisions made durable in contacts and legs, and what a dispatcher reads to know the floor."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from crewline_floor.contacts import events, service, store_offers
from crewline_infra.clock import epoch_ms
from crewline_infra.db import Tx


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """This contact rings at that agent until `expires_at`."""

    tenant_id: UUID
    contact_id: UUID
    agent_id: UUID
    leg_id: UUID
    expires_at: datetime


class Queued(msgspec.Struct, frozen=True):
    contact_id: UUID
    queue_id: UUID
    priority: int
    queued_ms: int


class LegTimer(msgspec.Struct, frozen=True):
    """At `due_at` ringing ends (`wrapping` False) or wrap-up does."""

    tenant_id: UUID
    leg_id: UUID
    due_at: datetime
    wrapping: bool


async def offer(tx: Tx, tenant_id: UUID, pool_id: UUID, offers: Sequence[Offer], *, at: datetime) -> set[UUID]:
    """Legs made; a contact that is no longer queued (gone, or offered by another) is left out."""
    taken = await store_offers.offer_contacts(tx, tenant_id, [o.contact_id for o in offers], at)
    made = [o for o in offers if o.contact_id in taken]
    if not made:
        return set()
    legs = [(o.leg_id, o.contact_id, o.agent_id, o.expires_at) for o in made]
    await store_offers.add_legs(tx, tenant_id, pool_id, legs, at)
    for one in made:
        fact = events.ContactOffered(contact_id=one.contact_id, leg_id=one.leg_id, agent_id=one.agent_id, at=at)
        await service.publish(tx, tenant_id, fact)
    return {o.leg_id for o in made}


async def queued(tx: Tx, tenant_id: UUID, pool_id: UUID, only: Sequence[UUID] | None = None) -> list[Queued]:
    rows = await store_offers.waiting(tx, tenant_id, pool_id, only)
    return [Queued(r.id, r.queue_id, r.priority, epoch_ms(r.queued_at)) for r in rows]


async def timers(tx: Tx, tenant_id: UUID, pool_id: UUID) -> list[LegTimer]:
    return [
        LegTimer(tenant_id, row.id, row.wrap_until or row.expires_at, row.wrap_until is not None)
        for row in await store_offers.live_legs(tx, tenant_id, pool_id)
    ]
