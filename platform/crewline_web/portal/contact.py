"""One contact: its time to the millisecond, its record's versions, what it used, why it went where it went."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from crewline_billing.invoices.drilldown import lines_of_contact
from crewline_billing.invoices.model import Invoice, LineContact
from crewline_billing.metering import service as metering
from crewline_billing.metering.service import ContactRow
from crewline_floor.routing import service as routing
from crewline_floor.routing.service import Told
from crewline_infra.db import Tx
from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark
from crewline_infra.periods import local_date
from crewline_infra.tenancy import Role
from crewline_reporting.records import service
from crewline_reporting.records.rules import Record, fingerprint
from crewline_reporting.statements.rules import InvoiceLine
from crewline_tenants.crm import service as crm
from crewline_tenants.crm.model import Delivery
from crewline_tenants.people.access import AnyRequest, Db, Now, Permission, Principal, Who
from crewline_web import bill_words
from crewline_web.portal.crm import DELIVERY_STATES
from crewline_web.portal.drill import OFFERED
from crewline_web.portal.promise import read_promise
from crewline_web.portal.scope import portal_context, read_scope
from crewline_web.portal.script_path import ScriptPath, read_script
from crewline_web.portal.timeline import Drawing, draw, phases
from crewline_web.portal.words import CHANNEL_NAMES, DIRECTION_NAMES, OUTCOME_NAMES, outcome_state
from crewline_web.render import page

METER_NAMES = {
    "contact.handled": mark("Contacts handled"),
    "contact.offered": mark("Contacts offered"),
    "time.talk": mark("Talk time"),
    "time.hold": mark("Hold time"),
    "time.wrap": mark("Wrap-up time"),
}


@dataclass(frozen=True, slots=True)
class ContactView:
    """What the person may see of a contact; lists stay empty where they may not look."""

    versions: Sequence[Record]
    usage: list[ContactRow] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    deliveries: Sequence[Delivery] = ()
    billed: list[tuple[Invoice, InvoiceLine, LineContact]] = field(default_factory=list)
    script: ScriptPath | None = None


@get("/portal/{slug:str}/contacts/{contact_id:uuid}", include_in_schema=False)
async def contact_page(
    request: AnyRequest,
    slug: FromPath[str],
    contact_id: FromPath[UUID],
    principal: Who,
    *,
    db: Db,
    clock: Now,
) -> Response[str]:
    context = await portal_context(db, principal, slug, Permission.RECORD_READ)
    async with db.transaction(context) as tx:
        scope = await read_scope(tx, clock)
        view = await _read(tx, principal, scope.tenant.id, contact_id)
        record = view.versions[0]
        day = local_date(record.queued_at or record.arrived_at, scope.tenant.time_zone)
        promise = await read_promise(tx, scope.tenant.id, day, scope.queues)
    threshold_ms = promise.thresholds.threshold_ms
    drawing: Drawing = draw(record, threshold_ms)
    return page(
        request,
        "portal/contact.html",
        principal=principal,
        tenant=scope.tenant,
        active="contacts",
        scope=scope,
        now=clock.now(),
        view=view,
        record=record,
        hash=fingerprint(record),
        drawing=drawing,
        phases=phases(record),
        state=outcome_state(record, threshold_ms),
        threshold_ms=threshold_ms,
        counted_at=record.queued_at or record.arrived_at,
        counts=_counts(record, threshold_ms),
        changes=_changes(view.versions),
        words=bill_words,
        routed_title=_("Why this agent") if record.outcome == "answered" else _("How it was routed"),
        meter_names={name: _(text) for name, text in METER_NAMES.items()},
        delivery_states={name: (kind, _(text)) for name, (kind, text) in DELIVERY_STATES.items()},
        channel=_(CHANNEL_NAMES[record.channel]),
        direction=_(DIRECTION_NAMES[record.direction]),
    )


ROUTES = [contact_page]


async def _read(tx: Tx, principal: Principal, tenant_id: UUID, contact_id: UUID) -> ContactView:
    versions = await service.contact_versions(tx, tenant_id, contact_id)
    usage, billed = [], []
    if principal.may(Permission.INVOICE_READ, tenant_id):
        usage = await metering.contact_rows(tx, tenant_id, contact_id)
        billed = await _billed(tx, tenant_id, contact_id, usage)
    if tx.context.role is Role.FINANCE:  # the database gives it neither decisions nor deliveries
        return ContactView(versions, usage, billed=billed)
    told = await routing.explained_to_tenant(tx, tenant_id, contact_id)
    found: Sequence[Delivery] = ()
    if principal.may(Permission.CRM_READ, tenant_id):
        found = (await crm.list_deliveries(tx, tenant_id, contact_id=contact_id)).deliveries
    script: ScriptPath | None = None
    if principal.may(Permission.CUSTOMER_READ, tenant_id):  # answers name people
        script = await read_script(tx, tenant_id, versions[0])
    return ContactView(versions, usage, told, found, billed, script)


async def _billed(
    tx: Tx, tenant_id: UUID, contact_id: UUID, usage: Sequence[ContactRow]
) -> list[tuple[Invoice, InvoiceLine, LineContact]]:
    """The invoice lines that hold the contact, and what it adds to each."""
    held = {(row.invoice_id, row.version) for row in usage if row.invoice_id and row.sign > 0}
    found = []
    for invoice_id, version in sorted(held, key=str):
        if invoice_id is not None:
            found += await lines_of_contact(tx, tenant_id, invoice_id, contact_id, version)
    return found


def _counts(record: Record, threshold_ms: int) -> str:
    """How the contact enters the service level."""
    if record.outcome not in OFFERED.split(","):
        return _("not offered: it never counted in a queue")
    if record.outcome == "answered":
        return _("offered, answered in time") if record.wait_ms <= threshold_ms else _("offered, answered late")
    return _("offered, %(outcome)s") % {"outcome": _(OUTCOME_NAMES[record.outcome])}


def _changes(versions: Sequence[Record]) -> list[tuple[int, datetime, list[tuple[str, str, str]]]]:
    """Version, when it was recorded, and what it says otherwise than the one before it."""
    found = []
    for newer, older in zip(versions, [*versions[1:], None], strict=True):
        changed = []
        if older is not None:
            for name in type(newer).__struct_fields__:
                before, after = getattr(older, name), getattr(newer, name)
                if before != after and name not in {"version", "recorded_at"}:
                    changed.append((name, str(before), str(after)))
        found.append((newer.version, newer.recorded_at, changed))
    return found
