"""The live floor for supervisors: queues by risk, pools, agents; the wallboard."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Stream

from crewline_floor.agents import service as agents
from crewline_floor.agents.rules import PAUSE_REASONS
from crewline_floor.board import service
from crewline_infra.db import Database
from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_infra.tenancy import Context, Role
from crewline_reporting.exports.table import Table
from crewline_reporting.metrics.service_level import SERVICE_LEVELS
from crewline_tenants.people.access import AnyRequest, Db, Now, Permission, Principal, Who, operator_access
from crewline_web.floor.figures import figures
from crewline_web.floor.view import STALE_MS, Floor, TenantName, Wanted, floor_view
from crewline_web.office.download import FileFormat, table_file
from crewline_web.office.figures import every_tenant
from crewline_web.prefs import safe_next
from crewline_web.render import fragment, page

LEVEL = SERVICE_LEVELS["V3"]

Pool = Annotated[UUID | None, QueryParameter(name="pool", required=False)]
TenantId = Annotated[UUID | None, QueryParameter(name="tenant", required=False)]
Agents = Annotated[str, QueryParameter(name="agents", required=False)]


@get("/floor", include_in_schema=False)
async def floor_page(
    request: AnyRequest,
    principal: Who,
    db: Db,
    clock: Now,
    *,
    pool: Pool = None,
    tenant: TenantId = None,
    agents_shown: Agents = "",
) -> Response[str]:
    now, wanted = clock.now(), Wanted(pool, tenant, agents_shown == "all")
    floor = await _floor(db, principal, wanted, now)
    query = request.url.query
    return page(
        request,
        "floor/floor.html",
        principal=principal,
        active="floor",
        wall="wall" in request.query_params,
        part_url="/floor/part" + (f"?{query}" if query else ""),
        export_url=f"/floor/queues/export?{query}",
        chips=await _chips(db, principal, wanted),
        **_values(floor, wanted, principal),
    )


@get("/floor/part", include_in_schema=False)
async def floor_part(
    request: AnyRequest,
    principal: Who,
    db: Db,
    clock: Now,
    *,
    pool: Pool = None,
    tenant: TenantId = None,
    agents_shown: Agents = "",
) -> Response[str]:
    """The parts of the page that change, with the versions by which the browser knows which ones did."""
    wanted = Wanted(pool, tenant, agents_shown == "all")
    floor = await _floor(db, principal, wanted, clock.now())
    values = _values(floor, wanted, principal)
    return fragment(request, "floor/parts.html", principal=principal, **values)


@get("/floor/queues/export", include_in_schema=False)
async def queues_export(
    principal: Who,
    db: Db,
    clock: Now,
    *,
    pool: Pool = None,
    tenant: TenantId = None,
    file_format: FileFormat = "csv",
) -> Stream:
    now = clock.now()
    floor = await _floor(db, principal, Wanted(pool, tenant), now)
    columns = [_("Tenant"), _("Queue"), _("State"), _("In time"), _("Target"), _("Waiting"), _("Longest wait, s")]
    columns += [_("In conversation"), _("Offered today"), _("Abandoned today")]
    rows = [
        [
            row.tenant.name,
            row.name,
            row.state[1],
            None if row.level is None else f"{row.level * 100:.2f}",
            f"{row.target * 100:g}",
            row.waiting,
            None if row.longest_ms is None else row.longest_ms // 1000,
            row.talking,
            row.offered,
            row.abandoned,
        ]
        for row in floor.queues
    ]
    return await table_file(Table([(_("Made at"), f"{now:%Y-%m-%dT%H:%M:%SZ}")], columns, rows), "queues", file_format)


@post("/floor/agents/{agent_id:uuid}/presence", include_in_schema=False)
async def set_presence(
    request: AnyRequest, principal: Who, db: Db, clock: Now, agent_id: FromPath[UUID]
) -> Response[Any]:
    """What an agent has in hand stays in hand; the state counts from its end."""
    operator_access(principal, Permission.FLOOR_STEER)
    form = await request.form()
    state, reason = str(form.get("state", "")), str(form.get("reason", "")) or None
    if state == "paused" and reason not in PAUSE_REASONS:
        raise Invalid(_("Choose a reason for the pause."), field="reason")
    context = Context(Role.DISPATCH, actor_id=principal.user_id, request_id=principal.request_id)
    async with db.transaction(context) as tx:
        await agents.alias(tx, agent_id)
        await agents.set_presence(tx, agent_id, state, reason, clock.now())
        await agents.hint(tx, agent_id)
    return Redirect(safe_next(str(form.get("next", "")), "/floor"), status_code=303)


ROUTES = [floor_page, floor_part, queues_export, set_presence]


async def _floor(db: Database, principal: Principal, wanted: Wanted, now: datetime) -> Floor:
    async with db.transaction(operator_access(principal, Permission.FLOOR_WATCH)) as tx:
        board = await service.read(tx)
    names = {tenant.id: TenantName(tenant.shown_name, tenant.colour) for tenant in await every_tenant(db, principal)}
    return floor_view(board, names, wanted, now)


async def _chips(
    db: Database, principal: Principal, wanted: Wanted
) -> list[tuple[str, str, list[tuple[str, str, bool]]]]:
    """Filter chips: name, chosen value, and (href, label, chosen) of each choice."""
    async with db.transaction(operator_access(principal, Permission.FLOOR_WATCH)) as tx:
        board = await service.read(tx)
    pools = [(pool.id, pool.name) for pool in board.pools]
    present = {line.id for pool in board.pools for line in pool.tenants}
    tenants = [(t.id, t.shown_name) for t in await every_tenant(db, principal) if t.id in present]
    return [
        _chip(_("Pool"), "pool", wanted.pool, pools, f"tenant={wanted.tenant}" if wanted.tenant else ""),
        _chip(_("Tenant"), "tenant", wanted.tenant, tenants, f"pool={wanted.pool}" if wanted.pool else ""),
    ]


def _chip(
    name: str, key: str, chosen: UUID | None, choices: list[tuple[UUID, str]], other: str
) -> tuple[str, str, list[tuple[str, str, bool]]]:
    options = [(f"/floor?{other}", _("all"), chosen is None)]
    options += [
        (f"/floor?{key}={value}" + (f"&{other}" if other else ""), label, value == chosen) for value, label in choices
    ]
    return name, next((label for value, label in choices if value == chosen), _("all")), options


def _chosen(wanted: Wanted) -> dict[str, str]:
    found = {"pool": wanted.pool, "tenant": wanted.tenant}
    return {name: str(value) for name, value in found.items() if value}


def _values(floor: Floor, wanted: Wanted, principal: Principal) -> dict[str, Any]:
    return {
        "floor": floor,
        "figures": figures(floor, LEVEL),
        "stale_ms": STALE_MS,
        "steer": principal.may(Permission.FLOOR_STEER),
        "reasons": [(code, _(label)) for code, label in PAUSE_REASONS.items()],
        "more_agents": "/floor?" + urlencode({**_chosen(wanted), "agents": "all"}),
    }
