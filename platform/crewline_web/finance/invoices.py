"""One invoice in finance's hands: its lines, the contacts behind them, review, issue, statement."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import File, Redirect

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
from crewline_reporting.statements.rules import InvoiceLine
from crewline_tenants.contracts import service as contracts
from crewline_tenants.people.access import AnyRequest, Config, Db, Now, Permission, Principal, Who
from crewline_tenants.tenants.model import Tenant
from crewline_web import formats
from crewline_web.finance.common import finance_page, find_tenant

BASE = "/finance/{slug:str}/invoices/{invoice_id:uuid}"
PEEK, PAGE_SIZE = 5, 50
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
        export=f"{_api(tenant, invoice)}/lines/{position}/contacts?",
    )


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


ROUTES = [line_page, statement, invoice_page, take_step]


def confirm_words(tenant: Tenant, invoice: Invoice) -> str:
    """What has to be typed to issue: 'aster 1999-03'."""
    return f"{tenant.slug} {invoice.period}"


def _api(tenant: Tenant, invoice: Invoice) -> str:
    """Where the API gives out the same rows as files."""
    return f"/api/v1/tenants/{tenant.id}/invoices/{invoice.id}"


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
        api=_api(tenant, invoice),
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
