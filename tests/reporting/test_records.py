"""Appending, correcting and reading records; each scene has a tenant who must see none of it."""

from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from msgspec.structs import replace

from crewline_infra.db import Database
from crewline_infra.errors import Invalid, NotFound
from crewline_reporting.intervals import service as intervals
from crewline_reporting.records import service
from crewline_reporting.records.model import ContactFilter
from crewline_reporting.records.rules import fingerprint, mask, plainly_sound, problems
from tests.builders import Tenant, create_tenant
from tests.reporting.scenes import MORNING, make_record, queue_id, worker

ALL_DAY = ContactFilter(from_at=MORNING - timedelta(days=1), to_at=MORNING + timedelta(days=1))


@pytest.fixture
async def tenant(admin: asyncpg.Connection) -> Tenant:
    return await create_tenant(admin)


@pytest.fixture
async def outsider(admin: asyncpg.Connection) -> Tenant:
    return await create_tenant(admin, "birch")


async def append(worker_database: Database, tenant: Tenant, *records):
    async with worker_database.transaction(worker(tenant)) as tx:
        return await service.append(tx, tenant.id, records)


async def test_a_batch_is_stored_once_and_counted_once(worker_database, tenant, admin) -> None:
    records = [make_record(tenant, f"c{n}") for n in range(3)]
    first = await append(worker_database, tenant, *records)
    again = await append(worker_database, tenant, *records)
    assert (len(first.added), len(first.known), len(first.conflicts)) == (3, 0, 0)
    assert (len(again.added), len(again.known), len(again.conflicts)) == (0, 3, 0)
    assert await admin.fetchval("select count(*) from record") == 3
    assert await admin.fetchval("select sum(offered) from queue_interval") == 3


async def test_other_content_under_a_known_id_is_kept_apart(worker_database, tenant, admin) -> None:
    record = make_record(tenant, "c1")
    await append(worker_database, tenant, record)
    other = replace(record, talk_ms=61_000)
    for _ in range(2):
        result = await append(worker_database, tenant, other, make_record(tenant, "c2"))
        assert [r.talk_ms for r in result.conflicts] == [61_000]
    assert await admin.fetchval("select talk_ms from record where external_id = 'c1'") == 60_000
    kept = await admin.fetch("select document from record_conflict")
    assert len(kept) == 1
    assert '"talk_ms": 61000' in kept[0]["document"]


async def test_one_batch_may_name_a_contact_twice(worker_database, tenant) -> None:
    record = make_record(tenant, "c1")
    twin = replace(make_record(tenant, "c9"), contact_id=record.contact_id)
    result = await append(worker_database, tenant, record, record, replace(record, wait_ms=1), twin)
    assert (len(result.added), len(result.known), len(result.conflicts)) == (1, 1, 2)


async def test_a_mixed_batch_stores_what_is_new(worker_database, tenant, admin) -> None:
    records = [make_record(tenant, f"c{n}") for n in range(4)]
    await append(worker_database, tenant, records[1])
    result = await append(worker_database, tenant, *records)
    assert [r.external_id for r in result.added] == ["c0", "c2", "c3"]
    assert [r.external_id for r in result.known] == ["c1"]
    assert await admin.fetchval("select sum(offered) from queue_interval") == 4


async def test_a_taken_contact_id_is_a_conflict(worker_database, tenant) -> None:
    record = make_record(tenant, "c1")
    await append(worker_database, tenant, record)
    result = await append(worker_database, tenant, replace(record, external_id="c2"))
    assert (len(result.added), len(result.conflicts)) == (0, 1)


async def test_tenants_may_use_the_same_external_ids(worker_database, tenant, outsider) -> None:
    await append(worker_database, tenant, make_record(tenant, "c1"))
    result = await append(worker_database, outsider, make_record(outsider, "c1"))
    assert len(result.added) == 1


async def test_a_foreign_record_is_refused(worker_database, tenant, outsider) -> None:
    with pytest.raises(Invalid, match="belongs to the tenant"):
        await append(worker_database, tenant, make_record(outsider, "c1"))


async def test_a_contradiction_stores_nothing(worker_database, tenant, admin) -> None:
    bad = replace(make_record(tenant, "c2"), answered_at=None)
    with pytest.raises(Invalid, match="needs answered_at"):
        await append(worker_database, tenant, make_record(tenant, "c1"), bad)
    assert await admin.fetchval("select count(*) from record") == 0


async def test_a_correction_is_a_new_version_and_moves_the_counts(worker_database, tenant, admin) -> None:
    record = make_record(tenant, "c1", wait_ms=90_000)
    neighbour = make_record(tenant, "c2")
    await append(worker_database, tenant, record, neighbour)
    later = make_record(tenant, "c1", "abandoned", at=MORNING + timedelta(minutes=40))
    async with worker_database.transaction(worker(tenant)) as tx:
        correction = await service.correct(tx, tenant.id, later)
        assert await service.correct(tx, tenant.id, later) is None
        assert await intervals.differences(tx, tenant.id) == []
    assert correction is not None
    assert (correction.previous.version, correction.current.version) == (1, 2)
    rows = await admin.fetch("select answered, abandoned, longest_wait_ms from queue_interval order by starts_at")
    assert [tuple(row) for row in rows] == [(1, 0, 5_000), (0, 1, 5_000)]


async def test_the_first_account_stays_known_after_a_correction(worker_database, tenant) -> None:
    record = make_record(tenant, "c1")
    await append(worker_database, tenant, record)
    async with worker_database.transaction(worker(tenant)) as tx:
        await service.correct(tx, tenant.id, replace(record, talk_ms=70_000))
    result = await append(worker_database, tenant, record)
    assert (len(result.added), len(result.known)) == (0, 1)


