"""crewline people: the first administrator, and whoever else logs in."""

import asyncio
import sys
from typing import Any
from uuid import UUID

import rich_click as click

from crewline_app.commands.output import emit, format_option
from crewline_app.commands.scope import tenant_of
from crewline_app.startup import ready_database
from crewline_infra.clock import SystemClock
from crewline_infra.errors import Invalid
from crewline_infra.secrets import token
from crewline_infra.settings import load_settings
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people import service
from crewline_tenants.people.model import NewKey, Person
from crewline_tenants.people.passwords import hash_password
from crewline_tenants.people.rules import OPERATOR_ROLES, TENANT_ROLES, PersonRole

COLUMNS = ("login", "name", "role", "tenant", "password")
KEY_COLUMNS = ("login", "label", "key", "id")
LIST_COLUMNS = ("login", "name", "state", "roles", "id")
ROLES = [role.value for role in PersonRole if role is not PersonRole.AGENT]
PASSWORD_BYTES = 15
_LINE_MAX = 1000


@click.group()
def people() -> None:
    """People who log in: the operator's own, and those of a tenant."""


@people.command()
@click.option("--email", required=True, help="What the person logs in with.")
@click.option("--role", required=True, type=click.Choice(ROLES), help="A manager or viewer belongs to a tenant.")
@click.option("--tenant", metavar="SLUG", help="The tenant of a manager or viewer.")
@click.option("--name", help="As others see the person; otherwise the address before the @.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; otherwise one is made.")
@format_option
def add(
    *, email: str, role: str, tenant: str | None, name: str | None, password_stdin: bool, output_format: str
) -> None:
    """Add a person, such as the first administrator. A password that was made is printed this once."""
    _check(PersonRole(role), tenant)
    password = sys.stdin.readline(_LINE_MAX).rstrip("\r\n") if password_stdin else token(n_bytes=PASSWORD_BYTES)
    shown = name or email.partition("@")[0]
    asyncio.run(_add(email, PersonRole(role), tenant, shown, password))
    row = {"login": email.strip().lower(), "name": shown, "role": role, "tenant": tenant}
    emit([row | ({} if password_stdin else {"password": password})], COLUMNS, output_format)


@people.command()
@click.option("--email", required=True, help="Whom the key acts as.")
@click.option("--label", required=True, help="What it is for.")
@click.option("--days", type=click.IntRange(1, 730), default=365, show_default=True, help="How long it works.")
@format_option
def key(email: str, label: str, days: int, output_format: str) -> None:
    """Make an API key that acts as a person; it is printed this once. Its owner can revoke it over the API."""
    made = asyncio.run(_key(email, label, days))
    row = {"login": email.strip().lower(), "label": made.label, "key": made.key, "id": made.id}
    emit([row], KEY_COLUMNS, output_format)


@people.command("list")
@click.option("--tenant", metavar="SLUG", help="Of this tenant; otherwise the operator's own.")
@format_option
def list_people(tenant: str | None, output_format: str) -> None:
    """List the people who log in."""
    rows = [{name: getattr(person, name) for name in LIST_COLUMNS} for person in asyncio.run(_list(tenant))]
    emit(rows, LIST_COLUMNS, output_format)


def _check(role: PersonRole, tenant: str | None) -> None:
    if role in TENANT_ROLES and tenant is None:
        raise Invalid(f"A {role} belongs to a tenant: add --tenant.")
    if role in OPERATOR_ROLES and tenant is not None:
        raise Invalid(f"The role {role} is the operator's own: leave --tenant out.")


async def _add(email: str, role: PersonRole, tenant: str | None, name: str, password: str) -> None:
    hashed = await hash_password(password)
    now = SystemClock().now()
    async with ready_database(load_settings(), "worker", pool_size=1) as database:
        async with database.transaction(Context(Role.OPS, request_id="cli")) as tx:
            where = None if tenant is None else (await tenant_of(tx, tenant)).id
            user_id = await service.create_user(tx, login=email, name=name, password_hash=hashed, now=now)
            await service.grant_role(tx, user_id, role, where, now)


async def _key(email: str, label: str, days: int) -> NewKey:
    now = SystemClock().now()
    async with ready_database(load_settings(), "web", pool_size=1) as database:
        async with database.transaction(Context(Role.AUTH, request_id="cli")) as tx:
            found = await service.candidate(tx, email, "", now)
            if found.user_id is None:
                raise Invalid(f"There is nobody who logs in as {email!r}.")
            return await service.add_key(tx, found.user_id, label, now, days=days)


async def _list(tenant: str | None) -> list[Person]:
    where: UUID | None = None
    async with ready_database(load_settings(), "web", pool_size=1) as database:
        async with database.transaction(Context(Role.AUTH, request_id="cli")) as tx:
            if tenant is not None:
                where = (await tenant_of(tx, tenant)).id
            return await service.list_people(tx, where)


COMMANDS: list[Any] = [people]
