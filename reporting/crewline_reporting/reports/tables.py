"""The service-level report as a table for files and terminals, with everything its numbers depend on."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from crewline_infra.canonical import instant_text
from crewline_infra.i18n import gettext as _
from crewline_reporting.exports.table import Kind, Table
from crewline_reporting.metrics.formulas import Unit, formula_text
from crewline_reporting.metrics.texts import BY_QUEUE_ENTRY
from crewline_reporting.reports.model import ReportRow, ServiceLevelReport
from crewline_reporting.reports.rules import seconds_text

_KINDS: dict[Unit, Kind] = {"percent": "percent", "seconds": "s"}


def service_level_table(tenant_name: str, report: ServiceLevelReport, at: datetime | None = None) -> Table:
    """`at` is when the report was made."""
    kinds = {metric.short: _KINDS[metric.unit] for metric in report.metrics if metric.unit in _KINDS}
    return Table(header_block(tenant_name, report, at), columns(report), rows(report), kinds)


def columns(report: ServiceLevelReport) -> list[str]:
    """Stable names for programs; the definitions are in the header block and in the catalogue."""
    return ["interval", "starts_at", "ends_at", *(metric.short for metric in report.metrics)]


def rows(report: ServiceLevelReport) -> Iterator[list[Any]]:
    for row in [*report.rows, report.total]:
        yield _cells(report, row)


def _cells(report: ServiceLevelReport, row: ReportRow) -> list[Any]:
    part = row.interval
    bounds = [instant_text(part.starts_at), instant_text(part.ends_at)]
    return [part.label, *bounds, *(row.value(metric) for metric in report.metrics)]


def header_block(tenant_name: str, report: ServiceLevelReport, at: datetime | None = None) -> list[tuple[str, str]]:
    query = report.query
    period = query.period
    return [
        (_("Report"), _("Service level")),
        (_("Tenant"), tenant_name),
        (_("Period"), f"{instant_text(period.starts_at)} <= t < {instant_text(period.ends_at)}"),
        (_("Time zone"), period.zone),
        (_("Threshold T (seconds, wait <= T)"), seconds_text(query.thresholds.threshold_ms)),
        (_("Short abandon s (seconds, wait < s)"), seconds_text(query.thresholds.short_ms)),
        (_("Queue"), str(query.queue_id) if query.queue_id else _("all")),
        (_("Channel"), query.channel or _("all")),
        (_("Interval rule"), _(BY_QUEUE_ENTRY)),
        *([(_("Generated at"), instant_text(at))] if at else []),
        *((metric.key, formula_text(metric)) for metric in report.levels),
    ]