async def test_a_correction_of_nobodys_contact_is_not_found(worker_database, tenant, outsider) -> None:
    record = make_record(tenant, "c1")
    await append(worker_database, tenant, record)
    async with worker_database.transaction(worker(outsider)) as tx:
        with pytest.raises(NotFound):
            await service.correct(tx, outsider.id, replace(record, tenant_id=outsider.id))


async def test_a_correction_keeps_its_identity(worker_database, tenant) -> None:
    record = make_record(tenant, "c1")
    await append(worker_database, tenant, record)
    async with worker_database.transaction(worker(tenant)) as tx:
        with pytest.raises(Invalid, match="keeps the source"):
            await service.correct(tx, tenant.id, replace(record, external_id="c2"))


async def test_pages_hold_every_contact_once(worker_database, database, tenant, outsider) -> None:
    records = [make_record(tenant, f"c{n}", at=MORNING + timedelta(seconds=n // 3)) for n in range(10)]
    await append(worker_database, tenant, *records)
    await append(worker_database, outsider, make_record(outsider, "theirs"))
    seen: list[str] = []
    after = None
    async with database.transaction(tenant.context()) as tx:
        while True:
            page = await service.list_contacts(tx, tenant.id, ALL_DAY, after=after, limit=4)
            seen += [record.external_id for record in page.contacts]
            after = page.next_after
            if after is None:
                break
    assert sorted(seen) == sorted(r.external_id for r in records)


async def test_filters_say_within_late_and_short(worker_database, database, tenant) -> None:
    await append(
        worker_database,
        tenant,
        make_record(tenant, "in time", wait_ms=20_000),
        make_record(tenant, "late", wait_ms=20_001),
        make_record(tenant, "short", "abandoned", wait_ms=4_999),
        make_record(tenant, "other queue", "abandoned", wait_ms=5_000, queue_id=queue_id(7), agent_alias="A1"),
    )

    async def found(**wanted) -> list[str]:
        async with database.transaction(tenant.context()) as tx:
            wanted = ContactFilter(from_at=ALL_DAY.from_at, to_at=ALL_DAY.to_at, **wanted)
            page = await service.list_contacts(tx, tenant.id, wanted)
            return sorted(record.external_id for record in page.contacts)

    assert await found(outcomes=("answered",), wait_at_most_ms=20_000) == ["in time"]
    assert await found(outcomes=("answered",), wait_over_ms=20_000) == ["late"]
    assert await found(outcomes=("abandoned",), wait_under_ms=5_000) == ["short"]
    assert await found(queue_id=queue_id(7)) == ["other queue"]
    assert await found(agent_alias="A1", channel="voice") == ["other queue"]
    assert await found(channel="email") == []


async def test_customers_are_masked(worker_database, database, tenant, outsider) -> None:
    record = make_record(tenant, "c1", customer_ref="+86 138 0013 8000")
    await append(worker_database, tenant, record)
    async with database.transaction(tenant.context()) as tx:
        page = await service.list_contacts(tx, tenant.id, ALL_DAY)
        versions = await service.contact_versions(tx, tenant.id, record.contact_id)
    assert [r.customer_ref for r in [*page.contacts, *versions]] == ["••••8000", "••••8000"]
    async with database.transaction(outsider.context()) as tx:
        with pytest.raises(NotFound):
            await service.contact_versions(tx, tenant.id, record.contact_id)
        with pytest.raises(NotFound):
            await service.contact_versions(tx, outsider.id, record.contact_id)


async def test_streams_follow_the_instant_asked_for(worker_database, database, tenant) -> None:
    long_call = make_record(tenant, "long", talk_ms=3_600_000)
    short_call = make_record(tenant, "short", at=MORNING + timedelta(minutes=1))
    await append(worker_database, tenant, short_call, long_call)
    bounds = (ALL_DAY.from_at, ALL_DAY.to_at)
    async with database.transaction(tenant.context()) as tx:
        ended = [r async for r in service.records_between(tx, tenant.id, *bounds, by="ended")]
        counted = [r async for r in service.records_between(tx, tenant.id, *bounds, by="counted")]
    assert ended == [short_call, long_call]
    assert counted == [long_call, short_call]


def test_the_fingerprint_is_of_the_content() -> None:
    record = make_record(Tenant(uuid4(), "a"), "c1")
    same = replace(record, contact_id=uuid4(), recorded_at=MORNING, version=3)
    assert fingerprint(same) == fingerprint(record)
    assert fingerprint(replace(record, flags=["estimated"])) != fingerprint(record)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"channel": "telex"}, "channel 'telex'"),
        ({"outcome": "excluded"}, "cannot have answered_at"),
        ({"outcome": "menu_ended", "answered_at": None, "exclusion": "phantom"}, "exclusion is given exactly"),
        ({"queued_at": None}, "needs queued_at"),
        ({"wait_ms": -1}, "wait_ms -1 is outside"),
        ({"version": 0}, "version counts from 1"),
        ({"external_id": ""}, "are required"),
        ({"arrived_at": MORNING.replace(tzinfo=None)}, "arrived_at is not an instant in UTC"),
        ({"queued_at": MORNING + timedelta(days=1)}, "queued_at is after ended_at"),
    ],
)
def test_a_contradiction_is_named(changes, complaint) -> None:
    record = make_record(Tenant(uuid4(), "a"), "c1")
    assert problems(record) == []
    assert complaint in "; ".join(problems(replace(record, **changes)))
    assert plainly_sound(record)
    assert not plainly_sound(replace(record, **changes))


def test_a_short_reference_vanishes() -> None:
    assert mask("12345678") == "••••5678"
    assert mask("1234567") == "••••"
    assert mask(None) is None
