"""Presence and slots. Each change of what an agent does is a row of his time."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row

from crewline_floor.agents import store
from crewline_floor.agents.rules import Presence, SlotState, checked_presence
from crewline_infra.db import Tx
from crewline_infra.errors import NotFound


class AgentCard(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    alias: str
    simulated: bool


class PresenceView(msgspec.Struct, frozen=True, kw_only=True):
    state: Presence
    reason: str | None
    since: datetime | None


class SlotView(msgspec.Struct, frozen=True, kw_only=True):
    """A contact in the agent's hands; what it is about needs the tenant's own transaction."""

    agent_id: UUID
    slot: int
    pool_id: UUID
    tenant_id: UUID
    contact_id: UUID
    leg_id: UUID
    state: SlotState
    since: datetime


async def agent_of_user(tx: Tx, user_id: UUID) -> AgentCard:
    row = await store.agent_of_user(tx, user_id)
    if row is None:
        raise NotFound
    return AgentCard(**row._mapping)


async def alias(tx: Tx, agent_id: UUID) -> str:
    row = await store.agent(tx, agent_id)
    if row is None:
        raise NotFound
    return str(row.alias)


async def presence(tx: Tx, agent_id: UUID) -> PresenceView:
    row = await store.presence(tx, agent_id)
    if row is None:
        return PresenceView(state="offline", reason=None, since=None)
    return PresenceView(state=row.state, reason=row.reason, since=row.since)


async def set_presence(tx: Tx, agent_id: UUID, state: str, reason: str | None, at: datetime) -> PresenceView:
    """Takes effect at once when the agent is free, else when the contact in hand is closed."""
    checked, why = checked_presence(state, reason)
    before = await store.presence(tx, agent_id)
    await store.put_presence(tx, agent_id, checked, why, at)
    changed = before is None or (before.state, before.reason) != (checked, why)
    if changed and not await store.slots_of(tx, agent_id):
        await store.log(tx, [agent_id], checked, why, [None], at=at)
    return await presence(tx, agent_id)


async def hint(tx: Tx, agent_id: UUID) -> None:
    """Wake dispatchers and the agent's desk."""
    await store.hint(tx, [agent_id])


async def seen(tx: Tx, agent_id: UUID, at: datetime) -> None:
    await store.seen(tx, agent_id, at)


async def slots(tx: Tx, agent_id: UUID) -> list[SlotView]:
    return [_slot(row) for row in await store.slots_of(tx, agent_id)]


async def move_slot(tx: Tx, tenant_id: UUID, agent_id: UUID, leg_id: UUID, state: SlotState, *, at: datetime) -> None:
    if await store.slot_state(tx, agent_id, leg_id, state, at):
        await store.log(tx, [agent_id], state, None, [tenant_id], at=at)


async def free_slot(tx: Tx, agent_id: UUID, leg_id: UUID, at: datetime) -> None:
    """The agent is free again; his time goes on as his presence says."""
    if not await store.free_slot(tx, agent_id, leg_id):
        return
    await store.idle_since(tx, agent_id, at)
    if not await store.slots_of(tx, agent_id):
        now = await presence(tx, agent_id)
        await store.log(tx, [agent_id], now.state, now.reason, [None], at=at)


def _slot(row: Row[Any]) -> SlotView:
    return SlotView(**row._mapping)
