"""Invoices over the API. Finance runs and issues; the tenant's manager reads what was issued, and takes the proof."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import File, Response, Stream

from crewline_billing.invoices import closing, service
from crewline_billing.invoices.closing import Desk
from crewline_billing.invoices.cursor import contact_cursor, contact_position
from crewline_billing.invoices.drilldown import PAGE_MAX, line_contacts, line_of
from crewline_billing.invoices.exports import contact_rows, contacts_table, lines_table
from crewline_billing.invoices.model import Invoice, InvoiceSummary, LineContact
from crewline_billing.invoices.rules import document, fingerprint
from crewline_billing.invoices.rules_state import allowed_actions
from crewline_infra.clock import Clock
from crewline_infra.db import Database
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Context
from crewline_reporting.exports.http import Pages, known_format, paged_download, table_download
from crewline_reporting.statements.keys import statement_keys
from crewline_tenants.contracts.rules import parse
from crewline_tenants.people.access import Body, Config, Db, Now, Permission, Who, tenant_access
from crewline_tenants.tenants.service import get_tenant

INVOICES = "/api/v1/tenants/{tenant_id:uuid}/invoices"
FileFormat = Annotated[str, QueryParameter(name="format", required=False, description="json, csv or xlsx")]
Month = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", examples=["1999-03"])]


class RunIn(Body, kw_only=True, frozen=True, forbid_unknown_fields=True):
    period: Month


class PreviewIn(Body, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`contract`: the text of a draft contract to price the month with, instead of the one in force."""

    period: Month
    contract: Annotated[str, msgspec.Meta(max_length=200_000)] | None = None


class BillOut(msgspec.Struct, kw_only=True, frozen=True):
    """`bill` has the usage, service levels, lines with their arithmetic, and totals; numbers are text."""

    hash: str
    bill: dict[str, Any]


class InvoiceSummaryOut(msgspec.Struct, kw_only=True, frozen=True):
    id: UUID
    period: str
    number: str | None
    state: str
    currency: str
    net: Decimal
    tax: Decimal
    total: Decimal
    contract_id: UUID
    hash: str
    created_at: datetime
    issued_at: datetime | None


class StatementOut(msgspec.Struct, kw_only=True, frozen=True):
    """Compare `chain_head` and `key_id` with what `crewline verify` prints."""

    file_name: str
    file_hash: str
    line_count: int
    chain_head: str
    key_id: str


class InvoiceOut(InvoiceSummaryOut, kw_only=True, frozen=True):
    """`actions` are the steps that its state allows."""

    bill: dict[str, Any]
    actions: list[str]
    statement: StatementOut | None


class LineContactOut(msgspec.Struct, kw_only=True, frozen=True):
    """`billed` is what the contact adds to the line: contacts, or milliseconds (see `unit`)."""

    contact_id: UUID
    version: int
    ended_at: datetime | None
    queue: str
    channel: str
    outcome: str
    disposition: str
    talk_ms: int
    hold_ms: int
    wrap_ms: int
    billed: int
    unit: str


class LineContactsOut(msgspec.Struct, kw_only=True, frozen=True):
    """Pass `next` as `after` for the page after this one."""

    contacts: list[LineContactOut]
    next: str | None


class StatementKeyOut(msgspec.Struct, kw_only=True, frozen=True):
    """The public half of the key that signs this operator's statements (Ed25519, hex)."""

    public_key: str
    key_id: str


@get(INVOICES, summary="List a tenant's invoices, the newest period first")
async def list_invoices(
    tenant_id: FromPath[UUID],
    principal: Who,
    db: Db,
    *,
    period: FromQuery[Month | None] = None,
    after: FromQuery[UUID | None] = None,
    limit: FromQuery[int] = 50,
) -> list[InvoiceSummaryOut]:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.INVOICE_READ)) as tx:
        found = await service.list_invoices(tx, tenant_id, period=period, after=after, limit=limit)
    return [InvoiceSummaryOut(**_summary(invoice)) for invoice in found]


