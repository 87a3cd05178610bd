"""Records become usage rows once, corrections become differences, and a period reads back what a contact used."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec.structs import replace

from crewline_billing.metering import rules, service
from crewline_billing.metering.rules import Scope
from crewline_infra.db import Database
from crewline_infra.errors import Invalid
from crewline_infra.periods import Period, month_period
from crewline_infra.tenancy import Context, Role
from crewline_reporting.records import service as records
from crewline_reporting.records.rules import Record
from crewline_tenants.contracts.rules_price import PerUnit
from crewline_tenants.contracts.rules_terms import Filter, Item, TimeRule
from crewline_tenants.contracts.rules_types import Number
from tests.builders import Tenant, create_queue, create_tenant
from tests.reporting.scenes import MORNING, make_record, worker

MARCH = month_period("2026-03", "Asia/Shanghai")
ROWS = f"select {', '.join(rules.UsageRow._fields)} from usage_row"
ONE = PerUnit(unit_price=Number(1))
HANDLED = Item(id="calls", label="Calls", price=ONE, meter="contact.handled")
MINUTES = Item(
    id="minutes",
    label="Minutes",
    price=ONE,
    meter="time.handle",
    time=TimeRule(increment_s=60, include=("talk",)),
)


@pytest.fixture
async def tenant(admin: asyncpg.Connection) -> Tenant:
    return await create_tenant(admin)


async def store_all(database: Database, tenant: Tenant, batch: list[Record]) -> int:
    async with database.transaction(worker(tenant)) as tx:
        added = (await records.append(tx, tenant.id, batch)).added
        return await service.append(tx, tenant.id, added)


async def correct(database: Database, tenant: Tenant, record: Record) -> int:
    async with database.transaction(worker(tenant)) as tx:
        correction = await records.correct(tx, tenant.id, record)
        assert correction is not None
        return await service.append(tx, tenant.id, [correction.current])


async def read(
    database: Database,
    context: Context,
    tenant: Tenant,
    period: Period = MARCH,
    scope: Scope | None = None,
) -> list[rules.ContactUsage]:
    async with database.transaction(context) as tx:
        return list((await service.read_usage(tx, tenant.id, period, scope)).contacts)


async def test_a_period_reads_back_what_each_record_used(
    admin: asyncpg.Connection, database: Database, worker_database: Database, tenant: Tenant
) -> None:
    queue_id = await create_queue(admin, tenant, "support")
    batch = [
        make_record(tenant, "a", hold_ms=3_000, wrap_ms=9_000, queue_id=queue_id, disposition="sale"),
        make_record(tenant, "b", "abandoned", queue_id=queue_id, at=MORNING + timedelta(hours=1)),
        make_record(tenant, "c", "menu_ended", at=MORNING + timedelta(hours=2)),
        make_record(tenant, "d", "excluded", at=MORNING + timedelta(hours=3)),
    ]
    assert await store_all(worker_database, tenant, batch) == 2, "only offered contacts use anything"
    expected = [rules.contact_usage(record, "support") for record in batch[:2]]
    assert await read(database, tenant.context(), tenant) == expected


async def test_the_server_makes_the_same_rows_as_the_rules(
    admin: asyncpg.Connection, worker_database: Database, tenant: Tenant
) -> None:
    outcomes = ("answered", "abandoned", "flowed_out", "callback", "menu_ended", "excluded")
    batch = [
        make_record(
            tenant,
            f"{outcome}-{talk_ms}-{hold_ms}",
            outcome,
            talk_ms=talk_ms,
            hold_ms=hold_ms,
            wrap_ms=hold_ms * 2,
        )
        for outcome in outcomes
        for talk_ms in (0, 1, 61_500)
        for hold_ms in (0, 7)
    ]
    await store_all(worker_database, tenant, batch)
    stored = await admin.fetch(ROWS)
    expected = [row for record in batch for row in rules.usage_rows(record)]
    assert sorted(tuple(row) for row in stored) == sorted(tuple(row) for row in expected)


async def test_metering_the_same_records_again_changes_nothing(
    database: Database, worker_database: Database, tenant: Tenant
) -> None:
    batch = [make_record(tenant, str(number)) for number in range(20)]
    assert await store_all(worker_database, tenant, batch) == 20
    before = await read(database, tenant.context(), tenant)
    async with worker_database.transaction(worker(tenant)) as tx:
        assert await service.append(tx, tenant.id, batch) == 0
        assert await service.append(tx, tenant.id, []) == 0
    assert await read(database, tenant.context(), tenant) == before


async def test_a_correction_appends_the_difference_and_edits_nothing(
    admin: asyncpg.Connection, database: Database, worker_database: Database, tenant: Tenant
) -> None:
    record = make_record(tenant, "a")
    await store_all(worker_database, tenant, [record])
    before = await admin.fetch("select * from usage_row")
    corrected = replace(record, talk_ms=30_000, disposition="sale")
    expected = rules.difference_rows(record, replace(corrected, version=2))
    assert await correct(worker_database, tenant, corrected) == len(expected) == 2
    kept = await admin.fetch("select * from usage_row where version = 1")
    assert kept == before
    (usage,) = await read(database, tenant.context(), tenant)
    assert (usage.version, usage.talk_ms, usage.handled, usage.disposition) == (2, 30_000, 1, "sale")
    added = await admin.fetch(f"{ROWS} where version = 2")
    assert sorted(tuple(row) for row in added) == sorted(tuple(row) for row in expected)


async def test_a_contact_moved_to_another_month_leaves_the_first_one(
    database: Database, worker_database: Database, tenant: Tenant
) -> None:
    record = make_record(tenant, "a")
    await store_all(worker_database, tenant, [record])
    await correct(worker_database, tenant, replace(record, ended_at=MARCH.ends_at))
    april = month_period("2026-04", "Asia/Shanghai")
    assert await read(database, tenant.context(), tenant) == []
    assert [used.handled for used in await read(database, tenant.context(), tenant, april)] == [1]


async def test_a_contact_corrected_to_excluded_uses_nothing(
    database: Database, worker_database: Database, tenant: Tenant
) -> None:
    record = make_record(tenant, "a")
    await store_all(worker_database, tenant, [record])
    gone = replace(record, outcome="excluded", exclusion="test call", answered_at=None)
    await correct(worker_database, tenant, gone)
    assert await read(database, tenant.context(), tenant) == []


async def test_the_month_is_cut_in_the_zone_of_the_contract(
    database: Database, worker_database: Database, tenant: Tenant
) -> None:
    """Israel's clocks went back on 3 September 1999; the month is still cut at its own midnights."""
    bounds = [
        datetime(1999, 8, 31, 20, 59, 59, 999_000, tzinfo=UTC),
        datetime(1999, 8, 31, 21, 0, tzinfo=UTC),
        datetime(1999, 9, 30, 21, 59, 59, 999_000, tzinfo=UTC),
        datetime(1999, 9, 30, 22, 0, tzinfo=UTC),
    ]
    batch = [
        make_record(tenant, str(number), at=at - timedelta(minutes=5), ended_at=at) for number, at in enumerate(bounds)
    ]
    await store_all(worker_database, tenant, batch)
    period = month_period("1999-09", "Asia/Jerusalem")
    found = await read(database, tenant.context(), tenant, period)
    assert [used.ended_at for used in found] == bounds[1:3]


