"""The worker under kills and under events that cannot be handled."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count as forever
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from crewline_app import worker
from crewline_app.demo.crm_receiver import CrmReceiver
from crewline_app.worker import Pump, Worker
from crewline_infra import outbox
from crewline_infra.clock import SystemClock
from crewline_infra.db import Database
from crewline_infra.egress import Policy
from crewline_infra.errors import Invalid, Unavailable
from crewline_infra.secrets import SecretBox
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Role
from crewline_tenants.crm import rules, service
from tests.builders import Tenant, create_queue, create_tenant
from tests.platform.test_subscriptions import closed, counts

KEY = b"a key of thirty-two bytes, a test"


@dataclass
class Scene:
    admin: asyncpg.Connection
    web: Database
    worker: Database
    tenant: Tenant
    queue_id: UUID
    receiver: CrmReceiver
    settings: Settings

    async def close_contacts(self, *external_ids: str) -> None:
        async with self.web.transaction(self.tenant.context(Role.OPS)) as tx:
            for external_id in external_ids:
                fact = closed(self.tenant, self.queue_id, external_id, customer_ref=external_id[-1])
                await outbox.publish(tx, self.tenant.id, fact.type, external_id, fact.payload())

    async def until_told(self, wanted: int) -> None:
        async with asyncio.timeout(30):
            for _ in forever():
                if len(self.receiver.desk(self.tenant.slug).taken) >= wanted:
                    return
                await asyncio.sleep(0.02)

    async def until_recorded(self, wanted: int) -> None:
        async with asyncio.timeout(30):
            for _ in forever():
                if await self.recorded() >= wanted:
                    return
                await asyncio.sleep(0.01)

    async def recorded(self) -> int:
        return (await counts(self.admin, self.tenant))["record"]


@pytest.fixture
async def scene(
    admin: asyncpg.Connection, database: Database, worker_database: Database, tmp_path: Path
) -> AsyncIterator[Scene]:
    tenant = await create_tenant(admin)
    receiver = CrmReceiver({tenant.slug: KEY}.get, SystemClock())
    settings = Settings(home=tmp_path, allow_loopback_webhooks=True)
    vault = service.Vault(SecretBox.from_folder(settings.secrets_folder), Policy(loopback=True))
    url = f"http://127.0.0.1:{await receiver.start()}/hooks/{tenant.slug}"
    async with worker_database.transaction(tenant.context(Role.WORKER)) as tx:
        await service.add_endpoint(tx, tenant.id, vault, url, rules.encode_secret(KEY))
    queue_id = await create_queue(admin, tenant)
    yield Scene(admin, database, worker_database, tenant, queue_id, receiver, settings)
    await receiver.stop()


async def test_a_closed_contact_travels_to_the_crm_by_itself(scene: Scene) -> None:
    process = Worker(scene.worker, scene.settings, SystemClock())
    running = asyncio.create_task(process.run())
    await scene.close_contacts("c1", "c2", "c3")
    await scene.until_told(3)
    process.stop()
    await running
    assert await counts(scene.admin, scene.tenant) == {
        "record": 3,
        "usage_row": 3,
        "queue_interval": 1,
        "crm_delivery": 3,
    }


KILLED = """
import asyncio, sys
from pathlib import Path
from crewline_app.worker import Worker
from crewline_infra.clock import SystemClock
from crewline_infra.db import Database
from crewline_infra.settings import Settings

settings = Settings(home=Path(sys.argv[2]), allow_loopback_webhooks=True)
asyncio.run(Worker(Database(sys.argv[1], pool_size=5), settings, SystemClock()).run())
"""


async def test_workers_killed_again_and_again_lose_nothing_and_double_nothing(scene: Scene) -> None:
    chance = random.Random(11)
    wanted = {f"c{n}" for n in range(120)}
    waiting = sorted(wanted)
    for _ in range(6):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", KILLED, scene.worker.url, str(scene.settings.home)
        )
        before = await scene.recorded()
        batch, waiting = waiting[:20], waiting[20:]
        for external_id in batch:
            await scene.close_contacts(external_id)
        await scene.until_recorded(before + 1)
        await asyncio.sleep(chance.random() / 5)
        process.kill()
        await process.wait()
        await scene.admin.execute("update crm_delivery set leased_until = now() where leased_until is not null")
    process_of_this_test = Worker(scene.worker, scene.settings, SystemClock())
    running = asyncio.create_task(process_of_this_test.run())
    desk = scene.receiver.desk(scene.tenant.slug)
    await scene.until_told(len(wanted))
    process_of_this_test.stop()
    await running
    assert await counts(scene.admin, scene.tenant) == {
        "record": 120,
        "usage_row": 120,
        "queue_interval": 1,
        "crm_delivery": 120,
    }
    told = {payload["data"]["contact_id"] for payload in desk.taken.values()}
    assert told == {str(row["contact_id"]) for row in await scene.admin.fetch("select contact_id from record")}
    assert len(told) == len(desk.taken) == 120


async def test_an_event_that_cannot_be_handled_is_set_aside_and_delays_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.close_contacts("good1")
    async with scene.web.transaction(scene.tenant.context(Role.OPS)) as tx:
        await outbox.publish(tx, scene.tenant.id, "ContactClosed", "bad", {"contact_id": "not an id"})
    await scene.close_contacts("good2")
    monkeypatch.setattr(worker, "monotonic_ms", iter(range(0, 10**9, 10**5)).__next__)
    pump = Pump(scene.worker)
    for _ in range(9):
        await pump.once()
    assert await scene.recorded() == 2
    parked = await scene.admin.fetch("select key, reason from event_parked")
    assert [tuple(row) for row in parked] == [("bad", "ValidationError")]


@pytest.mark.parametrize(
    ("problem", "passes"),
    [(Unavailable("x"), True), (TimeoutError(), True), (Invalid("x"), False), (KeyError(), False)],
)
def test_only_troubles_that_stay_set_an_event_aside(problem: Exception, passes: bool) -> None:
    assert worker.passing(problem) is passes
