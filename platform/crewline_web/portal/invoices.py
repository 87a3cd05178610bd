"""The tenant's invoices: what was issued, how each line came about, and the contacts behind it."""

from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from crewline_billing.invoices import service
from crewline_billing.invoices.cursor import contact_cursor, contact_position
from crewline_billing.invoices.drilldown import line_contacts
from crewline_infra.errors import NotFound
from crewline_tenants.people.access import AnyRequest, Db, Now, Permission, Who
from crewline_web import bill_words
from crewline_web.portal.scope import portal_context, read_scope
from crewline_web.portal.words import OUTCOME_NAMES
from crewline_web.render import page

PAGE_SIZE = 50


@get("/portal/{slug:str}/invoices", include_in_schema=False)
async def invoices_page(request: AnyRequest, slug: FromPath[str], principal: Who, db: Db, clock: Now) -> Response[str]:
    context = await portal_context(db, principal, slug, Permission.INVOICE_READ)
    async with db.transaction(context) as tx:
        scope = await read_scope(tx, clock)
        found = await service.list_invoices(tx, scope.tenant.id, limit=PAGE_SIZE)
    return page(
        request,
        "portal/invoices.html",
        principal=principal,
        tenant=scope.tenant,
        active="invoices",
        now=clock.now(),
        invoices=found,
        words=bill_words,
    )


@get("/portal/{slug:str}/invoices/{invoice_id:uuid}", include_in_schema=False)
async def invoice_page(
    request: AnyRequest,
    slug: FromPath[str],
    invoice_id: FromPath[UUID],
    principal: Who,
    *,
    db: Db,
    clock: Now,
) -> Response[str]:
    context = await portal_context(db, principal, slug, Permission.INVOICE_READ)
    async with db.transaction(context) as tx:
        scope = await read_scope(tx, clock)
        invoice = await service.get(tx, scope.tenant.id, invoice_id)
    here = f"/portal/{slug}/invoices/{invoice.id}"
    return page(
        request,
        "portal/invoice.html",
        principal=principal,
        tenant=scope.tenant,
        active="invoices",
        now=clock.now(),
        invoice=invoice,
        words=bill_words,
        base=here,
        export=f"/api/v1/tenants/{scope.tenant.id}/invoices/{invoice.id}?",
        statement=f"/api/v1/tenants/{scope.tenant.id}/invoices/{invoice.id}/statement",
    )


@get("/portal/{slug:str}/invoices/{invoice_id:uuid}/lines/{position:int}", include_in_schema=False)
async def line_page(
    request: AnyRequest,
    slug: FromPath[str],
    invoice_id: FromPath[UUID],
    position: FromPath[int],
    principal: Who,
    *,
    db: Db,
    clock: Now,
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """Page by page, by the end of the contacts; the line's quantity is the sum over all pages."""
    context = await portal_context(db, principal, slug, Permission.INVOICE_READ)
    place = contact_position(after) if after else None
    async with db.transaction(context) as tx:
        scope = await read_scope(tx, clock)
        invoice = await service.get(tx, scope.tenant.id, invoice_id)
        line = next((one for one in invoice.bill.lines if one.position == position), None)
        if line is None:
            raise NotFound
        found = await line_contacts(tx, scope.tenant.id, invoice_id, position, after=place, limit=PAGE_SIZE)
    return page(
        request,
        "portal/line.html",
        principal=principal,
        tenant=scope.tenant,
        active="invoices",
        now=clock.now(),
        invoice=invoice,
        line=line,
        export=f"/api/v1/tenants/{scope.tenant.id}/invoices/{invoice.id}/lines/{position}/contacts?",
        contacts=found,
        more=contact_cursor(found[-1]) if len(found) == PAGE_SIZE else None,
        words=bill_words,
        outcomes=OUTCOME_NAMES,
    )


ROUTES = [invoices_page, invoice_page, line_page]
