"""One range under every service-level formula: each with its numbers, and each number with its contacts."""

from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from functools import partial

from litestar import Response, get
from litestar.params import FromPath

from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_reporting.metrics.formulas import Metric, exact
from crewline_reporting.metrics.service_level import NINE, SERVICE_LEVELS
from crewline_reporting.reports import service
from crewline_reporting.reports.model import ReportRow, ServiceLevelReport
from crewline_tenants.people.access import AnyRequest, Db, Now, Permission, Who
from crewline_web.formats import percent
from crewline_web.portal.drill import contacts_href
from crewline_web.portal.figures import Definition, definition_of
from crewline_web.portal.filters import ReportFilter
from crewline_web.portal.letters import Term, terms
from crewline_web.portal.promise import STATES, Promise, state_of
from crewline_web.portal.reports import read_wanted, target_of
from crewline_web.portal.scope import portal_context, read_scope
from crewline_web.portal.table import interval_label
from crewline_web.render import page

DOOR_MS = 1
Side = list[tuple[Term, str]]
"""Each term with the address of the contacts that it counts."""


@dataclass(frozen=True, slots=True)
class Formula:
    """`state` only where the value is what the contract measures."""

    short: str
    definition: Definition
    numerator: Side
    denominator: Side
    value: str
    href: str
    promised: bool
    state: tuple[str, str] | None


@get("/portal/{slug:str}/reports/formulas", include_in_schema=False)
async def formulas_page(request: AnyRequest, slug: FromPath[str], principal: Who, db: Db, clock: Now) -> Response[str]:
    """Takes the query of a report, and `at`: the label of one of its intervals instead of all of it."""
    context = await portal_context(db, principal, slug, Permission.REPORT_READ)
    label = str(request.query_params.get("at", ""))
    async with db.transaction(context) as tx:
        scope = await read_scope(tx, clock)
        wanted, promise, queue = await read_wanted(tx, scope, request)
        query = wanted.query(scope.tenant.time_zone, queue.id if queue else None, with_empty=False)
        report = await service.service_level(tx, scope.tenant.id, replace(query, variants=tuple(SERVICE_LEVELS)))
    row = _row(report, label)
    formulas = [_formula(slug, wanted, promise, metric, row) for metric in report.levels]
    return page(
        request,
        "portal/formulas.html",
        principal=principal,
        tenant=scope.tenant,
        active="reports",
        now=clock.now(),
        wanted=wanted,
        queue=queue,
        part=interval_label(wanted, row, scope.tenant.time_zone) if label else "",
        last_instant=row.interval.ends_at - timedelta(milliseconds=DOOR_MS),
        row=row,
        nine=[one for one in formulas if one.short in NINE],
        others=[one for one in formulas if one.short not in NINE],
        report_href=f"/portal/{slug}/reports?{wanted.to_query()}",
        offered=contacts_href(slug, wanted, "offered", row.interval.starts_at, row.interval.ends_at),
    )


ROUTES = [formulas_page]


def _row(report: ServiceLevelReport, label: str) -> ReportRow:
    """Raises `Invalid` for a label that no interval of the report has."""
    if not label:
        return report.total
    found = next((row for row in report.rows if row.interval.label == label), None)
    if found is None:
        raise Invalid(_("No contacts were counted in this interval."), field="at")
    return found


def _formula(slug: str, wanted: ReportFilter, promise: Promise, metric: Metric, row: ReportRow) -> Formula:
    part, value = row.interval, exact(metric, row.tally)
    door = partial(contacts_href, slug, wanted, starts_at=part.starts_at, ends_at=part.ends_at)

    def side(text: str) -> Side:
        found = terms(metric, text, row.tally, wanted.thresholds)
        return [(term, door(term.figure) if term.number else "") for term in found]

    target = target_of(replace(wanted, variant=metric.short), promise)
    return Formula(
        short=metric.short,
        definition=definition_of(metric),
        numerator=side(metric.numerator),
        denominator=side(metric.denominator),
        value=percent(None if value is None else float(value), 2),
        href=f"/portal/{slug}/reports?{wanted.to_query(variant=metric.short)}",
        promised=target is not None,
        state=None if target is None else _state(value, promise),
    )


def _state(value: Fraction | None, promise: Promise) -> tuple[str, str]:
    kind = state_of(value, promise.target)
    return kind, _(STATES[kind])
