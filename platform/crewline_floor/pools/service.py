"""A pool as the routing decision needs it, and the lease that makes one dispatcher its writer."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row

from crewline_floor.pools import store
from crewline_floor.routing.rules import Agent, Need, PoolPolicy, Queue, Relaxation, Share
from crewline_infra.db import Tx

LEASE_MS = 15_000


class RelaxStep(msgspec.Struct, frozen=True):
    """`needs`: skill id to level."""

    after_ms: int
    needs: dict[UUID, int] = {}


class QueuePolicy(msgspec.Struct, frozen=True):
    """The document in `queue.policy`; `ageing_ms` is the age worth one step of priority."""

    relax: tuple[RelaxStep, ...] = ()
    ageing_ms: int = 60_000


class TenantInPool(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    colour: int
    time_zone: str


class QueueInPool(msgspec.Struct, frozen=True):
    id: UUID
    tenant_id: UUID
    name: str
    threshold_ms: int
    target: float
    ring_timeout_ms: int


class PoolSetup(msgspec.Struct, frozen=True):
    """Policy and members for the decision; names and limits for boards and timers."""

    name: str
    policy: PoolPolicy
    queues: tuple[Queue, ...]
    agents: tuple[Agent, ...]
    tenants: dict[UUID, TenantInPool]
    queue_info: dict[UUID, QueueInPool]
    aliases: dict[UUID, str]


async def pool_ids(tx: Tx) -> dict[UUID, str]:
    """Every pool's id and slug."""
    return {row.id: row.slug for row in await store.pools(tx)}


async def pool_names(tx: Tx) -> dict[UUID, str]:
    return {row.id: row.name for row in await store.pools(tx)}


async def load(tx: Tx, pool_id: UUID) -> PoolSetup:
    shares = await store.shares(tx, pool_id)
    queues: list[Queue] = []
    info: dict[UUID, QueueInPool] = {}
    for share in shares:
        for row in await store.queues(tx, share.tenant_id, pool_id):
            queues.append(_queue(share.tenant_id, row))
            info[row.id] = QueueInPool(
                row.id,
                share.tenant_id,
                row.name,
                row.threshold_ms,
                float(row.target),
                row.ring_timeout_ms,
            )
    members = await store.members(tx, pool_id)
    names = {row.id: row.name for row in await store.pools(tx)}
    return PoolSetup(
        name=names.get(pool_id, ""),
        policy=PoolPolicy(
            {s.tenant_id: Share(s.tenant_id, float(s.share), s.floor_seats, s.cap_seats) for s in shares}
        ),
        queues=tuple(queues),
        agents=tuple(_agent(row) for row in members),
        tenants={s.tenant_id: TenantInPool(s.tenant_id, s.name, s.colour, s.time_zone) for s in shares},
        queue_info=info,
        aliases={row.id: row.alias for row in members},
    )


async def take_lease(tx: Tx, pool_id: UUID, holder: str, *, lease_ms: int = LEASE_MS) -> int | None:
    return await store.take_lease(tx, pool_id, holder, lease_ms)


async def renew_lease(tx: Tx, pool_id: UUID, holder: str, epoch: int, *, lease_ms: int = LEASE_MS) -> bool:
    return await store.renew_lease(tx, pool_id, holder, epoch, lease_ms)


async def give_up_lease(tx: Tx, pool_id: UUID, holder: str, epoch: int) -> None:
    await store.give_up_lease(tx, pool_id, holder, epoch)


async def holds_lease(tx: Tx, pool_id: UUID, holder: str, epoch: int) -> bool:
    return await store.holds_lease(tx, pool_id, holder, epoch)


def _agent(row: Row[Any]) -> Agent:
    return Agent(row.id, frozenset(row.certified), dict(zip(row.skills, row.levels, strict=True)))


def _queue(tenant_id: UUID, row: Row[Any]) -> Queue:
    policy = msgspec.convert(row.policy, QueuePolicy, strict=False)
    return Queue(
        id=row.id,
        tenant_id=tenant_id,
        needs=tuple(Need(s, n) for s, n in zip(row.skills, row.levels, strict=True)),
        relax=tuple(
            Relaxation(step.after_ms, tuple(Need(s, n) for s, n in step.needs.items()))
            for step in sorted(policy.relax, key=lambda step: step.after_ms)
        ),
        target_ms=row.threshold_ms,
        ageing_ms=policy.ageing_ms,
    )
