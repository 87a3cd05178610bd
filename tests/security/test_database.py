"""Every tenant-owned table × every verb × every work role: nothing of a tenant that is not in the context.

Everything is read from the catalogue: a new table, column, role or grant is attacked without a word here.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import asyncpg
import pytest

from crewline_infra.catalogue import OPERATOR_WIDE_WITH_TENANT_COLUMN
from crewline_infra.db import driver_url
from crewline_infra.tenancy import Context, Role
from tests.conftest import Server

EVERYWHERE = {Role.DISPATCH}
"""Works for all tenants at once by design (waiting contacts, due deliveries); holds no right to delete."""
BOUND = (Role.TENANT, Role.AGENT)
OURS, *THEIRS = range(4)
REFUSALS = ("permission denied", "must be owner", "row-level security")
VERBS = ("select", "insert", "update", "delete")
VALUES = {"uuid": "", "bytea": r"\x00", "jsonb": "{}", "boolean": "true"}
BY_CATEGORY = {"N": "1", "D": "2026-01-01", "S": "x", "A": "{}"}
ENTER = "select app.enter($1, $2, $3, $4, 'test')"

REGISTRY = "public.tenant"
DROP_CONSTRAINTS = """
do $$ declare one record; begin
  for one in select conrelid::regclass::text as name, conname from pg_constraint
              where contype in ('c', 'f') and conrelid <> 0 order by contype desc loop
    execute format('alter table %s drop constraint %I', one.name, one.conname);
  end loop;
end $$
"""
TABLES = """
select n.nspname || '.' || c.relname as name, c.relname,
       exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id') as names_tenant
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname in ('public', 'app', 'jobs') and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1
"""
COLUMNS = """
select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, t.typcategory::text as category,
       a.attnotnull and not a.atthasdef as needed
  from pg_attribute a join pg_type t on t.oid = a.atttypid
 where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped and a.attidentity = '' and a.attgenerated = ''
"""


@dataclass(frozen=True)
class Table:
    name: str
    short: str
    columns: tuple[asyncpg.Record, ...]

    def insert(self, number: int) -> str:
        """One row of tenant `number`; keys are made of their names, so that references meet."""
        used = [column for column in self.columns if column["needed"] or column["type"] == "uuid"]
        values = ", ".join(f"cast('{self._text(column, number)}' as {column['type']})" for column in used)
        return f"insert into {self.name} ({', '.join(column['name'] for column in used)}) values ({values})"

    def _text(self, column: asyncpg.Record, number: int) -> str:
        if column["type"] == "uuid":
            return str(key(f"{self.short}_id" if column["name"] == "id" else column["name"], number))
        text = VALUES.get(column["type"], BY_CATEGORY.get(column["category"]))
        assert text is not None, f"{self.name}.{column['name']}: no value known for the type {column['type']}"
        return text


@dataclass
class Walls:
    tenant_owned: list[Table]
    operator_wide: list[str]
    admin: str
    logins: dict[str, str]


def key(name: str, number: int) -> UUID:
    return uuid5(NAMESPACE_URL, f"{name}/{number}")


@pytest.fixture(scope="module")
def walls(server: Server) -> Iterator[Walls]:
    """A database for this module: nothing that these tests do stays in it."""
    name = f"crewline_test_{uuid4().hex[:16]}"
    asyncio.run(as_admin(server.admin_url, f'create database "{name}" template "{server.template}"'))
    logins = {login: server.login(login, name) for login in ("web", "worker")}
    yield asyncio.run(furnished(server.url(name), logins))
    asyncio.run(as_admin(server.admin_url, f'drop database "{name}" with (force)'))


async def as_admin(url: str, sql: str) -> None:
    connection = await asyncpg.connect(driver_url(url))
    await connection.execute(sql)
    await connection.close()


async def furnished(url: str, logins: dict[str, str]) -> Walls:
    """One row of each of four tenants in every tenant-owned table."""
    admin = await asyncpg.connect(url)
    owned, wide = [], []
    for row in await admin.fetch(TABLES):
        columns = tuple(await admin.fetch(COLUMNS, row["name"]))
        if row["names_tenant"] and row["relname"] not in OPERATOR_WIDE_WITH_TENANT_COLUMN:
            owned.append(Table(row["name"], row["relname"], columns))
        elif row["name"] == REGISTRY:
            registry = Table(REGISTRY, "tenant", columns)
        else:
            wide.append(row["name"])
    # The rows only have to be somebody's; what else they say would need an entry for each table.
    await admin.execute(DROP_CONSTRAINTS)
    for number in (OURS, *THEIRS):
        await admin.execute(registry.insert(number).replace("'x'", f"'x{number}'"))
        await admin.execute("; ".join(table.insert(number) for table in owned))
    await admin.close()
    return Walls(owned, wide, url, logins)


@pytest.fixture
async def admin(walls: Walls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(walls.admin)
    yield connection
    await connection.close()


@asynccontextmanager
async def entered(url: str, role: Role, tenant: int | None) -> AsyncIterator[asyncpg.Connection]:
    """What the application does at the begin of a transaction, and then any SQL at all."""
    connection = await asyncpg.connect(url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        tenant_id = None if tenant is None else key("tenant_id", tenant)
        number = OURS if tenant is None else tenant
        await connection.execute(ENTER, role.value, tenant_id, key("agent_id", number), key("leg_id", number))
        yield connection
        await transaction.rollback()
    finally:
        await connection.close()


async def attempt(connection: asyncpg.Connection, sql: str) -> int | str:
    """How many rows it read or wrote, or the sentence of the refusal; nothing of it stays."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        return int((await connection.execute(sql)).split()[-1])
    except asyncpg.InsufficientPrivilegeError as problem:
        return str(problem)
    finally:
        await savepoint.rollback()