@get(f"{INVOICES}/{{invoice_id:uuid}}", summary="Read an invoice with its lines and their arithmetic")
async def read_invoice(
    tenant_id: FromPath[UUID],
    invoice_id: FromPath[UUID],
    principal: Who,
    db: Db,
    clock: Now,
    *,
    file_format: FileFormat = "json",
) -> Response[InvoiceOut] | Stream:
    """As a file: the lines, then net, taxes and total."""
    wanted = known_format(file_format)
    async with db.transaction(tenant_access(principal, tenant_id, Permission.INVOICE_READ)) as tx:
        tenant = await get_tenant(tx, tenant_id)
        invoice = await service.get(tx, tenant_id, invoice_id)
    if wanted == "json":
        return Response(_out(invoice))
    table = lines_table(tenant, invoice, clock.now())
    return await table_download(table, _file_name(tenant.slug, invoice), wanted, tenant.time_zone)


@get(
    f"{INVOICES}/{{invoice_id:uuid}}/lines/{{position:int}}/contacts",
    summary="List the contacts behind a line; their parts add up to its quantity",
)
async def list_line_contacts(
    tenant_id: FromPath[UUID],
    invoice_id: FromPath[UUID],
    position: FromPath[int],
    principal: Who,
    *,
    db: Db,
    clock: Now,
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 100,
    file_format: FileFormat = "json",
) -> Response[LineContactsOut] | Stream:
    """As a file: all of them, whatever `after` and `limit` say."""
    wanted = known_format(file_format)
    context = tenant_access(principal, tenant_id, Permission.INVOICE_READ)
    place = contact_position(after) if after else None
    async with db.transaction(context) as tx:
        tenant = await get_tenant(tx, tenant_id)
        invoice = await service.get(tx, tenant_id, invoice_id)
        found = await line_contacts(tx, tenant_id, invoice_id, position, after=place, limit=limit)
    if wanted != "json":
        table = contacts_table(tenant, invoice, line_of(invoice, position), clock.now())
        name = f"{_file_name(tenant.slug, invoice)}-line-{position}"
        pages = _contact_pages(db, context, invoice, position)
        return await paged_download(table, pages, name, wanted, zone=tenant.time_zone)
    following = contact_cursor(found[-1]) if len(found) == limit else None
    return Response(LineContactsOut(contacts=[_contact(contact) for contact in found], next=following))


@post(f"{INVOICES}/preview", summary="Price a month as it stands; nothing is written", status_code=200)
async def preview_invoice(tenant_id: FromPath[UUID], data: JSONBody[PreviewIn], principal: Who, db: Db) -> BillOut:
    context = tenant_access(principal, tenant_id, Permission.INVOICE_WRITE)
    terms = parse(data.contract) if data.contract is not None else None
    async with db.transaction(context) as tx:
        bill = await service.preview(tx, tenant_id, data.period, terms)
    return BillOut(hash=fingerprint(bill), bill=document(bill))


@post(f"{INVOICES}/run", summary="Make the draft of a month, or make it anew", status_code=200)
async def run_invoice(
    tenant_id: FromPath[UUID], data: JSONBody[RunIn], principal: Who, db: Db, clock: Now
) -> InvoiceOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.INVOICE_WRITE)) as tx:
        return _out(await service.run(tx, tenant_id, data.period, now=clock.now()))


@post(f"{INVOICES}/{{invoice_id:uuid}}/review", summary="Say that a draft was looked at", status_code=200)
async def review_invoice(
    tenant_id: FromPath[UUID], invoice_id: FromPath[UUID], principal: Who, db: Db, clock: Now
) -> InvoiceOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.INVOICE_WRITE)) as tx:
        return _out(await service.review(tx, tenant_id, invoice_id, now=clock.now()))


