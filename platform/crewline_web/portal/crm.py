"""The tenant's CRM feed: where closed contacts are sent, whether each was acknowledged, and sending again."""

from typing import Annotated, get_args
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from crewline_infra.clock import Clock
from crewline_infra.db import Database
from crewline_infra.errors import CrewlineError, Invalid, NotFound
from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Context
from crewline_tenants.crm import service
from crewline_tenants.crm.http import delivery_cursor, delivery_position, vault
from crewline_tenants.crm.model import DeliveryState, EndpointState
from crewline_tenants.people.access import AnyRequest, Config, Db, Now, Permission, Principal, Who
from crewline_web.portal.scope import portal_context, read_scope
from crewline_web.render import page

BASE = "/portal/{slug:str}/crm"
PAGE_SIZE = 50
STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)
DELIVERY_STATES = {
    "pending": ("info", mark("On its way")),
    "delivered": ("ok", mark("Acknowledged")),
    "dead": ("miss", mark("Given up")),
}
ENDPOINT_STATES = {
    "active": ("ok", mark("Active")),
    "paused": ("info", mark("Paused")),
    "disabled": ("miss", mark("Switched off")),
}
REASONS = {
    "no_acknowledgement": mark("It acknowledged nothing for five days."),
    "gone": mark("It answered that it is gone (410)."),
}
TYPES = {
    "contact.closed": mark("Contact closed"),
    "contact.corrected": mark("Contact corrected"),
    "test": mark("Test event"),
}
MADE = {
    "test": mark("A test event is on its way."),
    "replay": mark("The delivery is sent again under the same id."),
    "change": mark("The address was changed."),
}
Text = Annotated[str, QueryParameter(required=False, max_length=200)]
Opened = Annotated[UUID | None, QueryParameter(required=False)]


@get(BASE, include_in_schema=False)
async def crm_page(
    request: AnyRequest,
    slug: FromPath[str],
    principal: Who,
    db: Db,
    clock: Now,
    *,
    only: Text = "",
    before: Text = "",
    delivery: Opened = None,
    made: Text = "",
) -> Response[str]:
    context = await portal_context(db, principal, slug, Permission.CRM_READ)
    note = _(MADE[made]) if made in MADE else ""
    return await _page(request, principal, db, context, clock, only=only, before=before, opened=delivery, note=note)


@post(f"{BASE}/endpoints", include_in_schema=False)
async def add_endpoint(
    request: AnyRequest, slug: FromPath[str], principal: Who, db: Db, clock: Now, *, settings: Config
) -> Response[str]:
    """The secret is shown on the page that answers, and never again."""
    context = await portal_context(db, principal, slug, Permission.CRM_WRITE)
    url = str((await request.form()).get("url", "")).strip()
    try:
        async with db.transaction(context) as tx:
            issued = await service.add_endpoint(tx, _tenant_id(context), vault(settings), url)
    except CrewlineError as problem:
        return await _page(request, principal, db, context, clock, problem=problem, typed=url)
    return await _page(request, principal, db, context, clock, secret=issued.secret)


@post(f"{BASE}/endpoints/{{endpoint_id:uuid}}/{{step:str}}", include_in_schema=False)
async def change_endpoint(
    request: AnyRequest,
    slug: FromPath[str],
    endpoint_id: FromPath[UUID],
    step: FromPath[str],
    principal: Who,
    *,
    db: Db,
    clock: Now,
    settings: Config,
) -> Response[str]:
    """address, pause, activate, test, secret."""
    context = await portal_context(db, principal, slug, Permission.CRM_WRITE)
    url = str((await request.form()).get("url", "")).strip()
    try:
        secret = await _take_step(db, context, clock, settings, endpoint_id, step=step, url=url)
    except Invalid as problem:
        return await _page(request, principal, db, context, clock, problem=problem, typed=url)
    if secret:
        return await _page(request, principal, db, context, clock, secret=secret)
    return Redirect(f"/portal/{slug}/crm?made={'test' if step == 'test' else 'change'}", status_code=303)


