"""Invoices over the API. Finance runs and issues; the tenant's manager reads what was issued, and takes the proof."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import File

from crewline_billing.invoices import closing, service
from crewline_billing.invoices.closing import Desk
from crewline_billing.invoices.cursor import contact_cursor, contact_position
from crewline_billing.invoices.drilldown import line_contacts
from crewline_billing.invoices.model import Invoice, InvoiceSummary, LineContact
from crewline_billing.invoices.rules import document, fingerprint
from crewline_billing.invoices.rules_state import allowed_actions
from crewline_infra.clock import Clock
from crewline_infra.settings import Settings
from crewline_reporting.statements.keys import statement_keys
from crewline_tenants.contracts.rules import parse
from crewline_tenants.people.access import Body, Config, Db, Now, Permission, Who, tenant_access

INVOICES = "/api/v1/tenants/{tenant_id:uuid}/invoices"
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
async def read_invoice(tenant_id: FromPath[UUID], invoice_id: FromPath[UUID], principal: Who, db: Db) -> InvoiceOut:
    async with db.transaction(tenant_access(principal, tenant_id, Permission.INVOICE_READ)) as tx:
        return _out(await service.get(tx, tenant_id, invoice_id))


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
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 100,
) -> LineContactsOut:
    context = tenant_access(principal, tenant_id, Permission.INVOICE_READ)
    place = contact_position(after) if after else None
    async with db.transaction(context) as tx:
        found = await line_contacts(tx, tenant_id, invoice_id, position, after=place, limit=limit)
    more = len(found) == limit
    return LineContactsOut(
        contacts=[_contact(contact) for contact in found], next=contact_cursor(found[-1]) if more else None
    )


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
