"""Contacts over the API: the list that every figure opens into, and one contact with its versions."""

import base64
import binascii
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response, Stream

from crewline_infra.canonical import instant_text
from crewline_infra.db import Database
from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_infra.tenancy import Context
from crewline_reporting.exports.http import Pages, known_format, paged_download
from crewline_reporting.exports.table import Kind, Table
from crewline_reporting.records import service
from crewline_reporting.records.model import ContactFilter, Position
from crewline_reporting.records.rules import OUTCOMES, Record
from crewline_reporting.reports import rules as reports
from crewline_reporting.reports import service as queues
from crewline_reporting.reports.http import known_channel
from crewline_tenants.people.access import Db, Now, Permission, Who, tenant_access
from crewline_tenants.tenants.model import Tenant
from crewline_tenants.tenants.service import get_tenant


class ContactOut(msgspec.Struct, kw_only=True, frozen=True):
    """One version of a contact's record. Instants in UTC, durations in ms, the customer masked."""

    contact_id: UUID
    version: int
    source: str
    external_id: str
    channel: str
    direction: str
    entry_point: str | None
    queue_id: UUID | None
    customer_ref: str | None
    agent_alias: str | None
    priority: int
    outcome: str
    disposition: str | None
    script_version_id: UUID | None
    arrived_at: datetime
    queued_at: datetime | None
    offered_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime
    wrapped_at: datetime | None
    menu_ms: int
    wait_ms: int
    ring_ms: int
    talk_ms: int
    hold_ms: int
    wrap_ms: int
    in_hours: bool
    exclusion: str | None
    flags: list[str]
    recorded_at: datetime


class ContactPageOut(msgspec.Struct, kw_only=True, frozen=True):
    """`after` of the next page; null on the last one."""

    contacts: list[ContactOut]
    next_after: str | None


COLUMNS = ContactOut.__struct_fields__
_KINDS: dict[str, Kind] = {name: "ms" for name in COLUMNS if name.endswith("_ms")}


@get("/api/v1/tenants/{tenant_id:uuid}/contacts", summary="List contacts by queue entry")
async def list_contacts(
    tenant_id: FromPath[UUID],
    principal: Who,
    db: Db,
    clock: Now,
    *,
    first: Annotated[str, QueryParameter(name="from", description="First local date, or an instant")],
    last: Annotated[str, QueryParameter(name="to", description="Last local date (included), or an instant (excluded)")],
    queue: Annotated[str | None, QueryParameter(description="Short name or id of a queue")] = None,
    outcome: Annotated[str | None, QueryParameter(description="One or more outcomes, comma-separated")] = None,
    channel: FromQuery[str | None] = None,
    agent_alias: FromQuery[str | None] = None,
    within: Annotated[str | None, QueryParameter(description="Waited this many seconds or less")] = None,
    over: Annotated[str | None, QueryParameter(description="Waited more than this many seconds")] = None,
    under: Annotated[str | None, QueryParameter(description="Waited less than this many seconds")] = None,
    not_within: Annotated[str | None, QueryParameter(description="Not answered within this many seconds")] = None,
    in_hours: Annotated[bool | None, QueryParameter(description="In opening hours, or outside them")] = None,
    after: Annotated[str | None, QueryParameter(description="`next_after` of the page before")] = None,
    limit: FromQuery[int] = 50,
    file_format: Annotated[str, QueryParameter(name="format", description="json, csv or xlsx")] = "json",
) -> Response[ContactPageOut] | Stream:
    """Current versions, ordered by queue entry (arrival where no queue was entered)."""
    form = known_format(file_format)
    permission = Permission.RECORD_READ if form == "json" else Permission.RECORD_EXPORT
    context = tenant_access(principal, tenant_id, permission)
    async with db.transaction(context) as tx:
        tenant = await get_tenant(tx, tenant_id)
        wanted = ContactFilter(
            from_at=reports.moment(first, tenant.time_zone, end=False),
            to_at=reports.moment(last, tenant.time_zone, end=True),
            queue_id=await queues.find_queue(tx, tenant_id, queue) if queue else None,
            outcomes=known_outcomes(outcome),
            channel=known_channel(channel),
            agent_alias=agent_alias,
            wait_at_most_ms=_ms(within, "within"),
            wait_over_ms=_ms(over, "over"),
            wait_under_ms=_ms(under, "under"),
            in_hours=in_hours,
            not_within_ms=_ms(not_within, "not_within"),
        )
        page = await service.list_contacts(tx, tenant_id, wanted, after=read_cursor(after), limit=limit)
    if form != "json":
        table = Table(_header(tenant, wanted, clock.now()), COLUMNS, (), _KINDS)
        pages = _pages(db, context, tenant_id, wanted)
        return await paged_download(table, pages, f"contacts-{tenant.slug}", form, zone=tenant.time_zone)
    next_after = cursor(page.next_after) if page.next_after else None
    return Response(ContactPageOut(contacts=[_out(r) for r in page.contacts], next_after=next_after))


