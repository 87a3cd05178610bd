"""From a figure to the contacts that it counts: the address of the list whose length is the figure. Pure."""

from datetime import datetime
from urllib.parse import urlencode

from crewline_infra.canonical import instant_text
from crewline_reporting.intervals.service import IntervalTally
from crewline_reporting.reports import rules as reports
from crewline_web.portal.filters import ReportFilter

OFFERED = "answered,abandoned,flowed_out,callback"
COUNTED_BY = {
    "offered": {"outcome": OFFERED},
    "answered": {"outcome": "answered"},
    "answered_in_time": {"outcome": "answered", "within": "T"},
    "late": {"outcome": "answered", "over": "T"},
    "late_or_lost": {"outcome": OFFERED, "not_within": "T"},
    "abandoned": {"outcome": "abandoned"},
    "short_abandoned": {"outcome": "abandoned", "under": "s"},
    "flowed_out": {"outcome": "flowed_out"},
    "callback": {"outcome": "callback"},
    "menu_ended": {"outcome": "menu_ended"},
    "abandoned_in_time": {"outcome": "abandoned", "within": "T"},
    "callback_in_time": {"outcome": "callback", "within": "T"},
    "open_answered": {"outcome": "answered", "in_hours": "true"},
    "open_answered_in_time": {"outcome": "answered", "within": "T", "in_hours": "true"},
    "open_abandoned": {"outcome": "abandoned", "in_hours": "true"},
    "open_abandoned_in_time": {"outcome": "abandoned", "within": "T", "in_hours": "true"},
    "waited_longest": {"outcome": OFFERED, "over": "longest"},
}


def contacts_href(
    slug: str, wanted: ReportFilter, figure: str, starts_at: datetime, ends_at: datetime, *, longest_ms: int = 1
) -> str:
    """`figure` is a count of `Tally`, 'late' for answered contacts beyond T, 'late_or_lost' for all others that were
    not answered in time, or 'waited_longest' for those who waited `longest_ms`.
    """
    longest = reports.seconds_text(longest_ms - 1)
    limits = {"T": wanted.threshold, "s": wanted.short, "longest": longest}
    parts = {"from": instant_text(starts_at), "to": instant_text(ends_at)}
    for name, value in COUNTED_BY[figure].items():
        parts[name] = limits.get(value, value)
    if wanted.queue:
        parts["queue"] = wanted.queue
    if wanted.channel:
        parts["channel"] = wanted.channel
    return f"/portal/{slug}/contacts?{urlencode(parts)}"


def formulas_href(slug: str, wanted: ReportFilter, row: IntervalTally | None = None) -> str:
    """The page that shows how a service level comes about: of one interval, or of the whole report."""
    place = f"&{urlencode({'at': row.interval.label})}" if row else ""
    return f"/portal/{slug}/reports/formulas?{wanted.to_query(last='')}{place}"