async def rights(admin: asyncpg.Connection, role: Role, table: str) -> dict[str, bool]:
    """Whether any column or the whole may be used, by verb."""
    found = {}
    for verb in VERBS:
        ask = "has_table_privilege" if verb == "delete" else "has_any_column_privilege"
        found[verb] = await admin.fetchval(f"select {ask}($1, $2, $3)", role.value, table, verb)
    return found


async def usable(admin: asyncpg.Connection, role: Role, table: Table, verb: str) -> str:
    """A column with this right; tenant_id when there is none."""
    for column in reversed(table.columns):
        if await admin.fetchval(
            "select has_column_privilege($1, $2, $3::text, $4)", role.value, table.name, column["name"], verb
        ):
            return str(column["name"])
    return "tenant_id"


async def probes(admin: asyncpg.Connection, role: Role, table: Table) -> dict[str, str]:
    """For each verb the widest statement that the grants let through: no WHERE at all."""
    read = await usable(admin, role, table, "select")
    written = await usable(admin, role, table, "update")
    readable = await admin.fetchval(
        "select has_column_privilege($1, $2, $3::text, 'select')", role.value, table.name, written
    )
    return {
        "select": f"select {read} from {table.name}",
        "insert": table.insert(THEIRS[0]).replace("'x'", "'y'"),
        "update": f"update {table.name} set {written} = {written if readable else 'default'}",
        "delete": f"delete from {table.name}",
    }


async def theirs(admin: asyncpg.Connection, walls: Walls) -> list[str]:
    ours = key("tenant_id", OURS)
    return [
        await admin.fetchval(
            f"select md5(string_agg(t::text, '|' order by t::text)) from {table.name} t where tenant_id <> $1", ours
        )
        for table in walls.tenant_owned
    ]


@pytest.mark.parametrize("role", sorted(set(Role) - EVERYWHERE))
async def test_a_role_reaches_its_own_tenant_s_rows_only(role: Role, walls: Walls, admin: asyncpg.Connection) -> None:
    assert len(walls.tenant_owned) > 20
    before, reached = await theirs(admin, walls), 0
    async with entered(walls.logins["web"], role, OURS) as connection:
        for table in walls.tenant_owned:
            granted, sql = await rights(admin, role, table.name), await probes(admin, role, table)
            for verb in VERBS:
                got = await attempt(connection, sql[verb])
                where = f"{role} {verb} {table.name}: {got}"
                if not granted[verb]:
                    assert str(got).startswith("permission denied"), where
                elif verb == "insert":
                    assert "row-level security" in str(got), where
                else:
                    assert got == 1, where
                    reached += 1
            if granted["update"]:
                moved = f"update {table.name} set tenant_id = '{key('tenant_id', THEIRS[0])}'"
                assert isinstance(await attempt(connection, moved), str), f"{role} moves rows of {table.name}"
    assert reached or role is Role.AUTH, "without rows of its own this shows nothing"
    assert await theirs(admin, walls) == before


