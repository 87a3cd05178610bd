"""The catalogue check: proof, read from the database itself, that tenants are walled off from each other.

Run by the tests, by `crewline doctor` and at start-up, where the server refuses to start when a row comes back.
"""

import asyncpg

from crewline_infra.policies import OWNER, TENANT_TEST

OPERATOR_WIDE_WITH_TENANT_COLUMN = frozenset(
    {
        "membership",
        "agent_certification",
        "pool_share",
        "agent_slot",
        "agent_state_log",
        "entry_address",
        "consumer_position",
        "job_run",
    }
)
"""Operator's tables that name a tenant. Tenants' and agents' roles hold no grant on them (checked)."""

BOUND_ROLES = ("crewline_tenant", "crewline_agent")
DEFINER_ALLOWED: frozenset[str] = frozenset()

_TENANT_TABLES = """
select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relkind::text
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'app', 'jobs') and c.relkind in ('r', 'p')
  and exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
"""


async def violations(connection: asyncpg.Connection) -> list[str]:
    """One sentence per hole; an empty list means that the walls stand."""
    found: list[str] = []
    for table in await connection.fetch(_TENANT_TABLES):
        if table["relname"] not in OPERATOR_WIDE_WITH_TENANT_COLUMN:
            found += await _tenant_table(connection, table)
    found += await _grants_to_bound_roles(connection)
    found += await _roads_around(connection)
    found += await _roles(connection)
    return found


async def _tenant_table(connection: asyncpg.Connection, table: asyncpg.Record) -> list[str]:
    name, oid = table["relname"], table["oid"]
    found = []
    if not (table["relrowsecurity"] and table["relforcerowsecurity"]):
        found.append(f"{name}: row security is not enabled and forced.")
    column = await connection.fetchrow(
        "select attnotnull, atthasdef, attnum from pg_attribute where attrelid = $1 and attname = 'tenant_id'",
        oid,
    )
    if not column["attnotnull"] or column["atthasdef"]:
        found.append(f"{name}: tenant_id must be NOT NULL and without a default.")
    found += await _keys(connection, name, oid, column["attnum"])
    found += await _policies(connection, name, oid)
    if await connection.fetchval("select count(*) from pg_trigger where tgrelid = $1 and not tgisinternal", oid):
        found.append(f"{name}: has a trigger.")
    return found


async def _keys(connection: asyncpg.Connection, name: str, oid: int, tenant: int) -> list[str]:
    found = []
    if not await connection.fetchval("select count(*) from pg_index where indrelid = $1 and indisprimary", oid):
        found.append(f"{name}: has no primary key.")
    for index in await connection.fetch(
        "select indexrelid::regclass::text as name, indkey[0] as first from pg_index "
        "where indrelid = $1 and indisunique",
        oid,
    ):
        if index["first"] != tenant:
            found.append(f"{name}: the unique index {index['name']} does not begin with tenant_id.")
    for key in await connection.fetch(
        "select conname, conkey[1] as first, confrelid::regclass::text as target from pg_constraint "
        "where conrelid = $1 and contype = 'f'",
        oid,
    ):
        if key["first"] != tenant:
            found.append(f"{name}: the foreign key {key['conname']} does not begin with tenant_id.")
    return found


async def _policies(connection: asyncpg.Connection, name: str, oid: int) -> list[str]:
    found = []
    roles_seen: set[str] = set()
    for policy in await connection.fetch(
        """select p.polname, p.polpermissive, pg_get_expr(p.polqual, p.polrelid) as qual,
                  pg_get_expr(p.polwithcheck, p.polrelid) as checks,
                  array(select rolname::text from pg_roles r where r.oid = any(p.polroles)) as roles,
                  0 = any(p.polroles) as everybody
             from pg_policy p where p.polrelid = $1""",
        oid,
    ):
        roles = set(policy["roles"])
        bound = policy["everybody"] or roles & set(BOUND_ROLES)
        if bound and not (_names_tenant(policy["qual"]) and _names_tenant(policy["checks"])):
            found.append(f"{name}: the policy {policy['polname']} lacks the tenant comparison.")
        if not policy["polpermissive"]:
            found.append(f"{name}: the policy {policy['polname']} is restrictive (Citus drops that).")
        if roles & roles_seen:
            found.append(f"{name}: two policies for one role are OR-ed ({policy['polname']}).")
        roles_seen |= roles
    return found


def _names_tenant(expression: str | None) -> bool:
    if expression is None:
        return False
    text = expression.replace("(", "").replace(")", "")
    wanted = TENANT_TEST.replace("(", "").replace(")", "")
    return text == wanted or text.startswith(f"{wanted} AND ")


async def _grants_to_bound_roles(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch(
        """select distinct c.relname, g.grantee::regrole::text as role
             from pg_class c join pg_namespace n on n.oid = c.relnamespace,
                  aclexplode(c.relacl) g
            where n.nspname in ('public', 'app', 'jobs') and c.relkind in ('r', 'p', 'v', 'm')
              and (g.grantee = 0 or g.grantee in (select oid from pg_roles where rolname = any($1::text[])))
              and not c.relrowsecurity""",
        list(BOUND_ROLES),
    )
    return [f"{row['relname']}: {row['role']} may use it and it has no row security." for row in rows]


async def _roads_around(connection: asyncpg.Connection) -> list[str]:
    found = [
        f"{row['relname']}: a materialised view or a view with its owner's rights goes round row security."
        for row in await connection.fetch(
            """select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname in ('public', 'app', 'jobs') and (c.relkind = 'm' or (c.relkind = 'v'
                  and not coalesce(c.reloptions @> array['security_invoker=true'], false)))"""
        )
    ]
    found += [
        f"{row['proname']}: a SECURITY DEFINER function that is not on the list."
        for row in await connection.fetch(
            """select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                where n.nspname in ('public', 'app', 'jobs') and p.prosecdef and not p.proname = any($1::text[])""",
            list(DEFINER_ALLOWED),
        )
    ]
    found += [
        f"{row['child']}: a partition that can be read directly."
        for row in await connection.fetch(
            """select i.inhrelid::regclass::text as child from pg_inherits i join pg_class c on c.oid = i.inhrelid
                where c.relkind in ('r', 'p') and c.relacl is not null
                  and exists (select 1 from aclexplode(c.relacl) g where g.grantee <> c.relowner)"""
        )
    ]
    return found


async def _roles(connection: asyncpg.Connection) -> list[str]:
    found = [
        f"{row['rolname']}: may bypass row security or administer the server."
        for row in await connection.fetch(
            """select rolname from pg_roles where (rolname like 'crewline\\_%' and rolname <> 'crewline_admin')
                and (rolbypassrls or rolsuper or rolcreaterole or rolcreatedb)"""
        )
    ]
    found += [
        f"{row['login']}: inherits rights; a login must have none of its own."
        for row in await connection.fetch(
            """select rolname as login from pg_roles
                where rolname ~ '^crewline_(web|worker)_' and rolcanlogin and rolinherit"""
        )
    ]
    found += [
        f"{row['relname']}: belongs to {row['owner']}, not to {OWNER}."
        for row in await connection.fetch(
            """select c.relname, c.relowner::regrole::text as owner
                 from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname in ('public', 'app') and c.relkind in ('r', 'p', 'v', 'm')
                  and c.relowner <> (select oid from pg_roles where rolname = $1)""",
            OWNER,
        )
    ]
    return found
