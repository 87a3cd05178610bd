"""The roll-up says what the records say: after inserts, corrections and rebuilds, under every threshold."""

import asyncio
from datetime import date, timedelta
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from crewline_infra.db import Database
from crewline_infra.periods import day_period
from crewline_reporting.intervals import service
from crewline_reporting.intervals.rollup import COUNTERS, SHORTS_S, THRESHOLDS_S, bucket_key
from crewline_reporting.intervals.rules import INTERVAL_KINDS, holding
from crewline_reporting.metrics.rules import Tally, Thresholds, count_record
from crewline_reporting.records import service as records_service
from crewline_reporting.records.rules import Record, interval_instant
from tests.builders import Tenant, create_tenant
from tests.reporting.scenes import MORNING, make_record, queue_id, worker

PERIOD = day_period(date(2026, 3, 1), date(2026, 3, 31), "Asia/Shanghai")
OUTCOMES = st.sampled_from(["answered", "abandoned", "flowed_out", "callback", "menu_ended", "excluded"])
WAITS_MS = st.one_of(
    st.sampled_from([edge * 1000 + d for edge in (*THRESHOLDS_S, *SHORTS_S) for d in (-1, 0, 1)]),
    st.integers(0, 200_000),
)
CONTACTS = st.lists(
    st.tuples(OUTCOMES, WAITS_MS, st.integers(0, 3000), st.integers(0, 2), st.booleans()), min_size=1, max_size=12
)
THRESHOLDS = [Thresholds(20_000, 5_000), Thresholds(5_000, 0), Thresholds(120_000, 10_000), Thresholds(20_500, 700)]


def records_of(tenant: Tenant, contacts, prefix: str) -> list[Record]:
    return [
        make_record(
            tenant,
            f"{prefix}{n}",
            outcome,
            at=MORNING + timedelta(minutes=minute),
            wait_ms=wait_ms,
            queue_id=queue_id(queue) if queue else None,
            in_hours=in_hours,
        )
        for n, (outcome, wait_ms, minute, queue, in_hours) in enumerate(contacts)
    ]


def expected(records: list[Record], intervals, thresholds: Thresholds) -> dict[str, Tally]:
    tallies: dict[str, Tally] = {}
    for record in records:
        at = holding(intervals, interval_instant(record))
        assert at is not None
        count_record(tallies.setdefault(intervals[at].label, Tally()), record, thresholds)
    return tallies


async def check_every_way_of_counting(tx, tenant: Tenant, records: list[Record]) -> None:
    assert await service.differences(tx, tenant.id) == []
    for kind in INTERVAL_KINDS:
        for thresholds in THRESHOLDS:
            counts = await service.count_intervals(tx, tenant.id, PERIOD, kind, thresholds)
            forced = await service.count_intervals(tx, tenant.id, PERIOD, kind, thresholds, from_records=True)
            assert counts.rows == forced.rows
            assert counts.source == ("records" if thresholds.short_ms == 700 else "rollup")
            found = {row.interval.label: row.tally for row in counts.rows}
            assert found == expected(records, service.cut(PERIOD, kind), thresholds)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(CONTACTS, CONTACTS, CONTACTS)
async def test_rollup_equals_records(worker_database: Database, admin: asyncpg.Connection, first, more, other) -> None:
    tenant = await create_tenant(admin, f"t{uuid4().hex[:12]}")
    current = {r.external_id: r for r in [*records_of(tenant, first, "a"), *records_of(tenant, more, "b")]}
    async with worker_database.transaction(worker(tenant)) as tx:
        await records_service.append(tx, tenant.id, records_of(tenant, first, "a"))
        await records_service.append(tx, tenant.id, records_of(tenant, [*more], "b"))
        for corrected in records_of(tenant, other, "a"):
            if corrected.external_id in current:
                await records_service.correct(tx, tenant.id, corrected)
                current[corrected.external_id] = corrected
        await check_every_way_of_counting(tx, tenant, list(current.values()))
        await service.rebuild(tx, tenant.id)
        await check_every_way_of_counting(tx, tenant, list(current.values()))


@pytest.fixture
async def tenant(admin: asyncpg.Connection) -> Tenant:
    return await create_tenant(admin)


