"""Transactions end as they should, whatever interrupts them."""

import asyncio
import random
from decimal import Decimal
from urllib.parse import urlsplit

import asyncpg
import pytest

from crewline_infra.db import Database
from crewline_infra.errors import Unavailable
from crewline_infra.ids import new_id
from crewline_infra.tenancy import Context, Role
from tests.builders import Tenant, create_queue, create_tenant
from tests.conftest import Server

ADD = "insert into script (tenant_id, id, slug, name) values ($1, $2, $3, 'x')"  # a table without further demands


async def test_commit_on_a_normal_end_and_rollback_on_an_exception(
    database: Database, admin: asyncpg.Connection
) -> None:
    tenant = await create_tenant(admin)
    async with database.transaction(tenant.context(Role.OPS)) as tx:
        await tx.run(ADD, tenant.id, new_id(), "kept")
    called: list[str] = []

    async def fail() -> None:
        async with database.transaction(tenant.context(Role.OPS)) as tx:
            await tx.run(ADD, tenant.id, new_id(), "lost")
            tx.after_commit(lambda: called.append("committed"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert called == []
    assert await admin.fetchval("select array_agg(slug) from script") == ["kept"]


async def test_values_keep_their_types(database: Database, admin: asyncpg.Connection) -> None:
    tenant = await create_tenant(admin)
    async with database.transaction(tenant.context()) as tx:
        row = await tx.row(
            "select $1::jsonb as document, $2::numeric as amount, $3::uuid as id, "
            "$4::bigint as ms, $5::text[] as flags",
            {"中": [1, None, Decimal("1.10")]},
            Decimal("12345678901234567890.123456789"),
            tenant.id,
            2**40,
            ["a"],
        )
    assert row is not None
    assert row.document == {"中": [1, None, "1.10"]}
    assert (row.amount, row.id, row.ms, row.flags) == (
        Decimal("12345678901234567890.123456789"),
        tenant.id,
        2**40,
        ["a"],
    )


async def test_a_cancel_storm_leaks_no_tenant_and_hides_no_commit(
    server: Server, admin_url: str, admin: asyncpg.Connection
) -> None:
    """800 transactions of two tenants over three connections, cancelled at random points."""
    tenants = [await create_tenant(admin, "ours"), await create_tenant(admin, "theirs")]
    for tenant in tenants:
        await create_queue(admin, tenant, tenant.slug)
    database = Database(server.login("web", urlsplit(admin_url).path[1:]), pool_size=3)
    chance = random.Random(7)
    acknowledged: list[str] = []

    async def work(tenant: Tenant, key: str) -> None:
        async with database.transaction(tenant.context(Role.OPS)) as tx:
            assert [row.slug for row in await tx.rows("select slug from queue")] == [tenant.slug]
            await tx.run(ADD, tenant.id, new_id(), key)
        acknowledged.append(key)

    async def cancelled(number: int) -> None:
        task = asyncio.create_task(work(tenants[number % 2], f"k{number}"))
        for _ in range(chance.randrange(0, 60)):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return

    try:
        for start in range(0, 800, 8):
            await asyncio.gather(*(cancelled(start + i) for i in range(8)))
        await asyncio.gather(*(work(tenants[i % 2], f"after{i}") for i in range(20)))
    finally:
        await database.close()
    stored = {row["slug"] for row in await admin.fetch("select slug from script")}
    assert set(acknowledged) <= stored
    assert len(acknowledged) >= 20


async def test_a_killed_backend_costs_one_transaction(database: Database, admin: asyncpg.Connection) -> None:
    tenant = await create_tenant(admin)

    async def interrupted() -> None:
        async with database.transaction(tenant.context(Role.OPS)) as tx:
            await admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
            await tx.run(ADD, tenant.id, new_id(), "lost")

    with pytest.raises(Unavailable):
        await interrupted()
    async with database.transaction(tenant.context(Role.OPS)) as tx:
        await tx.run(ADD, tenant.id, new_id(), "kept")
    assert await admin.fetchval("select array_agg(slug) from script") == ["kept"]


async def test_a_server_that_is_not_there_is_said_so() -> None:
    nobody = Database("postgresql://x:y@127.0.0.1:1/z")
    with pytest.raises(Unavailable, match="out of reach"):
        async with nobody.transaction(Context(Role.OPS)):
            pass
    await nobody.close()


async def test_a_database_that_was_not_migrated_is_said_so(admin_url: str) -> None:
    host = urlsplit(admin_url).netloc.rpartition("@")[2]
    stranger = Database(f"postgresql://crewline_web_nowhere:x@{host}{urlsplit(admin_url).path}")
    with pytest.raises(Unavailable, match="run `crewline migrate`"):
        async with stranger.transaction(Context(Role.OPS)):
            pass
    await stranger.close()
