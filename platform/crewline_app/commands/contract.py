"""crewline contract: check a contract file, print the schema of the language, add a version to a tenant."""

import asyncio
from typing import Any

import rich_click as click

from crewline_app.commands.files import read_text
from crewline_app.commands.output import emit, emit_document, format_option
from crewline_app.wiring import open_database
from crewline_infra.clock import SystemClock
from crewline_infra.errors import Invalid, NotFound
from crewline_infra.settings import load_settings
from crewline_infra.tenancy import Context, Role
from crewline_tenants.contracts import rules, service
from crewline_tenants.contracts.model import ContractVersion
from crewline_tenants.contracts.rules_convert import json_schema
from crewline_tenants.contracts.rules_terms import Contract, Item
from crewline_tenants.contracts.rules_types import label_text
from crewline_tenants.contracts.rules_words import minute_words, price_words, unit_of
from crewline_tenants.tenants.service import tenant_by_slug

ITEM_COLUMNS = ("item", "label", "meter", "unit", "minute", "price")
VERSION_COLUMNS = ("tenant", "version", "name", "effective_from", "hash")


@click.group()
def contract() -> None:
    """Contracts as data: see docs/contract-language.md."""


@contract.command()
@click.argument("file")
@format_option
def check(file: str, output_format: str) -> None:
    """Check FILE ("-" reads standard input) and show its rate card. Nothing is stored."""
    terms = rules.parse(read_text(file))
    rows = [_item_row(item) for item in terms.items]
    if output_format == "json":
        emit_document(_summary(terms) | {"items": rows})
    else:
        title = f"{terms.name or 'Contract'}, {terms.currency}, from {terms.effective_from}: good"
        emit(rows, ITEM_COLUMNS, output_format, title=title)


@contract.command()
def schema() -> None:
    """Print the JSON Schema of the language (for completion in an editor)."""
    emit_document(json_schema())


@contract.command()
@click.argument("file")
@click.option("--tenant", required=True, metavar="SLUG", help="Short name of the tenant.")
@format_option
def add(file: str, tenant: str, output_format: str) -> None:
    """Add FILE as a new version of a tenant's contract. The same terms twice change nothing."""
    text = read_text(file)
    rules.parse(text)  # a file that is no good never starts a database
    stored = asyncio.run(_add(text, tenant))
    row = {
        "tenant": tenant,
        "version": stored.version,
        "name": stored.name,
        "effective_from": stored.effective_from,
        "hash": stored.hash,
    }
    emit([row], VERSION_COLUMNS, output_format)


async def _add(text: str, slug: str) -> ContractVersion:
    async with open_database(load_settings()) as database:
        async with database.transaction(Context(Role.FINANCE)) as tx:
            try:
                tenant = await tenant_by_slug(tx, slug)
            except NotFound as problem:
                raise Invalid(f"There is no tenant {slug!r}.", field="tenant") from problem
        context = Context(Role.FINANCE, tenant_id=tenant.id)
        async with database.transaction(context) as tx:
            return await service.add_version(tx, tenant.id, source_text=text, now=SystemClock().now())


def _summary(terms: Contract) -> dict[str, Any]:
    return {
        "name": terms.name,
        "currency": terms.currency,
        "time_zone": terms.time_zone,
        "effective_from": terms.effective_from,
        "hash": rules.fingerprint(terms),
    }


def _item_row(item: Item) -> dict[str, Any]:
    return {
        "item": item.id,
        "label": label_text(item.label),
        "meter": item.meter,
        "unit": unit_of(item),
        "minute": minute_words(item.time) if item.time is not None else None,
        "price": price_words(item.price),
    }


COMMANDS = [contract]
