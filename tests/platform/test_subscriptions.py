"""One transaction makes the record, its usage, its roll-up and its CRM delivery: all of them or none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace

from crewline_app import subscriptions
from crewline_billing.metering import service as metering
from crewline_floor.contacts.events import ContactClosed
from crewline_infra import outbox
from crewline_infra.db import Database
from crewline_infra.egress import Policy
from crewline_infra.ids import new_id
from crewline_infra.secrets import SecretBox
from crewline_infra.tenancy import Role
from crewline_reporting.intervals import service as intervals
from crewline_reporting.records import service as records
from crewline_reporting.records.rules import Record
from crewline_tenants.crm import service as crm
from tests.builders import Tenant, create_queue, create_tenant

ENDED = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
VAULT = crm.Vault(SecretBox(b"k" * 32), Policy())
TABLES = ("record", "usage_row", "queue_interval", "crm_delivery")


def closed(tenant: Tenant, queue_id: UUID, external_id: str = "call-1", **changes: Any) -> ContactClosed:
    facts: dict[str, Any] = {
        "contact_id": new_id(),
        "tenant_id": tenant.id,
        "source": "sim",
        "external_id": external_id,
        "channel": "voice",
        "direction": "inbound",
        "entry_point": "+862155550100",
        "queue_id": queue_id,
        "customer_id": None,
        "customer_ref": "C-1",
        "agent_id": None,
        "agent_alias": "Agent 7",
        "priority": 0,
        "outcome": "answered",
        "disposition": "resolved",
        "script_version_id": None,
        "arrived_at": ENDED - timedelta(minutes=5),
        "queued_at": ENDED - timedelta(minutes=4),
        "offered_at": ENDED - timedelta(minutes=3, seconds=50),
        "answered_at": ENDED - timedelta(minutes=3, seconds=45),
        "ended_at": ENDED,
        "wrapped_at": ENDED + timedelta(seconds=30),
        "menu_ms": 60_000,
        "wait_ms": 15_000,
        "ring_ms": 5_000,
        "talk_ms": 225_000,
        "hold_ms": 0,
        "wrap_ms": 30_000,
    }
    return ContactClosed(**{**facts, **changes})


async def publish(database: Database, tenant: Tenant, *facts: ContactClosed) -> None:
    async with database.transaction(tenant.context(Role.OPS)) as tx:
        for fact in facts:
            await outbox.publish(tx, tenant.id, fact.type, str(fact.contact_id), fact.payload())


async def connect_crm(worker_database: Database, tenant: Tenant) -> None:
    async with worker_database.transaction(tenant.context(Role.WORKER)) as tx:
        await crm.add_endpoint(tx, tenant.id, VAULT, "https://crm.example.com/hook")


async def counts(admin: asyncpg.Connection, tenant: Tenant) -> dict[str, int]:
    return {
        table: await admin.fetchval(f"select count(*) from {table} where tenant_id = $1", tenant.id) for table in TABLES
    }


async def consume(database: Database, tenant: Tenant) -> int:
    return await outbox.consume(database, subscriptions.CONSUMER, tenant.id, subscriptions.handle)


@dataclass(frozen=True)
class Scene:
    """A tenant with a queue and a CRM."""

    admin: asyncpg.Connection
    web: Database
    worker: Database
    tenant: Tenant
    queue_id: UUID

    def closed(self, external_id: str) -> ContactClosed:
        return closed(self.tenant, self.queue_id, external_id)


@pytest.fixture
async def scene(admin: asyncpg.Connection, database: Database, worker_database: Database) -> Scene:
    tenant = await create_tenant(admin)
    await connect_crm(worker_database, tenant)
    return Scene(admin, database, worker_database, tenant, await create_queue(admin, tenant))


async def test_a_closed_contact_becomes_everything_that_follows_from_it(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    tenant, other = await create_tenant(admin), await create_tenant(admin, "other")
    queue_id = await create_queue(admin, tenant)
    for each in (tenant, other):
        await connect_crm(worker_database, each)
    await publish(database, tenant, closed(tenant, queue_id))
    assert await consume(worker_database, tenant) == 1
    assert await counts(admin, tenant) == {"record": 1, "usage_row": 1, "queue_interval": 1, "crm_delivery": 1}
    assert sum((await counts(admin, other)).values()) == 0, "an outsider has nothing of it"
    payload = await admin.fetchval("select payload::text from crm_delivery")
    assert "C-1" in payload
    assert "Agent 7" in payload


async def test_what_is_announced_twice_has_its_effect_once(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    tenant = await create_tenant(admin)
    queue_id = await create_queue(admin, tenant)
    await connect_crm(worker_database, tenant)
    fact = closed(tenant, queue_id)
    await publish(database, tenant, fact, fact)
    await publish(database, tenant, fact)
    assert await consume(worker_database, tenant) == 3
    assert await counts(admin, tenant) == {"record": 1, "usage_row": 1, "queue_interval": 1, "crm_delivery": 1}


STEPS = [
    (records, "append"),
    (intervals, "add_records"),
    (metering, "append"),
    (crm, "enqueue"),
    (outbox, "_advance"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("module", "step"), STEPS)
async def test_a_fault_at_any_step_leaves_nothing_and_the_next_try_everything(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, module: Any, step: str, when: str
) -> None:
    await publish(scene.web, scene.tenant, scene.closed("call-1"), scene.closed("call-2"))
    with monkeypatch.context() as broken:
        broken.setattr(module, step, breaking(getattr(module, step), when))
        with pytest.raises(ZeroDivisionError):
            await consume(scene.worker, scene.tenant)
    assert sum((await counts(scene.admin, scene.tenant)).values()) == 0
    assert await consume(scene.worker, scene.tenant) == 2
    assert await counts(scene.admin, scene.tenant) == {
        "record": 2,
        "usage_row": 2,
        "queue_interval": 1,
        "crm_delivery": 2,
    }


def breaking(original: Callable[..., Awaitable[Any]], when: str) -> Callable[..., Awaitable[Any]]:
    async def broken(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            await original(*args, **kwargs)
        raise ZeroDivisionError

    return broken


async def test_history_is_recorded_without_telling_the_crm(
    admin: asyncpg.Connection, worker_database: Database
) -> None:
    tenant = await create_tenant(admin)
    queue_id = await create_queue(admin, tenant)
    await connect_crm(worker_database, tenant)
    record = record_from(closed(tenant, queue_id))
    async with worker_database.transaction(tenant.context(Role.WORKER)) as tx:
        result = await subscriptions.record_batch(tx, tenant.id, [record], deliver=False)
    assert list(result.added) == [record]
    assert await counts(admin, tenant) == {"record": 1, "usage_row": 1, "queue_interval": 1, "crm_delivery": 0}


async def test_a_correction_takes_its_usage_back_and_tells_the_crm_the_new_version(
    admin: asyncpg.Connection, worker_database: Database
) -> None:
    tenant = await create_tenant(admin)
    queue_id = await create_queue(admin, tenant)
    await connect_crm(worker_database, tenant)
    record = record_from(closed(tenant, queue_id))
    async with worker_database.transaction(tenant.context(Role.WORKER)) as tx:
        await subscriptions.record_batch(tx, tenant.id, [record], deliver=True)
    corrected = replace(record, talk_ms=200_000, hold_ms=25_000)
    async with worker_database.transaction(tenant.context(Role.WORKER)) as tx:
        await subscriptions.record_correction(tx, tenant.id, corrected)
        assert await subscriptions.record_correction(tx, tenant.id, corrected) is None
    talk = await admin.fetchval("select sum(sign * talk_ms) from usage_row")
    assert talk == 200_000
    told = await admin.fetch("select type, record_version, lane from crm_delivery order by position")
    assert [tuple(row) for row in told] == [
        ("contact.closed", 1, "customer:C-1"),
        ("contact.corrected", 2, "customer:C-1"),
    ]


async def test_the_crm_sees_the_caller_masked_and_the_script_s_answers(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    tenant = await create_tenant(admin)
    queue_id = await create_queue(admin, tenant)
    await connect_crm(worker_database, tenant)
    fact = closed(tenant, queue_id)
    await floor_remembers(admin, tenant, fact.contact_id)
    await publish(database, tenant, fact)
    await consume(worker_database, tenant)
    payload = await admin.fetchval("select payload::text from crm_delivery")
    assert "***4321" in payload
    assert "+86 138 0013 4321" not in payload
    assert '"amount"' in payload
    assert "called about a card" in payload


async def floor_remembers(admin: asyncpg.Connection, tenant: Tenant, contact_id: UUID) -> None:
    script_id, version_id = new_id(), new_id()
    await admin.execute(
        "insert into script (tenant_id, id, slug, name) values ($1, $2, 'main', 'Main')", tenant.id, script_id
    )
    await admin.execute(
        """
        insert into script_version (tenant_id, id, script_id, version, document, hash, published_at)
        values ($1, $2, $3, 1, '{}', 'h', now())
        """,
        tenant.id,
        version_id,
        script_id,
    )
    await admin.execute(
        """
        insert into contact (tenant_id, id, channel, engine, external_id, from_address, state, note, arrived_at)
        values ($1, $2, 'voice', 'sim', 'call-1', '+86 138 0013 4321', 'closed', 'called about a card', now())
        """,
        tenant.id,
        contact_id,
    )
    await admin.execute(
        """
        insert into script_run (tenant_id, contact_id, script_version_id, answers, updated_at)
        values ($1, $2, $3, '{"amount": 12}', now())
        """,
        tenant.id,
        contact_id,
        version_id,
    )


def record_from(fact: ContactClosed) -> Record:
    event = outbox.Event(new_id(), fact.tenant_id, fact.type, "", fact.payload(), 1, ENDED)
    return subscriptions.record_of(event)


async def test_events_that_nobody_follows_are_passed_by(
    admin: asyncpg.Connection, database: Database, worker_database: Database
) -> None:
    tenant = await create_tenant(admin)
    async with database.transaction(tenant.context(Role.OPS)) as tx:
        await outbox.publish(tx, tenant.id, "ContactHeld", "x", {})
    assert await consume(worker_database, tenant) == 1
    assert await consume(worker_database, tenant) == 0