@post(f"{INVOICES}/{{invoice_id:uuid}}/reopen", summary="Take a review back", status_code=200)
async def reopen_invoice(
    tenant_id: FromPath[UUID], invoice_id: FromPath[UUID], principal: Who, db: Db, clock: Now
) -> InvoiceOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.INVOICE_WRITE)) as tx:
        return _out(await service.reopen(tx, tenant_id, invoice_id, now=clock.now()))


@post(f"{INVOICES}/{{invoice_id:uuid}}/issue", summary="Issue an invoice: number, freeze, sign", status_code=200)
async def issue_invoice(
    tenant_id: FromPath[UUID], invoice_id: FromPath[UUID], principal: Who, *, db: Db, clock: Now, settings: Config
) -> InvoiceOut:
    context = tenant_access(principal, tenant_id, Permission.INVOICE_WRITE)
    async with db.transaction(context) as tx:
        return _out(await closing.issue(tx, tenant_id, invoice_id, desk(settings, clock)))


@get(f"{INVOICES}/{{invoice_id:uuid}}/statement", summary="Download the signed statement of an issued invoice")
async def download_statement(
    tenant_id: FromPath[UUID], invoice_id: FromPath[UUID], principal: Who, db: Db, settings: Config
) -> File:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.STATEMENT_EXPORT)) as tx:
        stated, path = await closing.statement_file(tx, tenant_id, invoice_id, closing.statements_folder(settings.home))
    return File(path=path, filename=stated.file_name, media_type="application/gzip", etag=None)


@get("/api/v1/statement-key", summary="Read the public key that statements are signed with")
async def read_statement_key(principal: Who, settings: Config) -> StatementKeyOut:
    keys = statement_keys(settings.secrets_folder)
    return StatementKeyOut(public_key=keys.public_hex, key_id=keys.public_id)


ROUTES = [
    list_invoices,
    read_invoice,
    list_line_contacts,
    preview_invoice,
    run_invoice,
    review_invoice,
    reopen_invoice,
    issue_invoice,
    download_statement,
    read_statement_key,
]


def desk(settings: Settings, clock: Clock) -> Desk:
    """What issuing needs, for this edge and for others."""
    return Desk(
        keys=statement_keys(settings.secrets_folder),
        folder=closing.statements_folder(settings.home),
        operator=settings.operator_name,
        now=clock.now(),
    )


def _file_name(slug: str, invoice: Invoice) -> str:
    return f"{slug}-{invoice.period}"


def _contact_pages(db: Database, context: Context, invoice: Invoice, position: int) -> Pages:
    """Page by page, each in its own short transaction."""

    async def read() -> AsyncIterator[Sequence[Sequence[object]]]:
        after: tuple[datetime, UUID] | None = None
        while True:
            async with db.transaction(context) as tx:
                found = await line_contacts(tx, invoice.tenant_id, invoice.id, position, after=after, limit=PAGE_MAX)
            yield contact_rows(found)
            last = found[-1] if len(found) == PAGE_MAX else None
            if last is None or last.ended_at is None:
                return
            after = (last.ended_at, last.contact_id)

    return read


def _out(invoice: Invoice) -> InvoiceOut:
    stated = invoice.statement
    return InvoiceOut(
        **_summary(invoice),
        bill=document(invoice.bill),
        actions=[action.value for action in allowed_actions(invoice.state)],
        statement=None
        if stated is None
        else StatementOut(
            file_name=stated.file_name,
            file_hash=stated.file_hash,
            line_count=stated.line_count,
            chain_head=stated.chain_head,
            key_id=stated.key_id,
        ),
    )


def _summary(invoice: InvoiceSummary) -> dict[str, Any]:
    names = InvoiceSummaryOut.__struct_fields__
    return {name: getattr(invoice, name) for name in names} | {"state": invoice.state.value}


def _contact(contact: LineContact) -> LineContactOut:
    return LineContactOut(**{name: getattr(contact, name) for name in LineContactOut.__struct_fields__})