@get("/api/v1/tenants/{tenant_id:uuid}/contacts/{contact_id:uuid}", summary="Read a contact with all its versions")
async def read_contact(
    tenant_id: FromPath[UUID], contact_id: FromPath[UUID], principal: Who, db: Db
) -> list[ContactOut]:
    """The current version comes first; a correction is a new version, and none is ever changed."""
    context = tenant_access(principal, tenant_id, Permission.RECORD_READ)
    async with db.transaction(context) as tx:
        return [_out(record) for record in await service.contact_versions(tx, tenant_id, contact_id)]


ROUTES = [list_contacts, read_contact]


def _header(tenant: Tenant, wanted: ContactFilter, at: datetime) -> list[tuple[str, str]]:
    """Every limit of the list, so that the file can be made again."""
    limits = {
        _("Queue"): wanted.queue_id,
        _("Result"): ", ".join(wanted.outcomes),
        _("Channel"): wanted.channel,
        _("Agent"): wanted.agent_alias,
        _("Waited at most (s)"): _seconds(wanted.wait_at_most_ms),
        _("Waited more than (s)"): _seconds(wanted.wait_over_ms),
        _("Waited less than (s)"): _seconds(wanted.wait_under_ms),
        _("Not answered within (s)"): _seconds(wanted.not_within_ms),
        _("In opening hours"): None if wanted.in_hours is None else _("yes") if wanted.in_hours else _("no"),
    }
    return [
        (_("Tenant"), tenant.shown_name),
        (_("Period"), f"{instant_text(wanted.from_at)} <= t < {instant_text(wanted.to_at)}"),
        (_("Time zone"), tenant.time_zone),
        *((name, str(value)) for name, value in limits.items() if value),
        (_("Generated at"), instant_text(at)),
    ]


def _pages(db: Database, context: Context, tenant_id: UUID, wanted: ContactFilter) -> Pages:
    """Page by page, each in its own short transaction."""

    async def read() -> AsyncIterator[Sequence[Sequence[object]]]:
        after: Position | None = None
        while True:
            async with db.transaction(context) as tx:
                page = await service.list_contacts(tx, tenant_id, wanted, after=after, limit=service.PAGE_MAX)
            yield [_cells(record) for record in page.contacts]
            after = page.next_after
            if after is None:
                return

    return read


def _seconds(ms: int | None) -> str | None:
    return None if ms is None else reports.seconds_text(ms)


def _cells(record: Record) -> list[object]:
    cells = [getattr(record, name) for name in COLUMNS]
    return ["" if cell is None else " ".join(cell) if isinstance(cell, list) else cell for cell in cells]


def _out(record: Record) -> ContactOut:
    return msgspec.convert(record, ContactOut, from_attributes=True)


def known_outcomes(text: str | None) -> tuple[str, ...]:
    names = tuple(text.split(",")) if text else ()
    for name in names:
        if name not in OUTCOMES:
            raise Invalid(_("The outcome is one of %s.") % ", ".join(sorted(OUTCOMES)), field="outcome")
    return names


def _ms(text: str | None, field: str) -> int | None:
    return None if text is None else reports.milliseconds(text, field)


def cursor(position: Position) -> str:
    return base64.urlsafe_b64encode(f"{position.at.isoformat()}|{position.contact_id}".encode()).decode()


def read_cursor(text: str | None) -> Position | None:
    """Raises `Invalid` for anything that is not a cursor of ours."""
    if text is None:
        return None
    try:
        at, _bar, contact_id = base64.urlsafe_b64decode(text).decode().partition("|")
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is None:
            raise ValueError(at)
        return Position(instant, UUID(contact_id))
    except (ValueError, binascii.Error) as problem:
        raise Invalid(_("This is no `next_after` of a page."), field="after") from problem
