"""What the worker clears away, every hour: ended sessions, handled events, delivered webhooks, old request keys."""

from datetime import datetime, timedelta
from uuid import UUID

from crewline_app import store, subscriptions
from crewline_infra import jobs, outbox
from crewline_infra.clock import Clock
from crewline_infra.db import Database
from crewline_infra.jobs import Jobs, Work
from crewline_infra.tenancy import Context, Role
from crewline_tenants.crm import store_claims
from crewline_tenants.people import expiry

KIND = "housekeeping"
EVENTS_KEPT = timedelta(days=14)
DELIVERIES_KEPT = timedelta(days=90)


async def schedule(database: Database, clock: Clock) -> None:
    """Ask for this hour's round; however many workers ask, there is one."""
    async with database.transaction(Context(Role.WORKER, request_id=KIND)) as tx:
        await jobs.enqueue(tx, KIND, effect_key=f"{KIND}:{clock.now():%Y-%m-%dT%H}")


def register(registry: Jobs, clock: Clock) -> None:
    async def housekeeping(work: Work) -> None:
        now = clock.now()
        gone = 0
        for tenant_id in await _tenants(work.database):
            gone += await _of_tenant(work.database, tenant_id, now)
        async with work.effect() as tx:
            work.result = {"rows": gone + await expiry.forget(tx, now)}

    registry.register(KIND, housekeeping)


async def _tenants(database: Database) -> list[UUID]:
    async with database.transaction(Context(Role.DISPATCH, request_id=KIND)) as tx:
        return [row.id for row in await store.tenants(tx)]


async def _of_tenant(database: Database, tenant_id: UUID, now: datetime) -> int:
    """In a transaction of its own; deleting again what is gone already does no harm."""
    async with database.transaction(Context(Role.WORKER, tenant_id, request_id=KIND)) as tx:
        gone = await outbox.forget(tx, tenant_id, [subscriptions.CONSUMER], now - EVENTS_KEPT)
        return gone + await store_claims.forget(tx, tenant_id, now - DELIVERIES_KEPT)
