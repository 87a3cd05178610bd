"""Agents as a pool's dispatcher, its board and the simulated engine see them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from crewline_floor.agents import store
from crewline_floor.agents.service import SlotView
from crewline_infra.clock import epoch_ms
from crewline_infra.db import Tx


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent does now. `state`: available, paused, offline, ringing, talking, held, wrapping."""

    id: UUID
    alias: str
    simulated: bool
    state: str
    reason: str | None
    since: datetime
    tenant_id: UUID | None


async def take_slots(tx: Tx, pool_id: UUID, offers: Sequence[tuple[UUID, UUID, UUID, UUID]], at: datetime) -> set[UUID]:
    """`offers`: (agent, tenant, contact, leg); the legs whose slot was free and is taken."""
    return await store.take_slots(tx, pool_id, offers, at)


async def drop_slots(tx: Tx, leg_ids: Sequence[UUID]) -> None:
    await store.drop_slots(tx, leg_ids)


async def note_ringing(tx: Tx, agent_ids: Sequence[UUID], tenant_ids: Sequence[UUID], at: datetime) -> None:
    """In their time, and on their desks."""
    await store.log(tx, agent_ids, "ringing", None, tenant_ids, at=at)
    await store.hint(tx, agent_ids)


async def free_agents(tx: Tx, pool_id: UUID, only: Sequence[UUID] | None = None) -> dict[UUID, int]:
    """Agents who can take a contact -> free since (epoch ms)."""
    return {row.agent_id: epoch_ms(row.since) for row in await store.free_agents(tx, pool_id, only)}


async def seats(tx: Tx, pool_id: UUID) -> dict[UUID, int]:
    """Seats in use by tenant."""
    return {row.tenant_id: row.seats for row in await store.seats(tx, pool_id)}


async def activity(tx: Tx, pool_id: UUID) -> list[Activity]:
    return [
        Activity(
            id=row.id,
            alias=row.alias,
            simulated=row.simulated,
            state=row.slot_state or row.state,
            reason=None if row.slot_state else row.reason,
            since=row.slot_since or row.since,
            tenant_id=row.tenant_id,
        )
        for row in await store.activity(tx, pool_id)
    ]


async def simulated_agents(tx: Tx) -> dict[UUID, str | None]:
    """Simulated agents -> why they take no contacts ('offline' or the reason of a pause), or None."""
    return {
        row.id: row.reason if row.state == "paused" else "offline" if row.state == "offline" else None
        for row in await store.simulated_agents(tx)
    }


async def slots_in_use(tx: Tx) -> list[tuple[SlotView, bool]]:
    """(slot, is the agent simulated)."""
    found = []
    for row in await store.slots_in_use(tx):
        fields = dict(row._mapping)
        simulated = fields.pop("simulated")
        found.append((SlotView(**fields), simulated))
    return found