async def test_an_invoice_takes_the_pending_rows_and_gives_them_back(
    database: Database, worker_database: Database, tenant: Tenant
) -> None:
    record, invoice_id = make_record(tenant, "a"), uuid4()
    finance = tenant.context(Role.FINANCE)
    await store_all(worker_database, tenant, [record])
    async with database.transaction(finance) as tx:
        assert await service.attach(tx, tenant.id, MARCH, invoice_id) == 1
    await correct(worker_database, tenant, replace(record, talk_ms=90_000))
    billed = await read(database, finance, tenant, scope=Scope(invoice_id=invoice_id))
    assert [used.talk_ms for used in billed] == [60_000]
    assert [used.talk_ms for used in await read(database, finance, tenant)] == [90_000]
    pending = await read(database, finance, tenant, scope=Scope(pending=True))
    assert [used.talk_ms for used in pending] == [30_000]
    async with database.transaction(finance) as tx:
        assert {total.meter: total.pending for total in await service.read_totals(tx, tenant.id, MARCH)} == {
            "contact.handled": 0,
            "contact.offered": 0,
            "time.talk": 30_000,
        }
        assert await service.release(tx, tenant.id, invoice_id) == 1


async def test_a_line_opens_page_by_page_to_each_contact_once(
    admin: asyncpg.Connection, database: Database, worker_database: Database, tenant: Tenant
) -> None:
    queue_id = await create_queue(admin, tenant, "support")
    batch = [
        make_record(
            tenant,
            str(number),
            "answered" if number % 3 else "abandoned",
            at=MORNING + timedelta(minutes=number // 4),
            queue_id=queue_id if number % 2 else None,
            talk_ms=number * 1_000 if number % 3 else 0,
        )
        for number in range(40)
    ]
    await store_all(worker_database, tenant, batch)
    item = replace(MINUTES, filter=Filter(queue=("support",)))
    seen: list[service.LineContact] = []
    after: tuple[datetime, UUID] | None = None
    async with database.transaction(tenant.context()) as tx:
        while page := await service.read_line_contacts(tx, tenant.id, MARCH, item, after=after, limit=3):
            seen += page
            assert page[-1].contact.ended_at is not None
            after = (page[-1].contact.ended_at, page[-1].contact.contact_id)
    expected = {record.contact_id: 60_000 for record in batch if record.queue_id and record.outcome == "answered"}
    assert {one.contact.contact_id: one.billed for one in seen} == expected
    assert len(seen) == len(expected)


async def test_a_line_without_a_meter_has_no_contacts(database: Database, tenant: Tenant) -> None:
    item = replace(HANDLED, meter=None)
    async with database.transaction(tenant.context()) as tx:
        with pytest.raises(Invalid, match="no contacts stand behind"):
            await service.read_line_contacts(tx, tenant.id, MARCH, item)


async def test_another_tenant_sees_none_of_it_and_cannot_be_metered_here(
    admin: asyncpg.Connection, database: Database, worker_database: Database, tenant: Tenant
) -> None:
    record = make_record(tenant, "a")
    await store_all(worker_database, tenant, [record])
    outsider = await create_tenant(admin, "briar")
    async with database.transaction(outsider.context()) as tx:
        for asked in (tenant.id, outsider.id):
            assert (await service.read_usage(tx, asked, MARCH)).contacts == []
            assert await service.read_line_contacts(tx, asked, MARCH, HANDLED) == []
            assert await service.read_totals(tx, asked, MARCH) == []
    async with worker_database.transaction(worker(outsider)) as tx:
        with pytest.raises(Invalid, match="another tenant"):
            await service.append(tx, outsider.id, [record])
