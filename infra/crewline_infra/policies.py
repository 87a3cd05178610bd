"""The one generator of row-security policies, grants and the tables they guard.

One permissive policy per role, the tenant comparison inside USING and WITH CHECK; a finer condition is AND-ed into the
same policy, never a second one (policies of a role are OR-ed). Plain PostgreSQL and Citus honour this form alike.
"""

from collections.abc import Iterator, Mapping

OWNER = "crewline_owner"
TENANT_TEST = "tenant_id = app.tenant()"
EVERYWHERE = "true"
"""For operator-wide background roles only; never for a tenant's or an agent's role."""


def tenant_owned(
    table: str,
    grants: Mapping[str, str],
    *,
    agent_sees: str | None = None,
    everywhere: frozenset[str] = frozenset(),
) -> Iterator[str]:
    """Statements that close a tenant-owned table: row security on and forced, a policy and grants per role.

    `grants` maps role -> privileges ('select, insert'). `agent_sees` narrows the agent's policy further.
    """
    yield f"alter table {table} enable row level security"
    yield f"alter table {table} force row level security"
    for role, privileges in grants.items():
        test = EVERYWHERE if role in everywhere else TENANT_TEST
        if role == "agent" and agent_sees:
            test = f"{TENANT_TEST} and ({agent_sees})"
        yield (f"create policy {table}_{role} on {table} for all to crewline_{role} using ({test}) with check ({test})")
        yield f"grant {privileges} on {table} to crewline_{role}"


def operator_wide(table: str, grants: Mapping[str, str]) -> Iterator[str]:
    """Grants of a table without tenants' data; tenants' and agents' roles get none unless named."""
    for role, privileges in grants.items():
        yield f"grant {privileges} on {table} to crewline_{role}"
