"""Today: how a day is going, against what was promised, and the month so far."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from crewline_infra.db import Tx
from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_infra.periods import local_date, parse_date
from crewline_reporting.intervals import service as intervals
from crewline_reporting.metrics.rules import Tally
from crewline_reporting.records import service as records
from crewline_reporting.records.model import ContactFilter
from crewline_reporting.records.rules import Record
from crewline_reporting.reports import rules as reports
from crewline_reporting.reports import service
from crewline_reporting.reports.model import ServiceLevelReport
from crewline_tenants.people.access import AnyRequest, Db, Now, Permission, Who
from crewline_web.portal.drill import OFFERED, contacts_href
from crewline_web.portal.figures import level_figure, plain_figures
from crewline_web.portal.filters import ReportFilter
from crewline_web.portal.promise import STATES, Promise, read_promise, state_of
from crewline_web.portal.scope import Scope, portal_context, read_scope
from crewline_web.portal.table import report_table
from crewline_web.portal.words import outcome_state
from crewline_web.render import page

LATE_SHOWN = 8
WEEK = timedelta(days=7)
LEAVES_SHORT_OUT = {"V4", "V4T", "V8S"}


@dataclass(frozen=True, slots=True)
class DayView:
    """`busiest_miss` is the half-hour with the most contacts that were not answered in time."""

    wanted: ReportFilter
    report: ServiceLevelReport
    before: Tally
    month_filter: ReportFilter
    month: ServiceLevelReport
    promise: Promise
    late: list[Record]
    last_day: date | None


@get("/portal/{slug:str}", include_in_schema=False)
async def today_page(
    request: AnyRequest,
    slug: FromPath[str],
    principal: Who,
    db: Db,
    clock: Now,
    *,
    day: FromQuery[str | None] = None,
) -> Response[str]:
    context = await portal_context(db, principal, slug, Permission.REPORT_READ)
    async with db.transaction(context) as tx:
        scope = await read_scope(tx, clock)
        shown = _day(day, scope.today)
        view = await _read(tx, scope, shown)
    return page(
        request,
        "portal/today.html",
        principal=principal,
        tenant=scope.tenant,
        active="today",
        scope=scope,
        day=shown,
        now=clock.now(),
        view=view,
        step=lambda by: shown + timedelta(days=by),
        outcome_state=outcome_state,
        late_list=_late_list(slug, view),
        **_figures(slug, view),
    )


ROUTES = [today_page]


def _day(text: str | None, today: date) -> date:
    if text is None:
        return today
    day = parse_date(text)
    if not date(1970, 1, 8) <= day <= today + timedelta(days=366):
        raise Invalid(_("This day lies outside the calendar."), field="day")
    return day


async def _read(tx: Tx, scope: Scope, day: date) -> DayView:
    tenant = scope.tenant
    promise = await read_promise(tx, tenant.id, day, scope.queues)
    wanted = _filter(promise, day, day, "30m")
    month = _filter(promise, day.replace(day=1), day, "day")
    report = await service.service_level(tx, tenant.id, wanted.query(tenant.time_zone, None))
    week_before = _filter(promise, day - WEEK, day - WEEK, "30m")
    before = await service.service_level(tx, tenant.id, week_before.query(tenant.time_zone, None))
    so_far = await service.service_level(tx, tenant.id, month.query(tenant.time_zone, None))
    extent = None
    if not report.total.tally.contacts:
        extent = await intervals.extent(tx, tenant.id)
    return DayView(
        wanted=wanted,
        report=report,
        before=before.total.tally,
        month_filter=month,
        month=so_far,
        promise=promise,
        late=await _late(tx, tenant.id, report),
        last_day=local_date(extent[1], tenant.time_zone) if extent else None,
    )


async def _late(tx: Tx, tenant_id: UUID, report: ServiceLevelReport) -> list[Record]:
    period, limits = report.query.period, report.query.thresholds
    wanted = ContactFilter(
        from_at=period.starts_at,
        to_at=period.ends_at,
        outcomes=tuple(OFFERED.split(",")),
        not_within_ms=limits.threshold_ms,
    )
    return list((await records.list_contacts(tx, tenant_id, wanted, limit=LATE_SHOWN)).contacts)


def _filter(promise: Promise, first: date, until: date, interval: str) -> ReportFilter:
    limits = promise.thresholds
    return ReportFilter(
        first=first,
        until=until,
        last="",
        interval="30m" if interval == "30m" else "day",
        variant=promise.variant,
        threshold=reports.seconds_text(limits.threshold_ms),
        short=reports.seconds_text(limits.short_ms),
        queue="",
        channel="",
    )


def _figures(slug: str, view: DayView) -> dict[str, Any]:
    tally, period = view.report.total.tally, view.report.query.period

    def door(figure: str, starts_at: datetime, ends_at: datetime) -> str:
        return contacts_href(slug, view.wanted, figure, starts_at, ends_at)

    hrefs = {name: door(name, period.starts_at, period.ends_at) for name in ("offered", "answered", "abandoned")}
    level = level_figure(view.promise, tally, view.before, f"/portal/{slug}/reports?{view.wanted.to_query()}")
    month_level = view.promise.level(view.month.total.tally)
    kind = state_of(month_level, view.promise.target)
    in_time, counted = view.promise.parts(view.month.total.tally)
    month_period = view.month.query.period
    return {
        "figures": [level, *plain_figures(tally, view.before, hrefs)],
        "table": report_table(slug, view.wanted, view.report),
        "month_table": report_table(slug, view.month_filter, view.month),
        "month_level": None if month_level is None else float(month_level),
        "month_state": (kind, _(STATES[kind])),
        "month_in_time": in_time,
        "month_counted": counted,
        "spare": view.promise.spare(view.month.total.tally),
        "target": float(view.promise.target),
        "leaves_short_out": view.promise.variant in LEAVES_SHORT_OUT,
        "threshold_s": view.wanted.threshold,
        "month_doors": {
            name: contacts_href(slug, view.month_filter, name, month_period.starts_at, month_period.ends_at)
            for name in ("offered", "late", "abandoned", "short_abandoned")
        },
    }


def _late_list(slug: str, view: DayView) -> str:
    period = view.report.query.period
    return contacts_href(slug, view.wanted, "late_or_lost", period.starts_at, period.ends_at)
