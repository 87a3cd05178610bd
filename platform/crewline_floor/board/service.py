"""Write a pool's board (its dispatcher does), read all of them (supervisors do)."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from crewline_floor.agents import service_pool as agents
from crewline_floor.board import store
from crewline_floor.board.model import FloorBoard, PoolBoard, QueueLine, QueueToday, TenantLine
from crewline_floor.pools.service import PoolSetup
from crewline_floor.routing.matcher import Matcher
from crewline_floor.routing.service import Lease
from crewline_infra.clock import from_epoch_ms
from crewline_infra.db import Tx
from crewline_infra.periods import local_date, local_midnight


async def counted_today(tx: Tx, setup: PoolSetup, pool_id: UUID, at: datetime) -> dict[UUID, QueueToday]:
    """Per queue, since midnight of each tenant's own zone. Role DISPATCH, tenant by tenant."""
    found: dict[UUID, QueueToday] = {}
    for tenant in setup.tenants.values():
        midnight = local_midnight(local_date(at, tenant.time_zone), tenant.time_zone)
        for row in await store.today(tx, tenant.id, pool_id, midnight):
            found[row.queue_id] = QueueToday(
                offered=row.offered,
                answered=row.answered,
                abandoned=row.abandoned,
                in_time=row.in_time,
                talking=row.talking,
            )
    return found


async def write(
    tx: Tx, lease: Lease, setup: PoolSetup, matcher: Matcher, *, today: Mapping[UUID, QueueToday], at: datetime
) -> PoolBoard:
    """From the dispatcher's memory; the agents as their rows say. Role DISPATCH."""
    board = PoolBoard(
        id=lease.pool_id,
        name=setup.name,
        at=at,
        members=len(setup.aliases),
        tenants=_tenants(setup, matcher),
        queues=_queues(setup, matcher, today),
        agents=await agents.activity(tx, lease.pool_id),
    )
    await store.put(tx, lease.pool_id, lease.epoch, at, msgspec.to_builtins(board))
    return board


async def read(tx: Tx) -> FloorBoard:
    """Roles OPS and DISPATCH."""
    pools = [msgspec.convert(row.board, PoolBoard) for row in await store.boards(tx)]
    return FloorBoard(at=min((pool.at for pool in pools), default=None), pools=pools)


def _tenants(setup: PoolSetup, matcher: Matcher) -> list[TenantLine]:
    return [
        TenantLine(
            id=tenant.id,
            name=tenant.name,
            colour=tenant.colour,
            share=share.share,
            floor=share.floor,
            cap=share.cap,
            seats=matcher.seats[tenant.id],
            waiting=matcher.lanes.waiting.get(tenant.id, 0),
        )
        for tenant in setup.tenants.values()
        if (share := setup.policy.shares.get(tenant.id)) is not None
    ]


def _queues(setup: PoolSetup, matcher: Matcher, today: Mapping[UUID, QueueToday]) -> list[QueueLine]:
    waiting: dict[UUID, int] = {}
    oldest: dict[UUID, int] = {}
    for item in matcher.lanes.items():
        waiting[item.queue_id] = waiting.get(item.queue_id, 0) + 1
        oldest[item.queue_id] = min(item.queued_ms, oldest.get(item.queue_id, item.queued_ms))
    return [
        QueueLine(
            id=info.id,
            tenant_id=info.tenant_id,
            name=info.name,
            waiting=waiting.get(info.id, 0),
            oldest_at=from_epoch_ms(oldest[info.id]) if info.id in oldest else None,
            threshold_ms=info.threshold_ms,
            target=info.target,
            today=today.get(info.id, QueueToday()),
        )
        for info in setup.queue_info.values()
    ]
