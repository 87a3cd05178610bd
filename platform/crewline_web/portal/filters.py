"""What a report page shows, read from its address and written back into every link of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_infra.periods import parse_date
from crewline_reporting.intervals.rules import IntervalKind, interval_kind
from crewline_reporting.metrics.rules import DEFAULT_THRESHOLDS, Thresholds
from crewline_reporting.metrics.service_level import DEFAULT_VARIANT
from crewline_reporting.records.rules import CHANNELS
from crewline_reporting.reports import rules as reports
from crewline_reporting.reports.model import ServiceLevelQuery
from crewline_tenants.queues.model import Queue

PRESETS = {"1d": 1, "7d": 7, "28d": 28}
DEFAULT_LAST = "7d"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFilter:
    """Local dates, both included. `last` is the preset that they come from, '' for dates of their own.

    `threshold` and `short` are seconds as written in the address; `queue` is a short name, '' for all.
    """

    first: date
    until: date
    last: str
    interval: IntervalKind
    variant: str
    threshold: str
    short: str
    queue: str
    channel: str

    @property
    def thresholds(self) -> Thresholds:
        return reports.thresholds(self.threshold, self.short)

    @property
    def days(self) -> int:
        return (self.until - self.first).days + 1

    def query(self, zone: str, queue_id: UUID | None, *, with_empty: bool = True) -> ServiceLevelQuery:
        period, kind = reports.report_period(self.first.isoformat(), self.until.isoformat(), self.interval, zone)
        return ServiceLevelQuery(
            period=period,
            interval=kind,
            thresholds=self.thresholds,
            variants=(self.variant,),
            queue_id=queue_id,
            channel=self.channel or None,
            with_empty=with_empty,
        )

    def to_query(self, **changes: Any) -> str:
        """The query string of this filter with some parts changed."""
        wanted = replace(self, **changes)
        span = (
            {"last": wanted.last} if wanted.last else {"from": wanted.first.isoformat(), "to": wanted.until.isoformat()}
        )
        rest = {
            "interval": wanted.interval,
            "variant": wanted.variant,
            "threshold": wanted.threshold,
            "short": wanted.short,
            "queue": wanted.queue,
            "channel": wanted.channel,
        }
        return urlencode(span | {name: value for name, value in rest.items() if value})

    def stepped(self, by: int) -> str:
        """The same length of time, one step earlier (-1) or later (1); months step by months."""
        if self.is_month:
            first = _month_start(self.first, by)
            return self.to_query(first=first, until=_month_end(first), last="")
        shift = timedelta(days=self.days * by)
        return self.to_query(first=self.first + shift, until=self.until + shift, last="")

    @property
    def is_month(self) -> bool:
        return self.first.day == 1 and self.until == _month_end(self.first)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a page measures by while its address says nothing else: as it was promised."""

    variant: str = DEFAULT_VARIANT
    thresholds: Thresholds = DEFAULT_THRESHOLDS


def read_filter(
    query: Mapping[str, str], today: date, queues: tuple[Queue, ...], terms: Terms | None = None
) -> ReportFilter:
    """Raises `Invalid` for a value that a link of ours would never hold."""
    terms = terms or Terms()
    first, until, last = _span(query, today)
    queue = next((one for one in queues if one.slug == query.get("queue")), None)
    if query.get("queue") and queue is None:
        raise Invalid(_("There is no such queue."), field="queue")
    channel = query.get("channel", "")
    if channel and channel not in CHANNELS:
        raise Invalid(_("There is no such channel."), field="channel")
    found = ReportFilter(
        first=first,
        until=until,
        last=last,
        interval=interval_kind(query.get("interval") or _fitting(first, until)),
        variant=reports.variants([query.get("variant") or terms.variant])[0],
        threshold=query.get("threshold") or _seconds(terms.thresholds.threshold_ms),
        short=query.get("short") or _seconds(terms.thresholds.short_ms),
        queue=queue.slug if queue else "",
        channel=channel,
    )
    reports.thresholds(found.threshold, found.short)
    return found


def _span(query: Mapping[str, str], today: date) -> tuple[date, date, str]:
    if "from" in query or "to" in query:
        first = parse_date(query.get("from") or query["to"])
        until = parse_date(query.get("to") or query["from"])
        if until < first:
            raise Invalid(_("The range ends before it begins."), field="to")
        return first, until, ""
    last = query.get("last", DEFAULT_LAST)
    if last not in PRESETS:
        raise Invalid(_("There is no such range."), field="last")
    return today - timedelta(days=PRESETS[last] - 1), today, last


def _fitting(first: date, until: date) -> str:
    return "30m" if first == until else "day"


def _seconds(ms: int) -> str:
    return reports.seconds_text(ms)


def _month_start(day: date, by: int) -> date:
    months = day.year * 12 + day.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)


def _month_end(first: date) -> date:
    return _month_start(first, 1) - timedelta(days=1)
