"""An invoice's lines, and the contacts behind one of them, as tables for files. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from crewline_billing.invoices.model import Invoice, LineContact
from crewline_infra.canonical import instant_text
from crewline_infra.i18n import current_locale
from crewline_infra.i18n import gettext as _
from crewline_reporting.exports.table import Kind, Table
from crewline_reporting.statements.rules import InvoiceLine
from crewline_tenants.contracts.rules_types import label_text
from crewline_tenants.tenants.model import Tenant

LINE_COLUMNS = (
    "position",
    "kind",
    "item",
    "label",
    "meter",
    "contacts",
    "quantity",
    "unit",
    "amount",
    "currency",
    "period",
)
CONTACT_COLUMNS = (
    "ended_at",
    "contact_id",
    "version",
    "queue",
    "channel",
    "outcome",
    "disposition",
    "talk_ms",
    "hold_ms",
    "wrap_ms",
    "billed",
    "unit",
)


def lines_table(tenant: Tenant, invoice: Invoice, at: datetime) -> Table:
    """Every line, then net, taxes and total: the amounts of the lines add up to net."""
    kinds: dict[str, Kind] = {"amount": "amount"}
    return Table(_header(tenant, invoice, at), LINE_COLUMNS, list(_line_rows(invoice)), kinds)


def contacts_table(tenant: Tenant, invoice: Invoice, line: InvoiceLine, at: datetime) -> Table:
    """The head of the table; its rows are read page by page, see `contact_rows`."""
    facts = [
        (_("Line"), f"{line.position} {_label(line.labels, line.item)}"),
        (_("Contacts"), str(line.contacts)),
        (_("Quantity"), f"{line.quantity:f} {line.unit}"),
        (_("Amount"), f"{line.amount:f} {invoice.currency}"),
    ]
    kinds: dict[str, Kind] = {name: "ms" for name in CONTACT_COLUMNS if name.endswith("_ms")}
    if line.unit != "contact":
        kinds["billed"] = "ms"
    return Table([*_header(tenant, invoice, at), *facts], CONTACT_COLUMNS, (), kinds)


def contact_rows(contacts: Sequence[LineContact]) -> list[list[Any]]:
    return [[getattr(contact, name) for name in CONTACT_COLUMNS] for contact in contacts]


def _header(tenant: Tenant, invoice: Invoice, at: datetime) -> list[tuple[str, str]]:
    return [
        (_("Tenant"), tenant.shown_name),
        (_("Invoice"), invoice.number or _("Draft")),
        (_("Period"), invoice.period),
        (_("Time zone"), tenant.time_zone),
        (_("Issued on"), instant_text(invoice.issued_at) if invoice.issued_at else "—"),
        (_("Generated at"), instant_text(at)),
    ]


def _line_rows(invoice: Invoice) -> Iterator[list[Any]]:
    bill = invoice.bill
    for line in bill.lines:
        label = _label(line.labels, line.item)
        measured = [line.meter, line.contacts, line.quantity, line.unit] if line.meter else ["", "", "", ""]
        rest = [line.amount, bill.currency, line.original_period or bill.period]
        yield [line.position, line.kind, line.item, label, *measured, *rest]
    yield _sum_row(invoice, "net", _("Net"), bill.totals.net)
    for tax in bill.totals.taxes:
        label = f"{_label(tax.labels, tax.code)} {tax.rate_percent:f}%"
        yield _sum_row(invoice, "tax", label, tax.amount, tax.original_period)
    yield _sum_row(invoice, "total", _("Total"), bill.totals.total)


def _sum_row(invoice: Invoice, kind: str, label: str, amount: Decimal, period: str | None = None) -> list[Any]:
    return ["", kind, "", label, "", "", "", "", amount, invoice.currency, period or invoice.period]


def _label(labels: dict[str, str], fallback: str) -> str:
    return label_text(labels, current_locale()) if labels else fallback
