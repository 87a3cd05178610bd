"""A job exists when its transaction commits, has its effect once, and cannot kill workers for ever."""

import asyncio
import subprocess
import sys
from uuid import UUID

import asyncpg
import pytest

from crewline_infra import jobs
from crewline_infra.db import Database
from crewline_infra.errors import Conflict, NotFound
from crewline_infra.jobs import Jobs, Work
from crewline_infra.jobs_driver import RoleDriver
from crewline_infra.tenancy import Context, Role
from tests.builders import Tenant, create_tenant

OPS = Context(Role.OPS)


async def enqueued(database: Database, key: str = "k1", tenant_id: UUID | None = None) -> UUID:
    async with database.transaction(OPS) as tx:
        return await jobs.enqueue(tx, "note", effect_key=key, tenant_id=tenant_id, input={"key": key})


async def noted(work: Work) -> None:
    """Its effect: one line in the operator's audit."""
    async with work.effect() as tx:
        await tx.run(
            "insert into operator_audit (id, at, action, subject) values (gen_random_uuid(), now(), 'noted', $1)",
            work.job.input["key"],
        )
        work.result = {"seen": work.job.starts}


def working(database: Database) -> Jobs:
    worker = Jobs(database, heartbeat_s=1)
    worker.register("note", noted)
    return worker


async def effects(admin: asyncpg.Connection) -> int:
    count: int = await admin.fetchval("select count(*) from operator_audit where action = 'noted'")
    return count


async def run_of(admin: asyncpg.Connection, job_id: UUID) -> asyncpg.Record:
    row = await admin.fetchrow("select state, starts, result, message from job_run where id = $1", job_id)
    assert row is not None
    return row


