"""Which months of which tenants have contacts, and how far their invoices are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from crewline_billing.invoices import service as invoices
from crewline_billing.invoices.model import InvoiceSummary
from crewline_billing.invoices.rules_state import FROZEN, State
from crewline_infra.db import Database
from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark
from crewline_infra.periods import month_period
from crewline_tenants.contracts import service as contracts
from crewline_tenants.people.access import Permission, Principal, tenant_access
from crewline_tenants.tenants.model import Tenant
from crewline_web import bill_words
from crewline_web.finance import store
from crewline_web.office.figures import every_tenant

INVOICES_MAX = 200

STAGES = {
    "open": mark("To bill"),
    "draft": mark("Drafts"),
    "issued": mark("Issued"),
    "running": mark("Month not over"),
    "bare": mark("No contract"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """`stage`: running (not over), open (no draft), draft, issued, bare (no contract covers the month)."""

    tenant: Tenant
    month: str
    offered: int
    answered: int
    stage: str
    state: tuple[str, str]
    invoice_id: UUID | None
    number: str | None
    total: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Filters of the address; empty means all."""

    tenant: str = ""
    month: str = ""
    stage: str = ""


async def month_rows(db: Database, principal: Principal, now: datetime) -> list[MonthRow]:
    """Every tenant in its own transaction; the newest month first."""
    found: list[MonthRow] = []
    for tenant in await every_tenant(db, principal):
        async with db.transaction(tenant_access(principal, tenant.id, Permission.INVOICE_READ)) as tx:
            months = await store.months(tx, tenant.id, tenant.time_zone)
            billed = await invoices.list_invoices(tx, tenant.id, limit=INVOICES_MAX)
            begun = [version.effective_from for version in await contracts.list_versions(tx, tenant.id)]
            live = {invoice.period: invoice for invoice in billed if invoice.state is not State.VOID}
            for row in months:
                covered = any(day <= date.fromisoformat(f"{row.month}-01") for day in begun)
                found.append(_row(tenant, row, live.get(row.month), covered=covered, now=now))
    found.sort(key=lambda row: row.tenant.name)
    return sorted(found, key=lambda row: row.month, reverse=True)


def _row(tenant: Tenant, month: object, invoice: InvoiceSummary | None, *, covered: bool, now: datetime) -> MonthRow:
    label = str(getattr(month, "month", ""))
    stage = _stage(invoice, covered=covered, over=now >= month_period(label, tenant.time_zone).ends_at)
    kind = "risk" if stage == "open" else "info"
    return MonthRow(
        tenant=tenant,
        month=label,
        offered=int(getattr(month, "offered", 0)),
        answered=int(getattr(month, "answered", 0)),
        stage=stage,
        state=bill_words.invoice_state(invoice.state) if invoice else (kind, _(STAGES[stage])),
        invoice_id=invoice.id if invoice else None,
        number=invoice.number if invoice else None,
        total=invoice.total if invoice else None,
        currency=invoice.currency if invoice else tenant.currency,
    )


def _stage(invoice: InvoiceSummary | None, *, covered: bool, over: bool) -> str:
    if invoice is not None:
        return "issued" if invoice.state in FROZEN else "draft"
    if not covered:
        return "bare"
    return "open" if over else "running"


def chosen_rows(rows: Sequence[MonthRow], chosen: Chosen) -> list[MonthRow]:
    return [
        row
        for row in rows
        if chosen.tenant in ("", row.tenant.slug)
        and chosen.month in ("", row.month)
        and chosen.stage in ("", row.stage)
    ]


def stage_counts(rows: Sequence[MonthRow], chosen: Chosen) -> list[tuple[str, str, int]]:
    """Tabs: key, word, how many rows under the other filters; the first one is all of them."""
    others = chosen_rows(rows, Chosen(chosen.tenant, chosen.month))
    counts = Counter(row.stage for row in others)
    return [("", _("All"), len(others)), *((key, _(word), counts[key]) for key, word in STAGES.items())]
