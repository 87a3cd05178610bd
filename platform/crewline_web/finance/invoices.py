"""One invoice in finance's hands: its lines, the contacts behind them, review, issue, statement."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import File, Redirect, Stream

from crewline_billing.invoices import closing, service
from crewline_billing.invoices.cursor import contact_cursor, contact_position
from crewline_billing.invoices.drilldown import line_contacts
from crewline_billing.invoices.http import desk
from crewline_billing.invoices.model import Invoice, LineContact
from crewline_billing.invoices.rules_state import Action, State, allowed_actions
from crewline_infra.db import Database, Tx
from crewline_infra.errors import Conflict, CrewlineError, NotFound
from crewline_infra.i18n import gettext as _
from crewline_infra.periods import local_date, month_period
from crewline_infra.tenancy import Context
from crewline_reporting.exports.table import BOM, csv_line
from crewline_reporting.statements.rules import InvoiceLine
from crewline_tenants.contracts import service as contracts
from crewline_tenants.people.access import AnyRequest, Config, Db, Now, Permission, Principal, Who
from crewline_tenants.tenants.model import Tenant
from crewline_web import formats
from crewline_web.finance.common import finance_page, find_tenant

BASE = "/finance/{slug:str}/invoices/{invoice_id:uuid}"
PEEK, PAGE_SIZE, CSV_PAGE = 5, 50, 500
Line = Annotated[int | None, QueryParameter(name="line", required=False)]
After = Annotated[str, QueryParameter(name="after", required=False, max_length=200)]
Made = Annotated[str, QueryParameter(name="made", required=False, max_length=10)]


@get(BASE, include_in_schema=False)
async def invoice_page(
    request: AnyRequest,
    principal: Who,
    db: Db,
    slug: FromPath[str],
    invoice_id: FromPath[UUID],
    *,
    line: Line = None,
    made: Made = "",
) -> Response[str]:
    tenant, context = await find_tenant(db, principal, slug, Permission.INVOICE_READ)
    return await _invoice(request, principal, db, (tenant, context), invoice_id, line=line, made=made)


@get(f"{BASE}/lines/{{position:int}}", include_in_schema=False)
async def line_page(
    request: AnyRequest,
    principal: Who,
    db: Db,
    slug: FromPath[str],
    invoice_id: FromPath[UUID],
    *,
    position: FromPath[int],
    after: After = "",
) -> Response[str]:
    """The contacts behind a line, page by page in the order of their ends."""
    tenant, context = await find_tenant(db, principal, slug, Permission.INVOICE_READ)
    place = contact_position(after) if after else None
    async with db.transaction(context) as tx:
        invoice = await service.get(tx, tenant.id, invoice_id)
        found = await line_contacts(tx, tenant.id, invoice_id, position, after=place, limit=PAGE_SIZE)
    return finance_page(
        request,
        "line.html",
        principal,
        client=tenant,
        invoice=invoice,
        line=_line(invoice, position),
        contacts=found,
        billed=sum(contact.billed for contact in found),
        more=contact_cursor(found[-1]) if len(found) == PAGE_SIZE else None,
        after=after,
    )


@get(f"{BASE}/lines/{{position:int}}/contacts.csv", include_in_schema=False)
async def line_csv(
    principal: Who, db: Db, slug: FromPath[str], invoice_id: FromPath[UUID], position: FromPath[int]
) -> Stream:
    """Every contact behind the line, read page by page while it is sent."""
    tenant, context = await find_tenant(db, principal, slug, Permission.INVOICE_READ)
    async with db.transaction(context) as tx:
        invoice = await service.get(tx, tenant.id, invoice_id)
        first = await line_contacts(tx, tenant.id, invoice_id, position, limit=CSV_PAGE)
    name = f"{slug}-{invoice.period}-line-{position}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    rows = _csv(db, context, invoice, position, first)
    return Stream(rows, media_type="text/csv; charset=utf-8", headers=headers)


@post(f"{BASE}/{{step:str}}", include_in_schema=False)
async def take_step(
    request: AnyRequest,
    principal: Who,
    db: Db,
    clock: Now,
    settings: Config,
    *,
    slug: FromPath[str],
    invoice_id: FromPath[UUID],
    step: FromPath[str],
) -> Response[Any]:
    """review, reopen, issue (with the typed name of what is issued)."""
    found = await find_tenant(db, principal, slug, Permission.INVOICE_WRITE)
    tenant, context = found
    typed = str((await request.form()).get("confirm", "")).strip()
    try:
        async with db.transaction(context) as tx:
            if step == "issue":
                await _issue(tx, tenant, invoice_id, typed, desk(settings, clock))
            elif step == "review":
                await service.review(tx, tenant.id, invoice_id, now=clock.now())
            elif step == "reopen":
                await service.reopen(tx, tenant.id, invoice_id, now=clock.now())
            else:
                raise NotFound
    except Conflict as problem:
        return await _invoice(request, principal, db, found, invoice_id, problem=problem)
    return Redirect(f"/finance/{slug}/invoices/{invoice_id}?made={step}", status_code=303)


@get(f"{BASE}/statement", include_in_schema=False)
async def statement(principal: Who, db: Db, settings: Config, slug: FromPath[str], invoice_id: FromPath[UUID]) -> File:
    tenant, context = await find_tenant(db, principal, slug, Permission.STATEMENT_EXPORT)
    async with db.transaction(context) as tx:
        stated, path = await closing.statement_file(tx, tenant.id, invoice_id, closing.statements_folder(settings.home))
    return File(path=path, filename=stated.file_name, media_type="application/gzip", etag=None)


ROUTES = [line_csv, line_page, statement, invoice_page, take_step]


def confirm_words(tenant: Tenant, invoice: Invoice) -> str:
    """What has to be typed to issue: 'aster 1999-03'."""
    return f"{tenant.slug} {invoice.period}"


async def _issue(tx: Tx, tenant: Tenant, invoice_id: UUID, typed: str, issuing: closing.Desk) -> None:
    wanted = confirm_words(tenant, await service.get(tx, tenant.id, invoice_id))
    if typed != wanted:
        raise Conflict(_("Nothing was issued: type %(words)s to confirm.") % {"words": wanted}, code="confirm")
    await closing.issue(tx, tenant.id, invoice_id, issuing)


async def _invoice(
    request: AnyRequest,
    principal: Principal,
    db: Database,
    found: tuple[Tenant, Context],
    invoice_id: UUID,
    *,
    line: int | None = None,
    made: str = "",
    problem: CrewlineError | None = None,
) -> Response[str]:
    tenant, context = found
    async with db.transaction(context) as tx:
        invoice = await service.get(tx, tenant.id, invoice_id)
        contract = await contracts.get_version(tx, tenant.id, invoice.contract_id)
        peek = await _peek(tx, tenant.id, invoice, line)
    period = month_period(invoice.period, contract.document.get("time_zone", tenant.time_zone))
    last = local_date(period.ends_at, period.zone) - timedelta(days=1)
    return finance_page(
        request,
        "invoice.html",
        principal,
        status=problem.status if problem else 200,
        client=tenant,
        invoice=invoice,
        bill=invoice.bill,
        contract=contract,
        period=period,
        dates=f"{local_date(period.starts_at, period.zone)} – {last:%m-%d}",
        zone=formats.zone_label(period.zone, period.starts_at),
        opened=line,
        peek=peek,
        made=made,
        problem=problem,
        confirm=confirm_words(tenant, invoice),
        can=allowed_actions(invoice.state),
        Action=Action,
        issued=invoice.state not in (State.DRAFT, State.REVIEWED),
        credits=[one for one in invoice.bill.lines if one.kind == "credit"],
        here=f"/finance/{tenant.slug}/invoices/{invoice_id}",
    )


async def _peek(tx: Tx, tenant_id: UUID, invoice: Invoice, position: int | None) -> list[LineContact]:
    """The first contacts behind the opened line; none for a line without a meter."""
    if position is None or _line(invoice, position).meter is None:
        return []
    return await line_contacts(tx, tenant_id, invoice.id, position, limit=PEEK)


def _line(invoice: Invoice, position: int) -> InvoiceLine:
    line = next((one for one in invoice.bill.lines if one.position == position), None)
    if line is None:
        raise NotFound
    return line


async def _csv(
    db: Database, context: Context, invoice: Invoice, position: int, page: list[LineContact]
) -> AsyncIterator[bytes]:
    columns = ["ended_at", "contact_id", "version", "queue", "channel", "outcome", "disposition"]
    columns += ["talk_ms", "hold_ms", "wrap_ms", "billed", "unit"]
    yield (BOM + csv_line(columns)).encode()
    while page:
        yield "".join(csv_line([getattr(contact, name) for name in columns]) for contact in page).encode()
        last = page[-1]
        if len(page) < CSV_PAGE or last.ended_at is None:
            return
        async with db.transaction(context) as tx:
            place = (last.ended_at, last.contact_id)
            page = await line_contacts(tx, invoice.tenant_id, invoice.id, position, after=place, limit=CSV_PAGE)
