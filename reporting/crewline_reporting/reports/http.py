"""Reports over the API."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response, Stream

from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_reporting.exports.http import known_format, table_download
from crewline_reporting.metrics.http import MetricOut, described
from crewline_reporting.records.rules import CHANNELS
from crewline_reporting.reports import rules, service
from crewline_reporting.reports.model import ReportRow, ServiceLevelQuery, ServiceLevelReport
from crewline_reporting.reports.tables import service_level_table
from crewline_tenants.people.access import Db, Now, Permission, Who, tenant_access
from crewline_tenants.tenants.service import get_tenant


class RowOut(msgspec.Struct, kw_only=True, frozen=True):
    """`values` by the metrics' short names: percent and seconds as exact text, counts as numbers; null is N/A."""

    interval: str
    starts_at: datetime
    ends_at: datetime
    values: dict[str, Decimal | int | None]


class ServiceLevelOut(msgspec.Struct, kw_only=True, frozen=True):
    """Bounds are half-open. A contact is in time when wait <= T, and a short abandon when wait < s."""

    tenant_id: UUID
    time_zone: str
    starts_at: datetime
    ends_at: datetime
    interval: str
    threshold_ms: int
    short_abandon_ms: int
    queue_id: UUID | None
    channel: str | None
    metrics: list[MetricOut]
    rows: list[RowOut]
    total: RowOut


@get(
    "/api/v1/tenants/{tenant_id:uuid}/reports/service-level",
    summary="Service level, counts and times per interval of the tenant's local time",
)
async def service_level_report(
    tenant_id: FromPath[UUID],
    principal: Who,
    db: Db,
    clock: Now,
    *,
    first: Annotated[str, QueryParameter(name="from", description="First local date")],
    last: Annotated[str, QueryParameter(name="to", description="Last local date, included")],
    interval: Annotated[str, QueryParameter(description="30m, hour, day or month")] = "day",
    threshold: Annotated[str, QueryParameter(description="T in seconds")] = rules.DEFAULT_THRESHOLD_S,
    short_abandon: Annotated[str, QueryParameter(description="s in seconds")] = rules.DEFAULT_SHORT_ABANDON_S,
    variant: Annotated[str, QueryParameter(description="V1 to V9, V4T, V8S (comma-separated), or all")] = "V4",
    queue: Annotated[str | None, QueryParameter(description="Short name or id of a queue")] = None,
    channel: FromQuery[str | None] = None,
    with_empty: Annotated[bool, QueryParameter(description="Also list intervals without contacts")] = False,
    levels_only: Annotated[
        bool, QueryParameter(description="Give nothing but the service levels: quicker for long reports")
    ] = False,
    file_format: Annotated[str, QueryParameter(name="format", description="json, csv or xlsx")] = "json",
) -> Response[ServiceLevelOut] | Stream:
    """Intervals of one local hour that the clocks repeat are two rows, told apart by their offset."""
    wanted = known_format(file_format)
    context = tenant_access(principal, tenant_id, Permission.REPORT_READ)
    async with db.transaction(context) as tx:
        tenant = await get_tenant(tx, tenant_id)
        period, kind = rules.report_period(first, last, interval, tenant.time_zone)
        query = ServiceLevelQuery(
            period=period,
            interval=kind,
            thresholds=rules.thresholds(threshold, short_abandon),
            variants=rules.variants([variant]),
            queue_id=await service.find_queue(tx, tenant_id, queue) if queue else None,
            channel=known_channel(channel),
            with_empty=with_empty,
            levels_only=levels_only,
        )
        report = await service.service_level(tx, tenant_id, query)
    if wanted != "json":
        table = service_level_table(tenant.shown_name, report, clock.now())
        name = f"service-level-{tenant.slug}-{first}-{last}"
        return await table_download(table, name, wanted, tenant.time_zone)
    return Response(_out(tenant_id, report))


ROUTES = [service_level_report]


def known_channel(text: str | None) -> str | None:
    """Raises `Invalid` for a word that names no channel."""
    if text is not None and text not in CHANNELS:
        raise Invalid(_("The channel is one of %s.") % ", ".join(sorted(CHANNELS)), field="channel")
    return text


def _out(tenant_id: UUID, report: ServiceLevelReport) -> ServiceLevelOut:
    query = report.query
    return ServiceLevelOut(
        tenant_id=tenant_id,
        time_zone=query.period.zone,
        starts_at=query.period.starts_at,
        ends_at=query.period.ends_at,
        interval=query.interval,
        threshold_ms=query.thresholds.threshold_ms,
        short_abandon_ms=query.thresholds.short_ms,
        queue_id=query.queue_id,
        channel=query.channel,
        metrics=[described(metric) for metric in report.metrics],
        rows=[_row(report, row) for row in report.rows],
        total=_row(report, report.total),
    )


def _row(report: ServiceLevelReport, row: ReportRow) -> RowOut:
    return RowOut(
        interval=row.interval.label,
        starts_at=row.interval.starts_at,
        ends_at=row.interval.ends_at,
        values={metric.short: row.value(metric) for metric in report.metrics},
    )
