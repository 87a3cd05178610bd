"""Finance: the months of all tenants, running drafts, contracts, and what a month would cost under other terms."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Stream

from crewline_billing.invoices import service
from crewline_infra.clock import Clock
from crewline_infra.db import Database
from crewline_infra.errors import Conflict, CrewlineError, Invalid
from crewline_infra.i18n import gettext as _
from crewline_reporting.exports.table import Table
from crewline_tenants.contracts import rules as language
from crewline_tenants.contracts import service as contracts
from crewline_tenants.people.access import AnyRequest, Db, Now, Permission, Principal, Who, operator_access
from crewline_web import formats
from crewline_web.finance.common import finance_page, find_tenant
from crewline_web.finance.periods import STAGES, Chosen, chosen_rows, month_rows, stage_counts
from crewline_web.office.download import FileFormat, table_file

Word = Annotated[str, QueryParameter(name="tenant", required=False, max_length=40)]
Month = Annotated[str, QueryParameter(name="month", required=False, max_length=7)]
Stage = Annotated[str, QueryParameter(name="state", required=False, max_length=10)]


@get("/finance", include_in_schema=False)
async def periods_page(
    request: AnyRequest,
    principal: Who,
    db: Db,
    clock: Now,
    *,
    tenant: Word = "",
    month: Month = "",
    stage: Stage = "",
) -> Response[str]:
    return await _periods(request, principal, db, clock, chosen=Chosen(tenant, month, stage if stage in STAGES else ""))


@get("/finance/months/export", include_in_schema=False)
async def months_export(
    principal: Who,
    db: Db,
    clock: Now,
    *,
    tenant: Word = "",
    month: Month = "",
    stage: Stage = "",
    file_format: FileFormat = "csv",
) -> Stream:
    operator_access(principal, Permission.INVOICE_READ)
    now = clock.now()
    rows = chosen_rows(await month_rows(db, principal, now), Chosen(tenant, month, stage if stage in STAGES else ""))
    columns = [_("Tenant"), _("Month"), _("Offered"), _("Answered"), _("State"), _("Number"), _("Total"), _("Currency")]
    cells = [
        [r.tenant.slug, r.month, r.offered, r.answered, r.state[1], r.number, r.total, r.currency if r.total else None]
        for r in rows
    ]
    return await table_file(Table([(_("Made at"), f"{now:%Y-%m-%dT%H:%M:%SZ}")], columns, cells), "months", file_format)


@post("/finance/{slug:str}/run", include_in_schema=False)
async def run(request: AnyRequest, principal: Who, db: Db, clock: Now, slug: FromPath[str]) -> Response[Any]:
    """Make the draft of a month, or make it anew."""
    tenant, context = await find_tenant(db, principal, slug, Permission.INVOICE_WRITE)
    period = str((await request.form()).get("period", ""))
    try:
        async with db.transaction(context) as tx:
            made = await service.run(tx, tenant.id, period, now=clock.now())
    except (Conflict, Invalid) as problem:
        return await _periods(request, principal, db, clock, chosen=Chosen(tenant=slug), problem=problem)
    return Redirect(f"/finance/{slug}/invoices/{made.id}?made=draft", status_code=303)


@get("/finance/{slug:str}/contract", include_in_schema=False)
async def contract_page(request: AnyRequest, principal: Who, db: Db, slug: FromPath[str]) -> Response[str]:
    return await _contract(request, principal, db, slug, None)


@get("/finance/{slug:str}/contract/{contract_id:uuid}", include_in_schema=False)
async def contract_version_page(
    request: AnyRequest, principal: Who, db: Db, slug: FromPath[str], contract_id: FromPath[UUID]
) -> Response[str]:
    return await _contract(request, principal, db, slug, contract_id)


@get("/finance/{slug:str}/preview", include_in_schema=False)
async def preview_page(
    request: AnyRequest, principal: Who, db: Db, slug: FromPath[str], month: Month = ""
) -> Response[str]:
    tenant, context = await find_tenant(db, principal, slug, Permission.INVOICE_WRITE)
    async with db.transaction(context) as tx:
        agreed = await contracts.for_month(tx, tenant.id, month) if month else None
    text = agreed.source_text if agreed else ""
    return finance_page(
        request,
        "preview.html",
        principal,
        client=tenant,
        month=month,
        text=text,
        bill=None,
        now_bill=None,
        problem=None,
    )


@post("/finance/{slug:str}/preview", include_in_schema=False)
async def preview(request: AnyRequest, principal: Who, db: Db, slug: FromPath[str]) -> Response[str]:
    """What the month would have cost under the text that was handed in. Nothing is written."""
    tenant, context = await find_tenant(db, principal, slug, Permission.INVOICE_WRITE)
    form = await request.form()
    month, text = str(form.get("month", "")), str(form.get("contract", ""))
    bill = now_bill = problem = None
    try:
        terms = language.parse(text)
        async with db.transaction(context) as tx:
            bill = await service.preview(tx, tenant.id, month, terms)
            if await contracts.for_month(tx, tenant.id, month) is not None:
                now_bill = await service.preview(tx, tenant.id, month)
    except (Conflict, Invalid) as found:
        problem = found
    return finance_page(
        request,
        "preview.html",
        principal,
        status=problem.status if problem else 200,
        client=tenant,
        month=month,
        text=text,
        bill=bill,
        now_bill=now_bill,
        problem=problem,
        here=f"/finance/{slug}/preview?month={month}",
    )


ROUTES = [periods_page, months_export, run, contract_page, contract_version_page, preview_page, preview]


async def _periods(
    request: AnyRequest,
    principal: Principal,
    db: Database,
    clock: Clock,
    *,
    chosen: Chosen,
    problem: CrewlineError | None = None,
) -> Response[str]:
    operator_access(principal, Permission.INVOICE_READ)
    rows = await month_rows(db, principal, clock.now())
    shown = chosen_rows(rows, chosen)
    tenants = {row.tenant.slug: row.tenant.shown_name for row in rows}
    return finance_page(
        request,
        "periods.html",
        principal,
        status=problem.status if problem else 200,
        problem=problem,
        rows=shown,
        every=len(rows),
        chosen=chosen,
        tabs=stage_counts(rows, chosen),
        tenants=dict(sorted(tenants.items(), key=lambda item: item[1])),
        months=sorted({row.month for row in rows}, reverse=True),
        totals=_totals(shown),
        here="/finance",
    )


def _totals(rows: list[Any]) -> list[str]:
    """One sum per currency: amounts of different currencies are never added."""
    sums: dict[str, Any] = {}
    for row in rows:
        if row.total is not None:
            sums[row.currency] = sums.get(row.currency, 0) + row.total
    return [formats.money(total, currency) for currency, total in sorted(sums.items())]


async def _contract(
    request: AnyRequest, principal: Principal, db: Database, slug: str, contract_id: UUID | None
) -> Response[str]:
    tenant, context = await find_tenant(db, principal, slug, Permission.CONTRACT_READ)
    async with db.transaction(context) as tx:
        versions = await contracts.list_versions(tx, tenant.id)
        shown = next(iter(versions), None)
        if contract_id is not None:
            shown = await contracts.get_version(tx, tenant.id, contract_id)
    terms = language.from_document(shown.document) if shown else None
    return finance_page(
        request,
        "contract.html",
        principal,
        client=tenant,
        versions=versions,
        shown=shown,
        terms=terms,
        rate_card=terms.items if terms else (),
    )
