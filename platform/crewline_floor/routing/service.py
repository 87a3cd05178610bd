"""A batch of decisions made durable at once, and decisions told again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec

from crewline_floor.agents import service_pool as agents
from crewline_floor.contacts import service as floor_contacts
from crewline_floor.contacts import service_offers as contacts
from crewline_floor.contacts.service_offers import Offer
from crewline_floor.pools import service as pools
from crewline_floor.pools.service import PoolSetup
from crewline_floor.routing import store
from crewline_floor.routing.matcher import Decision
from crewline_floor.routing.reasons import OwnReason, Reason, explain, own_side
from crewline_infra.db import Tx
from crewline_infra.errors import Conflict
from crewline_infra.ids import new_id
from crewline_infra.tenancy import Role
from crewline_reporting.records import service as records


class Lease(msgspec.Struct, frozen=True):
    """Who decides for a pool. A deposed holder's batch fails whole."""

    pool_id: UUID
    holder: str
    epoch: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One decision about a contact as a sentence."""

    decided_at: datetime
    leg_id: UUID
    sentence: str


async def commit_batch(
    tx: Tx, lease: Lease, setup: PoolSetup, decisions: Sequence[Decision], *, at: datetime
) -> list[Offer]:
    """Offers made. Contacts that left and agents who are no longer free are passed over.

    Raises `Conflict` (code deposed) when the lease has passed on.
    """
    if not await pools.holds_lease(tx, lease.pool_id, lease.holder, lease.epoch):
        raise Conflict("Another dispatcher owns this pool now.", code="deposed")
    chosen = {offer.leg_id: (offer, d) for d in decisions if (offer := _offer(d, setup, at))}
    slots = [(o.agent_id, o.tenant_id, o.contact_id, o.leg_id) for o, _ in chosen.values()]
    taken = await agents.take_slots(tx, lease.pool_id, slots, at)
    made: list[Offer] = []
    offers = sorted((chosen[leg][0] for leg in taken), key=lambda o: (o.tenant_id, o.contact_id))
    for tenant_id, group in groupby(offers, key=lambda o: o.tenant_id):
        made += await _offer_of_tenant(tx, lease, tenant_id, list(group), chosen, at=at)
    lost = taken - {offer.leg_id for offer in made}
    if lost:
        await agents.drop_slots(tx, list(lost))
    if made:
        await agents.note_ringing(tx, [o.agent_id for o in made], [o.tenant_id for o in made], at)
    return made


async def _offer_of_tenant(
    tx: Tx,
    lease: Lease,
    tenant_id: UUID,
    offers: list[Offer],
    chosen: dict[UUID, tuple[Offer, Decision]],
    *,
    at: datetime,
) -> list[Offer]:
    legs = await contacts.offer(tx, tenant_id, lease.pool_id, offers, at=at)
    made = [offer for offer in offers if offer.leg_id in legs]
    rows = [(o.contact_id, o.leg_id, *_reasons(chosen[o.leg_id][1].reason)) for o in made]
    if rows:
        await store.add_decisions(tx, tenant_id, lease.pool_id, lease.epoch, at=at, made=rows)
    return made


def _reasons(reason: Reason) -> tuple[str, Any, Any]:
    return reason.rule, msgspec.to_builtins(reason), msgspec.to_builtins(own_side(reason))


def _offer(decision: Decision, setup: PoolSetup, at: datetime) -> Offer:
    ringing = setup.queue_info[decision.contact.queue_id].ring_timeout_ms
    return Offer(
        tenant_id=decision.contact.tenant_id,
        contact_id=decision.contact.contact_id,
        agent_id=decision.agent_id,
        leg_id=new_id(),
        expires_at=at + timedelta(milliseconds=ringing),
    )


async def require_contact(tx: Tx, tenant_id: UUID, contact_id: UUID) -> None:
    """Raises `NotFound` when the tenant has neither a live contact nor a record of this id."""
    # The database shows finance no live contacts.
    live = tx.context.role is not Role.FINANCE and await floor_contacts.exists(tx, tenant_id, contact_id)
    if not live:
        await records.contact_versions(tx, tenant_id, contact_id)


async def explained(tx: Tx, tenant_id: UUID, contact_id: UUID) -> list[Told]:
    """For the operator (role OPS): every decision about the contact, with names."""
    names = {row.id: row.name for row in await store.names(tx)}
    return [
        Told(
            decided_at=row.decided_at,
            leg_id=row.leg_id,
            sentence=explain(msgspec.convert(row.reason, Reason), "operator", names),
        )
        for row in await store.reasons(tx, tenant_id, contact_id)
    ]


async def explained_to_tenant(tx: Tx, tenant_id: UUID, contact_id: UUID) -> list[Told]:
    """For the tenant (roles TENANT, AGENT): its own side, which is all that those roles can read."""
    return [
        Told(
            decided_at=row.decided_at,
            leg_id=row.leg_id,
            sentence=explain(msgspec.convert(row.own, OwnReason), "tenant"),
        )
        for row in await store.own_sides(tx, tenant_id, contact_id)
    ]