@pytest.mark.parametrize("role", sorted(set(Role) - EVERYWHERE - {Role.AGENT}))
async def test_without_a_tenant_there_is_nothing(role: Role, walls: Walls, admin: asyncpg.Connection) -> None:
    async with entered(walls.logins["web"], role, None) as connection:
        for table in walls.tenant_owned:
            granted, sql = await rights(admin, role, table.name), await probes(admin, role, table)
            for verb in VERBS:
                got = await attempt(connection, sql[verb])
                wanted = (
                    ("permission denied" in str(got))
                    if not granted[verb]
                    else ("row-level security" in str(got) if verb == "insert" else got == 0)
                )
                assert wanted, f"{role} {verb} {table.name}: {got}"


async def test_bound_roles_act_for_a_tenant_and_an_agent_for_a_live_leg(walls: Walls) -> None:
    for role in BOUND:
        with pytest.raises(ValueError, match="acts for a tenant"):
            Context(role)
    with pytest.raises(asyncpg.PostgresError, match="not live"):
        async with entered(walls.logins["web"], Role.AGENT, None):
            pass


async def test_only_the_dispatcher_sees_all_tenants_and_it_deletes_nothing(
    walls: Walls, admin: asyncpg.Connection
) -> None:
    wide = await admin.fetch(
        "select distinct r.rolname, c.relname from pg_policy p join pg_class c on c.oid = p.polrelid "
        "join pg_roles r on r.oid = any(p.polroles) where pg_get_expr(p.polqual, p.polrelid) = 'true'"
    )
    owned = {table.short for table in walls.tenant_owned}
    assert {row["rolname"] for row in wide if row["relname"] in owned} == {role.value for role in EVERYWHERE}
    for table in walls.tenant_owned:
        assert not (await rights(admin, Role.DISPATCH, table.name))["delete"], table.name
    for money in ("public.record", "public.usage_row", "public.invoice", "public.contract", "public.statement"):
        assert not any((await rights(admin, Role.DISPATCH, money)).values()), money


@pytest.mark.parametrize("role", BOUND)
async def test_operator_wide_tables_do_not_exist_for_tenants_and_agents(
    role: Role, walls: Walls, admin: asyncpg.Connection
) -> None:
    assert len(walls.operator_wide) > 15
    for login in walls.logins.values():
        async with entered(login, role, OURS) as connection:
            for name in walls.operator_wide:
                assert not any((await rights(admin, role, name)).values()), name
                for sql in (f"select from {name}", f"insert into {name} default values", f"delete from {name}"):
                    assert str(await attempt(connection, sql)).startswith("permission denied"), f"{role} {sql}"
            assert await attempt(connection, f"select from {REGISTRY}") == 1
            assert str(await attempt(connection, f"update {REGISTRY} set name = 'x'")).startswith("permission")


async def test_a_login_that_has_not_entered_is_refused_everything(walls: Walls) -> None:
    for login, url in walls.logins.items():
        connection = await asyncpg.connect(url)
        try:
            async with connection.transaction():
                for name in [REGISTRY, *walls.operator_wide, *(table.name for table in walls.tenant_owned)]:
                    for sql in (
                        f"select from {name}",
                        f"insert into {name} default values",
                        f"delete from {name}",
                        f"truncate {name}",
                    ):
                        assert "permission denied" in str(await attempt(connection, sql)), f"{login}: {sql}"
                for sql in (
                    "set local role crewline_owner",
                    "set local row_security = off; select from record",
                    "create table public.mine (x int)",
                    "create schema mine",
                    "alter table record disable row level security",
                    "copy record to '/tmp/record'",
                    "select pg_read_file('/etc/passwd')",
                ):
                    refusal = str(await attempt(connection, sql))
                    assert any(word in refusal for word in REFUSALS), f"{login}: {sql}: {refusal}"
        finally:
            await connection.close()
