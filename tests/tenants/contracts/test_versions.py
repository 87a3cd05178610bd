"""Versions of a contract: added, found again, in force, and seen by both parties and nobody else."""

from datetime import date
from uuid import uuid4

import asyncpg
import pytest

from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_infra.errors import Invalid, NotFound
from crewline_infra.tenancy import Role
from crewline_tenants.contracts import rules, service
from crewline_tenants.contracts.model import ContractVersion
from tests.builders import Tenant, create_tenant
from tests.platform.web.conftest import LogIn

TEXT = """
# agreed in winter
version: 1
name: Calls
currency: CNY
time_zone: Asia/Shanghai
effective_from: {effective_from}
items:
  - {{id: calls, label: Calls, meter: contact.handled, price: {{model: per_unit, unit_price: "{price}"}}}}
"""


def text(effective_from: str = "2026-01-01", price: str = "2.50") -> str:
    return TEXT.format(effective_from=effective_from, price=price)


@pytest.fixture
async def tenant(admin: asyncpg.Connection) -> Tenant:
    return await create_tenant(admin)


async def add(database: Database, clock: ManualClock, tenant: Tenant, source: str) -> ContractVersion:
    async with database.transaction(tenant.context(Role.FINANCE)) as tx:
        return await service.add_version(tx, tenant.id, source_text=source, now=clock.now())


async def test_a_version_is_stored_as_written_and_as_understood(
    database: Database, clock: ManualClock, tenant: Tenant
) -> None:
    added = await add(database, clock, tenant, text())
    async with database.transaction(tenant.context()) as tx:
        stored = await service.get_version(tx, tenant.id, added.id)
    assert stored == added
    assert stored.source_text == text()
    assert stored.version == 1
    assert rules.from_document(stored.document) == rules.parse(text())
    assert rules.fingerprint(rules.from_document(stored.document)) == stored.hash


async def test_the_same_terms_twice_change_nothing(database: Database, clock: ManualClock, tenant: Tenant) -> None:
    first = await add(database, clock, tenant, text())
    again = await add(database, clock, tenant, text().replace("# agreed in winter", "# copied"))
    assert again == first
    async with database.transaction(tenant.context()) as tx:
        assert await service.list_versions(tx, tenant.id) == [first]


async def test_a_bad_text_changes_nothing(database: Database, clock: ManualClock, tenant: Tenant) -> None:
    with pytest.raises(Invalid, match=r"^items\[0\].price.unit_price: floats are not exact"):
        await add(database, clock, tenant, text().replace('"2.50"', "2.50"))
    async with database.transaction(tenant.context()) as tx:
        assert await service.list_versions(tx, tenant.id) == []


async def test_the_version_in_force_is_the_last_to_begin_and_of_equals_the_newer(
    database: Database, clock: ManualClock, tenant: Tenant
) -> None:
    winter = await add(database, clock, tenant, text("2026-01-01"))
    spring = await add(database, clock, tenant, text("2026-04-01", "2.40"))
    amended = await add(database, clock, tenant, text("2026-01-01", "2.45"))
    assert [version.version for version in (winter, spring, amended)] == [1, 2, 3]
    async with database.transaction(tenant.context()) as tx:
        assert await service.for_month(tx, tenant.id, "2025-12") is None
        assert await service.for_month(tx, tenant.id, "2026-01") == amended
        assert await service.for_month(tx, tenant.id, "2026-03") == amended
        assert await service.in_force(tx, tenant.id, date(2026, 3, 31)) == amended
        assert await service.for_month(tx, tenant.id, "2026-04") == spring
        assert await service.for_month(tx, tenant.id, "2027-01") == spring
        assert await service.list_versions(tx, tenant.id) == [spring, amended, winter]


async def test_another_tenant_sees_none_of_it(
    admin: asyncpg.Connection, database: Database, clock: ManualClock, tenant: Tenant
) -> None:
    added = await add(database, clock, tenant, text())
    outsider = await create_tenant(admin, "briar")
    async with database.transaction(outsider.context()) as tx:
        for asked in (tenant.id, outsider.id):
            assert await service.list_versions(tx, asked) == []
            assert await service.for_month(tx, asked, "2026-03") is None
            with pytest.raises(NotFound):
                await service.get_version(tx, asked, added.id)


async def test_both_parties_read_the_same_terms_over_the_api(
    admin: asyncpg.Connection, database: Database, clock: ManualClock, tenant: Tenant, log_in: LogIn
) -> None:
    added = await add(database, clock, tenant, text())
    outsider = await create_tenant(admin, "briar")
    path = f"/api/v1/tenants/{tenant.id}/contracts"
    answers = []
    for name, role in [("lin", ("manager", tenant)), ("mo", ("finance", None))]:
        client = await log_in(f"{name}@x.example", role)
        (row,) = (await client.get(path)).json()
        assert (row["id"], row["version"], row["effective_from"]) == (str(added.id), 1, "2026-01-01")
        answers.append((await client.get(f"{path}/{added.id}")).json())
        assert (await client.get(f"{path}/{uuid4()}")).status_code == 404
    assert answers[0] == answers[1]
    assert answers[0]["document"] == added.document
    assert answers[0]["source_text"] == text()
    viewer = await log_in("vi@x.example", ("viewer", tenant))
    other = await log_in("out@x.example", ("manager", outsider))
    agent = await log_in("ag@x.example", ("agent", None))
    for client, status in [(viewer, 403), (other, 404), (agent, 404)]:
        for asked in (path, f"{path}/{added.id}"):
            assert (await client.get(asked)).status_code == status
    theirs = f"/api/v1/tenants/{outsider.id}/contracts/{added.id}"
    assert (await other.get(theirs)).status_code == 404
