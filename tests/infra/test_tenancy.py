"""The walls between tenants hold in the database itself."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from crewline_infra.catalogue import violations
from crewline_infra.db import Database
from crewline_infra.errors import Forbidden
from crewline_infra.ids import new_id
from crewline_infra.tenancy import Context, Role
from tests.builders import create_agent, create_pool, create_queue, create_tenant


async def test_the_catalogue_shows_no_hole(admin: asyncpg.Connection) -> None:
    assert await violations(admin) == []


@pytest.mark.parametrize(
    ("hole", "sentence"),
    [
        ("alter table record no force row level security", "record: row security is not enabled and forced."),
        ("alter table queue alter tenant_id set default gen_random_uuid()", "queue: tenant_id must be NOT NULL"),
        ("create unique index leak on customer (phone)", "customer: the unique index leak does not begin"),
        (
            "create policy more on contact for select to crewline_tenant using (true)",
            "contact: the policy more lacks the tenant comparison.",
        ),
        (
            "create policy more on contact for select to crewline_tenant using (tenant_id = app.tenant() or true)",
            "contact: the policy more lacks the tenant comparison.",
        ),
        (
            "create policy more on contact as restrictive for all to crewline_auth using (tenant_id = app.tenant())",
            "contact: the policy more is restrictive",
        ),
        ("create view all_records as select * from record", "all_records: a materialised view or a view"),
        ("create materialized view sums as select tenant_id from record", "sums: a materialised view or a view"),
        (
            "create function app.sneak() returns bigint language sql security definer as 'select count(*) from record'",
            "sneak: a SECURITY DEFINER function",
        ),
        ("create table loose (tenant_id uuid not null, note text)", "loose: row security is not enabled"),
        ("grant select on agent to crewline_tenant", "agent: crewline_tenant may use it"),
        ("alter table usage_row add foreign key (invoice_id) references api_key (id)", "usage_row: the foreign key"),
    ],
)
async def test_the_catalogue_names_a_planted_hole(admin: asyncpg.Connection, hole: str, sentence: str) -> None:
    await admin.execute("set role crewline_owner")
    await admin.execute(hole)
    await admin.execute("reset role")
    assert any(found.startswith(sentence) for found in await violations(admin))


async def test_a_missing_tenant_filter_is_harmless(database: Database, admin: asyncpg.Connection) -> None:
    ours, theirs = await create_tenant(admin, "ours"), await create_tenant(admin, "theirs")
    await create_queue(admin, ours, "a")
    await create_queue(admin, theirs, "b")
    for role in (Role.TENANT, Role.OPS, Role.FINANCE):
        async with database.transaction(ours.context(role)) as tx:
            assert [row.slug for row in await tx.rows("select slug from queue")] == ["a"]
            assert await tx.rows("select slug from queue where tenant_id = $1", theirs.id) == []


async def test_without_a_tenant_there_is_nothing(database: Database, admin: asyncpg.Connection) -> None:
    await create_queue(admin, await create_tenant(admin))
    async with database.transaction(Context(Role.OPS)) as tx:
        assert await tx.rows("select * from queue") == []


async def test_a_tenant_sees_only_itself_in_the_registry(database: Database, admin: asyncpg.Connection) -> None:
    ours = await create_tenant(admin, "ours")
    await create_tenant(admin, "theirs")
    async with database.transaction(ours.context()) as tx:
        assert [row.slug for row in await tx.rows("select slug from tenant")] == ["ours"]


async def test_a_row_for_another_tenant_is_refused(database: Database, admin: asyncpg.Connection) -> None:
    ours, theirs = await create_tenant(admin, "ours"), await create_tenant(admin, "theirs")
    insert = "insert into queue (tenant_id, id, slug, name, created_at) values ($1, $2, 'x', 'x', now())"
    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.transaction(ours.context(Role.OPS)) as tx:
            await tx.run(insert, theirs.id, new_id())


async def test_the_login_itself_may_read_nothing(database: Database) -> None:
    connection = await asyncpg.connect(database.url)
    try:
        for table in ("tenant", "queue", "app_user", "record"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"select * from {table}")
    finally:
        await connection.close()


async def test_an_agent_enters_only_through_a_live_leg(database: Database, admin: asyncpg.Connection) -> None:
    tenant, pool = await create_tenant(admin), await create_pool(admin)
    agent, other = await create_agent(admin, "One"), await create_agent(admin, "Two")
    contact, leg, elsewhere = new_id(), new_id(), new_id()
    insert_contact = (
        "insert into contact (tenant_id, id, channel, engine, external_id, state, arrived_at) "
        "values ($1, $2, 'voice', 'test', $3, 'talking', now())"
    )
    await admin.execute(insert_contact, tenant.id, contact, "1")
    await admin.execute(insert_contact, tenant.id, elsewhere, "2")
    await admin.execute(
        "insert into leg (tenant_id, id, contact_id, agent_id, pool_id, slot, offered_at, expires_at) "
        "values ($1, $2, $3, $4, $5, 0, now(), now())",
        tenant.id,
        leg,
        contact,
        agent,
        pool,
    )
    mine = Context(Role.AGENT, tenant.id, agent, leg)
    async with database.transaction(mine) as tx:
        assert [row.id for row in await tx.rows("select id from contact")] == [contact]
    for stranger in (
        Context(Role.AGENT, tenant.id, other, leg),
        Context(Role.AGENT, tenant.id, agent, new_id()),
        Context(Role.AGENT, new_id(), agent, leg),
    ):
        with pytest.raises(Forbidden):
            async with database.transaction(stranger):
                pass
    await admin.execute("update leg set ended_at = now()")
    with pytest.raises(Forbidden):
        async with database.transaction(mine):
            pass


async def test_a_context_lasts_one_transaction(database: Database, admin: asyncpg.Connection) -> None:
    ours, theirs = await create_tenant(admin, "ours"), await create_tenant(admin, "theirs")
    await create_queue(admin, ours, "a")
    await create_queue(admin, theirs, "b")
    for tenant, slug in ((ours, "a"), (theirs, "b")) * 5:
        async with database.transaction(tenant.context()) as tx:
            assert await tx.value("select string_agg(slug, ',') from queue") == slug
