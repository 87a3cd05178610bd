"""The operator's office: tenants by risk, pools, agents, imports, CRM feeds, health of the installation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from crewline_infra.clock import Clock
from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_infra.periods import month_period
from crewline_reporting.exports.table import Table
from crewline_tenants.people.access import AnyRequest, Db, Now, Permission, Principal, Who, operator_access
from crewline_web.office import lists, tenants
from crewline_web.office.download import FileFormat, table_file
from crewline_web.office.figures import tenants_by_risk
from crewline_web.office.health import health_checks, overall
from crewline_web.render import page

PAGE_SIZE = 50
CSV_MAX = 10_000

Month = Annotated[str | None, QueryParameter(name="month", required=False)]
Wanted = Annotated[str, QueryParameter(name="q", required=False, max_length=60)]
Pool = Annotated[str, QueryParameter(name="pool", required=False, max_length=36)]
After = Annotated[str, QueryParameter(name="after", required=False, max_length=60)]


@get("/office", include_in_schema=False)
async def tenants_page(request: AnyRequest, principal: Who, db: Db, clock: Now, month: Month = None) -> Response[str]:
    operator_access(principal, Permission.TENANT_READ)
    now = clock.now()
    rows = await tenants_by_risk(db, principal, _month(month), now)
    values = tenants.view(rows, _month(month), now)
    return _page(request, principal, "tenants", _("Tenants"), **values)


@get("/office/tenants/export", include_in_schema=False)
async def tenants_export(
    principal: Who, db: Db, clock: Now, *, month: Month = None, file_format: FileFormat = "csv"
) -> Stream:
    operator_access(principal, Permission.TENANT_READ)
    now = clock.now()
    rows = await tenants_by_risk(db, principal, _month(month), now)
    return await table_file(tenants.table(rows, _month(month), now), "tenants", file_format)


@get("/office/pools", include_in_schema=False)
async def pools_page(request: AnyRequest, principal: Who, db: Db) -> Response[str]:
    async with db.transaction(operator_access(principal, Permission.FLOOR_WATCH)) as tx:
        pools = await lists.pools(tx)
    return _page(request, principal, "pools", _("Pools"), pools=pools)


@get("/office/pools/export", include_in_schema=False)
async def pools_export(principal: Who, db: Db, clock: Now, *, file_format: FileFormat = "csv") -> Stream:
    async with db.transaction(operator_access(principal, Permission.FLOOR_WATCH)) as tx:
        pools = await lists.pools(tx)
    rows = [[pool.name, s.tenant, s.weight, s.floor, s.cap] for pool in pools for s in pool.shares]
    columns = [_("Pool"), _("Tenant"), _("Share"), _("Guaranteed seats"), _("At most")]
    return await table_file(_table(clock, columns, rows), "pools", file_format)


@get("/office/agents", include_in_schema=False)
async def agents_page(
    request: AnyRequest,
    principal: Who,
    db: Db,
    clock: Now,
    *,
    wanted: Wanted = "",
    pool: Pool = "",
    after: After = "",
) -> Response[str]:
    async with db.transaction(operator_access(principal, Permission.PEOPLE_READ)) as tx:
        found = await lists.agents(tx, wanted.strip(), _id(pool), after=after, limit=PAGE_SIZE, now=clock.now())
    query = {name: value for name, value in (("q", wanted.strip()), ("pool", pool)) if value}
    following = "?" + urlencode({**query, "after": found.next}) if found.next else ""
    return _page(
        request,
        principal,
        "agents",
        _("Agents"),
        agents=found.rows,
        count=found.count,
        pools=found.pools,
        wanted=wanted.strip(),
        pool=pool,
        query=urlencode(query),
        next=following,
    )


@get("/office/agents/export", include_in_schema=False)
async def agents_export(
    principal: Who, db: Db, clock: Now, *, wanted: Wanted = "", pool: Pool = "", file_format: FileFormat = "csv"
) -> Stream:
    async with db.transaction(operator_access(principal, Permission.PEOPLE_READ)) as tx:
        found = await lists.agents(tx, wanted.strip(), _id(pool), limit=CSV_MAX, now=clock.now())
    rows = [[a.alias, a.state[1], ", ".join(a.pools), ", ".join(t.slug for t in a.tenants)] for a in found.rows]
    columns = [_("Agent"), _("State"), _("Pools"), _("Certified for")]
    return await table_file(_table(clock, columns, rows), "agents", file_format)


@get("/office/imports", include_in_schema=False)
async def imports_page(request: AnyRequest, principal: Who, db: Db) -> Response[str]:
    async with db.transaction(operator_access(principal, Permission.RECORD_EXPORT)) as tx:
        runs = await lists.import_runs(tx, PAGE_SIZE)
    return _page(request, principal, "imports", _("Imports"), runs=runs)


@get("/office/crm", include_in_schema=False)
async def crm_page(request: AnyRequest, principal: Who, db: Db, clock: Now) -> Response[str]:
    operator_access(principal, Permission.CRM_READ)
    feeds = await lists.feeds(db, principal, clock.now())
    return _page(request, principal, "crm", _("CRM feeds"), feeds=feeds)


@get("/office/crm/export", include_in_schema=False)
async def crm_export(principal: Who, db: Db, clock: Now, *, file_format: FileFormat = "csv") -> Stream:
    operator_access(principal, Permission.CRM_READ)
    feeds = await lists.feeds(db, principal, clock.now())
    rows = [[f.tenant, f.state[1], f.endpoint, f.pending, f.dead, f.delivered, f.delivered_at] for f in feeds]
    columns = [_("Tenant"), _("State"), _("Endpoint"), _("Waiting"), _("Given up"), _("Delivered"), _("Last delivery")]
    return await table_file(_table(clock, columns, rows), "crm", file_format)


@get("/office/health", include_in_schema=False)
async def health_page(request: AnyRequest, principal: Who, clock: Now) -> Response[str]:
    operator_access(principal, Permission.SYSTEM_READ)
    checks = await health_checks(request)
    at = f"{clock.now():%Y-%m-%d %H:%M:%S} UTC"
    return _page(request, principal, "health", _("Health"), checks=checks, overall=overall(checks), at=at)


ROUTES = [
    tenants_page,
    tenants_export,
    pools_page,
    pools_export,
    agents_page,
    agents_export,
    imports_page,
    crm_page,
    crm_export,
    health_page,
]


def _page(request: AnyRequest, principal: Principal, place: str, heading: str, **values: Any) -> Response[str]:
    places = [
        ("/office", _("Tenants"), "tenants", Permission.TENANT_READ),
        ("/office/pools", _("Pools"), "pools", Permission.FLOOR_WATCH),
        ("/office/agents", _("Agents"), "agents", Permission.PEOPLE_READ),
        ("/office/imports", _("Imports"), "imports", Permission.RECORD_EXPORT),
        ("/office/crm", _("CRM feeds"), "crm", Permission.CRM_READ),
        ("/office/health", _("Health"), "health", Permission.SYSTEM_READ),
    ]
    values.setdefault("subtitle", "")
    return page(
        request,
        f"office/{place}.html",
        principal=principal,
        active="office",
        place=place,
        heading=heading,
        office_places=[(href, label, key) for href, label, key, needed in places if principal.may(needed)],
        **values,
    )


def _month(text: str | None) -> str | None:
    """Raises `Invalid` for a word that is no month."""
    return month_period(text, "UTC").label if text else None


def _id(text: str) -> UUID | None:
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(_("This is no pool."), field="pool") from None


def _table(clock: Clock, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    made: datetime = clock.now()
    return Table([(_("Made at"), f"{made:%Y-%m-%dT%H:%M:%SZ}")], columns, rows)
