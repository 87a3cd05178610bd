"""A small floor for tests: tenants sharing a pool, agents, customers who call."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from crewline_floor.agents import service as agent_service
from crewline_floor.agents.service import SlotView
from crewline_floor.contacts import service as contacts
from crewline_floor.contacts import service_legs as legs
from crewline_floor.contacts.service import Arrival
from crewline_floor.routing.dispatch import PoolDispatcher
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_infra.ids import new_id
from crewline_infra.tenancy import Context, Role
from tests.builders import (
    Tenant,
    create_agent,
    create_pool,
    create_queue,
    create_tenant,
    share_pool,
)

DISPATCH = Context(Role.DISPATCH)


@dataclass
class Floor:
    database: Database
    admin: asyncpg.Connection
    clock: ManualClock
    pool_id: UUID
    tenants: list[Tenant] = field(default_factory=list)
    queues: dict[UUID, UUID] = field(default_factory=dict)
    agents: list[UUID] = field(default_factory=list)
    dispositions: dict[UUID, UUID] = field(default_factory=dict)
    calls: int = 0

    def dispatcher(self, holder: str = "one", **options: Any) -> PoolDispatcher:
        return PoolDispatcher(self.database, self.clock, self.pool_id, holder, **options)

    async def call(self, tenant: Tenant, **options: Any) -> UUID:
        """A customer arrives and enters the tenant's queue."""
        self.calls += 1
        async with self.database.transaction(DISPATCH) as tx:
            arrival = Arrival(engine="test", external_id=str(self.calls), at=self.clock.now(), **options)
            contact_id = await contacts.arrive(tx, tenant.id, arrival)
            queue_id = self.queues[tenant.id]
            await contacts.enqueue(tx, tenant.id, contact_id, self.clock.now(), queue_id=queue_id)
        return contact_id

    async def hang_up(self, tenant: Tenant, contact_id: UUID) -> bool:
        async with self.database.transaction(DISPATCH) as tx:
            return await contacts.leave(tx, tenant.id, contact_id, self.clock.now())

    async def presence(self, agent_id: UUID, state: str = "available", reason: str | None = None) -> None:
        async with self.database.transaction(DISPATCH) as tx:
            await agent_service.set_presence(tx, agent_id, state, reason, self.clock.now())

    async def slot(self, agent_id: UUID) -> SlotView | None:
        async with self.database.transaction(DISPATCH) as tx:
            found = await agent_service.slots(tx, agent_id)
        return found[0] if found else None

    async def answer(self, agent_id: UUID) -> SlotView:
        slot = await self.slot(agent_id)
        assert slot is not None
        async with self.database.transaction(DISPATCH) as tx:
            await legs.answer(tx, slot.tenant_id, slot.leg_id, agent_id, self.clock.now())
        return slot

    async def handle(self, agent_id: UUID, *, talk_ms: int = 60_000, wrap_ms: int = 10_000) -> UUID:
        """Answer, talk, release, wrap up; returns the contact."""
        slot = await self.answer(agent_id)
        self.clock.advance(talk_ms)
        async with self.database.transaction(DISPATCH) as tx:
            await legs.release(tx, slot.tenant_id, slot.leg_id, agent_id, self.clock.now())
        self.clock.advance(wrap_ms)
        async with self.database.transaction(DISPATCH) as tx:
            await legs.finish(
                tx,
                slot.tenant_id,
                slot.leg_id,
                agent_id,
                disposition_id=self.dispositions[slot.tenant_id],
                note=None,
                at=self.clock.now(),
            )
        return slot.contact_id

    async def state(self, contact_id: UUID) -> asyncpg.Record:
        row = await self.admin.fetchrow("select * from contact where id = $1", contact_id)
        assert row is not None
        return row

    async def events(self, contact_id: UUID) -> list[str]:
        rows = await self.admin.fetch("select type from outbox where key = $1 order by xid, id", str(contact_id))
        return [row["type"] for row in rows]

    async def closed(self, contact_id: UUID) -> dict[str, Any]:
        payload = await self.admin.fetchval(
            "select payload from outbox where key = $1 and type = 'ContactClosed'", str(contact_id)
        )
        assert payload is not None
        return dict(payload)


async def floor(
    database: Database,
    admin: asyncpg.Connection,
    clock: ManualClock,
    *,
    tenants: int = 2,
    agents: int = 2,
    available: bool = True,
    simulated: bool = False,
) -> Floor:
    made = Floor(database, admin, clock, await create_pool(admin))
    for n in range(tenants):
        tenant = await create_tenant(admin, f"tenant-{n}")
        made.tenants.append(tenant)
        await share_pool(admin, made.pool_id, tenant)
        made.queues[tenant.id] = await create_queue(admin, tenant, pool_id=made.pool_id)
        made.dispositions[tenant.id] = await add_disposition(admin, tenant)
    for n in range(agents):
        agent_id = await create_agent(
            admin, f"Agent {n}", pool_id=made.pool_id, tenants=tuple(made.tenants), simulated=simulated
        )
        made.agents.append(agent_id)
        if available:
            await made.presence(agent_id)
    return made


async def add_disposition(admin: asyncpg.Connection, tenant: Tenant, code: str = "done") -> UUID:
    disposition_id = new_id()
    await admin.execute(
        "insert into disposition (tenant_id, id, code, label) values ($1, $2, $3, $4)",
        tenant.id,
        disposition_id,
        code,
        code.title(),
    )
    return disposition_id