async def test_a_job_exists_exactly_when_its_transaction_commits(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    async def change_of_mind() -> None:
        async with database.transaction(OPS) as tx:
            await jobs.enqueue(tx, "note", effect_key="lost", input={"key": "lost"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_of_mind()
    await working(worker_database).drain()
    assert await effects(admin) == 0
    job_id = await enqueued(database)
    await working(worker_database).drain()
    assert await effects(admin) == 1
    assert (await run_of(admin, job_id))["state"] == "done"


async def test_the_same_effect_key_is_the_same_job_for_ever(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    first = await enqueued(database)
    assert await enqueued(database) == first
    await working(worker_database).drain()
    assert await enqueued(database) == first
    await working(worker_database).drain()
    assert await effects(admin) == 1


async def test_jobs_of_two_workers_have_each_its_effect_once(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    for n in range(30):
        await enqueued(database, f"k{n}")
    await asyncio.gather(working(worker_database).drain(), working(worker_database).drain())
    subjects = await admin.fetch("select subject from operator_audit")
    assert sorted(row["subject"] for row in subjects) == sorted(f"k{n}" for n in range(30))


async def test_a_failing_job_is_tried_again_and_then_held_with_its_reason(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    job_id = await enqueued(database)
    worker = Jobs(worker_database, backoff_s=0)

    async def refused(work: Work) -> None:
        async with work.effect() as tx:
            await tx.run("insert into operator_audit (id, at, action) values (gen_random_uuid(), now(), 'noted')")
            raise Conflict("The period is closed.")

    worker.register("note", refused)
    await worker.drain()
    run = await run_of(admin, job_id)
    assert (run["state"], run["starts"], run["message"]) == ("held", 5, "The period is closed.")
    assert await effects(admin) == 0
    assert await admin.fetchval("select status::text from jobs.pgqueuer") == "failed", "kept, not deleted"
    async with worker_database.transaction(Context(Role.WORKER)) as tx:
        await jobs.retry_held(tx, job_id)
    await working(worker_database).drain()
    assert await effects(admin) == 1


KILLED = """
import asyncio, os, sys
from crewline_infra.db import Database
from crewline_infra.jobs import Jobs
from tests.infra.test_jobs import noted

async def die(work):
    if sys.argv[2] == "after":
        await noted(work)
    os._exit(9)

async def main():
    worker = Jobs(Database(sys.argv[1], pool_size=3), heartbeat_s=1)
    worker.register("note", die)
    await worker.drain()

asyncio.run(main())
"""


async def killed(url: str, when: str) -> int:
    return await asyncio.to_thread(
        lambda: subprocess.run([sys.executable, "-c", KILLED, url, when], check=False).returncode
    )


async def forget_heartbeats(admin: asyncpg.Connection) -> None:
    """Let the time pass after which a silent worker counts as dead."""
    await admin.execute("update jobs.pgqueuer set heartbeat = now() - interval '1 hour', updated = now()")


async def test_a_worker_killed_after_the_effect_leaves_nothing_to_repeat(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    job_id = await enqueued(database)
    assert await killed(worker_database.url, "after") == 9
    assert await effects(admin) == 1
    await forget_heartbeats(admin)
    await working(worker_database).drain()
    assert await effects(admin) == 1
    assert (await run_of(admin, job_id))["state"] == "done"
    assert await admin.fetchval("select count(*) from jobs.pgqueuer") == 0


async def test_a_job_that_kills_its_worker_is_held_after_five_starts(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    job_id = await enqueued(database)
    assert await killed(worker_database.url, "before") == 9
    await admin.execute("update job_run set starts = 5")
    await forget_heartbeats(admin)
    assert await killed(worker_database.url, "before") == 0, "the sixth start does not reach the handler"
    run = await run_of(admin, job_id)
    assert (run["state"], run["message"]) == ("held", "It was started 5 times and never ended.")


async def test_a_stopped_worker_puts_back_what_it_had_begun(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    job_id = await enqueued(database)
    begun = asyncio.Event()

    async def endless(work: Work) -> None:
        begun.set()
        await asyncio.Event().wait()

    worker = Jobs(worker_database)
    worker.register("note", endless)
    running = asyncio.create_task(worker.run())
    await begun.wait()
    await worker.stop_now()
    await running
    await admin.execute("update jobs.pgqueuer set execute_after = now()")
    await working(worker_database).drain()
    assert (await run_of(admin, job_id))["state"] == "done"


async def test_a_waiting_worker_is_woken_by_a_new_job(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    done = asyncio.Event()
    worker = Jobs(worker_database)

    async def note(work: Work) -> None:
        await noted(work)
        done.set()

    worker.register("note", note)
    running = asyncio.create_task(worker.run())
    await enqueued(database)
    await asyncio.wait_for(done.wait(), 10)
    worker.stop()
    await running


async def test_a_job_acts_for_its_tenant_and_for_no_other(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    ours, theirs = await create_tenant(admin, "ours"), await create_tenant(admin, "theirs")
    seen: list[list[str]] = []

    async def look(work: Work) -> None:
        async with work.effect() as tx:
            rows = await tx.rows("select tenant_id from crm_endpoint")
            seen.append([str(row.tenant_id) for row in rows])

    for tenant in (ours, theirs):
        await endpoint(admin, tenant)
    worker = Jobs(worker_database)
    worker.register("note", look)
    await enqueued(database, "of a tenant", ours.id)
    await enqueued(database, "of nobody")
    await worker.drain()
    assert sorted(seen) == sorted([[str(ours.id)], []])


async def endpoint(admin: asyncpg.Connection, tenant: Tenant) -> None:
    await admin.execute(
        """
        insert into crm_endpoint (tenant_id, id, url, secret, created_at, updated_at)
        values ($1, gen_random_uuid(), 'https://crm.example.com', '\\x00', now(), now())
        """,
        tenant.id,
    )


async def test_only_a_held_job_can_be_tried_again(database: Database, worker_database: Database) -> None:
    job_id = await enqueued(database)

    async def again() -> None:
        async with worker_database.transaction(Context(Role.WORKER)) as tx:
            await jobs.retry_held(tx, job_id)

    with pytest.raises(NotFound):
        await again()


async def test_tenants_and_agents_cannot_queue_work(admin: asyncpg.Connection, database: Database) -> None:
    tenant = await create_tenant(admin)

    async def attempt() -> None:
        async with database.transaction(tenant.context()) as tx:
            await jobs.enqueue(tx, "note", effect_key="forged")

    with pytest.raises(Exception, match="permission denied"):
        await attempt()


async def test_the_listening_connection_is_probed_and_found_well(worker_database: Database) -> None:
    driver = RoleDriver(worker_database)
    heard: asyncio.Queue[object] = asyncio.Queue()
    async with driver:
        early = asyncio.create_task(driver.notify("test_channel", "early"))
        await driver.add_listener("test_channel", heard.put_nowait)
        await early
        assert await asyncio.wait_for(heard.get(), 5) == "early"
