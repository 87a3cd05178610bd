"""Nothing is missed, nothing is taken twice, whatever the writers and the readers do at the same time."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from crewline_infra import outbox
from crewline_infra.db import Database, Tx
from crewline_infra.errors import Unavailable
from crewline_infra.outbox import Event
from crewline_infra.tenancy import Context, Role
from tests.builders import Tenant, create_tenant

CONSUMER = "test"


class Seen:
    """A handler that remembers what it was given."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def __call__(self, tx: Tx, tenant_id: UUID, events: Sequence[Event]) -> None:
        assert all(event.tenant_id == tenant_id for event in events)
        self.events.extend(events)

    @property
    def keys(self) -> list[str]:
        return [event.key for event in self.events]


async def published(database: Database, tenant: Tenant, *keys: str) -> None:
    async with database.transaction(tenant.context(Role.OPS)) as tx:
        for key in keys:
            await outbox.publish(tx, tenant.id, "test.happened", key, {"key": key})


async def consumed(database: Database, tenant: Tenant, *, limit: int = 100) -> list[str]:
    seen = Seen()
    await outbox.consume(database, CONSUMER, tenant.id, seen, limit=limit)
    return seen.keys


async def test_an_event_exists_exactly_when_its_transaction_commits(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    tenant = await create_tenant(admin)

    async def change_of_mind() -> None:
        async with database.transaction(tenant.context(Role.OPS)) as tx:
            await outbox.publish(tx, tenant.id, "test.happened", "lost", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_of_mind()
    await published(database, tenant, "kept")
    assert await consumed(worker_database, tenant) == ["kept"]
    assert await consumed(worker_database, tenant) == []


async def test_a_slow_transaction_is_waited_for_and_not_overtaken(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    tenant = await create_tenant(admin)
    async with database.transaction(tenant.context(Role.OPS)) as slow:
        await outbox.publish(slow, tenant.id, "test.happened", "slow", {})
        await published(database, tenant, "fast")
        assert await consumed(worker_database, tenant) == []
        waiting = await outbox.backlog(worker_database, CONSUMER)
        assert waiting.tenants == ()
        assert waiting.horizon_age_ms > 0
    waiting = await outbox.backlog(worker_database, CONSUMER)
    assert waiting == outbox.Backlog((tenant.id,), 0, 0)
    assert await consumed(worker_database, tenant) == ["slow", "fast"]
    assert (await outbox.backlog(worker_database, CONSUMER)).tenants == ()


async def test_batches_keep_the_order_and_end_where_they_were_cut(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    tenant = await create_tenant(admin)
    await published(database, tenant, "1", "2", "3")
    await published(database, tenant, "4", "5")
    batches = [await consumed(worker_database, tenant, limit=2) for _ in range(4)]
    assert batches == [["1", "2"], ["3", "4"], ["5"], []]


async def test_a_failing_handler_leaves_the_position_where_it_was(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    tenant = await create_tenant(admin)
    await published(database, tenant, "1")

    async def failing(tx: Tx, tenant_id: UUID, events: Sequence[Event]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await outbox.consume(worker_database, CONSUMER, tenant.id, failing)
    assert await consumed(worker_database, tenant) == ["1"]


async def test_a_tenant_never_reads_the_events_of_another(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    ours, theirs = await create_tenant(admin, "ours"), await create_tenant(admin, "theirs")
    await published(database, theirs, "secret")
    assert await consumed(worker_database, ours) == []
    async with worker_database.transaction(ours.context(Role.WORKER)) as tx:
        assert await tx.rows("select 1 from outbox where tenant_id = $1", theirs.id) == []
    assert await consumed(worker_database, theirs) == ["secret"]


async def test_two_readers_take_turns(admin: asyncpg.Connection, database: Database, worker_database: Database) -> None:
    tenant = await create_tenant(admin)
    await published(database, tenant, *map(str, range(20)))
    inside, release = asyncio.Event(), asyncio.Event()
    first = Seen()

    async def slow(tx: Tx, tenant_id: UUID, events: Sequence[Event]) -> None:
        inside.set()
        await release.wait()
        await first(tx, tenant_id, events)

    task = asyncio.create_task(outbox.consume(worker_database, CONSUMER, tenant.id, slow))
    await inside.wait()
    assert await consumed(worker_database, tenant) == [], "the place is taken: no waiting, no second reading"
    release.set()
    assert await task == 20
    assert first.keys == [str(n) for n in range(20)]


async def test_eight_writers_and_three_readers_0_missed_0_twice(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    tenants = [await create_tenant(admin, slug) for slug in ("north", "south")]
    taken: dict[UUID, list[Event]] = {tenant.id: [] for tenant in tenants}
    written = asyncio.Event()
    readers = [asyncio.create_task(_read(worker_database, taken, written)) for _ in range(3)]
    await asyncio.gather(*(_write(database, tenants, n) for n in range(8)))
    written.set()
    await asyncio.gather(*readers)
    for tenant_id, events in taken.items():
        keys = await admin.fetch("select key from outbox where tenant_id = $1", tenant_id)
        assert Counter(event.key for event in events) == Counter(row["key"] for row in keys)
        assert [(e.xid, e.id) for e in events] == sorted((e.xid, e.id) for e in events)


async def _write(database: Database, tenants: list[Tenant], writer: int) -> None:
    """Transactions of one to three events, some of them slow."""
    chance = random.Random(writer)
    for n in range(25):
        tenant = tenants[n % 2]
        async with database.transaction(tenant.context(Role.OPS)) as tx:
            for part in range(chance.randint(1, 3)):
                await outbox.publish(tx, tenant.id, "test.happened", f"{writer}-{n}-{part}", {})
                await tx.value("select pg_sleep($1)", 0.01 if chance.random() < 0.2 else 0.0)


async def _read(database: Database, taken: dict[UUID, list[Event]], written: asyncio.Event) -> None:
    """Until everything that was written before the last round has been taken."""

    async def effect(tx: Tx, tenant_id: UUID, events: Sequence[Event]) -> None:
        tx.after_commit(lambda: taken[tenant_id].extend(events))

    last_round = False
    while not last_round:
        last_round = written.is_set() and not (await outbox.backlog(database, CONSUMER)).tenants
        for tenant_id in taken:
            await outbox.consume(database, CONSUMER, tenant_id, effect, limit=7)


async def test_a_reader_whose_connection_is_killed_repeats_without_a_second_effect(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    tenant = await create_tenant(admin)
    await published(database, tenant, "1", "2")

    async def killed(tx: Tx, tenant_id: UUID, events: Sequence[Event]) -> None:
        await _effect(tx, tenant_id, events)
        await admin.execute("select pg_terminate_backend($1, 5000)", await tx.value("select pg_backend_pid()"))

    async def _effect(tx: Tx, tenant_id: UUID, events: Sequence[Event]) -> None:
        for event in events:
            await tx.run(
                "insert into audit_entry (tenant_id, id, at, action) values ($1, $2, now(), 'effect')",
                tenant_id,
                event.id,
            )

    with pytest.raises((DBAPIError, Unavailable)):
        await outbox.consume(worker_database, CONSUMER, tenant.id, killed)
    assert await admin.fetchval("select count(*) from audit_entry") == 0
    assert await outbox.consume(worker_database, CONSUMER, tenant.id, _effect) == 2
    assert await admin.fetchval("select count(*) from audit_entry") == 2


async def test_an_event_that_cannot_be_handled_is_set_aside_and_handled_later(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    tenant = await create_tenant(admin)
    await published(database, tenant, "bad", "good")
    parked = await outbox.park(worker_database, CONSUMER, tenant.id, "KeyError")
    assert parked is not None
    assert parked.key == "bad"
    assert (await outbox.backlog(worker_database, CONSUMER)).parked == 1
    assert await consumed(worker_database, tenant) == ["good"]
    async with worker_database.transaction(tenant.context(Role.WORKER)) as tx:
        assert await outbox.forget(tx, tenant.id, [CONSUMER], datetime.now(UTC) + timedelta(days=1)) == 1
    seen = Seen()
    assert await outbox.retry_parked(worker_database, CONSUMER, tenant.id, seen) == 1
    assert seen.keys == ["bad"]
    assert (await outbox.backlog(worker_database, CONSUMER)).parked == 0


async def test_only_what_every_consumer_has_handled_is_forgotten(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    tenant = await create_tenant(admin)
    await published(database, tenant, "1", "2")
    await consumed(worker_database, tenant, limit=1)
    later = datetime.now(UTC) + timedelta(days=1)
    async with worker_database.transaction(tenant.context(Role.WORKER)) as tx:
        assert await outbox.forget(tx, tenant.id, [CONSUMER, "other"], later) == 0
        assert await outbox.forget(tx, tenant.id, [CONSUMER], datetime(2000, 1, 1, tzinfo=UTC)) == 0
        assert await outbox.forget(tx, tenant.id, [CONSUMER], later) == 1
    assert await consumed(worker_database, tenant) == ["2"]


async def test_publishing_for_another_tenant_is_refused(admin: asyncpg.Connection, database: Database) -> None:
    ours, theirs = await create_tenant(admin, "ours"), await create_tenant(admin, "theirs")
    with pytest.raises(Exception, match="row-level security"):
        async with database.transaction(Context(Role.OPS, ours.id)) as tx:
            await outbox.publish(tx, theirs.id, "test.happened", "forged", {})
