"""Reports by half hour, hour, day and month, for any range; every filter in the address."""

from datetime import date, timedelta

from litestar import Response, get
from litestar.params import FromPath

from crewline_infra.db import Tx
from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark
from crewline_infra.periods import parse_date
from crewline_reporting.intervals import service as intervals
from crewline_reporting.intervals.rules import INTERVAL_KINDS
from crewline_reporting.metrics.service_level import SERVICE_LEVELS
from crewline_reporting.records.rules import CHANNELS
from crewline_reporting.reports import service
from crewline_tenants.people.access import AnyRequest, Db, Now, Permission, Who
from crewline_tenants.queues.model import Queue
from crewline_web.portal.drill import contacts_href, formulas_href
from crewline_web.portal.figures import definition_of
from crewline_web.portal.filters import PRESETS, ReportFilter, Terms, read_filter
from crewline_web.portal.promise import Promise, read_promise
from crewline_web.portal.scope import Scope, portal_context, read_scope
from crewline_web.portal.table import report_table
from crewline_web.portal.words import CHANNEL_NAMES
from crewline_web.render import page

DAYS_BY_PART = 31
MONTHS_MAX = 24
THRESHOLDS = ("10", "20", "30", "60")
INTERVAL_NAMES = {
    "30m": mark("Half hour"),
    "hour": mark("Hour"),
    "day": mark("Day"),
    "month": mark("Month"),
}
PRESET_NAMES = {"1d": mark("Today"), "7d": mark("Last 7 days"), "28d": mark("Last 28 days")}
Choices = list[tuple[str, str, bool]]


@get("/portal/{slug:str}/reports", include_in_schema=False)
async def reports_page(request: AnyRequest, slug: FromPath[str], principal: Who, db: Db, clock: Now) -> Response[str]:
    context = await portal_context(db, principal, slug, Permission.REPORT_READ)
    async with db.transaction(context) as tx:
        scope = await read_scope(tx, clock)
        wanted, promise, queue = await read_wanted(tx, scope, request)
        query = wanted.query(scope.tenant.time_zone, queue.id if queue else None, with_empty=wanted.days == 1)
        report = await service.service_level(tx, scope.tenant.id, query)
        months = await intervals.months(tx, scope.tenant.id, scope.tenant.time_zone, MONTHS_MAX)
    total = report.total
    return page(
        request,
        "portal/reports.html",
        principal=principal,
        tenant=scope.tenant,
        active="reports",
        scope=scope,
        now=clock.now(),
        wanted=wanted,
        table=report_table(slug, wanted, report),
        source=report.source,
        target=target_of(wanted, promise),
        level=definition_of(report.levels[0]),
        months=_months(wanted, months),
        menu=(
            total.tally.menu_ended,
            contacts_href(slug, wanted, "menu_ended", total.interval.starts_at, total.interval.ends_at),
        ),
        formulas=formulas_href(slug, wanted),
        choices=_choices(scope, wanted),
        export=f"/api/v1/tenants/{scope.tenant.id}/reports/service-level?{_export_query(wanted)}",
    )


ROUTES = [reports_page]


async def read_wanted(tx: Tx, scope: Scope, request: AnyRequest) -> tuple[ReportFilter, Promise, Queue | None]:
    """What the address asks for, what was promised for it, and the queue that it names.

    Raises `Invalid` for more half-hours than a page holds.
    """
    promise = await read_promise(tx, scope.tenant.id, _day(request, scope.today), scope.queues)
    wanted = read_filter(_query(request), scope.today, scope.queues, Terms(promise.variant, promise.thresholds))
    if wanted.interval in {"30m", "hour"} and wanted.days > DAYS_BY_PART:
        text = _("By half hour or hour a page shows at most 31 days: choose days, or fewer of them.")
        raise Invalid(text, field="interval")
    return wanted, promise, next((one for one in scope.queues if one.slug == wanted.queue), None)


def _query(request: AnyRequest) -> dict[str, str]:
    return {name: str(value) for name, value in request.query_params.items()}


def _day(request: AnyRequest, today: date) -> date:
    """The day whose contract says what is measured: the last one that the address asks for."""
    text = request.query_params.get("to") or request.query_params.get("from")
    return parse_date(str(text)) if text else today


def target_of(wanted: ReportFilter, promise: Promise) -> float | None:
    """A target holds for the formula and the limits that it was promised for, and for no others."""
    same = (wanted.variant, wanted.thresholds) == (promise.variant, promise.thresholds)
    return float(promise.target) if same else None


def _choices(scope: Scope, wanted: ReportFilter) -> dict[str, Choices]:
    """What each chip offers, as links to this page."""
    terms = sorted({*THRESHOLDS, wanted.threshold}, key=float)
    here = wanted.to_query
    spans = {"1d": "30m", "7d": "day", "28d": "day"}
    return {
        "range": [
            ("?" + here(last=key, interval=spans[key]), _(PRESET_NAMES[key]), wanted.last == key) for key in PRESETS
        ],
        "interval": [
            ("?" + here(interval=kind), _(INTERVAL_NAMES[kind]), wanted.interval == kind) for kind in INTERVAL_KINDS
        ],
        "queue": [
            ("?" + here(queue=""), _("All queues"), not wanted.queue),
            *(("?" + here(queue=queue.slug), queue.name, wanted.queue == queue.slug) for queue in scope.queues),
        ],
        "channel": [
            ("?" + here(channel=""), _("All channels"), not wanted.channel),
            *(("?" + here(channel=name), _(CHANNEL_NAMES[name]), wanted.channel == name) for name in sorted(CHANNELS)),
        ],
        "variant": [
            ("?" + here(variant=name), _(metric.title), wanted.variant == name)
            for name, metric in SERVICE_LEVELS.items()
        ],
        "threshold": [
            ("?" + here(threshold=text), _("%(seconds)s s") % {"seconds": text}, wanted.threshold == text)
            for text in terms
        ],
    }


def _months(wanted: ReportFilter, months: list[date]) -> Choices:
    found: Choices = []
    for first in months:
        until = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        current = (wanted.first, wanted.until, wanted.last) == (first, until, "")
        href = "?" + wanted.to_query(first=first, until=until, last="", interval="day")
        found.append((href, first.strftime("%Y-%m"), current))
    return found


def _export_query(wanted: ReportFilter) -> str:
    return wanted.to_query(last="").replace("short=", "short_abandon=")