@post(f"{BASE}/deliveries/{{delivery_id:uuid}}/replay", include_in_schema=False)
async def replay(
    request: AnyRequest, slug: FromPath[str], delivery_id: FromPath[UUID], principal: Who, *, db: Db, clock: Now
) -> Response[str]:
    context = await portal_context(db, principal, slug, Permission.CRM_WRITE)
    try:
        async with db.transaction(context) as tx:
            await service.replay(tx, _tenant_id(context), delivery_id)
    except CrewlineError as problem:
        if isinstance(problem, NotFound):
            raise
        return await _page(request, principal, db, context, clock, opened=delivery_id, problem=problem)
    return Redirect(f"/portal/{slug}/crm?delivery={delivery_id}&made=replay", status_code=303)


ROUTES = [crm_page, add_endpoint, change_endpoint, replay]


async def _take_step(
    db: Database, context: Context, clock: Clock, settings: Settings, endpoint_id: UUID, *, step: str, url: str
) -> str:
    """The new secret, if the step made one."""
    tenant_id, states = _tenant_id(context), {"pause": "paused", "activate": "active"}
    async with db.transaction(context) as tx:
        endpoint = await service.get_endpoint(tx, tenant_id, endpoint_id)
        if step == "secret":
            return (await service.rotate_secret(tx, tenant_id, vault(settings), endpoint_id)).secret
        if step == "test":
            await service.send_test(tx, tenant_id, endpoint_id, clock.now())
        elif step == "address" or step in states:
            state: EndpointState = endpoint.state if step == "address" else "active" if step == "activate" else "paused"
            wanted = url if step == "address" else endpoint.url
            await service.change_endpoint(tx, tenant_id, vault(settings), endpoint_id, url=wanted, state=state)
        else:
            raise NotFound
    return ""


def _tenant_id(context: Context) -> UUID:
    if context.tenant_id is None:
        raise ValueError("a portal's context has a tenant")
    return context.tenant_id


def _known(text: str) -> DeliveryState | None:
    found = next((name for name in STATES if name == text), None)
    if text and found is None:
        raise Invalid(_("A delivery is pending, delivered or dead."), field="only")
    return found


async def _page(
    request: AnyRequest,
    principal: Principal,
    db: Database,
    context: Context,
    clock: Clock,
    *,
    only: str = "",
    before: str = "",
    opened: UUID | None = None,
    note: str = "",
    secret: str = "",
    typed: str = "",
    problem: CrewlineError | None = None,
) -> Response[str]:
    place = delivery_position(before) if before else None
    async with db.transaction(context) as tx:
        scope = await read_scope(tx, clock)
        tenant_id = scope.tenant.id
        endpoints = await service.list_endpoints(tx, tenant_id)
        counts = await service.count_deliveries(tx, tenant_id)
        found = await service.list_deliveries(tx, tenant_id, state=_known(only), before=place, limit=PAGE_SIZE)
        one = await service.get_delivery(tx, tenant_id, opened) if opened else None
        attempts = await service.list_attempts(tx, tenant_id, opened) if opened else []
    return page(
        request,
        "portal/crm.html",
        principal=principal,
        tenant=scope.tenant,
        active="crm",
        status=problem.status if problem else 200,
        now=clock.now(),
        endpoints=endpoints,
        counts={name: counts.get(name, 0) for name in STATES},
        only=only,
        deliveries=found.deliveries,
        more=delivery_cursor(found.next_before) if found.next_before else "",
        opened=one,
        attempts=attempts,
        note=note,
        secret=secret,
        typed=typed,
        problem=problem,
        delivery_states={name: (kind, _(text)) for name, (kind, text) in DELIVERY_STATES.items()},
        endpoint_states={name: (kind, _(text)) for name, (kind, text) in ENDPOINT_STATES.items()},
        reasons={name: _(text) for name, text in REASONS.items()},
        types={name: _(text) for name, text in TYPES.items()},
        may_write=principal.may(Permission.CRM_WRITE, tenant_id),
    )
