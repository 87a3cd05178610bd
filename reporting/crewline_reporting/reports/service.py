"""Use cases of reports."""

from uuid import UUID

from crewline_infra.db import Tx
from crewline_infra.errors import NotFound
from crewline_infra.i18n import gettext as _
from crewline_reporting.intervals import service as intervals
from crewline_reporting.intervals.rules import Interval, cut
from crewline_reporting.metrics.formulas import fields_read
from crewline_reporting.metrics.rules import Tally, total
from crewline_reporting.reports import store
from crewline_reporting.reports.model import ReportRow, ServiceLevelQuery, ServiceLevelReport


async def service_level(tx: Tx, tenant_id: UUID, query: ServiceLevelQuery) -> ServiceLevelReport:
    """Counts and metrics per local interval, and over all of them.

    The total is made of the contacts, never of the intervals' percentages.
    """
    fields = frozenset[str]().union(*map(fields_read, query.metrics))
    counted = await intervals.count_intervals(
        tx,
        tenant_id,
        query.period,
        query.interval,
        query.thresholds,
        queue_id=query.queue_id,
        channel=query.channel,
        fields=fields,
        from_records=query.from_records,
    )
    rows = _with_empty(query, counted.rows) if query.with_empty else counted.rows
    whole = Interval(_("Total"), query.period.starts_at, query.period.ends_at)
    return ServiceLevelReport(
        query, rows, ReportRow(whole, total([row.tally for row in counted.rows], fields)), counted.source
    )


def _with_empty(query: ServiceLevelQuery, rows: list[ReportRow]) -> list[ReportRow]:
    found = {row.interval.starts_at: row for row in rows}
    parts = cut(query.period, query.interval)
    return [found.get(part.starts_at) or ReportRow(part, Tally()) for part in parts]


async def find_queue(tx: Tx, tenant_id: UUID, text: str) -> UUID:
    """A queue of the tenant by its short name or id. Raises `NotFound`, also for another tenant's queue."""
    try:
        wanted = UUID(text)
    except ValueError:
        found = await store.queue_id(tx, tenant_id, text)
    else:
        found = wanted if await store.queue_exists(tx, tenant_id, wanted) else None
    if found is None:
        raise NotFound(_("There is no such queue."))
    return found
