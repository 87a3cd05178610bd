"""crewline bill …: preview, draft and issue the invoice of a month."""

import asyncio
from collections.abc import Iterator
from typing import Any

import rich_click as click

from crewline_app.commands.files import read_text
from crewline_app.commands.output import emit, emit_document, format_option
from crewline_app.commands.scope import period_option, tenant_option, tenant_transaction
from crewline_billing.invoices import closing, service
from crewline_billing.invoices.http import desk
from crewline_billing.invoices.model import Invoice
from crewline_billing.invoices.rules import Bill, document, fingerprint
from crewline_infra.clock import SystemClock
from crewline_infra.db import Tx
from crewline_infra.errors import Invalid
from crewline_infra.money import plain
from crewline_infra.periods import month_period
from crewline_infra.settings import load_settings
from crewline_infra.tenancy import Role
from crewline_tenants.contracts import rules as language
from crewline_tenants.contracts import service as contracts
from crewline_tenants.contracts.rules_types import label_text

COLUMNS = ("line", "item", "label", "period", "quantity", "unit", "amount", "tax")
LIST_COLUMNS = ("period", "number", "state", "currency", "net", "tax", "total", "issued_at", "id")
contract_option = click.option("--contract", metavar="FILE", help='Contract to bill under ("-": standard input).')


@click.group()
def bill() -> None:
    """Invoices of a tenant's months. A month is cut in the time zone of its contract."""


@bill.command()
@tenant_option
@period_option
@contract_option
@format_option
def preview(tenant: str, period: str, contract: str | None, output_format: str) -> None:
    """Price a month as it stands. Nothing is written.

    With --contract, under that contract instead of the one in force: what would the month have cost?
    """
    text = _text(period, contract)
    found = asyncio.run(_preview(tenant, period, text))
    _print(found, {"state": "preview", "number": None, "hash": fingerprint(found)}, output_format)


@bill.command()
@tenant_option
@period_option
@contract_option
@format_option
def run(tenant: str, period: str, contract: str | None, output_format: str) -> None:
    """Make the draft of a month, or make it anew: the same records give the identical draft.

    With --contract, the file is first added as a version of the tenant's contract, if it is not one yet.
    """
    text = _text(period, contract)
    _print_invoice(asyncio.run(_run(tenant, period, text)), output_format)


@bill.command()
@tenant_option
@period_option
@format_option
def issue(tenant: str, period: str, output_format: str) -> None:
    """Issue the draft of a month: it gets its number, the month is frozen, and its statement is written and signed."""
    month_period(period, "UTC")
    _print_invoice(asyncio.run(_issue(tenant, period)), output_format)


@bill.command("list")
@tenant_option
@format_option
def list_invoices(tenant: str, output_format: str) -> None:
    """List the invoices of a tenant, the newest period first."""
    found = asyncio.run(_list(tenant))
    rows = [{name: getattr(invoice, name) for name in LIST_COLUMNS} for invoice in found]
    emit(rows, LIST_COLUMNS, output_format)


COMMANDS = [bill]


def _text(period: str, contract: str | None) -> str | None:
    """Check what can be checked before a database is started."""
    month_period(period, "UTC")
    if contract is None:
        return None
    text = read_text(contract)
    language.parse(text)
    return text


async def _preview(slug: str, period: str, text: str | None) -> Bill:
    terms = None if text is None else language.parse(text)
    async with tenant_transaction(load_settings(), slug, Role.FINANCE) as (tenant, tx):
        return await service.preview(tx, tenant.id, period, terms)


async def _run(slug: str, period: str, text: str | None) -> Invoice:
    now = SystemClock().now()
    async with tenant_transaction(load_settings(), slug, Role.FINANCE) as (tenant, tx):
        if text is not None:
            added = await contracts.add_version(tx, tenant.id, source_text=text, now=now)
            covering = await contracts.for_month(tx, tenant.id, period)
            if covering is None or covering.hash != added.hash:
                raise Invalid(f"This contract is not the one that covers {period}; nothing was stored.")
        return await service.run(tx, tenant.id, period, now=now)


async def _issue(slug: str, period: str) -> Invoice:
    settings = load_settings()
    async with tenant_transaction(settings, slug, Role.FINANCE) as (tenant, tx):
        draft = await service.invoice_of_period(tx, tenant.id, period)
        return await closing.issue(tx, tenant.id, draft.id, desk(settings, SystemClock()))


async def _list(slug: str) -> list[Any]:
    async with tenant_transaction(load_settings(), slug, Role.FINANCE) as (tenant, tx):
        return await _every(tx, tenant.id)


async def _every(tx: Tx, tenant_id: Any) -> list[Any]:
    found: list[Any] = []
    while page := await service.list_invoices(tx, tenant_id, after=found[-1].id if found else None, limit=200):
        found += page
    return found


def _print_invoice(invoice: Invoice, output_format: str) -> None:
    about = {"id": invoice.id, "state": invoice.state.value, "number": invoice.number, "hash": invoice.hash}
    _print(invoice.bill, about, output_format)


def _print(found: Bill, about: dict[str, Any], output_format: str) -> None:
    totals = found.totals
    if output_format == "json":
        sums = {"net": totals.net, "tax": totals.tax, "total": totals.total}
        emit_document({**about, **sums, **document(found)})
        return
    name = about["number"] or about["state"]
    title = f"{name}, {found.period}: {plain(totals.total)} {found.currency}"
    emit([*_rows(found)], COLUMNS, output_format, title=title)


def _rows(found: Bill) -> Iterator[dict[str, Any]]:
    for line in found.lines:
        yield {
            "line": line.position,
            "item": line.item,
            "label": label_text(line.labels),
            "period": line.original_period or found.period,
            "quantity": line.quantity if line.meter else None,
            "unit": line.unit,
            "amount": line.amount,
            "tax": line.tax,
        }
    yield {"item": "net", "amount": found.totals.net}
    for tax in found.totals.taxes:
        label = f"{label_text(tax.labels)} {plain(tax.rate_percent)} %"
        yield {"item": "tax", "label": label, "period": tax.original_period, "amount": tax.amount, "tax": tax.code}
    yield {"item": "total", "label": found.currency, "amount": found.totals.total}
