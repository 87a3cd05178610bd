"""The demonstration is complete, can be made twice, and keeps its tenants apart."""

from pathlib import Path

import asyncpg
import pytest

from crewline_app.demo import history, seed
from crewline_app.demo.scene import load_scene, results_of, script_of
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people.passwords import password_matches
from crewline_tenants.scripts.checks import problems
from crewline_tenants.scripts.rules import parse_script

TABLES = (
    "tenant app_user membership pool pool_member pool_share agent agent_skill queue entry_point entry_address "
    "customer script_version disposition contract record"
).split()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def small_history(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> ManualClock:
    """The generated history, also where published files lie, at a fiftieth of its size."""
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(history, "SCALE", 0.02)
    return clock


async def counts(admin: asyncpg.Connection) -> dict[str, int]:
    return {table: await admin.fetchval(f"select count(*) from {table}") for table in TABLES}


async def test_the_stage_is_set_once(
    worker_database: Database, admin: asyncpg.Connection, settings: Settings, clock: ManualClock
) -> None:
    await seed.seed_into(worker_database, settings, clock, history_months=0)
    first = await counts(admin)
    assert first["tenant"] == 6
    assert first["agent"] == 31
    assert first["contract"] == 6
    assert first["entry_address"] == first["entry_point"] == 7
    await seed.seed_into(worker_database, settings, clock, history_months=0)
    assert await counts(admin) == first


async def test_every_persona_can_log_in(
    worker_database: Database, admin: asyncpg.Connection, settings: Settings, clock: ManualClock
) -> None:
    await seed.seed_into(worker_database, settings, clock, history_months=0)
    for login in seed.LOGINS:
        stored = await admin.fetchval("select password_hash from app_user where email = $1", login.email)
        assert await password_matches(login.password, stored)
    tenants = await admin.fetch(
        "select t.slug, array_agg(m.role order by m.role) as roles "
        "from membership m join tenant t on t.id = m.tenant_id group by 1"
    )
    assert {row["slug"]: row["roles"] for row in tenants} == {
        slug: ["manager", "viewer"] for slug in ("ps", "pe", "ne", "nw", "in", "tt")
    }


async def test_history_fills_the_queues_of_the_stage_and_no_tenant_sees_anothers(
    worker_database: Database,
    database: Database,
    admin: asyncpg.Connection,
    settings: Settings,
    small_history: ManualClock,
) -> None:
    clock = small_history
    await seed.seed_into(worker_database, settings, clock, history_months=1)
    first = await counts(admin)
    assert first["record"] > 300
    assert first["queue"] <= 7  # six of the stage, and one for calls of unknown type
    await seed.seed_into(worker_database, settings, clock, history_months=1)
    assert await counts(admin) == first
    for tenant in await admin.fetch("select id, slug from tenant where slug in ('ps', 'pe')"):
        async with database.transaction(Context(Role.TENANT, tenant["id"])) as tx:
            seen = await tx.rows("select distinct tenant_id from record")
        assert {row.tenant_id for row in seen} <= {tenant["id"]}


@pytest.mark.parametrize("slug", [tenant.slug for tenant in load_scene().tenants])
def test_scripts_can_be_published_and_suggest_results_that_exist(slug: str) -> None:
    script = parse_script(script_of(slug))
    assert problems(script) == []
    codes = {leaf.code for branch in results_of(slug) for leaf in branch.under}
    assert {step.suggest for step in script.steps if step.suggest} <= codes
    for step in script.steps:
        assert set(step.title) == {"en", "zh_Hans", "zh_Hant"}
