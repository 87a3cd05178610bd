"""Scripts in the database: versions, runs, results; nothing of them for another tenant."""

import asyncpg
import pytest

from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_infra.errors import Invalid, NotFound
from crewline_infra.ids import new_id
from crewline_infra.tenancy import Role
from crewline_tenants.scripts import service
from crewline_tenants.scripts.dispositions import choices, problems
from tests.builders import Tenant, create_tenant
from tests.tenants.scripts.test_script_language import EXAMPLE


@pytest.fixture
async def tenants(admin: asyncpg.Connection) -> tuple[Tenant, Tenant]:
    return await create_tenant(admin, "aster"), await create_tenant(admin, "borealis")


async def test_the_same_document_again_is_no_new_version(
    database: Database, tenants: tuple[Tenant, Tenant], clock: ManualClock
) -> None:
    mine, other = tenants
    async with database.transaction(mine.context(Role.OPS)) as tx:
        first = await service.publish(tx, mine.id, "move", EXAMPLE, at=clock.now())
        same = await service.publish(tx, mine.id, "move", dict(reversed(EXAMPLE.items())), at=clock.now())
        changed = {**EXAMPLE, "greeting": {"en": "Good day."}}
        second = await service.publish(tx, mine.id, "move", changed, at=clock.now())
    assert first == same != second
    async with database.transaction(mine.context()) as tx:
        assert (await service.pinned(tx, mine.id, first)).version == 1
        newest = await service.pinned(tx, mine.id, second)
        assert (newest.version, newest.script.greeting) == (2, {"en": "Good day."})
    for wrong in (mine.id, other.id):
        with pytest.raises(NotFound):
            async with database.transaction(other.context()) as tx:
                await service.pinned(tx, wrong, first)


async def test_a_script_with_problems_is_not_published(
    database: Database, tenants: tuple[Tenant, Tenant], clock: ManualClock, admin: asyncpg.Connection
) -> None:
    mine, _ = tenants
    with pytest.raises(Invalid, match="no step 'nowhere'"):
        async with database.transaction(mine.context(Role.OPS)) as tx:
            await service.publish(tx, mine.id, "move", {**EXAMPLE, "start": "nowhere"}, at=clock.now())
    assert await admin.fetchval("select count(*) from script") == 0


async def test_the_tree_of_results_has_leaves_with_their_way(
    database: Database, admin: asyncpg.Connection, tenants: tuple[Tenant, Tenant]
) -> None:
    mine, other = tenants
    async with database.transaction(mine.context(Role.OPS)) as tx:
        root = await service.add_disposition(tx, mine.id, code="changes", label={"en": "Changes", "zh_Hans": "改签"})
        await service.add_disposition(tx, mine.id, code="rebooked", label={"en": "Rebooked"}, parent_id=root)
        await service.add_disposition(tx, mine.id, code="other", label={"en": "Other"}, position=1)
        await service.add_disposition(tx, mine.id, code="refund", label={"en": "Refund"}, parent_id=root, position=2)
        with pytest.raises(Invalid):
            await service.add_disposition(tx, mine.id, code="x", label={"zh_Hans": "其他"})
    async with database.transaction(mine.context()) as tx:
        tree = await service.disposition_tree(tx, mine.id)
    assert [[label["en"] for label in choice.trail] for choice in choices(tree)] == [
        ["Changes", "Rebooked"],
        ["Changes", "Refund"],
        ["Other"],
    ]
    assert list(problems(tree)) == []
    async with database.transaction(other.context()) as tx:
        assert await service.disposition_tree(tx, mine.id) == ()
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await admin.execute(
            "insert into disposition (tenant_id, id, parent_id, code, label) values ($1, $2, $3, 'x', 'X')",
            other.id,
            new_id(),
            root,
        )
