"""What the operator sees of each tenant: today's and the month's service level against the promise."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from uuid import UUID

from crewline_infra.db import Database, Tx
from crewline_infra.i18n import gettext as _
from crewline_infra.periods import Period, day_period, local_date, month_period
from crewline_infra.tenancy import Context, Role
from crewline_reporting.intervals import service as intervals
from crewline_reporting.metrics.formulas import exact
from crewline_reporting.metrics.rules import DEFAULT_THRESHOLDS, Tally, Thresholds, total
from crewline_reporting.metrics.service_level import DEFAULT_VARIANT, SERVICE_LEVELS
from crewline_tenants.people.access import Permission, Principal, tenant_access
from crewline_tenants.tenants import service as registry
from crewline_tenants.tenants.model import Tenant
from crewline_web.office import store

LEVEL = SERVICE_LEVELS[DEFAULT_VARIANT]
NEAR = Fraction(2, 100)
"""Closer above the target than this is a risk."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What most queues of a tenant are run by."""

    thresholds: Thresholds = DEFAULT_THRESHOLDS
    target: Fraction = Fraction(8, 10)


@dataclass(frozen=True, slots=True)
class TenantFigures:
    """`days`: the service level of each day of the month that had contacts, in order. `last_month`: the newest month
    with contacts before this one, '' when there is none.
    """

    tenant: Tenant
    promise: Promise
    today: Tally
    month: Tally
    days: list[Fraction]
    last_month: str

    @property
    def month_level(self) -> Fraction | None:
        return exact(LEVEL, self.month)

    @property
    def today_level(self) -> Fraction | None:
        return exact(LEVEL, self.today)

    def state(self, level: Fraction | None) -> tuple[str, str]:
        return verdict(level, self.promise.target)

    @property
    def risk(self) -> tuple[int, Fraction]:
        """For sorting: furthest below the target first, tenants without contacts last."""
        if self.month_level is None:
            return (1, Fraction(0))
        return (0, self.month_level - self.promise.target)


def verdict(level: Fraction | None, target: Fraction) -> tuple[str, str]:
    """Kind and word of a state."""
    if level is None:
        return "info", _("No contacts")
    if level < target:
        return "miss", _("Below target")
    return ("risk", _("At risk")) if level < target + NEAR else ("ok", _("On target"))


async def every_tenant(db: Database, principal: Principal) -> list[Tenant]:
    """Names and zones only, for staff of the operator."""
    context = Context(role=Role.AUTH, actor_id=principal.user_id, request_id=principal.request_id)
    async with db.transaction(context) as tx:
        return await registry.list_tenants(tx)


async def tenants_by_risk(db: Database, principal: Principal, month: str | None, now: datetime) -> list[TenantFigures]:
    """Each tenant in its own transaction and its own zone; `month` None is the present one."""
    found = []
    for tenant in await every_tenant(db, principal):
        context = tenant_access(principal, tenant.id, Permission.REPORT_READ)
        async with db.transaction(context) as tx:
            found.append(await _figures(tx, tenant, month, now))
    return sorted(found, key=lambda figures: (figures.risk, figures.tenant.name))


async def _figures(tx: Tx, tenant: Tenant, month: str | None, now: datetime) -> TenantFigures:
    promise = await promise_of(tx, tenant.id)
    today = local_date(now, tenant.time_zone)
    chosen = month_period(month or f"{today:%Y-%m}", tenant.time_zone)
    days = await _days(tx, tenant, chosen, promise)
    if now in chosen:
        of_today = days.get(today.isoformat(), Tally())
    else:
        period = day_period(today, today, tenant.time_zone)
        of_today = total(list((await _days(tx, tenant, period, promise)).values()))
    levels = [level for tally in days.values() if (level := exact(LEVEL, tally)) is not None]
    last = await store.last_before(tx, tenant.id, chosen.starts_at)
    last_month = f"{local_date(last, tenant.time_zone):%Y-%m}" if last else ""
    return TenantFigures(tenant, promise, of_today, total(list(days.values())), levels, last_month)


async def promise_of(tx: Tx, tenant_id: UUID) -> Promise:
    row = await store.promise(tx, tenant_id)
    if row is None:
        return Promise()
    return Promise(Thresholds(row.threshold_ms, row.short_abandon_ms), Fraction(row.target))


async def _days(tx: Tx, tenant: Tenant, period: Period, promise: Promise) -> dict[str, Tally]:
    counted = await intervals.count_intervals(tx, tenant.id, period, "day", promise.thresholds)
    return {row.interval.label: row.tally for row in counted.rows}


def neighbours(month: str) -> tuple[str, str]:
    """The months before and after '1999-03'."""
    first = date.fromisoformat(f"{month}-01")
    before = first - timedelta(days=1)
    after = first + timedelta(days=32)
    return f"{before:%Y-%m}", f"{after:%Y-%m}"
