"""crewline tenant: the clients that this operator serves."""

import asyncio
import re
from dataclasses import asdict

import rich_click as click

from crewline_app.commands.output import emit, format_option
from crewline_app.startup import ready_database
from crewline_infra.clock import SystemClock
from crewline_infra.errors import Invalid
from crewline_infra.ids import new_id
from crewline_infra.settings import load_settings
from crewline_infra.tenancy import Context, Role
from crewline_tenants.tenants import service
from crewline_tenants.tenants.model import Tenant

COLUMNS = ("slug", "name", "time_zone", "currency", "locale", "state", "id")
_SLUG, _CURRENCY = re.compile(r"[a-z][a-z0-9-]{0,39}"), re.compile(r"[A-Z]{3}")
_NAME_MAX = 120


@click.group()
def tenant() -> None:
    """Tenants: the client enterprises of this operator."""


@tenant.command()
@click.argument("slug")
@click.option("--name", required=True, help="As people see it.")
@click.option("--name-zh-hans", help="The name in simplified Chinese.")
@click.option("--name-zh-hant", help="The name in traditional Chinese.")
@click.option("--time-zone", required=True, metavar="ZONE", help="Cuts days and months, such as Asia/Shanghai (IANA).")
@click.option("--currency", required=True, metavar="CODE", help="ISO 4217, such as CNY.")
@click.option("--locale", type=click.Choice(["en", "zh_Hans", "zh_Hant"]), default="en", show_default=True)
@click.option("--colour", type=click.IntRange(1, 8), default=8, show_default=True, help="Its colour on the pages.")
@format_option
def add(*, slug: str, output_format: str, **given: str) -> None:
    """Add a tenant. SLUG is its short name in commands and addresses: a-z, 0-9 and -."""
    if not _SLUG.fullmatch(slug):
        raise Invalid(f"{slug!r} is no short name: a letter, then up to 39 of a-z, 0-9 and -.")
    if not _CURRENCY.fullmatch(given["currency"]):
        raise Invalid(f"{given['currency']!r} is no currency: three capital letters, such as CNY.")
    if not 1 <= len(given["name"].strip()) <= _NAME_MAX:
        raise Invalid(f"A tenant's name has 1 to {_NAME_MAX} characters.")
    made = Tenant(id=new_id(), slug=slug, state="active", **given)  # type: ignore[arg-type]  # options of those names
    asyncio.run(_add(made))
    emit([asdict(made)], COLUMNS, output_format)


@tenant.command("list")
@format_option
def list_tenants(output_format: str) -> None:
    """List all tenants."""
    emit([asdict(one) for one in asyncio.run(_list())], COLUMNS, output_format)


async def _add(made: Tenant) -> None:
    async with ready_database(load_settings(), "worker", pool_size=1) as database:
        async with database.transaction(Context(Role.OPS, request_id="cli")) as tx:
            await service.create_tenant(tx, made, SystemClock().now())


async def _list() -> list[Tenant]:
    async with ready_database(load_settings(), "web", pool_size=1) as database:
        async with database.transaction(Context(Role.OPS, request_id="cli")) as tx:
            return await service.list_tenants(tx)


COMMANDS = [tenant]
