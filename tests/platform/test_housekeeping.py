"""What has had its time goes, what has not stays, and the round of an hour happens once."""

from datetime import timedelta
from pathlib import Path

import asyncpg

from crewline_app import housekeeping, subscriptions
from crewline_infra import outbox
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_infra.egress import Policy
from crewline_infra.jobs import Jobs
from crewline_infra.secrets import SecretBox
from crewline_infra.tenancy import Role
from crewline_tenants.crm import service
from tests.builders import Tenant, create_tenant, create_user

VAULT = service.Vault(SecretBox(b"k" * 32), Policy())


async def clean(worker_database: Database, clock: ManualClock) -> None:
    await housekeeping.schedule(worker_database, clock)
    worker = Jobs(worker_database)
    housekeeping.register(worker, clock)
    await worker.drain()


async def test_old_sessions_attempts_events_and_deliveries_go(
    admin: asyncpg.Connection, database: Database, worker_database: Database, clock: ManualClock
) -> None:
    tenant = await create_tenant(admin)
    user_id = await create_user(admin, "lin@aster.example")
    for hours in (-1, 1):
        await admin.execute(
            """
            insert into session (id_hash, user_id, csrf_token, address, user_agent, created_at, seen_at, expires_at)
            values ($1, $2, 'x', '::1', 'x', now(), now(), $3)
            """,
            str(hours).encode(),
            user_id,
            clock.now() + timedelta(hours=hours),
        )
    for days in (31, 29):
        await admin.execute(
            "insert into login_attempt values (gen_random_uuid(), '\\x00', '::1', false, $1)",
            clock.now() - timedelta(days=days),
        )
    await deliver(admin, worker_database, tenant, clock)
    await pass_events(admin, database, worker_database, tenant, clock)
    await clean(worker_database, clock)
    left = {
        table: await admin.fetchval(f"select count(*) from {table}")
        for table in ("session", "login_attempt", "crm_delivery", "outbox")
    }
    assert left == {"session": 1, "login_attempt": 1, "crm_delivery": 2, "outbox": 1}
    assert await admin.fetchval("select result ->> 'rows' from job_run") == "4"


async def deliver(admin: asyncpg.Connection, worker_database: Database, tenant: Tenant, clock: ManualClock) -> None:
    """Three deliveries: acknowledged long ago, acknowledged lately, still waiting from long ago."""
    async with worker_database.transaction(tenant.context(Role.WORKER)) as tx:
        issued = await service.add_endpoint(tx, tenant.id, VAULT, "https://crm.example.com/")
        sent = [await service.send_test(tx, tenant.id, issued.endpoint.id, clock.now()) for _ in range(3)]
    for delivery, days in zip(sent[:2], (91, 89), strict=True):
        await admin.execute(
            "update crm_delivery set state = 'delivered', delivered_at = $2 where id = $1",
            delivery.id,
            clock.now() - timedelta(days=days),
        )
    await admin.execute("update crm_delivery set created_at = $1", clock.now() - timedelta(days=100))


async def pass_events(
    admin: asyncpg.Connection, database: Database, worker_database: Database, tenant: Tenant, clock: ManualClock
) -> None:
    """Two events of long ago, one of them handled."""
    for _ in range(2):
        async with database.transaction(tenant.context(Role.OPS)) as tx:
            await outbox.publish(tx, tenant.id, "ContactHeld", "x", {})
    await admin.execute("update outbox set created_at = $1", clock.now() - timedelta(days=15))
    await outbox.consume(worker_database, subscriptions.CONSUMER, tenant.id, subscriptions.handle, limit=1)


async def test_however_many_workers_ask_an_hour_has_one_round(
    admin: asyncpg.Connection, worker_database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    for minutes in (0, 10, 49, 11):
        clock.advance(minutes * 60_000)
        await clean(worker_database, clock)
    assert await admin.fetchval("select array_agg(state) from job_run") == ["done", "done"]