async def test_rebuild_mends_what_was_spoilt(worker_database, tenant, admin) -> None:
    records = [make_record(tenant, f"c{n}", at=MORNING + timedelta(hours=n)) for n in range(5)]
    outsider = await create_tenant(admin, "birch")
    async with worker_database.transaction(worker(tenant)) as tx:
        await records_service.append(tx, tenant.id, records)
    await admin.execute("update queue_interval set answered = answered + 1 where starts_at < $1", MORNING)
    await admin.execute("update queue_interval set talk_ms = 0 where starts_at = $1", MORNING)
    await admin.execute("delete from queue_interval where starts_at > $1", MORNING + timedelta(hours=3))
    async with worker_database.transaction(worker(outsider)) as tx:
        assert await service.rebuild(tx, tenant.id) == 0
    async with worker_database.transaction(worker(tenant)) as tx:
        spoilt = await service.differences(tx, tenant.id)
        assert spoilt == [bucket_key(records[n]).starts_at for n in (0, 4)]
        assert await service.rebuild(tx, tenant.id) == 5
        assert await service.differences(tx, tenant.id) == []


async def _blocked(admin: asyncpg.Connection) -> None:
    """Until somebody waits for a lock of somebody else."""
    async with asyncio.timeout(10):
        while not await admin.fetchval("select count(*) from pg_locks where not granted"):  # noqa: ASYNC110 - a lock of PostgreSQL wakes nobody here
            await asyncio.sleep(0.01)


async def test_a_correction_waits_for_who_is_adding_to_its_bucket(worker_database, tenant, admin) -> None:
    first, second = make_record(tenant, "c1"), make_record(tenant, "c2", wait_ms=7_000)

    async def correct() -> None:
        async with worker_database.transaction(worker(tenant)) as tx:
            await records_service.correct(tx, tenant.id, replace(first, wait_ms=1))

    async with worker_database.transaction(worker(tenant)) as tx:
        await records_service.append(tx, tenant.id, [first])
    async with worker_database.transaction(worker(tenant)) as tx:
        await records_service.append(tx, tenant.id, [second])
        correcting = asyncio.create_task(correct())
        await _blocked(admin)
    await correcting
    async with worker_database.transaction(worker(tenant)) as tx:
        assert await service.differences(tx, tenant.id) == []
    assert await admin.fetchval("select sum(answered) from queue_interval") == 2


async def test_who_adds_waits_for_a_correction_of_its_bucket(worker_database, tenant, admin) -> None:
    first, second = make_record(tenant, "c1"), make_record(tenant, "c2", wait_ms=7_000)

    async def append() -> None:
        async with worker_database.transaction(worker(tenant)) as tx:
            await records_service.append(tx, tenant.id, [second])

    async with worker_database.transaction(worker(tenant)) as tx:
        await records_service.append(tx, tenant.id, [first])
    async with worker_database.transaction(worker(tenant)) as tx:
        await records_service.correct(tx, tenant.id, replace(first, wait_ms=1))
        appending = asyncio.create_task(append())
        await _blocked(admin)
    await appending
    async with worker_database.transaction(worker(tenant)) as tx:
        assert await service.differences(tx, tenant.id) == []
    assert await admin.fetchval("select sum(answered) from queue_interval") == 2


async def test_two_corrections_at_once_follow_each_other(worker_database, tenant, admin) -> None:
    record = make_record(tenant, "c1")

    async def correct() -> None:
        async with worker_database.transaction(worker(tenant)) as tx:
            correction = await records_service.correct(tx, tenant.id, replace(record, wait_ms=2))
            assert correction is not None
            assert (correction.previous.wait_ms, correction.current.version) == (1, 3)

    async with worker_database.transaction(worker(tenant)) as tx:
        await records_service.append(tx, tenant.id, [record])
    async with worker_database.transaction(worker(tenant)) as tx:
        await records_service.correct(tx, tenant.id, replace(record, wait_ms=1))
        correcting = asyncio.create_task(correct())
        await _blocked(admin)
    await correcting
    assert await admin.fetchval("select array_agg(version) from record where current") == [3]


async def test_the_same_contact_recorded_twice_at_once_is_stored_once(worker_database, tenant, admin) -> None:
    record = make_record(tenant, "c1")

    async def append() -> int:
        async with worker_database.transaction(worker(tenant)) as tx:
            return len((await records_service.append(tx, tenant.id, [record])).known)

    async with worker_database.transaction(worker(tenant)) as tx:
        await records_service.append(tx, tenant.id, [record])
        appending = asyncio.create_task(append())
        await _blocked(admin)
    assert await appending == 1
    assert await admin.fetchval("select sum(answered) from queue_interval") == 1


async def test_the_stored_columns_are_the_counters(admin) -> None:
    names = await admin.fetch("select column_name from information_schema.columns where table_name = 'queue_interval'")
    key = {"tenant_id", "queue_id", "channel", "in_hours", "starts_at"}
    assert {row[0] for row in names} - key == set(COUNTERS)
